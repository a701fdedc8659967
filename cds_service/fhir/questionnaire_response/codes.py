"""Is an answer one that the item allows? (answerOption, answerValueSet, optionExclusive: 4.5)"""

from __future__ import annotations

from collections.abc import Container, Iterator, Mapping
from typing import Any

from cds_service.fhirpath import ValueSets

from .form import Form, Item, Key, as_dict, dicts, key_of
from .run import contained_types

Pair = tuple[str | None, str]


class CodeSets:
    """The value sets a form may name: its own contained ones first, then the caller's."""

    def __init__(self, form: Form, given: ValueSets) -> None:
        self._given = given
        self._contained = contained_types(form.resource)
        self._read: dict[str, tuple[frozenset[Pair], bool]] = {}

    def has(self, url: str, coding: Mapping[str, Any]) -> bool | None:
        """Checks whether the coding is in the set; None when that cannot be known here."""
        pair = (coding.get("system"), coding.get("code"))
        if not isinstance(pair[1], str):
            return False
        if not url.startswith("#"):
            known = self._find(url)
            return None if known is None else pair in known
        codes, whole = self._contained_codes(url[1:])
        return True if pair in codes else False if whole else None

    def _find(self, url: str) -> Container[Pair] | None:
        found = self._given.get(url)
        return self._given.get(url.partition("|")[0]) if found is None else found

    def _contained_codes(self, name: str) -> tuple[frozenset[Pair], bool]:
        if name not in self._read:
            self._read[name] = _codes_of(as_dict(self._contained.get(name)))
        return self._read[name]


def _codes_of(value_set: dict[str, Any]) -> tuple[frozenset[Pair], bool]:
    """The codes a value set lists, and whether these are all of its codes."""
    expansion = as_dict(value_set.get("expansion"))
    if expansion:
        return frozenset(_expanded(expansion)), True
    compose = as_dict(value_set.get("compose"))
    includes = dicts(compose.get("include"))
    listed = frozenset(
        (_system(include), str(concept.get("code")))
        for include in includes
        for concept in dicts(include.get("concept"))
    )
    whole = bool(includes) and all(i.get("concept") and "valueSet" not in i for i in includes)
    return (frozenset(), False) if compose.get("exclude") else (listed, whole)


def _expanded(expansion: dict[str, Any]) -> Iterator[Pair]:
    waiting = dicts(expansion.get("contains"))
    while waiting:
        node = waiting.pop()
        if isinstance(node.get("code"), str) and node.get("abstract") is not True:
            yield _system(node), node["code"]
        waiting += dicts(node.get("contains"))


def _system(node: dict[str, Any]) -> str | None:
    system = node.get("system")
    return system if isinstance(system, str) else None


def takes(item: Item) -> tuple[str, ...]:
    """The value[x] names an item takes (R4 item-type; a choice also takes what its options are)."""
    if item.kind not in ("choice", "open-choice"):
        return _TAKES.get(item.kind, ())
    kinds = {key[0] for key in item.options or ()} or {"valueCoding"}
    return tuple(sorted(kinds | {"valueString"} if item.kind == "open-choice" else kinds))


_TAKES = {
    "boolean": ("valueBoolean",),
    "decimal": ("valueDecimal",),
    "integer": ("valueInteger",),
    "date": ("valueDate",),
    "dateTime": ("valueDateTime",),
    "time": ("valueTime",),
    "string": ("valueString",),
    "text": ("valueString",),
    "url": ("valueUri",),
    "attachment": ("valueAttachment",),
    "reference": ("valueReference",),
    "quantity": ("valueQuantity",),
}


def is_option(item: Item, sets: CodeSets, name: str, value: Any) -> bool | None:
    """Checks whether an answer is allowed; None when its value set is not known here."""
    if item.kind not in ("choice", "open-choice"):
        return item.options is None or key_of(name, value) in item.options
    if item.kind == "open-choice" and name == "valueString":
        return True
    if item.options is not None:
        return key_of(name, value) in item.options
    if item.value_set is not None and name == "valueCoding":
        return sets.has(item.value_set, value)
    return True


def exclusive_beside_others(item: Item, keys: list[Key]) -> bool:
    """Checks whether an option that must stand alone does not (optionExclusive)."""
    options = item.options or {}
    return len(set(keys)) > 1 and any(options.get(key) for key in keys)
