"""How a cluster is reached from elsewhere: in public, its dashboard, through a private endpoint.

What a create request may say of it (api/semantics.md, section 1.1). It is kept and shown; nodes
listen where the driver placed them, and whoever can reach that address reaches the public one.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import IPv4Network

from searchplane.domain.violation import Violation

AUTO_ASSIGN = "auto_assign"
"""The only way in which a public address is bound."""
BANDWIDTHS = range(1, 201)
"""Mbit/s."""
MAX_PERMISSIONS = 100
_PERMISSION = re.compile(r"[A-Za-z0-9_-]{1,64}|\*")


@dataclass(frozen=True)
class WhiteList:
    """`addresses` as the user wrote them: addresses and networks, comma separated."""

    enabled: bool
    addresses: str = ""


@dataclass(frozen=True)
class PublicAccess:
    """The search port in public; `bandwidth` in Mbit/s."""

    bandwidth: int
    white_list: WhiteList
    bind_type: str = AUTO_ASSIGN


@dataclass(frozen=True)
class DashboardAccess:
    """The dashboard in public; `bandwidth` in Mbit/s."""

    bandwidth: int
    white_list: WhiteList


@dataclass(frozen=True)
class PrivateEndpoint:
    """An endpoint for other networks of the user; `permissions` are ids of accounts."""

    with_dns_name: bool
    permissions: tuple[str, ...] = ()


@dataclass(frozen=True)
class Exposure:
    """All of it; None is what is not there."""

    public: PublicAccess | None = None
    dashboard: DashboardAccess | None = None
    endpoint: PrivateEndpoint | None = None


NOWHERE = Exposure()
"""Reached by whoever reaches the nodes themselves."""


def violations(exposure: Exposure, *, https: bool, authority: bool) -> Iterator[Violation]:
    """Every rule that is broken, with the fields of a create request."""
    if exposure.public is not None:
        yield from _public(exposure.public, https=https)
    if exposure.dashboard is not None:
        yield from _dashboard(exposure.dashboard, authority=authority)
    if exposure.endpoint is not None:
        yield from _permissions(exposure.endpoint.permissions)


def _public(public: PublicAccess, *, https: bool) -> Iterator[Violation]:
    field = "cluster.publicIPReq"
    if not https:
        yield Violation("CSS.5310", field, None, "public access needs httpsEnable true")
    if public.bind_type != AUTO_ASSIGN:
        right = f"{AUTO_ASSIGN} is right"
        yield Violation("CSS.5098", f"{field}.publicBindType", public.bind_type, right)
    yield from _bandwidth(f"{field}.eip.bandWidth.size", public.bandwidth)
    yield from _white_list(f"{field}.elbWhiteListReq", public.white_list)


def _dashboard(dashboard: DashboardAccess, *, authority: bool) -> Iterator[Violation]:
    field = "cluster.publicKibanaReq"
    if not authority:
        yield Violation("CSS.5310", field, None, "access to the dashboard needs authorityEnable")
    yield from _bandwidth(f"{field}.eipSize", dashboard.bandwidth)
    yield from _white_list(f"{field}.elbWhiteList", dashboard.white_list)


def _bandwidth(field: str, size: int) -> Iterator[Violation]:
    if size not in BANDWIDTHS:
        yield Violation("CSS.0071", field, size, "1 to 200 Mbit/s is right")


def _white_list(field: str, white_list: WhiteList) -> Iterator[Violation]:
    if not white_list.enabled and not white_list.addresses:
        return
    entries = [entry.strip() for entry in white_list.addresses.split(",")]
    if entries == [""]:
        yield Violation("CSS.5181", f"{field}.whiteList", "", "an address or network is right")
    elif not all(map(_is_network, entries)) or len(set(entries)) != len(entries):
        yield Violation(
            "CSS.5051",
            f"{field}.whiteList",
            white_list.addresses,
            "different IPv4 addresses and networks such as 192.0.2.0/24 are right, separated by "
            "commas",
        )


def _is_network(entry: str) -> bool:
    try:
        network = IPv4Network(entry, strict=False)
    except ValueError:
        return False
    return str(network) != "0.0.0.0/32" and entry.isascii()


def _permissions(permissions: tuple[str, ...]) -> Iterator[Violation]:
    field = "cluster.loadBalance.vpcPermissions"
    if len(permissions) > MAX_PERMISSIONS:
        yield Violation("CSS.5038", field, len(permissions), f"at most {MAX_PERMISSIONS} are right")
    for one in permissions:
        if not _PERMISSION.fullmatch(one):
            yield Violation("CSS.5038", field, one, "ids of accounts are right, or *")
