# Every form of pg_dump and pg_restore, into a database that has a worker, gets one later or has
# none, ends well and gives the same state; the worker waits until the data is there, and visitors
# who dial meanwhile come back as who they were.
use strict;
use warnings;

use IO::Socket::INET;
use PostgreSQL::Test::Utils;
use Test::More;
use Visitor;
use WebchattTest;

my $origin = 'https://www.example.com';
my $token = 'wct_' . 'A' x 43;
my $visitor = '0190a000-0000-7000-8000-000000000001';
my $channel = $WebchattTest::CHANNEL;

# --- a source with something of everything ----------------------------------

my $s = WebchattTest->attached(name => 'source');
my $hub = $s->hub;
is(scalar $s->post(Webhook::message($channel, "m-$_", "v$_", "hello $_")), 200, "v$_ writes") for 1 .. 3;
$s->status_becomes($s->send_text('v1', 'sent'), 'sent', 'a message is sent');
$s->post(Webhook::status('nobody', 'delivered'));
$hub->set(sessions => ['v1']);
$s->status_becomes($s->send_text('v2', 'held'), 'held', 'one is held');
$s->wait_for('SELECT upto IS NOT NULL FROM webchatt.overdue_scan', 'a look for what is overdue');
$s->sql(q{UPDATE webchatt.hubs SET state = 'stopped', state_reason = 'a copy' WHERE kind = 'remote'});
$s->send_text('v3', "queued $_") for 1 .. 3;
my $local = $s->sql("SELECT webchatt.create_channel('Local', '{$origin}')");
my $key = $s->sql("SELECT public_key FROM webchatt.channels WHERE id = '$local'");
$s->sql(qq{
	INSERT INTO webchatt.visitors (channel_id, id) VALUES ('$local', '$visitor');
	INSERT INTO webchatt.visitor_tokens (channel_id, token_hash, visitor) VALUES ('$local', sha256('$token'), '$visitor');
	SELECT webchatt.add_note('$local', '$visitor', 'a note', author => 'ana'), webchatt.set_canned_answer('hello', 'Hello {name}', channel => '$local'), webchatt.set_search_language('$local', 'german');
	INSERT INTO webchatt.ratings (channel_id, visitor, closed_upto, value, comment) VALUES ('$local', '$visitor', gen_random_uuid(), 4, 'well');
	INSERT INTO webchatt.closings (channel_id, visitor, closed_upto, closed_at, closed_by) VALUES ('$local', '$visitor', gen_random_uuid(), now(), 'ana');
	INSERT INTO webchatt.unread (channel_id, visitor, message_id, messages, since, email) VALUES ('$local', '$visitor', gen_random_uuid(), 2, now(), 'v\@example.com');
	INSERT INTO webchatt.conversation_links (channel_id, token_hash, visitor, expires_at) VALUES ('$local', sha256('wcl_1'), '$visitor', now() + interval '1 day');
	INSERT INTO webchatt.erasures (channel_id, visitor_hash, visitors, stage, done_at, asked_by) VALUES ('$local', sha256('gone'), '{}', 'done', now(), 'ana');
	INSERT INTO webchatt.redactions (channel_id, message_id, redacted_by) VALUES ('$local', gen_random_uuid(), 'ana'); SELECT webchatt.set_retention('100 years'), webchatt.set_retention(NULL, '$local');
	INSERT INTO webchatt.archives (channel_id, archive_schema, archive_name, archive_owner) VALUES ('$local', 'public', 'old', 'ana');
	INSERT INTO webchatt.archive_tasks (channel_id, message_id, content, due) VALUES ('$local', gen_random_uuid(), '{}', now() + interval '1 day');
	SELECT webchatt.create_api_key('billing');
	INSERT INTO webchatt.webhooks (id, label, endpoint, event_type, secret, active)
		VALUES ('0190a000-0000-4000-8000-000000000002', 'billing''s', 'https://example.org/events', 'Message', 'whsec_2', false);
	INSERT INTO webchatt.links (key_id, acknowledged) SELECT id, 7 FROM webchatt.api_keys;
	CREATE TABLE mine (n int PRIMARY KEY, channel uuid);
	INSERT INTO mine SELECT 1, id FROM webchatt.channels LIMIT 1;
	CREATE FUNCTION note(m webchatt.messages) RETURNS void LANGUAGE sql AS 'INSERT INTO public.mine (n) VALUES (-1)';
	SELECT webchatt.on_message('note(webchatt.messages)')});
$s->wait_for(q{SELECT count(*) = 1 FROM webchatt.webhook_progress}, 'a webhook of the local hub');
$s->wait_for(q{SELECT bool_and(c.waiting_since IS NOT NULL OR c.last_id = m.id) FROM webchatt.conversations c
	JOIN (SELECT DISTINCT ON (visitor) visitor, id FROM webchatt.messages ORDER BY visitor, id DESC) m USING (visitor)}, 'how the conversations stand is noted');
my $dir = $s->node->basedir;
for ([ 'plain.sql' ], [ 'inserts.sql', '--inserts' ], [ 'data.sql', '-a' ], [ 'schema.sql', '-s' ], [ 'custom', '-Fc' ], [ 'directory', '-Fd' ])
{
	my ($file, @options) = @$_;
	$s->node->command_ok([ 'pg_dump', @options, '-f', "$dir/$file", $s->node->connstr('postgres') ], "pg_dump @options");
}

# What is the same, whatever the worker does afterwards.
my $state = join ' UNION ALL ', (map { "SELECT '$_', md5(coalesce(string_agg(x::text, E'\\n' ORDER BY x::text), '')), count(*) FROM webchatt.$_ x" }
	  qw(hubs channels origins hub_webhooks api_keys visitors visitor_tokens identity_secrets joins files file_chunks file_uses conversations notes canned_answers search_languages ratings closings retentions archives archive_tasks unread conversation_links erasures redactions messages statuses early_statuses rejects held
	  feed webhooks webhook_progress webhook_log webhook_retries links hub_reconciliation repairs registrations)),
  q{SELECT 'mine', string_agg(m::text, ','), count(*) FROM public.mine m},
  q{SELECT 'foreign keys', md5(string_agg(conrelid::regclass || conname || pg_get_constraintdef(oid), ',' ORDER BY conrelid::regclass::text, conname)), count(*)
	FROM pg_constraint WHERE contype = 'f' AND connamespace = 'webchatt'::regnamespace},
  q{SELECT 'extras', '', count(*) FROM webchatt.extras}, q{SELECT 'restores', '', count(*) FROM webchatt.restores};
my $before = $s->sql($state);
$s->node->stop;

# --- the forms --------------------------------------------------------------

sub psql { return [ 'psql', '-X', '-q', '-o', '/dev/null', '-v', 'ON_ERROR_STOP=1', @_ ] }
sub pg_restore { return [ 'pg_restore', @_ ] }
my $extension = psql('-c', 'CREATE EXTENSION webchatt');

my @forms = (
	[ 'plain', psql('-f', "$dir/plain.sql") ],
	[ 'plain, -1', psql('-1', '-f', "$dir/plain.sql") ],
	[ 'plain, --inserts', psql('-f', "$dir/inserts.sql") ],
	[ 'plain, -s then -a', psql('-f', "$dir/schema.sql"), psql('-f', "$dir/data.sql") ],
	[ '-Fc, -e', pg_restore('-e', "$dir/custom") ],
	[ '-Fc, -1', pg_restore('-1', "$dir/custom") ],
	[ '-Fd, -j 2', pg_restore('-j2', "$dir/directory") ],
	[ '-Fd, -e -j 4', pg_restore('-e', '-j4', "$dir/directory") ],
	[ '-s then -a -j 2', pg_restore('-s', "$dir/directory"), pg_restore('-a', '-j2', "$dir/directory") ],
	[ '-s then -a --disable-triggers', pg_restore('-s', "$dir/custom"), pg_restore('-a', '--disable-triggers', "$dir/custom") ],
	[ 'by sections', map { pg_restore("--section=$_", $_ eq 'data' ? '-j2' : (), "$dir/directory") } qw(pre-data data post-data) ],
	[ '-a into what is there', 'there', pg_restore('-a', "$dir/custom") ],
	[ 'plain -a into what is there', 'there', psql('-f', "$dir/data.sql") ],
	[ '-a --disable-triggers -j 2 into what is there', 'there', pg_restore('-a', '--disable-triggers', '-j2', "$dir/directory") ]);

# A cluster: the databases r0 ... have workers, x0 ... have none.
my $t = WebchattTest->new(name => 'target', databases => join(',', 'postgres', map { "r$_" } 0 .. $#forms),
	conf => "max_worker_processes = 60\nmax_connections = 100");
my $sockets = PostgreSQL::Test::Utils::tempdir_short();
chmod 0777, $sockets;

sub make_database
{
	my ($database) = @_;
	$t->sql("CREATE DATABASE $database TEMPLATE template0 ENCODING 'UTF8'");
	$t->listens_at($database, "unix:$sockets/$database");
	return;
}

# Load it by one form: every command ends well and says nothing.
sub load
{
	my ($database, $name, @commands) = @_;
	for my $command (@commands)
	{
		if ($command eq 'there')
		{
			$t->sql('CREATE EXTENSION webchatt; CREATE TABLE mine (n int PRIMARY KEY, channel uuid)', $database);
			in($database, q{SELECT state = 'running' AND EXISTS (SELECT FROM webchatt.overdue_scan) OR worker_pid IS NULL FROM webchatt.status}, "$name: it runs already");
			next;
		}
		my ($out, $err) = ('', '');
		my $done = IPC::Run::run([ @$command, '-d', $t->node->connstr($database) ], '>', \$out, '2>', \$err);
		ok($done && $err eq '', "$name: $command->[0] @$command[1 .. $#$command]") or diag($err);
	}
	return;
}

sub in
{
	my ($database, $query, $what) = @_;
	local $t->{database} = $database;
	return $t->wait_for($query, $what, 60);
}

make_database("r$_") for 0 .. $#forms;
$t->node->reload;
load("r$_", @{ $forms[$_] }) for 0 .. $#forms;
for (0 .. $#forms)
{
	my $name = $forms[$_][0];
	in("r$_", q{SELECT state = 'running' FROM webchatt.status}, "$name: the worker runs");
	is($t->sql($state, "r$_"), $before, "$name: the same is there");
	in("r$_", q{SELECT count(DISTINCT message_id) = 3 FROM webchatt.outbox WHERE op = 's'}, "$name: what was queued waits to be sent");
}

# --- a database that has no worker, or gets one later -----------------------

for (0, 3, 6, 9, 13)
{
	make_database("x$_");
	load("x$_", @{ $forms[$_] });
}
like($t->sql('SELECT state FROM webchatt.status', 'x0'), qr/finish_restore/, 'without a worker the status says how to end it');
$t->sql('SELECT webchatt.finish_restore()', "x$_") for 0, 3, 6, 13;
is($t->sql($state, "x$_"), $before, "$forms[$_][0], unlisted: the same is there") for 0, 3, 6, 13;
$t->sql(q{ALTER SYSTEM SET webchatt.databases = 'postgres, x9, x13'});
$t->node->reload;
for (9, 13)
{
	in("x$_", q{SELECT state = 'running' FROM webchatt.status}, "$forms[$_][0], listed later: the worker runs");
	in("x$_", q{SELECT count(DISTINCT message_id) = 3 FROM webchatt.outbox WHERE op = 's'}, "$forms[$_][0], listed later: what was queued waits to be sent");
	is($t->sql($state, "x$_"), $before, "$forms[$_][0], listed later: the same is there");
}

# --- visitors meanwhile -----------------------------------------------------

sub refused { return !IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $t->{port}, Timeout => 5) }
sub state_becomes { my ($like, $what) = @_; return $t->wait_for("SELECT state LIKE '$like' FROM webchatt.status", $what) }

# One that was broken off: the row that says that all is there comes last.
is((slurp_file("$dir/plain.sql") =~ /^COPY webchatt\.(\w+)/mg)[-1], 'z_installations', 'what tells the end of a dump is at its end');
append_to_file("$dir/cut.sql", slurp_file("$dir/plain.sql") =~ s/^COPY webchatt\.visitor_tokens .*//smr);
load('postgres', 'broken off', psql('-f', "$dir/cut.sql"));
$t->wait_for('SELECT count(*) > 0 FROM webchatt.messages', 'a restore that was broken off has brought a part');
state_becomes('waits for a dump%finish_restore()', 'the worker waits for the rest');
ok(refused(), 'and nobody listens');
$t->sql('DROP EXTENSION webchatt CASCADE; DROP SCHEMA webchatt; DROP TABLE mine');
load('postgres', 'at the door', pg_restore('-s', "$dir/directory"));
state_becomes('waits for a dump%finish_restore()', 'the worker waits for the data, and says how to go on without');
ok(refused(), 'nobody listens');
my $v = Visitor->new(port => $t->{port}, key => $key, origin => $origin, token => $token, again => sub { 0.2 });
$v->connect;
ok(Visitor::until(sub { $v->{dials} >= 4 }, 60), 'a visitor dials again and again');
is($v->{welcomes}, 0, 'and is not let in');
load('postgres', 'at the door', pg_restore('-a', '-j2', "$dir/directory"));
state_becomes('running', 'then the worker runs');
ok($v->welcomed(60), 'and the visitor, who dials again, is let in');
is($v->{visitor}, $visitor, 'as who they were');
is($t->sql('SELECT count(*) FROM webchatt.visitors'), $t->sql('SELECT count(*) FROM webchatt.visitors', 'r0'), 'nobody was made anew');

# --- who can stop the worker, and for how long ------------------------------

my $settings = q{SELECT pg_catalog.set_config('search_path', '', false); SET check_function_bodies = false; SET row_security = off};
my $session = $t->session;
$session->query($settings);
$session->query(q{COPY webchatt.overdue_scan FROM PROGRAM 'true'});
is($t->sql(q{SELECT state ~ '^waits while' FROM webchatt.status}), 't', 'a session that loads a dump has the worker wait before its first row');
ok(refused(), 'nobody listens');
Visitor::until(sub { $v->{state} ne 'welcomed' }, 20);
isnt($v->{close_code} // 0, 4001, 'the visitor was not told to stay away');
$session->close;
state_becomes('running', 'until it ends');
ok($v->welcomed(60), 'and the visitor is back');
is($v->{visitor}, $visitor, 'as who they were');

$session = $t->session;
$session->query($settings);
$session->query(q{COPY webchatt.overdue_scan FROM PROGRAM 'true'});
state_becomes('waits while process % loads a dump, until that session ends or webchatt.finish_restore()', 'or until somebody says so');
$t->sql('CREATE ROLE ana IN ROLE webchatt_admin; SET ROLE ana; SELECT webchatt.finish_restore()');
state_becomes('running', 'it runs');
is($session->query('SELECT 1'), 1, 'while that session is still there');
$session->close;

# A session of a pooler's, which outlives who loads a dump through it.
$session = $t->session;
for my $time (1, 2)
{
	$session->query($settings);
	$session->query(q{COPY webchatt.overdue_scan FROM PROGRAM 'true'});
	state_becomes('waits while process %', "a dump is loaded by a pooler's session ($time)");
	$session->query('DISCARD ALL');
	state_becomes('running', 'until it is given to somebody else');
}
$session->close;

$session = $t->session;
$session->query('SET ROLE ana');
$session->query($settings);
is($session->query(qq{INSERT INTO webchatt.messages (channel_id, id, visitor, direction, status, content) VALUES ('$local', pg_catalog.gen_random_uuid(), '$visitor', 'in', 'received', '{"text": "by hand"}')}),
	'', 'who does not own the tables writes with a dump\'s settings');
$t->sql("SET SESSION AUTHORIZATION ana; SET application_name = 'pg_restore'; SELECT 1");
ok($v->welcomed(60), 'the visitor is there');
my $id = $t->sql("SELECT webchatt.send_message('$local', '$visitor', text => 'still here')");
ok($v->got(sub { $_->{type} eq 'message' && $_->{id} eq $id }, 20), 'and gets a message all the same');
is($t->status('state'), 'running', 'the worker did not wait');
$session->close;

# Nor whoever may call a function of somebody who could, which keeps the caller's search_path.
$t->sql(qq{CREATE TABLE public.called (id uuid); CREATE ROLE cleo;
	CREATE FUNCTION public.called(m webchatt.messages) RETURNS void LANGUAGE sql AS 'INSERT INTO public.called VALUES (m.id)';
	SELECT webchatt.on_message('public.called(webchatt.messages)');
	CREATE FUNCTION public.take(words text) RETURNS void LANGUAGE sql SECURITY DEFINER AS
	\$\$INSERT INTO webchatt.messages (channel_id, id, visitor, direction, status, content) VALUES ('$local', pg_catalog.gen_random_uuid(),
		'$visitor', 'in', 'received', pg_catalog.jsonb_build_object('text', words))\$\$});
$session = $t->session;
$session->query('SET SESSION AUTHORIZATION cleo');
$session->query($settings);
$session->query(q{SELECT public.take('words')});
is($t->sql('SELECT count(*) FROM public.called'), 1, 'a function that runs as its owner is no dump: what is registered is called');
$id = $t->sql("SELECT webchatt.send_message('$local', '$visitor', text => 'and still')");
ok($v->got(sub { $_->{type} eq 'message' && $_->{id} eq $id }, 20), 'the visitor is served');
is($t->status('state'), 'running', 'and the worker did not wait');
$session->close;

# --- a server that does not load the library --------------------------------

$t->node->append_conf('postgresql.conf', "shared_preload_libraries = ''");
$t->node->restart;
$t->sql("CREATE DATABASE n$_ TEMPLATE template0 ENCODING 'UTF8'"), load("n$_", "$forms[$_][0], not preloaded", @{ $forms[$_] }[ 1 .. $#{ $forms[$_] } ]) for 2, 7;
$t->sql('SELECT webchatt.finish_restore()', "n$_"), is($t->sql($state, "n$_"), $before, "$forms[$_][0], not preloaded: the same is there") for 2, 7;
$t->node->stop;

done_testing();
