-- How conversations stand (src/backend/conversations; the table webchatt.conversations says what is in it). Each can be
-- run again, and in any order: ids of messages say what is newer.

-- name: note_came($1 channels uuid[], $2 ids uuid[])
-- Visitors wrote these, and it is not known that they wait already. What is no message, as it was a repeat, and what was
-- answered before, is passed over. Returns the conversations in which somebody waits now, and whether they were closed before.
WITH came AS MATERIALIZED (
	SELECT DISTINCT ON (m.channel_id, m.visitor) m.channel_id, m.visitor, m.id, m.created_at,
		c.waiting_since IS NOT NULL AS waits, coalesce(c.state = 'closed', false) AS was_closed
	FROM unnest($1, $2) AS e (channel_id, id)
	JOIN webchatt.messages m ON m.channel_id = e.channel_id AND m.id = e.id
	LEFT JOIN webchatt.conversations c ON c.channel_id = m.channel_id AND c.visitor = m.visitor
	WHERE m.direction = 'in' AND (c.answered_upto IS NULL OR m.id > c.answered_upto)
	ORDER BY m.channel_id, m.visitor, m.id
),
noted AS (
	INSERT INTO webchatt.conversations (channel_id, visitor, waiting_since, last_id, last_at)
	SELECT channel_id, visitor, created_at, id, created_at
	FROM came
	WHERE NOT waits
	ON CONFLICT (channel_id, visitor) DO UPDATE
	SET state = 'open', closed_upto = NULL, waiting_since = excluded.waiting_since, last_id = excluded.last_id, last_at = excluded.last_at
)
SELECT channel_id, visitor, was_closed FROM came;

-- name: note_sent($1 channels uuid[], $2 visitors text[], $3 answers uuid[], $4 newest uuid[])
-- Messages were sent, of each conversation once: the newest that is an answer (null: none is), and the newest. Returns
-- the conversations in which somebody waited. What was deleted meanwhile is passed over.
WITH sent AS MATERIALIZED (
	SELECT s.channel_id, s.visitor, s.answer, m.id, m.created_at,
		c.waiting_since IS NOT NULL AND s.answer IS NOT NULL AS has_waited, c.channel_id IS NULL AS is_missing
	FROM unnest($1, $2, $3, $4) AS s (channel_id, visitor, answer, newest)
	JOIN webchatt.messages m ON m.channel_id = s.channel_id AND m.id = s.newest
	LEFT JOIN webchatt.conversations c ON c.channel_id = s.channel_id AND c.visitor = s.visitor
),
noted AS (
	UPDATE webchatt.conversations c
	SET answered_upto = greatest(c.answered_upto, s.answer),
		waiting_since = CASE
			WHEN c.waiting_since IS NULL OR s.answer IS NULL OR s.answer <= c.answered_upto THEN c.waiting_since
			ELSE (SELECT w.created_at FROM webchatt.messages w
				WHERE w.channel_id = c.channel_id AND w.visitor = c.visitor AND w.id > s.answer AND w.direction = 'in'
				ORDER BY w.channel_id, w.visitor, w.id LIMIT 1)
		END,
		last_id = CASE WHEN s.id > c.last_id THEN s.id ELSE c.last_id END,
		last_at = CASE WHEN s.id > c.last_id THEN s.created_at ELSE c.last_at END
	FROM sent s
	WHERE c.channel_id = s.channel_id AND c.visitor = s.visitor
		AND (s.answer > c.answered_upto OR s.answer IS NOT NULL AND c.answered_upto IS NULL
			OR c.waiting_since IS NULL AND s.id > c.last_id)
),
added AS (
	INSERT INTO webchatt.conversations (channel_id, visitor, answered_upto, waiting_since, last_id, last_at)
	SELECT s.channel_id, s.visitor, s.answer,
		(SELECT w.created_at FROM webchatt.messages w
		WHERE w.channel_id = s.channel_id AND w.visitor = s.visitor AND w.direction = 'in'
			AND w.id > coalesce(s.answer, '00000000-0000-0000-0000-000000000000')
		ORDER BY w.channel_id, w.visitor, w.id LIMIT 1),
		s.id, s.created_at
	FROM sent s
	WHERE s.is_missing
		AND EXISTS (SELECT FROM webchatt.visitors v WHERE v.channel_id = s.channel_id AND v.id = s.visitor)
	ON CONFLICT (channel_id, visitor) DO NOTHING
)
SELECT channel_id, visitor FROM sent WHERE has_waited;

-- name: note_states($1 channels uuid[], $2 visitors text[], $3 orders bigint[], $4 newest uuid[], $5 notes text[], $6 closes boolean[])
-- Conversations are closed up to that message, or opened again. The order with the highest number counts, whatever comes
-- first; but what was there when one was closed is dealt with. Of a message that is gone the conversation was another, of
-- somebody who has been erased since. A note says when it was closed, in microseconds since 1970, and by whom. Returns those that are missing here (is_closed is null), and how the others stand.
WITH ordered AS MATERIALIZED (
	SELECT o.channel_id, o.visitor, max(o.n) AS n, (array_agg(o.upto ORDER BY o.n DESC))[1] AS upto,
		(array_agg(o.upto ORDER BY o.upto DESC NULLS LAST))[1] AS seen, (array_agg(o.note ORDER BY o.n DESC))[1] AS note
	FROM (
		SELECT u.channel_id, u.visitor, u.n, CASE WHEN u.closes THEN u.newest END AS upto, u.note
		FROM unnest($1, $2, $3, $4, $5, $6) AS u (channel_id, visitor, n, newest, note, closes)
		JOIN webchatt.messages m ON m.channel_id = u.channel_id AND m.id = u.newest
	) o
	GROUP BY o.channel_id, o.visitor
),
found AS MATERIALIZED (
	SELECT o.*, c.channel_id IS NULL AS is_missing, coalesce(c.state = 'closed', false) AS was_closed, greatest(c.answered_upto, o.seen) AS answered_upto,
		newest.id AS last_id, newest.created_at AS last_at,
		(SELECT w.created_at FROM webchatt.messages w
		WHERE w.channel_id = o.channel_id AND w.visitor = o.visitor AND w.direction = 'in'
			AND w.id > coalesce(greatest(c.answered_upto, o.seen), '00000000-0000-0000-0000-000000000000')
		ORDER BY w.channel_id, w.visitor, w.id LIMIT 1) AS waiting_since,
		o.upto IS NOT NULL AND NOT EXISTS (SELECT FROM webchatt.messages w
			WHERE w.channel_id = o.channel_id AND w.visitor = o.visitor AND w.direction = 'in' AND w.id > o.upto) AS is_closed
	FROM ordered o
	LEFT JOIN webchatt.conversations c ON c.channel_id = o.channel_id AND c.visitor = o.visitor
	LEFT JOIN LATERAL (SELECT m.id, m.created_at FROM webchatt.messages m
		WHERE m.channel_id = o.channel_id AND m.visitor = o.visitor
		ORDER BY m.channel_id DESC, m.visitor DESC, m.id DESC LIMIT 1) newest ON true
),
noted AS (
	UPDATE webchatt.conversations c
	SET state = CASE WHEN f.n <= c.state_order THEN c.state WHEN f.is_closed THEN 'closed' ELSE 'open' END,
		closed_upto = CASE WHEN f.n <= c.state_order THEN c.closed_upto WHEN f.is_closed THEN f.upto END,
		state_order = greatest(c.state_order, f.n), answered_upto = f.answered_upto,
		waiting_since = CASE WHEN f.n > c.state_order OR c.state = 'open' THEN f.waiting_since END,
		last_id = coalesce(f.last_id, c.last_id), last_at = coalesce(f.last_at, c.last_at)
	FROM found f
	WHERE c.channel_id = f.channel_id AND c.visitor = f.visitor
		AND (f.n > c.state_order OR f.answered_upto IS DISTINCT FROM c.answered_upto)
	RETURNING c.channel_id, c.visitor, c.state = 'closed' AS is_closed, c.state_order = f.n AND c.state = 'closed' AND NOT f.was_closed AS closes, f.upto, f.note
),
-- one that was opened by hand and is closed up to the same message again was closed then
closed AS (
	INSERT INTO webchatt.closings AS k (channel_id, visitor, closed_upto, closed_at, closed_by)
	SELECT n.channel_id, n.visitor, n.upto, coalesce(to_timestamp(substring(n.note FROM '^[0-9]{1,17}')::bigint / 1000000.0), now()),
		nullif(substring(n.note FROM '^[0-9]+ (.*)$'), '')
	FROM noted n
	WHERE n.closes
	ON CONFLICT (channel_id, visitor, closed_upto) DO UPDATE SET closed_at = excluded.closed_at, closed_by = excluded.closed_by
)
SELECT f.channel_id, f.visitor, NULL::boolean AS is_closed FROM found f WHERE f.is_missing
UNION ALL
SELECT channel_id, visitor, is_closed FROM noted;

-- name: note_assignees($1 channels uuid[], $2 visitors text[], $3 orders bigint[], $4 newest uuid[], $5 assignees text[])
-- Conversations are somebody's, or nobody's (null); the order with the highest number counts. newest: as in note_states.
-- Returns those that are missing here.
WITH ordered AS MATERIALIZED (
	SELECT DISTINCT ON (o.channel_id, o.visitor) o.channel_id, o.visitor, o.n, o.assignee
	FROM unnest($1, $2, $3, $4, $5) AS o (channel_id, visitor, n, newest, assignee)
	JOIN webchatt.messages m ON m.channel_id = o.channel_id AND m.id = o.newest
	ORDER BY o.channel_id, o.visitor, o.n DESC
),
noted AS (
	UPDATE webchatt.conversations c
	SET assignee = o.assignee, assignee_order = o.n
	FROM ordered o
	WHERE c.channel_id = o.channel_id AND c.visitor = o.visitor AND o.n > c.assignee_order
)
SELECT o.channel_id, o.visitor, NULL::boolean AS is_closed
FROM ordered o
WHERE NOT EXISTS (SELECT FROM webchatt.conversations c WHERE c.channel_id = o.channel_id AND c.visitor = o.visitor);

-- name: make_conversations($1 channels uuid[], $2 visitors text[])
-- How these stand, by their messages alone and by what they were closed up to; what has no message has no row.
WITH asked AS MATERIALIZED (
	SELECT v.channel_id, v.id AS visitor
	FROM (SELECT DISTINCT channel_id, visitor FROM unnest($1, $2) AS u (channel_id, visitor)) a
	JOIN webchatt.visitors v ON v.channel_id = a.channel_id AND v.id = a.visitor
),
answered AS MATERIALIZED (
	SELECT a.channel_id, a.visitor, newest.id AS last_id, newest.created_at AS last_at, c.channel_id IS NOT NULL AS is_here,
		coalesce((SELECT m.id FROM webchatt.messages m
			WHERE m.channel_id = a.channel_id AND m.visitor = a.visitor AND m.direction = 'out' AND m.final
				AND m.id > coalesce(c.answered_upto, '00000000-0000-0000-0000-000000000000')
			ORDER BY m.channel_id DESC, m.visitor DESC, m.id DESC LIMIT 1), c.answered_upto) AS answered_upto,
		CASE WHEN NOT EXISTS (SELECT FROM webchatt.messages m
			WHERE m.channel_id = a.channel_id AND m.visitor = a.visitor AND m.direction = 'in' AND m.id > c.closed_upto)
			THEN c.closed_upto END AS closed_upto
	FROM asked a
	LEFT JOIN webchatt.conversations c ON c.channel_id = a.channel_id AND c.visitor = a.visitor
	LEFT JOIN LATERAL (SELECT m.id, m.created_at FROM webchatt.messages m
		WHERE m.channel_id = a.channel_id AND m.visitor = a.visitor
		ORDER BY m.channel_id DESC, m.visitor DESC, m.id DESC LIMIT 1) newest ON true
),
gone AS (
	DELETE FROM webchatt.conversations c
	USING answered a
	WHERE c.channel_id = a.channel_id AND c.visitor = a.visitor AND a.is_here AND a.last_id IS NULL
)
-- also where there is a row and it is updated, what is inserted is checked first: a closed one is to be closed in it
INSERT INTO webchatt.conversations AS c (channel_id, visitor, state, answered_upto, closed_upto, waiting_since, last_id,
	last_at)
SELECT a.channel_id, a.visitor, CASE WHEN a.closed_upto IS NULL THEN 'open' ELSE 'closed'::webchatt.conversation_state END,
	a.answered_upto, a.closed_upto,
	CASE WHEN a.closed_upto IS NULL THEN (SELECT w.created_at FROM webchatt.messages w
		WHERE w.channel_id = a.channel_id AND w.visitor = a.visitor AND w.direction = 'in'
			AND w.id > coalesce(a.answered_upto, '00000000-0000-0000-0000-000000000000')
		ORDER BY w.channel_id, w.visitor, w.id LIMIT 1) END,
	a.last_id, a.last_at
FROM answered a
WHERE a.last_id IS NOT NULL
ON CONFLICT (channel_id, visitor) DO UPDATE
SET state = excluded.state, closed_upto = excluded.closed_upto, answered_upto = excluded.answered_upto,
	waiting_since = excluded.waiting_since, last_id = excluded.last_id, last_at = excluded.last_at
WHERE c.answered_upto IS DISTINCT FROM excluded.answered_upto OR c.closed_upto IS DISTINCT FROM excluded.closed_upto
	OR c.waiting_since IS DISTINCT FROM excluded.waiting_since
	OR c.waiting_since IS NULL AND c.last_id <> excluded.last_id;

-- name: visitors_behind($1 channel uuid, $2 visitor text, $3 rows int)
-- A page of all visitors behind this one.
SELECT channel_id, id
FROM webchatt.visitors
WHERE (channel_id, id) > ($1, $2)
ORDER BY channel_id, id
LIMIT $3;
