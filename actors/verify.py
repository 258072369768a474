"""Proves the records: ``python -m actors.verify`` decides the whole journal again, and compares (for ``make verify``).

One line for each check: what was checked, how many rows, and what does not fit.  It reads one snapshot, so it may run
while selling goes on."""

import asyncio
import sys
from collections.abc import Awaitable, Callable
from typing import Any
from uuid import UUID

import msgspec

from actors.batch import chain_hash, offer_of
from actors.lanes.wire import open_body
from actors.reselling import Offer
from actors.show import STATE_NAMES, Inputs, Outcome, Show, apply, asked_of, decide
from sagas import booking, top_up
from sagas.clock import rfc3339
from sagas.messages import (
    HoldSeats,
    MoveShow,
    OpenShow,
    SagaEvent,
    SeatsHeld,
    ShowLaneMessage,
)
from sagas.saga import advance
from sagas.seat_plan import SeatPlan, decode
from sagas.terms import KeptLeft, decode_coupon
from store.catalogue import terms_of
from store.connection import close_database, open_database
from store.sagas import restore
from store.settings import SettingsError
from store.verification import Snapshot, snapshot

_command = msgspec.json.Decoder(ShowLaneMessage).decode
_event = msgspec.json.Decoder(SagaEvent).decode
_inputs = msgspec.json.Decoder(Inputs).decode
_decode_kept = msgspec.json.Decoder(tuple[KeptLeft, ...]).decode
_encode = msgspec.json.Encoder().encode

#: Differences that are printed in full; more are only counted.
SHOWN = 5

Differences = list[str]
Check = Callable[[Snapshot], Awaitable[tuple[int, Differences]]]


class Replay:
    """The shows and bookings as the journal makes them."""

    def __init__(self, plans: dict[UUID, SeatPlan]) -> None:
        self.plans = plans
        self.shows: dict[UUID, Show] = {}
        self.states: dict[UUID, str] = {}
        self.places: dict[UUID, int] = {}
        self.places_of: dict[UUID, Any] = {}
        self.lanes: dict[UUID, str] = {}
        self.offers: dict[UUID, Offer] = {}

    def decide(self, row: Any) -> str | None:
        """Decide one row of the journal again; what differs, or None."""
        if row["inputs"] is None:
            return None  # a fence, or something unreadable: nothing was decided
        command = _command(open_body(row["body"].encode()).message)
        show = self.shows.get(row["show_id"])
        if show is not None:
            show.places_of = {asked: self.places_of.get(asked, ()) for asked in asked_of(show, command)}
        outcome = decide(show, command, row["decided_at"], _inputs(row["inputs"]))
        if outcome.decided != row["decided"]:
            return f"decided {outcome.decided} instead of {row['decided']}"
        if not outcome.decided:
            return None
        if self.lanes.setdefault(row["show_id"], row["lane"]) != row["lane"]:
            return f"{command.name()} was decided while the show was on {self.lanes[row['show_id']]}"
        result = _encode(outcome).decode()
        if result != row["result"]:
            return f"{command.name()} came to {result[:200]} instead of {row['result'][:200]}"
        if isinstance(command, OpenShow):
            show = self.shows[command.show_id] = Show(command.show_id, command, self.plans[command.show_id])
        if show is not None:
            apply(show, command, outcome)
            at = rfc3339(row["decided_at"])
            show.hash = chain_hash(show.hash, row["generation"], row["offset"], row["body"], at, result)
            if show.hash != row["hash"]:
                return f"the hash chain breaks at {row['lane']} {row['generation']}:{row['offset']}"
        self._note(command, outcome)
        return None

    def _note(self, command: Any, outcome: Outcome) -> None:
        if isinstance(command, MoveShow) and outcome.name == "moved":
            self.lanes[command.show_id] = command.to
        if isinstance(command, HoldSeats):
            self.places[command.show_id] = self.places.get(command.show_id, 0) + 1
        if outcome.booking_state:
            self.states[command.booking_id] = outcome.booking_state
        if outcome.places:
            self.places_of[command.booking_id] = outcome.places
        self.offers |= {offer.id: offer for offer in outcome.offers}
        if (sold := outcome.handed_over) is not None:
            self.states[sold.booking_id] = sold.state
            self.places_of[sold.booking_id] = sold.places


async def chains(view: Snapshot) -> tuple[int, Differences]:
    """lanes: every message has one row, in order, each naming the one before; the last is where the lane stands"""
    rows, wrong = 0, []
    for lane in await view.all("verify_lanes"):
        table = "verify_saga_journal" if lane["lane"].startswith("saga.") else "verify_journal"
        generation, last = None, None
        async for row in view.each(table, lane["lane"]):
            rows += 1
            if row["generation"] != generation:
                generation, last = row["generation"], None
            if row["previous_offset"] != last or (last is not None and row["offset"] <= last):
                wrong.append(
                    f"{lane['lane']} {generation}:{row['offset']} follows {row['previous_offset']}, not {last}"
                )
            last = row["offset"]
        if generation == lane["generation"] and last != lane["last_offset"]:
            wrong.append(f"{lane['lane']} ends at {last}, but the lane stands at {lane['last_offset']}")
    return rows, wrong


async def replayed(view: Snapshot) -> tuple[int, Differences]:
    """journal: decided again, each command comes to the same outcome, and each show's hash chain to the same hash"""
    plans = {row["id"]: decode(row["body"]) for row in await view.all("verify_plans")}
    replay, rows, wrong = Replay(plans), 0, []
    moved = {row["id"] for row in await view.all("verify_moved")}

    def again(row: Any) -> None:
        if (difference := replay.decide(row)) is not None:
            wrong.append(f"{row['lane']} {row['generation']}:{row['offset']}: {difference}")

    for lane in await view.all("verify_lanes"):
        if lane["lane"].startswith("show."):
            async for row in view.each("verify_journal", lane["lane"]):
                rows += 1
                if row["show_id"] not in moved:
                    again(row)
    async for row in view.each("verify_journal_of_moved"):
        again(row)
    view.replay = replay  # type: ignore[attr-defined]
    return rows, wrong


async def decided_once(view: Snapshot) -> tuple[int, Differences]:
    """commands: decided at most once, whatever was sent again"""
    twice = await view.all("verify_decided_twice")
    return len(twice), [str(row["command_id"]) for row in twice]


async def seats(view: Snapshot) -> tuple[int, Differences]:
    """seats: the table is what the journal makes of it, seat by seat"""
    replay: Replay = view.replay  # type: ignore[attr-defined]
    wrong, rows = [], 0
    stored: dict[UUID, dict[str, str]] = {}
    for row in await view.all("verify_seats"):
        stored.setdefault(row["show_id"], {})[row["id"]] = row["state"]
    counts = {row["show_id"]: row["seats"] for row in await view.all("verify_seats_count")}
    for show_id, show in replay.shows.items():
        rows += len(show.states)
        if counts.get(show_id, 0) != len(show.states):
            wrong.append(f"show {show_id} has {counts.get(show_id, 0)} seats, its plan {len(show.states)}")
        made = {show.seat_id(at): STATE_NAMES[state] for at, state in enumerate(show.states) if state}
        for seat in made.keys() | stored.get(show_id, {}).keys():
            told, kept = made.get(seat, "free"), stored.get(show_id, {}).get(seat, "free")
            if told != kept:
                wrong.append(f"seat {seat} is {kept}, the journal says {told}")
    return rows, wrong


async def shows(view: Snapshot) -> tuple[int, Differences]:
    """shows: number of wishes, head of the hash chain, lane and what partners have left are the journal's"""
    replay: Replay = view.replay  # type: ignore[attr-defined]
    rows = await view.all("verify_shows")
    wrong = []
    for row in rows:
        show = replay.shows.get(row["id"])
        if show is None or (row["place"], row["hash"]) != (replay.places.get(row["id"], 0), show.hash):
            wrong.append(f"show {row['id']} stands at place {row['place']} with {row['hash'][:12]}")
        elif show.kept_left() != _decode_kept(row["kept"] or "[]"):
            wrong.append(f"show {row['id']} says of its partners' places what the journal does not")
        elif replay.lanes[row["id"]] != row["lane"]:
            wrong.append(f"show {row['id']} is on {row['lane']}, its journal moved it to {replay.lanes[row['id']]}")
    return len(rows), wrong


async def terms(view: Snapshot) -> tuple[int, Differences]:
    """terms: what a show's row says of its sale, and its coupons, are what the journal makes of them"""
    replay: Replay = view.replay  # type: ignore[attr-defined]
    coupons: dict[UUID, dict[str, Any]] = {}
    for row in await view.all("verify_coupons"):
        coupons.setdefault(row["show_id"], {})[row["code"]] = decode_coupon(row["terms"])
    rows, wrong = await view.all("verify_terms"), []
    for row in rows:
        show = replay.shows.get(row["id"])
        if show is None or not _same_terms(show.terms, terms_of(row)):
            wrong.append(f"show {row['id']} sells under other terms than the journal says")
        elif show.coupons != coupons.get(row["id"], {}):
            wrong.append(f"show {row['id']} has other coupons than the journal says")
    return len(rows) + sum(map(len, coupons.values())), wrong


def _same_terms(told: OpenShow, kept: OpenShow) -> bool:
    """The same but for the command that opened the show; rows of before there were rules may have got some since."""
    return told == msgspec.structs.replace(kept, command_id=told.command_id, version=told.version)


async def bookings(view: Snapshot) -> tuple[int, Differences]:
    """bookings: each is in the state to which the journal brought it, and none is missing"""
    replay: Replay = view.replay  # type: ignore[attr-defined]
    rows = await view.all("verify_bookings")
    stored = {row["id"]: row["state"] for row in rows if row["state"] != "failed"}
    wrong = [
        f"booking {booking_id} is {stored.get(booking_id)}, the journal says {replay.states.get(booking_id)}"
        for booking_id in stored.keys() | replay.states.keys()
        if stored.get(booking_id) != replay.states.get(booking_id)
    ]
    return len(rows), wrong


async def listings(view: Snapshot) -> tuple[int, Differences]:
    """listings: each ticket that is or was offered is as the journal says, and was handed over once at most"""
    replay: Replay = view.replay  # type: ignore[attr-defined]
    stored = {row["id"]: offer_of(row) for row in await view.all("verify_listings")}
    ids = stored.keys() | replay.offers.keys()
    return len(ids), [f"listing {id}" for id in ids if stored.get(id) != replay.offers.get(id)]


async def sagas(view: Snapshot) -> tuple[int, Differences]:
    """sagas: their timelines, advanced again, lead to where they stand"""
    made: dict[UUID, Any] = {}
    for row in await view.all("verify_top_ups"):
        facts = restore(row["progress"], row["outbox"], row["kind"]).facts
        made[row["id"]] = top_up.begin(row["id"], facts.buyer_id, facts.amount, facts.currency)
    early: dict[UUID, list[Any]] = {}  # events that overtook SeatsHeld: a buyer may give up as soon as the lane answers
    async for row in view.each("verify_timeline"):
        event, saga_id = _event(row["detail"]), row["saga_id"]
        early.setdefault(saga_id, []).append(event)
        if isinstance(event, SeatsHeld):
            made.setdefault(saga_id, booking.begin(event))
        if saga_id in made:
            saga = top_up.TOP_UP if row["kind"] == "top-up" else booking.BOOKING
            for told in early.pop(saga_id):
                made[saga_id], _ = advance(saga, made[saga_id], told)
    rows, wrong = 0, []
    async for row in view.each("verify_sagas"):
        rows += 1
        told = made.get(row["id"])
        stored = restore(row["progress"], row["outbox"], row["kind"])
        if told is None or _encode(told) != _encode(stored):
            wrong.append(f"saga {row['id']} stands at {row['step'] or 'its end'}, its timeline leads elsewhere")
    return rows, wrong


async def _named(view: Snapshot, name: str, what: str) -> tuple[int, Differences]:
    found = await view.all(name)
    return len(found), [f"{what} {row[0]}" for row in found]


async def tickets(view: Snapshot) -> tuple[int, Differences]:
    """tickets: one live ticket for each confirmed seat, and none for any other"""
    return await _named(view, "verify_tickets", "booking")


async def money(view: Snapshot) -> tuple[int, Differences]:
    """money: all that came in is kept by a confirmed booking or goes back, and every confirmed booking is paid"""
    return await _named(view, "verify_money", "unexplained:")


async def wallets(view: Snapshot) -> tuple[int, Differences]:
    """wallets: each balance is the sum of its entries"""
    return await _named(view, "verify_wallets", "wallet")


async def kept_aside(view: Snapshot) -> tuple[int, Differences]:
    """kept aside: of wallets, what the sagas of disputed payments know of"""
    return await _named(view, "verify_kept_aside", "buyer")


async def ledger(view: Snapshot) -> tuple[int, Differences]:
    """ledger: every transaction sums to zero, and each fact about money is booked once, with its amount"""
    rows = await view.all("verify_ledger_count")
    return rows[0]["entries"], [f"{row['what']} {row['id']}" for row in await view.all("verify_ledger")]


async def holds(view: Snapshot) -> tuple[int, Differences]:
    """caps: each buyer's count of live holds is the number of their held bookings"""
    return await _named(view, "verify_buyer_holds", "buyer")


CHECKS: tuple[Check, ...] = (
    chains, replayed, decided_once, seats, shows, terms, bookings, listings, sagas, tickets, money, wallets,
    kept_aside, ledger, holds,
)  # fmt: skip


async def verify() -> int:
    await open_database(pool_size=2)
    failed = 0
    try:
        async with snapshot() as view:
            for check in CHECKS:
                rows, wrong = await check(view)
                failed += bool(wrong)
                verdict = f"{len(wrong)} DIFFER" if wrong else "ok"
                print(f"{verdict:>10}  {rows:>9,} rows  {(check.__doc__ or '').strip()}", flush=True)
                for difference in wrong[:SHOWN]:
                    print(f"            - {difference}")
    finally:
        await close_database()
    return 1 if failed else 0


if __name__ == "__main__":
    try:
        sys.exit(asyncio.run(verify()))
    except (SettingsError, OSError) as error:
        sys.exit(f"verifying failed: {error}")
