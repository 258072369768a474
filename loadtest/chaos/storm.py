"""Buyers who ask through the edge all the while, write down what they are told, and ask again whatever was a 503."""

import asyncio
import contextlib
import random
import time
import uuid
from collections.abc import AsyncIterator
from typing import Any, NamedTuple
from uuid import UUID

import httpx

from loadtest.accounts import Buyer
from loadtest.bench.shows import Show
from loadtest.chaos.worker import until

#: A 503 says Retry-After; nobody here waits longer than this.
AGAIN_SECONDS, ASK_LIMIT_SECONDS, RESOLVE_LIMIT_SECONDS = 0.4, 20.0, 90.0
PAUSE_SECONDS = 0.25


class Answer(NamedTuple):
    """When it was asked, how long the answer took, and what it was (0: none)."""

    at: float
    seconds: float
    status: int


class Note(NamedTuple):
    """A wish whose buyer was told in the end that it is accepted, or how it was decided."""

    booking_id: str
    status: int
    asked: int


class Storm:
    """So many buyers at once, each with one wish after the other, under a fresh key each."""

    def __init__(self, edge_url: str, shows: list[Show], buyers: list[Buyer], expected: int, seed: int) -> None:
        self._edge_url, self._shows, self._buyers, self._expected = edge_url, shows, buyers, expected
        self._seed, self._over = seed, asyncio.Event()
        self._begun = 0
        self._going = asyncio.Event()
        self._going.set()
        self._asking = 0
        self.answers: list[Answer] = []
        self.notes: list[Note] = []
        self.unresolved: list[str] = []

    async def run(self) -> None:
        """Ask until told that it is over; then every 503 is still found out."""
        limits = httpx.Limits(max_connections=len(self._buyers) + 4)
        async with httpx.AsyncClient(timeout=ASK_LIMIT_SECONDS, trust_env=False, limits=limits) as client:
            await asyncio.gather(*(self._buyer(client, number) for number in range(len(self._buyers))))

    def end(self) -> None:
        self._over.set()

    @contextlib.asynccontextmanager
    async def at_rest(self) -> AsyncIterator[None]:
        """No wish is under way meanwhile."""
        self._going.clear()
        await until("all wishes answered", lambda: not self._asking, RESOLVE_LIMIT_SECONDS)
        try:
            yield
        finally:
            self._going.set()

    async def _buyer(self, client: httpx.AsyncClient, number: int) -> None:
        draw, buyer = random.Random(f"{self._seed} buyer {number}"), self._buyers[number]
        while not self._over.is_set():
            show = self._shows[self._begun % len(self._shows)]
            known = min(len(show.seats), 4 + len(show.seats) * self._begun // self._expected)
            self._begun += 1
            await self._going.wait()
            self._asking += 1
            try:
                await self._wish(client, buyer, show, show.seats[draw.randrange(known)])
            finally:
                self._asking -= 1
            await asyncio.sleep(PAUSE_SECONDS * (0.5 + draw.random()))

    async def _wish(self, client: httpx.AsyncClient, buyer: Buyer, show: Show, seat: str) -> None:
        headers = {"authorization": f"Bearer {buyer.token}", "idempotency-key": str(uuid.uuid4())}
        deadline, asked = time.monotonic() + RESOLVE_LIMIT_SECONDS, 0
        while time.monotonic() < deadline:
            status, body = await self._ask(client, f"{self._edge_url}/v1/shows/{show.id}/bookings", headers, seat)
            asked += 1
            if status not in (0, 429, 503):
                booking = str(body.get("id") or body.get("booking_id") or "")
                self.notes.append(Note(booking, status, asked))
                return
            await asyncio.sleep(AGAIN_SECONDS)
        self.unresolved.append(headers["idempotency-key"])

    async def _ask(
        self, client: httpx.AsyncClient, url: str, headers: dict[str, str], seat: str
    ) -> tuple[int, dict[str, Any]]:
        began = time.monotonic()
        try:
            answer = await client.post(url, headers=headers, json={"seats": [seat]})
            status, body = answer.status_code, answer.json()
        except (httpx.HTTPError, ValueError):
            status, body = 0, {}
        self.answers.append(Answer(began, time.monotonic() - began, status))
        return status, body

    def accepted(self) -> set[UUID]:
        """Bookings of which a buyer was told that they are accepted."""
        return {UUID(note.booking_id) for note in self.notes if note.status in (201, 202) and note.booking_id}
