"""`searchplane cluster` against a service of its own, over HTTP."""

from __future__ import annotations

import json
import re
from pathlib import Path
from types import SimpleNamespace

import pytest
from tests.cli.services import Ran, Run, Served, fake, served

from searchplane.cli import events
from searchplane.errors import Permanent


@pytest.fixture(scope="module")
def green(service: Served) -> str:
    """The id of a cluster called ES-Test."""
    return service.create("ES-Test")


def test_wait_ends_when_the_cluster_is_available(service: Served, green: str, run: Run) -> None:
    waited = run("cluster", "wait", "ES-Test", "--data", service.data)
    assert (waited.code, waited.err) == (0, "")
    assert "ES-Test is available: 127." in waited.out
    assert "\x1b" not in waited.out


def test_list_is_a_table_with_every_cluster(service: Served, green: str, run: Run) -> None:
    other = service.create("Another")
    head, *rows = run("cluster", "list", "--data", service.data).out.splitlines()
    assert head.split() == ["ID", "NAME", "STATUS", "ENGINE", "NODES", "ENDPOINT"]
    assert {row.split()[0] for row in rows} >= {green, other}


def test_show_by_name_has_the_sentence_and_the_nodes(service: Served, green: str, run: Run) -> None:
    run("cluster", "wait", green, "--data", service.data)
    shown = run("cluster", "show", "ES-Test", "--data", service.data)
    assert f"id        {green}" in shown.out
    assert "now       all 3 nodes joined; the cluster is green" in shown.out
    assert re.search(
        r"snapshots DAY at 16:00 GMT\+08:00, the next at \d{4}-\d\d-\d\d 08:00 UTC, 7 are kept, in "
        r"bucket css-backup-",
        shown.out,
    )
    assert shown.out.count("200 available") == 4
    assert "es-test-ess-esn-3-1" in shown.out


def test_show_as_json_is_the_answer_of_the_api(service: Served, green: str, run: Run) -> None:
    shown = json.loads(run("cluster", "show", green, "--data", service.data, "--json").out)
    assert (shown["id"], shown["datastore"]["version"]) == (green, "7.10.2")


def test_events_end_with_a_green_cluster(service: Served, green: str, run: Run) -> None:
    run("cluster", "wait", green, "--data", service.data)
    lines = run("cluster", "events", green, "--data", service.data).out.splitlines()
    assert "create 3 nodes of Elasticsearch 7.10.2, asked for by admin" in lines[0]
    assert "prepare   choosing addresses for 3 nodes" in lines[1]
    assert lines[-1].endswith("steady    all 3 nodes joined; the cluster is green")


def test_followed_events_end_with_the_cluster(
    service: Served, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    cluster_id = service.create("Short-lived")
    with service.client() as client:

        def delete_meanwhile(_seconds: float) -> None:
            client.delete(f"/clusters/{cluster_id}")  # more than once is refused or not found

        monkeypatch.setattr(events, "time", SimpleNamespace(sleep=delete_meanwhile))
        followed = run("cluster", "events", cluster_id, "-f", "--json", "--data", service.data)
    assert followed.code == 0
    assert json.loads(followed.out.splitlines()[0])["phase"] == "accepted"


def test_a_cluster_that_is_not_there_is_a_sentence(service: Served, run: Run) -> None:
    missing = run("cluster", "show", "nothing", "--data", service.data)
    sentence = "no cluster of this project has the id or name 'nothing'"
    assert missing == Ran(1, "", f"searchplane: {sentence}\n")


def test_errors_of_the_api_have_code_and_message(
    service: Served, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OS_AUTH_URL", f"{service.service.settings.base_url}/v3")
    monkeypatch.setenv("OS_USERNAME", "admin")
    monkeypatch.setenv("OS_PASSWORD", "open sesame")
    monkeypatch.setenv("OS_PROJECT_NAME", "local")
    refused = run("cluster", "list")
    assert (refused.code, refused.out) == (1, "")
    assert refused.err.startswith("searchplane: IAM.")
    assert "open sesame" not in refused.err


def test_a_service_that_does_not_run_is_a_sentence(run: Run, tmp_path: Path) -> None:
    with served(fake(tmp_path)):
        pass
    asked = run("cluster", "list", "--data", tmp_path)
    assert asked.code == 1
    assert "does not answer" in asked.err


def test_wait_gives_up_in_time_and_says_why_a_cluster_failed(tmp_path: Path, run: Run) -> None:
    with served(fake(tmp_path, create_deadline_seconds=1.0)) as service:
        service.driver.ensure = _refuse  # type: ignore[method-assign]
        service.create("ES-Test")
        late = run("cluster", "wait", "ES-Test", "--timeout", "0", "--data", tmp_path)
        failed = run("cluster", "wait", "ES-Test", "--data", tmp_path)
    assert (late.code, failed.code) == (2, 1)
    assert "the time is over" in late.out
    assert "ES-Test failed: CSS.6000: " in failed.out


async def _refuse(_spec: object) -> None:
    raise Permanent("the disk is gone")


def test_an_operator_pauses_sets_aside_and_resumes(service: Served, green: str, run: Run) -> None:
    run("cluster", "wait", green, "--data", service.data)
    paused = run("cluster", "pause", green, "--data", service.data)
    assert (paused.code, paused.err) == (0, "")
    assert "Nothing is done to ES-Test until it is resumed" in paused.out
    skipped = run("cluster", "skip-predicate", green, "nothing_moves", "--data", service.data)
    assert "nothing_moves of ES-Test will not be asked until its action is over" in skipped.out
    shown = run("cluster", "show", green, "--data", service.data).out
    assert "paused    yes, nothing is done to it until it is resumed" in shown
    assert "set aside nothing_moves" in shown
    as_json = json.loads(run("cluster", "show", green, "--data", service.data, "--json").out)
    assert (as_json["paused"], as_json["skipped"]) == (True, ["nothing_moves"])
    resumed = run("cluster", "resume", green, "--data", service.data)
    assert "goes on" in resumed.out
    assert "paused    " not in run("cluster", "show", green, "--data", service.data).out


def test_a_predicate_that_guards_data_is_not_set_aside(
    service: Served, green: str, run: Run
) -> None:
    refused = run("cluster", "skip-predicate", green, "is_known", "--data", service.data)
    assert refused.code == 1
    assert "never set aside" in refused.err
