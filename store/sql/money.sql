-- name: payments_begin
INSERT INTO payment (id, booking_id, method, amount, currency, status, checks, created_at)
SELECT id, booking_id, method, amount, currency, 'preparing', 0, $1
FROM unnest($2::uuid[], $3::uuid[], $4::text[], $5::bigint[], $6::text[]) AS p (id, booking_id, method, amount, currency)
ON CONFLICT (id) DO NOTHING

-- name: payments_change
-- A payment never goes back: captured stays captured, whatever is told later.
UPDATE payment SET status = c.status, next_check_at = CASE WHEN c.status IN ('ready', 'authorized') AND method = 'razorpay'
    THEN $1::timestamptz + interval '20 s' END
FROM unnest($2::uuid[], $3::text[]) AS c (id, status)
WHERE payment.id = c.id AND payment.status <> 'captured'
    AND (c.status <> 'ready' OR payment.status IN ('preparing', 'failed'))
    AND (c.status <> 'failed' OR payment.status <> 'authorized')

-- name: captures_note
INSERT INTO capture (provider_payment_id, payment_id, booking_id, amount, currency, captured_at)
SELECT provider_payment_id, payment_id, booking_id, amount, currency, $1
FROM unnest($2::text[], $3::uuid[], $4::uuid[], $5::bigint[], $6::text[])
    AS c (provider_payment_id, payment_id, booking_id, amount, currency)
ON CONFLICT DO NOTHING

-- name: refunds_begin
INSERT INTO refund (id, booking_id, payment_id, provider_payment_id, amount, currency, "to", reason, status, command_id,
    about, attempt, created_at)
SELECT id, booking_id, payment_id, provider_payment_id, amount, currency, target, reason, 'pending', command_id, about,
    attempt, $1
FROM unnest($2::uuid[], $3::uuid[], $4::uuid[], $5::text[], $6::bigint[], $7::text[], $8::text[], $9::text[], $10::uuid[],
    $11::uuid[], $12::int[])
    AS r (id, booking_id, payment_id, provider_payment_id, amount, currency, target, reason, command_id, about, attempt)
ON CONFLICT (id) DO UPDATE SET status = 'pending', command_id = excluded.command_id, attempt = excluded.attempt,
    provider_refund_id = NULL, claimed_until = NULL
WHERE refund.status = 'failed' AND refund.attempt < excluded.attempt

-- name: refunds_end
UPDATE refund SET status = r.status, provider_refund_id = coalesce(nullif(r.provider_refund_id, ''), refund.provider_refund_id)
FROM unnest($1::uuid[], $2::text[], $3::text[]) AS r (id, status, provider_refund_id)
WHERE refund.id = r.id AND refund.status <> 'processed'

-- name: wallets_lock
-- In sorted order, so that two lanes never wait for each other in a circle.
SELECT id, user_id, currency, balance FROM wallet WHERE user_id = ANY($1::uuid[]) ORDER BY id FOR UPDATE

-- name: wallets_make
-- First credits.  A row that is missing in the answer was made by somebody else meanwhile.
INSERT INTO wallet (id, user_id, currency, balance)
SELECT id, user_id, currency, balance FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::bigint[])
    AS w (id, user_id, currency, balance)
ORDER BY id ON CONFLICT DO NOTHING RETURNING id

-- name: wallets_change
UPDATE wallet SET balance = w.balance FROM unnest($1::uuid[], $2::bigint[]) AS w (id, balance) WHERE wallet.id = w.id

-- name: payment_claim
-- The lease of whoever talks to the provider about this payment: two never do at once.
-- ``tried`` says that somebody talked to the provider before, and may not have heard the answer.
WITH before AS (SELECT id, claimed_until FROM payment WHERE id = $1 FOR UPDATE)
UPDATE payment SET claimed_until = now() + make_interval(secs => $2) FROM before
WHERE payment.id = before.id AND (before.claimed_until IS NULL OR before.claimed_until <= now())
RETURNING payment.*, before.claimed_until IS NOT NULL AS tried

-- name: payment_unclaim
-- The lease ends; that somebody tried is kept.
UPDATE payment SET claimed_until = now() WHERE id = $1

-- name: payment_order
-- The order is known, and the lease ends.
UPDATE payment SET razorpay_order_id = $2, claimed_until = now() WHERE id = $1

-- name: payment_by_order
SELECT * FROM payment WHERE razorpay_order_id = $1

-- name: payments_to_check
-- Payments that have been silent: asked about at growing intervals while anything can still come of them.
UPDATE payment SET checks = checks + 1,
    next_check_at = CASE WHEN checks < 14 THEN now() + make_interval(secs => least(20 * 2 ^ (checks + 1), 7200)) END
WHERE id IN (
    SELECT id FROM payment WHERE next_check_at <= now() ORDER BY next_check_at LIMIT $1 FOR UPDATE SKIP LOCKED
)
RETURNING id, booking_id

-- name: payments_before_the_end
-- Ways to pay whose hold is about to end, once for each end: an attempt that is pending at the bank is known in time.
UPDATE payment SET asked_before = due.held_until FROM (
    SELECT p.id, b.held_until FROM booking b JOIN payment p ON p.booking_id = b.id
    WHERE b.state = 'held' AND b.held_until > now() AND b.held_until <= now() + interval '15 s'
        AND b.held_until - now() <= (b.held_until - p.created_at) / 3
        AND p.method = 'razorpay' AND p.status IN ('ready', 'authorized')
        AND p.asked_before IS DISTINCT FROM b.held_until
    ORDER BY b.held_until LIMIT $1 FOR UPDATE OF p SKIP LOCKED
) AS due
WHERE payment.id = due.id
RETURNING payment.id, payment.booking_id

-- name: refunds_to_check
-- Refunds that the provider has not ended: asked about later each time, at least every hour, until they have.
UPDATE refund SET checks = checks + 1, next_check_at = now() + make_interval(secs => least(20 * 2 ^ (checks + 1), 3600))
WHERE id IN (
    SELECT id FROM refund
    WHERE status = 'pending' AND "to" = 'source' AND coalesce(next_check_at, created_at + interval '20 s') <= now()
    ORDER BY created_at LIMIT $1 FOR UPDATE SKIP LOCKED
)
RETURNING id, payment_id, booking_id, extract(day FROM now() - created_at)::int AS days

-- name: refunds_pending_of
SELECT * FROM refund WHERE payment_id = $1 AND status = 'pending' AND "to" = 'source' ORDER BY id LIMIT 100

-- name: refund_claim
-- As a payment's: one worker at a time, and ``tried`` says that an answer may have been missed.
WITH before AS (SELECT id, claimed_until FROM refund WHERE id = $1 FOR UPDATE)
UPDATE refund SET claimed_until = now() + make_interval(secs => $2) FROM before
WHERE refund.id = before.id AND (before.claimed_until IS NULL OR before.claimed_until <= now())
RETURNING refund.*, before.claimed_until IS NOT NULL AS tried

-- name: refund_unclaim
UPDATE refund SET claimed_until = now() WHERE id = $1

-- name: refund_known
-- Which refund at the provider this is; the lease ends.  What an earlier attempt came to says nothing of a later one.
UPDATE refund SET claimed_until = now(), provider_refund_id = $2 WHERE id = $1 AND attempt = $3

-- name: refund_find
SELECT * FROM refund WHERE id = $1 OR provider_refund_id = $2 ORDER BY id <> $1 LIMIT 1

-- name: refund_failed_of
SELECT * FROM refund WHERE provider_payment_id = $1 AND amount = $2 AND status = 'failed' AND "to" = 'source'
ORDER BY created_at LIMIT 1

-- name: refund_is_a_riddle
-- Something of the payment is on its way back, or could not be given back yet.
SELECT EXISTS (SELECT FROM refund WHERE provider_payment_id = $1 AND "to" = 'source' AND status <> 'processed')

-- name: payment_of_organiser
-- A payment for a booking of one of the organiser's shows, with how the booking stands.
SELECT p.id, p.booking_id, p.method, p.currency, b.state, g.lane, g.progress, g.outbox
FROM payment p JOIN booking b ON b.id = p.booking_id JOIN saga g ON g.id = b.id
JOIN show w ON w.id = b.show_id JOIN event e ON e.id = w.event_id
WHERE p.id = $1 AND e.organiser_id = $2

-- name: refund_asked
-- What has become of a refund that was asked for by this event: nothing yet when no row; taken and refused without an id.
SELECT r.id, r.amount, r.currency, r."to", r.status, r.reason
FROM (SELECT 1 FROM refund WHERE id = $1 UNION SELECT 1 FROM saga_journal WHERE event_id = $2 AND taken) AS known
LEFT JOIN refund r ON r.id = $1 LIMIT 1

-- name: method_chosen
SELECT detail::jsonb ->> 'method' AS method, coalesce((detail::jsonb ->> 'from_wallet')::bigint, 0) AS from_wallet
FROM saga_event WHERE saga_id = $1 AND event = 'method_chosen' AND detail::jsonb ->> 'event_id' = $2

-- name: webhook_keep
INSERT INTO webhook_event (event_id, kind, body, received_at, next_try_at, tries, note)
VALUES ($1, $2, $3, now(), now() + interval '5 s', 0, '') ON CONFLICT (event_id) DO NOTHING

-- name: webhook_forwarded
UPDATE webhook_event SET forwarded_at = now(), note = $2 WHERE event_id = $1 AND forwarded_at IS NULL

-- name: webhook_note
UPDATE webhook_event SET note = $2 WHERE event_id = $1

-- name: webhooks_to_try
-- Webhooks that could not be resolved yet; after a day they stay, for the operator.
UPDATE webhook_event SET tries = tries + 1, next_try_at = now() + make_interval(secs => least(5 * 2 ^ tries, 600))
WHERE event_id IN (
    SELECT event_id FROM webhook_event WHERE forwarded_at IS NULL AND next_try_at <= now()
        AND received_at > now() - interval '1 day'
    ORDER BY next_try_at LIMIT $1 FOR UPDATE SKIP LOCKED
)
RETURNING event_id, kind, body
