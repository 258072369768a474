"""The rules of a show, as its journal tells them: naive, from the messages' JSON alone, looked up afresh each time."""

from collections.abc import Collection, Iterator
from datetime import datetime, timedelta
from typing import Any

ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
RULES = (
    "single_seats", "accessible_release_hours", "ticket_types", "fees", "tax", "presales", "allocations",
    "refund_until_hours", "refund_percent", "resale",
)  # fmt: skip
#: Less than this the provider does not take.
PAYABLE_LEAST = 100
#: Seats whose x lies further apart than this have an aisle between them.
AISLE = 1.5


def time_of(text: str) -> datetime:
    return datetime.fromisoformat(text)


def ordinal_of(seat: str) -> int:
    """``7K-3F``: what follows the hyphen counts the show's places, in base 32."""
    ordinal = 0
    for letter in seat.partition("-")[2]:
        ordinal = ordinal * 32 + ALPHABET.index(letter)
    return ordinal


def amended(terms: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    """The terms with the changes in them."""
    rules = (terms.get("rules") or {}) | {name: value for name, value in changes.items() if name in RULES}
    return terms | {name: value for name, value in changes.items() if name not in RULES} | {"rules": rules}


class Hall:
    """The places of a seat plan by their ordinals."""

    def __init__(self, plan: dict[str, Any]) -> None:
        self.sections: list[tuple[str, str, range]] = []
        self.blocks: list[list[int]] = []
        self.row_of: dict[int, int] = {}
        self.accessible: set[int] = set()
        self.companions: set[int] = set()
        first, row = 0, 0
        for section in plan["sections"]:
            begin = first
            for _, seats in section.get("rows", []):
                for at, seat in enumerate(seats):
                    if not at or abs(seat[1] - seats[at - 1][1]) > AISLE:
                        self.blocks.append([])
                    self.blocks[-1].append(first + at)
                    self.row_of[first + at] = row
                    self.accessible |= {first + at} if len(seat) > 3 and seat[3] else set()
                    self.companions |= {first + at} if len(seat) > 4 and seat[4] else set()
                first, row = first + len(seats), row + 1
            first += section.get("capacity", 0) if section["kind"] == "standing" else 0
            self.sections.append((section["id"], section["kind"], range(begin, first)))

    def section_of(self, ordinal: int) -> str:
        return next((section for section, _, places in self.sections if ordinal in places), "")

    def places_of(self, section_id: str) -> range:
        return next((places for section, _, places in self.sections if section == section_id), range(0))

    def singles(self, free: Collection[int], taken: Collection[int]) -> set[int]:
        """Seats that stand alone among these free ones once some are taken, and did not before."""
        return self._alone(set(free) - set(taken), taken) - self._alone(set(free), taken)

    def _alone(self, free: set[int], near: Collection[int]) -> set[int]:
        rows = {self.row_of.get(at) for at in near}
        found = set()
        for block in self.blocks:
            if self.row_of[block[0]] in rows:
                found |= {at for at in block if at in free and not {at - 1, at + 1} & free & set(block)}
        return found

    def windows(self, row: int, size: int, free: Collection[int]) -> Iterator[range]:
        """So many free seats side by side in a row."""
        for block in self.blocks:
            if self.row_of[block[0]] == row:
                for begin in range(len(block) - size + 1):
                    window = range(block[begin], block[begin] + size)
                    if all(at in free for at in window):
                        yield window


def kept_from(hall: Hall, terms: dict[str, Any], wish: dict[str, Any], at: datetime) -> set[int]:
    """The places that are kept for others than the one who wishes."""
    rules = terms.get("rules")
    if rules is None:
        return set()
    opened: set[int] = set()
    kept: set[int] = set()
    for allocation in rules.get("allocations", []):
        places = {ordinal for first, count in allocation["runs"] for ordinal in range(first, first + count)}
        if allocation.get("release_at") is None or at < time_of(allocation["release_at"]):
            kept |= places
            opened |= places if allocation["access_code"] == wish.get("access_code", "") else set()
    return (
        (kept | accessible_kept(hall, terms, at))
        - opened
        - (accessible_kept(hall, terms, at) if wish.get("accessible") else set())
    )


def accessible_kept(hall: Hall, terms: dict[str, Any], at: datetime) -> set[int]:
    """The accessible places and those of companions, while they are kept."""
    rules = terms.get("rules")
    hours = None if rules is None else rules.get("accessible_release_hours")
    released = hours is not None and at >= time_of(terms["starts_at"]) - timedelta(hours=hours)
    return set() if rules is None or released else hall.accessible | hall.companions


def is_closed(terms: dict[str, Any], wish: dict[str, Any], at: datetime) -> bool:
    """Whether this buyer could not buy at that time: neither general sale nor a presale with their code.  Staff sell
    until the show ends."""
    opens, closes, ends = (time_of(terms[name]) for name in ("sale_opens_at", "sale_closes_at", "ends_at"))
    if wish.get("seller_id"):
        return at >= ends
    if opens <= at < min(closes, ends):
        return False
    return at >= min(closes, ends) or not any(
        time_of(presale["opens_at"]) <= at < time_of(presale["closes_at"])
        and wish.get("access_code", "") in presale["access_codes"]
        for presale in (terms.get("rules") or {}).get("presales", [])
    )


def price_of(terms: dict[str, Any], section_id: str, kind: str) -> int | None:
    """What a place in a section costs for a ticket type; None where it is not offered."""
    own = next((price["amount"] for price in terms["prices"] if price["section_id"] == section_id), None)
    if not kind or own is None:
        return own
    types = [t for t in (terms.get("rules") or {}).get("ticket_types", []) if t["name"] == kind]
    types = [t for t in types if t.get("section_id") == section_id] or [t for t in types if not t.get("section_id")]
    if not types:
        return None
    amount = types[-1].get("amount")
    return int(amount) if amount is not None else int((own * types[-1].get("percent", 0) + 50) // 100)


def kinds_of(wish: dict[str, Any]) -> list[str]:
    """The ticket type of each place, in the order in which places are given."""
    own = len(wish.get("seats") or []) or wish.get("quantity", 0)
    kinds = [*wish.get("ticket_types", [])]
    kinds += [""] * (own - len(kinds))
    return kinds + [area.get("ticket_type", "") for area in wish.get("standing", []) for _ in range(area["quantity"])]


def coupon_fault(terms: dict[str, Any] | None, uses: int, own_uses: int, at: datetime) -> str:
    """Why a coupon that was used so often could not be used then; nothing when it could."""
    if terms is None:
        return "unknown"
    if terms.get("until") and at >= time_of(terms["until"]):
        return "over"
    if terms.get("max_uses") is not None and uses >= terms["max_uses"]:
        return "used-up"
    if terms.get("max_uses_per_buyer") is not None and own_uses >= terms["max_uses_per_buyer"]:
        return "used-by-you"
    return ""


def amounts_fault(
    terms: dict[str, Any],
    coupon: dict[str, Any] | None,
    places: list[dict[str, Any]],
    amounts: dict[str, Any],
    lets_off: bool = False,
) -> str:
    """What is wrong with the amounts of a hold, or with the shares that its places have of them.  ``lets_off``: what a
    coupon leaves is let off if it is too little to be paid."""
    rules = terms.get("rules") or {}
    seats = sum(place["price"] for place in places)
    discount = 0
    if coupon is not None:
        percent = coupon.get("percent")
        discount = (seats * percent + 50) // 100 if percent is not None else min(coupon["amount"], seats)
        if lets_off and seats - discount < PAYABLE_LEAST and amounts.get("discount", 0) == seats:
            discount = seats
    paying = [place for place in places if place["price"] > place.get("discount", 0)]
    fees_of, tax_of = rules.get("fees") or {}, rules.get("tax") or {}
    net = sum(place["price"] - place.get("discount", 0) for place in places)
    fees = fees_of.get("per_ticket", 0) * len(paying) + (fees_of.get("per_booking", 0) if paying else 0)
    fees += (2 * net * fees_of.get("basis_points", 0) + 10_000) // 20_000
    rate, inclusive = tax_of.get("basis_points", 0), tax_of.get("inclusive", False)
    whole = 10_000 + (rate if inclusive else 0)
    tax = (2 * (net + fees) * rate + whole) // (2 * whole)
    due = {"seats": seats, "discount": discount, "fees": fees, "tax": 0 if inclusive else tax}
    due |= {"tax_included": tax} if inclusive else {}
    told = {name: value for name, value in amounts.items() if name != "coupon"}
    if any(told.get(name, 0) != value for name, value in due.items()):
        return f"was promised {told}; {due} is due"
    if coupon is not None and lets_off and 0 < net + fees + due["tax"] < PAYABLE_LEAST:
        return f"was promised {told}, too little to be paid"
    for name in ("discount", "fees", "tax", "tax_included"):
        shared = sum(place.get(name, 0) for place in places)
        if shared != told.get(name, 0):
            return f"its seats share {shared} of {name}, the booking has {told.get(name, 0)}"
    return ""
