"""Text made from a tree means the same as the text the tree came from."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cds_service.fhirpath import FhirPathError, compile_expression, render
from cds_service.fhirpath.nodes import Binary, Call, Literal, Member, Node, Variable, walk
from cds_service.fhirpath.parser import parse

from .rules import needs_rules, rules
from .test_conformance import cases, needs_suite

CANONICAL = [
    "(a or b) and c",
    "a or b and c",
    "1 - (2 - 3)",
    "1 - 2 - 3",
    "(1 + 2) * 3",
    "-1.abs()",
    "(-1).abs()",
    "(1 | 2).count()",
    "(a is Quantity).not()",
    "a.is(FHIR.Quantity)",
    "(a as Quantity).unit = 'mg'",
    "%answers.dur.`6w3m`",
    "%`a b`.`it\\`s`",
    "'it\\'s\\n\\\\'",
    "4 days + 1.50 'mg'",
    "@2015T | @2015-02-04T14:34+10:00 | @T14:30 | @2015",
    "{} ~ $this",
    "name[0].given[$index]",
    "a implies b implies c",
    "a.contains('x') or x contains 5",
    "1.0",
]


@pytest.mark.parametrize("text", CANONICAL)
def test_canonical_text_stays_as_it_is(text: str) -> None:
    assert render(parse(text)) == text.replace("Z", "+00:00")


@needs_suite
def test_every_expression_of_the_official_suite() -> None:
    compiled = 0
    for test in cases():
        text = test.findtext("expression") or ""
        try:
            tree = compile_expression(text).tree
        except FhirPathError:
            continue
        compiled += 1
        assert compile_expression(render(tree)).tree == tree
    assert compiled > 800


@needs_rules
def test_every_proved_rule() -> None:
    for text in rules().values():
        tree = compile_expression(text).tree

        assert parse(render(tree)) == tree


def test_a_negative_constant_keeps_its_sign_before_a_step() -> None:
    assert render(Call(Literal(-5), "abs")) == "(-5).abs()"
    assert render(Binary("-", Literal(1), Literal(-5))) == "1 - -5"
    assert compile_expression("1 - -5").evaluate(None) == [6]


NAMES = st.text(min_size=1, max_size=5)
VALUES = st.one_of(
    st.booleans(),
    st.integers(0, 10**6),
    st.decimals(0, 10**6, places=3),
    st.text(max_size=8),
)
OPERATORS = ["and", "or", "implies", "=", "<", "|", "+", "*", "in", "div", "&", "!~"]
TREES: st.SearchStrategy[Node] = st.recursive(
    st.builds(Literal, VALUES) | st.builds(Variable, NAMES),
    lambda inner: (
        st.builds(Binary, st.sampled_from(OPERATORS), inner, inner)
        | st.builds(Member, inner, NAMES)
    ),
    max_leaves=12,
)


@given(TREES)
def test_any_tree(tree: Node) -> None:
    assert parse(render(tree)) == tree


def test_walking_visits_every_node_in_order() -> None:
    names = [type(node).__name__ for node in walk(parse("%a.where(b > 1)[0] is Quantity"))]

    assert names == [
        "TypeTest", "Index", "Call", "Variable", "Binary", "Member", "Literal", "Literal",
    ]  # fmt: skip


def test_positions_point_into_the_text() -> None:
    text = "  a.b(%c) + 12"

    places = {type(node).__name__: text[node.position] for node in walk(parse(text))}

    assert places == {"Binary": "+", "Call": "b", "Member": "a", "Variable": "%", "Literal": "1"}
