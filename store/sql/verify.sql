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
SELECT id, lane, place, seats_version, kept, hash FROM show WHERE opened

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
SELECT id, kind, progress, outbox, step FROM saga WHERE step <> 'seats' ORDER BY id

-- name: verify_top_ups
SELECT id, kind, progress, outbox FROM saga WHERE kind = 'top-up'

-- name: verify_timeline
SELECT e.saga_id, e.detail, s.kind FROM saga_event e JOIN saga s ON s.id = e.saga_id ORDER BY e.saga_id, e.n

-- name: verify_tickets
-- Places of a confirmed booking whose saga has issued tickets, without exactly one live ticket of their booking; and live
-- tickets of anything else.
WITH place AS (
    SELECT b.id, s.value ->> 'id' AS seat FROM booking b CROSS JOIN LATERAL json_array_elements(b.seats::json) AS s (value)
    WHERE b.state = 'confirmed' AND coalesce(s.value ->> 'status', '') = ''
)
SELECT p.id, p.seat FROM place p JOIN saga g ON g.id = p.id
LEFT JOIN ticket t ON t.booking_id = p.id AND t.seat_id = p.seat AND t.status <> 'cancelled'
WHERE g.step IN ('letter', '') GROUP BY p.id, p.seat HAVING count(t.id) <> 1
UNION ALL
SELECT t.booking_id, t.seat_id FROM ticket t
WHERE t.status <> 'cancelled' AND NOT EXISTS (SELECT FROM place p WHERE p.id = t.booking_id AND p.seat = t.seat_id)
    AND NOT EXISTS (SELECT FROM cancellation c WHERE c.booking_id = t.booking_id AND c.taken_up_at IS NULL)
    AND NOT EXISTS (SELECT FROM listing l WHERE l.booking_id = t.booking_id AND l.taken_up_at IS NULL AND l.status = 'sold')

-- name: verify_listings
SELECT * FROM listing

-- name: verify_money
-- For every booking at rest: captured = its live places and those that others bought of it + what was cancelled (given back, kept by the policy, or taken by
-- the payer's bank before) + refunds of money that it did not need. Of a booking without seats the bank may have taken what it kept.
WITH resting AS (
    SELECT b.id, b.state, b.seats::json AS seats FROM booking b JOIN saga g ON g.id = b.id
    WHERE g.course = 'ended' AND NOT EXISTS (SELECT FROM cancellation c WHERE c.booking_id = b.id AND c.taken_up_at IS NULL)
), sums AS (
    SELECT r.id, r.state,
        coalesce((SELECT sum(c.amount) FROM capture c WHERE c.booking_id = r.id), 0) AS captured,
        coalesce((SELECT sum(f.amount) FROM refund f WHERE f.booking_id = r.id AND f.about IS NULL), 0) AS refunded,
        coalesce((SELECT sum(c.amount + c.retained) FROM cancellation c WHERE c.booking_id = r.id), 0) AS cancelled,
        CASE WHEN r.state IN ('confirmed', 'cancelled') THEN (
            SELECT coalesce(sum((s ->> 'price')::bigint - coalesce((s ->> 'discount')::bigint, 0)
                + coalesce((s ->> 'fees')::bigint, 0) + coalesce((s ->> 'tax')::bigint, 0)), 0)
            FROM json_array_elements(r.seats) s WHERE coalesce(s ->> 'status', '') IN ('', 'resold')
        ) ELSE (
            SELECT coalesce(sum(e.amount), 0) FROM ledger_entry e JOIN ledger_transaction t ON t.id = e.transaction_id
            WHERE t.booking_id = r.id AND t.kind = 'dispute' AND e.account = 'booking'
        ) END AS kept
    FROM resting r
)
SELECT id::text FROM sums WHERE captured <> kept + refunded + cancelled
UNION ALL
-- A cancellation gives back what it owes, now or when a dispute is won; less only where a bank has taken so much, or the
-- organiser has given so much out of goodwill before.
SELECT c.id::text FROM cancellation c JOIN saga g ON g.id = c.booking_id
CROSS JOIN LATERAL (
    SELECT coalesce(sum(f.amount) FILTER (WHERE f.about = c.id), 0) AS given,
        coalesce(sum(f.amount) FILTER (WHERE f.about = f.id), 0) AS goodwill
    FROM refund f WHERE f.booking_id = c.booking_id
) r CROSS JOIN LATERAL (
    SELECT c.amount - r.given - coalesce((SELECT sum((w ->> 'amount')::bigint)
            FROM jsonb_array_elements(g.progress::jsonb #> '{facts,waiting}') w WHERE w ->> 'about' = c.id::text), 0) AS missing
) m
WHERE c.taken_up_at IS NOT NULL AND (m.missing < 0 OR m.missing - r.goodwill > coalesce((SELECT sum((d ->> 'amount')::bigint)
    FROM jsonb_array_elements(g.progress::jsonb #> '{facts,disputes}') d WHERE d ->> 'status' = 'lost'), 0))
UNION ALL
-- What is given out of goodwill is what somebody asked for, or gave by hand.
SELECT f.id::text FROM refund f WHERE f.about = f.id AND NOT EXISTS (
    SELECT FROM saga_event e WHERE e.saga_id = f.booking_id AND e.event IN ('refund_asked', 'refund_seen')
        AND e.detail::json ->> 'refund_id' = f.id::text AND (e.detail::json ->> 'amount')::bigint = f.amount)
UNION ALL
SELECT f.id::text FROM refund f WHERE f.about <> f.id
    AND NOT EXISTS (SELECT FROM cancellation c WHERE c.id = f.about AND c.booking_id = f.booking_id)
UNION ALL
SELECT c.provider_payment_id FROM capture c LEFT JOIN refund r ON r.provider_payment_id = c.provider_payment_id
GROUP BY c.provider_payment_id, c.amount HAVING coalesce(sum(r.amount), 0) > c.amount
UNION ALL
SELECT r.id::text FROM refund r WHERE NOT EXISTS (
    SELECT FROM capture c WHERE c.provider_payment_id = r.provider_payment_id)

-- name: verify_ledger_count
SELECT count(*) AS entries FROM ledger_entry

-- name: verify_ledger
-- Each kind of fact against what the ledger has of it.
WITH booked AS (
    -- what a cancellation owes is booked as it becomes certain, perhaps in several parts
    SELECT CASE t.kind WHEN 'cancellation' THEN left(t.reference, 49) ELSE t.reference END AS reference, t.kind,
        sum(e.amount) FILTER (WHERE e.amount > 0) AS amount
    FROM ledger_transaction t JOIN ledger_entry e ON e.transaction_id = t.id GROUP BY 1, 2
), facts AS (
    SELECT 'capture:' || provider_payment_id AS reference, amount FROM capture WHERE amount > 0
    UNION ALL SELECT 'refund:' || id, amount FROM refund WHERE status = 'processed'
    UNION ALL SELECT 'cancellation:' || about, sum(amount) FROM refund WHERE about <> id GROUP BY about
    UNION ALL SELECT 'goodwill:' || id, amount FROM refund WHERE about = id
    UNION ALL SELECT 'dispute:' || (detail::jsonb ->> 'dispute_id'), (detail::jsonb ->> 'amount')::bigint FROM saga_event
        WHERE event = 'dispute_changed' AND detail::jsonb ->> 'status' = 'lost'
    UNION ALL SELECT 'payout:' || id, amount FROM payout
    UNION ALL SELECT 'settlement:' || entity_id, abs(credit - debit) FROM settlement_line
        WHERE booked_at IS NOT NULL AND credit <> debit
    UNION ALL SELECT 'provider-fee:' || entity_id, abs(fee) FROM settlement_line WHERE booked_at IS NOT NULL AND fee <> 0
)
SELECT 'not booked as it is:' AS what, f.reference AS id FROM facts f LEFT JOIN booked b ON b.reference = f.reference
WHERE b.amount IS DISTINCT FROM f.amount
UNION ALL
SELECT 'booked, but no fact:', b.reference FROM booked b WHERE b.kind IN (
        'capture', 'top-up', 'refund', 'cancellation', 'goodwill', 'dispute', 'payout', 'settlement', 'provider-fee')
    AND NOT EXISTS (SELECT FROM facts f WHERE f.reference = b.reference)
UNION ALL
SELECT 'does not sum to zero:', transaction_id::text FROM ledger_entry GROUP BY transaction_id, currency HAVING sum(amount) <> 0
UNION ALL
SELECT 'no entries:', t.reference FROM ledger_transaction t
WHERE NOT EXISTS (SELECT FROM ledger_entry e WHERE e.transaction_id = t.id)
UNION ALL
-- A booking's own account holds only what is on its way back, once its saga is at rest.
SELECT 'holds more or less than is owed:', g.id::text FROM saga g
WHERE g.course = 'ended' AND g.kind = 'booking'
    AND coalesce((SELECT -sum(e.amount) FROM ledger_entry e WHERE e.account = 'booking' AND e.owner = g.id), 0)
        <> coalesce((SELECT sum(r.amount) FROM refund r WHERE r.booking_id = g.id AND r.status <> 'processed'), 0)

-- name: verify_wallets
SELECT w.id FROM wallet w LEFT JOIN ledger_entry e ON e.account = 'wallet' AND e.owner = w.user_id AND e.currency = w.currency
GROUP BY w.id, w.balance HAVING w.balance <> -coalesce(sum(e.amount), 0)
UNION ALL
SELECT e.owner FROM ledger_entry e WHERE e.account = 'wallet'
    AND NOT EXISTS (SELECT FROM wallet w WHERE w.user_id = e.owner AND w.currency = e.currency)

-- name: verify_kept_aside
-- What is kept aside for each buyer is what their sagas know of, but for sales that only one of the two sagas has taken up.
WITH known AS (
    SELECT (g.progress::jsonb #>> '{facts,buyer_id}')::uuid AS owner, g.progress::jsonb #>> '{facts,currency}' AS currency,
        (k ->> 'amount')::bigint AS amount
    FROM saga g CROSS JOIN LATERAL jsonb_array_elements(g.progress::jsonb #> '{facts,kept_aside}') k
    WHERE g.progress LIKE '%"kept_aside"%'
    UNION ALL
    SELECT l.seller_id, w.currency, CASE WHEN l.taken_up_at IS NULL THEN l.price - l.fee ELSE l.fee - l.price END
    FROM listing l JOIN show w ON w.id = l.show_id
    WHERE l.status = 'sold' AND (l.taken_up_at IS NULL) = EXISTS (
        SELECT FROM ledger_transaction t WHERE t.reference = 'sale:' || l.buyer_booking_id)
), held AS (
    SELECT owner, currency, -sum(amount) AS amount FROM ledger_entry WHERE account = 'aside' GROUP BY owner, currency
), by_sagas AS (
    SELECT owner, currency, sum(amount) AS amount FROM known GROUP BY owner, currency
)
SELECT owner FROM held FULL JOIN by_sagas s USING (owner, currency) WHERE coalesce(held.amount, 0) <> coalesce(s.amount, 0)

-- name: verify_buyer_holds
-- A buyer's count of live holds, against the bookings that are held.
SELECT coalesce(h.buyer_id, b.buyer_id) FROM buyer_holds h
FULL JOIN (SELECT buyer_id, count(*) AS live FROM booking WHERE state = 'held' GROUP BY buyer_id) b
    ON b.buyer_id = h.buyer_id
WHERE coalesce(h.live, 0) <> coalesce(b.live, 0)
