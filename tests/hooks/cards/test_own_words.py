"""Whatever a person or a chart says is inert on a card."""

from __future__ import annotations

import re

import pytest

from cds_service.hooks.own_words import END_ISOLATE, ISOLATE, escape
from tests.support.clinic import QUIET, Clinic, active, card_about, concept

INJECTIONS = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "<!-- comment -->",
    "&lt;b&gt; &#60;b&#62;",
    "[click](https://evil.example)",
    "![pixel](https://evil.example/p.png)",
    "<https://evil.example>",
    "https://evil.example",
    "www.evil.example",
    "person@evil.example",
    "mailto:person@evil.example",
    "**bold** __bold__ *i* _i_ ~~gone~~ `code`",
    "# Heading",
    "- item\n1. item\n> quote\n---\n===",
    "| a | b |\n|---|---|\n| c | d |",
    "```\ncode\n```",
    "    indented",
    "\\*escaped\\*",
    "line\u2028separator\u0085next\vtab\f",
    "$x^2$ :smile: @someone #1",
    "[ref]: https://evil.example",
    "\u202eright-to-left",
]

# Escaped punctuation, entities, and characters that mean nothing in Markdown or HTML.
PUNCTUATION = re.escape("\\`*_{}[]()#+-.!|~:@/=\"'$^")

PLAIN = re.compile(
    rf"(?:\\[{PUNCTUATION}]|&(?:amp|lt|gt);|[^{PUNCTUATION}<>&\n\r\v\f\u2028\u0085])*"
)


@pytest.mark.requirement("4.6")
@pytest.mark.parametrize("words", INJECTIONS)
def test_a_persons_words_are_inert_markdown(words: str, clinic: Clinic) -> None:
    cards = clinic.found({**QUIET, "safe": "no", "other": words}).cards

    detail = card_about(cards, "private-conversation")["detail"]
    (line,) = [text for text in detail.split("\n") if text.startswith("**In their words")]
    quoted = line.partition('"')[2].removesuffix('"')
    assert (quoted[0], quoted[-1]) == (ISOLATE, END_ISOLATE)

    assert PLAIN.fullmatch(quoted), quoted
    assert quoted == escape(words)


CONTROLS = [*"\x00\x07\x1b\x7f\x9b", *"\u202e\u202a\u2066\u2069\u200f\u061c"]


@pytest.mark.parametrize("control", CONTROLS, ids=ascii)
def test_control_characters_do_not_leave_a_persons_words(control: str, clinic: Clinic) -> None:
    words = f"before{control}after"
    cards = clinic.found({**QUIET, "safe": "no", "other": words}).cards

    detail = card_about(cards, "private-conversation")["detail"]

    assert control[0] not in detail.replace(ISOLATE, "").replace(END_ISOLATE, "")
    assert detail.count(ISOLATE) == detail.count(END_ISOLATE) == 1
    assert "before" in detail
    assert "after" in detail


@pytest.mark.parametrize(
    "words",
    [
        "\U0001f469\u200d\U0001f467",
        "\u0645\u06cc\u200c\u062e",
        "\u05e9\u05dc abc",
        "tab\tline\nend",
    ],
    ids=["joiner", "non-joiner", "right-to-left", "white-space"],
)
def test_writing_that_needs_joiners_or_another_direction_stays(words: str) -> None:
    assert escape(words) == ISOLATE + " ".join(words.split()) + END_ISOLATE


def test_a_very_long_text_is_cut(clinic: Clinic) -> None:
    cards = clinic.found({**QUIET, "safe": "no", "other": "a" * 10_000}).cards

    assert len(card_about(cards, "private-conversation")["detail"]) < 10_000


def test_displays_and_texts_of_the_chart_never_reach_a_card(clinic: Clinic) -> None:
    code = concept(clinic.content, "endometriosis")
    code["coding"][0]["display"] = "<b>Quetzal</b>"
    known = active(code={**code, "text": "<b>Quetzal</b>"}, onsetDateTime="2025-03")
    answers = {**QUIET, "where": ["deep"], "trigger": ["deep"], "dur": "gt6m", "sev": 6}

    assert "Quetzal" not in str(clinic.found(answers, [known]).cards)
