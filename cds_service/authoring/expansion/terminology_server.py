"""Expansion by a FHIR R4 terminology server: ``ValueSet/$expand`` of each include with a filter."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import httpx

from cds_service.authoring.expansion.pinned import Code, ExpansionError

PAGE = 1000  # codes asked for at a time
MAX_CODES = 100_000
TIMEOUT_SECONDS = 5.0
FHIR_JSON = {"Accept": "application/fhir+json", "Content-Type": "application/fhir+json"}
VERSIONS = frozenset({"version", "used-codesystem"})  # names of expansion.parameter
Progress = Callable[[str], None]


@dataclass(slots=True)
class _Pages:
    """The pages of one expansion so far."""

    codes: dict[tuple[str, str], Code] = field(default_factory=dict)
    versions: frozenset[str] = frozenset()
    total: int | None = None


class TerminologyServer:
    """One server, asked for so many seconds at most a page. Close it after use."""

    def __init__(self, base: str, seconds: float = TIMEOUT_SECONDS) -> None:
        self.base = base.rstrip("/")
        self.seconds = seconds
        self._client = httpx.Client(timeout=seconds, headers=FHIR_JSON)

    def close(self) -> None:
        """Closes the connections."""
        self._client.close()

    def expand(
        self,
        include: Mapping[str, Any],
        exclude: Sequence[Mapping[str, Any]],
        progress: Progress,
    ) -> tuple[list[Code], frozenset[str]]:
        """Returns the codes of one include and the versions used; raises ExpansionError."""
        pages = _Pages()
        while pages.total is None or len(pages.codes) < pages.total:
            body = _request(include, exclude, len(pages.codes))
            self._add(pages, self._expansion(body), str(include["system"]))
            progress(f"{include['system']}: {len(pages.codes)} of {pages.total} codes")
        _check_version(include, pages.versions)
        return list(pages.codes.values()), pages.versions

    def status(self, code: Code) -> str:
        """Returns what the server says of a code that is no longer a member."""
        query = {"url": code.system, "code": code.code}
        answer = self._send("GET", "CodeSystem/$validate-code", params=query)
        said = {p.get("name"): p for p in _listed(answer, "parameter")}
        if said.get("result", {}).get("valueBoolean") is not True:
            return "not known to the server"
        inactive = said.get("inactive", {}).get("valueBoolean") is True
        return "inactive" if inactive else "known, and not a member"

    def _expansion(self, body: dict[str, Any]) -> Mapping[str, Any]:
        answer = self._send("POST", "ValueSet/$expand", json=body)
        expansion = answer.get("expansion")
        if answer.get("resourceType") != "ValueSet" or not isinstance(expansion, dict):
            raise ExpansionError(f"{self.base} answered no ValueSet with an expansion.")
        return expansion

    def _add(self, pages: _Pages, expansion: Mapping[str, Any], system: str) -> None:
        codes = list(_codes(_listed(expansion, "contains"), system))
        total = expansion.get("total", len(codes) if len(codes) < PAGE else None)
        if not isinstance(total, int) or total > MAX_CODES:
            raise ExpansionError(
                f"{self.base} does not say how many codes there are, or more than {MAX_CODES}: "
                "narrow the filter."
            )
        versions = frozenset(_versions(_listed(expansion, "parameter")))
        changed = pages.total is not None and (total, versions) != (pages.total, pages.versions)
        new = [code for code in codes if code.key not in pages.codes]
        if changed or len(new) < len(codes) or (not new and len(pages.codes) < total):
            raise ExpansionError(
                f"{self.base} does not page as asked: a page is empty, repeats codes, or counts "
                "otherwise than the one before. Nothing was taken from it."
            )
        pages.codes.update({code.key: code for code in new})
        pages.total, pages.versions = total, versions

    def _send(self, method: str, path: str, **more: Any) -> Mapping[str, Any]:
        try:
            answer = self._client.request(method, f"{self.base}/{path}", **more)
        except httpx.TimeoutException:
            raise ExpansionError(
                f"{self.base} did not answer within {self.seconds:g} s. Try again, or narrow "
                "the filter."
            ) from None
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise ExpansionError(f"{self.base} cannot be reached: {error}.") from None
        try:
            body = answer.json()
        except ValueError:
            body = None
        if not answer.is_success or not isinstance(body, dict):
            said = _outcome(body) or "no reason given"
            raise ExpansionError(f"{self.base} answered {answer.status_code}: {said}.")
        return body


def _request(
    include: Mapping[str, Any], exclude: Sequence[Mapping[str, Any]], offset: int
) -> dict[str, Any]:
    compose = {"include": [include], **({"exclude": list(exclude)} if exclude else {})}
    value_set = {"resourceType": "ValueSet", "status": "draft", "compose": compose}
    return {
        "resourceType": "Parameters",
        "parameter": [
            {"name": "valueSet", "resource": value_set},
            {"name": "count", "valueInteger": PAGE},
            {"name": "offset", "valueInteger": offset},
            {"name": "activeOnly", "valueBoolean": False},
        ],
    }


def _listed(node: Any, name: str) -> list[dict[str, Any]]:
    value = node.get(name) if isinstance(node, Mapping) else None
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def _codes(contains: list[dict[str, Any]], system: str) -> Iterator[Code]:
    """The members, nested ones too; abstract ones are headings."""
    for one in contains:
        if one.get("code") and not one.get("abstract"):
            if one.get("system") != system:
                raise ExpansionError(f"the server answered a code of another system than {system}.")
            yield Code(system, str(one["code"]), str(one.get("display", "")))
        yield from _codes(_listed(one, "contains"), system)


def _versions(parameters: list[dict[str, Any]]) -> Iterator[str]:
    for one in parameters:
        if one.get("name") in VERSIONS:
            yield str(one.get("valueUri") or one.get("valueString") or "")


def _check_version(include: Mapping[str, Any], versions: frozenset[str]) -> None:
    wanted = include.get("version")
    if wanted and f"{include['system']}|{wanted}" not in versions:
        used = ", ".join(sorted(versions)) or "no version"
        raise ExpansionError(
            f"version {wanted} of {include['system']} was asked for and the server used {used}."
        )


def _outcome(body: Any) -> str:
    """The words of an OperationOutcome, shortened."""
    texts = (
        issue.get("diagnostics") or _listed_text(issue) or issue.get("code", "")
        for issue in _listed(body, "issue")
    )
    return "; ".join(str(text) for text in texts)[:300].rstrip(".")


def _listed_text(issue: Mapping[str, Any]) -> str:
    details = issue.get("details")
    return str(details.get("text", "")) if isinstance(details, Mapping) else ""
