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
