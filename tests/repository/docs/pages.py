"""Reading the Markdown pages: tables, fenced blocks, links."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any

from tests.support.clinic import ROOT

JSON = "application/json"

NOW = datetime(2027, 5, 4, 12, 0, tzinfo=UTC)  # not the example's day: the README moves that

LINK = re.compile(r"(?<!`)!?\[[^\]]*\]\(([^)\s]+)\)")

FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.M | re.S)


def read(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def markdown_files() -> list[str]:
    """Every Markdown file of the project, not of what is installed into it."""
    found = (path.relative_to(ROOT) for path in ROOT.rglob("*.md"))
    return sorted(
        path.as_posix()
        for path in found
        if not any(part.startswith(".") for part in path.parts)
        and path.parts[0] not in ("var", "build")
    )


def table(page: str, first_heading: str) -> list[list[str]]:
    """The rows of the table whose first column has this heading."""
    rows = re.search(rf"^\| {re.escape(first_heading)} \|.*\n\|[-| ]+\|\n((?:\|.*\n)+)", page, re.M)
    assert rows, f"no table with the first column {first_heading!r}"
    return [
        [cell.strip() for cell in line.strip("|").split(" | ")] for line in rows[1].splitlines()
    ]


def fences(page: str, language: str) -> list[str]:
    return [text for name, text in FENCE.findall(page) if name == language]


def code(cell: str) -> str:
    return cell.strip("`")


README = read("README.md")

INTEGRATING = read("docs/integrating.md")

REFERENCE = read("docs/reference.md")


def in_words(default: Any) -> str:
    """A default as the tables write it."""
    if default is None:
        return "not set"
    return str(default).lower() if isinstance(default, bool) else str(default) or "empty"
