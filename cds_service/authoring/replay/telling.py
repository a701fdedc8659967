"""Counts what the content says of one person after another."""

from __future__ import annotations

import hashlib
import re
import time
from collections import Counter
from collections.abc import Iterable
from itertools import combinations
from typing import Any

import orjson

from cds_service.authoring.replay.counts import MODULUS, Counts
from cds_service.authoring.replay.engine import Engine, Speaker, Told
from cds_service.authoring.replay.lines import Reason
from cds_service.authoring.replay.people import PersonReader
from cds_service.authoring.replay.runs import Record
from cds_service.content import Content
from cds_service.decision.evaluate import Answer
from cds_service.decision.record import PatientRecord
from cds_service.fhir.errors import ServiceError
from cds_service.fhirpath import FhirPathError

SPEAKS, SILENT = "newly speaks", "falls silent"
ALONE, TOGETHER = "alone", "with others"
FAILED = "the conditions of the strategy failed"
ITEM = re.compile(r"%answers\.([A-Za-z][\w-]*)")


class Teller:
    """The counts and rows of one partition."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.counts = Counts()
        self.rows: list[dict[str, Any]] = []
        self.diff: list[list[str]] = []  # case key, card, change
        self.bytes = 0
        self._answers: Counter[tuple[tuple[Answer, ...], str, str]] = Counter()
        self._open: Counter[tuple[tuple[Answer, ...], frozenset[str]]] = Counter()

    def add(self, name: str, record: PatientRecord | None, raw: Iterable[Record]) -> None:
        """Evaluates and counts one patient; ``record`` is None without a Patient resource."""
        self.bytes += sum(len(one.json) for one in raw)
        if record is None:
            for one in raw:
                self.counts.unreadable[str(one.source), Reason.ORPHAN] += 1
            return
        began = time.perf_counter_ns()
        told = self._tell(self.engine.speaker, record)
        microseconds = (time.perf_counter_ns() - began) // 1000
        self.counts.patients += 1
        if isinstance(told, str):
            self.counts.not_answered[told,] += 1
            self._sum_digest([name, told])
        else:
            self._count(name, told, microseconds)
        if self.engine.against:
            self._compare(name, told, self._tell(self.engine.against, record))

    def _tell(self, speaker: Speaker, record: PatientRecord) -> Told | str:
        """Returns what a content says; the name of the error that the service would answer with."""
        try:
            return speaker.tell(record, self.engine.job)
        except ServiceError as error:
            return type(error).__name__
        except FhirPathError:
            return FAILED

    def _count(self, name: str, told: Told, microseconds: int) -> None:
        counts, evaluation = self.counts, told.evaluation
        facts = evaluation.facts
        band = self.engine.groups.band(facts.variables["age"])
        not_understood = Counter((one.type, str(one.why)) for one in facts.unread)
        counts.groups[band, told.anatomy] += 1
        counts.per_person[str(len(told.cards)),] += 1
        for card in told.cards:
            counts.cards[card, band, told.anatomy] += 1
        counts.pairs.update(combinations(sorted(told.cards), 2))
        counts.unread.update(not_understood)
        counts.errors.update((text,) for text in evaluation.errors)
        self._answers[told.rules, band, told.anatomy] += 1
        if facts.response is not None:
            counts.answered += 1
            sheet = facts.answers
            left = frozenset((*sheet.unanswered, *sheet.stale, *sheet.unusable))
            self._open[told.rules, left] += 1
        key = self.engine.case_key(name)
        words = [f"{kind}: {why}" for kind, why in sorted(not_understood.elements())]
        self.rows.append(
            {
                "case": key,
                "patient": name,
                "ageBand": band,
                "anatomy": told.anatomy,
                "cards": list(told.cards),
                "microseconds": microseconds,
                "notUnderstood": words,
            }
        )
        shown = [
            [w.card.id, w.priority, [r.source.id for r in w.reasons]] for w in evaluation.shown
        ]
        deferred = [w.card.id for w in evaluation.deferred]
        self._sum_digest([name, shown, deferred, [*told.rules], words])

    def _sum_digest(self, told: list[Any]) -> None:
        hashed = hashlib.sha256(orjson.dumps(told)).digest()
        self.counts.digest = (self.counts.digest + int.from_bytes(hashed, "big")) % MODULUS

    def _compare(self, name: str, told: Told | str, before: Told | str) -> None:
        now = set(told.cards) if isinstance(told, Told) else set()
        then = set(before.cards) if isinstance(before, Told) else set()
        changes = [(card, SPEAKS) for card in now - then] + [(c, SILENT) for c in then - now]
        self.counts.changes.update(changes)
        case = name if self.engine.job.case_ids else self.engine.case_key(name)
        self.diff += [[case, card, change] for card, change in sorted(changes)]

    def finish(self, reader: PersonReader) -> Counts:
        """The counts of the partition, those of its reader among them."""
        counts, rules = self.counts, list(self.engine.speaker.rules)
        for (answers, band, anatomy), number in self._answers.items():
            for rule, answer in zip(rules, answers, strict=True):
                counts.rules[rule, str(answer), band, anatomy] += number
        items = items_of_rules(self.engine.speaker.content)
        for (answers, left), number in self._open.items():
            for rule, answer in zip(rules, answers, strict=True):
                missing = items[rule] & left if answer is Answer.UNKNOWN else ()
                for item in missing:
                    counts.missing[item, ALONE if len(missing) == 1 else TOGETHER] += number
        for (source, reason), number in reader.problems.items():
            counts.unreadable[str(source), reason] += number
        counts.codings = reader.codings.counts
        return counts


def items_of_rules(content: Content) -> dict[str, frozenset[str]]:
    """Clinical id -> the questions that a rule reads, names followed."""
    expressions = content.expressions.expressions
    known: dict[str, frozenset[str]] = {}

    def items(name: str) -> frozenset[str]:
        if name not in known:
            own = expressions[name]
            below = [items(one) for one in own.variables if one in expressions]
            known[name] = frozenset(ITEM.findall(own.text)).union(*below)
        return known[name]

    return {s.id: items(s.rule) for s in content.sources if s.rule}
