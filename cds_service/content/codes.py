"""Codes: one spelling per system, and the check digits that catch a mistyped code."""

from __future__ import annotations

SNOMED = "http://snomed.info/sct"
LOINC = "http://loinc.org"
ICD10CM = "http://hl7.org/fhir/sid/icd-10-cm"
RXNORM = "http://www.nlm.nih.gov/research/umls/rxnorm"

SYSTEM_NAMES = {SNOMED: "SNOMED CT", LOINC: "LOINC", ICD10CM: "ICD-10-CM", RXNORM: "RxNorm"}
# Other names charts use for the same system (OIDs of the HL7 registry).
ALIASES = {
    "urn:oid:2.16.840.1.113883.6.96": SNOMED,
    "urn:oid:2.16.840.1.113883.6.1": LOINC,
    "urn:oid:2.16.840.1.113883.6.90": ICD10CM,
    "urn:oid:2.16.840.1.113883.6.88": RXNORM,
}

_DIHEDRAL = (
    "0123456789",
    "1234067895",
    "2340178956",
    "3401289567",
    "4012395678",
    "5987604321",
    "6598710432",
    "7659821043",
    "8765932104",
    "9876543210",
)
_PERMUTED = (
    "0123456789",
    "1576283094",
    "5803796142",
    "8916043527",
    "9453126870",
    "4286573901",
    "2793806415",
    "7046913258",
)


class CodeSet(frozenset[tuple[str, str]]):
    """Normalised codes; asked whether it holds a code, it normalises that one too."""

    __slots__ = ()

    def __contains__(self, pair: object) -> bool:
        match pair:
            case (str() | None as system, str() as code):
                return super().__contains__(normalise(system, code))
        return False


def normalise(system: str | None, code: str) -> tuple[str, str]:
    """One key per code: aliases of a system resolved, ICD-10-CM without its dot."""
    system = ALIASES.get(system or "", system or "")
    return (system, code.replace(".", "").upper()) if system == ICD10CM else (system, code)


def has_valid_check_digit(system: str, code: str) -> bool:
    """True unless the code is a SNOMED CT or LOINC code whose check digit is wrong."""
    if system == SNOMED:
        return code.isdigit() and _verhoeff(code) == 0
    if system == LOINC:
        number, dash, digit = code.partition("-")
        if number.startswith(("LA", "LP")):  # answer and part codes count their digit otherwise
            return bool(dash)
        return bool(dash) and number.isdigit() and digit == str(_mod10(number))
    return True


def _verhoeff(number: str) -> int:
    """0 for a number whose last digit is its Verhoeff check digit."""
    state = 0
    for place, digit in enumerate(reversed(number)):
        state = int(_DIHEDRAL[state][int(_PERMUTED[place % 8][int(digit)])])
    return state


def _mod10(number: str) -> int:
    """The LOINC (Luhn mod 10) check digit of a number."""
    doubled = [int(d) * (2 if i % 2 == 0 else 1) for i, d in enumerate(reversed(number))]
    return -sum(d // 10 + d % 10 for d in doubled) % 10
