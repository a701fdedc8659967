"""Addresses: what a URL points to, and which network addresses may be called."""

from __future__ import annotations

import ipaddress
import re
from typing import NamedTuple
from urllib.parse import unquote, urlsplit

DEVELOPMENT_HOSTS = frozenset({"127.0.0.1", "::1", "localhost"})
_PRINTABLE = re.compile(r"[!-\"$-:<->@-~]+")  # no "#", ";" or "?" either
PORTS = {"https": 443, "http": 80}
NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
COMPATIBLE = ipaddress.IPv6Network("::/96")  # IPv4-compatible addresses (RFC 4291)
# Cloud metadata services, protocol assignments (RFC 6890) and broadcast: no FHIR server is there.
NEVER = tuple(
    map(
        ipaddress.ip_network,
        (
            "192.0.0.0/24",
            "100.100.100.200",
            "168.63.129.16",
            "255.255.255.255",
            "fd00:ec2::254",
            "fd20:ce::254",
        ),
    )
)
# A translator on the way decides where these lead (RFC 8215, RFC 2765).
TRANSLATED = (ipaddress.IPv6Network("64:ff9b:1::/48"), ipaddress.IPv6Network("::ffff:0:0:0/96"))


class Address(NamedTuple):
    """The place a base URL points to; ``path`` ends without a slash. Equal: the same place."""

    scheme: str
    host: str
    port: int
    path: str


def read_address(url: str) -> Address | None:
    """Reads an http or https base URL; None for anything else.

    Prevents path traversal and parser differences: None, too, for a URL with a user, a query, a
    fragment or ``;``, with a character outside 0x21 to 0x7e, or with a step ``.`` or ``..`` in its
    path, however often it is percent-encoded.
    """
    if not _PRINTABLE.fullmatch(url):
        return None
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return None
    if parts.scheme not in PORTS or not parts.hostname or "@" in parts.netloc:
        return None
    if _has_dot_steps(parts.path):
        return None
    return Address(
        parts.scheme, parts.hostname, port or PORTS[parts.scheme], parts.path.rstrip("/")
    )


def _has_dot_steps(path: str) -> bool:
    while (decoded := unquote(path)) != path:
        path = decoded
    return not {".", ".."}.isdisjoint(re.split(r"[/\\]", path))


def may_call(text: str, allow_private: bool) -> bool:
    """Checks an IP address: True for a public one, and for a private one where that is allowed;
    never for link-local, multicast, unspecified and metadata addresses."""
    ip = _plain(ipaddress.ip_address(text.partition("%")[0]))
    if any(ip in network for network in (*NEVER, *TRANSLATED)):
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
