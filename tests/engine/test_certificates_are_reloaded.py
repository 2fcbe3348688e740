"""A node that runs takes new certificates without a restart, those of an authority renewed too."""

from __future__ import annotations

import asyncio
import ssl
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from secured_cluster import SecuredCluster, secured_cluster
from tests.support.rotation import in_rotation

from searchplane.domain.observed import ClientIdentity, Target
from searchplane.domain.ports import REST_PORT, TRANSPORT_PORT
from searchplane.drivers.base import NodeRef
from searchplane.engine.certificates import (
    KeyPair,
    expires,
    issue_admin,
    issue_node,
    renew_authority,
)
from searchplane.engine.control import Control
from searchplane.engine.rest import tls_context
from searchplane.engine.service import Distributions

pytestmark = pytest.mark.engine


@pytest.mark.parametrize("https", in_rotation("https", [True, False]), ids=["tls", "transport"])
async def test_a_running_node_takes_new_certificates(
    distributions: Distributions, https: bool
) -> None:
    async with secured_cluster(distributions, 1, https=https) as cluster:
        ((ref, before),) = cluster.specs.items()
        pid = await cluster.driver.observe(ref)
        ends, identity = await _renew(cluster, ref)
        await cluster.driver.ensure(cluster.specs[ref])
        assert before.files != cluster.specs[ref].files
        target = replace(cluster.target, identity=identity)
        await Control().reload_certificates(target)
        assert await cluster.driver.observe(ref) == pid
        ports = (REST_PORT, TRANSPORT_PORT) if https else (TRANSPORT_PORT,)
        for port in ports:
            assert await _served(target, port) == ends
        # What did not change may be asked for again: a pass that was cut off does so.
        await Control().reload_certificates(target)
        cluster.target = target
        await cluster.stop()
        await cluster.start()


async def _renew(cluster: SecuredCluster, ref: NodeRef) -> tuple[datetime, ClientIdentity]:
    """New certificates for everybody, put into what the driver is told of the node."""
    old = cluster.target.identity
    assert old is not None
    now = datetime.now(UTC) + timedelta(minutes=1)
    authority = renew_authority(KeyPair(old.authority_pem, cluster.authority_key), now)
    spec = cluster.specs[ref]
    node = issue_node(authority, name=spec.name, address=spec.address, now=now)
    control = issue_admin(authority, ref.cluster_id, now, key_pem=old.key_pem)
    files = dict(spec.files) | {
        "certs/authority.pem": authority.certificate_pem.encode(),
        "certs/node.pem": node.certificate_pem.encode(),
        "certs/node-key.pem": node.key_pem.encode(),
    }
    cluster.specs[ref] = replace(spec, files=files)
    identity = ClientIdentity(authority.certificate_pem, control.certificate_pem, control.key_pem)
    return expires(node.certificate_pem), identity


async def _served(target: Target, port: int) -> datetime:
    """When the certificate ends that a node shows at a port."""
    assert target.identity is not None
    context = tls_context(target.identity)
    _reader, writer = await asyncio.open_connection(target.addresses[0], port, ssl=context)
    tunnel = writer.get_extra_info("ssl_object")
    assert isinstance(tunnel, ssl.SSLObject)
    shown = tunnel.getpeercert(binary_form=True)
    writer.close()
    assert shown is not None
    return x509.load_der_x509_certificate(shown).not_valid_after_utc
