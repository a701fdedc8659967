"""What pyproject.toml, the Makefile and CONTRIBUTING.md say of each other is true."""

import re
import tomllib
from importlib.metadata import distribution
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
CONTENT_FOLDERS = {
    "activity_definitions",
    "code_systems",
    "libraries",
    "plan_definitions",
    "questionnaires",
    "value_sets",
}

EXAMPLE = "examples/patient-view-urinary-symptoms.json"  # shown by /openapi.json


def read(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def pyproject() -> dict[str, Any]:
    return tomllib.loads(read("pyproject.toml"))


def make_targets() -> set[str]:
    return set(re.findall(r"^([a-z-]+):.*## ", read("Makefile"), re.M))


def test_the_version_is_the_same_everywhere() -> None:
    version = pyproject()["project"]["version"]

    assert distribution("dyspareunia-cds").version == version
    assert f"image: dyspareunia-cds:{version}" in read("docker-compose.yml")
    assert version in read("CHANGELOG.md")


def test_the_command_is_installed() -> None:
    scripts = distribution("dyspareunia-cds").entry_points.select(group="console_scripts")

    assert {script.name: script.value for script in scripts} == {
        "cds-service": "cds_service.cli:main"
    }


def test_the_wheel_holds_the_package_and_the_content_and_nothing_else() -> None:
    wheel = pyproject()["tool"]["hatch"]["build"]["targets"]["wheel"]

    assert set(wheel["only-include"]) == {"cds_service", EXAMPLE} | CONTENT_FOLDERS
    assert wheel["sources"] == {
        name: f"cds_service/_content/{name}" for name in {"examples", *CONTENT_FOLDERS}
    }


@pytest.mark.parametrize("name", sorted(CONTENT_FOLDERS))
def test_every_content_folder_reaches_the_image(name: str) -> None:
    assert f"!{name}" in read(".dockerignore").splitlines()


def test_every_file_the_image_copies_by_name_is_let_through() -> None:
    let_through = {line[1:] for line in read(".dockerignore").splitlines() if line[:1] == "!"}
    named = {"bootstrap.lock", "requirements.lock", "pyproject.toml", "LICENSE", "NOTICE", EXAMPLE}

    assert named <= let_through


def test_contributing_names_exactly_the_targets_there_are() -> None:
    named = set(re.findall(r"^\| `make ([a-z-]+)` \|", read("CONTRIBUTING.md"), re.M))

    assert named == make_targets()


@pytest.mark.parametrize("name", ["CONTRIBUTING.md", "CHANGELOG.md", ".ci/run"])
def test_every_make_target_a_document_mentions_exists(name: str) -> None:
    mentions = re.findall(r"(?:^|`)make ((?:[a-z-]+ ?)+)", read(name), re.M)
    mentioned = {target for mention in mentions for target in mention.split()}

    assert mentioned <= make_targets()


def test_continuous_integration_runs_what_contributing_tells_people_to_run() -> None:
    assert "make lint check test" in read(".ci/run").splitlines()
    assert "`make lint check test`" in read("CONTRIBUTING.md")
