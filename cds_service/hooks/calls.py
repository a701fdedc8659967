"""Answers hook calls with everything around the evaluation: fetching, repeats, the record.

The store is never in the way of cards: when it is down, cards are returned as if nothing had been
settled before, and the loss is counted.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any

from cds_service.access.clients import Client
from cds_service.access.fhir_access import FhirAccess, FhirPolicy
from cds_service.access.fhir_client import FhirClient, Limits
from cds_service.content.model import INDICATORS
from cds_service.decision.evaluate import Evaluation, WantedCard
from cds_service.decision.evaluate import suppress as suppress_cards
from cds_service.hooks import app_context
from cds_service.hooks.chart_coverage import ChartCoverage
from cds_service.hooks.discovery import Service
from cds_service.hooks.drafts import Call
from cds_service.hooks.pipeline import Pipeline
from cds_service.hooks.repeats import (
    RepeatScope,
    answers_digest,
    may_suppress,
    repeat_key,
    settled_keys,
    unsettled,
)
from cds_service.hooks.request import HookRequest
from cds_service.hooks.versions import FormLink, cards_for
from cds_service.settings import Settings
from cds_service.store import CallRecord, CardRecord, CardState, Store, StoreUnavailable
from cds_service.telemetry import metrics
from cds_service.telemetry.logs import LOG


@dataclass(frozen=True, slots=True)
class _Call:
    """One call on its way: whose it is, what was asked, and what each card's repeat key is."""

    service: Service
    client: Client
    request: HookRequest
    evaluation: Evaluation
    keys: dict[str, str]  # by the card's clinical id


@dataclass(frozen=True, slots=True)
class CallResult:
    """The cards of one call in the client's dialect, and the evaluation they came from."""

    cards: list[dict[str, Any]]
    evaluation: Evaluation


class HookCalls:
    """One per process; what touches the world is made on first use, so after the fork.

    ``pipelines`` are those of all topics, the main one first. A call is about the one topic of its
    service; the others are not looked at.
    """

    def __init__(self, pipelines: Sequence[Pipeline], store: Store, settings: Settings) -> None:
        self.pipelines = pipelines
        self.pipeline = pipelines[0]
        self._of_service = {name: one for one in pipelines for name in one.services}
        self.store = store
        self.settings = settings
        self.coverage = ChartCoverage()

    def services(self) -> Iterator[Service]:
        """The services of all topics, those of the main one first."""
        for pipeline in self.pipelines:
            yield from pipeline.services.values()

    def service(self, service_id: str) -> Service:
        """The service of that id; raises UnknownService."""
        return self._of_service.get(service_id, self.pipeline).service(service_id)

    @cached_property
    def fhir(self) -> FhirClient:
        """The client for prefetch that was not sent."""
        s = self.settings
        return FhirClient(Limits(s.fetch_seconds, s.fetch_pages, s.fetch_bytes))

    def close(self) -> None:
        """Ends connections and threads of this process."""
        if "fhir" in self.__dict__:
            self.fhir.close()
        self.store.close()

    def warm_up(self) -> None:
        """Opens connections before the first caller waits for them; a dead store is no matter."""
        with suppress(StoreUnavailable):
            self.store.warm_up()

    def answer(self, service: Service, body: Any, client: Client, now: datetime) -> CallResult:
        """Evaluates one call of a client; raises ServiceError for what cannot be answered."""
        started = time.perf_counter()
        fetching = _Fetching(self, client.fhir_policy(self.settings.development))
        pipeline = self._of_service[service.id]
        request, evaluation = pipeline.evaluation(service, body, now, fetching.fetch)
        evaluated = time.perf_counter()
        scope = self._repeat_scope(evaluation, client, request)
        keys = {w.card.id: self._key(scope, w, pipeline.topic_path) for w in evaluation.shown}
        evaluation = self._suppress_repeats(evaluation, keys, client, request)
        call = _Call(service, client, request, evaluation, keys)
        cards = pipeline.cards(request, evaluation, client.id)
        written = time.perf_counter()
        seconds = {
            "fetch": fetching.seconds,
            "evaluation": evaluated - started - fetching.seconds,
            "cards": written - evaluated,
        }
        count_evaluation(evaluation, seconds["evaluation"])
        self.coverage.add(evaluation.facts.codings, now)
        self._record(call, cards, {step: 1000 * s for step, s in seconds.items()})
        links = self._form_links(client, pipeline, pipeline.call(request, client.id))
        return CallResult(cards_for(client, cards, links), evaluation)

    def _form_links(self, client: Client, pipeline: Pipeline, call: Call) -> dict[str, FormLink]:
        """Returns how each form is launched, by the address that cards lead to."""
        return {
            url: FormLink(
                url,
                f"{url}/launch",
                app_context.write(self.store.names, form.canonical, call.uuid()),
            )
            for form in (pipeline.content.forms if client.smart else ())
            if (url := call.form_url(form.id, is_needed=form.is_needed))
        }

    # -- repeats ------------------------------------------------------------------------

    def _repeat_scope(
        self, evaluation: Evaluation, client: Client, request: HookRequest
    ) -> RepeatScope:
        names = self.store.names
        return RepeatScope(
            names.patient(client.id, request.patient_id),
            answers_digest(names, evaluation.facts.response, evaluation.facts.other_responses),
        )

    def _key(self, scope: RepeatScope, wanted: WantedCard, topic_path: str) -> str:
        sources = (reason.source.id for reason in wanted.reasons)
        return repeat_key(
            self.store.names,
            scope,
            f"{topic_path}{wanted.card.id}",
            sources,
            INDICATORS[wanted.priority],
        )

    def _suppress_repeats(
        self,
        evaluation: Evaluation,
        keys: Mapping[str, str],
        client: Client,
        request: HookRequest,
    ) -> Evaluation:
        """The evaluation without what was settled before; ``keys`` are the repeat keys of the cards
        shown, by their clinical ids."""
        if not self.settings.suppress_repeats:
            return evaluation
        never = {w.card.id for w in evaluation.shown if w.card.never_suppressed}
        by_key = {
            keys[w.card.id]: w
            for w in evaluation.shown
            if may_suppress(INDICATORS[w.priority], w.card.id, never)
        }
        window = timedelta(days=evaluation.content.strategy.repeat_days)
        try:
            past = self.store.past_reactions(by_key)
        except StoreUnavailable:
            return evaluation  # counted by the store; showing a card again does no harm
        encounter = self.store.names.encounter(client.id, request.encounter_id)
        settled = settled_keys(past, encounter, evaluation.now, window)
        left = {by_key[key]: unsettled(by_key[key], what) for key, what in settled.items()}
        return suppress_cards(evaluation, left)

    # -- the record ------------------------------------------------------------------

    def _record(self, call: _Call, cards: list[dict[str, Any]], timings: dict[str, float]) -> None:
        evaluation, sheet = call.evaluation, call.evaluation.facts.answers
        sent = dict(zip(evaluation.shown, cards, strict=True))
        record = CallRecord(
            at=evaluation.now,
            service=call.service.id,
            hook=call.service.hook,
            hook_instance=call.request.hook_instance,
            client=call.client.id,
            content_version=evaluation.content.version,
            patient_id=call.request.patient_id,
            encounter_id=call.request.encounter_id,
            cards=tuple(
                _card_record(w, sent.get(w), call.keys[w.card.id])
                for w in (*evaluation.shown, *evaluation.suppressed)
            )
            + tuple(_silent_record(w) for w in evaluation.silent),
            timings=timings,
            answered=len(sheet.view),
            unanswered=len(sheet.unanswered),
            unusable=len(sheet.unusable),
        )
        try:
            self.store.record_call(record)
        except StoreUnavailable:
            LOG.warning("the store is not available: this call is not recorded")


class _Fetching:
    """The fetches of one call, and how long they took."""

    def __init__(self, calls: HookCalls, policy: FhirPolicy) -> None:
        self.calls = calls
        self.policy = policy
        self.seconds = 0.0

    def fetch(self, access: FhirAccess, queries: Mapping[str, str]) -> Mapping[str, Any]:
        """Key -> resource, or why it failed."""
        started = time.perf_counter()
        fetched = self.calls.fhir.fetch(access, queries, self.policy, self.seconds)
        self.seconds += time.perf_counter() - started
        return fetched


def count_evaluation(evaluation: Evaluation, seconds: float) -> None:
    """Adds one evaluation to ``/metrics``. All labels are the content's."""
    metrics.EVALUATION_SECONDS.observe(seconds)
    cards = {
        CardState.SHOWN: evaluation.shown,
        CardState.SUPPRESSED: evaluation.suppressed,
        CardState.SILENT: evaluation.silent,
    }
    for state, listed in cards.items():
        for wanted in listed:
            indicator = INDICATORS[wanted.priority]
            metrics.CARDS.labels(wanted.card.id, indicator, state.value).inc()
    for kind, count in evaluation.facts.unusable.items():
        metrics.UNUSABLE.labels(kind).inc(count)
    metrics.RULE_ERRORS.labels(CardState.SHOWN.value).inc(len(evaluation.errors))
    metrics.RULE_ERRORS.labels(CardState.SILENT.value).inc(len(evaluation.silent_errors))


def _silent_record(wanted: WantedCard) -> CardRecord:
    """A card nobody saw, so nobody can settle it: without uuid and without repeat key."""
    return CardRecord(
        uuid="",
        card=wanted.card.id,
        sources=tuple(reason.source.id for reason in wanted.reasons),
        indicator=INDICATORS[wanted.priority],
        state=CardState.SILENT,
        repeat_key="",
    )


def _card_record(wanted: WantedCard, sent: dict[str, Any] | None, key: str) -> CardRecord:
    return CardRecord(
        uuid=sent["uuid"] if sent else "",
        card=wanted.card.id,
        sources=tuple(reason.source.id for reason in wanted.reasons),
        indicator=INDICATORS[wanted.priority],
        state=CardState.SHOWN if sent else CardState.SUPPRESSED,
        repeat_key=key,
        suggestions=_suggestion_ids(wanted, sent or {}),
        overrides=tuple(
            f"{r['system']}|{r['code']}" for r in (sent or {}).get("overrideReasons", ())
        ),
    )


def _suggestion_ids(wanted: WantedCard, sent: Mapping[str, Any]) -> dict[str, str]:
    """The uuid of each suggestion that was sent, with its id in the content."""
    ids = (s.id for s in wanted.suggestions if s.order)
    return {one["uuid"]: id_ for one, id_ in zip(sent.get("suggestions", ()), ids, strict=False)}
