# send_message() in every kind of session: what an application may hang on
# webchatt.messages, roll back, prepare, or drop beside it is as with an INSERT.
use strict;
use warnings;

use PostgreSQL::Test::Utils;
use Test::More;
use WebchattTest;

my $t = WebchattTest->attached;
my $channel = $WebchattTest::CHANNEL;
my $hub = $t->hub;

sub send_sql { my ($visitor, $text, $more) = @_; return "webchatt.send_message('$channel', '$visitor', text => $text" . ($more // '') . ')' }

# What of a visitor's messages is a row, in order; what reached the hub, when all of it has left.
sub rows { return $t->sql("SELECT string_agg(content ->> 'text', ' ' ORDER BY id) FROM webchatt.messages WHERE visitor = '$_[0]'") }

sub reached
{
	my ($visitor) = @_;
	$t->drained("what is queued for $visitor leaves");
	return join ' ', map { $_->{content}{text} } $hub->record(to => $visitor);
}

# --- what is rolled back -----------------------------------------------------

my ($s1, $s2, $s3, $s4) = map { send_sql('v1', "'$_'") . ' IS NULL' } qw(one two three four);
$t->sql("BEGIN; SELECT $s1; SAVEPOINT a; SELECT $s2; SAVEPOINT b; SELECT $s3; ROLLBACK TO a; SELECT $s4; RELEASE a; COMMIT");
is(rows('v1'), 'one four', 'what a savepoint takes back is no row');
is(reached('v1'), 'one four', 'and does not leave');
$t->sql(qq{DO \$\$
	BEGIN
		FOR i IN 1 .. 50 LOOP
			BEGIN
				PERFORM @{[send_sql('v2', 'i::text')]};
				PERFORM 1 / (i % 2);
			EXCEPTION WHEN division_by_zero THEN
				NULL;
			END;
		END LOOP;
	END \$\$});
my $odd = join ' ', grep { $_ % 2 } 1 .. 50;
is(rows('v2'), $odd, 'each in a block of its own');
is(reached('v2'), $odd, 'in their order');
$t->try_sql("BEGIN; SELECT @{[send_sql('v3', q{'gone'})]}; ROLLBACK; SELECT @{[send_sql('v3', q{'here'})]}");
is(rows('v3'), 'here', 'and a whole transaction');

# A table is begun in what is undone.
$t->sql("BEGIN; SAVEPOINT a; SELECT @{[send_sql('v4', q{'x'})]}; ROLLBACK TO a; LOCK TABLE webchatt.messages IN SHARE MODE; SELECT @{[send_sql('v4', q{'y'})]}; COMMIT");
is(rows('v4'), 'y', 'locks go with the savepoint that took them');

# --- many, and what the statement sees ---------------------------------------

$t->sql("SELECT count(@{[send_sql(q{many-' || n % 7 || '}, 'n::text')]}) FROM generate_series(1, 500) n");
is($t->sql(q{SELECT count(*), count(DISTINCT id), count(DISTINCT content) FROM webchatt.messages WHERE visitor LIKE 'many-%'}), '500|500|500', 'many by one statement');
is($t->sql(q{SELECT bool_and(id > before) FROM (SELECT id, lag(id) OVER (ORDER BY (content ->> 'text')::int) AS before
	FROM webchatt.messages WHERE visitor LIKE 'many-%') m}), 't', 'in their order');
is($t->sql("SELECT count(@{[send_sql('here', q{'x'})]}), (SELECT count(*) FROM webchatt.messages WHERE visitor = 'here') FROM generate_series(1, 3)"),
	'3|0', 'a statement does not see what it sends');
is($t->sql("BEGIN; SELECT @{[send_sql('here', q{'x'})]} \\g /dev/null
	SELECT count(*) FROM webchatt.messages WHERE visitor = 'here'; COMMIT"), '4', 'the next one does');
$t->sql(qq{CREATE FUNCTION public.seen() RETURNS text LANGUAGE plpgsql AS \$\$
	DECLARE
		sent uuid := @{[send_sql('seen', q{'x'})]};
	BEGIN
		RETURN (SELECT string_agg(m.status::text, ' ') FROM webchatt.messages m WHERE m.id = sent);
	END \$\$});
is($t->sql('SELECT public.seen() FROM generate_series(1, 2)'), "queued\nqueued", 'nor does a function wait for its own');

# --- dedupe keys ---------------------------------------------------------------

my $keyed = sub { my ($visitor, $text, $key) = @_; return send_sql($visitor, $text, ", dedupe_key => $key") };
is($t->sql("SELECT count(DISTINCT @{[$keyed->('key', 'n::text', q{'k' || n % 3})]}) FROM generate_series(1, 9) n"), '3', 'many with few keys by one statement');
is(rows('key'), '1 2 3', 'are as many rows as keys');
is($t->sql("SELECT @{[$keyed->('key', q{'x'}, q{'k1'})]} = (SELECT id FROM webchatt.messages WHERE visitor = 'key' AND dedupe_key = 'k1')"), 't', 'a later one is the first');
is($t->sql("SELECT @{[$keyed->('key-2', q{'x'}, q{'k1'})]} IS NULL") . rows('key-2'), 'fx', 'another conversation has keys of its own');
$t->sql("BEGIN; SAVEPOINT a; SELECT @{[$keyed->('key-3', q{'x'}, q{'k'})]}; ROLLBACK TO a; SELECT @{[$keyed->('key-3', q{'y'}, q{'k'})]}; COMMIT");
is(rows('key-3'), 'y', 'a key is free again when its message is rolled back');
is($t->sql("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT @{[$keyed->('key-4', q{'x'}, q{'k'})]} = @{[$keyed->('key-4', q{'x'}, q{'k'})]}; COMMIT"), 't', 'in a transaction that keeps its snapshot');
my @racing = map { $t->pgbench(do {
	my $file = $t->node->basedir . "/race$_.sql";
	append_to_file($file, "\\set n random(1, 50)\nSELECT @{[$keyed->('race', q{'x'}, q{'k' || :n})]};\n");
	$file }, '-c', 4, '-t', 100) } 1 .. 2;
is($t->sends_end($_), 0, 'sessions that race for keys: none fails') for @racing;
is($t->sql(q{SELECT count(*) - count(DISTINCT dedupe_key) FROM webchatt.messages WHERE visitor = 'race'}), '0', 'each key has one message');
is(scalar(split / /, reached('race')), scalar(split / /, rows('race')), 'and each leaves once');

# --- in which sessions -------------------------------------------------------

$t->sql(qq{CREATE ROLE ann LOGIN IN ROLE webchatt_agent; CREATE ROLE nobody_special LOGIN;
	CREATE FUNCTION public.greet() RETURNS uuid LANGUAGE sql SECURITY DEFINER AS \$\$ SELECT @{[send_sql('definer', q{'x'})]} \$\$;
	GRANT EXECUTE ON FUNCTION public.greet() TO PUBLIC});
$t->sql('SET ROLE nobody_special; SELECT public.greet()');
is(rows('definer'), 'x', 'by a SECURITY DEFINER function, for a role that may nothing');
is($t->sql("SET ROLE ann; SELECT @{[send_sql('ann', q{'x'})]} IS NULL, current_user"), 'f|ann', 'by an agent, who remains who they are');
my (undef, undef, $err) = $t->try_sql("SET ROLE nobody_special; SELECT @{[send_sql('ann', q{'x'})]}");
like($err, qr/permission denied/, 'and by nobody else');
(undef, undef, $err) = $t->try_sql("BEGIN READ ONLY; SELECT @{[send_sql('ro', q{'x'})]}");
like($err, qr/cannot execute .* in a read-only transaction/, 'not in a read-only transaction');
is($t->sql("SET search_path = ''; SELECT count(@{[send_sql('path', q{'x'})]}) FROM generate_series(1, 2); SHOW search_path"), "2\n\"\"", 'the search path stays');
is($t->sql("BEGIN ISOLATION LEVEL SERIALIZABLE; SELECT @{[send_sql('ser', q{'x'})]} IS NULL; SELECT @{[send_sql('ser', q{'y'})]} IS NULL; COMMIT"), "f\nf", 'in a serializable one');
is($t->sql(qq{SET max_parallel_workers_per_gather = 2; SET parallel_setup_cost = 0; SET parallel_tuple_cost = 0; SET min_parallel_table_scan_size = 0;
	CREATE TABLE public.big AS SELECT n FROM generate_series(1, 20000) n; ANALYZE public.big;
	SELECT count(@{[send_sql('par', q{'x'})]}) FROM public.big WHERE n % 10000 = 0}), '2', 'beside a query that could be parallel');

$t->sql("INSERT INTO webchatt.visitors (channel_id, id) VALUES ('$channel', 'two');
	BEGIN; SELECT @{[send_sql('two', q{'x'})]}; PREPARE TRANSACTION 'one'; BEGIN; SELECT @{[send_sql('two', q{'y'})]}; PREPARE TRANSACTION 'other';
	SELECT @{[send_sql('two', q{'z'})]}; ROLLBACK PREPARED 'one'; COMMIT PREPARED 'other'");
is(rows('two'), 'y z', 'prepared and committed');
is(join(' ', sort split / /, reached('two')), 'y z', 'it leaves');

# --- what hangs on the table -------------------------------------------------

$t->sql(q{CREATE TABLE public.told (n serial, tag text, visitor text, by text);
	GRANT ALL ON public.told, public.told_n_seq TO PUBLIC;
	CREATE FUNCTION public.tell() RETURNS trigger LANGUAGE plpgsql AS $$
	BEGIN
		INSERT INTO public.told (tag, visitor, by) VALUES (TG_ARGV[0], CASE TG_LEVEL WHEN 'ROW' THEN NEW.visitor END, current_user);
		RETURN NEW;
	END $$;
	CREATE FUNCTION public.tell_all() RETURNS trigger LANGUAGE plpgsql AS $$
	BEGIN
		INSERT INTO public.told (tag, visitor, by) SELECT 'all', visitor, current_user FROM fresh;
		RETURN NULL;
	END $$});
my $told = sub { return join ' ', split /\n/, $t->sql('WITH t AS (DELETE FROM public.told RETURNING *) SELECT tag, visitor, by FROM t ORDER BY n') };
$t->sql(q{CREATE TRIGGER a AFTER INSERT ON webchatt.messages FOR EACH ROW WHEN (NEW.direction = 'out') EXECUTE FUNCTION public.tell('row')});
$t->sql("SELECT @{[send_sql('t1', q{'x'})]}");
is($told->(), 'row|t1|webchatt_worker', 'a row trigger, as webchatt_worker');
$t->sql("SELECT @{[send_sql(q{t' || n || '}, q{'x'})]} FROM generate_series(1, 3) n");
is($told->(), join(' ', map { "row|t$_|webchatt_worker" } 1 .. 3), 'one each');
$t->sql("BEGIN; SAVEPOINT a; SELECT @{[send_sql('t1', q{'x'})]}; ROLLBACK TO a; SELECT @{[send_sql('t2', q{'x'})]}; COMMIT");
is($told->(), 'row|t2|webchatt_worker', 'none for what is rolled back');
$t->sql("SET session_replication_role = replica; SELECT @{[send_sql('t1', q{'x'})]}");
is($told->(), '', 'none where triggers are off');
$t->sql('DROP TRIGGER a ON webchatt.messages;
	CREATE CONSTRAINT TRIGGER a AFTER INSERT ON webchatt.messages DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION public.tell(\'deferred\')');
$t->node->psql('postgres', "BEGIN; SELECT @{[send_sql('t1', q{'x'})]} IS NULL; SELECT count(*) FROM public.told; COMMIT", stdout => \my $said,
	extra_params => [ '-U', 'ann' ], on_error_die => 1);
is($said, "f\n0", 'a deferred one at the commit, not before');
is($told->(), 'deferred|t1|' . (WebchattTest::major() < 18 ? 'ann' : 'webchatt_worker'), 'as whoever commits, from 18 on as who queued it');
$t->sql('TRUNCATE public.told; DROP TRIGGER a ON webchatt.messages;
	CREATE TRIGGER a AFTER INSERT ON webchatt.messages REFERENCING NEW TABLE AS fresh FOR EACH STATEMENT EXECUTE FUNCTION public.tell_all();
	CREATE TRIGGER b BEFORE INSERT ON webchatt.messages FOR EACH STATEMENT EXECUTE FUNCTION public.tell(\'before\')');
$t->sql("SELECT @{[send_sql('t1', q{'x'})]}");
is($told->(), 'before||webchatt_worker all|t1|webchatt_worker', 'statement triggers, with what was inserted');
$t->sql('DROP TRIGGER a ON webchatt.messages; DROP TRIGGER b ON webchatt.messages;
	CREATE TRIGGER a AFTER INSERT ON webchatt.messages REFERENCING NEW TABLE AS fresh FOR EACH ROW EXECUTE FUNCTION public.tell_all()');
$t->sql("SELECT @{[send_sql('t1', q{'x'})]}; SELECT @{[send_sql('t2', q{'x'}, q{, dedupe_key => 'table'})]}");
is($told->(), 'all|t1|webchatt_worker all|t2|webchatt_worker', 'a row trigger with a transition table');
$t->sql('DROP TRIGGER a ON webchatt.messages');

# A trigger that sends.
$t->sql(qq{CREATE FUNCTION public.copy() RETURNS trigger LANGUAGE plpgsql AS \$\$
	BEGIN
		IF NEW.visitor = 'nested' THEN
			PERFORM webchatt.send_message(NEW.channel_id, 'nested-' || i, text => NEW.content ->> 'text') FROM generate_series(1, 2) i;
		ELSIF NEW.visitor LIKE 'nested-_' THEN
			PERFORM webchatt.send_message(NEW.channel_id, NEW.visitor || '-deep', text => NEW.content ->> 'text', dedupe_key => 'once');
		END IF;
		RETURN NULL;
	END \$\$;
	CREATE TRIGGER c AFTER INSERT ON webchatt.messages FOR EACH ROW WHEN (NEW.direction = 'out') EXECUTE FUNCTION public.copy()});
$t->sql("SELECT @{[send_sql('nested', 'n::text')]} FROM generate_series(1, 2) n");
is($t->sql(q{SELECT string_agg(visitor || '=' || (content ->> 'text'), ' ' ORDER BY id) FROM webchatt.messages WHERE visitor LIKE 'nested%'}),
	'nested=1 nested-1=1 nested-1-deep=1 nested-2=1 nested-2-deep=1 nested=2 nested-1=2 nested-2=2', 'a trigger that sends, and one on that');
is(reached($_), '1 2', "$_ gets them") for qw(nested nested-1);
is(reached('nested-1-deep'), '1', 'and a dedupe key holds in there');
$t->sql('DROP TRIGGER c ON webchatt.messages');
is($t->sql('SELECT count(*) FROM webchatt.outbox WHERE op = $$d$$'), '0', 'none of it is taken for rows inserted by hand');

# Functions that are registered, for one direction or both.
$t->sql(q{CREATE FUNCTION public.hear(m webchatt.messages) RETURNS void LANGUAGE sql AS $$ INSERT INTO public.told (tag, visitor, by) VALUES ('heard', m.visitor, current_user) $$});
my $owner = $t->sql('SELECT current_user');
for my $case (["'in'", ''], ["'out'", "heard|h|$owner"], ['NULL', "heard|h|$owner"])
{
	my ($direction, $heard) = @$case;
	is($t->sql("SELECT webchatt.on_message('public.hear(webchatt.messages)', $direction) AS id \\gset
		SELECT @{[send_sql('h', q{'x'})]} \\g /dev/null
		SELECT tag, visitor, by FROM public.told; SELECT webchatt.remove_handler(:id) \\g /dev/null
		SELECT @{[send_sql('h', q{'x'})]} \\g /dev/null\n"), $heard, "a function for $direction, until it is removed");
	$told->();
}
is($t->sql(q{SELECT count(*) FROM public.told}), '0', 'of which no session knows any more');

# A trigger that keeps the row out.
$t->sql(q{CREATE FUNCTION public.drop_it() RETURNS trigger LANGUAGE plpgsql AS $$
	BEGIN
		IF NEW.content ->> 'text' = 'dropped' THEN
			RETURN NULL;
		END IF;
		NEW.author := 'trigger';
		RETURN NEW;
	END $$;
	CREATE TRIGGER d BEFORE INSERT ON webchatt.messages FOR EACH ROW EXECUTE FUNCTION public.drop_it()});
(undef, undef, $err) = $t->try_sql("\\set VERBOSITY verbose\nSELECT @{[send_sql('kept', q{'dropped'})]}");
like($err, qr/09000: .*a trigger on webchatt\.messages did not let the message be stored/, 'a trigger that keeps a message out is an error');
$t->sql("SELECT @{[send_sql('kept', q{'x'})]}");
is($t->sql(q{SELECT author FROM webchatt.messages WHERE visitor = 'kept'}), 'trigger', 'one that changes the row does');
$t->sql('DROP TRIGGER d ON webchatt.messages');

# A new visitor and a message are written without a statement: that is half the price.
(undef, undef, $err) = $t->try_sql("SET client_min_messages = debug1; SELECT @{[send_sql('quick', q{'x'})]}; SELECT @{[send_sql('quick', q{'x'})]}");
unlike($err, qr/are written by statements/, 'nothing of ours keeps rows from going into our tables directly');

# --- what an operator adds to the table --------------------------------------

$t->sql(q{CREATE FUNCTION public.who() RETURNS text LANGUAGE sql VOLATILE AS 'SELECT current_user::text';
	ALTER TABLE webchatt.messages ADD COLUMN plain text DEFAULT 'of old', ADD COLUMN made uuid DEFAULT gen_random_uuid(),
	ADD COLUMN by text DEFAULT public.who(), ADD COLUMN len int GENERATED ALWAYS AS (length(content::text)) STORED, ADD COLUMN none text});
$t->sql("SELECT @{[send_sql('added', q{'x'})]} FROM generate_series(1, 2)");
is($t->sql(q{SELECT DISTINCT plain, count(*) OVER (), by, len, none FROM webchatt.messages WHERE visitor = 'added'}), 'of old|2|webchatt_worker|13|', 'columns with defaults');
is($t->sql(q{SELECT count(DISTINCT made) FROM webchatt.messages WHERE visitor = 'added'}), '2', 'made for each row');
$t->sql(q{ALTER TABLE webchatt.messages ALTER plain SET DEFAULT 'of late', DROP COLUMN len});
$t->sql("SELECT @{[send_sql('added-2', q{'x'})]}");
is($t->sql(q{SELECT plain FROM webchatt.messages WHERE visitor = 'added-2'}), 'of late', 'which change');
$t->sql(q{ALTER TABLE webchatt.messages ADD CONSTRAINT polite CHECK (content ->> 'text' <> 'rude'), ADD COLUMN needed int DEFAULT 1 NOT NULL});
(undef, undef, $err) = $t->try_sql("SELECT @{[send_sql('added', q{'rude'})]}");
like($err, qr/violates check constraint "polite"/, 'a constraint');
$t->sql(q{CREATE FUNCTION public.few(who text) RETURNS boolean LANGUAGE sql STABLE AS $$ SELECT count(*) < 2 FROM webchatt.messages WHERE visitor = who $$;
	ALTER TABLE webchatt.messages ADD CONSTRAINT few CHECK (public.few(visitor)) NOT VALID});
(undef, undef, $err) = $t->try_sql("SELECT @{[send_sql('few', 'n::text')]} FROM generate_series(1, 2) n; SELECT @{[send_sql('many', 'n::text')]} FROM generate_series(1, 3) n");
like($err, qr/violates check constraint "few"/, 'one that looks at the table');
is(rows('few'), '1 2', 'sees what the same statement sent before');
$t->sql('ALTER TABLE webchatt.messages DROP CONSTRAINT few; ALTER TABLE webchatt.messages ALTER needed DROP DEFAULT');
(undef, undef, $err) = $t->try_sql("SELECT @{[send_sql('added', q{'x'})]}");
like($err, qr/null value in column "needed"/, 'a column that has to have something');
$t->sql('ALTER TABLE webchatt.messages DROP CONSTRAINT polite, DROP COLUMN needed');
$t->sql(q{CREATE UNIQUE INDEX one_each ON webchatt.messages ((content ->> 'text')) WHERE visitor = 'unique'});
(undef, undef, $err) = $t->try_sql("SELECT @{[send_sql('unique', q{'x'})]}; SELECT @{[send_sql('unique', q{'y'})]}; SELECT @{[send_sql('unique', q{'x'})]}");
like($err, qr/duplicate key value violates unique constraint "one_each"/, 'an index of their own, upon an expression');
is(rows('unique'), 'x y', 'which has what it should');
$t->sql(q{DROP INDEX webchatt.one_each; ALTER TABLE webchatt.messages ADD CONSTRAINT one_author UNIQUE (visitor, author) DEFERRABLE});
(undef, undef, $err) = $t->try_sql(join '; ', map { 'SELECT ' . $keyed->('deferrable', q{'x'}, "'$_', author => 'ann'") } 1, 1, 2);
like($err, qr/duplicate key value violates unique constraint "one_author"/, 'a deferrable one, beside the dedupe key');
is(rows('deferrable'), 'x', 'which holds');
$t->sql(q{ALTER TABLE webchatt.messages DROP CONSTRAINT one_author; CREATE TABLE public.customer (id text PRIMARY KEY); INSERT INTO public.customer VALUES ('customer');
	GRANT SELECT, UPDATE ON public.customer TO webchatt_worker;
	ALTER TABLE webchatt.messages ADD CONSTRAINT is_customer FOREIGN KEY (visitor) REFERENCES public.customer (id) NOT VALID});
(undef, undef, $err) = $t->try_sql("SELECT @{[send_sql('customer', q{'x'})]}; SELECT @{[send_sql('stranger', q{'x'})]}");
like($err, qr/violates foreign key constraint "is_customer"/, 'a foreign key');
is(rows('customer') . '|' . rows('stranger'), 'x|', 'which holds');
$t->sql(q{ALTER TABLE webchatt.messages DROP CONSTRAINT is_customer;
	ALTER TABLE webchatt.messages ENABLE ROW LEVEL SECURITY;
	CREATE POLICY polite ON webchatt.messages AS RESTRICTIVE FOR INSERT WITH CHECK (content ->> 'text' <> 'rude')});
(undef, undef, $err) = $t->try_sql("SELECT @{[send_sql('rls', q{'x'})]}; SELECT @{[send_sql('rls', q{'rude'})]}");
like($err, qr/violates row-level security policy "polite"/, 'row security');
is(rows('rls'), 'x', 'which lets through what it may');
$t->sql(q{DROP POLICY polite ON webchatt.messages; ALTER TABLE webchatt.messages DISABLE ROW LEVEL SECURITY});

$t->sql('ALTER TABLE webchatt.messages ALTER expires_at TYPE timestamptz(0)');
$t->sql("SELECT @{[send_sql('rounded', 'n::text', q{, expires => '1 hour'})]} FROM generate_series(1, 3) n");
is($t->sql(q{SELECT bool_and(expires_at = date_trunc('second', expires_at)) FROM webchatt.messages WHERE visitor = 'rounded'}), 't', 'a column that rounds');
$t->sql('ALTER TABLE webchatt.messages ALTER expires_at TYPE timestamptz');

# The outbox is ours, and not prepared for everything; that is said.
$t->sql("CREATE INDEX upper_$_ ON webchatt.outbox_$_ (upper(visitor)); CREATE INDEX hashed_$_ ON webchatt.outbox_$_ USING hash (visitor)") for 0 .. 2;
(undef, undef, $err) = $t->try_sql("SELECT @{[send_sql('added', q{'x'})]}");
like($err, qr/index upper_\d of the outbox has an expression or a condition/, 'an index upon an expression on the outbox');
$t->sql("DROP INDEX webchatt.upper_$_") for 0 .. 2;
is($t->sql("SELECT @{[send_sql('added', q{'x'})]} IS NULL"), 'f', 'one of another kind is none of our business');
$t->sql("DROP INDEX webchatt.hashed_$_") for 0 .. 2;

# --- the visitor goes, the channel goes, the extension goes ------------------

my $there = "SELECT count(*) FROM webchatt.visitors WHERE id = 'gone'";
is($t->sql("BEGIN; SELECT @{[send_sql('gone', q{'x'})]} \\g /dev/null
	DELETE FROM webchatt.visitors WHERE id = 'gone'; SELECT @{[send_sql('gone', q{'y'})]} \\g /dev/null
	$there; COMMIT"), '1', 'a visitor who was deleted in between is there again');
is($t->sql(qq{DO \$\$
	BEGIN
		FOR i IN 1 .. 3 LOOP
			DELETE FROM webchatt.visitors WHERE id = 'gone';
			PERFORM @{[send_sql('gone', 'i::text')]};
		END LOOP;
	END \$\$; $there}), '1', 'also in a loop');
my $other = sub { my ($sql) = @_; return sprintf '\! psql -XAtqc "%s" -h %s -p %s postgres', $sql, $t->node->host, $t->node->port };
for my $gone (q{DELETE FROM webchatt.visitors WHERE id = 'gone'}, q{UPDATE webchatt.visitors SET id = 'renamed ' || now() WHERE id = 'gone'}, 'TRUNCATE webchatt.visitors CASCADE')
{
	is($t->sql("SELECT @{[send_sql('gone', q{'w'})]} \\g /dev/null\n@{[$other->($gone)]}
		SELECT @{[send_sql('gone', q{'x'})]} \\g /dev/null\n$there"), '1', "one whom another session takes away: $gone");
}
is($t->sql("BEGIN; DELETE FROM webchatt.visitors WHERE id = 'back'; SELECT @{[send_sql('back', q{'w'})]} \\g /dev/null
	SELECT @{[send_sql('back', q{'x'})]} \\g /dev/null
	ROLLBACK; SELECT @{[send_sql('back', q{'y'})]} \\g /dev/null\n" . $there =~ s/gone/back/r), '1', 'a visitor who is taken back with the transaction is not remembered');
$t->sql('TRUNCATE webchatt.visitors CASCADE');
$t->sql("SELECT @{[send_sql('gone', q{'z'})]}");
is($t->sql($there), '1', 'and when all of them were');
$t->drained;

# --- triggers whose functions have settings, or rights, of their own: again and again in one session -----

$t->sql(q{CREATE TABLE public.noted (what text);
	CREATE FUNCTION public.note() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public SET work_mem = '1MB' AS
		$$ BEGIN INSERT INTO noted VALUES (TG_TABLE_NAME || ' ' || current_setting('work_mem')); RETURN NULL; END $$;
	CREATE TRIGGER note AFTER INSERT ON webchatt.messages FOR EACH ROW EXECUTE FUNCTION public.note();
	CREATE TRIGGER note AFTER INSERT ON webchatt.visitors FOR EACH ROW EXECUTE FUNCTION public.note()});
is($t->sql(join('', map { "SELECT @{[send_sql(qq{noted$_}, qq{repeat('x', $_ * 1000)})]} \\g /dev/null\n" } 1 .. 20)
	. q{SELECT string_agg(what || ' ' || n, ',' ORDER BY what) FROM (SELECT what, count(*) AS n FROM public.noted GROUP BY 1) x}),
	'messages 1MB 20,visitors 1MB 20', 'run for each row, as they are to');
$t->sql('DROP TRIGGER note ON webchatt.messages; DROP TRIGGER note ON webchatt.visitors');
$t->drained;

# --- the indexes ---------------------------------------------------------------

is($t->sql(q{CREATE EXTENSION amcheck; SELECT count(bt_index_check(i.indexrelid, true)) >= 5 FROM pg_index i
	WHERE i.indrelid IN ('webchatt.messages'::regclass, 'webchatt.outbox_0'::regclass, 'webchatt.outbox_1'::regclass, 'webchatt.outbox_2'::regclass)}), 't', 'the indexes have every row');

my $again = "CREATE EXTENSION webchatt; SELECT webchatt.connect_hub('key', 'http://127.0.0.1:9', name => 'other') IS NULL; SELECT webchatt.add_channel('$channel', hub => 'other') IS NULL";
my $one = "SELECT @{[send_sql('anew', q{'x'})]} \\g /dev/null
	SELECT (SELECT count(*) FROM webchatt.messages WHERE visitor = 'anew'), (SELECT count(*) FROM webchatt.visitors WHERE id = 'anew');";
is($t->sql("SET client_min_messages = error; BEGIN; $one; DROP EXTENSION webchatt CASCADE; $again; $one ROLLBACK; $one") =~ s/^f\n//mgr, "1|1\n1|1\n1|1",
	'the extension dropped and made anew in a transaction that is rolled back');
$t->drained;
is($t->sql("SET client_min_messages = error; $one DROP EXTENSION webchatt CASCADE; $again; $one") =~ s/^f\n//mgr, "2|1\n1|1", 'and for good');
(undef, undef, $err) = $t->try_sql("SET client_min_messages = error; $one DROP EXTENSION webchatt CASCADE;
	CREATE FUNCTION public.left_behind(uuid, text, text, text, interval, text, boolean, text) RETURNS uuid LANGUAGE c AS '\$libdir/webchatt', 'webchatt_send_text';
	SELECT public.left_behind('$channel', 'v', 'x', NULL, NULL, NULL, true, NULL)");
like($err, qr/schema "webchatt" does not exist|webchatt\.\w+ is missing/, 'and gone');
ok($t->sql('SELECT 1'), 'the server lives');
done_testing();
