"""Webhooks at the door: only what the provider signed, byte for byte, is taken; what is odd is kept, and harmless."""

import asyncio
import hashlib
import hmac
import json
import os
import uuid
from urllib.parse import urlsplit

import pytest
from box_office import PRICE, problem_of, until

from compose import ports
from edge.payments_webhook import without_payer


@pytest.mark.pure
def test_what_is_told_of_the_payer_goes_however_deep_it_stands_and_all_else_stays():
    payer = {"email": "a@b.example", "contact": "+919000090000", "vpa": "asha@upi", "card": {"last4": "1"},
             "upi": {"vpa": "asha@upi"}, "acquirer_data": {"rrn": "1"}, "customer_id": "cust_1"}  # fmt: skip
    plain = {"id": "pay_1", "amount": 100, "notes": {"booking_id": "b"}, "items": [{"id": 1}]}
    told = plain | payer | {"notes": plain["notes"] | {"email": "a@b.example"}, "items": [{"id": 1, "contact": "+91"}]}

    def webhook(entity):
        return {"event": "payment.captured", "payload": {"payment": {"entity": entity}, "contact": "+91"}}

    kept = without_payer(json.dumps(webhook(told)))
    assert json.loads(kept) == {"event": "payment.captured", "payload": {"payment": {"entity": plain}}}
    as_it_came = '{"event": "order.paid",  "payload": {"order": {"entity": {"id": "order_1"}}}}'
    assert without_payer(as_it_came) == as_it_came
    deep = '{"event": "x", "payload": ' + '{"a": ' * 300 + '{"email": "a@b.example"}' + "}" * 301
    assert "example" not in without_payer(deep)


def sign(body, secret=""):
    return hmac.new((secret or os.environ["RAZORPAY_WEBHOOK_SECRET"]).encode(), body, hashlib.sha256).hexdigest()


def captured(order_id, amount=PRICE, payment_id="", event="payment.captured", **more):
    entity = {
        "id": payment_id or f"pay_{uuid.uuid4().hex[:14]}", "entity": "payment", "amount": amount, "currency": "INR",
        "status": "captured", "order_id": order_id, "method": "card", "captured": True, **more,
    }  # fmt: skip
    return json.dumps({"entity": "event", "event": event, "payload": {"payment": {"entity": entity}}}).encode()


def refunded(entity):
    return json.dumps({"event": "refund.processed", "payload": {"refund": {"entity": entity}}}).encode()


@pytest.fixture
def deliver(http, edge_url):
    async def deliver(body, signature=None, event_id="", **headers):
        headers |= {"x-razorpay-event-id": event_id} if event_id else {}
        headers |= {"X-Razorpay-Signature": sign(body) if signature is None else signature} if signature != "" else {}
        return await http.post(f"{edge_url}/v1/webhooks/razorpay", content=body, headers=headers)

    return deliver


@pytest.fixture
def kept(rows):
    """Waits for the webhook to be kept, and gives its row."""

    async def kept(event_id):
        async def look():
            return await rows.fetchrow("SELECT * FROM webhook_event WHERE event_id = $1", event_id)

        return await until(f"webhook {event_id} is kept", look)

    return kept


@pytest.fixture
async def held(show, buyer):
    booking = await buyer.hold(show, show.seats[0])
    return booking["id"], await buyer.until_payable(booking["id"])


FORGERIES = {
    "none": lambda body: "",
    "empty of sense": lambda body: "abc",
    "another secret's": lambda body: sign(body, "not-the-secret"),
    "the API secret's": lambda body: sign(body, os.environ["RAZORPAY_KEY_SECRET"]),
    "of another body": lambda body: sign(body + b" "),
    "in capitals": lambda body: sign(body).upper(),
    "with a prefix": lambda body: f"sha256={sign(body)}",
    "cut short": lambda body: sign(body)[:-1],
    "SHA-512": lambda body: hmac.new(os.environ["RAZORPAY_WEBHOOK_SECRET"].encode(), body, hashlib.sha512).hexdigest(),
    "beyond ASCII": lambda body: "ü".encode() * 64,
}


@pytest.mark.parametrize("forge", FORGERIES.values(), ids=FORGERIES.keys())
async def test_a_forged_webhook_is_401_and_leaves_nothing(held, buyer, deliver, rows, forge):
    booking_id, order = held
    body, event_id = captured(order), f"forged-{uuid.uuid4()}"
    problem_of(await deliver(body, forge(body), event_id), 401, "unauthorized")
    assert await rows.fetchval("SELECT count(*) FROM webhook_event WHERE event_id = $1", event_id) == 0
    booking = await buyer.booking(booking_id)
    assert (booking["status"], booking["payment"]["status"]) == ("held", "ready")
    assert await buyer.timeline(booking_id) == ["seats_held", "payment_ready"]


async def test_a_body_that_was_written_again_is_401(held, deliver, rows):
    """The same facts, other bytes: the signature is over the bytes."""
    body = captured(held[1])
    again = json.dumps(json.loads(body), separators=(",", ":")).encode()
    assert again != body
    problem_of(await deliver(again, sign(body)), 401, "unauthorized")
    assert await rows.fetchval("SELECT count(*) FROM webhook_event WHERE body = $1", again.decode()) == 0


MALFORMED = {
    "nothing": b"",
    "no JSON": b"payment captured, trust me",
    "a list": b"[]",
    "no event": b'{"payload": {}}',
    "event as a number": b'{"event": 7, "payload": {}}',
    "payload as a list": b'{"event": "payment.captured", "payload": []}',
    "not UTF-8": b'{"event": "payment.captured\xff"}',
    "deep": b'{"event": "x", "payload": ' + b'{"a":' * 3_000 + b"1" + b"}" * 3_001,
}


@pytest.mark.parametrize("body", MALFORMED.values(), ids=MALFORMED.keys())
async def test_a_signed_webhook_that_is_none_is_400(deliver, rows, body):
    event_id = f"malformed-{uuid.uuid4()}"
    problem_of(await deliver(body, event_id=event_id), 400, "malformed")
    assert await rows.fetchval("SELECT count(*) FROM webhook_event WHERE event_id = $1", event_id) == 0


async def test_a_huge_webhook_is_413_whatever_its_signature(deliver):
    body = b'{"event": "' + b"x" * 65_000 + b'"}'
    for signature in (sign(body), "0" * 64):
        problem_of(await deliver(body, signature), 413, "too-large")


async def test_a_webhook_of_10_mb_is_413_before_its_bytes_have_come(edge_url):
    """Nobody waits for them, or computes over them."""
    at = urlsplit(edge_url)
    reader, writer = await asyncio.open_connection(at.hostname, at.port)
    head = (
        "POST /v1/webhooks/razorpay HTTP/1.1\r\nHost: localhost\r\nX-Razorpay-Signature: 00\r\nContent-Length: 10000000"
    )
    writer.write(f"{head}\r\n\r\n".encode() + b"{" * 1_000)
    status = await asyncio.wait_for(reader.readline(), 10)
    writer.close()
    assert status.split()[1] == b"413"


@pytest.mark.parametrize("method", ["GET", "PUT", "PATCH", "DELETE"])
async def test_a_webhook_is_posted_and_nothing_else(http, edge_url, method):
    answer = await http.request(method, f"{edge_url}/v1/webhooks/razorpay")
    assert answer.status_code == 405 and answer.headers["allow"] == "POST"


@pytest.fixture(scope="module")
def rotating(product):
    """An edge whose webhook secret is being changed: the stack's is its old one."""
    port = ports.choose(None, None, set())
    url = f"http://127.0.0.1:{port}"
    product.add(
        "edge-rotating", "edge.server", EDGE_PORT=f"{port}", EDGE_URL=url, RAZORPAY_WEBHOOK_SECRET="the new word",
        RAZORPAY_WEBHOOK_OTHER_SECRETS=f"one older still, {os.environ['RAZORPAY_WEBHOOK_SECRET']}",
    )  # fmt: skip
    product.wait_until_ready(url)
    return url


@pytest.mark.parametrize(
    ("secret", "status"),
    [("the new word", 200), ("one older still", 200), ("", 200), ("a stranger's", 401), (" ", 401), (",", 401)],
    ids=["new", "older", "the stack's own", "a stranger's", "blank", "comma"],
)
async def test_while_secrets_are_changed_each_of_them_is_believed(rotating, http, kept, secret, status):
    event_id = f"rotated-{uuid.uuid4()}"
    body = json.dumps({"event": "subscription.charged", "payload": {}, "n": event_id}).encode()
    headers = {"X-Razorpay-Signature": sign(body, secret), "x-razorpay-event-id": event_id}
    answer = await http.post(f"{rotating}/v1/webhooks/razorpay", content=body, headers=headers)
    assert answer.status_code == status, answer.text
    if status == 200:
        await kept(event_id)


ODD = {
    "an unknown order": captured("order_ThatIsNotOurs"),
    "no order": captured(None),
    "an unknown event": json.dumps({"event": "subscription.charged", "payload": {}}).encode(),
    "no payment in it": json.dumps({"event": "payment.captured", "payload": {}}).encode(),
    "a payment without id": captured("order_X", id=None),
    "an amount as text": captured("order_X", amount="500"),
    "a negative amount": captured("order_X", amount=-500),
    "an amount beyond any bank": captured("order_X", amount=10**25),
    "a refund that is not ours": refunded({"id": "rfnd_1", "payment_id": "pay_1", "status": "processed"}),
    "a refund without payment": refunded({"id": "rfnd_2", "status": "processed"}),
    "a NUL within": captured("order_\u0000", notes={"a": "\u0000"}),
}  # fmt: skip


@pytest.mark.parametrize("body", ODD.values(), ids=ODD.keys())
async def test_a_signed_webhook_of_something_unknown_is_kept_and_answered_200(deliver, kept, rows, body):
    event_id = f"odd-{uuid.uuid4()}"
    captures = await rows.fetchval("SELECT count(*) FROM capture")
    answer = await deliver(body, event_id=event_id)
    assert answer.status_code == 200, answer.text
    assert (await kept(event_id))["body"] == body.decode()
    assert await rows.fetchval("SELECT count(*) FROM capture") == captures


@pytest.mark.parametrize("amount", [1, PRICE - 1, PRICE * 100, 0, -PRICE, 10**25, "50000", 1.5, None])
async def test_a_signed_webhook_of_the_wrong_amount_confirms_nothing(held, buyer, deliver, kept, amount):
    booking_id, order = held
    event_id = f"wrong-{uuid.uuid4()}"
    assert (await deliver(captured(order, amount=amount), event_id=event_id)).status_code == 200
    await kept(event_id)

    async def is_settled():
        row = await kept(event_id)
        return row["forwarded_at"]

    await until("what it says is dealt with", is_settled)
    booking = await buyer.booking(booking_id)
    assert (booking["status"], booking["tickets"]) == ("held", [])


async def test_another_currency_is_a_wrong_amount(held, buyer, deliver, kept):
    booking_id, order = held
    event_id = f"yen-{uuid.uuid4()}"
    assert (await deliver(captured(order, currency="JPY"), event_id=event_id)).status_code == 200
    await kept(event_id)
    refunds = await buyer.until(booking_id, "its refund is noted", lambda b: b["refunds"])
    assert refunds["status"] == "held" and refunds["refunds"][0]["amount"]["currency"] == "JPY"


@pytest.mark.parametrize("event_id", ["x" * 500, "a b", "%00", "'; DROP TABLE webhook_event; --"])
async def test_an_odd_event_id_is_no_trouble(deliver, rows, event_id):
    body = json.dumps({"event": "order.created", "payload": {}, "n": str(uuid.uuid4())}).encode()
    assert (await deliver(body, event_id=event_id)).status_code in (200, 400)
    assert await rows.fetchval("SELECT count(*) FROM webhook_event") >= 0


BAD_RETURNS = {
    "another signature": {"razorpay_signature": "0" * 64},
    "another order": {"razorpay_order_id": "order_ThatIsNotOurs"},
    "another payment": {"razorpay_payment_id": "pay_ThatIsNotOurs"},
    "no signature": {"razorpay_signature": ""},
    "a long signature": {"razorpay_signature": "0" * 129},
    "a number": {"razorpay_payment_id": 7},
    "an unknown field": {"razorpay_refund": "please"},
}


@pytest.mark.parametrize("change", BAD_RETURNS.values(), ids=BAD_RETURNS.keys())
async def test_what_checkout_did_not_hand_back_is_422(held, buyer, change):
    booking_id, order = held
    right = f"{order}|pay_1".encode()
    body = {
        "razorpay_order_id": order, "razorpay_payment_id": "pay_1",
        "razorpay_signature": sign(right, os.environ["RAZORPAY_KEY_SECRET"]),
    }  # fmt: skip
    problem_of(await buyer.ask("POST", f"/v1/bookings/{booking_id}/payment/verify", json=body | change), 422)
    assert (await buyer.booking(booking_id))["status"] == "held"


async def test_a_well_signed_return_of_an_unpaid_order_confirms_nothing(held, buyer):
    """The signature proves who speaks, not that money came: the provider is asked, and knows of none."""
    booking_id, order = held
    signature = sign(f"{order}|pay_1".encode(), os.environ["RAZORPAY_KEY_SECRET"])
    body = {"razorpay_order_id": order, "razorpay_payment_id": "pay_1", "razorpay_signature": signature}
    answer = await buyer.ask("POST", f"/v1/bookings/{booking_id}/payment/verify", json=body)
    assert answer.status_code == 202
    assert (await buyer.booking(booking_id))["status"] == "held"
