-- What SQL functions do in an application's session, as webchatt_worker (src/backend/session, shared/step_down.c).
-- The functions that register a handler do it as whoever owns webchatt.

-- name: send_channel($1 id uuid)
SELECT hub_id, kind, public_key IS NOT NULL AS is_local FROM webchatt.channels WHERE id = $1;

-- name: send_visitor($1 channel uuid, $2 id text)
-- Whom a remote hub has, and we had not heard of.
INSERT INTO webchatt.visitors (channel_id, id) VALUES ($1, $2) ON CONFLICT DO NOTHING;

-- name: send_message($1 channel uuid, $2 id uuid, $3 visitor text, $4 content jsonb, $5 dedupe_key text,
--	$6 expires_at timestamptz, $7 author text, $8 final boolean)
INSERT INTO webchatt.messages (channel_id, id, visitor, direction, status, content, dedupe_key, expires_at, author, final)
VALUES ($1, $2, $3, 'out', 'queued', $4, $5, $6, $7, $8)
ON CONFLICT (channel_id, visitor, dedupe_key) WHERE dedupe_key IS NOT NULL DO NOTHING;

-- name: send_same_key($1 channel uuid, $2 visitor text, $3 dedupe_key text)
-- The message that was sent with it before, and why it will not get there (null: it may).
SELECT id,
	CASE
		WHEN status = 'failed' THEN coalesce(error_code, 'failed')
		WHEN status IN ('expired', 'cancelled', 'retracted') THEN status::text
	END AS failure
FROM webchatt.messages
WHERE channel_id = $1 AND visitor = $2 AND dedupe_key = $3;

-- name: cancel($1 channel uuid, $2 id uuid)
-- No row: it was too late; else whose it was, whether webhooks or links want to know, and whose queue it leaves (null:
-- it was held).
WITH waiting AS MATERIALIZED (
	SELECT m.channel_id, m.id, m.status = 'queued' AS is_queued
	FROM webchatt.messages m
	WHERE m.channel_id = $1 AND m.id = $2 AND m.status IN ('queued', 'held')
	FOR UPDATE
),
cancelled AS (
	UPDATE webchatt.messages m
	SET status = 'cancelled', status_at = now()
	FROM waiting w
	WHERE m.channel_id = w.channel_id AND m.id = w.id
	RETURNING m.channel_id, m.id, m.visitor, m.dedupe_key, w.is_queued
),
no_longer_held AS (
	DELETE FROM webchatt.held h
	USING cancelled m
	WHERE h.channel_id = m.channel_id AND h.visitor = m.visitor AND h.message_id = m.id
),
noted AS (
	INSERT INTO webchatt.statuses (channel_id, message_id, status)
	SELECT channel_id, id, 'cancelled' FROM cancelled
)
SELECT m.visitor,
	coalesce(left(m.dedupe_key, 4) = 'api:', false)
		AND EXISTS (SELECT FROM webchatt.channels c WHERE c.id = m.channel_id AND c.public_key IS NOT NULL)
		AND (EXISTS (SELECT FROM webchatt.webhooks) OR EXISTS (SELECT FROM webchatt.links)) AS is_wanted,
	CASE WHEN m.is_queued THEN (SELECT c.hub_id FROM webchatt.channels c WHERE c.id = m.channel_id) END AS hub_id
FROM cancelled m;

-- name: retract($1 channel uuid, $2 id uuid)
-- No row: there is nothing to take back; else whose it was, whether it waited still, whether webhooks and links want to know
-- (that it will not arrive), and whose queue it leaves (null: none).
WITH there AS MATERIALIZED (
	SELECT m.channel_id, m.id, m.status
	FROM webchatt.messages m
	WHERE m.channel_id = $1 AND m.id = $2 AND m.direction = 'out' AND m.status <> 'retracted'
	FOR UPDATE
),
retracted AS (
	UPDATE webchatt.messages m
	SET status = 'retracted', status_at = now()
	FROM there t
	WHERE m.channel_id = t.channel_id AND m.id = t.id
	RETURNING m.channel_id, m.id, m.visitor, m.dedupe_key, t.status AS was
),
no_longer_held AS (
	DELETE FROM webchatt.held h
	USING retracted m
	WHERE h.channel_id = m.channel_id AND h.visitor = m.visitor AND h.message_id = m.id
),
noted AS (
	INSERT INTO webchatt.statuses (channel_id, message_id, status)
	SELECT channel_id, id, 'retracted' FROM retracted
)
SELECT m.visitor, m.was IN ('queued', 'held') AS has_waited,
	m.was IN ('queued', 'held') AND coalesce(left(m.dedupe_key, 4) = 'api:', false)
		AND (EXISTS (SELECT FROM webchatt.webhooks) OR EXISTS (SELECT FROM webchatt.links)) AS is_wanted,
	CASE WHEN m.was = 'queued' THEN (SELECT c.hub_id FROM webchatt.channels c WHERE c.id = m.channel_id) END AS hub_id
FROM retracted m;

-- name: retract_whose($1 channel uuid, $2 id uuid)
-- Whether a message is the visitor's own, and its status; no row: there is none.
SELECT direction = 'in' AS is_theirs, status::text FROM webchatt.messages WHERE channel_id = $1 AND id = $2;

-- name: retry($1 channel uuid, $2 id uuid)
-- Queue a message once more that did not get there; an expiry that is past is dropped.
UPDATE webchatt.messages m
SET status = 'queued', status_at = now(), error_code = NULL, error_message = NULL,
	expires_at = CASE WHEN expires_at > now() THEN expires_at END
FROM webchatt.channels c
WHERE c.id = m.channel_id AND m.channel_id = $1 AND m.id = $2
	AND m.direction = 'out' AND m.status IN ('failed', 'expired', 'cancelled')
RETURNING c.hub_id, m.visitor, m.expires_at, m.final;

-- name: mark_read($1 channel uuid, $2 visitor text, $3 upto uuid)
-- What the visitor wrote up to this message (null: all): how many, and the newest of them.
WITH marked AS (
	UPDATE webchatt.messages
	SET status = 'read', status_at = now()
	WHERE channel_id = $1 AND visitor = $2 AND direction = 'in' AND status = 'received'
		AND id <= coalesce($3, 'ffffffff-ffff-ffff-ffff-ffffffffffff')
	RETURNING id
)
SELECT (SELECT count(*) FROM marked), id
FROM marked
ORDER BY id DESC
LIMIT 1;

-- name: newest_message($1 channel uuid, $2 visitor text, $3 upto uuid)
-- Of a conversation, up to that one (null: of all); no row: it has none.
SELECT id
FROM webchatt.messages
WHERE channel_id = $1 AND visitor = $2 AND id <= coalesce($3, 'ffffffff-ffff-ffff-ffff-ffffffffffff')
ORDER BY channel_id DESC, visitor DESC, id DESC
LIMIT 1;

-- name: ingest_secrets($1 channel uuid)
-- What an event of the channel is signed with; no row: there is no such channel.
SELECT w.secret, CASE WHEN w.old_secret_until > now() THEN w.old_secret END AS old_secret,
	coalesce(w.accept_unsigned, false) AS accept_unsigned, ceil(extract(epoch FROM w.old_secret_until))::bigint AS old_secret_until
FROM webchatt.channels c
LEFT JOIN webchatt.hub_webhooks w ON w.channel_id = c.id
WHERE c.id = $1
ORDER BY w.event_type;

-- name: ingest_channel_of($1 hub_message_id text)
-- The channel of an event that names none: where that message was sent, or the only one.
SELECT c.id
FROM webchatt.channels c
WHERE EXISTS (SELECT FROM webchatt.statuses s WHERE s.channel_id = c.id AND s.hub_message_id = $1)
	OR (SELECT count(*) FROM webchatt.channels) = 1
ORDER BY c.id
LIMIT 1;

-- name: wants_events($1 channel uuid)
-- Is it a local channel, and does anybody want its events?
SELECT 1
FROM webchatt.channels c
WHERE c.id = $1 AND c.public_key IS NOT NULL
	AND (EXISTS (SELECT FROM webchatt.webhooks) OR EXISTS (SELECT FROM webchatt.links));

-- name: find_reject($1 id bigint)
SELECT channel_id, body FROM webchatt.rejects WHERE id = $1 FOR UPDATE;

-- name: drop_reject($1 id bigint)
-- It was written at last.
DELETE FROM webchatt.rejects WHERE id = $1;

-- name: register_channel($1 id uuid)
-- Is there such a channel?
SELECT 1 FROM webchatt.channels WHERE id = $1;

-- name: register_again($1 event text, $2 schema_name text, $3 function_name text, $4 direction text, $5 channel uuid,
--	$6 owner text)
-- What is registered already has its number.
UPDATE webchatt.registrations
SET owner = $6
WHERE event = $1 AND schema_name = $2 AND function_name = $3 AND direction = $4 AND channel_id IS NOT DISTINCT FROM $5
RETURNING id;

-- name: register_new($1 event text, $2 schema_name text, $3 function_name text, $4 direction text, $5 channel uuid,
--	$6 owner text, $7 most int)
-- No row: there are most already.
INSERT INTO webchatt.registrations (event, schema_name, function_name, direction, channel_id, owner)
SELECT $1, $2, $3, $4, $5, $6
WHERE (SELECT count(*) FROM webchatt.registrations) < $7
RETURNING id;

-- name: sees_channel($1 channel uuid)
-- As whoever calls, whom an operator's row security binds.
SELECT FROM webchatt.channels c WHERE c.id = $1;

-- name: file_agent($1 name text)
-- As whoever calls: by what the files of the agent are known that they are.  Another one of the same name, later, is another.
SELECT 'agent ' || a.name || ' ' || extract(epoch FROM a.created_at) AS bringer
FROM webchatt.agents a
WHERE a.name = $1 AND a.disabled_at IS NULL;

-- name: file_channel($1 id text, $2 bringer text)
SELECT f.channel_id FROM webchatt.files f WHERE f.id = $1 AND f.bringer = $2;

-- name: make_file($1 channel uuid, $2 name text, $3 size bigint, $4 author text, $5 bringer text)
SELECT webchatt._make_file($1, $2, $3, $4, $5);

-- name: make_whole_file($1 channel uuid, $2 name text, $3 content bytea, $4 author text)
SELECT webchatt._make_whole_file($1, $2, $3, $4);

-- name: take_file_piece($1 id text, $2 bringer text, $3 start bigint, $4 data bytea)
SELECT webchatt._take_file_piece($1, $2, $3, $4);

-- name: drop_own_file($1 id text, $2 bringer text)
SELECT webchatt._drop_file($1, $2);
