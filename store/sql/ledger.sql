-- name: ledger_transactions_add
INSERT INTO ledger_transaction (id, kind, reference, booking_id, note, at)
SELECT id, kind, reference, booking_id, note, $1
FROM unnest($2::uuid[], $3::text[], $4::text[], $5::uuid[], $6::text[]) AS t (id, kind, reference, booking_id, note)

-- name: ledger_entries_add
INSERT INTO ledger_entry (transaction_id, n, account, owner, currency, amount, balance_after, at)
SELECT transaction_id, n, account, owner, currency, amount, balance_after, $1
FROM unnest($2::uuid[], $3::int[], $4::text[], $5::uuid[], $6::text[], $7::bigint[], $8::bigint[])
    AS e (transaction_id, n, account, owner, currency, amount, balance_after)

-- name: ledger_has
SELECT EXISTS (SELECT FROM ledger_transaction WHERE reference = $1)
