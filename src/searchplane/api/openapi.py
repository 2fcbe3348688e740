"""The OpenAPI 3.1 description, made from the declarations.

It describes what is really read and given: both spellings of a request field (one of them when it
is required), numbers and booleans also as strings, and every status an operation may answer with
the codes that cause it.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from copy import deepcopy
from http import HTTPStatus
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from searchplane import __version__
from searchplane.api.codes import AUTHENTICATED, CODES, COMMON, WITH_BODY
from searchplane.api.fields import camel
from searchplane.api.operation import Envelope, Operation
from searchplane.api.problems import IDENTITY_CODES, UNKNOWN_CLUSTER

Schema = dict[str, Any]

_REF = "#/components/schemas/{model}"
_PARAMETER = re.compile(r"\{([a-z_]+)\}")
_CREDENTIALS: list[Schema] = [{"token": []}, {"signature": []}]
"""Either proves who is asking."""
_REQUEST_ID = {"X-Request-Id": {"schema": {"type": "string", "pattern": "^[0-9a-f]{32}$"}}}


def describe(operations: Iterable[Operation]) -> Schema:
    """The whole document."""
    all_operations = tuple(operations)
    schemas = _schemas(all_operations)
    paths: dict[str, Schema] = defaultdict(dict)
    for operation in all_operations:
        for number, path in enumerate(operation.paths):
            paths[path][operation.method.lower()] = _operation(operation, path, number)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "searchplane",
            "version": __version__,
            "description": "The Cloud Search Service API and its identity API.",
        },
        "paths": dict(paths),
        "components": {
            "schemas": schemas | _ERROR_SCHEMAS,
            "securitySchemes": {
                "token": {"type": "apiKey", "in": "header", "name": "X-Auth-Token"},
                "signature": {
                    "type": "apiKey",
                    "in": "header",
                    "name": "Authorization",
                    "description": "SDK-HMAC-SHA256 with an access key, as the public SDKs sign.",
                },
            },
        },
    }


def error_codes(operation: Operation) -> tuple[str, ...]:
    """Every code the operation may answer, as its envelope spells it."""
    shared = COMMON + (AUTHENTICATED if operation.action is not None else ())
    shared += WITH_BODY if operation.body is not None else ()
    empty = ("CSS.0006",) if operation.body is not None else ()
    codes = dict.fromkeys((*operation.errors, *empty, *shared))
    if operation.envelope.is_identity:
        codes = dict.fromkeys(IDENTITY_CODES.get(code, code) for code in codes)
    return tuple(codes)


def _operation(operation: Operation, path: str, number: int) -> Schema:
    described: Schema = {
        "operationId": operation.id if number == 0 else f"{operation.id}Path{number + 1}",
        "summary": operation.summary,
        "parameters": [*_path_parameters(path), *_query(operation), *_headers(operation)],
        "responses": dict(_responses(operation)),
        "security": _CREDENTIALS if operation.action is not None else [],
    }
    if operation.action is not None:
        described["x-iam-action"] = operation.action
    if operation.besides:
        described["x-iam-actions-besides"] = list(operation.besides)
    if operation.body is not None:
        reference = _reference(operation.body)
        described["requestBody"] = {
            "required": True,
            "content": {"application/json": {"schema": reference}},
        }
    return described


def _path_parameters(path: str) -> Iterator[Schema]:
    for name in _PARAMETER.findall(path):
        yield {
            "name": name,
            "in": "path",
            "required": True,
            "schema": {"type": "string", "minLength": 1},
        }


def _query(operation: Operation) -> Iterator[Schema]:
    if operation.query is None:
        return
    for name, field in operation.query.model_json_schema(by_alias=False)["properties"].items():
        alias = operation.query.model_fields[name].alias or name
        for spelling in (alias,) if "." in alias else dict.fromkeys((camel(name), name)):
            yield {"name": spelling, "in": "query", "required": False, "schema": field}


def _headers(operation: Operation) -> Iterator[Schema]:
    for name in operation.request_headers:
        yield {"name": name, "in": "header", "required": False, "schema": {"type": "string"}}


def _responses(operation: Operation) -> Iterator[tuple[str, Schema]]:
    yield str(operation.status), _answer(operation)
    if operation.preview is not None and operation.status != HTTPStatus.OK:
        yield str(HTTPStatus.OK.value), _previewed(operation.preview)
    by_status: dict[int, list[str]] = {}
    for code in error_codes(operation):
        by_status.setdefault(CODES[code].status, []).append(code)
        if code == UNKNOWN_CLUSTER:
            by_status.setdefault(HTTPStatus.FORBIDDEN, []).append(code)
    shape = _ERROR_NAMES[operation.envelope]
    for status, codes in sorted(by_status.items()):
        yield (
            str(status),
            {
                "description": ", ".join(dict.fromkeys(codes)),
                "headers": _REQUEST_ID,
                "content": {"application/json": {"schema": {"$ref": _ref(shape)}}},
            },
        )


def _answer(operation: Operation) -> Schema:
    headers = _REQUEST_ID | {
        name: {"schema": {"type": "string"}} for name in operation.answer_headers
    }
    answer: Schema = {"description": "Done.", "headers": headers}
    if operation.raw_answer is not None:
        answer["content"] = {operation.raw_answer: {"schema": {"type": "string"}}}
    elif operation.answer is not None and operation.method != "HEAD":
        schema = _reference(operation.answer)
        if operation.preview is not None and operation.status == HTTPStatus.OK:
            schema = {"anyOf": [schema, _reference(operation.preview)]}
        answer["content"] = {"application/json": {"schema": schema}}
    return answer


def _previewed(preview: type[BaseModel]) -> Schema:
    """The answer to `?dry_run=true` where the operation's own has another status."""
    return {
        "description": "What would be done.",
        "headers": _REQUEST_ID,
        "content": {"application/json": {"schema": _reference(preview)}},
    }


def _schemas(operations: tuple[Operation, ...]) -> dict[str, Schema]:
    bodies = _models(operation.body for operation in operations)
    answers = _models(
        model for operation in operations for model in (operation.answer, operation.preview)
    )
    read = _definitions(bodies, by_alias=False)
    given = _definitions(answers, by_alias=True)
    return {name: _both_spellings(schema) for name, schema in read.items()} | given


def _models(found: Iterable[type[BaseModel] | None]) -> list[type[BaseModel]]:
    return list(dict.fromkeys(model for model in found if model is not None))


def _definitions(models: list[type[BaseModel]], *, by_alias: bool) -> dict[str, Schema]:
    # The validation mode in both directions: a field with a default may be absent in an answer.
    _map, document = models_json_schema(
        [(model, "validation") for model in models], by_alias=by_alias, ref_template=_REF
    )
    definitions: dict[str, Schema] = document.get("$defs", {})
    return definitions


def _both_spellings(schema: Schema) -> Schema:
    """Every property in its camelCase spelling too; of a required one, either is enough."""
    described = deepcopy(schema)
    properties = described.get("properties", {})
    for name in list(properties):
        properties[camel(name)] = properties[name]
    either = [
        {"anyOf": [{"required": [name]}, {"required": [camel(name)]}]}
        for name in described.pop("required", [])
    ]
    if either:
        described["allOf"] = either
    return described


def _reference(model: type[BaseModel]) -> Schema:
    return {"$ref": _ref(model.__name__)}


def _ref(name: str) -> str:
    return _REF.format(model=name)


_ERROR_NAMES = {
    Envelope.CSS: "Error",
    Envelope.IDENTITY: "IdentityError",
    Envelope.EXTENSION: "ExtensionError",
}
_CODE_PAIR = {
    "error_code": {"type": "string"},
    "error_msg": {"type": "string"},
    "request_id": {"type": "string"},
}
_ERROR_SCHEMAS: dict[str, Schema] = {
    "Error": {
        "type": "object",
        "required": ["errCode", "externalMessage", "error_code", "error_msg", "request_id"],
        "properties": {
            "errCode": {"type": "string"},
            "externalMessage": {"type": "string"},
            "message": {"type": "string"},
            **_CODE_PAIR,
        },
    },
    "ExtensionError": {
        "type": "object",
        "required": ["error_code", "error_msg", "request_id"],
        "properties": _CODE_PAIR,
    },
    "IdentityError": {
        "type": "object",
        "required": ["error"],
        "properties": {
            "error": {
                "type": "object",
                "required": ["code", "title", "message"],
                "properties": {
                    "code": {"type": "integer"},
                    "title": {"type": "string"},
                    "message": {"type": "string"},
                },
            },
            **_CODE_PAIR,
        },
    },
}
