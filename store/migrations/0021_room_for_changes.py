"""Rows that lanes change in every batch find room for their new versions on their own page, so that no index changes."""

from tortoise import migrations
from tortoise.migrations import operations as ops

UP = """
ALTER TABLE show SET (fillfactor = 50);
ALTER TABLE seat SET (fillfactor = 50)
"""
DOWN = """
ALTER TABLE show RESET (fillfactor);
ALTER TABLE seat SET (fillfactor = 70)
"""


class Migration(migrations.Migration):
    dependencies = [("frontrow", "0020_cancelled_events")]

    initial = False

    operations = [ops.RunSQL(UP, reverse_sql=DOWN)]
