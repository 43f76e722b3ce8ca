-- Webhooks of the local hub, and the log of what was delivered to them (src/backend/feed). Rows that somebody holds are
-- passed over: see links.sql.

-- name: make_progress()
-- A new webhook begins behind the event that was given a number last: see links_came.
INSERT INTO webchatt.webhook_progress (webhook_id, done_upto)
SELECT w.id, (SELECT CASE WHEN is_called THEN last_value ELSE 0 END FROM webchatt.feed_seq_seq)
FROM webchatt.webhooks w
WHERE NOT EXISTS (SELECT FROM webchatt.webhook_progress p WHERE p.webhook_id = w.id)
ON CONFLICT DO NOTHING;

-- name: read_webhooks()
-- known_upto: beyond done_upto, the log knows of successes up to here.
SELECT w.id, w.n, w.event_type, w.endpoint,
	CASE WHEN w.headers <> '[]' THEN w.headers::text END AS headers, w.secret,
	w.active AND (w.key_id IS NULL OR k.revoked_at IS NULL AND 'webhooks' = ANY (k.scopes)) AS is_active,
	w.verified_at IS NOT NULL AS is_verified,
	p.done_upto, p.failures, p.failing_since, p.last_error, p.last_success_at,
	coalesce((SELECT l.seq FROM webchatt.webhook_log l WHERE l.webhook_id = w.id
		ORDER BY l.webhook_id DESC, l.seq DESC LIMIT 1), 0) AS known_upto,
	k.channels, w.modified_at
FROM webchatt.webhooks w
JOIN webchatt.webhook_progress p ON p.webhook_id = w.id
LEFT JOIN webchatt.api_keys k ON k.id = w.key_id
ORDER BY w.n;

-- name: webhook_known($1 webhook uuid, $2 from_seq bigint, $3 to_seq bigint)
-- What was tried before.
SELECT l.seq, bool_or(l.good) AS good, max(l.attempt) AS attempts
FROM webchatt.webhook_log l
WHERE l.webhook_id = $1 AND l.seq BETWEEN $2 AND $3
GROUP BY l.seq
ORDER BY l.seq;

-- name: record_deliveries($1 webhooks uuid[], $2 ids uuid[], $3 seqs bigint[], $4 delivery_ids uuid[],
--	$5 message_ids uuid[], $6 attempts int[], $7 good boolean[], $8 status_codes int[], $9 answers text[],
--	$10 errors text[], $11 durations_us int[], $12 times timestamptz[])
-- Attempts at webhooks that are still there.
INSERT INTO webchatt.webhook_log (webhook_id, id, seq, delivery_id, event_type, message_id, attempt, endpoint,
	good, status_code, answer, error, duration_us, sent_at)
SELECT d.webhook_id, d.id, d.seq, d.delivery_id, w.event_type, d.message_id, d.attempt, w.endpoint,
	d.good, d.status_code, d.answer, d.error, d.duration_us, d.sent_at
FROM unnest($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12) AS d (webhook_id, id, seq, delivery_id, message_id,
	attempt, good, status_code, answer, error, duration_us, sent_at)
JOIN webchatt.webhooks w ON w.id = d.webhook_id
ON CONFLICT DO NOTHING;

-- name: webhook_progress($1 webhooks uuid[], $2 done_upto bigint[], $3 failures int[], $4 failing_since timestamptz[],
--	$5 last_errors text[], $6 last_successes timestamptz[])
WITH unlocked AS MATERIALIZED (
	SELECT webhook_id FROM webchatt.webhook_progress WHERE webhook_id = ANY ($1) FOR NO KEY UPDATE SKIP LOCKED
)
UPDATE webchatt.webhook_progress p
SET done_upto = greatest(p.done_upto, now_at.done_upto), failures = now_at.failures, failing_since = now_at.failing_since,
	last_error = now_at.last_error, last_success_at = now_at.last_success_at
FROM unnest($1, $2, $3, $4, $5, $6) AS now_at (webhook_id, done_upto, failures, failing_since, last_error, last_success_at)
JOIN unlocked u ON u.webhook_id = now_at.webhook_id
WHERE p.webhook_id = now_at.webhook_id
RETURNING p.webhook_id;

-- name: webhook_verified($1 webhook uuid, $2 endpoint text)
-- If it still has the endpoint that was asked.
UPDATE webchatt.webhooks SET verified_at = now() WHERE id = $1 AND endpoint = $2 AND verified_at IS NULL;

-- name: webhook_pause($1 webhook uuid, $2 reason text)
UPDATE webchatt.webhooks SET active = false, paused_reason = $2 WHERE id = $1 AND active;

-- name: read_retries($1 webhooks uuid[], $2 under_way uuid[], $3 rows int)
-- What somebody asked to have delivered once more, but for what is under way; so many of each webhook. body is null
-- where the event or its message is gone.
SELECT asked.webhook_id, asked.log_id, asked.seq, coalesce(e.message_id, tried.message_id) AS message_id,
	coalesce(tried.attempt, 0) AS attempt, e.body
FROM unnest($1) AS w (webhook_id)
CROSS JOIN LATERAL (
	SELECT r.webhook_id, r.log_id, r.seq
	FROM webchatt.webhook_retries r
	WHERE r.webhook_id = w.webhook_id AND r.log_id <> ALL ($2)
	ORDER BY r.webhook_id, r.log_id
	LIMIT $3
) asked
LEFT JOIN webchatt._feed_bodies e ON e.seq = asked.seq
LEFT JOIN LATERAL (
	SELECT l.message_id, l.attempt
	FROM webchatt.webhook_log l
	WHERE l.webhook_id = asked.webhook_id AND l.seq = asked.seq
	ORDER BY l.attempt DESC
	LIMIT 1
) tried ON true;

-- name: done_retries($1 webhooks uuid[], $2 log_ids uuid[])
WITH unlocked AS MATERIALIZED (
	SELECT r.webhook_id, r.log_id
	FROM unnest($1, $2) AS done (webhook_id, log_id)
	JOIN webchatt.webhook_retries r ON r.webhook_id = done.webhook_id AND r.log_id = done.log_id
	FOR UPDATE OF r SKIP LOCKED
)
DELETE FROM webchatt.webhook_retries r
USING unlocked u
WHERE r.webhook_id = u.webhook_id AND r.log_id = u.log_id;

-- name: drop_log($1 before uuid, $2 rows int, $3 least uuid)
-- Of each webhook so many attempts before this id, but none below least; of a webhook that is gone, all.
WITH RECURSIVE logged AS (
	(SELECT webhook_id FROM webchatt.webhook_log ORDER BY webhook_id LIMIT 1)
	UNION ALL
	SELECT (SELECT l.webhook_id FROM webchatt.webhook_log l
		WHERE l.webhook_id > logged.webhook_id ORDER BY l.webhook_id LIMIT 1)
	FROM logged
	WHERE logged.webhook_id IS NOT NULL
),
span AS MATERIALIZED (
	SELECT logged.webhook_id,
		coalesce(there.least, '00000000-0000-0000-0000-000000000000') AS least,
		coalesce(there.before, 'ffffffff-ffff-ffff-ffff-ffffffffffff') AS before
	FROM logged
	LEFT JOIN LATERAL (
		SELECT $3::uuid AS least, $1::uuid AS before FROM webchatt.webhooks w WHERE w.id = logged.webhook_id
	) there ON true
	WHERE logged.webhook_id IS NOT NULL
),
old AS MATERIALIZED (
	SELECT entry.webhook_id, entry.id
	FROM span
	CROSS JOIN LATERAL (
		SELECT l.webhook_id, l.id
		FROM webchatt.webhook_log l
		WHERE l.webhook_id = span.webhook_id AND l.id >= span.least AND l.id < span.before
		ORDER BY l.webhook_id, l.id
		LIMIT $2
	) entry
)
DELETE FROM webchatt.webhook_log l
USING old
WHERE l.webhook_id = old.webhook_id AND l.id = old.id;

-- name: rest($1 key int, $2 method text, $3 path text, $4 query text, $5 body text)
-- A request for /v1/organization. Status 0: it is for the process that reads archives, about this person, messages behind
-- this one (null: all), so many.
SELECT status, body, CASE WHEN status = 0 THEN (body ->> 'channel')::uuid END, CASE WHEN status = 0 THEN (body ->> 'visitor')::uuid END,
	CASE WHEN status = 0 THEN (body ->> 'after')::uuid END, CASE WHEN status = 0 THEN (body ->> 'most')::int END
FROM webchatt._rest($1, $2, $3, $4, $5);
