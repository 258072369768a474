-- name: figures_to_count
-- The organiser's shows whose seats have changed since their sales were counted; a show nobody has booked has version 0.
SELECT w.id FROM event e JOIN show w ON w.event_id = e.id LEFT JOIN sales_of_show c ON c.show_id = w.id
WHERE e.organiser_id = $1 AND ($2::uuid IS NULL OR w.id = $2) AND ($3::uuid IS NULL OR e.id = $3)
    AND c.seats_version IS DISTINCT FROM w.seats_version
ORDER BY w.id LIMIT $4

-- name: figures_count
-- Count these shows' sales by day and section, as of the version of their seats in this statement's snapshot.  Two who
-- count at once write the same rows.  What was counted for an older version goes.
WITH counted AS (
    SELECT w.id, w.seats_version, v.time_zone
    FROM show w JOIN hall h ON h.id = w.hall_id JOIN venue v ON v.id = h.venue_id WHERE w.id = ANY($1::uuid[])
), old AS (
    DELETE FROM sales_figure f USING counted c WHERE f.show_id = c.id AND f.seats_version < c.seats_version
), rows AS (
    INSERT INTO sales_figure (show_id, seats_version, day, section, sold, held, revenue, fees, tax)
    SELECT c.id, c.seats_version, (b.decided_at AT TIME ZONE c.time_zone)::date, s.section,
        count(*) FILTER (WHERE b.state = 'confirmed'), count(*) FILTER (WHERE b.state = 'held'),
        coalesce(sum(s.price - coalesce(s.discount, 0)) FILTER (WHERE b.state = 'confirmed'), 0),
        coalesce(sum(s.fees) FILTER (WHERE b.state = 'confirmed'), 0),
        coalesce(sum(coalesce(s.tax, 0) + coalesce(s.tax_included, 0)) FILTER (WHERE b.state = 'confirmed'), 0)
    FROM counted c JOIN booking b ON b.show_id = c.id AND b.state IN ('held', 'confirmed')
    CROSS JOIN LATERAL jsonb_to_recordset(b.seats::jsonb)
        AS s (section text, price bigint, discount bigint, fees bigint, tax bigint, tax_included bigint, status text)
    WHERE s.status IS DISTINCT FROM 'cancelled'
    GROUP BY 1, 2, 3, 4
    ON CONFLICT DO NOTHING
)
INSERT INTO sales_of_show (show_id, seats_version) SELECT id, seats_version FROM counted ORDER BY id
ON CONFLICT (show_id) DO UPDATE SET seats_version = excluded.seats_version, counted_at = now()
WHERE sales_of_show.seats_version < excluded.seats_version

-- name: figures_in_all
-- One row for each currency: amounts of different currencies are never added.
SELECT w.currency, sum(f.sold) AS sold, sum(f.held) AS held, sum(f.revenue)::bigint AS revenue,
    sum(f.fees)::bigint AS fees, sum(f.tax)::bigint AS tax
FROM event e JOIN show w ON w.event_id = e.id JOIN sales_of_show c ON c.show_id = w.id
JOIN sales_figure f ON f.show_id = w.id AND f.seats_version = c.seats_version
WHERE e.organiser_id = $1 AND ($2::uuid IS NULL OR w.id = $2) AND ($3::uuid IS NULL OR e.id = $3)
    AND ($4::date IS NULL OR f.day >= $4) AND ($5::date IS NULL OR f.day <= $5)
GROUP BY w.currency ORDER BY w.currency

-- name: figures_by_section
SELECT f.section, w.currency, sum(f.sold) AS sold, sum(f.held) AS held, sum(f.revenue)::bigint AS revenue,
    sum(f.fees)::bigint AS fees, sum(f.tax)::bigint AS tax
FROM event e JOIN show w ON w.event_id = e.id JOIN sales_of_show c ON c.show_id = w.id
JOIN sales_figure f ON f.show_id = w.id AND f.seats_version = c.seats_version
WHERE e.organiser_id = $1 AND ($2::uuid IS NULL OR w.id = $2) AND ($3::uuid IS NULL OR e.id = $3)
    AND ($4::date IS NULL OR f.day >= $4) AND ($5::date IS NULL OR f.day <= $5)
GROUP BY f.section, w.currency ORDER BY revenue DESC, f.section, w.currency LIMIT 1000

-- name: figures_by_day
SELECT f.day, w.currency, sum(f.sold) AS sold, sum(f.revenue)::bigint AS revenue
FROM event e JOIN show w ON w.event_id = e.id JOIN sales_of_show c ON c.show_id = w.id
JOIN sales_figure f ON f.show_id = w.id AND f.seats_version = c.seats_version
WHERE e.organiser_id = $1 AND ($2::uuid IS NULL OR w.id = $2) AND ($3::uuid IS NULL OR e.id = $3)
    AND ($4::date IS NULL OR f.day >= $4) AND ($5::date IS NULL OR f.day <= $5)
GROUP BY f.day, w.currency HAVING sum(f.sold) > 0 ORDER BY f.day DESC, w.currency LIMIT 1000

-- name: figures_by_show
-- The shows with their places: soonest last, those without a sale included.
SELECT w.id, e.title, w.starts_at, w.currency, p.seats AS places, coalesce(sum(f.sold), 0) AS sold,
    coalesce(sum(f.held), 0) AS held, coalesce(sum(f.revenue), 0)::bigint AS revenue
FROM event e JOIN show w ON w.event_id = e.id JOIN seat_plan p ON p.hash = w.plan_id
LEFT JOIN sales_of_show c ON c.show_id = w.id
LEFT JOIN sales_figure f ON f.show_id = w.id AND f.seats_version = c.seats_version
    AND ($4::date IS NULL OR f.day >= $4) AND ($5::date IS NULL OR f.day <= $5)
WHERE e.organiser_id = $1 AND ($2::uuid IS NULL OR w.id = $2) AND ($3::uuid IS NULL OR e.id = $3)
GROUP BY w.id, e.title, p.seats ORDER BY w.starts_at DESC, w.id LIMIT 100

-- name: sales_shows
-- The organiser's shows, for an export of their sales, in order.
SELECT w.id, e.title, w.starts_at, v.name AS venue, v.time_zone
FROM event e JOIN show w ON w.event_id = e.id JOIN hall h ON h.id = w.hall_id JOIN venue v ON v.id = h.venue_id
WHERE e.organiser_id = $1 AND ($2::uuid IS NULL OR w.id = $2) AND ($3::uuid IS NULL OR e.id = $3)
ORDER BY w.starts_at, w.id

-- name: sales_of_a_show
-- A show's confirmed bookings, so many at a time, in the order of their ids.
SELECT id, seats, currency, method, decided_at FROM booking
WHERE show_id = $1 AND state = 'confirmed' AND ($2::uuid IS NULL OR id > $2)
    AND ($3::date IS NULL OR (decided_at AT TIME ZONE $5)::date >= $3)
    AND ($4::date IS NULL OR (decided_at AT TIME ZONE $5)::date <= $4)
ORDER BY id LIMIT $6
