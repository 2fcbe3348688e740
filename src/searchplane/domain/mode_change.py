"""Users and passwords, and TLS, turned on and off on a live cluster (api/semantics.md, 4.5).

All nodes stop before one starts again: nodes of two modes do not understand each other. Security
mode runs on one engine. A cluster of Elasticsearch gets there over the engines in between, all of
its nodes started on each with the data they have, and stays there when the mode is turned off
again: what a newer engine has opened an older one cannot open.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime

from searchplane.domain.change import Change, begun, check_idle, to_restart, with_nodes
from searchplane.domain.cluster import Action, ActionKind, Cluster, Node, Pace, Security
from searchplane.domain.engines import (
    ELASTICSEARCH_7_10_2,
    OPENSEARCH_1_3_6,
    SECURED_ENGINE,
    Engine,
)
from searchplane.domain.passwords import password_violations
from searchplane.domain.violation import Violation, refuse
from searchplane.errors import Refused

WAY = (ELASTICSEARCH_7_10_2, OPENSEARCH_1_3_6, SECURED_ENGINE)
"""From Elasticsearch to the engine with a security mode, each with the data of the one before."""


@dataclass(frozen=True)
class ModeWish:
    """What is wanted; a password is needed where users are turned on, and ignored elsewhere."""

    security: Security
    password: str | None = field(default=None, repr=False)


def turns_on(cluster: Cluster, wish: ModeWish) -> bool:
    return wish.security.authority and not cluster.spec.security.authority


def change_mode(cluster: Cluster, wish: ModeWish, now: datetime) -> Change:
    """`POST mode/change`. Raises Refused with every broken rule."""
    check_idle(cluster)
    refuse([*_violations(cluster, wish)])
    first, *hops = _engines(cluster, wish)
    action = Action(ActionKind.CHANGING_MODE, now, pace=Pace.AT_ONCE, hops=tuple(hops))
    spec = replace(cluster.spec, security=wish.security, engine=first)
    after = replace(with_nodes(cluster, lambda node: _marked(cluster, node)), spec=spec)
    said = f"change from {_named(cluster.spec.security)} to {_named(wish.security)}"
    return Change(cluster, begun(after, action), said, warnings=tuple(_warnings(cluster, wish)))


def reset_password(cluster: Cluster, password: str, now: datetime) -> Change:
    """`POST password/reset`: nodes go on running. Raises Refused with every broken rule."""
    check_idle(cluster)
    if not cluster.spec.security.authority:
        raise Refused(
            "CSS.5090", "the cluster is not in security mode, so it has no password; mode/change"
        )
    refuse([*password_violations("newpassword", password, user="admin")])
    action = Action(ActionKind.RESETTING_PASSWORD, now)
    return Change(cluster, begun(cluster, action), "set a new password of admin")


def _violations(cluster: Cluster, wish: ModeWish) -> Iterator[Violation]:
    wanted, exposure = wish.security, cluster.spec.exposure
    if wanted.https and not wanted.authority:
        yield Violation(
            "CSS.5171", "https_enable", True, "true needs authority_enable true as well"
        )
    elif wanted == cluster.spec.security:
        yield Violation.said("CSS.5090", f"the cluster has {_named(wanted)} already")
    if exposure.public is not None and not wanted.https:
        yield Violation("CSS.1122", "https_enable", False, "close the public access first")
    if exposure.dashboard is not None and not wanted.authority:
        yield Violation(
            "CSS.1123", "authority_enable", False, "close the public access to the dashboard first"
        )
    if turns_on(cluster, wish):
        yield from password_violations("admin_pwd", wish.password, user="admin")
        if cluster.spec.engine not in WAY:
            yield Violation(
                "CSS.5169",
                "authority_enable",
                True,
                f"{cluster.spec.engine} has no security mode here; upgrade to {SECURED_ENGINE} "
                "first",
            )


def _engines(cluster: Cluster, wish: ModeWish) -> tuple[Engine, ...]:
    """What nodes are started on, in order."""
    engine = cluster.spec.engine
    if not turns_on(cluster, wish) or engine == SECURED_ENGINE:
        return (engine,)
    return WAY[WAY.index(engine) + 1 :]


def _marked(cluster: Cluster, node: Node) -> Node:
    """How it runs now is written down, where that is not done yet: it can be asked so only."""
    return to_restart(
        replace(
            node,
            mode=node.mode or cluster.spec.mode,
            engine=node.engine or cluster.spec.engine,
        )
    )


def _warnings(cluster: Cluster, wish: ModeWish) -> Iterator[str]:
    if len(_engines(cluster, wish)) > 1:
        yield (
            f"the data is carried over to {SECURED_ENGINE}, which cannot be undone: the cluster "
            "stays on it when the security mode is turned off again"
        )
    if cluster.spec.security.authority and not wish.security.authority:
        yield "users, roles and their passwords are removed"


def _named(security: Security) -> str:
    if not security.authority:
        return "no users"
    return "users and HTTPS" if security.https else "users without HTTPS"
