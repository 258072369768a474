-- name: letter_claim
-- A letter found in the middle of being sent was left by a worker that died: it may be in the mailbox already.
UPDATE letter SET claimed_until = now() + make_interval(secs => $2), attempts = attempts + 1,
    status = CASE WHEN status IN ('sending', 'uncertain') THEN 'uncertain' ELSE 'sending' END
WHERE id = $1 AND status IN ('waiting', 'sending', 'uncertain')
    AND (claimed_until IS NULL OR claimed_until <= now())
RETURNING *

-- name: letter_sent
UPDATE letter SET status = 'sent', sent_at = now(), message_id = $2, claimed_until = NULL, next_try_at = NULL,
    last_error = CASE WHEN status = 'uncertain' THEN 'may have been sent twice, under the same Message-ID' ELSE '' END
WHERE id = $1

-- name: letter_failed
UPDATE letter SET status = $3::text, last_error = $2, claimed_until = NULL,
    next_try_at = CASE WHEN $3::text = 'waiting' THEN next_try_at END
WHERE id = $1

-- name: letter_to_person
-- A letter about an account, to be sent by the sweep.
INSERT INTO letter (id, user_id, template, recipient, message_id, status, attempts, last_error, trace_id, created_at, next_try_at)
SELECT $1, id, $3::text, email, '<' || $3::text || '.' || $1::uuid || '@' || $4 || '>', 'waiting', 0, '', $5, now(), now()
FROM "user" WHERE id = $2 AND erased_at IS NULL

-- name: letters_of_invitations
-- The letters of a body's invitations, or of this one: one each, and not more than a few a day to one address, whoever
-- invites it.  Until a body is approved it sends none, for its name is anything that somebody typed.
INSERT INTO letter (id, about, template, recipient, message_id, status, attempts, last_error, trace_id, created_at, next_try_at)
SELECT gen_random_uuid(), i.id, 'invitation', i.email, '<invitation.' || i.id || '@' || $3 || '>', 'waiting', 0, '', $4, now(), now()
FROM organiser_invitation i JOIN organiser o ON o.id = i.organiser_id
WHERE o.id = $1 AND ($2::uuid IS NULL OR i.id = $2) AND o.status = 'approved' AND i.expires_at > now() AND (
    SELECT count(*) FROM letter l
    WHERE l.template = 'invitation' AND l.recipient = i.email AND l.created_at > now() - interval '1 day'
) < $5
ON CONFLICT (about) WHERE template = 'invitation' DO NOTHING

-- name: letters_due
-- Letters that no saga asks for again, each taken by one sweep only, and later each time.
UPDATE letter SET next_try_at = now() + make_interval(secs => least(5 * 2 ^ attempts, 600))
WHERE id IN (SELECT id FROM letter WHERE next_try_at <= now() ORDER BY next_try_at LIMIT $1 FOR UPDATE SKIP LOCKED)
RETURNING id, trace_id

-- name: letters_of_listings
-- Sellers hear that their ticket is offered, once for each listing.
WITH next AS (
    DELETE FROM listing_untold WHERE listing_id IN (SELECT listing_id FROM listing_untold LIMIT $1 FOR UPDATE SKIP LOCKED)
    RETURNING listing_id
)
INSERT INTO letter (id, booking_id, template, about, recipient, message_id, status, attempts, last_error, trace_id, created_at,
    next_try_at)
SELECT gen_random_uuid(), l.booking_id, 'listed', l.id, u.email, '<listed.' || l.id || '@' || $2 || '>', 'waiting', 0, '', '',
    now(), now()
FROM next n JOIN listing l ON l.id = n.listing_id JOIN "user" u ON u.id = l.seller_id
WHERE u.erased_at IS NULL
ON CONFLICT (booking_id, template, about) DO NOTHING

-- name: letter_person
-- Who a letter about an account goes to.
SELECT u.name, u.email FROM letter t JOIN "user" u ON u.id = t.user_id WHERE t.id = $1 AND u.erased_at IS NULL

-- name: letter_invitation
-- What an invitation says, while it stands and its body may write.
SELECT i.email, i.role, i.expires_at, o.legal_name FROM organiser_invitation i JOIN organiser o ON o.id = i.organiser_id
WHERE i.id = $1 AND i.expires_at > now() AND o.status = 'approved'

-- name: link_letter
-- A link for whoever has this address, and the letter that takes it there; nothing when many were asked for lately.
WITH person AS (
    SELECT u.id, u.email FROM "user" u WHERE u.email = $1 AND u.erased_at IS NULL AND (
        SELECT count(*) FROM letter_link l WHERE l.user_id = u.id AND l.created_at > now() - interval '15 minutes'
    ) < $9
), made AS (
    INSERT INTO letter_link (id, user_id, purpose, email, expires_at, created_at)
    SELECT $2, id, $3, email, now() + make_interval(mins => $4), now() FROM person
)
INSERT INTO letter (id, user_id, link_id, template, recipient, message_id, status, attempts, last_error, trace_id, created_at, next_try_at)
SELECT $5, id, $2, $6::text, email, '<' || $6::text || '.' || $2::uuid || '@' || $7 || '>', 'waiting', 0, '', $8, now(), now() FROM person

-- name: link_token_note
UPDATE letter_link SET token_hash = $2 WHERE id = $1 AND used_at IS NULL AND expires_at > now() RETURNING id

-- name: link_is_good
SELECT EXISTS (
    SELECT FROM letter_link WHERE token_hash = $1 AND purpose = $2 AND used_at IS NULL AND expires_at > now()
)

-- name: email_verify
-- A link proves one address: that of the letter.
WITH used AS (
    UPDATE letter_link SET used_at = now()
    WHERE token_hash = $1 AND purpose = 'verify' AND used_at IS NULL AND expires_at > now()
    RETURNING user_id, email
)
UPDATE "user" u SET email_verified = true FROM used
WHERE u.id = used.user_id AND u.email = used.email AND u.erased_at IS NULL RETURNING u.id

-- name: password_reset
-- With one link all other reset links of the account are spent.
WITH used AS (
    UPDATE letter_link SET used_at = now()
    WHERE token_hash = $1 AND purpose = 'reset' AND used_at IS NULL AND expires_at > now()
    RETURNING id, user_id, email
), others AS (
    UPDATE letter_link SET used_at = now()
    WHERE user_id IN (SELECT user_id FROM used) AND id NOT IN (SELECT id FROM used) AND purpose = 'reset' AND used_at IS NULL
)
UPDATE "user" u SET password_hash = $2, email_verified = true FROM used
WHERE u.id = used.user_id AND u.email = used.email AND u.erased_at IS NULL RETURNING u.id
