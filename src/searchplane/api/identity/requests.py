"""What a login sends: the public identity API's `auth` object.

Field names are the same in both spellings. Secrets are `SecretStr`, so that they show nowhere.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, SecretStr

from searchplane.api.fields import Request
from searchplane.iam.passwords import MAX_LENGTH

NO_NUL = r"^[^\u0000]*$"

Name = Annotated[str, Field(max_length=255, pattern=NO_NUL)]
"""A name or id to look up; longer than any there can be."""


class DomainChoice(Request):
    """A domain by id or name; the id wins."""

    id: Name | None = None
    name: Name | None = None


class UserChoice(Request):
    """A user by id, or by name in a domain, with the password."""

    id: Name | None = None
    name: Name | None = None
    domain: DomainChoice | None = None
    password: Annotated[SecretStr, Field(max_length=MAX_LENGTH)]


class PasswordMethod(Request):
    user: UserChoice


class TokenMethod(Request):
    id: SecretStr


class AssumeMethod(Request):
    """An agency by its name in the domain that trusts; `xrole_name` is its name of old."""

    domain_id: Name | None = None
    domain_name: Name | None = None
    agency_name: Name | None = None
    xrole_name: Name | None = None


class KeyName(Request):
    key: Name


class KeySecret(Request):
    key: Annotated[SecretStr, Field(max_length=MAX_LENGTH)]


class KeyMethod(Request):
    """A permanent access key and its secret; a temporary key has a `security_token` besides."""

    access: KeyName
    secret: KeySecret
    security_token: KeySecret | None = Field(default=None, alias="security_token")


class IdentityChoice(Request):
    """`methods` says how the user is proven; the object of that name holds the proof."""

    methods: Annotated[list[Name], Field(min_length=1, max_length=8)]
    password: PasswordMethod | None = None
    token: TokenMethod | None = None
    assume_role: AssumeMethod | None = None
    hw_assume_role: AssumeMethod | None = None
    hw_ak_sk: KeyMethod | None = Field(default=None, alias="hw_ak_sk")


class ProjectChoice(Request):
    """A project by id, or by name in a domain; the user's own domain when none is named."""

    id: Name | None = None
    name: Name | None = None
    domain: DomainChoice | None = None


class ScopeChoice(Request):
    """A project or a domain; the project wins when both are given."""

    project: ProjectChoice | None = None
    domain: DomainChoice | None = None


class Auth(Request):
    identity: IdentityChoice
    scope: ScopeChoice | Literal["unscoped"] | None = None


class LoginBody(Request):
    auth: Auth


class TokenQuery(Request):
    nocatalog: str | None = Field(
        default=None, description="Present, with any value or none: leave the catalogue out."
    )


class DomainsQuery(Request):
    name: Name | None = None
