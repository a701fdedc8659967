"""``python -m demo.population``: writes the made-up population as NDJSON, one file a type."""

from __future__ import annotations

import argparse
from datetime import UTC, datetime
from pathlib import Path

from cds_service.content import find_root, load_content
from demo.population.export import write_export

FOLDER = Path("var/population")
NOW = datetime(2026, 11, 1, 12, 0, tzinfo=UTC)


def main() -> None:
    """Writes the files and says how many lines each has."""
    parser = argparse.ArgumentParser(prog="python -m demo.population", description=__doc__)
    parser.add_argument("--people", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--now", type=datetime.fromisoformat, default=NOW)
    parser.add_argument("--out", type=Path, default=FOLDER)
    parser.add_argument("--content", type=Path, help="the content folder, else the one nearby")
    options = parser.parse_args()
    now = options.now if options.now.tzinfo else options.now.replace(tzinfo=UTC)
    content = load_content(find_root(options.content))
    counts = write_export(content, options.out, options.people, options.seed, now)
    for kind, count in sorted(counts.items()):
        print(f"{options.out / kind}.ndjson: {count} lines")


if __name__ == "__main__":
    main()
