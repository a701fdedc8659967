"""Rate limit for each client address, behind proxies whose X-Forwarded-For may be believed."""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from flask import Request
from limits import RateLimitItemPerMinute
from limits.storage import MemoryStorage
from limits.strategies import FixedWindowRateLimiter

from cds_service.web.form.rate_limit import RateLimitExceeded

MAX_A_MINUTE = 30  # forms and sign-ins begun from one address: a waiting room may share one
IPV6_PREFIX = 64  # what one customer has

Network = IPv4Network | IPv6Network


class AddressLimit:
    """``MAX_A_MINUTE`` for each client address, in this process; addresses stay in memory only."""

    def __init__(self, trusted: Iterable[Network], most: int = MAX_A_MINUTE) -> None:
        self._trusted = tuple(trusted)
        self._limiter = FixedWindowRateLimiter(MemoryStorage())
        self._most = RateLimitItemPerMinute(most)

    def acquire(self, request: Request) -> None:
        """Counts one more of the client; raises RateLimitExceeded."""
        if not self._limiter.hit(self._most, self._client(request)):
            raise RateLimitExceeded

    def _client(self, request: Request) -> str:
        """The first address, from our side, that is not a trusted proxy."""
        told = request.headers.get("X-Forwarded-For", "").split(",")
        for hop in (request.remote_addr or "", *reversed(told)):
            try:
                address = ip_address(hop.strip())
            except ValueError:
                return "unknown"
            if not any(address in network for network in self._trusted):
                break
        return str(_prefix(hop.strip()) if isinstance(address, IPv6Address) else address)


def _prefix(address: str) -> Network:
    return ip_network((address, IPV6_PREFIX), strict=False)


def read_networks(value: str) -> tuple[Network, ...] | None:
    """Networks separated by commas; empty for ``none``, None for nothing. Raises ValueError."""
    if not value:
        return None
    names = [] if value == "none" else value.split(",")
    return tuple(ip_network(name.strip()) for name in names)
