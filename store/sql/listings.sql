-- name: tickets_of_holder
-- A ticket that is offered is listed; the row says which place it is.
SELECT t.*, CASE WHEN l.id IS NULL OR t.status <> 'valid' THEN t.status ELSE 'listed' END AS told, l.id AS listing_id,
    p.place::text AS place, u.name AS holder_name, b.currency
FROM ticket t JOIN booking b ON b.id = t.booking_id JOIN "user" u ON u.id = t.holder_id
LEFT JOIN listing l ON l.booking_id = t.booking_id AND l.seat_id = t.seat_id AND l.status IN ('open', 'being_bought')
CROSS JOIN LATERAL (SELECT s AS place FROM json_array_elements(b.seats::json) s WHERE s ->> 'id' = t.seat_id LIMIT 1) p
WHERE t.holder_id = $1 AND ($2::uuid IS NULL OR t.id = $2) AND ($3::timestamptz IS NULL OR (t.issued_at, t.id) < ($3, $4))
ORDER BY t.issued_at DESC, t.id DESC LIMIT $5

-- name: listings_open
-- What can be bought of a show, the cheapest first: no ticket whose payment is disputed.
SELECT l.*, w.currency, w.rules, w.starts_at, p.place::text AS place
FROM listing l JOIN show w ON w.id = l.show_id JOIN booking b ON b.id = l.booking_id
CROSS JOIN LATERAL (SELECT s AS place FROM json_array_elements(b.seats::json) s WHERE s ->> 'id' = l.seat_id LIMIT 1) p
WHERE l.show_id = $1 AND l.status = 'open'
    AND NOT EXISTS (SELECT FROM ticket t WHERE t.booking_id = l.booking_id AND t.seat_id = l.seat_id AND t.status = 'frozen')
    AND ($2::bigint IS NULL OR (l.price, l.id) > ($2, $3))
    AND now() < w.starts_at - make_interval(hours => coalesce((w.rules::json -> 'resale' ->> 'until_hours')::int, 2))
ORDER BY l.price, l.id LIMIT $4

-- name: listing_whole
SELECT l.*, w.currency, w.lane, p.place::text AS place,
    EXISTS (
        SELECT FROM ticket t WHERE t.booking_id = l.booking_id AND t.seat_id = l.seat_id AND t.status = 'frozen'
    ) AS frozen,
    now() >= w.starts_at - make_interval(hours => coalesce((w.rules::json -> 'resale' ->> 'until_hours')::int, 2)) AS over
FROM listing l JOIN show w ON w.id = l.show_id JOIN booking b ON b.id = l.booking_id
CROSS JOIN LATERAL (SELECT s AS place FROM json_array_elements(b.seats::json) s WHERE s ->> 'id' = l.seat_id LIMIT 1) p
WHERE l.id = $1
