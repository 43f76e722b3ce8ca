-- :old messages of sixty days up to yesterday, of :words words each (0: two), in conversations of ten, half of them closed;
-- 'w1' to 'w9897', of which 'w10' is in an eighth of the messages, 'w1000' in one of a thousand, 'w9000' in a few.
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

SELECT setseed(0.5);
CREATE TEMP TABLE days AS
SELECT n, 'visitor-' || (n / 1000) * 100 + n % 100 AS visitor, n / 100 % 2 = 0 AS is_in, at,
	(lpad(to_hex((extract(epoch FROM at) * 1000)::bigint), 12, '0') || '7' || right(md5(n::text), 19))::uuid AS id
FROM generate_series(1, :old) AS n,
	LATERAL (SELECT date_trunc('day', now() AT TIME ZONE 'UTC') AT TIME ZONE 'UTC' - (:old - n + 1) * (interval '60 days' / :old) AS at) t;
INSERT INTO webchatt.messages (channel_id, id, visitor, direction, status, content, created_at, status_at, hub_message_id)
SELECT :'channel', id, visitor, (CASE WHEN is_in THEN 'in' ELSE 'out' END)::webchatt.message_direction,
	CASE WHEN is_in THEN 'received' ELSE 'read' END::webchatt.message_status,
	jsonb_build_object('text', 'message ' || n
		|| (SELECT coalesce(string_agg(' w' || exp(9.2 * random())::int, ''), '') FROM generate_series(1, :words + n * 0))), at, at,
	CASE WHEN is_in THEN 'old-' || n END
FROM days;
INSERT INTO webchatt.visitors (channel_id, id, first_seen, last_seen)
SELECT :'channel', visitor, min(at), max(at) FROM days GROUP BY visitor ON CONFLICT DO NOTHING;
INSERT INTO webchatt.statuses (channel_id, message_id, status, hub_message_id, at, recorded_at)
SELECT :'channel', id, 'sent', 'sent-' || n, at, at FROM days WHERE NOT is_in;
INSERT INTO webchatt.closings (channel_id, visitor, closed_upto, closed_at, closed_by)
SELECT DISTINCT ON (visitor) :'channel', visitor, id, at + interval '10 minutes', 'ana' FROM days WHERE n % 2 = 0 ORDER BY visitor, id DESC;

SELECT CASE WHEN is_constraint THEN format('ALTER TABLE %s ADD CONSTRAINT %I %s', tab, name, def) ELSE def END
FROM made ORDER BY is_constraint DESC \gexec
VACUUM (ANALYZE) webchatt.messages;
VACUUM (ANALYZE) webchatt.statuses;
VACUUM (ANALYZE) webchatt.visitors;
VACUUM (ANALYZE) webchatt.closings;
CHECKPOINT;
