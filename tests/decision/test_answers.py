"""The ``%answers`` view: true was chosen, false was answered without it, absent is unknown."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from cds_service.content import extensions as ext
from cds_service.content.questionnaires import walk_items
from cds_service.decision.answers import AnswerSheet, read_answers
from tests.support.clinic import FORM, NOW, QUIET, Clinic, ago, topics


def sheet(clinic: Clinic, items: Any, hours: float = 1) -> AnswerSheet:
    return read_answers(clinic.form, {"item": items}, NOW - timedelta(hours=hours), NOW)


def read(clinic: Clinic, hours: float = 1, **answers: Any) -> AnswerSheet:
    return sheet(clinic, clinic.items(answers), hours)


def coded(link_id: str, *codings: Any) -> list[dict[str, Any]]:
    return [{"linkId": link_id, "answer": [{"valueCoding": coding} for coding in codings]}]


# -- yes, no, unknown ----------------------------------------------------------------------


def test_a_chosen_option_is_true_and_the_others_are_false(clinic: Clinic) -> None:
    urine = read(clinic, urine=["burn", "freq"]).view["urine"]

    assert {code for code, chosen in urine.items() if chosen} == {"burn", "freq"}
    assert urine.keys() == clinic.form.items["urine"].system.keys()


def test_none_of_these_makes_the_others_plainly_false(clinic: Clinic) -> None:
    rfgen = read(clinic, rfgen=["none"]).view["rfgen"]

    assert [code for code, chosen in rfgen.items() if chosen] == ["none"]
    assert rfgen["severe"] is False


SEEN = {"url": ext.full_url(FORM, ext.ANSWER_CONFIRMED), "valueBoolean": True}


def filled_in(*codes: str, source: str = "auto", **more: Any) -> dict[str, Any]:
    """A question as a form sends it that the chart has answered."""
    origin = {
        "url": ext.INFORMATION_ORIGIN,
        "extension": [{"url": "source", "valueCode": source}],
    }
    seen = [more["seen"]] if "seen" in more else []
    answers = [{"valueCoding": {"code": c}, "extension": [origin, *seen]} for c in codes]
    return {"linkId": "meds", "answer": answers}


@pytest.mark.parametrize("source", ["auto", "auto-client", "auto-server"])
def test_what_a_chart_filled_in_unseen_denies_nothing(source: str, clinic: Clinic) -> None:
    found = sheet(clinic, [filled_in("antidep", source=source)])

    assert found.view["meds"] == {"antidep": True}
    assert "meds" in found.unanswered


@pytest.mark.parametrize(
    "item",
    [filled_in("antidep", seen=SEEN), filled_in("antidep", source="override")],
    ids=["seen", "changed"],
)
def test_what_a_chart_filled_in_and_the_person_saw_is_their_answer(
    item: dict[str, Any], clinic: Clinic
) -> None:
    found = sheet(clinic, [item])

    assert found.view["meds"] == {
        code: code == "antidep" for code in clinic.form.items["meds"].system
    }
    assert "meds" not in found.unanswered


def test_marks_of_odd_shapes_are_no_marks(clinic: Clinic) -> None:
    for odd in (None, {}, ["x", {"url": ext.INFORMATION_ORIGIN, "extension": "auto"}]):
        item = {"linkId": "meds", "answer": [{"valueCoding": {"code": "acne"}, "extension": odd}]}

        assert sheet(clinic, [item]).view["meds"]["antidep"] is False


@pytest.mark.parametrize(
    "answers",
    [{}, {"urine": []}, {"where": []}],
    ids=["not-sent", "no-answer", "other-without-answer"],
)
def test_a_question_without_an_answer_is_unknown(answers: dict[str, Any], clinic: Clinic) -> None:
    found = read(clinic, **answers)

    assert "urine" not in found.view
    assert {"urine", "where", "sev"} <= found.unanswered


@pytest.mark.parametrize(
    ("link_id", "code"),
    [
        ("rfgen", "unsure"),
        ("organs", "notsure"),
        ("organs", "decline"),
        ("preg", "unsure"),
        ("preg", "decline"),
        ("sextype", "decline"),
        ("where", "unsure"),
        ("meds", "unsure"),
    ],
)
def test_an_option_that_means_unknown_is_true_and_leaves_the_others_unknown(
    link_id: str, code: str, clinic: Clinic
) -> None:
    found = read(clinic, **{link_id: [code]})

    assert found.view[link_id] == {code: True}
    assert link_id in found.unanswered


def test_unsure_beside_a_choice_does_not_blur_the_choice(clinic: Clinic) -> None:
    found = read(clinic, organs=["uterus", "notsure"])

    assert found.view["organs"]["uterus"] is True
    assert found.view["organs"]["notsure"] is True
    assert found.view["organs"]["penis"] is False
    assert "organs" not in found.unanswered


def test_which_options_mean_unknown_comes_from_the_form_alone(clinic: Clinic) -> None:
    marked = {
        item["linkId"]: {
            option["valueCoding"]["code"]
            for option in item.get("answerOption", ())
            if any("answer-means-unknown" in e["url"] for e in option.get("extension", ()))
        }
        for item in walk_items(clinic.form.resource["item"])
    }

    assert {i: set(item.unknown) for i, item in clinic.form.items.items()} == marked


def test_numbers_are_numbers(clinic: Clinic) -> None:
    assert read(clinic, sev=7).view["sev"] == 7
    assert read(clinic, sev=0).view["sev"] == 0


def test_the_persons_own_words_are_kept_apart(clinic: Clinic) -> None:
    found = read(clinic, other="  It began after a fall. ")

    assert "other" not in found.view
    assert found.texts == {"other": "  It began after a fall. "}
    assert read(clinic, other="   ").texts == {}


# -- unusable answers ----------------------------------------------------------------------

SYSTEM = "https://dyspareunia-cds.example/fhir/CodeSystem/intake-preg"
UNUSABLE: list[tuple[str, list[Any]]] = [
    ("a code that is no option", coded("preg", {"system": SYSTEM, "code": "maybe"})),
    ("another item's code", coded("preg", {"system": SYSTEM, "code": "severe"})),
    ("another system", coded("preg", {"system": "http://snomed.info/sct", "code": "yes"})),
    ("no code", coded("preg", {"system": SYSTEM, "display": "Yes"})),
    ("a code that is a number", coded("preg", {"system": SYSTEM, "code": 1})),
    ("a coding that is a text", coded("preg", "yes")),
    ("a coding that is null", coded("preg", None)),
    ("a text", [{"linkId": "preg", "answer": [{"valueString": "yes"}]}]),
    ("a boolean", [{"linkId": "preg", "answer": [{"valueBoolean": True}]}]),
    ("an empty answer", [{"linkId": "preg", "answer": [{}]}]),
    ("an answer that is a text", [{"linkId": "preg", "answer": ["yes"]}]),
    ("two answers to a single choice", coded("preg", {"code": "yes"}, {"code": "no"})),
    ("a number as text", [{"linkId": "sev", "answer": [{"valueString": "7"}]}]),
    ("a number as decimal", [{"linkId": "sev", "answer": [{"valueDecimal": 7.0}]}]),
    ("a fraction", [{"linkId": "sev", "answer": [{"valueInteger": 7.5}]}]),
    ("a truth value", [{"linkId": "sev", "answer": [{"valueInteger": True}]}]),
    ("one below the least", [{"linkId": "sev", "answer": [{"valueInteger": -1}]}]),
    ("one above the most", [{"linkId": "sev", "answer": [{"valueInteger": 11}]}]),
    ("an enormous number", [{"linkId": "sev", "answer": [{"valueInteger": 10**18}]}]),
    ("two numbers", [{"linkId": "sev", "answer": [{"valueInteger": 3}, {"valueInteger": 4}]}]),
    ("a text that is a number", [{"linkId": "other", "answer": [{"valueString": 5}]}]),
    ("an answer to a fixed text", [{"linkId": "opening", "answer": [{"valueString": "x"}]}]),
]


@pytest.mark.parametrize("items", [i for _, i in UNUSABLE], ids=[name for name, _ in UNUSABLE])
def test_what_cannot_be_used_is_unknown_and_listed(items: list[Any], clinic: Clinic) -> None:
    link_id = items[0]["linkId"]

    found = sheet(clinic, items)

    assert link_id not in found.view
    assert set(found.unusable) == {link_id}
    assert found.texts == {}


def test_an_unknown_question_is_listed_and_nothing_else_suffers(clinic: Clinic) -> None:
    items = [*coded("zebra", {"code": "stripes"}), *clinic.items({"sev": 4})]

    found = sheet(clinic, items)

    assert found.unusable == ("zebra",)
    assert found.view["sev"] == 4


def test_a_card_says_how_many_answers_belong_to_no_question(clinic: Clinic) -> None:
    items = [*clinic.items(QUIET), *coded("zebra", {"code": "x"}), *coded("gnu", {"code": "x"})]

    cards = clinic.found(responses=[clinic.response({}, item=items)]).cards

    assert "2 of the answers could not be read" in cards[0]["detail"]


def test_the_same_answer_twice_to_a_single_choice_is_one_answer(clinic: Clinic) -> None:
    same = sheet(clinic, coded("preg", {"code": "yes"}, {"code": "yes"}))
    different = sheet(clinic, coded("preg", {"code": "yes"}, {"code": "no"}))

    assert (same.view["preg"]["yes"], same.unusable) == (True, ())
    assert ("preg" in different.view, different.unusable) == (False, ("preg",))


def test_a_bad_code_beside_a_good_one_leaves_what_was_not_chosen_unknown(clinic: Clinic) -> None:
    found = sheet(clinic, coded("urine", {"code": "burn"}, {"code": "glitter"}))

    assert found.view["urine"] == {"burn": True}
    assert found.unusable == ("urine",)


def test_a_missing_system_is_taken_as_the_items_own(clinic: Clinic) -> None:
    assert sheet(clinic, coded("preg", {"code": "could"})).view["preg"]["could"] is True


def test_an_answer_that_could_not_be_read_is_known_and_never_repeated(clinic: Clinic) -> None:
    items = clinic.items({**QUIET, "urine": ["burn"]})
    items += coded("meds", {"code": "Quetzal-Canary"})
    items = [i for i in items if i != clinic.items({"meds": ["none"]})[0]]

    result = clinic.found(responses=[clinic.response({}, item=items)])

    assert list(result.evaluation.facts.answers.unusable) == ["meds"]
    assert "Quetzal" not in str(result.cards)


@pytest.mark.parametrize(
    "items",
    [None, 5, "x", {}, [None], [5], [{"answer": []}], [{"linkId": 7}], [{"linkId": "sev"}]],
    ids=str,
)
def test_items_of_any_other_shape_are_a_blank_form(items: Any, clinic: Clinic) -> None:
    found = sheet(clinic, items)

    assert (found.view, found.unusable) == ({}, ())


@pytest.mark.parametrize("answer", [None, 5, "x", {"valueInteger": 3}], ids=str)
def test_an_answer_that_is_no_list_is_no_answer(answer: Any, clinic: Clinic) -> None:
    assert sheet(clinic, [{"linkId": "sev", "answer": answer}]).view == {}


# -- where items stand ---------------------------------------------------------------------


def test_items_inside_groups_count(clinic: Clinic) -> None:
    inner = clinic.items({"sev": 4, "urine": ["burn"]})

    found = sheet(clinic, [{"linkId": "page", "item": [{"linkId": "part", "item": inner}]}])

    assert found.view["sev"] == 4
    assert found.view["urine"]["burn"] is True


def test_items_below_an_answer_count(clinic: Clinic) -> None:
    (outer,) = clinic.items({"private": "yes"})
    outer["answer"][0]["item"] = clinic.items({"sev": 4})

    found = sheet(clinic, [outer])

    assert (found.view["private"]["yes"], found.view["sev"]) == (True, 4)


def test_a_tick_all_question_sent_twice_is_joined(clinic: Clinic) -> None:
    items = [*clinic.items({"urine": ["burn"]}), *clinic.items({"urine": ["freq"]})]

    urine = sheet(clinic, items).view["urine"]

    assert {code for code, chosen in urine.items() if chosen} == {"burn", "freq"}


# -- questions that were not shown ---------------------------------------------------------


def test_an_answer_to_a_question_that_is_not_shown_is_ignored(clinic: Clinic) -> None:
    found = read(clinic, organs=["penis", "testis"], preg="yes", menses="late", rfvag=["none"])

    assert found.view.keys() == {"organs"}
    assert found.unusable == ()
    assert {"preg", "menses", "rfvag"}.isdisjoint(found.unanswered)


def test_private_answers_count_only_in_private(clinic: Clinic) -> None:
    private = {"trauma": "yes", "safe": "no", "unwanted": "past5d"}

    assert private.keys() <= read(clinic, private="yes", **private).view.keys()
    assert read(clinic, private="no", **private).view.keys() == {"private"}
    assert read(clinic, **private).view.keys() == set()


@pytest.mark.parametrize("organs", [None, ["decline"], ["notsure"]], ids=str)
def test_body_questions_are_shown_while_the_body_is_unknown(
    organs: list[str] | None, clinic: Clinic
) -> None:
    answers = {"preg": "could", "rfpen": ["snap"], **({"organs": organs} if organs else {})}

    assert {"preg", "rfpen"} <= read(clinic, **answers).view.keys()


@pytest.mark.parametrize(
    ("postpartum", "shown"),
    [(None, False), ("no", False), ("lt6w", True), ("6m12m", True)],
)
def test_breastfeeding_is_asked_after_a_birth(
    postpartum: str | None, shown: bool, clinic: Clinic
) -> None:
    answers = {"breastfeeding": "yes", **({"postpartum": postpartum} if postpartum else {})}

    assert ("breastfeeding" in read(clinic, **answers).view) is shown


def test_a_question_behind_a_hidden_one_is_hidden_too(clinic: Clinic) -> None:
    found = read(clinic, organs=["penis"], postpartum="lt6w", breastfeeding="yes")

    assert found.view.keys() == {"organs"}


def test_a_condition_on_an_answer_that_cannot_be_read_asks_nothing(clinic: Clinic) -> None:
    safe = clinic.items({"safe": "no"})

    found = sheet(clinic, [*coded("private", {"code": "quetzal"}), *safe])

    assert found.view == {}
    assert found.unusable == ("private",)


# -- age of answers ------------------------------------------------------------------------


@pytest.mark.parametrize(("hours", "known"), [(71, True), (72, True), (73, False)])
def test_after_72_hours_none_is_no_answer_to_the_emergency_questions(
    hours: int, known: bool, clinic: Clinic
) -> None:
    found = read(clinic, hours, rfgen=["none"], organs=["vagina", "penis"], rfvag=["none"])

    assert (found.view.get("rfgen", {}).get("severe") is False) is known
    assert ("rfgen" in found.unanswered) is not known
    assert ({"rfgen", "rfvag", "rfpen"} <= found.stale) is not known


def test_after_72_hours_a_ticked_emergency_stays_and_the_rest_is_unknown(clinic: Clinic) -> None:
    found = read(clinic, 73, rfgen=["severe"])

    assert found.view["rfgen"] == {"severe": True}


def test_after_72_hours_other_answers_hold(clinic: Clinic) -> None:
    found = read(clinic, 73, urine=["burn"], sev=7)

    assert found.view["urine"]["freq"] is False
    assert found.view["sev"] == 7
    assert found.stale.isdisjoint({"urine", "sev"})


def test_answers_from_a_clock_ahead_of_ours_are_new(clinic: Clinic) -> None:
    assert read(clinic, -2, rfgen=["none"]).age == timedelta(0)


def test_the_age_of_a_ticked_emergency_is_on_its_card(clinic: Clinic) -> None:
    old = clinic.response({**QUIET, "rfgen": ["severe"]}, authored=ago(hours=73))

    cards = clinic.found(responses=[old]).cards

    assert topics(cards)[0] == "emergency-assessment"
    assert "ticked 3 days ago: still so?" in cards[0]["detail"]
