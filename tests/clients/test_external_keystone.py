"""A real Keystone knows the users: its tokens, its roles, its catalogue, and its absence."""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from keystoneauth1 import exceptions
from keystoneauth1.identity import generic, v3
from keystoneauth1.session import Session
from pydantic import SecretStr
from tests.cli.services import Served, fake, served
from tests.support.keystone import REGION, SERVICE_PROJECT, Keystone, endpoint, keystone
from tests.support.running import getting_started

from searchplane.cli.checks import Verdict
from searchplane.cli.keystone_check import look
from searchplane.settings import IamMode

pytestmark = pytest.mark.clients

PATIENCE_SECONDS = 60.0
CACHE_SECONDS = 1.5
ANSWER_SECONDS = 25.0
"""A Keystone that is there may be slow on a busy machine; one that is gone refuses at once."""


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Keystone]:
    with keystone(tmp_path_factory.mktemp("keystone")) as server:
        yield server


@contextmanager
def behind(cloud: Keystone, data: Path, **changes: Any) -> Iterator[Served]:
    """A service whose users this Keystone knows."""
    account = {
        "keystone_user": "service",
        "keystone_password": SecretStr("service"),
        "keystone_project": SERVICE_PROJECT,
        "keystone_timeout_seconds": ANSWER_SECONDS,
    }
    settings = fake(data, iam_mode=IamMode.KEYSTONE, keystone_url=cloud.url, **account | changes)
    with served(settings) as service:
        yield service


@pytest.fixture(scope="module")
def service(cloud: Keystone, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """It asks Keystone every time."""
    with behind(cloud, tmp_path_factory.mktemp("data"), keystone_cache_seconds=0) as one:
        endpoint(cloud, f"{url(one)}/v1.0/%(project_id)s")
        yield one


@pytest.fixture(scope="module")
def believing(cloud: Keystone, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """It believes Keystone for a while."""
    data = tmp_path_factory.mktemp("believing")
    with behind(cloud, data, keystone_cache_seconds=CACHE_SECONDS) as one:
        yield one


def url(service: Served) -> str:
    return service.service.settings.base_url


def clusters(cloud: Keystone, service: Served, project: str = "search") -> str:
    return f"{url(service)}/v1.0/{cloud.ids[f'project {project}']}/clusters"


def listed(cloud: Keystone, service: Served, token: str) -> httpx.Response:
    return httpx.get(clusters(cloud, service), headers={"X-Auth-Token": token}, timeout=30)


def until(holds: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not holds():
        assert time.monotonic() < deadline, f"{what}: not within {PATIENCE_SECONDS:.0f} s"
        time.sleep(0.05)


@pytest.mark.parametrize(
    ("user", "create", "show"), [("adam", 200, 200), ("mia", 200, 200), ("rita", 403, 200)]
)
def test_roles_of_keystone_mean_what_the_settings_say(
    cloud: Keystone, service: Served, user: str, create: int, show: int
) -> None:
    headers = {"X-Auth-Token": cloud.token(user)}
    body = getting_started(f"Of-{user}", nodes=1)
    made = httpx.post(clusters(cloud, service), json=body, headers=headers, timeout=30)
    assert made.status_code == create, made.text
    if create == 403:
        assert made.json()["error_code"] == "CSS.0051"
    assert listed(cloud, service, headers["X-Auth-Token"]).status_code == show


def test_a_role_that_is_not_mapped_allows_nothing(cloud: Keystone, service: Served) -> None:
    answer = listed(cloud, service, cloud.token("ole"))
    assert (answer.status_code, answer.json()["error_code"]) == (403, "CSS.0051")


def test_a_token_of_another_project_is_refused(cloud: Keystone, service: Served) -> None:
    other = clusters(cloud, service, "other")
    answer = httpx.get(other, headers={"X-Auth-Token": cloud.token("adam")}, timeout=30)
    assert (answer.status_code, answer.json()["error_code"]) == (403, "APIGW.0302")


@pytest.mark.parametrize("scope", [{}, {"domain": {"id": "default"}}])
def test_a_token_without_a_project_reaches_no_cluster(
    cloud: Keystone, service: Served, scope: dict[str, Any]
) -> None:
    answer = listed(cloud, service, cloud.log_in("mia", **scope))
    assert (answer.status_code, answer.json()["error_code"]) == (403, "APIGW.0302")


@pytest.mark.parametrize("token", ["", "garbage", "gAAAAABnot-a-token"])
def test_no_token_and_a_wrong_one_are_sent_to_keystone(
    cloud: Keystone, service: Served, token: str
) -> None:
    answer = listed(cloud, service, token)
    assert (answer.status_code, answer.json()["error_code"]) == (401, "APIGW.0301")
    assert answer.headers["WWW-Authenticate"] == f'Keystone uri="{cloud.url}"'


def test_headers_that_say_who_asks_are_not_believed(cloud: Keystone, service: Served) -> None:
    claimed = {
        "X-Identity-Status": "Confirmed",
        "X-User-Id": cloud.ids["user adam"],
        "X-Project-Id": cloud.ids["project search"],
        "X-Roles": "admin",
    }
    answer = httpx.get(clusters(cloud, service), headers=claimed, timeout=30)
    assert answer.status_code == 401
    body, headers = getting_started("Claimed", nodes=1), {"X-Auth-Token": cloud.token("rita")}
    answer = httpx.post(clusters(cloud, service), json=body, headers=claimed | headers, timeout=30)
    assert answer.status_code == 403


def test_a_signed_request_is_refused_with_a_sentence(cloud: Keystone, service: Served) -> None:
    headers = {
        "X-Auth-Token": cloud.token("mia"),
        "Authorization": "SDK-HMAC-SHA256 Access=ABC, SignedHeaders=host, Signature=00",
    }
    answer = httpx.get(clusters(cloud, service), headers=headers, timeout=30)
    assert answer.status_code == 401
    assert "access keys" in answer.json()["error_msg"]


def test_a_revoked_token_is_refused_at_once_without_a_cache(
    cloud: Keystone, service: Served
) -> None:
    token = cloud.token("mia")
    assert listed(cloud, service, token).status_code == 200
    cloud.revoke(token)
    assert listed(cloud, service, token).status_code == 401


def test_a_revoked_token_is_refused_after_the_cache_s_time(
    cloud: Keystone, believing: Served
) -> None:
    token = cloud.token("mia")
    began = time.monotonic()
    assert listed(cloud, believing, token).status_code == 200
    cloud.revoke(token)
    if time.monotonic() - began < CACHE_SECONDS / 2:
        assert listed(cloud, believing, token).status_code == 200
    until(lambda: listed(cloud, believing, token).status_code == 401, "still let in")


def test_a_disabled_user_is_refused(cloud: Keystone, service: Served) -> None:
    token = cloud.token("ole")
    with cloud.admin() as admin:
        user = f"/users/{cloud.ids['user ole']}"
        admin.patch(user, json={"user": {"enabled": False}}).raise_for_status()
        assert listed(cloud, service, token).status_code == 401
        admin.patch(user, json={"user": {"enabled": True}}).raise_for_status()


def test_a_renamed_project_keeps_its_clusters(cloud: Keystone, service: Served) -> None:
    headers = {"X-Auth-Token": cloud.token("mia")}
    body = getting_started("Of-a-renamed-project", nodes=1)
    made = httpx.post(clusters(cloud, service), json=body, headers=headers, timeout=30)
    assert made.status_code == 200, made.text
    project = f"/projects/{cloud.ids['project search']}"
    with cloud.admin() as admin:
        admin.patch(project, json={"project": {"name": "renamed"}}).raise_for_status()
        try:
            found = listed(cloud, service, cloud.token("mia")).json()["clusters"]
        finally:
            admin.patch(project, json={"project": {"name": "search"}}).raise_for_status()
    assert made.json()["cluster"]["id"] in {one["id"] for one in found}


@contextmanager
def session(auth: object) -> Iterator[Session]:
    """A session whose connections are closed: warnings are errors here."""
    opened = Session(auth=auth)
    try:
        yield opened
    finally:
        opened.session.close()


def scoped() -> dict[str, str]:
    return {
        "username": "mia",
        "password": "mia",
        "user_domain_name": "Default",
        "project_name": "search",
        "project_domain_name": "Default",
    }


def test_keystone_s_catalogue_leads_to_the_service(cloud: Keystone, service: Served) -> None:
    with session(generic.Password(auth_url=cloud.url, **scoped())) as opened:
        answer = opened.get(
            "/clusters", endpoint_filter={"service_type": "css", "region_name": REGION}
        )
    assert "clusters" in answer.json()


@pytest.mark.parametrize(("kind", "path"), [(v3.Password, "/v3"), (generic.Password, "")])
def test_a_login_at_the_service_names_keystone(
    cloud: Keystone, service: Served, kind: Callable[..., object], path: str
) -> None:
    auth = kind(auth_url=url(service) + path, **scoped())
    with session(auth) as opened, pytest.raises(exceptions.NotFound, match=cloud.url):
        opened.get_project_id()


def test_no_local_user_is_made(service: Served) -> None:
    assert not (service.data / "admin.json").exists()
    assert not (service.data / "clouds.yaml").exists()


def variables(auth_url: str, **more: str) -> dict[str, str]:
    """The environment of a shell that has sourced mia's openrc, and nothing else of OpenStack."""
    plain = {name: value for name, value in os.environ.items() if not name.startswith("OS_")}
    return plain | {
        "OS_AUTH_URL": auth_url,
        "OS_USERNAME": "mia",
        "OS_PASSWORD": "mia",
        "OS_USER_DOMAIN_NAME": "Default",
        "OS_PROJECT_NAME": "search",
        "OS_PROJECT_DOMAIN_ID": "default",
        "OS_REGION_NAME": REGION,
        "OS_IDENTITY_API_VERSION": "3",
        **more,
    }


def ran(environment: dict[str, str], folder: Path, *command: str | Path) -> Any:
    done = subprocess.run(
        command,
        env=environment,
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_the_openstack_command_lists_clusters(
    cloud: Keystone, service: Served, tmp_path: Path
) -> None:
    program = Path(sys.executable).with_name("openstack")
    words = ("css", "cluster", "list", "-f", "json")
    assert isinstance(ran(variables(cloud.url), tmp_path, program, *words), list)


@pytest.mark.parametrize("how", ["catalogue", "without the version", "override"])
def test_our_own_command_logs_in_at_keystone(
    cloud: Keystone, service: Served, tmp_path: Path, how: str
) -> None:
    environment = variables(cloud.url)
    if how == "without the version":
        environment["OS_AUTH_URL"] = cloud.url.removesuffix("/v3")
    if how == "override":
        environment["OS_CSS_ENDPOINT_OVERRIDE"] = f"{url(service)}/v1.0/%(project_id)s"
        environment["OS_REGION_NAME"] = "elsewhere"
    words = ("-m", "searchplane.cli.main", "cluster", "list", "--json")
    assert isinstance(ran(environment, tmp_path, sys.executable, *words), list)


def test_doctor_finds_nothing_wrong(cloud: Keystone, service: Served) -> None:
    found = look(service.service.settings)
    assert found.verdict is Verdict.OK, found


def test_a_wrong_password_of_the_service_is_told_without_it(
    cloud: Keystone, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    wrong = SecretStr("not-the-password")
    caplog.set_level(logging.DEBUG)
    with behind(cloud, tmp_path, keystone_password=wrong) as one:
        token = cloud.token("mia")
        answer = listed(cloud, one, token)
    assert (answer.status_code, answer.json()["error_code"]) == (503, "APIGW.0613")
    # Others log too: the HTTP library, which a service keeps to warnings, and this test's client.
    own = [one.getMessage() for one in caplog.records if one.name.startswith("searchplane")]
    assert any("refuses the login of 'service'" in line for line in own)
    for secret in ("not-the-password", token):
        assert secret not in " ".join(own) + answer.text


def test_a_changed_password_of_the_service_is_503_until_it_is_right_again(
    cloud: Keystone, service: Served
) -> None:
    token = cloud.token("mia")
    assert listed(cloud, service, token).status_code == 200
    user = f"/users/{cloud.ids['user service']}"
    with cloud.admin() as admin:  # a new password ends the account's tokens too
        admin.patch(user, json={"user": {"password": "another"}}).raise_for_status()
        answer = listed(cloud, service, token)
        assert (answer.status_code, answer.json()["error_code"]) == (503, "APIGW.0613")
        admin.patch(user, json={"user": {"password": "service"}}).raise_for_status()
    until(lambda: listed(cloud, service, token).status_code == 200, "not back")


def test_an_account_that_may_not_check_tokens_is_told(
    cloud: Keystone, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    weak = {"keystone_user": "rita", "keystone_password": "rita", "keystone_project": "search"}
    with behind(cloud, tmp_path, **weak) as one:
        assert listed(cloud, one, cloud.token("mia")).status_code == 503
    assert "does not let 'rita' check tokens" in caplog.text


def test_without_keystone_nobody_is_let_in_and_with_it_again_everybody(
    cloud: Keystone, service: Served, believing: Served
) -> None:
    token = cloud.token("mia")
    assert listed(cloud, believing, token).status_code == 200
    cloud.stop()
    try:
        answer = listed(cloud, service, token)
        assert (answer.status_code, answer.json()["error_code"]) == (503, "APIGW.0613")
        until(lambda: listed(cloud, believing, token).status_code == 503, "still believed")
    finally:
        cloud.start(token_seconds=4)
    until(lambda: listed(cloud, service, token).status_code == 200, "not back")
    short = cloud.token("mia")
    assert listed(cloud, service, short).status_code == 200
    until(lambda: listed(cloud, service, short).status_code == 401, "an expired token counts")
    until(lambda: listed(cloud, believing, token).status_code == 200, "not back")
