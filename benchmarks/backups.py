"""Taking and restoring a snapshot of 1 GB of documents, against the same engine told by hand.

Both are done on one cluster in turn, with the engine's own rates: by hand into a repository of its
own. Between two runs what was made is deleted, so that each copies all of it.
"""

from __future__ import annotations

import base64
import json
import os
import tempfile
import time
from collections import defaultdict
from pathlib import Path
from typing import Any

import httpx
from tests.support.running import getting_started, running_service

from benchmarks.changes import finished, timed
from benchmarks.report import Figure, against

RUNS = 3
MOST = 1.1
DOCUMENTS = 10_000
EACH = 100_000
"""Bytes of a document's text; random, so that nothing of it is compressed away."""
AT_ONCE = 100
POLL_SECONDS = 0.1
BY_HAND = "by-hand"
INDEX, COPY = "bench", "copied"
RENAMED = {"rename_pattern": "bench", "rename_replacement": COPY}

TAKE = "taking a snapshot of 1 GB"
RESTORE = "restoring 1 GB under another name"

Times = dict[str, list[float]]


def run() -> list[Figure]:
    ours: Times = defaultdict(list)
    floor: Times = defaultdict(list)
    with tempfile.TemporaryDirectory() as folder, running_service(Path(folder), {}) as service:
        body = getting_started()
        body["cluster"]["instanceNum"] = 1
        with service.project_client() as css:
            path = f"/clusters/{css.post('/clusters', json=body).json()['cluster']['id']}"
            shown = finished(css, path)
            with httpx.Client(base_url=f"http://{shown['endpoint']}", timeout=600) as engine:
                _fill(engine)
                for number in range(RUNS):
                    _by_hand(engine, floor, number)
                    _by_service(css, engine, path, ours, number)
            css.delete(path).raise_for_status()
            while css.get(path).status_code != httpx.codes.NOT_FOUND:
                time.sleep(POLL_SECONDS)
    return [against(what, ours[what], floor[what], MOST) for what in (TAKE, RESTORE)]


def _by_hand(engine: httpx.Client, times: Times, number: int) -> None:
    repository = f"/_snapshot/{BY_HAND}"
    place = {"type": "fs", "settings": {"location": BY_HAND}}
    snapshot = f"{repository}/take-{number}"

    def take() -> None:
        _ok(engine.put(repository, json=place))
        _ok(engine.put(snapshot, params={"wait_for_completion": "true"}, json={"indices": INDEX}))

    def restore() -> None:
        _ok(
            engine.post(
                f"{snapshot}/_restore",
                params={"wait_for_completion": "true"},
                json={"indices": INDEX, **RENAMED},
            )
        )

    times[TAKE].append(timed(take))
    times[RESTORE].append(timed(restore))
    _ok(engine.delete(f"/{COPY}"))
    _ok(engine.delete(snapshot))


def _by_service(
    css: httpx.Client, engine: httpx.Client, path: str, times: Times, number: int
) -> None:
    made: dict[str, Any] = {}

    def take() -> None:
        asked = {"name": f"take-{number}", "indices": INDEX}
        made.update(_ok(css.post(f"{path}/index_snapshot", json=asked)).json()["backup"])
        finished(css, path)

    def restore() -> None:
        wanted = {"target_cluster": path.rpartition("/")[2], "indices": INDEX, **RENAMED}
        _ok(css.post(f"{path}/index_snapshot/{made['id']}/restore", json=wanted))
        finished(css, path)

    times[TAKE].append(timed(take))
    times[RESTORE].append(timed(restore))
    _ok(engine.delete(f"/{COPY}"))
    _ok(css.delete(f"{path}/index_snapshot/{made['id']}"))
    while engine.get(f"/_snapshot/repo_auto/{made['name']}").status_code != httpx.codes.NOT_FOUND:
        time.sleep(POLL_SECONDS)


def _fill(engine: httpx.Client) -> None:
    """The text is kept and not searched: the copying is what is measured."""
    mappings = {"properties": {"text": {"type": "keyword", "index": False, "doc_values": False}}}
    settings = {"number_of_shards": 3, "number_of_replicas": 0}
    _ok(engine.put(f"/{INDEX}", json={"settings": settings, "mappings": mappings}))
    for begin in range(0, DOCUMENTS, AT_ONCE):
        lines = "".join(_document(number) for number in range(begin, begin + AT_ONCE))
        header = {"Content-Type": "application/x-ndjson"}
        answer = _ok(engine.post(f"/{INDEX}/_bulk", content=lines, headers=header)).json()
        if answer["errors"]:
            raise RuntimeError(json.dumps(answer["items"][0]))
    _ok(engine.post(f"/{INDEX}/_forcemerge", params={"max_num_segments": 1}))
    _ok(engine.post(f"/{INDEX}/_flush"))


def _document(number: int) -> str:
    text = base64.b64encode(os.urandom(EACH * 3 // 4)).decode()
    return f'{{"index":{{"_id":"{number}"}}}}\n{{"text":"{text}"}}\n'


def _ok(answer: httpx.Response) -> httpx.Response:
    if answer.is_error:
        raise RuntimeError(f"{answer.request.url}: {answer.status_code} {answer.text[:300]}")
    return answer
