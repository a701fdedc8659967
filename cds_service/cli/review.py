"""``cds-service review``: the clinicians' review pages."""

from __future__ import annotations

from argparse import Namespace

from cds_service.authoring.review import write_pages
from cds_service.cli.printing import VIGNETTES
from cds_service.content import find_root, load_content


def run(options: Namespace) -> int:
    """Runs the command; returns its exit status."""

    root = find_root(options.content)
    folder = options.out or root / "docs" / "review"
    pages = write_pages(load_content(root), root / VIGNETTES, folder, options.cause)
    print(f"{len(pages)} pages written to {folder}")
    return 0
