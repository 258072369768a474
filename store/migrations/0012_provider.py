"""What the provider is asked about: payments before their hold ends, pending refunds, and refunds tried again."""

from tortoise import migrations
from tortoise.migrations import operations as ops
from tortoise import fields

UP = "CREATE INDEX refund_pending ON refund (created_at) WHERE status = 'pending'"
DOWN = "DROP INDEX refund_pending"


class Migration(migrations.Migration):
    dependencies = [('frontrow', '0011_ledger')]

    initial = False

    operations = [
        ops.AddField(model_name="Payment", name="asked_before", field=fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
        ops.AddField(model_name="Refund", name="provider_attempt", field=fields.IntField(default=0, db_default=0)),
        ops.AddField(model_name="Refund", name="next_check_at", field=fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
        ops.AddField(model_name="Refund", name="checks", field=fields.IntField(default=0, db_default=0)),
        ops.RunSQL(UP, DOWN),
    ]
