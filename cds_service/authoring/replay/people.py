"""From the raw resources of one patient to the record that the hook's own call path evaluates."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

import orjson

from cds_service.authoring.replay.codings import CodingReader, Key
from cds_service.authoring.replay.lines import MEDICATION, PATIENT, Reason
from cds_service.authoring.replay.medications import Medications
from cds_service.authoring.replay.runs import Record
from cds_service.decision.record import PatientRecord
from cds_service.decision.unread import Unread, Why, unread
from cds_service.fhir.json_text import read_json
from cds_service.fhir.references import Person, References, is_about, read_literal, reference_text

RESPONSE, ORDER, ENCOUNTER = "QuestionnaireResponse", "ServiceRequest", "Encounter"
USER = ("Practitioner", "replay")
Problems = Counter[tuple[int, str]]  # number of the source, reason


class LazyReferences(References):
    """References of a patient, worked out only if one is followed: most charts have none."""

    __slots__ = ("_waiting",)

    def __init__(self, entries: Iterable[tuple[str | None, Any]]) -> None:
        super().__init__()
        self._waiting = list(entries)

    def resolve(self, element: Any, within: Any = None) -> Any:
        """The resource that a Reference element names; None where it is not among these."""
        for full_url, resource in self._waiting:
            self.add(full_url, resource)
        self._waiting = []
        return super().resolve(element, within)


class PersonReader:
    """Makes the record of a patient; ``problems`` counts what was left out."""

    def __init__(
        self,
        codings: CodingReader,
        others: Sequence[CodingReader],
        medications: Medications,
        encounter: bool,
    ) -> None:
        """``others`` are of the contents to compare with: what one of them may use is kept."""
        self.codings = codings
        self.others = others
        self.medications = medications
        self.encounter = encounter  # whether the hook happens in an encounter
        self.problems: Problems = Counter()

    def read(self, name: str, raw: Iterable[Record]) -> PatientRecord | None:
        """The record of the patient with this id; None without a Patient resource."""
        entries = self._resources(name, raw)
        person = next((r for _, r in entries if r["resourceType"] == PATIENT), None)
        if person is None:
            return None
        return self._record(Person(name, person), entries)

    def _resources(self, name: str, raw: Iterable[Record]) -> list[tuple[str | None, Any]]:
        """(fullUrl, resource), in an order that does not depend on files; of several with one type
        and id, the newest."""
        found: dict[tuple[str, str], tuple[str | None, Any, Record]] = {}
        for record in raw:
            resource = self._parse(record)
            if resource is None:
                continue
            kind, number = resource["resourceType"], resource.get("id")
            if kind == PATIENT and number != name:
                self.problems[record.source, Reason.TWO_PATIENTS] += 1
                continue
            key = (
                (kind, number) if isinstance(number, str) else (kind, record.json.decode("latin1"))
            )
            entry = (record.full_url or None, resource, record)
            known = found.get(key)
            if known is not None and known[1] != resource:
                self.problems[record.source, Reason.TWICE] += 1
                entry = max(known, entry, key=_newness)
            found[key] = entry
        return [found[key][:2] for key in sorted(found)]

    def _parse(self, record: Record) -> Any:
        try:
            resource = orjson.loads(record.json)
        except orjson.JSONDecodeError:
            try:
                resource = read_json(record.json)
            except orjson.JSONDecodeError:
                self.problems[record.source, Reason.JSON] += 1
                return None
        if isinstance(resource, dict) and isinstance(resource.get("resourceType"), str):
            return resource
        self.problems[record.source, Reason.RESOURCE] += 1
        return None

    def _record(self, person: Person, entries: list[tuple[str | None, Any]]) -> PatientRecord:
        references = LazyReferences(entries)
        relative = f"Patient/{person.id}"
        seen = set[Key]()
        chart: list[Any] = []
        responses: list[Any] = []
        not_read: list[Unread] = []
        encounters: list[Any] = []
        for _, resource in entries:
            kind = resource["resourceType"]
            if kind == PATIENT:
                continue
            subject = resource.get("subject")
            if not (type(subject) is dict and subject.get("reference") == relative):
                about = is_about(resource, person, references)
                if about is None:
                    not_read.append(unread(resource, Why.PATIENT))
                if about is not True:
                    continue
            if kind == RESPONSE:
                responses.append(resource)
            elif self._may_matter(resource, kind, seen) or kind == ORDER:
                chart.append(resource)
                self._add_medicine(resource, kind, references, seen)
            if kind == ENCOUNTER:
                encounters.append(resource)
        self.codings.counts.people.update(seen)
        return PatientRecord(
            patient=person.resource or {},
            user=USER,
            responses=tuple(responses),
            encounter=_newest(encounters) if self.encounter else None,
            chart=tuple(chart),
            unread=tuple(not_read),
            references=references,
        )

    def _may_matter(self, resource: Any, kind: str, seen: set[Key]) -> bool:
        """Counts the codings of an entry; False if no content can use it."""
        codings = self.codings
        matters = kind in codings.index.paths and codings.may_matter(resource, kind, seen)
        return matters or any(
            kind in other.index.paths and other.may_matter(resource, kind, set())
            for other in self.others
        )

    def _add_medicine(
        self, resource: Any, kind: str, references: References, seen: set[Key]
    ) -> None:
        """Adds the Medication that an entry refers to, and counts its codings."""
        element = resource.get("medicationReference")
        text = reference_text(element)
        if text is None or text.startswith("#"):
            return
        literal = read_literal(text)
        name = literal.id if literal and literal.type == MEDICATION else text
        medicine = self.medications.get(name)
        if medicine is not None:
            references.add(text, medicine)
            self.codings.count_medicine(kind, medicine, seen)


def _newness(entry: tuple[str | None, Any, Record]) -> tuple[str, bytes]:
    """Sorts copies of a resource; equal moments by their JSON, so that the files' order does not
    count."""
    meta = entry[1].get("meta")
    updated = meta.get("lastUpdated") if isinstance(meta, dict) else None
    return str(updated or ""), orjson.dumps(entry[1], option=orjson.OPT_SORT_KEYS)


def _newest(encounters: list[Any]) -> Any:
    def start(encounter: Any) -> str:
        period = encounter.get("period")
        return str(period.get("start", "")) if isinstance(period, dict) else ""

    return max(encounters, key=start, default=None)
