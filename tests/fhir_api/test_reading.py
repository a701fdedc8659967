"""The content is read and searched as FHIR R4."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

import orjson
import pytest
from fhir.resources.R4B import get_fhir_model_class
from werkzeug.test import TestResponse

from cds_service.content import Content
from cds_service.fhir_api.catalogue import CONTROLS, MAX_PAGE, PARAMETERS, TYPES
from tests.support.clinic import ROOT, Clinic

FHIR = "application/fhir+json"
BASE = "https://cds.example.org/fhir"
PLANS = len([*(ROOT / "plan_definitions").rglob("*.json")])
PLAN = "/fhir/PlanDefinition/urine-testing"


def get(clinic: Clinic, path: str, **headers: str) -> TestResponse:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return clinic.client.get(path, headers=named)


def searched(clinic: Clinic, path: str, **headers: str) -> dict[str, Any]:
    """A Bundle, checked as one."""
    answer = get(clinic, path, **headers)
    assert (answer.status_code, answer.content_type) == (200, FHIR), answer.text
    get_fhir_model_class("Bundle").model_validate(orjson.loads(answer.data))
    return answer.get_json()


def ids(bundle: dict[str, Any]) -> list[str]:
    entries = bundle.get("entry", ())
    return [e["resource"]["id"] for e in entries if e["search"]["mode"] == "match"]


def refused(answer: TestResponse, status: int) -> str:
    """The issue code of an error."""
    assert (answer.status_code, answer.content_type) == (status, FHIR)
    assert answer.get_json()["resourceType"] == "OperationOutcome"
    return answer.get_json()["issue"][0]["code"]


# -- read -----------------------------------------------------------------------------------


def test_every_resource_is_read_as_it_is_written(clinic: Clinic, content: Content) -> None:
    for url, file in content.files.items():
        kind, name = url.split("/")[-2:]

        answer = get(clinic, f"/fhir/{kind}/{name}")

        assert answer.content_type == FHIR
        assert orjson.loads(answer.data) == orjson.loads((ROOT / file).read_bytes())
        get_fhir_model_class(kind).model_validate_json(answer.data)


def test_what_is_read_is_tagged_with_the_contents_version(clinic: Clinic, content: Content) -> None:
    first = get(clinic, PLAN)
    again = get(clinic, PLAN, If_None_Match=first.headers["ETag"])
    older = get(clinic, PLAN, If_None_Match='W/"older"')

    assert content.version in first.headers["ETag"]
    assert (again.status_code, again.data, again.headers["ETag"]) == (
        304,
        b"",
        first.headers["ETag"],
    )
    assert older.status_code == 200
    # A cache takes over what a 304 says: it must not learn another type or policy.
    assert "Content-Type" not in again.headers
    assert again.headers["Cache-Control"] == first.headers["Cache-Control"]


def test_errors_below_the_base_are_fhir_whatever_is_not_there(clinic: Clinic) -> None:
    assert refused(get(clinic, "/fhir/PlanDefinition/x/y/z"), 404) == "not-found"
    assert refused(clinic.client.delete(PLAN), 405) == "not-supported"


def test_a_search_and_the_statement_are_tagged_too(clinic: Clinic) -> None:
    tag = get(clinic, PLAN).headers["ETag"]

    for path in ("/fhir/metadata", "/fhir/PlanDefinition"):
        assert get(clinic, path, If_None_Match=tag).status_code == 304


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("/fhir/PlanDefinition/none-such", "not-found"),
        ("/fhir/Questionnaire/urine-testing", "not-found"),
        ("/fhir/Patient/1", "not-supported"),
        ("/fhir/Patient", "not-supported"),
    ],
)
def test_what_is_not_there_is_said(path: str, code: str, clinic: Clinic) -> None:
    assert refused(get(clinic, path), 404) == code


def test_content_cannot_be_changed(clinic: Clinic) -> None:
    answers = [clinic.client.open(PLAN, method=m) for m in ("PUT", "POST", "PATCH", "DELETE")]

    assert [a.status_code for a in answers] == [405] * 4
    assert all("GET" in a.headers["Allow"] for a in answers)


# -- formats --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("query", "accept", "status"),
    [
        ("", "application/fhir+json", 200),
        ("", "application/json;q=0.5", 200),
        ("", "text/html,application/xml;q=0.9,*/*;q=0.8", 200),
        ("", "application/fhir+xml", 406),
        ("", "application/json;q=0", 406),
        ("", "application/fhir+json; fhirVersion=4.0", 200),
        ("", 'application/fhir+json;fhirVersion="4.0.1";charset=UTF-8;q=0.9', 200),
        ("", "application/fhir+xml; fhirVersion=4.0, application/json; charset=utf-8", 200),
        ("", "application/json; odata.metadata=minimal", 200),
        ("", "application/*; fhirVersion=4.0", 200),
        ("", "application/fhir+json; fhirVersion=5.0", 406),
        ("", "application/fhir+json; fhirVersion=5.0, application/fhir+json; fhirVersion=4.0", 200),
        ("", "application/fhir+json; charset=iso-8859-1", 406),
        ("", "application/fhir+json; fhirVersion=4.0; q=0", 406),
        ("?_format=json", "application/fhir+xml", 200),
        ("?_format=application/fhir%2Bjson;fhirVersion=4.0", "*/*", 200),
        ("?_format=application/json;fhirVersion=3.0", "*/*", 406),
        ("?_format=application/fhir%2Bjson", "*/*", 200),
        ("?_format=application/fhir+json", "*/*", 200),
        ("?_format=xml", "*/*", 406),
    ],
)
def test_json_is_served_to_who_takes_it(
    query: str, accept: str, status: int, clinic: Clinic
) -> None:
    answer = get(clinic, PLAN + query, Accept=accept)

    assert (answer.status_code, answer.content_type) == (status, FHIR)


def test_pretty_is_the_same_in_more_lines(clinic: Clinic) -> None:
    plain, pretty = get(clinic, PLAN), get(clinic, f"{PLAN}?_pretty=true")

    assert pretty.data.count(b"\n") > 10 > plain.data.count(b"\n")
    assert orjson.loads(pretty.data) == orjson.loads(plain.data)


# -- search ---------------------------------------------------------------------------------

URL = "https://dyspareunia-cds.example/fhir/PlanDefinition/urine-testing"
HITS = [
    (f"url={URL}", {"urine-testing"}),
    (f"url={URL}-x", set()),
    ("_id=urine-testing,sti-testing", {"urine-testing", "sti-testing"}),
    ("_id=urine-testing&_id=sti-testing", set()),
    ("identifier=REC-UA", {"urine-testing"}),
    ("identifier=https://dyspareunia-cds.example/clinical-id|REC-UA", {"urine-testing"}),
    ("identifier=https://other.example|REC-UA", set()),
    ("identifier=|REC-UA", set()),
    ("name=urinetesting", {"urine-testing"}),
    ("name=UrineTesting,STItesting", {"urine-testing", "sti-testing"}),
    ("name=urinetest", set()),
    ("title=%C3%BCrine%20TESTING", {"urine-testing"}),
    ("title=urine", set()),
    ("status=active", set()),
    ("name=urinetesting&version=0.2.0", {"urine-testing"}),
    ("name=urinetesting&version=9", set()),
    ("name=a%5C,b", set()),
]


@pytest.mark.parametrize(("query", "expected"), HITS, ids=[q for q, _ in HITS])
def test_a_search_finds(query: str, expected: set[str], clinic: Clinic) -> None:
    assert set(ids(searched(clinic, f"/fhir/PlanDefinition?{query}"))) == expected


@pytest.mark.parametrize("kind", TYPES)
def test_all_of_a_type_are_found_page_by_page(kind: str, clinic: Clinic, content: Content) -> None:
    expected = sorted(r["id"] for r in content.resources.values() if r["resourceType"] == kind)
    path, found, pages = f"/fhir/{kind}?status=draft&_count=7", [], 0
    while path:
        bundle = searched(clinic, path)
        links = {link["relation"]: link["url"] for link in bundle["link"]}
        assert links["self"] == BASE.removesuffix("/fhir") + path
        assert bundle["total"] == len(expected)
        assert ("previous" in links) == (pages > 0)
        found += ids(bundle)
        pages += 1
        path = links["next"].removeprefix("https://cds.example.org") if "next" in links else ""

    assert found == expected
    assert pages == -(-len(expected) // 7)


def test_an_entry_says_where_it_is(clinic: Clinic) -> None:
    (entry,) = searched(clinic, "/fhir/PlanDefinition?_id=urine-testing")["entry"]

    assert entry["fullUrl"] == f"{BASE}/PlanDefinition/urine-testing"
    path = urlsplit(entry["fullUrl"]).path
    assert get(clinic, path).get_json() == entry["resource"]


@pytest.mark.parametrize(("count", "most"), [("0", 0), ("1", 1), ("100000", MAX_PAGE)])
def test_a_page_holds_what_was_asked_for_up_to_a_limit(
    count: str, most: int, clinic: Clinic
) -> None:
    bundle = searched(clinic, f"/fhir/PlanDefinition?_count={count}")

    assert (len(ids(bundle)), bundle["total"]) == (min(most, PLANS), PLANS)


@pytest.mark.parametrize(
    "query",
    [
        "_count=-1",
        "_count=many",
        "_offset=x",
        "description=urine",
        "name:exact=UrineTesting",
        "name:contains=Testing",
        "url:below=https://dyspareunia-cds.example",
        "name:missing=true",
        "status:not=draft",
        "name:=x",
        "_sort=name",
        "_summary=count",
        "_include=PlanDefinition:depends-on",
    ],
)
def test_what_is_not_understood_is_refused_and_not_repeated(query: str, clinic: Clinic) -> None:
    answer = get(clinic, f"/fhir/PlanDefinition?{query}&name=canary")

    assert refused(answer, 400) in ("not-supported", "value")
    assert "canary" not in answer.text
    assert "description" not in answer.text


def test_a_refusal_lists_what_is_supported_whatever_the_caller_prefers(clinic: Clinic) -> None:
    path = "/fhir/PlanDefinition?_sort=name&name:exact=x"

    answer = get(clinic, path, Prefer="respond-async, handling=lenient")

    assert refused(answer, 400) == "not-supported"
    (issue,) = answer.get_json()["issue"]
    assert all(name in issue["diagnostics"] for name in (*PARAMETERS, *CONTROLS))


def test_a_parameter_without_a_value_asks_nothing(clinic: Clinic) -> None:
    assert searched(clinic, "/fhir/PlanDefinition?name=")["total"] == PLANS


# -- the statement --------------------------------------------------------------------------


def statement(clinic: Clinic) -> dict[str, Any]:
    answer = get(clinic, "/fhir/metadata")
    get_fhir_model_class("CapabilityStatement").model_validate_json(answer.data)
    return answer.get_json()


def test_the_statement_lists_what_is_served(clinic: Clinic) -> None:
    listed = {r["type"]: r for r in statement(clinic)["rest"][0]["resource"]}

    assert listed.keys() == {*TYPES, "QuestionnaireResponse"}
    for name in TYPES:
        assert [i["code"] for i in listed[name]["interaction"]] == ["read", "search-type"]
        assert {p["name"] for p in listed[name]["searchParam"]} == PARAMETERS.keys()
        assert get(clinic, f"/fhir/{name}").status_code == 200


def test_the_statement_lists_the_operations_there_are(clinic: Clinic) -> None:
    listed = {
        (r["type"], o["name"])
        for r in statement(clinic)["rest"][0]["resource"]
        for o in r.get("operation", ())
    }
    served = {
        (rule.rule.split("/")[2], rule.rule.partition("$")[2])
        for rule in clinic.client.application.url_map.iter_rules()
        if rule.rule.startswith("/fhir/") and "$" in rule.rule
    }

    assert listed == served


def test_the_statement_says_that_the_content_is_a_draft(clinic: Clinic) -> None:
    found = statement(clinic)

    assert (found["status"], found["experimental"]) == ("draft", True)
    assert "not approved by clinicians" in found["implementation"]["description"]
    assert found["implementation"]["url"] == BASE
