"""Floor 1: the least that a Flask service under the same gunicorn settings can cost."""

import gc
import sys

from flask import Flask, Response, request

from cds_service.app.assembly import HOOK_CALLS
from cds_service.app.server import serve
from cds_service.settings import Settings


class NoDesk:
    """Stands where the server looks for what a new worker has to open."""

    def warm_up(self) -> None:
        """There is nothing to open."""


def echo_app() -> Flask:
    """Sends every body back."""
    app = Flask(__name__, static_folder=None)
    app.extensions[HOOK_CALLS] = NoDesk()

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
