"""Which codes are seen: any coding, other names of a system, never texts."""

from __future__ import annotations

import pytest

from cds_service.content.codes import ALIASES, ICD10CM, SNOMED, CodeSet
from cds_service.content.model import CodeFilter, Requirement
from tests.support.clinic import chart_entry, observation

from .reading import CODE, matched, requirement, seen


def test_an_entry_with_the_code_is_seen() -> None:
    assert seen(requirement(), observation(code=CODE))


def test_an_entry_of_another_type_or_code_is_not_seen() -> None:
    other = {"coding": [{"system": "urn:test", "code": "other"}]}

    assert matched(requirement(), chart_entry("Condition", code=CODE)) == []
    assert matched(requirement(), observation(code=other)) == []


def test_any_coding_of_a_concept_may_match() -> None:
    concept = {"coding": [{"system": "x", "code": "y"}, {"code": "z"}, CODE["coding"][0]]}

    assert seen(requirement(), observation(code=concept))


def test_text_and_displays_are_never_compared() -> None:
    lookalike = {"text": "it", "coding": [{"system": "urn:other", "code": "x", "display": "it"}]}

    assert matched(requirement(), observation(code=lookalike)) == []


def coded(system: str | None, code: str, alias: str | None, sent: str) -> bool:
    main = CodeFilter("code", CodeSet({(system or "", code)}), "urn:set", allows_absent=False)
    wanted = Requirement("it", "Condition", (main,), None, None, None, quotable=True)
    concept = {"coding": [{"code": sent, **({"system": alias} if alias else {})}]}
    return seen(wanted, chart_entry("Condition", code=concept))


@pytest.mark.parametrize(("alias", "system"), ALIASES.items())
def test_a_system_may_be_named_by_its_oid_or_a_former_url(alias: str, system: str) -> None:
    assert coded(system, "129103003", alias, "129103003")
    assert not coded("urn:other", "129103003", alias, "129103003")


@pytest.mark.parametrize("sent", ["N80.9", "N809", "n80.9", " N80.9 "])
def test_icd_codes_match_with_and_without_their_dot(sent: str) -> None:
    assert coded(ICD10CM, "N809", ICD10CM, sent)


@pytest.mark.parametrize("sent", ["129103003.", "8310.5"])
def test_dots_of_other_systems_are_kept(sent: str) -> None:
    assert not coded(SNOMED, sent.replace(".", ""), SNOMED, sent)


def test_a_code_without_its_system_is_no_match() -> None:
    assert not coded(SNOMED, "129103003", None, "129103003")
