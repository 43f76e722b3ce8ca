# What SQL sends reaches the hub: once where all goes well, at least once under
# one key where it does not, in order, and never what was rolled back.
use strict;
use warnings;

use Test::More;
use Time::HiRes qw(sleep time);
use WebchattTest;

my $t = WebchattTest->attached;
my $hub = $t->hub;
my $channel = $WebchattTest::CHANNEL;

sub send_sql { my ($visitor, $text, $more) = @_; return "SELECT webchatt.send_message('$channel', '$visitor', text => '$text'" . ($more // '') . ')' }
sub setting { my ($name, $value) = @_; $t->sql("ALTER SYSTEM " . (defined $value ? "SET webchatt.$name = '$value'" : "RESET webchatt.$name")); $t->reloaded; return }
sub texts { my ($visitor) = @_; return map { $_->{content}{text} } $hub->record(to => $visitor) }
sub keys_of { my ($visitor) = @_; my %k = map { $_->{key} => 1 } $hub->record(to => $visitor); return keys %k }

# The plain way.
my $id = $t->send_text('plain', 'hello');
$t->status_becomes($id, 'sent', 'a message is sent');
my ($entry) = $hub->record(to => 'plain');
is($entry->{key}, $id, 'under its own id as Idempotency-Key');
is_deeply($entry->{content}, { text => 'hello' }, 'with its content');
is($entry->{from}, $channel, 'from its channel');
is($t->sql("SELECT string_agg(status, ',' ORDER BY id) FROM webchatt.statuses WHERE message_id = '$id'"), 'sent', 'its status is recorded');
is($t->sql("SELECT count(*) FROM webchatt.statuses WHERE hub_message_id = '$entry->{message_id}'"), 1, 'with the hub\'s id');

$t->sql("SELECT webchatt.send_message('$channel', 'json', content => '{\"imageUrl\": \"https://example.org/a.png\", \"text\": \"caption \\u00e9\"}')");
$t->drained('jsonb content leaves');
is_deeply(($hub->record(to => 'json'))[0]{content}, { imageUrl => 'https://example.org/a.png', text => "caption \x{e9}" }, 'as it is');

# Order, over many messages queued by one statement.
$t->sql("SELECT webchatt.send_message('$channel', 'o' || i % 7, text => i::text) FROM generate_series(1, 700) i");
$t->drained('700 messages queued by one statement leave');
for my $visitor (map { "o$_" } 0 .. 6)
{
	my @got = texts($visitor);
	is_deeply(\@got, [ sort { $a <=> $b } @got ], "$visitor: in order") or diag("@got");
	is(scalar @got, 100, "$visitor: each once");
}

# Transactions.
$t->sql('BEGIN; ' . send_sql('tx', 'rolled back') . '; ROLLBACK');
$t->sql('BEGIN; ' . send_sql('tx', 'one') . '; SAVEPOINT s; ' . send_sql('tx', 'undone') . '; ROLLBACK TO s; '
	. send_sql('tx', 'two') . '; COMMIT');
$t->sql('BEGIN; ' . send_sql('tx', 'prepared, rolled back') . q{; PREPARE TRANSACTION 'no'});
$t->sql('BEGIN; ' . send_sql('tx', 'prepared') . q{; PREPARE TRANSACTION 'yes'});
$t->status_becomes($t->send_text('after', 'it'), 'sent', 'what was committed after it has left');
WebchattTest::comes(sub { texts('tx') >= 2 });
sleep 1.5;
is_deeply([ texts('tx') ], [qw(one two)], 'rollbacks and savepoints are honoured, a prepared transaction waits');
$t->sql(q{ROLLBACK PREPARED 'no'});
$t->sql(q{COMMIT PREPARED 'yes'});
$t->drained('COMMIT PREPARED is noticed');
is_deeply([ texts('tx') ], [qw(one two prepared)], 'and sends what it should');

# An older transaction that commits later is not forgotten (ids are no cursor).
my $late = $t->session;
$late->query('BEGIN; ' . send_sql('late', 'begun first'));
$t->status_becomes($t->send_text('late-other', 'begun second'), 'sent', 'a younger transaction does not wait for an older one');
$late->query('COMMIT');
$t->drained('the older one\'s message leaves when it commits');
is_deeply([ texts('late') ], ['begun first'], 'once');

# Nor does whoever looks for it walk through what a younger one, which is under way still, has queued.
my $younger = $t->session;
my $entries = q{SELECT sum(idx_tup_read) FROM pg_stat_all_indexes WHERE indexrelname LIKE 'outbox\__\_order'};
my $recorded = q{SELECT n_tup_upd FROM pg_stat_all_tables WHERE relid = 'webchatt.messages'::regclass};
$late->query('BEGIN; ' . send_sql('late-again', 'begun first'));
$younger->query("BEGIN; SELECT count(webchatt.send_message('$channel', 'younger' || i % 7, text => 'undone')) FROM generate_series(1, 10000) i");
$t->drained;
my ($read, $updated) = map { $t->sql($_) } $entries, $recorded;
$late->query('COMMIT');
$t->wait_for("SELECT ($recorded) > $updated", 'an older transaction\'s message leaves beside 10,000 of a younger one');
cmp_ok($t->sql($entries) - $read, '<', 1000, 'without a look at each of those');
is_deeply([ texts('late-again') ], ['begun first'], 'once');
$younger->query('ROLLBACK');

# dedupe_key.
my $first = $t->sql(send_sql('d', 'one', q{, dedupe_key => 'k'}));
is($t->sql(send_sql('d', 'again', q{, dedupe_key => 'k'})), $first, 'the same dedupe_key gives the first id back');
isnt($t->sql(send_sql('d2', 'other', q{, dedupe_key => 'k'})), $first, 'on another conversation it is another message');
$t->drained;
is_deeply([ texts('d') ], ['one'], 'and it is sent once');

# Misbehaviour that is to be tried again.
my $m = 0;
for my $rule (
	{ do => 500 }, { do => 502 }, { do => 408 }, { do => 503, retry_after => 1 }, { do => 429, retry_after => 1 },
	{ do => 'reset' }, { do => 'close' }, { do => 'drop' }, { do => 'hang' })
{
	my $visitor = 'again-' . ++$m;
	my $what = "hub answers $rule->{do}";
	$hub->rules({ %$rule, to => $visitor, times => 1 });
	my $began = time;
	my $hangs = $rule->{do} eq 'hang';
	setting('send_timeout', '1s') if $hangs;
	my $one = $t->send_text($visitor, 'one');
	$t->send_text($visitor, 'two');
	$t->status_becomes($one, 'sent', "$what: sent in the end");
	cmp_ok(time - $began, '>=', 0.9, "$what: not before Retry-After") if $rule->{retry_after};
	$t->drained("$what: and what came after it");
	setting('send_timeout', undef) if $hangs;
	# who is to answer within a second may not, and is asked again, when the machine is slow
	like(join(' ', texts($visitor)), $hangs ? qr/^one(?: one)+(?: two)+$/ : qr/^one one two$/, "$what: " . ($hangs ? '' : 'one ') . 'repeat, and in order');
	is(scalar(keys_of($visitor)), 2, "$what: under one key each");
}

# A 2xx that cannot be read is taken: the hub has the message, and must not get it twice.
for my $do (qw(badjson html empty array huge))
{
	$hub->rules({ do => $do, to => "taken-$do", times => 1 });
	my $one = $t->send_text("taken-$do", 'one');
	$t->send_text("taken-$do", 'two');
	$t->status_becomes($one, 'enqueued', "hub answers $do: taken");
	$t->drained("hub answers $do: and what came after it");
	is(join(' ', texts("taken-$do")), 'one two', "hub answers $do: each once, and in order");
	like($t->sql("SELECT error_message FROM webchatt.messages WHERE id = '$one'"), qr/taken as accepted/, "hub answers $do: its row says so");
}

# Slow is not wrong, and hinders nobody else.
$hub->rules({ do => 'slow', ms => 5000, to => 'slow', times => 1 });
my $slow = $t->send_text('slow', 'takes its time');
WebchattTest::comes(sub { $hub->record(to => 'slow') > 0 });
$t->status_becomes($t->send_text('quick', 'does not'), 'sent', 'others do not wait for a slow one');
$t->status_becomes($slow, 'sent', 'the slow one arrives');
is(scalar(texts('slow')), 1, 'once');

# For good: 4xx, and an error in a 200.
for my $rule ({ do => 400 }, { do => 404 }, { do => 422 }, { do => 'error', code => '130472', message => 'User in experiment' }, { do => 'redirect' })
{
	my $visitor = 'refused-' . ++$m;
	$hub->rules({ %$rule, to => $visitor, times => 1 });
	my $one = $t->send_text($visitor, 'one');
	my $two = $t->send_text($visitor, 'two');
	$t->status_becomes($one, 'failed', "hub answers $rule->{do}: failed");
	$t->status_becomes($two, 'sent', "hub answers $rule->{do}: the next one goes on");
	is_deeply([ texts($visitor) ], [qw(one two)], "hub answers $rule->{do}: not tried again");
	like($t->sql("SELECT concat_ws(' ', error_code, error_message) FROM webchatt.messages WHERE id = '$one'"),
		$rule->{code} ? qr/^130472 User in experiment$/ : qr/\S/, "hub answers $rule->{do}: with the hub's words");
}

# retry_message() after it failed.
$hub->rules({ do => 400, to => 'retried', times => 1 });
$id = $t->send_text('retried', 'once more');
$t->status_becomes($id, 'failed', 'a failed message');
is($t->sql("SELECT webchatt.retry_message('$channel', '$id')"), 't', 'can be retried');
$t->status_becomes($id, 'sent', 'and is sent then');
is(scalar(keys_of('retried')), 1, 'under the same key');
is($t->sql("SELECT webchatt.retry_message('$channel', '$id')"), 'f', 'a sent one cannot');

# Retry-After pauses the hub and all its messages, not their patience.
$hub->rules({ do => 429, retry_after => 2, times => 1 });
my $began = time;
$t->send_text('paused-1', 'one');
$t->wait_for(q{SELECT hubs -> 'chatt2me' ->> 'state' = 'paused' FROM webchatt.status}, 'Retry-After pauses the hub, and status says so');
$id = $t->send_text('paused-2', 'two');
$t->status_becomes($id, 'sent', 'a message for somebody else leaves after the pause');
cmp_ok(time - $began, '>=', 1.9, 'not before');
$t->drained;

# Holds: session_not_found, until the visitor shows up.
$hub->set(sessions => []);
my @held = map { $t->send_text('away', "number $_") } 1 .. 3;
$t->status_becomes($_, 'held', 'held while the visitor is away') for @held;
is($t->sql("SELECT string_agg(DISTINCT status, ',') FROM webchatt.statuses WHERE message_id = '$held[0]'"), 'held', 'with a row in statuses');
my $tries = scalar texts('away');
cmp_ok($tries, '<=', 3, 'without trying again and again');
$hub->set(sessions => undef);
is(scalar $t->post(Webhook::message($channel, 'back-1', 'away', 'I am back')), 200, 'the visitor shows up');
$t->status_becomes($_, 'sent', 'a held message leaves') for @held;
my @seen = texts('away');
is_deeply([ @seen[-3 .. -1] ], [ 'number 1', 'number 2', 'number 3' ], 'in their order') or diag("@seen");

# Expiry, queued and held.
$hub->set(sessions => []);
$id = $t->send_text('gone', 'too late', q{, expires => interval '1 second'});
$t->status_becomes($id, 'expired', 'a held message expires', 15);
$hub->set(sessions => undef);
is(scalar $t->post(Webhook::message($channel, 'back-2', 'gone', 'hello?')), 200, 'the visitor shows up later');
sleep 1;
is(scalar(grep { $_->{status} && ($_->{message_id} // '') ne '' } $hub->record(to => 'gone')), 0, 'an expired message is not sent');
$hub->rules({ do => 500, to => 'blocked' });
$id = $t->send_text('blocked', 'expires in the queue', q{, expires => interval '2 seconds'});
$t->status_becomes($id, 'expired', 'a message that is being retried expires too', 20);
$hub->rules();

# Cancel: held, or behind one that is being retried.
$hub->set(sessions => []);
$id = $t->send_text('cancel', 'held');
$t->status_becomes($id, 'held');
is($t->sql("SELECT webchatt.cancel_message('$channel', '$id')"), 't', 'a held message can be cancelled');
is($t->sql("SELECT status FROM webchatt.messages WHERE id = '$id'"), 'cancelled', 'and is');
$hub->set(sessions => undef);
$t->post(Webhook::message($channel, 'back-3', 'cancel', 'hi'));
$hub->rules({ do => 500, to => 'queue', times => 3 });
my $head = $t->send_text('queue', 'head');
my $behind = $t->send_text('queue', 'behind');
is($t->sql("SELECT webchatt.cancel_message('$channel', '$behind')"), 't', 'a message that waits behind another can be cancelled');
$t->status_becomes($head, 'sent', 'the one before it is sent', 40);
sleep 0.5;
is_deeply([ grep { $_ eq 'behind' } texts('queue') ], [], 'the cancelled one is not');
is($t->sql("SELECT webchatt.cancel_message('$channel', '$head')"), 'f', 'what was sent cannot be cancelled');
is(scalar(grep { ($_->{status} // 0) == 200 && $_->{message_id} } $hub->record(to => 'cancel')), 0, 'nor did the cancelled held one leave');

# 401: the hub stops until it gets a key that is good.
$hub->set(keys => ['another-key']);
$id = $t->send_text('locked', 'out');
$t->wait_for(q{SELECT hubs -> 'chatt2me' ->> 'state' = 'stopped' FROM webchatt.status}, '401 stops the hub, and status says so');
like($t->sql(q{SELECT state_reason FROM webchatt.hubs}), qr/401|key/, 'with the reason');
my $count = $hub->record;
$t->send_text('locked', 'out too');
sleep 1.5;
is(scalar(my @now = $hub->record), $count, 'and nothing more is tried');
is($t->sql("SELECT status FROM webchatt.messages WHERE id = '$id'"), 'queued', 'the message keeps waiting');
$t->sql("SELECT webchatt.connect_hub('another-key', '" . $hub->url . "')");
$t->status_becomes($id, 'sent', 'connect_hub() with a good key starts it again');
$t->drained;
$hub->set(keys => ['another-key', $WebchattTest::KEY]);

# Somebody dropped the indexes by which the outbox is read: statements read it then.
$t->sql("DROP INDEX webchatt.outbox_${_}_order") for 0 .. 2;
$late->query('BEGIN; ' . send_sql('unindexed-late', 'begun first'));
$t->sql("SELECT webchatt.send_message('$channel', 'unindexed' || i % 7, text => i::text) FROM generate_series(1, 70) i");
$t->drained('without the index of the outbox messages leave');
$late->query('COMMIT');
$t->drained('and an older transaction\'s, when it commits');
is_deeply([ texts('unindexed-late') ], ['begun first'], 'once');
for my $visitor (map { "unindexed$_" } 0 .. 6)
{
	my @got = texts($visitor);
	is_deeply(\@got, [ sort { $a <=> $b } @got ], "$visitor: in order") or diag("@got");
	is(scalar @got, 10, "$visitor: each once");
}

# Nothing is sent twice without need; everything was to the letter.
$t->account('in the end', messages => 700);

# status looks right.
is($t->status('queued'), 0, 'the queue is empty');
is($t->status('oldest_queued IS NULL'), 't', 'and has no oldest');
cmp_ok($t->status('sends'), '>=', 700, 'sends are counted');

done_testing();
