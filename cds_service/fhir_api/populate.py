"""Answers the form from the chart, before the person does (SDC ``$populate``, expression-based).

An expression asks the chart through the same requirements and value sets as the rules, so that
form and rules cannot disagree about what the chart says. What it does not prove stays unanswered:
no answer is ever false because nothing was found. Nothing here raises: a form is filled in by hand
where this cannot help, and ``issues`` says why.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from cds_service.content import extensions as ext
from cds_service.content.model import Content, Prefill, Questionnaire, Resource
from cds_service.decision.chart import ChartIndex, Entry
from cds_service.decision.facts import age_of, limited
from cds_service.decision.form_of_response import NO_URLS, FormUrls
from cds_service.decision.record import ENCOUNTER, PATIENT
from cds_service.fhir.bundles import read_contents
from cds_service.fhir.errors import BadRequest, Issue, MissingFacts, outcome
from cds_service.fhir.questionnaire_response import Form, validate
from cds_service.fhir.references import Person, References, is_about
from cds_service.fhir_api.copied_answers import copied_answers
from cds_service.fhir_api.parameters import Parameters
from cds_service.fhir_api.typed_answers import Answer, WrongAnswer, typed_answers
from cds_service.fhirpath import FhirPathError
from cds_service.hooks.pipeline import Pipeline
from cds_service.hooks.prefetch import templates

RESPONSE = "QuestionnaireResponse"
DAY = 10  # characters of a date without its time
Entries = Mapping[str, list[Entry]]


@dataclass(frozen=True, slots=True)
class Populated:
    """``response`` is a QuestionnaireResponse in progress that holds only what was found, each
    answer with its origin as extensions. ``origins`` says the same by linkId, for a form:
    ``{"source": words for the person, "reference": "Procedure/12"}`` (no reference where the entry
    has no id). ``issues`` are warnings, or one error when nothing could be filled in at all.
    """

    response: dict[str, Any]
    issues: tuple[Issue, ...]
    origins: dict[str, dict[str, str]]


@dataclass(slots=True)
class _Launch:
    """The resources of a launch: the person, the encounter, their chart."""

    patient: Resource | None = None
    encounter: Resource | None = None
    chart: list[Resource] = field(default_factory=list)
    references: References = field(default_factory=References)
    issues: list[Issue] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Found:
    """An answer with the entries that prove it, the person's words for them among it."""

    answer: Answer
    origins: tuple[dict[str, str], ...]


class Populator:
    """Fills in one form of a content. ``queries`` (key -> query template, as in discovery) are what
    a launch should bring; more does no harm, and less leaves items unanswered."""

    def __init__(
        self,
        content: Content,
        index: ChartIndex,
        questionnaire: Questionnaire,
        form_urls: FormUrls = NO_URLS,
    ) -> None:
        self.content = content
        self.form_urls = form_urls
        self.index = index
        self.questionnaire = questionnaire
        self.form: Form = questionnaire.form
        self.prefills = [p for p in content.prefills if p.form == questionnaire.url]
        types = {content.requirements[r].type for p in self.prefills for r in p.requirements}
        if any(item.copied_from for item in questionnaire.items.values()):
            types.add(RESPONSE)
        needed = tuple(f"{name}?" for name in types)
        self.queries = {
            key: query
            for key, query in templates(content).items()
            if key == PATIENT or query.startswith(needed)
        }

    @classmethod
    def of(cls, pipeline: Pipeline, questionnaire: Questionnaire | None = None) -> Populator:
        """The populator of a form that a pipeline serves; without one, of the needed form."""
        content = pipeline.content
        form = questionnaire or content.questionnaire
        return cls(content, pipeline.index, form, pipeline.form_urls)

    def populate(self, launch: Mapping[str, Any], now: datetime, language: str = "") -> Populated:
        """``launch`` holds resources, Bundles or lists of either by name: ``patient`` and perhaps
        ``encounter``, everything else (whatever its name) is chart; None means nothing there.
        ``now`` is aware; ``language`` is that of the words for the person."""
        read = _read(launch)
        if read.patient is None:
            return self._response(read, {}, now)
        entries, _ = self.index.match(read.chart, now, read.references)
        inputs = {
            "questionnaire": self.questionnaire.resource,
            "patient": read.patient,
            "age": age_of(read.patient, now),
            "encounter": read.encounter,
        }
        found = {}
        for prefill in self.prefills:
            try:
                proved = self._proved(prefill, inputs, entries, now)
                words = prefill.source.get(language, prefill.source[""])
                answers = [
                    _Found(answer, tuple(_origins(words, proof, read.patient)))
                    for answer, proof in proved
                ]
            except WrongAnswer as error:
                read.issues.append(_issue(prefill.link_id, str(error)))
            except FhirPathError as error:
                read.issues.append(_issue(prefill.link_id, error.message))
            else:
                found[prefill.link_id] = answers
        return self._response(read, {**found, **self._copied(read, now)}, now)

    def _copied(self, read: _Launch, now: datetime) -> dict[str, list[_Found]]:
        """Returns what another form's usable response answers alike, by linkId."""
        responses = [r for r in read.chart if r["resourceType"] == RESPONSE]
        copied = copied_answers(
            self.content, self.questionnaire, responses, read.references, now, self.form_urls
        )
        return {
            link_id: [_Found(a, (self._of_form(response),)) for a in answers]
            for link_id, answers, response in copied
        }

    def _of_form(self, response: Resource) -> dict[str, str]:
        return _origin(_title(self.content, response), response)

    # -- one item --------------------------------------------------------------------

    def _proved(
        self, prefill: Prefill, inputs: dict[str, Any], entries: Entries, now: datetime
    ) -> Iterator[tuple[Answer, list[Entry]]]:
        """The answers an expression gives, each with the newest entries that prove it."""
        held = [name for name in sorted(prefill.requirements) if entries.get(name)]
        item = self.form.items[prefill.link_id]

        def ask(names: list[str]) -> list[Answer]:
            named = {name: entries[name] for name in names}
            chart = {name: limited(self.content, name, named) for name in prefill.requirements}
            bindings = prefill.expressions.bind({**inputs, **chart}, now)
            return typed_answers(item, bindings.answer(prefill.expression))

        alone = {name: ask([name]) for name in held} if len(held) > 1 else {}
        for answer in ask(held):
            # A chart key proves an answer when it is enough for it; else all of them together do.
            proof = [name for name in held if answer in alone.get(name, ())] or held
            yield answer, [entries[name][0] for name in proof]

    # -- the response ----------------------------------------------------------------

    def _response(self, read: _Launch, found: dict[str, list[_Found]], now: datetime) -> Populated:
        """The response without what its own validation would refuse."""
        response = self._built(read, found, now)
        problems = validate(self.form, response, value_sets=self.content.value_sets, now=now)
        for problem in problems:
            if problem.severity == "error" and problem.link_id in found:
                del found[problem.link_id]
                read.issues.append(_issue(problem.link_id, problem.text))
                response = self._built(read, found, now)
        origins = {link_id: _shown(answers) for link_id, answers in found.items() if answers}
        return Populated(response, tuple(read.issues), origins)

    def _built(
        self, read: _Launch, found: Mapping[str, list[_Found]], now: datetime
    ) -> dict[str, Any]:
        form = self.questionnaire.resource
        response: dict[str, Any] = {
            "resourceType": "QuestionnaireResponse",
            "questionnaire": f"{form['url']}|{form['version']}",
            "status": "in-progress",
            "authored": now.isoformat(timespec="seconds"),
        }
        for name, resource in (("subject", read.patient), (ENCOUNTER, read.encounter)):
            reference = _reference(resource)
            if reference:
                response[name] = {"reference": reference}
        items = list(_items(form["item"], found, ext.full_url(form["url"], ext.ANSWER_SOURCE)))
        return {**response, "item": items} if items else response


def _title(content: Content, response: Resource) -> str:
    """The title of the form that a response answers, with the day."""
    url = str(response.get("questionnaire")).partition("|")[0]
    form = next((f for f in content.forms if f.url == url), content.questionnaire)
    title, authored = form.resource["title"], str(response.get("authored", ""))[:DAY]
    return f"{title}, {authored}" if authored else str(title)


def _items(
    nodes: Any, found: Mapping[str, list[_Found]], source_url: str
) -> Iterator[dict[str, Any]]:
    """The items that have answers or hold some that have, in form order."""
    for node in nodes:
        inner = list(_items(node.get("item", ()), found, source_url))
        answers = [_marked(one, source_url) for one in found.get(node["linkId"], ())]
        if node["type"] == "group" and inner:
            yield {"linkId": node["linkId"], "item": inner}
        elif answers:
            if inner:
                answers[0]["item"] = inner  # items below a question stand below an answer (qrs-1)
            yield {"linkId": node["linkId"], "answer": answers}


def _marked(found: _Found, source_url: str) -> dict[str, Any]:
    automatic = {
        "url": ext.INFORMATION_ORIGIN,
        "extension": [{"url": "source", "valueCode": "auto"}],
    }
    sources = [{"url": source_url, "valueReference": _as_reference(o)} for o in found.origins]
    return {"extension": [automatic, *sources], **found.answer}


def _as_reference(origin: dict[str, str]) -> dict[str, str]:
    target = {"reference": origin["reference"]} if "reference" in origin else {}
    return {**target, "display": origin["source"]}


def _origins(source: str, entries: list[Entry], patient: Resource) -> Iterator[dict[str, str]]:
    """Returns where an answer comes from: chart entries, or else the person's own record."""
    for entry in entries:
        words = f"{source}, {entry.when.text[:DAY]}" if entry.when else source
        yield _origin(words, entry.resource)
    if not entries:
        yield _origin(source, patient)


def _origin(words: str, resource: Resource) -> dict[str, str]:
    reference = _reference(resource)
    return {"source": words, "reference": reference} if reference else {"source": words}


def _shown(answers: list[_Found]) -> dict[str, str]:
    """One origin for an item: the first reference, and all words once."""
    origins = [origin for found in answers for origin in found.origins]
    words = "; ".join(dict.fromkeys(origin["source"] for origin in origins))
    reference = next((o["reference"] for o in origins if "reference" in o), None)
    return {"source": words, "reference": reference} if reference else {"source": words}


def _reference(resource: Resource | None) -> str | None:
    if resource is None or not isinstance(resource.get("id"), str):
        return None
    return f"{resource['resourceType']}/{resource['id']}"


def _issue(link_id: str, words: str) -> Issue:
    place = f"Questionnaire.repeat(item).where(linkId = '{link_id}')"
    text = f"Item {link_id!r} is not filled in from the chart: {words}"
    return Issue("processing", text, place, "warning")


# -- the launch -----------------------------------------------------------------------------


def _read(launch: Mapping[str, Any]) -> _Launch:
    """The launch by kind; nothing of it when any of it is about somebody else."""
    read = _Launch()
    for name in sorted(launch, key=lambda name: name != PATIENT):  # the person first
        for resource in _held(name, launch[name], read):
            kind = resource["resourceType"]
            if kind == "Patient" and read.patient is None:
                read.patient = resource
            else:
                read.chart.append(resource)
            if name == ENCOUNTER and kind == "Encounter":
                read.encounter = resource
    if read.patient is None:
        return _Launch(issues=[*read.issues, NO_PATIENT])
    person = Person(str(read.patient.get("id")), read.patient)
    about = [is_about(resource, person, read.references) for resource in read.chart]
    if False in about:
        return _Launch(issues=[MIXED])
    if None in about:
        read.issues.append(UNTOLD)
        read.chart = [r for r, told in zip(read.chart, about, strict=True) if told]
    return read


def _held(name: str, value: Any, read: _Launch) -> Iterator[dict[str, Any]]:
    contents = read_contents(value)
    if contents.failed:
        read.issues.append(_unread(name))
    elif not contents.is_whole and isinstance(value, dict | list):
        words = f"{name} is not complete: only the part that was sent was looked at."
        read.issues.append(Issue("incomplete", words, name, "warning"))
    for full_url, resource in contents.entries:
        read.references.add(full_url, resource)
        yield resource


def _unread(name: str) -> Issue:
    words = f"{name} could not be read from the chart, so nothing is filled in from it."
    return Issue("incomplete", words, name, "warning")


NO_PATIENT = Issue(
    "required",
    "Nothing is filled in: the launch context holds no Patient. Send it as the context 'patient'.",
    PATIENT,
)
UNTOLD = Issue(
    "incomplete",
    "Some entries are left out: they do not tell which patient they are about.",
    PATIENT,
    "warning",
)
MIXED = Issue(
    "conflict",
    "Nothing is filled in: the launch context holds data about more than one patient.",
    PATIENT,
)


# -- the operation's parameters ---------------------------------------------------------------

# Stands for a context that holds a reference only: nothing is fetched.
UNFETCHED = {"resourceType": "OperationOutcome"}


def launch_of(sent: Parameters) -> dict[str, Any]:
    """The launch a call describes: ``subject``, and ``context`` parts with a ``name`` and
    ``content`` resources. Raises BadRequest for no patient, for two, and for another type."""
    launch: dict[str, Any] = {}
    for number, context in enumerate(sent.groups("context")):
        content = list(context.resources("content"))
        name = context.text("name") or f"context {number + 1}"
        launch[name] = [*launch.get(name, []), *(content or [UNFETCHED])]
    references = References(read_contents(list(launch.values())).entries)
    subject = sent.target("subject", ("Patient",), references)
    person = subject[1] if subject else None
    known = [r.get("id") for r in launch.get(PATIENT, ()) if r.get("resourceType") == "Patient"]
    if person and any(one != person for one in known):
        words = "subject and the context 'patient' are two people. Send the data of one."
        raise BadRequest(Issue("conflict", words, "subject"))
    if not known:
        if not person:
            words = "Say whom the form is about: subject (Patient/id), or a context 'patient'."
            raise BadRequest(Issue("required", words, "subject"))
        launch = {**launch, PATIENT: {"resourceType": "Patient", "id": person}}
    return launch


def populated_parameters(populated: Populated) -> dict[str, Any]:
    """The answer: ``response``, and ``issues`` where there are any. Raises MissingFacts when
    nothing could be filled in because of what was sent."""
    errors = [issue for issue in populated.issues if issue.severity == "error"]
    if errors:
        raise MissingFacts(*errors)
    parameters: list[dict[str, Any]] = [{"name": "response", "resource": populated.response}]
    if populated.issues:
        parameters.append({"name": "issues", "resource": outcome(*populated.issues)})
    return {"resourceType": "Parameters", "parameter": parameters}
