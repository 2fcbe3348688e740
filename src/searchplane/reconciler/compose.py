"""What a driver is told about a node, from the record and its secrets. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from searchplane.domain.cluster import Cluster, Node
from searchplane.domain.engines import reports_as_elasticsearch
from searchplane.domain.observed import ClientIdentity, Target
from searchplane.domain.safety import masters
from searchplane.domain.zones import data_zones
from searchplane.drivers.base import NodeRef, NodeSpec
from searchplane.engine.config import NodeConfig, render
from searchplane.engine.keystore import file_name, keystore
from searchplane.engine.repositories import FOLDER_BUCKETS, BucketStore
from searchplane.engine.security import security_files, security_settings
from searchplane.reconciler.certificates import CONTROL, node_name, pair
from searchplane.store.secrets import ADMIN_HASH, AUTHORITY_CERTIFICATE

Compose = Callable[[Cluster, Node, Mapping[str, str]], NodeSpec]


def composer(bucket_root: Callable[[int], Path], store: BucketStore = FOLDER_BUCKETS) -> Compose:
    """A composer for a driver; `bucket_root` gives a project's bucket folder by its number.

    `store` is where buckets are.
    """

    def compose(cluster: Cluster, node: Node, secrets: Mapping[str, str]) -> NodeSpec:
        view = _view(cluster, node, secrets, bucket_root(cluster.tenant), store)
        return NodeSpec(
            ref=NodeRef(cluster.id, node.id),
            name=node.name,
            tenant=cluster.tenant,
            address=view.address,
            engine=cluster.spec.engine,
            secured=cluster.spec.mode.authority,
            processors=node.processors,
            heap_mb=node.heap_mb,
            files=render(view),
        )

    return compose


def target_of(cluster: Cluster, secrets: Mapping[str, str], addresses: tuple[str, ...]) -> Target:
    """How the control plane asks this cluster."""
    if not cluster.mode.authority:
        return Target(addresses)
    control = pair(secrets, CONTROL)
    identity = ClientIdentity(
        secrets[AUTHORITY_CERTIFICATE], control.certificate_pem, control.key_pem
    )
    return Target(addresses, https=cluster.mode.https, identity=identity)


def addresses_of(cluster: Cluster) -> tuple[str, ...]:
    """Where the cluster's nodes can be asked, masters first."""
    ordered = sorted(cluster.nodes, key=lambda node: node not in masters(cluster.nodes))
    return tuple(node.address for node in ordered if node.address is not None)


def _view(
    cluster: Cluster,
    node: Node,
    secrets: Mapping[str, str],
    path_repo: Path,
    store: BucketStore,
) -> NodeConfig:
    eligible = masters(cluster.nodes)
    giving_up = tuple(one for one in cluster.nodes if cluster.gives_up_vote(one))
    secured = cluster.spec.mode.authority
    return NodeConfig(
        engine=cluster.spec.engine,
        cluster_name=cluster.spec.engine_name,
        node_name=node.name,
        role=node.role,
        master_eligible=node in (*eligible, *giving_up),
        zone=node.zone,
        zones=data_zones(cluster),
        address=_placed(node),
        seed_addresses=tuple(_placed(master) for master in (*eligible, *giving_up)),
        processors=node.processors,
        path_repo=path_repo,
        bootstrap_masters=() if cluster.bootstrapped else tuple(master.name for master in eligible),
        reports_as_elasticsearch=reports_as_elasticsearch(cluster.answers_as, cluster.spec.engine),
        settings={**store.node_settings(), **_security_settings(cluster)},
        files={
            **_keystore(cluster, store),
            **(_security_files(node, secrets) if secured else {}),
        },
    )


def _security_settings(cluster: Cluster) -> Mapping[str, Any]:
    mode = cluster.spec.mode
    return security_settings(cluster.id, https=mode.https) if mode.authority else {}


def _keystore(cluster: Cluster, store: BucketStore) -> dict[str, bytes]:
    """Without secrets the engine makes one of its own, which is left to it."""
    family, held = cluster.spec.engine.family, store.node_secrets()
    return {file_name(family): keystore(family, held)} if held else {}


def _security_files(node: Node, secrets: Mapping[str, str]) -> dict[str, bytes]:
    return security_files(
        node=pair(secrets, node_name(node.id)),
        authority_pem=secrets[AUTHORITY_CERTIFICATE],
        control_pem=pair(secrets, CONTROL).certificate_pem,
        admin_hash=secrets[ADMIN_HASH],
    )


def _placed(node: Node) -> str:
    if node.address is None:
        raise ValueError(f"{node.name} has no address yet; it is placed before it is composed")
    return node.address
