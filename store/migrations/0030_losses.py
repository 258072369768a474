"""What payers' banks take back of money that has left its wallet is a loss, on an account of its own."""

from tortoise import migrations
from tortoise.migrations import operations as ops

SQL = """
ALTER TABLE ledger_entry DROP CONSTRAINT ledger_entry_account_check;
ALTER TABLE ledger_entry ADD CONSTRAINT ledger_entry_account_check CHECK (account IN (
    'provider', 'cash', 'terminal', 'bank', 'wallet', 'booking', 'organiser', 'service', 'by-hand', 'provider-fees'{more}
));
"""


class Migration(migrations.Migration):
    dependencies = [("frontrow", "0029_goodwill")]

    initial = False

    operations = [ops.RunSQL(SQL.format(more=", 'losses'"), reverse_sql=SQL.format(more=""))]
