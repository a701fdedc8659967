"""Everything that must be refused: where it is, what is wrong, what to write instead."""

import pytest

from cds_service.fhirpath import FhirPathError, compile_expression
from cds_service.fhirpath.limits import MAX_DEPTH, MAX_ITEMS, MAX_LENGTH

from .asking import ask, refusal


@pytest.mark.parametrize(
    ("text", "position", "hint"),
    [
        ("gender = = 1", 9, None),
        ("2 + 2 /", 7, None),
        ("2 + 2 /* open", 6, "end it with */"),
        ("'open", 0, "the string is not closed"),
        ("`open", 0, "the name is not closed"),
        ("'a\\qb'", 0, None),
        ("(1", 2, None),
        ("1 2", 2, None),
        ("", 0, None),
        ("5mg", 1, "is a unit meant? write 5 'mg'"),
        ("!true", 0, "write .not()"),
        ("99999999999", 0, "write it with decimals"),
        ("$that", 0, "there are $this, $index and $total"),
        (
            "%answers.lasting.minutes",
            17,
            "'minutes' is a word of the language: write `minutes`",
        ),
        (
            "%answers.dur.6w3m",
            13,
            "a name that starts with a digit needs backticks: write `6w3m`",
        ),
        ("name.frist()", 5, "did you mean first?"),
        ("name.first(1)", 5, None),
        ("iif(true)", 0, None),
        ("5 > 'x'", 2, None),
        ("'a' - 1", 4, None),
        ("'a' > 1", 4, None),
        ("true + 1", 5, None),
        ("true > false", 5, None),
        ("-'a'", 0, None),
        ("'a' * 2", 4, None),
        ("@2024-01-01 + 7", 12, "write a unit, as in 7 days"),
        ("%x is Strin", 3, "did you mean String?"),
        ("%x.ofType('Patient')", 3, None),
        ("resolve()", 0, None),
    ],
)
def test_at_compile(text: str, position: int, hint: str | None) -> None:
    with pytest.raises(FhirPathError) as caught:
        compile_expression(text)

    assert (caught.value.position, caught.value.hint) == (position, hint)
    assert caught.value.text == text


def test_backticks_make_any_word_a_name() -> None:
    answers = {"lasting": {"minutes": True}, "dur": {"6w3m": True}, "as": {"is": True}}

    assert ask("%answers.lasting.`minutes` and %answers.dur.`6w3m`", answers=answers) == [True]
    assert ask("%answers.as.is", answers=answers) == [True]


def test_an_unknown_variable_is_refused_when_the_names_are_given() -> None:
    with pytest.raises(FhirPathError) as caught:
        compile_expression("%anwers.sev > 3 or %x", {"answers", "x"})

    assert (caught.value.message, caught.value.position) == ("unknown variable %anwers", 0)
    assert caught.value.hint == "did you mean answers?"
    compile_expression("%context | %resource | %ucum | %`vs-x` | %`ext-y` | %x", ["x"])


def test_the_variables_an_expression_needs() -> None:
    expression = compile_expression("%a.b + %`c d` + %ucum.length() | %resource.id | $this")

    assert expression.variables == {"a", "c d"}


def test_a_message_says_everything() -> None:
    error = refusal("true and\n  name.frist()")

    assert str(error) == (
        "unknown function frist() at 2:8 in: true and\n  name.frist() (did you mean first?)"
    )


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("%x > 5", "text"),
        ("%x = 5", "text"),
        ("%x > 5", True),
        ("%x > 5", [1, 2]),
        ("%x + 1", "text"),
        ("%x & 'a'", 5),
        ("%x.upper()", 5),
        ("%x.single()", [1, 2]),
        ("%x is Integer", [1, 2]),
        ("%x.substring('a')", "text"),
        ("%x.allTrue()", ["a"]),
        ("%x[%x]", "a"),
        ("%x.join(',')", [1]),
        ("-%x", "a"),
        ("%x.sort()", [1, "a"]),
        ("%x.abs()", "a"),
        ("1 in %x.take('a')", 1),
    ],
)
def test_at_evaluation(text: str, value: object) -> None:
    assert refusal(text, x=value).position is not None


def test_a_variable_without_a_value() -> None:
    assert refusal("1 + %x").message == "%x has no value"
    assert ask("1 + %x", x=None) == []


def test_an_element_of_a_value_is_refused() -> None:
    assert refusal("'a'.length().value").position == 13


# Regular expressions


@pytest.mark.parametrize(
    "pattern",
    [
        "(a+)+",
        "(a|b)*",
        "(a|aa)+$",
        "((a)*)*",
        "(?:x?y)*",
        "(?=a)b",
        "(?<name>a)",
        "(a)\\1",
        "a**",
        "*a",
        "(a",
        "a)",
        "[a",
        "\\pL",
        "a{2}{3}",
        "x" * 1001,
    ],
)
def test_a_pattern_that_might_run_away_is_refused(pattern: str) -> None:
    quoted = pattern.replace("\\", "\\\\")

    with pytest.raises(FhirPathError, match="regular expression refused"):
        compile_expression(f"%x.matches('{quoted}')")


@pytest.mark.parametrize(
    ("pattern", "text", "answer"),
    [
        ("^[A-Z]{2}\\d{3,5}$", "AB1234", True),
        ("^[A-Z]{2}\\d{3,5}$", "AB12", False),
        ("(red|blue) (?:car|bus)", "a blue bus", True),
        ("a.c", "a\nc", True),
        ("[)(|*]+", "*(", True),
        ("\\(x\\)", "(x)", True),
        ("[^\\]]", "]", False),
        ("(ab)*c", "ababc", True),
    ],
)
def test_a_simple_pattern(pattern: str, text: str, answer: bool) -> None:
    quoted = pattern.replace("\\", "\\\\")

    assert ask(f"%x.matches('{quoted}')", x=text) == [answer]


def test_a_pattern_must_be_a_literal() -> None:
    assert "literal" in refusal("'a'.matches(%p)", p="a").message


def test_a_text_too_long_for_its_pattern_is_refused() -> None:
    assert "too long" in refusal("%x.matches('a*a*a*b')", x="a" * 100_000).message
    assert ask("%x.matches('b')", x="a" * 100_000) == [False]


# Limits


def test_length() -> None:
    assert "longer than" in refusal("1" + " " * MAX_LENGTH).message


@pytest.mark.parametrize(
    "text",
    [
        "(" * 5000 + "1" + ")" * 5000,
        "iif(true, " * 1000 + "1" + ", 2)" * 1000,
        "-" * 9000 + "1",
        "1" + " + 1" * 4000,
        "true" + " and true" * 2000,
        "%x" + ".y" * 9000,
        "a[" * 5000 + "0" + "]" * 5000,
        "1" + ".toString()" * 1500,
        "1 is Integer" + " is Boolean" * 1500,
    ],
)
def test_depth(text: str) -> None:
    with pytest.raises(FhirPathError, match=r"deep|terms"):
        compile_expression(text)


def test_as_deep_as_allowed_runs() -> None:
    steps = MAX_DEPTH - 2

    assert ask("%x" + ".y" * steps, x={"y": {"y": {}}}) == []
    assert ask("1" + " + 1" * steps) == [steps + 1]
    assert ask("true" + " and true" * 300) == [True]


def test_a_caller_that_is_deep_already_gets_our_error() -> None:
    rule = compile_expression("1" + " + 1" * 90)

    def call_from(depth: int) -> None:
        rule.evaluate(None) if depth == 0 else call_from(depth - 1)

    with pytest.raises(FhirPathError, match="too deeply"):
        for depth in range(700, 1000, 20):
            call_from(depth)


def test_items() -> None:
    doubling = "%x" + ".select($this.combine($this))" * 20

    assert "grew beyond" in refusal(doubling, x=[1, 2]).message
    assert ask("%x.count()", x=[1] * (MAX_ITEMS + 1)) == [MAX_ITEMS + 1]


def test_text() -> None:
    assert "grew beyond" in refusal("%x" + ".replace('', 'aaaaaaaaaa')" * 20, x="a").message


def test_numbers() -> None:
    assert ask("2147483647 + 1") == []
    assert ask("1 / 0") == ask("1 div 0") == ask("1 mod 0") == []
    assert refusal("2.power(100000)").position is not None


def test_endless_repeat_ends() -> None:
    assert "grew beyond" in refusal("1.repeat($this + 1)").message
    assert ask("'a'.repeat($this)") == ["a"]
