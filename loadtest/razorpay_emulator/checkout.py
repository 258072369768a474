"""Checkout for people: a hosted page to pay on, and checkout.js, which lays that page over the shop.

The page works without scripts: every button is a form. Alone (`callback_url`) it ends by sending the buyer back to the
shop with the three razorpay_… fields, as a POST or, with `redirect=get`, in the address. Inside the shop's overlay
(`embed`) it tells the shop by postMessage, and only to the origin that opened it.
"""

import html
import re
import secrets
from pathlib import Path
from typing import Any, cast, get_args
from urllib.parse import urlencode, urlsplit

import msgspec
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from sanic import Request, Sanic
from sanic.response import HTTPResponse

from .entities import Method, OrderRecord, PaymentRecord
from .errors import Refused
from .intake import NO_MINOR_UNIT, THREE_DECIMALS
from .provider import Provider
from .settings import Settings

HERE = Path(__file__).parent
MAX_URL_CHARACTERS = 2048
MAX_TEXT_CHARACTERS = 120
MAX_RETRIES = 20
COLOR = re.compile(r"#[0-9a-fA-F]{6}")
SYMBOLS = {"INR": "₹", "USD": "$", "EUR": "€", "GBP": "£", "JPY": "¥"}


class Visit(msgspec.Struct, frozen=True):
    """What the page was opened with; it travels with every form so that nothing is kept between requests."""

    order_id: str
    callback_url: str = ""
    redirect: str = ""
    #: The origin of the shop whose overlay this is; empty for the page on its own.
    embed: str = ""
    name: str = ""
    description: str = ""
    color: str = "#0b5fd9"
    email: str = ""
    contact: str = ""
    method: str = "card"
    retries: int = MAX_RETRIES


class Unusable(Exception):
    """The page cannot be opened like that."""


def add_checkout(app: Sanic[Any, Any], settings: Settings, provider: Provider) -> None:
    pages = Pages(settings)
    script = (HERE / "checkout.js").read_text()

    @app.get("/v1/checkout.js")
    async def checkout_script(request: Request) -> HTTPResponse:
        headers = {"Access-Control-Allow-Origin": "*", "Cache-Control": "no-cache", "X-Content-Type-Options": "nosniff"}
        return HTTPResponse(script, headers=headers, content_type="text/javascript; charset=utf-8")

    @app.get("/checkout")
    async def open_page(request: Request) -> HTTPResponse:
        visit = _visit(request.args, provider)
        if (key := request.args.get("key")) and key != settings.key_id:
            raise Unusable("The key that the shop sent is not valid.")
        return pages.pay(visit, provider.order(visit.order_id))

    @app.post("/checkout/pay")
    async def pay_on_page(request: Request) -> HTTPResponse:
        form: Any = request.form or {}
        visit, action = _visit(form, provider), form.get("action")
        order = provider.order(visit.order_id)
        outcomes = {"pay": "captured", "fail": "failed", "pending": "pending"}
        if action not in outcomes:
            raise Unusable("Choose one of the buttons.")
        if order.entity.status == "paid":
            return pages.pay(visit, order)
        payment = provider.pay(
            order,
            cast(Any, outcomes[action]),
            cast(Method, visit.method),
            email=visit.email or "buyer@example.com",
            contact=visit.contact or "+919000090000",
        )
        return pages.ended(visit, order, payment, provider)

    @app.post("/checkout/settle")
    async def settle_on_page(request: Request) -> HTTPResponse:
        form: Any = request.form or {}
        visit = _visit(form, provider)
        order, payment = provider.order(visit.order_id), provider.state.payments.get(form.get("payment_id") or "")
        if payment is None or payment.entity.order_id != visit.order_id:
            raise Unusable("There is no such payment on this order.")
        if payment.entity.status == "created":
            provider.settle(payment, "captured" if form.get("action") == "pay" else "failed")
        return pages.ended(visit, order, payment, provider)

    @app.exception(Unusable)
    async def say_why(request: Request, problem: Unusable) -> HTTPResponse:
        return pages.unusable(str(problem))


class Pages:
    """The page in its states: to pay, failed, pending, done, unusable."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        templates = Environment(
            loader=FileSystemLoader(HERE),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._template = templates.get_template("checkout.html")

    def pay(self, visit: Visit, order: OrderRecord, failure: dict[str, Any] | None = None) -> HTTPResponse:
        state = "paid" if order.entity.status == "paid" else "pay"
        tell = {"type": "payment.failed", "error": failure} if failure else None
        return self._render(visit, order, state, error=failure["description"] if failure else None, tell=tell)

    def ended(self, visit: Visit, order: OrderRecord, payment: PaymentRecord, provider: Provider) -> HTTPResponse:
        entity = payment.entity
        if entity.status == "created":
            return self._render(visit, order, "pending", payment_id=entity.id)
        if entity.status == "failed":
            visit = msgspec.structs.replace(visit, retries=max(0, visit.retries - 1))
            failure = {
                "code": entity.error_code,
                "description": entity.error_description,
                "source": entity.error_source,
                "step": entity.error_step,
                "reason": entity.error_reason,
                "metadata": {"order_id": entity.order_id, "payment_id": entity.id},
            }
            return self.pay(visit, order, failure)
        fields = {
            "razorpay_payment_id": entity.id,
            "razorpay_order_id": entity.order_id,
            "razorpay_signature": provider.signature(entity) or "",
        }
        if visit.embed:
            return self._render(visit, order, "done", tell={"type": "success", "fields": fields}, fields=fields)
        if visit.callback_url and visit.redirect == "get":
            joint = "&" if urlsplit(visit.callback_url).query else "?"
            base, hash, fragment = visit.callback_url.partition("#")
            return HTTPResponse(status=303, headers={"Location": f"{base}{joint}{urlencode(fields)}{hash}{fragment}"})
        return self._render(visit, order, "done", fields=fields)

    def unusable(self, why: str) -> HTTPResponse:
        return self._answer(
            f'<!doctype html><html lang="en"><meta charset="utf-8"><title>Checkout</title>'
            '<meta name="viewport" content="width=device-width">'
            f'<body style="font:16px/1.5 system-ui,sans-serif;margin:20vh auto;max-width:28rem;padding:0 1rem">'
            f"<h1>This payment cannot be opened</h1><p>{html.escape(why)}</p>",
            400,
            "'none'",
            "",
        )

    def _render(
        self,
        visit: Visit,
        order: OrderRecord,
        state: str,
        *,
        error: str | None = None,
        payment_id: str = "",
        tell: dict[str, Any] | None = None,
        fields: dict[str, str] | None = None,
    ) -> HTTPResponse:
        nonce = secrets.token_urlsafe(16)
        page = self._template.render(
            visit=visit,
            carried=msgspec.structs.asdict(visit),
            state=state,
            merchant=visit.name or self.settings.merchant,
            amount=money(order.entity.amount, order.entity.currency),
            receipt=order.entity.receipt or order.entity.id,
            error=error,
            may_retry=visit.retries > 0,
            payment_id=payment_id,
            tell=tell,
            fields=fields or {},
            nonce=nonce,
        )
        return self._answer(page, 200, visit.embed or "'none'", nonce)

    def _answer(self, page: str, status: int, framed_by: str, nonce: str) -> HTTPResponse:
        # No form-action: the last form goes to the shop, wherever that is.
        policy = (
            f"default-src 'none'; style-src 'unsafe-inline'; script-src 'nonce-{nonce}'; base-uri 'none'; "
            f"frame-ancestors {framed_by}"
        )
        headers = {"Content-Security-Policy": policy, "Cache-Control": "no-store", "Referrer-Policy": "no-referrer"}
        return HTTPResponse(page, status, headers=headers, content_type="text/html; charset=utf-8")


def money(minor: int, currency: str) -> str:
    """₹1,234.50; whole units for currencies without a minor one, three decimals where they are used."""
    decimals = 0 if currency in NO_MINOR_UNIT else 3 if currency in THREE_DECIMALS else 2
    whole, rest = divmod(minor, 10**decimals)
    text = f"{whole:,}" + (f".{rest:0{decimals}d}" if decimals else "")
    return SYMBOLS[currency] + text if currency in SYMBOLS else f"{currency} {text}"


def _visit(said: Any, provider: Provider) -> Visit:
    def text(name: str, default: str = "") -> str:
        return str(said.get(name) or default)[:MAX_TEXT_CHARACTERS]

    try:
        order_id = text("order_id")
        provider.order(order_id)
    except Refused:
        raise Unusable("There is no such order: the shop should make one first, and pass its order_id.") from None
    retries = text("retries", str(MAX_RETRIES))
    return Visit(
        order_id=order_id,
        callback_url=_callback(said.get("callback_url") or ""),
        redirect="get" if said.get("redirect") == "get" else "",
        embed=_origin(said.get("embed") or ""),
        name=text("name"),
        description=text("description"),
        color=text("color") if COLOR.fullmatch(text("color")) else "#0b5fd9",
        email=text("email"),
        contact=text("contact"),
        method=text("method") if text("method") in get_args(Method) else "card",
        retries=min(int(retries), MAX_RETRIES) if retries.isascii() and retries.isdigit() else MAX_RETRIES,
    )


def _callback(url: str) -> str:
    """Only an http(s) address: javascript: and the like would run in whoever opens the page."""
    if url and not _is_web_address(url):
        raise Unusable("callback_url must be an http or https address.")
    return url


def _origin(origin: str) -> str:
    if origin:
        parts = urlsplit(origin) if _is_web_address(origin) else None
        if (
            parts is None
            or origin != f"{parts.scheme}://{parts.netloc}"
            or not re.fullmatch(r"[\w.:\[\]-]+", parts.netloc)
        ):
            raise Unusable("embed must be the shop's origin, such as https://shop.example.")
    return origin


def _is_web_address(url: str) -> bool:
    if len(url) > MAX_URL_CHARACTERS or any(character.isspace() or not character.isprintable() for character in url):
        return False
    try:
        parts = urlsplit(url)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port or 1) > 0
    except ValueError:
        return False
