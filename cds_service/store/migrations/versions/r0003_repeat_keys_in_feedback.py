"""Feedback knows the repeat key and encounter of its card, so that repeats are found from it."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

FILL = """
UPDATE feedback SET
  repeat_key = (SELECT cards.repeat_key FROM cards WHERE cards.id = feedback.card_id),
  encounter = (SELECT calls.encounter FROM cards JOIN calls ON calls.id = cards.call_id
               WHERE cards.id = feedback.card_id)
WHERE card_id IS NOT NULL
"""


def upgrade() -> None:
    """Adds the columns and fills them from the cards."""
    op.add_column("feedback", sa.Column("repeat_key", sa.Text))
    op.add_column("feedback", sa.Column("encounter", sa.Text))
    op.execute(FILL)
    op.create_index("ix_feedback_repeat_key", "feedback", ["repeat_key"])


def downgrade() -> None:
    """Drops them."""
    op.drop_index("ix_feedback_repeat_key", "feedback")
    op.drop_column("feedback", "encounter")
    op.drop_column("feedback", "repeat_key")
