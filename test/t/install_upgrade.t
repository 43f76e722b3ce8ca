# pg_upgrade, with visitors and a hub at the door all the while.  In the servers that it starts
# nothing of ours runs: nobody listens, so nothing is acknowledged that the new cluster does not
# have, and nobody hears that a channel is unknown.
#
# From the PostgreSQL under test to itself; or, where WEBCHATT_OLD_PG_CONFIG names the pg_config
# of an older one that has webchatt too, from that one (scripts/majors).  WEBCHATT_UPGRADE_TABLES:
# how many tables the application has besides (make test-all: 3,000).
use strict;
use warnings;

use IO::Socket::INET;
use LocalHub;
use POSIX qw(:sys_wait_h);
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(time);

my $bin = bindir('pg_config');
my $old_bin = $ENV{WEBCHATT_OLD_PG_CONFIG} ? bindir($ENV{WEBCHATT_OLD_PG_CONFIG}) : $bin;
my $tables = $ENV{WEBCHATT_UPGRADE_TABLES} // ($ENV{WEBCHATT_TEST_LONG} ? 3000 : 100);

sub bindir
{
	my ($pg_config) = @_;
	my $dir = `$pg_config --bindir`;

	chomp $dir;
	return $dir;
}

# --- the old cluster, at work ------------------------------------------------

my $t = LocalHub->begin(name => 'old', $old_bin ne $bin ? (install_path => $old_bin =~ s{/bin\z}{}r) : ());
my $old = $t->node;
note('from ' . $t->sql('SHOW server_version'));
$t->answering;
$t->sql("DO \$\$ BEGIN FOR i IN 1 .. $tables LOOP
	EXECUTE format('CREATE TABLE app_%s (id int PRIMARY KEY, t text UNIQUE)', i); IF i % 200 = 0 THEN COMMIT; END IF; END LOOP; END \$\$");
$t->{hub} = Hub->new(dir => $old->basedir . '/hub', keys => [$WebchattTest::KEY], channels => { $WebchattTest::CHANNEL => 'web-chatt2me' });
$t->attach($t->hub->url);
Visitor::until(sub { scalar $t->post(Webhook::message($WebchattTest::CHANNEL, 'm-first', 'h-1', 'hello')) == 200 }, 30);
my $sent = $t->send_text('h-1', 'sent before');
$t->status_becomes($sent, 'sent', 'a message is sent before');
$t->hub->rules({ do => 503, retry_after => 600 });
my @queued = map { $t->send_text('h-1', "waits $_") } 1 .. 3;
$t->wait_for(q{SELECT hubs -> 'chatt2me' ->> 'state' = 'paused' FROM webchatt.status}, 'the hub is away: messages wait');
my $away = $t->arrived;
$away->end;
$t->wait_for("SELECT count(*) = 0 FROM webchatt.presence WHERE visitor = '$away->{visitor}'", 'a visitor is away');
my $held = $t->reply($away->{visitor}, 'for later');
$t->wait_for("SELECT status = 'held' FROM webchatt.messages WHERE id = '$held'", 'a message is held');

my @clients = map { $t->arrived(log => 0, again => sub { 0.02 + rand 0.1 }) } 1 .. 6;
my %identity = map { $_->{number} => $_->{visitor} } @clients;
my (%posted, %answers);

sub acked { my $n = 0; $n += keys %{ $_->{acked} } for @clients; return $n }

# Everybody writes, and the hub posts, until the condition holds; what answers is counted.
sub load_until { my ($condition, $patience) = @_; return $t->load_until(\@clients, $condition, $patience, posted => \%posted, answers => \%answers, timeout => 3) }

ok(load_until(sub { acked() >= 100 && keys %posted >= 5 }, 60), 'visitors write and the hub posts');

# --- pg_upgrade --------------------------------------------------------------

my $new = PostgreSQL::Test::Cluster->new('new');
# (from 18 on it makes them when nothing is said)
my @sums = $t->sql('SHOW data_checksums') eq 'on' ? '-k' : (qx{"$bin/initdb" --version} =~ /(\d+)/)[0] >= 18 ? '--no-data-checksums' : ();
$new->init(extra => [ '--no-locale', '-E', 'UTF8', @sums ]);
$new->append_conf('postgresql.conf', $t->configuration('postgres', $LocalHub::WIDE));

my %line = map { $_->{number} => $_->{socket} } @clients;
$old->stop('fast');
# what was said before the end is heard before the lines are seen to be cut
ok(Visitor::until(sub { !grep { $line{ $_->{number} } && $_->{socket} && $_->{socket} == $line{ $_->{number} } } @clients }, 60),
	'the visitors are cut');
my $acked = acked();
my $posted = keys %posted;
my $xid = next_xid($old_bin, $old);

my $dir = $new->basedir;
my $log = "$dir/pg_upgrade.out";
my $pid = fork // die "fork: $!";
if ($pid == 0)
{
	chdir $dir;
	open(STDOUT, '>', $log);
	open(STDERR, '>&', \*STDOUT);
	exec { "$bin/pg_upgrade" } "$bin/pg_upgrade", '-b', $old_bin, '-B', $bin, '-d', $old->data_dir, '-D', $new->data_dir,
	  '-s', $new->host, '-p', $old->port, '-P', $new->port or POSIX::_exit(127);
}
my ($status, $asked, $heard) = (undef, 0, 0);
my $began = time;
load_until(
	sub {
		$asked++;
		$heard++ if IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $t->{port}, Timeout => 1);
		$status = $? if waitpid($pid, WNOHANG) == $pid;
		return defined $status;
	}, 300);
if (!defined $status) { kill 'KILL', $pid; waitpid $pid, 0 }
is($status, 0, sprintf 'pg_upgrade, in %.0f s', time - $began) or diag(slurp_file($log));
cmp_ok($asked, '>', 20, "they are at the door meanwhile ($asked times)");
is($heard, 0, 'and nobody listens there');
is(acked(), $acked, 'nothing is acknowledged to visitors');
is(scalar keys %posted, $posted, 'nor to the hub');
my $after = next_xid($bin, $new);
cmp_ok($after, '>=', $xid, 'the next transaction id is none that was used');

sub next_xid
{
	my ($dir, $node) = @_;
	my ($epoch, $xid) = qx{"$dir/pg_controldata" "@{[ $node->data_dir ]}"} =~ /NextXID: *(\d+):(\d+)/;

	return $epoch * 2**32 + $xid;
}

# --- the new cluster ---------------------------------------------------------

$new->start;
$t->{node} = $new;
$t->hub->rules();
note('to ' . $t->sql('SHOW server_version'));
my %had = map { $_->{number} => scalar keys %{ $_->{acked} } } @clients;
ok(load_until(sub { !grep { keys %{ $_->{acked} } < $had{ $_->{number} } + 5 } @clients }, 90), 'every visitor is served again by itself')
  or diag(map { $_->describe . "\n" } @clients);
ok(load_until(sub { keys %posted > $posted + 5 }, 60), 'the hub posts again');
is_deeply({ map { $_->{number} => $_->{visitor} } @clients }, \%identity, 'everybody is who they were');
LocalHub::none([ map { my $c = $_; map { "$c->{number}: $_" } grep { $_ == 4001 || $_ == 4003 } keys %{ $c->{closes} } } @clients ],
	'nobody was told never to dial again');
LocalHub::none([ map { keys %{ $_->{answers} // {} } } @clients ], 'no visitor was refused');
LocalHub::none([ grep { $_ != 0 && $_ != 200 && $_ != 503 } keys %answers ], 'no event was refused');
$t->settled('all settles', \@clients);
$t->account('visitors', \@clients, acked => 130);
my %rows = map { split /\|/ } split /\n/, $t->sql(q{SELECT hub_message_id, count(*) FROM webchatt.messages
	WHERE hub_message_id LIKE 'm-%' GROUP BY 1});
LocalHub::none([ grep { ($rows{$_} // 0) != 1 } keys %posted ], 'every event that was answered 200 is there, once');
$t->status_becomes($_, 'sent', 'what waited is sent') for @queued;
is(scalar(my @once = $t->hub->record(key => $sent)), 1, 'what was sent before is not sent again');
my $back = $t->visitor(token => $away->{token})->arrive;
ok(Visitor::until(sub { $back->{messages}{$held} }, 20), 'what was held comes when its visitor does');
is($back->{visitor}, $away->{visitor}, 'who is known by the token');
is($t->sql(q{SELECT bool_and(xid < pg_current_xact_id()) FROM webchatt.outbox}), 't', 'no work order is of a transaction that is yet to come');

done_testing();
