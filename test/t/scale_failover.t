# Three machines by Patroni and etcd, with HAProxy before them, as doc/ha.md has it: the leader is moved, killed, has no
# etcd, has a standby that stalls.  Nothing that was acknowledged is lost, nothing is there twice.  The longest time
# without an acknowledgement is printed.  It takes minutes (time limits of the world), so it belongs to make test-all,
# which sets WEBCHATT_TEST_FAILOVER.
use strict;
use warnings;

use Child;
use Cwd qw(abs_path);
use File::Basename;
use IPC::Run ();
use LocalHub;
use Patience;
use PostgreSQL::Test::Utils;
use Proxy;
use Test::More;
use Time::HiRes qw(time);

my @missing = grep { !-x "/usr/bin/$_" && !-x "/usr/sbin/$_" } qw(patroni etcd haproxy);
plan skip_all => "not there: @missing (Debian's packages patroni, etcd-server, haproxy)" if $ENV{WEBCHATT_TEST_FAILOVER} && @missing;
if (!$ENV{WEBCHATT_TEST_FAILOVER})
{
	pass('runs with WEBCHATT_TEST_FAILOVER=1 (make test-all)');
	done_testing();
	exit;
}

my $doc = abs_path(dirname(__FILE__) . '/../../doc/ha');
my $dir = PostgreSQL::Test::Utils::tempdir();
my @names = qw(one two three);
my %number = (one => 1, two => 2, three => 3, proxy => 10);
my %port;    # "10.0.0.<n>:<port>" of the documents: here

sub here { return $port{"$_[0]:$_[1]"} //= WebchattTest::free_port() }

# A document's file as it is here: for that machine, at loopback, in our directory.
sub filled
{
	my ($file, $name) = @_;
	my $text = Proxy::slurp("$doc/$file");
	my $bindir = `pg_config --bindir`;

	chomp $bindir;
	if ($name && $name ne 'one')
	{
		$text =~ s/^name: one$/name: $name/m or die "$file has changed";
		# only what is its own: lists of all have more than one address in a line
		$text =~ s/^(?!.*10\.0\.0\.2)(.*)10\.0\.0\.1:/${1}10.0.0.$number{$name}:/mg;
	}
	$text =~ s/10\.0\.0\.(\d+):(\d+)/'127.0.0.1:' . here($1, $2)/ge;
	$text =~ s/addr 10\.0\.0\.(\d+) port (\d+)/'addr 127.0.0.1 port ' . here($1, $2)/ge;
	$text =~ s{10\.0\.0\.0/24}{127.0.0.0/8}g;
	$text =~ s/10\.0\.0\.10$/127.0.0.1/mg;
	$text =~ s{/var/lib/etcd/chat}{$dir/$name/etcd};
	$text =~ s{/var/lib/postgresql/15/chat}{$dir/$name/data};
	$text =~ s{/usr/lib/postgresql/15/bin}{$bindir};
	$text =~ s{/var/lib/postgresql/\.pgpass_patroni}{$dir/$name/pgpass};
	$text =~ s{/var/run/postgresql}{$dir/$name};
	$text =~ s{^( *)webchatt\.databases: chat\n}{join '', map { "$1$_\n" } 'webchatt.databases: chat', map { s/ = /: /r } split /\n/, "$LocalHub::WIDE\n$WebchattTest::PATIENT\nmax_connections = 40\nshared_buffers = 16MB"}me
	  if $file eq 'patroni.yml';
	unlike($text, qr/10\.0\.0|\/var\//, "$file: nothing of it is left open");
	return $text;
}

my (%etcd, %patroni);

sub begin_etcd { my ($name) = @_; $etcd{$name} = Child->begin([ 'etcd', '--config-file', "$dir/$name/etcd.yml" ], {}, out => "$dir/$name/etcd.log"); return }
sub begin_patroni { my ($name) = @_; $patroni{$name} = Child->begin([ 'patroni', "$dir/$name/patroni.yml" ], {}, in => "$dir/$name", out => "$dir/$name/patroni.log"); return }

for my $name (@names)
{
	mkdir "$dir/$name";
	Proxy::spew("$dir/$name/$_", filled($_, $name)) for qw(etcd.yml patroni.yml);
	chmod 0700, "$dir/$name";
	Proxy::spew("$dir/$name/patroni.log", '');
}
Proxy::spew("$dir/haproxy.cfg", filled('haproxy.cfg'));
$ENV{ETCDCTL_API} = 3;
begin_etcd($_) for @names;

# What a Patroni says of itself: "primary", "replica", or nothing.
sub state_of
{
	my ($name) = @_;
	my $json = `curl -s -m 5 http://127.0.0.1:@{[ here($number{$name}, 8008) ]}/patroni 2>/dev/null`;

	return { role => $json =~ /"role": "(\w+)"/ ? "$1" : q{}, state => $json =~ /"state": "([\w ]+)"/ ? "$1" : q{}, json => $json };
}
sub leader { my ($it) = grep { my $s = state_of($_); $s->{role} =~ /^(?:master|primary)$/ && $s->{state} eq 'running' } @names; return $it }

# The ends of what they say.
sub logs { return map { my @l = split /\n/, Proxy::slurp("$dir/$_/patroni.log"); splice @l, 0, -30 if @l > 30; ("$_:\n", map { "$_\n" } @l) } @names }

package Failover
{
	our @ISA = ('LocalHub');
	our $port;

	# By HAProxy, again for as long as there is no leader.
	sub sql
	{
		my ($self, $sql, $database) = @_;
		my ($out, $err) = ('', '');

		local $ENV{PGPASSWORD} = 'secret-one';
		Patience::until(sub { IPC::Run::run([ 'psql', '-XAtq', '-v', 'ON_ERROR_STOP=1', '-h', '127.0.0.1', '-p', $port, '-U', 'postgres', '-d', $database // 'chat' ], '<', \WebchattTest::as_bytes($sql), '>', \$out, '2>', \$err) })
		  or die "$sql: $err";
		chomp $out;
		return $out;
	}
	sub diagnose { return }
}

$Failover::port = here(10, 5432);
delete $ENV{PGAPPNAME};
begin_patroni('one');
ok(Patience::until(\&leader), "the first is the leader") or die logs(), Proxy::slurp("$dir/one/etcd.log"), Proxy::slurp("$dir/one/patroni.yml");
begin_patroni($_) for qw(two three);
my $haproxy = Proxy::start(here(10, 8480), $dir, 'haproxy', '-db', '-f', "$dir/haproxy.cfg");
my $t = bless { port => here(10, 8480), database => 'chat' }, 'Failover';
$t->sql('CREATE DATABASE chat', 'postgres');
$t->sql('CREATE EXTENSION webchatt');
($t->{channel}, $t->{key}) = $t->make_channel('Shop', $LocalHub::ORIGIN);
$t->answering;

# The synchronous standby, as etcd knows it too: another one does not become the leader.
sub sync_standby
{
	my $name = leader() or return '';
	my $json = `curl -s -m 5 http://127.0.0.1:@{[ here($number{$name}, 8008) ]}/cluster 2>/dev/null`;
	my ($standby) = map { /"name": "(\w+)"/ } grep { /"role": "sync_standby"/ && /"state": "(?:running|streaming)"/ } $json =~ /\{[^{}]*\}/g;

	return $standby // '';
}

# Two that stream, and one of them synchronous.
sub whole
{
	my $standby = sync_standby() or return 0;

	return $t->sql(qq{SELECT count(*) FILTER (WHERE state = 'streaming') || ' ' || count(*) FILTER (WHERE sync_state = 'sync' AND application_name = '$standby') FROM pg_stat_replication WHERE application_name IN ('one', 'two', 'three')}, 'postgres') eq '2 1';
}
ok(Patience::until(\&whole), 'and has two standbys, of which commits wait for one') or diag(logs());
diag('versions: ', join ', ', map { (split /\n/, `$_ 2>&1`)[0] } 'patroni --version', 'etcd --version', 'haproxy -v', 'postgres --version');

my @visitors = map { $t->visitor(again => 0.2) } 1 .. 5;
Visitor::until(sub { $visitors[0]->connect; $visitors[0]->welcomed(2) }) or die 'nobody is let in';
$_->connect for @visitors[ 1 .. $#visitors ];

# They write until the condition holds, and then until all that they said has its ack, and some more.  The longest time
# without one.
my ($last, $acked, $longest) = (time, 0, 0);

sub look
{
	my $n = 0;

	# HAProxy keeps the line on which it has said 503; a browser would not
	$_->_lost('no upgrade') for grep { $_->{socket} && ($_->{http} // 101) != 101 } @visitors;
	$n += keys %{ $_->{acked} } for @visitors;
	$longest = time - $last if time - $last > $longest;
	($last, $acked) = (time, $n) if $n > $acked;
	return;
}

sub writing
{
	my ($what, $condition, $goes_on) = @_;
	my $due = 0;

	($last, $longest) = (time, 0) if !$goes_on;
	ok($t->load_until(\@visitors, sub { look(); return 0 if time < $due; my $it = $condition->(); $due = time + 0.5; return $it }), $what) or diag(logs());
	my $from = $acked;
	ok($t->load_until(\@visitors, sub { look(); return $acked >= $from + 50 && !grep { $_->{state} ne 'welcomed' } @visitors }), "$what: and writing goes on")
	  or diag(map { $_->describe . "\n" } @visitors);
	diag(sprintf '%s: at most %.1f s without an acknowledgement', $what, $longest);
	return;
}

writing('in peace', sub { $acked >= 100 });

# --- the leader is moved ------------------------------------------------------------

my $old = leader();
my $sync = sync_standby();
my $curl = Child::start([ 'curl', '-s', '-d', qq({"leader": "$old", "candidate": "$sync"}), 'http://127.0.0.1:' . here($number{$old}, 8008) . '/switchover' ], out => "$dir/switchover");
writing('switchover', sub { (leader() // '') eq $sync });
waitpid $curl, 0;
like(Proxy::slurp("$dir/switchover"), qr/Successfully switched over/, 'as Patroni says');
ok(Patience::until(sub { Visitor::pump_for(0.2); whole() }), 'the old one is a standby');

# --- the leader's machine is gone ---------------------------------------------------------

$old = leader();
my ($postmaster) = split /\n/, Proxy::slurp("$dir/$old/data/postmaster.pid");
kill 'KILL', $postmaster;
$patroni{$old}->stop('KILL');
writing('kill -9 of the leader', sub { my $new = leader(); $new && $new ne $old });
begin_patroni($old);
ok(Patience::until(sub { Visitor::pump_for(0.2); whole() }), 'back, it is a standby');

# --- no etcd -----------------------------------------------------------------------------------

my @gone = @names[ 0, 1 ];
$etcd{$_}->stop('KILL') for @gone;
($last, $longest) = (time, 0);
ok($t->load_until(\@visitors, sub { look(); return time - $last > 1 && !leader() && !grep { !%{ $_->{unacked} } } @visitors }), 'two of three etcds are gone: nobody is the leader, and nothing is acknowledged');
begin_etcd($_) for @gone;
writing('etcd without a quorum, and back', sub { leader() }, 1);
ok(Patience::until(sub { Visitor::pump_for(0.2); whole() }), 'all are there again');

# --- a standby that stalls ------------------------------------------------------------------

$sync = sync_standby();
my ($its) = split /\n/, Proxy::slurp("$dir/$sync/data/postmaster.pid");
my @stalled = grep { /^\d+$/ } split /\s+/, `ps -o pid= --ppid $its`;
kill 'STOP', @stalled;
writing('a synchronous standby that stalls', sub { my $now = sync_standby(); $now && $now ne $sync });
kill 'CONT', @stalled;
ok(Patience::until(sub { Visitor::pump_for(0.2); whole() }), 'which goes on');

# --- the account ----------------------------------------------------------------------------

Visitor::until(sub { !grep { %{ $_->{unacked} } } @visitors });
$t->settled('visitors have said and heard everything', \@visitors);
$t->account('after all that', \@visitors, acked => 300);
is($t->sql(q{SELECT count(*) FROM webchatt.messages i WHERE direction = 'in' AND (SELECT count(*) FROM webchatt.messages o WHERE o.visitor = i.visitor AND o.direction = 'out'
	AND o.content ->> 'text' = 're: ' || (i.content ->> 'text')) <> (SELECT count(*) FROM webchatt.messages x WHERE x.visitor = i.visitor AND x.direction = 'in' AND x.content = i.content)}), 0, 'each message was answered once');
$_->end for @visitors;
$haproxy->stop;
$patroni{$_}->stop('TERM') for @names;
for my $name (@names)
{
	ok(Patience::until(sub { !-e "$dir/$name/data/postmaster.pid" }), "$name ends");
	$etcd{$name}->stop('TERM');
}
done_testing();
