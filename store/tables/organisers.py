"""Organisers: the bodies that own venues and events, who acts for them, and the record of who changed what."""

from typing import Any

from tortoise import fields
from tortoise.models import Model

from sagas.identity import new_id


class Organiser(Model):
    """A body.  ``status``: applied, approved, suspended, refused.

    One body is the operator's own (an index): admins act for it, and its venues may be used by all."""

    id = fields.UUIDField(primary_key=True, default=new_id)
    legal_name = fields.CharField(max_length=200)
    tax_id = fields.CharField(max_length=40, null=True)
    support_email = fields.CharField(max_length=254)
    payout_account = fields.CharField(max_length=100, null=True)
    status = fields.CharField(max_length=20, default="applied")
    operator = fields.BooleanField(default=False)
    created_at = fields.DatetimeField(auto_now_add=True)

    class Meta:
        table = "organiser"


class OrganiserMember(Model):
    """An account that acts for a body.  ``role``: owner, manager, box-office, scanner."""

    id = fields.UUIDField(primary_key=True, default=new_id)
    organiser: Any = fields.ForeignKeyField("frontrow.Organiser", related_name="members")
    user: Any = fields.ForeignKeyField("frontrow.User", related_name="memberships")
    role = fields.CharField(max_length=20)
    since = fields.DatetimeField(auto_now_add=True)

    class Meta:
        table = "organiser_member"
        unique_together = (("organiser", "user"),)


class OrganiserInvitation(Model):
    """That whoever proves to own this address may become a member; gone once it is answered or withdrawn."""

    id = fields.UUIDField(primary_key=True, default=new_id)
    organiser: Any = fields.ForeignKeyField("frontrow.Organiser", related_name="invitations")
    email = fields.CharField(max_length=254, db_index=True)
    role = fields.CharField(max_length=20)
    invited_by = fields.UUIDField()
    invited_at = fields.DatetimeField(auto_now_add=True)
    expires_at = fields.DatetimeField()

    class Meta:
        table = "organiser_invitation"
        unique_together = (("organiser", "email"),)


class ChangeRecord(Model):
    """Who changed what, and how.  Rows are only ever added (a trigger).

    They name accounts by id, never by name or address, so that an account can be erased.  ``organiser`` is null for
    what concerns no body, as rate limits."""

    id = fields.UUIDField(primary_key=True, default=new_id)
    organiser: Any = fields.ForeignKeyField("frontrow.Organiser", related_name="changes", null=True)
    actor_id = fields.UUIDField(db_index=True)
    action = fields.CharField(max_length=60)
    object_kind = fields.CharField(max_length=40)
    object_id = fields.CharField(max_length=60)
    detail: Any = fields.JSONField(default=dict)
    at = fields.DatetimeField(auto_now_add=True)

    class Meta:
        table = "change_record"
