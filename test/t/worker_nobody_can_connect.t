# webchatt.status says when nobody can connect, and why: the address is taken, by
# another program or by another database of this server; the role is missing.  A
# webchatt-net that dies is back soon when it has served for a while, and is counted.
use strict;
use warnings;

use IO::Socket::INET;
use Mojo::UserAgent;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(sleep time);
use WebchattTest;

my $t = WebchattTest->new(databases => 'postgres, two');
$t->sql('CREATE DATABASE two');
sub status_of { my ($database, $column) = @_; return $t->sql("SELECT coalesce($column\::text, '') FROM webchatt.status", $database) }

sub becomes
{
	my ($database, $column, $like, $what) = @_;
	my $end = time + 60;
	my $is;

	sleep 0.05 until ($is = status_of($database, $column)) =~ $like || time > $end;
	return like($is, $like, $what);
}

$t->sql('CREATE EXTENSION webchatt');
becomes('postgres', 'listening', qr/127/, 'a database listens');
is(status_of('postgres', 'state'), 'running', 'and runs');
$t->sql('CREATE EXTENSION webchatt', 'two');
becomes('two', 'state', qr/\Anobody can connect: the worker of database "postgres" listens on 127\.0\.0\.1:$t->{port}\z/,
	'another with the same address says so, and whose it is');
like(status_of('two', 'last_error'), qr/give this one another webchatt\.listen/, 'and what to do');
is(status_of('postgres', 'state'), 'running', 'the first one runs');
my $port = WebchattTest::free_port();
$t->listens_at('two', "127.0.0.1:$port");
becomes('two', 'listening', qr/:$port/, 'with an address of its own it listens');
is(status_of('two', 'state'), 'running', 'and runs');

my $taken = IO::Socket::INET->new(LocalAddr => '127.0.0.1', LocalPort => 0, Listen => 1) or die $!;
$port = $taken->sockport;
$t->listens_at('two', "127.0.0.1:$port");
becomes('two', 'state', qr/\Anobody can connect: .*could not listen on 127\.0\.0\.1:$port: .*change webchatt\.listen\z/, 'an address that another program has, and what to do');
my $restarts = status_of('two', 'net_restarts');
$t->sql(q{SELECT webchatt.connect_hub('key', 'http://127.0.0.1:1', 'none');
	SELECT webchatt.add_channel('6cbd6789-1d2b-47e0-9391-5eb91d2839ea', 'none');
	SELECT webchatt.send_message('6cbd6789-1d2b-47e0-9391-5eb91d2839ea', 'visitor', text => 'not sent')}, 'two');
becomes('two', "(net_restarts > $restarts + 2)", qr/true/, 'a message is queued meanwhile');
is(status_of('two', 'overdue'), 0, 'of which nobody says that the visitor may have it');
close $taken;
becomes('two', 'state', qr/\Arunning\z/, 'it runs when that one is gone');
like(status_of('two', 'listening'), qr/:$port/, 'and listens');

# --- the role -----------------------------------------------------------------

my $at = -s $t->node->logfile;
$t->sql('ALTER ROLE webchatt_worker RENAME TO webchatt_elsewhere');
becomes('postgres', 'state', qr/\Athe role webchatt_worker is missing\z/, 'a missing role is called so');
my $log = slurp_file($t->node->logfile, $at);
like($log, qr/webchatt is idle in database "postgres": the role webchatt_worker is missing/, 'in the log, too');
unlike($log, qr/the extension was dropped/, 'and not a dropped extension');
$t->sql('ALTER ROLE webchatt_elsewhere RENAME TO webchatt_worker');
becomes('postgres', 'listening', qr/:$t->{port}/, 'it goes on when the role is there again');

# --- Citus --------------------------------------------------------------------

# Its catalog, as it has it, with somebody else's table.
$t->sql(q{SET allow_system_table_mods = on;
	CREATE TABLE public.theirs (id int);
	CREATE TABLE pg_catalog.pg_dist_partition (logicalrelid regclass NOT NULL, partmethod "char" NOT NULL);
	INSERT INTO pg_catalog.pg_dist_partition VALUES ('public.theirs', 'h')});
is($t->sql('SELECT webchatt._distributed_table() IS NULL'), 't', 'tables of others may be distributed');

# What it does when it takes a table: a row of its catalog, and a trigger.
$t->sql(q{SET allow_system_table_mods = on;
	CREATE FUNCTION pg_catalog.citus_truncate_trigger() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
	CREATE FUNCTION public.take(taken regclass) RETURNS void LANGUAGE plpgsql AS $$
	BEGIN
		INSERT INTO pg_catalog.pg_dist_partition VALUES (taken, 'h');
		EXECUTE format('CREATE TRIGGER truncate_trigger AFTER TRUNCATE ON %s FOR EACH STATEMENT EXECUTE FUNCTION pg_catalog.citus_truncate_trigger()', taken);
	END $$;
	SELECT public.take('public.theirs')});
my ($status, undef, $error) = $t->try_sql(q{SET allow_system_table_mods = on;
\set VERBOSITY verbose
SELECT public.take('webchatt.messages')});
isnt($status, 0, 'who distributes one of ours is refused');
like($error, qr/0A000: webchatt\.messages cannot become one of Citus's tables\n.*DETAIL: .*HINT: .*doc\/scale\.md/s, 'and told why, and what to do instead');
is($t->sql('SELECT string_agg(logicalrelid::text, $$ $$) FROM pg_catalog.pg_dist_partition'), 'theirs theirs', 'nothing of it is done');
$at = -s $t->node->logfile;
$t->sql(q{SET allow_system_table_mods = on; INSERT INTO pg_catalog.pg_dist_partition VALUES ('webchatt.messages', 'h')});
is($t->sql('SELECT webchatt._distributed_table()'), 'messages', 'ours are seen');
becomes('postgres', 'state', qr/\ACitus has distributed webchatt's tables\z/, 'and the worker stops');
is(status_of('postgres', 'listening IS NULL'), 'true', 'nobody is let in');
$t->sql(q{SELECT pg_terminate_backend(worker_pid) FROM webchatt.status});
becomes('postgres', "(worker_pid IS NOT NULL AND state LIKE 'Citus%')", qr/true/, 'nor does another one begin');
$log = slurp_file($t->node->logfile, $at);
like($log, qr/webchatt is idle in database "postgres": Citus has distributed webchatt's tables\n.*HINT:.*doc\/scale\.md/, 'the log says it, and what to do');
$t->sql(q{SET allow_system_table_mods = on; DROP TABLE pg_catalog.pg_dist_partition});
becomes('postgres', 'listening', qr/:$t->{port}/, 'it goes on where they are not');

# --- one that dies again and again --------------------------------------------

my $before = status_of('postgres', 'net_restarts');
my $end = time + 10;
$at = -s $t->node->logfile;
for my $time (1 .. 6)
{
	my $pid = status_of('postgres', 'net_pid');

	# it has served for a while, by its own age
	sleep 0.05 until time > $end || (split ' ', `ps -o etimes= -p $pid`)[0] >= 2;
	kill 'KILL', $pid;
	becomes('postgres', "(net_pid <> $pid AND listening IS NOT NULL)", qr/true/, "killed for the ${time}th time, it is there again");
	$end = time + 10;
}
my @pauses = slurp_file($t->node->logfile, $at) =~ /webchatt-net ended; starting webchatt-net again in (\d+) ms/g;
is(scalar @pauses, 6, 'the log has each');
is_deeply([ grep { $_ > 1000 } @pauses ], [], "and no pause that is long beside what it served (@pauses ms)");
is(status_of('postgres', 'net_restarts'), $before + 6, 'status counts them');
my $metrics = Mojo::UserAgent->new->get($t->base_url . '/metrics')->res->body;
like($metrics, qr/^webchatt_net_restarts_total @{[ $before + 6 ]}$/m, 'and the metrics');

done_testing();
