"""Trace context: continued when it is valid, begun when not, passed on to the FHIR server."""

from __future__ import annotations

import re

import pytest

from cds_service.telemetry import tracing
from tests.support.clinic import QUIET, Clinic, log_lines

TRACE, PARENT = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
GOOD = f"00-{TRACE}-{PARENT}-01"


IDS = f"{TRACE}-{PARENT}"


@pytest.mark.parametrize("header", [GOOD, f"00-{IDS}-00", f"01-{IDS}-01", f"01-{IDS}-01-x"])
def test_a_valid_trace_is_continued_under_a_span_of_our_own(header: str) -> None:
    span = tracing.begin(header)

    assert span.trace_id == TRACE
    assert span.span_id != PARENT
    assert tracing.outgoing() == {
        "traceparent": f"00-{TRACE}-{span.span_id}-{header.split('-')[3]}"
    }


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        "Quetzal-Canary",
        GOOD.upper(),
        f"{GOOD}-x",
        f"{GOOD} ",
        f"ff-{TRACE}-{PARENT}-01",
        f"00-{'0' * 32}-{PARENT}-01",
        f"00-{TRACE}-{'0' * 16}-01",
        f"00-{TRACE}-{PARENT}",
        f"00-{TRACE}{PARENT}-01",
    ],
)
def test_anything_else_begins_a_trace(header: str | None) -> None:
    first, second = tracing.begin(header), tracing.begin(header)

    assert re.fullmatch(r"00-[0-9a-f]{32}-[0-9a-f]{16}-01", first.traceparent)
    assert TRACE != first.trace_id != second.trace_id


def test_every_line_of_a_request_holds_its_ids(
    clinic: Clinic, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")

    clinic.post(clinic.request(QUIET), headers={"traceparent": GOOD, "X-Request-Id": "r-7"})
    clinic.post(clinic.request(QUIET))

    first, second = log_lines(caplog)
    assert (first["trace_id"], first["request_id"]) == (TRACE, "r-7")
    assert re.fullmatch(r"[0-9a-f]{16}", first["span_id"])
    assert second["trace_id"] != TRACE
