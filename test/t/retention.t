# Conversations leave: as the dry run said, whole, and with all that belongs to them; what is under way stays, and so does
# what another channel keeps.  Into an archive: nothing is lost, and nothing is there twice, whatever goes wrong meanwhile.
use strict;
use warnings;

use IPC::Run ();
use LocalHub;
use Test::More;

my $t = LocalHub->begin(conf => 'max_worker_processes = 16');
my $c = $t->{channel};
my ($d) = $t->make_channel('Second', $LocalHub::ORIGIN);
my ($e) = $t->make_channel('Third', $LocalHub::ORIGIN);

sub refused
{
	my ($sql, $pattern, $name) = @_;
	my ($status, undef, $error) = $t->try_sql($sql);
	return ok($status != 0 && $error =~ $pattern, $name) || diag($error);
}

# A conversation of so many messages, a minute between two, the last one so many days ago.
sub conversation
{
	my ($channel, $visitor, $n, $days) = @_;
	return "INSERT INTO webchatt.visitors (channel_id, id, first_seen, last_seen) VALUES ('$channel', '$visitor', now() - interval '1000 days', now() - interval '$days days');
		INSERT INTO webchatt.messages (channel_id, id, visitor, direction, status, content, created_at, hub_message_id)
		SELECT '$channel', (substr(webchatt._search_id(at)::text, 1, 14) || '7' || substr(gen_random_uuid()::text, 16))::uuid, '$visitor', CASE n % 2 WHEN 0 THEN 'in' ELSE 'out' END::webchatt.message_direction,
			CASE n % 2 WHEN 0 THEN 'received' ELSE 'read' END::webchatt.message_status, jsonb_build_object('text', '$visitor ' || n), at, CASE n % 2 WHEN 0 THEN '$visitor/' || n END
		FROM generate_series(1, $n) n, LATERAL (SELECT now() - interval '$days days' - ($n - n) * interval '1 minute' AS at) x;";
}
# The server is started anew behind it; what is asked before would be lost.
sub kill_retention { my $pid = $t->sql(q{SELECT pid FROM pg_stat_activity WHERE backend_type = 'webchatt retention'}); kill 'KILL', $pid; WebchattTest::gone($pid); return }
sub count { my ($from) = @_; return $t->sql("SELECT count(*) FROM $from") }
# What is anywhere of these visitors, or of their messages.
sub remains
{
	my ($visitors, $messages) = @_;
	my @found;
	for (split /\n/, $t->sql(q{SELECT c.relname || ' ' || a.attname FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0
		WHERE c.relnamespace = 'webchatt'::regnamespace AND c.relkind = 'r' AND (a.attname IN ('visitor', 'message_id', 'joined_to') OR a.attname = 'id' AND c.relname IN ('visitors', 'messages', 'search_texts', 'notes'))
			AND c.relname !~ '^outbox' ORDER BY 1}))
	{
		my ($table, $column) = split / /;
		my $n = $t->sql("SELECT count(*) FROM webchatt.$table WHERE $column\::text IN (SELECT v FROM public.$visitors v UNION ALL SELECT v FROM public.$messages v)");
		push @found, "$table.$column: $n" if $n;
	}
	return \@found;
}

# --- what is refused --------------------------------------------------------------

refused(q{SELECT webchatt.set_retention('23 hours')}, qr/leave after 23:00:00.*a day at least/s, 'an hour too short');
refused(qq{SELECT webchatt.set_retention('1 year', '00000000-0000-0000-0000-000000000001')}, qr/there is no channel/, 'a channel that is none');
$t->sql('CREATE TABLE public.narrow (channel_id uuid, id bigint, visitor text, direction text, content jsonb)');
refused(q{SELECT webchatt.set_retention('1 year', archive => 'public.narrow')}, qr/it lacks columns: status text, created_at timestamp with time zone/, 'an archive without columns, by their names');
$t->sql('ALTER TABLE public.narrow ADD status text, ADD created_at timestamptz');
refused(q{SELECT webchatt.set_retention('1 year', archive => 'public.narrow')}, qr/id is bigint and not uuid/, 'and with a column of another type');
$t->sql('ALTER TABLE public.narrow DROP id, ADD id uuid, ADD mine int NOT NULL');
refused(q{SELECT webchatt.set_retention('1 year', archive => 'public.narrow')}, qr/NOT NULL and have no default: mine/, 'and with one that nobody would fill');
refused(q{SELECT webchatt.set_retention('1 year', archive => 'webchatt.messages')}, qr/one of webchatt's own/, 'and one of ours');
refused(q{SELECT webchatt.set_retention(NULL, archive => 'public.narrow')}, qr/of no use/, 'and one for nothing');
$t->sql('CREATE ROLE shop LOGIN IN ROLE webchatt_admin; GRANT CREATE ON SCHEMA public TO shop');
refused(q{SET ROLE shop; SELECT webchatt.set_retention('1 year', archive => 'public.narrow')}, qr/must be owner of public\.narrow/, 'and somebody else\'s');
refused(q{SET ROLE shop; INSERT INTO webchatt.retentions (keep) VALUES ('2 days')}, qr/permission denied/, 'and past the function');
refused(q{SET ROLE webchatt_agent; SELECT webchatt.set_retention('1 year')}, qr/permission denied/, 'by an agent');
is(count('webchatt.retentions'), '0', 'so nothing is set');

# --- they leave -----------------------------------------------------------------------

$t->sql(join '', (map { conversation($c, "old-$_", 3 * $_, 30 + $_) } 1 .. 20), (map { conversation($c, "young-$_", 2, 5) } 1 .. 3),
	conversation($c, 'long', 2500, 40), conversation($c, 'alive', 30, 60), conversation($c, 'held', 4, 50), conversation($c, 'closed', 4, 50), conversation($d, 'elsewhere', 4, 300), conversation($c, 'looks', 4, 70));
$t->sql(conversation($c, 'x', 2, 1) =~ s/^.*?INSERT INTO webchatt.messages/INSERT INTO webchatt.messages/sr =~ s/'x'/'alive'/gr =~ s/'x\//'alive\/y/gr);
$t->sql("UPDATE webchatt.visitors SET last_seen = now() - interval '2 days' WHERE id IN ('looks', 'alive');
	INSERT INTO webchatt.visitors (channel_id, id, first_seen) VALUES ('$c', 'nothing', now() - interval '99 days'), ('$c', 'alias', now() - interval '99 days'), ('$c', 'new', now());
	UPDATE webchatt.visitors SET joined_to = 'old-7', joined_at = now() WHERE id = 'alias';
	INSERT INTO webchatt.statuses (channel_id, message_id, status) SELECT channel_id, id, s FROM webchatt.messages, unnest(ARRAY['sent', 'delivered', 'read']) s WHERE direction = 'out';
	INSERT INTO webchatt.visitor_tokens (channel_id, token_hash, visitor) SELECT channel_id, sha256(id::bytea), id FROM webchatt.visitors WHERE joined_to IS NULL;
	INSERT INTO webchatt.closings (channel_id, visitor, closed_upto, closed_at) SELECT DISTINCT ON (visitor) channel_id, visitor, id, created_at FROM webchatt.messages;
	INSERT INTO webchatt.ratings (channel_id, visitor, closed_upto, value) SELECT DISTINCT ON (visitor) channel_id, visitor, id, 3 FROM webchatt.messages;
	INSERT INTO webchatt.notes (id, channel_id, visitor, text) SELECT gen_random_uuid(), channel_id, id, 'note' FROM webchatt.visitors, generate_series(1, 3) WHERE id NOT IN ('nothing', 'alias');
	INSERT INTO webchatt.overdue_candidates (channel_id, message_id) SELECT channel_id, id FROM webchatt.messages WHERE direction = 'out' AND visitor <> 'long';
	INSERT INTO webchatt.rejects (channel_id, event_type, event_key, visitor, body, sqlstate, reason, first_at, last_at) SELECT channel_id, 'Message', visitor, visitor, '{}', 'P0001', 'no', at, at FROM (SELECT channel_id, visitor, max(created_at) AS at FROM webchatt.messages GROUP BY 1, 2) x ORDER BY at;
	INSERT INTO webchatt.files (channel_id, id, visitor, name, type, size, received, sha256, state) SELECT channel_id, translate(encode(sha256(visitor::bytea || n::text::bytea), 'base64'), '+/=', '-_'), visitor, 'x.png', 'image/png', 3, 3, sha256('abc'), 'whole' FROM (SELECT DISTINCT channel_id, visitor FROM webchatt.messages) v, generate_series(1, 5) n;
	INSERT INTO webchatt.file_chunks SELECT channel_id, id, 0, 'abc' FROM webchatt.files;
	INSERT INTO webchatt.file_uses (channel_id, file_id, message_channel_id, message_id) SELECT DISTINCT ON (f.id) f.channel_id, f.id, f.channel_id, m.id FROM webchatt.files f JOIN webchatt.messages m USING (channel_id, visitor);
	-- a file of one that leaves, which an agent sent on to one who stays
	INSERT INTO webchatt.file_uses (channel_id, file_id, message_channel_id, message_id) SELECT f.channel_id, f.id, f.channel_id, m.id FROM (SELECT * FROM webchatt.files WHERE visitor = 'old-3' ORDER BY id LIMIT 1) f, (SELECT id FROM webchatt.messages WHERE visitor = 'young-1' LIMIT 1) m;
	INSERT INTO webchatt.unread (channel_id, visitor, message_id, messages, since) SELECT DISTINCT ON (visitor) channel_id, visitor, id, 1, created_at FROM webchatt.messages;
	INSERT INTO webchatt.unread_waits (channel_id, visitor, due) SELECT DISTINCT channel_id, visitor, now() + interval '1 year' FROM webchatt.messages;
	INSERT INTO webchatt.conversation_links (channel_id, token_hash, visitor, expires_at) SELECT channel_id, sha256(id::bytea || n::text::bytea), id, now() + interval '1 year' FROM webchatt.visitors, generate_series(1, 2) n WHERE joined_to IS NULL;
	INSERT INTO webchatt.held (channel_id, visitor, seq, message_id) SELECT channel_id, visitor, 1, id FROM webchatt.messages WHERE visitor = 'held' AND direction = 'out' LIMIT 1;
	SELECT webchatt.index_texts(10000); SELECT webchatt.index_texts(10000)");
$t->wait_for(q{SELECT count(*) = 29 FROM webchatt.conversations}, 'the worker knows the conversations');
$t->sql(q{CREATE TABLE public.gone_visitors AS SELECT 'old-' || n AS v FROM generate_series(1, 20) n UNION ALL SELECT unnest(ARRAY['long', 'closed', 'nothing', 'alias']);
	CREATE TABLE public.gone_messages AS SELECT id::text AS v FROM webchatt.messages WHERE visitor IN (SELECT v FROM public.gone_visitors) OR visitor = 'looks';
	CREATE TABLE public.stays AS SELECT visitor, count(*) FROM webchatt.messages WHERE id::text NOT IN (SELECT v FROM public.gone_messages) GROUP BY 1});
my $preview = $t->sql(qq{SELECT conversations, messages, under_way, is_whole FROM webchatt.retention_preview('20 days', '$c')});
is($preview, '23|3138|1|t', 'the dry run');
is($t->sql(qq{SELECT is_whole FROM webchatt.retention_preview('20 days', '$c', 100)}), 'f', 'which says when it has not looked at all');
is(count('webchatt.retention WHERE keep IS NOT NULL'), '0', 'and sets nothing');
is($t->sql(q{SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'webchatt retention'}), '0', 'nobody is there for it');
$t->sql(qq{SELECT webchatt.set_retention('20 days'), webchatt.set_retention('400 days', '$d')});
$t->wait_for(qq{SELECT conversations = 23 AND visitors = 23 FROM webchatt.retention WHERE channel_id = '$c'}, 'conversations leave, and their visitors');
is($t->sql(qq{SELECT conversations || '|' || messages || '|' || under_way || '|t' FROM webchatt.retention WHERE channel_id = '$c'}), $preview, 'those that the dry run told of');
is_deeply(remains('gone_visitors', 'gone_messages'), [], 'nothing is left of them in any table');
is(count('webchatt.search_texts s JOIN public.gone_messages g ON g.v = s.id::text'), '0', 'nor of their words');
is($t->sql(q{SELECT count(*) FROM (SELECT visitor, count(*) FROM webchatt.messages GROUP BY 1 EXCEPT SELECT * FROM public.stays) x}) . count('webchatt.messages') - $t->sql('SELECT sum(count) FROM public.stays'), '0', 'and all of the others');
is($t->sql(q{SELECT string_agg(id, ' ' ORDER BY id) FROM webchatt.visitors WHERE id !~ '^young'}), 'alive elsewhere held looks new', 'who looked at the page, or has something held, stays');
is(count(q{webchatt.visitor_tokens WHERE visitor = 'looks'}), '1', 'and is known by the token');
is(count(q{webchatt.conversation_links WHERE visitor = 'looks'}), '2', 'and by links');
is($t->sql(q{SELECT string_agg(visitor, ' ' ORDER BY visitor) FROM webchatt.unread_waits}), 'alive elsewhere held young-1 young-2 young-3', 'nobody waits for who has nothing unread any more');
is(count('webchatt.files WHERE visitor IS NULL'), '1', 'a file that was sent on stays where it is used');
is($t->sql(q{SELECT string_agg(visitor, ' ' ORDER BY visitor) FROM webchatt.conversations WHERE visitor IN ('looks', 'alive', 'held')}), 'alive held', 'the inbox has no row of what has left');

# Waited for long ago, and once more: the worker does not take them for somebody who waits already.
my $v = $t->arrived;
$v->acked($v->say('first'));
$t->wait_for("SELECT count(*) = 1 FROM webchatt.conversations WHERE visitor = '$v->{visitor}' AND waiting_since IS NOT NULL", 'somebody waits');
$t->sql("UPDATE webchatt.messages SET id = (substr(webchatt._search_id(now() - interval '30 days')::text, 1, 14) || substr(id::text, 15))::uuid WHERE visitor = '$v->{visitor}'");
is($t->sql(qq{SELECT webchatt.set_retention('20 days')}), '', 'set once more, it looks from the beginning');
$t->wait_for("SELECT count(*) = 0 FROM webchatt.messages WHERE visitor = '$v->{visitor}'", 'a conversation leaves in which somebody waits');
$v->acked($v->say('second'));
$t->wait_for("SELECT count(*) = 1 FROM webchatt.conversations WHERE visitor = '$v->{visitor}' AND waiting_since IS NOT NULL", 'and who writes again waits again');

# What was under way is over.
$t->sql(q{DELETE FROM webchatt.held WHERE visitor = 'held'; UPDATE webchatt.retention_left SET due = now()});
$t->wait_for(q{SELECT count(*) = 0 FROM webchatt.messages WHERE visitor = 'held'}, 'what was held is not any more, and leaves');
is(count(q{webchatt.messages WHERE visitor = 'elsewhere'}), '4', 'another channel keeps its own for longer');
is($t->sql("SELECT webchatt.unset_retention('$d')"), 't', 'until it does not');
$t->sql(q{SELECT webchatt.set_retention('20 days')});
$t->wait_for(q{SELECT count(*) = 0 FROM webchatt.messages WHERE visitor = 'elsewhere'}, 'then it follows all others');

# Statuses of messages that nobody knows; after seven days the worker deletes them by itself, so these are younger.
$t->sql("INSERT INTO webchatt.early_statuses (channel_id, hub_message_id, status, at, recorded_at) SELECT c::uuid, 'early/' || days, 'read', at, at
	FROM unnest(ARRAY['$c', '$d', '$e']) c, unnest(ARRAY[2, 4]) days, LATERAL (SELECT now() - days * interval '1 day' AS at) x");
$t->sql("SELECT webchatt.set_retention('3 days', '$d')");
$t->wait_for("SELECT count(*) = 0 FROM webchatt.early_statuses WHERE channel_id = '$d' AND hub_message_id = 'early/4'", 'an old status of a message that is not known leaves');
is($t->sql("SELECT string_agg(hub_message_id, ' ' ORDER BY hub_message_id) FROM webchatt.early_statuses WHERE channel_id = '$d'"), 'early/2', 'a younger one stays');
is(count("webchatt.early_statuses WHERE channel_id IN ('$c', '$e')"), '4', 'and those of channels that keep for longer');
is($t->sql("SELECT webchatt.unset_retention('$d')"), 't', 'that channel keeps like all others again');

# --- into an archive ----------------------------------------------------------------------

my $pid = $t->sql(q{SELECT pid FROM pg_stat_activity WHERE backend_type = 'webchatt retention'});
$t->sql(q{SELECT webchatt.set_retention(NULL)});
$t->wait_for(q{SELECT count(*) = 0 FROM pg_stat_activity WHERE backend_type = 'webchatt retention'}, 'turned off, its process ends');
$t->sql(q{SET ROLE shop; SELECT webchatt.create_archive('public.old_chats', true);
	CREATE TABLE public.writers (who text, setting text);
	CREATE SEQUENCE public.gate MINVALUE 0;
	CREATE FUNCTION public.watch() RETURNS trigger LANGUAGE plpgsql AS $$
	BEGIN
		INSERT INTO public.writers VALUES (current_user, current_setting('search_path'));
		WHILE (SELECT last_value = 7 OR last_value = 6 AND NEW.visitor = 'slow-2' FROM public.gate) LOOP PERFORM pg_sleep(0.05); END LOOP;
		IF NEW.visitor = 'a-3' AND NOT EXISTS (SELECT FROM public.writers WHERE who = 'let it') THEN RAISE 'no room for a-3'; END IF;
		RETURN NEW;
	END $$;
	CREATE TRIGGER watch BEFORE INSERT ON public.old_chats FOR EACH ROW EXECUTE FUNCTION public.watch()});
sub fill
{
	my ($from, $to) = @_;
	$t->sql(join '', (map { conversation($e, "a-$_", 4, 30 + 30 * $_) } $from .. $to), conversation($e, "long-$from", 1200, 150), conversation($e, "stays-$from", 2, 3));
	return $t->sql("INSERT INTO webchatt.statuses (channel_id, message_id, status, at) SELECT channel_id, id, s, created_at FROM webchatt.messages m, unnest(ARRAY['sent', 'read']) s WHERE direction = 'out' AND channel_id = '$e' AND NOT EXISTS (SELECT FROM webchatt.statuses s WHERE s.channel_id = m.channel_id AND s.message_id = m.id)");
}
# How many, and how many of them twice.
sub account { my ($archive) = @_; return $t->sql("SELECT count(*) || ' ' || count(*) - count(DISTINCT id) FROM (SELECT id FROM webchatt.messages WHERE channel_id = '$e' UNION ALL SELECT id FROM $archive) x") }
fill(1, 5);
is(account('public.old_chats'), '1222 0', 'so many there are');
$t->sql(conversation($c, 'meanwhile', 3, 90));
$t->sql(qq{SET ROLE shop; SELECT webchatt.set_retention('20 days'), webchatt.set_retention('20 days', '$e', 'public.old_chats')});
$t->wait_for(qq{SELECT last_error = 'no room for a-3' AND next_try > last_error_at FROM webchatt.retention WHERE channel_id = '$e'}, 'an archive that raises: nothing leaves there, and it is said');
$t->wait_for(q{SELECT last_error ~ 'conversations of channel .* cannot leave: no room for a-3' FROM webchatt.status}, 'in the status as well');
$t->wait_for(q{SELECT count(*) = 0 FROM webchatt.messages WHERE visitor = 'meanwhile'}, 'and another channel goes on');
is(account('public.old_chats'), '1222 0', 'nothing is lost, nothing is there twice');
is($t->sql(q{SELECT string_agg(DISTINCT who || ' ' || setting, ', ') FROM public.writers}), 'shop pg_catalog, pg_temp', 'written with its owner\'s rights') if count('public.writers') > 0;

# kill -9 while it writes
$t->sql(qq{INSERT INTO public.writers VALUES ('let it'); SELECT setval('public.gate', 7); SELECT webchatt.set_retention('20 days', '$e', 'public.old_chats')});
$t->wait_for(q{SELECT count(*) = 1 FROM pg_stat_activity WHERE backend_type = 'webchatt retention' AND wait_event = 'PgSleep'}, 'it writes');
kill_retention();
$t->wait_for(q{SELECT setval('public.gate', 8) = 8}, 'the server is back');
$t->wait_for(qq{SELECT count(*) = 2 FROM webchatt.messages WHERE channel_id = '$e'}, 'all of it leaves');
is(account('public.old_chats'), '1222 0', 'nothing is lost, nothing is there twice');
is($t->sql(q{SELECT string_agg(DISTINCT who || ' ' || setting, ', ') FROM public.writers WHERE who <> 'let it'}), 'shop pg_catalog, pg_temp', 'written with its owner\'s rights');
cmp_ok(count(q{pg_inherits WHERE inhparent = 'public.old_chats'::regclass}), '>=', 4, 'in partitions that were made as they were needed');
is(count(q{public.old_chats WHERE direction = 'out' AND jsonb_path_query_array(statuses, '$.status') <> '["sent", "read"]'}), '0', 'with their statuses');
is(count("webchatt.statuses s WHERE channel_id = '$e' AND NOT EXISTS (SELECT FROM webchatt.messages m WHERE m.id = s.message_id)"), '0', 'which are nowhere else');

# While the archive takes its time, nothing is locked here that the worker writes for who comes back.
$t->sql("SELECT setval('public.gate', 6); BEGIN; " . conversation($e, 'slow-1', 2, 70) . conversation($e, 'slow-2', 2, 60) . conversation($c, 'slow-3', 2, 60)
	. q{INSERT INTO webchatt.conversations (channel_id, visitor, last_id, last_at) SELECT DISTINCT ON (visitor) channel_id, visitor, id, created_at FROM webchatt.messages WHERE visitor ~ '^slow' ORDER BY visitor, id DESC; COMMIT});
$t->sql(qq{SELECT webchatt.set_retention('20 days', '$e', 'public.old_chats')});
$t->wait_for(q{SELECT count(*) = 1 FROM pg_stat_activity WHERE backend_type = 'webchatt retention' AND wait_event = 'PgSleep'}, 'it waits for the archive');
is($t->sql(q{SELECT count(*) FROM webchatt.conversations WHERE visitor IN ('slow-1', 'slow-2')}), '2', 'with those that leave');
is($t->sql(q{SELECT count(*) - (SELECT count(*) FROM (SELECT FROM webchatt.conversations FOR UPDATE SKIP LOCKED) c) FROM webchatt.conversations}), '0', 'and holds no conversation, nor one of another channel');
$t->sql(q{SELECT setval('public.gate', 8)});
$t->wait_for(q{SELECT count(*) = 0 FROM webchatt.conversations WHERE visitor ~ '^slow'}, 'then they leave');
$t->sql(q{DELETE FROM public.old_chats WHERE visitor ~ '^slow'});

# What is in both places is read as one.
$t->sql(conversation($e, 'x', 6, 1) =~ s/^.*?INSERT INTO webchatt.messages/INSERT INTO webchatt.messages/sr =~ s/'x'/'a-2'/gr =~ s/'x\//'a-2\/y/gr);
sub history { my ($arguments, $role) = @_; return $t->sql(($role ? "SET ROLE $role; " : '') . "SELECT string_agg(content ->> 'text', ', ' ORDER BY n) FROM webchatt.history('$e', $arguments) WITH ORDINALITY h (channel_id, id, visitor, direction, status, content, created_at, status_at, author, final, hub_message_id, hub_time, dedupe_key, expires_at, error_code, error_message, extra, statuses, n)") }
is(history(q{'a-2', most => 7}), 'x 6, x 5, x 4, x 3, x 2, x 1, a-2 4', 'history() has the newest, wherever they are');
my $before = $t->sql("SELECT id FROM webchatt.history('$e', 'a-2', most => 7) ORDER BY id LIMIT 1");
is(history(qq{'a-2', '$before'}), 'a-2 3, a-2 2, a-2 1', 'and those before');
$t->sql("INSERT INTO public.old_chats SELECT channel_id, id, visitor, direction::text, status::text, content, (SELECT max(created_at) FROM public.old_chats) FROM webchatt.messages WHERE visitor = 'a-2' ORDER BY id DESC LIMIT 1");
is(history(q{'a-2', most => 3}), 'x 6, x 5, x 4', 'what is in both, once');
my ($status, undef, $error) = $t->try_sql("SET ROLE webchatt_agent; SELECT FROM webchatt.history('$e', 'a-2')");
like($error, qr/permission denied for table old_chats/, 'with the rights of who asks');
$t->sql('GRANT SELECT ON public.old_chats TO webchatt_agent');
is(history(q{'a-2', most => 1}, 'webchatt_agent'), 'x 6', 'who may read it reads it');

# Others' tables: one that swallows, one that is another's now, one that is gone.
$t->sql(conversation($e, 'later', 3, 80));
sub complains { my ($pattern, $name) = @_; $t->sql(qq{SELECT webchatt.set_retention('20 days', '$e', 'public.old_chats')}); return $t->wait_for(qq{SELECT last_error ~ '$pattern' FROM webchatt.retention WHERE channel_id = '$e'}, $name) }
$t->sql(q{CREATE FUNCTION public.swallow() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'; CREATE TRIGGER swallow BEFORE INSERT ON public.old_chats FOR EACH ROW EXECUTE FUNCTION public.swallow()});
complains('the archive (public\.)?old_chats kept 0 of 3 messages', 'an archive that swallows is caught');
$t->sql(q{DROP TRIGGER swallow ON public.old_chats; CREATE ROLE stranger; UPDATE webchatt.retentions SET archive_owner = 'stranger' WHERE archive_name IS NOT NULL; UPDATE webchatt.retention_progress SET not_before = NULL});
$t->wait_for(qq{SELECT last_error ~ 'is no archive, or has another owner' FROM webchatt.retention WHERE channel_id = '$e'}, 'one that has another owner now');
$t->sql(q{UPDATE webchatt.retentions SET archive_name = 'nowhere' WHERE archive_name IS NOT NULL; UPDATE webchatt.retention_progress SET not_before = NULL});
$t->wait_for(qq{SELECT last_error ~ 'the archive public.nowhere is gone' FROM webchatt.retention WHERE channel_id = '$e'}, 'and one that is gone');
is(count(q{webchatt.messages WHERE visitor = 'later'}), '3', 'and nothing leaves meanwhile');

# --- a foreign table -------------------------------------------------------------------------

$t->sql('CREATE DATABASE old');
$t->{node}->safe_psql('old', q{CREATE TABLE chats (channel_id uuid, id uuid, visitor text, direction text, status text, content jsonb, created_at timestamptz, PRIMARY KEY (channel_id, id)); GRANT ALL ON chats TO shop});
my ($host, $port) = ($t->{node}->host, $t->{node}->port);
$t->sql(qq{CREATE EXTENSION postgres_fdw; CREATE SERVER far FOREIGN DATA WRAPPER postgres_fdw OPTIONS (host '$host', port '$port', dbname 'old');
	GRANT USAGE ON FOREIGN SERVER far TO shop; CREATE USER MAPPING FOR shop SERVER far OPTIONS (user 'shop', password_required 'false');
	SET ROLE shop; IMPORT FOREIGN SCHEMA public LIMIT TO (chats) FROM SERVER far INTO public});
fill(11, 13);
$t->sql(q{SET ROLE shop; INSERT INTO public.chats SELECT channel_id, id, visitor, direction::text, status::text, content, created_at FROM webchatt.messages WHERE visitor = 'a-12'});
is($t->sql(qq{SET ROLE shop; SELECT count(*) FROM public.chats}), '4', 'some are there already, as after a crash between two commits');
$t->sql(qq{SET ROLE shop; SELECT webchatt.set_retention('20 days', '$e', 'public.chats')});
$t->wait_for(qq{SELECT count(*) = 10 FROM webchatt.messages WHERE channel_id = '$e'}, 'they leave into another database');
is($t->{node}->safe_psql('old', q{SELECT count(*) || ' ' || count(DISTINCT id) FROM chats WHERE visitor ~ '^(a|long)-1'}), '1212 1212', 'and are there, once each');
is(history(q{'a-11', most => 2}, 'shop'), 'a-11 4, a-11 3', 'and read from there');

# --- a dump ---------------------------------------------------------------------------------------

my $dump = PostgreSQL::Test::Utils::slurp_file(do { my $file = "$PostgreSQL::Test::Utils::tmp_check/dump"; $t->{node}->command_ok([ 'pg_dump', '-d', $t->{node}->connstr('postgres'), '-f', $file ], 'dumped'); $file });
like($dump, qr/^COPY webchatt\.retentions .*\n(?:.*\n)*?$e\t20 days\tpublic\tchats\tshop\t/m, 'a dump has the settings');
unlike($dump, qr/^COPY webchatt\.retention_(progress|left)/m, 'and not how far it was');

# --- who is erased, and what is redacted, in archives ---------------------------------------------

sub in_archives
{
	my ($mark) = @_;
	return $t->sql("SELECT (SELECT count(*) FROM public.old_chats x WHERE strpos(x::text, '$mark') > 0)") . ' ' . $t->{node}->safe_psql('old', "SELECT count(*) FROM chats x WHERE strpos(x::text, '$mark') > 0");
}
my ($gate, $healed) = ("SELECT setval('public.gate', 7)", "SELECT setval('public.gate', 9)");
$t->sql($healed);
is($t->sql(q{SELECT string_agg(concat_ws(' ', channel_id, archive_schema, archive_name, archive_owner), ', ' ORDER BY archive_name) FROM webchatt.archives}), "$e public chats shop, $e public old_chats shop", 'each archive that ever was is remembered');
refused(qq{SET ROLE shop; INSERT INTO webchatt.archives (archive_schema, archive_name, archive_owner) VALUES ('public', 'narrow', 'postgres')}, qr/permission denied/, 'and nobody makes one of a table but by set_retention()');
refused(q{SET ROLE webchatt_worker; SELECT webchatt._archive_erase('public.narrow', gen_random_uuid(), 'x', 'infinity')}, qr/narrow is no archive/, 'nothing is erased in what is none');
$t->sql(qq{SET ROLE shop; SELECT webchatt.set_retention('20 days', '$e', 'public.old_chats')});
$t->sql(conversation($e, 'zqmark', 7, 200) . conversation($e, 'zqlater', 5, 190) . conversation($e, 'zqgate', 3, 180));
$t->wait_for("SELECT count(*) = 0 FROM webchatt.messages WHERE visitor ~ '^zq'", 'they leave');
$t->sql(q{SET ROLE shop; INSERT INTO public.chats SELECT channel_id, gen_random_uuid(), visitor, direction, status, content, created_at FROM public.old_chats WHERE visitor ~ '^zq'});
$t->sql(q{DELETE FROM webchatt.visitors WHERE id ~ '^zq'});
$t->sql(conversation($e, 'zqmark', 2, 1));
is(in_archives('zqmark') . ' ' . in_archives('zqlater'), '7 7 5 5', 'which are two; and one is back');

# handed out
my $whole = sub { $t->sql("SET ROLE shop; SELECT string_agg(m -> 'content' ->> 'text', ', ' ORDER BY n) || coalesce(x ->> 'next', '') FROM (SELECT webchatt.export_visitor('$e', $_[0]) AS x OFFSET 0) y, jsonb_array_elements(x -> 'messages') WITH ORDINALITY j (m, n) GROUP BY x") };
is(join(' ', sort split /, /, $whole->(q{'zqlater'})), join(' ', sort split /, /, join ', ', map { ("zqlater $_") x 2 } 1 .. 5), 'what archives have is handed out');
like($whole->(q{'zqmark'}), qr/^(zqmark \d, ){15}zqmark \d$/, 'with what is here');
my ($after, @pages) = ('NULL');
for (1 .. 9)
{
	my $page = $t->sql("SET ROLE shop; SELECT jsonb_array_length(x -> 'messages') || '|' || coalesce(quote_literal(x ->> 'next'), '') FROM webchatt.export_visitor('$e', 'zqlater', $after, 3) x");
	(my $n, $after) = split /\|/, $page;
	push @pages, $n;
	last if !$after;
}
is("@pages", '3 3 3 1', 'in pages as well');
$t->sql('CREATE ROLE keeper LOGIN IN ROLE webchatt_admin');
refused(qq{SET ROLE keeper; SELECT webchatt.export_visitor('$e', 'zqlater')}, qr/the archive (public\.)?\w*chats cannot be read: permission denied/, 'but to nobody who may not read them');

# redacted: with the hub's words beside, in both, by who sees them
my ($card, $far) = split /\|/, $t->sql(q{SET ROLE shop; UPDATE public.old_chats SET extra = '{"raw": "zqcard"}', error_message = 'zqcard', statuses = '[{"status": "failed", "errorMessage": "zqcard"}]', content = '{"text": "zqcard"}' WHERE content ->> 'text' = 'zqlater 2';
	UPDATE public.chats SET content = '{"text": "zqcard"}' WHERE content ->> 'text' = 'zqlater 3';
	SELECT (SELECT id FROM public.old_chats WHERE content ->> 'text' = 'zqcard'), (SELECT id FROM public.chats WHERE content ->> 'text' = 'zqcard')});
is(in_archives('zqcard'), '1 1', 'a card number was moved there');
# as after a crash between two commits: here, and there
my $both = $t->sql(q{UPDATE webchatt.messages SET content = '{"text": "zqcard"}' WHERE visitor = 'zqmark' AND content ->> 'text' = 'zqmark 2';
	INSERT INTO public.old_chats SELECT channel_id, id, visitor, direction::text, status::text, content, (SELECT max(created_at) FROM public.old_chats) FROM webchatt.messages WHERE content ->> 'text' = 'zqcard' RETURNING id});
is($t->sql("SELECT webchatt.redact_message('$e', '$both')"), 't', 'one is in both');
is($t->sql("SET ROLE shop; SELECT webchatt.redact_message('$e', '$card'), webchatt.redact_message('$e', '$far', 'gone'), webchatt.redact_message('$e', gen_random_uuid())"), 't|t|f', 'it is redacted where it is');
$t->wait_for('SELECT count(*) = 3 FROM webchatt.archive_tasks WHERE looks = 1', 'by the process that moves there');
is(in_archives('zqcard') . ' ' . count(q{webchatt.messages m WHERE strpos(m::text, 'zqcard') > 0}), '0 0 0', 'and is in no archive any more, or here');
is($t->sql("SELECT content, statuses FROM public.old_chats WHERE id = '$card'") . $t->{node}->safe_psql('old', "SELECT content FROM chats WHERE id = '$far'"), '{"text": "[removed]", "type": "text"}|[{"status": "failed"}]{"text": "gone", "type": "text"}', 'but what stands in its place');
is($t->sql("SELECT count(*) FROM webchatt.redactions WHERE message_id IN ('$card', '$far') AND redacted_by = 'shop'"), '2', 'and who did it');

# erased, where one archive raises; and nothing leaves by itself any more
$t->sql(q{CREATE FUNCTION public.keeps() RETURNS trigger LANGUAGE plpgsql AS $$
	BEGIN
		WHILE OLD.visitor = 'zqgate' AND (SELECT last_value = 7 FROM public.gate) LOOP PERFORM pg_sleep(0.05); END LOOP;
		IF OLD.visitor = 'zqmark' AND (SELECT last_value = 8 FROM public.gate) THEN RAISE 'the archive is closed'; END IF;
		RETURN OLD;
	END $$; CREATE TRIGGER keeps BEFORE DELETE ON public.old_chats FOR EACH ROW EXECUTE FUNCTION public.keeps();
	DELETE FROM webchatt.retentions; SELECT setval('public.gate', 8)});
my ($mark) = $t->sql("SET ROLE shop; SELECT webchatt.erase_visitor('$e', 'zqmark')");
$t->wait_for("SELECT archived_rows = 7 AND NOT archives_done AND archives_error = 'public.old_chats: the archive is closed' FROM webchatt.erasures WHERE id = '$mark'", 'an archive that raises does not keep it from the other');
is(in_archives('zqmark'), '8 0', 'as one sees there');
$t->wait_for(q{SELECT last_error ~ 'what is to be erased in an archive cannot be: public.old_chats: the archive is closed' FROM webchatt.status}, 'the status says it');
is($t->sql("SELECT tries > 0 AND archives = '{public.chats}' FROM webchatt.archive_tasks WHERE erasure_id = '$mark'"), 't', 'and it is tried again');
$t->sql($healed);
$t->sql('UPDATE webchatt.archive_tasks SET due = now() WHERE looks = 0');
$t->wait_for("SELECT archived_rows = 15 AND archives_done AND archives_error IS NULL FROM webchatt.erasures WHERE id = '$mark'", 'until it can be');
is(in_archives('zqmark') . ' ' . count(q{webchatt.messages WHERE visitor = 'zqmark'}), '0 0 0', 'nothing of the person is in an archive, or here');

# kill -9 while it erases
$t->sql($gate);
my $killed = $t->sql("SET ROLE shop; SELECT webchatt.erase_visitor('$e', 'zqgate')");
$t->wait_for(q{SELECT count(*) = 1 FROM pg_stat_activity WHERE backend_type = 'webchatt retention' AND wait_event = 'PgSleep'}, 'it erases');
kill_retention();
$t->wait_for(q{SELECT setval('public.gate', 9) = 9}, 'the server is back');
$t->wait_for("SELECT archives_done FROM webchatt.erasures WHERE id = '$killed'", 'and it goes on, though nothing leaves');
is(in_archives('zqgate'), '0 0', 'nothing is in an archive');

# what was moved in the moment in which somebody is erased, and an archive that is gone
$t->sql('DROP TABLE public.narrow');
$t->sql(qq{INSERT INTO webchatt.archives (channel_id, archive_schema, archive_name, archive_owner) VALUES ('$e', 'public', 'narrow', 'shop')});
$t->sql(conversation($e, 'zqmoment', 3000, 170) . q{SELECT setval('public.gate', 7)});
$t->sql(qq{SET ROLE shop; SELECT webchatt.set_retention('20 days', '$e', 'public.old_chats')});
$t->wait_for(q{SELECT count(*) = 1 FROM pg_stat_activity WHERE backend_type = 'webchatt retention' AND wait_event = 'PgSleep'}, 'somebody is being moved');
my $session = IPC::Run::start([ 'psql', '-XAtq', '-d', $t->{node}->connstr('postgres'), '-c', "SELECT webchatt.erase_visitor('$e', 'zqmoment')" ], '>', \my $out, '2>', \my $err);
$t->wait_for(q{SELECT count(*) = 1 FROM pg_stat_activity WHERE query ~ 'erase_visitor' AND wait_event_type = 'Lock'}, 'and erased in that moment');
$t->sql($healed);
$t->wait_for(q{SELECT count(*) = 1 FROM webchatt.erasures WHERE visitors @> '{zqmoment}' AND archived_rows > 0 AND (rows ->> 'messages')::int + archived_rows = 3000 AND archives_done}, 'is erased where they got');
$session->finish;
is($err, '', 'without an error');
is(in_archives('zqmoment'), '0 0', 'and not there any more');
is(count(q{webchatt.archives WHERE archive_name = 'narrow' AND gone_at IS NOT NULL}), '1', 'an archive that is gone is noted to be');
is(in_archives('zqlater'), '5 5', 'others are there');

# the second look, at once; then nothing is noted, and nobody is there for it
$t->sql(q{DELETE FROM webchatt.retentions; UPDATE webchatt.archive_tasks SET due = now()});
$t->wait_for(q{SELECT count(*) = 0 FROM webchatt.archive_tasks}, 'looked at once more, the ids are forgotten');
$t->wait_for(q{SELECT count(*) = 0 FROM pg_stat_activity WHERE backend_type = 'webchatt retention'}, 'and its process ends');
done_testing();
