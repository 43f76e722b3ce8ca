-- Visitors of the local hub: who they are, their sessions, what they may, what they are shown (src/backend/visitors).
-- A visitor's row may be held by somebody; whom we only saw is passed over then, and seen by the next turn.

-- name: newest_ids($1 before uuid)
-- Of each channel the newest message ids before this one; some, for not all need be ours.
SELECT newest.id
FROM webchatt.channels c
CROSS JOIN LATERAL (
	SELECT m.id FROM webchatt.messages m
	WHERE m.channel_id = c.id AND m.id < $1
	ORDER BY m.channel_id DESC, m.id DESC
	LIMIT 8
) newest;

-- name: newest_ids_of($1 channel uuid, $2 before uuid)
-- The same of one channel.
SELECT m.id
FROM webchatt.messages m
WHERE m.channel_id = $1 AND m.id < $2
ORDER BY m.channel_id DESC, m.id DESC
LIMIT 8;

-- name: clear_sessions()
DELETE FROM webchatt.sessions;

-- name: close_sessions($1 sessions bigint[])
-- They are over.
WITH gone AS (
	DELETE FROM webchatt.sessions WHERE id = ANY ($1) RETURNING channel_id, visitor
),
seen AS MATERIALIZED (
	SELECT v.channel_id, v.id
	FROM webchatt.visitors v
	WHERE (v.channel_id, v.id) IN (SELECT channel_id, visitor FROM gone) AND v.last_seen < now() - interval '1 minute'
	FOR UPDATE SKIP LOCKED
)
UPDATE webchatt.visitors v
SET last_seen = now()
FROM seen s
WHERE v.channel_id = s.channel_id AND v.id = s.id;

-- name: open_sessions($1 sessions bigint[], $2 channels uuid[], $3 visitors text[])
INSERT INTO webchatt.sessions (id, channel_id, visitor)
SELECT * FROM unnest($1, $2, $3)
ON CONFLICT DO NOTHING;

-- name: see_visitors($1 channels uuid[], $2 visitors text[])
WITH seen AS MATERIALIZED (
	SELECT v.channel_id, v.id
	FROM webchatt.visitors v
	JOIN (SELECT DISTINCT channel_id, visitor FROM unnest($1, $2) AS u (channel_id, visitor)) present
		ON v.channel_id = present.channel_id AND v.id = present.visitor
	WHERE v.last_seen IS NULL OR v.last_seen < now() - interval '1 minute'
	FOR UPDATE OF v SKIP LOCKED
)
UPDATE webchatt.visitors v
SET last_seen = now()
FROM seen s
WHERE v.channel_id = s.channel_id AND v.id = s.id;

-- name: find_tokens($1 channels uuid[], $2 hashes bytea[], $3 seconds int)
-- Whose tokens those are, by the number of the array element. seconds: how long a token is good for (0: for ever).
SELECT shown.n::int, t.visitor, v.user_id, t.by_link
FROM unnest($1, $2) WITH ORDINALITY AS shown (channel_id, hash, n)
JOIN webchatt.visitor_tokens t ON t.channel_id = shown.channel_id AND t.token_hash = shown.hash
JOIN webchatt.visitors v ON v.channel_id = t.channel_id AND v.id = t.visitor
WHERE $3 = 0 OR t.created_at > now() - make_interval(secs => $3);

-- name: lost_tokens($1 channels uuid[], $2 visitors text[], $3 hashes bytea[])
-- Which of these are not theirs (any more), by the number of the array element.
SELECT used.n::int
FROM unnest($1, $2, $3) WITH ORDINALITY AS used (channel_id, visitor, hash, n)
WHERE NOT EXISTS (SELECT FROM webchatt.visitor_tokens t
	WHERE t.channel_id = used.channel_id AND t.token_hash = used.hash AND t.visitor = used.visitor);

-- name: make_visitors($1 channels uuid[], $2 visitors text[], $3 token_hashes bytea[], $4 attributes text[],
--	$5 urls text[], $6 titles text[], $7 locales text[], $8 time_zones text[], $9 user_ids text[], $10 referrers text[])
WITH newcomer AS MATERIALIZED (
	SELECT *, coalesce(jsonb_strip_nulls(attributes::jsonb), '{}') AS given
	FROM unnest($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
		AS n (channel_id, visitor, token_hash, attributes, url, title, locale, time_zone, user_id, referrer)
),
made AS (
	INSERT INTO webchatt.visitors (channel_id, id, last_seen, attributes, page_attributes, page_url, page_title, page_at, locale, time_zone,
		user_id, referrer)
	SELECT channel_id, visitor, now(), given, given, url, title,
		CASE WHEN url IS NOT NULL THEN now() END, locale, time_zone, user_id, referrer
	FROM newcomer
)
INSERT INTO webchatt.visitor_tokens (channel_id, token_hash, visitor)
SELECT channel_id, token_hash, visitor FROM newcomer;

-- name: note_pages($1 channels uuid[], $2 visitors text[], $3 urls text[], $4 titles text[], $5 locales text[],
--	$6 time_zones text[])
-- Where visitors are, as far as the tables do not say so yet; null: it was not said. By the number of the array element
-- those of whom something was new, and whether somebody holds the row, so that nothing was written.
WITH said AS MATERIALIZED (
	SELECT * FROM unnest($1, $2, $3, $4, $5, $6) WITH ORDINALITY AS s (channel_id, visitor, url, title, locale, time_zone, n)
),
news AS MATERIALIZED (
	SELECT s.*, v.page_url IS DISTINCT FROM s.url AS elsewhere
	FROM said s
	JOIN webchatt.visitors v ON v.channel_id = s.channel_id AND v.id = s.visitor
	WHERE s.url IS NOT NULL AND (v.page_url IS DISTINCT FROM s.url OR v.page_title IS DISTINCT FROM s.title)
		OR v.locale IS DISTINCT FROM coalesce(s.locale, v.locale) OR v.time_zone IS DISTINCT FROM coalesce(s.time_zone, v.time_zone)
),
free AS MATERIALIZED (
	SELECT v.channel_id, v.id
	FROM news n
	JOIN webchatt.visitors v ON v.channel_id = n.channel_id AND v.id = n.visitor
	FOR NO KEY UPDATE OF v SKIP LOCKED
),
noted AS (
	UPDATE webchatt.visitors v
	SET page_url = coalesce(n.url, v.page_url), page_title = CASE WHEN n.url IS NULL THEN v.page_title ELSE n.title END,
		page_at = CASE WHEN n.url IS NOT NULL AND n.elsewhere THEN now() ELSE v.page_at END,
		locale = coalesce(n.locale, v.locale), time_zone = coalesce(n.time_zone, v.time_zone)
	FROM news n
	JOIN free f ON f.channel_id = n.channel_id AND f.id = n.visitor
	WHERE v.channel_id = n.channel_id AND v.id = n.visitor
)
SELECT n.n::int, f.id IS NULL AS is_held
FROM news n
LEFT JOIN free f ON f.channel_id = n.channel_id AND f.id = n.visitor;

-- name: identify($1 channel uuid, $2 user_id text, $3 shown text, $4 shown_hash bytea, $5 new_hash bytea)
-- A device is that user's: whose visitor that is (null: the user has none yet), who was joined to them, whose other
-- sessions are over.
SELECT visitor, joined, ended FROM webchatt._identify($1, $2, $3, $4, $5);

-- name: open_link($1 channel uuid, $2 link_hash bytea, $3 shown text, $4 new_hash bytea)
-- A device came by a link: whose conversation that opens (null: nobody's). Without new_hash it is only asked.
SELECT webchatt._open_link($1, $2, $3, $4) AS visitor;

-- name: user_of($1 channel uuid, $2 visitor text)
-- Who was joined to another is nobody any more.
SELECT user_id FROM webchatt.visitors WHERE channel_id = $1 AND id = $2 AND joined_to IS NULL;

-- name: note_profiles($1 channels uuid[], $2 visitors text[], $3 names text[], $4 emails text[], $5 avatars text[],
--	$6 attributes text[], $7 signed_fields int[])
-- What is said of visitors, as far as the tables do not say so yet: by the number of the array element those of whom
-- something was new.
SELECT said.n::int
FROM unnest($1, $2, $3, $4, $5, $6, $7) WITH ORDINALITY AS said (channel_id, visitor, name, email, avatar, attributes, signed_fields, n)
WHERE webchatt._note_profile(said.channel_id, said.visitor, said.name, said.email, said.avatar, said.attributes::jsonb, said.signed_fields);

-- name: load_budgets()
-- How much was used, and how many seconds ago that was so. Those of channels that are gone go.
WITH gone AS (
	DELETE FROM webchatt.budget_levels b
	WHERE b.channel_id <> '00000000-0000-0000-0000-000000000000'
		AND NOT EXISTS (SELECT FROM webchatt.channels c WHERE c.id = b.channel_id)
	RETURNING b.channel_id
)
SELECT b.channel_id, b.what, b.used, b.refused,
	greatest(0, least(extract(epoch FROM clock_timestamp() - b.at), 1000000))::bigint AS seconds_ago
FROM webchatt.budget_levels b
WHERE NOT EXISTS (SELECT FROM gone g WHERE g.channel_id = b.channel_id);

-- name: save_budgets($1 channels uuid[], $2 whats text[], $3 used bigint[], $4 refused bigint[])
INSERT INTO webchatt.budget_levels (channel_id, what, used, refused, at)
SELECT channel_id, what, used, refused, clock_timestamp()
FROM unnest($1, $2, $3, $4) AS level (channel_id, what, used, refused)
ON CONFLICT (channel_id, what) DO UPDATE
SET used = excluded.used, refused = excluded.refused, at = excluded.at;

-- name: page($1 channel uuid, $2 visitor text, $3 before uuid, $4 known uuid[], $5 rows int, $6 bytes int,
--	$7 look_through int, $8 under_way uuid[], $9 shows_author boolean, $10 kept interval)
-- What a visitor's client is shown, before this message (null: the newest), but not those that it has: rows messages
-- on a page, bytes after which no more are taken, look_through messages at most; under_way: those that are shown
-- though they are being sent just now; shows_author: with the agent who wrote it. That is the newest page, and behind it what was sent and never confirmed, for it
-- may have been lost with a connection; and what lies among those that the client has: another client got it. An older page
-- has neither, for who asks goes on from the oldest on it, and would miss what lies between.
-- Returns the messages in the form of doc/protocol.md, the time out of the id; then from which message on nothing is
-- left out, whether there are older ones than that, up to which the visitor's own were read, whether the conversation is closed,
-- which of those that the client has are not there any more (16 bytes each; null: none), and whether the archive may have
-- some: who was first seen longer ago than they are kept (null: there is no archive) may have had a conversation that left.
WITH recent AS (
	SELECT m.id, m.status, m.direction
	FROM webchatt.messages m
	WHERE m.channel_id = $1 AND m.visitor = $2 AND m.id < coalesce($3, 'ffffffff-ffff-ffff-ffff-ffffffffffff')
		AND (m.direction = 'in' OR m.status IN ('enqueued', 'sent', 'delivered', 'read')
			OR m.status = 'queued' AND m.id = ANY ($8))
	ORDER BY m.channel_id DESC, m.visitor DESC, m.id DESC
	LIMIT $7
),
seen AS MATERIALIZED (
	SELECT id, status, direction, row_number() OVER (ORDER BY id DESC) AS n FROM recent
),
-- newer_bytes: of those that come before it; first as stored, so that no content is read that has no room
stored AS MATERIALIZED (
	SELECT s.id, s.n, m.direction, m.status, m.content, m.hub_message_id, m.author,
		sum(pg_column_size(m.content)) OVER (ORDER BY s.n) - pg_column_size(m.content) AS newer_bytes
	FROM seen s
	JOIN webchatt.messages m ON m.channel_id = $1 AND m.id = s.id
	WHERE (s.n <= $5 OR $3 IS NULL AND (s.status IN ('enqueued', 'sent')
			OR s.id > (SELECT id FROM unnest($4) AS known (id) ORDER BY id LIMIT 1)))
		-- one whose content was replaced it has in another form
		AND (s.id <> ALL ($4) OR EXISTS (SELECT FROM webchatt.redactions r WHERE r.channel_id = $1 AND r.message_id = s.id))
),
missing AS MATERIALIZED (
	SELECT id, n, direction, status, hub_message_id, author, CASE WHEN newer_bytes < $6 THEN content::text END AS content
	FROM stored
),
sized AS (
	SELECT *, coalesce(sum(octet_length(content)) OVER (ORDER BY n) - octet_length(content), $6) AS newer_bytes
	FROM missing
),
taken AS MATERIALIZED (
	SELECT * FROM sized WHERE newer_bytes < $6
),
whole AS MATERIALIZED (
	SELECT *
	FROM seen
	WHERE n <= $5 AND n < coalesce((SELECT min(n) FROM sized WHERE newer_bytes >= $6), n + 1)
)
SELECT
	(SELECT '[' || coalesce(string_agg(
		format('{"id":"%s","direction":"%s","at":%s,"status":"%s"%s%s,"content":%s}',
			id, direction, ('x' || translate(left(id::text, 13), '-', ''))::bit(48)::bigint,
			CASE WHEN status = 'queued' THEN 'sent' ELSE status END,
			CASE WHEN direction = 'in' THEN ',"client":'
				|| to_json(CASE WHEN left(hub_message_id, 7) = 'import:' THEN id::text ELSE substr(hub_message_id, 38) END)::text END,
			CASE WHEN $9 AND direction = 'out' AND author IS NOT NULL THEN (
				SELECT ',"author":' || json_strip_nulls(json_build_object('name', a.display_name, 'avatar', a.avatar_url))::text
				FROM webchatt.agents a WHERE a.name = author) END,
			content),
		',' ORDER BY id), '') || ']' FROM taken) AS messages,
	(SELECT id FROM whole ORDER BY n DESC LIMIT 1) AS whole_from,
	(SELECT count(*) FROM seen) > (SELECT count(*) FROM whole) AS has_more,
	(SELECT id FROM seen WHERE direction = 'in' AND status = 'read' ORDER BY n LIMIT 1) AS read_upto,
	EXISTS (SELECT FROM webchatt.conversations c WHERE c.channel_id = $1 AND c.visitor = $2 AND c.state = 'closed') AS is_closed,
	(SELECT string_agg(uuid_send(k.id), ''::bytea)
		FROM unnest($4) AS k (id)
		WHERE $3 IS NULL AND NOT EXISTS (SELECT FROM seen s WHERE s.id = k.id)
			AND NOT EXISTS (SELECT FROM webchatt.messages m
				WHERE m.channel_id = $1 AND m.id = k.id AND m.visitor = $2 AND m.status <> 'retracted')) AS gone,
	EXISTS (SELECT FROM webchatt.visitors v WHERE v.channel_id = $1 AND v.id = $2 AND v.first_seen < now() - $10) AS is_elsewhere;

-- name: rate($1 channel uuid, $2 visitor text, $3 value int, $4 comment text)
-- The visitor rates the conversation, if it is closed; once for each closing, and for an hour the rating can be changed. Returns
-- whether it is closed, and whether the rating is written.
WITH closed AS MATERIALIZED (
	SELECT channel_id, visitor, closed_upto, assignee
	FROM webchatt.conversations
	WHERE channel_id = $1 AND visitor = $2 AND state = 'closed'
),
rated AS (
	INSERT INTO webchatt.ratings AS r (channel_id, visitor, closed_upto, value, comment, assignee)
	SELECT channel_id, visitor, closed_upto, $3, nullif(left($4, 1000), ''), assignee
	FROM closed
	ON CONFLICT (channel_id, visitor, closed_upto) DO UPDATE
	SET value = excluded.value, comment = coalesce(excluded.comment, r.comment), changed_at = now()
	WHERE r.rated_at > now() - interval '1 hour'
	RETURNING 1
)
SELECT EXISTS (SELECT FROM closed) AS is_closed, EXISTS (SELECT FROM rated) AS is_written;
