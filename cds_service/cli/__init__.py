"""The command line: ``cds-service --help`` lists the commands, one module each."""

from __future__ import annotations

import argparse
import gc
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path
from typing import Any

from cds_service.cli.printing import KEPT

RESULTS = (
    "file that keeps what the vignettes found, for the content pages "
    f"(default {KEPT}; none with --vignettes)"
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command; returns its exit status (0 good, 1 findings, 2 cannot run).

    Only the command that runs is imported: ``fhirpath`` does not wait for the web stack.
    """
    options = _parser().parse_args(arguments)
    try:
        gc.disable()  # nothing made while importing is garbage
        command = import_module(f"cds_service.cli.{options.command}")
        gc.enable()
        return int(command.run(options))
    except RuntimeError as error:
        findings = getattr(error, "findings", ())
        if findings:  # ContentError, which is not imported for commands without content
            return _print_findings(findings)
        print(f"cds-service: {error}", file=sys.stderr)
        return 2
    except (OSError, ValueError) as error:
        print(f"cds-service: {error}", file=sys.stderr)
        return 2


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="cds-service", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    _serving(commands)
    check = commands.add_parser("check", help="check the content and run every vignette")
    _content_option(check)
    check.add_argument("--vignettes", type=Path, help="folder of vignettes")
    check.add_argument("--quick", action="store_true", help="without the mutation score (minutes)")
    check.add_argument("--results", type=Path, help=RESULTS)
    check.set_defaults(command="check")

    explain = commands.add_parser("explain", help="say why each card, and why not the others")
    explain.add_argument("request", type=Path, help="a CDS Hooks request, as JSON")
    explain.add_argument("--now", type=_moment, help="the moment of the call (ISO 8601)")
    _content_option(explain)
    explain.set_defaults(command="explain")

    request = commands.add_parser("request", help="print the call of a vignette, moved to now")
    request.add_argument("vignette", help="the id of a made-up person, such as C18-14")
    request.add_argument("--vignettes", type=Path, help="folder of vignettes")
    _content_option(request)
    request.set_defaults(command="request")

    review = commands.add_parser("review", help="write the clinicians' review pages")
    review.add_argument("cause", nargs="*", help="file stems of causes; all when none is given")
    review.add_argument("--out", type=Path, help="folder to write to (default docs/review)")
    _content_option(review)
    review.set_defaults(command="review")

    _add_value_sets(commands)
    _add_replay(commands)

    purge = commands.add_parser("purge", help="delete calls and feedback past their retention")
    purge.set_defaults(command="purge")

    report = commands.add_parser("report", help="what became of cards: shown, accepted, overridden")
    report.add_argument("--days", type=int, default=90, help="how far back (default 90)")
    report.add_argument("--json", action="store_true", help="JSON instead of CSV")
    report.add_argument(
        "--silent", action="store_true", help="only what would have been shown, were it not silent"
    )
    report.add_argument("--topic", default="", help="id of one topic (default: all together)")
    report.set_defaults(command="report")

    switch = commands.add_parser("switch", help="stop a plan or a service from speaking, at once")
    switch.set_defaults(command="switch")
    actions = switch.add_subparsers(required=True, dest="action", metavar="ACTION")
    actions.add_parser("list", help="say what is off, and who switched what")
    for action, words in (("off", "switch off"), ("on", "switch on again")):
        one = actions.add_parser(action, help=words)
        one.add_argument("name", help="REC-UA, C18, RF05, or the id of a plan or service")
        one.add_argument("--reason", required=True, help="why, for those who look later")
        one.add_argument("--by", default=None, help="who says so (default: the user's name)")

    fhirpath = commands.add_parser("fhirpath", help="evaluate one FHIRPath expression")
    fhirpath.add_argument("expression")
    fhirpath.add_argument("resource", nargs="?", type=Path, help="a FHIR resource, as JSON")
    fhirpath.set_defaults(command="fhirpath")
    return parser


def _add_value_sets(commands: Any) -> None:
    value_sets = commands.add_parser("value-sets", help="expand value sets, for review")
    actions = value_sets.add_subparsers(required=True, dest="action", metavar="ACTION")
    expand = actions.add_parser(
        "expand",
        help="pin the codes that filters meet; without a source, list those of ICD-10-CM",
    )
    expand.add_argument("value_set", nargs="*", help="ids of value sets (default: all)")
    expand.add_argument("--rxnorm", type=Path, metavar="FOLDER", help="RxNorm's RRF files")
    expand.add_argument("--terminology-server", metavar="URL", help="FHIR R4 base with $expand")
    expand.add_argument(
        "--site",
        type=Path,
        metavar="FOLDER",
        help="write there (CDS_CODE_MAPS), not into the content: SNOMED CT's license",
    )
    expand.add_argument(
        "--yes", action="store_true", help="write even if a set loses over a tenth of its codes"
    )
    _content_option(expand)
    value_sets.set_defaults(command="value_sets")


def _add_replay(commands: Any) -> None:
    """Adds the commands that read an export of a whole population."""
    replay = commands.add_parser("replay", help="the content over an export: who would get what")
    replay.add_argument("export", type=Path, nargs="+", help="folders or files of FHIR R4")
    replay.add_argument("--out", type=Path, required=True, help="folder of the results")
    replay.add_argument("--against", type=Path, help="another content, to say what differs")
    replay.add_argument("--questionnaires", type=Path, help="folder of responses kept apart")
    replay.add_argument("--now", type=_moment, help="the moment of all calls (ISO 8601)")
    replay.add_argument("--hook", default="patient-view", help="the hook of all calls")
    runner = replay.add_mutually_exclusive_group()
    runner.add_argument("--workers", type=_count, help="processes (default: one a core)")
    runner.add_argument("--dask", metavar="ADDRESS", help="a Dask scheduler, tcp://...:8786")
    replay.add_argument("--resume", action="store_true", help="continue what was interrupted")
    replay.add_argument("--case-ids", action="store_true", help="name patients by their ids")
    _content_option(replay)
    replay.set_defaults(command="replay")

    coverage = commands.add_parser("chart-coverage", help="which codes of an export are recognised")
    coverage.add_argument("export", type=Path, nargs="+", help="folders or files of FHIR R4")
    coverage.add_argument("--workers", type=_count, help="processes (default: one a core)")
    coverage.add_argument("--json", action="store_true", help="JSON instead of tables")
    _content_option(coverage)
    coverage.set_defaults(command="chart_coverage")


def _serving(commands: Any) -> None:
    """Adds the commands of a running service."""
    serve = commands.add_parser("serve", help="serve the hooks over HTTP")
    serve.add_argument("--host", default="127.0.0.1")
    serve.add_argument("--port", type=int, default=8080)
    serve.set_defaults(command="serve")

    health = commands.add_parser("health", help="ask the service on this machine if it is ready")
    health.add_argument("--port", type=int, default=8080)
    health.add_argument("--live", action="store_true", help="only if its process answers")
    health.add_argument("--path", help="another address that has to answer 200")
    health.set_defaults(command="health")


def _content_option(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--content", type=Path, help="folder that holds the content folders")


def _moment(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _count(text: str) -> int:
    number = int(text)
    if number < 1:
        raise ValueError("at least 1")
    return number


def _print_findings(findings: Sequence[Any]) -> int:
    for finding in findings:
        print(finding)
    print(f"{len(findings)} findings; the content is not served until they are mended.")
    return 1
