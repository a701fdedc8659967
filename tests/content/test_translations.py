"""Every text a patient reads is there in every language the form claims, with the same meaning as
far as a program can tell: numbers, time spans and placeholders."""

from __future__ import annotations

import copy
import json
import re
from typing import Any

import pytest

from cds_service.content import Content
from cds_service.content.questionnaires import walk_items
from cds_service.content.translations import (
    languages,
    patient_texts,
    text_in,
    translation_findings,
)
from tests.support.clinic import ROOT

Document = dict[str, Any]


@pytest.fixture
def form(content: Content) -> Document:
    return copy.deepcopy(content.questionnaire.resource)


def said(form: Document) -> list[tuple[str, str]]:
    return [(f.path, f.message) for f in translation_findings(form, "form.json")]


def question(form: Document, link_id: str) -> Document:
    return next(i for i in walk_items(form["item"]) if i["linkId"] == link_id)


def test_spanish_is_offered_and_says_that_nobody_has_reviewed_it(form: Document) -> None:
    (spanish,) = languages(form)

    assert spanish.code == "es"
    assert spanish.status == "machine-translated, not reviewed"
    assert "nadie la ha revisado" in spanish.notice


def test_every_text_a_patient_reads_is_in_spanish(form: Document) -> None:
    texts = [(e[n], text_in(e, n, "es")) for _, e, n in patient_texts(form) if e.get(n)]

    assert len(texts) > 200
    # A few words are the same in both languages.
    assert {text for text, spanish in texts if text == spanish} == {"No"}


def test_a_language_the_form_does_not_have_falls_back_to_what_is_written(form: Document) -> None:
    assert text_in(form, "title", "eu") == form["title"]
    assert text_in({}, "title", "es") is None


def test_equal_texts_are_translated_equally(form: Document) -> None:
    seen: dict[str, set[str | None]] = {}
    for _, element, name in patient_texts(form):
        if element.get(name):
            seen.setdefault(element[name], set()).add(text_in(element, name, "es"))

    assert {text: found for text, found in seen.items() if len(found) > 1} == {}


def test_a_missing_translation_is_found_wherever_it_is_missing(form: Document) -> None:
    del form["_title"]
    del question(form, "rfgen")["_text"]
    del question(form, "sev")["_text"]
    del question(form, "rfgen")["answerOption"][0]["valueCoding"]["_display"]

    words = "has no text for 'es', which translation-status claims"
    assert said(form) == [
        ("title", words),
        ("item rfgen.text", words),
        ("item rfgen.answerOption severe", words),
        ("item sev.text", words),
    ]


def test_another_threshold_is_found(form: Document) -> None:
    option = question(form, "rfpen")["answerOption"][2]["valueCoding"]
    content = option["_display"]["extension"][0]["extension"][1]
    content["valueString"] = content["valueString"].replace("4", "6")

    assert said(form) == [
        (
            "item rfpen.answerOption longerection",
            "the text for 'es' has other numbers or [placeholders]",
        )
    ]


def test_a_language_nobody_claims_is_found(form: Document) -> None:
    form["_title"]["extension"][0]["extension"][0]["valueCode"] = "fr"

    assert said(form) == [
        ("title", "has no text for 'es', which translation-status claims"),
        ("title", "has a text for 'fr', which translation-status does not claim"),
    ]


def test_a_claim_says_how_it_was_translated(form: Document) -> None:
    claim = next(e for e in form["extension"] if e["url"].endswith("/translation-status"))
    claim["extension"] = [part for part in claim["extension"] if part["url"] != "status"]

    assert ("translation-status", "needs lang, status and notice") in said(form)


# -- the words around the questions -----------------------------------------------------------

TEXTS = ROOT / "cds_service" / "web" / "form" / "languages"


def words(language: str) -> dict[str, str]:
    return json.loads((TEXTS / f"{language}.json").read_text(encoding="utf-8"))


def marks(text: str) -> list[str]:
    """Values that are put in, numbers, and examples of what may be typed."""
    return sorted(re.findall(r"\{\w+\}|\d[\d:-]*|https://\S+[a-z]", text))


@pytest.mark.parametrize("language", sorted(path.stem for path in TEXTS.glob("*.json")))
def test_every_language_has_the_same_words_around_the_questions(language: str) -> None:
    english, other = words("en"), words(language)

    assert list(other) == list(english)
    assert all(text.strip() for text in other.values())
    assert {k: marks(t) for k, t in other.items()} == {k: marks(t) for k, t in english.items()}


def test_every_language_of_the_form_has_words_around_the_questions(form: Document) -> None:
    claimed = {language.code for language in languages(form)}

    assert {path.stem for path in TEXTS.glob("*.json")} == {"en", *claimed}


@pytest.mark.parametrize("language", sorted(path.stem for path in TEXTS.glob("*.json")))
def test_a_button_is_quoted_as_it_is_written(language: str) -> None:
    said = words(language)

    for key, button in (("start_private", "leave"), ("later_where", "start_resume")):
        assert f"“{said[button]}”" in said[key]
