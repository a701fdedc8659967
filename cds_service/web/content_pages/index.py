"""Everything in the content that has a page, where it is, who reads it, and how it is found."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from urllib.parse import quote

from cds_service.content import Content
from cds_service.content.justification import answer_path
from cds_service.content.model import Applicability, Moment, Resource, Source, clinical_id
from cds_service.content.overview import is_flag
from cds_service.content.questionnaires import walk_items
from cds_service.fhirpath import Expression, nodes
from cds_service.web.diagram import Link, Vocabulary

SENTENCE = 40  # characters from which on a text is shown as a line of a hit
_WORD = re.compile(r"\w+")
Key = tuple[str, str]


@dataclass(frozen=True, slots=True)
class PageEntry:
    """One page: its link, the id people know it by, its title, its sentences, and all words it is
    found by in lower case."""

    link: Link
    id: str
    title: str
    text: str
    words: str

    @property
    def vocabulary(self) -> list[str]:
        """Its words, in lower case."""
        return _WORD.findall(self.words)

    @property
    def kind(self) -> str:
        """The kind of the page in one word or two."""
        return SINGULAR[self.link.kind]


SINGULAR = {
    "causes": "cause",
    "flags": "red flag",
    "cards": "card",
    "questions": "question",
    "facts": "named fact",
    "value-sets": "value set",
    "strategy": "order of cards",
}


def address(link: Link) -> str:
    """The address of a page, below the path of its topic."""
    return f"/content/{link.kind}/{quote(link.name, safe='')}"


@dataclass(slots=True)
class ContentIndex:
    """The entries of one content by kind and name."""

    content: Content
    entries: dict[Key, PageEntry] = field(default_factory=dict)
    words: Vocabulary = field(init=False)
    readers: dict[Key, list[Link]] = field(default_factory=dict)
    form: dict[str, Resource] = field(init=False)  # path -> item as FHIR

    def __post_init__(self) -> None:
        self.words = Vocabulary(self.content)
        self.form = {
            f"{view.prefix}{node['linkId']}": node
            for view in self.content.views.values()
            if not view.is_derived
            for node in walk_items(view.form.resource.get("item", ()))
        }
        for entry in (*self._plans(), *self._form(), *self._facts(), *self._value_sets()):
            self.entries[(entry.link.kind, entry.link.name)] = entry
        for reader, expression in self._expressions():
            for key in _reads(expression, self.content):
                listed = self.readers.setdefault(key, [])
                if reader not in listed and key != (reader.kind, reader.name):
                    listed.append(reader)

    def __contains__(self, key: object) -> bool:
        return key in self.entries

    def entry(self, link: Link) -> PageEntry:
        """The entry of a page that exists."""
        return self.entries[(link.kind, link.name)]

    def read_by(self, kind: str, name: str) -> list[PageEntry]:
        """The pages whose rules read this question, fact or value set."""
        return [self.entry(link) for link in self.readers.get((kind, name), ())]

    def of_kind(self, kind: str) -> list[PageEntry]:
        """All pages of a kind, in the content's order."""
        return [entry for entry in self.entries.values() if entry.link.kind == kind]

    # -- entries ---------------------------------------------------------------------

    def _plans(self) -> Iterator[PageEntry]:
        content = self.content
        for source in content.sources:
            said = _flag_texts(source) if is_flag(source) else _texts(source.plan)
            yield _entry(source_link(source), source.id, source.title, said)
        for plan in {s.plan["id"]: s.plan for s in content.sources if is_flag(s)}.values():
            link = Link("causes", plan["id"])
            yield _entry(link, clinical_id(plan), plan["title"], _texts(plan))
        for plan_id, card in content.cards.items():
            texts = _texts([card.plan, *(s.order for s in card.suggestions)])
            yield _entry(Link("cards", plan_id), card.id, card.title, texts)
        plan = content.strategy.plan
        yield _entry(Link("strategy", plan["id"]), plan["id"], plan["title"], _texts(plan))

    def _form(self) -> Iterator[PageEntry]:
        for link_id, node in self.form.items():
            label = self.content.items[link_id].label
            own = {key: value for key, value in node.items() if key != "item"}
            yield _entry(Link("questions", link_id), link_id, label, _texts(own))

    def _facts(self) -> Iterator[PageEntry]:
        rules = {s.rule for s in self.content.sources}
        for fact in self.content.names.values():
            if fact.name not in rules:
                title = self.words.fact_title(fact.name)
                texts = [fact.description, fact.expression.text]
                yield _entry(Link("facts", fact.name), fact.name, title, texts)

    def _value_sets(self) -> Iterator[PageEntry]:
        for resource in self.content.resources.values():
            if resource["resourceType"] == "ValueSet":
                link = Link("value-sets", resource["id"])
                yield _entry(link, resource["id"], resource["title"], _texts(resource))

    # -- who reads what --------------------------------------------------------------

    def _expressions(self) -> Iterator[tuple[Link, Expression]]:
        content = self.content
        rules = {s.rule: s for s in content.sources if s.rule}
        for fact in content.names.values():
            source = rules.get(fact.name)
            link = source_link(source) if source else Link("facts", fact.name)
            yield link, fact.expression
        for contributions in content.contributions.values():
            for contribution in contributions:
                link = source_link(contribution.source)
                yield from ((link, e) for e in _of(contribution.conditions))
        for prefill in content.prefills:
            yield Link("questions", content.path_of(prefill)), prefill.expression
        for plan_id, card in content.cards.items():
            conditions = (*card.conditions, *(c for s in card.suggestions for c in s.conditions))
            yield from ((Link("cards", plan_id), e) for e in _of(conditions))
        strategy = Link("strategy", content.strategy.plan["id"])
        for moment in content.strategy.moments:
            yield from ((strategy, e) for e in _of(_all_conditions(moment)))


def source_link(source: Source) -> Link:
    """The page of a cause or a flag."""
    return Link("flags", source.id) if is_flag(source) else Link("causes", source.plan["id"])


def _all_conditions(moment: Moment) -> Iterator[Applicability]:
    yield from moment.conditions
    for note in moment.notes:
        yield from note.conditions
    for group in moment.groups:
        yield from group.conditions
        yield from (c for place in group.placements for c in place.conditions)


def _of(conditions: Iterable[Applicability]) -> Iterator[Expression]:
    return (condition.expression for condition in conditions)


def _reads(expression: Expression, content: Content) -> Iterator[Key]:
    """Questions, facts and value sets an expression names itself."""
    for node in nodes.walk(expression.tree):
        path = answer_path(node, content.prefixes)
        if path:
            yield "questions", content.own_path(path[0])
        elif isinstance(node, nodes.Variable) and node.name in content.names:
            yield "facts", node.name
        elif isinstance(node, nodes.Variable) and node.name in content.requirements:
            for code_filter in content.requirements[node.name].filters:
                if code_filter.value_set:
                    yield "value-sets", code_filter.value_set.rpartition("/")[2]
        elif isinstance(node, nodes.Literal) and node.value in content.value_sets:
            yield "value-sets", node.value.rpartition("/")[2]


def _entry(link: Link, known_as: str, title: str, texts: Iterable[str]) -> PageEntry:
    listed = list(texts)
    sentences = " … ".join(" ".join(text.split()) for text in listed if len(text) >= SENTENCE)
    words = " ".join((known_as, link.name, title, *listed)).casefold()
    return PageEntry(link, known_as, title, sentences, words)


def _flag_texts(source: Source) -> Iterator[str]:
    for action in source.plan["action"]:
        if action["id"] == source.id:
            yield from _texts(action)


# Elements that name other things: to be found by them would find too much.
_UNREAD = frozenset({"system", "url", "resource", "definitionCanonical", "publisher", "copyright"})


def _texts(node: object) -> Iterator[str]:
    """Every text and code of a resource."""
    if isinstance(node, str):
        yield node
    elif isinstance(node, list | tuple):
        for one in node:
            yield from _texts(one)
    elif isinstance(node, dict):
        for key, value in node.items():
            if key not in _UNREAD:
                yield from _texts(value)
