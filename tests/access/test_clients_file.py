"""The clients file: what it may say, and one clear error for all that is wrong with it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson
import pytest

from cds_service.access.clients import Client, ClientsError, read_clients
from cds_service.access.fhir_access import FhirPolicy

KEYS = {"issuer": "https://ehr.example.org", "jwksFile": "keys.json"}


@pytest.fixture(autouse=True)
def keys(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The file of keys that the clients of these tests name."""
    (tmp_path / "keys.json").write_bytes(b'{"keys":[]}')
    monkeypatch.chdir(tmp_path)


def written(tmp_path: Path, document: Any) -> Path:
    path = tmp_path / "clients.json"
    path.write_bytes(document if isinstance(document, bytes) else orjson.dumps(document))
    return path


def error_of(path: Path) -> str:
    with pytest.raises(ClientsError) as error:
        read_clients(path)
    return str(error.value)


def test_without_a_file_there_are_no_clients() -> None:
    assert read_clients(None) == ()


def test_a_file_may_list_nobody(tmp_path: Path) -> None:
    assert read_clients(written(tmp_path, {"clients": []})) == ()


def test_what_is_left_out_is_strict(tmp_path: Path) -> None:
    (client,) = read_clients(written(tmp_path, {"clients": [{"id": "ehr", **KEYS}]}))

    assert client.algorithms == ("ES384", "RS384")
    assert (client.audiences, client.tenants, client.fhir_servers) == ((), (), ())
    assert client.fhir_policy(development=False) == FhirPolicy()


def test_a_whole_client_is_read(tmp_path: Path) -> None:
    whole = {
        "id": "ehr-1.example_org",
        "issuer": "https://ehr.example.org",
        "jwksUrl": "https://ehr.example.org/keys",
        "algorithms": ["RS384"],
        "audiences": ["https://cds.example.org"],
        "tenants": ["north"],
        "fhirServers": ["https://fhir.example.org/r4"],
        "allowPrivateAddresses": True,
        "selectionBehaviors": ["any"],
        "specification": "1.0",
    }

    (client,) = read_clients(written(tmp_path, {"clients": [whole]}))

    assert client == Client.model_validate(whole)
    assert str(client.jwks_url) == "https://ehr.example.org/keys"
    assert client.fhir_policy(development=False) == FhirPolicy(
        ("https://fhir.example.org/r4",), allow_private=True, allow_http=False
    )


@pytest.mark.requirement("6.1")
@pytest.mark.parametrize("private", [False, True])
def test_plain_http_is_for_development_only(private: bool) -> None:
    client = Client.model_validate({"id": "ehr", "allowPrivateAddresses": private})

    assert client.fhir_policy(development=False) == FhirPolicy((), private, allow_http=False)
    assert client.fhir_policy(development=True) == FhirPolicy((), True, allow_http=True)


def one(**changes: Any) -> dict[str, Any]:
    return {"clients": [{"id": "ehr", **KEYS, **changes}]}


ONE_OF_THEM = "an issuer needs a name, and jwksFile or jwksUrl, one of them"
BAD: dict[str, tuple[Any, str]] = {
    "empty": (b"", "JSON"),
    "not-json": (b"clients: []", "JSON"),
    "truncated": (b'{"clients": [', "JSON"),
    "not-utf8": (b'{"clients": ["\xff"]}', "JSON"),
    "null": (b"null", ""),
    "list": ([], ""),
    "no-clients": ({}, "clients: Field required"),
    "clients-null": ({"clients": None}, "clients: "),
    "clients-object": ({"clients": {"id": "ehr"}}, "clients: "),
    "client-text": ({"clients": ["ehr"]}, "clients.0: "),
    "another-key": ({"clients": [], "version": 1}, "version: "),
    "another-field": (one(jwks="x"), "clients.0.jwks: "),
    "misspelt": (one(fhirserver=[]), "clients.0.fhirserver: "),
    "no-id": ({"clients": [KEYS]}, "clients.0.id: Field required"),
    "empty-id": (one(id=""), "clients.0.id: "),
    "spaced-id": (one(id="an ehr"), "clients.0.id: "),
    "slashed-id": (one(id="a/b"), "clients.0.id: "),
    "newline-id": (one(id="ehr\n"), "clients.0.id: "),
    "long-id": (one(id="x" * 65), "clients.0.id: "),
    "number-id": (one(id=5), "clients.0.id: "),
    "null-id": (one(id=None), "clients.0.id: "),
    "number-issuer": (one(issuer=5), "clients.0.issuer: "),
    "empty-issuer": (one(issuer=""), ONE_OF_THEM),
    "blank-issuer": (one(issuer=" "), ONE_OF_THEM),
    "no-issuer": (one(issuer=None), "jwksFile and jwksUrl belong to an issuer"),
    "no-keys": (one(jwksFile=None), ONE_OF_THEM),
    "two-keys": (one(jwksUrl="https://ehr.example.org/keys"), ONE_OF_THEM),
    "odd-url": (one(jwksFile=None, jwksUrl="not a url"), "clients.0.jwksUrl: "),
    "file-url": (one(jwksFile=None, jwksUrl="file:///keys"), "clients.0.jwksUrl: "),
    "no-host-url": (one(jwksFile=None, jwksUrl="https://"), "clients.0.jwksUrl: "),
    "http-url": (one(jwksFile=None, jwksUrl="http://ehr.example.org/keys"), "must be an https URL"),
    "user-url": (one(jwksFile=None, jwksUrl="https://me@ehr.example.org/keys"), "https URL"),
    "no-file": (one(jwksFile="nowhere.json"), "clients.0.jwksFile: "),
    "folder-file": (one(jwksFile="."), "there is no such file"),
    "number-file": (one(jwksFile=5), "clients.0.jwksFile: "),
    "no-algorithm": (one(algorithms=[]), "clients.0.algorithms: "),
    "symmetric": (one(algorithms=["ES384", "HS256"]), "clients.0.algorithms.1: "),
    "algorithm-text": (one(algorithms="ES384"), "clients.0.algorithms: "),
    "audience-text": (one(audiences="https://x"), "clients.0.audiences: "),
    "audience-number": (one(audiences=[5]), "clients.0.audiences.0: "),
    "audience-empty": (one(audiences=[""]), "clients.0.audiences: "),
    "tenant-empty": (one(tenants=["north", " "]), "clients.0.tenants: "),
    "tenant-text": (one(tenants="north"), "clients.0.tenants: "),
    "servers-text": (one(fhirServers="https://x"), "clients.0.fhirServers: "),
    "server-null": (one(fhirServers=[None]), "clients.0.fhirServers.0: "),
    "server-word": (one(fhirServers=["not a url"]), "clients.0.fhirServers: "),
    "server-empty": (one(fhirServers=[""]), "clients.0.fhirServers: "),
    "server-port": (one(fhirServers=["https://fhir.example.org:99999/r4"]), "must be base URLs"),
    "server-bracket": (one(fhirServers=["https://[::1/r4"]), "must be base URLs"),
    "server-http": (one(fhirServers=["http://fhir.example.org/r4"]), "must be https URLs"),
    "server-user": (one(fhirServers=["https://me:pw@fhir.example.org/r4"]), "without user"),
    "server-query": (one(fhirServers=["https://fhir.example.org/r4?x=1"]), "must be base URLs"),
    "private-word": (one(allowPrivateAddresses="perhaps"), "clients.0.allowPrivateAddresses: "),
    "specification": (one(specification="4.0"), "clients.0.specification: "),
    "same-id": (
        {"clients": [{"id": "ehr"}, {"id": "ehr"}, {"id": "b"}]},
        "id used twice: ehr",
    ),
    "same-issuer": (
        {"clients": [{"id": "a", **KEYS}, {"id": "b", **KEYS}]},
        "issuer used twice: https://ehr.example.org",
    ),
}


@pytest.mark.requirement("6.11")
@pytest.mark.parametrize(("document", "words"), BAD.values(), ids=BAD)
def test_a_bad_file_is_one_clear_error(document: Any, words: str, tmp_path: Path) -> None:
    path = written(tmp_path, document)

    said = error_of(path)

    assert said.startswith(f"{path}: ")
    assert words in said
    assert "pydantic" not in said
    assert len(said.splitlines()) == 1


BAD_ENTRY = {
    "none-algorithm": (one(algorithms=["none"]), "clients.0.algorithms.0: "),
    "rs256": (one(algorithms=["RS256"]), "clients.0.algorithms.0: "),
    "behavior": (one(selectionBehaviors=["all"]), "clients.0.selectionBehaviors.0: "),
}


@pytest.mark.requirement("6.6")
@pytest.mark.requirement("6.11")
@pytest.mark.parametrize(("document", "words"), BAD_ENTRY.values(), ids=BAD_ENTRY)
def test_a_list_of_nothing_known_is_refused(document: Any, words: str, tmp_path: Path) -> None:
    path = written(tmp_path, document)

    lines = error_of(path).splitlines()

    assert lines[0].startswith(f"{path}: {words}")


def test_all_that_is_wrong_is_said_at_once(tmp_path: Path) -> None:
    path = written(tmp_path, {"clients": [{"id": ""}, {"id": "b", "tenants": 5, "x": 1}]})

    lines = error_of(path).splitlines()

    assert len(lines) == 3
    assert all(line.startswith(f"{path}: clients.") for line in lines)


@pytest.mark.parametrize("name", ["missing.json", "."])
def test_a_file_that_cannot_be_read_is_said(name: str, tmp_path: Path) -> None:
    path = tmp_path / name

    assert error_of(path).startswith(f"{path}: cannot be read: ")


def test_a_client_cannot_be_changed() -> None:
    client = Client(id="ehr")

    with pytest.raises(ValueError, match="frozen"):
        client.id = "other"  # type: ignore[misc]


# -- the form as a SMART app --------------------------------------------------------------------

SMART = {"issuer": "https://fhir.example.org/r4/", "clientId": "form"}


def smart_error(tmp_path: Path, **changes: Any) -> str:
    entry = {"id": "ehr", "smart": SMART | changes}
    return error_of(written(tmp_path, {"clients": [entry]}))


def test_a_smart_app_is_public_unless_it_has_a_secret(tmp_path: Path) -> None:
    (tmp_path / "app.secret").write_text(" s e c r e t \n")
    secretive = SMART | {"issuer": "https://other.example.org", "clientSecretFile": "app.secret"}
    entries = [{"id": "a", "smart": SMART}, {"id": "b", "smart": secretive}]
    public, confidential = read_clients(written(tmp_path, {"clients": entries}))

    assert public.smart is not None and public.smart.secret() is None
    assert confidential.smart is not None
    secret = confidential.smart.secret()
    assert secret is not None and secret.get_secret_value() == "s e c r e t"


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"issuer": "http://fhir.example.org"}, "must be https URLs"),
        ({"issuer": "https://fhir.example.org?x=y"}, "without user, query or fragment"),
        ({"clientId": ""}, "smart.clientId"),
        ({"clientSecretFile": "missing"}, "there is no such file"),
        ({"scopes": ["two words"]}, "smart.scopes"),
        ({"secret": "in the file"}, "smart.secret"),
    ],
    ids=["http", "query", "nameless", "no-file", "scope", "secret"],
)
def test_a_smart_app_that_cannot_work(changes: dict[str, Any], words: str, tmp_path: Path) -> None:
    assert words in smart_error(tmp_path, **changes)


def test_an_empty_secret_is_none_anybody_chose(tmp_path: Path) -> None:
    (tmp_path / "empty").write_text("\n")

    assert "the file is empty" in smart_error(tmp_path, clientSecretFile="empty")


def test_one_ehr_is_one_entry_however_it_is_written(tmp_path: Path) -> None:
    again = SMART | {"issuer": "https://FHIR.example.org:443/r4"}
    entries = [{"id": "a", "smart": SMART}, {"id": "b", "smart": again}]

    assert "smart.issuer used twice" in error_of(written(tmp_path, {"clients": entries}))
