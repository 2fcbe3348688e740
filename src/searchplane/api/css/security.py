"""The admin's password, and the security mode turned on and off (api/semantics.md, section 4.5)."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from searchplane.api.css.changing import STATE, ChangeQuery, DryRunReply, change, nothing
from searchplane.api.css.clusters import CLUSTER
from searchplane.api.fields import Boolean, Request, Text
from searchplane.api.operation import Answer, Call, Operation, Pool
from searchplane.domain.change import Change
from searchplane.domain.cluster import Security
from searchplane.domain.mode_change import ModeWish, change_mode, reset_password
from searchplane.store.secrets import ADMIN_HASH


class ResetPasswordRequest(Request):
    newpassword: Annotated[
        Text,
        Field(
            description="8 to 32 characters, three of upper case, lower case, digits and special "
            "characters.",
            repr=False,
        ),
    ]


class ChangeModeRequest(Request):
    authority_enable: Boolean
    https_enable: Boolean
    admin_pwd: Annotated[
        Text | None, Field(description="Needed to turn the security mode on.", repr=False)
    ] = None


def reset(call: Call) -> Answer:
    body: ResetPasswordRequest = call.body
    password = body.newpassword
    return change(
        call,
        lambda one: reset_password(one, password, call.now),
        nothing,
        secrets=lambda _: _hashed(call, password),
    )


def change_security_mode(call: Call) -> Answer:
    body: ChangeModeRequest = call.body
    wish = ModeWish(Security(body.authority_enable, body.https_enable), body.admin_pwd)

    def secrets(wanted: Change) -> dict[str, str]:
        is_turned_on = wish.security.authority and not wanted.before.spec.security.authority
        return _hashed(call, body.admin_pwd) if is_turned_on and body.admin_pwd else {}

    return change(call, lambda one: change_mode(one, wish, call.now), nothing, secrets=secrets)


def _hashed(call: Call, password: str) -> dict[str, str]:
    """The password itself goes no further than here."""
    return {ADMIN_HASH: call.services.hash_engine_password(password)}


_PASSWORD = ("CSS.0050", "CSS.0066", "CSS.2026")

OPERATIONS = [
    Operation(
        id="ResetPassword",
        method="POST",
        paths=(f"{CLUSTER}/password/reset",),
        handler=reset,
        summary="Set a new password of the user admin.",
        action="css:cluster:resetPassword",
        pool=Pool.CREATION,
        query=ChangeQuery,
        preview=DryRunReply,
        body=ResetPasswordRequest,
        errors=(*STATE, *_PASSWORD),
    ),
    Operation(
        id="ChangeMode",
        method="POST",
        paths=(f"{CLUSTER}/mode/change",),
        handler=change_security_mode,
        summary="Turn users and passwords, and HTTPS, on or off; all nodes restart at once.",
        action="css:cluster:changeMode",
        pool=Pool.CREATION,
        query=ChangeQuery,
        preview=DryRunReply,
        body=ChangeModeRequest,
        errors=(*STATE, *_PASSWORD, "CSS.1122", "CSS.1123", "CSS.5169", "CSS.5171"),
    ),
]
