"""Letters of invitations: to an address that may have no account, one for each invitation."""

from tortoise import migrations
from tortoise.migrations import operations as ops

UP = """
ALTER TABLE letter DROP CONSTRAINT letter_of_booking_or_person;
ALTER TABLE letter ADD CONSTRAINT letter_of_booking_person_or_invitation CHECK (
    num_nonnulls(booking_id, user_id) = CASE WHEN template = 'invitation' THEN 0 ELSE 1 END
);
CREATE UNIQUE INDEX letter_of_invitation ON letter (about) WHERE template = 'invitation';
CREATE INDEX letter_of_invited ON letter (recipient, created_at) WHERE template = 'invitation';
"""

DOWN = """
DELETE FROM letter WHERE template = 'invitation';
DROP INDEX letter_of_invitation, letter_of_invited;
ALTER TABLE letter DROP CONSTRAINT letter_of_booking_person_or_invitation;
ALTER TABLE letter ADD CONSTRAINT letter_of_booking_or_person CHECK (num_nonnulls(booking_id, user_id) = 1);
"""


class Migration(migrations.Migration):
    dependencies = [("frontrow", "0021_room_for_changes")]
    operations = [ops.RunSQL(UP, reverse_sql=DOWN)]
