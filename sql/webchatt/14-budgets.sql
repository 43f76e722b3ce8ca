----------------------------------------------------------------------------
-- How much strangers may have stored in an hour: the worker reckons, and writes down
-- here how it stands
----------------------------------------------------------------------------

CREATE TABLE webchatt.budget_levels (
	channel_id uuid NOT NULL,
	what text NOT NULL CHECK (what IN ('newcomers', 'messages', 'bytes', 'paused')),
	used bigint NOT NULL,
	refused bigint NOT NULL,
	at timestamptz NOT NULL,
	PRIMARY KEY (channel_id, what)
) WITH (fillfactor = 50);
COMMENT ON TABLE webchatt.budget_levels IS
	'webchatt''s own: how the budgets stood when the worker wrote them down last; webchatt.budgets shows them. Not in a dump';
COMMENT ON COLUMN webchatt.budget_levels.channel_id IS 'whose it is; all zeros: the database''s';
COMMENT ON COLUMN webchatt.budget_levels.what IS 'of what; paused has only refusals';
COMMENT ON COLUMN webchatt.budget_levels.used IS 'what had come and not run out';
COMMENT ON COLUMN webchatt.budget_levels.refused IS 'how often it was used up';
COMMENT ON COLUMN webchatt.budget_levels.at IS 'when that was';

CREATE VIEW webchatt.budgets AS
SELECT s.channel_id, k.what,
	CASE WHEN k.what <> 'paused' THEN coalesce(greatest(0, b.used -
		(coalesce(k.an_hour, 0) * extract(epoch FROM clock_timestamp() - b.at) / 3600)::bigint), 0) END AS used,
	nullif(k.an_hour, 0) AS an_hour, coalesce(b.refused, 0) AS refused
FROM (SELECT NULL::uuid AS channel_id, '' AS scope
	UNION ALL SELECT c.id, 'channel_' FROM webchatt.channels c WHERE c.public_key IS NOT NULL) s
CROSS JOIN LATERAL (VALUES
	('newcomers', current_setting('webchatt.' || s.scope || 'newcomers_per_hour', true)::bigint),
	('messages', current_setting('webchatt.' || s.scope || 'messages_per_hour', true)::bigint),
	('bytes', pg_size_bytes(current_setting('webchatt.' || s.scope || 'bytes_per_hour', true))),
	('paused', NULL)) k (what, an_hour)
LEFT JOIN webchatt.budget_levels b
	ON b.channel_id = coalesce(s.channel_id, '00000000-0000-0000-0000-000000000000') AND b.what = k.what
WHERE s.channel_id IS NOT NULL OR k.what <> 'paused';
COMMENT ON VIEW webchatt.budgets IS
	'how much visitors have brought, against webchatt.newcomers_per_hour and its like: for the database and each local channel, as of a few seconds ago';
COMMENT ON COLUMN webchatt.budgets.channel_id IS 'whose budget; null: the whole database''s';
COMMENT ON COLUMN webchatt.budgets.what IS 'newcomers, messages, bytes; or paused: new visitors while webchatt.pause_newcomers() is on';
COMMENT ON COLUMN webchatt.budgets.used IS 'what came, less what has run out since';
COMMENT ON COLUMN webchatt.budgets.an_hour IS 'what may come at once, and what runs out in an hour; null: no limit';
COMMENT ON COLUMN webchatt.budgets.refused IS 'how often something was refused because of it, ever';

GRANT SELECT ON webchatt.budget_levels, webchatt.budgets TO webchatt_admin;
GRANT SELECT, INSERT, UPDATE, DELETE ON webchatt.budget_levels TO webchatt_worker;
