# The index of texts is built behind the messages, and misses none: of a transaction that ends late, behind a crash,
# in a database that a dump made.  Searches have a process of their own, so nobody else's call waits for one.
use strict;
use warnings;

use IPC::Run;
use LocalHub;
use Mojo::JSON qw(decode_json encode_json);
use Mojo::UserAgent;
use PostgreSQL::Test::Utils;
use Test::More;

my $port = WebchattTest::free_port();
my $url = "http://127.0.0.1:$port";
my $t = LocalHub->begin(conf => "webchatt.desk_listen = '127.0.0.1:$port'\nwebchatt.desk_statement_timeout = '60s'\nmax_prepared_transactions = 2");
my $channel = $t->{channel};

# Messages of an hour and more ago, by hand: the n-th is n seconds younger than the first.
sub import_texts
{
	my ($from, $to, $text) = @_;
	return "INSERT INTO webchatt.messages (channel_id, id, visitor, direction, status, content)
		SELECT '$channel', (lpad(to_hex((extract(epoch FROM pg_postmaster_start_time()) * 1000)::bigint - 7200000 + n * 1000), 12, '0') || '70008' || lpad(to_hex(n), 15, '0'))::uuid,
			'imported', 'in', 'received', jsonb_build_object('text', '$text ' || n) FROM generate_series($from, $to) n";
}
sub found { my ($what) = @_; return $t->sql("SELECT count(*) FROM webchatt.search('$what', most => 50)") }
sub indexed { return $t->sql("SELECT count(*) FROM webchatt.search_texts") }
# As cron would call it, until all of this number is there.
sub index_until { my ($n) = @_; return Patience::until(sub { $t->sql('SELECT webchatt.index_texts(7)'); return indexed() == $n }) }

# --- a transaction that ends late -----------------------------------------------

$t->sql("INSERT INTO webchatt.visitors (channel_id, id) VALUES ('$channel', 'imported')");
my $late = $t->session;
$late->query('BEGIN');
$late->query(import_texts(1, 3, 'late'));
$t->sql(import_texts(4, 20, 'early'));
$t->sql('BEGIN; ' . import_texts(21, 21, 'prepared') . q{; PREPARE TRANSACTION 'p'});
is($t->sql('SELECT webchatt.index_texts()'), 0, 'nothing is known to be settled') for 1 .. 5;
is(indexed(), 0, 'nothing is indexed while a transaction is open that may write older ones');
is(found('early'), 17, 'and found all the same');
is(found('late'), 0, 'what is not committed is not');
$late->query('COMMIT');
is(found('late'), 3, 'when it is, it is');
is($t->sql('SELECT webchatt.index_texts()'), 0, 'a prepared one is open, too') for 1 .. 3;
$t->sql(q{COMMIT PREPARED 'p'});
ok(index_until(21), 'then all of it is indexed');
is(found('prepared'), 1, 'and found');
is(found('late') . ' ' . found('early'), '3 17', 'and found');
# (that there is nothing before the last piece is seen by the next)
$t->wait_for(q{SELECT webchatt.index_texts(7) >= 0 AND indexed_upto IS NOT NULL AND indexed_downto IS NULL AND has_oldest FROM webchatt.search_coverage}, 'which the view says');

# --- old ids behind what was indexed: an import -------------------------------------

$t->sql(import_texts(3000, 3099, 'imported'));
$t->sql('SELECT webchatt.index_texts(1, anew => true)');
ok(index_until($t->sql('SELECT count(*) FROM webchatt.messages')), 'an import is found by a comparison');
is(found('"imported 3050"'), 1, 'and each of it');

# --- by the desk, by itself ----------------------------------------------------------

$t->sql(q{SELECT webchatt.create_agent('ana', 'Ana')});
ok(Patience::until(sub { (Mojo::UserAgent->new->get("$url/desk/")->res->code // 0) == 200 }), 'there is a desk');
my $ana = Mojo::UserAgent->new(max_redirects => 0, inactivity_timeout => 180, max_connections => 4);
my %head = ('X-Webchatt-Desk' => 1, Origin => $url);
sub call
{
	my ($function, $args) = @_;
	my $tx = $ana->post("$url/desk/api/$function" => \%head => encode_json($args // {}));
	return ($tx->res->code // 0, eval { decode_json($tx->res->body) } // {});
}
my ($token) = $t->sql(q{SELECT webchatt.sign_in_link('ana')}) =~ /#sign-in=(\S+)/;
is((call('sign_in', { token => $token }))[0], 200, 'ana is signed in');
sub search_pid { return $t->sql(q{SELECT pid FROM pg_stat_activity WHERE backend_type = 'webchatt search'}) }
is(search_pid(), '', 'nobody has searched: there is no process for it');
$t->sql('DELETE FROM webchatt.search_progress; TRUNCATE webchatt.search_texts');
my ($status, $answer) = call('search', { query => 'early' });
is("$status " . scalar @{ $answer->{messages} }, '200 17', 'a search finds');
isnt(my $pid = search_pid(), '', 'and has a process of its own');
my $all = $t->sql('SELECT count(*) FROM webchatt.messages');
$t->wait_for("SELECT count(*) = $all FROM webchatt.search_texts", 'which indexes all by itself');
($status, $answer) = call('search', { query => 'early' });
is_deeply([ $answer->{complete}, scalar @{ $answer->{messages} } ], [ Mojo::JSON->true, 17 ], 'the answer says that it is complete');

# A try that fails leaves nothing behind.
sub anonymous_kb
{
	my ($of) = @_;
	return slurp_file("/proc/$of/status") =~ /^RssAnon:\s+(\d+) kB/m ? $1 : die('no RssAnon');
}
# The least that it has until it has tried so often: in the midst of a try it has what that one needs.
sub least_kb
{
	my ($of, $n) = @_;
	my $least;
	Patience::until(sub {
		my $kb = anonymous_kb($of);
		$least = $kb if !defined $least || $kb < $least;
		return $t->sql("SELECT last_value >= $n FROM tries") eq 't';
	});
	return $least;
}
sub tries { my ($n) = @_; return $t->wait_for("SELECT last_value >= $n FROM tries", "it is tried $n times") }
$t->sql(q{CREATE SEQUENCE tries;
	CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$
	BEGIN
		PERFORM nextval('public.tries');
		RAISE EXCEPTION USING ERRCODE = 'lock_not_available', MESSAGE = repeat('no', 8000000);
	END $$;
	CREATE TRIGGER refuse BEFORE INSERT ON webchatt.search_texts EXECUTE FUNCTION refuse();
	DELETE FROM webchatt.search_progress});
tries(2);
my $before = least_kb(search_pid(), 4);
tries(7);
cmp_ok(least_kb(search_pid(), 9) - $before, '<', 24000, 'what was said of the last three is not kept');
$t->sql('DROP TRIGGER refuse ON webchatt.search_texts');
$t->wait_for("SELECT count(*) = $all FROM webchatt.search_texts", 'and the index is whole again');

# A search that waits is nobody else's.
my $lock = $t->session;
$lock->query('BEGIN');
$lock->query('LOCK webchatt.search_texts IN ACCESS EXCLUSIVE MODE');
my $slow;
# (a tick ends soon, though nothing comes)
Mojo::IOLoop->recurring(0.02 => sub { });
$ana->post("$url/desk/api/search" => \%head => json => { query => 'early' } => sub { $slow = $_[1]->res->code // 0 });
Visitor::until(sub { Mojo::IOLoop->one_tick; return $t->sql(qq{SELECT count(*) > 0 FROM pg_locks WHERE NOT granted AND pid = $pid}) eq 't' });
my ($inbox, $search_then);
$ana->post("$url/desk/api/inbox" => \%head => json => {} => sub { $inbox = $_[1]->res->code; $search_then = $slow });
ok(Visitor::until(sub { Mojo::IOLoop->one_tick; return $inbox }), 'an inbox is answered');
is_deeply([ $inbox, $search_then ], [ 200, undef ], 'while a search waits for a lock');
$t->sql("SELECT pg_terminate_backend($pid)");
ok(Visitor::until(sub { Mojo::IOLoop->one_tick; return defined $slow }), 'a search whose process is ended is answered');
is($slow, 503, 'that it can be tried again');
$lock->query('COMMIT');
is((call('search', { query => 'early' }))[0], 200, 'which it can');
isnt(search_pid(), $pid, 'by another process');

# A search that is cancelled is over, with whatever it had begun.
$t->sql("SELECT webchatt.set_search_language('$channel', 'english')");
$lock->query('BEGIN');
$lock->query('LOCK webchatt.search_texts IN ACCESS EXCLUSIVE MODE');
my $searching = IPC::Run::start([ 'psql', '-XAtq', '-d', $t->node->connstr('postgres') . ' application_name=searching', '-c', q{SELECT count(*) FROM webchatt.search('running')} ], '>', \my $none, '2>', \my $cancelled);
$t->wait_for(q{SELECT count(*) > 0 FROM pg_locks l JOIN pg_stat_activity a USING (pid) WHERE NOT l.granted AND a.application_name = 'searching'}, 'a search waits in SQL');
$t->sql(q{SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE application_name = 'searching'});
$searching->finish;
like($cancelled, qr/canceling statement due to user request/, 'it can be cancelled');
$lock->query('COMMIT');
$t->wait_for("SELECT webchatt.index_texts() >= 0 AND has_oldest FROM webchatt.search_coverage WHERE channel_id = '$channel'", 'the channel is indexed anew, with its language');
$all = indexed();

# --- a crash, a dump ------------------------------------------------------------------

$t->sql("SELECT webchatt.send_message('$channel', 'imported', 'just before the crash')");
$t->node->stop('immediate');
$t->node->start;
is(indexed(), $all, 'a crash takes nothing from the index');
is(found('crash') . ' ' . found('early'), '1 17', 'and nothing from what is found');
my $dump = $t->node->basedir . '/dump.sql';
$t->node->command_ok([ 'pg_dump', '-f', $dump, $t->node->connstr('postgres') ], 'pg_dump');
unlike(slurp_file($dump), qr/COPY webchatt\.search_(?!languages)/, 'a dump has nothing of the index');
$t->sql('CREATE DATABASE restored', 'template1');
my ($out, $err) = run_command([ 'psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-f', $dump, $t->node->connstr('restored') ]);
is($err, '', 'it is loaded');
sub there { my ($sql) = @_; return $t->node->safe_psql('restored', $sql) }
is(there(q{SELECT count(*) FROM webchatt.search('early')}), 17, 'there all is found');
ok(Patience::until(sub { there('SELECT webchatt.index_texts()'); return there('SELECT count(*) FROM webchatt.search_texts') >= $all }), 'and indexed anew');

# --- visitors: whoever has no attributes pays for no index -------------------------------

$t->sql("INSERT INTO webchatt.visitors (channel_id, id, attributes) VALUES ('$channel', 'v-1', '{\"name\": \"Zoë Quick\", \"email\": \"zoe\@quick.example\"}'), ('$channel', 'v-2', '{}')");
is($t->sql(q{SELECT string_agg(id, ' ') FROM webchatt.search_visitors('zoe quick.exa')}), 'v-1', 'visitors are found by parts of what is known of them');
is($t->sql(q{SELECT string_agg(id, ' ') FROM webchatt.search_visitors('quick zo')}), 'v-1', 'in any order');
$t->sql(q{UPDATE webchatt.visitors SET attributes = '{"name": "Ann"}' WHERE id = 'v-1'});
is($t->sql(q{SELECT string_agg(id, ' ') FROM webchatt.search_visitors('quick')}) . $t->sql(q{SELECT string_agg(id, ' ') FROM webchatt.search_visitors('ann')}), 'v-1', 'as it is now');

done_testing;
