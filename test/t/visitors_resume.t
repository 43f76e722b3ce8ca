# Three thousand cuts (ten thousand with WEBCHATT_TEST_LONG) at random moments, while visitors write, a trigger answers
# and SQL sessions send in transactions that commit in any order: in the end
# every client's transcript is what the table holds.
#
# WEBCHATT_CUTS is the number of cuts, WEBCHATT_CUT_SEED repeats a run's choices.
use strict;
use warnings;

use LocalHub;
use Mojo::JSON qw(encode_json);
use Test::More;
use Time::HiRes qw(time);

my $CUTS = $ENV{WEBCHATT_CUTS} // ($ENV{WEBCHATT_TEST_LONG} ? 10_000 : 3_000);
my $SECONDS = 75;     # no longer, however slow the machine is,
my $AT_LEAST = 1000;  # but so many at least
my $seed = $ENV{WEBCHATT_CUT_SEED} // int(time) ^ $$;
srand $seed;
diag("seed $seed");

my $t = LocalHub->begin;
$t->answering;

# Twenty visitors, with one to three clients each.
my @clients;
for my $n (1 .. 20)
{
	my $first = $t->arrived(log => 0);
	push @clients, $first;
	push @clients, map { $t->arrived(log => 0, token => $first->{token}) } 2 .. 1 + $n % 3;
}
my %visitors = map { $_->{visitor} => 1 } @clients;
is(scalar keys %visitors, 20, 'twenty visitors with ' . @clients . ' clients');

my ($cuts, $strangers) = (0, 0);
my %kinds;

sub cut
{
	my ($client, $kind, %args) = @_;

	return if !$client->{socket};
	$client->cut(reset => rand() < 0.5, %args);
	$client->{on} = undef;
	$cuts++;
	$kinds{$kind}++;
	Visitor::after(rand(0.01), sub { dial($client) });
	return;
}

# When a frame of this type comes: cut, before or after the client has it.
sub cut_at_frame
{
	my ($client, $type) = @_;
	my $lost = rand() < 0.5;

	$client->{on} = sub {
		my (undef, $frame) = @_;
		return 0 if $frame->{type} ne $type;
		cut($client, "$type " . ($lost ? 'lost' : 'kept'));
		return $lost;
	};
	return;
}

# Dial, and see to it that the line is cut in one of many ways.
sub dial
{
	my ($client) = @_;
	my $way = rand;
	my $serial = ++$client->{serial};
	my $mine = sub { return $client->{socket} && $client->{serial} == $serial };

	$client->connect;
	if ($cuts >= $CUTS) { $client->{on} = undef; return }
	if ($way < 0.25) { cut_at_frame($client, 'message') }
	elsif ($way < 0.35) { cut_at_frame($client, 'ack') }
	elsif ($way < 0.45) { cut_at_frame($client, 'welcome') }
	elsif ($way < 0.50) { cut_at_frame($client, 'status') }

	# Whatever the way, not later than this; in the middle of a message that is
	# being sent, right behind one, or at any moment.
	my $moment = $way < 0.5 ? 0.05 + rand(0.25) : rand() < 0.3 ? rand(0.01) : rand(0.08);
	Visitor::after($moment, sub {
		return if !$mine->();
		if ($way >= 0.5 && $way < 0.6) { $client->say('before the cut'); cut($client, 'behind a message') }
		elsif ($way >= 0.6 && $way < 0.7) { cut($client, 'within a frame', part => rand) }
		else { cut($client, "while $client->{state}") }
	});
	return;
}

# A client that nobody knows yet, cut while it becomes known.
# The hub hung up: nobody asked it to.
my %hung_up;

sub stranger_dials
{
	my $stranger = $t->visitor(log => 0);

	$stranger->connect;
	Visitor::after(rand(0.02), sub { $stranger->cut(reset => rand() < 0.5); $strangers++ });
	return;
}

my $talk = $t->talk_begin(visitors => [ sort keys %visitors ], clients => 3, seconds => $SECONDS, hold => 300, pause => 20);
my $began = time;
my $said = 0;
for my $client (@clients)
{
	$client->{serial} = 0;
	$client->{again} = sub { $hung_up{"$client->{close_code}: " . ($client->{close_reason} // $client->{close_why})}++; return 0.1 };
}
Visitor::after(rand(0.1), do { my $client = $_; sub { cut($client, 'to begin with') } }) for @clients;
my ($next_word, $next_stranger, $next_pause) = (0, 0, time + 0.5);
my @pids = ($t->status('worker_pid'), $t->status('net_pid'));
Visitor::until(
	sub {
		my $now = time;
		if ($now >= $next_word)
		{
			$clients[ rand @clients ]->say('word ' . ++$said);
			$next_word = $now + 0.03;
		}

		# One half stands still for a moment: then much comes in one turn.
		if ($now >= $next_pause)
		{
			my $pid = $pids[ rand @pids ];
			kill 'STOP', $pid;
			Visitor::after(rand(0.15), sub { kill 'CONT', $pid });
			$next_pause = $now + 0.4;
		}
		if ($now >= $next_stranger) { stranger_dials(); $next_stranger = $now + 0.1 }
		return $cuts >= $CUTS || $now > $began + $SECONDS && $cuts >= $AT_LEAST;
	}, 10 * $SECONDS);
my $took = time - $began;
kill 'CONT', @pids;
$CUTS = $cuts if $cuts < $CUTS;    # from here on lines stay
kill 'INT', $talk;
$t->sends_end($talk);
diag(sprintf '%d cuts in %.1f s: %s; %d strangers', $cuts, $took, join(', ', map { "$kinds{$_} $_" } sort keys %kinds), $strangers);
cmp_ok($cuts, '>=', $AT_LEAST, "$cuts cuts");
ok($kinds{$_}, "among them: $_") for 'message lost', 'message kept', 'ack lost', 'welcome lost', 'behind a message', 'within a frame';

is_deeply(\%hung_up, {}, 'the hub never hung up by itself');

# The line comes back for good.
$t->settled('all settles', \@clients);
$t->wait_for("SELECT count(*) = 0 FROM webchatt.messages WHERE direction = 'out' AND status NOT IN ('delivered', 'read')",
	'every message to a visitor is delivered', 30);
my $rows = $t->sql('SELECT count(*) FROM webchatt.messages');
cmp_ok($rows, '>=', 500, "$rows messages");
$t->account('after the cuts', \@clients, acked => 100);
is(scalar(grep { %{ $_->{unacked} } } @clients), 0, 'nothing that was said is without an ack');
cmp_ok($t->sql(q{SELECT count(*) FROM webchatt.messages WHERE content ->> 'text' LIKE 're: %'}), '==',
	$t->sql(q{SELECT count(*) FROM webchatt.messages WHERE direction = 'in'}), 'each was answered by the trigger, once');
is($t->sql('SELECT count(*) FROM webchatt.rejects'), 0, 'nothing became a reject');

# A client without a memory reads the same.
my ($one) = sort { $b->transcript <=> $a->transcript } @clients;
my $new = $t->arrived(token => $one->{token});
ok(Visitor::until(sub { $new->transcript == $one->transcript }), 'a new client pages through all of it');
is_deeply([ map { $_->{id} } $new->transcript ], [ map { $_->{id} } $one->transcript ], 'and has the same');
$_->end for @clients, $new;
$t->wait_for('SELECT count(*) = 0 FROM webchatt.presence', 'no session is left behind');

done_testing();
