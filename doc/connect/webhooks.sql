-- Attaches this database to a hub that posts its events to us (doc/connect.md).
--
--	psql -d shop -v channel=6cbd6789-1d2b-47e0-9391-5eb91d2839ea \
--		-v public_url=https://chat.example.org -f doc/connect/webhooks.sql
--
-- The API key comes from the environment variable WEBCHATT_API_KEY.  Further
-- variables: hub (what it is called here), api_url, kind (of the channel).
-- It may be run again: it mends what is half done, and changes what is otherwise.
\set ON_ERROR_STOP on
\set QUIET on
-- whatever this database's defaults are
SET SESSION CHARACTERISTICS AS TRANSACTION ISOLATION LEVEL READ COMMITTED, READ WRITE;
\if :{?hub} \else \set hub chatt2me \endif
\if :{?api_url} \else \set api_url https://api.chatt2.me \endif
\if :{?kind} \else \set kind web-chatt2me \endif
\set no_key false
\if :{?api_key} \else \set api_key `printf %s "$WEBCHATT_API_KEY"` \set no_key `test -n "$WEBCHATT_API_KEY" && echo false || echo true` \endif

-- What has to be said.
SELECT NOT (:{?channel} AND :{?public_url}) OR :no_key AS lacking, current_setting('is_superuser') AS superuser \gset
\if :lacking
\set SHOW_CONTEXT never
DO $$ BEGIN RAISE EXCEPTION 'something is missing' USING HINT = 'Give the environment variable WEBCHATT_API_KEY, -v channel=<the channel''s id> and -v public_url=<our address for the hub>.'; END $$;
\endif

-- Under which address the hub reaches us.  A setting of one database restarts its
-- worker, which takes a moment.
SELECT current_setting('webchatt.public_url') <> :'public_url' AS other_url, worker_pid AS worker FROM webchatt.status \gset
\if :other_url
ALTER DATABASE :"DBNAME" SET webchatt.public_url = :'public_url';
SELECT pg_reload_conf() \g /dev/null
\connect -
SET SESSION CHARACTERISTICS AS TRANSACTION ISOLATION LEVEL READ COMMITTED, READ WRITE;
SELECT set_config('connect.worker', :'worker', false) \g /dev/null
DO $$
BEGIN
	FOR i IN 1 .. 150 LOOP
		EXIT WHEN (SELECT worker_pid::text <> current_setting('connect.worker') AND listening IS NOT NULL FROM webchatt.status);
		PERFORM pg_sleep(0.1);
	END LOOP;
END $$;
\endif

-- The hub, its channel, and the wish for webhooks.
BEGIN;
-- The key is a part of a statement: keep that out of logs (doc/operating.md).
\if :superuser
SET LOCAL log_min_messages = panic;
SET LOCAL track_activities = off;
SET LOCAL pg_stat_statements.track = none;
\endif
SELECT webchatt.connect_hub(:'api_key', :'api_url', :'hub') \g /dev/null
SELECT webchatt.add_channel(:'channel', :'hub', :'kind')
WHERE NOT EXISTS (SELECT FROM webchatt.channels WHERE id = :'channel') \g /dev/null
SELECT webchatt.register_webhooks(:'hub') \g /dev/null
COMMIT;

-- The worker does the rest; an error says what keeps it from that.
SELECT event_type, state, endpoint FROM webchatt.wait_for_webhooks(:'hub');

-- A link that there was is not needed any more.
UPDATE webchatt.hubs SET inbound = 'webhook' WHERE name = :'hub' AND inbound = 'link';
