"""``cds-service switch``: a plan or a service stops speaking, or speaks again."""

from __future__ import annotations

from argparse import Namespace

from cds_service.app.switch_command import switch
from cds_service.settings import read_settings


def run(options: Namespace) -> int:
    """Runs the command; returns its exit status."""

    return switch(read_settings(), options, print)
