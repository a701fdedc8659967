"""What a rule must not say: unknown names, questions and answers, circles, no words."""

from __future__ import annotations

from pathlib import Path

import pytest

from .breaking import CANONICAL_BASE, CAUSE, FACTS, Broken, expression, find, first, named, variable

BROKEN: list[Broken] = [
    (
        "typo",
        CAUSE,
        lambda d: expression(d).update(expression="%C18 an %C19"),
        CAUSE,
        "action pregnancy-test.condition[0]",
        "",
    ),
    (
        "unknown-variable",
        CAUSE,
        lambda d: expression(d).update(expression="%C18x"),
        CAUSE,
        "action pregnancy-test.condition[0]",
        "C18x",
    ),
    (
        "bare-path",
        CAUSE,
        lambda d: expression(d).update(expression="Patient.gender = 'female'"),
        CAUSE,
        "action pregnancy-test.condition[0]",
        "",
    ),
    (
        "unknown-question",
        CAUSE,
        lambda d: expression(d).update(expression="%answers.zebra.stripes"),
        CAUSE,
        "action pregnancy-test.condition[0]",
        "no item with that linkId",
    ),
    (
        "unknown-option",
        CAUSE,
        lambda d: expression(d).update(expression="%answers.urine.glitter"),
        CAUSE,
        "action pregnancy-test.condition[0]",
        "no such option",
    ),
    (
        "unknown-value-set-in-an-expression",
        FACTS,
        lambda d: variable(d, "urineCultureNegativeWithin30Days").update(
            expression="%urineCultureResultWithin30Days.where("
            f"interpretation.memberOf('{CANONICAL_BASE}/ValueSet/nothing')).exists()"
        ),
        FACTS,
        "variable urineCultureNegativeWithin30Days",
        "",
    ),
    (
        "cycle-of-names",
        FACTS,
        lambda d: (
            variable(d, "acute").update(expression="%fever or %atLeast6Weeks")
            or variable(d, "fever").update(expression="%acute or %fever")
        ),
        "",
        "",
        "fever",
    ),
    (
        "name-used-twice",
        FACTS,
        lambda d: named(d, "fever", "true"),
        FACTS,
        "variable fever",
        "already taken",
    ),
    (
        "unused-fact",
        FACTS,
        lambda d: named(d, "zebra", "%fever"),
        FACTS,
        "variable zebra",
        "is never used",
    ),
    (
        "condition-without-description",
        CAUSE,
        lambda d: expression(d).pop("description"),
        CAUSE,
        "action pregnancy-test.condition[0]",
        "needs a description",
    ),
    (
        "fact-without-description",
        FACTS,
        lambda d: variable(d, "fever").pop("description"),
        FACTS,
        "variable fever",
        "needs a description",
    ),
    (
        "another-language",
        CAUSE,
        lambda d: expression(d).update(language="text/cql"),
        CAUSE,
        "action pregnancy-test.condition[0]",
        "language must be text/fhirpath",
    ),
    (
        "another-kind-of-condition",
        CAUSE,
        lambda d: first(d)["condition"][0].update(kind="start"),
        CAUSE,
        "action pregnancy-test.condition[0]",
        "only kind applicability",
    ),
]


@pytest.mark.parametrize("broken", BROKEN, ids=[name for name, *_ in BROKEN])
def test_what_is_wrong_is_found_where_it_is(broken: Broken, folder: Path) -> None:
    find(broken, folder)
