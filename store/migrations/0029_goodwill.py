"""A refund's reason may be an organiser's own words."""

from tortoise import fields, migrations
from tortoise.migrations import operations as ops


class Migration(migrations.Migration):
    dependencies = [("frontrow", "0028_refunds_handed_over")]

    initial = False

    operations = [
        ops.AlterField(model_name="Refund", name="reason", field=fields.CharField(max_length=200)),
    ]
