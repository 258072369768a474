"""What the edge is compared with: a bare Sanic handler that verifies the same token and parses the same JSON.

`python -m loadtest.bench.bare_handler PORT`: one process on uvloop, no database, no broker, no limiter."""

import asyncio
import socket
import sys
from typing import Any
from uuid import UUID

import jwt
import msgspec
import uvloop
from sanic import Request, Sanic
from sanic.response import HTTPResponse

from store.settings import settings


class Wish(msgspec.Struct, forbid_unknown_fields=True):
    seats: list[str] | None = None
    quantity: int | None = None


_decode = msgspec.json.Decoder(Wish).decode


def make_app(secret: str) -> Sanic[Any, Any]:
    app: Sanic[Any, Any] = Sanic("bare", configure_logging=False)
    app.config.update(ACCESS_LOG=False, OAS=False, MOTD=False, KEEP_ALIVE_TIMEOUT=75)

    @app.post("/v1/shows/<show_id:uuid>/bookings")
    async def create_booking(request: Request, show_id: UUID) -> HTTPResponse:
        token = request.headers["authorization"].partition(" ")[2]
        claims = jwt.decode(
            token, secret, ["HS256"], audience="frontrow", issuer="frontrow", leeway=30,
            options={"require": ["exp", "iat", "sub", "aud", "iss"]},
        )  # fmt: skip
        wish = _decode(request.body)
        answer = {"show_id": show_id, "buyer_id": claims["sub"], "seats": wish.seats, "status": "queued"}
        return HTTPResponse(msgspec.json.encode(answer), 202, content_type="application/json")

    return app


def main(port: int) -> None:
    listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listening.bind(("127.0.0.1", port))
    listening.listen(4096)
    asyncio.set_event_loop_policy(uvloop.EventLoopPolicy())
    make_app(settings().jwt_secret).run(sock=listening, single_process=True, access_log=False, motd=False, debug=False)


if __name__ == "__main__":
    main(int(sys.argv[1]))
