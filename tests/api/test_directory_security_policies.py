"""What a domain asks of logins and passwords: shown, set within bounds, and then asked."""

from __future__ import annotations

import pytest
from tests.support.directory import Administrator, code
from tests.support.logins import PASSWORD, Login, NewUser

from searchplane.iam.bootstrap import Credentials

LOGIN_DEFAULTS = {
    "account_validity_period": 0,
    "custom_info_for_login": "",
    "lockout_duration": 15,
    "login_failed_times": 5,
    "period_with_login_failures": 15,
    "session_timeout": 60,
    "show_recent_login_info": False,
}


def path(domain_id: str, kind: str) -> str:
    return f"/v3.0/OS-SECURITYPOLICY/domains/{domain_id}/{kind}-policy"


async def test_the_login_policy_has_defaults_and_keeps_what_is_set(
    admin: Administrator, credentials: Credentials
) -> None:
    where = path(credentials.domain_id, "login")
    assert (await admin.ask("GET", where)).json() == {"login_policy": LOGIN_DEFAULTS}
    wanted = {"login_failed_times": "3", "lockout_duration": 30}
    changed = await admin.ask("PUT", where, {"login_policy": wanted})
    expected = LOGIN_DEFAULTS | {"login_failed_times": 3, "lockout_duration": 30}
    assert changed.json() == {"login_policy": expected}
    assert (await admin.ask("GET", where)).json() == {"login_policy": expected}


@pytest.mark.parametrize(
    ("kind", "field", "wrong"),
    [
        ("login", "login_failed_times", 2),
        ("login", "lockout_duration", 31),
        ("login", "account_validity_period", 241),
        ("login", "custom_info_for_login", "a" * 65),
        ("password", "minimum_password_length", 5),
        ("password", "password_char_combination", 5),
        ("password", "password_validity_period", 90),
        ("password", "number_of_recent_passwords_disallowed", 2),
    ],
)
async def test_what_is_out_of_bounds_is_refused_with_its_field(
    admin: Administrator, credentials: Credentials, kind: str, field: str, wrong: object
) -> None:
    where = path(credentials.domain_id, kind)
    before = (await admin.ask("GET", where)).json()
    refused = await admin.ask("PUT", where, {f"{kind}_policy": {field: wrong}})
    assert code(refused) == (400, "IAM.0073")
    assert f"{kind}_policy.{field} is" in refused.json()["error_msg"]
    assert (await admin.ask("GET", where)).json() == before


async def test_new_passwords_follow_the_policy(
    admin: Administrator, credentials: Credentials, login: Login, new_user: NewUser
) -> None:
    wanted = {"minimum_password_length": 12, "maximum_consecutive_identical_chars": 2}
    body = {"password_policy": wanted | {"minimum_password_age": 60}}
    set_ = await admin.ask("PUT", path(credentials.domain_id, "password"), body)
    assert "12 to 128 characters" in set_.json()["password_policy"]["password_requirements"]
    for password, status in (("Fresh-Pear", 400), ("Fresh-Peaaar-27", 400), ("Fresh-Pear-2", 201)):
        user = {"name": "bob", "password": password}
        answer = await admin.ask("POST", "/v3/users", {"user": user})
        assert answer.status_code == status
        assert status == 201 or code(answer) == (400, "1118")

    ann = await admin.make("user", "ann", password=PASSWORD)
    hers = await login(None, name="ann")
    change = {"user": {"original_password": PASSWORD, "password": "Another-Pear-27"}}
    early = await admin.ask("POST", f"/v3/users/{ann}/password", change, token=hers)
    assert code(early) == (400, "1118")
    assert "60 minutes" in early.text


async def test_users_see_their_domains_policies_and_cannot_set_them(
    admin: Administrator, credentials: Credentials, login: Login, new_user: NewUser
) -> None:
    new_user("ann", project=("te_admin",))
    new_user("sue", in_new_domain="other", domain=("secu_admin",))
    hers = await login(name="ann")
    theirs = await login({"domain": {"name": "other"}}, name="sue", domain={"name": "other"})
    for kind in ("login", "password"):
        where = path(credentials.domain_id, kind)
        assert (await admin.ask("GET", where, token=hers)).status_code == 200
        body = {f"{kind}_policy": {}}
        assert code(await admin.ask("PUT", where, body, token=hers)) == (403, "IAM.0002")
        assert code(await admin.ask("GET", where, token=theirs)) == (404, "IAM.0004")
        assert code(await admin.ask("PUT", where, body, token=theirs)) == (404, "IAM.0004")
