# Visitors' older pages out of an archive: a plain table, one by month, one in another database.  One that is slow, or
# cannot be read, delays nobody: whoever asked sees what is here, is told so, and sees the rest later.
use strict;
use warnings;

use LocalHub;
use Test::More;

my $t = LocalHub->begin(conf => "max_worker_processes = 16\nwebchatt.archive_timeout = 600000");
my ($host, $port) = ($t->node->host, $t->node->port);
$t->sql(q{CREATE ROLE shop LOGIN IN ROLE webchatt_admin; GRANT CREATE ON SCHEMA public TO shop; CREATE DATABASE old});
$t->sql('CREATE TABLE chats (channel_id uuid, id uuid, visitor text, direction text, status text, content jsonb, created_at timestamptz, PRIMARY KEY (channel_id, id)); GRANT ALL ON chats TO shop', 'old');
$t->sql(qq{CREATE EXTENSION postgres_fdw; CREATE SERVER far FOREIGN DATA WRAPPER postgres_fdw OPTIONS (host '$host', port '$port', dbname 'old');
	GRANT USAGE ON FOREIGN SERVER far TO shop; CREATE USER MAPPING FOR shop SERVER far OPTIONS (user 'shop', password_required 'false');
	SET ROLE shop; IMPORT FOREIGN SCHEMA public LIMIT TO (chats) FROM SERVER far INTO public;
	SELECT webchatt.create_archive('public.plain'), webchatt.create_archive('public.by_month', by_month => true)});

# A channel with that archive, and a visitor of whom it has 120 messages, and the tables two.
sub hub_of
{
	my ($archive) = @_;
	my ($channel, $key) = $t->make_channel($archive, $LocalHub::ORIGIN);
	my $probe = $t->visitor(key => $key, resend => 0);

	$t->reachable;
	Visitor::until(sub { $probe->connect; $probe->welcomed(2) }) or die 'not welcomed';
	my $v = $probe->{visitor};
	$t->sql("INSERT INTO webchatt.messages (channel_id, id, visitor, direction, status, content, created_at, hub_message_id)
		SELECT '$channel', (substr(webchatt._search_id(at)::text, 1, 14) || '7' || substr(gen_random_uuid()::text, 16))::uuid, '$v', CASE n % 2 WHEN 0 THEN 'in' ELSE 'out' END::webchatt.message_direction,
			CASE WHEN n = 51 THEN 'failed' WHEN n % 2 = 0 THEN 'received' ELSE 'read' END::webchatt.message_status, jsonb_build_object('text', 'old ' || n), at, CASE WHEN n = 4 THEN 'import:old:4' WHEN n % 2 = 0 THEN '$v/c' || n END
		FROM generate_series(1, 120) n, LATERAL (SELECT now() - interval '60 days' + n * interval '6 hours' AS at) x;
		UPDATE webchatt.visitors SET first_seen = now() - interval '99 days' WHERE id = '$v';
		SET ROLE shop; SELECT webchatt.set_retention('20 days', '$channel', 'public.$archive')");
	$t->wait_for("SELECT count(*) = 0 FROM webchatt.messages WHERE visitor = '$v'", "$archive: a conversation leaves");
	$probe->acked($probe->say("new $_")) for 1, 2;
	$probe->cut;
	%{ $probe->{messages} } = ();
	$probe->connect;
	$probe->welcomed or die 'not welcomed again';
	return ($probe, $channel, $key);
}

sub asked { my ($v) = @_; my $mark = $v->mark; $v->ask_history((sort keys %{ $v->{messages} })[0]); return $mark }
sub answer { my ($v, $mark) = @_; return $v->got(sub { $_->{type} eq 'history' || $_->{type} eq 'error' }, undef, $mark) }
# Asked again for as long as it cannot be read.
sub page
{
	my ($v) = @_;
	my $page;

	Visitor::until(sub { $page = answer($v, asked($v)); return 1 if $page && $page->{type} eq 'history'; Visitor::pump_for(($page->{retry_after} // 500) / 1000); return });
	return $page;
}
sub texts { my ($page) = @_; return join ' ', map { $_->{content}{text} } @{ $page->{messages} } }
sub old { my ($from, $to) = @_; return join ' ', map { "old $_" } grep { $_ != 51 } $from .. $to }

# --- what an archive has is shown ----------------------------------------------------

my (%v, %channel, %key);
for my $archive (qw(plain by_month chats))
{
	my $v;
	($v, $channel{$archive}, $key{$archive}) = hub_of($archive);
	$v{$archive} = $v;
	is_deeply([ texts($v->{welcome}), $v->{welcome}{more} ? 1 : 0 ], [ 'new 1 new 2', 1 ], "$archive: the welcome has what is here, and that there may be more");
	my $first = page($v);
	is_deeply([ texts($first), $first->{more} ? 1 : 0 ], [ old(71, 120), 1 ], "$archive: the newest page of it");
	my $second = page($v);
	is_deeply([ texts($second), $second->{more} ? 1 : 0 ], [ old(20, 70), 1 ], "$archive: the next, of what visitors are shown");
	my $last = page($v);
	is_deeply([ texts($last), $last->{more} ? 1 : 0 ], [ old(1, 19), 0 ], "$archive: the last");
	is_deeply([ @{ $last->{messages}[1] }{qw(direction status client)} ], [ 'in', 'received', $archive eq 'chats' ? undef : 'c2' ], "$archive: as it was");
	is($last->{messages}[3]{client}, $archive eq 'chats' ? undef : $last->{messages}[3]{id}, "$archive: what was imported goes by its own id");
	is($last->{messages}[1]{at}, $t->sql("SET ROLE shop; SELECT floor(extract(epoch FROM created_at) * 1000)::bigint FROM public.$archive WHERE content ->> 'text' = 'old 2'"), "$archive: at its time");
	my $none = page($v);
	is_deeply([ texts($none), $none->{more} ? 1 : 0 ], [ '', 0 ], "$archive: and nothing before");
}
is($t->sql("SELECT has_table_privilege('webchatt_worker', 'public.plain', 'SELECT')"), 'f', 'the worker\'s role may not read it: it is done with its owner\'s rights');
$t->sql('CREATE ROLE another IN ROLE webchatt_admin');
for my $may (0, 1)
{
	$t->sql('GRANT SELECT ON public.plain TO another') if $may;
	my ($status, $read, $refused) = $t->node->psql('postgres', "SET ROLE another; SELECT cardinality(webchatt._archive_read('public.plain', '$channel{plain}', '$v{plain}{visitor}', 'ffffffff-ffff-ffff-ffff-ffffffffffff', false))");
	is($may ? $read : $refused =~ /(permission denied for table plain)/ && $1, $may ? 51 : 'permission denied for table plain', $may ? 'unless they may read it' : 'nobody else gets at it so');
}
my $new = $t->visitor(key => $key{plain}, resend => 0)->arrive;
$new->acked($new->say('here'));
$new->cut; $new->connect; $new->welcomed;
ok(!$new->{welcome}{more}, 'who came later than anything left is told of no more');
my $none = page($new);
is_deeply([ texts($none), $none->{more} ? 1 : 0 ], [ '', 0 ], 'and has none');
# (nothing has the worker read its configuration anew)
$t->sql("UPDATE webchatt.visitors SET first_seen = now() - interval '20 days' + interval '1 second' WHERE id = '$new->{visitor}'");
$t->wait_for("SELECT first_seen < now() - interval '20 days' FROM webchatt.visitors WHERE id = '$new->{visitor}'", 'time goes by');
$new->cut; $new->connect; $new->welcomed;
ok($new->{welcome}{more}, 'whose conversation may have left meanwhile is told that there may be more');
$none = page($new);
is_deeply([ texts($none), $none->{more} ? 1 : 0 ], [ '', 0 ], 'and has none, still');

# What is noted for an archive holds before it is carried out; and another's owner ends it.
my $card = $t->sql(q{SELECT id FROM public.plain WHERE content ->> 'text' = 'old 119'});
$t->sql("INSERT INTO webchatt.archive_tasks (channel_id, message_id, content, due) VALUES ('$channel{plain}', '$card', '{\"text\": \"removed\"}', 'infinity')");
$v{plain}->cut; %{ $v{plain}{messages} } = (); $v{plain}->connect; $v{plain}->welcomed;
like(texts(page($v{plain})), qr/old 118 removed old 120$/, 'what is to be redacted there is so already');
$t->sql("INSERT INTO webchatt.archive_tasks (channel_id, erasure_id, visitors, until, due) VALUES ('$channel{plain}', gen_random_uuid(), ARRAY['$v{plain}{visitor}'], 'infinity', 'infinity')");
is(texts(page($v{plain})), '', 'and who is to be erased there has nothing');
$t->sql('DELETE FROM webchatt.archive_tasks; CREATE ROLE stranger; ALTER TABLE public.by_month OWNER TO stranger');
my $sign = answer($v{by_month}, asked($v{by_month}));
is_deeply([ @$sign{qw(type code id)}, texts(page($v{plain})) ], [ 'error', 'busy', undef, old(20, 70) ], 'an archive that is another\'s is not read; others are');
$t->wait_for("SELECT last_error ~ 'the archive of channel $channel{by_month} cannot be read for visitors: .*is no archive, or has another owner' FROM webchatt.status", 'the status says why');

# --- one that hangs --------------------------------------------------------------------

my $far = $t->session('old');
my $waits = q{SELECT count(*) > 0 FROM pg_locks WHERE NOT granted AND database = (SELECT oid FROM pg_database WHERE datname = 'old')};
sub locked { my ($what) = @_; $far->query('BEGIN; LOCK TABLE chats'); my $mark = asked($v{chats}); $t->wait_for($waits, $what); return $mark }
sub others_go_on
{
	my ($n, $what) = @_;
	my $w = $t->visitor(key => $key{chats}, resend => 0)->arrive;
	my @ids = map { $w->acked($w->say("$what $_")) } 1 .. $n;
	my $mark = $w->mark;

	$w->ask_history($ids[-1]);
	is(texts(answer($w, $mark)), join(' ', map { "$what $_" } 1 .. $n - 1), "$what: another one's messages and pages do not wait, of the same channel");
	$t->sql("SELECT webchatt.send_message('$channel{chats}', '$v{chats}{visitor}', text => '$what')");
	ok($v{chats}->got(sub { $_->{type} eq 'message' && ($_->{content}{text} // '') eq $what }), "$what: nor what is written to who asked");
	is($v{chats}->acked($v{chats}->say("mine $what")) // '', $t->sql("SELECT id FROM webchatt.messages WHERE content ->> 'text' = 'mine $what'"), "$what: nor what they write");
	$w->end;
	return;
}
$v{chats}->cut; %{ $v{chats}{messages} } = (); $v{chats}->connect; $v{chats}->welcomed;
my $mark = locked('an archive far away does not answer');
others_go_on(4, 'meanwhile');
ok(!(grep { $_->{type} eq 'history' } $v{chats}->of_type('history', $mark)), 'whoever asked still waits');
$far->query('COMMIT');
is(texts(answer($v{chats}, $mark)), old(71, 120), 'until it answers');

# the process is ended
$mark = locked('once more');
$t->sql(q{SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE backend_type = 'webchatt archive'});
is(answer($v{chats}, $mark)->{code}, 'busy', 'its process is ended: who asked is told to ask again');
$far->query('COMMIT');

# longer than it may
$t->sql('ALTER SYSTEM SET webchatt.archive_timeout = 2000');
$t->reloaded;
$t->sql(q{SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE backend_type = 'webchatt archive'});
$t->wait_for(q{SELECT count(*) = 0 FROM pg_stat_activity WHERE backend_type = 'webchatt archive'}, 'the next one has the new time limit');
$far->query('BEGIN; LOCK TABLE chats');
# (While the next process is being started nobody is asked.)
my %codes;
ok(Visitor::until(sub { $codes{ answer($v{chats}, asked($v{chats}))->{code} // 'page' }++; Visitor::pump_for(1);
	return $t->status("last_error ~ 'the archive of channel $channel{chats} cannot be read for visitors: it took longer than webchatt.archive_timeout'") eq 't' }), 'it takes longer than webchatt.archive_timeout: the status says so');
is(join(' ', grep { $_ ne 'rate' } sort keys %codes), 'busy', 'and who asks is told to ask again');
others_go_on(3, 'behind it');
is(texts(page($v{plain})), old(1, 19), 'what others have in other archives is read');
is($far->query('COMMIT'), '', 'it answers again');
is(texts(page($v{chats})), old(20, 70), 'and who asks again has it, where they were');
is($t->sql(q{SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'webchatt archive'}), 1, 'one process reads');
$far->close;

done_testing();
