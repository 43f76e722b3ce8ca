# Whoever is being talked to does not wait behind a broadcast: live messages leave before
# what is bulk, to hubs and to our own visitors; bulk always has its share; and a
# conversation's order is one, whichever lane its messages came by.
use strict;
use warnings;

use LocalHub;
use Hub;
use Mojo::JSON qw(encode_json);
use Test::More;
use WebchattTest;

my $t = WebchattTest->attached;
my $hub = $t->hub;
my $channel = $WebchattTest::CHANNEL;

sub hub_is { my ($state) = @_; $t->sql("UPDATE webchatt.hubs SET state = '$state'"); return $t->wait_for("SELECT hubs -> 'chatt2me' ->> 'state' = '$state' FROM webchatt.status", "the hub is $state") }

# What the hub got, in the order of its coming, behind that many.
sub since { my ($n) = @_; my @all = $hub->record; return map { $_->{content}{text} } @all[ $n .. $#all ] }

# Visitors whose messages, numbered as they were queued, did not come in order.
sub disorder
{
	my ($from) = @_;
	my @all = $hub->record;
	my (%last, %bad);

	for my $entry (@all[ $from .. $#all ])
	{
		my ($n) = $entry->{content}{text} =~ /(\d+)\z/ or next;
		$bad{ $entry->{to} } = "$entry->{to}: $last{ $entry->{to} } $n" if $n <= ($last{ $entry->{to} } // 0);
		$last{ $entry->{to} } = $n;
	}
	return [ values %bad ];
}

# --- a hub -----------------------------------------------------------------------

$t->status_becomes($t->send_text('first', 'hello'), 'sent');
is($t->sql("SELECT count(*) FROM webchatt.outbox o JOIN webchatt.hubs h ON h.id = o.hub_id WHERE o.op = 's'"), 1, 'one message is live');
hub_is('stopped');
my $from = () = $hub->record;
$t->sql("SELECT webchatt.send_message('$channel', 'b' || i % 250, text => 'bulk ' || i) FROM generate_series(1, 1000) i");
is($t->sql("SELECT count(*) FROM webchatt.outbox o JOIN webchatt.hubs h ON h.id = -o.hub_id WHERE o.op = 's'"), 744,
	'of one transaction the first 256 messages are live, the rest is bulk');
$t->send_text("l$_", "live $_") for 1 .. 5;
$t->sql("SELECT webchatt.send_message('$channel', 'last', text => 'bulk 1001', priority => 'bulk');
	SELECT webchatt.send_message('$channel', 'p', text => 'bulk 1002', priority => 'bulk')");
hub_is('active');
$t->drained('all leaves', 120);
my @got = since($from);
my ($last) = grep { $got[$_] eq 'live 5' } 0 .. $#got;
my $before = grep { /^bulk (\d+)/ && $1 > 256 } @got[ 0 .. $last ];
cmp_ok($before, '<=', 128, "what is live comes before what is bulk ($before of 746 came before the last of it)");
LocalHub::none(disorder($from), 'each conversation in order');
is($t->sql(q{SELECT count(*) FROM webchatt.messages WHERE content ->> 'text' IN ('bulk 1001', 'bulk 1002') AND status = 'sent'}), 2,
	'a single message can be bulk too');
$t->sql(q{DO $$ BEGIN
	PERFORM webchatt.send_message('} . $channel . q{', 'p', text => 'x', priority => 'urgent');
	RAISE 'taken';
EXCEPTION WHEN invalid_parameter_value THEN NULL; END $$});
pass('another word for a priority is refused');

# What is answered to each of many events in one transaction, as in a turn of the worker's, is no broadcast.
$t->sql(q{CREATE FUNCTION public.answer(m webchatt.messages) RETURNS void LANGUAGE sql SET search_path = pg_catalog, pg_temp AS
	'SELECT webchatt.send_message(m.channel_id, m.visitor, text => $$answer$$)';
	SELECT webchatt.on_message('public.answer(webchatt.messages)')});
hub_is('stopped');
my @events = map { encode_json(Webhook::message($channel, "many-$_", "a$_", 'a question')) } 1 .. 400;
my %lanes = $t->sql('BEGIN;' . join(';', map { "SELECT webchatt.ingest(\$e\$$_\$e\$, '" . Webhook::signature($WebchattTest::SECRET, $_) . "')" } @events)
	. q{; SELECT '=' || CASE WHEN hub_id > 0 THEN 'live' ELSE 'bulk' END || '=' || count(*) FROM webchatt.outbox
	WHERE message_id IN (SELECT id FROM webchatt.messages WHERE content ->> 'text' = 'answer') GROUP BY hub_id; COMMIT}) =~ /^=(\w+)=(\d+)$/mg;
is_deeply(\%lanes, { live => 400 }, 'what answers each of 400 events of one transaction is live');
$t->sql('SELECT webchatt.remove_handler(id) FROM webchatt.handlers');
hub_is('active');
$t->drained('the answers leave', 120);

# Live ones for the same conversations and others, and every process killed.
hub_is('stopped');
$from = () = $hub->record;
$t->sql("SELECT webchatt.send_message('$channel', 'w' || i % 250, text => 'bulk ' || i) FROM generate_series(1, 2500) i");
for my $i (1 .. 20)
{
	$t->sql("SELECT webchatt.send_message('$channel', 'w' || $i * 10, text => 'live ' || 10000 + $i);
		SELECT webchatt.send_message('$channel', 'o$i', text => 'live ' || 10000 + $i)");
}
$t->wait_for('SELECT oldest_queued IS NOT NULL FROM webchatt.status', 'a backlog');
hub_is('active');
WebchattTest::comes(sub { (() = $hub->record) > $from + 500 });
$t->signal('KILL', 'net_pid');
WebchattTest::comes(sub { (() = $hub->record) > $from + 1200 });
$t->signal('TERM', 'worker_pid');
$t->drained('it leaves, killed and begun anew in the middle', 180);
my %seen;
my %of = map { $_->{content}{text} => $_->{to} } $hub->record;
@got = grep { !$seen{$_}++ } map { "$_->{to} $_->{content}{text}" } do { my @all = $hub->record; @all[ $from .. $#all ] };
($last) = reverse grep { $got[$_] =~ /^o\d+ live/ } 0 .. $#got;
cmp_ok($last, '<', 800, "what is live for others comes first (number $last of 2540)");
($last) = reverse grep { $got[$_] =~ /^w\d+ live/ } 0 .. $#got;
cmp_ok($last, '<', 2000, "what is live behind bulk of its conversation brings that forward (number $last)");
my (%at, @overtaken);
for my $i (0 .. $#got)
{
	my ($to, $n) = $got[$i] =~ /^(\S+) \w+ (\d+)\z/ or next;
	push @overtaken, "$to: $at{$to} before $n" if ($at{$to} // 0) > $n;
	$at{$to} = $n;
}
LocalHub::none(\@overtaken, 'each conversation in order, as its messages first came');
is(scalar @got, 2540, 'every message came');

# Bulk is never starved.
hub_is('stopped');
$from = () = $hub->record;
$t->sql("SELECT webchatt.send_message('$channel', 'x' || i, text => 'live ' || i, priority => 'live') FROM generate_series(1, 800) i");
$t->sql("SELECT webchatt.send_message('$channel', 'y' || i, text => 'bulk ' || i, priority => 'bulk') FROM generate_series(1, 100) i");
hub_is('active');
$t->drained('both leave', 120);
@got = since($from);
($last) = reverse grep { $got[$_] =~ /^live/ } 0 .. $#got;
cmp_ok(scalar(grep { /^bulk/ } @got[ 0 .. $last ]), '>=', 10, 'bulk has its share while live ones are many');
$t->account('in the end', messages => 4000);

# Nor does a reply overtake what is bulk for the same visitor where more was cancelled than is remembered.
hub_is('stopped');
$from = () = $hub->record;
$t->sql("SELECT count(webchatt.send_message('$channel', 'c' || i % 20000, text => i::text, priority => 'bulk')) FROM generate_series(1, 155000) i");
$t->sql("SELECT webchatt.send_message('$channel', 'z' || i % 5, text => i::text, priority => 'bulk') FROM generate_series(1, 20) i");
$t->wait_for('SELECT queued = 155020 FROM webchatt.status', 'a backlog far beyond memory');
$t->sql("SELECT count(webchatt.cancel_message(channel_id, id)) FROM webchatt.messages
	WHERE status = 'queued' AND visitor LIKE 'c%' AND (content ->> 'text')::int % 2 = 0");
$t->wait_for('SELECT queued = 77520 FROM webchatt.status', 'of which half is cancelled');
@got = map { $t->send_text("z$_", 21 + $_) } 0 .. 4;
hub_is('active');
$t->status_becomes($_, 'sent', 'a reply leaves') for @got;
is($t->sql("SELECT count(*) FROM webchatt.messages WHERE visitor ~ '^z' AND status = 'sent'"), 25, 'with all that was before it');
LocalHub::none(disorder($from), 'in order');
$t->sql("SELECT count(webchatt.cancel_message(channel_id, id)) FROM webchatt.messages WHERE status = 'queued'");
$t->drained('the rest is cancelled');

# --- visitors of our own -------------------------------------------------------------

my $l = LocalHub->begin(name => 'local');
my $v = $l->arrived;
$v->acked($v->say('hello'));
$l->sql("INSERT INTO webchatt.visitors (channel_id, id) SELECT '$l->{channel}', gen_random_uuid()::text FROM generate_series(1, 5000)");
my $worker = $l->status('worker_pid');
kill 'STOP', $worker;
$l->sql("SELECT count(webchatt.send_message('$l->{channel}', v.id, text => 'news')) FROM webchatt.visitors v, generate_series(1, 4)
	WHERE v.id <> '$v->{visitor}'");
my @bulk = split /\n/, $l->sql("SELECT webchatt.send_message('$l->{channel}', '$v->{visitor}', text => 'bulk ' || i, priority => 'bulk') FROM generate_series(1, 3) i");
my $id = $l->reply($v, 'an answer');
kill 'CONT', $worker;
$l->status_becomes($id, 'delivered', 'a reply reaches who is there');
$before = $l->sql("SELECT count(*) FROM webchatt.statuses WHERE status = 'held'
	AND id < (SELECT id FROM webchatt.statuses WHERE message_id = '$id' AND status = 'sent')");
cmp_ok($before, '<=', 10000, "before a broadcast to those who are not is held ($before of 20000 were)");
$l->wait_for("SELECT count(*) = 20000 FROM webchatt.held", 'which all is', 60);
is_deeply([ map { $_->{id} } grep { $_->{type} eq 'message' && $_->{direction} eq 'out' } @{ $v->{frames} } ], [ @bulk, $id ],
	'behind what was bulk for the same visitor');

# While somebody is being talked to, each turn's part of a broadcast is small, since whoever writes next waits for it.
kill 'STOP', $worker;
$l->sql("SELECT count(webchatt.send_message('$l->{channel}', v.id, text => 'more news')) FROM webchatt.visitors v, generate_series(1, 4)
	WHERE v.id <> '$v->{visitor}'");
my @answers = $l->reply($v, 'answer 1');
kill 'CONT', $worker;
push @answers, map { $l->reply($v, "answer $_") } 2 .. 10;
$l->status_becomes($_, 'delivered') for @answers;
$l->wait_for("SELECT count(*) = 40000 FROM webchatt.held", 'all of it is held', 60);
my @parts = split /\n/, $l->sql("WITH part AS (SELECT min(id) AS first, count(*) AS n FROM webchatt.statuses WHERE status = 'held' GROUP BY at)
	SELECT (SELECT n FROM part WHERE first > s.id ORDER BY first LIMIT 1) FROM webchatt.statuses s
	JOIN webchatt.messages m ON m.id = s.message_id AND m.content ->> 'text' LIKE 'answer %'
	WHERE s.status = 'sent' AND s.id < (SELECT max(first) FROM part) ORDER BY s.id");
cmp_ok(scalar(@parts), '>=', 1, 'replies reach who is there meanwhile');
# (64 in a turn that has live ones, and 256 behind those)
cmp_ok(scalar(grep { $_ > 320 } @parts), '<=', @parts / 2, "what is held in the turn behind a reply (@parts)");

# A broadcast's first messages are live: for who is away they are held behind what is for who is there.
my $least = 256;
for my $n (1 .. 5)
{
	kill 'STOP', $worker;
	$l->sql("SELECT count(webchatt.send_message('$l->{channel}', v.id, text => 'still more news $n')) FROM webchatt.visitors v
		WHERE v.id <> '$v->{visitor}'");
	$id = $l->reply($v, "one more answer $n");
	kill 'CONT', $worker;
	$l->status_becomes($id, 'delivered');
	$l->wait_for("SELECT count(*) = 5000 FROM webchatt.messages WHERE content ->> 'text' = 'still more news $n' AND status = 'held'", 'all of it is held');
	$before = $l->sql("SELECT count(*) FROM (SELECT id FROM webchatt.messages WHERE content ->> 'text' = 'still more news $n' ORDER BY id LIMIT 256) m
		JOIN webchatt.statuses s ON s.message_id = m.id AND s.status = 'held'
		WHERE s.id < (SELECT id FROM webchatt.statuses WHERE message_id = '$id' AND status = 'sent')");
	$least = $before if $before < $least;
	last if $least < 256;
}
cmp_ok($least, '<', 256, "a reply is sent before all of a broadcast's first 256 are held ($least of them were)");

# More bulk than fits into memory, for visitors who are there.
my @v = map { $l->arrived(log => 0) } 1 .. 20;
for my $v (@v)
{
	$v->{on} = sub {
		my ($c, $frame) = @_;
		push @{ $c->{pushed} }, $1 if $frame->{type} eq 'message' && $frame->{content}{text} =~ /(\d+)\z/;
		return 0;
	};
}
my $net = $l->status('net_pid');
kill 'STOP', $net;
$l->sql("SELECT count(webchatt.send_message('$l->{channel}', v.id, text => 'bulk ' || n))
	FROM generate_series(1, 600) n, unnest(ARRAY[" . join(',', map { "'$_->{visitor}'" } @v) . "]) v (id)");
$l->wait_for('SELECT in_flight >= 400 FROM webchatt.status', 'a backlog for visitors of our own');
my @live = map { $l->reply($v[$_], 'live ' . (1000 + $_)) } 0 .. 4;
$id = $l->reply($v, 'another answer');
is($l->sql("SELECT count(*) > 8192 FROM webchatt.messages WHERE status = 'queued'"), 't', 'larger than memory is meant for it');
kill 'CONT', $net;
$l->status_becomes($_, 'delivered', 'what is live reaches them') for $id, @live;
$before = $l->sql("SELECT count(*) FROM webchatt.statuses s JOIN webchatt.messages m ON m.id = s.message_id AND m.content ->> 'text' LIKE 'bulk %'
	WHERE s.status = 'sent' AND s.id < (SELECT id FROM webchatt.statuses WHERE message_id = '$id' AND status = 'sent')");
cmp_ok($before, '<=', 6000, "one for somebody else before most of the bulk ($before of 12000 came before it)");
$l->settled('all of it arrives', \@v);
LocalHub::none([ grep { my $c = $v[$_]; my @p = @{ $c->{pushed} }; @p != ($_ < 5 ? 601 : 600) || grep { $p[ $_ - 1 ] >= $p[$_] } 1 .. $#p } 0 .. $#v ],
	'each visitor has it once and in order, what was live last');
$_->end for @v;
$l->wait_for('SELECT queued = 0 AND in_flight = 0 FROM webchatt.status', 'nothing is left');
$v->end;

done_testing();
