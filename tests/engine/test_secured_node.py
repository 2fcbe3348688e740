"""Secured clusters on real nodes: who gets in, who does not, with TLS and without."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import httpx
import pytest
from secured_cluster import PASSWORD, SecuredCluster, secured_cluster

from searchplane.domain.observed import ClientIdentity, Target, Unknown
from searchplane.engine.certificates import issue_admin, new_authority
from searchplane.engine.probe import Probe
from searchplane.engine.security import admin_password_hash, control_token
from searchplane.engine.service import Distributions

pytestmark = pytest.mark.engine

NEW_PASSWORD = "N3w#Password"
DEMO_USERS = ("kibanaserver", "kibanaro", "logstash", "readall", "snapshotrestore", "anomalyadmin")
"""Users the security plugin ships; their passwords are published, mostly equal to their names."""


async def test_two_nodes_with_tls(distributions: Distributions) -> None:
    async with secured_cluster(distributions, 2, https=True, as_elasticsearch=True) as cluster:
        # From the very first complete view on, users can log in on every node.
        await _admin_gets_in_everywhere(cluster)
        await _answers_as_elasticsearch_7_10_2(cluster)
        await _others_do_not_get_in(cluster)
        await _plain_http_is_refused(cluster)
        await _a_stranger_with_a_certificate_of_his_own_is_refused(cluster)
        await _a_document_and_the_password_outlive_a_full_restart(cluster)


async def test_users_without_tls(distributions: Distributions) -> None:
    async with secured_cluster(distributions, 1, https=False) as cluster:
        await _admin_gets_in_everywhere(cluster)
        await _others_do_not_get_in(cluster)
        await _only_fresh_tokens_of_this_cluster_get_in(cluster)
        await _nobody_can_become_the_control_plane(cluster)
        await _the_control_plane_changes_the_admins_password(cluster)
        await _a_restart_does_not_bring_the_first_password_back(cluster)


async def _admin_gets_in_everywhere(cluster: SecuredCluster) -> None:
    async with cluster.user() as admin:
        for url in cluster.urls("/_cluster/health"):
            answer = await admin.get(url)
            assert answer.json()["status"] == "green", answer.text


async def _answers_as_elasticsearch_7_10_2(cluster: SecuredCluster) -> None:
    async with cluster.user() as admin:
        version = (await admin.get(cluster.url("/"))).json()["version"]
    assert version["number"] == "7.10.2"
    assert "distribution" not in version


async def _others_do_not_get_in(cluster: SecuredCluster) -> None:
    known = [("admin", "admin"), ("admin", f"{PASSWORD}x"), ("searchplane-control", "")]
    for name, password in [*known, *((user, user) for user in DEMO_USERS)]:
        async with cluster.user(name, password) as client:
            assert (await client.get(cluster.url("/"))).status_code == 401, name
    async with cluster.user() as client:
        assert (await client.get(cluster.url("/"), auth=None)).status_code == 401


async def _plain_http_is_refused(cluster: SecuredCluster) -> None:
    async with httpx.AsyncClient(trust_env=False) as client:
        with pytest.raises(httpx.RemoteProtocolError):
            await client.get(cluster.url("/").replace("https:", "http:"))


async def _a_stranger_with_a_certificate_of_his_own_is_refused(cluster: SecuredCluster) -> None:
    """He uses the right name, signed by an authority that is not this cluster's.

    Whether he reads why depends on whether the node's last words or the end of the connection
    reach him first.
    """
    identity = cluster.target.identity
    assert identity
    now = datetime.now(UTC)
    cluster_id = next(iter(cluster.specs)).cluster_id
    forged = issue_admin(new_authority("test", cluster_id, now), cluster_id, now)
    stranger = ClientIdentity(identity.authority_pem, forged.certificate_pem, forged.key_pem)
    probe = Probe()
    seen = await probe.view(Target(cluster.target.addresses, https=True, identity=stranger))
    await probe.close()
    assert isinstance(seen, Unknown)


async def _a_document_and_the_password_outlive_a_full_restart(cluster: SecuredCluster) -> None:
    async with cluster.user() as admin:
        settings = {"number_of_shards": 1, "number_of_replicas": 1}
        created = await admin.put(cluster.url("/books"), json={"settings": settings})
        assert created.is_success, created.text
        answer = await admin.put(cluster.url("/books/_doc/1?refresh=true"), json={"title": "hello"})
        assert answer.status_code == 201, answer.text
    await cluster.stop()
    await cluster.start()
    async with cluster.user() as admin:
        found = await admin.get(cluster.url("/books/_doc/1"))
        assert found.json()["_source"] == {"title": "hello"}, found.text


async def _only_fresh_tokens_of_this_cluster_get_in(cluster: SecuredCluster) -> None:
    identity = cluster.target.identity
    assert identity
    now = datetime.now(UTC)
    authority = new_authority("test", next(iter(cluster.specs)).cluster_id, now)
    forged = issue_admin(authority, next(iter(cluster.specs)).cluster_id, now)
    stranger = ClientIdentity(identity.authority_pem, forged.certificate_pem, forged.key_pem)
    tokens = {
        control_token(identity, now): 200,
        control_token(identity, now - timedelta(minutes=3)): 401,
        control_token(stranger, now): 401,
    }
    async with httpx.AsyncClient(trust_env=False) as client:
        for token, status in tokens.items():
            bearer = {"Authorization": f"Bearer {token}"}
            answer = await client.get(cluster.url("/_cluster/health"), headers=bearer)
            assert answer.status_code == status


async def _nobody_can_become_the_control_plane(cluster: SecuredCluster) -> None:
    """The admin sees neither its user nor its role, and cannot make or change them."""
    api = "/_plugins/_security/api"
    password = {"password": "An0ther#Secret-of-mine"}
    member = {"users": ["admin"]}
    async with cluster.user() as admin:
        for path, body in (
            (f"{api}/internalusers/searchplane-control", password),
            (f"{api}/rolesmapping/searchplane_control", member),
        ):
            assert (await admin.put(cluster.url(path), json=body)).status_code == 404
            assert (await admin.delete(cluster.url(path))).status_code == 404
        users = (await admin.get(cluster.url(f"{api}/internalusers"))).json()
        changed = await admin.put(cluster.url(f"{api}/internalusers/admin"), json=password)
    assert set(users) == {"admin"}
    assert changed.status_code == 403


async def _the_control_plane_changes_the_admins_password(cluster: SecuredCluster) -> None:
    path = cluster.url("/_plugins/_security/api/internalusers/admin")
    change = [{"op": "replace", "path": "/hash", "value": admin_password_hash(NEW_PASSWORD)}]
    async with cluster.control() as control:
        changed = await control.patch(path, json=change)
        assert changed.is_success, changed.text
        assert (await control.get(path)).json()["admin"]["reserved"] is True
    await _only_the_new_password_is_good(cluster)


async def _a_restart_does_not_bring_the_first_password_back(cluster: SecuredCluster) -> None:
    """The node's files still hold the first hash."""
    await cluster.stop()
    await cluster.start()
    await _only_the_new_password_is_good(cluster)


async def _only_the_new_password_is_good(cluster: SecuredCluster) -> None:
    for password, status in ((NEW_PASSWORD, 200), (PASSWORD, 401)):
        async with cluster.user(password=password) as admin:
            assert (await admin.get(cluster.url("/"))).status_code == status
