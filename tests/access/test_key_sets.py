"""Key sets: which keys count, how they are read, and when they are read again."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import orjson
import pytest

from cds_service.access.key_sets import (
    BACK_OFF_SECONDS,
    COOL_DOWN_SECONDS,
    KEEP_SECONDS,
    MAX_BYTES,
    REFRESH_SECONDS,
    TIMEOUT_SECONDS,
)
from cds_service.access.tokens import Verifier
from tests.access.signing import (
    by_ec,
    by_rsa,
    by_secret,
    by_url,
    client_of,
    ec_key,
    ed_key,
    good_keys,
    heading,
    jwk,
    pem,
    refuse,
    rs384,
    rsa_key,
    token,
    verifier_of,
    verify,
    write_keys,
)
from tests.support.hostile_fhir import (
    Answer,
    HostileServer,
    drip,
    drip_body,
    endless,
    hang,
    redirect,
    resource,
    status,
    until,
)

requirement = pytest.mark.requirement
Later = Callable[[float], None]


# -- which keys count ----------------------------------------------------------------------

UNFIT: dict[str, Callable[[], list[dict[str, Any]]]] = {
    "none": lambda: [],
    "two-of-one-kid": lambda: [jwk(ec_key(), "ec"), jwk(ec_key("other"), "ec")],
    "the-same-twice": lambda: [jwk(ec_key(), "ec"), jwk(ec_key(), "ec")],
    "two-types-of-one-kid": lambda: [jwk(ec_key(), "ec"), jwk(rsa_key(), "ec")],
    "rsa-under-the-kid": lambda: [jwk(rsa_key(), "ec")],
    "rsa-calling-itself-es384": lambda: [jwk(rsa_key(), "ec", alg="ES384")],
    "p-256": lambda: [jwk(ec_key("small", "P-256"), "ec")],
    "p-256-calling-itself-es384": lambda: [jwk(ec_key("small", "P-256"), "ec", alg="ES384")],
    "p-521": lambda: [jwk(ec_key("large", "P-521"), "ec")],
    "p-256-said-to-be-p-384": lambda: [jwk(ec_key("small", "P-256"), "ec", crv="P-384")],
    "ed25519": lambda: [jwk(ed_key(), "ec")],
    "for-es256": lambda: [jwk(ec_key(), "ec", alg="ES256")],
    "for-hs256": lambda: [jwk(ec_key(), "ec", alg="HS256")],
    "for-rs384": lambda: [jwk(ec_key(), "ec", alg="RS384")],
    "unknown-alg": lambda: [jwk(ec_key(), "ec", alg="XX999")],
    "list-alg": lambda: [jwk(ec_key(), "ec", alg=["ES384"])],
    "no-alg-at-all": lambda: [jwk(ec_key(), "ec", alg="none")],
    "number-alg": lambda: [jwk(ec_key(), "ec", alg=5)],
    "for-encryption": lambda: [jwk(ec_key(), "ec", use="enc")],
    "operation-encrypt": lambda: [jwk(ec_key(), "ec", key_ops=["encrypt"])],
    "no-operation": lambda: [jwk(ec_key(), "ec", key_ops=[])],
    "no-kid": lambda: [{k: v for k, v in jwk(ec_key(), "ec").items() if k != "kid"}],
    "number-kid": lambda: [jwk(ec_key(), "ec") | {"kid": 5}],
    "list-kid": lambda: [jwk(ec_key(), "ec") | {"kid": ["ec"]}],
    "no-type": lambda: [jwk(ec_key(), "ec", kty=None)],
    "unknown-type": lambda: [jwk(ec_key(), "ec", kty="XX")],
    "oct": lambda: [{"kty": "oct", "kid": "ec", "k": "AAAA", "alg": "HS384"}],
    "oct-calling-itself-es384": lambda: [{"kty": "oct", "kid": "ec", "k": "AA", "alg": "ES384"}],
    "no-point": lambda: [jwk(ec_key(), "ec", x=None)],
    "short-point": lambda: [jwk(ec_key(), "ec", x="AAAA")],
    "odd-point": lambda: [jwk(ec_key(), "ec", x=5, y=[])],
    "point-off-the-curve": lambda: [jwk(ec_key(), "ec", x=jwk(ec_key("other"), "x")["x"])],
    "unknown-curve": lambda: [jwk(ec_key(), "ec", crv="P-999")],
    "empty-object": lambda: [{}],
}


@requirement("6.5")
@requirement("6.12")
@pytest.mark.parametrize("keys", UNFIT.values(), ids=UNFIT)
def test_a_key_that_does_not_fit_verifies_nothing(
    keys: Callable[[], list[dict[str, Any]]], tmp_path: Path
) -> None:
    verifier = verifier_of(client_of(write_keys(tmp_path / "keys.json", *keys())))

    for sign in (
        by_ec(),
        by_ec(ec_key("small", "P-256")),
        by_ec(ec_key("large", "P-521")),
        by_secret(b"\x00\x00\x00", "sha384"),
        by_secret(pem(ec_key()), "sha384"),
    ):
        refuse(verifier, f"Bearer {token(sign=sign)}")
        refuse(verifier, f"Bearer {token(header=heading(alg='RS384'), sign=sign)}")
    refuse(verifier, f"Bearer {token(sign=by_rsa())}")


@requirement("6.12")
@pytest.mark.parametrize("keys", UNFIT.values(), ids=UNFIT)
def test_a_key_that_does_not_fit_is_no_harm_to_another(
    keys: Callable[[], list[dict[str, Any]]], tmp_path: Path
) -> None:
    mixed = write_keys(tmp_path / "keys.json", *keys(), jwk(rsa_key(), "rsa"))

    assert verify(verifier_of(client_of(mixed)), rs384())


@pytest.mark.parametrize(
    "more",
    [
        {},
        {"alg": "ES384"},
        {"use": None},
        {"x5t": "x", "ext": True},
        {"key_ops": ["sign", "verify"]},
    ],
)
def test_a_fitting_key_may_be_described_in_several_ways(
    more: dict[str, Any], tmp_path: Path
) -> None:
    keys = write_keys(tmp_path / "keys.json", jwk(ec_key(), "ec", **more))

    assert verify(verifier_of(client_of(keys)), token())


NOT_A_SET = {
    "empty": b"",
    "html": b"<html></html>",
    "truncated": b'{"keys":[{"kty":',
    "not-utf8": b'{"keys":["\xff"]}',
    "null": b"null",
    "list": b"[]",
    "text": b'"keys"',
    "no-keys": b"{}",
    "keys-null": b'{"keys":null}',
    "keys-text": b'{"keys":"ec"}',
    "keys-object": b'{"keys":{"kid":"ec"}}',
    "odd-keys": b'{"keys":[null,5,"x",[]]}',
    "deep": b"[" * 50_000,
}


@requirement("6.12")
@pytest.mark.parametrize("data", NOT_A_SET.values(), ids=NOT_A_SET)
def test_a_file_that_is_no_key_set_verifies_nothing(data: bytes, tmp_path: Path) -> None:
    path = tmp_path / "keys.json"
    path.write_bytes(data)

    refuse(verifier_of(client_of(path)), f"Bearer {token()}")


@requirement("6.12")
@pytest.mark.parametrize("instead", ["nothing", "a-folder"])
def test_a_file_that_can_no_longer_be_read_verifies_nothing(instead: str, key_file: Path) -> None:
    verifier = verifier_of(client_of(key_file))
    key_file.unlink()
    if instead == "a-folder":
        key_file.mkdir()

    refuse(verifier, f"Bearer {token()}")


@requirement("6.5")
@requirement("6.12")
@pytest.mark.parametrize("size", [1024, 2047])
def test_a_weak_key_verifies_nothing(size: int, tmp_path: Path) -> None:
    key = rsa_key("weak", size)
    verifier = verifier_of(client_of(write_keys(tmp_path / "keys.json", jwk(key, "rsa"))))

    refuse(verifier, f"Bearer {token(header=heading(alg='RS384', kid='rsa'), sign=by_rsa(key))}")


# -- an address ----------------------------------------------------------------------------


@requirement("6.12")
def test_keys_may_be_at_an_address(served: Verifier, server: HostileServer) -> None:
    assert verify(served, token())
    assert verify(served, rs384())
    assert "authorization" not in server.seen[0].headers


@requirement("6.4")
def test_a_token_may_name_the_address_that_is_configured(
    served: Verifier, server: HostileServer
) -> None:
    address = f"{server.base}/keys"

    assert verify(served, token(header=heading(jku=address)))
    for jku in (f"{address}/", f"{address}?x", address.replace("127.0.0.1", "localhost"), "", None):
        refuse(served, f"Bearer {token(header=heading(jku=jku))}")
    assert server.targets == ["/fhir/keys"]


@requirement("6.4")
def test_the_address_a_token_names_is_compared_as_it_was_written(server: HostileServer) -> None:
    server.answers["/"] = resource({"keys": good_keys()})
    verifier = verifier_of(by_url(server.origin))

    assert verify(verifier, token(header=heading(jku=server.origin)))
    refuse(verifier, f"Bearer {token(header=heading(jku=f'{server.origin}/'))}")


BROKEN: dict[str, Answer] = {
    "404": status(404),
    "500": status(500, orjson.dumps({"keys": []})),
    "204": status(204),
    "html": status(200, b"<html>"),
    "endless": endless(b" " * 65_536),
    "too-large": status(200, b'{"keys":[]}' + b" " * MAX_BYTES),
    "hang": hang(),
    "drip-head": drip(b"HTTP/1.1 200 OK\r\nX: " + b"y" * 1_000, every=0.05),
    "drip-body": drip_body(b" " * 10_000, every=0.05),
    "packed": status(200, orjson.dumps({"keys": []}), Content_Encoding="gzip"),
}


@requirement("6.12")
@pytest.mark.parametrize("answer", BROKEN.values(), ids=BROKEN)
def test_an_address_that_does_not_give_keys_refuses_in_time(
    answer: Answer, server: HostileServer
) -> None:
    server.on("keys", answer)
    verifier = verifier_of(by_url(f"{server.base}/keys"))
    began = time.monotonic()

    refuse(verifier, f"Bearer {token()}")

    assert time.monotonic() - began < TIMEOUT_SECONDS + 1
    assert len(server.seen) == 1


@requirement("6.12")
@pytest.mark.parametrize("code", [301, 302, 307, 308])
def test_redirects_to_other_keys_are_not_followed(code: int, server: HostileServer) -> None:
    server.on("elsewhere", resource({"keys": good_keys()}))
    server.on("keys", redirect(f"{server.base}/elsewhere", code))

    refuse(verifier_of(by_url(f"{server.base}/keys")), f"Bearer {token()}")

    assert server.targets == ["/fhir/keys"]


@requirement("6.12")
def test_nobody_there_refuses(server: HostileServer) -> None:
    with HostileServer() as gone:
        address = f"{gone.base}/keys"

    refuse(verifier_of(by_url(address)), f"Bearer {token()}")


@requirement("6.12")
def test_the_last_keys_are_kept_for_an_hour_while_the_address_is_down(
    served: Verifier, server: HostileServer, later: Later
) -> None:
    assert verify(served, token())
    server.on("keys", status(503))
    later(KEEP_SECONDS - 60)

    assert verify(served, token())
    refuse(served, f"Bearer {token(header=heading(kid='new'))}")
    assert len(server.seen) == 2

    later(61)
    refuse(served, f"Bearer {token()}")  # it may have been taken out of the set meanwhile


@requirement("6.12")
def test_a_key_server_that_hangs_holds_one_thread(
    served: Verifier,
    server: HostileServer,
    later: Later,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("cds_service.access.key_sets.TIMEOUT_SECONDS", 60.0)
    assert verify(served, token())
    server.on("keys", hang())
    later(COOL_DOWN_SECONDS + 1)
    with ThreadPoolExecutor(1) as reader:
        waiting = reader.submit(refuse, served, f"Bearer {token(header=heading(kid='first'))}")
        until(lambda: len(server.seen) > 1)

        for n in range(20):  # each would otherwise wait for the reader
            refuse(served, f"Bearer {token(header=heading(kid=f'unknown-{n}'))}")
        assert verify(served, token())  # and so do calls whose key is at hand
        assert not waiting.done()

        server.closing.set()
        waiting.result()
    assert len(server.seen) == 2


@requirement("6.12")
def test_keys_come_back_soon_after_a_failure(server: HostileServer, later: Later) -> None:
    verifier = verifier_of(by_url(f"{server.base}/keys"))
    server.on("keys", status(503))
    for _ in range(20):
        refuse(verifier, f"Bearer {token()}")
    assert len(server.seen) == 1
    server.on("keys", resource({"keys": good_keys()}))

    later(BACK_OFF_SECONDS + 1)

    assert BACK_OFF_SECONDS < COOL_DOWN_SECONDS
    assert verify(verifier, token())
    assert len(server.seen) == 2


@requirement("6.12")
def test_old_keys_are_asked_for_again_soon_after_a_failure(
    served: Verifier, server: HostileServer, later: Later
) -> None:
    assert verify(served, token())
    server.on("keys", status(503))
    later(REFRESH_SECONDS + 1)
    assert verify(served, token())
    server.on("keys", resource({"keys": [jwk(ec_key("new"), "new")]}))

    later(BACK_OFF_SECONDS + 1)

    refuse(served, f"Bearer {token()}")
    assert verify(served, token(header=heading(kid="new"), sign=by_ec(ec_key("new"))))
    assert len(server.seen) == 3


@requirement("6.12")
def test_a_private_key_address_needs_the_operators_leave(server: HostileServer) -> None:
    server.on("keys", resource({"keys": good_keys()}))
    client = by_url(f"{server.base}/keys", allowPrivateAddresses=False)

    refuse(verifier_of(client), f"Bearer {token()}")

    assert server.seen == []
