"""The official Huawei Cloud SDK's identity client, unmodified, with the first user's key."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import huaweicloudsdkiam.v3 as iam
import pytest
from huaweicloudsdkcore.auth.credentials import GlobalCredentials
from huaweicloudsdkcore.exceptions.exceptions import ClientRequestException
from huaweicloudsdkcore.http.http_config import HttpConfig
from tests.support.running import RunningService

pytestmark = pytest.mark.clients

PASSWORD = "Fresh-Pear-27"


@pytest.fixture(scope="module")
def client(service: RunningService) -> Iterator[iam.IamClient]:
    keys = (service.admin["access_key"], service.admin["secret_key"])
    credentials = GlobalCredentials(*keys).with_iam_endpoint(service.url)
    builder = iam.IamClient.new_builder().with_http_config(HttpConfig.get_default_config())
    client = builder.with_credentials(credentials).with_endpoint(service.url).build()
    yield client
    client._http_client._session.close()


@pytest.fixture
def home(service: RunningService) -> str:
    return service.admin["domain_id"]


def wrapped(kind: str, **option: Any) -> Any:
    """A request's body: the one member that its option is in."""
    body = getattr(iam, f"{kind}RequestBody")
    (member,) = body.openapi_types
    return body(**{member: getattr(iam, body.openapi_types[member])(**option)})


def test_users_and_groups(client: iam.IamClient, home: str) -> None:
    made = client.keystone_create_user(
        iam.KeystoneCreateUserRequest(
            wrapped("KeystoneCreateUser", name="hw-ann", domain_id=home, password=PASSWORD)
        )
    ).user
    listed = client.keystone_list_users(iam.KeystoneListUsersRequest(name="hw-ann")).users
    assert [user.id for user in listed] == [made.id]
    changed = client.keystone_update_user_by_admin(
        iam.KeystoneUpdateUserByAdminRequest(
            made.id, wrapped("KeystoneUpdateUserByAdmin", description="changed")
        )
    ).user
    assert changed.description == "changed"

    group = client.keystone_create_group(
        iam.KeystoneCreateGroupRequest(
            wrapped("KeystoneCreateGroup", name="hw-readers", domain_id=home, description="x")
        )
    ).group
    assert client.keystone_list_groups(iam.KeystoneListGroupsRequest()).groups[0].id == group.id
    client.keystone_add_user_to_group(iam.KeystoneAddUserToGroupRequest(group.id, made.id))
    inside = client.keystone_list_users_for_group_by_admin(
        iam.KeystoneListUsersForGroupByAdminRequest(group.id)
    )
    assert [user.name for user in inside.users] == ["hw-ann"]
    of_user = client.keystone_list_groups_for_user(iam.KeystoneListGroupsForUserRequest(made.id))
    assert [one.name for one in of_user.groups] == ["hw-readers"]

    client.keystone_delete_user(iam.KeystoneDeleteUserRequest(made.id))
    client.keystone_delete_group(iam.KeystoneDeleteGroupRequest(group.id))
    with pytest.raises(ClientRequestException) as missing:
        client.keystone_show_user(iam.KeystoneShowUserRequest(made.id))
    assert (missing.value.status_code, missing.value.error_code) == (404, "IAM.0004")
    assert missing.value.request_id


def test_users_with_a_telephone_number(client: iam.IamClient, home: str) -> None:
    fields = {"areacode": "0049", "phone": "1234567", "email": "a@b.c"}
    made = client.create_user(
        iam.CreateUserRequest(wrapped("CreateUser", name="hw-bob", domain_id=home, **fields))
    ).user
    shown = client.show_user(iam.ShowUserRequest(made.id)).user
    assert (shown.areacode, shown.phone, shown.email) == ("0049", "1234567", "a@b.c")
    client.update_user(iam.UpdateUserRequest(made.id, wrapped("UpdateUser", enabled=False)))
    assert client.show_user(iam.ShowUserRequest(made.id)).user.enabled is False
    client.keystone_delete_user(iam.KeystoneDeleteUserRequest(made.id))


def test_projects(client: iam.IamClient, home: str) -> None:
    made = client.keystone_create_project(
        iam.KeystoneCreateProjectRequest(
            wrapped("KeystoneCreateProject", name="local_hw", domain_id=home, parent_id=home)
        )
    ).project
    listed = client.keystone_list_projects(iam.KeystoneListProjectsRequest(name="local_hw"))
    assert [project.id for project in listed.projects] == [made.id]
    suspended = wrapped("UpdateProjectStatus", status="suspended")
    client.update_project_status(iam.UpdateProjectStatusRequest(made.id, suspended))
    shown = client.keystone_show_project(iam.KeystoneShowProjectRequest(made.id)).project
    assert shown.enabled is False
    details = client.show_project_details_and_status(
        iam.ShowProjectDetailsAndStatusRequest(made.id)
    )
    assert details.project.status == "suspended"


def test_what_a_domain_asks_of_logins_and_passwords(client: iam.IamClient, home: str) -> None:
    wanted = wrapped("UpdateDomainPasswordPolicy", minimum_password_length=10)
    client.update_domain_password_policy(iam.UpdateDomainPasswordPolicyRequest(home, wanted))
    shown = client.show_domain_password_policy(iam.ShowDomainPasswordPolicyRequest(home))
    assert shown.password_policy.minimum_password_length == 10
    weak = wrapped("KeystoneCreateUser", name="hw-weak", domain_id=home, password="Short-1-a")
    with pytest.raises(ClientRequestException) as refused:
        client.keystone_create_user(iam.KeystoneCreateUserRequest(weak))
    assert (refused.value.status_code, refused.value.error_code) == (400, "1118")

    longer = wrapped("UpdateDomainLoginPolicy", lockout_duration=30)
    client.update_domain_login_policy(iam.UpdateDomainLoginPolicyRequest(home, longer))
    policy = client.show_domain_login_policy(iam.ShowDomainLoginPolicyRequest(home)).login_policy
    assert (policy.lockout_duration, policy.login_failed_times) == (30, 5)
