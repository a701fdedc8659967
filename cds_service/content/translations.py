"""Other languages of a Questionnaire: HL7's ``translation`` extension beside each text.

A resource claims a language by the root extension ``translation-status`` (language, how the
translation was made, words for the reader). Then every text a patient sees must have it, with the
same numbers and the same placeholders: a missing or different one is a finding.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from cds_service.content import extensions as ext
from cds_service.content.model import Finding, Resource
from cds_service.content.questionnaires import walk_items

TRANSLATION = "http://hl7.org/fhir/StructureDefinition/translation"
CONTENT = "content"
_NUMBER = re.compile(r"\d+(?:\.\d+)?")
_PLACEHOLDER = re.compile(r"\[[^\]]*\]")


@dataclass(frozen=True, slots=True)
class Language:
    """A language a resource is offered in.

    ``status`` says how the translation was made and whether people have reviewed it; ``notice``
    says so to the reader, in that language.
    """

    code: str
    status: str
    notice: str


def languages(resource: Resource) -> tuple[Language, ...]:
    """The languages claimed besides the one the resource is written in, in their order."""
    claims = (ext.parts(claim) for claim in ext.values(resource, "translation-status"))
    return tuple(
        Language(c.get("lang") or "", c.get("status") or "", c.get("notice") or "") for c in claims
    )


def text_in(element: Mapping[str, Any], name: str, language: str) -> str | None:
    """The text of a string element (``text``, ``title``, ``display``) in a language, or as it is
    written where that language has none; None when there is no such text."""
    text: str | None = element.get(name)
    return translations(element, name).get(language, text)


def translations(element: Mapping[str, Any], name: str) -> dict[str, str]:
    """Language code -> text, of one string element."""
    found = (ext.parts(t) for t in ext.values(element.get(f"_{name}") or {}, TRANSLATION))
    return {t["lang"]: t["content"] for t in found if t.get("lang") and t.get("content")}


def worded(extension: Mapping[str, Any]) -> dict[str, Any]:
    """A complex extension that holds a text (``content``) and its translations, as an element
    whose string is named ``content``."""
    return {CONTENT: ext.parts(extension).get(CONTENT), f"_{CONTENT}": extension}


def patient_texts(form: Resource) -> Iterator[tuple[str, Mapping[str, Any], str]]:
    """Every text a patient reads in a form: path, element that holds it, its name there."""
    yield "title", form, "title"
    for item in walk_items(form.get("item", ())):
        at = f"item {item['linkId']}"
        yield f"{at}.text", item, "text"
        for words in map(worded, ext.values(item, "prefill-source")):
            yield f"{at}.prefill-source", words, CONTENT
        for place, option in enumerate(item.get("answerOption", ())):
            coding = option.get("valueCoding", {})
            yield f"{at}.answerOption {coding.get('code', place)}", coding, "display"
            yield f"{at}.answerOption {place}", option, "valueString"
            for words in map(worded, ext.values(option, "option-part")):
                yield f"{at}.answerOption {place}.option-part", words, CONTENT


def translation_findings(form: Resource, file: str) -> Iterator[Finding]:
    """Claims that say too little, and texts that lack or change what their language must say."""
    claimed = languages(form)
    for language in claimed:
        if not (language.code and language.status and language.notice):
            yield Finding(file, "translation-status", "needs lang, status and notice")
    codes = {language.code for language in claimed}
    for path, element, name in patient_texts(form):
        if element.get(name):
            yield from _text_findings(element, name, codes, file, path)


def _text_findings(
    element: Mapping[str, Any], name: str, claimed: set[str], file: str, path: str
) -> Iterator[Finding]:
    found = translations(element, name)
    for code in sorted(claimed - found.keys()):
        yield Finding(file, path, f"has no text for {code!r}, which translation-status claims")
    for code in sorted(found.keys() - claimed):
        yield Finding(
            file, path, f"has a text for {code!r}, which translation-status does not claim"
        )
    for code, text in found.items():
        if _marks(text) != _marks(element[name]):
            yield Finding(file, path, f"the text for {code!r} has other numbers or [placeholders]")


def _marks(text: str) -> list[str]:
    return sorted(_NUMBER.findall(text) + _PLACEHOLDER.findall(text))
