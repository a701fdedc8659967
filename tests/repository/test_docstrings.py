"""Docstrings begin as `house.md`, Words, says: a verb for functions, a noun phrase for the rest."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[2] / "cds_service"
MODULES = sorted(PACKAGE.rglob("*.py"))
QUESTION_WORDS = frozenset({"How", "What", "Where", "Whether", "Who", "Why"})
DOCUMENTED = (ast.Module, ast.ClassDef, ast.FunctionDef)


def docstrings(module: Path) -> Iterator[tuple[int, str]]:
    """Line and text of each docstring of a module."""
    for node in ast.walk(ast.parse(module.read_text())):
        if isinstance(node, DOCUMENTED) and (text := ast.get_docstring(node)):
            yield node.body[0].lineno, text


@pytest.mark.parametrize("module", MODULES, ids=lambda m: m.relative_to(PACKAGE).as_posix())
def test_no_docstring_begins_with_a_question_word(module: Path) -> None:
    wrong = [line for line, text in docstrings(module) if text.split()[0] in QUESTION_WORDS]

    assert wrong == []
