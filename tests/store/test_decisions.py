"""A lane's batch as rows: all of it or nothing, and only while the tables are as they were remembered."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple
from uuid import UUID

import asyncpg
import msgspec
import pytest

from sagas.identity import new_id
from store import decisions, lanes
from store.bookings import BookingRow, from_row
from store.connection import is_operating, transaction
from store.decisions import BookingChange, JournalRow, NewSaga, SeatChange, ShowRow, Standing, StateDiffers, Writes

LANE, NOW = "show.00", datetime(2026, 12, 5, 12, tzinfo=UTC)
BUYER, OTHER = UUID(int=1), UUID(int=2)


class Batch(NamedTuple):
    """All that a batch writes: its rows, and where it leaves shows and buyers."""

    rows: Writes
    standing: Standing

    async def write(self, connection: Any, lane: str = LANE) -> None:
        await decisions.write(connection, lane, 0, NOW, self.rows)
        await decisions.settle(connection, NOW, self.standing)


def nothing(shows: Sequence[ShowRow] = (), buyers: dict[UUID, tuple[int, int]] | None = None, **rows: Any) -> Batch:
    return Batch(Writes(**rows), Standing(list(shows), buyers or {}))


def booking(show: UUID, offset: int = 0, **changed: Any) -> BookingRow:
    usual = {
        "id": new_id(), "show_id": show, "buyer_id": BUYER, "lane": LANE, "generation": 0, "offset": offset, "place": 1,
        "state": "held", "seats": "[]", "amounts": '{"seats":500}', "currency": "INR", "method": "razorpay",
        "held_until": NOW, "body_hash": "h", "decided_at": NOW,
    }  # fmt: skip
    return BookingRow(**usual | changed)


def line(row: BookingRow, **changed: Any) -> JournalRow:
    usual = JournalRow(
        row.offset,
        None,
        row.show_id,
        row.id,
        "hold_seats",
        row.id,
        f"p{row.offset}",
        "{}",
        None,
        "held",
        "{}",
        True,
        1,
        "x",
    )
    return usual._replace(**changed)


def held(row: BookingRow, seat: str, was: str = "free", state: str = "held") -> SeatChange:
    return SeatChange(row.show_id, seat, was, state, None if state == "free" else row.id)


async def write(batch: Batch, lane: str = LANE) -> None:
    async with transaction() as connection:
        await batch.write(connection, lane)


async def counts(rows: Any) -> dict[str, int]:
    tables = ("booking", "journal", "saga", "buyer_holds")
    found = {table: await rows.fetchval(f"SELECT count(*) FROM {table}") for table in tables}
    return found | {"held": await rows.fetchval("SELECT count(*) FROM seat WHERE state <> 'free'")}


async def test_a_batch_is_written_whole(show: UUID, empty: Any):
    row = booking(show)
    await write(
        nothing(
            bookings={row.id: row}, journal=[line(row)], seats=[held(row, "S-1")], buyers={BUYER: (0, 1)},
            sagas=[NewSaga(row.id, "saga.00", "{}", "[]", "")],
            shows=[ShowRow(show, 1, 1, '{"floor": 2}', None, "abc")],
        )
    )  # fmt: skip
    assert await counts(empty) == {"booking": 1, "journal": 1, "saga": 1, "buyer_holds": 1, "held": 1}
    stored = await empty.fetchrow("SELECT * FROM booking")
    assert from_row(stored) == row
    seen = await empty.fetchrow("SELECT place, seats_version, hash FROM show WHERE id = $1", show)
    assert tuple(seen) == (1, 1, "abc")
    async with transaction() as rows:
        assert set(await decisions.met(rows, [row.id, new_id()])) == {row.id}
        assert await decisions.live_holds(rows, [BUYER, OTHER]) == {BUYER: 1}
        found = (await decisions.shows(rows, [show, new_id()]))[show]
        assert [seat["id"] for seat in found.seats_not_free] == ["S-1"]
        assert [live["id"] for live in found.bookings_live] == [row.id]


async def test_a_seat_that_is_not_as_remembered_stops_the_whole_batch(show: UUID, empty: Any):
    first = booking(show)
    await write(nothing(bookings={first.id: first}, journal=[line(first)], seats=[held(first, "S-1")]))
    before = await counts(empty)
    second = booking(show, offset=1)
    with pytest.raises(StateDiffers, match="2 seats were to change, 1 did"):
        await write(
            nothing(
                bookings={second.id: second}, journal=[line(second)], buyers={BUYER: (0, 1)},
                seats=[held(second, "S-0"), held(second, "S-1")],
            )
        )  # fmt: skip
    assert await counts(empty) == before


async def test_a_seat_can_be_confirmed_and_freed_only_from_the_state_it_was_in(show: UUID, empty: Any):
    row = booking(show)
    await write(nothing(bookings={row.id: row}, seats=[held(row, "S-0")]))
    await write(
        nothing(booking_changes={row.id: BookingChange(row.id, "confirmed")}, seats=[held(row, "S-0", "held", "sold")])
    )
    assert await empty.fetchval("SELECT state FROM booking") == "confirmed"
    with pytest.raises(StateDiffers):
        await write(
            nothing(
                booking_changes={row.id: BookingChange(row.id, "expired")}, seats=[held(row, "S-0", "held", "free")]
            )
        )
    assert await empty.fetchval("SELECT state FROM booking") == "confirmed"
    assert await empty.fetchval("SELECT state FROM seat WHERE id = 'S-0'") == "sold"


async def test_a_command_is_decided_once_whatever_lane_decides_it(show: UUID, empty: Any):
    row = booking(show)
    await write(nothing(journal=[line(row)]))
    with pytest.raises(asyncpg.UniqueViolationError):
        await write(nothing(journal=[line(row, offset=7)]), lane="show.01")
    await write(nothing(journal=[line(row, offset=7, decided=False, outcome="repeat")]))


async def test_of_two_lanes_that_change_one_buyers_holds_from_the_same_count_one_decides_again(show: UUID, empty: Any):
    await empty.execute("INSERT INTO buyer_holds VALUES ($1, 5)", BUYER)
    outcomes = await asyncio.gather(
        write(nothing(buyers={BUYER: (5, 1), OTHER: (0, 1)})),
        write(nothing(buyers={OTHER: (0, 1), BUYER: (5, 1)}), "show.01"),
        return_exceptions=True,
    )
    assert sorted(type(outcome).__name__ for outcome in outcomes) == ["NoneType", "StateDiffers"]
    assert await empty.fetchval("SELECT live FROM buyer_holds WHERE buyer_id = $1", BUYER) == 6
    assert await empty.fetchval("SELECT live FROM buyer_holds WHERE buyer_id = $1", OTHER) == 1


async def test_the_second_of_two_lanes_waits_for_the_first_and_then_sees_its_count(show: UUID, empty: Any):
    async with empty.acquire() as first, empty.acquire() as second:
        one, two = first.transaction(), second.transaction()
        await one.start()
        await two.start()
        await nothing(buyers={BUYER: (0, 1)}).write(first)
        waiting = asyncio.create_task(nothing(buyers={BUYER: (0, 1)}).write(second, "show.01"))
        done, _ = await asyncio.wait({waiting}, timeout=0.2)
        assert not done
        await one.commit()
        with pytest.raises(StateDiffers):
            await waiting
        await two.rollback()
    assert await empty.fetchval("SELECT live FROM buyer_holds") == 1


async def test_live_holds_never_go_below_zero(show: UUID, empty: Any):
    with pytest.raises(asyncpg.CheckViolationError):
        await write(nothing(buyers={BUYER: (0, -1)}))


async def test_a_batch_whose_lane_was_moved_on_writes_nothing(show: UUID, empty: Any):
    await empty.execute("UPDATE lane SET next_offset = 3 WHERE lane = $1", LANE)
    row = booking(show)
    with pytest.raises(lanes.LaneLost):
        async with transaction() as rows:
            await lanes.move(rows, LANE, 0, 0, 0, "p0", "worker", 3)
            await nothing(bookings={row.id: row}, seats=[held(row, "S-0")]).write(rows)
    assert (await counts(empty))["booking"] == 0


async def test_a_show_is_opened_with_its_seats_once(show: UUID, empty: Any):
    with pytest.raises(StateDiffers):
        async with transaction() as rows:
            await decisions.open_seats(rows, show, ["S-7"])
    with pytest.raises(StateDiffers):
        async with transaction() as rows:
            await decisions.open_seats(rows, new_id(), ["S-7"])
    assert await empty.fetchval("SELECT count(*) FROM seat") == 3


@pytest.mark.parametrize(
    ("statement", "operating"),
    [
        ("SELECT 1 / 0", False),
        ("SELECT 'x'::uuid", False),
        ("INSERT INTO buyer_holds VALUES (gen_random_uuid(), -1)", False),
        ("SELECT pg_terminate_backend(pg_backend_pid())", True),
        ("SET LOCAL statement_timeout = 1; SELECT pg_sleep(1)", True),
    ],
)
async def test_what_is_down_is_told_from_data_at_fault(empty: Any, statement: str, operating: bool):
    with pytest.raises((asyncpg.PostgresError, asyncpg.InterfaceError, OSError)) as error:
        async with transaction() as rows:
            await rows.execute(statement)
            await rows.execute("SELECT 1")
    assert is_operating(error.value) is operating


def test_rows_become_columns_and_none_stay_none():
    assert list(decisions.columns([(1, "a"), (2, "b")], 2)) == [[1, 2], ["a", "b"]]
    assert list(decisions.columns([], 3)) == [[], [], []]
    assert msgspec.json.encode(list(decisions.columns([], 1))) == b"[[]]"
