"""Rate limits that an admin has changed; the others are as the code says."""

from tortoise import fields
from tortoise.models import Model


class RateLimit(Model):
    """So many at once, and as many again in each window.  A quota of 0 means no limit."""

    name = fields.CharField(max_length=40, primary_key=True)
    quota = fields.IntField()
    window_seconds = fields.IntField()
    changed_at = fields.DatetimeField(auto_now=True)

    class Meta:
        table = "rate_limit"
