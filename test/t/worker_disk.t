# A disk is full: nothing is acknowledged that is not kept, whoever waits is told so, and when there
# is room again it goes on by itself.  (The server's writes fail as they do on a full disk: Turned.)
use strict;
use warnings;

use LocalHub;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(time);
use Turned;

my $turned = Turned->new(PostgreSQL::Test::Utils::tempdir());
my $t = $turned->start(sub { LocalHub->begin(conf => "webchatt.ack_timeout = '1s'\nautovacuum = off") });
my $node = $t->node;
my $channel = $WebchattTest::CHANNEL;
$t->sql("SELECT webchatt.connect_hub('key', 'http://127.0.0.1:9'); SELECT webchatt.add_channel('$channel');
	SELECT webchatt.set_webhook_secret('$channel', '$WebchattTest::SECRET'); CREATE TABLE filler (t text)");

my @clients = map { $t->arrived(log => 0, again => sub { 0.05 + rand 0.2 }) } 1 .. 4;
my (%posted, %answers);
my $long = 'x' x 2000;

# Everybody writes, and a hub posts, until the condition holds.
sub load_until
{
	my ($condition, $patience) = @_;

	return $t->load_until(\@clients, $condition, $patience, posted => \%posted, answers => \%answers, text => $long, timeout => 5);
}

sub acked { my $n = 0; $n += keys %{ $_->{acked} } for @clients; return $n }
sub errors { return map { $_->{code} } map { @{ $_->{errors} } } @clients }

# All that was answered is there, and everybody is served.
sub goes_on
{
	my ($what) = @_;
	my %had = map { $_->{number} => scalar keys %{ $_->{acked} } } @clients;
	my $before = keys %posted;

	ok(load_until(sub { !(grep { keys %{ $_->{acked} } < $had{ $_->{number} } + 3 } @clients) && keys %posted > $before + 2 }, 90),
		"$what: it goes on by itself") or diag(map { $_->describe . "\n" } @clients);
	my %rows = map { split /\|/ } split /\n/, $t->sql(q{SELECT hub_message_id, count(*) FROM webchatt.messages
		WHERE hub_message_id LIKE 'm-%' GROUP BY 1});
	LocalHub::none([ grep { ($rows{$_} // 0) != 1 } keys %posted ], "$what: every event that was answered 200 is there, once");
	my ($lost, $acked) = (0, acked());
	for my $client (@clients)
	{
		my %is = map { $_ => 1 } split /\n/, $t->sql("SELECT hub_message_id FROM webchatt.messages WHERE visitor = '$client->{visitor}'");
		$lost += grep { !$is{"$client->{visitor}/$_"} } keys %{ $client->{acked} };
	}
	is($lost, 0, "$what: every message that was acknowledged is there (of $acked)");
	is($t->sql('SELECT count(*) FROM (SELECT FROM webchatt.messages GROUP BY channel_id, hub_message_id HAVING count(*) > 1) x'), 0,
		"$what: none twice");
	return;
}

ok(load_until(sub { acked() > 20 && keys %posted > 3 }, 60), 'all is well');
my ($worker, $net) = map { $t->status($_) } 'worker_pid', 'net_pid';

# --- the tables' disk ------------------------------------------------------------------------------

$turned->full('/base/');
ok(load_until(sub { $t->status('last_error') =~ /could not extend file.*No space left/ }, 60), 'tables: status says that the disk is full');
ok(load_until(sub { $answers{503} }, 60), 'tables: a hub is answered 503');
ok(load_until(sub { grep { $_ eq 'busy' } errors() }, 60), 'tables: a visitor is told that the hub is busy');
my ($status, $out, $err);
for (1 .. 200)
{
	($status, $out, $err) = $t->try_sql("SELECT webchatt.send_message('$t->{channel}', '$clients[0]{visitor}', text => '$long')");
	last if $status != 0;
}
like($err, qr/could not extend file.*No space left on device.*HINT:  Check free disk space/s, 'tables: whoever sends by SQL is told so');
$turned->full;
goes_on('tables');
is($t->status('worker_pid') . ' ' . $t->status('net_pid'), "$worker $net", 'tables: nothing had to be started anew');

# --- the disk of temporary files -------------------------------------------------------------------

$turned->full('/pgsql_tmp/');
($status, $out, $err) = $t->try_sql(q{SET work_mem = '64kB'; SELECT count(*) FROM (SELECT g::text || repeat('x', 100) AS s
	FROM generate_series(1, 50000) g ORDER BY s DESC OFFSET 1) x});
like($err, qr/No space left on device/, 'temporary files: a query that needs them fails');
goes_on('temporary files, full');
$turned->full;

# --- the log's disk --------------------------------------------------------------------------------

$turned->full($node->logfile);
$t->sql('SELECT pg_reload_conf()');
goes_on('log, full');
$turned->full;

# --- the WAL's disk: PostgreSQL itself goes down -----------------------------------------------------

my $postmaster = $t->sql("SELECT pg_stat_file('postmaster.pid') IS NOT NULL") && (split /\n/, slurp_file($node->data_dir . '/postmaster.pid'))[0];
$turned->full('/pg_wal/');
my $tries = 0;
load_until(sub { return 1 if slurp_file($node->logfile) =~ /PANIC:.*No space left/;
	$t->try_sql(q{INSERT INTO filler SELECT repeat('y', 7000) FROM generate_series(1, 300); SELECT pg_switch_wal()}); return ++$tries > 200 }, 60);
like(slurp_file($node->logfile), qr/PANIC:.*No space left on device/, 'WAL: the server panics, as PostgreSQL does');
my $gone = load_until(sub { !kill(0, $postmaster) || slurp_file('/proc/' . $postmaster . '/stat') =~ /\) Z/ }, 60);
note($gone ? 'and does not come up while it is full' : 'and tries to come up');
$turned->full;
if ($gone)
{
	$node->_update_pid(0);
	$turned->start(sub { $node->start });
}
goes_on('WAL');

done_testing();
