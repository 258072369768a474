-- name: shift_open
INSERT INTO box_office_shift (id, organiser_id, seller_id) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING

-- name: shift_of_seller
-- The seller's open shift, which cannot be closed before the caller's transaction ends.
SELECT id FROM box_office_shift WHERE organiser_id = $1 AND seller_id = $2 AND closed_at IS NULL FOR SHARE

-- name: shift_find
SELECT s.*, u.name AS seller_name FROM box_office_shift s LEFT JOIN "user" u ON u.id = s.seller_id
WHERE s.id = $1 AND s.organiser_id = $2

-- name: shift_lock
SELECT closed_at FROM box_office_shift WHERE id = $1 FOR UPDATE

-- name: shifts_page
-- An organiser's shifts, or one seller's of them, newest first.
SELECT s.*, u.name AS seller_name FROM box_office_shift s LEFT JOIN "user" u ON u.id = s.seller_id
WHERE s.organiser_id = $1 AND ($2::uuid IS NULL OR s.seller_id = $2)
    AND ($3::timestamptz IS NULL OR (s.opened_at, s.id) < ($3, $4))
ORDER BY s.opened_at DESC, s.id DESC LIMIT $5

-- name: shift_sales_undecided
-- Sales of which it is not known yet whether their money is in, and seats that the seller took back at the counter of
-- which it is not known yet what their money is.
SELECT (
    SELECT count(*) FROM box_office_sale s LEFT JOIN booking b ON b.id = s.booking_id
    LEFT JOIN saga g ON g.id = s.booking_id
    WHERE s.shift_id = $1 AND (
        b.id IS NULL AND s.at > now() - make_interval(secs => $2)
        OR g.course <> 'ended' AND g.step IN ('seats', 'payment', 'money', 'confirm'))
) + (
    SELECT count(*) FROM cancellation c JOIN box_office_sale s ON s.booking_id = c.booking_id
    JOIN box_office_shift h ON h.id = $1 AND h.organiser_id = s.organiser_id AND h.seller_id = c.actor_id
    WHERE c.taken_up_at IS NULL AND c.reason = 'box-office')

-- name: shift_takings
-- What shifts have taken by the ledger, less what was handed back in them, whenever that was sold.
SELECT shift_id, method, currency, sum(amount)::bigint AS amount FROM (
    SELECT s.shift_id, e.account AS method, e.currency, e.amount
    FROM box_office_sale s JOIN ledger_transaction t ON t.booking_id = s.booking_id AND t.kind <> 'refund'
    JOIN ledger_entry e ON e.transaction_id = t.id AND e.account IN ('cash', 'terminal')
    WHERE s.shift_id = ANY($1::uuid[])
    UNION ALL
    SELECT shift_id, "to", currency, -amount FROM refund WHERE shift_id = ANY($1::uuid[])
) AS moved
GROUP BY shift_id, method, currency ORDER BY method, currency

-- name: shift_close
UPDATE box_office_shift SET closed_at = now() WHERE id = $1 AND closed_at IS NULL

-- name: shift_count
INSERT INTO box_office_count (shift_id, method, currency, expected, counted)
SELECT $1, method, currency, expected, counted FROM unnest($2::text[], $3::text[], $4::bigint[], $5::bigint[])
    AS c (method, currency, expected, counted)

-- name: shift_counts
SELECT * FROM box_office_count WHERE shift_id = ANY($1::uuid[]) ORDER BY method, currency

-- name: sale_add
INSERT INTO box_office_sale (booking_id, organiser_id, show_id, shift_id, seller_id, method, customer_name, customer_email)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (booking_id) DO NOTHING

-- name: sale_noted
SELECT EXISTS (SELECT FROM box_office_sale WHERE booking_id = $1)

-- name: cash_refunds
-- What a box office owes its customers (or one such refund, handed over or not), oldest first.
SELECT r.*, s.show_id, s.customer_name, e.title, g.lane, u.name AS handed_over_name FROM refund r
LEFT JOIN "user" u ON u.id = r.handed_over_by
JOIN box_office_sale s ON s.booking_id = r.booking_id JOIN saga g ON g.id = r.booking_id
JOIN show w ON w.id = s.show_id JOIN event e ON e.id = w.event_id
WHERE s.organiser_id = $1 AND r."to" IN ('cash', 'terminal')
    AND CASE WHEN $2::uuid IS NULL THEN r.status = 'failed' AND r.handed_over_at IS NULL
        ELSE r.id = $2 AND r.status <> 'pending' END
    AND ($3::timestamptz IS NULL OR (r.created_at, r.id) > ($3, $4))
ORDER BY r.created_at, r.id LIMIT $5

-- name: refund_hand_over
-- Whoever says first that the customer has the money has handed it over, out of their open shift.
UPDATE refund SET handed_over_by = $2, handed_over_at = now(), shift_id = $3
WHERE id = $1 AND status = 'failed' AND handed_over_at IS NULL RETURNING id

-- name: refunds_handed_over
-- Refunds of which their sagas have not heard that they were handed over.
SELECT r.*, g.lane FROM refund r JOIN saga g ON g.id = r.booking_id
WHERE r.status = 'failed' AND r.handed_over_at < now() - interval '5 s' ORDER BY r.handed_over_at LIMIT $1

-- name: refunds_at_the_counter
-- What was given back in the moment in which seats were taken back: by whoever took them, out of the shift that they have
-- open, which cannot be closed before the caller's transaction ends.
WITH open AS (
    SELECT r.id, h.id AS shift_id FROM refund r JOIN cancellation c ON c.id = r.about
    JOIN box_office_sale s ON s.booking_id = r.booking_id
    JOIN box_office_shift h ON h.organiser_id = s.organiser_id AND h.seller_id = c.actor_id AND h.closed_at IS NULL
    WHERE r.id = ANY($2::uuid[]) FOR SHARE OF h
)
UPDATE refund SET handed_over_by = c.actor_id, handed_over_at = $1,
    shift_id = (SELECT o.shift_id FROM open o WHERE o.id = refund.id)
FROM cancellation c WHERE refund.id = ANY($2::uuid[]) AND c.id = refund.about AND refund.handed_over_at IS NULL

-- name: sale_find
SELECT * FROM box_office_sale WHERE booking_id = $1 AND show_id = $2
