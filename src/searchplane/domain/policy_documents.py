"""The grammar of policy documents, version 1.1: read strictly, written as they were read.

A document is what users write (JSON). Whatever would have no effect here, an unknown operator or
a service in capitals, is refused when the policy is stored, as it would deny in silence later.
Limits and codes are those of the public IAM API's error table (IAM.1020 to IAM.1059).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, NoReturn

from searchplane.domain.conditions import KEYS, OPERATORS, SPELLING, Condition, Kind, read
from searchplane.domain.policy import AGENCIES, Effect, Policy, Statement
from searchplane.domain.violation import Violation
from searchplane.errors import Refused

VERSION = "1.1"
MAX_SIZE = 6144
MAX_STATEMENTS = 8
MAX_ACTIONS = 100
MAX_ACTION = 128
MAX_RESOURCES = 10
MAX_RESOURCE = 1500
MAX_CONDITIONS = 10
MAX_VALUES = 10
MAX_VALUE = 1024

_ACTION = re.compile(r"[a-z0-9*_-]+:[A-Za-z0-9*_-]+:[A-Za-z0-9*_.-]+\Z")
_RESOURCE = re.compile(r"\*\Z|[A-Za-z0-9*_-]+(:[A-Za-z0-9*_-]*){2}:[A-Za-z0-9*_-]+:[^\s:]+\Z")
_AGENCY = re.compile(r"/iam/agencies/[A-Za-z0-9*-]+\Z")
_STATEMENT_FIELDS = frozenset({"Effect", "Action", "NotAction", "Resource", "Condition"})


def read_document(document: object) -> Policy:
    """The policy a document says. Raises Refused with the first rule it breaks."""
    if not isinstance(document, Mapping):
        _no("IAM.1020", "policy", document, "an object with Version and Statement is right")
    size = len(json.dumps(document, separators=(",", ":"), ensure_ascii=False))
    if size > MAX_SIZE:
        _no("IAM.1021", "policy", f"{size} characters long", f"at most {MAX_SIZE} are right")
    if document.get("Version") != VERSION:
        _no("IAM.1024", "policy.Version", document.get("Version"), f"'{VERSION}' is right")
    if document.get("Depends"):
        _no("IAM.1025", "policy.Depends", document["Depends"], "a custom policy has none")
    statements = document.get("Statement")
    if not isinstance(statements, list):
        _no("IAM.1027", "policy.Statement", statements, "a list of statements is right")
    if not 1 <= len(statements) <= MAX_STATEMENTS:
        _no("IAM.1028", "policy.Statement", statements, f"1 to {MAX_STATEMENTS} of them are right")
    return Policy(
        tuple(
            _statement(one, f"policy.Statement.{number}") for number, one in enumerate(statements)
        )
    )


def write_document(policy: Policy) -> dict[str, Any]:
    """The document of a policy."""
    return {"Version": VERSION, "Statement": [_written(one) for one in policy.statements]}


def stored_document(document: Mapping[str, Any]) -> Policy:
    """The policy of a document that was read once and stored, perhaps by another version.

    Nothing is refused: what is not known any more denies when it is met.
    """
    return Policy(tuple(_stored(one) for one in document["Statement"]))


def _stored(statement: Mapping[str, Any]) -> Statement:
    resources = statement.get("Resource", ())
    return Statement(
        effect=Effect.ALLOW if statement["Effect"] == Effect.ALLOW else Effect.DENY,
        actions=tuple(statement.get("NotAction") or statement["Action"]),
        all_but="NotAction" in statement,
        resources=tuple(resources["uri"] if isinstance(resources, Mapping) else resources),
        conditions=tuple(
            Condition(operator, key, tuple(values))
            for operator, keys in statement.get("Condition", {}).items()
            for key, values in keys.items()
        ),
    )


def _statement(statement: object, where: str) -> Statement:
    if not isinstance(statement, Mapping):
        _no("IAM.1027", where, statement, "an object with Effect and Action is right")
    unknown = sorted(set(statement) - _STATEMENT_FIELDS)
    if unknown:
        _no("IAM.1059", where, unknown, f"only {', '.join(sorted(_STATEMENT_FIELDS))} are known")
    effect = {"allow": Effect.ALLOW, "deny": Effect.DENY}.get(str(statement.get("Effect")).lower())
    if effect is None:
        _no("IAM.1029", f"{where}.Effect", statement.get("Effect"), "Allow and Deny are right")
    if "Action" in statement and "NotAction" in statement:
        _no("IAM.1031", where, None, "it has Action and NotAction; one of them is right")
    field = "NotAction" if "NotAction" in statement else "Action"
    return Statement(
        effect=effect,
        actions=_actions(statement.get(field), f"{where}.{field}"),
        all_but=field == "NotAction",
        resources=_resources(statement, f"{where}.Resource"),
        conditions=_conditions(statement, f"{where}.Condition"),
    )


def _actions(actions: object, where: str) -> tuple[str, ...]:
    if not isinstance(actions, list) or not actions:
        _no("IAM.1030", where, actions, "a list such as ['css:cluster:list'] is right")
    if len(actions) > MAX_ACTIONS:
        _no("IAM.1033", where, f"{len(actions)} actions", f"at most {MAX_ACTIONS} are right")
    for action in actions:
        if not isinstance(action, str) or not _ACTION.match(action):
            right = "service:type:verb with * for any part is right, the service in lower case"
            _no("IAM.1035", where, action, right)
        if len(action) > MAX_ACTION:
            _no("IAM.1034", where, action, f"at most {MAX_ACTION} characters are right")
    return tuple(actions)


def _resources(statement: Mapping[str, Any], where: str) -> tuple[str, ...]:
    """A list of patterns, or the older form for agencies: an object with the list `uri`."""
    if "Resource" not in statement:
        return ()
    resources, pattern = statement["Resource"], _RESOURCE
    if isinstance(resources, Mapping) and set(resources) == {"uri"}:
        resources, pattern = resources["uri"], _AGENCY
    if not isinstance(resources, list):
        _no("IAM.1049", where, resources, "a list such as ['css:*:*:cluster:*'] is right")
    if not 1 <= len(resources) <= MAX_RESOURCES:
        _no("IAM.1040", where, resources, f"1 to {MAX_RESOURCES} resources are right")
    for resource in resources:
        if not isinstance(resource, str) or not resource.strip():
            _no("IAM.1041", where, resource, "service:region:domain:type:id is right")
        if len(resource) > MAX_RESOURCE:
            _no("IAM.1042", where, resource, f"at most {MAX_RESOURCE} characters are right")
        if not pattern.match(resource):
            right = f"service:region:domain:type:id is right, or an object with uri {AGENCIES}ID"
            _no("IAM.1047", where, resource, right)
    return tuple(resources)


def _conditions(statement: Mapping[str, Any], where: str) -> tuple[Condition, ...]:
    if "Condition" not in statement:
        return ()
    block = statement["Condition"]
    found = tuple(_each_condition(block, where)) if isinstance(block, Mapping) else ()
    if not 1 <= len(found) <= MAX_CONDITIONS:
        right = f"an object with 1 to {MAX_CONDITIONS} conditions is right"
        _no("IAM.1050", where, block, right)
    return found


def _each_condition(block: Mapping[str, Any], where: str) -> Iterator[Condition]:
    for operator, keys in block.items():
        if operator not in OPERATORS or not isinstance(keys, Mapping) or not keys:
            right = f"an object by key is right, for one of {', '.join(sorted(OPERATORS))}"
            _no("IAM.1051", where, operator, right)
        for key, values in keys.items():
            yield _condition(operator, key, values, f"{where}.{operator}")


def _condition(operator: str, key: str, values: object, where: str) -> Condition:
    kind, known = OPERATORS[operator].kind, SPELLING.get(key.lower())
    if known is None:
        _no("IAM.1052", where, key, f"one of {', '.join(sorted(KEYS))} is right")
    if KEYS[known] is not kind:
        fitting = ", ".join(one for one in sorted(KEYS) if KEYS[one] is kind)
        _no("IAM.1055", where, key, f"{fitting} can be used with this operator")
    if not isinstance(values, list):
        _no("IAM.1053", f"{where}.{key}", values, "a list of texts is right")
    if not 1 <= len(values) <= MAX_VALUES:
        _no("IAM.1054", f"{where}.{key}", values, f"1 to {MAX_VALUES} values are right")
    for value in values:
        if not isinstance(value, str) or not 1 <= len(value) <= MAX_VALUE:
            _no("IAM.1056", f"{where}.{key}", value, f"1 to {MAX_VALUE} characters are right")
        if not _is_of(kind, value):
            _no("IAM.1057", f"{where}.{key}", value, f"{kind.value} is right")
    return Condition(operator, known, tuple(values))


def _is_of(kind: Kind, value: str) -> bool:
    try:
        read(kind, value)
    except ValueError:
        return False
    return value.isprintable()


def _written(statement: Statement) -> dict[str, Any]:
    field = "NotAction" if statement.all_but else "Action"
    written: dict[str, Any] = {"Effect": statement.effect.value, field: list(statement.actions)}
    if statement.resources:
        old = statement.resources[0].startswith(AGENCIES)
        written["Resource"] = (
            {"uri": list(statement.resources)} if old else list(statement.resources)
        )
    for one in statement.conditions:
        block = written.setdefault("Condition", {}).setdefault(one.operator, {})
        block[one.key] = list(one.values)
    return written


def _no(code: str, field: str, given: object, right: str) -> NoReturn:
    raise Refused(code, str(Violation(code, field, given, right)))
