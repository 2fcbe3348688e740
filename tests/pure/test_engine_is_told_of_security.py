"""What the control plane tells a secured cluster, and what it makes of the answers."""

from __future__ import annotations

import json
import ssl

import httpx
import pytest

from searchplane.domain.observed import Target
from searchplane.engine.control import Control
from searchplane.errors import Permanent, Transient

TARGET = Target(("127.20.0.1",))
BOTH = Target(("127.20.0.1",), https=True)


class Node:
    """Answers every request the same, and keeps what was asked."""

    def __init__(self, status: int = 200, failure: Exception | None = None) -> None:
        self.asked: list[tuple[str, str, object]] = []
        self._status = status
        self._failure = failure
        self.control = Control(transport=httpx.MockTransport(self._answer))

    def _answer(self, request: httpx.Request) -> httpx.Response:
        body = json.loads(request.content) if request.content else None
        self.asked.append((request.method, request.url.path, body))
        if self._failure is not None:
            raise self._failure
        return httpx.Response(self._status, json={"message": "as it is"})


async def test_a_password_is_patched_so_that_the_user_stays_what_it_is() -> None:
    node = Node()
    await node.control.set_admin_hash(TARGET, "$2y$12$hash")
    patch = [{"op": "replace", "path": "/hash", "value": "$2y$12$hash"}]
    assert node.asked == [("PATCH", "/_plugins/_security/api/internalusers/admin", patch)]


async def test_data_of_the_security_mode_that_is_gone_already_is_no_failure() -> None:
    node = Node()
    await node.control.drop_security_data(TARGET)
    assert node.asked == [("DELETE", "/.opendistro_security", None)]


@pytest.mark.parametrize(
    ("target", "layers"), [(TARGET, ["transport"]), (BOTH, ["transport", "http"])]
)
async def test_every_layer_that_has_tls_is_reloaded(target: Target, layers: list[str]) -> None:
    node = Node()
    await node.control.reload_certificates(target)
    path = "/_plugins/_security/api/ssl/{}/reloadcerts"
    assert node.asked == [("PUT", path.format(layer), None) for layer in layers]


@pytest.mark.parametrize("status", [401, 403, 429, 503])
async def test_a_node_that_is_busy_is_asked_again(status: int) -> None:
    with pytest.raises(Transient, match="does not reload"):
        await Node(status).control.reload_certificates(TARGET)


@pytest.mark.parametrize("status", [400, 404, 500])
async def test_a_node_that_cannot_reload_needs_a_restart(status: int) -> None:
    with pytest.raises(Permanent, match="does not reload"):
        await Node(status).control.reload_certificates(TARGET)


@pytest.mark.parametrize("failure", [httpx.ConnectError("gone"), ssl.SSLError("expired")])
async def test_a_node_that_does_not_answer_is_asked_again(failure: Exception) -> None:
    with pytest.raises(Transient, match="does not answer"):
        await Node(failure=failure).control.reload_certificates(TARGET)
