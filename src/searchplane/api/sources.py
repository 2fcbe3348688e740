"""Where a request comes from: the address of its connection, or what a trusted proxy says.

X-Forwarded-For is written by whoever wants to; only its end was written by the proxy itself. It
is read from that end, for as long as who wrote it is a trusted proxy.
"""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

HEADER = "x-forwarded-for"


class Sources:
    """Tells the client's address, given the networks of the proxies that are trusted."""

    def __init__(self, trusted: Iterable[str]) -> None:
        self._trusted = tuple(ip_network(one) for one in trusted)

    def of(self, peer: str, forwarded: str | None) -> str:
        """`peer` unless it is a trusted proxy; else the last address that is none."""
        source = peer
        for hop in reversed((forwarded or "").split(",")) if self._trusted else ():
            if not self._is_trusted(source):
                break
            address = _address(hop)
            if address is None:
                break
            source = str(address)
        return source

    def _is_trusted(self, source: str) -> bool:
        address = _address(source)
        return address is not None and any(address in network for network in self._trusted)


def _address(text: str) -> IPv4Address | IPv6Address | None:
    """An address as proxies write it: also `[::1]:80` and `192.0.2.1:80`."""
    bare = text.strip()
    if bare.startswith("["):
        bare = bare[1:].partition("]")[0]
    elif bare.count(":") == 1:
        bare = bare.partition(":")[0]
    try:
        address = ip_address(bare.partition("%")[0])
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped or address
