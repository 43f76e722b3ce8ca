# What strangers may have stored in an hour, in the database and in each channel:
# newcomers, messages and bytes.  Restarts do not empty a budget, who is known goes
# on, and everybody is told what to do.
use strict;
use warnings;

use LocalHub;
use Mojo::UserAgent;
use Test::More;

# An hour's worth runs out so slowly here that nothing comes free while the test runs.
my $t = LocalHub->begin(
	limits => join "\n", 'webchatt.visitor_rate = 100000', 'webchatt.visitor_burst = 1000', 'webchatt.address_rate = 1000000',
	'webchatt.address_burst = 100000', 'webchatt.new_visitor_rate = 1000000', 'webchatt.hello_rate = 1000000',
	'webchatt.newcomers_per_hour = 9', 'webchatt.channel_newcomers_per_hour = 4',
	'webchatt.messages_per_hour = 20', 'webchatt.channel_messages_per_hour = 12');
my ($a, $a_key) = ($t->{channel}, $t->{key});
my ($b, $b_key) = $t->make_channel('Second', $LocalHub::ORIGIN);
my ($c, $c_key) = $t->make_channel('Third', $LocalHub::ORIGIN);

# A newcomer who is refused: closed with 1013.
sub refused
{
	my ($key, $name) = @_;
	my $v = $t->visitor(key => $key);

	$v->connect;
	is($v->closed(30), 1013, $name);
	return $v;
}

sub settings
{
	my (%value) = @_;

	$t->sql("ALTER SYSTEM SET webchatt.$_ = '$value{$_}'") for sort keys %value;
	$t->node->reload;
	return;
}

# The metrics have a line like that, soon.
sub measured
{
	my ($line, $what) = @_;
	my $text;

	return ok(Visitor::until(sub { return ($text = Mojo::UserAgent->new->get($t->base_url . '/metrics')->res->body) =~ $line }), $what) || diag($text);
}

# --- newcomers ---------------------------------------------------------------

my @known = map { $t->arrived(receipts => 'none') } 1 .. 4;
like(refused($a_key, 'the fifth newcomer of a channel that may have four is told to come later')->{close_reason} // '',
	qr/too many new visitors here/, 'and why');
is($t->sql("SELECT count(*) FROM webchatt.visitors WHERE channel_id = '$a'"), 4, 'and is no row');
$known[0]->cut;
$known[0]->arrive;
is($known[0]->{state}, 'welcomed', 'who is known comes in');
# the door may not know the channel yet
Visitor::until(sub { my $v = $t->visitor(key => $b_key); $v->connect; Visitor::until(sub { $v->{state} =~ /welcomed|closed/ }, 20); $v->{state} eq 'welcomed' }, 30) for 1 .. 4;
ok($t->visitor(key => $c_key)->arrive, 'another channel has a budget of its own');
refused($c_key, 'until the database\'s is used up');
$t->wait_for("SELECT used = 4 AND an_hour = 4 AND refused >= 1 FROM webchatt.budgets WHERE channel_id = '$a' AND what = 'newcomers'",
	'webchatt.budgets shows the channel\'s');
$t->wait_for("SELECT used = 9 AND refused >= 1 FROM webchatt.budgets WHERE channel_id IS NULL AND what = 'newcomers'",
	'and the database\'s');
is($t->sql("SELECT (budgets #>> '{newcomers,used}')::int = 9 AND (budgets #>> '{newcomers,an_hour}')::int = 9 FROM webchatt.status"), 't', 'status too');
measured(qr/^webchatt_newcomers_refused_total\{reason="budget"\} [1-9]/m, 'the metrics count who was refused, by reason');
measured(qr/^webchatt_budget_used\{budget="newcomers"\} [1-9]/m, 'and show what is used');
measured(qr/^webchatt_budget_an_hour\{budget="newcomers"\} 9$/m, 'of what');

# --- restarts ----------------------------------------------------------------

my $net = $t->status('net_pid');
kill 'KILL', $net;
$t->wait_for("SELECT net_pid <> $net AND state = 'running' FROM webchatt.status", 'webchatt-net was killed');
$t->wait_ready;
refused($a_key, 'a new webchatt-net does not fill it again');
my $worker = $t->status('worker_pid');
$t->sql("SELECT pg_terminate_backend($worker)");
$t->wait_for("SELECT worker_pid <> $worker AND state = 'running' FROM webchatt.status", 'the worker was ended');
$t->wait_ready;
refused($a_key, 'nor does a new worker');
$t->node->restart;
$t->wait_ready;
refused($a_key, 'nor a restart of the server');
$known[1]->cut;
$known[1]->connect;
ok($known[1]->welcomed(30), 'who is known comes in then too');

# --- messages ----------------------------------------------------------------

my $writer = $known[1];
my @ids = map { $writer->say("message $_") } 1 .. 12;
is(scalar(grep { $writer->acked($_, 30) } @ids), 12, 'as many messages as the channel may have');
my $over = $writer->say('one more');
my $error = $writer->got(sub { $_->{type} eq 'error' && ($_->{id} // '') eq $over }, 30);
is($error->{code}, 'busy', 'one more is to be sent again');
is($error->{retry_after}, 60000, 'after a minute');
is($t->sql("SELECT count(*) FROM webchatt.messages WHERE channel_id = '$a'"), 12, 'and is no row');
measured(qr/^webchatt_events_total\{result="budget"\} [1-9]/m, 'which the metrics count');
settings(messages_per_hour => 1000, channel_messages_per_hour => 1000);
ok(Visitor::until(sub { $writer->acked($writer->say('later'), 1) }, 30), 'there is room again when the setting is raised');

# --- bytes -------------------------------------------------------------------

settings(newcomers_per_hour => 1000, channel_newcomers_per_hour => 1000, channel_bytes_per_hour => '48kB');
my $before = $t->sql("SELECT coalesce(sum(octet_length(content::text)), 0) FROM webchatt.messages WHERE channel_id = '$b'");
my $eager;
Visitor::until(sub { my $v = $t->visitor(key => $b_key); $v->connect; Visitor::until(sub { $v->{state} =~ /welcomed|closed/ }, 20);
	$eager = $v; return $v->{state} eq 'welcomed' }, 30);
my @long = map { $eager->say('x' x 8000) } 1 .. 12;
ok($eager->got(sub { $_->{type} eq 'error' && $_->{code} eq 'busy' && $_->{retry_after} == 60000 }, 30), 'nor may they be long without an end');
my $bytes = $t->sql("SELECT sum(octet_length(content::text)) FROM webchatt.messages WHERE channel_id = '$b'") - $before;
cmp_ok($bytes, '<=', 48 * 1024, 'no more bytes than may be are stored');
cmp_ok($bytes, '>', 16 * 1024, 'but what may be is');
my $refusals = 0;
for (1 .. 30)
{
	my $v = $t->visitor(key => $b_key, attributes => { map { ("a$_" => 'y' x 110) } 1 .. 15 });
	$v->connect;
	Visitor::until(sub { $v->{state} =~ /welcomed|closed/ }, 20);
	$refusals++ if ($v->{close_code} // 0) == 1013;
}
cmp_ok($refusals, '>', 0, 'what newcomers say of themselves counts as bytes');
my $v = $known[2];
$v->cut;
$v->connect;
ok($v->welcomed(30) && defined $v->acked($v->say('short'), 30), 'other channels are not touched by it');

# --- no new ones, please ------------------------------------------------------

settings(channel_bytes_per_hour => 0, bytes_per_hour => 0);
$t->sql("SELECT webchatt.pause_newcomers('$a')");
my $paused = Visitor::until(sub { my $n = $t->visitor(key => $a_key); $n->connect; Visitor::until(sub { $n->{state} =~ /welcomed|closed/ }, 20); $n->{state} eq 'closed' ? $n : undef }, 30);
is($paused->{close_code}, 1013, 'a channel that is paused takes no new visitors');
like($paused->{close_reason} // '', qr/no new visitors/, 'and says so');
$known[3]->cut;
$known[3]->connect;
ok($known[3]->welcomed(30) && $known[3]->acked($known[3]->say('still here'), 30), 'who is known goes on');
is($t->status('paused_channels'), 1, 'status counts it');
measured(qr/^webchatt_newcomers_refused_total\{reason="paused"\} [1-9]/m, 'so do the metrics');
$t->wait_for("SELECT refused >= 1 FROM webchatt.budgets WHERE channel_id = '$a' AND what = 'paused'", 'and the view');
$t->sql("SELECT webchatt.pause_newcomers('$a', false)");
ok(Visitor::until(sub { my $n = $t->visitor(key => $a_key); $n->connect; Visitor::until(sub { $n->{state} =~ /welcomed|closed/ }, 20); $n->{state} eq 'welcomed' }, 30), 'and takes them again');
like(($t->try_sql("SELECT webchatt.pause_newcomers('$a', NULL)"))[2], qr/paused is NULL/, 'NULL is refused');
like(($t->try_sql("SELECT webchatt.pause_newcomers(gen_random_uuid())"))[2], qr/there is no channel/, 'so is a channel that is none');

done_testing();
