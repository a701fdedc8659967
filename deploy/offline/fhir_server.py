"""A FHIR server in place of HAPI: the demo's own, on port 8080, known by the demo's address."""

from __future__ import annotations

from pathlib import Path

import uvicorn

from demo.own_fhir import OwnFhir

if __name__ == "__main__":
    server = OwnFhir("http://127.0.0.1:8084/fhir", Path("/tmp/fhir"))
    uvicorn.run(server, host="0.0.0.0", port=8080, lifespan="off", log_level="warning")
