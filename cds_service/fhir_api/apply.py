"""``PlanDefinition/[id]/$apply``: the call of a hook in FHIR's words (R4, with data as in CPG).

The parameters become a CDS Hooks request and go the one way through, so that ``$apply`` and the
hook cannot answer differently. Decision: ``docs/decisions/apply-is-the-hook.md``.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from cds_service.content.model import Content, Resource
from cds_service.decision.evaluate import Evaluation
from cds_service.decision.record import ENCOUNTER, PATIENT, RESPONSES
from cds_service.fhir.bundles import read_contents, resources
from cds_service.fhir.errors import BadRequest, Issue, MissingFacts, ServiceError
from cds_service.fhir.references import References
from cds_service.fhir_api.care_plan import CarePlanWriter
from cds_service.fhir_api.parameters import Parameters, value_of
from cds_service.hooks.pipeline import ANONYMOUS, Pipeline
from cds_service.hooks.request import HOOKS, PRACTITIONERS

HOOK = "patient-view"
BUNDLES = tuple(needs.bundle for needs in HOOKS.values() if needs.bundle)
USED = (
    "subject",
    "encounter",
    "practitioner",
    "userType",
    "data",
    "prefetchData",
    "useServerData",
    "hook",
    *dict.fromkeys(BUNDLES),
)
# Parameters of R4 that change nothing here: taken, and said to be passed over.
UNUSED = ("organization", "userLanguage", "userTaskContext", "setting", "settingContext")
PATIENTS = ("patient", "related-person")  # user types without a professional's view


@dataclass(frozen=True, slots=True)
class Applied:
    """A CarePlan, and the evaluation it came from."""

    care_plan: dict[str, Any]
    evaluation: Evaluation


def apply_plan(
    pipeline: Pipeline,
    plan: Resource,
    sent: Parameters,
    now: datetime,
    instance: str,
    client: str = ANONYMOUS,
) -> Applied:
    """Applies a plan as ``$apply`` says (R4); ``now`` is aware, ``instance`` stands for
    hookInstance, ``client`` is the caller's id. Raises ServiceError in the parameters' words."""
    body = hook_call(sent, pipeline.queries, instance)
    try:
        service = pipeline.service_for(body["hook"])
        content = narrowed(pipeline.content, plan)
        request, evaluation = pipeline.evaluation(service, body, now, content=content)
    except ServiceError as error:
        raise in_parameters(error) from None
    call = pipeline.call(request, client)
    cards = pipeline.writer.cards(evaluation, call)
    writer = CarePlanWriter(pipeline.writer)
    care_plan = writer.care_plan(plan, call, evaluation, cards, remarks(sent))
    return Applied(care_plan, evaluation)


def narrowed(content: Content, plan: Resource) -> Content:
    """The content in which only one plan speaks: a card plan gets all who ask for it, a cause or
    the red flags keep the cards they ask for. All rules and the strategy stay as they are, so
    an emergency still holds back what it holds back. The strategy itself is everything."""
    if plan["url"] == content.strategy.plan["url"]:
        return content
    contributions = {
        card: tuple(
            c
            for c in asking
            if plan["url"] in (c.source.plan["url"], content.cards[card].plan["url"])
        )
        for card, asking in content.contributions.items()
    }
    return replace(content, contributions=contributions)


def hook_call(sent: Parameters, queries: Mapping[str, str], instance: str) -> dict[str, Any]:
    """The request of a hook that the parameters stand for. ``queries`` are the prefetch templates
    by key. Raises BadRequest for what cannot be done, MissingFacts for required data that was not
    sent."""
    _check_names(sent)
    references = _references(sent)
    patient = _subject(sent, references)
    hook = sent.text("hook") or HOOK
    context: dict[str, Any] = {
        "patientId": patient,
        "userId": _user(sent, patient, references),
    }
    encounter = sent.target("encounter", ("Encounter",), references)
    if encounter:
        context["encounterId"] = encounter[1]
    for name in BUNDLES:
        made = list(resources(list(sent.resources(name))))
        if made:
            entries = [{"resource": resource} for resource in made]
            context[name] = {"resourceType": "Bundle", "type": "collection", "entry": entries}
            context["selections"] = [f"{r['resourceType']}/{r.get('id', '-')}" for r in made]
    prefetch = dict(_prefetch(sent, queries, context.get("encounterId")))
    lacking = [key for key in (PATIENT, RESPONSES) if key not in prefetch]
    if lacking:
        raise MissingFacts(*(_missing(key) for key in lacking))
    return {"hook": hook, "hookInstance": instance, "context": context, "prefetch": prefetch}


def remarks(sent: Parameters) -> Iterator[Issue]:
    """Yields notes on how the parameters were read, for the caller."""
    if "practitioner" not in sent.names:
        words = (
            "No practitioner was named, so this is what the patient may see: no private cards, no "
            "restricted answers. Send practitioner for a health professional's view."
        )
        yield Issue("informational", words, "practitioner", "information")
    for name in UNUSED:
        if name in sent.names:
            words = f"{name} changes nothing here and was passed over."
            yield Issue("informational", words, name, "information")


def in_parameters(error: ServiceError) -> ServiceError:
    """An error of the hook's request in the words of the parameters it came from."""
    issues = (
        replace(
            issue,
            diagnostics=_renamed(issue.diagnostics),
            expression=_renamed(issue.expression) if issue.expression else None,
        )
        for issue in error.issues
    )
    return type(error)(*issues)


RENAMED = {
    "context.patientId": "subject",
    "context.userId": "practitioner",
    "context.encounterId": "encounter",
    "context.": "",
    "prefetch.": "prefetchData ",
}


def _renamed(words: str) -> str:
    for theirs, ours in RENAMED.items():
        words = words.replace(theirs, ours)
    return words


def _check_names(sent: Parameters) -> None:
    if sent.names <= {*USED, *UNUSED}:
        return
    words = (
        "A parameter is not supported. Nothing is fetched, so data comes with the call: send data "
        "or prefetchData, no dataEndpoint. Supported are "
        f"{', '.join(USED)}; passed over are {', '.join(UNUSED)}."
    )
    raise BadRequest(Issue("not-supported", words, "Parameters.parameter"))


def _references(sent: Parameters) -> References:
    """Returns the resources of the data, which references of the parameters may mean."""
    values = (
        *sent.resources("data"),
        *(d for p in sent.groups("prefetchData") for d in p.resources("data")),
    )
    return References(read_contents(list(values)).entries)


def _subject(sent: Parameters, references: References) -> str:
    """The id of the patient; raises BadRequest for none, for two, and for another type."""
    if len(sent.texts("subject")) > 1:
        words = "Only one subject at a time is supported. Send one call for each."
        raise BadRequest(Issue("not-supported", words, "subject"))
    subject = sent.target("subject", ("Patient",), references)
    if subject is None:
        words = "subject is missing. Send the patient as Patient/id."
        raise BadRequest(Issue("required", words, "subject"))
    return subject[1]


def _user(sent: Parameters, patient: str, references: References) -> str:
    """Returns the user: the practitioner that is named, else the patient, who may see the least."""
    user_type = next((value_of(part) for part in sent.all("userType")), None)
    codings = user_type.get("coding") if isinstance(user_type, dict) else None
    listed = codings if isinstance(codings, list) else ()
    codes = [c.get("code") for c in listed if isinstance(c, dict)]
    practitioner = sent.target("practitioner", PRACTITIONERS, references)
    if practitioner is None or any(code in codes for code in PATIENTS):
        return f"Patient/{patient}"
    return "/".join(practitioner)


def _prefetch(
    sent: Parameters, queries: Mapping[str, str], encounter: str | None
) -> Iterator[tuple[str, Any]]:
    """Prefetch key -> what was sent for it: ``prefetchData`` by its own key, ``data`` by type."""
    keyed = {
        part.text("key") or "": next(part.resources("data"), None)
        for part in sent.groups("prefetchData")
    }
    entries = read_contents(list(sent.resources("data"))).entries
    is_whole = not sent.flag("useServerData", True)  # then what is not in data is known not to be
    for key, query in queries.items():
        if key in keyed:
            yield key, keyed[key]
            continue
        kind = query.partition("?")[0].partition("/")[0]
        mine = [(url, r) for url, r in entries if r["resourceType"] == kind]
        if key == ENCOUNTER:
            mine = [(url, r) for url, r in mine if r.get("id") == encounter]
        if mine:
            yield (
                key,
                {
                    "resourceType": "Bundle",
                    "type": "collection",
                    "entry": [
                        {"fullUrl": url, "resource": r} if url else {"resource": r}
                        for url, r in mine
                    ],
                },
            )
        elif is_whole and key not in (PATIENT, ENCOUNTER):
            yield key, None


def _bundle(entries: Iterable[tuple[str | None, dict[str, Any]]]) -> dict[str, Any]:
    """A collection of (fullUrl or None, resource)."""
    listed = [{"fullUrl": url, "resource": r} if url else {"resource": r} for url, r in entries]
    return {"resourceType": "Bundle", "type": "collection", "entry": listed}


def _missing(key: str) -> Issue:
    kind = "Patient" if key == PATIENT else "QuestionnaireResponse"
    none = "" if key == PATIENT else " (without its data when there is none)"
    words = (
        f"The data holds no {kind}, and nothing is fetched. Send it in data, or as prefetchData "
        f"with the key {key}{none}."
    )
    return Issue("required", words, f"prefetchData {key}")
