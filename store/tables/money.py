"""Money's rows: ways to pay, refunds, wallets, and every webhook as the provider sent it.

What moved is in the ledger (``store/ledger.py``), whose tables have no models: rows are only ever added there."""

from tortoise import fields
from tortoise.models import Model


class Payment(Model):
    """One way to pay for a booking.  ``status``: preparing, ready, authorized, captured, failed.

    ``claimed_until`` is the lease of the worker that is talking to the provider about it, so that two never do;
    ``asked_before`` is the end of the hold before which it was asked what has become of it."""

    id = fields.UUIDField(primary_key=True)
    booking_id = fields.UUIDField(db_index=True)
    method = fields.CharField(max_length=20)
    amount = fields.BigIntField()
    currency = fields.CharField(max_length=3)
    status = fields.CharField(max_length=20, default="preparing")
    razorpay_order_id = fields.CharField(max_length=40, null=True, unique=True)
    claimed_until = fields.DatetimeField(null=True)
    next_check_at = fields.DatetimeField(null=True)
    checks = fields.IntField(default=0)
    asked_before = fields.DatetimeField(null=True)
    created_at = fields.DatetimeField(auto_now_add=True)

    class Meta:
        table = "payment"


class Capture(Model):
    """Money that came in: one row for each captured payment at the provider, or for a wallet's debit."""

    provider_payment_id = fields.CharField(max_length=60, primary_key=True)
    payment_id = fields.UUIDField(db_index=True)
    booking_id = fields.UUIDField(db_index=True)
    amount = fields.BigIntField()
    currency = fields.CharField(max_length=3)
    captured_at = fields.DatetimeField()

    class Meta:
        table = "capture"


class Refund(Model):
    """Money that goes back: a captured payment, or a part of it.  ``status``: pending, processed, failed.

    ``about`` is the cancellation that it is for, or itself where it is given out of goodwill; ``command_id`` the
    command that asked for it last, after so many other attempts; ``provider_refund_id`` is the provider's refund of
    this attempt.  What the box office gives back is handed over by somebody of its staff, out of their shift if they
    have one."""

    id = fields.UUIDField(primary_key=True)
    booking_id = fields.UUIDField(db_index=True)
    payment_id = fields.UUIDField()
    provider_payment_id = fields.CharField(max_length=60, db_index=True)
    provider_refund_id = fields.CharField(max_length=60, null=True, unique=True)
    amount = fields.BigIntField()
    currency = fields.CharField(max_length=3)
    to = fields.CharField(max_length=10)
    reason = fields.CharField(max_length=200)
    status = fields.CharField(max_length=20, default="pending")
    about = fields.UUIDField(null=True)
    attempt = fields.IntField(default=0, db_default=0)
    command_id = fields.UUIDField()
    claimed_until = fields.DatetimeField(null=True)
    next_check_at = fields.DatetimeField(null=True)
    checks = fields.IntField(default=0, db_default=0)
    handed_over_by = fields.UUIDField(null=True)
    handed_over_at = fields.DatetimeField(null=True)
    shift_id = fields.UUIDField(null=True)
    created_at = fields.DatetimeField()

    class Meta:
        table = "refund"


class Wallet(Model):
    """A buyer's balance in one currency; a check keeps it from going below zero."""

    id = fields.UUIDField(primary_key=True)
    user_id = fields.UUIDField()
    currency = fields.CharField(max_length=3)
    balance = fields.BigIntField(default=0)

    class Meta:
        table = "wallet"
        unique_together = (("user_id", "currency"),)


class WebhookEvent(Model):
    """A webhook as it came.  ``forwarded_at`` is null until it has been handed to the saga that it concerns."""

    event_id = fields.CharField(max_length=80, primary_key=True)
    kind = fields.CharField(max_length=60)
    body = fields.TextField()
    received_at = fields.DatetimeField()
    forwarded_at = fields.DatetimeField(null=True)
    next_try_at = fields.DatetimeField()
    tries = fields.IntField(default=0)
    note = fields.CharField(max_length=300, default="")

    class Meta:
        table = "webhook_event"
