"""The packages import in one direction only, and the pure ones touch nothing outside."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from itertools import pairwise
from pathlib import Path

import pytest

from tests.support.clinic import ROOT

PACKAGE = ROOT / "cds_service"
# Each level may import from the levels before it, and not from its own neighbours.
LEVELS = (
    ("fhirpath", "telemetry"),
    ("fhir",),
    ("store", "access", "content"),
    ("settings",),
    ("decision",),
    ("hooks",),
    ("fhir_api", "authoring"),
    ("web",),
    ("app",),
    ("cli",),
)
LEVEL = {name: number for number, names in enumerate(LEVELS) for name in names}
PURE = ("fhirpath", "fhir", "content", "decision")
READS_FILES = {
    "content/__init__.py",
    "content/reader.py",
    "content/topics.py",
    "fhirpath/types.py",
}
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
    "waitress",
    "werkzeug",
}
MODULES = sorted(p for p in PACKAGE.rglob("*.py") if "_content" not in p.parts)


def name_of(module: Path) -> str:
    """The dotted name below the package: ``store.report``, or ``store`` for its ``__init__``."""
    parts = module.relative_to(PACKAGE).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


NAMES = {name_of(module) for module in MODULES}


def imported(module: Path) -> Iterator[str]:
    """Full names that a module imports, also those for type checkers only and late ones."""
    for node in ast.walk(ast.parse(module.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = ["cds_service", *module.relative_to(PACKAGE).parts[: -node.level]]
            start = ".".join(base) if node.level else ""
            whole = ".".join(filter(None, (start, node.module)))
            yield whole
            yield from (f"{whole}.{alias.name}" for alias in node.names)


def modules_imported(module: Path) -> set[str]:
    """The modules of this project that a module imports, by their names below the package."""
    ours = {n.removeprefix("cds_service.") for n in imported(module) if n.startswith("cds_service")}
    inner = ours & NAMES
    # ``from a.b import c`` names a.b as well: where c is a module, a.b is only its address.
    return {n for n in inner if not any(o.startswith(f"{n}.") for o in inner)} - {name_of(module)}


GRAPH = {name_of(module): modules_imported(module) for module in MODULES if name_of(module)}


def test_a_package_imports_only_from_levels_before_its_own() -> None:
    arrows = {
        (name, other)
        for name, others in GRAPH.items()
        for other in others
        if name.partition(".")[0] != other.partition(".")[0]
    }
    backwards = [
        f"{name} imports {other}"
        for name, other in sorted(arrows)
        if LEVEL[other.partition(".")[0]] >= LEVEL[name.partition(".")[0]]
    ]

    assert backwards == []


def test_files_import_each_other_in_no_circle() -> None:
    try:
        list(TopologicalSorter(GRAPH).static_order())
    except CycleError as error:
        circle = [f"{a} <- {b}" for a, b in pairwise(error.args[1])]
        pytest.fail(f"a circle of imports: {circle}")


def test_the_package_has_no_other_entries() -> None:
    beside = ("__pycache__", "_content", "py.typed")
    entries = {p.stem for p in PACKAGE.iterdir() if p.name not in beside}

    assert entries == {*LEVEL, "__init__"}
    assert len(entries) <= 15


def pure_modules() -> list[Path]:
    return [m for m in MODULES if m.relative_to(PACKAGE).parts[0] in PURE]


def relative(module: Path) -> str:
    return module.relative_to(PACKAGE).as_posix()


@pytest.mark.parametrize("module", pure_modules(), ids=relative)
def test_a_pure_package_imports_nothing_of_the_world(module: Path) -> None:
    names = set(imported(module))
    tops = {name.partition(".")[0] for name in names}

    allowed = {"pathlib"} if relative(module) in READS_FILES else set()
    assert (names | tops) & (WORLD - allowed) == set()


@pytest.mark.parametrize("module", pure_modules(), ids=relative)
def test_a_pure_package_never_reads_the_clock(module: Path) -> None:
    text = module.read_text(encoding="utf-8")
    if module.name == "scope.py":  # the default of FHIRPath's own now(), used by no caller of ours
        text = text.replace("datetime.now(", "", 1)

    assert [call for call in ("datetime.now(", "date.today(", "utcnow(") if call in text] == []


def test_the_whole_call_path_loads_without_the_web_and_the_network() -> None:
    heavy = "{'flask', 'gunicorn', 'httpx', 'sqlalchemy', 'jwt'}"
    script = f"import sys, cds_service.hooks.pipeline; print(*({heavy} & sys.modules.keys()))"

    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)

    assert run.stdout.split() == []
