"""Forgetting on the screen: the answers of a sent form, after ten minutes without a touch.

The answers are in the record by then; whoever comes to the device next should not find them.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from cds_service.web.form.form_state import FormState
from cds_service.web.form.sessions import Session

FORGOTTEN_AFTER = timedelta(minutes=10)


def is_forgotten(session: Session, now: datetime) -> bool:
    """Checks whether the answers of a sent form are to be forgotten, or are so already."""
    touched = session.touched or session.finished
    if not session.saved or touched is None:
        return False
    return session.forgotten or now - datetime.fromisoformat(touched) >= FORGOTTEN_AFTER


def forget(session: Session, state: FormState) -> Session:
    """Keeps of a sent form what its emergency messages need, and nothing else. ``state`` is that of
    the session."""
    kept: dict[str, list[dict[str, object]]] = {}
    for question, option in state.emergency_options:
        kept.setdefault(question.link_id, []).append(option.answer)
    session.answers, session.origins, session.drafts = kept, {}, {}
    session.confirmed, session.notices = [], []
    session.ehr = session.launch = session.whose = session.born = None
    session.initials, session.forgotten = "", True
    return session
