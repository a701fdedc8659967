"""Expands the value sets that have an intent: all are worked out first, then all are written."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import orjson

from cds_service.authoring.expansion.pinned import (
    MAX_LOST,
    Code,
    Expansion,
    ExpansionError,
    exclusions,
    expanded,
    for_site,
    gone,
    intents,
    pinned_codes,
    write_json,
)
from cds_service.authoring.expansion.rxnorm import RxNorm, read_rxnorm
from cds_service.authoring.expansion.terminology_server import TerminologyServer
from cds_service.content.codes import RXNORM, SNOMED, canonical_system
from cds_service.content.model import Resource

FOLDER = "value_sets"
Progress = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Sources:
    """Sources of codes: a folder of RxNorm's files, a terminology server, or both."""

    rxnorm: Path | None = None
    server: TerminologyServer | None = None


@dataclass(frozen=True, slots=True)
class Change:
    """One value set: the file to write, its new content, and the difference in lines."""

    path: Path
    value_set: Resource
    lines: tuple[str, ...]
    lost: float  # share of the former codes that are gone


def changes(
    root: Path,
    sources: Sources,
    now: datetime,
    progress: Progress,
    site: Path | None = None,
    only: Collection[str] = (),
) -> list[Change]:
    """Returns what to write for each value set with an intent (``only``: of these ids). Raises
    ExpansionError; nothing is written here."""
    rxnorm = read_rxnorm(sources.rxnorm, progress) if sources.rxnorm else None
    value_sets = dict(_with_intent(root, only))
    if not value_sets:
        raise ExpansionError(f"no value set in {root / FOLDER} has a filter to expand.")
    reader = _Reader(sources.server, rxnorm, progress)
    return [_change(path, value_set, reader, site, now) for path, value_set in value_sets.items()]


def apply(found: Collection[Change], accepts_losses: bool) -> None:
    """Writes the changes; raises ExpansionError if one loses too many codes, and writes none."""
    for change in found:
        if change.lost > MAX_LOST and not accepts_losses:
            raise ExpansionError(
                f"{change.path.name} would lose {change.lost:.0%} of its codes: read the "
                "difference, then run again with --yes. Nothing was written."
            )
    for change in found:
        write_json(change.path, change.value_set)


def _with_intent(root: Path, only: Collection[str]) -> Iterator[tuple[Path, Resource]]:
    for path in sorted((root / FOLDER).glob("*.json")):
        try:
            value_set = orjson.loads(path.read_bytes())
        except orjson.JSONDecodeError as error:
            raise ExpansionError(f"{path.name} is not valid JSON: {error.msg}.") from None
        if (not only or value_set.get("id") in only) and intents(value_set):
            yield path, value_set


def _change(
    path: Path, value_set: Resource, reader: _Reader, site: Path | None, now: datetime
) -> Change:
    before_set = value_set
    if site:
        path = site / path.name
        before_set = orjson.loads(path.read_bytes()) if path.exists() else {}
    before, expansion = pinned_codes(before_set), reader.expansion(value_set)
    if not site and any(code.system == SNOMED for code in expansion.codes):
        raise ExpansionError(
            f"{value_set['id']} holds SNOMED CT, whose license forbids to keep an expansion in the "
            "content: name your own folder with --site."
        )
    whole = expanded(value_set, expansion, now)
    lost = gone(before, expansion.codes)
    lines = (
        *(f"- {code} ({reader.status(code)})" for code in lost),
        *(f"+ {code}" for code in gone(expansion.codes, before)),
    )
    share = len(lost) / len(before) if before else 0.0
    return Change(path, for_site(whole) if site else whole, lines, share)


class _Reader:
    """Expands value sets from one server and one release of RxNorm."""

    def __init__(
        self, server: TerminologyServer | None, rxnorm: RxNorm | None, progress: Progress
    ) -> None:
        self.server = server
        self.rxnorm = rxnorm
        self.progress = progress

    def expansion(self, value_set: Resource) -> Expansion:
        """Returns the codes of all its intents; raises ExpansionError."""
        self.progress(f"{value_set['id']} ...")
        codes: dict[tuple[str, str], Code] = {}
        versions: set[str] = set()
        for include in intents(value_set):
            members, used = self._include(value_set, include)
            codes |= {code.key: code for code in members}
            versions |= used
        if not codes:
            raise ExpansionError(f"{value_set['id']}: its filters meet no code. Check them.")
        return Expansion(tuple(codes.values()), tuple(versions))

    def _include(
        self, value_set: Resource, include: Mapping[str, Any]
    ) -> tuple[list[Code], frozenset[str]]:
        excluded = exclusions(value_set, include["system"])
        if canonical_system(include["system"]) == RXNORM and self.rxnorm:
            without = {c.key for part in excluded for c in _members(self.rxnorm, part)}
            members = [c for c in _members(self.rxnorm, include) if c.key not in without]
            return members, frozenset({f"{RXNORM}|{self.rxnorm.version}"})
        if self.server is None:
            raise ExpansionError(
                f"{value_set['id']} needs {include['system']}: give --terminology-server"
                + (" or --rxnorm." if include["system"] == RXNORM else ".")
            )
        return self.server.expand(include, excluded, self.progress)

    def status(self, code: Code) -> str:
        """Returns why a code is gone, as the server says; without a server, that it is gone."""
        return self.server.status(code) if self.server else "no longer meets the filters"


def _members(rxnorm: RxNorm, part: Mapping[str, Any]) -> list[Code]:
    """The codes that a part of ``compose`` lists or filters."""
    listed = [Code(RXNORM, concept["code"]) for concept in part.get("concept", ())]
    return listed + (rxnorm.select(part["filter"]) if part.get("filter") else [])
