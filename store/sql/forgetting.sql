-- name: sessions_forget
-- Sessions that ended so long ago, or whose last refresh token has run out; their tokens go with them.
DELETE FROM session WHERE id IN (
    SELECT id FROM session WHERE ended_at < now() - make_interval(days => $1)
    UNION ALL
    SELECT s.id FROM session s WHERE s.ended_at IS NULL AND s.seen_at < now() - make_interval(days => $1)
        AND NOT EXISTS (SELECT FROM refresh_token t WHERE t.session_id = s.id AND t.expires_at > now())
    LIMIT $2
)

-- name: refresh_tokens_forget
-- Tokens that have run out: until then a spent one that comes again shows that it was stolen.
DELETE FROM refresh_token WHERE id IN (
    SELECT id FROM refresh_token WHERE expires_at < now() - make_interval(days => $1) LIMIT $2
)

-- name: links_forget
DELETE FROM letter_link WHERE id IN (
    SELECT id FROM letter_link WHERE least(used_at, expires_at) < now() - make_interval(days => $1) LIMIT $2
)

-- name: log_ins_forget
DELETE FROM log_in WHERE id IN (SELECT id FROM log_in WHERE at < now() - make_interval(days => $1) LIMIT $2)

-- name: invitations_forget
DELETE FROM organiser_invitation WHERE id IN (
    SELECT id FROM organiser_invitation WHERE expires_at < now() - make_interval(days => $1) LIMIT $2
)

-- name: invitation_letters_forget
-- Letters of invitations that are over, with the addresses in them.
DELETE FROM letter WHERE id IN (
    SELECT l.id FROM letter l WHERE l.template = 'invitation' AND l.created_at < now() - make_interval(days => $1)
        AND NOT EXISTS (SELECT FROM organiser_invitation i WHERE i.id = l.about) LIMIT $2
)
