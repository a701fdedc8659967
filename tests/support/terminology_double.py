"""A terminology server for tests: ``$expand`` and ``$validate-code`` over a few codes, on loopback.

It is right unless told otherwise: each attribute makes it wrong in one way.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from flask import Flask, request
from werkzeug.serving import make_server

VERSION = "2026-03"


@dataclass
class TerminologyDouble:
    """Codes by system; ``inactive`` are known and no members."""

    codes: dict[str, list[str]]
    inactive: set[str] = field(default_factory=set)
    page: int = 2  # at most so many a page, whatever is asked for
    refuses: tuple[int, str] | None = None  # status and words of an OperationOutcome
    repeats: bool = False  # every page is the first
    ends_early: bool = False  # the second page is empty
    counts_again: bool = False  # total changes from page to page
    seconds: float = 0  # before each answer
    version: str = VERSION
    asked: list[dict[str, Any]] = field(default_factory=list)
    base: str = ""

    def expand(self) -> tuple[dict[str, Any], int]:
        """Answers ``ValueSet/$expand``."""
        time.sleep(self.seconds)
        body = request.get_json()
        self.asked.append(body)
        if self.refuses:
            code, words = self.refuses
            issue = {"severity": "error", "code": "too-costly", "diagnostics": words}
            return {"resourceType": "OperationOutcome", "issue": [issue]}, code
        named = {p["name"]: p for p in body["parameter"]}
        (include,) = named["valueSet"]["resource"]["compose"]["include"]
        offset = named["offset"]["valueInteger"]
        return {"resourceType": "ValueSet", "expansion": self._part(include, offset)}, 200

    def _part(self, include: dict[str, Any], offset: int) -> dict[str, Any]:
        members, start = self.codes[include["system"]], 0 if self.repeats else offset
        listed = [] if self.ends_early and offset else members[start : start + self.page]
        return {
            "timestamp": "2026-11-01T00:00:00Z",
            "total": len(members) + (offset if self.counts_again else 0),
            "parameter": [{"name": "version", "valueUri": f"{include['system']}|{self.version}"}],
            "contains": [
                {"system": include["system"], "code": code, "display": f"Thing {code}"}
                for code in listed
            ],
        }

    def validate(self) -> dict[str, Any]:
        """Answers ``CodeSystem/$validate-code``."""
        code = request.args["code"]
        known = code in self.inactive or any(code in codes for codes in self.codes.values())
        parameters = [
            {"name": "result", "valueBoolean": known},
            {"name": "inactive", "valueBoolean": code in self.inactive},
        ]
        return {"resourceType": "Parameters", "parameter": parameters}


@contextmanager
def serving(double: TerminologyDouble) -> Iterator[TerminologyDouble]:
    """Serves it on a free port of loopback; ``base`` is its address."""
    app = Flask(__name__)
    app.add_url_rule("/fhir/ValueSet/$expand", view_func=double.expand, methods=["POST"])
    app.add_url_rule("/fhir/CodeSystem/$validate-code", view_func=double.validate)
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    double.base = f"http://127.0.0.1:{server.server_port}/fhir"
    try:
        yield double
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
