"""Every link leads somewhere, and every command exists."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from cds_service import cli
from tests.support.clinic import ROOT

from .pages import FENCE, LINK, README, REFERENCE, code, fences, markdown_files, read, table


def make_targets() -> set[str]:
    return set(re.findall(r"^([a-z-]+):.*## ", read("Makefile"), re.M))


def subcommands() -> set[str]:
    actions = cli._parser()._actions
    return {name for action in actions for name in (getattr(action, "choices", None) or ())}


@pytest.mark.parametrize("name", markdown_files())
def test_every_command_in_a_document_exists(name: str) -> None:
    lines = [line for text in fences(read(name), "sh") for line in text.splitlines()]
    targets = [t for line in lines if line.startswith("make ") for t in line.split()[1:]]
    commands = [m[1] for line in lines if (m := re.search(r"\bcds-service ([a-z]\S*)", line))]

    assert {t for t in targets if "=" not in t} <= make_targets()
    assert set(commands) <= subcommands()


def test_the_reference_lists_every_command() -> None:
    listed = {code(row[0]).split()[1] for row in table(REFERENCE, "command")}

    assert listed == subcommands()


def test_the_readme_is_short() -> None:
    assert README.count("\n") < 200


def anchors(page: str) -> set[str]:
    headings = re.findall(r"^#+ (.+)$", page, re.M)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def links(name: str) -> Iterator[str]:
    """Relative links of a page, outside its code blocks."""
    for target in LINK.findall(FENCE.sub("", read(name))):
        if not re.match(r"[a-z]+:", target):
            yield target


@pytest.mark.parametrize("name", markdown_files())
def test_every_relative_link_leads_somewhere(name: str) -> None:
    broken = []
    for target in links(name):
        path, _, anchor = target.partition("#")
        file = (ROOT / name).parent / path if path else ROOT / name
        known = anchors(file.read_text(encoding="utf-8")) if anchor and file.is_file() else set()
        if not file.exists() or (anchor and anchor not in known):
            broken.append(target)

    assert broken == []


def test_every_page_below_docs_is_linked_from_another() -> None:
    linked = {
        ((ROOT / name).parent / target.partition("#")[0]).resolve()
        for name in markdown_files()
        for target in links(name)
    }
    pages = [name for name in markdown_files() if name.startswith("docs/")]

    assert [name for name in pages if (ROOT / name).resolve() not in linked] == []


def test_every_page_a_comment_points_to_exists() -> None:
    named = {
        (file.relative_to(ROOT).as_posix(), page)
        for folder in ("cds_service", "demo", "benchmarks")
        for file in (ROOT / folder).rglob("*.py")
        for page in re.findall(r"[\w./-]+\.md\b", file.read_text(encoding="utf-8"))
    }

    assert len(named) > 20
    assert [(file, page) for file, page in sorted(named) if not (ROOT / page).is_file()] == []
