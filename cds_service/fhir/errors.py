"""One table: what went wrong -> HTTP status -> the words and OperationOutcome a caller sees.

Words say what is wrong, where, and what to do next; they never repeat a value that was sent,
because values are about a patient (``docs/conformance.md`` 3.7).
"""

from __future__ import annotations

from dataclasses import dataclass
from http import HTTPStatus
from typing import Any


@dataclass(frozen=True, slots=True)
class Issue:
    """One OperationOutcome issue: ``code`` is an issue-type code, ``expression`` where it is."""

    code: str
    diagnostics: str
    expression: str | None = None
    severity: str = "error"

    def as_fhir(self) -> dict[str, Any]:
        """The issue as FHIR R4 JSON."""
        issue: dict[str, Any] = {
            "severity": self.severity,
            "code": self.code,
            "diagnostics": self.diagnostics,
        }
        if self.expression:
            issue["expression"] = [self.expression]
        return issue


class ServiceError(Exception):
    """A call that cannot be answered with cards; ``issues`` is never empty."""

    status = HTTPStatus.INTERNAL_SERVER_ERROR

    def __init__(self, *issues: Issue) -> None:
        super().__init__("; ".join(issue.diagnostics for issue in issues))
        self.issues = issues


class BadRequest(ServiceError):
    """The request is not a CDS Hooks request (``docs/conformance.md`` section 2)."""

    status = HTTPStatus.BAD_REQUEST


class UnknownService(ServiceError):
    """No service has that id (``docs/conformance.md`` 2.4)."""

    status = HTTPStatus.NOT_FOUND


class MissingFacts(ServiceError):
    """Required data could not be had (``docs/conformance.md`` 3.4): 412."""

    status = HTTPStatus.PRECONDITION_FAILED


class UnknownResource(ServiceError):
    """No content has that type and id."""

    status = HTTPStatus.NOT_FOUND


class NotAcceptable(ServiceError):
    """The caller takes no format there is."""

    status = HTTPStatus.NOT_ACCEPTABLE


class WrongMediaType(ServiceError):
    """The body is not declared as plain JSON (``docs/conformance.md`` 2.18)."""

    status = HTTPStatus.UNSUPPORTED_MEDIA_TYPE


class NotServed(ServiceError):
    """There is nothing at this address."""

    status = HTTPStatus.NOT_FOUND

    def __init__(self) -> None:
        super().__init__(Issue(*HTTP_WORDS[HTTPStatus.NOT_FOUND]))


class StoreDown(ServiceError):
    """Error: the data sent could not be saved, so it is not acknowledged."""

    status = HTTPStatus.SERVICE_UNAVAILABLE

    def __init__(self) -> None:
        words = "The store is not available, and nothing was saved. Send it again later."
        super().__init__(Issue("transient", words))


# What werkzeug refuses before our code runs -> issue code and words.
HTTP_WORDS = {
    HTTPStatus.BAD_REQUEST: ("invalid", "The request could not be read. Send JSON over HTTP/1.1."),
    HTTPStatus.NOT_FOUND: (
        "not-found",
        "There is nothing at this address. GET /cds-services lists the services.",
    ),
    HTTPStatus.METHOD_NOT_ALLOWED: (
        "not-supported",
        "This address does not take this method; the Allow header names those it takes.",
    ),
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: (
        "too-long",
        "The body is over the size limit. Send less prefetch data.",
    ),
    HTTPStatus.REQUEST_TIMEOUT: (
        "timeout",
        "The request did not arrive in time. Send it again, over a faster connection.",
    ),
    HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE: (
        "too-long",
        "The address and headers are over the size limit. Send fewer or shorter headers.",
    ),
    HTTPStatus.NOT_IMPLEMENTED: (
        "not-supported",
        "The body is packed in a way that is not supported. Send it whole, or in plain chunks.",
    ),
    HTTPStatus.SERVICE_UNAVAILABLE: (
        "transient",
        "The service has too much to do and did not read this request. Send it again later.",
    ),
}
RETRY_SECONDS = 2  # what a 503 says in Retry-After
UNEXPECTED = Issue(
    "exception",
    "The service failed on this request and has given no guidance. "
    "Send it again; if it fails again, tell the operator the X-Request-Id of this answer.",
)


def outcome(*issues: Issue) -> dict[str, Any]:
    """An OperationOutcome holding the issues."""
    return {"resourceType": "OperationOutcome", "issue": [issue.as_fhir() for issue in issues]}
