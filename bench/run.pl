# Measures webchatt on the cluster that scripts/bench started, beside baselines
# in the same run, and prints one table.
#
#   run.pl [--only in,commit,out,send,memory,visitors,reply,idle,fanout,link,old,keep,archive,search,report] [--quick]
#          [--seconds N] [--messages N] [--old N] [--backlog N] [--repeat N]
#          [--crowd N]
#
# From the environment: PGHOST, PGPORT, PGUSER, PGDATABASE; BENCH_BIN (the
# programs), BENCH_DATA (the data directory), BENCH_DOOR (webchatt's port).
use strict;
use warnings;

use FindBin;
use lib $FindBin::Bin;

use Bench;
use Getopt::Long;
use IO::Handle;
use IO::Socket::INET;
use Time::HiRes qw(sleep time);

my $CHANNEL = '6cbd6789-1d2b-47e0-9391-5eb91d2839ea';
my $SECRET = 'whsec_bench';
my $IN_FLIGHT = 64;
my $VISITORS = 1000;
my $RECIPIENTS = 10000;
my $SENDERS = 200;
my $ORIGIN = 'http://localhost';
# The crowd comes from so many addresses.
my $ADDRESSES = 10;

my %opt = (only => 'in,commit,out,send,memory,visitors,reply,idle,fanout,link,old,keep,search,report', seconds => 6, messages => 100_000,
	old => 10_000_000, backlog => 1_000_000, repeat => 3, crowd => 10_000);
@opt{qw(seconds messages old backlog repeat crowd)} = (2, 20_000, 200_000, 50_000, 1, 1000) if grep { $_ eq '--quick' } @ARGV;
GetOptions(\%opt, 'only=s', 'quick', 'seconds=i', 'messages=i', 'old=i', 'backlog=i', 'repeat=i', 'crowd=i')
  or die "see the head of $0\n";
my $bin = $ENV{BENCH_BIN} // die "BENCH_BIN is not set: start this through scripts/bench\n";
my $conninfo = "host=$ENV{PGHOST} port=$ENV{PGPORT} user=$ENV{PGUSER} dbname=$ENV{PGDATABASE}";
my (@rows, $hub_port, $local_channel, $public_key);

# --- the table -------------------------------------------------------------

# One row.  aim: [comparison, value] upon measured ("<") or ratio ("r>").
sub row
{
	my ($what, $measured, $unit, $baseline, $aim, $value) = @_;
	my $ratio = defined $baseline && $baseline > 0 ? $measured / $baseline : undef;
	my $ok = !defined $aim ? '' : ($aim eq 'r>' ? $ratio >= $value : $measured <= $value) ? 'ok' : 'SHORT';
	push @rows, [$what, num($measured) . " $unit", defined $baseline ? num($baseline) : '', defined $ratio ? sprintf('%.2f', $ratio) : '',
		!defined $aim ? '' : $aim eq 'r>' ? ">= $value x" : "<= $value $unit", $ok];
	print STDERR join('  ', grep { $_ ne '' } @{ $rows[-1] }), "\n";
	return;
}

sub print_table
{
	my @all = ([qw(what measured baseline ratio aim), ''], @rows);
	my @width = (0) x 6;
	for my $r (@all) { for my $i (0 .. 5) { $width[$i] = length $r->[$i] if length $r->[$i] > $width[$i] } }
	for my $r (@all)
	{
		print join('  ', map { $_ == 0 ? sprintf("%-*s", $width[0], $r->[0]) : sprintf("%*s", $width[$_], $r->[$_]) } 0 .. 5), "\n";
	}
	return;
}

# --- the measurements ------------------------------------------------------

sub webhooks
{
	my (%args) = @_;
	my %r = pairs(run("$bin/webhook_load", '--port', $ENV{BENCH_DOOR}, '--channel', $CHANNEL, '--secret', $SECRET,
			'--visitors', $VISITORS, '--seconds', $opt{seconds}, map { ("--$_", $args{$_}) } sort keys %args));
	warn "webhook_load: $r{non200} answers were not 200, $r{errors} connections broke\n" if $r{non200} + $r{errors} > 0;
	return %r;
}

# Rows a second of one session that inserts the same rows 200 at a time.
sub ceiling
{
	empty_tables();
	sql("SELECT setval('bench.batches', 1, false)");
	local $ENV{PGOPTIONS} = '-c session_replication_role=replica';
	return 200 * pgbench('in-ceiling.sql', 1, $opt{seconds});
}

sub measure_in
{
	my %at;
	my ($worker_pid, $net_pid) = processes();

	for my $connections (16, 64, 256)
	{
		empty_tables();
		my $single = pgbench('in-single.sql', $connections, $opt{seconds});
		my @cpu = (server_cpu(), cpu_of($worker_pid), cpu_of($net_pid));
		my %r = webhooks(connections => $connections, warmup => 1);
		$r{cpu} = [map { $_ / ($r{accepted} || 1) } server_cpu() - $cpu[0], cpu_of($worker_pid) - $cpu[1], cpu_of($net_pid) - $cpu[2]];
		$at{$connections} = \%r;
		row("in: events/s at $connections connections, to single-row commits", $r{rate}, '/s', $single,
			$connections == 64 ? ('r>', 2) : ());
		my $stored = sql("SELECT count(*) FROM webchatt.messages WHERE direction = 'in'");
		warn "webhook_load: $r{accepted} were answered 200, $stored are stored\n" if $stored < $r{accepted};
	}
	row('in: events/s at 64 connections, to one session 200 rows at a time', $at{64}{rate}, '/s', ceiling(), 'r>', 0.7);
	row('in: p99 at 64 connections, to the median', $at{64}{p99_us}, 'us', $at{64}{p50_us});
	$rows[-1][4] = '<= 4 x';
	$rows[-1][5] = $at{64}{p99_us} < 4 * $at{64}{p50_us} ? 'ok' : 'SHORT';
	row('in: CPU an event at 64 connections, all server processes', $at{64}{cpu}[0], 'us', undef, '<', 50);
	row('    of which the worker', $at{64}{cpu}[1], 'us');
	row('    of which webchatt-net', $at{64}{cpu}[2], 'us');
	my %slow = webhooks(connections => 16, rate => 500);
	row('in: median at 500 events/s', $slow{p50_us}, 'us', undef, '<', 1000);
	row('in: p99 at 500 events/s', $slow{p99_us}, 'us');
	return;
}

# COMMIT (as asked for by the client, so its flush is part of it) to the hub.
sub measure_commit
{
	my $count = $opt{quick} ? 100 : 500;
	my $log = "$bin/hub.log";
	my ($port, @logging) = start_hub('--log', $log);

	empty_tables();
	attach($port);
	sql_file('out-queue.sql', messages => 100, visitors => 100);
	wait_for("SELECT count(*) = 0 FROM webchatt.messages WHERE status = 'queued'", 30);
	my @sent = map { [split] } split /\n/, run("$bin/commits", $conninfo,
			"SELECT webchatt.send_message('$CHANNEL', \$1, text => 'how long does it take?')", $count, 50);
	wait_for("SELECT count(*) = 0 FROM webchatt.messages WHERE status = 'queued'", 30);
	stop_child(\@logging);
	attach($hub_port);

	open(my $fh, '<', $log) or die "$log: $!\n";
	my %arrived = map { my ($at, $key) = split; ($key => $at) } <$fh>;
	my @took = sort { $a <=> $b } map { ($arrived{ $_->[0] } // die "message $_->[0] did not reach the hub\n") - $_->[1] } @sent;
	my @commits = sort { $a <=> $b } map { $_->[2] - $_->[1] } @sent;
	row('out: COMMIT to hub at 50/s, median, to the COMMIT itself', $took[$#took / 2] / 1e3, 'us', $commits[$#commits / 2] / 1e3, '<', 1000);
	row('out: COMMIT to hub at 50/s, p99', $took[$#took * 0.99] / 1e3, 'us', $commits[$#commits * 0.99] / 1e3, '<', 3000);
	return;
}

# Wait until the stand-in hub has all messages: how many, and when the first came.
sub wait_for_hub
{
	my ($why) = @_;
	my $end = time + 600;
	while (1)
	{
		my ($n, $first) = hub_get($hub_port, '/count');
		return ($n, $first) if $n >= $opt{messages};
		die "only $n of $opt{messages} requests reached the hub\n" . sql($why) . "\n" if time > $end;
		sleep 0.05;
	}
}

# Queue by one statement; messages a second from the first at the hub until
# all outcomes are recorded.
sub drain
{
	hub_get($hub_port, '/reset');
	my $began = time;
	sql_file('out-queue.sql', messages => $opt{messages}, visitors => $RECIPIENTS);
	my $queued = time - $began;
	my ($n, $first) = wait_for_hub('SELECT * FROM webchatt.status');
	wait_for('SELECT queued = 0 AND in_flight = 0 FROM webchatt.status', 60);
	my $rate = $opt{messages} / (time - $first);
	wait_for("SELECT count(*) = 0 FROM webchatt.messages WHERE status = 'queued' AND created_at > now() - interval '1 hour'", 60);
	warn "the hub got $n requests for $opt{messages} messages\n" if $n != $opt{messages};
	printf STDERR "  drain: %.0f/s (queueing took %.1f s)\n", $rate, $queued;
	return $rate;
}

sub bare_loop
{
	my %r = pairs(run("$bin/barecurl", "http://127.0.0.1:$hub_port/v1/communication/web-chatt2me/message",
			$opt{messages}, $IN_FLIGHT));
	return $r{rate};
}

my $plain_drain;

sub measure_out
{
	my (@bare, @rates);
	empty_tables();
	for (1 .. $opt{repeat})
	{
		push @bare, bare_loop();
		push @rates, drain();
	}
	$plain_drain = median(@rates);
	row("out: messages/s, $opt{messages} queued by one statement, to a bare libcurl loop", $plain_drain, '/s',
		median(@bare), 'r>', 0.7);
	my %alone = pairs(run("$bin/sendonly", "http://127.0.0.1:$hub_port", $opt{messages}, $IN_FLIGHT));
	row('out: the sender alone, to a bare libcurl loop', $alone{rate}, '/s', bare_loop());

	open(my $open, '|-', 'psql', '-XAtq') or die $!;
	$open->autoflush(1);
	print $open "SET application_name = 'held open'; BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) > 0 FROM pg_class \\g /dev/null\n";
	wait_for("SELECT count(*) = 1 FROM pg_stat_activity WHERE application_name = 'held open' AND state = 'idle in transaction'", 10);
	@rates = map { drain() } 1 .. $opt{repeat};
	print $open "COMMIT;\n";
	close $open;
	row('out: the same with a transaction left open', median(@rates), '/s', $plain_drain, 'r>', 0.9);
	return;
}

sub measure_old
{
	if (!defined $plain_drain)
	{
		empty_tables();
		$plain_drain = median(map { drain() } 1 .. $opt{repeat});
	}
	print STDERR "  making $opt{old} old messages, which takes a few minutes\n";
	sql_file('old.sql', old => $opt{old}, days => 0, visitors => 100_000, at_a_time => 100_000);
	row("out: the same with $opt{old} old messages", median(map { drain() } 1 .. $opt{repeat}), '/s', $plain_drain, 'r>', 0.9);
	return;
}

sub measure_send
{
	my (@plain, @sent);
	empty_tables();
	set_hub('stopped');
	for (1 .. $opt{repeat})
	{
		push @plain, pgbench('send-plain.sql', 16, $opt{seconds});
		push @sent, pgbench('send-one.sql', 16, $opt{seconds});
	}
	row('send_message() from 16 clients, one a transaction, to a plain INSERT', median(@sent), '/s', median(@plain), 'r>', 0.8);
	set_hub('active');
	wait_for("SELECT count(*) = 0 FROM webchatt.messages WHERE status = 'queued'", 120);
	my $with = pgbench('send-one.sql', 16, $opt{seconds});
	row('the same while they are delivered as well', $with, '/s', median(@plain));
	wait_for("SELECT count(*) = 0 FROM webchatt.messages WHERE status = 'queued'", 120);
	return;
}

sub measure_memory
{
	my ($worker, $net) = (0, 0);
	empty_tables();
	set_hub('stopped');
	sql_file('out-queue.sql', messages => $opt{backlog}, visitors => $RECIPIENTS);
	wait_for("SELECT queued >= $opt{backlog} FROM webchatt.status", 120);
	my ($worker_pid, $net_pid) = processes();
	for my $tenth (1 .. 300)
	{
		my ($w, $n) = (own_memory($worker_pid), own_memory($net_pid));
		$worker = $w if $w > $worker;
		$net = $n if $n > $net;
		set_hub('active') if $tenth == 30;
		sleep 0.1;
	}
	row("memory: the worker, $opt{backlog} messages waiting", $worker, 'MiB', undef, '<', 64);
	row("memory: webchatt-net, $opt{backlog} messages waiting", $net, 'MiB', undef, '<', 64);
	wait_for("SELECT count(*) = 0 FROM webchatt.messages WHERE status = 'queued'", 600);
	return;
}

sub set_hub { my ($state) = @_; sql("UPDATE webchatt.hubs SET state = '$state'"); sleep 1; return }

sub attach { my ($port) = @_; sql("SELECT webchatt.connect_hub('bench', 'http://127.0.0.1:$port')"); return }

# --- visitors ----------------------------------------------------------------

# A local channel, and no limit that a crowd from few addresses would meet.
sub open_channel
{
	return if defined $local_channel;
	lift_limits();
	$local_channel = sql("SELECT webchatt.create_channel('Bench', ARRAY['$ORIGIN'])");
	$public_key = sql("SELECT public_key FROM webchatt.channels WHERE id = '$local_channel'");
	sleep 1;
	return;
}

sub visitors_command
{
	my ($mode, %args) = @_;
	$args{seconds} //= $opt{seconds};
	return ("$bin/visitor_load", $mode, '--port', $ENV{BENCH_DOOR}, '--key', $public_key, '--origin', $ORIGIN,
		map { ("--$_", $args{$_}) } sort keys %args);
}

# Kill webchatt-net and wait for the next.  A new one owns only what it needs.
sub restart_net
{
	my (undef, $old) = processes();
	kill 'KILL', $old or die "webchatt-net: $!\n";
	wait_for("SELECT net_pid <> $old AND listening LIKE '%:%' FROM webchatt.status", 30);
	return processes();
}

sub measure_visitors
{
	open_channel();
	empty_tables();
	my $single = pgbench('in-single.sql', $SENDERS, $opt{seconds});
	empty_tables();
	my ($worker_pid, $net_pid) = processes();
	my @cpu = (server_cpu(), cpu_of($worker_pid), cpu_of($net_pid));
	my %r = pairs(run(visitors_command('send', visitors => $SENDERS, warmup => 1)));
	@cpu = map { $_ / ($r{acked} || 1) } server_cpu() - $cpu[0], cpu_of($worker_pid) - $cpu[1], cpu_of($net_pid) - $cpu[2];
	my $stored = sql("SELECT count(*) FROM webchatt.messages WHERE channel_id = '$local_channel' AND direction = 'in'");
	die "$r{acked} messages were acknowledged, $stored are stored\n" if $stored < $r{acked};
	warn "visitor_load: $r{errors} errors, $r{cuts} connections were cut\n" if $r{errors} + $r{cuts} > 0;

	row("visitors: messages/s, $SENDERS in a closed loop, to single-row commits", $r{rate}, '/s', $single, 'r>', 2.5);
	row('visitors: the same, to one session 200 rows at a time', $r{rate}, '/s', ceiling(), 'r>', 0.7);
	row('visitors: message to ack, median', $r{p50_us}, 'us');
	row('visitors: message to ack, p99', $r{p99_us}, 'us');
	row('visitors: CPU a message, all server processes', $cpu[0], 'us');
	row('    of which the worker', $cpu[1], 'us');
	row('    of which webchatt-net', $cpu[2], 'us');
	row('    and of the load program', $r{cpu_us}, 'us');
	return;
}

# COMMIT of send_message() to the frame at the visitor, who says "delivered" and "read".
sub measure_reply
{
	my $rate = 1000;
	open_channel();
	empty_tables();
	my %r = pairs(run(visitors_command('reply', visitors => $opt{crowd}, addresses => $ADDRESSES, warmup => 1,
				rate => $rate, conninfo => $conninfo, channel => $local_channel)));
	die "of $r{sent} messages $r{arrived} arrived, $r{confirmed} of their statuses were confirmed\n"
	  if $r{arrived} != $r{sent} || $r{confirmed} < 2 * $r{sent};
	my $read = sql("SELECT count(*) FROM webchatt.messages WHERE channel_id = '$local_channel' AND direction = 'out' AND status = 'read'");
	die "of $r{sent} messages $read are read\n" if $read != $r{sent};
	warn "reply: $r{doubled} came twice, $r{errors} errors, $r{cuts} connections were cut\n" if $r{doubled} + $r{errors} + $r{cuts} > 0;
	warn "reply: $r{rate} a second were sent, not $rate\n" if $r{rate} < 0.95 * $rate;

	my $to = "at $rate/s, $opt{crowd} visitors";
	row("reply: COMMIT to the visitor $to, median, to the COMMIT itself", $r{asked_p50_us}, 'us', $r{commit_p50_us}, '<', 2000);
	row("reply: COMMIT to the visitor $to, p99, to the COMMIT itself", $r{asked_p99_us}, 'us', $r{commit_p99_us}, '<', 10000);
	row('reply: the same from the end of the COMMIT, median', $r{done_p50_us}, 'us', undef, '<', 2000);
	row('reply: the same from the end of the COMMIT, p99', $r{done_p99_us}, 'us', undef, '<', 10000);
	return;
}

# Visitors who only are there, for one round of their pings and ours; then
# webchatt-net is killed, and they come back.
sub measure_idle
{
	my $watched = $opt{quick} ? 10 : 40;
	open_channel();
	empty_tables();
	my ($worker_pid, $net_pid) = restart_net();
	my $empty = private_memory($net_pid);
	my $crowd = start_program(visitors_command('idle', visitors => $opt{crowd}, addresses => $ADDRESSES, seconds => $watched + 150));
	my $out = $crowd->[1];
	my %r = pairs(<$out> // die "the visitors were not welcomed\n");
	sleep 2;
	my @cpu = (cpu_of($worker_pid), cpu_of($net_pid));
	sleep $watched;
	@cpu = map { $_ / $watched / 1e4 } cpu_of($worker_pid) - $cpu[0], cpu_of($net_pid) - $cpu[1];
	my $memory = (private_memory($net_pid) - $empty) / $opt{crowd};
	kill 'KILL', $net_pid or die "webchatt-net: $!\n";
	%r = (%r, pairs(<$out> // die "the visitors did not come back\n"));
	stop_child($crowd);
	my $again = (private_memory((processes())[1]) - $empty) / $opt{crowd};
	warn "idle: $r{errors} errors\n" if $r{errors} > 0;

	row("idle: private memory of webchatt-net a visitor, $opt{crowd} idle", $memory, 'kB', undef, '<', 3);
	row('idle: the same after all came back', $again, 'kB', undef, '<', 3);
	row('idle: CPU of webchatt-net', $cpu[1], '%', undef, '<', 1);
	row('idle: CPU of the worker', $cpu[0], '%', undef, '<', 1);
	row('idle: new visitors welcomed a second', $opt{crowd} / $r{welcome_seconds}, '/s');
	row('idle: webchatt-net killed until all are welcome again', $r{seconds}, 's', undef, '<', 30);
	row('idle: dials in the busiest second', $r{peak}, '/s');
	row('idle: dials a visitor', $r{dials} / $opt{crowd}, '');
	row('idle: dials that met a closed door, or were refused', $r{not_reached} + $r{refused}, '');
	return;
}

# --- between hubs ------------------------------------------------------------

# A webhook of the local hub; its id, once it is verified.
sub webhook_to
{
	my ($label, $url) = @_;
	my $id = sql("SELECT id FROM webchatt.create_webhook('$label', '$url', 'Message')");
	return $id;
}

sub set_active { my ($id, $active) = @_; sql("SELECT webchatt.alter_webhook('$id', active => $active)"); return }

# Events that wait for a webhook are let go: events a second from the first at
# the endpoint until all are done.
sub fan_out
{
	my ($webhook) = @_;
	sql('TRUNCATE webchatt.webhook_log');
	sql_file('fanout-queue.sql', messages => $opt{messages}, visitors => $RECIPIENTS, channel => $local_channel);
	my $last = sql('SELECT max(seq) FROM webchatt.feed');
	hub_get($hub_port, '/reset');
	set_active($webhook, 'true');
	my ($n, $first) = wait_for_hub('SELECT * FROM webchatt.webhook_progress');
	wait_for("SELECT done_upto >= $last FROM webchatt.webhook_progress WHERE webhook_id = '$webhook'", 60);
	my $rate = $opt{messages} / (time - $first);
	warn "the endpoint got $n requests for $opt{messages} events\n" if $n != $opt{messages};
	my $logged = sql('SELECT count(*) FROM webchatt.webhook_log WHERE good');
	warn "$logged deliveries are logged\n" if $logged != $n;
	set_active($webhook, 'false');
	printf STDERR "  fan-out: %.0f/s\n", $rate;
	return $rate;
}

# Deliveries to an endpoint that answers at once; then beside endpoints that are
# dead, one in each way.
sub measure_fanout
{
	open_channel();
	empty_tables();
	sql("ALTER SYSTEM SET webchatt.webhook_allowed_addresses = '127.0.0.0/8'");
	sql('SELECT pg_reload_conf()');
	sleep 1;
	my $url = "http://127.0.0.1:$hub_port";
	my $webhook = webhook_to('fast', "$url/hook");
	wait_for("SELECT verified_at IS NOT NULL FROM webchatt.webhooks WHERE id = '$webhook'", 30);
	set_active($webhook, 'false');
	my (@bare, @rates, @beside);
	my @pids = processes();
	my @cpu = (0, 0);
	for (1 .. $opt{repeat})
	{
		push @bare, bare_loop();
		my @before = map { cpu_of($_) } @pids;
		push @rates, fan_out($webhook);
		$cpu[$_] += (cpu_of($pids[$_]) - $before[$_]) / $opt{messages} / $opt{repeat} for 0, 1;
	}
	my $refusing = IO::Socket::INET->new(LocalAddr => '127.0.0.1', Listen => 1) or die "listen: $!\n";
	my $nobody = 'http://127.0.0.1:' . $refusing->sockport . '/hook';
	close $refusing;
	# verified while it answered, dead since
	my @dead = (webhook_to('slow', "$url/slow"), webhook_to('gone', "$url/gone"));
	wait_for("SELECT count(verified_at) = 2 FROM webchatt.webhooks WHERE label IN ('slow', 'gone')", 30);
	sql("UPDATE webchatt.webhooks SET endpoint = '$nobody' WHERE label = 'gone'");
	my @between;
	for (1 .. $opt{repeat})
	{
		sql("UPDATE webchatt.webhooks SET active = false WHERE label IN ('slow', 'gone')");
		push @between, fan_out($webhook);
		sql("UPDATE webchatt.webhooks SET active = true WHERE label IN ('slow', 'gone')");
		push @beside, fan_out($webhook);
	}
	sql('DELETE FROM webchatt.webhooks');
	row('fan-out: deliveries/s to a fast endpoint, logged, to a bare libcurl loop', median(@rates), '/s', median(@bare), 'r>', 0.6);
	row('fan-out: CPU a delivery, the worker', $cpu[0], 'us');
	row('    webchatt-net', $cpu[1], 'us');
	row('fan-out: the same beside two dead endpoints, to without', median(@beside), '/s', median(@between), 'r>', 0.9);
	return;
}

# In the other database, which gets the events by the link.
sub other
{
	my ($sql) = @_;
	local $ENV{PGDATABASE} = 'bench_b';
	return sql($sql);
}

# A second database, attached by a link to the first: both ends on this machine.
sub attach_by_link
{
	open_channel();
	my $port = do { my $s = IO::Socket::INET->new(LocalAddr => '127.0.0.1', Listen => 1) or die "listen: $!\n"; $s->sockport };
	sql('CREATE DATABASE bench_b TEMPLATE template0');
	sql("ALTER DATABASE bench_b SET webchatt.listen = '127.0.0.1:$port'");
	sql("ALTER SYSTEM SET webchatt.databases = 'bench', 'bench_b'");
	sql('ALTER SYSTEM SET track_commit_timestamp = on');
	run('pg_ctl', '-D', $ENV{BENCH_DATA}, '-m', 'fast', '-w', '-l', "$bin/server.log", 'restart');
	other('CREATE EXTENSION webchatt');
	my $key = sql("SELECT webchatt.create_api_key('bench_b')");
	other("SELECT webchatt.connect_hub('$key', 'http://127.0.0.1:$ENV{BENCH_DOOR}', 'a', inbound => 'link')");
	other("SELECT webchatt.add_channel('$local_channel', 'a')");
	other("SELECT webchatt.wait_for_link('a')");
	return;
}

# What the visitors wrote at A, in rows at B; how long after A's they were committed.
sub measure_link
{
	open_channel();
	empty_tables();
	my %alone = pairs(run(visitors_command('send', visitors => $SENDERS, warmup => 1)));
	attach_by_link();
	empty_tables();
	my $began = time;
	my %r = pairs(run(visitors_command('send', visitors => $SENDERS, warmup => 0)));
	my $n = sql("SELECT count(*) FROM webchatt.messages WHERE channel_id = '$local_channel' AND direction = 'in'");
	my $end = time + 120;
	until (other('SELECT count(*) FROM webchatt.messages') == $n)
	{
		die "of $n messages " . other('SELECT count(*) FROM webchatt.messages') . " came over the link\n" if time > $end;
		sleep 0.1;
	}
	my $span = 'extract(epoch FROM max(pg_xact_commit_timestamp(xmin)) - min(pg_xact_commit_timestamp(xmin)))';
	my $there = $n / other("SELECT $span FROM webchatt.messages");
	my $wrong = other("SELECT count(*) FROM (SELECT hub_message_id, lag(hub_message_id) OVER (PARTITION BY visitor ORDER BY id) AS before FROM webchatt.messages) m WHERE before > hub_message_id");
	die "$wrong messages are out of order\n" if $wrong;
	row("link: events/s durable on both sides, $SENDERS visitors, to one side alone", $there, '/s', $alone{rate});
	empty_tables();
	other('TRUNCATE webchatt.messages, webchatt.visitors, webchatt.visitor_tokens CASCADE');
	my $commit = 1e6 / pgbench('in-single.sql', 1, $opt{seconds});
	run(visitors_command('send', visitors => 1, warmup => 0));
	sleep 1;
	my %at = map { split /\|/ } split /\n/, sql("SELECT id, extract(epoch FROM pg_xact_commit_timestamp(xmin)) FROM webchatt.messages WHERE direction = 'in' AND channel_id = '$local_channel'");
	my %then = map { split /\|/ } split /\n/, other('SELECT hub_message_id, extract(epoch FROM pg_xact_commit_timestamp(xmin)) FROM webchatt.messages');
	my @took = sort { $a <=> $b } map { 1e6 * ($then{$_} - $at{$_}) } grep { $then{$_} } keys %at;
	die 'only ' . @took . ' of ' . keys(%at) . " came over the link\n" if @took < keys %at;
	row('link: commit at A to commit at B, one visitor, median, to a commit', $took[$#took / 2], 'us', $commit);
	$rows[-1][4] = '<= 2 x';
	$rows[-1][5] = $took[$#took / 2] <= 2 * $commit ? 'ok' : 'SHORT';
	row('link: the same, p99', $took[$#took * 0.99], 'us');
	return;
}

# --- all of it -------------------------------------------------------------

# Acknowledgements while millions of rows leave by webchatt.set_retention(), and before.
sub measure_keep
{
	my $old = $opt{old} < 5_000_000 ? $opt{old} : 5_000_000;
	open_channel();
	empty_tables();
	print STDERR "  making $old old messages, which takes a few minutes\n";
	sql_file('old.sql', old => $old, days => 0, visitors => 100_000, at_a_time => 100_000);
	my $load = sub { return pairs(run(visitors_command('send', visitors => 20, warmup => 1))) };
	my (@without, @with, @rate);
	for (1 .. $opt{repeat})
	{
		my %r = $load->();
		push @without, $r{p99_us};
		sql(q{SELECT webchatt.set_retention('30 days')});
		my $gone = q{SELECT coalesce(sum(messages), 0)::bigint FROM webchatt.retention};
		my $before = sql($gone);
		wait_for(qq{SELECT sum(messages) > $before FROM webchatt.retention}, 60);
		my $began = time;
		$before = sql($gone);
		%r = $load->();
		push @with, $r{p99_us};
		push @rate, (sql($gone) - $before) / (time - $began);
		sql(q{SELECT webchatt.set_retention(NULL)});
		wait_for(q{SELECT count(*) = 0 FROM pg_stat_activity WHERE backend_type = 'webchatt retention'}, 60);
	}
	die "all messages had left before it was over: there were too few\n"
	  if !sql("SELECT count(*) FROM (SELECT FROM webchatt.messages WHERE channel_id = '$CHANNEL' LIMIT 1) x");
	row('keep: message to ack, p99, while old messages leave, to without', median(@with), 'us', median(@without));
	$rows[-1][4] = '<= 1.2 x';
	$rows[-1][5] = median(@with) <= 1.2 * median(@without) ? 'ok' : 'SHORT';
	row('keep: messages that leave beside it', median(@rate), '/s');
	empty_tables();
	return;
}

# Half the time of so many, in us, as the server has it; planned each time, as a session's first of it is.
sub took
{
	my ($query, $times) = @_;
	sql(q{CREATE OR REPLACE FUNCTION bench.took(query text, times int) RETURNS float8 LANGUAGE plpgsql AS $$
		DECLARE
			began timestamptz;
			took float8[];
		BEGIN
			FOR i IN 0 .. times LOOP
				began := clock_timestamp();
				EXECUTE query;
				IF i > 0 THEN
					took := took || extract(epoch FROM clock_timestamp() - began)::float8 * 1e6;
				END IF;
			END LOOP;
			RETURN (SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY t) FROM unnest(took) t);
		END $$});
	return sql("SELECT bench.took(\$q\$$query\$q\$, $times)");
}

# CPU of the server while all is indexed, for each of so many messages.
sub index_cpu
{
	my ($n) = @_;
	my $before = server_cpu();
	for (1 .. 100_000)
	{
		my $done = sql("SELECT sum(webchatt.index_texts(5000) + 0 * i) FROM generate_series(1, 1) i");
		last if sql('SELECT bool_and(has_oldest) FROM webchatt.search_coverage') eq 't';
		sleep 0.5 if !$done;
	}
	return (server_cpu() - $before) / $n;
}

# The index of texts: what it costs the background, and how long a page takes, beside a plain tsvector with GIN.
sub measure_search
{
	my $n = $opt{old} < 500_000 ? $opt{old} : 500_000;
	empty_tables();
	sql('TRUNCATE webchatt.search_texts, webchatt.search_progress, webchatt.closings');
	sql_file('days.sql', old => $n, words => 12, channel => $CHANNEL);
	sql('CREATE TABLE bench.plain (id uuid PRIMARY KEY, words tsvector); CREATE INDEX ON bench.plain USING gin (words)');
	my $before = server_cpu();
	sql("INSERT INTO bench.plain SELECT id, to_tsvector('english', content ->> 'text') FROM webchatt.messages ORDER BY id");
	my $plain = (server_cpu() - $before) / $n;
	sql('VACUUM ANALYZE bench.plain');
	row("search: CPU of the background for a message indexed, to a row with to_tsvector() and GIN", index_cpu($n), 'us', $plain);
	row('search: the index, for a message', sql("SELECT pg_total_relation_size('webchatt.search_texts')") / $n, 'bytes', sql("SELECT pg_total_relation_size('bench.plain')") / $n);
	sql("SELECT webchatt.set_search_language('$CHANNEL', 'english')");
	row('search: CPU for a message indexed anew, with a language', index_cpu($n), 'us', $plain);
	sql('VACUUM ANALYZE webchatt.search_texts');
	# a page as one would make it without us: the rows, and where the word is in them
	my $page = sub {
		my ($word, $order) = @_;
		return "SELECT m.channel_id, m.id, m.visitor, m.direction, m.created_at, m.author, ts_headline('english', m.content ->> 'text', q)
			FROM (SELECT p.id, q FROM bench.plain p, websearch_to_tsquery('english', '$word') q WHERE p.words @@ q ORDER BY " . ($order // 'p.id') . " DESC LIMIT 20) p
			JOIN webchatt.messages m ON m.channel_id = '$CHANNEL' AND m.id = p.id";
	};
	for (['in an eighth of the messages', 'w10'], ['in one of a thousand', 'w1000'], ['in a few', 'w9000'], ['in none', 'w20000'])
	{
		my ($where, $word) = @$_;
		row("search: a page of a word $where of $n, to plain", took("SELECT * FROM webchatt.search('$word ')", 11), 'us',
			took($page->($word), 11));
	}
	row('search: the same by rank, in one of a thousand, to plain', took("SELECT * FROM webchatt.search_ranked('w1000 ')", 11), 'us',
		took($page->('w1000', 'ts_rank(p.words, q)'), 11));
	sql('CREATE EXTENSION IF NOT EXISTS pg_trgm');
	row('search: CPU for a message, indexed for parts of words besides', index_cpu($n), 'us', $plain);
	row('search: that index, for a message', sql("SELECT pg_total_relation_size('webchatt.search_parts')") / $n, 'bytes');
	row("search: a page of a part of a word, rare, to plain's whole word", took("SELECT * FROM webchatt.search_parts('w9000')", 11), 'us',
		took($page->('w9000'), 11));
	sql("DROP EXTENSION pg_trgm CASCADE; DROP TABLE bench.plain; SELECT webchatt.set_search_language('$CHANNEL')");
	empty_tables();
	return;
}

# report() of a day and of thirty, beside counting the same messages.
sub measure_report
{
	my $n = $opt{old} < 5_000_000 ? $opt{old} : 5_000_000;
	empty_tables();
	sql_file('days.sql', old => $n, words => 0, channel => $CHANNEL);
	for my $days (1, 30)
	{
		my $from = "(now() AT TIME ZONE 'UTC')::date - $days";
		row("report: $days day" . ($days > 1 ? 's' : '') . ' of ' . int($n / 60 * $days) . " messages among $n, to counting them",
			took("SELECT * FROM webchatt.report($from, (now() AT TIME ZONE 'UTC')::date - 1, '$CHANNEL')", 3) / 1000, 'ms',
			took("SELECT count(*) FROM webchatt.messages WHERE channel_id = '$CHANNEL' AND id >= webchatt._search_id(($from)::timestamp AT TIME ZONE 'UTC')", 3) / 1000);
	}
	empty_tables();
	return;
}

# Another PostgreSQL, with an archive by month in it and a foreign table here that leads there.
sub start_far
{
	my $dir = "$ENV{BENCH_DATA}.far";
	my $socket = $ENV{PGHOST};
	my $port = $ENV{PGPORT} + 1;

	run('initdb', '-A', 'trust', '--no-locale', '-E', 'UTF8', '-U', $ENV{PGUSER}, '-D', $dir);
	open(my $conf, '>>', "$dir/postgresql.conf") or die $!;
	print $conf "listen_addresses = ''\nunix_socket_directories = '$socket'\nport = $port\nshared_buffers = 256MB\nmax_wal_size = 8GB\n";
	close $conf;
	run('pg_ctl', '-w', '-D', $dir, '-l', "$dir.log", 'start');
	my $far = sub { local $ENV{PGPORT} = $port; local $ENV{PGDATABASE} = 'postgres'; return sql($_[0]) };
	$far->('CREATE TABLE chats (channel_id uuid, id uuid, visitor text, direction text, status text, content jsonb, created_at timestamptz, author text, statuses jsonb, PRIMARY KEY (channel_id, id, created_at)) PARTITION BY RANGE (created_at);
		CREATE INDEX ON chats (channel_id, visitor, id)');
	$far->(join ';', map { my ($y, $m) = (2015 + int(($_ - 1) / 12), 1 + ($_ - 1) % 12); sprintf q{CREATE TABLE chats_%04d_%02d PARTITION OF chats FOR VALUES FROM ('%04d-%02d-01') TO ('%04d-%02d-01')}, $y, $m, $y, $m, $m == 12 ? ($y + 1, 1) : ($y, $m + 1) } 1 .. 48);
	sql("DROP EXTENSION IF EXISTS postgres_fdw CASCADE; CREATE EXTENSION postgres_fdw;
		CREATE SERVER far FOREIGN DATA WRAPPER postgres_fdw OPTIONS (host '$socket', port '$port', dbname 'postgres', fetch_size '1000', batch_size '500');
		CREATE USER MAPPING FOR CURRENT_USER SERVER far OPTIONS (user '$ENV{PGUSER}');
		IMPORT FOREIGN SCHEMA public LIMIT TO (chats) FROM SERVER far INTO public");
	return ($far, sub { run('pg_ctl', '-D', $dir, '-m', 'fast', 'stop') });
}

# Millions of old messages move to another PostgreSQL, and are read back by history().
sub measure_archive
{
	my $old = $opt{old} < 5_000_000 ? $opt{old} : 5_000_000;
	my $visitors = int($old / 50) || 1;
	empty_tables();
	my ($far, $stop) = start_far();
	print STDERR "  making $old old messages, which takes a few minutes\n";
	sql_file('old.sql', old => $old, days => 900, visitors => $visitors, at_a_time => 100);	# a conversation is of a day
	my $sum = q{SELECT sum(hashtextextended(id::text || visitor || content::text || direction::text || created_at, 0)::numeric) FROM };
	my ($n, $was, $bytes) = (sql('SELECT count(*) FROM webchatt.messages'), sql("$sum webchatt.messages"), sql(q{SELECT sum(pg_total_relation_size(t)) FROM unnest(ARRAY['webchatt.messages', 'webchatt.statuses']::regclass[]) t}));
	my @cpu = server_cpu();
	my $began = time;

	sql(q{SELECT webchatt.set_retention('30 days', archive => 'public.chats')});
	until (sql('SELECT NOT EXISTS (SELECT FROM webchatt.messages)') eq 't')
	{
		die 'they do not leave: ' . sql('SELECT last_error FROM webchatt.status') . "\n" if time > $began + 600 + $old / 300;
		# what its process does with a fifth of the time, here with all of it
		sql(q{DO $$ DECLARE until timestamptz := clock_timestamp() + '30 s'; BEGIN
			WHILE clock_timestamp() < until AND EXISTS (SELECT FROM webchatt.messages) LOOP PERFORM webchatt._retain(1000, 0); COMMIT; END LOOP; END $$});
	}
	my $took = time - $began;
	my $there = $far->('SELECT count(*) FROM chats');
	die "of $n messages $there are in the archive\n" if $there != $n;
	die "what is in the archive is not what was here\n" if $far->("$sum chats") ne $was;
	row("archive: $n messages moved to another PostgreSQL, by month", $n / $took, '/s');
	row('archive: CPU of all of this server for a message', (server_cpu() - $cpu[0]) / $n, 'us');
	row('archive: disk there, to here', $far->(q{SELECT sum(pg_total_relation_size(inhrelid)) FROM pg_inherits WHERE inhparent = 'chats'::regclass}) / 1048576, 'MB', $bytes / 1048576);
	my @ms;
	for my $i (1 .. ($opt{quick} ? 20 : 200))
	{
		my $visitor = 'visitor-' . int rand($visitors);
		my $t0 = time;
		my @rows = split /\n/, sql("SELECT id FROM webchatt.history('$CHANNEL', '$visitor', most => 50)");
		push @ms, 1e3 * (time - $t0);
		die "history() does not read $visitor\n" if !@rows;
	}
	@ms = sort { $a <=> $b } @ms;
	row('archive: a page by history(), a new session each, median', $ms[$#ms / 2], 'ms');
	row('archive: the same, p99', $ms[$#ms * 0.99], 'ms');
	my $t0 = time;
	my $read = 0;
	for my $k (0 .. 49)
	{
		$read += sql("SELECT count(*) FROM generate_series(0, $visitors - 1) n, LATERAL webchatt.history('$CHANNEL', 'visitor-' || n, most => 1000) h WHERE n % 50 = $k");
	}
	die "history() reads $read of $n\n" if $read != $n;
	row('archive: all of it read back by history(), a conversation at a time', $read / (time - $t0), '/s');
	sql('SELECT webchatt.set_retention(NULL)');
	$stop->();
	empty_tables();
	return;
}

my %measure = (in => \&measure_in, commit => \&measure_commit, out => \&measure_out, send => \&measure_send,
	memory => \&measure_memory, old => \&measure_old, visitors => \&measure_visitors, reply => \&measure_reply,
	idle => \&measure_idle, fanout => \&measure_fanout, link => \&measure_link, keep => \&measure_keep, archive => \&measure_archive,
	search => \&measure_search, report => \&measure_report);
my @parts = split /,/, $opt{only};
for my $part (@parts) { die "there is no part $part\n" if !$measure{$part} }

($hub_port) = start_hub();
sql('CREATE EXTENSION webchatt');
attach($hub_port);
sql("SELECT webchatt.add_channel('$CHANNEL', display_name => 'Bench')");
sql("SELECT webchatt.set_webhook_secret('$CHANNEL', '$SECRET')");
wait_for(q{SELECT listening LIKE '%:%' FROM webchatt.status}, 30);
sql_file('tables.sql');
for my $part (@parts)
{
	print STDERR "--- $part\n";
	eval { $measure{$part}->(); 1 } or do
	{
		warn "$part: $@";
		push @rows, ["$part: could not be measured", '', '', '', '', 'SHORT'];
	};
}
print "\n";
print_table();
