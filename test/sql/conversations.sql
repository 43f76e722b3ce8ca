-- close_conversation() and the like, without a worker: what they refuse, and what they order. The inbox by the index.
\set SHOW_CONTEXT never
\pset format unaligned
\pset tuples_only on
BEGIN;
CREATE FUNCTION pg_temp.refusal(statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	state text;
	message text;
	hint text;
BEGIN
	EXECUTE statement;
	RETURN 'done';
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS state = RETURNED_SQLSTATE, message = MESSAGE_TEXT, hint = PG_EXCEPTION_HINT;
	RETURN concat_ws(E'\n', state || ' ' || message, 'HINT: ' || nullif(hint, ''));
END
$$;
SET LOCAL client_min_messages = error;
SELECT webchatt.connect_hub('key');
SELECT webchatt.add_channel('00000000-0000-0000-0000-0000000000cc', display_name => 'Shop');
INSERT INTO webchatt.visitors (channel_id, id) VALUES ('00000000-0000-0000-0000-0000000000cc', 'ann'), ('00000000-0000-0000-0000-0000000000cc', 'mute');
INSERT INTO webchatt.messages (channel_id, id, visitor, direction, status, content) VALUES
	('00000000-0000-0000-0000-0000000000cc', '01900000-0000-7000-8000-000000000001', 'ann', 'in', 'received', '{"text": "one"}'),
	('00000000-0000-0000-0000-0000000000cc', '01900000-0000-7000-8000-000000000002', 'ann', 'in', 'received', '{"text": "two"}');
DELETE FROM webchatt.outbox;
SELECT c, pg_temp.refusal(format('SELECT webchatt.%s', c)) FROM unnest(ARRAY[
	'close_conversation(NULL, ''ann'')',
	'close_conversation(''00000000-0000-0000-0000-0000000000cc'', NULL)',
	'close_conversation(''00000000-0000-0000-0000-0000000000cd'', ''ann'')',
	'close_conversation(''00000000-0000-0000-0000-0000000000cc'', ''nobody'')',
	'close_conversation(''00000000-0000-0000-0000-0000000000cc'', ''mute'')',
	'close_conversation(''00000000-0000-0000-0000-0000000000cc'', '''')',
	'close_conversation(''00000000-0000-0000-0000-0000000000cc'', repeat(''x'', 256))',
	'close_conversation(''00000000-0000-0000-0000-0000000000cc'', ''ann'', ''01900000-0000-7000-8000-000000000000'')',
	'reopen_conversation(''00000000-0000-0000-0000-0000000000cc'', ''nobody'')',
	'assign_conversation(''00000000-0000-0000-0000-0000000000cc'', ''nobody'', ''ana'')',
	'assign_conversation(''00000000-0000-0000-0000-0000000000cc'', ''ann'', '''')',
	'assign_conversation(''00000000-0000-0000-0000-0000000000cc'', ''ann'', repeat(''x'', 256))']) c;
SELECT count(*) FROM webchatt.outbox;
-- what is ordered: the newest message that is seen, or the newest up to that one
SELECT webchatt.close_conversation('00000000-0000-0000-0000-0000000000cc', 'ann');
SELECT webchatt.close_conversation('00000000-0000-0000-0000-0000000000cc', 'ann', '01900000-0000-7000-8000-000000000001');
SELECT webchatt.close_conversation('00000000-0000-0000-0000-0000000000cc', 'ann', 'ffffffff-ffff-ffff-ffff-ffffffffffff');
SELECT webchatt.reopen_conversation('00000000-0000-0000-0000-0000000000cc', 'ann');
SELECT webchatt.assign_conversation('00000000-0000-0000-0000-0000000000cc', 'ann', 'ana');
SELECT webchatt.assign_conversation('00000000-0000-0000-0000-0000000000cc', 'ann', NULL);
SELECT op, hub_id, visitor, message_id, CASE WHEN note ~ ('^[0-9]{16} ' || current_user || '$') THEN 'now, by me' ELSE note END AS note FROM webchatt.outbox ORDER BY seq;
SELECT count(*) FROM webchatt.conversations;

-- ten thousand conversations, five hundred of them waiting, and two hundred closed: pages
INSERT INTO webchatt.visitors (channel_id, id) SELECT '00000000-0000-0000-0000-0000000000cc', 'v' || i FROM generate_series(1, 10000) i;
INSERT INTO webchatt.messages (channel_id, id, visitor, direction, status, content, created_at)
	SELECT '00000000-0000-0000-0000-0000000000cc', ('01900000-' || lpad(to_hex(i), 4, '0') || '-7000-8000-000000000000')::uuid, 'v' || i,
		CASE WHEN i % 20 = 0 THEN 'in' ELSE 'out' END::webchatt.message_direction, CASE WHEN i % 20 = 0 THEN 'received' ELSE 'sent' END::webchatt.message_status,
		'{"text": "hello"}', timestamptz '2026-01-01 00:00:00+00' + i * interval '1 second'
	FROM generate_series(1, 10000) i;
INSERT INTO webchatt.conversations (channel_id, visitor, state, closed_upto, answered_upto, waiting_since, last_id, last_at)
	SELECT channel_id, visitor, CASE WHEN n % 50 = 1 THEN 'closed' ELSE 'open' END::webchatt.conversation_state, CASE WHEN n % 50 = 1 THEN id END,
		CASE WHEN direction = 'out' THEN id END, CASE WHEN direction = 'in' THEN created_at END, id, created_at
	FROM (SELECT m.*, substr(m.visitor, 2)::int AS n FROM webchatt.messages m WHERE m.visitor LIKE 'v%') m;
ANALYZE webchatt.conversations;
ANALYZE webchatt.messages;
ANALYZE webchatt.visitors;
SELECT string_agg(visitor || CASE WHEN unanswered THEN '?' ELSE '' END, ' ') FROM (SELECT visitor, unanswered FROM webchatt.inbox LIMIT 5) i;
-- page by page it is the whole, in its order
CREATE FUNCTION pg_temp.pages(size int) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
	r record;
	l record;
	n int;
BEGIN
	SELECT 'open'::webchatt.conversation_state AS state, -9223372036854775808 AS place, '00000000-0000-0000-0000-000000000000'::uuid AS channel_id, '' AS visitor INTO l;
	LOOP
		n := 0;
		FOR r IN SELECT * FROM webchatt.inbox i
			WHERE (i.state, i.place, i.channel_id, i.visitor) > (l.state, l.place, l.channel_id, l.visitor) LIMIT size LOOP
			RETURN NEXT r.visitor;
			n := n + 1;
			l := r;
		END LOOP;
		EXIT WHEN n < size;
	END LOOP;
END
$$;
SELECT count(*), count(DISTINCT p), array_agg(p ORDER BY n) = (SELECT array_agg(visitor) FROM (SELECT visitor FROM webchatt.inbox) i) FROM pg_temp.pages(777) WITH ORDINALITY AS page (p, n);
SELECT string_agg(DISTINCT state || ' ' || (waiting_since IS NOT NULL), ', ') FROM (SELECT * FROM webchatt.inbox LIMIT 500) i;
SELECT state, bool_and(waiting_since IS NULL) FROM (SELECT * FROM webchatt.inbox OFFSET 9799) i GROUP BY 1 ORDER BY 1;
-- a page reads as many rows as it shows: what each node of the plan yields, of the tables' the most
CREATE FUNCTION pg_temp.most(plan jsonb) RETURNS bigint LANGUAGE sql AS $$
	SELECT max(((n ->> 'Actual Rows')::numeric + coalesce((n ->> 'Rows Removed by Filter')::numeric, 0)) * (n ->> 'Actual Loops')::numeric)::bigint
	FROM jsonb_path_query(plan, '$.**?(@."Relation Name" != "")') n
$$;
CREATE FUNCTION pg_temp.reads(query text, OUT rows bigint, OUT few_buffers boolean, OUT index text) LANGUAGE plpgsql AS $$
DECLARE
	plan jsonb;
BEGIN
	EXECUTE 'EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) ' || query INTO plan;
	rows := pg_temp.most(plan);
	few_buffers := (plan #>> '{0,Plan,Shared Hit Blocks}')::bigint + (plan #>> '{0,Plan,Shared Read Blocks}')::bigint < 1500;
	index := substring(plan::text, '"(conversations_[a-z]+)"');
END
$$;
SELECT r.* FROM webchatt.conversations c, unnest(ARRAY[
	'SELECT * FROM webchatt.inbox LIMIT 50',
	'SELECT * FROM webchatt.inbox WHERE unanswered LIMIT 50',
	'SELECT * FROM webchatt.inbox WHERE state = ''closed'' LIMIT 50',
	format('SELECT * FROM webchatt.inbox WHERE (state, place, channel_id, visitor) > (''open'', %s, %L, %L) LIMIT 50', c.place, c.channel_id, c.visitor),
	format('SELECT * FROM webchatt.inbox WHERE state = ''open'' AND (place, channel_id, visitor) > (%s, %L, %L) LIMIT 50', c.place, c.channel_id, c.visitor)])
	WITH ORDINALITY AS q (text, n), LATERAL pg_temp.reads(q.text) r WHERE c.visitor = 'v5000' ORDER BY q.n;
UPDATE webchatt.conversations SET assignee = 'ana' WHERE visitor IN ('v17', 'v4000', 'v9999');
SELECT * FROM pg_temp.reads('SELECT * FROM webchatt.inbox WHERE assignee = ''ana'' AND state = ''open'' LIMIT 50');
SELECT string_agg(visitor, ' ') FROM (SELECT visitor FROM webchatt.inbox WHERE assignee = 'ana') i;
-- so does one channel's, where what others have comes before it
SAVEPOINT other;
INSERT INTO webchatt.channels (id, hub_id, display_name) SELECT '00000000-0000-0000-0000-0000000000dd', hub_id, 'Other' FROM webchatt.channels WHERE id = '00000000-0000-0000-0000-0000000000cc';
UPDATE webchatt.visitors SET channel_id = '00000000-0000-0000-0000-0000000000dd' WHERE id ~ '^v([0-9]{1,3}|[12][0-9]{3}|3000)$';
UPDATE webchatt.messages SET channel_id = '00000000-0000-0000-0000-0000000000dd' WHERE visitor ~ '^v([0-9]{1,3}|[12][0-9]{3}|3000)$';
ANALYZE webchatt.conversations;
ANALYZE webchatt.messages;
ANALYZE webchatt.visitors;
SELECT count(*), count(*) FILTER (WHERE state = 'closed') FROM webchatt.conversations WHERE channel_id = '00000000-0000-0000-0000-0000000000dd';
SELECT * FROM pg_temp.reads('SELECT * FROM webchatt.inbox WHERE channel_id = ''00000000-0000-0000-0000-0000000000dd'' LIMIT 50');
ROLLBACK TO other;
-- no time, however strange, is refused
INSERT INTO webchatt.conversations (channel_id, visitor, waiting_since, last_id, last_at) VALUES
	('00000000-0000-0000-0000-0000000000cc', 'ann', 'infinity', '01900000-0000-7000-8000-000000000002', '-infinity');
UPDATE webchatt.conversations SET waiting_since = NULL, last_at = '294276-12-31' WHERE visitor = 'ann';
UPDATE webchatt.conversations SET waiting_since = '4714-11-24 BC', last_at = '4714-11-24 BC' WHERE visitor = 'ann';
ROLLBACK;
