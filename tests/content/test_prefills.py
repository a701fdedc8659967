"""What the form may not ask of the chart is a finding when the content is loaded."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest

from cds_service.content import extensions as ext
from cds_service.content.build import Builder
from cds_service.content.model import Prefill
from cds_service.content.prefills import PrefillReader
from cds_service.content.reader import read_folder
from cds_service.fhir.questionnaire_response.form import SECURITY_LABEL
from tests.support.clinic import FORM, ROOT

from .breaking import CANONICAL_BASE

Item = dict[str, Any]
PICK = "%qitem.answerOption.value.ofType(Coding)"


@pytest.fixture(scope="module")
def builder() -> Builder:
    return Builder(read_folder(ROOT, {}))


@pytest.fixture
def form(builder: Builder) -> dict[str, Any]:
    """A copy of the form, to be broken; what was found before is forgotten."""
    builder.resolver.findings.clear()
    return copy.deepcopy(builder.content_files.resources[FORM])


def item(form: dict[str, Any], link_id: str) -> Item:
    return next(i for i in form["item"] if i["linkId"] == link_id)


def asks(node: Item, expression: str, **more: Any) -> None:
    """Gives an item an initialExpression in place of its own."""
    kept = [e for e in node.get("extension", ()) if e["url"] != ext.INITIAL_EXPRESSION]
    node["extension"] = [
        *kept,
        {
            "url": f"{CANONICAL_BASE}/StructureDefinition/prefill-source",
            "extension": [{"url": "content", "valueString": "your chart"}],
        },
        {
            "url": ext.INITIAL_EXPRESSION,
            "valueExpression": {
                "description": "Made up.",
                "language": "text/fhirpath",
                "expression": expression,
                **more,
            },
        },
    ]


def read(builder: Builder, form: dict[str, Any]) -> tuple[list[Prefill], list[str]]:
    reader = PrefillReader(builder.resolver, form, builder.names, builder.requirements)
    prefills = list(reader.prefills())
    return prefills, [f"{finding.path}: {finding.message}" for finding in builder.resolver.findings]


def test_our_own_form_has_none(builder: Builder, form: dict[str, Any]) -> None:
    prefills, findings = read(builder, form)

    assert findings == []
    assert prefills


def test_no_prefill_rests_on_an_answer_or_is_restricted(
    builder: Builder, form: dict[str, Any]
) -> None:
    prefills, _ = read(builder, form)
    nodes = [item(form, prefill.link_id) for prefill in prefills]

    assert not any(list(ext.values(node, SECURITY_LABEL)) for node in nodes)
    assert not any(ext.value(node, "answer-valid-for") for node in nodes)


# -- what is refused ------------------------------------------------------------------------


def chosen(when: str) -> str:
    return f"{PICK}.where(code = 'antidep' and {when})"


REFUSED: dict[str, tuple[Callable[[dict[str, Any]], Any], str]] = {
    "a-typing-error": (
        lambda f: asks(item(f, "meds"), chosen("%antidepresant.exists()")),
        "unknown variable %antidepresant",
    ),
    "broken-syntax": (lambda f: asks(item(f, "meds"), "%antidepressant ="), "expected"),
    "another-language": (
        lambda f: asks(item(f, "meds"), chosen("%antidepressant.exists()"), language="text/cql"),
        "language must be text/fhirpath",
    ),
    "no-description": (
        lambda f: asks(item(f, "meds"), chosen("%antidepressant.exists()"), description=""),
        "needs a description in plain English",
    ),
    "an-option-that-is-not-there": (
        lambda f: asks(item(f, "meds"), f"{PICK}.where(code = 'pills' and %ptsd.exists())"),
        "the item has no option 'pills'",
    ),
    "absence-taken-for-an-answer": (
        lambda f: asks(item(f, "meds"), f"{PICK}.where(code = 'none' and %antidepressant.empty())"),
        "answers without a chart entry",
    ),
    "recorded-sex-taken-for-an-answer": (
        lambda f: asks(item(f, "meds"), chosen("%patient.gender = 'male'")),
        "answers without a chart entry",
    ),
    "an-answer-of-the-same-form": (
        lambda f: asks(item(f, "meds"), chosen("%answers.dry.most and %ptsd.exists()")),
        "%answers is not known before the form is answered",
    ),
    "a-fact-that-rests-on-answers": (
        lambda f: asks(item(f, "meds"), chosen("%hasUterus and %ptsd.exists()")),
        "%answers is not known before the form is answered",
    ),
    "a-context-that-is-not-declared": (
        lambda f: asks(item(f, "meds"), chosen("%encounter.exists() and %ptsd.exists()")),
        "%encounter is not known before the form is answered, or no launchContext",
    ),
    "a-context-nobody-can-pass": (
        lambda f: f["extension"].append(
            {
                "url": ext.LAUNCH_CONTEXT,
                "extension": [{"url": "name", "valueCoding": {"code": "study"}}],
            }
        ),
        "'study' is not known: patient or encounter",
    ),
    "a-restricted-item": (
        lambda f: asks(
            item(f, "organs"), f"{PICK}.where(code = 'ovary' and %ovarianCyst.exists())"
        ),
        "a restricted item is never answered from the chart",
    ),
    "a-red-flag": (
        lambda f: asks(item(f, "rfgen"), f"{PICK}.where(code = 'fever' and %ptsd.exists())"),
        "is about now, not about the chart",
    ),
    "a-fixed-text": (
        lambda f: asks(item(f, "opening"), "%ptsd.exists()"),
        "only a question can be answered",
    ),
    "two-first-answers": (
        lambda f: item(f, "meds")["answerOption"][0].update(initialSelected=True),
        "initial and initialExpression exclude each other",
    ),
    "no-words-for-the-person": (
        lambda f: item(f, "meds").update(
            extension=[
                e for e in item(f, "meds")["extension"] if not e["url"].endswith("prefill-source")
            ]
        ),
        "needs prefill-source, words for the person",
    ),
    "a-name-that-is-taken": (
        lambda f: f["extension"].append(
            {
                "url": ext.VARIABLE,
                "valueExpression": {"name": "ptsd", "expression": "1"},
            }
        ),
        "this name is already taken in the content",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_it_is_a_finding(name: str, builder: Builder, form: dict[str, Any]) -> None:
    change, words = REFUSED[name]
    change(form)

    _, findings = read(builder, form)

    assert [f for f in findings if words in f], findings


def test_a_form_may_name_expressions_of_its_own(builder: Builder, form: dict[str, Any]) -> None:
    for name, text in (("calm", "%antidepressant.exists()"), ("calmer", "%calm")):
        expression = {
            "name": name,
            "description": "Made up.",
            "language": "text/fhirpath",
            "expression": text,
        }
        form["extension"].append({"url": ext.VARIABLE, "valueExpression": expression})
    asks(item(form, "meds"), chosen("%calmer"))

    prefills, findings = read(builder, form)

    assert findings == []
    supporting = {p.link_id: p.requirements for p in prefills}["meds"]
    assert supporting == {"antidepressantRequest", "antidepressantStatement"}
