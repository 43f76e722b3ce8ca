-- Attaches this database to another webchatt's local hub, whose events come by a
-- link that we open: nobody has to be able to call us (doc/connect.md).
--
--	psql -d shop -v api_url=https://chat.example.org \
--		-v channel=6cbd6789-1d2b-47e0-9391-5eb91d2839ea -f doc/connect/link.sql
--
-- The API key comes from the environment variable WEBCHATT_API_KEY.  Further
-- variables: hub (what it is called here).  It may be run again.
\set ON_ERROR_STOP on
\set QUIET on
-- whatever this database's defaults are
SET SESSION CHARACTERISTICS AS TRANSACTION ISOLATION LEVEL READ COMMITTED, READ WRITE;
\if :{?hub} \else \set hub chatt2me \endif
\set no_key false
\if :{?api_key} \else \set api_key `printf %s "$WEBCHATT_API_KEY"` \set no_key `test -n "$WEBCHATT_API_KEY" && echo false || echo true` \endif

-- What has to be said.
SELECT NOT (:{?channel} AND :{?api_url}) OR :no_key AS lacking, current_setting('is_superuser') AS superuser \gset
\if :lacking
\set SHOW_CONTEXT never
DO $$ BEGIN RAISE EXCEPTION 'something is missing' USING HINT = 'Give the environment variable WEBCHATT_API_KEY, -v channel=<the channel''s id> and -v api_url=<the hub''s URL>.'; END $$;
\endif

BEGIN;
-- The key is a part of a statement: keep that out of logs (doc/operating.md).
\if :superuser
SET LOCAL log_min_messages = panic;
SET LOCAL track_activities = off;
SET LOCAL pg_stat_statements.track = none;
\endif
SELECT webchatt.connect_hub(:'api_key', :'api_url', :'hub', inbound => 'link') \g /dev/null
SELECT webchatt.add_channel(:'channel', :'hub')
WHERE NOT EXISTS (SELECT FROM webchatt.channels WHERE id = :'channel') \g /dev/null
COMMIT;

-- The worker does the rest; an error says what keeps it from that.
SELECT webchatt.wait_for_link(:'hub') \g /dev/null
SELECT hubs #>> ARRAY[:'hub', 'link', 'phase'] AS link, hubs #>> ARRAY[:'hub', 'link', 'since'] AS since FROM webchatt.status;

-- Webhooks that there were are not needed any more.
SELECT EXISTS (SELECT FROM webchatt.hub_webhooks w JOIN webchatt.hubs h ON h.id = w.hub_id WHERE h.name = :'hub') AS registered \gset
\if :registered
SELECT webchatt.unregister_webhooks(:'hub') \g /dev/null
SELECT webchatt.wait_for_webhooks(:'hub') \g /dev/null
\endif
