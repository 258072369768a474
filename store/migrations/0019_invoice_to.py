"""To whom invoices are made out: personal data, and so apart from the papers, which stay."""

from tortoise import migrations
from tortoise.migrations import operations as ops

UP = """
CREATE TABLE invoice_to (
    user_id uuid PRIMARY KEY,
    name text NOT NULL,
    tax_id text
);
COMMENT ON TABLE invoice_to IS 'To whom a person wants their invoices made out, from now on.';
CREATE TABLE invoice_recipient (
    booking_id uuid PRIMARY KEY,
    name text NOT NULL,
    tax_id text
);
COMMENT ON TABLE invoice_recipient IS 'To whom a booking''s invoice and credit notes are made out, as it was when the invoice was numbered; gone when the buyer is erased.';
"""
DOWN = "DROP TABLE invoice_to, invoice_recipient"


class Migration(migrations.Migration):
    dependencies = [("frontrow", "0018_listed")]

    initial = False

    operations = [ops.RunSQL(UP, reverse_sql=DOWN)]
