"""The catalogue: venues, halls, events, and shows with the immutable seat plan that each was opened with."""

from typing import Any

from tortoise import fields
from tortoise.models import Model

from sagas.identity import new_id


class Venue(Model):
    id = fields.UUIDField(primary_key=True, default=new_id)
    organiser: Any = fields.ForeignKeyField("frontrow.Organiser", related_name="venues")
    name = fields.CharField(max_length=200)
    city = fields.CharField(max_length=100, db_index=True)
    country = fields.CharField(max_length=2)
    address = fields.CharField(max_length=300)
    time_zone = fields.CharField(max_length=64)
    opens = fields.CharField(max_length=5)
    closes = fields.CharField(max_length=5)
    latitude = fields.FloatField(null=True)
    longitude = fields.FloatField(null=True)
    active = fields.BooleanField(default=True)

    class Meta:
        table = "venue"


class SeatPlan(Model):
    """Where every place of a hall is, by the hash of its content: never changed, shared by all shows that name it."""

    hash = fields.CharField(max_length=64, primary_key=True)
    body = fields.TextField()
    seats = fields.IntField()

    class Meta:
        table = "seat_plan"


class Hall(Model):
    id = fields.UUIDField(primary_key=True, default=new_id)
    venue: Any = fields.ForeignKeyField("frontrow.Venue", related_name="halls")
    name = fields.CharField(max_length=200)
    plan: Any = fields.ForeignKeyField("frontrow.SeatPlan", related_name="halls")

    class Meta:
        table = "hall"


class Event(Model):
    """What is on.  ``status`` is draft, published, cancelled or over."""

    id = fields.UUIDField(primary_key=True, default=new_id)
    organiser: Any = fields.ForeignKeyField("frontrow.Organiser", related_name="events")
    title = fields.CharField(max_length=200)
    kind = fields.CharField(max_length=20)
    description = fields.TextField(default="")
    language = fields.CharField(max_length=50, default="")
    rating = fields.CharField(max_length=20, default="")
    duration_minutes = fields.IntField(null=True)
    tags: Any = fields.JSONField(default=list)
    poster_url = fields.CharField(max_length=300, null=True)
    status = fields.CharField(max_length=20, default="draft")

    class Meta:
        table = "event"


class Show(Model):
    """An event in a hall at a time: the unit of order.

    The edge inserts the row; once OpenShow is decided, only the show's lane writes it (``opened`` and below)."""

    id = fields.UUIDField(primary_key=True, default=new_id)
    number = fields.IntField(unique=True)
    event: Any = fields.ForeignKeyField("frontrow.Event", related_name="shows")
    hall: Any = fields.ForeignKeyField("frontrow.Hall", related_name="shows")
    plan: Any = fields.ForeignKeyField("frontrow.SeatPlan", related_name="shows")
    lane = fields.CharField(max_length=20)
    currency = fields.CharField(max_length=3)
    prices: Any = fields.JSONField()
    starts_at = fields.DatetimeField(db_index=True)
    ends_at = fields.DatetimeField()
    sale_opens_at = fields.DatetimeField()
    sale_closes_at = fields.DatetimeField()
    hold_seconds = fields.IntField(default=300)
    max_seats_per_booking = fields.IntField(default=10)
    max_seats_per_buyer = fields.IntField(null=True)
    max_live_holds = fields.IntField(default=2)
    rules = fields.TextField(null=True)
    opened = fields.BooleanField(default=False)
    cancelled = fields.BooleanField(default=False)
    seats_version = fields.BigIntField(default=0)
    place = fields.BigIntField(default=0)
    left: Any = fields.JSONField(default=dict)
    hash = fields.CharField(max_length=64, default="")
    moved_at = fields.DatetimeField(null=True)
    off_sale_until = fields.DatetimeField(null=True)
    alone = fields.BooleanField(default=False, db_default=False)
    decided_at = fields.DatetimeField(null=True)

    class Meta:
        table = "show"
