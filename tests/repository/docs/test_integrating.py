"""What integrating.md says of clients, services and reasons is what the code takes."""

from __future__ import annotations

import json
import re
from pathlib import Path

from flask.testing import FlaskClient

from cds_service.access import tokens
from cds_service.access.clients import Client, read_clients
from tests.support.clinic import ROOT

from .pages import INTEGRATING, code, fences, in_words, read, table


def test_the_example_of_a_clients_file_loads_and_shows_every_field() -> None:
    clients = read_clients(ROOT / "examples" / "clients.json")
    shown = {name for client in clients for name in client.model_fields_set}

    assert shown == set(Client.model_fields)
    assert all(str(c.issuer).endswith((".example", "example.org")) for c in clients)


def test_the_entries_that_integrating_prints_are_accepted(tmp_path: Path) -> None:
    text = re.sub(r"^ {3}", "", INTEGRATING, flags=re.M)  # those inside numbered steps
    entries = [json.loads(one) for one in fences(text, "json") if '"jwksUrl"' in one]
    (tmp_path / "clients.json").write_text(json.dumps({"clients": entries}))

    assert len(entries) == len(read_clients(tmp_path / "clients.json")) == 2


def test_integrating_lists_every_field_of_the_clients_file() -> None:
    expected = {
        field.alias or name: "required" if field.is_required() else field.default
        for name, field in Client.model_fields.items()
    }
    words = {
        name: {None: "none", (): "none"}.get(value)
        or ", ".join(value if isinstance(value, tuple) else [in_words(value)])
        for name, value in expected.items()
    }

    listed = {code(row[0]): row[1].replace("`", "") for row in table(INTEGRATING, "field")}

    assert listed == words


def test_what_a_401_points_to_is_there() -> None:
    words = tokens.Unauthorized().issues[0].diagnostics
    page, heading = re.search(r"See (\S+), (.+)\.$", words).groups()

    assert f"\n## {heading}\n" in read(page)


def test_integrating_lists_every_service(client: FlaskClient) -> None:
    services = client.get("/cds-services").get_json()["services"]

    listed = [(code(row[0]), code(row[1])) for row in table(INTEGRATING, "hook")]

    assert listed == [(service["hook"], service["id"]) for service in services]


def test_integrating_lists_every_override_reason() -> None:
    system = json.loads(read("code_systems/override-reasons.json"))

    listed = [(code(row[0]), row[1]) for row in table(INTEGRATING, "code")]

    assert listed == [(concept["code"], concept["display"]) for concept in system["concept"]]
    assert system["url"] in INTEGRATING
