# Messages go into the table without a statement, and nobody can tell: what an application put on
# the table does as with one.  Repeats are met late, and are no rows either.
use strict;
use warnings;

use IO::Socket::INET;
use Mojo::JSON qw(encode_json);
use Mojo::UserAgent;
use Test::More;
use WebchattTest;

my $t = WebchattTest->attached(conf => 'log_min_messages = debug1');
my $channel = $WebchattTest::CHANNEL;
my $bin = $t->sql(q{SELECT setting FROM pg_config() WHERE name = 'BINDIR'});

# The worker's turn stands still while the row is there, once the visitor "gate" is new.
$t->sql(q{
	CREATE TABLE gate ();
	CREATE FUNCTION wait_at_gate() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
	BEGIN
		WHILE EXISTS (SELECT FROM public.gate) LOOP PERFORM pg_catalog.pg_sleep(0.01); END LOOP;
		RETURN NULL;
	END $$;
	CREATE TRIGGER wait_at_gate AFTER INSERT ON webchatt.visitors FOR EACH ROW WHEN (new.id = 'gate') EXECUTE FUNCTION wait_at_gate()});

sub waiting
{
	my ($n) = Mojo::UserAgent->new->get($t->base_url . '/metrics')->res->body =~ /^webchatt_events_waiting (\d+)/m;
	return $n // -1;
}

# Post events so that all of them come in one turn; the codes that they were answered with.
sub together
{
	my (@events) = @_;
	my @sockets;

	$t->sql(q{INSERT INTO gate DEFAULT VALUES; DELETE FROM webchatt.visitors WHERE id = 'gate'});
	for my $event (Webhook::message($channel, 'gate-' . ++$t->{gates}, 'gate', 'wait'), @events)
	{
		my $body = encode_json($event);
		my $s = IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $t->{port}) or die "no connection: $!";

		print $s join("\r\n", "POST /webhooks/$channel HTTP/1.1", 'Host: localhost', 'Content-Type: application/json',
			'Content-Length: ' . length $body, 'X-hub-Signature: ' . Webhook::signature($WebchattTest::SECRET, $body), 'Connection: close', '', $body);
		$s->flush;
		push @sockets, $s;
		# one after the other: of several connections, none has a claim to be read first
		WebchattTest::comes(sub { waiting() == @sockets }) or die 'it did not come';
		next if @sockets > 1;
		WebchattTest::comes(sub { $t->sql(q{SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep'}) eq '1' }) or die 'nobody at the gate';
	}
	$t->sql('DELETE FROM gate');
	my @codes = map { (<$_> // '') =~ m{\AHTTP/1.1 (\d+)} ? $1 : 0 } @sockets;
	shift @codes;
	return join ' ', @codes;
}

sub events { my ($prefix, $n) = @_; return map { Webhook::message($channel, "$prefix-$_", 'v' . $_ % 3, "text $_") } 1 .. $n }

sub rows { my ($prefix) = @_; return $t->sql("SELECT count(*) FROM webchatt.messages WHERE hub_message_id LIKE '$prefix-%'") }

# Run code; were the messages written many at a time, past all statements?
sub went_directly
{
	my ($code) = @_;
	my $from = $t->sql('SELECT pg_current_wal_flush_lsn()');

	$code->();
	my $to = $t->sql('SELECT pg_current_wal_flush_lsn()');
	my $file = $t->sql(q{SELECT pg_relation_filenode('webchatt.messages')});
	my $wal = $t->node->data_dir . '/pg_wal';
	return grep { m{rel \d+/\d+/$file\b} && /MULTI_INSERT/ } `$bin/pg_waldump -p $wal -s $from -e $to -r Heap2 2>/dev/null`;
}

# --- as it comes --------------------------------------------------------------

my @strange = (Webhook::message($channel, 'plain-8', 'v1', "\x{1F600} \"quoted\" \\ \n", mood => { good => Mojo::JSON->true }));
ok(went_directly(sub { is(together(events('plain', 7), @strange), join(' ', (200) x 8), 'events that come together') }), 'go into the table directly');
is(rows('plain'), 8, 'all are rows');
is($t->sql(q{SELECT count(DISTINCT xmin::text) FROM webchatt.messages WHERE hub_message_id LIKE 'plain-%'}), 1, 'of one transaction');
is($t->sql(q{SELECT string_agg(hub_message_id, ' ' ORDER BY id) FROM webchatt.messages WHERE hub_message_id LIKE 'plain-%'}),
	join(' ', map { "plain-$_" } 1 .. 8), 'in their order');
is($t->sql(q{SELECT DISTINCT direction, status, final, created_at = status_at, hub_time IS NOT NULL, num_nonnulls(expires_at, dedupe_key, error_code, error_message, author)
	FROM webchatt.messages WHERE hub_message_id LIKE 'plain-%'}), 'in|received|t|t|t|0', 'with the columns that they should have');
is($t->sql(q{SELECT content = '{"type": "text", "text": "\ud83d\ude00 \"quoted\" \\\\ \n"}', extra FROM webchatt.messages WHERE hub_message_id = 'plain-8'}),
	't|{"mood": {"good": true}}', 'content and fields that we do not know');
is($t->sql(q{SELECT count(*) FROM webchatt.messages WHERE extra IS NOT NULL}), 1, 'which the others have not');

# The index has 16 bytes of an id: all of it counts, wherever it is that two differ.
my $uuid7 = '0190b4f2-1c3d-7abc-8def-0123456789a';
my @alike = map { Webhook::message($channel, $_, 'v1', 'alike') } ('alike-' . 'x' x 248 . 'a', 'alike-' . 'x' x 248 . 'b',
	'alike-A', 'alike-a', 'alike-a-000001', 'alike-b-000001', 'alike-a-0000001', "alike-${uuid7}b", "alike-${uuid7}c", "alike-B${uuid7}b");
ok(went_directly(sub { is(together(@alike), join(' ', (200) x 10), 'ids that are hardly different') }), 'go into the table directly');
is(rows('alike'), 10, 'are a row each');
is($t->sql(q{SELECT count(*) FROM webchatt.messages m WHERE hub_message_id LIKE '%alike-%' AND EXISTS (SELECT FROM webchatt.messages f
	WHERE webchatt.hub_message_key(f.channel_id, f.hub_message_id) = webchatt.hub_message_key(m.channel_id, m.hub_message_id) AND f.id <> m.id)}), 0, 'none has the key of another');
like($t->sql(qq{SET enable_seqscan = off; EXPLAIN SELECT FROM webchatt.messages
	WHERE webchatt.hub_message_key(channel_id, hub_message_id) = webchatt.hub_message_key('$channel', 'alike-a')}), qr/Index Scan using messages_hub_message_id/, 'by which it is found');

# --- what an application puts on the table ---------------------------------------

$t->sql(q{
	CREATE TABLE journal (n serial, line text);
	GRANT INSERT ON journal TO webchatt_worker;
	GRANT USAGE ON SEQUENCE journal_n_seq TO webchatt_worker;
	CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS $$
	BEGIN
		INSERT INTO public.journal (line) SELECT format('%s of %s, %s known', new.hub_message_id, count(*),
				(SELECT count(*) FROM webchatt.visitors v WHERE v.channel_id = new.channel_id AND v.id = new.visitor))
			FROM webchatt.messages WHERE hub_message_id LIKE 'row-%';
		RETURN NULL;
	END $$;
	CREATE TRIGGER note AFTER INSERT ON webchatt.messages FOR EACH ROW WHEN (new.hub_message_id LIKE 'row-%') EXECUTE FUNCTION note()});
ok(went_directly(sub { is(together(events('row', 3)), '200 200 200', 'with a row trigger') }), 'still directly');
is($t->sql(q{SELECT string_agg(line, '; ' ORDER BY n) FROM journal}), join('; ', map { "row-$_ of 3, 1 known" } 1 .. 3),
	'it runs for each row in order, and sees all of them');
$t->sql(q{
	DROP TRIGGER note ON webchatt.messages;
	TRUNCATE journal;
	CREATE FUNCTION count_them() RETURNS trigger LANGUAGE plpgsql AS $$
	BEGIN INSERT INTO public.journal (line) SELECT string_agg(hub_message_id, ' ' ORDER BY id) FROM added WHERE hub_message_id NOT LIKE 'gate%'; RETURN NULL; END $$;
	CREATE TRIGGER count_them AFTER INSERT ON webchatt.messages REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION count_them()});
ok(went_directly(sub { is(together(events('table', 3)), '200 200 200', 'with a statement trigger and its transition table') }), 'still directly');
is($t->sql(q{SELECT string_agg(line, '; ' ORDER BY n) FROM journal WHERE line <> ''}), 'table-1 table-2 table-3', 'it sees all at once');
$t->sql(q{
	DROP TRIGGER count_them ON webchatt.messages;
	TRUNCATE journal;
	CREATE FUNCTION handle(webchatt.messages) RETURNS void LANGUAGE sql AS $$ INSERT INTO public.journal (line) VALUES ($1.hub_message_id) $$;
	SELECT webchatt.on_message('handle(webchatt.messages)')});
ok(went_directly(sub { is(together(events('handled', 3)), '200 200 200', 'with a registered function') }), 'still directly');
is($t->sql(q{SELECT string_agg(line, ' ' ORDER BY n) FROM journal WHERE line NOT LIKE 'gate%'}), 'handled-1 handled-2 handled-3', 'it is called for each');
$t->sql('SELECT webchatt.remove_handler(id) FROM webchatt.handlers; TRUNCATE journal');

$t->sql(q{ALTER TABLE webchatt.messages ADD COLUMN colour text DEFAULT 'blue', ADD COLUMN noted_at timestamptz DEFAULT now(), ADD COLUMN nothing int;
	CREATE INDEX by_text ON webchatt.messages ((content ->> 'text')); CREATE INDEX by_words ON webchatt.messages USING gin (content)});
ok(went_directly(sub { is(together(events('added', 3)), '200 200 200', 'with columns and indexes that were added') }), 'still directly');
is($t->sql(q{SELECT DISTINCT colour, noted_at = status_at, nothing IS NULL FROM webchatt.messages WHERE hub_message_id LIKE 'added-%'}), 'blue|t|t', 'their defaults are filled in');
is($t->sql(q{SET enable_seqscan = off; SELECT (SELECT count(*) FROM webchatt.messages WHERE content ->> 'text' = 'text 2' AND hub_message_id = 'added-2'),
	(SELECT count(*) FROM webchatt.messages WHERE content @> '{"text": "text 3"}' AND hub_message_id = 'added-3')}), '1|1', 'and the indexes are kept');
$t->sql('DROP INDEX webchatt.by_text, webchatt.by_words; ALTER TABLE webchatt.messages DROP COLUMN colour, DROP COLUMN noted_at');
ok(went_directly(sub { is(together(events('dropped', 3)), '200 200 200', 'without them') }), 'still directly');
is(rows('dropped'), 3, 'all are rows');

$t->sql(q{CREATE FUNCTION loud(text) RETURNS text IMMUTABLE LANGUAGE plpgsql AS $$ BEGIN RETURN pg_catalog.upper($1); END $$;
	ALTER TABLE webchatt.messages ADD COLUMN len int GENERATED ALWAYS AS (length(visitor)) STORED,
	ADD COLUMN loud text GENERATED ALWAYS AS (loud(content ->> 'text')) STORED});
ok(went_directly(sub { is(together(events('made', 3)), '200 200 200', 'with columns that are generated') }), 'still directly');
is($t->sql(q{SELECT string_agg(len || loud, ' ' ORDER BY id) FROM webchatt.messages WHERE hub_message_id LIKE 'made-%'}), '2TEXT 1 2TEXT 2 2TEXT 3', 'they are');
$t->sql('ALTER TABLE webchatt.messages DROP COLUMN len, DROP COLUMN loud; DROP FUNCTION loud(text)');

# --- what only a statement does -----------------------------------------------------

sub by_statement
{
	my ($what, $prefix, $make, $query, $expected, $drop) = @_;

	$t->sql($make);
	ok(!went_directly(sub { is(together(events($prefix, 3)), '200 200 200', "with $what") }), 'by a statement');
	is(rows($prefix), 3, 'all are rows');
	is($t->sql($query), $expected, 'as it would have them');
	$t->sql($drop);
	return;
}

by_statement('a default of its own', 'drawn', q{ALTER TABLE webchatt.messages ADD COLUMN ticket uuid DEFAULT gen_random_uuid()},
	q{SELECT count(DISTINCT ticket) FROM webchatt.messages WHERE hub_message_id LIKE 'drawn-%'}, 3, 'ALTER TABLE webchatt.messages DROP COLUMN ticket');
by_statement('a trigger before rows', 'before', q{CREATE FUNCTION shout() RETURNS trigger LANGUAGE plpgsql AS $$
		BEGIN new.content := pg_catalog.jsonb_build_object('text', upper(new.content ->> 'text')); RETURN new; END $$;
	CREATE TRIGGER shout BEFORE INSERT ON webchatt.messages FOR EACH ROW EXECUTE FUNCTION shout()},
	q{SELECT string_agg(content ->> 'text', ' ' ORDER BY id) FROM webchatt.messages WHERE hub_message_id LIKE 'before-%'}, 'TEXT 1 TEXT 2 TEXT 3', 'DROP TRIGGER shout ON webchatt.messages');
by_statement('a policy that lets them pass', 'policy', q{CREATE POLICY polite ON webchatt.messages AS RESTRICTIVE FOR INSERT WITH CHECK (content ->> 'text' <> 'rude');
	ALTER TABLE webchatt.messages ENABLE ROW LEVEL SECURITY}, q{SELECT count(*) FROM webchatt.rejects}, 0,
	'DROP POLICY polite ON webchatt.messages; ALTER TABLE webchatt.messages DISABLE ROW LEVEL SECURITY');
like(PostgreSQL::Test::Utils::slurp_file($t->node->logfile), qr/rows of webchatt.messages are written by statements: it has BEFORE ROW triggers/, 'the log says why, for whoever looks');

$t->sql('REVOKE INSERT ON webchatt.messages FROM webchatt_worker');
is(together(events('denied', 2)), '200 200', 'without the right to insert');
is($t->sql(q{SELECT count(*), min(sqlstate) FROM webchatt.rejects WHERE event_key LIKE 'denied%'}), '2|42501', 'they are rejected');
$t->sql('GRANT INSERT ON webchatt.messages TO webchatt_worker');
is($t->sql('SELECT DISTINCT webchatt.retry_reject(id) FROM webchatt.rejects'), 'stored', 'and come back');

# Without the index that tells a repeat, nothing is a row twice.
my $index = $t->sql(q{SELECT pg_get_indexdef('webchatt.messages_hub_message_id'::regclass)});
$t->sql('DROP INDEX webchatt.messages_hub_message_id');
is(join(' ', map { scalar $t->post($_) } events('bare', 2), events('bare', 2)), '200 200 200 200', 'without the index of the hubs\' ids');
is(rows('bare') . $t->sql(q{SELECT ' ' || count(*) || ' ' || min(sqlstate) FROM webchatt.rejects WHERE event_key LIKE 'bare%'}), '0 2 42P10', 'they are rejected');
$t->sql($index);
is($t->sql(q{SELECT DISTINCT webchatt.retry_reject(id) FROM webchatt.rejects}), 'stored', 'and come back');
is(rows('bare'), 2, 'once each');

# --- what is refused, beside repeats --------------------------------------------------

$t->sql(q{ALTER TABLE webchatt.messages ADD CONSTRAINT short CHECK (length(content ->> 'text') < 100);
	CREATE UNIQUE INDEX once ON webchatt.messages ((content ->> 'once'))});
my $before = $t->status('repeats');
my ($one, $two, $three) = events('mixed', 3);
my $long = Webhook::message($channel, 'mixed-4', 'v9', 'x' x 200);
my $once = Webhook::message($channel, 'mixed-5', 'v8', 'first', content => { text => 'first', once => 'a' });
my $again = Webhook::message($channel, 'mixed-6', 'v7', 'second', content => { text => 'second', once => 'a' });
is(together($one, $two, $one, $three, $long, $once, $again, $two), join(' ', (200) x 8), 'repeats, too long a text and a key of the application\'s that is there');
is($t->sql(q{SELECT string_agg(hub_message_id, ' ' ORDER BY hub_message_id) FROM webchatt.messages WHERE hub_message_id LIKE 'mixed-%'}),
	'mixed-1 mixed-2 mixed-3 mixed-5', 'what is new is a row, once');
is($t->sql(q{SELECT string_agg(event_key || ' ' || sqlstate, ', ' ORDER BY event_key) FROM webchatt.rejects}), 'mixed-4 23514, mixed-6 23505', 'what the table refuses is a reject');
$t->wait_for('SELECT repeats = ' . ($before + 2) . ' FROM webchatt.status', 'and repeats are counted');
$t->sql('ALTER TABLE webchatt.messages DROP CONSTRAINT short; DROP INDEX webchatt.once; DELETE FROM webchatt.rejects');

my @all = events('twice', 5);
is(together(@all), join(' ', (200) x 5), 'events');
is(together(@all, events('thrice', 2)), join(' ', (200) x 7), 'that come again with others');
is(rows('twice') + rows('thrice'), 7, 'are rows once');
$t->wait_for('SELECT repeats = ' . ($before + 7) . ' FROM webchatt.status', 'and counted');
is($t->sql('SELECT count(*) FROM webchatt.rejects'), 0, 'nothing is rejected');

is(together(reverse(@alike), events('unlike', 1)), join(' ', (200) x 11), 'what is hardly different comes again');
is(rows('alike') + rows('unlike'), 11, 'and is a row once');
$t->wait_for('SELECT repeats = ' . ($before + 17) . ' FROM webchatt.status', 'and counted');

# --- visitors -------------------------------------------------------------------------

is(scalar $t->post(Webhook::message($channel, 'v-1', 'erased', 'hello')), 200, 'a visitor writes');
$t->sql(q{DELETE FROM webchatt.visitors WHERE id = 'erased'});
is(scalar $t->post(Webhook::message($channel, 'v-2', 'erased', 'hello')), 200, 'is erased, and writes again');
is($t->sql(q{SELECT count(*) FROM webchatt.visitors WHERE id = 'erased'}), 1, 'and has a row again');
$t->sql(q{UPDATE webchatt.visitors SET id = 'renamed' WHERE id = 'erased'});
is(scalar $t->post(Webhook::message($channel, 'v-3', 'erased', 'hello')), 200, 'the same after the row was given to another');
is($t->sql(q{SELECT count(*) FROM webchatt.visitors WHERE id IN ('erased', 'renamed')}), 2, 'both are there');

$t->node->stop;
done_testing();
