"""The disk of the store is full: a small file system of the server's own, filled by a stranger.

``unshare`` gives the server a name space of its own, in which an ordinary user may mount.
"""

import shutil
import subprocess
import tempfile
import time
from pathlib import Path

from benchmarks.served import free_port, running, service_command
from benchmarks.soak.expecting import expect
from benchmarks.soak.faults import Skipped
from benchmarks.soak.traffic import Traffic, Visits

UNSAVED = ("feedback", 503)
SIZE = "4m"
APART = ("unshare", "--user", "--map-root-user", "--mount", "sh", "-c")


def check(visits: Visits, seconds: float) -> str:
    """Full for that long, then there is room again."""
    with tempfile.TemporaryDirectory(prefix="full-") as folder:
        mounting = f'mount -t tmpfs -o size={SIZE} tmpfs {folder} && exec "$0" "$@"'
        command = [*APART, mounting]
        if not _can(command):
            raise Skipped("no file system can be mounted here without more rights")
        url = f"sqlite:///{folder}/cds.sqlite3"
        port = free_port()
        with running([*command, *service_command(port)], port, CDS_DATABASE_URL=url) as server:
            traffic = Traffic(port, visits)
            inside = Path(f"/proc/{server.workers[0]}/root{folder}")
            with traffic.flowing():
                traffic.wait_for("feedback", 200)
                ballast = _fill(inside / "ballast")
                traffic.wait_for("feedback", 503)
                calls = traffic.answered("call")
                time.sleep(seconds)
                expect(traffic.answered("call") > calls, "no cards while the disk was full")
                ballast.unlink()
                traffic.wait_for("feedback", 200)
            expect(not traffic.unexpected(UNSAVED), f"answers: {traffic.unexpected(UNSAVED)}")
            expect(not traffic.broken, f"{traffic.broken} connections were cut")
            with tempfile.TemporaryDirectory() as outside:
                for file in inside.glob("cds.sqlite3*"):
                    shutil.copy(file, outside)
                traffic.expect_all_kept(f"sqlite:///{outside}/cds.sqlite3")
    refused, kept = traffic.answered(*UNSAVED), len(traffic.acknowledged)
    return f"cards throughout, {refused} times feedback refused (503), {kept} items kept"


def _can(command: list[str]) -> bool:
    if shutil.which(command[0]) is None:
        return False
    return subprocess.run([*command, "true"], capture_output=True, check=False).returncode == 0


def _fill(path: Path) -> Path:
    """A file that takes all the room there is."""
    with path.open("wb", buffering=0) as file:
        try:
            while file.write(b"\0" * 4096):
                pass
        except OSError:
            return path
    return path
