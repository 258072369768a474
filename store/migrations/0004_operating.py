"""What an operator sees and does: dead letters, who can serve which lanes, and shows that have moved to another lane."""

from tortoise import fields, migrations
from tortoise.migrations import operations as ops

UP = """
CREATE TABLE dead_letter (
    id uuid PRIMARY KEY,
    queue text NOT NULL,
    generation int,
    "offset" bigint,
    message text NOT NULL,
    command_id text,
    booking_id uuid,
    show_id uuid,
    reason text NOT NULL,
    body text NOT NULL,
    sealed bytea,
    trace text NOT NULL,
    given_up_at timestamptz NOT NULL,
    retried_at timestamptz,
    retried_by uuid,
    CHECK ((retried_at IS NULL) = (retried_by IS NULL))
);
COMMENT ON TABLE dead_letter IS 'Every message that was given up, from work queues and lanes. body is masked, for people; sealed is the message as it was, kept only until it has been sent again.';
CREATE INDEX dead_letter_latest ON dead_letter (given_up_at DESC, id DESC);
CREATE UNIQUE INDEX dead_letter_of_lane ON dead_letter (queue, generation, "offset") WHERE "offset" IS NOT NULL;

CREATE INDEX journal_set_aside ON journal (decided_at) WHERE outcome IN ('failed', 'unreadable', 'quarantined', 'elsewhere');
CREATE INDEX saga_journal_set_aside ON saga_journal (decided_at) WHERE outcome LIKE 'failed%' OR outcome LIKE 'unreadable%';

ALTER TABLE worker ADD COLUMN lanes int NOT NULL DEFAULT 0;
COMMENT ON COLUMN worker.lanes IS 'How many lanes of its kind it can serve, counted from the first: its SHOW_LANES or SAGA_LANES.';
"""

DOWN = """
DROP TABLE dead_letter;
DROP INDEX journal_set_aside, saga_journal_set_aside;
ALTER TABLE worker DROP COLUMN lanes;
"""


class Migration(migrations.Migration):
    dependencies = [("frontrow", "0003_several_events_in_a_message")]
    operations = [
        ops.RunSQL(UP, reverse_sql=DOWN),
        ops.AddField(model_name="Show", name="moved_at", field=fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
        ops.AddField(model_name="Show", name="off_sale_until", field=fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
        ops.AddField(model_name="Show", name="alone", field=fields.BooleanField(default=False, db_default=False)),
    ]
