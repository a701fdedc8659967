"""Reads a site's own codes: FHIR ConceptMaps from any code system to the value sets, and expansions
of value sets that only the site may hold (``cds-service value-sets expand --site``).

In each group ``source`` is the code system, ``target`` the code system ``chart-concepts`` of the
content, and the code of each target the id of a value set. So CPT, ATC, OPS, national drug codes
and local laboratory codes count as members, without a list of them in this project.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from typing import Any

import orjson
from fhir.resources.R4B.conceptmap import ConceptMap
from fhir.resources.R4B.valueset import ValueSet
from pydantic import ValidationError

from cds_service.content.model import Finding
from cds_service.content.reader import ContentFiles

SETTING = "CDS_CODE_MAPS"
CONCEPTS = "CodeSystem/chart-concepts"
# The target means the same, or more than the source (R4 ConceptMapEquivalence).
APPLIED = frozenset({"equal", "equivalent", "wider", "subsumes"})
Member = tuple[str, str, str]  # url of a value set, code system, code


def add_site_maps(files: Mapping[str, bytes], content_files: ContentFiles) -> None:
    """Adds the codes of ConceptMaps (file name -> JSON) to ``content_files``; what is wrong becomes
    a finding. The digest of the content covers them."""
    if not files:
        message = "no JSON file found in this folder"
        content_files.findings.append(Finding(SETTING, "", message))
    digest = hashlib.sha256(content_files.digest.encode())
    for name, data in files.items():
        digest.update(data)
        for found in _read(name, data, content_files):
            if isinstance(found, Finding):
                content_files.findings.append(found)
            else:
                url, system, code = found
                content_files.site_codes.setdefault(url, set()).add((system, code))
    content_files.digest = digest.hexdigest()[:12]


def _read(name: str, data: bytes, content_files: ContentFiles) -> Iterator[Member | Finding]:
    try:
        document = orjson.loads(data)
        is_value_set = isinstance(document, dict) and document.get("resourceType") == "ValueSet"
        (ValueSet if is_value_set else ConceptMap).model_validate(document)
    except orjson.JSONDecodeError as error:
        yield Finding(name, f"line {error.lineno}", f"not valid JSON: {error.msg}")
        return
    except ValidationError as error:
        for problem in error.errors():
            at = ".".join(str(step) for step in problem["loc"])
            yield Finding(name, at, f"not valid FHIR R4: {problem['msg']}")
        return
    if is_value_set:
        yield from _expansion(name, document, content_files)
        return
    for place, group in enumerate(document.get("group", ())):
        yield from _group(name, f"group[{place}]", group, content_files)


def _expansion(
    name: str, value_set: dict[str, Any], content_files: ContentFiles
) -> Iterator[Member | Finding]:
    """The members of an expansion that is whole, of a value set of the content."""
    expansion = value_set.get("expansion", {})
    members = expansion.get("contains", [])
    known = content_files.resources.get(value_set.get("url", ""), {})
    if not known and value_set.get("url") in content_files.elsewhere:
        return
    if known.get("resourceType") != "ValueSet":
        yield Finding(name, "url", "must be the url of a value set of the content")
    elif not members or expansion.get("total") != len(members):
        message = "is not whole: total must be the number of codes. Expand it again"
        yield Finding(name, "expansion", message)
    elif not all(member.get("system") and member.get("code") for member in members):
        yield Finding(name, "expansion.contains", "each member needs system and code")
    else:
        for member in members:
            yield value_set["url"], member["system"], member["code"]


def _group(
    name: str, path: str, group: dict[str, Any], content_files: ContentFiles
) -> Iterator[Member | Finding]:
    concepts = f"{content_files.base}/{CONCEPTS}"
    if not group.get("source"):
        yield Finding(name, f"{path}.source", "must name the code system of the site's codes")
        return
    if group.get("target") != concepts and group.get("target") in content_files.elsewhere:
        return
    if group.get("target") != concepts:
        yield Finding(name, f"{path}.target", f"must be {concepts}: its codes name value sets")
        return
    for element in group["element"]:
        for target in element.get("target", ()):
            at = f"{path} {element.get('code')}"
            url = f"{content_files.base}/ValueSet/{target.get('code')}"
            if url not in content_files.resources and url in content_files.elsewhere:
                continue
            if url not in content_files.resources:
                yield Finding(name, at, f"there is no value set {target.get('code')!r}")
            elif target["equivalence"] not in APPLIED:
                applied = ", ".join(sorted(APPLIED))
                yield Finding(name, at, f"equivalence must be one of: {applied}")
            elif element.get("code"):
                yield url, group["source"], element["code"]
