"""``cds-service request``: the call of a vignette, moved to now."""

from __future__ import annotations

from argparse import Namespace
from datetime import UTC, datetime

from cds_service.authoring.vignettes import at_hour, read_vignettes, request_for
from cds_service.cli.printing import VIGNETTES, print_json
from cds_service.content import find_root, load_content
from cds_service.hooks.prefetch import templates


def run(options: Namespace) -> int:
    """Runs the command; returns its exit status."""

    root = find_root(options.content)
    vignettes = read_vignettes(options.vignettes or root / VIGNETTES)
    person = next((p for p in vignettes.people if p.id == options.vignette), None)
    if person is None:
        raise ValueError(
            f"no vignette has the id {options.vignette}: the files of {VIGNETTES} hold them"
        )
    content = load_content(root)
    moved = at_hour(person, datetime.now(UTC))
    print_json(request_for(moved, vignettes.defaults, content, templates(content)))
    return 0
