-- Conversations of another chat are taken over (src/backend/session/import_history.c, sql/webchatt/38-import.sql). All are run
-- as whoever calls.

-- name: begin_import($1 channel uuid, $2 staging oid, $3 source text, $4 zone text, $5 skip_bad boolean, $6 call_handlers boolean)
-- How many rows there are.
SELECT webchatt._begin_import($1, $2::regclass, $3, $4, $5, $6);

-- name: import_page($1 channel uuid, $2 staging oid, $3 source text, $4 zone text, $5 skip_bad boolean, $6 call_handlers boolean,
--	$7 after_visitor text, $8 after_n bigint)
-- The page behind that row.
SELECT p.last_visitor, p.last_n, p.taken, p.written, p.unsettled FROM webchatt._import_page($1, $2::regclass, $3, $4, $5, $6, $7, $8) p;

-- name: import_stand($1 channel uuid, $2 visitors text[])
-- Those of which the conversation is locked.
SELECT s.unsettled, coalesce(cardinality(s.unsettled), 0) AS n FROM webchatt._import_stand($1, $2) s (unsettled);
