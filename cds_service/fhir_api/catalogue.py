"""The content as FHIR resources to read and to search, serialised once.

Search follows R4 (``search.html``): string parameters begin with the value, whatever its case and
accents, or match by ``:exact`` and ``:contains``; tokens and uris are equal; a comma is "or", the
same parameter twice is "and". What is not supported is refused, because passing over a filter
would return more than was asked for; ``Prefer: handling=lenient`` passes it over and says so.
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
PAGE = 50  # resources of a page when nothing is said
MAX_PAGE = 200
# name -> type and what it looks at, as the CapabilityStatement says
PARAMETERS: Mapping[str, tuple[str, str]] = {
    "_id": ("token", "the id"),
    "url": ("uri", "the canonical url, without a version"),
    "version": ("token", "the business version"),
    "name": ("string", "the computer-friendly name"),
    "title": ("string", "the title"),
    "identifier": ("token", "the clinical id, as value or system|value"),
    "status": ("token", "draft, active or retired"),
}
MODIFIERS = ("", "exact", "contains")  # of strings
CONTROLS = ("_count", "_offset", "_format", "_pretty")
NOT_UNDERSTOOD = Issue(
    "not-supported",
    "A search parameter or modifier is not supported. "
    f"Supported are {', '.join((*PARAMETERS, *CONTROLS))}; name and title also with :exact and "
    ":contains. Prefer: handling=lenient passes over what is not supported.",
)

Test = Callable[[Resource], bool]


@dataclass(frozen=True, slots=True)
class Held:
    """A resource and its JSON."""

    resource: Resource
    body: bytes


@dataclass(frozen=True, slots=True)
class Search:
    """A search that was understood. ``kept`` are the parameters that were, as sent; ``ignored``
    the names of those passed over."""

    tests: tuple[Test, ...]
    kept: tuple[tuple[str, str], ...]
    ignored: tuple[str, ...]
    count: int
    offset: int


class Catalogue:
    """All resources of one content; ``tag`` changes whenever any of them does."""

    def __init__(self, content: Content) -> None:
        self.tag = f'W/"{content.version}"'
        self.held: dict[str, dict[str, Held]] = {name: {} for name in TYPES}
        for resource in sorted(content.resources.values(), key=_id):
            held = Held(resource, orjson.dumps(resource))
            self.held[resource["resourceType"]][resource["id"]] = held

    def read(self, kind: str, resource_id: str) -> Held:
        """One resource; raises UnknownResource."""
        found = self.of(kind).get(resource_id)
        if found is None:
            words = f"There is no {kind} with this id. GET /fhir/{kind} lists those there are."
            raise UnknownResource(Issue("not-found", words))
        return found

    def of(self, kind: str) -> dict[str, Held]:
        """The resources of a type by id; raises UnknownResource for a type that is not served."""
        if kind not in self.held:
            words = f"This resource type is not served. Served are {', '.join(TYPES)}."
            raise UnknownResource(Issue("not-supported", words))
        return self.held[kind]

    def find(self, kind: str, search: Search) -> list[Held]:
        """All resources of a type that pass, by id."""
        return [h for h in self.of(kind).values() if all(t(h.resource) for t in search.tests)]


def _id(resource: Resource) -> str:
    return str(resource["id"])


def read_search(pairs: Iterable[tuple[str, str]], lenient: bool) -> Search:
    """The search of a query string; raises BadRequest naming every parameter that is not
    understood, or, where ``lenient``, passes those over."""
    tests, kept, unknown, problems = [], [], [], list[Issue]()
    numbers = {"_count": PAGE, "_offset": 0}
    for name, value in pairs:
        if name in numbers:
            numbers[name] = _number(name, value, problems)
        elif name in CONTROLS or not value:
            continue
        elif (test := _test(name, value)) is None:
            unknown.append(name)
        else:
            tests.append(test)
            kept.append((name, value))
    if unknown and not lenient:
        problems.append(NOT_UNDERSTOOD)
    if problems:
        raise BadRequest(*problems)
    return Search(
        tests=tuple(tests),
        kept=tuple(kept),
        ignored=tuple(dict.fromkeys(unknown)),
        count=min(numbers["_count"], MAX_PAGE),
        offset=numbers["_offset"],
    )


def ignored_outcome(search: Search) -> Issue:
    """What a lenient search says of what it passed over."""
    words = f"{len(search.ignored)} search parameters are not supported and were passed over."
    return Issue("not-supported", words, severity="warning")


def _number(name: str, value: str, problems: list[Issue]) -> int:
    if re.fullmatch(r"\d{1,9}", value, re.ASCII):
        return int(value)
    problems.append(Issue("value", f"{name} must be a whole number, 0 or more.", name))
    return 0


def _test(sent: str, value: str) -> Test | None:
    """What a parameter asks of a resource; None when it is not understood."""
    name, colon, modifier = sent.partition(":")
    kind = PARAMETERS.get(name, ("", ""))[0]
    if not kind or (colon and (kind != "string" or modifier not in MODIFIERS[1:])):
        return None
    wanted = tuple(_alternatives(value))

    def test(resource: Resource) -> bool:
        found = list(_values(resource, name))
        return any(_MATCHES[kind](f, w, modifier) for w in wanted for f in found)

    return test


def _alternatives(value: str) -> Iterator[str]:
    """The values between commas; ``\\,`` is a comma, ``\\\\`` a backslash."""
    for part in re.split(r"(?<!\\),", value):
        yield re.sub(r"\\([,|$\\])", r"\1", part)


def _values(resource: Resource, name: str) -> Iterator[tuple[str | None, str]]:
    """System and value of what a parameter looks at."""
    if name == "identifier":
        for identifier in resource.get("identifier", ()):
            yield identifier.get("system"), identifier.get("value", "")
    elif name == "status":
        yield STATUSES, resource["status"]
    else:
        yield None, str(resource.get(name.removeprefix("_"), ""))


Found = tuple[str | None, str]


def _is_token(found: Found, wanted: str, _modifier: str) -> bool:
    """``value``, ``system|value``, ``|value`` (without a system) or ``system|`` (any value)."""
    system, bar, value = wanted.rpartition("|")
    if not bar:
        return found[1] == value
    return found[0] == (system or None) and value in ("", found[1])


def _is_uri(found: Found, wanted: str, _modifier: str) -> bool:
    return found[1] == wanted


def _is_text(found: Found, wanted: str, modifier: str) -> bool:
    if modifier == "exact":
        return found[1] == wanted
    text, part = _plain(found[1]), _plain(wanted)
    return part in text if modifier == "contains" else text.startswith(part)


def _plain(text: str) -> str:
    """Without case and accents."""
    letters = unicodedata.normalize("NFKD", text.casefold())
    return "".join(letter for letter in letters if not unicodedata.combining(letter))


_MATCHES: Mapping[str, Callable[[Found, str, str], bool]] = {
    "token": _is_token,
    "uri": _is_uri,
    "string": _is_text,
}


def bundle(
    found: list[Held], search: Search, links: list[dict[str, str]], address: str
) -> dict[str, Any]:
    """A page of a search as a searchset Bundle; ``address`` is that of the resource type."""
    entries: list[dict[str, Any]] = [
        {
            "fullUrl": f"{address}/{held.resource['id']}",
            "resource": orjson.Fragment(held.body),
            "search": {"mode": "match"},
        }
        for held in found[search.offset : search.offset + search.count]
    ]
    if search.ignored:
        told = {"resourceType": "OperationOutcome", "issue": [ignored_outcome(search).as_fhir()]}
        entries.append({"resource": told, "search": {"mode": "outcome"}})
    made = {"resourceType": "Bundle", "type": "searchset", "total": len(found), "link": links}
    return {**made, "entry": entries} if entries else made
