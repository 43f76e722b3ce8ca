-- Search: what is a text, which words, what people type, the index that is built behind, rights and row security.
\set QUIET on
\pset format unaligned
\pset tuples_only on
SET client_min_messages = error;
SELECT webchatt.create_channel('Search A', ARRAY['https://a.search.example']) AS a \gset
SELECT webchatt.create_channel('Search B', ARRAY['https://b.search.example']) AS b \gset
SELECT webchatt.create_agent('sam', 'Sam') \gset
SET webchatt.agent = 'sam';

\echo texts
SELECT replace(webchatt.message_text(c::jsonb), E'\n', ' / ') FROM (VALUES (1, '{"text": "Hello"}'), (2, '{"type": "text", "text": {"body": "Long form"}}'), (3, '{"imageUrl": "https://x.example/secret-address.png", "text": "A caption"}'),
	(4, '{"document": {"link": "https://x.example/a", "filename": "Invoice 7.pdf", "caption": "Yours"}}'),
	(5, '{"interactive": {"type": "button", "header": {"type": "text", "text": "Head"}, "body": {"text": "Which?"}, "action": {"buttons": [{"type": "reply", "reply": {"id": "hidden-id", "title": "The blue one"}}]}}}'),
	(6, '{"interactive": {"type": "list_reply", "list_reply": {"id": "x", "title": "Row", "description": "of a list"}}}'),
	(7, '{"contacts": [{"name": {"formatted_name": "Ana S."}, "phones": [{"phone": "+351 1"}]}]}'), (8, '{}'), (9, '[]'), (10, '"bare"'), (11, '7'), (12, 'null'),
	(13, '{"text": null, "caption": 7, "title": ["x", {"text": "deep"}]}'), (14, '{"text": "de\u0301compose\u0301"}')) t (n, c) ORDER BY n;
SELECT octet_length(webchatt.message_text(jsonb_build_object('text', repeat('á', 100000))));
\echo words
SELECT webchatt._search_plain('São Tomé, ÀÉÎÕÜ ÇÑ ŁŠŽ Ærø straße ΑΒΓ ПРИВЕТ ana@shop.com a-b_c 1.5 “x” 🙂y');
SELECT length(t) = length(webchatt._search_plain(t)) FROM (SELECT string_agg(chr(n), '') AS t FROM generate_series(1, 70000) n WHERE n NOT BETWEEN 55296 AND 57343) x;
SELECT webchatt._search_words('The São-Tomé e-mail: ana@shop.com', 'simple');
SELECT length(webchatt._search_words(repeat('x', 100000) || ' ' || repeat('ab ', 20000), 'simple'));
SELECT webchatt.visitor_words('v-1', '{"name": "José", "n": 77, "deep": {"x": ["y@z.org"]}}');
SELECT length(webchatt.visitor_words('v', jsonb_build_object('x', repeat('ab cd ', 100000))));

\echo what people type
SELECT q, webchatt._search_query(q, 3) FROM (VALUES (1, 'blue'), (2, 'blue '), (3, '"blue"'), (4, 'blue lamp'), (5, '"blue lamp"'), (6, '"blue lamp'), (7, 'blue -lamp'), (8, 'blue or lamp x'), (9, 'or'), (10, 'OR OR or'),
	(11, '-blue'), (12, ''), (13, '   '), (14, '"'), (15, '""'), (16, '-'), (17, '&|!():*<->\'), (18, ''''), (19, 'ana@shop.com'), (20, 'bl'), (21, 'a:* & b | !c'), (22, 'São'), (23, '🙂'), (24, '-"blue lamp" x'), (25, 'x or -y'), (26, 'foo\'), (27, E'foo\tbar\n'), (28, repeat('(', 50) || 'x')) t (n, q) ORDER BY n;
SELECT numnode(webchatt._search_query(repeat('word ', 2000), 3)), numnode(webchatt._search_query(repeat('x', 10000), 3)), webchatt._search_query(repeat('"-(', 3000), 3) IS NULL;

\echo nothing is indexed: all is found
-- messages of long ago, as an import brings them, and one of now
CREATE FUNCTION import(channel uuid, n int, visitor text, said text, direction text DEFAULT 'in') RETURNS void LANGUAGE sql AS $$
	INSERT INTO webchatt.messages (channel_id, id, visitor, direction, status, content)
	VALUES (channel, ('01900000-0000-7000-8000-' || lpad(n::text, 12, '0'))::uuid, visitor, direction::webchatt.message_direction,
		CASE direction WHEN 'in' THEN 'received' ELSE 'read' END::webchatt.message_status, jsonb_build_object('text', said))
$$;
INSERT INTO webchatt.visitors (channel_id, id, attributes) VALUES (:'a', 'v1', '{"name": "José Search", "email": "jose@shop.search"}'), (:'a', 'v2', '{}'), (:'b', 'v1-of-b', '{}');
SELECT import(:'a', 1, 'v1', 'I want a blue lamp, please'), import(:'a', 2, 'v1', 'The blue lamp is gone; a red lamp?', 'out'), import(:'a', 3, 'v2', 'Blues are blue <b>&amp; bold</b>'),
	import(:'b', 4, 'v1-of-b', 'Um candeeiro azul em São Tomé'), import(:'b', 5, 'v1-of-b', 'blue ' || repeat('filler ', 40) || 'needle at the end') \gset
CREATE FUNCTION hits(query text, channel uuid DEFAULT NULL, visitor text DEFAULT NULL, direction text DEFAULT NULL, most int DEFAULT 20, before uuid DEFAULT NULL) RETURNS text LANGUAGE sql AS $$
	SELECT coalesce(string_agg(ltrim(right(h.id::text, 12), '0'), ' ' ORDER BY h.id DESC), '-') FROM webchatt.search(query, channel, NULL, NULL, visitor, direction::webchatt.message_direction, before, most) h
$$;
CREATE VIEW all_hits AS SELECT q, hits(q) FROM (VALUES (1, 'blue'), (2, 'blue lamp'), (3, '"red lamp"'), (4, 'lamp -red'), (5, 'azul or red'), (6, 'sao'), (7, 'BLUES'), (8, 'blu '), (9, 'amp'), (10, 'nee'), (11, 'nothing')) t (n, q) ORDER BY n;
SELECT * FROM all_hits;
\echo filters, pages
SELECT hits('blue', :'a'), hits('blue', :'b'), hits('blue', :'a', 'v1'), hits('blue', :'a', 'v1', 'out'), hits('blue', NULL, NULL, 'in'), hits('blue', NULL, NULL, NULL, 2), hits('blue', NULL, NULL, NULL, 2, '01900000-0000-7000-8000-000000000003');
SELECT count(*) FROM webchatt.search('blue', since => '2024-01-01', until => '2030-01-01');
SELECT count(*) FROM webchatt.search('blue', since => '2025-01-01');
SELECT count(*) FROM webchatt.search('blue', until => '2023-01-01');
SELECT count(*) FROM webchatt.search('blue', since => '-infinity', until => 'infinity');
SELECT visitor, direction, snippet, places FROM webchatt.search('blue') ORDER BY id;
SELECT snippet, places FROM webchatt.search('needle');
SELECT id, attributes ->> 'name' FROM webchatt.search_visitors('jose');
SELECT id FROM webchatt.search_visitors('shop.search');
SELECT string_agg(id, ' ' ORDER BY id) FROM webchatt.search_visitors('v1-');
SELECT count(*) FROM webchatt.search_visitors('');
SELECT count(*) FROM webchatt.search_visitors('v1', most => 51);
SELECT count(*) FROM webchatt.search('x', most => 0);
SELECT count(*) FROM webchatt.search('x', visitor => 'v1');

\echo the index
SELECT webchatt.index_texts(0);
SELECT count(*) FROM webchatt.search_texts;
-- others' transactions may be open in this cluster
CREATE PROCEDURE index_all() LANGUAGE plpgsql AS $$
BEGIN
	FOR i IN 1 .. 6000 LOOP
		PERFORM webchatt.index_texts(2);
		COMMIT;
		EXIT WHEN (SELECT checked_at IS NOT NULL AND check_id IS NULL FROM webchatt.search_state);
		PERFORM pg_sleep(0.01);
	END LOOP;
END
$$;
CALL index_all();
SELECT display_name, indexed_upto > '2024-01-01', indexed_downto, has_oldest FROM webchatt.search_coverage WHERE channel_id IN (:'a', :'b') ORDER BY 1;
SELECT count(*) FROM webchatt.search_texts WHERE channel_id IN (:'a', :'b');
SELECT * FROM all_hits;
SELECT hits('blue', :'a'), hits('blue', :'b'), hits('blue', NULL, NULL, 'in'), hits('blue', NULL, NULL, NULL, 2), hits('blue', NULL, NULL, NULL, 2, '01900000-0000-7000-8000-000000000003');
-- what is written now is found before it is in the index
SELECT webchatt.send_message(:'a', 'v1', 'zanzibar is new') AS new_id \gset
SELECT count(*), bool_and(id = :'new_id') FROM webchatt.search('zanzi');
\echo erased, changed, come late
DELETE FROM webchatt.messages WHERE channel_id = :'a' AND id = '01900000-0000-7000-8000-000000000001';
SELECT count(*) FROM webchatt.search_texts WHERE channel_id = :'a';
UPDATE webchatt.messages SET content = '{"text": "Xylophones are blue"}' WHERE channel_id = :'a' AND id = '01900000-0000-7000-8000-000000000003';
SELECT import(:'a', 6, 'v2', 'latecomer, blue') \gset
SELECT hits('blues'), hits('bold'), hits('xylophones'), hits('latecomer');
SET session_replication_role = replica;
DELETE FROM webchatt.messages WHERE channel_id = :'b' AND id = '01900000-0000-7000-8000-000000000004';
RESET session_replication_role;
SELECT hits('azul');
SELECT webchatt.index_texts(1, anew => true);
CALL index_all();
SELECT hits('blues'), hits('bold'), hits('xylophones'), hits('latecomer'), hits('azul');
SELECT count(*) FROM webchatt.search_texts WHERE channel_id = :'b';
SELECT webchatt.index_texts();

CREATE FUNCTION uses(query text, index text) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
	line text;
BEGIN
	FOR line IN EXECUTE 'EXPLAIN ' || query LOOP
		IF line LIKE '%Index Scan on ' || index || ' %' THEN
			RETURN true;
		END IF;
	END LOOP;
	RETURN false;
END
$$;
\echo row security: neither found nor to be guessed
ALTER TABLE webchatt.messages ENABLE ROW LEVEL SECURITY;
CREATE POLICY not_v1 ON webchatt.messages FOR SELECT TO webchatt_agent USING (visitor <> 'v1');
ALTER TABLE webchatt.visitors ENABLE ROW LEVEL SECURITY;
CREATE POLICY not_v1 ON webchatt.visitors FOR SELECT TO webchatt_agent USING (id <> 'v1');
SET ROLE webchatt_agent;
SELECT hits('blue');
SELECT count(*) FROM webchatt.search_texts WHERE words @@ 'lamp'::tsquery;
SELECT count(*) FROM webchatt.search_texts WHERE words @@ 'xylophones'::tsquery;
SELECT webchatt.index_texts();
DELETE FROM webchatt.search_texts;
SELECT count(*) FROM webchatt.search_visitors('jose');
-- nor by an error: where the stack is almost used up, a query fails whether somebody's words are in it or not
CREATE FUNCTION pg_temp.look(n int, q tsquery) RETURNS bigint LANGUAGE plpgsql AS $$
BEGIN
	RETURN CASE WHEN n > 0 THEN pg_temp.look(n - 1, q) ELSE (SELECT count(*) FROM webchatt.search_texts WHERE words OPERATOR(webchatt.@@) q) END;
END
$$;
CREATE FUNCTION pg_temp.fails(n int, word text) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
	PERFORM pg_temp.look(n, (word || ' & ' || repeat('(y|', 900) || 'z' || repeat(')', 900))::tsquery);
	RETURN false;
EXCEPTION WHEN statement_too_complex THEN
	RETURN true;
END
$$;
CREATE FUNCTION pg_temp.least(word text) RETURNS int LANGUAGE plpgsql AS $$
DECLARE
	good int := 0;
	bad int := 20000;
BEGIN
	WHILE bad - good > 1 LOOP
		IF pg_temp.fails((good + bad) / 2, word) THEN
			bad := (good + bad) / 2;
		ELSE
			good := (good + bad) / 2;
		END IF;
	END LOOP;
	RETURN bad;
END
$$;
SET plan_cache_mode = force_generic_plan;
SET enable_bitmapscan = off;
SELECT abs(pg_temp.least('lamp') - pg_temp.least('xylograph')) < 3;
RESET plan_cache_mode;
RESET enable_bitmapscan;
-- which keeps nobody from the index
SET enable_seqscan = off;
SELECT uses('SELECT FROM webchatt.search_texts WHERE words OPERATOR(webchatt.@@) ''a''::tsquery', 'search_texts_words');
SELECT uses('SELECT FROM webchatt.visitors WHERE webchatt.visitor_words(id, attributes) OPERATOR(webchatt.@@) ''a''::tsquery AND attributes <> ''{}''', 'visitors_words');
RESET enable_seqscan;
RESET ROLE;
DROP POLICY not_v1 ON webchatt.messages;
ALTER TABLE webchatt.messages DISABLE ROW LEVEL SECURITY;
DROP POLICY not_v1 ON webchatt.visitors;
ALTER TABLE webchatt.visitors DISABLE ROW LEVEL SECURITY;
SET ROLE webchatt_agent;
\echo the desk
SELECT jsonb_pretty(webchatt.desk_search(jsonb_build_object('query', 'xyl', 'channel', :'a')) #- '{messages,0,at}' #- '{messages,0,channel}');
SELECT jsonb_pretty(webchatt.desk_search('{"query": "jose@shop"}') #- '{visitors,0,channel}');
-- attributes of a few kB that are more than a text can hold when they are written out: what else is found is found all the same
RESET ROLE;
UPDATE webchatt.visitors SET attributes = attributes || ('{"numbers": [' || repeat('1e131000,', 8400) || '1]}')::jsonb WHERE channel_id = :'a' AND id = 'v1';
SET ROLE webchatt_agent;
SELECT v ->> 'visitor', v ->> 'attributes' FROM jsonb_array_elements(webchatt.desk_search('{"query": "jose@shop"}') -> 'visitors') v;
SELECT jsonb_array_length(webchatt.desk_search(jsonb_build_object('query', 'lamp', 'channel', :'a')) -> 'messages');
RESET ROLE;
UPDATE webchatt.visitors SET attributes = attributes - 'numbers' WHERE channel_id = :'a' AND id = 'v1';
SET ROLE webchatt_agent;
SELECT jsonb_array_length(d -> 'messages'), d ->> 'next' IS NULL FROM webchatt.desk_search('{"query": "blue", "limit": 2}') d;
SELECT jsonb_array_length(d -> 'messages'), d -> 'next', jsonb_array_length(d -> 'visitors') FROM webchatt.desk_search(jsonb_build_object('query', 'blue', 'limit', 2,
	'after', webchatt.desk_search('{"query": "blue", "limit": 2}') ->> 'next')) d;
SELECT webchatt.desk_search('{"query": "\"\"''''\\\\&|"}');
SELECT webchatt.desk_search('{}');
SELECT webchatt.desk_search('{"query": 7}');
SELECT webchatt.desk_search('{"query": "x", "direction": "up"}');
SELECT webchatt.desk_search('{"query": "x", "since": "now"}');
SELECT webchatt.desk_search('{"query": "x", "since": "2026-02-30"}');
SELECT webchatt.desk_search('{"query": "x", "after": "x"}');
RESET ROLE;
TRUNCATE webchatt.messages;
SELECT count(*) FROM webchatt.search_texts;
DELETE FROM webchatt.channels WHERE id IN (:'a', :'b');
DELETE FROM webchatt.hubs WHERE kind = 'local';
SELECT count(*) FROM webchatt.search_progress;
DROP FUNCTION import, hits, uses CASCADE;
DROP PROCEDURE index_all;
SELECT webchatt.disable_agent('sam');
DELETE FROM webchatt.agents WHERE name = 'sam';
