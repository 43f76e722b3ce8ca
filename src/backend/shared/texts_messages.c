/*
 * texts_messages.c
 *	  The SQL of configuration, messages, the outbox and visitors.
 */
#include "postgres.h"

#include "catalog/pg_type.h"

#include "shared/statements.h"

/* Has anything of a hub been appended to a child that is not read yet? */
#define UNREAD(child)                                                                                                  \
	{                                                                                                                  \
		"SELECT 1 FROM webchatt." child " WHERE hub_id = $1 AND xid >= $2 UNION ALL"                                   \
		" SELECT 1 FROM unnest($3) x WHERE EXISTS (SELECT FROM webchatt." child " o"                                   \
		"  WHERE o.hub_id = $1 AND o.xid = x) LIMIT 1",                                                                \
		{                                                                                                              \
			INT4OID, XID8OID, XID8ARRAYOID, 0                                                                          \
		}                                                                                                              \
	}

#define OUTBOX_COLUMNS "o.xid, o.seq, o.op, o.channel_id, o.visitor, o.message_id, o.expires_at"

/*
 * The three children one by one, each in the order of its index, so that a
 * page costs a page however many rows there are.
 */
#define FROM_CHILDREN(what, order, limit)                                                                              \
	"(SELECT " OUTBOX_COLUMNS ", 0 FROM webchatt.outbox_0 o WHERE " what " ORDER BY " order " LIMIT " limit ")"        \
	" UNION ALL (SELECT " OUTBOX_COLUMNS ", 1 FROM webchatt.outbox_1 o WHERE " what " ORDER BY " order " LIMIT " limit \
	")"                                                                                                                \
	" UNION ALL (SELECT " OUTBOX_COLUMNS ", 2 FROM webchatt.outbox_2 o WHERE " what " ORDER BY " order " LIMIT " limit \
	")"

/* Between the cursor $2 $3 and the horizon $4 $5. */
#define AHEAD                                                                                                          \
	"o.hub_id = $1 AND (o.xid, o.seq) > ($2, $3) AND o.xid < $4"                                                       \
	" AND pg_catalog.pg_visible_in_snapshot(o.xid, (SELECT ($5)::text::pg_catalog.pg_snapshot))"

/* That is a channel of the local hub. */
#define IS_LOCAL(channel)                                                                                              \
	"EXISTS (SELECT FROM webchatt.channels lc WHERE lc.id = " channel " AND lc.public_key IS NOT NULL)"

/* It came by the REST API: see send_requests.c. */
#define BY_API(m) "left(" m ".dedupe_key, 4) = 'api:'"

#define ANYBODY_WANTS "(EXISTS (SELECT FROM webchatt.webhooks) OR EXISTS (SELECT FROM webchatt.links))"

/* What webhooks and links are told of the new rows of statuses ("added"), if they want to know. */
#define TELL(wanted)                                                                                                   \
	" told AS (INSERT INTO webchatt.feed (event_type, channel_id, visitor, message_id, status, at, error_code, "       \
	"error_message)"                                                                                                   \
	"  SELECT 'MessageStatus', a.channel_id, tm.visitor, a.message_id,"                                                \
	"   CASE WHEN a.status IN ('expired', 'cancelled') THEN 'failed' ELSE a.status END, a.at,"                         \
	"   CASE WHEN a.status IN ('expired', 'cancelled') THEN a.status ELSE a.error_code END, a.error_message"           \
	"  FROM added a JOIN webchatt.messages tm ON tm.channel_id = a.channel_id AND tm.id = a.message_id"                \
	"  WHERE " wanted " AND a.status IN ('sent', 'delivered', 'read', 'failed', 'expired', 'cancelled')"               \
	"   AND " BY_API("tm") " AND " IS_LOCAL("a.channel_id") " ORDER BY a.id)"

/*
 * A page of messages: how many it has, and of them those that are queued, with their
 * visitors, and the last one.
 */
#define STRAYS(where)                                                                                                  \
	"WITH page AS MATERIALIZED (SELECT m.channel_id, m.id, m.visitor, m.expires_at, m.direction = 'out' AND m.status " \
	"= 'queued' AS queued,"                                                                                            \
	"   row_number() OVER (ORDER BY m.channel_id, m.id) AS n"                                                          \
	"  FROM (SELECT m.channel_id, m.id, m.visitor, m.direction, m.status, m.expires_at"                                \
	"   FROM webchatt.messages m WHERE " where " LIMIT $3) m),"                                                        \
	" size AS (SELECT count(*) AS rows FROM page)"                                                                     \
	" SELECT s.rows, p.channel_id, p.id, CASE WHEN p.queued THEN p.visitor END, p.expires_at"                          \
	" FROM page p, size s WHERE p.queued OR p.n = s.rows ORDER BY p.n"

#define ADDED "RETURNING id, channel_id, message_id, status, at, error_code, error_message"

const Statement wc_texts_messages[WC_STATEMENTS] = {
	[WC_READ_HUBS] = {"SELECT id, name, api_url, api_key, state = 'stopped', kind = 'local', inbound = 'link' FROM "
					  "webchatt.hubs ORDER BY id",
					  {0}},

	/* what signs events for hubs' own endpoints */
	[WC_READ_HUB_SECRETS] = {"SELECT hub_id, secret, CASE WHEN old_secret_until > now() THEN old_secret END,"
							 " ceil(extract(epoch FROM old_secret_until))::bigint FROM webchatt.hub_webhooks"
							 " WHERE hub_id IS NOT NULL AND secret IS NOT NULL ORDER BY hub_id, event_type",
							 {0}},

	/* a row for each channel and webhook; the channel alone where it has none */
	[WC_READ_CHANNELS] = {"SELECT c.id, c.hub_id, c.kind, coalesce(w.accept_unsigned, false), w.secret,"
						  " CASE WHEN w.old_secret_until > now() THEN w.old_secret END,"
						  " ceil(extract(epoch FROM w.old_secret_until))::bigint, h.kind = 'local' AND c.public_key IS "
						  "NOT NULL, c.public_key, c.display_name,"
						  " (SELECT string_agg(o.origin, ' ' ORDER BY o.origin) FROM webchatt.origins o WHERE "
						  "o.channel_id = c.id), c.newcomers_paused"
						  " FROM webchatt.channels c JOIN webchatt.hubs h ON h.id = c.hub_id"
						  " LEFT JOIN webchatt.hub_webhooks w ON w.channel_id = c.id"
						  " ORDER BY c.id, w.event_type",
						  {0}},

	[WC_READ_KEYS] = {"SELECT id, key_hash, ('send' = ANY (scopes))::int + 2 * ('webhooks' = ANY (scopes))::int + 4 * "
					  "('link' = ANY (scopes))::int,"
					  " (SELECT string_agg(uuid_send(c), '') FROM unnest(channels) c)"
					  " FROM webchatt.api_keys WHERE revoked_at IS NULL ORDER BY id",
					  {0}},

	[WC_STOP_HUB] = {"UPDATE webchatt.hubs SET state = 'stopped', state_reason = $3, state_since = now()"
					 " WHERE id = $1 AND api_key = $2 AND state <> 'stopped'",
					 {INT4OID, TEXTOID, TEXTOID, 0}},

	/*
	 * $1 channel, $2 id, $3 visitor, $4 the hub's id, $5 the hub's time, $6 body, $7 are there
	 * webhooks or links that want to know; returns how many were new
	 */
	[WC_INSERT_MESSAGES] =
		{"WITH e AS MATERIALIZED (SELECT n, c, i, v, h, t, b::jsonb AS b"
		 "  FROM unnest($1, $2, $3, $4, $5, $6) WITH ORDINALITY AS e (c, i, v, h, t, b, n)),"
		 " seen AS (INSERT INTO webchatt.visitors AS x (channel_id, id, first_seen, last_seen)"
		 "  SELECT DISTINCT c, v, now(), now() FROM e WHERE NOT EXISTS (SELECT FROM webchatt.visitors y"
		 "   WHERE y.channel_id = e.c AND y.id = e.v AND y.last_seen > now() - interval '1 minute')"
		 "  ON CONFLICT (channel_id, id) DO UPDATE SET last_seen = excluded.last_seen),"
		 " added AS (INSERT INTO webchatt.messages (channel_id, id, visitor, direction, status, content,"
		 "   hub_message_id, hub_time, extra)"
		 "  SELECT c, i, v, 'in', 'received', b -> 'content', h, t,"
		 "   nullif(b - '{eventType,channelId,messageId,from,timestamp,channel,content}'::text[], '{}')"
		 "  FROM e ORDER BY n"
		 "  ON CONFLICT (channel_id, hub_message_id) WHERE hub_message_id IS NOT NULL DO NOTHING"
		 "  RETURNING channel_id, id, visitor),"
		 " told AS (INSERT INTO webchatt.feed (event_type, channel_id, visitor, message_id)"
		 "  SELECT 'Message', channel_id, visitor, id FROM added WHERE $7 AND " IS_LOCAL(
			 "channel_id") " ORDER BY id)"
						   " SELECT count(*) FROM added",
		 {UUIDARRAYOID, UUIDARRAYOID, TEXTARRAYOID, TEXTARRAYOID, TIMESTAMPTZARRAYOID, TEXTARRAYOID, BOOLOID, 0}},

	/* $1 channel, $2 the hub's id: which rows are those, by the number of the array element */
	[WC_FIND_MESSAGES] = {"SELECT u.n::int, m.id FROM unnest($1, $2) WITH ORDINALITY AS u (c, h, n)"
						  " JOIN webchatt.messages m ON m.channel_id = u.c AND m.hub_message_id = u.h",
						  {UUIDARRAYOID, TEXTARRAYOID, 0}},

	/*
	 * Statuses from the hub: $1 channel, $2 the hub's message id, $3 status as
	 * it came, $4 what it means (null: nothing), $5 time, $6 code, $7 text, $8
	 * body, $9 the visitor of a local channel who says so: then the id is ours,
	 * and what is not that visitor's is passed over; $10 the hub of one whose channel
	 * is not known (all zeros), $11 as $7 above.  Known ones are appended and
	 * move the message forward; the others wait in early_statuses.  Returns how many were new, and the visitors that
	 * showed up by them: at least one row.
	 */
	[WC_RECORD_STATUSES] =
		{"WITH e AS MATERIALIZED (SELECT c, h, s, s2::webchatt.message_status AS means, coalesce(t, now()) AS t,"
		 "   code, msg, nullif(b::jsonb - "
		 "'{eventType,channelId,messageId,status,timestamp,channel,errorCode,errorMessage}'::text[], '{}') AS extra,"
		 "   v, b2, NOT EXISTS (SELECT FROM webchatt.statuses k WHERE k.channel_id = e.c AND k.hub_message_id = e.h"
		 "    AND k.status = e.s) AS is_new,"
		 "   CASE WHEN v IS NULL THEN (SELECT k.message_id FROM webchatt.statuses k"
		 "     WHERE k.channel_id = e.c AND k.hub_message_id = e.h LIMIT 1)"
		 "    ELSE (SELECT o.id FROM webchatt.messages o WHERE o.channel_id = e.c AND o.id = e.h::uuid"
		 "     AND o.visitor = e.v AND o.direction = 'out') END AS m"
		 "  FROM unnest($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) AS e (c, h, s, s2, t, code, msg, b, v, b2)),"
		 " early AS (INSERT INTO webchatt.early_statuses (channel_id, hub_message_id, status, means, at,"
		 "   error_code, error_message, extra, hub_id)"
		 "  SELECT c, h, s, means, t, code, msg, extra, b2 FROM e WHERE m IS NULL AND v IS NULL ON CONFLICT DO NOTHING "
		 "RETURNING 1),"
		 " added AS (INSERT INTO webchatt.statuses (channel_id, message_id, status, hub_message_id, at,"
		 "   error_code, error_message, extra)"
		 "  SELECT c, m, s, h, t, code, msg, extra FROM e WHERE m IS NOT NULL"
		 "  ON CONFLICT (channel_id, hub_message_id, status) DO NOTHING " ADDED ")," TELL(
			 "$11") ","
					" best AS (SELECT DISTINCT ON (c, m) c AS channel_id, m AS message_id, means, code, msg FROM e"
					"  WHERE is_new AND m IS NOT NULL AND means IS NOT NULL ORDER BY c, m, means DESC),"
					" moved AS (UPDATE webchatt.messages m SET status = b.means, status_at = now(),"
					"  error_code = CASE WHEN b.means = 'failed' THEN b.code END,"
					"  error_message = CASE WHEN b.means = 'failed' THEN b.msg END"
					"  FROM best b WHERE m.channel_id = b.channel_id AND m.id = b.message_id AND m.status < b.means"
					"  RETURNING m.channel_id, m.visitor, m.status)"
					" SELECT (SELECT count(*) FROM early) + (SELECT count(*) FROM added), d.channel_id, d.visitor"
					" FROM (VALUES (1)) one LEFT JOIN moved d ON d.status >= 'delivered'",
		 {UUIDARRAYOID, TEXTARRAYOID, TEXTARRAYOID, TEXTARRAYOID, TIMESTAMPTZARRAYOID, TEXTARRAYOID, TEXTARRAYOID,
		  TEXTARRAYOID, TEXTARRAYOID, INT4ARRAYOID, BOOLOID, 0}},

	/*
	 * $1 hub, $2 its message id: in which of the hub's channels that was sent, by
	 * the number of the array element.
	 */
	[WC_FIND_CHANNELS] =
		{"WITH c AS MATERIALIZED (SELECT id, hub_id FROM webchatt.channels WHERE hub_id = ANY ($1))"
		 " SELECT u.n::int, k.id FROM unnest($1, $2) WITH ORDINALITY AS u (b, h, n)"
		 " CROSS JOIN LATERAL (SELECT c.id FROM c WHERE c.hub_id = u.b AND EXISTS (SELECT FROM webchatt.statuses s"
		 "  WHERE s.channel_id = c.id AND s.hub_message_id = u.h) LIMIT 1) k",
		 {INT4ARRAYOID, TEXTARRAYOID, 0}},

	/*
	 * What became of sends: $1 channel, $2 message, $3 what it means, $4 the
	 * hub's word or ours, $5 the hub's message id, $6 code, $7 text, $8 as $7
	 * above.  What was sent although it had been cancelled, was sent.
	 */
	[WC_RECORD_OUTCOMES] =
		{"WITH o AS MATERIALIZED (SELECT c, i, s2::webchatt.message_status AS means, s, h, code, msg"
		 "  FROM unnest($1, $2, $3, $4, $5, $6, $7) AS o (c, i, s2, s, h, code, msg)),"
		 " added AS (INSERT INTO webchatt.statuses (channel_id, message_id, status, hub_message_id,"
		 "   error_code, error_message)"
		 "  SELECT c, i, s, h, code, msg FROM o"
		 "  ON CONFLICT (channel_id, hub_message_id, status) DO NOTHING " ADDED
		 ")," TELL("$8") " UPDATE webchatt.messages m SET status = o.means, status_at = now(),"
						 "  error_code = o.code, error_message = o.msg"
						 " FROM o WHERE m.channel_id = o.c AND m.id = o.i"
						 "  AND (m.status < o.means OR m.status = 'cancelled' AND o.means IN ('sent', 'enqueued'))",
		 {UUIDARRAYOID, UUIDARRAYOID, TEXTARRAYOID, TEXTARRAYOID, TEXTARRAYOID, TEXTARRAYOID, TEXTARRAYOID, BOOLOID,
		  0}},

/*
	 * What overtook the answer to its send.  The source yields: channel, the channel
	 * that it waits under (all zeros: the event named none) and then its hub,
	 * the hub's message id, message.
	 */
#define NO_CHANNEL "'00000000-0000-0000-0000-000000000000'::pg_catalog.uuid"
#define EARLY(source, wanted)                                                                                          \
	"WITH moved AS (DELETE FROM webchatt.early_statuses e USING (" source ") o (c, k, b, h, i)"                        \
	"  WHERE e.channel_id = o.k AND e.hub_message_id = o.h AND (o.b IS NULL OR e.hub_id = o.b)"                        \
	"  RETURNING o.c AS channel_id, o.i, e.hub_message_id, e.status, e.means, e.at, e.recorded_at,"                    \
	"   e.error_code, e.error_message, e.extra),"                                                                      \
	" added AS (INSERT INTO webchatt.statuses (channel_id, message_id, status, hub_message_id, at,"                    \
	"   recorded_at, error_code, error_message, extra)"                                                                \
	"  SELECT channel_id, i, status, hub_message_id, at, recorded_at, error_code, error_message, extra FROM moved"     \
	"  ON CONFLICT (channel_id, hub_message_id, status) DO NOTHING " ADDED                                             \
	")," TELL(wanted) ","                                                                                              \
					  " best AS (SELECT DISTINCT ON (channel_id, i) channel_id, i, means, error_code, error_message"   \
					  "  FROM moved WHERE means IS NOT NULL ORDER BY channel_id, i, means DESC)"                       \
					  " UPDATE webchatt.messages m SET status = b.means, status_at = now(),"                           \
					  "  error_code = CASE WHEN b.means = 'failed' THEN b.error_code END,"                             \
					  "  error_message = CASE WHEN b.means = 'failed' THEN b.error_message END"                        \
					  " FROM best b WHERE m.channel_id = b.channel_id AND m.id = b.i AND m.status < b.means"

	/* $1 channel, $2 the hub's message id, $3 message, $4 as $7 above */
	[WC_APPLY_EARLY] = {EARLY("SELECT c, c, NULL::int, h, i FROM unnest($1, $2, $3) AS u (c, h, i)"
							  " UNION ALL SELECT u.c, " NO_CHANNEL
							  ", x.hub_id, u.h, u.i FROM unnest($1, $2, $3) AS u (c, h, i)"
							  "  JOIN webchatt.channels x ON x.id = u.c",
							  "$4"),
						{UUIDARRAYOID, TEXTARRAYOID, UUIDARRAYOID, BOOLOID, 0}},

	/*
	 * Those whose send was recorded by a transaction that did not see them, which is
	 * not long ago.  What names no channel is written by the worker alone, as the
	 * outcomes are, so there are none of these but by a mishap.
	 */
	[WC_SWEEP_EARLY] = {EARLY(
							"SELECT x.channel_id, x.channel_id, NULL::int, x.hub_message_id, k.message_id"
							" FROM webchatt.early_statuses x"
							" CROSS JOIN LATERAL (SELECT s.message_id FROM webchatt.statuses s"
							"  WHERE s.channel_id = x.channel_id AND s.hub_message_id = x.hub_message_id LIMIT 1) k"
							" WHERE x.recorded_at > now() - interval '1 hour'"
							" UNION ALL SELECT k.channel_id, x.channel_id, x.hub_id, x.hub_message_id, k.message_id"
							" FROM webchatt.early_statuses x"
							" CROSS JOIN LATERAL (SELECT s.channel_id, s.message_id FROM webchatt.channels c"
							"  JOIN webchatt.statuses s ON s.channel_id = c.id AND s.hub_message_id = x.hub_message_id"
							"  WHERE c.hub_id = x.hub_id LIMIT 1) k"
							" WHERE x.hub_id IS NOT NULL AND x.recorded_at > now() - interval '1 minute'",
							ANYBODY_WANTS),
						{0}},

	[WC_EXPIRE_EARLY] = {"DELETE FROM webchatt.early_statuses WHERE recorded_at < now() - interval '7 days'", {0}},

	/* $1 channel, $2 visitor, $3 seq, $4 message, $5 expiry, $6 seconds where it has none */
	[WC_HOLD] = {"INSERT INTO webchatt.held (channel_id, visitor, seq, message_id, expires_at)"
				 " SELECT c, v, q, i, coalesce(x, now() + pg_catalog.make_interval(secs => $6))"
				 " FROM unnest($1, $2, $3, $4, $5) AS h (c, v, q, i, x)"
				 " WHERE EXISTS (SELECT FROM webchatt.messages m WHERE m.channel_id = h.c AND m.id = h.i"
				 "  AND m.status = 'held') ON CONFLICT DO NOTHING",
				 {UUIDARRAYOID, TEXTARRAYOID, INT8ARRAYOID, UUIDARRAYOID, TIMESTAMPTZARRAYOID, INT4OID, 0}},

	[WC_ANY_HELD] = {"SELECT 1 FROM webchatt.held LIMIT 1", {0}},

	/* $1 channel, $2 visitor: queue what is held for them */
	[WC_RELEASE] = {"WITH gone AS (DELETE FROM webchatt.held h USING"
					"   (SELECT DISTINCT c, v FROM unnest($1, $2) AS u (c, v)) u"
					"  WHERE h.channel_id = u.c AND h.visitor = u.v RETURNING h.*),"
					" freed AS (UPDATE webchatt.messages m SET status = 'queued', status_at = now() FROM gone g"
					"  WHERE m.channel_id = g.channel_id AND m.id = g.message_id AND m.status = 'held'"
					"  RETURNING m.channel_id, m.visitor, m.id, m.expires_at, g.seq)"
					" SELECT c.hub_id, f.channel_id, f.visitor, f.id, f.seq, f.expires_at"
					" FROM freed f JOIN webchatt.channels c ON c.id = f.channel_id ORDER BY f.seq",
					{UUIDARRAYOID, TEXTARRAYOID, 0}},

	[WC_EXPIRE_HELD] =
		{"WITH over AS MATERIALIZED (SELECT channel_id, visitor, seq FROM webchatt.held WHERE expires_at <= now()"
		 "  ORDER BY expires_at LIMIT 1000 FOR UPDATE SKIP LOCKED),"
		 " gone AS (DELETE FROM webchatt.held h USING over o WHERE h.channel_id = o.channel_id"
		 "  AND h.visitor = o.visitor AND h.seq = o.seq RETURNING h.channel_id, h.message_id),"
		 " done AS (UPDATE webchatt.messages m SET status = 'expired', status_at = now(),"
		 "   error_message = 'the visitor did not come back in time' FROM gone g"
		 "  WHERE m.channel_id = g.channel_id AND m.id = g.message_id AND m.status = 'held'"
		 "  RETURNING m.channel_id, m.id),"
		 " added AS (INSERT INTO webchatt.statuses (channel_id, message_id, status, error_message)"
		 "  SELECT channel_id, id, 'expired', 'the visitor did not come back in time' FROM done " ADDED
		 ")," TELL(ANYBODY_WANTS) " SELECT count(*) FROM added",
		 {0}},

	/* $1 channel, $2 event type, $3 key, $4 visitor, $5 body, $6 sqlstate, $7..$10 reason, detail, hint, context */
	[WC_REJECT] =
		{"INSERT INTO webchatt.rejects AS r (channel_id, event_type, event_key, visitor, body, sqlstate,"
		 "  reason, detail, hint, context) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)"
		 " ON CONFLICT (channel_id, event_type, event_key) DO UPDATE SET tries = r.tries + 1, last_at = now(),"
		 "  body = excluded.body, sqlstate = excluded.sqlstate, reason = excluded.reason,"
		 "  detail = excluded.detail, hint = excluded.hint, context = excluded.context",
		 {UUIDOID, TEXTOID, TEXTOID, TEXTOID, TEXTOID, TEXTOID, TEXTOID, TEXTOID, TEXTOID, TEXTOID, 0}},

	[WC_FIND_REJECT] = {"SELECT channel_id, body FROM webchatt.rejects WHERE id = $1 FOR UPDATE", {INT8OID, 0}},

	[WC_DROP_REJECT] = {"DELETE FROM webchatt.rejects WHERE id = $1", {INT8OID, 0}},

	/* what is no event: $1 channel, $2 hub, $3 as it came, $4 as text, $5 why */
	[WC_REJECT_UNREADABLE] =
		{"INSERT INTO webchatt.rejects AS r (channel_id, hub_id, event_type, event_key, body, raw, sqlstate, reason, "
		 "hint)"
		 " VALUES ($1, $2, 'unreadable', encode(sha256($3), 'hex'), $4,"
		 "  CASE WHEN convert_to($4, 'UTF8') <> $3 THEN $3 END, '22023', $5,"
		 "  'It was answered as taken. Mend its body here, then webchatt.retry_reject(id).')"
		 " ON CONFLICT (channel_id, event_type, event_key) DO UPDATE SET tries = r.tries + 1, last_at = now()",
		 {UUIDOID, INT4OID, BYTEAOID, TEXTOID, TEXTOID, 0}},

	[WC_DELETE_REJECT] = {"DELETE FROM webchatt.rejects WHERE channel_id = $1 AND event_type = $2 AND event_key = $3",
						  {UUIDOID, TEXTOID, TEXTOID, 0}},

	/* transactions that were under way when we last looked: $1 hub, $2 xids, $3 $4 behind, $5 rows */
	[WC_READ_LATE] = {"SELECT l.* FROM unnest($2) x CROSS JOIN LATERAL (" FROM_CHILDREN(
						  "o.hub_id = $1 AND o.xid = x AND (o.xid, o.seq) > ($3, $4)", "o.xid, o.seq",
						  "$5") ") l ORDER BY 1, 2 LIMIT $5",
					  {INT4OID, XID8ARRAYOID, XID8OID, INT8OID, INT4OID, 0}},

	/* $1 hub, $2 $3 behind, $4 before, $5 the snapshot they must be visible in, $6 rows */
	[WC_READ_NEXT] = {FROM_CHILDREN(AHEAD, "o.xid, o.seq", "$6") " ORDER BY 1, 2 LIMIT $6",
					  {INT4OID, XID8OID, INT8OID, XID8OID, TEXTOID, INT4OID, 0}},

	[WC_READ_REQUEUED] = {"SELECT DISTINCT hub_id, channel_id, visitor FROM webchatt.outbox o WHERE op = 'r'"
						  " AND EXISTS (SELECT FROM webchatt.messages m WHERE m.channel_id = o.channel_id"
						  "  AND m.id = o.message_id AND m.status = 'queued')",
						  {0}},

	/* one conversation: $1 channel, $2 visitor, $3 from this seq on, $4 rows */
	[WC_READ_CONVERSATION] = {FROM_CHILDREN("o.channel_id = $1 AND o.visitor = $2 AND o.seq >= $3"
											" AND EXISTS (SELECT FROM webchatt.messages m WHERE m.channel_id = $1"
											" AND m.id = o.message_id AND m.status = 'queued')",
											"o.seq", "$4") " ORDER BY 2 LIMIT $4",
							  {UUIDOID, TEXTOID, INT8OID, INT4OID, 0}},

	/* how much is ahead of the reader: as READ_NEXT, $1 to $5 */
	[WC_COUNT_AHEAD] = {"SELECT count(*) FROM webchatt.outbox o WHERE " AHEAD,
						{INT4OID, XID8OID, INT8OID, XID8OID, TEXTOID, 0}},

	/* $1 channel, $2 message; the number of its array element comes back */
	[WC_TAKE] = {"SELECT u.n::int, m.content::text, EXISTS (SELECT FROM webchatt.held h"
				 "   WHERE h.channel_id = m.channel_id AND h.visitor = m.visitor)"
				 " FROM unnest($1, $2) WITH ORDINALITY AS u (c, i, n)"
				 " JOIN webchatt.messages m ON m.channel_id = u.c AND m.id = u.i"
				 " WHERE m.status = 'queued'",
				 {UUIDARRAYOID, UUIDARRAYOID, 0}},

	/* of each channel the newest, but not from $1 on; some, for not all need be ours */
	[WC_NEWEST_IDS] = {"SELECT n.id FROM webchatt.channels c CROSS JOIN LATERAL (SELECT m.id FROM webchatt.messages m"
					   "  WHERE m.channel_id = c.id AND m.id < $1 ORDER BY m.channel_id DESC, m.id DESC LIMIT 8) n",
					   {UUIDOID, 0}},

	/* the same of channel $1, but not from $2 on */
	[WC_NEWEST_IDS_OF] = {"SELECT m.id FROM webchatt.messages m WHERE m.channel_id = $1 AND m.id < $2"
						  " ORDER BY m.channel_id DESC, m.id DESC LIMIT 8",
						  {UUIDOID, UUIDOID, 0}},

	/* $1 channel, $2 message behind which to look, $3 rows: see STRAYS */
	[WC_STRAYS] = {STRAYS("(m.channel_id, m.id) > ($1, $2) ORDER BY m.channel_id, m.id"),
				   {UUIDOID, UUIDOID, INT4OID, 0}},

	/* the same in one conversation: $4 visitor */
	[WC_STRAYS_OF] = {STRAYS(
						  "m.channel_id = $1 AND m.visitor = $4 AND m.id > $2 ORDER BY m.channel_id, m.visitor, m.id"),
					  {UUIDOID, UUIDOID, INT4OID, TEXTOID, 0}},

	[WC_UNREAD_0] = UNREAD("outbox_0"),
	[WC_UNREAD_1] = UNREAD("outbox_1"),
	[WC_UNREAD_2] = UNREAD("outbox_2"),

	[WC_SEND_CHANNEL] = {"SELECT hub_id, kind, public_key IS NOT NULL FROM webchatt.channels WHERE id = $1",
						 {UUIDOID, 0}},

	/* $1 channel, $2 visitor */
	[WC_SEND_VISITOR] = {"INSERT INTO webchatt.visitors (channel_id, id) VALUES ($1, $2) ON CONFLICT DO NOTHING",
						 {UUIDOID, TEXTOID, 0}},

	/* $1 channel, $2 id, $3 visitor, $4 content, $5 dedupe key, $6 expiry, $7 author, $8 final */
	[WC_SEND_MESSAGE] =
		{"INSERT INTO webchatt.messages (channel_id, id, visitor, direction, status, content, dedupe_key,"
		 "  expires_at, author, final) VALUES ($1, $2, $3, 'out', 'queued', $4, $5, $6, $7, $8)"
		 " ON CONFLICT (channel_id, visitor, dedupe_key) WHERE dedupe_key IS NOT NULL DO NOTHING",
		 {UUIDOID, UUIDOID, TEXTOID, JSONBOID, TEXTOID, TIMESTAMPTZOID, TEXTOID, BOOLOID, 0}},

	[WC_SEND_SAME_KEY] = {"SELECT id, CASE WHEN status = 'failed' THEN coalesce(error_code, 'failed')"
						  "  WHEN status IN ('expired', 'cancelled') THEN status::text END"
						  "  FROM webchatt.messages WHERE channel_id = $1 AND visitor = $2 AND dedupe_key = $3",
						  {UUIDOID, TEXTOID, TEXTOID, 0}},

	/* no row: it was too late; else whose it was, and whether others want to know */
	[WC_CANCEL] =
		{"WITH m AS (UPDATE webchatt.messages SET status = 'cancelled', status_at = now()"
		 "  WHERE channel_id = $1 AND id = $2 AND status IN ('queued', 'held') RETURNING channel_id, id, visitor, "
		 "dedupe_key),"
		 " h AS (DELETE FROM webchatt.held h USING m WHERE h.channel_id = m.channel_id AND h.visitor = m.visitor"
		 "  AND h.message_id = m.id),"
		 " s AS (INSERT INTO webchatt.statuses (channel_id, message_id, status) SELECT channel_id, id, 'cancelled' "
		 "FROM m)"
		 " SELECT m.visitor, coalesce(" BY_API("m") ", false) AND " IS_LOCAL("m.channel_id") " AND " ANYBODY_WANTS
																							 " FROM m",
		 {UUIDOID, UUIDOID, 0}},

	[WC_RETRY] = {"UPDATE webchatt.messages m SET status = 'queued', status_at = now(), error_code = NULL,"
				  "  error_message = NULL, expires_at = CASE WHEN expires_at > now() THEN expires_at END"
				  " FROM webchatt.channels c WHERE c.id = m.channel_id AND m.channel_id = $1 AND m.id = $2"
				  "  AND m.direction = 'out' AND m.status IN ('failed', 'expired', 'cancelled')"
				  " RETURNING c.hub_id, m.visitor, m.expires_at",
				  {UUIDOID, UUIDOID, 0}},

	[WC_INGEST_SECRETS] = {"SELECT w.secret, CASE WHEN w.old_secret_until > now() THEN w.old_secret END, "
						   "coalesce(w.accept_unsigned, false),"
						   " ceil(extract(epoch FROM w.old_secret_until))::bigint"
						   " FROM webchatt.channels c LEFT JOIN webchatt.hub_webhooks w ON w.channel_id = c.id"
						   " WHERE c.id = $1 ORDER BY w.event_type",
						   {UUIDOID, 0}},

	[WC_INGEST_CHANNEL_OF] = {"SELECT c.id FROM webchatt.channels c WHERE EXISTS (SELECT FROM webchatt.statuses s"
							  "  WHERE s.channel_id = c.id AND s.hub_message_id = $1)"
							  " OR (SELECT count(*) FROM webchatt.channels) = 1 ORDER BY 1 LIMIT 1",
							  {TEXTOID, 0}},

	/* $1 channel, $2 visitor, $3 up to this message; the newest of them comes back */
	[WC_MARK_READ] = {"WITH r AS (UPDATE webchatt.messages SET status = 'read', status_at = now()"
					  "  WHERE channel_id = $1 AND visitor = $2 AND direction = 'in' AND status = 'received'"
					  "  AND id <= coalesce($3, 'ffffffff-ffff-ffff-ffff-ffffffffffff') RETURNING id)"
					  " SELECT (SELECT count(*) FROM r), id FROM r ORDER BY id DESC LIMIT 1",
					  {UUIDOID, TEXTOID, UUIDOID, 0}},

	[WC_CLEAR_SESSIONS] = {"DELETE FROM webchatt.sessions", {0}},

#define SEEN_LATELY "now() - interval '1 minute'"

	/* $1 sessions that are over; whose row somebody holds was seen all the same */
	[WC_CLOSE_SESSIONS] =
		{"WITH gone AS (DELETE FROM webchatt.sessions WHERE id = ANY ($1) RETURNING channel_id, visitor),"
		 " seen AS MATERIALIZED (SELECT v.channel_id, v.id FROM webchatt.visitors v"
		 "  WHERE (v.channel_id, v.id) IN (SELECT channel_id, visitor FROM gone)"
		 "  AND v.last_seen < " SEEN_LATELY " FOR UPDATE SKIP LOCKED)"
		 " UPDATE webchatt.visitors v SET last_seen = now() FROM seen s"
		 " WHERE v.channel_id = s.channel_id AND v.id = s.id",
		 {INT8ARRAYOID, 0}},

	/* $1 channel, $2 hash of a token, $3 seconds that one is good for (0: for ever): who that is, by the number of the array element */
	[WC_FIND_TOKENS] = {"SELECT u.n::int, t.visitor FROM unnest($1, $2) WITH ORDINALITY AS u (c, h, n)"
						" JOIN webchatt.visitor_tokens t ON t.channel_id = u.c AND t.token_hash = u.h"
						" WHERE $3 = 0 OR t.created_at > now() - pg_catalog.make_interval(secs => $3)",
						{UUIDARRAYOID, BYTEAARRAYOID, INT4OID, 0}},

	/* $1 channel, $2 visitor, $3 hash of the token, $4 attributes */
	[WC_MAKE_VISITORS] =
		{"WITH e AS MATERIALIZED (SELECT * FROM unnest($1, $2, $3, $4) AS e (c, v, h, a)),"
		 " made AS (INSERT INTO webchatt.visitors (channel_id, id, last_seen, attributes)"
		 "  SELECT c, v, now(), coalesce(a::jsonb, '{}') FROM e)"
		 " INSERT INTO webchatt.visitor_tokens (channel_id, token_hash, visitor) SELECT c, h, v FROM e",
		 {UUIDARRAYOID, TEXTARRAYOID, BYTEAARRAYOID, TEXTARRAYOID, 0}},

	/* those of channels that are gone go too */
	[WC_LOAD_BUDGETS] =
		{"WITH gone AS (DELETE FROM webchatt.budget_levels b WHERE b.channel_id <> "
		 "'00000000-0000-0000-0000-000000000000'"
		 "  AND NOT EXISTS (SELECT FROM webchatt.channels c WHERE c.id = b.channel_id) RETURNING b.channel_id)"
		 " SELECT b.channel_id, b.what, b.used, b.refused,"
		 "  greatest(0, least(extract(epoch FROM clock_timestamp() - b.at), 1000000))::bigint"
		 " FROM webchatt.budget_levels b WHERE NOT EXISTS (SELECT FROM gone g WHERE g.channel_id = b.channel_id)",
		 {0}},

	/* $1 channel, $2 what, $3 used, $4 refused */
	[WC_SAVE_BUDGETS] = {"INSERT INTO webchatt.budget_levels (channel_id, what, used, refused, at)"
						 " SELECT c, w, u, r, clock_timestamp() FROM unnest($1, $2, $3, $4) AS n (c, w, u, r)"
						 " ON CONFLICT (channel_id, what) DO UPDATE SET used = excluded.used, refused = "
						 "excluded.refused, at = excluded.at",
						 {UUIDARRAYOID, TEXTARRAYOID, INT8ARRAYOID, INT8ARRAYOID, 0}},

	/* $1 channel, $2 visitor */
	[WC_SEE_VISITORS] =
		{"WITH seen AS MATERIALIZED (SELECT v.channel_id, v.id FROM webchatt.visitors v"
		 "  JOIN (SELECT DISTINCT c, v FROM unnest($1, $2) AS u (c, v)) u ON v.channel_id = u.c AND v.id = u.v"
		 "  WHERE v.last_seen IS NULL OR v.last_seen < " SEEN_LATELY " FOR UPDATE OF v SKIP LOCKED)"
		 " UPDATE webchatt.visitors v SET last_seen = now() FROM seen s"
		 " WHERE v.channel_id = s.channel_id AND v.id = s.id",
		 {UUIDARRAYOID, TEXTARRAYOID, 0}},

	/* $1 session, $2 channel, $3 visitor */
	[WC_OPEN_SESSIONS] = {"INSERT INTO webchatt.sessions (id, channel_id, visitor) SELECT * FROM unnest($1, $2, $3)"
						  " ON CONFLICT DO NOTHING",
						  {INT8ARRAYOID, UUIDARRAYOID, TEXTARRAYOID, 0}},

	/*
	 * What a visitor's client is shown: $1 channel, $2 visitor, $3 before this
	 * message (null: the newest), $4 not these, $5 messages on a page, $6 bytes after
	 * which no more are taken, $7 messages to look through, $8 one that is under way
	 * (or null).  That is the newest page, and behind it what was sent and
	 * never confirmed, for it may have been lost with a connection; and what lies
	 * among those that the client has: another client got it.  In the form of
	 * doc/protocol.md, the time out of the id; then from which message on nothing
	 * is left out, whether there are older ones than that, and up to which the
	 * visitor's own were read.
	 */
	[WC_PAGE] =
		{"WITH recent AS (SELECT m.id, m.status, m.direction FROM webchatt.messages m"
		 "  WHERE m.channel_id = $1 AND m.visitor = $2 AND m.id < coalesce($3, 'ffffffff-ffff-ffff-ffff-ffffffffffff')"
		 "  AND (m.direction = 'in' OR m.status IN ('enqueued', 'sent', 'delivered', 'read')"
		 "   OR m.id = $8 AND m.status = 'queued')"
		 "  ORDER BY m.channel_id DESC, m.visitor DESC, m.id DESC LIMIT $7),"
		 " seen AS MATERIALIZED (SELECT id, status, direction, row_number() OVER (ORDER BY id DESC) AS n FROM recent),"
		 " stored AS MATERIALIZED (SELECT s.id, s.n, m.direction, m.status, m.content, m.hub_message_id,"
		 "   sum(pg_column_size(m.content)) OVER (ORDER BY s.n) - pg_column_size(m.content) AS newer"
		 "  FROM seen s JOIN webchatt.messages m ON m.channel_id = $1 AND m.id = s.id"
		 "  WHERE (s.n <= $5 OR s.status IN ('enqueued', 'sent')"
		 "   OR s.id > (SELECT h FROM unnest($4) AS h ORDER BY h LIMIT 1)) AND s.id <> ALL ($4)),"
		 " missing AS MATERIALIZED (SELECT id, n, direction, status, hub_message_id,"
		 "  CASE WHEN newer < $6 THEN content::text END AS content FROM stored),"
		 " sized AS (SELECT *, coalesce(sum(octet_length(content)) OVER (ORDER BY n) - octet_length(content), $6) AS "
		 "newer FROM missing),"
		 " taken AS MATERIALIZED (SELECT * FROM sized WHERE newer < $6),"
		 " whole AS MATERIALIZED (SELECT * FROM seen WHERE n <= $5"
		 "  AND n < coalesce((SELECT min(n) FROM sized WHERE newer >= $6), n + 1))"
		 " SELECT (SELECT '[' || coalesce(string_agg(pg_catalog.format("
		 "   '{\"id\":\"%s\",\"direction\":\"%s\",\"at\":%s,\"status\":\"%s\"%s,\"content\":%s}', id, direction,"
		 "   ('x' || translate(left(id::text, 13), '-', ''))::bit(48)::bigint,"
		 "   CASE WHEN status = 'queued' THEN 'sent' ELSE status END,"
		 "   CASE WHEN direction = 'in' THEN ',\"client\":' || to_json(substr(hub_message_id, 38))::text END, content),"
		 "   ',' ORDER BY id), '') || ']' FROM taken),"
		 "  (SELECT id FROM whole ORDER BY n DESC LIMIT 1),"
		 "  (SELECT count(*) FROM seen) > (SELECT count(*) FROM whole),"
		 "  (SELECT id FROM seen WHERE direction = 'in' AND status = 'read' ORDER BY n LIMIT 1)",
		 {UUIDOID, TEXTOID, UUIDOID, UUIDARRAYOID, INT4OID, INT4OID, INT4OID, UUIDOID, 0}},
};
