# Row security that an operator turns on for people is none of the worker's business: what comes
# in, goes out, and becomes of it is written as before; agents see what their policies let them.
use strict;
use warnings;

use LocalHub;
use Test::More;
use WebchattTest;

my $t = WebchattTest->attached;
my $hub = $t->hub;
my $channel = $WebchattTest::CHANNEL;
my $other = '6cbd6789-1d2b-47e0-9391-5eb91d283900';

# On every table that the extension has.
my $all = q{SELECT string_agg(format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY', d.objid::regclass), ';') FROM pg_depend d
	JOIN pg_class c ON c.oid = d.objid AND c.relkind = 'r' WHERE d.deptype = 'e' AND d.classid = 'pg_class'::regclass
	AND d.refobjid = (SELECT oid FROM pg_extension WHERE extname = 'webchatt')};

$t->sql("SELECT webchatt.add_channel('$other', display_name => 'Other');
	SELECT webchatt.set_webhook_secret('$other', '$WebchattTest::SECRET')");
$t->sql($t->sql($all));
$t->sql(qq{
	CREATE ROLE agent_of_one IN ROLE webchatt_agent;
	CREATE POLICY agents ON webchatt.messages TO agent_of_one USING (channel_id = '$channel');
	CREATE POLICY agents ON webchatt.statuses TO agent_of_one USING (channel_id = '$channel');
	CREATE POLICY agents ON webchatt.visitors TO agent_of_one USING (channel_id = '$channel');
	CREATE POLICY agents ON webchatt.conversations TO agent_of_one USING (channel_id = '$channel');
	CREATE POLICY agents ON webchatt.channels TO agent_of_one USING (id = '$channel')});

# --- in, out, statuses ------------------------------------------------------

is(scalar $t->post(Webhook::message($channel, 'm-1', 'v1', 'hello')), 200, 'an event');
is(scalar $t->post(Webhook::message($other, 'm-2', 'v2', 'hello there'), url => $t->webhook_url($other)), 200, 'one of another channel');
is($t->sql(q{SELECT count(*) FROM webchatt.rejects}), 0, 'neither is rejected');
is($t->sql(q{SELECT string_agg(visitor, ' ' ORDER BY visitor) FROM webchatt.messages WHERE direction = 'in'}), 'v1 v2', 'both are rows');
my $id = $t->send_text('v1', 'welcome');
$t->status_becomes($id, 'sent', 'a message goes out');
my ($sent) = grep { $_->{message_id} } $hub->record(key => $id);
is(scalar $t->post(Webhook::status($sent->{message_id}, 'delivered')), 200, 'a status');
$t->status_becomes($id, 'delivered', 'moves the message');
is($t->sql("SELECT string_agg(status, ' ' ORDER BY id) FROM webchatt.statuses WHERE message_id = '$id'"), 'sent delivered', 'and is a row');
$hub->set(sessions => ['v2']);
my $held = $t->send_text('v1', 'held');
$t->status_becomes($held, 'held', 'a message is held');
$hub->set(sessions => undef);
is(scalar $t->post(Webhook::message($channel, 'm-4', 'v1', 'here again')), 200, 'its visitor is back');
$t->status_becomes($held, 'sent', 'and it goes out');

# --- an agent of one channel ------------------------------------------------

sub as_agent { return $t->sql("SET ROLE agent_of_one; $_[0]") }
is(as_agent(q{SELECT string_agg(DISTINCT visitor, ' ') FROM webchatt.messages}), 'v1', 'an agent sees the messages of one channel');
is(as_agent(q{SELECT count(DISTINCT channel_id) FROM webchatt.statuses}), 1, 'and their statuses');
is(as_agent("SELECT count(*) > 0 FROM webchatt.conversation('$channel', 'v1')"), 't', 'a conversation of it');
is(as_agent("SELECT count(*) FROM webchatt.conversation('$other', 'v2')"), 0, 'not one of another');
# Views run with their reader's rights from PostgreSQL 15 on (doc/sql.md, Row security).
my $views_obey = WebchattTest::major() >= 15;
is(as_agent(q{SELECT string_agg(visitor, ' ' ORDER BY visitor) FROM webchatt.inbox}), $views_obey ? 'v1' : 'v1 v2', 'and the inbox has no other, from 15 on');
is($t->sql(q{SELECT count(*) FROM webchatt.inbox}), 2, 'which a superuser sees whole');

my $quiet = "BEGIN; INSERT INTO webchatt.messages (channel_id, id, visitor, direction, status, status_at, content)
	SELECT channel_id, gen_random_uuid(), id, 'out', 'sent', now() - interval '1 year', '{}' FROM webchatt.visitors WHERE id IN ('v1', 'v2');
	INSERT INTO webchatt.overdue_candidates (channel_id, message_id, quiet_since)
	SELECT channel_id, id, status_at FROM webchatt.messages WHERE content = '{}'";
is($t->sql("$quiet; SELECT string_agg(visitor, ' ' ORDER BY visitor) FROM webchatt.overdue; ROLLBACK"), 'v1 v2', 'a superuser sees all messages that are overdue');
is($t->sql("$quiet; SET LOCAL ROLE agent_of_one; SELECT string_agg(visitor, ' ' ORDER BY visitor) FROM webchatt.overdue; ROLLBACK"), 'v1', 'an agent those of one channel');

# --- a policy that does bind the worker -------------------------------------

$t->sql(q{CREATE POLICY no_rudeness ON webchatt.messages AS RESTRICTIVE FOR INSERT WITH CHECK (content ->> 'text' <> 'rude')});
is(scalar $t->post(Webhook::message($channel, 'm-5', 'v3', 'rude')), 200, 'an event that a restrictive policy refuses');
is($t->sql(q{SELECT event_key, hint LIKE 'A restrictive policy%retry_reject%' FROM webchatt.rejects}), 'm-5|t', 'is kept, with a hint that blames policies');
$t->sql('DROP POLICY no_rudeness ON webchatt.messages');
is($t->sql('SELECT webchatt.retry_reject(id) FROM webchatt.rejects'), 'stored', 'and comes back when the policy is gone');
$t->account('with row security', messages => 2);
$t->node->stop;

# --- the local hub ----------------------------------------------------------

my $l = LocalHub->begin(name => 'local');
$l->sql($l->sql($all));
$l->answering;
my $v = $l->arrived;
my $said = $v->say('hello');
ok($v->acked($said), 'a visitor writes');
my $reply = $v->got(sub { $_->{type} eq 'message' && $_->{direction} eq 'out' });
is($reply->{content}{text}, 're: hello', 'and is answered');
$l->status_becomes($reply->{id}, 'delivered', 'which they confirm');
is($l->sql(q{SELECT count(*) FROM webchatt.sessions}), 1, 'their session is a row');
is($l->sql(q{SELECT count(*) FROM webchatt.rejects}), 0, 'nothing is rejected');
is($l->status('last_error'), '', 'and nothing went wrong');

# --- an owner who is bound, too ---------------------------------------------

is($l->sql(q{
	BEGIN;
	CREATE ROLE bound;
	GRANT USAGE ON SCHEMA webchatt TO bound;
	GRANT SELECT ON ALL TABLES IN SCHEMA webchatt TO bound;
	ALTER TABLE webchatt.feed OWNER TO bound;
	ALTER TABLE webchatt.messages OWNER TO bound;
	ALTER VIEW webchatt._feed_bodies OWNER TO bound;
	INSERT INTO webchatt.feed (event_type, channel_id, visitor, message_id)
	SELECT 'Message', channel_id, visitor, id FROM webchatt.messages LIMIT 1;
	ALTER TABLE webchatt.feed FORCE ROW LEVEL SECURITY;
	ALTER TABLE webchatt.messages FORCE ROW LEVEL SECURITY;
	SET LOCAL ROLE webchatt_worker;
	SELECT count(*) FROM webchatt._feed_bodies WHERE body IS NOT NULL;
	ROLLBACK}), $views_obey ? 1 : 0, 'does not hide from the worker what webhooks and links are to get, from 15 on');

done_testing();
