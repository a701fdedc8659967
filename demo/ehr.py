"""An EHR for the demo and the tests: a real FHIR R4 server with SMART sign-in in front of it.

``sekmet-fhir`` holds the resources, or a FHIR server elsewhere; ``demo.authorization`` gives out
launches and tokens. It listens on 127.0.0.1 and nowhere else. A token that is sent must be good;
whether one *must* be sent is a choice (``tokens_required``), because the clinic page reads the same
server without signing in. A good token opens the whole server: scopes are noted and
not enforced.
"""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import uvicorn
from starlette.requests import Request
from starlette.responses import JSONResponse

from demo.authorization import App, Authorization, Context

Asgi = Callable[[MutableMapping[str, Any], Any, Any], Awaitable[None]]
METADATA = "/fhir/metadata"
DISCOVERY = "/fhir/.well-known/smart-configuration"
START_SECONDS = 20


class DemoEhr:
    """``DemoEhr(...).start()``; port 0 takes a free one. ``chart`` holds the resources it starts
    with and goes back to on ``reset``. ``elsewhere`` is a FHIR server to use instead of one of its
    own; what else that holds stays. ``wrap`` may put a test's faults around everything."""

    def __init__(  # noqa: PLR0913 - settings by name
        self,
        folder: Path,
        chart: Iterable[dict[str, Any]] = (),
        apps: Iterable[App] = (),
        *,
        port: int = 0,
        origins: tuple[str, ...] = (),
        tokens_required: bool = False,
        elsewhere: str | None = None,
        wrap: Callable[[Asgi], Asgi] = lambda app: app,
    ) -> None:
        self.folder = folder
        self.chart = tuple(chart)
        self.tokens_required = tokens_required
        self._socket = socket.socket()
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._socket.bind(("127.0.0.1", port))
        self.root = f"http://127.0.0.1:{self._socket.getsockname()[1]}"
        self.fhir_base = f"{self.root}/fhir"
        self.authorization = Authorization(
            f"{self.root}/auth", self.fhir_base, tuple(apps), self.people, origins
        )
        self._fhir = _fhir(self.fhir_base, folder, elsewhere)
        self._signing_in = self.authorization.routes()
        self._server = uvicorn.Server(
            uvicorn.Config(
                wrap(self._serve), log_level="warning", lifespan="off", ws="none", interface="asgi3"
            )
        )
        self._thread = threading.Thread(
            target=self._server.run, kwargs={"sockets": [self._socket]}, daemon=True
        )

    def start(self) -> DemoEhr:
        """Loads the chart and serves; returns when it answers."""
        self.reset()
        self._thread.start()
        until = time.monotonic() + START_SECONDS
        while not self._server.started:
            if time.monotonic() > until or not self._thread.is_alive():
                raise RuntimeError(f"the demo FHIR server did not start at {self.root}")
            time.sleep(0.02)
        return self

    def stop(self) -> None:
        """Ends the server; its folder stays."""
        self._server.should_exit = True
        if self._thread.is_alive():
            self._thread.join()
        self._socket.close()
        self._fhir.close()

    def reset(self) -> None:
        """Back to the chart it started with: everything written since is gone."""
        self.authorization.forget()
        self._fhir.fill(self.chart)

    # -- what a test or the clinic page does to it -----------------------------------------

    def put(self, resource: dict[str, Any]) -> None:
        """Holds a resource under its own id."""
        self._fhir.put(resource)

    def find(self, kind: str, **parameters: str) -> list[dict[str, Any]]:
        """The resources of a search, as they are stored."""
        return self._fhir.find(kind, **parameters)

    def people(self) -> list[tuple[str, str]]:
        """(id, name) of every patient, by name."""
        named = ((p["id"], _name(p)) for p in self.find("Patient"))
        return sorted(named, key=lambda person: person[1])

    def launch_url(
        self,
        app_launch_url: str,
        patient: str,
        *,
        encounter: str | None = None,
        app_context: str | None = None,
        user: str | None = None,
    ) -> str:
        """The address that opens an app for a patient, as an EHR would open it."""
        launch = self.authorization.launch(Context(patient, encounter, app_context, user))
        return f"{app_launch_url}?{urlencode({'iss': self.fhir_base, 'launch': launch})}"

    # -- serving ---------------------------------------------------------------------------

    async def _serve(self, scope: MutableMapping[str, Any], receive: Any, send: Any) -> None:
        path = scope["path"]
        if path == METADATA:
            return await self._fhir(scope, receive, send)
        if not path.startswith("/fhir/") or path == DISCOVERY:
            return await self._signing_in(scope, receive, send)
        request = Request(scope)
        if request.method != "OPTIONS" and not self._admitted(request):
            return await _refusal(scope, receive, send)
        return await self._fhir(scope, receive, send)

    def _admitted(self, request: Request) -> bool:
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        if not scheme:
            return not self.tokens_required
        return scheme.lower() == "bearer" and self.authorization.token(token) is not None


_refusal = JSONResponse(
    {
        "resourceType": "OperationOutcome",
        "issue": [{"severity": "error", "code": "login", "diagnostics": "Sign in: no good token."}],
    },
    401,
    {"WWW-Authenticate": "Bearer", "Access-Control-Allow-Origin": "*"},
    "application/fhir+json",
)


def _fhir(base: str, folder: Path, elsewhere: str | None) -> Any:
    """What holds the resources. Imported here: where one is used, the other is not installed."""
    if elsewhere:
        from demo.other_fhir import OtherFhir  # noqa: PLC0415 - see above

        return OtherFhir(elsewhere)
    from demo.own_fhir import OwnFhir  # noqa: PLC0415 - see above

    return OwnFhir(base, folder)


def _name(patient: dict[str, Any]) -> str:
    names = patient.get("name") or [{}]
    first = names[0]
    return first.get("text") or " ".join([*first.get("given", []), first.get("family", "")]).strip()
