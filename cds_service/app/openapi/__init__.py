"""``/openapi.json``: the HTTP interface as OpenAPI 3.1.

``openapi.yaml`` holds the text; services and their prefetch come from content. Tests compare the
document with the running routes, their statuses and the checks of requests.
"""

from __future__ import annotations

from cds_service.app.openapi.description import describe, openapi_blueprint

__all__ = ["describe", "openapi_blueprint"]
