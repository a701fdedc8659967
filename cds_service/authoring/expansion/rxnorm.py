"""RxNorm's files (Current Prescribable Content): the products with an ingredient or a dose form.

``RXNCONSO.RRF`` names concepts, ``RXNREL.RRF`` relates them. In a row of RXNREL the second concept
has the relation to the first: ``ingredient|...|component|...|has_ingredient`` (RxNorm technical
documentation, table RXNREL).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from cds_service.authoring.expansion.pinned import Code, ExpansionError
from cds_service.content.codes import RXNORM

CONCEPTS, RELATIONS = "RXNCONSO.RRF", "RXNREL.RRF"
CONCEPT_COLUMNS, RELATION_COLUMNS = 18, 16
PROPERTIES = ("has_ingredient", "has_dose_form")
INGREDIENTS = frozenset({"IN", "PIN", "MIN"})
DRUGS = frozenset({"SCD", "SBD"})
PACKS = frozenset({"GPCK", "BPCK"})
# Other term types (SY, PSN, TMSY) are further names of the same concept.
TYPES = INGREDIENTS | DRUGS | PACKS | {"BN", "DF", "SBDC", "SBDF", "SCDC", "SCDF"}
# From a concept to what is made of it: a component to the drug, a drug to its brand.
DOWNWARD = frozenset(
    {"has_ingredient", "has_precise_ingredient", "form_of", "consists_of", "tradename_of", "isa"}
)
FOLLOWED = DOWNWARD | {*PROPERTIES, "contains"}
PROGRESS_LINES = 200_000
Progress = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class RxNorm:
    """Concepts (id -> term type and name) and, for each relation, first id -> second ids."""

    concepts: Mapping[str, tuple[str, str]]
    relations: Mapping[str, Mapping[str, frozenset[str]]]
    version: str

    def select(self, filters: Iterable[Mapping[str, str]]) -> list[Code]:
        """Returns the ingredients, drugs and packs that meet every filter (``property``
        has_ingredient or has_dose_form, ``op`` =, ``value`` CUI:id); raises ExpansionError."""
        sets = [self._one(condition) for condition in filters]
        if not sets:
            raise ExpansionError("an include of RxNorm has no filter: name an ingredient.")
        common = frozenset.intersection(*sets)
        drugs = {c for c in common if self._type(c) in DRUGS}
        alone = {c for c in common if self._type(c) in INGREDIENTS} if len(sets) == 1 else set()
        packs = {p for drug in drugs for p in self._next("contains", drug)}
        chosen = drugs | alone | {p for p in packs if self._type(p) in PACKS}
        return [Code(RXNORM, c, self.concepts[c][1]) for c in sorted(chosen)]

    def _one(self, condition: Mapping[str, str]) -> frozenset[str]:
        name, value = condition.get("property"), str(condition.get("value"))
        concept = value.removeprefix("CUI:")
        if name not in PROPERTIES or condition.get("op") != "=":
            known = " or ".join(PROPERTIES)
            raise ExpansionError(f"RxNorm is filtered by {known} with '=' and CUI:id only.")
        if concept not in self.concepts:
            raise ExpansionError(f"RxNorm {self.version} has no concept {concept}.")
        if name == "has_dose_form":
            return frozenset(self._next(name, concept))
        return frozenset(self._below(concept))

    def _below(self, concept: str) -> Iterator[str]:
        """The concept and everything that is made of it."""
        seen, waiting = {concept}, [concept]
        while waiting:
            current = waiting.pop()
            yield current
            made = {c for relation in DOWNWARD for c in self._next(relation, current)}
            waiting += made - seen
            seen |= made

    def _next(self, relation: str, concept: str) -> frozenset[str]:
        return self.relations.get(relation, {}).get(concept, frozenset())

    def _type(self, concept: str) -> str:
        return self.concepts.get(concept, ("", ""))[0]


def read_rxnorm(folder: Path, progress: Progress) -> RxNorm:
    """Reads a folder with the two files, or with an ``rrf`` folder; raises ExpansionError."""
    inside = folder / "rrf" if (folder / "rrf").is_dir() else folder
    concepts: dict[str, tuple[str, str]] = {}
    for row in _rows(inside / CONCEPTS, CONCEPT_COLUMNS, progress):
        if row[11] == "RXNORM" and row[16] == "N" and row[12] in TYPES:
            concepts[row[0]] = (row[12], row[14])
    relations: dict[str, dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
    for row in _rows(inside / RELATIONS, RELATION_COLUMNS, progress):
        if row[7] in FOLLOWED and row[0] in concepts and row[4] in concepts:
            relations[row[7]][row[0]].add(row[4])
    if not concepts or not relations:
        raise ExpansionError(f"{inside} holds no concept or relation of RxNorm (SAB=RXNORM).")
    frozen = {
        name: {first: frozenset(seconds) for first, seconds in pairs.items()}
        for name, pairs in relations.items()
    }
    return RxNorm(concepts, frozen, folder.resolve().name)


def _rows(path: Path, columns: int, progress: Progress) -> Iterator[list[str]]:
    try:
        with path.open(encoding="utf-8") as lines:
            for number, line in enumerate(lines, 1):
                row = line.rstrip("\n").split("|")
                if len(row) < columns:
                    raise ExpansionError(
                        f"{path.name} line {number} has {len(row)} columns, {columns} are needed: "
                        "is the file cut off? Download it again."
                    )
                if number % PROGRESS_LINES == 0:
                    progress(f"{path.name}: {number} lines read")
                yield row
    except OSError as error:
        raise ExpansionError(f"{path}: {error.strerror}. Name the folder of RxNorm.") from None
    except UnicodeDecodeError:
        raise ExpansionError(f"{path.name} is not UTF-8: is it an RRF file?") from None
