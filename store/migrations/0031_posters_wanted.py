"""Each poster has a row: by what its content is known, until when somebody wants it, and whether it is going."""

from tortoise import migrations
from tortoise.migrations import operations as ops

UP = """
CREATE TABLE poster (
    id uuid PRIMARY KEY,
    digest text,
    wanted_until timestamptz,
    going boolean NOT NULL DEFAULT false
);
COMMENT ON COLUMN poster.digest IS 'Of its content; of those from before there were rows it is not known.';
COMMENT ON COLUMN poster.wanted_until IS 'Until then it may be shown by an event that does not show it yet; null while events do.';
COMMENT ON COLUMN poster.going IS 'No event shows it, and none ever will: its files are being removed.';
CREATE UNIQUE INDEX poster_by_digest ON poster (digest) WHERE NOT going;
CREATE INDEX poster_unwanted ON poster (wanted_until) WHERE NOT going AND wanted_until IS NOT NULL;
CREATE INDEX poster_going ON poster (id) WHERE going;
INSERT INTO poster (id) SELECT DISTINCT substr(poster_url, 13)::uuid FROM event
WHERE poster_url ~ '^/v1/posters/[0-9a-f-]{36}$';
"""


class Migration(migrations.Migration):
    dependencies = [("frontrow", "0030_losses")]

    initial = False

    operations = [ops.RunSQL(UP, reverse_sql="DROP TABLE poster")]
