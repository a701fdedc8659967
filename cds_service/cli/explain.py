"""``cds-service explain``: why each card of a call, and why not the others."""

from __future__ import annotations

import sys
from argparse import Namespace
from datetime import UTC, datetime
from functools import partial

from cds_service.app.switch_command import current_visibility
from cds_service.cli.printing import print_json
from cds_service.content import find_root, load_content
from cds_service.decision.explain import explain
from cds_service.fhir.errors import ServiceError
from cds_service.hooks.pipeline import Pipeline
from cds_service.hooks.request import parse_body
from cds_service.settings import read_settings


def run(options: Namespace) -> int:
    """Runs the command; returns its exit status."""

    settings = read_settings()
    content = load_content(find_root(options.content), code_maps=settings.code_maps)
    warn = partial(print, file=sys.stderr)
    visibility = partial(current_visibility, settings, content, warn)
    pipeline = Pipeline(content, "https://example.org/intake", visibility)
    try:
        body = parse_body(options.request.read_bytes())
        service = pipeline.service_for(body.get("hook") if isinstance(body, dict) else None)
        result = pipeline.answer(service, body, options.now or datetime.now(UTC))
    except ServiceError as error:
        for issue in error.issues:
            print(f"{options.request}: {issue.diagnostics}", file=sys.stderr)
        return 1
    print_json(explain(result.evaluation))
    return 0
