"""The provider's signatures: HMAC-SHA256, compared in constant time."""

import hashlib
import hmac

from store.settings import settings


def webhook_is_signed(body: bytes, signature: str) -> bool:
    """Whether the webhook's raw body carries the signature of a webhook secret of ours; all of them are tried, so that
    the time says nothing."""
    return any([_fits(secret, body, signature) for secret in settings().webhook_secrets])


def checkout_is_signed(order_id: str, provider_payment_id: str, signature: str) -> bool:
    """Whether the provider vouches that this payment belongs to this order.  It says nothing about amounts."""
    return _fits(settings().razorpay_key_secret, f"{order_id}|{provider_payment_id}".encode(), signature)


def _fits(secret: str, message: bytes, signature: str) -> bool:
    expected = hmac.new(secret.encode(), message, hashlib.sha256).hexdigest()
    return hmac.compare_digest(expected.encode(), signature.encode("utf-8", "replace"))
