"""A body that its owner has closed: read ever after, and never again acted for."""

from tortoise import migrations
from tortoise.migrations import operations as ops

UP = """
ALTER TABLE organiser DROP CONSTRAINT organiser_status;
ALTER TABLE organiser ADD CONSTRAINT organiser_status
    CHECK (status IN ('applied', 'approved', 'suspended', 'refused', 'closed'));
"""

DOWN = """
UPDATE organiser SET status = 'suspended' WHERE status = 'closed';
ALTER TABLE organiser DROP CONSTRAINT organiser_status;
ALTER TABLE organiser ADD CONSTRAINT organiser_status CHECK (status IN ('applied', 'approved', 'suspended', 'refused'));
"""


class Migration(migrations.Migration):
    dependencies = [("frontrow", "0023_what_is_over")]
    operations = [ops.RunSQL(UP, reverse_sql=DOWN)]
