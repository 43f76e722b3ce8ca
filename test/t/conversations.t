# How conversations stand: the table webchatt.conversations and the inbox follow what visitors write, what is answered
# and what agents order, whatever fails meanwhile, and are what the messages say.
use strict;
use warnings;

use Mojo::JSON qw(decode_json);
use Test::More;
use WebchattTest;

# All in one place: what a conversation has to be, by its messages and by the closes that were asked for.
my $EXPECTED = q{
	CREATE TABLE closes (visitor text, upto uuid);
	CREATE VIEW wrong AS
	WITH e AS (
		SELECT v.id AS visitor, l.id AS last_id, l.created_at AS last_at, greatest(a.id, c.upto) AS answered_upto,
			c.upto IS NOT NULL AND NOT EXISTS (SELECT FROM webchatt.messages m WHERE m.visitor = v.id AND m.direction = 'in' AND m.id > c.upto) AS is_closed
		FROM webchatt.visitors v
		LEFT JOIN LATERAL (SELECT * FROM webchatt.messages m WHERE m.visitor = v.id ORDER BY m.id DESC LIMIT 1) l ON true
		LEFT JOIN LATERAL (SELECT * FROM webchatt.messages m WHERE m.visitor = v.id AND m.direction = 'out' AND m.final ORDER BY m.id DESC LIMIT 1) a ON true
		LEFT JOIN LATERAL (SELECT * FROM closes k WHERE k.visitor = v.id ORDER BY k.upto DESC LIMIT 1) c ON true
		WHERE l.id IS NOT NULL),
	w AS (
		SELECT e.*, (SELECT m.created_at FROM webchatt.messages m WHERE m.visitor = e.visitor AND m.direction = 'in'
			AND m.id > coalesce(e.answered_upto, '00000000-0000-0000-0000-000000000000') ORDER BY m.id LIMIT 1) AS waiting_since
		FROM e)
	SELECT coalesce(w.visitor, c.visitor) AS visitor, w.waiting_since AS waits, c.waiting_since AS waits_here, w.is_closed, c.state,
		w.answered_upto, c.answered_upto AS answered_here, w.last_id, c.last_id AS last_here
	FROM w FULL JOIN webchatt.conversations c ON c.visitor = w.visitor
	WHERE c.visitor IS NULL OR w.visitor IS NULL OR w.waiting_since IS DISTINCT FROM c.waiting_since
		OR w.answered_upto IS DISTINCT FROM c.answered_upto OR w.is_closed <> (c.state = 'closed')
		OR w.waiting_since IS NULL AND w.last_at <> c.last_at};

my $t = WebchattTest->attached(conf => "webchatt.notify_channel = 'inbox'");
my $channel = $WebchattTest::CHANNEL;
$t->sql($EXPECTED);
my $n = 0;

sub says { my ($visitor, $text) = @_; return $t->post(Webhook::message($channel, 'm-' . ++$n, $visitor, $text // 'hello')) }
sub of { my ($visitor) = @_; return $t->sql("SELECT unanswered, state, assignee, waiting_since IS NOT NULL FROM webchatt.inbox WHERE visitor = '$visitor'") }
sub becomes { my ($visitor, $want, $what) = @_; return $t->wait_for("SELECT concat_ws(' ', unanswered, state, assignee) FROM webchatt.inbox WHERE visitor = '$visitor'", $what, undef, $want) }
sub order { return $t->sql(q{SELECT string_agg(visitor, ' ') FROM (SELECT visitor FROM webchatt.inbox) i}) }
sub all_right
{
	my ($what) = @_;

	return $t->wait_for('SELECT count(*) = 0 FROM wrong', "$what: conversations are what the messages say") || diag($t->sql('SELECT * FROM wrong LIMIT 10'));
}

sub closes
{
	my ($visitor, $upto) = @_;
	my $to = $upto ? "'$upto'" : "(SELECT id FROM webchatt.messages WHERE visitor = '$visitor' ORDER BY id DESC LIMIT 1)";

	return "INSERT INTO closes SELECT '$visitor', $to; SELECT webchatt.close_conversation('$channel', '$visitor'" . ($upto ? ", '$upto'" : '') . ');';
}

# --- one conversation, end to end --------------------------------------------

is(scalar says('ann'), 200, 'a visitor writes');
is(of('ann'), 't|open||t', 'and waits, when that is acknowledged');
my $since = $t->sql(q{SELECT waiting_since FROM webchatt.inbox WHERE visitor = 'ann'});
is($since, $t->sql('SELECT created_at FROM webchatt.messages'), 'since the message');
my $row = sub { $t->sql("SELECT xmin, ctid FROM webchatt.conversations WHERE visitor = '$_[0]'") };
my $before = $row->('ann');
is(scalar says('ann', 'anybody?'), 200, 'a message more');
is($row->('ann'), $before, 'writes nothing here');
is($t->sql(q{SELECT last_content ->> 'text', waiting_since FROM webchatt.inbox WHERE visitor = 'ann'}), "anybody?|$since", 'and the inbox shows it, and since when');
$t->send_text('ann', 'a bot', ', final => false');
is(of('ann'), 't|open||t', 'a message that is not final leaves the wait');
$t->drained;
is($row->('ann'), $before, 'and writes nothing either');
$t->send_text('ann', 'yes?');
is(of('ann'), 'f|open||f', 'an answer ends it at once for who reads the inbox');
$t->wait_for(q{SELECT waiting_since IS NULL FROM webchatt.conversations WHERE visitor = 'ann'}, 'and in the table');
all_right('an answer');
is(scalar says('ann', 'thanks'), 200, 'the visitor writes again');
is(of('ann'), 't|open||t', 'and waits again');
$t->send_text('cold', 'an offer');
becomes('cold', 'f open', 'one who was written to first waits for nothing');
says('bob');
says('cy');
$t->send_text('bob', 'hello bob');
becomes('bob', 'f open', 'another is answered');
$t->wait_for(q{SELECT waiting_since IS NULL FROM webchatt.conversations WHERE visitor = 'bob'}, 'and that is noted');
is(order(), 'ann cy bob cold', 'who waits longest comes first, then the latest');
$t->sql("SELECT webchatt.assign_conversation('$channel', 'ann', 'ana')");
becomes('ann', 't open ana', 'it is assigned');
$t->sql("SELECT webchatt.assign_conversation('$channel', 'ann', 'bea'); SELECT webchatt.assign_conversation('$channel', 'cy', 'bea'); SELECT webchatt.assign_conversation('$channel', 'cy', NULL)");
becomes('ann', 't open bea', 'to somebody else');
is(of('cy'), 't|open||t', 'the last of two orders counts, null is nobody');
$t->sql(closes('ann'));
becomes('ann', 'f closed bea', 'it is closed: nobody waits any more');
is($t->sql(q{SELECT k.visitor, k.closed_upto = c.closed_upto, k.closed_at BETWEEN c.last_at AND clock_timestamp(), k.closed_by = current_user FROM webchatt.closings k JOIN webchatt.conversations c USING (channel_id, visitor)}),
	'ann|t|t|t', 'when that was, and who did it');
is(order(), 'cy bob cold ann', 'closed ones come last');
$t->send_text('ann', 'one thing more');
$t->drained;
is(of('ann'), 'f|closed|bea|f', 'what is sent does not open it');
all_right('a close');
is(scalar says('ann', 'again'), 200, 'what the visitor writes');
is(of('ann'), 't|open|bea|t', 'opens it, and it is still assigned');
$t->sql(closes('cold'));
becomes('cold', 'f closed', 'one that nobody wrote in is closed');
$t->sql("DELETE FROM closes WHERE visitor = 'cold'; SELECT webchatt.reopen_conversation('$channel', 'cold')");
becomes('cold', 'f open', 'and opened again');
sub closings { my ($visitor) = @_; return $t->sql("SELECT count(*), count(*) FILTER (WHERE closed_by = 'bea') FROM webchatt.closings WHERE visitor = '$visitor'") }
is(closings('cold'), '1|0', 'it was closed once');
$t->sql("SET webchatt.agent = 'bea'; " . closes('cold'));
becomes('cold', 'f closed', 'once more, without a word in between');
is(closings('cold'), '1|1', 'which is the same closing, made later');
$t->sql("SET webchatt.agent = 'ana'; " . closes('cold') . " SELECT webchatt.assign_conversation('$channel', 'cold', 'ana')");
becomes('cold', 'f closed ana', 'what is closed is closed again');
is(closings('cold'), '1|1', 'which is none');
$t->sql("DELETE FROM closes WHERE visitor = 'cold'; SELECT webchatt.reopen_conversation('$channel', 'cold'), webchatt.assign_conversation('$channel', 'cold', NULL)");
becomes('cold', 'f open', 'and opened again');
$t->sql("BEGIN; SELECT webchatt.assign_conversation('$channel', 'bob', 'ana'); SELECT webchatt.close_conversation('$channel', 'bob'); ROLLBACK");
all_right('a rollback');
is(of('bob'), 'f|open||f', 'what was rolled back was not done');

# --- a close against a message that it did not see -----------------------------

my $seen = $t->sql(q{SELECT id FROM webchatt.messages WHERE visitor = 'ann' ORDER BY id DESC LIMIT 1});
my $agent = $t->session;
$agent->query('BEGIN ISOLATION LEVEL REPEATABLE READ');
$agent->query('SELECT count(*) FROM webchatt.messages');
is(scalar says('ann', 'not seen'), 200, 'a message comes while an agent decides');
$agent->query("SELECT webchatt.close_conversation('$channel', 'ann')");
$t->sql("INSERT INTO closes VALUES ('ann', '$seen')");
$agent->query('COMMIT');
all_right('a close that did not see the newest message');
is(of('ann'), 't|open|bea|t', 'the conversation stays open');
is($t->sql(q{SELECT waiting_since = (SELECT created_at FROM webchatt.messages WHERE content ->> 'text' = 'not seen') FROM webchatt.inbox WHERE visitor = 'ann'}),
	't', 'and waits since what was not seen');
$agent->query('BEGIN');
$agent->query("SELECT webchatt.close_conversation('$channel', 'ann')");
is(scalar says('ann', 'not seen either'), 200, 'a message commits before the close');
$t->sql(q{INSERT INTO closes SELECT 'ann', id FROM webchatt.messages WHERE content ->> 'text' = 'not seen'});
$agent->query('COMMIT');
all_right('a close that commits behind a message');
is(of('ann'), 't|open|bea|t', 'it stays open');
my $upto = $t->sql(q{SELECT id FROM webchatt.messages WHERE content ->> 'text' = 'not seen'});
$t->sql(closes('ann', $upto));
all_right('a close up to a message on the screen');
is(of('ann'), 't|open|bea|t', 'what came behind it counts');

# --- a worker that is killed reads the orders again ----------------------------

says('dee');
$t->sql(closes('dee'));
becomes('dee', 'f closed', 'closed');
$t->sql("SELECT webchatt.assign_conversation('$channel', 'dee', 'ana')");
says('dee');
becomes('dee', 't open ana', 'and opened by a message');
$t->send_text('dee', 'hello dee');
$t->sql("SELECT webchatt.reopen_conversation('$channel', 'cy'); SELECT webchatt.assign_conversation('$channel', 'cy', 'bea')");
says('cy');
my $snapshot = sub { $t->sql('SELECT visitor, state, assignee, waiting_since, answered_upto, closed_upto FROM webchatt.conversations ORDER BY visitor') };
becomes('cy', 't open bea', 'assigned');
$t->drained;
all_right('before a kill');
$before = $snapshot->();
for my $signal (qw(KILL TERM))
{
	my $pid = $t->signal($signal, 'worker_pid');
	ok(WebchattTest::gone($pid), "the worker is gone by SIG$signal");
	$t->wait_for('SELECT state = $$running$$ FROM webchatt.status', 'and back');
	$t->wait_ready;
	$t->wait_for(q{SELECT count(*) = 0 FROM webchatt.messages WHERE status = 'queued'}, 'it has read the outbox');
	is(scalar says('eve'), 200, 'and takes messages');
	$t->sql(q{DELETE FROM webchatt.visitors WHERE id = 'eve'; DELETE FROM webchatt.messages WHERE visitor = 'eve'});
	all_right("after SIG$signal");
	is($snapshot->(), $before, 'the orders that were read again changed nothing');
}

# --- messages that came by other means ------------------------------------------

my $event = qq({"eventType":"Message","channelId":"$channel","messageId":"i-1","from":"ida","content":{"type":"text","text":"by ingest"}});
my $signature = Webhook::signature($WebchattTest::SECRET, $event);
is($t->sql("SELECT webchatt.ingest('$event', '$signature')"), 'stored', 'ingest()');
becomes('ida', 't open', 'a message that a session took in waits');
$t->sql(closes('ida'));
becomes('ida', 'f closed', 'closed');
$event =~ s/i-1/i-2/;
$signature = Webhook::signature($WebchattTest::SECRET, $event);
$t->sql("SELECT webchatt.ingest('$event', '$signature')");
becomes('ida', 't open', 'and opened by ingest()');
$t->sql(qq{INSERT INTO webchatt.visitors (channel_id, id) SELECT '$channel', 'old-' || i FROM generate_series(1, 300) i;
	INSERT INTO webchatt.messages (channel_id, id, visitor, direction, status, content)
	SELECT '$channel', ('0190' || lpad(to_hex(i * 10 + j), 4, '0') || '-0000-7000-8000-000000000000')::uuid, 'old-' || i,
		(CASE WHEN j = 2 AND i % 3 = 0 THEN 'out' ELSE 'in' END)::webchatt.message_direction,
		(CASE WHEN j = 2 AND i % 3 = 0 THEN 'sent' ELSE 'received' END)::webchatt.message_status, '{"text": "old"}'
	FROM generate_series(1, 300) i, generate_series(1, 3 - i % 2) j});
all_right('300 conversations of another system');
is($t->sql(q{SELECT count(*) FROM webchatt.conversations WHERE visitor LIKE 'old-%' AND waiting_since IS NULL}), 50, 'fifty of them answered');
$t->sql(q{DELETE FROM webchatt.visitors WHERE id LIKE 'old-%'; DELETE FROM webchatt.messages WHERE visitor LIKE 'old-%'});
is($t->sql(q{SELECT count(*) FROM webchatt.conversations WHERE visitor LIKE 'old-%'}), 0, 'a visitor who is erased takes the conversation along');
$t->sql(q{DELETE FROM webchatt.visitors WHERE id = 'ann'; DELETE FROM webchatt.messages WHERE visitor = 'ann'; DELETE FROM closes WHERE visitor = 'ann'});
is(scalar says('ann', 'who, me?'), 200, 'one who was erased writes again');
becomes('ann', 't open', 'and waits');
all_right('erased ones');

# Triggers off: nothing tells the worker, until it starts anew.
$t->sql(closes('ida'));
becomes('ida', 'f closed', 'one is closed, and gets an answer that nobody tells of');
$t->sql(q{SET session_replication_role = replica;
	INSERT INTO webchatt.messages (channel_id, id, visitor, direction, status, content)
	SELECT channel_id, overlay(id::text PLACING 'ffffffff' FROM 29)::uuid, visitor, 'out', 'sent', '{}'
	FROM webchatt.messages WHERE visitor = 'ida' ORDER BY id DESC LIMIT 1});
$t->sql(qq{SET session_replication_role = replica;
	INSERT INTO webchatt.messages (channel_id, id, visitor, direction, status, content)
	SELECT '$channel', ('0190' || lpad(to_hex(i), 4, '0') || '-0000-7000-8000-000000000000')::uuid, 'quiet-' || i, 'in', 'received', '{}'
	FROM generate_series(1, 300) i;
	INSERT INTO webchatt.visitors (channel_id, id) SELECT '$channel', 'quiet-' || i FROM generate_series(1, 300) i;
	DELETE FROM webchatt.conversations WHERE visitor = 'bob'});
# And what was sent to who does not wait is noted a second later: by the next worker, if need be.
$t->sql("SELECT webchatt.send_message('$channel', 'cold', text => 'offer ' || i) FROM generate_series(1, 100) i");
WebchattTest::gone($t->signal('KILL', 'worker_pid'));
$t->wait_for('SELECT state = $$running$$ FROM webchatt.status', 'a worker that is killed is back');
all_right('what it was not told of');
is($t->sql(q{SELECT state FROM webchatt.conversations WHERE visitor = 'ida'}), 'closed', 'of a closed one too, which stays closed');
is($t->status('last_error'), '', 'and nothing stood in the way');
is($t->sql(q{SELECT last_content ->> 'text', c.last_id = m.id FROM webchatt.inbox i JOIN webchatt.conversations c USING (channel_id, visitor)
	JOIN LATERAL (SELECT id FROM webchatt.messages m WHERE m.visitor = i.visitor ORDER BY id DESC LIMIT 1) m ON true WHERE visitor = 'cold'}),
	'offer 100|t', 'and what was to be noted');
$t->sql(q{DELETE FROM webchatt.visitors WHERE id LIKE 'quiet-%'; DELETE FROM webchatt.messages WHERE visitor LIKE 'quiet-%'});

# --- rows that somebody has locked ----------------------------------------------

$agent->query('BEGIN');
$agent->query(q{SELECT FROM webchatt.conversations WHERE visitor IN ('ann', 'bob', 'cy') FOR UPDATE});
is(scalar says('bob', 'with a lock'), 200, 'a row that is locked holds no message up');
is(scalar says('fay', 'beside it'), 200, 'nor those beside it');
$t->send_text('ann', 'with a lock');
$t->drained('and answers leave');
$t->sql("SELECT webchatt.assign_conversation('$channel', 'bob', 'ana')");
becomes('fay', 't open', 'the others go on');
$agent->query('COMMIT');
becomes('bob', 't open ana', 'and when the lock is gone it comes right');
all_right('locks');

# --- a turn that is undone -------------------------------------------------------

$t->sql(q{
	CREATE FUNCTION stumble() RETURNS trigger LANGUAGE plpgsql AS $$
	BEGIN
		IF new.content ->> 'text' = 'stumble' THEN RAISE EXCEPTION 'stumbled'; END IF;
		RETURN NULL;
	END $$;
	CREATE TRIGGER stumble AFTER INSERT ON webchatt.messages FOR EACH ROW EXECUTE FUNCTION stumble()});
{
	my @posts = map { Webhook::message($channel, 's-' . $_, "gil-$_", $_ % 4 ? 'hello' : 'stumble') } 1 .. 40;
	is(scalar(grep { $t->post($_) != 200 } @posts), 0, 'events of which some are refused');
}
all_right('turns that were undone');
is($t->sql(q{SELECT count(*) FROM webchatt.conversations WHERE visitor LIKE 'gil-%'}), 30, 'the refused ones have no conversation');
$t->sql('DROP TRIGGER stumble ON webchatt.messages');

# --- everything at once ------------------------------------------------------------

my $dir = $t->node->basedir;
{
	open(my $fh, '>', "$dir/agents.sql") or die $!;
	print $fh <<"SQL";
\\set v random(1, 30)
\\set what random(1, 10)
\\set hold random(0, 20)
BEGIN;
\\if :what <= 5
SELECT webchatt.send_message('$channel', 'mix-' || :v, text => 'answer');
\\elif :what <= 7
SELECT webchatt.send_message('$channel', 'mix-' || :v, text => 'bot', final => false);
\\else
INSERT INTO closes SELECT visitor, id FROM webchatt.messages WHERE visitor = 'mix-' || :v ORDER BY id DESC LIMIT 1 RETURNING webchatt.close_conversation('$channel', visitor, upto);
\\endif
\\sleep :hold ms
COMMIT;
SQL
	close $fh;
}
$t->sql("INSERT INTO webchatt.visitors (channel_id, id) SELECT '$channel', 'mix-' || i FROM generate_series(1, 30) i");
my $agents = $t->pgbench("$dir/agents.sql", '-c', 4, '-t', 150);
my $killed = 0;
for my $i (1 .. 400)
{
	my $code = Webhook::post($t->webhook_url, $WebchattTest::SECRET, Webhook::message($channel, "x-$i", 'mix-' . (1 + int rand 30), 'hello'));
	$t->signal('TERM', 'worker_pid') if $i == 200;
	last if $i >= 250 && !kill 0, $agents;
}
$t->sends_end($agents);
$t->drained;
all_right('a random mix');
cmp_ok($t->sql(q{SELECT count(*) FROM webchatt.messages WHERE visitor LIKE 'mix-%'}), '>', 400, 'of many messages');

# --- NOTIFY -------------------------------------------------------------------------

sub told
{
	my ($session) = @_;

	return map { /Asynchronous notification "inbox" with payload "(.*)" received/ ? $1 : () } split /\n/, $session->query('SELECT 1');
}

{
	my $listener = $t->session;
	$listener->query('LISTEN inbox');
	told($listener);
	my $heard = sub {
		my ($what, $want) = @_;
		my $text = '';
		ok(WebchattTest::comes(sub { $text .= join ' ', told($listener); $text =~ $want }), $what) or diag($text);
		return $text;
	};
	says('ann', 'told');
	my $payload = $heard->('a visitor\'s message is told', qr/"\Q$channel\E\/ann"/);
	is_deeply(decode_json($payload), ["$channel/ann"], 'as JSON');
	says('ann', 'and once more');
	$heard->('also of one who waits already', qr/ann/);
	$t->send_text('ann', 'told too');
	$heard->('an answer', qr/ann/);
	$t->sql("SELECT webchatt.close_conversation('$channel', 'ann')");
	$heard->('a close', qr/ann/);
	$t->sql("SELECT webchatt.assign_conversation('$channel', visitor, 'all') FROM webchatt.conversations UNION ALL SELECT webchatt.assign_conversation('$channel', visitor, repeat('x', 200)) FROM webchatt.conversations");
	$heard->('what does not fit is a star', qr/^\*$|\]\*$|\w/);
	my $other = $t->session;
	$other->query('BEGIN');
	$other->query('NOTIFY nobody');
	is(scalar says('ann', 'beside another NOTIFY'), 200, 'another session\'s NOTIFY holds nothing up');
	$other->query('COMMIT');
	$heard->('and it is told', qr/ann/);
}

$t->finish;
done_testing();
