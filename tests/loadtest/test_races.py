"""The races' own arithmetic: what is wished for, what must be sold, what an answer means, and how figures are made."""

import asyncio
import json
import math
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import jwt
import pytest

from loadtest import standings
from loadtest.accounts import token_for
from loadtest.answers import outcome
from loadtest.gathering import BUYERS_PER_PROCESS
from loadtest.lane_killing import lane_workers
from loadtest.own_edge import EdgeFailed, edge_without_limits
from loadtest.races import RACES, TOLD_WITHIN_SECONDS, WAIT_SECONDS
from loadtest.stack import StackUnknown, demo_buyer, stack

ROOT = Path(__file__).parents[2]
PURE = pytest.mark.pure


@PURE
@pytest.mark.parametrize("race", RACES, ids=lambda race: race.name)
def test_more_is_wished_for_than_there_is_and_what_must_be_sold_follows(race: Any) -> None:
    """Every race is contended; where seats are chosen, the most that can be sold is what must be."""
    seats = [f"1-{n}" for n in range(race.seats)]
    wishes = [race.wish(buyer, seats) for buyer in range(race.buyers)]
    chosen = Counter(tuple(wish.get("seats", ())) for wish in wishes)
    wanted = sum(len(wish["seats"]) if "seats" in wish else wish["quantity"] for wish in wishes)
    assert wanted > race.seats
    assert race.must_sell <= race.seats
    if () not in chosen:
        assert sum(len(set(seats)) for seats in chosen) == race.must_sell
        assert len({seat for seats in chosen for seat in seats}) == race.must_sell
        assert min(chosen.values()) > 1
    else:
        assert {wish["quantity"] for wish in wishes} == {1, 2}


@PURE
def test_the_bounds_fit_together() -> None:
    """A buyer may be told right at the end of the wait; a crowd's process keeps below what select can see."""
    assert WAIT_SECONDS < TOLD_WITHIN_SECONDS
    assert BUYERS_PER_PROCESS < 1000


@PURE
@pytest.mark.parametrize(
    ("status", "body", "means"),
    [
        (201, {"status": "held"}, "held"),
        (200, {"status": "confirmed"}, "confirmed"),
        (200, {"status": "queued"}, ""),
        (200, {"status": "refused", "refusal": {"type": "/problems/sold-out"}}, "sold-out"),
        (409, {"type": "/problems/seat-taken"}, "seat-taken"),
        (202, {"status": "queued"}, ""),
        (503, {}, ""),
        (429, {}, ""),
        (0, {}, ""),
        (500, {}, "error 500"),
        (422, {}, "error 422"),
    ],
)
def test_an_answer_is_a_decision_a_wait_or_an_error(status: int, body: dict[str, Any], means: str) -> None:
    assert outcome(status, body) == means


@PURE
def test_a_percentile_is_a_value_that_was_measured() -> None:
    values = [float(n) for n in range(1, 101)]
    assert [standings.percentile(values, p) for p in (50, 90, 99, 100)] == [50, 90, 99, 100]
    assert standings.percentile([3.0], 50) == 3.0
    assert standings.percentile([], 99) == 0.0
    assert not math.isnan(standings.percentile([1.0, 2.0], 1))


def notes() -> list[dict[str, Any]]:
    paid = {"status": "confirmed", "seconds": 2.0}
    seats = {"seats": [{}, {}], "place": 1}
    return [
        {
            "told": "held",
            "told_after_seconds": 1.0,
            "request_seconds": 0.9,
            "payment": paid,
            "answers": [{"body": seats}],
        },
        {
            "told": "sold-out",
            "told_after_seconds": 2.0,
            "request_seconds": 1.9,
            "answers": [{}, {"body": {"place": 2}}],
        },
    ]


RACE = {"name": "pairs", "title": "Two buyers", "buyers": 2, "seats": 2, "paying": 1, "crowd_cpu_seconds": 0.1}


@PURE
def test_the_standings_say_what_the_notes_say(tmp_path: Path) -> None:
    found = standings.summary(RACE, notes())
    assert found["outcomes"] == {"held": 1, "sold-out": 1}
    assert (found["seats_given"], found["asked_again"], found["paid_and_confirmed"]) == (2, 1, 1)
    assert found["told_after_release_seconds"]["max"] == 2.0
    assert found["told_per_second"] == 1
    assert "1 held, 1 sold-out" in standings.table([found])
    standings.write(tmp_path, [found])
    assert json.loads((tmp_path / "summary.json").read_text())[0]["seats_given"] == 2


@PURE
def test_the_picture_is_drawn(tmp_path: Path) -> None:
    standings.draw(tmp_path / "races.png", [(RACE, notes()), (RACE, notes())])
    assert (tmp_path / "races.png").read_bytes().startswith(b"\x89PNG")


@PURE
def test_a_token_is_one_that_the_edge_would_give() -> None:
    from uuid import uuid4

    buyer, secret = uuid4(), "s" * 40
    token = token_for(buyer, secret)
    claims = jwt.decode(token, secret, ["HS256"], audience="frontrow", issuer="frontrow")
    assert (claims["sub"], claims["typ"], claims["role"]) == (str(buyer), "access", "buyer")
    assert jwt.get_unverified_header(token)["kid"] == "1"


@PURE
def test_only_lane_workers_of_our_own_stack_are_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another stack's worker, another kind of worker, and an editor that has the file open are left alone."""
    monkeypatch.setenv("FRONTROW_STACK", "/ours")

    def process(pid: str, command: list[str], environment: str) -> None:
        (tmp_path / pid).mkdir()
        (tmp_path / pid / "cmdline").write_bytes("\0".join(command).encode() + b"\0")
        (tmp_path / pid / "environ").write_bytes(environment.encode() + b"\0")

    worker = ["/x/python", "-m", "actors.worker"]
    process("11", [*worker, "lane"], "A=1\0FRONTROW_STACK=/ours")
    process("12", [*worker, "lane"], "FRONTROW_STACK=/theirs")
    process("13", [*worker, "saga"], "FRONTROW_STACK=/ours")
    process("14", ["vi", "actors.worker", "lane"], "FRONTROW_STACK=/ours")
    process("15", [*worker, "lane"], "FRONTROW_STACK=/ours-too")
    (tmp_path / "16").mkdir()
    (tmp_path / "self").mkdir()
    assert lane_workers(tmp_path) == [11]


@PURE
def test_nobody_is_found_without_a_mark_to_go_by(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("FRONTROW_STACK", raising=False)
    monkeypatch.delenv("DATABASE_URL", raising=False)
    assert lane_workers() == []


@PURE
def test_a_missing_address_is_named_with_what_to_do() -> None:
    with pytest.raises(StackUnknown, match=r"EDGE_URL, RAZORPAY_URL, MAILBOX_URL, DATABASE_URL\. .*make up"):
        stack({})
    with pytest.raises(StackUnknown, match="BUYER_PASSWORD"):
        demo_buyer({"BUYER_EMAIL": "a@b"})


@PURE
def test_an_edge_that_cannot_start_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its log's last lines are in the message, and no process is left."""
    for name in ("DATABASE_URL", "REDIS_URL", "RABBITMQ_URL", "RATE_LIMITS"):
        monkeypatch.delenv(name, raising=False)

    async def start() -> None:
        async with edge_without_limits("http://127.0.0.1:9", tmp_path / "edge.log"):
            raise AssertionError("it started without a database")

    with pytest.raises(EdgeFailed, match="DATABASE_URL"):
        asyncio.run(start())


def run(module: str, *arguments: str, seconds: float = 30, **changed: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", module, *arguments], cwd=ROOT, env={**os.environ, **changed}, text=True,
        capture_output=True, timeout=seconds, check=False,
    )  # fmt: skip


ELSEWHERE = {
    "EDGE_URL": "http://127.0.0.1:9", "RAZORPAY_URL": "http://127.0.0.1:9", "MAILBOX_URL": "http://127.0.0.1:9",
    "DATABASE_URL": "postgres://127.0.0.1:9/x", "BUYER_EMAIL": "a@b.example", "BUYER_PASSWORD": "x",
}  # fmt: skip


@PURE
@pytest.mark.parametrize("module", ["loadtest.e2e", "loadtest.onsale", "loadtest.verdict"])
def test_without_a_stack_a_command_says_what_is_missing(module: str) -> None:
    ended = run(module, **dict.fromkeys(ELSEWHERE, ""))
    assert ended.returncode == 1
    assert "missing" in ended.stderr
    assert "Traceback" not in ended.stderr


@PURE
def test_a_sale_that_fails_names_the_step_and_the_answer(tmp_path: Path) -> None:
    ended = run("loadtest.e2e", RUN_DIR=str(tmp_path), **ELSEWHERE)
    assert ended.returncode == 1
    assert "failed at “log in”: POST http://127.0.0.1:9/v1/auth/login got no answer" in ended.stdout
    assert (tmp_path / "e2e.log").read_text() == ended.stdout


@PURE
def test_a_verdict_without_its_witnesses_is_no_verdict() -> None:
    ended = run("loadtest.verdict", **ELSEWHERE, **SETTINGS)
    assert ended.returncode == 1
    assert "did not answer" in ended.stderr
    assert "clean" not in ended.stdout


SETTINGS = {
    "REDIS_URL": "redis://127.0.0.1:9", "RABBITMQ_URL": "amqp://127.0.0.1:9", "JWT_SECRET": "j" * 40,
    "BOOKING_NAMESPACE": "f1e281b8-2d5c-4bad-a973-f7af80e8b029", "TICKET_SIGNING_KEY": "A" * 43 + "=",
    "RAZORPAY_KEY_ID": "k", "RAZORPAY_KEY_SECRET": "s", "RAZORPAY_WEBHOOK_SECRET": "w",
}  # fmt: skip
