"""Replay's answer is the hook's answer, for every vignette and every demo person."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from cds_service.authoring.vignettes import Vignettes, request_for
from cds_service.decision.evaluate import Evaluation
from cds_service.fhir.bundles import resources
from demo.people import read_people
from tests.demo.visits import request_of
from tests.support.clinic import NOW, PATIENT_VIEW, Clinic, bundle, key_of

from .exports import about, cards_by_patient, replayed, rows, write_ndjson
from .exports import resources as read

Body = dict[str, Any]


@pytest.fixture(scope="module")
def bodies(vignettes: Vignettes, clinic: Clinic) -> dict[datetime, dict[str, Body]]:
    """By moment and person, the patient-view call of each vignette, by a practitioner."""
    found: dict[datetime, dict[str, Body]] = {}
    for vignette in vignettes.people:
        queries = clinic.pipeline.queries
        body = request_for(vignette, vignettes.defaults, clinic.content, queries)
        body["prefetch"].pop("encounter", None)
        body["context"] = {"userId": "Practitioner/example", "patientId": "person"}
        body["hook"] = "patient-view"
        found.setdefault(vignette.now, {})[f"v-{vignette.id}"] = body
    return found


def chart_of(name: str, body: Body) -> Iterator[Mapping[str, Any]]:
    """The resources that a call brought, as those of a person of that name."""
    for sent in body["prefetch"].values():
        for resource in resources(sent):
            yield about(name, resource)


def test_every_vignette_gets_the_hooks_answer(
    bodies: dict[datetime, dict[str, Body]], clinic: Clinic, tmp_path: Path
) -> None:
    people = 0
    for place, (now, of_moment) in enumerate(bodies.items()):
        export, out = tmp_path / f"export-{place}", tmp_path / f"run-{place}"
        write_ndjson(export, (r for name, body in of_moment.items() for r in chart_of(name, body)))
        report = replayed(out, export, now=now, case_ids=True)
        evaluations = {n: evaluated(clinic, body, now) for n, body in of_moment.items()}
        people += report["patients"]

        assert cards_by_patient(out) == {n: cards(e) for n, e in evaluations.items()}
        assert report["rules"] == rules(evaluations)
        assert report["unreadable"] == {}
    assert people > 1500


def test_every_demo_person_gets_the_hooks_answer(clinic: Clinic, tmp_path: Path) -> None:
    people = read_people([form.resource for form in clinic.content.forms], NOW)
    export = write_ndjson(tmp_path / "export", (r for p in people for r in p.resources))
    service = clinic.pipeline.service_for("patient-view")
    evaluations = {p.id: evaluated(clinic, request_of(p, service), NOW) for p in people}

    report = replayed(tmp_path / "run", export, case_ids=True)

    assert report["patients"] == len(people) > 10
    assert cards_by_patient(tmp_path / "run") == {n: cards(e) for n, e in evaluations.items()}
    assert report["rules"] == rules(evaluations)


def test_what_was_not_understood_is_what_the_hook_did_not_understand(
    clinic: Clinic, export: Path, tmp_path: Path
) -> None:
    charts: dict[str, list[Any]] = {}
    for path in export.glob("*.ndjson"):
        for resource in read(path):
            subject = resource.get("subject", {"reference": f"Patient/{resource['id']}"})
            charts.setdefault(subject["reference"].removeprefix("Patient/"), []).append(resource)
    replayed(tmp_path / "run", export, case_ids=True)
    found = {row["patient"]: row for row in rows(tmp_path / "run" / "evaluations")}

    assert charts.keys() == found.keys()
    for name, chart in charts.items():
        evaluation = evaluated(clinic, call_of(clinic, name, chart), NOW)
        not_understood = sorted(f"{u.type}: {u.why}" for u in evaluation.facts.unread)
        assert sorted(found[name]["notUnderstood"]) == not_understood
        assert found[name]["cards"] == cards(evaluation)


def call_of(clinic: Clinic, name: str, chart: list[Any]) -> Body:
    """A patient-view call that sends a whole chart."""
    prefetch: Body = {
        key: bundle(r for r in chart if key_of(r["resourceType"]) == key) for key in clinic.keys
    }
    prefetch["patient"] = next(r for r in chart if r["resourceType"] == "Patient")
    context = {"userId": "Practitioner/example", "patientId": name}
    return {"hook": "patient-view", "hookInstance": "x", "context": context, "prefetch": prefetch}


def evaluated(clinic: Clinic, body: Body, now: datetime) -> Evaluation:
    """What the hook's call path finds."""
    return clinic.pipeline.evaluation(clinic.pipeline.service(PATIENT_VIEW), body, now)[1]


def cards(evaluation: Evaluation) -> list[str]:
    return [wanted.card.id for wanted in evaluation.shown]


def rules(evaluations: Mapping[str, Evaluation]) -> dict[str, dict[str, int]]:
    """Rule -> people by answer, as the report has them."""
    found = Counter((r, str(a)) for e in evaluations.values() for r, a in e.rules.items())
    names = {rule for rule, _ in found}
    answers = ("yes", "no", "unknown")
    return {rule: {answer: found[rule, answer] for answer in answers} for rule in names}
