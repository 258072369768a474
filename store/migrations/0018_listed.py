"""Sellers are told that their ticket is offered: what nobody has written of yet is noted with the listing."""

from tortoise import migrations
from tortoise.migrations import operations as ops

UP = """
CREATE TABLE listing_untold (listing_id uuid PRIMARY KEY);
COMMENT ON TABLE listing_untold IS 'Listings whose seller has not been written to. A row of its own, so that the sweep never waits for the lane''s.';
CREATE FUNCTION listing_is_untold() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO listing_untold (listing_id) VALUES (NEW.id);
    RETURN NULL;
END $$;
CREATE TRIGGER listing_is_untold AFTER INSERT ON listing FOR EACH ROW EXECUTE FUNCTION listing_is_untold();
"""
DOWN = """
DROP TRIGGER listing_is_untold ON listing;
DROP FUNCTION listing_is_untold;
DROP TABLE listing_untold;
"""


class Migration(migrations.Migration):
    dependencies = [("frontrow", "0017_invoices")]

    initial = False

    operations = [ops.RunSQL(UP, reverse_sql=DOWN)]
