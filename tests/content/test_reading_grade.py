"""The reading grade of texts for patients: the formula, and the form itself."""

from __future__ import annotations

import pytest

from cds_service.content import Content
from cds_service.content.reading_grade import grade, syllables

MAX_GRADE = 6.0


@pytest.mark.parametrize(
    ("word", "count"),
    [
        ("pain", 1),
        ("table", 2),
        ("three", 1),
        ("late", 1),
        ("helped", 1),
        ("treated", 2),
        ("ovary", 3),
        ("hmm", 1),
    ],
)
def test_syllables_are_groups_of_vowels_without_silent_ends(word: str, count: int) -> None:
    assert syllables(word) == count


def test_the_grade_is_kincaids() -> None:
    # 6 words in 2 sentences, 7 syllables.
    assert grade("Call now. Do not wait today!") == pytest.approx(0.39 * 3 + 11.8 * 7 / 6 - 15.59)
    assert grade(" ... ") == 0


def test_the_whole_form_is_easy_to_read(content: Content) -> None:
    texts: list[str] = []
    for item in content.questionnaire.resource["item"]:
        options = (o.get("valueCoding", {}).get("display") for o in item.get("answerOption", ()))
        texts += [text.rstrip(".?!:") + "." for text in (item.get("text"), *options) if text]

    assert len(texts) > 200
    assert grade(" ".join(texts)) <= MAX_GRADE
