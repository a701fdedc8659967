"""The types of FHIR R4 elements, and type names in expressions (FHIRPath 2.0, 6.3 and 10.2)."""

from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files

from .errors import FhirPathError, closest

SYSTEM_TYPES = frozenset(
    {"Boolean", "String", "Integer", "Decimal", "Date", "DateTime", "Time", "Quantity"}
)
# What a FHIR primitive is to an operator; the others hold text.
_KINDS = {
    "boolean": "Boolean",
    "integer": "Integer",
    "positiveInt": "Integer",
    "unsignedInt": "Integer",
    "decimal": "Decimal",
    "date": "Date",
    "dateTime": "DateTime",
    "instant": "DateTime",
    "time": "Time",
}
# Data types an open choice (`value[x]:*`) may hold, FHIR R4 2.24.0.1.
_OPEN = (
    "base64Binary", "boolean", "canonical", "code", "date", "dateTime", "decimal", "id", "instant",
    "integer", "markdown", "oid", "positiveInt", "string", "time", "unsignedInt", "uri", "url",
    "uuid", "Address", "Age", "Annotation", "Attachment", "CodeableConcept", "Coding",
    "ContactPoint", "Count", "Distance", "Duration", "HumanName", "Identifier", "Money", "Period",
    "Quantity", "Range", "Ratio", "Reference", "SampledData", "Signature", "Timing",
    "ContactDetail", "Contributor", "DataRequirement", "Expression", "ParameterDefinition",
    "RelatedArtifact", "TriggerDefinition", "UsageContext", "Dosage", "Meta",
)  # fmt: skip


@dataclass(slots=True)
class ElementType:
    """An element: the JSON keys it may have and the type name each of them means; ``single`` is
    the only pair of an element that is no choice. ``known`` is the type of that pair, looked up on
    first use (types refer to each other in circles)."""

    keys: dict[str, str]
    single: tuple[str, str] | None
    known: "FhirType | None" = None


@dataclass(frozen=True, slots=True, eq=False)
class FhirType:
    """A FHIR type with its own and its inherited elements; one object for each name."""

    name: str
    base: "FhirType | None"
    kind: str | None  # the System type of a primitive, or Quantity, or None
    primitive: bool
    elements: dict[str, ElementType] = field(repr=False)
    names: frozenset[str] = field(repr=False)  # its own and those of all it derives from
    is_resource: bool
    is_plain: bool = False  # neither a primitive nor a resource: read from JSON as it is
    is_text: bool = False  # a primitive that is a text in JSON and here

    def is_a(self, name: str) -> bool:
        """True if this is the named type or derived from it."""
        return name in self.names


@cache
def _table() -> dict[str, str]:
    text = files(__package__).joinpath("fhir-r4-types.txt").read_text("utf-8")
    lines = (line.split(" ", 1) for line in text.splitlines() if not line.startswith("#"))
    return {line[0]: line[1] for line in lines}


def _element(text: str) -> tuple[str, ElementType]:
    name, _, listed = text.partition(":")
    names = _OPEN if listed == "*" else listed.split(",")
    if not name.endswith("[x]"):
        return name, ElementType({name: names[0]}, (name, names[0]))
    name = name.removesuffix("[x]")
    return name, ElementType({name + one[0].upper() + one[1:]: one for one in names}, None)


def _kind(name: str, base: FhirType | None, primitive: bool) -> str | None:
    if primitive:
        return _KINDS.get(name, base.kind if base and base.kind else "String")
    return "Quantity" if name == "Quantity" else base.kind if base else None


def fhir_type(name: str) -> FhirType | None:
    """The FHIR type of that name (`Patient.contact` for an element with its own children)."""
    found = _TYPES.get(name)
    if found is None and name in _table():  # so that only known names are remembered
        found = _TYPES[name] = _read(name)
    return found


_TYPES: dict[str, FhirType] = {}


def _read(name: str) -> FhirType:
    base_name, *elements = _table()[name].split(" ")
    base = None if base_name == "-" else fhir_type(base_name)
    primitive = name[0].islower()
    kind = _kind(name, base, primitive)
    inherited = base.elements if base else {}
    names = frozenset({name}) | (base.names if base else frozenset())
    own = dict(map(_element, elements))
    is_resource = "Resource" in names
    return FhirType(
        name,
        base,
        kind,
        primitive,
        inherited | own,
        names,
        is_resource,
        is_plain=not primitive and not is_resource,
        is_text=primitive and kind == "String",
    )


@cache
def known_type(name: str) -> FhirType:
    """The FHIR type of a name from our own table."""
    found = fhir_type(name)
    if found is None:
        raise FhirPathError(f"unknown FHIR type {name}")
    return found


@dataclass(frozen=True, slots=True)
class TypeName:
    """A type named in an expression; a bare `Quantity` names both FHIR's and the System's."""

    system: str | None
    fhir: FhirType | None


def resolve(text: str) -> TypeName:
    """The type an expression names; FhirPathError when there is none of that name."""
    namespace, _, name = text.rpartition(".")
    system = name if name in SYSTEM_TYPES and namespace in ("", "System") else None
    fhir = fhir_type(name) if namespace in ("", "FHIR") else None
    if system is None and fhir is None:
        known = [one for one in _table() if "." not in one] + sorted(SYSTEM_TYPES)
        raise FhirPathError(f"unknown type {text}", hint=closest(name, known))
    return TypeName(system, fhir)
