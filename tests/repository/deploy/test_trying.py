"""``make up`` and ``make deploy-test`` as far as they go without a container engine."""

from __future__ import annotations

import os
import re
import stat
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest

from cds_service import create_app
from deploy import deploy_test
from deploy.caller import Caller
from tests.support.clinic import ROOT, settings_in

BASE = "https://cds.example.org"


@pytest.mark.parametrize("module", ["deploy.up", "deploy.deploy_test"])
def test_without_an_engine_it_says_what_to_install(module: str) -> None:
    environment = {k: v for k, v in os.environ.items() if k != "DOCKER_HOST"} | {"PATH": ""}

    done = subprocess.run(
        [sys.executable, "-m", module],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 2
    assert "Docker:" in done.stderr
    assert "Podman:" in done.stderr


def test_the_caller_of_make_up_is_accepted_once_for_each_token(tmp_path: Path) -> None:
    caller = Caller(tmp_path)
    caller.write_clients()
    app = create_app(
        settings_in(tmp_path, auth="required", clients=caller.clients / "clients.json"),
        lambda: datetime.fromtimestamp(time.time(), UTC),
    )
    token = {"Authorization": f"Bearer {caller.token(f'{BASE}/cds-services')}"}

    statuses = [app.test_client().get("/cds-services", headers=token).status_code for _ in "12"]

    assert statuses == [200, 401]
    assert not [p for p in caller.clients.iterdir() if "PRIVATE" in p.read_text()]
    (key,) = tmp_path.glob("*.pem")
    assert stat.S_IMODE(key.stat().st_mode) == 0o600


def test_the_table_in_operating_has_every_step_and_none_that_failed() -> None:
    page = (ROOT / "docs" / "operating.md").read_text(encoding="utf-8")
    section = page.partition("### Tried out\n")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| (.+?) \| (.+?) \|$", section, re.M)
    steps = [str(step.__doc__).rstrip(".") for step in deploy_test.STEPS]

    assert [name for name, _ in rows if name in steps] == steps
    assert not [result for _, result in rows if "failed" in result]


def test_every_image_that_is_named_has_a_stand_in() -> None:
    images = (ROOT / "deploy" / "offline" / "images.sh").read_text(encoding="utf-8")
    compose = (ROOT / "docker-compose.yml").read_text(encoding="utf-8")
    named = {name.partition(":")[0] for name in re.findall(r"^ *image: (\S+)$", compose, re.M)}
    others = {name for name in named if not name.startswith("dyspareunia-cds")}

    assert {n for n in others if f"image_of {n})" in images} == others
