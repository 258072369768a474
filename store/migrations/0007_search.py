"""Search and lists: a document for each event and venue, kept by triggers within each edit, and the words they use."""

from tortoise import migrations
from tortoise.migrations import operations as ops

UP = """
CREATE EXTENSION IF NOT EXISTS pg_trgm;
CREATE EXTENSION IF NOT EXISTS unaccent;
CREATE EXTENSION IF NOT EXISTS fuzzystrmatch;

CREATE FUNCTION plain_words(text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE AS
    $$ SELECT btrim(regexp_replace(lower(unaccent('unaccent', coalesce($1, ''))), '[^[:alnum:]]+', ' ', 'g')) $$;
COMMENT ON FUNCTION plain_words IS 'A text as it is searched: lower case, without accents, words and single blanks only.';

CREATE TABLE search_entry (
    id uuid PRIMARY KEY,
    kind text NOT NULL CHECK (kind IN ('event', 'venue')),
    title text NOT NULL,
    plain text NOT NULL,
    document tsvector NOT NULL
);
COMMENT ON TABLE search_entry IS 'What is searched: published events and active venues. Written by triggers only, in the transaction of the edit.';
CREATE INDEX search_entry_document ON search_entry USING gin (document) WITH (fastupdate = off);
CREATE INDEX search_entry_titles ON search_entry USING gin (ts_filter(document, '{a}')) WITH (fastupdate = off);

CREATE TABLE search_word (word text PRIMARY KEY);
COMMENT ON TABLE search_word IS 'Every word of a title, tag, venue or city, to find those that a mistyped one may mean. Only ever added to.';
CREATE INDEX search_word_trigrams ON search_word USING gin (word gin_trgm_ops) WITH (fastupdate = off);
CREATE INDEX search_word_beginning ON search_word (word text_pattern_ops);

CREATE FUNCTION search_words_like(typed text) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
    mistakes int := CASE WHEN length(typed) < 4 THEN 1 WHEN length(typed) < 9 THEN 2 ELSE 3 END;
BEGIN
    PERFORM set_limit(0.2);  -- of %; as a setting of the function it would need more rights than ours
    RETURN QUERY SELECT w.word FROM search_word w
        WHERE w.word % typed AND levenshtein_less_equal(w.word, typed, mistakes) <= mistakes
        ORDER BY levenshtein_less_equal(w.word, typed, mistakes), similarity(w.word, typed) DESC, w.word LIMIT 12;
END $$;

CREATE FUNCTION search_keep_words(ids uuid[]) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    fresh text[];
BEGIN
    SELECT array_agg(DISTINCT u.lexeme) INTO fresh
    FROM search_entry s, unnest(ts_filter(s.document, '{a,b}')) u
    WHERE s.id = ANY(ids) AND length(u.lexeme) <= 40 AND NOT EXISTS (SELECT FROM search_word w WHERE w.word = u.lexeme);
    IF fresh IS NOT NULL THEN
        PERFORM pg_advisory_xact_lock(7226982);  -- who adds words waits for who adds words: never in a circle
        INSERT INTO search_word SELECT unnest(fresh) ON CONFLICT DO NOTHING;
    END IF;
END $$;

CREATE FUNCTION search_refresh_events(ids uuid[]) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    PERFORM FROM event WHERE id = ANY(ids) ORDER BY id FOR NO KEY UPDATE;  -- what was edited beside us is seen below
    DELETE FROM search_entry s WHERE s.id = ANY(ids)
        AND NOT EXISTS (SELECT FROM event e WHERE e.id = s.id AND e.status = 'published');
    INSERT INTO search_entry (id, kind, title, plain, document)
    SELECT e.id, 'event', e.title, plain_words(e.title),
        setweight(to_tsvector('simple', plain_words(e.title)), 'A')
        || setweight(to_tsvector('simple', plain_words(concat_ws(' ', e.kind, e.tags::text, where_on.names))), 'B')
        || setweight(to_tsvector('simple', left(plain_words(e.description), 4000)), 'D')
    FROM event e CROSS JOIN LATERAL (
        SELECT string_agg(DISTINCT v.name || ' ' || v.city, ' ') AS names
        FROM show w JOIN hall h ON h.id = w.hall_id JOIN venue v ON v.id = h.venue_id WHERE w.event_id = e.id
    ) where_on
    WHERE e.id = ANY(ids) AND e.status = 'published'
    ON CONFLICT (id) DO UPDATE SET title = excluded.title, plain = excluded.plain, document = excluded.document;
    PERFORM search_keep_words(ids);
END $$;

CREATE FUNCTION search_refresh_venues(ids uuid[]) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    PERFORM FROM venue WHERE id = ANY(ids) ORDER BY id FOR NO KEY UPDATE;
    DELETE FROM search_entry s WHERE s.id = ANY(ids)
        AND NOT EXISTS (SELECT FROM venue v WHERE v.id = s.id AND v.active);
    INSERT INTO search_entry (id, kind, title, plain, document)
    SELECT v.id, 'venue', v.name, plain_words(v.name), setweight(to_tsvector('simple', plain_words(v.name)), 'A')
        || setweight(to_tsvector('simple', plain_words(v.city)), 'B')
        || setweight(to_tsvector('simple', plain_words(v.address)), 'D')
    FROM venue v WHERE v.id = ANY(ids) AND v.active
    ON CONFLICT (id) DO UPDATE SET title = excluded.title, plain = excluded.plain, document = excluded.document;
    PERFORM search_keep_words(ids);
END $$;

CREATE FUNCTION search_after_events() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM search_refresh_events(array_agg(id)) FROM changed HAVING count(*) > 0;
    RETURN NULL;
END $$;
CREATE FUNCTION search_after_shows() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM search_refresh_events(array_agg(DISTINCT event_id)) FROM changed HAVING count(*) > 0;
    RETURN NULL;
END $$;
CREATE FUNCTION search_after_venues() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM search_refresh_venues(array_agg(id)) FROM changed HAVING count(*) > 0;
    PERFORM search_refresh_events(array_agg(DISTINCT w.event_id))
    FROM changed c JOIN hall h ON h.venue_id = c.id JOIN show w ON w.hall_id = h.id HAVING count(*) > 0;
    RETURN NULL;
END $$;
CREATE FUNCTION search_after_removal() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM search_entry WHERE id IN (SELECT id FROM gone);
    RETURN NULL;
END $$;

CREATE TRIGGER search_event_made AFTER INSERT ON event REFERENCING NEW TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION search_after_events();
CREATE TRIGGER search_event_changed AFTER UPDATE ON event REFERENCING NEW TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION search_after_events();
CREATE TRIGGER search_event_gone AFTER DELETE ON event REFERENCING OLD TABLE AS gone
    FOR EACH STATEMENT EXECUTE FUNCTION search_after_removal();
CREATE TRIGGER search_show_made AFTER INSERT ON show REFERENCING NEW TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION search_after_shows();
CREATE TRIGGER search_venue_made AFTER INSERT ON venue REFERENCING NEW TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION search_after_venues();
CREATE TRIGGER search_venue_changed AFTER UPDATE ON venue REFERENCING NEW TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION search_after_venues();
CREATE TRIGGER search_venue_gone AFTER DELETE ON venue REFERENCING OLD TABLE AS gone
    FOR EACH STATEMENT EXECUTE FUNCTION search_after_removal();

SELECT search_refresh_venues(array_agg(id)) FROM venue HAVING count(*) > 0;
SELECT search_refresh_events(array_agg(id)) FROM event HAVING count(*) > 0;

CREATE FUNCTION cheapest(prices jsonb) RETURNS bigint LANGUAGE sql IMMUTABLE PARALLEL SAFE AS
    $$ SELECT min((p ->> 'amount')::bigint) FROM jsonb_array_elements(prices) p $$;
CREATE FUNCTION places_left(remaining jsonb) RETURNS bigint LANGUAGE sql IMMUTABLE PARALLEL SAFE AS
    $$ SELECT coalesce(sum(n.value::bigint), 0)::bigint FROM jsonb_each_text(remaining) n $$;
ALTER TABLE show ADD COLUMN from_price bigint GENERATED ALWAYS AS (cheapest(prices)) STORED;
CREATE INDEX show_by_start ON show (starts_at, event_id) WHERE opened AND NOT cancelled;
CREATE INDEX show_by_price ON show (from_price, event_id) WHERE opened AND NOT cancelled;
CREATE INDEX show_of_event ON show (event_id, starts_at);
CREATE INDEX show_of_hall ON show (hall_id);
CREATE INDEX hall_of_venue ON hall (venue_id);
CREATE INDEX event_by_title ON event (lower(title), id) WHERE status IN ('published', 'cancelled');
CREATE INDEX venue_by_city ON venue (lower(city));
"""

DOWN = """
DROP INDEX show_by_start, show_by_price, show_of_event, show_of_hall, hall_of_venue, event_by_title, venue_by_city;
ALTER TABLE show DROP COLUMN from_price;
DROP FUNCTION cheapest, places_left;
DROP TRIGGER search_event_made ON event;
DROP TRIGGER search_event_changed ON event;
DROP TRIGGER search_event_gone ON event;
DROP TRIGGER search_show_made ON show;
DROP TRIGGER search_venue_made ON venue;
DROP TRIGGER search_venue_changed ON venue;
DROP TRIGGER search_venue_gone ON venue;
DROP FUNCTION search_after_events, search_after_shows, search_after_venues, search_after_removal;
DROP FUNCTION search_refresh_events, search_refresh_venues, search_keep_words, search_words_like;
DROP TABLE search_entry, search_word;
DROP FUNCTION plain_words;
"""


class Migration(migrations.Migration):
    dependencies = [("frontrow", "0006_show_rules")]
    operations = [ops.RunSQL(UP, reverse_sql=DOWN)]
