"""Tokens that do not pass, whatever is wrong with them, and what a refusal costs."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cds_service.access.tokens import MAX_TOKEN, Verifier
from tests.access.signing import (
    ABSENT,
    AUDIENCE,
    ISSUER,
    Sign,
    Soon,
    b64,
    by_ec,
    by_pss,
    by_rsa,
    by_secret,
    claims,
    client_of,
    ec_key,
    ed_key,
    heading,
    jwk,
    not_at_all,
    pem,
    refuse,
    rs384,
    rsa_key,
    token,
    verifier_of,
    verify,
    write_keys,
)
from tests.support.hostile_fhir import HostileServer, status

YEARS = 10 * 365 * 86_400
requirement = pytest.mark.requirement


@requirement("6.3")
@pytest.mark.parametrize(
    "header",
    [
        lambda good: None,
        lambda good: "",
        lambda good: " ",
        lambda good: "Bearer",
        lambda good: "Bearer ",
        lambda good: "Bearer  ",
        lambda good: good,
        lambda good: f"Basic {good}",
        lambda good: f"Token {good}",
        lambda good: f"JWT {good}",
        lambda good: f"Bearer:{good}",
        lambda good: f"Bearer={good}",
        lambda good: f"Bearer\t{good}",
        lambda good: f" Bearer {good}",
        lambda good: f"Bearer {good}, Bearer {good}",
        lambda good: f"Bearer {good} {good}",
        lambda good: f'Bearer "{good}"',
        lambda good: f"Bearer Bearer {good}",
        lambda good: f"Bеarer {good}",  # noqa: RUF001 - a letter that looks alike
    ],
    ids=[
        "none",
        "empty",
        "space",
        "scheme-only",
        "scheme-space",
        "scheme-spaces",
        "no-scheme",
        "basic",
        "token",
        "jwt",
        "colon",
        "equals",
        "tab",
        "leading-space",
        "two-values",
        "two-tokens",
        "quoted",
        "scheme-twice",
        "look-alike",
    ],
)
def test_the_header_must_be_a_bearer_token(
    header: Callable[[str], str | None], verifier: Verifier
) -> None:
    refuse(verifier, header(token()))


NOT_TOKENS = {
    "word": "garbage",
    "one-dot": "a.b",
    "dots": "..",
    "three-dots": "a.b.c.d",
    "not-base64": "!!!.???.***",
    "unicode": "é李🔥.é李🔥.é李🔥",
    "nul": "\x00.\x00.\x00",
    "empty-objects": f"{b64(b'{}')}.{b64(b'{}')}.",
    "lists": f"{b64(b'[]')}.{b64(b'[]')}.AAAA",
    "nulls": f"{b64(b'null')}.{b64(b'null')}.AAAA",
    "numbers": f"{b64(b'5')}.{b64(b'5')}.AAAA",
    "not-utf8": f"{b64(bytes([255, 254]))}.{b64(bytes([255]))}.AAAA",
    "deep-header": f"{b64(b'[' * 2500)}.{b64(b'{}')}.AAAA",
    "deep-claims": f"{b64(b'{}')}.{b64(b'[' * 2500)}.AAAA",
    "huge-number": f"{b64(b'1' * 5000)}.{b64(b'{}')}.AAAA",
    "jwe": "a.b.c.d.e",
}


@requirement("6.15")
@pytest.mark.parametrize("text", NOT_TOKENS.values(), ids=NOT_TOKENS)
def test_what_is_not_a_token_is_refused(text: str, verifier: Verifier) -> None:
    refuse(verifier, f"Bearer {text}")


HEADINGS: dict[str, dict[str, Any]] = {
    **{f"no-{name}": {name: ABSENT} for name in ("alg", "kid", "typ")},
    **{f"null-{name}": {name: None} for name in ("alg", "kid", "typ")},
    **{f"list-{name}": {name: ["ES384", "ec", "JWT"]} for name in ("alg", "kid", "typ")},
    **{f"object-{name}": {name: {"x": 1}} for name in ("alg", "kid", "typ")},
    "empty-kid": {"kid": ""},
    "number-kid": {"kid": 5},
    "unknown-kid": {"kid": "another"},
    "case-of-kid": {"kid": "EC"},
    "path-in-kid": {"kid": "../../dev/null"},
    "sql-in-kid": {"kid": "ec' OR '1'='1"},
    "kid-of-the-rsa-key": {"kid": "rsa"},
    "case-of-alg": {"alg": "es384"},
    "other-alg-name": {"alg": "RS384"},
    "typ-access-token": {"typ": "at+jwt"},
    "typ-jwe": {"typ": "JWE"},
    "crit-unknown": {"crit": ["exp-strict"], "exp-strict": True},
    "crit-b64": {"crit": ["b64"], "b64": False},
    "crit-empty": {"crit": []},
    "crit-text": {"crit": "exp"},
    "b64-alone": {"b64": False},
}


@requirement("6.4")
@pytest.mark.parametrize("changes", HEADINGS.values(), ids=HEADINGS)
def test_the_header_of_the_token_must_be_whole(changes: dict[str, Any], verifier: Verifier) -> None:
    refuse(verifier, f"Bearer {token(header=heading(**changes))}")


FORGED: dict[str, tuple[str, str, Callable[[], Sign]]] = {
    "none": ("none", "ec", lambda: not_at_all),
    "none-capital": ("None", "ec", lambda: not_at_all),
    "none-capitals": ("NONE", "rsa", lambda: not_at_all),
    "none-but-signed": ("nOnE", "ec", by_ec),
    "no-name": ("", "ec", lambda: not_at_all),
    "hs256-ec-key": ("HS256", "ec", lambda: by_secret(pem(ec_key()))),
    "hs256-rsa-key": ("HS256", "rsa", lambda: by_secret(pem(rsa_key()))),
    "hs384-rsa-key": ("HS384", "rsa", lambda: by_secret(pem(rsa_key()), "sha384")),
    "hs512-rsa-key": ("HS512", "rsa", lambda: by_secret(pem(rsa_key()), "sha512")),
    "hs256-rsa-key-no-newline": ("HS256", "rsa", lambda: by_secret(pem(rsa_key()).strip())),
    "hs256-empty": ("HS256", "ec", lambda: by_secret(b"")),
    "hs256-jwk": ("HS256", "ec", lambda: by_secret(json.dumps(jwk(ec_key(), "ec")).encode())),
    "rs256": ("RS256", "rsa", lambda: by_rsa(bits="256")),
    "rs512": ("RS512", "rsa", lambda: by_rsa(bits="512")),
    "ps384": ("PS384", "rsa", by_pss),
    "es256": ("ES256", "ec", lambda: by_ec(bits="256")),
    "es512": ("ES512", "ec", lambda: by_ec(bits="512")),
    "eddsa": ("EdDSA", "ec", lambda: ed_key().sign),
    "rs384-of-ec-kid": ("RS384", "ec", by_ec),
    "rs384-of-ec-kid-by-rsa": ("RS384", "ec", by_rsa),
    "es384-of-rsa-kid": ("ES384", "rsa", by_rsa),
    "es384-of-rsa-kid-by-ec": ("ES384", "rsa", by_ec),
    "es384-by-hmac": ("ES384", "ec", lambda: by_secret(pem(ec_key()), "sha384")),
    "rs384-by-hmac": ("RS384", "rsa", lambda: by_secret(pem(rsa_key()), "sha384")),
    "rs384-by-pss": ("RS384", "rsa", by_pss),
    "rs384-short-hash": ("RS384", "rsa", lambda: by_rsa(bits="256")),
    "es384-short-hash": ("ES384", "ec", lambda: by_ec(bits="256")),
    "es384-my-key": ("ES384", "ec", lambda: by_ec(ec_key("mine"))),
    "rs384-my-key": ("RS384", "rsa", lambda: by_rsa(rsa_key("mine"))),
    "es384-small-curve": ("ES384", "ec", lambda: by_ec(ec_key("small", "P-256"))),
    "es384-stripped": ("ES384", "ec", lambda: not_at_all),
    "rs384-stripped": ("RS384", "rsa", lambda: not_at_all),
    "es384-zeros": ("ES384", "ec", lambda: lambda data: bytes(96)),
    "es384-cut": ("ES384", "ec", lambda: lambda data: by_ec()(data)[:-1]),
    "es384-longer": ("ES384", "ec", lambda: lambda data: by_ec()(data) + b"x"),
    "es384-other-text": ("ES384", "ec", lambda: lambda data: by_ec()(data + b"x")),
}


@requirement("6.5")
@requirement("6.6")
@pytest.mark.parametrize(("alg", "kid", "sign"), FORGED.values(), ids=FORGED)
def test_only_the_listed_algorithms_with_the_right_key_pass(
    alg: str, kid: str, sign: Callable[[], Sign], verifier: Verifier
) -> None:
    refuse(verifier, f"Bearer {token(header=heading(alg=alg, kid=kid), sign=sign())}")


@requirement("6.6")
@pytest.mark.parametrize("algorithm", ["ES384", "RS384"])
def test_a_client_may_use_one_algorithm_only(algorithm: str, key_file: Path) -> None:
    verifier = verifier_of(client_of(key_file, algorithms=[algorithm]))
    passes, fails = (token(), rs384()) if algorithm == "ES384" else (rs384(), token())

    assert verify(verifier, passes)
    refuse(verifier, f"Bearer {fails}")


CLAIMS: dict[str, dict[str, Any]] = {
    **{f"no-{name}": {name: ABSENT} for name in ("iss", "aud", "exp", "iat", "jti")},
    **{f"null-{name}": {name: None} for name in ("iss", "aud", "exp", "iat", "jti")},
    **{f"object-{name}": {name: {"x": 1}} for name in ("iss", "aud", "exp", "iat", "jti")},
    **{f"list-{name}": {name: [[]]} for name in ("iss", "aud", "exp", "iat", "jti")},
    **{f"text-{name}": {name: "soon"} for name in ("exp", "iat", "nbf")},
    **{f"infinite-{name}": {name: float("inf")} for name in ("exp", "iat", "nbf")},
    **{f"nan-{name}": {name: float("nan")} for name in ("exp", "iat", "nbf")},
    "iss-unknown": {"iss": "https://mine.example"},
    "iss-slash": {"iss": f"{ISSUER}/"},
    "iss-case": {"iss": ISSUER.upper()},
    "iss-in-list": {"iss": [ISSUER]},
    "iss-empty": {"iss": ""},
    "aud-other-service": {"aud": f"{AUDIENCE}-2"},
    "aud-discovery": {"aud": "https://cds.example.org/cds-services"},
    "aud-longer": {"aud": f"{AUDIENCE}/feedback"},
    "aud-shorter": {"aud": AUDIENCE[:-1]},
    "aud-http": {"aud": AUDIENCE.replace("https", "http")},
    "aud-empty": {"aud": ""},
    "aud-empty-list": {"aud": []},
    "aud-wrong-twice": {"aud": ["https://x.example", "https://x.example"]},
    "aud-joined": {"aud": f"https://x.example {AUDIENCE}"},
    "aud-mixed-list": {"aud": [AUDIENCE, 5]},
    "aud-object": {"aud": {AUDIENCE: True}},
    "expired": {"exp": Soon(-120, int), "iat": Soon(-400, int)},
    "expired-long-ago": {"exp": 1422568860, "iat": 1311280970},
    "exp-zero": {"exp": 0},
    "exp-negative": {"exp": -1},
    "exp-true": {"exp": True},
    "exp-number-as-text": {"exp": Soon(300, str)},
    "iat-future": {"iat": Soon(600, int), "exp": Soon(900, int)},
    "iat-zero": {"iat": 0},
    "nbf-future": {"nbf": Soon(600, int)},
    "ten-years": {"exp": Soon(YEARS, int)},
    "ten-years-old": {"iat": Soon(-YEARS, int)},
    "an-hour-and-more": {"iat": Soon(0, int), "exp": Soon(3601, int)},
    "jti-empty": {"jti": ""},
    "jti-number": {"jti": 5},
    "sub-number": {"sub": 5},
}


@requirement("6.7")
@requirement("6.8")
@requirement("6.9")
@requirement("6.11")
@pytest.mark.parametrize("changes", CLAIMS.values(), ids=CLAIMS)
def test_the_claims_must_be_whole(changes: dict[str, Any], verifier: Verifier) -> None:
    refuse(verifier, f"Bearer {token(claims(**changes))}")


@requirement("6.8")
def test_the_audience_of_one_address_is_not_that_of_another(verifier: Verifier) -> None:
    refuse(verifier, f"Bearer {token()}", "https://cds.example.org/cds-services")
    refuse(verifier, f"Bearer {token()}", f"{AUDIENCE}/")


def test_what_was_signed_counts_not_what_was_added(verifier: Verifier) -> None:
    whole = token()
    header, payload, signature = whole.split(".")
    forged = b64(json.dumps(claims(iss=ISSUER, sub="admin")).encode())

    for text in (
        f"{header}.{forged}.{signature}",
        f"{b64(json.dumps(heading(x=1)).encode())}.{payload}.{signature}",
        f"{header}.{payload}.",
        f"{header}.{payload}",
        f"{header}.{payload}.{signature}.{signature}",
        f"{header}..{signature}",
        f".{payload}.{signature}",
        f"{header}.{payload}.{signature[:-4]}",
    ):
        refuse(verifier, f"Bearer {text}")
    assert verify(verifier, whole)


@requirement("6.7")
def test_a_claim_written_twice_is_read_once(verifier: Verifier) -> None:
    text = json.dumps(claims())[:-1]
    for again in (f'"aud":"{AUDIENCE}x"', '"iss":"https://x.example"', '"exp":1'):
        payload = text + "," + again + "}"
        refuse(verifier, f"Bearer {token(payload.encode())}")


@requirement("6.15")
def test_a_token_over_the_size_limit_is_refused_unread(verifier: Verifier) -> None:
    room = MAX_TOKEN - len(token(claims(pad="")))
    fits = token(claims(pad="x" * (room * 3 // 4 - 40)))
    assert MAX_TOKEN - 200 < len(fits) <= MAX_TOKEN

    assert verify(verifier, fits)
    refuse(verifier, f"Bearer {token(claims(pad='x' * MAX_TOKEN))}")
    refuse(verifier, f"Bearer {'a' * 10_000_000}")


@requirement("6.11")
@requirement("6.12")
def test_a_key_address_in_the_token_is_never_called(
    tmp_path: Path, key_file: Path, server: HostileServer
) -> None:
    mine = write_keys(tmp_path / "mine.json", jwk(ec_key("mine"), "ec"), jwk(ec_key("mine"), "m"))
    server.on("keys", status(200, mine.read_bytes()))
    jku = f"{server.base}/keys"
    verifier = verifier_of(client_of(key_file))

    for kid in ("ec", "m"):
        for more in (
            {"jku": jku},
            {"x5u": jku},
            {"jwk": jwk(ec_key("mine"), kid)},
            {"jku": jku, "jwk": jwk(ec_key("mine"), kid)},
            {"x5c": ["AAAA"]},
        ):
            refuse(
                verifier,
                f"Bearer {token(header=heading(kid=kid, **more), sign=by_ec(ec_key('mine')))}",
            )

    assert server.seen == []


@requirement("6.11")
def test_an_unknown_issuer_costs_no_call(tmp_path: Path, server: HostileServer) -> None:
    client = client_of(tmp_path, jwksFile=None, jwksUrl=f"{server.base}/keys")
    verifier = verifier_of(client)

    refuse(verifier, f"Bearer {token(claims(iss=server.origin))}")

    assert server.seen == []


def test_without_clients_nobody_passes() -> None:
    refuse(verifier_of(), f"Bearer {token()}")
    refuse(verifier_of(), None)


def test_refusals_leave_the_verifier_as_it_was(verifier: Verifier) -> None:
    for text in NOT_TOKENS.values():
        refuse(verifier, f"Bearer {text}")

    assert verify(verifier, token())
