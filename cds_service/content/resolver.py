"""Looks up and compiles what content refers to, and collects the findings of one build."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any

from cds_service.content import extensions as ext
from cds_service.content.codes import HIERARCHICAL, CodeSet, Key, canonical_system, normalise
from cds_service.content.model import INPUTS, Finding, Resource
from cds_service.content.reader import ContentFiles
from cds_service.content.views import declared_inputs, prefixes
from cds_service.fhirpath import Expression, FhirPathError, compile_expression


class Resolver:
    """Shared by all readers of one build. ``findings`` grows; ``compiled`` holds every expression
    with its file and path; ``allowed`` are the variable names that expressions may use."""

    def __init__(self, content_files: ContentFiles) -> None:
        self.content_files = content_files
        self.findings: list[Finding] = []
        self.compiled: list[tuple[Expression, str, str]] = []
        self.value_sets = {
            r["url"]: value_set_codes(r, content_files.site_codes.get(r["url"], ()))
            for r in content_files.of_type("ValueSet")
        }
        forms = list(content_files.of_type("Questionnaire"))
        self.prefixes = prefixes(forms)  # of the views, by name
        self.inputs = {*INPUTS, *declared_inputs(forms)}
        self.allowed = {*self.inputs, *_declared(content_files)}

    def compile(
        self, text: str, resource: Resource, path: str, more: Collection[str] = ()
    ) -> Expression | None:
        """Compiles one expression; what is refused becomes a finding and None. ``more`` are names
        it may use beside those of all content."""
        allowed = {*self.allowed, *more}
        try:
            expression = compile_expression(text, allowed, value_sets=self.value_sets)
        except FhirPathError as error:
            self.report(resource, path, f"{error}")
            return None
        self.compiled.append((expression, self.content_files.files[resource["url"]], path))
        return expression

    def report(self, resource: Resource, path: str, message: str) -> None:
        """Records a finding at a path of a resource."""
        self.findings.append(Finding(self.content_files.files[resource["url"]], path, message))

    def resolve(self, canonical: str, resource: Resource, path: str) -> Resource | None:
        """The content resource behind ``url`` or ``url|version``; a dangling one is a finding."""
        url, _, version = canonical.partition("|")
        target = self.content_files.resources.get(url)
        if target is None or (version and version != target.get("version")):
            self.report(resource, path, f"nothing in the content is {canonical}")
            return None
        return target


def _declared(content_files: ContentFiles) -> Iterator[str]:
    """The names of all data requirements, and of all named expressions of libraries and plans."""
    for library in content_files.of_type("Library"):
        yield from (node["id"] for node in library.get("dataRequirement", ()))
    for resource in (*content_files.of_type("Library"), *content_files.of_type("PlanDefinition")):
        yield from (variable["name"] for variable in ext.values(resource, ext.VARIABLE))


def concepts(value_set: Mapping[str, Any]) -> Iterator[tuple[str, dict[str, str]]]:
    """Every (system, concept) a value set enumerates, or holds in its pinned expansion."""
    for include in value_set.get("compose", {}).get("include", ()):
        for concept in include.get("concept", ()):
            yield include["system"], concept
    for member in value_set.get("expansion", {}).get("contains", ()):
        yield member["system"], member


def categories_of(value_set: Mapping[str, Any], part: str = "include") -> Iterator[Key]:
    """Yields (system, category) of every filter ``concept is-a`` of a part of ``compose``."""
    for node in value_set.get("compose", {}).get(part, ()):
        for condition in node.get("filter", ()):
            if canonical_system(node["system"]) in HIERARCHICAL:
                yield normalise(node["system"], condition["value"])


def value_set_codes(value_set: Resource, site_codes: Iterable[Key] = ()) -> CodeSet:
    """Returns the codes a value set enumerates, those a site adds, and the categories it includes
    and excludes."""
    written = (*((system, c["code"]) for system, c in concepts(value_set)), *site_codes)
    return CodeSet(
        (normalise(system, code) for system, code in written),
        categories_of(value_set),
        categories_of(value_set, "exclude"),
    )
