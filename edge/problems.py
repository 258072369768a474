"""What goes wrong, as RFC 9457 problem details: the one place where refusals and errors become HTTP."""

from typing import Any

import msgspec
from sanic import Request
from sanic.exceptions import SanicException
from sanic.response import HTTPResponse

from sagas.refusals import REFUSALS, AnyRefusal, Refusal

#: Every refusal of the domain, and its status.
REFUSAL_STATUS: dict[type[Refusal], int] = {refusal: 409 for refusal in REFUSALS} | {
    refusal: 422 for refusal in REFUSALS if refusal.type() == "key-reused"
}

_TITLES = {
    400: ("malformed", "The request cannot be read"),
    401: ("unauthorized", "Please log in"),
    403: ("forbidden", "This is not allowed"),
    404: ("not-found", "There is nothing here"),
    405: ("method-not-allowed", "This resource has other methods"),
    409: ("conflict", "This cannot be done now"),
    413: ("too-large", "The request is too large"),
    415: ("unsupported-media-type", "Send application/json"),
    417: ("expectation-failed", "This expectation cannot be met"),
    421: ("misdirected", "This request is for another server"),
    422: ("invalid", "The request does not make sense"),
    429: ("too-many-requests", "Too many requests"),
    503: ("unavailable", "Not available at the moment"),
}
_encode = msgspec.json.Encoder(order="deterministic").encode
_decode_refusal = msgspec.json.Decoder(AnyRefusal).decode


class Problem(Exception):
    """A request that is answered with a problem; ``fields`` are the problem's own."""

    def __init__(
        self, status: int, detail: str, *, kind: str = "", title: str = "", headers: dict[str, str] | None = None,
        **fields: Any,
    ) -> None:  # fmt: skip
        super().__init__(detail)
        usual_kind, usual_title = _TITLES.get(status, ("error", "This did not work"))
        self.status, self.detail, self.fields = status, detail, fields
        self.kind, self.title = kind or usual_kind, title or usual_title
        self.headers = headers or {}

    def body(self, request_id: str = "") -> dict[str, Any]:
        problem = {"type": f"/problems/{self.kind}", "title": self.title, "status": self.status, "detail": self.detail}
        return problem | ({"request_id": request_id} if request_id else {}) | self.fields


def not_found() -> Problem:
    """Missing, or not yours: in the same words."""
    return Problem(404, "There is no such thing here, or it is not yours.")


def key_reused() -> Problem:
    return Problem(
        422, "This Idempotency-Key was used for another request. Use a new one.", kind="key-reused",
        title="This key was used before", errors=[{"pointer": "", "detail": "Idempotency-Key was used before"}],
    )  # fmt: skip


def invalid(pointer: str, detail: str) -> Problem:
    return Problem(422, detail, errors=[{"pointer": pointer, "detail": detail}])


def unavailable(detail: str, retry_seconds: int = 2) -> Problem:
    return Problem(503, detail, headers={"Retry-After": str(retry_seconds)})


def too_many(detail: str, wait_seconds: float, headers: dict[str, str] | None = None) -> Problem:
    retry = {"Retry-After": str(max(1, round(wait_seconds + 0.5)))}
    return Problem(429, detail, headers=retry | (headers or {}))


def refusal_problem(text: str, **fields: Any) -> Problem:
    """A refusal, as it is stored, as the problem that every client gets for it."""
    refusal = _decode_refusal(text)
    own = {name: getattr(refusal, name) for name in refusal.__struct_fields__ if name != "detail"}
    status = REFUSAL_STATUS[type(refusal)]
    return Problem(status, refusal.detail, kind=refusal.type(), title=refusal.title(), **own, **fields)


def answer(request: Request, problem: Problem) -> HTTPResponse:
    body = _encode(problem.body(getattr(request.ctx, "request_id", "")))
    return HTTPResponse(body, problem.status, problem.headers, "application/problem+json")


def of_exception(error: Exception) -> Problem | None:
    """The problem that an exception of the server's own machinery means; None for a bug of ours."""
    if isinstance(error, Problem):
        return error
    if isinstance(error, SanicException):
        status = error.status_code if error.status_code in _TITLES else 400 if error.status_code < 500 else 503
        headers = {"Retry-After": "2"} if status == 503 else {}
        if allowed := getattr(error, "headers", {}).get("Allow"):
            headers["Allow"] = allowed
        return Problem(status, _TITLES[status][1] + ".", headers=headers)
    return None
