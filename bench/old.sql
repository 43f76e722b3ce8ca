-- :old messages that were sent long ago, over :days days, each with its statuses, and the :visitors visitors they went to, of
-- whom :at_a_time write 50 each in turns, and then the next ones.
-- The indexes are made afterwards: it is the same table, in a tenth of the time.
SET session_replication_role = replica;
SET maintenance_work_mem = '1GB';
SET synchronous_commit = off;
CREATE TEMP TABLE made AS
SELECT c.conrelid::regclass::text AS tab, c.conname AS name, pg_get_constraintdef(c.oid) AS def, true AS is_constraint
FROM pg_constraint c
WHERE c.conrelid IN ('webchatt.messages'::regclass, 'webchatt.statuses'::regclass) AND c.contype IN ('p', 'u')
UNION ALL
SELECT i.indrelid::regclass::text, c.relname, pg_get_indexdef(c.oid), false
FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
WHERE i.indrelid IN ('webchatt.messages'::regclass, 'webchatt.statuses'::regclass)
	AND NOT EXISTS (SELECT FROM pg_constraint k WHERE k.conindid = i.indexrelid);
SELECT CASE WHEN is_constraint THEN format('ALTER TABLE %s DROP CONSTRAINT %I', tab, name)
	ELSE format('DROP INDEX webchatt.%I', name) END FROM made \gexec

INSERT INTO webchatt.visitors (channel_id, id, last_seen)
SELECT '6cbd6789-1d2b-47e0-9391-5eb91d2839ea', 'visitor-' || n, '2020-01-01' FROM generate_series(0, :visitors - 1) AS n
ON CONFLICT DO NOTHING;
INSERT INTO webchatt.messages (channel_id, id, visitor, direction, status, content, created_at, status_at, hub_message_id)
SELECT '6cbd6789-1d2b-47e0-9391-5eb91d2839ea',
	(lpad(to_hex(1500000000000 + n * 10), 12, '0') || '7' || right(md5(n::text), 19))::uuid,
	'visitor-' || (n / (:at_a_time * 50) * :at_a_time + n % :at_a_time) % :visitors, (CASE n % 2 WHEN 0 THEN 'in' ELSE 'out' END)::webchatt.message_direction,
	CASE n % 2 WHEN 0 THEN 'received' ELSE 'read' END::webchatt.message_status,
	jsonb_build_object('text', 'message number ' || n), '2018-01-01'::timestamptz - (1 - n::float8 / :old) * :days * interval '1 day', '2018-01-01',
	CASE n % 2 WHEN 0 THEN 'old-' || n END
FROM generate_series(1, :old) AS n;
INSERT INTO webchatt.statuses (channel_id, message_id, status, hub_message_id, at, recorded_at)
SELECT '6cbd6789-1d2b-47e0-9391-5eb91d2839ea',
	(lpad(to_hex(1500000000000 + n * 10), 12, '0') || '7' || right(md5(n::text), 19))::uuid,
	'sent', 'old-' || n, '2018-01-01', '2018-01-01'
FROM generate_series(1, :old, 2) AS n;

SELECT CASE WHEN is_constraint THEN format('ALTER TABLE %s ADD CONSTRAINT %I %s', tab, name, def) ELSE def END
FROM made ORDER BY is_constraint DESC \gexec
VACUUM (ANALYZE) webchatt.messages;
VACUUM (ANALYZE) webchatt.statuses;
VACUUM (ANALYZE) webchatt.visitors;
CHECKPOINT;
