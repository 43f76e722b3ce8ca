-- What the worker asks before its turns, as the superuser that it starts as: PostgreSQL's own is named in full.

-- name: database_settings()
-- A change of these (ALTER DATABASE ... SET) is not told to who is connected already.
SELECT setconfig::pg_catalog.text
FROM pg_catalog.pg_db_role_setting
WHERE setrole OPERATOR(pg_catalog.=) 0
	AND setdatabase OPERATOR(pg_catalog.=)
		(SELECT oid FROM pg_catalog.pg_database WHERE datname OPERATOR(pg_catalog.=) pg_catalog.current_database());

-- name: settings_by_source()
-- Ours that are not as they come, and where from.
SELECT pg_catalog.substr(name, 10), setting, source
FROM pg_catalog.pg_settings
WHERE name OPERATOR(pg_catalog.~~) 'webchatt.%' AND source OPERATOR(pg_catalog.<>) 'default'
ORDER BY name;

-- name: other_restore()
-- A pg_restore, of somebody who may, that has not come to our tables yet.
SELECT pid
FROM pg_catalog.pg_stat_activity
WHERE datid OPERATOR(pg_catalog.=)
		(SELECT oid FROM pg_catalog.pg_database WHERE datname OPERATOR(pg_catalog.=) pg_catalog.current_database())
	AND application_name OPERATOR(pg_catalog.=) 'pg_restore'
	AND pg_catalog.pg_has_role(usesysid, (SELECT relowner FROM pg_catalog.pg_class
		WHERE oid OPERATOR(pg_catalog.=) 'webchatt.hubs'::pg_catalog.regclass), 'USAGE')
LIMIT 1;

-- name: end_restore()
-- All is there: put back what was set aside.
SELECT webchatt._end_restore();

-- name: distributed_table()
-- One of our tables that Citus has taken.
SELECT webchatt._distributed_table();

-- name: worker_facts()
-- For the metrics: in the order of src/common/facts.def, from HELD on.
SELECT (SELECT count(*) FROM (SELECT FROM webchatt.held LIMIT 10001) h) AS held,
	(SELECT count(*) FROM (SELECT FROM webchatt.rejects LIMIT 10001) r) AS rejects,
	coalesce((SELECT greatest(0, extract(epoch FROM clock_timestamp() - c.waiting_since))::bigint FROM webchatt.conversations c
		WHERE c.state = 'open' AND c.place < 2305843009213693952
		ORDER BY c.state, c.place, c.channel_id, c.visitor LIMIT 1), 0) AS waiting,
	(SELECT count(*) FROM webchatt.status s CROSS JOIN LATERAL jsonb_each(s.hubs) h WHERE h.value ->> 'state' <> 'active') AS hubs,
	(SELECT count(*) FROM webchatt.webhooks w JOIN webchatt.webhook_progress p ON p.webhook_id = w.id
		WHERE w.active AND p.failing_since IS NOT NULL) AS failing,
	(SELECT count(*) FROM webchatt.webhooks w WHERE NOT w.active AND w.paused_reason IS NOT NULL) AS paused,
	(SELECT count(*) FROM webchatt.links l JOIN webchatt.api_keys k ON k.id = l.key_id
		WHERE l.connected_since IS NULL AND k.revoked_at IS NULL) AS links_away,
	p.conversations, p.messages, p.archived, p.visitors, p.failing AS left_failing,
	(SELECT count(*) FROM (SELECT FROM webchatt.retention_left l WHERE l.reason = 'under way' LIMIT 10001) l) AS under_way,
	(SELECT count(*) FROM (SELECT FROM webchatt.archive_tasks LIMIT 10001) t) AS tasks
FROM (SELECT coalesce(sum(p.conversations), 0)::bigint AS conversations, coalesce(sum(p.messages), 0)::bigint AS messages,
		coalesce(sum(p.archived), 0)::bigint AS archived, coalesce(sum(p.visitors), 0)::bigint AS visitors,
		count(*) FILTER (WHERE p.last_error IS NOT NULL) AS failing
	FROM webchatt.retention_progress p) p;
