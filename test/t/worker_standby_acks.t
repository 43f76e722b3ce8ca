# Nothing is told before the synchronous standby has it, whichever way the worker's
# wait for it is broken off: the standby is frozen, everybody who can be answered
# waits for an answer, and then the commit is cancelled, the worker ended, the server
# stopped, its postmaster killed.  What was answered is on the standby.
use strict;
use warnings;

use Endpoint;
use IO::Select;
use IO::Socket::INET;
use Mojo::JSON qw(decode_json encode_json);
use Mojo::UserAgent;
use POSIX ();
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(time);
use TwoHubs;

# B is the database under test: it has visitors, an API, a webhook of its own, a
# hub that posts events to it, and a link to A.
my $pair = TwoHubs->begin(streaming => 1, b => "max_wal_senders = 5\nwal_sender_timeout = 0\n"
	  . "webchatt.webhook_allowed_addresses = '127.0.0.0/8'\nwebchatt.ack_timeout = 600000");
my ($a, $b) = ($pair->a, $pair->b);
my $endpoint = Endpoint->new;
my (@visitors, $speaker, $api_key, $standby, $n, %asked);

$a->sql('ALTER SYSTEM SET webchatt.ack_timeout = 600000');
$a->node->reload;
($b->{channel}, $b->{key}) = $b->make_channel('Shop', $LocalHub::ORIGIN);
$b->attach('http://127.0.0.1:9');
$api_key = $b->sql(q{SELECT webchatt.create_api_key('tests')});
$endpoint->on('*', sub {
	my $token = Endpoint::header($_[0], 'X-Validation-Token');

	return Endpoint::reply(200, $token ne '' ? encode_json($token) : '{}');
});
$b->sql("SELECT webchatt.create_webhook('all', 'http://127.0.0.1:$endpoint->{port}/all', 'Message')");
ok($endpoint->until(sub { $b->sql('SELECT verified_at IS NOT NULL FROM webchatt.webhooks') eq 't' }), 'a webhook of B is verified');
$pair->attach('link');
$speaker = $pair->visitor;
@visitors = map { $b->arrived(again => 0.3, log => 0) } 1 .. 3;

$b->node->backup('base');
$standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($b->node, 'base', has_streaming => 1);
$standby->append_conf('postgresql.conf', "webchatt.listen = '127.0.0.1:" . WebchattTest::free_port() . "'");
$standby->start;
$b->sql(q{ALTER SYSTEM SET synchronous_standby_names = '*'});
$b->node->reload;

sub worker_waits { my ($but) = @_; return $b->sql('SELECT count(*) FROM pg_stat_activity WHERE ' . ($but ? "pid <> $but AND " : '')
	  . q{backend_type = 'webchatt worker' AND wait_event = 'SyncRep'}) == 1 }
sub worker { return $b->sql('SELECT worker_pid FROM webchatt.status') }
sub waiting { return Mojo::UserAgent->new->get($b->base_url . '/metrics')->res->body =~ /^webchatt_events_waiting (\d+)/m ? $1 : 0 }
sub in_step { return $b->until(q{SELECT count(*) = 1 FROM pg_stat_replication WHERE sync_state = 'sync'}, 60) }

sub receiver
{
	my ($out, $err) = ('', '');

	$standby->psql('postgres', 'SELECT pid FROM pg_stat_wal_receiver', stdout => \$out, stderr => \$err);
	return $out;
}

# An HTTP request to B whose answer is read later: what it asks for, and its socket.
sub ask
{
	my ($text, $path, $body, @headers) = @_;
	my $socket = IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $b->{port}) or return;

	print $socket join("\r\n", "POST $path HTTP/1.1", 'Host: t', 'Content-Type: application/json', @headers,
		'Content-Length: ' . length $body, '', $body);
	$socket->flush;
	$asked{$text} = $socket;
	return;
}

# Everybody says one thing; a text that is in it names what was said.
sub say_all
{
	my ($way) = @_;

	$_->say("$way visitor " . ++$n) for @visitors;
	for (1 .. 3)
	{
		my $text = "$way webhook " . ++$n;
		my $body = encode_json(Webhook::message($WebchattTest::CHANNEL, "m-$n", "v$n", $text));

		ask($text, "/webhooks/$WebchattTest::CHANNEL", $body, 'X-hub-Signature: ' . Webhook::signature($WebchattTest::SECRET, $body));
		$text = "$way API " . ++$n;
		ask($text, '/v1/communication/web-chatt2me/message',
			encode_json({ from => $b->{channel}, to => $visitors[0]{visitor}, content => { text => $text } }), "x-api-key: $api_key");
	}
	$speaker->say("$way link " . ++$n);
	return;
}

# The texts of this way that somebody was told of: acks, answers of 2xx, pushes to
# visitors, deliveries, what A was told by its link.
my %answered;

sub told
{
	my ($way) = @_;
	my %told;

	for my $v (@visitors)
	{
		$told{ $_->{content}{text} } = 1 for grep { $_->{direction} eq 'out' || $v->{acked}{ $_->{client} // '' } } values %{ $v->{messages} };
	}
	for my $text (keys %asked)
	{
		my $answer = '';

		sysread($asked{$text}, $answer, 65536) if IO::Select->new($asked{$text})->can_read(0);
		$answered{$text} = 1 if $answer =~ m{\AHTTP/1\.1 2};
	}
	$told{$_} = 1 for keys %answered;
	$told{ decode_json($_->{body})->{content}{text} } = 1 for grep { Endpoint::header($_, 'X-Validation-Token') eq '' } @{ $endpoint->{requests} };
	$told{$_} = 1 for split /\n/, $a->sql(q{SELECT m.content ->> 'text' FROM webchatt.feed e JOIN webchatt.messages m ON m.id = e.message_id
		WHERE e.seq <= (SELECT max(acknowledged) FROM webchatt.links)});
	return grep { /\A\Q$way\E / } sort keys %told;
}

sub on_standby { return { map { $_ => 1 } split /\n/, $standby->safe_psql('postgres', q{SELECT content ->> 'text' FROM webchatt.messages}) } }

# Freeze the standby, have everybody say something until the commit waits, break the
# wait off, and compare.  Breaking it returns when everything that will ever be told
# of it has been told.
sub break_off
{
	my ($way, $break) = @_;
	my ($frozen, $rows, @told);

	ok(in_step(), "$way: a synchronous standby");
	say_all("$way, before:");
	ok($endpoint->until(sub { 10 == told("$way, before:") }, 60), "$way: everybody is told, as long as the standby answers")
	  or diag(join "\n", told("$way, before:"));
	$asked{$_}->close for keys %asked;
	%asked = ();
	# all of it in one commit
	my $worker = worker();
	$frozen = receiver();
	kill 'STOP', $worker;
	say_all("$way:");
	ok($endpoint->until(sub { waiting() >= 3 }, 60), "$way: everybody has spoken");
	kill 'STOP', $frozen;
	kill 'CONT', $worker;
	ok($endpoint->until(sub { worker_waits() }, 60), "$way: the worker's commit waits for the standby");
	$break->();
	@told = told("$way:");
	$rows = on_standby();
	is_deeply([ grep { !$rows->{$_} } @told ], [], "$way: nobody was told of what the standby does not have (told: " . @told . ')');
	is(scalar(grep { /\A\Q$way\E: / } keys %$rows), 0, "$way: which has nothing of it");
	return $frozen;
}

sub thaw { my ($pid) = @_; return kill 'CONT', $pid }

# Everybody comes again, with what they said.
sub goes_on
{
	my ($way, $frozen, $all) = @_;

	thaw($frozen);
	ok($endpoint->until(sub { !grep { %{ $_->{unacked} } } @visitors, $speaker }, 60), "$way: then everybody is told");
	ok($endpoint->until(sub { $all <= told("$way:") }, 60), "$way: of all of it, the link too (at least $all)")
	  or diag(join "\n", told("$way:"));
	$asked{$_}->close for keys %asked;
	%asked = ();
	return;
}

# --- cancelled ----------------------------------------------------------------

my $frozen = break_off('cancelled', sub {
	my $at = -s $b->node->logfile;

	for my $time (1 .. 3)
	{
		$b->sql('SELECT pg_cancel_backend(' . worker() . ')');
		ok($endpoint->until(sub { (() = slurp_file($b->node->logfile, $at) =~ /canceling wait for synchronous replication/g) >= $time && worker_waits() }, 30),
			"the wait is cancelled, and begun again ($time)");
	}
});
goes_on('cancelled', $frozen, 10);

# A session whose own wait was broken off knows what that means; but the visitor is
# not shown what the standby does not have.
ok(in_step(), 'a session: a synchronous standby');
$frozen = receiver();
kill 'STOP', $frozen;
my $session = fork // die $!;
if ($session == 0)
{
	open STDERR, '>', '/dev/null';
	exec 'psql', '-Xqd', $b->node->connstr('postgres'), '-c',
	  "SELECT webchatt.send_message('$b->{channel}', '$visitors[0]{visitor}', text => 'session: by SQL')" or POSIX::_exit(127);
}
my $sender = q{FROM pg_stat_activity WHERE backend_type = 'client backend' AND query LIKE '%session: by SQL%' AND pid <> pg_backend_pid()};
ok($endpoint->until(sub { $b->sql("SELECT wait_event = 'SyncRep' $sender") eq 't' }, 30), 'its commit waits');
$b->sql("SELECT pg_cancel_backend(pid) $sender");
waitpid $session, 0;
ok($endpoint->until(sub { worker_waits() }, 60), 'is cancelled: now the worker waits, who is to tell of it');
is_deeply([ told('session:') ], [], 'the visitor is not told');
thaw($frozen);
ok($endpoint->until(sub { 1 == told('session:') }, 60), 'until the standby has it');

# --- more standbys are wanted than are there -----------------------------------

sub wanted { my ($names) = @_; $b->sql("ALTER SYSTEM SET synchronous_standby_names = '$names'"); $b->node->reload; return }

for my $then ('FIRST 1 (standby, other)', 'ANY 1 (other, standby)', '')
{
	my $way = 'then "' . $then . '"';

	wanted('FIRST 2 (standby, other)');
	ok($b->until(q{SHOW synchronous_standby_names}, 30, 'FIRST 2 (standby, other)'), 'two standbys are wanted, and one is there');
	say_all("$way:");
	ok($endpoint->until(sub { worker_waits() }, 60), "$way: the worker's commit waits");
	is_deeply([ told("$way:") ], [], "$way: nobody is told");
	wanted($then);
	ok($endpoint->until(sub { 10 == told("$way:") }, 60), "$way: now everybody is") or diag(join "\n", told("$way:"));
	$asked{$_}->close for keys %asked;
	%asked = ();
}
# The end of a restore is a commit as well.
wanted('FIRST 2 (standby, other)');
$b->sql('SET synchronous_commit = local; INSERT INTO webchatt.restores DEFAULT VALUES');
my $ended = worker();
$b->sql("SELECT pg_terminate_backend($ended)");
ok($b->until("SELECT count(*) = 1 FROM pg_stat_activity WHERE pid <> $ended AND backend_type = 'webchatt worker' AND wait_event = 'SyncRep'", 60),
	'the end of a restore waits for the standbys');
$ended = worker();
$b->sql("SELECT pg_terminate_backend($ended)");
ok(WebchattTest::gone($ended), 'and a shutdown does not wait with it');
wanted('*');
# a client may not have noticed yet that it was cut: who is asked by HTTP has to listen again
ok($b->until("SELECT count(*) = 1 FROM webchatt.status WHERE worker_pid <> $ended AND listening IS NOT NULL", 60), 'it listens again');
ok($endpoint->until(sub { !grep({ $_->{state} ne 'welcomed' } @visitors, $speaker) && $b->status('visitors') >= @visitors }, 60), 'everybody is back');

# --- the worker is ended ------------------------------------------------------

$frozen = break_off('terminated', sub {
	my $old = worker();

	$b->sql("SELECT pg_terminate_backend($old)");
	ok($endpoint->until(sub { worker_waits($old) }, 60), 'the next worker waits, too: for those who came again');
});
# whoever asked by HTTP was cut, and would ask again
goes_on('terminated', $frozen, 4);

# --- the server is stopped ----------------------------------------------------

# Its processes are gone, and with them every line to somebody.
sub gone { my (@pids) = @_; return sub { !grep { kill 0, $_ } @pids } }

for my $way ('fast', 'immediate')
{
	my $net;

	$frozen = break_off("stopped $way", sub {
		my @pids = (worker(), $net = $b->status('net_pid'));

		system_or_bail('pg_ctl', '-D', $b->node->data_dir, '-m', $way, '-W', 'stop');
		ok($endpoint->until(gone(@pids), 60), "stopped $way: worker and webchatt-net are gone");
		$endpoint->until(sub { !grep { $_->{state} eq 'welcomed' } @visitors }, 10);
	});
	# a walsender waits for the frozen standby to take the rest
	system_or_bail('pg_ctl', '-D', $b->node->data_dir, '-m', 'immediate', '-w', 'stop') if $way eq 'fast';
	thaw($frozen);
	$b->node->_update_pid(0);
	$b->node->start;
	$b->wait_ready(60);
	goes_on("stopped $way", $frozen, 4);
}

# --- the postmaster is killed, and the standby takes over ---------------------

$frozen = break_off('killed', sub {
	my @pids = (worker(), $b->status('net_pid'));

	$b->node->kill9;
	ok($endpoint->until(gone(@pids), 60), 'killed: worker and webchatt-net are gone');
	$endpoint->until(sub { !grep { $_->{state} eq 'welcomed' } @visitors }, 10);
});
$_->end for @visitors, $speaker;
my %before = map { map { $_ => 1 } told("$_,"), told("$_:") } 'cancelled', 'terminated', 'stopped fast', 'stopped immediate', 'killed';
kill 'KILL', $frozen;
$standby->stop('immediate');
$standby->start;
$standby->promote;
ok($endpoint->until(sub { $standby->safe_psql('postgres', 'SELECT pg_is_in_recovery()') eq 'f' }, 60), 'the standby is the primary');
my $rows = on_standby();
cmp_ok(scalar keys %before, '>', 40, 'of all that was told (' . keys(%before) . ')');
is_deeply([ grep { !$rows->{$_} } sort keys %before ], [], 'everything is there');

done_testing();
