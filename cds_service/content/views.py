"""The views of the forms: by which names rules read their answers
(manual: ``questionnaires/README.md``).

Each Questionnaire names its own view, and may declare another one on earlier answers to some form;
the needed form also one on what was ticked in it and never sent.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from cds_service.content import extensions as ext
from cds_service.content.model import (
    INPUTS,
    AnsweredBy,
    Finding,
    Question,
    Questionnaire,
    Resource,
    View,
    view_inputs,
)
from cds_service.content.questionnaires import walk_items
from cds_service.content.reader import ContentFiles
from cds_service.fhir.questionnaire_response.form import RESTRICTED, SECURITY_LABEL

VIEW, NEEDED = "answers-view", "needed-form"
EARLIER, UNFINISHED = "earlier-view", "unfinished-view"
ANSWERED_BY = "answered-by"
SAME_ENCOUNTER, HEADING = "valid-in-same-encounter", "quote-heading"
NAME = re.compile(r"[A-Za-z][A-Za-z0-9]*")  # a name of FHIRPath that needs no backticks
EARLIER_PARTS = ("name", "form", "at-least", "at-most")


def view_name(form: Resource) -> str:
    """The name of a form's own view; empty without one."""
    return str(ext.value(form, VIEW, ""))


def is_needed(form: Resource) -> bool:
    """Checks whether a response to this form that cannot be read stops the call."""
    return ext.value(form, NEEDED, False) is True


def declared_names(forms: Iterable[Resource]) -> Iterator[tuple[str, bool]]:
    """The name of every view, and whether it is a derived one."""
    for form in forms:
        yield view_name(form), False
        for name in (*ext.values(form, EARLIER), *ext.values(form, UNFINISHED)):
            yield str(ext.parts(name).get("name", "")), True


def view_forms(forms: Iterable[Resource]) -> Iterator[tuple[str, Resource]]:
    """Every view, derived ones included, with the form whose answers it has."""
    forms = list(forms)
    by_url = {form["url"]: form for form in forms}
    for form in forms:
        yield view_name(form), form
        for parts in map(ext.parts, ext.values(form, EARLIER)):
            yield parts["name"], by_url[parts["form"].partition("|")[0]]
        for parts in map(ext.parts, ext.values(form, UNFINISHED)):
            yield parts["name"], form


def declared_inputs(forms: Iterable[Resource]) -> Iterator[str]:
    """The names that the views give to expressions."""
    for name, is_derived in declared_names(forms):
        yield from view_inputs(name, is_derived=is_derived)


def prefix_of(view: str, needed: str) -> str:
    """Returns the text that stands before a linkId of a view."""
    return "" if view == needed else f"{view}."


def prefixes(forms: Iterable[Resource]) -> dict[str, str]:
    """The prefix of every view that forms declare, by name."""
    forms = list(forms)
    needed = next((view_name(form) for form in forms if is_needed(form)), "")
    return {name: prefix_of(name, needed) for name, _ in declared_names(forms)}


def views_of(forms: Iterable[Questionnaire]) -> dict[str, View]:
    """The views of forms, the needed one first and derived ones last."""
    forms = list(forms)
    needed = forms[0].view
    own = {f.view: View(f.view, f, prefix_of(f.view, needed), f.heading) for f in forms}
    by_url = {form.url: form for form in forms}
    derived = (
        _earlier(form, ext.parts(extension), by_url)
        for form in forms
        for extension in ext.values(form.resource, EARLIER)
    )
    begun = (
        _unfinished(form, ext.parts(extension))
        for form in forms
        for extension in ext.values(form.resource, UNFINISHED)
    )
    return {**own, **{view.name: view for view in (*derived, *begun)}}


def _earlier(
    form: Questionnaire, parts: Mapping[str, Any], forms: Mapping[str, Questionnaire]
) -> View:
    source = forms[str(parts["form"]).partition("|")[0]]
    return View(
        name=parts["name"],
        form=source,
        prefix=prefix_of(parts["name"], ""),
        heading=parts.get("heading") or source.heading,
        earlier_than=form.view,
        least_hours=ext.hours(parts["at-least"]),
        most_hours=ext.hours(parts["at-most"]),
    )


def items_of(views: Iterable[View]) -> dict[str, Question]:
    """The questions of all views by path, in the order of views and forms."""
    return {
        f"{view.prefix}{link_id}": replace(question, view=view.name)
        for view in views
        for link_id, question in view.form.items.items()
    }


def _unfinished(form: Questionnaire, parts: Mapping[str, Any]) -> View:
    name, heading = parts["name"], parts.get("heading") or form.heading
    return View(name, form, prefix_of(name, ""), heading, is_unfinished=True)


# -- what an author can get wrong ---------------------------------------------------------------


def view_findings(content_files: ContentFiles) -> Iterator[Finding]:
    """Views without a name or with one name, and marks that cannot be read."""
    forms, files = list(content_files.of_type("Questionnaire")), content_files.files
    seen: dict[str, str] = {}
    for form in forms:
        file = files[form["url"]]
        yield from _marks(form, file, {one["url"] for one in forms})
        for name, _ in declared_names([form]):
            if not NAME.fullmatch(name):
                message = "a view needs a name of letters and digits, by which rules read it"
                yield Finding(file, VIEW, message)
            elif name in seen:
                yield Finding(file, VIEW, f"the view {name!r} is already in {seen[name]}")
            elif name in INPUTS:
                yield Finding(file, VIEW, f"the view {name!r} has the name of an input of rules")
            seen.setdefault(name, file)
    yield from _copies(forms, files)
    needed = [form for form in forms if is_needed(form)]
    if forms and len(needed) != 1:
        message = f"exactly one form is the needed one of the content, not {len(needed)}"
        yield Finding("questionnaires", NEEDED, message)


def _copies(forms: list[dict[str, Any]], files: Mapping[str, str]) -> Iterator[Finding]:
    """Items copied from another form: they must be there, and no less restricted."""
    items = {(f["url"], i["linkId"]): i for f in forms for i in walk_items(f.get("item", ()))}
    for (url, link_id), item in items.items():
        extension = ext.value(item, "prefill-from")
        if extension is None:
            continue
        parts, path = ext.parts(extension), f"item {link_id}.prefill-from"
        source = items.get((str(parts.get("form")).partition("|")[0], str(parts.get("item"))))
        if source is None:
            yield Finding(files[url], path, "needs form and item of a form of the content")
        elif _is_restricted(source) and not _is_restricted(item):
            message = "a restricted answer is copied to a restricted item only"
            yield Finding(files[url], path, message)


def _is_restricted(item: Mapping[str, Any]) -> bool:
    return bool(RESTRICTED & {label.get("code") for label in ext.values(item, SECURITY_LABEL)})


def _marks(form: Resource, file: str, urls: set[str]) -> Iterator[Finding]:
    answered_by = ext.value(form, ANSWERED_BY)
    if answered_by is not None and answered_by not in list(AnsweredBy):
        yield Finding(file, ANSWERED_BY, f"a form is answered by one of: {', '.join(AnsweredBy)}")
    if ext.value(form, UNFINISHED) is not None and not is_needed(form):
        yield Finding(file, UNFINISHED, "only the needed form has a view on one not finished")
    for parts in map(ext.parts, ext.values(form, EARLIER)):
        missing = [name for name in EARLIER_PARTS if name not in parts]
        if missing:
            yield Finding(file, EARLIER, f"the earlier view needs {', '.join(missing)}")
        elif str(parts["form"]).partition("|")[0] not in urls:
            yield Finding(file, EARLIER, f"the content has no form {parts['form']}")
