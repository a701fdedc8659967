"""lint.md lists every finding there is, and no other."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from tests.support.clinic import ROOT

from .pages import read

REPORTS = {"Finding": 2, "report": 2}  # call -> which argument is the message


def as_template(node: ast.AST) -> str | None:
    """A string or f-string as docs/lint.md writes it: what differs is an ellipsis."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.JoinedStr):
        return "".join(str(v.value) if isinstance(v, ast.Constant) else "…" for v in node.values)
    return None


YIELDS_WORDS = {"_node_problems", "_doubts", "_refusals"}


def message_nodes(function: ast.AST) -> Iterator[ast.AST]:
    """Messages handed to a report, put into ``message`` first, or yielded as ``words``."""
    for node in ast.walk(function):
        if isinstance(node, ast.Call):
            name = getattr(node.func, "id", getattr(node.func, "attr", None))
            if name in REPORTS and len(node.args) > REPORTS[name]:
                yield node.args[REPORTS[name]]
        elif isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "message":
            yield node.value
        elif isinstance(node, ast.FunctionDef) and node.name in YIELDS_WORDS:
            yield from (n.value for n in ast.walk(node) if isinstance(n, ast.Yield) and n.value)


def messages() -> set[str]:
    """Every message a check of the content can make, as a template."""
    found = {
        as_template(node)
        for folder in ("content", "authoring")
        for path in (ROOT / "cds_service" / folder).glob("*.py")
        for node in message_nodes(ast.parse(path.read_text(encoding="utf-8")))
    }
    return {text for text in found if text and text != "…"}  # "…" passes on the evaluator's words


def listed_findings() -> set[str]:
    return set(re.findall(r"^\| `([^`]+)` \| .+ \| .+ \|$", read("docs/lint.md"), re.M))


def test_lint_md_lists_every_finding() -> None:
    assert messages() - listed_findings() == set()


def test_lint_md_lists_nothing_else() -> None:
    assert listed_findings() - messages() == set()
