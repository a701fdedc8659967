"""Requests made by schemathesis from /openapi.json, right ones and wrong ones, against the
application in this process. ``CDS_EXAMPLES=5000`` draws that many, an ordinary run 200."""

from __future__ import annotations

import os
from collections import Counter
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis import Case, GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi import checks

from cds_service.content import Content
from tests.fuzz.contract import feedback_refusals, refusals
from tests.support.ward import Ward

EXAMPLES = int(os.environ.get("CDS_EXAMPLES", "200"))
AS_DESCRIBED = [
    not_a_server_error,
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_headers_conformance,
    checks.response_schema_conformance,
]
MODES = [GenerationMode.POSITIVE, GenerationMode.NEGATIVE]
seen: Counter[tuple[str, int]] = Counter()


@pytest.fixture(scope="module")
def ward(content: Content, tmp_path_factory: pytest.TempPathFactory) -> Ward:
    return Ward(content, tmp_path_factory.mktemp("described"), report_token="open")


@pytest.fixture(scope="module")
def cases(ward: Ward) -> st.SearchStrategy[Case]:
    """Requests for all described operations; where a body is taken, right and wrong ones."""
    schema = schemathesis.openapi.from_wsgi("/openapi.json", ward.app)
    found = [result.ok() for result in schema.get_all_operations()]
    return st.one_of(
        operation.as_strategy(generation_mode=mode)
        for operation in found
        for mode in (MODES if operation.body else MODES[:1])
    )


@settings(
    max_examples=EXAMPLES,
    phases=[Phase.explicit, Phase.generate, Phase.shrink],
    suppress_health_check=list(HealthCheck),
)
@given(data=st.data())
def test_every_answer_is_as_described(
    ward: Ward, cases: st.SearchStrategy[Case], data: st.DataObject
) -> None:
    case = data.draw(cases)

    answer = case.call()

    case.validate_response(answer, checks=AS_DESCRIBED)
    seen[case.operation.label, answer.status_code] += 1
    if answer.status_code == 200:
        assert wrongly_taken(ward, case.operation.path, case) == []


def wrongly_taken(ward: Ward, path: str, case: Case) -> list[Any]:
    """What the contract refuses of a body that was answered with 200."""
    service, _, rest = path.removeprefix("/cds-services/").partition("/")
    if service not in ward.pipeline.services:
        return []
    if rest == "feedback":
        return [w for item in case.body["feedback"] for w in feedback_refusals(item)]
    return refusals(case.body, ward.pipeline.services[service].hook)


def test_good_and_bad_requests_were_made() -> None:
    assert {200, 400, 412} <= {status for _, status in seen}
    assert len({label for label, _ in seen}) > 10
