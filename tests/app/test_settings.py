"""A setting that cannot be stops the start with a sentence: which, what is wrong, what to write."""

from __future__ import annotations

import os
import socket
import subprocess
from pathlib import Path
from typing import Any

import pytest

from cds_service import create_app
from cds_service.settings import Settings, read_settings, unknown_settings
from tests.support.clinic import ROOT, settings_in
from tests.support.served import SCRIPT, clean_environment, free_port

COUNT = "must be a whole number, at least 1"
BASE = "such as https://ehr.example.org/r4, without user, query or fragment."
WRONG = {
    "public_base_url": [
        ("cds.example.org", "must start with http:// or https://"),
        ("https://", "must start with http:// or https:// and a host"),
        ("https://me:secret@cds.example.org", "without user"),
    ],
    "auth": [("maybe", "must be required, optional or off.")],
    "fhir_servers": [("https://ehr.example.org/r4,nowhere", f"must be base URLs {BASE}")],
    "smart_issuer": [
        ("nowhere", f"must be a base URL {BASE}"),
        ("http://ehr.example.org", BASE),
    ],
    "fetch_seconds": [
        (value, "must be a number, more than 0, at most 30.")
        for value in ("0", "-1", "31", "nan", "inf", "soon")
    ],
    "fetch_pages": [(value, f"{COUNT}.") for value in ("0", "1.5", "ten")],
    "fetch_bytes": [("999", "must be a whole number, at least 1000.")],
    "cors_origins": [
        (value, "must be origins such as https://ehr.example.org, without a path.")
        for value in ("*", "ehr.example.org", "https://ehr.example.org/", "https://a.example,b")
    ],
    "serve_draft": [("perhaps", "must be true or false.")],
    "clinic_url": [("javascript:alert(1)", "must start with http:// or https://")],
    "site_words": [
        ("{", "must be a JSON object such as"),
        ("[]", "must be a JSON object of texts."),
        ('{"site help-line": 7}', "must be a JSON object of texts."),
    ],
    "forms_a_minute": [("0", f"{COUNT}.")],
    "trusted_proxies": [
        (value, "must be networks such as 10.0.0.0/8, or none.")
        for value in ("caddy", "10.0.0.1/8", "10.0.0.0/8,", "all")
    ],
    "show_initials": [("perhaps", "must be true or false.")],
    "restricted_ages": [
        (value, "must be two ages such as 12-17") for value in ("17-12", "13", "all", "a-b")
    ],
    "suppress_repeats": [("2", "must be true or false.")],
    "retention_days": [("0", f"{COUNT}."), ("a year", f"{COUNT}.")],
    "log_format": [("xml", "must be auto, json or text.")],
    "log_level": [("INFO!", "must be debug, info, warning or error.")],
    "max_body_bytes": [("5", "must be a whole number, at least 1000.")],
    "workers": [(value, f"{COUNT}, at most 64.") for value in ("0", "65", "none")],
    "threads": [("0", f"{COUNT}, at most 64.")],
}
# What these name is looked at when the application is made, below.
LATER = {"clients", "code_maps", "content", "database_url", "key_file", "silent"}
ANYTHING = {
    "form_canonicals",
    "smart_client_id",
    "vignette_results",
    "report_token",
    "metrics_token",
}


@pytest.fixture(autouse=True)
def no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("CDS_")]:
        monkeypatch.delenv(name)


def test_every_setting_is_among_these() -> None:
    """A new one needs a wrong value here, or a reason why there is none."""
    assert {*WRONG, *LATER, *ANYTHING} == set(Settings.model_fields)


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [(name, value, words) for name, cases in WRONG.items() for value, words in cases],
)
def test_a_wrong_value_is_told_in_one_sentence(
    name: str, value: str, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    variable = f"CDS_{name.upper()}"
    monkeypatch.setenv(variable, value)

    with pytest.raises(RuntimeError) as error:
        read_settings()

    (line,) = str(error.value).splitlines()
    assert line.startswith(f"{variable} must ")
    assert words in line
    assert "secret" not in line
    assert line.endswith(".")


def test_every_wrong_setting_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, cases in WRONG.items():
        monkeypatch.setenv(f"CDS_{name.upper()}", cases[0][0])

    with pytest.raises(RuntimeError) as error:
        read_settings()

    lines = str(error.value).splitlines()
    assert [line.split()[0] for line in lines] == [f"CDS_{name.upper()}" for name in WRONG]


@pytest.mark.parametrize("name", Settings.model_fields)
def test_an_empty_variable_counts_as_not_set(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(f"CDS_{name.upper()}", "")

    assert read_settings() == Settings.model_construct(**dict(Settings()))


def test_a_misspelt_setting_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CDS_WORKERS", "1")
    monkeypatch.setenv("CDS_WORKER", "1")
    monkeypatch.setenv("OTHER_WORKER", "1")

    assert unknown_settings() == ["CDS_WORKER"]


# -- what a setting names ----------------------------------------------------------------------


def later(folder: Path) -> dict[str, tuple[dict[str, Any], str]]:
    """Settings of good form that cannot be followed, and what is said."""
    (folder / "file").touch()
    (folder / "short.key").write_text("abc")
    (folder / "short.key").chmod(0o600)
    (folder / "bad.json").write_text('{"clients": [{"id": "a b"}]}')
    return {
        "no clients file": ({"clients": folder / "no.json"}, "CDS_CLIENTS cannot be used: "),
        "bad clients file": ({"clients": folder / "bad.json"}, "clients.0.id"),
        "no issuer": ({"auth": "required"}, "CDS_AUTH=required needs CDS_CLIENTS, a file with"),
        "key in no folder": ({"key_file": folder / "file/cds.key"}, "CDS_KEY_FILE="),
        "key is a folder": ({"key_file": folder}, f"CDS_KEY_FILE={folder} cannot be used: Is a"),
        "key too short": ({"key_file": folder / "short.key"}, "64 hexadecimal digits are needed"),
        "other database": ({"database_url": "mysql://x"}, "must start with sqlite:/// or postgres"),
        "no database": ({"database_url": "nonsense"}, "CDS_DATABASE_URL cannot be used: the dat"),
        "in memory": ({"database_url": "sqlite://"}, "must be a file: sqlite:///path/to/file"),
        "silent": ({"silent": "REC-XX"}, "CDS_SILENT cannot be used: 'REC-XX' is no service or"),
        "draft": ({"serve_draft": False}, "the content is draft and CDS_SERVE_DRAFT is off"),
        "content": ({"content": folder}, "1 findings; run cds-service check"),
    }


CASES = [
    "no clients file",
    "bad clients file",
    "no issuer",
    "key in no folder",
    "key is a folder",
    "key too short",
    "other database",
    "no database",
    "in memory",
    "silent",
    "draft",
    "content",
]


@pytest.mark.parametrize("case", CASES)
def test_what_cannot_be_followed_is_told_in_one_sentence(case: str, tmp_path: Path) -> None:
    assert list(later(tmp_path)) == CASES
    settings, words = later(tmp_path)[case]

    with pytest.raises(RuntimeError) as error:
        create_app(settings_in(tmp_path, **settings))

    (line,) = str(error.value).splitlines()
    assert words in line


# -- the command -------------------------------------------------------------------------------


def serve(port: int, *more: str, **settings: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(SCRIPT), "serve", "--port", str(port), *more],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
        env=clean_environment() | {"CDS_AUTH": "off"} | settings,
        cwd=ROOT,
    )


def test_serve_refuses_in_one_sentence_what_it_cannot_have(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    store = f"sqlite:///{tmp_path}/file/cds.sqlite3"
    port = free_port()
    with socket.create_server(("127.0.0.1", 0)) as taken:
        found = [
            serve(taken.getsockname()[1]),
            serve(port, "--host", "0.0.0.0"),
            serve(port, "--host", "localhost.invalid", CDS_AUTH="required"),
            serve(port, CDS_DATABASE_URL=store),
            serve(port, PROMETHEUS_MULTIPROC_DIR=str(tmp_path / "file")),
            serve(99_999),
        ]

    said = [run.stderr.removeprefix("cds-service: ").strip() for run in found]
    for line, begins in zip(
        said,
        [
            "nothing can listen on 127.0.0.1:",
            "CDS_AUTH=off serves on a loopback address only",
            "nothing can listen on localhost.invalid:",
            f"CDS_DATABASE_URL cannot be used: {tmp_path}/file/cds.sqlite3 cannot be opened",
            "the folder for metrics cannot be made below",
            "nothing can listen on 127.0.0.1:99999",
        ],
        strict=True,
    ):
        assert line.startswith(begins), said
        assert len(line.splitlines()) == 1
    assert {run.returncode for run in found} == {2}
    assert [run.stdout for run in found] == [""] * len(found)
