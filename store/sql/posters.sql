-- name: poster_want
-- An image that is about to be put: the row of its content, or a new one where there is none, or only one that is going.
INSERT INTO poster (id, digest, wanted_until) VALUES ($1, $2, now() + make_interval(secs => $3))
ON CONFLICT (digest) WHERE NOT going DO UPDATE SET wanted_until = excluded.wanted_until
RETURNING id

-- name: posters_lock
-- In the order of their ids, so that two who exchange the same two never wait for each other in a circle.
SELECT id FROM poster WHERE id = ANY($1::uuid[]) AND NOT going ORDER BY id FOR UPDATE

-- name: poster_taken
-- An event shows it: it is kept as long as one does.
UPDATE poster SET wanted_until = NULL WHERE id = $1

-- name: poster_given_up
-- Somebody else may be about to show it.
UPDATE poster SET wanted_until = now() + make_interval(secs => $2) WHERE id = $1

-- name: posters_go
-- Of those that nobody wants any more, the ones that no event shows are going from now on. A row that is locked is being
-- taken; one that was taken or wanted since this began has another ``wanted_until``, and is passed over.
WITH unwanted AS (
    SELECT id, EXISTS (SELECT FROM event e WHERE e.poster_url = $1 || p.id) AS shown
    FROM poster p WHERE NOT going AND wanted_until < now() ORDER BY wanted_until LIMIT $2 FOR UPDATE SKIP LOCKED
)
UPDATE poster SET going = NOT u.shown, wanted_until = NULL FROM unwanted u WHERE poster.id = u.id

-- name: posters_going
SELECT id FROM poster WHERE going ORDER BY id LIMIT $1
