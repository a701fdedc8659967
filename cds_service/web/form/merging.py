"""Merging of a sent page into the session: only what was changed on that page. Pure.

Two tabs may show the same form. Each page says what it showed of every question (a digest), so what
another tab changed meanwhile is kept unless it was changed here too; then the newest, this, counts.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import orjson

from cds_service.web.form.fields import NAMES, Fields, Unreadable, cleaned, fill, read
from cds_service.web.form.model import FormItem, IntakeForm
from cds_service.web.form.sessions import Session

SEEN = "s"  # fields named s:<linkId> hold the digest; a fixed text has an empty one
MAX_VALUES = 50  # answers of one question
DIGEST = 12  # characters


@dataclass(frozen=True, slots=True)
class Posted:
    """``fields`` by linkId as sent; ``seen`` maps what the page showed to its digest."""

    fields: Mapping[str, Fields]
    shown_digests: Mapping[str, str]

    @classmethod
    def of(cls, sent: Iterable[tuple[str, list[str]]]) -> Posted:
        """Reads the fields of a page: ``v:<linkId>`` and the like; others are left."""
        fields: dict[str, Fields] = {}
        shown_digests: dict[str, str] = {}
        for key, values in sent:
            name, colon, link_id = key.partition(":")
            if colon and name in NAMES:
                fields.setdefault(link_id, {})[name] = values[:MAX_VALUES]
            elif colon and name == SEEN:
                shown_digests[link_id] = values[0]
        return cls(fields, shown_digests)


@dataclass(slots=True)
class Merged:
    """linkIds by what became of them."""

    changed: list[str] = field(default_factory=list)
    conflicts: list[str] = field(default_factory=list)


def merge(form: IntakeForm, session: Session, posted: Posted) -> Merged:
    """Writes what was changed on the page into the session."""
    merged = Merged()
    for link_id, shown_digests in posted.shown_digests.items():
        part = form.parts.get(link_id)
        if part is None or not part.answerable:
            continue
        typed = cleaned(posted.fields.get(link_id, {}))
        kept = current(session, part)
        if typed == kept or (digest(kept) != shown_digests and digest(typed) == shown_digests):
            continue
        if digest(kept) != shown_digests:
            merged.conflicts.append(link_id)
        write(session, part, typed)
        merged.changed.append(link_id)
    return merged


def confirm(session: Session, posted: Posted) -> None:
    """Notes which answers of the chart the person was shown; call when they go on from a page."""
    shown = {k for k in posted.shown_digests if k in session.origins and k in session.answers}
    session.confirmed = sorted({*session.confirmed, *shown})


def current(session: Session, part: FormItem) -> Fields:
    """The fields that show what the session holds for a question."""
    draft = session.drafts.get(part.link_id)
    return fill(part, session.answers.get(part.link_id, [])) if draft is None else draft


def write(session: Session, part: FormItem, typed: Fields) -> None:
    """Puts cleaned fields in the place of an answer: an answer, or a draft where they are none."""
    for kept in (session.answers, session.origins, session.drafts):
        kept.pop(part.link_id, None)
    session.confirmed = [k for k in session.confirmed if k != part.link_id]
    if not typed:
        return
    try:
        session.answers[part.link_id] = read(part, typed)
    except Unreadable:
        session.drafts[part.link_id] = typed


def digest(fields: Fields) -> str:
    """A short stand-in for what a page shows of a question."""
    text = orjson.dumps(fields, option=orjson.OPT_SORT_KEYS)
    return hashlib.sha256(text).hexdigest()[:DIGEST]
