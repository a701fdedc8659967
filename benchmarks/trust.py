"""What the token check and the store add to a call, in CPU time."""

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import count, cycle
from pathlib import Path
from tempfile import TemporaryDirectory

import jwt
import orjson
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from jwt.algorithms import ECAlgorithm, RSAAlgorithm

from benchmarks.table import Row, cpu_ms
from cds_service.access.clients import Client
from cds_service.access.tokens import Verifier
from cds_service.hooks.feedback import parse_feedback
from cds_service.store import CallRecord, CardRecord, CardState, Store
from cds_service.store.migrations import upgrade

ISSUER = "https://ehr.example.org"
AUDIENCE = "https://example.org/cds-services/bench"
PATIENT = "person"
SERVICE = "bench"
CARDS, SUGGESTIONS = 6, 4  # of a call, and of a card
HISTORY = 500  # calls written before anything is timed
TOKENS = 60  # made before, for the timing is of the check alone
WINDOW = timedelta(days=90)


def trust_and_store() -> list[Row]:
    """The parts, and their sum beside the budget."""
    now = datetime.now(UTC)
    with TemporaryDirectory() as name, _store(Path(name), now) as store:
        verifier, tokens = _clients(Path(name), now)
        others = (f"another-{number}" for number in count())
        expires, keys = now + timedelta(minutes=5), [_key(place) for place in range(CARDS)]

        def verify(algorithm: str) -> None:
            verifier.verify(next(tokens[algorithm]), (AUDIENCE,), now)

        times = cpu_ms(
            {
                "ES384": lambda: verify("ES384"),
                "RS384": lambda: verify("RS384"),
                "claim": lambda: store.claim_jti(ISSUER, str(uuid.uuid4()), expires, now),
                "settled": lambda: store.past_reactions(keys),
                "record": lambda: store.record_call(_call(now, next(others))),
            }
        )
        lost = sum(store.failures.values())
    if lost:
        raise RuntimeError(f"the store failed {lost} times: its times mean nothing")
    stored = times["claim"] + times["settled"] + times["record"]
    return [
        Row("token checked, ES384", times["ES384"], "ms"),
        Row("token checked, RS384 (2048 bits)", times["RS384"], "ms"),
        Row("token id claimed", times["claim"], "ms", note="SQLite"),
        Row("settled cards looked up", times["settled"], "ms", note=f"{CARDS} cards"),
        Row("call recorded", times["record"], "ms", note=f"{CARDS} cards"),
        Row("JWT check + store, ES384", times["ES384"] + stored, "ms", 3),
        Row("JWT check + store, RS384", times["RS384"] + stored, "ms", 3),
    ]


# -- tokens --------------------------------------------------------------------------------


def _clients(folder: Path, now: datetime) -> tuple[Verifier, dict[str, Iterator[str]]]:
    """A verifier of one client with a key of each kind, and headers it accepts."""
    private = {
        "ES384": ec.generate_private_key(ec.SECP384R1()),
        "RS384": rsa.generate_private_key(public_exponent=65537, key_size=2048),
    }
    readers = {"ES384": ECAlgorithm, "RS384": RSAAlgorithm}
    keys = [
        {**readers[name].to_jwk(key.public_key(), as_dict=True), "kid": name, "alg": name}
        for name, key in private.items()
    ]
    path = folder / "keys.json"
    path.write_bytes(orjson.dumps({"keys": keys}))
    client = Client(id="bench", issuer=ISSUER, jwks_file=path)
    # Whether an id is new is asked of the store, which is timed by itself.
    verifier = Verifier((client,), lambda *_: True)
    return verifier, {name: cycle(_headers(name, key, now)) for name, key in private.items()}


def _headers(algorithm: str, key: object, now: datetime) -> list[str]:
    at = int(now.timestamp())
    claims = {"iss": ISSUER, "aud": AUDIENCE, "iat": at, "exp": at + 300}
    return [
        "Bearer "
        + jwt.encode(
            {**claims, "jti": str(uuid.uuid4())}, key, algorithm, {"kid": algorithm, "typ": "JWT"}
        )
        for _ in range(TOKENS)
    ]


# -- the store -----------------------------------------------------------------------------


@contextmanager
def _store(folder: Path, now: datetime) -> Iterator[Store]:
    """SQLite with calls of some people in it, and one settled card of ours."""
    url = f"sqlite:///{folder / 'bench.sqlite3'}"
    upgrade(url)
    store = Store(url, b"only-for-the-benchmark")
    try:
        store.warm_up()
        for person in range(HISTORY):
            store.record_call(_call(now, f"other-{person}"))
        ours = _call(now)
        store.record_call(ours)
        overridden = {
            "card": ours.cards[0].uuid,
            "outcome": "overridden",
            "outcomeTimestamp": now.isoformat(),
        }
        store.save_feedback(SERVICE, SERVICE, parse_feedback({"feedback": [overridden]}).items, now)
        yield store
    finally:
        store.close()


_numbers = count()


def _call(now: datetime, patient: str = PATIENT) -> CallRecord:
    """A call as the desk writes it; every one has ids of its own."""
    instance = uuid.UUID(int=next(_numbers))
    cards = tuple(_card(instance, place, patient) for place in range(CARDS))
    record = CallRecord(
        at=now,
        service=SERVICE,
        hook="patient-view",
        hook_instance=str(instance),
        client=SERVICE,
        content_version="1.0.0",
        patient_id=patient,
        cards=cards,
        timings={"facts": 0.51, "cards": 3.24},
    )
    return replace(record, answered=20, unanswered=8)


def _card(instance: uuid.UUID, place: int, patient: str) -> CardRecord:
    return CardRecord(
        uuid=str(uuid.uuid5(instance, str(place))),
        card=f"card-{place}",
        sources=(f"rule-{place}", f"rule-{place + 1}"),
        indicator="info",
        state=CardState.SHOWN,
        repeat_key=_key(place, patient),
        suggestions={str(uuid.uuid5(instance, f"{place}.{n}")): str(n) for n in range(SUGGESTIONS)},
    )


def _key(place: int, patient: str = PATIENT) -> str:
    """Stands for the keyed hash that the desk makes of a card."""
    return uuid.uuid5(uuid.NAMESPACE_URL, f"{patient}/{place}").hex
