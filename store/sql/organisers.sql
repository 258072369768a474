-- name: bodies_of_account
-- The bodies that an account may act for, and as what: those it is a member of; for an admin also the operator's own,
-- and any other ($2) that is named. None for an account that is suspended.
SELECT o.id, m.role, o.status, o.operator
FROM organiser_member m JOIN organiser o ON o.id = m.organiser_id JOIN "user" u ON u.id = m.user_id
WHERE m.user_id = $1 AND u.suspended_at IS NULL AND u.erased_at IS NULL
UNION ALL
SELECT o.id, 'admin', o.status, o.operator
FROM organiser o JOIN "user" u ON u.id = $1 AND u.role = 'admin'
WHERE (o.operator OR o.id = $2) AND u.suspended_at IS NULL AND u.erased_at IS NULL
ORDER BY 2

-- name: change_record_add
INSERT INTO change_record (id, organiser_id, actor_id, action, object_kind, object_id, detail, at)
VALUES ($1, $2, $3, $4, $5, $6, $7::jsonb, now())

-- name: change_records
-- What was changed for a body (null: for the whole service), newest first; who did it has a name as long as the account
-- has one.
SELECT c.id, c.at, c.actor_id, u.name AS actor_name, c.action, c.object_kind, c.object_id, c.detail
FROM change_record c LEFT JOIN "user" u ON u.id = c.actor_id
WHERE (c.organiser_id = $1 OR ($1::uuid IS NULL AND c.organiser_id IS NULL))
    AND ($2::timestamptz IS NULL OR (c.at, c.id) < ($2, $3))
ORDER BY c.at DESC, c.id DESC LIMIT $4

-- name: organiser_make
INSERT INTO organiser (id, legal_name, tax_id, support_email, payout_account, status, operator, created_at)
VALUES ($1, $2, $3, $4, $5, $6, false, now()) RETURNING *

-- name: account_lock
-- Two who apply at once for one account come one after the other; counting is a statement of its own, which sees more.
SELECT FROM "user" WHERE id = $1 FOR UPDATE

-- name: organisers_owned
SELECT count(*) FROM organiser_member WHERE user_id = $1 AND role = 'owner'

-- name: organiser_find
SELECT * FROM organiser WHERE id = $1

-- name: organiser_lock
-- The body, kept as it is, with its members and invitations, until the transaction's end.
SELECT * FROM organiser WHERE id = $1 FOR UPDATE

-- name: organiser_change
UPDATE organiser SET legal_name = $2, tax_id = $3, support_email = $4, payout_account = $5 WHERE id = $1 RETURNING *

-- name: organiser_set_status
UPDATE organiser SET status = $2 WHERE id = $1 RETURNING *

-- name: organiser_status_kept
SELECT status FROM organiser WHERE id = $1 FOR SHARE

-- name: closing_hindered
-- What must be over before a body is closed.
SELECT reason FROM (VALUES
    ('coming-shows', EXISTS (SELECT FROM show w JOIN event e ON e.id = w.event_id
        WHERE e.organiser_id = $1 AND w.ends_at > now() AND NOT w.cancelled)),
    ('unfinished-bookings', EXISTS (SELECT FROM event e JOIN show w ON w.event_id = e.id JOIN booking b ON b.show_id = w.id
        LEFT JOIN saga s ON s.id = b.id WHERE e.organiser_id = $1 AND (b.state = 'held' OR s.course <> 'ended'))),
    ('refunds-pending', EXISTS (SELECT FROM event e JOIN show w ON w.event_id = e.id JOIN booking b ON b.show_id = w.id
        JOIN refund r ON r.booking_id = b.id WHERE e.organiser_id = $1 AND r.status <> 'processed')),
    ('open-shifts', EXISTS (SELECT FROM box_office_shift WHERE organiser_id = $1 AND closed_at IS NULL))
) AS hindrance (reason, stands) WHERE stands

-- name: organiser_put_away
-- What a closed body leaves: no venue that is open, and no invitation.
WITH venues AS (UPDATE venue SET active = false WHERE organiser_id = $1 AND active)
DELETE FROM organiser_invitation WHERE organiser_id = $1

-- name: organisers_of_account
-- The bodies that an account belongs to, oldest first.
SELECT o.*, m.role FROM organiser_member m JOIN organiser o ON o.id = m.organiser_id
WHERE m.user_id = $1 AND ($2::timestamptz IS NULL OR (o.created_at, o.id) > ($2, $3))
ORDER BY o.created_at, o.id LIMIT $4

-- name: organisers_page
-- All bodies, newest first, of one status if it is given.
SELECT * FROM organiser
WHERE ($1::text IS NULL OR status = $1) AND ($2::timestamptz IS NULL OR (created_at, id) < ($2, $3))
ORDER BY created_at DESC, id DESC LIMIT $4

-- name: account_roles_follow
-- Accounts' roles, after what they are to approved bodies: staff is organiser, who only scans is scanner.
UPDATE "user" u SET role = t.role
FROM (
    SELECT p.id, CASE
        WHEN bool_or(m.role <> 'scanner') THEN 'organiser' WHEN bool_or(m.role = 'scanner') THEN 'scanner' ELSE 'buyer'
    END AS role
    FROM unnest($1::uuid[]) p (id)
    LEFT JOIN (organiser_member m JOIN organiser o ON o.id = m.organiser_id AND o.status = 'approved') ON m.user_id = p.id
    GROUP BY p.id
) t
WHERE u.id = t.id AND u.role <> 'admin' AND u.role <> t.role

-- name: member_ids
SELECT user_id FROM organiser_member WHERE organiser_id = $1

-- name: member_add
INSERT INTO organiser_member (id, organiser_id, user_id, role, since) VALUES ($1, $2, $3, $4, now())
ON CONFLICT (organiser_id, user_id) DO NOTHING

-- name: members_page
-- A body's members, those who came first before.
SELECT m.user_id, u.name, u.email, m.role, m.since FROM organiser_member m JOIN "user" u ON u.id = m.user_id
WHERE m.organiser_id = $1 AND ($2::timestamptz IS NULL OR (m.since, m.user_id) > ($2, $3))
ORDER BY m.since, m.user_id LIMIT $4

-- name: member_find
SELECT m.user_id, u.name, u.email, m.role, m.since FROM organiser_member m JOIN "user" u ON u.id = m.user_id
WHERE m.organiser_id = $1 AND m.user_id = $2

-- name: member_set_role
UPDATE organiser_member SET role = $3 WHERE organiser_id = $1 AND user_id = $2

-- name: member_remove
DELETE FROM organiser_member WHERE organiser_id = $1 AND user_id = $2

-- name: owners_beside
-- How many own the body beside this account.
SELECT count(*) FROM organiser_member WHERE organiser_id = $1 AND role = 'owner' AND user_id <> $2

-- name: members_and_invitations
-- How many are, or may become, members of a body; and whether this address is one's already.
SELECT
    (SELECT count(*) FROM organiser_member WHERE organiser_id = $1)
    + (SELECT count(*) FROM organiser_invitation WHERE organiser_id = $1 AND email <> $2) AS count,
    EXISTS (SELECT FROM organiser_member m JOIN "user" u ON u.id = m.user_id
        WHERE m.organiser_id = $1 AND u.email = $2) AS is_member

-- name: invitation_make
-- An address is invited once; again, it is the same invitation with new terms, or another one when that has run out.
INSERT INTO organiser_invitation (id, organiser_id, email, role, invited_by, invited_at, expires_at)
VALUES ($1, $2, $3, $4, $5, now(), now() + make_interval(days => $6))
ON CONFLICT (organiser_id, email) DO UPDATE
    SET id = CASE WHEN organiser_invitation.expires_at > now() THEN organiser_invitation.id ELSE excluded.id END,
        role = excluded.role, invited_by = excluded.invited_by, invited_at = now(), expires_at = excluded.expires_at
RETURNING *

-- name: invitations_page
SELECT * FROM organiser_invitation
WHERE organiser_id = $1 AND expires_at > now() AND ($2::timestamptz IS NULL OR (invited_at, id) > ($2, $3))
ORDER BY invited_at, id LIMIT $4

-- name: invitation_withdraw
DELETE FROM organiser_invitation WHERE organiser_id = $1 AND id = $2

-- name: invitations_of_account
-- Invitations to the address that an account has proved to own.
SELECT i.id, i.organiser_id, o.legal_name, i.role, i.invited_at, i.expires_at
FROM "user" u JOIN organiser_invitation i ON i.email = u.email JOIN organiser o ON o.id = i.organiser_id
WHERE u.id = $1 AND u.email_verified AND i.expires_at > now() AND o.status IN ('applied', 'approved')
    AND ($2::timestamptz IS NULL OR (i.invited_at, i.id) > ($2, $3))
ORDER BY i.invited_at, i.id LIMIT $4

-- name: invitation_body
SELECT organiser_id FROM organiser_invitation WHERE id = $1

-- name: invitation_take
-- The invitation, used up, if it is to the address that this account has proved to own.
DELETE FROM organiser_invitation i USING "user" u, organiser o
WHERE i.id = $1 AND u.id = $2 AND u.email = i.email AND u.email_verified AND i.expires_at > now()
    AND o.id = i.organiser_id AND o.status IN ('applied', 'approved')
RETURNING i.organiser_id, i.role
