"""The wheel works alone: in an environment of what ships, run from an empty folder; and what ships
is free software that asks nothing of who uses it."""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import sys
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.support.clinic import ROOT

BIN = Path(sys.prefix) / "bin"
NEVER = ("demo/", "tests/", "benchmarks/", "deploy/", "docs/", "examples/")


def run(*command: object, **options: Any) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        [str(part) for part in command], capture_output=True, text=True, check=False, **options
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dist")
    run(BIN / "hatchling", "build", "--target", "wheel", "--directory", folder, cwd=ROOT)
    return next(folder.glob("*.whl"))


@pytest.fixture(scope="module")
def shipped(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The Python of an environment with requirements.lock and nothing else."""
    folder = tmp_path_factory.mktemp("shipped") / "venv"
    run(BIN / "uv", "venv", "--python", sys.executable, folder)
    python = folder / "bin" / "python"
    run(
        BIN / "uv",
        "pip",
        "sync",
        "--python",
        python,
        "--require-hashes",
        ROOT / "requirements.lock",
    )
    return python


@pytest.fixture(scope="module")
def address(wheel: Path, shipped: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A service of the wheel, with nothing in its environment or folder."""
    run(BIN / "uv", "pip", "install", "--offline", "--no-deps", "--python", shipped, wheel)
    empty = tmp_path_factory.mktemp("empty")
    with socket.create_server(("127.0.0.1", 0)) as found:
        port = found.getsockname()[1]
    log = empty.with_suffix(".log")
    with log.open("wb") as out:
        process = subprocess.Popen(
            [shipped.with_name("cds-service"), "serve", "--port", str(port)],
            cwd=empty,
            env={"PATH": os.defpath, "CDS_AUTH": "off"},
            stdout=out,
            stderr=out,
        )
    try:
        wait_for(f"http://127.0.0.1:{port}/health/ready", process, log)
        yield f"http://127.0.0.1:{port}"
        assert {p.name for p in empty.iterdir()} == {"var"}
    finally:
        process.terminate()
        process.wait(30)


def wait_for(ready: str, process: subprocess.Popen[bytes], log: Path) -> None:
    limit = time.monotonic() + 60
    while time.monotonic() < limit and process.poll() is None:
        try:
            if httpx.get(ready, timeout=5).status_code == 200:
                return
        except httpx.TransportError:
            time.sleep(0.1)
    raise AssertionError(log.read_text())


# -- the wheel -----------------------------------------------------------------------------------


def test_the_wheel_holds_every_file_of_the_package_and_nothing_of_the_workshop(wheel: Path) -> None:
    held = set(zipfile.ZipFile(wheel).namelist())
    package = {
        path.relative_to(ROOT).as_posix()
        for path in (ROOT / "cds_service").rglob("*")
        if path.is_file() and "__pycache__" not in path.parts and "_content" not in path.parts
    }

    assert package <= held
    assert not [name for name in held if name.startswith(NEVER)]
    assert {name.split("/")[0].partition("-")[0] for name in held} == {
        "cds_service",
        "dyspareunia_cds",
    }


def test_the_wheel_is_the_same_when_built_again(wheel: Path, tmp_path: Path) -> None:
    run(BIN / "hatchling", "build", "--target", "wheel", "--directory", tmp_path, cwd=ROOT)

    assert next(tmp_path.glob("*.whl")).read_bytes() == wheel.read_bytes()


def test_what_is_installed_alone_answers_a_call(address: str) -> None:
    body = (ROOT / "examples" / "patient-view-urinary-symptoms.json").read_text(encoding="utf-8")
    call = body.replace("2026-11-22", time.strftime("%Y-%m-%d", time.gmtime()))

    answer = httpx.post(
        f"{address}/cds-services/dyspareunia-workup-patient-view",
        content=call,
        headers={"Content-Type": "application/json"},
        timeout=30,
    )

    assert answer.status_code == 200
    assert [card["source"]["topic"]["code"] for card in answer.json()["cards"]] == [
        "urine-testing",
        "self-care",
    ]


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/", "text/html"),
        ("/intake", "text/html"),
        ("/content", "text/html"),
        ("/static/site.css", "text/css"),
        ("/openapi.json", "application/json"),
        ("/cds-services", "application/json"),
    ],
)
def test_what_is_installed_alone_has_its_pages(address: str, path: str, kind: str) -> None:
    answer = httpx.get(f"{address}{path}", timeout=30, follow_redirects=True)

    assert answer.status_code == 200
    assert answer.headers["Content-Type"].startswith(kind)


def test_what_is_installed_alone_needs_nothing_that_does_not_ship(shipped: Path) -> None:
    installed = run(BIN / "uv", "pip", "check", "--python", shipped)

    assert "All installed packages are compatible" in installed.stdout + installed.stderr


def test_the_demo_needs_no_more_than_its_lock(wheel: Path, tmp_path: Path) -> None:
    """As in its container: what ships, requirements-demo.lock, and the folder beside it."""
    python = tmp_path / "venv" / "bin" / "python"
    run(BIN / "uv", "venv", "--python", sys.executable, tmp_path / "venv")
    locks = [f"--requirement={ROOT}/{name}.lock" for name in ("requirements", "requirements-demo")]
    run(BIN / "uv", "pip", "install", "--python", python, "--require-hashes", *locks)
    run(BIN / "uv", "pip", "install", "--offline", "--no-deps", "--python", python, wheel)
    (tmp_path / "demo").symlink_to(ROOT / "demo")

    run(python, "-c", "import demo.__main__, demo.opening, demo.other_fhir", cwd=tmp_path)


# -- licenses and bill of materials --------------------------------------------------------------


@pytest.fixture(scope="module")
def made(shipped: Path) -> str:
    """What ``make licences sbom`` says."""
    return run("make", "-C", ROOT, "licences", "sbom").stdout


def test_nothing_that_ships_is_gpl(made: str) -> None:
    listed, _, only_with_postgres = made.partition("With the extra `postgres`")

    assert "Flask" in listed
    assert "GPL" not in listed
    assert "psycopg" in only_with_postgres


def test_a_gpl_package_would_be_found() -> None:
    """The tools of the workshop include one."""
    refused = re.search(r"--fail-on='([^']*)'", (ROOT / "Makefile").read_text(encoding="utf-8"))
    assert refused

    command = [BIN / "pip-licenses", "--partial-match", "--fail-on", refused[1]]
    done = subprocess.run(command, capture_output=True, text=True, check=False)

    assert done.returncode == 1
    assert "fail-on license" in done.stderr


def test_the_bill_of_materials_lists_what_is_locked_and_nothing_of_the_machine(made: str) -> None:
    text = (ROOT / "var" / "sbom.json").read_text(encoding="utf-8")
    bill = json.loads(text)
    names = {re.sub(r"[-_.]+", "-", c["name"]).lower() for c in bill["components"]}
    lock = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    locked = set(re.findall(r"^([\w.-]+)==", lock, re.M))
    direct = {"flask", "gunicorn", "sqlalchemy", "httpx", "pyjwt", "psycopg"}

    assert bill["bomFormat"] == "CycloneDX"
    assert bill["metadata"]["component"]["name"] == "dyspareunia-cds"
    assert direct <= names <= {re.sub(r"[-_.]+", "-", name).lower() for name in locked}
    assert all(component.get("licenses") for component in bill["components"])
    assert str(ROOT) not in text
    assert "timestamp" not in bill["metadata"]
