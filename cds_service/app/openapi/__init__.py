"""``/openapi.json``: the HTTP interface as OpenAPI 3.1, derived from the running service.

Services, their prefetch and their contexts come from content and from the checks of requests, the
words of statuses from ``errors``. A test compares the description with the running routes.
"""

from __future__ import annotations

from cds_service.app.openapi.description import describe
from cds_service.app.openapi.route import openapi_blueprint

__all__ = ["describe", "openapi_blueprint"]
