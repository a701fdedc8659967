"""``/fhir``: the content to read and search, and operations on it (FHIR R4, JSON only).

Reading needs no token, because the content is public; operations take a patient's data and pass
the same gate as hooks. What is read was serialised once and is tagged with the content's version.
"""

from __future__ import annotations

import uuid
from http import HTTPStatus
from typing import Any
from urllib.parse import urlencode

import orjson
from flask import Blueprint, Response, g, request
from werkzeug.exceptions import MethodNotAllowed

from cds_service.access.tokens import Authenticator
from cds_service.fhir.dates import Clock
from cds_service.fhir.errors import Issue, NotAcceptable
from cds_service.fhir.questionnaire_response import as_outcome, validate
from cds_service.fhir_api.apply import apply_plan
from cds_service.fhir_api.capabilities import capability_statement
from cds_service.fhir_api.catalogue import Catalogue, Search, bundle, read_search
from cds_service.fhir_api.parameters import Parameters, read_parameters, read_query
from cds_service.fhir_api.populate import Populator, launch_of, populated_parameters
from cds_service.hooks.http import parsed_body, resource_of, without_body
from cds_service.hooks.pipeline import Pipeline
from cds_service.telemetry.logs import LOG

FHIR_JSON = "application/fhir+json"
FORMATS = frozenset({"json", "application/json", "text/json", FHIR_JSON})


def fhir_blueprint(
    pipeline: Pipeline, populator: Populator, gate: Authenticator, clock: Clock, base_url: str
) -> Blueprint:
    """Reading, searching, and operations. ``base_url`` is the public address of the service."""
    routes = Blueprint("fhir", __name__, url_prefix="/fhir")
    catalogue = Catalogue(pipeline.content)
    base = f"{base_url}/fhir"
    statement = orjson.dumps(capability_statement(pipeline.content, base))

    def authorise() -> None:
        """Passes the gate of the hooks, for a token meant for this address."""
        g.client = gate.client(request.headers.get("Authorization"), (request.path,), clock()).id

    routes.before_request(check_format)
    routes.after_app_request(as_fhir)

    @routes.get("/metadata")
    def metadata() -> Response:
        return tagged(statement, catalogue.tag)

    @routes.get("/<resource_type>")
    def search(resource_type: str) -> Response:
        catalogue.of(resource_type)
        lenient = "handling=lenient" in request.headers.get("Prefer", "").replace(" ", "")
        asked = read_search(request.args.items(multi=True), lenient)
        found = catalogue.find(resource_type, asked)
        address = f"{base}/{resource_type}"
        page = bundle(found, asked, page_links(address, asked, len(found)), address)
        return tagged(orjson.dumps(page), catalogue.tag)

    @routes.get("/<resource_type>/<resource_id>")
    def read(resource_type: str, resource_id: str) -> Response:
        if (resource_type, resource_id) == ("QuestionnaireResponse", "$validate"):
            raise MethodNotAllowed(["POST"])
        return tagged(catalogue.read(resource_type, resource_id).body, catalogue.tag)

    @routes.route("/PlanDefinition/<plan_id>/$apply", methods=["GET", "POST"])
    def apply(plan_id: str) -> Response:
        authorise()
        plan = catalogue.read("PlanDefinition", plan_id).resource
        applied = apply_plan(pipeline, plan, sent_parameters(), clock(), str(uuid.uuid4()))
        g.cards = len(applied.evaluation.shown)
        for text in applied.evaluation.errors:
            LOG.error("rule could not be evaluated", rule=text)
        return answered(applied.care_plan)

    @routes.route("/Questionnaire/<questionnaire_id>/$populate", methods=["GET", "POST"])
    def populate(questionnaire_id: str) -> Response:
        authorise()
        catalogue.read("Questionnaire", questionnaire_id)
        launch = launch_of(sent_parameters())
        return answered(populated_parameters(populator.populate(launch, clock())))

    @routes.post("/QuestionnaireResponse/$validate")
    def validate_response() -> Response:
        authorise()
        problems = validate(populator.form, resource_of(parsed_body()), now=clock())
        return answered(as_outcome(problems))

    return routes


def sent_parameters() -> Parameters:
    """The parameters of an operation: of the body, or of the query of a GET."""
    if request.method == "POST":
        return read_parameters(parsed_body())
    return read_query(request.args.items(multi=True))


def check_format() -> None:
    """JSON is all there is; raises NotAcceptable for who takes none."""
    asked = request.args.get("_format")
    if asked is not None:
        # A plus sign that was not encoded arrives as a space.
        fits = asked.partition(";")[0].strip().replace(" ", "+").lower() in FORMATS
    else:
        fits = not request.accept_mimetypes or any(
            request.accept_mimetypes[name] > 0 for name in (FHIR_JSON, "application/json")
        )
    if not fits:
        words = f"Only JSON is served. Accept {FHIR_JSON}, or send _format=json."
        raise NotAcceptable(Issue("not-supported", words))


def as_fhir(response: Response) -> Response:
    """Everything below ``/fhir`` is FHIR, errors too, and those of addresses that are not there."""
    if request.path.startswith("/fhir/") and response.mimetype == "application/json":
        response.content_type = FHIR_JSON
    return response


def answered(resource: dict[str, Any]) -> Response:
    """The answer to an operation: about a patient, so nobody keeps it."""
    response = Response(orjson.dumps(resource), content_type=FHIR_JSON)
    response.headers["Cache-Control"] = "no-store"
    return response


def tagged(body: bytes, tag: str) -> Response:
    """Content with the tag of its version; nothing but the tag where the caller has it."""
    if request.if_none_match.contains_weak(tag.removeprefix('W/"').rstrip('"')):
        response = without_body(HTTPStatus.NOT_MODIFIED)
    elif request.args.get("_pretty") == "true":
        pretty = orjson.dumps(orjson.loads(body), option=orjson.OPT_INDENT_2)
        response = Response(pretty, content_type=FHIR_JSON)
    else:
        response = Response(body, content_type=FHIR_JSON)
    response.headers["ETag"] = tag
    response.headers["Cache-Control"] = "no-cache"  # keep it, and ask whether it changed
    return response


def page_links(address: str, search: Search, total: int) -> list[dict[str, str]]:
    """Links to this page and to those beside it, holding the parameters that were understood."""
    count, offset = search.count, search.offset
    places = {"self": offset}
    if count and offset > 0:
        places |= {"first": 0, "previous": max(offset - count, 0)}
    if count and offset + count < total:
        places["next"] = offset + count
    return [
        {"relation": relation, "url": f"{address}?{_query(search, place)}"}
        for relation, place in places.items()
    ]


def _query(search: Search, offset: int) -> str:
    pairs = [*search.kept, ("_count", str(search.count))]
    return urlencode([*pairs, ("_offset", str(offset))] if offset else pairs)
