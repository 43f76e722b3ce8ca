-- Baseline: one session, 200 rows a statement, the same rows into the same tables.
WITH b AS MATERIALIZED (SELECT nextval('bench.batches') * 200 AS n),
e AS MATERIALIZED (
	SELECT id, visitor, hub_message_id, body::jsonb AS body FROM bench.events, b
	WHERE events.n > b.n - 200 AND events.n <= b.n),
seen AS (
	INSERT INTO webchatt.visitors (channel_id, id, last_seen)
	SELECT DISTINCT '6cbd6789-1d2b-47e0-9391-5eb91d2839ea'::uuid, visitor, now() FROM e
	ON CONFLICT DO NOTHING)
INSERT INTO webchatt.messages (channel_id, id, visitor, direction, status, content, hub_message_id, hub_time)
SELECT '6cbd6789-1d2b-47e0-9391-5eb91d2839ea', id, visitor, 'in', 'received', body -> 'content', hub_message_id, now()
FROM e;
