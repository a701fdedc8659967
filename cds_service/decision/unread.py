"""Data of a call that could not be understood: never absent in silence, always said."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from cds_service.content.model import Resource
from cds_service.fhir.dates import Span


class Why(StrEnum):
    """A reason why something could not be understood."""

    SHAPE = "not shaped as R4 says"
    RESOURCE = "not a resource"
    MODIFIER = "a modifier is not understood"
    STATUS = "its status is not understood"
    CODE = "no code of a known system"
    MEDICINE = "the medicine it refers to is not there"
    PATIENT = "whom it is about cannot be told"
    DATE = "when it was cannot be told"
    RESULT = "its result is not understood"
    VALUE = "its value is not understood"
    NO_VALUE = "the newest has no value"
    FORM = "which form it answers cannot be told"
    AUTHOR = "it was not recorded by somebody who may"


@dataclass(frozen=True, slots=True)
class Unread:
    """One thing that could not be understood.

    ``type`` is a resource type, ``reference`` its type and id, for the trace. ``value_set`` is the
    canonical of the set that its code is in, where the code could be read; ``when`` its date.
    ``told_by`` is the input of rules that says it too, so that a note of the content can word it.
    """

    type: str
    why: Why
    reference: str = ""
    value_set: str | None = None
    when: Span | None = None
    told_by: str = ""


def unread(
    resource: Resource, why: Why, value_set: str | None = None, when: Span | None = None
) -> Unread:
    """Returns what could not be understood in a resource."""
    kind = str(resource.get("resourceType"))
    return Unread(kind, why, f"{kind}/{resource.get('id')}", value_set, when)
