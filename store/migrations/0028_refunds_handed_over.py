"""Who handed money back at the box office, when, and out of which shift's drawer."""

from tortoise import fields, migrations
from tortoise.migrations import operations as ops

# What was given back before is counted where it was sold, as it was until now.
UP = """
UPDATE refund SET handed_over_by = s.seller_id, handed_over_at = refund.created_at, shift_id = s.shift_id
FROM box_office_sale s
WHERE s.booking_id = refund.booking_id AND refund."to" IN ('cash', 'terminal') AND refund.status = 'processed' AND EXISTS (
    SELECT FROM ledger_transaction t JOIN ledger_entry e ON e.transaction_id = t.id
    WHERE t.reference = 'refund:' || refund.id AND e.account = refund."to");
CREATE INDEX refund_of_shift ON refund (shift_id) WHERE shift_id IS NOT NULL;
CREATE INDEX refund_handed_over ON refund (handed_over_at) WHERE status = 'failed' AND handed_over_at IS NOT NULL;
"""

DOWN = "DROP INDEX refund_of_shift, refund_handed_over"


class Migration(migrations.Migration):
    dependencies = [("frontrow", "0027_cancellations_of_a_show")]

    initial = False

    operations = [
        ops.AddField(model_name="Refund", name="handed_over_by", field=fields.UUIDField(null=True)),
        ops.AddField(model_name="Refund", name="handed_over_at", field=fields.DatetimeField(null=True)),
        ops.AddField(model_name="Refund", name="shift_id", field=fields.UUIDField(null=True)),
        ops.RunSQL(UP, reverse_sql=DOWN),
    ]
