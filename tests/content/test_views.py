"""What an author can get wrong about the views of forms: each is found, and nothing is served."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.content.breaking import FORM, Edit, edit, findings
from tests.support.made_up_forms import add_forms

SEEN, LATER = "questionnaires/visit-seen.json", "questionnaires/visit-later.json"


def without(name: str) -> Edit:
    def change(form: dict[str, Any]) -> None:
        form["extension"] = [e for e in form["extension"] if not e["url"].endswith(f"/{name}")]

    return change


def with_value(name: str, key: str, value: Any) -> Edit:
    def change(form: dict[str, Any]) -> None:
        for one in form["extension"]:
            if one["url"].endswith(f"/{name}"):
                one[key] = value

    return change


def earlier(name: str, key: str, value: Any) -> Edit:
    def change(form: dict[str, Any]) -> None:
        (view,) = (e for e in form["extension"] if e["url"].endswith("/earlier-view"))
        (part,) = (p for p in view["extension"] if p["url"] == name)
        if value is None:
            view["extension"].remove(part)
        else:
            part[key] = value

    return change


def unlabelled(form: dict[str, Any]) -> None:
    parts = next(item for item in form["item"] if item["linkId"] == "parts")
    parts["extension"] = [e for e in parts["extension"] if "sec-label" not in e["url"]]


def copied_from_nowhere(form: dict[str, Any]) -> None:
    parts = next(item for item in form["item"] if item["linkId"] == "parts")
    parts["extension"][-1]["extension"][1]["valueString"] = "zebra"


@pytest.mark.parametrize(
    ("file", "change", "words"),
    [
        (SEEN, without("answers-view"), "a view needs a name"),
        (SEEN, with_value("answers-view", "valueCode", "two words"), "a view needs a name of"),
        (SEEN, with_value("answers-view", "valueCode", "answers"), "the view 'answers' is already"),
        (SEEN, with_value("answers-view", "valueCode", "age"), "the view 'age' has the name of an"),
        (SEEN, with_value("answered-by", "valueCode", "robot"), "a form is answered by one of"),
        (FORM, without("needed-form"), "exactly one form is the needed one"),
        (LATER, earlier("name", "valueCode", "seen"), "the view 'seen' is already"),
        (
            LATER,
            earlier("form", "valueCanonical", "https://x.example/y"),
            "the content has no form",
        ),
        (LATER, earlier("at-most", "", None), "the earlier view needs at-most"),
        (SEEN, unlabelled, "a restricted answer is copied to a restricted item only"),
        (SEEN, copied_from_nowhere, "needs form and item of a form of the content"),
    ],
)
def test_what_is_wrong_with_a_view_is_found(
    file: str, change: Edit, words: str, folder: Path
) -> None:
    add_forms(folder)
    edit(folder, file, change)

    found = findings(folder)

    assert any(one.message.startswith(words) for one in found), found


@pytest.mark.parametrize(
    ("expression", "words"),
    [
        ("%seen.zebra.red", "seen.zebra: the form has no item"),
        ("%seen.skin.green", "seen.skin.green: the item has no such option"),
        ("%past.zebra.yes", "past.zebra: the form has no item"),
        ("%unheard.skin.red", "unheard"),
    ],
)
def test_a_rule_reads_what_a_form_asks(expression: str, words: str, folder: Path) -> None:
    add_forms(folder)
    path = folder / "libraries/dyspareunia-facts.json"
    library = json.loads(path.read_text())
    fact = next(e["valueExpression"] for e in library["extension"] if "valueExpression" in e)
    fact["expression"] = f"({fact['expression']}) or {expression}"
    path.write_text(json.dumps(library))

    assert any(words in str(one) for one in findings(folder))
