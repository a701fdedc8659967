"""What holds for every form and every chart, over random people.

Forms are drawn from the Questionnaire and charts from the facts library's requirements; nothing
is listed by hand. ``CDS_EXAMPLES=5000`` draws that many, at random.
"""

from __future__ import annotations

import copy
import random
from datetime import timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from cds_service.content import load_content
from cds_service.content.model import Question, Requirement
from cds_service.fhir.questionnaire_response.limits import MAX_VALUE, MIN_VALUE
from cds_service.hooks.pipeline import Result
from tests.support.clinic import NOW, ROOT, Clinic, bundle, chart_entry, key_of, meeting, topics

CONTENT = load_content(ROOT)
FORM = CONTENT.questionnaire
REQUIREMENTS = list(CONTENT.requirements.values())
DAYS = sorted({r.window[0] for r in REQUIREMENTS if r.window and r.window[1] == "d"})
RESULTS = [CONTENT.resources[u] for u in CONTENT.resources if "/ValueSet/result-" in u]
UNITS = ("Cel", "[degF]", "mm[Hg]", "/min")


def answer(item: Question) -> st.SearchStrategy[Any]:
    """An answer to one question: options, a number in range, or words."""
    if item.kind == "choice":
        options = st.sampled_from(sorted(item.system))
        return st.sets(options, max_size=4).map(sorted) if item.repeats else options
    if item.kind == "integer":
        return st.integers(item.item.first(MIN_VALUE) or 0, item.item.first(MAX_VALUE) or 10)
    return st.sampled_from(["In my own words.", "", "🩺"])


QUESTIONS = {i: answer(item) for i, item in FORM.items.items() if item.kind != "display"}
forms = st.fixed_dictionaries({}, optional=QUESTIONS)


@st.composite
def entries(draw: st.DrawFn) -> dict[str, Any]:
    """A chart entry that meets one requirement, some time ago."""
    wanted: Requirement = draw(st.sampled_from(REQUIREMENTS))
    days = draw(st.sampled_from([0, 1, *(d + extra for d in DAYS for extra in (0, 1))]))
    when = (NOW - timedelta(days=days)).isoformat()
    more: dict[str, Any] = {"id": f"e{draw(st.integers(0, 10**9))}"}
    if wanted.type == "Observation":
        result = draw(st.sampled_from(RESULTS))["compose"]["include"][0]
        coding = {"system": result["system"], "code": result["concept"][0]["code"]}
        more["interpretation"] = [{"coding": [coding]}]
        unit = draw(st.sampled_from(UNITS))
        more["valueQuantity"] = {
            "value": draw(st.integers(0, 250)),
            "code": unit,
            "system": "http://unitsofmeasure.org",
        }
    return meeting(wanted, when, **more)


charts = st.lists(entries(), max_size=8)
patients = st.fixed_dictionaries(
    {},
    optional={
        "birthDate": st.dates(
            (NOW - timedelta(days=36_000)).date(), (NOW - timedelta(days=3_000)).date()
        ).map(str),
        "gender": st.sampled_from(["female", "male", "other", "unknown"]),
    },
)
people = st.tuples(forms, charts, patients)
Person = tuple[dict[str, Any], list[dict[str, Any]], dict[str, Any]]


def asked(clinic: Clinic, person: Person) -> dict[str, Any]:
    answers, chart, patient = person
    body = clinic.request(answers, chart, patient={"birthDate": None, **patient})
    return body


def met(clinic: Clinic, person: Person) -> tuple[Result, list[str]]:
    """The result for a person and the ids of the cards shown."""
    result = clinic.result(asked(clinic, person))
    return result, [wanted.card.id for wanted in result.evaluation.shown]


def rules(result: Result) -> dict[str, str]:
    return {rule: str(answer) for rule, answer in result.evaluation.rules.items()}


def value(result: Result, name: str) -> list[Any]:
    return result.evaluation.evaluator.bindings[name]


@given(person=people)
def test_a_rule_answers_yes_no_or_unknown_and_never_fails(person: Person, clinic: Clinic) -> None:
    result, _ = met(clinic, person)

    assert set(rules(result).values()) <= {"yes", "no", "unknown"}
    assert result.evaluation.errors == {}


@given(person=people)
def test_there_are_never_more_than_six_cards_and_always_one(person: Person, clinic: Clinic) -> None:
    result, cards = met(clinic, person)

    assert 1 <= len(cards) <= 6
    assert len(cards) == len(set(cards))
    assert len(result.cards) == len(cards)


CRITICAL = {name for name in CONTENT.names if name in CONTENT.names["CRIT"].expression.variables}


@given(person=people)
def test_an_emergency_comes_first_and_self_care_never_beside_it(
    person: Person, clinic: Clinic
) -> None:
    result, cards = met(clinic, person)
    critical = any(rules(result)[flag] == "yes" for flag in CRITICAL)

    assert ("REC-EMERG" in cards) is critical
    if critical:
        assert cards[0] == "REC-EMERG"
        assert set(cards) <= {"REC-EMERG", "REC-SAFETY", "REC-ASK", "REC-PREG"}


OWN_ORGANS = [code for code in FORM.items["organs"].system if code not in {"notsure", "decline"}]


@given(
    person=people,
    organs=st.sets(st.sampled_from(OWN_ORGANS), min_size=1).filter(lambda o: "uterus" not in o),
)
def test_without_a_uterus_there_is_no_pregnancy_test(
    person: Person, organs: set[str], clinic: Clinic
) -> None:
    answers, chart, patient = person

    result, cards = met(clinic, ({**answers, "organs": sorted(organs)}, chart, patient))

    assert value(result, "hasUterus") == [False]
    assert "REC-PREG" not in cards


@given(person=people, organs=st.sets(st.sampled_from(OWN_ORGANS), min_size=1))
def test_causes_in_an_organ_are_silent_where_it_is_known_absent(
    person: Person, organs: set[str], clinic: Clinic
) -> None:
    answers, chart, patient = person

    result, _ = met(clinic, ({**answers, "organs": sorted(organs)}, chart, patient))

    found = rules(result)
    silent: set[str] = set()
    if not organs & {"penis", "neopenis"}:
        silent |= {"C03P", "C19", "C22"}
    if "uterus" not in organs:
        silent |= {"C13", "C20"}
    if "ovary" not in organs:
        silent |= {"C02", "C14"}
    assert {rule for rule in silent & found.keys() if found[rule] == "yes"} == set()


ALWAYS = [
    ("rfgen", "severe"),
    ("rfgen", "faint"),
    ("rfgen", "nopee"),
    ("rfgen", "saddle"),
    ("rfvag", "heavybleed"),
    ("rfpen", "testis"),
    ("rfpen", "snap"),
    ("rfpen", "longerection"),
    ("rfpen", "foreskinstuck"),
]
"""Severe pain, fainting, retention, saddle numbness, heavy bleeding, penis and testicle."""


@given(person=people, emergency=st.sampled_from(ALWAYS))
def test_a_named_emergency_always_raises_the_emergency_card(
    person: Person, emergency: tuple[str, str], clinic: Clinic
) -> None:
    answers, chart, patient = person
    link_id, code = emergency
    told = {k: v for k, v in answers.items() if k != "organs"}  # so that the question is shown

    _, cards = met(clinic, ({**told, link_id: [code]}, chart, patient))

    assert cards[0] == "REC-EMERG"


@given(person=people)
def test_a_pregnant_person_gets_no_pelvic_exam_card(person: Person, clinic: Clinic) -> None:
    result, cards = met(clinic, person)

    assert "REC-PELVIC" not in cards or value(result, "pregnant") != [True]


@given(person=people)
def test_a_recent_assault_always_raises_the_private_conversation(
    person: Person, clinic: Clinic
) -> None:
    answers, chart, patient = person

    result, cards = met(
        clinic, ({**answers, "private": "yes", "unwanted": "past5d"}, chart, patient)
    )

    assert "REC-SAFETY" in cards
    assert {"REC-STI", "REC-PREG", "REC-PELVIC"}.isdisjoint(cards)
    for card in result.cards:
        assert "assault" not in card["summary"].lower()
        if card["source"]["topic"]["code"] != "private-conversation":
            assert "unwanted:" not in card["detail"]


@given(person=people)
def test_an_order_is_suggested_once(person: Person, clinic: Clinic) -> None:
    result, _ = met(clinic, person)
    orders = [
        str(suggestion["actions"][0]["resource"].get("code"))
        for card in result.cards
        for suggestion in card.get("suggestions", ())
        if "code" in suggestion["actions"][0]["resource"]
    ]

    assert len(orders) == len(set(orders))


def test_a_blank_form_gives_only_ask_now_and_self_care(clinic: Clinic) -> None:
    assert met(clinic, ({}, [], {}))[1] == ["REC-ASK", "REC-SELF"]


@given(person=people)
def test_a_child_under_13_sees_only_the_cards_always_allowed(
    person: Person, clinic: Clinic
) -> None:
    answers, chart, patient = person
    child = {**patient, "birthDate": (NOW - timedelta(days=12 * 365)).date().isoformat()}

    _, cards = met(clinic, (answers, chart, child))

    assert set(cards) <= {"REC-EMERG", "REC-SAFETY", "REC-ASK", "REC-PREG"}


# -- what changes nothing ------------------------------------------------------------------

STRANGERS = [
    chart_entry(kind, id=f"stranger-{kind}", code={"coding": [{"system": "urn:x", "code": "x"}]})
    for kind in ("Condition", "Observation", "Procedure", "AllergyIntolerance", "Zebra")
]


@given(person=people, seed=st.integers(0, 2**32))
def test_irrelevant_entries_their_order_and_a_superset_change_nothing(
    person: Person, seed: int, clinic: Clinic
) -> None:
    body = asked(clinic, person)
    plain = clinic.result(body)
    shuffle = random.Random(seed).shuffle
    more = copy.deepcopy(body)
    for stranger in STRANGERS:
        key = key_of(stranger["resourceType"])
        found = more["prefetch"].setdefault(key, bundle([]))
        found["entry"] = [*found.get("entry", []), {"resource": stranger}]
    for found in more["prefetch"].values():
        shuffle(found.get("entry", []))
    (response,) = more["prefetch"]["questionnaireResponses"]["entry"]
    shuffle(response["resource"]["item"])

    result = clinic.result(more)

    assert rules(result) == rules(plain)
    assert topics(result.cards) == topics(plain.cards)
    assert [c["indicator"] for c in result.cards] == [c["indicator"] for c in plain.cards]


@given(person=people)
def test_the_same_call_is_answered_the_same(person: Person, clinic: Clinic) -> None:
    body = asked(clinic, person)

    assert clinic.result(copy.deepcopy(body)).cards == clinic.result(body).cards


SENT = sorted({r.type for r in REQUIREMENTS if r.context is None} - {"Encounter"})
"""Resource types asked for by prefetch on every hook: visits are only where a hook has one."""
NOT_SENT = CONTENT.strategy.wording["chart-unavailable"].partition("{")[0]


@given(person=people, keys=st.sets(st.sampled_from(SENT)))
def test_missing_chart_data_counts_as_no_entry_and_is_said(
    person: Person, keys: set[str], clinic: Clinic
) -> None:
    answers, chart, patient = person
    body = asked(clinic, person)
    for kind in keys:
        del body["prefetch"][key_of(kind)]
    rest = [entry for entry in chart if entry["resourceType"] not in keys]

    without, empty = clinic.result(body), met(clinic, (answers, rest, patient))[0]

    assert rules(without) == rules(empty)
    assert topics(without.cards) == topics(empty.cards)
    assert all((NOT_SENT in c["detail"]) is bool(keys) for c in without.cards)
