# pg_dump takes everything along, and what was queued or held in the dump is
# sent from where it is restored.
use strict;
use warnings;

use PostgreSQL::Test::Utils;
use Test::More;
use WebchattTest;

my $t = WebchattTest->attached(conf => 'wal_level = logical');
my $hub = $t->hub;
my $channel = $WebchattTest::CHANNEL;

# A state with something of everything.
is(scalar $t->post(Webhook::message($channel, "m-$_", "v$_", "hello $_")), 200, "v$_ writes") for 1 .. 3;
my $sent = $t->send_text('v1', 'sent');
$t->status_becomes($sent, 'sent');
$t->sql("UPDATE webchatt.visitors SET attributes = '{\"name\": \"Ada\"}' WHERE id = 'v1'");
$t->sql("SELECT webchatt.set_origins('$channel', ARRAY['https://example.org'])");
$t->post(Webhook::status('nobody', 'delivered'));
$hub->set(sessions => ['v1', 'v3']);
my $held = $t->send_text('v2', 'held');
$t->status_becomes($held, 'held');
$hub->rules({ do => 503, retry_after => 120 });
my @queued = map { $t->send_text('v3', "queued $_") } 1 .. 3;
$t->wait_for(q{SELECT hubs -> 'chatt2me' ->> 'state' = 'paused' FROM webchatt.status}, 'a hub that is away: messages wait');

my $local = $t->sql(q{SELECT webchatt.create_channel('Local', '{https://www.example.com}')});
my $visitor = '0190a000-0000-7000-8000-000000000001';
$t->sql("INSERT INTO webchatt.visitors (channel_id, id) VALUES ('$local', '$visitor')");
$t->sql("INSERT INTO webchatt.visitor_tokens (channel_id, token_hash, visitor) VALUES ('$local', sha256('wct_1'), '$visitor')");
$t->sql(q{SELECT webchatt.create_api_key('billing')});
$t->sql(q{SELECT webchatt.create_agent('ana', 'Ana', 'admin'), webchatt.create_agent('bia', 'Bia'), webchatt.disable_agent('bia')});
$t->sql(q{INSERT INTO webchatt.agent_sessions (token_hash, agent, expires_at) VALUES (sha256('1'), 'ana', now() + interval '1 day')});
$t->sql(q{INSERT INTO webchatt.passkeys (agent, label, credential_id, user_handle, public_key, sign_count) VALUES ('ana', 'Phone', '\x01', repeat('A', 43), '\x02', 7)});
$t->sql(qq{SELECT webchatt.add_note('$local', '$visitor', 'a note', author => 'ana'), webchatt.set_canned_answer('hello', 'Hello {name}', channel => '$local'), webchatt.set_search_language('$local', 'german');
	INSERT INTO webchatt.ratings (channel_id, visitor, closed_upto, value, comment) VALUES ('$local', '$visitor', gen_random_uuid(), 4, 'well');
	INSERT INTO webchatt.closings (channel_id, visitor, closed_upto, closed_at, closed_by) VALUES ('$local', '$visitor', gen_random_uuid(), now(), 'ana');
	INSERT INTO webchatt.unread (channel_id, visitor, message_id, messages, since, email) VALUES ('$local', '$visitor', gen_random_uuid(), 2, now(), 'v\@example.com');
	INSERT INTO webchatt.conversation_links (channel_id, token_hash, visitor, expires_at) VALUES ('$local', sha256('wcl_1'), '$visitor', now() + interval '1 day');
	INSERT INTO webchatt.erasures (channel_id, visitor_hash, visitors, stage, done_at, asked_by) VALUES ('$local', sha256('gone'), '{}', 'done', now(), 'ana');
	INSERT INTO webchatt.redactions (channel_id, message_id, redacted_by) VALUES ('$local', gen_random_uuid(), 'ana'); SELECT webchatt.set_retention('100 years'), webchatt.set_retention(NULL, '$local');
	INSERT INTO webchatt.archives (channel_id, archive_schema, archive_name, archive_owner) VALUES ('$local', 'public', 'old', 'ana');
	INSERT INTO webchatt.archive_tasks (channel_id, message_id, content, due) VALUES ('$local', gen_random_uuid(), '{}', now() + interval '1 day');});
$t->sql(q{INSERT INTO webchatt.passkey_challenges (hash, expires_at) VALUES (sha256('3'), now() + interval '1 day')});
$t->sql(q{INSERT INTO webchatt.sign_in_links (token_hash, agent, expires_at) VALUES (sha256('2'), 'ana', now() + interval '1 day')});
$t->sql(q{INSERT INTO webchatt.webhooks (id, label, endpoint, event_type, secret, active)
	VALUES ('0190a000-0000-4000-8000-000000000002', 'billing''s', 'https://example.org/events', 'Message', 'whsec_2', false)});
$t->wait_for(q{SELECT count(*) = 1 FROM webchatt.webhook_progress}, 'a webhook of the local hub');
$t->sql(q{INSERT INTO webchatt.links (key_id, acknowledged) SELECT id, 7 FROM webchatt.api_keys});

# What an application put beside it: a function that is called, and what a dump leaves out.
$t->sql(q{
	CREATE TABLE seen (id uuid);
	CREATE FUNCTION see(m webchatt.messages) RETURNS void LANGUAGE sql AS 'INSERT INTO public.seen VALUES (m.id)';
	SELECT webchatt.on_message('see(webchatt.messages)');
	CREATE FUNCTION mark() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
	CREATE TRIGGER mark AFTER INSERT ON webchatt.messages FOR EACH ROW WHEN (new.direction = 'in') EXECUTE FUNCTION mark();
	CREATE INDEX by_day ON webchatt.messages (created_at);
	CREATE POLICY mine ON webchatt.messages TO webchatt_agent USING (true);
	ALTER TABLE webchatt.messages SET (autovacuum_vacuum_scale_factor = 0.01)});
# from PostgreSQL 15 on
$t->sql(q{CREATE PUBLICATION part FOR TABLE webchatt.messages (channel_id, id, status) WHERE (id IS NOT NULL)}) if $t->sql('SHOW server_version_num') >= 150000;
# Every column, constraint, index, trigger, policy, rule, option and publication of our tables, and what is registered.
my $objects = q{SELECT string_agg(line, E'\n' ORDER BY line) FROM (
	SELECT e::text AS line FROM webchatt._extras() e
	UNION ALL SELECT 'not ours: ' || e::text FROM webchatt.extras e
	UNION ALL SELECT concat_ws(' ', attrelid::regclass, attname, format_type(atttypid, atttypmod)) FROM pg_attribute
		WHERE attrelid IN (SELECT oid FROM pg_class WHERE relnamespace = 'webchatt'::regnamespace) AND attnum > 0
	UNION ALL SELECT p.oid::regprocedure || ' ' || md5(pg_get_functiondef(p.oid)) FROM pg_proc p WHERE p.pronamespace = 'webchatt'::regnamespace
	UNION ALL SELECT v::text FROM pg_publication_tables v
	UNION ALL SELECT h::text FROM webchatt.handlers h) x};
my $objects_before = $t->sql($objects);
my $extras = $t->node->basedir . '/extras.sql';
append_to_file($extras, $t->sql('SELECT statement FROM webchatt.extras') . "\n");
# as where the dump has them
append_to_file($extras, $t->sql(q{SELECT statement FROM webchatt.extras WHERE kind = 'publication'}));

my $dump = $t->node->basedir . '/dump.sql';
$t->node->command_ok([ 'pg_dump', '-f', $dump, $t->node->connstr('postgres') ], 'pg_dump');
my %before = map { $_ => $t->sql("SELECT md5(coalesce(string_agg(x::text, E'\\n' ORDER BY x::text), '')), count(*) FROM webchatt.$_ x") }
  qw(hubs channels origins hub_webhooks api_keys agents passkeys visitors visitor_tokens identity_secrets files file_chunks file_uses notes canned_answers search_languages ratings closings retentions archives archive_tasks unread conversation_links erasures redactions messages statuses early_statuses rejects held
	feed webhooks webhook_progress webhook_log webhook_retries links hub_reconciliation repairs);

# Into another cluster, while the worker there may already look.
my $u = WebchattTest->new(name => 'restored', databases => '', conf => 'wal_level = logical');
my ($out, $err) = run_command([ 'psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-f', $dump, $u->node->connstr('postgres') ]);
is($err, '', 'restore');
($out, $err) = run_command([ 'psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-f', $extras, $u->node->connstr('postgres') ]);
is($err, '', 'and what a dump leaves out');
is($u->sql('SELECT count(*) FROM seen'), $t->sql('SELECT count(*) FROM seen'), 'no function was called for what the dump brought');
is($u->sql("SELECT count(*) FROM webchatt.$_"), '0', "webchatt.$_ is in no dump") for qw(agent_sessions sign_in_links passkey_challenges);
for my $table (sort keys %before)
{
	is($u->sql("SELECT md5(coalesce(string_agg(x::text, E'\\n' ORDER BY x::text), '')), count(*) FROM webchatt.$table x"),
		$before{$table}, "webchatt.$table is the same");
}
$t->node->stop;
$hub->set(sessions => undef);
$hub->rules();

$u->{hub} = $hub;
$u->sql(q{ALTER SYSTEM SET webchatt.databases = 'postgres'});
$u->node->reload;
$u->wait_ready;
is($u->sql($objects), $objects_before, 'every object is the same');
$u->status_becomes($_, 'sent', 'what was queued in the dump is sent') for @queued;
is($u->sql("SELECT status FROM webchatt.messages WHERE id = '$sent'"), 'sent', 'what was sent stays sent');
is(scalar(my @once = $hub->record(key => $sent)), 1, 'and is not sent again');
is(scalar $u->post(Webhook::message($channel, 'm-1', 'v1', 'hello 1')), 200, 'a repeat of an old event');
is($u->sql(q{SELECT count(*) FROM webchatt.messages WHERE hub_message_id = 'm-1'}), 1, 'stays one row');
is($u->sql("SELECT status FROM webchatt.messages WHERE id = '$held'"), 'held', 'what was held is held');
is(scalar $u->post(Webhook::message($channel, 'm-2-again', 'v2', 'I am here')), 200, 'until its visitor shows up');
$u->status_becomes($held, 'sent', 'then it is sent');
$u->status_becomes($u->send_text('v1', 'new'), 'sent', 'new messages go out');
ok($u->sql("SELECT bool_and(id > '$queued[2]') FROM webchatt.messages WHERE content ->> 'text' = 'new'") eq 't', 'behind the old');
$u->account('after the restore', messages => 6);

done_testing();
