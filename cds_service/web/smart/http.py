"""Calls to an EHR's servers: the guarded connection of ``outside``, one deadline, one size limit.

Nothing that was sent or received is in an exception: bodies hold tokens and answers.
"""

from __future__ import annotations

import time
from collections.abc import Mapping

import httpx

from cds_service.access.addresses import DEVELOPMENT_HOSTS, read_address
from cds_service.access.fhir_access import FhirPolicy
from cds_service.access.outbound import TooLarge, deadline, read_whole

TIMEOUT_SECONDS = 10.0  # for one call: EHRs write slowly
MAX_BYTES = 2_000_000  # bytes of an answer


class CallFailed(Exception):
    """No usable answer: the server cannot be reached, is too slow, or sends too much."""


def may_be_called(url: str, policy: FhirPolicy) -> bool:
    """Checks whether a URL (a query is in order) is https, or http to this machine in
    development."""
    if "#" in url:
        return False
    address = read_address(url.partition("?")[0])
    if address is None:
        return False
    return address.scheme == "https" or (policy.allow_http and address.host in DEVELOPMENT_HOSTS)


class Calls:
    """Sends for one app over a long-lived client that checks addresses."""

    def __init__(self, client: httpx.Client, policy: FhirPolicy) -> None:
        self.client = client
        self.policy = policy

    def send(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        content: bytes | None = None,
        seconds: float = TIMEOUT_SECONDS,
    ) -> httpx.Response:
        """The answer, read whole, whatever its status; raises CallFailed."""
        if not may_be_called(url, self.policy):
            raise CallFailed("the address may not be called")
        until = time.monotonic() + seconds
        try:
            with (
                deadline(until),
                self.client.stream(
                    method, url, headers=headers, content=content, timeout=seconds
                ) as response,
            ):
                body = read_whole(response, MAX_BYTES)
        except TooLarge as error:
            raise CallFailed(str(error)) from None
        except (httpx.HTTPError, httpx.InvalidURL):
            raise CallFailed("the server cannot be reached, or not in time") from None
        return httpx.Response(
            response.status_code,
            headers=response.headers,
            content=body,
            request=response.request,
        )
