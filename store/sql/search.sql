-- name: search_words
-- The words of a text, and whether the catalogue has them, or words that begin with them.
SELECT q.word, w.known, w.beginning
FROM (
    SELECT word, min(n) AS n FROM regexp_split_to_table(plain_words($1), ' ') WITH ORDINALITY AS t (word, n)
    WHERE word <> '' GROUP BY word ORDER BY n LIMIT 8
) q CROSS JOIN LATERAL (
    SELECT EXISTS (SELECT FROM search_word s WHERE s.word = q.word) AS known,
        length(q.word) >= 3 AND EXISTS (
            SELECT FROM search_word s WHERE s.word ~>=~ q.word AND s.word ~<~ (q.word || chr(1114111))
        ) AS beginning
) w ORDER BY q.n

-- name: search_words_alike
-- The catalogue's words that each of these may have been meant for.
SELECT q.word, a.alike FROM unnest($1::text[]) AS q (word) CROSS JOIN LATERAL search_words_like(left(q.word, 40)) AS a (alike)

-- name: search_any
-- Whether anything at all is meant.
SELECT EXISTS (SELECT FROM search_entry WHERE document @@ $1::tsquery)

-- name: search_found
-- What is meant, best first, as far as it can be booked: an event with a show to come whose sale has not ended and that
-- has places left for everybody (a venue: of such an event).  Titles count most; among equals, what is
-- nearer to the words as typed.  Of thousands that would do, some are looked at.
SELECT f.id, f.kind, f.title, b.next_show_at, b.city, b.venue, e.kind AS event_kind, e.poster_url
FROM (
    SELECT * FROM (
        SELECT s.id, s.kind, s.title, s.plain, ts_rank('{0.05, 0.1, 0.5, 1}', s.document, $1::tsquery) AS rank
        FROM search_entry s WHERE s.id IN (
            (SELECT id FROM search_entry WHERE ts_filter(document, '{a}') @@ $1::tsquery LIMIT 1500)
            UNION (SELECT id FROM search_entry WHERE document @@ $1::tsquery LIMIT 1500)
        ) ORDER BY rank DESC, s.id LIMIT 400
    ) best ORDER BY best.rank * (1 + 2 * similarity(best.plain, plain_words($2))) DESC, best.id
) f CROSS JOIN LATERAL (
    SELECT w.starts_at AS next_show_at, v.city, v.name AS venue
    FROM show w JOIN hall h ON h.id = w.hall_id JOIN venue v ON v.id = h.venue_id
    WHERE f.kind = 'event' AND w.event_id = f.id AND w.opened AND NOT w.cancelled AND w.starts_at > now()
        AND w.sale_closes_at > now() AND v.active AND ($3::text IS NULL OR lower(v.city) = lower($3))
        AND places_for_all(w."left", w.kept)
    UNION ALL
    SELECT w.starts_at, v.city, v.name
    FROM venue v JOIN hall h ON h.venue_id = v.id JOIN show w ON w.hall_id = h.id JOIN event o ON o.id = w.event_id
    WHERE f.kind = 'venue' AND v.id = f.id AND v.active AND o.status = 'published' AND w.opened AND NOT w.cancelled
        AND w.starts_at > now() AND w.sale_closes_at > now() AND ($3::text IS NULL OR lower(v.city) = lower($3))
        AND places_for_all(w."left", w.kept)
    ORDER BY next_show_at LIMIT 1
) b LEFT JOIN event e ON e.id = f.id
LIMIT $4
