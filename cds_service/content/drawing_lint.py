"""Checks between a Questionnaire and the drawings of the body it names. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from cds_service.content import extensions as ext
from cds_service.content.drawings import FOLDER, Drawing, body_maps, regions_of
from cds_service.content.model import Finding

MOST_OPTIONS = 24  # with regions: as many as the form's style sheet can fill
LEAST_PIXELS = 44  # of what is to be pressed, either way


def drawing_findings(
    items: Iterable[Mapping[str, Any]], drawings: Mapping[str, Drawing], file: str
) -> Iterator[Finding]:
    """Requires each region to stand for one option of its item, each option for a region at least
    (an exclusive one for none), and each condition to ask for options that there are."""
    nodes = {str(item["linkId"]): item for item in items}
    for link_id, item in nodes.items():
        where = f"item {link_id}"
        named = [str(ext.parts(e).get("drawing")) for e in ext.values(item, "body-map")]
        for name in named:
            if name not in drawings:
                yield Finding(file, where, f"there is no drawing {name} in {FOLDER}")
        options = item.get("answerOption", ())
        used = Counter(region for option in options for region in regions_of(option))
        drawn = {r.id for name in named if name in drawings for r in drawings[name].regions}
        for region in sorted(drawn - used.keys()):
            yield Finding(file, where, f"no option stands for the region {region!r}")
        for region in sorted(used.keys() - drawn):
            yield Finding(file, where, f"no drawing of the item has the region {region!r}")
        for region in (one for one, times in used.items() if times > 1):
            yield Finding(file, where, f"two options stand for the region {region!r}")
        if sum(bool(regions_of(option)) for option in options) > MOST_OPTIONS:
            yield Finding(file, where, f"more than {MOST_OPTIONS} options have regions")
        yield from _condition_findings(item, nodes, drawings, file)


def _condition_findings(
    item: Mapping[str, Any],
    nodes: Mapping[str, Mapping[str, Any]],
    drawings: Mapping[str, Drawing],
    file: str,
) -> Iterator[Finding]:
    for body_map in body_maps(item, drawings):
        target = nodes.get(body_map.question, {})
        codes = {o.get("valueCoding", {}).get("code") for o in target.get("answerOption", ())}
        for code in sorted(body_map.options - codes):
            message = f"body-map: item {body_map.question!r} has no option {code!r}"
            yield Finding(file, f"item {item['linkId']}", message)


def size_findings(drawing: Drawing, file: str) -> Iterator[Finding]:
    """Requires every region to be large enough for a thumb."""
    for region in drawing.regions:
        if min(region.box[2:]) < LEAST_PIXELS:
            message = f"smaller than {LEAST_PIXELS} units: add a circle beside it to the same path"
            yield Finding(file, f"path {region.id}", message)
