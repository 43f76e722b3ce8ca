# Faults under load, and the full account after each: nothing lost, nothing
# doubled, nothing out of order.
use strict;
use warnings;

use Test::More;
use Time::HiRes qw(sleep time);
use WebchattTest;

my $t = WebchattTest->attached(conf => "webchatt.send_timeout = '3s'\nwebchatt.ack_timeout = '3s'");
my $hub = $t->hub;
my $node = $t->node;
my $run = 0;
my $rate = $ENV{WEBCHATT_TEST_LONG} ? 300 : 100;    # events a second

# A fault in the middle of a load both ways, and the account.
sub under_load
{
	my ($what, $fault, %args) = @_;
	my $number = ++$run;

	local %ENV = %ENV;
	$args{prepare}->() if $args{prepare};
	my $inbound = Webhook::load(url => $t->webhook_url, secret => $WebchattTest::SECRET,
		channel => $WebchattTest::CHANNEL, out => $node->basedir . "/load-$number", prefix => "load$number",
		connections => 16, visitors => 20, rate => $rate);
	my $sends = $t->sends_begin(clients => 4, seconds => 6, rate => $rate / 2);

	$inbound->wait_answered(100, 30) or diag("$what: the load does not get going");
	sleep 0.5;
	$fault->();
	sleep 1.5;
	$t->sends_end($sends);
	$t->wait_ready(60);

	# It goes on by itself: new events are answered after the fault.
	my $so_far = $inbound->answered;
	ok($inbound->wait_answered($so_far + 50, 30), "$what: events are answered again");
	$inbound->end;
	$t->drained("$what: what was queued leaves", 90);
	push @{ $t->{loads} }, $inbound;
	$t->account($what, inbound => AllLoads->new(@{ $t->{loads} }), at_least => 200);
	return $inbound;
}

# The accounts of all loads so far, as one.
package AllLoads
{
	sub new { my ($class, @loads) = @_; return bless [@loads], $class }
	sub answered { my ($self) = @_; return map { $_->answered } @$self }
	sub posted { my ($self) = @_; return map { $_->posted } @$self }
}

# How long the server has been up, to see that it was not restarted.
sub started { return $t->sql('SELECT pg_postmaster_start_time()') . $t->sql(q{SELECT pid FROM pg_stat_activity WHERE backend_type = 'checkpointer'}) }

my $began = started();
my $witness = $t->session;
is($witness->query('SELECT 1'), '1', 'a session that watches');

under_load('kill -9 of webchatt-net', sub { $t->signal('KILL', 'net_pid') });
is(started(), $began, 'kill -9 of webchatt-net leaves the server untouched');
is($witness->query('SELECT 2'), '2', 'and its connections');

under_load('three kills of webchatt-net', sub {
	for (1 .. 3)
	{
		my $pid = $t->signal('KILL', 'net_pid');
		$t->until("SELECT net_pid IS DISTINCT FROM $pid AND listening LIKE '%:%' FROM webchatt.status");
	}
});

under_load('SIGTERM of the worker', sub { $t->signal('TERM', 'worker_pid') });
is(started(), $began, 'SIGTERM of the worker leaves the server untouched');

under_load('SIGSTOP of the worker for a while', sub {
	my $pid = $t->signal('STOP', 'worker_pid');
	sleep 4;
	kill 'CONT', $pid;
});

under_load('SIGSTOP of webchatt-net for a while', sub {
	my $pid = $t->signal('STOP', 'net_pid');
	sleep 4;
	kill 'CONT', $pid;
});

under_load('hub away', sub {
	$hub->stop;
	sleep 5;
	$hub->start;
});

under_load('hub that drops, resets and fails', sub {
	$hub->rules({ do => 'drop', every => 7, times => 30 }, { do => 'reset', every => 11, times => 10 },
		{ do => 500, every => 5, times => 30 }, { do => 'slow', ms => 300, every => 3, times => 100 });
});

$witness->close;
$t->sql(q{
	CREATE FUNCTION stumble() RETURNS trigger LANGUAGE plpgsql AS $$
	BEGIN
		IF new.direction = 'in' AND new.visitor = 'visitor-7' THEN RAISE EXCEPTION 'not this one'; END IF;
		RETURN NULL;
	END $$});
my $before = $t->sql('SELECT count(*) FROM webchatt.rejects');
under_load('a trigger that raises for one visitor', sub {
	$t->sql('CREATE TRIGGER stumble AFTER INSERT ON webchatt.messages FOR EACH ROW EXECUTE FUNCTION stumble()');
});
cmp_ok($t->sql(q{SELECT count(*) FROM webchatt.rejects WHERE visitor = 'visitor-7'}), '>', $before, 'its events are rejects');
is($t->sql(q{SELECT count(*) FROM webchatt.rejects WHERE visitor <> 'visitor-7'}), 0, 'and nobody else\'s');
$t->sql('DROP TRIGGER stumble ON webchatt.messages');
$t->sql('SELECT webchatt.retry_reject(id) FROM webchatt.rejects');
is($t->sql('SELECT count(*) FROM webchatt.rejects'), 0, 'all of them come back');

under_load('a session that holds a conversation, idle in transaction', sub {
	my $holder = $t->session;
	$holder->query(q{BEGIN; SELECT FROM webchatt.visitors WHERE id = 'visitor-3' FOR UPDATE;
		SELECT FROM webchatt.messages WHERE visitor IN ('c0-1', 'c1-1') FOR UPDATE});
	sleep 4;
	$holder->close;
});

# An event's 200 means that it is on disk, whatever the database's default is.
under_load('immediate stop with synchronous_commit off', sub {
	$t->sql('ALTER SYSTEM SET synchronous_commit = off');
	$t->sql(q{ALTER SYSTEM SET wal_writer_delay = '10s'});
	$node->reload;
	sleep 2;
	$node->stop('immediate');
	$node->start;
}, prepare => sub { $ENV{PGOPTIONS} = '-c synchronous_commit=on' });
$t->sql('ALTER SYSTEM RESET synchronous_commit');
$t->sql('ALTER SYSTEM RESET wal_writer_delay');
$node->reload;

under_load('kill -9 of the worker', sub { $t->signal('KILL', 'worker_pid') });

under_load('pg_ctl stop -m immediate', sub {
	$node->stop('immediate');
	$node->start;
});

done_testing();
