"""Reading one made-up chart entry."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from cds_service.content.codes import CodeSet
from cds_service.content.model import CodeFilter, Requirement
from cds_service.decision.chart import ChartIndex
from tests.support.clinic import NOW

CODE = {"coding": [{"system": "urn:test", "code": "it"}]}

CODES = CodeSet({("urn:test", "it")})


def requirement(kind: str = "Observation", **more: Any) -> Requirement:
    """``it``: entries of a type with one code."""
    paths = {"MedicationRequest": "medication", "Encounter": "type"}
    main = CodeFilter(paths.get(kind, "code"), CODES, "urn:set", allows_absent=False)
    extra = more.pop("filters", ())
    given: dict[str, Any] = {"window": None, "limit": None, "tag": None, "quotable": True, **more}
    return Requirement("it", kind, (main, *extra), **given)


def matched(wanted: Requirement, *entries: Any, now: datetime = NOW) -> list[Any]:
    found, _ = ChartIndex.of([wanted]).match(entries, now)
    return [entry.resource for entry in found.get("it", [])]


def seen(wanted: Requirement, entry: Any, now: datetime = NOW) -> bool:
    return matched(wanted, entry, now=now) == [entry]
