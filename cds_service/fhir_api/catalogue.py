"""The content as FHIR resources to read and to search, each serialised once.

Search compares for equality: tokens and uris as they are, strings without case and accents. A
comma is "or", the same parameter twice is "and" (R4, ``search.html``). What is not supported is
refused, because a filter that is passed over returns more than was asked for.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from cds_service.content.model import Content, Resource
from cds_service.content.reader import FOLDERS
from cds_service.fhir.errors import BadRequest, Issue, UnknownResource

TYPES = tuple(model.__name__ for model in FOLDERS.values())
STATUSES = "http://hl7.org/fhir/publication-status"
PAGE = 50  # resources of a page without _count
MAX_PAGE = 200
# name -> type and what it looks at, as the CapabilityStatement says
PARAMETERS: Mapping[str, tuple[str, str]] = {
    "_id": ("token", "the id"),
    "url": ("uri", "the canonical url, without a version"),
    "version": ("token", "the business version"),
    "name": ("string", "the whole computer-friendly name"),
    "title": ("string", "the whole title"),
    "identifier": ("token", "the clinical id, as value or system|value"),
    "status": ("token", "draft, active or retired"),
}
CONTROLS = ("_count", "_offset", "_format", "_pretty")
NOT_SUPPORTED = Issue(
    "not-supported",
    "A search parameter or modifier is not supported. Supported, each without a modifier, are "
    f"{', '.join((*PARAMETERS, *CONTROLS))}.",
)

Coded = tuple[str | None, str]  # system and value


@dataclass(frozen=True, slots=True)
class Published:
    """A resource and its JSON."""

    resource: Resource
    body: bytes


@dataclass(frozen=True, slots=True)
class Search:
    """The filters of a search, as (name, value) as sent, and the page that is asked for."""

    filters: tuple[tuple[str, str], ...]
    count: int
    offset: int


class Catalogue:
    """All resources of one content; ``tag`` is their weak entity tag and changes with any of
    them."""

    def __init__(self, content: Content) -> None:
        self.tag = f'W/"{content.version}"'
        self.published: dict[str, dict[str, Published]] = {name: {} for name in TYPES}
        for resource in sorted(content.resources.values(), key=_id):
            published = Published(resource, orjson.dumps(resource))
            self.published[resource["resourceType"]][resource["id"]] = published

    def read(self, resource_type: str, resource_id: str) -> Published:
        """Returns one resource; raises UnknownResource."""
        published = self.of(resource_type).get(resource_id)
        if published is None:
            words = (
                f"There is no {resource_type} with this id. "
                f"GET /fhir/{resource_type} lists those there are."
            )
            raise UnknownResource(Issue("not-found", words))
        return published

    def of(self, resource_type: str) -> dict[str, Published]:
        """Returns the resources of a type by id; raises UnknownResource for a type that is not
        served."""
        if resource_type not in self.published:
            words = f"This resource type is not served. Served are {', '.join(TYPES)}."
            raise UnknownResource(Issue("not-supported", words))
        return self.published[resource_type]

    def find(self, resource_type: str, search: Search) -> list[Published]:
        """Returns all resources of a type that pass every filter, by id; raises
        UnknownResource."""
        return [
            published
            for published in self.of(resource_type).values()
            if all(_passes(published.resource, *pair) for pair in search.filters)
        ]


def _id(resource: Resource) -> str:
    return str(resource["id"])


def read_search(pairs: Iterable[tuple[str, str]]) -> Search:
    """Reads a query string; raises BadRequest for a parameter or modifier that is not supported,
    and for a number that is none."""
    filters, problems = [], list[Issue]()
    numbers = {"_count": PAGE, "_offset": 0}
    for name, value in pairs:
        if name in numbers:
            numbers[name] = _number(name, value, problems)
        elif name in PARAMETERS:
            filters += [(name, value)] if value else []
        elif name not in CONTROLS and NOT_SUPPORTED not in problems:
            problems.append(NOT_SUPPORTED)
    if problems:
        raise BadRequest(*problems)
    return Search(tuple(filters), min(numbers["_count"], MAX_PAGE), numbers["_offset"])


def _number(name: str, value: str, problems: list[Issue]) -> int:
    if re.fullmatch(r"\d{1,9}", value, re.ASCII):
        return int(value)
    problems.append(Issue("value", f"{name} must be a whole number, 0 or more.", name))
    return 0


def _passes(resource: Resource, name: str, sent: str) -> bool:
    """True if a value of the resource equals one of those between the commas."""
    equals = _COMPARISONS[PARAMETERS[name][0]]
    values = list(_values(resource, name))
    return any(equals(value, wanted) for wanted in _alternatives(sent) for value in values)


def _alternatives(sent: str) -> Iterator[str]:
    """The values between commas; ``\\,`` is a comma, ``\\\\`` a backslash."""
    for part in re.split(r"(?<!\\),", sent):
        yield re.sub(r"\\([,|$\\])", r"\1", part)


def _values(resource: Resource, name: str) -> Iterator[Coded]:
    """System and value of what a parameter looks at."""
    if name == "identifier":
        for identifier in resource.get("identifier", ()):
            yield identifier.get("system"), identifier.get("value", "")
    elif name == "status":
        yield STATUSES, resource["status"]
    else:
        yield None, str(resource.get(name.removeprefix("_"), ""))


def _is_token(coded: Coded, wanted: str) -> bool:
    """``value``, ``system|value``, ``|value`` (without a system) or ``system|`` (any value)."""
    system, bar, value = wanted.rpartition("|")
    if not bar:
        return coded[1] == value
    return coded[0] == (system or None) and value in ("", coded[1])


def _is_uri(coded: Coded, wanted: str) -> bool:
    return coded[1] == wanted


def _is_string(coded: Coded, wanted: str) -> bool:
    return _plain(coded[1]) == _plain(wanted)


def _plain(text: str) -> str:
    """Without case and accents."""
    letters = unicodedata.normalize("NFKD", text.casefold())
    return "".join(letter for letter in letters if not unicodedata.combining(letter))


_COMPARISONS: Mapping[str, Callable[[Coded, str], bool]] = {
    "token": _is_token,
    "uri": _is_uri,
    "string": _is_string,
}


def searchset(
    matches: list[Published], search: Search, links: list[dict[str, str]], address: str
) -> dict[str, Any]:
    """Returns one page of the matches as a searchset Bundle; ``address`` is that of the resource
    type."""
    entries = [
        {
            "fullUrl": f"{address}/{published.resource['id']}",
            "resource": orjson.Fragment(published.body),
            "search": {"mode": "match"},
        }
        for published in matches[search.offset : search.offset + search.count]
    ]
    page = {"resourceType": "Bundle", "type": "searchset", "total": len(matches), "link": links}
    return {**page, "entry": entries} if entries else page
