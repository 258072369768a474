"""Whether an event still has a poster is found by its address: its files go when none has."""

from tortoise import migrations
from tortoise.migrations import operations as ops


class Migration(migrations.Migration):
    dependencies = [("frontrow", "0025_halls_wanted")]
    operations = [
        ops.RunSQL(
            "CREATE INDEX event_by_poster ON event (poster_url) WHERE poster_url IS NOT NULL",
            reverse_sql="DROP INDEX event_by_poster",
        )
    ]
