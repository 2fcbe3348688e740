"""Tokens: log in, look at one, end one. All four operations have one path."""

from __future__ import annotations

import re
from typing import TypeVar

from pydantic_core import from_json

from searchplane.api.identity.declaring import asked
from searchplane.api.identity.replies import TokenAnswer, meaning_reply, proof_reply
from searchplane.api.identity.requests import (
    AssumeMethod,
    Auth,
    DomainChoice,
    IdentityChoice,
    KeyMethod,
    LoginBody,
    ProjectChoice,
    ScopeChoice,
    TokenQuery,
    UserChoice,
)
from searchplane.api.operation import Answer, Call, Envelope, Operation, Pool, rendered
from searchplane.domain.access import PASSWORD
from searchplane.domain.audit import Who
from searchplane.errors import Refused, Unauthenticated
from searchplane.iam.issuing import Issued
from searchplane.iam.lockout import is_local, place
from searchplane.iam.sessions import ScopeRequest, Session
from searchplane.store.identity import Reference, Target

Proof = TypeVar("Proof")

_ACCESS = re.compile(r"[A-Za-z0-9]{1,32}\Z")
"""An access key; a secret is longer, and one that is sent in its place is not repeated."""

PATH = "/v3/auth/tokens"
SUBJECT = "X-Subject-Token"
METHODS = {"password", "token", "assume_role", "hw_assume_role", "hw_ak_sk"}
UNHASHED = (["token"], ["hw_ak_sk"])
MOST_READ_AT_ONCE = 4096
"""Bytes of a login's body that are read before it is given to a worker."""


def issue(call: Call) -> Answer:
    """Log in, with a password or with a token."""
    body: LoginBody = call.body
    issued = _log_in(call, body.auth)
    return Answer(
        content=_described(call, issued.session),
        headers={SUBJECT: issued.token.value},
        proved=issued.session.actor,
    )


def is_unhashed(body: bytes) -> bool:
    """Whether the login shows a token or an access key: nothing is hashed, so others do not hold it
    up.

    The method is read as the handler reads it; what cannot be read is not quick.
    """
    if len(body) > MOST_READ_AT_ONCE:
        return False
    try:
        methods = from_json(body)["auth"]["identity"]["methods"]
    except (ValueError, LookupError, TypeError):
        return False
    return methods in UNHASHED


def claimed(body: LoginBody) -> Who:
    """Who a login says it is from; no proof is repeated."""
    identity = body.auth.identity
    if identity.methods == ["hw_ak_sk"] and identity.hw_ak_sk is not None:
        access = identity.hw_ak_sk.access.key
        return Who(credential=access if _ACCESS.match(access) else identity.methods[0])
    if identity.password is None:
        return Who(credential=identity.methods[0])
    user = identity.password.user
    domain = user.domain or DomainChoice()
    return Who(
        user_id=user.id or "",
        user_name=user.name or "",
        domain_id=domain.id or "",
        domain_name=domain.name or "",
        credential=PASSWORD,
    )


def show(call: Call) -> Answer:
    """What the subject token stands for; HEAD answers the same without the body."""
    subject = _subject(call)
    session = call.services.identity.inspect(call.user, subject, call.now, call.recalled)
    with_catalogue = _wants_catalogue(call)
    known = session.descriptions.get(with_catalogue)
    if known is None:
        known = session.descriptions[with_catalogue] = _described(call, session)
    return Answer(content=known, headers={SUBJECT: subject})


def revoke(call: Call) -> Answer:
    call.services.identity.revoke(call.user, _subject(call), call.now)
    return Answer()


def _described(call: Call, session: Session) -> bytes:
    """A `TokenAnswer` as it is sent. Most of it is the same for many tokens and made once."""
    with_catalogue = _wants_catalogue(call)
    meaning = session.meanings.get(with_catalogue)
    if meaning is None:
        scope = session.actor.scope
        catalogue = call.services.identity.catalogue(scope) if with_catalogue else None
        meaning = rendered(meaning_reply(session, catalogue))
        session.meanings[with_catalogue] = meaning
    proof = rendered(proof_reply(session.claims))
    return b'{"token":%b,%b}' % (proof.removesuffix(b"}"), meaning.removeprefix(b"{"))


def _wants_catalogue(call: Call) -> bool:
    query: TokenQuery = call.query
    return query.nocatalog is None


def _subject(call: Call) -> str:
    subject = call.headers.get(SUBJECT.lower(), "").strip()
    if not subject:
        raise Refused("IAM.0009", f"the {SUBJECT} header is missing")
    return subject


def _log_in(call: Call, auth: Auth) -> Issued:
    identity, scope = call.services.identity, _scope(auth.scope)
    match _method(auth.identity):
        case "password":
            user = _needed(auth.identity.password, "auth.identity.password").user
            password = user.password.get_secret_value()
            return identity.login(_user(user), password, scope, call.now, call.source)
        case "assume_role" | "hw_assume_role" as method:
            wanted = _needed(getattr(auth.identity, method), f"auth.identity.{method}")
            return _assume(call, wanted, scope, f"auth.identity.{method}")
        case "hw_ak_sk":
            return _with_key(call, _needed(auth.identity.hw_ak_sk, "auth.identity.hw_ak_sk"), scope)
        case _:
            token = _needed(auth.identity.token, "auth.identity.token").id.get_secret_value()
            return identity.rescope(token, scope, call.now)


def _assume(call: Call, wanted: AssumeMethod, scope: ScopeRequest | None, where: str) -> Issued:
    """Act through an agency; who does is proven by X-Auth-Token."""
    domain = DomainChoice(id=wanted.domain_id, name=wanted.domain_name)
    name = _needed(wanted.agency_name or wanted.xrole_name, f"{where}.agency_name")
    token = call.headers.get("x-auth-token", "")
    return call.services.identity.assume(token, _domain(domain, where), name, scope, asked(call))


def _with_key(call: Call, shown: KeyMethod, scope: ScopeRequest | None) -> Issued:
    """The secret itself is in the body: not for a connection that others can read along."""
    is_private = call.services.settings.base_url.startswith("https:") or is_local(
        place(call.source)
    )
    if not is_private or shown.security_token is not None:
        why = "hw_ak_sk takes permanent access keys" if is_private else "hw_ak_sk needs TLS"
        raise Unauthenticated("IAM.0001", f"{why}; signing each request is right")
    secret = shown.secret.key.get_secret_value()
    identity = call.services.identity
    return identity.login_with_key(shown.access.key, secret, scope, call.now, call.source)


def _method(identity: IdentityChoice) -> str:
    methods = set(identity.methods)
    if len(methods) != 1 or not methods <= METHODS:
        raise Unauthenticated(
            "IAM.0001",
            "Attempted to authenticate with an unsupported method. auth.identity.methods is "
            f"{identity.methods!r:.80}; one of {', '.join(sorted(METHODS))} is right",
        )
    return methods.pop()


def _user(user: UserChoice) -> Reference:
    where = "auth.identity.password.user"
    if user.id is None and user.name is not None and user.domain is None:
        raise Refused("IAM.0072", f"{where}.domain is missing; a user's name needs its domain")
    _check_named(user, where)
    domain = _domain(user.domain, f"{where}.domain") if user.domain else None
    return Reference(user.id, user.name, domain)


def _scope(scope: ScopeChoice | str | None) -> ScopeRequest | None:
    if scope is None or isinstance(scope, str):
        return None
    if scope.project is not None:
        project, where = scope.project, "auth.scope.project"
        _check_named(project, where)
        domain = _domain(project.domain, f"{where}.domain") if project.domain else None
        return ScopeRequest(Target.PROJECT, Reference(project.id, project.name, domain))
    if scope.domain is not None:
        return ScopeRequest(Target.DOMAIN, _domain(scope.domain, "auth.scope.domain"))
    raise Refused("IAM.0072", "auth.scope names neither a project nor a domain")


def _domain(domain: DomainChoice, where: str) -> Reference:
    _check_named(domain, where)
    return Reference(id=domain.id, name=domain.name)


def _check_named(choice: DomainChoice | ProjectChoice | UserChoice, where: str) -> None:
    if choice.id is None and choice.name is None:
        raise Refused("IAM.0072", f"{where} has neither id nor name; one of them is needed")


def _needed(value: Proof | None, where: str) -> Proof:
    if value is None:
        raise Refused("IAM.0072", f"{where} is missing")
    return value


_ABOUT_SUBJECT = ("IAM.0002", "IAM.0004", "IAM.0009")

OPERATIONS = (
    Operation(
        id="createToken",
        method="POST",
        paths=(PATH,),
        handler=issue,
        summary="Log in with a password, or change the scope with a token",
        action=None,
        body=LoginBody,
        query=TokenQuery,
        answer=TokenAnswer,
        status=201,
        errors=(
            "IAM.0001",
            "IAM.0002",
            "IAM.0004",
            "IAM.0011",
            "IAM.0072",
            "IAM.0073",
            "APIGW.0301",
        ),
        envelope=Envelope.IDENTITY,
        pool=Pool.LOGIN,
        is_quick=is_unhashed,
        claims=claimed,
        answer_headers=(SUBJECT,),
    ),
    Operation(
        id="showToken",
        method="GET",
        paths=(PATH,),
        handler=show,
        summary="Check a token and show what it stands for",
        action="iam:tokens:get",
        at_hand=lambda *_: True,
        self_service=True,
        query=TokenQuery,
        answer=TokenAnswer,
        errors=_ABOUT_SUBJECT,
        envelope=Envelope.IDENTITY,
        request_headers=(SUBJECT,),
        answer_headers=(SUBJECT,),
    ),
    Operation(
        id="checkToken",
        method="HEAD",
        paths=(PATH,),
        handler=show,
        summary="Check a token",
        action="iam:tokens:get",
        at_hand=lambda *_: True,
        self_service=True,
        query=TokenQuery,
        errors=_ABOUT_SUBJECT,
        envelope=Envelope.IDENTITY,
        request_headers=(SUBJECT,),
        answer_headers=(SUBJECT,),
    ),
    Operation(
        id="revokeToken",
        method="DELETE",
        paths=(PATH,),
        handler=revoke,
        summary="End a token at once",
        action="iam:tokens:revoke",
        self_service=True,
        status=204,
        errors=_ABOUT_SUBJECT,
        envelope=Envelope.IDENTITY,
        request_headers=(SUBJECT,),
    ),
)
