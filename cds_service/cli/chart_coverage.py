"""``cds-service chart-coverage``: which codes of a site's charts are recognised, and which not."""

from __future__ import annotations

import sys
from argparse import Namespace
from collections.abc import Mapping, Sequence
from typing import Any

from cds_service.authoring.replay.chart_codings import chart_coverage
from cds_service.authoring.replay.progress import on_standard_error
from cds_service.authoring.replay.runners import cores, local_runner
from cds_service.cli.printing import print_json
from cds_service.content import find_root
from cds_service.settings import read_settings

DONE, SOME_UNREADABLE, INTERRUPTED = 0, 1, 130


def run(options: Namespace) -> int:
    """Runs the command; returns its exit status. Raises ReplayError, ContentError, OSError."""
    root, code_maps = find_root(options.content), read_settings().code_maps
    runner = local_runner(options.workers or cores())
    try:
        coverage = chart_coverage(options.export, root, code_maps, runner, on_standard_error())
    except KeyboardInterrupt:
        return INTERRUPTED
    if options.json:
        print_json(coverage)
    else:
        _print(coverage)
    for reason, number in coverage["unreadable"].items():
        print(f"Not read: {number} {reason}", file=sys.stderr)
    return SOME_UNREADABLE if coverage["unreadable"] else DONE


def _print(coverage: Mapping[str, Any]) -> None:
    systems = [
        (name, str(counts["recognised"]), str(counts["unrecognised"]))
        for name, counts in coverage["codes"].items()
    ]
    _print_table("By code system", ("system", "recognised", "unrecognised"), systems)
    concepts = [
        (row["valueSet"], row["system"], str(row["recognised"]), str(row["lookAlike"]))
        for row in coverage["coverage"]
    ]
    heads = ("value set", "system", "recognised", "look alike")
    _print_table("By value set", heads, concepts)
    codes = [
        (
            f"{row['system']} {row['code']}",
            row["display"] or "",
            ", ".join(row["looksLike"]),
            str(row["count"]),
        )
        for row in coverage["lookAlikes"]
    ]
    heads = ("code", "display", "looks like", "codings")
    _print_table("Not recognised, and its words look like a value set", heads, codes)


def _print_table(title: str, heads: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    widths = [max(len(cell) for cell in column) for column in zip(heads, *rows, strict=True)]
    print(f"\n{title}")
    for row in (heads, *rows):
        cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        print("  ".join(cells).rstrip())
