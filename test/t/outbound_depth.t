# webchatt.status.queued is what is queued, at any depth: of one conversation and of
# thousands, in an outage and after restarts, whatever becomes of the messages.
use strict;
use warnings;

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
queue("'sent' || i % 50", 1, 500);
$t->drained('500 are sent');
shows(0, 'sent');
restart_worker('TERM');
is($t->sql('SELECT count(*) > 0 FROM webchatt.outbox'), 't', 'the outbox has them still');
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
done_testing();
