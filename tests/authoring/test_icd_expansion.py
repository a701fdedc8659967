"""The pinned lists of ICD-10-CM: those of the release that is installed, and loud when not."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from cds_service.authoring.icd_expansion import (
    differences,
    expansion_findings,
    expansions,
    read_release,
    write_expansions,
)
from cds_service.cli import main
from cds_service.content import FOLDERS, Content
from tests.support.clinic import ROOT

ENDOMETRIOSIS = "value_sets/expanded/endometriosis.tsv"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in FOLDERS:
        shutil.copytree(ROOT / name, tmp_path / name)
    return tmp_path


def test_the_pinned_lists_are_those_of_the_release(content: Content) -> None:
    assert expansion_findings(content, ROOT) == []


def test_exceptions_are_not_listed(content: Content) -> None:
    release = read_release()
    assert release is not None

    listed = expansions(content, release)["endometriosis"]

    assert "N80.03\tAdenomyosis of the uterus" not in listed
    assert any(line.startswith("N80.00\t") for line in listed)


def test_a_new_year_is_a_difference_for_people_to_read(
    content: Content, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = folder / ENDOMETRIOSIS
    lines = path.read_text(encoding="utf-8").splitlines()
    path.write_text(
        "\n".join([*lines[:-1], "N80.ZZ\tA code of another year", ""]), encoding="utf-8"
    )

    status = main(["check", "--content", str(folder), "--quick"])

    printed = capsys.readouterr().out
    assert status == 1
    assert f"{ENDOMETRIOSIS}: no longer in ICD-10-CM: N80.ZZ\tA code of another year" in printed
    assert f"{ENDOMETRIOSIS}: not in the list: {lines[-1]}" in printed
    assert main(["value-sets", "expand", "--content", str(folder)]) == 0
    assert path.read_text(encoding="utf-8").splitlines() == lines


def test_the_list_of_a_set_without_categories_goes(tmp_path: Path) -> None:
    write_expansions(tmp_path, {"one": ["code\tdisplay", "A00\tx"], "two": ["code\tdisplay"]})
    write_expansions(tmp_path, {"two": ["code\tdisplay"]})

    assert [p.name for p in (tmp_path / "value_sets/expanded").iterdir()] == ["two.tsv"]
    assert list(differences(tmp_path, {"two": ["code\tdisplay"]})) == []
