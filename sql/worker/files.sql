-- Files that are brought and fetched (src/backend/files), and what messages name (shared/file_names.c).

-- name: file_visitor($1 channel uuid, $2 token_hash bytea, $3 seconds int)
-- Whose token that is; seconds: how long a token is good for (0: for ever). Where it has to be signed who somebody is, a
-- stranger's is worth nothing.
SELECT t.visitor
FROM webchatt.visitor_tokens t
JOIN webchatt.channels c ON c.id = t.channel_id
JOIN webchatt.visitors v ON v.channel_id = t.channel_id AND v.id = t.visitor AND (c.identity <> 'required' OR v.user_id IS NOT NULL)
WHERE t.channel_id = $1 AND t.token_hash = $2 AND ($3 = 0 OR t.created_at > now() - make_interval(secs => $3));

-- name: file_key($1 key int)
-- What it is called, and by what its files are known.
SELECT k.label, 'key ' || k.id AS bringer FROM webchatt.api_keys k WHERE k.id = $1 AND k.revoked_at IS NULL;

-- name: begin_file($1 channel uuid, $2 id text, $3 visitor text, $4 author text, $5 name text, $6 size bigint, $7 quota bigint, $8 arriving int,
--	$9 bringer text)
-- Unless the visitor has more than the quota then (0: there is none), or so many files of theirs are arriving.  One that
-- is small counts as 16 kB, for rows cost, too.
WITH has AS (
	SELECT coalesce(sum(greatest(f.size, 16384)), 0)::bigint AS bytes, count(*) FILTER (WHERE f.state = 'arriving') AS arriving
	FROM webchatt.files f
	WHERE f.channel_id = $1 AND f.visitor = $3
),
made AS (
	INSERT INTO webchatt.files (channel_id, id, visitor, author, name, size, bringer)
	SELECT $1, $2, $3, $4, $5, $6, $9
	FROM has
	WHERE ($7 = 0 OR bytes + greatest($6, 16384) <= $7) AND arriving < $8
	RETURNING id
)
SELECT EXISTS (SELECT FROM made) AS is_made, arriving < $8 AS is_full FROM has;

-- name: lock_file($1 channel uuid, $2 id text)
-- Before it is looked at whether a message names it: from here on no other one does, and what did is seen.
SELECT FROM webchatt.files f WHERE f.channel_id = $1 AND f.id = $2 FOR UPDATE;

-- name: find_file($1 channel uuid, $2 id text, $3 visitor text, $4 bringer text)
-- That which this visitor, or else this API key, has begun.
SELECT f.name, f.type, f.size, f.received,
	EXISTS (
		SELECT FROM webchatt.file_uses u
		JOIN webchatt.messages m ON m.channel_id = u.message_channel_id AND m.id = u.message_id
		WHERE u.channel_id = f.channel_id AND u.file_id = f.id
	) AS is_named
FROM webchatt.files f
WHERE f.channel_id = $1 AND f.id = $2
	AND CASE WHEN $3 IS NULL THEN f.bringer = $4 ELSE f.visitor = $3 END;

-- name: add_file_chunk($1 channel uuid, $2 id text, $3 start bigint, $4 data bytea)
INSERT INTO webchatt.file_chunks (channel_id, file_id, start, data) VALUES ($1, $2, $3, $4);

-- name: file_received($1 channel uuid, $2 id text, $3 before bigint, $4 bytes bigint, $5 type text, $6 hash bytea)
-- So many more bytes are here; with the last one it is whole.  type: with the first ones.
UPDATE webchatt.files
SET received = received + $4, type = coalesce(type, $5), sha256 = $6,
	state = CASE WHEN received + $4 = size THEN 'whole' ELSE 'arriving' END
WHERE channel_id = $1 AND id = $2 AND received = $3;

-- name: file_sha256($1 channel uuid, $2 id text)
SELECT sha256(string_agg(c.data, '' ORDER BY c.start))
FROM webchatt.file_chunks c
WHERE c.channel_id = $1 AND c.file_id = $2;

-- name: drop_file($1 channel uuid, $2 id text)
DELETE FROM webchatt.files WHERE channel_id = $1 AND id = $2;

-- name: read_file($1 id text, $2 start bigint, $3 most int)
-- What it is, and bytes of it from there on, as many as its chunk has and no more than most.
SELECT f.size, f.type, f.name, f.sha256, piece.data
FROM webchatt.files f
LEFT JOIN LATERAL (
	SELECT substr(c.data, least($2 - c.start + 1, 2147483647)::int, $3) AS data
	FROM webchatt.file_chunks c
	WHERE c.channel_id = f.channel_id AND c.file_id = f.id AND c.start <= $2
	ORDER BY c.channel_id, c.file_id, c.start DESC
	LIMIT 1
) piece ON $3 > 0 AND $2 < f.size
WHERE f.id = $1 AND f.state = 'whole';

-- name: is_visitors_file($1 channel uuid, $2 id text, $3 visitor text, $4 kind text)
-- May that visitor's message name it as a picture, and so on?
SELECT
FROM webchatt.files f
WHERE f.channel_id = $1 AND f.id = $2 AND f.visitor = $3 AND f.state = 'whole'
	AND ($4 = 'document' OR starts_with(f.type, $4 || '/'));

-- name: note_file_uses($1 channels uuid[], $2 messages uuid[], $3 visitors text[], $4 ids text[])
-- Messages that have these in them, which may be files of ours.  visitor: who wrote it, and names their own only; null: it
-- was sent to one, and names whatever there is.  One that is being dropped is none any more.
INSERT INTO webchatt.file_uses (channel_id, file_id, message_channel_id, message_id)
SELECT f.channel_id, f.id, named.channel_id, named.message_id
FROM unnest($1, $2, $3, $4) AS named (channel_id, message_id, visitor, id)
JOIN webchatt.files f ON f.id = named.id
	AND (named.visitor IS NULL OR f.channel_id = named.channel_id AND (f.visitor = named.visitor
		OR f.visitor = (SELECT v.joined_to FROM webchatt.visitors v WHERE v.channel_id = named.channel_id AND v.id = named.visitor)))
FOR KEY SHARE OF f
ON CONFLICT DO NOTHING;

-- name: files_total()
SELECT count(*) AS files, count(*) FILTER (WHERE f.state = 'arriving') AS arriving, coalesce(sum(f.size), 0)::bigint AS bytes
FROM webchatt.files f;

-- name: sweep_files($1 channel uuid, $2 id text, $3 seconds int, $4 most int)
-- Look at files behind that one, and lock what is older and named by no message, two at a time: the last one that was
-- looked at, how many those are, those two, and of those that stay the bytes, how many they are, and how many are arriving.  What somebody holds is of the next walk.
WITH page AS MATERIALIZED (
	SELECT f.channel_id, f.id, f.size, f.state = 'arriving' AS is_arriving,
		f.created_at < now() - make_interval(secs => $3) AND NOT EXISTS (
			SELECT FROM webchatt.file_uses u
			JOIN webchatt.messages m ON m.channel_id = u.message_channel_id AND m.id = u.message_id
			WHERE u.channel_id = f.channel_id AND u.file_id = f.id
		) AS is_stale
	FROM webchatt.files f
	WHERE (f.channel_id, f.id) > ($1, $2)
	ORDER BY f.channel_id, f.id
	LIMIT $4
),
second AS (
	SELECT p.channel_id, p.id FROM page p WHERE p.is_stale ORDER BY p.channel_id, p.id OFFSET 1 LIMIT 1
),
seen AS MATERIALIZED (
	SELECT p.* FROM page p
	WHERE NOT EXISTS (SELECT FROM second s WHERE (p.channel_id, p.id) > (s.channel_id, s.id))
),
stale AS MATERIALIZED (
	SELECT f.id
	FROM seen s
	JOIN webchatt.files f ON f.channel_id = s.channel_id AND f.id = s.id
	WHERE s.is_stale
	FOR UPDATE OF f SKIP LOCKED
)
SELECT s.channel_id, s.id, (SELECT count(*) FROM seen) AS seen, (SELECT count(*) FROM seen k WHERE k.is_stale) AS stale,
	(SELECT coalesce(sum(k.size), 0)::bigint FROM seen k WHERE NOT k.is_stale) AS bytes,
	ARRAY(SELECT t.id FROM stale t) AS ids, (SELECT count(*) FROM seen k WHERE NOT k.is_stale) AS files,
	(SELECT count(*) FROM seen k WHERE NOT k.is_stale AND k.is_arriving) AS arriving
FROM seen s
ORDER BY s.channel_id DESC, s.id DESC
LIMIT 1;

-- name: drop_stale_files($1 ids text[])
-- These are locked: a message that named one meanwhile is committed, and seen here; as is what is set up and shown often.  One that was refused may come back yet.
DELETE FROM webchatt.files f
WHERE f.id = ANY ($1)
	AND NOT EXISTS (
		SELECT FROM webchatt.file_uses u
		JOIN webchatt.messages m ON m.channel_id = u.message_channel_id AND m.id = u.message_id
		WHERE u.channel_id = f.channel_id AND u.file_id = f.id
	)
	AND NOT EXISTS (
		SELECT FROM webchatt.rejects r
		WHERE r.channel_id = f.channel_id AND r.body LIKE '%/files/%' AND strpos(r.body, '/files/' || f.id) > 0
	)
	AND NOT webchatt._is_set_up(f.id)
	-- what a restrictive policy for everybody hides from us may name it
	AND NOT EXISTS (
		SELECT FROM pg_policy p
		JOIN pg_class c ON c.oid = p.polrelid AND c.relrowsecurity
		WHERE p.polrelid IN ('webchatt.messages'::regclass, 'webchatt.file_uses'::regclass, 'webchatt.rejects'::regclass,
				'webchatt.canned_answers'::regclass, 'webchatt.agents'::regclass, 'webchatt.channels'::regclass)
			AND NOT p.polpermissive AND p.polcmd IN ('r', '*')
			AND p.polroles && ARRAY[0, (SELECT r.oid FROM pg_roles r WHERE r.rolname = current_user)]
	);
