"""The provider's webhooks: verify the signature over the raw bytes, publish the raw event, answer.  No Postgres."""

import hashlib
import re
from typing import Annotated, Any

import msgspec
from sanic import Blueprint, Request
from sanic.response import HTTPResponse

from actors.lanes.publisher import NotAccepted
from actors.lanes.routes import WEBHOOKS
from actors.lanes.wire import Options, seal
from edge.context import context
from edge.operation import json, operation
from edge.problems import Problem, unavailable
from edge.signatures import webhook_is_signed
from sagas.messages import TakeWebhook

payments_webhook = Blueprint("payments")

BODY_LIMIT_BYTES = 64_000
_EVENT_ID = re.compile(r"^[A-Za-z0-9_.-]{1,80}$")


class _Holder(msgspec.Struct):
    entity: dict[str, Any] = {}


class _Webhook(msgspec.Struct):
    event: Annotated[str, msgspec.Meta(min_length=1, max_length=60, pattern=r"^[!-~]+$")]
    payload: dict[str, _Holder] = {}


_decode = msgspec.json.Decoder(_Webhook).decode


#: What the provider tells of the payer: nothing here needs it, so it is kept nowhere.
_OF_THE_PAYER = frozenset({
    "email", "contact", "phone", "name", "vpa", "upi", "card", "bank_account", "acquirer_data", "customer_id",
    "customer", "customer_details", "billing_address", "shipping_address",
})  # fmt: skip


def without_payer(text: str) -> str:
    """The webhook without what it tells of the payer, however deep; as it came when it tells nothing."""
    found, told = msgspec.json.decode(text), False
    left: list[Any] = [found]
    while left:  # not by recursion: whoever signs may still nest
        one = left.pop()
        if isinstance(one, dict):
            for key in _OF_THE_PAYER & one.keys():
                del one[key]
                told = True
            left += one.values()
        elif isinstance(one, list):
            left += one
    return msgspec.json.encode(found).decode() if told else text


class Taken(msgspec.Struct):
    """The webhook is kept for certain; what follows from it is decided later."""

    taken: bool


@operation(payments_webhook, "POST", "/v1/webhooks/razorpay", answers={200: Taken}, problems=(400, 401, 413, 503))
async def take_razorpay_webhook(request: Request) -> HTTPResponse:
    """Razorpay's webhook: 200 once it is durable, also when nothing follows from it."""
    body = request.body
    if len(body) > BODY_LIMIT_BYTES:
        raise Problem(413, f"A webhook may have at most {BODY_LIMIT_BYTES} bytes.")
    if not webhook_is_signed(body, request.headers.get("x-razorpay-signature", "")):
        raise Problem(401, "The webhook's signature is missing or not ours.")
    try:
        text = body.decode()
        kind, kept = _decode(body).event, without_payer(text)
    except (UnicodeDecodeError, msgspec.DecodeError, RecursionError) as error:
        raise Problem(400, f"This is not a webhook: {error}.") from None
    # the same event sent again carries the same id; without one, the same bytes are the same event
    event_id = request.headers.get("x-razorpay-event-id", "")
    if not _EVENT_ID.match(event_id):
        event_id = hashlib.sha256(body).hexdigest()
    webhook = TakeWebhook(event_id=event_id, kind=kind, body=kept)
    try:
        await context(request).publisher.publish(seal(WEBHOOKS, webhook, Options(request.ctx.traceparent)))
    except NotAccepted as error:
        raise unavailable("The webhook could not be kept. Please send it again.") from error
    return json(Taken(True))
