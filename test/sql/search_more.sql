-- Search, further: a language for each channel, by rank, as HTML, and parts of words by pg_trgm, which comes and goes.
\set QUIET on
\set SHOW_CONTEXT never
\pset format unaligned
\pset tuples_only on
\pset null -
SET client_min_messages = error;
SELECT webchatt.create_channel('More E', ARRAY['https://e.more.example']) AS e \gset
SELECT webchatt.create_channel('More P', ARRAY['https://p.more.example']) AS p \gset
CREATE FUNCTION refusal(statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	state text;
	message text;
	hint text;
BEGIN
	EXECUTE statement;
	RETURN 'done';
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS state = RETURNED_SQLSTATE, message = MESSAGE_TEXT, hint = PG_EXCEPTION_HINT;
	RETURN concat_ws(E'\n', state || ' ' || message, 'HINT: ' || regexp_replace(hint, 'There are: .*english.*portuguese.*', 'There are: ..., english, ... portuguese ...'));
END
$$;
INSERT INTO webchatt.visitors (channel_id, id) VALUES (:'e', 'v'), (:'p', 'v');
-- messages of long ago, as an import brings them
CREATE FUNCTION import(channel uuid, n int, said text) RETURNS void LANGUAGE sql AS $$
	INSERT INTO webchatt.messages (channel_id, id, visitor, direction, status, content)
	VALUES (channel, ('01900000-0000-7000-8000-' || lpad(n::text, 12, '0'))::uuid, 'v', 'in', 'received', jsonb_build_object('text', said))
$$;
CREATE FUNCTION n_of(id uuid) RETURNS text LANGUAGE sql AS $$ SELECT ltrim(right(id::text, 12), '0') $$;
CREATE FUNCTION hits(query text, channel uuid DEFAULT NULL, visitor text DEFAULT NULL) RETURNS text LANGUAGE sql AS $$
	SELECT coalesce(string_agg(n_of(h.id), ' ' ORDER BY h.id), '.') FROM webchatt.search(query, channel, visitor => visitor) h
$$;
CREATE FUNCTION part_hits(query text, channel uuid DEFAULT NULL) RETURNS text LANGUAGE sql AS $$
	SELECT coalesce(string_agg(n_of(h.id), ' ' ORDER BY h.id), '.') FROM webchatt.search_parts(query, channel) h
$$;
CREATE PROCEDURE index_all() LANGUAGE plpgsql AS $$
BEGIN
	FOR i IN 1 .. 6000 LOOP
		PERFORM webchatt.index_texts(3);
		COMMIT;
		EXIT WHEN (SELECT checked_at IS NOT NULL AND check_id IS NULL FROM webchatt.search_state)
			AND NOT EXISTS (SELECT FROM webchatt.search_coverage c WHERE NOT c.has_oldest);
		PERFORM pg_sleep(0.01);
	END LOOP;
END
$$;
SELECT import(:'e', 1, 'He was running in the new shoes'), import(:'e', 2, 'Do the shoes run small?'), import(:'e', 3, 'A runner, and a lamp'), import(:'e', 4, 'the universities of the universe'),
	import(:'p', 5, 'As ações do camião'), import(:'p', 6, 'Uma acao so, em candeeiros'), import(:'p', 7, 'running is a word there, too') \gset
CALL index_all();

\echo without a language words are found as they stand
SELECT q, hits(q) FROM (VALUES (1, 'run '), (2, 'running '), (3, 'shoe '), (4, 'acoes '), (5, 'the running')) t (n, q) ORDER BY n;
\echo what is no language
SELECT refusal(format('SELECT webchatt.set_search_language(%L, %L)', :'e', l)) FROM unnest(ARRAY['klingon', '', 'nowhere.english', 'a.b.c', 'pg_catalog.', repeat('x', 100000), 'english; DROP TABLE x']) WITH ORDINALITY u (l, n) ORDER BY n;
SELECT refusal($$SELECT webchatt.set_search_language('00000000-0000-0000-0000-000000000000', 'english')$$);
SELECT refusal('SELECT webchatt.set_search_language(NULL, NULL)');
SELECT count(*) FROM webchatt.search_languages;
\echo a language: what the index does not have yet is found as before, and by the language where it is looked through
SELECT webchatt.set_search_language(:'e', 'English'), webchatt.set_search_language(:'p', 'pg_catalog.portuguese');
SELECT c.display_name, l.language, s.indexed_upto IS NULL AS nothing_yet FROM webchatt.search_languages l JOIN webchatt.channels c ON c.id = l.channel_id JOIN webchatt.search_coverage s ON s.channel_id = c.id ORDER BY 1;
SELECT hits('running'), hits('run ');
CALL index_all();
CREATE VIEW of_languages AS SELECT n, q, hits(q) FROM (VALUES (1, 'run '), (2, 'running '), (3, 'Runs'), (4, '"running"'), (5, '"the shoes"'), (6, 'shoe -running'), (7, 'acoes'), (8, 'ação'), (9, 'the shoes of the runners '), (10, 'the'), (11, 'the '),
	(12, 'do'), (13, 'university'), (14, 'lamp or candeeiro '), (15, 'candee'), (16, '-the lamp')) t (n, q);
SELECT q, hits FROM of_languages ORDER BY n;
SELECT hits('the shoes of the runs ', :'e'), hits('as acoes do', :'p'), hits('run', :'p'), hits('the', :'e'), hits('the ', :'e'), hits('shoe', :'e', 'v');
-- setting it again is no change, and the index stays
SELECT webchatt.set_search_language(:'e', 'english');
SELECT count(*) FROM webchatt.search_coverage WHERE has_oldest AND channel_id IN (:'e', :'p');
\echo highlighted
SELECT snippet, places, webchatt.highlight(snippet, places) FROM webchatt.search('runs shoe ', :'e') ORDER BY id;
SELECT webchatt.highlight('<b>&"x''</b> é run', '{0,3,13,3}'), webchatt.highlight('abc', '{5,1}'), webchatt.highlight('abc', '{1,1000000000,2147483647,2147483647}'), webchatt.highlight('abc', '{2,1,0,1,1,NULL,-1,-5}'), webchatt.highlight('', '{}'), webchatt.highlight('abc', '{0,2147483647}');
SELECT webchatt.highlight('ab', ARRAY[[0,1],[1,1]]);
\echo by rank
SELECT import(:'e', 8, 'lamp'), import(:'e', 9, 'a lamp, lamps and lamps: lamp') \gset
SELECT webchatt.index_texts(1, anew => true) \gset
CALL index_all();
SELECT n_of(id), rank > 0, snippet FROM webchatt.search_ranked('lamp', :'e');
SELECT n_of(id) FROM webchatt.search_ranked('lamp', most => 1);
SELECT refusal('SELECT count(*) FROM webchatt.search_ranked($$x$$, most => 0)');
\echo a language that goes, and one whose dictionary does not work
CREATE SCHEMA "Odd one";
CREATE TEXT SEARCH CONFIGURATION "Odd one"."my own" (COPY = english);
SELECT webchatt.set_search_language(:'e', '"Odd one"."my own"');
SELECT language FROM webchatt.search_languages WHERE channel_id = :'e';
CALL index_all();
SELECT hits('runs '), hits('shoe ', :'e');
DROP TEXT SEARCH CONFIGURATION "Odd one"."my own";
SELECT hits('running '), hits('shoe ', :'e');
SELECT webchatt.index_texts(1, anew => true) \gset
CALL index_all();
SELECT hits('running '), hits('shoe ', :'e'), hits('shoes ', :'e');
DROP SCHEMA "Odd one";
\echo none again
SELECT webchatt.set_search_language(:'e');
CALL index_all();
SELECT hits('run ', :'e'), hits('shoes ', :'e'), count(*) FROM webchatt.search_languages;
SELECT count(*) FROM webchatt.search_texts WHERE channel_id = :'e' AND words::text ~ chr(2);

\echo parts of words: not without pg_trgm
DROP EXTENSION IF EXISTS pg_trgm CASCADE;
SELECT refusal('SELECT count(*) FROM webchatt.search_parts($$ndee$$)');
SELECT count(*) FROM webchatt.search_parts;
\echo it comes, in another schema
CREATE SCHEMA "tri grams";
CREATE EXTENSION pg_trgm SCHEMA "tri grams";
SELECT refusal('SELECT count(*) FROM webchatt.search_parts($$ndee$$)');
SELECT hits('running');
CALL index_all();
SELECT count(*) FROM webchatt.search_parts WHERE channel_id IN (:'e', :'p');
SELECT left(q, 10), part_hits(q) FROM (VALUES (1, 'ndee'), (2, 'unn'), (3, 'un'), (4, 'UNNI hoe'), (5, 'hoes mal'), (6, ''), (7, '%'), (8, '_____'), (9, 'a%c'), (10, '\\\'), (11, 'ção'), (12, 'cao'), (13, repeat('%_\''"', 300000)), (14, repeat('abc ', 300000))) t (n, q) ORDER BY n;
SELECT part_hits('unn', :'p'), count(*) FROM webchatt.extras WHERE relation = 'search_parts';
SELECT snippet, places FROM webchatt.search_parts('deei');
\echo the desk has them without being asked, behind what is found by words
SELECT m ->> 'snippet', m -> 'places' FROM jsonb_array_elements(webchatt.desk_search('{"query": "ndeei"}') -> 'messages') m;
SELECT jsonb_array_length(webchatt.desk_search('{"query": "ndeei", "direction": "out"}') -> 'messages'), jsonb_array_length(webchatt.desk_search('{"query": "ndeei", "limit": 1}') -> 'messages');
\echo erased, redacted, hidden
DELETE FROM webchatt.messages WHERE id = '01900000-0000-7000-8000-000000000002';
SELECT count(*) FROM webchatt.search_parts WHERE id = '01900000-0000-7000-8000-000000000002';
SELECT webchatt.redact_message(:'e', '01900000-0000-7000-8000-000000000001', 'gone');
SELECT said FROM webchatt.search_parts WHERE id = '01900000-0000-7000-8000-000000000001';
ALTER TABLE webchatt.messages ENABLE ROW LEVEL SECURITY;
CREATE POLICY not_p ON webchatt.messages FOR SELECT TO webchatt_agent USING (content ->> 'text' !~ 'candeeiros');
SET ROLE webchatt_agent;
SELECT part_hits('ndee'), part_hits('unn'), hits('candeeiros');
SELECT count(*) FROM webchatt.search_parts WHERE said LIKE '%candee%';
SELECT refusal(format('SELECT webchatt.set_search_language(%L, $$english$$)', :'e')), refusal('DELETE FROM webchatt.search_parts');
RESET ROLE;
DROP POLICY not_p ON webchatt.messages;
ALTER TABLE webchatt.messages DISABLE ROW LEVEL SECURITY;
\echo it goes
SELECT refusal('DROP EXTENSION pg_trgm') ~ '^2BP01';
DROP EXTENSION pg_trgm CASCADE;
SELECT refusal('SELECT count(*) FROM webchatt.search_parts($$ndee$$)') ~ 'not installed', jsonb_array_length(webchatt.desk_search('{"query": "ndeei"}') -> 'messages');
CALL index_all();
SELECT count(*) FROM webchatt.search_parts;
\echo and comes again, as it likes
CREATE EXTENSION pg_trgm;
CALL index_all();
SELECT part_hits('ndee');
TRUNCATE webchatt.messages;
SELECT count(*) FROM webchatt.search_parts;
DROP EXTENSION pg_trgm CASCADE;
DROP SCHEMA "tri grams";
\echo whatever is asked
SELECT count(*), max(numnode(webchatt._search_query(q, 1, ARRAY['english', 'portuguese', 'german', NULL, 'french', 'dutch', 'klingon']))) < 1000
FROM (VALUES (repeat('"-(', 300000)), (repeat('a or ', 200000)), (repeat('&|!', 300000)), (repeat('runs ', 200000)), (repeat('x', 1000000)), (repeat(chr(1) || chr(2) || 'x', 100000))) t (q);
DELETE FROM webchatt.channels WHERE id IN (:'e', :'p');
DELETE FROM webchatt.hubs WHERE kind = 'local';
SELECT count(*) FROM webchatt.search_languages;
DROP VIEW of_languages;
DROP FUNCTION import, n_of, hits, part_hits, refusal;
DROP PROCEDURE index_all;
