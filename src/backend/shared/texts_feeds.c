/*
 * texts_feeds.c
 *	  The SQL of the local hub's events: publishing what sessions did, webhooks,
 *	  links, what is kept and how long.
 */
#include "postgres.h"

#include "catalog/pg_type.h"

#include "shared/statements.h"

/* The number that was given to an event last; all in this turn are told by us, so it is exact. */
#define NEWEST "(SELECT CASE WHEN is_called THEN last_value ELSE 0 END FROM webchatt.feed_seq_seq)"

/* When it happened; an application's trigger may have written a time that no clock has. */
#define SECONDS "floor(date_part('epoch', CASE WHEN isfinite(e.at) THEN e.at ELSE e.created_at END))::bigint"

/* An event of table e as others get it (doc/hub-contract.md, section 3); null: its message is gone. */
#define BODY                                                                                                           \
	"CASE WHEN e.event_type = 'Message' THEN"                                                                          \
	" (SELECT '{\"eventType\":\"Message\",\"channelId\":\"' || e.channel_id || '\",\"messageId\":\"' || e.message_id"  \
	"   || '\",\"from\":' || pg_catalog.to_json(e.visitor)::text || ',\"timestamp\":' || " SECONDS                     \
	"   || ',\"channel\":\"web-chatt2me\",\"content\":' || m.content::text || '}'"                                     \
	"  FROM webchatt.messages m WHERE m.channel_id = e.channel_id AND m.id = e.message_id)"                            \
	" ELSE '{\"eventType\":\"MessageStatus\",\"channelId\":\"' || e.channel_id || '\",\"messageId\":\"' || "           \
	"e.message_id"                                                                                                     \
	"  || '\",\"status\":\"' || e.status || '\",\"timestamp\":' || " SECONDS                                           \
	"  || ',\"channel\":\"web-chatt2me\"' || coalesce(',\"errorCode\":' || pg_catalog.to_json(e.error_code)::text, "   \
	"'')"                                                                                                              \
	"  || coalesce(',\"errorMessage\":' || pg_catalog.to_json(e.error_message)::text, '') || '}' END"

/*
 * Somebody who deletes a webhook or a link holds its rows for as long as the
 * transaction is open: those are passed over, and come with the next turn.
 */
#define UNLOCKED(table, key)                                                                                           \
	"mine AS MATERIALIZED (SELECT " key " AS k FROM webchatt." table " WHERE " key                                     \
	" = ANY ($1) FOR NO KEY UPDATE SKIP LOCKED)"

const Statement wc_texts_feeds[WC_STATEMENTS] = {
	/* $1 a local channel? and does anybody want its events */
	[WC_WANTS_EVENTS] = {"SELECT 1 FROM webchatt.channels c WHERE c.id = $1 AND c.public_key IS NOT NULL"
						 " AND (EXISTS (SELECT FROM webchatt.webhooks) OR EXISTS (SELECT FROM webchatt.links))",
						 {UUIDOID, 0}},

	/*
	 * What sessions did: $1 $2 the orders' numbers, by which each is told once
	 * though it may be read twice, $3 channel, $4 message, told as it stands now.
	 */
	[WC_PUBLISH_ORDERS] =
		{"WITH o AS MATERIALIZED (SELECT x, q, c, i FROM unnest($1, $2, $3, $4) AS o (x, q, c, i)),"
		 " mine AS (INSERT INTO webchatt.event_orders (xid, seq) SELECT x, q FROM o ON CONFLICT DO NOTHING RETURNING "
		 "xid, seq)"
		 " INSERT INTO webchatt.feed (event_type, channel_id, visitor, message_id, status, error_code, error_message)"
		 " SELECT CASE m.direction WHEN 'in' THEN 'Message' ELSE 'MessageStatus' END, m.channel_id, m.visitor, m.id,"
		 "  CASE WHEN m.direction = 'in' THEN NULL WHEN m.status IN ('expired', 'cancelled') THEN 'failed' ELSE "
		 "m.status::text END,"
		 "  CASE WHEN m.status IN ('expired', 'cancelled') THEN m.status::text ELSE m.error_code END,"
		 "  CASE WHEN m.status <> 'cancelled' THEN m.error_message END"
		 " FROM mine JOIN o ON o.x = mine.xid AND o.q = mine.seq"
		 " JOIN webchatt.messages m ON m.channel_id = o.c AND m.id = o.i"
		 " WHERE EXISTS (SELECT FROM webchatt.channels c WHERE c.id = m.channel_id AND c.public_key IS NOT NULL)"
		 "  AND (m.direction = 'in' OR left(m.dedupe_key, 4) = 'api:'"
		 "   AND m.status IN ('delivered', 'read', 'failed', 'expired', 'cancelled'))"
		 " ORDER BY o.q",
		 {XID8ARRAYOID, INT8ARRAYOID, UUIDARRAYOID, UUIDARRAYOID, 0}},

	[WC_MAKE_PROGRESS] =
		{"INSERT INTO webchatt.webhook_progress (webhook_id, done_upto) SELECT w.id, " NEWEST
		 " FROM webchatt.webhooks w"
		 " WHERE NOT EXISTS (SELECT FROM webchatt.webhook_progress p WHERE p.webhook_id = w.id) ON CONFLICT DO NOTHING",
		 {0}},

	/* the last column: beyond done_upto, the log knows of successes up to here */
	[WC_READ_LOCAL_WEBHOOKS] =
		{"SELECT w.id, w.n, w.event_type = 'Message', w.endpoint, CASE WHEN w.headers <> '[]' THEN w.headers::text END,"
		 " w.secret, w.active AND (w.key_id IS NULL OR k.revoked_at IS NULL AND 'webhooks' = ANY (k.scopes)), "
		 "w.verified_at IS NOT NULL, p.done_upto, p.failures, p.failing_since, p.last_error, p.last_success_at,"
		 " coalesce((SELECT l.seq FROM webchatt.webhook_log l WHERE l.webhook_id = w.id"
		 "  ORDER BY l.webhook_id DESC, l.seq DESC LIMIT 1), 0), k.channels"
		 " FROM webchatt.webhooks w JOIN webchatt.webhook_progress p ON p.webhook_id = w.id"
		 " LEFT JOIN webchatt.api_keys k ON k.id = w.key_id ORDER BY w.n",
		 {0}},

	[WC_READ_LINKS] =
		{"SELECT l.key_id, l.acknowledged, k.channels FROM webchatt.links l JOIN webchatt.api_keys k ON k.id = l.key_id"
		 " WHERE k.revoked_at IS NULL AND 'link' = ANY (k.scopes) ORDER BY l.key_id",
		 {0}},

	/* $1 key, $2 address: who opened a link; those whose key is not valid do not come back */
	[WC_LINKS_CAME] = {"INSERT INTO webchatt.links AS l (key_id, acknowledged, connected_since, client)"
					   " SELECT k.id, " NEWEST ", now(), u.c FROM unnest($1, $2) AS u (k, c)"
					   " JOIN webchatt.api_keys k ON k.id = u.k AND k.revoked_at IS NULL AND 'link' = ANY (k.scopes)"
					   " ON CONFLICT (key_id) DO UPDATE SET connected_since = now(), client = excluded.client"
					   " RETURNING l.key_id, l.acknowledged, l.lost, (SELECT k.channels FROM webchatt.api_keys k WHERE "
					   "k.id = l.key_id)",
					   {INT4ARRAYOID, TEXTARRAYOID, 0}},

	[WC_LINKS_LEFT] = {"WITH " UNLOCKED("links", "key_id") " UPDATE webchatt.links l SET connected_since = NULL, "
														   "left_at = now() FROM mine WHERE l.key_id = mine.k"
														   " RETURNING l.key_id",
					   {INT4ARRAYOID, 0}},

	[WC_LINKS_AWAY] =
		{"WITH mine AS MATERIALIZED (SELECT key_id AS k FROM webchatt.links WHERE connected_since IS NOT NULL"
		 "  FOR NO KEY UPDATE SKIP LOCKED)"
		 " UPDATE webchatt.links l SET connected_since = NULL, left_at = now() FROM mine WHERE l.key_id = mine.k",
		 {0}},

	/* $1 key, $2 up to where it has committed */
	[WC_LINKS_ACKED] = {"WITH " UNLOCKED(
							"links",
							"key_id") " UPDATE webchatt.links l SET acknowledged = greatest(l.acknowledged, u.a)"
									  " FROM unnest($1, $2) AS u (k, a) JOIN mine ON mine.k = u.k WHERE l.key_id = u.k "
									  "RETURNING l.key_id",
						{INT4ARRAYOID, INT8ARRAYOID, 0}},

	/* $1 after this one, $2 rows */
	[WC_READ_EVENTS] = {"SELECT e.seq, e.event_type = 'Message', e.channel_id, e.visitor, e.message_id, " BODY
						" FROM webchatt.feed e WHERE e.seq > $1 ORDER BY e.seq LIMIT $2",
						{INT8OID, INT4OID, 0}},

	/* $1 webhook, $2 from, $3 to: what was tried before */
	[WC_WEBHOOK_KNOWN] = {"SELECT l.seq, bool_or(l.good), max(l.attempt) FROM webchatt.webhook_log l"
						  " WHERE l.webhook_id = $1 AND l.seq BETWEEN $2 AND $3 GROUP BY l.seq ORDER BY l.seq",
						  {UUIDOID, INT8OID, INT8OID, 0}},

	/*
	 * Attempts: $1 webhook, $2 id, $3 seq, $4 delivery id, $5 message, $6 attempt, $7 good, $8 status code,
	 * $9 answer, $10 error, $11 duration, $12 time
	 */
	[WC_RECORD_DELIVERIES] =
		{"INSERT INTO webchatt.webhook_log (webhook_id, id, seq, delivery_id, event_type, message_id, attempt, "
		 "endpoint,"
		 "  good, status_code, answer, error, duration_us, sent_at)"
		 " SELECT u.w, u.i, u.q, u.d, w.event_type, u.m, u.a, w.endpoint, u.g, u.s, u.answer, u.e, u.us, u.t"
		 " FROM unnest($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12) AS u (w, i, q, d, m, a, g, s, answer, e, us, "
		 "t)"
		 " JOIN webchatt.webhooks w ON w.id = u.w ON CONFLICT DO NOTHING",
		 {UUIDARRAYOID, UUIDARRAYOID, INT8ARRAYOID, UUIDARRAYOID, UUIDARRAYOID, INT4ARRAYOID, BOOLARRAYOID,
		  INT4ARRAYOID, TEXTARRAYOID, TEXTARRAYOID, INT4ARRAYOID, TIMESTAMPTZARRAYOID, 0}},

	/* $1 webhook, $2 done up to, $3 failures, $4 since, $5 the last error, $6 the last success */
	[WC_WEBHOOK_PROGRESS] =
		{"WITH " UNLOCKED(
			 "webhook_progress",
			 "webhook_id") " UPDATE webchatt.webhook_progress p SET done_upto = greatest(p.done_upto, u.d), failures = "
						   "u.f, failing_since = u.s,"
						   "  last_error = u.e, last_success_at = u.g"
						   " FROM unnest($1, $2, $3, $4, $5, $6) AS u (w, d, f, s, e, g) JOIN mine ON mine.k = u.w"
						   " WHERE p.webhook_id = u.w RETURNING p.webhook_id",
		 {UUIDARRAYOID, INT8ARRAYOID, INT4ARRAYOID, TIMESTAMPTZARRAYOID, TEXTARRAYOID, TIMESTAMPTZARRAYOID, 0}},

	/* $1 webhook, $2 the endpoint that was asked */
	[WC_WEBHOOK_VERIFIED] =
		{"UPDATE webchatt.webhooks SET verified_at = now() WHERE id = $1 AND endpoint = $2 AND verified_at IS NULL",
		 {UUIDOID, TEXTOID, 0}},

	[WC_WEBHOOK_PAUSE] = {"UPDATE webchatt.webhooks SET active = false, paused_reason = $2 WHERE id = $1 AND active",
						  {UUIDOID, TEXTOID, 0}},

	/* $1 webhooks, $2 what is under way, $3 rows for each webhook */
	[WC_READ_RETRIES] =
		{"SELECT x.webhook_id, x.log_id, x.seq, coalesce(e.message_id, l.message_id), coalesce(l.attempt, 0),"
		 " CASE WHEN e.seq IS NOT NULL THEN " BODY " END"
		 " FROM unnest($1) AS u (w) CROSS JOIN LATERAL (SELECT r.webhook_id, r.log_id, r.seq FROM "
		 "webchatt.webhook_retries r"
		 "  WHERE r.webhook_id = u.w AND r.log_id <> ALL ($2) ORDER BY r.webhook_id, r.log_id LIMIT $3) x"
		 " LEFT JOIN webchatt.feed e ON e.seq = x.seq"
		 " LEFT JOIN LATERAL (SELECT k.message_id, k.attempt FROM webchatt.webhook_log k"
		 "  WHERE k.webhook_id = x.webhook_id AND k.seq = x.seq ORDER BY k.attempt DESC LIMIT 1) l ON true",
		 {UUIDARRAYOID, UUIDARRAYOID, INT4OID, 0}},

	/* $1 webhook, $2 id of the attempt */
	[WC_DONE_RETRIES] =
		{"WITH mine AS MATERIALIZED (SELECT r.webhook_id, r.log_id FROM unnest($1, $2) AS u (w, i)"
		 "  JOIN webchatt.webhook_retries r ON r.webhook_id = u.w AND r.log_id = u.i FOR UPDATE OF r SKIP LOCKED)"
		 " DELETE FROM webchatt.webhook_retries r USING mine WHERE r.webhook_id = mine.webhook_id AND r.log_id = "
		 "mine.log_id",
		 {UUIDARRAYOID, UUIDARRAYOID, 0}},

	/*
	 * Drop events behind $1, $2 rows at most, that are older than $3 seconds, or that nobody
	 * needs any more: those up to $4, a minute old.  Who had not got them is told so.  Returns
	 * the last one dropped and how many there were to choose from.
	 */
	[WC_DROP_EVENTS] =
		{"WITH page AS MATERIALIZED (SELECT seq, created_at < now() - pg_catalog.make_interval(secs => $3)"
		 "   OR seq <= $4 AND created_at < now() - interval '1 minute' AS old"
		 "  FROM webchatt.feed WHERE seq > $1 ORDER BY seq LIMIT $2),"
		 " gone AS (DELETE FROM webchatt.feed e USING page o WHERE e.seq = o.seq AND o.old"
		 "  AND o.seq < coalesce((SELECT min(seq) FROM page WHERE NOT old), o.seq + 1) RETURNING e.seq, e.event_type, "
		 "e.channel_id),"
		 " last AS MATERIALIZED (SELECT max(seq) AS seq FROM gone),"
		 " w AS (UPDATE webchatt.webhook_progress p SET done_upto = last.seq, lost = p.lost + (SELECT count(*) FROM "
		 "gone g"
		 "   WHERE g.seq > p.done_upto AND g.event_type = (SELECT h.event_type FROM webchatt.webhooks h WHERE h.id = "
		 "p.webhook_id)"
		 "   AND (SELECT k.channels IS NULL OR g.channel_id = ANY (k.channels) FROM webchatt.webhooks h"
		 "    LEFT JOIN webchatt.api_keys k ON k.id = h.key_id WHERE h.id = p.webhook_id)"
		 "   AND NOT EXISTS (SELECT FROM webchatt.webhook_log l WHERE l.webhook_id = p.webhook_id AND l.seq = g.seq "
		 "AND l.good))"
		 "  FROM last WHERE p.done_upto < last.seq),"
		 " k AS (UPDATE webchatt.links l SET acknowledged = last.seq, lost = l.lost + (SELECT count(*) FROM gone g "
		 "WHERE g.seq > l.acknowledged"
		 "   AND (SELECT k.channels IS NULL OR g.channel_id = ANY (k.channels) FROM webchatt.api_keys k WHERE k.id = "
		 "l.key_id))"
		 "  FROM last WHERE l.acknowledged < last.seq)"
		 " SELECT (SELECT seq FROM last), (SELECT count(*) FROM page)",
		 {INT8OID, INT4OID, INT4OID, INT8OID, 0}},

	/* $1 before this id, $2 rows of each webhook, $3 not before this one; of a webhook that is gone, all */
	[WC_DROP_LOG] =
		{"WITH RECURSIVE w AS ((SELECT webhook_id FROM webchatt.webhook_log ORDER BY webhook_id LIMIT 1) UNION ALL"
		 "  SELECT (SELECT l.webhook_id FROM webchatt.webhook_log l WHERE l.webhook_id > w.webhook_id ORDER BY "
		 "l.webhook_id LIMIT 1)"
		 "  FROM w WHERE w.webhook_id IS NOT NULL),"
		 " b AS MATERIALIZED (SELECT w.webhook_id, coalesce(h.least, '00000000-0000-0000-0000-000000000000') AS least,"
		 "   coalesce(h.most, 'ffffffff-ffff-ffff-ffff-ffffffffffff') AS most FROM w"
		 "  LEFT JOIN LATERAL (SELECT $3::uuid AS least, $1::uuid AS most FROM webchatt.webhooks h WHERE h.id = "
		 "w.webhook_id) h ON true"
		 "  WHERE w.webhook_id IS NOT NULL),"
		 " old AS MATERIALIZED (SELECT x.webhook_id, x.id FROM b CROSS JOIN LATERAL (SELECT l.webhook_id, l.id FROM "
		 "webchatt.webhook_log l"
		 "   WHERE l.webhook_id = b.webhook_id AND l.id >= b.least AND l.id < b.most ORDER BY l.webhook_id, l.id LIMIT "
		 "$2) x)"
		 " DELETE FROM webchatt.webhook_log l USING old WHERE l.webhook_id = old.webhook_id AND l.id = old.id",
		 {UUIDOID, INT4OID, UUIDOID, 0}},

	/* those that can be read no second time */
	[WC_DROP_ORDERS] = {"DELETE FROM webchatt.event_orders o WHERE NOT EXISTS (SELECT FROM webchatt.outbox x"
						"  WHERE x.hub_id = 0 AND x.xid = o.xid AND x.seq = o.seq)",
						{0}},

	/* $1 API key, $2 method, $3 path, $4 query, $5 body: a request for /v1/organization */
	[WC_REST] = {"SELECT status, body FROM webchatt._rest($1, $2, $3, $4, $5)",
				 {INT4OID, TEXTOID, TEXTOID, TEXTOID, TEXTOID, 0}},
};
