"""What the control plane tells a cluster's master: which nodes are to give their shards away, and
which give up their votes.

Each call says the whole of what is to hold, so it may be repeated, and a later pass takes back
what an earlier one said. It is answered when the master has accepted it; whether shards have
moved or votes were handed over is for the next look to see.

It will not decide anything, and it asks one node after the other until one takes the call.
"""

from __future__ import annotations

import ssl
from collections.abc import Callable
from typing import Any

import httpx

from searchplane.domain.observed import Target
from searchplane.engine.placement import EXCLUDED_SETTING
from searchplane.engine.rest import Clock, node_url, open_client, utc_now
from searchplane.errors import Transient

PATIENCE = 30.0
"""Seconds. Handing over a vote waits for an election where the node is the master itself."""

VOTES = "/_cluster/voting_config_exclusions"


class Control:
    """Opens a connection for each call: such calls are rare. `transport` is replaced in tests."""

    def __init__(
        self, *, transport: httpx.AsyncBaseTransport | None = None, clock: Clock = utc_now
    ) -> None:
        self._transport = transport
        self._clock = clock

    async def exclude_from_allocation(self, target: Target, addresses: frozenset[str]) -> None:
        """A transient one, which would go before ours, can only be left from another's hand."""
        value = ",".join(sorted(addresses)) or None
        body = {"persistent": {EXCLUDED_SETTING: value}, "transient": {EXCLUDED_SETTING: None}}
        await self._tell(target, "setting where shards may go", _put("/_cluster/settings", body))

    async def exclude_from_voting(self, target: Target, names: frozenset[str]) -> None:
        """All are given back first: the engine keeps a list of at most ten."""
        clear = _call("DELETE", f"{VOTES}?wait_for_removal=false")
        await self._tell(target, "giving nodes their votes back", clear)
        if names:
            add = _call("POST", f"{VOTES}?node_names={','.join(sorted(names))}&timeout=20s")
            await self._tell(target, "handing over votes", add)

    async def _tell(
        self, target: Target, doing: str, call: Callable[[str], dict[str, Any]]
    ) -> None:
        said = "no node has an address"
        async with open_client(target, transport=self._transport, clock=self._clock) as client:
            for address in target.addresses:
                try:
                    answer = await client.request(
                        **call(node_url(target, address)), timeout=PATIENCE
                    )
                except (httpx.HTTPError, ssl.SSLError) as error:
                    said = f"{address} does not answer ({type(error).__name__})"
                    continue
                if answer.is_success:
                    return
                said = f"{address} answers {answer.status_code}: {answer.text[:200]}"
        raise Transient(f"{doing} failed: {said}")


def _put(path: str, body: dict[str, Any]) -> Callable[[str], dict[str, Any]]:
    return lambda root: {"method": "PUT", "url": root + path, "json": body}


def _call(method: str, path: str) -> Callable[[str], dict[str, Any]]:
    return lambda root: {"method": method, "url": root + path}
