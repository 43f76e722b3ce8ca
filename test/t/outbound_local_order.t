# To a visitor of ours many messages of one conversation are under way at once: they
# arrive in order all the same, each once, whatever is cut, killed, cancelled or
# undone on the way.  Who is known to be away gets nothing: it is held at once.
#
# WEBCHATT_CUT_SEED repeats a run's choices.
use strict;
use warnings;

use LocalHub;
use Test::More;

my $seed = $ENV{WEBCHATT_CUT_SEED} // int(time) ^ $$;
srand $seed;
diag("seed $seed");

my $t = LocalHub->begin;
my $channel = $t->{channel};

# What each connection was pushed, in order: lists of numbers.
sub listen_to
{
	my ($client) = @_;

	$client->{on} = sub {
		my ($c, $frame) = @_;

		push @{ $c->{pushed}{ $c->{dials} } }, $1 if $frame->{type} eq 'message' && $frame->{content}{text} =~ /^n(\d+)\z/;
		return $c->{hook} ? $c->{hook}->($c, $frame) : 0;
	};
	return $client;
}

# Connections whose numbers do not rise.
sub disorder
{
	my @bad;

	for my $client (@_)
	{
		for my $n (sort { $a <=> $b } keys %{ $client->{pushed} // {} })
		{
			my @got = @{ $client->{pushed}{$n} };
			my @wrong = grep { $got[$_] <= $got[ $_ - 1 ] } 1 .. $#got;
			push @bad, "client $client->{number}, line $n: $got[$wrong[0] - 1] $got[$wrong[0]]" if @wrong;
		}
	}
	return \@bad;
}

my $next = 0;

# Queue so many for each of these visitors, by one statement; their numbers rise.
sub queue
{
	my ($n, @ids) = @_;
	my $from = $next + 1;

	$next += $n;
	return $t->sql("SELECT webchatt.send_message('$channel', v.id, text => 'n' || n)
		FROM generate_series($from, $next) n, unnest(ARRAY[" . join(',', map { "'$_'" } @ids) . ']) v (id)');
}

sub stop_net { return $t->signal('STOP', 'net_pid') }

# --- many under way ----------------------------------------------------------

my $v = listen_to($t->arrived);
$v->acked($v->say('hello'));
my $pid = stop_net();
my @ids = split /\n/, queue(20, $v->{visitor});
$t->wait_for('SELECT in_flight = 20 FROM webchatt.status', 'twenty of one conversation are under way while none is answered');
is($t->sql(q{SELECT count(*) FROM webchatt.messages WHERE content ->> 'text' LIKE 'n%' AND status <> 'queued'}), 0, 'and none is sent yet');
kill 'CONT', $pid;
$t->status_becomes($ids[-1], 'delivered', 'then all arrive');
is(scalar @{ $v->{pushed}{1} }, 20, 'each once');

# --- killed, and the line cut, with many under way ---------------------------

$v->{again} = 0.05;
$pid = stop_net();
@ids = split /\n/, queue(50, $v->{visitor});
$t->wait_for('SELECT in_flight >= 32 FROM webchatt.status', 'many are under way');
is($t->sql("SELECT webchatt.cancel_message('$channel', '$ids[40]')"), 't', 'one behind them can be cancelled');
kill 'KILL', $pid;
$t->settled('kill -9 of webchatt-net: all of them arrive', [$v]);
ok(!$v->{messages}{ $ids[40] }, 'but the one that was cancelled');
$pid = stop_net();
queue(50, $v->{visitor});
$t->wait_for('SELECT in_flight >= 32 FROM webchatt.status', 'many are under way again');
$v->cut(reset => 1);
kill 'CONT', $pid;
$v->connect;
$t->settled('the line is cut: all of them arrive', [$v]);
LocalHub::none(disorder($v), 'in order on each line');

# --- what cannot be recorded --------------------------------------------------

$t->sql(q{
	CREATE TABLE cursed (text text);
	GRANT SELECT ON cursed TO webchatt_worker;
	CREATE FUNCTION stumble() RETURNS trigger LANGUAGE plpgsql AS $$
	BEGIN
		IF EXISTS (SELECT FROM public.cursed c JOIN webchatt.messages m ON m.content ->> 'text' = c.text
			WHERE m.channel_id = new.channel_id AND m.id = new.message_id)
		THEN RAISE EXCEPTION 'not this one'; END IF;
		RETURN NULL;
	END $$;
	CREATE TRIGGER stumble AFTER INSERT ON webchatt.statuses FOR EACH ROW WHEN (new.status IN ('sent', 'held'))
		EXECUTE FUNCTION stumble()});
$t->sql('INSERT INTO cursed VALUES (\'n' . ($next + 5) . '\')');
@ids = split /\n/, queue(10, $v->{visitor});
$t->status_becomes($ids[9], 'delivered', 'those behind one whose end cannot be recorded arrive');
ok(Visitor::until(sub { $v->{messages}{ $ids[4] } }), 'as it did itself');
$t->sql('TRUNCATE cursed');
$t->status_becomes($ids[4], 'delivered', 'and it is recorded once it can be');
$t->wait_for("SELECT count(*) = 1 FROM webchatt.statuses WHERE message_id = '$ids[4]' AND status = 'sent'", 'as sent once');
LocalHub::none(disorder($v), 'none was pushed twice, nor out of order');

# --- who is away ----------------------------------------------------------------

$v->close;
$t->wait_for("SELECT count(*) = 0 FROM webchatt.presence WHERE visitor = '$v->{visitor}'", 'the visitor leaves');
my $sends = $t->status('sends');
$t->sql('INSERT INTO cursed VALUES (\'n' . ($next + 7) . '\')');
@ids = split /\n/, queue(100, $v->{visitor});
$t->status_becomes($ids[31], 'held', 'what is for somebody who is away is held');
is($t->sql("SELECT string_agg(DISTINCT status::text, ',') FROM webchatt.messages WHERE id IN ('$ids[6]', '$ids[99]')"), 'queued',
	'while what cannot be held waits, and what does not fit into memory with it');
is($t->status('sends'), $sends, 'without being sent');
$t->sql('TRUNCATE cursed');
$t->wait_for("SELECT count(*) = 100 FROM webchatt.held WHERE visitor = '$v->{visitor}'", 'all of it when it can be');
is($t->sql("SELECT DISTINCT m.error_code || s.status || s.error_code FROM webchatt.messages m JOIN webchatt.statuses s ON s.message_id = m.id
	WHERE m.id = '$ids[50]'"), 'session_not_foundheldsession_not_found', 'and the tables say why');
my $expires = $t->reply($v, 'too late', q{, expires => interval '1 second'});
$t->status_becomes($expires, 'expired', 'what is held at once expires when its time is over', 30);
is($t->sql("SELECT webchatt.cancel_message('$channel', '$ids[10]')"), 't', 'and can be cancelled');
$v->{again} = 0.05;
$v->arrive;
$t->settled('the visitor comes back: all of it arrives', [$v]);
ok(!$v->{messages}{ $ids[10] }, 'but what was cancelled');
LocalHub::none(disorder($v), 'in order');

# --- more than there is room for ----------------------------------------------------

# What is held for somebody stays before what was queued for them since, though they come back while that is not read yet:
# memory is full of others' messages, which cannot be held.
$t->sql("CREATE TABLE crowd AS SELECT gen_random_uuid()::text AS id FROM generate_series(1, 600);
	INSERT INTO webchatt.visitors (channel_id, id) SELECT '$channel', id FROM crowd");
sub crowd { $t->sql("SELECT count(webchatt.send_message('$channel', id, text => 'of a crowd', priority => 'live')) FROM generate_series(1, 30), crowd") }
my $w = listen_to($t->arrived);
$w->close;
$t->wait_for("SELECT count(*) = 0 FROM webchatt.presence WHERE visitor = '$w->{visitor}'", 'another visitor leaves');
@ids = split /\n/, queue(20, $w->{visitor});
$t->status_becomes($ids[-1], 'held', 'what is for them is held');
$t->sql(q{CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'not now'; END $$;
	CREATE TRIGGER refuse BEFORE UPDATE ON webchatt.messages FOR EACH ROW WHEN (new.status = 'held' AND new.content ->> 'text' = 'of a crowd') EXECUTE FUNCTION refuse()});
crowd();
$t->wait_for('SELECT queued = 18000 FROM webchatt.status', 'memory is full');
@ids = split /\n/, queue(20, $w->{visitor});
crowd();
$w->arrive;
$t->wait_for("SELECT count(*) = 0 FROM webchatt.held WHERE visitor = '$w->{visitor}'", 'they come back, and nothing is held for them any more');
$t->sql('DROP TRIGGER refuse ON webchatt.messages');
ok(Visitor::until(sub { @{ $w->{pushed}{2} // [] } == 40 }), 'all of it arrives');
LocalHub::none(disorder($w), 'in order');
$t->wait_for('SELECT queued = 0 FROM webchatt.status', 'and what was in its way is held');
$w->end;

# --- random cuts ------------------------------------------------------------------

my @clients = ($v);
for my $n (1 .. 8)
{
	my $first = listen_to($t->arrived(log => 0));
	push @clients, $first;
	push @clients, listen_to($t->arrived(log => 0, token => $first->{token})) if $n % 3 == 0;
}
my %visitors = map { $_->{visitor} => 1 } @clients;
my $cuts = 0;
for my $client (@clients)
{
	$client->{again} = sub { 0.005 + rand 0.05 };
	$client->{hook} = sub {
		my ($c, $frame) = @_;
		return 0 if $cuts >= 400 || rand() > 0.02;
		$cuts++;
		my $lost = rand() < 0.5;
		$c->cut(reset => rand() < 0.5);
		Visitor::after(rand(0.05), sub { $c->connect });
		return $lost;
	};
}
for (my $round = 1; $round <= 30 || $cuts < 60 && $round <= 600; $round++)
{
	queue(20 + int(rand 40), sort keys %visitors);
	Visitor::pump_for(rand 0.1);
	$t->signal('KILL', 'net_pid') if $round % 10 == 5;
	if ($round % 4 == 0)
	{
		my $stopped = $t->signal('STOP', rand() < 0.5 ? 'worker_pid' : 'net_pid');
		Visitor::after(0.05 + rand 0.1, sub { kill 'CONT', $stopped });
		Visitor::pump_for(0.2);
	}
}
$_->{hook} = undef for @clients;
diag("$cuts cuts");
$t->settled('all settles', \@clients);
$_->acked($_->say('the end')) for @clients;
$t->settled('and what they say', \@clients);
$t->wait_for("SELECT count(*) = 0 FROM webchatt.messages WHERE direction = 'out' AND status NOT IN ('delivered', 'read', 'cancelled', 'expired')
	AND content ->> 'text' <> 'of a crowd'", 'every message is delivered', 60);
cmp_ok($cuts, '>=', 50, 'after many cuts');
LocalHub::none(disorder(@clients), 'every line had what it got in order');
$t->account('after the cuts', \@clients, acked => 10);
$t->wait_for('SELECT queued = 0 AND in_flight = 0 FROM webchatt.status', 'the queue is empty');
$_->end for @clients;

done_testing();
