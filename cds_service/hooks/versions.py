"""Cards and discovery in the CDS Hooks version of a client (``docs/integrating.md``, Dialects).

The default is the subset of 2.0 that is valid in all versions. Versions differ in form, never in
clinical content.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from cds_service.access.clients import Client
from cds_service.hooks.discovery import Service

CARD_1_0 = frozenset({"summary", "detail", "indicator", "source", "suggestions", "links"})
AT_MOST_ONE = "at-most-one"


@dataclass(frozen=True, slots=True)
class FormLink:
    """The SMART app of the form: ``url`` is where cards lead to without one."""

    url: str
    launch_url: str
    app_context: str


def cards_for(
    client: Client, cards: list[dict[str, Any]], forms: Mapping[str, FormLink] | None = None
) -> list[dict[str, Any]]:
    """Returns the cards in the form of this client; the given ones stay as they are. Links to
    ``forms`` (by address) become SMART links for a client that can launch them
    (``docs/decisions/smart-links-per-client.md``)."""
    return [_card_for(client, card, forms if client.smart else None) for card in cards]


def _card_for(
    client: Client, card: dict[str, Any], forms: Mapping[str, FormLink] | None
) -> dict[str, Any]:
    card = dict(card)
    if forms and card.get("links"):
        card["links"] = [_link_for(link, forms.get(link["url"])) for link in card["links"]]
    if card.get("suggestions"):
        allowed = client.selection_behaviors
        if card["selectionBehavior"] not in allowed:
            card["selectionBehavior"] = allowed[0]
        card["suggestions"] = list(_suggestions_for(client, card))
    if client.specification == "1.0":
        return _first_version(card)
    return card


def _link_for(link: dict[str, Any], form: FormLink | None) -> dict[str, Any]:
    if form is None:
        return link
    smart = {"type": "smart", "url": form.launch_url, "appContext": form.app_context}
    return {**link, **smart}


def _suggestions_for(client: Client, card: dict[str, Any]) -> list[dict[str, Any]]:
    """Returns the suggestions; with at-most-one only the first stays recommended (cds-resp-1)."""
    exclusive = card["selectionBehavior"] == AT_MOST_ONE
    kept, seen = [], False
    for suggestion in card["suggestions"]:
        drop = suggestion.get("isRecommended") and exclusive and seen
        seen = seen or bool(suggestion.get("isRecommended"))
        kept.append(
            {k: v for k, v in suggestion.items() if k != "isRecommended"} if drop else suggestion
        )
    return kept


def _first_version(card: dict[str, Any]) -> dict[str, Any]:
    """Returns the 1.0 subset: no card uuid, no topic, no override reasons, at-most-one only."""
    small = {k: v for k, v in card.items() if k in CARD_1_0}
    small["source"] = {k: v for k, v in card["source"].items() if k != "topic"}
    if card.get("suggestions"):
        small["selectionBehavior"] = AT_MOST_ONE
        small["suggestions"] = [
            {k: v for k, v in s.items() if k != "isRecommended"} for s in card["suggestions"]
        ]
    return small


def service_for(client: Client, service: Service) -> dict[str, Any]:
    """Returns the discovery entry in the form of this client."""
    entry = service.as_json()
    if client.specification == "1.0":
        entry.pop("usageRequirements")
    if client.specification == "3.0":
        entry["version"] = "3.0.0"
        entry["hookVersion"] = service.hook_version
    return entry
