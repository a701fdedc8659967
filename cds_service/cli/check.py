"""``cds-service check``: lint of the content, and every vignette."""

from __future__ import annotations

from argparse import Namespace
from datetime import UTC, datetime

from cds_service.authoring.check import ResultsFile, check_vignettes, load_for_check
from cds_service.authoring.icd_expansion import expansion_findings
from cds_service.cli.printing import KEPT, VIGNETTES
from cds_service.content import find_root


def run(options: Namespace) -> int:
    """Runs the command; returns its exit status."""

    root = find_root(options.content)
    content = load_for_check(root)
    print(f"Content {content.version}: no finding.")
    expanded = expansion_findings(content, root)
    if expanded is None:
        print("ICD-10-CM not compared: the package simple-icd-10-cm is not installed.")
    for difference in expanded or ():
        print(difference)
    if expanded:
        print("Read the differences, then write the lists: cds-service value-sets expand")
        return 1
    vignettes = options.vignettes or root / VIGNETTES
    path = options.results or (None if options.vignettes else KEPT)
    results = ResultsFile(path, datetime.now(UTC)) if path else None
    return check_vignettes(content, vignettes, print, mutate=not options.quick, results=results)
