"""Lists every code that categories of ICD-10-CM bring into a value set, for people to read.

``value_sets/expanded/<id>.tsv`` is the pinned list (columns code, display; the codes below the
filters of ``compose``). ``cds-service check`` compares it with the release of ICD-10-CM in the
package ``simple-icd-10-cm``, so that a new fiscal year shows as a difference a clinician can read.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

from cds_service.content import Content
from cds_service.content.codes import ICD10CM, CodeSet, normalise

FOLDER = Path("value_sets") / "expanded"
PACKAGE = "simple_icd_10_cm"
HEADER = "code\tdisplay"
Release = Mapping[str, str]  # code with its dot -> display; codes without a code below them only


def read_release() -> Release | None:
    """Returns the release of ICD-10-CM that is installed; None without the package."""
    if find_spec(PACKAGE) is None:
        return None
    icd = import_module(PACKAGE)
    return {code: icd.get_description(code) for code in icd.get_all_codes() if icd.is_leaf(code)}


def expansions(content: Content, release: Release) -> dict[str, list[str]]:
    """Returns the lines of each value set with a category of ICD-10-CM, by its id."""
    return {
        content.resources[url]["id"]: [HEADER, *_lines(codes, release)]
        for url, codes in sorted(content.value_sets.items())
        if any(system == ICD10CM for system, _ in codes.prefixes)
    }


def _lines(codes: CodeSet, release: Release) -> Iterator[str]:
    for code, display in sorted(release.items()):
        if codes.is_below(normalise(ICD10CM, code)):
            yield f"{code}\t{display}"


def differences(root: Path, expanded: Mapping[str, list[str]]) -> Iterator[str]:
    """Yields one line for each code that is only in the pinned list, or only in the release."""
    folder = root / FOLDER
    pinned = {path.stem: path for path in sorted(folder.glob("*.tsv"))}
    for name in sorted(expanded.keys() | pinned.keys()):
        path = pinned.get(name)
        before = set(path.read_text(encoding="utf-8").splitlines()) if path else set()
        after = set(expanded.get(name, ()))
        file = f"{FOLDER / name}.tsv"
        yield from (f"{file}: no longer in ICD-10-CM: {line}" for line in sorted(before - after))
        yield from (f"{file}: not in the list: {line}" for line in sorted(after - before))


def write_expansions(root: Path, expanded: Mapping[str, list[str]]) -> None:
    """Replaces the pinned lists; raises OSError where they cannot be written."""
    folder = root / FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    for path in folder.glob("*.tsv"):
        if path.stem not in expanded:
            path.unlink()
    for name, lines in expanded.items():
        (folder / f"{name}.tsv").write_text("\n".join([*lines, ""]), encoding="utf-8")


def expansion_findings(content: Content, root: Path) -> list[str] | None:
    """Returns the differences of all value sets; None when no release is installed."""
    release = read_release()
    return None if release is None else list(differences(root, expansions(content, release)))
