"""A client of our own, to call a deployment with: its key, its entry in a clients file, tokens.

``python -m deploy.caller FOLDER ADDRESS`` prints a token for an address, good for one call.
"""

from __future__ import annotations

import json
import sys
import time
import uuid
from pathlib import Path

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from jwt.algorithms import ECAlgorithm

ALGORITHM = "ES384"
TOKEN_SECONDS = 300


class Caller:
    """A client with a key pair; the private key stays out of the folder that is mounted."""

    def __init__(self, folder: Path, name: str = "try-it") -> None:
        self.name = name
        self.issuer = f"https://{name}.example.org"
        self.clients = folder / "clients"
        self._key_file = folder / f"{name}.key.pem"
        self.clients.mkdir(parents=True, exist_ok=True)
        self.clients.chmod(0o755)
        if not self._key_file.exists():
            self._make()

    def _make(self) -> None:
        key = ec.generate_private_key(ec.SECP384R1())
        self._key_file.touch(mode=0o600)
        self._key_file.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
        )
        public = json.loads(ECAlgorithm.to_jwk(key.public_key()))
        whole = {**public, "kid": self.name, "alg": ALGORITHM, "use": "sig"}
        self._write(f"{self.name}.jwks.json", {"keys": [whole]})

    def entry(self) -> dict[str, str]:
        """This client's entry in a clients file."""
        return {"id": self.name, "issuer": self.issuer, "jwksFile": f"{self.name}.jwks.json"}

    def write_clients(self, *others: Caller) -> None:
        """Puts a clients file in place of the one before, as an operator does."""
        self._write("clients.json", {"clients": [c.entry() for c in (self, *others)]})

    def _write(self, name: str, value: object) -> None:
        made = self.clients / f".{name}"
        made.write_text(json.dumps(value, indent=2))
        made.chmod(0o644)
        made.replace(self.clients / name)

    def token(self, address: str) -> str:
        """A token for one call of an address."""
        now = int(time.time())
        claims = {
            "iss": self.issuer,
            "aud": address,
            "iat": now,
            "exp": now + TOKEN_SECONDS,
            "jti": str(uuid.uuid4()),
        }
        headers = {"kid": self.name, "typ": "JWT"}
        return jwt.encode(claims, self._key_file.read_bytes(), ALGORITHM, headers)


if __name__ == "__main__":
    print(Caller(Path(sys.argv[1])).token(sys.argv[2]))
