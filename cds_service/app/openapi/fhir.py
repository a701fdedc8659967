"""The routes below ``/fhir``, described from what they themselves are made of."""

from __future__ import annotations

from collections.abc import Iterator
from http import HTTPStatus as S
from typing import Any

from cds_service.app.openapi import requests
from cds_service.app.openapi.operation import FHIR_JSON, READING, SENDING, Operation, parameter
from cds_service.app.openapi.requests import Schema, reference
from cds_service.fhir_api.catalogue import MAX_PAGE, PAGE, PARAMETERS, TYPES

TAG = "FHIR"
KEPT = (S.OK, S.NOT_MODIFIED, S.NOT_ACCEPTABLE, S.INTERNAL_SERVER_ERROR)
ASKING = (*SENDING, S.NOT_ACCEPTABLE)
RESOURCE: dict[str, Schema] = {FHIR_JSON: reference("Resource")}
HOW = (
    parameter("_pretty", "query", {"type": "string"}, "`true` for people."),
    parameter("If-None-Match", "header", {"type": "string"}, "304 while the content is the same."),
)
KIND = parameter("resource_type", "path", {"enum": list(TYPES)})
ID = {"type": "string", "pattern": "^[A-Za-z0-9.-]{1,64}$"}


def operations() -> Iterator[Operation]:
    """Reading and searching the content, and operations on it."""
    yield Operation(
        "get",
        "/fhir/metadata",
        "capabilities",
        TAG,
        "The CapabilityStatement",
        KEPT,
        RESOURCE,
        parameters=HOW,
    )
    yield Operation(
        "get",
        "/fhir/{resource_type}",
        "search",
        TAG,
        "Searches the content",
        (*KEPT, S.BAD_REQUEST, S.NOT_FOUND),
        {FHIR_JSON: reference("Bundle")},
        words="A parameter that is not supported is refused, unless the request says "
        "`Prefer: handling=lenient`.",
        parameters=(KIND, *_searched(), *HOW),
    )
    yield Operation(
        "get",
        "/fhir/{resource_type}/{resource_id}",
        "read",
        TAG,
        "One resource of the content",
        (*KEPT, S.NOT_FOUND),
        RESOURCE,
        parameters=(KIND, parameter("resource_id", "path", ID), *HOW),
    )
    yield from _apply()
    yield from _populate()
    yield Operation(
        "post",
        "/fhir/QuestionnaireResponse/$validate",
        "validate",
        TAG,
        "What is wrong with a response to the intake form",
        ASKING,
        {FHIR_JSON: reference("OperationOutcome")},
        "client",
        "200 whatever is wrong: the issues are the answer. One issue of severity information means "
        "that nothing is.",
        requests.form_response(),
    )


def _searched() -> Iterator[dict[str, Any]]:
    for name, (_, words) in PARAMETERS.items():
        yield parameter(name, "query", {"type": "string"}, words)
    page = {"type": "integer", "minimum": 0, "default": PAGE}
    yield parameter("_count", "query", page, f"Resources of a page, at most {MAX_PAGE}.")
    yield parameter("_offset", "query", {"type": "integer", "minimum": 0, "default": 0})


def _apply() -> Iterator[Operation]:
    path = "/fhir/PlanDefinition/{plan_id}/$apply"
    plan = parameter("plan_id", "path", ID)
    subject = parameter("subject", "query", {"type": "string"}, "Patient/id")
    refused = (S.BAD_REQUEST, S.NOT_FOUND, S.NOT_ACCEPTABLE, S.PRECONDITION_FAILED)
    yield Operation(
        "get",
        path,
        "apply-without-data",
        TAG,
        "Which data is missing: a GET can send none, so it is never answered with a plan",
        (S.UNAUTHORIZED, S.INTERNAL_SERVER_ERROR, *refused),
        {},
        "client",
        parameters=(plan, subject),
    )
    yield Operation(
        "post",
        path,
        "apply",
        TAG,
        "The cards and orders of a plan, as a CarePlan",
        (*ASKING, S.NOT_FOUND, S.PRECONDITION_FAILED),
        RESOURCE,
        "client",
        "The same evaluation as the hooks. Nothing is fetched: data is sent as `prefetchData` with "
        "the keys of discovery, or as one Bundle `data`.",
        reference("Parameters"),
        (plan,),
    )


def _populate() -> Iterator[Operation]:
    path = "/fhir/Questionnaire/{questionnaire_id}/$populate"
    statuses = (*READING, S.BAD_REQUEST, S.NOT_FOUND, S.NOT_ACCEPTABLE)
    form = parameter("questionnaire_id", "path", ID)
    words = "Nothing is fetched: what the form is filled from is sent as `context` (SDC)."
    summary = "A response to the form, filled in from a chart as far as that goes"
    answers: dict[str, Schema] = {FHIR_JSON: reference("Parameters")}
    yield Operation(
        "get",
        path,
        "populate-empty",
        TAG,
        "An empty response to the form, for one patient",
        statuses,
        answers,
        "client",
        parameters=(form, parameter("subject", "query", {"type": "string"}, "Patient/id")),
    )
    yield Operation(
        "post",
        path,
        "populate",
        TAG,
        summary,
        (*ASKING, S.NOT_FOUND, S.PRECONDITION_FAILED),
        answers,
        "client",
        words,
        reference("Parameters"),
        (form,),
    )
