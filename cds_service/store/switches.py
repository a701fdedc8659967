"""Rows of ``switches``: append-only, an audit of who switched what, when and why."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, func, insert, select

from cds_service.store.tables import SWITCHES


@dataclass(frozen=True, slots=True)
class SwitchRecord:
    """One time that something was switched off, or on again; ``at`` is aware."""

    at: datetime
    name: str  # of a service or plan, one of ``ContentNames``
    off: bool
    who: str
    reason: str


def add(connection: Connection, switched: SwitchRecord) -> None:
    """Appends a record."""
    row = {name: getattr(switched, name) for name in SwitchRecord.__dataclass_fields__}
    connection.execute(insert(SWITCHES), row)


def history(connection: Connection) -> list[SwitchRecord]:
    """Returns all records, oldest first."""
    columns = [SWITCHES.c[name] for name in SwitchRecord.__dataclass_fields__]
    query = select(*columns).order_by(SWITCHES.c.id)
    return [SwitchRecord(*row) for row in connection.execute(query)]


def switched_off(connection: Connection) -> frozenset[str]:
    """Returns the names whose newest row says off."""
    newest = select(func.max(SWITCHES.c.id)).group_by(SWITCHES.c.name)
    query = select(SWITCHES.c.name).where(SWITCHES.c.id.in_(newest), SWITCHES.c.off)
    return frozenset(connection.scalars(query))
