"""Identity: how everything gets its id.  UUIDv7 where we make one, v5 where asking twice must give the same."""

import hashlib
import os
import string
import time
from functools import lru_cache
from uuid import UUID
from zlib import crc32

#: Crockford's base 32: no I, L, O, U, so that a seat id survives being read aloud.
ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
#: To the digits that ``int`` reads; every other letter becomes one that it does not.
_TO_PYTHON = {code: "!" for code in range(128)} | {
    ord(letter): digit for letter, digit in zip(ALPHABET, string.digits + string.ascii_lowercase, strict=False)
}

#: A saga's slot is its CRC32 modulo this, for ever; each saga lane serves an equal share of the slots.
SAGA_SLOTS = 16

#: Letters of a booking's code: easily read, never mistaken for a digit.
_CODE_LETTERS = string.digits[2:] + "ABCDEFGHJKMNPQRSTVWXYZ"


def new_id() -> UUID:
    """A UUIDv7 (RFC 9562): 48 bits of milliseconds, then 74 random bits, so that new rows land at the index's end."""
    value = (time.time_ns() // 1_000_000) << 80 | int.from_bytes(os.urandom(10))
    value = value & ~(0xF << 76) | 0x7 << 76
    value = value & ~(0x3 << 62) | 0x2 << 62
    return UUID(int=value)


def booking_id_for(namespace: UUID, buyer_id: UUID, key: str) -> UUID:
    """The booking of this buyer and Idempotency-Key: asking twice is the same booking by construction."""
    return derived(namespace, buyer_id, key)


def derived(parent: UUID, *words: object) -> UUID:
    """An id that follows from another: the same whenever it is asked for."""
    name = parent.bytes + ":".join(map(str, words)).encode()
    value = int.from_bytes(hashlib.sha1(name, usedforsecurity=False).digest()[:16])
    return UUID(int=value & ~(0xF << 76 | 0x3 << 62) | 0x5 << 76 | 0x2 << 62)  # as uuid.uuid5, in a third of its time


def booking_code(booking_id: UUID) -> str:
    """Eight letters that a buyer can read to a steward.  Not a secret, and not unique: the id is."""
    value, letters = booking_id.int >> 64, []
    for _ in range(8):
        value, digit = divmod(value, len(_CODE_LETTERS))
        letters.append(_CODE_LETTERS[digit])
    return "".join(letters)


@lru_cache(maxsize=1 << 17)
def base32(number: int) -> str:
    letters = []
    while True:
        number, digit = divmod(number, 32)
        letters.append(ALPHABET[digit])
        if not number:
            return "".join(reversed(letters))


@lru_cache(maxsize=1 << 17)
def _from_base32(digits: str) -> int:
    """The number that ``base32`` writes so, or -1: no other way to write it counts."""
    if not 0 < len(digits) <= 8 or not digits.isascii() or (digits[0] == "0" and len(digits) > 1):
        return -1
    try:
        return int(digits.translate(_TO_PYTHON), 32)
    except ValueError:
        return -1


def seat_id(show_number: int, ordinal: int) -> str:
    """``7K-3F``: the show's number and the seat's ordinal, in base 32.  16 characters at most, unique over shows."""
    return f"{base32(show_number)}-{base32(ordinal)}"


def ordinal_of(seat: str, prefix: str, total: int) -> int:
    """The seat's place in the show's arrays, or -1 when it is no seat of that show.

    ``prefix`` is the show's number in base 32 followed by a hyphen."""
    if not seat.startswith(prefix):
        return -1
    ordinal = _from_base32(seat[len(prefix) :])
    return ordinal if ordinal < total else -1


def show_lane(index: int) -> str:
    return f"show.{index:02d}"


def saga_lane(saga_id: UUID, lanes: int) -> str:
    """The lane that carries this saga.  ``lanes`` divides SAGA_SLOTS and never changes once sagas exist."""
    return f"saga.{crc32(saga_id.bytes) % SAGA_SLOTS % lanes:02d}"
