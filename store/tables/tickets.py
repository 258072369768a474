"""Tickets: one for each confirmed seat."""

from tortoise import fields
from tortoise.models import Model


class Ticket(Model):
    """The right to one seat.  ``status``: valid, used, listed, given, cancelled; one live ticket a seat (an index)."""

    id = fields.UUIDField(primary_key=True)
    booking_id = fields.UUIDField(db_index=True)
    show_id = fields.UUIDField()
    seat_id = fields.CharField(max_length=16)
    holder_id = fields.UUIDField(db_index=True)
    ticket_type = fields.CharField(max_length=60, null=True)
    status = fields.CharField(max_length=20, default="valid")
    code = fields.TextField()
    issued_at = fields.DatetimeField()

    class Meta:
        table = "ticket"
