"""Compiles the intake Questionnaire into what the answers view needs. No item is named here."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from cds_service.content import extensions as ext
from cds_service.content.model import EnableWhen, Finding, Item, Questionnaire, Resource


def compile_questionnaire(resource: Resource) -> Questionnaire:
    """Items by linkId in form order, nested items included (their parents' conditions apply)."""
    root_hours = _valid_hours(resource)
    items: dict[str, Item] = {}
    for node in walk_items(resource.get("item", ())):
        items[node["linkId"]] = _item(node, root_hours)
    return Questionnaire(resource, resource["url"], items, root_hours)


def walk_items(items: Any) -> Iterator[dict[str, Any]]:
    """Every item, depth first, in form order."""
    for item in items:
        yield item
        yield from walk_items(item.get("item", ()))


def _item(node: dict[str, Any], root_hours: float | None) -> Item:
    options = [o for o in node.get("answerOption", ()) if "valueCoding" in o]
    return Item(
        link_id=node["linkId"],
        kind=node["type"],
        label=ext.value(node, "short-label", node["linkId"]),
        repeats=node.get("repeats", False),
        system={o["valueCoding"]["code"]: o["valueCoding"].get("system") for o in options},
        unknown=frozenset(_codes(options, "answer-means-unknown")),
        exclusive=frozenset(_codes(options, ext.OPTION_EXCLUSIVE)),
        minimum=_number(ext.value(node, ext.MIN_VALUE)),
        maximum=_number(ext.value(node, ext.MAX_VALUE)),
        valid_hours=_valid_hours(node) or root_hours,
        quoted_only_on=(ext.value(node, "quoted-only-on") or "").rpartition("/")[2] or None,
        restricted=any(
            label.get("code") in {"R", "V"} for label in ext.values(node, ext.SECURITY_LABEL)
        ),
        enable_when=tuple(_enable_when(w) for w in node.get("enableWhen", ())),
        enable_all=node.get("enableBehavior") == "all",
    )


def _codes(options: list[dict[str, Any]], url: str) -> Iterator[str]:
    """Codes of the options that carry an extension whose value is not false."""
    return (o["valueCoding"]["code"] for o in options if ext.value(o, url, False) is not False)


def _enable_when(node: dict[str, Any]) -> EnableWhen:
    answer = next(v for k, v in node.items() if k.startswith("answer"))
    value = answer["code"] if isinstance(answer, dict) and "code" in answer else answer
    return EnableWhen(node["question"], node["operator"], value)


def _valid_hours(element: Resource) -> float | None:
    duration = ext.value(element, "answer-valid-for")
    return ext.hours(duration) if duration else None


def _number(value: Any) -> float | None:
    return None if value is None else float(value)


def questionnaire_findings(resource: Resource, file: str) -> Iterator[Finding]:
    """linkIds unique; enableWhen targets and option codes exist; enableBehavior where needed."""
    nodes = list(walk_items(resource.get("item", ())))
    seen: dict[str, dict[str, Any]] = {}
    for node in nodes:
        link_id = node["linkId"]
        if link_id in seen:
            yield Finding(file, f"item {link_id}", "linkId is used twice")
        seen[link_id] = node
    for node in nodes:
        conditions = node.get("enableWhen", ())
        where = f"item {node['linkId']}.enableWhen"
        if len(conditions) > 1 and "enableBehavior" not in node:
            yield Finding(file, where, "more than one condition needs enableBehavior (all or any)")
        for condition in conditions:
            yield from _condition_findings(condition, seen, file, where)


def _condition_findings(
    condition: dict[str, Any], nodes: dict[str, dict[str, Any]], file: str, where: str
) -> Iterator[Finding]:
    target = nodes.get(condition["question"])
    if target is None:
        yield Finding(file, where, f"there is no item {condition['question']!r}")
    elif "answerCoding" in condition:
        codes = {o.get("valueCoding", {}).get("code") for o in target.get("answerOption", ())}
        if condition["answerCoding"].get("code") not in codes:
            code = condition["answerCoding"].get("code")
            yield Finding(file, where, f"item {condition['question']!r} has no option {code!r}")
