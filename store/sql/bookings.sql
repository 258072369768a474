-- name: booking_whole
-- A booking with all that its buyer is shown.
SELECT b.*, s.progress, s.outbox, p.id AS payment_id, p.status AS payment_status, p.method AS payment_method, p.razorpay_order_id,
    coalesce((SELECT json_agg(t.id ORDER BY t.seat_id) FROM ticket t WHERE t.booking_id = b.id), '[]')::text AS tickets,
    coalesce((SELECT json_agg(json_build_object('id', r.id, 'amount', r.amount, 'currency', r.currency, 'to', r.to,
        'status', r.status, 'reason', r.reason) ORDER BY r.created_at) FROM refund r WHERE r.booking_id = b.id), '[]')::text
        AS refunds
FROM booking b
LEFT JOIN saga s ON s.id = b.id
LEFT JOIN LATERAL (SELECT * FROM payment WHERE booking_id = b.id ORDER BY (status = 'captured') DESC,
    (status = 'captured' AND method = 'razorpay') DESC, created_at DESC LIMIT 1) p
    ON true
WHERE b.id = $1

-- name: bookings_of_buyer
SELECT b.*, s.progress, s.outbox, p.id AS payment_id, p.status AS payment_status, p.method AS payment_method, p.razorpay_order_id,
    coalesce((SELECT json_agg(t.id ORDER BY t.seat_id) FROM ticket t WHERE t.booking_id = b.id), '[]')::text AS tickets,
    coalesce((SELECT json_agg(json_build_object('id', r.id, 'amount', r.amount, 'currency', r.currency, 'to', r.to,
        'status', r.status, 'reason', r.reason) ORDER BY r.created_at) FROM refund r WHERE r.booking_id = b.id), '[]')::text
        AS refunds
FROM booking b
LEFT JOIN saga s ON s.id = b.id
LEFT JOIN LATERAL (SELECT * FROM payment WHERE booking_id = b.id ORDER BY (status = 'captured') DESC,
    (status = 'captured' AND method = 'razorpay') DESC, created_at DESC LIMIT 1) p
    ON true
WHERE b.buyer_id = $1 AND ($2::timestamptz IS NULL OR (b.decided_at, b.id) < ($2, $3))
ORDER BY b.decided_at DESC, b.id DESC LIMIT $4

-- name: saga_timeline
SELECT n, event, step, course, detail, at FROM saga_event WHERE saga_id = $1 ORDER BY n
