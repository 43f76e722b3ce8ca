-- What happens to messages on their way to a hub or a visitor, but for reading the outbox (src/backend/outbound).

-- name: take($1 channels uuid[], $2 ids uuid[])
-- What is still to be sent of these, by the number of the array element; and whether the conversation has messages
-- that are held, for then this one is held behind them. Where none is held at all, no conversation is looked up. The row's
-- place spares a search for it when it was sent (src/backend/outbound/message_moves.c).
SELECT asked.n::int, m.content::text,
	(SELECT EXISTS (SELECT FROM webchatt.held))
		AND EXISTS (SELECT FROM webchatt.held h WHERE h.channel_id = m.channel_id AND h.visitor = m.visitor) AS is_held, m.ctid, m.author
FROM unnest($1, $2) WITH ORDINALITY AS asked (channel_id, id, n)
JOIN webchatt.messages m ON m.channel_id = asked.channel_id AND m.id = asked.id
WHERE m.status = 'queued';

-- name: record_outcomes($1 channels uuid[], $2 ids uuid[], $3 means text[], $4 statuses text[],
--	$5 hub_message_ids text[], $6 error_codes text[], $7 error_messages text[], $8 wanted boolean)
-- What became of sends: what it means for the message, and the hub's word or ours. wanted: as of insert_messages.
-- What was sent although it had been cancelled, was sent.
WITH outcome AS MATERIALIZED (
	SELECT channel_id, id, means::webchatt.message_status AS means, status, hub_message_id, error_code, error_message
	FROM unnest($1, $2, $3, $4, $5, $6, $7) AS o (channel_id, id, means, status, hub_message_id, error_code, error_message)
),
added AS (
	INSERT INTO webchatt.statuses (channel_id, message_id, status, hub_message_id, error_code, error_message)
	SELECT channel_id, id, status, hub_message_id, error_code, error_message
	FROM outcome
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
	WHERE $8 AND a.status IN ('sent', 'delivered', 'read', 'failed', 'expired', 'cancelled')
		-- it came by the REST API, on a channel of the local hub
		AND left(m.dedupe_key, 4) = 'api:'
		AND EXISTS (SELECT FROM webchatt.channels c WHERE c.id = a.channel_id AND c.public_key IS NOT NULL)
	ORDER BY a.id
)
UPDATE webchatt.messages m
SET status = o.means, status_at = now(), error_code = o.error_code, error_message = o.error_message
FROM outcome o
WHERE m.channel_id = o.channel_id AND m.id = o.id
	AND (m.status < o.means OR m.status = 'cancelled' AND o.means IN ('sent', 'enqueued'));

-- name: move_sent($1 channels uuid[], $2 ids uuid[], $3 means text[])
-- What was sent, and has no error: the messages, as record_outcomes does, where the rows of statuses are written without
-- a statement (src/backend/outbound/end_rows.c).
UPDATE webchatt.messages m
SET status = o.means::webchatt.message_status, status_at = now(), error_code = NULL, error_message = NULL
FROM unnest($1, $2, $3) AS o (channel_id, id, means)
WHERE m.channel_id = o.channel_id AND m.id = o.id
	AND (m.status < o.means::webchatt.message_status OR m.status = 'cancelled' AND o.means IN ('sent', 'enqueued'));

-- name: tell_sent($1 channels uuid[], $2 ids uuid[], $3 statuses text[])
-- The same of those that webhooks and links want to know of, as record_outcomes does.
INSERT INTO webchatt.feed (event_type, channel_id, visitor, message_id, status, at)
SELECT 'MessageStatus', o.channel_id, m.visitor, o.id, o.status, now()
FROM unnest($1, $2, $3) WITH ORDINALITY AS o (channel_id, id, status, n)
JOIN webchatt.messages m ON m.channel_id = o.channel_id AND m.id = o.id
WHERE o.status IN ('sent', 'delivered', 'read', 'failed')
	-- it came by the REST API, on a channel of the local hub
	AND left(m.dedupe_key, 4) = 'api:'
	AND EXISTS (SELECT FROM webchatt.channels c WHERE c.id = o.channel_id AND c.public_key IS NOT NULL)
ORDER BY o.n;

-- name: any_early()
SELECT 1 FROM webchatt.early_statuses LIMIT 1;

-- name: apply_early($1 channels uuid[], $2 hub_message_ids text[], $3 ids uuid[], $4 wanted boolean)
-- Statuses that overtook the answer to their send, now that it is known by which id the hub has the message: those that
-- named the channel, and those of its hub that named none (all zeros). wanted: as of insert_messages.
WITH moved AS (
	DELETE FROM webchatt.early_statuses e
	USING (
		SELECT channel_id, channel_id, NULL::int, hub_message_id, message_id
		FROM unnest($1, $2, $3) AS s (channel_id, hub_message_id, message_id)
		UNION ALL
		SELECT s.channel_id, '00000000-0000-0000-0000-000000000000'::uuid, c.hub_id, s.hub_message_id, s.message_id
		FROM unnest($1, $2, $3) AS s (channel_id, hub_message_id, message_id)
		JOIN webchatt.channels c ON c.id = s.channel_id
	) AS sent (channel_id, named_channel_id, hub_id, hub_message_id, message_id)
	WHERE e.channel_id = sent.named_channel_id AND e.hub_message_id = sent.hub_message_id
		AND (sent.hub_id IS NULL OR e.hub_id = sent.hub_id)
	RETURNING sent.channel_id, sent.message_id, e.hub_message_id, e.status, e.means, e.at, e.recorded_at,
		e.error_code, e.error_message, e.extra
),
added AS (
	INSERT INTO webchatt.statuses (channel_id, message_id, status, hub_message_id, at, recorded_at,
		error_code, error_message, extra)
	SELECT channel_id, message_id, status, hub_message_id, at, recorded_at, error_code, error_message, extra
	FROM moved
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
	WHERE $4 AND a.status IN ('sent', 'delivered', 'read', 'failed', 'expired', 'cancelled')
		-- it came by the REST API, on a channel of the local hub
		AND left(m.dedupe_key, 4) = 'api:'
		AND EXISTS (SELECT FROM webchatt.channels c WHERE c.id = a.channel_id AND c.public_key IS NOT NULL)
	ORDER BY a.id
),
furthest AS (
	SELECT DISTINCT ON (channel_id, message_id) channel_id, message_id, means, error_code, error_message
	FROM moved
	WHERE means IS NOT NULL
	ORDER BY channel_id, message_id, means DESC
)
UPDATE webchatt.messages m
SET status = f.means, status_at = now(),
	error_code = CASE WHEN f.means = 'failed' THEN f.error_code END,
	error_message = CASE WHEN f.means = 'failed' THEN f.error_message END
FROM furthest f
WHERE m.channel_id = f.channel_id AND m.id = f.message_id AND m.status < f.means;

-- name: find_early()
-- What apply_early takes, of early statuses whose send was recorded by a transaction that did not see them; that is not
-- long ago. What names no channel is written by the worker alone, as the outcomes are, so there are none of these but
-- by a mishap. One row; nulls: there is nothing.
SELECT array_agg(channel_id) AS channels, array_agg(hub_message_id) AS hub_message_ids, array_agg(message_id) AS ids
FROM (
	SELECT e.channel_id, e.hub_message_id, sent.message_id
	FROM webchatt.early_statuses e
	CROSS JOIN LATERAL (SELECT s.message_id FROM webchatt.statuses s
		WHERE s.channel_id = e.channel_id AND s.hub_message_id = e.hub_message_id LIMIT 1) sent
	WHERE e.recorded_at > now() - interval '1 hour'
	UNION ALL
	SELECT sent.channel_id, e.hub_message_id, sent.message_id
	FROM webchatt.early_statuses e
	CROSS JOIN LATERAL (SELECT s.channel_id, s.message_id FROM webchatt.channels c
		JOIN webchatt.statuses s ON s.channel_id = c.id AND s.hub_message_id = e.hub_message_id
		WHERE c.hub_id = e.hub_id LIMIT 1) sent
	WHERE e.hub_id IS NOT NULL AND e.recorded_at > now() - interval '1 minute'
) AS known (channel_id, hub_message_id, message_id);

-- name: expire_early()
DELETE FROM webchatt.early_statuses WHERE recorded_at < now() - interval '7 days';

-- name: hold($1 channels uuid[], $2 visitors text[], $3 seqs bigint[], $4 ids uuid[], $5 expiries timestamptz[],
--	$6 seconds int)
-- Keep for a visitor who is not there, for so many seconds where the message has no expiry of its own.
INSERT INTO webchatt.held (channel_id, visitor, seq, message_id, expires_at)
SELECT channel_id, visitor, seq, message_id, coalesce(expires_at, now() + make_interval(secs => $6))
FROM unnest($1, $2, $3, $4, $5) AS h (channel_id, visitor, seq, message_id, expires_at)
WHERE EXISTS (SELECT FROM webchatt.messages m
	WHERE m.channel_id = h.channel_id AND m.id = h.message_id AND m.status = 'held')
ON CONFLICT DO NOTHING;

-- name: hold_now($1 channels uuid[], $2 visitors text[], $3 seqs bigint[], $4 ids uuid[], $5 expiries timestamptz[],
--	$6 seconds int, $7 error_code text, $8 error_message text)
-- The same for messages that are queued still and need not be sent to know it: their visitors are away, or have others
-- that are held. The error is what a hub would have said of the visitor.
WITH noted AS (
	UPDATE webchatt.messages m
	SET status = 'held', status_at = now(), error_code = $7, error_message = $8
	FROM unnest($1, $2, $3, $4, $5) AS h (channel_id, visitor, seq, message_id, expires_at)
	WHERE m.channel_id = h.channel_id AND m.id = h.message_id AND m.status = 'queued'
	RETURNING m.channel_id, m.id, h.visitor, h.seq, h.expires_at
),
kept AS (
	INSERT INTO webchatt.held (channel_id, visitor, seq, message_id, expires_at)
	SELECT channel_id, visitor, seq, id, coalesce(expires_at, now() + make_interval(secs => $6))
	FROM noted
	ON CONFLICT DO NOTHING
)
INSERT INTO webchatt.statuses (channel_id, message_id, status, error_code, error_message)
SELECT channel_id, id, 'held', $7, $8
FROM noted;

-- name: any_held()
SELECT 1 FROM webchatt.held LIMIT 1;

-- name: release($1 channels uuid[], $2 visitors text[])
-- Queue what is held for visitors who are there again, in its old order.
WITH gone AS (
	DELETE FROM webchatt.held h
	USING (SELECT DISTINCT channel_id, visitor FROM unnest($1, $2) AS u (channel_id, visitor)) present
	WHERE h.channel_id = present.channel_id AND h.visitor = present.visitor
	RETURNING h.*
),
freed AS (
	UPDATE webchatt.messages m
	SET status = 'queued', status_at = now()
	FROM gone g
	WHERE m.channel_id = g.channel_id AND m.id = g.message_id AND m.status = 'held'
	RETURNING m.channel_id, m.visitor, m.id, m.expires_at, g.seq
)
SELECT c.hub_id, f.channel_id, f.visitor, f.id, f.seq, f.expires_at
FROM freed f
JOIN webchatt.channels c ON c.id = f.channel_id
ORDER BY f.seq;

-- name: expire_held()
-- What is held for visitors who did not come back in time, so many at a time; and whose that was.
WITH over AS MATERIALIZED (
	SELECT channel_id, visitor, seq
	FROM webchatt.held
	WHERE expires_at <= now()
	ORDER BY expires_at
	LIMIT 1000
	FOR UPDATE SKIP LOCKED
),
gone AS (
	DELETE FROM webchatt.held h
	USING over o
	WHERE h.channel_id = o.channel_id AND h.visitor = o.visitor AND h.seq = o.seq
	RETURNING h.channel_id, h.visitor, h.message_id
),
expired AS (
	UPDATE webchatt.messages m
	SET status = 'expired', status_at = now(), error_message = 'the visitor did not come back in time'
	FROM gone g
	WHERE m.channel_id = g.channel_id AND m.id = g.message_id AND m.status = 'held'
	RETURNING m.channel_id, m.id
),
added AS (
	INSERT INTO webchatt.statuses (channel_id, message_id, status, error_message)
	SELECT channel_id, id, 'expired', 'the visitor did not come back in time'
	FROM expired
	RETURNING id, channel_id, message_id, status, at, error_code, error_message
),
told AS (
	INSERT INTO webchatt.feed (event_type, channel_id, visitor, message_id, status, at, error_code, error_message)
	SELECT 'MessageStatus', a.channel_id, m.visitor, a.message_id,
		CASE WHEN a.status IN ('expired', 'cancelled') THEN 'failed' ELSE a.status END, a.at,
		CASE WHEN a.status IN ('expired', 'cancelled') THEN a.status ELSE a.error_code END, a.error_message
	FROM added a
	JOIN webchatt.messages m ON m.channel_id = a.channel_id AND m.id = a.message_id
	WHERE (EXISTS (SELECT FROM webchatt.webhooks) OR EXISTS (SELECT FROM webchatt.links))
		AND a.status IN ('sent', 'delivered', 'read', 'failed', 'expired', 'cancelled')
		-- it came by the REST API, on a channel of the local hub
		AND left(m.dedupe_key, 4) = 'api:'
		AND EXISTS (SELECT FROM webchatt.channels c WHERE c.id = a.channel_id AND c.public_key IS NOT NULL)
	ORDER BY a.id
)
SELECT DISTINCT channel_id, visitor FROM gone;

-- name: strays($1 channel uuid, $2 behind uuid, $3 rows int)
-- A page of all messages behind this one: how many it has, and of them those that are queued, with their visitors, and
-- the last one. So is found what is queued without a work order (see requeue.c).
WITH page AS MATERIALIZED (
	SELECT m.channel_id, m.id, m.visitor, m.expires_at, m.final, m.direction = 'out' AND m.status = 'queued' AS is_queued,
		row_number() OVER (ORDER BY m.channel_id, m.id) AS n
	FROM (
		SELECT m.channel_id, m.id, m.visitor, m.direction, m.status, m.expires_at, m.final
		FROM webchatt.messages m
		WHERE (m.channel_id, m.id) > ($1, $2)
		ORDER BY m.channel_id, m.id
		LIMIT $3
	) m
),
size AS (
	SELECT count(*) AS rows FROM page
)
SELECT s.rows, p.channel_id, p.id, CASE WHEN p.is_queued THEN p.visitor END AS visitor, p.expires_at, p.final
FROM page p, size s
WHERE p.is_queued OR p.n = s.rows
ORDER BY p.n;

-- name: strays_of($1 channel uuid, $2 behind uuid, $3 rows int, $4 visitor text)
-- The same in one conversation.
WITH page AS MATERIALIZED (
	SELECT m.channel_id, m.id, m.visitor, m.expires_at, m.final, m.direction = 'out' AND m.status = 'queued' AS is_queued,
		row_number() OVER (ORDER BY m.channel_id, m.id) AS n
	FROM (
		SELECT m.channel_id, m.id, m.visitor, m.direction, m.status, m.expires_at, m.final
		FROM webchatt.messages m
		WHERE m.channel_id = $1 AND m.visitor = $4 AND m.id > $2
		ORDER BY m.channel_id, m.visitor, m.id
		LIMIT $3
	) m
),
size AS (
	SELECT count(*) AS rows FROM page
)
SELECT s.rows, p.channel_id, p.id, CASE WHEN p.is_queued THEN p.visitor END AS visitor, p.expires_at, p.final
FROM page p, size s
WHERE p.is_queued OR p.n = s.rows
ORDER BY p.n;

-- name: await_unread($1 channels uuid[], $2 visitors text[])
-- Messages to these are held: where the channel wants it, it is looked at in time whether they have come back.
INSERT INTO webchatt.unread_waits (channel_id, visitor, due)
SELECT DISTINCT h.channel_id, h.visitor, now() + c.unread_after
FROM unnest($1, $2) AS h (channel_id, visitor)
JOIN webchatt.channels c ON c.id = h.channel_id
WHERE c.unread_after IS NOT NULL
ON CONFLICT DO NOTHING;

-- name: walk_unread($1 channel uuid, $2 visitor text, $3 rows int)
-- The same of what is held already: a page of it, from the conversation behind this one on, as far as it is not noted. Returns the
-- last conversation of the page, and how many rows that had.
WITH page AS MATERIALIZED (
	SELECT h.channel_id, h.visitor, h.held_at
	FROM webchatt.held h
	WHERE (h.channel_id, h.visitor) > ($1, $2)
	ORDER BY h.channel_id, h.visitor
	LIMIT $3
),
waits AS (
	INSERT INTO webchatt.unread_waits AS w (channel_id, visitor, due)
	SELECT p.channel_id, p.visitor, min(p.held_at) + c.unread_after
	FROM page p
	JOIN webchatt.channels c ON c.id = p.channel_id
	WHERE c.unread_after IS NOT NULL
		AND NOT EXISTS (SELECT FROM webchatt.unread u
			WHERE u.channel_id = p.channel_id AND u.visitor = p.visitor AND u.noted_at >= p.held_at)
	GROUP BY p.channel_id, p.visitor, c.unread_after
	ON CONFLICT (channel_id, visitor) DO UPDATE SET due = excluded.due WHERE w.due > excluded.due
)
SELECT p.channel_id, p.visitor, (SELECT count(*)::int FROM page) AS rows
FROM page p
ORDER BY p.channel_id DESC, p.visitor DESC
LIMIT 1;

-- name: unread_due($1 most int)
SELECT w.channel_id, w.visitor
FROM webchatt.unread_waits w
WHERE w.due <= now()
ORDER BY w.due
LIMIT $1;

-- name: postpone_unread($1 channels uuid[], $2 visitors text[], $3 seconds int)
-- These could not be noted now.
UPDATE webchatt.unread_waits w
SET due = now() + make_interval(secs => $3)
FROM unnest($1, $2) AS n (channel_id, visitor)
WHERE w.channel_id = n.channel_id AND w.visitor = n.visitor;

-- name: note_unread($1 channel uuid, $2 visitor text, $3 publish boolean)
-- It is time to look whether this one has come back. If not, and it is not noted since what is held first has been, it is; what was
-- noted the last time goes. Who came back and was written to again is looked at later.
WITH first AS MATERIALIZED (
	SELECT h.message_id, h.held_at, h.held_at + c.unread_after AS due
	FROM webchatt.held h
	JOIN webchatt.channels c ON c.id = h.channel_id
	WHERE h.channel_id = $1 AND h.visitor = $2
	ORDER BY h.channel_id, h.visitor, h.seq
	LIMIT 1
),
later AS (
	UPDATE webchatt.unread_waits w SET due = f.due
	FROM first f
	WHERE w.channel_id = $1 AND w.visitor = $2 AND f.due > now()
),
done AS (
	DELETE FROM webchatt.unread_waits w
	WHERE w.channel_id = $1 AND w.visitor = $2 AND NOT EXISTS (SELECT FROM first f WHERE f.due > now())
),
fresh AS MATERIALIZED (
	SELECT f.message_id, f.held_at
	FROM first f
	WHERE f.due <= now()
		AND NOT EXISTS (SELECT FROM webchatt.unread u WHERE u.channel_id = $1 AND u.visitor = $2 AND u.noted_at >= f.held_at)
),
gone AS (
	DELETE FROM webchatt.unread u USING fresh f WHERE u.channel_id = $1 AND u.visitor = $2
),
noted AS (
	INSERT INTO webchatt.unread (channel_id, visitor, message_id, messages, since, email)
	SELECT $1, $2, f.message_id, (SELECT count(*) FROM webchatt.held h WHERE h.channel_id = $1 AND h.visitor = $2), f.held_at,
		left(coalesce(v.email, v.attributes ->> 'email'), 320)
	FROM fresh f
	JOIN webchatt.visitors v ON v.channel_id = $1 AND v.id = $2
	ON CONFLICT DO NOTHING
	RETURNING channel_id, visitor, message_id
)
INSERT INTO webchatt.feed (event_type, channel_id, visitor, message_id)
SELECT 'Unread', channel_id, visitor, message_id
FROM noted
WHERE $3 AND EXISTS (SELECT FROM webchatt.webhooks w WHERE w.event_type = 'Unread');
