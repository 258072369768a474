"""An operation of the API: its route, who may call it, and the types that check its request and describe its answers.

One decorator serves all three, so that ``/openapi.json`` can say nothing that the checks do not do."""

import re
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

import msgspec
from sanic import Blueprint, Request
from sanic.response import HTTPResponse

from edge.acting import acting
from edge.context import context
from edge.limits import limits_of, take
from edge.permissions import Rule, rule_of
from edge.problems import Problem
from edge.tokens import BadToken, Who, verify
from store import people

ACCESS_COOKIE = "frontrow_access"
REFRESH_COOKIE = "frontrow_refresh"
#: Larger bodies are refused; the server's own limit lies a little above it.
BODY_LIMIT_BYTES = 64_000
#: A large body is read to its end up to so many times its limit.
DRAINED = 3

_AT = re.compile(r" - at `\$(?P<path>.*?)`$")
_FIELD = re.compile(r"(unknown|required) field `(?P<name>[^`]*)`")
_STEP = re.compile(r"\.([^.\[]+)|\[(\d+|\.\.\.)\]")
_encode = msgspec.json.Encoder().encode

#: A handler answers, or has sent a stream and answers nothing.
Handler = Callable[..., Awaitable[HTTPResponse | None]]


class Upload(msgspec.Struct, frozen=True):
    """A body that is a file: of these media types, and at most so large."""

    media_types: tuple[str, ...]
    limit_bytes: int


class Operation(msgspec.Struct, frozen=True):
    """What the API's description says of one operation."""

    method: str
    path: str
    name: str
    summary: str
    tag: str
    body: Any
    query: Any
    rule: Rule
    answers: dict[int, Any]
    problems: tuple[int, ...]
    key: bool
    waits: bool
    content_type: str
    upload: Upload | None


OPERATIONS: list[Operation] = []


def operation(
    blueprint: Blueprint,
    method: str,
    path: str,
    *,
    answers: dict[int, Any],
    body: Any = None,
    query: Any = None,
    problems: tuple[int, ...] = (),
    key: bool = False,
    waits: bool = False,
    in_turn: bool = False,
    body_optional: bool = False,
    body_limit_bytes: int = BODY_LIMIT_BYTES,
    upload: Upload | None = None,
    content_type: str = "application/json",
) -> Callable[[Handler], Handler]:
    """Route a handler.  It is called with the request, its path's parameters, ``body`` and ``query`` as decoded types
    where the operation has them (of an ``upload`` its bytes and their ``media_type``), and ``who`` asks (or ``acting``:
    for which organiser), once its rule in edge/permissions.py says that they may.  ``in_turn``: requests for one show
    are taken up a few at a time (edge/turns.py)."""
    decoder = msgspec.json.Decoder(body) if body is not None else None

    def decorate(handler: Handler) -> Handler:
        rule = rule_of(handler.__name__)
        summary = (handler.__doc__ or "").strip().split("\n")[0]
        OPERATIONS.append(
            Operation(
                method, path, handler.__name__, summary, blueprint.name, body, query, rule, answers, problems, key,
                waits, content_type, upload,
            )
        )  # fmt: skip

        limits = limits_of(handler.__name__, method, rule.needs)

        async def call(request: Request, **path_parameters: Any) -> HTTPResponse | None:
            if rule.needs == "account":
                path_parameters["who"] = identify(request)
            elif rule.needs != "nothing":
                path_parameters |= await admit(request, rule, path_parameters.get("organiser_id"))
            if limits and (active := context(request).limits.active(limits)):
                return await limited(request, path_parameters, active)
            return await answer(request, path_parameters)

        async def limited(request: Request, parameters: dict[str, Any], active: tuple[str, ...]) -> HTTPResponse | None:
            who = parameters.get("who") or getattr(parameters.get("acting"), "who", None)
            headers = await take(request, context(request).limiter, active, who and who.id)
            try:
                response = await answer(request, parameters)
            except Problem as problem:
                problem.headers = headers | problem.headers
                raise
            if response is not None:
                response.headers.update({name: text for name, text in headers.items() if name not in response.headers})
            return response

        async def answer(request: Request, path_parameters: dict[str, Any]) -> HTTPResponse | None:
            if query is not None:
                path_parameters["query"] = read_query(request, query)
            elif request.args:
                name = next(iter(request.args))
                raise Problem(422, f"There is no parameter {name} here.", errors=[_error(f"/{name}", "is not known")])
            if decoder is not None:
                if body_limit_bytes > BODY_LIMIT_BYTES:
                    request.body = await _received(request, body_limit_bytes)
                when_empty = body if body_optional else None
                path_parameters["body"] = read_body(request, decoder, when_empty, body_limit_bytes)
            if upload is not None:
                path_parameters |= await read_upload(request, upload)
            return await handler(request, **path_parameters)

        call.__name__ = handler.__name__

        async def call_in_turn(request: Request, **path_parameters: Any) -> HTTPResponse | None:
            request.ctx.turn = turn = await context(request).turns.take(path_parameters["show_id"])
            try:
                return await call(request, **path_parameters)
            finally:
                turn.end()

        call_in_turn.__name__ = handler.__name__
        blueprint.add_route(
            call_in_turn if in_turn else call, re.sub(r"{(\w+)}", _parameter, path),
            methods=_methods(method, content_type), name=handler.__name__,
            stream=upload is not None or body_limit_bytes > BODY_LIMIT_BYTES,
        )  # fmt: skip
        return handler

    return decorate


def methods_at(path: str) -> list[str]:
    """The methods that there are at this path: the router does not tell them for a path with parameters."""
    return sorted({one.method for one in OPERATIONS if re.fullmatch(re.sub(r"{\w+}", "[^/]+", one.path), path)})


def _parameter(found: re.Match[str]) -> str:
    """What a path holds: ids are UUIDs, all else is a word."""
    name = found[1]
    return f"<{name}:uuid>" if name.endswith("_id") else f"<{name}:str>"


def _methods(method: str, content_type: str) -> list[str]:
    """What can be got can be asked for its headers alone; a stream has no end to leave out."""
    return ["GET", "HEAD"] if method == "GET" and content_type != "text/event-stream" else [method]


async def admit(request: Request, rule: Rule, organiser_id: UUID | None = None) -> dict[str, Any]:
    """What the handler is told of a caller about whom the database is asked: ``who``, or ``acting`` for an organiser.
    401, 403, 404 otherwise."""
    if rule.needs == "perhaps-account":
        return {"who": identify(request) if _shows_token(request) else None}
    who = identify(request)
    if rule.needs == "member":
        return {"acting": await acting(request, who, rule, organiser_id)}
    if rule.needs == "admin" and not (who.role == "admin" and await people.is_admin(who.id)):
        raise Problem(403, "This is for admins.")
    return {"who": who}


def _shows_token(request: Request) -> bool:
    return "authorization" in request.headers or bool(request.cookies.get(ACCESS_COOKIE))


def caller(request: Request) -> Who | None:
    """Who asks for what everybody may ask for, if that can be told."""
    try:
        return identify(request) if _shows_token(request) else None
    except Problem:
        return None


def identify(request: Request) -> Who:
    """Who asks, by Bearer token or, for our own pages, by cookie.  401 otherwise; 403 for a cookie that another site
    has sent along."""
    header = request.headers.get("authorization", "")
    scheme, _, token = header.partition(" ")
    if header:
        if scheme.lower() != "bearer":
            raise _unauthorized("Send Authorization: Bearer and an access token.")
    else:
        token = request.cookies.get(ACCESS_COOKIE) or ""
        if token and request.method not in ("GET", "HEAD") and not same_origin(request):
            raise Problem(403, "This request came from another site.")
    if not token:
        raise _unauthorized("This needs an access token.")
    try:
        who = verify(token.strip())
    except BadToken:
        raise _unauthorized("The access token is not valid, or no longer.") from None
    if who.session in context(request).ended_sessions:
        raise _unauthorized("The access token is not valid, or no longer.")
    return who


def same_origin(request: Request) -> bool:
    """Whether a browser says that the request comes from our own pages: what a cookie alone does not prove."""
    site = request.headers.get("sec-fetch-site")
    if site is not None:
        return bool(site == "same-origin")
    origin = request.headers.get("origin")
    return origin is not None and urlsplit(origin).netloc == request.headers.get("host")


def foreign(request: Request) -> bool:
    """Whether a browser says that the request comes from another site."""
    told = "sec-fetch-site" in request.headers or "origin" in request.headers
    return told and not same_origin(request)


def _unauthorized(detail: str) -> Problem:
    return Problem(401, detail, headers={"WWW-Authenticate": 'Bearer realm="frontrow"'})


def read_body(request: Request, decoder: Any, when_empty: Any = None, limit_bytes: int = BODY_LIMIT_BYTES) -> Any:
    """The body as its type: 400 when it is no JSON, 415 when it claims to be else, 422 when it does not fit."""
    if not request.body and when_empty is not None:
        return when_empty()
    if len(request.body) > limit_bytes:
        raise Problem(413, f"A body may have at most {limit_bytes} bytes.")
    kind, _, parameters = request.headers.get("content-type", "application/json").lower().partition(";")
    charset = parameters.partition("charset=")[2].strip(' "')
    if kind.strip() != "application/json" or charset not in ("", "utf-8", "utf8"):
        raise Problem(415, "Send the body as application/json, in UTF-8.")
    if request.headers.get("content-encoding", "identity").lower() != "identity":
        raise Problem(415, "Send the body as it is, without Content-Encoding.")
    try:
        return decoder.decode(request.body)
    except msgspec.ValidationError as error:
        raise does_not_fit(str(error)) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Problem(400, f"The body is not valid JSON: {error}.") from None


async def read_upload(request: Request, upload: Upload) -> dict[str, Any]:
    """A file's bytes, no more than there may be: 413 as soon as there are, or will be; 415 for another type."""
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type not in upload.media_types:
        raise Problem(415, f"Send the file as {', '.join(upload.media_types)}.")
    if request.headers.get("content-encoding", "identity").lower() != "identity":
        raise Problem(415, "Send the file as it is, without Content-Encoding.")
    content = await _received(request, upload.limit_bytes)
    if not content:
        raise Problem(400, "Send the file's bytes as the body.")
    return {"upload": content, "media_type": media_type}


async def _received(request: Request, limit_bytes: int) -> bytes:
    """The bytes of a body larger than the server takes by itself.  413 when there are more: what is a little too large
    is read to its end and dropped, since a client that is cut off while it sends does not hear the answer."""
    stream: Any = request.stream
    stream.request_max_size = limit_bytes * DRAINED
    content, received = bytearray(), 0
    while (part := await stream.read()) is not None:
        received += len(part)
        content += part if received <= limit_bytes else b""
    if received > limit_bytes:
        raise Problem(413, f"A body may have at most {limit_bytes} bytes here.")
    return bytes(content)


def read_query(request: Request, kind: Any) -> Any:
    """The query's parameters as their type; unknown and repeated ones are refused."""
    given: dict[str, Any] = {}
    for name, values in request.args.items():
        if len(values) > 1:
            raise Problem(422, f"{name} was given more than once.", errors=[_error(f"/{name}", "given more than once")])
        given[name] = values[0]
    try:
        return msgspec.convert(given, kind, strict=False)
    except msgspec.ValidationError as error:
        raise does_not_fit(str(error)) from None


def does_not_fit(text: str) -> Problem:
    """What msgspec says of a value that is not of its type, as a problem that names the field."""
    at = _AT.search(text)
    detail = text[: at.start()] if at else text
    pointer = "".join(f"/{name or index}" for name, index in _STEP.findall(at["path"])) if at else ""
    if named := _FIELD.search(detail):
        pointer += f"/{named['name']}"
    if "matching regex" in detail:
        detail = "This does not have the form that is expected here"
    return Problem(422, f"{detail}.", errors=[_error(pointer, detail)])


def _error(pointer: str, detail: str) -> dict[str, str]:
    return {"pointer": pointer, "detail": detail}


def json(value: Any, status: int = 200, headers: dict[str, str] | None = None) -> HTTPResponse:
    return HTTPResponse(_encode(value), status, headers, "application/json")
