"""``make up``: two replicas, the proxy and PostgreSQL, with a client of our own to call with."""

from __future__ import annotations

import secrets
import subprocess
import sys

from deploy.caller import Caller
from deploy.engine import ROOT, Compose, NoEngine

FOLDER = ROOT / "var" / "up"
ADDRESS = "http://127.0.0.1:8080"
CALL = f"{ADDRESS}/cds-services/dyspareunia-workup-patient-view"


def main() -> int:
    """Exit status: 0 started, 2 without an engine, 1 when something does not start."""
    try:
        compose = Compose()
    except NoEngine as error:
        print(error, file=sys.stderr)
        return 2
    _choose_passwords()
    own = _clients_of(compose)
    print("Building and starting; the first time takes some minutes.", flush=True)
    command = ["up", "--build", "--detach", "--wait"]
    try:
        compose.run(*command)
    except (RuntimeError, subprocess.TimeoutExpired) as error:
        print(f"{error}\nSee `docker compose ps` and `docker compose logs`.", file=sys.stderr)
        return 1
    _greet(own, compose)
    return 0


def _choose_passwords() -> None:
    """Writes .env with passwords of its own, unless there is one."""
    file = ROOT / ".env"
    if file.exists():
        return
    text = (ROOT / "deploy" / "env.example").read_text(encoding="utf-8")
    lines = (
        f"{line}{secrets.token_hex(24)}" if line.endswith("PASSWORD=") else line
        for line in text.splitlines()
    )
    file.touch(mode=0o600)
    file.write_text("\n".join(lines) + "\n", encoding="utf-8")
    print("Passwords were chosen and written to .env")


def _clients_of(compose: Compose) -> bool:
    """Whether the clients are ours: nobody has named a folder of their own."""
    named = "\nCDS_CLIENTS_FOLDER=" in (ROOT / ".env").read_text(encoding="utf-8")
    if named or "CDS_CLIENTS_FOLDER" in compose.environment:
        return False
    caller = Caller(FOLDER)
    caller.write_clients()
    compose.environment["CDS_CLIENTS_FOLDER"] = str(caller.clients)
    return True


def _greet(own: bool, compose: Compose) -> None:
    print(f"\nReady: {ADDRESS}  ({ADDRESS}/health/ready, {ADDRESS}/content)")
    print("Draft clinical content, not approved by clinicians. Not for real patients.")
    if own:
        print("A signed call to paste (each token is good for one):\n")
        print("  .venv/bin/cds-service request C18-14 | curl -sS --data-binary @- \\")
        print("    -H 'Content-Type: application/json' \\")
        token = f".venv/bin/python -m deploy.caller {FOLDER} {CALL}"
        print(f'    -H "Authorization: Bearer $({token})" \\')
        print(f"    {CALL}\n")
    host = compose.environment.get("DOCKER_HOST")
    engine = f"DOCKER_HOST={host} " if host else ""
    print(f"To stop: {engine}.venv/bin/docker-compose down")
    print("         (with --volumes, what was kept is deleted)")


if __name__ == "__main__":
    sys.exit(main())
