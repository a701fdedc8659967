"""A rule's diagram for one person: each step with its answer, and what it looked at. Pure.

The answers of leaves come from the evaluation's own bindings; groups follow the three-valued logic
of the rules (``docs/decisions/three-answers.md``), so that a diagram agrees with ``explain``.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from cds_service.content.justification import answer_path
from cds_service.content.model import Content, InputRef
from cds_service.decision.evaluate import Evaluation
from cds_service.fhirpath import Expression, FhirPathError, compile_expression, nodes
from cds_service.web.diagram import Mode, Step, Vocabulary, outline

Truth = bool | None  # None: not known
ANSWERS = {True: "yes", False: "no", None: "unknown"}
NOT_ANSWERED, NOT_ASKED, NO_ENTRY, NOT_READ = "not answered", "not asked", "no entry", "not read"
MORE_WORDS = 8  # of "and 9 more that could not change it"
POSITIVE = (Mode.PLAIN, Mode.KNOWN)


@dataclass(frozen=True, slots=True)
class PersonStep:
    """One box: the step, its answer, in words what it rests on, and the boxes inside it.

    ``folded`` are boxes that could not have changed the answer. ``is_support`` marks a leaf that
    makes the rule true, ``is_private`` one whose answer is restricted.
    """

    step: Step
    truth: Truth
    said: str = ""
    children: tuple[PersonStep, ...] = ()
    folded: tuple[PersonStep, ...] = ()
    is_private: bool = False
    is_support: bool = False

    @property
    def answer(self) -> str:
        """yes, no or unknown."""
        return ANSWERS[self.truth]

    @property
    def rests_on_answers(self) -> bool:
        """True if a leaf inside it makes the rule true."""
        return any(box.is_support for box in self.walk())

    @property
    def is_open(self) -> bool:
        """True for a box that is open at first: what speaks for the rule, but no list of cases."""
        return self.rests_on_answers and all(c.step.kind != "cases" for c in self.children)

    @property
    def open_words(self) -> int:
        """How many words it shows before anybody opens a box."""
        leaf = self.step.leaf
        step = (self.answer, self.step.condition, self.step.heading)
        own = sum(len(text.split()) for text in (*step, leaf.label, *leaf.lines, self.said))
        own += (
            len(["and", "9", "more", "that", "could", "not", "change", "it"]) if self.folded else 1
        )  # the mark
        return own + sum(c.open_words for c in self.children if self.is_open)

    def walk(self) -> Iterator[PersonStep]:
        """The box and all inside it, the folded ones last."""
        yield self
        for child in (*self.children, *self.folded):
            yield from child.walk()


class ContentSteps:
    """The parts that diagrams of one content share, made once: vocabulary, steps of the named
    facts, expressions of the leaves."""

    def __init__(self, content: Content) -> None:
        self.content = content
        self.vocabulary = Vocabulary(content)
        self.steps: dict[str, Step] = {}
        self.expressions: dict[str, Expression] = {}

    def of_fact(self, name: str) -> Step:
        """Returns the steps of a named fact."""
        if name not in self.steps:
            tree = self.content.names[name].expression.tree
            self.steps[name] = outline(tree, self.vocabulary)
        return self.steps[name]

    def compiled(self, text: str) -> Expression:
        """Returns the expression of a leaf."""
        if text not in self.expressions:
            value_sets = self.content.value_sets
            self.expressions[text] = compile_expression(text, value_sets=value_sets)
        return self.expressions[text]


@dataclass
class PersonDiagrams:
    """Draws the rules of one evaluation."""

    evaluation: Evaluation
    shared: ContentSteps
    facts: dict[str, PersonStep] = field(default_factory=dict)
    truths: dict[str, Truth] = field(default_factory=dict)

    def diagram(self, tree: nodes.Node) -> PersonStep:
        """Returns the diagram of an expression of the content."""
        return _with_support(self._step(outline(tree, self.shared.vocabulary)))

    def _step(self, step: Step) -> PersonStep:
        if step.kind == "leaf":
            return self._leaf(step)
        children = tuple(self._step(child) for child in step.children)
        inner = _combined(step, [child.truth for child in children])
        deciding = tuple(child for child in children if _decides(step, inner, child.truth))
        folded = tuple(child for child in children if child not in deciding)
        return PersonStep(step, _counted(step, inner), children=deciding, folded=folded)

    # -- leaves ------------------------------------------------------------------------

    def _leaf(self, step: Step) -> PersonStep:
        trees = [self.shared.compiled(text).tree for text in step.expressions]
        truth = _any([self._truth(text) for text in step.expressions])
        name = _name(trees[0])
        is_fact = name in self.evaluation.content.names
        items = [path[0] for path in self._paths(trees)]
        return PersonStep(
            step,
            _counted(step, truth),
            "" if is_fact else self._said(trees, items, name),
            (self._fact(name),) if is_fact else (),
            is_private=any(self.evaluation.content.items[i].restricted for i in items),
        )

    def _fact(self, name: str) -> PersonStep:
        """The diagram of a named fact; names refer to each other in no circle."""
        if name not in self.facts:
            self.facts[name] = self._step(self.shared.of_fact(name))
        return self.facts[name]

    def _truth(self, text: str) -> Truth:
        if text not in self.truths:
            self.truths[text] = self._evaluated(text)
        return self.truths[text]

    def _evaluated(self, text: str) -> Truth:
        """The answer of an expression; of chart entries: is there any."""
        expression = self.shared.compiled(text)
        try:
            values: list[Any] = self.evaluation.evaluator.bindings.answer(expression)
        except FhirPathError:
            return None
        if len(values) == 1 and isinstance(values[0], bool):
            return values[0]
        if values:
            return True
        # Without a value: no such chart entry is a no, no such answer is unknown.
        is_chart = _name(expression.tree) in self.evaluation.content.requirements
        return False if is_chart else None

    def _said(self, trees: Sequence[nodes.Node], items: Sequence[str], name: str) -> str:
        if items:
            paths = (answer_path(tree, self.evaluation.content.prefixes) for tree in trees)
            return self._answered(items[0], [path[1] for path in paths if path])
        if name in self.evaluation.content.requirements:
            return self._entries(name)
        return ""

    def _paths(self, trees: Iterable[nodes.Node]) -> Iterator[InputRef]:
        """Every answer that is read."""
        for tree in trees:
            for node in nodes.walk(tree):
                path = answer_path(node, self.evaluation.content.prefixes)
                if path and path[1] != "exists":
                    yield path

    def _answered(self, item: str, codes: Sequence[str]) -> str:
        sheet = self.evaluation.facts.answers
        if item not in sheet.view:
            return NOT_ANSWERED if item in sheet.unanswered else NOT_ASKED
        answer = sheet.view[item]
        if not isinstance(answer, dict):
            return str(answer)
        options = self.shared.vocabulary.options.get(item, {})
        chosen = [code for code, is_chosen in answer.items() if is_chosen]
        wanted = [code for code in codes if code]
        ticked = [options.get(code, code) for code in chosen if code in wanted or not wanted]
        if len(wanted) == 1:
            return "ticked" if ticked else "not ticked"
        return f"ticked: {'; '.join(ticked)}" if ticked else "none ticked"

    def _entries(self, name: str) -> str:
        facts, displays = self.evaluation.facts, self.evaluation.content.displays
        found = [
            f"{displays.get(e.coding, e.coding[1])}{f', {e.when.text[:10]}' if e.when else ''}"
            for e in facts.entries.get(name, ())
        ]
        return "; ".join(found) or (NOT_READ if facts.unavailable else NO_ENTRY)


def _name(node: nodes.Node) -> str:
    """The fact or chart entry a leaf is about, where it is about one alone; else empty."""
    if isinstance(node, nodes.Call) and node.name == "exists" and node.base is not None:
        node = node.base
    return node.name if isinstance(node, nodes.Variable) else ""


# -- three-valued logic --------------------------------------------------------------------


def _counted(step: Step, truth: Truth) -> Truth:
    """The answer after the step's mode."""
    yes, unknown, no = step.mode.value
    return {True: yes, None: unknown, False: no}[truth]


def _combined(step: Step, truths: Sequence[Truth]) -> Truth:
    match step.kind:
        case "all":
            return _all(truths)
        case "any" | "together":
            return _any(truths)
        case "at-least":
            return _at_least(step.least, truths)
        case "cases":
            return _cases(step.children, truths)
        case "yes" | "no":
            return step.kind == "yes"
    return None


def _all(truths: Sequence[Truth]) -> Truth:
    return False if False in truths else None if None in truths else True


def _any(truths: Sequence[Truth]) -> Truth:
    return True if True in truths else None if None in truths else False


def _at_least(least: int, truths: Sequence[Truth]) -> Truth:
    if truths.count(True) >= least:
        return True
    return None if truths.count(True) + truths.count(None) >= least else False


def _cases(steps: Sequence[Step], truths: Sequence[Truth]) -> Truth:
    """The first criterion that is yes picks its branch; unknown is passed over, as iif does."""
    for place in range(0, len(steps) - 1, 2):
        if truths[place] is True:
            return truths[place + 1]
    return truths[-1]


def _decides(step: Step, truth: Truth, child: Truth) -> bool:
    """False for a child that could not have changed the answer of its group."""
    if step.kind in ("any", "at-least", "together") and truth is True:
        return child is True
    if step.kind == "all" and truth is False:
        return child is False
    return True


def _with_support(box: PersonStep, counts: bool = True) -> PersonStep:
    """Marks the leaves that make the diagram true: yes, and reached through yes alone."""
    counts = counts and box.truth is True and box.step.mode in POSITIVE
    children = tuple(_with_support(child, counts) for child in box.children)
    is_leaf = box.step.kind == "leaf" and not box.children
    return replace(box, children=children, is_support=counts and is_leaf)
