"""The demo clinic's views: open to everybody, and inert whatever a chart or a service says."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from demo.running import Demo
from tests.web.browser.looking import barriers, keep, too_wide

if TYPE_CHECKING:
    from playwright.sync_api import Page
from tests.web.browser.desk import PHONE, WIDE, Desk

HOSTILE = "<img src=x onerror=alert(1)><script>alert(2)</script>[x](javascript:alert(3)) **bold**"
ILL = "hostile-person"


def test_nothing_a_person_or_a_chart_says_becomes_markup(desk: Desk, demo: Demo) -> None:
    _admit_somebody_hostile(demo)
    desk.open(ILL)
    page = desk.page
    _open_all(page)

    assert "private-conversation" in desk.topics()
    assert page.locator("h1").inner_text() == HOSTILE
    assert HOSTILE in page.locator("#tables").inner_text()
    quoted = "".join(desk.card("private-conversation").locator(".markdown").all_inner_texts())
    assert "onerror=alert(1)" in quoted
    _assert_inert(page)
    told = desk.why()
    _open_all(told)
    _assert_inert(told)


def test_nothing_a_service_answers_becomes_markup(desk: Desk, demo: Demo) -> None:
    """Whatever a service says in its cards, the clinic shows words."""
    bad = "javascript:alert(4)"
    card = {
        "uuid": "c",
        "summary": HOSTILE,
        "detail": f"{HOSTILE}\n\n<b onclick=alert(5)>b</b> ![x](https://example.org/x.png) <{bad}>",
        "indicator": HOSTILE,
        "source": {"label": HOSTILE, "url": bad, "topic": {"code": "x"}},
        "suggestions": [
            {"label": HOSTILE, "actions": [{"type": "create", "description": HOSTILE}]}
        ],
        "overrideReasons": [{"code": "x", "system": "x", "display": HOSTILE}],
        "links": [{"label": HOSTILE, "url": bad, "type": "absolute"}],
    }
    desk.page.route(
        "**/cds-services/*patient-view",
        lambda route: route.fulfill(
            json={"cards": [card]}, headers={"Access-Control-Allow-Origin": "*"}
        ),
    )
    desk.open("grace-lindqvist")
    _open_all(desk.page)

    assert desk.page.locator(".card h3").inner_text() == HOSTILE
    _assert_inert(desk.page)


def _admit_somebody_hostile(demo: Demo) -> None:
    subject = {"reference": f"Patient/{ILL}"}
    patient = {"resourceType": "Patient", "id": ILL, "name": [{"text": HOSTILE}]}
    answers = demo.ehr.find("QuestionnaireResponse", patient="dana-whitfield")[0]
    other = {"linkId": "other", "answer": [{"valueString": HOSTILE}]}
    problem = {"resourceType": "Condition", "id": f"{ILL}-1", "subject": subject}
    result = {"resourceType": "Observation", "id": f"{ILL}-2", "subject": subject}
    for resource in (
        {**patient, "birthDate": "1990-01-01", "gender": "female"},
        {**answers, "id": f"{ILL}-0", "subject": subject, "item": [*answers["item"], other]},
        {**problem, "code": {"text": HOSTILE}},
        {**result, "status": "final", "code": {"text": HOSTILE}, "valueString": HOSTILE},
    ):
        demo.ehr.put(resource)


def _open_all(page: Page) -> None:
    page.evaluate("document.querySelectorAll('details').forEach((d) => { d.open = true; })")


def _assert_inert(page: Page) -> None:
    """No element but our own: no picture, no frame, no handler, no link that runs something."""
    assert page.locator("main img, main script, main iframe, main b").count() == 0
    found = page.evaluate(
        """[...document.querySelectorAll('main *')].flatMap((e) => [...e.attributes]
            .filter((a) => a.name.startsWith('on') || /^(javascript|data):/i.test(a.value))
            .map((a) => a.name + '=' + a.value))"""
    )
    assert found == []


# -- for everybody -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("colours", "size"), [("light", WIDE), ("dark", PHONE)], ids=["wide-light", "phone-dark"]
)
def test_every_view_is_open_to_everybody(colours: Any, size: Any, desk: Desk, demo: Demo) -> None:
    page = desk.page
    page.emulate_media(color_scheme=colours)
    page.set_viewport_size(size)
    name = f"clinic-{'phone' if size is PHONE else 'wide'}-{colours}"
    page.goto(demo.clinic)
    findings = _looked_at(page, f"{name}-people")
    for person in ("noor-haddad", "mateo-ruiz", "tomas-novak"):
        desk.open(person)
        page.evaluate("document.querySelectorAll('.card details').forEach(d => d.open = true)")
        findings += _looked_at(page, f"{name}-{person}")
    told = desk.why()
    told.emulate_media(color_scheme=colours)
    told.set_viewport_size(size)
    findings += _looked_at(told, f"{name}-why")
    page.goto(f"{demo.clinic}/feedback")
    page.wait_for_selector("table")
    findings += _looked_at(page, f"{name}-feedback")

    assert findings == []


def _looked_at(page: Page, name: str) -> list[str]:
    """Keeps a picture of the view, and says what is wrong with it."""
    keep(page, name)
    overflow = too_wide(page)
    return [*barriers(page), *([f"{name} is {overflow} px too wide"] if overflow > 0 else [])]
