-- Another signing secret for the webhooks at a hub; the one before stays valid for
-- a day, so nothing is refused meanwhile (doc/connect.md).
--
--	psql -d shop -f doc/connect/rotate.sql
\set ON_ERROR_STOP on
\set QUIET on
-- whatever this database's defaults are
SET SESSION CHARACTERISTICS AS TRANSACTION ISOLATION LEVEL READ COMMITTED, READ WRITE;
\if :{?hub} \else \set hub chatt2me \endif

SELECT webchatt.rotate_webhook_secret(:'hub') \g /dev/null
SELECT webchatt.wait_for_webhooks(:'hub') \g /dev/null
\echo The hub signs with new secrets. The ones before stay valid for a day.
