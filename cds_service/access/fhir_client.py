"""Fetches missing prefetch from the EHR's FHIR server (``docs/conformance.md`` 3.1-3.4, 3.10).

Prevents SSRF: only bases an operator allowed are called, over https (loopback excepted in
development), without redirects; ``next`` links stay on the same base; addresses are checked as
``outbound`` says. The access token goes to that base and nowhere else. Everything has a limit:
total time, pages, bytes, calls at a time.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from concurrent.futures import Future, wait
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urljoin

import httpx
import orjson
from pydantic import SecretStr

from cds_service.access.addresses import DEVELOPMENT_HOSTS, Address, read_address
from cds_service.access.fhir_access import FhirAccess, FhirPolicy
from cds_service.access.fhir_server import MAX_THREADS, FetchFailed, FhirServer
from cds_service.access.outbound import TooLarge, deadline, outbound_client, read_whole
from cds_service.fhir.bundles import next_links
from cds_service.fhir.json_text import read_json
from cds_service.telemetry import metrics
from cds_service.telemetry.tracing import outgoing


@dataclass(frozen=True, slots=True)
class Limits:
    """``seconds`` for all keys together; ``pages`` and ``size`` (bytes) for each key."""

    seconds: float = 2.5
    pages: int = 10
    size: int = 10_000_000


@dataclass(frozen=True, slots=True)
class _Sender:
    """The headers of each query of one call: the EHR's token and the trace context."""

    token: SecretStr | None
    trace: Mapping[str, str]

    def headers(self) -> dict[str, str]:
        bearer = {"Authorization": f"Bearer {self.token.get_secret_value()}"} if self.token else {}
        return {**self.trace, **bearer}


class FhirClient:
    """Fetches from the FHIR servers of one process; thread-safe. Make it after the fork.

    ``threads`` is their number for each server.
    """

    def __init__(self, limits: Limits | None = None, threads: int = MAX_THREADS) -> None:
        self.limits = limits or Limits()
        self._threads = threads
        self._lock = threading.Lock()
        self._servers: dict[tuple[Address | None, bool], FhirServer] = {}
        self._clients = {private: outbound_client(private) for private in (False, True)}

    def close(self) -> None:
        """Ends connections and threads."""
        for server in self._servers.values():
            server.close()
        for client in self._clients.values():
            client.close()

    def connection(self, allow_private: bool) -> httpx.Client:
        """Returns the long-lived client for other calls to the same servers."""
        return self._clients[allow_private]

    def server(self, base: str, policy: FhirPolicy) -> FhirServer:
        """Returns the limits of a base URL that an operator allowed (so there are few)."""
        with self._lock:
            key = read_address(base), policy.allow_private
            if key not in self._servers:
                self._servers[key] = FhirServer(self._threads)
            return self._servers[key]

    def fetch(
        self,
        access: FhirAccess,
        queries: Mapping[str, str],
        policy: FhirPolicy,
        spent: float = 0.0,
    ) -> dict[str, dict[str, Any] | FetchFailed]:
        """Key -> resource or Bundle (all pages in one), or why it failed. ``spent`` are the seconds
        that earlier fetches of the same call took of its limit. Never raises."""
        try:
            base = _allowed_base(access, policy)
            server = self.server(base, policy)
            server.enter()
        except FetchFailed as failure:
            return _counted(dict.fromkeys(queries, failure))
        fetched: Fetched = {}
        try:
            with metrics.FETCH_SECONDS.time():
                fetched = self._fetch_all(
                    access, queries, self._clients[policy.allow_private], base, server, spent
                )
        finally:
            server.leave(any(_is_answered(outcome) for outcome in fetched.values()))
        return _counted(fetched)

    def _fetch_all(
        self,
        access: FhirAccess,
        queries: Mapping[str, str],
        client: httpx.Client,
        base: str,
        server: FhirServer,
        spent: float,
    ) -> Fetched:
        seconds = max(self.limits.seconds - spent, 0.0)
        until = time.monotonic() + seconds
        sender = _Sender(access.token, outgoing())
        running: dict[str, Future[dict[str, Any]]] = {
            key: server.threads.submit(
                self._fetch_key, client, base, filled(query, access), sender, until
            )
            for key, query in queries.items()
        }
        wait(running.values(), timeout=seconds)
        return {key: _outcome(future) for key, future in running.items()}

    def _fetch_key(
        self, client: httpx.Client, base: str, query: str, sender: _Sender, until: float
    ) -> dict[str, Any]:
        url, entries, size, first = f"{base}/{query}", list[Any](), 0, None
        for _ in range(self.limits.pages):
            body, read = self._get(client, url, sender, until, self.limits.size - size)
            size += read
            kind = body.get("resourceType")
            if kind == "OperationOutcome":
                raise FetchFailed(
                    "could not be read: the FHIR server answered OperationOutcome", "answer"
                )
            if kind != "Bundle":
                return body
            found = body.get("entry")
            entries += found if isinstance(found, list) else []
            first = first or {name: body[name] for name in TOLD if name in body}
            following = _next_link(body, url)
            if following is None:
                return {"resourceType": "Bundle", "entry": entries, **first}
            url = following
            if not _is_at(url, base):  # the token must not travel elsewhere
                metrics.FETCH_FAILURES.labels("elsewhere").inc()
                break
        link = [{"relation": "next", "url": url}]  # there is more than could be read
        return {"resourceType": "Bundle", "entry": entries, **(first or {}), "link": link}

    def _get(
        self, client: httpx.Client, url: str, sender: _Sender, until: float, room: int
    ) -> tuple[dict[str, Any], int]:
        try:
            with (
                deadline(until),
                client.stream(
                    "GET",
                    url,
                    headers=sender.headers(),
                    timeout=_left(until),
                ) as response,
            ):
                if response.status_code != httpx.codes.OK:
                    raise FetchFailed(
                        f"could not be read: the FHIR server answered {response.status_code}",
                        "status",
                    )
                body = read_whole(response, room)
        except TooLarge as error:
            raise FetchFailed(f"could not be read: {error}", "size") from None
        except httpx.TimeoutException:
            raise FetchFailed("could not be read in time", "time") from None
        except (httpx.HTTPError, httpx.InvalidURL):
            words = "could not be read: the FHIR server cannot be reached"
            raise FetchFailed(words, "unreachable") from None
        try:
            resource = read_json(body)
        except orjson.JSONDecodeError:
            raise FetchFailed("could not be read: the answer is not JSON", "answer") from None
        if not isinstance(resource, dict) or not isinstance(resource.get("resourceType"), str):
            raise FetchFailed("could not be read: the answer is not a FHIR resource", "answer")
        return resource, len(body)


def filled(query: str, access: FhirAccess) -> str:
    """Fills a prefetch template; ids are percent-encoded."""
    query = query.replace("{{context.patientId}}", quote(access.patient_id, safe=""))
    encounter = quote(access.encounter_id or "", safe="")
    return query.replace("{{context.encounterId}}", encounter).replace("|", "%7C")


Fetched = dict[str, dict[str, Any] | FetchFailed]


def _counted(fetched: Fetched) -> Fetched:
    """Counts failures by reason; returns what was fetched."""
    for found in fetched.values():
        if isinstance(found, FetchFailed):
            metrics.FETCH_FAILURES.labels(found.reason).inc()
    return fetched


def _outcome(future: Future[dict[str, Any]]) -> dict[str, Any] | FetchFailed:
    if not future.done():
        future.cancel()
        return FetchFailed("could not be read in time", "time")
    error = future.exception()
    if error is None:
        return future.result()
    if isinstance(error, FetchFailed):
        return error
    return FetchFailed(f"could not be read ({type(error).__name__})")


def _is_answered(outcome: dict[str, Any] | FetchFailed) -> bool:
    return not isinstance(outcome, FetchFailed) or outcome.reason not in ("time", "unreachable")


def _allowed_base(access: FhirAccess, policy: FhirPolicy) -> str:
    """Returns the base to call; raises FetchFailed with what an operator has to do."""
    if access.server is None:
        raise FetchFailed("was not sent, and no fhirServer was given to fetch it from", "no-server")
    if access.token_patient not in (None, access.patient_id):
        raise FetchFailed("was not sent, and fhirAuthorization is for another patient", "refused")
    if not policy.bases:
        raise FetchFailed("was not sent, and no FHIR server is allowed for this client", "refused")
    base = read_address(access.server)
    if base is None or base not in {read_address(b) for b in policy.bases}:
        raise FetchFailed(
            "was not sent, and fhirServer is not one allowed for this client", "refused"
        )
    local = base.host in DEVELOPMENT_HOSTS and policy.allow_http
    if base.scheme != "https" and not local:
        raise FetchFailed("was not sent, and fhirServer is not https", "refused")
    return access.server.rstrip("/")


# What the first page of a search tells about all of them: whether that is all there is.
TOLD = ("type", "total", "meta")


def _next_link(bundle: Mapping[str, Any], current: str) -> str | None:
    """The next page, wherever it is."""
    link = next(next_links(bundle), None)
    return None if link is None else urljoin(current, link)


def _is_at(url: str, base: str) -> bool:
    """Checks whether an address is on the server at ``base``, and below it."""
    there, home = read_address(url.partition("?")[0]), read_address(base)
    return there is not None and home is not None and _is_below(there, home)


def _is_below(there: Address, home: Address) -> bool:
    """Says if an address is below another: on the same server, with a path that begins so."""
    same = (there.scheme, there.host, there.port) == (home.scheme, home.host, home.port)
    return same and f"{there.path}/".startswith(f"{home.path}/")


def _left(until: float) -> float:
    left = until - time.monotonic()
    if left <= 0:
        raise FetchFailed("could not be read in time", "time")
    return left
