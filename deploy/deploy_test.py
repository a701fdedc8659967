"""``make deploy-test``: the containers for real, step by step; prints one table.

Needs Podman or Docker and the images, or the stand-ins of deploy/offline. It works in a folder and
a Compose project of its own, and removes both.
"""

from __future__ import annotations

import json
import shutil
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

from cds_service.cli import main as cds_service
from deploy.caller import Caller
from deploy.engine import ROOT, Compose, NoEngine

ADDRESS = "http://127.0.0.1:8080"
SERVICE = "/cds-services/dyspareunia-workup-patient-view"
REPLICAS = ("cds-1", "cds-2")
CONTENT = (
    "activity_definitions",
    "code_systems",
    "libraries",
    "plan_definitions",
    "questionnaires",
    "value_sets",
)
PERSON = "C18-14"  # a made-up person
OTHER_USER = 1000650000  # as OpenShift chooses them
LOAD_SECONDS, PATIENCE_SECONDS = 10, 120
LOST_CALLS = 3  # at most, when a replica is killed: what it was answering at that moment


class Failed(AssertionError):
    """A step did not do what it should."""


def expect(true: Any, words: str) -> None:
    """Raises Failed."""
    if not true:
        raise Failed(words)


def until(true: Callable[[], Any], words: str) -> Any:
    """What ``true`` gives once it is something."""
    limit = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < limit:
        try:
            if given := true():
                return given
        except (httpx.TransportError, json.JSONDecodeError, RuntimeError):
            pass
        time.sleep(0.5)
    raise Failed(words)


class Trial:
    """One deployment and what was learnt of it; the steps are its public methods, in order."""

    def __init__(self, folder: Path, compose: Compose, content: Path) -> None:
        self.compose = compose
        self.content = content
        self.caller, self.second = Caller(folder), Caller(folder, "second")
        self.body = json.loads((folder / "call.json").read_bytes())
        self.folder = folder
        self.card: dict[str, Any] = {}

    # -- helpers -------------------------------------------------------------------------------

    def post(self, path: str, body: Any, caller: Caller | None = None) -> httpx.Response:
        """A signed call through the proxy."""
        token = (caller or self.caller).token(f"{ADDRESS}{path}")
        headers = {"Authorization": f"Bearer {token}"}
        return httpx.post(f"{ADDRESS}{path}", json=body, headers=headers, timeout=30)

    def names(self) -> list[str]:
        """The cards of a new visit of the made-up person."""
        instance = {"hookInstance": f"deploy-test-{time.time_ns()}"}
        answer = self.post(SERVICE, self.body | instance)
        expect(answer.status_code == 200, f"a signed call got {answer.status_code}")
        return [c["source"]["topic"]["code"] for c in answer.json()["cards"]]

    def version(self) -> str:
        """The content version that the proxy's next replica serves."""
        return str(httpx.get(f"{ADDRESS}/health/ready", timeout=30).json()["content"]["version"])

    def psql(self, query: str) -> str:
        """The answer of the database."""
        command = ["exec", "-T", "postgres", "psql", "--username=cds", "--dbname=cds", "-Atc"]
        return self.compose.run(*command, query).decode().strip()

    def publish(self, release: str) -> None:
        """Changes the link to the content that is served, and asks each replica to reload."""
        link = self.content / "next"
        link.symlink_to(release)
        link.replace(self.content / "current")
        for replica in REPLICAS:
            self.compose.run("kill", "--signal=HUP", replica)

    # -- steps ---------------------------------------------------------------------------------

    def build(self) -> str:
        """Build the image, once for both replicas."""
        self.compose.run("build", timeout=1800)
        return "one image"

    def start(self) -> str:
        """Start two replicas, PostgreSQL and the proxy, all healthy."""
        begun = time.monotonic()
        self.compose.run("up", "--detach", "--wait")
        until(lambda: httpx.get(f"{ADDRESS}/health/ready").status_code == 200, "not ready")
        return f"healthy after {time.monotonic() - begun:.0f} s"

    def call(self) -> str:
        """A signed call through the proxy; without a token 401."""
        unsigned = httpx.post(f"{ADDRESS}{SERVICE}", json=self.body, timeout=30)
        expect(unsigned.status_code == 401, f"without a token: {unsigned.status_code}")
        answer = self.post(SERVICE, self.body)
        expect(answer.status_code == 200, f"with one: {answer.status_code}")
        self.card = answer.json()["cards"][0]
        expect(httpx.get(f"{ADDRESS}/metrics").status_code == 404, "/metrics is open to all")
        return f"{len(answer.json()['cards'])} cards"

    def feedback(self) -> str:
        """Feedback through the proxy, kept in PostgreSQL."""
        moment = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        item = {"card": self.card["uuid"], "outcome": "overridden", "outcomeTimestamp": moment}
        answer = self.post(f"{SERVICE}/feedback", {"feedback": [item]})
        expect(answer.status_code == 200, f"feedback got {answer.status_code}")
        kept = self.psql("SELECT count(*) FROM feedback")
        expect(kept == "1", f"{kept} rows of feedback")
        return "1 row"

    def kill_a_replica(self) -> str:
        """Kill one replica under load."""
        answers: list[int] = []
        over = threading.Event()

        def load() -> None:
            while not over.is_set():
                try:
                    answers.append(self.post(SERVICE, self.body).status_code)
                except httpx.TransportError:
                    answers.append(0)

        callers = [threading.Thread(target=load) for _ in range(4)]
        for caller in callers:
            caller.start()
        time.sleep(LOAD_SECONDS / 2)
        self.compose.run("kill", "cds-1")
        time.sleep(LOAD_SECONDS / 2)
        over.set()
        for caller in callers:
            caller.join()
        self.compose.run("up", "--detach", "--no-deps", "--wait", "cds-1")
        lost = len([status for status in answers if status != 200])
        expect(lost <= LOST_CALLS, f"{lost} of {len(answers)} calls lost")
        return f"{lost} of {len(answers)} calls lost"

    def roll_out(self) -> str:
        """New content by SIGHUP, bad content refused, and back."""
        first = self.version()
        for release, changed in (("second", True), ("broken", True), ("first", False)):
            before = self.version()
            self.publish(release)
            if release == "broken":
                time.sleep(5)
                expect({self.version() for _ in range(6)} == {before}, "bad content is served")
                continue
            until(
                lambda wanted=changed: {(self.version() != first) for _ in range(6)} == {wanted},
                f"{release} is not served",
            )
        return "there, refused, and back"

    def clients(self) -> str:
        """A new client put in place, by SIGHUP."""
        expect(self.post(SERVICE, self.body, self.second).status_code == 401, "known before")
        self.caller.write_clients(self.second)
        for replica in REPLICAS:
            self.compose.run("kill", "--signal=HUP", replica)

        def known() -> bool:
            answers = [self.post(SERVICE, self.body, self.second) for _ in range(6)]
            return {answer.status_code for answer in answers} == {200}

        until(known, "the new client is not known")
        return "accepted by both"

    def switch_off(self) -> str:
        """A plan switched off stays off over a restart."""
        first = self.names()[0]
        command = ["exec", "-T", "cds-1", "cds-service", "switch", "off", first]
        self.compose.run(*command, "--reason", "deploy-test")
        until(lambda: first not in self.names(), f"{first} speaks on")
        self.compose.run("restart", *REPLICAS)
        until(lambda: httpx.get(f"{ADDRESS}/health/ready").status_code == 200, "not ready")
        spoken = {name for _ in range(6) for name in self.names()}
        expect(first not in spoken, f"{first} speaks again")
        return f"{first} is silent"

    def back_up(self) -> str:
        """Backup of database and key, loss, restore."""
        dump = ["exec", "-T", "postgres", "pg_dump", "--format=custom", "--username=cds", "cds"]
        kept = self.compose.run(*dump)
        self.compose.run("cp", "cds-1:/var/lib/cds/cds.key", str(self.folder / "cds.key"))
        expect((self.folder / "cds.key").stat().st_size == 64, "the key is not whole")
        rows = self.psql("SELECT count(*) FROM feedback")
        self.psql("DELETE FROM feedback")
        self.compose.run("stop", *REPLICAS)
        restore = ["pg_restore", "--clean", "--if-exists", "--single-transaction"]
        command = ["exec", "-T", "postgres", *restore, "--username=cds", "--dbname=cds"]
        self.compose.run(*command, given=kept)
        self.compose.run("start", *REPLICAS)
        until(lambda: httpx.get(f"{ADDRESS}/health/ready").status_code == 200, "not ready")
        back = self.psql("SELECT count(*) FROM feedback")
        expect(rows == back != "0", f"{rows} rows before, {back} after")
        return f"{back} row back, key {len(kept) // 1024} KiB dump"

    def any_user(self) -> str:
        """A user id that the platform chose, in group 0, can use the image's folder."""
        words = (
            "import os, pathlib; from cds_service.store import load_key; "
            "key = pathlib.Path('/var/lib/cds/other.key'); load_key(key); "
            "print(os.getuid(), key.stat().st_uid); key.unlink()"
        )
        command = ["run", "--rm", "--no-deps", "-T", "--user", f"{OTHER_USER}:0", "cds-1"]
        printed = self.compose.run(*command, "python", "-c", words).decode().split()
        expect(printed == [str(OTHER_USER)] * 2, f"it printed {printed}")
        return f"user {OTHER_USER}"

    def demo(self) -> str:
        """Profile demo: the clinic answers, with people from the FHIR server."""
        self.compose.run("--profile", "demo", "up", "--detach", "demo", "demo-door", "hapi")
        until(lambda: httpx.get("http://127.0.0.1:8085/").status_code == 200, "no clinic")
        found = httpx.get("http://127.0.0.1:8084/fhir/Patient", timeout=30).json()
        expect(found.get("entry"), "the FHIR server has nobody")
        return f"{len(found['entry'])} people"

    def watch(self) -> str:
        """Profile watch: Prometheus reads both replicas, Grafana answers."""
        self.compose.run("--profile", "watch", "up", "--detach", "prometheus", "grafana")

        def up() -> int:
            targets = httpx.get("http://127.0.0.1:9090/api/v1/targets").json()["data"]
            states = [target["health"] for target in targets["activeTargets"]]
            return states.count("up") if states.count("up") >= len(REPLICAS) else 0

        number = until(up, "Prometheus does not read the replicas")
        until(lambda: httpx.get("http://127.0.0.1:3000/api/health").status_code == 200, "Grafana")
        return f"{number} targets up"

    def stop(self) -> str:
        """Stop all; calls at hand end, nothing is killed."""
        self.compose.run("stop", *REPLICAS)
        listed = self.compose.run("ps", "--all", "--format", "json", *REPLICAS).decode()
        lines = [json.loads(line) for line in listed.splitlines() if line.strip()]
        codes = {row["ExitCode"] for row in lines}  # one object a line
        expect(len(lines) == len(REPLICAS), f"{len(lines)} replicas listed")
        self.compose.run("--profile", "*", "down", "--volumes")
        expect(codes == {0}, f"exit codes {codes}")
        return "exit status 0"


STEPS = (
    Trial.build,
    Trial.start,
    Trial.call,
    Trial.feedback,
    Trial.kill_a_replica,
    Trial.roll_out,
    Trial.clients,
    Trial.switch_off,
    Trial.back_up,
    Trial.any_user,
    Trial.demo,
    Trial.watch,
    Trial.stop,
)


@contextmanager
def prepared() -> Iterator[Trial]:
    """A folder with clients, content in three releases and a call; everything goes at the end."""
    with tempfile.TemporaryDirectory(prefix="cds-deploy-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        content = folder / "content"
        for release in ("first", "second", "broken"):
            for part in CONTENT:
                shutil.copytree(ROOT / part, content / release / part)
        _change(content / "second", publisher="Somebody else")
        _change(content / "broken", publisher=None)
        (content / "current").symlink_to("first")
        compose = Compose(
            COMPOSE_PROJECT_NAME="cds-deploy-test",
            CDS_CLIENTS_FOLDER=str(folder / "clients"),
            CDS_CONTENT_FOLDER=str(content),
            CDS_CONTENT="/srv/content/current",
            CDS_POSTGRES_PASSWORD="only-here",
            CDS_GRAFANA_PASSWORD="only-here",
        )
        _write_call(folder / "call.json")
        trial = Trial(folder, compose, content)
        trial.caller.write_clients()
        try:
            yield trial
        finally:
            compose.run("--profile", "*", "down", "--volumes", "--timeout", "5")


def _change(release: Path, publisher: str | None) -> None:
    path = release / "plan_definitions" / "causes" / "sti.json"
    plan = json.loads(path.read_bytes()) | {"publisher": publisher}
    path.write_text(json.dumps({k: v for k, v in plan.items() if v is not None}))


def _write_call(path: Path) -> None:
    out, sys.stdout = sys.stdout, path.open("w", encoding="utf-8")
    try:
        cds_service(["request", PERSON])
    finally:
        sys.stdout.close()
        sys.stdout = out


def main() -> int:
    """Exit status: 0 when every step holds, 1 when one does not, 2 without an engine."""
    print("| step | result |\n| --- | --- |", flush=True)
    failed = 0
    try:
        with prepared() as trial:
            for step in STEPS:
                name = str(step.__doc__).rstrip(".")
                try:
                    print(f"| {name} | {step(trial)} |", flush=True)
                except (Failed, RuntimeError, httpx.TransportError) as error:
                    failed += 1
                    print(f"| {name} | **failed**: {error} |", flush=True)
    except NoEngine as error:
        print(error, file=sys.stderr)
        return 2
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
