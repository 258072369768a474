"""``/openapi.json``, made from the operations and the very types that check requests; ``/docs`` shows it, offline."""

import re
from functools import cache
from typing import Any

import msgspec
from sanic import Blueprint, Request
from sanic.response import HTTPResponse

from edge.acting import HEADER
from edge.limits import limits_of
from edge.operation import OPERATIONS, Operation, json
from edge.problems import _TITLES

openapi = Blueprint("openapi")

_KEY_HEADER = {
    "name": "Idempotency-Key", "in": "header", "required": True,
    "description": "New for each booking, the same to ask again.",
    "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]+$"},
}  # fmt: skip
_PREFER_HEADER = {
    "name": "Prefer", "in": "header", "required": False, "description": "wait=N: wait up to N seconds (at most 10).",
    "schema": {"type": "string", "examples": ["wait=10"]},
}  # fmt: skip

_ORGANISER_HEADER = {
    "name": HEADER, "in": "header", "required": False,
    "description": "For which organiser you act; may be left out by those who belong to one only.",
    "schema": {"type": "string", "format": "uuid"},
}  # fmt: skip


class FieldError(msgspec.Struct):
    pointer: str
    detail: str


class ProblemDetails(msgspec.Struct):
    """RFC 9457; a problem may have further fields of its own."""

    type: str
    title: str
    status: int
    detail: str
    request_id: str | None = None
    errors: list[FieldError] | None = None


@cache
def description() -> dict[str, Any]:
    """The whole API as OpenAPI 3.1."""
    types = [kind for operation in OPERATIONS for kind in _types(operation)] + [ProblemDetails]
    unique = list({id(kind): kind for kind in types}.values())
    schemas, components = msgspec.json.schema_components(unique, ref_template="#/components/schemas/{name}")
    by_type = {id(kind): schema for kind, schema in zip(unique, schemas, strict=True)}
    paths: dict[str, dict[str, Any]] = {}
    for operation in OPERATIONS:
        paths.setdefault(operation.path, {})[operation.method.lower()] = _describe(operation, by_type, components)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Frontrow", "version": "1", "description": "Sells seats when everybody wants them at once."},
        "paths": paths,
        "components": {
            "schemas": components,
            "securitySchemes": {"bearer": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}},
        },
    }


def _types(operation: Operation) -> list[Any]:
    answers = [kind for answer in operation.answers.values() for kind in _either(answer)]
    return [kind for kind in (operation.body, operation.query, *answers) if kind is not None]


def _either(answer: Any) -> tuple[Any, ...]:
    """The types that an answer may have: one, or a tuple of several."""
    return answer if isinstance(answer, tuple) else (answer,)


def _describe(operation: Operation, by_type: dict[int, Any], components: dict[str, Any]) -> dict[str, Any]:
    parameters: list[dict[str, Any]] = [
        {
            "name": name,
            "in": "path",
            "required": True,
            "schema": {"type": "string"} | ({"format": "uuid"} if name.endswith("_id") else {}),
        }
        for name in re.findall(r"{(\w+)}", operation.path)
    ]
    if operation.key:
        parameters.append(_KEY_HEADER)
    if operation.waits:
        parameters.append(_PREFER_HEADER)
    if operation.rule.needs == "member" and "{organiser_id}" not in operation.path:
        parameters.append(_ORGANISER_HEADER)
    if operation.query is not None:
        schema = components[operation.query.__name__]
        parameters += [
            {"name": name, "in": "query", "required": name in schema.get("required", []), "schema": field}
            for name, field in schema["properties"].items()
        ]
    answers = {str(status): _answer(operation, kind, by_type) for status, kind in operation.answers.items()}
    for status in sorted(set(operation.problems) | _usual_problems(operation)):
        answers.setdefault(
            str(status),
            {
                "description": _TITLES[status][1],
                "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/ProblemDetails"}}},
            },
        )
    described: dict[str, Any] = {
        "operationId": operation.name, "summary": operation.summary, "tags": [operation.tag], "parameters": parameters,
        "responses": answers,
    }  # fmt: skip
    if operation.body is not None:
        described["requestBody"] = {
            "required": True, "content": {"application/json": {"schema": by_type[id(operation.body)]}},
        }  # fmt: skip
    if operation.upload is not None:
        described["requestBody"] = {
            "required": True, "description": f"At most {operation.upload.limit_bytes:,} bytes.",
            "content": {media_type: {} for media_type in operation.upload.media_types},
        }  # fmt: skip
    if operation.rule.needs == "perhaps-account":
        described["security"] = [{}, {"bearer": []}]
    elif operation.rule.needs != "nothing":
        described["security"] = [{"bearer": []}]
    described["description"] = f"For {operation.rule.said}."
    return described


def _answer(operation: Operation, kind: Any, by_type: dict[int, Any]) -> dict[str, Any]:
    if isinstance(kind, tuple):
        schema = {"oneOf": [by_type[id(one)] for one in kind]}
        return {"description": "OK", "content": {"application/json": {"schema": schema}}}
    if kind is not None:
        return {"description": "OK", "content": {"application/json": {"schema": by_type[id(kind)]}}}
    if operation.content_type != "application/json":
        return {"description": "OK", "content": {operation.content_type: {}}}
    return {"description": "OK"}


def _usual_problems(operation: Operation) -> set[int]:
    usual = {503}
    if operation.rule.needs in ("account", "admin", "member"):
        usual |= {401, 403}
    if operation.rule.needs == "perhaps-account":
        usual |= {401}
    if operation.rule.needs == "member":
        usual |= {400, 404}
    if limits_of(operation.name, operation.method, operation.rule.needs):
        usual |= {429}
    if operation.body is not None:
        usual |= {400, 413, 415, 422}
    if operation.upload is not None:
        usual |= {400, 413, 415, 422}
    if operation.query is not None:
        usual |= {422}
    return usual


async def get_openapi(request: Request) -> HTTPResponse:
    return json(description())


_DOCS = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Frontrow API</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="stylesheet" href="/static/swagger/swagger-ui.css"></head>
<body><div id="docs"></div>
<script src="/static/swagger/swagger-ui-bundle.js"></script><script src="/static/swagger/docs.js"></script>
</body></html>"""


async def get_docs(request: Request) -> HTTPResponse:
    # Swagger UI writes style attributes, which nothing else here may
    headers = {"Content-Security-Policy": "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:"}
    return HTTPResponse(_DOCS, 200, headers, "text/html; charset=utf-8")


openapi.add_route(get_openapi, "/openapi.json", methods=["GET", "HEAD"])
openapi.add_route(get_docs, "/docs", methods=["GET", "HEAD"])
