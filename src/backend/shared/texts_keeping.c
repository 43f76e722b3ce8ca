/*
 * texts_keeping.c
 *	  The SQL by which hub connections are kept: registration, repair, what is overdue.
 */
#include "postgres.h"

#include "catalog/pg_type.h"

#include "shared/statements.h"

const Statement wc_texts_keeping[WC_STATEMENTS] = {
	[WC_KEPT_HUBS] = {"SELECT DISTINCT hub_id FROM webchatt.hub_webhooks WHERE hub_id IS NOT NULL", {0}},

	/* webchatt-net was away, so deliveries may have failed */
	[WC_LOOK_AT_LOGS] =
		{"UPDATE webchatt.hub_webhooks SET look_at = NULL WHERE hub_id IS NOT NULL AND look_at IS NOT NULL", {0}},

	[WC_HUB_CALL] = {"SELECT c.method, c.path, c.body, c.wait_ms FROM webchatt._hub_call($1) c", {INT4OID, 0}},

	/* $1 hub, $2 HTTP status, $3 body, $4 error, $5 Retry-After in ms */
	[WC_HUB_ANSWERED] = {"SELECT webchatt._hub_answered($1, $2, $3, $4, $5)",
						 {INT4OID, INT4OID, TEXTOID, TEXTOID, INT4OID, 0}},

	[WC_HUB_FAILED] = {"SELECT webchatt._hub_failed($1, $2)", {INT4OID, TEXTOID, 0}},

	[WC_OVERDUE_CURSOR] = {"SELECT upto FROM webchatt.overdue_scan ORDER BY upto LIMIT 1", {0}},

	[WC_OVERDUE_UPTO] = {"WITH gone AS (DELETE FROM webchatt.overdue_scan)"
						 " INSERT INTO webchatt.overdue_scan (upto) VALUES ($1)",
						 {TIMESTAMPTZOID, 0}},

	[WC_NEXT_CHANNEL] = {"SELECT id FROM webchatt.channels WHERE id > $1 ORDER BY id LIMIT 1", {UUIDOID, 0}},

	/*
	 * $1 channel, $2 $3 ids between which its messages have become old enough, $4
	 * rows to read: which of them nothing was heard of.  Returns how many were
	 * read, and the last one's id.
	 */
	[WC_OVERDUE_FIND] = {"WITH page AS MATERIALIZED (SELECT m.id, m.direction, m.status FROM webchatt.messages m"
						 "  WHERE m.channel_id = $1 AND m.id > $2 AND m.id < $3 ORDER BY m.channel_id, m.id LIMIT $4),"
						 " found AS (INSERT INTO webchatt.overdue_candidates (channel_id, message_id)"
						 "  SELECT $1, id FROM page WHERE direction = 'out' AND status IN ('enqueued', 'sent')"
						 "  ON CONFLICT DO NOTHING)"
						 " SELECT (SELECT count(*) FROM page), (SELECT id FROM page ORDER BY id DESC LIMIT 1)",
						 {UUIDOID, UUIDOID, UUIDOID, INT4OID, 0}},

	/* $1 channel, $2 message: sent only when they were old enough already */
	[WC_OVERDUE_LATE] = {"INSERT INTO webchatt.overdue_candidates (channel_id, message_id)"
						 " SELECT DISTINCT c, i FROM unnest($1, $2) AS u (c, i)"
						 " ON CONFLICT (channel_id, message_id) DO UPDATE SET unanswered = 0, unanswered_at = NULL",
						 {UUIDARRAYOID, UUIDARRAYOID, 0}},

	/* $1 channel, $2 message: sent, and no answer came */
	[WC_OVERDUE_UNANSWERED] =
		{"INSERT INTO webchatt.overdue_candidates AS o (channel_id, message_id, unanswered, unanswered_at)"
		 " SELECT c, i, count(*), now() FROM unnest($1, $2) AS u (c, i) GROUP BY c, i"
		 " ON CONFLICT (channel_id, message_id) DO UPDATE SET"
		 "  unanswered = o.unanswered + excluded.unanswered, unanswered_at = excluded.unanswered_at",
		 {UUIDARRAYOID, UUIDARRAYOID, 0}},

	/*
	 * $1 $2 behind this candidate, $3 rows to read: those go of which something
	 * was heard since.  Returns how many were read, and the last one.
	 */
	[WC_OVERDUE_PRUNE] =
		{"WITH page AS MATERIALIZED (SELECT c.channel_id, c.message_id, c.unanswered, c.since"
		 "   FROM webchatt.overdue_candidates c WHERE (c.channel_id, c.message_id) > ($1, $2)"
		 "   ORDER BY c.channel_id, c.message_id LIMIT $3),"
		 " heard AS MATERIALIZED (SELECT p.channel_id, p.message_id FROM page p"
		 "  LEFT JOIN LATERAL (SELECT m.status FROM webchatt.messages m"
		 "   WHERE m.channel_id = p.channel_id AND m.id = p.message_id LIMIT 1) m ON true"
		 "  WHERE p.since < now() - interval '30 days' OR CASE WHEN p.unanswered = 0"
		 "   THEN m.status IN ('enqueued', 'sent') ELSE m.status = 'queued' END IS NOT TRUE),"
		 " gone AS (DELETE FROM webchatt.overdue_candidates c USING heard h"
		 "  WHERE c.channel_id = h.channel_id AND c.message_id = h.message_id)"
		 " SELECT count(*) OVER (), p.channel_id, p.message_id FROM page p ORDER BY 2 DESC, 3 DESC LIMIT 1",
		 {UUIDOID, UUIDOID, INT4OID, 0}},
};
