"""Items of a collection, and the step from an item to its elements.

An item is a System value (bool, int, Decimal, str, FhirDate, FhirDateTime, FhirTime, Quantity), a
plain dict without a FHIR type (a logical model, walked by its keys) or an Element: a part of a
resource, with its FHIR type. Input JSON is read, never changed.
"""

from decimal import Decimal, InvalidOperation
from typing import Any

from .dates import FhirDate, FhirDateTime, FhirTime, parse_date, parse_datetime, parse_time
from .errors import FhirPathError
from .quantities import Quantity
from .types import ElementType, FhirType, fhir_type, known_type

Items = list[Any]
EMPTY: Items = []  # shared: no collection is changed once made
UCUM = "http://unitsofmeasure.org"
# FHIR R4, 2.1.25 (use of FHIRPath with Quantity): these codes mean calendar durations.
_CALENDAR_CODES = {"a": "year", "mo": "month"}
_READERS = {"Date": parse_date, "DateTime": parse_datetime, "Time": parse_time}
# A plain dict is read as a quantity when it has a unit and nothing that a quantity has not.
_QUANTITY_KEYS = frozenset({"value", "comparator", "unit", "system", "code", "id", "extension"})
_UNIT_KEYS = frozenset({"unit", "code"})


class Element:
    """A part of a resource: `value` is a dict, or the System value of a primitive (None: absent).

    `extra` is the `_name` object of a primitive. A `loose` element came by a way that mixes types
    (children, contained resources, choices): an element name it does not know is then just empty.
    """

    __slots__ = ("extra", "loose", "type", "value")

    def __init__(
        self, value: Any, kind: FhirType, extra: dict[str, Any] | None = None, loose: bool = False
    ) -> None:
        self.value = value
        self.type = kind
        self.extra = extra
        self.loose = loose


def decimal(value: float | int | str) -> Decimal:
    """A JSON number as a Decimal; FhirPathError for not-a-number and infinity."""
    try:
        found = Decimal(str(value))
    except InvalidOperation:
        raise FhirPathError("a number is not readable as one") from None
    if not found.is_finite():
        raise FhirPathError("a number is not finite")
    return found


def enter(value: Any) -> Any:
    """A JSON value from outside as an item: resources get their type, floats become Decimal."""
    if isinstance(value, dict):
        kind = _resource_type(value)
        return value if kind is None else Element(value, kind)
    return decimal(value) if isinstance(value, float) else value


def _resource_type(value: dict[str, Any]) -> FhirType | None:
    """The type a resource says it has; None when it says none, or one that is no resource's."""
    name = value.get("resourceType")
    kind = fhir_type(name) if isinstance(name, str) else None
    return kind if kind is not None and kind.is_resource else None


def enter_all(value: Any) -> Items:
    """A value from outside as a collection: a list is one, None is empty, else one item."""
    if isinstance(value, list):
        return [enter(one) for one in value if one is not None]
    return EMPTY if value is None else [enter(value)]


def _primitive(raw: Any, kind: FhirType) -> Any:
    """A JSON primitive as the System value of its type; text that does not fit stays text."""
    if kind.kind == "Decimal" and type(raw) in (int, float):
        return decimal(raw)
    read = _READERS.get(kind.kind or "")
    if read is not None and isinstance(raw, str):
        found: FhirDate | FhirDateTime | FhirTime | None = read(raw)
        return raw if found is None else found
    return decimal(raw) if isinstance(raw, float) else raw


def _typed(raw: Any, extra: Any, kind: FhirType, loose: bool) -> Element:
    if kind.primitive:
        return Element(_primitive(raw, kind), kind, extra, loose)
    if kind.is_resource and isinstance(raw, dict):
        found = _resource_type(raw)
        return Element(raw, found or kind, None, True)
    return Element(raw, kind, None, loose)


def _read(parent: dict[str, Any], key: str, kind: FhirType, loose: bool) -> Items:
    raw, extra = parent.get(key), parent.get("_" + key) if kind.primitive else None
    if extra is None:
        if raw is None:
            return EMPTY
        if type(raw) is not list:
            return [_typed(raw, None, kind, loose)]
        if kind.primitive or kind.is_resource:
            return [_typed(one, None, kind, loose) for one in raw if one is not None]
        return [Element(one, kind, None, loose) for one in raw if one is not None]
    if not isinstance(raw, list) and not isinstance(extra, list):
        return [_typed(raw, extra, kind, loose)]
    raws = raw if isinstance(raw, list) else []
    extras = extra if isinstance(extra, list) else []
    found = []
    for place in range(max(len(raws), len(extras))):
        one = raws[place] if place < len(raws) else None
        more = extras[place] if place < len(extras) else None
        if one is not None or more is not None:
            found.append(_typed(one, more, kind, loose))
    return found


def element_of(item: Element, element: ElementType) -> Items:
    """The items of one declared element of a typed item."""
    parent = item.extra if item.type.primitive else item.value
    if not isinstance(parent, dict):
        return EMPTY
    if element.single is not None:
        key, name = element.single
        if element.known is None:
            element.known = known_type(name)
        kind, raw = element.known, parent.get(key)
        # Most of what rules read: an object, several of them, or a text without extensions.
        if kind.is_plain:
            if type(raw) is dict:
                return [Element(raw, kind, None, item.loose)]
            if raw is None:
                return EMPTY
        elif type(raw) is str and kind.is_text and "_" + key not in parent:
            return [Element(raw, kind, None, item.loose)]
        elif type(raw) is dict and kind.is_resource:
            return [Element(raw, _resource_type(raw) or kind, None, True)]
        return _read(parent, key, kind, item.loose)
    for key, name in element.keys.items():
        if key in parent or "_" + key in parent:
            return _read(parent, key, known_type(name), True)
    return EMPTY


def text_in(item: Any, name: str) -> str | None:
    """The text of an element that is a single text without extensions; None for any other."""
    if type(item) is Element:
        element, parent = item.type.elements.get(name), item.value
        kind = None if element is None else element.known  # not known before its first use
        if kind is not None and kind.is_text and type(parent) is dict:
            raw = parent.get(name)
            if type(raw) is str and "_" + name not in parent:
                return raw
    return None


def key_of(item: dict[str, Any], name: str) -> Items:
    """Returns what a plain dict holds under a key: nothing, one item, or a list of items."""
    value = item.get(name)
    return EMPTY if value is None else enter_all(value)


def children_of(item: Any) -> list[tuple[str, Items]]:
    """The elements of an item that are there, by name; System values have none."""
    if type(item) is Element:
        named = ((name, element_of(item, one)) for name, one in item.type.elements.items())
        return [(name, items) for name, items in named if items]
    if isinstance(item, dict):
        return [(name, key_of(item, name)) for name in item]
    return []


def quantity_of(value: Any) -> Quantity | None:
    """The Quantity a FHIR Quantity in JSON stands for; None when it has no value.

    FhirPathError when a comparator (`<`) says that the number is only a bound.
    """
    if not isinstance(value, dict) or value.get("value") is None:
        return None
    if value.get("comparator") is not None:
        raise FhirPathError("a quantity with a comparator has no exact value")
    code, number = value.get("code"), decimal(value["value"])
    if code is not None and value.get("system") == UCUM:
        return Quantity(number, _CALENDAR_CODES.get(code, str(code)))
    return Quantity(number, str(value.get("unit") or code or "1"))


def system_value(item: Any) -> Any:
    """Returns what an operator sees: the System value of a primitive or a Quantity, else the item.

    None for a primitive that has extensions but no value.
    """
    if type(item) is Element:
        if item.type.primitive:
            return item.value
        return quantity_of(item.value) if item.type.kind == "Quantity" else item
    if type(item) is dict and "value" in item and _looks_like_quantity(item):
        return quantity_of(item)
    return item


def _looks_like_quantity(item: dict[str, Any]) -> bool:
    return _QUANTITY_KEYS.issuperset(item) and not _UNIT_KEYS.isdisjoint(item)


def plain(item: Any) -> Any:
    """The item as a caller gets it: JSON for a part of a resource, else its System value."""
    if type(item) is Element:
        return item.extra if item.value is None else item.value
    return item


def to_json(values: list[Any]) -> list[Any]:
    """Results as JSON values: dates as text, numbers as numbers, quantities as value and unit."""
    return [_json(value) for value in values]


def _json(value: Any) -> Any:
    match value:
        case Quantity():
            return {"value": _json(value.value), "unit": value.unit}
        case Decimal():
            return int(value) if value == value.to_integral_value() else float(value)
        case FhirDate() | FhirDateTime() | FhirTime():
            return str(value)
    return value
