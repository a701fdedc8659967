"""Everything a worker keeps for one replay: the compiled content, and what is looked up."""

from __future__ import annotations

import gc
import hashlib
import hmac
import threading
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from cds_service.authoring.replay.codings import CodingCounts, CodingReader
from cds_service.authoring.replay.groups import Groups, read_groups
from cds_service.authoring.replay.job import Job
from cds_service.authoring.replay.medications import Medications
from cds_service.authoring.replay.people import PersonReader
from cds_service.authoring.replay.sources import ReplayError
from cds_service.authoring.replay.untouched import RuleAnswers
from cds_service.content import Content, load_content
from cds_service.decision.evaluate import Answer, Evaluation
from cds_service.decision.form_of_response import FormUrls
from cds_service.decision.record import PatientRecord
from cds_service.hooks.pipeline import Pipeline
from cds_service.hooks.request import HOOKS

NO_ADDRESS = "https://example.org/intake"  # no card is written, so no link either
ALWAYS_READ = ("Patient", "QuestionnaireResponse", "ServiceRequest", "Medication", "Encounter")
GARBAGE = 50_000  # objects between two collections: parsed JSON is not cyclic


@dataclass(frozen=True, slots=True)
class Told:
    """The content's answer to one person: card ids in order, the answers of its rules."""

    evaluation: Evaluation
    cards: tuple[str, ...]
    rules: tuple[Answer, ...]
    anatomy: str


class Speaker:
    """One content, compiled, and its answers to records."""

    def __init__(
        self, content: Content, hook: str, groups: Groups, canonicals: Sequence[str]
    ) -> None:
        self.content = content
        self.pipeline = Pipeline(content, NO_ADDRESS, form_urls=FormUrls(frozenset(canonicals)))
        self.service = self.pipeline.service_for(hook)
        self.groups = groups
        self.rules = {s.id: s.rule for s in content.sources if s.rule}
        self._anatomy = [name for name in groups.anatomy if name in content.names]
        self._answers = RuleAnswers(content, (*self.rules.values(), *self._anatomy))

    def tell(self, record: PatientRecord, job: Job) -> Told:
        """Evaluates a record as the hook does; raises ServiceError where the hook does."""
        evaluation = self.pipeline.evaluate_record(self.service, record, job.now)
        answers = self._answers.of(evaluation)
        rules = tuple(answers[: len(self.rules)])
        anatomy = dict(zip(self._anatomy, answers[len(rules) :], strict=True))
        cards = tuple(wanted.card.id for wanted in evaluation.shown)
        return Told(evaluation, cards, rules, self.groups.anatomy_of(anatomy))


class Engine:
    """All that one process needs for the partitions of one job."""

    def __init__(self, job: Job) -> None:
        self.job = job
        self.groups = read_groups()
        content = loaded(job.root, job.code_maps, job.version)
        self.speaker = Speaker(content, job.hook, self.groups, job.canonicals)
        self.against: Speaker | None = None
        if job.against and job.against_version:
            other = loaded(job.against, job.code_maps, job.against_version)
            self.against = Speaker(other, job.hook, self.groups, job.canonicals)
        speakers = [self.speaker, self.against] if self.against else [self.speaker]
        self._codings = [CodingReader(speaker.pipeline.index) for speaker in speakers]
        self._medications = Medications(job.medications)
        self.lock = threading.Lock()  # a cluster's worker may have several threads

    def reader(self) -> PersonReader:
        """A reader of people whose counts begin at nothing."""
        first, *others = self._codings
        first.counts = CodingCounts()
        in_encounter = HOOKS[self.job.hook].encounter_required
        return PersonReader(first, others, self._medications, in_encounter)

    def case_key(self, patient: str) -> str:
        """The keyed hash of a patient's id, 32 hexadecimal digits."""
        return hmac.digest(self.job.key, patient.encode(), hashlib.sha256).hex()[:32]


@lru_cache(maxsize=4)
def load(root: Path, code_maps: Path | None) -> Content:
    """The content of a folder, loaded once in a process; raises ContentError."""
    return load_content(root, code_maps=code_maps)


def loaded(root: Path, code_maps: Path | None, version: str) -> Content:
    """The content of a folder; raises ReplayError if it is not of this version any more."""
    content = load(root, code_maps)
    if content.version != version:
        raise ReplayError(f"the content in {root} is {content.version}, not {version} any more")
    return content


@lru_cache(maxsize=1)
def engine_of(job: Job) -> Engine:
    """The engine of a job, made once in a process."""
    engine = Engine(job)
    gc.collect()
    gc.freeze()
    gc.set_threshold(GARBAGE)
    return engine


def types_read(contents: Iterable[Content]) -> frozenset[str]:
    """The resource types that some content reads."""
    asked = {r.type for content in contents for r in content.requirements.values()}
    return frozenset((*ALWAYS_READ, *asked))
