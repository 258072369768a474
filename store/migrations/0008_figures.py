"""Figures of sales by show, day and section."""

from tortoise import migrations
from tortoise.migrations import operations as ops

UP = """
CREATE TABLE sales_of_show (
    show_id uuid PRIMARY KEY REFERENCES show (id) ON DELETE CASCADE,
    seats_version bigint NOT NULL,
    counted_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE sales_of_show IS 'At which version of its seats a show''s sales were counted; another version means: count again.';

CREATE TABLE sales_figure (
    show_id uuid NOT NULL REFERENCES show (id) ON DELETE CASCADE,
    seats_version bigint NOT NULL,
    day date NOT NULL,
    section text NOT NULL,
    sold int NOT NULL,
    held int NOT NULL,
    revenue bigint NOT NULL,
    fees bigint NOT NULL,
    tax bigint NOT NULL,
    PRIMARY KEY (show_id, seats_version, day, section)
);
COMMENT ON TABLE sales_figure IS 'A show''s sales by day and section, as of a version of its seats. Counted from its bookings when asked for.';
"""

DOWN = """
DROP TABLE sales_figure, sales_of_show;
"""


class Migration(migrations.Migration):
    dependencies = [("frontrow", "0007_search")]
    operations = [ops.RunSQL(UP, reverse_sql=DOWN)]
