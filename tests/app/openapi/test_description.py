"""/openapi.json says what the running service does: its routes, its statuses, its bodies."""

from __future__ import annotations

import re
from collections.abc import Iterator
from http import HTTPStatus
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from schemathesis.specs.openapi import definitions

from cds_service import create_app
from cds_service.content import Content
from cds_service.fhir import errors
from cds_service.fhir_api.catalogue import MAX_PAGE, PAGE, PARAMETERS, TYPES
from cds_service.hooks import feedback
from cds_service.hooks.request import HOOKS, R4_ID
from cds_service.store.records import Outcome
from cds_service.web.pages import PAGES
from tests.app.openapi.probes import JSON, answers
from tests.support.clinic import NOW, PATIENT_VIEW, settings_in
from tests.support.ward import BROWSER, CALL, FEEDBACK, Trusted, Ward

Document = dict[str, Any]
NOT_DESCRIBED = {*PAGES, "static_files"}  # blueprints of pages and files


@pytest.fixture(scope="module")
def ward(content: Content, tmp_path_factory: pytest.TempPathFactory) -> Ward:
    folder = tmp_path_factory.mktemp("described")
    return Ward(
        content,
        folder,
        cors_origins=BROWSER,
        report_token="open",
        metrics_token="open",
        max_body_bytes=200_000,
    )


@pytest.fixture(scope="module")
def document(ward: Ward) -> Document:
    return ward.client.get("/openapi.json").get_json()


def operations(document: Document) -> Iterator[tuple[str, str, Document]]:
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield method.upper(), path, operation


def validate(document: Document, schema: Any, value: Any) -> None:
    """A value against a schema of the document; raises jsonschema.ValidationError."""
    whole = {**schema, "components": document["components"]}
    jsonschema.Draft202012Validator(whole).validate(value)


def test_the_document_is_openapi_3_1(document: Document) -> None:
    found = definitions.OPENAPI_31_VALIDATOR.iter_errors(document)

    assert [error.message for error in found] == []


def test_every_reference_leads_somewhere(document: Document) -> None:
    def references(node: Any) -> Iterator[str]:
        if isinstance(node, dict):
            if isinstance(node.get("$ref"), str):
                yield node["$ref"]
            node = list(node.values())
        for child in node if isinstance(node, list) else ():
            yield from references(child)

    used = set(references(document))
    there = {
        f"#/components/{kind}/{name}"
        for kind, named in document["components"].items()
        for name in named
    }

    assert used <= there
    schemes = {f"#/components/securitySchemes/{name}" for name in ("client", "report", "metrics")}
    assert there - used <= schemes, "described and never used"


# -- routes: both ways ------------------------------------------------------------------------


def running(ward: Ward) -> set[tuple[str, str]]:
    """Method and pattern of every route that is not a page or a file."""
    return {
        (method, re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", rule.rule))
        for rule in ward.app.url_map.iter_rules()
        if rule.endpoint.partition(".")[0] not in NOT_DESCRIBED
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
    }


def described(document: Document, ward: Ward) -> set[tuple[str, str]]:
    """The same of the document: what stands there for each service is one route."""
    services = "|".join(map(re.escape, ward.pipeline.services))
    return {
        (method, re.sub(f"^/cds-services/({services})", "/cds-services/{service_id}", path))
        for method, path, _ in operations(document)
    }


def test_every_route_is_described_and_nothing_else(document: Document, ward: Ward) -> None:
    assert described(document, ward) == running(ward)


def test_every_service_is_described_with_its_prefetch(document: Document, ward: Ward) -> None:
    for service in ward.pipeline.services.values():
        operation = document["paths"][f"/cds-services/{service.id}"]["post"]
        body = operation["requestBody"]["content"]["application/json"]["schema"]
        schema = document["components"]["schemas"][body["$ref"].rpartition("/")[2]]
        keys = schema["properties"]["prefetch"]["properties"]

        assert {key: found["description"] for key, found in keys.items()} == service.prefetch
        assert schema["properties"]["hook"] == {"const": service.hook}


def test_every_context_is_the_one_that_is_checked(document: Document, ward: Ward) -> None:
    for service in ward.pipeline.services.values():
        hook = HOOKS[service.hook]
        call = document["components"]["schemas"][call_name(document, service.id)]
        context = call["properties"]["context"]
        fields = context["properties"]

        encounter = ["encounterId"] if hook.encounter_required else []
        bundle = [hook.bundle] if hook.bundle else []
        selections = ["selections"] if hook.selections else []
        assert context["required"] == ["userId", "patientId", *encounter, *bundle, *selections]
        plain = f"(?!\\.{{1,2}}$){R4_ID.pattern}$"  # no steps of a path
        assert fields["userId"]["pattern"] == f"^({'|'.join(hook.users)})/{R4_ID.pattern}$"
        assert fields["patientId"]["pattern"] == f"^(Patient/)?{plain}"
        assert fields["encounterId"]["pattern"] == f"^(Encounter/)?{plain}"
        assert all(fields[name] == {"$ref": "#/components/schemas/Bundle"} for name in bundle)


def call_name(document: Document, service_id: str) -> str:
    body = document["paths"][f"/cds-services/{service_id}"]["post"]["requestBody"]
    return body["content"][JSON]["schema"]["$ref"].rpartition("/")[2]


def test_limits_and_search_parameters_are_those_of_the_code(document: Document) -> None:
    schemas = document["components"]["schemas"]
    item = schemas["FeedbackItem"]["properties"]
    search = document["paths"]["/fhir/{resource_type}"]["get"]["parameters"][1:]
    named = {parameter["name"]: parameter for parameter in search}

    assert schemas["Feedback"]["properties"]["feedback"]["maxItems"] == feedback.MAX_ITEMS
    assert item["card"]["maxLength"] == feedback.MAX_ID
    assert str(feedback.MAX_COMMENT) in str(item["overrideReason"])
    assert item["outcome"]["enum"] == list(Outcome)
    assert named["resource_type"]["schema"]["enum"] == list(TYPES)
    assert {name: named[name].get("description") for name in PARAMETERS} == {
        name: words for name, (_, words) in PARAMETERS.items()
    }
    assert named["_count"]["schema"]["default"] == PAGE
    assert str(MAX_PAGE) in named["_count"]["description"]


# -- statuses ---------------------------------------------------------------------------------


def test_the_statuses_are_those_of_the_table_of_errors(document: Document) -> None:
    raised = {error.status for error in errors.ServiceError.__subclasses__()}
    expected = {200, 500} | {int(s) for s in raised | set(errors.HTTP_WORDS)}

    found = {int(s) for _, _, operation in operations(document) for s in operation["responses"]}

    # 405 belongs to methods that are not described, the others to the server below the routes.
    assert found == (expected | {304}) - {405, 408, 431, 501}


OUR_FAULT = {500, 503}  # see the tests of errors, and of a store that is down


def test_every_answer_is_as_described(
    document: Document, ward: Ward, content: Content, tmp_path: Path
) -> None:
    trusted, seen = Trusted(content, tmp_path), set()

    for method, path, status, answer in answers(ward, trusted):
        operation = document["paths"][path][method.lower()]
        response = resolved(document, operation["responses"][str(status)])

        assert answer.status_code == status, (path, answer.text)
        assert set(response["headers"]) <= set(answer.headers.keys())
        media = response["content"][answer.mimetype] if answer.data else None
        if media and answer.is_json:
            validate(document, media["schema"], answer.get_json())
        seen.add((method, path, status))

    promised = {
        (method, path, int(status))
        for method, path, operation in operations(document)
        for status in operation["responses"]
        if int(status) not in OUR_FAULT and (PATIENT_VIEW in path or "cds-services/" not in path)
    }
    assert promised == seen


def test_retry_after_is_there_when_the_store_is_down(document: Document, tmp_path: Path) -> None:
    ward_folder = tmp_path / "down"
    ward_folder.mkdir()
    client = create_app(settings_in(ward_folder), lambda: NOW).test_client()
    (ward_folder / "cds.sqlite3").rename(ward_folder / "gone")
    item = {"card": "x", "outcome": "overridden", "outcomeTimestamp": "2026-11-22T12:00:00Z"}

    answer = client.post(FEEDBACK, json={"feedback": [item]})

    response = document["components"]["responses"][HTTPStatus.SERVICE_UNAVAILABLE.name]
    assert answer.status_code == 503
    assert set(response["headers"]) <= set(answer.headers.keys())


def resolved(document: Document, node: Document) -> Document:
    if "$ref" not in node:
        return node
    found: Any = document
    for step in node["$ref"].removeprefix("#/").split("/"):
        found = found[step]
    return found


# -- examples, security -----------------------------------------------------------------------


def test_every_example_is_valid_and_there_are_some(document: Document) -> None:
    media = [
        found
        for _, _, operation in operations(document)
        for part in (operation.get("requestBody", {}), operation["responses"].get("200", {}))
        for found in part.get("content", {}).values()
        if "example" in found
    ]

    for found in media:
        validate(document, found["schema"], found["example"])
    assert len(media) == 4  # a call, feedback on it, and both answers


def test_the_example_of_a_call_is_answered_as_printed(document: Document, ward: Ward) -> None:
    operation = document["paths"][CALL]["post"]
    request = operation["requestBody"]["content"][JSON]["example"]
    printed = operation["responses"]["200"]["content"][JSON]["example"]

    found = ward.cards(request)

    assert [c["summary"] for c in found] == [c["summary"] for c in printed["cards"]]


@pytest.mark.parametrize(
    ("settings", "expected"),
    [({"auth": "off"}, [{"client": []}, {}]), ({}, [{"client": []}])],
    ids=["off", "required"],
)
def test_the_token_is_required_where_it_is(
    content: Content, tmp_path: Path, settings: dict[str, Any], expected: Any
) -> None:
    document = Trusted(content, tmp_path, **settings).client.get("/openapi.json").get_json()

    assert document["paths"]["/cds-services"]["get"]["security"] == expected
    assert document["paths"][CALL]["post"]["security"] == expected
    assert document["paths"]["/health/live"]["get"]["security"] == []


def test_the_address_is_the_one_clients_call(document: Document) -> None:
    assert document["servers"] == [{"url": "https://cds.example.org"}]
