-- name: events_met
SELECT event_id FROM saga_journal WHERE event_id = ANY($1::uuid[]) AND taken

-- name: sagas_load
SELECT id, kind, progress, outbox, events, trace FROM saga WHERE id = ANY($1::uuid[])

-- name: sagas_write
-- All rows of a batch that only the saga's lane writes.
WITH moved AS (
    UPDATE saga SET step = s.step, course = s.course, outcome = s.outcome, progress = s.progress, outbox = s.outbox,
        events = s.events, sends = 0, next_send_at = $3::timestamptz + make_interval(secs => s.send_after), changed_at = $3
    FROM unnest($4::uuid[], $5::text[], $6::text[], $7::text[], $8::text[], $9::text[], $10::int[], $11::float8[])
        AS s (id, step, course, outcome, progress, outbox, events, send_after)
    WHERE saga.id = s.id
    RETURNING 1
), noted AS (
    INSERT INTO saga_event (saga_id, n, event, step, course, detail, at)
    SELECT saga_id, n, event, step, course, detail, $3
    FROM unnest($12::uuid[], $13::int[], $14::text[], $15::text[], $16::text[], $17::text[])
        AS e (saga_id, n, event, step, course, detail)
), read AS (
    INSERT INTO saga_journal (lane, generation, "offset", part, previous_offset, saga_id, event, event_id, publish_id,
        body, outcome, taken, decided_at)
    SELECT $1, $2, at, part, previous, saga_id, event, event_id, publish_id, body, outcome, taken, $3
    FROM unnest($18::bigint[], $19::int[], $20::bigint[], $21::uuid[], $22::text[], $23::uuid[], $24::text[], $25::text[],
        $26::text[], $27::bool[])
        AS j (at, part, previous, saga_id, event, event_id, publish_id, body, outcome, taken)
)
SELECT count(*) FROM moved

-- name: outbox_overdue
-- Sagas whose answer is overdue, each to be sent again by one sweep only, and later each time.
UPDATE saga SET sends = sends + 1, next_send_at = now() + make_interval(secs => least(5 * 2 ^ (sends + 1), 300))
WHERE id IN (
    SELECT id FROM saga WHERE next_send_at <= now() ORDER BY next_send_at LIMIT $1 FOR UPDATE SKIP LOCKED
)
RETURNING id, lane, outbox, sends, trace

-- name: holds_to_expire
SELECT b.id, b.show_id, b.buyer_id, b.held_until, s.lane FROM booking b JOIN show s ON s.id = b.show_id
WHERE b.state = 'held' AND b.held_until <= now() ORDER BY b.held_until LIMIT $1

-- name: expiries_not_taken_up
-- The hold has ended, and its saga has not heard of it: the lane is asked to say so again.
SELECT b.id, b.show_id, b.buyer_id, b.held_until, w.lane FROM saga s
JOIN booking b ON b.id = s.id JOIN show w ON w.id = b.show_id
WHERE s.course = 'forward' AND s.step IN ('seats', 'payment', 'money') AND b.state = 'expired'
    AND b.changed_at < now() - interval '5 s' AND s.changed_at < now() - interval '5 s'
ORDER BY b.changed_at LIMIT $1

-- name: booking_facts
-- What tickets and letters say about a booking.
SELECT b.id, b.show_id, b.buyer_id, b.seats, b.amounts, b.currency, b.method,
    coalesce(u.email, o.customer_email) AS email, coalesce(u.name, o.customer_name) AS buyer_name,
    e.title, e.duration_minutes, v.name AS venue, v.address, v.city, v.time_zone, h.name AS hall, w.starts_at, w.ends_at, w.rules
FROM booking b LEFT JOIN "user" u ON u.id = b.buyer_id LEFT JOIN box_office_sale o ON o.booking_id = b.id
JOIN show w ON w.id = b.show_id JOIN event e ON e.id = w.event_id
JOIN hall h ON h.id = w.hall_id JOIN venue v ON v.id = h.venue_id
WHERE b.id = $1

-- name: bookings_to_ticket
SELECT b.id, b.show_id, b.buyer_id, b.seats, e.organiser_id, o.customer_email FROM booking b JOIN show w ON w.id = b.show_id
JOIN event e ON e.id = w.event_id LEFT JOIN box_office_sale o ON o.booking_id = b.id WHERE b.id = ANY($1::uuid[]) ORDER BY b.id

-- name: tickets_issue
INSERT INTO ticket (id, booking_id, show_id, seat_id, holder_id, ticket_type, status, code, issued_at)
SELECT id, booking_id, show_id, seat_id, holder_id, ticket_type, 'valid', code, $1
FROM unnest($2::uuid[], $3::uuid[], $4::uuid[], $5::text[], $6::uuid[], $7::text[], $8::text[])
    AS t (id, booking_id, show_id, seat_id, holder_id, ticket_type, code)
ON CONFLICT (id) DO NOTHING

-- name: tickets_cancel
UPDATE ticket SET status = 'cancelled' FROM unnest($1::uuid[], $2::text[]) AS c (booking_id, seat_id)
WHERE ticket.booking_id = c.booking_id AND ticket.seat_id = c.seat_id

-- name: tickets_freeze
UPDATE ticket SET status = CASE WHEN f.frozen THEN 'frozen' ELSE 'valid' END
FROM unnest($1::uuid[], $2::bool[]) AS f (booking_id, frozen)
WHERE ticket.booking_id = f.booking_id AND ticket.status = CASE WHEN f.frozen THEN 'valid' ELSE 'frozen' END

-- name: cancellations_taken_up
UPDATE cancellation SET taken_up_at = $1 WHERE id = ANY($2::uuid[]) AND taken_up_at IS NULL

-- name: listings_taken_up
UPDATE listing SET taken_up_at = $1 WHERE id = ANY($2::uuid[]) AND taken_up_at IS NULL

-- name: sales_not_taken_up
SELECT l.id, l.booking_id, l.seat_id, l.price, l.fee, (
    SELECT count(*) FROM json_array_elements(b.seats::json) s WHERE coalesce(s ->> 'status', '') = ''
) AS "left"
FROM listing l JOIN booking b ON b.id = l.booking_id
WHERE l.status = 'sold' AND l.taken_up_at IS NULL AND l.changed_at < now() - interval '5 s'
ORDER BY l.changed_at LIMIT $1

-- name: tickets_of_others_cancel
-- Whoever has the seat by their show's lane has the only ticket for it.
UPDATE ticket SET status = 'cancelled' FROM unnest($1::uuid[], $2::uuid[], $3::text[]) AS c (booking_id, show_id, seat_id)
WHERE ticket.show_id = c.show_id AND ticket.seat_id = c.seat_id AND ticket.booking_id <> c.booking_id
    AND ticket.status <> 'cancelled'

-- name: letters_log
INSERT INTO letter (id, booking_id, template, about, recipient, message_id, status, attempts, last_error, trace_id, created_at)
SELECT l.id, l.booking_id, l.template, l.about, coalesce(u.email, o.customer_email), '<' || l.template || '.' || l.about || '@' || $2 || '>', 'waiting', 0, '',
    l.trace, $1
FROM unnest($3::uuid[], $4::uuid[], $5::text[], $6::uuid[], $7::text[]) AS l (id, booking_id, template, about, trace)
JOIN booking b ON b.id = l.booking_id LEFT JOIN "user" u ON u.id = b.buyer_id
LEFT JOIN box_office_sale o ON o.booking_id = b.id
WHERE u.email IS NOT NULL OR o.customer_email IS NOT NULL
ON CONFLICT (booking_id, template, about) DO NOTHING
