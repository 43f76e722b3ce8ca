# A session that sits on a conversation's rows holds up that conversation at
# most, never the others.
use strict;
use warnings;

use POSIX ();
use Test::More;
use Time::HiRes qw(sleep time);
use WebchattTest;

# Whoever waits for one of our tables is written to the log at once.
my $t = WebchattTest->attached(conf => "log_lock_waits = on\ndeadlock_timeout = '20ms'");
my $answers = 0;
my $hub = $t->hub;
my $channel = $WebchattTest::CHANNEL;

# How often somebody waited for a table, and not for a row.
sub waits_for_tables { return scalar(my @all = PostgreSQL::Test::Utils::slurp_file($t->node->logfile) =~ /still waiting for \w+ on relation/g) }

# Post, beside whatever a session has locked: it is answered, so it has not waited for that session.
sub posts
{
	my ($id, $visitor) = @_;

	return scalar $t->post(Webhook::message($channel, $id, $visitor, 'hello'), fresh => 1);
}

# Post beside the test: done(1) waits for the answer, done(0) looks whether it is there; the code.
sub in_background
{
	my ($event) = @_;
	my $file = $t->node->basedir . '/answer-' . ++$answers;
	my $pid = fork // die "fork: $!";

	if (!$pid)
	{
		my $code = $t->post($event, fresh => 1);
		open(my $fh, '>', "$file.new") or POSIX::_exit(1);
		print $fh $code;
		close $fh;
		rename "$file.new", $file;
		POSIX::_exit(0);
	}
	return { done => sub {
		if ($_[0]) { local $?; waitpid $pid, 0 }
		return -e $file ? PostgreSQL::Test::Utils::slurp_file($file) : undef;
	} };
}

# Everybody has written once.
is(scalar $t->post(Webhook::message($channel, "first-$_", "v$_", 'hello')), 200, "v$_ writes") for 1 .. 3;
my $sent = $t->send_text('v1', 'to be read');
$t->status_becomes($sent, 'sent');
my ($entry) = grep { $_->{message_id} } $hub->record(key => $sent);

# A session sends to v1 and stays idle in its transaction.
my $idle = $t->session;
$idle->query("BEGIN; SELECT webchatt.send_message('$channel', 'v1', text => 'not yet')");
is(posts('a-1', 'v2'), 200, 'beside an idle transaction that sends to v1: v2 gets in');
$t->status_becomes($t->send_text('v3', 'reply'), 'sent', 'a reply to v3 leaves');
$idle->query('COMMIT');
$t->drained;

# One that locks v1's visitor row, which is to be written with what they say, and a message of theirs.  (Whoever
# sets an id has the worker forget whom it saw a moment ago.)
$t->sql(q{UPDATE webchatt.visitors SET last_seen = '2020-01-01', id = id WHERE id = 'v1'});
$idle->query("BEGIN; SELECT FROM webchatt.visitors WHERE id = 'v1' FOR UPDATE; SELECT FROM webchatt.messages WHERE visitor = 'v1' FOR UPDATE");
my $own = in_background(Webhook::message($channel, 'own-1', 'v1', 'hello'));
my $status = in_background(Webhook::status($entry->{message_id}, 'read'));
sleep 0.3;
is(posts("b-$_", 'v2'), 200, 'beside a session that locks v1\'s rows: v2 gets in') for 1 .. 5;
$t->status_becomes($t->send_text('v3', 'reply too'), 'sent', 'a reply to v3 leaves');
is($own->{done}->(0), undef, 'while v1\'s own still waits');
$idle->query('ROLLBACK');
$status->{done}->(1);
is($own->{done}->(1), 200, 'the other event is answered');
WebchattTest::comes(sub { $t->post(Webhook::status($entry->{message_id}, 'read')) == 200 });
$t->status_becomes($sent, 'read', 'once the lock is gone, the status that waited for it is applied');

# One that holds the very key that an event wants to insert.
$idle->query("BEGIN; INSERT INTO webchatt.messages (channel_id, id, visitor, direction, status, content, hub_message_id)
	VALUES ('$channel', gen_random_uuid(), 'v1', 'in', 'received', '{}', 'same-key')");
my $same = in_background(Webhook::message($channel, 'same-key', 'v1', 'x'));
sleep 0.3;
is(posts('c-1', 'v2'), 200, 'beside a session that holds an event\'s key: v2 gets in');
$idle->query('COMMIT');
$same->{done}->(1);
is(scalar $t->post(Webhook::message($channel, 'same-key', 'v1', 'x')), 200, 'the event itself is a repeat afterwards');
is($t->sql(q{SELECT count(*) FROM webchatt.messages WHERE hub_message_id = 'same-key'}), 1, 'and one row');

# One that has every table of ours open for reading, as pg_dump does, for longer
# than webchatt waits between two looks at what it can empty.
$idle->query('BEGIN; SELECT (SELECT count(*) FROM webchatt.outbox), (SELECT count(*) FROM webchatt.messages), (SELECT count(*) FROM webchatt.visitors), (SELECT count(*) FROM webchatt.statuses)');
my ($waits, $sent_beside, $came_beside, $until) = (waits_for_tables(), 0, 0, time + 12);
for (my $i = 0; time < $until; $i++)
{
	$sent_beside++ if $t->send_text("dump-$i", 'beside pg_dump');
	$came_beside++ if posts("dump-$i", "dump-$i") == 200;
	sleep 0.05;
}
$t->status_becomes($t->send_text('v3', 'beside pg_dump'), 'sent', 'beside a session that reads as pg_dump does, messages leave');
cmp_ok($sent_beside, '>', 0, "$sent_beside were sent");
is($came_beside, $sent_beside, 'and as many came in');
is(waits_for_tables() - $waits, 0, 'nobody waited for a table');
$idle->query('COMMIT');
$t->drained;

# A long REPEATABLE READ transaction holds up nothing at all.
$idle->query('BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM webchatt.messages');
$t->sql("SELECT webchatt.send_message('$channel', 'v' || i % 5, text => i::text) FROM generate_series(1, 500) i");
$t->drained('beside an old snapshot, messages leave');
$idle->query('COMMIT');
$t->account('in the end', messages => 500);

done_testing();
