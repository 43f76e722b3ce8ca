-- Conversations that have been going on: :visitors visitors from number :first on, :messages messages by turns, so
-- that the last :visitors messages are each visitor's last one; of them :waiting are the visitor's own. Of :unheard
-- nothing was heard after they were sent. The indexes are made afterwards: it is the same table, in a tenth of the time.
SET session_replication_role = replica;
SET maintenance_work_mem = '1GB';
SET synchronous_commit = off;
CREATE TEMP TABLE made AS
SELECT c.conrelid::regclass::text AS tab, c.conname AS name, pg_get_constraintdef(c.oid) AS def, true AS is_constraint
FROM pg_constraint c
WHERE c.conrelid = 'webchatt.messages'::regclass AND c.contype IN ('p', 'u')
UNION ALL
SELECT i.indrelid::regclass::text, c.relname, pg_get_indexdef(c.oid), false
FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
WHERE i.indrelid = 'webchatt.messages'::regclass
	AND NOT EXISTS (SELECT FROM pg_constraint k WHERE k.conindid = i.indexrelid);
SELECT CASE WHEN is_constraint THEN format('ALTER TABLE %s DROP CONSTRAINT %I', tab, name)
	ELSE format('DROP INDEX webchatt.%I', name) END FROM made \gexec

INSERT INTO webchatt.visitors (channel_id, id, first_seen, last_seen)
SELECT :'channel', 'visitor-' || lpad(n::text, 8, '0'), now() - interval '90 days', now() - interval '2 hours'
FROM generate_series(:first, :first + :visitors - 1) AS n
ON CONFLICT DO NOTHING;

CREATE TEMP TABLE said AS
SELECT n, (lpad(to_hex((extract(epoch FROM now() - interval '2 hours') * 1000)::bigint - :messages + n), 12, '0')
		|| '7' || right(md5(:first + n || ''), 19))::uuid AS id,
	'visitor-' || lpad((:first + n % :visitors)::text, 8, '0') AS visitor,
	CASE WHEN n >= :messages - :visitors THEN n % :visitors < :waiting ELSE n / :visitors % 2 = 0 END AS theirs
FROM generate_series(0, :messages - 1) AS n;
INSERT INTO webchatt.messages (channel_id, id, visitor, direction, status, content, created_at, status_at, hub_message_id)
SELECT :'channel', id, visitor, (CASE WHEN theirs THEN 'in' ELSE 'out' END)::webchatt.message_direction,
	(CASE WHEN theirs THEN 'received' WHEN n / :visitors = 1 AND n % :visitors < :unheard THEN 'sent' ELSE 'read' END)::webchatt.message_status,
	jsonb_build_object('text', 'this is message number ' || n),
	now() - interval '2 hours' - (:messages - n) * interval '1 ms', now() - interval '2 hours' - (:messages - n) * interval '1 ms',
	CASE WHEN theirs THEN 'hub-' || :first + n END
FROM said;
INSERT INTO webchatt.overdue_candidates (channel_id, message_id)
SELECT :'channel', id FROM said WHERE NOT theirs AND n / :visitors = 1 AND n % :visitors < :unheard
ON CONFLICT DO NOTHING;

SELECT CASE WHEN is_constraint THEN format('ALTER TABLE %s ADD CONSTRAINT %I %s', tab, name, def) ELSE def END
FROM made ORDER BY is_constraint DESC \gexec
VACUUM (ANALYZE) webchatt.messages;
VACUUM (ANALYZE) webchatt.visitors;
VACUUM (ANALYZE) webchatt.overdue_candidates;
CHECKPOINT;
