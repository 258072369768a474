"""What partners keep of a show and have left, as its lane says it: lists and search count it out for everybody else."""

from tortoise import migrations
from tortoise.migrations import operations as ops

UP = """
ALTER TABLE show ADD COLUMN kept jsonb;
COMMENT ON COLUMN show.kept IS
    'For each of its partners the free places by section ("left"), and "until" when they are kept; null where nothing is.';

CREATE FUNCTION places_kept(kept jsonb) RETURNS bigint LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT coalesce(sum(places_left(k.value -> 'left')), 0)::bigint FROM jsonb_array_elements(kept) k
    WHERE k.value ->> 'until' IS NULL OR (k.value ->> 'until')::timestamptz > now()
$$;
CREATE FUNCTION places_for_all(remaining jsonb, kept jsonb) RETURNS boolean LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT places_left(remaining) > CASE WHEN kept IS NULL THEN 0 ELSE places_kept(kept) END
$$;
COMMENT ON FUNCTION places_for_all IS 'Whether a show has places left that anybody can have.';
"""

#: The shows of before: what their lanes will say with their next batches.
OF_BEFORE = """
WITH section AS (
    SELECT w.id AS show_id, s.n, s.value ->> 'id' AS id, CASE s.value ->> 'kind'
        WHEN 'standing' THEN (s.value ->> 'capacity')::int
        ELSE (SELECT coalesce(sum(jsonb_array_length(r -> 1)), 0)::int FROM jsonb_array_elements(s.value -> 'rows') r)
    END AS places
    FROM show w JOIN seat_plan p ON p.hash = w.plan_id
    CROSS JOIN LATERAL jsonb_array_elements(p.body::jsonb -> 'sections') WITH ORDINALITY AS s (value, n)
    WHERE w.opened AND jsonb_array_length(w.rules::jsonb -> 'allocations') > 0
), bounds AS (
    SELECT show_id, id, int8range(sum(places) OVER before - places, sum(places) OVER before) AS places FROM section
    WINDOW before AS (PARTITION BY show_id ORDER BY n)
), taken AS (
    SELECT s.show_id, (
        SELECT sum((strpos('0123456789ABCDEFGHJKMNPQRSTVWXYZ', substr(d.digits, at, 1)) - 1)
            * (32::bigint ^ (length(d.digits) - at))::bigint)::bigint FROM generate_series(1, length(d.digits)) AS at
    ) AS ordinal
    FROM seat s CROSS JOIN LATERAL split_part(s.id, '-', 2) AS d (digits)
    WHERE s.state <> 'free' AND s.show_id IN (SELECT show_id FROM section)
), counted AS (
    SELECT w.id AS show_id, a.n, a.value ->> 'release_at' AS until, b.id AS section, sum(
        upper(b.places * r.places) - lower(b.places * r.places)
        - (SELECT count(*) FROM taken t WHERE t.show_id = w.id AND (b.places * r.places) @> t.ordinal)
    ) AS free
    FROM show w CROSS JOIN LATERAL jsonb_array_elements(w.rules::jsonb -> 'allocations') WITH ORDINALITY AS a (value, n)
    CROSS JOIN LATERAL (
        SELECT int8range((run -> 0)::bigint, (run -> 0)::bigint + (run -> 1)::bigint) AS places
        FROM jsonb_array_elements(a.value -> 'runs') AS run
    ) r
    JOIN bounds b ON b.show_id = w.id AND b.places && r.places
    GROUP BY w.id, a.n, a.value, b.id
), allocation AS (
    SELECT show_id, n, jsonb_strip_nulls(jsonb_build_object('left', jsonb_object_agg(section, free), 'until', until)) AS kept
    FROM counted GROUP BY show_id, n, until
)
UPDATE show SET kept = k.kept
FROM (SELECT show_id, jsonb_agg(kept ORDER BY n) AS kept FROM allocation GROUP BY show_id) k WHERE show.id = k.show_id;
"""


class Migration(migrations.Migration):
    dependencies = [("frontrow", "0031_posters_wanted")]

    initial = False

    operations = [
        ops.RunSQL(
            UP + OF_BEFORE, reverse_sql="DROP FUNCTION places_for_all, places_kept; ALTER TABLE show DROP COLUMN kept"
        )
    ]
