"""Users and HTTPS on and off, new passwords: what is refused, and what it means for nodes."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from tests.support.cluster_examples import NOW, live, look, refused, spec

from searchplane.domain.change import next_engine
from searchplane.domain.cluster import Action, ActionKind, Cluster, Pace, Security
from searchplane.domain.engines import (
    OPENSEARCH_1_3_6,
    OPENSEARCH_2_17_1,
    SECURED_ENGINE,
    Datastore,
)
from searchplane.domain.exposure import DashboardAccess, Exposure, PublicAccess, WhiteList
from searchplane.domain.finishing import last_steps
from searchplane.domain.mode_change import ModeWish, change_mode, reset_password
from searchplane.domain.observed import Running
from searchplane.domain.plan import Patience, plan
from searchplane.domain.preview import preview
from searchplane.domain.steps import (
    CompleteAction,
    DropSecurityData,
    HaltNode,
    NextEngine,
    SetPassword,
)

PASSWORD = "Fresh-Pear-27"
PLAIN = Security()
USERS = Security(authority=True)
HTTPS = Security(authority=True, https=True)
NOBODY = WhiteList(enabled=False)
OPENSEARCH = Datastore("opensearch", "2.19.1")


def wish(security: Security, password: str | None = None) -> ModeWish:
    return ModeWish(security, password)


def of(security: Security, **changes: Any) -> Cluster:
    usual: dict[str, Any] = {
        "engine": SECURED_ENGINE,
        "datastore": OPENSEARCH,
        "security": security,
    }
    return live(spec=spec(**(usual | changes)))


def action(cluster: Cluster) -> Action:
    assert cluster.action is not None
    return cluster.action


def test_all_nodes_restart_at_once_in_the_new_mode_and_are_asked_in_the_old() -> None:
    after = change_mode(of(HTTPS), wish(USERS), NOW).after
    assert (action(after).kind, action(after).pace) == (ActionKind.CHANGING_MODE, Pace.AT_ONCE)
    assert all(one.is_stale for one in after.nodes)
    assert after.spec.mode == USERS
    assert after.mode == HTTPS
    started = replace(after.nodes[0], mode=USERS, restarts_done=1)
    assert replace(after, nodes=(started, *after.nodes[1:])).mode == USERS


def test_files_are_awaited_and_certificates_made_before_the_first_node_stops() -> None:
    after = change_mode(of(PLAIN), wish(HTTPS, PASSWORD), NOW).after
    assert after.awaits_engine
    patience = Patience(NOW - NOW)
    seen = look(Running(), Running(), Running())
    assert not any(
        isinstance(step, HaltNode) for step in plan(after, seen, patience, certified=False).steps
    )
    found = plan(after, seen, patience, certified=True)
    assert found.steps == tuple(HaltNode(one.id) for one in after.nodes)


def test_elasticsearch_passes_the_engines_in_between_without_users() -> None:
    change = change_mode(live(), wish(HTTPS, PASSWORD), NOW)
    after = change.after
    assert after.spec.engine == OPENSEARCH_1_3_6
    assert action(after).hops == (SECURED_ENGINE,)
    assert after.spec.mode == PLAIN
    assert after.engines_to_come == ((OPENSEARCH_1_3_6, False), (SECURED_ENGINE, True))
    assert last_steps(after) == (NextEngine(),)
    assert "cannot be undone" in change.warnings[0]
    assert [step.rpartition(" on ")[2] for step in preview(change).steps] == [
        "OpenSearch 1.3.6",
        "OpenSearch 2.19.1",
    ]
    done = replace(
        after, nodes=tuple(replace(one, restarts_done=one.restarts_wanted) for one in after.nodes)
    )
    last = next_engine(done)
    assert last.spec.engine == SECURED_ENGINE
    assert last.spec.mode == HTTPS
    assert action(last).hops == ()
    assert all(one.is_stale for one in last.nodes)
    assert last_steps(last) == (CompleteAction(),)


def test_turning_users_off_stays_on_the_engine_and_removes_their_data() -> None:
    store = Datastore("elasticsearch", "7.10.2")
    change = change_mode(of(HTTPS, datastore=store), wish(PLAIN), NOW)
    assert change.after.spec.engine == SECURED_ENGINE
    assert action(change.after).hops == ()
    assert last_steps(change.after) == (DropSecurityData(), CompleteAction())
    assert change.warnings == ("users, roles and their passwords are removed",)


def test_a_new_password_is_told_to_the_engine_before_the_action_ends() -> None:
    after = reset_password(of(HTTPS), PASSWORD, NOW).after
    assert not any(one.is_stale for one in after.nodes)
    assert last_steps(after) == (SetPassword(), CompleteAction())


def exposed(security: Security, **exposure: Any) -> Cluster:
    return of(security, exposure=Exposure(**exposure))


@pytest.mark.parametrize(
    ("record", "asked", "code"),
    [
        (of(PLAIN), wish(Security(https=True)), "CSS.5171"),
        (of(PLAIN), wish(PLAIN), "CSS.5090"),
        (of(HTTPS), wish(HTTPS), "CSS.5090"),
        (of(PLAIN), wish(HTTPS), "CSS.0050"),
        (of(PLAIN), wish(HTTPS, "short"), "CSS.0050"),
        (of(PLAIN), wish(HTTPS, "Admin@123"), "CSS.2026"),
        (of(PLAIN, engine=OPENSEARCH_2_17_1), wish(HTTPS, PASSWORD), "CSS.5169"),
        (exposed(HTTPS, public=PublicAccess(5, NOBODY)), wish(USERS), "CSS.1122"),
        (exposed(HTTPS, dashboard=DashboardAccess(5, NOBODY)), wish(PLAIN), "CSS.1123"),
    ],
)
def test_refusals(record: Cluster, asked: ModeWish, code: str) -> None:
    error = refused(lambda: change_mode(record, asked, NOW))
    assert error.code == code
    assert asked.password is None or asked.password not in error.detail


def test_what_is_not_left_is_not_in_the_way() -> None:
    change_mode(exposed(USERS, public=None), wish(HTTPS), NOW)
    change_mode(exposed(HTTPS, dashboard=DashboardAccess(5, NOBODY)), wish(USERS), NOW)


def test_a_plain_cluster_has_no_password_and_a_busy_one_no_other_mode() -> None:
    assert refused(lambda: reset_password(of(PLAIN), PASSWORD, NOW)).code == "CSS.5090"
    busy = replace(of(HTTPS), action=Action(ActionKind.REBOOTING, NOW))
    assert refused(lambda: change_mode(busy, wish(PLAIN), NOW)).code == "CSS.5090"
    grown = replace(of(HTTPS), action=Action(ActionKind.GROWING, NOW))
    assert refused(lambda: reset_password(grown, PASSWORD, NOW)).code == "CSS.0077"


def test_a_password_is_shown_nowhere() -> None:
    assert PASSWORD not in repr(wish(HTTPS, PASSWORD))
    assert PASSWORD not in repr(change_mode(of(PLAIN), wish(HTTPS, PASSWORD), NOW))
