"""W3C Trace Context (level 1): one id follows a call from the EHR through us to its FHIR server.

A valid ``traceparent`` is continued under a new span id; anything else begins a new trace. The
vendor's ``tracestate`` is not read and not passed on.
"""

from __future__ import annotations

import re
import secrets
from contextvars import ContextVar
from dataclasses import dataclass

_TRACEPARENT = re.compile(r"([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?", re.A)
_NO_TRACE, _NO_SPAN = "0" * 32, "0" * 16


@dataclass(frozen=True, slots=True)
class Span:
    """Our part of a trace; ids in lower-case hexadecimal, ``flags`` as they came (01 = sampled)."""

    trace_id: str
    span_id: str
    flags: str = "01"

    @property
    def traceparent(self) -> str:
        """The header for calls made on the way."""
        return f"00-{self.trace_id}-{self.span_id}-{self.flags}"


CURRENT: ContextVar[Span | None] = ContextVar("span", default=None)


def begin(traceparent: str | None) -> Span:
    """The span of a request, from its ``traceparent`` header if that is valid; also ``CURRENT``."""
    trace_id, flags = _continued(traceparent or "") or (secrets.token_hex(16), "01")
    span = Span(trace_id, secrets.token_hex(8), flags)
    CURRENT.set(span)
    return span


def outgoing() -> dict[str, str]:
    """The headers for a call to another server, made for the request of this thread."""
    span = CURRENT.get()
    return {"traceparent": span.traceparent} if span else {}


def _continued(header: str) -> tuple[str, str] | None:
    """Trace id and flags of a valid header; of later versions only the known part is read."""
    found = _TRACEPARENT.fullmatch(header)
    if found is None:
        return None
    version, trace_id, parent_id, flags, more = found.groups()
    if version == "ff" or (version == "00" and more):
        return None
    return None if trace_id == _NO_TRACE or parent_id == _NO_SPAN else (trace_id, flags)
