"""Unmodified keystoneauth1, openstacksdk and the OpenStack command line log in."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import openstack
import pytest
from keystoneauth1 import exceptions
from keystoneauth1.identity import v3
from keystoneauth1.identity.generic import Password
from keystoneauth1.session import Session
from tests.support.openstack_command import openstack_command
from tests.support.running import RunningService

pytestmark = pytest.mark.clients


@contextmanager
def session(auth: object) -> Iterator[Session]:
    """A session whose connections are closed: warnings are errors here."""
    opened = Session(auth=auth)
    try:
        yield opened
    finally:
        opened.session.close()


def password(service: RunningService, **scope: str) -> v3.Password:
    admin = service.admin
    return v3.Password(
        auth_url=admin["auth_url"],
        username=admin["user"],
        password=admin["password"],
        user_domain_name=admin["domain"],
        **scope,
    )


def by_project(service: RunningService) -> dict[str, str]:
    admin = service.admin
    return {"project_name": admin["project"], "project_domain_name": admin["domain"]}


def test_a_password_leads_to_the_search_service(service: RunningService) -> None:
    with session(password(service, **by_project(service))) as opened:
        found = opened.get_endpoint(
            service_type="css", interface="public", region_name=service.admin["region"]
        )
        assert found == f"{service.url}/v1.0/{service.admin['project_id']}"
        answer = opened.get("/clusters", endpoint_filter={"service_type": "css"})
        assert answer.json() == {"totalSize": 0, "clusters": []}


@pytest.mark.parametrize("path", ["", "/", "/v3", "/v3/"])
def test_the_version_is_discovered(service: RunningService, path: str) -> None:
    admin = service.admin
    auth = Password(
        auth_url=service.url + path,
        username=admin["user"],
        password=admin["password"],
        user_domain_name=admin["domain"],
        **by_project(service),
    )
    with session(auth) as opened:
        assert opened.get_project_id() == admin["project_id"]


def test_times_names_and_roles_are_understood(service: RunningService) -> None:
    auth = password(service, **by_project(service))
    with session(auth) as opened:
        access = auth.get_access(opened)
    assert access.username == "admin"
    assert access.user_domain_id == service.admin["domain_id"]
    assert access.project_name == service.admin["project"]
    assert access.role_names == ["secu_admin", "te_admin"]
    assert access.audit_id
    left = access.expires - datetime.now(UTC)
    assert timedelta(hours=23) < left <= timedelta(hours=24)
    assert access.issued.microsecond or access.expires.microsecond


def test_a_domain_token(service: RunningService) -> None:
    auth = password(service, domain_name=service.admin["domain"])
    with session(auth) as opened:
        access = auth.get_access(opened)
    assert access.domain_scoped
    assert access.domain_id == service.admin["domain_id"]
    assert access.project_id is None


def test_an_unscoped_token_becomes_a_project_token(service: RunningService) -> None:
    first = password(service, unscoped=True)
    with session(first) as opened:
        unscoped = first.get_access(opened)
        token = opened.get_token()
    assert not unscoped.scoped
    second = v3.Token(auth_url=service.admin["auth_url"], token=token, **by_project(service))
    with session(second) as opened:
        scoped = second.get_access(opened)
    assert scoped.project_id == service.admin["project_id"]
    assert scoped.expires == unscoped.expires


def test_a_wrong_password_is_unauthorised(service: RunningService) -> None:
    auth = password(service, **by_project(service))
    auth.auth_methods[0].password = "wrong"
    with session(auth) as opened, pytest.raises(exceptions.Unauthorized, match="is wrong"):
        opened.get_token()


def test_a_revoked_token_is_replaced(service: RunningService) -> None:
    auth = password(service, **by_project(service))
    with session(auth) as opened:
        old = opened.get_token()
        opened.delete(f"{service.admin['auth_url']}/auth/tokens", headers={"X-Subject-Token": old})
        answer = opened.get(f"{service.admin['auth_url']}/auth/projects")
        assert answer.status_code == 200
        assert opened.get_token() != old


# The SDK warns about a part of its own that is not used here.
@pytest.mark.filterwarnings("ignore::openstack.warnings.RemovedInSDK60Warning")
def test_openstacksdk_lists_own_projects(
    service: RunningService, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OS_CLIENT_CONFIG_FILE", str(service.data / "clouds.yaml"))
    with openstack.connect(cloud="searchplane") as connection:
        assert connection.current_project_id == service.admin["project_id"]
        answer = connection.session.get(f"{service.admin['auth_url']}/auth/projects")
        assert [found["name"] for found in answer.json()["projects"]] == ["local"]


OpenStack = Callable[..., object]


@pytest.fixture
def command(service: RunningService) -> OpenStack:
    """`openstack --os-cloud searchplane ...` with the service's clouds.yaml, as JSON."""

    here = {"OS_CLIENT_CONFIG_FILE": str(service.data / "clouds.yaml")}

    def run(*words: str) -> object:
        command = ("--os-cloud", "searchplane", *words, "-f", "json")
        done = openstack_command(service.data, here, *command)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    return run


def test_the_command_line_logs_in_with_clouds_yaml(
    command: OpenStack, service: RunningService
) -> None:
    token = command("token", "issue")
    assert isinstance(token, dict)
    assert token["project_id"] == service.admin["project_id"]


def test_the_command_line_shows_the_catalogue(command: OpenStack) -> None:
    entries = command("catalog", "list")
    assert isinstance(entries, list)
    assert {entry["Type"] for entry in entries} == {"css", "iam", "identity"}


def test_the_command_line_reaches_the_search_service(command: OpenStack) -> None:
    assert command("css", "cluster", "list") == []


@pytest.mark.parametrize("scope", ["project", "unscoped"])
def test_the_command_line_reaches_the_search_service_with_a_token(
    service: RunningService, scope: str
) -> None:
    admin = service.admin
    with session(
        password(service, **(by_project(service) if scope == "project" else {}))
    ) as opened:
        token = opened.get_token()
    assert token is not None
    words = ("--os-project-name", admin["project"], "--os-project-domain-name", admin["domain"])
    login = {
        "OS_AUTH_TYPE": "v3token",
        "OS_AUTH_URL": admin["auth_url"],
        "OS_TOKEN": token,
        "OS_REGION_NAME": admin["region"],
        "OS_IDENTITY_API_VERSION": "3",
    }
    done = openstack_command(service.data, login, *words, "css", "cluster", "list", "-f", "json")
    assert (done.returncode, done.stdout.strip()) == (0, "[]"), done.stderr
