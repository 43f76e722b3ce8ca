-- How the connections to hubs are doing (doc/connect.md).
--
--	psql -d shop -f doc/connect/check.sql
\set ON_ERROR_STOP on
\set QUIET on

\echo The worker:
SELECT state, listening, last_error, queued, oldest_age, overdue FROM webchatt.status;

\echo The hubs: active, or why not; where events come by a link, how that is.
SELECT h.name AS hub, s.hub ->> 'state' AS state, s.hub ->> 'reason' AS reason, h.inbound,
	s.hub #>> '{link,phase}' AS link, (s.hub #>> '{link,since}')::timestamptz(0) AS since, s.hub #>> '{link,error}' AS error,
	s.hub #>> '{link,lost}' AS lost
FROM webchatt.hubs h CROSS JOIN LATERAL (SELECT hubs -> h.name AS hub FROM webchatt.status) s
WHERE h.kind = 'remote' ORDER BY h.name;

\echo Our webhooks there:
SELECT h.name AS hub, w.event_type, w.desired, w.state, w.actual_endpoint, w.checked_at::timestamptz(0), w.last_error
FROM webchatt.hub_webhooks w JOIN webchatt.hubs h ON h.id = w.hub_id ORDER BY h.name, w.event_type;

\echo Deliveries that failed, and what became of them:
SELECT * FROM webchatt.repair;

\echo Messages of which nothing was heard for long:
SELECT channel_id, id, visitor, status, age, reason FROM webchatt.overdue LIMIT 20;

\echo Events that the database refused:
SELECT id, event_type, visitor, sqlstate, reason FROM webchatt.rejects ORDER BY id LIMIT 20;
