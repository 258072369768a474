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
SELECT w.seats_version, w."left", w.kept,
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

-- name: hall_lock
-- Who would have time of a hall waits for who is about to: two rows that exclude each other, written at once, would wait
-- each for the other until one is ended as a deadlock.
SELECT pg_advisory_xact_lock(hashtextextended('hall ' || $1, 0))

-- name: hall_time_give_back
-- What cancelled shows no longer need, and what was wanted for moves that nobody has heard of since.
DELETE FROM hall_time t USING show w WHERE t.hall_id = $1 AND w.id = t.show_id AND (w.cancelled OR t.wanted_until < now())

-- name: hall_time_want
-- Beside the time that the show has: it may stay there.
INSERT INTO hall_time (show_id, hall_id, during, wanted_by, wanted_until)
VALUES ($1, $2, tstzrange($3, $4), $5, now() + make_interval(mins => $6))

-- name: hall_time_taken
-- The show that has the hall, or is about to, at some time between these, if it is not this one.
SELECT w.id, lower(t.during) AS starts_at, upper(t.during) AS ends_at FROM hall_time t JOIN show w ON w.id = t.show_id
WHERE t.hall_id = $1 AND t.during && tstzrange($2, $3) AND t.show_id <> $4 AND NOT w.cancelled
    AND (t.wanted_until IS NULL OR t.wanted_until >= now())
ORDER BY t.during LIMIT 1

-- name: shows_that_keep
SELECT id FROM show WHERE id = ANY($1::uuid[]) AND rules::jsonb -> 'allocations' <> '[]'

-- name: seats_versions
SELECT id, seats_version FROM show WHERE id = ANY($1::uuid[])
