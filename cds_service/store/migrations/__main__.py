"""Reads a database URL from standard input and migrates (``python -m`` this package)."""

from __future__ import annotations

import sys

from sqlalchemy.exc import SQLAlchemyError

from cds_service.store.migrations import MigrationFailed
from cds_service.store.migrations.alembic_runner import migrate


def main() -> int:
    """0 when the database is up to date; 1, and why on the last line, when not."""
    try:
        migrate(sys.stdin.read().strip())
    except SQLAlchemyError as error:
        cause = getattr(error, "orig", None) or error  # without the statement
        print(f"{type(cause).__name__}: {cause}".partition("\n")[0], file=sys.stderr)  # noqa: T201
        return 1
    except MigrationFailed as error:
        print(error, file=sys.stderr)  # noqa: T201 - this is a command
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
