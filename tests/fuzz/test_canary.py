"""Nothing of a person is left in logs, numbers, file names or the store, whatever route they take.

The service runs as operators run it, with everything logged that can be. What is kept by design is
named here: a clinician's comment and coded reason, in four columns of ``feedback``.
"""

from __future__ import annotations

from collections.abc import Iterator
from http import HTTPStatus
from pathlib import Path
from typing import NamedTuple

import orjson
import pytest

from cds_service import create_app
from cds_service.content import Content
from demo.authorization import App
from demo.ehr import DemoEhr
from tests.access.signing import ISSUER, by_secret, claims, good_keys, heading, token, write_keys
from tests.fuzz.canaries import BORN, KEPT, MARK, Canaries
from tests.fuzz.form_rounds import NEEDED
from tests.fuzz.rounds import broken_requests
from tests.fuzz.visitor import HOOK, ROUNDS, Visitor, chart_of
from tests.support.clinic import NOW, PATIENT_VIEW, Clinic, settings_in
from tests.support.database_fixtures import make_database, postgres, sqlite_folder  # noqa: F401 - fixtures
from tests.support.databases import Database
from tests.support.hostile_fhir import HostileServer
from tests.support.numbers import value
from tests.support.served import free_port, served

COLUMNS_KEPT = ("comment",)
APP = "canary-app"


class Visited(NamedTuple):
    """What is left after every round."""

    visitor: Visitor
    log: str
    numbers: str
    stored: bytes
    feedback: str  # the table without the columns that are kept
    folder: Path


def test_every_route_has_its_round(tmp_path: Path) -> None:
    """A new route needs a round in ``watch.rounds``."""
    rules = create_app(settings_in(tmp_path), lambda: NOW).url_map.iter_rules()

    assert {rule.endpoint for rule in rules} == set(ROUNDS)


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def visited(
    request: pytest.FixtureRequest, content: Content, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Visited]:
    server = request.getfixturevalue("sqlite_folder" if request.param == "sqlite" else "postgres")
    database = server.database(migrated=True)
    folder = tmp_path_factory.mktemp("visited")
    clinic = Clinic(content, None)
    with HostileServer(keep_alive=False) as hostile:
        ehr = DemoEhr(folder / "ehr", tokens_required=True)
        visitor = Visitor(free_port(), clinic, ehr, hostile)
        ehr.chart = tuple(chart_of(visitor))
        ehr.authorization.apps = (App(APP, (f"{visitor.base}/intake/callback",)),)
        ehr.start()
        try:
            yield go_everywhere(visitor, folder, database)
        finally:
            visitor.http.close()
            ehr.stop()


def go_everywhere(visitor: Visitor, folder: Path, database: Database) -> Visited:
    mine = folder / "service"
    mine.mkdir()
    settings = {
        "CDS_DATABASE_URL": database.url,
        "CDS_FHIR_SERVERS": f"{visitor.hostile.base},https://nobody.invalid/r4",
        "CDS_FETCH_SECONDS": "1",
        "CDS_LOG_FORMAT": "json",
        "CDS_LOG_LEVEL": "debug",
        "CDS_MAX_BODY_BYTES": "400000",
        "CDS_PUBLIC_BASE_URL": visitor.base,
        "CDS_REPORT_TOKEN": "open",
        "CDS_SMART_ISSUER": visitor.ehr.fhir_base,
        "CDS_SMART_CLIENT_ID": APP,
        "TMPDIR": str(mine),
    }
    with served(mine, visitor.port, **settings) as server:
        for go in dict.fromkeys(ROUNDS.values()):
            go(visitor)
        broken_requests(visitor)
        numbers = server.fetch("GET", "/metrics")[1]
        during = database.everything() + _files(mine)
    kept = ", ".join(f"'' AS {column}" for column in COLUMNS_KEPT)
    columns = "id, identity, service, client, card_uuid, outcome, suggestions"
    feedback = str(database.rows(f"SELECT {columns}, {kept} FROM feedback"))
    stored = during + database.everything() + _files(mine)
    return Visited(visitor, (mine / "serve.log").read_text(), numbers, stored, feedback, mine)


def _files(folder: Path) -> bytes:
    """Every file there but the log, with its name."""
    paths = [p for p in folder.rglob("*") if p.is_file() and p.name != "serve.log"]
    return b"\n".join(str(p).encode() + p.read_bytes() for p in paths)


def test_the_log_holds_nothing_of_a_person(visited: Visited) -> None:
    lines = [orjson.loads(line) for line in visited.log.splitlines() if line.startswith("{")]

    assert visited.visitor.canaries.leaks(visited.log) == set()
    assert KEPT not in visited.log
    assert "Traceback" not in visited.log
    asked = [line for line in lines if line["event"] == "request"]
    assert len(asked) >= len(visited.visitor.answered)
    assert [line for line in lines if line["event"] == "unexpected failure"] == []


def test_the_numbers_hold_nothing_of_a_person(visited: Visited) -> None:
    assert visited.visitor.canaries.leaks(visited.numbers) == set()
    assert KEPT not in visited.numbers
    assert "cds_calls_total" in visited.numbers


def test_the_form_is_counted_by_what_became_of_it(visited: Visited) -> None:
    for outcome in ("begun", "forward", "review"):
        assert value(visited.numbers, "cds_form_steps_total", outcome=outcome) > 0
    assert value(visited.numbers, "cds_form_submissions_total", outcome="sent") == 2
    assert value(visited.numbers, "cds_sign_ins_total", outcome="signed-in") == 2
    assert value(visited.numbers, "cds_sign_ins_total", outcome="begun") >= 2


def test_the_store_holds_nothing_of_a_person(visited: Visited) -> None:
    assert visited.visitor.canaries.leaks(visited.stored) == set()
    assert len(visited.stored) > 10_000


def test_only_the_comment_and_reason_of_feedback_are_kept(visited: Visited) -> None:
    assert KEPT.encode() in visited.stored
    assert KEPT not in visited.feedback
    assert PATIENT_VIEW in visited.feedback


def test_no_error_repeats_what_was_sent(visited: Visited) -> None:
    """Pages of the form are the person's own: they may show what was just typed."""
    canaries = visited.visitor.canaries
    told = {
        answer.request.url.path: canaries.leaks(answer.text)
        for answer in visited.visitor.answered
        if answer.status_code >= 400 and not answer.request.url.path.startswith((NEEDED, "/forms/"))
    }

    assert {path: leaks for path, leaks in told.items() if leaks} == {}
    assert len(told) > 20


def test_no_header_of_an_answer_repeats_what_was_sent(visited: Visited) -> None:
    leaks = [
        (answer.request.url.path, name)
        for answer in visited.visitor.answered
        if answer.status_code != HTTPStatus.PERMANENT_REDIRECT  # it keeps its own query
        for name, value in answer.headers.items()
        if visited.visitor.canaries.leaks(value)
    ]

    assert leaks == []


# -- tokens ------------------------------------------------------------------------------------


def test_nothing_of_a_token_is_left(tmp_path: Path, clinic: Clinic) -> None:
    canaries, port = Canaries(), free_port()
    base = f"http://127.0.0.1:{port}"
    write_keys(tmp_path / "keys.json", *good_keys())
    entry = {"id": "ehr", "issuer": ISSUER, "jwksFile": "keys.json"}
    (tmp_path / "clients.json").write_bytes(orjson.dumps({"clients": [entry]}))
    settings = {
        "CDS_AUTH": "required",
        "CDS_CLIENTS": f"{tmp_path}/clients.json",
        "CDS_LOG_LEVEL": "debug",
        "CDS_PUBLIC_BASE_URL": base,
    }

    def said(path: str, **more: str) -> dict[str, object]:
        named = {name: canaries.new(name) for name in ("sub", "patient", "name", "fhirContext")}
        return claims(**{"aud": base + path, "jti": canaries.new("jti")} | named | more)

    with served(tmp_path, port, **settings) as server:
        for path in ("/cds-services", HOOK, f"{HOOK}/feedback", "/fhir/metadata"):
            odd = heading(kid=canaries.new("kid"), jku=f"https://{canaries.new('jku')}.example")
            tokens = [
                token(said(path)),
                token(said(path), odd),
                token(said(path, iss=canaries.new("iss"))),
                token(said(path, aud=canaries.new("aud"))),
                token(said(path), heading(alg="HS256"), by_secret(b"x" * 32)),
                canaries.new("no token"),
            ]
            method = "POST" if path.startswith(HOOK) else "GET"
            bearers = [f"Bearer {t}" for t in (*tokens, tokens[0])]
            found = [
                server.fetch(method, path, b"{}" if method == "POST" else None, Authorization=b)
                for b in (*bearers, canaries.new("no scheme"))
            ]
            if path != "/fhir/metadata":
                assert found[0][0] in (200, 400)
                assert {status for status, _, _ in found[1:]} == {401}
            assert not any(canaries.leaks(f"{text}{headers}") for _, text, headers in found)
        left = server.told() + server.fetch("GET", "/metrics")[1]

    assert canaries.leaks(left) == set()
    assert not any(t in left for t in tokens)
    assert canaries.leaks(_files(tmp_path)) == set()


# -- the test itself ---------------------------------------------------------------------------


@pytest.mark.parametrize("write", [str, str.lower, str.upper])
def test_a_leak_would_be_seen(write) -> None:
    canaries = Canaries()
    made = canaries.new("here")

    assert canaries.leaks(f"x{write(made)}y")
    assert canaries.leaks(f"born {BORN}") == {"the date of birth"}
    assert made.startswith(MARK)
