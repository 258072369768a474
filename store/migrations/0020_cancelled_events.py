"""Events of which nothing is to come any more because it was cancelled are cancelled, those of before included."""

from tortoise import migrations
from tortoise.migrations import operations as ops

UP = """
UPDATE event e SET status = 'cancelled' WHERE e.status = 'published'
    AND EXISTS (SELECT FROM show w WHERE w.event_id = e.id AND w.cancelled AND w.ends_at > now())
    AND NOT EXISTS (SELECT FROM show w WHERE w.event_id = e.id AND NOT w.cancelled AND w.ends_at > now())
"""


class Migration(migrations.Migration):
    dependencies = [("frontrow", "0019_invoice_to")]

    initial = False

    operations = [ops.RunSQL(UP, reverse_sql="SELECT 1")]
