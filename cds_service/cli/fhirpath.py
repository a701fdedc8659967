"""``cds-service fhirpath``: evaluates one expression."""

from __future__ import annotations

import sys
from argparse import Namespace

import orjson

from cds_service.cli.printing import print_json
from cds_service.fhirpath import FhirPathError, compile_expression, to_json


def run(options: Namespace) -> int:
    """Runs the command; returns its exit status."""

    resource = orjson.loads(options.resource.read_bytes()) if options.resource else None
    try:
        print_json(to_json(compile_expression(options.expression).evaluate(resource)))
    except FhirPathError as error:
        print(error, file=sys.stderr)
        return 1
    return 0
