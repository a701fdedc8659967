"""Bundles of other servers, read leniently: what is no resource is passed over."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any


def next_links(bundle: Mapping[str, Any]) -> Iterator[str]:
    """The addresses of the pages that follow; empty where a link names none."""
    links = bundle.get("link")
    for link in links if isinstance(links, list) else ():
        if isinstance(link, dict) and link.get("relation") == "next":
            yield str(link.get("url", ""))


def resources(value: Any) -> Iterator[dict[str, Any]]:
    """The resources a value holds: its own, those of a Bundle, those of a list."""
    if isinstance(value, list):
        for one in value:
            yield from resources(one)
    elif isinstance(value, dict) and value.get("resourceType") == "Bundle":
        entries = value.get("entry")
        for entry in entries if isinstance(entries, list) else ():
            found = entry.get("resource") if isinstance(entry, dict) else None
            if isinstance(found, dict) and isinstance(found.get("resourceType"), str):
                yield found
    elif isinstance(value, dict) and isinstance(value.get("resourceType"), str):
        yield value
