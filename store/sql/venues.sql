-- name: venue_make
INSERT INTO venue (id, organiser_id, name, city, country, address, time_zone, opens, closes, latitude, longitude, active)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, true) RETURNING *

-- name: venue_own
SELECT * FROM venue WHERE id = $1 AND organiser_id = $2 FOR UPDATE

-- name: venue_change
UPDATE venue SET name = $2, city = $3, country = $4, address = $5, time_zone = $6, opens = $7, closes = $8, latitude = $9,
    longitude = $10
WHERE id = $1 RETURNING *

-- name: venue_has_shows_to_come
SELECT EXISTS (
    SELECT FROM show w JOIN hall h ON h.id = w.hall_id WHERE h.venue_id = $1 AND NOT w.cancelled AND w.ends_at > now()
)

-- name: venue_seen
-- A venue is seen by its organiser's members and by admins; by all once something that was published is on there, and
-- when it is the operator's.
SELECT v.* FROM venue v JOIN organiser o ON o.id = v.organiser_id
WHERE v.id = $1 AND (
    v.active AND (o.operator OR EXISTS (
        SELECT FROM hall h JOIN show w ON w.hall_id = h.id JOIN event e ON e.id = w.event_id
        WHERE h.venue_id = v.id AND w.opened AND e.status <> 'draft'
    ))
    OR EXISTS (SELECT FROM organiser_member m WHERE m.organiser_id = v.organiser_id AND m.user_id = $2)
    OR EXISTS (SELECT FROM "user" u WHERE u.id = $2 AND u.role = 'admin')
)

-- name: venues_listed
-- The same venues as a list by name, the active ones.
SELECT v.* FROM venue v JOIN organiser o ON o.id = v.organiser_id
WHERE v.active AND ($2::text IS NULL OR lower(v.city) = lower($2)) AND ($3::text IS NULL OR (v.name, v.id) > ($3, $4::uuid))
    AND (
        o.operator OR EXISTS (
            SELECT FROM hall h JOIN show w ON w.hall_id = h.id JOIN event e ON e.id = w.event_id
            WHERE h.venue_id = v.id AND w.opened AND e.status <> 'draft'
        )
        OR EXISTS (SELECT FROM organiser_member m WHERE m.organiser_id = v.organiser_id AND m.user_id = $1)
        OR EXISTS (SELECT FROM "user" u WHERE u.id = $1 AND u.role = 'admin')
    )
ORDER BY v.name, v.id LIMIT $5

-- name: venues_of_organiser
SELECT * FROM venue WHERE organiser_id = $1 AND ($2::text IS NULL OR (name, id) > ($2, $3::uuid)) ORDER BY name, id LIMIT $4

-- name: cities_with_shows
-- The cities where something can be seen that is still to come.
SELECT DISTINCT v.city, v.country FROM venue v
WHERE v.active AND ($1::text IS NULL OR (v.city, v.country) > ($1, $2)) AND EXISTS (
    SELECT FROM hall h JOIN show w ON w.hall_id = h.id JOIN event e ON e.id = w.event_id
    WHERE h.venue_id = v.id AND w.opened AND NOT w.cancelled AND w.starts_at > now() AND e.status = 'published'
)
ORDER BY v.city, v.country LIMIT $3

-- name: seat_plan_keep
INSERT INTO seat_plan (hash, body, seats) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING

-- name: hall_make
INSERT INTO hall (id, venue_id, name, plan_id) VALUES ($1, $2, $3, $4)

-- name: hall_change
-- A hall's name, its plan, or both.
UPDATE hall h SET name = coalesce($3, h.name), plan_id = coalesce($4, h.plan_id) FROM venue v
WHERE h.id = $1 AND v.id = h.venue_id AND v.organiser_id = $2
RETURNING h.*, (SELECT body FROM seat_plan WHERE hash = coalesce($4, h.plan_id)) AS plan_body

-- name: hall_seen
SELECT h.*, p.body AS plan_body, p.seats AS places FROM hall h JOIN seat_plan p ON p.hash = h.plan_id
JOIN venue v ON v.id = h.venue_id JOIN organiser o ON o.id = v.organiser_id
WHERE h.id = $1 AND (
    v.active AND o.operator
    OR EXISTS (SELECT FROM organiser_member m WHERE m.organiser_id = v.organiser_id AND m.user_id = $2)
    OR EXISTS (SELECT FROM "user" u WHERE u.id = $2 AND u.role = 'admin')
)

-- name: halls_of_venue
SELECT h.*, p.body AS plan_body, p.seats AS places FROM hall h JOIN seat_plan p ON p.hash = h.plan_id
WHERE h.venue_id = $1 ORDER BY h.name, h.id LIMIT 100

-- name: hall_own
SELECT h.* FROM hall h JOIN venue v ON v.id = h.venue_id WHERE h.id = $1 AND v.organiser_id = $2 FOR UPDATE OF h

-- name: import_begin
SELECT FROM organiser WHERE id = $1 FOR NO KEY UPDATE
