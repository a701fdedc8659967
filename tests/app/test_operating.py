"""What operators rely on: health by a command, a full disk told, files and addresses refused."""

from __future__ import annotations

import json
import os
import resource
import socket
from pathlib import Path
from typing import Any

import pytest

from cds_service import create_app
from cds_service.app.operations import StoreHealth
from cds_service.cli import main
from cds_service.settings import blamed
from cds_service.store import Store, load_key
from tests.support.clinic import Clinic, settings_in
from tests.support.databases import SqliteFile, SqliteFolder
from tests.support.hostile_fhir import until
from tests.support.made_records import KEY
from tests.support.served import free_port, served
from tests.support.ward import REPORT, Make


def said(capsys: pytest.CaptureFixture[str]) -> str:
    (line,) = capsys.readouterr().out.splitlines()
    return line


def test_health_is_one_line_and_an_exit_status(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    free = free_port()
    assert main(["health", "--port", str(free)]) == 1
    assert said(capsys).startswith(f"/health/ready: no answer on port {free}")

    with served(tmp_path) as server:
        port = str(server.port)
        assert main(["health", "--port", port]) == 0
        assert said(capsys) == "/health/ready: 200 OK"
        assert main(["health", "--port", port, "--live"]) == 0
        assert main(["health", "--port", port, "--path", "/nowhere"]) == 1
    with served(
        tmp_path, ready=503, CDS_DATABASE_URL="postgresql+psycopg://nobody@127.0.0.1:1/cds"
    ) as server:
        capsys.readouterr()
        assert main(["health", "--port", str(server.port)]) == 1
        assert said(capsys) == "/health/ready: 503 Service Unavailable"
        assert main(["health", "--port", str(server.port), "--live"]) == 0


def test_a_request_without_a_host_is_refused(tmp_path: Path) -> None:
    with (
        served(tmp_path) as server,
        socket.create_connection(("127.0.0.1", server.port), 30) as connection,
    ):
        connection.sendall(b"GET /cds-services HTTP/1.1\r\nConnection: close\r\n\r\n")
        answer = b"".join(iter(lambda: connection.recv(65536), b""))

    assert answer.startswith(b"HTTP/1.1 400 ")
    assert b"OperationOutcome" in answer


# -- the store's disk is full --------------------------------------------------------------------


class Seconds:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_a_store_that_takes_no_write_is_not_ok(sqlite_folder: SqliteFolder) -> None:
    """The system refuses to let any file grow: for SQLite the same as a full disk."""
    file = sqlite_folder.database(migrated=True)
    assert isinstance(file, SqliteFile)
    store, clock = Store(file.url, KEY), Seconds()
    health = StoreHealth(store, clock)
    before = health()["status"]
    _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)

    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (1024, hard))
        clock.now += 1
        kept = health()["status"]
        clock.now += 60
        full = health()["status"]
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))

    def well() -> bool:
        clock.now += 60
        return health()["status"] == "ok"

    assert (before, kept, full) == ("ok", "ok", "unavailable")
    assert until(well, 30)
    assert file.rows("SELECT count(*) FROM tokens") == [(0,)]
    store.close()


# -- files and answers that nobody else may read -------------------------------------------------


@pytest.mark.parametrize("mode", [0o604, 0o602, 0o644, 0o666])
def test_a_key_file_that_others_can_use_is_refused(mode: int, tmp_path: Path) -> None:
    key = tmp_path / "cds.key"
    load_key(key)
    key.chmod(mode)

    with pytest.raises(RuntimeError, match=f"CDS_KEY_FILE .*chmod 600 {key}"):
        create_app(settings_in(tmp_path, key_file=key))

    key.chmod(0o640)  # as a secret that is mounted for a group
    assert len(load_key(key)) == 32


@pytest.mark.parametrize("kind", ["csv", "json"])
def test_no_cache_keeps_a_report(kind: str, make: Make) -> None:
    token = {"Authorization": "Bearer open"}
    answer = make(report_token="open").client.get(f"{REPORT}.{kind}", headers=token)

    assert (answer.status_code, answer.headers["Cache-Control"]) == (200, "no-store")


def test_a_refusal_of_the_file_system_names_user_and_group() -> None:
    """Who that is cannot be seen from outside a container."""
    who = f"for user {os.geteuid()}, group {os.getegid()};"

    with pytest.raises(RuntimeError, match=who), blamed("CDS_CLIENTS"):
        raise PermissionError(13, "Permission denied", "clients.json")


# -- addresses that could never be called --------------------------------------------------------

LOOPBACK = "http://127.0.0.1:8084/fhir"
ISSUER = {"id": "ehr", "issuer": "https://ehr.example.org", "jwksUrl": "https://ehr.example.org/k"}


@pytest.mark.parametrize(
    ("settings", "client", "words"),
    [
        ({"fhir_servers": LOOPBACK}, {}, "CDS_FHIR_SERVERS"),
        ({"smart_issuer": LOOPBACK}, {}, "CDS_SMART_ISSUER"),
        ({}, {"fhirServers": [LOOPBACK]}, "CDS_CLIENTS: fhirServers of 'ehr'"),
        ({}, {"smart": {"issuer": LOOPBACK, "clientId": "x"}}, "CDS_CLIENTS: smart.issuer"),
    ],
)
@pytest.mark.parametrize("auth", ["required", "optional"])
def test_plain_http_to_an_ehr_is_refused_at_the_start(
    auth: str, settings: dict[str, str], client: dict[str, Any], words: str, tmp_path: Path
) -> None:
    file = tmp_path / "clients.json"
    file.write_text(json.dumps({"clients": [ISSUER | client]}))
    whole = {"clients": file, **settings}

    with pytest.raises(RuntimeError, match=f"^{words}.*http://"):
        create_app(settings_in(tmp_path, auth=auth, **whole))
    create_app(settings_in(tmp_path, auth="off", **whole))


def test_the_examples_of_the_project_start(tmp_path: Path, clinic: Clinic) -> None:
    clients = Path(__file__).parents[2] / "examples" / "clients.json"

    app = create_app(settings_in(tmp_path, auth="required", clients=clients))

    assert app.test_client().get("/cds-services").status_code == 401
