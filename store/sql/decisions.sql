-- name: commands_met
-- Commands with these ids that were decided before, on whatever lane.
SELECT command_id, outcome, show_id, result FROM journal WHERE command_id = ANY($1::uuid[]) AND decided

-- name: buyers_live_holds
SELECT buyer_id, live FROM buyer_holds WHERE buyer_id = ANY($1::uuid[])

-- name: buyers_change
-- Guarded: a row is only returned where the count is still what was read, so a missing row means: decide again.
-- In sorted order, so that two lanes never wait for each other in a circle.
INSERT INTO buyer_holds AS held (buyer_id, live)
SELECT buyer_id, expected + change FROM unnest($1::uuid[], $2::int[], $3::int[]) AS asked (buyer_id, expected, change)
ORDER BY buyer_id
ON CONFLICT (buyer_id) DO UPDATE SET live = excluded.live
WHERE (held.buyer_id, held.live) IN (SELECT id, expected FROM unnest($1::uuid[], $2::int[]) AS a (id, expected))
RETURNING buyer_id

-- name: decisions_write
-- All rows of a portion in one statement; the number of seats changed tells whether memory and table agreed.
WITH new_bookings AS (
    INSERT INTO booking (id, show_id, buyer_id, lane, generation, "offset", place, state, seats, amounts, currency,
        method, held_until, refusal, body_hash, decided_at, changed_at)
    SELECT id, show_id, buyer_id, $1, $2, at, place, state, seats, amounts, currency, method, held_until, refusal,
        body_hash, $3, $3
    FROM unnest($4::uuid[], $5::uuid[], $6::uuid[], $7::bigint[], $8::bigint[], $9::text[], $10::text[], $11::text[],
        $12::text[], $13::text[], $14::timestamptz[], $15::text[], $16::text[])
        AS b (id, show_id, buyer_id, at, place, state, seats, amounts, currency, method, held_until, refusal, body_hash)
), changed_bookings AS (
    UPDATE booking SET state = c.state, seats = coalesce(c.seats, booking.seats),
        held_until = coalesce(c.held_until, booking.held_until), changed_at = $3
    FROM unnest($17::uuid[], $18::text[], $19::text[], $20::timestamptz[]) AS c (id, state, seats, held_until)
    WHERE booking.id = c.id
), new_sagas AS (
    INSERT INTO saga (id, kind, lane, step, course, outcome, progress, outbox, next_send_at, trace, changed_at)
    SELECT id, 'booking', lane, 'seats', 'forward', '', progress, outbox, $3::timestamptz + interval '5 s', trace, $3
    FROM unnest($21::uuid[], $22::text[], $23::text[], $24::text[], $25::text[]) AS s (id, lane, progress, outbox, trace)
), decided AS (
    INSERT INTO journal (lane, generation, "offset", previous_offset, show_id, booking_id, command, command_id, publish_id,
        body, inputs, outcome, result, decided, place, decided_at, hash)
    SELECT $1, $2, at, previous, show_id, booking_id, command, command_id, publish_id, body, inputs, outcome, result,
        decided, place, $3, hash
    FROM unnest($26::bigint[], $27::bigint[], $28::uuid[], $29::uuid[], $30::text[], $31::uuid[], $32::text[], $33::text[],
        $34::text[], $35::text[], $36::text[], $37::bool[], $38::bigint[], $39::text[])
        AS j (at, previous, show_id, booking_id, command, command_id, publish_id, body, inputs, outcome, result, decided,
            place, hash)
), seats AS (
    UPDATE seat SET state = c.state, booking_id = c.booking_id
    FROM unnest($40::uuid[], $41::text[], $42::text[], $43::text[], $44::uuid[]) AS c (show_id, id, was, state, booking_id)
    WHERE seat.show_id = c.show_id AND seat.id = c.id AND seat.state = c.was
    RETURNING 1
)
SELECT count(*) FROM seats

-- name: shows_change
UPDATE show SET place = w.place, seats_version = w.seats_version, "left" = w.remaining::jsonb, kept = w.kept::jsonb,
    hash = w.hash, decided_at = $1
FROM unnest($2::uuid[], $3::bigint[], $4::bigint[], $5::text[], $6::text[], $7::text[])
    AS w (id, place, seats_version, remaining, kept, hash) WHERE show.id = w.id

-- name: show_opened
UPDATE show SET opened = true WHERE id = $1 AND NOT opened

-- name: show_moved
-- From this commit on the show's new lane decides, and no other.
UPDATE show SET lane = $2, off_sale_until = $3, alone = $4, moved_at = $5
WHERE id = $1 AND EXISTS (SELECT FROM lane WHERE lane = $2 AND lane LIKE 'show.%')

-- name: shows_to_decide
SELECT * FROM show WHERE id = ANY($1::uuid[])

-- name: plan_to_decide
SELECT body FROM seat_plan WHERE hash = $1

-- name: seats_not_free
SELECT show_id, id, state FROM seat WHERE show_id = ANY($1::uuid[]) AND state <> 'free'

-- name: bookings_live
SELECT id, show_id, buyer_id, seats, amounts, state, held_until FROM booking
WHERE show_id = ANY($1::uuid[]) AND state IN ('held', 'confirmed')

-- name: bookings_of_commands
SELECT * FROM booking WHERE id = ANY($1::uuid[])

-- name: show_amended
-- The terms of an open show as they are from now on.
UPDATE show SET prices = $2::jsonb, starts_at = $3, ends_at = $4, sale_opens_at = $5, sale_closes_at = $6, hold_seconds = $7,
    max_seats_per_booking = $8, max_seats_per_buyer = $9, max_live_holds = $10, rules = $11,
    local_starts_at = CASE WHEN starts_at = $3 THEN local_starts_at ELSE $3::timestamptz AT TIME ZONE (
        SELECT v.time_zone FROM hall h JOIN venue v ON v.id = h.venue_id WHERE h.id = show.hall_id
    ) END
WHERE id = $1 AND opened

-- name: hall_time_moved
-- Where a show has moved to: refused by the table's constraint while another show has the hall then.  What further moves
-- want stays theirs.
UPDATE hall_time SET during = tstzrange($2, $3) WHERE show_id = $1 AND wanted_by IS NULL AND during <> tstzrange($2, $3)

-- name: coupon_kept
INSERT INTO coupon (show_id, code, terms) VALUES ($1, $2, $3) ON CONFLICT (show_id, code) DO UPDATE SET terms = excluded.terms

-- name: coupon_dropped
DELETE FROM coupon WHERE show_id = $1 AND code = $2

-- name: coupons_of_shows
SELECT show_id, code, terms FROM coupon WHERE show_id = ANY($1::uuid[]) ORDER BY show_id, code

-- name: show_cancelled
UPDATE show SET cancelled = true WHERE id = $1

-- name: hall_time_of_show_given_back
DELETE FROM hall_time WHERE show_id = $1

-- name: cancellations_note
INSERT INTO cancellation (id, booking_id, show_id, seats, amount, retained, currency, "to", "by", reason, actor_id, decided_at)
SELECT id, booking_id, show_id, seats, amount, retained, currency, target, whose, reason, actor_id, $1
FROM unnest($2::uuid[], $3::uuid[], $4::uuid[], $5::text[], $6::bigint[], $7::bigint[], $8::text[], $9::text[], $10::text[],
    $11::text[], $12::uuid[])
    AS c (id, booking_id, show_id, seats, amount, retained, currency, target, whose, reason, actor_id)

-- name: listings_live
SELECT * FROM listing WHERE show_id = ANY($1::uuid[]) AND status IN ('open', 'being_bought')

-- name: listings_keep
INSERT INTO listing (id, show_id, booking_id, seller_id, seat_id, price, face_price, fee, status, buyer_booking_id,
    offered_at, changed_at)
SELECT id, show_id, booking_id, seller_id, seat_id, price, face_price, fee, status, buyer_booking_id, $1, $1
FROM unnest($2::uuid[], $3::uuid[], $4::uuid[], $5::uuid[], $6::text[], $7::bigint[], $8::bigint[], $9::bigint[],
    $10::text[], $11::uuid[])
    AS l (id, show_id, booking_id, seller_id, seat_id, price, face_price, fee, status, buyer_booking_id)
ON CONFLICT (id) DO UPDATE SET price = excluded.price, fee = excluded.fee, status = excluded.status,
    buyer_booking_id = excluded.buyer_booking_id, changed_at = excluded.changed_at
