-- name: user_make
-- An account; with it, unless its address is verified already, the letter that welcomes its owner.
WITH person AS (
    INSERT INTO "user" (id, email, name, password_hash, role, email_verified, created_at)
    VALUES ($1, $2, $3, $4, $5, $6, now()) RETURNING id, email, email_verified
), linked AS (
    INSERT INTO letter_link (id, user_id, purpose, email, expires_at, created_at)
    SELECT $7, id, 'verify', email, now() + make_interval(mins => $8), now() FROM person WHERE NOT email_verified
)
INSERT INTO letter (id, user_id, link_id, template, recipient, message_id, status, attempts, last_error, trace_id, created_at, next_try_at)
SELECT $9, id, $7, 'welcome', email, '<welcome.' || $7::uuid || '@' || $10 || '>', 'waiting', 0, '', $11, now(), now()
FROM person WHERE NOT email_verified

-- name: session_begin
-- A session with its first refresh token, unless the person was suspended, erased or given another password meanwhile.
WITH person AS (
    SELECT id FROM "user" WHERE id = $2 AND password_hash = $3 AND suspended_at IS NULL AND erased_at IS NULL FOR SHARE
), begun AS (
    INSERT INTO session (id, user_id, address, device, began_at, seen_at, ended_by)
    SELECT $1, id, $4, $5, now(), now(), '' FROM person
), given AS (
    INSERT INTO refresh_token (id, session_id, token_hash, expires_at, created_at)
    SELECT $6, $1, $7, now() + make_interval(days => $8), now() FROM person
), noted AS (
    INSERT INTO log_in (id, user_id, at, method, succeeded, address, device)
    SELECT $9, id, now(), $10, true, $4, $5 FROM person
)
SELECT count(*) FROM person

-- name: log_in_failed
INSERT INTO log_in (id, user_id, at, method, succeeded, address, device)
SELECT $1, id, now(), $3, false, $4, $5 FROM "user" WHERE id = $2 AND erased_at IS NULL

-- name: refresh_token_use
-- A refresh token with its session and person.  The first to use it spends it; ``moved_on`` is whether the token that
-- follows it ($2) has been used too.
WITH used AS (
    UPDATE refresh_token SET used_at = now() WHERE token_hash = $1 AND used_at IS NULL AND expires_at > now() RETURNING id
)
SELECT t.session_id, s.user_id, u.role, EXISTS (SELECT FROM used) AS first,
    coalesce(extract(epoch FROM clock_timestamp() - t.used_at), 0)::float8 AS used_seconds_ago,
    EXISTS (SELECT FROM refresh_token n WHERE n.token_hash = $2 AND n.used_at IS NOT NULL) AS moved_on
FROM refresh_token t JOIN session s ON s.id = t.session_id JOIN "user" u ON u.id = s.user_id
WHERE t.token_hash = $1 AND t.expires_at > now() AND s.ended_at IS NULL AND u.suspended_at IS NULL AND u.erased_at IS NULL

-- name: refresh_token_follow
-- The token that follows: the same for all who used its forerunner at once.
WITH given AS (
    INSERT INTO refresh_token (id, session_id, token_hash, expires_at, created_at)
    SELECT $1, id, $3, now() + make_interval(days => $4), now() FROM session WHERE id = $2 AND ended_at IS NULL
    ON CONFLICT (token_hash) DO NOTHING
)
UPDATE session SET seen_at = now(), address = $5, device = $6 WHERE id = $2 AND ended_at IS NULL

-- name: session_end
UPDATE session SET ended_at = now(), ended_by = $2 WHERE id = $1 AND ended_at IS NULL

-- name: sessions_end
-- All of a person's sessions but one ($3, if any); the ids of those that ended.
UPDATE session SET ended_at = now(), ended_by = $2 WHERE user_id = $1 AND ended_at IS NULL AND id IS DISTINCT FROM $3
RETURNING id

-- name: session_of_token
SELECT t.session_id, s.user_id FROM refresh_token t JOIN session s ON s.id = t.session_id WHERE t.token_hash = $1

-- name: sessions_ended_lately
SELECT id FROM session WHERE ended_at > now() - make_interval(secs => $1)

-- name: sessions_live
-- A person's sessions that can still be used, the one used last first.
SELECT s.id, s.address, s.device, s.began_at, s.seen_at FROM session s
WHERE s.user_id = $1 AND s.ended_at IS NULL
    AND EXISTS (SELECT FROM refresh_token t WHERE t.session_id = s.id AND t.expires_at > now())
ORDER BY s.seen_at DESC, s.id LIMIT $2

-- name: session_of
SELECT began_at FROM session WHERE id = $1 AND user_id = $2 AND ended_at IS NULL

-- name: log_ins
SELECT id, at, method, succeeded, address, device FROM log_in
WHERE user_id = $1 AND ($2::timestamptz IS NULL OR (at, id) < ($2, $3)) ORDER BY at DESC, id DESC LIMIT $4

-- name: password_was_reset
-- The person is where this came from: they read the letter there.
INSERT INTO log_in (id, user_id, at, method, succeeded, address, device) VALUES ($1, $2, now(), 'reset', true, $3, $4)

-- name: knows_address
-- Whether the person has logged in from this address before: then strangers' guesses do not slow them down.
SELECT EXISTS (
    SELECT FROM log_in l JOIN "user" u ON u.id = l.user_id
    WHERE u.email = $1 AND l.address = $2 AND l.succeeded AND l.at > now() - interval '90 days'
)

-- name: provider_link
INSERT INTO provider_login (id, user_id, provider, subject, created_at) VALUES ($1, $2, $3, $4, now())
ON CONFLICT (provider, subject) DO NOTHING

-- name: password_set
UPDATE "user" SET password_hash = $2 WHERE id = $1 AND password_hash = $3 AND erased_at IS NULL

-- name: users_page
-- Accounts for the operator, newest first.
SELECT id, email, name, role, email_verified, created_at, suspended_at FROM "user"
WHERE erased_at IS NULL AND ($1::text IS NULL OR email LIKE '%' || $1 || '%' OR lower(name) LIKE '%' || $1 || '%')
    AND ($2::text IS NULL OR role = $2) AND ($3::bool IS NULL OR (suspended_at IS NOT NULL) = $3)
    AND ($4::timestamptz IS NULL OR (created_at, id) < ($4, $5))
ORDER BY created_at DESC, id DESC LIMIT $6

-- name: user_for_operator
SELECT id, email, name, role, email_verified, created_at, suspended_at FROM "user" WHERE id = $1 AND erased_at IS NULL

-- name: admins_lock
-- The admins who can act, locked, so that two changes at once cannot leave none.
SELECT id FROM "user" WHERE role = 'admin' AND suspended_at IS NULL AND erased_at IS NULL ORDER BY id FOR UPDATE

-- name: user_for_change
SELECT role, suspended_at FROM "user" WHERE id = $1 AND erased_at IS NULL FOR UPDATE

-- name: user_change
UPDATE "user" SET role = coalesce($2, role),
    suspended_at = CASE WHEN $3::bool IS NULL THEN suspended_at WHEN $3 THEN coalesce(suspended_at, now()) END
WHERE id = $1 AND erased_at IS NULL
RETURNING id, email, name, role, email_verified, created_at, suspended_at
