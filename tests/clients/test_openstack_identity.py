"""`openstack user|project|group|role|domain ...` and the SDK's identity calls, unmodified."""

from __future__ import annotations

import json
import subprocess
from typing import Any

import openstack
import pytest
from openstack.connection import Connection
from tests.support.openstack_command import openstack_command
from tests.support.running import RunningService

pytestmark = [
    pytest.mark.clients,
    pytest.mark.filterwarnings("ignore::PendingDeprecationWarning"),  # the SDK's of itself
]

PASSWORD = "Fresh-Pear-27"


def command(service: RunningService, *words: str) -> subprocess.CompletedProcess[str]:
    """One command of the OpenStack client, with the clouds.yaml that the service wrote."""
    here = {"OS_CLIENT_CONFIG_FILE": str(service.data / "clouds.yaml")}
    return openstack_command(service.data, here, "--os-cloud", "searchplane", *words)


def done(service: RunningService, *words: str) -> str:
    ran = command(service, *words)
    assert ran.returncode == 0, ran.stderr
    return ran.stdout


def told(service: RunningService, *words: str) -> Any:
    return json.loads(done(service, *words, "-f", "json"))


@pytest.fixture(scope="module")
def sdk(service: RunningService) -> Connection:
    return openstack.connect(
        auth_url=service.admin["auth_url"],
        username=service.admin["user"],
        password=service.admin["password"],
        user_domain_name=service.admin["domain"],
        project_name=service.admin["project"],
        project_domain_name=service.admin["domain"],
        region_name=service.admin["region"],
    )


def test_the_command_line_makes_a_user_a_group_and_a_project(service: RunningService) -> None:
    user = told(service, "user", "create", "cli-ann", "--password", PASSWORD, "--domain", "local")
    assert (user["name"], user["enabled"]) == ("cli-ann", True)
    group = told(service, "group", "create", "cli-readers")
    done(service, "group", "add", "user", "cli-readers", "cli-ann")
    inside = told(service, "user", "list", "--group", "cli-readers")
    assert inside == [{"ID": user["id"], "Name": "cli-ann"}]
    project = told(service, "project", "create", "local_cli", "--description", "from the CLI")
    assert project["description"] == "from the CLI"

    done(service, "role", "add", "--user", "cli-ann", "--project", "local_cli", "readonly")
    assigned = told(service, "role", "assignment", "list", "--user", "cli-ann")
    assert [(one["User"], one["Project"]) for one in assigned] == [(user["id"], project["id"])]
    as_ann = ("--os-username", "cli-ann", "--os-password", PASSWORD, "--os-project-name")
    token = told(service, *as_ann, "local_cli", "token", "issue")
    assert (token["user_id"], token["project_id"]) == (user["id"], project["id"])
    done(service, "role", "remove", "--user", "cli-ann", "--project", "local_cli", "readonly")
    assert command(service, *as_ann, "local_cli", "token", "issue").returncode != 0

    done(service, "user", "set", "--disable", "cli-ann")
    assert told(service, "user", "show", "cli-ann")["enabled"] is False
    for words in (("user", "cli-ann"), ("group", "cli-readers"), ("project", "local_cli")):
        done(service, words[0], "delete", words[1])
    assert group["id"] not in done(service, "group", "list")


def test_the_command_line_makes_a_domain(service: RunningService) -> None:
    made = told(service, "domain", "create", "cli-domain", "--description", "x")
    assert made["description"] == "x"
    done(service, "user", "create", "sue", "--domain", "cli-domain")
    assert [one["Name"] for one in told(service, "user", "list", "--domain", "cli-domain")] == [
        "sue"
    ]
    done(service, "domain", "set", "--disable", "cli-domain")
    done(service, "domain", "delete", "cli-domain")
    assert [one["Name"] for one in told(service, "domain", "list")] == ["local"]


def test_the_command_line_lists_roles_services_and_itself(service: RunningService) -> None:
    assert "css_adm" in [one["Name"] for one in told(service, "role", "list")]
    assert told(service, "user", "show", "admin")["name"] == "admin"
    assert [one["Name"] for one in told(service, "project", "list", "--my-projects")] == ["local"]
    named = told(service, "role", "assignment", "list", "--names", "--user", "admin")
    assert {one["User"] for one in named} == {"admin@local"}
    assert {one["Project"] for one in named} == {"local@local", ""}
    assert {one["Type"] for one in told(service, "service", "list")} == {"css", "identity", "iam"}
    assert {one["Region"] for one in told(service, "region", "list")} == {"local"}


def test_a_refusal_on_the_command_line_is_the_services_sentence(service: RunningService) -> None:
    refused = command(service, "project", "create", "elsewhere")
    assert refused.returncode != 0
    assert "a name that begins with local_ is right" in refused.stderr
    missing = command(service, "user", "show", "nobody")
    assert "No User found for nobody" in missing.stderr


def test_the_sdk_makes_finds_pages_changes_and_deletes(sdk: Connection) -> None:
    identity = sdk.identity
    users = [identity.create_user(name=f"sdk-{number}", password=PASSWORD) for number in range(5)]
    found = identity.find_user("sdk-3")
    assert found.id == users[3].id
    paged = [user.name for user in identity.users(limit=2) if user.name.startswith("sdk-")]
    assert paged == [f"sdk-{number}" for number in range(5)]
    changed = identity.update_user(found, description="changed", is_enabled=False)
    assert (changed.description, changed.is_enabled) == ("changed", False)
    group = identity.create_group(name="sdk-group")
    identity.add_user_to_group(found, group)
    assert identity.check_user_in_group(found, group)
    assert [user.id for user in identity.group_users(group)] == [found.id]
    identity.remove_user_from_group(found, group)
    assert not identity.check_user_in_group(found, group)
    for one in users:
        identity.delete_user(one, ignore_missing=False)
    identity.delete_group(group, ignore_missing=False)
    assert identity.find_user("sdk-3") is None


def test_the_sdk_changes_its_own_password(service: RunningService, sdk: Connection) -> None:
    user = sdk.identity.create_user(name="sdk-own", password=PASSWORD)
    project = service.admin["project_id"]
    sdk.identity.assign_project_role_to_user(project, user, sdk.identity.find_role("readonly"))

    def connect(password: str) -> Connection:
        return openstack.connect(
            auth_url=service.admin["auth_url"],
            username="sdk-own",
            password=password,
            user_domain_name=service.admin["domain"],
            project_id=project,
        )

    both = {"original_password": PASSWORD, "password": "Another-Pear-27"}
    changed = connect(PASSWORD).identity.post(f"/users/{user.id}/password", json={"user": both})
    assert changed.status_code == 204
    assert connect("Another-Pear-27").authorize()
    sdk.identity.delete_user(user)
