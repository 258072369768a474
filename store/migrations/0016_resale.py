"""Tickets that their buyers offer to others."""

from tortoise import migrations
from tortoise.migrations import operations as ops

UP = """
CREATE TABLE listing (
    id uuid PRIMARY KEY,
    show_id uuid NOT NULL,
    booking_id uuid NOT NULL,
    seller_id uuid NOT NULL,
    seat_id text NOT NULL,
    price bigint NOT NULL CHECK (price > 0),
    face_price bigint NOT NULL,
    fee bigint NOT NULL CHECK (fee BETWEEN 0 AND price),
    status text NOT NULL CHECK (status IN ('open', 'being_bought', 'sold', 'withdrawn', 'ended')),
    buyer_booking_id uuid,
    offered_at timestamptz NOT NULL,
    changed_at timestamptz NOT NULL,
    taken_up_at timestamptz,
    CHECK ((status IN ('being_bought', 'sold')) = (buyer_booking_id IS NOT NULL))
);
CREATE UNIQUE INDEX listing_live_seat ON listing (show_id, seat_id) WHERE status IN ('open', 'being_bought');
CREATE INDEX listing_open ON listing (show_id, price, id) WHERE status = 'open';
CREATE INDEX listing_of_booking ON listing (booking_id);
CREATE INDEX listing_not_taken_up ON listing (changed_at) WHERE status = 'sold' AND taken_up_at IS NULL;
COMMENT ON TABLE listing IS 'A ticket that its buyer offers to others, as its show''s lane decided. taken_up_at: the seller''s saga knows that it is sold.';
"""
DOWN = "DROP TABLE listing"


class Migration(migrations.Migration):
    dependencies = [("frontrow", "0015_books")]

    operations = [ops.RunSQL(UP, reverse_sql=DOWN)]
