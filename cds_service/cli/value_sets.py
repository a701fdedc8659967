"""``cds-service value-sets expand``: writes the lists that people read and the service matches."""

from __future__ import annotations

import sys
from argparse import Namespace
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

from cds_service.authoring.expansion.command import Sources, apply, changes
from cds_service.authoring.expansion.terminology_server import TerminologyServer
from cds_service.authoring.icd_expansion import (
    differences,
    expansions,
    read_release,
    write_expansions,
)
from cds_service.content import find_root, load_content


def run(options: Namespace) -> int:
    """Runs the command; returns its exit status. Raises RuntimeError, with the reason."""
    root = find_root(options.content)
    if options.terminology_server:
        with closing(TerminologyServer(options.terminology_server)) as server:
            return _pin(root, Sources(options.rxnorm, server), options)
    if options.rxnorm:
        return _pin(root, Sources(options.rxnorm), options)
    return _list_icd(root)


def _pin(root: Path, sources: Sources, options: Namespace) -> int:
    """Resolves filters once and pins the codes; the difference goes to standard output."""
    found = changes(
        root,
        sources,
        datetime.now(UTC),
        lambda line: print(line, file=sys.stderr, flush=True),
        options.site,
        options.value_set,
    )
    for change in found:
        size = len(change.value_set["expansion"]["contains"])
        print(f"{change.path.name}: {size} codes, {len(change.lines)} differences")
        for line in change.lines:
            print(f"  {line}")
    apply(found, options.yes)
    return 0


def _list_icd(root: Path) -> int:
    """Lists what categories of ICD-10-CM bring into each set."""
    release = read_release()
    if release is None:
        raise RuntimeError("ICD-10-CM is not here: install the package simple-icd-10-cm")
    expanded = expansions(load_content(root), release)
    lines = list(differences(root, expanded))
    write_expansions(root, expanded)
    for line in lines:
        print(line)
    codes = sum(len(listed) - 1 for listed in expanded.values())
    print(f"{len(expanded)} value sets, {codes} codes of ICD-10-CM, {len(lines)} differences.")
    return 0
