"""Floor 1: the least that a Flask service under the same gunicorn settings can cost."""

import gc
import sys

from flask import Flask, Response, request

from cds_service.app.assembly import HOOK_CALLS, SWITCHES
from cds_service.app.server import serve
from cds_service.settings import Settings


class Nothing:
    """Stands where the server looks for what a worker has to open, keep current and close."""

    def warm_up(self) -> None:
        """There is nothing to open."""

    def keep_current(self) -> None:
        """There is nothing to switch off."""

    def close(self) -> None:
        """There is nothing to close."""


def echo_app() -> Flask:
    """Sends every body back."""
    app = Flask(__name__, static_folder=None)
    app.extensions[HOOK_CALLS] = app.extensions[SWITCHES] = Nothing()

    @app.get("/health/ready")
    def ready() -> str:
        return "ok"

    @app.post("/echo")
    def echo() -> Response:
        return Response(request.get_data(cache=False), content_type="application/json")

    return app


if __name__ == "__main__":
    gc.disable()
    serve(echo_app(), Settings(auth="off"), "127.0.0.1", int(sys.argv[1]), echo_app)
