# What run.pl and table.pl share: running things, what the kernel knows of them,
# the stand-in hub.
#
# From the environment: PGHOST, PGPORT, PGUSER, PGDATABASE; BENCH_BIN (the
# programs), BENCH_DATA (the data directory).
package Bench;
use strict;
use warnings;

use Exporter 'import';
use FindBin;
use IO::Socket::INET;
use POSIX ();
use Time::HiRes qw(sleep time);

our @EXPORT = qw(run sql sql_file wait_for start_program start_hub stop_child hub_get pairs pgbench cpu_of
	tree_cpu server_cpu own_memory private_memory empty_tables lift_limits processes num median);

my $ticks = POSIX::sysconf(POSIX::_SC_CLK_TCK());
my @children;

# --- running things --------------------------------------------------------

# What a command prints; an error ends the bench.
sub run
{
	my @command = @_;
	open(my $out, '-|', 'timeout', 1800, @command) or die "$command[0]: $!\n";
	my $text = do { local $/; <$out> };
	close $out or die "$command[0] failed (status $?): @command\n";
	return $text // '';
}

sub sql
{
	my ($sql) = @_;
	my $out = run('psql', '-XAtq', '-v', 'ON_ERROR_STOP=1', '-c', $sql);
	chomp $out;
	return $out;
}

sub sql_file
{
	my ($file, %vars) = @_;
	return run('psql', '-XAtq', '-v', 'ON_ERROR_STOP=1', '-f', "$FindBin::Bin/$file",
		map { ('-v', "$_=$vars{$_}") } sort keys %vars);
}

sub wait_for
{
	my ($sql, $seconds) = @_;
	my $end = time + $seconds;
	until (sql($sql) eq 't')
	{
		die "this did not become true in $seconds s: $sql\n" . sql('SELECT * FROM webchatt.status') . "\n" if time > $end;
		sleep 0.05;
	}
	return;
}

# Start a program that runs beside the bench, and ends with it: [pid, its output].
sub start_program
{
	my @command = @_;
	my $pid = open(my $out, '-|', @command) or die "$command[0]: $!\n";
	push @children, [$pid, $out];
	return $children[-1];
}

# A program that prints "port=N" first.
sub start_hub
{
	my $hub = start_program("$ENV{BENCH_BIN}/fasthub", @_);
	my ($port) = (readline($hub->[1]) // '') =~ /port=(\d+)/ or die "fasthub did not start\n";
	return ($port, @$hub);
}

sub stop_child
{
	my ($child) = @_;
	kill 'TERM', $child->[0];
	close $child->[1];
	@children = grep { $_->[0] != $child->[0] } @children;
	return;
}

END
{
	my $status = $?;
	stop_child($_) for reverse @{[@children]};
	$? = $status;
}

# GET from a stand-in hub; count, first and last arrival in seconds.
sub hub_get
{
	my ($port, $path) = @_;
	my $socket = IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $port) or die "no hub: $!\n";
	print $socket "GET $path HTTP/1.1\r\nHost: hub\r\n\r\n";
	my $text = '';
	while ($text !~ /\}/) { sysread($socket, $text, 4096, length $text) or last }
	my ($n, $first, $last) = $text =~ /"requests":(\d+),"first_ns":(\d+),"last_ns":(\d+)/ or die "the hub said: $text\n";
	return ($n, $first / 1e9, $last / 1e9);
}

sub pairs { my ($line) = @_; return map { split /=/, $_, 2 } split ' ', $line }

sub pgbench
{
	my ($file, $clients, $seconds) = @_;
	my $out = run('pgbench', '-n', '-M', 'prepared', '-c', $clients, '-j', 2, '-T', $seconds, '-f', "$FindBin::Bin/$file");
	my ($tps) = $out =~ /^tps = ([\d.]+)/m or die $out;
	return $tps;
}

# --- what the kernel knows -------------------------------------------------

sub stat_of
{
	my ($pid) = @_;
	open(my $fh, '<', "/proc/$pid/stat") or return;
	my $line = <$fh> // return;
	my @f = split ' ', $line =~ s/^.*\) //sr;
	return { ppid => $f[1], cpu => $f[11] + $f[12], reaped => $f[13] + $f[14] };
}

# CPU of a process and all its descendants, in microseconds: those that live and
# those that lived.
sub tree_cpu
{
	my ($root) = @_;
	opendir(my $dir, '/proc') or die $!;
	my %stat = map { $_ => scalar stat_of($_) } grep { /^\d+$/ } readdir $dir;
	my $sum = 0;
	my @pids = ($root);
	while (defined(my $pid = shift @pids))
	{
		$sum += $stat{$pid}{cpu} + $stat{$pid}{reaped} if defined $stat{$pid};
		push @pids, grep { defined $stat{$_} && $stat{$_}{ppid} == $pid } keys %stat;
	}
	return $sum * 1e6 / $ticks;
}

# Of the whole server, webchatt-net too.
sub server_cpu
{
	open(my $fh, '<', "$ENV{BENCH_DATA}/postmaster.pid") or die "no server: $!\n";
	chomp(my $postmaster = <$fh>);
	return tree_cpu($postmaster);
}

# CPU of one process, in microseconds.
sub cpu_of
{
	my ($pid) = @_;
	return (stat_of($pid) // { cpu => 0 })->{cpu} * 1e6 / $ticks;
}

# Resident memory without what is shared, in MiB.
sub own_memory
{
	my ($pid) = @_;
	open(my $fh, '<', "/proc/$pid/status") or return 0;
	my $text = do { local $/; <$fh> };
	my ($all) = $text =~ /^VmRSS:\s+(\d+)/m;
	my ($shared) = $text =~ /^RssShmem:\s+(\d+)/m;
	return (($all // 0) - ($shared // 0)) / 1024;
}

# Memory that no other process shares, in kB.
sub private_memory
{
	my ($pid) = @_;
	open(my $fh, '<', "/proc/$pid/smaps_rollup") or die "/proc/$pid/smaps_rollup: $!\n";
	my $sum = 0;
	while (<$fh>) { $sum += $1 if /^Private_(?:Clean|Dirty):\s+(\d+)/ }
	return $sum;
}

# --- webchatt --------------------------------------------------------------

# Nobody wrote anything.
sub empty_tables
{
	# not every version has them all
	my @names = (map({ "webchatt.$_" } qw(messages visitors visitor_tokens statuses conversations notes ratings closings unread_waits overdue_candidates)), 'bench.messages');
	my $there = join ', ', map { "to_regclass('$_')" } @names;
	my $tables = sql("SELECT string_agg(t::text, ', ') FROM unnest(ARRAY[$there]) AS t WHERE t IS NOT NULL");
	sql("TRUNCATE $tables CASCADE");	# joins, file_uses, and what else hangs on them
	sql('CHECKPOINT');
	return;
}

# No limit that a crowd from few addresses would meet.
sub lift_limits
{
	my %limits = (visitor_rate => 10_000_000, visitor_burst => 1_000_000, address_rate => 10_000_000,
		address_burst => 1_000_000, new_visitor_rate => 10_000_000, hello_rate => 10_000_000, max_visitors_per_address => 1_000_000, address_bytes_per_hour => 10_000_000,
		map { ("${_}_per_hour" => 0, "channel_${_}_per_hour" => 0) } qw(newcomers messages bytes));
	sql("ALTER SYSTEM SET webchatt.$_ = $limits{$_}") for sort keys %limits;
	sql('SELECT pg_reload_conf()');
	return;
}

sub processes { return split /\|/, sql('SELECT worker_pid, net_pid FROM webchatt.status') }

# --- figures ---------------------------------------------------------------

sub num { my ($v) = @_; return $v >= 100 ? sprintf('%.0f', $v) : sprintf('%.2f', $v) }

sub median { my @v = sort { $a <=> $b } @_; return $v[$#v / 2] }

1;
