"""A request that is not a CDS Hooks request gets 400 and words that say what to mend.

Every field of the bad requests holds a canary: nothing that was sent may come back or be logged.
"""

from __future__ import annotations

import json
import logging
from typing import Any

import pytest

from tests.support.clinic import (
    ABSENT,
    ENCOUNTER_START,
    PATIENT_VIEW,
    QUIET,
    Clinic,
    changed,
    topics,
)

CANARY = "Quetzal-Canary"

# path of the wrong field, what it holds, code of the issue, words that must be in it
WRONG: list[tuple[str, Any, str, str]] = [
    ("hook", ABSENT, "required", "is missing"),
    ("hook", None, "required", "is missing"),
    ("hook", 7, "value", "non-empty string"),
    ("hook", [CANARY], "value", "non-empty string"),
    ("hook", "", "value", "non-empty string"),
    ("hook", CANARY, "value", "'patient-view'"),
    ("hook", "encounter-start", "value", "'patient-view'"),
    ("hookInstance", ABSENT, "required", "UUID"),
    ("hookInstance", None, "required", "UUID"),
    ("hookInstance", 7, "value", "UUID"),
    ("hookInstance", {CANARY: 1}, "value", "UUID"),
    ("hookInstance", "  ", "value", "UUID"),
    ("context", ABSENT, "required", "JSON object"),
    ("context", None, "required", "JSON object"),
    ("context", {}, "required", "is empty"),
    ("context", CANARY, "value", "JSON object"),
    ("context", [], "value", "JSON object"),
    ("context.patientId", ABSENT, "required", "Patient"),
    ("context.patientId", None, "required", "Patient"),
    ("context.patientId", 12, "value", "Patient"),
    ("context.patientId", "", "value", "Patient"),
    ("context.patientId", f"Group/{CANARY}", "value", "without another type"),
    ("context.patientId", f"https://ehr.example/{CANARY}/Patient/", "value", "Patient"),
    ("context.patientId", f"{CANARY} with spaces", "value", "digits, hyphens"),
    ("context.patientId", f"{CANARY}?x=1", "value", "digits, hyphens and dots"),
    ("context.patientId", f"{CANARY}\n", "value", "digits, hyphens"),
    ("context.patientId", "x" * 65, "value", "plain Patient id"),
    *(
        (f"context.{name}", sent, "value", "plain")
        for name in ("patientId", "encounterId")
        for sent in ("$export", "_history", "p1,p2", "p1;p2", "p%2e", "with_underscore", "Ünder")
    ),
    ("context.userId", "Practitioner/$export", "value", "PractitionerRole"),
    ("context.userId", ABSENT, "required", "Practitioner/123"),
    ("context.userId", 7, "value", "Practitioner/123"),
    ("context.userId", CANARY, "value", "PractitionerRole"),
    ("context.userId", f"Device/{CANARY}", "value", "PractitionerRole"),
    ("context.userId", "Practitioner/", "value", "PractitionerRole"),
    ("context.userId", f"Practitioner/{CANARY} x", "value", "PractitionerRole"),
    ("context.encounterId", 7, "value", "Encounter"),
    ("context.encounterId", f"Patient/{CANARY}", "value", "Encounter"),
    ("prefetch", [CANARY], "value", "JSON object"),
    ("prefetch", CANARY, "value", "JSON object"),
    ("fhirServer", 7, "value", "base URL"),
    ("fhirServer", f"ftp://{CANARY}", "value", "http or https"),
    ("fhirServer", CANARY, "value", "http or https"),
    ("fhirAuthorization", CANARY, "value", "JSON object"),
]


def canary_request(clinic: Clinic) -> dict[str, Any]:
    """A good request with canaries in every field that is not checked."""
    body = clinic.request(QUIET, patient={"name": [{"family": CANARY}]})
    body["context"]["vendor"] = CANARY
    body["extension"] = {"com.example": CANARY}
    return body


@pytest.mark.requirement("2.2")
@pytest.mark.requirement("2.3")
@pytest.mark.requirement("2.5")
@pytest.mark.requirement("2.11")
@pytest.mark.requirement("2.12")
@pytest.mark.requirement("3.7")
@pytest.mark.parametrize(
    "wrong",
    WRONG,
    ids=[f"{n}-{path}" for n, (path, *_) in enumerate(WRONG)],
)
def test_what_is_wrong_and_where_is_said_and_nothing_that_was_sent(
    wrong: tuple[str, Any, str, str],
    clinic: Clinic,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    caplog.set_level(logging.DEBUG)
    path, value, code, words = wrong
    body = changed(canary_request(clinic), tuple(path.split(".")), value)

    answer = clinic.post(body)

    assert answer.status_code == 400
    outcome = answer.get_json()
    assert outcome["resourceType"] == "OperationOutcome"
    (issue,) = outcome["issue"]
    assert (issue["severity"], issue["code"], issue["expression"]) == ("error", code, [path])
    assert path in issue["diagnostics"] or path == "hook"
    assert words in issue["diagnostics"]
    printed = capfd.readouterr()
    for told in (answer.text, caplog.text, printed.out, printed.err):
        assert CANARY not in told
        assert "Traceback" not in told


def test_all_problems_are_told_at_once(clinic: Clinic) -> None:
    answer = clinic.post({"prefetch": "x", "context": {"patientId": 1}})

    assert answer.status_code == 400
    assert [issue["expression"][0] for issue in answer.get_json()["issue"]] == [
        "hook",
        "hookInstance",
        "prefetch",
        "context.patientId",
        "context.userId",
    ]


@pytest.mark.parametrize("body", [[], "text", 5, None, True], ids=str)
def test_a_body_that_is_no_object_is_refused(body: Any, clinic: Clinic) -> None:
    answer = clinic.post(body)

    assert answer.status_code == 400
    assert answer.get_json()["issue"][0]["diagnostics"] == "The body must be one JSON object."


@pytest.mark.requirement("2.18")
@pytest.mark.requirement("4.28")
@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"{",
        b'{"hook": "patient-view",}',
        b'{"sev": NaN}',
        b'{"sev": Infinity}',
        b'// a comment\n{"hook": 1}',
        b'{"name": "\xff\xfe Quetzal-Canary"}',
        b'"' + b"Quetzal-Canary" * 3,
        b"[" * 100_000,
        b'{"a":' * 5_000 + b"1" + b"}" * 5_000,
    ],
    ids=[
        "empty",
        "cut-off",
        "trailing-comma",
        "nan",
        "infinity",
        "comment",
        "not-utf8",
        "open-string",
        "only-brackets",
        "nested-5000",
    ],
)
def test_a_body_that_is_no_json_is_refused_with_its_place(
    text: bytes, clinic: Clinic, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)

    answer = clinic.post(text)

    assert answer.status_code == 400
    (issue,) = answer.get_json()["issue"]
    assert issue["code"] == "structure"
    assert "not valid JSON at line" in issue["diagnostics"]
    assert CANARY not in answer.text + caplog.text


def test_a_prefetch_nested_as_deep_as_json_may_be_is_answered(clinic: Clinic) -> None:
    """orjson reads about a thousand levels: no walk of ours may fall over them."""
    nested: dict[str, Any] = {"linkId": "urine"}
    for _ in range(400):
        nested = {"linkId": "group", "item": [nested]}
    body = clinic.request(responses=[clinic.response(QUIET, item=[nested])])

    answer = clinic.post(json.dumps(body).encode())

    assert answer.status_code == 200
    assert topics(answer.get_json()["cards"]) == ["ask-now", "self-care"]


# -- what is tolerated ---------------------------------------------------------------------


@pytest.mark.requirement("2.1")
@pytest.mark.requirement("2.18")
@pytest.mark.parametrize(
    "media_type",
    [
        "application/json",
        "application/json; charset=utf-8",
        "application/json;charset=UTF-8",
        "application/fhir+json",
        "Application/JSON",
    ],
)
def test_json_is_taken_under_its_usual_names(media_type: str, clinic: Clinic) -> None:
    assert clinic.post(clinic.request(QUIET), content_type=media_type).status_code == 200


@pytest.mark.requirement("2.5")
@pytest.mark.parametrize(
    "instance", ["test", "5C1B0A63-0B0E-4A39-9D3B-0E0D5F1A7C11", "x" * 500, "naïve 🩺"]
)
def test_any_text_serves_as_hook_instance(instance: str, clinic: Clinic) -> None:
    body = {**clinic.request(QUIET), "hookInstance": instance}

    assert [clinic.post(body).status_code, clinic.post(body).status_code] == [200, 200]


@pytest.mark.requirement("2.12")
def test_the_type_may_stand_before_the_patient_id(clinic: Clinic) -> None:
    plain = clinic.request(QUIET)
    typed = changed(plain, ("context", "patientId"), "Patient/person")

    assert clinic.cards(typed) == clinic.cards(plain)


@pytest.mark.requirement("2.13")
@pytest.mark.parametrize("patient_id", ["a" * 64, "1", "A-1.b", "...", "-"])
def test_every_r4_id_is_taken(patient_id: str, clinic: Clinic) -> None:
    body = clinic.request(QUIET, patient={"id": patient_id}, responses=[])
    body["context"]["patientId"] = patient_id

    assert clinic.cards(body) == []


@pytest.mark.requirement("2.14")
@pytest.mark.requirement("3.4")
@pytest.mark.parametrize("prefetch", [ABSENT, None, {}], ids=["absent", "null", "empty"])
def test_prefetch_is_optional_so_its_absence_is_412_not_400(prefetch: Any, clinic: Clinic) -> None:
    assert clinic.post(changed(clinic.request(QUIET), ("prefetch",), prefetch)).status_code == 412


@pytest.mark.requirement("2.15")
@pytest.mark.requirement("2.16")
def test_unknown_fields_and_extensions_change_nothing(clinic: Clinic) -> None:
    plain = clinic.request({**QUIET, "urine": ["burn"]})
    odd = {**plain, "user": "Practitioner/old", "extension": {"com.epic": {"a": 1}}, "x": [None]}
    odd["context"] = {**plain["context"], "medications": {"resourceType": "Bundle"}}

    assert clinic.cards(odd) == clinic.cards(plain)


@pytest.mark.requirement("2.17")
def test_optional_fields_sent_as_null_count_as_absent(clinic: Clinic) -> None:
    plain = clinic.request(QUIET)
    nulls = {**plain, "fhirServer": None, "fhirAuthorization": None, "extension": None}
    nulls["context"] = {**plain["context"], "encounterId": None}

    assert clinic.cards(nulls) == clinic.cards(plain)


@pytest.mark.requirement("2.17")
@pytest.mark.parametrize("empty", ["", []], ids=["text", "array"])
def test_optional_fields_sent_empty_count_as_absent(empty: Any, clinic: Clinic) -> None:
    plain = clinic.request(QUIET)
    odd = {**plain, "fhirServer": empty, "fhirAuthorization": empty}
    odd["context"] = {**plain["context"], "encounterId": empty}

    assert clinic.cards(odd) == clinic.cards(plain)
    assert clinic.post({**odd, "prefetch": empty}).status_code == 412  # as without prefetch


@pytest.mark.requirement("2.6")
def test_an_empty_server_is_none(clinic: Clinic) -> None:
    body = {**clinic.request(QUIET), "fhirServer": "", "fhirAuthorization": {"access_token": "t"}}

    assert clinic.post(body).get_json()["issue"][0]["expression"] == ["fhirServer"]


@pytest.mark.requirement("2.6")
def test_a_token_without_a_server_is_refused(clinic: Clinic) -> None:
    token = {"access_token": CANARY, "token_type": "Bearer", "expires_in": 300, "scope": "x"}
    body = {**clinic.request(QUIET), "fhirAuthorization": token}

    answer = clinic.post(body)

    assert answer.status_code == 400
    assert answer.get_json()["issue"][0]["expression"] == ["fhirServer"]
    assert CANARY not in answer.text


@pytest.mark.requirement("2.7")
@pytest.mark.requirement("2.8")
@pytest.mark.requirement("2.10")
@pytest.mark.parametrize(
    "authorization",
    [
        {"access_token": "t", "token_type": "Bearer", "expires_in": 300, "scope": "patient/*.rs"},
        {"access_token": "t", "token_type": "Bearer", "expires_in": "300", "scope": "user/*.read"},
        {"access_token": "t"},
        {"expires_in": None, "scope": 7},
        {},
    ],
    ids=["smart-2", "text-expiry", "only-token", "odd", "empty"],
)
@pytest.mark.parametrize("server", ["https://ehr.example/fhir", "http://ehr.example/fhir/"])
def test_any_shape_of_token_and_server_address_is_taken(
    authorization: dict[str, Any], server: str, clinic: Clinic
) -> None:
    body = clinic.request(QUIET)

    sent = {**body, "fhirServer": server, "fhirAuthorization": authorization}

    assert clinic.cards(sent) == clinic.cards(body)


@pytest.mark.parametrize(
    "user",
    [
        "Practitioner/example",
        "PractitionerRole/example",
        f"Patient/{'person'}",
        "RelatedPerson/example",
    ],
)
def test_every_kind_of_user_may_view_a_patient(user: str, clinic: Clinic) -> None:
    body = changed(clinic.request(QUIET), ("context", "userId"), user)

    assert clinic.post(body).status_code == 200


@pytest.mark.parametrize("user", ["Patient/person", "RelatedPerson/example"])
def test_an_encounter_is_started_by_staff_only(user: str, clinic: Clinic) -> None:
    body = {**clinic.request(QUIET), "hook": "encounter-start"}
    body["context"] = {"userId": user, "patientId": "person", "encounterId": "visit"}

    answer = clinic.post(body, ENCOUNTER_START)

    assert answer.status_code == 400
    assert answer.get_json()["issue"][0]["expression"] == ["context.userId"]


@pytest.mark.parametrize("encounter", [ABSENT, None, "", 7], ids=["absent", "null", "empty", "7"])
def test_an_encounter_start_names_its_encounter(encounter: Any, clinic: Clinic) -> None:
    body = {**clinic.request(QUIET), "hook": "encounter-start"}
    if encounter is not ABSENT:
        body["context"]["encounterId"] = encounter

    answer = clinic.post(body, ENCOUNTER_START)

    assert answer.status_code == 400
    assert answer.get_json()["issue"][0]["expression"] == ["context.encounterId"]


def test_a_patient_view_needs_no_encounter(clinic: Clinic) -> None:
    assert "encounterId" not in clinic.request(QUIET)["context"]
    assert clinic.post(clinic.request(QUIET), PATIENT_VIEW).status_code == 200
