----------------------------------------------------------------------------
-- How long conversations stay, and where they go (doc/retention.md)
----------------------------------------------------------------------------

/* Names, not a regclass: what a dump brings may come before the table that it names. */
CREATE TABLE webchatt.retentions (
	channel_id uuid REFERENCES webchatt.channels (id) ON DELETE CASCADE,
	keep interval CHECK (keep >= interval '1 day'),
	archive_schema text COLLATE "C",
	archive_name text COLLATE "C",
	archive_owner text COLLATE "C",
	set_at timestamptz NOT NULL DEFAULT now(),
	CHECK (num_nulls(archive_schema, archive_name, archive_owner) IN (0, 3))
);
CREATE UNIQUE INDEX retentions_channel ON webchatt.retentions ((coalesce(channel_id, '00000000-0000-0000-0000-000000000000'::uuid)));
COMMENT ON TABLE webchatt.retentions IS 'how long conversations stay behind their last message, and where they go then; written by webchatt.set_retention(), shown by webchatt.retention';
COMMENT ON COLUMN webchatt.retentions.channel_id IS 'the channel; null: all that have no row of their own';
COMMENT ON COLUMN webchatt.retentions.keep IS 'how long, a day at least; null: for ever';
COMMENT ON COLUMN webchatt.retentions.archive_schema IS 'the schema of the table that messages are moved to; null: to none';
COMMENT ON COLUMN webchatt.retentions.archive_name IS 'its name';
COMMENT ON COLUMN webchatt.retentions.archive_owner IS 'whose it was when that was set: messages are written with their rights, and nobody else''s';
COMMENT ON COLUMN webchatt.retentions.set_at IS 'when that was';
CREATE TRIGGER config_changed AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON webchatt.retentions
	FOR EACH STATEMENT EXECUTE FUNCTION webchatt._config_changed();

CREATE TABLE webchatt.retention_progress (
	channel_id uuid PRIMARY KEY REFERENCES webchatt.channels (id) ON DELETE CASCADE,
	upto uuid NOT NULL DEFAULT '00000000-0000-0000-0000-000000000000',
	visitors_upto text COLLATE "C" NOT NULL DEFAULT '',
	visitors_due timestamptz NOT NULL DEFAULT '-infinity',
	cutoff timestamptz,
	conversations bigint NOT NULL DEFAULT 0,
	messages bigint NOT NULL DEFAULT 0,
	archived bigint NOT NULL DEFAULT 0,
	visitors bigint NOT NULL DEFAULT 0,
	moved_at timestamptz,
	failures int NOT NULL DEFAULT 0,
	last_error text,
	last_error_at timestamptz,
	not_before timestamptz,
	again int NOT NULL DEFAULT 0
) WITH (fillfactor = 50);
COMMENT ON TABLE webchatt.retention_progress IS 'webchatt''s own: how far conversations have left by webchatt.set_retention(); webchatt.retention shows it. In no dump';
COMMENT ON COLUMN webchatt.retention_progress.upto IS 'messages up to this one were looked at: what is left of them is of conversations that go on, or is in retention_left';
COMMENT ON COLUMN webchatt.retention_progress.visitors_upto IS 'the last visitor that was looked at, while all are looked through for those without anything';
COMMENT ON COLUMN webchatt.retention_progress.visitors_due IS 'when the next page of them is due';
COMMENT ON COLUMN webchatt.retention_progress.cutoff IS 'whose last message is older leaves, as it was last reckoned';
COMMENT ON COLUMN webchatt.retention_progress.conversations IS 'conversations that have left';
COMMENT ON COLUMN webchatt.retention_progress.messages IS 'messages that have left';
COMMENT ON COLUMN webchatt.retention_progress.archived IS 'messages of these that an archive has';
COMMENT ON COLUMN webchatt.retention_progress.visitors IS 'visitors that have left';
COMMENT ON COLUMN webchatt.retention_progress.moved_at IS 'when something last left';
COMMENT ON COLUMN webchatt.retention_progress.failures IS 'failures since something last succeeded';
COMMENT ON COLUMN webchatt.retention_progress.last_error IS 'what the last one was; null since all is well';
COMMENT ON COLUMN webchatt.retention_progress.last_error_at IS 'when that was';
COMMENT ON COLUMN webchatt.retention_progress.not_before IS 'not to be tried again before; null: now';
COMMENT ON COLUMN webchatt.retention_progress.again IS 'how often somebody said that all is to be looked at again';

CREATE TABLE webchatt.retention_left (
	channel_id uuid NOT NULL REFERENCES webchatt.channels (id) ON DELETE CASCADE,
	visitor text COLLATE "C" NOT NULL,
	reason text COLLATE "C" NOT NULL CHECK (reason IN ('under way', 'rest', 'empty')),
	due timestamptz NOT NULL DEFAULT now(),
	PRIMARY KEY (channel_id, visitor)
);
CREATE INDEX retention_left_due ON webchatt.retention_left (channel_id, reason, due);
COMMENT ON TABLE webchatt.retention_left IS 'webchatt''s own: conversations to be looked at once more, as they could not leave, or not as a whole. In no dump';
COMMENT ON COLUMN webchatt.retention_left.visitor IS 'whose conversation';
COMMENT ON COLUMN webchatt.retention_left.reason IS
	'under way: something waits to be sent, or is being joined; rest: the messages have left, notes or files not yet; empty: all has, the visitor''s own row not yet';
COMMENT ON COLUMN webchatt.retention_left.due IS 'when it is looked at next';

/* Small tables of which nothing is known look large enough for just-in-time compilation, which takes a third of a second. */
CREATE FUNCTION webchatt._retention_rules() RETURNS TABLE (channel_id uuid, keep interval, archive_schema text, archive_name text, archive_owner text, is_own boolean, set_at timestamptz)
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp SET jit = off AS $$
	SELECT c.id, r.keep, r.archive_schema, r.archive_name, r.archive_owner, r.channel_id IS NOT NULL, r.set_at
	FROM webchatt.channels c
	JOIN webchatt.retentions r ON r.channel_id = c.id OR r.channel_id IS NULL
		AND NOT EXISTS (SELECT FROM webchatt.retentions own WHERE own.channel_id = c.id)
$$;
COMMENT ON FUNCTION webchatt._retention_rules() IS 'webchatt''s own: what holds for each channel; none: there is no row for it';

----------------------------------------------------------------------------
-- Archives: tables of the application's own
----------------------------------------------------------------------------

CREATE TYPE webchatt.archived AS (
	channel_id uuid,
	id uuid,
	visitor text,
	direction text,
	status text,
	content jsonb,
	created_at timestamptz,
	status_at timestamptz,
	author text,
	final boolean,
	hub_message_id text,
	hub_time timestamptz,
	dedupe_key text,
	expires_at timestamptz,
	error_code text,
	error_message text,
	extra jsonb,
	statuses jsonb
);
COMMENT ON TYPE webchatt.archived IS 'a message as archives have it, and webchatt.history() shows it; the first seven columns every archive needs, of the others those that it has are filled';
COMMENT ON COLUMN webchatt.archived.channel_id IS 'as in webchatt.messages, and so are those without a word of their own';
COMMENT ON COLUMN webchatt.archived.direction IS 'in or out';
COMMENT ON COLUMN webchatt.archived.status IS 'the word of webchatt.messages.status';
COMMENT ON COLUMN webchatt.archived.statuses IS 'its rows of webchatt.statuses, in their order: [{status, at, hubMessageId?, errorCode?, errorMessage?}]; null: it had none';

CREATE FUNCTION webchatt._archived_columns(archive oid) RETURNS TABLE (name text, type oid, n int, has oid, is_required boolean)
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
	SELECT t.attname::text, t.atttypid, t.attnum::int, a.atttypid, t.attnum <= 7
	FROM pg_namespace s
	JOIN pg_class c ON c.relnamespace = s.oid AND c.relname = 'archived'
	JOIN pg_attribute t ON t.attrelid = c.oid AND t.attnum > 0 AND NOT t.attisdropped
	LEFT JOIN pg_attribute a ON a.attrelid = archive AND a.attname = t.attname AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = ''
	WHERE s.nspname = 'webchatt'
$$;
COMMENT ON FUNCTION webchatt._archived_columns(oid) IS 'webchatt''s own: the columns that an archive may have, and of which type it has them; null: it has not';

CREATE FUNCTION webchatt._archive_problem(archive oid) RETURNS text
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	c pg_class;
	words text;
BEGIN
	SELECT * INTO c FROM pg_class k WHERE k.oid = archive;
	IF c.oid IS NULL THEN
		RETURN 'there is no such table';
	ELSIF c.relkind NOT IN ('r', 'p', 'f', 'v') THEN
		RETURN 'it is no table, foreign table or view';
	ELSIF c.relpersistence <> 'p' THEN
		RETURN 'it is temporary or unlogged, and would not be there after a crash';
	ELSIF c.relnamespace = (SELECT n.oid FROM pg_namespace n WHERE n.nspname = 'webchatt') THEN
		RETURN 'it is one of webchatt''s own tables';
	END IF;
	SELECT string_agg(format('%I %s', k.name, format_type(k.type, NULL)), ', ' ORDER BY k.n) INTO words
	FROM webchatt._archived_columns(archive) k WHERE k.is_required AND k.has IS NULL;
	IF words IS NOT NULL THEN
		RETURN 'it lacks columns: ' || words;
	END IF;
	SELECT string_agg(format('%I is %s and not %s', k.name, format_type(k.has, NULL), format_type(k.type, NULL)), ', ' ORDER BY k.n) INTO words
	FROM webchatt._archived_columns(archive) k
	WHERE k.has <> k.type AND NOT EXISTS (SELECT FROM pg_cast x WHERE x.castsource = k.type AND x.casttarget = k.has AND x.castcontext IN ('i', 'a'));
	IF words IS NOT NULL THEN
		RETURN 'columns are of other types: ' || words;
	END IF;
	SELECT string_agg(quote_ident(a.attname), ', ' ORDER BY a.attnum) INTO words
	FROM pg_attribute a WHERE a.attrelid = archive AND a.attnum > 0 AND NOT a.attisdropped AND a.attnotnull AND NOT a.atthasdef AND a.attidentity = ''
		AND NOT EXISTS (SELECT FROM webchatt._archived_columns(archive) k WHERE k.name = a.attname);
	RETURN 'columns that nothing is known of are NOT NULL and have no default: ' || words;
END
$$;
COMMENT ON FUNCTION webchatt._archive_problem(oid) IS 'webchatt''s own: why messages cannot be moved to a table; null: they can';

CREATE FUNCTION webchatt._check_retention(keep interval, channel uuid, archive oid) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	problem text := CASE WHEN archive IS NOT NULL THEN webchatt._archive_problem(archive) END;
BEGIN
	IF keep < interval '1 day' THEN
		RAISE EXCEPTION 'conversations would leave after %', keep
			USING ERRCODE = 'invalid_parameter_value', HINT = 'Keep them for a day at least; NULL keeps them for ever.';
	ELSIF NOT isfinite(now() - keep) OR keep > interval '1000 years' THEN
		RAISE EXCEPTION 'keep is out of range' USING ERRCODE = 'invalid_parameter_value', HINT = 'NULL keeps conversations for ever.';
	ELSIF keep IS NULL AND archive IS NOT NULL THEN
		RAISE EXCEPTION 'an archive is of no use where conversations stay for ever'
			USING ERRCODE = 'invalid_parameter_value', HINT = 'Give keep an interval, for example ''2 years''.';
	ELSIF channel IS NOT NULL AND NOT EXISTS (SELECT FROM webchatt.channels c WHERE c.id = channel) THEN
		RAISE EXCEPTION 'there is no channel %', channel
			USING ERRCODE = 'undefined_object', HINT = 'SELECT id, display_name FROM webchatt.channels lists them.';
	ELSIF problem IS NOT NULL THEN
		RAISE EXCEPTION '% cannot be an archive: %', archive::regclass, problem
			USING ERRCODE = 'invalid_table_definition', HINT = 'webchatt.create_archive(name) makes a table that can; its columns are those of the type webchatt.archived.';
	END IF;
END
$$;
COMMENT ON FUNCTION webchatt._check_retention(interval, uuid, oid) IS 'webchatt''s own: raises what is wrong with arguments of webchatt.set_retention()';

CREATE FUNCTION webchatt.set_retention(keep interval, channel uuid DEFAULT NULL, archive regclass DEFAULT NULL) RETURNS void
LANGUAGE c SET search_path = pg_catalog, pg_temp AS 'MODULE_PATHNAME', 'webchatt_set_retention';
COMMENT ON FUNCTION webchatt.set_retention(interval, uuid, regclass) IS
	'conversations leave when their last message is older than keep, a day at least; NULL keeps them for ever. channel: for that one only, instead of what holds for all. archive: a table of yours that messages are moved to, with its owner''s rights, so only its owner may say so; without one they are deleted. webchatt.retention shows how far that is';

CREATE FUNCTION webchatt.unset_retention(channel uuid) RETURNS boolean
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
	WITH gone AS (DELETE FROM webchatt.retentions r WHERE r.channel_id = channel RETURNING 1) SELECT EXISTS (SELECT FROM gone)
$$;
COMMENT ON FUNCTION webchatt.unset_retention(uuid) IS
	'ends what webchatt.set_retention() set for that channel alone, so that what holds for all holds for it; false when there was nothing';

CREATE FUNCTION webchatt.create_archive(name text, by_month boolean DEFAULT false) RETURNS regclass
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	parts text[] := parse_ident(name);
	full_name text;
BEGIN
	IF cardinality(parts) NOT IN (1, 2) OR parts IS NULL THEN
		RAISE EXCEPTION '"%" is no name of a table', name
			USING ERRCODE = 'invalid_parameter_value', HINT = 'Give a schema and a name: archive.messages. Without a schema it is public.';
	END IF;
	IF cardinality(parts) = 1 THEN
		parts := ARRAY['public', parts[1]];
	END IF;
	full_name := format('%I.%I', parts[1], parts[2]);
	EXECUTE format('CREATE TABLE %s (%s, archived_at timestamptz NOT NULL DEFAULT now(), PRIMARY KEY (channel_id, id%s))%s', full_name,
		(SELECT string_agg(format('%I %s%s', k.name, format_type(k.type, NULL), CASE WHEN k.is_required THEN ' NOT NULL' ELSE '' END), ', ' ORDER BY k.n)
			FROM webchatt._archived_columns(NULL) k),
		CASE WHEN by_month THEN ', created_at' ELSE '' END, CASE WHEN by_month THEN ' PARTITION BY RANGE (created_at)' ELSE '' END);
	EXECUTE format('CREATE INDEX ON %s (channel_id, visitor, id)', full_name);
	EXECUTE format('COMMENT ON TABLE %s IS %L', full_name, 'messages that left webchatt: the columns are those of the type webchatt.archived');
	RETURN full_name::regclass;
END
$$;
COMMENT ON FUNCTION webchatt.create_archive(text, boolean) IS
	'makes a table that webchatt.set_retention() can have as its archive, and which is the caller''s. by_month: partitioned by the month in which messages were written (UTC); partitions are made as they are needed';

----------------------------------------------------------------------------
-- What is done in an archive: always with its owner's rights.  The function in C looks whether the table is an archive,
-- and its owner's still, and calls the one of its name with _as_owner
----------------------------------------------------------------------------

CREATE FUNCTION webchatt._archive_put(archive regclass, messages webchatt.archived[]) RETURNS bigint
LANGUAGE c STRICT AS 'MODULE_PATHNAME', 'webchatt_archive_call';
COMMENT ON FUNCTION webchatt._archive_put(regclass, webchatt.archived[]) IS
	'webchatt''s own: writes messages of one channel into an archive; what is there already stays. Raises when one is not there afterwards';

CREATE FUNCTION webchatt._archive_erase(archive regclass, channel uuid, visitor text, until timestamptz) RETURNS bigint
LANGUAGE c STRICT AS 'MODULE_PATHNAME', 'webchatt_archive_call';
COMMENT ON FUNCTION webchatt._archive_erase(regclass, uuid, text, timestamptz) IS 'webchatt''s own: deletes what an archive has of a visitor and was written until then; how many rows';

CREATE FUNCTION webchatt._archive_redact(archive regclass, channel uuid, id uuid, content jsonb) RETURNS bigint
LANGUAGE c STRICT AS 'MODULE_PATHNAME', 'webchatt_archive_call';
COMMENT ON FUNCTION webchatt._archive_redact(regclass, uuid, uuid, jsonb) IS 'webchatt''s own: gives a message in an archive another content; how many rows';

CREATE FUNCTION webchatt._archive_put_as_owner(archive regclass, messages webchatt.archived[]) RETURNS bigint
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	statement text;
	parent record;
	month timestamptz;
	kept bigint;
BEGIN
	SELECT format('INSERT INTO %s (%s) SELECT %s FROM unnest($1) AS m %s', archive, string_agg(quote_ident(a.attname), ', ' ORDER BY t.attnum),
		string_agg('m.' || quote_ident(a.attname), ', ' ORDER BY t.attnum),
		CASE WHEN (SELECT k.relkind FROM pg_class k WHERE k.oid = archive) <> 'v' THEN 'ON CONFLICT DO NOTHING' ELSE '' END)
	INTO statement
	FROM pg_namespace s
	JOIN pg_class c ON c.relnamespace = s.oid AND c.relname = 'archived'
	JOIN pg_attribute t ON t.attrelid = c.oid AND t.attnum > 0 AND NOT t.attisdropped
	JOIN pg_attribute a ON a.attrelid = archive AND a.attname = t.attname AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = ''
	WHERE s.nspname = 'webchatt';
	BEGIN
		EXECUTE statement USING messages;
	EXCEPTION WHEN check_violation THEN
		-- perhaps there is no partition for them: of an archive that is partitioned by month it is made
		SELECT s.nspname, k.relname INTO parent FROM pg_class k JOIN pg_namespace s ON s.oid = k.relnamespace
		JOIN pg_partitioned_table p ON p.partrelid = k.oid AND p.partstrat = 'r' AND p.partnatts = 1
		JOIN pg_attribute a ON a.attrelid = k.oid AND a.attnum = p.partattrs[0] AND a.attname = 'created_at'
		WHERE k.oid = archive;
		IF NOT FOUND THEN
			RAISE;
		END IF;
		FOR month IN SELECT DISTINCT date_trunc('month', m.created_at, 'UTC') FROM unnest(messages) m LOOP
			IF NOT EXISTS (SELECT FROM pg_class k JOIN pg_namespace s ON s.oid = k.relnamespace
				WHERE s.nspname = parent.nspname AND k.relname = parent.relname || to_char(month AT TIME ZONE 'UTC', '_YYYY_MM')) THEN
				EXECUTE format('CREATE TABLE %I.%I PARTITION OF %s FOR VALUES FROM (%L) TO (%L)', parent.nspname,
					parent.relname || to_char(month AT TIME ZONE 'UTC', '_YYYY_MM'), archive, month, (month AT TIME ZONE 'UTC' + interval '1 month') AT TIME ZONE 'UTC');
			END IF;
		END LOOP;
		EXECUTE statement USING messages;
	END;
	EXECUTE format('SELECT count(DISTINCT a.id) FROM %s a WHERE a.channel_id = $1 AND a.id = ANY ($2) AND a.created_at BETWEEN $3 AND $4', archive)
	INTO kept
	USING messages[1].channel_id, ARRAY(SELECT m.id FROM unnest(messages) m), (SELECT min(m.created_at) FROM unnest(messages) m),
		(SELECT max(m.created_at) FROM unnest(messages) m);
	IF kept < cardinality(messages) THEN
		RAISE EXCEPTION 'the archive % kept % of % messages', archive, kept, cardinality(messages)
			USING ERRCODE = 'integrity_constraint_violation',
				DETAIL = 'Nothing was deleted here.', HINT = 'A unique constraint, a trigger, a rule or a policy of the archive refuses the others.';
	END IF;
	RETURN kept;
END
$$;
COMMENT ON FUNCTION webchatt._archive_put_as_owner(regclass, webchatt.archived[]) IS 'webchatt''s own: see _archive_put()';

CREATE FUNCTION webchatt._archive_erase_as_owner(archive regclass, channel uuid, visitor text, until timestamptz) RETURNS bigint
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	n bigint;
	kept boolean;
BEGIN
	EXECUTE format('DELETE FROM %s a WHERE a.channel_id = $1 AND a.visitor = $2%s', archive, CASE WHEN until < 'infinity' THEN ' AND a.created_at <= $3' ELSE '' END)
	USING channel, visitor, until;
	GET DIAGNOSTICS n = ROW_COUNT;
	EXECUTE format('SELECT EXISTS (SELECT FROM %s a WHERE a.channel_id = $1 AND a.visitor = $2%s)', archive, CASE WHEN until < 'infinity' THEN ' AND a.created_at <= $3' ELSE '' END)
	INTO kept USING channel, visitor, until;
	IF kept THEN
		RAISE EXCEPTION 'the archive % keeps what is to be erased', archive
			USING ERRCODE = 'integrity_constraint_violation', HINT = 'A trigger, a rule or a policy of the archive keeps rows from being deleted.';
	END IF;
	RETURN n;
END
$$;
COMMENT ON FUNCTION webchatt._archive_erase_as_owner(regclass, uuid, text, timestamptz) IS 'webchatt''s own: see _archive_erase()';

CREATE FUNCTION webchatt._archive_redact_as_owner(archive regclass, channel uuid, id uuid, content jsonb) RETURNS bigint
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	n bigint;
	beside text;
	kept boolean;
BEGIN
	-- as in our own tables: what the hub said of it beside
	SELECT string_agg(CASE a.attname WHEN 'statuses' THEN format(', statuses = CASE jsonb_typeof(a.statuses::jsonb) WHEN ''array'' THEN '
			'(SELECT jsonb_agg(s - ''errorMessage'') FROM jsonb_array_elements(a.statuses::jsonb) s)::text::%s END', format_type(a.atttypid, a.atttypmod))
		ELSE format(', %I = NULL', a.attname) END, '')
	INTO beside
	FROM pg_attribute a WHERE a.attrelid = archive AND a.attname IN ('extra', 'error_message', 'statuses') AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = '';
	EXECUTE format('UPDATE %s a SET content = $3%s WHERE a.channel_id = $1 AND a.id = $2', archive, beside) USING channel, id, content;
	GET DIAGNOSTICS n = ROW_COUNT;
	EXECUTE format('SELECT EXISTS (SELECT FROM %s a WHERE a.channel_id = $1 AND a.id = $2 AND a.content::jsonb <> $3)', archive) INTO kept USING channel, id, content;
	IF kept THEN
		RAISE EXCEPTION 'the archive % keeps what is to be redacted', archive
			USING ERRCODE = 'integrity_constraint_violation', HINT = 'A trigger, a rule or a policy of the archive keeps rows from being changed.';
	END IF;
	RETURN n;
END
$$;
COMMENT ON FUNCTION webchatt._archive_redact_as_owner(regclass, uuid, uuid, jsonb) IS 'webchatt''s own: see _archive_redact()';

CREATE FUNCTION webchatt._archives(channel uuid) RETURNS SETOF regclass
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp SET jit = off AS $$
	SELECT c.oid::regclass
	FROM webchatt._retention_rules() r
	JOIN pg_namespace s ON s.nspname = r.archive_schema
	JOIN pg_class c ON c.relnamespace = s.oid AND c.relname = r.archive_name
	WHERE r.channel_id = channel
$$;
COMMENT ON FUNCTION webchatt._archives(uuid) IS 'webchatt''s own: the tables that have messages of a channel which left';

----------------------------------------------------------------------------
-- How conversations leave, a piece at a time
----------------------------------------------------------------------------

/*
 * What belongs to messages, and the messages.  They are locked, so none is being sent or sent again meanwhile.
 */
CREATE FUNCTION webchatt._retain_messages(channel uuid, ids uuid[], archive regclass) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	moved webchatt.archived[];
BEGIN
	IF archive IS NOT NULL THEN
		SELECT array_agg((m.channel_id, m.id, m.visitor, m.direction::text, m.status::text, m.content, m.created_at, m.status_at, m.author,
			m.final, m.hub_message_id, m.hub_time, m.dedupe_key, m.expires_at, m.error_code, m.error_message, m.extra, s.statuses)::webchatt.archived)
		INTO moved
		FROM unnest(ids) u (id)
		JOIN webchatt.messages m ON m.channel_id = channel AND m.id = u.id
		CROSS JOIN LATERAL (SELECT jsonb_agg(jsonb_strip_nulls(jsonb_build_object('status', t.status, 'at', t.at, 'hubMessageId', t.hub_message_id,
				'errorCode', t.error_code, 'errorMessage', t.error_message)) ORDER BY t.id) AS statuses
			FROM webchatt.statuses t WHERE t.channel_id = channel AND t.message_id = u.id) s;
		PERFORM webchatt._archive_put(archive, moved);
	END IF;
	DELETE FROM webchatt.statuses s USING unnest(ids) u (id) WHERE s.channel_id = channel AND s.message_id = u.id;
	DELETE FROM webchatt.overdue_candidates o USING unnest(ids) u (id) WHERE o.channel_id = channel AND o.message_id = u.id;
	DELETE FROM webchatt.file_uses f USING unnest(ids) u (id) WHERE f.message_channel_id = channel AND f.message_id = u.id;
	DELETE FROM webchatt.messages m USING unnest(ids) u (id) WHERE m.channel_id = channel AND m.id = u.id;
END
$$;
COMMENT ON FUNCTION webchatt._retain_messages(uuid, uuid[], regclass) IS 'webchatt''s own: messages of a channel leave, which the caller has locked';

CREATE FUNCTION webchatt._retain_rest(channel uuid, whose text[], most int) RETURNS text[]
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	until CONSTANT timestamptz := clock_timestamp() + interval '50 milliseconds';
	locked text[];
	quiet text[];
	whole text[];
	file text;
	waited text;
BEGIN
	-- for who writes just now the worker has this row locked, and a message that is not to be seen yet
	SELECT array_agg(k.visitor) INTO locked
	FROM (SELECT c.visitor FROM unnest(whose) w (id) JOIN webchatt.conversations c ON c.channel_id = channel AND c.visitor = w.id FOR UPDATE OF c SKIP LOCKED) k;
	quiet := ARRAY(SELECT w.id FROM unnest(whose) w (id)
		WHERE (w.id = ANY (locked) OR NOT EXISTS (SELECT FROM webchatt.conversations c WHERE c.channel_id = channel AND c.visitor = w.id))
			AND NOT EXISTS (SELECT FROM webchatt.messages m WHERE m.channel_id = channel AND m.visitor = w.id));
	DELETE FROM webchatt.notes x WHERE x.channel_id = channel
		AND x.id IN (SELECT o.id FROM unnest(quiet) w (id) JOIN webchatt.notes o ON o.channel_id = channel AND o.visitor = w.id LIMIT most);
	-- one may be thousands of rows.  What another conversation names stays there
	FOR file IN SELECT o.id FROM unnest(quiet) w (id)
		JOIN webchatt.files o ON o.channel_id = channel AND o.visitor = w.id AND NOT EXISTS (SELECT FROM webchatt.file_uses u
			JOIN webchatt.messages m ON m.channel_id = u.message_channel_id AND m.id = u.message_id WHERE u.channel_id = channel AND u.file_id = o.id)
		LIMIT 500 LOOP
		DELETE FROM webchatt.files f WHERE f.channel_id = channel AND f.id = file;
		EXIT WHEN clock_timestamp() > until;
	END LOOP;
	whole := ARRAY(SELECT w.id FROM unnest(quiet) w (id)
		WHERE NOT EXISTS (SELECT FROM webchatt.notes x WHERE x.channel_id = channel AND x.visitor = w.id)
			AND NOT EXISTS (SELECT FROM webchatt.files o WHERE o.channel_id = channel AND o.visitor = w.id AND NOT EXISTS (SELECT FROM webchatt.file_uses u
				JOIN webchatt.messages m ON m.channel_id = u.message_channel_id AND m.id = u.message_id WHERE u.channel_id = channel AND u.file_id = o.id)));
	UPDATE webchatt.files f SET visitor = NULL FROM unnest(whole) w (id) WHERE f.channel_id = channel AND f.visitor = w.id;
	DELETE FROM webchatt.ratings r USING unnest(whole) w (id) WHERE r.channel_id = channel AND r.visitor = w.id;
	DELETE FROM webchatt.closings k USING unnest(whole) w (id) WHERE k.channel_id = channel AND k.visitor = w.id;
	DELETE FROM webchatt.unread u USING unnest(whole) w (id) WHERE u.channel_id = channel AND u.visitor = w.id;
	DELETE FROM webchatt.unread_waits u USING unnest(whole) w (id) WHERE u.channel_id = channel AND u.visitor = w.id;
	FOR waited IN WITH gone AS (DELETE FROM webchatt.conversations c USING unnest(whole) w (id) WHERE c.channel_id = channel AND c.visitor = w.id RETURNING c.visitor, c.waiting_since)
		SELECT g.visitor FROM gone g WHERE g.waiting_since IS NOT NULL LOOP
		-- the worker knows whom nobody has answered
		PERFORM webchatt._conversation_gone(channel, waited);
	END LOOP;
	RETURN whole;
END
$$;
COMMENT ON FUNCTION webchatt._retain_rest(uuid, text[], int) IS
	'webchatt''s own: notes, files, ratings, closings and how it stands of conversations without messages leave, so many notes at most; those of which nothing is left but the visitor''s row';

CREATE FUNCTION webchatt._conversation_gone(channel uuid, visitor text) RETURNS void
LANGUAGE c STRICT AS 'MODULE_PATHNAME', 'webchatt_conversation_gone';
COMMENT ON FUNCTION webchatt._conversation_gone(uuid, text) IS 'webchatt''s own: has the worker forget how a conversation stands, at commit';

/* Why a conversation stays, of which a message may be locked by then. */
CREATE FUNCTION webchatt._retain_not(channel uuid, whose text, before uuid) RETURNS text
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	RETURN CASE
		WHEN (SELECT m.id FROM webchatt.messages m WHERE m.channel_id = channel AND m.visitor = whose
			ORDER BY m.channel_id DESC, m.visitor DESC, m.id DESC LIMIT 1) >= before THEN 'goes on'
		WHEN EXISTS (SELECT FROM webchatt.held h WHERE h.channel_id = channel AND h.visitor = whose)
			OR EXISTS (SELECT FROM webchatt.joins j WHERE j.channel_id = channel AND j.visitor = whose)
			-- (who is being erased does not get into an archive meanwhile)
			OR EXISTS (SELECT FROM webchatt.erasures e WHERE e.channel_id = channel AND e.done_at IS NULL AND whose = ANY (e.visitors))
			OR EXISTS (SELECT FROM webchatt.visitors v JOIN webchatt.joins j ON j.channel_id = v.channel_id AND j.visitor = v.id
				WHERE v.channel_id = channel AND v.joined_to = whose)
			OR EXISTS (SELECT FROM webchatt.outbox o JOIN webchatt.messages m ON m.channel_id = o.channel_id AND m.id = o.message_id
				WHERE o.channel_id = channel AND o.visitor = whose AND m.status IN ('queued', 'held')) THEN 'under way'
		END;
END
$$;
COMMENT ON FUNCTION webchatt._retain_not(uuid, text, uuid) IS
	'webchatt''s own: goes on: a conversation has a message from that id on; under way: something in it waits to be sent, or it is being joined or erased; null: it may leave';

/* What became of them is to be remembered: goes on, under way, rest (there is more), empty (only the visitor's row is left). */
CREATE FUNCTION webchatt._retain_note(channel uuid, whose text[], word text) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	DELETE FROM webchatt.retention_left l USING unnest(whose) w (id) WHERE l.channel_id = channel AND l.visitor = w.id
		AND (word = 'goes on' OR word = 'empty' AND NOT EXISTS (SELECT FROM webchatt.visitors v WHERE v.channel_id = channel AND v.id = w.id));
	INSERT INTO webchatt.retention_left AS l (channel_id, visitor, reason, due)
	SELECT channel, w.id, word, CASE word WHEN 'under way' THEN now() + interval '1 day' ELSE now() END FROM unnest(whose) w (id)
	WHERE word <> 'goes on' AND (word <> 'empty' OR EXISTS (SELECT FROM webchatt.visitors v WHERE v.channel_id = channel AND v.id = w.id))
	ON CONFLICT (channel_id, visitor) DO UPDATE SET reason = excluded.reason, due = excluded.due;
END
$$;
COMMENT ON FUNCTION webchatt._retain_note(uuid, text[], text) IS 'webchatt''s own: remembers how conversations stand that were to leave';

/*
 * As many of them as there is room and time for, all with one call of the archive, before anything is deleted here: while one
 * that is slow takes its time nothing is locked but the messages that leave.
 */
CREATE FUNCTION webchatt._retain_conversations(channel uuid, whose text[], before uuid, archive regclass, most int, OUT n int, OUT reached int, OUT left_whole int)
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	word text;
	these uuid[];
	waits boolean;
	ids uuid[] := '{}';
	going_on text[] := '{}';
	under_way text[] := '{}';
	leaving text[] := '{}';
	had text[] := '{}';
	gone text[];
	whole text[];
BEGIN
	n := 0;
	reached := 0;
	left_whole := 0;
	WHILE reached < cardinality(whose) AND n < most AND (reached = 0 OR clock_timestamp() < now() + interval '100 milliseconds') LOOP
		reached := reached + 1;
		word := webchatt._retain_not(channel, whose[reached], before);
		IF word IS NULL THEN
			-- (somebody may have written since)
			SELECT array_agg(p.id ORDER BY p.id), coalesce(bool_or(p.status IN ('queued', 'held')), false),
				CASE WHEN EXISTS (SELECT FROM webchatt.messages m WHERE m.channel_id = channel AND m.visitor = whose[reached] AND m.id >= before) THEN 'goes on' END
			INTO these, waits, word
			FROM (SELECT m.id, m.status FROM webchatt.messages m WHERE m.channel_id = channel AND m.visitor = whose[reached]
				ORDER BY m.channel_id, m.visitor, m.id LIMIT most - n FOR UPDATE SKIP LOCKED) p;
		END IF;
		IF word = 'goes on' THEN
			going_on := going_on || whose[reached];
		ELSIF word = 'under way' OR waits THEN
			under_way := under_way || whose[reached];
		ELSE
			leaving := leaving || whose[reached];
			IF these IS NOT NULL THEN
				had := had || whose[reached];
				ids := ids || these;
				n := cardinality(ids);
			END IF;
		END IF;
	END LOOP;
	IF n > 0 THEN
		PERFORM webchatt._retain_messages(channel, ids, archive);
	END IF;
	gone := ARRAY(SELECT l.id FROM unnest(leaving) l (id) WHERE NOT EXISTS (SELECT FROM webchatt.messages m WHERE m.channel_id = channel AND m.visitor = l.id));
	whole := webchatt._retain_rest(channel, gone, most);
	left_whole := (SELECT count(*) FROM unnest(gone) g (id) WHERE g.id = ANY (had));
	PERFORM webchatt._retain_note(channel, going_on, 'goes on');
	PERFORM webchatt._retain_note(channel, whole, 'empty');
	-- for the last of them there may have been no room; of the others somebody has a message locked
	PERFORM webchatt._retain_note(channel, ARRAY(SELECT l.id FROM unnest(leaving) l (id)
		WHERE l.id <> ALL (whole) AND (l.id = ANY (gone) OR n >= most AND l.id = whose[reached])), 'rest');
	PERFORM webchatt._retain_note(channel, under_way || ARRAY(SELECT l.id FROM unnest(leaving) l (id)
		WHERE l.id <> ALL (gone) AND NOT (n >= most AND l.id = whose[reached])), 'under way');
END
$$;
COMMENT ON FUNCTION webchatt._retain_conversations(uuid, text[], uuid, regclass, int, OUT int, OUT int, OUT int) IS
	'webchatt''s own: conversations without a message from an id on leave, in their order, so many messages at most: how many did, of how many conversations that was looked into, and how many of these have left as a whole';

/*
 * The oldest messages first: their ids are times.  A conversation whose newest message is younger is passed over, and met
 * again by that message; so nothing is looked at twice, and what each conversation had last needs no index.
 */
CREATE FUNCTION webchatt._retain_channel(channel uuid, cutoff timestamptz, archive regclass, most int) RETURNS int
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	before CONSTANT uuid := webchatt._search_id(cutoff);
	p webchatt.retention_progress;
	r record;
	ids uuid[];
	writers text[];
	again text[];
	firsts int[];
	whose text[];
	reached uuid;
	steps int;
BEGIN
	SELECT * INTO p FROM webchatt.retention_progress g WHERE g.channel_id = channel;
	again := ARRAY(SELECT l.visitor FROM webchatt.retention_left l
		WHERE l.channel_id = channel AND l.reason IN ('rest', 'under way') AND l.due <= now() ORDER BY l.due LIMIT 50);
	SELECT array_agg(m.id ORDER BY m.id), array_agg(m.visitor ORDER BY m.id) INTO ids, writers
	FROM (SELECT m.id, m.visitor FROM webchatt.messages m WHERE m.channel_id = channel AND m.id > p.upto AND m.id < before
		ORDER BY m.channel_id, m.id LIMIT 500) m;
	SELECT array_agg(f.visitor ORDER BY f.n), array_agg(f.n ORDER BY f.n) INTO whose, firsts
	FROM (SELECT w.visitor, min(w.n)::int AS n FROM unnest(writers) WITH ORDINALITY AS w (visitor, n)
		WHERE w.visitor <> ALL (again)
		GROUP BY w.visitor
		HAVING NOT EXISTS (SELECT FROM webchatt.messages m WHERE m.channel_id = channel AND m.visitor = w.visitor AND m.id >= before)) f;
	steps := cardinality(again) + coalesce(cardinality(ids), 0);
	IF steps = 0 THEN
		RETURN 0;
	END IF;
	SELECT * INTO r FROM webchatt._retain_conversations(channel, again || whose, before, archive, most);
	-- the next time from the first message of whom there was no room or time for
	reached := CASE WHEN r.reached < cardinality(again || whose)
		THEN coalesce(ids[firsts[greatest(r.reached - cardinality(again), 0) + 1] - 1], p.upto) ELSE ids[cardinality(ids)] END;
	-- somebody may have said meanwhile that all is to be looked at again
	UPDATE webchatt.retention_progress g SET upto = CASE WHEN g.again = p.again THEN coalesce(reached, g.upto) ELSE g.upto END, cutoff = _retain_channel.cutoff,
		messages = g.messages + r.n, archived = g.archived + CASE WHEN archive IS NULL THEN 0 ELSE r.n END, conversations = g.conversations + r.left_whole,
		failures = 0, last_error = NULL, last_error_at = NULL, not_before = NULL, moved_at = CASE WHEN r.n > 0 THEN now() ELSE g.moved_at END
	WHERE g.channel_id = channel;
	RETURN steps;
END
$$;
COMMENT ON FUNCTION webchatt._retain_channel(uuid, timestamptz, regclass, int) IS
	'webchatt''s own: a piece of a channel''s conversations leaves, so many messages at most; 0: there was nothing to look at';

/* Beside conversations: events that were refused, and a page of all visitors, to find those without anything. */
CREATE FUNCTION webchatt._retain_beside(channel uuid, cutoff timestamptz) RETURNS int
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	p webchatt.retention_progress;
	steps int;
	looked int;
	last text;
	gone text[];
BEGIN
	DELETE FROM webchatt.rejects r WHERE r.channel_id = channel AND r.last_at < cutoff
		AND r.id IN (SELECT o.id FROM webchatt.rejects o WHERE o.channel_id = channel ORDER BY o.channel_id, o.id LIMIT 100);
	GET DIAGNOSTICS steps = ROW_COUNT;
	DELETE FROM webchatt.early_statuses e WHERE e.channel_id = channel AND e.recorded_at < cutoff;
	SELECT * INTO p FROM webchatt.retention_progress g WHERE g.channel_id = channel;
	IF p.visitors_due > now() THEN
		RETURN steps;
	END IF;
	SELECT count(*), (array_agg(v.id ORDER BY v.id DESC))[1],
		array_agg(v.id) FILTER (WHERE coalesce(v.last_seen, v.first_seen) < cutoff AND v.joined_to IS NULL
			AND NOT EXISTS (SELECT FROM webchatt.messages m WHERE m.channel_id = channel AND m.visitor = v.id))
	INTO looked, last, gone
	FROM (SELECT x.id, x.last_seen, x.first_seen, x.joined_to FROM webchatt.visitors x WHERE x.channel_id = channel AND x.id > p.visitors_upto
		ORDER BY x.channel_id, x.id LIMIT 500) v;
	INSERT INTO webchatt.retention_left (channel_id, visitor, reason)
	SELECT channel, g.id, 'rest' FROM unnest(gone) g (id)
	ON CONFLICT DO NOTHING;
	UPDATE webchatt.retention_progress g SET visitors_upto = CASE WHEN looked < 500 THEN '' ELSE last END,
		visitors_due = CASE WHEN looked < 500 THEN now() + interval '1 day' ELSE now() END
	WHERE g.channel_id = channel;
	RETURN steps + looked;
END
$$;
COMMENT ON FUNCTION webchatt._retain_beside(uuid, timestamptz) IS
	'webchatt''s own: what is refused and old leaves; a page of all visitors is looked through, once a day, for those without anything';

/*
 * Visitors of whom nothing is left and who were not here since.  Many at a time, as every session forgets then whom it
 * knows, and plans anew.
 */
CREATE FUNCTION webchatt._retain_visitors(most int) RETURNS int
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	channels uuid[];
	whose text[];
	n int := 0;
BEGIN
	SELECT array_agg(l.channel_id), array_agg(l.visitor) INTO channels, whose
	FROM (SELECT l.channel_id, l.visitor FROM webchatt.retention_left l WHERE l.reason = 'empty' ORDER BY l.channel_id, l.reason, l.due LIMIT most) l;
	IF channels IS NULL THEN
		RETURN 0;
	END IF;
	WITH empty AS MATERIALIZED (
		SELECT v.channel_id, v.id
		FROM unnest(channels, whose) AS l (channel_id, visitor)
		JOIN webchatt.visitors v ON v.channel_id = l.channel_id AND v.id = l.visitor
		JOIN webchatt.retention_progress p ON p.channel_id = v.channel_id
		WHERE coalesce(v.last_seen, v.first_seen) < p.cutoff AND v.joined_to IS NULL
			AND NOT EXISTS (SELECT FROM webchatt.messages m WHERE m.channel_id = v.channel_id AND m.visitor = v.id)
			AND NOT EXISTS (SELECT FROM webchatt.held h WHERE h.channel_id = v.channel_id AND h.visitor = v.id)
			AND NOT EXISTS (SELECT FROM webchatt.notes x WHERE x.channel_id = v.channel_id AND x.visitor = v.id)
			AND NOT EXISTS (SELECT FROM webchatt.files f WHERE f.channel_id = v.channel_id AND f.visitor = v.id)
			AND NOT EXISTS (SELECT FROM webchatt.visitors a JOIN webchatt.joins j ON j.channel_id = a.channel_id AND j.visitor = a.id
				WHERE a.channel_id = v.channel_id AND a.joined_to = v.id)
			AND NOT v.id = ANY (ARRAY(SELECT s.visitor FROM webchatt.sessions s))
		FOR UPDATE OF v SKIP LOCKED
	), gone AS (
		DELETE FROM webchatt.visitors v USING empty e WHERE v.channel_id = e.channel_id AND v.id = e.id RETURNING v.channel_id
	), told AS (
		UPDATE webchatt.retention_progress p SET visitors = p.visitors + g.n
		FROM (SELECT channel_id, count(*) AS n FROM gone GROUP BY channel_id) g WHERE p.channel_id = g.channel_id
	)
	SELECT count(*) INTO n FROM gone;
	DELETE FROM webchatt.retention_left l USING unnest(channels, whose) AS g (channel_id, visitor)
	WHERE l.channel_id = g.channel_id AND l.visitor = g.visitor AND l.reason = 'empty';
	RETURN n;
END
$$;
COMMENT ON FUNCTION webchatt._retain_visitors(int) IS 'webchatt''s own: visitors of whom nothing is left leave, so many at most; how many';

CREATE FUNCTION webchatt._retention_cutoff(keep interval) RETURNS timestamptz
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
	SELECT least(now() - keep, (SELECT f.created_at FROM webchatt.feed f ORDER BY f.seq LIMIT 1))
$$;
COMMENT ON FUNCTION webchatt._retention_cutoff(interval) IS
	'webchatt''s own: whose last message is older leaves; not while an event that may be of it is kept for webhooks and links (webchatt.feed_retention)';

CREATE FUNCTION webchatt._retain(most int, visitors int, OUT n int, OUT problem text)
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET plan_cache_mode = force_generic_plan
SET jit = off SET enable_seqscan = off SET enable_bitmapscan = off SET client_min_messages = warning AS $$
DECLARE
	r record;
	p webchatt.retention_progress;
	archive regclass;
	state text;
	words text;
BEGIN
	n := 0;
	IF NOT pg_try_advisory_xact_lock(7737127468233842788) THEN
		RETURN;
	END IF;
	IF visitors > 0 THEN
		n := n + webchatt._retain_visitors(visitors);
		RETURN;
	END IF;
	FOR r IN SELECT k.*, webchatt._retention_cutoff(k.keep) AS cutoff FROM webchatt._retention_rules() k WHERE k.keep IS NOT NULL ORDER BY random() LOOP
		SELECT * INTO p FROM webchatt.retention_progress g WHERE g.channel_id = r.channel_id;
		CONTINUE WHEN p.not_before > now();
		IF p.channel_id IS NULL THEN
			INSERT INTO webchatt.retention_progress (channel_id, cutoff) VALUES (r.channel_id, r.cutoff);
		END IF;
		BEGIN
			archive := NULL;
			IF r.archive_name IS NOT NULL THEN
				SELECT a INTO archive FROM webchatt._archives(r.channel_id) a;
				IF archive IS NULL THEN
					RAISE EXCEPTION 'the archive %.% is gone', quote_ident(r.archive_schema), quote_ident(r.archive_name)
						USING ERRCODE = 'undefined_table', HINT = 'Bring it back, or name another by webchatt.set_retention().';
				END IF;
			END IF;
			n := n + webchatt._retain_channel(r.channel_id, r.cutoff, archive, most);
			n := n + webchatt._retain_beside(r.channel_id, r.cutoff);
		EXCEPTION
			WHEN lock_not_available OR deadlock_detected OR serialization_failure THEN
				UPDATE webchatt.retention_progress g SET not_before = now() + interval '2 seconds' WHERE g.channel_id = r.channel_id;
			WHEN query_canceled OR OTHERS THEN
				GET STACKED DIAGNOSTICS state = RETURNED_SQLSTATE, words = MESSAGE_TEXT;
				words := left(words, 1000);
				IF p.last_error IS DISTINCT FROM words THEN
					problem := format('conversations of channel %s cannot leave: %s', r.channel_id, words);
				END IF;
				UPDATE webchatt.retention_progress g SET failures = g.failures + 1, last_error = words, last_error_at = now(),
					not_before = now() + least(interval '10 minutes', interval '5 seconds' * 2 ^ least(g.failures, 10))
				WHERE g.channel_id = r.channel_id;
				-- whatever a time limit ended, there is none now
				EXIT WHEN state = '57014';
		END;
		-- what has left one channel does not stay locked while another's archive takes its time
		EXIT WHEN n > 0;
	END LOOP;
END
$$;
COMMENT ON FUNCTION webchatt._retain(int, int, OUT int, OUT text) IS
	'webchatt''s own: what the worker''s helper does, a piece: so many messages at most, or with visitors so many of these; n: 0 when there is nothing to do now; problem: what went wrong and had not before';

----------------------------------------------------------------------------
-- What shows it
----------------------------------------------------------------------------

CREATE VIEW webchatt.retention AS
	SELECT c.id AS channel_id, c.display_name, r.keep, coalesce(r.is_own, false) AS is_own,
		CASE WHEN r.archive_name IS NOT NULL THEN format('%I.%I', r.archive_schema, r.archive_name) END AS archive,
		CASE WHEN r.keep IS NOT NULL THEN webchatt._retention_cutoff(r.keep) END AS cutoff,
		CASE WHEN p.upto > '00000000-0000-0000-0000-000000000000' THEN to_timestamp(webchatt._search_ms(p.upto) / 1000.0) END AS looked_upto,
		coalesce(p.conversations, 0) AS conversations, coalesce(p.messages, 0) AS messages, coalesce(p.archived, 0) AS archived, coalesce(p.visitors, 0) AS visitors,
		(SELECT count(*) FROM webchatt.retention_left l WHERE l.channel_id = c.id AND l.reason = 'under way') AS under_way,
		p.moved_at, p.last_error, p.last_error_at, p.not_before AS next_try
	FROM webchatt.channels c
	LEFT JOIN webchatt._retention_rules() r ON r.channel_id = c.id
	LEFT JOIN webchatt.retention_progress p ON p.channel_id = c.id;
COMMENT ON VIEW webchatt.retention IS 'how long conversations stay, by channel, and how many have left';
COMMENT ON COLUMN webchatt.retention.channel_id IS 'the channel';
COMMENT ON COLUMN webchatt.retention.display_name IS 'what it is called';
COMMENT ON COLUMN webchatt.retention.keep IS 'how long conversations stay behind their last message; null: for ever';
COMMENT ON COLUMN webchatt.retention.is_own IS 'whether that was set for this channel, and not for all';
COMMENT ON COLUMN webchatt.retention.archive IS 'the table that messages are moved to; null: none, they are deleted';
COMMENT ON COLUMN webchatt.retention.cutoff IS 'whose last message is older leaves: now minus keep, or the time of the oldest event that is kept for webhooks and links';
COMMENT ON COLUMN webchatt.retention.looked_upto IS 'when the last message was written that was looked at; null: none was yet';
COMMENT ON COLUMN webchatt.retention.conversations IS 'conversations that have left so far';
COMMENT ON COLUMN webchatt.retention.messages IS 'messages that have left so far';
COMMENT ON COLUMN webchatt.retention.archived IS 'messages of these that were moved to an archive';
COMMENT ON COLUMN webchatt.retention.visitors IS 'visitors of whom nothing was left, and who have left';
COMMENT ON COLUMN webchatt.retention.under_way IS 'old conversations that stay for now, as something in them waits to be sent; each is looked at once a day';
COMMENT ON COLUMN webchatt.retention.moved_at IS 'when something last left';
COMMENT ON COLUMN webchatt.retention.last_error IS 'why nothing leaves now; null: all is well';
COMMENT ON COLUMN webchatt.retention.last_error_at IS 'when that was';
COMMENT ON COLUMN webchatt.retention.next_try IS 'it is not tried again before';

CREATE FUNCTION webchatt.retention_preview(keep interval DEFAULT NULL, channel uuid DEFAULT NULL, most int DEFAULT 1000000)
RETURNS TABLE (channel_id uuid, cutoff timestamptz, conversations bigint, messages bigint, under_way bigint, oldest timestamptz, is_whole boolean)
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET plan_cache_mode = force_generic_plan
SET jit = off SET enable_seqscan = off SET enable_bitmapscan = off AS $$
#variable_conflict use_column
DECLARE
	c record;
	before uuid;
	looked bigint;
BEGIN
	IF keep <= interval '0' OR most < 1 THEN
		RAISE EXCEPTION 'keep and most have to be positive' USING ERRCODE = 'invalid_parameter_value';
	END IF;
	FOR c IN SELECT x.id, coalesce(retention_preview.keep, r.keep) AS keep FROM webchatt.channels x LEFT JOIN webchatt._retention_rules() r ON r.channel_id = x.id
		WHERE (channel IS NULL OR x.id = channel) AND coalesce(retention_preview.keep, r.keep) IS NOT NULL ORDER BY x.id LOOP
		channel_id := c.id;
		cutoff := webchatt._retention_cutoff(c.keep);
		before := webchatt._search_id(cutoff);
		WITH old AS MATERIALIZED (
			SELECT m.visitor, m.id, m.created_at FROM webchatt.messages m WHERE m.channel_id = c.id AND m.id < before ORDER BY m.channel_id, m.id LIMIT most
		), gone AS MATERIALIZED (
			SELECT o.visitor, min(o.created_at) AS since,
				EXISTS (SELECT FROM webchatt.held h WHERE h.channel_id = c.id AND h.visitor = o.visitor)
				OR EXISTS (SELECT FROM webchatt.joins j WHERE j.channel_id = c.id AND j.visitor = o.visitor)
				OR EXISTS (SELECT FROM webchatt.messages m WHERE m.channel_id = c.id AND m.visitor = o.visitor AND m.status IN ('queued', 'held')) AS waits
			FROM old o
			GROUP BY o.visitor
			HAVING NOT EXISTS (SELECT FROM webchatt.messages m WHERE m.channel_id = c.id AND m.visitor = o.visitor AND m.id >= before)
		)
		SELECT (SELECT count(*) FROM old), count(*) FILTER (WHERE NOT g.waits), count(*) FILTER (WHERE g.waits), min(g.since) FILTER (WHERE NOT g.waits),
			(SELECT count(*) FROM old o JOIN gone g ON g.visitor = o.visitor WHERE NOT g.waits)
		INTO looked, conversations, under_way, oldest, messages
		FROM gone g;
		is_whole := looked < most;
		most := greatest(0, most - looked)::int;
		RETURN NEXT;
	END LOOP;
END
$$;
COMMENT ON FUNCTION webchatt.retention_preview(interval, uuid, int) IS
	'what would leave now, by channel, and changes nothing: by what webchatt.set_retention() set, or with keep by that. It reads the oldest most messages at most; is_whole: there are no more that are old enough. under_way: conversations that would be left for now, as something in them waits';

CREATE FUNCTION webchatt.history(channel uuid, visitor text, before uuid DEFAULT NULL, most int DEFAULT 50) RETURNS SETOF webchatt.archived
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp SET plan_cache_mode = force_custom_plan AS $$
DECLARE
	below CONSTANT uuid := coalesce(before, 'ffffffff-ffff-ffff-ffff-ffffffffffff');
	archive regclass;
	here webchatt.archived[];
	there webchatt.archived[];
BEGIN
	IF most IS NULL OR most NOT BETWEEN 1 AND 1000 THEN
		RAISE EXCEPTION 'most is %', coalesce(most::text, 'NULL') USING ERRCODE = 'invalid_parameter_value', HINT = 'Ask for 1 to 1000 messages at a time.';
	END IF;
	here := ARRAY(SELECT (m.channel_id, m.id, m.visitor, m.direction::text, m.status::text, m.content, m.created_at, m.status_at, m.author,
			m.final, m.hub_message_id, m.hub_time, m.dedupe_key, m.expires_at, m.error_code, m.error_message, m.extra, s.statuses)::webchatt.archived
		FROM (SELECT * FROM webchatt.messages x WHERE x.channel_id = channel AND x.visitor = history.visitor AND x.id < below
			ORDER BY x.channel_id DESC, x.visitor DESC, x.id DESC LIMIT most) m
		CROSS JOIN LATERAL (SELECT jsonb_agg(jsonb_strip_nulls(jsonb_build_object('status', t.status, 'at', t.at, 'hubMessageId', t.hub_message_id,
				'errorCode', t.error_code, 'errorMessage', t.error_message)) ORDER BY t.id) AS statuses
			FROM webchatt.statuses t WHERE t.channel_id = channel AND t.message_id = m.id) s);
	FOR archive IN SELECT a FROM webchatt._archives(channel) a LOOP
		EXECUTE format('SELECT ARRAY(SELECT ROW(%s)::webchatt.archived FROM %s a WHERE a.channel_id = $1 AND a.visitor = $2 AND a.id < $3 ORDER BY a.id DESC LIMIT $4)',
			(SELECT string_agg(CASE WHEN k.has IS NULL THEN 'NULL' ELSE format('a.%I::%s', k.name, format_type(k.type, NULL)) END, ', ' ORDER BY k.n)
				FROM webchatt._archived_columns(archive) k), archive)
		INTO there USING channel, visitor, below, most;
	END LOOP;
	-- in both it is only while a foreign archive has committed what we had not
	RETURN QUERY SELECT a.* FROM (SELECT h.* FROM unnest(here) h
		UNION ALL SELECT t.* FROM webchatt._archived_now(channel, there) t WHERE t.id <> ALL (ARRAY(SELECT h.id FROM unnest(here) h))) a ORDER BY a.id DESC LIMIT most;
END
$$;
COMMENT ON FUNCTION webchatt.history(uuid, text, uuid, int) IS
	'a conversation''s messages, the newest first, those that moved to an archive too: so many, 1000 at most, and with before those older than that id. With the caller''s rights on webchatt.messages and on the archive';
