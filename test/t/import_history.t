# Conversations of another chat are taken over (doc/moving-in.md): by the page's own recipes, each message once, with its time, and
# nobody who chats is bothered by it; what is bad is refused by row, column and reason.
use strict;
use warnings;

use FindBin;
use IPC::Run ();
use LocalHub;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes ();

my $top = "$FindBin::Bin/../..";
my $t = LocalHub->begin(conf => 'TimeZone = UTC');
my $c = $t->{channel};
my $document = slurp_file("$top/doc/moving-in.md");

# A script of psql, as whoever has the table; what it said, and what went wrong.
sub script
{
	my ($sql, $dir) = @_;
	my ($out, $error) = ('', '');
	my $in = "\\set ON_ERROR_STOP 1\n" . ($dir ? "\\cd $top/test/import/$dir\n" : '') . $sql;
	my $good = IPC::Run::run([ 'psql', '-X', '-q', '-A', '-t', '-d', $t->node->connstr('postgres') ], '<', \$in, '>', \$out, '2>', \$error);

	chomp $out;
	return wantarray ? ($good, $out, $error) : $good ? $out : die "$sql: $error";
}

sub count { my ($from) = @_; return $t->sql("SELECT count(*) FROM $from") }

# What was imported of a source, a line for each message.
sub imported
{
	my ($source) = @_;

	return $t->sql("SELECT to_char(m.created_at, 'YYYY-MM-DD HH24:MI:SS.MS'), m.direction, m.status, m.content, m.author, v.name, v.email, v.user_id, v.attributes FROM webchatt.messages m
		JOIN webchatt.visitors v ON v.channel_id = m.channel_id AND v.id = m.visitor WHERE m.hub_message_id LIKE 'import:$source:%' ORDER BY m.id");
}

# Rows: [ column => value, ... ] each, into a table of their own; and the call.
my $tables = 0;

sub table
{
	my (@rows) = @_;
	my $name = 'public.chats_' . ++$tables;
	my $sql = "SELECT webchatt.create_import('$name');";

	for my $row (@rows)
	{
		my %row = (at => '2023-05-01 10:00:00', direction => 'in', text => 'hello', visitor => 'somebody', @$row);
		$sql .= "INSERT INTO $name (" . join(', ', sort keys %row) . ') VALUES (' . join(', ', map { defined $row{$_} ? '$v$' . $row{$_} . '$v$' : 'NULL' } sort keys %row) . ');';
	}
	script($sql);
	return $name;
}
sub import_call { my ($table, $more) = @_; return "CALL webchatt.import_history('$c', '$table'" . ($more // '') . ')' }

# --- what the page says ---------------------------------------------------------------------------

my ($csv) = $document =~ /^## From a CSV.*?^```psql\n(.*?)^```/ms;
is(script($csv, 'csv'), "moving.chats\n6|0|0", 'a CSV: nothing is wrong with it, and all of it is imported');
is(imported('import'), <<'ROWS' =~ s/\n\z//r, 'as it was there');
2023-07-01 09:00:00.000|in|read|{"text": "Hello, are you there?", "type": "text"}||Ana|ana@example.com||{}
2023-07-01 09:01:30.000|out|read|{"text": "Yes\non two lines"}|maria|Ana|ana@example.com||{}
2023-07-01 09:01:30.000|in|read|{"type": "image", "imageUrl": "https://old.example.com/files/shoe.jpg?s=1"}||Ana|ana@example.com||{}
2023-12-24 21:59:59.500|in|read|{"text": "Merry Christmas 🎄", "type": "text"}|||||{}
2023-12-24 22:00:00.000|out|read|{"text": "\"Thanks\""}|joão||||{}
2023-12-24 22:00:00.000|out|read|{"text": "and goodbye", "type": "document", "filename": "terms.pdf", "documentUrl": "https://old.example.com/terms.pdf"}|joão||||{}
ROWS
is(script($csv, 'csv'), "moving.chats\n0|6|0", 'once more: it is there already');
is(count(q{webchatt.messages WHERE to_timestamp(webchatt._search_ms(id) / 1000.0) <> date_trunc('milliseconds', created_at)}), 0, 'the ids are of that time');

my ($chatwoot) = $document =~ /^## From Chatwoot.*?^```psql\n(.*?)^```/ms;
is(script($chatwoot, 'chatwoot'), "moving.chats\n6|0|0", 'what Chatwoot gives');
is(imported('chatwoot'), <<'ROWS' =~ s/\n\z//r, 'without notes to colleagues and what happened; who is a user where that was proved');
2023-07-01 08:26:40.000|in|read|{"text": "Hi � there�, \\u0000 is no zero 😀", "type": "text"}||Jane Roe|jane@example.com|user-7|{"plan": "gold", "phone": "+351900000000"}
2023-07-01 08:26:43.000|out|read|{"text": "Here they are", "type": "image", "imageUrl": "https://chatwoot.example.com/rails/active_storage/blobs/redirect/abc/shoe.png"}|Maria|Jane Roe|jane@example.com|user-7|{"plan": "gold", "phone": "+351900000000"}
2023-07-01 08:26:43.000|out|read|{"type": "document", "filename": "price.pdf", "documentUrl": "https://chatwoot.example.com/rails/active_storage/blobs/redirect/abd/price.pdf"}|Maria|Jane Roe|jane@example.com|user-7|{"plan": "gold", "phone": "+351900000000"}
2023-07-02 12:13:20.000|in|read|{"text": "anybody?", "type": "text"}||cold-sun-12|||{}
2023-07-02 12:13:21.000|out|delivered|{"text": "How was it?"}||cold-sun-12|||{}
2023-07-22 04:26:40.000|in|read|{"text": "one more thing", "type": "text"}||Jane Roe|jane@example.com|user-7|{"plan": "gold", "phone": "+351900000000"}
ROWS

my ($rocketchat) = $document =~ /^## From Rocket.Chat.*?^```psql\n(.*?)^```/ms;
is(script($rocketchat, 'rocketchat'), "moving.chats\n2|0|0", 'what Rocket.Chat gives');
is(imported('rocketchat'), <<'ROWS' =~ s/\n\z//r, 'what was said in rooms of visitors, with dates in either form');
2023-02-09 13:35:59.484|in|read|{"text": "test", "type": "text"}||Poqi|poqi@example.com||{"phone": "+351911111111"}
2023-02-09 13:36:00.000|out|read|{"text": "Here", "type": "image", "imageUrl": "https://rocket.example.com/file-upload/f1/shoe.png"}|Rodriq|Poqi|poqi@example.com||{"phone": "+351911111111"}
ROWS
is($t->sql('SELECT state, count(*), bool_and(waiting_since IS NULL) FROM webchatt.conversations GROUP BY 1'), 'closed|5|t', 'all of them are closed, and nobody waits');

# --- what is bad ----------------------------------------------------------------------------------

my $bad = table([ key => 'good', text => 'good', visitor => 'bad-1' ], [ key => undef ], [ key => 'k' x 201 ], [ key => 'a', visitor => '' ], [ key => 'b', direction => 'inbound' ], [ key => 'c', at => '31.01.2023' ],
	[ key => 'd', at => '2023-13-01 10:00:00' ], [ key => 'e', at => '2100-01-01 00:00:00Z' ], [ key => 'f', at => '1969-12-31 00:00:00' ], [ key => 'g', text => '' ], [ key => 'h', text => 'x' x 66000 ],
	[ key => 'i', attachment => 'javascript:alert(1)' ], [ key => 'j', status => 'queued', direction => 'out' ], [ key => 'k', name => 'n' x 101 ], [ key => 'l', content => '[]' ], [ key => 'm', attributes => '3' ],
	[ key => 'n', author => 'a' x 256, direction => 'out' ], [ key => 'o', email => 'x' ], [ key => 'good' ], [ key => 'p', visitor => 'two', user_id => 'u' ], [ key => 'q', visitor => 'two' ]);
is($t->sql("SELECT n, column_name, left(reason, 45) FROM webchatt.check_import('$c', '$bad') ORDER BY 1, 2"), <<'ROWS' =~ s/\n\z//r, 'what is bad: by row, column and reason');
2|key|is empty
3|key|has 201 bytes, the most is 200
4|visitor|is empty
5|direction|is 'inbound', and not in or out
6|at|is no time that is understood: '31.01.2023'
7|at|is no time that is understood: '2023-13-01 10
8|at|is to come: '2100-01-01 00:00:00Z'
9|at|is before 1970: '1969-12-31 00:00:00'
10|text|is empty, and so are attachment and content
11|text|is too long: 66300 bytes with what is around 
12|attachment|is no address that begins with http:// or htt
13|status|is 'queued', and not sent, delivered, read or
14|name|has 101 characters, the most is 100
15|content|is not a JSON object with something in it
16|attributes|is no JSON object
17|author|has 256 bytes, the most is 255
18|email|has 1 characters, and not 3 to 254
19|key|is that of row 1
21|user_id|is not the same in all rows of this visitor
ROWS
is($t->sql("SELECT count(*) FROM webchatt.check_import('$c', '$bad', most => 3)"), 3, 'so many at most');
my $before = count('webchatt.messages');
my ($good, $out, $error) = script(import_call($bad));
like($error, qr/ERROR:  rows of public\.chats_1 cannot be imported\nDETAIL:  row 19, key: is that of row 1\n(?:row .*\n){4}and more\nHINT:  .*check_import/, 'so nothing is imported');
is(count('webchatt.messages'), $before, 'not even what is good');
is(script(import_call($bad, ', skip_bad => true')), '3|1|17', 'unless what is bad is left out');

for my $wrong ([ "'00000000-0000-0000-0000-000000000000', '$bad'", 'there is no channel' ], [ "'$c', '$bad', source => 'A b'", 'the source is' ], [ "'$c', '$bad', time_zone => 'Mars'", 'there is no time zone' ],
	[ "'$c', 'webchatt.messages'", 'lacks columns: n, key, at' ], [ "'$c', 'webchatt.inbox'", 'it is no table' ], [ "'$c', NULL", 'the table is NULL' ])
{
	($good, $out, $error) = script("CALL webchatt.import_history($wrong->[0])");
	like($error, qr/\Q$wrong->[1]\E/, "refused: $wrong->[1]");
}

# a table of one's own, where a row may have no number
script(q{CREATE TABLE public.unnumbered (key text, visitor text, direction text, at text, n bigint, text text); CREATE INDEX ON public.unnumbered (visitor, n);
	INSERT INTO public.unnumbered SELECT 'un-' || n, 'un-1', 'in', '2023-05-01 10:00:00', n, 'hello' FROM generate_series(1, 2000) n;
	INSERT INTO public.unnumbered VALUES ('un-2001', 'un-2', 'in', '2023-05-01 10:00:00', 2001, 'hello'), ('', 'un-2', 'in', '2023-05-01 10:00:00', NULL, 'hello'), ('un-2002', 'un-2', 'in', '2023-05-01 10:00:00', NULL, 'hello'),
		('un-2003', 'un-3', 'in', '2023-05-01 10:00:00', 2003, 'hello')});
is($t->sql("SELECT n, column_name, reason FROM webchatt.check_import('$c', 'public.unnumbered')"), "|n|is empty\n|n|is empty", 'rows without a number are bad');
is(script(import_call('public.unnumbered', ', skip_bad => true')), '2002|0|2', 'and they alone are left out, on each page');

# a type that somebody made, and its cast: a function of theirs, which is not called as whoever imports
script(q{CREATE TYPE public.spring AS (t text); CREATE TABLE public.sprung (who name);
	CREATE FUNCTION public.spring(public.spring) RETURNS text LANGUAGE sql AS $$ INSERT INTO public.sprung VALUES (current_user); SELECT 'sprung'::text $$; CREATE CAST (public.spring AS text) WITH FUNCTION public.spring(public.spring);
	CREATE TABLE public.trap (key public.spring, visitor text, direction text, at text, n bigint PRIMARY KEY, text public.spring, user_id public.spring); CREATE INDEX ON public.trap (visitor, n);
	INSERT INTO public.trap VALUES (ROW('k'), 'trapped', 'in', '2023-05-01 10:00:00', 1, ROW('words'), NULL)});
is(script(import_call('public.trap')), '1|0|0', 'a column of a type of somebody else\'s');
is(count('public.sprung') . $t->sql(q{SELECT content ->> 'text' FROM webchatt.messages WHERE hub_message_id LIKE 'import:import:(k%'}), '0(words)', 'is read without their cast');

# --- who may, and with whose rights ---------------------------------------------------------------

script('CREATE ROLE mover IN ROLE webchatt_admin; CREATE ROLE agent IN ROLE webchatt_agent; GRANT CREATE ON SCHEMA public TO mover');
like((script("SET ROLE agent; SELECT webchatt.create_import('public.agents_own')"))[2], qr/permission denied/, 'no agent');
like((script('SET ROLE agent; ' . import_call($bad)))[2], qr/permission denied/, 'in no way');
like((script('SET ROLE mover; ' . import_call($bad)))[2], qr/permission denied for table chats_1/, 'an admin, of what they may read');
script(q{CREATE TABLE public.heard (what text, who name); GRANT INSERT ON public.heard TO PUBLIC;
	CREATE FUNCTION public.hear() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO public.heard VALUES ('trigger', current_user); RETURN NULL; END $$;
	CREATE TRIGGER hear AFTER INSERT ON webchatt.messages FOR EACH ROW EXECUTE FUNCTION public.hear();
	CREATE FUNCTION public.listen(m webchatt.messages) RETURNS void LANGUAGE sql AS $$ INSERT INTO public.heard VALUES ('handler', current_user) $$;
	SELECT webchatt.on_message('public.listen(webchatt.messages)', direction => NULL); SELECT webchatt.create_webhook('Hook', 'https://hooks.example.com/x', 'Message')});
my $own = q{SET ROLE mover; SELECT webchatt.create_import('public.own'); INSERT INTO public.own (key, visitor, direction, at, text) VALUES ('own-1', 'own', 'out', '2022-01-01 00:00:00', 'quiet'), ('own-2', 'own', 'in', '2022-01-02 00:00:00', 'loud');};
script("$own DELETE FROM public.own WHERE n = 2; " . import_call('public.own'));
is(count('public.heard'), 0, 'no trigger is called, and no function that is registered');
script(q{INSERT INTO public.own (key, visitor, direction, at, text) VALUES ('own-2', 'own', 'in', '2022-01-02 00:00:00', 'loud'); SET ROLE mover; } . import_call('public.own', ', call_handlers => true'));
is($t->sql('SELECT what, who, count(*) FROM public.heard GROUP BY 1, 2 ORDER BY 1'), "handler|" . $t->sql('SELECT current_user') . "|1\ntrigger|webchatt_worker|1", 'unless they are wanted: for what is new, as ever');
is(count('webchatt.feed'), 0, 'webhooks are told nothing');
script(q{DROP TRIGGER hear ON webchatt.messages; SELECT webchatt.remove_handler(id) FROM webchatt.handlers; SELECT webchatt.delete_webhook(id) FROM webchatt.webhooks});

# --- people who are here --------------------------------------------------------------------------

my $waits = $t->arrived(again => 0.1);
$waits->acked($waits->say('who is there'));
my $answered = $t->arrived(again => 0.1);
$answered->acked($answered->say('and me'));
$t->reply($answered, 'you too');
$t->wait_for(qq{SELECT count(*) = 2 FROM webchatt.conversations WHERE visitor IN ('$waits->{visitor}', '$answered->{visitor}')
	AND (waiting_since IS NULL) = (visitor = '$answered->{visitor}')}, 'one waits, one was answered');
my $stands = qq{SELECT visitor = '$waits->{visitor}', state, waiting_since > now() - interval '1 hour', (SELECT content ->> 'text' FROM webchatt.messages m WHERE m.id = last_id) FROM webchatt.conversations
	WHERE visitor IN ('$waits->{visitor}', '$answered->{visitor}') ORDER BY 1};
my $stood = $t->sql($stands);
is($stood, "f|open||you too\nt|open|t|who is there", 'so they stand');
my $here = table(map { my $who = $_; map { [ key => "$who->{visitor}-$_", visitor => $who->{visitor}, at => "2020-01-01 0$_:00:00", text => "old $_", direction => $_ % 2 ? 'in' : 'out' ] } 1 .. 3 } $waits, $answered);
is(script(import_call($here)), '6|0|0', 'what they said elsewhere');
is($t->sql($stands), $stood, 'changes nothing of how they stand');
is($t->sql("SELECT waiting_since > now() - interval '1 hour' FROM webchatt.inbox WHERE visitor = '$waits->{visitor}' AND unanswered"), 't', 'nor in the inbox');
$t->sql("SELECT webchatt._conversation_changed('$c', '$waits->{visitor}')");
my $again = $t->visitor(token => $waits->{token})->arrive;
ok(Visitor::until(sub { grep { ($_ // '') eq 'old 3' } $again->texts }), 'it is in their history') or diag($again->describe);
is(join(' ', grep { /old|who/ } $again->texts), 'old 1 old 2 old 3 who is there', 'before what they said here');
is_deeply($again->{violations} // [], [], 'in a form that the protocol has');
$_->end for $again, $waits, $answered;

# somebody is a user here already
$t->sql("INSERT INTO webchatt.visitors (channel_id, id, user_id, name) VALUES ('$c', '6cbd6789-1d2b-47e0-9391-5eb91d2839ea', 'u-1', 'Here')");
script(import_call(table([ key => 'u-1', visitor => 'x-1', user_id => 'u-1', name => 'There' ], [ key => 'u-2', visitor => 'x-2', user_id => 'u-1' ], [ key => 'u-3', visitor => 'x-3', user_id => 'u-3' ], [ key => 'u-4', visitor => 'x-4', user_id => 'u-3' ])));
is($t->sql(q{SELECT v.user_id, v.name, count(*), count(DISTINCT m.visitor), bool_and(v.verified) FROM webchatt.messages m JOIN webchatt.visitors v ON v.id = m.visitor WHERE m.hub_message_id LIKE 'import:import:u-%' GROUP BY 1, 2 ORDER BY 1}),
	"u-1|Here|2|1|t\nu-3||2|1|t", 'two of the other chat who are one user are one visitor, the one who is here');
is(script(import_call(table([ key => 'u-3', visitor => 'x-9' ]))), '0|1|0', 'a key is one message, whoever is said to have written it');

# who was erased, stays so
my $gone = table([ key => 'gone', visitor => 'gone' ]);
script(import_call($gone));
my $gone_id = $t->sql(q{SELECT visitor FROM webchatt.messages WHERE hub_message_id = 'import:import:gone'});
is($t->sql("SELECT webchatt.export_visitor('$c', '$gone_id') #>> '{messages,0,content,text}'"), 'hello', 'what was imported is handed out');
script("SELECT webchatt.erase_visitor('$c', '$gone_id')");
is(count("webchatt.messages WHERE visitor = '$gone_id'"), 0, 'and erased');
like((script(import_call($gone)))[2], qr/row 1, visitor: was erased/, 'and does not come back by an import');

# the search has been here already
script('SELECT webchatt.index_texts(100000)') for 1 .. 3;
$t->wait_for(q{SELECT webchatt.index_texts(10000) = 0 AND EXISTS (SELECT FROM webchatt.search_coverage WHERE has_oldest)}, 'texts are in the index');
script(import_call(table([ key => 'find', text => 'a needle in it', at => '2021-01-01 00:00:00' ])));
is($t->sql("SELECT count(*) FROM webchatt.search('needle', channel => '$c')"), 1, 'and what is imported then is found');
# what is redacted while its words are being written into the index
my $found = $t->sql(q{SELECT id FROM webchatt.messages WHERE hub_message_id = 'import:import:find'});
my $indexer = $t->session;
$indexer->query("BEGIN; DELETE FROM webchatt.search_texts WHERE id = '$found'; COMMIT; BEGIN; SELECT webchatt.index_texts(100000, true);
	DO 'BEGIN FOR i IN 1 .. 20 LOOP EXIT WHEN EXISTS (SELECT FROM webchatt.search_texts WHERE id = ''$found''); PERFORM webchatt.index_texts(100000); END LOOP; END'");
is($indexer->query("SELECT count(*) FROM webchatt.search_texts WHERE id = '$found' AND words::text ~ 'needle'"), 1, 'one writes the words of a message');
my $redacts = IPC::Run::start([ 'psql', '-X', '-q', '-d', $t->node->connstr('postgres'), '-c', "SELECT webchatt.redact_message('$c', '$found')" ], '>', \my $redacted);
$t->wait_for("SELECT count(*) > 0 FROM pg_locks WHERE locktype = 'advisory' AND NOT granted", 'who redacts it waits for that');
$indexer->query('COMMIT');
$indexer->close;
IPC::Run::finish($redacts);
is(count("webchatt.search_texts WHERE words::text ~ 'needle'"), 0, 'and nothing of it stays in the index');

# --- a conversation that somebody has locked, and many -------------------------------------------

script(q{INSERT INTO webchatt.retentions (keep) VALUES (interval '900 years'); SELECT webchatt.create_import('public.many');
	INSERT INTO public.many (key, visitor, direction, at, text, author) SELECT 'm-' || n, 'person-' || n % 3000, CASE n % 2 WHEN 0 THEN 'in' ELSE 'out' END,
		'2019-01-01 00:00:00+00'::timestamptz + n / 7 * interval '1 second', 'message ' || n, 'maria' FROM generate_series(1, 99000) n;
	INSERT INTO public.many (key, visitor, direction, at, text) SELECT 'l-' || n, 'long', 'in', '2019-01-01 00:00:00', 'message ' || n FROM generate_series(1, 1000) n});
my $live = $t->arrived(again => 0.1);
$live->acked($live->say('first'));
$t->wait_for("SELECT count(*) = 1 FROM webchatt.conversations WHERE visitor = '$live->{visitor}'", 'it is a conversation');
script("INSERT INTO public.many (key, visitor, direction, at, text) VALUES ('locked', '$live->{visitor}', 'in', '2019-01-01 00:00:00', 'of old')");
my $holder = $t->session;
$holder->query("BEGIN; SELECT 1 FROM webchatt.conversations WHERE visitor = '$live->{visitor}' FOR UPDATE");
my ($in, $said, $complained) = (import_call('public.many') . ";\n\\q\n", '', '');
my $began = Time::HiRes::time();
my $import = IPC::Run::start([ 'psql', '-X', '-q', '-A', '-t', '-d', $t->node->connstr('postgres') ], '<', \$in, '>', \$said, '2>', \$complained);
my $next = 0;
sub talking
{
	my ($condition, $what) = @_;
	my $met = Visitor::until(
		sub {
			$live->say('meanwhile') if keys %{ $live->{unacked} } < 4;
			$import->pump_nb if $import->pumpable;
			return 0 if Time::HiRes::time() < $next;
			$next = Time::HiRes::time() + 0.2;
			return $condition->();
		}, 300);
	return ok($met, $what) || diag($complained, $live->describe);
}
talking(sub { $t->sql(q{SELECT EXISTS (SELECT FROM webchatt.messages WHERE hub_message_id = 'import:import:locked')}) eq 't' }, 'a message for somebody whose conversation is locked is there');
ok($import->pumpable, 'and the import goes on to try') or diag($said, $complained);
$holder->query('COMMIT');
talking(sub { !$import->pumpable }, 'it ends when the lock is gone');
$import->finish;
my $seconds = Time::HiRes::time() - $began;
chomp $said;
is("$said$complained", '100001|0|0', 'a hundred thousand messages');
note(sprintf '%.0f rows a second, beside whatever else ran', 100001 / $seconds);
cmp_ok($t->sql("SELECT count(*) FROM webchatt.messages m, (SELECT min(xmin::text::bigint) AS first, max(xmin::text::bigint) AS last FROM webchatt.messages WHERE hub_message_id LIKE 'import:import:%' AND content ->> 'text' LIKE 'message %') x
	WHERE m.visitor = '$live->{visitor}' AND m.xmin::text::bigint BETWEEN x.first AND x.last"), '>', 3, 'between its pieces visitors are served');
my $numbers = q{SELECT count(*), count(DISTINCT content ->> 'text'), count(DISTINCT id), count(DISTINCT visitor) FROM webchatt.messages WHERE content ->> 'text' LIKE 'message %'};
is($t->sql($numbers), '100000|99000|100000|3001', 'each once');
is($t->sql(q{SELECT count(*) FROM (SELECT substr(content ->> 'text', 9)::int AS n, lag(substr(content ->> 'text', 9)::int) OVER (PARTITION BY visitor ORDER BY id) AS before FROM webchatt.messages
	WHERE content ->> 'text' LIKE 'message %') x WHERE before > n}), 0, 'each conversation in its order, also within a moment');
is(count(q{webchatt.messages m JOIN public.many s ON m.hub_message_id = 'import:import:' || s.key WHERE m.created_at <> webchatt._import_time(s.at, 'UTC')}), 0, 'with its times');
is($t->sql(q{SELECT c.state, count(*), bool_and(waiting_since IS NULL AND c.closed_upto = c.last_id AND last_id = (SELECT m.id FROM webchatt.messages m WHERE m.channel_id = c.channel_id AND m.visitor = c.visitor ORDER BY m.id DESC LIMIT 1))
	FROM webchatt.conversations c JOIN (SELECT DISTINCT visitor FROM webchatt.messages WHERE content ->> 'text' LIKE 'message %') p USING (visitor) GROUP BY 1}), 'closed|3001|t', 'all closed up to the last message, the long one, too');
is($t->sql("SELECT state, waiting_since > now() - interval '1 day', answered_upto = (SELECT id FROM webchatt.messages WHERE hub_message_id = 'import:import:locked') FROM webchatt.conversations WHERE visitor = '$live->{visitor}'"),
	'open|t|t', 'who is here waits since they wrote here');
is(script(import_call('public.many')), '0|100001|0', 'once more: nothing is doubled');
is($t->sql($numbers), '100000|99000|100000|3001', 'nothing at all');
is(count('webchatt.held') . count('webchatt.unread') . count('webchatt.overdue_candidates') . count('webchatt.unread_waits'), '0000', 'nothing waits, or is overdue');
$t->wait_for(q{SELECT count(*) = 0 FROM webchatt.outbox WHERE op IN ('s', 'n', 'r', 'd')}, 'nor is it to be sent, once what the live visitor said is done with');
$live->end;

# in a transaction: all of it or nothing
my $whole = table(map { [ key => "whole-$_" ] } 1 .. 5);
script('BEGIN; ' . import_call($whole) . '; ROLLBACK');
is(count(q{webchatt.messages WHERE hub_message_id LIKE 'import:import:whole-%'}), 0, 'a transaction that is rolled back');
script('BEGIN; ' . import_call($whole) . '; COMMIT');
is(count(q{webchatt.messages WHERE hub_message_id LIKE 'import:import:whole-%'}), 5, 'and one that is committed');

# --- a dump takes it along ------------------------------------------------------------------------

my $dump = $t->node->basedir . '/moved.sql';
$t->node->command_ok([ 'pg_dump', '-f', $dump, $t->node->connstr('postgres') ], 'pg_dump');
$t->sql('CREATE DATABASE moved TEMPLATE template0');
my (undef, $restored) = run_command([ 'psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-f', $dump, $t->node->connstr('moved') ]);
is($restored, '', 'into another database');
my $sums = q{SELECT md5(string_agg(x::text, ' ' ORDER BY x::text)), count(*) FROM webchatt.%s x WHERE visitor IN (SELECT visitor FROM webchatt.messages WHERE hub_message_id LIKE 'import:%%')};
is($t->node->safe_psql('moved', sprintf $sums, $_), $t->sql(sprintf $sums, $_), "webchatt.$_ is the same") for qw(messages conversations);
is($t->node->safe_psql('moved', "TRUNCATE public.many; INSERT INTO public.many (key, visitor, direction, at, text) VALUES ('later', 'long', 'in', '2019-06-01 00:00:00', 'of later'), ('l-7', 'long', 'in', '2019-01-01 00:00:00', 'message 7'); "
	. import_call('public.many')) =~ s/.*\n//sr, '1|1|0', 'and goes on there');

# --- what is old leaves again, also while something leaves -----------------------------------------

my ($shop) = $t->make_channel('Shop of old', $LocalHub::ORIGIN);
script("SET ROLE mover; SELECT webchatt.create_archive('public.kept'); CREATE FUNCTION public.gate() RETURNS trigger LANGUAGE plpgsql SET lock_timeout = 0
	AS 'BEGIN PERFORM pg_advisory_xact_lock_shared(4711); RETURN new; END'; CREATE TRIGGER gate BEFORE INSERT ON public.kept FOR EACH ROW EXECUTE FUNCTION public.gate(); SELECT webchatt.set_retention('1 year', '$shop', 'public.kept')");
sub import_there { my (@row) = @_; return script(import_call(table([@row])) =~ s/\Q$c\E/$shop/r) }
my $remain = "SELECT count(*) = 0 FROM webchatt.messages WHERE channel_id = '$shop'";
import_there(key => 'leaves-1', at => '2021-01-01 10:00:00');
$t->wait_for($remain, 'what was imported leaves for the archive');
$holder->query('SELECT pg_advisory_lock(4711)');
import_there(key => 'leaves-2', at => '2022-01-01 10:00:00', visitor => 'another');
$t->wait_for("SELECT count(*) > 0 FROM pg_locks WHERE locktype = 'advisory' AND objid = 4711 AND NOT granted", 'the archive takes its time with the next');
import_there(key => 'leaves-3', at => '2021-06-01 10:00:00', visitor => 'a third');
$holder->query('SELECT pg_advisory_unlock(4711)');
$t->wait_for($remain, 'and what was imported meanwhile leaves, too');
is(count("public.kept WHERE channel_id = '$shop'"), 3, 'all of them are there');
# one that is broken off behind its first piece
my $broken = table();
script("INSERT INTO $broken (key, visitor, direction, at, text) SELECT 'b-' || n, CASE WHEN n > 2000 THEN 'b' ELSE 'a' END, 'in', '2020-06-01 10:00:00', 'line ' || n FROM generate_series(1, 2001) n;
	CREATE FUNCTION public.breaks() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RAISE ''broken off''; END';
	CREATE TRIGGER breaks BEFORE INSERT ON webchatt.messages FOR EACH ROW WHEN (new.content ->> 'text' = 'line 2001') EXECUTE FUNCTION public.breaks()");
like((script(import_call($broken, ', call_handlers => true') =~ s/\Q$c\E/$shop/r))[2], qr/broken off/, 'an import is broken off');
$t->wait_for("SELECT count(*) = 2003 FROM public.kept WHERE channel_id = '$shop'", 'what came of it leaves, too');

# --- what was redacted ----------------------------------------------------------------------------

# It has left, and is imported once more, by another number.
my $kept_id = $t->sql("SELECT id FROM public.kept WHERE hub_message_id = 'import:import:leaves-2'");
script("SET ROLE mover; SELECT webchatt.redact_message('$shop', '$kept_id')");
script("SELECT webchatt.set_retention(NULL, '$shop')");
my $once_more = table([ key => 'other', visitor => 'another', at => '2022-01-01 10:00:00', text => 'nothing secret' ], [ key => 'leaves-2', visitor => 'another', at => '2022-01-01 10:00:00', text => 'my card is 4111' ]);
script(import_call($once_more) =~ s/\Q$c\E/$shop/r);
is($t->sql("SELECT string_agg(content ->> 'text', ', ' ORDER BY id) FROM webchatt.messages WHERE channel_id = '$shop'"), 'nothing secret, [removed]', 'what was redacted does not come back by an import');

done_testing();
