# A webchatt-net that somebody has taken over, or that is broken: it floods the worker
# with frames of every type, good and bad, reads nothing, greets again and again.  The
# worker's memory stays bounded, the server's log too, and the server does not notice.
use strict;
use warnings;

use LocalHub;
use PostgreSQL::Test::Utils;
use StandIn;
use Test::More;
use Time::HiRes qw(sleep time);

# What a flood may add to the worker, in bytes: what may wait to be written, to be read
# and to be sent, and what a turn makes of it.
my $MOST = 320 * 1024 * 1024;

# The server's log may grow by so much at each.
my $LOG_MOST = 512 * 1024;

my $stand_in = StandIn::install('hostile-net');

sub put_file { my ($name, $text) = @_; open(my $f, '>', "$stand_in/$name.new") or die $!; print $f $text; close $f; return rename "$stand_in/$name.new", "$stand_in/$name" }

my $t = LocalHub->new(conf => 'log_min_messages = warning');
$t->sql('CREATE EXTENSION webchatt');
my ($channel) = $t->make_channel('Shop', $LocalHub::ORIGIN);
put_file('channel', $channel);
$t->wait_for(q{SELECT corridor = 'open' FROM webchatt.status}, 'the stand-in is taken for webchatt-net');
my ($worker, $started) = map { $t->sql("SELECT $_") } '(SELECT worker_pid FROM webchatt.status)', 'pg_postmaster_start_time()';

# Something is under way, to a hub elsewhere.
$t->sql(q{SELECT webchatt.connect_hub('a-key', 'https://hub.invalid'); SELECT webchatt.add_channel('6cbd6789-1d2b-47e0-9391-5eb91d2839ea')});
my $hub = $t->sql(q{SELECT id FROM webchatt.hubs WHERE api_url LIKE '%hub.invalid%'});
$t->sql(q{SELECT count(webchatt.send_message('6cbd6789-1d2b-47e0-9391-5eb91d2839ea', gen_random_uuid()::text, 'x')) FROM generate_series(1, 64)});

# The worker's memory that is nobody else's.
sub held { my $rollup = slurp_file("/proc/$worker/smaps_rollup"); return $rollup =~ /^Anonymous: +(\d+) kB/m ? $1 * 1024 : 0 }

my $n = 0;

# The stand-in is started anew and floods.  A new start without a pause is what a new
# address brings.
sub flood
{
	my ($what, $order) = @_;
	my $log = -s $t->node->logfile;
	my $before = held();
	my $most = 0;
	my $done;

	unlink "$stand_in/done";
	my $pid = $t->status('net_pid');

	$n++;
	$t->sql("ALTER SYSTEM SET webchatt.listen = '127.0.0.1:" . ($t->{port} + $n % 2) . q{'});
	$t->node->reload;
	$t->until("SELECT corridor = 'open' AND net_pid <> '0$pid'::int FROM webchatt.status", 30) or $t->diagnose;
	put_file('orders', $order);
	my $end = time + 90;
	until ($done || time > $end)
	{
		my $now = eval { held() } // 0;
		$most = $now if $now > $most;
		sleep 0.02;
		$done = -e "$stand_in/done" ? slurp_file("$stand_in/done") : undef;
	}
	for (1 .. 5) { my $now = eval { held() } // 0; $most = $now if $now > $most; sleep 0.02 }
	like($done // 'nothing', qr/\A\Q$order\E (said|stalled|gone) /, "$what") or $t->diagnose;
	note(($done // '') . " held: $before, at most $most");
	cmp_ok($most - $before, '<', $MOST, "$what: the worker holds no more than it may");
	cmp_ok((-s $t->node->logfile) - $log, '<', $LOG_MOST, "$what: the log holds no more than it may");
	is($t->sql('SELECT worker_pid FROM webchatt.status'), $worker, "$what: it is the same worker");
	return;
}

# Type numbers as in src/common/corridor.def; how many bytes, how often, and whether it
# reads what it is told.
flood('greetings', 'back 65 0 200000');
flood('greetings, read', 'back 65 0 200000 1');
flood('events of a megabyte', 'event 67 1000000 400');
flood('events of a megabyte, acknowledgements read', 'event 67 1000000 200 1');
flood('small events', 'event 67 10 60000');
flood('REST calls', 'call 78 100000 3000');
flood('small REST calls', 'call 78 0 30000');
flood('hellos', 'arrived 72 1000 20000');
flood('visitors who leave', 'number 73 0 300000');
flood('log lines', 'text 70 8000 40000');
flood('log lines of megabytes', 'text 70 4000000 60');
flood('log lines that are not text', 'bytes 70 3000 20000');
flood('addresses that it listens on', 'text 66 100 20000');
flood('who types', 'typed 75 0 200000');
flood('pages', 'page 86 900 100000');
flood('pages with addresses of megabytes', 'page 86 1000000 100');
flood('ends of what is under way, with codes of megabytes', 'outcome 68 8000000 60');
flood('events that a link has lost', "lost 83 $hub 60000");
flood('links', 'came 80 100000 3000');
flood('ends of deliveries', 'delivered 79 1000000 300');
flood('answers of hubs', 'done 77 500000 300');
flood('questions for history', 'ask 74 0 60000');
flood('calls of the desk', 'desk 84 60000 5000');
flood('small calls of the desk, answers read', 'desk 84 10 20000 1');
flood('its stderr', 'stderr 0 1000 40000');
flood('a frame that has no end', 'part 67 30000000 1');
flood('a length that no frame has', 'length 67 1000 1');
for my $type (1, 66 .. 86, 200)
{
	flood("chance, type $type", "raw $type " . int(rand 200) . ' 500');
	flood("zeros, type $type", "zeros $type 60 500");
}

is($t->sql('SELECT pg_postmaster_start_time()'), $started, 'the server did not notice');
unlike(slurp_file($t->node->logfile), qr/PANIC|terminated by signal|server process .* was terminated/, 'nothing crashed');
cmp_ok($t->sql('SELECT net_restarts FROM webchatt.status'), '>', 20, 'the worker counted how often it ended one');
done_testing();

# A directory whose name leaves room for what lies in it; gone at the end.
sub tempdir_short
{
	require File::Temp;
	return File::Temp::tempdir('hostXXXXXX', TMPDIR => 1, CLEANUP => 1);
}
