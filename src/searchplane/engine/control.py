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
from searchplane.engine.security import ADMIN_USER
from searchplane.errors import Permanent, Transient

PATIENCE = 30.0
"""Seconds. Handing over a vote waits for an election where the node is the master itself."""

RELOAD_PATIENCE = 10.0
"""Seconds for a node to read its certificates again."""

BUSY = (401, 403, 429, 502, 503, 504)
"""What a node answers while its security is being set up, or it has too much to do."""

SECURITY = "/_plugins/_security/api"
SECURITY_INDEX = ".opendistro_security"
"""Where the security plugin keeps users and rights."""

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

    async def set_admin_hash(self, target: Target, admin_hash: str) -> None:
        """A patch: replacing the whole user would make it an ordinary one."""
        patch = [{"op": "replace", "path": "/hash", "value": admin_hash}]
        call = _send("PATCH", f"{SECURITY}/internalusers/{ADMIN_USER}", patch)
        await self._tell(target, "setting the admin's password", call)

    async def drop_security_data(self, target: Target) -> None:
        call = _call("DELETE", f"/{SECURITY_INDEX}?ignore_unavailable=true")
        await self._tell(target, "removing the data of the security mode", call)

    async def reload_certificates(self, target: Target) -> None:
        """Refusals that another try would not change are Permanent."""
        for layer in ("transport", "http") if target.https else ("transport",):
            await self._reload(target, layer)

    async def _reload(self, target: Target, layer: str) -> None:
        (address,) = target.addresses
        url = f"{node_url(target, address)}{SECURITY}/ssl/{layer}/reloadcerts"
        async with open_client(target, transport=self._transport, clock=self._clock) as client:
            try:
                answer = await client.put(url, timeout=RELOAD_PATIENCE)
            except (httpx.HTTPError, ssl.SSLError) as error:
                raise Transient(f"{address} does not answer ({type(error).__name__})") from error
        if answer.is_success:
            return
        said = f"{address} does not reload its certificates: {answer.text[:200]}"
        raise Transient(said) if answer.status_code in BUSY else Permanent(said)

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
    return _send("PUT", path, body)


def _send(method: str, path: str, body: object) -> Callable[[str], dict[str, Any]]:
    return lambda root: {"method": method, "url": root + path, "json": body}


def _call(method: str, path: str) -> Callable[[str], dict[str, Any]]:
    return lambda root: {"method": method, "url": root + path}
