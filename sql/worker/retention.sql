-- What leaves by webchatt.set_retention(), and is read again (src/backend/desk/retention_work.c, archive_page.c,
-- src/backend/session/set_retention.c; the functions are in sql/webchatt/34-retention.sql and 37-archives.sql).

-- name: any_retention()
-- Is there anything for its process to do, now or later?
SELECT EXISTS (SELECT FROM webchatt.retentions WHERE keep IS NOT NULL) OR EXISTS (SELECT FROM webchatt.archive_tasks);

-- name: retain($1 most int, $2 visitors int)
-- A piece leaves; with visitors so many of these that nothing is left of.
SELECT n, problem FROM webchatt._retain($1, $2);

-- name: archive_task()
-- In the archives one thing is done that was noted.
SELECT n, problem FROM webchatt._archive_task();

-- name: check_retention($1 keep interval, $2 channel uuid, $3 archive oid)
-- Raises what is wrong with them.
SELECT webchatt._check_retention($1, $2, $3);

-- name: set_retention($1 keep interval, $2 channel uuid, $3 archive_schema text, $4 archive_name text, $5 archive_owner text)
INSERT INTO webchatt.retentions (channel_id, keep, archive_schema, archive_name, archive_owner)
VALUES ($2, $1, $3, $4, $5)
ON CONFLICT ((coalesce(channel_id, '00000000-0000-0000-0000-000000000000'::uuid))) DO UPDATE
SET keep = excluded.keep, archive_schema = excluded.archive_schema, archive_name = excluded.archive_name,
	archive_owner = excluded.archive_owner, set_at = now();

-- name: remember_archive($1 channel uuid, $2 archive_schema text, $3 archive_name text, $4 archive_owner text, $5 keep interval)
-- What it has is erased there, also when another one is set.
INSERT INTO webchatt.archives AS a (channel_id, archive_schema, archive_name, archive_owner, keep)
VALUES ($1, $2, $3, $4, $5)
ON CONFLICT ((coalesce(channel_id, '00000000-0000-0000-0000-000000000000'::uuid)), archive_schema, archive_name) DO UPDATE
SET archive_owner = excluded.archive_owner, since = now(), gone_at = NULL, keep = least(a.keep, excluded.keep);

-- name: unset_retention()
DELETE FROM webchatt.retentions WHERE channel_id IS NULL;

-- name: look_anew()
-- From the oldest message on, at once: what was written behind our back is met, too.
WITH looked AS (
	UPDATE webchatt.retention_progress SET upto = '00000000-0000-0000-0000-000000000000', again = again + 1, visitors_upto = '', visitors_due = '-infinity',
		failures = 0, last_error = NULL, last_error_at = NULL, not_before = NULL
)
UPDATE webchatt.retention_left SET due = now();

-- name: archived_channels()
-- Which channels have an archive, a number that those with the same one share (0: only once), and how long ago a visitor has to
-- have come to have something there.
SELECT c.id, coalesce(k.oid, 0::oid), webchatt._archived_keep(c.id)
FROM webchatt.channels c
LEFT JOIN (webchatt._retention_rules() r JOIN pg_namespace s ON s.nspname = r.archive_schema
	JOIN pg_class k ON k.relnamespace = s.oid AND k.relname = r.archive_name) ON r.channel_id = c.id
WHERE k.oid IS NOT NULL OR EXISTS (SELECT FROM webchatt._archives_of(c.id) a WHERE a.archive IS NOT NULL);

-- name: archive_page($1 channel uuid, $2 visitor text, $3 before uuid, $4 rows int, $5 bytes int, $6 shows_author boolean)
-- A page of a visitor's older messages, out of the archive, in the form of the statement page; and 206 where there are older
-- ones, else 200.
SELECT messages, CASE WHEN more THEN 206 ELSE 200 END FROM webchatt._archive_page($1, $2, $3, $4, $5, $6);

-- name: archive_export($1 channel uuid, $2 visitor text, $3 after uuid, $4 most int)
-- A part of what the REST API hands out of a person, with what archives have; and the answer's status.
SELECT body::text, status FROM webchatt._rest_export($1, $2, $3, $4);
