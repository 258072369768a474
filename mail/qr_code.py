"""The code on a ticket: a signed claim that a scanner can check without a network, and its QR picture.

The code is ``base32(version · show · ticket · nonce · seat · signature)``, where show and ticket are 16 bytes each,
the nonce 8, the Ed25519 signature 64, and the seat's id is what lies between.  Binary, because JSON would double it.
Base32 rather than base64, because a QR code stores upper-case letters and digits in 5.5 bits a character and all else
in 8; base45 would be a tenth shorter still, but its spaces and signs get lost in URLs and keyboards.  A usual code has
180 to 190 characters: 49 modules square, easily read from a cracked phone.
"""

import base64
import binascii
from uuid import UUID

import msgspec
import segno
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

NONCE_BYTES = 8
SEAT_ID_BYTES_MAX = 64  # what a show's seat plan may use, and small enough for a QR code that prints well
_SIGNATURE_BYTES = 64
_VERSION = b"\x01"
_SEAT_STARTS_AT = 1 + 16 + 16 + NONCE_BYTES
_BYTES_MAX = _SEAT_STARTS_AT + SEAT_ID_BYTES_MAX + _SIGNATURE_BYTES
CODE_CHARS_MAX = (_BYTES_MAX * 8 + 4) // 5
_PURPOSE = b"frontrow ticket\x00"  # signed along, so that a signature made for something else is never a ticket


class TicketClaims(msgspec.Struct, frozen=True, kw_only=True):
    """What a code says: this ticket is for this seat at this show.  A new nonce ends the code before it."""

    show_id: UUID
    ticket_id: UUID
    seat_id: str
    nonce: bytes


class BadCode(Exception):
    """This is not a ticket of ours."""


def sign(ticket: TicketClaims, seed: bytes) -> str:
    """The ticket's code, signed by the key of this 32-byte seed.  Equal claims give equal codes."""
    seat = ticket.seat_id.encode()
    if not 1 <= len(seat) <= SEAT_ID_BYTES_MAX:
        raise ValueError(f"A seat's id must have 1 to {SEAT_ID_BYTES_MAX} bytes, not {len(seat)}.")
    if len(ticket.nonce) != NONCE_BYTES:
        raise ValueError(f"A ticket's nonce must have {NONCE_BYTES} bytes, not {len(ticket.nonce)}.")
    claims = _VERSION + ticket.show_id.bytes + ticket.ticket_id.bytes + ticket.nonce + seat
    return _text(claims + _private_key(seed).sign(_PURPOSE + claims))


def check(code: str, public_key: bytes) -> TicketClaims:
    """What the code claims, if the signature is ours; raises BadCode otherwise."""
    content = _content(code)
    claims, signature = content[:-_SIGNATURE_BYTES], content[-_SIGNATURE_BYTES:]
    try:
        Ed25519PublicKey.from_public_bytes(public_key).verify(signature, _PURPOSE + claims)
        return TicketClaims(
            show_id=UUID(bytes=claims[1:17]),
            ticket_id=UUID(bytes=claims[17:33]),
            seat_id=claims[_SEAT_STARTS_AT:].decode(),
            nonce=claims[33:_SEAT_STARTS_AT],
        )
    except (InvalidSignature, UnicodeDecodeError):
        raise BadCode("The code's signature is not ours.") from None


def public_key(seed: bytes) -> bytes:
    """The 32 bytes by which a scanner checks codes signed with this seed."""
    return _private_key(seed).public_key().public_bytes_raw()


def svg(code: str, size: str = "100%") -> str:
    """The code as an SVG picture for HTML and PDF, with the quiet zone of four modules that scanners need."""
    picture = segno.make_qr(code, error="m", mode="alphanumeric", boost_error=False)
    # the paper behind the code is part of it: on a dark page it must stay white
    drawn = picture.svg_inline(border=4, dark="#000", light="#fff", omitsize=True, svgclass=None, lineclass=None)
    return drawn.replace("<svg ", f'<svg width="{size}" height="{size}" role="img" aria-label="Ticket code" ', 1)


def _private_key(seed: bytes) -> Ed25519PrivateKey:
    if len(seed) != 32:
        raise ValueError(f"An Ed25519 seed has 32 bytes, not {len(seed)}.")
    return Ed25519PrivateKey.from_private_bytes(seed)


def _text(content: bytes) -> str:
    return base64.b32encode(content).decode().rstrip("=")


def _content(code: str) -> bytes:
    if len(code) > CODE_CHARS_MAX:
        raise BadCode("The code is too long.")
    try:
        content = base64.b32decode(code + "=" * (-len(code) % 8))
    except (binascii.Error, ValueError):
        raise BadCode("The code has characters that no ticket has.") from None
    if content[:1] != _VERSION:
        raise BadCode("The code is of a kind that is not known here.")
    if len(content) <= _SEAT_STARTS_AT + _SIGNATURE_BYTES:
        raise BadCode("The code is too short.")
    if _text(content) != code:  # base32 has several spellings of the last bits; a ticket has one code
        raise BadCode("The code is not spelled as it was made.")
    return content
