# webchatt.last_hour counts what happens, over a restart of the worker; webchatt.settings has what
# the worker works by, and says when that is not what was ordered; webchatt.health says what is wrong.
use strict;
use warnings;

use LocalHub;
use Test::More;

my $t = LocalHub->begin(conf => "webchatt.max_attempts = 7\nwebchatt.desk_url = 'https://desk.example.com'");
my $node = $t->node;

# All of it together, so that it does not matter in which minute something was.
sub sums { return $t->sql('SELECT sum(messages_in), sum(messages_out), sum(statuses), sum(failed), sum(rejected), max(visitors) FROM webchatt.last_hour') }

sub counted
{
	my ($wanted, $what) = @_;
	my $sums;

	ok(Visitor::until(sub { ($sums = sums()) eq $wanted }, 180), $what) or diag("$sums, not $wanted");
	return;
}

ok($t->until('SELECT count(*) > 0 FROM webchatt.last_hour WHERE visitors IS NOT NULL'), 'a minute is there as soon as the worker is');
is($t->sql('SELECT count(*), count(messages_in) < 61 FROM webchatt.last_hour'), '61|t', 'the others are gaps');

my $ann = $t->arrived;
$ann->acked($ann->say($_)) for qw(one two three);
my $answer = $t->reply($ann, 'an answer');
$ann->got(sub { $_->{type} eq 'message' });
$ann->confirm(delivered => $answer);
counted('3|1|1|0|0|1', 'what came, what was sent and what became of it is counted');
is($t->sql('SELECT slowest_turn_ms > 0 FROM webchatt.last_hour WHERE messages_in > 0 LIMIT 1'), 't', 'and how long the slowest turn took');

$t->sql(q{CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN RAISE EXCEPTION 'no'; END$$;
	CREATE TRIGGER refuse BEFORE INSERT ON webchatt.messages FOR EACH ROW WHEN (NEW.content ->> 'text' = 'bad') EXECUTE FUNCTION refuse()});
$ann->acked($ann->say('bad'));
counted('3|1|1|0|1|1', 'so is what a trigger refuses');
is($t->sql(q{SELECT level FROM webchatt.health WHERE what = 'rejects'}), 'warn', 'and somebody should look at it');
is($t->sql(q{SELECT string_agg(what || ' ' || level, ', ') FROM webchatt.health WHERE what IN ('worker', 'network', 'version', 'visitors', 'queued', 'hubs')}),
	'worker good, network good, version good, visitors good, queued good, hubs good', 'what works is good');

# The worker dies; what it counted stays.
my $pid = $t->sql('SELECT worker_pid FROM webchatt.status');
$ann->close;
$t->sql("SELECT pg_terminate_backend($pid)");
ok($t->until("SELECT worker_pid <> $pid FROM webchatt.status"), 'another worker comes');
$t->wait_ready;
is((join '|', (split /\|/, sums())[0 .. 1, 4]), '3|1|1', 'and goes on where the other one was');

# Settings.
sub setting { return $t->sql("SELECT value, source, pending FROM webchatt.settings WHERE name = 'webchatt.$_[0]'") }

is(setting('max_attempts'), '7|configuration file|f', 'a setting of postgresql.conf');
is(setting('hold_for'), '7d|default|f', 'one that nobody set');
is($t->sql(q{SET webchatt.max_attempts = 3; SELECT value FROM webchatt.settings WHERE name = 'webchatt.max_attempts'}), '7', 'what a session has is not asked');
$t->sql(q{ALTER DATABASE postgres SET webchatt.heartbeat = '12000'});
is(setting('heartbeat'), '20s|default|t', 'what is ordered for the database waits for a reload');
$t->sql('SELECT pg_reload_conf()');
ok($t->until(q{SELECT value = '12s' AND source = 'database' AND NOT pending FROM webchatt.settings WHERE name = 'webchatt.heartbeat'}), 'and is there behind it');
$t->sql('ALTER DATABASE postgres RESET webchatt.heartbeat');
is(setting('heartbeat'), '12s|database|t', 'so does taking it back');
$node->append_conf('postgresql.conf', "webchatt.max_attempts = 9\nwebchatt.ca_file = ''");
$t->sql('SELECT pg_reload_conf()');
ok($t->until(q{SELECT value = '9' FROM webchatt.settings WHERE name = 'webchatt.max_attempts'}), 'a reload of the file is followed');
is(setting('heartbeat'), '20s|default|f', 'and nothing waits any more');
is($t->sql(q{SELECT value IS NULL, secret FROM webchatt.settings WHERE name = 'webchatt.ca_file'}), 't|t', 'what only superusers may read is not shown');

done_testing();
