"""How many documents indices have, and what they are, by REST.

Counting: an engine tells documents that a search finds, so the last ones are made to show first.
`writes` adds up the numbers that the primaries gave their last operation: it grows with each
document that is written, changed or deleted, and with nothing else.

Reading: a digest of each document's id, routing and source, added up, so that the order in which
shards and segments give them does not matter, and two alike count twice. A page is as many
documents as come to about 4 MB, whatever their size; it is hashed in a thread, and only one is in
memory.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from typing import Any
from urllib.parse import quote

from searchplane.domain.index_patterns import matching
from searchplane.domain.snapshots_seen import Contents, IndexCount
from searchplane.engine.calls import Ask, Declined
from searchplane.errors import Permanent, Transient

PAGE_BYTES = 4_000_000
LARGEST_PAGE = 1000
MOST_INDICES = 10_000
"""Of one count; more than any cluster's shards allow."""

READING = "reading documents"
_KEPT = "2m"
"""How long the engine keeps the place between two pages."""
_MODULUS = 1 << 256
_ALL = "expand_wildcards=open,hidden&ignore_unavailable=true"

STATS_PATH = (
    "/_stats/docs?level=shards&expand_wildcards=open,hidden&forbid_closed_indices=false"
    "&filter_path=indices.*.shards.*.routing.primary,indices.*.shards.*.seq_no.max_seq_no"
)
COUNT_PATH = f"/_search?{_ALL}&filter_path=_shards.failed,aggregations.indices.buckets"
COUNT = {
    "size": 0,
    "aggs": {"indices": {"terms": {"field": "_index", "size": MOST_INDICES}}},
}


async def count(ask: Ask, wanted: Collection[str]) -> Mapping[str, IndexCount]:
    """Writes are read before the documents and not after: what comes between shows as a write.

    Nothing is told where a shard does not answer: it could be of any index.
    """
    doing = "counting documents"
    stats = (await ask(doing, "GET", STATS_PATH)).get("indices", {})
    await ask(doing, "POST", f"/_refresh?{_ALL}")
    answer = await ask(doing, "POST", COUNT_PATH, COUNT)
    if answer["_shards"]["failed"]:
        return {}
    buckets = answer.get("aggregations", {}).get("indices", {}).get("buckets", ())
    found = {bucket["key"]: int(bucket["doc_count"]) for bucket in buckets}
    return {
        name: IndexCount(found.get(name, 0), _writes(stats[name]["shards"]))
        for name in matching(stats, ",".join(wanted))
    }


async def read(ask: Ask, index: str) -> Contents:
    """Raises Declined where there is no such index, Transient where not all of it was read."""
    await ask(READING, "POST", f"/{quote(index, safe='')}/_refresh")
    page = await ask(READING, "POST", _first_page(index), await _page(ask, index))
    expected, documents, total = int(page["hits"]["total"]["value"]), 0, 0
    try:
        while hits := _hits(page):
            total = (total + await asyncio.to_thread(digest_sum, hits)) % _MODULUS
            documents += len(hits)
            place = {"scroll": _KEPT, "scroll_id": page["_scroll_id"]}
            page = await ask(READING, "POST", "/_search/scroll", place)
    except Declined as error:  # the node that kept the place was started anew
        raise Transient(str(error)) from error
    finally:
        with suppress(Permanent, Transient):  # it ends by itself
            ids = {"scroll_id": [page["_scroll_id"]]}
            await ask(READING, "DELETE", "/_search/scroll", ids)
    if documents != expected:
        raise Transient(f"{READING} failed: {documents} of {expected} of {index} were read")
    return Contents(documents, f"{total:064x}")


def _hits(page: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    if page["_shards"]["failed"]:
        raise Transient(f"{READING} failed: a shard does not answer")
    hits: Sequence[Mapping[str, Any]] = page["hits"]["hits"]
    return hits


def digest_sum(hits: Sequence[Mapping[str, Any]]) -> int:
    """The digests of these documents, added up."""
    return sum(_digest(hit) for hit in hits) % _MODULUS


def _digest(hit: Mapping[str, Any]) -> int:
    """Keys in order and without spaces: engines may write the same source in other words."""
    document = [hit["_id"], hit.get("_routing"), hit.get("_source")]
    text = json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return int.from_bytes(hashlib.sha256(text.encode(errors="surrogatepass")).digest())


def _first_page(index: str) -> str:
    return f"/{quote(index, safe='')}/_search?scroll={_KEPT}&allow_partial_search_results=false"


async def _page(ask: Ask, index: str) -> dict[str, Any]:
    """The request of a page whose size fits the documents."""
    path = f"/{quote(index, safe='')}/_stats/docs,store?filter_path=_all.primaries"
    primaries = (await ask(READING, "GET", path))["_all"]["primaries"]
    documents = int(primaries["docs"]["count"])
    each = max(1, int(primaries["store"]["size_in_bytes"]) // max(1, documents))
    return {
        "size": max(1, min(LARGEST_PAGE, PAGE_BYTES // each)),
        "sort": ["_doc"],
        "_source": True,
    }


def _writes(shards: Mapping[str, Sequence[Mapping[str, Any]]]) -> int:
    """A shard without any says -1."""
    return sum(
        int(copy["seq_no"]["max_seq_no"]) + 1
        for copies in shards.values()
        for copy in copies
        if copy["routing"]["primary"] and "seq_no" in copy
    )
