"""Reads the content folders: every JSON file, strictly, as FHIR R4 (``fhir.resources.R4B``)."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson
from fhir.resources.R4B.activitydefinition import ActivityDefinition
from fhir.resources.R4B.codesystem import CodeSystem
from fhir.resources.R4B.library import Library
from fhir.resources.R4B.plandefinition import PlanDefinition
from fhir.resources.R4B.questionnaire import Questionnaire
from fhir.resources.R4B.valueset import ValueSet
from pydantic import BaseModel, ValidationError

from cds_service.content import extensions as ext
from cds_service.content.drawing_lint import size_findings
from cds_service.content.drawings import FOLDER as DRAWINGS
from cds_service.content.drawings import Drawing, read_drawing
from cds_service.content.model import Finding

# Words a site has of its own, such as `[site help-line]` (``questionnaires/README.md``).
PLACEHOLDER = re.compile(r"\[(site [a-z][a-z -]*)\]")
STRATEGY = "workflow-definition"  # the type of the plan whose url gives the canonical base

OTHERWISE = {"site assault care line": "site help-line"}  # said where a site has no word of its own

FOLDERS: dict[str, type[BaseModel]] = {
    "questionnaires": Questionnaire,
    "libraries": Library,
    "plan_definitions": PlanDefinition,
    "activity_definitions": ActivityDefinition,
    "value_sets": ValueSet,
    "code_systems": CodeSystem,
}


@dataclass(slots=True)
class ContentFiles:
    """The resources read, by url, with the file each came from and what was wrong with them."""

    resources: dict[str, dict[str, Any]] = field(default_factory=dict)
    files: dict[str, str] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)
    placeholders: set[str] = field(default_factory=set)
    given: frozenset[str] = frozenset()  # placeholders the site has words for
    digest: str = ""
    site_codes: dict[str, set[tuple[str, str]]] = field(default_factory=dict)  # by value set url
    base: str = ""  # canonical base of all urls: that of the strategy
    elsewhere: frozenset[str] = frozenset()  # urls of the other topics that are served
    drawings: dict[str, Drawing] = field(default_factory=dict)  # by name

    def of_type(self, resource_type: str) -> Iterator[dict[str, Any]]:
        """Resources of a type, in file order."""
        return (r for r in self.resources.values() if r["resourceType"] == resource_type)


def read_folder(root: Path, words: Mapping[str, str]) -> ContentFiles:
    """Reads all content below ``root``; unreadable or invalid files become findings.

    ``words`` are what the site says for each placeholder; ``placeholders`` are those there are.
    """
    digest = hashlib.sha256(repr(sorted(words.items())).encode() if words else b"")
    words = {**{one: words[other] for one, other in OTHERWISE.items() if other in words}, **words}
    content_files = ContentFiles(given=frozenset(words))
    valid: dict[str, dict[str, Any]] = {}
    for folder, model in FOLDERS.items():
        paths = sorted((root / folder).rglob("*.json"))
        if not paths:
            content_files.findings.append(Finding(folder, "", "no JSON file found in this folder"))
        for path in paths:
            name = path.relative_to(root).as_posix()
            data = path.read_bytes()
            digest.update(name.encode() + b"\0" + data)
            content_files.placeholders.update(PLACEHOLDER.findall(data.decode(errors="replace")))
            resource, findings = _read_file(name, filled(data, words), model)
            content_files.findings += findings
            if not findings:
                valid[name] = resource
    for path in sorted((root / DRAWINGS).glob("*.svg")):
        digest.update(path.name.encode() + b"\0" + path.read_bytes())
        _add_drawing(content_files, path)
    content_files.base = _base(valid.values())
    for name, resource in valid.items():
        _add(content_files, name, resource)
    content_files.digest = digest.hexdigest()[:12]
    return content_files


def _add_drawing(content_files: ContentFiles, path: Path) -> None:
    file = f"{DRAWINGS}/{path.name}"
    try:
        drawing = read_drawing(path.stem, path.read_text("utf-8"))
    except ValueError as error:  # not a drawing, or not UTF-8
        content_files.findings.append(
            Finding(file, "", f"is not a drawing that can be read: {error}")
        )
        return
    content_files.drawings[path.stem] = drawing
    content_files.findings += size_findings(drawing, file)


def read_json_files(folder: Path) -> dict[str, bytes]:
    """Returns the JSON files of a folder by name, in order; raises OSError for one that cannot be
    read."""
    return {path.name: path.read_bytes() for path in sorted(folder.glob("*.json"))}


def _base(resources: Iterable[dict[str, Any]]) -> str:
    """The canonical base that the strategy's url begins with; empty without a strategy."""
    for resource in resources:
        codings = resource.get("type", {}).get("coding", ())
        if resource["resourceType"] == "PlanDefinition" and any(
            c.get("code") == STRATEGY for c in codings
        ):
            return ext.base_of(resource.get("url", ""))
    return ""


EXIT_PAGE = "site exit page"  # where the quick exit leads
OF_PAGES = (
    "site name",
    "site contact",
    "site privacy notice",
    "site accessibility statement",
    EXIT_PAGE,
)
EMERGENCY_NUMBER = "site emergency number"  # of the form's own pages: no text of content needs it


def site_word_findings(topics: Sequence[ContentFiles]) -> Iterator[Finding]:
    """Words for placeholders that no text of any topic has: they are misspelt, or meant for other
    content."""
    no_text_needed = {EMERGENCY_NUMBER, *OF_PAGES, *OTHERWISE}
    placeholders = {name for topic in topics for name in topic.placeholders}
    given = {name for topic in topics for name in topic.given}
    for name in sorted(given - placeholders - no_text_needed):
        there = ", ".join(sorted(placeholders)) or "none"
        message = f"no text holds the placeholder [{name}]; the placeholders are: {there}"
        yield Finding("CDS_SITE_WORDS", "", message)


def filled(data: bytes, words: Mapping[str, str]) -> bytes:
    """A file's JSON with the site's own words for its placeholders."""
    for name, text in words.items():
        data = data.replace(f"[{name}]".encode(), orjson.dumps(text)[1:-1])
    return data


def _read_file(name: str, data: bytes, model: type[BaseModel]) -> tuple[Any, list[Finding]]:
    try:
        resource = orjson.loads(data)
    except orjson.JSONDecodeError as error:
        return None, [Finding(name, f"line {error.lineno}", f"not valid JSON: {error.msg}")]
    return resource, list(_schema_findings(name, resource, model))


def _schema_findings(name: str, resource: Any, model: type[BaseModel]) -> Iterator[Finding]:
    if not isinstance(resource, dict) or resource.get("resourceType") != model.__name__:
        yield Finding(name, "resourceType", f"must be a {model.__name__} in this folder")
        return
    try:
        model.model_validate(resource)
    except ValidationError as error:
        for problem in error.errors():
            path = ".".join(str(step) for step in problem["loc"])
            yield Finding(name, path, f"not valid FHIR R4: {problem['msg']}")


def _add(content_files: ContentFiles, name: str, resource: dict[str, Any]) -> None:
    url, stem = resource.get("url", ""), Path(name).stem
    expected = f"{content_files.base or ext.base_of(url)}/{resource['resourceType']}/{stem}"
    if resource.get("id") != stem:
        content_files.findings.append(Finding(name, "id", f"must be the file's name, {stem!r}"))
    if url != expected:
        content_files.findings.append(Finding(name, "url", f"must be {expected}"))
        return
    if url in content_files.resources:
        content_files.findings.append(
            Finding(name, "url", f"already used by {content_files.files[url]}")
        )
        return
    content_files.resources[url] = resource
    content_files.files[url] = name
