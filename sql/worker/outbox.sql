-- Reading the outbox (src/backend/outbound/outbox_reader.c; doc/decisions has why by snapshots), and emptying it.
-- Its three tables are read one by one, each in the order of its index, so that a page costs a page however many rows
-- there are.

-- name: unread_0($1 hub int, $2 from_xid xid8, $3 late xid8[])
-- Has anything of a hub been appended to this table that is not read yet: from this transaction on, or by one that was
-- under way when we last looked?
SELECT 1 FROM webchatt.outbox_0 WHERE hub_id = $1 AND xid >= $2
UNION ALL
SELECT 1 FROM unnest($3) AS late (xid)
WHERE EXISTS (SELECT FROM webchatt.outbox_0 o WHERE o.hub_id = $1 AND o.xid = late.xid)
LIMIT 1;

-- name: unread_1($1 hub int, $2 from_xid xid8, $3 late xid8[])
SELECT 1 FROM webchatt.outbox_1 WHERE hub_id = $1 AND xid >= $2
UNION ALL
SELECT 1 FROM unnest($3) AS late (xid)
WHERE EXISTS (SELECT FROM webchatt.outbox_1 o WHERE o.hub_id = $1 AND o.xid = late.xid)
LIMIT 1;

-- name: unread_2($1 hub int, $2 from_xid xid8, $3 late xid8[])
SELECT 1 FROM webchatt.outbox_2 WHERE hub_id = $1 AND xid >= $2
UNION ALL
SELECT 1 FROM unnest($3) AS late (xid)
WHERE EXISTS (SELECT FROM webchatt.outbox_2 o WHERE o.hub_id = $1 AND o.xid = late.xid)
LIMIT 1;

-- name: read_late($1 hub int, $2 late xid8[], $3 xid xid8, $4 seq bigint, $5 rows int)
-- Of transactions that were under way when we last looked, what is behind this row. Each page begins at its row of the
-- index: a comparison of (xid, seq) beside xid = would have it begin at the transaction's first row.
SELECT found.*
FROM (SELECT l.xid, CASE WHEN l.xid = $3 THEN $4 ELSE -9223372036854775808 END AS behind
	FROM unnest($2) AS l (xid)
	WHERE l.xid >= $3) AS late
CROSS JOIN LATERAL (
	(SELECT o.xid, o.seq, o.op, o.channel_id, o.visitor, o.message_id, o.expires_at, o.note, 0 AS child, o.hub_id
	FROM webchatt.outbox_0 o
	WHERE o.hub_id = $1 AND o.xid = late.xid AND o.seq > late.behind
	ORDER BY o.xid, o.seq LIMIT $5)
	UNION ALL
	(SELECT o.xid, o.seq, o.op, o.channel_id, o.visitor, o.message_id, o.expires_at, o.note, 1, o.hub_id
	FROM webchatt.outbox_1 o
	WHERE o.hub_id = $1 AND o.xid = late.xid AND o.seq > late.behind
	ORDER BY o.xid, o.seq LIMIT $5)
	UNION ALL
	(SELECT o.xid, o.seq, o.op, o.channel_id, o.visitor, o.message_id, o.expires_at, o.note, 2, o.hub_id
	FROM webchatt.outbox_2 o
	WHERE o.hub_id = $1 AND o.xid = late.xid AND o.seq > late.behind
	ORDER BY o.xid, o.seq LIMIT $5)
) found
ORDER BY xid, seq
LIMIT $5;

-- name: read_next($1 hub int, $2 xid xid8, $3 seq bigint, $4 before xid8, $5 snapshot text, $6 rows int)
-- Between the cursor (xid, seq) and the horizon: before this transaction, and visible in this snapshot.
(SELECT o.xid, o.seq, o.op, o.channel_id, o.visitor, o.message_id, o.expires_at, o.note, 0 AS child, o.hub_id
FROM webchatt.outbox_0 o
WHERE o.hub_id = $1 AND (o.xid, o.seq) > ($2, $3) AND o.xid < $4
	AND pg_visible_in_snapshot(o.xid, (SELECT $5::text::pg_snapshot))
ORDER BY o.xid, o.seq LIMIT $6)
UNION ALL
(SELECT o.xid, o.seq, o.op, o.channel_id, o.visitor, o.message_id, o.expires_at, o.note, 1, o.hub_id
FROM webchatt.outbox_1 o
WHERE o.hub_id = $1 AND (o.xid, o.seq) > ($2, $3) AND o.xid < $4
	AND pg_visible_in_snapshot(o.xid, (SELECT $5::text::pg_snapshot))
ORDER BY o.xid, o.seq LIMIT $6)
UNION ALL
(SELECT o.xid, o.seq, o.op, o.channel_id, o.visitor, o.message_id, o.expires_at, o.note, 2, o.hub_id
FROM webchatt.outbox_2 o
WHERE o.hub_id = $1 AND (o.xid, o.seq) > ($2, $3) AND o.xid < $4
	AND pg_visible_in_snapshot(o.xid, (SELECT $5::text::pg_snapshot))
ORDER BY o.xid, o.seq LIMIT $6)
ORDER BY xid, seq
LIMIT $6;

-- name: still_queued($1 channels uuid[], $2 ids uuid[])
-- Which of these are queued still, by the number of the array element, since when, and whether they were queued anew.
SELECT asked.n::int, m.status_at, m.status_at > m.created_at AS is_anew
FROM unnest($1, $2) WITH ORDINALITY AS asked (channel_id, id, n)
JOIN webchatt.messages m ON m.channel_id = asked.channel_id AND m.id = asked.id
WHERE m.direction = 'out' AND m.status = 'queued';

-- name: read_requeued()
-- Conversations in which a message was queued once more, and still is.
SELECT DISTINCT abs(hub_id), channel_id, visitor
FROM webchatt.outbox o
WHERE op = 'r'
	AND EXISTS (SELECT FROM webchatt.messages m
		WHERE m.channel_id = o.channel_id AND m.id = o.message_id AND m.status = 'queued');

-- name: read_conversation($1 channel uuid, $2 visitor text, $3 from_seq bigint, $4 rows int)
-- What is queued in one conversation, in its order.
(SELECT o.xid, o.seq, o.op, o.channel_id, o.visitor, o.message_id, o.expires_at, o.note, 0 AS child, o.hub_id
FROM webchatt.outbox_0 o
WHERE o.channel_id = $1 AND o.visitor = $2 AND o.seq >= $3
	AND EXISTS (SELECT FROM webchatt.messages m WHERE m.channel_id = $1 AND m.id = o.message_id AND m.status = 'queued')
ORDER BY o.seq LIMIT $4)
UNION ALL
(SELECT o.xid, o.seq, o.op, o.channel_id, o.visitor, o.message_id, o.expires_at, o.note, 1, o.hub_id
FROM webchatt.outbox_1 o
WHERE o.channel_id = $1 AND o.visitor = $2 AND o.seq >= $3
	AND EXISTS (SELECT FROM webchatt.messages m WHERE m.channel_id = $1 AND m.id = o.message_id AND m.status = 'queued')
ORDER BY o.seq LIMIT $4)
UNION ALL
(SELECT o.xid, o.seq, o.op, o.channel_id, o.visitor, o.message_id, o.expires_at, o.note, 2, o.hub_id
FROM webchatt.outbox_2 o
WHERE o.channel_id = $1 AND o.visitor = $2 AND o.seq >= $3
	AND EXISTS (SELECT FROM webchatt.messages m WHERE m.channel_id = $1 AND m.id = o.message_id AND m.status = 'queued')
ORDER BY o.seq LIMIT $4)
ORDER BY seq
LIMIT $4;

-- name: any_in_outbox_0()
SELECT 1 FROM webchatt.outbox_0 LIMIT 1;

-- name: any_in_outbox_1()
SELECT 1 FROM webchatt.outbox_1 LIMIT 1;

-- name: any_in_outbox_2()
SELECT 1 FROM webchatt.outbox_2 LIMIT 1;

-- name: empty_outbox_0()
-- The caller holds the table's lock, and has seen that nothing in it is left to do.
TRUNCATE webchatt.outbox_0;

-- name: empty_outbox_1()
TRUNCATE webchatt.outbox_1;

-- name: empty_outbox_2()
TRUNCATE webchatt.outbox_2;
