"""A Questionnaire as the validator uses it: items by linkId, options and limits read once.

A wrong shape in a Questionnaire is passed over: what is wrong with content is told when content
is loaded, and a response must not be blamed for it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

MAX_DEPTH = 40  # nested items; the walks below are recursive

CORE = "http://hl7.org/fhir/StructureDefinition/"
SDC = "http://hl7.org/fhir/uv/sdc/StructureDefinition/sdc-questionnaire-"
ITEM_CONTROL = CORE + "questionnaire-itemControl"
OPTION_EXCLUSIVE = CORE + "questionnaire-optionExclusive"
MIN_OCCURS = CORE + "questionnaire-minOccurs"
MAX_OCCURS = CORE + "questionnaire-maxOccurs"
ENABLE_EXPRESSION = SDC + "enableWhenExpression"
SECURITY_LABEL = (
    "http://hl7.org/fhir/uv/security-label-ds4p/StructureDefinition/extension-inline-sec-label"
)
RESTRICTED = frozenset({"R", "V"})  # v3-Confidentiality: restricted, very restricted
CODELESS = "no code"

Key = tuple[str, str | None, Any]  # value[x] name, system, code or value


@dataclass(frozen=True, slots=True, eq=False)
class Condition:
    """One enableWhen; ``kind`` is the name of its answer[x] without ``answer``. Equal ones of a
    form are one object, so that each is decided once."""

    question: str
    operator: str
    kind: str
    value: Any


@dataclass(frozen=True, slots=True, eq=False)
class Item:
    """One item of the Questionnaire; ``line`` leads to it from the top, itself included."""

    link_id: str
    kind: str
    place: int
    line: tuple[Item, ...]  # without itself while it is made
    required: bool
    repeats: bool
    max_length: int | None
    value_set: str | None
    conditions: tuple[Condition, ...]
    enable_all: bool
    extensions: Mapping[str, tuple[Any, ...]]
    unconditional: bool  # it is asked whatever was answered
    options: Mapping[Key, bool] | None  # in their order -> whether it excludes all others
    children: dict[str, Item] = field(default_factory=dict)
    demanding: list[Item] = field(default_factory=list)  # children that may have to be answered

    @property
    def is_group(self) -> bool:
        """Checks whether it holds items instead of answers."""
        return self.kind == "group"

    @property
    def labels(self) -> tuple[Any, ...]:
        """The security labels of its answers, Codings."""
        return self.extensions.get(SECURITY_LABEL, ())

    @property
    def restricted(self) -> bool:
        """Checks whether its answers are restricted or very restricted."""
        return any(as_dict(label).get("code") in RESTRICTED for label in self.labels)

    def first(self, url: str) -> Any:
        """The value of an extension, None when it is not there."""
        return next(iter(self.extensions.get(url, ())), None)

    def count(self, url: str) -> int | None:
        """The value of an extension that holds a whole number."""
        value = self.first(url)
        return value if isinstance(value, int) and not isinstance(value, bool) else None


@dataclass(frozen=True, slots=True, eq=False)
class Form:
    """``doubts`` is what cannot be checked because of the Questionnaire itself."""

    resource: Mapping[str, Any]
    items: dict[str, Item]
    top: dict[str, Item]
    demanding: list[Item]
    extensions: Mapping[str, tuple[Any, ...]]
    doubts: list[str]
    conditions: dict[tuple[str, ...], Condition] = field(default_factory=dict)

    def below(self, item: Item | None) -> dict[str, Item]:
        """The items that stand inside an item, or at the top."""
        return self.top if item is None else item.children


def compile_form(questionnaire: Any) -> Form:
    """The form of a Questionnaire. Never raises; keep it where one form meets many responses."""
    resource = as_dict(questionnaire)
    form = Form(resource, {}, {}, [], extensions_of(resource), [])
    if resource.get("resourceType") != "Questionnaire":
        form.doubts.append("What it was checked against is not a Questionnaire.")
    _add_items(form, resource.get("item"), None, form.top, form.demanding)
    questions = {condition.question for condition in form.conditions.values()}
    if questions - form.items.keys():
        form.doubts.append("The Questionnaire has a condition on an item that does not exist.")
    return form


def _add_items(
    form: Form, nodes: Any, parent: Item | None, into: dict[str, Item], demanding: list[Item]
) -> None:
    line = () if parent is None else (*parent.line, parent)
    if nodes and len(line) >= MAX_DEPTH:
        form.doubts.append("The Questionnaire is nested too deeply; its deepest items are unknown.")
        return
    for place, node in enumerate(dicts(nodes)):
        link_id = node.get("linkId")
        if not isinstance(link_id, str) or link_id in form.items:
            form.doubts.append("The Questionnaire has an item without a linkId of its own.")
            continue
        item = _item(node, link_id, place, line, form)
        form.items[link_id] = into[link_id] = item
        if item.required or item.count(MIN_OCCURS) or item.count(MAX_OCCURS) is not None:
            demanding.append(item)
        _add_items(form, node.get("item"), item, item.children, item.demanding)


def _item(
    node: dict[str, Any], link_id: str, place: int, line: tuple[Item, ...], form: Form
) -> Item:
    extensions = extensions_of(node)
    conditions = tuple(_conditions(node.get("enableWhen"), form))
    length = node.get("maxLength")
    value_set = node.get("answerValueSet")
    return Item(
        link_id=link_id,
        kind=str(node.get("type")),
        place=place,
        line=line,
        required=node.get("required") is True,
        repeats=node.get("repeats") is True,
        max_length=length if type(length) is int else None,
        value_set=value_set if isinstance(value_set, str) else None,
        conditions=conditions,
        enable_all=node.get("enableBehavior") == "all",
        extensions=extensions,
        unconditional=not (line or conditions or ENABLE_EXPRESSION in extensions),
        options=dict(_options(node.get("answerOption"))) or None,
    )


def _options(nodes: Any) -> Iterator[tuple[Key, bool]]:
    for node in dicts(nodes):
        name = value_name(node)
        if name is not None:
            alone = True in extensions_of(node).get(OPTION_EXCLUSIVE, ())
            yield key_of(name, node[name]), alone


def _conditions(nodes: Any, form: Form) -> Iterator[Condition]:
    for node in dicts(nodes):
        name = next((k for k in node if k.startswith("answer")), "answer")
        question, operator = str(node.get("question")), str(node.get("operator"))
        new = Condition(question, operator, name[len("answer") :], node.get(name))
        yield form.conditions.setdefault((question, operator, name, repr(new.value)), new)


def key_of(name: str, value: Any) -> Key:
    """Returns what makes two values the same option: system and code, never the display (4.5)."""
    if isinstance(value, dict):
        main = value.get("code") if name == "valueCoding" else value.get("reference")
        system = value.get("system")
        return name, system if isinstance(system, str) else None, _atom(main)
    return name, None, _atom(value)


def _atom(value: Any) -> Any:
    """The value where it can be one, so that no shape is unhashable and true is not 1."""
    return value if isinstance(value, str | int | float) and value is not True else CODELESS


def value_name(node: Mapping[str, Any]) -> str | None:
    """The name of the value[x] an object holds."""
    return next((key for key in node if key.startswith("value")), None)


def extensions_of(node: Mapping[str, Any]) -> dict[str, tuple[Any, ...]]:
    """The values of extensions by url; a complex one stands for itself."""
    found: dict[str, tuple[Any, ...]] = {}
    for extension in dicts(node.get("extension")):
        name, url = value_name(extension), extension.get("url")
        if isinstance(url, str):
            found[url] = (*found.get(url, ()), extension if name is None else extension[name])
    return found


def dicts(nodes: Any) -> list[dict[str, Any]]:
    """The objects of a list; nothing of any other shape."""
    return [n for n in nodes if isinstance(n, dict)] if isinstance(nodes, list) else []


def as_dict(value: Any) -> dict[str, Any]:
    """An object, or an empty one for any other shape."""
    return value if isinstance(value, dict) else {}
