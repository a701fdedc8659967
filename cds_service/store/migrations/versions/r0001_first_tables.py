"""The first tables.

What the columns mean is said in ``cds_service.store.tables``. A revision stands by itself: it must
go on making what it made, whatever the tables become.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

ID = sa.BigInteger().with_variant(sa.Integer, "sqlite")
MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Makes the tables and their indexes."""
    _calls()
    _cards()
    _feedback()
    _tokens()
    _switches()
    _sessions()
    for table, column in INDEXES:
        op.create_index(f"ix_{table}_{column}", table, [column])


def downgrade() -> None:
    """Drops the tables."""
    for table in ("sessions", "switches", "tokens", "feedback", "cards", "calls"):
        op.drop_table(table)


INDEXES = (
    ("calls", "at"),
    ("cards", "call_id"),
    ("cards", "uuid"),
    ("cards", "repeat_key"),
    ("feedback", "received_at"),
    ("feedback", "card_id"),
    ("feedback", "repeat_key"),
    ("tokens", "expires"),
    ("sessions", "expires"),
)


def _calls() -> None:
    op.create_table(
        "calls",
        sa.Column("id", ID, nullable=False),
        sa.Column("at", MOMENT, nullable=False),
        sa.Column("service", sa.Text, nullable=False),
        sa.Column("hook", sa.Text, nullable=False),
        sa.Column("hook_instance", sa.Text, nullable=False),
        sa.Column("client", sa.Text, nullable=False),
        sa.Column("content_version", sa.Text, nullable=False),
        sa.Column("patient", sa.Text, nullable=False),
        sa.Column("encounter", sa.Text),
        sa.Column("timings", sa.JSON, nullable=False),
        sa.Column("answered", sa.Integer, nullable=False),
        sa.Column("unanswered", sa.Integer, nullable=False),
        sa.Column("unusable", sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_calls"),
    )


def _cards() -> None:
    op.create_table(
        "cards",
        sa.Column("id", ID, nullable=False),
        sa.Column("call_id", ID, nullable=False),
        sa.Column("place", sa.SmallInteger, nullable=False),
        sa.Column("uuid", sa.Text, nullable=False),
        sa.Column("card", sa.Text, nullable=False),
        sa.Column("sources", sa.JSON, nullable=False),
        sa.Column("indicator", sa.Text, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("repeat_key", sa.Text, nullable=False),
        sa.Column("suggestions", sa.JSON, nullable=False),
        sa.Column("overrides", sa.JSON, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_cards"),
        sa.ForeignKeyConstraint(["call_id"], ["calls.id"], name="fk_cards_call_id"),
    )


def _feedback() -> None:
    op.create_table(
        "feedback",
        sa.Column("id", ID, nullable=False),
        sa.Column("identity", sa.Text, nullable=False),
        sa.Column("received_at", MOMENT, nullable=False),
        sa.Column("outcome_at", MOMENT, nullable=False),
        sa.Column("acted_at", MOMENT, nullable=False),
        sa.Column("service", sa.Text, nullable=False),
        sa.Column("client", sa.Text, nullable=False),
        sa.Column("card_uuid", sa.Text, nullable=False),
        sa.Column("card_id", ID),
        sa.Column("repeat_key", sa.Text),
        sa.Column("encounter", sa.Text),
        sa.Column("outcome", sa.Text, nullable=False),
        sa.Column("suggestions", sa.JSON, nullable=False),
        sa.Column("reason_code", sa.Text),
        sa.Column("comment", sa.Text),
        sa.PrimaryKeyConstraint("id", name="pk_feedback"),
        sa.UniqueConstraint("identity", name="uq_feedback_identity"),
        sa.ForeignKeyConstraint(["card_id"], ["cards.id"], name="fk_feedback_card_id"),
    )


def _tokens() -> None:
    op.create_table(
        "tokens",
        sa.Column("digest", sa.Text, nullable=False),
        sa.Column("expires", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("digest", name="pk_tokens"),
    )


def _switches() -> None:
    op.create_table(
        "switches",
        sa.Column("id", ID, nullable=False),
        sa.Column("at", MOMENT, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("off", sa.Boolean, nullable=False),
        sa.Column("who", sa.Text, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_switches"),
    )


def _sessions() -> None:
    op.create_table(
        "sessions",
        sa.Column("digest", sa.Text, nullable=False),
        sa.Column("expires", MOMENT, nullable=False),
        sa.Column("sealed", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("digest", name="pk_sessions"),
    )
