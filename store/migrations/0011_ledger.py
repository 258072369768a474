"""The ledger, whose rows are only ever added; cancellations; refunds of a part."""

from tortoise import fields, migrations
from tortoise.migrations import operations as ops
from tortoise.migrations.constraints import UniqueConstraint

UP = """
CREATE TABLE ledger_transaction (
    id uuid PRIMARY KEY,
    kind text NOT NULL,
    reference text NOT NULL UNIQUE,
    booking_id uuid,
    note text NOT NULL DEFAULT '',
    at timestamptz NOT NULL
);
CREATE INDEX ledger_transaction_of_booking ON ledger_transaction (booking_id) WHERE booking_id IS NOT NULL;
COMMENT ON TABLE ledger_transaction IS 'Why money moved, once for each reference. Rows are only ever added.';

CREATE TABLE ledger_entry (
    transaction_id uuid NOT NULL REFERENCES ledger_transaction (id),
    n smallint NOT NULL,
    account text NOT NULL CHECK (account IN (
        'provider', 'cash', 'terminal', 'bank', 'wallet', 'booking', 'organiser', 'service', 'by-hand', 'provider-fees'
    )),
    owner uuid,
    currency text NOT NULL CHECK (length(currency) = 3),
    amount bigint NOT NULL CHECK (amount <> 0),
    balance_after bigint CHECK (balance_after >= 0),
    PRIMARY KEY (transaction_id, n),
    CHECK ((account = 'wallet') = (balance_after IS NOT NULL)),
    CHECK (account NOT IN ('wallet', 'booking', 'organiser', 'cash', 'terminal') OR owner IS NOT NULL)
);
CREATE INDEX ledger_entry_of_account ON ledger_entry (account, owner, currency);
COMMENT ON TABLE ledger_entry IS 'Debits are above zero, credits below; the entries of a transaction sum to zero in each currency. balance_after is what a wallet holds then.';

CREATE FUNCTION ledger_balances() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (
        SELECT FROM ledger_entry WHERE transaction_id = NEW.transaction_id GROUP BY currency HAVING sum(amount) <> 0
    ) THEN
        RAISE EXCEPTION 'ledger transaction % does not sum to zero', NEW.transaction_id USING ERRCODE = 'check_violation';
    END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER ledger_entries_balance AFTER INSERT ON ledger_entry
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION ledger_balances();

CREATE FUNCTION ledger_only_grows() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the ledger is only ever added to' USING ERRCODE = 'restrict_violation';
END $$;
CREATE TRIGGER ledger_transaction_only_grows BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger_transaction
    FOR EACH STATEMENT EXECUTE FUNCTION ledger_only_grows();
CREATE TRIGGER ledger_entry_only_grows BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger_entry
    FOR EACH STATEMENT EXECUTE FUNCTION ledger_only_grows();

-- What wallets held before there was a ledger is brought into it, entry by entry.
INSERT INTO ledger_transaction (id, kind, reference, note, at)
SELECT id, 'wallet', reference, description, at FROM wallet_entry;
INSERT INTO ledger_entry (transaction_id, n, account, owner, currency, amount, balance_after)
SELECT e.id, 1, 'wallet', w.user_id, w.currency, -e.amount, e.balance_after
FROM wallet_entry e JOIN wallet w ON w.id = e.wallet_id WHERE e.amount <> 0
UNION ALL
SELECT e.id, 2, 'service', NULL, w.currency, e.amount, NULL
FROM wallet_entry e JOIN wallet w ON w.id = e.wallet_id WHERE e.amount <> 0;

CREATE TABLE cancellation (
    id uuid PRIMARY KEY,
    booking_id uuid NOT NULL,
    show_id uuid NOT NULL,
    seats text NOT NULL,
    amount bigint NOT NULL CHECK (amount >= 0),
    retained bigint NOT NULL,
    currency text NOT NULL,
    "to" text NOT NULL,
    "by" text NOT NULL,
    reason text NOT NULL,
    actor_id uuid,
    decided_at timestamptz NOT NULL,
    taken_up_at timestamptz
);
CREATE INDEX cancellation_of_booking ON cancellation (booking_id);
CREATE INDEX cancellation_not_taken_up ON cancellation (decided_at) WHERE taken_up_at IS NULL;
COMMENT ON TABLE cancellation IS 'Seats of a confirmed booking that its show''s lane took back, and what is owed for them.';

CREATE TABLE show_cancellation (
    id uuid PRIMARY KEY,
    show_id uuid NOT NULL UNIQUE,
    venue_cancellation_id uuid,
    organiser_id uuid NOT NULL,
    reason text NOT NULL,
    asked_by uuid NOT NULL,
    asked_at timestamptz NOT NULL DEFAULT now(),
    bookings int,
    done_at timestamptz
);
CREATE INDEX show_cancellation_of_venue ON show_cancellation (venue_cancellation_id);
CREATE INDEX show_cancellation_open ON show_cancellation (asked_at) WHERE done_at IS NULL;
COMMENT ON TABLE show_cancellation IS 'A show that is being cancelled, or was: its bookings follow in slices.';

ALTER TABLE booking DROP CONSTRAINT booking_state_check;
ALTER TABLE booking ADD CONSTRAINT booking_state_check
    CHECK (state IN ('held', 'confirmed', 'expired', 'released', 'refused', 'failed', 'cancelled'));
CREATE INDEX refund_open ON refund (created_at) WHERE status <> 'processed';
"""

DOWN = """
DROP TABLE ledger_entry, ledger_transaction, cancellation, show_cancellation;
DROP FUNCTION ledger_balances, ledger_only_grows;
DROP INDEX refund_open;
"""

LETTERS = "UPDATE letter SET about = booking_id WHERE booking_id IS NOT NULL"


class Migration(migrations.Migration):
    dependencies = [("frontrow", "0010_accounts")]

    operations = [
        ops.RemoveConstraint(model_name="Letter", name=None, fields=["booking_id", "template"]),
        ops.AlterModelOptions(
            name="Letter",
            options={"table": "letter", "app": "frontrow", "unique_together": (("booking_id", "template", "about"),),
                     "pk_attr": "id", "table_description": "One letter, sent once under its own Message-ID: about a booking, unique by booking, template and what it is"},
        ),
        ops.AddField(model_name="Letter", name="about", field=fields.UUIDField(null=True)),
        ops.RunSQL(LETTERS, reverse_sql="SELECT 1"),
        ops.AddConstraint(
            model_name="Letter", constraint=UniqueConstraint(fields=("booking_id", "template", "about"), name=None)
        ),
        ops.AlterModelOptions(
            name="Refund",
            options={"table": "refund", "app": "frontrow", "pk_attr": "id",
                     "table_description": "Money that goes back: a captured payment, or a part of it.  ``status``: pending, processed, failed."},
        ),
        ops.AlterField(
            model_name="Refund", name="provider_payment_id", field=fields.CharField(db_index=True, max_length=60)
        ),
        ops.AddField(model_name="Refund", name="about", field=fields.UUIDField(null=True)),
        ops.AddField(model_name="Refund", name="attempt", field=fields.IntField(default=0, db_default=0)),
        ops.RunSQL(UP, reverse_sql=DOWN),
        ops.DeleteModel(name="WalletEntry"),
    ]
