# How a sent message is recorded: whoever looks on, by triggers or functions of their own,
# sees the message and what happened to it together, and a hub that gives an id twice holds up nobody.
use strict;
use warnings;

use Test::More;
use WebchattTest;

my $t = WebchattTest->attached;
my $hub = $t->hub;
my $channel = $WebchattTest::CHANNEL;
my $run = 0;

# So many, by one statement, to as many visitors; waits until all are sent.
sub send_many
{
	my ($n, $what) = @_;
	my $name = 'v' . ++$run;

	$t->sql("SELECT count(webchatt.send_message('$channel', '$name-' || i, text => 'number ' || i)) FROM generate_series(1, $n) i");
	$t->wait_for("SELECT count(*) = $n FROM webchatt.messages WHERE visitor LIKE '$name-%' AND status = 'sent'", $what);
	return "SELECT id FROM webchatt.messages WHERE visitor LIKE '$name-%'";
}

# --- what is in the tables -----------------------------------------------------

my $these = send_many(300, '300 messages are sent');
is($t->sql("SELECT count(*), count(DISTINCT message_id), count(DISTINCT id), count(DISTINCT hub_message_id), string_agg(DISTINCT status, ' '),
		count(at), count(recorded_at), count(error_code), count(extra) FROM webchatt.statuses WHERE message_id IN ($these)"),
	'300|300|300|300|sent|300|300|0|0', 'a row of each');
$t->wait_for(q{SELECT n_tup_upd >= 300 FROM pg_stat_all_tables WHERE relid = 'webchatt.messages'::regclass}, 'each was updated');
is($t->sql(q{SELECT n_tup_upd - n_tup_hot_upd FROM pg_stat_all_tables WHERE relid = 'webchatt.messages'::regclass}), 0,
	'in its page, and no index with it');

# --- rows that are not as they were taken -------------------------------------------

# The hub takes its time, and so there is some to change a message that is under way.
sub under_way
{
	my ($visitor, $text) = @_;
	$hub->rules({ do => 'slow', ms => 2000, to => $visitor, times => 1 });
	my $id = $t->sql("SELECT webchatt.send_message('$channel', '$visitor', text => $text)");
	WebchattTest::comes(sub { $hub->record(to => $visitor) > 0 });
	return $id;
}

my $id = under_way('changed', q{repeat(md5('1'), 200)});
$t->sql("UPDATE webchatt.messages SET extra = '{\"by\": \"hand\"}' WHERE id = '$id'");
$t->status_becomes($id, 'sent', 'what was changed by hand while it was under way is sent');
is($t->sql("SELECT extra ->> 'by', content ->> 'text' = repeat(md5('1'), 200) FROM webchatt.messages WHERE id = '$id'"), 'hand|t', 'and keeps what was changed');

$id = under_way('locked', q{'locked'});
my $other = $t->session;
$other->query("BEGIN; UPDATE webchatt.messages SET extra = '{\"by\": \"others\"}' WHERE id = '$id'");
$t->wait_for("SELECT EXISTS (SELECT FROM pg_locks WHERE pid = (SELECT worker_pid FROM webchatt.status) AND NOT granted)", 'the worker waits for who changes it now');
$other->query('COMMIT');
$t->status_becomes($id, 'sent', 'then it is sent');
is($t->sql("SELECT extra ->> 'by' FROM webchatt.messages WHERE id = '$id'"), 'others', 'and keeps what was changed meanwhile');

$id = under_way('moved', q{'moved'});
my $moved = $t->sql("WITH gone AS (DELETE FROM webchatt.messages WHERE id = '$id' RETURNING *) SELECT row_to_json(gone) FROM gone");
$t->sql('VACUUM webchatt.messages');
$t->sql("INSERT INTO webchatt.messages SELECT (json_populate_record(NULL::webchatt.messages, '$moved')).*");
$t->status_becomes($id, 'sent', 'what lies at another place by now is sent');
is($t->sql("SELECT count(*) FROM webchatt.messages WHERE visitor = 'moved'"), 1, 'and is there once');

# The place of its row lies behind the table's end by now.
$t->sql('VACUUM FULL webchatt.messages'); # leaves no room before the end
$t->sql("INSERT INTO webchatt.messages (channel_id, id, visitor, direction, status, content) SELECT '$channel', gen_random_uuid(), 'moved', 'in', 'received',
	jsonb_build_object('text', repeat(md5(i::text), 30)) FROM generate_series(1, 1000) i");
$id = under_way('shrunk', q{'shrunk'});
kill 'STOP', $hub->{pid};
$t->sql(q{DELETE FROM webchatt.messages WHERE direction = 'in'});
$t->sql('VACUUM FULL webchatt.messages');
kill 'CONT', $hub->{pid};
$t->status_becomes($id, 'sent', 'what lay behind where the table ends now is sent');

# An index with the status in it: each new row needs entries of its own.
$t->sql('ALTER TABLE webchatt.messages ADD COLUMN note text; CREATE INDEX by_status ON webchatt.messages (status, status_at)');
$these = send_many(100, 'with an index of the status 100 are sent');
my $sent = "SELECT count(*) FROM webchatt.messages WHERE status = 'sent'";
is($t->sql("SET enable_seqscan = off; SET enable_bitmapscan = off; $sent"), $t->sql("SET enable_indexscan = off; SET enable_bitmapscan = off; SET enable_indexonlyscan = off; $sent"),
	'and the index finds all of them');
$t->sql('CREATE EXTENSION amcheck');
is($t->sql(q{SELECT count(bt_index_check(indexrelid, true)) = count(*) FROM pg_index WHERE indrelid = 'webchatt.messages'::regclass}), 't',
	'nothing is missing in any index');
$t->sql('DROP INDEX webchatt.by_status; ALTER TABLE webchatt.messages DROP COLUMN note');
$these = send_many(20, 'without them, too');

# --- what is read to be sent -----------------------------------------------------------

my $long = join '', map { chr(97 + $_ * 7919 % 26) . $_ } 1 .. 8000;
$id = $t->send_text('long', $long);
$t->status_becomes($id, 'sent', 'a content too long for its row is sent');
is([ $hub->record(to => 'long') ]->[0]{content}{text}, $long, 'as it was given');
my $pid = $t->pid('worker_pid');
$t->sql("ALTER TABLE webchatt.messages ALTER content DROP NOT NULL; BEGIN; SELECT webchatt.send_message('$channel', 'wiped', text => 'secret');
	UPDATE webchatt.messages SET content = NULL WHERE visitor = 'wiped'; COMMIT");
$these = send_many(20, 'beside one whose content somebody took away 20 are sent');
is($t->pid('worker_pid'), $pid, 'and the worker is the same');
is(scalar($hub->record(to => 'wiped')), 0, 'what is gone is not sent');
$t->sql(q{DELETE FROM webchatt.messages WHERE visitor = 'wiped'; ALTER TABLE webchatt.messages ALTER content SET NOT NULL});
$t->sql('CREATE TABLE webchatt.older () INHERITS (webchatt.messages)');
$these = send_many(20, 'where the table has heirs, by which only a statement knows what to do, 20 are sent');
$t->sql('DROP TABLE webchatt.older; ANALYZE webchatt.messages'); # which finds that there are no heirs any more

# --- an id a second time -----------------------------------------------------------

$hub->rules({ do => 'same', id => 'once-more', times => 40 });
$these = send_many(40, 'a hub that gives all of them one id holds up none');
is($t->sql("SELECT count(*) FROM webchatt.statuses WHERE message_id IN ($these) AND hub_message_id = 'once-more'"), 1, 'and what it said of that id is kept once');
$these = send_many(20, 'those after them are sent');
is($t->sql("SELECT count(DISTINCT message_id) FROM webchatt.statuses WHERE message_id IN ($these)"), 20, 'and recorded');
is($t->sql('SELECT last_error FROM webchatt.status'), '', 'nobody need be told');

# --- who looks on ----------------------------------------------------------------------

$t->sql(q{
	CREATE TABLE looked (what text, id uuid, saw text);
	GRANT INSERT ON looked TO webchatt_worker;
	CREATE FUNCTION look_status() RETURNS trigger LANGUAGE plpgsql AS $$
	BEGIN
		INSERT INTO public.looked SELECT 'status', new.message_id, m.status::text
			FROM webchatt.messages m WHERE m.channel_id = new.channel_id AND m.id = new.message_id;
		RETURN NULL;
	END $$;
	CREATE TRIGGER look AFTER INSERT ON webchatt.statuses FOR EACH ROW EXECUTE FUNCTION look_status()});
$these = send_many(20, 'a trigger looks at statuses');
is($t->sql("SELECT count(*), string_agg(DISTINCT saw, ' ') FROM looked WHERE what = 'status' AND id IN ($these)"), '20|sent', 'and sees their messages sent');

$t->sql(q{
	CREATE FUNCTION look_message() RETURNS trigger LANGUAGE plpgsql AS $$
	BEGIN
		INSERT INTO public.looked SELECT 'message', new.id, s.status
			FROM webchatt.statuses s WHERE s.channel_id = new.channel_id AND s.message_id = new.id;
		RETURN NULL;
	END $$;
	CREATE TRIGGER look AFTER UPDATE ON webchatt.messages FOR EACH ROW EXECUTE FUNCTION look_message()});
$these = send_many(20, 'a trigger looks at messages that change');
is($t->sql("SELECT count(*), string_agg(DISTINCT saw, ' ') FROM looked WHERE what = 'message' AND id IN ($these)"), '20|sent', 'and sees what happened to them');
$t->sql('DROP TRIGGER look ON webchatt.messages; DROP TRIGGER look ON webchatt.statuses');

$t->sql(q{
	CREATE FUNCTION sign() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN new.extra := '{"signed": true}'; RETURN new; END $$;
	CREATE TRIGGER sign BEFORE INSERT ON webchatt.statuses FOR EACH ROW EXECUTE FUNCTION sign()});
$these = send_many(20, 'a trigger changes statuses before they are written');
is($t->sql("SELECT count(*) FROM webchatt.statuses WHERE message_id IN ($these) AND extra @> '{\"signed\": true}'"), 20, 'each once, as it has it');

done_testing();
