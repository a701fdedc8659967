"""The input of FHIR operations: a Parameters resource, or a query string.

Odd parts are passed over like unknown ones; what an operation needs it asks for by name.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cds_service.fhir.errors import BadRequest, Issue
from cds_service.fhir.references import References, read_id, read_literal

Part = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Parameters:
    """Parameters in the order they were sent; ``parts`` of one parameter are read the same way."""

    sent: tuple[Part, ...]

    @property
    def names(self) -> set[str]:
        """The names that were sent."""
        return {part["name"] for part in self.sent}

    def all(self, name: str) -> Iterator[Part]:
        """Every parameter of a name."""
        return (part for part in self.sent if part["name"] == name)

    def text(self, name: str) -> str | None:
        """The first text or reference of a name."""
        return next(iter(self.texts(name)), None)

    def texts(self, name: str) -> list[str]:
        """Every text or reference (``valueString``, ``valueReference``, ...) of a name."""
        texts = (_text(value_of(part)) for part in self.all(name))
        return [text for text in texts if text]

    def target(
        self, name: str, types: Sequence[str], references: References
    ) -> tuple[str, str] | None:
        """Returns type and id of what the first reference of a name means; None if there is none.

        A bare id is of the first type, a version is dropped, and a urn is matched against the
        fullUrls of ``references``. Raises BadRequest for another type, and for a reference that
        leads nowhere.
        """
        reference = self.text(name)
        if reference is None:
            return None
        literal = read_literal(reference)
        resource = references.resolve(reference) or {}
        kind = literal.type if literal else resource.get("resourceType", types[0])
        named = literal.id if literal else read_id(reference, types[0]) or resource.get("id")
        if kind not in types or not isinstance(named, str):
            words = f"{name} must be one of {', '.join(f'{kind}/id' for kind in types)}, or a urn "
            raise BadRequest(Issue("value", words + "that is a fullUrl of the data.", name))
        return kind, named

    def flag(self, name: str, default: bool) -> bool:
        """A boolean; ``true`` and ``false`` in a query string."""
        value = next((value_of(part) for part in self.all(name)), default)
        return value if isinstance(value, bool) else str(value).lower() != "false"

    def resources(self, name: str) -> Iterator[dict[str, Any]]:
        """The resources of a name."""
        for part in self.all(name):
            if isinstance(part.get("resource"), dict):
                yield part["resource"]

    def groups(self, name: str) -> Iterator[Parameters]:
        """The parts of each parameter of a name."""
        return (Parameters(tuple(named(part.get("part")))) for part in self.all(name))


def read_parameters(body: Any) -> Parameters:
    """The parameters of a body; raises BadRequest for anything but a Parameters resource."""
    if not isinstance(body, dict) or body.get("resourceType") != "Parameters":
        words = "Send a Parameters resource, with resourceType 'Parameters'."
        raise BadRequest(Issue("structure", words, "Parameters"))
    return Parameters(tuple(named(body.get("parameter"))))


def read_query(pairs: Iterable[tuple[str, str]]) -> Parameters:
    """The parameters of a query string."""
    return Parameters(tuple({"name": n, "valueString": v} for n, v in pairs if v))


def named(parts: Any) -> Iterator[Part]:
    """The parts that have a name."""
    for part in parts if isinstance(parts, list) else ():
        if isinstance(part, dict) and isinstance(part.get("name"), str):
            yield part


def value_of(part: Part) -> Any:
    """Its ``value[x]``."""
    return next((value for key, value in part.items() if key.startswith("value")), None)


def _text(value: Any) -> str | None:
    if isinstance(value, dict):
        value = value.get("reference")
    return value.strip() or None if isinstance(value, str) else None
