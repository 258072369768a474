"""What the provider is asked about and says: payments before their hold ends, refunds until they have ended; runs of
the reconciler with what needs a human; settlements."""

from tortoise import migrations
from tortoise.migrations import operations as ops
from tortoise import fields

UP = """
CREATE INDEX refund_pending ON refund (created_at) WHERE status = 'pending';
CREATE INDEX capture_of_time ON capture (captured_at);

CREATE TABLE reconcile_run (
    id uuid PRIMARY KEY,
    began_at timestamptz NOT NULL,
    ended_at timestamptz,
    from_at timestamptz NOT NULL,
    to_at timestamptz NOT NULL,
    payments int NOT NULL DEFAULT 0,
    refunds int NOT NULL DEFAULT 0,
    disputes int NOT NULL DEFAULT 0,
    settlement_lines int NOT NULL DEFAULT 0,
    repaired int NOT NULL DEFAULT 0,
    unexplained bigint NOT NULL DEFAULT 0,
    sums text NOT NULL DEFAULT '{}',
    note text NOT NULL DEFAULT ''
);
CREATE INDEX reconcile_run_latest ON reconcile_run (began_at DESC);

CREATE TABLE money_matter (
    id uuid PRIMARY KEY,
    kind text NOT NULL,
    subject text NOT NULL,
    booking_id uuid,
    amount bigint,
    currency text,
    detail text NOT NULL,
    tried text NOT NULL,
    seen_at timestamptz NOT NULL,
    last_seen_at timestamptz NOT NULL,
    ended_at timestamptz,
    UNIQUE (kind, subject)
);
CREATE INDEX money_matter_open ON money_matter (seen_at, id) WHERE ended_at IS NULL;

CREATE TABLE settlement_line (
    entity_id text PRIMARY KEY,
    kind text NOT NULL,
    amount bigint NOT NULL,
    currency text NOT NULL,
    fee bigint NOT NULL,
    tax bigint NOT NULL,
    credit bigint NOT NULL,
    debit bigint NOT NULL,
    settlement_id text NOT NULL,
    settled_at timestamptz NOT NULL,
    provider_payment_id text,
    dispute_id text,
    noted_at timestamptz NOT NULL,
    booked_at timestamptz
);
CREATE INDEX settlement_line_unbooked ON settlement_line (settled_at, entity_id) WHERE booked_at IS NULL;
"""

DOWN = """
DROP INDEX refund_pending, capture_of_time;
DROP TABLE reconcile_run, money_matter, settlement_line;
"""


class Migration(migrations.Migration):
    dependencies = [('frontrow', '0011_ledger')]

    initial = False

    operations = [
        ops.AddField(model_name="Payment", name="asked_before", field=fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
        ops.AddField(model_name="Refund", name="next_check_at", field=fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
        ops.AddField(model_name="Refund", name="checks", field=fields.IntField(default=0, db_default=0)),
        ops.RunSQL(UP, DOWN),
    ]
