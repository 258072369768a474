-- name: event_make
INSERT INTO event (id, organiser_id, title, kind, description, language, rating, duration_minutes, tags, status)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9::jsonb, 'draft') RETURNING *

-- name: event_own
SELECT * FROM event WHERE id = $1 AND organiser_id = $2 FOR UPDATE

-- name: event_change
UPDATE event SET title = $2, kind = $3, description = $4, language = $5, rating = $6, duration_minutes = $7, tags = $8::jsonb
WHERE id = $1 RETURNING *

-- name: event_set_status
UPDATE event SET status = $2 WHERE id = $1 RETURNING *

-- name: event_set_poster
UPDATE event SET poster_url = $2 WHERE id = $1 RETURNING *

-- name: event_has_shows
SELECT EXISTS (SELECT FROM show WHERE event_id = $1)

-- name: event_is_of
SELECT EXISTS (SELECT FROM event WHERE id = $1 AND organiser_id = $2)

-- name: event_seen
-- An event is seen by all when it is no draft, else by its organiser's members and by admins.
SELECT e.* FROM event e
WHERE e.id = $1 AND (
    e.status <> 'draft'
    OR EXISTS (SELECT FROM organiser_member m WHERE m.organiser_id = e.organiser_id AND m.user_id = $2)
    OR EXISTS (SELECT FROM "user" u WHERE u.id = $2 AND u.role = 'admin')
)

-- name: events_of_organiser
-- An organiser's events, newest first (their ids are in the order of their making).
SELECT * FROM event WHERE organiser_id = $1 AND ($2::text IS NULL OR status = $2) AND ($3::uuid IS NULL OR id < $3)
ORDER BY id DESC LIMIT $4
