"""References between resources, in every form that R4 allows (references.html, bundle.html).

One reading for all: contained (``#p``), relative (``Patient/p``), absolute, version-specific
(``.../_history/2``, the version is dropped), ``urn:uuid:`` and ``urn:oid:``. What a reference names
may be among the resources of the call (``References``), or may not: that is never an error here.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

Resource = Mapping[str, Any]

ENOUGH = 3  # different resources of one type and id that are kept: two are one too many
_ID = r"[A-Za-z0-9\-.]{1,64}"
_LITERAL = re.compile(rf"(?:(.+)/)?([A-Z][A-Za-z]+)/({_ID})(?:/_history/{_ID})?/?")


@dataclass(frozen=True, slots=True)
class Literal:
    """A literal reference to a resource of a server; ``base`` is None where it is relative."""

    type: str
    id: str
    base: str | None = None

    @property
    def text(self) -> str:
        """The relative reference, without a version."""
        return f"{self.type}/{self.id}"


def read_literal(reference: Any) -> Literal | None:
    """The type and id that a relative or absolute reference names; None for any other value."""
    match = _LITERAL.fullmatch(reference.strip()) if isinstance(reference, str) else None
    return Literal(match[2], match[3], match[1]) if match else None


def read_id(reference: Any, type_name: str) -> str | None:
    """The id of a resource of one type: of a bare id or a reference to that type; None for a
    reference to another type, a urn, a fragment, or what is no reference."""
    if not isinstance(reference, str):
        return None
    if re.fullmatch(_ID, reference.strip()):
        return reference.strip()
    literal = read_literal(reference)
    return literal.id if literal and literal.type == type_name else None


def reference_text(element: Any) -> str | None:
    """The text of a Reference element, or of a reference that is plain text; else None."""
    if isinstance(element, Mapping):
        element = element.get("reference")
    return element.strip() or None if isinstance(element, str) else None


class References:
    """The resources that references of one call name, among those that came with it.

    ``entries`` are (fullUrl or None, resource). A resource is found by its fullUrl, or by its type
    and id. Where two different resources have the same type and id, neither is found by it.
    """

    __slots__ = ("_by_id", "_by_url", "_types")

    def __init__(self, entries: Iterable[tuple[str | None, Resource]] = ()) -> None:
        self._by_url: dict[str, Resource] = {}
        self._by_id: dict[tuple[str, str], list[tuple[str | None, Resource]]] = {}
        self._types: dict[str, set[str]] = {}  # id -> the types that have it
        for full_url, resource in entries:
            self.add(full_url, resource)

    @classmethod
    def of(cls, resources: Iterable[Resource]) -> References:
        """The references among resources whose fullUrl is not known."""
        return cls((None, resource) for resource in resources)

    def add(self, full_url: Any, resource: Resource) -> None:
        """Adds one resource."""
        base = None
        if isinstance(full_url, str) and full_url:
            self._by_url.setdefault(_without_version(full_url), resource)
            literal = read_literal(full_url)
            base = literal.base if literal else None
        name = resource.get("resourceType"), resource.get("id")
        if isinstance(name[0], str) and isinstance(name[1], str):
            known = self._by_id.setdefault((name[0], name[1]), [])
            if len(known) < ENOUGH and (base, resource) not in known:
                known.append((base, resource))
            self._types.setdefault(name[1], set()).add(name[0])

    def resolve(self, element: Any, within: Resource | None = None) -> Resource | None:
        """The resource that a Reference element (or plain text) names; ``within`` is the resource
        that holds it, and what it contains. None where it is not among those of the call."""
        reference = reference_text(element)
        if reference is None:
            return None
        if reference.startswith("#"):
            return _contained(within, reference[1:])
        named = self._by_url.get(_without_version(reference))
        if named is not None:
            return named
        literal = read_literal(reference)
        if literal is not None:
            return self._only((literal.type, literal.id), literal.base)
        # Some senders write a urn of the id, with no fullUrl beside it.
        bare = reference.removeprefix("urn:uuid:")
        types = self._types.get(bare, ()) if bare != reference else ()
        return self._only((next(iter(types)), bare), None) if len(types) == 1 else None

    def _only(self, key: tuple[str, str], base: str | None) -> Resource | None:
        """The only resource of that type and id at that base; None where there are two."""
        found = [
            resource
            for there, resource in self._by_id.get(key, ())
            if None in (there, base) or there == base
        ]
        return found[0] if found and all(one == found[0] for one in found) else None


def _without_version(reference: str) -> str:
    return reference.partition("/_history/")[0]


def _contained(resource: Resource | None, name: str) -> Resource | None:
    contained = (resource or {}).get("contained")
    for one in contained if isinstance(contained, list) else ():
        if isinstance(one, Mapping) and one.get("id") == name:
            return one
    return None


# -- whom a resource is about -------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Person:
    """The patient of a call: ``id``, and the resource where it came."""

    id: str
    resource: Resource | None = None

    def is_named_by(self, element: Any, within: Resource, references: References) -> bool | None:
        """True for this patient, False for somebody else, None where it cannot be told.

        A literal reference tells by its type and id. A contained patient, or one behind a urn,
        tells by what it is: the same resource, its id (never that of a contained resource, which
        is local), or an identifier of the same system.
        """
        reference = reference_text(element)
        if reference is None:
            return self._has_identifier(element) if isinstance(element, Mapping) else None
        literal = read_literal(reference)
        if literal is not None:
            return literal.type == "Patient" and literal.id == self.id
        if reference.removeprefix("urn:uuid:") == self.id:
            return True
        target = references.resolve(reference, within)
        if target is None:
            return None
        if target is self.resource:
            return True
        if not reference.startswith("#") and target.get("resourceType") != "Patient":
            return False
        if not reference.startswith("#") and isinstance(target.get("id"), str):
            return bool(target["id"] == self.id)
        return (
            any(
                self._has_identifier({"identifier": one}) is True
                for one in _dicts(target.get("identifier"))
            )
            or None
        )

    def _has_identifier(self, element: Mapping[str, Any]) -> bool | None:
        """True unless the element says an identifier that this patient has with another value."""
        identifier = element.get("identifier")
        mine = {
            (one.get("system"), one.get("value"))
            for one in _dicts((self.resource or {}).get("identifier"))
        }
        if not isinstance(identifier, Mapping) or not mine:
            return True
        said = identifier.get("system"), identifier.get("value")
        return True if said in mine or said[0] not in {system for system, _ in mine} else None


def is_about(resource: Resource, person: Person, references: References) -> bool | None:
    """True for a resource about the patient, or one that names nobody; False for one about
    somebody else; None where it cannot be told.

    Read are ``subject`` and ``patient`` (all must be the patient) and, of an Appointment, the
    patients among ``participant.actor`` (one of them must be).
    """
    if resource.get("resourceType") == "Patient":
        return resource.get("id") == person.id
    named = [
        person.is_named_by(resource[name], resource, references)
        for name in ("subject", "patient")
        if isinstance(resource.get(name), Mapping)
    ]
    actors = list(_actors(resource, person, references))
    if actors and True not in actors:
        named.append(False if False in actors else None)
    return False if False in named else None if None in named else True


def _actors(resource: Resource, person: Person, references: References) -> Iterator[bool | None]:
    """The patients among the participants of an Appointment; None for one that may be a patient."""
    if resource.get("resourceType") != "Appointment":
        return
    for participant in _dicts(resource.get("participant")):
        actor = participant.get("actor")
        reference = reference_text(actor)
        literal = read_literal(reference)
        target = None if literal else references.resolve(reference, resource)
        kind = literal.type if literal else (target or {}).get("resourceType", "Patient")
        if reference is not None and kind == "Patient":
            yield person.is_named_by(actor, resource, references)


def _dicts(values: Any) -> Iterator[Mapping[str, Any]]:
    return (v for v in (values if isinstance(values, list) else ()) if isinstance(v, Mapping))
