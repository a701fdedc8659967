"""A FHIR server of the demo's own, in its process: ``sekmet-fhir`` on SQLite."""

from __future__ import annotations

import asyncio
import copy
from pathlib import Path
from typing import Any

from sekmet.config import Settings
from sekmet.main import create_app

from demo.searching import add_searches


class OwnFhir:
    """ASGI over the resources in a folder; ``base`` is the address it is known by."""

    def __init__(self, base: str, folder: Path) -> None:
        add_searches()
        self._sekmet = create_app(_settings(base, folder))
        self._writing = asyncio.Lock()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["method"] in ("GET", "HEAD", "OPTIONS"):
            return await self._sekmet(scope, receive, send)
        # It looks for a match and creates in two steps: one at a time, or a conditional create of
        # two callers makes two.
        async with self._writing:
            return await self._sekmet(scope, receive, send)

    def fill(self, chart: tuple[dict[str, Any], ...]) -> None:
        """Holds these resources and no others."""
        self._sekmet.state.ctx.store.reset()
        for resource in chart:
            self.put(resource)

    def put(self, resource: dict[str, Any]) -> None:
        """Holds a resource under its own id."""
        service = self._sekmet.state.ctx.service
        service.update(resource["resourceType"], resource["id"], copy.deepcopy(resource))

    def find(self, kind: str, **parameters: str) -> list[dict[str, Any]]:
        """The resources of a search, as they are stored."""
        found = self._sekmet.state.ctx.service.search(
            kind, [*parameters.items(), ("_count", "500")]
        )
        entries = found.body.get("entry", [])
        return [e["resource"] for e in entries if e["search"]["mode"] == "match"]

    def close(self) -> None:
        """Ends the database; its folder stays."""
        self._sekmet.state.ctx.store.conn.close()


def _settings(base: str, folder: Path) -> Settings:
    folder.mkdir(parents=True, exist_ok=True)
    return Settings(
        base_url=base,
        host="127.0.0.1",
        data_dir=str(folder),
        own_private_key_path=str(folder / "key.pem"),
        simulator={"enabled": False},
        validation={"inbound": "off"},
        log_inbound=False,
    )
