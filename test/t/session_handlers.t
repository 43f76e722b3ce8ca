# Registered functions: called by the worker as a trigger would be, for what comes in, what goes
# out and what becomes of it; what they refuse is kept; a dump takes them along.
use strict;
use warnings;

use PostgreSQL::Test::Utils;
use Test::More;
use WebchattTest;

my $t = WebchattTest->attached;
my $hub = $t->hub;
my $channel = $WebchattTest::CHANNEL;

$t->sql(q{
	CREATE ROLE shop;
	GRANT webchatt_agent TO shop;
	CREATE SCHEMA shop AUTHORIZATION shop;
	CREATE TABLE shop.journal (n int GENERATED ALWAYS AS IDENTITY, line text);
	ALTER TABLE shop.journal OWNER TO shop;
	CREATE FUNCTION shop.answer(m webchatt.messages) RETURNS void LANGUAGE plpgsql AS $$
	BEGIN
		IF m.content ->> 'text' = 'raise' THEN RAISE EXCEPTION 'not this'; END IF;
		IF m.content ->> 'text' = 'dawdle' THEN PERFORM pg_sleep(60); END IF;
		INSERT INTO shop.journal (line) VALUES (m.visitor || ' as ' || current_user);
		PERFORM webchatt.send_message(m.channel_id, m.visitor, text => 're: ' || (m.content ->> 'text'));
	END $$;
	CREATE FUNCTION shop.sent(m webchatt.messages) RETURNS void LANGUAGE sql AS $$
		INSERT INTO shop.journal (line) VALUES (m.direction || ' ' || (m.content ->> 'text')) $$;
	CREATE FUNCTION shop.status(s webchatt.statuses) RETURNS void LANGUAGE sql AS $$
		INSERT INTO shop.journal (line) VALUES ('status ' || s.status) $$;
	ALTER FUNCTION shop.answer OWNER TO shop; ALTER FUNCTION shop.sent OWNER TO shop; ALTER FUNCTION shop.status OWNER TO shop;
	SELECT webchatt.on_message('shop.answer(webchatt.messages)');
	SELECT webchatt.on_message('shop.sent(webchatt.messages)', 'out');
	SELECT webchatt.on_status('shop.status(webchatt.statuses)')});

# --- called -----------------------------------------------------------------

is(scalar $t->post(Webhook::message($channel, 'm-1', 'v1', 'hello')), 200, 'an event');
is($t->sql(q{SELECT string_agg(line, ', ' ORDER BY n) FROM (SELECT * FROM shop.journal ORDER BY n LIMIT 2) j}),
	'v1 as shop, out re: hello', 'the functions were called as their owner, the answer\'s too, in the event\'s transaction');
$t->wait_for(q{SELECT count(*) = 1 FROM webchatt.messages WHERE content ->> 'text' = 're: hello' AND status = 'sent'}, 'the answer goes out');
$t->wait_for(q{SELECT count(*) = 1 FROM shop.journal WHERE line = 'status sent'}, 'a status is handed over too');
is(scalar $t->post(Webhook::message($channel, 'm-1', 'v1', 'hello')), 200, 'a repeat');
is($t->sql(q{SELECT count(*) FROM shop.journal WHERE line = 'v1 as shop'}), 1, 'is no message');

# --- refused ----------------------------------------------------------------

is(scalar $t->post(Webhook::message($channel, 'm-2', 'v2', 'raise')), 200, 'an event that a function refuses');
is($t->sql(q{SELECT reason, context LIKE '%shop.answer(webchatt.messages), registered under number 1%' FROM webchatt.rejects}),
	'not this|t', 'is kept, with the reason and the function');
$t->sql(q{ALTER SYSTEM SET webchatt.trigger_timeout = '1s'});
$t->reloaded;
$t->post(Webhook::message($channel, 'm-3', 'v3', 'dawdle'), fresh => 1, timeout => 40);
$t->wait_for(q{SELECT hint LIKE '%webchatt.trigger_timeout%' FROM webchatt.rejects WHERE event_key = 'm-3'},
	'an event that a function takes too long for is kept too', 60);
$t->sql('ALTER SYSTEM RESET webchatt.trigger_timeout');
$t->reloaded;
$t->sql('ALTER FUNCTION shop.answer(webchatt.messages) RENAME TO gone');
is(scalar $t->post(Webhook::message($channel, 'm-4', 'v4', 'nobody there')), 200, 'an event for a function that is gone');
is($t->sql(q{SELECT sqlstate, reason LIKE '%shop.answer(webchatt.messages)%it is gone', hint LIKE '%remove_handler(1)%' FROM webchatt.rejects WHERE event_key = 'm-4'}),
	'42883|t|t', 'is kept, with what to do');
like($t->status('last_error'), qr/shop\.answer\(webchatt\.messages\).*it is gone/, 'and the status says it');
is($t->sql('SELECT function, problem FROM webchatt.handlers WHERE problem IS NOT NULL'), 'shop.answer(webchatt.messages)|it is gone', 'as the list does');
$t->sql('ALTER FUNCTION shop.gone(webchatt.messages) RENAME TO answer');
is($t->sql(q{SELECT webchatt.retry_reject(id) FROM webchatt.rejects WHERE event_key = 'm-4'}), 'stored', 'it comes back with the function');
is($t->sql(q{SELECT count(*) FROM shop.journal WHERE line = 'v4 as shop'}), 1, 'which is called then');
is($t->sql('SELECT webchatt.remove_handler(2)'), 't', 'one is taken out');
my $id = $t->send_text('v1', 'quietly');
$t->status_becomes($id, 'sent', 'a message');
is($t->sql(q{SELECT count(*) FROM shop.journal WHERE line = 'out quietly'}), 0, 'it is not called any more');

# --- a dump -----------------------------------------------------------------

$t->sql(q{
	CREATE FUNCTION shop.trigger() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
	CREATE TRIGGER mine AFTER INSERT ON webchatt.messages FOR EACH ROW WHEN (new.direction = 'in') EXECUTE FUNCTION shop.trigger();
	CREATE INDEX mine ON webchatt.messages (created_at);
	CREATE POLICY mine ON webchatt.messages TO shop USING (visitor = 'v1');
	ALTER TABLE webchatt.statuses SET (autovacuum_enabled = off)});
$t->drained;
$t->node->stop;
$t->node->start;
my $objects = q{SELECT string_agg(e::text, E'\n' ORDER BY e::text) FROM webchatt.extras e};
my $handlers = q{SELECT string_agg(h::text, E'\n' ORDER BY h.id) FROM webchatt.handlers h};
my %before = map { $_ => $t->sql($_) } $objects, $handlers;
like($before{$objects}, qr/CREATE TRIGGER mine/, 'what others hung on the tables is listed');
my $journal = $t->sql('SELECT count(*) FROM shop.journal');
my $dir = $t->node->basedir;
$t->node->command_ok([ 'pg_dump', '-f', "$dir/dump.sql", $t->node->connstr('postgres') ], 'pg_dump');
append_to_file("$dir/extras.sql", $t->sql('SELECT statement FROM webchatt.extras'));

my $u = WebchattTest->new(name => 'restored', databases => '');
$u->sql('CREATE ROLE shop');
for my $file ("$dir/dump.sql", "$dir/extras.sql")
{
	my ($out, $err) = run_command([ 'psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-f', $file, $u->node->connstr('postgres') ]);
	is($err, '', "$file is loaded");
}
is($u->sql($_), $before{$_}, 'the same is there') for $objects, $handlers;
is($u->sql('SELECT count(*) FROM shop.journal'), $journal, 'what a dump brings back was handled before');
$u->sql('GRANT webchatt_agent TO shop');
is($u->sql(q{INSERT INTO webchatt.messages (channel_id, id, visitor, direction, status, content)
	VALUES ('6cbd6789-1d2b-47e0-9391-5eb91d2839ea', gen_random_uuid(), 'v9', 'in', 'received', '{"text": "new"}') RETURNING 'done'}), 'done', 'what is new');
is($u->sql(q{SELECT count(*) FROM shop.journal WHERE line = 'v9 as shop'}), 1, 'is handled');
$u->node->stop;

done_testing();
