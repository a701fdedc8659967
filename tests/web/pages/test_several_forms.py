"""The content pages tell the questions of each form, and nothing on them leads nowhere."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from cds_service import create_app
from tests.content.breaking import edit, variable
from tests.support.clinic import settings_in
from tests.support.made_up_forms import add_forms, copy_content

CAUSE = "plan_definitions/causes/urinary-infection-no-penis.json"
RULE = "%seen.spot.large or %later.sev >= %past.sev + 2"


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> FlaskClient:
    folder: Path = tmp_path_factory.mktemp("several")
    content = folder / "content"
    content.mkdir()
    add_forms(copy_content(content))

    def reads_both(plan: dict) -> None:
        rule = variable(plan, "C18")
        rule["expression"] = f"({rule['expression']}) or {RULE}"

    edit(content, CAUSE, reads_both)
    return create_app(settings_in(folder, content=content)).test_client()


@pytest.mark.parametrize("path", ["seen.skin", "seen.spot", "seen.parts", "later.sev", "sev"])
def test_a_question_of_any_form_has_a_page_without_dead_links(
    pages: FlaskClient, path: str
) -> None:
    page = pages.get(f"/content/questions/{path}")

    assert page.status_code == 200
    links = set(re.findall(r'href="(/content/[^"#]*)', page.text))
    assert {link: pages.get(link).status_code for link in links} == dict.fromkeys(links, 200)


def test_a_rule_over_several_forms_is_drawn_and_named(pages: FlaskClient) -> None:
    cause = pages.get("/content/causes/urinary-infection-no-penis")
    card = pages.get("/content/cards/urine-testing")

    assert (cause.status_code, card.status_code) == (200, 200)
    assert 'href="/content/questions/seen.spot"' in cause.text
    for path in ("seen.spot", "later.sev", "sev"):  # an earlier answer is told with its own form
        read_by = pages.get(f"/content/questions/{path}").text
        assert "/content/causes/urinary-infection-no-penis" in read_by
