"""Files that are whole when they appear: written under a temporary name, then renamed."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

import orjson


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Gives a temporary path beside ``path`` to write to; renames it at the end, or deletes it when
    anything fails, a full disk included."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        yield temporary
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


@contextmanager
def new_file(path: Path) -> Iterator[BinaryIO]:
    """Opens a file that only its owner can read and that appears when it is whole."""
    with replacing(path) as temporary:
        handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(handle, "wb") as file:
            yield file
            file.flush()


def write_json(path: Path, value: Any) -> None:
    """Writes a value as indented JSON."""
    options = orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE
    with new_file(path) as file:
        file.write(orjson.dumps(value, option=options))


def read_json_file(path: Path) -> Any:
    """The JSON of a file; raises OSError and ValueError."""
    return orjson.loads(path.read_bytes())
