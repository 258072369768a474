"""Every order in which a booking's events can come: all reachable histories of small worlds, explored to their ends.

A world is the saga beside its surroundings (the lane, the provider, the buyer), each in its simplest true form.
Whatever they can do next is tried, events arrive in any order, and what must never be is asked of every state."""

from collections import deque
from collections.abc import Iterator
from functools import cache
from typing import Any, NamedTuple
from uuid import UUID

import pytest

from sagas.booking import BOOKING, begin, status
from sagas.identity import derived
from sagas.messages import (
    CapturePayment,
    ConfirmSeats,
    DisputeChanged,
    Event,
    GivenUp,
    HoldExpired,
    IssueTickets,
    LetterSent,
    MakePdf,
    Method,
    MethodChosen,
    MoneyAuthorized,
    MoneyCaptured,
    MoneyRefunded,
    PaymentReady,
    PaymentRefused,
    PdfMade,
    RefundMoney,
    ReleaseSeats,
    RequestPayment,
    SagaCommand,
    SeatsConfirmed,
    SeatsGone,
    SeatsHeld,
    SeatsReleased,
    SendLetter,
    TicketsIssued,
)
from sagas.saga import Progress, advance

pytestmark = pytest.mark.pure

BOOKED, PRICE = UUID(int=1), 500
#: What the wallet pays of it, where it pays a part, and what is left for the provider.
PART, REST = 200, 300
#: No world here has more states; one that does has been given too much to do.
STATES_MAX = 60_000


class World(NamedTuple):
    """One state of everything; ``todo`` are commands on their way, ``told`` the events on theirs."""

    at: Progress
    seats: str = "held"
    todo: tuple[SagaCommand, ...] = ()
    told: tuple[Event, ...] = ()
    met: frozenset[UUID] = frozenset()
    orders: frozenset[Method] = frozenset()
    to_pay: tuple[tuple[str, int, bool], ...] = ()
    authorized: frozenset[tuple[str, int]] = frozenset()
    captured: frozenset[str] = frozenset()
    refunded: tuple[str, ...] = ()
    balance: int = 0
    spends: bool = False
    gives_up: bool = False
    chooses: tuple[tuple[Method, int], ...] = ()
    refuses: bool = False
    disputes: tuple[tuple[str, str, int], ...] = ()


def a_world(method: Method = "razorpay", amount: int = PRICE, from_wallet: int = 0, **more: Any) -> World:
    held = SeatsHeld(
        event_id=derived(BOOKED, "held"), booking_id=BOOKED, show_id=UUID(int=2), buyer_id=UUID(int=3), method=method,
        amount=amount, currency="INR", from_wallet=from_wallet,
    )  # fmt: skip
    return World(at=begin(held), told=(held,), **more)


class Broken(Exception):
    """A rule did not hold."""


def steps(world: World) -> Iterator[tuple[str, World]]:
    """Everything that can happen next."""
    for event in world.told:
        others = tuple(other for other in world.told if other is not event)
        yield f"the saga reads {event.name()}", read(world._replace(told=others), event)
    for command in world.todo:
        others = tuple(other for other in world.todo if other is not command)
        yield from carry_out(world._replace(todo=others), command)
    if world.seats == "held":
        expired = HoldExpired(event_id=derived(BOOKED, "expired"), booking_id=BOOKED, answers=derived(BOOKED, "expire"))
        yield "the hold expires", tell(world._replace(seats="expired"), expired)
    if world.gives_up:
        given_up = GivenUp(event_id=derived(BOOKED, "given up"), booking_id=BOOKED, reason="buyer")
        yield "the buyer gives up", tell(world._replace(gives_up=False), given_up)
    if world.chooses:
        (method, part), *rest = world.chooses
        chosen = MethodChosen(
            event_id=derived(BOOKED, "chosen", len(rest)), booking_id=BOOKED, method=method, from_wallet=part
        )
        yield f"the buyer chooses {method}", tell(world._replace(chooses=tuple(rest)), chosen)
    if world.spends:
        yield "the buyer spends their wallet elsewhere", world._replace(spends=False, balance=0)
    if "razorpay" in world.orders:
        for payment in world.to_pay:
            others = tuple(other for other in world.to_pay if other is not payment)
            yield f"the buyer pays {payment[0]}", pay(world._replace(to_pay=others), *payment)
    for dispute in world.disputes:
        payment, status, amount = dispute
        if not met_payment(world.at, payment):
            continue  # whoever tells of a dispute tells of its payment first
        others = tuple(other for other in world.disputes if other is not dispute)
        if status != "open":
            yield f"the dispute on {payment} is {status}", tell(world._replace(disputes=others), disputed(*dispute))
            continue
        opened = tell(world._replace(disputes=others), disputed(*dispute))
        for ends in ("won", "lost"):
            yield f"{payment} is disputed", opened._replace(disputes=(*others, (payment, ends, amount)))


def met_payment(at: Progress, payment: str) -> bool:
    return payment in at.facts.kept or payment in at.facts.stray


def disputed(payment: str, status: Any, amount: int) -> DisputeChanged:
    return DisputeChanged(
        event_id=derived(BOOKED, payment, status), booking_id=BOOKED, dispute_id="disp_1", amount=amount,
        payment_id=derived(BOOKED, "payment", "razorpay"), provider_payment_id=payment, currency="INR", status=status,
    )  # fmt: skip


def tell(world: World, event: Event) -> World:
    return world._replace(told=(*world.told, event))


def pay(world: World, payment: str, amount: int, captures: bool) -> World:
    payment_id = derived(BOOKED, "payment", "razorpay")
    facts = {"booking_id": BOOKED, "payment_id": payment_id, "provider_payment_id": payment, "currency": "INR"}
    if captures:
        event = MoneyCaptured(event_id=derived(payment_id, payment), method="razorpay", amount=amount, **facts)  # type: ignore[arg-type]
        return tell(world._replace(captured=world.captured | {payment}), event)
    world = world._replace(authorized=world.authorized | {(payment, amount)})
    return tell(world, MoneyAuthorized(event_id=derived(payment_id, "a", payment), amount=amount, **facts))  # type: ignore[arg-type]


def read(world: World, event: Event) -> World:
    """As a saga lane does: an event once by its id; a command that is only rows is carried out at once."""
    if event.event_id in world.met:
        return world
    world = world._replace(met=world.met | {event.event_id})
    events = deque([event])
    while events:
        event = events.popleft()
        at, commands = step(world, event)
        world = world._replace(at=at)
        for command in commands:
            if isinstance(command, RefundMoney):
                world = world._replace(refunded=(*world.refunded, command.provider_payment_id))
            world, answer = at_once(world, command)
            if answer is None:
                world = world._replace(todo=(*world.todo, command))
            else:
                events.append(answer)
    waiting = {command.command_id for command in world.at.awaiting}
    return world._replace(todo=tuple(command for command in world.todo if command.command_id in waiting))


def at_once(world: World, command: SagaCommand) -> tuple[World, Event | None]:
    answer: dict[str, Any] = {
        "event_id": derived(command.command_id, "answer"), "booking_id": BOOKED, "answers": command.command_id,
    }  # fmt: skip
    match command:
        case RequestPayment() if world.at.facts.from_wallet > world.balance:
            return world, PaymentRefused(**answer, payment_id=command.payment_id, reason="wallet-too-low")
        case RequestPayment() if command.method != "razorpay":
            return world, PaymentReady(**answer, payment_id=command.payment_id, method=command.method)
        case CapturePayment() if command.method != "razorpay" and world.balance < command.amount:
            return world, PaymentRefused(**answer, payment_id=command.payment_id, reason="wallet-too-low")
        case CapturePayment() if command.method != "razorpay":
            paid = f"{command.method}:{command.payment_id}"
            event = MoneyCaptured(
                **answer, payment_id=command.payment_id, provider_payment_id=paid, method=command.method,
                amount=command.amount, currency="INR",
            )  # fmt: skip
            captured = world.captured | {paid} if command.amount else world.captured
            return world._replace(captured=captured, balance=world.balance - command.amount), event
        case RefundMoney() if command.method != "razorpay":
            world = world._replace(balance=world.balance + command.amount)
            return world, MoneyRefunded(**answer, refund_id=command.refund_id, payment_id=command.payment_id)
        case IssueTickets():
            return world, TicketsIssued(**answer, count=2)
        case MakePdf():
            return world, PdfMade(**answer, file="tickets.pdf")
        case SendLetter():
            return world, LetterSent(**answer, template=command.template)
        case _:
            return world, None


def carry_out(world: World, command: SagaCommand) -> Iterator[tuple[str, World]]:
    answer: dict[str, Any] = {
        "event_id": derived(command.command_id, "answer"), "booking_id": BOOKED, "answers": command.command_id,
    }  # fmt: skip
    match command:
        case RequestPayment():
            ready = PaymentReady(
                **answer, payment_id=command.payment_id, method=command.method,
            )  # fmt: skip
            yield "the order is made", tell(world._replace(orders=world.orders | {command.method}), ready)
            if world.refuses:
                refused = PaymentRefused(**answer, payment_id=command.payment_id, reason="payment-unavailable")
                yield "the order is declined", tell(world, refused)
        case CapturePayment():
            if (command.provider_payment_id, command.amount) not in world.authorized:
                raise Broken("an authorized payment is captured whole")
            if world.seats not in ("held", "confirmed"):
                yield "authorized money is left to lapse", world
                return
            event = MoneyCaptured(
                **answer | {"event_id": derived(command.payment_id, command.provider_payment_id)},
                payment_id=command.payment_id, provider_payment_id=command.provider_payment_id, method="razorpay",
                amount=command.amount, currency="INR",
            )  # fmt: skip
            captured = world._replace(captured=world.captured | {command.provider_payment_id})
            yield f"{command.provider_payment_id} is captured", tell(captured, event)
        case ConfirmSeats():
            if world.seats != "released":
                confirmed = tell(world._replace(seats="confirmed"), SeatsConfirmed(**answer))
                yield "the lane confirms the seats", confirmed
            if world.seats in ("expired", "released"):
                yield "the lane says that the seats are gone", tell(world, SeatsGone(**answer, reason="taken"))
        case ReleaseSeats():
            seats = "released" if world.seats == "held" else world.seats
            yield "the lane answers the release", tell(world._replace(seats=seats), SeatsReleased(**answer))
        case RefundMoney():
            refunded = MoneyRefunded(**answer, refund_id=command.refund_id, payment_id=command.payment_id)
            yield f"{command.provider_payment_id} is refunded", tell(world, refunded)


#: Commands whose answer may stop to matter: another payment came first, or the booking was given up.
MAY_LAPSE = (RequestPayment, CapturePayment)


#: Events whose repeats the saga's journal stops by their ids, before they come to ``advance``.
STOPPED_BY_ID = (MethodChosen, MoneyAuthorized, MoneyCaptured, MoneyRefunded, PdfMade)


def kept_by(at: Progress) -> frozenset[str]:
    """The payments that the booking keeps, those of nothing left out."""
    return frozenset(part.provider_payment_id for part in at.facts.parts if part.amount)


def step(world: World, event: Event) -> tuple[Progress, list[SagaCommand]]:
    """What the saga does with an event, and what must hold of every single step; who breaks it is named."""
    try:
        at, commands = advanced(world.at, event)
        check_money_and_seats(world, world.at, at, commands)
    except Broken as broken:
        raise Broken(f"{broken} (reading {event.name()})") from None
    return at, commands


@cache
def advanced(before: Progress, event: Event) -> tuple[Progress, list[SagaCommand]]:
    """Most worlds differ in their surroundings only: what the saga alone does is found out, and checked, once."""
    at, commands = advance(BOOKING, before, event)
    check_outbox(before, at, event, commands)
    return at, commands


def check_money_and_seats(world: World, before: Progress, at: Progress, commands: list[SagaCommand]) -> None:
    for command in commands:
        if isinstance(command, ConfirmSeats) and not kept_by(at) <= world.captured:
            raise Broken("seats are confirmed only for money that is kept")
        if isinstance(command, ConfirmSeats) and sum(part.amount for part in at.facts.parts) != at.facts.amount:
            raise Broken("seats are confirmed for all that they cost")
        if isinstance(command, ConfirmSeats) and kept_by(at) & set(world.refunded):
            raise Broken("seats are never confirmed for money that was given back")
        if isinstance(command, RefundMoney) and command.provider_payment_id in world.refunded:
            raise Broken("one payment is refunded once")
        if isinstance(command, RefundMoney) and any(
            (dispute.provider_payment_id, dispute.status != "won") == (command.provider_payment_id, True)
            for dispute in at.facts.disputes
        ):
            raise Broken("what the payer's bank holds or has taken is not refunded")
        if isinstance(command, RefundMoney) and command.provider_payment_id not in world.captured:
            raise Broken("only what was captured is refunded")
        if isinstance(command, RefundMoney) and command.provider_payment_id in kept_by(at):
            [part] = [part for part in at.facts.parts if part.provider_payment_id == command.provider_payment_id]
            if (part.amount, part.method) != (command.amount, command.method):
                raise Broken("a payment goes back whole, to where it came from")
            if world.seats in ("held", "confirmed"):
                raise Broken("kept money is refunded only after the lane has refused or released")
            if "confirm" in before.done:
                raise Broken("nothing is undone after the pivot")
        if isinstance(command, ReleaseSeats) and "confirm" in before.done:
            raise Broken("nothing is undone after the pivot")
    asked = {type(command) for command in at.awaiting}
    if {ConfirmSeats, ReleaseSeats} <= asked:
        raise Broken("the lane is never asked to confirm and to release at once")


def check_outbox(before: Progress, at: Progress, event: Event, commands: list[SagaCommand]) -> None:
    owed = [command for command in before.awaiting if command.command_id != event.answers]
    lost = [command for command in owed if command not in at.awaiting and not isinstance(command, MAY_LAPSE)]
    if lost:
        raise Broken(f"a command in flight is never abandoned: {lost[0].name()}")
    if not set(commands) <= set(at.awaiting):
        raise Broken("every command that was sent is in the outbox")
    if any(command not in before.awaiting and command not in commands for command in at.awaiting):
        raise Broken("the outbox holds only what was sent")
    again, more = (at, []) if isinstance(event, STOPPED_BY_ID) else advance(BOOKING, at, event)
    if more or (again.step, again.course, again.done) != (at.step, at.course, at.done):
        raise Broken("an event told twice in a row changes nothing")


def check_rest(world: World) -> None:
    """What must hold whenever nobody has anything to do but the buyer."""
    at = world.at
    if world.told or world.todo:
        return
    if world.seats != "held":
        check_end(world)
    if waits_for := [
        command.name() for command in at.awaiting if world.seats == "held" or type(command) not in MAY_LAPSE
    ]:
        raise Broken(f"nobody waits for an answer that never comes: {waits_for}")


def check_end(world: World) -> None:
    """What must hold when the hold has ended and nothing is on its way."""
    at = world.at
    if any(dispute.status == "open" for dispute in at.facts.disputes) and at.course != "ended":
        if status(world.seats, at) != "refunding":
            raise Broken(f"the buyer whose bank holds the money is told {status(world.seats, at)}")
        return
    if at.course != "ended":
        raise Broken(f"the saga ends; it waits at {at.step} {at.course}")
    if (at.outcome == "completed") != (world.seats == "confirmed"):
        raise Broken(f"seats {world.seats} belong to a booking that is {at.outcome}")
    sold_for = kept_by(at) if at.outcome == "completed" else set()
    taken = {dispute.provider_payment_id for dispute in at.facts.disputes if dispute.status == "lost"} - sold_for
    back = set(world.refunded) | taken
    if world.captured - sold_for != back or len(set(world.refunded)) != len(world.refunded):
        raise Broken(f"{set(world.captured)} came in, {sold_for} bought seats, {world.refunded} were given back")
    told = status(world.seats, at)
    if kept_by(at) & set(world.refunded) and told != "refunded":
        raise Broken(f"the buyer of refunded seats is told {told}")


def explore(start: World) -> int:
    """Reach every state from here, nearest first; how many there are.  A broken rule fails with its shortest story."""
    came_from: dict[World, tuple[World, str] | None] = {start: None}
    states = deque([start])
    while states:
        world = states.popleft()
        try:
            check_rest(world)
            for what, following in steps(world):
                known = len(came_from)
                came_from.setdefault(following, (world, what))
                if len(came_from) > known:
                    states.append(following)
        except Broken as broken:
            story: list[str] = []
            while (link := came_from[world]) is not None:
                world, what = link
                story.insert(0, what)
            pytest.fail("\n  ".join([f"{broken}, when", *story]), pytrace=False)
        assert len(came_from) < STATES_MAX
    return len(came_from)


WORLDS = {
    "two payments, captured at once": a_world(to_pay=(("pay_1", PRICE, True), ("pay_2", PRICE, True)), gives_up=True),
    "a wrong amount beside the right one": a_world(
        to_pay=(("pay_right", PRICE, True), ("pay_short", PRICE - 1, True)), gives_up=True
    ),
    "one payment, authorized first": a_world(to_pay=(("pay_1", PRICE, False),), gives_up=True),
    "two payments, authorized first": a_world(to_pay=(("pay_1", PRICE, False), ("pay_2", PRICE, False))),
    "a wrong amount, authorized beside the right one": a_world(
        to_pay=(("pay_1", PRICE, False), ("pay_short", PRICE - 1, False))
    ),
    "one authorized, one captured": a_world(to_pay=(("pay_1", PRICE, False), ("pay_2", PRICE, True))),
    "an order that may be declined": a_world(to_pay=(("pay_1", PRICE, True),), refuses=True, gives_up=True),
    "a wallet": a_world("wallet", balance=PRICE, gives_up=True),
    "a wallet too low": a_world("wallet", balance=PRICE - 1, gives_up=True),
    "a total of 0": a_world("none", 0, gives_up=True),
    "the wallet chosen beside an order that is paid": a_world(
        to_pay=(("pay_1", PRICE, True),), chooses=(("wallet", 0),), balance=PRICE, gives_up=True
    ),
    "a wallet too low chosen beside an order that is paid": a_world(
        to_pay=(("pay_1", PRICE, True),), chooses=(("wallet", 0),), balance=0
    ),
    "the same way to pay chosen again": a_world(to_pay=(("pay_1", PRICE, False),), chooses=(("razorpay", 0),)),
    "the wallet chosen beside an authorized payment": a_world(
        to_pay=(("pay_1", PRICE, False),), chooses=(("wallet", 0),), balance=PRICE
    ),
    "part by wallet": a_world(
        from_wallet=PART, balance=PART, to_pay=(("pay_1", REST, True),), spends=True, gives_up=True
    ),
    "part by wallet, the rest authorized first": a_world(
        from_wallet=PART, balance=PART, to_pay=(("pay_1", REST, False),), spends=True, gives_up=True
    ),
    "part by wallet, the rest paid twice": a_world(
        from_wallet=PART, balance=PART, to_pay=(("pay_1", REST, True), ("pay_2", REST, True)), spends=True
    ),
    "part by wallet, and all of it by the provider": a_world(
        from_wallet=PART, balance=PART, to_pay=(("pay_part", REST, True), ("pay_all", PRICE, True))
    ),
    "part by wallet, and all of it authorized": a_world(
        from_wallet=PART, balance=PART, to_pay=(("pay_part", REST, False), ("pay_all", PRICE, False))
    ),
    "part by a wallet too low": a_world(
        from_wallet=PART, balance=PART - 1, to_pay=(("pay_1", REST, True),), chooses=(("razorpay", 0),), gives_up=True
    ),
    "part by wallet, an order that may be declined": a_world(
        from_wallet=PART, balance=PART, to_pay=(("pay_1", REST, True),), refuses=True, gives_up=True
    ),
    "part by wallet chosen beside an order that is paid": a_world(
        to_pay=(("pay_all", PRICE, True), ("pay_part", REST, True)),
        chooses=(("razorpay", PART),),
        balance=PART,
    ),
    "part by wallet chosen beside an authorized payment": a_world(
        to_pay=(("pay_all", PRICE, False), ("pay_part", REST, False)), chooses=(("razorpay", PART),), balance=PART
    ),
    "part by wallet, then all of it": a_world(
        from_wallet=PART, balance=PRICE, to_pay=(("pay_part", REST, True),), chooses=(("wallet", 0),), spends=True
    ),
    "a payment that is disputed": a_world(
        to_pay=(("pay_1", PRICE, True),), disputes=(("pay_1", "open", PRICE),), gives_up=True
    ),
    "a payment that is disputed beside a second one": a_world(
        to_pay=(("pay_1", PRICE, True), ("pay_2", PRICE, True)), disputes=(("pay_1", "open", PRICE),)
    ),
    "part by wallet, and a dispute": a_world(
        from_wallet=PART,
        balance=PART,
        to_pay=(("pay_1", REST, True),),
        disputes=(("pay_1", "open", REST),),
        spends=True,
        gives_up=True,
    ),
    "another part by wallet": a_world(
        from_wallet=PART,
        balance=PRICE,
        to_pay=(("pay_part", REST, True), ("pay_less", REST - 1, True)),
        chooses=(("razorpay", PART + 1),),
    ),
}


@pytest.mark.parametrize("start", WORLDS.values(), ids=WORLDS.keys())
def test_whatever_happens_in_whatever_order_money_ends_as_seats_or_as_one_refund(start: World):
    assert explore(start) > 20
