"""The service under gunicorn: threads, preloaded content, one memory shared by all workers."""

from __future__ import annotations

import gc
from collections.abc import Callable
from typing import Any

from flask import Flask
from gunicorn.app.base import BaseApplication

from cds_service.assembly import DESK
from cds_service.settings import Settings


class Server(BaseApplication):
    """gunicorn over an application made before the fork (content is then shared, not copied)."""

    def __init__(self, app: Flask, settings: Settings, host: str, port: int) -> None:
        self.application = app
        self.options: dict[str, Any] = {
            "bind": f"{host}:{port}",
            "workers": settings.workers,
            "threads": settings.threads,
            "worker_class": "gthread",
            "preload_app": True,
            "timeout": 30,
            "graceful_timeout": 20,
            "keepalive": 5,
            "errorlog": "-",
            "loglevel": "error",  # its warnings quote what was sent
            "post_fork": _after_fork(app),
        }
        super().__init__()

    def load_config(self) -> None:
        """Hands the options to gunicorn."""
        for name, value in self.options.items():
            self.cfg.set(name, value)

    def load(self) -> Any:
        """The application, made before the fork."""
        return self.application


def serve(app: Flask, settings: Settings, host: str, port: int) -> None:
    """Serves until stopped. What was made so far is frozen, so that workers share its pages."""
    gc.collect()
    gc.freeze()
    Server(app, settings, host, port).run()


def _after_fork(app: Flask) -> Callable[[Any, Any], None]:
    """What each worker does first: collect garbage again, and open its own connections."""

    def start(_arbiter: Any, _worker: Any) -> None:
        gc.enable()
        app.extensions[DESK].warm_up()

    return start
