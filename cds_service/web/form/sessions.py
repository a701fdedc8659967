"""A person's way through the form, kept on the server where nobody but their browser can read it.

The browser holds a secret (cookie ``cds_intake``; written down, it is the resume code). The store
holds a digest of the secret, an expiry and ciphertext: AES-256-GCM under a key made from the secret
by HKDF (RFC 5869). Whoever has the database and not the secret learns that a session exists, when
it ends, and about how long it is.
"""

from __future__ import annotations

import secrets
import uuid
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, fields
from datetime import datetime, timedelta
from typing import Any, TypeVar

import orjson
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from flask import Response, request

from cds_service.store import Store
from cds_service.web.form.rate_limit import RateLimit, RateLimitExceeded

T = TypeVar("T")
Answers = dict[str, list[dict[str, Any]]]

COOKIE = "cds_intake"
KEPT = timedelta(days=7)  # since the last change
KEPT_WHEN_SAVED = timedelta(hours=1)  # to show once more what was sent; it is in the record now
KEPT_WHEN_BEGUN = timedelta(hours=1)  # until a page of it was sent, or somebody signed in
MAX_BYTES = 110_000  # of a session: twice what the form can fill
MAX_SESSIONS = 20_000  # in the store, before no more are opened without a sign-in
A_MINUTE = 600  # sessions opened in one process, unless set otherwise
ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"  # Crockford's: nothing that looks like something else
LENGTH = 24  # characters of 5 bits: 120 bits
GROUP = 4
_NONCE = 12  # bytes, as AES-GCM wants them


class TooLarge(Exception):
    """More than anybody needs to say; nothing of it was kept."""


@dataclass(slots=True)
class Session:
    """One person answering one Questionnaire; everything in it can be written as JSON.

    ``questionnaire`` is canonical|version. ``answers`` maps a linkId to FHIR R4 answers such as
    ``{"valueCoding": {...}}``, in order; those of hidden items stay while the form is in progress.
    ``origins`` maps the linkId of a prefilled answer to ``source`` (words for the person) and
    ``reference`` (such as ``Condition/12``); ``confirmed`` are those that the person was shown on
    their page, and went on. ``drafts`` are form fields that could not be read as an answer, as they
    were typed. ``ehr`` is a SMART login (``EhrLogin.as_json``), ``launch`` one
    that was begun and not finished (``PendingLaunch.as_json``). ``whose`` is whom a dropped login
    was for (``issuer`` and ``patient``), ``born`` the EHR's birth date of that person,
    ``initials`` those of the name there (such as ``M. T.``), ``coded`` that the person was shown
    the secret as a code. ``sending`` is since when a save is under way, ``saved`` the id of the
    saved response, ``identifier`` a UUID that makes the response one and the same however often it
    is sent.
    ``finished`` is when the answers were sent, or finished without; ``touched`` when a page was
    last asked for after that; ``forgotten``: the answers of a sent form were deleted here.
    ``turned``: a page of questions was sent, so that somebody is at it and not a script that opens
    forms. ``emergency`` is what the emergency page shows: ``ticked``, pairs of linkId and option
    token, ``step`` where they stand, and ``next``, the page after it.
    ``notices`` are words of the form about the last thing done: a key of its texts, then linkIds.
    """

    questionnaire: str
    answers: Answers = field(default_factory=dict)
    origins: dict[str, dict[str, str]] = field(default_factory=dict)
    confirmed: list[str] = field(default_factory=list)
    drafts: dict[str, dict[str, list[str]]] = field(default_factory=dict)
    language: str = "en"
    large: bool = False
    step: int = 1
    ehr: dict[str, Any] | None = None
    launch: dict[str, Any] | None = None
    whose: dict[str, Any] | None = None
    born: str | None = None
    initials: str = ""
    coded: bool = False
    identifier: str = field(default_factory=lambda: str(uuid.uuid4()))
    sending: str | None = None
    saved: str | None = None
    finished: str | None = None
    touched: str | None = None
    forgotten: bool = False
    turned: bool = False
    emergency: dict[str, Any] | None = None
    notices: list[list[str]] = field(default_factory=list)

    def sign_out(self) -> None:
        """Drops the login; the same person can sign in again and go on."""
        if self.ehr is not None:
            self.whose = {key: self.ehr.get(key) for key in ("issuer", "patient")}
        self.ehr = self.launch = None

    def as_json(self) -> bytes:
        """The session in bytes."""
        return orjson.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: bytes) -> Session:
        """A session of these bytes; what another release wrote and this does not know is left."""
        known = {f.name for f in fields(cls)}
        return cls(**{k: v for k, v in orjson.loads(text).items() if k in known})


class Sessions:
    """Opens, reads and changes sessions; every method raises StoreUnavailable, those that write
    TooLarge.

    Safe for several workers on one database. ``clock`` gives aware datetimes; ``rate`` limits how
    many sessions open in a minute.
    """

    def __init__(
        self, store: Store, clock: Callable[[], datetime], most_a_minute: int = A_MINUTE
    ) -> None:
        self._rows, self._clock = store.sealed, clock
        self.max_sessions = MAX_SESSIONS
        self.rate = RateLimit(most_a_minute, clock)

    def open(self, session: Session, *, limited: bool = True) -> str:
        """Keeps a new session; returns its secret, which is kept nowhere here.

        Raises RateLimitExceeded; a sign-in was counted when it began (``limited`` false).
        """
        if limited:
            self.admit()
        secret, now = new_secret(), self._clock()
        cipher = _SessionCipher(secret)
        self._rows.add(cipher.digest, cipher.close(session), now + _kept(session), now)
        return secret

    def admit(self) -> None:
        """Lets one more begin without a sign-in; raises RateLimitExceeded when too many do."""
        self.rate.acquire()
        if self._rows.count(self._clock()) >= self.max_sessions:
            raise RateLimitExceeded

    def read(self, secret: str) -> Session | None:
        """The session of a secret; None when there is none, or no more."""
        cipher = _SessionCipher(secret)
        sealed = self._rows.get(cipher.digest, self._clock())
        return None if sealed is None else cipher.open(sealed)

    def change(self, secret: str, work: Callable[[Session], Session | None]) -> Session | None:
        """Reads, works and writes with nobody in between; returns what is kept now.

        ``work`` changes the session it is given and returns it, or None to leave all as it was.
        None when there is no such session.
        """
        cipher, now = _SessionCipher(secret), self._clock()

        def turn(sealed: bytes) -> tuple[tuple[bytes, datetime] | None, Session | None]:
            session = cipher.open(sealed)
            new = None if session is None else work(session)
            if new is None:
                return None, cipher.open(sealed)
            return (cipher.close(new), now + _kept(new)), new

        found = self._rows.change(cipher.digest, now, turn)
        return None if found is None else found[0]

    def drop(self, secret: str) -> None:
        """Deletes a session with all its answers."""
        self._rows.delete(_SessionCipher(secret).digest)


def _kept(session: Session) -> timedelta:
    if session.saved:
        return KEPT_WHEN_SAVED
    somebodys = session.turned or session.ehr or session.whose
    return KEPT if somebodys and (session.answers or session.drafts) else KEPT_WHEN_BEGUN


# -- secrets ---------------------------------------------------------------------------------------


def new_secret() -> str:
    """A secret of 120 bits, in letters and digits that can be read out and typed."""
    return "".join(secrets.choice(ALPHABET) for _ in range(LENGTH))


def grouped(secret: str) -> str:
    """A secret as people write it down: ``ABCD-EFGH-...``."""
    return "-".join(secret[i : i + GROUP] for i in range(0, len(secret), GROUP))


def ungrouped(typed: str) -> str | None:
    """The secret somebody typed, forgiving spaces, case and look-alikes; None if it is none."""
    plain = "".join(c for c in typed.upper() if c.isalnum())
    plain = plain.translate(str.maketrans("OIL", "011"))
    return plain if len(plain) == LENGTH and set(plain) <= set(ALPHABET) else None


def derived(secret: str, purpose: str) -> bytes:
    """32 bytes made from a secret for one purpose; they tell nothing about it or each other."""
    info = f"cds-service intake {purpose}".encode()
    return HKDF(algorithm=SHA256(), length=32, salt=None, info=info).derive(secret.encode())


class _SessionCipher:
    """A session as ciphertext and back; the digest is sealed in, so that rows cannot be swapped."""

    def __init__(self, secret: str) -> None:
        self.digest = derived(secret, "digest").hex()
        self._cipher = AESGCM(derived(secret, "key"))

    def close(self, session: Session) -> bytes:
        text = session.as_json()
        if len(text) > MAX_BYTES:
            raise TooLarge
        nonce = secrets.token_bytes(_NONCE)
        return nonce + self._cipher.encrypt(nonce, text, self.digest.encode())

    def open(self, sealed: bytes) -> Session | None:
        """None for bytes that were tampered with."""
        try:
            plain = self._cipher.decrypt(sealed[:_NONCE], sealed[_NONCE:], self.digest.encode())
        except (InvalidTag, ValueError):
            return None
        return Session.from_json(plain)


@dataclass(frozen=True, slots=True)
class SessionCookie:
    """``secure``: sent over https only, and with the prefix ``__Host-``, so that no other host of
    the domain can plant one. It ends with the browser; the resume code does not."""

    secure: bool
    form_id: str = ""  # each other form than the needed one has its own cookie

    @property
    def name(self) -> str:
        """Returns what the browser keeps it under."""
        name = f"{COOKIE}_{self.form_id}" if self.form_id else COOKIE
        return f"__Host-{name}" if self.secure else name

    def secret(self) -> str | None:
        """The secret this request carries."""
        return ungrouped(request.cookies.get(self.name, ""))

    def keep(self, response: Response, secret: str) -> Response:
        """Has the browser keep a secret; scripts cannot read it, other sites cannot send it."""
        response.set_cookie(
            self.name, secret, path="/", secure=self.secure, httponly=True, samesite="Lax"
        )
        return response

    def forget(self, response: Response) -> Response:
        """Has the browser forget it."""
        response.delete_cookie(
            self.name, path="/", secure=self.secure, httponly=True, samesite="Lax"
        )
        return response
