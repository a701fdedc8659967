"""One way through: a parsed body in, an evaluation and its cards out. The hook route, ``explain``
and the vignettes all come through here, so that none of them can answer differently."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Any

from cds_service.access.fhir_access import FhirAccess
from cds_service.content.model import PRESSING, Content
from cds_service.decision.chart import ChartIndex
from cds_service.decision.evaluate import Evaluation
from cds_service.decision.facts import Facts, build_facts
from cds_service.decision.form_of_response import NO_URLS, FormUrls
from cds_service.decision.record import PatientRecord
from cds_service.decision.silent_mode import evaluate_service
from cds_service.decision.visibility import ALL_VISIBLE, ContentNames, CurrentVisibility
from cds_service.fhir.errors import BadRequest, Issue, UnknownService
from cds_service.fhir.references import read_literal
from cds_service.hooks.cards import CardWriter
from cds_service.hooks.discovery import Service, services
from cds_service.hooks.drafts import Call, unkeyed_uuid
from cds_service.hooks.prefetch import missing, read_prefetch, templates
from cds_service.hooks.request import HookRequest, parse_request

ANONYMOUS = "anonymous"  # the id of a client without a token
MEDICATION = "Medication"
MAX_MEDICINES = 40  # medicines behind references that are read for one call
# Fetches the queries of keys that were not sent: key -> resource, or why it failed.
Fetch = Callable[[FhirAccess, Mapping[str, str]], Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Result:
    """The result of one call."""

    request: HookRequest
    evaluation: Evaluation
    cards: list[dict[str, Any]]


class Pipeline:
    """Everything that is worked out once per content, and the call path over it."""

    def __init__(
        self,
        content: Content,
        intake_url: str,
        visibility: CurrentVisibility = lambda: ALL_VISIBLE,
        make_uuid: Callable[..., str] = unkeyed_uuid,
        form_urls: FormUrls = NO_URLS,
        topic_path: str = "",
    ) -> None:
        """``visibility`` says, at each call, what is switched off or silent; ``make_uuid``
        makes keyed hashes (``Pseudonyms.uuid``) wherever cards are sent to somebody;
        ``form_urls`` are urls of forms that the content does not hold; ``topic_path`` stands before
        the addresses of a further topic of the process."""
        self.topic_path = topic_path
        self.form_urls = form_urls
        self.content = content
        self.intake_url = intake_url
        self.queries = templates(content)
        self.services = services(content)
        self.names = ContentNames(content, self.services)
        self.visibility = visibility
        self.make_uuid = make_uuid
        self.index = ChartIndex.of(content.requirements.values())
        self.writer = CardWriter(content)

    def service(self, service_id: str) -> Service:
        """The service of that id; raises UnknownService."""
        if service_id not in self.services:
            words = "There is no service with this id. GET /cds-services lists the services."
            raise UnknownService(Issue("not-found", words))
        return self.services[service_id]

    def service_for(self, hook: Any) -> Service:
        """The service that answers a hook; raises UnknownService."""
        service = next((s for s in self.services.values() if s.hook == hook), None)
        if service is None:
            hooks = ", ".join(s.hook for s in self.services.values())
            raise UnknownService(Issue("not-found", f"hook must be one of: {hooks}.", "hook"))
        return service

    def facts(
        self, request: HookRequest, now: datetime, fetch: Fetch | None = None
    ) -> tuple[PatientRecord, Facts]:
        """Returns what a checked request brought, or ``fetch`` got for it, and its facts; raises
        MissingFacts."""
        lacking = missing(request, self.queries)
        fetched = fetch(request.fhir_access, lacking) if fetch and lacking else {}
        record = read_prefetch(request, self.queries, fetched)
        if fetch and request.fhir_access.server:
            self._fetch_medicines(request, record, now, fetch)
        return record, build_facts(self.content, self.index, record, now, self.form_urls)

    def _fetch_medicines(
        self, request: HookRequest, record: PatientRecord, now: datetime, fetch: Fetch
    ) -> None:
        """Reads the medicines that entries refer to and nobody sent: some EHRs send references
        only. What cannot be read stays a medicine that could not be understood."""
        base = (request.fhir_access.server or "").rstrip("/")
        wanted = self.index.medicines_wanted(record.chart, now, record.references)
        literals = [m for m in map(read_literal, wanted) if m and m.base in (None, base)]
        queries = {m.text: m.text for m in literals if m.type == MEDICATION}
        some = dict(islice(queries.items(), MAX_MEDICINES))
        for name, medicine in fetch(request.fhir_access, some).items() if some else ():
            if isinstance(medicine, Mapping) and is_named(medicine, name):
                record.references.add(f"{base}/{name}", medicine)

    def evaluation(
        self,
        service: Service,
        body: Any,
        now: datetime,
        fetch: Fetch | None = None,
        content: Content | None = None,
    ) -> tuple[HookRequest, Evaluation]:
        """Evaluates one call; ``now`` is aware. ``content`` may be a narrowed one (``apply``).
        Raises ServiceError for what cannot be answered."""
        request = parse_request(body, service.hook)
        _, facts = self.facts(request, now, fetch)
        return request, self._most_urgent(service, content or self.content, facts, now)

    def evaluate_record(self, service: Service, record: PatientRecord, now: datetime) -> Evaluation:
        """Evaluates a record that did not come with a call (replay), as ``evaluation`` does. Raises
        ServiceError for what cannot be answered."""
        facts = build_facts(self.content, self.index, record, now, self.form_urls)
        return self._most_urgent(service, self.content, facts, now)

    def _most_urgent(
        self, service: Service, content: Content, facts: Facts, now: datetime
    ) -> Evaluation:
        """The evaluation of the newest response; or, where another may be the newest, of the first
        that tells an emergency."""
        visibility, asked = self.visibility(), (service.id, service.hook)
        evaluation = evaluate_service(content, facts, now, asked, visibility)
        for other in facts.alternatives:
            if is_emergency(evaluation):
                break
            alternative = evaluate_service(content, other, now, asked, visibility)
            if is_emergency(alternative) or len(alternative.hidden) > len(evaluation.hidden):
                evaluation = alternative
        return evaluation

    def call(self, request: HookRequest, client: str = ANONYMOUS) -> Call:
        """Returns what cards take from a call of the client with this id."""
        return Call(request, self.intake_url, client, self.make_uuid, self.topic_path)

    def cards(
        self, request: HookRequest, evaluation: Evaluation, client: str = ANONYMOUS
    ) -> list[dict[str, Any]]:
        """The cards that are shown to the client with this id, as CDS Hooks JSON."""
        return self.writer.cards(evaluation, self.call(request, client))

    def answer(
        self, service: Service, body: Any, now: datetime, fetch: Fetch | None = None
    ) -> Result:
        """Evaluation and cards of one call; raises as ``evaluation`` does."""
        request, evaluation = self.evaluation(service, body, now, fetch)
        return Result(request, evaluation, self.cards(request, evaluation))


def is_named(resource: Mapping[str, Any], reference: str) -> bool:
    """Checks whether a resource is the one that a relative reference names."""
    return f"{resource.get('resourceType')}/{resource.get('id')}" == reference


def services_of(pipelines: Sequence[Pipeline], topic: str) -> Collection[str] | None:
    """The ids of the services of a topic, of the main one where ``topic`` is empty; None, for all
    services, where there is one topic only. Raises BadRequest for a topic that there is not."""
    topics = {one.content.topic: one for one in pipelines}
    if topic and topic not in topics:
        raise BadRequest(Issue("value", f"topic must be one of: {', '.join(topics)}.", "topic"))
    chosen = topics[topic] if topic else pipelines[0]
    return chosen.services if len(pipelines) > 1 else None


def is_emergency(evaluation: Evaluation) -> bool:
    """Checks whether one of the cards shown is as pressing as can be."""
    return any(wanted.priority == PRESSING[-1] for wanted in evaluation.shown)
