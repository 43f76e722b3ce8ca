# The table: what a message costs, of this version, of another one (OLD) and of
# tuned peers, measured in turns on the clusters that scripts/bench started.
#
#   table.pl [--quick] [--rows visitors,in,reply,hub,curl,commit,send,many,live,desk,memory] [--repeat N]
#
# From the environment, besides what Bench.pm needs: BENCH_DOOR (webchatt's port), BENCH_POSTGRES
# (PostgreSQL's programs), BENCH_OLD (host|data|port|programs of the other version),
# BENCH_PEERS (where npm put the peers).
use strict;
use warnings;

use FindBin;
use lib $FindBin::Bin;

use Bench;
use Getopt::Long;
use Time::HiRes qw(sleep time);

my $CHANNEL = '6cbd6789-1d2b-47e0-9391-5eb91d2839ea';
my $SECRET = 'whsec_bench';
my $ORIGIN = 'http://localhost';
my $SENDERS = 200;
my $LISTENERS = 1000;
my $RECIPIENTS = 10_000;
my $IN_FLIGHT = 64;
my $CLIENTS = 16;
my $DESKS = 200;
my $BRINGING = 200;
my $TALKING = 1000;

my %opt = (rows => 'visitors,in,reply,hub,curl,commit,send,many,live,desk,memory', seconds => 3, repeat => 3, replies => 20_000, jobs => 40_000,
	requests => 100_000, commits => 500, visitors => 200_000, messages => 5_000_000, waiting => 10_000, unheard => 100_000,
	conversations => 1_000_000, broadcast => 1_000_000);
@opt{qw(seconds repeat replies jobs requests commits visitors messages waiting unheard conversations broadcast)} =
  (2, 1, 20_000, 10_000, 20_000, 100, 40_000, 1_000_000, 2_000, 20_000, 100_000, 100_000)
  if grep { $_ eq '--quick' } @ARGV;
GetOptions(\%opt, 'rows=s', 'quick', 'repeat=i') or die "see the head of $0\n";
my %wanted = map { $_ => 1 } split /,/, $opt{rows};

# Whatever is measured: the names are those of the columns.
my @trees = ({ name => 'new', host => $ENV{PGHOST}, data => $ENV{BENCH_DATA}, door => $ENV{BENCH_DOOR}, programs => $ENV{BENCH_POSTGRES} });
if ($ENV{BENCH_OLD})
{
	my %old = (name => 'old');
	@old{qw(host data door programs)} = split /\|/, $ENV{BENCH_OLD};
	unshift @trees, \%old;
}
my $peers = $ENV{BENCH_PEERS};
my (@rows, $hub_port);

# In a version's cluster.
sub on
{
	my ($tree, $do) = @_;
	local @ENV{qw(PGHOST BENCH_DATA)} = @{$tree}{qw(host data)};
	return $do->();
}

# In the database of the peers, which lies in the first cluster; nothing when there are none.
sub on_peers
{
	my ($do) = @_;
	return if !$peers;
	local $ENV{PGDATABASE} = 'peers';
	return on($trees[-1], $do);
}

sub conninfo { return "host=$ENV{PGHOST} port=$ENV{PGPORT} user=$ENV{PGUSER} dbname=$ENV{PGDATABASE}" }

# --- the table -------------------------------------------------------------

# A row.  figures: by column (old, new); beside: what they are held against, one figure or one for
# each column; aim: [comparison, value] upon the figure ("<") or the ratio ("r>", "r<").
sub row
{
	my ($what, $unit, $figures, $beside, $aim) = @_;
	my %row = (what => $what, unit => $unit, aim => '', ok => '');
	for my $name (qw(old new))
	{
		my $value = $figures->{$name};
		my $base = ref $beside ? $beside->{$name} : $beside;
		$row{$name} = defined $value ? num($value) : '';
		$row{"ratio $name"} = defined $value && $base ? sprintf('%.2f', $value / $base) : '';
		next if $name eq 'old' || !defined $value;
		$row{beside} = $base ? num($base) : '';
		next if !$aim || $aim->[0] =~ /^r/ && !$base;
		$row{aim} = $aim->[0] eq 'r>' ? ">= $aim->[1] x" : $aim->[0] eq 'r<' ? "<= $aim->[1] x" : "<= $aim->[1]";
		$row{ok} = ($aim->[0] eq 'r>' ? $value / $base >= $aim->[1] : $aim->[0] eq 'r<' ? $value / $base <= $aim->[1] : $value <= $aim->[1]) ? 'ok' : 'SHORT';
	}
	push @rows, \%row;
	print STDERR "$what: ", join(', ', map { "$_ $row{$_}" } grep { $row{$_} } qw(old new unit beside), 'ratio old', 'ratio new', qw(aim ok)), "\n";
	return;
}

sub print_table
{
	my @columns = ('what', 'unit', ($ENV{BENCH_OLD} ? 'old' : ()), 'new', 'beside', ($ENV{BENCH_OLD} ? 'ratio old' : ()), 'ratio new', 'aim', 'ok');
	my @all = ({ map { $_ => $_ eq 'ok' ? '' : $_ } @columns }, @rows);
	my %width;
	for my $row (@all)
	{
		for (@columns) { $row->{$_} //= ''; $width{$_} = length $row->{$_} if length $row->{$_} > ($width{$_} // 0) }
	}
	for my $row (@all)
	{
		print join('  ', map { sprintf($_ eq 'what' ? "%-$width{$_}s" : "%$width{$_}s", $row->{$_}) } @columns), "\n";
	}
	return;
}

# Do it for a column; what goes wrong there leaves its cells empty.
sub attempt
{
	my ($name, $do) = @_;
	my %figures;
	eval { %figures = $do->(); 1 } or warn "$name: $@";
	print STDERR "  $name: ", join(', ', map { "$_ " . num($figures{$_}) } sort keys %figures), "\n" if %figures;
	return %figures;
}

# Each version, and the peer, in turns, so often as asked: medians of what they return, by name and column.
sub in_turns
{
	my ($ours, $peer) = @_;
	my (%figures, %failed);
	for (1 .. $opt{repeat})
	{
		for my $tree ($peer ? { name => 'peer' } : (), @trees)
		{
			my $name = $tree->{name};
			next if $failed{$name};
			my %r = attempt($name, $name eq 'peer' ? sub { on_peers($peer) } : sub { on($tree, sub { $ours->($tree) }) });
			$failed{$name} = !%r;
			push @{ $figures{$_}{$name} }, $r{$_} for keys %r;
		}
	}
	for my $by_name (values %figures) { $_ = median(@$_) for values %$by_name }
	return %figures;
}

# --- what is measured ------------------------------------------------------

sub prepare
{
	my ($tree) = @_;
	sql('CREATE EXTENSION webchatt');
	attach($hub_port);
	sql("SELECT webchatt.add_channel('$CHANNEL', display_name => 'Bench')");
	sql("SELECT webchatt.set_webhook_secret('$CHANNEL', '$SECRET')");
	sql('CREATE SCHEMA bench');
	sql('CREATE TABLE bench.messages (LIKE webchatt.messages INCLUDING ALL)');
	lift_limits();
	$tree->{local} = sql("SELECT webchatt.create_channel('Bench', ARRAY['$ORIGIN'])");
	$tree->{key} = sql("SELECT public_key FROM webchatt.channels WHERE id = '$tree->{local}'");
	wait_for(q{SELECT listening LIKE '%:%' FROM webchatt.status}, 30);
	sleep 1;
	return;
}

sub attach { my ($port) = @_; sql("SELECT webchatt.connect_hub('bench', 'http://127.0.0.1:$port')"); return }

sub node
{
	my ($program, @args) = @_;
	my $child = start_program('node', "$peers/$program", @args);
	my $line = readline($child->[1]) // '';
	$line =~ /^(?:port=(\d+)|ready)/ or die "$program did not start\n";
	return { pid => $child->[0], child => $child, port => $1 };
}

# CPU so far of all server processes (and a peer's), then of each of these processes.
sub cpu_now
{
	my ($peer, @pids) = @_;
	return (server_cpu() + ($peer ? tree_cpu($peer->{pid}) : 0), map { cpu_of($_) } @pids);
}

# Run a load; its rate, and the CPU of each message of all server processes (and a peer's), and, of ours, of the two.
sub with_cpu
{
	my ($load, $peer) = @_;
	my @pids = $peer ? () : processes();
	my @before = cpu_now($peer, @pids);
	my %r = $load->();
	my @after = cpu_now($peer, @pids);
	my $n = $r{acked} // $r{accepted};
	die "nothing was accepted\n" if !$n;
	warn "errors: @{[%r]}\n" if $r{errors} || $r{non200} || $r{cuts};
	my @cpu = map { ($after[$_] - $before[$_]) / $n } 0 .. $#before;
	return (rate => $r{rate}, cpu => $cpu[0], $peer ? () : (worker => $cpu[1], net => $cpu[2]));
}

sub visitor_load
{
	my ($mode, $port, $key, %args) = @_;
	return ("$ENV{BENCH_BIN}/visitor_load", $mode, '--port', $port, '--key', $key, '--origin', $ORIGIN,
		map { ("--$_", $args{$_}) } sort keys %args);
}

sub webhook_load
{
	my ($port) = @_;
	return pairs(run("$ENV{BENCH_BIN}/webhook_load", '--port', $port, '--channel', $CHANNEL, '--secret', $SECRET,
			'--visitors', 1000, '--seconds', $opt{seconds} + 1, '--warmup', 1, '--connections', 64));
}

sub measure_visitors
{
	my $peer = on_peers(sub { node('ws.mjs') });
	my $load = sub { my ($port, $key) = @_; return sub { pairs(run(visitor_load('send', $port, $key, visitors => $SENDERS, seconds => $opt{seconds}, warmup => 1))) } };
	my %f = in_turns(sub {
			my ($tree) = @_;
			empty_tables();
			return with_cpu($load->($tree->{door}, $tree->{key}));
		}, $peer && sub { sql('TRUNCATE chat_messages, chat_visitors'); return with_cpu($load->($peer->{port}, 'any'), $peer) });
	stop_child($peer->{child}) if $peer;
	row("visitors: messages acked durable, $SENDERS in a closed loop, to Node ws with batched INSERTs", '/s', $f{rate}, $f{rate}{peer}, ['r>', 1.5]);
	row('visitors: CPU a message, all processes', 'us', $f{cpu}, $f{cpu}{peer}, ['<', 30]);
	row('    of which the worker', 'us', $f{worker});
	row('    of which webchatt-net', 'us', $f{net});
	return;
}

sub measure_in
{
	my $peer = on_peers(sub { node('fastify.mjs', $SECRET) });
	my %f = in_turns(sub {
			my ($tree) = @_;
			empty_tables();
			return with_cpu(sub { webhook_load($tree->{door}) });
		}, $peer && sub { sql('TRUNCATE hook_events'); return with_cpu(sub { webhook_load($peer->{port}) }, $peer) });
	stop_child($peer->{child}) if $peer;
	row('in: webhooks stored, 64 connections, to Fastify with batched INSERTs', '/s', $f{rate}, $f{rate}{peer}, ['r>', 2]);
	row('in: CPU a webhook, all processes', 'us', $f{cpu}, $f{cpu}{peer}, ['<', 35]);
	row('    of which the worker', 'us', $f{worker});
	row('    of which webchatt-net', 'us', $f{net});
	return;
}

# One statement writes to visitors who are there.
sub gather
{
	my ($port, $key, $statement, $peer) = @_;
	my $crowd = start_program(visitor_load('gather', $port, $key, visitors => $LISTENERS, addresses => 10, seconds => 120, warmup => 0.5,
			total => $opt{replies}, conninfo => conninfo(), statement => $statement));
	readline($crowd->[1]) // die "the visitors were not welcomed\n";
	my ($before) = cpu_now($peer);
	my %r = pairs(readline($crowd->[1]) // die "the replies did not come\n");
	my ($after) = cpu_now($peer);
	stop_child($crowd);
	die "of $opt{replies} replies $r{arrived} arrived\n" if $r{arrived} < $opt{replies};
	warn "reply: $r{doubled} came twice, $r{errors} errors, $r{cuts} connections were cut\n" if $r{doubled} + $r{errors} + $r{cuts} > 0;
	return (rate => $r{rate}, cpu => ($after - $before) / $opt{replies}, statement => 1e3 * $r{statement_ms} / $opt{replies});
}

sub measure_reply
{
	my $peer = on_peers(sub { node('ws.mjs') });
	my $all = "FROM generate_series(0, $opt{replies} - 1) AS n JOIN (SELECT id, row_number() OVER () - 1 AS i FROM %s) v ON v.i = n %% $LISTENERS";
	my %f = in_turns(sub {
			my ($tree) = @_;
			empty_tables();
			return gather($tree->{door}, $tree->{key}, "SELECT count(webchatt.send_message('$tree->{local}', v.id, text => n::text)) "
				  . sprintf($all, "webchatt.visitors WHERE channel_id = '$tree->{local}'"));
		}, $peer && sub {
			sql('TRUNCATE chat_visitors');
			return gather($peer->{port}, 'any', q{SELECT count(pg_notify('chat_replies', v.id || ' {"type":"message","id":"' || gen_random_uuid()
				|| '","direction":"out","at":1790000000000,"status":"sent","content":{"text":"' || n || '"}}')) } . sprintf($all, 'chat_visitors'), $peer);
		});
	stop_child($peer->{child}) if $peer;
	row("reply: $opt{replies} to $LISTENERS visitors by one statement, to Node ws by NOTIFY", '/s', $f{rate}, $f{rate}{peer}, ['r>', 1]);
	row('reply: CPU a message, all processes', 'us', $f{cpu}, $f{cpu}{peer});
	row('    the statement, a message', 'us', $f{statement}, $f{statement}{peer});
	return;
}

# Wait until a stand-in hub has so many; when the first came.
sub wait_for_hub
{
	my ($messages) = @_;
	my $end = time + 300;
	while (1)
	{
		my ($n, $first) = hub_get($hub_port, '/count');
		return $first if $n >= $messages;
		die "only $n of $messages requests reached the hub\n" if time > $end;
		sleep 0.02;
	}
}

# Messages a second, queued by one statement: from its beginning until all is recorded, and from the first at the hub.
sub drain
{
	my ($messages, $statement, $recorded, $peer) = @_;
	hub_get($hub_port, '/reset');
	my ($cpu) = cpu_now($peer);
	my $began = time;
	sql($statement);
	my $queued = time - $began;
	my $first = wait_for_hub($messages);
	wait_for($recorded, 60);
	my $end = time;
	return (cpu => ((cpu_now($peer))[0] - $cpu) / $messages, whole => $messages / ($end - $began), rate => $messages / ($end - $first), statement => 1e6 * $queued / $messages);
}

sub our_drain
{
	my ($messages) = @_;
	empty_tables();
	return drain($messages, "SELECT count(webchatt.send_message('$CHANNEL', 'visitor-' || n % $RECIPIENTS, text => 'message number ' || n)) "
		. "FROM generate_series(1, $messages) AS n", "SELECT NOT EXISTS (SELECT FROM webchatt.messages WHERE status = 'queued')");
}

my $JOB = q{json_build_object('message', %s, 'to', %s, 'text', %s)};

sub measure_hub
{
	my $peer = on_peers(sub { node('graphile.mjs', "http://127.0.0.1:$hub_port", $IN_FLIGHT) });
	my $job = sprintf($JOB, 'gen_random_uuid()', "'visitor-' || n % $RECIPIENTS", "'message number ' || n");
	my %f = in_turns(sub { our_drain($opt{jobs}) }, $peer && sub {
			drain($opt{jobs}, 'SELECT count(*) FROM graphile_worker.add_jobs((SELECT array_agg(json_populate_record(NULL::graphile_worker.job_spec, '
				  . "json_build_object('identifier', 'send', 'payload', $job))) FROM generate_series(1, $opt{jobs}) AS n))",
				'SELECT NOT EXISTS (SELECT FROM graphile_worker._private_jobs)', $peer);
		});
	stop_child($peer->{child}) if $peer;
	row("out: $opt{jobs} queued by one statement, enqueue included, to graphile-worker", '/s', $f{whole}, $f{whole}{peer}, ['r>', 3]);
	row('out: CPU a message, all processes', 'us', $f{cpu}, $f{cpu}{peer});
	row('    the statement, a message', 'us', $f{statement}, $f{statement}{peer});
	return;
}

sub measure_curl
{
	my %f = in_turns(sub {
			my %bare = pairs(run("$ENV{BENCH_BIN}/barecurl", "http://127.0.0.1:$hub_port/v1/communication/web-chatt2me/message", $opt{requests}, $IN_FLIGHT));
			my %r = our_drain($opt{requests});
			return (rate => $r{rate}, bare => $bare{rate});
		});
	row("out: $opt{requests} queued by one statement, from the first at the hub, to a bare libcurl loop", '/s', $f{rate}, $f{bare}, ['r>', 0.85]);
	return;
}

# COMMIT (as asked for by the client, so its flush is part of it) to the hub: the log's times against the program's.
sub commit_to_hub
{
	my ($log, $statement) = @_;
	my @sent = map { [split] } split /\n/, run("$ENV{BENCH_BIN}/commits", conninfo(), $statement, $opt{commits}, 50);
	my %arrived;
	for (1 .. 100)
	{
		sleep 0.1;
		hub_get($log->{port}, '/count');
		open(my $fh, '<', $log->{file}) or die "$log->{file}: $!\n";
		%arrived = map { my ($at, $key) = split; ($key => $at) } <$fh>;
		last if !grep { !$arrived{ $_->[0] } } @sent;
	}
	my @took = sort { $a <=> $b } map { ($arrived{ $_->[0] } // die "message $_->[0] did not reach the hub\n") - $_->[1] } @sent;
	return (median => $took[$#took / 2] / 1e3, p99 => $took[$#took * 0.99] / 1e3);
}

sub logging_hub
{
	my $file = "$ENV{BENCH_BIN}/hub.log";
	my ($port, @child) = start_hub('--log', $file);
	return { port => $port, file => $file, child => \@child };
}

sub measure_commit
{
	my $log = logging_hub();
	my $peer = on_peers(sub { node('graphile.mjs', "http://127.0.0.1:$log->{port}", $IN_FLIGHT) });
	on_peers(sub {
			sql('CREATE FUNCTION send(visitor text) RETURNS uuid LANGUAGE plpgsql AS $$ DECLARE id uuid := gen_random_uuid(); '
				  . q{BEGIN PERFORM graphile_worker.add_job('send', } . sprintf($JOB, 'id', 'visitor', q{'how long does it take?'}) . '); RETURN id; END $$');
		});
	local $opt{repeat} = 1;
	on($_, sub { empty_tables(); attach($log->{port}) }) for @trees;
	my %f = in_turns(sub { commit_to_hub($log, "SELECT webchatt.send_message('$CHANNEL', \$1, text => 'how long does it take?')") },
		$peer && sub { commit_to_hub($log, 'SELECT send($1)') });
	on($_, sub { attach($hub_port) }) for @trees;
	stop_child($peer->{child}) if $peer;
	stop_child($log->{child});
	row('out: COMMIT to hub at 50/s, median, beside graphile-worker', 'us', $f{median}, $f{median}{peer}, ['<', 400]);
	row('out: COMMIT to hub at 50/s, p99, beside graphile-worker', 'us', $f{p99}, $f{p99}{peer}, ['<', 1500]);
	return;
}

sub set_hub { my ($state) = @_; sql("UPDATE webchatt.hubs SET state = '$state' WHERE kind = 'remote'"); sleep 1; return }

sub measure_send
{
	on($_, sub { empty_tables(); set_hub('stopped') }) for @trees;
	my %f = in_turns(sub { (plain => pgbench('send-plain.sql', $CLIENTS, $opt{seconds}), sent => pgbench('send-one.sql', $CLIENTS, $opt{seconds})) });
	for my $tree (@trees)
	{
		on($tree, sub {
				set_hub('active');
				wait_for("SELECT NOT EXISTS (SELECT FROM webchatt.messages WHERE status = 'queued')", 120);
			});
	}
	row("send_message(), one a transaction, $CLIENTS clients, to a plain INSERT", '/s', $f{sent}, $f{plain}, ['r>', 0.8]);
	return;
}

# How long a query takes, in ms: each of so many times, in one session.
sub timed
{
	my ($times, $query) = @_;
	my $file = "$ENV{BENCH_BIN}/timed.sql";
	open(my $fh, '>', $file) or die "$file: $!\n";
	print $fh "\\timing on\n", "$query \\g /dev/null\n" x $times;
	close $fh;
	my @ms = run('psql', '-XAtq', '-v', 'ON_ERROR_STOP=1', '-f', $file) =~ /^Time: ([\d.]+) ms/mg;
	die "$query: it was not timed\n" if @ms != $times;
	return @ms;
}

# In a session that has run it once.  What takes seconds is not asked for so often.
sub warm
{
	my ($query) = @_;
	my (undef, $ms) = timed(2, $query);
	return $ms > 1000 ? $ms : median(@{ [timed(6, $query)] }[1 .. 5]);
}

# After a restart, with none of the data in the kernel's cache either.
sub cold
{
	my ($tree, $query) = @_;
	my @ctl = ("$tree->{programs}/pg_ctl", '-D', $tree->{data}, '-m', 'fast', '-w');
	sql('CHECKPOINT');
	run(@ctl, 'stop');
	run('sh', '-c', q{sync; find "$1/base" -type f -size +0 -exec sh -c 'for f; do dd if="$f" iflag=nocache count=0 2>/dev/null; done' sh {} +}, 'sh', $tree->{data});
	run(@ctl, '-l', "$ENV{BENCH_BIN}/server.log", 'start');
	wait_for(q{SELECT listening LIKE '%:%' FROM webchatt.status}, 60);
	return (timed(1, $query))[0];
}

sub fill
{
	my (%vars) = @_;
	sql_file('many.sql', channel => $CHANNEL, %vars);
	# written by the worker as messages come; these came without it
	sql_file('conversations.sql', channel => $CHANNEL) if has_conversations();
	return;
}

sub has_conversations { return sql(q{SELECT to_regclass('webchatt.conversations') IS NOT NULL}) eq 't' }

my $INBOX = 'SELECT * FROM webchatt.inbox LIMIT 50';

# Many conversations: first the visitors and messages, then a conversation each for many more.
sub measure_many
{
	my $load = sub { my ($tree) = @_; my %r = webhook_load($tree->{door}); return (rate => $r{rate}) };
	my %empty = in_turns(sub { empty_tables(); return $load->(@_) });
	my $repeat = $opt{repeat};
	local $opt{repeat} = 1;
	print STDERR "  making $opt{messages} messages of $opt{visitors} visitors in each\n";
	my %f = in_turns(sub {
			my ($tree) = @_;
			empty_tables();
			fill(visitors => $opt{visitors}, first => 0, messages => $opt{messages}, waiting => $opt{waiting}, unheard => $opt{unheard});
			return (first => warm($INBOX), cold => cold($tree, $INBOX), status => warm('SELECT * FROM webchatt.status'),
				overdue => warm('SELECT * FROM webchatt.overdue LIMIT 50'));
		});
	$opt{repeat} = $repeat;
	my %full = in_turns($load);
	$opt{repeat} = 1;
	print STDERR "  making $opt{conversations} conversations in each\n";
	my %more = in_turns(sub {
			my $more = $opt{conversations} - $opt{visitors};
			fill(visitors => $more, first => $opt{visitors}, messages => $more, waiting => 0, unheard => 0);
			return (first => warm($INBOX), later => warm(later_page()));
		});
	my $messages = $opt{messages} / 1e6;
	row("in: webhooks stored with $messages million messages, to empty", '/s', $full{rate}, $empty{rate}, ['r>', 0.95]);
	row("inbox LIMIT 50, $opt{visitors} visitors, $messages million messages", 'ms', $f{first}, undef, ['<', 5]);
	row('inbox: the same, cold', 'ms', $f{cold}, undef, ['<', 50]);
	row("inbox LIMIT 50, $opt{conversations} conversations, $opt{waiting} waiting", 'ms', $more{first}, undef, ['<', 5]);
	row('inbox: a page from the middle of them', 'ms', $more{later}, undef, ['<', 5]);
	row("status with $opt{unheard} overdue", 'ms', $f{status}, undef, ['<', 5]);
	row("overdue LIMIT 50, $opt{unheard} candidates", 'ms', $f{overdue}, undef, ['<', 5]);
	return;
}

# A page in the middle: by key where the inbox has one.
sub later_page
{
	my $half = $opt{conversations} / 2;
	return "SELECT * FROM webchatt.inbox OFFSET $half LIMIT 50" if !has_conversations();
	my $key = sql("SELECT format('(%L, %s, %L, %L)', state, place, channel_id, visitor) FROM webchatt.conversations "
		  . "ORDER BY state, place, channel_id, visitor OFFSET $half LIMIT 1");
	return "SELECT * FROM webchatt.inbox WHERE (state, place, channel_id, visitor) > $key LIMIT 50";
}

# WAL to write over, as a server has that is in use for a while: on a fresh one everybody waits as each next 16 MB are
# made and flushed, 40 ms here, once a second during a broadcast.  The checkpoint that empty_tables() ends with keeps them.
sub wear_in
{
	my $mb = 3 * $opt{broadcast} / 1000;
	sql("SELECT count(pg_logical_emit_message(false, 'bench', repeat('x', 1000000))) FROM generate_series(1, $mb)");
	return;
}

# Replies to visitors who are there, while a message goes to each of very many who are not: the slowest, in ms, beside the
# slowest of the sessions' COMMITs, which wait for the disk and the processors as everybody does.
sub live_reply
{
	my ($tree) = @_;
	wear_in();
	empty_tables();
	sql("INSERT INTO webchatt.visitors (channel_id, id) SELECT '$tree->{local}', 'away-' || n FROM generate_series(1, $opt{broadcast}) AS n");
	my $crowd = start_program(visitor_load('reply', $tree->{door}, $tree->{key}, visitors => 100, seconds => 600, rate => 50, sessions => 4,
			grace => 300, warmup => 0, conninfo => conninfo(), channel => $tree->{local}));
	my %r = pairs(readline($crowd->[1]) // die "the visitors were not welcomed\n");
	sleep 2;
	my $began = time;
	sql("SELECT count(webchatt.send_message('$tree->{local}', 'away-' || n, text => 'news')) FROM generate_series(1, $opt{broadcast}) AS n");
	my $took = time - $began;
	sleep($opt{quick} ? 3 : 10);
	kill 'TERM', $crowd->[0];
	%r = (%r, map { pairs($_) } readline $crowd->[1]);
	stop_child($crowd);
	die "of $r{sent} replies $r{arrived} arrived\n" if $r{arrived} < $r{sent};
	return (slowest => $r{asked_max_us} / 1e3, median => $r{asked_p50_us} / 1e3, p99 => $r{asked_p99_us} / 1e3, commit => $r{commit_max_us} / 1e3,
		commit99 => $r{commit_p99_us} / 1e3, statement => 1e6 * $took / $opt{broadcast});
}

sub measure_live
{
	local $opt{repeat} = 1;
	my %f = in_turns(\&live_reply);
	row("reply: the slowest at 50/s while $opt{broadcast} go to visitors who are away", 'ms', $f{slowest}, $f{commit}, ['<', 50]);
	row('    of a hundred the slowest', 'ms', $f{p99}, $f{commit99});
	row('    the median', 'ms', $f{median});
	row('    the broadcast\'s statement, a message', 'us', $f{statement});
	return;
}

# An address for the desk, and those who answer there.
sub open_desk
{
	my ($tree) = @_;
	return if $tree->{desk};
	my $free = IO::Socket::INET->new(Listen => 1, LocalAddr => '127.0.0.1') or die "no port: $!\n";
	my $port = $free->sockport;
	close $free;
	sql("SELECT count(webchatt.create_agent('desk-' || n, 'Desk ' || n)) FROM generate_series(1, $DESKS) AS n");
	sql("ALTER SYSTEM SET webchatt.desk_listen = '127.0.0.1:$port'");
	sql('SELECT pg_reload_conf()');
	my $end = time + 30;
	until (IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $port))
	{
		die "the desk did not open\n" if time > $end;
		sleep 0.1;
	}
	wait_for(q{SELECT listening LIKE '%:%' FROM webchatt.status}, 30);
	$tree->{desk} = $port;
	return;
}

# Desks, each signed in and with one of the conversations open.
sub start_desks
{
	my ($tree) = @_;
	my $file = "$ENV{TMPDIR}/desks";
	open(my $fh, '>', $file) or die "$file: $!\n";
	print $fh sql("SELECT substring(webchatt.sign_in_link('desk-' || n) FROM '[^=]*\$') || ' ' || channel_id || ' ' || id "
		  . "FROM (SELECT row_number() OVER () AS n, channel_id, id FROM webchatt.visitors WHERE channel_id = '$tree->{local}' LIMIT $DESKS) AS v"), "\n";
	close $fh;
	my $desks = start_program('sh', '-c', "exec $ENV{BENCH_BIN}/desk_load --port $tree->{desk} <$file");
	readline($desks->[1]) // die "the desks were not ready\n";
	return $desks;
}

# Visitors who bring files of a megabyte, a piece a second each, and fetch what they brought.
sub start_files
{
	my ($tree) = @_;
	my $file = "$ENV{TMPDIR}/tokens";
	my @tokens = map { sprintf('wct_%043d', $_) } 1 .. $BRINGING;
	open(my $fh, '>', $file) or die "$file: $!\n";
	print $fh map { "$_\n" } @tokens;
	close $fh;
	sql("INSERT INTO webchatt.visitors (channel_id, id) SELECT '$tree->{local}', 'bringer-' || n FROM generate_series(1, $BRINGING) AS n ON CONFLICT DO NOTHING");
	sql("INSERT INTO webchatt.visitor_tokens (channel_id, token_hash, visitor) SELECT '$tree->{local}', sha256(convert_to('wct_' || lpad(n::text, 43, '0'), 'UTF8')), 'bringer-' || n "
		  . "FROM generate_series(1, $BRINGING) AS n ON CONFLICT DO NOTHING");
	my $files = start_program('sh', '-c', "exec $ENV{BENCH_BIN}/file_load --port $tree->{door} --key $tree->{key} --origin $ORIGIN --size 1048576 --pause 1 <$file");
	readline($files->[1]) // die "the files were not begun\n";
	return $files;
}

# Visitors who write, beside others (whoever start gives) or alone: messages a second, CPU of each, memory at most.
sub talk_beside
{
	my ($tree, $start) = @_;
	empty_tables();
	my $crowd = start_program(visitor_load('send', $tree->{door}, $tree->{key}, visitors => $TALKING, addresses => 10, seconds => 600, pause => 1));
	readline($crowd->[1]) // die "the visitors were not welcomed\n";
	wait_for("SELECT count(*) >= $TALKING FROM webchatt.conversations", 60);
	my $others = $start ? $start->($tree) : undef;
	sleep 2;
	my $now = sub { return (time, cpu_now(undef, processes())) };
	kill 'USR1', $crowd->[0];
	my @before = $now->();
	my %most = (worker => 0, net => 0);
	for (1 .. 40 * $opt{seconds})
	{
		sleep 0.1;
		my @memory = map { own_memory($_) } processes() if $_ % 5 == 0 && $start;
		for my $who (@memory ? qw(worker net) : ()) { my $m = shift @memory; $most{$who} = $m if $m > $most{$who} }
	}
	my @spent = $now->();
	kill 'TERM', $crowd->[0];
	my %r = pairs(readline($crowd->[1]) // die "the visitors ended\n");
	die "visitors lost messages\n" if $r{errors} || $r{acked} != $r{sent};
	$spent[$_] -= $before[$_] for 0 .. $#spent;
	my ($took, $all, $worker, $net) = @spent;
	my $n = $r{rate} * $took;
	%r = (%r, cpu => ($worker + $net) / $n, all => $all / $n, map { ("$_ memory" => $most{$_}) } keys %most);
	if ($others)
	{
		kill 'TERM', $others->[0];
		my %did = pairs(readline($others->[1]) // die "the others ended\n");
		stop_child($others);
		warn "$did{errors} of the others' requests failed\n" if $did{errors};
		print STDERR "  beside: ", join(', ', map { sprintf("$_ %.0f/s", $did{$_} / $did{seconds}) } grep { $_ ne 'seconds' } sort keys %did), "\n";
		$r{pieces} = $did{pieces} / $did{seconds} if $did{pieces};
	}
	stop_child($crowd);
	return %r;
}

sub measure_desk
{
	my %f = in_turns(sub {
			my ($tree) = @_;
			open_desk($tree);
			my %alone = talk_beside($tree);
			my %beside = talk_beside($tree, \&start_desks);
			return ((map { ("${_} alone" => $alone{$_}) } keys %alone), %beside);
		});
	row("desk: messages acked durable, $TALKING conversations of one a second, with $DESKS desks, to without", '/s', $f{rate}, $f{'rate alone'}{new}, ['r>', 0.9]);
	row('desk: median of an ack', 'us', $f{p50_us}, $f{'p50_us alone'}{new}, ['r<', 1.1]);
	row('    p99', 'us', $f{p99_us}, $f{'p99_us alone'}{new});
	row('    CPU a message, the worker and webchatt-net, the desks\' calls with it', 'us', $f{cpu}, $f{'cpu alone'}{new});
	row('    all processes, the desks\' calls with them', 'us', $f{all}, $f{'all alone'}{new});
	return;
}

sub measure_files
{
	my %f = in_turns(sub {
			my ($tree) = @_;
			sql("ALTER SYSTEM SET webchatt.address_files_per_hour = '10000000kB'");
			sql('SELECT pg_reload_conf()');
			my %alone = talk_beside($tree);
			my %beside = talk_beside($tree, \&start_files);
			return ((map { ("${_} alone" => $alone{$_}) } keys %alone), %beside);
		});
	row("files: messages acked durable, $TALKING conversations of one a second, while $BRINGING visitors bring and fetch files, to without", '/s', $f{rate}, $f{'rate alone'}{new}, ['r>', 0.9]);
	row('files: median of an ack', 'us', $f{p50_us}, $f{'p50_us alone'}{new});
	row('    p99', 'us', $f{p99_us}, $f{'p99_us alone'}{new});
	row('    pieces of 256 kB', '/s', $f{pieces});
	row('    memory: the worker', 'MiB', $f{'worker memory'}, undef, ['<', 64]);
	row('    memory: webchatt-net', 'MiB', $f{'net memory'}, undef, ['<', 96]);
	return;
}

# The same as live_reply() on a remote hub, which tells when each came; the most memory meanwhile.
sub live_send
{
	my ($tree) = @_;
	my $log = logging_hub();
	my ($worker, $net) = processes();
	my %r = (worker => 0, net => 0);
	wear_in();
	empty_tables();
	attach($log->{port});
	my $sender = start_program("$ENV{BENCH_BIN}/commits", conninfo(), "SELECT webchatt.send_message('$CHANNEL', \$1, text => 'here you are')", 1_000_000, 50);
	sleep 2;
	my $broadcast = start_program('psql', '-XAtq', '-c',
		"SELECT count(webchatt.send_message('$CHANNEL', 'away-' || n, text => 'news')) FROM generate_series(1, $opt{broadcast}) AS n");
	my $look = sub {
		my %now = (worker => own_memory($worker), net => own_memory($net));
		for (keys %now) { $r{$_} = $now{$_} if $now{$_} > $r{$_} }
		sleep 0.1;
	};
	# its output comes when it is committed
	my $ready = '';
	vec($ready, fileno($broadcast->[1]), 1) = 1;
	until (select(my $bits = $ready, undef, undef, 0)) { $look->() }
	my $n = readline($broadcast->[1]) // 'none';
	chomp $n;
	die "of $opt{broadcast} messages $n were queued\n" if $n != $opt{broadcast};
	stop_child($broadcast);
	# until the worker is well into it
	my ($least, $most) = (time + 3, time + 120);
	while (time < $least || (hub_get($log->{port}, '/count'))[0] < $opt{broadcast} / 10)
	{
		die "the broadcast did not reach the hub\n" if time > $most;
		$look->();
	}
	kill 'TERM', $sender->[0];
	my %sent = map { my ($id, $before) = split; ($id => $before) } readline $sender->[1];
	stop_child($sender);
	open(my $fh, '<', $log->{file}) or die "$log->{file}: $!\n";
	my ($waits, $end, @took) = (scalar(keys %sent), time + 300);
	while ($waits > 0)
	{
		die "$waits messages did not reach the hub\n" if time > $end;
		$look->();
		hub_get($log->{port}, '/count');
		while (my $line = readline $fh)
		{
			my ($at, $id) = $line =~ /^(\d+) (\S+)\n/;
			# not whole yet: once more, later
			if (!defined $id) { seek $fh, -length $line, 1; last }
			next if !defined $sent{$id};
			push @took, ($at - delete $sent{$id}) / 1e6;
			$waits--;
		}
		seek $fh, 0, 1;
	}
	run("$tree->{programs}/pg_ctl", '-D', $tree->{data}, '-m', 'immediate', '-w', 'stop');
	stop_child($log->{child});
	@took = sort { $a <=> $b } @took;
	return (%r, slowest => $took[-1], median => $took[$#took / 2]);
}

# The last of all: it leaves a backlog, and no server.
sub measure_memory
{
	local $opt{repeat} = 1;
	my %f = in_turns(\&live_send);
	row("out: the slowest at 50/s while $opt{broadcast} go to others on a hub", 'ms', $f{slowest}, undef, ['<', 50]);
	row('    the median', 'ms', $f{median});
	row("memory: the worker, $opt{broadcast} messages waiting", 'MiB', $f{worker}, undef, ['<', 64]);
	row("memory: webchatt-net, $opt{broadcast} messages waiting", 'MiB', $f{net}, undef, ['<', 64]);
	return;
}

# --- all of it -------------------------------------------------------------

my @sections = ([visitors => \&measure_visitors], [in => \&measure_in], [reply => \&measure_reply], [hub => \&measure_hub], [curl => \&measure_curl],
	[commit => \&measure_commit], [send => \&measure_send], [many => \&measure_many], [live => \&measure_live], [desk => \&measure_desk], [files => \&measure_files], [memory => \&measure_memory]);
my %known = map { $_->[0] => 1 } @sections;
for (keys %wanted) { die "there are no rows $_\n" if !$known{$_} }

($hub_port) = start_hub();
on($_, sub { prepare($_) }) for @trees;
on($trees[-1], sub { sql('CREATE DATABASE peers TEMPLATE template0') });
for my $section (@sections)
{
	my ($name, $measure) = @$section;
	next if !$wanted{$name};
	print STDERR "--- $name\n";
	eval { $measure->(); 1 } or do
	{
		warn "$name: $@";
		push @rows, { what => "$name: could not be measured", ok => 'SHORT' };
	};
}
print "\n";
print_table();
