"""An evaluation as an R4 CarePlan: the answer of ``PlanDefinition/[id]/$apply``.

Made from the same cards a hook answers with, so that neither words nor orders nor what is kept
private can differ. One contained RequestGroup holds an action for each card; R4 wants each action
to hold either actions or a resource (rqg-1), so a card that offers no order refers to a message
for who asked.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from cds_service.content.model import Contribution, Resource
from cds_service.decision.evaluate import Evaluation, WantedCard
from cds_service.fhir.errors import Issue, outcome
from cds_service.hooks.cards import NAMED, CardWriter
from cds_service.hooks.drafts import Call
from cds_service.hooks.request import PRACTITIONERS, HookRequest

MESSAGES = "http://hl7.org/fhir/StructureDefinition/cqf-messages"
ACTION_TYPE = "http://terminology.hl7.org/CodeSystem/action-type"
GROUP, MESSAGES_ID = "cards", "messages"  # ids of what is contained

Json = dict[str, Any]


class CarePlanWriter:
    """Writes the care plans of one content."""

    def __init__(self, writer: CardWriter) -> None:
        self.writer = writer

    def care_plan(
        self,
        plan: Resource,
        call: Call,
        evaluation: Evaluation,
        cards: list[Json],
        remarks: Iterable[Issue] = (),
    ) -> Json:
        """The CarePlan of one plan; ``cards`` are the CDS Hooks cards of ``found.shown``."""
        request = call.request
        about = _about(plan, request)
        contained: list[Json] = []
        actions = [
            self._action(evaluation, wanted, card, contained, request)
            for wanted, card in zip(evaluation.shown, cards, strict=True)
        ]
        group = {"resourceType": "RequestGroup", "id": GROUP, **about}
        group["authoredOn"] = evaluation.now.isoformat(timespec="seconds")
        reasons = _unique(
            r for w in evaluation.shown for r in w.card.plan["action"][0].get("reason", ())
        )
        group |= {"reasonCode": reasons} if reasons else {}
        group |= {"action": actions} if actions else {}
        care_plan = {
            "resourceType": "CarePlan",
            "id": call.uuid(plan["url"], "care-plan"),
            "contained": [group, *contained],
            **about,
            "title": plan["title"],
            "created": group["authoredOn"],
            "activity": [{"reference": {"reference": f"#{GROUP}"}}],
        }
        issues = [*remarks, *_issues(evaluation)]
        if issues:
            care_plan["contained"].append({"id": MESSAGES_ID, **outcome(*issues)})
            told = {"url": MESSAGES, "valueReference": {"reference": f"#{MESSAGES_ID}"}}
            care_plan["extension"] = [told]
        return care_plan

    def _action(
        self,
        evaluation: Evaluation,
        wanted: WantedCard,
        card: Json,
        contained: list[Json],
        request: HookRequest,
    ) -> Json:
        """The action of a card; the requests it refers to go into ``contained``."""
        topic = card["source"]["topic"]
        action = {
            "id": topic["code"],
            "title": card["summary"],
            "description": card["detail"],
            "textEquivalent": "\n".join(c.reason for c in wanted.reasons[:NAMED]),
            "priority": wanted.priority,
            "code": [{"coding": [topic]}],
            "documentation": _unique(_documents(wanted)),
            "condition": _unique(self._conditions(evaluation, wanted)),
        }
        action = {name: value for name, value in action.items() if value}
        if "suggestions" not in card:
            contained.append(_message(card, wanted, request, evaluation))
            return {**action, "resource": {"reference": f"#{card['uuid']}"}}
        action["selectionBehavior"] = card["selectionBehavior"]
        offered = [s for s in wanted.suggestions if s.order]
        action["action"] = [
            _choice(suggestion.id, sent, contained)
            for suggestion, sent in zip(offered, card["suggestions"], strict=True)
        ]
        return action

    def _conditions(self, evaluation: Evaluation, wanted: WantedCard) -> Iterator[Json]:
        """Yields the conditions that hold, of the sources a card names, as far as it may tell."""
        for reason in wanted.reasons[:NAMED]:
            if self.writer.may_tell(evaluation, reason, wanted.card):
                yield from map(_condition, _held(reason))


def _held(reason: Contribution) -> Iterator[tuple[str, str]]:
    for condition in reason.conditions:
        yield condition.description, condition.expression.text


def _condition(held: tuple[str, str]) -> Json:
    description, text = held
    expression = {"description": description, "language": "text/fhirpath", "expression": text}
    return {"kind": "applicability", "expression": expression}


def _about(plan: Resource, request: HookRequest) -> Json:
    """Returns the elements that care plan and group share."""
    about: Json = {
        "instantiatesCanonical": [f"{plan['url']}|{plan['version']}"],
        "status": "draft",
        "intent": "proposal",
        "subject": {"reference": f"Patient/{request.patient_id}"},
    }
    if request.encounter_id:
        about["encounter"] = {"reference": f"Encounter/{request.encounter_id}"}
    return about


def _choice(name: str, sent: Json, contained: list[Json]) -> Json:
    """A suggestion as an action that creates its draft order."""
    (create,) = sent["actions"]
    contained.append(create["resource"])
    choice = {
        "id": name,
        "title": sent["label"],
        "description": create["description"],
        "type": {"coding": [{"system": ACTION_TYPE, "code": create["type"]}]},
        "resource": {"reference": f"#{create['resource']['id']}"},
    }
    return {**choice, "precheckBehavior": "yes"} if sent.get("isRecommended") else choice


def _message(card: Json, wanted: WantedCard, request: HookRequest, evaluation: Evaluation) -> Json:
    """Returns the message that a card without orders refers to: its summary, for the user."""
    message = {
        "resourceType": "CommunicationRequest",
        "id": card["uuid"],
        "status": "draft",
        "priority": wanted.priority,
        "subject": {"reference": f"Patient/{request.patient_id}"},
        "payload": [{"contentString": card["summary"]}],
        "authoredOn": evaluation.now.isoformat(timespec="seconds"),
    }
    if request.user[0] in PRACTITIONERS:
        message["recipient"] = [{"reference": "/".join(request.user)}]
    return message


def _documents(wanted: WantedCard) -> Iterator[Json]:
    yield from map(dict, wanted.card.documentation)
    for reason in wanted.reasons:
        yield from map(dict, reason.documentation)


def _unique(items: Iterable[Any]) -> list[Any]:
    """Each once, in order (dicts cannot be keys)."""
    found: list[Any] = []
    for item in items:
        if item not in found:
            found.append(item)
    return found


def _issues(evaluation: Evaluation) -> Iterator[Issue]:
    """Yields what could not be evaluated or read; expressions are content, never data."""
    for text in evaluation.errors:
        words = f"A rule could not be evaluated and counts as unknown: {text}"
        yield Issue("exception", words, severity="error")
    for key, why in sorted(evaluation.facts.unavailable.items()):
        yield Issue("incomplete", f"{key} {why}: it counts as no entry.", key, "warning")
    for key in sorted(evaluation.facts.incomplete):
        yield Issue("incomplete", f"{key} is paged: only what was sent is read.", key, "warning")
