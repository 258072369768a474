"""The verdict can fail: a sound world passes every check, and each violation, seeded by hand, makes its check fire."""

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from seeded_world import BEGAN, SEATS, SHOW, Scratch, scratch_schema

from loadtest.checks import letters, naive_endings, notes, provider, tables
from loadtest.checks.evidence import Finding, RaceNotes
from loadtest.verdict import findings, tell

LONG_AGO = datetime.now(UTC) - timedelta(hours=1)
#: The scratch tables have none of the constraints, so this one check always fires there.
CONSTRAINTS = "the tables still have the constraints that back all this"

TAKEN = {"type": "seat-taken", "detail": "Gone.", "taken": [SEATS[0]], "alternatives": [SEATS[3]]}


class World:
    """A sound world of three bookings: one confirmed, one held, and one refused because the first had its seat."""

    def __init__(self, scratch: Scratch) -> None:
        self.scratch = scratch
        self.execute = scratch.execute

    async def make(self) -> "World":
        await self.scratch.open_show()
        self.confirmed = await self.scratch.hold(SEATS[:2])
        self.held = await self.scratch.hold(SEATS[2:3])
        self.refused = await self.scratch.refuse({"seats": [SEATS[0]]}, TAKEN)
        await self.scratch.confirm(self.confirmed)
        return self

    async def wrong(self) -> dict[str, list[str]]:
        """What the verdict finds wrong, by check."""
        found = await findings(self.scratch.evidence())
        return {finding.name: finding.wrong for finding in found if finding.wrong and finding.name != CONSTRAINTS}


@pytest.fixture
async def world() -> AsyncIterator[World]:
    async with scratch_schema() as scratch:
        yield await World(scratch).make()


async def test_a_sound_world_passes_every_check(world: World) -> None:
    assert await world.wrong() == {}


Seed = Callable[[World], Awaitable[None]]
SEEDS: dict[str, tuple[str, Seed]] = {}


def seeds(check: str) -> Callable[[Seed], Seed]:
    """Registers a violation, with the words by which the check that must fire is known."""

    def register(seed: Seed) -> Seed:
        SEEDS[seed.__name__] = (check, seed)
        return seed

    return register


@seeds("no seat is given to two bookings")
async def two_live_bookings_name_one_seat(world: World) -> None:
    await world.execute(
        "UPDATE booking SET seats = (SELECT seats FROM booking WHERE id = $1) WHERE id = $2",
        world.confirmed,
        world.held,
    )


@seeds("seats are as their bookings say")
async def a_sold_seat_is_still_held(world: World) -> None:
    await world.execute("UPDATE seat SET state = 'held' WHERE booking_id = $1", world.confirmed)


@seeds("seats are as their bookings say")
async def a_seat_of_a_booking_is_free(world: World) -> None:
    await world.execute("UPDATE seat SET state = 'free', booking_id = NULL WHERE booking_id = $1", world.held)


@seeds("seats are as their bookings say")
async def a_seat_is_held_for_nobody(world: World) -> None:
    await world.execute("UPDATE seat SET state = 'held', booking_id = $1 WHERE id = $2", uuid4(), SEATS[3])


@seeds("every seat of its plan")
async def a_show_has_a_seat_too_few(world: World) -> None:
    await world.execute("DELETE FROM seat WHERE id = $1", SEATS[3])


@seeds("the number left of each section")
async def the_show_tells_of_too_many_left(world: World) -> None:
    await world.execute("""UPDATE show SET "left" = '{"stalls": 3}'""")


@seeds("no hold stands longer")
async def a_hold_outlives_its_time(world: World) -> None:
    await world.execute("UPDATE booking SET held_until = now() - interval '20 s' WHERE id = $1", world.held)


@seeds("a booking costs what its seats cost")
async def a_booking_costs_less_than_its_seats(world: World) -> None:
    await world.execute("""UPDATE booking SET amounts = '{"seats": 1}' WHERE id = $1""", world.held)


@seeds("its payment asks for that")
async def a_payment_asks_for_another_amount(world: World) -> None:
    await world.execute("UPDATE payment SET amount = amount - 1")


@seeds("a ticket that was handed over")
async def a_ticket_was_handed_over_and_its_seller_got_nothing(world: World) -> None:
    await world.scratch.insert(
        "listing", id=uuid4(), show_id=SHOW, booking_id=world.confirmed, seller_id=uuid4(), seat_id=SEATS[0], price=400,
        face_price=500, fee=0, status="sold", buyer_booking_id=world.confirmed, offered_at=BEGAN, changed_at=BEGAN,
    )  # fmt: skip


@seeds("tickets are offered, and change hands")
async def a_seat_that_is_not_paid_for_is_offered(world: World) -> None:
    message = {"seat": SEATS[2], "price": 1, "buyer_id": str(uuid4()), "command_id": str(uuid4())}
    await world.scratch.journal("offer_ticket", "offered", {"name": "offered"}, booking_id=world.held, message=message)


@seeds("the show lanes' chain has no break")
async def a_row_is_gone_from_the_journal(world: World) -> None:
    await world.execute('DELETE FROM journal WHERE "offset" = 2')


@seeds("the show lanes' chain has no break")
async def the_last_row_is_gone_from_the_journal(world: World) -> None:
    await world.execute('DELETE FROM journal WHERE "offset" = (SELECT max("offset") FROM journal)')


@seeds("the show lanes' chain has no break")
async def the_journals_time_goes_back(world: World) -> None:
    await world.execute('UPDATE journal SET decided_at = $1 WHERE "offset" = 2', BEGAN - timedelta(hours=1))


@seeds("the show lanes' chain has no break")
async def a_lanes_journal_is_gone(world: World) -> None:
    await world.execute("INSERT INTO lane (lane, generation, next_offset) VALUES ('show.01', 0, 7)")


@seeds("the saga lanes' chain has no break")
async def a_saga_lane_skips_a_row(world: World) -> None:
    await world.execute("INSERT INTO lane (lane, generation, next_offset) VALUES ('saga.00', 0, 9)")
    for offset, previous in ((0, None), (5, 0), (8, 4)):
        await world.scratch.insert(
            "saga_journal", lane="saga.00", generation=0, offset=offset, previous_offset=previous, event="fence",
            publish_id="x", body="{}", outcome="fence", taken=False, decided_at=BEGAN,
        )  # fmt: skip


@seeds("a command is decided once")
async def a_command_is_decided_twice(world: World) -> None:
    await world.execute('UPDATE journal SET command_id = (SELECT command_id FROM journal WHERE "offset" = 1)')


@seeds("an event is taken once")
async def an_event_is_taken_twice(world: World) -> None:
    event_id = uuid4()
    await world.execute("INSERT INTO lane (lane, generation, next_offset) VALUES ('saga.00', 0, 2)")
    for offset, previous in ((0, None), (1, 0)):
        await world.scratch.insert(
            "saga_journal", lane="saga.00", generation=0, offset=offset, previous_offset=previous, event="seats_held",
            event_id=event_id, publish_id="x", body="{}", outcome="money", taken=True, decided_at=BEGAN,
        )  # fmt: skip


@seeds("places in line count up")
async def two_buyers_change_places_in_line(world: World) -> None:
    await world.execute("UPDATE journal SET place = 3 - place WHERE place < 3")


@seeds("each wish that was decided is a booking")
async def a_booking_was_never_decided(world: World) -> None:
    await world.execute("UPDATE journal SET booking_id = $1 WHERE booking_id = $2", uuid4(), world.held)


@seeds("each wish that was decided is a booking")
async def a_decided_wish_has_no_booking(world: World) -> None:
    await world.execute("DELETE FROM booking WHERE id = $1", world.refused)


@seeds("each booking that was held has a saga")
async def a_held_booking_has_no_saga(world: World) -> None:
    await world.execute("DELETE FROM saga WHERE id = $1", world.held)


@seeds("no saga awaits an answer past its time")
async def a_saga_is_not_sent_again(world: World) -> None:
    await world.execute("UPDATE saga SET next_send_at = now() - interval '11 s' WHERE id = $1", world.held)


@seeds("no saga stands still")
async def a_saga_stands_still_after_the_money(world: World) -> None:
    await world.execute("UPDATE saga SET step = 'confirm', changed_at = $2 WHERE id = $1", world.held, LONG_AGO)


@seeds("no saga stands still")
async def a_saga_never_heard_that_its_hold_ended(world: World) -> None:
    await world.execute("UPDATE booking SET state = 'expired', changed_at = $2 WHERE id = $1", world.held, LONG_AGO)
    await world.execute("UPDATE saga SET changed_at = $2 WHERE id = $1", world.held, LONG_AGO)


@seeds("each saga's timeline")
async def a_timeline_misses_a_line(world: World) -> None:
    await world.execute("DELETE FROM saga_event WHERE saga_id = $1", world.held)


@seeds("a buyer's live holds are counted")
async def a_live_hold_is_not_counted(world: World) -> None:
    await world.execute("UPDATE buyer_holds SET live = 0")


@seeds("nobody holds more than allowed")
async def a_buyer_holds_more_than_the_show_allows(world: World) -> None:
    await world.execute("UPDATE show SET max_live_holds = 0")


@seeds("nobody holds more than allowed")
async def a_buyer_holds_more_than_allowed_over_all(world: World) -> None:
    await world.execute("UPDATE show SET max_live_holds = 100")
    for _ in range(6):
        await world.execute(
            "INSERT INTO booking SELECT $2, show_id, buyer_id, lane, generation, \"offset\", place, state, '[]',"
            " amounts, currency, method, held_until, refusal, body_hash, decided_at, changed_at FROM booking"
            " WHERE id = $1",
            world.held, uuid4(),
        )  # fmt: skip


@seeds("nobody holds more than allowed")
async def a_booking_has_more_seats_than_allowed(world: World) -> None:
    await world.execute("UPDATE show SET max_seats_per_booking = 1")


@seeds("each confirmed seat has one ticket")
async def a_confirmed_seat_has_no_ticket(world: World) -> None:
    await world.execute("UPDATE ticket SET status = 'cancelled' WHERE seat_id = $1", SEATS[0])


@seeds("each confirmed seat has one ticket")
async def a_confirmed_seat_has_two_tickets(world: World) -> None:
    await world.execute(
        "INSERT INTO ticket SELECT $1, booking_id, show_id, seat_id, holder_id, ticket_type, status, code, issued_at"
        " FROM ticket WHERE seat_id = $2",
        uuid4(), SEATS[0],
    )  # fmt: skip


@seeds("no ticket is without its seat")
async def a_ticket_is_for_a_seat_that_is_only_held(world: World) -> None:
    await world.scratch.insert("ticket", id=uuid4(), booking_id=world.held, show_id=SHOW, seat_id=SEATS[2],
                               holder_id=uuid4(), status="valid", code="c", issued_at=BEGAN)  # fmt: skip


@seeds("a confirmed booking has been paid, once")
async def a_confirmed_booking_was_never_paid(world: World) -> None:
    await world.execute("DELETE FROM capture")


@seeds("a confirmed booking has been paid, once")
async def a_confirmed_booking_was_paid_twice(world: World) -> None:
    await world.execute(
        "INSERT INTO capture SELECT 'pay_x', payment_id, booking_id, amount, currency, captured_at FROM capture"
    )


@seeds("for every other the money went back")
async def money_of_an_expired_booking_was_kept(world: World) -> None:
    await world.execute("UPDATE booking SET state = 'expired' WHERE id = $1", world.confirmed)


@seeds("each capture has its payment")
async def a_capture_is_for_no_payment(world: World) -> None:
    await world.execute("UPDATE capture SET payment_id = $1", uuid4())


async def refund(world: World, amount: int) -> None:
    await world.scratch.insert(
        "refund", id=uuid4(), booking_id=world.confirmed, payment_id=uuid4(), provider_payment_id="pay_0",
        amount=amount, currency="INR", to="source", reason="late", status="processed", command_id=uuid4(),
        created_at=BEGAN,
    )  # fmt: skip


@seeds("no more goes back than came in")
async def more_goes_back_than_came_in(world: World) -> None:
    await refund(world, 1001)


async def give(world: World, amount: int, *, asked: int | None = None, bears: Any = SHOW, booked: int = 0) -> None:
    """The organiser gives money back out of goodwill: asked for, borne by the organiser, and done."""
    refund_id, confirmed = uuid4(), world.confirmed
    await world.scratch.insert(
        "refund", id=refund_id, booking_id=confirmed, payment_id=uuid4(), provider_payment_id="pay_0", amount=amount,
        currency="INR", to="source", reason="sorry", status="processed", command_id=uuid4(), about=refund_id,
        created_at=BEGAN,
    )  # fmt: skip
    if asked != 0:
        n = await world.scratch.connection.fetchval("SELECT 1 + max(n) FROM saga_event WHERE saga_id = $1", confirmed)
        detail = {"refund_id": str(refund_id), "amount": asked or amount, "by": str(uuid4())}
        await world.scratch.insert("saga_event", saga_id=confirmed, n=n, event="refund_asked", step="", course="ended",
                                   detail=json.dumps(detail), at=BEGAN)  # fmt: skip
        await world.execute("UPDATE saga SET events = events + 1 WHERE id = $1", confirmed)
    reference, own = f"goodwill:{refund_id}", ("booking", confirmed)
    await world.scratch.book(reference, confirmed, ("organiser", bears), own, booked or amount)
    await world.scratch.book(f"refund:{refund_id}", confirmed, own, ("provider", None), amount)
    world.scratch.payments[0]["refunded"] += amount


async def cancel_after(world: World, owed: int, given: int, left: int = 0) -> None:
    """All but ``left`` of the booking's seats are taken back: ``owed`` is due for them, and ``given`` goes back."""
    made, confirmed = uuid4(), world.confirmed
    seats = """(SELECT jsonb_agg(CASE WHEN n > $2 THEN p || '{"status": "cancelled"}' ELSE p END)
        FROM jsonb_array_elements(seats::jsonb) WITH ORDINALITY AS s (p, n))::text"""
    state = "confirmed" if left else "cancelled"
    await world.execute(f"UPDATE booking SET state = $3, seats = {seats} WHERE id = $1", confirmed, left, state)
    await world.scratch.insert(
        "cancellation", id=made, booking_id=confirmed, show_id=SHOW, seats="[]", amount=owed, retained=0,
        currency="INR", to="source", by="buyer", reason="", decided_at=BEGAN, taken_up_at=BEGAN,
    )  # fmt: skip
    await world.scratch.insert(
        "refund", id=uuid4(), booking_id=confirmed, payment_id=uuid4(), provider_payment_id="pay_0", amount=given,
        currency="INR", to="source", reason="cancelled", status="processed", command_id=uuid4(), about=made,
        created_at=BEGAN,
    )  # fmt: skip
    await world.scratch.book(f"cancellation:{made}", confirmed, ("organiser", SHOW), ("booking", confirmed), given)
    await world.scratch.book(f"refund:{made}", confirmed, ("booking", confirmed), ("provider", None), given)
    world.scratch.payments[0]["refunded"] += given


MONEY_CHECKS = ("has been paid, once", "out of goodwill", "no more goes back", "is left on a booking", "the provider's")


def of_money(wrong: dict[str, list[str]]) -> list[str]:
    return [name for name in wrong if any(words in name for words in MONEY_CHECKS)]


async def test_goodwill_is_sound_also_when_a_cancellation_gives_back_the_rest(world: World) -> None:
    await give(world, 300)
    assert await world.wrong() == {}
    await cancel_after(world, 1000, 700)
    assert of_money(await world.wrong()) == []


@seeds("a confirmed booking has been paid, once")
async def a_cancellation_after_goodwill_keeps_some_of_the_rest(world: World) -> None:
    await give(world, 300)
    await cancel_after(world, 500, 400, left=1)


@seeds("a confirmed booking has been paid, once")
async def a_cancellation_gives_more_than_it_owes_out_of_what_goodwill_left(world: World) -> None:
    await give(world, 300)
    await cancel_after(world, 500, 700, left=1)


@seeds("out of goodwill")
async def goodwill_was_asked_for_by_nobody(world: World) -> None:
    await give(world, 300, asked=0)


@seeds("out of goodwill")
async def goodwill_is_more_than_was_asked_for(world: World) -> None:
    await give(world, 300, asked=200)


@seeds("out of goodwill")
async def goodwill_is_borne_by_another_organiser(world: World) -> None:
    await give(world, 300, bears=uuid4())


@seeds("out of goodwill")
async def an_organiser_bears_more_than_was_given(world: World) -> None:
    await give(world, 300, booked=301)


@seeds("out of goodwill")
async def an_organiser_bears_what_nobody_was_given(world: World) -> None:
    await world.scratch.book(f"goodwill:{uuid4()}", world.confirmed, ("organiser", SHOW), ("booking", uuid4()), 5)


async def topped_up(world: World, wallet_of: Any = None) -> Any:
    """A top-up whose payment came in, and was booked into somebody's wallet (or nobody's)."""
    user, top_up, payment = uuid4(), uuid4(), uuid4()
    await world.scratch.insert("top_up", id=top_up, user_id=user, payment_id=payment, amount=5, currency="INR")
    await world.scratch.insert("saga", id=top_up, kind="top-up", lane="saga.00", step="", course="ended",
                               outcome="completed", progress="{}", outbox="[]", changed_at=BEGAN)  # fmt: skip
    await world.scratch.insert("payment", id=payment, booking_id=top_up, method="razorpay", amount=5, currency="INR",
                               status="captured", checks=0, created_at=BEGAN)  # fmt: skip
    await world.scratch.insert("capture", provider_payment_id="pay_up", payment_id=payment, booking_id=top_up,
                               amount=5, currency="INR", captured_at=BEGAN)  # fmt: skip
    owner = wallet_of or user
    await world.scratch.book("capture:pay_up", None, ("provider", None), ("wallet", owner), 5, after=5)
    await world.scratch.insert("wallet", id=uuid4(), user_id=owner, currency="INR", balance=5)
    world.scratch.payments.append({"id": "pay_up", "order_id": None, "amount": 5, "currency": "INR",
                                   "status": "captured", "captured": True, "refunded": 0})  # fmt: skip
    return top_up


async def test_a_top_up_is_sound(world: World) -> None:
    await topped_up(world)
    assert await world.wrong() == {}


@seeds("what came in for a top-up")
async def a_top_up_is_in_somebody_elses_wallet(world: World) -> None:
    await topped_up(world, wallet_of=uuid4())


@seeds("what came in for a top-up")
async def a_top_up_has_no_saga(world: World) -> None:
    await world.execute("DELETE FROM saga WHERE id = $1", await topped_up(world))


@seeds("a wallet is the sum of its entries")
async def a_wallet_is_not_the_sum_of_its_entries(world: World) -> None:
    await world.scratch.insert("wallet", id=uuid4(), user_id=uuid4(), currency="INR", balance=5)


@seeds("was never below zero")
async def a_wallet_was_once_below_zero(world: World) -> None:
    buyer = uuid4()
    await world.scratch.insert("wallet", id=uuid4(), user_id=buyer, currency="INR", balance=0)
    await world.scratch.book("gift:1", None, ("wallet", buyer), ("service", None), 5, after=-5)
    await world.scratch.book("gift:2", None, ("service", None), ("wallet", buyer), 5, after=0)


@seeds("without gaps")
async def a_number_of_an_invoice_is_left_out(world: World) -> None:
    await world.execute("UPDATE invoice SET number = 2")
    await world.execute("UPDATE invoice_counter SET last = 2")


@seeds("without gaps")
async def the_last_invoice_is_gone(world: World) -> None:
    await world.execute("UPDATE invoice_counter SET last = 2")


@seeds("without gaps")
async def an_invoice_counts_in_another_year(world: World) -> None:
    await world.execute("UPDATE invoice SET year = year - 1")
    await world.execute("UPDATE invoice_counter SET year = year - 1")


@seeds("each sale has one invoice")
async def a_sale_has_no_invoice(world: World) -> None:
    await world.execute("DELETE FROM invoice")
    await world.execute("DELETE FROM invoice_counter")


@seeds("each sale has one invoice")
async def a_sale_has_two_invoices(world: World) -> None:
    await world.scratch.invoice(world.confirmed, f"sale:{world.confirmed}", 1_000)


@seeds("nothing else has any")
async def an_invoice_is_for_no_sale(world: World) -> None:
    await world.execute("UPDATE ledger_transaction SET kind = 'resale' WHERE kind = 'sale'")


@seeds("each of its cancellations one credit note")
async def a_cancellation_has_no_credit_note(world: World) -> None:
    await taken_back(world, 500, noted=False)


@seeds("each of its cancellations one credit note")
async def a_credit_note_corrects_another_booking_s_invoice(world: World) -> None:
    await taken_back(world, 500)
    await world.execute("UPDATE invoice SET corrects = $1 WHERE corrects IS NOT NULL", uuid4())


@seeds("says what the ledger has")
async def an_invoice_says_another_amount_than_the_ledger(world: World) -> None:
    await world.execute("UPDATE invoice SET amount = amount + 1, body = replace(body, '1000', '1001')")


@seeds("says what the ledger has")
async def a_paper_s_words_say_another_amount_than_its_row(world: World) -> None:
    await world.execute("UPDATE invoice SET body = replace(body, '1000', '1001')")


@seeds("says what the ledger has")
async def an_invoice_is_another_organiser_s(world: World) -> None:
    await world.execute("UPDATE invoice SET organiser_id = $1", uuid4())


@seeds("no invoice is corrected by more than it says")
async def credit_notes_take_back_more_than_was_invoiced(world: World) -> None:
    for _ in range(3):
        await taken_back(world, 500)


async def taken_back(world: World, amount: int, *, noted: bool = True) -> None:
    """A cancellation as the ledger has it, and its credit note."""
    reference, confirmed = f"cancellation:{uuid4()}", world.confirmed
    await world.scratch.book(reference, confirmed, ("organiser", SHOW), ("booking", confirmed), amount)
    if noted:
        look = "SELECT id FROM invoice WHERE kind = 'invoice' AND booking_id = $1"
        invoice_id = await world.scratch.connection.fetchval(look, confirmed)
        await world.scratch.invoice(confirmed, reference, amount, corrects=invoice_id)


async def test_credit_notes_up_to_what_was_invoiced_are_sound(world: World) -> None:
    for _ in range(2):
        await taken_back(world, 500)
    wrong = await world.wrong()
    assert not [name for name in wrong if "invoice" in name or "credit note" in name], wrong


@seeds("what left the bank for organisers")
async def a_payout_is_recorded_and_not_booked(world: World) -> None:
    await world.scratch.insert(
        "payout", id=uuid4(), organiser_id=SHOW, currency="INR", amount=5, account="a", reference="r", note="",
        recorded_by=uuid4(),
    )  # fmt: skip


@seeds("what left the bank for organisers")
async def money_leaves_the_bank_for_no_payout(world: World) -> None:
    await world.scratch.book(f"payout:{uuid4()}", None, ("organiser", SHOW), ("bank", None), 5)


@seeds("each line that the provider settled")
async def a_settled_line_is_booked_with_another_fee(world: World) -> None:
    await world.scratch.insert(
        "settlement_line", entity_id="pay_0", kind="payment", amount=1_000, currency="INR", fee=20, tax=3, credit=980,
        debit=0, settlement_id="setl_0", settled_at=BEGAN, provider_payment_id="pay_0", noted_at=BEGAN,
        booked_at=BEGAN,
    )  # fmt: skip
    await world.scratch.book("settlement:pay_0", None, ("bank", None), ("provider", None), 980)
    await world.scratch.book("provider-fee:pay_0", None, ("organiser", SHOW), ("provider", None), 19)


@seeds("each capture is booked once")
async def a_wallet_payment_took_nothing_from_the_wallet(world: World) -> None:
    await world.execute("UPDATE payment SET method = 'wallet'")


@seeds("each capture is booked once")
async def a_capture_is_not_in_the_ledger_with_its_amount(world: World) -> None:
    await world.execute("UPDATE ledger_entry SET amount = amount * 2 WHERE transaction_id IN"
                        " (SELECT id FROM ledger_transaction WHERE kind = 'capture')")  # fmt: skip


@seeds("the ledger sums to zero")
async def a_transaction_of_the_ledger_has_one_side(world: World) -> None:
    await world.execute("DELETE FROM ledger_entry WHERE account = 'organiser'")


@seeds("nothing is left on a booking's account")
async def money_stays_with_a_booking_to_which_nothing_is_owed(world: World) -> None:
    await world.execute("DELETE FROM ledger_entry WHERE transaction_id IN"
                        " (SELECT id FROM ledger_transaction WHERE kind = 'sale')")  # fmt: skip


@seeds("the earlier place always wins")
async def a_later_wish_got_a_seat_that_was_held(world: World) -> None:
    await world.scratch.hold([SEATS[2]], apply=False)


@seeds("the earlier place always wins")
async def a_buyer_was_told_taken_when_it_was_free(world: World) -> None:
    await world.scratch.refuse({"seats": [SEATS[3]]}, {**TAKEN, "taken": [SEATS[3]], "alternatives": []})


@seeds("the earlier place always wins")
async def the_seat_was_only_taken_by_a_later_place(world: World) -> None:
    """The refusal now stands before the hold that it blames."""
    await world.execute('UPDATE journal SET "offset" = CASE "offset" WHEN 1 THEN 3 WHEN 3 THEN 1 ELSE "offset" END')
    await world.execute("UPDATE journal SET decided_at = $1", BEGAN)


@seeds("the earlier place always wins")
async def a_taken_seat_was_offered_as_an_alternative(world: World) -> None:
    await world.scratch.refuse({"seats": [SEATS[0]]}, {**TAKEN, "alternatives": [SEATS[1]]})


@seeds("the earlier place always wins")
async def a_wish_was_granted_too_late(world: World) -> None:
    await world.execute(
        "UPDATE journal SET body = replace(body, body::json #>> '{kwargs,message,not_after}', $1)"
        " WHERE booking_id = $2",
        (BEGAN - timedelta(hours=2)).isoformat(), world.held,
    )  # fmt: skip


@seeds("the earlier place always wins")
async def a_buyer_got_other_seats_than_asked_for(world: World) -> None:
    await world.execute(
        "UPDATE journal SET body = replace(body, $1, $2) WHERE booking_id = $3", SEATS[2], SEATS[3], world.held
    )


@seeds("the earlier place always wins")
async def a_wish_over_the_cap_was_granted(world: World) -> None:
    buyer = await world.scratch.connection.fetchval("SELECT buyer_id FROM booking WHERE id = $1", world.held)
    await world.execute(
        'UPDATE journal SET body = replace(body, \'"sale_opens_at"\', \'"max_live_holds": 1, "sale_opens_at"\')'
        " WHERE command = 'open_show'"
    )
    await world.scratch.hold([SEATS[3]], buyer=buyer)


@seeds("every other refusal says what was so")
async def a_buyer_was_told_sold_out_with_a_seat_left(world: World) -> None:
    await world.scratch.refuse({"quantity": 1}, {"type": "sold-out", "detail": "Gone.", "left": 0})


@seeds("every other refusal says what was so")
async def a_buyer_was_told_too_late_in_time(world: World) -> None:
    await world.scratch.refuse({"quantity": 1}, {"type": "not-in-time", "detail": "Late."})


@seeds("every other refusal says what was so")
async def a_buyer_was_told_closed_during_the_sale(world: World) -> None:
    await world.scratch.refuse({"quantity": 1}, {"type": "show-closed", "detail": "Closed.", "reason": "over"})


@seeds("every other refusal says what was so")
async def a_buyer_was_told_of_a_limit_that_was_not_reached(world: World) -> None:
    await world.scratch.refuse({"quantity": 1}, {"type": "limit-reached", "detail": "Many.", "limit": 2, "of": "x"})


@seeds("every other refusal says what was so")
async def a_buyer_was_told_not_together_without_asking_for_it(world: World) -> None:
    await world.scratch.refuse({"quantity": 1}, {"type": "not-together", "detail": "Apart.", "left": 1})


@seeds("holds are confirmed, released or expired")
async def a_hold_expired_before_its_time(world: World) -> None:
    await world.scratch.journal(
        "expire_hold", "expired", {"name": "expired", "booking_state": "expired"}, booking_id=world.held
    )


@seeds("holds are confirmed, released or expired")
async def a_refused_booking_was_confirmed(world: World) -> None:
    await world.scratch.journal(
        "confirm_seats", "confirmed", {"name": "confirmed", "booking_state": "confirmed"}, booking_id=world.refused
    )


@seeds("holds are confirmed, released or expired")
async def a_confirmed_booking_was_released(world: World) -> None:
    await world.scratch.journal(
        "release_seats", "released", {"name": "released", "booking_state": "released"}, booking_id=world.confirmed
    )


@seeds("holds are confirmed, released or expired")
async def a_held_booking_was_told_gone(world: World) -> None:
    await world.scratch.journal("confirm_seats", "gone", {"name": "gone", "reason": "taken"}, booking_id=world.held)


@seeds("seats and bookings are what the journal comes to")
async def a_seat_was_given_to_another_behind_the_journals_back(world: World) -> None:
    await world.execute("UPDATE seat SET booking_id = $1 WHERE id = $2", world.held, SEATS[0])


@seeds("seats and bookings are what the journal comes to")
async def a_booking_was_confirmed_behind_the_journals_back(world: World) -> None:
    await world.execute("UPDATE booking SET state = 'confirmed' WHERE id = $1", world.held)


@seeds("seats and bookings are what the journal comes to")
async def the_journal_has_a_command_that_nobody_knows(world: World) -> None:
    await world.scratch.journal("swap_seats", "swapped", {"name": "swapped"}, booking_id=world.held)


@seeds("the provider's captures and refunds are ours")
async def the_provider_captured_what_we_know_nothing_of(world: World) -> None:
    world.scratch.payments.append({**world.scratch.payments[0], "id": "pay_unknown"})


@seeds("the provider's captures and refunds are ours")
async def we_noted_a_capture_that_the_provider_does_not_know(world: World) -> None:
    world.scratch.payments.clear()


@seeds("the provider's captures and refunds are ours")
async def the_provider_captured_another_amount(world: World) -> None:
    world.scratch.payments[0]["amount"] += 1


@seeds("the provider's captures and refunds are ours")
async def the_provider_refunded_what_we_did_not(world: World) -> None:
    world.scratch.payments[0]["refunded"] = 1000


@seeds("the earlier place always wins")
async def a_lane_decided_what_was_another_ones(world: World) -> None:
    await world.execute("UPDATE journal SET lane = 'show.01' WHERE booking_id = $1", world.held)


@seeds("the provider's captures and refunds are ours")
async def we_noted_a_refund_that_the_provider_did_not_make(world: World) -> None:
    await refund(world, 1000)


@seeds("exactly one confirmation in the mailbox")
async def a_confirmation_never_came(world: World) -> None:
    world.scratch.letters.clear()


@seeds("exactly one confirmation in the mailbox")
async def a_confirmation_came_twice(world: World) -> None:
    world.scratch.letters.append(world.scratch.letters[0])


@seeds("exactly one confirmation in the mailbox")
async def a_confirmation_came_without_its_tickets(world: World) -> None:
    world.scratch.letters[0]["attachments"] = []


@seeds("exactly one confirmation in the mailbox")
async def a_confirmation_went_to_somebody_else(world: World) -> None:
    world.scratch.letters[0]["to"] = "somebody@x.example"


@seeds("exactly one confirmation in the mailbox")
async def a_confirmation_was_not_logged(world: World) -> None:
    await world.execute("DELETE FROM letter")


@seeds("exactly one confirmation in the mailbox")
async def a_confirmation_of_nothing_is_in_the_mailbox(world: World) -> None:
    world.scratch.letters.append({**world.scratch.letters[0], "message_id": f"<confirmed.{uuid4()}@x.example>"})


@pytest.mark.parametrize("name", SEEDS)
async def test_the_check_fires_when(name: str, world: World) -> None:
    check, seed = SEEDS[name]
    await seed(world)
    wrong = await world.wrong()
    assert any(check in found for found in wrong), f"{name} went unnoticed; what fired: {list(wrong)}"


def test_every_check_of_the_tables_is_seen_to_fire() -> None:
    """A check without a seed has never been seen to fail."""
    names = [check.name for check in tables.TABLE_CHECKS]
    names += [
        naive_endings.EARLIER_WINS,
        naive_endings.REFUSALS_TRUE,
        naive_endings.ENDS_RIGHT,
        naive_endings.TABLES_FOLLOW,
    ]
    names += [provider.NAME, letters.NAME]
    unseen = [name for name in names if name != CONSTRAINTS and not any(words in name for words, _ in SEEDS.values())]
    assert unseen == []


async def test_missing_constraints_are_noticed(world: World) -> None:
    """The scratch tables have none of them; the real ones have all."""
    check = next(check for check in tables.TABLE_CHECKS if check.name == CONSTRAINTS)
    scratch = await tables.check(check, world.scratch.evidence())
    assert any("journal_command_decided" in row for row in scratch.wrong)
    assert any("letter: unique" in row for row in scratch.wrong)
    await world.scratch.connection.execute("SET LOCAL search_path = public")
    assert (await tables.check(check, world.scratch.evidence())).wrong == []


# What the buyers noted.


async def race_of(world: World) -> RaceNotes:
    """The sound world as the notes of a race: three buyers, three seats given."""
    rows = await world.scratch.connection.fetch("SELECT * FROM booking ORDER BY place")
    noted = []
    for row in rows:
        refusal = json.loads(row["refusal"] or "{}")
        body: dict[str, Any] = {"booking_id": str(row["id"]), "place": row["place"], **refusal}
        if not refusal:
            body = {"id": str(row["id"]), "status": "held", "seats": json.loads(row["seats"]),
                    **{name: row[name] for name in ("lane", "generation", "offset", "place")}}  # fmt: skip
        noted.append(
            {
                "race": "pairs", "show_id": str(SHOW), "buyer_id": str(row["buyer_id"]), "request_seconds": 0.1,
                "told": refusal.get("type", "held"),
                "answers": [{"status": 409 if refusal else 201, "body": body}],
            }
        )  # fmt: skip
    noted[0]["payment"] = {"status": "confirmed"}
    facts = {"name": "pairs", "show_id": str(SHOW), "buyers": 3, "must_sell": 3, "told_within_seconds": 12}
    return RaceNotes(facts, noted)


async def wrong_of_notes(world: World, race: RaceNotes) -> dict[str, list[str]]:
    found = await notes.check(replace(world.scratch.evidence(), races=[race]))
    return {finding.name: finding.wrong for finding in found if finding.wrong}


async def test_true_notes_pass(world: World) -> None:
    assert await wrong_of_notes(world, await race_of(world)) == {}


def told(race: RaceNotes, buyer: int) -> dict[str, Any]:
    body: dict[str, Any] = race.notes[buyer]["answers"][-1]["body"]
    return body


FALSE_NOTES: dict[str, tuple[str, Callable[[RaceNotes], object]]] = {
    "a buyer was told too late": (notes.TOLD_IN_TIME, lambda race: race.notes[0].update(request_seconds=12.5)),
    "a buyer was never told": (notes.TOLD_IN_TIME, lambda race: race.notes[0].update(told="nothing")),
    "a buyer got an error": (notes.TOLD_IN_TIME, lambda race: race.notes[2].update(told="error 500")),
    "a buyer's note is missing": (notes.TOLD_IN_TIME, lambda race: race.notes.pop()),
    "other seats were told": (notes.TOLD_TRULY, lambda race: told(race, 1)["seats"][0].update(id=SEATS[3])),
    "another place was told": (notes.TOLD_TRULY, lambda race: told(race, 1).update(place=9)),
    "another offset was told": (notes.TOLD_TRULY, lambda race: told(race, 1).update(offset=9)),
    "held was told to the refused": (notes.TOLD_TRULY, lambda race: race.notes[2].update(told="held")),
    "a refusal was told to the holder": (notes.TOLD_TRULY, lambda race: race.notes[1].update(told="sold-out")),
    "another reason was told": (notes.TOLD_TRULY, lambda race: race.notes[2].update(told="sold-out")),
    "other taken seats were told": (notes.TOLD_TRULY, lambda race: told(race, 2).update(taken=[SEATS[1]])),
    "the refused heard another place": (notes.TOLD_TRULY, lambda race: told(race, 2).update(place=9)),
    "a booking is not in the tables": (notes.TOLD_TRULY, lambda race: race.notes[1].update(buyer_id=str(uuid4()))),
    "accepted and never journalled": (
        notes.ACCEPTED_JOURNALLED,
        lambda race: race.notes[0]["answers"].insert(0, {"status": 202, "body": {"id": str(uuid4())}}),
    ),
    "a seat too few was sold": (notes.SOLD_RIGHT, lambda race: race.facts.update(must_sell=4)),
    "a seat too many was sold": (notes.SOLD_RIGHT, lambda race: race.facts.update(must_sell=2)),
    "a confirmation did not stand": (
        notes.STILL_CONFIRMED,
        lambda race: race.notes[1].update(payment={"status": "confirmed"}),
    ),
    "who paid was not confirmed": (
        notes.STILL_CONFIRMED,
        lambda race: race.notes[0].update(payment={"status": "held"}),
    ),
}


@pytest.mark.parametrize("name", FALSE_NOTES)
async def test_a_false_note_is_found(name: str, world: World) -> None:
    check, falsify = FALSE_NOTES[name]
    race = await race_of(world)
    falsify(race)
    wrong = await wrong_of_notes(world, race)
    assert check in wrong, f"{name} went unnoticed; what fired: {list(wrong)}"


@pytest.mark.pure
def test_one_wrong_row_makes_the_verdict_fail(capsys: pytest.CaptureFixture[str]) -> None:
    """All clean is the only way to exit code 0, and each wrong row is shown."""
    sound, broken = Finding("seats", 5, []), Finding("money", 7, ["booking 1 was paid twice"])
    assert tell([sound], []) and not tell([sound, broken], ["a remark"])
    said = capsys.readouterr().out
    assert "clean: 1 checks, 5 rows" in said
    assert "1 of 2 checks found something wrong" in said and "booking 1 was paid twice" in said and "a remark" in said
