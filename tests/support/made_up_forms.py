"""Two made-up forms beside the content's own: what somebody saw, and how it is later."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

from cds_service.content import FOLDERS
from cds_service.fhir.questionnaire_response.form import SECURITY_LABEL
from tests.support.clinic import FORM, ROOT

BASE = "https://dyspareunia-cds.example/fhir"
SEEN, LATER = f"{BASE}/Questionnaire/visit-seen", f"{BASE}/Questionnaire/visit-later"
CONTROL = "http://hl7.org/fhir/StructureDefinition/questionnaire-itemControl"
CODES = f"{BASE}/CodeSystem/visit-seen"


def copy_content(folder: Path) -> Path:
    """Copies the content folders."""
    for name in FOLDERS:
        shutil.copytree(ROOT / name, folder / name)
    return folder


def add_forms(folder: Path) -> None:
    """Writes the two forms into a copy of the content."""
    for form in (seen(), later()):
        path = folder / "questionnaires" / f"{form['id']}.json"
        path.write_text(json.dumps(form), encoding="utf-8")


def extension(name: str, **value: Any) -> dict[str, Any]:
    """An extension of the dialect: one value, or nested parts."""
    return {"url": f"{BASE}/StructureDefinition/{name}", **value}


def hours(name: str, value: int, url: str | None = None) -> dict[str, Any]:
    """A Duration in hours."""
    duration = {"value": value, "unit": "h", "system": "http://unitsofmeasure.org", "code": "h"}
    made = extension(name, valueDuration=duration)
    return {**made, "url": url} if url else made


def _form(url: str, title: str, extensions: list[Any], items: list[Any]) -> dict[str, Any]:
    name = url.rpartition("/")[2]
    return {
        "resourceType": "Questionnaire",
        "id": name,
        "extension": extensions,
        "url": url,
        "version": "1",
        "name": "".join(word.title() for word in name.split("-")),
        "title": title,
        "status": "draft",
        "experimental": True,
        "subjectType": ["Patient"],
        "date": "2026-11-01",
        "publisher": "A made-up publisher",
        "description": "A made-up form of a test.",
        "item": items,
    }


def choice(link_id: str, *codes: str, **more: Any) -> dict[str, Any]:
    """A question with one answer."""
    control = {"coding": [{"code": "radio-button"}]}
    return {
        "linkId": link_id,
        "extension": [
            {"url": CONTROL, "valueCodeableConcept": control},
            extension("short-label", valueString=f"the {link_id}"),
        ],
        "text": f"{link_id.title()}?",
        "type": "choice",
        "answerOption": [
            {"valueCoding": {"system": CODES, "code": code, "display": code.title()}}
            for code in codes
        ],
        **more,
    }


def seen() -> dict[str, Any]:
    """What a professional saw: 48 hours, or in the same encounter."""
    skin = choice("skin", "red", "plain")
    spot = choice(
        "spot",
        "large",
        "small",
        enableWhen=[
            {"question": "skin", "operator": "=", "answerCoding": {"system": CODES, "code": "red"}}
        ],
    )
    label = {"system": "http://terminology.hl7.org/CodeSystem/v3-Confidentiality", "code": "R"}
    source = [{"url": "form", "valueCanonical": FORM}, {"url": "item", "valueString": "organs"}]
    parts = choice("parts", "uterus", "penis", "tail", repeats=True)
    parts["extension"] += [
        {"url": SECURITY_LABEL, "valueCoding": label},
        extension("prefill-from", extension=source),
    ]
    parts["extension"][0] = {
        "url": CONTROL,
        "valueCodeableConcept": {"coding": [{"code": "check-box"}]},
    }
    group = {"linkId": "looks", "text": "Looks", "type": "group", "item": [spot]}
    extensions = [
        extension("answers-view", valueCode="seen"),
        extension("answered-by", valueCode="professional"),
        extension("valid-in-same-encounter", valueBoolean=True),
        extension("quote-heading", valueString="Seen on {date}"),
        hours("answer-valid-for", 48),
    ]
    return _form(SEEN, "What was seen", extensions, [skin, group, parts])


def later() -> dict[str, Any]:
    """How it is later: looks back at the content's own form."""
    earlier = [
        {"url": "name", "valueCode": "past"},
        {"url": "form", "valueCanonical": FORM},
        hours("", 100, "at-least"),
        hours("", 1000, "at-most"),
    ]
    extensions = [
        extension("answers-view", valueCode="later"),
        extension("earlier-view", extension=earlier),
        hours("answer-valid-for", 100),
    ]
    label = [extension("short-label", valueString="pain now")]
    pain = {"linkId": "sev", "extension": label, "text": "Pain?", "type": "integer"}
    return _form(LATER, "Later", extensions, [pain])
