-- name: sagas_of_all
-- The latest first; those that need a look: what they await is overdue, or a refund has failed.
-- What a box office has to hand over is its organiser's matter.
SELECT s.id, s.kind, s.lane, s.step, s.course, s.outcome, s.outbox, s.sends, s.next_send_at, s.changed_at, b.show_id, b.buyer_id,
    b.state,
    EXISTS (SELECT FROM refund r WHERE r.booking_id = s.id AND r.status = 'failed' AND r."to" NOT IN ('cash', 'terminal'))
        AS refund_failed
FROM saga s LEFT JOIN booking b ON b.id = s.id
WHERE ($1::timestamptz IS NULL OR (s.changed_at, s.id) < ($1, $2)) AND ($3::text IS NULL OR s.course = $3)
    AND (NOT $4 OR s.sends > 2 OR EXISTS (
        SELECT FROM refund r WHERE r.booking_id = s.id AND r.status = 'failed' AND r."to" NOT IN ('cash', 'terminal')))
ORDER BY s.changed_at DESC, s.id DESC LIMIT $5

-- name: saga_seen
SELECT s.id, s.kind, s.lane, s.step, s.course, s.outcome, s.outbox, s.sends, s.next_send_at, s.changed_at, b.show_id, b.buyer_id,
    b.state, b.seats, w.lane AS show_lane, s.progress,
    EXISTS (SELECT FROM refund r WHERE r.booking_id = s.id AND r.status = 'failed' AND r."to" NOT IN ('cash', 'terminal'))
        AS refund_failed
FROM saga s LEFT JOIN booking b ON b.id = s.id LEFT JOIN show w ON w.id = b.show_id WHERE s.id = $1

-- name: refunds_of_saga
SELECT id, payment_id, provider_payment_id, amount, currency, "to", reason, status, attempt, command_id, about, created_at
FROM refund WHERE booking_id = $1 ORDER BY created_at, id

-- name: saga_send_now
UPDATE saga SET next_send_at = now(), sends = 0 WHERE id = $1 AND next_send_at IS NOT NULL RETURNING id

-- name: bookings_of_all
-- As their buyers are shown them, the latest first, with who they are.
SELECT b.*, s.progress, s.outbox, p.id AS payment_id, p.status AS payment_status, p.method AS payment_method,
    p.razorpay_order_id, u.name AS buyer_name, u.email AS buyer_email,
    coalesce((SELECT json_agg(json_build_object('id', y.id, 'method', y.method, 'amount', y.amount) ORDER BY y.created_at)
        FROM payment y WHERE y.booking_id = b.id AND y.status = 'captured'), '[]')::text AS payments,
    coalesce((SELECT json_agg(t.id ORDER BY t.seat_id) FROM ticket t WHERE t.booking_id = b.id), '[]')::text AS tickets,
    coalesce((SELECT json_agg(json_build_object('id', r.id, 'amount', r.amount, 'currency', r.currency, 'to', r.to,
        'status', r.status, 'reason', r.reason) ORDER BY r.created_at) FROM refund r WHERE r.booking_id = b.id), '[]')::text
        AS refunds
FROM booking b
LEFT JOIN "user" u ON u.id = b.buyer_id
LEFT JOIN saga s ON s.id = b.id
LEFT JOIN LATERAL (SELECT * FROM payment WHERE booking_id = b.id ORDER BY (status = 'captured') DESC, created_at DESC LIMIT 1) p
    ON true
WHERE ($1::timestamptz IS NULL OR (b.decided_at, b.id) < ($1, $2)) AND ($3::uuid IS NULL OR b.show_id = $3)
    AND ($4::text IS NULL OR u.email = $4)
ORDER BY b.decided_at DESC, b.id DESC LIMIT $5

-- name: saga_was_ordered
SELECT EXISTS (
    SELECT FROM change_record WHERE organiser_id IS NULL AND at > now() - interval '10 s' AND action = $2 AND object_id = $1)
