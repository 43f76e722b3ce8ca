-- Anonymous visitors who turned out to be known ones (src/backend/outbound/joins.c, sql/webchatt/28-identity.sql).

-- name: any_joined()
SELECT 1 FROM webchatt.visitors WHERE joined_to IS NOT NULL LIMIT 1;

-- name: joins_due($1 rows int)
-- Whose messages are to be moved, or looked for, now.
SELECT channel_id, visitor, error
FROM webchatt.joins
WHERE due <= clock_timestamp()
ORDER BY due
LIMIT $1;

-- name: joins_next()
-- In how many milliseconds the next one is; null: there is none.
SELECT greatest(0, least(extract(epoch FROM min(due) - clock_timestamp()) * 1000, 600000))::int AS ms FROM webchatt.joins;

-- name: move_joined($1 channel uuid, $2 visitor text, $3 rows int)
SELECT stays, moved, again, released, late FROM webchatt._move_joined($1, $2, $3);

-- name: joins_later($1 channel uuid, $2 visitor text)
-- Somebody held a row.
UPDATE webchatt.joins SET due = clock_timestamp() + interval '5 seconds' WHERE channel_id = $1 AND visitor = $2;

-- name: joins_failed($1 channel uuid, $2 visitor text, $3 error text)
-- It could not be done, a trigger of the application raises, say: the pause doubles. Returns how often in a row that was.
UPDATE webchatt.joins
SET tries = tries + 1, error = $3, due = clock_timestamp() + least(interval '5 seconds' * 2 ^ least(tries, 20), interval '1 hour')
WHERE channel_id = $1 AND visitor = $2
RETURNING tries;

-- name: joins_again($1 channels uuid[], $2 visitors text[])
-- Messages to these are held: perhaps they were joined to somebody long ago. Returns those who were.
INSERT INTO webchatt.joins AS j (channel_id, visitor, moving)
SELECT DISTINCT v.channel_id, v.id, false
FROM unnest($1, $2) AS h (channel_id, visitor)
JOIN webchatt.visitors v ON v.channel_id = h.channel_id AND v.id = h.visitor
WHERE v.joined_to IS NOT NULL
ON CONFLICT (channel_id, visitor) DO UPDATE
SET due = clock_timestamp(), looks = 0, begun_at = now(), xid = pg_current_xact_id()
RETURNING 1;
