"""What has served its time is found by when it was over; and a session's tokens go with it."""

from tortoise import migrations
from tortoise.migrations import operations as ops

UP = """
CREATE INDEX refresh_token_of_session ON refresh_token (session_id);
CREATE INDEX refresh_token_by_end ON refresh_token (expires_at);
CREATE INDEX session_by_last_use ON session (seen_at) WHERE ended_at IS NULL;
CREATE INDEX letter_link_by_end ON letter_link ((least(used_at, expires_at)));
CREATE INDEX log_in_by_time ON log_in (at);
"""

DOWN = (
    "DROP INDEX refresh_token_of_session, refresh_token_by_end, session_by_last_use, letter_link_by_end, log_in_by_time"
)


class Migration(migrations.Migration):
    dependencies = [("frontrow", "0022_letters_of_invitations")]
    operations = [ops.RunSQL(UP, reverse_sql=DOWN)]
