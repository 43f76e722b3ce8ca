-- Persons who are to be erased, and messages of which the content is (src/backend/session/erasure.c,
-- src/backend/conversations/erasures.c, sql/webchatt/33-erasure.sql).

-- name: begin_erasure($1 channel uuid, $2 visitor text, $3 asked_by text, $4 only_archived boolean)
-- Null: there is nobody.
SELECT webchatt._begin_erasure($1, $2, $3, $4);

-- name: erase_some($1 erasure uuid, $2 rows int)
-- The next piece. Does it go on at once?
SELECT webchatt._erase_some($1, $2);

-- name: redact($1 channel uuid, $2 id uuid, $3 content jsonb, $4 redacted_by text)
-- Whose conversation that is; empty: it may be in an archive; null: there is no such message.
SELECT webchatt._redact_rows($1, $2, $3, $4);

-- name: erasures_due($1 rows int)
-- With which to go on now.
SELECT id, error
FROM webchatt.erasures
WHERE done_at IS NULL AND due <= clock_timestamp()
ORDER BY due
LIMIT $1;

-- name: erasures_next()
-- In how many milliseconds the next one is; null: there is none.
SELECT greatest(0, least(extract(epoch FROM min(due) - clock_timestamp()) * 1000, 600000))::int AS ms
FROM webchatt.erasures
WHERE done_at IS NULL;

-- name: erasures_later($1 erasure uuid)
-- Somebody held a row.
UPDATE webchatt.erasures SET due = clock_timestamp() + interval '5 seconds' WHERE id = $1;

-- name: erasures_failed($1 erasure uuid, $2 error text)
-- It could not be done, a trigger of the application raises, say: the pause doubles. Returns how often in a row that was.
UPDATE webchatt.erasures
SET tries = tries + 1, error = $2, due = clock_timestamp() + least(interval '5 seconds' * 2 ^ least(tries, 20), interval '1 hour')
WHERE id = $1
RETURNING tries;
