# What an application's trigger could do to the session that it runs in: it runs
# as webchatt_worker, owns nothing there, and leaves nothing behind.
use strict;
use warnings;

use PostgreSQL::Test::Utils;
use Test::More;
use WebchattTest;

my $t = WebchattTest->new(name => 'rights', databases => '');
$t->sql(q{CREATE EXTENSION webchatt;
	CREATE ROLE mallory LOGIN IN ROLE webchatt_admin;
	CREATE ROLE ann LOGIN IN ROLE webchatt_agent;
	CREATE SCHEMA mallory AUTHORIZATION mallory;
	GRANT USAGE ON SCHEMA mallory TO PUBLIC;
	CREATE TABLE public.deed (what text, by text);
	GRANT ALL ON public.deed TO PUBLIC});
my $channel = $t->sql(q{SELECT webchatt.connect_hub('key') IS NULL; SELECT webchatt.add_channel('6cbd6789-1d2b-47e0-9391-5eb91d2839ea')});
$channel = '6cbd6789-1d2b-47e0-9391-5eb91d2839ea';

is($t->sql(q{SELECT count(*) FROM pg_shdepend WHERE refclassid = 'pg_authid'::regclass AND deptype = 'o'
	AND refobjid = 'webchatt_worker'::regrole}), '0', 'webchatt_worker owns nothing');
is($t->sql(q{SELECT string_agg(DISTINCT p.proowner::regrole::text, ' ') FROM pg_proc p WHERE p.pronamespace = 'webchatt'::regnamespace}),
	$t->sql('SELECT current_user'), 'all functions belong to whoever created the extension');

# Mallory configures webchatt, and has a trigger on messages.
my @attempts = (
	(map { "ALTER FUNCTION webchatt.send_message(uuid, text, text, text, interval, text, boolean, text) $_" } 'SECURITY INVOKER',
		'SECURITY DEFINER', 'RESET ALL', 'SET search_path = mallory', 'OWNER TO mallory', 'COST 2'),
	'CREATE OR REPLACE FUNCTION webchatt.cancel_message(channel uuid, id uuid) RETURNS boolean LANGUAGE sql AS $f$SELECT mallory.evil()$f$',
	'ALTER FUNCTION webchatt.retry_message(uuid, uuid) RENAME TO again',
	'DROP FUNCTION webchatt.retry_message(uuid, uuid)', 'COMMENT ON FUNCTION webchatt.mark_read(uuid, text, uuid) IS $f$x$f$',
	'CREATE FUNCTION webchatt.mine() RETURNS int LANGUAGE sql AS $f$SELECT 1$f$', 'CREATE TABLE webchatt.mine ()',
	'ALTER TABLE webchatt.messages ADD COLUMN mine int', 'CREATE RULE mine AS ON INSERT TO webchatt.messages DO ALSO NOTHING',
	'CREATE TRIGGER mine AFTER INSERT ON webchatt.hubs EXECUTE FUNCTION webchatt._messages_inserted()',
	'SET ROLE NONE', 'SET ROLE postgres', 'RESET ROLE', 'SET SESSION AUTHORIZATION DEFAULT', 'SET LOCAL ROLE ann',
	'CREATE ROLE intruder SUPERUSER', 'ALTER ROLE mallory SUPERUSER', 'GRANT webchatt_worker TO mallory',
	'CREATE TEMP TABLE orders (id int)', 'PREPARE later AS SELECT mallory.evil()', 'DECLARE later CURSOR WITH HOLD FOR SELECT mallory.evil()',
	'SET SESSION search_path = mallory, pg_catalog', 'SET work_mem = 999');
my $attempts = join ', ', map { "\$a\$ $_ \$a\$" } @attempts;
my $mallory = sub { return $t->node->psql('postgres', $_[0], extra_params => [ '-U', 'mallory' ], on_error_die => 1) };

$mallory->(qq{CREATE FUNCTION mallory.evil() RETURNS boolean LANGUAGE plpgsql AS \$\$
	BEGIN
		INSERT INTO public.deed VALUES ('evil', current_user);
		BEGIN
			ALTER ROLE mallory SUPERUSER;
		EXCEPTION WHEN OTHERS THEN
			NULL;
		END;
		RETURN true;
	END \$\$;
	CREATE FUNCTION mallory.lower(text) RETURNS text LANGUAGE sql AS \$\$SELECT mallory.evil()::text\$\$;
	CREATE FUNCTION mallory.try() RETURNS trigger LANGUAGE plpgsql AS \$\$
	DECLARE
		attempt text;
	BEGIN
		PERFORM mallory.evil();
		FOREACH attempt IN ARRAY ARRAY[$attempts] LOOP
			BEGIN
				EXECUTE attempt;
				INSERT INTO public.deed VALUES (attempt, current_user);
			EXCEPTION WHEN OTHERS THEN
				NULL;
			END;
		END LOOP;
		RETURN NULL;
	END \$\$;
	GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA mallory TO PUBLIC;
	CREATE TRIGGER try AFTER INSERT OR UPDATE ON webchatt.messages FOR EACH ROW EXECUTE FUNCTION mallory.try();
	CREATE TRIGGER try AFTER INSERT ON webchatt.statuses FOR EACH ROW EXECUTE FUNCTION mallory.try()});

# A superuser sends, twice, cancels, and goes on with whatever the session then is.
my $dead = sub { return $t->sql(q{SELECT rolsuper FROM pg_roles WHERE rolname = 'mallory'}) };
my $send = "SELECT webchatt.send_message('$channel', 'v', text => 'x')";
my ($status, $out, $err) = $t->try_sql(qq{SET client_min_messages = error;
	SELECT set_config('search_path', 'public', false) \\g /dev/null
	$send AS id \\gset
	$send IS NULL;
	SELECT webchatt.cancel_message('$channel', :'id');
	SELECT webchatt.retry_message('$channel', :'id');
	SELECT lower('PATH'), current_setting('search_path'), current_setting('work_mem') <> '999kB', current_user = session_user});
is($status, 0, 'a superuser sends, cancels and sends again, beside a trigger that tries everything') or diag($err);
is($out, "f\nt\nt\npath|public|t|t", 'and the session is as it was');
is($t->sql(q{SELECT DISTINCT by FROM public.deed}), 'webchatt_worker', 'what ran, ran as webchatt_worker');
is($t->sql(q{SELECT DISTINCT what FROM public.deed WHERE what !~ '^ ?(evil|SET SESSION search_path|SET work_mem)' ORDER BY 1}),
	'', 'and could do nothing of what it tried');
is($dead->(), 'f', 'it did not become superuser');

# Nor can it by what runs later: a trigger that is deferred to the commit.
$t->sql('DROP TRIGGER try ON webchatt.messages');
$mallory->(q{CREATE CONSTRAINT TRIGGER late AFTER INSERT ON webchatt.messages DEFERRABLE INITIALLY DEFERRED
		FOR EACH ROW EXECUTE FUNCTION mallory.try()});
$t->sql('TRUNCATE public.deed');
($status, $out, $err) = $t->try_sql("SET client_min_messages = error; BEGIN; $send; COMMIT");
is($t->sql(q{SELECT count(*) FROM public.deed WHERE by <> 'webchatt_worker'}), '0', 'a deferred trigger does not run as the superuser who commits');
is($dead->(), 'f', 'nor is anybody superuser by it');
like($err, qr/cannot fire deferred trigger within security-restricted operation/, 'the send says that it cannot be');

# Whoever is no superuser sends as ever; also within a trigger that sends, and behind an error.
$t->sql('DROP TRIGGER late ON webchatt.messages');
$mallory->(q{CREATE FUNCTION mallory.answer() RETURNS trigger LANGUAGE plpgsql AS $$
	BEGIN
		PERFORM webchatt.send_message(new.channel_id, 'other', text => 'nested');
		IF new.content ->> 'text' = 'raise' THEN
			RAISE EXCEPTION 'no';
		END IF;
		INSERT INTO public.deed VALUES ('nested', current_user);
		RETURN NULL;
	END $$;
	GRANT EXECUTE ON FUNCTION mallory.answer() TO PUBLIC;
	CREATE TRIGGER answer AFTER INSERT ON webchatt.messages FOR EACH ROW WHEN (new.content ->> 'text' <> 'nested')
		EXECUTE FUNCTION mallory.answer()});
$t->sql('TRUNCATE public.deed');
for my $who ('ann', $t->sql('SELECT current_user'))
{
	my ($out, $err) = ('', '');

	$t->node->psql('postgres', "SET client_min_messages = error; SET search_path = public; $send IS NULL;
		DO \$\$ BEGIN PERFORM webchatt.send_message('$channel', 'v', text => 'raise');
			EXCEPTION WHEN raise_exception THEN NULL; END \$\$;
		SELECT current_user, current_setting('search_path');
		BEGIN; SAVEPOINT s; SELECT webchatt.send_message('$channel', 'v', text => 'raise'); ROLLBACK TO s;
		SELECT current_user, current_setting('search_path'); COMMIT",
		extra_params => [ '-U', $who ], on_error_stop => 0, stdout => \$out, stderr => \$err);
	is($out, "f\n$who|public\n$who|public", "$who: nested sends, and errors, end where they began") or diag($err);
}
is($t->sql(q{SELECT DISTINCT what, by FROM public.deed}), 'nested|webchatt_worker', 'nested ones are webchatt_worker throughout');

# What a column's default calls may run when it is found out what the table is like now.
$t->sql('DROP TRIGGER answer ON webchatt.messages; TRUNCATE public.deed');
$mallory->('CREATE FUNCTION mallory.label() RETURNS text LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN RETURN 1; END $$');
$t->sql(qq{ALTER TABLE webchatt.messages ADD COLUMN label text DEFAULT mallory.label();
	$send; $send; SET SESSION AUTHORIZATION mallory;
	CREATE OR REPLACE FUNCTION mallory.label() RETURNS text LANGUAGE plpgsql IMMUTABLE AS \$\$ BEGIN PERFORM mallory.evil(); RETURN 2; END \$\$;
	RESET SESSION AUTHORIZATION; $send});
is($t->sql(q{SELECT DISTINCT by FROM public.deed}), 'webchatt_worker', 'a default that others replaced runs as webchatt_worker');
is($dead->(), 'f', 'and makes nobody a superuser');
is($t->sql('SELECT label FROM webchatt.messages ORDER BY id DESC LIMIT 1'), '2', 'though it is what it says now');
$t->sql('ALTER TABLE webchatt.messages DROP COLUMN label');
($status, $out, $err) = $t->try_sql("ALTER ROLE webchatt_worker RENAME TO elsewhere; $send");
like($err, qr/role webchatt_worker is missing.*HINT/s, 'without the role it is said what is missing');
is($t->sql('SELECT current_user = session_user'), 't', 'that too leaves no trace');

done_testing;
