"""The questions: links, conditions and answers."""

from __future__ import annotations

from pathlib import Path

import pytest

from .breaking import FORM, Broken, Document, edit, find, findings_of, item

BROKEN: list[Broken] = [
    (
        "link-id-used-twice",
        FORM,
        lambda d: d["item"].append(item(d, "sev")),
        FORM,
        "item sev",
        "linkId is used twice",
    ),
    (
        "enable-when-target",
        FORM,
        lambda d: item(d, "dryother")["enableWhen"][0].update(question="zebra"),
        FORM,
        "item dryother.enableWhen",
        "there is no item 'zebra'",
    ),
    (
        "enable-when-option",
        FORM,
        lambda d: item(d, "dryother")["enableWhen"][0]["answerCoding"].update(code="zebra"),
        FORM,
        "item dryother.enableWhen",
        "has no option 'zebra'",
    ),
    (
        "no-enable-behavior",
        FORM,
        lambda d: item(d, "dryother").pop("enableBehavior"),
        FORM,
        "item dryother.enableWhen",
        "needs enableBehavior",
    ),
    *(
        (
            f"choice-without-control-{link_id}",
            FORM,
            lambda d, link_id=link_id: item(d, link_id)["extension"].clear(),
            FORM,
            f"item {link_id}",
            f"needs questionnaire-itemControl with {control}",
        )
        for link_id, control in (("rfgen", "check-box"), ("dry", "drop-down or radio-button"))
    ),
    (
        "before-the-first-topic",
        FORM,
        lambda d: d["item"].insert(0, d["item"].pop()),
        FORM,
        "item other",
        "stands before the first topic",
    ),
    *(
        (
            f"ages-{name}",
            FORM,
            change,
            FORM,
            "response-label-for-ages",
            "needs ages (whole years 'a', low to high) and a label with a code",
        )
        for name, change in {
            "turned-around": lambda d: ages(d)["low"].update(value=40),
            "in-months": lambda d: ages(d)["high"].update(code="mo"),
            "not-whole": lambda d: ages(d)["high"].update(value=17.5),
            "open": lambda d: ages(d).pop("low"),
        }.items()
    ),
]


def ages(document: Document) -> Document:
    """The range at which a whole response is labelled."""
    labels = [e for e in document["extension"] if e["url"].endswith("/response-label-for-ages")]
    found: Document = labels[0]["extension"][0]["valueRange"]
    return found


@pytest.mark.parametrize("broken", BROKEN, ids=[name for name, *_ in BROKEN])
def test_what_is_wrong_is_found_where_it_is(broken: Broken, folder: Path) -> None:
    find(broken, folder)


def test_rules_may_read_a_question_inside_a_group(folder: Path) -> None:
    def change(document: Document) -> None:
        place = document["item"].index(item(document, "urine"))
        inner = document["item"][place]
        group = {"linkId": "bladder", "type": "group", "text": "Bladder", "item": [inner]}
        document["item"][place] = group

    edit(folder, FORM, change)

    found = [str(f) for f in findings_of(folder)]
    assert [line for line in found if "%answers" in line] == []
