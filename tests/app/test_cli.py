"""The command line as people run it: what it prints, and its exit status."""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from cds_service.authoring.last_run import read_run
from cds_service.cli import main
from cds_service.cli.serve import EXAMPLE_DAY
from cds_service.content.reader import FOLDERS
from tests.support.clinic import NOW, PATIENT_VIEW, QUIET, ROOT, Clinic, topics
from tests.support.served import served

COMMAND = [sys.executable, "-m", "cds_service.cli"]
SCRIPT = Path(sys.executable).parent / "cds-service"
EXAMPLE = ROOT / "examples/patient-view-urinary-symptoms.json"


def run(*arguments: object, **environment: str) -> subprocess.CompletedProcess[str]:
    """The installed command in a process of its own, with only these ``CDS_`` settings."""
    clean = {k: v for k, v in os.environ.items() if not k.startswith("CDS_")}
    return subprocess.run(
        [str(SCRIPT), *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
        env=clean | environment,
        cwd=ROOT,
    )


@pytest.fixture
def broken(tmp_path: Path) -> Path:
    """Content with two things wrong."""
    for name in FOLDERS:
        shutil.copytree(ROOT / name, tmp_path / name)
    path = tmp_path / "plan_definitions/causes/sti.json"
    plan = json.loads(path.read_text())
    del plan["usage"]
    del plan["publisher"]
    path.write_text(json.dumps(plan))
    return tmp_path


# -- fhirpath ------------------------------------------------------------------------------


def test_fhirpath_prints_the_answer_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    status = main(["fhirpath", "(1 | 2 | 3).where($this > 1)"])

    assert (status, json.loads(capsys.readouterr().out)) == (0, [2, 3])


def test_fhirpath_reads_a_resource(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "patient.json"
    path.write_text('{"resourceType": "Patient", "gender": "female"}')

    status = main(["fhirpath", "Patient.gender = 'female'", str(path)])

    assert (status, json.loads(capsys.readouterr().out)) == (0, [True])


@pytest.mark.parametrize("expression", ["1 +", "gender = = 1", "%nobody", "zebra()"])
def test_fhirpath_refuses_in_words(expression: str, capsys: pytest.CaptureFixture[str]) -> None:
    status = main(["fhirpath", expression])

    printed = capsys.readouterr()
    assert (status, printed.out) == (1, "")
    assert printed.err.strip()
    assert "Traceback" not in printed.err


# -- explain -------------------------------------------------------------------------------


@pytest.fixture
def request_file(tmp_path: Path, clinic: Clinic) -> Path:
    path = tmp_path / "request.json"
    answers = {**QUIET, "urine": ["burn"], "dur": "once", "rfgen": ["severe"], "dry": "most"}
    path.write_text(json.dumps(clinic.request(answers)))
    return path


def explained(capsys: pytest.CaptureFixture[str], *arguments: object) -> dict[str, Any]:
    assert main(["explain", *map(str, arguments), "--now", NOW.isoformat()]) == 0
    return json.loads(capsys.readouterr().out)


def test_explain_tells_rules_cards_and_what_waits(
    request_file: Path, clinic: Clinic, capsys: pytest.CaptureFixture[str]
) -> None:
    told = explained(capsys, request_file)

    assert told["rules"].keys() == {s.id for s in clinic.content.sources if s.rule}
    assert set(told["rules"].values()) <= {"yes", "no", "unknown"}
    assert told["rules"]["RF03"] == "yes"
    assert told["cards"][0] == "REC-EMERG"
    assert "REC-DRY" in told["deferred"]
    assert "REC-UA" in told["held"]
    assert told["errors"] == {}


def test_explain_agrees_with_the_hook(
    request_file: Path, clinic: Clinic, capsys: pytest.CaptureFixture[str]
) -> None:
    told = explained(capsys, request_file)
    body = json.loads(request_file.read_text())
    ids = {card.topic["code"]: card.id for card in clinic.content.cards.values()}

    assert told["cards"] == [ids[topic] for topic in topics(clinic.cards(body))]


def test_explain_gives_each_condition_its_words_and_answer(
    request_file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    told = explained(capsys, request_file)

    asking = [c for c in told["contributions"] if c["card"] == "REC-UA" and c["applies"] == "yes"]
    assert {c["source"] for c in asking} == {"C18"}
    assert asking[0]["conditions"][0]["answer"] == "yes"
    assert asking[0]["conditions"][0]["description"]
    assert told["answers"]["view"]["urine"]["burn"] is True


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{", "not valid JSON"),
        ("[]", "hook must be one of"),
        ('{"hook": "patient-view"}', "hookInstance is missing"),
        ('{"hook": "medication-refill"}', "hook must be one of: patient-view, encounter-start"),
    ],
)
def test_explain_says_what_is_wrong_with_a_request(
    text: str, words: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "request.json"
    path.write_text(text)

    status = main(["explain", str(path)])

    printed = capsys.readouterr()
    assert (status, printed.out) == (1, "")
    assert words in printed.err


def test_a_missing_file_is_one_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    status = main(["explain", "nowhere.json"])

    assert status == 2
    assert capsys.readouterr().err == (
        "cds-service: [Errno 2] No such file or directory: 'nowhere.json'\n"
    )


# -- check ---------------------------------------------------------------------------------


def test_check_prints_every_finding_and_fails(broken: Path) -> None:
    found = run("check", "--content", broken)

    assert found.returncode == 1
    lines = found.stdout.splitlines()
    assert "plan_definitions/causes/sti.json: publisher: is required of every content resource" in (
        lines
    )
    assert any(line.startswith("plan_definitions/causes/sti.json: usage: ") for line in lines)
    assert lines[-1] == "2 findings; the content is not served until they are mended."
    assert "Traceback" not in found.stderr


def test_check_of_content_without_people_says_so(tmp_path: Path) -> None:
    found = run("check", "--vignettes", tmp_path / "nowhere")

    assert found.returncode == 0
    assert re.search(r"Content [\d.]+\+[0-9a-f]{12}: no finding\.", found.stdout)
    assert "No vignettes:" in found.stdout


def test_check_fails_on_a_person_who_gets_something_else(tmp_path: Path) -> None:
    (tmp_path / "odd.yaml").write_text(
        "today: 2026-03-02\n"
        "vignettes:\n"
        "  - {id: ODD-1, name: odd, given: {age: 40, answers: {sev: 2}}, "
        "expect: {cards: {are: [REC-UA]}}}\n"
    )

    found = run("check", "--vignettes", tmp_path)

    assert found.returncode == 1
    assert "odd: ODD-1 (odd):" in found.stdout
    assert "1 vignettes" in found.stdout


def test_check_keeps_what_the_vignettes_found(tmp_path: Path) -> None:
    (tmp_path / "some.yaml").write_text(
        "today: 2026-03-02\n"
        "vignettes:\n"
        "  - {id: SOME-1, name: some, given: {age: 40, answers: {sev: 2}}, "
        "expect: {rules: {C18: unknown}}}\n"
    )
    results = tmp_path / "kept" / "vignettes.json"

    found = run("check", "--quick", "--vignettes", tmp_path, "--results", results)

    kept = read_run(results)
    assert "answers never seen" in found.stdout
    assert "Mutation score" not in found.stdout
    assert [(o.id, o.file, o.expects) for o in kept.outcomes] == [("SOME-1", "some", "C18 unknown")]
    assert f"Content {kept.content}:" in found.stdout


def test_results_that_cannot_be_kept_are_no_finding(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")

    found = run(
        "check", "--quick", "--vignettes", tmp_path, "--results", tmp_path / "file" / "x.json"
    )

    assert "The results are not kept for the content pages" in found.stdout
    assert "Traceback" not in found.stderr


# -- request -------------------------------------------------------------------------------


def test_request_prints_a_call_of_now() -> None:
    call = json.loads(run("request", "C18-14").stdout)
    response = call["prefetch"]["questionnaireResponses"]["entry"][0]["resource"]
    ago = datetime.now(UTC) - datetime.fromisoformat(response["authored"])

    assert call["hookInstance"] == "vignette-C18-14"
    assert timedelta(0) <= ago < timedelta(hours=2)


def test_request_of_nobody_says_so() -> None:
    found = run("request", "nobody")

    assert found.returncode == 2
    assert found.stderr.startswith("cds-service: no vignette has the id nobody")


# -- serve ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"CDS_WORKERS": "none"}, "CDS_WORKERS must be a whole number"),
        ({"CDS_WORKERS": "0"}, "CDS_WORKERS must be a whole number, at least 1, at most 64."),
        ({"CDS_MAX_BODY_BYTES": "5"}, "CDS_MAX_BODY_BYTES must be"),
        ({"CDS_PUBLIC_BASE_URL": "cds.example.org"}, "must start with http:// or https://"),
        ({"CDS_AUTH": "maybe"}, "CDS_AUTH must be required, optional or off."),
    ],
    ids=lambda value: str(value) if isinstance(value, dict) else "",
)
def test_serve_refuses_bad_settings_in_one_line(settings: dict[str, str], words: str) -> None:
    found = run("serve", **{"CDS_AUTH": "off", "CDS_DATABASE_URL": "sqlite://", **settings})

    assert found.returncode == 2
    (line,) = found.stderr.splitlines()
    assert words in line


def test_serve_needs_to_be_told_about_authentication() -> None:
    found = run("serve")

    assert found.returncode == 2
    assert "CDS_AUTH" in found.stderr
    assert len(found.stderr.splitlines()) == 1
    assert "Traceback" not in found.stderr


def test_serve_refuses_bad_content_with_its_findings(broken: Path) -> None:
    found = run("serve", CDS_AUTH="off", CDS_CONTENT=str(broken))

    assert found.returncode == 1
    assert "sti.json: publisher: is required" in found.stdout
    assert "Traceback" not in found.stderr


def test_what_a_broken_request_says_is_not_logged(tmp_path: Path) -> None:
    """A Content-Length that is too short makes the rest of a body the next request's first line."""
    with served(tmp_path) as server:
        with socket.create_connection(("127.0.0.1", server.port), timeout=10) as caller:
            head = "POST /cds-services/x HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\n"
            caller.sendall(f'{head}{{"patientId": "Quetzal-Canary"}}\r\n\r\n'.encode())
            while caller.recv(4096):
                pass
        assert server.ask("GET", "/health/live")[0] == 200
        assert "Quetzal" not in server.told()


def test_a_served_example_is_answered_as_the_greeting_says(tmp_path: Path) -> None:
    with served(tmp_path) as server:
        today = time.strftime("%Y-%m-%d", time.gmtime())
        example = EXAMPLE.read_text().replace(EXAMPLE_DAY, today)

        live = server.ask("GET", "/health/live")
        status, discovery = server.ask("GET", "/cds-services")
        answered, body = server.ask("POST", f"/cds-services/{PATIENT_VIEW}", example.encode())
        refused = server.ask("POST", f"/cds-services/{PATIENT_VIEW}", b"{}")[0]
        greeting = server.told()

    assert live == (200, {"status": "ok"})
    assert status == 200
    assert PATIENT_VIEW in {service["id"] for service in discovery["services"]}
    assert (answered, "urine-testing" in topics(body["cards"])) == (200, True)
    assert refused == 400
    assert f"http://127.0.0.1:{server.port}" in greeting
    assert "authentication is off" in greeting.lower()
    assert "not approved by clinicians" in greeting
    assert "River" not in server.told()


def test_the_example_names_the_day_the_greeting_replaces() -> None:
    assert EXAMPLE_DAY in EXAMPLE.read_text()
    assert str(EXAMPLE.relative_to(ROOT)) == "examples/patient-view-urinary-symptoms.json"


@pytest.mark.parametrize("arguments", [[], ["zebra"], ["serve", "--port", "x"]], ids=str)
def test_a_wrong_command_shows_how_to_use_it(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as left:
        main(arguments)

    assert left.value.code == 2
    assert "usage: cds-service" in capsys.readouterr().err
