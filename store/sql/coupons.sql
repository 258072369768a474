-- name: coupons_with_uses
-- A use counts while its booking is held or confirmed.
SELECT c.code, c.terms, coalesce(u.uses, 0) AS uses FROM coupon c
LEFT JOIN (
    SELECT b.amounts::jsonb ->> 'coupon' AS code, count(*) AS uses FROM booking b
    WHERE b.show_id = $1 AND b.state IN ('held', 'confirmed') GROUP BY 1
) u ON u.code = c.code
WHERE c.show_id = $1 AND c.code > $2 ORDER BY c.code LIMIT $3

-- name: coupon_with_uses
SELECT c.code, c.terms, (
    SELECT count(*) FROM booking b
    WHERE b.show_id = $1 AND b.state IN ('held', 'confirmed') AND b.amounts::jsonb ->> 'coupon' = c.code
) AS uses
FROM coupon c WHERE c.show_id = $1 AND c.code = $2

-- name: coupon_for_buyer
-- What a quote asks: the terms, and the uses of all and of one buyer.
SELECT c.terms, u.uses, u.own_uses FROM coupon c CROSS JOIN LATERAL (
    SELECT count(*) AS uses, count(*) FILTER (WHERE b.buyer_id = $3) AS own_uses FROM booking b
    WHERE b.show_id = $1 AND b.state IN ('held', 'confirmed') AND b.amounts::jsonb ->> 'coupon' = c.code
) u
WHERE c.show_id = $1 AND c.code = $2
