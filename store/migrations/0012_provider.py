"""In which attempt the provider made a refund."""

from tortoise import migrations
from tortoise.migrations import operations as ops
from tortoise import fields


class Migration(migrations.Migration):
    dependencies = [('frontrow', '0010_accounts')]

    initial = False

    operations = [
        ops.AddField(
            model_name='Refund',
            name='provider_attempt',
            field=fields.IntField(default=0, db_default=0),
        ),
    ]
