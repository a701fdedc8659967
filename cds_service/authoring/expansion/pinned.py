"""The frozen list of a value set: what changes in it, and how it is written."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import orjson

from cds_service.content import extensions as ext
from cds_service.content.codes import HIERARCHICAL, canonical_system
from cds_service.content.model import Resource

ENUMERATED_ONLY = "enumerated-only"  # of a value set: why it may not follow a hierarchy
MAX_LOST = 0.1  # of the codes of a set; more are only taken out on purpose


class ExpansionError(RuntimeError):
    """Error: an expansion is not possible; the text says where and what to do."""


@dataclass(frozen=True, slots=True, order=True)
class Code:
    """One member of an expansion. Equal by system and code; the display may change."""

    system: str
    code: str
    display: str = ""

    @property
    def key(self) -> tuple[str, str]:
        """System and code."""
        return self.system, self.code

    def __str__(self) -> str:
        return f"{self.system} {self.code} {self.display}".rstrip()

    def as_fhir(self) -> dict[str, str]:
        """The member as ``ValueSet.expansion.contains``."""
        return {"system": self.system, "code": self.code, "display": self.display}


@dataclass(frozen=True, slots=True)
class Expansion:
    """Codes of one value set, and the versions they were made from (``system|version``)."""

    codes: tuple[Code, ...]
    versions: tuple[str, ...]


def intents(value_set: Resource) -> list[dict[str, Any]]:
    """Returns the parts of ``compose.include`` with a filter that is not matched offline. Raises
    ExpansionError for a set that has to be enumerated."""
    parts = [
        part
        for part in value_set.get("compose", {}).get("include", ())
        if part.get("filter") and canonical_system(part.get("system")) not in HIERARCHICAL
    ]
    if parts and (reason := ext.value(value_set, ENUMERATED_ONLY)):
        raise ExpansionError(
            f"{value_set['id']} has a filter and must be enumerated ({reason}). List its codes."
        )
    return parts


def exclusions(value_set: Resource, system: str) -> list[dict[str, Any]]:
    """Returns the parts of ``compose.exclude`` of one code system."""
    parts = value_set.get("compose", {}).get("exclude", ())
    return [part for part in parts if part.get("system") == system]


def pinned_codes(value_set: Resource) -> list[Code]:
    """Returns the codes of the frozen list; empty without one."""
    listed = value_set.get("expansion", {}).get("contains", ())
    return [Code(c["system"], c["code"], c.get("display", "")) for c in listed]


def gone(before: Iterable[Code], after: Iterable[Code]) -> list[Code]:
    """Returns the codes that are only in ``before``, in order."""
    kept = {code.key for code in after}
    return sorted(code for code in before if code.key not in kept)


def expanded(value_set: Resource, expansion: Expansion, now: datetime) -> Resource:
    """Returns a copy of the value set with this frozen list; ``now`` is aware."""
    parameters = [{"name": "used-codesystem", "valueUri": v} for v in sorted(expansion.versions)]
    return {
        **value_set,
        "expansion": {
            "identifier": f"urn:uuid:{uuid.uuid4()}",
            "timestamp": now.isoformat(timespec="seconds"),
            "total": len(expansion.codes),
            "parameter": parameters,
            "contains": [code.as_fhir() for code in sorted(expansion.codes)],
        },
    }


def for_site(value_set: Resource) -> Resource:
    """Returns what a site keeps: the frozen list under the url of the set, without the intent."""
    kept = ("resourceType", "id", "url", "status", "expansion")
    return {name: value_set[name] for name in kept if name in value_set}


def write_json(path: Path, resource: Mapping[str, Any]) -> None:
    """Replaces a file at once, so that half of one is never read; raises OSError."""
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.new")
    beside.write_bytes(orjson.dumps(resource, option=orjson.OPT_INDENT_2) + b"\n")
    beside.replace(path)
