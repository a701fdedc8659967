"""Codings that are recognised or not: counted by type and system, loud when hardly any is."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from typing import Any

import pytest

from cds_service.content import Content
from cds_service.decision.chart import ChartIndex, CodingKind
from cds_service.hooks.chart_coverage import MIN_CODINGS, ChartCoverage
from tests.support.clinic import NOW, chart_entry, log_lines

RXNORM = "http://www.nlm.nih.gov/research/umls/rxnorm"


def told(caplog: pytest.LogCaptureFixture) -> list[dict[str, Any]]:
    lines = [line for line in log_lines(caplog) if "hardly any" in line["event"]]
    caplog.clear()
    return lines


def test_one_call_counts_its_codings(content: Content) -> None:
    counts: Counter[CodingKind] = Counter()
    entries = [
        chart_entry("Condition", code={"coding": [{"system": system, "code": code}]})
        for system, code in [
            ("http://hl7.org/fhir/sid/icd-10-cm", "N80.121"),
            ("http://hl7.org/fhir/sid/icd-10-cm", "J45.909"),
            ("urn:local", "ASTHMA"),
        ]
    ]

    ChartIndex.of(content.requirements.values()).match(entries, NOW, None, counts)

    assert counts == {
        ("Condition", "http://hl7.org/fhir/sid/icd-10-cm", True): 1,
        ("Condition", "http://hl7.org/fhir/sid/icd-10-cm", False): 1,
        ("Condition", "urn:local", False): 1,
    }


def test_a_type_that_is_hardly_ever_recognised_is_told_once_a_day(
    caplog: pytest.LogCaptureFixture,
) -> None:
    coverage = ChartCoverage()
    missed = {("MedicationRequest", "urn:local", False): MIN_CODINGS}

    coverage.add({("MedicationRequest", RXNORM, False): MIN_CODINGS - 1}, NOW)
    few = told(caplog)
    coverage.add(missed, NOW)
    (line,) = told(caplog)
    coverage.add(missed, NOW + timedelta(hours=23))
    same_day = told(caplog)
    coverage.add(missed, NOW + timedelta(hours=25))
    next_day = told(caplog)

    assert few == []
    assert (line["type"], line["count"], line["seen"]) == (
        "MedicationRequest",
        2 * MIN_CODINGS - 1,
        0,
    )
    assert same_day == []
    assert len(next_day) == 1


def test_a_type_with_some_recognised_is_not_told(caplog: pytest.LogCaptureFixture) -> None:
    coverage = ChartCoverage()

    coverage.add({("Condition", RXNORM, False): MIN_CODINGS, ("Condition", RXNORM, True): 2}, NOW)

    assert told(caplog) == []
