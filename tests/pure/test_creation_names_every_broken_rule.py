"""Every rule of a create request: its code, and a message with field, value and what is right."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.cluster_examples import ZONES, draft, refused

from searchplane.api.codes import CODES
from searchplane.domain.cluster import Network, Security, Tag, Volume
from searchplane.domain.creation import Draft, accept
from searchplane.domain.engines import Datastore
from searchplane.domain.flavors import FLAVORS
from searchplane.errors import Refused

NICS = Network("vpc", "net", "group")
SECURED = {"security": Security(authority=True, https=True), "password": "Fresh-Pear-27"}

BROKEN: list[tuple[dict[str, Any], str, str, str, str]] = [
    ({"name": "abc"}, "CSS.5049", "cluster.name", "'abc'", "4 to 32"),
    ({"name": "a" * 33}, "CSS.5049", "cluster.name", "aaa", "4 to 32"),
    ({"name": "1abc"}, "CSS.5049", "cluster.name", "'1abc'", "first a letter"),
    ({"name": "ab.cd"}, "CSS.5049", "cluster.name", "'ab.cd'", "letters, digits"),
    ({"name": "abcdé"}, "CSS.5049", "cluster.name", "é", "letters"),
    ({"name": "abcd\n"}, "CSS.5049", "cluster.name", "\\n", "letters"),
    ({"name": "abcd\0"}, "CSS.5049", "cluster.name", "\\x00", "letters"),
    ({"name": ""}, "CSS.5049", "cluster.name", "''", "4 to 32"),
    ({"count": 0}, "CSS.5047", "cluster.instanceNum", "0", "1 to 32"),
    ({"count": -1}, "CSS.5047", "cluster.instanceNum", "-1", "1 to 32"),
    ({"count": 33}, "CSS.5047", "cluster.instanceNum", "33", "1 to 32"),
    ({"flavor": "huge"}, "CSS.5007", "cluster.instance.flavorRef", "'huge'", "ess.spec-2u16g"),
    ({"flavor": ""}, "CSS.5007", "cluster.instance.flavorRef", "''", "GET flavors"),
    (
        {"volume": Volume("SSD", 100)},
        "CSS.5008",
        "cluster.instance.volume.volume_type",
        "'SSD'",
        "COMMON, HIGH, ULTRAHIGH, ESSD",
    ),
    ({"volume": Volume("COMMON", 20)}, "CSS.5009", "volume.size", "20", "40 to 1280 GB"),
    ({"volume": Volume("COMMON", 1300)}, "CSS.5009", "volume.size", "1300", "40 to 1280 GB"),
    ({"volume": Volume("COMMON", 0)}, "CSS.5009", "volume.size", "0", "40 to 1280 GB"),
    ({"volume": Volume("COMMON", 50)}, "CSS.5033", "volume.size", "50", "multiple of 20"),
    ({"volume": Volume("COMMON", 10**4200)}, "CSS.5009", "volume.size", "1000", "40 to 1280"),
    ({"network": Network("", "", "")}, "CSS.5046", "cluster.instance.nics", "vpcId", "netId"),
    ({"network": replace(NICS, vpc_id="")}, "CSS.5021", "nics.vpcId", "''", "1 to 64"),
    ({"network": replace(NICS, subnet_id=" ")}, "CSS.5022", "nics.netId", "' '", "1 to 64"),
    (
        {"network": replace(NICS, security_group_id="g" * 65)},
        "CSS.5023",
        "nics.securityGroupId",
        "ggg",
        "1 to 64",
    ),
    ({"network": replace(NICS, vpc_id="a\0")}, "CSS.5021", "nics.vpcId", "\\x00", "1 to 64"),
    ({"availability_zone": "eu-de-01"}, "CSS.5052", "availability_zone", "eu-de-01", "local-1"),
    ({"availability_zone": "local-1,"}, "CSS.5052", "availability_zone", "'local-1,'", "local-1"),
    (
        {"availability_zone": "local-1,local-1"},
        "CSS.5052",
        "availability_zone",
        "local-1,local-1",
        "different ones",
    ),
    (
        {"availability_zone": "local-1,local-2", "count": 1},
        "CSS.5172",
        "cluster.instanceNum",
        "1",
        "2 availability zones",
    ),
    (
        {"security": Security(authority=False, https=True)},
        "CSS.5171",
        "cluster.httpsEnable",
        "True",
        "authorityEnable true",
    ),
    ({**SECURED, "password": None}, "CSS.0050", "cluster.adminPwd", "missing", "password"),
    ({**SECURED, "password": "Short-1"}, "CSS.0050", "cluster.adminPwd", "8 to 32", ""),
    (
        {**SECURED, "datastore": Datastore("opensearch", "1.3.6")},
        "CSS.5169",
        "authorityEnable",
        "1.3.6",
        "opensearch 2.19.1",
    ),
    (
        {"datastore": Datastore("solr", "9")},
        "CSS.5002",
        "cluster.datastore.type",
        "'solr'",
        "elasticsearch, opensearch",
    ),
    (
        {"datastore": Datastore("elasticsearch", "7.6.2")},
        "CSS.5003",
        "cluster.datastore.version",
        "'7.6.2'",
        "7.10.2",
    ),
    (
        {"datastore": Datastore("opensearch", "3.0.0")},
        "CSS.5003",
        "cluster.datastore.version",
        "'3.0.0'",
        "1.3.6, 2.11.0, 2.17.1, 2.19.0, 2.19.1",
    ),
    (
        {"tags": tuple(Tag(f"key{number}", "") for number in range(21))},
        "CSS.5038",
        "cluster.tags",
        "21",
        "at most 20",
    ),
    ({"tags": (Tag("a", "1"), Tag("a", "2"))}, "CSS.5137", "cluster.tags", "each key once", ""),
    ({"tags": (Tag("", "1"),)}, "CSS.5137", "cluster.tags.key", "''", "1 to 128"),
    ({"tags": (Tag("a" * 129, "1"),)}, "CSS.5137", "cluster.tags.key", "aaa", "1 to 128"),
    ({"tags": (Tag("sys_a", "1"),)}, "CSS.5137", "cluster.tags.key", "'sys_a'", "sys"),
    ({"tags": (Tag(" a", "1"),)}, "CSS.5137", "cluster.tags.key", "' a'", "spaces"),
    ({"tags": (Tag("a/b", "1"),)}, "CSS.5137", "cluster.tags.key", "'a/b'", "letters"),
    ({"tags": (Tag("a", "b" * 256),)}, "CSS.5138", "cluster.tags.value", "bbb", "0 to 255"),
    ({"tags": (Tag("a", "b\0"),)}, "CSS.5138", "cluster.tags.value", "\\x00", "letters"),
    ({"description": "d" * 129}, "CSS.5056", "cluster.desc", "ddd", "at most 128"),
    ({"description": "a\x9b31mb"}, "CSS.5056", "cluster.desc", "\\x9b", "printable"),
    ({"description": "a\u202eb"}, "CSS.5056", "cluster.desc", "\\u202e", "printable"),
    ({"description": "a\u2066b"}, "CSS.5056", "cluster.desc", "\\u2066", "printable"),
    ({"description": "a\0b"}, "CSS.5056", "cluster.desc", "\\x00", "printable"),
    (
        {"enterprise_project_id": "e" * 37},
        "CSS.5056",
        "cluster.enterprise_project_id",
        "eee",
        "at most 36",
    ),
    ({"cmk_id": "c" * 37}, "CSS.5056", "diskEncryption.systemCmkid", "ccc", "at most 36"),
]

ALLOWED: list[dict[str, Any]] = [
    {},
    {"name": "abcd"},
    {"name": "A" + "b-_9" * 7 + "xyz"},
    {"count": 1},
    {"count": 32},
    {"volume": Volume("HIGH", 40)},
    {"volume": Volume("ESSD", 1280)},
    {"flavor": "css.xlarge.4", "volume": Volume("ULTRAHIGH", 1600)},
    {"network": Network("v" * 64, "n" * 64, "g" * 64)},
    {"availability_zone": "local-3"},
    {"availability_zone": "local-1, local-2 ,local-3"},
    {"datastore": Datastore("opensearch", "2.19.0")},
    {"tags": tuple(Tag(f"k{number}", "v" * 255) for number in range(20))},
    {"tags": (Tag("k" * 128, ""), Tag("größe.a:b=c+d-e@f", "a/b c"))},
    {"description": "d" * 128},
    {"enterprise_project_id": "e" * 36},
    {"cmk_id": "c" * 36},
    {**SECURED},
    {"security": Security(authority=True, https=False), "password": "Fresh-Pear-27"},
    {"password": "whatever"},
]


@pytest.mark.parametrize(("changes", "code", "field", "given", "right"), BROKEN)
def test_a_broken_rule_is_named(
    changes: dict[str, Any], code: str, field: str, given: str, right: str
) -> None:
    error = refused(lambda: accept(draft(**changes), ZONES))
    assert error.code == code
    for part in (field, given, right):
        assert part in error.detail
    assert len(error.detail) < 500


@pytest.mark.parametrize("changes", ALLOWED)
def test_what_is_at_the_edge_is_allowed(changes: dict[str, Any]) -> None:
    assert accept(draft(**changes), ZONES).name


@pytest.mark.parametrize("name", FLAVORS)
def test_every_flavor_can_be_ordered_with_its_smallest_disk(name: str) -> None:
    smallest = Volume("COMMON", FLAVORS[name].min_disk_gb)
    assert accept(draft(flavor=name, volume=smallest), ZONES).groups[0].flavor == name


def test_all_broken_rules_are_told_at_once_and_the_first_gives_the_code() -> None:
    error = refused(
        lambda: accept(
            draft(name="x", count=99, volume=Volume("DISK", 7), description="d" * 200), ZONES
        )
    )
    assert error.code == "CSS.5049"
    fields = ("cluster.name", "instanceNum", "volume_type", "volume.size", "cluster.desc")
    assert all(field in error.detail for field in fields)


def test_a_password_is_never_repeated() -> None:
    secret = "pässwörd-That-Is-Wrong-1"
    error = refused(lambda: accept(draft(**{**SECURED, "password": secret}), ZONES))
    assert secret not in error.detail


def test_without_a_zone_all_nodes_go_to_the_first() -> None:
    assert accept(draft(), ZONES).zones == ("local-1",)


DRAFTS = st.builds(
    draft,
    name=st.text(max_size=40),
    count=st.integers(-5, 50),
    flavor=st.sampled_from(["ess.spec-2u16g", "css.8xlarge.2", "none"]),
    volume=st.builds(Volume, st.sampled_from(["COMMON", "common", ""]), st.integers(-10, 12000)),
    availability_zone=st.none() | st.text(alphabet="local-123, ", max_size=30),
    security=st.builds(Security, st.booleans(), st.booleans()),
    password=st.none() | st.text(max_size=40),
    tags=st.lists(st.builds(Tag, st.text(max_size=5), st.text(max_size=5)), max_size=3).map(tuple),
)


@given(asked=DRAFTS)
def test_a_draft_is_accepted_or_refused_with_a_known_code(asked: Draft) -> None:
    try:
        spec = accept(asked, ZONES)
    except Refused as error:
        assert CODES[error.code].status < 500
        assert error.detail
    else:
        assert 1 <= len(spec.zones) <= spec.groups[0].count <= 32
