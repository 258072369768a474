"""A message of a saga lane may hold several events: one row for the message (part 0), and one for each of them."""

from tortoise import migrations
from tortoise.migrations import operations as ops

UP = """
ALTER TABLE saga_journal ADD COLUMN part int NOT NULL DEFAULT 0;
ALTER TABLE saga_journal DROP CONSTRAINT saga_journal_pkey;
ALTER TABLE saga_journal ADD CONSTRAINT saga_journal_pkey PRIMARY KEY (lane, generation, "offset", part);
"""

DOWN = """
ALTER TABLE saga_journal DROP CONSTRAINT saga_journal_pkey;
DELETE FROM saga_journal WHERE part > 0;
ALTER TABLE saga_journal DROP COLUMN part;
ALTER TABLE saga_journal ADD CONSTRAINT saga_journal_pkey PRIMARY KEY (lane, generation, "offset");
"""


class Migration(migrations.Migration):
    dependencies = [("frontrow", "0002_lanes_seats_sagas")]
    operations = [ops.RunSQL(UP, reverse_sql=DOWN)]
