-- name: worker_appears
-- A heartbeat; workers that nobody has seen for an hour are forgotten on the way.
WITH gone AS (DELETE FROM worker WHERE seen_at < now() - interval '1 hour')
INSERT INTO worker (id, kind, host, pid, lanes) VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (id) DO UPDATE SET seen_at = now()

-- name: workers_serving
SELECT lanes FROM worker WHERE kind = $1 AND seen_at > now() - make_interval(secs => $2)

-- name: workers_at_work
SELECT kind, count(*) AS workers FROM worker WHERE seen_at > now() - make_interval(secs => $1) GROUP BY kind

-- name: workers_alive_list
SELECT id, kind, host, pid, started_at, seen_at FROM worker
WHERE seen_at > now() - make_interval(secs => $1) ORDER BY kind, id LIMIT 500
