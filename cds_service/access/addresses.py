"""Addresses: what a URL points to, and which network addresses may be called."""

from __future__ import annotations

import ipaddress
from typing import NamedTuple
from urllib.parse import urlsplit

DEVELOPMENT_HOSTS = frozenset({"127.0.0.1", "::1", "localhost"})
PORTS = {"https": 443, "http": 80}
NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
COMPATIBLE = ipaddress.IPv6Network("::/96")  # IPv4 addresses in an old dress
# Cloud machines answer questions about themselves here; nobody's FHIR server does.
NEVER = frozenset(
    map(
        ipaddress.ip_address,
        ("fd00:ec2::254", "168.63.129.16", "100.100.100.200", "255.255.255.255"),
    )
)
# Where these lead is for a translator on the way to say (RFC 8215, RFC 2765).
TRANSLATED = (ipaddress.IPv6Network("64:ff9b:1::/48"), ipaddress.IPv6Network("::ffff:0:0:0/96"))


class Address(NamedTuple):
    """Where a base URL points; ``path`` ends without a slash. Equal ones are the same place."""

    scheme: str
    host: str
    port: int
    path: str


def read_address(url: str) -> Address | None:
    """The address of an http or https base URL; None for anything else, and for a URL with a user,
    a query or a fragment."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return None
    if parts.scheme not in PORTS or not parts.hostname or "@" in parts.netloc:
        return None
    if "?" in url or "#" in url:
        return None
    return Address(
        parts.scheme, parts.hostname, port or PORTS[parts.scheme], parts.path.rstrip("/")
    )


def may_call(text: str, allow_private: bool) -> bool:
    """Whether an IP address may be called: a public one, or a private one where that is allowed;
    never link-local, multicast, unspecified or metadata addresses."""
    ip = _plain(ipaddress.ip_address(text.partition("%")[0]))
    if ip in NEVER or any(ip in network for network in TRANSLATED):
        return False
    if ip.is_link_local or ip.is_multicast or ip.is_unspecified:
        return False
    if getattr(ip, "is_site_local", False):
        return allow_private
    return ip.is_global or allow_private


def _plain(
    ip: ipaddress.IPv4Address | ipaddress.IPv6Address,
) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    """The IPv4 address that an IPv6 address leads to, when it carries one."""
    if isinstance(ip, ipaddress.IPv4Address):
        return ip
    if ip.ipv4_mapped or ip.sixtofour:
        return ip.ipv4_mapped or ip.sixtofour or ip
    if ip.teredo:
        return ip.teredo[1]
    carries = ip in NAT64 or (ip in COMPATIBLE and int(ip) > 1)
    return ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF) if carries else ip
