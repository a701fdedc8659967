"""The lock files pin and hash everything, agree with each other, and name no host."""

import re
import tomllib
from functools import cache
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
LOCKS = ("bootstrap.lock", "requirements.lock", "requirements-demo.lock", "requirements-dev.lock")

PIN = re.compile(r"(?P<name>[a-z0-9-]+)==(?P<version>[^\s;]+)(?: ; (?P<marker>.+))?")
HASH = re.compile(r"--hash=sha256:[0-9a-f]{64}")
HOST = re.compile(r"://|\b[\w-]+\.(?:com|dev|io|net|org)\b|\b\d+\.\d+\.\d+\.\d+:\d+", re.I)
SOURCE_OPTION = re.compile(r"^\s*(?:-[fie]|--(?!hash=)[a-z-]+)\b|\s@\s", re.M)


@cache
def text(lock: str) -> str:
    return (ROOT / lock).read_text(encoding="utf-8")


def requirements(lock: str) -> list[str]:
    """The lock's requirements, each with its hashes on one line, without comments."""
    lines = [line for line in text(lock).splitlines() if not line.lstrip().startswith("#")]
    return "\n".join(lines).replace("\\\n", "").splitlines()


def pins(lock: str) -> dict[str, str]:
    matches = [PIN.match(requirement) for requirement in requirements(lock)]
    return {match["name"]: match["version"] for match in matches if match}


def project() -> dict[str, Any]:
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def names(entries: list[Any]) -> set[str]:
    """Normalised names of what a list in pyproject.toml asks for, included groups aside."""
    found = (re.match(r"[\w.-]+", entry) for entry in entries if isinstance(entry, str))
    return {re.sub(r"[-_.]+", "-", match[0]).lower() for match in found if match}


@pytest.mark.parametrize("lock", LOCKS)
def test_every_requirement_is_pinned_and_hashed(lock: str) -> None:
    bad = []
    for requirement in requirements(lock):
        pin, *hashes = re.split(r"\s+(?=--hash)", requirement.strip())
        if not PIN.fullmatch(pin) or not hashes or not all(map(HASH.fullmatch, hashes)):
            bad.append(pin)

    assert requirements(lock)
    assert bad == []


@pytest.mark.parametrize("lock", LOCKS)
def test_no_host_address_or_index_is_named_not_even_in_a_comment(lock: str) -> None:
    assert HOST.findall(text(lock)) == []
    assert SOURCE_OPTION.findall(text(lock)) == []


@pytest.mark.parametrize("line", ["--index-url x", "-i x", "--find-links x", "a @ x", "-e ."])
def test_an_option_that_says_where_to_look_is_seen(line: str) -> None:
    assert SOURCE_OPTION.search(line)


@pytest.mark.parametrize(
    "line", ["# from https://x", "# files.example.org", "--hash=x # 10.0.0.1:80"]
)
def test_a_host_is_seen(line: str) -> None:
    assert HOST.search(line)


@pytest.mark.parametrize("lock", ["bootstrap.lock", "requirements.lock"])
def test_the_development_lock_holds_the_other_locks_pins(lock: str) -> None:
    assert pins(lock).items() <= pins("requirements-dev.lock").items()


def test_what_production_needs_is_locked() -> None:
    asked = project()["project"]
    wanted = names(asked["dependencies"] + asked["optional-dependencies"]["postgres"])

    assert wanted <= pins("requirements.lock").keys(), "run `make lock`"


@pytest.mark.parametrize(
    ("group", "lock"), [("bootstrap", "bootstrap.lock"), ("dev", "requirements-dev.lock")]
)
def test_a_groups_packages_are_locked(group: str, lock: str) -> None:
    wanted = names(project()["dependency-groups"][group])

    assert wanted <= pins(lock).keys(), "run `make lock`"


def test_production_carries_nothing_from_the_development_group() -> None:
    only_for_development = names(project()["dependency-groups"]["dev"])

    assert not only_for_development & pins("requirements.lock").keys()
