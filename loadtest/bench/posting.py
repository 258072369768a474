"""A light crowd: requests made beforehand, posted over kept-alive sockets by one thread, each answer timed.

Closed loop: each connection sends its next request when it has its answer.  With ``due`` the requests have their times,
and a late start counts as latency.  About 20 us of CPU a request, so that it is not what is measured."""

import json
import re
import select
import socket
import time
from collections import Counter, deque
from collections.abc import Sequence
from typing import Any, NamedTuple

CONNECT_LIMIT_SECONDS, RECEIVE_BYTES = 10.0, 65_536
ODD_SHOWN = 3
_LENGTH = re.compile(rb"\r\n[Cc]ontent-[Ll]ength: *(\d+)")


class Posted(NamedTuple):
    """How it went: seconds of each answer in the order of the requests (None: none came), and what was answered."""

    seconds: list[float | None]
    statuses: Counter[int]
    wall_seconds: float
    odd: list[str]

    @property
    def answered(self) -> list[float]:
        return [one for one in self.seconds if one is not None]

    def errors(self, *good: int) -> int:
        """Requests without one of these answers; no answer at all counts too."""
        return len(self.seconds) - sum(self.statuses[status] for status in good)


class _Connection:
    def __init__(self, address: tuple[str, int]) -> None:
        self._address = address
        self.connect()

    def connect(self) -> None:
        self.socket = socket.create_connection(self._address, CONNECT_LIMIT_SECONDS)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.number, self.sent_at, self.received = -1, 0.0, b""


def post(
    address: tuple[str, int],
    requests: Sequence[bytes],
    connections: int,
    *,
    good: Sequence[int] = (201, 202),
    due: Sequence[float] | None = None,
    settle_seconds: float = 0.0,
    limit_seconds: float = 60.0,
) -> Posted:
    """Post them all; ``due`` are seconds from the begin.  Ends when all are answered, or at the limit.

    The begin is when everybody is connected and has stood still for ``settle_seconds``."""
    everybody = [_Connection(address) for _ in range(min(connections, len(requests)))]
    waiting, polling = {one.socket.fileno(): one for one in everybody}, select.epoll()
    for number in waiting:
        polling.register(number, select.EPOLLIN)
    free, statuses, odd = deque(everybody), Counter[int](), list[str]()
    seconds: list[float | None] = [None] * len(requests)
    time.sleep(settle_seconds)
    began, sent, told = time.perf_counter(), 0, 0
    try:
        while told < len(requests):
            now = time.perf_counter()
            if now - began > limit_seconds:
                break
            while free and sent < len(requests) and (due is None or began + due[sent] <= now):
                one = free.popleft()
                one.number, one.sent_at = sent, (now if due is None else began + due[sent])
                one.socket.sendall(requests[sent])
                sent += 1
                now = time.perf_counter()
            until_next = began + due[sent] - now if due is not None and sent < len(requests) and free else 0.25
            for fileno, _ in polling.poll(max(min(until_next, 0.25), 0.0)):
                one = waiting[fileno]
                status, body = _receive(one)
                if status is None:
                    continue
                if one.number >= 0:
                    told += 1
                    statuses[status] += 1
                    seconds[one.number] = time.perf_counter() - one.sent_at
                    if status not in good and len(odd) < ODD_SHOWN:
                        odd.append(f"{status} {body[:300].decode(errors='replace')}")
                if status == 0:  # the connection is gone; its place in the crowd is not
                    polling.unregister(fileno)
                    del waiting[fileno]
                    one.socket.close()
                    one.connect()
                    waiting[one.socket.fileno()] = one
                    polling.register(one.socket.fileno(), select.EPOLLIN)
                if one.number >= 0 or status == 0:
                    one.number = -1
                    free.append(one)
        return Posted(seconds, statuses, time.perf_counter() - began, odd)
    finally:
        polling.close()
        for one in everybody:
            one.socket.close()


def _receive(one: _Connection) -> tuple[int | None, bytes]:
    """Status and body of an answer that is whole now; 0 when the connection was closed instead."""
    try:
        data = one.socket.recv(RECEIVE_BYTES)
    except OSError:
        data = b""
    if not data:
        return 0, b"the connection was closed"
    one.received += data
    head = one.received.find(b"\r\n\r\n")
    if head < 0:
        return None, b""
    length = _LENGTH.search(one.received, 0, head + 2)
    body = one.received[head + 4 :]
    if length is not None and len(body) < int(length[1]):
        return None, b""
    status, one.received = int(one.received[9:12]), b""
    return status, body


def booking_request(
    address: tuple[str, int], show_id: object, token: str, key: str, wish: dict[str, Any], wait_seconds: int = 0
) -> bytes:
    """POST /v1/shows/{id}/bookings as bytes."""
    body = json.dumps(wish, separators=(",", ":")).encode()
    prefer = f"Prefer: wait={wait_seconds}\r\n" if wait_seconds else ""
    head = (
        f"POST /v1/shows/{show_id}/bookings HTTP/1.1\r\nHost: {address[0]}:{address[1]}\r\n"
        f"Authorization: Bearer {token}\r\nIdempotency-Key: {key}\r\n{prefer}"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body
