"""``/fhir``: the content to read and search, and operations on it (FHIR R4, JSON only).

Reading needs no token, because the content is public; operations take a patient's data and are
authenticated as hooks are. What is read was serialised once and is tagged with the content's
version.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from http import HTTPStatus
from typing import Any
from urllib.parse import urlencode

import orjson
from flask import Blueprint, Response, g, request
from werkzeug.exceptions import MethodNotAllowed

from cds_service.access.tokens import Authenticator
from cds_service.fhir.dates import Clock
from cds_service.fhir.questionnaire_response import Form, as_outcome, usability, validate
from cds_service.fhir.references import reference_text
from cds_service.fhir_api.apply import apply_plan
from cds_service.fhir_api.capabilities import capability_statement
from cds_service.fhir_api.catalogue import Catalogue, Search, read_search, searchset
from cds_service.fhir_api.media_types import FHIR_JSON, check_format
from cds_service.fhir_api.parameters import Parameters, read_parameters, read_query
from cds_service.fhir_api.populate import Populator, launch_of, populated_parameters
from cds_service.hooks.http import parsed_body, resource_of, without_body
from cds_service.hooks.pipeline import Pipeline
from cds_service.telemetry.logs import LOG


@dataclass(frozen=True, slots=True)
class FhirApi:
    """The parts the routes use; ``base`` is the public address of ``/fhir``, ``statement`` the
    CapabilityStatement as JSON."""

    pipeline: Pipeline
    populators: Mapping[str, Populator]  # by the id of the form, the needed one first
    authenticator: Authenticator
    clock: Clock
    base: str
    catalogue: Catalogue
    statement: bytes


def fhir_blueprint(
    pipeline: Pipeline,
    populators: Mapping[str, Populator],
    authenticator: Authenticator,
    clock: Clock,
    base_url: str,
) -> Blueprint:
    """Returns the routes, below the path of the pipeline's topic; ``base_url`` is the public
    address of the service."""
    path = f"{pipeline.topic_path}/fhir"
    base = f"{base_url}{path}"
    statement = orjson.dumps(capability_statement(pipeline.content, base))
    catalogue = Catalogue(pipeline.content)
    api = FhirApi(pipeline, populators, authenticator, clock, base, catalogue, statement)
    name = f"fhir@{pipeline.content.topic}" if pipeline.topic_path else "fhir"
    routes = Blueprint(name, __name__, url_prefix=path)
    routes.before_request(check_format)
    routes.after_app_request(partial(as_fhir, f"{path}/"))
    for rule, endpoint, view, methods in (
        ("/metadata", "metadata", metadata, ["GET"]),
        ("/<resource_type>", "search", search, ["GET"]),
        ("/<resource_type>/<resource_id>", "read", read, ["GET"]),
        ("/PlanDefinition/<plan_id>/$apply", "apply", apply, ["GET", "POST"]),
        ("/Questionnaire/<questionnaire_id>/$populate", "populate", populate, ["GET", "POST"]),
        ("/QuestionnaireResponse/$validate", "validate_response", validate_response, ["POST"]),
    ):
        routes.add_url_rule(rule, endpoint, partial(view, api), methods=methods)
    return routes


def metadata(api: FhirApi) -> Response:
    """``GET /fhir/metadata``: the CapabilityStatement."""
    return tagged(api.statement, api.catalogue.tag)


def search(api: FhirApi, resource_type: str) -> Response:
    """``GET /fhir/[type]``: a searchset Bundle; raises UnknownResource or BadRequest."""
    api.catalogue.of(resource_type)
    asked = read_search(request.args.items(multi=True))
    matches = api.catalogue.find(resource_type, asked)
    address = f"{api.base}/{resource_type}"
    page = searchset(matches, asked, page_links(address, asked, len(matches)), address)
    return tagged(orjson.dumps(page), api.catalogue.tag)


def read(api: FhirApi, resource_type: str, resource_id: str) -> Response:
    """``GET /fhir/[type]/[id]``: a resource; raises UnknownResource."""
    if (resource_type, resource_id) == ("QuestionnaireResponse", "$validate"):
        raise MethodNotAllowed(["POST"])
    return tagged(api.catalogue.read(resource_type, resource_id).body, api.catalogue.tag)


def apply(api: FhirApi, plan_id: str) -> Response:
    """``PlanDefinition/[id]/$apply``: a CarePlan; raises ServiceError."""
    authorize(api)
    plan = api.catalogue.read("PlanDefinition", plan_id).resource
    instance = str(uuid.uuid4())
    applied = apply_plan(api.pipeline, plan, sent_parameters(), api.clock(), instance, g.client)
    g.cards = len(applied.evaluation.shown)
    for text in applied.evaluation.errors:
        LOG.error("rule could not be evaluated", rule=text)
    return patient_response(applied.care_plan)


def populate(api: FhirApi, questionnaire_id: str) -> Response:
    """``Questionnaire/[id]/$populate``: Parameters with ``response``; raises ServiceError."""
    authorize(api)
    api.catalogue.read("Questionnaire", questionnaire_id)
    populated = api.populators[questionnaire_id].populate(launch_of(sent_parameters()), api.clock())
    return patient_response(populated_parameters(populated))


def validate_response(api: FhirApi) -> Response:
    """``POST QuestionnaireResponse/$validate``: an OperationOutcome; raises ServiceError."""
    authorize(api)
    response = resource_of(parsed_body())
    problems = validate(_form_of(api, response), response, now=api.clock())
    return patient_response(as_outcome([*problems, *usability(response)]))


def _form_of(api: FhirApi, response: Any) -> Form:
    """The form a response names by its canonical; the needed one where it names none of ours."""
    named = reference_text(response.get("questionnaire")) if isinstance(response, dict) else None
    url = (named or "").partition("|")[0]
    forms = [populator.questionnaire for populator in api.populators.values()]
    return next((form for form in forms if form.url == url), forms[0]).form


def authorize(api: FhirApi) -> None:
    """Authenticates the client as for a hook, with this address as audience; raises
    Unauthorized."""
    header = request.headers.get("Authorization")
    g.client = api.authenticator.client(header, (request.path,), api.clock()).id


def sent_parameters() -> Parameters:
    """Reads the parameters of an operation: of the body, or of the query of a GET; raises
    BadRequest."""
    if request.method == "POST":
        return read_parameters(parsed_body())
    return read_query(request.args.items(multi=True))


def as_fhir(path: str, response: Response) -> Response:
    """Declares all JSON below the path of the routes as FHIR, errors and unknown addresses
    included."""
    if request.path.startswith(path) and response.mimetype == "application/json":
        response.content_type = FHIR_JSON
    return response


def patient_response(resource: dict[str, Any]) -> Response:
    """Returns a resource about a patient as a response that no cache keeps."""
    response = Response(orjson.dumps(resource), content_type=FHIR_JSON)
    response.headers["Cache-Control"] = "no-store"
    return response


def tagged(body: bytes, tag: str) -> Response:
    """Returns content with its entity tag, or 304 if the caller has it already."""
    if request.if_none_match.contains_weak(tag.removeprefix('W/"').rstrip('"')):
        response = without_body(HTTPStatus.NOT_MODIFIED)
    elif request.args.get("_pretty") == "true":
        pretty = orjson.dumps(orjson.loads(body), option=orjson.OPT_INDENT_2)
        response = Response(pretty, content_type=FHIR_JSON)
    else:
        response = Response(body, content_type=FHIR_JSON)
    response.headers["ETag"] = tag
    response.headers["Cache-Control"] = "no-cache"  # caches may keep it, and must revalidate
    return response


def page_links(address: str, asked: Search, total: int) -> list[dict[str, str]]:
    """Returns links to this page and to those beside it, with the filters as sent."""
    count, offset = asked.count, asked.offset
    places = {"self": offset}
    if count and offset > 0:
        places |= {"first": 0, "previous": max(offset - count, 0)}
    if count and offset + count < total:
        places["next"] = offset + count
    return [
        {"relation": relation, "url": f"{address}?{_query(asked, place)}"}
        for relation, place in places.items()
    ]


def _query(asked: Search, offset: int) -> str:
    pairs = [*asked.filters, ("_count", str(asked.count))]
    return urlencode([*pairs, ("_offset", str(offset))] if offset else pairs)
