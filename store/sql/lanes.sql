-- name: lane_move
-- The first statement of every batch: without a row, somebody else has the lane.
UPDATE lane SET next_offset = $4 + 1, last_offset = $4, last_publish_id = $5,
    decided_at = greatest(clock_timestamp(), decided_at),
    leased_until = CASE WHEN owner = $6 THEN greatest(leased_until, now() + make_interval(secs => $7)) ELSE leased_until END
WHERE lane = $1 AND generation = $2 AND next_offset = $3
RETURNING decided_at

-- name: lane_place
SELECT generation, next_offset, last_offset, last_publish_id FROM lane WHERE lane = $1

-- name: lane_new_generation
UPDATE lane SET generation = generation + 1, next_offset = $4, last_offset = NULL, last_publish_id = NULL
WHERE lane = $1 AND generation = $2 AND next_offset = $3
RETURNING generation, next_offset, last_offset, last_publish_id

-- name: lane_note_lost
INSERT INTO lost_command (lane, generation, from_offset, to_offset, note) VALUES ($1, $2, $3, $4, $5)
ON CONFLICT DO NOTHING

-- name: lanes_renew
-- Renew what is ours, at most a fair share ($3) of it; what is above the share is let go.
WITH mine AS (
    SELECT lane, row_number() OVER (ORDER BY lane) AS n FROM lane
    WHERE owner = $1 AND leased_until > now() AND lane LIKE $2 || '.%'
)
UPDATE lane SET owner = CASE WHEN mine.n <= $3 THEN lane.owner END,
    leased_until = CASE WHEN mine.n <= $3 THEN now() + make_interval(secs => $4) ELSE '-infinity' END
FROM mine WHERE lane.lane = mine.lane AND lane.owner = $1
RETURNING lane.lane, lane.owner IS NOT NULL AS kept

-- name: lanes_take
-- Take lapsed lanes, up to so many ($3).
WITH lapsed AS (
    SELECT lane FROM lane WHERE lane LIKE $2 || '.%' AND leased_until <= now()
    ORDER BY lane LIMIT $3 FOR UPDATE SKIP LOCKED
)
UPDATE lane SET owner = $1, leased_until = now() + make_interval(secs => $4)
FROM lapsed WHERE lane.lane = lapsed.lane
RETURNING lane.lane

-- name: lanes_release
UPDATE lane SET owner = NULL, leased_until = '-infinity' WHERE owner = $1

-- name: lanes_count
SELECT count(*) FROM lane WHERE lane LIKE $1 || '.%'

-- name: lanes_unowned
SELECT lane FROM lane WHERE leased_until <= now() ORDER BY lane

-- name: journal_known
-- Which of these messages were decided: by offset and publish id, in whatever generation.
SELECT j."offset", j.publish_id FROM unnest($2::bigint[], $3::text[]) AS asked ("offset", publish_id)
JOIN journal j ON j.lane = $1 AND j."offset" = asked."offset" AND j.publish_id = asked.publish_id

-- name: saga_journal_known
SELECT j."offset", j.publish_id FROM unnest($2::bigint[], $3::text[]) AS asked ("offset", publish_id)
JOIN saga_journal j ON j.lane = $1 AND j."offset" = asked."offset" AND j.publish_id = asked.publish_id AND j.part = 0

-- name: lanes_overview
-- Every lane with its owner, in the order of their names, those after the cursor.
SELECT l.lane, l.generation, l.next_offset, l.last_offset, l.owner, nullif(l.leased_until, '-infinity') AS leased_until,
    nullif(l.decided_at, '-infinity') AS decided_at, l.leased_until > now() AS served, now() AS asked_at,
    (SELECT count(*) FROM show w WHERE w.lane = l.lane AND w.opened AND NOT w.cancelled AND w.ends_at > now()) AS shows
FROM lane l WHERE l.lane > $1 ORDER BY l.lane LIMIT $2

-- name: lost_commands
-- The latest of each lane, newest first.
SELECT n.lane, n.generation, n.from_offset, n.to_offset, n.note, n.noticed_at
FROM unnest($1::text[]) AS asked (lane) CROSS JOIN LATERAL (
    SELECT * FROM lost_command c WHERE c.lane = asked.lane ORDER BY c.generation DESC LIMIT $2
) n ORDER BY n.lane, n.generation DESC
