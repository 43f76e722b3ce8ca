----------------------------------------------------------------------------
-- Views
----------------------------------------------------------------------------

CREATE FUNCTION webchatt._status(
	OUT state text, OUT launcher_pid int, OUT worker_pid int, OUT net_pid int, OUT listening text, OUT desk text,
	OUT confined boolean, OUT started_at timestamptz, OUT alive_at timestamptz, OUT last_error text, OUT last_error_at timestamptz,
	OUT corridor text, OUT queued bigint, OUT oldest_queued timestamptz, OUT overdue bigint, OUT in_flight int,
	OUT events_waiting int, OUT connections int, OUT visitors int,
	OUT events_per_second real, OUT sends_per_second real, OUT turns_per_second real,
	OUT events bigint, OUT repeats bigint, OUT rejected bigint, OUT sends bigint, OUT failures bigint,
	OUT requests bigint, OUT requests_refused bigint, OUT requests_turned_away bigint,
	OUT worker_memory bigint, OUT net_restarts bigint)
RETURNS record
LANGUAGE c STRICT AS 'MODULE_PATHNAME', 'webchatt_status';
COMMENT ON FUNCTION webchatt._status() IS 'webchatt''s own: what webchatt.status shows';

CREATE FUNCTION webchatt._hub_state(hub_id int, OUT paused_until timestamptz, OUT last_error text,
	OUT queued bigint, OUT oldest_queued timestamptz,
	OUT link_phase text, OUT link_since timestamptz, OUT link_error text, OUT link_lost bigint)
RETURNS record
LANGUAGE c STRICT AS 'MODULE_PATHNAME', 'webchatt_hub_state';
COMMENT ON FUNCTION webchatt._hub_state(int) IS 'webchatt''s own: until when and why the worker sends nothing to a hub, how much is queued for it, and how the link to it is doing';

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

CREATE VIEW webchatt.status AS
SELECT CASE WHEN s.worker_pid IS NULL AND EXISTS (SELECT FROM webchatt.restores)
	THEN s.state || '; and a dump was loaded: SELECT webchatt.finish_restore(), or let a worker see to it' ELSE s.state END AS state,
	s.launcher_pid, s.worker_pid, s.net_pid, s.listening, s.desk, s.confined, s.started_at, s.alive_at,
	s.last_error, s.last_error_at, s.corridor,
	(SELECT jsonb_object_agg(h.name, jsonb_strip_nulls(jsonb_build_object(
		'state', CASE WHEN h.state = 'active' AND hs.paused_until > clock_timestamp()
			THEN 'paused' ELSE h.state END,
		'reason', coalesce(h.state_reason, CASE WHEN hs.paused_until > clock_timestamp() THEN hs.last_error END),
		'since', CASE WHEN h.state <> 'active' THEN h.state_since END,
		'paused_until', CASE WHEN hs.paused_until > clock_timestamp() THEN hs.paused_until END,
		'queued', nullif(hs.queued, 0), 'oldest_queued', hs.oldest_queued,
		'link', CASE WHEN h.inbound = 'link' THEN jsonb_build_object('phase', coalesce(hs.link_phase, 'closed'),
			'since', hs.link_since, 'error', hs.link_error, 'lost', nullif(hs.link_lost, 0)) END)))
	 FROM webchatt.hubs h, LATERAL webchatt._hub_state(h.id) hs) AS hubs,
	s.queued, s.oldest_queued, clock_timestamp() - s.oldest_queued AS oldest_age,
	s.overdue, s.in_flight,
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
COMMENT ON COLUMN webchatt.status.desk IS 'addresses that the desk is opened at; null: webchatt.desk_listen is empty, or nobody can connect';
COMMENT ON COLUMN webchatt.status.confined IS 'whether the kernel keeps webchatt-net away from files (Landlock)';
COMMENT ON COLUMN webchatt.status.started_at IS 'when the worker started';
COMMENT ON COLUMN webchatt.status.alive_at IS
	'when the worker last came around, as it does each second; where that is longer ago it is in one transaction all the time: a trigger that takes long, a lock, a standby that has not answered';
COMMENT ON COLUMN webchatt.status.last_error IS 'what went wrong last, since the worker started';
COMMENT ON COLUMN webchatt.status.last_error_at IS 'when that was';
COMMENT ON COLUMN webchatt.status.corridor IS 'open: worker and webchatt-net understand each other';
COMMENT ON COLUMN webchatt.status.hubs IS
	'for each hub: active, paused (until when and why) or stopped (since when and why); where any are queued for it how many messages, and since when the oldest of them is; where events come by a link, that one''s phase (connecting, open, waiting, refused; closed: none is kept now), since when, why it is not open, and how many events the hub no longer had';
COMMENT ON COLUMN webchatt.status.queued IS 'messages that are queued, in memory or not, as of the last second; held ones are not';
COMMENT ON COLUMN webchatt.status.oldest_queued IS 'since when the oldest of them is queued';
COMMENT ON COLUMN webchatt.status.oldest_age IS 'how long it has been waiting';
COMMENT ON COLUMN webchatt.status.overdue IS 'messages that webchatt.overdue lists, as the worker counted them within the last minute; null: no worker runs';
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
	EXISTS (SELECT FROM webchatt._typing() t WHERE t.channel_id = s.channel_id AND t.visitor = s.visitor) AS typing,
	(SELECT v.page_url FROM webchatt.visitors v WHERE v.channel_id = s.channel_id AND v.id = s.visitor) AS page_url,
	(SELECT v.page_title FROM webchatt.visitors v WHERE v.channel_id = s.channel_id AND v.id = s.visitor) AS page_title
FROM webchatt.sessions s
WHERE EXISTS (SELECT FROM webchatt._status() w WHERE w.corridor = 'open')
GROUP BY s.channel_id, s.visitor;
COMMENT ON VIEW webchatt.presence IS 'the visitors of local channels who are connected now';
COMMENT ON COLUMN webchatt.presence.visitor IS 'the visitor''s id';
COMMENT ON COLUMN webchatt.presence.sessions IS 'connections: one for each tab';
COMMENT ON COLUMN webchatt.presence.since IS 'when the oldest of them was made';
COMMENT ON COLUMN webchatt.presence.typing IS 'whether the visitor is typing, as of the last seconds';
COMMENT ON COLUMN webchatt.presence.page_url IS 'as in webchatt.visitors: the page that they came to last, in whichever tab; written by a stranger';
COMMENT ON COLUMN webchatt.presence.page_title IS 'as in webchatt.visitors: written by a stranger';

/*
 * By the index conversations_inbox: as many rows are read as are shown.  Where the newest message is a final
 * answer, nobody waits, also in the milliseconds until the worker has written that down.
 */
CREATE VIEW webchatt.inbox AS
SELECT c.channel_id, c.visitor, h.display_name AS channel,
	c.state = 'open' AND c.place < 2305843009213693952 AND NOT last.answers AS unanswered,
	last.created_at AS last_at, last.direction AS last_direction, last.status AS last_status,
	last.content AS last_content, last.author AS last_author, v.first_seen, v.last_seen, v.attributes,
	c.state, c.assignee, CASE WHEN NOT last.answers THEN c.waiting_since END AS waiting_since, c.place,
	v.user_id, v.verified, v.name, v.email, v.avatar, v.signed, v.page_url, v.page_title, v.referrer, v.locale, v.time_zone
FROM webchatt.conversations c
JOIN webchatt.channels h ON h.id = c.channel_id
JOIN webchatt.visitors v ON v.channel_id = c.channel_id AND v.id = c.visitor
CROSS JOIN LATERAL (
	SELECT m.direction, m.status, m.content, m.created_at, m.author, m.direction = 'out' AND m.final AS answers
	FROM webchatt.messages m
	WHERE m.channel_id = c.channel_id AND m.visitor = c.visitor
	ORDER BY m.channel_id DESC, m.visitor DESC, m.id DESC LIMIT 1) last
ORDER BY c.state, c.place, c.channel_id, c.visitor;
COMMENT ON VIEW webchatt.inbox IS
	'conversations: those in which somebody waits first, the longest wait first, then the latest; closed ones behind all others. LIMIT 50 reads 50; the next page is WHERE (state, place, channel_id, visitor) > those of the last row';
COMMENT ON COLUMN webchatt.inbox.visitor IS 'the visitor''s id';
COMMENT ON COLUMN webchatt.inbox.channel IS 'the channel''s display name';
COMMENT ON COLUMN webchatt.inbox.unanswered IS 'true: behind the visitor''s last message there is no answer, or none that is final, and the conversation is not closed';
COMMENT ON COLUMN webchatt.inbox.last_at IS 'when the last message was written';
COMMENT ON COLUMN webchatt.inbox.last_direction IS 'in: from the visitor; out: to the visitor';
COMMENT ON COLUMN webchatt.inbox.last_status IS 'where the last message stands';
COMMENT ON COLUMN webchatt.inbox.last_content IS 'the last message';
COMMENT ON COLUMN webchatt.inbox.last_author IS 'who wrote the last message, as send_message() was told';
COMMENT ON COLUMN webchatt.inbox.first_seen IS 'as in webchatt.visitors';
COMMENT ON COLUMN webchatt.inbox.last_seen IS 'as in webchatt.visitors';
COMMENT ON COLUMN webchatt.inbox.attributes IS 'as in webchatt.visitors: written by a stranger';
COMMENT ON COLUMN webchatt.inbox.state IS 'as in webchatt.conversations';
COMMENT ON COLUMN webchatt.inbox.assignee IS 'as in webchatt.conversations';
COMMENT ON COLUMN webchatt.inbox.waiting_since IS 'since when the visitor waits for an answer; null: nobody waits';
COMMENT ON COLUMN webchatt.inbox.place IS 'as in webchatt.conversations: for the next page';
COMMENT ON COLUMN webchatt.inbox.user_id IS 'as in webchatt.visitors: which user of the site that is; null: nobody has said so, signed';
COMMENT ON COLUMN webchatt.inbox.verified IS 'as in webchatt.visitors: whether there is a user_id, which the site''s server signed';
COMMENT ON COLUMN webchatt.inbox.name IS 'as in webchatt.visitors: a stranger may have written it, unless signed has it';
COMMENT ON COLUMN webchatt.inbox.email IS 'as in webchatt.visitors: a stranger may have written it, unless signed has it';
COMMENT ON COLUMN webchatt.inbox.avatar IS 'as in webchatt.visitors: a stranger may have written it, unless signed has it';
COMMENT ON COLUMN webchatt.inbox.signed IS 'as in webchatt.visitors: which of name, email and avatar the site''s server signed';
COMMENT ON COLUMN webchatt.inbox.page_url IS 'as in webchatt.visitors: written by a stranger';
COMMENT ON COLUMN webchatt.inbox.page_title IS 'as in webchatt.visitors: written by a stranger';
COMMENT ON COLUMN webchatt.inbox.referrer IS 'as in webchatt.visitors: written by a stranger';
COMMENT ON COLUMN webchatt.inbox.locale IS 'as in webchatt.visitors: written by a stranger';
COMMENT ON COLUMN webchatt.inbox.time_zone IS 'as in webchatt.visitors: written by a stranger';

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

CREATE VIEW webchatt.handlers AS
SELECT r.id, r.event, pg_catalog.format('%I.%I(webchatt.%s)', r.schema_name, r.function_name,
	CASE r.event WHEN 'status' THEN 'statuses' WHEN 'unread' THEN 'unread' ELSE 'messages' END) AS function,
	r.direction, r.channel_id, r.owner, webchatt._handler_problem(r.id) AS problem, r.created_at
FROM webchatt.registrations r ORDER BY r.id;
COMMENT ON VIEW webchatt.handlers IS 'the functions that are called for each message or status, in the order in which they are called';
COMMENT ON COLUMN webchatt.handlers.id IS 'its number, for webchatt.remove_handler()';
COMMENT ON COLUMN webchatt.handlers.event IS 'message: registered by webchatt.on_message(); status: by webchatt.on_status(); unread: by webchatt.on_unread()';
COMMENT ON COLUMN webchatt.handlers.function IS 'the function';
COMMENT ON COLUMN webchatt.handlers.direction IS 'of messages: in, out or any';
COMMENT ON COLUMN webchatt.handlers.owner IS 'whose it was when it was registered: it runs with the rights of its owner';
COMMENT ON COLUMN webchatt.handlers.problem IS 'why it cannot be called, so that events go into webchatt.rejects; null: it can';
COMMENT ON COLUMN webchatt.handlers.created_at IS 'when it was registered';

/* at: an application's trigger may have written a time that no clock has. */
CREATE VIEW webchatt._feed_bodies AS
SELECT e.seq, e.event_type, e.channel_id, e.visitor, e.message_id,
	CASE
		WHEN e.event_type = 'Message' THEN
			(SELECT '{"eventType":"Message","channelId":"' || e.channel_id || '","messageId":"' || e.message_id
				|| '","from":' || to_json(e.visitor)::text
				|| ',"timestamp":' || floor(date_part('epoch', CASE WHEN isfinite(e.at) THEN e.at ELSE e.created_at END))::bigint
				|| ',"channel":"web-chatt2me","content":' || m.content::text || '}'
			FROM webchatt.messages m WHERE m.channel_id = e.channel_id AND m.id = e.message_id)
		WHEN e.event_type = 'Unread' THEN
			-- the conversation may have been joined to another one meanwhile
			(SELECT '{"eventType":"Unread","channelId":"' || u.channel_id || '","messageId":"' || u.message_id
				|| '","visitor":' || to_json(u.visitor)::text || ',"messages":' || u.messages
				|| ',"since":' || floor(date_part('epoch', u.since))::bigint || ',"timestamp":' || floor(date_part('epoch', u.noted_at))::bigint
				|| coalesce(',"email":' || to_json(u.email)::text, '') || ',"channel":"web-chatt2me"}'
			FROM webchatt.messages m
			JOIN webchatt.unread u ON u.channel_id = m.channel_id AND u.visitor = m.visitor AND u.message_id = m.id
			WHERE m.channel_id = e.channel_id AND m.id = e.message_id)
		ELSE
			'{"eventType":"MessageStatus","channelId":"' || e.channel_id || '","messageId":"' || e.message_id
				|| '","status":"' || e.status
				|| '","timestamp":' || floor(date_part('epoch', CASE WHEN isfinite(e.at) THEN e.at ELSE e.created_at END))::bigint
				|| ',"channel":"web-chatt2me"' || coalesce(',"errorCode":' || to_json(e.error_code)::text, '')
				|| coalesce(',"errorMessage":' || to_json(e.error_message)::text, '') || '}'
	END AS body
FROM webchatt.feed e;
COMMENT ON VIEW webchatt._feed_bodies IS 'webchatt''s own: webchatt.feed as others get it (doc/hub-contract.md, section 3)';
COMMENT ON COLUMN webchatt._feed_bodies.seq IS 'as in webchatt.feed';
COMMENT ON COLUMN webchatt._feed_bodies.event_type IS 'as in webchatt.feed';
COMMENT ON COLUMN webchatt._feed_bodies.visitor IS 'as in webchatt.feed';
COMMENT ON COLUMN webchatt._feed_bodies.message_id IS 'as in webchatt.feed';
COMMENT ON COLUMN webchatt._feed_bodies.body IS 'the event; null: its message is gone, or what was noted';

CREATE VIEW webchatt.feeds AS
SELECT 'webhook' AS kind, w.label, w.event_type,
	CASE WHEN k.revoked_at IS NOT NULL THEN 'paused: its API key was revoked'
		WHEN w.key_id IS NOT NULL AND 'webhooks' <> ALL (k.scopes) THEN 'paused: its API key is no longer for webhooks'
		WHEN NOT w.active THEN 'paused' || coalesce(': ' || w.paused_reason, ' by hand')
		WHEN w.verified_at IS NULL THEN 'verifying'
		WHEN p.failing_since IS NOT NULL THEN 'failing since ' || date_trunc('second', p.failing_since)
		ELSE 'delivering' END AS state,
	b.behind, b.oldest, p.lost, p.last_error
FROM webchatt.webhooks w
LEFT JOIN webchatt.webhook_progress p ON p.webhook_id = w.id
LEFT JOIN webchatt.api_keys k ON k.id = w.key_id
CROSS JOIN LATERAL (
	SELECT count(*)::int AS behind, min(e.created_at) AS oldest
	FROM (SELECT * FROM webchatt.feed e WHERE e.seq > p.done_upto ORDER BY e.seq LIMIT 10000) e
	WHERE e.event_type = w.event_type AND (k.channels IS NULL OR e.channel_id = ANY (k.channels)) AND NOT EXISTS (SELECT FROM webchatt.webhook_log l
		WHERE l.webhook_id = w.id AND l.seq = e.seq AND l.good)) b
UNION ALL
SELECT 'link', k.label, NULL,
	CASE WHEN k.revoked_at IS NOT NULL THEN 'revoked'
		WHEN 'link' <> ALL (k.scopes) THEN 'its API key is no longer for links'
		WHEN l.connected_since IS NOT NULL THEN 'connected from ' || coalesce(l.client, 'somewhere')
		ELSE 'away since ' || coalesce(date_trunc('second', l.left_at)::text, 'webchatt stopped') END,
	b.behind, b.oldest, l.lost, NULL
FROM webchatt.links l
JOIN webchatt.api_keys k ON k.id = l.key_id
CROSS JOIN LATERAL (
	SELECT count(*)::int AS behind, min(e.created_at) AS oldest
	FROM (SELECT e.created_at, e.channel_id, e.event_type FROM webchatt.feed e WHERE e.seq > l.acknowledged ORDER BY e.seq LIMIT 10000) e
	WHERE e.event_type <> 'Unread' AND (k.channels IS NULL OR e.channel_id = ANY (k.channels))) b;
COMMENT ON VIEW webchatt.feeds IS 'who gets the local hub''s events: webhooks of webchatt.webhooks, and databases by webchatt.links';
COMMENT ON COLUMN webchatt.feeds.kind IS 'webhook or link';
COMMENT ON COLUMN webchatt.feeds.label IS 'of a webhook its own, of a link that of its API key';
COMMENT ON COLUMN webchatt.feeds.event_type IS 'of a webhook; a link gets messages and their statuses';
COMMENT ON COLUMN webchatt.feeds.state IS 'a webhook is verifying, delivering, failing or paused; a link connected, away or revoked: since when and why';
COMMENT ON COLUMN webchatt.feeds.behind IS 'events that it has not got, among the first 10,000 behind those that are done';
COMMENT ON COLUMN webchatt.feeds.oldest IS 'when the oldest of them was published';
COMMENT ON COLUMN webchatt.feeds.lost IS 'events that were dropped after webchatt.feed_retention before it got them';
COMMENT ON COLUMN webchatt.feeds.last_error IS 'of a webhook: what went wrong last';

CREATE VIEW webchatt.repair AS
SELECT h.name AS hub, x.event_type, w.looked_at AS last_look, w.look_at AS next_look, count(r.id) AS found,
	count(*) FILTER (WHERE r.state = 'repaired' AND r.tries = 0) AS already_here,
	count(*) FILTER (WHERE r.state = 'asked') AS asked,
	count(*) FILTER (WHERE r.state = 'repaired' AND r.tries > 0) AS repaired,
	count(*) FILTER (WHERE r.state = 'waiting') AS waiting,
	count(*) FILTER (WHERE r.state = 'given up') AS given_up,
	coalesce(max(w.log_skipped), 0) AS skipped,
	max(k.repair_error) AS last_error, max(k.repair_error_at) AS last_error_at
FROM (SELECT y.hub_id, y.event_type FROM webchatt.hub_webhooks y WHERE y.hub_id IS NOT NULL
	UNION SELECT z.hub_id, z.event_type FROM webchatt.repairs z) x
JOIN webchatt.hubs h ON h.id = x.hub_id
LEFT JOIN webchatt.hub_webhooks w ON w.hub_id = x.hub_id AND w.event_type = x.event_type
LEFT JOIN webchatt.hub_reconciliation k ON k.hub_id = x.hub_id
LEFT JOIN webchatt.repairs r ON r.hub_id = x.hub_id AND r.event_type = x.event_type
GROUP BY h.name, x.event_type, w.looked_at, w.look_at
ORDER BY h.name, x.event_type;
COMMENT ON VIEW webchatt.repair IS
	'deliveries that failed while we were away, as the hubs'' logs say, and what came back: one row for each webhook, of the last 30 days; single ones are in webchatt.repairs';
COMMENT ON COLUMN webchatt.repair.hub IS 'the hub''s name';
COMMENT ON COLUMN webchatt.repair.event_type IS 'Message or MessageStatus';
COMMENT ON COLUMN webchatt.repair.last_look IS 'when the hub''s log was last read down to the look before; null: not yet';
COMMENT ON COLUMN webchatt.repair.next_look IS 'when it is read next; null: at once';
COMMENT ON COLUMN webchatt.repair.found IS 'events whose delivery failed';
COMMENT ON COLUMN webchatt.repair.already_here IS 'those among them whose message was here all the same';
COMMENT ON COLUMN webchatt.repair.asked IS 'those that the hub was asked for, which are not here yet';
COMMENT ON COLUMN webchatt.repair.repaired IS 'those that came back';
COMMENT ON COLUMN webchatt.repair.waiting IS 'those that will be asked for';
COMMENT ON COLUMN webchatt.repair.given_up IS 'those that were asked for five times in vain, or cannot be had: webchatt.repairs.answer says why';
COMMENT ON COLUMN webchatt.repair.skipped IS 'lines of the hub''s log that the last look could not read, and passed over';
COMMENT ON COLUMN webchatt.repair.last_error IS 'what last went wrong in asking the hub; null since all is well';
COMMENT ON COLUMN webchatt.repair.last_error_at IS 'when that was';

/* LIMIT 1: so each message is looked up by its key, in the order of the candidates' index, whatever the statistics say. */
/* A view reads with its owner's rights, but a function in it runs with its reader's. */
CREATE FUNCTION webchatt._sees_message(channel uuid, message uuid) RETURNS boolean
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	RETURN NOT row_security_active('webchatt.messages'::regclass)
		OR EXISTS (SELECT FROM webchatt.messages m WHERE m.channel_id = channel AND m.id = message);
END
$$;
COMMENT ON FUNCTION webchatt._sees_message(uuid, uuid) IS 'webchatt''s own: whether row security lets the caller see that message';

CREATE VIEW webchatt.overdue AS
SELECT m.channel_id, m.id, m.visitor, m.status, m.since, clock_timestamp() - m.since AS age,
	CASE m.status
		WHEN 'sent' THEN 'it was handed over, and no word of its delivery has come'
		WHEN 'enqueued' THEN 'the hub has it in its queue, and no word has come since'
		ELSE format('it was sent %s, and no answer was seen: the visitor may have it; it is sent again under the same key',
			CASE c.unanswered WHEN 1 THEN 'once' ELSE format('%s times', c.unanswered) END)
	END AS reason, c.unanswered
FROM webchatt.overdue_candidates c
CROSS JOIN LATERAL (
	SELECT o.channel_id, o.id, o.visitor, o.status, CASE o.status WHEN 'queued' THEN c.unanswered_at ELSE o.status_at END AS since
	FROM webchatt.messages o
	WHERE o.channel_id = c.channel_id AND o.id = c.message_id
		AND (o.status = 'queued' AND c.unanswered > 0 OR o.status IN ('enqueued', 'sent')
			AND o.status_at < now() - current_setting('webchatt.overdue_after')::interval)
	LIMIT 1) m
WHERE webchatt._sees_message(m.channel_id, m.id)
ORDER BY c.quiet_since;
COMMENT ON VIEW webchatt.overdue IS
	'messages to visitors of which nothing was heard for longer than webchatt.overdue_after, and sends whose answer was never seen, the oldest first, by an index, so that the first of many are there at once (LIMIT); exact to a minute';
COMMENT ON COLUMN webchatt.overdue.visitor IS 'whom it is for';
COMMENT ON COLUMN webchatt.overdue.status IS 'where it stands';
COMMENT ON COLUMN webchatt.overdue.since IS 'since when nothing was heard';
COMMENT ON COLUMN webchatt.overdue.age IS 'how long that is';
COMMENT ON COLUMN webchatt.overdue.reason IS 'what is missing, in words';
COMMENT ON COLUMN webchatt.overdue.unanswered IS 'how often it was sent without an answer';

CREATE VIEW webchatt.extras AS
SELECT e.kind, e.relation, e.name, e.statement FROM webchatt._extras() e
WHERE NOT EXISTS (SELECT FROM webchatt.own_extras o WHERE o.kind OPERATOR(pg_catalog.=) e.kind
	AND o.relation OPERATOR(pg_catalog.=) e.relation AND o.name OPERATOR(pg_catalog.=) e.name);
COMMENT ON VIEW webchatt.extras IS
	'triggers, indexes, constraints, policies, rules, options and publications that others put on webchatt''s tables: a dump leaves them out, so keep the statements beside it (psql -Atc ''SELECT statement FROM webchatt.extras''), and run them when it is restored';
COMMENT ON COLUMN webchatt.extras.kind IS 'index, constraint, trigger, rule, policy, row security, storage option, statistics target, replica identity or publication';
COMMENT ON COLUMN webchatt.extras.relation IS 'the table or view in schema webchatt';
COMMENT ON COLUMN webchatt.extras.name IS 'what it is called; of an option the option';
COMMENT ON COLUMN webchatt.extras.statement IS 'what makes it anew';
