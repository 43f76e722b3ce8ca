# Messages that are queued without a work order: rows inserted by hand are looked for in pieces,
# none of which holds up a turn; what was queued while triggers were off is found when the worker
# starts.  An order that is there is not given twice.
use strict;
use warnings;

use LocalHub;
use Test::More;

my $t = LocalHub->begin;
my $channel = $WebchattTest::CHANNEL;
$t->{hub} = Hub->new(dir => $t->node->basedir . '/hub', keys => [$WebchattTest::KEY], channels => { $channel => 'web-chatt2me' });
$t->attach($t->hub->url);
$t->hub->rules({ do => 503, retry_after => 600 });
$t->send_text('first', 'the hub is away');
$t->wait_for(q{SELECT hubs -> 'chatt2me' ->> 'state' = 'paused' FROM webchatt.status}, 'the hub is away');

# The n-th id of a kind, as version 7 has them.
sub id { my ($kind, $n) = @_; return "('0190000$kind-0000-7000-8000-' || lpad(to_hex($n), 12, '0'))::uuid" }

# Rows by hand: those for which "queued" holds wait to be sent, the others are old.
sub import_rows
{
	my ($kind, $rows, $queued, $visitor) = @_;

	return "INSERT INTO webchatt.messages (channel_id, id, visitor, direction, status, content)
		SELECT '$channel', " . id($kind, 'n') . ", $visitor, (CASE WHEN $queued THEN 'out' ELSE 'in' END)::webchatt.message_direction,
			(CASE WHEN $queued THEN 'queued' ELSE 'received' END)::webchatt.message_status, '{\"text\": \"imported\"}'
		FROM generate_series(1, $rows) n";
}

sub orders { my ($where) = @_; return "SELECT count(*) FROM webchatt.outbox WHERE op = 's' AND ($where)" }
sub doubles
{
	return $t->sql(q{SELECT message_id, visitor, count(*), array_agg(xid), array_agg(seq) FROM webchatt.outbox WHERE op = 's'
		GROUP BY message_id, visitor HAVING count(*) > 1 LIMIT 20});
}

sub of_kind { my ($kind) = @_; return "message_id BETWEEN " . id($kind, 0) . " AND " . id($kind, 99999999) }

# --- a large import: one in 3,000 is queued, more rows than a piece has -------------------------

my $client = $t->arrived(again => 0.1);
my $stop = 0;

sub talking
{
	my ($condition, $timeout) = @_;

	return Visitor::until(sub { $client->say('meanwhile') if keys %{ $client->{unacked} } < 4; return $condition->() }, $timeout);
}

my $next = 0;
sub every { my ($sql) = @_; return sub { return 0 if Time::HiRes::time() < $next; $next = Time::HiRes::time() + 0.2; return $t->sql($sql) eq 't' } }

$t->sql(import_rows(1, 60000, 'n % 3000 = 1', q{'imported-' || n % 7}));
ok(talking(every('SELECT (' . orders(of_kind(1)) . ') = 20'), 120), 'what an import queued is found');
is($t->sql('SELECT count(DISTINCT xid) FROM webchatt.outbox WHERE ' . of_kind(1)), 20, 'in pieces of no more than 3,000 rows');
my $among = $t->sql("SELECT count(*) FROM webchatt.messages m, (SELECT min(xid::text::bigint) AS first, max(xid::text::bigint) AS last FROM webchatt.outbox WHERE "
	  . of_kind(1) . ") x WHERE m.channel_id = '$t->{channel}' AND m.direction = 'in'
	AND m.xmin::text::bigint BETWEEN x.first AND x.last");
cmp_ok($among, '>', 0, "visitors are answered among them ($among)");

# --- all of it is queued -----------------------------------------------------------------------

$t->sql(import_rows(2, 2500, 'true', q{'waits-' || n % 300}));
$t->sql(import_rows(3, 200, 'true', q{'much'}));
ok(talking(every('SELECT (' . orders(of_kind(2)) . ') = 2500 AND (' . orders(of_kind(3)) . ') = 200'), 120), 'an import that is to be sent');
cmp_ok($t->sql('SELECT max(n) FROM (SELECT count(*) AS n FROM webchatt.outbox WHERE ' . of_kind(2) . ' GROUP BY xid) x'), '<=', 2000,
	'is queued in pieces too');
is($t->sql("SELECT count(*) FROM (SELECT visitor, message_id, lag(message_id) OVER (PARTITION BY visitor ORDER BY seq) AS before
	FROM webchatt.outbox WHERE " . of_kind(2) . ' OR ' . of_kind(3) . ') x WHERE before > message_id'), 0, 'each conversation in its order');

# --- triggers off: nothing says so, until the worker starts anew ---------------------------------

# The orders of the imports, which stay as long as messages wait, would have any worker look.
sub forget_orders { return $t->sql(q{DELETE FROM webchatt.outbox WHERE op = 'd'}) }

sub start_anew
{
	my $worker = $t->status('worker_pid');

	forget_orders();
	$t->sql("SELECT pg_terminate_backend($worker)");
	return $t->wait_for("SELECT worker_pid <> $worker AND corridor = 'open' FROM webchatt.status", 'the worker starts anew', 30);
}

# Start it anew, and wait until it has looked through all: it found what lies behind all else, which
# came when no worker was there.
sub look_through
{
	my ($n) = @_;

	$t->sql(q{ALTER SYSTEM SET webchatt.databases = ''});
	$t->node->reload;
	$t->wait_for(q{SELECT count(*) = 0 FROM pg_stat_activity WHERE backend_type = 'webchatt worker'}, 'the worker is gone', 30);
	forget_orders();
	$t->sql(qq{SET session_replication_role = replica; INSERT INTO webchatt.messages (channel_id, id, visitor, direction, status, content)
		VALUES ('$channel', 'f0000000-0000-7000-8000-00000000000$n', 'last-$n', 'out', 'queued', '{"text": "last"}')});
	$t->sql(q{ALTER SYSTEM RESET webchatt.databases});
	$t->node->reload;
	return $t->wait_for('SELECT (' . orders(qq{visitor = 'last-$n'}) . ') = 1', 'each start looks through all', 60);
}

look_through(1);
my $before = $t->sql(orders('true'));
is($before, 1 + 20 + 2500 + 200 + 1, 'what has its order gets no other one') or diag(doubles());
$t->sql('SET session_replication_role = replica; ' . import_rows(4, 1, 'true', q{'replica'}));
$t->sql('ALTER TABLE webchatt.messages DISABLE TRIGGER USER; ' . import_rows(5, 1, 'true', q{'disabled'})
	  . '; ALTER TABLE webchatt.messages ENABLE TRIGGER USER');
$t->sql('SET session_replication_role = replica; ' . import_rows(6, 3, 'true', q{'much'}));
$t->sql('SET session_replication_role = replica; ' . import_rows(7, 1, 'true', q{'waits-1'}));
is($t->sql(orders(join ' OR ', map { of_kind($_) } 4 .. 7)), 0, 'triggers are off: no work order');
start_anew();
$t->wait_for('SELECT (' . orders(join ' OR ', map { of_kind($_) } 4, 5, 7) . ') = 3', 'the next start finds them', 60);
look_through(2);
is($t->sql(orders('true')), $before + 4, 'and gives each one order') or diag(doubles());
$t->wait_for(q{SELECT hubs -> 'chatt2me' ->> 'state' = 'paused' AND in_flight = 0 FROM webchatt.status}, 'nothing is under way');

# --- the hub is back ----------------------------------------------------------------------------

$t->hub->rules();
$t->sql('SELECT pg_terminate_backend(' . $t->status('worker_pid') . ')');    # the pause ends with it
$t->drained('all that was queued leaves', 150);
my %times;
$times{ $_->{key} }++ for grep { defined $_->{to} } grep { ($_->{status} // 0) == 200 } $t->hub->record;
is(scalar(grep { $_ > 1 } values %times), 0, 'each once')
  or diag(join "\n", map { Mojo::JSON::encode_json($_) } grep { ($times{ $_->{key} // '' } // 0) > 1 } ($t->hub->record)[0 .. 400]);
is($t->sql(q{SELECT count(*) FROM webchatt.messages WHERE channel_id = '} . $channel . q{' AND direction = 'out' AND status = 'sent'}),
	1 + 20 + 2500 + 200 + 6 + 2, 'and none is missing');
$t->WebchattTest::account('in order', messages => 2500);

done_testing();
