-- name: payout_find
SELECT * FROM payout WHERE id = $1

-- name: payout_add
-- A payout, once by id and once by the bank's reference; no row when it was recorded before.
INSERT INTO payout (id, organiser_id, currency, amount, account, reference, note, recorded_by)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT DO NOTHING RETURNING *

-- name: payouts_page
-- All payouts, or one organiser's, newest first.
SELECT * FROM payout
WHERE ($1::uuid IS NULL OR organiser_id = $1) AND ($2::timestamptz IS NULL OR (at, id) < ($2, $3))
ORDER BY at DESC, id DESC LIMIT $4
