"""Every vignette gets a CDS Hooks 2.0 response, and every card keeps its promises."""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterator
from typing import Any, Literal
from urllib.parse import urlsplit

import pytest
from fhir.resources.R4B import get_fhir_model_class
from pydantic import BaseModel, ConfigDict, Field, StringConstraints
from support import NOW, QUIET, Clinic, active, card_about, changed, concept, topics, walk

from cds_service.cards import Call as CardCall
from cds_service.cards import CardWriter, escape
from cds_service.content.vignettes import Case, Vignettes, request_for
from cds_service.hook_request import parse_request

# -- the shape: cds-hooks.md section 4, as a schema of our own --------------------------------

Text = Field(min_length=1)
Uuid = StringConstraints(pattern=r"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$")


class Shape(BaseModel):
    """Nothing but what the specification names; nothing null."""

    model_config = ConfigDict(extra="forbid", strict=True)


class Coding(Shape):
    code: str = Field(min_length=1, max_length=100, pattern=r"^[A-Za-z0-9-]+$")
    system: str = Field(pattern=r"^https?://")
    display: str = Text


class Source(Shape):
    label: str = Text
    url: str = Field(default="https://example.org", pattern=r"^https://")
    topic: Coding


class Action(Shape):
    type: Literal["create"]
    description: str = Text
    resource: dict[str, Any]


class Suggestion(Shape):
    label: str = Text
    uuid: str = Field(pattern=Uuid.pattern)
    isRecommended: Literal[True] = True
    actions: list[Action] = Field(min_length=1, max_length=1)


class Link(Shape):
    label: str = Text
    url: str = Field(pattern=r"^https://")
    type: Literal["absolute"]


class Card(Shape):
    uuid: str = Field(pattern=Uuid.pattern)
    summary: str = Field(min_length=1, max_length=139)
    detail: str = Text
    indicator: Literal["info", "warning", "critical"]
    source: Source
    suggestions: list[Suggestion] = Field(default=[], min_length=1)
    selectionBehavior: Literal["any", "at-most-one"] = "any"
    overrideReasons: list[Coding] = Field(default=[], min_length=1)
    links: list[Link] = Field(default=[], min_length=1)


class Response(Shape):
    cards: list[Card]


@pytest.fixture(scope="module")
def responses(cases: list[Case], clinic: Clinic, vignettes: Vignettes) -> list[list[dict]]:
    """The cards of every vignette."""
    found = []
    for case in cases:
        queries = clinic.pipeline.queries
        body = request_for(case.vignette, vignettes.defaults, clinic.content, queries)
        call = CardCall(parse_request(body, body["hook"]), "https://example.org/intake")
        found.append(clinic.pipeline.writer.cards(case.found, call))
    return found


@pytest.fixture(scope="module")
def all_cards(responses: list[list[dict]]) -> list[dict[str, Any]]:
    return [card for cards in responses for card in cards]


@pytest.mark.requirement("4.1")
@pytest.mark.requirement("4.2")
@pytest.mark.requirement("4.4")
@pytest.mark.requirement("4.5")
@pytest.mark.requirement("4.7")
@pytest.mark.requirement("4.8")
@pytest.mark.requirement("4.9")
@pytest.mark.requirement("4.10")
@pytest.mark.requirement("4.11")
@pytest.mark.requirement("4.13")
@pytest.mark.requirement("4.15")
@pytest.mark.requirement("4.16")
@pytest.mark.requirement("4.17")
@pytest.mark.requirement("4.19")
@pytest.mark.requirement("4.20")
@pytest.mark.requirement("4.21")
@pytest.mark.requirement("4.22")
@pytest.mark.requirement("4.23")
@pytest.mark.requirement("4.24")
@pytest.mark.requirement("4.25")
@pytest.mark.requirement("4.26")
def test_every_response_has_the_shape_of_the_specification(responses: list[list[dict]]) -> None:
    assert len(responses) > 500
    for cards in responses:
        Response.model_validate({"cards": cards})


@pytest.mark.requirement("4.3")
def test_no_response_holds_a_null_or_an_empty(responses: list[list[dict]]) -> None:
    empties = {
        path[1:]
        for cards in responses
        for path, v in walk(cards)
        if path and v in (None, "", [], {})
    }

    assert empties == set()


def test_every_card_of_the_content_is_seen(all_cards: list[dict[str, Any]], clinic: Clinic) -> None:
    every = {card.topic["code"] for card in clinic.content.cards.values()}

    assert set(topics(all_cards)) == every - {"check-not-completed"}


@pytest.mark.requirement("4.4")
def test_uuids_are_unique_in_a_response(responses: list[list[dict]]) -> None:
    for cards in responses:
        uuids = [v for path, v in walk(cards) if path and path[-1] in {"uuid", "id"}]

        assert len(uuids) == len(set(uuids))
        assert all(str(uuid.UUID(text)) == text for text in uuids)


@pytest.mark.requirement("4.12")
def test_suggestions_and_selection_behaviour_come_together(
    all_cards: list[dict[str, Any]],
) -> None:
    for card in all_cards:
        assert ("suggestions" in card) is ("selectionBehavior" in card)


@pytest.mark.requirement("4.14")
def test_at_most_one_is_recommended_where_one_may_be_chosen(
    all_cards: list[dict[str, Any]],
) -> None:
    for card in all_cards:
        recommended = [s for s in card.get("suggestions", ()) if "isRecommended" in s]

        assert card.get("selectionBehavior") != "at-most-one" or len(recommended) <= 1


def drafts(cards: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    for card in cards:
        for suggestion in card.get("suggestions", ()):
            yield suggestion["actions"][0]["resource"]


@pytest.mark.requirement("4.18")
def test_every_draft_order_is_valid_fhir_and_about_the_patient(
    all_cards: list[dict[str, Any]],
) -> None:
    unlike: dict[str, dict[str, Any]] = {}
    for draft in drafts(all_cards):
        unlike.setdefault(str(draft.get("code", draft.get("payload"))), draft)
        assert draft["status"] == "draft"
        assert draft.get("intent", "proposal") == "proposal"
        assert draft.get("subject", draft.get("for")) == {"reference": "Patient/person"}
        assert draft["authoredOn"].endswith("+00:00")
    assert len(unlike) > 50
    for draft in unlike.values():
        get_fhir_model_class(draft["resourceType"]).model_validate(draft)


def test_a_clinician_is_the_requester_of_a_draft_and_a_patient_is_not(clinic: Clinic) -> None:
    body = clinic.request({**QUIET, "urine": ["burn"], "dur": "once"})
    own = changed(body, ("context", "userId"), "Patient/person")

    requested = [d.get("requester") for d in drafts(clinic.cards(body))]
    by_patient = [d.get("requester") for d in drafts(clinic.cards(own))]

    assert {str(r) for r in requested} == {"{'reference': 'Practitioner/example'}"}
    assert set(by_patient) == {None}


@pytest.mark.requirement("4.4")
@pytest.mark.requirement("4.27")
def test_the_same_call_gives_the_same_cards(clinic: Clinic) -> None:
    body = clinic.request({**QUIET, "urine": ["burn"]})

    assert clinic.cards(body) == clinic.cards(body)


@pytest.mark.requirement("4.4")
def test_another_call_gives_cards_other_uuids(clinic: Clinic) -> None:
    body = clinic.request({**QUIET, "urine": ["burn"]})
    again = {**body, "hookInstance": "another"}

    first, second = ({c["uuid"] for c in clinic.cards(b)} for b in (body, again))

    assert first.isdisjoint(second)


@pytest.mark.requirement("4.27")
def test_no_card_claims_to_remember_an_earlier_call(all_cards: list[dict[str, Any]]) -> None:
    told = {card["detail"] for card in all_cards}

    assert [text for text in told if re.search(r"since (the )?last time|new since", text)] == []


# -- the words -----------------------------------------------------------------------------

HEADING = re.compile(r"^\*\*(.+)\*\*$", re.MULTILINE)


def parts(card: dict[str, Any]) -> dict[str, str]:
    """Heading -> text of a card's detail."""
    pieces = HEADING.split(card["detail"])
    return dict(zip(pieces[1::2], pieces[2::2], strict=True))


def test_every_card_says_why_what_to_consider_the_options_and_the_basis(
    all_cards: list[dict[str, Any]],
) -> None:
    for card in all_cards:
        found = parts(card)
        order = ["Why this appears", "What is unknown", "Consider", "Options", "Also consider"]

        assert [h for h in (*order, "Basis") if h in found] == list(found)
        assert {"Why this appears", "Options", "Basis"} <= found.keys()


def test_every_card_offers_none_of_these_and_names_its_version(
    all_cards: list[dict[str, Any]], clinic: Clinic
) -> None:
    version = clinic.content.version
    for card in all_cards:
        found = parts(card)

        assert (
            found["Options"].rstrip().endswith("None of these: close the card, or give a reason.")
        )
        assert f"Rule version {version}, by Dyspareunia CDS project." in found["Basis"]
        assert "not yet reviewed or approved by clinicians" in found["Basis"]
        assert "draft content, not approved by clinicians" in card["source"]["label"]


def test_answers_are_quoted_as_codes_with_their_date(clinic: Clinic) -> None:
    cards = clinic.found({**QUIET, "urine": ["burn"], "sev": 7, "dur": "once"}).cards

    why = parts(card_about(cards, "urine-testing"))["Why this appears"]

    assert "`urine:burn`" in why
    assert "Answers given on 2026-11-22." in why


def test_what_was_not_answered_is_named(clinic: Clinic) -> None:
    answers = {**QUIET, "urine": ["burn"], "dur": "once"}
    del answers["organs"]

    card = card_about(clinic.found(answers).cards, "urine-testing")

    assert "Not answered: " in parts(card)["What is unknown"]


def test_a_chart_entry_is_quoted_with_its_date(clinic: Clinic) -> None:
    cyst = active(code=concept(clinic.content, "endometriosis"), onsetDateTime="2025-03")
    answers = {**QUIET, "where": ["deep"], "trigger": ["deep"], "dur": "gt6m", "sev": 6}

    text = str(clinic.found(answers, [cyst]).cards)

    assert "(Endometriosis (disorder), 2025-03, `where:deep`, `trigger:deep`)" in text


def test_at_most_four_reasons_are_named_and_the_rest_counted(clinic: Clinic) -> None:
    many = {
        **QUIET,
        "sextype": ["vagrec"],
        "when": ["entry", "during"],
        "where": ["deep", "opening", "oneside"],
        "dur": "gt6m",
        "sev": 6,
        "entry": "painful",
        "genital": ["vagdisch", "sores", "skin"],
        "gyn": ["dysmen", "cpp", "heavy"],
        "bleed": ["aftersex"],
    }
    result = clinic.found(many)
    wanted = next(w for w in result.evaluation.shown if w.card.id == "REC-PELVIC")
    assert len(wanted.reasons) > 4

    why = parts(card_about(result.cards, "pelvic-exam"))["Why this appears"]

    assert f"- and {len(wanted.reasons) - 4} more reasons" in why
    for number, reason in enumerate(wanted.reasons):
        assert (f"- {reason.reason}" in why) is (number < 4)


def test_summaries_are_one_line_without_markup(all_cards: list[dict[str, Any]]) -> None:
    for summary in {card["summary"] for card in all_cards}:
        assert "\n" not in summary
        assert not re.search(r"[<>*`\[\]]|https?:", summary)


@pytest.mark.requirement("4.6")
def test_details_hold_no_html(all_cards: list[dict[str, Any]]) -> None:
    for detail in {card["detail"] for card in all_cards}:
        assert not re.search(r"<[a-zA-Z/!]", detail)


@pytest.mark.requirement("4.9")
@pytest.mark.requirement("4.22")
def test_links_are_absolute_and_come_from_content(
    all_cards: list[dict[str, Any]], clinic: Clinic
) -> None:
    known = {v for _, v in walk(dict(clinic.content.resources)) if isinstance(v, str)}
    urls = {v for c in all_cards for path, v in walk(c) if path and path[-1] == "url"}

    assert urls
    for url in urls:
        assert urlsplit(url).scheme == "https"
        assert url in known or url == "https://example.org/intake"


def test_every_card_that_can_be_overridden_offers_reasons_of_our_list(
    all_cards: list[dict[str, Any]], clinic: Clinic
) -> None:
    ours = [dict(coding) for coding in clinic.content.override_reasons.values()]
    for card in all_cards:
        assert all(reason in ours for reason in card.get("overrideReasons", ()))


# -- deferred cards ------------------------------------------------------------------------


def test_what_waits_is_one_neutral_line_each_on_the_last_card(
    responses: list[list[dict]], cases: list[Case]
) -> None:
    seen = 0
    for cards, case in zip(responses, cases, strict=True):
        lines = [parts(c).get("Also consider", "") for c in cards]
        waiting = case.found.deferred if cards else []

        assert not any(lines[:-1])
        assert bool(cards and lines[-1]) is bool(waiting)
        for wanted in waiting:
            assert f"- {wanted.card.title}\n" in lines[-1] + "\n"
        seen += len(waiting)
    assert seen


# -- a person's own words --------------------------------------------------------------------

INJECTIONS = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "<!-- comment -->",
    "&lt;b&gt; &#60;b&#62;",
    "[click](https://evil.example)",
    "![pixel](https://evil.example/p.png)",
    "<https://evil.example>",
    "https://evil.example",
    "www.evil.example",
    "person@evil.example",
    "mailto:person@evil.example",
    "**bold** __bold__ *i* _i_ ~~gone~~ `code`",
    "# Heading",
    "- item\n1. item\n> quote\n---\n===",
    "| a | b |\n|---|---|\n| c | d |",
    "```\ncode\n```",
    "    indented",
    "\\*escaped\\*",
    "line\u2028separator\u0085next\vtab\f",
    "$x^2$ :smile: @someone #1",
    "[ref]: https://evil.example",
    "\u202eright-to-left",
]
# Escaped punctuation, entities, and characters that mean nothing in Markdown or HTML.
PUNCTUATION = re.escape("\\`*_{}[]()#+-.!|~:@/=\"'$^")
PLAIN = re.compile(
    rf"(?:\\[{PUNCTUATION}]|&(?:amp|lt|gt);|[^{PUNCTUATION}<>&\n\r\v\f\u2028\u0085])*"
)


@pytest.mark.requirement("4.6")
@pytest.mark.parametrize("words", INJECTIONS)
def test_a_persons_words_are_inert_markdown(words: str, clinic: Clinic) -> None:
    cards = clinic.found({**QUIET, "safe": "no", "other": words}).cards

    detail = card_about(cards, "private-conversation")["detail"]
    (line,) = [text for text in detail.split("\n") if "own words" in text]
    quoted = line.partition('"')[2].removesuffix('"')

    assert PLAIN.fullmatch(quoted), quoted
    assert quoted == escape(words)


def test_a_very_long_text_is_cut(clinic: Clinic) -> None:
    cards = clinic.found({**QUIET, "safe": "no", "other": "a" * 10_000}).cards

    assert len(card_about(cards, "private-conversation")["detail"]) < 10_000


def test_displays_and_texts_of_the_chart_never_reach_a_card(clinic: Clinic) -> None:
    code = concept(clinic.content, "endometriosis")
    code["coding"][0]["display"] = "<b>Quetzal</b>"
    known = active(code={**code, "text": "<b>Quetzal</b>"}, onsetDateTime="2025-03")
    answers = {**QUIET, "where": ["deep"], "trigger": ["deep"], "dur": "gt6m", "sev": 6}

    assert "Quetzal" not in str(clinic.found(answers, [known]).cards)


# -- what was disclosed in private ---------------------------------------------------------


def restricted_codes(clinic: Clinic) -> list[tuple[str, str]]:
    """Every disclosing option of every item bound to one card."""
    return [
        (link_id, code)
        for link_id, item in clinic.form.items.items()
        if item.quoted_only_on and item.kind == "choice"
        for code in item.system
    ]


def test_private_answers_are_quoted_on_the_private_card_only(
    clinic: Clinic, responses: list[list[dict]]
) -> None:
    bound = {link_id for link_id, _ in restricted_codes(clinic)}
    assert bound == {"trauma", "safe", "unwanted"}
    quoted = re.compile(rf"`({'|'.join(bound)})\b")
    for cards in responses:
        for card in cards:
            if card["source"]["topic"]["code"] != "private-conversation":
                assert not quoted.search(str(card))


WORDS = re.compile(r"assault|rape|abuse|unwanted|forced|violence|unsafe|afraid|disclos", re.I)


def test_no_summary_says_what_was_disclosed(all_cards: list[dict[str, Any]]) -> None:
    assert [c["summary"] for c in all_cards if WORDS.search(c["summary"])] == []


@pytest.mark.parametrize("topic", ["private-conversation", "trauma-informed-care"])
def test_a_summary_near_private_answers_reads_the_same_for_every_reason(
    topic: str, all_cards: list[dict[str, Any]]
) -> None:
    cards = [c for c in all_cards if c["source"]["topic"]["code"] == topic]

    assert len(cards) > 10
    assert len({card["summary"] for card in cards}) == 1


def test_the_private_card_opens_the_same_for_every_reason(
    all_cards: list[dict[str, Any]],
) -> None:
    private = [c for c in all_cards if c["source"]["topic"]["code"] == "private-conversation"]

    assert len(private) > 10
    assert len({(c["summary"], c["detail"].partition("**")[0]) for c in private}) == 1


@pytest.mark.parametrize(
    "answers",
    [
        {"trauma": "yes"},
        {"safe": "no"},
        {"safe": "unsure"},
        {"unwanted": "past5d"},
        {"unwanted": "past12m"},
        {"unwanted": "longer"},
        {"other": "Quetzal-Canary"},
        {"trauma": "yes", "safe": "no", "unwanted": "past5d", "other": "Quetzal-Canary"},
    ],
    ids=str,
)
@pytest.mark.parametrize("loud", [{}, {"rfgen": ["severe"]}, {"urine": ["burn"], "dur": "once"}])
def test_other_cards_read_as_if_nothing_private_was_said(
    answers: dict[str, Any], loud: dict[str, Any], clinic: Clinic
) -> None:
    quiet = {c["source"]["topic"]["code"]: c for c in clinic.found({**QUIET, **loud}).cards}
    told = clinic.found({**QUIET, **loud, **answers}).cards

    for card in told:
        topic = card["source"]["topic"]["code"]
        if topic == "private-conversation":
            continue
        assert not re.search(r"`(trauma|safe|unwanted|other)\b|Quetzal", str(card))
        if topic in quiet:
            assert card["summary"] == quiet[topic]["summary"]


def test_the_writer_works_out_its_evidence_once(clinic: Clinic) -> None:
    writer = CardWriter(clinic.content)

    assert len(writer.evidence) == sum(map(len, clinic.content.contributions.values()))
    assert writer.cards(clinic.found(QUIET).evaluation, _call(clinic))


def _call(clinic: Clinic) -> CardCall:
    return CardCall(parse_request(clinic.request(QUIET), "patient-view"), f"https://x/{NOW.year}")
