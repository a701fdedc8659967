"""A card as an EHR shows it: written by the service's own writer for the made-up person of the
example call, as if one source alone asked for it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any

import orjson

from cds_service.content import find_root
from cds_service.content.model import INDICATORS, PRESSING, Card, Contribution
from cds_service.decision.evaluate import Answer, Evaluation, WantedCard
from cds_service.hooks.pipeline import Pipeline
from cds_service.hooks.request import HookRequest

EXAMPLE = "examples/patient-view-urinary-symptoms.json"
WORDS_A_SECOND = 4
WIDTHS = (320, 480)  # pixels, of the column an EHR has for cards
_MARKUP = re.compile(r"[*`]|^- ", re.M)


@dataclass(frozen=True, slots=True)
class Preview:
    """One card as CDS Hooks JSON, the source that asks for it, and how long it takes to read."""

    source: str
    indicator: str
    card: dict[str, Any]

    @property
    def words(self) -> int:
        """The words of summary and detail: tokens that hold a letter or a digit."""
        text = _MARKUP.sub("", f"{self.card['summary']} {self.card['detail']}")
        return sum(any(map(str.isalnum, token)) for token in text.split())

    @property
    def seconds(self) -> int:
        """Seconds to read it, at 4 words a second."""
        return -(-self.words // WORDS_A_SECOND)


class Previews:
    """The previews of one content; empty where the example call is not there."""

    def __init__(self, pipeline: Pipeline) -> None:
        self.pipeline = pipeline

    @cached_property
    def example(self) -> tuple[HookRequest, Evaluation] | None:
        """The example call, evaluated an hour after its answers."""
        path = find_root() / EXAMPLE
        if self.pipeline.topic_path or not path.is_file():
            return None  # the example is a call of the main topic
        body = orjson.loads(path.read_bytes())
        responses = body["prefetch"]["questionnaireResponses"]["entry"]
        authored = datetime.fromisoformat(responses[0]["resource"]["authored"])
        service = self.pipeline.service_for(body["hook"])
        return self.pipeline.evaluation(service, body, authored + timedelta(hours=1))

    def of(self, card: Card, asking: tuple[Contribution, ...]) -> Iterator[Preview]:
        """Yields a preview for each source that asks for the card, each summary once."""
        summaries: dict[str, None] = {}
        for contribution in asking:
            wanted = self._wanted(card, contribution)
            if self.example is None or wanted is None or wanted.summary in summaries:
                continue
            summaries[wanted.summary] = None
            request, evaluation = self.example
            alone = replace(evaluation, shown=(wanted,), deferred=())
            (written,) = self.pipeline.writer.cards(alone, self.pipeline.call(request))
            yield Preview(contribution.source.title, INDICATORS[wanted.priority], written)

    def _wanted(self, card: Card, contribution: Contribution) -> WantedCard | None:
        if contribution.advice or self.example is None:
            return None
        evaluator = self.example[1].evaluator
        offered = (s for s in card.suggestions if evaluator.all_hold(s.conditions) is Answer.YES)
        priority = max((card.priority, contribution.priority), key=PRESSING.index)
        return WantedCard(card, (contribution,), (), priority, tuple(offered))
