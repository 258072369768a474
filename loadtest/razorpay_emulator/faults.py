"""The weather: faults that wait for the next calls they fit.

`timeout`, `500-after-success`, `429` and `hang` befall the next REST calls with valid keys (or only those that `only`
names); `refund-fails` and `refund-pending` befall the next refunds, `dispute` the next captured payments.
"""

from typing import Literal

from msgspec import Struct

CallFault = Literal["timeout", "500-after-success", "429", "hang"]
Effect = Literal["refund-fails", "refund-pending", "dispute"]
FaultKind = Literal["timeout", "500-after-success", "429", "hang", "refund-fails", "refund-pending", "dispute"]

EFFECTS = ("refund-fails", "refund-pending", "dispute")
MAX_WAITING = 100


class Fault(Struct):
    kind: FaultKind
    left: int
    #: The beginning of "METHOD /v1/path", for example "POST /v1/orders"; empty: every call.
    only: str = ""
    #: What a 429 says in Retry-After; nothing when None.
    retry_after: int | None = None


class Faults:
    def __init__(self) -> None:
        self.waiting: list[Fault] = []

    def add(self, kind: FaultKind, left: int, only: str = "", retry_after: int | None = None) -> bool:
        """False when MAX_WAITING already wait. Adding none of a kind takes that kind back."""
        if left == 0:
            self.waiting = [fault for fault in self.waiting if fault.kind != kind]
            return True
        if len(self.waiting) >= MAX_WAITING:
            return False
        self.waiting.append(Fault(kind, left, only, retry_after))
        return True

    def clear(self) -> None:
        self.waiting = []

    def befalls_call(self, call: str) -> Fault | None:
        """The fault that befalls this call ("POST /v1/orders"), used up once."""
        for fault in self.waiting:
            if fault.kind not in EFFECTS and call.startswith(fault.only):
                self._use(fault)
                return fault
        return None

    def befalls(self, *effects: Effect) -> str | None:
        """The first of these effects that waits, used up once."""
        for fault in self.waiting:
            if fault.kind in effects:
                return self._use(fault)
        return None

    def _use(self, fault: Fault) -> str:
        fault.left -= 1
        if fault.left == 0:
            self.waiting.remove(fault)
        return fault.kind
