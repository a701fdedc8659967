"""Strings that can be found again: one for each place where something about a person may stand."""

from __future__ import annotations

import re
from typing import Any

from tests.support.clinic import walk

MARK = "Quetzal"  # must be left nowhere
KEPT = "Kolibri"  # what the store keeps by design: a clinician's comment and reason
BORN = "1983-07-19"  # a date cannot hold a word; this one stands nowhere else
# Elements whose value decides whether a body is understood at all; all others are marked.
STRUCTURE = {
    "authored",
    "code",
    "coding",
    "contentType",
    "hook",
    "intent",
    "language",
    "linkId",
    "mode",
    "name",
    "questionnaire",
    "reference",
    "resourceType",
    "status",
    "system",
    "type",
}


class Canaries:
    """Makes them, and remembers where each was sent."""

    def __init__(self) -> None:
        self.sent: dict[str, str] = {}

    def new(self, where: str, mark: str = MARK) -> str:
        """One more; letters and digits only, so that it passes as an id."""
        made = f"{mark}{len(self.sent):04}z"
        self.sent[made] = where
        return made

    def headers(self) -> dict[str, str]:
        """What browsers, proxies and EHRs send along."""
        plain = {
            name: self.new(name)
            for name in ("User-Agent", "Referer", "Origin", "X-Forwarded-For", "From", "tracestate")
        }
        return {
            **plain,
            "Cookie": f"other={self.new('Cookie')}",
            "X-Request-Id": f"{self.new('X-Request-Id')} x",  # a plain id would be logged by design
            "traceparent": f"00-{self.new('traceparent')}",
            self.new("a header's name"): "x",
        }

    def marked(self, document: Any) -> Any:
        """The document with a canary in every text that is not structure, and in names of its own
        wherever it has objects."""
        if isinstance(document, dict):
            found = {
                key: value if key in STRUCTURE and isinstance(value, str) else self.marked(value)
                for key, value in document.items()
            }
            return found | {self.new("an element's name"): self.new("an element of its own")}
        if isinstance(document, list):
            return [self.marked(value) for value in document]
        return self.new("a text") if isinstance(document, str) else document

    def leaks(self, text: str | bytes) -> set[str]:
        """Where the canaries come from that stand in a text, however it is written."""
        seen = text.decode("utf-8", "replace") if isinstance(text, bytes) else text
        found = set(re.findall(rf"{MARK}\d{{4}}z", seen, re.IGNORECASE))
        places = {self.sent.get(canary, canary) for canary in found}
        return places | ({"the date of birth"} if BORN in seen else set())


def texts(document: Any) -> set[str]:
    """Every text of a JSON document."""
    return {value for _, value in walk(document) if isinstance(value, str)}
