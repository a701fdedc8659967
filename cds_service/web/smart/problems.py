"""Errors of the sign-in. The words are the form's texts: ``launch_..._title``
and ``launch_..._why``. No page repeats what an EHR sent."""

from __future__ import annotations

from dataclasses import dataclass
from http import HTTPStatus


@dataclass(frozen=True, slots=True)
class Problem:
    """One page; ``retry`` offers to sign in again."""

    status: HTTPStatus
    retry: bool = True


PROBLEMS = {
    "not-offered": Problem(HTTPStatus.NOT_FOUND, retry=False),
    "unknown-issuer": Problem(HTTPStatus.FORBIDDEN, retry=False),
    "ehr-down": Problem(HTTPStatus.BAD_GATEWAY),
    "not-smart": Problem(HTTPStatus.BAD_GATEWAY, retry=False),
    "declined": Problem(HTTPStatus.FORBIDDEN),
    "not-started-here": Problem(HTTPStatus.BAD_REQUEST),
    "refused": Problem(HTTPStatus.BAD_GATEWAY),
    "no-patient": Problem(HTTPStatus.BAD_REQUEST),
    "identity": Problem(HTTPStatus.BAD_GATEWAY),
    "not-professional": Problem(HTTPStatus.FORBIDDEN, retry=False),
    "busy": Problem(HTTPStatus.SERVICE_UNAVAILABLE),
    "store-down": Problem(HTTPStatus.SERVICE_UNAVAILABLE),
}


class LaunchFailed(Exception):
    """The way in ends here; ``name`` is a key of ``PROBLEMS``."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.name = name

    @property
    def problem(self) -> Problem:
        """The page to show."""
        return PROBLEMS[self.name]


class NoAnswer(LaunchFailed):
    """The EHR sent no response: a call like this again would only wait again."""

    def __init__(self) -> None:
        super().__init__("ehr-down")
