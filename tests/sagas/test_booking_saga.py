"""The stories of a booking: which events come, which commands follow, and where it ends."""

from typing import Any
from uuid import UUID

import msgspec
import pytest

from sagas.booking import BOOKING, Facts, Part, begin, status
from sagas.identity import derived
from sagas.messages import (
    AttemptFailed,
    CapturePayment,
    ConfirmSeats,
    DisputeChanged,
    Event,
    GivenUp,
    HoldExpired,
    IssueTickets,
    LetterSent,
    MakePdf,
    Message,
    Method,
    MethodChosen,
    MoneyAuthorized,
    MoneyCaptured,
    MoneyRefunded,
    PaymentReady,
    PaymentRefused,
    PdfMade,
    RefundAgain,
    RefundAsked,
    RefundFailed,
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
from sagas.money import PAYABLE_MIN
from sagas.saga import Progress, Saga, Step, advance

pytestmark = pytest.mark.pure

BOOKED, SHOW, BUYER = UUID(int=1), UUID(int=2), UUID(int=3)
PRICE = 50_000


class Story:
    """A booking whose events are told one by one; it keeps every command that was sent, in order."""

    def __init__(self, method: Method = "razorpay", amount: int = PRICE, from_wallet: int = 0) -> None:
        self.method, self.amount, self.told = method, amount, 0
        held = SeatsHeld(
            event_id=self._id(), booking_id=BOOKED, show_id=SHOW, buyer_id=BUYER, method=method, amount=amount,
            currency="INR", from_wallet=from_wallet,
        )  # fmt: skip
        self.at: Progress = begin(held)
        self.sent: list[SagaCommand] = []
        self.tell(held)

    def _id(self) -> UUID:
        self.told += 1
        return derived(BOOKED, "told", self.told)

    @property
    def facts(self) -> Facts:
        facts: Facts = self.at.facts
        return facts

    def tell(self, event: Event) -> list[type[Message]]:
        self.at, commands = advance(BOOKING, self.at, event)
        self.sent += commands
        return [type(command) for command in commands]

    def answered(self, command: type[Message], event: type[Event], **more: object) -> list[type[Message]]:
        """The answer to the newest command of this kind."""
        newest = next(sent for sent in reversed(self.sent) if type(sent) is command)
        ids = {name: getattr(newest, name) for name in ("payment_id", "refund_id") if name in event.__struct_fields__}
        return self.tell(
            event(event_id=self._id(), booking_id=BOOKED, answers=newest.command_id, **(ids | more))  # type: ignore[arg-type]
        )

    def ready(self) -> list[type[Message]]:
        return self.answered(RequestPayment, PaymentReady, method=self.method)

    def captured(self, payment: str = "pay_1", amount: int | None = None) -> list[type[Message]]:
        return self.tell(self._money(MoneyCaptured, payment, amount, method="razorpay"))

    def authorized(self, payment: str = "pay_1", amount: int | None = None) -> list[type[Message]]:
        return self.tell(self._money(MoneyAuthorized, payment, amount))

    def _money(self, kind: type[Event], payment: str, amount: int | None, **more: object) -> Event:
        return kind(
            event_id=self._id(), booking_id=BOOKED, payment_id=self.facts.payment_id, provider_payment_id=payment,
            amount=self.amount if amount is None else amount, currency="INR", **more,
        )  # type: ignore[call-arg]  # fmt: skip

    def expired(self) -> list[type[Message]]:
        return self.tell(HoldExpired(event_id=self._id(), booking_id=BOOKED, answers=derived(BOOKED, "expire")))

    def given_up(self) -> list[type[Message]]:
        return self.tell(GivenUp(event_id=self._id(), booking_id=BOOKED, reason="buyer"))

    def written(self) -> None:
        """The letter about a refund has been sent."""
        letter = self.sent[-1]
        assert isinstance(letter, SendLetter)
        assert letter.template == "refunded"
        assert self.answered(SendLetter, LetterSent, template="refunded") == []

    def chosen(self, method: Method) -> list[type[Message]]:
        self.method = method
        return self.tell(MethodChosen(event_id=self._id(), booking_id=BOOKED, method=method))

    def disputed(self, status: Any, amount: int) -> list[type[Message]]:
        return self.tell(self._money(DisputeChanged, "pay_1", amount, dispute_id="disp_1", status=status))

    def again(self, refund_id: UUID) -> list[type[Message]]:
        return self.tell(
            RefundAgain(event_id=self._id(), booking_id=BOOKED, refund_id=refund_id, by=UUID(int=9), reason="please")
        )

    def goodwill(self, amount: int) -> list[type[Message]]:
        return self.tell(
            RefundAsked(
                event_id=self._id(), booking_id=BOOKED, refund_id=derived(BOOKED, "goodwill"), amount=amount,
                payment_id=derived(BOOKED, "payment", "razorpay"), to="source", by=BUYER, reason="a kind word",
            )
        )  # fmt: skip

    def refunds(self) -> list[tuple[str, int, str]]:
        return [(c.provider_payment_id, c.amount, c.reason) for c in self.sent if isinstance(c, RefundMoney)]

    def end(self) -> tuple[str, str, tuple[SagaCommand, ...]]:
        return self.at.course, self.at.outcome, self.at.awaiting


def test_a_paid_booking_is_confirmed_ticketed_and_written_to():
    story = Story()
    assert [type(command) for command in story.sent] == [RequestPayment]
    assert story.ready() == []
    assert story.captured() == [ConfirmSeats]
    assert story.answered(ConfirmSeats, SeatsConfirmed) == [IssueTickets]
    assert story.answered(IssueTickets, TicketsIssued, count=2) == [MakePdf]
    assert story.answered(MakePdf, PdfMade, file="tickets.pdf") == [SendLetter]
    assert story.answered(SendLetter, LetterSent, template="confirmed") == []
    assert story.end() == ("ended", "completed", ())
    assert story.refunds() == []


def test_a_wallet_pays_by_itself():
    story = Story("wallet")
    assert story.ready() == [CapturePayment]
    paid = f"wallet:{story.facts.payment_id}"
    more = {"provider_payment_id": paid, "method": "wallet", "amount": PRICE, "currency": "INR"}
    assert story.answered(CapturePayment, MoneyCaptured, **more) == [ConfirmSeats]
    assert story.facts.kept == {paid}


def test_a_total_of_0_completes_payment_and_money_at_once():
    story = Story("none", 0)
    assert story.ready() == [CapturePayment]
    more = {"provider_payment_id": "none:1", "method": "none", "amount": 0, "currency": "INR"}
    assert story.answered(CapturePayment, MoneyCaptured, **more) == [ConfirmSeats]


def test_an_unpaid_booking_expires_and_nothing_is_asked_of_anybody():
    story = Story()
    story.ready()
    assert story.expired() == []
    assert story.end() == ("ended", "expired", ())
    assert status("expired", story.at) == "expired"


def test_money_after_the_expiry_is_seated_when_the_lane_still_has_the_seats():
    story = Story()
    story.ready()
    story.expired()
    assert story.captured() == [ConfirmSeats]
    assert story.answered(ConfirmSeats, SeatsConfirmed) == [IssueTickets]
    assert story.refunds() == []


def test_money_after_the_expiry_is_given_back_when_the_seats_are_gone():
    story = Story()
    story.ready()
    story.expired()
    assert story.captured() == [ConfirmSeats]
    assert story.answered(ConfirmSeats, SeatsGone, reason="taken") == [RefundMoney]
    assert status("expired", story.at) == "refunding"
    assert story.answered(RefundMoney, MoneyRefunded) == [SendLetter]
    story.written()
    assert story.end() == ("ended", "expired", ())
    assert story.refunds() == [("pay_1", PRICE, "expired")]
    assert status("expired", story.at) == "refunded"


def test_money_that_overtakes_the_answer_that_payment_is_ready_counts():
    story = Story()
    assert story.captured() == [ConfirmSeats]
    assert story.ready() == []
    assert [type(command) for command in story.at.awaiting] == [ConfirmSeats]


@pytest.mark.parametrize("when", ["confirming", "confirmed", "completed"])
def test_who_pays_twice_gets_the_second_payment_back_and_keeps_the_booking(when: str):
    story = Story()
    story.ready()
    story.captured()
    if when != "confirming":
        story.answered(ConfirmSeats, SeatsConfirmed)
    if when == "completed":
        story.answered(IssueTickets, TicketsIssued, count=2)
        story.answered(MakePdf, PdfMade, file="tickets.pdf")
        story.answered(SendLetter, LetterSent, template="confirmed")
    course, step = story.at.course, story.at.step
    assert story.captured("pay_2") == [RefundMoney]
    story.answered(RefundMoney, MoneyRefunded)
    assert story.refunds() == [("pay_2", PRICE, "double")]
    assert (story.at.course, story.at.step, story.facts.kept) == (course, step, {"pay_1"})


def test_a_wrong_amount_goes_back_and_the_right_one_may_still_come():
    story = Story()
    story.ready()
    assert story.captured("pay_short", PRICE - 1) == [RefundMoney]
    assert story.refunds() == [("pay_short", PRICE - 1, "wrong-amount")]
    assert story.captured("pay_right") == [ConfirmSeats]


def test_a_wrong_currency_is_a_wrong_amount():
    story = Story()
    story.ready()
    event = MoneyCaptured(
        event_id=UUID(int=9), booking_id=BOOKED, payment_id=story.facts.payment_id, provider_payment_id="pay_usd",
        method="razorpay", amount=PRICE, currency="USD",
    )  # fmt: skip
    assert story.tell(event) == [RefundMoney]
    refund = story.sent[-1]
    assert isinstance(refund, RefundMoney)
    assert refund.currency == "USD"


def test_a_wallet_too_low_fails_the_booking_and_frees_the_seats():
    story = Story("wallet")
    story.ready()
    more = {"reason": "wallet-too-low", "balance": 100}
    assert story.answered(CapturePayment, PaymentRefused, **more) == [ReleaseSeats]
    assert story.answered(ReleaseSeats, SeatsReleased) == []
    assert story.end() == ("ended", "failed", ())
    assert (story.facts.refusal, story.facts.balance) == ("wallet-too-low", 100)
    assert status("released", story.at) == "failed"


def test_a_payment_that_cannot_be_prepared_fails_the_booking():
    story = Story()
    assert story.answered(RequestPayment, PaymentRefused, reason="payment-unavailable") == [ReleaseSeats]


def test_a_failed_attempt_is_only_a_line_in_the_timeline():
    story = Story()
    story.ready()
    before = story.at
    failed = AttemptFailed(
        event_id=UUID(int=8), booking_id=BOOKED, payment_id=story.facts.payment_id, provider_payment_id="pay_0",
        reason="declined",
    )  # fmt: skip
    assert story.tell(failed) == []
    assert story.at == before
    assert story.captured("pay_1") == [ConfirmSeats]


def test_authorized_money_is_captured_once_and_then_confirms():
    story = Story()
    story.ready()
    assert story.authorized() == [CapturePayment]
    assert story.captured() == [ConfirmSeats]
    assert len([command for command in story.sent if isinstance(command, CapturePayment)]) == 1


def test_money_authorized_before_the_payment_was_ready_is_captured_then():
    story = Story()
    assert story.authorized() == []
    assert story.ready() == [CapturePayment]


def test_who_authorizes_two_payments_gets_the_seats_by_whichever_is_captured_first():
    story = Story()
    story.ready()
    story.authorized("pay_1")
    first = story.sent[-1]
    story.authorized("pay_2")
    captured = MoneyCaptured(
        event_id=UUID(int=7), booking_id=BOOKED, answers=first.command_id, payment_id=story.facts.payment_id,
        provider_payment_id="pay_1", method="razorpay", amount=PRICE, currency="INR",
    )  # fmt: skip
    assert story.tell(captured) == [ConfirmSeats]


def test_a_wrong_amount_authorized_beside_the_right_one_does_not_stop_the_right_one():
    story = Story()
    story.ready()
    story.authorized("pay_1")
    first = story.sent[-1]
    story.authorized("pay_short", PRICE - 1)
    captured = MoneyCaptured(
        event_id=UUID(int=7), booking_id=BOOKED, answers=first.command_id, payment_id=story.facts.payment_id,
        provider_payment_id="pay_1", method="razorpay", amount=PRICE, currency="INR",
    )  # fmt: skip
    assert story.tell(captured) == [ConfirmSeats]


@pytest.mark.parametrize("prepared", [False, True])
def test_another_way_to_pay_is_prepared_anew_and_the_answer_about_the_old_one_no_longer_counts(prepared: bool):
    story = Story()
    first = story.sent[-1]
    assert isinstance(first, RequestPayment)
    if prepared:
        story.ready()
    assert story.chosen("wallet") == [RequestPayment]
    late = PaymentReady(
        event_id=UUID(int=9),
        booking_id=BOOKED,
        answers=first.command_id,
        payment_id=first.payment_id,
        method="razorpay",
    )
    assert story.tell(late) == []
    assert story.ready() == [CapturePayment]
    assert story.facts.method == "wallet"


def test_the_old_order_paid_after_another_way_was_chosen_and_paid_is_given_back_to_where_it_came_from():
    story = Story()
    story.ready()
    order = story.facts.payment_id
    story.chosen("wallet")
    story.ready()
    more = {"provider_payment_id": "wallet:1", "method": "wallet", "amount": PRICE, "currency": "INR"}
    story.answered(CapturePayment, MoneyCaptured, **more)
    late = MoneyCaptured(
        event_id=UUID(int=9), booking_id=BOOKED, payment_id=order, provider_payment_id="pay_1", method="razorpay",
        amount=PRICE, currency="INR",
    )  # fmt: skip
    assert story.tell(late) == [RefundMoney]
    refund = story.sent[-1]
    assert isinstance(refund, RefundMoney)
    assert (refund.method, refund.payment_id, refund.provider_payment_id) == ("razorpay", order, "pay_1")


def test_money_of_the_old_order_that_comes_first_is_kept_and_refunded_as_what_it_is():
    story = Story()
    story.ready()
    order = story.facts.payment_id
    story.chosen("wallet")
    late = MoneyCaptured(
        event_id=UUID(int=9), booking_id=BOOKED, payment_id=order, provider_payment_id="pay_1", method="razorpay",
        amount=PRICE, currency="INR",
    )  # fmt: skip
    assert story.tell(late) == [ConfirmSeats]
    assert story.answered(ConfirmSeats, SeatsGone, reason="taken") == [RefundMoney]
    refund = story.sent[-1]
    assert isinstance(refund, RefundMoney)
    assert (refund.method, refund.payment_id, refund.provider_payment_id) == ("razorpay", order, "pay_1")
    assert refund.refund_id == derived(order, "refund", "pay_1")


def test_a_booking_given_up_before_it_is_paid_is_released():
    story = Story()
    story.ready()
    assert story.given_up() == [ReleaseSeats]
    assert story.answered(ReleaseSeats, SeatsReleased) == []
    assert story.end() == ("ended", "cancelled", ())
    assert status("released", story.at) == "cancelled"


def test_a_booking_given_up_before_its_saga_was_taken_up_is_released_when_its_seats_are_told():
    held = SeatsHeld(
        event_id=UUID(int=4), booking_id=BOOKED, show_id=SHOW, buyer_id=BUYER, method="razorpay", amount=PRICE,
        currency="INR",
    )  # fmt: skip
    at, commands = advance(BOOKING, begin(held), GivenUp(event_id=UUID(int=5), booking_id=BOOKED, reason="buyer"))
    assert (at.course, commands) == ("ended", [])
    _, commands = advance(BOOKING, at, held)
    assert [type(command) for command in commands] == [ReleaseSeats]


def test_giving_up_comes_too_late_while_the_seats_are_being_confirmed():
    story = Story()
    story.ready()
    story.captured()
    assert story.given_up() == []
    assert story.answered(ConfirmSeats, SeatsConfirmed) == [IssueTickets]


def test_money_for_a_booking_given_up_is_refunded_only_after_the_lane_has_released_the_seats():
    story = Story()
    story.ready()
    story.given_up()
    assert story.captured() == []
    assert story.answered(ReleaseSeats, SeatsReleased) == [RefundMoney]
    story.answered(RefundMoney, MoneyRefunded)
    story.written()
    assert story.end() == ("ended", "cancelled", ())


def test_money_long_after_a_booking_was_given_up_is_refunded_at_once_and_never_asks_for_seats():
    story = Story()
    story.ready()
    story.given_up()
    story.answered(ReleaseSeats, SeatsReleased)
    assert story.captured() == [RefundMoney]
    assert not any(isinstance(command, ConfirmSeats) for command in story.sent)
    assert story.refunds() == [("pay_1", PRICE, "cancelled")]


def test_an_expiry_beside_a_release_in_flight_leaves_the_release_to_be_answered():
    story = Story()
    story.ready()
    story.given_up()
    assert story.expired() == []
    assert [type(command) for command in story.at.awaiting] == [ReleaseSeats]
    story.answered(ReleaseSeats, SeatsReleased)
    assert story.end() == ("ended", "cancelled", ())


def test_a_refund_that_fails_stays_owed_and_awaited():
    story = Story()
    story.ready()
    story.given_up()
    story.answered(ReleaseSeats, SeatsReleased)
    story.captured()
    refund = story.sent[-1]
    assert isinstance(refund, RefundMoney)
    failed = RefundFailed(
        event_id=UUID(int=6), booking_id=BOOKED, refund_id=refund.refund_id, payment_id=refund.payment_id, reason="no"
    )
    assert story.tell(failed) == []
    assert story.at.awaiting == (refund,)
    assert status("released", story.at) == "refunding"


@pytest.mark.parametrize("again_has_failed", [False, True])
def test_money_that_went_back_counts_whichever_attempt_it_is_told_of(again_has_failed: bool):
    """An operator settles a refund in the moment in which another has it asked for once more."""
    story = Story()
    story.ready()
    story.given_up()
    story.answered(ReleaseSeats, SeatsReleased)
    story.captured()
    first = story.sent[-1]
    assert isinstance(first, RefundMoney)
    assert story.answered(RefundMoney, RefundFailed, reason="no") == []
    again = RefundAgain(
        event_id=UUID(int=7), booking_id=BOOKED, refund_id=first.refund_id, by=UUID(int=9), reason="the bank is back"
    )
    assert story.tell(again) == [RefundMoney]
    if again_has_failed:
        assert story.answered(RefundMoney, RefundFailed, reason="no") == []
    settled = MoneyRefunded(
        event_id=UUID(int=8), booking_id=BOOKED, answers=first.command_id, refund_id=first.refund_id,
        payment_id=first.payment_id, amount=first.amount,
    )  # fmt: skip
    assert story.tell(settled) == [SendLetter]
    assert [refund.state for refund in story.facts.refunds] == ["done"]
    story.written()
    assert story.end() == ("ended", "cancelled", ())
    assert status("released", story.at) == "refunded"
    late = story.answered(RefundMoney, RefundFailed, reason="it went back before")
    assert (late, story.facts.refunds[0].state) == ([], "done")


def test_the_refund_of_a_stray_payment_does_not_stand_for_the_refund_that_turns_the_booking_back():
    story = Story()
    story.ready()
    story.captured("pay_1")
    story.captured("pay_2")
    stray = story.sent[-1]
    assert story.answered(ConfirmSeats, SeatsGone, reason="taken") == [RefundMoney]
    refunded = MoneyRefunded(
        event_id=UUID(int=5), booking_id=BOOKED, answers=stray.command_id, refund_id=UUID(int=1),
        payment_id=story.facts.payment_id,
    )  # fmt: skip
    assert story.tell(refunded) == [SendLetter]
    story.written()
    assert story.at.course == "back"
    story.answered(RefundMoney, MoneyRefunded)
    story.written()
    assert story.end() == ("ended", "expired", ())
    assert [payment for payment, _, _ in story.refunds()] == ["pay_2", "pay_1"]


@pytest.mark.parametrize("wrong", [PRICE - 1, PRICE + 1])
def test_a_stray_payment_told_again_changes_nothing(wrong: int):
    story = Story()
    story.ready()
    story.captured("pay_1", wrong)
    before = story.at
    assert story.captured("pay_1", wrong) == []
    assert story.at == before


def test_refunded_money_told_again_after_the_end_asks_for_no_seats():
    story = Story()
    story.ready()
    story.expired()
    story.captured()
    story.answered(ConfirmSeats, SeatsGone, reason="taken")
    story.answered(RefundMoney, MoneyRefunded)
    assert story.captured() == []
    assert story.at.course == "ended"


def without_seats(*disputes: tuple[str, int]) -> Story:
    """Late money, disputed before the lane says that its seats are gone."""
    story = Story()
    story.ready()
    story.expired()
    story.captured()
    for turn, amount in disputes:
        story.disputed(turn, amount)
    story.answered(ConfirmSeats, SeatsGone, reason="seat-taken")
    return story


def refunds(story: Story) -> list[tuple[int, str]]:
    return [(command.amount, command.method) for command in story.sent if isinstance(command, RefundMoney)]


def test_disputed_money_without_seats_is_given_back_only_once_the_dispute_is_won():
    story = without_seats(("open", PRICE))
    assert refunds(story) == []
    assert status("expired", story.at) == "refunding"
    assert story.disputed("won", PRICE) == [RefundMoney]
    story.answered(RefundMoney, MoneyRefunded)
    assert (story.at.course, status("expired", story.at)) == ("ended", "refunded")


@pytest.mark.parametrize("before", [True, False])
def test_money_without_seats_that_the_bank_has_taken_is_not_given_back_again(before: bool):
    story = without_seats(("lost", PRICE)) if before else without_seats(("open", PRICE))
    if not before:
        story.disputed("lost", PRICE)
    assert refunds(story) == []
    assert (story.at.course, status("expired", story.at)) == ("ended", "expired")


def test_what_a_dispute_leaves_free_of_money_without_seats_goes_back_at_once_and_the_rest_by_itself():
    story = without_seats(("open", 20_000))
    assert refunds(story) == [(PRICE - 20_000, "razorpay")]
    assert story.disputed("won", 20_000) == []
    assert story.answered(RefundMoney, MoneyRefunded) == [RefundMoney, SendLetter]
    assert refunds(story) == [(PRICE - 20_000, "razorpay"), (20_000, "razorpay")]
    assert len({refund.id for refund in story.facts.refunds}) == 2
    story.answered(RefundMoney, MoneyRefunded)
    assert story.at.course == "ended"


def test_what_a_dispute_leaves_may_be_too_little_for_the_provider():
    assert refunds(without_seats(("open", PRICE - PAYABLE_MIN + 1))) == [(PAYABLE_MIN - 1, "wallet")]


@pytest.mark.parametrize("turned", ["open", "lost"])
def test_a_refund_that_failed_is_not_asked_for_again_while_the_bank_wants_the_payment_back(turned: str):
    story = without_seats()
    story.answered(RefundMoney, RefundFailed, reason="insolvent")
    story.disputed(turned, PRICE)
    assert story.again(story.facts.refunds[0].id) == []


def test_a_refund_that_failed_is_asked_for_again_where_a_dispute_leaves_enough():
    story = without_seats(("open", 20_000))
    story.answered(RefundMoney, RefundFailed, reason="insolvent")
    [refund] = story.facts.refunds
    assert (refund.amount, story.again(refund.id)) == (PRICE - 20_000, [RefundMoney])


@pytest.mark.parametrize("fails", ["before", "meanwhile", "after"])
def test_a_refund_that_failed_is_owed_no_longer_once_the_bank_has_taken_its_money(fails: str):
    story = without_seats()
    if fails == "before":
        story.answered(RefundMoney, RefundFailed, reason="insolvent")
    story.disputed("open", PRICE)
    if fails == "meanwhile":
        story.answered(RefundMoney, RefundFailed, reason="insolvent")
    assert story.at.course == "back"
    story.disputed("lost", PRICE)
    if fails == "after":
        assert (story.at.course, story.facts.refunds[0].state) == ("back", "pending")
        story.answered(RefundMoney, RefundFailed, reason="insolvent")
    [refund] = story.facts.refunds
    assert (refund.state, refund.by_bank, refunds(story)) == ("done", True, [(PRICE, "razorpay")])
    assert (story.end(), status("expired", story.at)) == (("ended", "expired", ()), "refunded")


def test_a_refund_that_failed_stays_owed_where_the_bank_has_taken_other_money():
    story = without_seats(("open", 20_000))
    story.answered(RefundMoney, RefundFailed, reason="insolvent")
    story.disputed("lost", 20_000)
    [refund] = story.facts.refunds
    assert (refund.state, status("expired", story.at)) == ("failed", "refunding")
    assert story.again(refund.id) == [RefundMoney]
    story.answered(RefundMoney, MoneyRefunded)
    assert (story.at.course, refunds(story)) == ("ended", [(PRICE - 20_000, "razorpay")] * 2)


def test_a_refund_of_a_stray_payment_is_owed_no_longer_once_the_bank_has_taken_that():
    story = Story()
    story.ready()
    story.captured("pay_0")
    story.captured()
    assert story.answered(RefundMoney, RefundFailed, reason="insolvent") == []
    story.disputed("lost", PRICE)
    [refund] = story.facts.refunds
    assert (refund.state, refund.by_bank, story.at.course) == ("done", True, "forward")


def test_ids_of_commands_are_new_for_each_attempt_and_follow_from_the_booking():
    one, two = Story(), Story()
    for story in (one, two):
        story.ready()
        story.expired()
        story.captured()
        story.answered(ConfirmSeats, SeatsGone, reason="taken")
    assert one.sent == two.sent
    assert len({command.command_id for command in one.sent}) == len(one.sent)


def test_a_table_with_an_undo_after_its_pivot_cannot_be_made():
    def make(*steps: Step) -> Saga:
        return Saga(
            "booking", *steps, pivot="tickets", learn=BOOKING.learn, sent=BOOKING.sent, build=BOOKING.build,
            met=BOOKING.met, moves=BOOKING.moves, outcomes=BOOKING.outcomes, beside=BOOKING.beside,
        )  # fmt: skip

    tickets = Step("tickets", do=IssueTickets, done=TicketsIssued)
    make(tickets)
    with pytest.raises(ValueError, match="no undo may follow the pivot"):
        make(tickets, Step("letter", done=LetterSent, undo=ReleaseSeats, undone=(SeatsReleased,)))
    with pytest.raises(ValueError, match="share a name"):
        make(tickets, tickets)
    with pytest.raises(ValueError, match="an undo needs the event that completes it"):
        make(Step("seats", done=SeatsHeld, undo=ReleaseSeats), tickets)
    with pytest.raises(ValueError, match="no outcome is named"):
        make(Step("seats", done=SeatsHeld, refused=(SeatsReleased,)), tickets)


def test_finished_steps_are_undone_last_first():
    both = Saga(
        "booking", Step("seats", done=SeatsHeld, undo=ReleaseSeats, undone=(SeatsReleased,)),
        Step("money", do=CapturePayment, done=MoneyCaptured, undo=RefundMoney, undone=(MoneyRefunded,)),
        Step("confirm", do=ConfirmSeats, done=SeatsConfirmed, refused=(GivenUp,)), Step("tickets", done=TicketsIssued),
        pivot="tickets", learn=BOOKING.learn, sent=BOOKING.sent, build=BOOKING.build, met=BOOKING.met,
        moves=BOOKING.moves, outcomes=BOOKING.outcomes, beside=lambda *_: (),
    )  # fmt: skip
    part = Part(UUID(int=7), "pay_1", "razorpay", PRICE)
    at = Progress(facts=msgspec.structs.replace(Story().facts, parts=(part,)), step="confirm", done=("seats", "money"))
    at, commands = advance(both, at, GivenUp(event_id=UUID(int=1), booking_id=BOOKED, reason="buyer"))
    [refund] = commands
    assert isinstance(refund, RefundMoney)
    refunded = MoneyRefunded(
        event_id=UUID(int=2), booking_id=BOOKED, answers=refund.command_id, refund_id=refund.refund_id,
        payment_id=refund.payment_id,
    )  # fmt: skip
    at, commands = advance(both, at, refunded)
    assert [type(command) for command in commands] == [ReleaseSeats]
    assert at.undone == ("money",)


@pytest.mark.parametrize(
    ("seats", "step", "course", "done", "undone", "outcome", "told"),
    [
        ("held", "payment", "forward", ("seats",), (), "", "held"),
        ("confirmed", "letter", "forward", ("seats", "payment", "money", "confirm", "tickets"), (), "", "confirmed"),
        ("expired", "", "ended", (), (), "expired", "expired"),
        ("expired", "money", "back", ("money",), (), "expired", "refunding"),
        ("expired", "", "ended", (), ("money",), "expired", "refunded"),
        ("released", "", "ended", (), ("seats",), "failed", "failed"),
        ("released", "seats", "back", ("seats", "money"), (), "cancelled", "refunding"),
    ],
)
def test_the_status_says_what_the_buyer_has(
    seats: str, step: str, course: str, done: tuple[str, ...], undone: tuple[str, ...], outcome: str, told: str
):
    facts = Story().facts
    at = Progress(facts=facts, step=step, course=course, done=done, undone=undone, outcome=outcome)  # type: ignore[arg-type]
    assert status(seats, at) == told


def test_the_provider_is_asked_for_what_the_wallet_does_not_pay_and_the_wallet_once_that_is_there():
    story = Story(from_wallet=20_000)
    [asked] = [command for command in story.sent if isinstance(command, RequestPayment)]
    assert (asked.method, asked.amount) == ("razorpay", 30_000)
    story.ready()
    assert story.captured("pay_1", 30_000) == [CapturePayment]
    taken = story.sent[-1]
    assert isinstance(taken, CapturePayment)
    assert (taken.method, taken.amount, taken.buyer_id) == ("wallet", 20_000, BUYER)
    assert taken.payment_id != asked.payment_id
    paid = {"method": "wallet", "amount": 20_000, "currency": "INR", "provider_payment_id": "wallet:1"}
    assert story.answered(CapturePayment, MoneyCaptured, **paid) == [ConfirmSeats]


def test_a_wallet_that_refuses_its_part_gives_the_other_back_once_the_seats_are_released():
    story = Story(from_wallet=20_000)
    story.ready()
    story.captured("pay_1", 30_000)
    assert story.answered(CapturePayment, PaymentRefused, reason="wallet-too-low") == [ReleaseSeats]
    assert status("held", story.at) == "refunding"
    assert story.answered(ReleaseSeats, SeatsReleased) == [RefundMoney]
    back = story.sent[-1]
    assert isinstance(back, RefundMoney)
    assert (back.method, back.amount, back.provider_payment_id) == ("razorpay", 30_000, "pay_1")
    story.answered(RefundMoney, MoneyRefunded)
    assert (story.at.course, status("released", story.at)) == ("ended", "refunded")


def test_goodwill_before_the_seats_are_the_buyers_gives_nothing():
    """Money that is being undone goes back anyway, and no rupee twice."""
    story = Story()
    for happens in (story.ready, story.captured, story.expired):
        assert story.goodwill(100) == []
        happens()
    assert story.goodwill(100) == []
    story.answered(ConfirmSeats, SeatsGone, reason="taken")
    assert story.goodwill(100) == []
    assert [amount for _, amount, _ in story.refunds()] == [PRICE]


def test_goodwill_after_the_pivot_leaves_the_booking_confirmed():
    story = Story()
    story.ready()
    story.captured()
    story.answered(ConfirmSeats, SeatsConfirmed)
    where = (story.at.step, story.at.course)
    assert story.goodwill(100) == [RefundMoney]
    assert story.goodwill(100) == []
    assert story.answered(RefundMoney, MoneyRefunded) == [SendLetter]
    assert (story.at.step, story.at.course) == where
    assert status("confirmed", story.at) == "confirmed"
    assert story.refunds() == [("pay_1", 100, "a kind word")]
