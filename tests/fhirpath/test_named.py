"""Named expressions: lazy, evaluated once, free of cycles, and sharing nothing between requests."""

from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from cds_service.fhirpath import Bindings, FhirPathError, NamedExpressions, compile_expression

from .asking import NOW, quantity


class Lazy(Mapping[str, Any]):
    """Variables that note which of them were looked up."""

    def __init__(self, **values: Any) -> None:
        self.values_by_name = values
        self.asked: list[str] = []

    def __getitem__(self, name: str) -> Any:
        self.asked.append(name)
        return self.values_by_name[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.values_by_name)

    def __len__(self) -> int:
        return len(self.values_by_name)


def bound(inputs: Mapping[str, Any], **texts: str) -> Bindings:
    expressions = {name: compile_expression(text) for name, text in texts.items()}
    return NamedExpressions(expressions).bind(inputs, NOW)


def test_names_use_one_another() -> None:
    bindings = bound({"age": 17}, minor="%age < 18", adult="%minor.not()", both="%minor or %adult")

    assert bindings["adult"] == [False]
    assert dict(bindings) == {"age": [17], "minor": [True], "adult": [False], "both": [True]}
    assert len(bindings) == 4
    assert "minor" in bindings and "other" not in bindings
    with pytest.raises(KeyError):
        bindings["other"]


def test_a_name_that_is_neither_input_nor_expression() -> None:
    with pytest.raises(FhirPathError, match="%other has no value"):
        bound({}, x="1 + %other")["x"]


def test_inputs_come_before_expressions_of_the_same_name() -> None:
    assert bound({"x": 1}, x="2", y="%x")["y"] == [1]


def test_only_what_is_needed_is_looked_up_and_only_once() -> None:
    inputs = Lazy(a=True, b=False, c=None)
    bindings = bound(inputs, first="%a or %b", second="%a and %first")

    assert bindings["second"] == [True]
    assert bindings["second"] == [True]
    assert inputs.asked == ["a"]


def test_variables_of_a_single_expression_are_lazy_too() -> None:
    variables = Lazy(a=True)

    assert compile_expression("%a or %b").evaluate(None, variables) == [True]
    assert variables.asked == ["a"]


def test_an_error_is_remembered_and_raised_again() -> None:
    inputs = Lazy(x="text")
    bindings = bound(inputs, bad="%x > 5", user="%bad or true")

    for _ in range(2):
        with pytest.raises(FhirPathError) as caught:
            bindings["user"]
        assert (caught.value.text, caught.value.position) == ("%x > 5", 3)
    assert inputs.asked == ["x"]


@pytest.mark.parametrize(
    ("texts", "circle"),
    [
        ({"a": "%a"}, "a -> a"),
        ({"a": "%b or true", "b": "iif(true, 1, %a)"}, "a -> b -> a"),
        ({"start": "%a", "a": "%b", "b": "%c", "c": "%a"}, "a -> b -> c -> a"),
    ],
)
def test_a_circle_of_names_is_refused(texts: dict[str, str], circle: str) -> None:
    expressions = {name: compile_expression(text) for name, text in texts.items()}

    with pytest.raises(FhirPathError, match=circle):
        NamedExpressions(expressions)


def test_a_ladder_of_names_is_refused_before_it_is_too_deep_to_climb() -> None:
    ladder = {f"n{place}": compile_expression(f"%n{place + 1}") for place in range(1000)}

    with pytest.raises(FhirPathError, match="nested too deeply"):
        NamedExpressions(ladder)


def test_the_longest_ladder_allowed_can_be_climbed() -> None:
    steps = 80
    texts = {f"n{place}": f"%n{place + 1}" for place in range(steps)} | {f"n{steps}": "1"}

    assert bound({}, **texts)["n0"] == [1]


def test_each_expression_has_its_own_focus() -> None:
    expressions = {"a": compile_expression("title"), "b": compile_expression("%a")}
    plan = {"resourceType": "PlanDefinition", "title": "Plan"}

    assert NamedExpressions(expressions, {"a": plan}).bind({}, NOW)["b"] == ["Plan"]


def test_types_are_kept_from_name_to_name() -> None:
    observation = {"resourceType": "Observation", "valueQuantity": quantity(39, "Cel")}
    bindings = bound({"o": [observation]}, found="%o.value", hot="%found > 38 'Cel'")

    assert bindings["hot"] == [True]
    assert compile_expression("%found is Quantity").evaluate(None, bindings) == [True]


def test_an_index_inside_a_name_does_not_leak() -> None:
    texts = {"inner": "%x.where($index = 1)", "outer": "%x.select(%inner + $index)"}
    bindings = bound({"x": [5, 6]}, **texts)

    assert bindings["outer"] == [6, 7]


def test_one_compiled_set_serves_many_threads() -> None:
    texts = {"n": "%x.where($index > 0).select($this + %y)", "m": "%n.aggregate($this + $total, 0)"}
    named = NamedExpressions({name: compile_expression(text) for name, text in texts.items()})

    def total(y: int) -> Any:
        return [named.bind({"x": [*range(50)], "y": y}, NOW)["m"] for _ in range(50)]

    with ThreadPoolExecutor(2) as pool:
        answers = list(pool.map(total, range(8)))

    assert answers == [[[1225 + 49 * y]] * 50 for y in range(8)]
