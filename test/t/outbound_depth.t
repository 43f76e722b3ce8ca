# webchatt.status.queued is what is queued, at any depth: of one conversation and of
# thousands, in an outage and after restarts, whatever becomes of the messages.
use strict;
use warnings;

use Cwd qw(abs_path);
use File::Basename;
use Mojo::JSON qw(decode_json);
use Mojo::UserAgent;
use Test::More;
use WebchattTest;

my $t = WebchattTest->attached(conf => 'webchatt.max_attempts = 100');
my $hub = $t->hub;
my $channel = $WebchattTest::CHANNEL;
my $queued = q{(SELECT count(*) FROM webchatt.messages WHERE direction = 'out' AND status = 'queued')};
my $oldest = q{(SELECT min(status_at) FROM webchatt.messages WHERE direction = 'out' AND status = 'queued')};

# Both what the status shows and what the table has come to be that.
sub shows
{
	my ($n, $what) = @_;
	$t->wait_for("SELECT queued = $n FROM webchatt.status", "$what: the status says $n");
	is($t->sql("SELECT $queued"), $n, "$what: so it is") if $n =~ /^\d+$/;
	return;
}

# At rest the two are equal, and so is since when the oldest waits (within what an id and now() differ).
sub is_true
{
	my ($what) = @_;
	$t->wait_for("SELECT queued = $queued FROM webchatt.status", $what)
	  or diag($t->sql("SELECT queued, $queued FROM webchatt.status"));
	$t->wait_for("SELECT coalesce(oldest_queued - $oldest BETWEEN '-2 s' AND '2 s', oldest_queued IS NULL AND $oldest IS NULL) FROM webchatt.status",
		"$what; and the oldest one's time")
	  or diag($t->sql("SELECT oldest_queued, $oldest FROM webchatt.status"));
	return;
}

# The same by hub, in status.hubs and in the metrics.
sub by_hub
{
	my ($n, $what) = @_;
	$t->wait_for("SELECT coalesce((hubs -> 'chatt2me' ->> 'queued')::bigint, 0) = $n AND (hubs -> 'chatt2me' ? 'oldest_queued') = ($n > 0) FROM webchatt.status",
		"$what: status.hubs says $n");
	my ($queued, $age);
	ok(WebchattTest::comes(sub {
		my $text = Mojo::UserAgent->new->get($t->base_url . '/metrics')->res->body;
		($queued) = $text =~ /^webchatt_queued\{hub="chatt2me"\} (\d+)$/m;
		($age) = $text =~ /^webchatt_oldest_queued_seconds\{hub="chatt2me"\} ([\d.]+)$/m;
		defined $queued && $queued == $n && defined $age && ($age > 0) == ($n > 0);
	}), "$what: and so do the metrics") or diag("$queued queued, the oldest for $age s");
	return;
}

sub queue { my ($to, $from, $n) = @_; $t->sql("SELECT count(webchatt.send_message('$channel', $to, text => i::text)) FROM generate_series($from, $from + $n - 1) i"); return }

sub restart_worker
{
	my ($signal) = @_;
	my $pid = $t->status('worker_pid');
	kill $signal, $pid;
	ok(WebchattTest::comes(sub { eval { $t->sql("SELECT worker_pid <> $pid AND state = 'running' FROM webchatt.status") eq 't' } }),
		"the worker ends by $signal and is started anew");    # psql may lose its server
	return;
}

is_true('nothing is queued');

# What was sent already, and is in the outbox still, is not counted after a restart.
my $reader = $t->session;
$reader->query('BEGIN; SELECT count(*) FROM webchatt.outbox');    # as long as this is open it is not emptied
queue("'sent' || i % 50", 1, 500);
$t->drained('500 are sent');
shows(0, 'sent');
restart_worker('TERM');
is($t->sql('SELECT count(*) > 0 FROM webchatt.outbox'), 't', 'the outbox has them still');
$reader->close;
$t->sql("SELECT webchatt.send_message('$channel', 'more', text => 'x')");
$t->drained;
shows(0, 'sent before the restart');

# An outage.
$hub->stop;
queue("'one'", 1, 1000);
shows(1000, '1,000 to one visitor');
is_true('1,000 to one visitor');
queue("'v' || i % 3000", 1, 40_000);
shows(41_000, '40,000 more, far beyond what memory holds');
queue("'v' || i % 5000", 1, 300);
shows(41_300, 'and what comes after');
is_true('beyond what memory holds');
by_hub(41_300, 'in an outage');

# Undone, cancelled, retried: in memory, of a spilled conversation, and beyond.
$t->sql("BEGIN; SELECT webchatt.send_message('$channel', 'undone', text => 'x'); ROLLBACK");
my %pick = (
	'in memory' => "visitor = 'v1'",
	'of a conversation that is spilled' => "visitor = 'one' AND (content ->> 'text')::int BETWEEN 200 AND 450",
	'beyond memory' => "visitor LIKE 'v%' AND (content ->> 'text')::int > 30000 AND (content ->> 'text')::int % 4 = 0");
for my $where (sort keys %pick)
{
	my $n = $t->sql("SELECT count(webchatt.cancel_message(channel_id, id)) FROM webchatt.messages WHERE status = 'queued' AND $pick{$where}");
	cmp_ok($n, '>', 0, "$n are cancelled $where");
	is_true("cancelled $where");
}
$t->sql("BEGIN; SELECT webchatt.cancel_message(channel_id, id) FROM webchatt.messages WHERE status = 'queued' AND visitor = 'v2'; ROLLBACK");
is_true('a cancellation that is undone');
$t->sql("SELECT webchatt.retry_message(channel_id, id) FROM webchatt.messages WHERE status = 'cancelled' AND (content ->> 'text')::int % 3 = 0");
is_true('retried');
$t->sql("SELECT webchatt.cancel_message(channel_id, id) FROM webchatt.messages WHERE status = 'queued' AND (content ->> 'text')::int % 9 = 0");
is_true('and cancelled again');

# Restarts: of the worker, of the worker by a crash, of the server.
restart_worker('TERM');
is_true('after a restart of the worker');
restart_worker('KILL');
is_true('after a crash');
$t->node->restart;
$t->wait_ready;
is_true('after a restart of the server');
queue("'v' || i % 5000", 1, 50);
is_true('and what comes then');

# A turn that is undone reads its rows again.
$t->sql(q{CREATE FUNCTION public.fails() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN IF new.direction = ''in'' THEN RAISE ''no''; END IF; RETURN NULL; END';
	CREATE TRIGGER fails AFTER INSERT ON webchatt.messages FOR EACH ROW EXECUTE FUNCTION public.fails()});
for my $round (1 .. 20)
{
	my $session = $t->session;
	print { $session->{in} } "SELECT count(webchatt.send_message('$channel', 'undo' || i % 7, text => i::text)) FROM generate_series(1, 60) i;\n";
	$session->{in}->flush;
	$t->post(Webhook::message($channel, "undo-$round", 'undo1', 'x'));
	$session->query('SELECT 1');
}
is_true('turns that are undone');
$t->sql('DROP TRIGGER fails ON webchatt.messages');
cmp_ok($t->sql('SELECT count(*) FROM webchatt.rejects'), '>', 0, 'there were some');

# It ends: what is left is sent, expires, fails, is held and released.
$t->sql("SELECT count(webchatt.cancel_message(channel_id, id)) FROM webchatt.messages WHERE status = 'queued' AND (content ->> 'text')::int % 25 <> 1");
is_true('most are cancelled');
$t->sql("SELECT webchatt.send_message('$channel', 'expires', text => '0', expires => interval '300 ms')");
$t->wait_for("SELECT status = 'expired' FROM webchatt.messages WHERE visitor = 'expires'", 'one expires');
is_true('expired');
$hub->start;
restart_worker('TERM');    # so that nothing is tried again late
$hub->rules({ to => 'v26', do => 400, times => 1 }, { to => 'v51', do => 500, times => 2 });
$t->drained('the rest leaves');
is_true('drained');
shows(0, 'drained');

$hub->set(sessions => []);
queue("'held'", 1, 50);
$t->wait_for("SELECT count(*) = 50 FROM webchatt.messages WHERE visitor = 'held' AND status = 'held'", '50 are held');
is_true('held ones are not queued');
is($t->sql("SELECT count(webchatt.cancel_message(channel_id, id)) FROM webchatt.messages WHERE visitor = 'held' AND content ->> 'text' = '7'"), 1, 'a held one is cancelled');
is_true('a held one is not queued, nor is it when it is cancelled');
$hub->set(sessions => undef);
$hub->rules({ to => 'held', do => 503, retry_after => 600 });
$t->post(Webhook::message($channel, 'back', 'held', 'I am back'));
shows(49, 'released');
is_true('released');
restart_worker('TERM');
is_true('released, after a restart');
$hub->rules();
restart_worker('TERM');
$t->drained;
shows(0, 'sent in the end');
by_hub(0, 'in the end');

# What is overdue costs status nothing, however much there is, and the first page no more than a page.
$t->sql("INSERT INTO webchatt.messages (channel_id, id, visitor, direction, status, content, status_at)
	SELECT '$channel', ('0180' || substr(i.h, 1, 4) || '-0000-7000-8000-' || substr(i.h, 5, 12))::uuid, 'quiet', 'out', 'sent', '{}', now() - interval '2 days' + n * interval '1 s'
	FROM (SELECT n, md5(n::text) AS h FROM generate_series(1, 20000) n) i;
	INSERT INTO webchatt.overdue_candidates (channel_id, message_id, quiet_since) SELECT channel_id, id, status_at FROM webchatt.messages WHERE visitor = 'quiet';
	ANALYZE webchatt.messages, webchatt.overdue_candidates");

# The most rows that a step of the plan yielded, over all its loops, and the relations it reads.
sub plan
{
	my ($query) = @_;
	my $plan = decode_json($t->sql("EXPLAIN (ANALYZE, FORMAT JSON) $query"))->[0]{Plan};
	my ($most, %relations) = (0);
	my @steps = $plan;
	while (my $step = shift @steps)
	{
		my $rows = $step->{'Actual Rows'} * $step->{'Actual Loops'};
		$most = $rows if $rows > $most;
		$relations{ $step->{'Relation Name'} // '' } = 1;
		push @steps, @{ $step->{Plans} // [] };
	}
	return ($most, \%relations);
}

my ($most, $relations) = plan('SELECT * FROM webchatt.overdue LIMIT 100');
cmp_ok($most, '<=', 200, 'the first hundred overdue are found without the others');
is($t->sql("SELECT count(*) = 100 AND bool_and(later) FROM (SELECT since >= lag(since, 1, since) OVER () AS later FROM (SELECT since FROM webchatt.overdue LIMIT 100) o) x"), 't', 'the oldest first');
($most, $relations) = plan('SELECT * FROM webchatt.status');
ok(!$relations->{overdue_candidates}, 'status reads none of them') or diag(join ' ', sort keys %$relations);
$t->sql(q{ALTER SYSTEM SET webchatt.overdue_after = '1h'; SELECT pg_reload_conf()});
restart_worker('TERM');
$t->wait_for('SELECT s.overdue = (SELECT count(*) FROM webchatt.overdue_candidates) FROM webchatt.status s', 'and says how many they are');

# What the bench begins anew with.
{
	my ($node, $bench) = ($t->node, abs_path(dirname(__FILE__) . '/../../bench'));
	local @ENV{qw(PGHOST PGPORT PGDATABASE)} = ($node->host, $node->port, 'postgres');
	is(system($^X, "-I$bench", '-MBench', '-e', 'empty_tables()'), 0, 'the bench empties the tables');
	is($t->sql('SELECT (SELECT count(*) FROM webchatt.messages) + (SELECT count(*) FROM webchatt.visitors) + (SELECT count(*) FROM webchatt.overdue_candidates)'), 0, 'all of them');
}
done_testing();
