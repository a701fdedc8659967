"""Writes docs/conformance.md: each row of the checklist with the tests that prove it.

``python -m tests.support.conformance`` writes the page; ``tests/hooks/test_conformance.py`` checks
it. Rows are in ``conformance.yaml``; tests name theirs with
``@pytest.mark.requirement("1.1")``, which is read from the source, so that nothing has to run.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import yaml

TESTS = Path(__file__).resolve().parent.parent
PAGE = TESTS.parent / "docs" / "conformance.md"
LEVELS = ("MUST", "SHOULD", "MAY", "OURS")
DUTIES = ("service", "client")

HEAD = """\
# Conformance

Each requirement of CDS Hooks on a service (1.0 to the 3.0 ballot), in our own short words, and the
tests that prove it. Made by `python -m tests.support.conformance` from
`tests/support/conformance.yaml` and the markers of the tests: do not edit it.

**Level**: MUST, SHOULD or MAY as the specification has it; *ours* where it is silent and we chose.
**Whose**: a duty of the *client* has tests, too: they show what happens when it is kept and when it
is not.

This page is our own reading. It is no certificate, and the specification is what counts.
"""
MARKER = "pytest.mark.requirement"
SHORT = "requirement"  # what files may import or assign it as


@dataclass(frozen=True)
class Row:
    """One requirement; ``why`` says why it does not apply or needs no test."""

    id: str
    section: str
    level: str
    duty: str
    says: str
    why: str | None = None


@dataclass(frozen=True, order=True)
class Proof:
    """One test: its file below ``tests/`` and its name."""

    file: str
    name: str


def rows() -> dict[str, Row]:
    """Row id -> row, in the order of the file."""
    sections = yaml.safe_load((TESTS / "support" / "conformance.yaml").read_text(encoding="utf-8"))
    return {
        row_id: Row(row_id, section, **row)
        for section, listed in sections.items()
        for row_id, row in listed.items()
    }


def proofs() -> dict[str, set[Proof]]:
    """Row id -> the tests that carry its marker."""
    found: dict[str, set[Proof]] = {}
    for path in sorted(TESTS.rglob("test_*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        for row_id, name in marked_tests(tree):
            proof = Proof(path.relative_to(TESTS).as_posix(), name)
            found.setdefault(row_id, set()).add(proof)
    return found


def marked_tests(tree: ast.Module) -> Iterator[tuple[str, str]]:
    """(row id, test) of a file. A marker is on the test, its parameters, its class or the file; of
    parameters listed under a name, every test that uses the name has the marker."""
    yield from _Reader(tree).marked(tree.body, set())


class _Reader:
    """The markers of one file, also under the shorter name."""

    def __init__(self, tree: ast.Module) -> None:
        values = dict(_assigned(tree.body))
        self.names = {MARKER, SHORT}
        self.listed = {name: self.ids(value) for name, value in values.items()}

    def ids(self, *nodes: ast.AST) -> set[str]:
        """The arguments of markers below some nodes."""
        return {
            str(argument.value)
            for node in nodes
            for call in ast.walk(node)
            if isinstance(call, ast.Call) and ast.unparse(call.func) in self.names
            for argument in call.args
            if isinstance(argument, ast.Constant)
        }

    def marked(self, body: list[ast.stmt], outer: set[str]) -> Iterator[tuple[str, str]]:
        """(row id, test) of the statements of a file or class; ``outer`` ids hold for all."""
        outer = outer | self.ids(*(v for n, v in _assigned(body) if n == "pytestmark"))
        for node in body:
            if isinstance(node, ast.ClassDef):
                yield from self.marked(node.body, outer | self.ids(*node.decorator_list))
            elif isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
                names = {
                    name.id
                    for decorator in node.decorator_list
                    for name in ast.walk(decorator)
                    if isinstance(name, ast.Name)
                }
                used = {row_id for name in names for row_id in self.listed.get(name, ())}
                for row_id in outer | used | self.ids(*node.decorator_list):
                    yield row_id, node.name


def _assigned(body: list[ast.stmt]) -> Iterator[tuple[str, ast.expr]]:
    """Name and value of each plain assignment."""
    for node in body:
        targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
        for target in targets:
            value = getattr(node, "value", None)
            if isinstance(target, ast.Name) and value is not None:
                yield target.id, value


# -- the page ----------------------------------------------------------------------------------


def page(listed: Mapping[str, Row], proven: Mapping[str, set[Proof]]) -> str:
    """The whole page."""
    parts = [HEAD]
    for section in dict.fromkeys(row.section for row in listed.values()):
        lines = [
            f"\n## {section}\n",
            "| row | level | whose | requirement | tests |",
            "| --- | --- | --- | --- | --- |",
        ]
        here = (row for row in listed.values() if row.section == section)
        lines += [_line(row, proven.get(row.id, set())) for row in here]
        parts.append("\n".join(lines) + "\n")
    return "".join(parts)


def _line(row: Row, proven: set[Proof]) -> str:
    tests = [f"[{_words(p.name)}](../tests/{p.file})" for p in sorted(proven)]
    cell = "; ".join(tests) or f"*{(row.why or 'none').strip()}*"
    return f"| {row.id} | {row.level.replace('OURS', 'ours')} | {row.duty} | {row.says} | {cell} |"


def _words(name: str) -> str:
    return name.removeprefix("test_").replace("_", " ")


if __name__ == "__main__":
    PAGE.write_text(page(rows(), proofs()), encoding="utf-8")
