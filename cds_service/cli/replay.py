"""``cds-service replay``: the content over an export, before anybody sees a card."""

from __future__ import annotations

import sys
from argparse import Namespace
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from cds_service.authoring.replay.progress import on_standard_error
from cds_service.authoring.replay.run import Options, replay
from cds_service.authoring.replay.runners import Dask, cores, local_runner
from cds_service.authoring.replay.sources import ReplayError
from cds_service.content import find_root
from cds_service.settings import listed, read_settings

DONE, SOME_UNREADABLE, NOT_POSSIBLE, INTERRUPTED = 0, 1, 2, 130
WARNING = "--case-ids: the output names patients by their ids. Keep it as you keep the export."


def run(options: Namespace) -> int:
    """Runs the command; returns its exit status."""
    try:
        report = _replay(options)
    except KeyboardInterrupt:
        print("Stopped. The same command with --resume continues.", file=sys.stderr)
        return INTERRUPTED
    except ReplayError as error:
        print(f"cds-service: {error}", file=sys.stderr)
        return NOT_POSSIBLE
    except OSError as error:
        where = f": {error.filename}" if error.filename else ""
        print(f"cds-service: {error.strerror or error}{where}", file=sys.stderr)
        print("What is done is kept: add --resume when it is mended.", file=sys.stderr)
        return NOT_POSSIBLE
    return _tell(report, options.out)


def _replay(options: Namespace) -> dict[str, Any]:
    if options.case_ids:
        print(WARNING, file=sys.stderr)
    settings = read_settings()
    asked = Options(
        exports=tuple(options.export),
        out=options.out,
        root=find_root(options.content),
        against=find_root(options.against) if options.against else None,
        questionnaires=options.questionnaires,
        code_maps=settings.code_maps,
        canonicals=listed(settings.form_canonicals),
        now=options.now,
        hook=options.hook,
        resume=options.resume,
        case_ids=options.case_ids,
    )
    clock, progress = (lambda: datetime.now(UTC)), on_standard_error()
    if options.dask:
        with closing(Dask(options.dask)) as cluster:
            return replay(asked, clock, cluster, progress)
    return replay(asked, clock, local_runner(options.workers or cores()), progress)


def _tell(report: dict[str, Any], out: Path) -> int:
    print(
        f"{report['patients']} patients in {report['seconds']:.1f} s, "
        f"{report['patientsPerSecondPerCore']:.0f} a second and core. See {out / 'report.html'}"
    )
    for reason, number in report["unreadable"].items():
        print(f"Not read: {number} {reason}", file=sys.stderr)
    return SOME_UNREADABLE if report["unreadable"] else DONE
