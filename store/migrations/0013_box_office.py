"""What buyers put into their wallets; what is sold at the box office, by whom, in which shift, and what was counted."""

from tortoise import migrations
from tortoise.migrations import operations as ops

UP = """
CREATE TABLE top_up (
    id uuid PRIMARY KEY,
    user_id uuid NOT NULL,
    payment_id uuid NOT NULL UNIQUE,
    amount bigint NOT NULL CHECK (amount > 0),
    currency text NOT NULL CHECK (length(currency) = 3),
    at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX top_up_of_user ON top_up (user_id);
COMMENT ON TABLE top_up IS 'Money that a buyer puts into their wallet; its saga has the same id.';

CREATE TABLE box_office_shift (
    id uuid PRIMARY KEY,
    organiser_id uuid NOT NULL,
    seller_id uuid NOT NULL,
    opened_at timestamptz NOT NULL DEFAULT now(),
    closed_at timestamptz
);
CREATE UNIQUE INDEX box_office_shift_open ON box_office_shift (organiser_id, seller_id) WHERE closed_at IS NULL;
CREATE INDEX box_office_shift_of_organiser ON box_office_shift (organiser_id, id);
COMMENT ON TABLE box_office_shift IS 'From when to when somebody sells; one at a time for each seller.';

CREATE TABLE box_office_count (
    shift_id uuid NOT NULL REFERENCES box_office_shift (id),
    method text NOT NULL CHECK (method IN ('cash', 'terminal')),
    currency text NOT NULL CHECK (length(currency) = 3),
    expected bigint NOT NULL,
    counted bigint NOT NULL,
    PRIMARY KEY (shift_id, method, currency)
);
COMMENT ON TABLE box_office_count IS 'What a shift should have taken by the ledger when it was closed, and what was counted.';

CREATE TABLE box_office_sale (
    booking_id uuid PRIMARY KEY,
    organiser_id uuid NOT NULL,
    show_id uuid NOT NULL,
    shift_id uuid REFERENCES box_office_shift (id),
    seller_id uuid NOT NULL,
    method text NOT NULL CHECK (method IN ('cash', 'terminal', 'comp')),
    customer_name text NOT NULL,
    customer_email text,
    at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX box_office_sale_of_shift ON box_office_sale (shift_id) WHERE shift_id IS NOT NULL;
CREATE INDEX box_office_sale_of_show ON box_office_sale (show_id);
COMMENT ON TABLE box_office_sale IS 'A wish that staff made for a customer without an account; without a booking of its id it was refused.';
"""

DOWN = "DROP TABLE box_office_sale, box_office_count, box_office_shift, top_up"


class Migration(migrations.Migration):
    dependencies = [("frontrow", "0012_provider")]

    initial = False

    operations = [ops.RunSQL(UP, reverse_sql=DOWN)]
