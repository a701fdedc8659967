"""Packages of the extra ``replay``, loaded when they are first needed."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from cds_service.authoring.replay.sources import ReplayError


def load_extra(name: str) -> Any:
    """The module of that name; raises ReplayError if it is not installed."""
    try:
        return import_module(name)
    except ImportError:
        package = name.partition(".")[0]
        raise ReplayError(
            f"{package} is not installed: pip install 'dyspareunia-cds[replay]'"
        ) from None
