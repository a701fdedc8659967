"""Nothing in the content is there for nothing: what is taken away is missed.

A deleted file is a finding or changes what a vignette expects. A deleted condition is a finding
or a vignette notices. An ordinary run takes a fixed sample; ``--sweep`` takes everything.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from fnmatch import fnmatchcase
from itertools import permutations
from pathlib import Path
from typing import Any
from zlib import crc32

import pytest

from cds_service.authoring.expectations import mismatches
from cds_service.authoring.mutation import mutants
from cds_service.authoring.vignettes import Case, Vignettes, case_for
from cds_service.content import Content, ContentError, load_content
from cds_service.content.model import Contribution
from cds_service.content.reader import FOLDERS
from cds_service.decision.evaluate import Answer
from cds_service.hooks.pipeline import Pipeline
from tests.support.clinic import INTAKE_URL, ROOT

SAMPLE = 8  # one in so many is tried in an ordinary run
DELETED = ("activity_definitions", "plan_definitions", "value_sets")
FILES = sorted(
    path.relative_to(ROOT).as_posix() for name in DELETED for path in (ROOT / name).rglob("*.json")
)


def sample(names: list[str], config: pytest.Config) -> list[str]:
    """All with ``--sweep``; else those a checksum picks, so that a new name moves no other."""
    every = config.getoption("--sweep")
    return [name for name in names if every or crc32(name.encode()) % SAMPLE == SAMPLE // 2]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "deleted_file" in metafunc.fixturenames:
        metafunc.parametrize("deleted_file", sample(FILES, metafunc.config))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of the content folders."""
    for name in FOLDERS:
        shutil.copytree(ROOT / name, tmp_path / name)
    return tmp_path


def test_a_deleted_file_is_missed(deleted_file: str, folder: Path, vignettes: Vignettes) -> None:
    (folder / deleted_file).unlink()

    assert is_missed(folder, Path(deleted_file).stem, vignettes)


def is_missed(folder: Path, stem: str, vignettes: Vignettes) -> bool:
    """True when the content does not load, or some vignette gets something else."""
    try:
        content = load_content(folder)
    except ContentError:
        return True
    pipeline = Pipeline(content, INTAKE_URL)
    likely_first = sorted(vignettes.people, key=lambda person: person.file != stem)
    return any(
        mismatches(person.expect, case_for(person, vignettes.defaults, pipeline).found)
        for person in likely_first
    )


# -- conditions ----------------------------------------------------------------------------


def test_a_deleted_condition_is_missed(
    content: Content,
    cases: list[Case],
    vignettes: Vignettes,
    tmp_path: Path,
    pytestconfig: pytest.Config,
) -> None:
    """A vignette notices, two wordings of one reason speak at once, the lint finds it, or the
    reason why nobody can notice is written down."""
    dropped = {m.where: m for m in mutants(content) if m.change == "dropped"}
    assert len(dropped) > 300
    variants = list(wording_variants(content))

    unmissed = [
        where
        for where in sample(list(dropped), pytestconfig)
        if not any(fnmatchcase(f"{where}: dropped", pattern) for pattern in vignettes.unnoticed)
        and not any(dropped[where].kills(case) for case in cases)
        and not any(speak_at_once(where, pair, cases) for pair in variants)
        and not is_a_finding(where, tmp_path)
    ]

    assert unmissed == []


def wording_variants(content: Content) -> Iterator[tuple[Contribution, Contribution]]:
    """Pairs of contributions of one source to one card with one priority: they differ in words."""
    for contributions in content.contributions.values():
        asking = [c for c in contributions if not c.advice]
        for one, other in permutations(asking, 2):
            if one.source is other.source and one.priority == other.priority:
                yield one, other


def speak_at_once(where: str, pair: tuple[Contribution, Contribution], cases: list[Case]) -> bool:
    """True when the first of a pair, without that condition, applies to somebody beside the
    second."""
    one, other = pair
    name = f"{one.source.plan['id']}: {one.source.id}.{one.id}.condition["
    if not where.startswith(name):
        return False
    number = int(where.removeprefix(name).removesuffix("]"))
    rest = [c for place, c in enumerate(one.conditions) if place != number]
    both = (*rest, *other.conditions)
    return any(case.found.evaluator.all_hold(both) is Answer.YES for case in cases)


def is_a_finding(where: str, tmp_path: Path) -> bool:
    """True when taking the condition out of its file is a finding of the lint."""
    plan_id, _, path = where.partition(": ")
    path, _, number = path.removesuffix("]").rpartition(".condition[")
    (file,) = (ROOT / "plan_definitions").rglob(f"{plan_id}.json")
    root = tmp_path / "content"
    shutil.rmtree(root, ignore_errors=True)
    for name in FOLDERS:
        shutil.copytree(ROOT / name, root / name)
    plan = json.loads(file.read_text(encoding="utf-8"))
    remove_condition(plan, path, int(number))
    (root / file.relative_to(ROOT)).write_text(json.dumps(plan), encoding="utf-8")
    try:
        load_content(root)
    except ContentError:
        return True
    return False


def remove_condition(plan: dict[str, Any], path: str, number: int) -> None:
    """Takes one condition out; those of a parent action count before an action's own."""
    *parents, last = path.split(".")
    holders = [a for a in actions(plan) if a.get("id") in parents and "condition" in a]
    shared = holders[-1] if holders and holders[-1]["id"].startswith("RF") else None
    own = next(a for a in actions(plan) if is_called(a, last))
    before = len(shared["condition"]) if shared else 0
    holder, place = (shared, number) if shared and number < before else (own, number - before)
    del holder["condition"][place]
    if not holder["condition"]:
        del holder["condition"]


def actions(node: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for action in node.get("action", ()):
        yield action
        yield from actions(action)


def is_called(action: dict[str, Any], name: str) -> bool:
    card = action.get("definitionCanonical", "").endswith(f"/PlanDefinition/{name}")
    return "condition" in action and (action.get("id") == name or card)
