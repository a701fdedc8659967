"""Files that cannot be read, are missing or are not linked; where content is found; its version."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from cds_service import create_app
from cds_service.content import ContentError, find_root, load_content
from cds_service.content.reader import CANONICAL_BASE, FOLDERS
from tests.support.clinic import ROOT, settings_in

from .breaking import (
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
