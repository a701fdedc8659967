"""Silent and switched-off parts: what is shown without them, and what is recorded of them."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from cds_service import create_app
from cds_service.cli import main
from cds_service.content import Content, ContentError, load_content
from cds_service.content.reader import FOLDERS
from cds_service.decision.evaluate import Answer, Evaluation
from cds_service.decision.explain import explain
from cds_service.decision.silent_mode import evaluate_service
from cds_service.decision.visibility import (
    ALL_VISIBLE,
    ContentNames,
    CurrentVisibility,
    UnknownName,
    Visibility,
    visibility_of,
)
from cds_service.fhirpath import FhirPathError
from cds_service.hooks.pipeline import Pipeline
from tests.support.clinic import (
    NOW,
    PATIENT_VIEW,
    QUIET,
    ROOT,
    Clinic,
    log_lines,
    settings_in,
    topics,
)
from tests.support.numbers import Counted
from tests.support.ward import MANY, URINARY, Make, Ward, accepted, visit

EMERGENCY = {**QUIET, "rfgen": ["severe"], "urine": ["burn"], "dry": "most"}
# More than six cards, and one of them wanted by two causes.
BUSY = {
    **MANY,
    "dry": "most",
    "where": ["muscle", "deep"],
    "when": ["entry"],
    "meds": ["antidep"],
    "genital": ["none"],
    "gyn": ["dysmen", "cpp"],
}


def found(
    clinic: Clinic, answers: dict[str, Any], silent: Iterable[str] = (), off: Iterable[str] = ()
) -> Evaluation:
    """The evaluation of a person when these names are silent, and those switched off."""
    names = clinic.pipeline.names
    pipeline = Pipeline(
        clinic.content, "https://example.org/intake", lambda: visibility_of(names, silent, off)
    )
    return pipeline.answer(pipeline.service(PATIENT_VIEW), clinic.request(answers), NOW).evaluation


def shown(evaluation: Evaluation) -> dict[str, tuple[str, ...]]:
    """Card -> the sources that ask for it."""
    return heard(evaluation.shown)


def heard(cards: Iterable[Any]) -> dict[str, tuple[str, ...]]:
    return {w.card.id: tuple(r.source.id for r in w.reasons) for w in cards}


# -- names -------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def names(clinic: Clinic) -> ContentNames:
    return clinic.pipeline.names


def test_every_service_and_plan_has_a_name(names: ContentNames, content: Content) -> None:
    plans = [r for r in content.resources.values() if r["resourceType"] == "PlanDefinition"]
    ids = {plan["id"] for plan in plans} | {p["identifier"][0]["value"] for p in plans}
    flags = {source.id for source in content.sources}

    always_enabled = content.cards[content.strategy.failed]
    # The clinical id of the strategy and of the flags' plan name no single thing that speaks.
    unnamed = {always_enabled.id, always_enabled.plan["id"]}
    spoken = {i for i in ids if i not in names.known} - unnamed
    assert flags <= names.known.keys()
    assert {plan["id"] for plan in plans} <= names.known.keys()
    assert len(spoken) <= 2


def test_a_plan_of_many_flags_is_all_of_them(names: ContentNames) -> None:
    assert {"RF01", "RF05"} < names.select(["red-flags"]).sources


def test_the_strategy_is_every_service(names: ContentNames, clinic: Clinic) -> None:
    assert names.select(["dyspareunia-workup"]).services == set(clinic.pipeline.services)


@pytest.mark.parametrize("name", ["REC-XX", "rec-ua", "", "C99", "patient-view", " "])
def test_an_unknown_name_is_refused_with_names_there_are(name: str, names: ContentNames) -> None:
    with pytest.raises(UnknownName, match="is no service or plan of this content: write ids such"):
        names.select(["REC-UA", name])


def test_the_card_for_failed_rules_has_to_speak(names: ContentNames, content: Content) -> None:
    card = content.cards[content.strategy.failed]

    for name in (card.id, card.plan["id"]):
        with pytest.raises(UnknownName, match="has to speak"):
            names.select([name])
        assert names.still_known([name]) == ()


# -- evaluation --------------------------------------------------------------------------------


def test_a_silent_card_is_recorded_and_neither_shown_nor_named(clinic: Clinic) -> None:
    plain, quiet = found(clinic, MANY), found(clinic, MANY, silent=["REC-UA"])

    assert "REC-UA" in shown(plain)
    assert "REC-UA" not in shown(quiet)
    assert heard(quiet.silent) == {"REC-UA": shown(plain)["REC-UA"]}
    waiting = {w.card.id for w in (*quiet.deferred, *quiet.held, *quiet.suppressed)}
    assert "REC-UA" not in waiting


def test_a_silent_card_leaves_its_place_to_the_next(clinic: Clinic) -> None:
    plain, quiet = found(clinic, BUSY), found(clinic, BUSY, silent=["REC-UA"])
    waiting = [w.card.id for w in plain.deferred]

    assert len(plain.shown) == len(quiet.shown) == clinic.content.strategy.cap
    assert set(shown(quiet)) - set(shown(plain)) == {waiting[0]}


def test_a_silent_cause_adds_nothing_to_a_card_that_others_ask_for(clinic: Clinic) -> None:
    plain = found(clinic, BUSY)
    card, sources = next((c, s) for c, s in shown(plain).items() if len(s) > 1)

    quiet = found(clinic, BUSY, silent=[sources[0]])

    assert shown(quiet)[card] == sources[1:]
    assert heard(quiet.silent)[card] == sources[:1]


def test_the_only_cause_of_a_card_takes_it_along(clinic: Clinic) -> None:
    plain = found(clinic, URINARY)

    for quiet in (found(clinic, URINARY, silent=["C18"]), found(clinic, URINARY, off=["C18"])):
        assert shown(plain)["REC-UA"] == ("C18",)
        assert "REC-UA" not in shown(quiet)
    assert heard(found(clinic, URINARY, silent=["C18"]).silent) == {"REC-UA": ("C18",)}


def test_what_is_switched_off_is_not_recorded(clinic: Clinic) -> None:
    quiet = found(clinic, MANY, off=["REC-UA", "C18"])

    assert "REC-UA" not in shown(quiet)
    assert quiet.silent == ()
    assert quiet.rules["C18"] is Answer.UNKNOWN


def test_off_wins_over_silent(clinic: Clinic) -> None:
    assert found(clinic, URINARY, silent=["REC-UA"], off=["REC-UA"]).silent == ()


@pytest.mark.parametrize("name", [PATIENT_VIEW, "dyspareunia-workup"])
def test_a_silent_service_shows_nothing_and_records_all(name: str, clinic: Clinic) -> None:
    plain, quiet = found(clinic, MANY), found(clinic, MANY, silent=[name])
    off = found(clinic, MANY, off=[name])

    assert (quiet.shown, quiet.deferred) == ((), ())
    assert heard(quiet.silent) == shown(plain)
    assert (off.shown, off.silent, off.deferred) == ((), (), ())


def test_other_services_are_not_touched(clinic: Clinic) -> None:
    assert shown(found(clinic, MANY, silent=["dyspareunia-workup-order-sign"])) == shown(
        found(clinic, MANY)
    )


def failing(
    clinic: Clinic, rule: str, visibility: CurrentVisibility = lambda: ALL_VISIBLE
) -> Pipeline:
    """The content with one rule that cannot be evaluated."""

    class Broken:
        def __init__(self, bindings: Any) -> None:
            self.bindings = bindings

        def __getattr__(self, name: str) -> Any:
            return getattr(self.bindings, name)

        def __getitem__(self, name: str) -> Any:
            return self.bindings[name]

        def answer(self, expression: Any) -> Any:
            if expression.text.strip() == f"%{rule}":
                if rule in self.bindings._given:
                    return []
                raise FhirPathError("it broke")
            return self.bindings.answer(expression)

    class Expressions:
        def bind(self, inputs: Any, now: Any) -> Any:
            return Broken(clinic.content.expressions.bind(inputs, now))

    return Pipeline(
        replace(clinic.content, expressions=Expressions()),
        "https://example.org/intake",
        visibility,
    )


@pytest.mark.parametrize("way", ["heard", "silent", "off", "service"])
def test_a_rule_that_fails_is_seen_counted_or_gone(way: str, clinic: Clinic) -> None:
    names = clinic.pipeline.names
    visibility = {
        "heard": Visibility(),
        "silent": visibility_of(names, ["C18"], []),
        "off": visibility_of(names, [], ["C18"]),
        "service": visibility_of(names, [PATIENT_VIEW], []),
    }[way]
    pipeline = failing(clinic, "C18", lambda: visibility)
    failed = clinic.content.cards[clinic.content.strategy.failed].id

    evaluation = pipeline.answer(
        pipeline.service(PATIENT_VIEW), clinic.request(URINARY), NOW
    ).evaluation

    assert (failed in shown(evaluation)) == (way == "heard")
    assert bool(evaluation.errors) == (way == "heard")
    assert bool(evaluation.silent_errors) == (way in ("silent", "service"))


def test_nothing_muted_is_one_evaluation_and_costs_nothing(clinic: Clinic) -> None:
    service = clinic.pipeline.service(PATIENT_VIEW)
    plain = clinic.found(URINARY).evaluation

    asked = (service.id, service.hook)
    again = evaluate_service(clinic.content, plain.facts, NOW, asked, Visibility())

    assert again.with_silent is None
    assert shown(again) == shown(plain)


def test_explain_says_what_is_silent_and_what_is_off(clinic: Clinic) -> None:
    told = explain(found(clinic, MANY, silent=["C18"], off=["C01", "REC-STI"]))

    assert told["rules"]["C18"] == "yes"
    assert told["rules"]["C01"] == "switched off"
    assert told["switchedOff"] == ["C01", "REC-STI"]
    assert {"card": "REC-UA", "sources": ["C18"]} in told["silent"]
    applies = {(c["source"], c["card"]): c["applies"] for c in told["contributions"]}
    assert applies["C18", "REC-UA"] == "yes"
    assert {a for (_, card), a in applies.items() if card == "REC-STI"} == {"switched off"}


# -- through the routes ------------------------------------------------------------------------


def test_silent_cards_are_recorded_counted_and_reported(
    make: Make, caplog: pytest.LogCaptureFixture
) -> None:
    ward = make(silent="REC-UA, C01", report_token="open")
    numbers = Counted(ward)

    cards = ward.cards(visit(ward))

    assert topics(cards) == ["self-care"]
    ward.clock.now += timedelta(days=1)
    row = ward.rows()["silent", "REC-UA"]
    assert (row["fired"], row["accepted"]) == (1, None)
    assert ("shown", "REC-UA") not in ward.rows()
    labels = {"card": "REC-UA", "indicator": "warning", "state": "silent"}
    assert numbers.more("cds_cards_total", **labels) == 1
    assert 'cds_silent{name="REC-UA"} 1' in numbers.page()
    ready = ward.client.get("/health/ready").get_json()
    assert (ready["silent"], ready["switchedOff"]) == (["REC-UA", "C01"], [])
    (line,) = [x for x in log_lines(caplog) if x["event"].startswith("silent")]
    assert (line["level"], line["silent"]) == ("warning", "REC-UA, C01")
    assert "emergencies" in line["event"]


def test_discovery_is_the_same(make: Make, clinic: Clinic) -> None:
    silent = make(silent="dyspareunia-workup").client.get("/cds-services").get_json()

    assert silent == clinic.client.get("/cds-services").get_json()


def test_what_was_silent_cannot_be_settled(make: Make, tmp_path: Path, content: Content) -> None:
    body = visit(make())
    quiet = Ward(content, tmp_path, silent="REC-UA")
    quiet.cards(body)
    loud = Ward(content, tmp_path)

    card = loud.cards(body)[0]
    loud.feedback(accepted(card))

    assert card["source"]["topic"]["code"] == "urine-testing"
    assert topics(loud.cards(body)) == ["self-care"]


def test_an_unknown_silent_name_stops_the_start(make: Make) -> None:
    with pytest.raises(RuntimeError, match="CDS_SILENT cannot be used: 'REC-XX' is no service"):
        make(silent="REC-UA,REC-XX")


def test_the_report_can_be_of_what_was_silent_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("CDS_DATABASE_URL", f"sqlite:///{tmp_path}/cds.sqlite3")
    monkeypatch.setenv("CDS_KEY_FILE", f"{tmp_path}/cds.key")
    app = create_app(settings_in(tmp_path, silent="REC-UA"))  # by the real clock, as the command
    ward = Clinic(load_content(ROOT), app.test_client())
    body = visit(ward)
    for entry in body["prefetch"]["questionnaireResponses"]["entry"]:
        entry["resource"]["authored"] = datetime.now(UTC).isoformat()
    assert topics(ward.cards(body)) == ["self-care"]

    assert main(["report", "--json"]) == 0
    everything = json.loads(capsys.readouterr().out)
    assert main(["report", "--json", "--silent"]) == 0
    silent = json.loads(capsys.readouterr().out)

    assert {row["state"] for row in everything} == {"shown", "silent"}
    assert {(row["state"], row["by"], row["id"]) for row in silent if row["by"] != "version"} == {
        ("silent", "card", "REC-UA"),
        ("silent", "cause", "C18"),
    }


# -- in content --------------------------------------------------------------------------------

MARK = "https://dyspareunia-cds.example/fhir/StructureDefinition/silent"
CARD = "plan_definitions/cards/urine-testing.json"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in FOLDERS:
        shutil.copytree(ROOT / name, tmp_path / name)
    return tmp_path


def mark(folder: Path, file: str, **value: Any) -> None:
    """Adds the mark to a resource, or to its first action."""
    path = folder / file
    resource = json.loads(path.read_text())
    target = resource["action"][0] if value.pop("in_action", False) else resource
    target.setdefault("extension", []).append({"url": MARK, **value})
    path.write_text(json.dumps(resource))


def test_a_plan_may_say_itself_that_it_is_silent(folder: Path, clinic: Clinic) -> None:
    mark(folder, CARD, valueBoolean=True)

    app = create_app(settings_in(folder, content=folder), lambda: NOW)
    ward = Clinic(load_content(folder), app.test_client())

    assert topics(ward.cards(visit(clinic))) == ["self-care"]
    assert ward.client.get("/health/ready").get_json()["silent"] == ["urine-testing"]


@pytest.mark.parametrize(
    ("file", "value"),
    [
        (CARD, {"valueBoolean": False}),
        (CARD, {"valueString": "true"}),
        (CARD, {"valueBoolean": True, "in_action": True}),
        ("questionnaires/dyspareunia-intake.json", {"valueBoolean": True}),
        ("plan_definitions/cards/check-not-completed.json", {"valueBoolean": True}),
    ],
    ids=["false", "text", "in an action", "on a form", "the card for failed rules"],
)
def test_a_mark_that_would_not_be_read_is_a_finding(
    file: str, value: dict[str, Any], folder: Path
) -> None:
    mark(folder, file, **value)

    with pytest.raises(ContentError) as error:
        load_content(folder)

    (finding,) = error.value.findings
    assert (finding.file, finding.path) == (file, "silent")
