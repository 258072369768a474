-- name: invoices_lock
-- One numbers at a time, until its transaction's end: so numbers follow the order of the postings.
SELECT pg_advisory_xact_lock(hashtext('invoices'))

-- name: invoices_due
-- Postings without a number, oldest first, with what their paper says. A credit note waits for the invoice that it corrects;
-- what one buyer sold to another has none.
SELECT d.transaction_id, d.at, t.kind, t.booking_id, e.currency, e.amount, b.seats, c.seats AS taken_back, w.rules,
    w.starts_at, v.title, v.organiser_id, o.legal_name, o.tax_id, o.support_email
FROM invoice_due d JOIN ledger_transaction t ON t.id = d.transaction_id
JOIN LATERAL (
    SELECT currency, sum(amount)::bigint AS amount FROM ledger_entry
    WHERE transaction_id = t.id AND amount > 0 GROUP BY currency
) e ON true
JOIN booking b ON b.id = t.booking_id JOIN show w ON w.id = b.show_id JOIN event v ON v.id = w.event_id
JOIN organiser o ON o.id = v.organiser_id
LEFT JOIN cancellation c ON t.kind = 'cancellation' AND left(t.reference, 49) = 'cancellation:' || c.id
WHERE t.kind = 'sale' OR EXISTS (SELECT FROM invoice i WHERE i.booking_id = t.booking_id AND i.kind = 'invoice')
ORDER BY d.at, d.transaction_id LIMIT $1

-- name: invoice_numbers
-- The last of so many new numbers of each series; a transaction that fails gives them back.
INSERT INTO invoice_counter (organiser_id, kind, year, last)
SELECT organiser_id, kind, year, count FROM unnest($1::uuid[], $2::text[], $3::int[], $4::int[])
    AS n (organiser_id, kind, year, count)
ON CONFLICT (organiser_id, kind, year) DO UPDATE SET last = invoice_counter.last + excluded.last
RETURNING organiser_id, kind, year, last

-- name: invoices_add
INSERT INTO invoice (id, kind, organiser_id, year, number, booking_id, transaction_id, corrects, currency, amount, tax, body, at)
SELECT * FROM unnest($1::uuid[], $2::text[], $3::uuid[], $4::int[], $5::int[], $6::uuid[], $7::uuid[], $8::uuid[], $9::text[],
    $10::bigint[], $11::bigint[], $12::text[], $13::timestamptz[])

-- name: invoices_done
DELETE FROM invoice_due WHERE transaction_id = ANY($1::uuid[])

-- name: invoices_made_out
-- To whom new invoices are made out. Erasing waits, or has been: what is noted here was there, and what is not stays away.
INSERT INTO invoice_recipient (booking_id, name, tax_id)
SELECT b.id, t.name, t.tax_id FROM booking b JOIN invoice_to t ON t.user_id = b.buyer_id JOIN "user" u ON u.id = b.buyer_id
WHERE b.id = ANY($1::uuid[]) AND u.erased_at IS NULL FOR SHARE OF u
ON CONFLICT (booking_id) DO NOTHING

-- name: invoice_to_keep
INSERT INTO invoice_to (user_id, name, tax_id) SELECT id, $2, $3 FROM "user" WHERE id = $1 AND erased_at IS NULL FOR SHARE
ON CONFLICT (user_id) DO UPDATE SET name = excluded.name, tax_id = excluded.tax_id

-- name: invoices_of_organiser
-- An organiser's invoices and credit notes, newest first.
SELECT i.*, p.name AS to_name, p.tax_id AS to_tax_id
FROM invoice i LEFT JOIN invoice_recipient p ON p.booking_id = i.booking_id
WHERE i.organiser_id = $1 AND ($2::timestamptz IS NULL OR (i.at, i.id) < ($2, $3)) ORDER BY i.at DESC, i.id DESC LIMIT $4

-- name: invoices_of_booking
SELECT i.*, p.name AS to_name, p.tax_id AS to_tax_id
FROM invoice i LEFT JOIN invoice_recipient p ON p.booking_id = i.booking_id WHERE i.booking_id = $1 ORDER BY i.at, i.id

-- name: invoice_find
SELECT i.*, CASE WHEN c.id IS NOT NULL THEN 'INV-' || c.year || '-' || lpad(c.number::text, 6, '0') END AS corrected,
    p.name AS to_name, p.tax_id AS to_tax_id
FROM invoice i LEFT JOIN invoice c ON c.id = i.corrects LEFT JOIN invoice_recipient p ON p.booking_id = i.booking_id
WHERE i.id = $1
