"""Deciding never touches the world: pure modules import no web, network, file or log module."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from support import ROOT

PACKAGE = ROOT / "cds_service"
WORLD = {
    "flask",
    "gunicorn",
    "http.client",
    "httpx",
    "io",
    "logging",
    "os",
    "pathlib",
    "random",
    "requests",
    "shutil",
    "socket",
    "sqlalchemy",
    "subprocess",
    "sys",
    "tempfile",
    "threading",
    "time",
    "urllib",
    "werkzeug",
}
PURE = {
    f"{name}.py"
    for name in (
        "answers",
        "apply",
        "bundles",
        "capabilities",
        "catalogue",
        "cards",
        "care_plan",
        "chart",
        "dates",
        "discovery",
        "evaluate",
        "explain",
        "facts",
        "hook_request",
        "fhir_operations",
        "parameters",
        "muting",
        "pipeline",
        "populate",
        "prefetch",
        "silence",
        "typed_answers",
    )
}
# of the form: what decides; the rest is routes
INTAKE = {
    "fields",
    "filled",
    "model",
    "posting",
    "reading",
    "response",
    "steps",
    "trouble",
    "views",
    "walking",
}
# of content/: what reads files, and what `check` alone uses
READERS = {"__init__", "check", "coverage", "last_run", "mutation", "reader", "review", "vignettes"}


def pure_modules() -> list[Path]:
    content = {p for p in (PACKAGE / "content").glob("*.py") if p.stem not in READERS}
    packages = {p for name in ("fhirpath", "web/diagram") for p in PACKAGE.glob(f"{name}/**/*.py")}
    intake = {PACKAGE / "web" / "intake" / f"{name}.py" for name in INTAKE}
    return sorted({PACKAGE / name for name in PURE} | content | intake | packages)


def imported(module: Path) -> Iterator[str]:
    """Names a module imports when it runs; what only type checkers see does not count."""
    tree = ast.parse(module.read_text(encoding="utf-8"))
    for_types = {
        id(inner)
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
        for statement in node.body
        for inner in ast.walk(statement)
    }
    for node in ast.walk(tree):
        if id(node) in for_types:
            continue
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module or ""
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


@pytest.mark.parametrize(
    "module", pure_modules(), ids=lambda path: path.relative_to(PACKAGE).as_posix()
)
def test_a_pure_module_imports_nothing_of_the_world(module: Path) -> None:
    names = set(imported(module))
    tops = {name.partition(".")[0] for name in names}

    allowed = {"pathlib"} if module.parent.name == "fhirpath" else set()
    assert (names | tops) & (WORLD - allowed) == set()


def test_the_whole_call_path_loads_without_the_web_and_the_network() -> None:
    heavy = "{'flask', 'gunicorn', 'httpx', 'sqlalchemy', 'jwt'}"
    script = f"import sys, cds_service.pipeline; print(*({heavy} & sys.modules.keys()))"

    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)

    assert run.stdout.split() == []


@pytest.mark.parametrize(
    "module", pure_modules(), ids=lambda path: path.relative_to(PACKAGE).as_posix()
)
def test_a_pure_module_never_reads_the_clock(module: Path) -> None:
    text = module.read_text(encoding="utf-8")
    if module.name == "scope.py":  # the default of FHIRPath's own now(), used by no caller of ours
        text = text.replace("datetime.now(", "", 1)

    assert [call for call in ("datetime.now(", "date.today(", "utcnow(") if call in text] == []


def test_pure_modules_are_all_there() -> None:
    assert [m for m in pure_modules() if not m.is_file()] == []
