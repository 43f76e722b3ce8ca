-- Links that others open to us (src/backend/feed/link_feed.c). Somebody who deletes a link or a webhook holds its rows
-- for as long as the transaction is open: those are passed over, and come with the next turn.

-- name: read_links()
SELECT l.key_id, l.acknowledged, k.channels
FROM webchatt.links l
JOIN webchatt.api_keys k ON k.id = l.key_id
WHERE k.revoked_at IS NULL AND 'link' = ANY (k.scopes)
ORDER BY l.key_id;

-- name: links_came($1 keys int[], $2 clients text[])
-- Who opened a link, and from what address; those whose key is not valid do not come back. A new one begins behind the
-- event that was given a number last: all that were told in this turn were told by us, so that is exact.
INSERT INTO webchatt.links AS l (key_id, acknowledged, connected_since, client)
SELECT k.id, (SELECT CASE WHEN is_called THEN last_value ELSE 0 END FROM webchatt.feed_seq_seq), now(), came.client
FROM unnest($1, $2) AS came (key_id, client)
JOIN webchatt.api_keys k ON k.id = came.key_id AND k.revoked_at IS NULL AND 'link' = ANY (k.scopes)
ON CONFLICT (key_id) DO UPDATE
SET connected_since = now(), client = excluded.client
RETURNING l.key_id, l.acknowledged, l.lost, (SELECT k.channels FROM webchatt.api_keys k WHERE k.id = l.key_id) AS channels;

-- name: links_left($1 keys int[])
WITH unlocked AS MATERIALIZED (
	SELECT key_id FROM webchatt.links WHERE key_id = ANY ($1) FOR NO KEY UPDATE SKIP LOCKED
)
UPDATE webchatt.links l
SET connected_since = NULL, left_at = now()
FROM unlocked u
WHERE l.key_id = u.key_id
RETURNING l.key_id;

-- name: links_away()
-- webchatt-net is new, and has none.
WITH unlocked AS MATERIALIZED (
	SELECT key_id FROM webchatt.links WHERE connected_since IS NOT NULL FOR NO KEY UPDATE SKIP LOCKED
)
UPDATE webchatt.links l
SET connected_since = NULL, left_at = now()
FROM unlocked u
WHERE l.key_id = u.key_id;

-- name: links_acked($1 keys int[], $2 seqs bigint[])
-- Up to where they have committed.
WITH unlocked AS MATERIALIZED (
	SELECT key_id FROM webchatt.links WHERE key_id = ANY ($1) FOR NO KEY UPDATE SKIP LOCKED
)
UPDATE webchatt.links l
SET acknowledged = greatest(l.acknowledged, acked.seq)
FROM unnest($1, $2) AS acked (key_id, seq)
JOIN unlocked u ON u.key_id = acked.key_id
WHERE l.key_id = acked.key_id
RETURNING l.key_id;
