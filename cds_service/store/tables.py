"""The tables. Changes need a migration (``store/migrations``); a test compares the two."""

from __future__ import annotations

from datetime import UTC, datetime

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    DateTime,
    Dialect,
    ForeignKey,
    Integer,
    LargeBinary,
    MetaData,
    SmallInteger,
    Table,
    Text,
    TypeDecorator,
)


class Moment(TypeDecorator[datetime]):
    """An aware datetime, kept in UTC: SQLite has no time zones of its own."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Aware in, UTC to the database; a naive one is taken as local, as Python does."""
        return None if value is None else value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Aware in UTC, whatever the database gave."""
        if value is None:
            return None
        return value.astimezone(UTC) if value.tzinfo else value.replace(tzinfo=UTC)


# SQLite counts up only plain integer keys.
_ID = BigInteger().with_variant(Integer, "sqlite")

METADATA = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

CALLS = Table(
    "calls",
    METADATA,
    Column("id", _ID, primary_key=True),
    Column("at", Moment, nullable=False, index=True),
    Column("service", Text, nullable=False),
    Column("hook", Text, nullable=False),
    Column("hook_instance", Text, nullable=False),
    Column("client", Text, nullable=False),
    Column("content_version", Text, nullable=False),
    Column("patient", Text, nullable=False),  # keyed hash
    Column("encounter", Text),  # keyed hash
    Column("timings", JSON, nullable=False),  # step -> milliseconds
    Column("answered", Integer, nullable=False),
    Column("unanswered", Integer, nullable=False),
    Column("unusable", Integer, nullable=False),
)

CARDS = Table(
    "cards",
    METADATA,
    Column("id", _ID, primary_key=True),
    Column("call_id", _ID, ForeignKey("calls.id"), nullable=False, index=True),
    Column("place", SmallInteger, nullable=False),  # from 0, in the order of the answer
    Column("uuid", Text, nullable=False, index=True),  # empty: it was never sent
    Column("card", Text, nullable=False),
    Column("sources", JSON, nullable=False),
    Column("indicator", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("repeat_key", Text, nullable=False, index=True),  # keyed hash
    Column("suggestions", JSON, nullable=False),
    Column("overrides", JSON, nullable=False),  # offered reasons, system|code
)

FEEDBACK = Table(
    "feedback",
    METADATA,
    Column("id", _ID, primary_key=True),
    Column("identity", Text, nullable=False, unique=True),  # hash: the same item once
    Column("received_at", Moment, nullable=False, index=True),
    Column("outcome_at", Moment, nullable=False),  # as the client says
    Column("acted_at", Moment, nullable=False),  # the same, not before the card nor after receipt
    Column("service", Text, nullable=False),
    Column("client", Text, nullable=False),
    Column("card_uuid", Text, nullable=False),
    Column("card_id", _ID, ForeignKey("cards.id"), index=True),  # none: not a card we know
    Column("repeat_key", Text, index=True),  # of that card
    Column("encounter", Text),  # of that card's call, keyed hash
    Column("outcome", Text, nullable=False),
    Column("suggestions", JSON, nullable=False),
    Column("reason_code", Text),  # one that the card offered, or "other"
    Column("comment", Text),
)

TOKENS = Table(
    "tokens",
    METADATA,
    Column("digest", Text, primary_key=True),  # of issuer and jti
    Column("expires", Moment, nullable=False, index=True),
)

SWITCHES = Table(
    "switches",
    METADATA,
    Column("id", _ID, primary_key=True),
    Column("at", Moment, nullable=False),
    Column("name", Text, nullable=False),  # of a service or plan
    Column("off", Boolean, nullable=False),  # the newest row of a name holds
    Column("who", Text, nullable=False),
    Column("reason", Text, nullable=False),
)

SESSIONS = Table(
    "sessions",
    METADATA,
    Column("digest", Text, primary_key=True),  # of the secret, which only the browser holds
    Column("expires", Moment, nullable=False, index=True),
    Column("sealed", LargeBinary, nullable=False),  # encrypted with a key made from the secret
)
