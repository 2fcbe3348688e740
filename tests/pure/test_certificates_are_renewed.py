"""Certificates over the years: made anew before they end, loaded by nodes that run, and what
happens when nobody was there in time."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from cryptography import x509
from tests.support.cluster_examples import NOW, cluster, live, look, node, spec, view

from searchplane.domain import renewal
from searchplane.domain.cluster import Cluster, Security
from searchplane.domain.engines import SECURED_ENGINE
from searchplane.domain.observed import Observation, Running, Stopped, Unknown
from searchplane.domain.plan import Patience, Phase, Plan, plan
from searchplane.domain.steps import HaltNode, IssueCertificates, LoadCertificate, StartNode
from searchplane.reconciler.certificates import certified, ends_of_nodes, made

UP = (Running(), Running(), Running())
HTTPS = Security(authority=True, https=True)
SECURED = spec(engine=SECURED_ENGINE, security=HTTPS)
YEAR = timedelta(days=365)
DAY = timedelta(days=1)


def secured(until: datetime | None = None) -> Cluster:
    """A live cluster whose nodes were given certificates that end then."""
    record = live(spec=SECURED)
    nodes = tuple(replace(one, mode=HTTPS, certified_until=until) for one in record.nodes)
    return replace(record, nodes=nodes)


def seen(record: Cluster, stored: datetime, now: datetime, **changes: object) -> Observation:
    usual = look(*UP, engine=view(1, 2, 3), at=now)
    ends = {one.id: stored for one in record.nodes}
    return replace(usual, certificates=ends, **changes)  # type: ignore[arg-type]


def planned(record: Cluster, observation: Observation, *, is_certified: bool = True) -> Plan:
    patience = Patience(timedelta(minutes=10))
    return plan(record, observation, patience, certified=is_certified)


def pem(kept: dict[str, str], name: str) -> x509.Certificate:
    return x509.load_pem_x509_certificate(kept[f"{name}.certificate"].encode())


def issued() -> dict[str, str]:
    return made(secured(), {}, NOW)


def test_everything_is_made_once_and_good_until_30_days_before_its_end() -> None:
    record, kept = secured(), issued()
    assert certified(record, kept, NOW)
    assert made(record, kept, NOW) == {}
    assert certified(record, kept, NOW + YEAR - 30 * DAY - timedelta(seconds=1))
    assert not certified(record, kept, NOW + YEAR - 30 * DAY)


def test_what_is_due_is_made_anew_and_keys_of_the_control_plane_stay() -> None:
    record, kept, later = secured(), issued(), NOW + YEAR - 29 * DAY
    renewed = kept | made(record, kept, later)
    assert certified(record, renewed, later)
    assert renewed["control.key"] == kept["control.key"]
    assert renewed["authority.certificate"] == kept["authority.certificate"]
    for one in ("control", *(f"node.{one.id}" for one in record.nodes)):
        before, after = pem(kept, one), pem(renewed, one)
        assert after.not_valid_after_utc - before.not_valid_after_utc > 300 * DAY
        assert after.subject == before.subject
        assert after.issuer == before.issuer
    names = {one.id: f"node.{one.id}.key" for one in record.nodes}
    assert all(renewed[name] != kept[name] for name in names.values())


def test_only_what_is_due_is_made() -> None:
    record, kept = secured(), issued()
    late = replace(record, nodes=(*record.nodes, node(4, mode=HTTPS)))
    half = NOW + YEAR / 2
    more = made(late, kept, half)
    assert set(more) == {"node.node-4.certificate", "node.node-4.key"}
    assert set(made(late, kept | more, NOW + YEAR - DAY)) & set(more) == set()


def test_an_authority_is_renewed_in_time_for_full_years_and_still_vouches_for_old_ones() -> None:
    record, kept, now = secured(), issued(), NOW
    first = pem(kept, "authority")
    while pem(kept, "authority") == first:
        now += 100 * DAY
        kept |= made(record, kept, now)
        leaf = pem(kept, "node.node-1")
        assert leaf.not_valid_after_utc - now > 30 * DAY
        leaf.verify_directly_issued_by(pem(kept, "authority"))
        assert now < NOW + 10 * YEAR
    after = pem(kept, "authority")
    assert after.public_key() == first.public_key()
    assert after.subject == first.subject
    assert first.not_valid_after_utc - now > 265 * DAY


def test_due_certificates_are_issued_before_anything_else() -> None:
    record = secured(NOW + YEAR)
    found = planned(record, seen(record, NOW + YEAR, NOW), is_certified=False)
    assert found.steps == (IssueCertificates(),)


def test_members_load_what_was_made_for_them_while_they_run() -> None:
    record = secured(NOW + 29 * DAY)
    found = planned(record, seen(record, NOW + YEAR, NOW))
    assert found.steps == tuple(LoadCertificate(one.id) for one in record.nodes)
    assert found.sentence.endswith("renewing the certificates of 3 nodes")
    done = secured(NOW + YEAR)
    assert planned(done, seen(done, NOW + YEAR, NOW)).steps == ()


def test_a_node_that_is_away_keeps_nobody_from_it() -> None:
    record = secured(NOW + 29 * DAY)
    away = replace(
        seen(record, NOW + YEAR, NOW, engine=view(2, 3)),
        nodes={record.nodes[0].id: Stopped(), **{one.id: Running() for one in record.nodes[1:]}},
    )
    found = planned(record, away)
    assert found.phase is Phase.START
    assert found.steps == (
        StartNode(record.nodes[0].id),
        *(LoadCertificate(one.id) for one in record.nodes[1:]),
    )


def test_nothing_is_loaded_where_nobody_answers() -> None:
    record = secured(NOW + 29 * DAY)
    unseen = seen(record, NOW + YEAR, NOW, engine=Unknown("no node answers"))
    assert renewal.loads(record, unseen) == ()


@pytest.mark.parametrize("engine", [view(1, 2, 3), Unknown("certificate has expired")])
def test_a_cluster_found_with_expired_certificates_stops_and_starts_with_new_ones(
    engine: object,
) -> None:
    record = secured(NOW - DAY)
    found = planned(record, seen(record, NOW + YEAR, NOW, engine=engine))
    assert found.phase is Phase.HALT
    assert found.steps == tuple(HaltNode(one.id) for one in record.nodes)
    down = look(Stopped(), Stopped(), Stopped())
    again = planned(record, replace(down, certificates={one.id: NOW for one in record.nodes}))
    assert again.steps == tuple(StartNode(one.id) for one in record.nodes)


def test_expired_ones_are_not_stopped_before_there_are_others() -> None:
    record = secured(NOW - DAY)
    found = planned(record, seen(record, NOW - DAY, NOW), is_certified=False)
    assert found.steps == (IssueCertificates(),)


def test_plain_clusters_have_nothing_to_renew() -> None:
    kept = issued()
    record = live()
    assert certified(record, {}, NOW)
    plain = seen(record, NOW + YEAR, NOW)
    assert renewal.loads(record, plain) == ()
    assert planned(record, plain).steps == ()
    assert set(ends_of_nodes(record, kept).values()) == {NOW + YEAR}


def test_a_creation_makes_them_for_nodes_that_have_an_address() -> None:
    record = cluster(2, (node(1, address=None), node(2)), spec=SECURED)
    assert "node.node-1.certificate" not in made(record, {}, NOW)
    assert not certified(record, made(record, {}, NOW), NOW)


def test_a_whole_cluster_stays_whole_while_they_are_made() -> None:
    record = secured(NOW + 29 * DAY)
    found = planned(record, seen(record, NOW + 29 * DAY, NOW), is_certified=False)
    assert found.ready == {one.id for one in record.nodes}
    assert found.healthy
    assert found.sentence == "making certificates"
