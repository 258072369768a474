"""A hall is kept for a show that is about to move, from when its organiser is told so until its lane has decided."""

from tortoise import migrations
from tortoise.migrations import operations as ops

UP = """
ALTER TABLE hall_time ADD COLUMN wanted_by uuid, ADD COLUMN wanted_until timestamptz;
CREATE INDEX hall_time_wanted ON hall_time (wanted_by) WHERE wanted_by IS NOT NULL;
COMMENT ON COLUMN hall_time.wanted_by IS 'The command that would move the show to this time, while its lane has not decided it.';
"""

DOWN = """
DELETE FROM hall_time WHERE wanted_by IS NOT NULL;
ALTER TABLE hall_time DROP COLUMN wanted_by, DROP COLUMN wanted_until;
"""


class Migration(migrations.Migration):
    dependencies = [("frontrow", "0024_closed_bodies")]
    operations = [ops.RunSQL(UP, reverse_sql=DOWN)]
