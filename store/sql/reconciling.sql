-- name: reconcile_payments
-- What we know of payments at the provider, by their ids and orders: the capture, what went back or is promised, what
-- waits for a dispute (also of a booking that never got its seats), what the booking's live tickets are worth (those too that are another buyer's now, who paid their
-- seller; less what was given back for them out of goodwill) and its policy kept. A refund that the payer's bank made
-- needless (``by-bank``) is among the disputes.  ``kept_before`` is what is left of the booking's earlier
-- payments, which explain their share of these first.
SELECT t.id, p.id AS payment_id, p.booking_id, p.status AS payment_status, c.amount, c.currency,
    c.captured_at < now() - interval '15 minutes' AS long_ago, r.done, r.owed, r.by_hand, r.to_wallet,
    coalesce(s.kind = 'top-up', false) AS topped_up, v.live, v.retained, d.waiting,
    coalesce(s.course <> 'ended', false) AS under_way, k.kept AS kept_before
FROM unnest($1::text[], $2::text[]) AS t (id, order_id)
LEFT JOIN capture c ON c.provider_payment_id = t.id
LEFT JOIN payment p ON p.id = coalesce(c.payment_id, (SELECT o.id FROM payment o WHERE o.razorpay_order_id = t.order_id))
LEFT JOIN booking b ON b.id = p.booking_id
LEFT JOIN saga s ON s.id = p.booking_id
CROSS JOIN LATERAL (
    SELECT coalesce(sum(amount) FILTER (WHERE place = 'done'), 0)::bigint AS done,
        coalesce(sum(amount) FILTER (WHERE place = 'owed'), 0)::bigint AS owed,
        coalesce(sum(amount) FILTER (WHERE place = 'by-hand'), 0)::bigint AS by_hand,
        coalesce(sum(amount) FILTER (WHERE place = 'to-wallet'), 0)::bigint AS to_wallet
    FROM (
        SELECT f.amount, CASE
            WHEN f.status = 'pending' AND f.provider_refund_id IS NOT NULL THEN 'done'
            WHEN f.status <> 'processed' THEN 'owed'
            WHEN f."to" <> 'source' THEN 'to-wallet'
            WHEN l.by_hand THEN 'by-hand'
            WHEN l.by_bank THEN 'by-bank'
            ELSE 'done' END AS place
        FROM refund f CROSS JOIN LATERAL (
            SELECT bool_or(e.account = 'by-hand') AS by_hand, bool_and(e.account <> 'provider') AS by_bank
            FROM ledger_transaction x JOIN ledger_entry e ON e.transaction_id = x.id WHERE x.reference = 'refund:' || f.id
        ) l
        WHERE f.provider_payment_id = t.id
    ) AS refunds
) AS r
CROSS JOIN LATERAL (
    SELECT greatest(0, (
            SELECT coalesce(sum((x->>'price')::bigint - coalesce((x->>'discount')::bigint, 0)
                + coalesce((x->>'fees')::bigint, 0) + coalesce((x->>'tax')::bigint, 0)), 0)
            FROM json_array_elements(b.seats::json) AS x
            WHERE x->>'status' = 'resold' OR (b.state = 'confirmed' AND coalesce(x->>'status', '') = '')
        ) - (
            SELECT coalesce(sum(g.amount), 0) FROM refund g WHERE g.booking_id = b.id AND g.about = g.id
        ))::bigint AS live,
        coalesce((SELECT sum(y.retained) FROM cancellation y WHERE y.booking_id = p.booking_id), 0)::bigint AS retained
) AS v
CROSS JOIN LATERAL (
    SELECT (coalesce((SELECT sum((x ->> 'amount')::bigint)
        FROM jsonb_array_elements(s.progress::jsonb #> '{facts,waiting}') x WHERE x ->> 'provider_payment_id' = t.id), 0)
        + CASE WHEN s.course = 'back' AND s.step = 'money' THEN greatest(0, least(c.amount - r.done - r.owed - r.by_hand - r.to_wallet,
            (SELECT coalesce(sum((x ->> 'amount')::bigint), 0) FROM jsonb_array_elements(s.progress::jsonb #> '{facts,disputes}') x
            WHERE x ->> 'provider_payment_id' = t.id AND x ->> 'status' = 'open'))) ELSE 0 END)::bigint AS waiting
) AS d
CROSS JOIN LATERAL (
    SELECT coalesce(sum(e.amount - (
        SELECT coalesce(sum(f.amount), 0) FROM refund f WHERE f.provider_payment_id = e.provider_payment_id
    )), 0)::bigint AS kept
    FROM capture e
    WHERE e.booking_id = c.booking_id AND (e.captured_at, e.provider_payment_id) < (c.captured_at, t.id)
) AS k

-- name: reconcile_captures
-- Our captures of a time, in the order of their ids, a page after the other.
SELECT c.provider_payment_id FROM capture c JOIN payment p ON p.id = c.payment_id
WHERE p.method = 'razorpay' AND c.captured_at >= $1 AND c.captured_at < $2 AND c.provider_payment_id > $3
ORDER BY c.provider_payment_id LIMIT $4

-- name: reconcile_refunds
-- Our refunds beside the provider's, by the id that we gave it or else by its own; ``id`` is null where we have none.
SELECT r.*, t.refund_id AS asked_id, t.provider_id FROM unnest($1::uuid[], $2::text[]) AS t (refund_id, provider_id)
LEFT JOIN LATERAL (
    SELECT * FROM refund WHERE id = t.refund_id OR provider_refund_id = t.provider_id ORDER BY id <> t.refund_id LIMIT 1
) AS r ON true

-- name: reconcile_disputed
-- Which booking and payment of ours these disputed payments are.
SELECT provider_payment_id, payment_id, booking_id FROM capture WHERE provider_payment_id = ANY($1::text[])

-- name: reconcile_first_capture
-- Since when there is money to reconcile.
SELECT min(captured_at) FROM capture

-- name: run_begin
-- A run begins unless one began a short while ago, in whatever process.
INSERT INTO reconcile_run (id, began_at, from_at, to_at)
SELECT $1, now(), $2, $3 WHERE NOT EXISTS (
    SELECT FROM reconcile_run WHERE began_at > now() - make_interval(secs => $4)
)
RETURNING id

-- name: run_end
-- What a run saw; a ``note`` says why it did not see all.
UPDATE reconcile_run SET ended_at = now(), payments = $2, refunds = $3, disputes = $4, settlement_lines = $5,
    repaired = $6, unexplained = $7, sums = $8, note = $9
WHERE id = $1

-- name: run_forget
-- Runs of more than a month ago interest nobody.
DELETE FROM reconcile_run WHERE began_at < now() - interval '30 days'

-- name: run_last
-- The last run that saw all that it was to see.
SELECT * FROM reconcile_run WHERE ended_at IS NOT NULL AND note = '' ORDER BY began_at DESC LIMIT 1

-- name: matters_write
-- What needs a human, as this run sees it; what was settled and is back begins anew.
INSERT INTO money_matter (id, kind, subject, booking_id, amount, currency, detail, tried, seen_at, last_seen_at)
SELECT id, kind, subject, booking_id, amount, currency, detail, tried, now(), now()
FROM unnest($1::uuid[], $2::text[], $3::text[], $4::uuid[], $5::bigint[], $6::text[], $7::text[], $8::text[])
    AS m (id, kind, subject, booking_id, amount, currency, detail, tried)
ON CONFLICT (kind, subject) DO UPDATE SET booking_id = excluded.booking_id, amount = excluded.amount,
    currency = excluded.currency, detail = excluded.detail, tried = excluded.tried, last_seen_at = now(),
    seen_at = CASE WHEN money_matter.ended_at IS NULL THEN money_matter.seen_at ELSE now() END, ended_at = NULL

-- name: matters_end
-- What this run looked at and did not find again is settled.
UPDATE money_matter SET ended_at = now()
WHERE ended_at IS NULL AND last_seen_at < (SELECT began_at FROM reconcile_run WHERE reconcile_run.id = $1)

-- name: matters_open
-- What needs a human, oldest first, a page after the other.
SELECT id, kind, subject, booking_id, amount, currency, detail, tried, seen_at, last_seen_at FROM money_matter
WHERE ended_at IS NULL AND ($1::timestamptz IS NULL OR (seen_at, id) > ($1, $2::uuid))
ORDER BY seen_at, id LIMIT $3

-- name: matters_open_of
-- What was open when the last run ended, of these kinds.
SELECT subject FROM money_matter WHERE ended_at IS NULL AND kind = ANY($1::text[]) ORDER BY seen_at LIMIT $2

-- name: matters_in_rows
-- What needs a human and can be seen in our own rows, with what was tried.  What a box office has to hand over is listed
-- there.
SELECT 'refund-failed' AS kind, r.id::text AS subject, r.booking_id, r.amount, r.currency,
    'The provider has not given this back: it is owed.' AS detail, coalesce((
        SELECT string_agg(to_char(e.at, 'YYYY-MM-DD HH24:MI') || ' ' || (e.detail::jsonb->>'reason'), E'\n' ORDER BY e.n)
        FROM saga_event e
        WHERE e.saga_id = r.booking_id AND e.event = 'refund_failed' AND e.detail::jsonb->>'refund_id' = r.id::text
    ), '') AS tried
FROM refund r WHERE r.status = 'failed' AND r."to" NOT IN ('cash', 'terminal')
UNION ALL
SELECT 'refund-takes-long', r.id::text, r.booking_id, r.amount, r.currency,
    'The provider has had this refund for days and has not ended it.', format('asked about %s times', r.checks)
FROM refund r WHERE r.status = 'pending' AND r."to" = 'source' AND r.created_at < now() - interval '3 days'
UNION ALL
SELECT 'webhook-unresolved', w.event_id, NULL, NULL, NULL, w.kind || ': ' || w.note, format('tried %s times', w.tries)
FROM webhook_event w WHERE w.forwarded_at IS NULL AND w.received_at < now() - interval '1 day'
UNION ALL
SELECT 'settlement-differs', l.entity_id, coalesce(c.booking_id, r.booking_id), l.amount, l.currency,
    format('Settlement %s has this %s of %s %s, we have %s.', l.settlement_id, l.kind, l.amount, l.currency,
        coalesce(coalesce(c.amount, r.amount) || ' ' || coalesce(c.currency, r.currency), 'nothing of it')), ''
FROM settlement_line l
LEFT JOIN capture c ON l.kind = 'payment' AND c.provider_payment_id = l.entity_id
LEFT JOIN refund r ON l.kind = 'refund' AND r.provider_refund_id = l.entity_id
WHERE (l.amount, l.currency) IS DISTINCT FROM (coalesce(c.amount, r.amount), coalesce(c.currency, r.currency))
    AND l.kind IN ('payment', 'refund')
UNION ALL
SELECT 'top-up-lost', substr(t.reference, length('dispute:') + 1), NULL, -e.amount, e.currency,
    format('A payer''s bank took this back of what had been put into a wallet, and %s of it had been spent: that is our loss.',
        coalesce((SELECT sum(l.amount) FROM ledger_entry l WHERE l.transaction_id = t.id AND l.account = 'losses'), 0)), ''
FROM ledger_transaction t JOIN ledger_entry e ON e.transaction_id = t.id AND e.account = 'provider'
WHERE t.kind = 'dispute' AND t.booking_id IS NULL
UNION ALL
SELECT 'top-up-lost', r.provider_refund_id, NULL, r.amount, r.currency,
    format('This top-up was given back by hand, and %s of it had been spent: that is our loss.', e.amount), ''
FROM ledger_entry e JOIN ledger_transaction t ON t.id = e.transaction_id
JOIN refund r ON t.reference = 'refund:' || r.id
WHERE e.account = 'losses' AND t.kind = 'refund' AND t.booking_id IS NULL
UNION ALL
SELECT 'settlement-adjusted', l.entity_id, NULL, l.amount, l.currency,
    format('Settlement %s was adjusted, for no dispute that we know.', l.settlement_id), ''
FROM settlement_line l WHERE l.kind = 'adjustment' AND l.dispute_id IS NULL

-- name: settlement_lines_keep
-- Each line once: what was noted stays as it is.
INSERT INTO settlement_line (entity_id, kind, amount, currency, fee, tax, credit, debit, settlement_id, settled_at,
    provider_payment_id, dispute_id, noted_at)
SELECT entity_id, kind, amount, currency, fee, tax, credit, debit, settlement_id, to_timestamp(settled_at),
    provider_payment_id, dispute_id, now()
FROM unnest($1::text[], $2::text[], $3::bigint[], $4::text[], $5::bigint[], $6::bigint[], $7::bigint[], $8::bigint[],
    $9::text[], $10::bigint[], $11::text[], $12::text[])
    AS l (entity_id, kind, amount, currency, fee, tax, credit, debit, settlement_id, settled_at, provider_payment_id,
        dispute_id)
ON CONFLICT DO NOTHING

-- name: settlement_lines_unbooked
-- Lines that the ledger does not have yet, with the organiser that bears the fee: the seller, as long as money that came
-- in for a sale was not all given back, unless out of goodwill. Nobody else books them until the transaction's end.
SELECT l.entity_id, l.currency, l.fee, l.credit, l.debit, c.booking_id, v.organiser_id, now() AS now
FROM settlement_line l
LEFT JOIN LATERAL (
    SELECT c.booking_id FROM capture c WHERE c.provider_payment_id = coalesce(l.provider_payment_id, l.entity_id)
        AND EXISTS (SELECT FROM ledger_transaction t WHERE t.reference = 'sale:' || c.booking_id)
        AND c.amount > (SELECT coalesce(sum(r.amount), 0) FROM refund r
            WHERE r.provider_payment_id = c.provider_payment_id AND r.about IS DISTINCT FROM r.id)
) c ON true
LEFT JOIN booking b ON b.id = c.booking_id LEFT JOIN show w ON w.id = b.show_id LEFT JOIN event v ON v.id = w.event_id
WHERE l.booked_at IS NULL ORDER BY l.settled_at, l.entity_id LIMIT $1 FOR UPDATE OF l

-- name: settlement_lines_booked
-- The ledger has these lines.
UPDATE settlement_line SET booked_at = $1 WHERE entity_id = ANY($2::text[]) AND booked_at IS NULL
