"""Places that partners keep: until they are released, the public sees them as not for sale, and not among those left.

The lane counts them as free, for they are to their partner's customers, and says beside how many of them are left; only
what is shown to everybody differs."""

import zlib
from bisect import bisect_right
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

import msgspec

from sagas.identity import ordinal_of
from sagas.terms import Allocation, KeptLeft, Rules
from store.live import SeatsChanged

Keeping = tuple[Allocation, ...]
_encode = msgspec.json.Encoder().encode
_decode_kept = msgspec.json.Decoder(list[KeptLeft]).decode


def keeping(rules: Rules, now: datetime) -> Keeping:
    """The allocations that are not released yet."""
    return tuple(kept for kept in rules.allocations if kept.release_at is None or now < kept.release_at)


def name_of(kept: Keeping) -> str:
    """What is kept, as a short word: another one when something was released.  Empty where nothing is kept."""
    return f"{zlib.crc32(_encode([allocation.runs for allocation in kept])):08x}" if kept else ""


class Kept:
    """The places of a show that are kept, by their ordinals."""

    def __init__(self, kept: Keeping, prefix: str, places: int) -> None:
        runs = sorted(run for allocation in kept for run in allocation.runs)
        self._firsts = [first for first, _ in runs]
        self._ends = [first + count for first, count in runs]
        self._prefix, self._places = prefix, places

    def hides(self, ordinal: int, state: str) -> bool:
        """Whether the public sees a place of this state as blocked."""
        if state != "free" or not self._firsts:
            return False
        at = bisect_right(self._firsts, ordinal) - 1
        return at >= 0 and ordinal < self._ends[at]

    def shown(self, change: SeatsChanged, now: datetime) -> SeatsChanged:
        """A change as the public sees it."""
        states = {
            seat: "blocked" if self.hides(ordinal_of(seat, self._prefix, self._places), state) else state
            for seat, state in change.changes.items()
        }
        return SeatsChanged(change.version, change.since, states, without_kept(change.left, change.kept, now))


NOTHING = Kept((), "", 0)


def without_kept(left: Mapping[str, int], kept: Iterable[KeptLeft], now: datetime) -> dict[str, int]:
    """What is left to the public by section."""
    found = dict(left)
    for part in kept:
        if part.until is None or now < part.until:
            for section, count in part.left.items():
                found[section] = max(0, found.get(section, 0) - count)
    return found


def public_left(row: Any, now: datetime) -> dict[str, int]:
    """What is left of a show to the public by section, as its row says."""
    left = msgspec.json.decode(row["left"], type=dict[str, int])
    return without_kept(left, _decode_kept(row["kept"]), now) if row["kept"] else left
