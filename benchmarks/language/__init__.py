"""23 rules over a Bundle of 50 resources: our FHIRPath beside the same by hand, and fhirpathpy."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import fhirpathpy
import orjson

from benchmarks.language.by_hand import rules
from benchmarks.table import Row, cpu_ms
from cds_service.fhirpath import compile_expression, to_json

FOLDER = Path(__file__).parent
# What fhirpathpy cannot evaluate, or answers with a list of half-read dates.
NOT_THEIRS = frozenset({"obs_sort", "obs_recent", "obs_qty_ucum", "enc_recent", "qr_nested"})


class Rules:
    """The rules with what each starts from; ``codes`` is the variable of that name."""

    def __init__(self) -> None:
        data = orjson.loads((FOLDER / "rules.json").read_bytes())
        bundle = orjson.loads((FOLDER / "bundle.json").read_bytes())
        person, response = (entry["resource"] for entry in bundle["entry"][:2])
        roots = {"B": bundle, "P": person, "Q": response}
        self.codes: list[str] = data["codes"]
        self.texts: dict[str, str] = {name: text for name, _, text in data["exprs"]}
        self.roots: dict[str, Any] = {name: roots[root] for name, root, _ in data["exprs"]}
        self.floor = rules(self.codes)

    def ours(self) -> dict[str, Callable[[], list[Any]]]:
        """Rule name -> one evaluation by our own engine."""
        made = {name: compile_expression(text) for name, text in self.texts.items()}
        variables = {"codes": self.codes}
        return {
            name: partial(rule.evaluate, self.roots[name], variables=variables)
            for name, rule in made.items()
        }

    def theirs(self) -> dict[str, Callable[[], Any]]:
        """The same by fhirpathpy."""
        made = {name: fhirpathpy.compile(text) for name, text in self.texts.items()}
        return {
            name: partial(rule, self.roots[name], {"codes": self.codes})
            for name, rule in made.items()
            if name not in NOT_THEIRS
        }

    def by_hand(self) -> dict[str, list[Any]]:
        """Rule name -> its right answer."""
        return {name: rule(self.roots[name]) for name, rule in self.floor.items()}


def answers(rules: Rules) -> dict[str, list[Any]]:
    """Rule name -> our answer as JSON."""
    return {name: to_json(evaluate()) for name, evaluate in rules.ours().items()}


def language() -> list[Row]:
    """All rules once, three ways; fhirpathpy only those it can evaluate."""
    rules = Rules()
    ours, theirs = rules.ours(), rules.theirs()

    def run(parts: dict[str, Callable[[], Any]]) -> None:
        for part in parts.values():
            part()

    times = cpu_ms(
        {
            "ours": lambda: run(ours),
            "floor": rules.by_hand,
            "theirs": lambda: run(theirs),
        }
    )
    ratio = times["ours"] / times["floor"]
    return [
        Row("23 FHIRPath rules, all right", times["ours"], "ms"),
        Row("floor: the same by hand", times["floor"], "ms"),
        Row("ours / floor", ratio, "x", 10),
        Row(f"fhirpathpy, {len(theirs)} of them", times["theirs"], "ms"),
    ]
