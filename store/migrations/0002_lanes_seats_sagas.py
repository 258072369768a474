"""The tables that lanes write in bulk, and the constraints that models cannot say."""

from tortoise import migrations
from tortoise.migrations import operations as ops

UP = """
CREATE TABLE lane (
    lane text PRIMARY KEY,
    generation int NOT NULL DEFAULT 0,
    next_offset bigint NOT NULL DEFAULT 0,
    last_offset bigint,
    last_publish_id text,
    owner text,
    leased_until timestamptz NOT NULL DEFAULT '-infinity',
    decided_at timestamptz NOT NULL DEFAULT '-infinity'
);
COMMENT ON TABLE lane IS 'Each lane''s place in its log. The guarded move of next_offset is what makes a batch take effect exactly once.';

CREATE TABLE worker (
    id text PRIMARY KEY,
    kind text NOT NULL,
    host text NOT NULL,
    pid int NOT NULL,
    started_at timestamptz NOT NULL DEFAULT now(),
    seen_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE worker IS 'Who is at work: a heartbeat for each worker process, by which lanes are shared fairly and readiness is told.';

CREATE TABLE journal (
    lane text NOT NULL,
    generation int NOT NULL,
    "offset" bigint NOT NULL,
    previous_offset bigint,
    show_id uuid,
    booking_id uuid,
    command text NOT NULL,
    command_id uuid,
    publish_id text NOT NULL,
    body text NOT NULL,
    inputs text,
    outcome text NOT NULL,
    result text,
    decided boolean NOT NULL,
    place bigint,
    decided_at timestamptz NOT NULL,
    hash text,
    PRIMARY KEY (lane, generation, "offset")
);
COMMENT ON TABLE journal IS 'What the lanes decided: one row for each message read, in order, with all that is needed to decide it again.';
CREATE UNIQUE INDEX journal_command_decided ON journal (command_id) WHERE decided;

CREATE TABLE saga_journal (
    lane text NOT NULL,
    generation int NOT NULL,
    "offset" bigint NOT NULL,
    previous_offset bigint,
    saga_id uuid,
    event text NOT NULL,
    event_id uuid,
    publish_id text NOT NULL,
    body text NOT NULL,
    outcome text NOT NULL,
    taken boolean NOT NULL,
    decided_at timestamptz NOT NULL,
    PRIMARY KEY (lane, generation, "offset")
);
CREATE UNIQUE INDEX saga_journal_event_taken ON saga_journal (event_id) WHERE taken;

CREATE TABLE lost_command (
    lane text NOT NULL,
    generation int NOT NULL,
    from_offset bigint NOT NULL,
    to_offset bigint,
    note text NOT NULL,
    noticed_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (lane, generation)
);
COMMENT ON TABLE lost_command IS 'Where a log was not what it had been: a new generation began, and commands may have been lost undecided.';

CREATE TABLE seat (
    show_id uuid NOT NULL REFERENCES show (id),
    id text NOT NULL,
    state text NOT NULL DEFAULT 'free' CHECK (state IN ('free', 'held', 'sold', 'blocked')),
    booking_id uuid,
    PRIMARY KEY (show_id, id),
    CHECK ((booking_id IS NOT NULL) = (state IN ('held', 'sold')))
) WITH (fillfactor = 70);

CREATE TABLE booking (
    id uuid PRIMARY KEY,
    show_id uuid NOT NULL,
    buyer_id uuid NOT NULL,
    lane text NOT NULL,
    generation int NOT NULL,
    "offset" bigint NOT NULL,
    place bigint NOT NULL,
    state text NOT NULL CHECK (state IN ('held', 'confirmed', 'expired', 'released', 'refused', 'failed')),
    seats text NOT NULL,
    amounts text NOT NULL,
    currency text NOT NULL,
    method text NOT NULL,
    held_until timestamptz,
    refusal text,
    body_hash text NOT NULL,
    decided_at timestamptz NOT NULL,
    changed_at timestamptz NOT NULL
) WITH (fillfactor = 85);
CREATE INDEX booking_of_buyer ON booking (buyer_id, decided_at DESC);
CREATE INDEX booking_of_show_live ON booking (show_id) WHERE state IN ('held', 'confirmed');
CREATE INDEX booking_to_expire ON booking (held_until) WHERE state = 'held';

CREATE TABLE buyer_holds (
    buyer_id uuid PRIMARY KEY,
    live int NOT NULL CHECK (live >= 0)
) WITH (fillfactor = 70);
COMMENT ON TABLE buyer_holds IS 'A buyer''s live unpaid holds over all shows: shared by the show lanes, so a guarded row, locked in sorted order.';

CREATE TABLE saga (
    id uuid PRIMARY KEY,
    kind text NOT NULL,
    lane text NOT NULL,
    step text NOT NULL,
    course text NOT NULL CHECK (course IN ('forward', 'back', 'ended')),
    outcome text NOT NULL,
    progress text NOT NULL,
    outbox text NOT NULL,
    events int NOT NULL DEFAULT 0,
    sends int NOT NULL DEFAULT 0,
    next_send_at timestamptz,
    trace text NOT NULL DEFAULT '',
    changed_at timestamptz NOT NULL
) WITH (fillfactor = 70);
CREATE INDEX saga_to_send ON saga (next_send_at) WHERE next_send_at IS NOT NULL;
CREATE INDEX saga_running ON saga (changed_at) WHERE course <> 'ended';

CREATE TABLE saga_event (
    saga_id uuid NOT NULL,
    n int NOT NULL,
    event text NOT NULL,
    step text NOT NULL,
    course text NOT NULL,
    detail text NOT NULL,
    at timestamptz NOT NULL,
    PRIMARY KEY (saga_id, n)
);

CREATE SEQUENCE show_number;
CREATE UNIQUE INDEX ticket_live_seat ON ticket (show_id, seat_id) WHERE status <> 'cancelled';
CREATE INDEX letter_unsent ON letter (created_at) WHERE status <> 'sent';
CREATE INDEX webhook_unforwarded ON webhook_event (next_try_at) WHERE forwarded_at IS NULL;
CREATE INDEX payment_to_check ON payment (next_check_at) WHERE next_check_at IS NOT NULL;
ALTER TABLE wallet ADD CONSTRAINT wallet_never_negative CHECK (balance >= 0);
ALTER TABLE wallet_entry ADD CONSTRAINT wallet_entry_never_negative CHECK (balance_after >= 0);
ALTER TABLE "user" ADD CONSTRAINT user_email_lower CHECK (email = lower(email));
"""

DOWN = """
DROP TABLE lane, worker, journal, saga_journal, lost_command, seat, booking, buyer_holds, saga, saga_event;
DROP SEQUENCE show_number;
DROP INDEX ticket_live_seat, letter_unsent, webhook_unforwarded, payment_to_check;
ALTER TABLE wallet DROP CONSTRAINT wallet_never_negative;
ALTER TABLE wallet_entry DROP CONSTRAINT wallet_entry_never_negative;
ALTER TABLE "user" DROP CONSTRAINT user_email_lower;
"""


class Migration(migrations.Migration):
    dependencies = [("frontrow", "0001_catalogue_people_money")]
    operations = [ops.RunSQL(UP, reverse_sql=DOWN)]
