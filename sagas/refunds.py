"""What a buyer gets back, and until when: the policy of a show, as bookings were made under it.

Within the policy's time a buyer gets a percentage of what each place cost, its tax with it; fees come back only when
the organiser takes the places back, or the show was postponed.  Of a place that was bought from another buyer the
organiser has had no more than it cost at first, and gives a buyer who changes their mind no more back."""

from datetime import datetime, timedelta
from typing import Any

from sagas.messages import MoneyRefunded, event_id_for
from sagas.money import fraction
from sagas.prices import Share
from sagas.refusals import TooLate
from sagas.terms import Rules


def given_back(share: Share, percent: int, *, whole: bool, face: int = 0) -> int:
    """What is given back for one place, in minor units; ``face`` is what a resold one cost at first."""
    if whole:
        return share.total
    paid = share.price - share.discount
    if face:
        paid = min(paid, face)
    due = paid + share.fees
    tax = fraction(share.tax, paid, due) if due else 0
    return fraction(paid + tax, percent, 100)


def is_whole(rules: Rules, by: str, cancelled: bool, now: datetime) -> bool:
    """Whether all that was paid comes back, whatever the policy's percentage and time."""
    postponed = rules.refund_all_until is not None and now < rules.refund_all_until
    return by != "buyer" or cancelled or postponed


def refundable_until(rules: Rules, starts_at: datetime) -> datetime | None:
    """Until when a buyer may give places back by the policy; None: never."""
    hours = rules.refund_until_hours
    return None if hours is None else starts_at - timedelta(hours=hours)


def too_late(rules: Rules, starts_at: datetime, now: datetime) -> TooLate | None:
    """Why places can no longer be given back; None while they can."""
    until = refundable_until(rules, starts_at)
    if until is None:
        return TooLate(detail="Tickets for this show cannot be returned.", until=None)
    if now >= until:
        return TooLate(detail="The time in which these tickets could be returned is over.", until=until)
    return None


def handed_over(refund: Any) -> MoneyRefunded:
    """What its saga is told of a refund that the box office has handed over."""
    return MoneyRefunded(
        event_id=event_id_for(refund["id"], MoneyRefunded), booking_id=refund["booking_id"],
        answers=refund["command_id"], refund_id=refund["id"], payment_id=refund["payment_id"],
        amount=refund["amount"], provider_payment_id=refund["provider_payment_id"],
    )  # fmt: skip
