"""What can go wrong on the way in, as the person reads it. No page repeats what an EHR sent."""

from __future__ import annotations

from dataclasses import dataclass
from http import HTTPStatus


@dataclass(frozen=True, slots=True)
class Problem:
    """One page: its status, heading and words; ``retry`` offers to sign in again."""

    status: HTTPStatus
    heading: str
    words: str
    retry: bool = True


AGAIN = "Open the form again from your health record, or try again here."
PROBLEMS = {
    "not-offered": Problem(
        HTTPStatus.NOT_FOUND,
        "There is no health record to sign in to",
        "This form is not connected to any health record here. You can still answer the questions.",
        retry=False,
    ),
    "unknown-issuer": Problem(
        HTTPStatus.FORBIDDEN,
        "This health record is not connected to the form",
        "The form was opened from a place it does not know, so nothing was read or sent. Please "
        "tell your clinic.",
        retry=False,
    ),
    "ehr-down": Problem(
        HTTPStatus.BAD_GATEWAY,
        "Your health record does not answer",
        "It may be busy or being looked after. Please wait a minute and try again.",
    ),
    "not-smart": Problem(
        HTTPStatus.BAD_GATEWAY,
        "Your health record cannot open this form",
        "It does not offer the kind of sign-in this form needs. Please tell your clinic.",
        retry=False,
    ),
    "declined": Problem(
        HTTPStatus.FORBIDDEN,
        "You chose not to connect your health record",
        "That is fine: nothing was read or sent. You can try again if you change your mind, or "
        "talk with your care team in person.",
    ),
    "not-started-here": Problem(
        HTTPStatus.BAD_REQUEST,
        "This sign-in was not started here",
        "It was begun in another browser, was used already, or took too long. " + AGAIN,
    ),
    "refused": Problem(
        HTTPStatus.BAD_GATEWAY,
        "Your health record did not finish the sign-in",
        AGAIN,
    ),
    "no-patient": Problem(
        HTTPStatus.BAD_REQUEST,
        "No patient was chosen",
        "The sign-in worked, but your health record did not say whose form this is, so nothing "
        "was read. Open the form from a patient's record, or choose a patient when you sign in.",
    ),
    "identity": Problem(
        HTTPStatus.BAD_GATEWAY,
        "The sign-in could not be checked",
        "Your health record's proof of who signed in is not in order, so nothing was read. "
        + AGAIN,
    ),
    "store-down": Problem(
        HTTPStatus.SERVICE_UNAVAILABLE,
        "The form cannot be opened just now",
        "It cannot keep your answers at the moment. Please wait a minute and try again.",
    ),
}


class LaunchFailed(Exception):
    """The way in ends here; ``problem`` names the page to show."""

    def __init__(self, problem: str) -> None:
        super().__init__(problem)
        self.problem = PROBLEMS[problem]
