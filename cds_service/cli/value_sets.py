"""``cds-service value-sets expand``: writes the lists that people read and the service matches."""

from __future__ import annotations

from argparse import Namespace

from cds_service.authoring.icd_expansion import (
    differences,
    expansions,
    read_release,
    write_expansions,
)
from cds_service.content import find_root, load_content


def run(options: Namespace) -> int:
    """Runs the command; returns its exit status."""
    root = find_root(options.content)
    release = read_release()
    if release is None:
        raise RuntimeError("ICD-10-CM is not here: install the package simple-icd-10-cm")
    expanded = expansions(load_content(root), release)
    changes = list(differences(root, expanded))
    write_expansions(root, expanded)
    for line in changes:
        print(line)
    codes = sum(len(lines) - 1 for lines in expanded.values())
    print(f"{len(expanded)} value sets, {codes} codes of ICD-10-CM, {len(changes)} differences.")
    return 0
