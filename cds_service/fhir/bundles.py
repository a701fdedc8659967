"""Bundles of other servers, read leniently: what they hold, and whether that is all there is.

One reading for prefetch, fetched pages and the data of operations: Bundles inside Bundles (a
batch-response) are flattened, and each of them says for itself whether it is complete.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

MAX_DEPTH = 5  # Bundles inside Bundles that are read
FAILED = frozenset({"error", "fatal"})
# Issue types which say, whatever the severity, that more exists than was sent (R4 issue-type).
PARTIAL = frozenset(
    {"incomplete", "suppressed", "timeout", "throttled", "too-costly", "transient", "lock-error"}
)
SUBSETTED = "SUBSETTED"  # meta.tag of what was cut short (R4 search.html#summary)


@dataclass(slots=True)
class Contents:
    """The resources that a value holds.

    ``entries`` are (fullUrl or None, resource), without OperationOutcomes and Bundles. ``is_whole``
    is False when something shows that more exists; ``failed`` is True when a query behind it
    failed; ``unusable`` counts entries that hold no resource.
    """

    entries: list[tuple[str | None, dict[str, Any]]] = field(default_factory=list)
    is_whole: bool = True
    failed: bool = False
    unusable: int = 0

    @property
    def resources(self) -> list[dict[str, Any]]:
        """The resources, in order."""
        return [resource for _, resource in self.entries]


def read_contents(value: Any) -> Contents:
    """Returns what a resource, a Bundle or a list of either holds; never raises.

    A value that is no resource counts as unusable; None and an empty list hold nothing.
    """
    contents = Contents()
    if value is not None:
        _read(value, None, contents, 0)
    return contents


def _read(value: Any, full_url: Any, contents: Contents, depth: int) -> None:
    if isinstance(value, list):
        for one in value:
            _read(one, None, contents, depth)
    elif not isinstance(value, dict) or not isinstance(value.get("resourceType"), str):
        contents.unusable += 1
        contents.is_whole = False
    elif value["resourceType"] == "OperationOutcome":
        _note_outcome(value, contents)
        contents.failed |= depth == 0  # it stands in place of the data, whatever it says
    elif value["resourceType"] == "Bundle" and depth < MAX_DEPTH:
        _read_bundle(value, contents, depth)
    elif value["resourceType"] == "Bundle":
        contents.unusable += 1
        contents.is_whole = False
    else:
        if _is_subsetted(value):
            contents.is_whole = False
        contents.entries.append((full_url if isinstance(full_url, str) else None, value))


def _read_bundle(bundle: dict[str, Any], contents: Contents, depth: int) -> None:
    entries = bundle.get("entry")
    for entry in entries if isinstance(entries, list) else ():
        if not isinstance(entry, dict):
            _read(None, None, contents, depth + 1)
            continue
        failed = _note_response(entry.get("response"), contents)
        if "resource" in entry or not failed:
            _read(entry.get("resource"), entry.get("fullUrl"), contents, depth + 1)
    if not is_complete(bundle) or not isinstance(entries, list | None):
        contents.is_whole = False


def is_complete(bundle: Mapping[str, Any]) -> bool:
    """False if a Bundle itself shows that it is a part: a next link, a ``total`` above its matches
    (entries without a search mode count as matches), or the tag SUBSETTED."""
    total = bundle.get("total")
    more = isinstance(total, int) and total > sum(1 for _ in _matches(bundle))
    return not more and not _is_subsetted(bundle) and next(next_links(bundle), None) is None


def _matches(bundle: Mapping[str, Any]) -> Iterator[Any]:
    entries = bundle.get("entry")
    for entry in entries if isinstance(entries, list) else ():
        search = entry.get("search") if isinstance(entry, dict) else None
        mode = search.get("mode") if isinstance(search, dict) else None
        resource = entry.get("resource") if isinstance(entry, dict) else None
        kind = resource.get("resourceType") if isinstance(resource, dict) else None
        if mode in (None, "match") and kind != "OperationOutcome":
            yield entry


def _is_subsetted(resource: Mapping[str, Any]) -> bool:
    meta = resource.get("meta")
    tags = meta.get("tag") if isinstance(meta, dict) else None
    return any(
        isinstance(tag, dict) and tag.get("code") == SUBSETTED
        for tag in (tags if isinstance(tags, list) else ())
    )


def _note_outcome(outcome: Mapping[str, Any], contents: Contents) -> None:
    """An error among the hits is a failed query; a warning only means it was read loosely, unless
    its code says that something is missing."""
    issues = outcome.get("issue")
    for issue in issues if isinstance(issues, list) else ():
        if isinstance(issue, dict):
            contents.failed |= issue.get("severity") in FAILED
            contents.is_whole &= issue.get("code") not in PARTIAL


def _note_response(response: Any, contents: Contents) -> bool:
    """Checks whether the response of a batch entry says that it failed."""
    if not isinstance(response, dict):
        return False
    if isinstance(response.get("outcome"), dict):
        _note_outcome(response["outcome"], contents)
    failed = str(response.get("status", "")).strip()[:1] in ("4", "5")
    contents.failed |= failed
    return failed


def next_links(bundle: Mapping[str, Any]) -> Iterator[str]:
    """The addresses of the pages that follow; empty where a link names none."""
    links = bundle.get("link")
    for link in links if isinstance(links, list) else ():
        if isinstance(link, dict) and link.get("relation") == "next":
            yield str(link.get("url", ""))


def resources(value: Any) -> Iterator[dict[str, Any]]:
    """The resources a value holds: its own, those of a Bundle, those of a list."""
    yield from read_contents(value).resources
