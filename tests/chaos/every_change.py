"""Every change of a live cluster, as it is accepted: what cluster it is asked of, and its rule."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from itertools import count

from tests.support.cluster_examples import ZONES
from tests.support.paper_world import FLAVOR, PLAIN, Clock, World

from searchplane.domain.change import Change
from searchplane.domain.cluster import ActionKind, Cluster, NodeGroup, Role, Security
from searchplane.domain.departure import replace_node, shrink, take_offline
from searchplane.domain.engines import (
    DEFAULT_DATASTORE,
    ELASTICSEARCH_7_10_2,
    SECURED_ENGINE,
)
from searchplane.domain.flavor_change import FlavorWish, change_flavor
from searchplane.domain.flavors import flavor_id
from searchplane.domain.growth import Growth, Place, add_group, extend, fixed_volume, grow
from searchplane.domain.ids import NodeId
from searchplane.domain.layout import HostLimits
from searchplane.domain.mode_change import ModeWish, change_mode, reset_password
from searchplane.domain.restarts import restart, restart_part, restart_rolling
from searchplane.domain.upgrades import IMAGES, UpgradeKind, Wish, upgrade
from searchplane.domain.zones import Move, MoveKind, move
from searchplane.store.secrets import ADMIN_HASH

UPGRADE = Wish(IMAGES[1].id, UpgradeKind.CROSS_ENGINE, checks_backup=False, agency="css")
SPREAD = Move("all", ZONES[0], ZONES, MoveKind.SPREAD, checks_backup=False, agency="css")
BIGGER = FlavorWish("ess", "vm", flavor_id(DEFAULT_DATASTORE, Role.DATA, "ess.spec-4u16g"))
PASSWORD = "Fresh-Pear-27"
USERS = Security(authority=True, https=True)
NEW_HASH = "of a new password"


@dataclass(frozen=True)
class Asked:
    """What is asked of a cluster of these nodes; `secrets` come with the request."""

    layout: Mapping[Role, int]
    rule: Callable[[Cluster], Change]
    security: Security = PLAIN
    secrets: Mapping[str, str] = field(default_factory=dict)

    def accepted(self, world: World) -> ActionKind:
        """A cluster with data that is whole, and the change accepted and nothing of it done; gives
        what is being done to it."""
        is_secured = self.security.authority
        engine = SECURED_ENGINE if is_secured else ELASTICSEARCH_7_10_2
        world.create(self.layout, self.security, engine)
        world.add_index(3, 1)
        world.until_idle()
        world.ask(self.rule, self.secrets)
        action = world.there.action
        assert action is not None, "refused"
        return action.kind


def place() -> Place:
    numbers = count(100)
    return Place(HostLimits(512, 2), lambda: NodeId(f"new-{next(numbers)}"))


def _dedicated(role: Role) -> Asked:
    group = NodeGroup(role, 3, FLAVOR, fixed_volume("COMMON"))
    return Asked(DATA, lambda one: add_group(one, role, group, place(), Clock.at))


DATA = {Role.DATA: 4}
TYPES = {Role.MASTER: 3, Role.DATA: 2, Role.CLIENT: 1}
MORE = (Growth(Role.DATA, 1, 20), Growth(Role.CLIENT, 1, 0))
LARGER = (Growth(Role.DATA, 0, 20),)
FEWER = {Role.MASTER: 2, Role.DATA: 1}
TWO = ["node-1", "node-2"]

CHANGES: Mapping[str, Asked] = {
    "extend": Asked(DATA, lambda one: extend(one, 2, place(), Clock.at)),
    "role_extend": Asked(TYPES, lambda one: grow(one, MORE, place(), Clock.at)),
    "role_extend of disks": Asked(TYPES, lambda one: grow(one, LARGER, place(), Clock.at)),
    "independent masters": _dedicated(Role.MASTER),
    "independent clients": _dedicated(Role.CLIENT),
    "role/shrink": Asked(DATA, lambda one: shrink(one, {Role.DATA: 1}, Clock.at)),
    "role/shrink of masters": Asked(
        {Role.MASTER: 5, Role.DATA: 3}, lambda one: shrink(one, FEWER, Clock.at)
    ),
    "node/offline": Asked(DATA, lambda one: take_offline(one, TWO[:1], Clock.at, drains=True)),
    "node/offline with its data": Asked(
        {Role.DATA: 5}, lambda one: take_offline(one, TWO, Clock.at, drains=False)
    ),
    "replace": Asked(DATA, lambda one: replace_node(one, "node-1", Clock.at, drains=True)),
    "replace with its data": Asked(
        DATA, lambda one: replace_node(one, "node-2", Clock.at, drains=False)
    ),
    "restart": Asked(DATA, lambda one: restart(one, Clock.at)),
    "restart of a node": Asked(DATA, lambda one: restart_part(one, "node", "node-1", Clock.at)),
    "restart of a type": Asked(
        TYPES, lambda one: restart_part(one, "role", "ess-master", Clock.at)
    ),
    "rolling-restart": Asked(TYPES, lambda one: restart_rolling(one, "role", "all", Clock.at)),
    "flavor": Asked(
        {Role.DATA: 3}, lambda one: change_flavor(one, BIGGER, HostLimits(4096, 4), Clock.at)
    ),
    "mode/change to users": Asked(
        {Role.DATA: 2}, lambda one: change_mode(one, ModeWish(USERS, PASSWORD), Clock.at)
    ),
    "mode/change to none": Asked(
        {Role.DATA: 2}, lambda one: change_mode(one, ModeWish(PLAIN), Clock.at), USERS
    ),
    "password/reset": Asked(
        {Role.DATA: 2},
        lambda one: reset_password(one, PASSWORD, Clock.at),
        USERS,
        {ADMIN_HASH: NEW_HASH},
    ),
    "image/upgrade": Asked(DATA, lambda one: upgrade(one, UPGRADE, "task", Clock.at)),
    "image/upgrade in batches": Asked(
        {Role.MASTER: 3, Role.DATA: 3, Role.CLIENT: 3},
        lambda one: upgrade(one, replace(UPGRADE, batch_size=3), "task", Clock.at),
    ),
    "azmigrate": Asked(DATA, lambda one: move(one, SPREAD, ZONES, "task", Clock.at)),
}
