----------------------------------------------------------------------------
-- Files of conversations by SQL, and at the desk
----------------------------------------------------------------------------

CREATE FUNCTION webchatt._file_type(bytes bytea) RETURNS text
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'webchatt_file_type';
COMMENT ON FUNCTION webchatt._file_type(bytea) IS 'webchatt''s own: the media type of a file that begins so; 16 kB of it are enough';

CREATE FUNCTION webchatt._file_id(file text) RETURNS text
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
	SELECT substring(file FROM '(?:^|/files/)([A-Za-z0-9_-]{43})(?:/[^/]*)?$')
$$;
COMMENT ON FUNCTION webchatt._file_id(text) IS 'webchatt''s own: a file''s id, from the id or the URL; null: it is neither';

CREATE FUNCTION webchatt._file_url(id text, name text) RETURNS text
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	bytes bytea := convert_to(name, 'UTF8');
	escaped text := '';
	c text;
BEGIN
	FOR i IN 0 .. length(bytes) - 1 LOOP
		c := chr(greatest(1, get_byte(bytes, i) & 127));
		escaped := escaped || CASE WHEN get_byte(bytes, i) < 128 AND c ~ '^[A-Za-z0-9._~-]$' THEN c
			ELSE '%' || upper(lpad(to_hex(get_byte(bytes, i)), 2, '0')) END;
	END LOOP;
	RETURN webchatt._public_url() || '/files/' || id || '/' || escaped;
END
$$;
COMMENT ON FUNCTION webchatt._file_url(text, text) IS 'webchatt''s own: the URL of a file with that name; null where webchatt.public_url is not known';

/*
 * What writes files is for webchatt_worker only.  Whoever adds one, brings one at the desk or drops it, steps down to
 * that role (file_functions.c), after it was looked at, as who they are, whether they see the channel: an operator's
 * row security binds them, and none is left to be got around by calling what is behind it.
 */
CREATE FUNCTION webchatt._make_file(channel uuid, name text, size bigint, author text, bringer text) RETURNS webchatt.files
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	most bigint := pg_size_bytes(current_setting('webchatt.max_file_size'));
	clean text := btrim(regexp_replace(regexp_replace(translate(name, chr(92), '/'), '^.*/', ''), '[[:cntrl:]]', ' ', 'g'), ' .');
	made webchatt.files;
BEGIN
	IF size IS NULL OR size NOT BETWEEN 1 AND most THEN
		RAISE EXCEPTION 'the file has % bytes', coalesce(size::text, 'NULL')
			USING ERRCODE = 'program_limit_exceeded', HINT = format('It has 1 to %s (webchatt.max_file_size).', most);
	END IF;
	IF octet_length(author) NOT BETWEEN 1 AND 255 THEN
		RAISE EXCEPTION 'the author has % bytes', octet_length(author)
			USING ERRCODE = 'invalid_parameter_value', HINT = 'It has 1 to 255: the name of an agent or of an application, or NULL.';
	END IF;
	-- marks that are not seen, and turn around what is behind them
	clean := btrim(translate(clean, (SELECT string_agg(chr(c), '') FROM (VALUES (8203, 8207), (8232, 8238), (8288, 8303), (65279, 65279)) r (a, b),
		generate_series(r.a, r.b) c), ''), ' .');
	WHILE octet_length(clean) > 255 LOOP
		clean := left(clean, -1);
	END LOOP;
	INSERT INTO webchatt.files (channel_id, id, author, bringer, name, size)
	VALUES (channel, webchatt._random_token('', 32), _make_file.author, _make_file.bringer, coalesce(nullif(clean, ''), 'file'), _make_file.size)
	RETURNING * INTO made;
	RETURN made;
END
$$;
COMMENT ON FUNCTION webchatt._make_file(uuid, text, bigint, text, text) IS
	'webchatt''s own: makes the row of a file that is about to come, not from a visitor';

CREATE FUNCTION webchatt._put_file_piece(file webchatt.files, start bigint, data bytea) RETURNS webchatt.files
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	f webchatt.files := file;
BEGIN
	IF length(data) NOT BETWEEN 1 AND 262144 OR start + length(data) > f.size OR (length(data) < 16384 AND start + length(data) < f.size) THEN
		RAISE EXCEPTION 'the piece has % bytes', length(data)
			USING ERRCODE = 'invalid_parameter_value', HINT = 'It has 16384 to 262144, and the last one what is left.';
	END IF;
	INSERT INTO webchatt.file_chunks (channel_id, file_id, start, data) VALUES (f.channel_id, f.id, _put_file_piece.start, _put_file_piece.data);
	f.received := start + length(data);
	f.type := coalesce(f.type, webchatt._file_type(data));
	IF f.received = f.size THEN
		f.state := 'whole';
		f.sha256 := (SELECT sha256(string_agg(c.data, '' ORDER BY c.start)) FROM webchatt.file_chunks c
			WHERE c.channel_id = f.channel_id AND c.file_id = f.id);
	END IF;
	UPDATE webchatt.files t SET received = f.received, type = f.type, state = f.state, sha256 = f.sha256
	WHERE t.channel_id = f.channel_id AND t.id = f.id;
	RETURN f;
END
$$;
COMMENT ON FUNCTION webchatt._put_file_piece(webchatt.files, bigint, bytea) IS 'webchatt''s own: the next bytes of a file whose row is locked';

CREATE FUNCTION webchatt._make_whole_file(channel uuid, name text, content bytea, author text) RETURNS webchatt.files
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	f webchatt.files := webchatt._make_file(channel, name, length(content), author, NULL);
BEGIN
	WHILE f.state = 'arriving' LOOP
		f := webchatt._put_file_piece(f, f.received, substr(content, f.received::int + 1, 262144));
	END LOOP;
	RETURN f;
END
$$;
COMMENT ON FUNCTION webchatt._make_whole_file(uuid, text, bytea, text) IS 'webchatt''s own: a file with all its bytes';

CREATE FUNCTION webchatt._take_file_piece(id text, bringer text, start bigint, data bytea) RETURNS webchatt.files
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_variable
DECLARE
	f webchatt.files;
BEGIN
	SELECT * INTO f FROM webchatt.files t WHERE t.id = _take_file_piece.id AND t.bringer = _take_file_piece.bringer FOR UPDATE;
	IF f.id IS NULL THEN
		RAISE EXCEPTION 'there is no file % of yours any more', id USING ERRCODE = 'undefined_object', HINT = 'It was dropped just now: begin it anew.';
	ELSIF f.state = 'whole' OR start <> f.received THEN
		RETURN f;
	END IF;
	RETURN webchatt._put_file_piece(f, start, data);
END
$$;
COMMENT ON FUNCTION webchatt._take_file_piece(text, text, bigint, bytea) IS
	'webchatt''s own: more bytes of a file that they began; at another place than where it ends so far nothing is done';

/* What is set up once and shown often: it names files, and is no message. */
CREATE FUNCTION webchatt._is_set_up(file text) RETURNS boolean
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	RETURN EXISTS (SELECT FROM webchatt.canned_answers a WHERE strpos(coalesce(a.content::text, a.text), file) > 0)
		OR EXISTS (SELECT FROM webchatt.agents a WHERE strpos(a.avatar_url, file) > 0)
		OR EXISTS (SELECT FROM webchatt.channels c WHERE strpos(c.widget::text, file) > 0);
END
$$;
COMMENT ON FUNCTION webchatt._is_set_up(text) IS
	'webchatt''s own: does a canned answer, an agent''s picture or how a channel''s widget looks name the file with this id?';

CREATE FUNCTION webchatt._drop_file(id text, bringer text) RETURNS boolean
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	-- a message that is being sent either has named it then, or will not
	PERFORM FROM webchatt.files f WHERE f.id = _drop_file.id AND f.bringer = _drop_file.bringer FOR UPDATE;
	DELETE FROM webchatt.files f WHERE f.id = _drop_file.id AND f.bringer = _drop_file.bringer
		AND NOT EXISTS (SELECT FROM webchatt.file_uses u JOIN webchatt.messages m ON m.channel_id = u.message_channel_id AND m.id = u.message_id
			WHERE u.channel_id = f.channel_id AND u.file_id = f.id)
		AND NOT webchatt._is_set_up(f.id);
	RETURN FOUND;
END
$$;
COMMENT ON FUNCTION webchatt._drop_file(text, text) IS 'webchatt''s own: drops a file that they began and that no message names';

CREATE FUNCTION webchatt._add_file(channel uuid, name text, content bytea, author text) RETURNS webchatt.files
LANGUAGE c AS 'MODULE_PATHNAME', 'webchatt_add_file';
COMMENT ON FUNCTION webchatt._add_file(uuid, text, bytea, text) IS 'webchatt''s own: a file with all its bytes, for who sees the channel';

CREATE FUNCTION webchatt._begin_file(channel uuid, name text, size bigint) RETURNS webchatt.files
LANGUAGE c AS 'MODULE_PATHNAME', 'webchatt_begin_file';
COMMENT ON FUNCTION webchatt._begin_file(uuid, text, bigint) IS 'webchatt''s own: a file is going to come, of the agent who calls and sees the channel';

CREATE FUNCTION webchatt._add_file_piece(id text, start bigint, data bytea) RETURNS webchatt.files
LANGUAGE c AS 'MODULE_PATHNAME', 'webchatt_add_file_piece';
COMMENT ON FUNCTION webchatt._add_file_piece(text, bigint, bytea) IS
	'webchatt''s own: more bytes of a file that the agent who calls began; at another place than where it ends so far nothing is done';

CREATE FUNCTION webchatt._drop_own_file(id text) RETURNS boolean
LANGUAGE c AS 'MODULE_PATHNAME', 'webchatt_drop_own_file';
COMMENT ON FUNCTION webchatt._drop_own_file(text) IS 'webchatt''s own: drops a file that the agent who calls began and that no message names';

CREATE FUNCTION webchatt.add_file(channel uuid, name text, content bytea, author text DEFAULT NULL) RETURNS text
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	f webchatt.files;
BEGIN
	IF webchatt._public_url() IS NULL THEN
		RAISE EXCEPTION 'it is not known under which URL the file can be fetched'
			USING ERRCODE = 'object_not_in_prerequisite_state',
				HINT = 'Set webchatt.public_url, for example ALTER DATABASE ... SET webchatt.public_url = ''https://chat.example.com'', and connect again.';
	END IF;
	f := webchatt._add_file(channel, name, content, author);
	RETURN webchatt._file_url(f.id, f.name);
END
$$;
COMMENT ON FUNCTION webchatt.add_file(uuid, text, bytea, text) IS
	'stores a file and returns its URL, for a message''s content: imageUrl, documentUrl, and so on. name: with its extension, for people; author: who it is from. What no message names is dropped after webchatt.file_sweep_after';

CREATE FUNCTION webchatt.file_bytes(file text) RETURNS bytea
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
	SELECT string_agg(c.data, '' ORDER BY c.start)
	FROM webchatt.files f
	JOIN webchatt.file_chunks c ON c.channel_id = f.channel_id AND c.file_id = f.id
	WHERE f.id = webchatt._file_id(file) AND f.state = 'whole'
$$;
COMMENT ON FUNCTION webchatt.file_bytes(text) IS 'the bytes of a file, by its id or its URL; null: there is none, or it is not whole';

CREATE FUNCTION webchatt.delete_file(file text) RETURNS boolean
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	DELETE FROM webchatt.files f WHERE f.id = webchatt._file_id(file);
	RETURN FOUND;
END
$$;
COMMENT ON FUNCTION webchatt.delete_file(text) IS
	'deletes a file, by its id or its URL, also when messages name it: who opens it then finds nothing, unless their browser has kept it. False: there was none';

CREATE VIEW webchatt.file_overview AS
SELECT f.channel_id, f.id, webchatt._file_url(f.id, f.name) AS url, f.visitor, f.author, f.name, f.type, f.size, f.received, f.state, f.created_at,
	(SELECT count(*) FROM webchatt.file_uses u JOIN webchatt.messages m ON m.channel_id = u.message_channel_id AND m.id = u.message_id
		WHERE u.channel_id = f.channel_id AND u.file_id = f.id) AS messages
FROM webchatt.files f;
COMMENT ON VIEW webchatt.file_overview IS 'the files, each with its URL and how many messages name it';
COMMENT ON COLUMN webchatt.file_overview.url IS 'where it is fetched; null where webchatt.public_url is not known';
COMMENT ON COLUMN webchatt.file_overview.visitor IS 'the visitor who brought it; null: an application or an agent did';
COMMENT ON COLUMN webchatt.file_overview.author IS 'the agent, API key or application that it came from';
COMMENT ON COLUMN webchatt.file_overview.name IS 'what it is called';
COMMENT ON COLUMN webchatt.file_overview.type IS 'its media type, as its first bytes say';
COMMENT ON COLUMN webchatt.file_overview.size IS 'bytes that it has, or will have';
COMMENT ON COLUMN webchatt.file_overview.received IS 'bytes that are here';
COMMENT ON COLUMN webchatt.file_overview.state IS 'arriving, or whole';
COMMENT ON COLUMN webchatt.file_overview.created_at IS 'when it was begun';
COMMENT ON COLUMN webchatt.file_overview.messages IS 'messages that name it; none: it goes after webchatt.file_sweep_after';

CREATE FUNCTION webchatt.desk_begin_file(args jsonb) RETURNS jsonb
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	channel uuid := webchatt._desk_uuid(args, 'channel');
	size bigint := CASE WHEN jsonb_typeof(args -> 'size') = 'number' AND args ->> 'size' ~ '^[0-9]{1,15}$' THEN (args ->> 'size')::bigint END;
	f webchatt.files;
BEGIN
	f := webchatt._begin_file(channel, webchatt._desk_text(args, 'name'), size);
	RETURN jsonb_build_object('id', f.id, 'url', webchatt._file_url(f.id, f.name), 'offset', 0, 'chunk', 36864,
		'maxSize', pg_size_bytes(current_setting('webchatt.max_file_size')));
END
$$;
COMMENT ON FUNCTION webchatt.desk_begin_file(jsonb) IS
	'the desk: {channel, name, size} → {id, url, offset: 0, chunk, maxSize}: a file is going to come, in pieces of at most chunk bytes';

CREATE FUNCTION webchatt.desk_file_piece(args jsonb) RETURNS jsonb
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	start bigint := CASE WHEN jsonb_typeof(args -> 'offset') = 'number' AND args ->> 'offset' ~ '^[0-9]{1,15}$' THEN (args ->> 'offset')::bigint END;
	data text := webchatt._desk_text(args, 'data');
	f webchatt.files;
BEGIN
	IF start IS NULL THEN
		RAISE EXCEPTION '"offset" is not a whole number' USING ERRCODE = 'invalid_parameter_value';
	END IF;
	IF data !~ '^[A-Za-z0-9+/]+={0,2}$' OR length(data) % 4 <> 0 OR length(data) > 49152 THEN
		RAISE EXCEPTION '"data" is not 1 to 36864 bytes in base64' USING ERRCODE = 'invalid_parameter_value';
	END IF;
	f := webchatt._add_file_piece(webchatt._desk_text(args, 'id'), start, decode(data, 'base64'));
	RETURN jsonb_build_object('offset', f.received) || CASE WHEN f.state = 'whole'
		THEN jsonb_build_object('url', webchatt._file_url(f.id, f.name), 'type', f.type, 'size', f.size, 'name', f.name) ELSE '{}' END;
END
$$;
COMMENT ON FUNCTION webchatt.desk_file_piece(jsonb) IS
	'the desk: {id, offset, data: base64} → {offset}, with the last piece {offset, url, type, size, name}. offset of the result: where the next piece begins, also when this one was another';

CREATE FUNCTION webchatt.desk_drop_file(args jsonb) RETURNS jsonb
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	RETURN jsonb_build_object('dropped', webchatt._drop_own_file(webchatt._desk_text(args, 'id')));
END
$$;
COMMENT ON FUNCTION webchatt.desk_drop_file(jsonb) IS 'the desk: {id} → {dropped}: cancels a file of one''s own; false: a message names it, or it is gone';

/* A dump of 0.1 does not say it, and there a message named files of its own channel. */
CREATE FUNCTION webchatt._file_use_of_own_channel() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	new.message_channel_id := new.channel_id;
	RETURN new;
END
$$;
COMMENT ON FUNCTION webchatt._file_use_of_own_channel() IS 'webchatt''s own: the message''s channel, where a dump of 0.1 is loaded';
CREATE TRIGGER of_own_channel BEFORE INSERT ON webchatt.file_uses
	FOR EACH ROW WHEN (new.message_channel_id IS NULL) EXECUTE FUNCTION webchatt._file_use_of_own_channel();
