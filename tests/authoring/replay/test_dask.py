"""A replay on a Dask cluster of two real worker processes, one of which is killed."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from distributed import LocalCluster

from cds_service.authoring.replay.partition import evaluate_partition
from cds_service.authoring.replay.runners import Dask

from .exports import replayed

SMALL = 64 << 10  # bytes of a partition, so that there are many


@pytest.fixture(scope="module")
def cluster() -> Iterator[LocalCluster]:
    with LocalCluster(
        n_workers=2, threads_per_worker=1, host="127.0.0.1", dashboard_address=None
    ) as cluster:
        yield cluster


class LosesAWorker(Dask):
    """Kills a worker process when the first partition is evaluated."""

    cluster: LocalCluster
    killed = 0

    def map(self, function: Callable[[Any], Any], items: Iterable[Any]) -> Iterator[Any]:
        for result in super().map(function, items):
            if getattr(function, "func", None) is evaluate_partition and not self.killed:
                self.killed = self.cluster.workers[0].pid
                os.kill(self.killed, signal.SIGKILL)
            yield result


def test_a_killed_worker_changes_nothing(
    cluster: LocalCluster, export: Path, run: Path, tmp_path: Path
) -> None:
    with closing(LosesAWorker(cluster.scheduler_address)) as runner:
        runner.cluster = cluster
        report = replayed(tmp_path / "run", export, runner=runner, partition_bytes=SMALL)

    assert runner.killed
    assert report["workers"] == 2
    expected = json.loads((run / "report.json").read_text(encoding="utf-8"))
    assert report["digest"] == expected["digest"]
