"""The arithmetic of the report, against numbers worked out elsewhere."""

from __future__ import annotations

import csv
import json
from datetime import timedelta

import pytest

from cds_service.store.records import Outcome, Reaction
from cds_service.store.report import Firing, Row, Threshold, as_csv, as_json, summarise, wilson
from tests.support.made_records import NOW


def firing(*reactions: Reaction, **more: object) -> Firing:
    values = {"card": "REC-UA", "sources": ("C18",), "version": "1", "state": "shown", "at": NOW}
    return Firing(**(values | more), reactions=reactions)  # type: ignore[arg-type]


def accepted(seconds: float = 60) -> Reaction:
    return Reaction(Outcome.ACCEPTED, None, NOW + timedelta(seconds=seconds))


def overridden(reason: str | None = None, seconds: float = 60) -> Reaction:
    return Reaction(Outcome.OVERRIDDEN, reason, NOW + timedelta(seconds=seconds))


def row(rows: list[Row], by: str = "card", version: str = "", state: str = "shown") -> Row:
    (found,) = (r for r in rows if (r.by, r.version, r.state) == (by, version, state))
    return found


# -- intervals -----------------------------------------------------------------------------


# Newcombe 1998 (doi:10.1002/(SICI)1097-0258(19980430)17:8<857::AID-SIM777>3.0.CO;2-E), table I,
# method 3: the score interval without continuity correction.
@pytest.mark.parametrize(
    ("hits", "total", "low", "high"),
    [
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ],
)
def test_intervals_are_those_of_the_literature(
    hits: int, total: int, low: float, high: float
) -> None:
    found = wilson(hits, total)

    assert found is not None
    assert found.share == hits / total
    assert (round(found.low, 4), round(found.high, 4)) == (low, high)


def test_an_interval_of_everything_mirrors_that_of_nothing() -> None:
    nothing, everything = wilson(0, 20), wilson(20, 20)

    assert nothing is not None
    assert everything is not None
    assert everything.high == 1.0
    assert everything.low == pytest.approx(1 - nothing.high)


def test_nothing_has_no_share() -> None:
    assert wilson(0, 0) is None


# -- counting ------------------------------------------------------------------------------


def test_a_card_counts_once_however_often_it_was_reported() -> None:
    firings = [
        firing(overridden("deferred", 10), accepted(30), accepted(40)),
        firing(overridden("deferred", 20), overridden("referred", 50)),
        firing(overridden(None, 5)),
        firing(),
    ]

    found = row(summarise(firings, {"1": 8}))

    assert (found.fired, found.accepted, found.overridden, found.ignored) == (4, 1, 2, 1)
    assert found.reasons == {"(none)": 1, "referred": 1}
    assert found.median_seconds_to_action == 10
    assert found.fire_rate == 0.5
    assert found.acceptance == wilson(1, 4)
    assert found.override == wilson(2, 4)


def test_cards_causes_and_versions_are_counted_apart_and_together() -> None:
    firings = [
        firing(accepted(), sources=("C18", "C15", "C18")),
        firing(version="2"),
    ]

    rows = summarise(firings, {"1": 1, "2": 9})

    assert {(r.by, r.id, r.version): (r.fired, r.calls) for r in rows} == {
        ("card", "REC-UA", ""): (2, 10),
        ("card", "REC-UA", "1"): (1, 1),
        ("card", "REC-UA", "2"): (1, 9),
        ("cause", "C15", ""): (1, 10),
        ("cause", "C15", "1"): (1, 1),
        ("cause", "C18", ""): (2, 10),
        ("cause", "C18", "1"): (1, 1),
        ("cause", "C18", "2"): (1, 9),
        ("version", "1", "1"): (1, 1),
        ("version", "2", "2"): (1, 9),
    }


@pytest.mark.parametrize("state", ["silent", "suppressed"])
def test_cards_that_were_not_shown_stand_apart_without_rates(state: str) -> None:
    rows = summarise([firing(state=state), firing(accepted())], {"1": 2})

    hidden = row(rows, state=state)
    assert (hidden.fired, hidden.accepted, hidden.ignored, hidden.acceptance) == (1,) + (None,) * 3
    assert row(rows).fired == 1


@pytest.mark.parametrize(
    ("overrides", "others", "flagged"),
    [(41, 9, True), (40, 10, False), (40, 9, False), (81, 19, True)],
    ids=["82 % of 50", "80 % of 50", "82 % of 49", "81 % of 100"],
)
def test_overrides_over_the_threshold_are_flagged(
    overrides: int, others: int, flagged: bool
) -> None:
    firings = [firing(overridden())] * overrides + [firing()] * others

    assert row(summarise(firings, {"1": 100})).flagged is flagged


def test_the_threshold_is_a_parameter() -> None:
    firings = [firing(overridden()), firing()]

    assert row(summarise(firings, {"1": 2}, Threshold(0.4, 2))).flagged is True


def test_a_report_of_nothing_is_empty() -> None:
    assert summarise([], {}) == []
    assert row(summarise([firing()], {})).fire_rate is None


# -- rendering -----------------------------------------------------------------------------

ROWS = summarise([firing(overridden("=1+1")), firing(accepted())], {"1": 2})


def test_json_holds_every_number() -> None:
    first = json.loads(as_json(ROWS))[0]

    assert first["id"] == "REC-UA"
    assert first["override"]["share"] == 0.5
    assert first["reasons"] == {"=1+1": 1}


def test_csv_has_one_flat_line_a_row() -> None:
    lines = list(csv.DictReader(as_csv(ROWS).splitlines()))

    assert len(lines) == len(ROWS)
    assert lines[0]["override_rate"] == "0.5"
    assert lines[0]["override_low"] == "0.0945"
    assert lines[0]["reasons"] == "'=1+1=1"
    assert lines[0]["flagged"] == "no"
    assert as_csv([]).count("\r\n") == 1
