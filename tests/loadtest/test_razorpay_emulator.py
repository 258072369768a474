"""The Razorpay emulator as its neighbours see it: through the provider's SDK, plain HTTP and a webhook receiver."""

import asyncio
import contextlib
import functools
import hashlib
import hmac
import itertools
import json
import os
import re
import signal
import sys
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httptools
import httpx
import pytest
import razorpay
from razorpay.errors import BadRequestError, ServerError, SignatureVerificationError

from loadtest.razorpay_emulator.settings import SettingsMissing
from loadtest.razorpay_emulator.settings import read as read_settings

ROOT = Path(__file__).parents[2]
KEY_ID, KEY_SECRET, WEBHOOK_SECRET = "rzp_test_Frontrow", "key-secret", "webhook-secret"
FAST = {
    "EMULATOR_TIMEOUT_SECONDS": "0.3",
    "EMULATOR_HANG_SECONDS": "0.2",
    "EMULATOR_REFUND_SECONDS": "0.1",
    "EMULATOR_RETRY_START_SECONDS": "0.05",
    "EMULATOR_WEBHOOK_SECONDS": "0.3",
}


@dataclass
class Webhook:
    event_id: str
    signature: str
    raw: bytes
    at: float

    @functools.cached_property
    def body(self) -> dict[str, Any]:
        return json.loads(self.raw)

    @property
    def name(self) -> str:
        return self.body["event"]

    def mentions(self, id: str) -> bool:
        return f'"{id}"'.encode() in self.raw


@dataclass
class Shop:
    """A webhook receiver on a free port; `answers` decides the status of each, None means no answer at all."""

    answers: Callable[[Webhook], int | None] = lambda webhook: 200
    got: list[Webhook] = field(default_factory=list)
    port: int = 0
    connections: list[asyncio.Transport] = field(default_factory=list)

    async def open(self) -> asyncio.Server:
        server = await asyncio.get_running_loop().create_server(lambda: _Receiver(self), "127.0.0.1", self.port)
        self.port = server.sockets[0].getsockname()[1]
        return server

    def hang_up(self) -> None:
        for connection in self.connections:
            connection.abort()

    def about(self, id: str) -> list[Webhook]:
        return [webhook for webhook in self.got if webhook.mentions(id)]

    async def hears(self, id: str, count: int, within: float = 3) -> list[Webhook]:
        """The webhooks that mention this id, once there are so many; then none more may follow at once."""
        await eventually(lambda: len(self.about(id)) >= count, within, lambda: [w.name for w in self.about(id)])
        await asyncio.sleep(0.02)
        assert [w.name for w in self.about(id)] == [w.name for w in self.about(id)[:count]]
        return self.about(id)


class _Receiver(asyncio.Protocol):
    def __init__(self, shop: Shop) -> None:
        self.shop = shop

    def connection_made(self, transport: Any) -> None:
        self.transport = transport
        self.shop.connections.append(transport)
        self.parser = httptools.HttpRequestParser(self)

    def data_received(self, data: bytes) -> None:
        self.parser.feed_data(data)

    def on_message_begin(self) -> None:
        self.headers: dict[str, str] = {}
        self.raw = b""

    def on_header(self, name: bytes, value: bytes) -> None:
        self.headers[name.decode().lower()] = value.decode()

    def on_body(self, body: bytes) -> None:
        self.raw += body

    def on_message_complete(self) -> None:
        headers = self.headers
        webhook = Webhook(headers["x-razorpay-event-id"], headers["x-razorpay-signature"], self.raw, time.time())
        self.shop.got.append(webhook)
        status = self.shop.answers(webhook)
        if status is not None:
            self.transport.write(b"HTTP/1.1 %d Said\r\nContent-Length: 0\r\n\r\n" % status)


async def eventually(true: Callable[[], bool], within: float = 3, what: Callable[[], Any] = lambda: "") -> None:
    end = time.time() + within
    while not true():
        assert time.time() < end, f"not within {within} s: {what()}"
        await asyncio.sleep(0.01)


@dataclass
class Emulator:
    process: asyncio.subprocess.Process
    http: httpx.AsyncClient
    url: str
    data: Path
    shop: Shop

    @functools.cached_property
    def sdk(self) -> razorpay.Client:
        return razorpay.Client(auth=(KEY_ID, KEY_SECRET), base_url=self.url)

    async def ask(self, call: Callable[..., Any], *args: Any, **options: Any) -> Any:
        """A call of the blocking SDK, on a thread."""
        return await asyncio.to_thread(call, *args, timeout=(2, 5), **options)

    async def order(self, amount: int = 50_000, **wish: Any) -> dict[str, Any]:
        return await self.ask(self.sdk.order.create, {"amount": amount, "currency": "INR", **wish})

    async def control(self, path: str, wish: Any = None, status: int = 200) -> dict[str, Any]:
        answer = await self.http.post(f"/control/{path}", json=wish or {})
        assert answer.status_code == status, answer.text
        return answer.json()

    async def pay(
        self, order: dict[str, Any], outcome: str = "captured", status: int = 200, **wish: Any
    ) -> dict[str, Any]:
        return await self.control(f"orders/{order['id']}/pay", {"outcome": outcome, **wish}, status)

    async def paid(self, amount: int = 50_000) -> str:
        return (await self.pay(await self.order(amount)))["razorpay_payment_id"]

    async def rest(self, method: str, path: str, key: str | None = None, **options: Any) -> httpx.Response:
        headers = {"X-Refund-Idempotency": key} if key else {}
        return await self.http.request(method, path, auth=(KEY_ID, KEY_SECRET), headers=headers, **options)

    async def refused(
        self, method: str, path: str, description: str, status: int = 400, **options: Any
    ) -> dict[str, Any]:
        answer = await self.rest(method, path, **options)
        error = answer.json()["error"]
        assert (answer.status_code, error["description"]) == (status, description)
        assert {"code", "description", "source", "step", "reason", "metadata"} <= set(error)
        return error

    async def ledger(self) -> dict[str, Any]:
        return (await self.http.get("/control/ledger")).json()


def environ_of(data: Path, webhook_url: str) -> dict[str, str]:
    return {
        "PATH": os.environ["PATH"],
        "RAZORPAY_PORT": "0",
        "RAZORPAY_KEY_ID": KEY_ID,
        "RAZORPAY_KEY_SECRET": KEY_SECRET,
        "RAZORPAY_WEBHOOK_SECRET": WEBHOOK_SECRET,
        "WEBHOOK_URL": webhook_url,
        "EMULATOR_DATA": str(data),
    }


async def spawn(data: Path, webhook_url: str, **settings: str) -> asyncio.subprocess.Process:
    command = (sys.executable, "-m", "loadtest.razorpay_emulator")
    environ = environ_of(data, webhook_url) | settings
    return await asyncio.create_subprocess_exec(*command, cwd=ROOT, env=environ, stderr=asyncio.subprocess.PIPE)


@contextlib.asynccontextmanager
async def running(data: Path, shop: Shop, **settings: str) -> AsyncIterator[Emulator]:
    process = await spawn(data, f"http://127.0.0.1:{shop.port}/hook", **{**FAST, **settings})
    assert process.stderr is not None
    line = (await asyncio.wait_for(process.stderr.readline(), 10)).decode()
    assert "razorpay_emulator_ready" in line, line + (await process.stderr.read()).decode()
    url = json.loads(line)["url"]
    drain = asyncio.create_task(process.stderr.read())
    try:
        async with httpx.AsyncClient(base_url=url, timeout=5) as http:
            yield Emulator(process, http, url, data, shop)
    finally:
        if process.returncode is None:
            process.terminate()
            await asyncio.wait_for(process.wait(), 5)
        said = (await drain).decode()
    assert "Traceback" not in said and "call_failed" not in said, said


@pytest.fixture(scope="session")
async def shared(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Emulator]:
    shop = Shop()
    server = await shop.open()
    async with running(tmp_path_factory.mktemp("emulator") / "state.sqlite3", shop) as emulator:
        yield emulator
    server.close()


@pytest.fixture
async def emulator(shared: Emulator) -> AsyncIterator[Emulator]:
    yield shared
    shared.shop.answers = lambda webhook: 200
    await shared.http.delete("/control/faults")


# The REST API: who may call, and what an order must be.


@pytest.mark.parametrize("auth", [None, (KEY_ID, "wrong"), ("rzp_test_Other", KEY_SECRET)])
async def test_a_call_without_the_right_keys_is_401_in_the_providers_words(emulator: Emulator, auth: Any) -> None:
    answer = await emulator.http.get("/v1/orders", auth=auth)
    assert answer.status_code == 401
    assert answer.json()["error"]["code"] == "BAD_REQUEST_ERROR"


async def test_an_order_is_made_as_documented_and_found_again_by_id_and_receipt(emulator: Emulator) -> None:
    order = await emulator.order(receipt="payment-1", notes={"booking": "b1"})
    assert re.fullmatch(r"order_[0-9A-Za-z]{14}", order["id"])
    assert order | {"id": "", "created_at": 0} == {
        "id": "",
        "entity": "order",
        "amount": 50_000,
        "amount_paid": 0,
        "amount_due": 50_000,
        "currency": "INR",
        "receipt": "payment-1",
        "offer_id": None,
        "status": "created",
        "attempts": 0,
        "notes": {"booking": "b1"},
        "created_at": 0,
    }
    assert await emulator.ask(emulator.sdk.order.fetch, order["id"]) == order
    found = await emulator.ask(emulator.sdk.order.all, {"receipt": "payment-1"})
    assert found == {"entity": "collection", "count": 1, "items": [order]}
    assert (await emulator.ask(emulator.sdk.order.all, {"receipt": "none"}))["items"] == []


@pytest.mark.parametrize(
    ("wish", "description"),
    [
        ({"currency": "INR"}, "The amount field is required."),
        ({"amount": 99, "currency": "INR"}, "Order amount less than minimum amount allowed"),
        ({"amount": 100.5, "currency": "INR"}, "The amount must be an integer."),
        ({"amount": True, "currency": "INR"}, "The amount must be an integer."),
        ({"amount": 500_000_001, "currency": "INR"}, "Amount exceeds maximum amount allowed."),
        ({"amount": 500}, "The currency field is required."),
        ({"amount": 500, "currency": "XXX"}, "Currency is not supported"),
        ({"amount": 500, "currency": "INR", "receipt": "r" * 41}, "The receipt may not be greater than 40 characters."),
        (
            {"amount": 500, "currency": "INR", "notes": {str(n): n for n in range(16)}},
            "Number of fields in notes should be less than or equal to 15",
        ),
        (
            {"amount": 500, "currency": "INR", "notes": {"n": "x" * 257}},
            "Notes value cannot be greater than 256 characters",
        ),
        ({"amount": 500, "currency": "INR", "tip": 1}, "tip is/are not required and should not be sent"),
    ],
)
async def test_an_order_that_cannot_be_is_refused(emulator: Emulator, wish: Any, description: str) -> None:
    error = await emulator.refused("POST", "/v1/orders", description, json=wish)
    assert error["code"] == "BAD_REQUEST_ERROR"
    assert error["source"] == "business"


async def test_least_amounts_receipt_and_notes_at_their_limits_are_taken(emulator: Emulator) -> None:
    await emulator.order(100, receipt="r" * 40, notes={str(n): n for n in range(15)})
    await emulator.order(1, currency="JPY")
    assert (await emulator.order(amount="700"))["amount"] == 700


async def test_a_receipt_is_used_once(emulator: Emulator) -> None:
    order = await emulator.order(receipt="once")
    wish = {"amount": 100, "currency": "INR", "receipt": "once"}
    error = await emulator.refused("POST", "/v1/orders", "Order receipt should be unique.", json=wish)
    assert error["metadata"] == {"order_id": order["id"]}


@pytest.mark.parametrize("body", [b"500", b"{", b"[]", b"\xff"])
async def test_a_body_that_is_not_a_json_object_is_refused(emulator: Emulator, body: bytes) -> None:
    answer = await emulator.rest("POST", "/v1/orders", content=body)
    assert answer.status_code == 400
    assert answer.json()["error"]["code"] == "BAD_REQUEST_ERROR"


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/v1/orders/order_none"),
        ("GET", "/v1/orders/order_none/payments"),
        ("GET", "/v1/payments/pay_none"),
        ("POST", "/v1/payments/pay_none/refund"),
        ("POST", "/v1/payments/pay_none/capture"),
        ("GET", "/v1/refunds/rfnd_none"),
    ],
)
async def test_an_unknown_id_is_refused(emulator: Emulator, method: str, path: str) -> None:
    await emulator.refused(method, path, "The id provided does not exist")


async def test_an_unknown_url_is_refused(emulator: Emulator) -> None:
    await emulator.refused("GET", "/v1/nowhere", "The requested URL was not found on the server.")


async def test_lists_are_newest_first_and_paged(emulator: Emulator) -> None:
    ids = [(await emulator.order())["id"] for _ in range(3)]
    found = await emulator.ask(emulator.sdk.order.all, {"count": 2, "skip": 1})
    assert [order["id"] for order in found["items"]] == [ids[1], ids[0]]
    later = await emulator.ask(emulator.sdk.order.all, {"from": int(time.time()) + 60})
    assert later["count"] == 0
    await emulator.refused("GET", "/v1/orders?count=101", "The count must be between 1 and 100.")
    await emulator.refused("GET", "/v1/orders?skip=-1", "The skip must be an integer.")


async def test_only_an_orders_notes_can_be_edited(emulator: Emulator) -> None:
    order = await emulator.order()
    edited = await emulator.ask(emulator.sdk.order.edit, order["id"], {"notes": {"seat": "A-1"}})
    assert edited == order | {"notes": {"seat": "A-1"}}
    path = f"/v1/orders/{order['id']}"
    await emulator.refused("PATCH", path, "amount is/are not required and should not be sent", json={"amount": 1})


# Payments.


async def test_a_captured_payment_pays_its_order_and_tells_three_times(emulator: Emulator) -> None:
    order = await emulator.order(receipt="told")
    answer = await emulator.pay(order, method="upi")
    emulator.sdk.utility.verify_payment_signature(answer)
    payment_id = answer["razorpay_payment_id"]
    assert re.fullmatch(r"pay_[0-9A-Za-z]{14}", payment_id)

    payment = await emulator.ask(emulator.sdk.payment.fetch, payment_id)
    assert (payment["status"], payment["captured"], payment["amount"]) == ("captured", True, 50_000)
    assert (payment["method"], payment["vpa"], payment["card_id"]) == ("upi", "buyer@okbank", None)
    assert (payment["fee"], payment["tax"]) == (1_180, 180)
    now = await emulator.ask(emulator.sdk.order.fetch, order["id"])
    assert (now["status"], now["amount_paid"], now["amount_due"], now["attempts"]) == ("paid", 50_000, 0, 1)
    assert (await emulator.ask(emulator.sdk.order.payments, order["id"]))["items"] == [payment]

    heard = await emulator.shop.hears(payment_id, 3)
    assert [webhook.name for webhook in heard] == ["payment.authorized", "payment.captured", "order.paid"]
    assert len({webhook.event_id for webhook in heard}) == 3
    for webhook in heard:
        emulator.sdk.utility.verify_webhook_signature(webhook.raw.decode(), webhook.signature, WEBHOOK_SECRET)
        assert list(webhook.body) == ["entity", "account_id", "event", "contains", "payload", "created_at"]
        assert webhook.body["contains"] == list(webhook.body["payload"])
    authorized, captured, paid = (webhook.body["payload"] for webhook in heard)
    assert (authorized["payment"]["entity"]["status"], authorized["payment"]["entity"]["fee"]) == ("authorized", None)
    assert captured == {"payment": {"entity": payment}}
    assert paid == {"payment": {"entity": payment}, "order": {"entity": now}}
    with pytest.raises(SignatureVerificationError):
        emulator.sdk.utility.verify_webhook_signature(heard[0].raw.decode() + " ", heard[0].signature, WEBHOOK_SECRET)


async def test_a_failed_attempt_leaves_the_order_open_for_another(emulator: Emulator) -> None:
    order = await emulator.order()
    failed = await emulator.pay(order, "failed", method="netbanking")
    assert failed["razorpay_signature"] is None
    heard = await emulator.shop.hears(failed["razorpay_payment_id"], 1)
    entity = heard[0].body["payload"]["payment"]["entity"]
    assert (heard[0].name, entity["status"], entity["error_reason"]) == ("payment.failed", "failed", "payment_failed")
    assert (await emulator.ask(emulator.sdk.order.fetch, order["id"]))["status"] == "attempted"
    await emulator.pay(order)
    assert (await emulator.ask(emulator.sdk.order.fetch, order["id"]))["attempts"] == 2


async def test_an_authorized_payment_is_captured_once_and_for_its_amount(emulator: Emulator) -> None:
    order = await emulator.order()
    payment_id = (await emulator.pay(order, "authorized"))["razorpay_payment_id"]
    await emulator.shop.hears(payment_id, 1)
    path = f"/v1/payments/{payment_id}/capture"
    wrong = "Capture amount must be equal to the amount authorized"
    await emulator.refused("POST", path, wrong, json={"amount": 49_999})
    await emulator.refused("POST", path, wrong, json={"amount": 50_000, "currency": "USD"})
    captured = await emulator.ask(emulator.sdk.payment.capture, payment_id, 50_000, {"currency": "INR"})
    assert (captured["status"], captured["captured"]) == ("captured", True)
    await emulator.refused("POST", path, "This payment has already been captured", json={"amount": 50_000})
    heard = await emulator.shop.hears(payment_id, 3)
    assert [webhook.name for webhook in heard] == ["payment.authorized", "payment.captured", "order.paid"]


@pytest.mark.parametrize("wish", [{"payment_capture": 0}, {"payment": {"capture": "manual"}}])
async def test_an_order_captured_by_hand_stays_authorized(emulator: Emulator, wish: Any) -> None:
    assert (await emulator.pay(await emulator.order(**wish)))["status"] == "authorized"


async def test_a_paid_order_takes_no_second_payment_unless_forced(emulator: Emulator) -> None:
    order = await emulator.order()
    await emulator.pay(order)
    await emulator.pay(order, status=409)
    second = await emulator.pay(order, force=True)
    assert second["status"] == "captured"
    heard = await emulator.shop.hears(second["razorpay_payment_id"], 2)
    assert [webhook.name for webhook in heard] == ["payment.authorized", "payment.captured"]
    assert (await emulator.ask(emulator.sdk.order.payments, order["id"]))["count"] == 2


async def test_an_attempt_opened_before_the_order_was_paid_may_still_succeed(emulator: Emulator) -> None:
    order = await emulator.order()
    pending = await emulator.pay(order, "pending")
    assert (pending["status"], pending["razorpay_signature"]) == ("created", None)
    await emulator.pay(order)
    assert emulator.shop.about(pending["razorpay_payment_id"]) == []
    path = f"payments/{pending['razorpay_payment_id']}/settle"
    late = await emulator.control(path, {"outcome": "captured"})
    emulator.sdk.utility.verify_payment_signature(late)
    await emulator.control(path, {"outcome": "failed"}, 409)


async def test_a_failed_payment_may_be_authorized_late(emulator: Emulator) -> None:
    payment_id = (await emulator.pay(await emulator.order(), "failed"))["razorpay_payment_id"]
    path = f"payments/{payment_id}/settle"
    await emulator.control(path, {"outcome": "captured"}, 409)
    await emulator.control(path, {"outcome": "captured", "force": True})
    heard = await emulator.shop.hears(payment_id, 4)
    names = [webhook.name for webhook in heard]
    assert names == ["payment.failed", "payment.authorized", "payment.captured", "order.paid"]
    assert heard[-1].body["payload"]["payment"]["entity"]["error_code"] is None
    await emulator.control(path, {"outcome": "captured", "force": True}, 409)


async def test_capturing_a_second_authorized_payment_is_refused(emulator: Emulator) -> None:
    order = await emulator.order(payment_capture=False)
    one, two = [(await emulator.pay(order))["razorpay_payment_id"] for _ in range(2)]
    await emulator.ask(emulator.sdk.payment.capture, one, 50_000, {})
    refusal = "Your payment has been declined as the order is already paid"
    await emulator.refused("POST", f"/v1/payments/{two}/capture", refusal, json={"amount": 50_000})


async def test_a_wrong_amount_can_be_played(emulator: Emulator) -> None:
    order = await emulator.order()
    payment_id = (await emulator.pay(order, amount=100))["razorpay_payment_id"]
    heard = await emulator.shop.hears(payment_id, 2)
    assert heard[1].body["payload"]["payment"]["entity"]["amount"] == 100
    assert (await emulator.ask(emulator.sdk.order.fetch, order["id"]))["status"] == "attempted"


# Refunds.


async def test_refunds_in_parts_up_to_the_whole(emulator: Emulator) -> None:
    payment_id = await emulator.paid()
    part = await emulator.ask(emulator.sdk.payment.refund, payment_id, {"amount": 20_000, "notes": {"why": "rain"}})
    assert re.fullmatch(r"rfnd_[0-9A-Za-z]{14}", part["id"])
    assert (part["status"], part["amount"], part["notes"]) == ("processed", 20_000, {"why": "rain"})
    payment = await emulator.ask(emulator.sdk.payment.fetch, payment_id)
    assert (payment["status"], payment["refund_status"], payment["amount_refunded"]) == ("captured", "partial", 20_000)

    path = f"/v1/payments/{payment_id}/refund"
    too_much = "The total refund amount is greater than the refund payment amount"
    await emulator.refused("POST", path, too_much, json={"amount": 30_001})
    await emulator.refused("POST", path, "The amount must be at least INR 1.00", json={"amount": 99})
    rest = await emulator.ask(emulator.sdk.refund.create, {"payment_id": payment_id})
    assert rest["amount"] == 30_000
    payment = await emulator.ask(emulator.sdk.payment.fetch, payment_id)
    assert (payment["status"], payment["refund_status"], payment["captured"]) == ("refunded", "full", True)
    await emulator.refused("POST", path, "The payment has been fully refunded already", json={})

    both = await emulator.ask(emulator.sdk.payment.fetch_multiple_refund, payment_id)
    assert [refund["id"] for refund in both["items"]] == [rest["id"], part["id"]]
    assert await emulator.ask(emulator.sdk.refund.fetch, part["id"]) == part
    assert await emulator.ask(emulator.sdk.payment.fetch_refund_id, payment_id, part["id"]) == part
    assert (await emulator.ask(emulator.sdk.refund.all, {"count": 1}))["items"] == [rest]
    heard = [webhook for webhook in await emulator.shop.hears(payment_id, 7) if webhook.name.startswith("refund")]
    assert [webhook.name for webhook in heard] == ["refund.created", "refund.processed"] * 2
    assert heard[1].body["payload"]["refund"]["entity"] == part


async def test_a_payment_that_was_not_captured_cannot_be_refunded(emulator: Emulator) -> None:
    payment_id = (await emulator.pay(await emulator.order(), "authorized"))["razorpay_payment_id"]
    why = "The payment status should be captured for action to be taken"
    await emulator.refused("POST", f"/v1/payments/{payment_id}/refund", why, json={})


async def test_the_same_refund_key_gives_the_same_refund(emulator: Emulator) -> None:
    payment_id = await emulator.paid()
    refund = functools.partial(emulator.ask, emulator.sdk.payment.refund, payment_id)
    first = await refund({"amount": 10_000, "receipt": "r"}, headers={"X-Refund-Idempotency": "refund-0001"})
    again = await refund({"receipt": "r", "amount": 10_000}, headers={"X-Refund-Idempotency": "refund-0001"})
    assert again == first
    path, other = f"/v1/payments/{payment_id}/refund", "Different request body sent for the same Idempotency Header"
    await emulator.refused("POST", path, other, key="refund-0001", json={"amount": 10_001, "receipt": "r"})
    same_body = {"amount": 10_000, "receipt": "r"}
    elsewhere = f"/v1/payments/{await emulator.paid()}/refund"
    await emulator.refused("POST", elsewhere, other, key="refund-0001", json=same_body)
    other_key = await emulator.rest("POST", path, key="refund-0002", json={**same_body, "receipt": "s"})
    assert other_key.json()["id"] != first["id"]


@pytest.mark.parametrize("key", ["short-key", "with spaces in it", "a" * 256])
async def test_a_refund_key_has_ten_plain_characters_or_more(emulator: Emulator, key: str) -> None:
    answer = await emulator.rest("POST", f"/v1/payments/{await emulator.paid()}/refund", key=key, json={})
    assert answer.status_code == 400
    assert "idempotency key" in answer.json()["error"]["description"]


async def test_a_refund_asked_again_while_in_progress_is_409(emulator: Emulator) -> None:
    path = f"/v1/payments/{await emulator.paid()}/refund"
    await emulator.control("faults", {"kind": "timeout", "next": 1, "only": "POST /v1/payments"})
    slow = asyncio.create_task(emulator.rest("POST", path, key="in-progress", json={}))
    await asyncio.sleep(0.1)
    assert (await emulator.rest("POST", path, key="in-progress", json={})).status_code == 409
    first = await slow
    assert (await emulator.rest("POST", path, key="in-progress", json={})).json() == first.json()


# The weather.


async def test_timeout_does_the_thing_and_answers_late(emulator: Emulator) -> None:
    await emulator.control("faults", {"kind": "timeout", "next": 1})
    with pytest.raises(httpx.ReadTimeout):
        await emulator.rest(
            "POST", "/v1/orders", json={"amount": 100, "currency": "INR", "receipt": "late"}, timeout=0.15
        )
    assert (await emulator.ask(emulator.sdk.order.all, {"receipt": "late"}))["count"] == 1
    await emulator.control("faults", {"kind": "timeout", "next": 1})
    began = time.time()
    await emulator.order()
    assert time.time() - began >= 0.3


async def test_hang_does_nothing_and_never_answers(emulator: Emulator) -> None:
    await emulator.control("faults", {"kind": "hang", "next": 1})
    with pytest.raises(httpx.RemoteProtocolError):
        await emulator.rest("POST", "/v1/orders", json={"amount": 100, "currency": "INR", "receipt": "hung"})
    assert (await emulator.ask(emulator.sdk.order.all, {"receipt": "hung"}))["count"] == 0


async def test_500_after_success_has_done_the_thing(emulator: Emulator) -> None:
    await emulator.control("faults", {"kind": "500-after-success", "next": 1})
    with pytest.raises(ServerError):
        await emulator.order(receipt="done")
    assert (await emulator.ask(emulator.sdk.order.all, {"receipt": "done"}))["count"] == 1


async def test_429_does_nothing_for_the_next_n_calls(emulator: Emulator) -> None:
    await emulator.control("faults", {"kind": "429", "next": 2})
    for _ in range(2):
        with pytest.raises(BadRequestError, match="Too many requests"):
            await emulator.order(receipt="crowd")
    assert (await emulator.order(receipt="crowd"))["status"] == "created"


async def test_a_fault_may_wait_for_certain_calls_and_spares_those_without_keys(emulator: Emulator) -> None:
    await emulator.control("faults", {"kind": "429", "next": 1, "only": "POST /v1/orders"})
    assert (await emulator.http.post("/v1/orders")).status_code == 401
    assert (await emulator.rest("GET", "/v1/orders")).status_code == 200
    assert (await emulator.rest("POST", "/v1/orders", json={})).status_code == 429
    await emulator.control("faults", {"kind": "429", "next": 5})
    assert (await emulator.control("faults", {"kind": "429", "next": 0}))["waiting"] == []


async def test_a_refund_can_fail_later_and_its_money_is_free_again(emulator: Emulator) -> None:
    payment_id = await emulator.paid()
    await emulator.control("faults", {"kind": "refund-fails", "next": 1})
    refund = await emulator.ask(emulator.sdk.payment.refund, payment_id, {})
    assert refund["status"] == "pending"
    heard = [webhook for webhook in await emulator.shop.hears(payment_id, 5) if webhook.name.startswith("refund")]
    assert [webhook.name for webhook in heard] == ["refund.created", "refund.failed"]
    payment = heard[1].body["payload"]["payment"]["entity"]
    assert (payment["amount_refunded"], payment["refund_status"], payment["status"]) == (0, None, "captured")
    assert (await emulator.ask(emulator.sdk.payment.refund, payment_id, {}))["status"] == "processed"


async def test_a_refund_can_stay_pending_until_it_is_settled(emulator: Emulator) -> None:
    payment_id = await emulator.paid()
    await emulator.control("faults", {"kind": "refund-pending", "next": 1})
    refund = await emulator.ask(emulator.sdk.payment.refund, payment_id, {})
    assert len(await emulator.shop.hears(payment_id, 4)) == 4
    assert (await emulator.ask(emulator.sdk.refund.fetch, refund["id"]))["status"] == "pending"
    await emulator.control(f"refunds/{refund['id']}/settle", {"outcome": "processed"})
    assert (await emulator.shop.hears(payment_id, 5))[-1].name == "refund.processed"
    await emulator.control(f"refunds/{refund['id']}/settle", {"outcome": "failed"}, 409)


async def test_a_payment_can_be_disputed(emulator: Emulator) -> None:
    await emulator.control("faults", {"kind": "dispute", "next": 1})
    payment_id = await emulator.paid()
    heard = {webhook.name: webhook for webhook in await emulator.shop.hears(payment_id, 4)}
    dispute = heard["payment.dispute.created"].body["payload"]["dispute"]["entity"]
    assert (dispute["payment_id"], dispute["amount"], dispute["status"]) == (payment_id, 50_000, "open")
    assert (await emulator.rest("GET", f"/v1/disputes/{dispute['id']}")).json() == dispute
    assert (await emulator.control(f"payments/{payment_id}/dispute"))["id"] != dispute["id"]


@pytest.mark.parametrize(("outcome", "deducted"), [("won", 0), ("lost", 20_000), ("closed", 0)])
async def test_a_dispute_is_looked_at_and_ends(emulator: Emulator, outcome: str, deducted: int) -> None:
    payment_id = await emulator.paid()
    await emulator.shop.hears(payment_id, 3)
    dispute = await emulator.control(f"payments/{payment_id}/dispute", {"amount": 20_000})
    for number, status in enumerate(("under_review", outcome), start=5):
        await emulator.control(f"disputes/{dispute['id']}/settle", {"outcome": status})
        last = (await emulator.shop.hears(payment_id, number))[-1]
        told = last.body["payload"]["dispute"]["entity"]
        assert (last.name, told["status"], told["amount"]) == (f"payment.dispute.{status}", status, 20_000)
    assert told["amount_deducted"] == deducted
    await emulator.control(f"disputes/{dispute['id']}/settle", {"outcome": "won"}, 409)
    await emulator.control(f"payments/{payment_id}/dispute", {"amount": 50_001}, 409)


@pytest.mark.parametrize(
    ("path", "content", "status"),
    [
        ("faults", b"{", 400),
        ("faults", b'{"kind": "rain"}', 422),
        ("faults", b'{"kind": "429", "next": -1}', 422),
        ("faults", b'{"kind": "429", "often": 1}', 422),
        ("faults", b'{"kind": "dispute", "only": "GET /v1"}', 422),
        ("orders/order_none/pay", b'{"outcome": "captured"}', 404),
        ("orders/order_none/pay", b"{}", 422),
        ("orders/order_none/pay", b'{"outcome": "captured", "webhooks": {"copies": 21}}', 422),
        ("orders/order_none/pay", b'{"outcome": "captured", "method": "cash"}', 422),
        ("payments/pay_none/settle", b'{"outcome": "pending"}', 422),
        ("payments/pay_none/settle", b'{"outcome": "failed"}', 404),
        ("refunds/rfnd_none/settle", b'{"outcome": "failed"}', 404),
        ("nowhere", b"{}", 404),
    ],
)
async def test_a_wrong_control_call_is_told_why(emulator: Emulator, path: str, content: bytes, status: int) -> None:
    answer = await emulator.http.post(f"/control/{path}", content=content)
    assert answer.status_code == status
    assert answer.json()["error"]["description"].endswith(".")


async def test_the_ledger_adds_up_on_an_account_with_settings_of_its_own(tmp_path: Path) -> None:
    shop, account = Shop(), {"EMULATOR_UNIQUE_RECEIPTS": "off", "EMULATOR_CAPTURE": "manual"}
    async with await shop.open(), running(tmp_path / "state", shop, **account) as emulator:
        assert (await emulator.pay(await emulator.order(receipt="twice")))["status"] == "authorized"
        order = await emulator.order(receipt="twice", payment={"capture": "automatic"})
        assert (await emulator.ask(emulator.sdk.order.all, {"receipt": "twice"}))["count"] == 2
        await emulator.pay(order, "failed")
        paid = (await emulator.pay(order, amount=70_000))["razorpay_payment_id"]
        refund = await emulator.ask(emulator.sdk.payment.refund, paid, {"amount": 20_000})
        ledger = await emulator.ledger()
        assert (ledger["captured"], ledger["refunded"]) == (70_000, 20_000)
        payments = [(payment["status"], payment["refunded"]) for payment in ledger["payments"]]
        assert payments == [("authorized", 0), ("failed", 0), ("captured", 20_000)]
        assert ledger["payments"][2]["order_id"] == order["id"]
        assert [(r["id"], r["payment_id"], r["amount"]) for r in ledger["refunds"]] == [(refund["id"], paid, 20_000)]
        assert (await emulator.http.get("/health")).status_code == 200


# Webhooks on their way.


async def test_copies_carry_the_same_event_id(emulator: Emulator) -> None:
    answer = await emulator.pay(await emulator.order(), webhooks={"copies": 3})
    heard = await emulator.shop.hears(answer["razorpay_payment_id"], 9)
    assert len({webhook.event_id for webhook in heard}) == 3
    assert len({webhook.raw for webhook in heard}) == 3


async def test_shuffled_webhooks_come_in_another_order(emulator: Emulator) -> None:
    answer = await emulator.pay(await emulator.order(), webhooks={"shuffle": True})
    heard = await emulator.shop.hears(answer["razorpay_payment_id"], 3)
    assert [webhook.name for webhook in heard] != ["payment.authorized", "payment.captured", "order.paid"]


async def test_delayed_webhooks_come_late_and_dropped_ones_never(emulator: Emulator) -> None:
    began = time.time()
    dropped = await emulator.pay(await emulator.order(), webhooks={"drop": True})
    late = await emulator.pay(await emulator.order(), webhooks={"delay_ms": 300})
    heard = await emulator.shop.hears(late["razorpay_payment_id"], 3)
    assert heard[0].at - began >= 0.3
    assert emulator.shop.about(dropped["razorpay_payment_id"]) == []


async def test_the_way_a_payment_was_played_holds_for_its_capture_too(emulator: Emulator) -> None:
    order = await emulator.order(payment_capture=0)
    payment_id = (await emulator.pay(order, webhooks={"drop": True}))["razorpay_payment_id"]
    await emulator.ask(emulator.sdk.payment.capture, payment_id, 50_000, {})
    await asyncio.sleep(0.1)
    assert emulator.shop.about(payment_id) == []


async def test_a_webhook_is_sent_again_and_ever_later_until_2xx(emulator: Emulator) -> None:
    tries: list[float] = []

    def answers(webhook: Webhook) -> int:
        tries.append(webhook.at)
        return 500 if len(tries) < 4 else 204

    emulator.shop.answers = answers
    payment_id = (await emulator.pay(await emulator.order(), "failed"))["razorpay_payment_id"]
    heard = await emulator.shop.hears(payment_id, 4)
    assert len({(webhook.event_id, webhook.raw) for webhook in heard}) == 1
    pauses = [later - earlier for earlier, later in itertools.pairwise(tries)]
    assert pauses[0] >= 0.045 and pauses[1] >= 0.09 and pauses[2] >= 0.18  # of 0.05, 0.1 and 0.2, by another clock


async def test_a_shop_that_was_away_gets_what_happened_meanwhile(tmp_path: Path) -> None:
    shop = Shop()
    server = await shop.open()
    async with running(tmp_path / "state", shop) as emulator:
        await shop.hears(await emulator.paid(), 3)
        server.close()
        shop.hang_up()
        payment_id = await emulator.paid()
        await asyncio.sleep(0.1)
        assert shop.about(payment_id) == []
        async with await shop.open():
            await shop.hears(payment_id, 3)


async def test_a_redirect_or_no_answer_in_time_is_no_delivery(emulator: Emulator) -> None:
    answers: list[int | None] = [302, None, 200]
    emulator.shop.answers = lambda webhook: answers.pop(0)
    payment_id = (await emulator.pay(await emulator.order(), "failed"))["razorpay_payment_id"]
    first, second, third = await emulator.shop.hears(payment_id, 3)
    assert second.at - first.at >= 0.05
    assert third.at - second.at >= 0.3


async def test_after_a_day_of_emulator_time_an_event_is_given_up(tmp_path: Path) -> None:
    shop = Shop(answers=lambda webhook: 503)
    settings = {"EMULATOR_SPEED": str(24 * 3600 / 0.4), "EMULATOR_RETRY_START_SECONDS": "0.01"}
    async with await shop.open(), running(tmp_path / "state", shop, **settings) as emulator:
        payment_id = (await emulator.pay(await emulator.order(), "failed"))["razorpay_payment_id"]

        webhooks: dict[str, int] = {}
        for _ in range(100):
            webhooks = (await emulator.http.get("/control/webhooks")).json()
            if webhooks["given_up"]:
                break
            await asyncio.sleep(0.02)
        assert (webhooks["given_up"], webhooks["waiting"]) == (1, 0)
        tries = shop.about(payment_id)
        assert len(tries) > 5
        assert tries[-1].at - tries[0].at <= 0.45
        await asyncio.sleep(0.1)
        assert len(shop.about(payment_id)) == len(tries)


# What is remembered.


async def test_everything_survives_a_stop_webhooks_on_the_way_too(tmp_path: Path) -> None:
    shop = Shop(answers=lambda webhook: 500)
    async with await shop.open():
        slow = {"EMULATOR_RETRY_START_SECONDS": "0.2"}
        async with running(tmp_path / "state", shop, **slow) as emulator:
            order = await emulator.order(receipt="kept")
            payment_id = (await emulator.pay(order))["razorpay_payment_id"]
            path = f"/v1/payments/{payment_id}/refund"
            refund = (await emulator.rest("POST", path, key="kept-refund", json={"amount": 100})).json()
            await eventually(lambda: len(shop.about(payment_id)) >= 5)
            ledger = await emulator.ledger()
        shop.got.clear()
        shop.answers = lambda webhook: 200
        async with running(tmp_path / "state", shop) as emulator:
            assert await emulator.ledger() == ledger
            assert (await emulator.rest("GET", "/v1/orders?receipt=kept")).json()["items"][0]["status"] == "paid"
            again = await emulator.rest("POST", path, key="kept-refund", json={"amount": 100})
            assert again.json() == refund
            names = {webhook.name for webhook in await shop.hears(payment_id, 5)}
            assert {"payment.captured", "order.paid", "refund.processed"} <= names


async def test_a_kill_loses_nothing_that_was_answered_a_second_ago(tmp_path: Path) -> None:
    shop = Shop(answers=lambda webhook: 500)
    async with await shop.open():
        async with running(tmp_path / "state", shop) as emulator:
            payments = [await emulator.paid() for _ in range(10)]
            await asyncio.sleep(0.5)
            emulator.process.send_signal(signal.SIGKILL)
            await emulator.process.wait()
        async with running(tmp_path / "state", shop) as emulator:
            assert [payment["id"] for payment in (await emulator.ledger())["payments"]] == payments


async def test_a_start_that_cannot_be_says_why(tmp_path: Path, shared: Emulator) -> None:
    async def said(data: Path, **settings: str) -> str:
        process = await spawn(data, "http://127.0.0.1:1/", **settings)
        assert process.stderr is not None
        text = (await process.stderr.read()).decode()
        assert await process.wait() == 1
        assert "Traceback" not in text
        return text

    taken = shared.url.rpartition(":")[2]
    port, file = await asyncio.gather(said(tmp_path / "state", RAZORPAY_PORT=taken), said(shared.data))
    assert f"cannot listen on 127.0.0.1:{taken}" in port
    assert "Is another emulator running on it?" in file


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"RAZORPAY_KEY_ID": "", "WEBHOOK_URL": ""}, "RAZORPAY_KEY_ID, WEBHOOK_URL (or EDGE_URL)"),
        ({"WEBHOOK_URL": "javascript:alert(1)"}, "WEBHOOK_URL must be an http(s) address"),
        ({"EMULATOR_SPEED": "fast"}, "EMULATOR_SPEED must be a number"),
        ({"RAZORPAY_PORT": "70000"}, "RAZORPAY_PORT must lie between 0 and 65535"),
        ({"EMULATOR_CAPTURE": "never"}, "EMULATOR_CAPTURE must be one of automatic, manual"),
    ],
)
def test_settings_that_cannot_be_used_are_named(change: dict[str, str], words: str) -> None:
    with pytest.raises(SettingsMissing, match=re.escape(words)):
        read_settings(environ_of(Path("state"), "http://127.0.0.1:1/") | change)


def test_the_webhook_address_comes_from_the_edges() -> None:
    environ = environ_of(Path("state"), "") | {"EDGE_URL": "http://127.0.0.1:8000/"}
    assert read_settings(environ).webhook_url == "http://127.0.0.1:8000/v1/webhooks/razorpay"


# Checkout.


async def test_checkout_shows_who_what_and_how(emulator: Emulator) -> None:
    order = await emulator.order(123_450)
    page = await emulator.http.get(
        "/checkout", params={"order_id": order["id"], "callback_url": "https://shop.example/back"}
    )
    assert page.status_code == 200
    for words in ("Frontrow", "₹1,234.50", "Card", "UPI", "Netbanking", "Fail this attempt", "Leave it pending"):
        assert words in page.text
    assert "frame-ancestors 'none'" in page.headers["content-security-policy"]
    assert not re.search(r"""(src|href)=["']?http""", page.text)


@pytest.mark.parametrize("redirect", ["get", ""])
async def test_paying_on_the_page_leads_back_to_the_shop(emulator: Emulator, redirect: str) -> None:
    order = await emulator.order()
    form = {"order_id": order["id"], "callback_url": "https://shop.example/back?b=1", "redirect": redirect}
    page = await emulator.http.post("/checkout/pay", data={**form, "action": "pay", "method": "upi"})
    if redirect:
        assert page.status_code == 303
        target = httpx.URL(page.headers["location"])
        fields = dict(target.params)
        assert (target.host, fields.pop("b")) == ("shop.example", "1")
    else:
        assert 'action="https://shop.example/back?b=1"' in page.text
        fields = dict(re.findall(r'name="(razorpay_\w+)" value="([^"]+)"', page.text))
    emulator.sdk.utility.verify_payment_signature(fields)
    assert (await emulator.ask(emulator.sdk.payment.fetch, fields["razorpay_payment_id"]))["method"] == "upi"


async def test_a_failed_attempt_on_the_page_says_so_and_can_be_tried_again(emulator: Emulator) -> None:
    order = await emulator.order()
    form = {"order_id": order["id"], "retries": "2", "method": "upi"}
    page = await emulator.http.post("/checkout/pay", data={**form, "action": "fail"})
    assert "did not go through" in page.text and "incorrect UPI PIN" in page.text
    assert 'name="retries" value="1"' in page.text
    page = await emulator.http.post("/checkout/pay", data={**form, "retries": "1", "action": "fail"})
    assert "cannot be tried again" in page.text


async def test_a_pending_payment_on_the_page_waits_for_the_bank(emulator: Emulator) -> None:
    order = await emulator.order()
    page = await emulator.http.post("/checkout/pay", data={"order_id": order["id"], "action": "pending"})
    (payment_id,) = re.findall(r'name="payment_id" value="(\w+)"', page.text)
    form = {"order_id": order["id"], "payment_id": payment_id, "action": "pay"}
    assert "Payment received" in (await emulator.http.post("/checkout/settle", data=form)).text
    assert "has been paid" in (await emulator.http.get("/checkout", params={"order_id": order["id"]})).text
    await emulator.http.post("/checkout/pay", data={"order_id": order["id"], "action": "pay"})
    assert (await emulator.ask(emulator.sdk.order.payments, order["id"]))["count"] == 1


async def test_the_page_ends_no_payment_of_another_order(emulator: Emulator) -> None:
    pending = await emulator.pay(await emulator.order(), "pending")
    other = await emulator.order()
    form = {"order_id": other["id"], "payment_id": pending["razorpay_payment_id"], "action": "pay"}
    assert (await emulator.http.post("/checkout/settle", data=form)).status_code == 400
    payment = await emulator.ask(emulator.sdk.payment.fetch, pending["razorpay_payment_id"])
    assert payment["status"] == "created"


@pytest.mark.parametrize(
    "wrong",
    [
        {"callback_url": "javascript:alert(1)"},
        {"callback_url": "//shop.example"},
        {"callback_url": "https://"},
        {"callback_url": "https://shop.example/\r\nSet-Cookie: a=b"},
        {"embed": "https://shop.example/path"},
        {"embed": "https://a.example; script-src *"},
        {"order_id": "order_none"},
        {"key": "rzp_test_Other"},
    ],
)
async def test_checkout_does_not_open_with_what_could_harm(emulator: Emulator, wrong: dict[str, str]) -> None:
    order = await emulator.order()
    page = await emulator.http.get("/checkout", params={"order_id": order["id"], **wrong})
    assert page.status_code == 400
    assert "cannot be opened" in page.text


async def test_what_the_shop_says_is_escaped_on_the_page(emulator: Emulator) -> None:
    order = await emulator.order()
    wish = {"order_id": order["id"], "name": "<script>x", "color": "red;}", "callback_url": 'https://a.example/"><b>'}
    page = await emulator.http.get("/checkout", params=wish)
    assert "<script>x" not in page.text and '"><b>' not in page.text and "red;}" not in page.text


async def test_checkout_inside_the_shop_tells_only_the_origin_that_opened_it(emulator: Emulator) -> None:
    order = await emulator.order()
    form = {"order_id": order["id"], "embed": "https://shop.example", "action": "pay"}
    page = await emulator.http.post("/checkout/pay", data=form)
    assert "frame-ancestors https://shop.example" in page.headers["content-security-policy"]
    (news,) = re.findall(r"var news = (.*);", page.text)
    fields = json.loads(news)["fields"]
    message = f"{fields['razorpay_order_id']}|{fields['razorpay_payment_id']}".encode()
    assert fields["razorpay_signature"] == hmac.new(KEY_SECRET.encode(), message, hashlib.sha256).hexdigest()
    assert 'var shop = "https://shop.example"' in page.text


async def test_checkout_js_may_be_loaded_by_any_shop(emulator: Emulator) -> None:
    script = await emulator.http.get("/v1/checkout.js")
    assert script.headers["content-type"].startswith("text/javascript")
    assert script.headers["access-control-allow-origin"] == "*"
    assert "window.Razorpay = Razorpay" in script.text
