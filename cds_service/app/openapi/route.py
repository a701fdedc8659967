"""``GET /openapi.json``."""

from __future__ import annotations

from functools import cache

import orjson
from flask import Blueprint, Response

from cds_service.app.openapi.description import describe
from cds_service.app.openapi.examples import examples
from cds_service.hooks.pipeline import Pipeline
from cds_service.settings import Settings


def openapi_blueprint(pipeline: Pipeline, settings: Settings) -> Blueprint:
    """The route; the document is made when it is first asked for."""
    routes = Blueprint("openapi", __name__)

    @cache
    def document() -> bytes:
        return orjson.dumps(describe(pipeline, settings, examples(pipeline)))

    @routes.get("/openapi.json")
    def openapi() -> Response:
        return Response(document(), content_type="application/json")

    return routes
