"""Everything the rules may look at in one call, built in one pass over the record."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from cds_service.content.model import (
    CONTEXT_BUNDLES,
    Content,
    InputRef,
    Questionnaire,
    Resource,
)
from cds_service.content.orders import order_keys
from cds_service.decision.answers import EMPTY, AnswerSheet, merged
from cds_service.decision.belief import is_believed
from cds_service.decision.chart import ChartIndex, CodingKind, Entry
from cds_service.decision.form_of_response import NO_URLS, FormMatch, FormMatcher, FormUrls
from cds_service.decision.hidden_checks import NOT_ASKED
from cds_service.decision.record import RESPONSES, PatientRecord
from cds_service.decision.responses import Candidate, read_responses
from cds_service.decision.since import keep_since
from cds_service.decision.unread import Unread, Why, unread
from cds_service.decision.view_responses import Visit
from cds_service.decision.views import ViewReader, inputs_of, present_inputs
from cds_service.fhir.dates import parse_span, whole_years
from cds_service.fhir.errors import Issue, MissingFacts
from cds_service.fhir.statuses import read_codes

RESPONSE = "QuestionnaireResponse"


@dataclass(frozen=True, slots=True)
class Facts:
    """``variables`` are the inputs of the rules; the rest explains where they came from.

    ``answers`` are those of all views by path, with the dates of the needed form; ``others`` the
    sheets of the other views by name, ``response`` that of the needed form.
    """

    variables: Mapping[str, Any]
    answers: AnswerSheet
    entries: Mapping[str, list[Entry]]
    response: Resource | None
    expired: Resource | None
    unavailable: Mapping[str, str]
    incomplete: frozenset[str]
    unread: tuple[Unread, ...]  # what came and could not be understood
    ordered: frozenset[str]  # keys of orders that are being made or active (content.orders)
    codings: Mapping[CodingKind, int]  # of the chart's entries that were looked up
    is_other: bool = False  # another response may be newer, and is not as urgent
    alternatives: tuple[Facts, ...] = ()  # with the other responses that may be the newest
    others: Mapping[str, AnswerSheet] = field(default_factory=dict)
    present_inputs: frozenset[InputRef] = frozenset()  # of the responses of views in use

    @property
    def other_responses(self) -> dict[str, Resource]:
        """Returns the responses in use of the other forms, by view."""
        return {view: self.variables[f"{view}Response"] for view in self.others}

    @property
    def unusable(self) -> Counter[str]:
        """Returns how many could not be understood, by resource type."""
        return Counter(one.type for one in self.unread)

    def present(self) -> frozenset[InputRef]:
        """Returns what is there: options chosen, questions answered, chart keys with entries."""
        view = self.answers.view.items()
        return frozenset(
            (
                *self.present_inputs,
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
    urls: FormUrls = NO_URLS,
) -> Facts:
    """The facts of one call; ``now`` is aware, ``urls`` are of forms that the content does not
    hold. Raises MissingFacts when a response that may be ours cannot be used and there is no other,
    never for what the chart holds."""
    form = content.questionnaire
    matches = _matches(content, record, urls)
    counts: Counter[CodingKind] = Counter()
    entries, chart = index.match(record.chart, now, record.references, counts)
    keep_since(content, entries)
    read = read_responses(form, matches.get(form.url, ()), now)
    views = ViewReader(content, matches, read, Visit(now, record.encounter_id, record.references))
    context = {name: _admitted(record.context.get(name, ())) for name in CONTEXT_BUNDLES}
    for name, of_context in index.contexts.items():
        found, unread_there = of_context.match(context[name][0], now, record.references)
        entries |= found
        chart += unread_there
    modified = [one for _, unread_there in context.values() for one in unread_there]
    patient, encounter, header = _headers(record)
    ordered, unread_orders = _ordered(content, record, context["draftOrders"][0], now)
    said = {one.reference for one in chart}  # the visit may be an entry of the chart as well
    header = [one for one in header if one.reference not in said]
    not_understood = (*record.unread, *header, *chart, *modified, *unread_orders, *read.unread)
    if (
        not read.candidates
        and read.begun is None
        and any(one.type == RESPONSE for one in not_understood)
    ):
        raise MissingFacts(_not_read(form))  # an emergency may be ticked in it: never pass over it
    variables: dict[str, Any] = {
        name: limited(content, name, entries) for name in content.requirements
    }
    variables |= views.variables
    variables |= {
        "patient": patient,
        "age": age_of(patient, now),
        "encounter": encounter,
        "user": {"type": record.user[0], "id": record.user[1]},
        "staleAnswers": [],
        **NOT_ASKED,
        "questionnaireResponse": None,
        "expiredQuestionnaireResponse": read.expired,
        "unfinishedQuestionnaireResponse": read.unfinished,
        **{name: admitted for name, (admitted, _) in context.items()},
    }
    facts = Facts(
        variables,
        merged(EMPTY, views.by_prefix),
        entries,
        None,
        read.expired,
        record.unavailable,
        record.incomplete,
        (*not_understood, *views.unread),
        ordered,
        counts,
        others=views.sheets,
        present_inputs=frozenset(views.present),
    )
    answered = [_answered(facts, form, candidate, views, now) for candidate in read.candidates]
    if not answered:
        return facts
    others = (replace(one, is_other=True) for one in answered[1:])
    return replace(answered[0], alternatives=tuple(others))


def _not_read(form: Questionnaire) -> Issue:
    return Issue(
        "value",
        f"prefetch.{RESPONSES} holds a response that may answer the form {form.id} and cannot be "
        "used: which form, which patient or which status it has cannot be told. Send questionnaire "
        "as the form's canonical url, subject as Patient/id and status as R4 says, without "
        "modifiers.",
        f"prefetch.{RESPONSES}",
    )


def _matches(content: Content, record: PatientRecord, urls: FormUrls) -> dict[str, list[FormMatch]]:
    """The responses of the call by the url of the form that they answer, or may answer."""
    matcher, found = FormMatcher(content.forms, urls), dict[str, list[FormMatch]]()
    for response in record.responses:
        match = matcher.match(response, record.references)
        if match is not None:
            found.setdefault(match.form.url, []).append(match)
    return found


def _answered(
    facts: Facts, form: Questionnaire, candidate: Candidate, views: ViewReader, now: datetime
) -> Facts:
    """The facts with the answers of one response."""
    sheet = candidate.sheet(form, now)
    given = {
        **inputs_of(form.view, candidate, sheet, now),
        "staleAnswers": sorted(sheet.stale),
        "questionnaireResponse": candidate.response,
    }
    return replace(
        facts,
        variables={**facts.variables, **given},
        answers=merged(sheet, views.by_prefix),
        response=candidate.response,
        present_inputs=facts.present_inputs | frozenset(present_inputs(given)),
    )


def _headers(record: PatientRecord) -> tuple[Resource, Resource | None, list[Unread]]:
    """The Patient and the Encounter as far as they are understood: of a Patient with an unknown
    modifier only the id is used, so that age and anatomy stay unknown; an Encounter is left out."""
    patients, unread_patient = _admitted([record.patient])
    visits, unread_visit = _admitted([record.encounter] if record.encounter else [])
    unmodified = {k: v for k, v in record.patient.items() if k in ("resourceType", "id")}
    patient = patients[0] if patients else unmodified
    return patient, (visits[0] if visits else None), [*unread_patient, *unread_visit]


def _admitted(resources: Iterable[Resource]) -> tuple[list[Resource], list[Unread]]:
    """The resources of the hook's context that are believed, and those that are not understood."""
    judged = [(resource, is_believed(resource)) for resource in resources]
    return (
        [resource for resource, believed in judged if believed is True],
        [unread(resource, why) for resource, why in judged if isinstance(why, Why)],
    )


ORDER = "ServiceRequest"
ACTIVE = frozenset({"active"})
MADE = frozenset({"draft", "active"})  # a draft order in another status is not being made
NOT_ORDERED = frozenset({"proposal", "option"})  # intents of what nobody has ordered


def _ordered(
    content: Content, record: PatientRecord, drafts: Iterable[Resource], now: datetime
) -> tuple[frozenset[str], list[Unread]]:
    """Keys of the orders in the context and of those active in the chart within the window, and
    the orders that cannot be understood: they are no orders, so the suggestion is made again."""
    keys: set[str] = set()
    for order in drafts:
        if (read_codes(order, "status") or MADE) <= MADE:
            keys.update(order_keys(order.get("code")))
    oldest, not_understood = now - timedelta(days=content.strategy.order_days), []
    for order in record.chart:
        if order.get("resourceType") != ORDER:
            continue
        ordered, active = parse_span(order.get("authoredOn")), _is_active(order)
        if isinstance(active, Why):
            not_understood.append(unread(order, active, when=ordered))
        elif active and ordered is not None and ordered.start >= oldest:
            keys.update(order_keys(order.get("code")))
    return frozenset(keys), not_understood


def _is_active(order: Resource) -> bool | Why:
    """True for an order that is to be carried out, and why where that is not known."""
    believed = is_believed(order)
    if believed is not True:
        return believed
    status, intent = read_codes(order, "status"), read_codes(order, "intent")
    if status is None or intent is None:
        return Why.STATUS
    return status == ACTIVE and not intent & NOT_ORDERED


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
