"""Codes: one spelling per system, and the check digits that catch a mistyped code."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import lru_cache

SNOMED = "http://snomed.info/sct"
LOINC = "http://loinc.org"
RXNORM = "http://www.nlm.nih.gov/research/umls/rxnorm"
ICD10 = "http://hl7.org/fhir/sid/icd-10"
ICD10CM = "http://hl7.org/fhir/sid/icd-10-cm"
ICD10GM = "http://fhir.de/CodeSystem/bfarm/icd-10-gm"
ICD10PCS = "http://www.cms.gov/Medicare/Coding/ICD10"
INTERPRETATION = "http://terminology.hl7.org/CodeSystem/v3-ObservationInterpretation"
SYSTEM_NAMES = {
    SNOMED: "SNOMED CT",
    LOINC: "LOINC",
    RXNORM: "RxNorm",
    ICD10: "ICD-10 (WHO)",
    ICD10CM: "ICD-10-CM",
    ICD10GM: "ICD-10-GM",
    ICD10PCS: "ICD-10-PCS",
}
# The systems whose code string is the hierarchy: N80.1 is an N80. Written with or without dots.
HIERARCHICAL = frozenset({ICD10, ICD10CM, ICD10GM, ICD10PCS})
# Other names charts use for the same system: OIDs of the HL7 registry, former urls. The older
# interpretation table (v2-0078) has the codes of v3 that value sets use, with the same meaning.
ALIASES = {
    "urn:oid:2.16.840.1.113883.6.96": SNOMED,
    "urn:oid:2.16.840.1.113883.6.1": LOINC,
    "urn:oid:2.16.840.1.113883.6.88": RXNORM,
    "urn:oid:2.16.840.1.113883.6.3": ICD10,
    "urn:oid:2.16.840.1.113883.6.90": ICD10CM,
    "urn:oid:2.16.840.1.113883.6.4": ICD10PCS,
    "http://hl7.org/fhir/sid/icd-10-pcs": ICD10PCS,
    "http://hl7.org/fhir/sid/icd-10-de": ICD10GM,
    "http://fhir.de/CodeSystem/dimdi/icd-10-gm": ICD10GM,
    "urn:oid:2.16.840.1.113883.5.83": INTERPRETATION,
    "http://hl7.org/fhir/v3/ObservationInterpretation": INTERPRETATION,
    "urn:oid:2.16.840.1.113883.12.78": INTERPRETATION,
    "http://hl7.org/fhir/v2/0078": INTERPRETATION,
    "http://terminology.hl7.org/CodeSystem/v2-0078": INTERPRETATION,
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


Key = tuple[str, str]  # canonical system, normalised code
MIN_PREFIX, MAX_PREFIX = 3, 7  # characters of an ICD category, and of a whole code


class CodeSet(frozenset[Key]):
    """The normalised codes of a value set, and categories of ICD with all codes below them.

    ``prefixes`` are the categories, ``excluded`` categories or codes that are not in although one
    of the former is above them. A look-up normalises the code asked for.
    """

    __slots__ = ("excluded", "prefixes")
    prefixes: frozenset[Key]
    excluded: frozenset[Key]

    def __new__(
        cls, codes: Iterable[Key], prefixes: Iterable[Key] = (), excluded: Iterable[Key] = ()
    ) -> CodeSet:
        """Returns the set; all keys are normalised already."""
        made = super().__new__(cls, codes)
        made.prefixes, made.excluded = frozenset(prefixes), frozenset(excluded)
        return made

    def __contains__(self, pair: object) -> bool:
        match pair:
            case (str() | None as system, str() as code):
                key = normalise(system, code)
                return super().__contains__(key) or self.is_below(key)
        return False

    def __eq__(self, other: object) -> bool:
        return isinstance(other, CodeSet) and self._parts() == other._parts()

    def __hash__(self) -> int:
        return hash(self._parts())

    def _parts(self) -> tuple[frozenset[Key], ...]:
        return frozenset(self), self.prefixes, self.excluded

    def is_below(self, key: Key) -> bool:
        """True if a category of the set is above a normalised code, and no exception is."""
        return (
            bool(self.prefixes)
            and any(above in self.prefixes for above in categories(key))
            and not any(above in self.excluded for above in categories(key))
        )


def categories(key: Key) -> Iterator[Key]:
    """Yields the code itself and every category above it; nothing in a system without prefixes."""
    system, code = key
    if system in HIERARCHICAL:
        for size in range(MIN_PREFIX, min(len(code), MAX_PREFIX) + 1):
            yield system, code[:size]


@lru_cache(maxsize=512)  # charts name few systems, again and again
def canonical_system(system: str | None) -> str:
    """Returns the url of a code system, from an alias, a version (``.../sct/731000124108``), with
    https, or with a slash at its end."""
    url = (system or "").rstrip("/")
    plain = f"http://{url.removeprefix('https://')}" if url.startswith("https://") else url
    if plain.startswith(f"{SNOMED}/"):
        return SNOMED
    return ALIASES.get(plain) or (plain if plain in SYSTEM_NAMES else url)


def normalise(system: str | None, code: str) -> tuple[str, str]:
    """Returns one key per code: the canonical system; codes of ICD without dots, in capitals."""
    system = canonical_system(system)
    return (system, code.replace(".", "").upper()) if system in HIERARCHICAL else (system, code)


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
