"""Parts shared by several commands: where vignettes are, and JSON on standard output."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson

VIGNETTES = Path("tests") / "authoring" / "vignettes"  # below the folder of the content
KEPT = Path("var/vignettes.json")


def print_json(value: Any) -> None:
    """Prints a value as indented JSON."""
    text = orjson.dumps(value, option=orjson.OPT_INDENT_2, default=float)
    print(text.decode())
