"""The provider's Checkout: where a buyer pays, and what it hands back to the shop."""

from typing import Annotated
from uuid import UUID

import msgspec
from sanic import Request

from actors.lanes.publisher import NotAccepted
from actors.lanes.routes import PAYMENTS
from actors.lanes.wire import Options, seal
from edge.context import context
from edge.problems import invalid, unavailable
from edge.signatures import checkout_is_signed
from sagas.identity import new_id
from sagas.messages import CheckPayment


class CheckoutAnswer(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What Checkout hands back to the shop."""

    razorpay_order_id: Annotated[str, msgspec.Meta(min_length=1, max_length=64)]
    razorpay_payment_id: Annotated[str, msgspec.Meta(min_length=1, max_length=64)]
    razorpay_signature: Annotated[str, msgspec.Meta(min_length=1, max_length=128)]


async def check_answer(
    request: Request, answer: CheckoutAnswer, order_id: str | None, payment_id: UUID, saga_id: UUID
) -> None:
    """Have the provider asked what was paid, once the answer's signature is the order's.  422 otherwise."""
    if order_id != answer.razorpay_order_id or not checkout_is_signed(
        answer.razorpay_order_id, answer.razorpay_payment_id, answer.razorpay_signature
    ):
        raise invalid("/razorpay_signature", "this does not belong to this payment")
    check = CheckPayment(command_id=new_id(), booking_id=saga_id, payment_id=payment_id)
    try:
        await context(request).publisher.publish(seal(PAYMENTS, check, Options(request.ctx.traceparent)))
    except NotAccepted as error:
        raise unavailable("Please send this again.") from error
