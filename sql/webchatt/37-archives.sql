----------------------------------------------------------------------------
-- What is erased and redacted in archives (doc/erasure.md): noted where it is asked for, and carried out by the process
-- of retention, as an archive may be slow, or away
----------------------------------------------------------------------------

/* The columns of who may write there are in the same places as in webchatt.retentions: src/backend/session/archive_call.c. */
CREATE TABLE webchatt.archives (
	channel_id uuid,
	since timestamptz NOT NULL DEFAULT now(),
	archive_schema text COLLATE "C" NOT NULL,
	archive_name text COLLATE "C" NOT NULL,
	archive_owner text COLLATE "C" NOT NULL,
	gone_at timestamptz,
	keep interval
);
CREATE UNIQUE INDEX archives_name ON webchatt.archives ((coalesce(channel_id, '00000000-0000-0000-0000-000000000000'::uuid)), archive_schema, archive_name);
COMMENT ON TABLE webchatt.archives IS 'every table that was ever set as an archive: what is erased and redacted is in these, too. webchatt.set_retention() writes it; who deletes a row says that there is nothing to do in it any more';
COMMENT ON COLUMN webchatt.archives.channel_id IS 'the channel for which it was set; null: for all';
COMMENT ON COLUMN webchatt.archives.since IS 'when that was';
COMMENT ON COLUMN webchatt.archives.archive_schema IS 'its schema';
COMMENT ON COLUMN webchatt.archives.archive_name IS 'its name';
COMMENT ON COLUMN webchatt.archives.archive_owner IS 'whose it was then: what is done there is done with their rights';
COMMENT ON COLUMN webchatt.archives.gone_at IS 'when something was to be done there, and there was no table of this name; null: there was';

COMMENT ON COLUMN webchatt.archives.keep IS 'the shortest time that conversations stayed while it was set: who was first seen since then has nothing in it';

CREATE TABLE webchatt.archive_tasks (
	id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
	channel_id uuid NOT NULL,
	erasure_id uuid,
	visitors text[] COLLATE "C",
	until timestamptz,
	message_id uuid,
	content jsonb,
	noted_at timestamptz NOT NULL DEFAULT clock_timestamp(),
	due timestamptz NOT NULL DEFAULT clock_timestamp(),
	looks int NOT NULL DEFAULT 0,
	archives text[] NOT NULL DEFAULT '{}',
	tries int NOT NULL DEFAULT 0,
	error text,
	CHECK (CASE WHEN message_id IS NULL THEN num_nulls(erasure_id, visitors, until) = 0 ELSE content IS NOT NULL END)
);
CREATE INDEX archive_tasks_due ON webchatt.archive_tasks (due);
CREATE UNIQUE INDEX archive_tasks_message ON webchatt.archive_tasks (channel_id, message_id) WHERE message_id IS NOT NULL;
COMMENT ON TABLE webchatt.archive_tasks IS 'what is still to be erased or redacted in archives; a row is there until it is done in all that the channel ever had, and was looked at once more ten minutes later';
COMMENT ON COLUMN webchatt.archive_tasks.erasure_id IS 'the erasure in webchatt.erasures; null: a message is to be redacted';
COMMENT ON COLUMN webchatt.archive_tasks.visitors IS 'of an erasure: the ids';
COMMENT ON COLUMN webchatt.archive_tasks.until IS 'of an erasure: what was written until then; infinity on a channel of the local hub, where nobody comes back under an id';
COMMENT ON COLUMN webchatt.archive_tasks.message_id IS 'the message to be redacted; null: an erasure';
COMMENT ON COLUMN webchatt.archive_tasks.content IS 'what it is to be';
COMMENT ON COLUMN webchatt.archive_tasks.noted_at IS 'when that was asked for';
COMMENT ON COLUMN webchatt.archive_tasks.due IS 'when it is done, or tried again';
COMMENT ON COLUMN webchatt.archive_tasks.looks IS 'how often all archives were gone through';
COMMENT ON COLUMN webchatt.archive_tasks.archives IS 'those in which it is done, while it is not in all';
COMMENT ON COLUMN webchatt.archive_tasks.tries IS 'how often in a row it could not be done; the pause doubles with each, up to an hour';
COMMENT ON COLUMN webchatt.archive_tasks.error IS 'why, in the archive''s words; null: it could';
CREATE TRIGGER config_changed AFTER INSERT OR DELETE OR TRUNCATE ON webchatt.archive_tasks
	FOR EACH STATEMENT EXECUTE FUNCTION webchatt._config_changed();

CREATE FUNCTION webchatt._archives_of(channel uuid) RETURNS TABLE (archive_schema text, archive_name text, archive regclass)
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
	SELECT DISTINCT a.archive_schema, a.archive_name, c.oid::regclass
	FROM webchatt.archives a
	LEFT JOIN pg_namespace s ON s.nspname = a.archive_schema
	LEFT JOIN pg_class c ON c.relnamespace = s.oid AND c.relname = a.archive_name
	WHERE (a.channel_id = channel OR a.channel_id IS NULL) AND (c.oid IS NOT NULL OR a.gone_at IS NULL)
$$;
COMMENT ON FUNCTION webchatt._archives_of(uuid) IS
	'webchatt''s own: all archives that a channel ever had, but those that are known to be gone; archive is null where one is gone and that is not known';

CREATE FUNCTION webchatt._archived_keep(channel uuid) RETURNS interval
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp SET jit = off AS $$
	SELECT least(r.keep, (SELECT min(a.keep) FROM webchatt.archives a WHERE a.channel_id = channel OR a.channel_id IS NULL), interval '1000 years')
	FROM webchatt._retention_rules() r WHERE r.channel_id = channel AND r.archive_name IS NOT NULL
$$;
COMMENT ON FUNCTION webchatt._archived_keep(uuid) IS
	'webchatt''s own: how long conversations of a channel stay before its archive has them, the shortest time that was ever set: who was first seen since then has nothing there; null: it has no archive';

/* What is noted and not carried out yet is kept from nobody for longer: at one look at the notes, whatever their number. */
CREATE FUNCTION webchatt._archived_now(channel uuid, rows webchatt.archived[]) RETURNS SETOF webchatt.archived
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET plan_cache_mode = force_custom_plan AS $$
DECLARE
	r webchatt.archived;
	said jsonb;
BEGIN
	FOR r IN WITH erased AS MATERIALIZED (SELECT v.id, max(t.until) AS until FROM webchatt.archive_tasks t CROSS JOIN LATERAL unnest(t.visitors) v (id)
				WHERE t.channel_id = channel AND t.message_id IS NULL GROUP BY v.id)
			SELECT u.* FROM unnest(rows) WITH ORDINALITY u LEFT JOIN erased e ON e.id = u.visitor
			WHERE e.until IS NULL OR u.created_at > e.until ORDER BY u.ordinality LOOP
		SELECT t.content INTO said FROM webchatt.archive_tasks t WHERE t.channel_id = channel AND t.message_id = r.id;
		IF FOUND THEN
			r.content := said;
			r.extra := NULL;
			r.error_message := NULL;
		END IF;
		RETURN NEXT r;
	END LOOP;
END
$$;
COMMENT ON FUNCTION webchatt._archived_now(uuid, webchatt.archived[]) IS
	'webchatt''s own: what was read in an archive of a channel, as it is to be by what is noted to be erased and redacted there';

----------------------------------------------------------------------------
-- Noting
----------------------------------------------------------------------------

CREATE FUNCTION webchatt._note_erasure(erasure uuid) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	e webchatt.erasures;
BEGIN
	SELECT * INTO e FROM webchatt.erasures x WHERE x.id = erasure;
	IF e.archives_done IS NULL AND EXISTS (SELECT FROM webchatt._archives_of(e.channel_id)) THEN
		-- who is erased at a remote hub can come back under the same id
		INSERT INTO webchatt.archive_tasks (channel_id, erasure_id, visitors, until)
		VALUES (e.channel_id, erasure, e.visitors, CASE WHEN EXISTS (SELECT FROM webchatt.channels c WHERE c.id = e.channel_id AND c.public_key IS NULL)
			THEN e.asked_at ELSE 'infinity' END);
		UPDATE webchatt.erasures x SET archives_done = false WHERE x.id = erasure;
	END IF;
END
$$;
COMMENT ON FUNCTION webchatt._note_erasure(uuid) IS 'webchatt''s own: has the archives of an erasure''s channel gone through, where there are any and that is not noted yet';

CREATE FUNCTION webchatt._note_redaction(channel uuid, id uuid, content jsonb) RETURNS boolean
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	IF NOT EXISTS (SELECT FROM webchatt._archives_of(channel)) THEN
		RETURN false;
	END IF;
	INSERT INTO webchatt.archive_tasks AS t (channel_id, message_id, content) VALUES (channel, _note_redaction.id, _note_redaction.content)
	ON CONFLICT (channel_id, message_id) WHERE message_id IS NOT NULL
	DO UPDATE SET content = excluded.content, due = excluded.due, noted_at = excluded.noted_at, looks = 0, archives = '{}';
	RETURN true;
END
$$;
COMMENT ON FUNCTION webchatt._note_redaction(uuid, uuid, jsonb) IS
	'webchatt''s own: has a message redacted in the archives of its channel, also while it is here: one that is far away may have it and we do not know. False: there is no archive';

----------------------------------------------------------------------------
-- Carrying out
----------------------------------------------------------------------------

CREATE FUNCTION webchatt._carry_out(t webchatt.archive_tasks, archive regclass) RETURNS bigint
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	v text;
	n bigint := 0;
BEGIN
	IF t.message_id IS NOT NULL THEN
		RETURN webchatt._archive_redact(archive, t.channel_id, t.message_id, t.content);
	END IF;
	FOREACH v IN ARRAY t.visitors LOOP
		n := n + webchatt._archive_erase(archive, t.channel_id, v, t.until);
	END LOOP;
	RETURN n;
END
$$;
COMMENT ON FUNCTION webchatt._carry_out(webchatt.archive_tasks, regclass) IS 'webchatt''s own: does in an archive what was noted; how many rows that were';

/* What was asked for anew meanwhile is not what was done. */
CREATE FUNCTION webchatt._archive_task_over(t webchatt.archive_tasks, n bigint, words text) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	IF words IS NULL AND t.looks > 0 THEN
		DELETE FROM webchatt.archive_tasks x WHERE x.id = t.id AND x.noted_at = t.noted_at;
	ELSIF words IS NULL THEN
		UPDATE webchatt.archive_tasks x SET looks = 1, archives = '{}', tries = 0, error = NULL, due = clock_timestamp() + interval '10 minutes'
		WHERE x.id = t.id AND x.noted_at = t.noted_at;
	ELSE
		UPDATE webchatt.archive_tasks x SET archives = t.archives, tries = x.tries + 1, error = words,
			due = clock_timestamp() + least(interval '5 seconds' * 2 ^ least(x.tries, 20), interval '1 hour')
		WHERE x.id = t.id AND x.noted_at = t.noted_at;
	END IF;
	UPDATE webchatt.erasures e SET archived_rows = e.archived_rows + n, archives_done = words IS NULL, archives_error = words
	WHERE e.id = t.erasure_id;
END
$$;
COMMENT ON FUNCTION webchatt._archive_task_over(webchatt.archive_tasks, bigint, text) IS
	'webchatt''s own: notes that archives were gone through, how many rows that were, and in whose words it could not be done in one of them';

/*
 * Under the lock of _retain(), so behind whatever was moved to an archive in the moment in which it was noted; what is moved
 * later looks at the note.  The second look is for a server far away whose commit outlived ours.  The rows in our own tables are
 * locked only when the archives are done with.
 */
CREATE FUNCTION webchatt._archive_task(OUT n int, OUT problem text)
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET client_min_messages = warning AS $$
DECLARE
	t webchatt.archive_tasks;
	a record;
	rows bigint := 0;
	state text;
	words text;
	failed text;
BEGIN
	n := 0;
	IF NOT pg_try_advisory_xact_lock(7737127468233842788) THEN
		RETURN;
	END IF;
	SELECT * INTO t FROM webchatt.archive_tasks x WHERE x.due <= now() ORDER BY random() LIMIT 1;
	IF NOT FOUND THEN
		RETURN;
	END IF;
	n := 1;
	FOR a IN SELECT o.*, format('%I.%I', o.archive_schema, o.archive_name) AS name FROM webchatt._archives_of(t.channel_id) o ORDER BY random() LOOP
		IF a.archive IS NULL THEN
			UPDATE webchatt.archives x SET gone_at = now() WHERE x.archive_schema = a.archive_schema AND x.archive_name = a.archive_name;
		ELSIF a.name <> ALL (t.archives) THEN
			BEGIN
				rows := rows + webchatt._carry_out(t, a.archive);
				t.archives := t.archives || a.name;
			EXCEPTION WHEN query_canceled OR OTHERS THEN
				GET STACKED DIAGNOSTICS state = RETURNED_SQLSTATE, words = MESSAGE_TEXT;
				failed := left(format('%s: %s', a.name, words), 1000);
				-- whatever a time limit ended, there is none now
				EXIT WHEN state = '57014';
			END;
		END IF;
	END LOOP;
	PERFORM webchatt._archive_task_over(t, rows, failed);
	IF failed IS DISTINCT FROM t.error AND failed IS NOT NULL THEN
		problem := format('what is to be %s in an archive cannot be: %s', CASE WHEN t.message_id IS NULL THEN 'erased' ELSE 'redacted' END, failed);
	END IF;
END
$$;
COMMENT ON FUNCTION webchatt._archive_task(OUT int, OUT text) IS
	'webchatt''s own: does in the archives one thing that was noted; n: 0 when there is nothing to do now; problem: what went wrong and had not before';

----------------------------------------------------------------------------
-- Handing out
----------------------------------------------------------------------------

/* Without a message: are there any of the visitor? */
CREATE FUNCTION webchatt._is_archived(channel uuid, visitor text, id uuid) RETURNS boolean
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp SET plan_cache_mode = force_custom_plan AS $$
DECLARE
	a regclass;
	found boolean;
BEGIN
	FOR a IN SELECT o.archive FROM webchatt._archives_of(channel) o WHERE o.archive IS NOT NULL LOOP
		EXECUTE format('SELECT EXISTS (SELECT FROM %s a WHERE a.channel_id = $1 AND %s)', a, CASE WHEN id IS NULL THEN 'a.visitor = $2' ELSE 'a.id = $3' END)
		INTO found USING channel, visitor, id;
		IF found THEN
			RETURN true;
		END IF;
	END LOOP;
	RETURN false;
EXCEPTION WHEN OTHERS THEN
	RAISE EXCEPTION 'the archive % cannot be read: %', a, SQLERRM
		USING ERRCODE = SQLSTATE, HINT = 'It is read with your rights: GRANT SELECT, and USAGE of its schema; or its server is away.';
END
$$;
COMMENT ON FUNCTION webchatt._is_archived(uuid, text, uuid) IS
	'webchatt''s own: has an archive of the channel this message, or, where that is null, one of the visitor? With the caller''s rights; raises when one cannot be read';

CREATE FUNCTION webchatt._archive_export(archive regclass, channel uuid, visitors text[], after uuid, most int) RETURNS webchatt.archived[]
LANGUAGE c STRICT AS 'MODULE_PATHNAME', 'webchatt_archive_call';
COMMENT ON FUNCTION webchatt._archive_export(regclass, uuid, text[], uuid, int) IS
	'webchatt''s own: what an archive has of a person behind a message, the oldest first, so many, with the rights of the archive''s owner';

CREATE FUNCTION webchatt._archive_export_as_owner(archive regclass, channel uuid, visitors text[], after uuid, most int) RETURNS webchatt.archived[]
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET plan_cache_mode = force_custom_plan AS $$
DECLARE
	rows webchatt.archived[];
BEGIN
	EXECUTE format('SELECT ARRAY(SELECT ROW(%s)::webchatt.archived FROM %s a WHERE a.channel_id = $1 AND a.visitor = ANY ($2) AND ($3 IS NULL OR a.id > $3) ORDER BY a.id LIMIT $4)',
		(SELECT string_agg(CASE WHEN k.has IS NULL THEN 'NULL' ELSE format('a.%I::%s', k.name, format_type(k.type, NULL)) END, ', ' ORDER BY k.n)
			FROM webchatt._archived_columns(archive) k), archive)
	INTO rows USING channel, visitors, after, most;
	RETURN rows;
END
$$;
COMMENT ON FUNCTION webchatt._archive_export_as_owner(regclass, uuid, text[], uuid, int) IS 'webchatt''s own: see _archive_export()';

CREATE FUNCTION webchatt._export_archived(channel uuid, visitors text[], after uuid, most int) RETURNS jsonb
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET plan_cache_mode = force_custom_plan AS $$
DECLARE
	a regclass;
	rows webchatt.archived[];
	pages jsonb := '[]';
BEGIN
	FOR a IN SELECT o.archive FROM webchatt._archives_of(channel) o WHERE o.archive IS NOT NULL LOOP
		-- whoever asks by the REST API has a key and no role
		IF current_user = 'webchatt_worker' THEN
			rows := webchatt._archive_export(a, channel, visitors, coalesce(after, '00000000-0000-0000-0000-000000000000'), most);
		ELSE
			rows := webchatt._archive_export_as_owner(a, channel, visitors, after, most);
		END IF;
		pages := webchatt._merge_pages(pages, (SELECT jsonb_agg(jsonb_strip_nulls(jsonb_build_object('id', p.id, 'from', CASE p.direction WHEN 'in' THEN 'visitor' ELSE 'us' END,
				'status', p.status, 'createdAt', p.created_at, 'statusAt', p.status_at, 'hubTime', p.hub_time, 'author', p.author, 'extra', p.extra,
				'error', p.error_message, 'redactedAt', (SELECT max(r.at) FROM webchatt.redactions r WHERE r.channel_id = channel AND r.message_id = p.id),
				'statuses', CASE jsonb_typeof(p.statuses) WHEN 'array' THEN (SELECT jsonb_agg(jsonb_build_object('status', s -> 'status', 'at', s -> 'at') ORDER BY n)
					FROM jsonb_array_elements(p.statuses) WITH ORDINALITY e (s, n)) END))
				|| jsonb_build_object('content', p.content) ORDER BY p.id) FROM webchatt._archived_now(channel, rows) p), most);
	END LOOP;
	RETURN pages;
EXCEPTION WHEN OTHERS THEN
	RAISE EXCEPTION 'the archive % cannot be read: %', a, SQLERRM
		USING ERRCODE = SQLSTATE, HINT = 'It is read with your rights: GRANT SELECT, and USAGE of its schema; or its server is away.';
END
$$;
COMMENT ON FUNCTION webchatt._export_archived(uuid, text[], uuid, int) IS
	'webchatt''s own: what archives have of a person, as _export_messages(). With the caller''s rights, those of their owners for the worker; raises when one cannot be read';

/* Each is cut where it has as many, or as much, so what is behind the cut of one is behind that of both. */
CREATE FUNCTION webchatt._merge_pages(ours jsonb, others jsonb, most int) RETURNS jsonb
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
	SELECT coalesce(jsonb_agg(y.m ORDER BY y.id), '[]')
	FROM (SELECT x.m, x.id, row_number() OVER (ORDER BY x.id) AS n, sum(octet_length((x.m -> 'content')::text)) OVER (ORDER BY x.id) - octet_length((x.m -> 'content')::text) AS before
		FROM (SELECT DISTINCT ON (u.id) u.m, u.id
			FROM (SELECT o AS m, (o ->> 'id')::uuid AS id, 1 AS rank FROM jsonb_array_elements(ours) o
				UNION ALL SELECT o, (o ->> 'id')::uuid, 2 FROM jsonb_array_elements(others) o) u
			ORDER BY u.id, u.rank) x) y
	WHERE most IS NULL OR y.n <= most AND y.before < 1000000
$$;
COMMENT ON FUNCTION webchatt._merge_pages(jsonb, jsonb, int) IS
	'webchatt''s own: two pages of messages as one, so many and about 1 MB at most (null: all); what is in both once, as the first has it';

----------------------------------------------------------------------------
-- Older pages
----------------------------------------------------------------------------

CREATE FUNCTION webchatt._archive_read(archive regclass, channel uuid, visitor text, before uuid, whole boolean) RETURNS webchatt.archived[]
LANGUAGE c STRICT AS 'MODULE_PATHNAME', 'webchatt_archive_call';
COMMENT ON FUNCTION webchatt._archive_read(regclass, uuid, text, uuid, boolean) IS
	'webchatt''s own: the newest 51 messages before one of a visitor, whole or of those that visitors are shown; with the rights of the archive''s owner, where row security does not choose, for who may read it';

CREATE FUNCTION webchatt._archive_read_as_owner(archive regclass, channel uuid, visitor text, before uuid, whole boolean) RETURNS webchatt.archived[]
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET plan_cache_mode = force_custom_plan AS $$
DECLARE
	rows webchatt.archived[];
BEGIN
	EXECUTE format('SELECT ARRAY(SELECT ROW(%s)::webchatt.archived FROM %s a WHERE a.channel_id = $1 AND a.visitor = $2 AND a.id < $3'
		'%s ORDER BY a.id DESC LIMIT 51)',
		(SELECT string_agg(CASE WHEN k.has IS NULL OR k.name IN ('extra', 'statuses') THEN 'NULL' ELSE format('a.%I::%s', k.name, format_type(k.type, NULL)) END, ', ' ORDER BY k.n)
			FROM webchatt._archived_columns(archive) k), archive,
		CASE WHEN whole THEN '' ELSE ' AND (a.direction = ''in'' OR a.status IN (''enqueued'', ''sent'', ''delivered'', ''read''))' END)
	INTO rows USING channel, visitor, before;
	RETURN rows;
END
$$;
COMMENT ON FUNCTION webchatt._archive_read_as_owner(regclass, uuid, text, uuid, boolean) IS 'webchatt''s own: see _archive_read()';

/* Of one that is too long for a frame only a text is shown: if it was left out, the page would look like the last. */
CREATE FUNCTION webchatt._archive_page(channel uuid, visitor text, before uuid, most int, bytes int, shows_author boolean, OUT messages text, OUT more boolean)
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET plan_cache_mode = force_custom_plan AS $$
DECLARE
	a regclass;
	rows webchatt.archived[] := '{}';
BEGIN
	FOR a IN SELECT x FROM webchatt._archives(channel) x LOOP
		rows := rows || webchatt._archive_read(a, channel, visitor, before, false);
	END LOOP;
	SELECT '[' || coalesce(string_agg(format('{"id":"%s","direction":"%s","at":%s,"status":"%s"%s%s,"content":%s}', p.id, p.direction,
			('x' || translate(left(p.id::text, 13), '-', ''))::bit(48)::bigint, p.status,
			CASE WHEN p.direction = 'in' THEN ',"client":'
				|| to_json(CASE WHEN left(p.hub_message_id, 7) = 'import:' THEN p.id::text ELSE substr(p.hub_message_id, 38) END)::text END,
			CASE WHEN shows_author AND p.direction = 'out' THEN (SELECT ',"author":' || json_strip_nulls(json_build_object('name', g.display_name, 'avatar', g.avatar_url))::text
				FROM webchatt.agents g WHERE g.name = p.author) END,
			p.words), ',' ORDER BY p.id) FILTER (WHERE p.n <= most AND p.newer_bytes < bytes), '') || ']',
		count(*) > count(*) FILTER (WHERE p.n <= most AND p.newer_bytes < bytes)
	INTO messages, more
	FROM (
		SELECT s.*, row_number() OVER newest AS n, sum(octet_length(s.words)) OVER newest - octet_length(s.words) AS newer_bytes
		FROM (SELECT r.id, r.direction, r.status, r.author, r.hub_message_id,
				CASE WHEN webchatt._content_size(r.content, 1000000) < 1000000 THEN r.content
					ELSE jsonb_build_object('type', 'text', 'text', coalesce(webchatt._content_line(r.content, 10000), '...')) END::text AS words
			FROM webchatt._archived_now(channel, rows) r) s
		WINDOW newest AS (ORDER BY s.id DESC)
	) p;
END
$$;
COMMENT ON FUNCTION webchatt._archive_page(uuid, text, uuid, int, int, boolean, OUT text, OUT boolean) IS
	'webchatt''s own: a page of a visitor''s older messages out of the archive, as their client is sent it (doc/protocol.md): so many, and no more behind so many bytes';

/* Agents see there what they may read without the desk: their role needs SELECT. */
CREATE FUNCTION webchatt._desk_archives(channel uuid) RETURNS SETOF regclass
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
	SELECT a FROM webchatt._archives(channel) a WHERE has_table_privilege(a, 'SELECT')
$$;
COMMENT ON FUNCTION webchatt._desk_archives(uuid) IS 'webchatt''s own: the archives of a channel that the caller may read';

CREATE FUNCTION webchatt.desk_archived(args jsonb) RETURNS jsonb
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET jit = off AS $$
DECLARE
	what record := webchatt._desk_conversation(args);
	before uuid := coalesce(webchatt._desk_uuid(args, 'before', false), 'ffffffff-ffff-ffff-ffff-ffffffffffff');
	a regclass;
	rows webchatt.archived[] := '{}';
BEGIN
	FOR a IN SELECT x FROM webchatt._desk_archives(what.channel) x LOOP
		rows := rows || webchatt._archive_read(a, what.channel, what.visitor, before, true);
	END LOOP;
	RETURN (WITH sized AS (
			SELECT m.*, row_number() OVER (ORDER BY m.id DESC) AS n, webchatt._content_size(m.content, 1000000) AS size FROM webchatt._archived_now(what.channel, rows) m),
		found AS MATERIALIZED (SELECT s.*, s.n > 50 OR s.n > 1 AND sum(CASE WHEN s.size < 1000000 THEN s.size ELSE 10000 END) OVER (ORDER BY s.n) > 1000000 AS beyond FROM sized s)
		SELECT jsonb_build_object('messages', coalesce(jsonb_agg(jsonb_build_object('id', m.id, 'at', m.created_at, 'direction', m.direction, 'status', m.status,
				'statusAt', m.status_at, 'content', CASE WHEN m.size < 1000000 THEN m.content ELSE jsonb_build_object('text', webchatt._content_line(m.content, 10000)) END,
				'author', m.author, 'final', m.final, 'errorCode', m.error_code, 'errorMessage', m.error_message) ORDER BY m.id) FILTER (WHERE NOT m.beyond), '[]'),
			'more', coalesce(bool_or(m.beyond), false))
		FROM found m);
END
$$;
COMMENT ON FUNCTION webchatt.desk_archived(jsonb) IS
	'the desk: {channel, visitor, before?: id} → {messages: [as desk_conversation() has them], more}: the newest 50 of a conversation that the channel''s archive has, or those before an id. For who may read the archive; by a process of its own, within webchatt.archive_timeout';
