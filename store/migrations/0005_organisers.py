"""Organisers as bodies: what people made becomes what their body made; members, the record of changes, rate limits."""

from tortoise import migrations
from tortoise.migrations import operations as ops
import functools
from json import dumps, loads
from sagas.identity import new_id
from tortoise.fields.base import OnDelete
from tortoise import fields

BODIES = """
INSERT INTO organiser (id, legal_name, support_email, status, operator, created_at)
VALUES (gen_random_uuid(), 'The operator', '', 'approved', true, now());

INSERT INTO organiser (id, legal_name, support_email, status, operator, created_at)
SELECT md5('organiser of ' || u.id)::uuid, u.name, u.email, 'approved', false, now()
FROM "user" u
WHERE u.role <> 'admin' AND (EXISTS (SELECT FROM venue WHERE maker_id = u.id) OR EXISTS (SELECT FROM event WHERE maker_id = u.id));

INSERT INTO organiser_member (id, organiser_id, user_id, role, since)
SELECT gen_random_uuid(), o.id, u.id, 'owner', now()
FROM "user" u JOIN organiser o ON o.id = md5('organiser of ' || u.id)::uuid;

UPDATE venue SET organiser_id = coalesce(
    (SELECT id FROM organiser WHERE id = md5('organiser of ' || maker_id)::uuid), (SELECT id FROM organiser WHERE operator));
UPDATE event SET organiser_id = coalesce(
    (SELECT id FROM organiser WHERE id = md5('organiser of ' || maker_id)::uuid), (SELECT id FROM organiser WHERE operator));
"""

GUARDS = """
CREATE UNIQUE INDEX organiser_of_the_operator ON organiser (operator) WHERE operator;
CREATE INDEX organiser_member_of_user ON organiser_member (user_id);
CREATE INDEX change_record_of_organiser ON change_record (organiser_id, id DESC);
CREATE INDEX event_of_organiser ON event (organiser_id);
CREATE INDEX venue_of_organiser ON venue (organiser_id);
ALTER TABLE organiser ADD CONSTRAINT organiser_status CHECK (status IN ('applied', 'approved', 'suspended', 'refused'));
ALTER TABLE organiser_member ADD CONSTRAINT organiser_member_role CHECK (role IN ('owner', 'manager', 'box-office', 'scanner'));
ALTER TABLE organiser_invitation ADD CONSTRAINT organiser_invitation_role
    CHECK (role IN ('owner', 'manager', 'box-office', 'scanner'));
ALTER TABLE rate_limit ADD CONSTRAINT rate_limit_sane CHECK (quota >= 0 AND window_seconds > 0);
CREATE FUNCTION change_record_stays() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN RAISE EXCEPTION 'change_record is only ever added to' USING ERRCODE = 'check_violation'; END $$;
CREATE TRIGGER change_record_stays BEFORE UPDATE OR DELETE ON change_record
    FOR EACH ROW EXECUTE FUNCTION change_record_stays();
"""


class Migration(migrations.Migration):
    dependencies = [('frontrow', '0004_operating')]

    operations = [
        ops.CreateModel(
            name='Organiser',
            fields=[
                ('id', fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                ('legal_name', fields.CharField(max_length=200)),
                ('tax_id', fields.CharField(null=True, max_length=40)),
                ('support_email', fields.CharField(max_length=254)),
                ('payout_account', fields.CharField(null=True, max_length=100)),
                ('status', fields.CharField(default='applied', max_length=20)),
                ('operator', fields.BooleanField(default=False)),
                ('created_at', fields.DatetimeField(auto_now=False, auto_now_add=True)),
            ],
            options={'table': 'organiser', 'app': 'frontrow', 'pk_attr': 'id', 'table_description': 'A body.  ``status``: applied, approved, suspended, refused.'},
            bases=['Model'],
        ),
        ops.CreateModel(
            name='ChangeRecord',
            fields=[
                ('id', fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                ('organiser', fields.ForeignKeyField('frontrow.Organiser', source_field='organiser_id', null=True, db_constraint=True, to_field='id', related_name='changes', on_delete=OnDelete.CASCADE)),
                ('actor_id', fields.UUIDField(db_index=True)),
                ('action', fields.CharField(max_length=60)),
                ('object_kind', fields.CharField(max_length=40)),
                ('object_id', fields.CharField(max_length=60)),
                ('detail', fields.JSONField(default=dict, encoder=functools.partial(dumps, separators=(',', ':')), decoder=loads)),
                ('at', fields.DatetimeField(auto_now=False, auto_now_add=True)),
            ],
            options={'table': 'change_record', 'app': 'frontrow', 'pk_attr': 'id', 'table_description': 'Who changed what, and how.  Rows are only ever added (a trigger).'},
            bases=['Model'],
        ),
        ops.CreateModel(
            name='OrganiserInvitation',
            fields=[
                ('id', fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                ('organiser', fields.ForeignKeyField('frontrow.Organiser', source_field='organiser_id', db_constraint=True, to_field='id', related_name='invitations', on_delete=OnDelete.CASCADE)),
                ('email', fields.CharField(db_index=True, max_length=254)),
                ('role', fields.CharField(max_length=20)),
                ('invited_by', fields.UUIDField()),
                ('invited_at', fields.DatetimeField(auto_now=False, auto_now_add=True)),
                ('expires_at', fields.DatetimeField(auto_now=False, auto_now_add=False)),
            ],
            options={'table': 'organiser_invitation', 'app': 'frontrow', 'unique_together': (('organiser', 'email'),), 'pk_attr': 'id', 'table_description': 'That whoever proves to own this address may become a member; gone once it is answered or withdrawn.'},
            bases=['Model'],
        ),
        ops.CreateModel(
            name='OrganiserMember',
            fields=[
                ('id', fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                ('organiser', fields.ForeignKeyField('frontrow.Organiser', source_field='organiser_id', db_constraint=True, to_field='id', related_name='members', on_delete=OnDelete.CASCADE)),
                ('user', fields.ForeignKeyField('frontrow.User', source_field='user_id', db_constraint=True, to_field='id', related_name='memberships', on_delete=OnDelete.CASCADE)),
                ('role', fields.CharField(max_length=20)),
                ('since', fields.DatetimeField(auto_now=False, auto_now_add=True)),
            ],
            options={'table': 'organiser_member', 'app': 'frontrow', 'unique_together': (('organiser', 'user'),), 'pk_attr': 'id', 'table_description': 'An account that acts for a body.  ``role``: owner, manager, box-office, scanner.'},
            bases=['Model'],
        ),
        ops.CreateModel(
            name='RateLimit',
            fields=[
                ('name', fields.CharField(primary_key=True, unique=True, db_index=True, max_length=40)),
                ('quota', fields.IntField()),
                ('window_seconds', fields.IntField()),
                ('changed_at', fields.DatetimeField(auto_now=True, auto_now_add=False)),
            ],
            options={'table': 'rate_limit', 'app': 'frontrow', 'pk_attr': 'name', 'table_description': 'So many at once, and as many again in each window.  A quota of 0 means no limit.'},
            bases=['Model'],
        ),
        ops.AddField(
            model_name='Event',
            name='organiser',
            field=fields.ForeignKeyField('frontrow.Organiser', source_field='organiser_id', null=True, db_constraint=True, to_field='id', related_name='events', on_delete=OnDelete.CASCADE),
        ),
        ops.AddField(
            model_name='Venue',
            name='organiser',
            field=fields.ForeignKeyField('frontrow.Organiser', source_field='organiser_id', null=True, db_constraint=True, to_field='id', related_name='venues', on_delete=OnDelete.CASCADE),
        ),
        ops.RunSQL(BODIES, reverse_sql='SELECT 1'),
        ops.AlterField(
            model_name='Event',
            name='organiser',
            field=fields.ForeignKeyField('frontrow.Organiser', source_field='organiser_id', db_constraint=True, to_field='id', related_name='events', on_delete=OnDelete.CASCADE),
        ),
        ops.RemoveField(model_name='Event', name='maker'),
        ops.AlterField(
            model_name='Venue',
            name='organiser',
            field=fields.ForeignKeyField('frontrow.Organiser', source_field='organiser_id', db_constraint=True, to_field='id', related_name='venues', on_delete=OnDelete.CASCADE),
        ),
        ops.RemoveField(model_name='Venue', name='maker'),
        ops.RunSQL(GUARDS, reverse_sql='SELECT 1'),
    ]
