# An event that the database refuses hurts only itself: it is kept in
# webchatt.rejects with the reason, and comes back from there.
use strict;
use warnings;

use Test::More;
use WebchattTest;

my $t = WebchattTest->attached;
my $channel = $WebchattTest::CHANNEL;

$t->sql(q{
	CREATE TABLE trouble (visitor text);
	INSERT INTO trouble VALUES ('cursed'), ('cursed-too');
	GRANT SELECT ON trouble TO webchatt_worker;
	CREATE FUNCTION stumble() RETURNS trigger LANGUAGE plpgsql AS $$
	BEGIN
		IF new.visitor IN (SELECT visitor FROM public.trouble) THEN
			RAISE EXCEPTION 'no such customer %', new.visitor USING ERRCODE = 'WC001', HINT = 'add it';
		END IF;
		RETURN NULL;
	END $$;
	CREATE TRIGGER stumble AFTER INSERT ON webchatt.messages FOR EACH ROW EXECUTE FUNCTION stumble()});

# One by one.
is(scalar $t->post(Webhook::message($channel, 'r-1', 'cursed', 'hello')), 200, 'a refused event is answered 200: it is stored');
is(scalar $t->post(Webhook::message($channel, 'r-2', 'blessed', 'hello')), 200, 'so is its neighbour');
is($t->sql('SELECT string_agg(visitor, \',\') FROM webchatt.messages'), 'blessed', 'the neighbour is a row');
is($t->sql('SELECT event_type, event_key, visitor, sqlstate, reason, hint, tries FROM webchatt.rejects'),
	'Message|r-1|cursed|WC001|no such customer cursed|add it|1', 'the refused one is a reject, with the reason');
is($t->sql(q{SELECT body::jsonb -> 'content' ->> 'text' FROM webchatt.rejects}), 'hello', 'and its body');
is(scalar $t->post(Webhook::message($channel, 'r-1', 'cursed', 'hello')), 200, 'a repeat of it is answered 200');
is($t->sql('SELECT count(*), max(tries) FROM webchatt.rejects'), '1|2', 'and is the same reject');
is($t->status('rejected > 0'), 't', 'status counts rejects');

# Bringing it back.
my $id = $t->sql('SELECT id FROM webchatt.rejects');
my ($status, undef, $err) = $t->try_sql("SELECT webchatt.retry_reject($id)");
isnt($status, 0, 'retry_reject() raises while the cause is there');
like($err, qr/no such customer cursed/, 'the cause itself');
is($t->sql('SELECT count(*) FROM webchatt.rejects'), 1, 'the reject stays');
$t->sql(q{DELETE FROM trouble WHERE visitor = 'cursed'});
is($t->sql("SELECT webchatt.retry_reject($id)"), 'stored', 'once mended, it is stored');
is($t->sql(q{SELECT content ->> 'text' FROM webchatt.messages WHERE hub_message_id = 'r-1'}), 'hello', 'as a row');
is($t->sql('SELECT count(*) FROM webchatt.rejects'), 0, 'and no reject any more');
is(scalar $t->post(Webhook::message($channel, 'r-1', 'cursed', 'hello')), 200, 'the hub\'s repeat');
is($t->sql(q{SELECT count(*) FROM webchatt.messages WHERE hub_message_id = 'r-1'}), 1, 'stays one row');

# A repeat from the hub heals a reject too.
is(scalar $t->post(Webhook::message($channel, 'r-3', 'cursed-too', 'hello')), 200, 'another is refused');
$t->sql('DELETE FROM trouble');
is(scalar $t->post(Webhook::message($channel, 'r-3', 'cursed-too', 'hello')), 200, 'and repeated by the hub after the mend');
is($t->sql(q{SELECT (SELECT count(*) FROM webchatt.messages WHERE hub_message_id = 'r-3'), (SELECT count(*) FROM webchatt.rejects)}),
	'1|0', 'it is a row and no reject');

# Permission: the hint names the two ways that work.
$t->sql(q{
	CREATE TABLE private_notes (visitor text);
	CREATE FUNCTION write_note() RETURNS trigger LANGUAGE plpgsql AS $$
	BEGIN INSERT INTO public.private_notes VALUES (new.visitor); RETURN NULL; END $$;
	CREATE TRIGGER write_note AFTER INSERT ON webchatt.messages FOR EACH ROW EXECUTE FUNCTION write_note()});
is(scalar $t->post(Webhook::message($channel, 'p-1', 'v', 'hello')), 200, 'a trigger without permission');
is($t->sql('SELECT sqlstate FROM webchatt.rejects'), '42501', 'makes a reject');
like($t->sql('SELECT hint FROM webchatt.rejects'), qr/webchatt_worker/, 'whose hint names the role');
like($t->sql('SELECT hint FROM webchatt.rejects'), qr/SECURITY DEFINER/, 'and the other way');
$t->sql('GRANT INSERT ON private_notes TO webchatt_worker');
is($t->sql('SELECT webchatt.retry_reject(id) FROM webchatt.rejects'), 'stored', 'a grant mends it');
$t->sql('DROP TRIGGER write_note ON webchatt.messages');

# A trigger that takes for ever is cut, and is a reject too.
$t->sql(q{ALTER SYSTEM SET webchatt.trigger_timeout = '1s'});
$t->reloaded;
$t->sql(q{
	CREATE FUNCTION dawdle() RETURNS trigger LANGUAGE plpgsql AS $$
	BEGIN IF new.visitor = 'sloth' THEN PERFORM pg_catalog.pg_sleep(3600); END IF; RETURN NULL; END $$;
	CREATE TRIGGER dawdle AFTER INSERT ON webchatt.messages FOR EACH ROW EXECUTE FUNCTION dawdle()});
my ($code) = $t->post(Webhook::message($channel, 's-1', 'sloth', 'hello'), fresh => 1, timeout => 40);
ok($code == 200 || $code == 503, "an event whose trigger sleeps for ever is answered ($code)");
is(scalar $t->post(Webhook::message($channel, 's-2', 'hare', 'hello'), timeout => 40), 200, 'and others go on');
$t->wait_for(q{SELECT count(*) = 1 FROM webchatt.messages WHERE hub_message_id = 's-2'}, 'as rows');
$t->sql('DROP TRIGGER dawdle ON webchatt.messages');
$t->sql('ALTER SYSTEM RESET webchatt.trigger_timeout');
$t->reloaded;

# What raises only at the commit, and what looks like a defect of the server:
# still the event's own affair.
$t->sql(q{
	CREATE FUNCTION stumble_later() RETURNS trigger LANGUAGE plpgsql AS $$
	BEGIN IF new.visitor = 'late' THEN RAISE EXCEPTION 'too late'; END IF; RETURN NULL; END $$;
	CREATE CONSTRAINT TRIGGER stumble_later AFTER INSERT ON webchatt.messages DEFERRABLE INITIALLY DEFERRED
		FOR EACH ROW EXECUTE FUNCTION stumble_later();
	CREATE FUNCTION break_down() RETURNS trigger LANGUAGE plpgsql AS $$
	BEGIN
		IF new.visitor = 'broken' THEN RAISE EXCEPTION 'cache lookup failed' USING ERRCODE = 'XX000'; END IF;
		IF new.visitor = 'greedy' THEN RAISE EXCEPTION 'out of memory' USING ERRCODE = '53200'; END IF;
		RETURN NULL;
	END $$;
	CREATE TRIGGER break_down AFTER INSERT ON webchatt.messages FOR EACH ROW EXECUTE FUNCTION break_down()});
for my $case ([ late => 'P0001', 'a deferred trigger that raises' ], [ broken => 'XX000', 'an internal error in a trigger' ],
	[ greedy => '53200', 'out of memory in a trigger' ])
{
	my ($visitor, $sqlstate, $what) = @$case;
	my $one = Webhook::load(url => $t->webhook_url, secret => $WebchattTest::SECRET, channel => $channel,
		out => $t->node->basedir . "/load-$visitor", connections => 4, visitors => 5, count => 40, prefix => $visitor);
	is(scalar $t->post(Webhook::message($channel, "x-$visitor", $visitor, 'hello'), fresh => 1), 200, "$what: answered 200");
	ok($one->wait_answered(40, 20), "$what: the others beside it go on");
	$one->end;
	is($t->sql("SELECT sqlstate FROM webchatt.rejects WHERE visitor = '$visitor'"), $sqlstate, "$what: a reject");
	is(scalar $t->post(Webhook::message($channel, "x-$visitor-other", 'other', 'hello'), fresh => 1), 200, "$what: and others after it");
}
$t->sql('DROP TRIGGER stumble_later ON webchatt.messages; DROP TRIGGER break_down ON webchatt.messages;
	DELETE FROM webchatt.messages');

# Under load: one visitor in ten is refused.
$t->sql(q{INSERT INTO trouble SELECT 'visitor-' || i FROM generate_series(0, 9) i WHERE i = 3});
$t->sql('TRUNCATE webchatt.rejects');
my $load = Webhook::load(url => $t->webhook_url, secret => $WebchattTest::SECRET, channel => $channel,
	out => $t->node->basedir . '/load', connections => 32, visitors => 10, count => 1000);
ok($load->wait_answered(1000, 60), 'a load of which a tenth is refused is answered');
$load->end;
is_deeply($load->codes, { 200 => 1000 }, 'all of it 200');
is($t->sql(q{SELECT count(*) FROM webchatt.messages WHERE visitor LIKE 'visitor-%'}), 900, 'nine tenths are rows');
is($t->sql(q{SELECT count(*), count(DISTINCT visitor) FROM webchatt.rejects WHERE visitor LIKE 'visitor-%'}), '100|1', 'one tenth is rejects, of that visitor alone');
$t->sql('DELETE FROM trouble');
is($t->sql(q{SELECT count(*) FILTER (WHERE webchatt.retry_reject(id) = 'stored') FROM webchatt.rejects WHERE visitor LIKE 'visitor-%'}), 100, 'all come back by one statement');
is($t->sql(q{SELECT count(*) FROM webchatt.messages WHERE visitor LIKE 'visitor-%'}), 1000, 'as rows');

# And outbound: a trigger of ours that raises refuses send_message(), as any would.
$t->sql(q{INSERT INTO trouble VALUES ('nobody')});
($status, undef, $err) = $t->try_sql("SELECT webchatt.send_message('$channel', 'nobody', text => 'x')");
like($err, qr/no such customer nobody/, 'send_message() raises what a trigger raises');

done_testing();
