"""The description of a replay that every task has, small enough to be sent to a worker."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from math import ceil
from pathlib import Path

from cds_service.authoring.replay.sources import Source

PARTITION_BYTES = 8 << 20  # of raw JSON, which a worker holds with one parsed patient
MAX_PARTITIONS = 16_384  # at one level of the shuffle: about ten million patients
UNPACKED = 10  # how much larger NDJSON is than its gzip


@dataclass(frozen=True, slots=True)
class Plan:
    """The division of patients. With more than one group the shuffle has two levels: groups first,
    then the partitions of each group."""

    partitions: int
    per_group: int

    @property
    def groups(self) -> int:
        """The number of groups; one: a shuffle of one level."""
        return ceil(self.partitions / self.per_group)

    @property
    def two_levels(self) -> bool:
        """True if groups come first."""
        return self.groups > 1

    @property
    def slots(self) -> int:
        """Places in the files of the first level; the last is for what belongs to no patient."""
        return (self.groups if self.two_levels else self.partitions) + 1

    def members(self, group: int) -> Iterator[int]:
        """The partitions of a group."""
        first = group * self.per_group
        return iter(range(first, min(first + self.per_group, self.partitions)))


def make_plan(
    sources: tuple[Source, ...],
    workers: int,
    partition_bytes: int = PARTITION_BYTES,
    most: int = MAX_PARTITIONS,
) -> Plan:
    """The plan for an export; several partitions a worker, so that none waits long for the last."""
    size = sum(s.size * (UNPACKED if s.ending.endswith("gz") else 1) for s in sources)
    partitions = max(ceil(size / partition_bytes), 4 * workers)
    if partitions <= most:
        return Plan(partitions, partitions)
    return Plan(partitions, ceil(partitions / min(most, ceil(partitions**0.5))))


@dataclass(frozen=True, slots=True)
class Job:
    """One replay. ``root`` and ``against`` are folders of content; ``version`` and
    ``against_version`` what they must hold; ``key`` hashes the patients' ids."""

    out: Path
    sources: tuple[Source, ...]
    types: frozenset[str]
    plan: Plan
    root: Path
    version: str
    against: Path | None
    against_version: str | None
    hook: str
    now: datetime
    key: bytes
    case_ids: bool
    code_maps: Path | None = None
    canonicals: tuple[str, ...] = ()  # further urls of the intake form

    @property
    def work(self) -> Path:
        """The folder of what is not finished."""
        return self.out / "work"

    @property
    def medications(self) -> Path:
        """The medicines that entries refer to."""
        return self.work / "medications.sqlite3"

    def piece_file(self, number: int) -> Path:
        """The file of what reading a piece led to; its run file has the same stem."""
        return self.work / "pieces" / f"{number:06}.json"

    def group_file(self, group: int) -> Path:
        """The file of what dividing a group led to."""
        return self.work / "groups" / f"{group:06}.json"

    def part_file(self, partition: int) -> Path:
        """The counts of a partition; its evaluations have the same stem."""
        return self.work / "parts" / f"{partition:06}.json"
