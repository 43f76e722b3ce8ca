# What an archive has of a conversation, at the desk and by the REST API's export: for agents who may read it, whole, as
# it is to be by what is noted; and one that is slow, or away, delays nobody.
use strict;
use warnings;

use LocalHub;
use Mojo::JSON qw(decode_json encode_json);
use Mojo::UserAgent;
use Test::More;

my $desk = 'http://127.0.0.1:' . WebchattTest::free_port();
my $t = LocalHub->begin(conf => "max_worker_processes = 16\nwebchatt.archive_timeout = 600000\nwebchatt.desk_listen = '" . ($desk =~ s{http://}{}r) . q{'});
my ($host, $port, $c) = ($t->node->host, $t->node->port, $t->{channel});
my $rest = $t->sql(q{SELECT webchatt.create_api_key('people', scopes => '{visitors}')});
my $ua = Mojo::UserAgent->new(inactivity_timeout => 600);
Mojo::IOLoop->recurring(0.02 => sub { });

$t->sql(q{CREATE ROLE shop LOGIN IN ROLE webchatt_admin; GRANT CREATE ON SCHEMA public TO shop; CREATE DATABASE old});
$t->sql('CREATE TABLE chats (channel_id uuid, id uuid, visitor text, direction text, status text, content jsonb, created_at timestamptz, author text, error_message text, PRIMARY KEY (channel_id, id)); GRANT ALL ON chats TO shop', 'old');
$t->sql(qq{CREATE EXTENSION postgres_fdw; CREATE SERVER far FOREIGN DATA WRAPPER postgres_fdw OPTIONS (host '$host', port '$port', dbname 'old');
	GRANT USAGE ON FOREIGN SERVER far TO shop; CREATE USER MAPPING FOR shop SERVER far OPTIONS (user 'shop', password_required 'false');
	SET ROLE shop; IMPORT FOREIGN SCHEMA public LIMIT TO (chats) FROM SERVER far INTO public; SELECT webchatt.create_archive('public.plain')});

# Two visitors of whom it has 120 messages, one as large as no frame; the tables have two of the first, and nothing of the other.
my $v = $t->visitor(resend => 0);
$t->reachable;
$v->arrive;
$v->acked($v->say($_)) for 'new 1', 'new 2';
my $other = $t->arrived;
$other->end;
my %who = (here => $v->{visitor}, gone => $other->{visitor});
$t->sql("INSERT INTO webchatt.messages (channel_id, id, visitor, direction, status, content, created_at, author, error_message)
	SELECT '$c', (substr(webchatt._search_id(at)::text, 1, 14) || '7' || substr(gen_random_uuid()::text, 16))::uuid, v, CASE n % 2 WHEN 0 THEN 'in' ELSE 'out' END::webchatt.message_direction,
		CASE WHEN n = 51 THEN 'failed' WHEN n % 2 = 0 THEN 'received' ELSE 'read' END::webchatt.message_status,
		jsonb_build_object('text', 'old ' || n) || CASE n WHEN 100 THEN jsonb_build_object('more', repeat('x', 1100000)) ELSE '{}' END, at, CASE n % 2 WHEN 1 THEN 'ana' END, CASE n WHEN 51 THEN 'no such number' END
	FROM unnest(ARRAY['$who{here}', '$who{gone}']) v, generate_series(1, 120) n, LATERAL (SELECT now() - interval '60 days' + n * interval '6 hours' AS at) x;
	UPDATE webchatt.visitors SET first_seen = now() - interval '99 days', last_seen = now() - interval '99 days'");
# (what is younger stays; it is moved by hand, as the two are of one conversation)
my $moved = 'channel_id, id, visitor, direction, status, content, created_at, author, error_message';
$t->sql("SET ROLE shop; SELECT webchatt.set_retention('20 days', '$c', 'public.chats');
	INSERT INTO chats SELECT $moved FROM webchatt.messages WHERE content ->> 'text' LIKE 'old %' AND visitor = '$who{here}'; RESET ROLE; DELETE FROM webchatt.messages WHERE content ->> 'text' LIKE 'old %' AND visitor = '$who{here}'");
$t->wait_for("SELECT count(*) = 0 FROM webchatt.visitors WHERE id = '$who{gone}'", 'one has left as a whole');
is($t->sql('SELECT count(*) FROM chats', 'old'), 240, 'what is old is in the archive');

$t->sql(q{SELECT webchatt.create_agent('ana', 'Ana')});
my ($token) = $t->sql(q{SELECT webchatt.sign_in_link('ana')}) =~ /#sign-in=(\S+)/;
sub call
{
	my ($function, $args) = @_;
	my $done;

	$ua->post("$desk/desk/api/$function" => { 'X-Webchatt-Desk' => 1, Origin => $desk } => encode_json($args) => sub {
		my $res = $_[1]->res;
		$done = [ $res->code // 0, eval { decode_json($res->body) } // $res->body ]; });
	return sub { Mojo::IOLoop->one_tick; return $done };
}
sub export
{
	my ($who, $query) = @_;
	my $done;

	$ua->get($t->base_url . "/v1/communication/web-chatt2me/visitors/$c/$who/export" . ($query // '') => { 'x-api-key' => $rest } => sub {
		my $res = $_[1]->res;
		$done = [ $res->code // 0, eval { decode_json($res->body) } // $res->body ]; });
	return sub { Mojo::IOLoop->one_tick; return $done };
}
sub answered { my ($call) = @_; my $a; Visitor::until(sub { return $a = $call->() }); return @{ $a // [ 'nothing came', {} ] } }
# Again for as long as it is not there: while the server starts, and while an archive is left alone.
sub asked { my ($make) = @_; my @a; Visitor::until(sub { @a = answered($make->()); return 1 if $a[0] !~ /^(?:0|401|50\d)$/; Visitor::pump_for(0.2); return }); return @a }
sub texts { my ($page) = @_; return join ' ', map { $_->{content}{text} } @{ $page->{messages} } }
sub old { my ($from, $to) = @_; return join ' ', map { "old $_" } $from .. $to }
my %of = (channel => $c, visitor => $who{here});
sub conversation { my @more = @_; my ($status, $page) = asked(sub { call('conversation', { %of, @more }) }); is($status, 200, 'a conversation'); return $page }
sub archived { my ($before) = @_; my ($status, $page) = asked(sub { call('archived', { %of, $before ? (before => $before) : () }) }); is($status, 200, 'a page of the archive') or diag(encode_json($page)); return $page }

ok(Visitor::until(sub { (answered(call('sign_in', { token => $token })))[0] == 200 }), 'ana is signed in');

# --- who may -----------------------------------------------------------------------

my $here = conversation();
is_deeply([ texts($here), $here->{more} ? 1 : 0, $here->{archived} ? 1 : 0 ], [ 'new 1 new 2', 0, 0 ], 'who may not read the archive sees what is here, and is told of nothing');
is_deeply([ texts(archived()) ], [''], 'and gets nothing of it');
$t->sql('GRANT SELECT ON chats TO webchatt_agent');
ok(conversation()->{archived}, 'who may is told that there may be more');
ok(!conversation(limit => 1)->{archived}, 'not before all that is here is read');
my @pages = (archived());
push @pages, archived($pages[-1]{messages}[0]{id}) for 1 .. 3;
is_deeply([ map { texts($_), $_->{more} ? 1 : 0 } @pages ], [ old(71, 120), 1, old(21, 70), 1, old(1, 20), 0, '', 0 ], 'all of it, page by page, without a mapping of their own');
is_deeply([ @{ $pages[1]{messages}[30] }{qw(direction status author errorMessage)} ], [ 'out', 'failed', 'ana', 'no such number' ], 'what failed, too');
ok(!exists $pages[0]{messages}[29]{content}{more}, 'of what is too large only its text');
is((asked(sub { call('archived', { channel => $c, visitor => 'nobody' }) }))[0], 404, 'of nobody there is nothing');
is((asked(sub { call('archived', { %of, before => 1 }) }))[0], 400, 'what is wrong is said');

# The visitor's own page does not end at what is too large for a frame.
sub history { my ($page, $mark); Visitor::until(sub { $mark = $v->mark; $v->ask_history((sort keys %{ $v->{messages} })[0]); $page = $v->got(sub { $_->{type} eq 'history' || $_->{type} eq 'error' }, undef, $mark); return 1 if $page && $page->{type} eq 'history'; Visitor::pump_for(0.5); return }); return $page }
my $page = history();
is_deeply([ texts($page), $page->{more} ? 1 : 0 ], [ old(71, 120), 1 ], 'a visitor sees its text, and goes on behind it');

# Row security of the archive chooses for agents, too.
$t->sql("SET ROLE shop; INSERT INTO plain (channel_id, id, visitor, direction, status, content, created_at) SELECT channel_id, id, visitor, direction, status, content, created_at FROM chats WHERE visitor = '$who{here}' AND content ->> 'text' IN ('old 1', 'old 2');
	GRANT SELECT ON plain TO webchatt_agent; ALTER TABLE plain ENABLE ROW LEVEL SECURITY; CREATE POLICY visible ON plain TO webchatt_agent USING (content ->> 'text' = 'old 2');
	SELECT webchatt.set_retention('20 days', '$c', 'public.plain')");
is(texts(archived()), 'old 2', 'what row security hides there is not shown');
$t->sql("SET ROLE shop; SELECT webchatt.set_retention('20 days', '$c', 'public.chats')");

# What is noted holds before it is carried out, for whoever reads.
my $card = $t->sql("SELECT id FROM chats WHERE content ->> 'text' = 'old 119' AND visitor = '$who{here}'", 'old');
$t->sql("INSERT INTO webchatt.archive_tasks (channel_id, message_id, content, due) VALUES ('$c', '$card', '{\"text\": \"removed\"}', 'infinity')");
like(texts(archived()), qr/old 118 removed old 120$/, 'what is to be redacted there is so already');
my $history = "SET ROLE shop; SELECT string_agg(content ->> 'text', ' ') FROM webchatt.history('$c', '$who{here}', most => 4)";
is($t->sql($history), 'new 2 new 1 old 120 removed', 'by history(), too');
is($t->sql("SET ROLE shop; SELECT count(*) FROM jsonb_array_elements(webchatt.export_visitor('$c', '$who{here}') -> 'messages') m WHERE m::text ~ 'removed|old 119'"), 1, 'and in what is handed out');
$t->sql("UPDATE webchatt.archive_tasks SET message_id = NULL, content = NULL, erasure_id = gen_random_uuid(), visitors = ARRAY['$who{here}'], until = 'infinity'");
is(texts(archived()), '', 'who is to be erased has nothing there');
is($t->sql($history), 'new 2 new 1', 'for nobody');
$t->sql('DELETE FROM webchatt.archive_tasks');

# Conversations stay longer from now on: what left before is there.
$t->sql("SET ROLE shop; SELECT webchatt.set_retention('900 days', '$c', 'public.chats')");
ok(conversation()->{archived}, 'what left when they stayed for less is not hidden from agents');
ok(Visitor::until(sub { $v->cut; %{ $v->{messages} } = (); $v->connect; return $v->welcomed && $v->{welcome}{more} }), 'nor from visitors');
is(texts(history()), old(71, 120), 'who read it');
$t->sql("SET ROLE shop; SELECT webchatt.set_retention('20 days', '$c', 'public.chats')");

# --- handed out by the REST API ------------------------------------------------------

sub handed_out
{
	my ($who) = @_;
	my ($next, @all, $beside) = ('');

	for (1 .. 9)
	{
		my ($status, $part) = asked(sub { export($who, "?limit=50$next") });
		return "$status: " . encode_json($part) if $status != 200;
		push @all, map { $_->{content}{text} } @{ $part->{messages} };
		$beside = $part if $next eq '';
		last if !$part->{next};
		$next = "&after=$part->{next}";
	}
	return (join(' ', @all), $beside);
}
my ($all, $beside) = handed_out($who{here});
is($all, old(1, 120) . ' new 1 new 2', 'all of a person, what left, too, in its order');
is($beside->{visitor}{id}, $who{here}, 'with what is beside it');
ok(!exists $beside->{notRead}, 'nothing is left out');
is((handed_out($who{gone}))[0], old(1, 120), 'of one who has left as a whole, too');
is_deeply([ (asked(sub { export('019a0000-0000-7000-8000-000000000000') }))[0] ], [404], 'of nobody there is nothing');

# --- one that hangs ------------------------------------------------------------------

my $session = $t->session('old');
my $waits = q{SELECT count(*) > 0 FROM pg_locks WHERE NOT granted AND database = (SELECT oid FROM pg_database WHERE datname = 'old')};
for (['the desk', sub { call('archived', { %of }) }], ['an export', sub { export($who{here}) }])
{
	my ($what, $make) = @$_;

	$session->query('BEGIN; LOCK TABLE chats');
	my $hangs = $make->();
	ok(Visitor::until(sub { $hangs->(); return $t->sql($waits) eq 't' }), "$what: the archive does not answer");
	is(texts(conversation()), 'new 1 new 2', "$what: meanwhile agents read what is here");
	is((answered(export('019a0000-0000-7000-8000-000000000000', '?limit=x')))[0], 400, "$what: and the REST API answers");
	my $w = $t->visitor->arrive;
	ok($w->acked($w->say("while $what waits")), "$what: nor do visitors wait");
	$w->end;
	$t->sql(q{SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE backend_type = 'webchatt archive'});
	my ($status, $answer) = answered($hangs);
	is($status, 503, "$what: its process is ended: try again");
	$session->query('COMMIT');
}
sub limit
{
	$t->sql("ALTER SYSTEM SET webchatt.archive_timeout = $_[0]");
	$t->reloaded;
	$t->sql(q{SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE backend_type = 'webchatt archive'});
	$t->wait_for(q{SELECT count(*) = 0 FROM pg_stat_activity WHERE backend_type = 'webchatt archive'}, 'the next one has the new time limit');
	return;
}
limit(1000);
$session->query('BEGIN; LOCK TABLE chats');
for (['the desk', sub { call('archived', { %of }) }, '503 archive_away'], ['the REST API', sub { export($who{here}) }, '503 busy'])
{
	my ($what, $make, $says) = @$_;
	my %codes;

	ok(Visitor::until(sub { my ($status, $answer) = answered($make->()); $codes{"$status $answer->{errorCode}"}++;
		return $t->status("last_error ~ 'the archive of channel $c cannot be read for $what: it took longer than webchatt.archive_timeout'") eq 't' }), "$what: it takes longer than it may: the status says so");
	ok($codes{$says} && !(grep { !/^503 (?:archive_away|busy)$/ } keys %codes), "$what: and who asks is told to try again");
}
$session->query('COMMIT');
limit(600000);
is(texts(archived()), old(71, 120), 'it answers again, and agents read it');
is((handed_out($who{here}))[0], old(1, 120) . ' new 1 new 2', 'and it is handed out');
$session->close;

done_testing();
