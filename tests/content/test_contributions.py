"""Which rule asks for which card, in which order and how pressing: as the specification's table."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from cds_service.content import Content
from cds_service.content.model import PRESSING
from tests.support.clinic import ROOT

TABLE = ROOT.parent / "shared" / "contributions-2.md"
SECOND_TABLE = ROOT.parent / "shared" / "second-round.md"
SECOND_PLANS = {"exam-findings", "follow-up"}  # judged by a table of their own
NOT_LISTED = {"checks-off", "form-not-finished"}  # note 6 below the table; cards.md, 10
SECOND_ROW = re.compile(
    r"\| (REC-[A-Z]+|offer-intake) \| ([\w-]+) \| .* \| (stat|urgent|routine) \| .*"
)
ROW = re.compile(r"\| (REC-[A-Z]+) \| (.*?) \| (.*) \|")
ENTRY = re.compile(r"([\w-]+)(?: \[(.*)\])? \((stat|urgent|routine)\)")
PLACE = re.compile(r"\| (always|ordinary) \| .* \| .* \| (.*) \|")

Asking = tuple[str, str]  # source, priority
# They are no reason for the card, which C25 asks for: they give it its words (cards.md, 7.17).
WORDS_ONLY = {"REC-SELF": {"C02", "C06", "C01", "C12", "mild-once"}}


def entries(text: str) -> Iterator[str]:
    """The parts of a list that is separated by semicolons outside brackets."""
    depth, part = 0, ""
    for character in text:
        depth += {"[": 1, "]": -1}.get(character, 0)
        if character == ";" and depth == 0:
            yield part.strip()
            part = ""
        else:
            part += character
    yield part.strip()


@pytest.fixture(scope="module")
def table() -> str:
    if not TABLE.exists():
        pytest.skip("../shared/contributions-2.md, the table this compares with, is not here")
    return TABLE.read_text(encoding="utf-8").replace(r"\|", "¦")


@pytest.fixture(scope="module")
def rows(table: str) -> dict[str, tuple[int, list[Asking]]]:
    """Card -> how many own conditions it has, and who asks for it in order."""
    found = {}
    for line in table.splitlines():
        row = ROW.fullmatch(line)
        asking = [ENTRY.fullmatch(e) for e in entries(row[3])] if row else []
        if row and all(asking):
            own = 0 if row[2] == "-" else len(row[2].split("<br>"))
            listed = [(e[1], e[3]) for e in asking if e]
            found[row[1]] = (own, list(dict.fromkeys(listed)))
    return found


def test_every_card_is_asked_for_by_the_same_sources_in_the_same_order(
    content: Content, rows: dict[str, tuple[int, list[Asking]]]
) -> None:
    found = {
        content.cards[plan_id].id: list(
            dict.fromkeys(
                (c.source.id, c.priority)
                for c in contributions
                if not c.advice and c.source.plan["id"] not in SECOND_PLANS | NOT_LISTED
            )
        )
        for plan_id, contributions in content.contributions.items()
    }

    assert len(rows) == 15
    assert {card: most_pressing_first(card, found[card]) for card in rows} == {
        card: most_pressing_first(card, asking) for card, (_, asking) in rows.items()
    }


def test_exam_and_follow_up_ask_for_the_cards_of_their_table(content: Content) -> None:
    if not SECOND_TABLE.exists():
        pytest.skip("../shared/second-round.md, the table this compares with, is not here")
    rows = map(SECOND_ROW.fullmatch, SECOND_TABLE.read_text(encoding="utf-8").splitlines())
    expected = sorted((row[1], row[2].replace("_", ""), row[3]) for row in rows if row)

    found = sorted(
        (content.cards[plan_id].id, c.source.id, c.priority)
        for plan_id, contributions in content.contributions.items()
        for c in contributions
        if not c.advice and c.source.plan["id"] in SECOND_PLANS
    )

    assert len(expected) > 60
    assert found == expected


def most_pressing_first(card: str, asking: list[Asking]) -> list[Asking]:
    """In the order in which they speak: by priority, then as listed."""
    named = [one for one in asking if one[0] not in WORDS_ONLY.get(card, set())]
    return sorted(named, key=lambda one: PRESSING.index(one[1]), reverse=True)


def test_every_card_has_the_same_number_of_own_conditions(
    content: Content, rows: dict[str, tuple[int, list[Asking]]]
) -> None:
    found = {card.id: len(card.conditions) for card in content.cards.values()}

    assert {card: found[card] for card in rows} == {c: own for c, (own, _) in rows.items()}


def test_cards_stand_in_the_same_order(content: Content, table: str) -> None:
    expected = {match[1]: re.findall(r"REC-[A-Z]+", match[2]) for match in PLACE.finditer(table)}

    found = {
        group.id: [content.cards[p.card].id for p in group.placements]
        for group in content.strategy.moments[0].groups
    }

    assert found["ordinary"] == expected["ordinary"]
    # One more, for a rule that could not be evaluated.
    assert found["always"] == [*expected["always"], "check-not-completed"]
