# Faults while visitors write and are written to: no message that was acked is
# missing, none is doubled, and clients come back by themselves.
use strict;
use warnings;

use LocalHub;
use Test::More;
use Time::HiRes qw(time);

my $t = LocalHub->begin(conf => "webchatt.ack_timeout = '3s'");
my $node = $t->node;
$t->answering;

my @clients;
for my $n (1 .. 12)
{
	my $first = $t->arrived(log => 0, again => sub { 0.05 + rand 0.2 });
	push @clients, $first;
	push @clients, $t->arrived(log => 0, token => $first->{token}, again => $first->{again}) if $n % 3 == 0;
}
my %visitors = map { $_->{visitor} => 1 } @clients;
my @visitors = sort keys %visitors;

sub acked { my $n = 0; $n += keys %{ $_->{acked} } for @clients; return $n }

sub load_until { return $t->load_until(\@clients, @_) }

sub load_for { my ($seconds) = @_; my $end = time + $seconds; return load_until(sub { time >= $end }, $seconds) }

# A fault in the middle of a load both ways, and the account.
sub under_load
{
	my ($what, $fault) = @_;
	my $talk = $t->talk_begin(visitors => \@visitors, clients => 2, seconds => 30, hold => 100, pause => 10);
	my $before = acked();

	load_until(sub { acked() >= $before + 100 }, 30) or diag("$what: the load does not get going");
	$fault->();
	my %had = map { $_->{number} => scalar keys %{ $_->{acked} } } @clients;
	ok(load_until(sub { !grep { keys %{ $_->{acked} } < $had{ $_->{number} } + 5 } @clients }, 60),
		"$what: every client is served again by itself")
	  or diag(map { $_->describe . "\n" } grep { keys %{ $_->{acked} } < $had{ $_->{number} } + 5 } @clients);
	kill 'INT', $talk;
	$t->sends_end($talk);
	$t->settled("$what: all settles", \@clients);
	$t->account($what, \@clients, acked => $before + 100);
	return;
}

sub started { return $t->sql('SELECT pg_postmaster_start_time()') . $t->sql(q{SELECT pid FROM pg_stat_activity WHERE backend_type = 'checkpointer'}) }

my $began = started();
under_load('kill -9 of webchatt-net', sub { $t->signal('KILL', 'net_pid') });
under_load('three kills of webchatt-net', sub {
	for (1 .. 3)
	{
		$t->signal('KILL', 'net_pid');
		my $before = acked();
		load_until(sub { acked() > $before + 20 }, 20);
	}
});
under_load('SIGTERM of the worker', sub { $t->signal('TERM', 'worker_pid') });
is(started(), $began, 'the server was left alone so far');
under_load('SIGSTOP of the worker for a while', sub {
	my $pid = $t->signal('STOP', 'worker_pid');
	load_for(4);
	kill 'CONT', $pid;
});
under_load('SIGSTOP of webchatt-net for a while', sub {
	my $pid = $t->signal('STOP', 'net_pid');
	load_for(3);
	kill 'CONT', $pid;
});

# Who holds rows delays the conversations that it holds, and no other.
my $holder = $t->session;
under_load('a session that locks rows, idle in transaction', sub {
	my ($held, $free) = @clients[ 0, 1 ];
	$holder->query("BEGIN; SELECT FROM webchatt.visitors WHERE id = '$held->{visitor}' FOR UPDATE;
		SELECT FROM webchatt.messages WHERE visitor = '$held->{visitor}' AND direction = 'out' ORDER BY id DESC LIMIT 50 FOR UPDATE");
	my $had = keys %{ $free->{acked} };
	ok(load_until(sub { keys %{ $free->{acked} } > $had + 20 }), 'others are served meanwhile');

	# A client of a held conversation can come and go.
	$held->cut(reset => 1);
	$held->connect;
	load_for(1);
	$holder->query('ROLLBACK');
});
$holder->close;

$t->sql(q{
	CREATE TABLE cursed (id text);
	GRANT SELECT ON cursed TO webchatt_worker;
	CREATE FUNCTION stumble() RETURNS trigger LANGUAGE plpgsql AS $$
	BEGIN
		IF EXISTS (SELECT FROM public.cursed WHERE id = new.visitor) THEN RAISE EXCEPTION 'not this one'; END IF;
		RETURN NULL;
	END $$;
	CREATE TRIGGER stumble AFTER INSERT ON webchatt.messages FOR EACH ROW WHEN (new.direction = 'in') EXECUTE FUNCTION stumble()});
my $victim = $clients[0];
under_load('a trigger that raises for one visitor', sub {
	$t->sql("INSERT INTO cursed VALUES ('$victim->{visitor}')");
	load_until(sub { keys %{ $victim->{rejected} // {} } >= 5 }, 20);
	$t->sql('TRUNCATE cursed');
});
my $rejected = $t->sql(q{SELECT count(*) FROM webchatt.rejects});
cmp_ok($rejected, '>=', 5, 'its messages are rejects');
is($t->sql("SELECT count(*) FROM webchatt.rejects WHERE visitor <> '$victim->{visitor}'"), 0, 'and nobody else\'s');
is($t->sql('SELECT count(*) FROM (SELECT webchatt.retry_reject(id) FROM webchatt.rejects ORDER BY id) r'), $rejected, 'all of them come back');
for my $client (grep { $_->{visitor} eq $victim->{visitor} } @clients) { $client->cut; $client->connect }
$t->settled('and to the visitor\'s clients, when they dial', \@clients);

# An ack means that it is on disk, whatever the database's default is.
under_load('immediate stop with synchronous_commit off', sub {
	$t->sql('ALTER SYSTEM SET synchronous_commit = off');
	$t->sql(q{ALTER SYSTEM SET wal_writer_delay = '10s'});
	$node->reload;
	my $before = acked();
	load_until(sub { acked() > $before + 200 }, 20);
	$node->stop('immediate');
	$node->start;
});
$t->sql('ALTER SYSTEM RESET synchronous_commit');
$t->sql('ALTER SYSTEM RESET wal_writer_delay');
$node->reload;
under_load('kill -9 of the worker', sub { $t->signal('KILL', 'worker_pid') });
under_load('pg_ctl restart -m fast', sub { $node->restart });

# DROP and CREATE EXTENSION: tokens are gone, and clients begin anew.
$_->end for @clients;
my $fresh = $t->arrived(again => 0.1);
$t->ends('DROP EXTENSION webchatt CASCADE', 'DROP EXTENSION with a visitor connected does not hang');
ok(Visitor::until(sub { $fresh->{state} eq 'closed' }), 'who loses the line');

done_testing();
