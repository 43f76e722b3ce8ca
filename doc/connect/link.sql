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
\if :{?api_key} \else \set api_key `printf %s "$WEBCHATT_API_KEY"` \endif

BEGIN;
SELECT webchatt.connect_hub(:'api_key', :'api_url', :'hub', inbound => 'link') \g /dev/null
SELECT webchatt.add_channel(:'channel', :'hub')
WHERE NOT EXISTS (SELECT FROM webchatt.channels WHERE id = :'channel') \g /dev/null
COMMIT;

-- The worker does the rest; an error says what keeps it from that.
SELECT webchatt.wait_for_link(:'hub') \g /dev/null
SELECT hubs #>> ARRAY[:'hub', 'link', 'phase'] AS link, hubs #>> ARRAY[:'hub', 'link', 'since'] AS since FROM webchatt.status;

-- Webhooks that there were are not needed any more.
SELECT EXISTS (SELECT FROM webchatt.webhooks w JOIN webchatt.hubs h ON h.id = w.hub_id WHERE h.name = :'hub') AS registered \gset
\if :registered
SELECT webchatt.unregister_webhooks(:'hub') \g /dev/null
SELECT webchatt.wait_for_webhooks(:'hub') \g /dev/null
\endif
