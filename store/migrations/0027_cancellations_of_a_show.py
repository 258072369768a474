"""How far a large show's cancellation has come is counted by an index."""

from tortoise import migrations
from tortoise.migrations import operations as ops


class Migration(migrations.Migration):
    dependencies = [("frontrow", "0026_posters_used")]

    initial = False

    operations = [
        ops.RunSQL(
            "CREATE INDEX cancellation_of_show ON cancellation (show_id)", reverse_sql="DROP INDEX cancellation_of_show"
        )
    ]
