"""Expansion by a terminology server, and by servers that are wrong in each known way."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest

from cds_service.authoring.expansion.pinned import Code, ExpansionError
from cds_service.authoring.expansion.terminology_server import TerminologyServer
from cds_service.content.codes import SNOMED
from tests.support.hostile_fhir import HostileServer
from tests.support.terminology_double import VERSION, TerminologyDouble, serving

INCLUDE: dict[str, Any] = {
    "system": SNOMED,
    "filter": [{"property": "concept", "op": "is-a", "value": "129103003"}],
}
REAL = "CDS_TEST_TERMINOLOGY_SERVER"


@pytest.fixture
def double() -> Iterator[TerminologyDouble]:
    with serving(TerminologyDouble({SNOMED: ["1", "2", "3", "4", "5"]}, {"9"})) as served:
        yield served


def expand(double: TerminologyDouble, **include: Any) -> tuple[list[Code], frozenset[str]]:
    with closing(TerminologyServer(double.base, seconds=2)) as server:
        return server.expand({**INCLUDE, **include}, [], lambda _: None)


def test_all_pages_are_read(double: TerminologyDouble) -> None:
    codes, versions = expand(double)

    assert [code.code for code in codes] == ["1", "2", "3", "4", "5"]
    assert versions == {f"{SNOMED}|{VERSION}"}
    assert len(double.asked) == 3


def test_the_version_that_was_asked_for_is_used(double: TerminologyDouble) -> None:
    codes, _ = expand(double, version=VERSION)

    assert len(codes) == 5


@pytest.mark.parametrize(
    ("wrong", "include", "words"),
    [
        ({"repeats": True}, {}, "does not page as asked"),
        ({"ends_early": True}, {}, "does not page as asked"),
        ({"counts_again": True}, {}, "does not page as asked"),
        ({"refuses": (422, "too many codes")}, {}, "answered 422: too many codes"),
        ({"refuses": (500, "")}, {}, "answered 500: too-costly"),
        ({"version": "2020-01"}, {"version": VERSION}, "the server used .*2020-01"),
    ],
    ids=str,
)
def test_a_server_that_is_wrong_is_refused_in_a_sentence(
    double: TerminologyDouble, wrong: dict[str, Any], include: dict[str, Any], words: str
) -> None:
    for name, value in wrong.items():
        setattr(double, name, value)

    with pytest.raises(ExpansionError, match=words):
        expand(double, **include)


def test_a_server_that_does_not_answer_in_time_is_refused(double: TerminologyDouble) -> None:
    double.seconds = 1
    with (
        closing(TerminologyServer(double.base, seconds=0.1)) as server,
        pytest.raises(ExpansionError, match=r"did not answer within 0\.1 s"),
    ):
        server.expand(INCLUDE, [], lambda _: None)


def test_what_is_no_terminology_server_is_refused() -> None:
    with (
        HostileServer() as server,
        closing(TerminologyServer(server.base)) as asked,
        pytest.raises(ExpansionError, match="answered 404"),
    ):
        asked.expand(INCLUDE, [], lambda _: None)


def test_the_server_says_what_became_of_a_code(double: TerminologyDouble) -> None:
    with closing(TerminologyServer(double.base)) as server:
        said = [server.status(Code(SNOMED, code)) for code in ("1", "9", "77")]

    assert said == ["known, and not a member", "inactive", "not known to the server"]


@pytest.mark.skipif(not os.environ.get(REAL), reason=f"{REAL} names no terminology server")
def test_a_real_server_expands_a_small_hierarchy() -> None:
    with closing(TerminologyServer(os.environ[REAL])) as server:
        codes, _ = server.expand(INCLUDE, [], lambda _: None)

    assert "129103003" in {code.code for code in codes}
