# What somebody's trigger, or registered function, leaves in a session could run later with
# the rights of whoever that session belongs to, or can become.
use strict;
use warnings;

use PostgreSQL::Test::Utils;
use Test::More;
use WebchattTest;

my $t = WebchattTest->attached;
my $channel = $WebchattTest::CHANNEL;
my $owner = $t->sql('SELECT current_user');

$t->sql(qq{
	CREATE ROLE mallory LOGIN IN ROLE webchatt_admin;
	CREATE ROLE plain IN ROLE webchatt_agent;
	GRANT plain TO mallory;
	CREATE ROLE ann LOGIN IN ROLE webchatt_agent;
	CREATE ROLE dba LOGIN IN ROLE webchatt_agent, "$owner";
	CREATE ROLE filer LOGIN IN ROLE webchatt_agent, pg_read_server_files;
	CREATE SCHEMA plain AUTHORIZATION plain;
	GRANT USAGE ON SCHEMA plain TO PUBLIC;
	SET ROLE plain;
	CREATE TABLE plain.deed (by text, of text, secret text);
	CREATE TABLE plain.later (n int);
	GRANT ALL ON ALL TABLES IN SCHEMA plain TO PUBLIC;
	CREATE FUNCTION plain.evil() RETURNS trigger LANGUAGE plpgsql AS \$\$
	DECLARE
		key text;
	BEGIN
		BEGIN
			SELECT api_key INTO key FROM webchatt.hubs;
		EXCEPTION WHEN OTHERS THEN
			NULL;
		END;
		INSERT INTO plain.deed VALUES (current_user, session_user, key);
		BEGIN
			RESET SESSION AUTHORIZATION;
		EXCEPTION WHEN OTHERS THEN
			NULL;
		END;
		BEGIN
			SET LOCAL ROLE "$owner";
		EXCEPTION WHEN OTHERS THEN
			NULL;
		END;
		BEGIN
			ALTER ROLE mallory SUPERUSER;
		EXCEPTION WHEN OTHERS THEN
			NULL;
		END;
		RETURN NULL;
	END \$\$;
	CREATE CONSTRAINT TRIGGER evil AFTER INSERT ON plain.later DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION plain.evil();
	CREATE FUNCTION plain.handle(m webchatt.messages) RETURNS void LANGUAGE plpgsql AS \$\$
	BEGIN
		SET CONSTRAINTS ALL DEFERRED;
		INSERT INTO plain.later VALUES (1);
	END \$\$;
	CREATE FUNCTION plain.trap() RETURNS trigger LANGUAGE plpgsql AS \$\$
	BEGIN
		SET CONSTRAINTS ALL DEFERRED;
		INSERT INTO plain.later VALUES (1);
		RETURN NULL;
	END \$\$});
my $as = sub {
	my ($who, $sql) = @_;
	my ($out, $err) = ('', '');
	my $rc = $t->node->psql('postgres', "SET client_min_messages = error; $sql", extra_params => [ '-U', $who ],
		stdout => \$out, stderr => \$err, on_error_stop => 1);
	return ($rc, $out, $err);
};
my $deeds = sub { return $t->sql(q{SELECT string_agg(DISTINCT by || ' ' || coalesce(secret, '-'), ', ') FROM plain.deed}) };
my $is_super = sub { return $t->sql(q{SELECT rolsuper FROM pg_roles WHERE rolname = 'mallory'}) };
my $send = "SELECT webchatt.send_message('$channel', 'v', text => 'x') IS NULL";

# --- a registered function, in the worker's turn ------------------------------

my ($rc, $id, $err) = $as->('mallory', q{SELECT webchatt.on_message('plain.handle(webchatt.messages)', NULL)});
is($rc, 0, 'one who configures has a function called, which is a role\'s that may nothing') or diag($err);
is(scalar $t->post(Webhook::message($channel, 'm-1', 'v1', 'hello')), 200, 'an event');
is($deeds->(), '', 'what the function leaves for the commit does not run as the worker');
is($t->sql('SELECT reason FROM webchatt.rejects'), 'cannot fire deferred trigger within security-restricted operation', 'the event is kept, with the reason');

# --- the same where a superuser's session runs somebody's SECURITY DEFINER function ------

$t->sql(qq{TRUNCATE plain.deed; CREATE ROLE keeper IN ROLE webchatt_admin; GRANT CREATE ON DATABASE postgres TO keeper;
	SET ROLE keeper; CREATE SCHEMA keeper; CREATE FUNCTION keeper.import() RETURNS void LANGUAGE sql SECURITY DEFINER AS \$\$
	INSERT INTO webchatt.messages (channel_id, id, visitor, direction, status, content)
	VALUES ('$channel', gen_random_uuid(), 'v', 'in', 'received', '{"text": "x"}') \$\$});
(undef, undef, $err) = $t->try_sql('SELECT keeper.import()');
is($deeds->(), '', 'nor as a superuser who called a function that inserts by hand');
is($is_super->(), 'f', 'and nobody is superuser by it');
$as->('mallory', "SELECT webchatt.remove_handler($id)");

# Nor does what a function SETs outlive its call, whoever inserts.
$t->sql(q{CREATE FUNCTION plain.set(m webchatt.messages) RETURNS void LANGUAGE plpgsql AS $$
	BEGIN
		SET search_path = plain;
		SET work_mem = 999;
		PERFORM set_config('row_security', 'off', false);
	END $$;
	ALTER FUNCTION plain.set OWNER TO plain});
(undef, $id) = $as->('mallory', q{SELECT webchatt.on_message('plain.set(webchatt.messages)', NULL)});
is($t->sql("SET search_path = public; INSERT INTO webchatt.messages (channel_id, id, visitor, direction, status, content)
	VALUES ('$channel', gen_random_uuid(), 'v', 'in', 'received', '{\"text\": \"x\"}');
	SELECT current_setting('search_path'), current_setting('work_mem') <> '999kB', current_setting('row_security')"),
	'public|t|on', 'what a function SETs ends with its call');
$as->('mallory', "SELECT webchatt.remove_handler($id)");

# --- the function behind it all, on a table of somebody's own ------------------

$t->sql(q{CREATE FUNCTION plain.any(m webchatt.messages) RETURNS void LANGUAGE sql AS $$ SELECT $$;
	CREATE FUNCTION plain.any(s webchatt.statuses) RETURNS void LANGUAGE sql AS $$ SELECT $$;
	ALTER FUNCTION plain.any(webchatt.messages) OWNER TO plain; ALTER FUNCTION plain.any(webchatt.statuses) OWNER TO plain; CREATE SCHEMA mallory AUTHORIZATION mallory});
(undef, $id) = $as->('mallory', qq{SELECT webchatt.on_message('plain.any(webchatt.messages)', NULL, '$channel')});
for my $columns ('c bigint, i int, v int, d int', 'c uuid, i int, v int, d int', 'c text', '')
{
	my $values = join ', ', map { /uuid/ ? "'$channel'" : /text/ ? "'x'" : 4711 } split /, /, $columns;

	(undef, undef, $err) = $as->('mallory', qq{CREATE TABLE mallory.own ($columns);
		CREATE TRIGGER t BEFORE INSERT ON mallory.own FOR EACH ROW EXECUTE FUNCTION webchatt._call_handlers('message');
		INSERT INTO mallory.own } . ($values ? "VALUES ($values)" : 'DEFAULT VALUES'));
	like($err, qr/webchatt\._call_handlers\(\) is a trigger function of webchatt's own tables/, "a table ($columns) is not taken for ours");
	$as->('mallory', 'DROP TABLE mallory.own');
}
$as->('mallory', q{SELECT webchatt.on_status('plain.any(webchatt.statuses)'); CREATE TRIGGER t AFTER INSERT ON webchatt.messages FOR EACH ROW EXECUTE FUNCTION webchatt._call_handlers('status')});
(undef, undef, $err) = $as->('mallory', "INSERT INTO webchatt.messages (channel_id, id, visitor, direction, status, content)
	VALUES ('$channel', gen_random_uuid(), 'v', 'in', 'received', '{}')");
like($err, qr/is a trigger function of webchatt's own tables/, 'nor messages for statuses');
$as->('mallory', "DELETE FROM webchatt.registrations");
$t->sql('DROP TRIGGER t ON webchatt.messages');

# --- a trigger, in sessions of those who can become more -----------------------

$t->sql('GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA plain TO PUBLIC; GRANT plain TO mallory');
$as->('mallory', 'CREATE TRIGGER trap AFTER INSERT ON webchatt.messages FOR EACH ROW EXECUTE FUNCTION plain.trap()');
for my $case (
	[ 'a superuser', $owner, $send ],
	[ 'a member of a superuser', 'dba', $send ],
	[ 'one who reads the server\'s files', 'filer', $send ],
	[ 'a superuser who plays somebody else', $owner, "SET SESSION AUTHORIZATION ann; $send" ],
	[ 'a superuser in a role', $owner, "SET ROLE ann; $send" ])
{
	my ($what, $who, $sql) = @$case;

	$t->sql('TRUNCATE plain.deed');
	(undef, undef, $err) = $as->($who, $sql);
	like($err, qr/cannot fire deferred trigger within security-restricted operation/, "$what sends beside a trap, and hears of it");
	is($deeds->(), '', 'which does not snap');
	is($is_super->(), 'f', 'and nobody is superuser by it');
}
(undef, undef, $err) = $as->('ann', $send);
is($err, '', 'who can become nothing more sends as ever');

done_testing;
