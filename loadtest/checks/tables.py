"""Checks that SQL alone can make: each a name, what is counted, and a query that returns only what is wrong.

Every rule is said again here, in its own words, from the tables as they stand; nothing is taken from the product's
queries.  ``$1`` is the number of unpaid holds that one buyer may have over all shows.
"""

from dataclasses import dataclass
from typing import Any

from loadtest.checks.evidence import Evidence, Finding

#: The most wrong rows that one check fetches.
WRONG_MAX = 1000

#: Live bookings' places, one row each.
PLACES = """WITH place AS (
    SELECT b.show_id, b.id AS booking_id, b.buyer_id, b.state, p ->> 'id' AS seat, (p ->> 'price')::bigint AS price
    FROM booking b CROSS JOIN LATERAL jsonb_array_elements(b.seats::jsonb) p
    WHERE b.state IN ('held', 'confirmed') AND coalesce(p ->> 'status', '') = ''
)"""
#: A booking's total, from its parts.
TOTAL = """(coalesce((b.amounts::jsonb ->> 'seats')::bigint, 0) - coalesce((b.amounts::jsonb ->> 'discount')::bigint, 0)
    + coalesce((b.amounts::jsonb ->> 'fees')::bigint, 0) + coalesce((b.amounts::jsonb ->> 'tax')::bigint, 0))"""
#: What each booking was promised to cost, what came in for it, and what went back, is on its way back, or is owed: a
#: refund that failed stays in front of an operator, and is told as a remark.  What is owed for cancelled seats may wait
#: for a dispute, or a payer's bank may have given it back before.  What the organiser gave out of goodwill leaves the
#: seats paid for; a cancellation after it may give so much less than it owes (``short``).
#: A booking is settled when its saga has ended, or when nothing has moved for half a minute, but for a dispute.
MONEY = """WITH settled AS (
    SELECT b.id, b.state, b.currency,
        coalesce((SELECT sum((p ->> 'price')::bigint - coalesce((p ->> 'discount')::bigint, 0)
            + coalesce((p ->> 'fees')::bigint, 0) + coalesce((p ->> 'tax')::bigint, 0))
            FROM jsonb_array_elements(b.seats::jsonb) p WHERE coalesce(p ->> 'status', '') IN ('', 'resold')), 0)
            + coalesce((SELECT sum(c.retained) FROM cancellation c WHERE c.booking_id = b.id), 0) AS total,
        coalesce((SELECT sum(c.amount) FROM capture c WHERE c.booking_id = b.id), 0) AS captured,
        r.back + d.waiting + t.taken AS refunded, r.goodwill, c.owed - r.given - d.waiting - t.taken AS short
    FROM booking b LEFT JOIN saga s ON s.id = b.id
    CROSS JOIN LATERAL (SELECT
        coalesce((SELECT sum((w ->> 'amount')::bigint)
            FROM jsonb_array_elements(s.progress::jsonb #> '{facts,waiting}') w), 0) AS waiting,
        coalesce((SELECT sum((d ->> 'amount')::bigint)
            FROM jsonb_array_elements(s.progress::jsonb #> '{facts,disputes}') d
            WHERE d ->> 'status' = 'lost'), 0) AS lost,
        (SELECT count(*) FROM jsonb_array_elements(s.progress::jsonb #> '{facts,disputes}') d
            WHERE d ->> 'status' = 'open') AS open) d
    CROSS JOIN LATERAL (SELECT coalesce(sum(r.amount), 0) AS back,
        coalesce(sum(r.amount) FILTER (WHERE r.about = r.id), 0) AS goodwill,
        coalesce(sum(r.amount) FILTER (WHERE r.about <> r.id), 0) AS given FROM refund r WHERE r.booking_id = b.id) r
    CROSS JOIN LATERAL (SELECT coalesce(sum(c.amount), 0) AS owed FROM cancellation c WHERE c.booking_id = b.id) c
    CROSS JOIN LATERAL (SELECT greatest(least(d.lost, CASE WHEN b.state IN ('confirmed', 'cancelled')
        THEN c.owed - d.waiting - r.given
        ELSE (SELECT sum(k.amount) FROM capture k WHERE k.booking_id = b.id) - r.back END), 0) AS taken) t
    WHERE s.id IS NULL OR s.course = 'ended' OR greatest(s.changed_at, b.changed_at) < now() - interval '30 s'
        AND NOT (s.course = 'back' AND s.step = 'money' AND d.open > 0)
)"""
#: Each journal row with the row before it in its lane's log.
CHAIN = """WITH link AS (
    SELECT lane, generation, "offset", previous_offset, decided_at,
        lag("offset") OVER log AS before,
        lag(decided_at) OVER (PARTITION BY lane ORDER BY generation, "offset") AS earlier,
        row_number() OVER (PARTITION BY lane ORDER BY generation DESC, "offset" DESC) AS from_end
    FROM {journal} {only} WINDOW log AS (PARTITION BY lane, generation ORDER BY "offset")
)
SELECT k.lane, k.generation, k."offset", 'names ' || coalesce(k.previous_offset::text, 'nothing')
    || ' as the one before; it is ' || coalesce(k.before::text, 'nothing') AS wrong
FROM link k WHERE k.previous_offset IS DISTINCT FROM k.before OR k.previous_offset >= k."offset"
UNION ALL
SELECT k.lane, k.generation, k."offset", 'was decided at ' || k.decided_at || ', before the one before it' FROM link k
WHERE k.decided_at < k.earlier
UNION ALL
SELECT k.lane, k.generation, k."offset", 'is the last row; the lane stands at '
    || coalesce(l.generation::text, 'no row') || ', ' || coalesce(l.next_offset::text, '')
FROM link k LEFT JOIN lane l USING (lane)
WHERE k.from_end = 1 AND (l.lane IS NULL OR k.generation > l.generation
    OR (k.generation = l.generation AND k."offset" <> l.next_offset - 1))
UNION ALL
SELECT l.lane, l.generation, l.next_offset, 'the lane has moved on, and nothing in the journal says how' FROM lane l
WHERE l.lane LIKE '{kind}.%' AND l.next_offset > 0 AND NOT EXISTS (SELECT 1 FROM {journal} j WHERE j.lane = l.lane)"""


@dataclass(frozen=True, slots=True)
class TableCheck:
    name: str
    rows: str
    wrong: str


TABLE_CHECKS = (
    TableCheck(
        "no seat is given to two bookings",
        PLACES + "SELECT count(*) FROM place",
        PLACES + """SELECT show_id, seat, array_agg(booking_id::text) AS bookings FROM place
        GROUP BY show_id, seat HAVING count(*) > 1""",
    ),
    TableCheck(
        "seats are as their bookings say, and the other way round",
        "SELECT count(*) FROM seat WHERE state <> 'free'",
        PLACES + """SELECT p.show_id, p.seat, p.booking_id, p.state AS booking, s.state AS seat_state,
            s.booking_id AS seat_of
        FROM place p LEFT JOIN seat s ON s.show_id = p.show_id AND s.id = p.seat
        WHERE s.booking_id IS DISTINCT FROM p.booking_id
            OR s.state <> CASE p.state WHEN 'held' THEN 'held' ELSE 'sold' END
        UNION ALL
        SELECT s.show_id, s.id, s.booking_id, NULL, s.state, s.booking_id FROM seat s
        WHERE (s.booking_id IS NOT NULL OR s.state IN ('held', 'sold'))
            AND NOT EXISTS (SELECT 1 FROM place p
                WHERE p.show_id = s.show_id AND p.seat = s.id AND p.booking_id = s.booking_id)""",
    ),
    TableCheck(
        "an open show has every seat of its plan, and no other",
        "SELECT count(*) FROM show WHERE opened",
        """SELECT w.id AS show_id, w.opened, p.seats AS planned,
            (SELECT count(*) FROM seat s WHERE s.show_id = w.id) AS there
        FROM show w JOIN seat_plan p ON p.hash = w.plan_id
        WHERE (SELECT count(*) FROM seat s WHERE s.show_id = w.id) <> CASE WHEN w.opened THEN p.seats ELSE 0 END""",
    ),
    TableCheck(
        "the number left of each section is the number of free seats",
        "SELECT count(*) FROM show WHERE opened AND place > 0",
        """SELECT w.id AS show_id, sum(l.value::bigint) AS told,
            (SELECT count(*) FROM seat s WHERE s.show_id = w.id AND s.state = 'free') AS free
        FROM show w CROSS JOIN LATERAL jsonb_each_text(w."left") l WHERE w.opened AND w.place > 0 GROUP BY w.id
        HAVING sum(l.value::bigint) <> (SELECT count(*) FROM seat s WHERE s.show_id = w.id AND s.state = 'free')""",
    ),
    TableCheck(
        "no hold stands longer than 15 s past its end",
        "SELECT count(*) FROM booking WHERE state = 'held'",
        """SELECT id AS booking_id, show_id, held_until FROM booking
        WHERE state = 'held' AND (held_until IS NULL OR held_until + interval '15 s' < now())""",
    ),
    TableCheck(
        "a booking costs what its seats cost, and its payment asks for that",
        "SELECT count(*) FROM booking",
        """SELECT b.id AS booking_id, b.amounts, NULL::bigint AS asked FROM booking b
        WHERE b.state NOT IN ('refused', 'failed') AND coalesce((b.amounts::jsonb ->> 'seats')::bigint, 0)
            <> (SELECT coalesce(sum((p ->> 'price')::bigint), 0) FROM jsonb_array_elements(b.seats::jsonb) p)
        UNION ALL
        SELECT p.booking_id, b.amounts, p.amount FROM payment p LEFT JOIN booking b ON b.id = p.booking_id
        WHERE b.id IS NULL AND NOT EXISTS (SELECT 1 FROM top_up t WHERE t.payment_id = p.id)
            OR p.currency <> b.currency
            OR b.id IS NOT NULL AND p.amount <> """ + TOTAL + """ AND NOT EXISTS (SELECT 1 FROM saga_event e
                WHERE e.saga_id = b.id AND e.event IN ('seats_held', 'method_chosen')
                AND (e.detail::jsonb ->> 'from_wallet')::bigint IN (p.amount, """ + TOTAL + """ - p.amount))""",
    ),
    TableCheck(
        "the show lanes' chain has no break",
        "SELECT count(*) FROM journal",
        CHAIN.format(journal="journal", kind="show", only=""),
    ),
    TableCheck(
        "the saga lanes' chain has no break",
        "SELECT count(*) FROM saga_journal WHERE part = 0",
        CHAIN.format(journal="saga_journal", kind="saga", only="WHERE part = 0"),
    ),
    TableCheck(
        "a command is decided once",
        "SELECT count(*) FROM journal WHERE decided",
        """SELECT command_id, count(*) AS times FROM journal WHERE decided AND command_id IS NOT NULL
        GROUP BY command_id HAVING count(*) > 1
        UNION ALL SELECT NULL, count(*) FROM journal WHERE decided AND command_id IS NULL HAVING count(*) > 0""",
    ),
    TableCheck(
        "an event is taken once",
        "SELECT count(*) FROM saga_journal WHERE taken",
        """SELECT event_id, count(*) AS times FROM saga_journal WHERE taken GROUP BY event_id HAVING count(*) > 1""",
    ),
    TableCheck(
        "places in line count up from 1 in the order of the log",
        "SELECT count(*) FROM journal WHERE command = 'hold_seats' AND decided AND place IS NOT NULL",
        """WITH line AS (
            SELECT show_id, booking_id, generation, "offset", place,
                row_number() OVER (PARTITION BY show_id ORDER BY decided_at, generation, "offset") AS nth
            FROM journal WHERE command = 'hold_seats' AND decided AND place IS NOT NULL
        )
        SELECT show_id, booking_id, generation, "offset", place, nth AS should_be FROM line WHERE place <> nth""",
    ),
    TableCheck(
        "each wish that was decided is a booking with the journal's place, and each booking was decided",
        "SELECT count(*) FROM booking",
        """SELECT b.id AS booking_id, b.lane, b.generation, b."offset", j.outcome FROM booking b
        LEFT JOIN journal j ON j.lane = b.lane AND j.generation = b.generation AND j."offset" = b."offset"
        WHERE j.booking_id IS DISTINCT FROM b.id OR j.command <> 'hold_seats' OR j.show_id IS DISTINCT FROM b.show_id
            OR (j.decided AND coalesce(j.place, 0) <> b.place)
        UNION ALL
        SELECT j.booking_id, j.lane, j.generation, j."offset", j.outcome FROM journal j
        WHERE j.command = 'hold_seats' AND j.decided
            AND NOT EXISTS (SELECT 1 FROM booking b WHERE b.id = j.booking_id)""",
    ),
    TableCheck(
        "each booking that was held has a saga, and no other has",
        "SELECT count(*) FROM saga WHERE kind = 'booking'",
        """SELECT coalesce(b.id, s.id) AS booking_id, b.state, s.course
        FROM booking b FULL JOIN (SELECT * FROM saga WHERE kind = 'booking') s ON s.id = b.id
        WHERE b.id IS NULL OR (s.id IS NULL) = (b.state NOT IN ('refused', 'failed'))""",
    ),
    TableCheck(
        "no saga awaits an answer past its time without having been sent again",
        "SELECT count(*) FROM saga WHERE next_send_at IS NOT NULL",
        """SELECT id AS saga_id, step, course, sends, next_send_at FROM saga
        WHERE next_send_at < now() - interval '10 s'""",
    ),
    TableCheck(
        "no saga stands still: after its seats ended, after the money came, or on its way back",
        "SELECT count(*) FROM saga WHERE course <> 'ended'",
        """SELECT s.id AS saga_id, s.step, s.course, s.sends, s.changed_at, b.state AS booking FROM saga s
        JOIN booking b ON b.id = s.id
        WHERE s.course <> 'ended' AND s.changed_at < now() - interval '60 s' AND (
            b.state IN ('expired', 'released') AND b.changed_at < now() - interval '60 s'
                AND NOT EXISTS (SELECT 1 FROM refund r WHERE r.booking_id = s.id AND r.status IN ('pending', 'failed'))
            OR s.course = 'forward' AND s.step NOT IN ('seats', 'payment', 'money')
            OR s.step = 'seats' AND s.course = 'forward')""",
    ),
    TableCheck(
        "each saga's timeline has a line for each event",
        "SELECT count(*) FROM saga_event",
        """SELECT s.id AS saga_id, s.events, count(e.n) AS lines FROM saga s LEFT JOIN saga_event e ON e.saga_id = s.id
        GROUP BY s.id, s.events
        HAVING count(e.n) <> s.events OR count(e.n) > 0 AND max(e.n) - min(e.n) + 1 <> count(e.n)""",
    ),
    TableCheck(
        "a buyer's live holds are counted as they are",
        "SELECT count(*) FROM buyer_holds",
        """SELECT buyer_id, coalesce(h.live, 0) AS counted, coalesce(b.held, 0) AS held FROM buyer_holds h
        FULL JOIN (SELECT buyer_id, count(*) AS held FROM booking WHERE state = 'held' GROUP BY buyer_id) b
            USING (buyer_id)
        WHERE coalesce(h.live, 0) <> coalesce(b.held, 0)""",
    ),
    TableCheck(
        "nobody holds more than allowed, at a show or over all",
        "SELECT count(DISTINCT buyer_id) FROM booking WHERE state = 'held'",
        """SELECT b.buyer_id, b.show_id, count(*) AS held, w.max_live_holds AS allowed FROM booking b
        JOIN show w ON w.id = b.show_id WHERE b.state = 'held' GROUP BY b.buyer_id, b.show_id, w.max_live_holds
        HAVING count(*) > w.max_live_holds
        UNION ALL
        SELECT buyer_id, NULL, count(*), $1::int FROM booking WHERE state = 'held' GROUP BY buyer_id
        HAVING count(*) > $1::int
        UNION ALL
        SELECT b.buyer_id, b.show_id, jsonb_array_length(b.seats::jsonb), w.max_seats_per_booking FROM booking b
        JOIN show w ON w.id = b.show_id WHERE jsonb_array_length(b.seats::jsonb) > w.max_seats_per_booking
            AND NOT EXISTS (SELECT 1 FROM box_office_sale o WHERE o.booking_id = b.id)""",
    ),
    TableCheck(
        "each confirmed seat has one ticket, and no ticket is without its seat",
        "SELECT count(*) FROM ticket WHERE status <> 'cancelled'",
        PLACES + """, ended AS (
            SELECT p.* FROM place p JOIN saga s ON s.id = p.booking_id WHERE p.state = 'confirmed'
                AND (s.course = 'ended' OR s.changed_at < now() - interval '30 s')
        )
        SELECT e.booking_id, e.seat, count(t.id) AS tickets FROM ended e
        LEFT JOIN ticket t ON t.booking_id = e.booking_id AND t.seat_id = e.seat AND t.status <> 'cancelled'
        GROUP BY e.booking_id, e.seat HAVING count(t.id) <> 1
        UNION ALL
        SELECT t.booking_id, t.seat_id, 1 FROM ticket t WHERE t.status <> 'cancelled' AND NOT EXISTS (
            SELECT 1 FROM place p WHERE p.state = 'confirmed' AND p.booking_id = t.booking_id AND p.seat = t.seat_id
                AND p.show_id = t.show_id)""",
    ),
    TableCheck(
        "a confirmed booking has been paid, once; for every other the money went back",
        "SELECT count(*) FROM capture",
        MONEY + """SELECT id AS booking_id, state, total, captured, refunded, goodwill, short, currency FROM settled
        WHERE captured - refunded + goodwill - CASE WHEN goodwill > 0 THEN short ELSE 0 END
                <> CASE WHEN state IN ('confirmed', 'cancelled') THEN total ELSE 0 END
            OR goodwill > 0 AND (short NOT BETWEEN 0 AND goodwill OR short > 0 AND captured <> refunded)""",
    ),
    TableCheck(
        "what is given out of goodwill was asked for, and its organiser bears it, once",
        """SELECT count(*) FROM refund WHERE about = id""",
        """SELECT r.id AS refund_id, r.amount, e.detail, t.reference, o.owner AS organiser_id, o.amount AS borne
        FROM refund r
        LEFT JOIN saga_event e ON e.saga_id = r.booking_id AND e.event IN ('refund_asked', 'refund_seen')
            AND e.detail::jsonb ->> 'refund_id' = r.id::text
        LEFT JOIN ledger_transaction t ON t.reference = 'goodwill:' || r.id AND t.booking_id = r.booking_id
        LEFT JOIN ledger_entry o ON o.transaction_id = t.id AND o.account = 'organiser'
        LEFT JOIN ledger_transaction s ON s.reference = 'sale:' || r.booking_id
        WHERE r.about = r.id AND ((e.detail::jsonb ->> 'amount')::bigint IS DISTINCT FROM r.amount
            OR (e.event = 'refund_asked' AND e.detail::jsonb ->> 'by' IS NULL) OR o.amount IS DISTINCT FROM r.amount
            OR NOT EXISTS (SELECT FROM ledger_entry x WHERE x.transaction_id = s.id AND x.account = 'organiser'
                AND x.owner = o.owner) AND NOT EXISTS (SELECT FROM listing l WHERE l.buyer_booking_id = r.booking_id))
        UNION ALL
        SELECT NULL, -o.amount, NULL, t.reference, o.owner, o.amount FROM ledger_transaction t
        LEFT JOIN ledger_entry o ON o.transaction_id = t.id AND o.account = 'organiser'
        WHERE t.kind = 'goodwill' AND NOT EXISTS (SELECT FROM refund r
            WHERE r.about = r.id AND t.reference = 'goodwill:' || r.id)""",
    ),
    TableCheck(
        "each capture has its payment and booking, and no more goes back than came in",
        "SELECT count(*) FROM capture",
        """SELECT c.provider_payment_id, c.booking_id, c.amount, NULL::bigint AS refunded FROM capture c
        LEFT JOIN payment p ON p.id = c.payment_id WHERE p.id IS NULL OR p.booking_id <> c.booking_id
        UNION ALL
        SELECT r.provider_payment_id, r.booking_id, c.amount, sum(r.amount)::bigint FROM refund r
        LEFT JOIN capture c USING (provider_payment_id) WHERE r.status <> 'failed'
        GROUP BY r.provider_payment_id, r.booking_id, c.amount HAVING c.amount IS NULL OR sum(r.amount) > c.amount""",
    ),
    TableCheck(
        "a wallet is the sum of its entries, and was never below zero",
        "SELECT count(*) FROM ledger_entry WHERE account = 'wallet'",
        """SELECT w.id AS wallet_id, w.balance, -coalesce(sum(e.amount), 0)::bigint AS entries,
            min(e.balance_after) AS lowest
        FROM wallet w LEFT JOIN ledger_entry e
            ON e.account = 'wallet' AND e.owner = w.user_id AND e.currency = w.currency
        GROUP BY w.id, w.balance
        HAVING w.balance <> -coalesce(sum(e.amount), 0) OR w.balance < 0 OR min(e.balance_after) < 0
        UNION ALL
        SELECT e.owner, NULL, e.amount, e.balance_after FROM ledger_entry e WHERE e.account = 'wallet'
            AND NOT EXISTS (SELECT 1 FROM wallet w WHERE w.user_id = e.owner AND w.currency = e.currency)""",
    ),
    TableCheck(
        "a ticket that was handed over is one buyer's, who paid its seller for it",
        "SELECT count(*) FROM listing",
        """SELECT l.id AS listing_id, l.price, l.fee, s.course FROM listing l
        LEFT JOIN saga s ON s.id = l.buyer_booking_id
        WHERE l.status = 'sold' AND s.course IS DISTINCT FROM 'forward' AND l.price > l.fee AND NOT EXISTS (
            SELECT FROM ledger_transaction t JOIN ledger_entry e ON e.transaction_id = t.id
            WHERE t.reference = 'sale:' || l.buyer_booking_id AND e.account IN ('aside', 'wallet')
                AND e.owner = l.seller_id AND e.amount = l.fee - l.price)
        UNION ALL
        SELECT l.id, l.price, l.fee, b.state FROM listing l JOIN booking b ON b.id = l.buyer_booking_id
        WHERE (l.status = 'being_bought') <> (b.state = 'held')
        UNION ALL
        SELECT l.id, l.price, l.fee, b.seats FROM listing l JOIN booking b ON b.id = l.booking_id
        WHERE (l.status = 'sold') AND NOT EXISTS (SELECT FROM jsonb_array_elements(b.seats::jsonb) p
            WHERE p ->> 'id' = l.seat_id AND p ->> 'status' = 'resold')""",
    ),
    TableCheck(
        "the ledger sums to zero, transaction by transaction and in all",
        "SELECT count(*) FROM ledger_transaction",
        """SELECT t.reference, e.currency, sum(e.amount)::bigint AS sum FROM ledger_transaction t
        LEFT JOIN ledger_entry e ON e.transaction_id = t.id
        GROUP BY t.id, t.reference, e.currency HAVING sum(e.amount) IS DISTINCT FROM 0""",
    ),
    TableCheck(
        "each capture is booked once, from where the money came",
        "SELECT count(*) FROM capture",
        """SELECT c.provider_payment_id, p.method, c.amount, e.account, e.amount AS booked FROM capture c
        JOIN payment p ON p.id = c.payment_id
        LEFT JOIN ledger_transaction t ON t.reference = 'capture:' || c.provider_payment_id
        LEFT JOIN ledger_entry e ON e.transaction_id = t.id AND e.amount > 0
        WHERE c.amount > 0 AND (e.amount IS DISTINCT FROM c.amount
            OR e.account <> CASE p.method WHEN 'razorpay' THEN 'provider' ELSE p.method END)""",
    ),
    TableCheck(
        "what came in for a top-up is in its buyer's wallet, and its saga is there",
        "SELECT count(*) FROM top_up",
        """SELECT t.id AS top_up_id, c.provider_payment_id, c.amount, e.owner, e.amount AS booked FROM top_up t
        JOIN capture c ON c.booking_id = t.id
        LEFT JOIN ledger_transaction l ON l.reference = 'capture:' || c.provider_payment_id
        LEFT JOIN ledger_entry e ON e.transaction_id = l.id AND e.account = 'wallet'
        WHERE e.owner IS DISTINCT FROM t.user_id OR e.amount IS DISTINCT FROM -c.amount
        UNION ALL
        SELECT coalesce(t.id, s.id), s.kind, t.amount, t.user_id, NULL FROM top_up t
        FULL JOIN (SELECT * FROM saga WHERE kind = 'top-up') s ON s.id = t.id WHERE s.id IS NULL OR t.id IS NULL""",
    ),
    TableCheck(
        "nothing is left on a booking's account but what is on its way back",
        "SELECT count(*) FROM ledger_entry WHERE account = 'booking'",
        MONEY + """SELECT s.id AS booking_id, -coalesce(sum(e.amount), 0)::bigint AS held,
            (SELECT coalesce(sum(r.amount), 0) FROM refund r WHERE r.booking_id = s.id AND r.status <> 'processed')
            AS on_its_way
        FROM settled s LEFT JOIN ledger_entry e ON e.account = 'booking' AND e.owner = s.id GROUP BY s.id
        HAVING -coalesce(sum(e.amount), 0) <> (SELECT coalesce(sum(r.amount), 0) FROM refund r
            WHERE r.booking_id = s.id AND r.status <> 'processed')""",
    ),
    TableCheck(
        "what left the bank for organisers is what was recorded as paid to each, and the other way round",
        "SELECT count(*) FROM payout",
        """WITH paid AS (
            SELECT organiser_id, currency, sum(amount) AS recorded FROM payout GROUP BY organiser_id, currency
        ), booked AS (
            SELECT o.owner AS organiser_id, o.currency, sum(o.amount) AS moved FROM ledger_entry o
            JOIN ledger_entry k ON k.transaction_id = o.transaction_id AND k.account = 'bank' AND k.amount = -o.amount
            WHERE o.account = 'organiser' GROUP BY o.owner, o.currency
        )
        SELECT organiser_id, currency, recorded, moved FROM paid FULL JOIN booked USING (organiser_id, currency)
        WHERE recorded IS DISTINCT FROM moved""",
    ),
    TableCheck(
        "each line that the provider settled is in our books, at the bank and with who bears its fee",
        "SELECT count(*) FROM settlement_line WHERE booked_at IS NOT NULL",
        """WITH entry AS (
            SELECT t.reference, e.account, e.amount
            FROM ledger_transaction t JOIN ledger_entry e ON e.transaction_id = t.id
        ), line AS (
            SELECT l.entity_id, l.credit - l.debit AS net, l.fee,
                (SELECT coalesce(sum(amount), 0) FROM entry
                    WHERE reference = 'settlement:' || l.entity_id AND account = 'bank') AS banked,
                (SELECT coalesce(sum(amount), 0) FROM entry
                    WHERE reference = 'provider-fee:' || l.entity_id AND account IN ('organiser', 'service')) AS borne
            FROM settlement_line l WHERE l.booked_at IS NOT NULL
        )
        SELECT entity_id, net, banked, fee, borne FROM line WHERE net <> banked OR fee <> borne""",
    ),
    TableCheck(
        "invoices and credit notes count up from 1 without gaps, for each organiser, kind and year",
        "SELECT count(*) FROM invoice",
        """WITH series AS (
            SELECT organiser_id, kind, year, number,
                row_number() OVER (PARTITION BY organiser_id, kind, year ORDER BY number) AS should_be
            FROM invoice
        )
        SELECT * FROM series WHERE number <> should_be
        UNION ALL
        SELECT organiser_id, kind, year, c.last, coalesce(max(i.number), 0) FROM invoice_counter c
        LEFT JOIN invoice i USING (organiser_id, kind, year) GROUP BY organiser_id, kind, year, c.last
        HAVING c.last <> coalesce(max(i.number), 0)
        UNION ALL
        SELECT organiser_id, kind, year, number, NULL FROM invoice
        WHERE year <> extract(year FROM at AT TIME ZONE 'UTC')""",
    ),
    TableCheck(
        "each sale has one invoice, each of its cancellations one credit note, and nothing else has any",
        "SELECT count(*) FROM ledger_transaction WHERE kind IN ('sale', 'cancellation')",
        """SELECT t.reference, count(i.id) AS papers FROM ledger_transaction t LEFT JOIN invoice i
            ON i.transaction_id = t.id AND i.kind = CASE t.kind WHEN 'sale' THEN 'invoice' ELSE 'credit-note' END
        WHERE (t.kind = 'sale' OR t.kind = 'cancellation' AND EXISTS (
                SELECT FROM ledger_transaction s WHERE s.booking_id = t.booking_id AND s.kind = 'sale'))
            AND t.at < now() - interval '30 s'
        GROUP BY t.id, t.reference HAVING count(i.id) <> 1
        UNION ALL
        SELECT i.kind || ' ' || i.id || ' of ' || coalesce(t.reference, 'nothing'), 1 FROM invoice i
        LEFT JOIN ledger_transaction t ON t.id = i.transaction_id
        WHERE t.booking_id IS DISTINCT FROM i.booking_id
            OR t.kind <> CASE i.kind WHEN 'invoice' THEN 'sale' ELSE 'cancellation' END
        UNION ALL
        SELECT 'credit note ' || n.id || ' corrects another booking', 1 FROM invoice n
        LEFT JOIN invoice i ON i.id = n.corrects AND i.kind = 'invoice' AND i.booking_id = n.booking_id
        WHERE n.kind = 'credit-note' AND i.id IS NULL""",
    ),
    TableCheck(
        "each invoice and credit note says what the ledger has, and no invoice is corrected by more than it says",
        "SELECT count(*) FROM invoice",
        """SELECT i.id AS invoice_id, i.kind, i.amount, i.body::jsonb -> 'amount' AS said, -e.amount AS booked
        FROM invoice i LEFT JOIN ledger_entry e ON e.transaction_id = i.transaction_id AND e.account = 'organiser'
        WHERE i.amount IS DISTINCT FROM CASE i.kind WHEN 'invoice' THEN -e.amount ELSE e.amount END
            OR i.organiser_id IS DISTINCT FROM e.owner OR i.currency IS DISTINCT FROM e.currency
            OR i.amount <> (i.body::jsonb ->> 'amount')::bigint OR i.tax <> (i.body::jsonb ->> 'tax')::bigint
            OR i.tax NOT BETWEEN 0 AND i.amount
        UNION ALL
        SELECT i.id, i.kind, i.amount, to_jsonb(sum(n.amount)), NULL FROM invoice i JOIN invoice n ON n.corrects = i.id
        GROUP BY i.id, i.kind, i.amount HAVING sum(n.amount) > i.amount""",
    ),
    TableCheck(
        "the tables still have the constraints that back all this",
        "SELECT count(*) FROM pg_class WHERE relkind = 'i' AND relnamespace = current_schema()::regnamespace",
        """SELECT wanted AS missing FROM unnest(ARRAY[
            'journal_pkey', 'journal_command_decided', 'saga_journal_pkey', 'saga_journal_event_taken', 'seat_pkey',
            'booking_pkey', 'saga_pkey', 'saga_event_pkey', 'capture_pkey', 'refund_pkey',
            'ticket_live_seat', 'letter_message_id_key', 'ledger_transaction_reference_key',
            'invoice_pkey', 'invoice_transaction_id_key', 'invoice_organiser_id_kind_year_number_key',
            'invoice_of_booking',
            'wallet_never_negative', 'ledger_entry_balance_after_check', 'seat_check', 'buyer_holds_live_check']) wanted
        WHERE NOT EXISTS (
            SELECT 1 FROM pg_class WHERE relname = wanted AND relnamespace = current_schema()::regnamespace
            UNION ALL
            SELECT 1 FROM pg_constraint WHERE conname = wanted AND connamespace = current_schema()::regnamespace)
        UNION ALL
        SELECT 'letter: unique (booking_id, template, about)' WHERE NOT EXISTS (
            SELECT 1 FROM pg_indexes WHERE schemaname = current_schema() AND tablename = 'letter'
                AND indexdef LIKE '%UNIQUE%(booking_id, template, about)%')""",
    ),
)  # fmt: skip


async def check(table_check: TableCheck, evidence: Evidence) -> Finding:
    """One of the checks above."""
    own = [evidence.live_holds_limit] if "$1" in table_check.wrong else []
    rows = await evidence.connection.fetchval(table_check.rows)
    wrong = await evidence.connection.fetch(f"{table_check.wrong} LIMIT {WRONG_MAX}", *own)
    return Finding(table_check.name, rows, [described(row) for row in wrong])


def described(row: Any) -> str:
    return ", ".join(f"{name} {value}" for name, value in row.items())
