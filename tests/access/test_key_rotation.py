"""Key sets that change, and addresses that fail to give them."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from cds_service.access.clients import Client
from cds_service.access.key_sets import COOL_DOWN_SECONDS, KEEP_SECONDS
from cds_service.access.tokens import Verifier
from tests.access.signing import (
    by_ec,
    client_of,
    ec_key,
    good_keys,
    heading,
    jwk,
    refuse,
    rs384,
    rsa_key,
    token,
    verifier_of,
    verify,
    write_keys,
)
from tests.support.hostile_fhir import HostileServer

requirement = pytest.mark.requirement
Later = Callable[[float], None]


@requirement("6.12")
def test_a_new_key_is_found_after_the_cool_down(key_file: Path, later: Later) -> None:
    verifier = verifier_of(client_of(key_file))
    new = {"header": heading(kid="new"), "sign": by_ec(ec_key("new"))}
    assert verify(verifier, token())
    write_keys(key_file, *good_keys(), jwk(ec_key("new"), "new"))

    refuse(verifier, f"Bearer {token(**new)}")
    later(COOL_DOWN_SECONDS + 1)

    assert verify(verifier, token(**new))
    assert verify(verifier, token())


@requirement("6.12")
def test_a_key_that_was_taken_out_ends_when_the_set_is_read_again(
    key_file: Path, later: Later
) -> None:
    verifier = verifier_of(client_of(key_file))
    assert verify(verifier, token())
    write_keys(key_file, jwk(rsa_key(), "rsa"))

    assert verify(verifier, token())
    later(KEEP_SECONDS + 1)

    refuse(verifier, f"Bearer {token()}")
    assert verify(verifier, rs384())


@requirement("6.12")
def test_an_empty_set_revokes_all_keys(key_file: Path, later: Later) -> None:
    verifier = verifier_of(client_of(key_file))
    assert verify(verifier, token())
    write_keys(key_file)

    later(KEEP_SECONDS + 1)

    refuse(verifier, f"Bearer {token()}")


@requirement("6.12")
def test_a_set_is_read_once_for_many_calls(served: Verifier, server: HostileServer) -> None:
    for _ in range(20):
        assert verify(served, token())

    assert server.targets == ["/fhir/keys"]


@requirement("6.12")
def test_unknown_kids_cannot_drive_calls(
    served: Verifier, server: HostileServer, later: Later
) -> None:
    for n in range(20):
        refuse(served, f"Bearer {token(header=heading(kid=f'guess-{n}'))}")
    assert len(server.seen) == 1

    later(COOL_DOWN_SECONDS + 1)
    for n in range(20):
        refuse(served, f"Bearer {token(header=heading(kid=f'guess-{n}'))}")
    assert len(server.seen) == 2


@requirement("6.12")
def test_a_set_is_read_again_after_an_hour(
    served: Verifier, server: HostileServer, later: Later
) -> None:
    assert verify(served, token())
    later(KEEP_SECONDS + 1)
    assert verify(served, token())

    assert len(server.seen) == 2


@requirement("6.12")
def test_many_at_once_read_the_set_once(served: Verifier, server: HostileServer) -> None:
    passed: list[Client] = []
    tokens = [token() for _ in range(12)]
    start = threading.Barrier(len(tokens))

    def call(text: str) -> None:
        start.wait()
        passed.append(verify(served, text))

    threads = [threading.Thread(target=call, args=(text,)) for text in tokens]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(passed) == len(tokens)
    assert len(server.seen) == 1
