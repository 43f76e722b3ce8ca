-- The feed: what webhooks and links are told of local channels (src/backend/feed).

-- name: publish_orders($1 xids xid8[], $2 seqs bigint[], $3 channels uuid[], $4 ids uuid[])
-- What sessions did: the orders' numbers, by which each is told once though it may be read twice, and the messages, told
-- as they stand now.
WITH ordered AS MATERIALIZED (
	SELECT xid, seq, channel_id, message_id FROM unnest($1, $2, $3, $4) AS o (xid, seq, channel_id, message_id)
),
first_time AS (
	INSERT INTO webchatt.feed_orders (xid, seq)
	SELECT xid, seq FROM ordered
	ON CONFLICT DO NOTHING
	RETURNING xid, seq
)
INSERT INTO webchatt.feed (event_type, channel_id, visitor, message_id, status, error_code, error_message)
SELECT CASE m.direction WHEN 'in' THEN 'Message' ELSE 'MessageStatus' END, m.channel_id, m.visitor, m.id,
	CASE WHEN m.direction = 'in' THEN NULL WHEN m.status IN ('expired', 'cancelled', 'retracted') THEN 'failed' ELSE m.status::text END,
	CASE WHEN m.status IN ('expired', 'cancelled', 'retracted') THEN m.status::text ELSE m.error_code END,
	CASE WHEN m.status NOT IN ('cancelled', 'retracted') THEN m.error_message END
FROM first_time f
JOIN ordered o ON o.xid = f.xid AND o.seq = f.seq
JOIN webchatt.messages m ON m.channel_id = o.channel_id AND m.id = o.message_id
WHERE EXISTS (SELECT FROM webchatt.channels c WHERE c.id = m.channel_id AND c.public_key IS NOT NULL)
	AND (m.direction = 'in'
		OR left(m.dedupe_key, 4) = 'api:' AND m.status IN ('delivered', 'read', 'failed', 'expired', 'cancelled', 'retracted'))
ORDER BY o.seq;

-- name: drop_orders()
-- Those that can be read no second time.
DELETE FROM webchatt.feed_orders o
WHERE NOT EXISTS (SELECT FROM webchatt.outbox x WHERE x.hub_id = 0 AND x.xid = o.xid AND x.seq = o.seq);

-- name: read_events($1 after bigint, $2 rows int)
-- body is null where the message is gone.
SELECT seq, event_type, channel_id, visitor, message_id, body
FROM webchatt._feed_bodies
WHERE seq > $1
ORDER BY seq
LIMIT $2;

-- name: drop_events($1 after bigint, $2 rows int, $3 seconds int, $4 done_upto bigint)
-- Drop the oldest events behind this one, of so many: what is older than that, or what nobody needs any more, which
-- done_upto says, when it is a minute old. Who had not got them is told so (lost). Returns the last one dropped, and how
-- many there were to choose from.
WITH page AS MATERIALIZED (
	SELECT seq,
		created_at < now() - make_interval(secs => $3)
			OR seq <= $4 AND created_at < now() - interval '1 minute' AS is_old
	FROM webchatt.feed
	WHERE seq > $1
	ORDER BY seq
	LIMIT $2
),
gone AS (
	DELETE FROM webchatt.feed e
	USING page p
	WHERE e.seq = p.seq AND p.is_old AND p.seq < coalesce((SELECT min(seq) FROM page WHERE NOT is_old), p.seq + 1)
	RETURNING e.seq, e.event_type, e.channel_id
),
last AS MATERIALIZED (
	SELECT max(seq) AS seq FROM gone
),
told_webhooks AS (
	UPDATE webchatt.webhook_progress p
	SET done_upto = last.seq, lost = p.lost + (
		SELECT count(*)
		FROM gone g
		WHERE g.seq > p.done_upto
			AND g.event_type = (SELECT w.event_type FROM webchatt.webhooks w WHERE w.id = p.webhook_id)
			AND (SELECT k.channels IS NULL OR g.channel_id = ANY (k.channels)
				FROM webchatt.webhooks w LEFT JOIN webchatt.api_keys k ON k.id = w.key_id WHERE w.id = p.webhook_id)
			AND NOT EXISTS (SELECT FROM webchatt.webhook_log l
				WHERE l.webhook_id = p.webhook_id AND l.seq = g.seq AND l.good))
	FROM last
	WHERE p.done_upto < last.seq
),
told_links AS (
	UPDATE webchatt.links l
	SET acknowledged = last.seq, lost = l.lost + (
		SELECT count(*)
		FROM gone g
		WHERE g.seq > l.acknowledged AND g.event_type <> 'Unread'
			AND (SELECT k.channels IS NULL OR g.channel_id = ANY (k.channels) FROM webchatt.api_keys k WHERE k.id = l.key_id))
	FROM last
	WHERE l.acknowledged < last.seq
)
SELECT (SELECT seq FROM last) AS dropped_upto, (SELECT count(*) FROM page) AS rows;
