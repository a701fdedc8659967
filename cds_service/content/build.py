"""Resolves and compiles the files read into one ``Content``, collecting every finding."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal

from cds_service.content import extensions as ext
from cds_service.content.actions import plan_sources
from cds_service.content.card_plans import CardReader
from cds_service.content.codes import CodeSet, normalise
from cds_service.content.contributions import ContributionReader
from cds_service.content.model import (
    CONTEXT_BUNDLES,
    CodeFilter,
    Content,
    Finding,
    NamedFact,
    Prefill,
    Requirement,
    Resource,
    Since,
    Source,
    Strategy,
    clinical_id,
)
from cds_service.content.prefills import PrefillReader
from cds_service.content.prerequisites import with_prerequisites
from cds_service.content.questionnaires import compile_questionnaire
from cds_service.content.reader import OTHERWISE, ContentFiles
from cds_service.content.resolver import Resolver, categories_of, concepts
from cds_service.content.strategy import StrategyReader
from cds_service.content.value_readings import MAY_QUIET, value_reading
from cds_service.content.views import is_needed, items_of, views_of
from cds_service.fhirpath import FhirPathError, NamedExpressions


class Builder:
    """One build; ``content()`` is None when a finding stands in the way (``resolver.findings``)."""

    def __init__(self, content_files: ContentFiles) -> None:
        self.content_files = content_files
        self.resolver = Resolver(content_files)
        libraries = list(content_files.of_type("Library"))
        self.requirements = {r.id: r for library in libraries for r in self._requirements(library)}
        self.plans = list(content_files.of_type("PlanDefinition"))
        self.names = self._names((*libraries, *self.plans))
        self.override_reasons = override_reasons(content_files)

    def content(self) -> Content | None:
        """Everything resolved, or None after findings that leave something out."""
        parts = self.resolver, self.plans, self.override_reasons
        strategies = StrategyReader(*parts)
        sources = tuple(self._sources(strategies.strategy_plan))
        contributions = ContributionReader(*parts).contributions(sources)
        cards = CardReader(*parts).cards()
        strategy = strategies.strategy()
        forms = sorted(self.content_files.of_type("Questionnaire"), key=is_needed, reverse=True)
        try:
            expressions = NamedExpressions(
                {n: f.expression for n, f in self.names.items()},
                {n: self._owner(f) for n, f in self.names.items()},
            )
        except FhirPathError as error:
            self.resolver.findings.append(Finding("content", "", str(error)))
            return None
        prefills = tuple(p for form in forms for p in self._prefills(form))
        if self.resolver.findings or strategy is None or not forms:
            return None
        touching = with_prerequisites(
            contributions, self.names, self.requirements, self.resolver.prefixes
        )
        return self._assemble(sources, touching, cards, strategy, (forms, prefills), expressions)

    def _prefills(self, form: Resource) -> Iterator[Prefill]:
        return PrefillReader(self.resolver, form, self.names, self.requirements).prefills()

    def _assemble(
        self,
        sources: Any,
        contributions: Any,
        cards: Any,
        strategy: Strategy,
        form: tuple[list[dict[str, Any]], tuple[Prefill, ...]],
        names: Any,
    ) -> Content:
        resources = self.content_files.resources
        forms = tuple(map(compile_questionnaire, form[0]))
        views = views_of(forms)
        return Content(
            version=f"{strategy.plan['version']}+{self.content_files.digest}",
            draft=any(r.get("status") != "active" for r in resources.values()),
            resources=resources,
            forms=forms,
            views=views,
            items=items_of(views.values()),
            prefixes=self.resolver.prefixes,
            prefills=form[1],
            names=self.names,
            expressions=names,
            requirements=self.requirements,
            value_sets=self.resolver.value_sets,
            displays=dict(self._displays()),
            sources=sources,
            contributions=contributions,
            cards=cards,
            strategy=strategy,
            override_reasons=self.override_reasons,
            site_codes={u: frozenset(c) for u, c in self.content_files.site_codes.items()},
            files=self.content_files.files,
            drawings=self.content_files.drawings,
            placeholders=tuple(
                sorted(
                    self.content_files.placeholders - self.content_files.given - OTHERWISE.keys()
                )
            ),
            compiled=tuple(self.resolver.compiled),
        )

    def _owner(self, fact: NamedFact) -> Resource:
        return next(r for r in self.content_files.resources.values() if r["id"] == fact.owner)

    def _names(self, resources: tuple[Resource, ...]) -> dict[str, NamedFact]:
        names: dict[str, NamedFact] = {}
        for resource in resources:
            for variable in ext.values(resource, ext.VARIABLE):
                name, path = variable["name"], f"variable {variable['name']}"
                if name in {*names, *self.resolver.inputs, *self.requirements}:
                    self.resolver.report(
                        resource, path, "this name is already taken in the content"
                    )
                    continue
                expression = self.resolver.compile(variable["expression"], resource, path)
                if expression is not None:
                    text = variable.get("description", "")
                    names[name] = NamedFact(
                        name,
                        text,
                        expression,
                        resource["id"],
                        is_reason=not ext.value(variable, "not-a-reason", False),
                        asks=ext.value(variable, "unknown-asks"),
                        unit=ext.value(variable, "number-unit", ""),
                        counts_hidden=ext.value(variable, "counts-hidden", False),
                    )
        return names

    def _requirements(self, library: Resource) -> Iterator[Requirement]:
        for node in library.get("dataRequirement", ()):
            path = f"dataRequirement {node.get('id')}"
            filters = tuple(
                f for f in (self._filter(c, library, path) for c in node["codeFilter"]) if f
            )
            dates = node.get("dateFilter", ())
            duration = dates[0]["valueDuration"] if dates else None
            window = self._window(duration, library, path) if duration else None
            if len(dates) > 1:
                self.resolver.report(
                    library, path, "one dateFilter at most: the others would not be read"
                )
            tag = ext.value(dates[0], "evidence-tag") if dates else None
            if filters:
                yield Requirement(
                    id=node["id"],
                    type=node["type"],
                    filters=filters,
                    window=window,
                    limit=node.get("limit"),
                    tag=tag,
                    quotable=not ext.value(node, "never-quoted", False),
                    reading=value_reading(node, library, self.resolver),
                    context=self._context(node, library, path),
                    may_quiet=ext.value(node, MAY_QUIET),
                    since=self._since(node, library, path),
                    short_name=ext.value(node, "short-name", ""),
                    is_vital_sign=ext.value(node, "vital-sign", False),
                )

    def _context(self, node: dict[str, Any], library: Resource, path: str) -> str | None:
        name: str | None = ext.value(node, "hook-context")
        if name is not None and name not in CONTEXT_BUNDLES:
            self.resolver.report(
                library, path, f"hook-context is one of: {', '.join(CONTEXT_BUNDLES)}"
            )
        return name

    def _since(self, node: dict[str, Any], library: Resource, path: str) -> Since | None:
        extension = ext.value(node, "since")
        if extension is None:
            return None
        known = {n["id"] for n in library.get("dataRequirement", ())}
        others = tuple(p["valueString"] for p in extension["extension"] if "valueString" in p)
        if not others or not known.issuperset(others):
            self.resolver.report(
                library, f"{path}.since", "names no dataRequirement of the library"
            )
            return None
        result = ext.parts(extension).get("result")
        if result is not None:
            self.resolver.resolve(result, library, f"{path}.since")
        return Since(others, result)

    def _window(
        self, duration: dict[str, Any], library: Resource, path: str
    ) -> tuple[int, Literal["d", "h"]] | None:
        whole = int(duration["value"])
        if whole == duration["value"] and duration["code"] in ("h", "d"):
            return whole, duration["code"]
        self.resolver.report(library, path, "a look-back is a whole number of h or d")
        return None

    def _filter(self, node: dict[str, Any], library: Resource, path: str) -> CodeFilter | None:
        absent = ext.value(node, "filter-allows-absent", False)
        url = node.get("valueSet")
        if url is None:
            codes = CodeSet(normalise(c.get("system"), c["code"]) for c in node["code"])
            return CodeFilter(node["path"], codes, None, absent)
        if self.resolver.resolve(url, library, path) is None:
            return None
        return CodeFilter(node["path"], self.resolver.value_sets[url], url, absent)

    def _sources(self, strategy: Resource | None) -> Iterator[Source]:
        """Causes and flags in the strategy's order; plans it does not list come last."""
        order = {url: i for i, url in enumerate(dict.fromkeys(listed_plans(strategy)))}
        causes = [p for p in self.plans if "/causes/" in self.content_files.files[p["url"]]]
        cards = [p for p in self.plans if "/cards/" in self.content_files.files[p["url"]]]
        others = [p for p in self.plans if p not in (*causes, *cards) and p is not strategy]
        flags = [p for p in others if p["url"] in order]
        for plan in others:
            if plan["url"] not in order:
                self.resolver.report(
                    plan, "", "the strategy does not list this plan: it would never run"
                )
        ranked = sorted(
            (*causes, *flags), key=lambda p: (order.get(p["url"], len(order)), clinical_id(p))
        )
        place = 0
        for plan in ranked:
            for identifier, title, node in plan_sources(plan):
                name = identifier.replace("_", "")  # a FHIR name holds no underscore
                rule = name if name in self.names else None
                named = ext.value(node, "short-title", "")
                yield Source(identifier, title, plan, rule, place, named)
                place += 1

    def _displays(self) -> Iterator[tuple[tuple[str, str], str]]:
        for value_set in self.content_files.of_type("ValueSet"):
            for system, code in self.content_files.site_codes.get(value_set["url"], ()):
                yield normalise(system, code), value_set["title"]
            for category in categories_of(value_set):
                yield category, value_set["title"]
        for value_set in self.content_files.of_type("ValueSet"):
            for system, concept in concepts(value_set):
                yield normalise(system, concept["code"]), concept.get("display", concept["code"])


def override_reasons(content_files: ContentFiles) -> dict[str, dict[str, str]]:
    """Codings of the override-reasons code system, by code."""
    url = f"{content_files.base}/CodeSystem/override-reasons"
    concepts = content_files.resources.get(url, {}).get("concept", ())
    return {
        c["code"]: {"code": c["code"], "system": url, "display": c["display"]} for c in concepts
    }


def listed_plans(strategy: Resource | None) -> Iterator[str]:
    """Canonicals of the plans the strategy lists, in order."""
    for moment in (strategy or {}).get("action", ()):
        for group in moment.get("action", ()):
            for action in group.get("action", ()):
                if "definitionCanonical" in action:
                    yield action["definitionCanonical"]
