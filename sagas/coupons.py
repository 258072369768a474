"""When a coupon can be used: by count, by person, by time.  A lapsed or released hold gives its use back."""

from datetime import datetime

from sagas.refusals import CouponRefused
from sagas.terms import CouponTerms


def refused_coupon(terms: CouponTerms | None, uses: int, own_uses: int, now: datetime) -> CouponRefused | None:
    """Why a coupon that was used so often, by this buyer so often, cannot be used once more; ``None`` when it can."""
    if terms is None:
        return CouponRefused(detail="There is no such coupon for this show.", reason="unknown")
    if terms.until is not None and now >= terms.until:
        return CouponRefused(detail="This coupon is no longer valid.", reason="over")
    return uses_refused(terms, uses, own_uses)


def uses_refused(terms: CouponTerms, uses: int, own_uses: int) -> CouponRefused | None:
    """The same, whatever the time is."""
    if terms.max_uses is not None and uses >= terms.max_uses:
        return CouponRefused(detail="This coupon has been used up.", reason="used-up")
    if terms.max_uses_per_buyer is not None and own_uses >= terms.max_uses_per_buyer:
        return CouponRefused(detail="You have used this coupon as often as it can be used.", reason="used-by-you")
    return None
