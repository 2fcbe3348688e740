"""Whose credentials `searchplane cluster` uses: the first that is given wins."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from searchplane.cli.login import Login, find_login
from searchplane.errors import Permanent

VARIABLES = {
    "OS_AUTH_URL": "https://cloud/v3",
    "OS_USERNAME": "ann",
    "OS_PASSWORD": "secret",
    "OS_PROJECT_NAME": "search",
    "OS_USER_DOMAIN_NAME": "acme",
    "OS_CACERT": "/ca.pem",
}
CLOUDS = """
clouds:
  there:
    cacert: /ca.pem
    auth: {auth_url: "https://there/v3", username: bob, password: pw, project_name: p}
  broken:
    auth: {auth_url: "https://there/v3"}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    fields = ("auth_url", "region", "domain", "domain_id", "project", "project_id", "user")
    admin = dict.fromkeys(fields, "x") | {"password": "secret", "user": "admin"}
    (tmp_path / "admin.json").write_text(json.dumps(admin))
    (tmp_path / "clouds.yaml").write_text(CLOUDS)
    return tmp_path


def test_a_data_folder_wins_over_variables(folder: Path) -> None:
    assert find_login(folder, None, Path("/none"), VARIABLES).user == "admin"


def test_variables_win_over_the_default_folder(folder: Path) -> None:
    found = find_login(None, None, folder, VARIABLES)
    assert found == Login("https://cloud/v3", "ann", "acme", "search", "secret", Path("/ca.pem"))


def test_without_anything_the_default_folder_is_used(folder: Path) -> None:
    assert find_login(None, None, folder, {}).user == "admin"


def test_missing_variables_are_named(folder: Path) -> None:
    with pytest.raises(Permanent, match="not OS_USERNAME, OS_PASSWORD, OS_PROJECT_NAME"):
        find_login(None, None, folder, {"OS_AUTH_URL": "https://cloud/v3"})


def test_a_cloud_is_read_from_its_file(folder: Path) -> None:
    file = {"OS_CLIENT_CONFIG_FILE": str(folder / "clouds.yaml")}
    found = find_login(None, "there", folder, file)
    assert found == Login("https://there/v3", "bob", "Default", "p", "pw", Path("/ca.pem"))
    assert find_login(None, None, folder, file | {"OS_CLOUD": "there"}) == found


@pytest.mark.parametrize(
    ("cloud", "sentence"), [("nowhere", "no clouds.yaml has"), ("broken", "needs auth with")]
)
def test_a_cloud_that_cannot_be_used_is_a_sentence(folder: Path, cloud: str, sentence: str) -> None:
    file = {"OS_CLIENT_CONFIG_FILE": str(folder / "clouds.yaml")}
    with pytest.raises(Permanent, match=sentence):
        find_login(None, cloud, folder, file)


def test_ids_region_and_endpoint_are_read_as_openstack_writes_them() -> None:
    found = find_login(
        None,
        None,
        Path("/none"),
        {name: value for name, value in VARIABLES.items() if name != "OS_PROJECT_NAME"}
        | {
            "OS_PROJECT_ID": "p1",
            "OS_USER_DOMAIN_ID": "default",
            "OS_PROJECT_DOMAIN_ID": "d2",
            "OS_REGION_NAME": "here",
            "OS_INTERFACE": "internalURL",
            "OS_CSS_ENDPOINT_OVERRIDE": "http://css/v1.0/%(project_id)s",
        },
    )
    assert (found.region, found.interface) == ("here", "internal")
    assert found.endpoint == "http://css/v1.0/%(project_id)s"
    auth = found.body()["auth"]
    assert auth["identity"]["password"]["user"]["domain"] == {"id": "default"}
    assert auth["scope"] == {"project": {"id": "p1"}}


@pytest.mark.parametrize(
    ("more", "domain"),
    [
        ({}, {"name": "acme"}),
        ({"OS_PROJECT_DOMAIN_NAME": "theirs"}, {"name": "theirs"}),
        ({"OS_PROJECT_DOMAIN_ID": "d2"}, {"id": "d2"}),
    ],
)
def test_a_project_may_be_in_another_domain_than_the_user(
    more: dict[str, str], domain: dict[str, str]
) -> None:
    found = find_login(None, None, Path("/none"), VARIABLES | more)
    project = found.body()["auth"]["scope"]["project"]
    assert project == {"name": "search", "domain": domain}


def test_a_login_never_shows_its_password(folder: Path) -> None:
    assert "secret" not in repr(find_login(folder, None, folder, {}))
