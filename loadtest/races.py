"""The three races: how many buyers, for which seats, and what must have been sold when all have been told."""

from dataclasses import dataclass
from typing import Any, Literal

#: What the API is asked to wait for a decision, and what it may take to be told, with the way there and back.
WAIT_SECONDS = 10
TOLD_WITHIN_SECONDS = 12.0
#: With a lane's owner killed in the middle, a wish may be told by asking again, until another owner has taken over.
TOLD_WITHIN_AFTER_KILL_SECONDS = 30.0
#: Unpaid holds outlast the race and its verdict, then end by themselves.
HOLD_SECONDS = 600


@dataclass(frozen=True, slots=True)
class Race:
    """``must_sell`` seats are given out in the end, no more and no fewer.  So many winners in each process of the crowd
    go on ``paying``."""

    name: str
    title: str
    buyers: int
    seats: int
    rows: int
    wishing: Literal["pairs", "one seat", "best available"]
    must_sell: int
    paying: int = 0

    def wish(self, buyer: int, seats: list[str]) -> dict[str, Any]:
        """What this buyer asks for.  Pairs do not overlap, so that the number sold is known beforehand."""
        if self.wishing == "pairs":
            first = 2 * buyer % self.seats
            return {"seats": [seats[first], seats[first + 1]]}
        if self.wishing == "one seat":
            return {"seats": [seats[0]]}
        return {"quantity": 1 + buyer % 2}


RACES = (
    Race("pairs", "100 buyers, two chosen seats each, 50 seats", 100, 50, 5, "pairs", 50),
    Race("one-seat", "500 buyers, the same seat", 500, 1, 1, "one seat", 1),
    Race("best-available", "2,000 buyers, best available, 1,000 seats", 2000, 1000, 25, "best available", 1000, 10),
)
