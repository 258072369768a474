"""The mailbox over HTTP: JSON for tests and tools, a page for people, and the control of faults."""

from pathlib import Path
from typing import Any

import msgspec
from sanic import HTTPResponse, Request, Sanic
from sanic.exceptions import SanicException
from sanic.response import empty, raw

from compose.mailbox.faults import KINDS, Fault, Faults
from compose.mailbox.messages import Message, Messages

LIMIT_MAX = 1000
_PAGE = Path(__file__).parent / "page"
_PAGE_FILES = {"page.css": "text/css", "page.js": "text/javascript"}
# Shown in place; everything else is saved, so that no letter runs anything on our address
_SHOWN_TYPES = ("application/pdf", "image/png", "image/jpeg", "image/gif", "image/webp", "text/plain", "text/calendar")
_POLICY_OF_PAGE = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; frame-src 'self'; img-src data:; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
# A letter may look as it likes and do nothing: no script, no requests; its links open in a tab of their own
_POLICY_OF_LETTER = (
    "sandbox allow-popups allow-popups-to-escape-sandbox; default-src 'none'; style-src 'unsafe-inline'; "
    "img-src data:; frame-ancestors 'self'"
)
_BASE = '<base target="_blank">'


class _Refused(SanicException):
    """An answer of "no" with a sentence; it needs no traceback in the log."""

    quiet = True


def web_app(messages: Messages, faults: Faults) -> Sanic[Any, Any]:
    app: Sanic[Any, Any] = Sanic("frontrow-mailbox", configure_logging=False)
    app.config.REQUEST_MAX_SIZE = 10_000
    app.config.MOTD = False
    app.config.ACCESS_LOG = False
    app.config.FALLBACK_ERROR_FORMAT = "json"
    app.config.GRACEFUL_SHUTDOWN_TIMEOUT = 2.0

    def find(message_id: str) -> Message:
        message = messages.get(message_id)
        if message is None:
            raise _Refused("There is no such letter.", status_code=404)
        return message

    def whole(message: Message) -> dict[str, Any]:
        body = messages.body(message.id)
        return {**msgspec.structs.asdict(message), "text": body.text, "html": body.html}

    @app.get("/health")
    async def health(request: Request) -> HTTPResponse:
        return _json({"status": "ok", "messages": len(messages)})

    @app.get("/api/messages")
    async def list_messages(request: Request) -> HTTPResponse:
        found = messages.newest(
            to=request.args.get("to", ""),
            words=request.args.get("q", ""),
            before=request.args.get("before", ""),
            limit=_limit(request.args.get("limit", "100")),
        )
        if request.args.get("brief") == "true":
            return _json(found)
        return _json([whole(message) for message in found])

    @app.get("/api/messages/<message_id:str>")
    async def show_message(request: Request, message_id: str) -> HTTPResponse:
        return _json(whole(find(message_id)))

    @app.get("/api/messages/<message_id:str>/html")
    async def show_html(request: Request, message_id: str) -> HTTPResponse:
        html = messages.body(find(message_id).id).html
        with_base = html.replace("<head>", f"<head>{_BASE}", 1)
        return _letter(with_base.encode(), "text/html; charset=utf-8")

    @app.get("/api/messages/<message_id:str>/source")
    async def show_source(request: Request, message_id: str) -> HTTPResponse:
        return _letter(messages.raw(find(message_id).id), "text/plain; charset=utf-8")

    @app.get("/api/messages/<message_id:str>/attachments/<name:str>", unquote=True)
    async def show_attachment(request: Request, message_id: str, name: str) -> HTTPResponse:
        file = messages.attachment(find(message_id).id, name)
        if file is None:
            raise _Refused("The letter has no such attachment.", status_code=404)
        shown = file.content_type in _SHOWN_TYPES
        answer = raw(file.content, content_type=file.content_type if shown else "application/octet-stream")
        answer.headers["content-disposition"] = "inline" if shown else "attachment"
        answer.headers["x-content-type-options"] = "nosniff"
        return answer

    @app.get("/control/faults")
    async def show_faults(request: Request) -> HTTPResponse:
        return _json(faults.left())

    @app.post("/control/faults")
    async def order_fault(request: Request) -> HTTPResponse:
        try:
            faults.order(msgspec.json.decode(request.body, type=Fault))
        except (msgspec.MsgspecError, ValueError) as error:
            kinds = ", ".join(KINDS)
            raise _Refused(f"A fault is {{kind, next}}, kind one of {kinds}: {error}.", status_code=422) from None
        return _json(faults.left())

    @app.delete("/control/faults")
    async def clear_faults(request: Request) -> HTTPResponse:
        faults.clear()
        return empty()

    @app.get("/")
    async def page(request: Request) -> HTTPResponse:
        answer = raw((_PAGE / "page.html").read_bytes(), content_type="text/html; charset=utf-8")
        answer.headers["content-security-policy"] = _POLICY_OF_PAGE
        return answer

    @app.get("/page/<name:str>")
    async def page_file(request: Request, name: str) -> HTTPResponse:
        if name not in _PAGE_FILES:
            raise _Refused("There is no such file.", status_code=404)
        return raw((_PAGE / name).read_bytes(), content_type=f"{_PAGE_FILES[name]}; charset=utf-8")

    return app


def _json(value: object) -> HTTPResponse:
    answer = raw(msgspec.json.encode(value), content_type="application/json")
    answer.headers["cache-control"] = "no-store"
    return answer


def _letter(content: bytes, content_type: str) -> HTTPResponse:
    answer = raw(content, content_type=content_type)
    answer.headers["content-security-policy"] = _POLICY_OF_LETTER
    answer.headers["x-content-type-options"] = "nosniff"
    answer.headers["referrer-policy"] = "no-referrer"
    return answer


def _limit(text: str) -> int:
    if not (text.isascii() and text.isdigit() and 1 <= int(text[:6]) <= LIMIT_MAX):
        raise _Refused(f"limit must be a number from 1 to {LIMIT_MAX}.", status_code=422)
    return int(text)
