"""Whatever is answered on the way, what is sent is valid and holds exactly what was shown."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cds_service.content import Content
from cds_service.fhir.questionnaire_response import validate
from cds_service.web.form.from_questionnaire import read_form
from cds_service.web.form.merging import Posted, digest
from cds_service.web.form.model import CHECKBOXES, LISTED, FormItem, IntakeForm
from cds_service.web.form.response import Heading, completed
from cds_service.web.form.sessions import Session
from cds_service.web.form.transitions import Transitions
from tests.support.clinic import NOW
from tests.web.form.forms import EVERYTHING, SMALL, VALUE_SET_CODES, VALUE_SETS

TYPED = st.sampled_from(
    [
        "",
        "3",
        "0",
        "11",
        "2.5",
        "x",
        "Rose",
        "2024-01-02",
        "09:30",
        "https://a.example",
        "true",
        "é\n<b>",
    ]
)


def typed(draw: st.DrawFn, part: FormItem) -> dict[str, list[str]]:
    """What a person may do with a question, sensible or not."""
    if part.control in LISTED:
        tokens = [option.token for option in part.options]
        most = len(tokens) if part.control == CHECKBOXES else 1
        fields = {"v": draw(st.lists(st.sampled_from(tokens), max_size=most, unique=True))}
        return fields | ({"o": draw(st.lists(TYPED, max_size=1))} if part.is_open else {})
    return {"v": draw(st.lists(TYPED, max_size=3 if part.many else 1))}


def walked(draw: st.DrawFn, walk: Transitions) -> Session:
    """A session after some presses, back and forth."""
    session = Session(walk.form.canonical)
    number = 1
    for _ in range(draw(st.integers(1, 14))):
        filled = walk.state(session)
        step = filled.step_at(number)
        shown = [p for p in step.all_parts if p.answerable and filled.shown(p)]
        fields = {p.link_id: typed(draw, p) for p in shown}
        seen = {p.link_id: digest(filled.fields(p)) for p in shown}
        go = draw(st.sampled_from(["next", "next", "next", "back", "save", "language:es"]))
        path = walk.submit(session, step.number, Posted(fields, seen), go, to_review=False)
        kind, _, rest = path.partition("?")[0].partition("/")
        number = int(rest) if kind == "step" else 1
    return session


def answered_in(items: list[dict[str, Any]]) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """linkId and plain answers of everything in a response."""
    for node in items:
        if "answer" in node:
            yield (
                node["linkId"],
                [{k: v for k, v in a.items() if k.startswith("value")} for a in node["answer"]],
            )
        yield from answered_in(node.get("item", []))
        for answer in node.get("answer", ()):
            yield from answered_in(answer.get("item", []))


def check(form: IntakeForm, codes: Any, draw: st.DrawFn) -> None:
    walk = Transitions(form, codes, NOW)
    session = walked(draw, walk)
    filled = walk.state(session)
    for link_id in filled.problems:  # the person mends what is wrong
        session.answers.pop(link_id, None)
        session.drafts.pop(link_id, None)
    filled = walk.state(session)
    if filled.problems:  # something required is missing
        assert set(filled.problems.values()) == {"required"}
        return
    heading = Heading("en", session.identifier, NOW)
    sent = completed(form, session.answers, filled.enabled, heading)

    found = validate(form.checker, sent, value_sets=codes, now=NOW)
    assert [p for p in found if p.severity == "error"] == []
    shown = {p.link_id for p in form.parts.values() if p.is_question and filled.shown(p)}
    given = {k: v for k, v in session.answers.items() if k in shown}
    assert dict(answered_in(sent.get("item", []))) == given


@given(st.data())
@settings(
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large], max_examples=120
)
def test_any_walk_through_every_type_of_item_ends_in_a_valid_response(data: Any) -> None:
    check(read_form(EVERYTHING, VALUE_SETS), VALUE_SET_CODES, data.draw)


@given(st.data())
@settings(suppress_health_check=[HealthCheck.too_slow], max_examples=100)
def test_any_walk_through_groups_ends_in_a_valid_response(data: Any) -> None:
    check(read_form(SMALL), {}, data.draw)


@given(data=st.data())
@settings(suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large], max_examples=60)
def test_any_walk_through_the_intake_form_ends_in_a_valid_response(
    content: Content, data: Any
) -> None:
    check(read_form(content.questionnaire.resource), content.value_sets, data.draw)
