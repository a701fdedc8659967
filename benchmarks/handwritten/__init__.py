"""The clinical rules written out as plain Python: what the content's FHIRPath is measured against.

Only a yardstick: the service never runs it. ``tests/decision/test_handwritten_rules.py`` holds it
equal to the content, name by name, on random people and on every vignette.
"""

from datetime import date

from benchmarks.handwritten.anatomy import add_anatomy
from benchmarks.handwritten.chart import Codes, add_chart, with_tests
from benchmarks.handwritten.early_pregnancy import add_early_pregnancy, add_pregnancy_test
from benchmarks.handwritten.flags import add_flags, add_other_flags
from benchmarks.handwritten.function import (
    add_deep_pain,
    add_functional,
    add_hormonal,
    add_self_care,
)
from benchmarks.handwritten.infections import add_infections, add_ovulation_pain, add_urinary
from benchmarks.handwritten.results import add_results
from benchmarks.handwritten.states import add_states
from benchmarks.handwritten.structure import add_structural

__all__ = ["LEFT_OUT", "Answers", "Codes", "Person", "rules"]

# Names not compared: a bare number here, a Decimal there (RF12 compares what is made of it).
LEFT_OUT: frozenset[str] = frozenset({"respiratoryRate"})

NO_SELECTION: dict = {}
ITEMS = [
    "rfgen",
    "rfvag",
    "rfpen",
    "organs",
    "preg",
    "postpartum",
    "breastfeeding",
    "menses",
    "surg",
    "sextype",
    "when",
    "where",
    "dur",
    "lasting",
    "onset",
    "trigger",
    "entry",
    "bleed",
    "genital",
    "urine",
    "bowel",
    "dry",
    "dryother",
    "gyn",
    "penis",
    "stirisk",
    "meds",
    "trauma",
    "safe",
    "unwanted",
    "distress",
]


class Answers:
    """One look-up per item: ``answers.urine("burn")`` is True, False or None (unknown)."""

    __slots__ = (*ITEMS, "given", "sev")

    def __init__(self, view: dict) -> None:
        self.given = view.get
        for item in ITEMS:
            setattr(self, item, view.get(item, NO_SELECTION).get)
        self.sev = view.get("sev")


class Person:
    """One attribute for each name of the content."""


def rules(variables: dict, codes: Codes, today: date) -> dict:
    """Name -> True, False or None (unknown), for the inputs that the content's rules get."""
    person, answers = Person(), Answers(variables["answers"])
    age, variables = variables["age"], with_tests(variables)
    add_chart(person, variables, codes, today)
    add_anatomy(person, answers, variables["patient"], today)
    add_states(person, answers, age, variables)
    add_early_pregnancy(person, answers, variables, today)
    add_flags(person, answers, age, variables)
    add_ovulation_pain(person, answers)
    add_other_flags(person, answers, age, variables)
    add_pregnancy_test(person, answers)
    add_results(person, variables)
    add_infections(person, answers, age, variables)
    add_urinary(person, answers, variables)
    add_structural(person, answers, variables)
    add_functional(person, answers, variables)
    add_deep_pain(person, answers)
    add_hormonal(person, answers, variables)
    add_self_care(person, answers, age, variables)
    return vars(person)
