-- name: person_data
-- Everything that is held about a person, as one JSON object; codes of tickets and hashes are no data about them.
SELECT json_build_object(
    'account', (SELECT row_to_json(x) FROM (
        SELECT id, email, name, role, email_verified, created_at, suspended_at FROM "user" WHERE id = $1) x),
    'sessions', (SELECT coalesce(json_agg(x), '[]') FROM (
        SELECT id, device, address, began_at, seen_at, ended_at FROM session WHERE user_id = $1 ORDER BY began_at) x),
    'logins', (SELECT coalesce(json_agg(x), '[]') FROM (
        SELECT at, method, succeeded, address, device FROM log_in WHERE user_id = $1 ORDER BY at) x),
    'provider_logins', (SELECT coalesce(json_agg(x), '[]') FROM (
        SELECT provider, subject, created_at FROM provider_login WHERE user_id = $1 ORDER BY created_at) x),
    'organisers', (SELECT coalesce(json_agg(x), '[]') FROM (
        SELECT o.id, o.legal_name, m.role, m.since FROM organiser_member m JOIN organiser o ON o.id = m.organiser_id
        WHERE m.user_id = $1 ORDER BY m.since) x),
    'invitations', (SELECT coalesce(json_agg(x), '[]') FROM (
        SELECT o.legal_name, i.role, i.invited_at, i.expires_at FROM organiser_invitation i
        JOIN organiser o ON o.id = i.organiser_id JOIN "user" u ON u.email = i.email WHERE u.id = $1) x),
    'bookings', (SELECT coalesce(json_agg(x), '[]') FROM (
        SELECT b.id, e.title, w.starts_at, b.state, b.seats::json AS seats, b.amounts::json AS amounts, b.currency, b.method,
            b.place, b.decided_at FROM booking b JOIN show w ON w.id = b.show_id JOIN event e ON e.id = w.event_id
        WHERE b.buyer_id = $1 ORDER BY b.decided_at) x),
    'payments', (SELECT coalesce(json_agg(x), '[]') FROM (
        SELECT p.id, p.booking_id, p.method, p.amount, p.currency, p.status, p.razorpay_order_id, p.created_at
        FROM payment p WHERE p.booking_id IN (
            SELECT id FROM booking WHERE buyer_id = $1 UNION ALL SELECT id FROM top_up WHERE user_id = $1
        ) ORDER BY p.created_at) x),
    'refunds', (SELECT coalesce(json_agg(x), '[]') FROM (
        SELECT r.id, r.booking_id, r.amount, r.currency, r."to", r.reason, r.status, r.created_at
        FROM refund r JOIN booking b ON b.id = r.booking_id WHERE b.buyer_id = $1 ORDER BY r.created_at) x),
    'tickets', (SELECT coalesce(json_agg(x), '[]') FROM (
        SELECT id, booking_id, show_id, seat_id, ticket_type, status, issued_at FROM ticket
        WHERE holder_id = $1 ORDER BY issued_at) x),
    'wallets', (SELECT coalesce(json_agg(x), '[]') FROM (
        SELECT w.currency, w.balance, (SELECT coalesce(json_agg(y), '[]') FROM (
            SELECT -n.amount AS amount, n.balance_after, t.note AS description, t.at FROM ledger_entry n
            JOIN ledger_transaction t ON t.id = n.transaction_id
            WHERE n.account = 'wallet' AND n.owner = w.user_id AND n.currency = w.currency ORDER BY t.at, t.id
        ) y) AS entries FROM wallet w WHERE w.user_id = $1) x),
    'letters', (SELECT coalesce(json_agg(x), '[]') FROM (
        SELECT l.template, l.recipient, l.status, l.created_at, l.sent_at FROM letter l
        WHERE l.user_id = $1 OR l.booking_id IN (SELECT id FROM booking WHERE buyer_id = $1)
            OR (l.template = 'invitation' AND l.recipient = (SELECT email FROM "user" WHERE id = $1 AND email_verified))
        ORDER BY l.created_at) x),
    'invoices_to', (SELECT coalesce(json_agg(x), '[]') FROM (
        SELECT NULL::uuid AS booking_id, name, tax_id FROM invoice_to WHERE user_id = $1
        UNION ALL SELECT p.booking_id, p.name, p.tax_id FROM invoice_recipient p JOIN booking b ON b.id = p.booking_id
        WHERE b.buyer_id = $1) x)
)::text

-- name: erasing_hindered
-- What must be over before an account is erased.
SELECT reason FROM (VALUES
    ('live-bookings', EXISTS (SELECT FROM booking b LEFT JOIN saga s ON s.id = b.id
        WHERE b.buyer_id = $1 AND (b.state = 'held' OR s.course <> 'ended'))),
    ('coming-shows', EXISTS (SELECT FROM ticket t JOIN show w ON w.id = t.show_id
        WHERE t.holder_id = $1 AND t.status IN ('valid', 'listed') AND w.ends_at > now() AND NOT w.cancelled)),
    ('refunds-pending', EXISTS (SELECT FROM refund r JOIN booking b ON b.id = r.booking_id
        WHERE b.buyer_id = $1 AND r.status <> 'processed')),
    ('wallet-balance', EXISTS (SELECT FROM wallet WHERE user_id = $1 AND balance > 0)
        OR EXISTS (SELECT FROM ledger_entry WHERE account = 'aside' AND owner = $1 GROUP BY currency HAVING sum(amount) <> 0)),
    ('organiser-owner', EXISTS (SELECT FROM organiser_member m JOIN organiser o ON o.id = m.organiser_id
        WHERE m.user_id = $1 AND m.role = 'owner' AND o.status IN ('applied', 'approved', 'suspended')
            AND NOT EXISTS (SELECT FROM organiser_member n
                WHERE n.organiser_id = m.organiser_id AND n.role = 'owner' AND n.user_id <> $1))),
    ('last-admin', (SELECT role = 'admin' FROM "user" WHERE id = $1) AND NOT EXISTS (
        SELECT FROM "user" WHERE role = 'admin' AND id <> $1 AND suspended_at IS NULL AND erased_at IS NULL))
) AS hindrance (reason, stands) WHERE stands

-- name: person_erase
-- Names and addresses go; rows that money, journal and tickets point to stay. The paths of the documents that went.
WITH before AS (
    SELECT id, email FROM "user" WHERE id = $1
), account AS (
    UPDATE "user" SET email = 'erased:' || id, name = '', password_hash = '', email_verified = false, role = 'buyer',
        erased_at = now() WHERE id = $1
), devices AS (
    UPDATE session SET address = '', device = '' WHERE user_id = $1
), history AS (
    DELETE FROM log_in WHERE user_id = $1
), links AS (
    DELETE FROM letter_link WHERE user_id = $1
), elsewhere AS (
    DELETE FROM provider_login WHERE user_id = $1
), bodies AS (
    DELETE FROM organiser_member WHERE user_id = $1
), invitations AS (
    DELETE FROM organiser_invitation WHERE email IN (SELECT email FROM before)
), letters AS (
    UPDATE letter SET recipient = '', last_error = '', next_try_at = NULL, claimed_until = NULL,
        status = CASE WHEN status = 'sent' THEN status ELSE 'refused' END
    WHERE user_id = $1 OR booking_id IN (SELECT id FROM booking WHERE buyer_id = $1)
        OR (template = 'invitation' AND recipient IN (SELECT email FROM before))
), invoices AS (
    DELETE FROM invoice_recipient WHERE booking_id IN (SELECT id FROM booking WHERE buyer_id = $1)
), invoices_to_come AS (
    DELETE FROM invoice_to WHERE user_id = $1
)
DELETE FROM file WHERE booking_id IN (SELECT id FROM booking WHERE buyer_id = $1) RETURNING path
