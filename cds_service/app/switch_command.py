"""``cds-service switch``: a plan or a service stops speaking, everywhere, without a restart."""

from __future__ import annotations

import getpass
import secrets
from argparse import Namespace
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path

from cds_service.app.switches import REFRESH_SECONDS
from cds_service.app.topics import names_of
from cds_service.content import find_roots
from cds_service.content.model import Content
from cds_service.content.topics import load_topics
from cds_service.decision.visibility import ContentNames, Visibility, silent_plans, visibility_of
from cds_service.hooks.discovery import services
from cds_service.settings import Settings, listed
from cds_service.store import Store, StoreUnavailable, SwitchRecord
from cds_service.store.engines import parse_url

Say = Callable[[str], None]


def switch(settings: Settings, options: Namespace, say: Say) -> int:
    """Runs ``list``, ``off`` or ``on``; raises RuntimeError or ValueError when nothing was done."""
    store = _store(settings)
    where = parse_url(settings.database_url).render_as_string(hide_password=True)
    try:
        if options.action == "list":
            _list(store.switches(), say)
        else:
            _switch(settings, store, options)
            say(f"{options.name} is {options.action}, in the store {where}.")
            say(f"Workers that use this store know within {REFRESH_SECONDS:g} seconds.")
    except StoreUnavailable as error:
        words = f"the store {where} cannot be used ({error}): see CDS_DATABASE_URL"
        raise RuntimeError(words) from None
    return 0


def _switch(settings: Settings, store: Store, options: Namespace) -> None:
    off = options.action == "off"
    if off:
        names_of(load_topics(find_roots(settings.content))).check([options.name])
    elif options.name not in store.switched_off():
        raise ValueError(f"{options.name!r} is not switched off: see cds-service switch list")
    if not options.reason.strip():
        raise ValueError("--reason is empty: say why, for those who look later")
    who = options.by or getpass.getuser()
    store.switch(SwitchRecord(datetime.now(UTC), options.name, off, who, options.reason))


def _list(switches: Sequence[SwitchRecord], say: Say) -> None:
    newest = {s.name: s.off for s in switches}
    off = sorted(name for name, is_off in newest.items() if is_off)
    say(f"Switched off: {', '.join(off) or 'nothing'}")
    for s in switches:
        state = "off" if s.off else "on"
        say(f"{s.at:%Y-%m-%d %H:%M:%SZ}  {state:3}  {s.name}  by {s.who}: {s.reason}")


def current_visibility(settings: Settings, content: Content, warn: Say) -> Visibility:
    """Returns what does not speak in a service with these settings; ``warn`` hears of a store that
    cannot be read. Where there is no store yet, nothing is switched off."""
    url = parse_url(settings.database_url)
    off: frozenset[str] = frozenset()
    if url.drivername != "sqlite" or Path(url.database or "").exists():
        try:
            off = _store(settings).switched_off()
        except StoreUnavailable as error:
            warn(f"The switches cannot be read ({error}): told as if nothing were switched off.")
    names, silent = ContentNames(content, services(content)), listed(settings.silent)
    if len(settings.content or ()) > 1:
        silent = tuple(filter(names.knows, silent))  # the others are names of other topics
    return visibility_of(names, (*silent, *silent_plans(content)), off)


def _store(settings: Settings) -> Store:
    """The store for its switches alone, which need no key."""
    return Store(settings.database_url, secrets.token_bytes(32))
