"""How documents are counted, and digests of them that tell two indices apart."""

from __future__ import annotations

from typing import Any

import pytest
from tests.support.engine_answers import EngineAnswers, refusal

from searchplane.domain.observed import Target
from searchplane.domain.snapshots_seen import Contents, IndexCount
from searchplane.engine.calls import Calls, Declined
from searchplane.engine.contents import LARGEST_PAGE, digest_sum
from searchplane.engine.repositories import FolderBuckets
from searchplane.engine.snapshots import Snapshots
from searchplane.errors import Transient

TARGET = Target(("127.0.0.1",))


def hit(name: str, source: object = "text", routing: str | None = None) -> dict[str, Any]:
    routed = {"_routing": routing} if routing else {}
    return {"_id": name, "_source": source, "_index": "any", **routed}


def test_the_order_of_documents_and_keys_does_not_matter() -> None:
    one, other = hit("1", {"b": [1, 2], "a": "x"}), hit("2")
    swapped = hit("1", {"a": "x", "b": [1, 2]})
    assert digest_sum([one, other]) == digest_sum([other, swapped])
    assert digest_sum([one]) + digest_sum([other]) == digest_sum([one, other]) % (1 << 256)


@pytest.mark.parametrize(
    "changed",
    [
        [hit("1", {"a": 1.0}), hit("2", {"a": 2})],
        [hit("1", {"a": "1"}), hit("2", {"a": 2})],
        [hit("1", {"a": [1]}), hit("2", {"a": 2})],
        [hit("3", {"a": 1}), hit("2", {"a": 2})],
        [hit("1", {"a": 2}), hit("2", {"a": 1})],
        [hit("1", {"a": 1}, routing="far"), hit("2", {"a": 2})],
        [hit("1", {"a": 1}), hit("2", {"a": 2}), hit("2", {"a": 2})],
        [hit("1", {"a": 1})],
        [],
    ],
)
def test_any_other_documents_have_another_digest(changed: list[dict[str, Any]]) -> None:
    assert digest_sum(changed) != digest_sum([hit("1", {"a": 1}), hit("2", {"a": 2})])


def page(*hits: dict[str, Any], total: int = 3, failed: int = 0) -> dict[str, Any]:
    return {
        "_scroll_id": "place",
        "_shards": {"failed": failed},
        "hits": {"total": {"value": total}, "hits": list(hits)},
    }


ALL = [hit("1"), hit("2", {"b": 1}), hit("3", routing="far")]
SECOND = "POST /_search/scroll"


def engine(size: int = 3_000, **answers: Any) -> EngineAnswers:
    primaries = {"docs": {"count": 3}, "store": {"size_in_bytes": size}}
    first = {
        "GET /a/_stats/docs,store": {"_all": {"primaries": primaries}},
        "POST /a/_search": page(*ALL[:2]),
        SECOND: [page(ALL[2]), page()],
    }
    return EngineAnswers(first | answers)


async def read(answers: EngineAnswers) -> Contents:
    return await Snapshots(FolderBuckets(), Calls(transport=answers)).contents(TARGET, "a")


async def test_all_pages_are_read_and_the_place_is_given_back() -> None:
    answers = engine()
    assert await read(answers) == Contents(3, f"{digest_sum(ALL):064x}")
    assert answers.asked[0] == "POST /a/_refresh"
    assert (answers.asked[-1], answers.bodies[-1]) == (
        "DELETE /_search/scroll",
        {"scroll_id": ["place"]},
    )


@pytest.mark.parametrize(
    ("size", "documents"), [(3_000, LARGEST_PAGE), (3_000_000, 4), (300_000_000, 1)]
)
async def test_a_page_of_large_documents_holds_few(size: int, documents: int) -> None:
    answers = engine(size)
    await read(answers)
    assert answers.bodies[answers.asked.index("POST /a/_search")]["size"] == documents


async def test_documents_that_were_not_all_read_are_no_contents() -> None:
    lost = refusal(404, "search_phase_execution_exception", "No search context found")
    for rest in ([page(failed=1)], [page()], [lost]):
        answers = engine(**{SECOND: rest})
        with pytest.raises(Transient):
            await read(answers)
        assert answers.asked[-1] == "DELETE /_search/scroll"
    missing = refusal(404, "index_not_found_exception", "no such index [a]")
    with pytest.raises(Declined, match=r"no such index \[a\]"):
        await read(engine(**{"POST /a/_refresh": missing}))


def shard(max_seq_no: int | None, *, primary: bool = True) -> dict[str, Any]:
    operations = {} if max_seq_no is None else {"seq_no": {"max_seq_no": max_seq_no}}
    return {"routing": {"primary": primary}, **operations}


async def test_documents_and_writes_are_counted_of_those_that_are_meant() -> None:
    stats = {
        "a-1": {"shards": {"0": [shard(4), shard(9, primary=False)], "1": [shard(-1)]}},
        "a-2": {"shards": {"0": [shard(None)]}},
        "b": {"shards": {"0": [shard(7)]}},
        ".opendistro_security": {"shards": {"0": [shard(7)]}},
    }
    buckets = [{"key": "a-1", "doc_count": 3}, {"key": "b", "doc_count": 8}]
    found = {"_shards": {"failed": 0}, "aggregations": {"indices": {"buckets": buckets}}}
    answers = EngineAnswers({"GET /_stats/docs": {"indices": stats}, "POST /_search": found})
    port = Snapshots(FolderBuckets(), Calls(transport=answers))
    assert await port.count(TARGET, ("a-*",)) == {"a-1": IndexCount(3, 5), "a-2": IndexCount(0, 0)}
    assert (await port.count(TARGET, ("*",))).keys() == {"a-1", "a-2", "b"}
    assert answers.asked[:3] == ["GET /_stats/docs", "POST /_refresh", "POST /_search"]


async def test_nothing_is_counted_where_a_shard_is_silent() -> None:
    stats = {"indices": {"a": {"shards": {"0": [shard(4)]}}}}
    found = {"_shards": {"failed": 1}, "aggregations": {"indices": {"buckets": []}}}
    answers = EngineAnswers({"GET /_stats/docs": stats, "POST /_search": found})
    assert not await Snapshots(FolderBuckets(), Calls(transport=answers)).count(TARGET, ("*",))
