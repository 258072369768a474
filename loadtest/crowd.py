"""A part of a race's crowd, in Locust: every buyer connects, waits at the barrier, and is released at the same moment.

`python -m loadtest.crowd PLAN` runs in processes of its own, because Locust replaces Python's sockets; what it says
and hears are lines of JSON.  Each buyer writes down what it was told.

1. Each buyer opens its connection and waits.  The process says that all are gathered, and is told the moment.
2. At that moment all are released; each sends its one wish, with a key of its own.
3. No answer, 429 or 503: asks again with the same key.  202: asks for the booking until it is decided.
4. The first winners pay at the emulator and wait until they are confirmed.
"""

import json
import logging
import resource
import sys
import time
import uuid
from collections import deque
from itertools import count
from pathlib import Path
from typing import Any, TextIO

import gevent  # type: ignore[import-untyped]
from gevent.event import Event  # type: ignore[import-untyped]
from locust import FastHttpUser, task
from locust.env import Environment
from locust.exception import StopUser

from loadtest.answers import outcome

GATHER_LIMIT_SECONDS = 90.0
#: A buyer who has not been told anything by then gives up; the verdict has its own, stricter bound.
TELL_LIMIT_SECONDS = 60.0
PAY_LIMIT_SECONDS = 60.0
ASK_AGAIN_SECONDS, ASK_AGAIN_MAX_SECONDS = 0.25, 5.0
SPAWN_PER_SECOND = 500


class Crowd:
    """What the buyers of this process share: the plan, the barrier, and the pen."""

    def __init__(self, plan: dict[str, Any], notes: TextIO) -> None:
        self.plan = plan
        self.buyers = deque(enumerate(plan["buyers"]))
        self.expected = len(self.buyers)
        self.arrived, self.told = 0, 0
        self.released, self.released_at, self.released_monotonic = Event(), 0.0, 0.0
        self._paying, self._notes = count(), notes

    def may_pay(self) -> bool:
        return next(self._paying) < int(self.plan["paying"])

    def release(self, at: float) -> None:
        """Release everybody at this moment, which all processes of the crowd were told."""
        gevent.sleep(max(at - time.time(), 0))
        self.released_at, self.released_monotonic = at, time.monotonic() - (time.time() - at)
        self.released.set()

    def write_down(self, note: dict[str, Any]) -> None:
        self._notes.write(json.dumps(note, separators=(",", ":")) + "\n")
        self.told += 1


class Visitor(FastHttpUser):
    """One buyer: a connection, a token, one wish."""

    crowd: Crowd
    connection_timeout = 30.0
    network_timeout = 30.0
    max_retries = 0

    def on_start(self) -> None:
        self.number, self.buyer = self.crowd.buyers.popleft()
        self.key = f"onsale-{uuid.uuid4()}"
        self.answers: list[dict[str, Any]] = []
        self._ask("GET", "/health/live", "connect")
        self.crowd.arrived += 1
        self.crowd.released.wait()

    @task
    def buy(self) -> None:
        sent = time.monotonic()
        told = self._until_decided()
        now = time.monotonic()
        note = {
            "race": self.crowd.plan["race"],
            "show_id": self.crowd.plan["show_id"],
            "buyer_id": self.buyer["id"],
            "key": self.key,
            "wish": self.buyer["wish"],
            "released_at": self.crowd.released_at,
            "sent_after_seconds": round(sent - self.crowd.released_monotonic, 4),
            "told_after_seconds": round(now - self.crowd.released_monotonic, 4),
            "request_seconds": round(now - sent, 4),
            "told": told,
            "answers": self.answers,
        }
        if told == "held" and self.crowd.may_pay():
            note["payment"] = self._pay(self.answers[-1]["body"])
        self.crowd.write_down(note)
        raise StopUser

    def _until_decided(self) -> str:
        """Send the wish until it is accepted, then ask until it is decided; what the buyer was told in the end."""
        deadline = time.monotonic() + TELL_LIMIT_SECONDS
        path, wait = f"/v1/shows/{self.crowd.plan['show_id']}/bookings", ASK_AGAIN_SECONDS
        method, headers = "POST", {"Idempotency-Key": self.key, "Prefer": f"wait={self.crowd.plan['wait_seconds']}"}
        while True:
            status, body, retry_after = self._ask(method, path, method, self.buyer["wish"], headers)
            self.answers.append({"at": time.time(), "status": status, "body": body})
            if (told := outcome(status, body)) or time.monotonic() > deadline:
                return told or "nothing"
            if status == 202:
                method, path = "GET", f"/v1/bookings/{body['id']}"
            gevent.sleep(min(max(retry_after, wait), ASK_AGAIN_MAX_SECONDS))

    def _pay(self, booking: dict[str, Any]) -> dict[str, Any]:
        """Pay for the held booking; what was seen of it, up to the confirmation."""
        began, path = time.monotonic(), f"/v1/bookings/{booking['id']}"
        seen = self._see(
            path, lambda b: bool(b["payment"].get("razorpay_order_id")) and b["payment"]["status"] == "ready"
        )
        order = (seen.get("payment") or {}).get("razorpay_order_id")
        if not order:
            return {"status": "no order", "seconds": round(time.monotonic() - began, 3), "booking": seen}
        url = f"{self.crowd.plan['razorpay_url']}/control/orders/{order}/pay"
        status, paid, _ = self._ask("POST", url, "pay", {"outcome": "captured"})
        if status != 200:
            return {"status": f"paying answered {status}", "order": order, "answer": paid}
        seen = self._see(path, lambda b: b["status"] == "confirmed")
        return {
            "status": seen.get("status", "unknown"),
            "order": order,
            "razorpay_payment_id": paid["razorpay_payment_id"],
            "seconds": round(time.monotonic() - began, 3),
        }

    def _see(self, path: str, is_so: Any) -> dict[str, Any]:
        """The booking as it was seen last: so, ended, or late."""
        deadline, seen = time.monotonic() + PAY_LIMIT_SECONDS, {}
        while time.monotonic() < deadline:
            status, body, _ = self._ask("GET", path, "GET")
            if status == 200:
                seen = body
                if is_so(seen) or seen["status"] not in ("held", "confirmed"):
                    return seen
            gevent.sleep(ASK_AGAIN_SECONDS)
        return seen

    def _ask(
        self, method: str, url: str, name: str, body: Any = None, headers: dict[str, str] | None = None
    ) -> tuple[int, dict[str, Any], float]:
        """Status (0: no answer), body and the seconds after which to come back.  A refusal is an answer."""
        sent: dict[str, Any] = {"json": body} if method == "POST" else {}
        own = {"Authorization": f"Bearer {self.buyer['token']}", **(headers or {})}
        with self.client.request(method, url, name=name, headers=own, catch_response=True, **sent) as answer:
            status = answer.status_code or 0
            if status in (200, 201, 202, 409):
                answer.success()
            try:
                found = json.loads(answer.content or b"{}")
            except ValueError:
                found = {"unreadable": repr(answer.content)[:200]}
            told = (answer.headers or {}).get("retry-after") or ""
            return (
                status,
                found if isinstance(found, dict) else {"body": found},
                float(told) if told.isdecimal() else 0.0,
            )


def run(plan: dict[str, Any], notes: TextIO) -> None:
    """Gather the crowd, release it, and wait until everybody has been told."""
    crowd = Crowd(plan, notes)
    Visitor.crowd, Visitor.host = crowd, plan["edge_url"]
    logging.getLogger("locust.runners").setLevel(logging.ERROR)  # it warns of fast spawning; nobody asks while spawning
    environment = Environment(user_classes=[Visitor])
    runner = environment.create_local_runner()
    runner.start(crowd.expected, spawn_rate=SPAWN_PER_SECOND)
    _wait(lambda: crowd.arrived >= crowd.expected, GATHER_LIMIT_SECONDS, "at the barrier", crowd)
    say(event="gathered", buyers=crowd.expected)
    at = hear()["release_at"]
    before = resource.getrusage(resource.RUSAGE_SELF)
    crowd.release(at)
    limit = TELL_LIMIT_SECONDS + 3 * PAY_LIMIT_SECONDS
    _wait(lambda: crowd.told >= crowd.expected, limit, "told", crowd)
    after = resource.getrusage(resource.RUSAGE_SELF)
    runner.quit()
    say(
        event="told",
        seconds=round(time.monotonic() - crowd.released_monotonic, 3),
        cpu_seconds=round(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, 3),
        requests=environment.stats.total.num_requests - crowd.expected,
        failures=environment.stats.total.num_failures,
        errors=[f"{error.method} {error.name}: {error.error}"[:200] for error in environment.stats.errors.values()][
            :10
        ],
    )


def _wait(is_so: Any, limit_seconds: float, what: str, crowd: Crowd) -> None:
    deadline = time.monotonic() + limit_seconds
    while not is_so():
        if time.monotonic() > deadline:
            raise SystemExit(
                f"crowd: after {limit_seconds:.0f} s not everybody is {what}: "
                f"{crowd.arrived} arrived and {crowd.told} told, of {crowd.expected}"
            )
        gevent.sleep(0.02)


def say(**facts: Any) -> None:
    print(json.dumps(facts), flush=True)


def hear() -> dict[str, Any]:
    """The next line that we are told; while it is awaited, the buyers' connections stay in care."""
    line = gevent.get_hub().threadpool.apply(sys.stdin.readline)
    if not line:
        raise SystemExit("crowd: whoever was to release it is gone")
    heard: dict[str, Any] = json.loads(line)
    return heard


def main(arguments: list[str]) -> int:
    if len(arguments) != 1:
        print("usage: python -m loadtest.crowd PLAN", file=sys.stderr)
        return 2
    plan = json.loads(Path(arguments[0]).read_text())
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    with Path(plan["notes"]).open("a", encoding="utf-8") as notes:
        run(plan, notes)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
