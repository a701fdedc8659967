"""Makes a committed patient from a generated one: python trim.py GENERATED.json NAME.json"""

import json
import sys
from pathlib import Path

READ = (
    "Patient",
    "Condition",
    "Procedure",
    "MedicationRequest",
    "MedicationStatement",
    "MedicationAdministration",
    "MedicationDispense",
    "Medication",
    "DiagnosticReport",
    "Encounter",
    "Observation",
)
UNREAD = frozenset(
    [
        "meta",
        "identifier",
        "text",
        "category",
        "presentedForm",
        "performer",
        "participant",
        "serviceProvider",
        "recorder",
        "asserter",
        "location",
        "extension",
        "encounter",
        "requester",
        "basedOn",
        "result",
        "telecom",
        "address",
        "maritalStatus",
        "communication",
        "hospitalization",
        "dosageInstruction",
        "referenceRange",
        "note",
        "dispenseRequest",
        "insurance",
    ]
)
LARGEST = 290_000  # bytes


def trim(bundle: dict) -> list[str]:
    """One line a resource: all of a life, but of the observations only the newest that fit."""
    kept = [e["resource"] for e in bundle["entry"] if e["resource"]["resourceType"] in READ]
    lines = {id(r): _line(r) for r in kept}
    observations = [r for r in kept if r["resourceType"] == "Observation"]
    size = sum(len(lines[id(r)]) for r in kept if r["resourceType"] != "Observation")
    fitting = set()
    for one in sorted(observations, key=lambda r: r["effectiveDateTime"], reverse=True):
        size += len(lines[id(one)])
        if size > LARGEST:
            break
        fitting.add(id(one))
    return [lines[id(r)] for r in kept if r["resourceType"] != "Observation" or id(r) in fitting]


def _line(resource: dict) -> str:
    kept = {name: value for name, value in resource.items() if name not in UNREAD}
    return json.dumps({"resource": kept}, separators=(",", ":"), ensure_ascii=False)


if __name__ == "__main__":
    source, target = (Path(name) for name in sys.argv[1:])
    entries = ",\n".join(trim(json.loads(source.read_text(encoding="utf-8"))))
    text = '{"resourceType":"Bundle","type":"collection","entry":[\n' + entries + "\n]}\n"
    target.write_text(text, encoding="utf-8")
