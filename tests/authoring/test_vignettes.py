"""Every person of ``tests/authoring/vignettes`` gets what is expected, evaluated and over HTTP."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import orjson
import pytest
import yaml

from cds_service import create_app
from cds_service.authoring.expectations import KEYS, mismatches, misspelt, mistaken
from cds_service.authoring.vignettes import (
    Case,
    Vignette,
    Vignettes,
    case_for,
    quantity,
    read_vignettes,
    request_for,
)
from tests.support.clinic import NOW, ROOT, Clinic, settings_in

FILES = sorted(
    path.stem
    for path in (ROOT / "tests/authoring/vignettes").glob("*.yaml")
    if path.stem not in ("defaults", "unnoticed", "checks-off")
)


Call = Callable[[Any, datetime], list[dict[str, Any]]]


@pytest.fixture(scope="module")
def call(tmp_path_factory: pytest.TempPathFactory) -> Call:
    """Posts a request at a moment and gives the cards."""
    moments = [NOW]
    settings = settings_in(tmp_path_factory.mktemp("vignettes"))
    client = create_app(settings, lambda: moments[-1]).test_client()

    def post(body: Any, moment: datetime) -> list[dict[str, Any]]:
        moments.append(moment)
        address = f"/cds-services/dyspareunia-workup-{body['hook']}"
        answer = client.post(address, data=orjson.dumps(body), content_type="application/json")
        assert answer.status_code == 200, answer.text
        return answer.get_json()["cards"]

    return post


@pytest.mark.parametrize("file", FILES)
def test_every_person_gets_what_is_expected(file: str, cases: list[Case]) -> None:
    people = [case for case in cases if case.vignette.file == file]
    found = {case.vignette.id: mismatches(case.vignette.expect, case.found) for case in people}

    assert people
    assert {person: wrong for person, wrong in found.items() if wrong} == {}


@pytest.mark.parametrize("file", FILES)
def test_every_person_gets_the_same_over_http(
    file: str, cases: list[Case], vignettes: Vignettes, clinic: Clinic, call: Call
) -> None:
    for case in cases:
        if case.vignette.file != file:
            continue
        queries = clinic.pipeline.queries
        body = request_for(case.vignette, vignettes.defaults, clinic.content, queries)

        cards = call(body, case.vignette.now)

        summaries = [card["summary"] for card in cards]
        writer = clinic.pipeline.writer
        expected = [writer.summary(case.found, wanted) for wanted in case.found.shown]
        assert summaries == expected, case.vignette.id


def test_everybody_expects_what_the_content_has(vignettes: Vignettes, clinic: Clinic) -> None:
    wrong = {
        v.id: list(mistaken(v.expect, clinic.content))
        for v in (*vignettes.people, *vignettes.switched)
    }

    assert {person: words for person, words in wrong.items() if words} == {}


def test_every_cause_has_people_of_its_own(clinic: Clinic) -> None:
    causes = {path.stem for path in (ROOT / "plan_definitions/causes").glob("*.json")}

    assert causes - {"intake-not-answered", "checks-off"} <= set(FILES)


def test_people_of_a_site_that_switched_a_check_off(vignettes: Vignettes, clinic: Clinic) -> None:
    wrong = {
        person.id: mismatches(
            person.expect, case_for(person, vignettes.defaults, clinic.pipeline).found
        )
        for person in vignettes.switched
    }

    assert {person.file for person in vignettes.switched} == {"checks-off"}
    assert {person: words for person, words in wrong.items() if words} == {}


def test_every_rule_is_seen_to_say_yes_and_no(cases: list[Case]) -> None:
    seen: dict[str, set[str]] = {}
    for case in cases:
        for rule, answer in case.found.rules.items():
            seen.setdefault(rule, set()).add(str(answer))

    assert {rule for rule, answers in seen.items() if not {"yes", "no"} <= answers} == set()


def test_ids_are_used_once(vignettes: Vignettes) -> None:
    ids = [vignette.id for vignette in (*vignettes.people, *vignettes.switched)]

    assert len(ids) == len(set(ids))


# -- the verdict itself --------------------------------------------------------------------


def one(clinic: Clinic, **expect: object) -> list[str]:
    given = {"age": 40, "answers": {"urine": ["burn"], "rfgen": ["none"]}, "blank": "others"}
    vignette = Vignette("X-1", "one", "x", NOW.date(), given, expect)
    return mismatches(vignette.expect, case_for(vignette, {}, clinic.pipeline).found)


def test_a_wrong_expectation_is_told_in_words(clinic: Clinic) -> None:
    wrong = one(
        clinic,
        rules={"C18": "no", "C99": "yes", "C19": "not yes"},
        cards={"has": ["REC-PF"], "lacks": ["REC-UA"], "are": [], "deferred": ["REC-UA"]},
        indicators={"REC-UA": "critical", "REC-PF": "info"},
    )

    for words in ("C18 is yes", "C99", "REC-PF", "REC-UA", "expected critical", "expected []"):
        assert any(words in line for line in wrong), words
    assert not any("C19" in line for line in wrong)


def test_a_right_expectation_has_no_words(clinic: Clinic) -> None:
    assert one(clinic, rules={"C18": "yes"}, cards={"has": ["REC-UA"]}) == []


@pytest.mark.parametrize(
    ("expect", "words"),
    [
        ({"rule": {"C18": "yes"}}, "expect.rule is not read: write one of rules, cards"),
        ({"cards": {"hass": ["REC-UA"]}}, "expect.cards.hass is not read: write one of has,"),
        ({"cards": ["REC-UA"]}, "expect.cards must hold has, lacks, are, deferred"),
        ({"advice": {"have": []}}, "expect.advice.have is not read"),
        ({"notes": {"deferred": []}}, "expect.notes.deferred is not read"),
        ({"suggestions": {"REC-UA": {"lack": []}}}, "expect.suggestions.REC-UA.lack is not read"),
        ({"reasons": {"REC-UA": {"speaks": []}}}, "expect.reasons.REC-UA.speaks is not read"),
        ({"rules": {"C18": False}}, 'expect.rules.C18 is False: write one of "yes", "no"'),
        ({"indicators": {"REC-UA": "urgent"}}, "expect.indicators.REC-UA is 'urgent'"),
    ],
)
def test_a_misspelt_expectation_is_refused_with_what_to_write(
    expect: dict[str, Any], words: str, tmp_path: Path
) -> None:
    person = {"id": "X-1", "name": "somebody", "given": {}, "expect": expect}
    document = {"today": NOW.date(), "vignettes": [person]}
    (tmp_path / "odd.yaml").write_text(yaml.safe_dump(document), encoding="utf-8")

    with pytest.raises(ValueError, match=re.escape(f"odd.yaml: X-1 (somebody): {words}")):
        read_vignettes(tmp_path)


def test_every_key_the_manual_names_is_read() -> None:
    manual = (ROOT / "tests/authoring/vignettes/README.md").read_text(encoding="utf-8")

    assert all(f"`{key}:" in manual or f"`{key}`" in manual for key in KEYS)
    assert list(misspelt({key: {} for key in KEYS})) == []


@pytest.mark.parametrize(
    ("expect", "words"),
    [
        ({"rules": {"C1": "yes"}}, "there is no rule C1"),
        ({"cards": {"lacks": ["REC-UAA"]}}, "there is no card REC-UAA: write REC-UA?"),
        ({"indicators": {"UA": "info"}}, "there is no card UA"),
        ({"suggestions": {"REC-XX": {"has": []}}}, "there is no card REC-XX"),
        (
            {"suggestions": {"REC-UA": {"lacks": ["zebra"]}}},
            "there is no suggestion of REC-UA zebra",
        ),
        ({"reasons": {"REC-UA": {"has": ["sti.zebra"]}}}, "there is no reason sti.zebra"),
        ({"advice": {"lacks": ["sti.zebra"]}}, "there is no advice sti.zebra"),
        ({"notes": {"has": ["zebra"]}}, "there is no note zebra"),
    ],
)
def test_an_id_that_nothing_has_is_named(
    expect: dict[str, Any], words: str, clinic: Clinic
) -> None:
    assert [line[: len(words)] for line in mistaken(expect, clinic.content)] == [words]


def test_a_file_that_is_no_vignette_file_is_named(tmp_path: object) -> None:
    folder = ROOT.__class__(str(tmp_path))
    (folder / "odd.yaml").write_text("today: 2026-01-01\nvignettes: [{id: A}]\n")

    with pytest.raises(ValueError, match=r"odd\.yaml: not a vignette file"):
        read_vignettes(folder)


def test_an_answer_to_no_question_is_an_error(clinic: Clinic) -> None:
    vignette = Vignette("X-1", "x", "x", NOW.date(), {"answers": {"zebra": "yes"}}, {})

    with pytest.raises(ValueError, match="X-1: the form dyspareunia-intake has no item zebra"):
        case_for(vignette, {}, clinic.pipeline)


@pytest.mark.parametrize("text", ["38.5", "Cel 38", "38.5Cel", ""])
def test_a_quantity_has_a_unit(text: str) -> None:
    with pytest.raises(ValueError, match="not a quantity with a unit"):
        quantity(text)
