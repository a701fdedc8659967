"""Going down the tree (FHIRPath 2.0, 5.8), and FHIR's `extension()`."""

from ..elements import EMPTY, Element, Items, children_of, element_of
from ..limits import check_items
from .arguments import text_of
from .registry import plain


def _loosened(item: object) -> object:
    """The item, allowed to lack an element that its neighbours of other types have."""
    if type(item) is not Element or item.loose:
        return item
    return Element(item.value, item.type, item.extra, loose=True)


@plain("children")
def _children(items: Items) -> Items:
    found: Items = []
    for item in items:
        for _, parts in children_of(item):
            found += map(_loosened, parts)
        check_items(found)
    return found


@plain("descendants")
def _descendants(items: Items) -> Items:
    found: Items = []
    pending = items
    while pending:
        pending = _children(pending)
        found += pending
        check_items(found)
    return found


@plain("extension", 1)
def _extension(items: Items, url: Items) -> Items:
    """The extensions with this url, of resources, elements and primitives (FHIR R4, 2.1.25)."""
    wanted = text_of(url)
    if wanted is None:
        return EMPTY
    found: Items = []
    for item in items:
        if type(item) is Element and "extension" in item.type.elements:
            found += element_of(item, item.type.elements["extension"])
    return [one for one in found if isinstance(one.value, dict) and one.value.get("url") == wanted]
