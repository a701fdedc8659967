"""The picture of the README and the start page shows what the service answers."""

from __future__ import annotations

import pytest

from tests.support import cards_picture
from tests.support.clinic import ROOT


@pytest.mark.parametrize(
    "place", cards_picture.PLACES, ids=lambda p: p.relative_to(ROOT).as_posix()
)
def test_the_picture_is_what_the_service_answers(place) -> None:
    stale = place.read_text(encoding="utf-8") != cards_picture.picture()

    assert not stale, "run .venv/bin/python -m tests.support.cards_picture"


def test_the_picture_holds_every_card_it_promises() -> None:
    topics = [card["source"]["topic"]["code"] for card in cards_picture.cards()]

    assert topics == list(cards_picture.SHOWN)
