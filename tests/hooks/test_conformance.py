"""docs/conformance.md is up to date, and every duty of a CDS Hooks service has a test."""

from __future__ import annotations

import ast
import re

import pytest

from tests.support import conformance
from tests.support.clinic import Clinic
from tests.support.conformance import DUTIES, LEVELS, PAGE, TESTS, Row, marked_tests

CHECKLIST = TESTS.parent.parent / "shared" / "cds-hooks.md"
ROWS = conformance.rows()
PROOFS = conformance.proofs()


def test_the_page_is_what_the_tests_say() -> None:
    stale = PAGE.read_text(encoding="utf-8") != conformance.page(ROWS, PROOFS)

    assert not stale, "run `python -m tests.support.conformance` and look at what changed"


def test_every_marker_names_a_row() -> None:
    assert {row: sorted(PROOFS[row]) for row in PROOFS.keys() - ROWS.keys()} == {}


def test_every_row_has_a_test_or_a_reason() -> None:
    missing = [f"{r.id} {r.says}" for r in ROWS.values() if not r.why and r.id not in PROOFS]

    assert missing == []


@pytest.mark.parametrize("row", ROWS.values(), ids=ROWS)
def test_a_row_is_well_formed(row: Row) -> None:
    assert row.level in LEVELS
    assert row.duty in DUTIES
    assert 0 < len(row.says) <= 100
    assert "|" not in row.says + (row.why or "")


def test_the_list_of_rows_is_the_checklists() -> None:
    if not CHECKLIST.is_file():
        pytest.skip("the checklist is not part of the repository")
    listed = re.findall(r"^\| (\d+\.\d+) \|", CHECKLIST.read_text(encoding="utf-8"), re.M)

    assert sorted(ROWS) == sorted(listed)


# Section 7: what may be a token, of the hooks we answer.
TOKENS = {
    "patient-view": {"userId", "patientId", "encounterId"},
    "encounter-start": {"userId", "patientId", "encounterId"},
    "order-select": {"userId", "patientId", "encounterId"},
    "order-sign": {"userId", "patientId", "encounterId"},
    "appointment-book": {"userId", "patientId", "encounterId"},
    "problem-list-item-create": {"userId", "patientId", "encounterId"},
}


@pytest.mark.requirement("7.2")
def test_templates_use_tokens_that_their_hook_has(clinic: Clinic) -> None:
    for service in clinic.client.get("/cds-services").get_json()["services"]:
        tokens = set(re.findall(r"\{\{context\.(\w+)\}\}", " ".join(service["prefetch"].values())))

        assert tokens <= TOKENS[service["hook"]], service["id"]


SOURCE = """
pytestmark = pytest.mark.requirement("1.1")
requirement = pytest.mark.requirement
CASES = [pytest.param(1, marks=pytest.mark.requirement("1.2"))]

@pytest.mark.requirement("1.3", "1.4")
@pytest.mark.parametrize("n", CASES)
def test_one(n): ...

@pytest.mark.requirement("1.5")
class TestMore:
    def test_two(self): ...
    def helper(self): ...

@requirement("1.6")
def test_three():
    another("9.9")
"""


def test_markers_are_found_wherever_pytest_finds_them() -> None:
    found = set(marked_tests(ast.parse(SOURCE)))

    assert found == {
        *((row, "test_one") for row in ("1.1", "1.2", "1.3", "1.4")),
        *((row, "test_two") for row in ("1.1", "1.5")),
        *((row, "test_three") for row in ("1.1", "1.6")),
    }
