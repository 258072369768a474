-- name: verify_lanes
SELECT lane, generation, next_offset, last_offset FROM lane ORDER BY lane

-- name: verify_journal
SELECT lane, generation, "offset", previous_offset, show_id, command, command_id, body, inputs, outcome, result, decided,
    decided_at, hash
FROM journal WHERE lane = $1 ORDER BY generation, "offset"

-- name: verify_saga_journal
SELECT lane, generation, "offset", previous_offset FROM saga_journal WHERE lane = $1 AND part = 0 ORDER BY generation, "offset"

-- name: verify_decided_twice
SELECT command_id FROM journal WHERE decided GROUP BY command_id HAVING count(*) > 1

-- name: verify_plans
SELECT w.id, p.body FROM show w JOIN seat_plan p ON p.hash = w.plan_id

-- name: verify_journal_of_moved
-- The journal of the shows that were moved, each in its own order over all its lanes.
SELECT j.lane, j.generation, j."offset", j.show_id, j.command, j.command_id, j.body, j.inputs, j.outcome, j.result, j.decided,
    j.decided_at, j.hash
FROM journal j WHERE j.show_id IN (SELECT id FROM show WHERE moved_at IS NOT NULL)
ORDER BY j.show_id, j.decided_at, j.generation, j."offset"

-- name: verify_moved
SELECT id FROM show WHERE moved_at IS NOT NULL

-- name: verify_shows
SELECT id, lane, place, seats_version, hash FROM show WHERE opened

-- name: verify_terms
SELECT * FROM show WHERE opened

-- name: verify_coupons
SELECT show_id, code, terms FROM coupon

-- name: verify_seats
SELECT show_id, id, state, booking_id FROM seat WHERE state <> 'free'

-- name: verify_seats_count
SELECT show_id, count(*) AS seats FROM seat GROUP BY show_id

-- name: verify_bookings
SELECT id, show_id, state FROM booking

-- name: verify_sagas
SELECT id, progress, outbox, step FROM saga WHERE step <> 'seats' ORDER BY id

-- name: verify_timeline
SELECT saga_id, detail FROM saga_event ORDER BY saga_id, n

-- name: verify_tickets
-- Confirmed seats whose saga has issued tickets, without exactly one live ticket of their booking.
SELECT b.id, s.value ->> 'id' AS seat FROM booking b JOIN saga g ON g.id = b.id
CROSS JOIN LATERAL json_array_elements(b.seats::json) AS s (value)
LEFT JOIN ticket t ON t.booking_id = b.id AND t.seat_id = s.value ->> 'id' AND t.status <> 'cancelled'
WHERE b.state = 'confirmed' AND g.step IN ('letter', '')
GROUP BY b.id, s.value ->> 'id' HAVING count(t.id) <> 1
UNION ALL
SELECT t.booking_id, t.seat_id FROM ticket t JOIN booking b ON b.id = t.booking_id
WHERE t.status <> 'cancelled' AND b.state <> 'confirmed'

-- name: verify_money
-- Captured money that is neither kept by a confirmed booking, nor refunded or on its way back, nor in an open saga.
SELECT c.provider_payment_id FROM capture c JOIN booking b ON b.id = c.booking_id JOIN saga g ON g.id = b.id
LEFT JOIN refund r ON r.provider_payment_id = c.provider_payment_id
WHERE r.id IS NULL AND b.state <> 'confirmed' AND g.course = 'ended'
UNION ALL
SELECT b.id::text FROM booking b JOIN saga g ON g.id = b.id
WHERE b.state = 'confirmed'
    AND (SELECT coalesce(sum(c.amount), 0) - coalesce(sum(r.amount), 0) FROM capture c
         LEFT JOIN refund r ON r.provider_payment_id = c.provider_payment_id WHERE c.booking_id = b.id)
        <> (SELECT (a ->> 'seats')::bigint - coalesce((a ->> 'discount')::bigint, 0) + coalesce((a ->> 'fees')::bigint, 0)
            + coalesce((a ->> 'tax')::bigint, 0) FROM (SELECT b.amounts::json AS a) x)
UNION ALL
SELECT r.id::text FROM refund r LEFT JOIN capture c ON c.provider_payment_id = r.provider_payment_id
WHERE c.provider_payment_id IS NULL OR r.amount > c.amount

-- name: verify_wallets
SELECT w.id FROM wallet w LEFT JOIN wallet_entry e ON e.wallet_id = w.id
GROUP BY w.id, w.balance HAVING w.balance <> coalesce(sum(e.amount), 0)

-- name: verify_buyer_holds
-- A buyer's count of live holds, against the bookings that are held.
SELECT coalesce(h.buyer_id, b.buyer_id) FROM buyer_holds h
FULL JOIN (SELECT buyer_id, count(*) AS live FROM booking WHERE state = 'held' GROUP BY buyer_id) b
    ON b.buyer_id = h.buyer_id
WHERE coalesce(h.live, 0) <> coalesce(b.live, 0)
