"""Switches: one command, every worker, an account of who and why; the store may be down."""

from __future__ import annotations

import json
import os
from datetime import timedelta
from pathlib import Path

import pytest

from cds_service.app.switches import REFRESH_SECONDS, LastKnown, Switches
from cds_service.cli import main
from cds_service.decision.visibility import ALL_VISIBLE
from cds_service.store import Store, StoreUnavailable, SwitchRecord
from tests.support.clinic import NOW, PATIENT_VIEW, Clinic, log_lines, to_now, topics
from tests.support.database_fixtures import database, make_database, postgres, sqlite_folder  # noqa: F401 - fixtures
from tests.support.databases import Database
from tests.support.numbers import Counted
from tests.support.served import served
from tests.support.ward import Make, Ward, again, visit

KEY = bytes(32)


def switched(name: str = "REC-UA", off: bool = True, reason: str = "wrong") -> SwitchRecord:
    return SwitchRecord(NOW, name, off, "operator", reason)


class FakeStore:
    """A store that knows switches, and may be down."""

    def __init__(self) -> None:
        self.off: frozenset[str] | None = frozenset()
        self.asked = 0

    def switched_off_patiently(self, _seconds: float) -> frozenset[str]:
        return self.switched_off()

    def switched_off(self) -> frozenset[str]:
        self.asked += 1
        if self.off is None:
            raise StoreUnavailable("down")
        return self.off


class Seconds:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


# -- in the store, on both databases -----------------------------------------------------------


def test_the_newest_row_of_a_name_holds_and_all_are_kept(database: Database) -> None:  # noqa: F811
    store = Store(database.url, KEY)
    rows = [switched(), switched("C18"), switched(off=False, reason="mended"), switched("C01")]

    for row in rows:
        store.switch(row)

    assert store.switched_off() == {"C18", "C01"}
    assert store.switches() == rows
    store.close()


# -- as one process knows them -----------------------------------------------------------------


def test_the_store_is_asked_once_in_a_while(clinic: Clinic, tmp_path: Path) -> None:
    store, clock = FakeStore(), Seconds()
    switches = Switches(store, clinic.pipeline.names, (), LastKnown(tmp_path / "key"), clock)

    found = [switches() for _ in range(5)]
    store.off = frozenset({"REC-UA", "of-an-older-content", "C18"})
    kept = switches()
    clock.now += REFRESH_SECONDS + 0.1
    seen = switches()

    assert found == [ALL_VISIBLE] * 5
    assert kept == ALL_VISIBLE
    assert store.asked == 2
    assert seen.off_names == ("C18", "REC-UA")
    assert (seen.off.cards, seen.off.sources) == ({"REC-UA"}, {"C18"})


def test_without_the_store_what_was_known_last_holds(
    clinic: Clinic, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    store, clock = FakeStore(), Seconds()
    store.off = frozenset({"REC-UA"})
    switches = Switches(store, clinic.pipeline.names, ["C18"], LastKnown(tmp_path / "key"), clock)
    before = switches()

    store.off = None
    for _ in range(3):
        clock.now += REFRESH_SECONDS + 0.1
        assert switches() == before
    store.off = frozenset()
    clock.now += REFRESH_SECONDS + 0.1
    after = switches()

    assert (after.off_names, after.silent_names) == ((), ("C18",))
    said = [line["event"] for line in log_lines(caplog)]
    assert said == [
        "switches changed",
        "the switches cannot be read: what was known last holds",
        "switches changed",
    ]


@pytest.mark.parametrize("written", [b"", b"[]", b'{"switchedOff": "C18"}', b"\xff"])
def test_a_file_that_is_not_ours_is_told_and_the_store_has_the_say(
    written: bytes, clinic: Clinic, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    kept, store = LastKnown(tmp_path / "key"), FakeStore()
    kept.path.write_bytes(written)
    store.off = frozenset({"C18"})

    switches = Switches(store, clinic.pipeline.names, (), kept)

    assert "the file of the switches cannot be read" in caplog.text
    assert switches().off_names == ("C18",)
    assert kept.read() == {"C18"}


def test_what_another_process_kept_holds_until_the_store_is_read(
    clinic: Clinic, tmp_path: Path
) -> None:
    kept, store = LastKnown(tmp_path / "key"), FakeStore()
    kept.write(frozenset({"C18", "of-an-older-content"}))
    store.off = None

    switches = Switches(store, clinic.pipeline.names, (), kept)
    assert (switches().off_names, switches.known) == (("C18",), False)

    store.off = frozenset()
    switches.read_patiently()
    assert (switches().off_names, switches.known) == ((), True)
    assert kept.read() == frozenset()


# -- the whole service -------------------------------------------------------------------------


def test_a_service_starts_with_what_is_off_and_says_so(make: Make, content, tmp_path: Path) -> None:
    first = make()
    body = visit(first)
    assert topics(first.cards(body)) == ["urine-testing", "self-care"]
    first.app.extensions["cds_service.hooks.calls"].store.switch(switched())

    ward = Ward(content, tmp_path, report_token="open")

    assert topics(ward.cards(again(body))) == ["self-care"]
    assert ward.client.get("/health/ready").get_json()["switchedOff"] == ["REC-UA"]
    assert 'cds_switched_off{name="REC-UA"} 1' in Counted(ward).page()
    ward.clock.now += timedelta(days=1)
    assert ("shown", "REC-UA") in ward.rows()  # of the first
    assert ("silent", "REC-UA") not in ward.rows()


@pytest.fixture
def environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The settings of a service that keeps its store in a folder; its store is made."""
    for name in [name for name in os.environ if name.startswith("CDS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("CDS_DATABASE_URL", f"sqlite:///{tmp_path}/cds.sqlite3")
    monkeypatch.setenv("CDS_KEY_FILE", f"{tmp_path}/cds.key")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_every_worker_notices_within_its_time(environment: Path, clinic: Clinic) -> None:
    settings = {"CDS_WORKERS": "2", "CDS_LOG_FORMAT": "json"}
    with served(environment, **settings) as server:
        path = f"/cds-services/{PATIENT_VIEW}"

        def cards() -> list[str]:
            body = json.dumps(to_now(visit(clinic))).encode()
            return topics(server.ask("POST", path, body)[1]["cards"])

        def told_by_both(names: str) -> bool:
            cards()
            changed = server.lines(event="switches changed", switched_off=names)
            return len(changed) == 2

        assert cards() == ["urine-testing", "self-care"]
        assert main(["switch", "off", "REC-UA", "--reason", "a ticket", "--by", "me"]) == 0
        server.wait_for(lambda: told_by_both("REC-UA"))
        assert {tuple(cards()) for _ in range(6)} == {("self-care",)}

        assert main(["switch", "on", "REC-UA", "--reason", "mended"]) == 0
        server.wait_for(lambda: told_by_both(""))
        assert {tuple(cards()) for _ in range(6)} == {("urine-testing", "self-care")}


# -- the command -------------------------------------------------------------------------------


@pytest.fixture
def with_store(environment: Path, content) -> Path:
    Ward(content, environment)
    return environment


def test_the_command_says_where_and_keeps_an_account(
    with_store: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["switch", "list"]) == 0
    assert capsys.readouterr().out == "Switched off: nothing\n"

    main(["switch", "off", "REC-UA", "--reason", "ticket 812", "--by", "Ada"])
    assert f"REC-UA is off, in the store sqlite:///{with_store}/cds.sqlite3." in (
        capsys.readouterr().out
    )
    main(["switch", "off", "C18", "--reason", "ticket 813"])
    main(["switch", "on", "REC-UA", "--reason", "mended", "--by", "Ada"])
    capsys.readouterr()
    main(["switch", "list"])

    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "Switched off: C18"
    assert [line.split("Z  ", 1)[1] for line in lines[1:]][::2] == [
        "off  REC-UA  by Ada: ticket 812",
        "on   REC-UA  by Ada: mended",
    ]
    assert not (with_store / "var").exists()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["off", "REC-XX", "--reason", "x"], "'REC-XX' is no service or plan of this content"),
        (["off", "check-not-completed", "--reason", "x"], "has to speak"),
        (["off", "REC-UA", "--reason", " "], "--reason is empty"),
        (["on", "REC-UA", "--reason", "x"], "'REC-UA' is not switched off"),
    ],
)
def test_what_would_do_nothing_is_refused(
    arguments: list[str], words: str, with_store: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["switch", *arguments]) == 2

    printed = capsys.readouterr()
    assert words in printed.err
    assert (len(printed.err.splitlines()), printed.out) == (1, "")


@pytest.mark.parametrize("arguments", [["list"], ["off", "REC-UA", "--reason", "x"]])
def test_without_its_store_the_command_says_so_and_makes_none(
    arguments: list[str], environment: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["switch", *arguments]) == 2

    (line,) = capsys.readouterr().err.splitlines()
    assert "cannot be used" in line
    assert "CDS_DATABASE_URL" in line
    assert list(environment.iterdir()) == []


def test_explain_says_what_the_service_would_not(
    with_store: Path, clinic: Clinic, capsys: pytest.CaptureFixture[str], monkeypatch
) -> None:
    monkeypatch.setenv("CDS_SILENT", "REC-SELF")
    request = with_store / "request.json"
    request.write_text(json.dumps(visit(clinic)))
    main(["switch", "off", "C18", "--reason", "x"])
    capsys.readouterr()

    assert main(["explain", str(request), "--now", NOW.isoformat()]) == 0

    told = json.loads(capsys.readouterr().out)
    assert told["rules"]["C18"] == "switched off"
    assert (told["cards"], told["switchedOff"]) == ([], ["C18"])
    assert [s["card"] for s in told["silent"]] == ["REC-SELF"]


def test_explain_goes_on_without_the_store(
    environment: Path, clinic: Clinic, capsys: pytest.CaptureFixture[str]
) -> None:
    (environment / "cds.sqlite3").write_text("not a database")
    request = environment / "request.json"
    request.write_text(json.dumps(visit(clinic)))

    assert main(["explain", str(request), "--now", NOW.isoformat()]) == 0

    printed = capsys.readouterr()
    assert json.loads(printed.out)["cards"] == ["REC-UA", "REC-SELF"]
    assert "The switches cannot be read" in printed.err
    assert not (environment / "cds.key").exists()
