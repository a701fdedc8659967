"""Diagrams hold everything a rule asks, each group around what belongs to it, idioms in words."""

from __future__ import annotations

from collections.abc import Iterator
from html.parser import HTMLParser

import pytest
from flask import Flask

from cds_service.content import Content
from cds_service.content.justification import answer_path
from cds_service.content.model import InputRef
from cds_service.fhirpath import Expression, compile_expression, nodes, render
from cds_service.fhirpath.parser import parse
from cds_service.web.diagram import Leaf, Mode, Step, Vocabulary, outline
from cds_service.web.diagram.vocabulary import in_short

PREFIXES = {"answers": ""}


class Bare:
    """Words for tests: the expression itself."""

    def leaf(self, node: nodes.Node) -> Leaf:
        return Leaf("", (render(node),))

    def path(self, node: nodes.Node) -> InputRef | None:
        return answer_path(node, PREFIXES)

    def answers(self, item: str, codes: list[str]) -> Leaf:
        return Leaf(item, tuple(codes))


def steps(text: str) -> Step:
    return outline(compile_expression(text).tree, Bare())


def told(step: Step) -> str:
    """A step as one line: mode, heading or words, children in brackets."""
    own = f"{step.leaf.label} {' '.join(step.leaf.lines)}".strip() or step.heading
    role = f"{step.role}: " if step.role else ""
    mode = f"[{step.condition}] " if step.condition else ""
    below = f"({'; '.join(map(told, step.children))})" if step.children else ""
    return f"{role}{mode}{own}{below}"


def asked(node: nodes.Node) -> set[str]:
    """What an expression looks at: answers and names."""
    found = set()
    for one in nodes.walk(node):
        path = answer_path(one, PREFIXES)
        if path and path[1] != "exists":
            found.add(".".join(filter(None, path)))
        elif isinstance(one, nodes.Variable) and one.name != "answers":
            found.add(one.name)
    return found


@pytest.fixture(scope="module")
def vocabulary(content: Content) -> Vocabulary:
    return Vocabulary(content)


@pytest.fixture(scope="module")
def expressions(content: Content) -> list[Expression]:
    """Every expression of the content, each text once."""
    return list({e.text: e for e, _, _ in content.compiled}.values())


# -- nothing is lost ---------------------------------------------------------------------------


def test_every_leaf_of_every_rule_is_in_its_diagram(
    expressions: list[Expression], vocabulary: Vocabulary
) -> None:
    for expression in expressions:
        step = outline(expression.tree, vocabulary)
        shown = {
            name for one in step.walk() for text in one.expressions for name in asked(parse(text))
        }

        assert shown == asked(expression.tree), expression.text


class Boxes(HTMLParser):
    """The steps of a rendered diagram: class, words and place in the nesting of each box."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.boxes: list[tuple[str, int, list[str]]] = []
        self.open: list[int] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "li":
            self.open.append(len(self.boxes))
            self.boxes.append((dict(attrs)["class"] or "", len(self.open), []))

    def handle_endtag(self, tag: str) -> None:
        if tag == "li":
            self.open.pop()

    def handle_data(self, data: str) -> None:
        if self.open and data.strip():
            self.boxes[self.open[-1]][2].append(data.strip())


def nested(step: Step, depth: int = 1) -> Iterator[tuple[str, int, list[str]]]:
    """What the boxes of a step should be."""
    words = (step.role, step.condition, step.heading, step.leaf.label, " ".join(step.leaf.lines))
    yield f"box {step.style}", depth, [word for word in words if word]
    for child in step.children:
        yield from nested(child, depth + 1)


def test_every_step_is_a_box_inside_its_groups_box_with_its_words(
    app: Flask, expressions: list[Expression], vocabulary: Vocabulary
) -> None:
    with app.app_context():
        diagram = app.jinja_env.get_template("content/_diagram.html").module.diagram
        for expression in expressions:
            step = outline(expression.tree, vocabulary)

            assert Boxes(str(diagram(step, "it"))).boxes == list(nested(step)), expression.text


# -- the idioms --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("%a and (%b and %c)", "all of these(%a; %b; %c)"),
        ("%a or %b and %c", "any of these(%a; all of these(%b; %c))"),
        ("(%a or %b).not()", "none of these(%a; %b)"),
        ("(%a and %b).not()", "not all of these(%a; %b)"),
        ("(%a and %b).not() and %c", "all of these(not all of these(%a; %b); %c)"),
        ("%a.not()", "[not] %a"),
        ("%a.not().not()", "%a"),
        ("iif(%a, true, false)", "[known to be true] %a"),
        ("iif(%a, true, false).not()", "[not known to be true] %a"),
        ("iif(%a, false, true)", "[not known to be true] %a"),
        ("iif(%a.not(), false, true)", "[true or unknown] %a"),
        ("iif(%a.not(), true, false)", "[known to be false] %a"),
        ("iif(%a.not(), false, true).not()", "[known to be false] %a"),
        ("iif(%a or %b, true, false)", "[known to be true] any of these(%a; %b)"),
        ("%answers.x.p or %answers.x.q or %a", "any of these(x p q; %a)"),
        ("(%answers.x.p or %answers.x.q).not()", "[not] x p q"),
        ("%answers.x.p and %answers.x.q", "all of these(x p; x q)"),
        ("%a.combine(%b).combine(%c)", "entries of any of these(%a; %b; %c)"),
        ("atLeast(2, %a, %b, %c)", "at least 2 of these 3(%a; %b; %c)"),
        ("atLeast(2, %a, %b, %c).not()", "fewer than 2 of these 3(%a; %b; %c)"),
        (
            "iif(%a, {}, iif(%b, %c, false))",
            "the first that fits(if: %a; then: unknown; else, if: %b; then: %c; otherwise: no)",
        ),
        ("iif(%a, true, true)", "the first that fits(if: %a; then: yes; otherwise: yes)"),
    ],
)
def test_an_expression_in_words(text: str, words: str) -> None:
    assert told(steps(text)) == words


TRUTH = {True: "true", None: "{}", False: "false"}


@pytest.mark.parametrize("mode", list(Mode))
@pytest.mark.parametrize("inner", list(Mode))
def test_modes_combine_as_the_logic_does(mode: Mode, inner: Mode) -> None:
    combined = mode.after(inner)
    wanted = [dict(zip(TRUTH, mode.value, strict=True))[one] for one in inner.value]

    assert list(combined.value) == wanted if combined else len(set(wanted)) == 1


def test_at_least_so_many_is_one_box() -> None:
    step = steps("atLeast(2, %a, %b, %c)")

    assert (step.kind, step.heading) == ("at-least", "at least 2 of these 3")
    assert [render_of(child) for child in step.children] == ["%a", "%b", "%c"]


def render_of(step: Step) -> str:
    return " ".join(step.leaf.lines)


# -- words -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        ("C16", {"Endometriosis", "Bowel pain mainly around periods"}),
        ("C24", {"Pelvic inflammatory disease, in the last 3 days", "Above the pubic bone"}),
        ("C17", {"A prostate is present", "Pain of the prostate region"}),
    ],
)
def test_a_rule_is_told_in_the_contents_own_words(
    content: Content, vocabulary: Vocabulary, rule: str, words: set[str]
) -> None:
    step = outline(content.names[rule].expression.tree, vocabulary)
    said = {w for one in step.walk() for w in (one.heading, *one.leaf.lines)}

    assert words <= said


@pytest.mark.parametrize(
    ("description", "words"),
    [
        ("A uterus is present. Ticked means yes.", "A uterus is present"),
        (f"A prostate is present: ticked, or {'x ' * 80}", "A prostate is present"),
        (f"At least one of: {'x ' * 80}", "Deep pain within 6 weeks"),
        ("", "Deep pain within 6 weeks"),
    ],
)
def test_a_fact_is_named_in_short(description: str, words: str) -> None:
    assert in_short("deepPainWithin6Weeks", description) == words
