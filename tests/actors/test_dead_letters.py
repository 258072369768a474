"""Dead letters as rows: the reason in words, nothing secret, and the same letter under the same id."""

import json
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest

from actors.dead_letters import lane_letter, work_letter
from actors.lanes.routes import LETTERS, PAYMENTS
from actors.lanes.wire import Options, open_body, seal, seal_again
from sagas.clock import now
from sagas.identity import new_id
from sagas.messages import CheckPayment, HoldSeats, ReleaseSeats

pytestmark = pytest.mark.pure

DIED_AT = datetime(2026, 11, 20, 17, 12, 44)  # noqa: DTZ001  as pika gives it
TRACE = f"00-{'ab' * 16}-{'cd' * 8}-01"


def properties(reason: str = "rejected", **more: Any) -> Any:
    death = {"reason": reason, "time": DIED_AT, "count": 1, "queue": PAYMENTS}
    return SimpleNamespace(message_id=None, headers={"x-death": [death | more]})


def check_payment() -> CheckPayment:
    return CheckPayment(command_id=new_id(), booking_id=new_id(), payment_id=new_id())


def with_options(body: bytes, **options: Any) -> bytes:
    envelope = json.loads(body)
    return json.dumps(envelope | {"options": envelope["options"] | options}).encode()


def test_a_message_that_failed_says_how_often_and_with_what():
    command = check_payment()
    body = with_options(
        seal(PAYMENTS, command, Options(TRACE)).body,
        retries=3,
        traceback="Traceback …\nKeyError: 'of asha@example.com'\n",
    )
    letter = work_letter(PAYMENTS, properties(), body)
    assert letter.reason == "failed: 4 times, with KeyError: 'of •••' the time before"
    assert (letter.message, letter.command_id, letter.booking_id) == (
        "check_payment", str(command.command_id), command.booking_id,
    )  # fmt: skip
    assert letter.trace == TRACE and letter.given_up_at == DIED_AT.replace(tzinfo=UTC)


def test_who_is_unknown_and_what_kills_its_worker_are_told_apart():
    body = seal(PAYMENTS, check_payment(), Options()).body
    assert work_letter(PAYMENTS, properties("delivery_limit"), body).reason.startswith("delivery-limit: ")
    assert work_letter(LETTERS, properties(), body).reason == "unknown: nobody here knows check_payment"


@pytest.mark.parametrize(
    "body", [b"", b"junk", b"\x00\xff\xfe", b"{}", b"[" * 100_000, b'"text"', b'{"actor_name": 1}', b"9" * 1_000_000]
)
def test_junk_becomes_a_letter_that_cannot_be_sent_again(body):
    letter = work_letter(PAYMENTS, properties(), body)
    assert letter.reason == f"unreadable: a body of {len(body)} bytes that is no message"
    assert letter.sealed is None and letter.message == "unreadable"
    assert "\x00" not in letter.body and len(letter.body) < 300_000


@pytest.mark.parametrize("headers", [None, {}, {"x-death": "odd"}, {"x-death": [7]}, {"x-death": [{"time": "noon"}]}])
def test_a_letter_without_a_proper_death_is_written_down_all_the_same(headers):
    told = SimpleNamespace(message_id="m", headers=headers)
    assert work_letter(PAYMENTS, told, b"junk").reason.startswith("unreadable: ")


def test_the_same_letter_taken_twice_is_the_same_row_and_two_deaths_are_two():
    body = seal(PAYMENTS, check_payment(), Options()).body
    first, again = (work_letter(PAYMENTS, properties(), body) for _ in range(2))
    later = work_letter(PAYMENTS, properties(time=DIED_AT.replace(second=59)), body)
    other = work_letter(PAYMENTS, properties(), body + b" ")
    assert first.id == again.id
    assert len({first.id, later.id, other.id}) == 3


def test_sent_again_it_is_the_same_command_under_a_fresh_publish_id():
    command = check_payment()
    body = with_options(seal(PAYMENTS, command, Options(TRACE)).body, retries=3, traceback="…", eta=5)
    letter = work_letter(PAYMENTS, properties(), body)
    assert letter.sealed is not None
    again, envelope = seal_again(PAYMENTS, letter.sealed), json.loads(body)
    sent = json.loads(again.body)
    assert sent["kwargs"] == envelope["kwargs"] and sent["actor_name"] == "check_payment"
    assert sent["message_id"] == again.publish_id != envelope["message_id"]
    assert sent["options"] == {"traceparent": TRACE}, "what Dramatiq noted on it would keep it from running"
    assert open_body(again.body).options.traceparent == TRACE


def row(command: Any, outcome: str) -> dict[str, Any]:
    body = seal("show.00", command, Options()).body.decode()
    return {
        "lane": "show.00", "generation": 2, "offset": 9, "message": command.name(), "reason": outcome, "body": body,
        "decided_at": now(),
    }  # fmt: skip


def test_a_lanes_failed_command_keeps_its_place_and_can_be_sent_again():
    release = ReleaseSeats(command_id=new_id(), show_id=new_id(), booking_id=new_id(), buyer_id=new_id())
    letter = lane_letter(row(release, "failed: unreadable: no, failed"))
    assert (letter.queue, letter.generation, letter.offset) == ("show.00", 2, 9)
    assert (letter.show_id, letter.booking_id) == (release.show_id, release.booking_id)
    assert letter.sealed is not None
    assert lane_letter(row(release, "unreadable: unreadable: why")).reason == "unreadable: why"


def test_a_letter_whose_trace_postgres_cannot_keep_holds_up_no_other():
    command = check_payment()
    body = with_options(seal(PAYMENTS, command, Options()).body, traceparent="00-\x00")
    assert work_letter(PAYMENTS, properties(), body).trace == "00-\\x00"


def test_a_wish_is_never_sent_again_by_an_operator():
    """Its buyer was told that it failed, and its time has passed: only the buyer can ask again."""
    wish = HoldSeats(
        command_id=new_id(), show_id=new_id(), booking_id=new_id(), buyer_id=new_id(), body_hash="", not_after=now(),
        quantity=1,
    )  # fmt: skip
    assert lane_letter(row(wish, "failed: x")).sealed is None
