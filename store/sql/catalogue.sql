-- name: events_list
-- What is on: published events with their next open show, or those that are over with their last; by date, price or title.
WITH listed AS (
    SELECT e.id, e.title, e.kind, e.poster_url, e.language,
        CASE WHEN e.status = 'published' AND $11 THEN 'over' ELSE e.status END AS status,
        n.starts_at AS next_show_at, n.city, n.venue, n.time_zone, n.currency, n.from_price,
        CASE $8 WHEN 'date' THEN coalesce(to_char(n.starts_at AT TIME ZONE 'UTC', 'YYYYMMDDHH24MISS'), '9')
            WHEN 'price' THEN lpad(coalesce(n.from_price, 0)::text, 19, '0') ELSE lower(e.title) END AS key
    FROM event e
    LEFT JOIN LATERAL (
        SELECT w.starts_at, v.city, v.name AS venue, v.time_zone, w.currency,
            (SELECT min((p ->> 'amount')::bigint) FROM jsonb_array_elements(w.prices) p) AS from_price
        FROM show w JOIN hall h ON h.id = w.hall_id JOIN venue v ON v.id = h.venue_id
        WHERE w.event_id = e.id AND w.opened AND NOT w.cancelled AND $11 = (w.starts_at <= now())
            AND ($2::text IS NULL OR v.city ILIKE $2)
            AND ($5::timestamptz IS NULL OR w.starts_at >= $5) AND ($6::timestamptz IS NULL OR w.starts_at < $6)
        ORDER BY abs(extract(epoch FROM w.starts_at - now())) LIMIT 1
    ) n ON true
    WHERE e.status IN ('published', 'cancelled') AND n.starts_at IS NOT NULL
        AND NOT ($11 AND EXISTS (SELECT FROM show f WHERE f.event_id = e.id AND f.opened AND f.starts_at > now()))
        AND ($1::text IS NULL OR e.title ILIKE '%' || $1 || '%' OR e.description ILIKE '%' || $1 || '%')
        AND ($3::text IS NULL OR e.kind = $3) AND ($4::text IS NULL OR e.language ILIKE $4)
        AND ($7::bigint IS NULL OR n.from_price <= $7) AND ($2::text IS NULL OR n.city IS NOT NULL)
)
SELECT * FROM listed
WHERE ($9::text IS NULL OR (NOT $12 AND (key, id) > ($9, $10::uuid)) OR ($12 AND (key, id) < ($9, $10::uuid)))
ORDER BY CASE WHEN NOT $12 THEN key END, CASE WHEN NOT $12 THEN id END,
    CASE WHEN $12 THEN key END DESC, CASE WHEN $12 THEN id END DESC
LIMIT $13

-- name: event_one
SELECT * FROM event WHERE id = $1 AND status <> 'draft'

-- name: shows_of_event
SELECT w.*, v.name AS venue_name, v.city, v.time_zone, h.name AS hall_name
FROM show w JOIN hall h ON h.id = w.hall_id JOIN venue v ON v.id = h.venue_id
WHERE w.event_id = $1 AND w.opened ORDER BY w.starts_at LIMIT 200

-- name: show_one
SELECT w.*, p.body AS plan_body, e.title, e.kind, e.description, e.language, e.rating, e.duration_minutes, e.poster_url,
    e.status AS event_status, v.id AS venue_id, v.name AS venue_name, v.city, v.country, v.address, v.time_zone,
    v.latitude, v.longitude, h.name AS hall_name
FROM show w JOIN event e ON e.id = w.event_id JOIN hall h ON h.id = w.hall_id JOIN venue v ON v.id = h.venue_id
JOIN seat_plan p ON p.hash = w.plan_id
WHERE w.id = $1 AND e.status <> 'draft' AND w.opened

-- name: show_seats
-- The seats that are not free, and the version at which that is so, in one snapshot.
SELECT w.seats_version, w."left"::text AS remaining,
    coalesce((SELECT array_agg(s.id) FROM seat s WHERE s.show_id = w.id AND s.state <> 'free'), '{}') AS ids,
    coalesce((SELECT array_agg(s.state) FROM seat s WHERE s.show_id = w.id AND s.state <> 'free'), '{}') AS states
FROM show w WHERE w.id = $1

-- name: shows_unopened
-- Shows whose OpenShow may have been lost; it is sent again under the same command id.
SELECT * FROM show WHERE NOT opened LIMIT $1

-- name: show_make
-- A show, and (where asked) its hall for its time: no other show may have it then.
WITH made AS (
    INSERT INTO show (id, number, event_id, hall_id, plan_id, lane, currency, prices, starts_at, ends_at, sale_opens_at,
        sale_closes_at, hold_seconds, max_seats_per_booking, max_seats_per_buyer, max_live_holds, rules, opened, cancelled,
        seats_version, place, "left", hash, local_starts_at)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8::jsonb, $9, $10, $11, $12, $13, $14, $15, $16, $17, false, false, 0, 0, '{}', '',
        $9::timestamptz AT TIME ZONE (SELECT v.time_zone FROM hall h JOIN venue v ON v.id = h.venue_id WHERE h.id = $4))
    RETURNING id, hall_id, starts_at, ends_at
)
INSERT INTO hall_time (show_id, hall_id, during)
SELECT id, hall_id, tstzrange(starts_at, ends_at) FROM made WHERE $18::bool

-- name: hall_time_give_back
-- What cancelled shows no longer need.
DELETE FROM hall_time t USING show w WHERE t.hall_id = $1 AND w.id = t.show_id AND w.cancelled

-- name: hall_time_taken
-- The show that has the hall at some time between these, if it is not this one.
SELECT w.id, w.starts_at, w.ends_at FROM hall_time t JOIN show w ON w.id = t.show_id
WHERE t.hall_id = $1 AND t.during && tstzrange($2, $3) AND t.show_id <> $4 AND NOT w.cancelled
ORDER BY w.starts_at LIMIT 1

-- name: seats_versions
SELECT id, seats_version FROM show WHERE id = ANY($1::uuid[])

-- name: cities_with_shows
SELECT DISTINCT v.city FROM show w JOIN hall h ON h.id = w.hall_id JOIN venue v ON v.id = h.venue_id
JOIN event e ON e.id = w.event_id
WHERE w.opened AND NOT w.cancelled AND w.starts_at > now() AND e.status = 'published' ORDER BY v.city LIMIT 500
