"""The link of the self-care card to the page that prints the sheet, and what the page holds."""

from __future__ import annotations

from typing import Any
from urllib.parse import urldefrag

import pytest

from cds_service.web.content_pages.sheet import sheet_blocks
from tests.support.clinic import Clinic, card_about

CRAMPS = {
    "organs": ["uterus", "cervix", "ovary", "vagina"],
    "rfgen": ["none"],
    "rfvag": ["none"],
    "when": ["after"],
    "where": ["muscle"],
    "dur": "lt6w",
    "sev": 3,
}
BORN = {"at 16": "2010-01-01", "under 16": "2012-01-01"}


def print_links(clinic: Clinic, answers: dict[str, Any], **patient: str) -> list[str]:
    cards = clinic.cards(clinic.request(answers, patient=patient))
    links = card_about(cards, "self-care").get("links", ())
    return [link["url"] for link in links if link["label"] == "Print the sheet"]


def test_the_link_names_the_lines_of_the_message_and_the_page_has_them(clinic: Clinic) -> None:
    (url,) = print_links(clinic, CRAMPS)
    address, fragment = urldefrag(url)
    named = fragment.removeprefix("l=").split(".")
    texts = {line.id: line.reason for block in sheet_blocks(clinic.content) for line in block.lines}
    card = card_about(clinic.cards(clinic.request(CRAMPS)), "self-care")
    (message,) = (
        action["resource"]
        for suggestion in card["suggestions"]
        for action in suggestion["actions"]
        if action["resource"]["resourceType"] == "CommunicationRequest"
    )
    sent = "\n".join(part["contentString"] for part in message["payload"])

    assert address.endswith("/content/sheet")
    assert "c06-1" in named
    assert all(texts[line] in sent for line in named)
    page = clinic.client.get("/content/sheet").get_data(as_text=True)
    assert all(f'value="{line}"' in page for line in texts)
    assert " checked" not in page.replace("Be checked", "")


def test_a_private_line_is_not_ticked(clinic: Clinic) -> None:
    answers = {**CRAMPS, "preg": "yes"}
    (url,) = print_links(clinic, answers)

    assert not {"c04-2", "c04-3", "s4"} & set(url.partition("#l=")[2].split("."))


@pytest.mark.parametrize(("born", "links"), [(BORN["at 16"], 1), (BORN["under 16"], 0)])
def test_nothing_is_printed_for_a_person_under_16(born: str, links: int, clinic: Clinic) -> None:
    assert len(print_links(clinic, CRAMPS, birthDate=born)) == links


def test_nothing_is_printed_where_home_may_not_be_safe(clinic: Clinic) -> None:
    assert print_links(clinic, {**CRAMPS, "private": "yes", "safe": "no"}) == []
