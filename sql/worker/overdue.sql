-- Messages of which nothing was heard after they were sent (src/backend/outbound/overdue.c).

-- name: overdue_cursor()
-- Up to what time the messages were looked through.
SELECT upto FROM webchatt.overdue_scan ORDER BY upto LIMIT 1;

-- name: overdue_upto($1 upto timestamptz)
WITH gone AS (
	DELETE FROM webchatt.overdue_scan
)
INSERT INTO webchatt.overdue_scan (upto) VALUES ($1);

-- name: next_channel($1 behind uuid)
SELECT id FROM webchatt.channels WHERE id > $1 ORDER BY id LIMIT 1;

-- name: overdue_find($1 channel uuid, $2 behind uuid, $3 before uuid, $4 rows int)
-- Between these two ids are the channel's messages that have become old enough: which of them nothing was heard of.
-- Returns how many were read, and the last one's id.
WITH page AS MATERIALIZED (
	SELECT m.id, m.direction, m.status
	FROM webchatt.messages m
	WHERE m.channel_id = $1 AND m.id > $2 AND m.id < $3
	ORDER BY m.channel_id, m.id
	LIMIT $4
),
found AS (
	INSERT INTO webchatt.overdue_candidates (channel_id, message_id)
	SELECT $1, id
	FROM page
	WHERE direction = 'out' AND status IN ('enqueued', 'sent')
	ON CONFLICT DO NOTHING
)
SELECT (SELECT count(*) FROM page) AS rows, (SELECT id FROM page ORDER BY id DESC LIMIT 1) AS last_id;

-- name: overdue_late($1 channels uuid[], $2 ids uuid[])
-- Sent only when they were old enough already.
INSERT INTO webchatt.overdue_candidates (channel_id, message_id)
SELECT DISTINCT channel_id, message_id
FROM unnest($1, $2) AS sent (channel_id, message_id)
ON CONFLICT (channel_id, message_id) DO UPDATE
SET unanswered = 0, unanswered_at = NULL;

-- name: overdue_unanswered($1 channels uuid[], $2 ids uuid[])
-- Sent, and no answer came.
INSERT INTO webchatt.overdue_candidates AS c (channel_id, message_id, unanswered, unanswered_at)
SELECT channel_id, message_id, count(*), now()
FROM unnest($1, $2) AS sent (channel_id, message_id)
GROUP BY channel_id, message_id
ON CONFLICT (channel_id, message_id) DO UPDATE
SET unanswered = c.unanswered + excluded.unanswered, unanswered_at = excluded.unanswered_at;

-- name: overdue_prune($1 channel uuid, $2 id uuid, $3 rows int)
-- A page of the candidates behind this one: those go of which something was heard since. Returns how many were read,
-- and the last one.
WITH page AS MATERIALIZED (
	SELECT c.channel_id, c.message_id, c.unanswered, c.since
	FROM webchatt.overdue_candidates c
	WHERE (c.channel_id, c.message_id) > ($1, $2)
	ORDER BY c.channel_id, c.message_id
	LIMIT $3
),
heard AS MATERIALIZED (
	SELECT p.channel_id, p.message_id
	FROM page p
	LEFT JOIN LATERAL (SELECT m.status FROM webchatt.messages m
		WHERE m.channel_id = p.channel_id AND m.id = p.message_id LIMIT 1) m ON true
	WHERE p.since < now() - interval '30 days'
		OR CASE WHEN p.unanswered = 0 THEN m.status IN ('enqueued', 'sent') ELSE m.status = 'queued' END IS NOT TRUE
),
gone AS (
	DELETE FROM webchatt.overdue_candidates c
	USING heard h
	WHERE c.channel_id = h.channel_id AND c.message_id = h.message_id
)
SELECT count(*) OVER () AS rows, p.channel_id, p.message_id
FROM page p
ORDER BY p.channel_id DESC, p.message_id DESC
LIMIT 1;
