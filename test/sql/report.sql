-- Reports: each figure computed by hand, days of a time zone, whose rights, what is refused, and that no table is read as a whole.
\set QUIET on
\set SHOW_CONTEXT never
\pset format unaligned
\pset tuples_only on
\pset null -
SET client_min_messages = error;
SET timezone = 'UTC';
SET datestyle = 'ISO, YMD';
SET intervalstyle = 'postgres';
BEGIN;
CREATE FUNCTION pg_temp.refusal(statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	state text;
	message text;
	detail text;
	hint text;
BEGIN
	EXECUTE statement;
	RETURN 'done';
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS state = RETURNED_SQLSTATE, message = MESSAGE_TEXT,
		detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT;
	RETURN concat_ws(E'\n', state || ' ' || message, 'DETAIL: ' || nullif(detail, ''), 'HINT: ' || nullif(hint, ''));
END
$$;
\set a '''6cbd6789-1d2b-47e0-9391-5eb91d2839ea'''
\set b '''6cbd6789-1d2b-47e0-9391-5eb91d2839eb'''
SELECT webchatt.connect_hub('key') \gset
SELECT webchatt.add_channel(:a, display_name => 'A'), webchatt.add_channel(:b, display_name => 'B') \gset

CREATE SEQUENCE pg_temp.n;
-- a message as it would have been written then; i: from the visitor, o: a final one to them, n: one that is not
CREATE FUNCTION pg_temp.said(channel uuid, who text, at timestamptz, kind text, status text DEFAULT 'read') RETURNS uuid LANGUAGE sql AS $$
	INSERT INTO webchatt.visitors (channel_id, id, first_seen) VALUES (channel, who, at) ON CONFLICT DO NOTHING;
	INSERT INTO webchatt.messages (channel_id, id, visitor, direction, status, content, created_at, final, author)
	SELECT channel, (left(webchatt._search_id(at)::text, 14) || '7000-8000-' || lpad(nextval('pg_temp.n')::text, 12, '0'))::uuid, who,
		CASE kind WHEN 'i' THEN 'in' ELSE 'out' END::webchatt.message_direction, CASE kind WHEN 'i' THEN 'received' ELSE status END::webchatt.message_status,
		'{"text": "x"}', at, kind <> 'n', CASE WHEN kind = 'o' AND who <> 'ann' THEN 'ana' END RETURNING id;
$$;
CREATE FUNCTION pg_temp.closed(channel uuid, who text, upto uuid, at timestamptz) RETURNS void LANGUAGE sql AS $$
	INSERT INTO webchatt.closings (channel_id, visitor, closed_upto, closed_at, closed_by) VALUES (channel, who, upto, at, 'ana')
$$;
CREATE VIEW pg_temp.days AS SELECT day, display_name, messages_in AS i, messages_out AS o, conversations AS conv, begun, visitors_new AS new, answered AS ans, unanswered AS un,
	first_answer_median AS median, first_answer_p90 AS p90, closed, time_to_close_median AS to_close, held, expired AS exp, failed, ratings, rating_average AS avg
	FROM webchatt.report('2026-03-02', '2026-03-12') r JOIN webchatt.channels c ON c.id = r.channel_id ORDER BY display_name, day;

-- ann, day 2: waits 10:00 to 10:02, whatever the bot said (2 min, by a function without author); 11:00 to 11:10 (10 min), closed at 11:15 (1:15 h)
SELECT pg_temp.said(:a, 'ann', '2026-03-02 10:00', 'i'), pg_temp.said(:a, 'ann', '2026-03-02 10:00:01', 'n'), pg_temp.said(:a, 'ann', '2026-03-02 10:01', 'i'),
	pg_temp.said(:a, 'ann', '2026-03-02 10:02', 'o'), pg_temp.said(:a, 'ann', '2026-03-02 10:03', 'o'), pg_temp.said(:a, 'ann', '2026-03-02 11:00', 'i') \gset
SELECT pg_temp.said(:a, 'ann', '2026-03-02 11:10', 'o') AS last \gset
SELECT pg_temp.closed(:a, 'ann', :'last', '2026-03-02 11:15') \gset
-- bob: asks on day 2 at 23:58 and again on day 3, at 00:01, answered at 00:08: one wait, of day 2 (10 min); says thanks on day 3, unanswered; comes back on day 6: another (1 h), closed an hour later
SELECT pg_temp.said(:a, 'bob', '2026-03-02 23:58', 'i'), pg_temp.said(:a, 'bob', '2026-03-03 00:01', 'i'), pg_temp.said(:a, 'bob', '2026-03-03 00:08', 'o'),
	pg_temp.said(:a, 'bob', '2026-03-03 00:09', 'i'), pg_temp.said(:a, 'bob', '2026-03-06 12:00', 'i') \gset
SELECT pg_temp.said(:a, 'bob', '2026-03-06 13:00', 'o') AS last \gset
SELECT pg_temp.closed(:a, 'bob', :'last', '2026-03-06 14:00') \gset
-- cy, day 3: written to first, and answers within three days, so nothing begins; then waits over five days, writing now and then: one wait (5 days)
SELECT pg_temp.said(:a, 'cy', '2026-03-03 09:00', 'o', 'failed'), pg_temp.said(:a, 'cy', '2026-03-04 09:00', 'i'), pg_temp.said(:a, 'cy', '2026-03-06 09:00', 'i'),
	pg_temp.said(:a, 'cy', '2026-03-08 09:00', 'i'), pg_temp.said(:a, 'cy', '2026-03-09 09:00', 'o') \gset
-- dee: nobody answered for four days of silence: the answer is one, for nothing else was asked in between
SELECT pg_temp.said(:a, 'dee', '2026-03-04 09:00', 'i'), pg_temp.said(:a, 'dee', '2026-03-08 09:00', 'o', 'expired') \gset
-- eve, on the other channel, day 5 only: never answered but by a bot; closed without a word of hers is no time
SELECT pg_temp.said(:b, 'eve', '2026-03-05 09:00', 'i'), pg_temp.said(:b, 'eve', '2026-03-05 09:00:01', 'n') \gset
SELECT pg_temp.said(:b, 'fay', '2026-03-05 09:00', 'o', 'held') AS held \gset
SELECT pg_temp.closed(:b, 'fay', :'held', '2026-03-05 10:00') \gset
-- gil, there, day 7: closed after an hour; comes back, is closed on the next day, which has no messages, 24 hours from then; both are counted, though it is open now
SELECT pg_temp.said(:b, 'gil', '2026-03-07 10:00', 'i') \gset
SELECT pg_temp.said(:b, 'gil', '2026-03-07 10:30', 'o') AS first \gset
SELECT pg_temp.said(:b, 'gil', '2026-03-07 12:00', 'i') AS last \gset
SELECT pg_temp.closed(:b, 'gil', :'first', '2026-03-07 11:00'), pg_temp.closed(:b, 'gil', :'last', '2026-03-08 12:00'), pg_temp.said(:b, 'gil', '2026-03-09 10:00', 'i') \gset
INSERT INTO webchatt.statuses (channel_id, message_id, status) VALUES (:b, :'held', 'held'), (:b, :'held', 'held'), (:b, :'held', 'sent');
INSERT INTO webchatt.ratings (channel_id, visitor, closed_upto, value, rated_at) SELECT :a, v, gen_random_uuid(), n, at::timestamptz FROM (VALUES
	('ann', 5, '2026-03-02 12:00'), ('bob', 2, '2026-03-02 23:59:59'), ('bob', 4, '2026-03-03 00:00'), ('ann', 3, '2026-03-11 01:00')) r (v, n, at);

\echo by day
\pset tuples_only off
\pset footer off
SELECT * FROM pg_temp.days;
\echo another time zone: the evening of bob is of the next day
SELECT day, messages_in, begun, answered, first_answer_median, ratings FROM webchatt.report('2026-03-02', '2026-03-03', :a, 'Europe/Berlin');
\echo one channel, one day
SELECT day, channel_id, conversations FROM webchatt.report('2026-03-05', '2026-03-05', :b);
SELECT day, channel_id, conversations FROM webchatt.report('2026-03-05', '2026-03-05', :a);
\pset tuples_only on
\echo new on the day of the first message, also when the row was made before midnight
UPDATE webchatt.visitors SET first_seen = '2026-03-01 23:59:59.9' WHERE id = 'ann';
SELECT sum(visitors_new) FROM webchatt.report('2026-03-02', '2026-03-03', :a);
\echo the last 30 days, up to today
SELECT pg_temp.said(:b, 'gus', now(), 'i'), pg_temp.said(:b, 'gus', date_trunc('day', now()) - interval '29 days', 'i'), pg_temp.said(:b, 'gus', date_trunc('day', now()) - interval '29 days 1 second', 'i') \gset
SELECT (now()::date - day), channel, messages_in, begun, unanswered FROM webchatt.report_by_day;

\echo refused
SELECT pg_temp.refusal(format('SELECT webchatt.report(%s)', args)) FROM (VALUES (1, '''2026-03-02'', ''2026-03-01'''), (2, '''2026-01-01'', ''2027-02-05'''), (3, '''-infinity'', ''2026-03-01'''), (4, 'until => ''infinity'''),
	(5, '''0044-03-15 BC'', ''0044-03-16 BC'''), (6, 'channel => ''00000000-0000-0000-0000-000000000001'''), (7, 'time_zone => ''Mars/Olympus'''), (8, 'time_zone => NULL'),
	(9, '''2026-01-01'', ''2027-02-04'''), (10, '''9999-12-30'', ''9999-12-30'''), (11, '''1970-01-01'', ''1970-01-01''')) t (n, args) ORDER BY n;

\echo whose rights
CREATE ROLE regress_webchatt_nobody;
CREATE ROLE regress_webchatt_agent IN ROLE webchatt_agent;
CREATE ROLE regress_webchatt_admin IN ROLE webchatt_admin;
SELECT has_function_privilege(r, f, 'EXECUTE'), has_table_privilege(r, 'webchatt.report_by_day', 'SELECT')
FROM unnest(ARRAY['regress_webchatt_nobody', 'regress_webchatt_agent', 'regress_webchatt_admin', 'webchatt_worker']) WITH ORDINALITY r (r, n),
	unnest(ARRAY['webchatt.report(date, date, uuid, text)']) f ORDER BY r.n;
SET LOCAL ROLE regress_webchatt_admin;
SELECT count(*), sum(messages_in) FROM webchatt.report('2026-03-02', '2026-03-12');
RESET ROLE;
ALTER TABLE webchatt.messages ENABLE ROW LEVEL SECURITY;
CREATE POLICY mine ON webchatt.messages FOR SELECT TO regress_webchatt_agent USING (channel_id = '6cbd6789-1d2b-47e0-9391-5eb91d2839eb');
SET LOCAL ROLE regress_webchatt_agent;
SELECT day, messages_in, messages_out, ratings FROM webchatt.report('2026-03-02', '2026-03-12') ORDER BY day, messages_in;
SELECT channel, sum(messages_in) FROM webchatt.report_by_day GROUP BY channel;
RESET ROLE;
ALTER TABLE webchatt.messages DISABLE ROW LEVEL SECURITY;

\echo no table is read as a whole, by one who asks for a day among many
INSERT INTO webchatt.visitors (channel_id, id, first_seen) SELECT :a, 'v' || n, '2025-01-01' FROM generate_series(1, 300) n;
INSERT INTO webchatt.messages (channel_id, id, visitor, direction, status, content, created_at)
	SELECT :a, (left(webchatt._search_id(at)::text, 14) || '7000-8000-' || lpad(n::text, 12, '0'))::uuid, 'v' || n % 299 + 1, d::webchatt.message_direction, 'read', '{}', at
	FROM (SELECT n, timestamptz '2025-01-01' + n * interval '10 minutes' AS at, CASE n % 2 WHEN 0 THEN 'in' ELSE 'out' END AS d FROM generate_series(1, 6000) n) x;
INSERT INTO webchatt.statuses (channel_id, message_id, status) SELECT m.channel_id, m.id, 'sent' FROM webchatt.messages m WHERE m.direction = 'out' AND m.created_at < '2026-01-01';
INSERT INTO webchatt.conversations (channel_id, visitor, last_id, last_at) SELECT DISTINCT ON (m.visitor) m.channel_id, m.visitor, m.id, m.created_at
	FROM webchatt.messages m WHERE m.created_at < '2026-01-01' ORDER BY m.visitor, m.id DESC;
ANALYZE webchatt.messages, webchatt.statuses, webchatt.visitors, webchatt.conversations;
CREATE TEMP TABLE was AS SELECT (SELECT sum(pg_stat_get_xact_numscans(relid)) FROM pg_stat_user_tables WHERE schemaname = 'webchatt' AND relname IN ('messages', 'statuses', 'visitors', 'conversations', 'ratings')) AS scans,
	(SELECT sum(pg_stat_get_xact_tuples_returned(indexrelid)) FROM pg_stat_user_indexes WHERE schemaname = 'webchatt' AND relname IN ('messages', 'statuses')) AS entries;
SELECT messages_in, messages_out, conversations, answered, unanswered FROM webchatt.report('2025-01-10', '2025-01-10', :a);
-- scans of whole tables; and whether what was read of the indexes, for 144 messages of 6,000, is in proportion to the day
SELECT (SELECT sum(pg_stat_get_xact_numscans(relid)) FROM pg_stat_user_tables WHERE schemaname = 'webchatt' AND relname IN ('messages', 'statuses', 'visitors', 'conversations', 'ratings')) - scans,
	(SELECT sum(pg_stat_get_xact_tuples_returned(indexrelid)) FROM pg_stat_user_indexes WHERE schemaname = 'webchatt' AND relname IN ('messages', 'statuses')) - entries BETWEEN 144 AND 2000 FROM was;
ROLLBACK;
