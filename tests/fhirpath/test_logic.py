"""Three-valued logic, singletons, iif() and what is not evaluated at all."""

import pytest

from .asking import ask, refusal

T, F, N = "true", "false", "{}"
ORDER = [(left, right) for left in (T, F, N) for right in (T, F, N)]
TABLE = {  # answers to TT TF T- FT FF F- -T -F --
    "and": (T, F, N, F, F, F, N, F, N),
    "or": (T, T, T, T, F, N, T, N, N),
    "xor": (F, T, N, T, F, N, N, N, N),
    "implies": (T, F, N, T, T, T, T, N, N),
}
VALUES = {T: [True], F: [False], N: []}
CASES = [
    (operator, left, right, answer)
    for operator, answers in TABLE.items()
    for (left, right), answer in zip(ORDER, answers, strict=True)
]


@pytest.mark.parametrize(("operator", "left", "right", "answer"), CASES)
def test_truth_table(operator: str, left: str, right: str, answer: str) -> None:
    literals = ask(f"{left} {operator} {right}")
    variables = ask(f"%a.b {operator} %c", a={"b": [*VALUES[left]]}, c=VALUES[right])

    assert literals == variables == VALUES[answer]


@pytest.mark.parametrize(("operand", "answer"), [(T, F), (F, T), (N, N)])
def test_not(operand: str, answer: str) -> None:
    assert ask(f"({operand}).not()") == VALUES[answer]
    assert ask("%x.not()", x=VALUES[operand]) == VALUES[answer]


@pytest.mark.parametrize("text", ["false and %broken", "true or %broken", "false implies %broken"])
def test_a_decided_operator_does_not_look_further(text: str) -> None:
    assert len(ask(text)) == 1


def test_a_long_chain_answers_like_its_pairs() -> None:
    assert ask("{} or false or {} or true or %broken") == [True]
    assert ask("true and {} and true and true") == []
    assert ask("%x and %y and %z", x=True, y=None, z=False) == [False]


def test_another_item_than_a_boolean_counts_as_true() -> None:
    assert ask("(true and 'foo')") == [True]
    assert ask("(0).not()") == [False]
    assert ask("%answers.sev and true", answers={"sev": 0}) == [True]


def test_several_items_are_no_boolean() -> None:
    assert refusal("(1 | 2).not()").position == 3
    assert refusal("true and %x", x=[True, True]).position == 9
    assert refusal("true and %x.y", x={"y": [True, True]}).position == 12


def test_iif_evaluates_only_the_branch_it_takes() -> None:
    assert ask("iif(true, 1, %broken)") == [1]
    assert ask("iif({}, %broken, 2)") == [2]
    assert ask("iif(false, %broken)") == []
    assert ask("iif(%x, true, false)", x=None) == [False]
    assert ask("iif((%x).not(), false, true)", x=None) == [True]


def test_the_criterion_of_iif_must_be_a_boolean() -> None:
    assert "boolean" in refusal("iif('text', 1, 2)").message
    assert "boolean" in refusal("iif(%x, 1, 2)", x=5).message
    assert "boolean" in refusal("iif(%x.y, 1, 2)", x={"y": "yes"}).message


def test_iif_on_an_item_sees_that_item() -> None:
    assert ask("'a'.iif($this = 'a', 1, 2)") == [1]
    assert ask("5.iif($this > 6, true, false) or false") == [False]
    assert refusal("(1 | 2).iif(true, 1, 2)").position is not None


ATLEAST = (
    "iif((iif(%a, 1, 0) + iif(%b, 1, 0) + iif(%c, 1, 0)) >= 2, true, "
    "iif((iif((%a).not(), 0, 1) + iif((%b).not(), 0, 1) + iif((%c).not(), 0, 1)) >= 2, {}, false))"
)


@pytest.mark.parametrize(
    ("values", "answer"),
    [
        ((True, True, None), [True]),
        ((True, None, False), []),
        ((True, False, False), [False]),
        ((None, None, True), []),
        ((False, None, False), [False]),
    ],
)
def test_at_least_two_of_three(values: tuple[bool | None, ...], answer: list[bool]) -> None:
    assert ask(ATLEAST, **dict(zip("abc", values, strict=True))) == answer
