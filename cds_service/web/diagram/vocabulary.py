"""Plain words for the leaves of a rule, taken from the content: questions, answers, facts, codes.

Nothing here names a question or a fact; what no words are found for is shown as it is written.
"""

from __future__ import annotations

import re
from collections import Counter

from cds_service.content.justification import answer_path
from cds_service.content.model import Content, InputRef, Requirement
from cds_service.content.overview import is_flag, look_back
from cds_service.content.questionnaires import walk_items
from cds_service.fhirpath import nodes, render
from cds_service.web.diagram.steps import Leaf, Link

MAX_LENGTH = 130  # characters of a description that still fit into a box
COMPARED = {
    ">=": "{} or more",
    "<=": "{} or less",
    ">": "more than {}",
    "<": "less than {}",
    "=": "{}",
    "!=": "not {}",
}
_CAMEL = re.compile(r"(?<=[a-z])(?=[A-Z0-9])|(?<=[0-9])(?=[A-Z])")
_SENTENCE = re.compile(r"(?<=[.])\s")


class Vocabulary:
    """The words of one content."""

    def __init__(self, content: Content) -> None:
        self.content = content
        self.sources = {s.rule: s for s in content.sources if s.rule}
        nodes_by_id = {
            f"{view.prefix}{node['linkId']}": node
            for view in content.views.values()
            for node in walk_items(view.form.resource["item"])
        }
        self.options = {
            link_id: {
                o["valueCoding"]["code"]: o["valueCoding"].get("display", o["valueCoding"]["code"])
                for o in node.get("answerOption", ())
                if "valueCoding" in o
            }
            for link_id, node in nodes_by_id.items()
        }
        items = content.items
        shared = Counter(item.label for item in items.values())
        self.labels = {
            link_id: item.label
            if shared[item.label] == 1
            else nodes_by_id[link_id].get("text", item.label)
            for link_id, item in items.items()
        }

    def path(self, node: nodes.Node) -> InputRef | None:
        """The answer that a node reads."""
        return answer_path(node, self.content.prefixes)

    # -- answers ---------------------------------------------------------------------

    def answers(self, item: str, codes: list[str]) -> Leaf:
        """A question with any of several answers; an empty code means that it was answered."""
        options = self.options.get(item, {})
        said = [options.get(code, code) if code else "answered" for code in codes]
        lines = [*(f"{one}, or" for one in said[:-1]), said[-1]]
        return Leaf(self.labels.get(item, item), tuple(lines), self._question(item))

    def _question(self, path: str) -> Link | None:
        known = path in self.content.items
        return Link("questions", self.content.own_path(path)) if known else None

    # -- everything else -------------------------------------------------------------

    def leaf(self, node: nodes.Node) -> Leaf:
        """A fact, a chart entry, a comparison; else the expression itself."""
        match node:
            case nodes.Variable(name=name):
                return self._named(name) or self._written(node)
            case nodes.Call(name="exists", base=nodes.Variable(name=name), arguments=()):
                return self._named(name) or self._written(node)
            case nodes.Call(name="exists", base=base, arguments=()) if base is not None:
                path = self.path(base)
                return self.answers(path[0], [""]) if path else self._written(node)
            case nodes.Binary(operator=operator, left=left, right=right) if operator in COMPARED:
                return self._compared(operator, left, right) or self._written(node)
            case nodes.Literal(value=str(text)):
                return Leaf("", (text,))
        return self._written(node)

    def _named(self, name: str) -> Leaf | None:
        if name in self.sources:
            source = self.sources[name]
            link = (
                Link("flags", source.id) if is_flag(source) else Link("causes", source.plan["id"])
            )
            return Leaf(f"rule {source.id}", (source.title,), link)
        if name in self.content.names:
            return Leaf(f"fact {name}", (self.fact_title(name),), Link("facts", name))
        requirement = self.content.requirements.get(name)
        return self.chart(requirement) if requirement else None

    def _written(self, node: nodes.Node) -> Leaf:
        """The expression as it is, with what it looks at in words."""
        names = (n.name for n in nodes.walk(node) if isinstance(n, nodes.Variable))
        leaves = [leaf for name in dict.fromkeys(names) if (leaf := self._named(name))]
        over = "; ".join(leaf.lines[0] for leaf in leaves)
        label = f"expression over: {over}" if over else "expression"
        return Leaf(label, (render(node),), leaves[0].link if len(leaves) == 1 else None, code=True)

    def fact_title(self, name: str) -> str:
        """A named fact in one short line."""
        return in_short(name, self.content.names[name].description)

    def chart(self, requirement: Requirement) -> Leaf:
        """A chart entry: what, and how far back."""
        url = requirement.main.value_set or ""
        title = self.content.resources.get(url, {}).get("title", requirement.id)
        words = f"{title}, {look_back(requirement)}" if requirement.window else str(title)
        link = Link("value-sets", url.rpartition("/")[2]) if url else None
        return Leaf(f"in the chart: {requirement.type}", (words,), link)

    def _compared(self, operator: str, left: nodes.Node, right: nodes.Node) -> Leaf | None:
        if not isinstance(right, nodes.Literal):
            return None
        value = COMPARED[operator].format(str(right.value))
        path = self.path(left)
        if path and not path[1]:
            return Leaf(self.labels.get(path[0], path[0]), (value,), self._question(path[0]))
        if isinstance(left, nodes.Variable):
            known = self._named(left.name)
            if known and left.name in self.content.names:
                return Leaf(known.label, (f"{known.lines[0]}: {value}",), known.link)
            return None if known else Leaf(left.name, (value,))
        if isinstance(left, nodes.Member) and isinstance(left.base, nodes.Variable):
            return Leaf(f"{left.base.name}, {left.name}", (value,))
        return None


def in_short(name: str, description: str) -> str:
    """The first sentence of a fact's description, or what stands before its colon, where that
    fits and says something; else the fact's name as words."""
    first = _SENTENCE.split(description, maxsplit=1)[0].removesuffix(".")
    for text in (first, first.partition(":")[0]):
        if " " in text and len(text) <= MAX_LENGTH and not text.endswith(" of"):
            return text
    words = _CAMEL.sub(" ", name)
    lowered = " ".join(w if w.isupper() else w.lower() for w in words.split())
    return lowered[:1].upper() + lowered[1:]
