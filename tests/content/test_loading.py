"""Files that cannot be read, are missing or are not linked; where content is found; its version."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from cds_service import create_app
from cds_service.authoring.check import load_for_check
from cds_service.authoring.expectations import mismatches
from cds_service.authoring.vignettes import Vignettes, case_for
from cds_service.content import ContentError, find_root, load_content
from cds_service.content.reader import FOLDERS
from cds_service.hooks.pipeline import Pipeline
from tests.support.clinic import INTAKE_URL, ROOT, settings_in

from .breaking import (
    CANONICAL_BASE,
    CARD,
    CAUSE,
    FACTS,
    FORM,
    ORDER,
    SET,
    STRATEGY,
    Broken,
    edit,
    find,
    findings,
    item,
    put,
    without,
)

BROKEN: list[Broken] = [
    ("not-fhir", CAUSE, put("status", 5), CAUSE, "status", "not valid FHIR R4"),
    ("unknown-element", CAUSE, put("zebra", "x"), CAUSE, "zebra", "not valid FHIR R4"),
    ("wrong-folder", CAUSE, put("resourceType", "Library"), CAUSE, "resourceType", "must be a"),
    ("id-is-not-the-file", CAUSE, put("id", "another"), CAUSE, "id", "must be the file's name"),
    ("url-is-not-the-file", CAUSE, put("url", f"{CANONICAL_BASE}/x"), CAUSE, "url", "must be http"),
]


@pytest.mark.parametrize("broken", BROKEN, ids=[name for name, *_ in BROKEN])
def test_what_is_wrong_is_found_where_it_is(broken: Broken, folder: Path) -> None:
    find(broken, folder)


@pytest.mark.parametrize(
    ("file", "text", "path"),
    [
        (CAUSE, "{", "line 1"),
        (CAUSE, '{\n"a": zebra\n}', "line 2"),
        (CAUSE, "", "line 1"),
        (CAUSE, "[]", "resourceType"),
        (SET, "null", "resourceType"),
    ],
)
def test_a_file_that_is_no_json_object_is_found(
    file: str, text: str, path: str, folder: Path
) -> None:
    (folder / file).write_text(text)

    assert (file, path) in {(f.file, f.path) for f in findings(folder)}


def test_a_url_used_twice_is_found(folder: Path) -> None:
    shutil.copy(folder / CAUSE, folder / "plan_definitions/cards" / Path(CAUSE).name)

    assert any("already used by" in f.message and f.path == "url" for f in findings(folder))


@pytest.mark.parametrize(
    ("file", "words"),
    [(ORDER, "no card suggests this order"), (SET, "no chart key uses this value set")],
)
def test_what_nothing_refers_to_is_found(file: str, words: str, folder: Path) -> None:
    copy = f"{Path(file).parent}/zebra.json"
    shutil.copy(folder / file, folder / copy)
    kind = json.loads((folder / copy).read_text())["resourceType"]
    edit(folder, copy, put("id", "zebra"))
    edit(folder, copy, put("url", f"{CANONICAL_BASE}/{kind}/zebra"))

    assert (copy, words) in {(f.file, f.message) for f in findings(folder)}


@pytest.mark.parametrize("name", FOLDERS)
def test_an_empty_folder_is_found(name: str, folder: Path) -> None:
    for path in (folder / name).rglob("*.json"):
        path.unlink()

    assert (name, "no JSON file found in this folder") in {
        (f.file, f.message) for f in findings(folder)
    }


@pytest.mark.parametrize("file", [SET, CARD, ORDER, FACTS, FORM, STRATEGY])
def test_a_missing_file_is_found_by_whoever_needs_it(file: str, folder: Path) -> None:
    (folder / file).unlink()

    assert findings(folder)


def test_bad_content_is_never_served(folder: Path) -> None:
    edit(folder, CAUSE, without("usage"))

    with pytest.raises(ContentError, match="1 finding"):
        create_app(settings_in(folder, content=folder))


def test_a_folder_that_holds_no_content_is_named(tmp_path: Path) -> None:
    (tmp_path / "value_sets").mkdir()

    with pytest.raises(ContentError) as caught:
        find_root(tmp_path)

    (finding,) = caught.value.findings
    assert finding.file == str(tmp_path)
    assert "plan_definitions" in finding.message
    assert "value_sets" not in finding.message
    assert "CDS_CONTENT" in finding.message


def test_the_content_of_the_checkout_is_found_without_a_setting() -> None:
    assert find_root() == ROOT


def test_a_copy_has_the_same_version_and_a_change_another(folder: Path) -> None:
    shutil.copytree(folder, folder / "copy")
    first_version = load_content(folder).version

    same = load_content(folder / "copy").version
    edit(folder, CAUSE, put("description", "Other words."))
    other = load_content(folder).version

    assert same == first_version
    assert other != first_version


def test_everything_wrong_is_told_at_once(folder: Path) -> None:
    edit(folder, CAUSE, without("usage"))
    edit(folder, CARD, without("publisher"))
    edit(folder, SET, lambda d: d["compose"]["include"][0]["concept"][0].update(code="129103004"))
    edit(folder, FORM, lambda d: item(d, "dryother").pop("enableBehavior"))

    found = {(f.file, f.path) for f in findings(folder)}

    assert {(CAUSE, "usage"), (CARD, "publisher")} <= found


# -- another publisher ---------------------------------------------------------------------


OTHER = "https://terminology.brook-clinic.example/r4"


@pytest.fixture
def elsewhere(folder: Path) -> Path:
    """The content as another publisher would serve it: another canonical base and name."""
    for path in folder.rglob("*.json"):
        text = path.read_text(encoding="utf-8").replace(CANONICAL_BASE, OTHER)
        path.write_text(text.replace("Dyspareunia CDS project", "Brook Clinic"), encoding="utf-8")
    return folder


def test_content_of_another_publisher_is_served_alike(
    elsewhere: Path, vignettes: Vignettes
) -> None:
    content = load_content(elsewhere)

    pipeline = Pipeline(content, INTAKE_URL)
    people = vignettes.people[::20]
    different = [
        words
        for person in people
        for case in (case_for(person, vignettes.defaults, pipeline),)
        for words in mismatches(person.expect, case.found)
    ]
    assert len(people) > 10
    assert different == []
    assert content.questionnaire.url.startswith(OTHER)
    assert content.override_reasons


def test_an_extension_of_another_publisher_is_found(folder: Path) -> None:
    mark = {"url": f"{OTHER}/StructureDefinition/never-suppressed", "valueBoolean": True}
    edit(folder, CARD, lambda d: d.setdefault("extension", []).append(mark))

    (finding,) = [f for f in findings(folder) if "begins with" in f.message]
    assert finding.file == CARD
    assert CANONICAL_BASE in finding.message


def test_an_unforeseen_shape_ends_the_start_and_is_a_finding_of_check(
    folder: Path,
) -> None:
    def untold(document: dict[str, Any]) -> None:
        notes = [a for m in document["action"] for g in m["action"] for a in g["action"]]
        note = next(a for a in notes if "textEquivalent" in a)
        note["title"] = note.pop("textEquivalent")

    edit(folder, STRATEGY, untold)

    with pytest.raises(KeyError, match="textEquivalent"):
        load_content(folder)
    with pytest.raises(ContentError) as caught:
        load_for_check(folder)
    (finding,) = caught.value.findings
    assert finding.path.startswith("strategy.py:")
    assert "textEquivalent" in finding.message
