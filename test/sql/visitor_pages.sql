-- Where visitors are, and who answers them, as SQL has it.
\set SHOW_CONTEXT never
\set VERBOSITY default
\pset format unaligned
\pset tuples_only on
SET client_min_messages = error;
LOAD 'webchatt';
BEGIN;			-- nothing of it stays for the other tests
SELECT webchatt.create_channel('Shop', '{https://www.example.com}') AS shop \gset
SELECT webchatt.create_agent('ana', 'Ana', 'admin');
INSERT INTO webchatt.visitors (channel_id, id, page_url, page_title, page_at, locale, time_zone) VALUES
	(:'shop', 'v1', 'https://www.example.com/a', '<b>"A"</b>', '2026-01-02 03:04:05+00', 'pt-BR', 'America/Sao_Paulo'),
	(:'shop', 'v2', NULL, NULL, NULL, NULL, NULL);
SET TimeZone = 'UTC';

-- the desk's answer
SELECT v -> 'page', v -> 'locale', v -> 'timeZone' FROM (SELECT webchatt.desk_conversation(jsonb_build_object('channel', :'shop', 'visitor', id)) -> 'visitor' AS v
	FROM unnest('{v1,v2}'::text[]) id) a;
-- an agent reads them, and writes none
SET ROLE webchatt_agent;
SELECT page_url, page_title FROM webchatt.visitors WHERE id = 'v1';
\set ON_ERROR_STOP 0
SAVEPOINT s;
UPDATE webchatt.visitors SET page_url = 'x' WHERE id = 'v1';
ROLLBACK TO s;
SELECT webchatt.set_show_author(:'shop');
ROLLBACK TO s;
RESET ROLE;

-- who answers
SAVEPOINT s;
SELECT webchatt.desk_channels() -> 0 -> 'showAuthor';
SELECT webchatt.set_show_author(:'shop');
SELECT show_author FROM webchatt.channels WHERE id = :'shop';
SELECT webchatt.desk_set_channel(jsonb_build_object('id', :'shop', 'showAuthor', false)) -> 'showAuthor';
SELECT webchatt.desk_set_channel(jsonb_build_object('id', :'shop', 'displayName', 'Store')) -> 'showAuthor';
SELECT webchatt.desk_set_channel(jsonb_build_object('id', :'shop', 'showAuthor', true)) -> 'showAuthor';
SELECT webchatt.desk_set_channel(jsonb_build_object('id', :'shop', 'showAuthor', 'yes'));
ROLLBACK TO s;
SELECT webchatt.set_show_author(:'shop', NULL);
ROLLBACK TO s;
SELECT webchatt.set_show_author('00000000-0000-4000-8000-000000000000');
ROLLBACK TO s;
SELECT webchatt.connect_hub('a-key', 'https://hub.invalid') IS NOT NULL;
SELECT webchatt.add_channel('6cbd6789-1d2b-47e0-9391-5eb91d2839ea');
SELECT webchatt.set_show_author('6cbd6789-1d2b-47e0-9391-5eb91d2839ea');
ROLLBACK;
