"""Loads several contents for one process: topics, each from a folder of its own.

Each is read, checked and compiled alone, so no rule of one can name anything of another. What must
differ between them is the part of an address that they share: ids of strategies, from which the
services take theirs, and ids of forms.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from cds_service.content import ContentError, build_content
from cds_service.content.model import Content, Finding
from cds_service.content.reader import read_folder, read_json_files, site_word_findings
from cds_service.content.site_maps import add_site_maps


def load_topics(
    roots: Sequence[Path],
    site_words: Mapping[str, str] | None = None,
    code_maps: Path | None = None,
) -> tuple[Content, ...]:
    """Loads the content of each folder, in order, the first one the main topic. ``site_words`` and
    ``code_maps`` are as for ``load_content``, for all topics together. Raises ContentError with the
    findings of all folders, each beginning with its folder where there are several."""
    files = [read_folder(root, site_words or {}) for root in roots]
    findings = list(site_word_findings(files))
    for content_files in files:
        others = (one for one in files if one is not content_files)
        content_files.elsewhere = frozenset(url for one in others for url in one.resources)
        if code_maps:
            add_site_maps(read_json_files(code_maps), content_files)
    topics = []
    for root, content_files in zip(roots, files, strict=True):
        try:
            topics.append(build_content(content_files))
        except ContentError as error:
            findings += _of_folder(error.findings, root if len(roots) > 1 else None)
    if not findings:
        findings += _shared_ids(topics, roots)
    if findings:
        raise ContentError(tuple(dict.fromkeys(findings)))
    return tuple(topics)


def _of_folder(findings: Sequence[Finding], root: Path | None) -> Iterator[Finding]:
    for one in findings:
        yield one if root is None else Finding(f"{root}/{one.file}", one.path, one.message)


def _shared_ids(topics: Sequence[Content], roots: Sequence[Path]) -> Iterator[Finding]:
    """Ids that two topics have and that stand in addresses."""
    seen: dict[tuple[str, str], Path] = {}
    for content, root in zip(topics, roots, strict=True):
        ids = [("topic", content.topic), *(("form", form.id) for form in content.forms)]
        for kind, name in ids:
            first = seen.setdefault((kind, name), root)
            if first is not root:
                message = f"the {kind} {name!r} is already in {first}: it stands in addresses"
                yield Finding(str(root), "id", message)
