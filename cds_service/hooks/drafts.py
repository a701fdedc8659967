"""Suggestions of a card as CDS Hooks JSON: draft orders about one patient, in one call."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from cds_service.content.model import Due, Suggestion
from cds_service.content.orders import SUBJECT
from cds_service.hooks.request import PRACTITIONERS, HookRequest


@dataclass(frozen=True, slots=True)
class Call:
    """The part of a call that its cards need; ``client`` is the id of the caller, ``topic_path``
    stands before the addresses of a further topic of the process."""

    request: HookRequest
    intake_url: str
    client: str
    make_uuid: Callable[..., str]
    topic_path: str = ""

    def uuid(self, *parts: str) -> str:
        """The id of something in the response to this call, the same whenever the call is repeated.

        A keyed hash of client and patient too: calls about two patients may have one hookInstance,
        and feedback on a card of the one must not settle a card of the other. So may calls of two
        topics, because a client calls all services of a hook with one.
        """
        request = self.request
        scope = (self.client, request.patient_id, request.hook_instance)
        topic = (self.topic_path,) if self.topic_path else ()
        return self.make_uuid("call", *scope, *topic, *parts)

    @property
    def content_url(self) -> str:
        """The public address of the pages of the content."""
        return f"{self._site_url}{self.topic_path}/content"

    def form_url(self, form_id: str, *, is_needed: bool) -> str:
        """Returns the address of a form; the needed one of the main topic has its own."""
        is_main = is_needed and not self.topic_path
        return self.intake_url if is_main else f"{self._site_url}/forms/{form_id}"

    @property
    def _site_url(self) -> str:
        return self.intake_url.rpartition("/")[0]


def unkeyed_uuid(*parts: str) -> str:
    """A uuid that anybody can make: for explain and vignettes, whose cards are sent to nobody."""
    return str(uuid.uuid5(uuid.NAMESPACE_OID, "\n".join(parts)))


def suggestion_json(
    suggestion: Suggestion,
    plan: str,
    call: Call,
    now: datetime,
    payload: list[dict[str, str]],
) -> dict[str, Any]:
    """A suggestion with the one order it drafts; ``payload`` is what a message to the person
    says."""
    made: dict[str, Any] = {
        "uuid": call.uuid(plan, suggestion.id),
        "label": suggestion.label,
        "actions": [
            {
                "type": "create",
                "description": suggestion.description,
                "resource": _draft(suggestion, plan, call, now, payload),
            }
        ],
    }
    if suggestion.recommended:
        made["isRecommended"] = True
    return made


def _draft(
    suggestion: Suggestion,
    plan: str,
    call: Call,
    now: datetime,
    payload: list[dict[str, str]],
) -> dict[str, Any]:
    """The draft order of one call, from the template made at load; a message to the person
    carries the self-care sheet."""
    draft = dict(suggestion.order or {})
    if draft["resourceType"] == "CommunicationRequest" and payload:
        draft["payload"] = payload
    request = call.request
    draft["id"] = call.uuid(plan, suggestion.id, "order")
    draft[SUBJECT[draft["resourceType"]]] = {"reference": f"Patient/{request.patient_id}"}
    draft["authoredOn"] = now.isoformat(timespec="seconds")
    if suggestion.due:
        draft["restriction"] = {"period": _period(suggestion.due, now)}
    if request.encounter_id:
        draft["encounter"] = {"reference": f"Encounter/{request.encounter_id}"}
    if request.user[0] in PRACTITIONERS:
        draft["requester"] = {"reference": "/".join(request.user)}
    return draft


def _period(due: Due, now: datetime) -> dict[str, str]:
    """When a task may be done; without a window only until when."""
    hours = {"start": due.begin, "end": due.end}
    return {
        name: (now + timedelta(hours=value)).isoformat(timespec="seconds")
        for name, value in hours.items()
        if value is not None
    }
