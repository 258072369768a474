"""A show that is made while its venue is renamed waits for that, so that its event is never found by the old name."""

from tortoise import migrations
from tortoise.migrations import operations as ops

UP = """
CREATE OR REPLACE FUNCTION search_after_shows() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM FROM venue WHERE id IN (SELECT h.venue_id FROM hall h JOIN changed c ON c.hall_id = h.id) ORDER BY id FOR SHARE;
    PERFORM search_refresh_events(array_agg(DISTINCT event_id)) FROM changed HAVING count(*) > 0;
    RETURN NULL;
END $$;
"""

DOWN = """
CREATE OR REPLACE FUNCTION search_after_shows() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM search_refresh_events(array_agg(DISTINCT event_id)) FROM changed HAVING count(*) > 0;
    RETURN NULL;
END $$;
"""


class Migration(migrations.Migration):
    dependencies = [("frontrow", "0008_figures")]
    operations = [ops.RunSQL(UP, reverse_sql=DOWN)]
