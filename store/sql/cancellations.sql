-- name: cancellations_of_booking
SELECT c.*, coalesce((SELECT json_agg(json_build_object('id', r.id, 'amount', r.amount, 'currency', r.currency, 'to', r.to,
    'status', r.status, 'reason', r.reason) ORDER BY r.created_at) FROM refund r WHERE r.about = c.id), '[]')::text AS refunds, s.progress
FROM cancellation c JOIN saga s ON s.id = c.booking_id WHERE c.booking_id = $1 AND ($2::uuid IS NULL OR c.id = $2) ORDER BY c.decided_at, c.id

-- name: cancellation_told
-- What of it goes back, what waits for a dispute, and what less is given back because the organiser had given money back
-- out of goodwill before.
SELECT c.*, r.given AS back, d.waiting, least(c.amount - r.given - d.waiting, r.goodwill)::bigint AS before
FROM cancellation c CROSS JOIN LATERAL (
    SELECT coalesce(sum(amount) FILTER (WHERE about = c.id), 0)::bigint AS given,
        coalesce(sum(amount) FILTER (WHERE about = id), 0)::bigint AS goodwill
    FROM refund WHERE booking_id = c.booking_id
) r CROSS JOIN LATERAL (
    SELECT coalesce(sum((w ->> 'amount')::bigint), 0)::bigint AS waiting
    FROM saga s CROSS JOIN LATERAL jsonb_array_elements(s.progress::jsonb #> '{facts,waiting}') w
    WHERE s.id = c.booking_id AND w ->> 'about' = c.id::text
) d WHERE c.id = $1

-- name: booking_to_cancel
-- A booking with the terms under which it can be cancelled.
SELECT b.id, b.buyer_id, b.show_id, b.state, b.seats, b.currency, w.lane, w.cancelled, w.starts_at, w.rules, s.progress
FROM booking b JOIN show w ON w.id = b.show_id LEFT JOIN saga s ON s.id = b.id WHERE b.id = $1

-- name: cancellations_not_taken_up
-- What a lane took back, and its saga has not heard of: the lane is asked to say so again.
SELECT c.*, b.buyer_id, w.lane FROM cancellation c JOIN booking b ON b.id = c.booking_id JOIN show w ON w.id = c.show_id
WHERE c.taken_up_at IS NULL AND c.decided_at < now() - interval '5 s' ORDER BY c.decided_at LIMIT $1

-- name: show_cancellation_ask
-- Once for each show: whoever asks again hears of the first.
INSERT INTO show_cancellation (id, show_id, venue_cancellation_id, organiser_id, reason, asked_by)
SELECT $1, w.id, $3, e.organiser_id, $4, $5 FROM show w JOIN event e ON e.id = w.event_id WHERE w.id = $2
ON CONFLICT (show_id) DO UPDATE SET show_id = excluded.show_id RETURNING *

-- name: show_cancellation_drop
DELETE FROM show_cancellation c USING show w WHERE c.id = $1 AND w.id = c.show_id AND NOT w.cancelled

-- name: shows_to_come_at_venue
SELECT w.id, w.lane FROM show w JOIN hall h ON h.id = w.hall_id
WHERE h.venue_id = $1 AND w.opened AND NOT w.cancelled AND w.ends_at > now() ORDER BY w.starts_at

-- name: venue_deactivate
UPDATE venue SET active = false WHERE id = $1

-- name: show_cancellations
-- Those of one show, or of a venue, with how far each has come. A booking's refunds and letter are found by its id: asked of
-- a show of 20,000 bookings while they are being cancelled, when the planner knows nothing of the tables yet. What a box
-- office has to hand over has not failed.
SELECT c.*, w.cancelled, w.starts_at, e.title,
    (SELECT count(*) FROM booking b WHERE b.show_id = c.show_id AND b.state IN ('held', 'confirmed')) AS live, come.*
FROM show_cancellation c JOIN show w ON w.id = c.show_id JOIN event e ON e.id = w.event_id
CROSS JOIN LATERAL (
    SELECT count(*) AS cancelled_bookings, coalesce(sum(r.pending), 0)::bigint AS refunds_pending,
        coalesce(sum(r.done), 0)::bigint AS refunds_done, coalesce(sum(r.failed), 0)::bigint AS refunds_failed,
        coalesce(sum(r.to_hand_over), 0)::bigint AS to_hand_over,
        count(*) FILTER (WHERE EXISTS (SELECT FROM letter l
            WHERE l.booking_id = x.booking_id AND l.template = 'cancelled' AND l.about = x.id AND l.status = 'sent')) AS told
    FROM cancellation x CROSS JOIN LATERAL (
        SELECT count(*) FILTER (WHERE f.status = 'pending') AS pending, count(*) FILTER (WHERE f.status = 'processed') AS done,
            count(*) FILTER (WHERE f.status = 'failed' AND f."to" NOT IN ('cash', 'terminal')) AS failed,
            count(*) FILTER (WHERE f.status = 'failed' AND f."to" IN ('cash', 'terminal')) AS to_hand_over
        FROM refund f WHERE f.booking_id = x.booking_id AND f.about = x.id
    ) r
    WHERE x.show_id = c.show_id AND x.reason = 'show-cancelled'
) come
WHERE (c.id = $1 OR c.venue_cancellation_id = $1)
    AND (c.organiser_id = $2 OR EXISTS (SELECT FROM venue_cancellation v WHERE v.id = $1 AND v.organiser_id = $2))
ORDER BY w.starts_at, c.id

-- name: show_cancellations_open
SELECT c.id, c.show_id, c.reason, c.asked_by, c.bookings, w.lane, w.cancelled, w.ends_at <= now() AS is_over
FROM show_cancellation c JOIN show w ON w.id = c.show_id
WHERE c.done_at IS NULL AND c.asked_at < now() - interval '1 s' ORDER BY c.asked_at

-- name: bookings_of_cancelled_show
-- The next of a cancelled show's bookings that are still live.
SELECT id, buyer_id, state FROM booking WHERE show_id = $1 AND state IN ('held', 'confirmed') AND id > $2 ORDER BY id LIMIT $3

-- name: event_of_cancelled_show
-- Locked, also against shows that are being added.
SELECT e.id FROM event e JOIN show w ON w.event_id = e.id WHERE w.id = $1 AND w.cancelled AND e.status = 'published' FOR UPDATE OF e

-- name: event_cancelled
UPDATE event e SET status = 'cancelled' WHERE e.id = $1
    AND NOT EXISTS (SELECT FROM show w WHERE w.event_id = e.id AND NOT w.cancelled AND w.ends_at > now())

-- name: event_goes_on
UPDATE event SET status = 'published' WHERE id = $1 AND status = 'cancelled'

-- name: show_cancellation_count
UPDATE show_cancellation SET bookings = (
    SELECT count(*) FROM booking b WHERE b.show_id = show_cancellation.show_id AND b.state IN ('held', 'confirmed')
) WHERE id = $1 AND bookings IS NULL

-- name: show_cancellation_end
-- Nothing is live any more, every saga has heard, and no money is on its way: those that failed wait for an operator.
UPDATE show_cancellation c SET done_at = now() WHERE c.id = $1
    AND NOT EXISTS (SELECT FROM booking b WHERE b.show_id = c.show_id AND b.state IN ('held', 'confirmed'))
    AND NOT EXISTS (SELECT FROM cancellation x WHERE x.show_id = c.show_id AND x.taken_up_at IS NULL)
    AND NOT EXISTS (SELECT FROM refund r JOIN cancellation x ON x.id = r.about WHERE x.show_id = c.show_id AND r.status = 'pending')

-- name: venue_cancellation_note
INSERT INTO venue_cancellation (id, venue_id, organiser_id, reason, asked_by) VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (venue_id) DO UPDATE SET venue_id = excluded.venue_id RETURNING *

-- name: venue_cancellation_seen
SELECT * FROM venue_cancellation WHERE id = $1 AND organiser_id = $2

-- name: postponement_note
INSERT INTO postponement (id, show_id, refund_until, asked_by) VALUES ($1, $2, $3, $4)

-- name: postponements_open
-- Whose buyers have not all been told; only once the lane has moved the show.
SELECT p.id, p.show_id, p.told_up_to FROM postponement p JOIN show w ON w.id = p.show_id
WHERE p.done_at IS NULL AND EXISTS (SELECT FROM journal j WHERE j.command_id = p.id AND j.decided AND j.outcome = 'postponed')
ORDER BY p.asked_at

-- name: postponement_tell
-- The letters to the next buyers, and whose tickets are to be printed anew.
WITH next AS (
    SELECT b.id, b.buyer_id FROM booking b WHERE b.show_id = $2 AND b.state = 'confirmed' AND b.id > $3 ORDER BY b.id LIMIT $4
), written AS (
    INSERT INTO letter (id, booking_id, template, about, recipient, message_id, status, attempts, last_error, trace_id,
        created_at, next_try_at)
    SELECT gen_random_uuid(), n.id, 'postponed', $1::uuid, coalesce(u.email, o.customer_email), '<postponed.' || $1::uuid || '.' || n.id || '@' || $5 || '>',
        'waiting', 0, '', '', now(), now()
    FROM next n LEFT JOIN "user" u ON u.id = n.buyer_id LEFT JOIN box_office_sale o ON o.booking_id = n.id
    WHERE u.erased_at IS NULL AND coalesce(u.email, o.customer_email) IS NOT NULL
    ON CONFLICT (booking_id, template, about) DO NOTHING
)
SELECT id FROM next ORDER BY id

-- name: postponement_told
UPDATE postponement SET told_up_to = $2, done_at = CASE WHEN $3 THEN now() END WHERE id = $1
