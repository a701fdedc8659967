"""Nothing of a patient is left in logs, errors or the store."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest

from tests.support.clinic import PERSON, Clinic, active, ago, changed, chart_entry, concept, walk
from tests.support.ward import CALL, CANARY, MANY, Make, Ward, of_patient, requirement, stored


@pytest.fixture
def watched(
    make: Make,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> Iterator[Ward]:
    """An application; at the end no canary may be in a log, on a screen or in the store."""
    ward = make()
    caplog.set_level(logging.DEBUG)
    yield ward
    printed = capfd.readouterr()
    assert CANARY not in caplog.text + printed.out + printed.err
    assert "Traceback" not in caplog.text
    assert len(stored(tmp_path)) > 1_000
    assert CANARY.encode() not in stored(tmp_path)


def whole_call(clinic: Clinic) -> dict[str, Any]:
    """A call with a value in every field an EHR may send."""
    chart = [
        active(code=concept(clinic.content, "endometriosis"), recordedDate=ago(days=9)),
        chart_entry("Procedure", status="completed", code={"text": "A procedure"}),
        chart_entry("Observation", status="final", valueString="text", code={"text": "x"}),
    ]
    name = [{"family": "Family", "given": ["Given"]}]
    body = clinic.request({**MANY, "other": "own words"}, chart, patient={"name": name})
    body["context"]["encounterId"] = "visit"
    body["fhirServer"] = "https://fhir.example.org/r4"
    body["fhirAuthorization"] = {
        "access_token": "secret",
        "token_type": "Bearer",
        "expires_in": 300,
        "scope": "patient/*.rs",
        "subject": "somebody",
        "patient": PERSON,
    }
    body["extension"] = {"com.example": {"a": "text"}}
    return body


@requirement("3.7")
@requirement("6.16")
def test_a_canary_in_any_one_field_is_left_nowhere(watched: Ward) -> None:
    whole = whole_call(watched)
    texts = [path for path, value in walk(whole) if isinstance(value, str)]
    assert len(texts) > 100

    for path in texts:
        answer = watched.post(changed(whole, path, CANARY), headers={"User-Agent": CANARY})
        assert answer.status_code in (200, 400, 412), path
        if answer.status_code != 200:
            assert CANARY not in answer.text, path


@requirement("3.7")
@requirement("6.16")
def test_a_patient_who_is_all_canary_is_left_nowhere(watched: Ward) -> None:
    body = of_patient(whole_call(watched), CANARY)
    body["hookInstance"] = CANARY
    body["context"] |= {"userId": f"Practitioner/{CANARY}", "encounterId": CANARY, CANARY: CANARY}
    body["prefetch"][CANARY] = {"resourceType": CANARY, CANARY: CANARY}
    body["extension"] = {CANARY: CANARY}
    headers = {"User-Agent": CANARY, "Referer": CANARY, "X-Request-Id": f"{CANARY} x"}
    where = {"query_string": {CANARY: CANARY}, "headers": headers}
    wrong = [
        {**body, "hook": CANARY},
        {**body, "fhirServer": CANARY},
        {**body, "prefetch": {CANARY: CANARY}},
        changed(body, ("context", "patientId"), f"{CANARY} x"),
        changed(body, ("context", "userId"), CANARY),
        changed(body, ("prefetch", "patient", "id"), f"{CANARY}-2"),
        changed(body, ("prefetch", "questionnaireResponses"), CANARY),
        orjson.dumps(body)[:-1],
    ]

    good = [watched.post(body, **where) for _ in range(2)]
    bad = [watched.post(b, **where) for b in wrong]
    bad += [
        watched.post(body, CANARY, **where),
        watched.post(body, content_type=f"text/{CANARY}", **where),
        watched.client.get(f"/{CANARY}", **where),
        watched.client.delete(CALL, **where),
    ]

    assert [a.status_code for a in good] == [200, 200]
    assert good[0].get_json()["cards"]
    assert [a.status_code for a in bad] == [
        400,
        400,
        412,
        400,
        400,
        412,
        412,
        400,
        404,
        415,
        404,
        405,
    ]
    for answer in bad:
        assert CANARY not in answer.text + str(answer.headers)
    assert CANARY not in "".join(str(a.headers) for a in good)
