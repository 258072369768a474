"""Invoices and credit notes, numbered without gaps for each organiser and year; what falls due is noted with its posting."""

from tortoise import migrations
from tortoise.migrations import operations as ops

UP = """
CREATE TABLE invoice_counter (
    organiser_id uuid NOT NULL REFERENCES organiser (id),
    kind text NOT NULL CHECK (kind IN ('invoice', 'credit-note')),
    year int NOT NULL,
    last int NOT NULL,
    PRIMARY KEY (organiser_id, kind, year)
);

CREATE TABLE invoice (
    id uuid PRIMARY KEY,
    kind text NOT NULL CHECK (kind IN ('invoice', 'credit-note')),
    organiser_id uuid NOT NULL REFERENCES organiser (id),
    year int NOT NULL,
    number int NOT NULL CHECK (number > 0),
    booking_id uuid NOT NULL,
    transaction_id uuid NOT NULL UNIQUE REFERENCES ledger_transaction (id),
    corrects uuid REFERENCES invoice (id),
    currency text NOT NULL,
    amount bigint NOT NULL CHECK (amount > 0),
    tax bigint NOT NULL,
    body text NOT NULL,
    at timestamptz NOT NULL,
    UNIQUE (organiser_id, kind, year, number),
    CHECK ((kind = 'credit-note') = (corrects IS NOT NULL))
);
CREATE UNIQUE INDEX invoice_of_booking ON invoice (booking_id) WHERE kind = 'invoice';
CREATE INDEX invoice_and_notes_of_booking ON invoice (booking_id);
CREATE INDEX invoice_of_organiser ON invoice (organiser_id, at DESC, id DESC);
COMMENT ON TABLE invoice IS 'What was sold, or given back, as it was then. Rows are only ever added.';
CREATE TRIGGER invoice_only_grows BEFORE UPDATE OR DELETE OR TRUNCATE ON invoice
    FOR EACH STATEMENT EXECUTE FUNCTION ledger_only_grows();

CREATE TABLE invoice_due (
    transaction_id uuid PRIMARY KEY,
    at timestamptz NOT NULL
);
CREATE INDEX invoice_due_in_order ON invoice_due (at, transaction_id);
COMMENT ON TABLE invoice_due IS 'Sales and cancellations whose paper has no number yet.';
CREATE FUNCTION invoice_falls_due() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO invoice_due (transaction_id, at) VALUES (NEW.id, NEW.at);
    RETURN NULL;
END $$;
CREATE TRIGGER invoice_falls_due AFTER INSERT ON ledger_transaction
    FOR EACH ROW WHEN (NEW.kind IN ('sale', 'cancellation')) EXECUTE FUNCTION invoice_falls_due();
INSERT INTO invoice_due (transaction_id, at) SELECT id, at FROM ledger_transaction WHERE kind IN ('sale', 'cancellation');
"""

DOWN = """
DROP TRIGGER invoice_falls_due ON ledger_transaction;
DROP FUNCTION invoice_falls_due;
DROP TABLE invoice_due, invoice, invoice_counter;
"""


class Migration(migrations.Migration):
    dependencies = [("frontrow", "0016_resale")]

    initial = False

    operations = [ops.RunSQL(UP, reverse_sql=DOWN)]
