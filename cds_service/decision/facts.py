"""Everything the rules may look at in one call, built in one pass over the record."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from cds_service.content.model import CONTEXT_BUNDLES, Content, InputRef, Resource
from cds_service.content.orders import order_keys
from cds_service.decision.answers import EMPTY, AnswerSheet, read_answers
from cds_service.decision.chart import FUTURE, ChartIndex, Entry
from cds_service.decision.record import RESPONSES, PatientRecord
from cds_service.decision.unread import Unread, Why, unread
from cds_service.fhir.dates import parse_span, whole_years
from cds_service.fhir.errors import Issue, MissingFacts

FINISHED = frozenset({"completed", "amended"})
UNDATED = Issue(
    "value",
    f"prefetch.{RESPONSES} holds a finished intake response without a usable authored date, so its "
    "age is not known. Send authored as a FHIR dateTime that is not in the future.",
    f"prefetch.{RESPONSES}",
)


@dataclass(frozen=True, slots=True)
class Facts:
    """``variables`` are the inputs of the rules; the rest explains where they came from."""

    variables: Mapping[str, Any]
    answers: AnswerSheet
    entries: Mapping[str, list[Entry]]
    response: Resource | None
    expired: Resource | None
    unavailable: Mapping[str, str]
    incomplete: frozenset[str]
    unread: tuple[Unread, ...]  # what came and could not be understood
    ordered: frozenset[str]  # keys of orders that are being made or active (content.orders)

    @property
    def unusable(self) -> Counter[str]:
        """How many could not be understood, by resource type."""
        return Counter(one.type for one in self.unread)

    def present(self) -> frozenset[InputRef]:
        """What is there: options chosen, questions answered, chart keys with entries."""
        view = self.answers.view.items()
        return frozenset(
            (
                *(("%", name) for name, found in self.entries.items() if found),
                *((item, "") for item, _ in view),
                *(
                    (item, code)
                    for item, answer in view
                    if isinstance(answer, dict)
                    for code, chosen in answer.items()
                    if chosen
                ),
            )
        )


def build_facts(
    content: Content,
    index: ChartIndex,
    record: PatientRecord,
    now: datetime,
) -> Facts:
    """The facts of one call; ``now`` is aware. Raises MissingFacts for an undated response only,
    never for what the chart holds."""
    entries, not_understood = index.match(record.chart, now, record.references)
    not_understood = [*record.unread, *not_understood]
    response, expired, sheet = _newest_response(content, record, now, not_understood)
    variables: dict[str, Any] = {
        name: limited(content, name, entries) for name in content.requirements
    }
    variables |= {
        "answers": sheet.view,
        "patient": record.patient,
        "age": age_of(record.patient, now),
        "encounter": record.encounter,
        "user": {"type": record.user[0], "id": record.user[1]},
        "questionnaireResponse": response,
        "expiredQuestionnaireResponse": expired,
        **{name: list(record.context.get(name, ())) for name in CONTEXT_BUNDLES},
    }
    return Facts(
        variables,
        sheet,
        entries,
        response,
        expired,
        record.unavailable,
        record.incomplete,
        tuple(not_understood),
        frozenset(_ordered(content, record, now)),
    )


def _ordered(content: Content, record: PatientRecord, now: datetime) -> Iterator[str]:
    """Keys of the orders in the context and of those active in the chart within the window."""
    for order in record.context.get("draftOrders", ()):
        yield from order_keys(order.get("code"))
    oldest = now - timedelta(days=content.strategy.order_days)
    for resource in record.chart:
        if resource.get("resourceType") == "ServiceRequest" and resource.get("status") == "active":
            ordered = parse_span(resource.get("authoredOn"))
            if ordered is not None and ordered.start >= oldest:
                yield from order_keys(resource.get("code"))


def limited(content: Content, name: str, entries: Mapping[str, list[Entry]]) -> list[Resource]:
    """Returns the resources of a requirement, newest first, at most as many as its limit."""
    found = entries.get(name)
    if not found:
        return []
    return [entry.resource for entry in found[: content.requirements[name].limit]]


def age_of(patient: Resource, now: datetime) -> int | None:
    """Returns the age in whole years; None without a readable birth date."""
    born = patient.get("birthDate")
    return whole_years(born, now.date()) if isinstance(born, str) else None


def _newest_response(
    content: Content, record: PatientRecord, now: datetime, not_understood: list[Unread]
) -> tuple[Resource | None, Resource | None, AnswerSheet]:
    """The newest finished response to our form: usable, or too old; and the answers it gives.

    A response without a readable ``authored`` has no known age and cannot be used: raises
    MissingFacts when there is no other.
    """
    form = content.questionnaire
    dated: list[tuple[datetime, Resource]] = []
    undated: list[Unread] = []
    for response in record.responses:
        canonical = str(response.get("questionnaire", "")).partition("|")[0]
        if canonical != form.url or str(response.get("status")) not in FINISHED:
            continue
        authored = parse_span(response.get("authored"))
        if authored is None or authored.start > now + FUTURE:
            undated.append(unread(response, Why.DATE))
        else:
            dated.append((authored.start, response))
    not_understood += undated
    untold = any(one.type == "QuestionnaireResponse" for one in record.unread)
    if not dated and (undated or untold):
        raise MissingFacts(UNDATED)  # an emergency may be ticked in it: never pass over it
    if not dated:
        return None, None, EMPTY
    authored_at, newest = max(dated, key=_when)
    if form.valid_hours and now - authored_at > timedelta(hours=form.valid_hours):
        return None, newest, EMPTY
    return newest, None, read_answers(form, newest, authored_at, now)


def _when(dated: tuple[datetime, Resource]) -> datetime:
    return dated[0]
