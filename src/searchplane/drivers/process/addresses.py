"""An address of its own for each node, so that all can keep the ports users know.

On Linux every 127.x.y.z answers without set-up. 127.0.y.z to 127.15.y.z stay free for what people
put there themselves. Nothing is reserved: the first guess is drawn from the node's id, and sixteen
million addresses make two nodes unlikely to share one; a node that meets a busy port says so in
its log.
"""

from __future__ import annotations

import random
import socket
import sys
from collections.abc import Callable, Iterator
from itertools import islice

from searchplane.domain.ids import NodeId
from searchplane.domain.ports import REST_PORT, TRANSPORT_PORT
from searchplane.errors import Permanent, Transient

FIRST_BLOCK = 16
ATTEMPTS = 64


def candidates(node_id: NodeId) -> Iterator[str]:
    """Addresses to try for a node, without end, always in the same order."""
    draw = random.Random(f"address of {node_id}")  # noqa: S311 - spread, not secrecy
    while True:
        second = draw.randint(FIRST_BLOCK, 255)
        yield f"127.{second}.{draw.randint(0, 255)}.{draw.randint(1, 254)}"


def is_free(address: str) -> bool:
    """Whether both ports can be bound on `address` now."""
    return all(_can_bind(address, port) for port in (REST_PORT, TRANSPORT_PORT))


def _can_bind(address: str, port: int) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        # As the engines do: a connection that is fading out does not count as busy.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((address, port))
        except OSError:
            return False
        return True


def choose(node_id: NodeId, free: Callable[[str], bool] = is_free) -> str:
    """The first free address of the node's candidates."""
    if sys.platform != "linux":
        raise Permanent("Nodes as processes need Linux, where each gets its own 127.x.y.z address")
    for address in islice(candidates(node_id), ATTEMPTS):
        if free(address):
            return address
    raise Transient(
        f"No loopback address has its ports {REST_PORT} and {TRANSPORT_PORT} free: a program that "
        f"listens on them on all addresses (0.0.0.0) takes them from every node"
    )
