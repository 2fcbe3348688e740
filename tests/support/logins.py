"""Bodies and types of logging in, for tests of the API in-process."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from searchplane.iam.bootstrap import Credentials
from searchplane.iam.presented import Presented
from searchplane.store.identity import User

PASSWORD = "correct horse battery staple"
"""Everybody's, unless a test says otherwise."""

Login = Callable[..., Awaitable[str]]
NewUser = Callable[..., User]


def login_body(
    credentials: Credentials, scope: object = "project", **user: object
) -> dict[str, Any]:
    """The body of a password login; `scope` is "project", "domain", None or given as it is."""
    scopes = {
        "project": {"project": {"name": credentials.project}},
        "domain": {"domain": {"name": credentials.domain}},
    }
    wanted = scopes.get(scope, scope) if isinstance(scope, str) else scope
    known = {
        "name": credentials.user,
        "password": credentials.password,
        "domain": {"name": credentials.domain},
    }
    auth: dict[str, Any] = {
        "identity": {"methods": ["password"], "password": {"user": known | user}}
    }
    if wanted is not None:
        auth["scope"] = wanted
    return {"auth": auth}


def presented(token: str) -> Presented:
    """A request without a body whose credential is a token."""
    return Presented(
        method="GET",
        path="/",
        query="",
        headers={"x-auth-token": token},
        repeated=frozenset(),
        body=b"",
        source="127.0.0.1",
    )
