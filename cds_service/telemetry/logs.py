"""Log lines that cannot say anything about a patient.

Ours go through ``LOG``: fixed words and fields. Only the fields of ``FIELDS`` come out, and only
plain values; a test reads our source and allows no other way to log. Of what libraries say, nothing
comes out but who spoke and where, because their words may quote what was sent.
"""

from __future__ import annotations

import logging
import sys
import threading
from types import TracebackType
from typing import Any, Literal

import orjson
import structlog
from structlog.typing import EventDict, WrappedLogger

NAME = "cds_service"
MAX_LENGTH = 300  # characters of a value
FOREIGN = "message of a library"
FIELDS = frozenset(
    {
        "event",  # fixed words of ours
        "level",
        "time",
        # the request
        "request_id",  # the caller's, if it is a plain id
        "trace_id",
        "span_id",
        "method",
        "route",
        "service",
        "client",
        "status",
        "duration_ms",
        "cards",
        "content_version",
        # what went wrong, and where: types, our own words, places in the code
        "error",
        "place",
        "logger",
        "reason",
        "operation",
        "rule",  # the text of a condition in the content
        "finding",  # what is wrong with content that was to be loaded
        "count",
        "seen",  # how many of them were recognised
        "type",  # a resource type of FHIR
        # the service itself
        "setting",
        "silent",
        "switched_off",
        "worker",
        "workers",
        "version",
    }
)


def keep_listed(_logger: WrappedLogger, _name: str, event: EventDict) -> EventDict:
    """Drops every field that is not listed, and every value that is not plain."""
    return {k: _plain(v) for k, v in event.items() if k in FIELDS}


def _plain(value: Any) -> Any:
    if value is None or isinstance(value, bool | int | float):
        return value
    return value[:MAX_LENGTH] if isinstance(value, str) else type(value).__name__


def place_of(trace: TracebackType | None) -> str:
    """Returns where a failure began: function and line, innermost first."""
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return f"{trace.tb_frame.f_code.co_qualname}:{trace.tb_lineno}" if trace else "?"


def _reduced(_logger: WrappedLogger, _name: str, event: EventDict) -> EventDict:
    """A library's record without its words."""
    record: logging.LogRecord = event["_record"]
    said: EventDict = {
        "event": FOREIGN,
        "level": record.levelname.lower(),
        "logger": record.name,
        "place": f"{record.module}:{record.lineno}",
        "_record": record,
        "_from_structlog": False,
    }
    if record.exc_info and record.exc_info[0]:
        said["error"] = record.exc_info[0].__name__
        said["place"] = place_of(record.exc_info[2])
    return said


LOG: structlog.stdlib.BoundLogger = structlog.wrap_logger(
    logging.getLogger(NAME),
    wrapper_class=structlog.stdlib.BoundLogger,
    processors=[
        structlog.stdlib.filter_by_level,
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        keep_listed,
        structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
    ],
)


for _library in ("httpx", "httpcore"):  # their lines hold addresses with patients' ids
    logging.getLogger(_library).setLevel(logging.WARNING)


def configure(form: Literal["json", "text"], level: str) -> None:
    """Sends everything that is logged in this process to standard error, in one form; warnings and
    failures nobody caught as well."""
    handler = logging.StreamHandler()
    handler.setFormatter(_formatter(form))
    logging.basicConfig(handlers=[handler], level=logging.WARNING, force=True)
    logging.getLogger(NAME).setLevel(level.upper())
    logging.captureWarnings(True)
    threading.excepthook = _uncaught_in_thread
    sys.unraisablehook = _unraisable


def _formatter(form: Literal["json", "text"]) -> logging.Formatter:
    renderer = (
        structlog.processors.JSONRenderer(serializer=_as_json)
        if form == "json"
        else structlog.dev.ConsoleRenderer(colors=False, pad_event_to=0)
    )
    return structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=[_reduced],
        processors=[
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            structlog.processors.TimeStamper(fmt="iso", utc=True, key="time"),
            renderer,
        ],
        keep_exc_info=False,
    )


def _as_json(value: Any, **_options: Any) -> str:
    return orjson.dumps(value).decode()


def _uncaught_in_thread(failed: threading.ExceptHookArgs) -> None:
    """Python's own hook prints the message and the source lines."""
    LOG.error(
        "a thread failed", error=failed.exc_type.__name__, place=place_of(failed.exc_traceback)
    )


def _unraisable(failed: sys.UnraisableHookArgs) -> None:
    LOG.error(
        "a failure while cleaning up",
        error=failed.exc_type.__name__,
        place=place_of(failed.exc_traceback),
    )
