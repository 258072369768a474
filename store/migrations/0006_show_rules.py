"""What a show sells by beside times and prices: its rules and coupons; the time that each show has its hall for."""

from tortoise import fields, migrations
from tortoise.migrations import operations as ops

UP = """
CREATE EXTENSION IF NOT EXISTS btree_gist;

ALTER TABLE show ADD COLUMN local_starts_at timestamp;
COMMENT ON COLUMN show.local_starts_at IS 'What the clock on the venue''s wall shows when it begins.';

CREATE TABLE coupon (
    show_id uuid NOT NULL REFERENCES show (id),
    code text NOT NULL,
    terms text NOT NULL,
    PRIMARY KEY (show_id, code)
);
COMMENT ON TABLE coupon IS 'The coupons of a show, as its lane decided them; how often each was used is what bookings say.';

CREATE TABLE hall_time (
    show_id uuid NOT NULL REFERENCES show (id) ON DELETE CASCADE,
    hall_id uuid NOT NULL REFERENCES hall (id),
    during tstzrange NOT NULL,
    CONSTRAINT hall_has_one_show EXCLUDE USING gist (hall_id WITH =, during WITH &&, show_id WITH <>)
);
CREATE INDEX hall_time_of_show ON hall_time (show_id);
COMMENT ON TABLE hall_time IS 'When a hall is taken, and by which show: no two shows at once.';

CREATE TABLE organiser_charges (
    organiser_id uuid PRIMARY KEY REFERENCES organiser (id),
    fees text,
    tax text
);
COMMENT ON TABLE organiser_charges IS 'Fees and tax of the shows that an organiser makes from now on; each show keeps its own.';

CREATE INDEX booking_of_show ON booking (show_id, place);
"""

DOWN = """
DROP TABLE coupon, hall_time, organiser_charges;
DROP INDEX booking_of_show;
ALTER TABLE show DROP COLUMN local_starts_at;
"""


class Migration(migrations.Migration):
    dependencies = [("frontrow", "0005_organisers")]
    operations = [
        ops.AddField(model_name="Show", name="rules", field=fields.TextField(null=True, unique=False)),
        ops.AddField(
            model_name="Show",
            name="decided_at",
            field=fields.DatetimeField(null=True, auto_now=False, auto_now_add=False),
        ),
        ops.RunSQL(UP, reverse_sql=DOWN),
    ]
