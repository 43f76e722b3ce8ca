----------------------------------------------------------------------------
-- Search, further: a language for each channel, by rank, and parts of words (doc/decisions/0016-search.md)
----------------------------------------------------------------------------

/* The texts of a channel are indexed anew, behind; until then they are found as they were. */
CREATE FUNCTION webchatt._search_anew() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	IF TG_OP = 'TRUNCATE' THEN
		DELETE FROM webchatt.search_progress;
	ELSIF TG_OP = 'INSERT' OR TG_OP = 'DELETE' OR new.language <> old.language OR new.channel_id <> old.channel_id THEN
		DELETE FROM webchatt.search_progress g WHERE g.channel_id = CASE WHEN TG_OP <> 'DELETE' THEN new.channel_id END
			OR g.channel_id = CASE WHEN TG_OP <> 'INSERT' THEN old.channel_id END;
	END IF;
	RETURN NULL;
END
$$;
COMMENT ON FUNCTION webchatt._search_anew() IS 'webchatt''s own: a channel whose language is another one is indexed anew';
CREATE TRIGGER search_anew AFTER INSERT OR UPDATE OR DELETE ON webchatt.search_languages
	FOR EACH ROW EXECUTE FUNCTION webchatt._search_anew();
CREATE TRIGGER search_anew_all AFTER TRUNCATE ON webchatt.search_languages
	FOR EACH STATEMENT EXECUTE FUNCTION webchatt._search_anew();

CREATE FUNCTION webchatt.set_search_language(channel uuid, language text DEFAULT NULL) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	config regconfig;
	spoken text;
BEGIN
	IF NOT EXISTS (SELECT FROM webchatt.channels c WHERE c.id = channel) THEN
		RAISE EXCEPTION 'there is no channel %', coalesce(channel::text, 'NULL') USING ERRCODE = 'undefined_object',
			HINT = 'SELECT id, display_name FROM webchatt.channels lists them.';
	END IF;
	IF set_search_language.language IS NULL THEN
		DELETE FROM webchatt.search_languages l WHERE l.channel_id = channel;
		RETURN;
	END IF;
	BEGIN
		config := set_search_language.language::regconfig;
		-- its dictionaries load, and do something
		PERFORM to_tsvector(config, 'a few words');
		SELECT CASE WHEN n.nspname = 'pg_catalog' THEN quote_ident(c.cfgname) ELSE format('%I.%I', n.nspname, c.cfgname) END INTO STRICT spoken
		FROM pg_ts_config c JOIN pg_namespace n ON n.oid = c.cfgnamespace WHERE c.oid = config;
	EXCEPTION WHEN undefined_object OR invalid_schema_name OR syntax_error OR invalid_name OR feature_not_supported OR no_data_found
		OR insufficient_privilege OR numeric_value_out_of_range OR name_too_long THEN
		RAISE EXCEPTION 'there is no language "%" to search in', left(set_search_language.language, 100) USING ERRCODE = 'undefined_object',
			HINT = format('There are: %s.', (SELECT string_agg(CASE WHEN n.nspname = 'pg_catalog' THEN quote_ident(c.cfgname)
				ELSE format('%I.%I', n.nspname, c.cfgname) END, ', ' ORDER BY n.nspname = 'pg_catalog' DESC, n.nspname, c.cfgname)
				FROM pg_ts_config c JOIN pg_namespace n ON n.oid = c.cfgnamespace));
	END;
	INSERT INTO webchatt.search_languages AS l (channel_id, language) VALUES (channel, spoken)
	ON CONFLICT (channel_id) DO UPDATE SET language = excluded.language WHERE l.language <> excluded.language;
END
$$;
COMMENT ON FUNCTION webchatt.set_search_language(uuid, text) IS
	'searches a channel in a language, a text search configuration such as english or public.mine: words are then found in all forms that it takes for the same. NULL: as they stand. The channel is indexed anew behind, newest first; until a message is, it is found as before, and webchatt.search_coverage says how far that is';

----------------------------------------------------------------------------
-- By rank
----------------------------------------------------------------------------

CREATE TYPE webchatt.ranked_hit AS (
	rank real, channel_id uuid, id uuid, visitor text, direction webchatt.message_direction, created_at timestamptz, author text, snippet text, places int[]);
COMMENT ON TYPE webchatt.ranked_hit IS 'a message that webchatt.search_ranked() found';

CREATE FUNCTION webchatt.search_ranked(query text, channel uuid DEFAULT NULL, since timestamptz DEFAULT NULL, until timestamptz DEFAULT NULL, visitor text DEFAULT NULL,
	direction webchatt.message_direction DEFAULT NULL, most int DEFAULT 20)
RETURNS SETOF webchatt.ranked_hit
LANGUAGE plpgsql STABLE ROWS 20 SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	page record;
BEGIN
	IF most IS NULL OR most NOT BETWEEN 1 AND 50 THEN
		RAISE EXCEPTION 'most is %', coalesce(most::text, 'NULL') USING ERRCODE = 'invalid_parameter_value', HINT = 'Give 1 to 50.';
	END IF;
	SELECT * INTO page FROM webchatt._search_page(query, channel, visitor, since, until, direction, NULL, NULL, 1000);
	RETURN QUERY WITH best AS MATERIALIZED (
			SELECT ts_rank(webchatt._search_said(m.channel_id, m.content), page.q, 1) AS rank, m.*
			FROM unnest(page.ids, page.channels) h (id, channel_id)
			JOIN webchatt.messages m ON m.channel_id = h.channel_id AND m.id = h.id
			ORDER BY 1 DESC, m.id DESC LIMIT most
		)
		SELECT b.rank, b.channel_id, b.id, b.visitor, b.direction, b.created_at, b.author, s.snippet, s.places
		FROM best b CROSS JOIN LATERAL webchatt._search_snippet(b.channel_id, webchatt.message_text(b.content), page.q, NULL) s
		ORDER BY b.rank DESC, b.id DESC;
END
$$;
COMMENT ON FUNCTION webchatt.search_ranked(text, uuid, timestamptz, timestamptz, text, webchatt.message_direction, int) IS
	'as webchatt.search(), the best first, by PostgreSQL''s ts_rank() (normalized by the logarithm of the length), of the newest 1,000 messages that have the words. most: 1 to 50';

----------------------------------------------------------------------------
-- Parts of words
----------------------------------------------------------------------------

/* Of three letters and more, for an index of trigrams would not know any others; the longest first. */
CREATE FUNCTION webchatt._search_parts_of(query text) RETURNS text[]
LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	RETURN ARRAY(SELECT p FROM (SELECT DISTINCT left(p, 100) AS p
		FROM regexp_split_to_table(webchatt._search_plain(normalize(left(query, 1000), NFC)), ' +') p) d
		WHERE length(p) >= 3 ORDER BY length(p) DESC, p LIMIT 10);
END
$$;
COMMENT ON FUNCTION webchatt._search_parts_of(text) IS 'webchatt''s own: what people type as parts of words; 10 at most, of three letters at least';

CREATE FUNCTION webchatt._search_part_places(plain text, parts text[]) RETURNS int[]
LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	places int[] := '{}';
	found int;
	at int;
	behind int := 0;
	part text;
	longest int;
BEGIN
	WHILE cardinality(places) < 100 LOOP
		at := NULL;
		FOREACH part IN ARRAY parts LOOP
			found := strpos(substr(plain, behind + 1), part);
			IF found > 0 AND (at IS NULL OR found < at) THEN
				at := found;
				longest := length(part);
			END IF;
		END LOOP;
		EXIT WHEN at IS NULL;
		places := places || (behind + at - 1) || longest;
		behind := behind + at - 1 + longest;
	END LOOP;
	RETURN places;
END
$$;
COMMENT ON FUNCTION webchatt._search_part_places(text, text[]) IS
	'webchatt''s own: where parts of words stand in what _search_plain() made: of each the first character''s number, from 0, and how many';

/*
 * As _search_indexed(): the newest rows are looked through, where a common part has filled the page, and a rare one is
 * found by the index.  LIKE is not leakproof, so where row security is on the index is not asked: then only the newest are looked through.
 */
CREATE FUNCTION webchatt._search_parts_page(parts text[], channel uuid, direction webchatt.message_direction, since timestamptz, until timestamptz,
	before uuid, most int) RETURNS TABLE (id uuid, channel_id uuid)
LANGUAGE plpgsql STABLE ROWS 20 SET search_path = pg_catalog, pg_temp SET plan_cache_mode = force_generic_plan
SET jit = off SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off AS $$
#variable_conflict use_column
DECLARE
	at_once CONSTANT int := 20000;
	lo uuid := coalesce(webchatt._search_id(since), '00000000-0000-0000-0000-000000000000');
	hi uuid := least(before, webchatt._search_id(until), 'ffffffff-ffff-ffff-ffff-ffffffffffff');
	likes text[] := ARRAY(SELECT '%' || p || '%' FROM unnest(parts) WITH ORDINALITY u (p, n) ORDER BY n);
	seen_to uuid;
	n int;
BEGIN
	IF cardinality(likes) = 0 OR parts IS NULL THEN
		RETURN;
	END IF;
	RETURN QUERY SELECT h.id, h.channel_id
		FROM (SELECT s.id, s.channel_id, s.said FROM webchatt.search_parts s
			WHERE s.id < hi AND s.id >= lo ORDER BY s.id DESC, s.channel_id DESC LIMIT at_once) h
		JOIN webchatt.messages m ON m.channel_id = h.channel_id AND m.id = h.id
		WHERE h.said LIKE ALL (likes) AND (h.channel_id = channel OR channel IS NULL)
			AND (m.direction = _search_parts_page.direction OR _search_parts_page.direction IS NULL)
			AND webchatt._search_once(m.content) LIKE ALL (likes)
		ORDER BY h.id DESC, h.channel_id DESC LIMIT most;
	GET DIAGNOSTICS n = ROW_COUNT;
	IF n = most OR row_security_active('webchatt.messages'::regclass) THEN
		RETURN;
	END IF;
	SELECT s.id INTO seen_to FROM webchatt.search_parts s WHERE s.id < hi AND s.id >= lo
	ORDER BY s.id DESC, s.channel_id DESC OFFSET at_once - 1 LIMIT 1;
	IF seen_to IS NULL THEN
		RETURN;
	END IF;
	RETURN QUERY WITH hits AS MATERIALIZED (
			SELECT s.id, s.channel_id FROM webchatt.search_parts s
			WHERE s.said LIKE likes[1] AND s.said LIKE coalesce(likes[2], likes[1]) AND s.said LIKE coalesce(likes[3], likes[1])
				AND s.said LIKE ALL (likes) AND s.id < seen_to AND s.id >= lo AND (s.channel_id = channel OR channel IS NULL)
		)
		SELECT h.id, h.channel_id
		FROM (SELECT h.* FROM hits h ORDER BY h.id DESC, h.channel_id DESC OFFSET 0) h
		JOIN webchatt.messages m ON m.channel_id = h.channel_id AND m.id = h.id
		WHERE (m.direction = _search_parts_page.direction OR _search_parts_page.direction IS NULL)
			AND webchatt._search_once(m.content) LIKE ALL (likes)
		ORDER BY h.id DESC, h.channel_id DESC LIMIT most - n;
END
$$;
COMMENT ON FUNCTION webchatt._search_parts_page(text[], uuid, webchatt.message_direction, timestamptz, timestamptz, uuid, int) IS
	'webchatt''s own: indexed messages that have all these as parts of words, newest first';

CREATE FUNCTION webchatt.search_parts(query text, channel uuid DEFAULT NULL, since timestamptz DEFAULT NULL, until timestamptz DEFAULT NULL,
	direction webchatt.message_direction DEFAULT NULL, before uuid DEFAULT NULL, most int DEFAULT 20)
RETURNS SETOF webchatt.search_hit
LANGUAGE plpgsql STABLE ROWS 20 SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	parts text[] := webchatt._search_parts_of(query);
BEGIN
	IF most IS NULL OR most NOT BETWEEN 1 AND 50 THEN
		RAISE EXCEPTION 'most is %', coalesce(most::text, 'NULL') USING ERRCODE = 'invalid_parameter_value', HINT = 'Give 1 to 50.';
	END IF;
	IF NOT webchatt._search_parts_on() THEN
		IF webchatt._search_trgm_schema() IS NULL THEN
			RAISE EXCEPTION 'parts of words cannot be searched for: the extension pg_trgm is not installed' USING ERRCODE = 'feature_not_supported',
				HINT = 'CREATE EXTENSION pg_trgm; the index is made behind then, as the one of webchatt.search(). That one finds words and their beginnings.';
		END IF;
		RAISE EXCEPTION 'parts of words are not indexed yet' USING ERRCODE = 'object_not_in_prerequisite_state',
			HINT = 'The desk does it while it is used; where there is none, call webchatt.index_texts() until it returns 0.';
	END IF;
	RETURN QUERY SELECT m.channel_id, m.id, m.visitor, m.direction, m.created_at, m.author, s.snippet, s.places
		FROM webchatt._search_parts_page(parts, channel, search_parts.direction, since, until, before, most) h
		JOIN webchatt.messages m ON m.channel_id = h.channel_id AND m.id = h.id
		CROSS JOIN LATERAL webchatt._search_snippet(m.channel_id, webchatt.message_text(m.content), NULL, parts) s
		ORDER BY m.id DESC, m.channel_id DESC;
END
$$;
COMMENT ON FUNCTION webchatt.search_parts(text, uuid, timestamptz, timestamptz, webchatt.message_direction, uuid, int) IS
	'messages in whose words these are, anywhere, the newest first: "ndee" finds candeeiro. Pieces of three letters at least, 10 at most, all of which have to be there. Needs the extension pg_trgm, in any schema. Only what is indexed is found; with row security on messages only the newest 20,000 are searched for each page. The other arguments as those of webchatt.search()';
