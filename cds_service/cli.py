"""The command line: ``cds-service --help`` lists the commands."""

from __future__ import annotations

import argparse
import gc
import sys
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import orjson

if TYPE_CHECKING:
    from cds_service.settings import Settings
    from cds_service.store import Store


KEPT = Path("var/vignettes.json")
RESULTS = (
    "file that keeps what the vignettes found, for the content pages "
    f"(default {KEPT}; none with --vignettes)"
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command; returns its exit status (0 good, 1 findings, 2 cannot run)."""
    options = _parser().parse_args(arguments)
    try:
        return int(options.run(options))
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

    serve = commands.add_parser("serve", help="serve the hooks over HTTP")
    serve.add_argument("--host", default="127.0.0.1")
    serve.add_argument("--port", type=int, default=8080)
    serve.set_defaults(run=_serve)

    check = commands.add_parser("check", help="check the content and run every vignette")
    _content_option(check)
    check.add_argument("--vignettes", type=Path, help="folder of vignettes")
    check.add_argument("--quick", action="store_true", help="without the mutation score (minutes)")
    check.add_argument("--results", type=Path, help=RESULTS)
    check.set_defaults(run=_check)

    explain = commands.add_parser("explain", help="say why each card, and why not the others")
    explain.add_argument("request", type=Path, help="a CDS Hooks request, as JSON")
    explain.add_argument("--now", type=_moment, help="the moment of the call (ISO 8601)")
    _content_option(explain)
    explain.set_defaults(run=_explain)

    request = commands.add_parser("request", help="print the call of a vignette, moved to now")
    request.add_argument("vignette", help="the id of a made-up person, such as C18-14")
    request.add_argument("--vignettes", type=Path, help="folder of vignettes")
    _content_option(request)
    request.set_defaults(run=_request)

    review = commands.add_parser("review", help="write the clinicians' review pages")
    review.add_argument("cause", nargs="*", help="file stems of causes; all when none is given")
    review.add_argument("--out", type=Path, help="folder to write to (default docs/review)")
    _content_option(review)
    review.set_defaults(run=_review)

    purge = commands.add_parser("purge", help="delete calls and feedback past their retention")
    purge.set_defaults(run=_purge)

    report = commands.add_parser("report", help="what became of cards: shown, accepted, overridden")
    report.add_argument("--days", type=int, default=90, help="how far back (default 90)")
    report.add_argument("--json", action="store_true", help="JSON instead of CSV")
    report.add_argument(
        "--silent", action="store_true", help="only what would have been shown, were it not silent"
    )
    report.set_defaults(run=_report)

    switch = commands.add_parser("switch", help="stop a plan or a service from speaking, at once")
    switch.set_defaults(run=_switch)
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
    fhirpath.set_defaults(run=_fhirpath)
    return parser


def _content_option(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--content", type=Path, help="folder that holds the content folders")


def _moment(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


# -- commands ------------------------------------------------------------------------------
# Each imports what it needs: `fhirpath` must not wait for the web stack, nor `serve` for YAML.


def _serve(options: argparse.Namespace) -> int:
    gc.disable()  # nothing made while importing and loading is garbage (server.serve enables it)
    from cds_service import create_app, logs  # noqa: PLC0415 - see above
    from cds_service.metrics_folder import metrics_folder  # noqa: PLC0415 - see above
    from cds_service.settings import unknown_settings  # noqa: PLC0415 - see above

    settings = _settings()
    if settings.development and options.host not in LOOPBACK:
        raise RuntimeError(
            f"CDS_AUTH=off serves on a loopback address only, not on {options.host}: "
            "set CDS_AUTH and CDS_CLIENTS, or leave --host out"
        )
    logs.configure(_log_form(settings), settings.log_level)
    for name in unknown_settings():
        logs.LOG.warning("there is no such setting", setting=name)
    with metrics_folder():
        from cds_service.server import check_address, check_store, serve  # noqa: PLC0415 - needs the folder

        check_address(options.host, options.port)
        check_store(settings)
        make = partial(create_app, settings)
        app = make()
        _greet(options.host, options.port, settings.auth)
        serve(app, settings, options.host, options.port, make)
    return 0


LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})


def _log_form(settings: Settings) -> Literal["json", "text"]:
    """People read text: on a terminal, and in development."""
    if settings.log_format != "auto":
        return settings.log_format
    return "text" if settings.development or sys.stderr.isatty() else "json"


def _settings() -> Settings:
    """The settings of the environment; raises RuntimeError with a sentence for each wrong one."""
    from cds_service.settings import read_settings  # noqa: PLC0415 - see above

    return read_settings()


def _store(settings: Settings) -> Store:
    from cds_service.store import Store, load_key  # noqa: PLC0415 - see above

    return Store(settings.database_url, load_key(settings.key_file))


def _purge(_options: argparse.Namespace) -> int:
    settings = _settings()
    kept = timedelta(days=settings.retention_days)
    gone = _store(settings).purge(datetime.now(UTC), kept)
    print(
        f"Deleted {gone.calls} calls, {gone.cards} cards, {gone.feedback} feedback items, "
        f"{gone.tokens} expired token ids and {gone.sessions} expired sessions."
    )
    return 0


def _report(options: argparse.Namespace) -> int:
    from cds_service.report import LONGEST_REPORT, as_csv, as_json, summarise  # noqa: PLC0415 - see above

    now = datetime.now(UTC)
    since = now - timedelta(days=min(max(options.days, 1), LONGEST_REPORT))
    rows = _store(_settings()).report(since, now, summarise)
    if options.silent:
        rows = [row for row in rows if row.state == "silent"]
    print((as_json if options.json else as_csv)(rows), end="")
    return 0


def _switch(options: argparse.Namespace) -> int:
    from cds_service.switch_command import switch  # noqa: PLC0415 - see above

    return switch(_settings(), options, print)


def _greet(host: str, port: int, auth: str) -> None:
    """The address, and a call to try where the examples are at hand."""
    address = f"http://{host}:{port}"
    print(f"Dyspareunia CDS is starting on {address}")
    print("Draft clinical content, not approved by clinicians.")
    if auth == "off":
        print("AUTHENTICATION IS OFF: anybody on this machine can call it. Not for real patients.")
    example = Path("examples/patient-view-urinary-symptoms.json")
    if example.is_file():
        print("Try a call (the command moves the example's answers to today):\n")
        print(f'  sed "s/{EXAMPLE_DAY}/$(date -u +%F)/g" {example} | \\')
        print("    curl -sS -H 'Content-Type: application/json' --data-binary @- \\")
        print(f"    {address}/cds-services/dyspareunia-workup-patient-view\n", flush=True)


EXAMPLE_DAY = "2026-11-22"


def _check(options: argparse.Namespace) -> int:
    from cds_service.content import find_root, load_content  # noqa: PLC0415 - see above
    from cds_service.content.check import Keep, check_vignettes  # noqa: PLC0415 - see above

    root = find_root(options.content)
    content = load_content(root)
    print(f"Content {content.version}: no finding.")
    vignettes = options.vignettes or root / "tests" / "vignettes"
    path = options.results or (None if options.vignettes else KEPT)
    keep = Keep(path, datetime.now(UTC)) if path else None
    return check_vignettes(content, vignettes, print, mutate=not options.quick, keep=keep)


def _explain(options: argparse.Namespace) -> int:
    from cds_service.content import find_root, load_content  # noqa: PLC0415 - see above
    from cds_service.errors import ServiceError  # noqa: PLC0415 - see above
    from cds_service.explain import explain  # noqa: PLC0415 - see above
    from cds_service.hook_request import parse_body  # noqa: PLC0415 - see above
    from cds_service.pipeline import Pipeline  # noqa: PLC0415 - see above
    from cds_service.switch_command import muted_now  # noqa: PLC0415 - see above

    pipeline = Pipeline(load_content(find_root(options.content)), "https://example.org/intake")
    pipeline.muting = partial(muted_now, _settings(), pipeline, partial(print, file=sys.stderr))
    try:
        body = parse_body(options.request.read_bytes())
        service = pipeline.service_for(body.get("hook") if isinstance(body, dict) else None)
        result = pipeline.answer(service, body, options.now or datetime.now(UTC))
    except ServiceError as error:
        for issue in error.issues:
            print(f"{options.request}: {issue.diagnostics}", file=sys.stderr)
        return 1
    _print_json(explain(result.evaluation))
    return 0


def _request(options: argparse.Namespace) -> int:
    from cds_service.content import find_root, load_content  # noqa: PLC0415 - see above
    from cds_service.content.vignettes import at_hour, read_vignettes, request_for  # noqa: PLC0415
    from cds_service.prefetch import templates  # noqa: PLC0415 - see above

    root = find_root(options.content)
    vignettes = read_vignettes(options.vignettes or root / "tests" / "vignettes")
    person = next((p for p in vignettes.people if p.id == options.vignette), None)
    if person is None:
        raise ValueError(
            f"no vignette has the id {options.vignette}: the files of tests/vignettes hold them"
        )
    content = load_content(root)
    moved = at_hour(person, datetime.now(UTC))
    _print_json(request_for(moved, vignettes.defaults, content, templates(content)))
    return 0


def _review(options: argparse.Namespace) -> int:
    from cds_service.content import find_root, load_content  # noqa: PLC0415 - see above
    from cds_service.content.review import write_pages  # noqa: PLC0415 - see above

    root = find_root(options.content)
    folder = options.out or root / "docs" / "review"
    pages = write_pages(load_content(root), root / "tests" / "vignettes", folder, options.cause)
    print(f"{len(pages)} pages written to {folder}")
    return 0


def _fhirpath(options: argparse.Namespace) -> int:
    from cds_service.fhirpath import FhirPathError, compile_expression, to_json  # noqa: PLC0415

    resource = orjson.loads(options.resource.read_bytes()) if options.resource else None
    try:
        _print_json(to_json(compile_expression(options.expression).evaluate(resource)))
    except FhirPathError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def _print_findings(findings: Sequence[Any]) -> int:
    for finding in findings:
        print(finding)
    print(f"{len(findings)} findings; the content is not served until they are mended.")
    return 1


def _print_json(value: Any) -> None:
    text = orjson.dumps(value, option=orjson.OPT_INDENT_2, default=float)
    print(text.decode())
