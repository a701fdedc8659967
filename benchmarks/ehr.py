"""A FHIR server on loopback for calls that bring no prefetch: ``python -m benchmarks.ehr``."""

import socket
import sys
from pathlib import Path

import uvicorn
from sekmet.config import Settings
from sekmet.main import create_app


def run(port: int, folder: Path) -> None:
    """Serves until stopped; what it holds is in the folder."""
    app = create_app(
        Settings(
            base_url=base(port),
            host="127.0.0.1",
            data_dir=str(folder),
            own_private_key_path=str(folder / "key.pem"),
            simulator={"enabled": False},
            validation={"inbound": "off"},
            log_inbound=False,
        )
    )
    with socket.socket() as taken:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        taken.bind(("127.0.0.1", port))
        config = uvicorn.Config(app, log_level="warning", lifespan="off", ws="none")
        uvicorn.Server(config).run(sockets=[taken])


def base(port: int) -> str:
    """The address of the server on a port."""
    return f"http://127.0.0.1:{port}/fhir"


if __name__ == "__main__":
    run(int(sys.argv[1]), Path(sys.argv[2]))
