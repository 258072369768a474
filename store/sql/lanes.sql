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

-- name: lanes_to_share
-- Every lane of a kind: whether it is this owner's, and whether anybody may take it.
SELECT lane, coalesce(owner = $2 AND leased_until > now(), false) AS mine, leased_until <= now() AS lapsed
FROM lane WHERE lane LIKE $1 || '.%' ORDER BY lane

-- name: lanes_renew
-- Renew what is ours and wanted ($3); what is ours and not wanted is let go.
WITH mine AS (
    SELECT lane, lane = ANY($3::text[]) AS kept FROM lane
    WHERE owner = $1 AND leased_until > now() AND lane LIKE $2 || '.%'
)
UPDATE lane SET owner = CASE WHEN mine.kept THEN lane.owner END,
    leased_until = CASE WHEN mine.kept THEN now() + make_interval(secs => $4) ELSE '-infinity' END
FROM mine WHERE lane.lane = mine.lane AND lane.owner = $1
RETURNING lane.lane, lane.owner IS NOT NULL AS kept

-- name: lanes_take
-- Take what is wanted, as far as nobody has it.
WITH lapsed AS (
    SELECT lane FROM lane WHERE lane = ANY($2::text[]) AND leased_until <= now()
    ORDER BY lane FOR UPDATE SKIP LOCKED
)
UPDATE lane SET owner = $1, leased_until = now() + make_interval(secs => $3)
FROM lapsed WHERE lane.lane = lapsed.lane
RETURNING lane.lane

-- name: lanes_release
UPDATE lane SET owner = NULL, leased_until = '-infinity' WHERE owner = $1

-- name: lanes_unowned
-- A show lane that was added and has neither shows nor a log yet waits for its first worker, and misses nobody.
SELECT l.lane FROM lane l WHERE l.leased_until <= now() AND NOT (
    l.lane LIKE 'show.%' AND l.next_offset = 0 AND l.generation = 0
    AND NOT EXISTS (SELECT FROM show w WHERE w.lane = l.lane)
    AND EXISTS (SELECT FROM lane o WHERE o.lane LIKE 'show.%' AND o.next_offset > 0))
ORDER BY l.lane

-- name: lanes_for_shows
-- Where a new show may go: lanes that somebody serves, but not one that a coming show has for itself.
SELECT l.lane FROM lane l WHERE l.lane LIKE 'show.%' AND l.leased_until > now() AND NOT EXISTS (
    SELECT FROM show w WHERE w.lane = l.lane AND w.alone AND NOT w.cancelled AND w.ends_at > now())
ORDER BY l.lane

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

-- name: turned_away
-- Commands that came to a lane which their show had left, to be sent to the show's lane as it is now, in their order;
-- those that are decided are done.  What is older was sent again by whoever waits for it.
SELECT j.lane AS left_lane, j.generation, j."offset", j.body, w.lane FROM journal j JOIN show w ON w.id = j.show_id
WHERE j.outcome = 'elsewhere' AND j.decided_at > now() - interval '10 min'
    AND NOT EXISTS (SELECT FROM journal d WHERE d.command_id = j.command_id AND d.decided)
ORDER BY j.decided_at, j.generation, j."offset" LIMIT $1

-- name: lost_commands
-- The latest of each lane, newest first.
SELECT n.lane, n.generation, n.from_offset, n.to_offset, n.note, n.noticed_at
FROM unnest($1::text[]) AS asked (lane) CROSS JOIN LATERAL (
    SELECT * FROM lost_command c WHERE c.lane = asked.lane ORDER BY c.generation DESC LIMIT $2
) n ORDER BY n.lane, n.generation DESC
