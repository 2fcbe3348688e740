"""What a domain asks of logins and passwords (OS-SECURITYPOLICY).

A PUT changes the fields it names and leaves the others. The policy of allowed source addresses is
not offered.
"""

from __future__ import annotations

from dataclasses import replace

from searchplane.api.fields import Boolean, Integer, Reply, Request, Text
from searchplane.api.identity.declaring import EMPTY, NOT_FOUND, identity_operation
from searchplane.api.operation import Answer, Call
from searchplane.domain.security_policy import MAX_PASSWORD_LENGTH, LoginPolicy, PasswordPolicy
from searchplane.iam import security_policies

LOGIN_PATH = "/v3.0/OS-SECURITYPOLICY/domains/{domain_id}/login-policy"
PASSWORD_PATH = "/v3.0/OS-SECURITYPOLICY/domains/{domain_id}/password-policy"  # noqa: S105 - a path


class LoginPolicyFields(Request):
    account_validity_period: Integer | None = None
    custom_info_for_login: Text | None = None
    lockout_duration: Integer | None = None
    login_failed_times: Integer | None = None
    period_with_login_failures: Integer | None = None
    session_timeout: Integer | None = None
    show_recent_login_info: Boolean | None = None


class LoginPolicyBody(Request):
    login_policy: LoginPolicyFields


class PasswordPolicyFields(Request):
    maximum_consecutive_identical_chars: Integer | None = None
    minimum_password_age: Integer | None = None
    minimum_password_length: Integer | None = None
    number_of_recent_passwords_disallowed: Integer | None = None
    password_char_combination: Integer | None = None
    password_not_username_or_invert: Boolean | None = None
    password_validity_period: Integer | None = None


class PasswordPolicyBody(Request):
    password_policy: PasswordPolicyFields


class LoginPolicyReply(Reply):
    account_validity_period: int
    custom_info_for_login: str
    lockout_duration: int
    login_failed_times: int
    period_with_login_failures: int
    session_timeout: int
    show_recent_login_info: bool


class LoginPolicyAnswer(Reply):
    login_policy: LoginPolicyReply


class PasswordPolicyReply(Reply):
    maximum_consecutive_identical_chars: int
    maximum_password_length: int
    minimum_password_age: int
    minimum_password_length: int
    number_of_recent_passwords_disallowed: int
    password_char_combination: int
    password_not_username_or_invert: bool
    password_requirements: str
    password_validity_period: int


class PasswordPolicyAnswer(Reply):
    password_policy: PasswordPolicyReply


def show_login_policy(call: Call) -> Answer:
    return _login(_stored_login(call))


def update_login_policy(call: Call) -> Answer:
    body: LoginPolicyBody = call.body
    given = body.login_policy.model_dump(exclude_none=True)
    policy = replace(_stored_login(call), **given)
    security_policies.set_policy(call.services.database, call.user, call.path["domain_id"], policy)
    return _login(policy)


def show_password_policy(call: Call) -> Answer:
    return _password(_stored_password(call))


def update_password_policy(call: Call) -> Answer:
    body: PasswordPolicyBody = call.body
    given = body.password_policy.model_dump(exclude_none=True)
    policy = replace(_stored_password(call), **given)
    security_policies.set_policy(call.services.database, call.user, call.path["domain_id"], policy)
    return _password(policy)


def _stored_login(call: Call) -> LoginPolicy:
    return security_policies.login_policy(call.services.database, call.user, call.path["domain_id"])


def _stored_password(call: Call) -> PasswordPolicy:
    return security_policies.password_policy(
        call.services.database, call.user, call.path["domain_id"]
    )


def _login(policy: LoginPolicy) -> Answer:
    shown = LoginPolicyReply.model_validate(policy, from_attributes=True)
    return Answer(body=LoginPolicyAnswer(login_policy=shown))


def _password(policy: PasswordPolicy) -> Answer:
    shown = PasswordPolicyReply(
        maximum_consecutive_identical_chars=policy.maximum_consecutive_identical_chars,
        maximum_password_length=MAX_PASSWORD_LENGTH,
        minimum_password_age=policy.minimum_password_age,
        minimum_password_length=policy.minimum_password_length,
        number_of_recent_passwords_disallowed=policy.number_of_recent_passwords_disallowed,
        password_char_combination=policy.password_char_combination,
        password_not_username_or_invert=policy.password_not_username_or_invert,
        password_requirements=policy.requirements,
        password_validity_period=policy.password_validity_period,
    )
    return Answer(body=PasswordPolicyAnswer(password_policy=shown))


OPERATIONS = (
    identity_operation(
        "showLoginPolicy",
        "GET",
        LOGIN_PATH,
        show_login_policy,
        summary="Show what the domain asks of logins",
        action="iam:securityPolicies:getLoginPolicy",
        self_service=True,
        answer=LoginPolicyAnswer,
        errors=(NOT_FOUND,),
    ),
    identity_operation(
        "updateLoginPolicy",
        "PUT",
        LOGIN_PATH,
        update_login_policy,
        summary="Set what the domain asks of logins",
        action="iam:securityPolicies:updateLoginPolicy",
        body=LoginPolicyBody,
        answer=LoginPolicyAnswer,
        errors=(NOT_FOUND, EMPTY),
    ),
    identity_operation(
        "showPasswordPolicy",
        "GET",
        PASSWORD_PATH,
        show_password_policy,
        summary="Show what the domain asks of passwords",
        action="iam:securityPolicies:getPasswordPolicy",
        self_service=True,
        answer=PasswordPolicyAnswer,
        errors=(NOT_FOUND,),
    ),
    identity_operation(
        "updatePasswordPolicy",
        "PUT",
        PASSWORD_PATH,
        update_password_policy,
        summary="Set what the domain asks of passwords",
        action="iam:securityPolicies:updatePasswordPolicy",
        body=PasswordPolicyBody,
        answer=PasswordPolicyAnswer,
        errors=(NOT_FOUND, EMPTY),
    ),
)
