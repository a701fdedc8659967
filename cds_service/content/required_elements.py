"""Elements that the dialect needs in each resource before anything can be built from it.

FHIR leaves most elements optional; these are the ones without which there is no name, no rule or
no code. A resource that lacks one is reported here and nothing is built.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from cds_service.content import extensions as ext
from cds_service.content.model import Finding, Resource
from cds_service.content.questionnaires import walk_items
from cds_service.content.reader import ContentFiles

Missing = tuple[str, str]  # path, what is missing there


def required_element_findings(content_files: ContentFiles) -> Iterator[Finding]:
    """One finding for each element that must be there and is not."""
    for resource in content_files.resources.values():
        file = content_files.files[resource["url"]]
        check = CHECKS[resource["resourceType"]]
        for path, name in (*_needs(resource, "", "id"), *check(resource)):
            yield Finding(file, path, _missing(name))
        for path, message in _extensions(resource, "", content_files.base):
            yield Finding(file, path, message)


def _missing(name: str) -> str:
    message = f"{name} is missing: the content cannot be read without it"
    return message


def _needs(node: Any, path: str, *names: str) -> Iterator[Missing]:
    for name in names:
        if not isinstance(node, dict) or node.get(name) in (None, "", [], {}):
            yield path, name


def _extensions(node: Any, path: str, base: str) -> Iterator[tuple[str, str]]:
    """Path and message for every extension without a value, or with another base than ours."""
    if isinstance(node, list):
        for place, item in enumerate(node):
            yield from _extensions(item, f"{path}[{place}]", base)
    elif isinstance(node, dict):
        url = str(node.get("url", ""))
        if "/StructureDefinition/" in url and "resourceType" not in node:
            yield from ((path, message) for message in _extension(node, url, base))
        for key, value in node.items():
            yield from _extensions(value, f"{path}.{key}" if path else key, base)


def _extension(node: Mapping[str, Any], url: str, base: str) -> Iterator[str]:
    if base and not url.startswith((f"{base}/", ext.HL7)):
        message = f"an extension of this content begins with {base}/, one of HL7 with {ext.HL7}"
        yield message
    has_value = any(key.startswith("value") for key in node)
    if not has_value and not node.get("extension"):
        yield _missing("value")
    if "valueDuration" in node:
        for _, name in _needs(node["valueDuration"], "", "value", "code"):
            yield _missing(name)


def _plan(plan: Resource) -> Iterator[Missing]:
    yield from _needs(plan, "", "identifier", "type", "action")
    for identifier in plan.get("identifier", ())[:1]:
        yield from _needs(identifier, "identifier", "value")
    codings = plan.get("type", {}).get("coding") or [{}]
    yield from _needs(codings[0], "type.coding", "code")
    yield from _variables(plan)
    for action, path in walk_actions(plan.get("action", ())):
        yield from _action(action, path)
    for name, parts in PARTS.items():
        for extension in ext.values(plan, name):
            yield from _needs(ext.parts(extension), name, *parts)


PARTS = {"card-cap": ("maximum", "reservedFor"), "card-wording": ("code", "text")}


def _action(action: Mapping[str, Any], path: str) -> Iterator[Missing]:
    yield from _needs(action, path, "id")
    # A note and a contribution need textEquivalent, a card and its suggestions a title; a place in
    # the strategy only names its card.
    is_place = action.keys() <= {"id", "extension", "condition", "definitionCanonical"}
    if not is_place and not action.get("title") and not action.get("textEquivalent"):
        yield path, "title or textEquivalent"
    for trigger in action.get("trigger", ()):
        yield from _needs(trigger, f"{path}.trigger", "name")
    for concept in action.get("code", ()):
        for coding in concept.get("coding") or [{}]:
            yield from _needs(coding, f"{path}.code", "system", "code")
    for condition in action.get("condition", ()):
        yield from _needs(condition, f"{path}.condition", "expression")


def walk_actions(actions: Any, path: str = "") -> Iterator[tuple[dict[str, Any], str]]:
    """Every action with its path, depth first: ``action a``, ``action a.b``."""
    for action in actions:
        name = action.get("id", "?")
        at = f"{path}.{name}" if path else f"action {name}"
        yield action, at
        yield from walk_actions(action.get("action", ()), at)


def _variables(resource: Resource) -> Iterator[Missing]:
    for variable in ext.values(resource, ext.VARIABLE):
        name = variable.get("name") if isinstance(variable, dict) else None
        yield from _needs(variable, f"variable {name}", "name", "expression")


def _library(library: Resource) -> Iterator[Missing]:
    yield from _variables(library)
    for requirement in library.get("dataRequirement", ()):
        path = f"dataRequirement {requirement.get('id')}"
        yield from _needs(requirement, path, "id", "type", "codeFilter")
        for place, node in enumerate(requirement.get("codeFilter", ())):
            yield from _needs(
                node, path, "path", *(() if "code" in node and place else ("valueSet",))
            )
            for coding in node.get("code", ()):
                yield from _needs(coding, path, "code")
        for node in requirement.get("dateFilter", ()):
            yield from _needs(node, path, "path", "valueDuration")
            yield from _needs(node.get("valueDuration"), path, "value", "code")


def _activity(activity: Resource) -> Iterator[Missing]:
    yield from _needs(activity, "", "kind", "code", "description")
    for concept in (activity.get("code", {}), *activity.get("topic", ())):
        for coding in concept.get("coding", ()):
            yield from _needs(coding, "code", "system", "code")
        if not concept.get("coding"):
            yield from _needs(concept, "code", "text")


def _value_set(value_set: Resource) -> Iterator[Missing]:
    for include in value_set.get("compose", {}).get("include", ()):
        for concept in include.get("concept", ()):
            yield from _needs(concept, "compose.include.concept", "code")
    for part in ("include", "exclude"):
        for node in value_set.get("compose", {}).get(part, ()):
            yield from _needs(node, f"compose.{part}", "system")
    for member in value_set.get("expansion", {}).get("contains", ()):
        yield from _needs(member, "expansion.contains", "system", "code")


def _code_system(code_system: Resource) -> Iterator[Missing]:
    for concept in code_system.get("concept", ()):
        yield from _needs(concept, "concept", "code", "display")


def _questionnaire(form: Resource) -> Iterator[Missing]:
    for item in walk_items(form.get("item", ())):
        path = f"item {item.get('linkId')}"
        yield from _needs(item, path, "linkId", "type")
        for option in item.get("answerOption", ()):
            if "valueCoding" in option:
                yield from _needs(option["valueCoding"], path, "code")
        for when in item.get("enableWhen", ()):
            yield from _needs(when, path, "question", "operator")
            if not any(key.startswith("answer") for key in when):
                yield path, "the answer of enableWhen"


CHECKS: dict[str, Callable[[Resource], Iterator[Missing]]] = {
    "PlanDefinition": _plan,
    "Library": _library,
    "ActivityDefinition": _activity,
    "ValueSet": _value_set,
    "CodeSystem": _code_system,
    "Questionnaire": _questionnaire,
}
