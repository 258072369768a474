"""What the mailbox does wrong on request: the next n letters meet a bad mail server."""

from collections import deque
from typing import Literal, get_args

import msgspec

Kind = Literal["4xx", "5xx", "hang", "cut-after-250", "cut-before-250"]
KINDS: tuple[str, ...] = get_args(Kind)
NEXT_MAX = 100_000
_ORDERS_MAX = 100


class Fault(msgspec.Struct, forbid_unknown_fields=True):
    """`4xx` and `5xx` answer so, `hang` never answers, the others keep the letter and cut the connection:
    after the answer, or before it, so that the sender cannot know."""

    kind: Kind
    next: int = 1

    def __post_init__(self) -> None:
        if not 1 <= self.next <= NEXT_MAX:
            raise ValueError(f"next must be 1 to {NEXT_MAX}")


class Faults:
    """Orders are played out one after the other."""

    def __init__(self) -> None:
        self._orders: deque[Fault] = deque()

    def order(self, fault: Fault) -> None:
        if len(self._orders) >= _ORDERS_MAX:
            raise ValueError(f"at most {_ORDERS_MAX} orders can wait")
        self._orders.append(fault)

    def clear(self) -> None:
        self._orders.clear()

    def left(self) -> list[Fault]:
        return [*self._orders]

    def take(self) -> Kind | None:
        """The fault for the letter that has just come."""
        if not self._orders:
            return None
        fault = self._orders[0]
        fault.next -= 1
        if fault.next == 0:
            self._orders.popleft()
        return fault.kind
