"""Compiles a Questionnaire: the validator's form, with what only the dialect adds."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from cds_service.content import extensions as ext
from cds_service.content.model import AnsweredBy, Finding, Question, Questionnaire, Resource
from cds_service.fhir.questionnaire_response import Item, compile_form
from cds_service.fhir.questionnaire_response.form import ITEM_CONTROL, OPTION_EXCLUSIVE
from cds_service.fhir.questionnaire_response.header import ROOT
from cds_service.fhir.questionnaire_response.tree import Answer


def compile_questionnaire(resource: Resource) -> Questionnaire:
    """A form: the validator's items, each with what only the dialect says of it."""
    form, root_hours = compile_form(resource), _valid_hours(resource)
    nodes = {node["linkId"]: node for node in walk_items(resource.get("item", ()))}
    items = {k: _question(item, nodes[k], root_hours) for k, item in form.items.items()}
    return Questionnaire(
        form,
        items,
        root_hours,
        view=ext.value(resource, "answers-view", ""),
        is_needed=ext.value(resource, "needed-form", False),
        same_encounter=ext.value(resource, "valid-in-same-encounter", False),
        answered_by=AnsweredBy(ext.value(resource, "answered-by", AnsweredBy.PERSON)),
        heading=ext.value(resource, "quote-heading", resource.get("title", "")),
    )


def walk_items(items: Any) -> Iterator[dict[str, Any]]:
    """Every item, depth first, in form order."""
    for item in items:
        yield item
        yield from walk_items(item.get("item", ()))


def _question(item: Item, node: dict[str, Any], root_hours: float | None) -> Question:
    options = [o for o in node.get("answerOption", ()) if "valueCoding" in o]
    return Question(
        item=item,
        label=ext.value(node, "short-label", item.link_id),
        options={o["valueCoding"]["code"]: _option(o["valueCoding"]) for o in options},
        unknown=frozenset(_codes(options, "answer-means-unknown")),
        exclusive=frozenset(_codes(options, OPTION_EXCLUSIVE)),
        valid_hours=_valid_hours(node) or root_hours,
        quoted_only_on=(ext.value(node, "quoted-only-on") or "").rpartition("/")[2] or None,
        is_emergency=_valid_hours(node) is not None,
        never_quoted=ext.value(node, "never-quoted", False),
        group=ext.value(node, "quote-group", ""),
        template=ext.value(node, "quote-as", "{value}"),
        number=ext.value(node, "number-as", "{value}"),
        displays={o["valueCoding"]["code"]: o["valueCoding"].get("display", "") for o in options},
        quotes=dict(_texts(options, "quote-as")),
        masked=dict(_texts(options, "masked-quote")),
        copied_from=_copied_from(node),
    )


def _copied_from(node: dict[str, Any]) -> tuple[str, str] | None:
    """The url of the form and the linkId whose answer may be copied into an item."""
    parts = ext.parts(ext.value(node, "prefill-from", {}))
    return (parts["form"].partition("|")[0], parts["item"]) if parts else None


def _option(coding: dict[str, Any]) -> Answer:
    return Answer("Coding", {"system": coding.get("system"), "code": coding["code"]}, ROOT)


def _texts(options: list[dict[str, Any]], url: str) -> Iterator[tuple[str, str]]:
    for option in options:
        text = ext.value(option, url)
        if text:
            yield option["valueCoding"]["code"], text


def _codes(options: list[dict[str, Any]], url: str) -> Iterator[str]:
    """Codes of the options that carry an extension whose value is not false."""
    return (o["valueCoding"]["code"] for o in options if ext.value(o, url, False) is not False)


def _valid_hours(element: Resource) -> float | None:
    duration = ext.value(element, "answer-valid-for")
    return ext.hours(duration) if duration else None


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
        yield from _control_findings(node, file)
        conditions = node.get("enableWhen", ())
        where = f"item {node['linkId']}.enableWhen"
        if len(conditions) > 1 and "enableBehavior" not in node:
            yield Finding(file, where, "more than one condition needs enableBehavior (all or any)")
        for condition in conditions:
            yield from _condition_findings(condition, seen, file, where)
    yield from _topic_findings(resource, file)


def _topic_findings(resource: Resource, file: str) -> Iterator[Finding]:
    """Requires every question to stand on the page of a topic, where pages have topics."""
    topics = [ext.value(node, "topic") is True for node in resource.get("item", ())]
    if True in topics:
        for node in resource["item"][: topics.index(True)]:
            yield Finding(file, f"item {node['linkId']}", "stands before the first topic")


def _control_findings(node: dict[str, Any], file: str) -> Iterator[Finding]:
    """Renderers hide options in a list to type into where no control says otherwise: a list of
    emergency signs must stand open."""
    if node["type"] not in ("choice", "open-choice"):
        return
    control = ext.value(node, ITEM_CONTROL, {})
    found = {coding.get("code") for coding in control.get("coding", ())}
    wanted = {"check-box"} if node.get("repeats") else {"radio-button", "drop-down"}
    if not found & wanted:
        message = f"needs questionnaire-itemControl with {' or '.join(sorted(wanted))}"
        yield Finding(file, f"item {node['linkId']}", message)


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
