-- name: dead_letters_keep
-- The same letter may be taken from its queue twice: whoever died before the acknowledgement left it there.
INSERT INTO dead_letter (id, queue, generation, "offset", message, command_id, booking_id, show_id, reason, body, sealed,
    trace, given_up_at)
SELECT * FROM unnest($1::uuid[], $2::text[], $3::int[], $4::bigint[], $5::text[], $6::text[], $7::uuid[], $8::uuid[],
    $9::text[], $10::text[], $11::bytea[], $12::text[], $13::timestamptz[])
ON CONFLICT DO NOTHING
RETURNING id

-- name: given_up_on_lanes
-- Messages that lanes could not decide (failed, unreadable, of a show that cannot be loaded), not listed yet.
(SELECT j.lane, j.generation, j."offset", j.command AS message, j.outcome || coalesce(': ' || j.result, '') AS reason,
    j.body, j.decided_at
FROM journal j
WHERE j.outcome IN ('failed', 'unreadable', 'quarantined') AND NOT EXISTS (
    SELECT FROM dead_letter d WHERE d.queue = j.lane AND d.generation = j.generation AND d."offset" = j."offset")
ORDER BY j.decided_at LIMIT $1)
UNION ALL
(SELECT j.lane, j.generation, j."offset", j.event, j.outcome, j.body, j.decided_at
FROM saga_journal j
WHERE (j.outcome LIKE 'failed%' OR j.outcome LIKE 'unreadable%') AND NOT EXISTS (
    SELECT FROM dead_letter d WHERE d.queue = j.lane AND d.generation = j.generation AND d."offset" = j."offset")
ORDER BY j.decided_at LIMIT $1)

-- name: dead_letters_list
-- Newest first; those after the cursor.
SELECT d.*, d.sealed IS NOT NULL AS retriable FROM dead_letter d
WHERE $1::timestamptz IS NULL OR (d.given_up_at, d.id) < ($1, $2::uuid)
ORDER BY d.given_up_at DESC, d.id DESC LIMIT $3

-- name: dead_letter_to_retry
-- Locked, so that of two who ask at once one sends.
SELECT d.*, d.sealed IS NOT NULL AS retriable FROM dead_letter d WHERE d.id = $1 FOR UPDATE

-- name: dead_letter_retried
-- What was sent again is kept for people only: its bytes have done their work.
UPDATE dead_letter d SET retried_at = now(), retried_by = $2, sealed = NULL WHERE d.id = $1
RETURNING d.*, false AS retriable
