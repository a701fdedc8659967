"""Where fhirpathpy and we both answer, we answer alike.

Left out is what it is known to get wrong: quantities, unions of literals with variables, replacing
in an empty string, how divisions are printed, which way `~` rounds a half.
"""

from random import Random
from typing import Any

import fhirpathpy
from hypothesis import given, settings
from hypothesis import strategies as st

from cds_service.fhirpath import FhirPathError, NamedExpressions, compile_expression, to_json

from .asking import NOW
from .rules import form, needs_rules, rules

VARIABLES = {"v": {"t": True, "f": False, "n": 5, "s": "abc", "d": 1.5, "list": [3, 1, 2]}}
BOOLEANS = ["true", "false", "{}", "%v.t", "%v.f", "%v.none", "%v.n.exists()", "(%v.s = 'abc')"]
NUMBERS = ["1", "2", "7", "0", "2.5", "%v.n", "%v.d", "%v.list.count()"]
TEXTS = ["'abc'", "'ABC'", "'x y'", "''", "%v.s"]
LISTS = ["(3 | 1 | 2)", "(1 | 2 | 3)", "{}", "(4 | 2)"]


def formed(template: str, *parts: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.tuples(*parts).map(lambda chosen: template.format(*chosen))


def grow(depth: int) -> dict[str, st.SearchStrategy[str]]:
    """Strategies for expressions of each type, nested at most so deep."""
    leaves = {"boolean": BOOLEANS, "number": NUMBERS, "text": TEXTS, "list": LISTS}
    kinds = {kind: st.sampled_from(texts) for kind, texts in leaves.items()}
    for _ in range(depth):
        boolean, number, text, several = (kinds[kind] for kind in leaves)
        connective = st.sampled_from(["and", "or", "xor", "implies"])
        order = st.sampled_from(["<", "<=", ">", ">=", "=", "!="])
        like = order | st.sampled_from(["~", "!~"])
        test = st.sampled_from(["exists()", "empty()", "isDistinct()", "all($this > 1)"])
        cut = st.sampled_from(["distinct()", "tail()", "skip(1)", "take(2)", "first()", "last()"])
        join = st.sampled_from(["union", "combine", "intersect", "exclude"])
        change = st.sampled_from(["upper()", "lower()", "substring(1)", "substring(0, 2)"])
        whole = st.sampled_from(["floor()", "ceiling()", "abs()", "truncate()", "toInteger()"])
        sign = st.sampled_from(["+", "-", "*", "div", "mod", "/"])
        kinds = {
            "boolean": formed("({} {} {})", boolean, connective, boolean)
            | formed("({}).not()", boolean)
            | formed("iif({}, {}, {})", boolean, boolean, boolean)
            | formed("({} {} {})", number, order, number)
            | formed("({} {} {})", text, like, text)
            | formed("{}.{}", several, test),
            "number": formed("({} {} {})", number, sign, number)
            | formed("iif({}, {}, {})", boolean, number, number)
            | formed("({}).{}", number, whole)
            | formed("{}.aggregate($this + $total, 0)", several),
            "text": formed("({} & {})", text, text)
            | formed("({}).{}", text, change)
            | formed("iif({}, {}, {})", boolean, text, text),
            "list": formed("{}.{}", several, cut)
            | formed("{}.{}({})", several, join, several)
            | formed("{}.where($this != {})", several, number)
            | formed("{}.select($this + {})", several, number),
        }
    return kinds


EXPRESSIONS = st.one_of(*grow(2).values(), *grow(1).values())


def ours(text: str, variables: dict[str, Any]) -> list[Any] | None:
    try:
        return to_json(compile_expression(text).evaluate(None, variables, NOW))
    except FhirPathError:
        return None


def theirs(text: str, variables: dict[str, Any]) -> list[Any] | None:
    try:
        return list(fhirpathpy.evaluate({}, text, variables))
    except Exception:  # it raises many things, and that is no answer
        return None


def rounded(values: list[Any]) -> list[Any]:
    return [one if isinstance(one, bool | str) else round(float(one), 6) for one in values]


@settings(deadline=None)
@given(EXPRESSIONS)
def test_expressions(text: str) -> None:
    answer, other = ours(text, VARIABLES), theirs(text, VARIABLES)

    if answer is not None and other is not None:
        assert rounded(answer) == rounded(other)


@needs_rules
def test_proved_rules() -> None:
    texts = rules()
    named = NamedExpressions({name: compile_expression(text) for name, text in texts.items()})
    compared = 0
    for seed in range(2):
        inputs = form(texts, Random(seed))
        bindings = named.bind(inputs, NOW)
        for name, text in texts.items():
            variables = {one: bindings[one] for one in compile_expression(text).variables}
            variables |= {one: value for one, value in inputs.items() if one in variables}

            assert (name, bindings[name]) == (name, theirs(text, variables))
            compared += 1
    assert compared > 200
