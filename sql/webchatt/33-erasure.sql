----------------------------------------------------------------------------
-- What the law asks for: a person's data erased, or handed out; and what should not have been typed (doc/erasure.md)
----------------------------------------------------------------------------

/*
 * Who asks erases all that is there in one transaction, in pieces (webchatt._erase_some()). The worker goes on with
 * what a request of the REST API began, and looks again for a while, as transactions were under way.  Then the ids
 * are forgotten, and what stays is that it was done.
 */
CREATE TABLE webchatt.erasures (
	id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
	channel_id uuid NOT NULL,
	visitor_hash bytea NOT NULL CHECK (octet_length(visitor_hash) = 32),
	asked_by text,
	asked_at timestamptz NOT NULL DEFAULT clock_timestamp(),
	erased_at timestamptz,
	done_at timestamptz,
	rows jsonb NOT NULL DEFAULT '{}',
	visitors text[] COLLATE "C" NOT NULL,
	stage text NOT NULL DEFAULT 'log' CHECK (stage IN ('log', 'feed', 'messages', 'done')),
	log_webhook uuid NOT NULL DEFAULT '00000000-0000-0000-0000-000000000000',
	log_id uuid NOT NULL DEFAULT '00000000-0000-0000-0000-000000000000',
	feed_seq bigint NOT NULL DEFAULT 0,
	late_seqs bigint[] NOT NULL DEFAULT '{}',
	looks int NOT NULL DEFAULT 0,
	due timestamptz NOT NULL DEFAULT now(),
	xid xid8 NOT NULL DEFAULT pg_current_xact_id(),
	tries int NOT NULL DEFAULT 0,
	error text,
	archived_rows bigint NOT NULL DEFAULT 0,
	archives_done boolean,
	archives_error text,
	CHECK ((stage = 'done') = (done_at IS NOT NULL))
);
CREATE INDEX erasures_due ON webchatt.erasures (due) WHERE done_at IS NULL;
CREATE INDEX erasures_channel ON webchatt.erasures (channel_id, visitor_hash);
COMMENT ON TABLE webchatt.erasures IS
	'that persons were erased, when and by whom, and how many rows that were; nothing of what was in them. webchatt.erase_visitor() writes it';
COMMENT ON COLUMN webchatt.erasures.channel_id IS 'the channel on which it was';
COMMENT ON COLUMN webchatt.erasures.visitor_hash IS 'webchatt.visitor_hash() of the id that was erased';
COMMENT ON COLUMN webchatt.erasures.asked_by IS 'who asked for it: as erase_visitor() was told, an agent of the desk, a role, or an API key';
COMMENT ON COLUMN webchatt.erasures.asked_at IS 'when that was';
COMMENT ON COLUMN webchatt.erasures.erased_at IS 'when nothing was left of what had been there; null: it goes on';
COMMENT ON COLUMN webchatt.erasures.done_at IS 'when the last look was over for what came meanwhile, and the ids were forgotten; null: it is to come';
COMMENT ON COLUMN webchatt.erasures.rows IS 'how many rows of each table were erased: {"messages": 12, ...}';
COMMENT ON COLUMN webchatt.erasures.visitors IS 'the ids: the one, and those that were joined to it; empty as soon as it is done';
COMMENT ON COLUMN webchatt.erasures.stage IS 'webchatt''s own: what is being erased';
COMMENT ON COLUMN webchatt.erasures.log_webhook IS 'webchatt''s own: the log of deliveries was gone through up to this webhook''s';
COMMENT ON COLUMN webchatt.erasures.log_id IS 'webchatt''s own: and up to this row of it';
COMMENT ON COLUMN webchatt.erasures.feed_seq IS 'webchatt''s own: webchatt.feed was gone through up to this number';
COMMENT ON COLUMN webchatt.erasures.late_seqs IS 'webchatt''s own: events that were erased and may be under way to webhooks, whose log will have them';
COMMENT ON COLUMN webchatt.erasures.looks IS 'webchatt''s own: how often it was looked for more';
COMMENT ON COLUMN webchatt.erasures.due IS 'when the worker goes on';
COMMENT ON COLUMN webchatt.erasures.xid IS 'webchatt''s own: the transaction in which something was found last';
COMMENT ON COLUMN webchatt.erasures.tries IS 'how often in a row the worker could not go on; the pause doubles with each, up to an hour';
COMMENT ON COLUMN webchatt.erasures.error IS 'why, in PostgreSQL''s words; null: it could';
COMMENT ON COLUMN webchatt.erasures.archived_rows IS 'how many rows of archives were erased';
COMMENT ON COLUMN webchatt.erasures.archives_done IS 'whether all archives that the channel ever had were gone through; null: it had none';
COMMENT ON COLUMN webchatt.erasures.archives_error IS 'why that could not be done, in the archive''s words; it is tried again. Null: it could';

CREATE TABLE webchatt.redactions (
	channel_id uuid NOT NULL,
	message_id uuid NOT NULL,
	at timestamptz NOT NULL DEFAULT clock_timestamp(),
	redacted_by text,
	PRIMARY KEY (channel_id, message_id, at)
);
COMMENT ON TABLE webchatt.redactions IS
	'messages whose content was replaced, and by whom; nothing of what it was. webchatt.redact_message() writes it';
COMMENT ON COLUMN webchatt.redactions.message_id IS 'the message in webchatt.messages';
COMMENT ON COLUMN webchatt.redactions.at IS 'when it was replaced';
COMMENT ON COLUMN webchatt.redactions.redacted_by IS 'by whom: as redact_message() was told, an agent of the desk, or a role';

CREATE FUNCTION webchatt.visitor_hash(channel uuid, visitor text) RETURNS bytea
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
	SELECT sha256(convert_to(channel || '/' || visitor, 'UTF8'))
$$;
COMMENT ON FUNCTION webchatt.visitor_hash(uuid, text) IS
	'what webchatt.erasures keeps of an id: the SHA-256 of channel, / and id. The ids of the local hub cannot be guessed; one that can be, a phone number, say, can be found by its hash';

----------------------------------------------------------------------------
-- Erasing
----------------------------------------------------------------------------

CREATE FUNCTION webchatt._erased(erasure uuid, what text, n bigint) RETURNS void
LANGUAGE sql SET search_path = pg_catalog, pg_temp AS $$
	UPDATE webchatt.erasures e SET rows = e.rows || jsonb_build_object(what, coalesce((e.rows ->> what)::bigint, 0) + n),
		looks = 0, xid = pg_current_xact_id()
	WHERE e.id = erasure AND n > 0
$$;
COMMENT ON FUNCTION webchatt._erased(uuid, text, bigint) IS 'webchatt''s own: adds to how many rows of a table were erased';

CREATE FUNCTION webchatt._erase_log(e webchatt.erasures, most int) RETURNS boolean
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET plan_cache_mode = force_generic_plan
SET jit = off SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off AS $$
DECLARE
	n int;
	looked int;
	last webchatt.webhook_log;
BEGIN
	WITH page AS MATERIALIZED (
		SELECT l.webhook_id, l.id, l.message_id FROM webchatt.webhook_log l
		WHERE (l.webhook_id, l.id) > (e.log_webhook, e.log_id)
		ORDER BY l.webhook_id, l.id LIMIT most
	), gone AS (
		DELETE FROM webchatt.webhook_log l USING page p, webchatt.messages m
		WHERE l.webhook_id = p.webhook_id AND l.id = p.id AND m.channel_id = e.channel_id AND m.id = p.message_id AND m.visitor = ANY (e.visitors)
		RETURNING 1
	)
	SELECT (SELECT count(*) FROM page), (SELECT count(*) FROM gone), p.webhook_id, p.id
	INTO looked, n, last.webhook_id, last.id
	FROM (SELECT 1) one LEFT JOIN LATERAL (SELECT p.* FROM page p ORDER BY p.webhook_id DESC, p.id DESC LIMIT 1) p ON true;
	UPDATE webchatt.erasures x SET log_webhook = coalesce(last.webhook_id, x.log_webhook), log_id = coalesce(last.id, x.log_id),
		stage = CASE WHEN looked < most THEN 'feed' ELSE 'log' END
	WHERE x.id = e.id;
	PERFORM webchatt._erased(e.id, 'webhook_log', n);
	RETURN true;
END
$$;
COMMENT ON FUNCTION webchatt._erase_log(webchatt.erasures, int) IS
	'webchatt''s own: goes through so many rows of the log of deliveries, of which those about a person''s messages are erased';

CREATE FUNCTION webchatt._erase_feed(e webchatt.erasures, most int) RETURNS boolean
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET plan_cache_mode = force_generic_plan
SET jit = off SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off AS $$
DECLARE
	looked int;
	last bigint;
	gone bigint[];
	n int;
BEGIN
	WITH page AS MATERIALIZED (
		SELECT f.seq FROM webchatt.feed f WHERE f.seq > e.feed_seq ORDER BY f.seq LIMIT most
	), mine AS (
		DELETE FROM webchatt.feed f USING page p
		WHERE f.seq = p.seq AND f.channel_id = e.channel_id AND f.visitor = ANY (e.visitors)
		RETURNING f.seq
	)
	SELECT (SELECT count(*) FROM page), (SELECT max(p.seq) FROM page p), (SELECT array_agg(m.seq) FROM mine m) INTO looked, last, gone;
	PERFORM webchatt._erased(e.id, 'feed', cardinality(gone));
	-- what is under way is told to its end, and the log hears of it later
	e.late_seqs := ARRAY(SELECT s FROM unnest(e.late_seqs || ARRAY(SELECT s FROM unnest(gone) s
		WHERE s > (SELECT min(p.done_upto) FROM webchatt.webhook_progress p) OR EXISTS (SELECT FROM webchatt.webhook_retries r WHERE r.seq = s))) s
		ORDER BY s DESC LIMIT 20000);
	DELETE FROM webchatt.webhook_retries r WHERE r.seq = ANY (gone);
	DELETE FROM webchatt.webhook_log l USING webchatt.webhooks w WHERE l.webhook_id = w.id AND l.seq = ANY (gone || e.late_seqs);
	GET DIAGNOSTICS n = ROW_COUNT;
	PERFORM webchatt._erased(e.id, 'webhook_log', n);
	UPDATE webchatt.erasures x SET feed_seq = coalesce(last, x.feed_seq), late_seqs = e.late_seqs,
		stage = CASE WHEN looked < most THEN 'messages' ELSE 'feed' END
	WHERE x.id = e.id;
	RETURN true;
END
$$;
COMMENT ON FUNCTION webchatt._erase_feed(webchatt.erasures, int) IS
	'webchatt''s own: goes through so many events for webhooks and links, of which a person''s are erased, and what the log has of them';

CREATE FUNCTION webchatt._drop_named_files(channel uuid, visitors text[], ids uuid[], named text[]) RETURNS int
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET plan_cache_mode = force_generic_plan
SET jit = off SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off AS $$
DECLARE
	used_ids text[];
	n int;
BEGIN
	-- what the text only looks like naming is nobody's use; and a message that is being sent either names one already, or will not
	WITH used AS (
		DELETE FROM webchatt.file_uses u USING webchatt.files f
		WHERE f.id = ANY (named) AND u.channel_id = f.channel_id AND u.file_id = f.id AND u.message_channel_id = channel AND u.message_id = ANY (ids)
		RETURNING u.file_id
	)
	SELECT array_agg(DISTINCT u.file_id) INTO used_ids FROM used u;
	PERFORM FROM webchatt.files f WHERE f.id = ANY (used_ids) ORDER BY f.id FOR UPDATE;
	DELETE FROM webchatt.files f WHERE f.id = ANY (used_ids) AND (f.visitor IS NULL OR f.channel_id = channel AND f.visitor = ANY (visitors))
		AND NOT EXISTS (SELECT FROM webchatt.file_uses u JOIN webchatt.messages m ON m.channel_id = u.message_channel_id AND m.id = u.message_id
			WHERE u.channel_id = f.channel_id AND u.file_id = f.id)
		AND (f.visitor IS NOT NULL OR NOT webchatt._is_set_up(f.id));
	GET DIAGNOSTICS n = ROW_COUNT;
	RETURN n;
END
$$;
COMMENT ON FUNCTION webchatt._drop_named_files(uuid, text[], uuid[], text[]) IS
	'webchatt''s own: drops of these files those that no other message names. Returns how many';

CREATE FUNCTION webchatt._erase_messages(e webchatt.erasures, until timestamptz, most int) RETURNS boolean
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET plan_cache_mode = force_generic_plan
SET jit = off SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off AS $$
DECLARE
	ids uuid[];
	hub_ids text[];
	named text[];
	n int;
BEGIN
	WITH piece AS MATERIALIZED (
		SELECT m.id FROM webchatt.messages m
		WHERE m.channel_id = e.channel_id AND m.visitor = ANY (e.visitors) AND m.created_at <= until LIMIT most FOR UPDATE
	), gone AS (
		DELETE FROM webchatt.messages m USING piece p WHERE m.channel_id = e.channel_id AND m.id = p.id
		RETURNING m.id, m.hub_message_id, m.content
	)
	SELECT array_agg(g.id), array_agg(g.hub_message_id) FILTER (WHERE g.hub_message_id IS NOT NULL),
		(SELECT array_agg(f.m[1]) FROM gone o, regexp_matches(o.content::text, '/files/([A-Za-z0-9_-]{43})', 'g') f (m))
	INTO ids, hub_ids, named FROM gone g;
	PERFORM webchatt._erased(e.id, 'messages', cardinality(ids));
	WITH gone AS (
		DELETE FROM webchatt.statuses s WHERE s.channel_id = e.channel_id AND s.message_id = ANY (ids) RETURNING s.hub_message_id
	)
	SELECT count(*), hub_ids || array_agg(g.hub_message_id) FILTER (WHERE g.hub_message_id IS NOT NULL) INTO n, hub_ids FROM gone g;
	PERFORM webchatt._erased(e.id, 'statuses', n);
	DELETE FROM webchatt.overdue_candidates o WHERE o.channel_id = e.channel_id AND o.message_id = ANY (ids);
	DELETE FROM webchatt.redactions r WHERE r.channel_id = e.channel_id AND r.message_id = ANY (ids);
	PERFORM webchatt._erased(e.id, 'files', webchatt._drop_named_files(e.channel_id, e.visitors, ids, named));
	DELETE FROM webchatt.early_statuses s WHERE s.channel_id IN (e.channel_id, '00000000-0000-0000-0000-000000000000') AND s.hub_message_id = ANY (hub_ids);
	DELETE FROM webchatt.repairs r USING webchatt.channels c
	WHERE c.id = e.channel_id AND r.hub_id = c.hub_id AND (r.message_id = ANY (hub_ids) OR r.event_key = ANY (hub_ids));
	DELETE FROM webchatt.rejects r USING unnest(hub_ids) h (id)
	WHERE r.channel_id = e.channel_id AND (r.event_key = h.id OR r.event_key >= h.id || ' ' AND r.event_key < h.id || '!');
	GET DIAGNOSTICS n = ROW_COUNT;
	PERFORM webchatt._erased(e.id, 'rejects', n);
	RETURN coalesce(cardinality(ids), 0) >= most;
END
$$;
COMMENT ON FUNCTION webchatt._erase_messages(webchatt.erasures, timestamptz, int) IS
	'webchatt''s own: erases so many of a person''s messages that were written until then, and what belongs to them. Are there more?';

CREATE FUNCTION webchatt._erase_beside(e webchatt.erasures, until timestamptz) RETURNS boolean
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET plan_cache_mode = force_generic_plan
SET jit = off SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off AS $$
DECLARE
	files int;
	n int;
BEGIN
	DELETE FROM webchatt.held h WHERE h.channel_id = e.channel_id AND h.visitor = ANY (e.visitors) AND h.held_at <= until;
	GET DIAGNOSTICS n = ROW_COUNT;
	PERFORM webchatt._erased(e.id, 'held', n);
	-- an event that could not be read names nobody, but perhaps in its text; short ids could be in anybody's
	DELETE FROM webchatt.rejects r WHERE r.channel_id IN (e.channel_id, '00000000-0000-0000-0000-000000000000') AND r.first_at <= until
		AND (r.channel_id = e.channel_id AND r.visitor = ANY (e.visitors)
			OR EXISTS (SELECT FROM unnest(e.visitors) v WHERE length(v) >= 16 AND strpos(r.body, v) > 0));
	GET DIAGNOSTICS n = ROW_COUNT;
	PERFORM webchatt._erased(e.id, 'rejects', n);
	-- one may be forty rows
	DELETE FROM webchatt.files f WHERE f.channel_id = e.channel_id AND f.id IN (SELECT o.id FROM webchatt.files o
		WHERE o.channel_id = e.channel_id AND o.visitor = ANY (e.visitors) AND o.created_at <= until LIMIT 20);
	GET DIAGNOSTICS files = ROW_COUNT;
	PERFORM webchatt._erased(e.id, 'files', files);
	RETURN files >= 20;
END
$$;
COMMENT ON FUNCTION webchatt._erase_beside(webchatt.erasures, timestamptz) IS
	'webchatt''s own: erases what there is of a person beside messages, some files at a time. Are there more?';

CREATE FUNCTION webchatt._erase_person(e webchatt.erasures, until timestamptz) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET plan_cache_mode = force_generic_plan
SET jit = off SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off AS $$
DECLARE
	n int;
BEGIN
	DELETE FROM webchatt.visitor_tokens t WHERE t.channel_id = e.channel_id AND t.visitor = ANY (e.visitors) AND t.created_at <= until;
	GET DIAGNOSTICS n = ROW_COUNT;
	PERFORM webchatt._erased(e.id, 'visitor_tokens', n);
	DELETE FROM webchatt.conversation_links l WHERE l.channel_id = e.channel_id AND l.visitor = ANY (e.visitors) AND l.created_at <= until;
	GET DIAGNOSTICS n = ROW_COUNT;
	PERFORM webchatt._erased(e.id, 'conversation_links', n);
	DELETE FROM webchatt.notes x WHERE x.channel_id = e.channel_id AND x.visitor = ANY (e.visitors) AND x.at <= until;
	GET DIAGNOSTICS n = ROW_COUNT;
	PERFORM webchatt._erased(e.id, 'notes', n);
	DELETE FROM webchatt.ratings r WHERE r.channel_id = e.channel_id AND r.visitor = ANY (e.visitors) AND r.rated_at <= until;
	GET DIAGNOSTICS n = ROW_COUNT;
	PERFORM webchatt._erased(e.id, 'ratings', n);
	DELETE FROM webchatt.closings k WHERE k.channel_id = e.channel_id AND k.visitor = ANY (e.visitors) AND k.closed_at <= until;
	GET DIAGNOSTICS n = ROW_COUNT;
	PERFORM webchatt._erased(e.id, 'closings', n);
	DELETE FROM webchatt.unread u WHERE u.channel_id = e.channel_id AND u.visitor = ANY (e.visitors) AND u.noted_at <= until;
	GET DIAGNOSTICS n = ROW_COUNT;
	PERFORM webchatt._erased(e.id, 'unread', n);
	DELETE FROM webchatt.unread_waits w WHERE w.channel_id = e.channel_id AND w.visitor = ANY (e.visitors);
	DELETE FROM webchatt.conversations c USING webchatt.visitors v
	WHERE c.channel_id = e.channel_id AND c.visitor = ANY (e.visitors) AND v.channel_id = c.channel_id AND v.id = c.visitor AND v.first_seen <= until;
	GET DIAGNOSTICS n = ROW_COUNT;
	PERFORM webchatt._erased(e.id, 'conversations', n);
	-- joins go with them
	DELETE FROM webchatt.visitors v WHERE v.channel_id = e.channel_id AND v.id = ANY (e.visitors) AND v.first_seen <= until;
	GET DIAGNOSTICS n = ROW_COUNT;
	PERFORM webchatt._erased(e.id, 'visitors', n);
END
$$;
COMMENT ON FUNCTION webchatt._erase_person(webchatt.erasures, timestamptz) IS
	'webchatt''s own: erases the rows of who somebody is, at which their sessions end';

CREATE FUNCTION webchatt._erase_later(erasure uuid) RETURNS boolean
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET plan_cache_mode = force_generic_plan AS $$
DECLARE
	e webchatt.erasures;
BEGIN
	SELECT * INTO e FROM webchatt.erasures x WHERE x.id = erasure;
	IF e.looks > 4 AND (e.xid < pg_snapshot_xmin(pg_current_snapshot()) OR e.erased_at < now() - interval '1 day') THEN
		UPDATE webchatt.erasures x SET visitors = '{}', late_seqs = '{}', stage = 'done', done_at = now() WHERE x.id = erasure;
	ELSE
		UPDATE webchatt.erasures x SET erased_at = coalesce(x.erased_at, clock_timestamp()), stage = 'feed', looks = least(x.looks + 1, 1000),
			-- until it is committed, whoever begins to write to them still finds them
			xid = CASE WHEN x.looks < 2 THEN pg_current_xact_id() ELSE x.xid END,
			due = clock_timestamp() + (ARRAY['1 second', '5 seconds', '30 seconds', '2 minutes', '5 minutes']::interval[])[least(x.looks + 1, 5)]
		WHERE x.id = erasure;
	END IF;
	RETURN false;
END
$$;
COMMENT ON FUNCTION webchatt._erase_later(uuid) IS
	'webchatt''s own: nothing is left just now; it is looked again five times for what comes late, then the ids are forgotten';

CREATE FUNCTION webchatt._erase_some(erasure uuid, most int) RETURNS boolean
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET plan_cache_mode = force_generic_plan AS $$
DECLARE
	e webchatt.erasures;
	until timestamptz := 'infinity';
	more boolean;
BEGIN
	SELECT * INTO e FROM webchatt.erasures x WHERE x.id = erasure AND x.done_at IS NULL FOR UPDATE;
	IF NOT FOUND THEN
		RETURN false;
	END IF;
	UPDATE webchatt.erasures x SET tries = 0, error = NULL, due = clock_timestamp() + interval '20 milliseconds' WHERE x.id = erasure;
	-- who is erased at a remote hub can come back under the same id
	IF e.erased_at IS NOT NULL AND EXISTS (SELECT FROM webchatt.channels c WHERE c.id = e.channel_id AND c.public_key IS NULL) THEN
		until := e.erased_at;
	END IF;
	PERFORM webchatt._erase_person(e, until);
	IF e.stage = 'log' THEN
		RETURN webchatt._erase_log(e, most * 4);
	ELSIF e.stage = 'feed' THEN
		RETURN webchatt._erase_feed(e, most * 4);
	END IF;
	more := webchatt._erase_messages(e, until, most);
	more := webchatt._erase_beside(e, until) OR more;
	-- of an archive that has been set meanwhile
	PERFORM webchatt._note_erasure(erasure);
	RETURN more OR webchatt._erase_later(erasure);
END
$$;
COMMENT ON FUNCTION webchatt._erase_some(uuid, int) IS
	'webchatt''s own: the next piece of an erasure, so many messages. Returns whether it goes on at once';

CREATE FUNCTION webchatt._begin_erasure(channel uuid, visitor text, asked_by text, only_archived boolean DEFAULT false) RETURNS uuid
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET plan_cache_mode = force_generic_plan AS $$
DECLARE
	person text;
	made uuid;
BEGIN
	-- whoever is being joined to them, or they to somebody, is that, or is not, from here on
	SELECT coalesce(v.joined_to, v.id) INTO person FROM webchatt.visitors v
	WHERE v.channel_id = channel AND v.id = _begin_erasure.visitor FOR UPDATE;
	PERFORM FROM webchatt.visitors v WHERE v.channel_id = channel AND v.id = person FOR UPDATE;
	-- a row that somebody deleted by hand leaves messages; and who left may be in an archive
	IF person IS NULL AND (only_archived OR EXISTS (SELECT FROM webchatt.messages m WHERE m.channel_id = channel AND m.visitor = _begin_erasure.visitor)) THEN
		person := _begin_erasure.visitor;
	END IF;
	IF person IS NULL THEN
		RETURN NULL;
	END IF;
	INSERT INTO webchatt.erasures (channel_id, visitor_hash, visitors, asked_by)
	SELECT channel, webchatt.visitor_hash(channel, person),
		person || ARRAY(SELECT v.id FROM webchatt.visitors v WHERE v.channel_id = channel AND v.joined_to = person), _begin_erasure.asked_by
	RETURNING id INTO made;
	PERFORM webchatt._note_erasure(made);
	PERFORM webchatt._close_sessions(channel, v) FROM (SELECT unnest(e.visitors) FROM webchatt.erasures e WHERE e.id = made) u (v);
	RETURN made;
END
$$;
COMMENT ON FUNCTION webchatt._begin_erasure(uuid, text, text, boolean) IS
	'webchatt''s own: notes who is to be erased, with all who were joined to them, and ends their sessions. only_archived: also who is not here. Null: there is nobody';

CREATE FUNCTION webchatt._erase(channel uuid, visitor text, asked_by text, only_archived boolean) RETURNS uuid
LANGUAGE c AS 'MODULE_PATHNAME', 'webchatt_erase';
COMMENT ON FUNCTION webchatt._erase(uuid, text, text, boolean) IS
	'webchatt''s own: all pieces of an erasure, as webchatt_worker. only_archived: who is not here, and in an archive. Null: there is nobody';

CREATE FUNCTION webchatt._who_asks(said text) RETURNS text
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
	SELECT left(coalesce(said, nullif(current_setting('webchatt.agent', true), ''), current_user), 255)
$$;
COMMENT ON FUNCTION webchatt._who_asks(text) IS 'webchatt''s own: who that is: as it was said, the desk''s agent, or the role';

CREATE FUNCTION webchatt.erase_visitor(channel uuid, visitor text, asked_by text DEFAULT NULL) RETURNS uuid
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	made uuid;
BEGIN
	-- what the caller may see
	IF EXISTS (SELECT FROM webchatt.visitors v WHERE v.channel_id = channel AND v.id = erase_visitor.visitor)
		OR EXISTS (SELECT FROM webchatt.messages m WHERE m.channel_id = channel AND m.visitor = erase_visitor.visitor) THEN
		made := webchatt._erase(channel, erase_visitor.visitor, webchatt._who_asks(erase_visitor.asked_by), false);
	END IF;
	IF made IS NULL AND webchatt._is_archived(channel, erase_visitor.visitor, NULL) THEN
		made := webchatt._erase(channel, erase_visitor.visitor, webchatt._who_asks(erase_visitor.asked_by), true);
	END IF;
	IF made IS NULL THEN
		RAISE EXCEPTION 'channel % has no visitor %', coalesce(channel::text, 'NULL'), coalesce(erase_visitor.visitor, 'NULL')
			USING ERRCODE = 'undefined_object', HINT = 'Take the id from webchatt.visitors; webchatt.erasures says who was erased already.';
	END IF;
	RETURN made;
END
$$;
COMMENT ON FUNCTION webchatt.erase_visitor(uuid, text, text) IS
	'erases a person on a channel: everything of them, and of the ids that were joined to theirs, in one transaction, and what archives have, soon after it. Their open pages begin anew. Returns the id of the record in webchatt.erasures; asked_by: who wants it, by default the agent or the role. The worker looks again for some minutes for what was under way';

----------------------------------------------------------------------------
-- Handing out
----------------------------------------------------------------------------

CREATE FUNCTION webchatt._export_messages(channel uuid, visitors text[], after uuid, most int) RETURNS jsonb
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
	WITH page AS MATERIALIZED (
		SELECT m.*, sum(octet_length(m.content::text)) OVER (ORDER BY m.id) - octet_length(m.content::text) AS before
		FROM (SELECT m.* FROM webchatt.messages m
			WHERE m.channel_id = channel AND m.visitor = ANY (visitors) AND (after IS NULL OR m.id > after)
			ORDER BY m.id LIMIT most) m
	)
	SELECT coalesce(jsonb_agg(jsonb_strip_nulls(jsonb_build_object('id', p.id, 'from', CASE p.direction WHEN 'in' THEN 'visitor' ELSE 'us' END,
		'status', p.status, 'createdAt', p.created_at, 'statusAt', p.status_at, 'hubTime', p.hub_time, 'author', p.author, 'extra', p.extra,
		'error', p.error_message, 'redactedAt', (SELECT max(r.at) FROM webchatt.redactions r WHERE r.channel_id = channel AND r.message_id = p.id),
		'statuses', (SELECT jsonb_agg(jsonb_build_object('status', s.status, 'at', s.at) ORDER BY s.id)
			FROM webchatt.statuses s WHERE s.channel_id = channel AND s.message_id = p.id)))
		|| jsonb_build_object('content', p.content) ORDER BY p.id), '[]')
	FROM page p WHERE most IS NULL OR p.before < 1000000
$$;
COMMENT ON FUNCTION webchatt._export_messages(uuid, text[], uuid, int) IS
	'webchatt''s own: a person''s messages behind that one, so many (null: all) and about 1 MB at most, as export_visitor() has them';

CREATE FUNCTION webchatt._export_beside(channel uuid, person text, visitors text[]) RETURNS jsonb
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
	SELECT jsonb_build_object('channel', jsonb_build_object('id', c.id, 'name', c.display_name), 'exportedAt', now(),
		'visitor', (SELECT jsonb_strip_nulls(jsonb_build_object('id', v.id, 'userId', v.user_id, 'verified', v.verified, 'name', v.name, 'email', v.email,
				'avatar', v.avatar, 'signed', v.signed, 'attributes', v.attributes, 'firstSeen', v.first_seen, 'lastSeen', v.last_seen, 'pageUrl', v.page_url,
				'pageTitle', v.page_title, 'pageAt', v.page_at, 'locale', v.locale, 'timeZone', v.time_zone, 'referrer', v.referrer))
			FROM webchatt.visitors v WHERE v.channel_id = channel AND v.id = person),
		'earlierIds', (SELECT coalesce(jsonb_agg(jsonb_build_object('id', v.id, 'firstSeen', v.first_seen, 'joinedAt', v.joined_at) ORDER BY v.id), '[]')
			FROM webchatt.visitors v WHERE v.channel_id = channel AND v.joined_to = person),
		'devices', (SELECT coalesce(jsonb_agg(jsonb_build_object('since', t.created_at) ORDER BY t.created_at), '[]')
			FROM webchatt.visitor_tokens t WHERE t.channel_id = channel AND t.visitor = ANY (visitors)),
		'links', (SELECT coalesce(jsonb_agg(jsonb_build_object('madeAt', l.created_at, 'expiresAt', l.expires_at) ORDER BY l.created_at, l.token_hash), '[]')
			FROM webchatt.conversation_links l WHERE l.channel_id = channel AND l.visitor = ANY (visitors)),
		'conversations', (SELECT coalesce(jsonb_agg(jsonb_build_object('state', o.state, 'assignee', o.assignee, 'waitingSince', o.waiting_since)), '[]')
			FROM webchatt.conversations o WHERE o.channel_id = channel AND o.visitor = ANY (visitors)),
		'closings', (SELECT coalesce(jsonb_agg(jsonb_build_object('at', k.closed_at, 'by', k.closed_by) ORDER BY k.closed_at, k.closed_upto), '[]')
			FROM webchatt.closings k WHERE k.channel_id = channel AND k.visitor = ANY (visitors)),
		'notes', (SELECT coalesce(jsonb_agg(jsonb_build_object('at', n.at, 'author', n.author, 'text', n.text) ORDER BY n.id), '[]')
			FROM webchatt.notes n WHERE n.channel_id = channel AND n.visitor = ANY (visitors)),
		'ratings', (SELECT coalesce(jsonb_agg(jsonb_build_object('at', r.rated_at, 'value', r.value, 'comment', r.comment) ORDER BY r.rated_at), '[]')
			FROM webchatt.ratings r WHERE r.channel_id = channel AND r.visitor = ANY (visitors)),
		'unread', (SELECT coalesce(jsonb_agg(jsonb_build_object('since', u.since, 'messages', u.messages, 'email', u.email, 'notedAt', u.noted_at)), '[]')
			FROM webchatt.unread u WHERE u.channel_id = channel AND u.visitor = ANY (visitors)),
		'files', (SELECT coalesce(jsonb_agg(jsonb_build_object('url', webchatt._file_url(f.id, f.name), 'name', f.name, 'type', f.type, 'size', f.size, 'at', f.created_at)
				ORDER BY f.created_at, f.id), '[]')
			FROM webchatt.files f WHERE f.channel_id = channel AND f.visitor = ANY (visitors)),
		'refused', (SELECT coalesce(jsonb_agg(jsonb_build_object('type', r.event_type, 'at', r.first_at, 'body', r.body) ORDER BY r.id), '[]')
			FROM webchatt.rejects r WHERE r.channel_id = channel AND r.visitor = ANY (visitors)))
	FROM webchatt.channels c WHERE c.id = channel
$$;
COMMENT ON FUNCTION webchatt._export_beside(uuid, text, text[]) IS
	'webchatt''s own: all of a person but the messages, as export_visitor() has it';

CREATE FUNCTION webchatt._export(channel uuid, visitor text, after uuid, most int, archives boolean) RETURNS jsonb
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	person text;
	visitors text[];
	messages jsonb;
	last uuid;
BEGIN
	SELECT coalesce(v.joined_to, v.id) INTO person FROM webchatt.visitors v WHERE v.channel_id = channel AND v.id = _export.visitor;
	IF most < 1 THEN
		RAISE EXCEPTION 'most is %', most USING ERRCODE = 'invalid_parameter_value', HINT = 'Give how many messages at most, or NULL for all.';
	ELSIF person IS NULL AND (NOT archives OR webchatt._export_archived(channel, ARRAY[_export.visitor], NULL, 1) = '[]') THEN
		RETURN NULL;
	END IF;
	person := coalesce(person, _export.visitor);
	visitors := person || ARRAY(SELECT v.id FROM webchatt.visitors v WHERE v.channel_id = channel AND v.joined_to = person);
	messages := webchatt._export_messages(channel, visitors, after, most);
	IF archives THEN
		messages := webchatt._merge_pages(messages, webchatt._export_archived(channel, visitors, after, most), most);
	END IF;
	last := messages -> -1 ->> 'id';
	RETURN CASE WHEN after IS NULL THEN webchatt._export_beside(channel, person, visitors) ELSE '{}' END || jsonb_build_object('messages', messages,
		'next', CASE WHEN EXISTS (SELECT FROM webchatt.messages m WHERE m.channel_id = channel AND m.visitor = ANY (visitors) AND m.id > last)
			OR archives AND most IS NOT NULL AND last IS NOT NULL AND webchatt._export_archived(channel, visitors, last, 1) <> '[]' THEN last END);
END
$$;
COMMENT ON FUNCTION webchatt._export(uuid, text, uuid, int, boolean) IS 'webchatt''s own: export_visitor(), with what archives have or without; null: there is nobody';

CREATE FUNCTION webchatt.export_visitor(channel uuid, visitor text, after uuid DEFAULT NULL, most int DEFAULT NULL) RETURNS jsonb
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	exported jsonb := webchatt._export(channel, visitor, after, most, true);
BEGIN
	IF exported IS NULL THEN
		RAISE EXCEPTION 'channel % has no visitor %', coalesce(channel::text, 'NULL'), coalesce(visitor, 'NULL')
			USING ERRCODE = 'undefined_object', HINT = 'Take the id from webchatt.visitors.';
	END IF;
	RETURN exported;
END
$$;
COMMENT ON FUNCTION webchatt.export_visitor(uuid, text, uuid, int) IS
	'everything of a person on a channel, with what was said under ids that were joined to theirs, as one object (doc/erasure.md); no secrets, and of files where they are. most: so many messages, and about 1 MB of them; next is then what the next call takes for after, or null. By default all. What archives have is read with the caller''s rights; raises when one cannot be';

CREATE FUNCTION webchatt._rest_link(channel uuid, visitor text, request text) RETURNS jsonb
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	given jsonb := coalesce(nullif(request, '')::jsonb, '{}');
	page text := given ->> 'pageUrl';
	seconds numeric := CASE jsonb_typeof(given -> 'validFor') WHEN 'number' THEN (given ->> 'validFor')::numeric END;
	link text;
BEGIN
	IF jsonb_typeof(given) <> 'object' OR jsonb_typeof(given -> 'pageUrl') IS DISTINCT FROM 'string'
		OR given ? 'validFor' AND seconds IS NULL THEN
		RAISE EXCEPTION 'the body is not {"pageUrl": string, "validFor": number}' USING ERRCODE = 'invalid_parameter_value',
			HINT = 'Give the page that has the widget, and for how many seconds the link is good, if not for 604800.';
	END IF;
	IF seconds NOT BETWEEN 60 AND 7776000 OR seconds <> trunc(seconds) THEN
		RAISE EXCEPTION 'validFor is %', left(seconds::text, 40) USING ERRCODE = 'invalid_parameter_value', HINT = 'Give whole seconds, 60 to 7776000 (90 days).';
	END IF;
	link := webchatt.conversation_link(channel, visitor, page, make_interval(secs => coalesce(seconds, 604800)::float8));
	-- of a user whom the site signs it is the page alone, which is good for as long as the page is
	RETURN jsonb_build_object('url', link,
		'expiresAt', CASE WHEN link <> page THEN now() + make_interval(secs => coalesce(seconds, 604800)::float8) END);
END
$$;
COMMENT ON FUNCTION webchatt._rest_link(uuid, text, text) IS
	'webchatt''s own: conversation_link() for the REST API: {pageUrl, validFor?: seconds} → {url, expiresAt}; null: the visitor''s log-in opens it';

CREATE FUNCTION webchatt._rest_export(channel uuid, visitor text, after uuid, most int, OUT status int, OUT body jsonb)
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	body := webchatt._export(channel, visitor, nullif(after, '00000000-0000-0000-0000-000000000000'), most, true);
	status := CASE WHEN body IS NULL THEN 404 ELSE 200 END;
	body := coalesce(body, webchatt._rest_error('The channel has no visitor with this id.', 'visitor_not_found'));
END
$$;
COMMENT ON FUNCTION webchatt._rest_export(uuid, text, uuid, int, OUT int, OUT jsonb) IS
	'webchatt''s own: a page of export_visitor() for the REST API with what archives have, in a process of its own; after: zeros for all';

CREATE FUNCTION webchatt._rest_visitor(key int, method text, path text, query text, request text, OUT status int, OUT body jsonb)
RETURNS record
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET plan_cache_mode = force_generic_plan AS $$
DECLARE
	ids text[] := regexp_match(path, '^/v1/communication/web-chatt2me/visitors/([^/]+)/([^/]+)(/export|/link)?$');
	channel uuid := webchatt._rest_uuid(ids[1]);
	visitor text := webchatt._rest_uuid(ids[2])::text;
	known webchatt.api_keys;
	erasure uuid;
BEGIN
	SELECT * INTO known FROM webchatt.api_keys k WHERE k.id = key AND k.revoked_at IS NULL AND 'visitors' = ANY (k.scopes);
	IF NOT FOUND THEN
		status := 401;
		body := webchatt._rest_error('The x-api-key is not known here any more.', 'api_key_unknown');
	ELSIF visitor IS NULL OR method <> (CASE ids[3] WHEN '/export' THEN 'GET' WHEN '/link' THEN 'POST' ELSE 'DELETE' END) THEN
		status := 404;
		body := webchatt._rest_error(format('There is nothing for %s at this path.', method), 'not_found');
	ELSIF NOT EXISTS (SELECT FROM webchatt.channels c WHERE c.id = channel AND c.public_key IS NOT NULL
		AND (known.channels IS NULL OR c.id = ANY (known.channels))) THEN
		status := 404;
		body := webchatt._rest_error('No channel of this hub that the key may use has the first id of the path.', 'unknown_channel');
	ELSIF method = 'POST' AND EXISTS (SELECT FROM webchatt.visitors v WHERE v.channel_id = channel AND v.id = visitor) THEN
		body := webchatt._rest_link(channel, visitor, request);
		status := 201;
	ELSIF method = 'GET' AND EXISTS (SELECT FROM webchatt._archives_of(channel) o WHERE o.archive IS NOT NULL) THEN
		-- a slow archive would have visitors wait: _rest_export(), in a process of its own
		status := 0;
		body := jsonb_build_object('channel', channel, 'visitor', visitor, 'after', webchatt._rest_uuid((regexp_match(query, '(?:^|&)after=([^&]*)'))[1]),
			'most', webchatt._rest_number(query, 'limit', 100, 1, 200));
	ELSIF method = 'GET' AND EXISTS (SELECT FROM webchatt.visitors v WHERE v.channel_id = channel AND v.id = visitor) THEN
		status := 200;
		body := webchatt._export(channel, visitor, webchatt._rest_uuid((regexp_match(query, '(?:^|&)after=([^&]*)'))[1]),
			webchatt._rest_number(query, 'limit', 100, 1, 200), false);
	ELSE
		IF method = 'DELETE' THEN
			SELECT e.id INTO erasure FROM webchatt.erasures e
			WHERE e.channel_id = channel AND visitor = ANY (e.visitors) AND e.erased_at IS NULL ORDER BY e.asked_at LIMIT 1;
			IF erasure IS NULL THEN
				erasure := webchatt._begin_erasure(channel, visitor, left(format('API key %s (%s)', known.id, known.label), 255));
				-- the worker goes on with it
				PERFORM webchatt._erase_some(erasure, 200);
			END IF;
		END IF;
		status := CASE WHEN erasure IS NULL THEN 404 ELSE 202 END;
		body := CASE WHEN erasure IS NULL THEN webchatt._rest_error('The channel has no visitor with this id.', 'visitor_not_found')
			ELSE jsonb_build_object('erasureId', erasure, 'status', 'erasing') END;
	END IF;
END
$$;
COMMENT ON FUNCTION webchatt._rest_visitor(int, text, text, text, text) IS
	'webchatt''s own: answers a request for /v1/communication/web-chatt2me/visitors, whose key webchatt-net has checked: GET .../export, a page of export_visitor(); DELETE, erase_visitor(), the most of it by later turns; POST .../link, conversation_link(). Status 0: the body is what _rest_export() is to be asked for';

----------------------------------------------------------------------------
-- Redacting
----------------------------------------------------------------------------

CREATE FUNCTION webchatt._redact_rows(channel uuid, id uuid, content jsonb, redacted_by text) RETURNS text
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET plan_cache_mode = force_generic_plan
SET jit = off SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off AS $$
DECLARE
	old webchatt.messages;
	archived CONSTANT boolean := webchatt._note_redaction(channel, _redact_rows.id, _redact_rows.content);
BEGIN
	SELECT * INTO old FROM webchatt.messages m WHERE m.channel_id = channel AND m.id = _redact_rows.id FOR UPDATE;
	IF NOT FOUND AND archived THEN
		INSERT INTO webchatt.redactions (channel_id, message_id, redacted_by) VALUES (channel, _redact_rows.id, _redact_rows.redacted_by);
		RETURN '';
	ELSIF old.id IS NULL THEN
		RETURN NULL;
	END IF;
	UPDATE webchatt.messages m SET content = _redact_rows.content, extra = NULL, error_message = NULL
	WHERE m.channel_id = channel AND m.id = _redact_rows.id;
	-- behind whoever indexes just now what it was (index_texts())
	PERFORM pg_advisory_xact_lock_shared(7737127468233842789);
	UPDATE webchatt.search_texts s SET words = webchatt._search_row(channel, _redact_rows.id, _redact_rows.content)
	WHERE s.channel_id = channel AND s.id = _redact_rows.id;
	UPDATE webchatt.search_parts s SET said = webchatt._search_once(_redact_rows.content)
	WHERE s.channel_id = channel AND s.id = _redact_rows.id;
	UPDATE webchatt.statuses s SET error_message = NULL, extra = NULL
	WHERE s.channel_id = channel AND s.message_id = _redact_rows.id AND (s.error_message IS NOT NULL OR s.extra IS NOT NULL);
	-- an endpoint may have answered with what it was told
	UPDATE webchatt.webhook_log l SET answer = NULL, error = NULL WHERE l.message_id = _redact_rows.id AND (l.answer IS NOT NULL OR l.error IS NOT NULL);
	UPDATE webchatt.feed f SET error_message = NULL WHERE f.message_id = _redact_rows.id AND f.error_message IS NOT NULL;
	DELETE FROM webchatt.rejects r WHERE r.channel_id = channel AND r.event_type = 'Message' AND r.event_key = old.hub_message_id;
	-- a picture of the card
	PERFORM webchatt._drop_named_files(channel, ARRAY[old.visitor], ARRAY[old.id],
		ARRAY(SELECT f.m[1] FROM regexp_matches(old.content::text, '/files/([A-Za-z0-9_-]{43})', 'g') f (m)));
	INSERT INTO webchatt.redactions (channel_id, message_id, redacted_by) VALUES (channel, _redact_rows.id, _redact_rows.redacted_by);
	RETURN old.visitor;
END
$$;
COMMENT ON FUNCTION webchatt._redact_rows(uuid, uuid, jsonb, text) IS
	'webchatt''s own: puts another content in a message''s place, wherever it lies. Returns whose conversation that is; empty: it may be in an archive, where that is done later; null: there is no such message';

CREATE FUNCTION webchatt._redact(channel uuid, id uuid, content jsonb, redacted_by text) RETURNS boolean
LANGUAGE c AS 'MODULE_PATHNAME', 'webchatt_redact';
COMMENT ON FUNCTION webchatt._redact(uuid, uuid, jsonb, text) IS
	'webchatt''s own: _redact_rows() as webchatt_worker, and who looks at the conversation is told. False: there is no such message';

CREATE FUNCTION webchatt.redact_message(channel uuid, id uuid, replacement text DEFAULT '[removed]', redacted_by text DEFAULT NULL) RETURNS boolean
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	IF replacement IS NULL OR replacement !~ '[^[:space:]]' OR char_length(replacement) > 1000 THEN
		RAISE EXCEPTION 'the replacement is %', CASE WHEN replacement IS NULL THEN 'NULL' WHEN char_length(replacement) > 1000 THEN 'too long' ELSE 'blank' END
			USING ERRCODE = 'invalid_parameter_value', HINT = 'Give 1 to 1000 characters that stand in the message''s place, or leave it out.';
	END IF;
	RETURN (EXISTS (SELECT FROM webchatt.messages m WHERE m.channel_id = channel AND m.id = redact_message.id)
			OR webchatt._is_archived(channel, NULL, redact_message.id))
		AND webchatt._redact(channel, redact_message.id, jsonb_build_object('type', 'text', 'text', replacement), webchatt._who_asks(redacted_by));
END
$$;
COMMENT ON FUNCTION webchatt.redact_message(uuid, uuid, text, text) IS
	'puts a text in the place of a message''s content, in either direction, wherever it lies here, and soon after in archives, and drops the files that only it names; open pages and desks show it at once. Who did it is in webchatt.redactions: redacted_by, by default the agent or the role. False when there is no such message. What was delivered elsewhere, to webhooks, links and remote hubs, stays there';
