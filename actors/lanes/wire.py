"""How a message travels: an ordinary Dramatiq message, its one argument a tagged command or event.

The body's ``options`` carry what is not part of the message: the trace, and the edge that waits for the outcome."""

from typing import Any, NamedTuple

import msgspec

from sagas.clock import unix_milliseconds
from sagas.identity import new_id
from sagas.messages import Message

#: The largest body a lane decides; anything longer is journalled as unreadable.
BODY_LIMIT_BYTES = 64_000


class Options(msgspec.Struct, frozen=True, omit_defaults=True):
    """``traceparent`` is the W3C trace of the request that began it; ``reply_to`` names the edge that waits."""

    traceparent: str = ""
    reply_to: str = ""


class _Arguments(msgspec.Struct):
    message: Any


class _Envelope(msgspec.Struct):
    queue_name: str
    actor_name: str
    args: tuple[()]
    kwargs: _Arguments
    options: Options
    message_id: str
    message_timestamp: int


class _RawArguments(msgspec.Struct):
    message: msgspec.Raw


class _RawEnvelope(msgspec.Struct):
    kwargs: _RawArguments
    message_id: str
    options: Options = Options()


class _SentBefore(msgspec.Struct):
    actor_name: str
    kwargs: _RawArguments
    options: Options = Options()


class Sealed(NamedTuple):
    """A message ready to be published: where to, under which publish id, and its bytes."""

    queue: str
    publish_id: str
    body: bytes


class Opened(NamedTuple):
    """What an arrived body holds: the message itself, still encoded, and its options."""

    message: msgspec.Raw
    options: Options


_encode = msgspec.json.Encoder().encode
_open = msgspec.json.Decoder(_RawEnvelope).decode
_open_again = msgspec.json.Decoder(_SentBefore).decode


def seal(queue: str, message: Message, options: Options) -> Sealed:
    """The message as bytes for a queue, under a fresh publish id."""
    publish_id = new_id().hex
    envelope = _Envelope(queue, message.name(), (), _Arguments(message), options, publish_id, unix_milliseconds())
    return Sealed(queue, publish_id, _encode(envelope))


def seal_again(queue: str, body: bytes) -> Sealed:
    """A message that was sent before, with the same command id, under a fresh publish id and without what Dramatiq
    noted on it.  Raises ValueError for anything that is not ours."""
    before = _open_again(body)
    publish_id = new_id().hex
    arguments = _Arguments(before.kwargs.message)
    envelope = _Envelope(queue, before.actor_name, (), arguments, before.options, publish_id, unix_milliseconds())
    return Sealed(queue, publish_id, _encode(envelope))


def open_body(body: bytes) -> Opened:
    """The message inside a body.  Raises ValueError for anything that is not ours."""
    if len(body) > BODY_LIMIT_BYTES:
        raise ValueError(f"a body of {len(body)} bytes; the limit is {BODY_LIMIT_BYTES}")
    envelope = _open(body)
    return Opened(envelope.kwargs.message, envelope.options)
