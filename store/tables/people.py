"""People: accounts, their sessions and log-ins, and the links that letters take to them."""

from typing import Any

from tortoise import fields
from tortoise.models import Model

from sagas.identity import new_id


class User(Model):
    """An account.  ``email`` is kept in one form, so that one address is one account; ``password_hash`` is empty for
    those who only log in elsewhere.  An erased account keeps its row, without name and address: much points to it."""

    id = fields.UUIDField(primary_key=True, default=new_id)
    email = fields.CharField(max_length=254, unique=True)
    name = fields.CharField(max_length=100)
    password_hash = fields.CharField(max_length=200)
    role = fields.CharField(max_length=20, default="buyer")
    email_verified = fields.BooleanField(default=False)
    created_at = fields.DatetimeField(auto_now_add=True)
    suspended_at = fields.DatetimeField(null=True)
    erased_at = fields.DatetimeField(null=True)

    class Meta:
        table = "user"


class Session(Model):
    """A person's being logged in on one device.  Every token that follows from it names it: once it has ended, none of
    them opens anything.  ``seen_at`` is when tokens were last asked for."""

    id = fields.UUIDField(primary_key=True, default=new_id)
    user: Any = fields.ForeignKeyField("frontrow.User", related_name="sessions")
    address = fields.CharField(max_length=45, default="")
    device = fields.CharField(max_length=100, default="")
    began_at = fields.DatetimeField(auto_now_add=True)
    seen_at = fields.DatetimeField(auto_now_add=True)
    ended_at = fields.DatetimeField(null=True, db_index=True)
    ended_by = fields.CharField(max_length=20, default="")

    class Meta:
        table = "session"


class RefreshToken(Model):
    """One refresh token, by its hash.  It gives the next once; used again later, its whole session ends."""

    id = fields.UUIDField(primary_key=True, default=new_id)
    session: Any = fields.ForeignKeyField("frontrow.Session", related_name="refresh_tokens")
    token_hash = fields.CharField(max_length=64, unique=True)
    expires_at = fields.DatetimeField()
    used_at = fields.DatetimeField(null=True)
    created_at = fields.DatetimeField(auto_now_add=True)

    class Meta:
        table = "refresh_token"


class LogIn(Model):
    """One attempt to log in to an account, successful or not: when, how, from where and on which device."""

    id = fields.UUIDField(primary_key=True, default=new_id)
    user: Any = fields.ForeignKeyField("frontrow.User", related_name="log_ins")
    at = fields.DatetimeField(auto_now_add=True)
    method = fields.CharField(max_length=20)
    succeeded = fields.BooleanField()
    address = fields.CharField(max_length=45)
    device = fields.CharField(max_length=100)

    class Meta:
        table = "log_in"


class LetterLink(Model):
    """A link in a letter: whoever has it reads the mailbox of ``email``.  It is good for one ``purpose`` (verify,
    reset), once, and not for long.  The hash is noted when the letter is written."""

    id = fields.UUIDField(primary_key=True, default=new_id)
    user: Any = fields.ForeignKeyField("frontrow.User", related_name="letter_links")
    purpose = fields.CharField(max_length=20)
    email = fields.CharField(max_length=254)
    token_hash = fields.CharField(max_length=64, null=True, unique=True)
    expires_at = fields.DatetimeField()
    used_at = fields.DatetimeField(null=True)
    created_at = fields.DatetimeField(auto_now_add=True)

    class Meta:
        table = "letter_link"


class ProviderLogin(Model):
    """A person's account at a login provider (google, github), by the provider's own lasting name for it."""

    id = fields.UUIDField(primary_key=True, default=new_id)
    user: Any = fields.ForeignKeyField("frontrow.User", related_name="provider_logins")
    provider = fields.CharField(max_length=20)
    subject = fields.CharField(max_length=255)
    created_at = fields.DatetimeField(auto_now_add=True)

    class Meta:
        table = "provider_login"
        unique_together = (("provider", "subject"),)
