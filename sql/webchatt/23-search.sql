----------------------------------------------------------------------------
-- Search over texts and visitors (doc/decisions/0016-search.md)
----------------------------------------------------------------------------

CREATE FUNCTION webchatt.message_text(content jsonb) RETURNS text
LANGUAGE c IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE AS 'MODULE_PATHNAME', 'webchatt_message_text';
COMMENT ON FUNCTION webchatt.message_text(jsonb) IS
	'what people read of a message''s content: texts, captions, titles of buttons and rows, names of files, a line each; at most 100 kB; empty where there is none';

CREATE FUNCTION webchatt.visitor_words(id text, attributes jsonb) RETURNS tsvector
LANGUAGE c IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE AS 'MODULE_PATHNAME', 'webchatt_visitor_words';
COMMENT ON FUNCTION webchatt.visitor_words(text, jsonb) IS
	'the words by which a visitor is found: those of the id and of each attribute, 10 kB at most. An index of webchatt.visitors is on it';

CREATE FUNCTION webchatt.visitor_words(name text, email text, user_id text) RETURNS tsvector
LANGUAGE c IMMUTABLE LEAKPROOF PARALLEL SAFE AS 'MODULE_PATHNAME', 'webchatt_visitor_called';
COMMENT ON FUNCTION webchatt.visitor_words(text, text, text) IS
	'the words of what a visitor is called; each may be null. An index of webchatt.visitors is on it';

CREATE FUNCTION webchatt._search_plain(t text) RETURNS text
LANGUAGE c IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE AS 'MODULE_PATHNAME', 'webchatt_search_plain';
COMMENT ON FUNCTION webchatt._search_plain(text) IS
	'webchatt''s own: a text in small letters without accents, a space for all that is in no word; it keeps its number of characters';

CREATE FUNCTION webchatt._search_words(t text, config regconfig) RETURNS tsvector
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'webchatt_search_words';
COMMENT ON FUNCTION webchatt._search_words(text, regconfig) IS 'webchatt''s own: the words of a text, with their places';

CREATE FUNCTION webchatt._search_places(plain text, query tsquery, most int) RETURNS int[]
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'webchatt_search_places';
COMMENT ON FUNCTION webchatt._search_places(text, tsquery, int) IS
	'webchatt''s own: where words that are sought stand in what _search_plain() made: of each the first character''s number, from 0, and how many';

CREATE FUNCTION webchatt._search_stems(t text, config regconfig, tag text) RETURNS text[]
LANGUAGE c STABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'webchatt_search_stems';
COMMENT ON FUNCTION webchatt._search_stems(text, regconfig, text) IS
	'webchatt''s own: what a language makes of the words of a text, without what it takes for nothing, each behind a tag';

CREATE FUNCTION webchatt._search_places(t text, query tsquery, most int, config regconfig, tag text) RETURNS int[]
LANGUAGE c STABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'webchatt_search_stem_places';
COMMENT ON FUNCTION webchatt._search_places(text, tsquery, int, regconfig, text) IS
	'webchatt''s own: where words that are sought stand in a text as it was written, also those of which a language makes the same';

CREATE FUNCTION webchatt.highlight(snippet text, places int[]) RETURNS text
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'webchatt_highlight';
COMMENT ON FUNCTION webchatt.highlight(text, int[]) IS
	'a snippet of webchatt.search() as HTML: the words at its places in <mark>, and nothing else of it markup';

/*
 * PostgreSQL's own @@ does not promise that it tells nobody of the rows that it is asked about, so that where row
 * security is on, no index would be used for it.  This one does: see search_match.c.
 */
CREATE FUNCTION webchatt._search_matches(words tsvector, query tsquery) RETURNS boolean
LANGUAGE c IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE AS 'MODULE_PATHNAME', 'webchatt_search_matches';
COMMENT ON FUNCTION webchatt._search_matches(tsvector, tsquery) IS 'webchatt''s own: pg_catalog.@@, usable with row security';
CREATE OPERATOR webchatt.@@ (FUNCTION = webchatt._search_matches, LEFTARG = tsvector, RIGHTARG = tsquery,
	RESTRICT = tsmatchsel, JOIN = tsmatchjoinsel);
COMMENT ON OPERATOR webchatt.@@ (tsvector, tsquery) IS 'webchatt''s own: pg_catalog.@@, usable with row security';
CREATE FUNCTION webchatt._search_keys(tsquery, internal, int2, internal, internal, internal, internal) RETURNS internal
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'webchatt_search_keys';
COMMENT ON FUNCTION webchatt._search_keys(tsquery, internal, int2, internal, internal, internal, internal) IS
	'webchatt''s own: what an index is asked for by its own @@';
CREATE OPERATOR FAMILY webchatt.search_ops USING gin;
COMMENT ON OPERATOR FAMILY webchatt.search_ops USING gin IS 'webchatt''s own: as tsvector_ops, for its own @@';
CREATE OPERATOR CLASS webchatt.search_ops FOR TYPE tsvector USING gin FAMILY webchatt.search_ops AS
	OPERATOR 1 webchatt.@@ (tsvector, tsquery),
	FUNCTION 1 gin_cmp_tslexeme(text, text),
	FUNCTION 2 gin_extract_tsvector(tsvector, internal, internal),
	FUNCTION 3 gin_extract_tsquery(tsvector, internal, int2, internal, internal, internal, internal),
	FUNCTION 4 gin_tsquery_consistent(internal, int2, tsvector, int4, internal, internal, internal, internal),
	FUNCTION 5 gin_cmp_prefix(text, text, int2, internal),
	FUNCTION 6 gin_tsquery_triconsistent(internal, int2, tsvector, int4, internal, internal, internal),
	STORAGE text;
COMMENT ON OPERATOR CLASS webchatt.search_ops USING gin IS 'webchatt''s own: as tsvector_ops, for its own @@';

-- most visitors have no attributes, and cost nothing here
CREATE INDEX visitors_words ON webchatt.visitors
	-- (who fills the list of what is pending sorts it in, perhaps with visitors waiting: so it is short)
	USING gin (webchatt.visitor_words(id, attributes) webchatt.search_ops) WITH (gin_pending_list_limit = 64)
	WHERE attributes <> '{}';
CREATE INDEX visitors_called ON webchatt.visitors
	USING gin (webchatt.visitor_words(name, email, user_id) webchatt.search_ops) WITH (gin_pending_list_limit = 64)
	WHERE coalesce(name, email, user_id) IS NOT NULL;

----------------------------------------------------------------------------
-- The index of texts: built behind the messages, which never wait for it
----------------------------------------------------------------------------

CREATE TABLE webchatt.search_texts (
	id uuid NOT NULL,
	channel_id uuid NOT NULL,
	words tsvector NOT NULL,
	PRIMARY KEY (id, channel_id)
);
CREATE INDEX search_texts_words ON webchatt.search_texts USING gin (words webchatt.search_ops)
	WITH (gin_pending_list_limit = 256);
COMMENT ON TABLE webchatt.search_texts IS
	'the words of messages, for webchatt.search(); written behind them by the desk, or by webchatt.index_texts(). A row shows to whom its message shows. In no dump';
COMMENT ON COLUMN webchatt.search_texts.id IS 'the message in webchatt.messages';
COMMENT ON COLUMN webchatt.search_texts.words IS 'its words; and what begins with a control character: its channel, and when it was written, coarsely';

-- whoever may not read a message does not learn its words
ALTER TABLE webchatt.search_texts ENABLE ROW LEVEL SECURITY;
CREATE POLICY as_messages ON webchatt.search_texts FOR SELECT USING (
	(SELECT NOT row_security_active('webchatt.messages'::regclass))
	-- (no EXISTS: that might read all messages once, for a hash table)
	OR (SELECT true FROM webchatt.messages m WHERE m.channel_id = search_texts.channel_id AND m.id = search_texts.id));
COMMENT ON POLICY as_messages ON webchatt.search_texts IS 'a row shows to whom its message shows';

CREATE TABLE webchatt.search_progress (
	channel_id uuid PRIMARY KEY REFERENCES webchatt.channels (id) ON DELETE CASCADE,
	upto uuid NOT NULL,
	downto uuid NOT NULL
) WITH (fillfactor = 50);
COMMENT ON TABLE webchatt.search_progress IS
	'which messages of a channel are in webchatt.search_texts: those from downto to upto. A row that is deleted has the channel indexed anew. In no dump';
COMMENT ON COLUMN webchatt.search_progress.upto IS 'all up to this message, from downto on; newer ones are searched one by one';
COMMENT ON COLUMN webchatt.search_progress.downto IS 'all from this message on, up to upto; zeros: all older ones';

CREATE TABLE webchatt.search_languages (
	channel_id uuid PRIMARY KEY REFERENCES webchatt.channels (id) ON DELETE CASCADE,
	language text COLLATE "C" NOT NULL CHECK (octet_length(language) BETWEEN 1 AND 300)
);
COMMENT ON TABLE webchatt.search_languages IS
	'in which language a channel is searched; made by webchatt.set_search_language(). Of a channel without a row words are found as they stand';
-- (text, for pg_upgrade takes no table with a regconfig)
COMMENT ON COLUMN webchatt.search_languages.language IS 'the text search configuration, with its schema unless that is pg_catalog';

CREATE TABLE webchatt.search_parts (
	id uuid NOT NULL,
	channel_id uuid NOT NULL,
	said text NOT NULL,
	PRIMARY KEY (id, channel_id)
);
COMMENT ON TABLE webchatt.search_parts IS
	'the words of messages once more, for webchatt.search_parts(), where the extension pg_trgm is installed; written with webchatt.search_texts, else empty. In no dump';
COMMENT ON COLUMN webchatt.search_parts.id IS 'the message in webchatt.messages';
COMMENT ON COLUMN webchatt.search_parts.said IS 'its words, each once, in no order';
-- again, by upgrades
ALTER TABLE webchatt.search_parts ENABLE ROW LEVEL SECURITY;
CREATE POLICY as_messages ON webchatt.search_parts FOR SELECT USING (
	(SELECT NOT row_security_active('webchatt.messages'::regclass))
	OR (SELECT true FROM webchatt.messages m WHERE m.channel_id = search_parts.channel_id AND m.id = search_parts.id));
COMMENT ON POLICY as_messages ON webchatt.search_parts IS 'a row shows to whom its message shows';

CREATE TABLE webchatt.search_state (
	is_here boolean PRIMARY KEY DEFAULT true CHECK (is_here),
	settled uuid,
	noted uuid,
	noted_xid xid8,
	checked_at timestamptz,
	check_channel uuid,
	check_id uuid
) WITH (fillfactor = 50);
COMMENT ON TABLE webchatt.search_state IS 'webchatt''s own: how far webchatt.search_texts can be written, and its check; one row. In no dump';
COMMENT ON COLUMN webchatt.search_state.is_here IS 'true: there is one row';
COMMENT ON COLUMN webchatt.search_state.settled IS 'no transaction is open any more that wrote messages up to this id; null: not known yet';
COMMENT ON COLUMN webchatt.search_state.noted IS 'an id that is next, once all that were open when it was noted are over; null: none is noted';
COMMENT ON COLUMN webchatt.search_state.noted_xid IS 'the transaction that noted it: those before it are waited for';
COMMENT ON COLUMN webchatt.search_state.checked_at IS 'when the texts were last compared with the messages; null: never yet';
COMMENT ON COLUMN webchatt.search_state.check_channel IS 'the channel at which a comparison is; null: it is at what has no message any more, or none is going on';
COMMENT ON COLUMN webchatt.search_state.check_id IS 'the message at which it is; null: none is going on';

CREATE FUNCTION webchatt._search_id(at timestamptz) RETURNS uuid
LANGUAGE sql IMMUTABLE STRICT SET search_path = pg_catalog, pg_temp AS $$
	SELECT CASE WHEN NOT isfinite(at) THEN CASE WHEN at > '2000-01-01 00:00:00+00' THEN 'ffffffff-ffff-ffff-ffff-ffffffffffff' ELSE '00000000-0000-0000-0000-000000000000' END::uuid
		ELSE (lpad(to_hex(greatest(0, least(281474976710655, floor(extract(epoch FROM at) * 1000)))::bigint), 12, '0') || repeat('0', 20))::uuid END
$$;
COMMENT ON FUNCTION webchatt._search_id(timestamptz) IS 'webchatt''s own: the least id of a message of that time';

CREATE FUNCTION webchatt._search_ms(id uuid) RETURNS bigint
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
	SELECT ('x' || left(replace(id::text, '-', ''), 12))::bit(48)::bigint
$$;
COMMENT ON FUNCTION webchatt._search_ms(uuid) IS 'webchatt''s own: milliseconds since 1970 in an id';

CREATE FUNCTION webchatt._search_marks(channel uuid, id uuid) RETURNS text[]
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	ms bigint := webchatt._search_ms(id);
BEGIN
	RETURN ARRAY[chr(1) || 'c' || replace(channel::text, '-', ''), chr(1) || 'd' || (ms >> 27), chr(1) || 'm' || (ms >> 31), chr(1) || 'y' || (ms >> 35)];
END
$$;
COMMENT ON FUNCTION webchatt._search_marks(uuid, uuid) IS
	'webchatt''s own: what an index row has beside the words: channel, and the time in pieces of 37 hours, 25 days and 398 days';

CREATE FUNCTION webchatt._search_tag(language text) RETURNS text
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	RETURN chr(2) || left(md5(language), 6);
END
$$;
COMMENT ON FUNCTION webchatt._search_tag(text) IS 'webchatt''s own: what stems of a language stand behind, so that they are no other language''s, and no word';

/* The words as they stand, and beside them what the channel's language makes of them: so its change takes nothing from what is found. */
CREATE FUNCTION webchatt._search_said(channel uuid, content jsonb) RETURNS tsvector
LANGUAGE plpgsql STABLE STRICT SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	said text := webchatt.message_text(content);
	words tsvector := webchatt._search_words(said, 'simple');
	spoken text := (SELECT l.language FROM webchatt.search_languages l WHERE l.channel_id = channel);
BEGIN
	IF spoken IS NULL THEN
		RETURN words;
	END IF;
	BEGIN
		RETURN words || array_to_tsvector(webchatt._search_stems(said, spoken::regconfig, webchatt._search_tag(spoken)));
	EXCEPTION WHEN OTHERS THEN
		-- it was dropped, or one of its dictionaries does not load: that keeps nothing from being found as it stands
		RETURN words;
	END;
END
$$;
COMMENT ON FUNCTION webchatt._search_said(uuid, jsonb) IS 'webchatt''s own: the words of a message, and what its channel''s language makes of them';

CREATE FUNCTION webchatt._search_row(channel uuid, id uuid, content jsonb) RETURNS tsvector
LANGUAGE plpgsql STABLE STRICT SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	RETURN webchatt._search_said(channel, content) || array_to_tsvector(webchatt._search_marks(channel, id));
END
$$;
COMMENT ON FUNCTION webchatt._search_row(uuid, uuid, jsonb) IS 'webchatt''s own: webchatt.search_texts.words of a message';

/* Erased is erased, here too; and nobody pays for it who deletes nothing. */
CREATE FUNCTION webchatt._search_forget() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	IF TG_OP = 'TRUNCATE' THEN
		TRUNCATE webchatt.search_texts, webchatt.search_parts;
	ELSE
		DELETE FROM webchatt.search_texts s USING gone g WHERE s.id = g.id AND s.channel_id = g.channel_id;
		DELETE FROM webchatt.search_parts s USING gone g WHERE s.id = g.id AND s.channel_id = g.channel_id;
	END IF;
	RETURN NULL;
END
$$;
COMMENT ON FUNCTION webchatt._search_forget() IS 'webchatt''s own: words of messages that are deleted go with them';
CREATE TRIGGER search_forget AFTER DELETE ON webchatt.messages REFERENCING OLD TABLE AS gone
	FOR EACH STATEMENT EXECUTE FUNCTION webchatt._search_forget();
CREATE TRIGGER search_forget_all AFTER TRUNCATE ON webchatt.messages
	FOR EACH STATEMENT EXECUTE FUNCTION webchatt._search_forget();

/* Ids rise, but transactions end out of order: up to which id is everything there that will be? */
CREATE FUNCTION webchatt._search_settle(state webchatt.search_state) RETURNS webchatt.search_state
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	-- asked for first: whoever got one before may have written ids up to now, whoever comes later writes later ones
	own xid8 := pg_current_xact_id();
BEGIN
	IF state.noted_xid < pg_snapshot_xmin(pg_current_snapshot()) THEN
		state.settled := greatest(state.settled, state.noted);
		state.noted := NULL;
		state.noted_xid := NULL;
	END IF;
	IF state.noted IS NULL THEN
		-- (an id is made a moment before its transaction writes)
		state.noted := webchatt._search_id(webchatt._now() - interval '10 seconds');
		state.noted_xid := own;
	END IF;
	RETURN state;
END
$$;
COMMENT ON FUNCTION webchatt._search_settle(webchatt.search_state) IS 'webchatt''s own: notes how far messages can be indexed so that none is missed';

/* pg_trgm comes and goes as somebody likes, in any schema: the index of parts of words follows it. */
CREATE FUNCTION webchatt._search_trgm_schema() RETURNS text
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	RETURN (SELECT n.nspname FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace WHERE e.extname = 'pg_trgm');
END
$$;
COMMENT ON FUNCTION webchatt._search_trgm_schema() IS 'webchatt''s own: where pg_trgm is; null: it is not installed';

CREATE FUNCTION webchatt._search_parts_on() RETURNS boolean
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	RETURN EXISTS (SELECT FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
		WHERE i.indrelid = 'webchatt.search_parts'::regclass AND c.relname = 'search_parts_said' AND i.indisvalid);
END
$$;
COMMENT ON FUNCTION webchatt._search_parts_on() IS 'webchatt''s own: whether there is an index of parts of words';

/* True: something was done, and all channels are indexed anew. */
CREATE FUNCTION webchatt._search_follow_trgm() RETURNS boolean
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	place text := webchatt._search_trgm_schema();
BEGIN
	IF place IS NULL THEN
		IF webchatt._search_parts_on() OR NOT EXISTS (SELECT FROM webchatt.search_parts) THEN
			RETURN false;
		END IF;
		TRUNCATE webchatt.search_parts;
		RETURN true;
	END IF;
	IF webchatt._search_parts_on() THEN
		RETURN false;
	END IF;
	-- empty, so that nobody waits for it: the rows come behind
	IF EXISTS (SELECT FROM webchatt.search_parts) THEN
		TRUNCATE webchatt.search_parts;
	END IF;
	EXECUTE format('CREATE INDEX search_parts_said ON webchatt.search_parts USING gin (said %I.gin_trgm_ops) WITH (gin_pending_list_limit = 256)', place);
	COMMENT ON INDEX webchatt.search_parts_said IS 'for webchatt.search_parts(), made where pg_trgm is';
	DELETE FROM webchatt.search_progress;
	RETURN true;
END
$$;
COMMENT ON FUNCTION webchatt._search_follow_trgm() IS 'webchatt''s own: makes the index of parts of words where pg_trgm has come, and empties it where that has gone';

CREATE FUNCTION webchatt._search_once(content jsonb) RETURNS text
LANGUAGE plpgsql IMMUTABLE STRICT SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	RETURN array_to_string(tsvector_to_array(webchatt._search_words(webchatt.message_text(content), 'simple')), ' ');
END
$$;
COMMENT ON FUNCTION webchatt._search_once(jsonb) IS 'webchatt''s own: webchatt.search_parts.said of a message';

/* Messages of a channel beyond an id, the nearest first, into the index: how many, and the farthest. */
CREATE FUNCTION webchatt._search_take(channel uuid, above uuid, below uuid, newest_first boolean, most int, OUT n int, OUT farthest uuid)
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET plan_cache_mode = force_generic_plan
SET jit = off SET enable_seqscan = off SET enable_bitmapscan = off SET client_min_messages = warning AS $$
DECLARE
	ids uuid[];
BEGIN
	IF newest_first THEN
		SELECT array_agg(b.id) INTO ids FROM (SELECT m.id FROM webchatt.messages m
			WHERE m.channel_id = channel AND m.id > above AND m.id < below ORDER BY m.channel_id DESC, m.id DESC LIMIT most) b;
	ELSE
		SELECT array_agg(b.id) INTO ids FROM (SELECT m.id FROM webchatt.messages m
			WHERE m.channel_id = channel AND m.id > above AND m.id < below ORDER BY m.channel_id, m.id LIMIT most) b;
	END IF;
	n := coalesce(cardinality(ids), 0);
	farthest := ids[n];
	INSERT INTO webchatt.search_texts AS s (id, channel_id, words)
	SELECT m.id, m.channel_id, webchatt._search_row(m.channel_id, m.id, m.content)
	FROM unnest(ids) u (id) JOIN webchatt.messages m ON m.channel_id = channel AND m.id = u.id
	ON CONFLICT (id, channel_id) DO UPDATE SET words = excluded.words WHERE s.words <> excluded.words;
	IF webchatt._search_parts_on() THEN
		INSERT INTO webchatt.search_parts AS s (id, channel_id, said)
		SELECT m.id, m.channel_id, webchatt._search_once(m.content)
		FROM unnest(ids) u (id) JOIN webchatt.messages m ON m.channel_id = channel AND m.id = u.id
		ON CONFLICT (id, channel_id) DO UPDATE SET said = excluded.said WHERE s.said <> excluded.said;
	END IF;
END
$$;
COMMENT ON FUNCTION webchatt._search_take(uuid, uuid, uuid, boolean, int) IS 'webchatt''s own: indexes so many messages of a channel between two ids';

/* What was done behind its back: rows with old ids or with triggers off, changed contents. */
CREATE FUNCTION webchatt._search_check(state webchatt.search_state, most int, OUT n int, OUT after webchatt.search_state)
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET plan_cache_mode = force_generic_plan
SET jit = off SET enable_seqscan = off SET enable_bitmapscan = off AS $$
DECLARE
	p webchatt.search_progress;
	farthest uuid;
BEGIN
	after := state;
	IF state.check_id IS NULL THEN
		after.check_id := '00000000-0000-0000-0000-000000000000';
		after.check_channel := after.check_id;
	END IF;
	n := 1;
	IF after.check_channel IS NOT NULL THEN
		SELECT * INTO p FROM webchatt.search_progress g WHERE g.channel_id >= after.check_channel ORDER BY g.channel_id LIMIT 1;
		IF NOT FOUND THEN
			after.check_channel := NULL;
			after.check_id := '00000000-0000-0000-0000-000000000000';
			RETURN;
		END IF;
		IF p.channel_id <> after.check_channel THEN
			after.check_channel := p.channel_id;
			after.check_id := '00000000-0000-0000-0000-000000000000';
		END IF;
		SELECT t.n, t.farthest INTO n, farthest
		FROM webchatt._search_take(p.channel_id, greatest(after.check_id, p.downto), p.upto, false, most) t;
		IF n < most THEN
			-- the next channel
			SELECT min(g.channel_id::text)::uuid INTO after.check_channel FROM webchatt.search_progress g WHERE g.channel_id > p.channel_id;
			after.check_id := '00000000-0000-0000-0000-000000000000';
		ELSE
			after.check_id := farthest;
		END IF;
		n := greatest(n, 1);
	ELSE
		WITH page AS MATERIALIZED (
			SELECT s.id, s.channel_id FROM webchatt.search_texts s WHERE s.id > after.check_id ORDER BY s.id, s.channel_id LIMIT most
		), gone AS (
			DELETE FROM webchatt.search_texts s USING page g WHERE s.id = g.id AND s.channel_id = g.channel_id
				AND NOT EXISTS (SELECT FROM webchatt.messages m WHERE m.channel_id = g.channel_id AND m.id = g.id)
		), parts_gone AS (
			DELETE FROM webchatt.search_parts s USING page g WHERE s.id = g.id AND s.channel_id = g.channel_id
				AND NOT EXISTS (SELECT FROM webchatt.messages m WHERE m.channel_id = g.channel_id AND m.id = g.id)
		)
		SELECT count(*), (array_agg(g.id ORDER BY g.id DESC))[1] INTO n, farthest FROM page g;
		after.check_id := CASE WHEN n = most THEN farthest END;
		after.checked_at := CASE WHEN n = most THEN after.checked_at ELSE now() END;
	END IF;
END
$$;
COMMENT ON FUNCTION webchatt._search_check(webchatt.search_state, int) IS 'webchatt''s own: a piece of the comparison of texts and messages';

/* Is there anything for webchatt.index_texts()?  Asked before anything is written. */
CREATE FUNCTION webchatt._search_due() RETURNS boolean
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET plan_cache_mode = force_generic_plan
SET jit = off SET enable_seqscan = off SET enable_bitmapscan = off AS $$
BEGIN
	RETURN EXISTS (SELECT FROM webchatt.channels c LEFT JOIN webchatt.search_progress p ON p.channel_id = c.id
			WHERE p.channel_id IS NULL OR p.downto > '00000000-0000-0000-0000-000000000000'
				OR EXISTS (SELECT FROM webchatt.messages m WHERE m.channel_id = c.id AND m.id > p.upto))
		OR NOT EXISTS (SELECT FROM webchatt.search_state s WHERE s.checked_at > now() - interval '1 day')
		OR (webchatt._search_trgm_schema() IS NOT NULL) <> webchatt._search_parts_on()
		OR NOT webchatt._search_parts_on() AND EXISTS (SELECT FROM webchatt.search_parts);
END
$$;
COMMENT ON FUNCTION webchatt._search_due() IS 'webchatt''s own: whether there is anything to index';

CREATE FUNCTION webchatt.index_texts(most int DEFAULT 500, anew boolean DEFAULT false) RETURNS int
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET plan_cache_mode = force_generic_plan
SET jit = off SET enable_seqscan = off SET enable_bitmapscan = off AS $$
DECLARE
	zero CONSTANT uuid := '00000000-0000-0000-0000-000000000000';
	state webchatt.search_state;
	p record;
	taken record;
	done int := 0;
BEGIN
	IF most IS NULL OR most NOT BETWEEN 1 AND 100000 THEN
		RAISE EXCEPTION 'most is %', coalesce(most::text, 'NULL')
			USING ERRCODE = 'invalid_parameter_value', HINT = 'Give how many messages to index at most, 1 to 100000.';
	END IF;
	IF anew THEN
		UPDATE webchatt.search_state s SET checked_at = NULL, check_channel = NULL, check_id = NULL;
	ELSIF NOT webchatt._search_due() THEN
		RETURN 0;
	END IF;
	-- whoever redacts just now writes here, too (_redact_rows())
	IF NOT pg_try_advisory_xact_lock(7737127468233842789) THEN
		RETURN 0;
	END IF;
	INSERT INTO webchatt.search_state DEFAULT VALUES ON CONFLICT DO NOTHING;
	SELECT * INTO state FROM webchatt.search_state s FOR UPDATE SKIP LOCKED;
	IF NOT FOUND THEN
		RETURN 0;				-- somebody else is at it
	END IF;
	IF webchatt._search_follow_trgm() THEN
		RETURN 1;
	END IF;
	state := webchatt._search_settle(state);
	IF state.settled IS NOT NULL THEN
		INSERT INTO webchatt.search_progress (channel_id, upto, downto)
		SELECT c.id, state.settled, state.settled FROM webchatt.channels c
		WHERE NOT EXISTS (SELECT FROM webchatt.search_progress g WHERE g.channel_id = c.id);
		-- what is new first, then what is old, the newest of that first
		FOR p IN SELECT g.* FROM webchatt.search_progress g
			WHERE EXISTS (SELECT FROM webchatt.messages m WHERE m.channel_id = g.channel_id AND m.id > g.upto AND m.id < state.settled) LOOP
			EXIT WHEN done >= most;
			SELECT * INTO taken FROM webchatt._search_take(p.channel_id, p.upto, state.settled, false, most - done);
			UPDATE webchatt.search_progress g SET upto = taken.farthest WHERE g.channel_id = p.channel_id;
			done := done + taken.n;
		END LOOP;
		FOR p IN SELECT g.* FROM webchatt.search_progress g WHERE g.downto > zero LOOP
			EXIT WHEN done >= most;
			SELECT * INTO taken FROM webchatt._search_take(p.channel_id, zero, p.downto, true, most - done);
			UPDATE webchatt.search_progress g SET downto = CASE WHEN taken.n < most - done THEN zero ELSE taken.farthest END
			WHERE g.channel_id = p.channel_id;
			done := done + taken.n;
		END LOOP;
		IF done = 0 AND (state.check_id IS NOT NULL OR state.checked_at IS NULL OR state.checked_at <= now() - interval '1 day') THEN
			SELECT * INTO taken FROM webchatt._search_check(state, most) c;
			done := taken.n;
			state := taken.after;
		END IF;
	END IF;
	UPDATE webchatt.search_state s
	SET settled = state.settled, noted = state.noted, noted_xid = state.noted_xid, checked_at = state.checked_at,
		check_channel = state.check_channel, check_id = state.check_id;
	RETURN done;
END
$$;
COMMENT ON FUNCTION webchatt.index_texts(int, boolean) IS
	'makes so many messages findable by webchatt.search(), and returns how many; 0: nothing is to be done now. The desk does it by itself while it is used; who has none calls it by cron. Messages are taken once all transactions are over that were open when they were written. anew: begin to compare all texts with the messages, as is done once a day: finds what came with old ids (an import) or was changed';

CREATE VIEW webchatt.search_coverage AS
SELECT c.id AS channel_id, c.display_name,
	CASE WHEN p.channel_id IS NOT NULL THEN to_timestamp(webchatt._search_ms(p.upto) / 1000.0) END AS indexed_upto,
	CASE WHEN p.downto > '00000000-0000-0000-0000-000000000000' THEN to_timestamp(webchatt._search_ms(p.downto) / 1000.0) END AS indexed_downto,
	coalesce(p.downto = '00000000-0000-0000-0000-000000000000', false) AS has_oldest
FROM webchatt.channels c LEFT JOIN webchatt.search_progress p ON p.channel_id = c.id;
COMMENT ON VIEW webchatt.search_coverage IS 'how much of each channel webchatt.search() finds by its index';
COMMENT ON COLUMN webchatt.search_coverage.channel_id IS 'the channel';
COMMENT ON COLUMN webchatt.search_coverage.display_name IS 'what it is called';
COMMENT ON COLUMN webchatt.search_coverage.indexed_upto IS 'messages up to then are in the index; null: none is';
COMMENT ON COLUMN webchatt.search_coverage.indexed_downto IS 'from then on; null where has_oldest, or none is';
COMMENT ON COLUMN webchatt.search_coverage.has_oldest IS 'whether all older ones are in it, too';

----------------------------------------------------------------------------
-- What people type
----------------------------------------------------------------------------

/* A word or a phrase, folded as texts are; the last word of it as a beginning, where begins. Null: there is no word in it. */
CREATE FUNCTION webchatt._search_term(t text, begins boolean) RETURNS tsquery
LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, pg_temp SET client_min_messages = warning AS $$
DECLARE
	words text[] := regexp_split_to_array(btrim(webchatt._search_plain(t)), ' +');
	n int := cardinality(words);
	term tsquery;
BEGIN
	IF words[n] = '' THEN
		RETURN NULL;
	END IF;
	term := phraseto_tsquery('simple', array_to_string(words[:CASE WHEN begins THEN n - 1 ELSE n END], ' '));
	IF begins THEN
		IF numnode(term) = 0 THEN
			term := to_tsquery('simple', quote_literal(words[n]) || ':*');
		ELSE
			term := term <-> to_tsquery('simple', quote_literal(words[n]) || ':*');
		END IF;
	END IF;
	RETURN CASE WHEN numnode(term) > 0 THEN term END;
END
$$;
COMMENT ON FUNCTION webchatt._search_term(text, boolean) IS 'webchatt''s own: a word or phrase that is sought; null: there is no word in it';

/* What languages make of a word; null in them: a channel that has none. is_nothing: it is no word in any, as "the". */
CREATE FUNCTION webchatt._search_stem(word text, languages text[], OUT stems tsquery, OUT is_nothing boolean)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	spoken text;
	own text[];
BEGIN
	-- (one word, and not "shop.com")
	is_nothing := cardinality(languages) > 0 AND btrim(webchatt._search_plain(word)) ~ '^[^ ]+$';
	FOREACH spoken IN ARRAY CASE WHEN is_nothing THEN languages ELSE '{}' END LOOP
		own := NULL;
		IF spoken IS NOT NULL THEN
			BEGIN
				own := webchatt._search_stems(word, spoken::regconfig, webchatt._search_tag(spoken));
			EXCEPTION WHEN OTHERS THEN
				own := NULL;	-- as in _search_said()
			END;
		END IF;
		is_nothing := is_nothing AND own = '{}';
		IF cardinality(own) > 0 THEN
			stems := coalesce(stems || (SELECT string_agg('''' || o || '''', '|') FROM unnest(own[:10]) o)::tsquery,
				(SELECT string_agg('''' || o || '''', '|') FROM unnest(own[:10]) o)::tsquery);
		END IF;
	END LOOP;
END
$$;
COMMENT ON FUNCTION webchatt._search_stem(text, text[]) IS
	'webchatt''s own: what languages make of a word, and whether it is nothing in all of them';

CREATE FUNCTION webchatt._search_languages(channel uuid) RETURNS text[]
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	RETURN CASE WHEN EXISTS (SELECT FROM webchatt.search_languages) THEN ARRAY(
		SELECT DISTINCT l.language FROM webchatt.channels c LEFT JOIN webchatt.search_languages l ON l.channel_id = c.id
		WHERE c.id = channel OR channel IS NULL ORDER BY 1 LIMIT 8) ELSE '{}' END;
END
$$;
COMMENT ON FUNCTION webchatt._search_languages(uuid) IS
	'webchatt''s own: the languages of that channel, or of all; 8 at most; null among them: that of a channel without';

/*
 * As websearch_to_tsquery(): words, "phrases", or, -not; nothing is an error.  The last word may go on, unless a space or a
 * quote ends it: so people find while they type.  A beginning of less than so many letters is taken for a word, since an index
 * would have to read all words that begin so.
 */
CREATE FUNCTION webchatt._search_query(query text, least_beginning int, languages text[] DEFAULT '{}') RETURNS tsquery
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	own record;
	typed text := normalize(left(query, 1000), NFC);
	parts record;
	term tsquery;
	together tsquery;				-- those that have to be there at once
	other tsquery;				-- groups before an "or"
	sought boolean := false;	-- whether any of them has to be there, and not only be missing
	passed tsquery[] := '{}';	-- what the languages take for nothing
BEGIN
	FOR parts IN SELECT m[1] AS minus, m[2] AS quoted, m[3] AS word, lead(m) OVER () IS NULL AS is_last
		FROM regexp_matches(typed, '(-?)"([^"]*)"?|([^[:space:]"]+)', 'g') m LIMIT 30 LOOP
		IF lower(parts.word) = 'or' AND together IS NOT NULL AND NOT parts.is_last THEN
			IF sought THEN
				other := coalesce(other || together, together);
			END IF;
			together := NULL;
			sought := false;
			CONTINUE;
		END IF;
		IF parts.word IS NULL THEN
			term := webchatt._search_term(parts.quoted, false);
		ELSE
			term := webchatt._search_term(parts.word, parts.is_last AND parts.word NOT LIKE '-%' AND typed !~ '[[:space:]]$'
				AND length(regexp_replace(btrim(webchatt._search_plain(parts.word)), '^.* ', '')) >= least_beginning);
			SELECT * INTO own FROM webchatt._search_stem(parts.word, languages);
			IF own.is_nothing AND NOT parts.is_last THEN
				passed := passed || term;
				CONTINUE;
			END IF;
			term := coalesce(term || own.stems, term);
		END IF;
		CONTINUE WHEN term IS NULL;
		IF parts.minus = '-' OR parts.word LIKE '-_%' THEN
			term := !!term;
		ELSE
			sought := true;
		END IF;
		together := coalesce(together && term, term);
	END LOOP;
	IF together IS NOT NULL AND sought THEN
		other := coalesce(other || together, together);
	END IF;
	IF other IS NULL AND cardinality(passed) > 0 THEN
		RETURN webchatt._search_query(query, least_beginning);
	END IF;
	RETURN other;
END
$$;
COMMENT ON FUNCTION webchatt._search_query(text, int, text[]) IS
	'webchatt''s own: what people type as a query; null: nothing is sought. A last word of at least so many letters is taken for a beginning. Words that do not stand in quotes are sought by what the languages make of them, too; what is nothing in all of them is passed over';

----------------------------------------------------------------------------
-- The search
----------------------------------------------------------------------------

/*
 * Newest first, which is what is looked for in conversations, and what can be found without having found all.  What is
 * not in the index is looked through, as far as that is soon done.  In the index the newest rows are looked through as well: there a
 * common word has filled the page by then; and a rare one is found by it in pieces of time that grow, so that a word which is in a
 * million messages is not gathered before the first is shown.
 */
CREATE FUNCTION webchatt._search_indexed(q tsquery, index_q tsquery, channel uuid, direction webchatt.message_direction, lo uuid,
	hi uuid, hi_channel uuid, most int, OUT ids uuid[], OUT channels uuid[], OUT upto_id uuid, OUT upto_channel uuid)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp SET plan_cache_mode = force_generic_plan
SET jit = off SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off AS $$
DECLARE
	zero CONSTANT uuid := '00000000-0000-0000-0000-000000000000';
	at_once CONSTANT int := 5000;			-- index rows that are looked through
	patience CONSTANT interval := '1 second';	-- then the rest is left to the next page
	started timestamptz := clock_timestamp();
	windows CONSTANT text[] := '{d,m,y,y}';
	shifts CONSTANT int[] := '{27,31,35,35}';
	of_channel tsquery := ('''' || chr(1) || 'c' || replace(channel::text, '-', '') || '''')::tsquery;
	marked tsquery;
	top_ms bigint;
	bottom uuid;
	found_ids uuid[];
	found_channels uuid[];
	i int;
BEGIN
	ids := '{}';
	channels := '{}';
	SELECT array_agg(f.id), array_agg(f.channel_id) INTO found_ids, found_channels FROM (
		SELECT h.id, h.channel_id
		FROM (SELECT s.id, s.channel_id, s.words FROM webchatt.search_texts s
			WHERE (s.id, s.channel_id) < (hi, hi_channel) AND s.id >= lo ORDER BY s.id DESC, s.channel_id DESC LIMIT at_once) h
		JOIN webchatt.messages m ON m.channel_id = h.channel_id AND m.id = h.id
		WHERE h.words OPERATOR(webchatt.@@) q AND (h.channel_id = channel OR channel IS NULL)
			AND (m.direction = _search_indexed.direction OR _search_indexed.direction IS NULL)
			AND webchatt._search_said(m.channel_id, m.content) OPERATOR(webchatt.@@) q
		ORDER BY h.id DESC, h.channel_id DESC LIMIT most) f;
	ids := ids || found_ids;
	channels := channels || found_channels;
	upto_id := lo;
	upto_channel := zero;
	IF coalesce(cardinality(found_ids), 0) = most THEN
		RETURN;
	END IF;
	SELECT s.id, s.channel_id INTO upto_id, upto_channel FROM webchatt.search_texts s
	WHERE (s.id, s.channel_id) < (hi, hi_channel) AND s.id >= lo
	ORDER BY s.id DESC, s.channel_id DESC OFFSET at_once - 1 LIMIT 1;
	IF NOT FOUND THEN
		upto_id := lo;
		upto_channel := zero;
		RETURN;					-- these were all
	END IF;
	top_ms := webchatt._search_ms(upto_id);
	FOR i IN 1 .. 5 LOOP
		EXIT WHEN clock_timestamp() > started + patience OR cardinality(ids) >= most;
		marked := CASE WHEN channel IS NULL THEN index_q ELSE index_q && of_channel END;
		bottom := lo;
		IF i <= 4 THEN
			marked := marked && ('''' || chr(1) || windows[i] || (top_ms >> shifts[i]) || '''')::tsquery;
			bottom := greatest(lo, (lpad(to_hex((top_ms >> shifts[i]) << shifts[i]), 12, '0') || repeat('0', 20))::uuid);
		END IF;
		WITH hits AS MATERIALIZED (
			SELECT s.id, s.channel_id FROM webchatt.search_texts s WHERE s.words OPERATOR(webchatt.@@) marked
		)
		SELECT array_agg(f.id), array_agg(f.channel_id) INTO found_ids, found_channels FROM (
			SELECT h.id, h.channel_id
			FROM (SELECT h.* FROM hits h WHERE (h.id, h.channel_id) < (upto_id, upto_channel) AND h.id >= lo ORDER BY h.id DESC, h.channel_id DESC OFFSET 0) h
			JOIN webchatt.messages m ON m.channel_id = h.channel_id AND m.id = h.id
			WHERE (m.direction = _search_indexed.direction OR _search_indexed.direction IS NULL)
				AND webchatt._search_said(m.channel_id, m.content) OPERATOR(webchatt.@@) q
			ORDER BY h.id DESC, h.channel_id DESC LIMIT most - cardinality(ids)) f;
		ids := ids || found_ids;
		channels := channels || found_channels;
		upto_id := bottom;
		upto_channel := zero;
		EXIT WHEN bottom <= lo;
		top_ms := webchatt._search_ms(bottom) - 1;
	END LOOP;
END
$$;
COMMENT ON FUNCTION webchatt._search_indexed(tsquery, tsquery, uuid, webchatt.message_direction, uuid, uuid, uuid, int) IS
	'webchatt''s own: messages that the index has, newest first, and down to which place it was searched';

/* What the index has not yet: of each channel the newest.  missing: from when on all were looked through; null: all were. */
CREATE FUNCTION webchatt._search_behind(q tsquery, channel uuid, direction webchatt.message_direction, lo uuid, hi uuid, hi_channel uuid, most int,
	OUT ids uuid[], OUT channels uuid[], OUT missing uuid)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp SET plan_cache_mode = force_generic_plan
SET jit = off SET enable_seqscan = off SET enable_bitmapscan = off SET enable_hashjoin = off SET enable_mergejoin = off AS $$
DECLARE
	zero CONSTANT uuid := '00000000-0000-0000-0000-000000000000';
	each int := (SELECT 3000 / greatest(1, count(*)) FROM (SELECT FROM webchatt.channels c WHERE c.id = channel OR channel IS NULL LIMIT 300) c);
BEGIN
	SELECT array_agg(f.id), array_agg(f.channel_id) INTO ids, channels FROM (
		SELECT m.id, c.id AS channel_id
		FROM webchatt.channels c
		LEFT JOIN webchatt.search_progress g ON g.channel_id = c.id
		-- (OFFSET: with row security on, an index takes a column, and no COALESCE)
		CROSS JOIN LATERAL (SELECT coalesce(g.upto, zero) AS upto OFFSET 0) p
		CROSS JOIN LATERAL (SELECT m.id, m.direction, m.content FROM webchatt.messages m
			WHERE m.channel_id = c.id AND m.id > p.upto AND m.id >= lo AND m.id <= hi
			ORDER BY m.channel_id DESC, m.id DESC LIMIT each) m
		WHERE (c.id = channel OR channel IS NULL) AND (m.id, c.id) < (hi, hi_channel)
			AND (m.direction = _search_behind.direction OR _search_behind.direction IS NULL)
			AND webchatt._search_said(c.id, m.content) OPERATOR(webchatt.@@) q
		ORDER BY m.id DESC, c.id DESC LIMIT most) f;
	SELECT max(g.id::text)::uuid INTO missing FROM (
		SELECT m.id
		FROM webchatt.channels c
		LEFT JOIN webchatt.search_progress g ON g.channel_id = c.id
		-- (OFFSET: with row security on, an index takes a column, and no COALESCE)
		CROSS JOIN LATERAL (SELECT coalesce(g.upto, zero) AS upto OFFSET 0) p
		CROSS JOIN LATERAL (SELECT m.id FROM webchatt.messages m
			WHERE m.channel_id = c.id AND m.id > p.upto AND m.id >= lo AND m.id <= hi
			ORDER BY m.channel_id DESC, m.id DESC OFFSET each LIMIT 1) m
		WHERE c.id = channel OR channel IS NULL
		UNION ALL
		SELECT p.downto FROM webchatt.search_progress p
		WHERE (p.channel_id = channel OR channel IS NULL) AND p.downto > lo
			AND (SELECT true FROM webchatt.messages m WHERE m.channel_id = p.channel_id AND m.id < p.downto AND m.id >= lo LIMIT 1)) g;
END
$$;
COMMENT ON FUNCTION webchatt._search_behind(tsquery, uuid, webchatt.message_direction, uuid, uuid, uuid, int) IS
	'webchatt''s own: messages that are not in the index, newest first, as far as they are soon looked through; and the newest id that was not searched';

/* One conversation is looked through without any index. */
CREATE FUNCTION webchatt._search_conversation(q tsquery, channel uuid, visitor text, direction webchatt.message_direction, lo uuid, hi uuid, most int,
	OUT ids uuid[], OUT upto_id uuid)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp SET plan_cache_mode = force_generic_plan
SET jit = off SET enable_seqscan = off SET enable_bitmapscan = off AS $$
DECLARE
	at_once CONSTANT int := 5000;
BEGIN
	SELECT array_agg(f.id) INTO ids FROM (
		SELECT m.id FROM (SELECT m.id, m.direction, m.content FROM webchatt.messages m
			WHERE m.channel_id = channel AND m.visitor = _search_conversation.visitor AND m.id < hi AND m.id >= lo
			ORDER BY m.channel_id DESC, m.visitor DESC, m.id DESC LIMIT at_once) m
		WHERE (m.direction = _search_conversation.direction OR _search_conversation.direction IS NULL)
			AND webchatt._search_said(channel, m.content) OPERATOR(webchatt.@@) q
		LIMIT most) f;
	upto_id := lo;
	IF coalesce(cardinality(ids), 0) < most THEN
		SELECT m.id INTO upto_id FROM webchatt.messages m
		WHERE m.channel_id = channel AND m.visitor = _search_conversation.visitor AND m.id < hi AND m.id >= lo
		ORDER BY m.channel_id DESC, m.visitor DESC, m.id DESC OFFSET at_once - 1 LIMIT 1;
		upto_id := coalesce(upto_id, lo);
	END IF;
END
$$;
COMMENT ON FUNCTION webchatt._search_conversation(tsquery, uuid, text, webchatt.message_direction, uuid, uuid, int) IS
	'webchatt''s own: messages of one conversation, newest first, and down to which one it was searched';

/* A page of hits, and where the next one begins; null: there is none. */
CREATE FUNCTION webchatt._search_page(query text, channel uuid, visitor text, since timestamptz, until timestamptz, direction webchatt.message_direction,
	before uuid, before_channel uuid, most int,
	OUT q tsquery, OUT ids uuid[], OUT channels uuid[], OUT next_id uuid, OUT next_channel uuid, OUT missing uuid)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	zero CONSTANT uuid := '00000000-0000-0000-0000-000000000000';
	lo uuid := coalesce(webchatt._search_id(since), zero);
	hi uuid := least(before, webchatt._search_id(until), 'ffffffff-ffff-ffff-ffff-ffffffffffff');
	hi_channel uuid := CASE WHEN hi = before THEN coalesce(before_channel, zero) ELSE zero END;
	upto_id uuid;
	upto_channel uuid := zero;
	behind record;
	languages text[];
BEGIN
	IF visitor IS NOT NULL AND channel IS NULL THEN
		RAISE EXCEPTION 'a visitor without a channel' USING ERRCODE = 'invalid_parameter_value', HINT = 'Give both: ids of visitors are a channel''s.';
	END IF;
	languages := webchatt._search_languages(channel);
	q := webchatt._search_query(query, 1, languages);
	ids := '{}';
	channels := '{}';
	IF q IS NULL OR lo >= hi THEN
		RETURN;
	END IF;
	IF visitor IS NOT NULL THEN
		SELECT c.ids, array_fill(channel, ARRAY[coalesce(cardinality(c.ids), 0)]), c.upto_id INTO ids, channels, upto_id
		FROM webchatt._search_conversation(q, channel, visitor, direction, lo, hi, most + 1) c;
	ELSE
		SELECT i.ids, i.channels, i.upto_id, i.upto_channel INTO ids, channels, upto_id, upto_channel
		FROM webchatt._search_indexed(q, webchatt._search_query(query, 3, languages), channel, direction, lo, hi, hi_channel, most + 1) i;
		SELECT * INTO behind FROM webchatt._search_behind(q, channel, direction, lo, hi, hi_channel, most + 1) b;
		missing := behind.missing;
		SELECT array_agg(h.id ORDER BY h.id DESC, h.channel_id DESC), array_agg(h.channel_id ORDER BY h.id DESC, h.channel_id DESC) INTO ids, channels
		FROM (SELECT * FROM unnest(ids, channels) u (id, channel_id) UNION SELECT * FROM unnest(behind.ids, behind.channels) u (id, channel_id)) h
		WHERE (h.id, h.channel_id) >= (upto_id, upto_channel);
	END IF;
	ids := coalesce(ids, '{}');
	channels := coalesce(channels, '{}');
	IF cardinality(ids) > most THEN
		next_id := ids[most];
		next_channel := channels[most];
		ids := ids[:most];
		channels := channels[:most];
	ELSIF upto_id > lo THEN
		next_id := upto_id;
		next_channel := upto_channel;
	END IF;
END
$$;
COMMENT ON FUNCTION webchatt._search_page(text, uuid, text, timestamptz, timestamptz, webchatt.message_direction, uuid, uuid, int) IS
	'webchatt''s own: a page of hits, where the next one begins, and the newest id that was not searched';

CREATE FUNCTION webchatt._search_snippet(channel uuid, t text, q tsquery, parts text[], OUT snippet text, OUT places int[])
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	head text := left(t, 20000);
	spoken text := (SELECT l.language FROM webchatt.search_languages l WHERE l.channel_id = channel);
	all_places int[] := coalesce(webchatt._search_places(webchatt._search_plain(head), q, 50), '{}');
	start int;
	size CONSTANT int := 240;
	i int := 1;
BEGIN
	IF spoken IS NOT NULL THEN
		BEGIN
			all_places := coalesce(webchatt._search_places(head, q, 50, spoken::regconfig, webchatt._search_tag(spoken)), '{}');
		EXCEPTION WHEN OTHERS THEN
			NULL;				-- as in _search_said()
		END;
	END IF;
	IF all_places = '{}' AND cardinality(parts) > 0 THEN
		all_places := webchatt._search_part_places(webchatt._search_plain(head), parts);
	END IF;
	start := greatest(0, coalesce(all_places[1], 0) - 60);
	IF start > 0 THEN
		-- where a word begins, if one does soon
		start := start + coalesce(nullif(position(' ' IN substr(webchatt._search_plain(head), start + 1, 30)), 0), 0);
	END IF;
	snippet := CASE WHEN start > 0 THEN '…' ELSE '' END || substr(head, start + 1, size) || CASE WHEN length(t) > start + size THEN '…' ELSE '' END;
	places := '{}';
	WHILE i < cardinality(all_places) AND all_places[i] + all_places[i + 1] <= start + size LOOP
		places := places || (all_places[i] - start + CASE WHEN start > 0 THEN 1 ELSE 0 END) || all_places[i + 1];
		i := i + 2;
	END LOOP;
END
$$;
COMMENT ON FUNCTION webchatt._search_snippet(uuid, text, tsquery, text[]) IS
	'webchatt''s own: a piece of a text of a channel around the first word that was sought, or else the first of these parts, and where such are in it: first character, from 0, and how many, of each';

CREATE TYPE webchatt.search_hit AS (
	channel_id uuid, id uuid, visitor text, direction webchatt.message_direction, created_at timestamptz, author text, snippet text, places int[]);
COMMENT ON TYPE webchatt.search_hit IS 'a message that webchatt.search() found';

CREATE FUNCTION webchatt.search(query text, channel uuid DEFAULT NULL, since timestamptz DEFAULT NULL, until timestamptz DEFAULT NULL, visitor text DEFAULT NULL,
	direction webchatt.message_direction DEFAULT NULL, before uuid DEFAULT NULL, most int DEFAULT 20)
RETURNS SETOF webchatt.search_hit
LANGUAGE plpgsql STABLE ROWS 20 SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	page record;
BEGIN
	IF most IS NULL OR most NOT BETWEEN 1 AND 50 THEN
		RAISE EXCEPTION 'most is %', coalesce(most::text, 'NULL') USING ERRCODE = 'invalid_parameter_value', HINT = 'Give 1 to 50.';
	END IF;
	SELECT * INTO page FROM webchatt._search_page(query, channel, visitor, since, until, direction, before, NULL, most);
	RETURN QUERY SELECT m.channel_id, m.id, m.visitor, m.direction, m.created_at, m.author, s.snippet, s.places
		FROM unnest(page.ids, page.channels) WITH ORDINALITY h (id, channel_id, n)
		JOIN webchatt.messages m ON m.channel_id = h.channel_id AND m.id = h.id
		CROSS JOIN LATERAL webchatt._search_snippet(m.channel_id, webchatt.message_text(m.content), page.q, NULL) s
		ORDER BY h.n;
END
$$;
COMMENT ON FUNCTION webchatt.search(text, uuid, timestamptz, timestamptz, text, webchatt.message_direction, uuid, int) IS
	'messages with these words, the newest first: words, "a phrase", or, -not; the last word may be a beginning. since, until: by the time in their ids. before: those before this message, for the next page. most: 1 to 50. What the caller may not read is not found. webchatt.search_coverage says how far the index is; of what is not in it the newest 3,000 are searched';

CREATE FUNCTION webchatt.search_visitors(query text, channel uuid DEFAULT NULL, most int DEFAULT 20) RETURNS SETOF webchatt.visitors
LANGUAGE plpgsql STABLE ROWS 20 SET search_path = pg_catalog, pg_temp SET plan_cache_mode = force_generic_plan
SET jit = off SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off AS $$
DECLARE
	q tsquery := webchatt._search_query(query, 2);
	start text := btrim(left(query, 255));
BEGIN
	IF most IS NULL OR most NOT BETWEEN 1 AND 50 THEN
		RAISE EXCEPTION 'most is %', coalesce(most::text, 'NULL') USING ERRCODE = 'invalid_parameter_value', HINT = 'Give 1 to 50.';
	END IF;
	RETURN QUERY WITH by_words AS MATERIALIZED (
			SELECT v.* FROM webchatt.visitors v
			WHERE webchatt.visitor_words(v.id, v.attributes) OPERATOR(webchatt.@@) q AND v.attributes <> '{}'
				AND (v.channel_id = channel OR channel IS NULL) LIMIT 500
		), by_name AS MATERIALIZED (
			SELECT v.* FROM webchatt.visitors v
			WHERE webchatt.visitor_words(v.name, v.email, v.user_id) OPERATOR(webchatt.@@) q AND coalesce(v.name, v.email, v.user_id) IS NOT NULL
				AND (v.channel_id = channel OR channel IS NULL) LIMIT 500
		), by_id AS MATERIALIZED (
			SELECT v.* FROM webchatt.channels c
			CROSS JOIN LATERAL (SELECT v.* FROM webchatt.visitors v
				WHERE v.channel_id = c.id AND v.id >= start COLLATE "C" AND v.id < start || chr(1114111) COLLATE "C"
				ORDER BY v.channel_id, v.id LIMIT most) v
			WHERE (c.id = channel OR channel IS NULL) AND length(start) >= 3 LIMIT 500
		)
		SELECT f.* FROM (SELECT * FROM by_words UNION SELECT * FROM by_name UNION SELECT * FROM by_id) f
		ORDER BY f.id = start COLLATE "C" DESC, f.last_seen DESC NULLS LAST, f.channel_id, f.id LIMIT most;
END
$$;
COMMENT ON FUNCTION webchatt.search_visitors(text, uuid, int) IS
	'visitors whose attributes, or name, e-mail address and user id, have these words (as webchatt.search() reads them), or whose id begins so, from three characters on; who was seen last comes first, of some 500. most: 1 to 50';

CREATE FUNCTION webchatt._desk_time(args jsonb, name text) RETURNS timestamptz
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	value text := webchatt._desk_text(args, name, false);
BEGIN
	IF value !~ '^[0-9]{4}-[0-9]{2}-[0-9]{2}(T[0-9:.]+(Z|[+-][0-9:]+))?$' THEN
		RAISE EXCEPTION '"%" is no time', name USING ERRCODE = 'invalid_parameter_value', HINT = 'Give it as 2026-11-29T14:05:00Z.';
	END IF;
	RETURN value::timestamptz;
END
$$;
COMMENT ON FUNCTION webchatt._desk_time(jsonb, text) IS 'webchatt''s own: an argument that is a time; null: it was not given';

CREATE FUNCTION webchatt.desk_search(args jsonb) RETURNS jsonb
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	query text := webchatt._desk_text(args, 'query');
	channel uuid := webchatt._desk_uuid(args, 'channel', false);
	visitor text := webchatt._desk_text(args, 'visitor', false);
	direction text := webchatt._desk_text(args, 'direction', false);
	behind text[] := regexp_match(webchatt._desk_text(args, 'after', false), '^([0-9a-f-]{36}) ([0-9a-f-]{36})$');
	most int := least(50, webchatt._desk_limit(args));
	page record;
	people jsonb;
	ids uuid[];
	channels uuid[];
	parts text[];
BEGIN
	IF direction NOT IN ('in', 'out') THEN
		RAISE EXCEPTION '"direction" is %', quote_literal(direction) USING ERRCODE = 'invalid_parameter_value', HINT = 'Use in or out.';
	END IF;
	IF behind IS NULL AND webchatt._desk_text(args, 'after', false) IS NOT NULL THEN
		RAISE EXCEPTION '"after" is not what a page before had as "next"' USING ERRCODE = 'invalid_parameter_value';
	END IF;
	SELECT * INTO page FROM webchatt._search_page(query, channel, visitor, webchatt._desk_time(args, 'since'), webchatt._desk_time(args, 'until'),
		direction::webchatt.message_direction, behind[1]::uuid, behind[2]::uuid, most);
	ids := page.ids;
	channels := page.channels;
	IF behind IS NULL AND visitor IS NULL THEN
		-- where words do not fill the page, what has them as parts does
		IF page.next_id IS NULL AND cardinality(ids) < most AND webchatt._search_parts_on() THEN
			parts := webchatt._search_parts_of(query);
			SELECT array_agg(h.id ORDER BY h.id DESC, h.channel_id DESC), array_agg(h.channel_id ORDER BY h.id DESC, h.channel_id DESC)
			INTO ids, channels
			FROM (SELECT u.id, u.channel_id FROM unnest(ids, channels) u (id, channel_id)
				UNION (SELECT p.id, p.channel_id FROM webchatt._search_parts_page(parts, channel, direction::webchatt.message_direction,
					webchatt._desk_time(args, 'since'), webchatt._desk_time(args, 'until'), NULL, most) p)
				ORDER BY 1 DESC, 2 DESC LIMIT most) h;
		END IF;
		SELECT jsonb_agg(jsonb_build_object('channel', v.channel_id, 'visitor', v.id, 'lastSeen', v.last_seen,
			'attributes', webchatt._desk_said(v, 8192), 'verified', v.verified))
		INTO people FROM webchatt.search_visitors(query, channel, 11) v;
	END IF;
	RETURN jsonb_build_object(
		'messages', coalesce((SELECT jsonb_agg(jsonb_build_object('channel', m.channel_id, 'visitor', m.visitor, 'id', m.id, 'at', m.created_at,
				'direction', m.direction, 'author', m.author, 'snippet', s.snippet, 'places', s.places,
				'attributes', webchatt._desk_said(v, 8192), 'verified', v.verified) ORDER BY h.n)
			FROM unnest(ids, channels) WITH ORDINALITY h (id, channel_id, n)
			JOIN webchatt.messages m ON m.channel_id = h.channel_id AND m.id = h.id
			LEFT JOIN webchatt.visitors v ON v.channel_id = m.channel_id AND v.id = m.visitor
			CROSS JOIN LATERAL webchatt._search_snippet(m.channel_id, webchatt.message_text(m.content), page.q, parts) s), '[]'),
		'next', page.next_id || ' ' || page.next_channel,
		'complete', page.missing IS NULL,
		'completeSince', to_timestamp(webchatt._search_ms(page.missing) / 1000.0),
		'visitors', coalesce(people, '[]'));
END
$$;
COMMENT ON FUNCTION webchatt.desk_search(jsonb) IS
	'the desk: {query, channel?, visitor?, direction?: "in" | "out", since?, until?, after?, limit?} → {messages: [{channel, visitor, id, at, direction, author, snippet, places, attributes, verified}], next, complete, completeSince, visitors: [{channel, visitor, lastSeen, attributes, verified}]}. The newest first, 50 at most, as webchatt.search() has them; places: of each word that was sought its first character in snippet, from 0, and how many. With the first page also what has the words as parts of words, where webchatt.search_parts() can search and these do not fill it. next, where there may be more: after of the next page. complete: false while older messages than completeSince are not searched yet. visitors: with the first page, 11 at most, as webchatt.search_visitors() has them';
