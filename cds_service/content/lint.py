"""Checks beyond structure: what an author can get wrong in content that still parses.

Each check yields findings worded as what is wrong and what to write instead (``docs/lint.md``).
Structure is checked by ``reader``, references and expressions by ``build``, wording by ``wording``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from cds_service.content import extensions as ext
from cds_service.content.age_labels import age_label_findings
from cds_service.content.codes import (
    HIERARCHICAL,
    MIN_PREFIX,
    SNOMED,
    canonical_system,
    has_valid_check_digit,
)
from cds_service.content.drawing_lint import drawing_findings
from cds_service.content.justification import answer_path
from cds_service.content.model import (
    DATES,
    Applicability,
    Content,
    Finding,
    InputRef,
    NamedFact,
    Requirement,
    Resource,
)
from cds_service.content.orders import order_key
from cds_service.content.questionnaires import questionnaire_findings, walk_items
from cds_service.content.reader import ContentFiles
from cds_service.content.required_elements import walk_actions
from cds_service.content.resolver import Resolver, categories_of
from cds_service.content.translations import translation_findings
from cds_service.content.value_readings import quieting_findings
from cds_service.content.views import view_forms
from cds_service.content.wording import PHRASES, wording_findings
from cds_service.fhirpath import nodes

MAX_SUMMARY = 139  # docs/conformance.md 4.5: fewer than 140 characters
MAX_EXPRESSION = 400  # characters, urls not counted: a longer one nobody can read and check
TEXT_IN_QUOTES = re.compile(r"'[^']*'")
CITATIONS = frozenset({"citation", "justification", "derived-from"})


def metadata_findings(content_files: ContentFiles) -> tuple[Finding, ...]:
    """Returns what every resource must carry; without it the content cannot be built."""
    return tuple(
        finding
        for resource in content_files.resources.values()
        for finding in _metadata(resource, content_files.files[resource["url"]])
    )


def text_findings(content_files: ContentFiles) -> Iterator[Finding]:
    """Checks of single resources that need nothing but their JSON."""
    for resource in content_files.resources.values():
        file = content_files.files[resource["url"]]
        yield from _related(resource, content_files, file)
        yield from wording_findings(resource, file)
        yield from _silence(resource, file)
        if resource["resourceType"] == "PlanDefinition":
            yield from _plan(resource, file)


def lint(
    resolver: Resolver,
    names: Mapping[str, NamedFact],
    requirements: Mapping[str, Requirement],
    content: Content | None,
) -> Iterator[Finding]:
    """The other checks; those on the resolved content only when it resolved."""
    content_files = resolver.content_files
    for form in content_files.of_type("Questionnaire"):
        yield from questionnaire_findings(form, content_files.files[form["url"]])
        yield from translation_findings(form, content_files.files[form["url"]])
        yield from drawing_findings(
            walk_items(form.get("item", ())),
            content_files.drawings,
            content_files.files[form["url"]],
        )
        yield from age_label_findings(form, content_files.files[form["url"]])
    for value_set in content_files.of_type("ValueSet"):
        yield from _value_set(value_set, content_files)
    yield from _same_orders(content_files)
    yield from _names(content_files, names.values())
    yield from _requirements(requirements.values())
    yield from _expressions(resolver)
    if content is not None:
        yield from _strategy(content)
        yield from _own_rule_first(content)
        yield from quieting_findings(_conditions(content), content.names, content.requirements)
        yield from _unused(content, content_files)


def _metadata(resource: Resource, file: str) -> Iterator[Finding]:
    for element in ("version", "name", "title", "status", "date", "publisher", "description"):
        if not resource.get(element):
            yield Finding(file, element, "is required of every content resource")
    if resource.get("status") == "draft" and resource.get("experimental") is not True:
        yield Finding(file, "experimental", "must be true while the status is draft")


def _related(resource: Resource, content_files: ContentFiles, file: str) -> Iterator[Finding]:
    artifacts = resource.get("relatedArtifact", ())
    for place, artifact in enumerate(artifacts):
        canonical = artifact.get("resource")
        if canonical and canonical.partition("|")[0] not in content_files.resources:
            yield Finding(file, f"relatedArtifact[{place}]", f"nothing is {canonical}")
    if resource["resourceType"] == "PlanDefinition" and not any(
        a["type"] in CITATIONS for a in artifacts
    ):
        yield Finding(file, "relatedArtifact", "needs at least one citation: the evidence")


def _silence(resource: Resource, file: str) -> Iterator[Finding]:
    """A mark that is not read would let a plan speak that its author holds to be silent."""
    marks = [e for e in resource.get("extension", ()) if ext.is_called(e.get("url"), ext.SILENT)]
    read = resource["resourceType"] == "PlanDefinition" and [
        m for m in marks if m.get("valueBoolean") is True
    ]
    if repr(resource).count(f"/StructureDefinition/{ext.SILENT}'") != len(read or ()):
        message = "is read on a plan itself only, with valueBoolean true"
        yield Finding(file, "silent", message)


def _plan(plan: Resource, file: str) -> Iterator[Finding]:
    seen: set[str] = set()
    for action, path in walk_actions(plan.get("action", ())):
        if action.get("id") in seen or not action.get("id"):
            yield Finding(file, path, f"action id {action.get('id')!r} is missing or used twice")
        seen.add(action.get("id", ""))
    if not plan.get("identifier"):
        yield Finding(file, "identifier", "needs the clinical id")
    if "/causes/" in f"/{file}" and not plan.get("usage"):
        yield Finding(file, "usage", "must say when the rule is expected to be wrong")
    for action, path in walk_actions(plan.get("action", ())):
        is_line = "." in path and "definitionCanonical" not in action  # a text among the options
        if len(action.get("title", "")) > MAX_SUMMARY and not is_line:
            yield Finding(file, f"{path}.title", f"has more than {MAX_SUMMARY} characters")


def _value_set(value_set: Resource, content_files: ContentFiles) -> Iterator[Finding]:
    file = content_files.files[value_set["url"]]
    seen: set[tuple[str, str]] = set()
    for include in value_set.get("compose", {}).get("include", ()):
        yield from _filters(include, value_set, file)
        for concept in include.get("concept", ()):
            code = (include["system"], concept["code"])
            if code in seen:
                yield Finding(file, f"code {code[1]}", "is listed twice")
            seen.add(code)
            yield from _code(code, content_files, file)
    for exclude in value_set.get("compose", {}).get("exclude", ()):
        yield from _filters(exclude, value_set, file)
        if "concept" in exclude:
            message = "an exception is a filter too: its category is not read otherwise"
            yield Finding(file, "compose.exclude", message)
    expansion = value_set.get("expansion", {})
    if expansion and not (expansion.get("identifier") and expansion.get("timestamp")):
        yield Finding(file, "expansion", "needs identifier and timestamp, to say which it is")
    if any(member["system"] == SNOMED for member in expansion.get("contains", ())):
        message = "may not hold SNOMED CT here (its license): keep it in the site's folder"
        yield Finding(file, "expansion", message)
    if not seen and not expansion and not any(categories_of(value_set)):
        yield Finding(file, "compose", "holds no code: it would silently match nothing")


def _filters(part: Mapping[str, Any], value_set: Resource, file: str) -> Iterator[Finding]:
    """Matched offline are a category of ICD with all below it, and what a pinned expansion holds.
    Of SNOMED CT only a site may hold one (its license), so the content may lack it."""
    filters, system = part.get("filter", ()), canonical_system(part.get("system"))
    if filters and system not in HIERARCHICAL:
        if reason := ext.value(value_set, "enumerated-only"):
            yield Finding(file, "compose", f"enumerate codes: {reason}")
        elif system != SNOMED and "expansion" not in value_set:
            message = "a filter is matched by its expansion: run cds-service value-sets expand"
            yield Finding(file, "compose", message)
    elif len(filters) > 1:
        yield Finding(file, "compose", "of ICD one filter 'concept is-a' is matched, and no more")
    for node in filters if system in HIERARCHICAL else ():
        long_enough = len(str(node.get("value")).replace(".", "")) >= MIN_PREFIX
        if not (node.get("op") == "is-a" and node.get("property") == "concept"):
            message = "of ICD only the filter 'concept is-a' is matched offline"
            yield Finding(file, "compose", message)
        elif not long_enough:
            yield Finding(file, "compose", "a category of ICD has three characters or more")
    if "valueSet" in part:
        yield Finding(file, "compose", "enumerate codes: other value sets are not looked up")


def _code(code: tuple[str, str], content_files: ContentFiles, file: str) -> Iterator[Finding]:
    system, value = code
    if not has_valid_check_digit(system, value):
        yield Finding(file, f"code {value}", "has a wrong check digit: compare with its source")
    if system.startswith(f"{content_files.base}/"):
        concepts = content_files.resources.get(system, {}).get("concept", ())
        if value not in {c["code"] for c in concepts}:
            yield Finding(file, f"code {value}", f"is not in the code system {system}")


def _same_orders(content_files: ContentFiles) -> Iterator[Finding]:
    seen: dict[str, str] = {}
    for activity in content_files.of_type("ActivityDefinition"):
        file = content_files.files[activity["url"]]
        for coding in activity.get("code", {}).get("coding", ()):
            yield from _code((coding["system"], coding["code"]), content_files, file)
        if not activity.get("code"):
            yield Finding(file, "code", "is required: what is ordered")
            continue
        first = seen.setdefault(order_key(activity), file)
        if first != file:
            yield Finding(file, "code", f"is the same order as {first}")


def _names(content_files: ContentFiles, facts: Iterable[NamedFact]) -> Iterator[Finding]:
    for fact in facts:
        if not fact.description:
            file = _file(content_files.files, fact.owner)
            yield Finding(file, f"variable {fact.name}", "needs a description in plain English")


def _requirements(requirements: Iterable[Requirement]) -> Iterator[Finding]:
    for requirement in requirements:
        if requirement.type not in DATES:
            message = f"no chart entries of type {requirement.type} are read"
            yield Finding("libraries", f"dataRequirement {requirement.id}", message)


def _expressions(resolver: Resolver) -> Iterator[Finding]:
    """Answers that no item or option gives, and paths that start from nothing."""
    options = dict(_options(resolver))
    for expression, file, path in resolver.compiled:
        length = len(TEXT_IN_QUOTES.sub("", expression.text))
        if length > MAX_EXPRESSION:
            yield Finding(
                file, path, f"has {length} characters, at most {MAX_EXPRESSION}: name a part"
            )
        for node in nodes.walk(expression.tree):
            words = _node_problems(answer_path(node, resolver.prefixes), options)
            yield from (Finding(file, path, problem) for problem in words)
        for name in bare_names(expression.tree):
            yield Finding(
                file, path, f"{name!r} starts from nothing: begin with a %name, such as %patient"
            )


def _options(resolver: Resolver) -> Iterator[tuple[str, set[Any]]]:
    """The option codes of every item of every view, by its path."""
    forms = list(resolver.content_files.of_type("Questionnaire"))
    for view, form in view_forms(forms):
        for item in walk_items(form.get("item", ())):
            codes = {o.get("valueCoding", {}).get("code") for o in item.get("answerOption", ())}
            yield resolver.prefixes[view] + item["linkId"], codes


def _node_problems(leaf: InputRef | None, options: dict[str, set[Any]]) -> Iterator[str]:
    if leaf and leaf[0] not in options:
        yield f"{leaf[0]}: the form has no item with that linkId"
    elif leaf and leaf[1] and leaf[1] not in options[leaf[0]] and leaf[1] != "exists":
        yield f"{leaf[0]}.{leaf[1]}: the item has no such option"


# Functions that may stand first, and the one whose arguments still see the rule's own focus.
FIRST = frozenset({"iif", "atLeast", "today", "now", "timeOfDay"})


NOT_OF_A_BASE = frozenset({"iif", "atLeast"})


def bare_names(node: nodes.Node) -> Iterator[str]:
    """Paths and functions that start from the focus, which is the plan itself: they never hold."""
    match node:
        case nodes.Member(base=None, name=name):
            yield name
        case nodes.Call(base=None, name=name) if name not in FIRST:
            yield name
        case nodes.Special(name=name):
            yield name
        case nodes.Call(base=base, name=name, arguments=arguments):
            below = [
                *([] if base is None else [base]),
                *(arguments if name in NOT_OF_A_BASE else ()),
            ]
            for child in below:
                yield from bare_names(child)
        case _:
            for child in nodes.children(node):
                yield from bare_names(child)


def _conditions(content: Content) -> Iterator[Applicability]:
    """Every condition of a contribution, a card or a suggestion."""
    for contributions in content.contributions.values():
        for contribution in contributions:
            yield from contribution.conditions
    for card in content.cards.values():
        yield from card.conditions
        for suggestion in card.suggestions:
            yield from suggestion.conditions


def _own_rule_first(content: Content) -> Iterator[Finding]:
    """A contribution begins with its source's own rule: without it anybody would get it."""
    for contributions in content.contributions.values():
        for contribution in contributions:
            source = contribution.source
            first = contribution.conditions[0].expression.text
            if source.rule and first != f"%{source.rule}":
                file = content.files[source.plan["url"]]
                path = f"action {contribution.id}"
                yield Finding(
                    file, path, f"the first condition must be the source's own rule, %{source.rule}"
                )


def _strategy(content: Content) -> Iterator[Finding]:
    strategy = content.strategy
    file = content.files[strategy.plan["url"]]
    for phrase in sorted(PHRASES - strategy.wording.keys()):
        yield Finding(file, "card-wording", f"the phrase {phrase!r} is missing")
    for phrase in sorted(strategy.wording.keys() - PHRASES):
        yield Finding(file, "card-wording", f"the phrase {phrase!r} is never used")
    failed = content.cards.get(strategy.failed or "")
    if failed is not None and ext.value(failed.plan, ext.SILENT, False):
        message = "the card for rules that failed cannot be silent: an error would go unseen"
        yield Finding(content.files[failed.plan["url"]], "silent", message)
    placed = {p.card for m in strategy.moments for g in m.groups for p in g.placements}
    for card in sorted(content.cards.keys() - placed):
        yield Finding(file, "action", f"the card {card} has no place in any group")
    for card in sorted(placed):
        if card != strategy.failed and not any(not c.advice for c in content.contributions[card]):
            yield Finding(file, "action", f"nothing ever asks for the card {card}")


def _unused(content: Content, content_files: ContentFiles) -> Iterator[Finding]:
    """Facts, chart keys, value sets and orders that nothing refers to."""
    used = {name for e, _, _ in content.compiled for name in e.variables}
    rules = {s.rule for s in content.sources}
    for fact in content.names.values():
        if fact.name not in used and fact.name not in rules:
            yield Finding(
                _file(content.files, fact.owner), f"variable {fact.name}", "is never used"
            )
    for requirement in content.requirements.values():
        if requirement.id not in used:
            yield Finding("libraries", f"dataRequirement {requirement.id}", "is never used")
    texts = "".join(e.text for e, _, _ in content.compiled)
    needed = {r.main.value_set for r in content.requirements.values()}
    needed |= {s for r in content.requirements.values() if r.reading for s in r.reading.value_sets}
    for value_set in content_files.of_type("ValueSet"):
        if value_set["url"] not in needed and value_set["url"] not in texts:
            yield Finding(
                content_files.files[value_set["url"]], "", "no chart key uses this value set"
            )
    ordered = {
        (s.activity or "").partition("|")[0] for c in content.cards.values() for s in c.suggestions
    }
    for activity in content_files.of_type("ActivityDefinition"):
        if activity["url"] not in ordered:
            yield Finding(content_files.files[activity["url"]], "", "no card suggests this order")


def _file(files: Mapping[str, str], owner: str) -> str:
    return next(f for u, f in files.items() if u.endswith(f"/{owner}"))
