-- What came from hubs and from visitors becomes rows (src/backend/inbound, shared/event_writer.c); ingest() does the
-- same in a session.

-- name: insert_messages($1 channels uuid[], $2 ids uuid[], $3 visitors text[], $4 hub_message_ids text[],
--	$5 hub_times timestamptz[], $6 bodies text[], $7 wanted boolean)
-- Messages of visitors; one that is there already is passed over. wanted: there are webhooks or links that want to
-- know. A visitor's row is written once a minute at most. Returns how many were new. Where no repeat is expected the
-- worker writes the rows without it (shared/message_rows.c), and then does the rest by the next two.
WITH event AS MATERIALIZED (
	SELECT channel_id, id, visitor, hub_message_id, hub_time, body::jsonb AS body, n
	FROM unnest($1, $2, $3, $4, $5, $6) WITH ORDINALITY AS e (channel_id, id, visitor, hub_message_id, hub_time, body, n)
),
seen AS (
	INSERT INTO webchatt.visitors AS v (channel_id, id, first_seen, last_seen)
	SELECT DISTINCT channel_id, visitor, now(), now()
	FROM event e
	WHERE NOT EXISTS (SELECT FROM webchatt.visitors known
		WHERE known.channel_id = e.channel_id AND known.id = e.visitor AND known.last_seen > now() - interval '1 minute')
	ON CONFLICT (channel_id, id) DO UPDATE SET last_seen = excluded.last_seen
),
added AS (
	INSERT INTO webchatt.messages (channel_id, id, visitor, direction, status, content, hub_message_id, hub_time, extra)
	SELECT channel_id, id, visitor, 'in', 'received', body -> 'content', hub_message_id, hub_time,
		nullif(body - '{eventType,channelId,messageId,from,timestamp,channel,content}'::text[], '{}')
	FROM event
	ORDER BY n
	ON CONFLICT (webchatt.hub_message_key(channel_id, hub_message_id)) WHERE hub_message_id IS NOT NULL DO NOTHING
	RETURNING channel_id, id, visitor
),
told AS (
	INSERT INTO webchatt.feed (event_type, channel_id, visitor, message_id)
	SELECT 'Message', a.channel_id, a.visitor, a.id
	FROM added a
	WHERE $7 AND EXISTS (SELECT FROM webchatt.channels c WHERE c.id = a.channel_id AND c.public_key IS NOT NULL)
	ORDER BY a.id
)
SELECT count(*) FROM added;

-- name: note_senders($1 channels uuid[], $2 visitors text[])
-- Visitors of whom something came, and whom the worker has not seen for half a minute (shared/visitor_seen.c).
INSERT INTO webchatt.visitors AS v (channel_id, id, first_seen, last_seen)
SELECT DISTINCT channel_id, visitor, now(), now()
FROM unnest($1, $2) AS e (channel_id, visitor)
WHERE NOT EXISTS (SELECT FROM webchatt.visitors known
	WHERE known.channel_id = e.channel_id AND known.id = e.visitor AND known.last_seen > now() - interval '30 seconds')
ON CONFLICT (channel_id, id) DO UPDATE SET last_seen = excluded.last_seen;

-- name: tell_messages($1 channels uuid[], $2 ids uuid[], $3 visitors text[])
-- New messages of visitors that webhooks and links want to know of: those of the local hub's channels.
INSERT INTO webchatt.feed (event_type, channel_id, visitor, message_id)
SELECT 'Message', e.channel_id, e.visitor, e.id
FROM unnest($1, $2, $3) AS e (channel_id, id, visitor)
WHERE EXISTS (SELECT FROM webchatt.channels c WHERE c.id = e.channel_id AND c.public_key IS NOT NULL)
ORDER BY e.id;

-- name: find_messages($1 channels uuid[], $2 hub_message_ids text[])
-- Which rows those are, by the number of the array element.
SELECT asked.n::int, m.id
FROM unnest($1, $2) WITH ORDINALITY AS asked (channel_id, hub_message_id, n)
JOIN webchatt.messages m
	ON webchatt.hub_message_key(m.channel_id, m.hub_message_id) = webchatt.hub_message_key(asked.channel_id, asked.hub_message_id)
	AND m.channel_id = asked.channel_id AND m.hub_message_id = asked.hub_message_id;

-- name: record_statuses($1 channels uuid[], $2 hub_message_ids text[], $3 statuses text[], $4 means text[],
--	$5 times timestamptz[], $6 error_codes text[], $7 error_messages text[], $8 bodies text[], $9 visitors text[],
--	$10 hubs int[], $11 wanted boolean)
-- Statuses from the hub, as they came and what they mean (null: nothing). visitor: that of a local channel who says
-- so; then the id is ours, and what is not that visitor's is passed over. hub: of a status whose channel is not known
-- (all zeros). wanted: as of insert_messages.
-- Those of known messages are appended, and move the message forward; the others wait in early_statuses. Returns how
-- many were new, and the visitors that showed up by them: at least one row.
WITH event AS MATERIALIZED (
	SELECT channel_id, hub_message_id, status, means::webchatt.message_status AS means, coalesce(at, now()) AS at,
		error_code, error_message,
		nullif(body::jsonb - '{eventType,channelId,messageId,status,timestamp,channel,errorCode,errorMessage}'::text[], '{}')
			AS extra,
		visitor, hub_id,
		NOT EXISTS (SELECT FROM webchatt.statuses known
			WHERE known.channel_id = e.channel_id AND known.hub_message_id = e.hub_message_id AND known.status = e.status)
			AS is_new,
		CASE
			WHEN visitor IS NULL THEN
				(SELECT known.message_id FROM webchatt.statuses known
				WHERE known.channel_id = e.channel_id AND known.hub_message_id = e.hub_message_id LIMIT 1)
			ELSE
				(SELECT own.id FROM webchatt.messages own
				WHERE own.channel_id = e.channel_id AND own.id = e.hub_message_id::uuid
					AND (own.visitor = e.visitor OR own.visitor = (SELECT v.joined_to FROM webchatt.visitors v
						WHERE v.channel_id = e.channel_id AND v.id = e.visitor)) AND own.direction = 'out')
		END AS message_id
	FROM unnest($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
		AS e (channel_id, hub_message_id, status, means, at, error_code, error_message, body, visitor, hub_id)
),
early AS (
	INSERT INTO webchatt.early_statuses (channel_id, hub_message_id, status, means, at, error_code, error_message, extra, hub_id)
	SELECT channel_id, hub_message_id, status, means, at, error_code, error_message, extra, hub_id
	FROM event
	WHERE message_id IS NULL AND visitor IS NULL
	ON CONFLICT DO NOTHING
	RETURNING 1
),
added AS (
	INSERT INTO webchatt.statuses (channel_id, message_id, status, hub_message_id, at, error_code, error_message, extra)
	SELECT channel_id, message_id, status, hub_message_id, at, error_code, error_message, extra
	FROM event
	WHERE message_id IS NOT NULL
	ON CONFLICT (channel_id, hub_message_id, status) DO NOTHING
	RETURNING id, channel_id, message_id, status, at, error_code, error_message
),
told AS (
	INSERT INTO webchatt.feed (event_type, channel_id, visitor, message_id, status, at, error_code, error_message)
	SELECT 'MessageStatus', a.channel_id, m.visitor, a.message_id,
		CASE WHEN a.status IN ('expired', 'cancelled') THEN 'failed' ELSE a.status END, a.at,
		CASE WHEN a.status IN ('expired', 'cancelled') THEN a.status ELSE a.error_code END, a.error_message
	FROM added a
	JOIN webchatt.messages m ON m.channel_id = a.channel_id AND m.id = a.message_id
	WHERE $11 AND a.status IN ('sent', 'delivered', 'read', 'failed', 'expired', 'cancelled')
		-- it came by the REST API, on a channel of the local hub
		AND left(m.dedupe_key, 4) = 'api:'
		AND EXISTS (SELECT FROM webchatt.channels c WHERE c.id = a.channel_id AND c.public_key IS NOT NULL)
	ORDER BY a.id
),
furthest AS (
	SELECT DISTINCT ON (channel_id, message_id) channel_id, message_id, means, error_code, error_message
	FROM event
	WHERE is_new AND message_id IS NOT NULL AND means IS NOT NULL
	ORDER BY channel_id, message_id, means DESC
),
moved AS (
	UPDATE webchatt.messages m
	SET status = f.means, status_at = now(),
		error_code = CASE WHEN f.means = 'failed' THEN f.error_code END,
		error_message = CASE WHEN f.means = 'failed' THEN f.error_message END
	FROM furthest f
	WHERE m.channel_id = f.channel_id AND m.id = f.message_id AND m.status < f.means
	RETURNING m.channel_id, m.visitor, m.status
)
SELECT (SELECT count(*) FROM early) + (SELECT count(*) FROM added) AS new, m.channel_id, m.visitor
FROM (VALUES (1)) AS at_least (one)
LEFT JOIN moved m ON m.status >= 'delivered';

-- name: find_channels($1 hubs int[], $2 hub_message_ids text[])
-- In which of a hub's channels that message was sent, by the number of the array element.
WITH candidate AS MATERIALIZED (
	SELECT id, hub_id FROM webchatt.channels WHERE hub_id = ANY ($1)
)
SELECT asked.n::int, found.id
FROM unnest($1, $2) WITH ORDINALITY AS asked (hub_id, hub_message_id, n)
CROSS JOIN LATERAL (
	SELECT c.id
	FROM candidate c
	WHERE c.hub_id = asked.hub_id
		AND EXISTS (SELECT FROM webchatt.statuses s WHERE s.channel_id = c.id AND s.hub_message_id = asked.hub_message_id)
	LIMIT 1
) found;

-- name: reject($1 channel uuid, $2 event_type text, $3 event_key text, $4 visitor text, $5 body text, $6 sqlstate text,
--	$7 reason text, $8 detail text, $9 hint text, $10 context text)
-- An event that the database refused, with the error; each time that it comes again counts.
INSERT INTO webchatt.rejects AS r (channel_id, event_type, event_key, visitor, body, sqlstate, reason, detail, hint, context)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
ON CONFLICT (channel_id, event_type, event_key) DO UPDATE
SET tries = r.tries + 1, last_at = now(), body = excluded.body, sqlstate = excluded.sqlstate, reason = excluded.reason,
	detail = excluded.detail, hint = excluded.hint, context = excluded.context;

-- name: reject_unreadable($1 channel uuid, $2 hub int, $3 raw bytea, $4 body text, $5 reason text)
-- What is no event: as it came, and as text.
INSERT INTO webchatt.rejects AS r (channel_id, hub_id, event_type, event_key, body, raw, sqlstate, reason, hint)
VALUES ($1, $2, 'unreadable', encode(sha256($3), 'hex'), $4, CASE WHEN convert_to($4, 'UTF8') <> $3 THEN $3 END, '22023', $5,
	'It was answered as taken. Mend its body here, then webchatt.retry_reject(id).')
ON CONFLICT (channel_id, event_type, event_key) DO UPDATE
SET tries = r.tries + 1, last_at = now();

-- name: delete_reject($1 channel uuid, $2 event_type text, $3 event_key text)
-- It came again, and was taken.
DELETE FROM webchatt.rejects WHERE channel_id = $1 AND event_type = $2 AND event_key = $3;
