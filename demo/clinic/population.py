"""The report of a replay of a made-up population, made when somebody first asks for it."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from threading import Lock, Thread

from flask import Blueprint, Response, redirect, render_template
from werkzeug.wrappers import Response as BaseResponse

from cds_service.authoring.replay.runners import cores

PEOPLE = 2000
COMMAND = Path(sys.executable).with_name("cds-service")
# The report is one file that holds its style and its drawings, and no script.
REPORT_POLICY = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'"
FAILED = "The report could not be made. The log of the demo may say why."


@dataclass
class Population:
    """Writes made-up people and replays the content over them, in processes of their own.
    ``content`` is the folder of the content, ``people`` how many are made up."""

    content: Path
    people: int = PEOPLE
    closing: ExitStack = field(default_factory=ExitStack)
    said: str = ""  # the last line of the progress
    failed: str = ""
    _lock: Lock = field(default_factory=Lock)
    _thread: Thread | None = None
    _ended: bool = False
    _process: subprocess.Popen[str] | None = None

    def __post_init__(self) -> None:
        folder = tempfile.TemporaryDirectory(prefix="population-")
        self.folder = Path(self.closing.enter_context(folder))

    @property
    def report(self) -> Path | None:
        """The finished report, else None."""
        path = self.folder / "replay" / "report.html"
        return path if path.exists() else None

    def begin(self) -> None:
        """Begins in the background; does nothing where it was begun before."""
        with self._lock:
            if self._thread is None:
                self._thread = Thread(target=self._make, daemon=True)
                self._thread.start()

    def stop(self) -> None:
        """Ends what runs and deletes what was written."""
        with self._lock:
            self._ended, process = True, self._process
        if process is not None and process.poll() is None:
            process.terminate()
        if self._thread is not None:
            self._thread.join()
        self.closing.close()

    def _make(self) -> None:
        now = datetime.now(UTC).isoformat(timespec="seconds")
        export = self.folder / "export"
        people = ["--people", str(self.people), "--out", str(export), "--now", now]
        out = ["--out", str(self.folder / "replay"), "--workers", str(cores()), "--now", now]
        where = ["--content", str(self.content)]
        self.said = f"writing {self.people} made-up people"
        _ = self._ran([sys.executable, "-m", "demo.population", *people, *where]) and self._ran(
            [str(COMMAND), "replay", str(export), *out, *where]
        )

    def _ran(self, command: list[str]) -> bool:
        """Runs a command to its end; keeps its last line. Returns whether it did what it should."""
        with self._lock:
            if self._ended:
                return False
            self._process = process = subprocess.Popen(
                command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
            )
        with process:
            for line in process.stderr or ():
                self.said = line.strip() or self.said
        if process.returncode:
            self.failed = self.said if process.returncode == 2 else FAILED
        return process.returncode == 0


def population_pages(population: Population) -> Blueprint:
    """``/population``: the report, or a page that waits for it."""
    routes = Blueprint("population", __name__)

    @routes.get("/population")
    def waiting() -> BaseResponse | str:
        if population.report:
            return redirect("/population/report")
        population.begin()
        return render_template("population.html", population=population)

    @routes.get("/population/report")
    def report() -> BaseResponse:
        if population.report is None:
            return redirect("/population")
        answer = Response(population.report.read_bytes(), content_type="text/html; charset=utf-8")
        answer.headers["Content-Security-Policy"] = REPORT_POLICY
        return answer

    return routes
