"""A data folder is for its owner, and the figures of all projects are for this machine."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path

import httpx
import pytest
from tests.cli.services import Served, fake, served

from searchplane.app import make_data_folder


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o7777


@pytest.mark.parametrize(("before", "after"), [(0o777, 0o711), (0o755, 0o711), (0o700, 0o700)])
def test_a_data_folder_that_others_may_look_into_is_closed(
    tmp_path: Path, before: int, after: int
) -> None:
    folder = tmp_path / "data"
    folder.mkdir()
    folder.chmod(before)
    (folder / "serve.lock").touch()
    make_data_folder(folder)
    assert mode(folder) == after


def test_a_folder_of_other_things_is_left_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "letters.txt").touch()
    tmp_path.chmod(0o755)
    make_data_folder(tmp_path)
    assert mode(tmp_path) == 0o755


def test_fake_nodes_are_for_their_owner(tmp_path: Path) -> None:
    (tmp_path / "fake").mkdir(mode=0o755)
    with served(fake(tmp_path)) as service:
        service.create("ES-Test")
    assert mode(tmp_path / "fake") == 0o700


@pytest.mark.parametrize("header", ["X-Forwarded-For", "Forwarded", "Via", "X-Real-IP"])
def test_metrics_through_a_proxy_are_not_there(service: Served, header: str) -> None:
    url = f"{service.service.settings.base_url}/metrics"
    assert httpx.get(url).status_code == 200
    answer = httpx.get(url, headers={header: "192.0.2.1"})
    assert (answer.status_code, answer.json()["error_code"]) == (404, "APIGW.0101")


def test_a_setting_shows_metrics_to_all(tmp_path: Path) -> None:
    with served(fake(tmp_path, public_metrics=True)) as service:
        url = f"{service.service.settings.base_url}/metrics"
        assert httpx.get(url, headers={"Via": "1.1 proxy"}).status_code == 200


def test_answers_of_the_operators_listener_are_named(tmp_path: Path) -> None:
    with served(fake(tmp_path, ops_listen="127.0.0.1:0")) as service:
        application = service.service.ops()
        assert not httpx.get(f"{service.service.settings.base_url}/metrics").is_success

    async def ask() -> httpx.Response:
        transport = httpx.ASGITransport(app=application, client=("192.0.2.1", 1))
        async with httpx.AsyncClient(transport=transport, base_url="http://ops") as client:
            return await client.get("/metrics")

    answer = asyncio.run(ask())
    assert answer.status_code == 200
    assert re.fullmatch("[0-9a-f]{32}", answer.headers["X-Request-Id"])
