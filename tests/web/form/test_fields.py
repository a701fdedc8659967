"""What is typed becomes FHIR answers and comes back as it was typed; what is no answer is said."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cds_service.web.form.fields import Unreadable, cleaned, fill, read
from cds_service.web.form.from_questionnaire import read_form
from tests.web.form.forms import CODES, EVERYTHING, VALUE_SETS, coding

FORM = read_form(EVERYTHING, VALUE_SETS)
TYPED: list[tuple[str, dict[str, list[str]], list[dict[str, Any]]]] = [
    ("bool", {"v": ["false"]}, [{"valueBoolean": False}]),
    ("dec", {"v": ["2,5"]}, [{"valueDecimal": 2.5}]),
    ("dec", {"v": ["-.25"]}, [{"valueDecimal": -0.25}]),
    ("dec", {"v": ["1 000"]}, [{"valueDecimal": 1000}]),
    ("int", {"v": [" 0 "]}, [{"valueInteger": 0}]),
    ("day", {"v": ["2024-02-29"]}, [{"valueDate": "2024-02-29"}]),
    ("day", {"v": ["2024"]}, [{"valueDate": "2024"}]),
    ("moment", {"v": ["2024-02-01"], "t": [""]}, [{"valueDateTime": "2024-02-01"}]),
    ("moment", {"v": ["2024-02-01"], "t": ["09:30"]}, [{"valueDateTime": "2024-02-01T09:30:00Z"}]),
    ("clock", {"v": ["09:30"]}, [{"valueTime": "09:30:00"}]),
    ("line", {"v": ["Rose bed"]}, [{"valueString": "Rose bed"}]),
    ("lines", {"v": ["a", " ", "b"]}, [{"valueString": "a"}, {"valueString": "b"}]),
    ("words", {"v": ["one\r\ntwo\x00"]}, [{"valueString": "one\ntwo"}]),
    ("words", {"v": ["a\x7f\x85\u202eb\ufffe"]}, [{"valueString": "ab"}]),
    ("words", {"v": ["\u200b\u2060 "]}, []),
    (
        "words",
        {"v": ["\u05d0\u200f 👩\u200d⚕\ufe0f"]},
        [{"valueString": "\u05d0\u200f 👩\u200d⚕\ufe0f"}],
    ),
    ("link", {"v": ["https://a.example"]}, [{"valueUri": "https://a.example"}]),
    ("one", {"v": ["elm"]}, [{"valueCoding": coding("elm")}]),
    ("drop", {"v": [""]}, []),
    ("many", {"v": ["rake", "hoe"]}, [{"valueCoding": coding(c)} for c in ("hoe", "rake")]),
    (
        "open",
        {"v": ["red"], "o": ["teal"]},
        [{"valueCoding": coding("red")}, {"valueString": "teal"}],
    ),
    ("contained", {"v": ["clay"]}, [{"valueCoding": {"system": CODES, "code": "clay"}}]),
    (
        "amount",
        {"v": ["3"], "u": ["g"]},
        [{"valueQuantity": {"value": 3, "unit": "g", "system": CODES, "code": "g"}}],
    ),
]


@pytest.mark.parametrize(("link_id", "typed", "expected"), TYPED)
def test_what_is_typed_becomes_an_answer_and_comes_back(
    link_id: str, typed: dict[str, list[str]], expected: list[dict[str, Any]]
) -> None:
    part = FORM.parts[link_id]

    answers = read(part, cleaned(typed))

    assert answers == expected
    assert read(part, fill(part, answers)) == expected


@pytest.mark.parametrize(
    ("link_id", "typed"),
    [
        ("bool", {"v": ["perhaps"]}),
        ("int", {"v": ["2.5"]}),
        ("int", {"v": ["99999999999"]}),
        ("int", {"v": ["٣x"]}),
        ("dec", {"v": ["1e400"]}),
        ("dec", {"v": ["NaN"]}),
        ("day", {"v": ["15.3.2024"]}),
        ("clock", {"v": ["late"]}),
        ("moment", {"v": ["2024-01-01"], "t": ["x"]}),
        ("one", {"v": ["yew"]}),
        ("amount", {"v": ["3"], "u": ["stone"]}),
        ("line", {"v": ["two\nlines"]}),
    ],
)
def test_what_is_no_answer_is_refused(link_id: str, typed: dict[str, list[str]]) -> None:
    with pytest.raises(Unreadable):
        read(FORM.parts[link_id], cleaned(typed))


def test_a_row_without_its_value_says_nothing() -> None:
    assert cleaned({"u": ["kg"], "t": ["09:00"]}) == {}
    assert cleaned({"v": ["", "2"], "u": ["kg", "g"]}) == {"v": ["2"], "u": ["g"]}


def test_nothing_of_a_long_text_is_lost() -> None:
    """How much fits into a session is said by a page of its own."""
    long = "word " * 20_000 + "end"

    assert cleaned({"v": [long]}) == {"v": [long]}


ANSWERABLE = [part for part in FORM.parts.values() if part.answerable]


@given(
    st.sampled_from(ANSWERABLE),
    st.dictionaries(st.sampled_from("vout"), st.lists(st.text(max_size=12), max_size=4)),
)
def test_reading_never_fails_but_by_refusing(part: Any, typed: dict[str, list[str]]) -> None:
    fields = cleaned(typed)
    try:
        answers = read(part, fields)
    except Unreadable:
        return
    assert read(part, fill(part, answers)) == answers


@pytest.mark.parametrize("link_id", [part.link_id for part in ANSWERABLE])
def test_answers_of_another_shape_show_nothing_and_break_nothing(link_id: str) -> None:
    for answer in (
        {"valueCoding": {"code": "?"}},
        {"valueReference": {}},
        {},
        {"valueQuantity": {}},
    ):
        fill(FORM.parts[link_id], [answer])
