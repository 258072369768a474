"""The payment provider, through its own SDK: with timeouts, without its shared defaults, and with errors that say
whether the answer was no or nobody knows.  It blocks, so it belongs in a worker's thread.

While the provider does not answer, a circuit breaker (one for the process) makes calls fail at once as unknown."""

import threading
from typing import Annotated, Any, TypeVar
from uuid import UUID

import msgspec
import razorpay
import requests
import structlog
from razorpay.errors import BadRequestError, GatewayError, ServerError

from actors.circuit_breaker import CircuitBreaker
from sagas.clock import monotonic_seconds
from store.settings import settings

log = structlog.get_logger()

#: To connect; how long an answer is waited for is a setting.
CONNECT_SECONDS = 3.0
#: The most that one page of the provider's lists holds.
PAGE = 100
#: The provider may ask to be left alone for so long, and no longer.
LEFT_ALONE_SECONDS = 60.0


class Declined(Exception):
    """The provider said no; asking again would end the same way."""


class Unknown(Exception):
    """No answer, or none that can be trusted: the thing may have been done.  Ask before doing it again.

    ``wait_seconds`` is how long the provider, or the circuit breaker before it, wants to be left alone."""

    def __init__(self, reason: str, wait_seconds: float = 0.0) -> None:
        super().__init__(reason)
        self.wait_seconds = wait_seconds


ProviderId = Annotated[str, msgspec.Meta(max_length=40, pattern=r"^[!-~]+$")]


class ProviderPayment(msgspec.Struct, frozen=True):
    """A payment as the provider sees it."""

    id: ProviderId
    status: str
    amount: Annotated[int, msgspec.Meta(ge=1, le=10**15)]
    currency: Annotated[str, msgspec.Meta(pattern=r"^[A-Z]{3}$")]
    order_id: ProviderId | None = None
    error_description: str | None = None
    amount_refunded: int = 0
    created_at: int = 0


class ProviderRefund(msgspec.Struct, frozen=True):
    """A refund as the provider sees it; ``receipt`` and ``notes`` say which of ours it is."""

    id: ProviderId
    status: str
    payment_id: ProviderId
    amount: Annotated[int, msgspec.Meta(ge=1, le=10**15)]
    currency: Annotated[str, msgspec.Meta(pattern=r"^[A-Z]{3}$")]
    receipt: str | None = None
    notes: Any = None

    @property
    def refund_id(self) -> UUID | None:
        """Our refund, as we noted it there; None for one that we never asked for."""
        noted = self.notes.get("refund_id") if isinstance(self.notes, dict) else None
        try:
            return UUID(str(noted or self._parts[0]))
        except ValueError:
            return None

    @property
    def attempt(self) -> int:
        """In which of our attempts it was made, by its receipt."""
        return int(self._parts[1]) if self._parts[1].isdecimal() else 0

    @property
    def _parts(self) -> tuple[str, str]:
        key, _, attempt = (self.receipt or "").partition("-")
        return key, attempt


AnswerT = TypeVar("AnswerT")

_state = threading.local()


def client() -> razorpay.Client:
    """One client a thread: its session is not made to be shared."""
    client = getattr(_state, "client", None)
    if client is None:
        auth = (settings().razorpay_key_id, settings().razorpay_key_secret)
        session = requests.Session()
        session.hooks["response"].append(_refuse_unclear)
        client = _state.client = razorpay.Client(session=session, auth=auth, base_url=settings().razorpay_url)
    return client


def _refuse_unclear(response: requests.Response, *_: Any, **__: Any) -> None:
    """The SDK takes a 429 for a refusal, and a 5xx without JSON for nonsense; neither says that nothing was done.

    Nor does a 401, while keys are being changed, or a 409, while another call with the same key is on its way."""
    if response.status_code in (401, 403, 408, 409, 425, 429) or response.status_code >= 500:
        said = response.headers.get("Retry-After", "")
        wait_seconds = min(float(said), LEFT_ALONE_SECONDS) if said.isdecimal() else 0.0
        raise Unknown(f"the provider answered {response.status_code}", wait_seconds)


_breaker, _breaker_lock = CircuitBreaker(), threading.Lock()


def _let_through() -> None:
    with _breaker_lock:
        if wait_seconds := _breaker.wait_seconds(monotonic_seconds()):
            raise Unknown("the provider is not asked while it does not answer", wait_seconds)


def _note(unclear: Unknown | None) -> None:
    """Tell the breaker what came of a call that it let through."""
    with _breaker_lock:
        before = _breaker.state
        if unclear is None:
            _breaker.answered()
        else:
            _breaker.failed(monotonic_seconds(), unclear.wait_seconds)
        after = _breaker.state
    if (before, after) == ("closed", "open"):
        log.error("provider_away", error=str(unclear), hint="calls fail at once until it answers again")
    elif before != "closed" and after == "closed":
        log.info("provider_back")


def ask(call: Any, *args: Any, **kwargs: Any) -> Any:
    _let_through()
    try:
        answer = _asked(call, *args, **kwargs)
    except Unknown as unclear:
        _note(unclear)
        raise
    except Declined:
        _note(None)
        raise
    _note(None)
    return answer


def _asked(call: Any, *args: Any, **kwargs: Any) -> Any:
    try:
        answer = call(*args, timeout=(CONNECT_SECONDS, settings().razorpay_answer_seconds), **kwargs)
    except BadRequestError as error:
        raise Declined(str(error)) from error
    except (GatewayError, ServerError, requests.RequestException, ValueError) as error:
        raise Unknown(f"{type(error).__name__}: {error}"[:200]) from error
    if not isinstance(answer, dict):
        raise Unknown("the provider answered nonsense")
    return answer


def typed(answer: Any, kind: type[AnswerT]) -> AnswerT:
    try:
        return msgspec.convert(answer, kind)
    except msgspec.ValidationError as error:
        raise Unknown(f"the provider's answer cannot be read: {error}") from error


def make_order(payment_id: UUID, booking_id: UUID, amount: int, currency: str) -> str:
    """A new order; its receipt is our payment's id.  The order's id.  Raises Declined, Unknown."""
    order = {
        "amount": amount,
        "currency": currency,
        "receipt": payment_id.hex,
        "payment_capture": 1,
        "notes": {"booking_id": str(booking_id)},
    }
    return str(ask(client().order.create, order)["id"])


def find_order(payment_id: UUID) -> str | None:
    """The order that was made for this payment, by its receipt, or None.  Raises Unknown."""
    orders = ask(client().order.all, {"receipt": payment_id.hex})["items"]
    return str(orders[0]["id"]) if orders else None


def payments_of(order_id: str) -> list[ProviderPayment]:
    """All attempts to pay an order.  Raises Declined, Unknown."""
    return typed(ask(client().order.payments, order_id).get("items"), list[ProviderPayment])


def capture(provider_payment_id: str, amount: int, currency: str) -> ProviderPayment:
    """Take an authorized payment; one that was already taken is as good.  Raises Declined, Unknown."""
    try:
        taken = ask(client().payment.capture, provider_payment_id, amount, {"currency": currency})
    except Declined:
        taken = ask(client().payment.fetch, provider_payment_id)
        if taken.get("status") != "captured":
            raise
    return typed(taken, ProviderPayment)


def _refund_key(refund_id: UUID, attempt: int) -> str:
    return f"{refund_id.hex}-{attempt}" if attempt else refund_id.hex


def refund(provider_payment_id: str, refund_id: UUID, attempt: int, amount: int, reason: str) -> ProviderRefund:
    """Give a captured payment back, or a part of it; asked twice, it is done once.  Raises Declined, Unknown.

    To the provider each ``attempt`` is a refund of its own: under one key it would tell of the failed one again."""
    key = _refund_key(refund_id, attempt)
    body = {"amount": amount, "receipt": key, "notes": {"refund_id": refund_id.hex, "reason": reason}}
    given = ask(client().payment.refund, provider_payment_id, body, headers={"X-Refund-Idempotency": key})
    return typed(given, ProviderRefund)


def find_refund_made(provider_payment_id: str, refund_id: UUID, attempt: int) -> ProviderRefund | None:
    """The refund that was made for this attempt, by its receipt, or None.  Raises Declined, Unknown."""
    made = ask(client().payment.fetch_multiple_refund, provider_payment_id, {"count": PAGE})
    receipt = _refund_key(refund_id, attempt)
    return next((one for one in typed(made.get("items"), list[ProviderRefund]) if one.receipt == receipt), None)


def find_refund(provider_refund_id: str) -> ProviderRefund:
    """What has become of a refund.  Raises Declined, Unknown."""
    return typed(ask(client().refund.fetch, provider_refund_id), ProviderRefund)
