----------------------------------------------------------------------------
-- Views
----------------------------------------------------------------------------

CREATE FUNCTION webchatt._status(
	OUT state text, OUT launcher_pid int, OUT worker_pid int, OUT net_pid int, OUT listening text,
	OUT confined boolean, OUT started_at timestamptz, OUT last_error text, OUT last_error_at timestamptz,
	OUT corridor text, OUT queued bigint, OUT oldest_queued timestamptz, OUT in_flight int,
	OUT events_waiting int, OUT connections int, OUT visitors int,
	OUT events_per_second real, OUT sends_per_second real, OUT turns_per_second real,
	OUT events bigint, OUT repeats bigint, OUT rejected bigint, OUT sends bigint, OUT failures bigint,
	OUT requests bigint, OUT requests_refused bigint, OUT requests_turned_away bigint,
	OUT worker_memory bigint, OUT net_restarts bigint)
RETURNS record
LANGUAGE c STRICT AS 'MODULE_PATHNAME', 'webchatt_status';
COMMENT ON FUNCTION webchatt._status() IS 'webchatt''s own: what webchatt.status shows';

CREATE FUNCTION webchatt._hub_state(hub_id int, OUT paused_until timestamptz, OUT last_error text,
	OUT link_phase text, OUT link_since timestamptz, OUT link_error text, OUT link_lost bigint)
RETURNS record
LANGUAGE c STRICT AS 'MODULE_PATHNAME', 'webchatt_hub_state';
COMMENT ON FUNCTION webchatt._hub_state(int) IS 'webchatt''s own: until when and why the worker sends nothing to a hub, and how the link to it is doing';

CREATE VIEW webchatt.status AS
SELECT CASE WHEN s.worker_pid IS NULL AND EXISTS (SELECT FROM webchatt.restores)
	THEN s.state || '; and a dump was loaded: SELECT webchatt.finish_restore(), or let a worker see to it' ELSE s.state END AS state,
	s.launcher_pid, s.worker_pid, s.net_pid, s.listening, s.confined, s.started_at,
	s.last_error, s.last_error_at, s.corridor,
	(SELECT jsonb_object_agg(h.name, jsonb_strip_nulls(jsonb_build_object(
		'state', CASE WHEN h.state = 'active' AND hs.paused_until > clock_timestamp()
			THEN 'paused' ELSE h.state END,
		'reason', coalesce(h.state_reason, CASE WHEN hs.paused_until > clock_timestamp() THEN hs.last_error END),
		'since', CASE WHEN h.state <> 'active' THEN h.state_since END,
		'paused_until', CASE WHEN hs.paused_until > clock_timestamp() THEN hs.paused_until END,
		'link', CASE WHEN h.inbound = 'link' THEN jsonb_build_object('phase', coalesce(hs.link_phase, 'closed'),
			'since', hs.link_since, 'error', hs.link_error, 'lost', nullif(hs.link_lost, 0)) END)))
	 FROM webchatt.hubs h, LATERAL webchatt._hub_state(h.id) hs) AS hubs,
	s.queued, s.oldest_queued, clock_timestamp() - s.oldest_queued AS oldest_age,
	(SELECT count(*) FROM webchatt.overdue_candidates) AS overdue, s.in_flight,
	s.events_waiting, s.connections, s.visitors, s.events_per_second, s.sends_per_second, s.turns_per_second,
	s.events, s.repeats, s.rejected, s.sends, s.failures,
	s.requests, s.requests_refused, s.requests_turned_away, s.worker_memory, s.net_restarts,
	(SELECT jsonb_object_agg(b.what, jsonb_build_object('used', b.used, 'an_hour', b.an_hour, 'refused', b.refused))
	 FROM webchatt.budgets b WHERE b.channel_id IS NULL) AS budgets,
	(SELECT count(*) FROM webchatt.channels c WHERE c.newcomers_paused) AS paused_channels
FROM webchatt._status() s;
COMMENT ON VIEW webchatt.status IS
	'how webchatt is doing in this database: one row, counters since the worker started';
COMMENT ON COLUMN webchatt.status.state IS 'running; or why nothing is done';
COMMENT ON COLUMN webchatt.status.launcher_pid IS 'process of the launcher, which starts the workers';
COMMENT ON COLUMN webchatt.status.worker_pid IS 'process of this database''s worker';
COMMENT ON COLUMN webchatt.status.net_pid IS 'process of webchatt-net, which talks to the network';
COMMENT ON COLUMN webchatt.status.listening IS 'addresses that visitors and webhooks connect to';
COMMENT ON COLUMN webchatt.status.confined IS 'whether the kernel keeps webchatt-net away from files (Landlock)';
COMMENT ON COLUMN webchatt.status.started_at IS 'when the worker started';
COMMENT ON COLUMN webchatt.status.last_error IS 'what went wrong last, since the worker started';
COMMENT ON COLUMN webchatt.status.last_error_at IS 'when that was';
COMMENT ON COLUMN webchatt.status.corridor IS 'open: worker and webchatt-net understand each other';
COMMENT ON COLUMN webchatt.status.hubs IS
	'for each hub: active, paused (until when and why) or stopped (since when and why); where events come by a link, that one''s phase (connecting, open, waiting, refused; closed: none is kept now), since when, why it is not open, and how many events the hub no longer had';
COMMENT ON COLUMN webchatt.status.queued IS 'messages waiting to be sent';
COMMENT ON COLUMN webchatt.status.oldest_queued IS 'when the oldest of them was queued';
COMMENT ON COLUMN webchatt.status.oldest_age IS 'how long it has been waiting';
COMMENT ON COLUMN webchatt.status.overdue IS 'messages that webchatt.overdue lists, as of the last minute';
COMMENT ON COLUMN webchatt.status.in_flight IS 'messages handed to webchatt-net whose outcome is not known';
COMMENT ON COLUMN webchatt.status.events_waiting IS 'events that came in and are not committed';
COMMENT ON COLUMN webchatt.status.connections IS 'HTTP connections now';
COMMENT ON COLUMN webchatt.status.visitors IS 'connections of visitors to the local hub now';
COMMENT ON COLUMN webchatt.status.events_per_second IS 'events written, over the last second or so';
COMMENT ON COLUMN webchatt.status.sends_per_second IS 'answers of hubs to sends, over the last second or so';
COMMENT ON COLUMN webchatt.status.turns_per_second IS 'transactions of the worker, over the last second or so';
COMMENT ON COLUMN webchatt.status.events IS 'events written, repeats included';
COMMENT ON COLUMN webchatt.status.repeats IS 'events that were stored before and changed nothing';
COMMENT ON COLUMN webchatt.status.rejected IS 'events put into webchatt.rejects';
COMMENT ON COLUMN webchatt.status.sends IS 'answers of hubs to sends, whatever they were';
COMMENT ON COLUMN webchatt.status.failures IS 'those among them that did not take the message';
COMMENT ON COLUMN webchatt.status.requests IS 'HTTP requests since webchatt-net started';
COMMENT ON COLUMN webchatt.status.requests_refused IS 'those answered 4xx';
COMMENT ON COLUMN webchatt.status.requests_turned_away IS 'those answered 503: too much at a time';
COMMENT ON COLUMN webchatt.status.worker_memory IS 'bytes that the worker has in PostgreSQL''s memory contexts; they level off, or something is wrong';
COMMENT ON COLUMN webchatt.status.net_restarts IS 'how often webchatt-net ended by itself since the worker started, and was started again';

COMMENT ON COLUMN webchatt.status.budgets IS 'how much visitors have brought to the database, what may come in an hour, how often it was refused; webchatt.budgets has the channels';
COMMENT ON COLUMN webchatt.status.paused_channels IS 'channels that take no new visitors now: webchatt.pause_newcomers()';

CREATE FUNCTION webchatt._typing(OUT channel_id uuid, OUT visitor text) RETURNS SETOF record
LANGUAGE c STRICT AS 'MODULE_PATHNAME', 'webchatt_typing';
COMMENT ON FUNCTION webchatt._typing() IS 'webchatt''s own: the visitors who are typing just now';

CREATE VIEW webchatt.presence AS
SELECT s.channel_id, s.visitor, count(*)::int AS sessions, min(s.since) AS since,
	EXISTS (SELECT FROM webchatt._typing() t WHERE t.channel_id = s.channel_id AND t.visitor = s.visitor) AS typing
FROM webchatt.sessions s
WHERE EXISTS (SELECT FROM webchatt._status() w WHERE w.corridor = 'open')
GROUP BY s.channel_id, s.visitor;
COMMENT ON VIEW webchatt.presence IS 'the visitors of local channels who are connected now';
COMMENT ON COLUMN webchatt.presence.visitor IS 'the visitor''s id';
COMMENT ON COLUMN webchatt.presence.sessions IS 'connections: one for each tab';
COMMENT ON COLUMN webchatt.presence.since IS 'when the oldest of them was made';
COMMENT ON COLUMN webchatt.presence.typing IS 'whether the visitor is typing, as of the last seconds';

CREATE VIEW webchatt.inbox AS
SELECT v.channel_id, v.id AS visitor, c.display_name AS channel, last.unanswered,
	last.created_at AS last_at, last.direction AS last_direction, last.status AS last_status,
	last.content AS last_content, last.author AS last_author, v.first_seen, v.last_seen, v.attributes
FROM webchatt.visitors v
JOIN webchatt.channels c ON c.id = v.channel_id
CROSS JOIN LATERAL (
	SELECT m.id, m.direction, m.status, m.content, m.created_at, m.author,
		-- behind one that is not final, what counts is the newest that is, or is the visitor's
		CASE WHEN m.final THEN m.direction = 'in' ELSE coalesce((
			SELECT w.direction = 'in' FROM webchatt.messages w
			WHERE w.channel_id = v.channel_id AND w.visitor = v.id AND (w.final OR w.direction = 'in')
			ORDER BY w.channel_id DESC, w.visitor DESC, w.id DESC LIMIT 1), false) END AS unanswered
	FROM webchatt.messages m
	WHERE m.channel_id = v.channel_id AND m.visitor = v.id
	ORDER BY m.channel_id DESC, m.visitor DESC, m.id DESC LIMIT 1) last
ORDER BY last.unanswered DESC, last.created_at DESC, last.id DESC;
COMMENT ON VIEW webchatt.inbox IS 'conversations by their last message, unanswered ones first';
COMMENT ON COLUMN webchatt.inbox.visitor IS 'the visitor''s id';
COMMENT ON COLUMN webchatt.inbox.channel IS 'the channel''s display name';
COMMENT ON COLUMN webchatt.inbox.unanswered IS 'true: behind the visitor''s last message there is no answer, or none that is final';
COMMENT ON COLUMN webchatt.inbox.last_at IS 'when the last message was written';
COMMENT ON COLUMN webchatt.inbox.last_direction IS 'in: from the visitor; out: to the visitor';
COMMENT ON COLUMN webchatt.inbox.last_status IS 'where the last message stands';
COMMENT ON COLUMN webchatt.inbox.last_content IS 'the last message';
COMMENT ON COLUMN webchatt.inbox.last_author IS 'who wrote the last message, as send_message() was told';
COMMENT ON COLUMN webchatt.inbox.first_seen IS 'as in webchatt.visitors';
COMMENT ON COLUMN webchatt.inbox.last_seen IS 'as in webchatt.visitors';
COMMENT ON COLUMN webchatt.inbox.attributes IS 'as in webchatt.visitors: written by a stranger';

CREATE FUNCTION webchatt.conversation(channel uuid, visitor text)
RETURNS TABLE (id uuid, created_at timestamptz, direction webchatt.message_direction, status webchatt.message_status,
	body text, content jsonb, error_message text, author text)
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
	SELECT m.id, m.created_at, m.direction, m.status, m.content ->> 'text', m.content, m.error_message, m.author
	FROM webchatt.messages m
	WHERE m.channel_id = conversation.channel AND m.visitor = conversation.visitor
	ORDER BY m.id
$$;
COMMENT ON FUNCTION webchatt.conversation(uuid, text) IS 'one conversation, in the order of time';

