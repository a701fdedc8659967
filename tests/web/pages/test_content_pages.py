"""The content browser: everything has its page, every link leads somewhere, nothing is markup."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator
from html import unescape
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from flask.testing import FlaskClient

from cds_service import create_app
from cds_service.authoring.last_run import read_run, write_run
from cds_service.content import FOLDERS, Content
from cds_service.content.translations import languages
from cds_service.web.content_pages.index import ContentIndex, address
from tests.support.clinic import NOW, ROOT, settings_in

from .conftest import OUTCOMES, RUN

HREF = re.compile(r'href="([^"]+)"')
ID = re.compile(r'\bid="([^"]+)"')


def text(pages: FlaskClient, path: str) -> str:
    answer = pages.get(path)
    assert answer.status_code == 200, path
    return answer.text


def bare(html: str) -> str:
    """The words of a page."""
    return unescape(re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", html)))


def test_everything_has_a_page_and_every_link_of_every_page_leads_somewhere(
    pages: FlaskClient, catalogue: ContentIndex
) -> None:
    todo, seen = ["/content"], dict[str, set[str]]()
    wanted: list[tuple[str, str, str]] = []
    while todo:
        path = todo.pop()
        if path in seen:
            continue
        answer = pages.get(path)
        assert answer.status_code == 200, path
        seen[path] = set(ID.findall(answer.text)) if answer.mimetype == "text/html" else set()
        assert len(ID.findall(answer.text)) == len(seen[path]) or not seen[path], path
        for target in map(unescape, HREF.findall(answer.text)):
            parts = urlsplit(target)
            if parts.netloc:
                assert parts.scheme == "https", target
                continue
            wanted.append((path, parts.path or path, parts.fragment))
            if parts.path.startswith("/content"):
                todo.append(parts.path)

    pages_wanted = {address(entry.link) for entry in catalogue.entries.values()}
    assert pages_wanted <= seen.keys()
    for target in {path for _, path, _ in wanted} - seen.keys():
        assert pages.get(target, buffered=True).status_code == 200, target
    broken = [w for w in wanted if w[2] and w[2] not in seen.get(w[1], {w[2]})]
    assert broken == []


def test_nothing_of_the_content_is_left_out(content: Content, catalogue: ContentIndex) -> None:
    sources = {s.id for s in content.sources}
    value_sets = {r["id"] for r in content.resources.values() if r["resourceType"] == "ValueSet"}
    rules = {s.rule for s in content.sources}

    def names(*kinds: str) -> set[str]:
        return {n for e in map(catalogue.of_kind, kinds) for n in (one.link.name for one in e)}

    assert sources <= {e.id for kind in ("causes", "flags") for e in catalogue.of_kind(kind)}
    assert names("cards") == set(content.cards)
    needed = {name for name in names("questions") if "." not in name}
    assert needed == set(content.questionnaire.items)
    assert names("value-sets") == value_sets
    assert names("facts") == set(content.names) - rules


# -- one page of each kind ---------------------------------------------------------------------


def test_a_cause_shows_its_rule_its_evidence_and_when_it_is_wrong(
    pages: FlaskClient, content: Content
) -> None:
    source = next(s for s in content.sources if s.id == "C16")
    html = text(pages, "/content/causes/suspected-endometriosis")
    words = bare(html)

    assert source.plan["usage"] in words
    assert content.names["C16"].description in words
    assert content.names["C16"].expression.text in unescape(html)
    assert html.count('<ul class="diagram"') >= 1
    assert "at least 2 of these 5" in words
    for artifact in source.plan["relatedArtifact"]:
        assert artifact.get("citation", "") in words


def test_a_flag_shows_only_what_belongs_to_it(pages: FlaskClient) -> None:
    words = bare(text(pages, "/content/flags/RF01"))

    assert "RF01 is yes when" in words
    assert "RF28:" not in words


def test_a_card_shows_who_asks_for_it_and_its_orders_with_codes(
    pages: FlaskClient, content: Content
) -> None:
    card = content.cards["urine-testing"]
    words = bare(text(pages, "/content/cards/urine-testing"))

    for contribution in content.contributions["urine-testing"]:
        assert contribution.reason in words
        assert all(condition.description in words for condition in contribution.conditions)
    for suggestion in card.suggestions:
        assert suggestion.label in words
        for coding in ((suggestion.order or {}).get("code") or {}).get("coding", ()):
            assert coding["code"] in words


def test_a_question_says_what_its_answers_mean_and_who_reads_it(pages: FlaskClient) -> None:
    words = bare(text(pages, "/content/questions/organs"))

    assert "restricted" in words
    assert re.search(r"notsure unknown", words)
    assert "named fact uterusByAnswersOrChart" in words


def test_a_question_shows_what_the_chart_answers_and_its_translation(
    pages: FlaskClient, content: Content
) -> None:
    prefill = content.prefills[0]
    words = bare(text(pages, f"/content/questions/{prefill.link_id}"))
    status = languages(content.questionnaire.resource)[0].status

    assert "What the chart may answer first" in words
    assert status in words


def test_a_value_set_lists_its_codes_and_the_chart_entries_that_use_it(
    pages: FlaskClient, content: Content
) -> None:
    words = bare(text(pages, "/content/value-sets/endometriosis"))
    url = "https://dyspareunia-cds.example/fhir/ValueSet/endometriosis"

    codes = [
        concept["code"]
        for include in content.resources[url]["compose"]["include"]
        for concept in include.get("concept", ())
    ]
    assert len(codes) > 3
    assert all(code in words for code in codes)
    assert "N80 with all below it ICD-10-CM" in words
    assert "N80.03 not in, with all below it ICD-10-CM" in words
    assert "%endometriosis Condition any time" in words


def test_the_order_of_cards_is_told(pages: FlaskClient, content: Content) -> None:
    html = text(pages, f"/content/strategy/{content.strategy.plan['id']}")
    moment = content.strategy.moments[0]
    places = [p.card for group in moment.groups for p in group.placements]

    shown = re.findall(r'<li><a href="/content/cards/([^"]+)"', html)
    assert shown[: len(places)] == places


# -- a card as an EHR shows it -----------------------------------------------------------------


def test_every_card_is_shown_at_two_widths_with_the_time_it_takes_to_read(
    pages: FlaskClient, content: Content
) -> None:
    for plan_id, card in content.cards.items():
        asking = [c for c in content.contributions[plan_id] if not c.advice]
        html = text(pages, f"/content/cards/{plan_id}")

        shown = re.findall(r'<section class="preview w(\d+)', html)
        assert set(shown) == ({"320", "480"} if asking else set()), plan_id
        for words, seconds in re.findall(r": (\d+) words, about (\d+) seconds to read", html):
            assert int(seconds) == -(-int(words) // 4)
            assert int(words) > 10
        assert (card.opening[:20] in bare(html)) or not card.opening


def test_a_search_without_hits_and_one_of_markup_are_answered_in_words(pages: FlaskClient) -> None:
    html = pages.get("/content", query_string={"q": '"><script>alert(1)</script>'}).text

    assert "Nothing holds all these words" in html
    assert "<script" not in html


# -- vignettes ---------------------------------------------------------------------------------


def test_without_a_run_the_pages_say_so(pages: FlaskClient) -> None:
    for path in ("/content", "/content/causes/suspected-endometriosis"):
        words = bare(text(pages, path))

        assert "were not run on this content version here" in words
        assert "cds-service check --quick" in words
        assert "as expected" not in words


@pytest.mark.usefixtures("run_here")
def test_the_last_run_is_shown_with_what_differs(pages: FlaskClient) -> None:
    cause = bare(text(pages, "/content/causes/suspected-endometriosis"))
    flag = bare(text(pages, "/content/flags/RF01"))
    index = bare(text(pages, "/content"))

    assert "C16-1 two features C16 yes as expected" in cause
    assert "C16-2 one feature C16 no differs : C16 is yes" in cause
    assert RUN.isoformat() in cause
    assert "pregnant, fainted" in flag
    assert "somebody else" not in flag
    assert "2, 1 differ" in index


def test_a_run_on_other_content_counts_for_nothing(pages: FlaskClient, results: Path) -> None:
    write_run(results, "0.0.9+other", RUN, OUTCOMES)

    words = bare(text(pages, "/content/causes/suspected-endometriosis"))

    assert "on another content version (0.0.9+other" in words
    assert "C16-1" not in words


def test_a_run_that_comes_later_replaces_the_page(
    pages: FlaskClient, results: Path, content: Content
) -> None:
    before = text(pages, "/content/flags/RF01")

    write_run(results, content.version, RUN, OUTCOMES)

    assert "as expected" not in before
    assert "as expected" in text(pages, "/content/flags/RF01")


@pytest.mark.parametrize("damaged", ["", "[]", '{"content": "x"}', '{"outcomes": [{"id": 1}]}'])
def test_a_damaged_file_of_results_is_as_none(
    pages: FlaskClient, results: Path, damaged: str
) -> None:
    results.write_text(damaged)

    assert read_run(results) is None
    assert "were not run" in bare(text(pages, "/content/flags/RF01"))


# -- hostile or odd ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "path",
    [
        "/content/causes/none",
        "/content/nothing/RF01",
        "/content/_parts/x",
        "/content/index/x",
        "/content/flags/C16",
    ],
)
def test_an_address_without_a_page_is_a_page_that_says_so(pages: FlaskClient, path: str) -> None:
    answer = pages.get(path)

    assert (answer.status_code, answer.mimetype) == (404, "text/html")
    assert "This did not work" in answer.text


class Elements(HTMLParser):
    """What a browser would make of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.links: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}
        self.links |= {value or "" for name, value in attrs if name in ("href", "src", "action")}


EVIL = "\"'><script>alert(1)</script><img src=x onerror=alert(2)>"


def poisoned(node: object) -> Iterator[None]:
    """Puts markup into every text people read."""
    read = ("title", "description", "usage", "purpose", "textEquivalent", "text", "display")
    names = ("requirement", "item", "drawing", "question", "body-region")
    if isinstance(node, dict) and str(node.get("url")).rpartition("/")[2] not in names:
        for key, value in node.items():
            if key in (*read, "citation", "valueString") and isinstance(value, str):
                node[key] = f"{value} {EVIL} [x](javascript:alert(3)) ![y](https://e.example/z.png)"
            yield from poisoned(value)
    elif isinstance(node, list):
        for one in node:
            yield from poisoned(one)


def test_markup_in_content_is_shown_and_never_run(
    content: Content, catalogue: ContentIndex, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The linter refuses HTML in what clinicians read; the pages must not rely on it."""
    for name in FOLDERS:
        shutil.copytree(ROOT / name, tmp_path / name)
    for file in tmp_path.rglob("*.json"):
        resource = json.loads(file.read_text(encoding="utf-8"))
        assert list(poisoned(resource)) == []
        file.write_text(json.dumps(resource), encoding="utf-8")
    monkeypatch.setattr("cds_service.content.text_findings", lambda shelf: ())
    app = create_app(settings_in(tmp_path, content=tmp_path), lambda: NOW)
    client = app.test_client()

    for entry in catalogue.entries.values():
        html = client.get(address(entry.link)).text
        elements = Elements()
        elements.feed(html)

        assert "<script>alert(1)" in unescape(html), entry.link
        assert not {"script", "img", "iframe", "object"} & elements.tags
        assert not [name for name in elements.attributes if name.startswith("on")]
        assert all(target.startswith(("/", "#", "https://")) for target in elements.links)
