"""The service under gunicorn: threads, preloaded content, one memory shared by all workers.

SIGTERM stops it once the calls at hand are answered. SIGHUP loads content and clients anew
(decision: ``docs/decisions/reload-keeps-serving.md``).
"""

from __future__ import annotations

import gc
import logging
import os
import socket
from collections.abc import Callable
from contextlib import closing
from typing import Any

from flask import Flask
from gunicorn.app.base import BaseApplication
from gunicorn.arbiter import Arbiter
from gunicorn.glogging import Logger

from cds_service.app.assembly import HOOK_CALLS, SWITCHES
from cds_service.app.worker import WaitressWorker
from cds_service.settings import Settings, blamed
from cds_service.store import StoreUnavailable
from cds_service.store.migrations import make_file
from cds_service.telemetry.logs import LOG
from cds_service.telemetry.multiprocess import forget_worker

GRACE_SECONDS = 20  # seconds for calls at hand when the service stops or changes its workers
EXPECTED = (RuntimeError, ValueError, OSError)  # what create_app raises; its words are ours


class Server(BaseApplication):
    """gunicorn over an application made before the fork (content is then shared, not copied)."""

    def __init__(
        self, make: Callable[[], Flask], app: Flask, settings: Settings, address: tuple[str, int]
    ) -> None:
        self.make = make
        self.application = app
        self.max_body_bytes = settings.max_body_bytes
        self.options: dict[str, Any] = {
            "bind": _bind(*address),
            "workers": settings.workers,
            "threads": settings.threads,
            "worker_class": WaitressWorker,
            "preload_app": True,
            "timeout": 30,
            "graceful_timeout": GRACE_SECONDS,
            "errorlog": "-",
            "loglevel": "warning",
            "logger_class": _Quiet,
            "control_socket_disable": True,
            "post_fork": self._after_fork,
            "worker_exit": self._before_exit,
            "child_exit": _after_exit,
        }
        super().__init__()

    def load_config(self) -> None:
        """Hands the options to gunicorn."""
        for name, value in self.options.items():
            self.cfg.set(name, value)

    def load(self) -> Any:
        """The application, made before the fork."""
        return self.application

    def renew(self) -> bool:
        """Makes the application again; when that fails, the old one stays and the log says why."""
        try:
            made = self.make()
            if not made.extensions[SWITCHES].known:
                raise RuntimeError("the store cannot be reached: what is switched off is not known")
        except Exception as error:  # whatever it is, the old one can go on
            for finding in getattr(error, "findings", ()) or (error,):
                words = str(finding) if isinstance(error, EXPECTED) else type(error).__name__
                LOG.error("not reloaded: the old content is served on", finding=words)
            return False
        self.application = made
        self.callable = None  # gunicorn asks ``load`` for it again
        freeze()
        LOG.info("reloaded", content_version=made.extensions[HOOK_CALLS].pipeline.content.version)
        return True

    def run(self) -> None:
        """Serves until stopped."""
        _Master(self).run()

    def _after_fork(self, _arbiter: Any, worker: Any) -> None:
        """Runs first in each worker: collects garbage again and opens its own connections."""
        gc.enable()
        LOG.info("a worker starts", worker=worker.pid)
        self.application.extensions[HOOK_CALLS].warm_up()
        self.application.extensions[SWITCHES].keep_current()

    def _before_exit(self, _arbiter: Any, worker: Any) -> None:
        """Runs last in a worker: writes records that wait. gunicorn's master calls this too."""
        if worker.pid == os.getpid():
            self.application.extensions[HOOK_CALLS].close()


class _Master(Arbiter):
    """gunicorn's master, which changes its workers only for an application that can be served."""

    def __init__(self, server: Server) -> None:
        self.server = server
        super().__init__(server)

    def reload(self) -> None:
        """SIGHUP."""
        if self.server.renew():
            super().reload()


class _Quiet(Logger):
    """gunicorn's log, through our own formatter: its words can quote what was sent."""

    def setup(self, cfg: Any) -> None:
        """No handlers of its own."""
        super().setup(cfg)
        for handler in list(self.error_log.handlers):
            self.error_log.removeHandler(handler)
        self.error_log.propagate = True
        self.error_log.setLevel(logging.WARNING)


def _after_exit(_arbiter: Any, worker: Any) -> None:
    LOG.info("a worker ended", worker=worker.pid)
    forget_worker(worker.pid)


def _bind(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def check_address(host: str, port: int) -> None:
    """Raises RuntimeError, in one sentence, when nothing can listen there."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        with closing(socket.socket(family)) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((host, port))
    except (OSError, OverflowError) as error:
        why = getattr(error, "strerror", None) or str(error)
        raise RuntimeError(
            f"nothing can listen on {_bind(host, port)} ({why}): "
            "end what does, or choose another --host or --port"
        ) from None


def check_store(settings: Settings) -> None:
    """Raises RuntimeError when the file of the store cannot be made where the settings say.

    At a start only: a running service, and one whose database server is down, answers with cards.
    """
    with blamed("CDS_DATABASE_URL"):
        try:
            make_file(settings.database_url)
        except StoreUnavailable as error:
            raise ValueError(f"{error}; name a file in a folder that can be written to") from None


def freeze() -> None:
    """Collects garbage and freezes the heap, so that forked workers share its pages."""
    gc.unfreeze()
    gc.collect()
    gc.freeze()


def serve(app: Flask, settings: Settings, host: str, port: int, make: Callable[[], Flask]) -> None:
    """Serves an application until stopped; SIGHUP asks ``make`` for its successor."""
    freeze()
    Server(make, app, settings, (host, port)).run()
