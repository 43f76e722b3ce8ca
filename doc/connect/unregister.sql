-- Removes our webhooks at a hub, and nobody else's.  Events do not come any more;
-- messages can still be sent (doc/connect.md).
--
--	psql -d shop -f doc/connect/unregister.sql
\set ON_ERROR_STOP on
\set QUIET on
-- whatever this database's defaults are
SET SESSION CHARACTERISTICS AS TRANSACTION ISOLATION LEVEL READ COMMITTED, READ WRITE;
\if :{?hub} \else \set hub chatt2me \endif

SELECT webchatt.unregister_webhooks(:'hub') \g /dev/null
SELECT webchatt.wait_for_webhooks(:'hub') \g /dev/null
\echo Our webhooks at the hub are removed. Messages can still be sent.
