"""Content negotiation below ``/fhir``: JSON of FHIR R4 in UTF-8 is all there is."""

from __future__ import annotations

from collections.abc import Mapping

from flask import request
from werkzeug.datastructures import MIMEAccept
from werkzeug.http import parse_options_header

from cds_service.fhir.errors import Issue, NotAcceptable

FHIR_JSON = "application/fhir+json"
FORMATS = frozenset({"json", "application/json", "text/json", FHIR_JSON})
# Parameters that would ask for another answer; any other changes nothing here.
SERVED = {"fhirversion": {"4.0", "4.0.1"}, "charset": {"utf-8"}}


def check_format() -> None:
    """Checks ``_format``, or else ``Accept``, of the current request; raises NotAcceptable."""
    asked = request.args.get("_format")
    if asked is not None:
        kind, parameters = parse_options_header(asked)
        # A plus sign that was not encoded arrives as a space.
        accepted = kind.replace(" ", "+") in FORMATS and _is_served(parameters)
    else:
        accepted = not request.accept_mimetypes or _accepts(request.accept_mimetypes)
    if not accepted:
        words = (
            f"Only JSON of FHIR 4.0 in UTF-8 is served. Accept {FHIR_JSON}, or send _format=json."
        )
        raise NotAcceptable(Issue("not-supported", words))


def _accepts(header: MIMEAccept) -> bool:
    """True if a range covers JSON with more than q=0; werkzeug covers none that has parameters,
    so those that are served are left out first (RFC 9110, 12.5.1)."""
    ranges = [(parse_options_header(sent), quality) for sent, quality in header]
    bare = MIMEAccept([(kind, quality) for (kind, own), quality in ranges if _is_served(own)])
    return any(bare[name] > 0 for name in (FHIR_JSON, "application/json"))


def _is_served(parameters: Mapping[str, str]) -> bool:
    return all(
        value.lower() in SERVED.get(name.lower(), {value.lower()})
        for name, value in parameters.items()
    )
