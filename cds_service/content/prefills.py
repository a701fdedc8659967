"""Reads the form's ``initialExpression``s (SDC): what the chart may answer before the person does.

Refused here is whatever could put words into somebody's mouth: an answer without a chart entry
that proves it, a restricted item, an item about the present moment.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from cds_service.content import extensions as ext
from cds_service.content.model import NamedFact, Prefill, Requirement, Resource
from cds_service.content.questionnaires import walk_items
from cds_service.content.resolver import Resolver
from cds_service.content.translations import CONTENT, translations, worded
from cds_service.fhir.questionnaire_response.form import RESTRICTED, SECURITY_LABEL
from cds_service.fhirpath import Expression, FhirPathError, NamedExpressions, nodes

# What the launch of a form can bring beside the chart; %age comes with the patient.
CONTEXTS: Mapping[str, tuple[str, ...]] = {
    "patient": ("patient", "age"),
    "encounter": ("encounter",),
}
ITEM = "qitem"  # SDC: the item that holds the expression
FORM = "questionnaire"
ANY_DAY = datetime(2000, 1, 1, tzinfo=UTC)
# Nobody in particular, with an empty chart: nothing may be known of them.
STRANGERS: tuple[Resource, ...] = (
    {"resourceType": "Patient"},
    {"resourceType": "Patient", "gender": "female"},
    {"resourceType": "Patient", "gender": "male"},
)


class PrefillReader:
    """Reads one form, reporting through the resolver."""

    def __init__(
        self,
        resolver: Resolver,
        form: Resource,
        names: Mapping[str, NamedFact],
        requirements: Mapping[str, Requirement],
    ) -> None:
        self.resolver = resolver
        self.form = form
        self.requirements = requirements
        self.facts = {name: fact.expression for name, fact in names.items()}
        self.launch = {name for code in self._contexts() for name in CONTEXTS[code]}
        self.variables: dict[str, Expression] = {}
        self._read_variables()

    def prefills(self) -> Iterator[Prefill]:
        """The items that have one, in form order."""
        for item in walk_items(self.form.get("item", ())):
            node = ext.value(item, ext.INITIAL_EXPRESSION)
            if node is not None:
                yield from self._prefill(item, node)

    def _contexts(self) -> Iterator[str]:
        for extension in ext.values(self.form, ext.LAUNCH_CONTEXT):
            code = str((ext.parts(extension).get("name") or {}).get("code"))
            if code in CONTEXTS:
                yield code
            else:
                known = " or ".join(CONTEXTS)
                self.resolver.report(self.form, "launchContext", f"{code!r} is not known: {known}")

    def _read_variables(self) -> None:
        """The form's own named expressions; each may use those before it."""
        for node in ext.values(self.form, ext.VARIABLE):
            name, path = node["name"], f"variable {node['name']}"
            if name in {*self.resolver.allowed, *self.variables, ITEM, FORM}:
                self.resolver.report(self.form, path, "this name is already taken in the content")
                continue
            compiled = self._compile(node, path, {*self.variables, FORM})
            if compiled is not None:
                self.variables[name] = compiled

    def _compile(self, node: Mapping[str, Any], path: str, more: set[str]) -> Expression | None:
        if not node.get("description"):
            self.resolver.report(self.form, path, "needs a description in plain English")
        if node.get("language") != ext.FHIRPATH:
            self.resolver.report(self.form, path, f"language must be {ext.FHIRPATH}")
        compiled = self.resolver.compile(node.get("expression", ""), self.form, path, more)
        if compiled is None:
            return None
        for name in sorted(self._reached(compiled) - self._known(more)):
            message = f"%{name} is not known before the form is answered, or no launchContext"
            self.resolver.report(self.form, path, message)
        return compiled

    def _known(self, more: set[str]) -> set[str]:
        return {*self.launch, *self.requirements, *self.facts, *more}

    def _reached(self, expression: Expression) -> set[str]:
        """Every name an expression rests on, through the facts it names."""
        found: set[str] = set()
        waiting = set(expression.variables)
        while waiting:
            name = waiting.pop()
            found.add(name)
            named = self.facts.get(name) or self.variables.get(name)
            waiting |= (named.variables if named else frozenset()) - found
        return found

    def _prefill(self, item: dict[str, Any], node: Mapping[str, Any]) -> Iterator[Prefill]:
        path = f"item {item['linkId']}.initialExpression"
        for message in _refusals(item):
            self.resolver.report(self.form, path, message)
        source = _source(item)
        if not source:
            self.resolver.report(self.form, path, "needs prefill-source, words for the person")
        expression = self._compile(node, path, {*self.variables, ITEM, FORM})
        if expression is None or not source:
            return
        prefill = Prefill(
            link_id=item["linkId"],
            source=source,
            expression=expression,
            expressions=self._named(item["linkId"]),
            requirements=frozenset(self._reached(expression) & self.requirements.keys()),
            form=self.form["url"],
        )
        for message in self._doubts(prefill, item):
            self.resolver.report(self.form, path, message)
        yield prefill

    def _named(self, link_id: str) -> NamedExpressions:
        quoted = link_id.replace("\\", "\\\\").replace("'", "\\'")
        text = f"%{FORM}.repeat(item).where(linkId = '{quoted}')"
        item = self.resolver.compile(text, self.form, f"item {link_id}", {FORM})
        found = {**self.facts, **self.variables}
        return NamedExpressions(found if item is None else {**found, ITEM: item})

    def _doubts(self, prefill: Prefill, item: Mapping[str, Any]) -> Iterator[str]:
        codes = {o.get("valueCoding", {}).get("code") for o in item.get("answerOption", ())}
        for code in sorted(option_codes(prefill.expression.tree) - codes):
            yield f"the item has no option {code!r}"
        nothing: dict[str, Any] = {key: [] for key in self.requirements}
        for patient in STRANGERS:
            inputs = {**nothing, "patient": patient, "age": None, "encounter": None}
            bindings = prefill.expressions.bind({**inputs, FORM: self.form}, ANY_DAY)
            try:
                answered = bindings.answer(prefill.expression)
            except FhirPathError as error:
                yield f"{error}"
                return
            if answered:
                yield "answers without a chart entry: absence and recorded sex prove nothing"
                return


def _source(item: Mapping[str, Any]) -> dict[str, str]:
    """The words for the person, by language; none when the item has none."""
    words = worded(ext.value(item, "prefill-source", {}))
    return {"": words[CONTENT], **translations(words, CONTENT)} if words[CONTENT] else {}


def _refusals(item: Mapping[str, Any]) -> Iterator[str]:
    if item["type"] in ("group", "display"):
        yield "only a question can be answered"
    if "initial" in item or any("initialSelected" in o for o in item.get("answerOption", ())):
        yield "initial and initialExpression exclude each other"
    if RESTRICTED & {label.get("code") for label in ext.values(item, SECURITY_LABEL)}:
        yield "a restricted item is never answered from the chart"
    if ext.value(item, "answer-valid-for"):
        yield "an item that goes stale before the form does is about now, not about the chart"


def option_codes(tree: nodes.Node) -> set[str]:
    """The codes an expression picks among the options of ``%qitem``."""
    picks = (
        call
        for call in nodes.walk(tree)
        if isinstance(call, nodes.Call) and call.name == "where" and _is_of_item(call.base)
    )
    return {
        node.right.value
        for call in picks
        for argument in call.arguments
        for node in nodes.walk(argument)
        if isinstance(node, nodes.Binary)
        and node.operator == "="
        and node.left == nodes.Member(None, "code")
        and isinstance(node.right, nodes.Literal)
    }


def _is_of_item(node: nodes.Node | None) -> bool:
    return node is not None and nodes.Variable(ITEM) in nodes.walk(node)
