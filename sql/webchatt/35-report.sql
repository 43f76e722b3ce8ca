----------------------------------------------------------------------------
-- What happened, by day and channel
----------------------------------------------------------------------------

/*
 * Ids of messages are times, so a day of a channel is one range of a primary key, of messages and of
 * statuses alike, and only what crosses midnight is looked up beside it, by conversation.  The settings keep it
 * so, whatever the tables' statistics say: what is read is in proportion to the day, not to the tables.
 *
 * A turn is what makes somebody wait or not: a message of the visitor's, or a final one to them.
 */
CREATE FUNCTION webchatt._report_day(channel uuid, begins timestamptz, ends timestamptz)
RETURNS TABLE (messages_in bigint, messages_out bigint, conversations bigint, begun bigint, visitors_new bigint,
	answered bigint, unanswered bigint, first_answer_median interval, first_answer_p90 interval, closed bigint, time_to_close_median interval,
	held bigint, expired bigint, failed bigint, ratings bigint, rating_average numeric)
LANGUAGE plpgsql STABLE ROWS 1 SET search_path = pg_catalog, pg_temp SET plan_cache_mode = force_generic_plan
SET jit = off SET enable_seqscan = off SET enable_bitmapscan = off SET enable_hashjoin = off SET enable_mergejoin = off AS $$
#variable_conflict use_column
DECLARE
	lo uuid := webchatt._search_id(begins);
	hi uuid := webchatt._search_id(ends);
	silence CONSTANT interval := '3 days';
BEGIN
	RETURN QUERY WITH said AS MATERIALIZED (
		SELECT m.id, m.visitor, m.direction, m.status, m.created_at, m.direction = 'in' OR m.final AS is_turn
		FROM webchatt.messages m WHERE m.channel_id = channel AND m.id >= lo AND m.id < hi
	), people AS MATERIALIZED (
		SELECT DISTINCT s.visitor FROM said s
	), turns AS (
		SELECT s.id, s.visitor, s.direction, s.created_at, lag(s.created_at) OVER w AS before_at, lag(s.direction) OVER w AS before_was
		FROM said s WHERE s.is_turn WINDOW w AS (PARTITION BY s.visitor ORDER BY s.id)
	), waits AS MATERIALIZED (
		SELECT t.id, t.visitor, t.created_at, coalesce(t.created_at - coalesce(t.before_at, p.created_at) >= silence, true) AS begins_it
		FROM turns t LEFT JOIN LATERAL (SELECT b.created_at, b.direction FROM webchatt.messages b
			WHERE t.before_at IS NULL AND b.channel_id = channel AND b.visitor = t.visitor AND b.id < lo AND (b.direction = 'in' OR b.final)
			ORDER BY b.channel_id DESC, b.visitor DESC, b.id DESC LIMIT 1) p ON true
		WHERE t.direction = 'in' AND (coalesce(t.before_was, p.direction) IS DISTINCT FROM 'in'
			OR t.created_at - coalesce(t.before_at, p.created_at) >= silence)
	), answers AS (
		-- none, where the visitor was silent for so long and then wrote anew: that is another wait
		SELECT w.begins_it, CASE WHEN a.created_at - w.created_at < silence OR NOT EXISTS (
				SELECT FROM (SELECT b.created_at - lag(b.created_at) OVER (ORDER BY b.id) AS gap FROM webchatt.messages b
					WHERE b.channel_id = channel AND b.visitor = w.visitor AND b.id >= w.id AND b.id < a.id AND b.direction = 'in') g
				WHERE g.gap >= silence) THEN a.created_at - w.created_at END AS took
		FROM waits w LEFT JOIN LATERAL (SELECT a.id, a.created_at FROM webchatt.messages a
			WHERE a.channel_id = channel AND a.visitor = w.visitor AND a.id > w.id AND a.direction = 'out' AND a.final
			ORDER BY a.channel_id, a.visitor, a.id LIMIT 1) a ON true
	), closings AS MATERIALIZED (
		SELECT k.closed_at - b.began AS took
		FROM webchatt.closings k
		LEFT JOIN LATERAL (SELECT p.closed_upto FROM webchatt.closings p
			WHERE p.channel_id = channel AND p.visitor = k.visitor AND p.closed_upto < k.closed_upto
			ORDER BY p.channel_id DESC, p.visitor DESC, p.closed_upto DESC LIMIT 1) before ON true
		CROSS JOIN LATERAL (SELECT coalesce(before.closed_upto, '00000000-0000-0000-0000-000000000000') AS closed_upto OFFSET 0) o
		CROSS JOIN LATERAL (SELECT min(h.created_at) AS began FROM (
			SELECT g.direction, g.created_at, max(g.created_at) FILTER (WHERE g.gap IS NULL OR g.gap >= silence) OVER () AS anew
			FROM (SELECT l.direction, l.created_at, l.created_at - lag(l.created_at) OVER (ORDER BY l.id) AS gap
				FROM (SELECT t.id, t.direction, t.created_at FROM webchatt.messages t
					WHERE t.channel_id = channel AND t.visitor = k.visitor AND t.id <= k.closed_upto AND t.id > o.closed_upto
					ORDER BY t.channel_id DESC, t.visitor DESC, t.id DESC LIMIT 1000) l) g) h
			WHERE h.direction = 'in' AND h.created_at >= h.anew) b
		WHERE k.channel_id = channel AND k.closed_at >= begins AND k.closed_at < ends
			-- whose messages the caller may not read
			AND (NOT row_security_active('webchatt.messages'::regclass) OR (SELECT true FROM webchatt.messages m
				WHERE m.channel_id = channel AND m.visitor = k.visitor ORDER BY m.channel_id DESC, m.visitor DESC, m.id DESC LIMIT 1))
	)
	SELECT s.messages_in, s.messages_out, s.conversations, a.begun, n.visitors_new, a.answered, a.waits - a.answered, a.median, a.p90,
		k.closed, k.median, h.held, s.expired, s.failed, r.ratings, r.average
	FROM (SELECT count(*) FILTER (WHERE s.direction = 'in') AS messages_in, count(*) FILTER (WHERE s.direction = 'out') AS messages_out,
			count(*) FILTER (WHERE s.status = 'expired') AS expired, count(*) FILTER (WHERE s.status = 'failed') AS failed,
			(SELECT count(*) FROM people) AS conversations FROM said s) s,
		(SELECT count(*) AS waits, count(*) FILTER (WHERE a.begins_it) AS begun, count(a.took) AS answered,
			percentile_cont(0.5) WITHIN GROUP (ORDER BY a.took) AS median, percentile_cont(0.9) WITHIN GROUP (ORDER BY a.took) AS p90 FROM answers a) a,
		(SELECT count(*) AS visitors_new FROM people p JOIN webchatt.visitors v ON v.channel_id = channel AND v.id = p.visitor
			-- (the row is a moment older than the message, which may have midnight between them)
			WHERE v.first_seen >= begins - interval '1 day' AND NOT EXISTS (SELECT FROM webchatt.messages b
				WHERE b.channel_id = channel AND b.visitor = p.visitor AND b.id < lo)) n,
		(SELECT count(*) AS closed, percentile_cont(0.5) WITHIN GROUP (ORDER BY c.took) AS median FROM closings c) k,
		-- (by FILTER: an index that ends in the status would be read from one end to the other)
		(SELECT count(DISTINCT t.message_id) FILTER (WHERE t.status = 'held') AS held FROM webchatt.statuses t
			WHERE t.channel_id = channel AND t.message_id >= lo AND t.message_id < hi) h,
		(SELECT count(*) AS ratings, round(avg(r.value), 2) AS average FROM webchatt.ratings r
			WHERE r.channel_id = channel AND r.rated_at >= begins AND r.rated_at < ends) r;
END
$$;
COMMENT ON FUNCTION webchatt._report_day(uuid, timestamptz, timestamptz) IS 'webchatt''s own: one row of webchatt.report()';

CREATE FUNCTION webchatt.report(since date DEFAULT NULL, until date DEFAULT NULL, channel uuid DEFAULT NULL, time_zone text DEFAULT 'UTC')
RETURNS TABLE (day date, channel_id uuid, messages_in bigint, messages_out bigint, conversations bigint, begun bigint, visitors_new bigint,
	answered bigint, unanswered bigint, first_answer_median interval, first_answer_p90 interval, closed bigint, time_to_close_median interval,
	held bigint, expired bigint, failed bigint, ratings bigint, rating_average numeric)
LANGUAGE plpgsql STABLE ROWS 100 SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
	last_day date;
	first_day date;
BEGIN
	IF time_zone IS NULL THEN
		RAISE EXCEPTION 'the time zone is NULL' USING ERRCODE = 'null_value_not_allowed', HINT = 'Give for example ''UTC'' or ''Europe/Lisbon''.';
	END IF;
	BEGIN
		last_day := coalesce(until, (now() AT TIME ZONE time_zone)::date);
	EXCEPTION WHEN invalid_parameter_value THEN
		RAISE EXCEPTION 'there is no time zone "%"', left(time_zone, 100) USING ERRCODE = 'invalid_parameter_value',
			HINT = 'Give for example ''UTC'' or ''Europe/Lisbon''; SELECT name FROM pg_timezone_names lists them.';
	END;
	IF last_day NOT BETWEEN '1970-01-01' AND '9999-12-30' OR since NOT BETWEEN '1970-01-01' AND '9999-12-30' THEN
		RAISE EXCEPTION 'a report from % to %', coalesce(since::text, 'NULL'), last_day USING ERRCODE = 'invalid_parameter_value',
			HINT = 'Give days from 1970-01-01 to 9999-12-30.';
	END IF;
	first_day := coalesce(since, last_day - 29);
	IF first_day > last_day OR last_day - first_day >= 400 THEN
		RAISE EXCEPTION 'a report from % to %', first_day, last_day USING ERRCODE = 'invalid_parameter_value',
			DETAIL = CASE WHEN first_day > last_day THEN 'It ends before it begins.' ELSE format('These are %s days.', last_day - first_day + 1) END,
			HINT = 'Both days are in it. Give at most 400.';
	END IF;
	IF channel IS NOT NULL AND NOT EXISTS (SELECT FROM webchatt.channels c WHERE c.id = channel) THEN
		RAISE EXCEPTION 'there is no channel %', channel USING ERRCODE = 'undefined_object',
			HINT = 'SELECT id, display_name FROM webchatt.channels lists them.';
	END IF;
	RETURN QUERY SELECT d.day, c.id, r.*
		FROM generate_series(0, last_day - first_day) n
		CROSS JOIN LATERAL (SELECT first_day + n AS day) d
		CROSS JOIN webchatt.channels c
		CROSS JOIN LATERAL webchatt._report_day(c.id, d.day::timestamp AT TIME ZONE time_zone, (d.day + 1)::timestamp AT TIME ZONE time_zone) r
		WHERE (c.id = channel OR channel IS NULL) AND (r.conversations > 0 OR r.ratings > 0 OR r.closed > 0)
		ORDER BY d.day, c.id;
END
$$;
COMMENT ON FUNCTION webchatt.report(date, date, uuid, text) IS
	'what happened, a row for each day and channel on which anything did, from one day to another, both in it (NULL: the last 30 days), 400 at most. Days are those of time_zone; a message belongs to the day of the time in its id. '
	'A wait begins with the visitor''s message that is the first behind the last final answer, or behind three days without a message of theirs or a final answer. It ends with the next final answer, by whomever, a person or a function, with or without an author, counted from when it was written, whatever became of it; final => false is none. If the visitor is silent for three days and then writes anew, the first wait stays unanswered. A wait counts on the day it began, answered then or later. '
	'begun: waits behind three days without a message of theirs or a final answer, or behind nothing. '
	'closed: how often a conversation was closed that day, whether it was opened again or not (webchatt.closings); time to close: from the visitor''s first message behind the closing before, and behind three days without any (of the last 1000), to that. '
	'What left, or the caller may not read, is not counted';

CREATE VIEW webchatt.report_by_day AS
	SELECT r.day, c.display_name AS channel, r.channel_id, r.messages_in, r.messages_out, r.conversations, r.begun, r.visitors_new, r.answered, r.unanswered,
		r.first_answer_median, r.first_answer_p90, r.closed, r.time_to_close_median, r.held, r.expired, r.failed, r.ratings, r.rating_average
	FROM webchatt.report() r JOIN webchatt.channels c ON c.id = r.channel_id
	ORDER BY r.day DESC, c.display_name, r.channel_id;
COMMENT ON VIEW webchatt.report_by_day IS 'webchatt.report() of the last 30 days in UTC, the latest first';
COMMENT ON COLUMN webchatt.report_by_day.day IS 'the day, in UTC';
COMMENT ON COLUMN webchatt.report_by_day.channel IS 'the channel''s display name';
COMMENT ON COLUMN webchatt.report_by_day.messages_in IS 'messages of visitors';
COMMENT ON COLUMN webchatt.report_by_day.messages_out IS 'messages to visitors, whatever became of them';
COMMENT ON COLUMN webchatt.report_by_day.conversations IS 'those with a message that day';
COMMENT ON COLUMN webchatt.report_by_day.begun IS 'how often a visitor wrote for the first time, or behind three days of silence';
COMMENT ON COLUMN webchatt.report_by_day.visitors_new IS 'visitors whose first message, in either direction, is of that day';
COMMENT ON COLUMN webchatt.report_by_day.answered IS 'waits that began that day and were answered, then or later';
COMMENT ON COLUMN webchatt.report_by_day.unanswered IS 'waits that began that day and were not, a last "thank you" among them';
COMMENT ON COLUMN webchatt.report_by_day.first_answer_median IS 'how long those answered took: half of them no longer. Null: none was';
COMMENT ON COLUMN webchatt.report_by_day.first_answer_p90 IS 'how long those answered took: nine of ten no longer. Null: none was';
COMMENT ON COLUMN webchatt.report_by_day.closed IS 'how often a conversation was closed that day, whether it was opened again or not';
COMMENT ON COLUMN webchatt.report_by_day.time_to_close_median IS 'how long those closed had gone on, from the visitor''s first message behind the closing before: half of them no longer. Null: none was closed, or no visitor had written';
COMMENT ON COLUMN webchatt.report_by_day.held IS 'messages of that day to visitors who were away, whether they have come back or not';
COMMENT ON COLUMN webchatt.report_by_day.expired IS 'messages of that day that are expired';
COMMENT ON COLUMN webchatt.report_by_day.failed IS 'messages of that day that failed';
COMMENT ON COLUMN webchatt.report_by_day.ratings IS 'conversations that were rated that day';
COMMENT ON COLUMN webchatt.report_by_day.rating_average IS 'the average of these ratings, from 1 to 5. Null: there is none';
