"""The key of the hashes, kept in a file of its own beside the database."""

from __future__ import annotations

import os
import secrets
import stat
import tempfile
from pathlib import Path

_BYTES = 32


def load_key(path: Path) -> bytes:
    """The key kept in a file (hexadecimal); makes a random one, readable by its owner, if none.

    Safe when several processes start at once: all get the same key. Losing the file loses what was
    settled before (cards come again), nothing else. Raises OSError, or ValueError when the file
    does not hold a key, or other users of the machine can read or change it.
    """
    if not path.exists():
        _make(path)
    if path.stat().st_mode & (stat.S_IROTH | stat.S_IWOTH):
        raise ValueError(f"{path} is open to every user of the machine: chmod 600 {path}")
    try:
        key = bytes.fromhex(path.read_text(encoding="ascii"))
    except ValueError:
        key = b""
    if len(key) < _BYTES:
        raise ValueError(f"{path} does not hold a key: {2 * _BYTES} hexadecimal digits are needed")
    return key


def _make(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")  # mode 0600
    made = Path(name)
    try:
        with os.fdopen(handle, "w", encoding="ascii") as file:
            file.write(secrets.token_hex(_BYTES))
            file.flush()
            os.fsync(file.fileno())
        path.hardlink_to(made)  # complete when it appears; fails if another process was first
    except FileExistsError:
        pass
    finally:
        made.unlink()
