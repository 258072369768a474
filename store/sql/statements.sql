-- name: statement_sums
-- What an organiser's accounts hold in one look: before the time asked for (kind null), and in it by kind. Of 300,000
-- entries 0.3 s; only the organiser's own are read, by index.
SELECT e.currency, e.account, t.kind, count(*) AS entries, sum(e.amount)::bigint AS amount
FROM ledger_entry e LEFT JOIN ledger_transaction t ON t.id = e.transaction_id AND e.at >= $3
WHERE e.account IN ('organiser', 'cash', 'terminal') AND e.owner = $1 AND ($2::text IS NULL OR e.currency = $2) AND e.at < $4
GROUP BY e.currency, e.account, t.kind ORDER BY e.currency, e.account, t.kind

-- name: statement_lines
-- What was booked for an organiser, oldest first, after the line ($5, $6) at which the page before ended.
SELECT e.transaction_id AS id, e.at, t.kind, -e.amount AS amount, e.currency, t.booking_id, t.note,
    w.id AS show_id, v.title, w.starts_at
FROM ledger_entry e JOIN ledger_transaction t ON t.id = e.transaction_id LEFT JOIN booking b ON b.id = t.booking_id
LEFT JOIN show w ON w.id = b.show_id LEFT JOIN event v ON v.id = w.event_id
WHERE e.account IN ('organiser', 'cash', 'terminal') AND e.account = 'organiser' AND e.owner = $1
    AND ($2::text IS NULL OR e.currency = $2) AND e.at >= $3 AND e.at < $4
    AND ($5::timestamptz IS NULL OR (e.at, e.transaction_id) > ($5, $6))
ORDER BY e.at, e.transaction_id LIMIT $7
