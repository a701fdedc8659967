"""The demo's FHIR server in a process of its own: ``python -m benchmarks.ehr PORT FOLDER``."""

import signal
import sys
from pathlib import Path

from demo.ehr import DemoEhr


def run(port: int, folder: Path) -> None:
    """Serves until the process is ended; it begins empty."""
    DemoEhr(folder, port=port).start()
    signal.pause()


def base(port: int) -> str:
    """The address of the server on a port."""
    return f"http://127.0.0.1:{port}/fhir"


if __name__ == "__main__":
    run(int(sys.argv[1]), Path(sys.argv[2]))
