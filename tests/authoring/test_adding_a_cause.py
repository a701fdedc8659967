"""Following docs/adding-a-cause.md to the letter adds a cause, and changes no Python."""

import hashlib
import json
import re
import shutil
from pathlib import Path

import pytest

from cds_service import create_app
from cds_service.authoring.check import check_vignettes
from cds_service.authoring.expectations import mismatches
from cds_service.authoring.mutation import mutants
from cds_service.authoring.review import write_pages
from cds_service.authoring.survivors import survivors
from cds_service.authoring.vignettes import HOOK, case_for, read_vignettes, request_for
from cds_service.cli import main
from cds_service.content import FOLDERS, load_content
from cds_service.decision.evaluate import Evaluation
from cds_service.hooks.pipeline import Pipeline
from tests.support.clinic import settings_in

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "adding-a-cause.md").read_text(encoding="utf-8")
NEW_FILE = re.compile(r"^File `([^`]+)`:\n\n```(?:json|yaml)\n(.*?)^```$", re.M | re.S)
ADDITION = re.compile(
    r"In\s+`([^`]+)`,\s+add\s+to\s+the\s+list\s+`([^`]+)`:\n\n```json\n(.*?)^```$", re.M | re.S
)
FENCES = re.compile(r"^```(?:json|yaml)$", re.M)
CAUSE, VIGNETTES = "seat-pressure", "tests/authoring/vignettes"


def copy_content(target: Path) -> Path:
    """The content folders and the vignettes, as an author finds them."""
    for folder in (*FOLDERS, VIGNETTES):
        shutil.copytree(ROOT / folder, target / folder)
    return target


def follow_the_page(root: Path) -> list[str]:
    """Does what the page says to files; returns the files it touched."""
    touched = []
    for name, text in NEW_FILE.findall(PAGE):
        assert not (root / name).exists(), f"the page writes {name}, which is already there"
        (root / name).write_text(text, encoding="utf-8")
        touched.append(name)
    for name, element, fragment in ADDITION.findall(PAGE):
        resource = json.loads((root / name).read_text(encoding="utf-8"))
        resource[element].append(json.loads(fragment))
        (root / name).write_text(json.dumps(resource), encoding="utf-8")
        touched.append(name)
    return touched


def python_files() -> dict[str, str]:
    return {
        str(path): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in (ROOT / "cds_service").rglob("*.py")
    }


@pytest.fixture
def grown(tmp_path: Path) -> Path:
    """A copy of the content to which the page was applied."""
    root = copy_content(tmp_path)
    follow_the_page(root)
    return root


def test_every_json_and_yaml_block_of_the_page_says_where_it_goes() -> None:
    placed = len(NEW_FILE.findall(PAGE)) + len(ADDITION.findall(PAGE))

    assert placed == len(FENCES.findall(PAGE))


def test_the_page_touches_content_and_vignettes_only(tmp_path: Path) -> None:
    before = python_files()
    touched = follow_the_page(copy_content(tmp_path))

    assert f"plan_definitions/causes/{CAUSE}.json" in touched
    assert f"{VIGNETTES}/{CAUSE}.yaml" in touched
    assert all(name.startswith((*FOLDERS, VIGNETTES)) for name in touched)
    assert python_files() == before


def test_the_new_cause_has_no_finding(grown: Path) -> None:
    content = load_content(grown)

    assert [s.title for s in content.sources if s.id == "EX01"] == ["Saddle pressure (example)"]


def evaluations(root: Path) -> dict[str, tuple[Evaluation, list[str]]]:
    """Vignette id -> what is found for a person of the new cause, and what differs."""
    pipeline = Pipeline(load_content(root), "https://example.org/intake")
    service = pipeline.service_for(HOOK)
    vignettes = read_vignettes(root / VIGNETTES)
    found = {}
    for vignette in vignettes.people:
        if vignette.file == CAUSE:
            body = request_for(vignette, vignettes.defaults, pipeline.content, service.prefetch)
            evaluation = pipeline.answer(service, body, vignette.now).evaluation
            found[vignette.id] = evaluation, mismatches(vignette.expect, evaluation)
    return found


def test_the_new_cause_speaks_and_is_silent_as_its_vignettes_say(grown: Path) -> None:
    found = evaluations(grown)

    assert {who: wrong for who, (_, wrong) in found.items() if wrong} == {}
    assert {str(e.rules["EX01"]) for e, _ in found.values()} == {"yes", "no", "unknown"}
    fits, _ = found["EX01-1"]
    card = next(w for w in fits.shown if w.card.id == "REC-PF")
    assert "EX01" in [reason.source.id for reason in card.reasons]


def test_check_passes_with_the_new_cause(grown: Path) -> None:
    """As `cds-service check --content` does it, quiet panel and all other vignettes included; only
    the mutation score, which is the whole content's and takes minutes, is left out."""
    said: list[str] = []
    status = check_vignettes(load_content(grown), grown / VIGNETTES, said.append, mutate=False)

    assert status == 0, "\n".join(said)


def test_every_change_of_the_new_cause_is_noticed_by_its_people(grown: Path) -> None:
    content, vignettes = load_content(grown), read_vignettes(grown / VIGNETTES)
    pipeline = Pipeline(content, "https://example.org/intake")
    people = [v for v in vignettes.people if v.file == CAUSE]
    cases = [case_for(person, vignettes.defaults, pipeline) for person in people]
    own = (CAUSE, "%EX01", "dataRequirement bicycleRiding")
    found = [mutant for mutant in mutants(content) if mutant.where.startswith(own)]

    alive = survivors(found, cases, lambda _number: None, 1)

    assert len(found) > 8  # two conditions, four operands, a threshold, a window
    assert [(mutant.where, mutant.change) for mutant in alive] == []


def test_the_printed_call_brings_the_card_the_page_promises(
    grown: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    promised = " ".join(re.search(r"whose `summary` is `([^`]+)`", PAGE)[1].split())
    person = re.search(r"cds-service request (\S+) \|", PAGE)[1]
    address = re.search(r"127\.0\.0\.1:8080(/cds-services/\S+)", PAGE)[1]
    client = create_app(settings_in(tmp_path, content=grown)).test_client()

    assert main(["request", person, "--content", str(grown)]) == 0
    call = capsys.readouterr().out
    answer = client.post(address, data=call, content_type="application/json")

    assert promised in [card["summary"] for card in answer.get_json()["cards"]]


def test_the_new_cause_can_be_read_where_the_page_says(grown: Path, tmp_path: Path) -> None:
    address = re.search(r"127\.0\.0\.1:8080(/content/\S+)>", PAGE)[1]
    client = create_app(settings_in(tmp_path, content=grown)).test_client()

    html = client.get(address).text

    assert "Saddle pressure (example)" in html
    assert "EX01 is yes when" in html
    assert "6 or less" in html


def test_the_new_cause_gets_its_review_page(grown: Path) -> None:
    folder = grown / "docs" / "review"
    write_pages(load_content(grown), grown / VIGNETTES, folder, [CAUSE])

    assert "Saddle pressure (example)" in (folder / f"{CAUSE}.md").read_text(encoding="utf-8")
