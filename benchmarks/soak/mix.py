"""What a clinic sends in a day, as files: mostly calls, some feedback, a little of the rest."""

import json
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from benchmarks.soak.traffic import Visits


@dataclass(frozen=True)
class Sent:
    """One request of the mix."""

    method: str
    path: str
    body: bytes | None = None


def mix(visits: Visits) -> list[Sent]:
    """Forty requests: 32 calls with 50 chart resources, each another person; the rest varied."""
    calls = [Sent("POST", visits.path, body) for body in visits.bodies[:32]]
    others = [
        *[Sent("POST", f"{visits.path}/feedback", _feedback(visits, n)) for n in range(3)],
        Sent("POST", visits.path, b'{"hook": "patient-view"}'),  # refused
        Sent("POST", "/fhir/QuestionnaireResponse/$validate", _response(visits)),
        Sent("GET", "/cds-services"),
        Sent("GET", "/fhir/Questionnaire/dyspareunia-intake"),
        Sent("GET", "/health/ready"),
    ]
    # Spread out, so that any stretch of the mix is like the whole.
    return [sent for n, other in enumerate(others) for sent in (*calls[n * 4 : n * 4 + 4], other)]


def echoed(requests: list[Sent]) -> list[Sent]:
    """The same bodies, for the bare echo."""
    return [
        Sent("POST", "/echo", sent.body) if sent.body else Sent("GET", "/health/ready")
        for sent in requests
    ]


def written(requests: list[Sent], folder: Path) -> Path:
    """The list of a mix, with the bodies beside it."""
    lines = []
    for number, sent in enumerate(requests):
        file = folder / f"{number}.json" if sent.body else "-"
        if sent.body and isinstance(file, Path):
            file.write_bytes(sent.body)
        lines.append(f"{sent.method} {quote(sent.path)} {file}")
    listed = folder / "mix.txt"
    listed.write_text("\n".join(lines) + "\n")
    return listed


def _response(visits: Visits) -> bytes:
    (entry,) = visits.body["prefetch"]["questionnaireResponses"]["entry"]
    return json.dumps(entry["resource"]).encode()


def _feedback(visits: Visits, number: int) -> bytes:
    item = {"card": f"00000000-0000-5000-8000-{number:012}", "outcome": "overridden"}
    return json.dumps({"feedback": [{**item, "outcomeTimestamp": "@moment@"}]}).encode()
