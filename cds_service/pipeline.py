"""One way through: a parsed body in, an evaluation and its cards out. The hook route, ``explain``
and the vignettes all come through here, so that none of them can answer differently."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from cds_service.apply import hook_call, in_parameters, narrowed, remarks
from cds_service.cards import Call, CardWriter
from cds_service.care_plan import CarePlanWriter
from cds_service.chart import ChartIndex
from cds_service.content.model import Content, Resource
from cds_service.discovery import Service, services
from cds_service.errors import Issue, ServiceError, UnknownService
from cds_service.evaluate import Evaluation
from cds_service.facts import Facts, build_facts
from cds_service.hook_request import HookRequest, parse_request
from cds_service.muting import NOBODY, Muting, Names
from cds_service.parameters import Parameters
from cds_service.populate import Populated, Populator
from cds_service.prefetch import Gathered, gather, missing, templates
from cds_service.questionnaire_response import compile_form
from cds_service.silence import evaluate_muted

# Fetches the queries of keys that were not sent: key -> resource, or why it failed.
Fetch = Callable[[HookRequest, Mapping[str, str]], Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Result:
    """What one call led to."""

    request: HookRequest
    evaluation: Evaluation
    cards: list[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Applied:
    """A CarePlan, and the evaluation it came from."""

    care_plan: dict[str, Any]
    evaluation: Evaluation


class Pipeline:
    """Everything that is worked out once per content, and the call path over it."""

    # Says, at each call, what does not speak; where nobody sets it everything does.
    muting: Muting

    def __init__(self, content: Content, intake_url: str) -> None:
        self.content = content
        self.intake_url = intake_url
        self.queries = templates(content)
        self.services = services(content)
        self.names = Names(content, self.services)
        self.muting = lambda: NOBODY
        self.index = ChartIndex.of(content.requirements.values())
        self.writer = CardWriter(content)
        self.plans = CarePlanWriter(self.writer)
        self.form = compile_form(content.questionnaire.resource)
        self.populator = Populator(content, self.index, self.form)

    def service(self, service_id: str) -> Service:
        """The service of that id; raises UnknownService."""
        if service_id not in self.services:
            words = "There is no service with this id. GET /cds-services lists the services."
            raise UnknownService(Issue("not-found", words))
        return self.services[service_id]

    def service_for(self, hook: Any) -> Service:
        """The service that answers a hook; raises UnknownService."""
        found = next((s for s in self.services.values() if s.hook == hook), None)
        if found is None:
            hooks = ", ".join(s.hook for s in self.services.values())
            raise UnknownService(Issue("not-found", f"hook must be one of: {hooks}.", "hook"))
        return found

    def facts(
        self, request: HookRequest, now: datetime, fetch: Fetch | None = None
    ) -> tuple[Gathered, Facts]:
        """What a checked request brought, or ``fetch`` got for it, and its facts; raises
        MissingFacts."""
        lacking = missing(request, self.queries)
        fetched = fetch(request, lacking) if fetch and lacking else {}
        gathered = gather(request, self.queries, fetched)
        return gathered, build_facts(self.content, self.index, request, gathered, now)

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
        served = content or self.content
        return request, evaluate_muted(served, facts, now, service, self.muting())

    def cards(self, request: HookRequest, found: Evaluation) -> list[dict[str, Any]]:
        """The cards that are shown, as CDS Hooks JSON."""
        return self.writer.cards(found, Call(request, self.intake_url))

    def answer(
        self, service: Service, body: Any, now: datetime, fetch: Fetch | None = None
    ) -> Result:
        """Evaluation and cards of one call; raises as ``evaluation`` does."""
        request, found = self.evaluation(service, body, now, fetch)
        return Result(request, found, self.cards(request, found))

    def applied(self, plan: Resource, sent: Parameters, now: datetime, instance: str) -> Applied:
        """A plan applied as ``$apply`` says; raises ServiceError in the parameters' words."""
        body = hook_call(sent, self.queries, instance)
        try:
            service = self.service_for(body["hook"])
            content = narrowed(self.content, plan)
            request, found = self.evaluation(service, body, now, content=content)
        except ServiceError as error:
            raise in_parameters(error) from None
        cards = self.cards(request, found)
        care_plan = self.plans.care_plan(plan, request, found, cards, remarks(sent))
        return Applied(care_plan, found)

    def populate(self, launch: Mapping[str, Any], now: datetime, language: str = "") -> Populated:
        """The form answered from the chart as far as it says so; never raises (``populate``).
        ``populator.queries`` are what the launch should bring."""
        return self.populator.populate(launch, now, language)
