"""Searching the content: what is found, in which order, and how a hit is shown."""

from __future__ import annotations

import pytest
from flask.testing import FlaskClient

from cds_service.web.content_pages.index import ContentIndex, address
from cds_service.web.content_pages.search import Hit, search
from cds_service.web.diagram import Link


@pytest.mark.parametrize(
    ("query", "first"),
    [
        ("C16", Link("causes", "suspected-endometriosis")),
        ("rf07", Link("flags", "RF07")),
        ("REC-UA", Link("cards", "urine-testing")),
        ("deeppain", Link("facts", "deepPain")),
        ("117010004", Link("cards", "urine-testing")),  # the code of an order
        ("Leiomyoma of uterus", Link("value-sets", "uterine-fibroids")),
        ("famendo", Link("questions", "gyn")),
    ],
)
def test_search_finds_ids_texts_and_codes(
    pages: FlaskClient, catalogue: ContentIndex, query: str, first: Link
) -> None:
    html = pages.get("/content", query_string={"q": query}).text

    assert first in [hit.entry.link for hit in searched(catalogue, query)]
    assert f'href="{address(first)}"' in html


def test_an_id_is_found_before_what_mentions_it(catalogue: ContentIndex) -> None:
    hits = searched(catalogue, "c16")

    assert hits[0].entry.id == "C16"
    assert len(hits) > 1


@pytest.mark.parametrize(
    ("query", "title"),
    [
        ("endometrosis", "Possible endometriosis"),
        ("endometriosiss", "Possible endometriosis"),
        ("endometirosis", "Possible endometriosis"),
        ("Endometriosis", "Possible endometriosis"),
        ("self-care", "Self-care and when to seek care"),
    ],
)
def test_the_first_hit_is_what_was_meant_though_a_letter_is_wrong(
    catalogue: ContentIndex, query: str, title: str
) -> None:
    titles = [hit.entry.title for hit in searched(catalogue, query)]

    assert title in titles[:3]


@pytest.mark.parametrize("query", ["zzzzz", "edmt", "endxxetriosis"])
def test_two_wrong_letters_or_one_in_a_short_word_are_not_forgiven(
    catalogue: ContentIndex, query: str
) -> None:
    assert searched(catalogue, query) == []


def test_a_hit_shows_a_line_with_the_words_marked(
    pages: FlaskClient, catalogue: ContentIndex
) -> None:
    (snippet, *_) = [hit.snippet for hit in searched(catalogue, "smell") if hit.snippet]
    html = pages.get("/content?q=smell").text

    assert next(text.casefold() for text, marked in snippet if marked) == "smell"
    assert len("".join(text for text, _ in snippet)) < 250
    assert "<mark>smell</mark>" in html


def searched(catalogue: ContentIndex, query: str) -> list[Hit]:
    return search(list(catalogue.entries.values()), query)
