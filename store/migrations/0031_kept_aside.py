"""What of a wallet is kept aside for a dispute is on an account of its own, and each is somebody's."""

from tortoise import migrations
from tortoise.migrations import operations as ops

UP = """
ALTER TABLE ledger_entry DROP CONSTRAINT ledger_entry_account_check;
ALTER TABLE ledger_entry ADD CONSTRAINT ledger_entry_account_check CHECK (account IN (
    'provider', 'cash', 'terminal', 'bank', 'wallet', 'aside', 'booking', 'organiser', 'service', 'by-hand',
    'provider-fees', 'losses'
));
ALTER TABLE ledger_entry ADD CONSTRAINT ledger_entry_aside_is_owned CHECK (account <> 'aside' OR owner IS NOT NULL);
"""

DOWN = """
ALTER TABLE ledger_entry DROP CONSTRAINT ledger_entry_aside_is_owned;
ALTER TABLE ledger_entry DROP CONSTRAINT ledger_entry_account_check;
ALTER TABLE ledger_entry ADD CONSTRAINT ledger_entry_account_check CHECK (account IN (
    'provider', 'cash', 'terminal', 'bank', 'wallet', 'booking', 'organiser', 'service', 'by-hand', 'provider-fees',
    'losses'
));
"""


class Migration(migrations.Migration):
    dependencies = [("frontrow", "0030_losses")]

    initial = False

    operations = [ops.RunSQL(UP, reverse_sql=DOWN)]
