"""Venues that are given up, and shows that are postponed: who asked, and how far telling the buyers has come."""

from tortoise import migrations
from tortoise.migrations import operations as ops

UP = """
CREATE TABLE venue_cancellation (
    id uuid PRIMARY KEY,
    venue_id uuid NOT NULL UNIQUE,
    organiser_id uuid NOT NULL,
    reason text NOT NULL,
    asked_by uuid NOT NULL,
    asked_at timestamptz NOT NULL DEFAULT now()
);
CREATE TABLE postponement (
    id uuid PRIMARY KEY,
    show_id uuid NOT NULL,
    refund_until timestamptz NOT NULL,
    asked_by uuid NOT NULL,
    asked_at timestamptz NOT NULL DEFAULT now(),
    told_up_to uuid NOT NULL DEFAULT '00000000-0000-0000-0000-000000000000',
    done_at timestamptz
);
CREATE INDEX postponement_open ON postponement (asked_at) WHERE done_at IS NULL;
"""

DOWN = "DROP TABLE venue_cancellation, postponement"


class Migration(migrations.Migration):
    dependencies = [("frontrow", "0013_box_office")]
    operations = [ops.RunSQL(UP, reverse_sql=DOWN)]
