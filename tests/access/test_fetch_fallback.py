"""The fallback on the call path: only what is missing is fetched, and what fails is said."""

from __future__ import annotations

import re
from typing import Any

import pytest

from cds_service.access.fhir_access import FhirPolicy
from cds_service.access.fhir_client import FhirClient
from cds_service.content import Content
from cds_service.fhir.errors import BadRequest
from tests.access.fetching import LIMITS, Visits, allowed, asking, page
from tests.support.clinic import (
    ENCOUNTER_START,
    NOW,
    URINARY,
    Clinic,
    active,
    bundle,
    card_about,
    concept,
    topics,
)
from tests.support.hostile_fhir import HostileServer, hang, resource, status

NOT_READ = "Chart not read: {parts}; tests may already be done."
FAILED = {"resourceType": "OperationOutcome", "issue": [{"severity": "error", "code": "timeout"}]}


@pytest.fixture
def visits(content: Content, client: FhirClient, server: HostileServer) -> Visits:
    return Visits(content, client, allowed(server.base))


@pytest.fixture
def whole(clinic: Clinic, server: HostileServer) -> dict[str, Any]:
    """A call that brings everything; the server has the same."""
    body = clinic.request(URINARY, [active(code=concept(clinic.content, "endometriosis"))])
    paths = {key: query.partition("?")[0] for key, query in clinic.pipeline.queries.items()}
    paths["patient"] = "Patient/person"
    for key, value in body["prefetch"].items():
        server.on(paths[key], resource(value))
    return body


def path_of(clinic: Clinic, key: str) -> str:
    path = clinic.pipeline.queries[key].partition("?")[0]
    return path.replace("{{context.patientId}}", "person")


# -- what is fetched -----------------------------------------------------------------------


@pytest.mark.requirement("1.26")
@pytest.mark.requirement("3.1")
def test_nothing_is_fetched_when_all_was_sent(
    whole: dict[str, Any], visits: Visits, server: HostileServer
) -> None:
    visits.cards(asking(whole, server.base, *whole["prefetch"]))

    assert server.seen == []


@pytest.mark.requirement("1.21")
@pytest.mark.requirement("1.26")
@pytest.mark.requirement("3.1")
def test_each_missing_key_is_fetched_alone_and_changes_nothing(
    whole: dict[str, Any], visits: Visits, server: HostileServer, clinic: Clinic
) -> None:
    cards = clinic.result(whole).cards

    for key in whole["prefetch"]:
        server.forget()
        others = [k for k in whole["prefetch"] if k != key]

        assert visits.cards(asking(whole, server.base, *others)) == cards
        assert [s.path for s in server.seen] == [f"/fhir/{path_of(clinic, key)}"]


@pytest.mark.requirement("3.1")
def test_everything_may_be_fetched(
    whole: dict[str, Any], visits: Visits, server: HostileServer, clinic: Clinic
) -> None:
    assert visits.cards(asking(whole, server.base)) == clinic.result(whole).cards
    assert len(server.seen) == len(whole["prefetch"])


@pytest.mark.parametrize("prefetch", [None, {}])
def test_a_call_may_lack_prefetch_altogether(
    prefetch: Any,
    whole: dict[str, Any],
    visits: Visits,
    server: HostileServer,
    clinic: Clinic,
) -> None:
    body = {**asking(whole, server.base), "prefetch": prefetch}

    assert visits.cards(body) == clinic.result(whole).cards


@pytest.mark.requirement("1.22")
@pytest.mark.requirement("1.24")
@pytest.mark.parametrize("value", [None, FAILED, bundle([FAILED]), [], "x"])
def test_what_was_sent_is_never_fetched_again(
    value: Any, whole: dict[str, Any], visits: Visits, server: HostileServer
) -> None:
    body = asking(whole, server.base, *whole["prefetch"])
    body["prefetch"]["conditions"] = value

    visits.cards(body)

    assert server.seen == []


@pytest.mark.requirement("1.25")
def test_a_first_page_that_was_sent_counts_as_sent(
    whole: dict[str, Any], visits: Visits, server: HostileServer
) -> None:
    body = asking(whole, server.base, *whole["prefetch"])
    body["prefetch"]["conditions"] = page(following=f"{server.base}/Condition?page=2")

    visits.cards(body)

    assert server.seen == []


@pytest.mark.requirement("7.1")
@pytest.mark.requirement("7.3")
@pytest.mark.parametrize("encounter", [{}, {"encounterId": "visit"}], ids=["without", "with"])
def test_the_encounter_is_fetched_only_where_there_always_is_one(
    encounter: dict[str, str], whole: dict[str, Any], visits: Visits, server: HostileServer
) -> None:
    body = asking(whole, server.base)
    body["context"] = {**whole["context"], **encounter}

    visits.cards(body)

    assert len(server.seen) == len(whole["prefetch"])
    assert not [t for t in server.targets if "/Encounter/" in t]


@pytest.mark.requirement("7.3")
def test_the_encounter_is_fetched_at_the_start_of_an_encounter(
    whole: dict[str, Any], visits: Visits, server: HostileServer, clinic: Clinic
) -> None:
    body = {**asking(whole, server.base), "hook": "encounter-start"}
    body["context"] = {**whole["context"], "encounterId": "visit"}

    visits.cards(body)

    assert "/fhir/Encounter/visit" in server.targets
    assert "encounter" in clinic.pipeline.service(ENCOUNTER_START).prefetch


@pytest.mark.requirement("7.1")
def test_an_encounter_nobody_asked_for_is_not_missed(
    whole: dict[str, Any], clinic: Clinic, content: Content, client: FhirClient
) -> None:
    body = {**whole, "context": {**whole["context"], "encounterId": "visit"}}

    cards = Visits(content, client, FhirPolicy()).cards(body)

    assert cards == clinic.result(body).cards
    assert not any("could not be read" in card["detail"] for card in cards)


@pytest.mark.requirement("2.13")
@pytest.mark.parametrize("name", ["patientId", "encounterId"])
@pytest.mark.parametrize("steps", [".", ".."])
def test_an_id_that_is_a_step_of_a_path_is_refused_unasked(
    name: str, steps: str, whole: dict[str, Any], visits: Visits, server: HostileServer
) -> None:
    body = asking(whole, server.base)
    body["context"] = {**whole["context"], name: steps}

    with pytest.raises(BadRequest, match="must be a plain"):
        visits.cards(body)

    assert server.seen == []


@pytest.mark.requirement("3.3")
@pytest.mark.requirement("3.10")
@pytest.mark.parametrize("end", ["?x=1", "#x", "?", "#"])
def test_a_base_with_a_query_or_fragment_is_refused_unasked(
    end: str, whole: dict[str, Any], visits: Visits, server: HostileServer
) -> None:
    with pytest.raises(BadRequest, match="without user, query or fragment"):
        visits.cards(asking(whole, server.base + end))

    assert server.seen == []


# -- what fails ----------------------------------------------------------------------------


@pytest.mark.requirement("1.21")
@pytest.mark.parametrize(
    "answer",
    [
        status(401),
        status(403),
        status(404),
        status(410),
        status(500),
        status(503),
        status(200, b"<html>"),
        status(200, b'{"resourceType":"Bundle","entry":[{"reso'),
        resource(FAILED),
        resource(bundle([FAILED])),
        status(200, b" " * (LIMITS.size + 1)),
        hang(),
    ],
    ids=[
        "401",
        "403",
        "404",
        "410",
        "500",
        "503",
        "html",
        "truncated",
        "outcome",
        "outcome-entry",
        "too-large",
        "hang",
    ],
)
def test_a_wanted_key_that_fails_is_said_on_every_card(
    answer: Any, whole: dict[str, Any], visits: Visits, server: HostileServer
) -> None:
    server.on("Observation", answer)

    cards = visits.cards(asking(whole, server.base))

    assert topics(cards)[-1] == "self-care"
    # On a slow machine others may be late as well: what failed is among what is said.
    said = re.compile(NOT_READ.format(parts=r"[^;]*\bresults\b[^;]*"))
    assert all(said.search(card["detail"]) for card in cards)


@pytest.mark.requirement("3.4")
@pytest.mark.parametrize("key", ["patient", "questionnaireResponses"])
@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (status(401), "could not be read: the FHIR server answered 401"),
        (status(404), "could not be read: the FHIR server answered 404"),
        (status(410), "could not be read: the FHIR server answered 410"),
        (status(500), "could not be read: the FHIR server answered 500"),
        (status(200, b"<html>"), "could not be read: the answer is not JSON"),
        (resource(FAILED), "could not be read: the FHIR server answered OperationOutcome"),
        (hang(), "could not be read in time"),
    ],
    ids=["401", "404", "410", "500", "html", "outcome", "hang"],
)
def test_a_required_key_that_fails_is_412_with_its_reason(
    key: str,
    answer: Any,
    why: str,
    whole: dict[str, Any],
    visits: Visits,
    server: HostileServer,
) -> None:
    path = {"patient": "Patient/person", "questionnaireResponses": "QuestionnaireResponse"}[key]
    server.on(path, answer)

    issue = visits.refusal(asking(whole, server.base))

    assert (issue.code, issue.expression) == ("required", f"prefetch.{key}")
    assert issue.diagnostics.startswith(f"prefetch.{key} {why}, and the service needs it.")


@pytest.mark.requirement("3.4")
def test_without_a_server_to_ask_required_keys_are_412(
    whole: dict[str, Any], visits: Visits
) -> None:
    without = {**whole, "prefetch": {}}

    assert "no fhirServer was given to fetch it from" in visits.refusal(without).diagnostics


@pytest.mark.requirement("3.4")
def test_an_operator_who_allows_no_server_is_told(
    whole: dict[str, Any], content: Content, client: FhirClient, server: HostileServer
) -> None:
    visits = Visits(content, client, FhirPolicy())

    issue = visits.refusal(asking(whole, server.base))

    assert "no FHIR server is allowed for this client" in issue.diagnostics
    assert server.seen == []


@pytest.mark.requirement("3.4")
def test_a_token_for_another_patient_opens_nothing(
    whole: dict[str, Any], visits: Visits, server: HostileServer
) -> None:
    body = asking(whole, server.base)
    body["fhirAuthorization"]["patient"] = "somebody-else"

    assert "fhirAuthorization is for another patient" in visits.refusal(body).diagnostics
    assert server.seen == []


@pytest.mark.parametrize("patient", ["person", "Patient/person", None, 5])
def test_a_token_for_this_patient_opens(
    patient: Any, whole: dict[str, Any], visits: Visits, server: HostileServer, clinic: Clinic
) -> None:
    body = asking(whole, server.base)
    body["fhirAuthorization"]["patient"] = patient

    assert visits.cards(body) == clinic.result(whole).cards


# -- what is odd ---------------------------------------------------------------------------


@pytest.mark.requirement("1.27")
@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("Patient/person", {"resourceType": "Patient", "id": "other"}),
        (
            "Condition",
            bundle(
                [
                    {
                        "resourceType": "Condition",
                        "id": "c",
                        "subject": {"reference": "Patient/other"},
                    }
                ]
            ),
        ),
        (
            "QuestionnaireResponse",
            bundle(
                [
                    {
                        "resourceType": "QuestionnaireResponse",
                        "subject": {"reference": "https://fhir.example.org/r4/Patient/other"},
                    }
                ]
            ),
        ),
    ],
    ids=["patient", "condition", "response"],
)
def test_another_patients_data_is_never_looked_at(
    path: str, value: Any, whole: dict[str, Any], visits: Visits, server: HostileServer
) -> None:
    server.on(path, resource(value))

    issue = visits.refusal(asking(whole, server.base))

    assert issue.code == "conflict"
    assert "a patient other than context.patientId" in issue.diagnostics


@pytest.mark.requirement("1.27")
def test_shapes_of_an_older_fhir_version_are_read_or_passed_over(
    whole: dict[str, Any], visits: Visits, server: HostileServer, clinic: Clinic
) -> None:
    older = [
        {
            "resourceType": "Condition",
            "id": "old",
            "patient": {"reference": "Patient/person"},
            "clinicalStatus": "active",
            "verificationStatus": "confirmed",
            "code": concept(clinic.content, "endometriosis"),
            "onsetDateTime": NOW.isoformat(),
        },
        {"resourceType": "Condition", "patient": {"reference": "Patient/person"}, "code": "x"},
        {"resourceType": "MedicationOrder", "patient": {"reference": "Patient/person"}},
    ]
    server.on("Condition", resource(bundle(older)))
    server.on(
        "Patient/person",
        resource({**whole["prefetch"]["patient"], "careProvider": [{"reference": "x"}]}),
    )
    server.on("MedicationRequest", resource(bundle(older[2:])))

    assert topics(visits.cards(asking(whole, server.base))) == topics(clinic.result(whole).cards)


@pytest.mark.requirement("1.25")
@pytest.mark.requirement("3.10")
def test_a_chart_without_an_end_is_said_to_be_incomplete_not_empty(
    whole: dict[str, Any], visits: Visits, server: HostileServer
) -> None:
    known = visits.cards(asking(whole, server.base))
    server.on("Observation", resource(page(following=f"{server.base}/Observation?again")))

    cards = visits.cards(asking(whole, server.base))

    assert topics(cards) == topics(known)
    assert "in part: results" in card_about(cards, "urine-testing")["detail"]
    assert "in part" not in card_about(known, "urine-testing")["detail"]
