# A session that sits on a conversation's rows holds up that conversation at
# most, never the others.
use strict;
use warnings;

use Test::More;
use Time::HiRes qw(sleep time);
use WebchattTest;

my $t = WebchattTest->attached;
my $hub = $t->hub;
my $channel = $WebchattTest::CHANNEL;

# Post, and say how long the answer took.
sub timed_post
{
	my ($id, $visitor) = @_;
	my $began = time;
	my $code = $t->post(Webhook::message($channel, $id, $visitor, 'hello'), fresh => 1, timeout => 20);

	return ($code, time - $began);
}

# Everybody has written once.
is(scalar $t->post(Webhook::message($channel, "first-$_", "v$_", 'hello')), 200, "v$_ writes") for 1 .. 3;
my $sent = $t->send_text('v1', 'to be read');
$t->status_becomes($sent, 'sent');
my ($entry) = grep { $_->{message_id} } $hub->record(key => $sent);

# A session sends to v1 and stays idle in its transaction.
my $idle = $t->session;
$idle->query("BEGIN; SELECT webchatt.send_message('$channel', 'v1', text => 'not yet')");
my ($code, $took) = timed_post('a-1', 'v2');
is($code, 200, 'beside an idle transaction that sends to v1: v2 gets in');
cmp_ok($took, '<', 1, sprintf 'within a second (%.3f s)', $took);
my $began = time;
$t->status_becomes($t->send_text('v3', 'reply'), 'sent', 'a reply to v3 leaves');
cmp_ok(time - $began, '<', 1.5, 'at once');
$idle->query('COMMIT');
$t->drained;

# One that locks v1's visitor row and a message of theirs.
$idle->query("BEGIN; SELECT FROM webchatt.visitors WHERE id = 'v1' FOR UPDATE; SELECT FROM webchatt.messages WHERE visitor = 'v1' FOR UPDATE; UPDATE webchatt.visitors SET last_seen = '2020-01-01' WHERE id = 'v1'");
my $load = Webhook::load(url => $t->webhook_url, secret => $WebchattTest::SECRET, channel => $channel,
	out => $t->node->basedir . '/load-v1', connections => 1, visitors => 1, count => 1);
my $status_load = fork;
if (!$status_load)
{
	Webhook::post($t->webhook_url, $WebchattTest::SECRET, Webhook::status($entry->{message_id}, 'read'), fresh => 1, timeout => 20);
	require POSIX;
	POSIX::_exit(0);
}
sleep 0.3;
for my $i (1 .. 5)
{
	($code, $took) = timed_post("b-$i", 'v2');
	is($code, 200, 'beside a session that locks v1\'s rows: v2 gets in');
	cmp_ok($took, '<', 1, sprintf 'within a second (%.3f s)', $took);
}
$began = time;
$t->status_becomes($t->send_text('v3', 'reply too'), 'sent', 'a reply to v3 leaves');
cmp_ok(time - $began, '<', 1.5, 'within a second or so');
$idle->query('ROLLBACK');
{ local $?; waitpid $status_load, 0 }
ok($load->wait_answered(1, 20), 'the other event is answered');
$load->end;
for (1 .. 100) { last if $t->post(Webhook::status($entry->{message_id}, 'read')) == 200; sleep 0.1 }
$t->status_becomes($sent, 'read', 'once the lock is gone, the status that waited for it is applied');

# One that holds the very key that an event wants to insert.
$idle->query("BEGIN; INSERT INTO webchatt.messages (channel_id, id, visitor, direction, status, content, hub_message_id)
	VALUES ('$channel', gen_random_uuid(), 'v1', 'in', 'received', '{}', 'same-key')");
my $pid = fork;
if (!$pid)
{
	Webhook::post($t->webhook_url, $WebchattTest::SECRET, Webhook::message($channel, 'same-key', 'v1', 'x'), fresh => 1, timeout => 20);
	require POSIX;
	POSIX::_exit(0);
}
sleep 0.3;
($code, $took) = timed_post('c-1', 'v2');
is($code, 200, 'beside a session that holds an event\'s key: v2 gets in');
cmp_ok($took, '<', 1, sprintf 'within a second (%.3f s)', $took);
$idle->query('COMMIT');
{ local $?; waitpid $pid, 0 }
is(scalar $t->post(Webhook::message($channel, 'same-key', 'v1', 'x')), 200, 'the event itself is a repeat afterwards');
is($t->sql(q{SELECT count(*) FROM webchatt.messages WHERE hub_message_id = 'same-key'}), 1, 'and one row');

# One that has every table of ours open for reading, as pg_dump does, for longer
# than webchatt waits between two looks at what it can empty.
$idle->query('BEGIN; SELECT (SELECT count(*) FROM webchatt.outbox), (SELECT count(*) FROM webchatt.messages), (SELECT count(*) FROM webchatt.visitors), (SELECT count(*) FROM webchatt.statuses)');
my ($slowest_send, $slowest_post, $until) = (0, 0, time + 12);
for (my $i = 0; time < $until; $i++)
{
	my $began = time;
	$t->send_text("dump-$i", 'beside pg_dump');
	$slowest_send = time - $began if time - $began > $slowest_send;
	($code, $took) = timed_post("dump-$i", "dump-$i");
	$slowest_post = $took if $took > $slowest_post;
	sleep 0.02;
}
cmp_ok($slowest_send, '<', 0.5, sprintf 'beside a session that reads as pg_dump does, no send_message() is slow (%.3f s)', $slowest_send);
cmp_ok($slowest_post, '<', 0.5, sprintf 'nor is an event (%.3f s)', $slowest_post);
$idle->query('COMMIT');
$t->drained;

# A long REPEATABLE READ transaction holds up nothing at all.
$idle->query('BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM webchatt.messages');
$t->sql("SELECT webchatt.send_message('$channel', 'v' || i % 5, text => i::text) FROM generate_series(1, 500) i");
$t->drained('beside an old snapshot, messages leave');
$idle->query('COMMIT');
$t->account('in the end', messages => 500);

done_testing();
