"""An organiser's books: entries that are found by their time, and payouts, whose rows are only ever added."""

from tortoise import migrations
from tortoise.migrations import operations as ops

UP = """
ALTER TABLE ledger_entry ADD COLUMN at timestamptz NOT NULL DEFAULT now();
ALTER TABLE ledger_entry DISABLE TRIGGER ledger_entry_only_grows;
UPDATE ledger_entry e SET at = t.at FROM ledger_transaction t WHERE t.id = e.transaction_id;
ALTER TABLE ledger_entry ENABLE TRIGGER ledger_entry_only_grows;
CREATE INDEX ledger_entry_of_organiser ON ledger_entry (owner, at, transaction_id) INCLUDE (account, currency, amount)
    WHERE account IN ('organiser', 'cash', 'terminal');
COMMENT ON COLUMN ledger_entry.at IS 'The transaction''s own time, here too for statements.';

CREATE TABLE payout (
    id uuid PRIMARY KEY,
    organiser_id uuid NOT NULL REFERENCES organiser (id),
    currency text NOT NULL,
    amount bigint NOT NULL CHECK (amount > 0),
    account text NOT NULL,
    reference text NOT NULL,
    note text NOT NULL,
    recorded_by uuid NOT NULL,
    at timestamptz NOT NULL DEFAULT now(),
    UNIQUE (organiser_id, currency, reference)
);
CREATE INDEX payout_newest ON payout (at DESC, id DESC);
COMMENT ON TABLE payout IS 'What an organiser was paid by bank, and to which account. Rows are only ever added.';
CREATE TRIGGER payout_only_grows BEFORE UPDATE OR DELETE OR TRUNCATE ON payout
    FOR EACH STATEMENT EXECUTE FUNCTION ledger_only_grows();
"""

DOWN = """
DROP TABLE payout;
DROP INDEX ledger_entry_of_organiser;
ALTER TABLE ledger_entry DROP COLUMN at;
"""


class Migration(migrations.Migration):
    dependencies = [("frontrow", "0014_called_off")]

    initial = False

    operations = [ops.RunSQL(UP, reverse_sql=DOWN)]
