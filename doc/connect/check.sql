-- How the connection to a hub is doing (doc/connect.md).
--
--	psql -d shop -f doc/connect/check.sql
--
-- Variable: hub (what it is called here).
\set ON_ERROR_STOP on
\if :{?hub} \else \set hub chatt2me \endif

-- The worker, and the hub: active, or since when and why not; the phase of its link.
SELECT state, listening, last_error, hubs -> :'hub' AS hub, queued, oldest_age, overdue FROM webchatt.status;

-- Our webhooks at the hub: what they are, and what is wrong.
SELECT w.event_type, w.desired, w.state, w.actual_endpoint, w.verified_at, w.checked_at, w.last_error
FROM webchatt.webhooks w JOIN webchatt.hubs h ON h.id = w.hub_id WHERE h.name = :'hub' ORDER BY w.event_type;

-- Deliveries that failed, and what became of them.
SELECT * FROM webchatt.repair WHERE hub = :'hub';

-- Messages of which nothing was heard for long, and events that the database refused.
SELECT channel_id, id, visitor, status, age, reason FROM webchatt.overdue LIMIT 20;
SELECT id, event_type, visitor, sqlstate, reason FROM webchatt.rejects ORDER BY id LIMIT 20;
