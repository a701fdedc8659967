"""Which form of the content a QuestionnaireResponse answers, if it can be told."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from cds_service.content.model import Questionnaire, Resource
from cds_service.fhir.references import References, reference_text

OURS = 3  # linkIds of a form that make a response one that may answer it


@dataclass(frozen=True, slots=True)
class FormMatch:
    """A response with the form it answers; ``is_certain`` is False where it only may."""

    form: Questionnaire
    response: Resource
    is_certain: bool


@dataclass(frozen=True, slots=True)
class FormUrls:
    """Urls that the content does not hold: ``needed`` are further ones by which a site names the
    needed form, ``foreign`` those of the forms of other topics in this process."""

    needed: frozenset[str] = frozenset()
    foreign: frozenset[str] = frozenset()


NO_URLS = FormUrls()


class FormMatcher:
    """The forms of one content by their canonical urls, the needed one first of ``forms``."""

    def __init__(self, forms: Sequence[Questionnaire], urls: FormUrls) -> None:
        self.forms = forms
        self.by_url = {**dict.fromkeys(urls.needed, forms[0]), **{f.url: f for f in forms}}
        self.foreign = urls.foreign

    def match(self, response: Resource, references: References) -> FormMatch | None:
        """The form a response answers, or may answer; None for any other response."""
        named = reference_text(response.get("questionnaire")) or ""
        for url in _canonicals(named, response, references):
            if url in self.by_url:
                return FormMatch(self.by_url[url], response, True)
            if url in self.foreign:
                return None
        asked = set(_link_ids(response.get("item")))
        for form in self.forms:
            is_called_so = named.partition("|")[0].endswith(f"Questionnaire/{form.id}")
            ours = len(asked & form.items.keys())
            if is_called_so or (ours >= OURS and 2 * ours >= len(asked)):
                return FormMatch(form, response, False)
        return None


def _canonicals(named: str, response: Resource, references: References) -> Iterator[str]:
    """The urls of a Questionnaire without version: its own, and what it was derived from."""
    if not named.startswith("#"):
        yield named.partition("|")[0]
        return
    contained = references.resolve(named, response) or {}
    derived = contained.get("derivedFrom")
    for url in (contained.get("url"), *(derived if isinstance(derived, list) else ())):
        if isinstance(url, str) and contained.get("resourceType") == "Questionnaire":
            yield url.partition("|")[0]


def _link_ids(items: Any) -> Iterator[str]:
    for item in items if isinstance(items, list) else ():
        if isinstance(item, dict):
            if isinstance(item.get("linkId"), str):
                yield item["linkId"]
            yield from _link_ids(item.get("item"))
