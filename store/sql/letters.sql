-- name: letter_claim
-- A letter found in the middle of being sent was left by a worker that died: it may be in the mailbox already.
UPDATE letter SET claimed_until = now() + make_interval(secs => $3), attempts = attempts + 1,
    status = CASE WHEN status IN ('sending', 'uncertain') THEN 'uncertain' ELSE 'sending' END
WHERE booking_id = $1 AND template = $2 AND status IN ('waiting', 'sending', 'uncertain')
    AND (claimed_until IS NULL OR claimed_until <= now())
RETURNING *

-- name: letter_sent
UPDATE letter SET status = 'sent', sent_at = now(), message_id = $2, claimed_until = NULL,
    last_error = CASE WHEN status = 'uncertain' THEN 'may have been sent twice, under the same Message-ID' ELSE '' END
WHERE id = $1

-- name: letter_failed
UPDATE letter SET status = $3, last_error = $2, claimed_until = NULL WHERE id = $1
