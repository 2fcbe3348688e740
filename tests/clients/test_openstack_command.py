"""`openstack css ...` (otcextensions), unmodified, against a service with real nodes.

It is configured by nothing but the clouds.yaml the service writes.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from tests.support.openstack_command import openstack_command
from tests.support.running import RunningService, running_service

pytestmark = [pytest.mark.clients, pytest.mark.engine]

NETWORK = ("--router-id", "vpc", "--network-id", "net", "--security-group-id", "group")
GREEN_SECONDS = "240"


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningService]:
    data = tmp_path_factory.mktemp("openstack")
    try:
        with running_service(data, {}) as running:
            yield running
    finally:
        down = [sys.executable, "-m", "searchplane.cli.main", "down", "--data", str(data)]
        subprocess.run(down, check=True, capture_output=True, timeout=120)


def openstack(service: RunningService, *words: str) -> subprocess.CompletedProcess[str]:
    """One command, run where no other clouds.yaml lies about."""
    here = {"OS_CLIENT_CONFIG_FILE": str(service.data / "clouds.yaml")}
    return openstack_command(service.data, here, "--os-cloud", "searchplane", *words)


def answer(service: RunningService, *words: str) -> Any:
    """What a command that must succeed prints, as JSON; `--wait` prints its progress before it."""
    done = openstack(service, *words, "-f", "json")
    assert done.returncode == 0, done.stderr
    document = re.search(r"^[\[{].*", done.stdout, re.MULTILINE | re.DOTALL)
    assert document is not None, done.stdout
    return json.loads(document.group())


def test_a_cluster_from_create_to_delete(service: RunningService) -> None:
    flavors = answer(service, "css", "flavor", "list")
    assert {"css.medium.8", "ess.spec-2u16g"} <= {flavor["Name"] for flavor in flavors}

    options = ("--flavor", "css.medium.8", "--num-nodes", "1", *NETWORK)
    waiting = ("--wait", "--timeout", GREEN_SECONDS)
    made = answer(service, "css", "cluster", "create", "ES-Cli", *options, *waiting)
    assert made["status"] == "AVAILABLE"

    listed = answer(service, "css", "cluster", "list")
    assert [(one["Name"], one["Status"]) for one in listed] == [("ES-Cli", "AVAILABLE")]

    shown = answer(service, "css", "cluster", "show", "ES-Cli")
    assert shown["id"] == made["id"]
    root = httpx.get(f"http://{shown['endpoints'][0]}/").json()
    assert root["version"]["number"] == "7.10.2"
    assert root["cluster_name"] == "ES-Cli"

    deleted = openstack(service, "css", "cluster", "delete", "ES-Cli")
    assert deleted.returncode == 0, deleted.stderr
    with service.project_client() as client:
        while client.get(f"/clusters/{made['id']}").status_code != httpx.codes.NOT_FOUND:
            pass  # every question is a request: the test's own time limit ends it
    assert answer(service, "css", "cluster", "list") == []


def test_a_refusal_is_shown_with_its_field_and_what_is_right(service: RunningService) -> None:
    refused = openstack(
        service, "css", "cluster", "create", "ES-Cli", "--flavor", "css.none", *NETWORK
    )
    assert refused.returncode != 0
    assert "CSS.5007" in refused.stderr
    assert "cluster.instance.flavorRef is 'css.none'" in refused.stderr


def test_an_unknown_cluster_is_not_found(service: RunningService) -> None:
    missing = openstack(service, "css", "cluster", "show", "nobody")
    assert missing.returncode != 0
    assert "No Cluster found for nobody" in missing.stderr
