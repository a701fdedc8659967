"""The page of reports counts what the JSON counts, behind the same token, and names no patient."""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Callable
from html import unescape
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from cds_service.content import Content
from cds_service.web.reports.cards import in_words
from cds_service.web.reports.plots import FEW, WIDTH, plot_counts, plot_shares

from .made_stores import CLIENT, FLAGGED, OTHER, app_with, few, many, nothing

BASIC = {"Authorization": f"Basic {b64encode(b'anyone:open').decode()}"}
SECTION = re.compile(r'<section class="report" aria-labelledby="([^"]+)">(.*?)</section>', re.S)
LINE = re.compile(r'<tr><th scope="row">([^<]*)</th><td>(\d+)</td>\s*<td>([^<]*)</td>')


@pytest.fixture(scope="module")
def clients(
    content: Content, tmp_path_factory: pytest.TempPathFactory
) -> dict[Callable[..., None], FlaskClient]:
    return {
        fill: app_with(fill, content, tmp_path_factory.mktemp(fill.__name__)).test_client()
        for fill in (nothing, few, many)
    }


def page(client: FlaskClient, query: str = "") -> str:
    answer = client.get(f"/reports{query}", headers=BASIC)
    assert (answer.status_code, answer.mimetype) == (200, "text/html")
    return answer.text


def tables(html: str) -> dict[str, dict[str, tuple[int, str]]]:
    """Card -> line of its tables -> number and share."""
    return {
        card: {unescape(name): (int(n), share) for name, n, share in LINE.findall(section)}
        for card, section in SECTION.findall(html)
    }


@pytest.mark.parametrize("fill", [nothing, few, many])
def test_the_numbers_are_those_of_the_json(
    fill: Callable[..., None], clients: dict[Callable[..., None], FlaskClient]
) -> None:
    client = clients[fill]
    rows = {
        row["id"]: row
        for row in client.get("/reports/feedback.json", headers=BASIC).get_json()
        if (row["by"], row["state"], row["version"]) == ("card", "shown", "")
    }

    shown = tables(page(client))

    assert shown.keys() == rows.keys()
    for card, row in rows.items():
        numbers = {name: count for name, (count, _) in shown[card].items()}
        assert numbers["shown"] == row["fired"]
        assert numbers["acted on"] == row["accepted"] + row["overridden"]
        assert {n: numbers[n] for n in ("accepted", "overridden", "ignored")} == {
            n: row[n] for n in ("accepted", "overridden", "ignored")
        }
        assert shown[card]["accepted"][1] == f"{row['acceptance']['share'] * 100:.1f} %"


def test_reasons_are_named_and_those_without_one_stand_apart(
    clients: dict[Callable[..., None], FlaskClient],
) -> None:
    reasons = list(tables(page(clients[many]))[FLAGGED])[5:8]
    own = page(clients[few])

    assert reasons[-1] == "(none)"
    assert "Already done or ordered" in reasons
    assert "another code" in own
    assert "their own" not in own


def test_the_last_two_content_versions_stand_side_by_side(
    clients: dict[Callable[..., None], FlaskClient],
) -> None:
    client = clients[many]
    lines = tables(page(client))[FLAGGED]

    for when, version in (("before", "older"), ("after", "newer")):
        of_one = tables(page(client, f"?version=0.1.0%2B{version}"))[FLAGGED]
        assert lines[f"overridden {when}"] == of_one["overridden"]
    assert "overridden before" not in page(clients[few])


def test_a_flagged_card_is_listed_by_name_with_the_rule_that_flagged_it(
    clients: dict[Callable[..., None], FlaskClient], content: Content
) -> None:
    (title,) = (card.title for card in content.cards.values() if card.id == FLAGGED)

    flagged = page(clients[many])
    calm = page(clients[few])

    assert f'<li><a href="#{FLAGGED}">{title}</a>: 54 of 60</li>' in flagged
    assert "more than 80 of 100 cases, at 50 or more" in flagged
    assert "None: no card was overridden" in calm


def test_filters_are_links_and_an_unknown_value_filters_nothing(
    clients: dict[Callable[..., None], FlaskClient],
) -> None:
    client = clients[many]

    def shown(query: str) -> int:
        return tables(page(client, query))[FLAGGED]["shown"][0]

    assert shown("") == shown("?client=nobody&version=none&weeks=x") == 60
    assert shown(f"?client={OTHER}") == 20
    assert shown(f"?client={CLIENT}") == 40
    assert shown("?weeks=4") < 60
    for link in set(re.findall(r'href="(/reports\?[^"]+)"', page(client))):
        assert client.get(unescape(link), headers=BASIC).status_code == 200


def test_no_patient_no_pseudonym_and_no_date_finer_than_a_week(
    clients: dict[Callable[..., None], FlaskClient],
) -> None:
    html = page(clients[many])

    mondays = {"2026-08-31", "2026-11-23"}
    assert set(re.findall(r"\d{4}-\d\d-\d\d", html)) == mondays
    assert not re.search(r"\b[0-9a-f]{16,}\b", html)
    assert "person" not in html


@pytest.mark.parametrize(
    ("header", "status"),
    [
        ({}, 401),
        ({"Authorization": "Basic open"}, 401),
        ({"Authorization": f"Basic {b64encode(b'open:wrong').decode()}"}, 401),
        ({"Authorization": "Bearer wrong"}, 401),
        ({"Authorization": "Bearer open"}, 200),
        (BASIC, 200),
    ],
)
def test_the_token_opens_it_and_a_browser_is_asked_for_it(
    header: dict[str, str], status: int, clients: dict[Callable[..., None], FlaskClient]
) -> None:
    answer = clients[few].get("/reports", headers=header)

    assert (answer.status_code, answer.mimetype) == (status, "text/html")
    assert answer.headers.get("WWW-Authenticate", "").startswith("Basic ") is (status == 401)
    assert answer.headers["Cache-Control"] == "no-store"
    assert ("REC-UA" in answer.text) is (status == 200)


def test_a_store_that_is_down_is_said(content: Content, tmp_path: Path) -> None:
    app = app_with(nothing, content, tmp_path)
    (tmp_path / "cds.sqlite3").rename(tmp_path / "gone")

    answer = app.test_client().get("/reports", headers=BASIC)

    assert (answer.status_code, answer.mimetype) == (503, "text/html")
    assert "store is not available" in answer.text


# -- plots -------------------------------------------------------------------------------------


def test_a_share_is_as_long_as_it_is_large_and_its_interval_surrounds_it() -> None:
    plot = plot_shares("x", [("shown", 40, 40), ("accepted", 10, 40), ("ignored", 3, 40)])
    shown, accepted, ignored = plot.bars

    assert (shown.width, shown.interval) == (WIDTH, None)
    assert accepted.width == pytest.approx(WIDTH / 4)
    assert accepted.interval is not None
    assert accepted.interval[0] < accepted.width < accepted.interval[1]
    assert [bar.few for bar in plot.bars] == [False, False, True]
    assert [bar.y for bar in plot.bars] == sorted({bar.y for bar in plot.bars})
    assert plot.height > ignored.y


def test_counts_are_drawn_against_the_largest_and_few_are_hollow() -> None:
    plot = plot_counts("x", [("a", FEW), ("b", FEW - 1)])

    assert plot.bars[0].width == WIDTH
    assert plot.bars[1].width == pytest.approx(WIDTH * (FEW - 1) / FEW)
    assert [bar.few for bar in plot.bars] == [False, True]


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (None, "not known"),
        (5.4, "5 seconds"),
        (119, "119 seconds"),
        (120, "2 minutes"),
        (7200, "2 hours"),
        (172800, "2 days"),
    ],
)
def test_a_time_is_told_in_the_unit_that_says_most(seconds: float | None, words: str) -> None:
    assert in_words(seconds) == words
