"""Discovery (``docs/conformance.md`` section 1), derived from the content: one service per hook."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from cds_service.content.model import Content
from cds_service.decision.record import ENCOUNTER
from cds_service.hooks.prefetch import templates
from cds_service.hooks.request import HOOKS


@dataclass(frozen=True, slots=True)
class Service:
    """One CDS Hooks service: a hook the strategy answers, with its prefetch templates."""

    id: str
    hook: str
    title: str
    description: str
    usage: str
    prefetch: Mapping[str, str]

    @property
    def hook_version(self) -> str:
        """The version of the hook's definition (``docs/conformance.md`` section 7)."""
        return HOOKS[self.hook].version

    def as_json(self) -> dict[str, Any]:
        """The entry of the discovery answer, without nulls or empties."""
        return {
            "hook": self.hook,
            "title": self.title,
            "description": self.description,
            "id": self.id,
            "prefetch": dict(self.prefetch),
            "usageRequirements": self.usage,
        }


def services(content: Content) -> dict[str, Service]:
    """Service id -> service, in the order of the strategy's hooks; hooks unknown here are left out.

    The encounter is asked for only where the hook always has one, so that no template is left with
    an unset token (``docs/conformance.md`` 7.3); it is read wherever it is sent.
    """
    plan, prefetch = content.strategy.plan, templates(content)
    found = {}
    for hook in content.strategy.hooks:
        if hook in HOOKS:
            sure = HOOKS[hook].encounter_required
            keys = {k: v for k, v in prefetch.items() if sure or k != ENCOUNTER}
            service_id = f"{plan['id']}-{hook}"
            found[service_id] = Service(
                service_id, hook, plan["title"], plan["description"], plan["usage"], keys
            )
    return found
