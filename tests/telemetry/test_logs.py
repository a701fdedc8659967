"""Log lines: listed fields only, and of what libraries say only who and where."""

from __future__ import annotations

import ast
import io
import json
import logging
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cds_service.telemetry import logs
from tests.support.clinic import ROOT

CANARY = "Quetzal-Canary"


@pytest.fixture(params=["json", "text"])
def written(request: pytest.FixtureRequest) -> Iterator[io.StringIO]:
    """What the formatter of one form makes of every line."""
    out = io.StringIO()
    handler = logging.StreamHandler(out)
    handler.setFormatter(logs._formatter(request.param))
    root, ours = logging.getLogger(), logging.getLogger(logs.NAME)
    root.addHandler(handler)
    level, ours.level = ours.level, logging.DEBUG
    yield out
    ours.level = level
    root.removeHandler(handler)


def test_a_field_that_is_not_listed_never_comes_out(written: io.StringIO) -> None:
    logs.LOG.info("request", patient=CANARY, status=200, **{CANARY: "x"})

    assert CANARY not in written.getvalue()
    assert "200" in written.getvalue()


@pytest.mark.parametrize(
    "value", [{"a": CANARY}, [CANARY], CANARY.encode(), ValueError(CANARY), "x" * 300 + CANARY]
)
def test_a_value_that_is_not_plain_and_short_never_comes_out(
    value: Any, written: io.StringIO
) -> None:
    logs.LOG.error("request", reason=value)

    assert written.getvalue()
    assert CANARY not in written.getvalue()


@pytest.mark.parametrize("name", ["gunicorn.error", "sqlalchemy.engine", "httpx", "alembic", "x"])
def test_what_a_library_says_is_reduced_to_who_and_where(name: str, written: io.StringIO) -> None:
    try:
        raise LookupError(CANARY)
    except LookupError:
        logging.getLogger(name).exception("%s", CANARY, stack_info=True, extra={"said": CANARY})

    line = written.getvalue()
    assert CANARY not in line
    for told in (name, "LookupError", "test_what_a_library_says", logs.FOREIGN):
        assert told in line


def test_our_own_name_with_the_standard_library_is_a_library_too(written: io.StringIO) -> None:
    logging.getLogger("cds_service.other").warning(CANARY)

    assert written.getvalue()
    assert CANARY not in written.getvalue()


def test_a_json_line_is_one_object_with_time_and_level() -> None:
    handler = logging.StreamHandler(out := io.StringIO())
    handler.setFormatter(logs._formatter("json"))
    record = logging.LogRecord("x", logging.WARNING, "here.py", 7, CANARY, None, None)

    handler.emit(record)

    line = json.loads(out.getvalue())
    assert line.pop("time").endswith("Z")
    assert line == {
        "event": logs.FOREIGN,
        "level": "warning",
        "logger": "x",
        "place": "here:7",
    }


FAILING = f"""
import threading, warnings
from cds_service.telemetry import logs
logs.configure("json", "info")

def fails():
    raise LookupError("{CANARY}")

class Odd:
    def __del__(self):
        raise LookupError("{CANARY}")

thread = threading.Thread(target=fails)
thread.start()
thread.join()
Odd()
warnings.warn("{CANARY}")
"""


def test_what_nobody_caught_comes_out_as_type_and_place() -> None:
    done = subprocess.run(
        [sys.executable, "-W", "always", "-c", FAILING], capture_output=True, text=True, check=True
    )

    assert CANARY not in done.stderr + done.stdout
    lines = [json.loads(line) for line in done.stderr.splitlines()]
    assert [line.get("error", line.get("logger")) for line in lines] == [
        "LookupError",
        "LookupError",
        "py.warnings",
    ]


# -- our own source ----------------------------------------------------------------------------


def source() -> list[tuple[str, ast.AST]]:
    files = (ROOT / "cds_service").rglob("*.py")
    return [(p.relative_to(ROOT).as_posix(), ast.parse(p.read_text())) for p in sorted(files)]


def logging_calls(tree: ast.AST) -> Iterator[ast.Call]:
    levels = {"debug", "info", "warning", "error", "exception", "critical"}
    for node in ast.walk(tree):
        called = node.func if isinstance(node, ast.Call) else None
        branches = [called.body, called.orelse] if isinstance(called, ast.IfExp) else [called]
        for found in branches:
            if (
                isinstance(found, ast.Attribute)
                and found.attr in levels
                and ast.unparse(found.value).endswith("LOG")
            ):
                yield node
                break


def test_nobody_logs_but_through_the_list() -> None:
    others = [
        name
        for name, tree in source()
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute)
        and node.attr == "getLogger"
        and name != "cds_service/telemetry/logs.py"
    ]

    assert others == []


def test_every_line_of_ours_has_fixed_words_and_listed_fields() -> None:
    wrong, found = [], 0
    for name, tree in source():
        for call in logging_calls(tree):
            found += 1
            fixed = len(call.args) == 1 and isinstance(call.args[0], ast.Constant)
            if not fixed or not {k.arg for k in call.keywords} <= logs.FIELDS:
                wrong.append(f"{name}:{call.lineno}")

    assert wrong == []
    assert found > 8


def test_only_commands_print() -> None:
    printing = {
        name
        for name, tree in source()
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and ast.unparse(node.func) in ("print", "traceback.print_exc")
    }

    others = {n for n in printing if not n.startswith("cds_service/cli/")}
    assert {Path(name).name for name in others} <= {"__main__.py"}
