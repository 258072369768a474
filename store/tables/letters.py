"""Letters and documents: the delivery log, and what was printed."""

from tortoise import fields
from tortoise.models import Model

from sagas.identity import new_id


class Letter(Model):
    """One letter, sent once under its own Message-ID: about a booking, unique by booking, template and what it is
    ``about`` (the booking itself, a refund, a cancellation); to a person about their account (``user_id``; ``link_id``
    is the link that it takes to them); or of an invitation (``about``).  What no saga asks for again is due at
    ``next_try_at``."""

    id = fields.UUIDField(primary_key=True, default=new_id)
    booking_id = fields.UUIDField(null=True)
    user_id = fields.UUIDField(null=True, db_index=True)
    link_id = fields.UUIDField(null=True)
    template = fields.CharField(max_length=40)
    about = fields.UUIDField(null=True)
    recipient = fields.CharField(max_length=254)
    message_id = fields.CharField(max_length=120, unique=True)
    status = fields.CharField(max_length=20, default="waiting")
    attempts = fields.IntField(default=0)
    claimed_until = fields.DatetimeField(null=True)
    next_try_at = fields.DatetimeField(null=True)
    last_error = fields.CharField(max_length=300, default="")
    trace_id = fields.CharField(max_length=32, default="")
    created_at = fields.DatetimeField(auto_now_add=True)
    sent_at = fields.DatetimeField(null=True)

    class Meta:
        table = "letter"
        unique_together = (("booking_id", "template", "about"),)


class File(Model):
    """A document made for a booking; its bytes lie in the files folder under ``path``."""

    id = fields.UUIDField(primary_key=True, default=new_id)
    booking_id = fields.UUIDField()
    kind = fields.CharField(max_length=20)
    path = fields.CharField(max_length=200)
    content_hash = fields.CharField(max_length=64)
    size_bytes = fields.IntField()
    made_at = fields.DatetimeField(auto_now_add=True)

    class Meta:
        table = "file"
        unique_together = (("booking_id", "kind"),)
