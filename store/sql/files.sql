-- name: file_keep
-- A booking's document, unless its buyer was erased, or is being erased: who erases has locked the account, and takes away
-- what was kept before. Customers of the box office have no account.
WITH buyer AS (
    SELECT u.erased_at FROM booking b JOIN "user" u ON u.id = b.buyer_id WHERE b.id = $2 FOR SHARE OF u
)
INSERT INTO file (id, booking_id, kind, path, content_hash, size_bytes, made_at)
SELECT $1, $2, $3, $4, $5, $6, now() WHERE NOT EXISTS (SELECT FROM buyer WHERE erased_at IS NOT NULL)
ON CONFLICT (booking_id, kind) DO UPDATE SET path = excluded.path, content_hash = excluded.content_hash,
    size_bytes = excluded.size_bytes, made_at = now()
RETURNING path
