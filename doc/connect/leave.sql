-- Ends the connection to a hub: its webhooks or its link, and what we send to it.
-- Channels and conversations stay (doc/connect.md).
--
--	psql -d shop -f doc/connect/leave.sql
--
-- Variable: hub (what it is called here).
\set ON_ERROR_STOP on
\set QUIET on
-- whatever this database's defaults are
SET SESSION CHARACTERISTICS AS TRANSACTION ISOLATION LEVEL READ COMMITTED, READ WRITE;
\if :{?hub} \else \set hub chatt2me \endif

-- An error when there is no such hub.
SELECT FROM webchatt._remote_hub(:'hub') \g /dev/null

-- Webhooks are removed while the key is still good.
SELECT EXISTS (SELECT FROM webchatt.hub_webhooks w JOIN webchatt.hubs h ON h.id = w.hub_id WHERE h.name = :'hub') AS registered \gset
\if :registered
SELECT webchatt.unregister_webhooks(:'hub') \g /dev/null
SELECT webchatt.wait_for_webhooks(:'hub') \g /dev/null
\endif
UPDATE webchatt.hubs SET inbound = 'webhook', state = 'stopped', state_reason = 'left', state_since = now() WHERE name = :'hub';
\echo The hub is left: no events come, and messages stay queued.
