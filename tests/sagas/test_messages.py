"""Messages on the wire: each under its own name, read back as what it was, and refused when they are something else."""

import typing
from datetime import UTC, datetime
from uuid import UUID

import msgspec
import pytest

from sagas import messages, refusals
from sagas.messages import ConfirmSeats, HoldSeats, Message, SeatsHeld, event_id_for

pytestmark = pytest.mark.pure

WISH = HoldSeats(
    command_id=UUID(int=1), booking_id=UUID(int=1), show_id=UUID(int=2), buyer_id=UUID(int=3), body_hash="h",
    not_after=datetime(2026, 12, 5, tzinfo=UTC), seats=("7-0",),
)  # fmt: skip


def every(kind: type) -> set[type]:
    return {kind, *(below for child in kind.__subclasses__() for below in every(child))}


def test_each_message_has_a_name_of_its_own():
    names = [kind.name() for kind in every(Message)]
    assert len(names) == len(set(names))
    assert HoldSeats.name() == "hold_seats"


def test_a_message_is_read_back_as_it_was_and_says_only_what_is_not_usual():
    body = msgspec.json.encode(WISH)
    assert msgspec.json.decode(body, type=messages.ShowLaneMessage) == WISH
    assert b"quantity" not in body
    assert msgspec.json.decode(body)["name"] == "hold_seats"


@pytest.mark.parametrize(
    "body",
    [
        b"{}", b"[]", b'{"name":"hold_seats"}', b'{"name":"send_letter"}', b'{"name":7}', b"null",
        b'{"name":"confirm_seats","command_id":"x"}',
    ],
)  # fmt: skip
def test_what_is_no_command_of_a_show_is_not_read_as_one(body: bytes):
    with pytest.raises(msgspec.ValidationError):
        msgspec.json.decode(body, type=messages.ShowLaneMessage)


def test_every_event_is_read_by_the_saga_lanes():
    concrete = {kind for kind in every(messages.Event) if not kind.__subclasses__()}
    assert set(typing.get_args(messages.SagaEvent)) == concrete
    assert {*concrete, messages.Several, messages.Fence} == set(typing.get_args(messages.SagaLaneMessage))


def test_ids_of_events_follow_from_what_they_report():
    command = UUID(int=9)
    assert event_id_for(command, SeatsHeld) == event_id_for(command, SeatsHeld)
    assert event_id_for(command, SeatsHeld) != event_id_for(command, ConfirmSeats)
    assert event_id_for(command, SeatsHeld, "pay_1") != event_id_for(command, SeatsHeld, "pay_2")


def test_every_refusal_is_listed_once_and_has_a_title_for_people():
    concrete = every(refusals.Refusal) - {refusals.Refusal}
    assert set(refusals.REFUSALS) == concrete == set(typing.get_args(refusals.AnyRefusal))
    types = [refusal.type() for refusal in refusals.REFUSALS]
    assert len(types) == len(set(types))
    assert all(refusal.title() and not refusal.title().endswith(".") for refusal in refusals.REFUSALS)
