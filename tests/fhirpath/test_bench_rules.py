"""The rules that `make bench` measures are answered as by hand, all of them."""

import pytest

from benchmarks.language import Rules, answers

RULES = Rules()


@pytest.mark.parametrize("name", RULES.texts)
def test_a_rule_answers_as_by_hand(name: str) -> None:
    assert answers(RULES)[name] == RULES.by_hand()[name]


def test_there_are_23() -> None:
    assert len(RULES.texts) == len(RULES.floor) == 23
