"""Accounts: sessions, log-ins, links in letters, logins at providers; and letters to people."""

from tortoise import migrations
from tortoise.migrations import operations as ops
from sagas.identity import new_id
from tortoise.fields.base import OnDelete
from tortoise import fields

# Nobody is logged out: each family of refresh tokens that was alive becomes a session.
SESSIONS_OF_FAMILIES = """
INSERT INTO session (id, user_id, address, device, began_at, seen_at, ended_by)
SELECT family, user_id, '', '', min(created_at), max(created_at), '' FROM refresh_token
WHERE expires_at > now() GROUP BY family, user_id HAVING bool_and(revoked_at IS NULL);
UPDATE refresh_token SET session_id = family WHERE family IN (SELECT id FROM session);
DELETE FROM refresh_token WHERE session_id IS NULL;
"""

UP = """
CREATE INDEX log_in_of_user ON log_in (user_id, at DESC);
CREATE INDEX session_live_of_user ON session (user_id) WHERE ended_at IS NULL;
CREATE INDEX letter_link_of_user ON letter_link (user_id, created_at);
CREATE INDEX letter_due ON letter (next_try_at) WHERE next_try_at IS NOT NULL;
ALTER TABLE letter ADD CONSTRAINT letter_of_booking_or_person CHECK (num_nonnulls(booking_id, user_id) = 1);
"""

DOWN = """
DROP INDEX log_in_of_user, session_live_of_user, letter_link_of_user, letter_due;
ALTER TABLE letter DROP CONSTRAINT letter_of_booking_or_person;
"""


class Migration(migrations.Migration):
    dependencies = [('frontrow', '0009_shows_wait_for_venues')]

    initial = False

    operations = [
        ops.CreateModel(
            name='LetterLink',
            fields=[
                ('id', fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                ('user', fields.ForeignKeyField('frontrow.User', source_field='user_id', db_constraint=True, to_field='id', related_name='letter_links', on_delete=OnDelete.CASCADE)),
                ('purpose', fields.CharField(max_length=20)),
                ('email', fields.CharField(max_length=254)),
                ('token_hash', fields.CharField(null=True, unique=True, max_length=64)),
                ('expires_at', fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ('used_at', fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ('created_at', fields.DatetimeField(auto_now=False, auto_now_add=True)),
            ],
            options={'table': 'letter_link', 'app': 'frontrow', 'pk_attr': 'id', 'table_description': 'A link in a letter: whoever has it reads the mailbox of ``email``.  It is good for one ``purpose`` (verify,'},
            bases=['Model'],
        ),
        ops.CreateModel(
            name='LogIn',
            fields=[
                ('id', fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                ('user', fields.ForeignKeyField('frontrow.User', source_field='user_id', db_constraint=True, to_field='id', related_name='log_ins', on_delete=OnDelete.CASCADE)),
                ('at', fields.DatetimeField(auto_now=False, auto_now_add=True)),
                ('method', fields.CharField(max_length=20)),
                ('succeeded', fields.BooleanField()),
                ('address', fields.CharField(max_length=45)),
                ('device', fields.CharField(max_length=100)),
            ],
            options={'table': 'log_in', 'app': 'frontrow', 'pk_attr': 'id', 'table_description': 'One attempt to log in to an account, successful or not: when, how, from where and on which device.'},
            bases=['Model'],
        ),
        ops.CreateModel(
            name='ProviderLogin',
            fields=[
                ('id', fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                ('user', fields.ForeignKeyField('frontrow.User', source_field='user_id', db_constraint=True, to_field='id', related_name='provider_logins', on_delete=OnDelete.CASCADE)),
                ('provider', fields.CharField(max_length=20)),
                ('subject', fields.CharField(max_length=255)),
                ('created_at', fields.DatetimeField(auto_now=False, auto_now_add=True)),
            ],
            options={'table': 'provider_login', 'app': 'frontrow', 'unique_together': (('provider', 'subject'),), 'pk_attr': 'id', 'table_description': "A person's account at a login provider (google, github), by the provider's own lasting name for it."},
            bases=['Model'],
        ),
        ops.CreateModel(
            name='Session',
            fields=[
                ('id', fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                ('user', fields.ForeignKeyField('frontrow.User', source_field='user_id', db_constraint=True, to_field='id', related_name='sessions', on_delete=OnDelete.CASCADE)),
                ('address', fields.CharField(default='', max_length=45)),
                ('device', fields.CharField(default='', max_length=100)),
                ('began_at', fields.DatetimeField(auto_now=False, auto_now_add=True)),
                ('seen_at', fields.DatetimeField(auto_now=False, auto_now_add=True)),
                ('ended_at', fields.DatetimeField(null=True, db_index=True, auto_now=False, auto_now_add=False)),
                ('ended_by', fields.CharField(default='', max_length=20)),
            ],
            options={'table': 'session', 'app': 'frontrow', 'pk_attr': 'id', 'table_description': "A person's being logged in on one device.  Every token that follows from it names it: once it has ended, none of"},
            bases=['Model'],
        ),
        ops.AlterModelOptions(
            name='Letter',
            options={'table': 'letter', 'app': 'frontrow', 'unique_together': (('booking_id', 'template'),), 'pk_attr': 'id', 'table_description': 'One letter, sent once under its own Message-ID: about a booking, unique by booking and template, or to a person'},
        ),
        ops.AlterField(
            model_name='Letter',
            name='booking_id',
            field=fields.UUIDField(null=True),
        ),
        ops.AddField(
            model_name='Letter',
            name='link_id',
            field=fields.UUIDField(null=True),
        ),
        ops.AddField(
            model_name='Letter',
            name='next_try_at',
            field=fields.DatetimeField(null=True, auto_now=False, auto_now_add=False),
        ),
        ops.AddField(
            model_name='Letter',
            name='user_id',
            field=fields.UUIDField(null=True, db_index=True),
        ),
        ops.AlterModelOptions(
            name='RefreshToken',
            options={'table': 'refresh_token', 'app': 'frontrow', 'pk_attr': 'id', 'table_description': 'One refresh token, by its hash.  It gives the next once; used again later, its whole session ends.'},
        ),
        ops.AddField(
            model_name='RefreshToken',
            name='session',
            field=fields.ForeignKeyField('frontrow.Session', source_field='session_id', db_constraint=True, to_field='id', related_name='refresh_tokens', on_delete=OnDelete.CASCADE, null=True),
        ),
        ops.RunSQL(SESSIONS_OF_FAMILIES, reverse_sql=ops.RunSQL.noop),
        ops.AlterField(
            model_name='RefreshToken',
            name='session',
            field=fields.ForeignKeyField('frontrow.Session', source_field='session_id', db_constraint=True, to_field='id', related_name='refresh_tokens', on_delete=OnDelete.CASCADE),
        ),
        ops.RemoveField(model_name='RefreshToken', name='family'),
        ops.RemoveField(model_name='RefreshToken', name='revoked_at'),
        ops.RemoveField(model_name='RefreshToken', name='user'),
        ops.AlterModelOptions(
            name='User',
            options={'table': 'user', 'app': 'frontrow', 'pk_attr': 'id', 'table_description': 'An account.  ``email`` is kept in one form, so that one address is one account; ``password_hash`` is empty for'},
        ),
        ops.AddField(
            model_name='User',
            name='erased_at',
            field=fields.DatetimeField(null=True, auto_now=False, auto_now_add=False),
        ),
        ops.AddField(
            model_name='User',
            name='suspended_at',
            field=fields.DatetimeField(null=True, auto_now=False, auto_now_add=False),
        ),
        ops.RunSQL(UP, reverse_sql=DOWN),
    ]
