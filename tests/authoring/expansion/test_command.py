"""``cds-service value-sets expand``: from an intent to codes that the service matches."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest

from cds_service.cli import main
from cds_service.content import FOLDERS, ContentError, load_content
from cds_service.content.codes import RXNORM, SNOMED
from tests.authoring.expansion.test_rxnorm import has, write_rrf
from tests.support.clinic import ROOT
from tests.support.terminology_double import TerminologyDouble, serving

MEDICINES, PAIN = "value_sets/testosterone.json", "value_sets/bladder-pain-syndrome.json"
IS_A = {"property": "concept", "op": "is-a", "value": "197834003"}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in FOLDERS:
        shutil.copytree(ROOT / name, tmp_path / "content" / name)
    return tmp_path / "content"


@pytest.fixture
def rxnorm(tmp_path: Path) -> Path:
    return write_rrf(tmp_path / "RxNorm_10062025")


@pytest.fixture
def double() -> Iterator[TerminologyDouble]:
    with serving(TerminologyDouble({SNOMED: [f"{n}" for n in range(20)]})) as served:
        yield served


def read(path: Path) -> Any:
    return orjson.loads(path.read_bytes())


def intend(path: Path, system: str, *filters: dict[str, str], **more: Any) -> None:
    """Adds an include with filters to a value set."""
    value_set = {**read(path), **more}
    value_set["compose"]["include"].append({"system": system, "filter": list(filters)})
    path.write_bytes(orjson.dumps(value_set))


def url(path: Path) -> str:
    return str(read(path)["url"])


def finding(folder: Path, **more: Any) -> str:
    """The one finding for which the content does not load."""
    with pytest.raises(ContentError) as raised:
        load_content(folder, **more)
    (only,) = raised.value.findings
    return only.message


def expand(folder: Path, *arguments: object) -> int:
    given = [str(argument) for argument in arguments]
    return main(["value-sets", "expand", "--content", str(folder), *given])


def test_an_intent_without_its_list_is_no_content(folder: Path) -> None:
    intend(folder / MEDICINES, RXNORM, has("has_ingredient", 1))

    assert "run cds-service value-sets expand" in finding(folder)


def test_products_of_an_ingredient_are_pinned_and_matched(
    folder: Path, rxnorm: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    intend(folder / MEDICINES, RXNORM, has("has_ingredient", 1))

    assert expand(folder, "--rxnorm", rxnorm) == 0

    said = capsys.readouterr()
    assert "testosterone.json: 8 codes, 8 differences" in said.out
    assert f"+ {RXNORM} 4 alphazol 10 MG Oral Tablet" in said.out
    expansion = read(folder / MEDICINES)["expansion"]
    assert expansion["parameter"] == [
        {"name": "used-codesystem", "valueUri": f"{RXNORM}|RxNorm_10062025"}
    ]
    codes = load_content(folder).value_sets[url(folder / MEDICINES)]
    assert (RXNORM, "14") in codes
    assert (RXNORM, "11") not in codes
    assert (RXNORM, "10379") in codes  # what was enumerated stays


def test_the_same_files_give_no_difference(
    folder: Path, rxnorm: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    intend(folder / MEDICINES, RXNORM, has("has_ingredient", 1))
    expand(folder, "--rxnorm", rxnorm)
    capsys.readouterr()

    assert expand(folder, "--rxnorm", rxnorm, "testosterone") == 0

    assert "testosterone.json: 8 codes, 0 differences" in capsys.readouterr().out


def test_a_set_that_shrinks_is_written_only_on_purpose(
    folder: Path, rxnorm: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = folder / MEDICINES
    intend(path, RXNORM, has("has_ingredient", 1))
    expand(folder, "--rxnorm", rxnorm)
    value_set = read(path)
    value_set["compose"]["include"][-1]["filter"] = [has("has_ingredient", 7)]
    path.write_bytes(orjson.dumps(value_set))
    capsys.readouterr()

    refused = expand(folder, "--rxnorm", rxnorm)
    said = capsys.readouterr()
    before = read(path)
    accepted = expand(folder, "--rxnorm", rxnorm, "--yes")

    assert (refused, accepted) == (2, 0)
    assert "would lose 88% of its codes" in said.err
    assert f"- {RXNORM} 4 alphazol 10 MG Oral Tablet (no longer meets the filters)" in said.out
    assert before == value_set
    assert len(read(path)["expansion"]["contains"]) == 3


def test_snomed_is_kept_by_the_site_and_matched(
    folder: Path,
    tmp_path: Path,
    double: TerminologyDouble,
    capsys: pytest.CaptureFixture[str],
) -> None:
    site = tmp_path / "site"
    intend(folder / PAIN, SNOMED, IS_A)
    before = (folder / PAIN).read_bytes()

    refused = expand(folder, "--terminology-server", double.base)
    said = capsys.readouterr().err
    kept = expand(folder, "--terminology-server", double.base, "--site", site)

    assert (refused, kept) == (2, 0)
    assert "name your own folder with --site" in said
    assert (folder / PAIN).read_bytes() == before
    assert "compose" not in read(site / "bladder-pain-syndrome.json")
    assert (SNOMED, "17") not in load_content(folder).value_sets[url(folder / PAIN)]
    content = load_content(folder, code_maps=site)
    assert (SNOMED, "17") in content.value_sets[url(folder / PAIN)]


def test_half_an_expansion_of_a_site_is_refused(
    folder: Path, tmp_path: Path, double: TerminologyDouble
) -> None:
    site = tmp_path / "site"
    intend(folder / PAIN, SNOMED, IS_A)
    expand(folder, "--terminology-server", double.base, "--site", site)
    (path,) = site.glob("*.json")
    half = read(path)
    del half["expansion"]["contains"][3:]
    path.write_bytes(orjson.dumps(half))

    assert "is not whole" in finding(folder, code_maps=site)


def test_a_set_that_has_to_be_enumerated_is_not_expanded(
    folder: Path, double: TerminologyDouble, capsys: pytest.CaptureFixture[str]
) -> None:
    base = url(folder / PAIN).partition("/ValueSet/")[0]
    reason = {"url": f"{base}/StructureDefinition/enumerated-only", "valueString": "it quiets"}
    intend(folder / PAIN, SNOMED, IS_A, extension=[reason])

    status = expand(folder, "--terminology-server", double.base)

    assert status == 2
    assert "must be enumerated (it quiets)" in capsys.readouterr().err
    assert "enumerate codes: it quiets" in finding(folder)


@pytest.mark.parametrize(
    ("sources", "words"),
    [(["--rxnorm", "nowhere"], "Name the folder of RxNorm")],
)
def test_what_is_not_there_is_said(
    folder: Path, sources: list[str], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    intend(folder / MEDICINES, RXNORM, has("has_ingredient", 1))

    assert expand(folder, *sources) == 2
    assert words in capsys.readouterr().err


def test_nothing_to_expand_is_said(
    folder: Path, rxnorm: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert expand(folder, "--rxnorm", rxnorm) == 2
    assert "has a filter to expand" in capsys.readouterr().err
