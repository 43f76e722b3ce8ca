# Launcher and worker come and go with databases, extension, settings and
# server, quietly, and never stand in the way of a DROP.
use strict;
use warnings;

use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(sleep);
use WebchattTest;

my $t = WebchattTest->new(databases => 'postgres, second, absent');
my $node = $t->node;
my $second_port = WebchattTest::free_port();

sub worker_lives { my ($db) = @_; return "SELECT count(*) = 1 FROM pg_stat_activity WHERE datname = '$db' AND backend_type = 'webchatt worker'" }
sub no_worker { my ($db) = @_; return "SELECT count(*) = 0 FROM pg_stat_activity WHERE datname = '$db' AND backend_type = 'webchatt worker'" }
sub log_lines { return scalar(() = slurp_file($node->logfile) =~ /\n/g) }

# Before there is anything to do.
$t->wait_for(q{SELECT count(*) = 1 FROM pg_stat_activity WHERE backend_type = 'webchatt launcher'}, 'the launcher runs');
ok(WebchattTest::comes(sub { my $before = log_lines(); sleep 3; return log_lines() == $before }),
	'idle without the extension and without the database: nothing in the log');
unlike(slurp_file($node->logfile), qr/(?:ERROR|FATAL|PANIC):/, 'and nothing went wrong');

# The extension comes.
$t->sql('CREATE EXTENSION webchatt');
$t->wait_for(q{SELECT state = 'running' AND listening LIKE '%:%' FROM webchatt.status}, 'CREATE EXTENSION is noticed');
$t->wait_for(worker_lives('postgres'), 'the worker shows in pg_stat_activity under its own type');
is($t->sql(q{SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'webchatt worker' AND application_name ~ 'webchatt'}),
	1, 'with an application_name');
is($t->sql(q{SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'webchatt launcher' AND application_name ~ 'webchatt'}),
	1, 'so does the launcher');
is($t->sql(q{SELECT s.worker_pid = a.pid FROM webchatt.status s, pg_stat_activity a WHERE backend_type = 'webchatt worker'}),
	't', 'status has its pid');
is($t->sql(q{SELECT s.launcher_pid = a.pid FROM webchatt.status s, pg_stat_activity a WHERE backend_type = 'webchatt launcher'}),
	't', 'and the launcher\'s');
my $net = $t->status('net_pid');
ok(kill(0, $net), 'and webchatt-net\'s, which runs');
is($t->status('listening'), "127.0.0.1:$t->{port}", 'status says where it listens');
is($t->status('last_error IS NULL'), 't', 'no last error');

# As whom the application's triggers run, also those that wait for the commit,
# and what they can make of it.
$t->attach('http://127.0.0.1:9');
$t->sql(q{
	CREATE TABLE seen (what text, by text, result text);
	GRANT INSERT ON seen TO webchatt_worker;
	CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS $$
	DECLARE
		attempt text;
	BEGIN
		INSERT INTO public.seen VALUES (tg_argv[0], current_user, 'fired');
		FOREACH attempt IN ARRAY ARRAY['SET ROLE NONE', 'RESET ROLE', 'RESET SESSION AUTHORIZATION',
			'SET SESSION AUTHORIZATION DEFAULT', 'CREATE ROLE intruder SUPERUSER', 'ALTER SYSTEM SET work_mem = 64',
			'SELECT pg_catalog.pg_read_file($f$PG_VERSION$f$)', 'COPY public.seen TO PROGRAM $f$cat$f$'] LOOP
			BEGIN
				EXECUTE attempt;
				INSERT INTO public.seen VALUES (attempt, current_user, 'allowed');
			EXCEPTION WHEN OTHERS THEN
				NULL;
			END;
		END LOOP;
		RETURN NULL;
	END $$;
	CREATE TRIGGER note AFTER INSERT ON webchatt.messages FOR EACH ROW EXECUTE FUNCTION note('immediate');
	CREATE CONSTRAINT TRIGGER note_later AFTER INSERT ON webchatt.messages DEFERRABLE INITIALLY DEFERRED
		FOR EACH ROW EXECUTE FUNCTION note('deferred')});
ok(WebchattTest::comes(sub { 200 == $t->post(Webhook::message($WebchattTest::CHANNEL, 'whoami', 'v', 'hello')) }), 'an event comes in');
is($t->sql('SELECT what, by FROM seen WHERE result = $$fired$$ ORDER BY 1'),
	"deferred|webchatt_worker\nimmediate|webchatt_worker", 'triggers run as webchatt_worker, deferred ones too');
is($t->sql('SELECT what, by FROM seen WHERE result = $$allowed$$'), '', 'who cannot become a superuser, or do what only one may');
is($t->sql(q{SELECT rolsuper OR rolcreaterole OR rolcreatedb OR rolcanlogin OR rolbypassrls FROM pg_roles WHERE rolname = 'webchatt_worker'}),
	'f', 'the role has no attributes');

# A second database, created later; nobody connects before it is set up, the worker neither.
$t->sql('CREATE DATABASE second ALLOW_CONNECTIONS false');
$t->sql("ALTER DATABASE second SET webchatt.listen = '127.0.0.1:$second_port'");
$t->sql('ALTER DATABASE second ALLOW_CONNECTIONS true');
$t->sql('CREATE EXTENSION webchatt', 'second');
$t->wait_for(worker_lives('second'), 'a database that is created later gets its worker');
$t->{database} = 'second';
$t->wait_for(qq{SELECT listening = '127.0.0.1:$second_port' FROM webchatt.status}, 'with its own address from ALTER DATABASE');
$t->{database} = 'postgres';

# It leaves with the extension.
$net = $t->status('net_pid');
$t->ends('DROP EXTENSION webchatt CASCADE', 'DROP EXTENSION does not hang');
$t->wait_for(q{SELECT NOT pg_catalog.pg_is_in_recovery()}, 'the server lives on');
ok(WebchattTest::gone($net), 'webchatt-net has gone with it');
$t->sql('CREATE EXTENSION webchatt');
$t->wait_for(q{SELECT state = 'running' AND listening LIKE '%:%' FROM webchatt.status}, 'and comes again with it');

# DROP DATABASE, with a worker in it.
# PostgreSQL itself gives up when nobody has left after 5 s; so it is asked again on a slow machine.
my ($status, undef, $err);
WebchattTest::comes(sub { ($status, undef, $err) = $t->try_sql('DROP DATABASE second'); return $status == 0 });
is($status, 0, 'DROP DATABASE works') or diag($err);

# The same for a database that is a template, or is renamed: nobody may be connected.
$t->sql('CREATE DATABASE second');
$t->listens_at('second', "127.0.0.1:$second_port");
$t->sql('CREATE EXTENSION webchatt', 'second');
$t->wait_for(worker_lives('second'), 'the database comes back, the worker too');
($status, undef, $err) = $t->try_sql('DROP DATABASE second WITH (FORCE)');
is($status, 0, 'DROP DATABASE WITH (FORCE) works') or diag($err);
$t->wait_for(no_worker('second'), 'no worker of it is left');

# Settings: SIGHUP.
$t->sql(q{ALTER SYSTEM SET webchatt.databases = ''});
$node->reload;
$t->wait_for(no_worker('postgres'), 'taken off webchatt.databases, the worker stops');
is($t->sql(q{SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'webchatt launcher'}), 1, 'the launcher stays');
$t->sql(q{ALTER SYSTEM SET webchatt.databases = 'postgres'});
$node->reload;
$t->wait_for(q{SELECT state = 'running' AND listening LIKE '%:%' FROM webchatt.status}, 'put on it again, the worker starts');

my ($refused) = $t->try_sql(q{ALTER SYSTEM SET webchatt.listen = 'not an address'});
isnt($refused, 0, 'a wrong address is refused by its check');

# An address in use: said, not fatal, and mended by itself.
my $squatter = IO::Socket::INET->new(LocalAddr => '127.0.0.1', LocalPort => 0, Listen => 1);
my $taken = $squatter->sockport;
$t->sql("ALTER SYSTEM SET webchatt.listen = '127.0.0.1:$taken'");
$node->reload;
$t->wait_for(qq{SELECT last_error LIKE '%$taken%' FROM webchatt.status}, 'an address in use is in status.last_error');
close $squatter;
$t->wait_for(qq{SELECT listening = '127.0.0.1:$taken' FROM webchatt.status}, 'and is taken once it is free', 60);

# The end of the postmaster is the end of everything.
$net = $t->status('net_pid');
$node->stop('fast');
ok(WebchattTest::gone($net), 'a fast stop leaves no webchatt-net');
$node->start;
$t->{port} = $taken;
$t->wait_ready;
$net = $t->status('net_pid');
$node->kill9;
ok(WebchattTest::gone($net), 'nor does kill -9 of the postmaster');

done_testing();
