"""The clock, `trace()`, `type()`, precision and units, value sets (FHIRPath 2.0, 5.9; FHIR R4)."""

from decimal import Decimal
from typing import Any

from ..building import Building
from ..dates import DATE_PARTS, FhirDate, FhirDateTime, FhirTime, to_date
from ..decimals import decimals_of
from ..elements import Element, Items
from ..errors import FhirPathError, closest
from ..nodes import Call, Literal
from ..quantities import Quantity
from ..scope import Scope, Step, Truth, one
from ..types import fhir_type
from ..typetests import system_name
from ..units import parse_unit
from .arguments import value_of
from .registry import plain, special, value


@special("now")
def _now(compiler: Building, call: Call) -> Step:
    return lambda scope, focus: [scope.now()]


@special("today")
def _today(compiler: Building, call: Call) -> Step:
    return lambda scope, focus: [to_date(scope.now())]


@special("timeOfDay")
def _time_of_day(compiler: Building, call: Call) -> Step:
    return lambda scope, focus: [FhirTime(scope.now().parts[DATE_PARTS:])]


@special("trace", 1, 2)
def _trace(compiler: Building, call: Call) -> Step:
    """The collection itself: this package writes nothing anywhere, least of all about a patient."""
    for argument in call.arguments:
        compiler.step(argument)
    return compiler.base(call)


@plain("type")
def _type(items: Items) -> Items:
    """For each item `{namespace, name}` (FHIRPath 2.0, 10.2)."""
    return [_type_of(item) for item in items]


def _type_of(item: Any) -> dict[str, str]:
    if type(item) is Element:
        return {"namespace": "FHIR", "name": item.type.name}
    name = system_name(item)
    if name is None:
        raise FhirPathError("a value without a FHIR type has no type()")
    return {"namespace": "System", "name": name}


@plain("comparable", 1, result="Boolean")
def _comparable(items: Items, others: Items) -> bool | None:
    left, right = value_of(items), value_of(others)
    if left is None or right is None:
        return None
    if not isinstance(left, Quantity) or not isinstance(right, Quantity):
        raise FhirPathError("comparable() takes two quantities")
    if left.unit == right.unit:
        return True
    unit, other = parse_unit(left.unit), parse_unit(right.unit)
    if unit is None or other is None:
        return False  # nothing is known of a unit outside UCUM, so nothing compares with it
    return unit.dimensions == other.dimensions


@plain("conformsTo", 1, result="Boolean")
def _conforms_to(items: Items, profile: Items) -> bool | None:
    """Checks whether an item has the type of a base definition (FHIR R4, 2.1.25); other profiles
    are refused."""
    item, url = one(items, "for conformsTo()"), value_of(profile)
    if item is None or url is None:
        return None
    name = str(url).removeprefix("http://hl7.org/fhir/StructureDefinition/")
    kind = fhir_type(name) if name != url else None
    if kind is None:
        raise FhirPathError("conformsTo() knows the definitions of FHIR R4's own types only")
    return type(item) is Element and item.type.is_a(kind.name)


@value("precision", result="Integer")
def _precision(items: Items) -> int | None:
    """Returns how many digits a date or time gives, how many decimals a number: 4 for @2014, 2 for
    1.50."""
    match value_of(items):
        case None:
            return None
        case Decimal() as number:
            return decimals_of(number)
        case FhirDateTime() as moment:
            return sum(one.isdigit() for one in str(FhirDateTime(moment.parts)))
        case FhirDate() | FhirTime() as moment:
            return sum(one.isdigit() for one in str(moment))
    raise FhirPathError("precision() takes a decimal, a date or a time")


@special("memberOf", 1, result="Boolean")
def _member_of(compiler: Building, call: Call) -> Truth:
    """Checks whether a Coding or CodeableConcept has a code of the value set (FHIR R4, 2.1.25)."""
    base, url = compiler.base(call), call.arguments[0]
    if not isinstance(url, Literal) or not isinstance(url.value, str):
        raise FhirPathError("memberOf() takes the url of a value set as a literal")
    sets = compiler.value_sets or {}
    if url.value not in sets:
        raise FhirPathError(f"unknown value set {url.value}", hint=closest(url.value, sets))
    codes = sets[url.value]

    def truth(scope: Scope, focus: Items) -> bool | None:
        try:
            item = one(base(scope, focus), "for memberOf()")
            return None if item is None else any(pair in codes for pair in _codings(item))
        except FhirPathError as error:
            raise error.locate(call.position) from None

    return truth


def _codings(item: Any) -> list[tuple[str | None, str]]:
    value = item.value if type(item) is Element else item
    if not isinstance(value, dict):
        raise FhirPathError("memberOf() takes a Coding or a CodeableConcept")
    listed = value.get("coding", []) if "coding" in value or "code" not in value else [value]
    return [
        (one.get("system"), one["code"])
        for one in listed
        if isinstance(one, dict) and isinstance(one.get("code"), str)
    ]
