-- name: hall_to_use
-- A hall with its plan and venue, for whoever may put on a show there.
SELECT h.id AS hall_id, h.plan_id, p.body AS plan_body, v.time_zone, v.opens, v.closes, v.active, v.name AS venue_name
FROM hall h JOIN venue v ON v.id = h.venue_id JOIN seat_plan p ON p.hash = h.plan_id JOIN organiser o ON o.id = v.organiser_id
WHERE h.id = $1 AND (v.organiser_id = $2 OR o.operator)

-- name: show_own
-- As show_one, for the show's organiser.
SELECT w.*, p.body AS plan_body, e.title, e.kind, e.description, e.language, e.rating, e.duration_minutes, e.poster_url,
    e.status AS event_status, e.organiser_id, v.id AS venue_id, v.name AS venue_name, v.city, v.country, v.address,
    v.time_zone, v.opens, v.closes, v.latitude, v.longitude, h.name AS hall_name
FROM show w JOIN event e ON e.id = w.event_id JOIN hall h ON h.id = w.hall_id JOIN venue v ON v.id = h.venue_id
JOIN seat_plan p ON p.hash = w.plan_id
WHERE w.id = $1 AND e.organiser_id = $2

-- name: show_seen
-- As show_one, for its organiser's members and for admins: before the event is published, too.
SELECT w.*, p.body AS plan_body, e.title, e.kind, e.description, e.language, e.rating, e.duration_minutes, e.poster_url,
    e.status AS event_status, v.id AS venue_id, v.name AS venue_name, v.city, v.country, v.address, v.time_zone,
    v.latitude, v.longitude, h.name AS hall_name
FROM show w JOIN event e ON e.id = w.event_id JOIN hall h ON h.id = w.hall_id JOIN venue v ON v.id = h.venue_id
JOIN seat_plan p ON p.hash = w.plan_id
WHERE w.id = $1 AND w.opened AND (
    EXISTS (SELECT FROM organiser_member m WHERE m.organiser_id = e.organiser_id AND m.user_id = $2)
    OR EXISTS (SELECT FROM "user" u WHERE u.id = $2 AND u.role = 'admin')
)

-- name: charges_of_organiser
SELECT fees, tax FROM organiser_charges WHERE organiser_id = $1

-- name: charges_set
INSERT INTO organiser_charges (organiser_id, fees, tax) VALUES ($1, $2, $3)
ON CONFLICT (organiser_id) DO UPDATE SET fees = excluded.fees, tax = excluded.tax

-- name: bookings_of_show
-- As their buyers are shown them, the latest place in line first, with who they are.
SELECT b.*, s.progress, s.outbox, p.id AS payment_id, p.status AS payment_status, p.method AS payment_method,
    p.razorpay_order_id, coalesce(u.name, o.customer_name) AS buyer_name,
    coalesce(u.email, o.customer_email) AS buyer_email,
    coalesce((SELECT json_agg(json_build_object('id', y.id, 'method', y.method, 'amount', y.amount) ORDER BY y.created_at)
        FROM payment y WHERE y.booking_id = b.id AND y.status = 'captured'), '[]')::text AS payments,
    coalesce((SELECT json_agg(t.id ORDER BY t.seat_id) FROM ticket t WHERE t.booking_id = b.id), '[]')::text AS tickets,
    coalesce((SELECT json_agg(json_build_object('id', r.id, 'amount', r.amount, 'currency', r.currency, 'to', r.to,
        'status', r.status, 'reason', r.reason) ORDER BY r.created_at) FROM refund r WHERE r.booking_id = b.id), '[]')::text
        AS refunds
FROM booking b
LEFT JOIN "user" u ON u.id = b.buyer_id
LEFT JOIN box_office_sale o ON o.booking_id = b.id
LEFT JOIN saga s ON s.id = b.id
LEFT JOIN LATERAL (SELECT * FROM payment WHERE booking_id = b.id ORDER BY (status = 'captured') DESC,
    (status = 'captured' AND method = 'razorpay') DESC, created_at DESC LIMIT 1) p
    ON true
WHERE b.show_id = $1 AND b.place > 0 AND ($2::bigint IS NULL OR b.place < $2)
ORDER BY b.place DESC LIMIT $3

-- name: journal_head
SELECT w.place, w.hash, w.decided_at FROM show w JOIN event e ON e.id = w.event_id
WHERE w.id = $1 AND w.opened AND e.status <> 'draft'
