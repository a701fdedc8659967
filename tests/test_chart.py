"""Which chart entries a rule sees: codes, windows, what is believed, and what cannot be read."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import orjson
import pytest
from support import (
    CLINICAL_STATUS,
    NOW,
    QUIET,
    ROOT,
    Clinic,
    ago,
    chart_entry,
    meeting,
    observation,
)

from cds_service.chart import ChartIndex, choice, entry_date
from cds_service.content import Content
from cds_service.content.codes import ALIASES, ICD10CM, LOINC, RXNORM, SNOMED
from cds_service.content.model import CodeFilter, Requirement
from cds_service.dates import parse_span, whole_years

CODE = {"coding": [{"system": "urn:test", "code": "it"}]}
CODES = frozenset({("urn:test", "it")})


def requirement(kind: str = "Observation", **more: Any) -> Requirement:
    """``it``: entries of a type with one code."""
    paths = {"MedicationRequest": "medication", "Encounter": "type"}
    main = CodeFilter(paths.get(kind, "code"), CODES, "urn:set", allows_absent=False)
    extra = more.pop("filters", ())
    given: dict[str, Any] = {"window": None, "limit": None, "tag": None, "quotable": True, **more}
    return Requirement("it", kind, (main, *extra), **given)


def matched(wanted: Requirement, *entries: Any, now: datetime = NOW) -> list[Any]:
    found, _ = ChartIndex.of([wanted]).match(entries, now)
    return [entry.resource for entry in found.get("it", [])]


def seen(wanted: Requirement, entry: Any, now: datetime = NOW) -> bool:
    return matched(wanted, entry, now=now) == [entry]


def test_an_entry_with_the_code_is_seen() -> None:
    assert seen(requirement(), observation(code=CODE))


def test_an_entry_of_another_type_or_code_is_not_seen() -> None:
    other = {"coding": [{"system": "urn:test", "code": "other"}]}

    assert matched(requirement(), chart_entry("Condition", code=CODE)) == []
    assert matched(requirement(), observation(code=other)) == []


def test_any_coding_of_a_concept_may_match() -> None:
    concept = {"coding": [{"system": "x", "code": "y"}, {"code": "z"}, CODE["coding"][0]]}

    assert seen(requirement(), observation(code=concept))


def test_text_and_displays_are_never_compared() -> None:
    lookalike = {"text": "it", "coding": [{"system": "urn:other", "code": "x", "display": "it"}]}

    assert matched(requirement(), observation(code=lookalike)) == []


# -- codes ---------------------------------------------------------------------------------


def coded(system: str | None, code: str, alias: str | None, sent: str) -> bool:
    main = CodeFilter("code", frozenset({(system or "", code)}), "urn:set", allows_absent=False)
    wanted = Requirement("it", "Condition", (main,), None, None, None, quotable=True)
    concept = {"coding": [{"code": sent, **({"system": alias} if alias else {})}]}
    return seen(wanted, chart_entry("Condition", code=concept))


@pytest.mark.parametrize(
    ("alias", "system", "code"),
    [
        ("urn:oid:2.16.840.1.113883.6.96", SNOMED, "129103003"),
        ("urn:oid:2.16.840.1.113883.6.1", LOINC, "8310-5"),
        ("urn:oid:2.16.840.1.113883.6.90", ICD10CM, "N809"),
        ("urn:oid:2.16.840.1.113883.6.88", RXNORM, "1234"),
    ],
)
def test_a_system_may_be_named_by_its_oid(alias: str, system: str, code: str) -> None:
    assert coded(system, code, alias, code)


def test_every_alias_is_tested() -> None:
    assert len(ALIASES) == 4


@pytest.mark.parametrize("sent", ["N80.9", "N809", "n80.9", " N80.9 "])
def test_icd_codes_match_with_and_without_their_dot(sent: str) -> None:
    assert coded(ICD10CM, "N809", ICD10CM, sent)


@pytest.mark.parametrize("sent", ["129103003.", "8310.5"])
def test_dots_of_other_systems_are_kept(sent: str) -> None:
    assert not coded(SNOMED, sent.replace(".", ""), SNOMED, sent)


def test_a_code_without_its_system_is_no_match() -> None:
    assert not coded(SNOMED, "129103003", None, "129103003")


# -- look-back windows ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("when", "within"),
    [
        ("2026-11-22T11:59:59Z", True),
        ("2026-11-19T12:00:00Z", True),
        ("2026-11-19T00:00:00Z", True),  # the third calendar day back, from its first moment
        ("2026-11-18T23:59:59Z", False),
        ("2026-11-19T01:00:00+02:00", False),  # still the 18th where the visit is
        ("2026-11-18T23:00:00-02:00", True),  # already the 19th where the visit is
        ("2026-11-19", True),
        ("2026-11-18", False),
        ("2026-11", False),  # may be the 1st
        ("2026", False),
    ],
)
def test_days_are_calendar_days_of_the_visit(when: str, within: bool) -> None:
    entry = observation(code=CODE, effectiveDateTime=when)

    assert seen(requirement(window=(3, "d")), entry) is within


def test_calendar_days_are_those_of_the_visits_own_clock() -> None:
    visit = datetime(2026, 11, 22, 1, 0, tzinfo=timezone(timedelta(hours=13)))
    entry = observation(code=CODE, effectiveDateTime="2026-11-18T10:59:59Z")
    later = observation(code=CODE, effectiveDateTime="2026-11-18T11:00:00Z")

    assert not seen(requirement(window=(3, "d")), entry, visit)
    assert seen(requirement(window=(3, "d")), later, visit)


def test_a_month_is_within_when_all_of_it_is() -> None:
    entry = observation(code=CODE, effectiveDateTime="2026-11")

    assert seen(requirement(window=(21, "d")), entry)
    assert not seen(requirement(window=(20, "d")), entry)


@pytest.mark.parametrize(
    ("when", "within"),
    [
        ("2026-11-21T12:00:00Z", True),
        ("2026-11-21T11:59:59Z", False),
        ("2026-11-21T14:00:00+02:00", True),
        ("2026-11-21T13:59:59+02:00", False),
        ("2026-11-22", True),
        ("2026-11-21", False),  # may be the morning
        ("2026-11", False),
    ],
)
def test_hours_are_counted_to_the_second(when: str, within: bool) -> None:
    entry = observation(code=CODE, effectiveDateTime=when)

    assert seen(requirement(window=(24, "h")), entry) is within


def test_an_undated_entry_is_in_no_window_but_counts_without_one() -> None:
    entry = observation(code=CODE)

    assert seen(requirement(), entry)
    assert not seen(requirement(window=(9999, "d")), entry)


@pytest.mark.parametrize("text", ["yesterday", "2026-13-01", "2026-02-30", "", "22.11.2026", 5])
def test_a_date_that_cannot_be_read_is_no_date(text: Any) -> None:
    entry = observation(code=CODE, effectiveDateTime=text)

    assert seen(requirement(), entry)
    assert not seen(requirement(window=(9999, "d")), entry)


@pytest.mark.parametrize(
    ("when", "counts"),
    [
        (ago(hours=-23), True),
        ("2026-11-23", True),
        ("2026-11-23T12:00:00Z", True),
        ("2026-11-23T12:00:01Z", False),
        ("2026-11-24", False),
        ("2036", False),
        ("9998-12-31", False),
    ],
)
def test_an_entry_over_a_day_ahead_is_a_mistake(when: str, counts: bool) -> None:
    entry = observation(code=CODE, effectiveDateTime=when)

    assert seen(requirement(), entry) is counts
    assert seen(requirement(window=(30, "d")), entry) is counts


@pytest.mark.parametrize(
    ("kind", "elements", "date"),
    [
        ("Condition", {"onsetDateTime": "2020", "recordedDate": "2021"}, "2020"),
        ("Condition", {"onsetString": "long ago", "recordedDate": "2021"}, "2021"),
        ("Condition", {"onsetAge": {"value": 30}, "recordedDate": "2021"}, "2021"),
        ("Condition", {"onsetPeriod": {"end": "2019"}}, "2019"),
        ("Observation", {"effectivePeriod": {"start": "2018", "end": "2019"}}, "2018"),
        ("Observation", {"issued": "2020-01-01T00:00:00Z"}, "2020-01-01T00:00:00Z"),
        ("Observation", {"effectiveTiming": {"event": ["2020"]}, "issued": "2021"}, "2021"),
        ("Procedure", {"performedPeriod": {"start": "2018"}}, "2018"),
        ("DiagnosticReport", {"effectiveDateTime": "2017"}, "2017"),
        ("MedicationRequest", {"authoredOn": "2016"}, "2016"),
        ("MedicationStatement", {"dateAsserted": "2015"}, "2015"),
        ("Encounter", {"period": {"start": "2014", "end": "2015"}}, "2014"),
        ("Encounter", {"period": {"end": "2015"}}, "2015"),
    ],
)
def test_the_date_of_an_entry(kind: str, elements: dict[str, Any], date: str) -> None:
    found = entry_date(chart_entry(kind, **elements), kind)

    assert found is not None
    assert found.text == date


def test_newest_entries_come_first_and_undated_ones_last() -> None:
    old, new, undated = (
        observation(id=name, code=CODE, **when)
        for name, when in (
            ("old", {"effectiveDateTime": "2025-01-01"}),
            ("new", {"effectiveDateTime": "2026-01-01T00:00:00+01:00"}),
            ("undated", {}),
        )
    )

    assert [e["id"] for e in matched(requirement(), old, undated, new)] == ["new", "old", "undated"]


def test_a_limit_keeps_the_newest(clinic: Clinic) -> None:
    entries = [
        observation(
            id=f"t{hours}",
            code={"coding": [{"system": LOINC, "code": "8310-5"}]},
            effectiveDateTime=ago(hours=hours),
        )
        for hours in (5, 1, 3)
    ]

    facts = clinic.found(QUIET, entries).evaluation.facts

    assert [e["id"] for e in facts.variables["bodyTemperature"]] == ["t1"]


# -- what is believed ----------------------------------------------------------------------


@pytest.mark.parametrize(
    "elements",
    [
        {"status": "entered-in-error"},
        {"verificationStatus": {"coding": [{"code": "entered-in-error"}]}},
        {"verificationStatus": {"coding": [{"code": "x"}, {"code": "refuted"}]}},
        {"doNotPerform": True},
    ],
    ids=["entered-in-error", "verification", "refuted", "do-not-perform"],
)
@pytest.mark.parametrize("kind", ["Condition", "Observation", "Procedure"])
def test_what_is_not_believed_is_not_seen(kind: str, elements: dict[str, Any]) -> None:
    assert matched(requirement(kind), chart_entry(kind, code=CODE, **elements)) == []


@pytest.mark.parametrize(
    "elements",
    [
        {"verificationStatus": {"coding": [{"code": "unconfirmed"}]}},
        {"verificationStatus": {"text": "refuted"}},
        {"verificationStatus": {}},
        {"doNotPerform": False},
        {"doNotPerform": "true"},
    ],
    ids=str,
)
def test_what_is_merely_unsure_is_seen(elements: dict[str, Any]) -> None:
    assert seen(requirement("Condition"), chart_entry("Condition", code=CODE, **elements))


def clinical_status(*codes: str) -> dict[str, Any]:
    return {"clinicalStatus": {"coding": [{"system": CLINICAL_STATUS, "code": c} for c in codes]}}


@pytest.mark.parametrize(
    ("elements", "counts"),
    [
        (clinical_status("active"), True),
        (clinical_status("recurrence"), True),
        (clinical_status("relapse"), True),
        (clinical_status("inactive"), False),
        (clinical_status("resolved"), False),
        (clinical_status("remission"), False),
        ({}, True),
        ({"clinicalStatus": {"text": "Active"}}, False),
    ],
    ids=lambda value: str(value)[-30:],
)
def test_a_condition_counts_while_active_or_without_a_status(
    elements: dict[str, Any], counts: bool, content: Content, clinic: Clinic
) -> None:
    code = next(iter(content.requirements["endometriosis"].main.codes))
    entry = chart_entry(
        "Condition", code={"coding": [{"system": code[0], "code": code[1]}]}, **elements
    )

    facts = clinic.found(QUIET, [entry]).evaluation.facts

    assert bool(facts.variables["endometriosis"]) is counts


STATUS = CodeFilter("status", frozenset({("", "final")}), None, allows_absent=False)
LENIENT = CodeFilter("status", frozenset({("", "final")}), None, allows_absent=True)


@pytest.mark.parametrize(
    ("wanted", "status", "counts"),
    [
        (STATUS, {"status": "final"}, True),
        (STATUS, {"status": "preliminary"}, False),
        (STATUS, {"status": None}, False),
        (LENIENT, {"status": "preliminary"}, False),
        (LENIENT, {"status": None}, True),
    ],
)
def test_a_filter_says_whether_absence_passes(
    wanted: CodeFilter, status: dict[str, Any], counts: bool
) -> None:
    assert seen(requirement(filters=(wanted,)), observation(code=CODE, **status)) is counts


# -- medicines -----------------------------------------------------------------------------

MEDICATION = {"resourceType": "Medication", "id": "m1", "code": CODE}


@pytest.mark.parametrize(
    "elements",
    [
        {"medicationCodeableConcept": CODE},
        {"medicationReference": {"reference": "#m1"}, "contained": [MEDICATION]},
        {"medicationReference": {"reference": "Medication/m1"}},
        {"medicationReference": {"reference": "https://ehr.example/fhir/Medication/m1"}},
        {"medicationReference": {"reference": "urn:uuid:m1"}},
    ],
    ids=["concept", "contained", "relative", "absolute", "urn"],
)
def test_a_medicine_is_found_however_it_is_written(elements: dict[str, Any]) -> None:
    request = chart_entry("MedicationRequest", **elements)

    assert matched(requirement("MedicationRequest"), MEDICATION, request) == [request]


@pytest.mark.parametrize(
    "reference", ["Medication/other", "#m1", "#nowhere", "urn:uuid:other", "", "m2"]
)
def test_a_medicine_that_is_not_there_is_no_match(reference: str) -> None:
    request = chart_entry("MedicationRequest", medicationReference={"reference": reference})

    assert matched(requirement("MedicationRequest"), MEDICATION, request) == []


def test_an_included_medication_is_matched_through_the_service(
    content: Content, clinic: Clinic
) -> None:
    system, code = next(iter(content.requirements["testosteroneRequest"].main.codes))
    medication = {
        "resourceType": "Medication",
        "id": "m1",
        "code": {"coding": [{"system": system, "code": code}]},
    }
    request = chart_entry(
        "MedicationRequest",
        status="active",
        intent="order",
        medicationReference={"reference": "Medication/m1"},
    )
    body = clinic.request(QUIET, [request])
    body["prefetch"]["medicationRequests"]["entry"].append({"resource": medication})

    facts = clinic.result(body).evaluation.facts

    assert facts.variables["testosteroneRequest"] == [request]


# -- shapes --------------------------------------------------------------------------------

GOOD = observation(id="good", code=CODE, effectiveDateTime="2026-11-01")


@pytest.mark.parametrize(
    "code",
    [
        {"coding": 5},
        {"coding": "x"},
        {"coding": [5]},
        {"coding": ["x"]},
        {"coding": [None]},
        {"coding": [{"system": ["x"], "code": "it"}]},
        {"coding": [{"system": {"a": 1}, "code": "it"}]},
    ],
    ids=str,
)
def test_a_shape_that_cannot_be_read_is_counted_and_costs_no_other_entry(code: Any) -> None:
    index = ChartIndex.of([requirement()])

    found, unusable = index.match([observation(code=code), GOOD], NOW)

    assert [entry.resource["id"] for entry in found["it"]] == ["good"]
    assert unusable == {"Observation": 1}


@pytest.mark.parametrize(
    "code",
    [None, 5, "it", [], {}, {"coding": None}, {"coding": []}, {"coding": [{}]}, {"text": "it"}],
    ids=str,
)
def test_a_code_that_says_nothing_is_passed_over(code: Any) -> None:
    index = ChartIndex.of([requirement()])

    found, unusable = index.match([observation(code=code), GOOD], NOW)

    assert [entry.resource["id"] for entry in found["it"]] == ["good"]
    assert unusable == {}


def test_an_encounter_lists_its_types() -> None:
    entry = chart_entry("Encounter", type=[{"text": "x"}, CODE])

    assert seen(requirement("Encounter"), entry)


@pytest.mark.parametrize(
    ("resource", "found"),
    [
        ({"onsetDateTime": "2020"}, "2020"),
        ({"onset": "2020"}, "2020"),
        ({"onsetting": "2020"}, None),
        ({"_onsetDateTime": "2020"}, None),
        ({}, None),
    ],
    ids=str,
)
def test_a_choice_element_is_found_under_any_type(resource: dict[str, Any], found: Any) -> None:
    assert choice(resource, "onset") == found


# -- dates ---------------------------------------------------------------------------------


def utc(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "start", "end"),
    [
        ("2026", utc(2026, 1, 1), utc(2027, 1, 1)),
        ("2026-02", utc(2026, 2, 1), utc(2026, 3, 1)),
        ("2026-12", utc(2026, 12, 1), utc(2027, 1, 1)),
        ("2024-02-29", utc(2024, 2, 29), utc(2024, 3, 1)),
        ("2026-02-03T04:05Z", utc(2026, 2, 3, 4, 5), utc(2026, 2, 3, 4, 5)),
        ("2026-02-03T04:05:06", utc(2026, 2, 3, 4, 5, 6), utc(2026, 2, 3, 4, 5, 6)),
        ("2026-02-03T04:05:06+02:00", utc(2026, 2, 3, 2, 5, 6), utc(2026, 2, 3, 2, 5, 6)),
        (
            "2026-02-03T04:05:06.123456789-10:00",
            utc(2026, 2, 3, 14, 5, 6, 123456),
            utc(2026, 2, 3, 14, 5, 6, 123456),
        ),
    ],
)
def test_a_coarse_date_is_all_it_may_mean(text: str, start: datetime, end: datetime) -> None:
    span = parse_span(text)

    assert span is not None
    assert (span.start, span.end, span.text) == (start, end, text)


@pytest.mark.parametrize(
    "value",
    [
        None,
        2026,
        "",
        "0000",
        "9999",
        "9999-12-31",
        "2026-00",
        "2023-02-29",
        "2026-1-1",
        "2026-01-01T",
        "2026-01-01T25:00Z",
        "2026-01-01 10:00",
        "x2026",
        "2026-01-01\n",
    ],
    ids=repr,
)
def test_what_is_no_date_is_none(value: Any) -> None:
    assert parse_span(value) is None


@pytest.mark.parametrize(
    ("born", "age"),
    [
        ("1990-11-22", 36),
        ("1990-11-23", 35),
        ("2000-02-29", 26),
        ("1990", None),  # 35 or 36
        ("1990-11", None),
        ("1990-01", 36),
        ("1990-12", 35),
        ("2026-11-22", 0),
        ("2026-11-23", None),
        ("2030", None),
        ("soon", None),
    ],
)
def test_age_is_whole_years_or_unknown(born: str, age: int | None) -> None:
    assert whole_years(born, NOW.date()) == age


def windows() -> list[str]:
    facts = (ROOT / "libraries" / "dyspareunia-facts.json").read_bytes()
    return [n["id"] for n in orjson.loads(facts)["dataRequirement"] if "dateFilter" in n]


@pytest.mark.parametrize("name", windows())
def test_both_edges_of_every_window_of_the_facts_library(name: str, content: Content) -> None:
    wanted = content.requirements[name]
    amount, unit = wanted.window or (0, "")
    days = unit == "d"
    length = timedelta(days=amount) if days else timedelta(hours=amount)
    beyond = length + (timedelta(days=1) if days else timedelta(seconds=1))
    inside, outside = (
        (NOW - back).date().isoformat() if days else (NOW - back).isoformat()
        for back in (length, beyond)
    )

    assert seen_as(wanted, inside)
    assert not seen_as(wanted, outside)


def seen_as(wanted: Requirement, when: str) -> bool:
    return wanted.id in ChartIndex.of([wanted]).match([meeting(wanted, when)], NOW)[0]
