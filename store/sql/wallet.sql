-- name: top_up_add
-- Whichever of its unique columns meets the same one that is asked for at this moment.
INSERT INTO top_up (id, user_id, payment_id, amount, currency) VALUES ($1, $2, $3, $4, $5)
ON CONFLICT DO NOTHING RETURNING id

-- name: top_up_begin
-- Its saga; what it awaits is sent by the sweep, should nobody else send it.
INSERT INTO saga (id, kind, lane, step, course, outcome, progress, outbox, trace, next_send_at, changed_at)
VALUES ($1, 'top-up', $2, $3, $4, '', $5, $6, $7, now() + interval '5 s', now())

-- name: top_up_find
SELECT t.id, t.amount, t.currency, t.payment_id, t.at, p.status, p.razorpay_order_id,
    coalesce((SELECT sum(c.amount) FROM capture c WHERE c.payment_id = t.payment_id), 0)::bigint AS received
FROM top_up t JOIN payment p ON p.id = t.payment_id WHERE t.id = $1 AND t.user_id = $2

-- name: wallet_balances
SELECT currency, balance FROM wallet WHERE user_id = $1 ORDER BY currency

-- name: wallet_kept_aside
-- What of a buyer's wallets cannot be spent for now, in each currency.
SELECT currency, -sum(amount)::bigint AS amount FROM ledger_entry WHERE account = 'aside' AND owner = $1
GROUP BY currency HAVING sum(amount) < 0 ORDER BY currency

-- name: wallet_entries_page
-- What moved in a buyer's wallets, newest first: ids rise in the order in which they were booked.
SELECT t.id, t.kind, t.note, t.booking_id, t.at, -e.amount AS amount, e.currency, e.balance_after
FROM ledger_entry e JOIN ledger_transaction t ON t.id = e.transaction_id
WHERE e.account = 'wallet' AND e.owner = $1 AND ($2::uuid IS NULL OR t.id < $2)
ORDER BY t.id DESC LIMIT $3

-- name: payments_of_buyer
-- What somebody was asked to pay, for bookings and for their wallet, and what of it went back.
SELECT p.id, p.booking_id, t.id AS top_up_id, p.method, p.amount, p.currency, p.status, p.created_at,
    coalesce((SELECT json_agg(json_build_object('id', r.id, 'amount', r.amount, 'currency', r.currency, 'to', r.to,
        'status', r.status, 'reason', r.reason) ORDER BY r.created_at) FROM refund r WHERE r.payment_id = p.id), '[]')::text
        AS refunds
FROM payment p LEFT JOIN top_up t ON t.payment_id = p.id
WHERE p.booking_id IN (SELECT id FROM booking WHERE buyer_id = $1 UNION ALL SELECT id FROM top_up WHERE user_id = $1)
    AND ($2::timestamptz IS NULL OR (p.created_at, p.id) < ($2, $3))
ORDER BY p.created_at DESC, p.id DESC LIMIT $4
