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
-- Returns how many were read, the last one's id, and how many were found.
WITH page AS MATERIALIZED (
	SELECT m.id, m.direction, m.status, m.status_at
	FROM webchatt.messages m
	WHERE m.channel_id = $1 AND m.id > $2 AND m.id < $3
	ORDER BY m.channel_id, m.id
	LIMIT $4
),
found AS (
	INSERT INTO webchatt.overdue_candidates (channel_id, message_id, quiet_since)
	SELECT $1, id, status_at
	FROM page
	WHERE direction = 'out' AND status IN ('enqueued', 'sent')
	ON CONFLICT DO NOTHING
	RETURNING message_id
)
SELECT (SELECT count(*) FROM page) AS rows, (SELECT id FROM page ORDER BY id DESC LIMIT 1) AS last_id,
	(SELECT count(*) FROM found) AS found;

-- name: overdue_late($1 channels uuid[], $2 ids uuid[])
-- Sent only when they were old enough already.
INSERT INTO webchatt.overdue_candidates (channel_id, message_id)
SELECT DISTINCT channel_id, message_id
FROM unnest($1, $2) AS sent (channel_id, message_id)
ON CONFLICT (channel_id, message_id) DO UPDATE
SET unanswered = 0, unanswered_at = NULL, quiet_since = now();

-- name: overdue_unanswered($1 channels uuid[], $2 ids uuid[])
-- Sent, and no answer came.
INSERT INTO webchatt.overdue_candidates AS c (channel_id, message_id, unanswered, unanswered_at)
SELECT channel_id, message_id, count(*), now()
FROM unnest($1, $2) AS sent (channel_id, message_id)
GROUP BY channel_id, message_id
ON CONFLICT (channel_id, message_id) DO UPDATE
SET unanswered = c.unanswered + excluded.unanswered, unanswered_at = excluded.unanswered_at, quiet_since = now();

-- name: overdue_prune($1 channel uuid, $2 id uuid, $3 rows int)
-- A page of the candidates behind this one: those go of which something was heard since, and the others get the time of
-- what was heard last. Returns how many were read, the last one, and how many are left.
WITH page AS MATERIALIZED (
	SELECT c.channel_id, c.message_id, c.unanswered, c.since, c.quiet_since
	FROM webchatt.overdue_candidates c
	WHERE (c.channel_id, c.message_id) > ($1, $2)
	ORDER BY c.channel_id, c.message_id
	LIMIT $3
),
seen AS MATERIALIZED (
	SELECT p.channel_id, p.message_id, p.quiet_since,
		CASE WHEN m.status IN ('enqueued', 'sent') THEN m.status_at ELSE p.quiet_since END AS quiet_now,
		p.since < now() - interval '30 days'
			OR CASE WHEN p.unanswered = 0 THEN m.status IN ('enqueued', 'sent') ELSE m.status = 'queued' END IS NOT TRUE AS is_heard
	FROM page p
	LEFT JOIN LATERAL (SELECT m.status, m.status_at FROM webchatt.messages m
		WHERE m.channel_id = p.channel_id AND m.id = p.message_id LIMIT 1) m ON true
),
gone AS (
	DELETE FROM webchatt.overdue_candidates c
	USING seen s
	WHERE c.channel_id = s.channel_id AND c.message_id = s.message_id AND s.is_heard
),
moved AS (
	UPDATE webchatt.overdue_candidates c
	SET quiet_since = s.quiet_now
	FROM seen s
	WHERE c.channel_id = s.channel_id AND c.message_id = s.message_id AND NOT s.is_heard AND s.quiet_now <> s.quiet_since
)
SELECT count(*) OVER () AS rows, s.channel_id, s.message_id, count(*) FILTER (WHERE NOT s.is_heard) OVER () AS is_left
FROM seen s
ORDER BY s.channel_id DESC, s.message_id DESC
LIMIT 1;
