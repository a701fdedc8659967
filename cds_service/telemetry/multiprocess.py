"""The directory through which workers share their numbers (``cds_service.telemetry.metrics``).

Nothing here imports ``prometheus_client``: it looks for the directory when it is imported.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

VARIABLE = "PROMETHEUS_MULTIPROC_DIR"


@contextmanager
def metrics_folder() -> Iterator[Path]:
    """A new directory for this run, named in the environment; enter before anything is counted.

    It is made below ``PROMETHEUS_MULTIPROC_DIR`` where that is set, else below the temporary
    folder: numbers of an earlier run are never added to those of this one. The process that made it
    deletes it, a worker that leaves the same way does not. Raises RuntimeError.
    """
    above, owner = os.environ.get(VARIABLE), os.getpid()
    try:
        made = tempfile.mkdtemp(prefix="cds-metrics-", dir=above)
    except OSError as error:
        raise RuntimeError(
            f"the folder for metrics cannot be made below {above or tempfile.gettempdir()} "
            f"({error.strerror}): name one that can be written to in {VARIABLE}"
        ) from None
    os.environ[VARIABLE] = made
    try:
        yield Path(made)
    finally:
        if os.getpid() == owner:
            shutil.rmtree(made, ignore_errors=True)


def forget_worker(pid: int) -> None:
    """Takes a worker that ended out of the gauges; what it counted stays counted."""
    from prometheus_client.multiprocess import mark_process_dead  # noqa: PLC0415 - see above

    if VARIABLE in os.environ:
        mark_process_dead(pid)  # type: ignore[no-untyped-call]  # it has no types
