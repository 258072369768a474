-- name: limits_changed
SELECT name, quota, window_seconds, changed_at FROM rate_limit

-- name: limit_set
INSERT INTO rate_limit (name, quota, window_seconds, changed_at) VALUES ($1, $2, $3, now())
ON CONFLICT (name) DO UPDATE SET quota = excluded.quota, window_seconds = excluded.window_seconds, changed_at = now()

-- name: limit_forget
DELETE FROM rate_limit WHERE name = $1
