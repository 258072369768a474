"""People: accounts, and the refresh tokens that keep them logged in."""

from typing import Any

from tortoise import fields
from tortoise.models import Model

from sagas.identity import new_id


class User(Model):
    """An account.  ``email`` is kept in lower case, so that one address is one account."""

    id = fields.UUIDField(primary_key=True, default=new_id)
    email = fields.CharField(max_length=254, unique=True)
    name = fields.CharField(max_length=100)
    password_hash = fields.CharField(max_length=200)
    role = fields.CharField(max_length=20, default="buyer")
    email_verified = fields.BooleanField(default=False)
    created_at = fields.DatetimeField(auto_now_add=True)

    class Meta:
        table = "user"


class RefreshToken(Model):
    """One refresh token, by its hash.  Rotated at each use; used twice, its whole family is revoked."""

    id = fields.UUIDField(primary_key=True, default=new_id)
    user: Any = fields.ForeignKeyField("frontrow.User", related_name="refresh_tokens")
    family = fields.UUIDField(db_index=True)
    token_hash = fields.CharField(max_length=64, unique=True)
    expires_at = fields.DatetimeField()
    used_at = fields.DatetimeField(null=True)
    revoked_at = fields.DatetimeField(null=True)
    created_at = fields.DatetimeField(auto_now_add=True)

    class Meta:
        table = "refresh_token"
