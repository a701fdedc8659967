"""The addresses of the forms: the needed one under ``/intake``, every other one ``/forms/<id>``.

The routes below are the same. ``/forms/<id>`` of the needed form leads to ``/intake``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Generic, TypeVar

from flask import Blueprint, Response, make_response, redirect, request

from cds_service.web.form.submission import Submit

FORMS, NEEDED = "/forms", "/intake"
FORM_ID = "form_id"  # in the addresses
T = TypeVar("T")


def home_of(form_id: str | None) -> str:
    """Returns the address of a form; without an id, of the needed one."""
    return f"{FORMS}/{form_id}" if form_id else NEEDED


def home() -> str:
    """Returns the address of the form that the request is about."""
    return home_of((request.view_args or {}).get(FORM_ID))


def prefix(form_ids: Iterable[str]) -> str:
    """Returns the rule that the routes of these forms begin with; no other id is found."""
    quoted = ", ".join(f'"{form_id}"' for form_id in form_ids)
    return f"{FORMS}/<any({quoted}):{FORM_ID}>"


@dataclass(frozen=True, slots=True)
class Forms(Generic[T]):
    """The parts that routes need, by the form's id, the needed one first, and ``submits``, which
    write to the EHR of a session that has one."""

    parts: Mapping[str, T]
    submits: Mapping[str, Submit]

    @property
    def needed(self) -> str:
        """Returns the id of the needed form."""
        return next(iter(self.parts))

    @property
    def others(self) -> list[str]:
        """Returns the ids of the other forms."""
        return list(self.parts)[1:]

    def of_request(self) -> T:
        """Returns the part of the form that the request is about."""
        form_id = (request.view_args or {}).get(FORM_ID)
        return self.parts.get(form_id or "", self.parts[self.needed])

    def view(self, view: Callable[..., Response]) -> Callable[..., Response]:
        """Returns a view that is given the part of its form first."""

        def answer(form_id: str = "", **more: Any) -> Response:
            return view(self.parts[form_id or self.needed], **more)

        return answer

    def sending(self, view: Callable[..., Response]) -> Callable[..., Response]:
        """Returns a view that is given what writes to the EHR second."""

        def answer(form_id: str = "", **more: Any) -> Response:
            name = form_id or self.needed
            return view(self.parts[name], self.submits.get(name), **more)

        return answer

    def blueprints(self, name: str, import_name: str) -> list[Blueprint]:
        """Returns a blueprint for the needed form, and one for the others where there are any."""
        needed = Blueprint(name, import_name, template_folder="../templates", url_prefix=NEEDED)
        if not self.others:
            return [needed]
        where = prefix(self.others)
        return [
            needed,
            Blueprint(f"{name}s", import_name, template_folder="../templates", url_prefix=where),
        ]


def moved(form_id: str) -> Blueprint:
    """Leads from ``/forms/<id>`` of the needed form to its own address; a post stays one (308)."""
    routes = Blueprint("moved", __name__)

    def lead(rest: str = "") -> Response:
        query = request.query_string.decode("latin-1")
        path = f"{NEEDED}/{rest}".rstrip("/")
        address = f"{path}?{query}" if query else path
        return make_response(redirect(address, HTTPStatus.PERMANENT_REDIRECT))

    for rule in (f"{FORMS}/{form_id}", f"{FORMS}/{form_id}/<path:rest>"):
        routes.add_url_rule(rule, view_func=lead, methods=["GET", "POST"])
    return routes
