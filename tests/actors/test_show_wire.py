"""How messages travel to lanes: sealed and opened the same, and anything else refused without harm."""

from uuid import UUID

import msgspec
import pytest

from actors.batch import event_of, read
from actors.lanes.session import Arrived
from actors.lanes.wire import BODY_LIMIT_BYTES, Options, open_body, seal
from actors.show import Outcome
from sagas.messages import (
    ConfirmSeats,
    ExpireHold,
    Fence,
    HoldExpired,
    Message,
    ReleaseSeats,
    SeatsConfirmed,
    SeatsGone,
    SeatsReleased,
    ShowLaneMessage,
)

pytestmark = pytest.mark.pure

COMMAND = ConfirmSeats(command_id=UUID(int=1), show_id=UUID(int=2), booking_id=UUID(int=3), buyer_id=UUID(int=4))
TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


def arrived(body: bytes) -> Arrived:
    return Arrived(**{field: {"body": body, "offset": 5}.get(field, "id") for field in Arrived._fields})  # type: ignore[arg-type]


def test_a_message_is_opened_as_it_was_sealed_with_its_options_and_an_id_of_its_own():
    options = Options(traceparent=TRACE, reply_to="edge-1")
    one, two = seal("show.03", COMMAND, options), seal("show.03", COMMAND, options)
    assert one.publish_id != two.publish_id
    opened = open_body(one.body)
    assert msgspec.json.decode(opened.message, type=ShowLaneMessage) == COMMAND
    assert opened.options == options


def test_what_travels_is_an_ordinary_dramatiq_message():
    body = msgspec.json.decode(seal("show.03", COMMAND, Options()).body)
    assert set(body) == {"queue_name", "actor_name", "args", "kwargs", "options", "message_id", "message_timestamp"}
    assert (body["queue_name"], body["actor_name"], body["args"]) == ("show.03", "confirm_seats", [])


@pytest.mark.parametrize(
    "body",
    [
        b"", b"junk", b"\xff\xfe\x00", b"null", b"[]", b"{}", b'{"kwargs":{}}', b'{"kwargs":{"message":{}}}',
        b'{"kwargs":{"message":{"name":"hold_seats"}},"message_id":"x"}',
        b'{"kwargs":{"message":{"name":"send_letter"}},"message_id":"x"}',
        b'{"kwargs":{"message":' + b"[" * 30_000 + b"]" * 30_000 + b'},"message_id":"x"}',
        b" " * (BODY_LIMIT_BYTES + 1),
        b"x" * 1_000_000,
    ],
    ids=lambda body: repr(body[:40]),
)  # fmt: skip
def test_nothing_in_a_body_can_stop_a_lane(body: bytes):
    message = read(arrived(body))
    assert message.command is None
    assert message.fault.startswith("unreadable: ")
    assert len(message.fault) <= 500
    assert "\x00" not in message.body
    assert len(message.body) <= 4 * BODY_LIMIT_BYTES


def test_a_body_may_be_as_large_as_the_limit_and_no_larger():
    body = seal("show.03", COMMAND, Options()).body
    room = BODY_LIMIT_BYTES - len(body)
    assert read(arrived(body + b" " * room)).command == COMMAND
    assert read(arrived(body + b" " * (room + 1))).fault.startswith("unreadable: a body of 64001 bytes")


def test_a_command_from_a_newer_sender_with_a_field_more_is_still_read():
    body = seal("show.03", COMMAND, Options()).body.replace(b'"name"', b'"news":1,"name"')
    assert read(arrived(body)).command == COMMAND


def test_a_fence_is_read():
    fence: Message = Fence()
    assert read(arrived(seal("show.03", fence, Options()).body)).command == fence


ABOUT = {"command_id": UUID(int=1), "show_id": UUID(int=2), "booking_id": UUID(int=3), "buyer_id": UUID(int=4)}


@pytest.mark.parametrize(
    ("outcome", "kind"),
    [
        (Outcome("confirmed"), SeatsConfirmed),
        (Outcome("gone", reason="taken"), SeatsGone),
        (Outcome("released"), SeatsReleased),
        (Outcome("expired"), HoldExpired),
        (Outcome("not-held"), None),
        (Outcome("too-early", decided=False), None),
    ],
)
def test_each_outcome_of_a_seat_command_is_reported_to_its_saga_under_one_id(outcome: Outcome, kind: type | None):
    command = ReleaseSeats(**ABOUT)
    event = event_of(command, outcome)
    assert (None if event is None else type(event)) is kind
    if event is not None:
        assert (event.booking_id, event.answers) == (command.booking_id, command.command_id)
        assert event == event_of(command, outcome)


def test_the_saga_hears_why_its_seats_are_gone():
    event = event_of(COMMAND, Outcome("gone", reason="taken"))
    assert isinstance(event, SeatsGone)
    assert event.reason == "taken"
    assert ExpireHold.name() == "expire_hold"
