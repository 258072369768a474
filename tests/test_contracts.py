"""Contracts between rooms: every refusal has a status, and Dramatiq still has the private methods that we override."""

import inspect
import re
from pathlib import Path

import pytest
from dramatiq.brokers.rabbitmq import RabbitmqBroker

from actors.broker import Broker
from actors.show import _DECIDE
from edge.problems import REFUSAL_STATUS, refusal_problem
from sagas.messages import OpenShow, ShowCommand
from sagas.refusals import REFUSALS, Refusal

pytestmark = pytest.mark.pure

ROOT = Path(__file__).parents[1]


def test_every_refusal_of_the_domain_has_a_status():
    assert set(REFUSAL_STATUS) == set(Refusal.__subclasses__()) == set(REFUSALS)
    assert all(400 <= status < 500 for status in REFUSAL_STATUS.values())


def test_every_refusal_that_was_stored_can_be_told():
    stored = {
        "seat-taken": '{"type":"seat-taken","detail":"Gone.","taken":["7-0"]}',
        "sold-out": '{"type":"sold-out","detail":"None.","left":0}',
        "not-together": '{"type":"not-together","detail":"Apart.","left":3}',
        "orphan-seat": '{"type":"orphan-seat","detail":"Alone.","seats":["1-0"],"alternatives":[]}',
        "accessible-only": '{"type":"accessible-only","detail":"Kept.","seats":["1-0"],"alternatives":[]}',
        "ticket-type-refused": '{"type":"ticket-type-refused","detail":"Not here.","ticket_type":"child"}',
        "coupon-refused": '{"type":"coupon-refused","detail":"Used.","reason":"used-up"}',
        "change-refused": '{"type":"change-refused","detail":"Kept.","fields":["ends_at"]}',
        "limit-reached": '{"type":"limit-reached","detail":"Too many.","limit":2,"of":"live-holds"}',
        "show-closed": '{"type":"show-closed","detail":"Over.","reason":"over"}',
        "not-in-time": '{"type":"not-in-time","detail":"Late."}',
        "key-reused": '{"type":"key-reused","detail":"Again."}',
        "too-late": '{"type":"too-late","detail":"Late.","until":"2026-12-05T12:00:00Z"}',
        "nothing-to-cancel": '{"type":"nothing-to-cancel","detail":"Nothing.","seats":["1-0"]}',
        "resale-refused": '{"type":"resale-refused","detail":"Dear.","reason":"price","max_price":5}',
        "not-offered": '{"type":"not-offered","detail":"Gone."}',
        "being-bought": '{"type":"being-bought","detail":"Wait."}',
        "wallet-too-low": '{"type":"wallet-too-low","detail":"Low.","balance":5}',
        "payment-unavailable": '{"type":"payment-unavailable","detail":"No."}',
    }
    assert set(stored) == {refusal.type() for refusal in REFUSALS}
    for kind, text in stored.items():
        body = refusal_problem(text).body()
        assert body["type"] == f"/problems/{kind}"
        assert body["title"]
        assert body["detail"].endswith(".")


def test_every_command_of_a_show_is_decided():
    assert set(_DECIDE) | {OpenShow} == set(ShowCommand.__subclasses__())


@pytest.mark.parametrize("method", ["_ensure_queue", "_declare_queue", "_declare_dq_queue", "_build_queue_arguments"])
def test_the_private_methods_of_dramatiq_that_the_broker_counts_on_are_still_there(method: str):
    theirs, ours = (inspect.signature(getattr(kind, method)).parameters for kind in (RabbitmqBroker, Broker))
    assert len(theirs) == len(ours) == 2, "each takes the queue's name and nothing else"


def test_dramatiq_still_declares_queues_by_those_methods():
    ensure = inspect.getsource(RabbitmqBroker._ensure_queue)
    assert "self._declare_queue(" in ensure
    assert "self._declare_dq_queue(" in ensure
    assert "self._build_queue_arguments(" in inspect.getsource(RabbitmqBroker._declare_dq_queue)


def test_every_named_query_is_asked_for_and_every_query_asked_for_has_a_name():
    source = "\n".join(path.read_text() for room in ("store", "actors") for path in (ROOT / room).rglob("*.py"))
    asked = set(re.findall(r"\bquery\(\s*\"(\w+)\"", source))
    texts = [path.read_text() for path in (ROOT / "store/sql").glob("*.sql")]
    named = {name for text in texts for name in re.findall(r"^-- name: (\w+)$", text, re.M)}
    assert asked <= named
    forgotten = {name for name in named - asked if f'"{name}"' not in source}
    assert not forgotten
