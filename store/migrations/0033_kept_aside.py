"""What of a wallet is kept aside for a dispute is on an account of its own, and each is somebody's.

Sagas know by now whether their seats were confirmed, and what others have paid for tickets of theirs: those of before
learn it from their timelines."""

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

LEARN = """
UPDATE saga SET progress = jsonb_set(progress::jsonb, '{facts,seated}', 'true')::text WHERE EXISTS (
    SELECT FROM saga_event e WHERE e.saga_id = saga.id AND e.event = 'seats_confirmed');
UPDATE saga SET progress = jsonb_set(progress::jsonb, '{facts,proceeds}', to_jsonb(sold.amount))::text FROM (
    SELECT saga_id, sum((detail::jsonb ->> 'price')::bigint - (detail::jsonb ->> 'fee')::bigint) AS amount
    FROM saga_event WHERE event = 'seat_resold' GROUP BY saga_id
) AS sold WHERE saga.id = sold.saga_id AND sold.amount > 0;
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
    dependencies = [("frontrow", "0032_kept_places")]

    initial = False

    operations = [ops.RunSQL(UP, reverse_sql=DOWN), ops.RunSQL(LEARN, reverse_sql="")]
