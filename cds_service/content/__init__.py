"""The clinical content: read, checked, resolved and compiled once.

``load_content(root)`` gives the frozen ``Content`` or raises ``ContentError`` with every finding.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from cds_service.content.build import Builder
from cds_service.content.lint import lint, metadata_findings, text_findings
from cds_service.content.model import Content, Finding
from cds_service.content.reader import (
    FOLDERS,
    ContentFiles,
    read_folder,
    read_json_files,
    site_word_findings,
)
from cds_service.content.required_elements import required_element_findings
from cds_service.content.site_maps import add_site_maps
from cds_service.content.views import view_findings

__all__ = [
    "Content",
    "ContentError",
    "Finding",
    "build_content",
    "find_root",
    "find_roots",
    "load_content",
]


class ContentError(RuntimeError):
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


def find_roots(settings: Sequence[Path] | None) -> tuple[Path, ...]:
    """The folder of each topic; that of ``find_root`` where no folder is set."""
    return tuple(map(find_root, settings)) if settings else (find_root(),)


def load_content(
    root: Path, site_words: Mapping[str, str] | None = None, code_maps: Path | None = None
) -> Content:
    """Reads and checks all content below ``root``; raises ContentError with all findings.

    ``site_words`` maps a placeholder of the texts, such as ``site help-line``, to words.
    ``code_maps`` is a folder of ConceptMaps with the site's own codes.
    """
    content_files = read_folder(root, site_words or {})
    content_files.findings += site_word_findings([content_files])
    if code_maps:
        add_site_maps(read_json_files(code_maps), content_files)
    return build_content(content_files)


def build_content(content_files: ContentFiles) -> Content:
    """Checks and compiles what was read; raises ContentError with all findings."""
    first = (
        *content_files.findings,
        *required_element_findings(content_files),
        *metadata_findings(content_files),
        *view_findings(content_files),
    )
    texts = tuple(text_findings(content_files))
    if len(first) > len(content_files.findings):
        raise ContentError((*first, *texts))
    builder = Builder(content_files)
    content = builder.content()
    found = lint(builder.resolver, builder.names, builder.requirements, content)
    findings = (*first, *texts, *builder.resolver.findings, *found)
    if findings or content is None:
        raise ContentError(findings)
    return content
