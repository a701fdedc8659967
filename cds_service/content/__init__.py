"""The clinical content: read, checked, resolved and compiled once.

``load_content(root)`` gives the frozen ``Content`` or raises ``ContentError`` with every finding.
"""

from __future__ import annotations

from pathlib import Path

from cds_service.content.build import Builder
from cds_service.content.lint import lint
from cds_service.content.model import Content, Finding
from cds_service.content.reader import FOLDERS, read_folder

__all__ = ["Content", "ContentError", "Finding", "find_root", "load_content"]


class ContentError(Exception):
    """The content cannot be served; ``findings`` holds everything that is wrong with it."""

    def __init__(self, findings: tuple[Finding, ...]) -> None:
        super().__init__(f"the content has {len(findings)} findings; run cds-service check")
        self.findings = findings


def find_root(setting: Path | None = None) -> Path:
    """The folder that holds the content folders: the setting, the wheel's copy, the checkout."""
    here = Path(__file__).resolve().parent.parent
    candidates = [setting] if setting else [here / "_content", here.parent]
    for root in candidates:
        if all((root / folder).is_dir() for folder in FOLDERS):
            return root
    missing = [f for f in FOLDERS if not (candidates[-1] / f).is_dir()]
    message = f"is not a content folder: {', '.join(missing)} missing. Set CDS_CONTENT."
    raise ContentError((Finding(str(candidates[-1]), "", message),))


def load_content(root: Path) -> Content:
    """Reads and checks all content below ``root``; raises ContentError with all findings."""
    shelf = read_folder(root)
    builder = Builder(shelf)
    content = builder.content()
    findings = (*shelf.findings, *builder.findings, *lint(shelf, builder, content))
    if findings or content is None:
        raise ContentError(findings)
    return content
