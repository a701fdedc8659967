"""A FHIR server that runs elsewhere, such as HAPI in a container of docker-compose.yml.

What it holds when the demo starts stays: the made-up people are put beside it. It must give links
with the address that the demo is known by, as HAPI does when told (``server_address``).
"""

from __future__ import annotations

import time
from typing import Any

import httpx
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from demo.people import transaction

JSON = {"Content-Type": "application/fhir+json", "Accept": "application/fhir+json"}
START_SECONDS = 300  # a Java server on a small machine takes its time
CALL_SECONDS = 60
# Of a connection, not of a message; and the demo's own tokens, which mean nothing there.
KEPT_BACK = {"accept-encoding", "authorization", "connection", "content-length", "host"}
NOT_PASSED = {"connection", "content-encoding", "content-length", "transfer-encoding"}


class OtherFhir:
    """ASGI that hands every request below ``/fhir`` on to the server at ``base``."""

    def __init__(self, base: str) -> None:
        self.base = base.rstrip("/")
        self._client = httpx.Client(timeout=CALL_SECONDS, trust_env=False)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        request = Request(scope, receive)
        query = f"?{request.url.query}" if request.url.query else ""
        answer = await run_in_threadpool(
            self._client.request,
            request.method,
            f"{self.base}{scope['path'].removeprefix('/fhir')}{query}",
            headers=[(k, v) for k, v in request.headers.items() if k not in KEPT_BACK],
            content=await request.body(),
        )
        passed = {k: v for k, v in answer.headers.items() if k not in NOT_PASSED}
        await Response(answer.content, answer.status_code, passed)(scope, receive, send)

    def fill(self, chart: tuple[dict[str, Any], ...]) -> None:
        """Puts these resources as one transaction; waits for the server to come up first."""
        self._wait()
        self._client.post(
            f"{self.base}/", json=transaction(list(chart)), headers=JSON
        ).raise_for_status()

    def put(self, resource: dict[str, Any]) -> None:
        """Holds a resource under its own id."""
        address = f"{self.base}/{resource['resourceType']}/{resource['id']}"
        self._client.put(address, json=resource, headers=JSON).raise_for_status()

    def find(self, kind: str, **parameters: str) -> list[dict[str, Any]]:
        """The resources of a search."""
        answer = self._client.get(
            f"{self.base}/{kind}", params={**parameters, "_count": "500"}, headers=JSON
        )
        entries = answer.raise_for_status().json().get("entry", [])
        return [e["resource"] for e in entries if e["resource"]["resourceType"] == kind]

    def close(self) -> None:
        """Ends the connections."""
        self._client.close()

    def _wait(self) -> None:
        until = time.monotonic() + START_SECONDS
        while time.monotonic() < until:
            try:
                if self._client.get(f"{self.base}/metadata").status_code == httpx.codes.OK:
                    return
            except httpx.TransportError:
                pass
            time.sleep(1)
        raise RuntimeError(f"no FHIR server answered at {self.base}")
