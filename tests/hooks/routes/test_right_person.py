"""Two patients may share a ``hookInstance``; feedback on a card of one leaves the other's."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest

from cds_service.content import Content
from tests.support.clinic import ROOT, card_about, topics
from tests.support.ward import (
    REPORT,
    Make,
    Trusted,
    Ward,
    accepted,
    again,
    overridden,
    visit,
)

EXCHANGES = ROOT / "tests" / "hooks" / "exchanges"


def ids(value: Any) -> set[str]:
    """Every uuid of cards and suggestions, and the ids of draft orders."""
    if isinstance(value, list):
        return set().union(*map(ids, value))
    if not isinstance(value, dict):
        return set()
    own = {value[name] for name in ("uuid", "id") if isinstance(value.get(name), str)}
    return own.union(*map(ids, value.values()))


def two_visits(ward: Ward) -> tuple[dict[str, Any], dict[str, Any]]:
    """The same call about two patients, with one hookInstance."""
    first = visit(ward)
    return first, {**visit(ward), "hookInstance": first["hookInstance"]}


@pytest.mark.requirement("2.5")
def test_two_patients_with_one_hook_instance_have_no_id_in_common(ward: Ward) -> None:
    one, other = (ward.cards(body) for body in two_visits(ward))

    assert topics(one) == topics(other)
    assert ids(one)
    assert ids(one) & ids(other) == set()


@pytest.mark.requirement("2.5")
@pytest.mark.parametrize("reaction", ["accepted", "overridden"])
@pytest.mark.parametrize("order", [(0, 1), (1, 0)], ids=["of-the-first", "of-the-second"])
def test_feedback_settles_the_card_of_the_patient_it_is_about(
    reaction: str, order: tuple[int, int], ward: Ward
) -> None:
    visits = two_visits(ward)
    shown = [card_about(ward.cards(body), "urine-testing") for body in visits]
    mine, other = order
    react = (
        accepted(shown[mine])
        if reaction == "accepted"
        else overridden(shown[mine], "not-indicated")
    )

    assert ward.feedback(react).get_json() == {"saved": 1}

    assert "urine-testing" not in topics(ward.cards(again(visits[mine])))
    assert "urine-testing" in topics(ward.cards(again(visits[other])))


@pytest.mark.requirement("2.5")
def test_the_report_counts_them_apart(make: Make) -> None:
    ward = make(report_token="open")
    first, _ = (card_about(ward.cards(body), "urine-testing") for body in two_visits(ward))
    ward.feedback(accepted(first))
    ward.clock.now += timedelta(minutes=1)

    row = ward.rows()["shown", "REC-UA"]

    assert (row["fired"], row["accepted"], row["ignored"]) == (2, 1, 1)


def test_the_form_is_opened_for_the_call_of_one_patient(make: Make) -> None:
    ward = make(smart_issuer="https://ehr.example.org/fhir", smart_client_id="form")
    text = (EXCHANGES / "offer-intake.request.json").read_text()
    bodies = [orjson.loads(text), orjson.loads(text.replace("sasha", "another"))]
    contexts = [
        link["appContext"]
        for body in bodies
        for card in ward.cards(body)
        for link in card["links"]
        if link["type"] == "smart"
    ]

    assert len(set(contexts)) == len(bodies)


@pytest.mark.requirement("2.5")
def test_two_clients_with_one_patient_id_and_hook_instance_are_kept_apart(
    content: Content, tmp_path: Path
) -> None:
    trusted = Trusted(content, tmp_path)
    body = visit(trusted)

    one, other = (trusted.cards_for(name, body) for name in ("ehr", "third"))

    assert ids(one)
    assert ids(one) & ids(other) == set()


def test_the_ids_of_a_card_cannot_be_made_without_the_key(content: Content, tmp_path: Path) -> None:
    bodies, found = visit(Ward(content, tmp_path)), []
    for key in ("01" * 32, "02" * 32):
        folder = tmp_path / key
        folder.mkdir()
        (folder / "cds.key").write_text(key)
        (folder / "cds.key").chmod(0o600)
        found.append(ids(Ward(content, folder).cards(bodies)))

    assert found[0] & found[1] == set()
    assert found[0] == ids(Ward(content, tmp_path / ("01" * 32)).cards(bodies))


# -- override reasons ------------------------------------------------------------------------


@pytest.mark.requirement("5.5")
@pytest.mark.parametrize(
    "reason",
    [
        {"code": "Ana Quetzal"},
        {"code": "known-dx-x"},
        {"code": "done-elsewhere", "system": "https://another.example"},
        {"code": "other"},
    ],
    ids=str,
)
def test_a_reason_that_was_not_offered_settles_nothing_and_is_not_printed(
    reason: dict[str, str], make: Make
) -> None:
    ward = make(report_token="open")
    body = visit(ward)
    card = card_about(ward.cards(body), "urine-testing")

    answer = ward.feedback(overridden(card, overrideReason={"reason": reason}))

    assert answer.get_json() == {"saved": 1}
    ward.clock.now += timedelta(minutes=1)
    assert "urine-testing" in topics(ward.cards(again(body)))
    assert ward.rows()["shown", "REC-UA"]["reasons"] == {"other": 1}
    printed = ward.client.get(f"{REPORT}.csv", headers={"Authorization": "Bearer open"}).text
    assert "Quetzal" not in printed
