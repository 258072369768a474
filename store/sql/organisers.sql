-- name: bodies_of_account
-- The bodies that an account may act for, and as what: those it is a member of; for an admin also the operator's own,
-- and any other ($2) that is named.
SELECT o.id, m.role, o.status, o.operator
FROM organiser_member m JOIN organiser o ON o.id = m.organiser_id
WHERE m.user_id = $1
UNION ALL
SELECT o.id, 'admin', o.status, o.operator
FROM organiser o JOIN "user" u ON u.id = $1 AND u.role = 'admin'
WHERE o.operator OR o.id = $2
ORDER BY 2

-- name: change_record_add
INSERT INTO change_record (id, organiser_id, actor_id, action, object_kind, object_id, detail, at)
VALUES ($1, $2, $3, $4, $5, $6, $7::jsonb, now())
