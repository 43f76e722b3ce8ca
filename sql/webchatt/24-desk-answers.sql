----------------------------------------------------------------------------
-- What those who answer have beside messages: notes to colleagues, canned answers
----------------------------------------------------------------------------

CREATE TABLE webchatt.notes (
	id uuid PRIMARY KEY,
	channel_id uuid NOT NULL,
	visitor text COLLATE "C" NOT NULL,
	author text CHECK (octet_length(author) BETWEEN 1 AND 255),
	text text NOT NULL CHECK (char_length(text) BETWEEN 1 AND 4000 AND text ~ '[^[:space:]]'),
	at timestamptz NOT NULL DEFAULT now(),
	FOREIGN KEY (channel_id, visitor) REFERENCES webchatt.visitors (channel_id, id) ON DELETE CASCADE ON UPDATE CASCADE
);
CREATE INDEX notes_conversation ON webchatt.notes (channel_id, visitor, id);
COMMENT ON TABLE webchatt.notes IS
	'what colleagues wrote to each other about a conversation, by webchatt.add_note(): never sent to anybody. They go with the visitor';
COMMENT ON COLUMN webchatt.notes.id IS 'UUID version 7, as messages have: its place among them';
COMMENT ON COLUMN webchatt.notes.visitor IS 'the visitor''s id';
COMMENT ON COLUMN webchatt.notes.author IS 'who wrote it, as add_note() was told; null: not said';
COMMENT ON COLUMN webchatt.notes.text IS 'what they wrote, 1 to 4000 characters';
COMMENT ON COLUMN webchatt.notes.at IS 'when';

CREATE FUNCTION webchatt._new_message_id(channel uuid) RETURNS uuid
LANGUAGE c STRICT AS 'MODULE_PATHNAME', 'webchatt_new_message_id';
COMMENT ON FUNCTION webchatt._new_message_id(uuid) IS 'webchatt''s own: an id behind those of all messages of a channel';

CREATE FUNCTION webchatt._conversation_changed(channel uuid, visitor text) RETURNS void
LANGUAGE c STRICT AS 'MODULE_PATHNAME', 'webchatt_conversation_changed';
COMMENT ON FUNCTION webchatt._conversation_changed(uuid, text) IS
	'webchatt''s own: who looks at that conversation at the desk reads it again, when the transaction has committed';

CREATE FUNCTION webchatt.add_note(channel uuid, visitor text, text text, author text DEFAULT NULL) RETURNS uuid
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	made uuid;
BEGIN
	IF NOT EXISTS (SELECT FROM webchatt.visitors v WHERE v.channel_id = channel AND v.id = add_note.visitor) THEN
		RAISE EXCEPTION 'channel % has no visitor %', coalesce(channel::text, 'NULL'), coalesce(add_note.visitor, 'NULL')
			USING ERRCODE = 'undefined_object', HINT = 'Take channel_id and visitor from webchatt.inbox.';
	END IF;
	IF add_note.text IS NULL OR add_note.text !~ '[^[:space:]]' OR char_length(add_note.text) > 4000 THEN
		RAISE EXCEPTION 'a note has 1 to 4000 characters, and this one %', coalesce(char_length(regexp_replace(add_note.text, '^[[:space:]]+', '')), 0)
			USING ERRCODE = 'invalid_parameter_value', HINT = 'Write several notes where one is too short.';
	END IF;
	IF octet_length(add_note.author) NOT BETWEEN 1 AND 255 THEN
		RAISE EXCEPTION 'the author has % bytes', octet_length(add_note.author)
			USING ERRCODE = 'invalid_parameter_value', HINT = 'It has 1 to 255: the name of an agent or of an application, or NULL.';
	END IF;
	made := webchatt._new_message_id(channel);
	INSERT INTO webchatt.notes (id, channel_id, visitor, author, text)
	VALUES (made, channel, add_note.visitor, add_note.author, add_note.text);
	PERFORM webchatt._conversation_changed(channel, add_note.visitor);
	RETURN made;
END
$$;
COMMENT ON FUNCTION webchatt.add_note(uuid, text, text, text) IS
	'writes a note to colleagues into a conversation, which the visitor never sees, and returns its id. text: 1 to 4000 characters. author: who writes it';

CREATE FUNCTION webchatt.delete_note(id uuid) RETURNS boolean
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	gone webchatt.notes;
BEGIN
	DELETE FROM webchatt.notes n WHERE n.id = delete_note.id RETURNING n.* INTO gone;
	IF gone.id IS NULL THEN
		RETURN false;
	END IF;
	PERFORM webchatt._conversation_changed(gone.channel_id, gone.visitor);
	RETURN true;
END
$$;
COMMENT ON FUNCTION webchatt.delete_note(uuid) IS 'removes a note to colleagues for good; false when there is none of that id';

CREATE TABLE webchatt.canned_answers (
	id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
	name text COLLATE "C" NOT NULL CHECK (name ~ '^[a-z0-9][a-z0-9_-]{0,39}$'),
	channel_id uuid REFERENCES webchatt.channels (id) ON DELETE CASCADE,
	text text CHECK (char_length(text) BETWEEN 1 AND 4000 AND text ~ '[^[:space:]]'),
	content jsonb CHECK (jsonb_typeof(content) = 'object' AND content <> '{}' AND webchatt._content_size(content, 16384) <= 16384),
	created_by text,
	changed_at timestamptz NOT NULL DEFAULT now(),
	CHECK ((text IS NULL) <> (content IS NULL))
);
CREATE UNIQUE INDEX canned_answers_name ON webchatt.canned_answers (name, coalesce(channel_id, '00000000-0000-0000-0000-000000000000'));
CREATE INDEX canned_answers_channel ON webchatt.canned_answers (channel_id);
COMMENT ON TABLE webchatt.canned_answers IS
	'answers that are written once and used often, by /name at the desk; made by webchatt.set_canned_answer(), 1000 at most';
COMMENT ON COLUMN webchatt.canned_answers.name IS 'what is typed behind the slash';
COMMENT ON COLUMN webchatt.canned_answers.channel_id IS 'the channel that it is for, before one of the same name for all; null: all channels';
COMMENT ON COLUMN webchatt.canned_answers.text IS 'the text, 1 to 4000 characters: {name} is the visitor''s name, {agent} the agent''s; null: it is a content';
COMMENT ON COLUMN webchatt.canned_answers.content IS 'a content as of a message, with buttons or a picture, 16 kB at most; null: it is a text';
COMMENT ON COLUMN webchatt.canned_answers.created_by IS 'who wrote it last, as set_canned_answer() was told; null: not said';
COMMENT ON COLUMN webchatt.canned_answers.changed_at IS 'when that was';

CREATE FUNCTION webchatt.set_canned_answer(name text, text text DEFAULT NULL, content jsonb DEFAULT NULL, channel uuid DEFAULT NULL, author text DEFAULT NULL)
RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
	every uuid := '00000000-0000-0000-0000-000000000000';
BEGIN
	IF set_canned_answer.name IS NULL OR set_canned_answer.name !~ '^[a-z0-9][a-z0-9_-]{0,39}$' THEN
		RAISE EXCEPTION 'the name % of an answer is not usable', coalesce(quote_literal(set_canned_answer.name), 'NULL')
			USING ERRCODE = 'invalid_parameter_value',
				HINT = 'Use 1 to 40 lower-case letters, digits, hyphens and underscores, a letter or digit first.';
	END IF;
	IF (set_canned_answer.text IS NULL) = (set_canned_answer.content IS NULL) THEN
		RAISE EXCEPTION 'an answer has a text or a content, one of them' USING ERRCODE = 'invalid_parameter_value';
	END IF;
	IF set_canned_answer.text !~ '[^[:space:]]' OR char_length(set_canned_answer.text) > 4000 THEN
		RAISE EXCEPTION 'the text of an answer has 1 to 4000 characters, and this one %', char_length(regexp_replace(set_canned_answer.text, '^[[:space:]]+', ''))
			USING ERRCODE = 'invalid_parameter_value';
	END IF;
	IF jsonb_typeof(set_canned_answer.content) <> 'object' OR set_canned_answer.content = '{}' OR webchatt._content_size(set_canned_answer.content, 16384) > 16384 THEN
		RAISE EXCEPTION 'the content is not a JSON object with something in it, of at most 16 kB'
			USING ERRCODE = 'invalid_parameter_value', HINT = 'Give one that webchatt.send_message() takes.';
	END IF;
	IF channel IS NOT NULL AND NOT EXISTS (SELECT FROM webchatt.channels c WHERE c.id = channel) THEN
		RAISE EXCEPTION 'there is no channel %', channel
			USING ERRCODE = 'undefined_object', HINT = 'SELECT id, display_name FROM webchatt.channels lists them; NULL is all.';
	END IF;
	UPDATE webchatt.canned_answers a
	SET text = set_canned_answer.text, content = set_canned_answer.content, created_by = author, changed_at = now()
	WHERE a.name = set_canned_answer.name AND coalesce(a.channel_id, every) = coalesce(channel, every);
	IF FOUND THEN
		RETURN;
	END IF;
	IF (SELECT count(*) FROM webchatt.canned_answers) >= 1000 THEN
		RAISE EXCEPTION 'there are 1000 canned answers already'
			USING ERRCODE = 'program_limit_exceeded', HINT = 'Delete some that nobody uses: webchatt.delete_canned_answer().';
	END IF;
	INSERT INTO webchatt.canned_answers (name, channel_id, text, content, created_by)
	VALUES (set_canned_answer.name, channel, set_canned_answer.text, set_canned_answer.content, author)
	ON CONFLICT (name, coalesce(channel_id, '00000000-0000-0000-0000-000000000000'))
	DO UPDATE SET text = excluded.text, content = excluded.content, created_by = excluded.created_by, changed_at = now();
END
$$;
COMMENT ON FUNCTION webchatt.set_canned_answer(text, text, jsonb, uuid, text) IS
	'writes a canned answer, or writes the one of that name and channel anew. text: with {name} for the visitor''s name and {agent} for the agent''s; or content, as send_message() takes it. channel: NULL: for all. author: who writes it';

CREATE FUNCTION webchatt.delete_canned_answer(name text, channel uuid DEFAULT NULL) RETURNS boolean
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	DELETE FROM webchatt.canned_answers a
	WHERE a.name = delete_canned_answer.name AND a.channel_id IS NOT DISTINCT FROM channel;
	RETURN FOUND;
END
$$;
COMMENT ON FUNCTION webchatt.delete_canned_answer(text, uuid) IS
	'removes a canned answer, the one for that channel (NULL: the one for all); false when there is none';

----------------------------------------------------------------------------
-- The same for the desk
----------------------------------------------------------------------------

CREATE FUNCTION webchatt._desk_notes(channel uuid, visitor text, older_than uuid, newer_than uuid, most int)
RETURNS SETOF webchatt.notes
LANGUAGE plpgsql STABLE ROWS 10 SET search_path = pg_catalog, pg_temp SET plan_cache_mode = force_generic_plan
SET jit = off SET enable_seqscan = off SET enable_bitmapscan = off SET enable_sort = off AS $$
DECLARE
	bound uuid := coalesce(newer_than, older_than, 'ffffffff-ffff-ffff-ffff-ffffffffffff');
BEGIN
	IF newer_than IS NULL THEN
		RETURN QUERY SELECT n.* FROM webchatt.notes n
			WHERE n.channel_id = channel AND n.visitor = _desk_notes.visitor AND n.id < bound
			ORDER BY n.id DESC LIMIT most;
	ELSE
		RETURN QUERY SELECT n.* FROM webchatt.notes n
			WHERE n.channel_id = channel AND n.visitor = _desk_notes.visitor AND n.id > bound
			ORDER BY n.id LIMIT most;
	END IF;
END
$$;
COMMENT ON FUNCTION webchatt._desk_notes(uuid, text, uuid, uuid, int) IS
	'webchatt''s own: notes of a conversation behind one id, or the newest first, before one (NULL: of all)';

CREATE FUNCTION webchatt.desk_notes(args jsonb) RETURNS jsonb
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	what record := webchatt._desk_conversation(args);
	most int := webchatt._desk_limit(args);
BEGIN
	RETURN (WITH found AS MATERIALIZED (
			SELECT n.* FROM webchatt._desk_notes(what.channel, what.visitor, webchatt._desk_uuid(args, 'before', false), NULL, most + 1) WITH ORDINALITY n)
		SELECT jsonb_build_object(
			'notes', coalesce((SELECT jsonb_agg(jsonb_build_object('id', n.id, 'at', n.at, 'author', n.author, 'text', n.text) ORDER BY n.id)
				FROM found n WHERE n.ordinality <= most), '[]'),
			'more', EXISTS (SELECT FROM found n WHERE n.ordinality > most)));
END
$$;
COMMENT ON FUNCTION webchatt.desk_notes(jsonb) IS
	'the desk: {channel, visitor, before?: id, limit?} → {notes: [{id, at, author, text}], more}: a conversation''s notes to colleagues alone, the newest or those before one, the oldest first';

CREATE FUNCTION webchatt.desk_add_note(args jsonb) RETURNS jsonb
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	what record := webchatt._desk_conversation(args);
BEGIN
	RETURN jsonb_build_object('id', webchatt.add_note(what.channel, what.visitor, webchatt._desk_text(args, 'text'), author => webchatt._desk_agent()));
END
$$;
COMMENT ON FUNCTION webchatt.desk_add_note(jsonb) IS
	'the desk: {channel, visitor, text} → {id}: writes a note to colleagues, in the agent''s name, which is never sent';

CREATE FUNCTION webchatt.desk_delete_note(args jsonb) RETURNS jsonb
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	who text := webchatt._desk_agent();
	wanted uuid := webchatt._desk_uuid(args, 'id');
	writer text;
BEGIN
	SELECT coalesce(n.author, '') INTO writer FROM webchatt.notes n WHERE n.id = wanted;
	IF writer <> who AND NOT EXISTS (SELECT FROM webchatt.agents a WHERE a.name = who AND a.role = 'admin') THEN
		RAISE EXCEPTION 'that note is not yours'
			USING ERRCODE = 'insufficient_privilege', HINT = 'Who wrote it can delete it, and any admin.';
	END IF;
	RETURN jsonb_build_object('done', webchatt.delete_note(wanted));
END
$$;
COMMENT ON FUNCTION webchatt.desk_delete_note(jsonb) IS
	'the desk: {id} → {done}: removes a note to colleagues, one''s own or, for admins, anybody''s';

/* Of two of the same name, for a channel only its own: it stands before the one for all. */
CREATE FUNCTION webchatt.desk_canned_answers(args jsonb DEFAULT '{}') RETURNS jsonb
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	for_channel uuid := webchatt._desk_uuid(args, 'channel', false);
	words text := lower(coalesce(webchatt._desk_text(args, 'filter', false), ''));
	called text := webchatt._desk_text(args, 'name', false);
	behind text[] := regexp_match(webchatt._desk_text(args, 'after', false), '^([a-z0-9_-]{1,40}) ([0-9a-f-]{36})$');
	most int := webchatt._desk_limit(args);
	every uuid := '00000000-0000-0000-0000-000000000000';
BEGIN
	IF behind IS NULL AND webchatt._desk_text(args, 'after', false) IS NOT NULL THEN
		RAISE EXCEPTION '"after" is not what a page before had as "next"' USING ERRCODE = 'invalid_parameter_value';
	END IF;
	RETURN (WITH found AS MATERIALIZED (
			SELECT a.*, row_number() OVER (ORDER BY a.name, coalesce(a.channel_id, every)) AS n FROM webchatt.canned_answers a
			WHERE (words = '' OR strpos(a.name, words) > 0 OR strpos(lower(coalesce(a.text, a.content::text)), words) > 0)
				AND (called IS NULL OR a.name = called)
				AND (behind IS NULL OR (a.name, coalesce(a.channel_id, every)) > (behind[1], behind[2]::uuid))
				AND (for_channel IS NULL OR a.channel_id = for_channel OR a.channel_id IS NULL AND NOT EXISTS (SELECT FROM webchatt.canned_answers o
					WHERE o.name = a.name AND o.channel_id = for_channel))
			ORDER BY a.name, coalesce(a.channel_id, every) LIMIT most + 1)
		SELECT jsonb_build_object(
			'answers', coalesce((SELECT jsonb_agg(jsonb_build_object('name', a.name, 'channel', a.channel_id, 'text', a.text, 'content', a.content,
				'createdBy', a.created_by, 'changedAt', a.changed_at) ORDER BY a.n) FROM found a WHERE a.n <= most), '[]'),
			'next', (SELECT a.name || ' ' || coalesce(a.channel_id, every) FROM found a
				WHERE a.n = most AND EXISTS (SELECT FROM found x WHERE x.n > most))));
END
$$;
COMMENT ON FUNCTION webchatt.desk_canned_answers(jsonb) IS
	'the desk: {channel?, name?, filter?, after?, limit?} → {answers: [{name, channel, text, content, createdBy, changedAt}], next}: canned answers by name, with channel those that serve there, with name that one, with filter those whose name or text has it';

CREATE FUNCTION webchatt.desk_set_canned_answer(args jsonb) RETURNS jsonb
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	called text := webchatt._desk_text(args, 'name');
	for_channel uuid := webchatt._desk_uuid(args, 'channel', false);
	old_name text := webchatt._desk_text(args, 'oldName', false);
	old_channel uuid := webchatt._desk_uuid(args, 'oldChannel', false);
BEGIN
	IF old_name IS DISTINCT FROM called OR old_channel IS DISTINCT FROM for_channel THEN
		IF EXISTS (SELECT FROM webchatt.canned_answers a WHERE a.name = called AND a.channel_id IS NOT DISTINCT FROM for_channel) THEN
			RAISE EXCEPTION 'there is an answer /% already', called
				USING ERRCODE = 'duplicate_object', HINT = 'Take another name, or change that one.';
		END IF;
		PERFORM webchatt.delete_canned_answer(old_name, old_channel);
	END IF;
	PERFORM webchatt.set_canned_answer(called, webchatt._desk_text(args, 'text', false), webchatt._desk_arg(args, 'content', 'object', false),
		for_channel, webchatt._desk_agent());
	RETURN '{}';
END
$$;
COMMENT ON FUNCTION webchatt.desk_set_canned_answer(jsonb) IS
	'the desk: {name, text | content, channel?, oldName?, oldChannel?} → {}: writes a new canned answer, or writes the one anew that was called so';

CREATE FUNCTION webchatt.desk_delete_canned_answer(args jsonb) RETURNS jsonb
LANGUAGE sql SET search_path = pg_catalog, pg_temp AS $$
	SELECT jsonb_build_object('done', webchatt.delete_canned_answer(webchatt._desk_text(args, 'name'), webchatt._desk_uuid(args, 'channel', false)))
$$;
COMMENT ON FUNCTION webchatt.desk_delete_canned_answer(jsonb) IS
	'the desk: {name, channel?} → {done}: removes a canned answer';

/*
 * Who is perhaps the same: by what their pages said, which proves nothing.  Found by the index of the search, whose words of
 * a value are all words that the others have, too; then compared whole.
 */
CREATE FUNCTION webchatt._desk_alike(channel uuid, visitor text, name text, value text) RETURNS SETOF webchatt.visitors
LANGUAGE plpgsql STABLE ROWS 10 SET search_path = pg_catalog, pg_temp SET jit = off SET enable_seqscan = off AS $$
DECLARE
	q tsquery := (SELECT string_agg(quote_literal(w.lexeme), ' & ') FROM unnest(webchatt.visitor_words('', jsonb_build_object(name, value))) w)::tsquery;
BEGIN
	IF numnode(q) > 0 THEN
		RETURN QUERY SELECT v.* FROM webchatt.visitors v
			WHERE webchatt.visitor_words(v.id, v.attributes) OPERATOR(webchatt.@@) q AND v.attributes <> '{}'
				AND lower(btrim(v.attributes ->> _desk_alike.name)) = lower(btrim(value)) AND (v.channel_id, v.id) <> (channel, _desk_alike.visitor)
			LIMIT 10;
	END IF;
END
$$;
COMMENT ON FUNCTION webchatt._desk_alike(uuid, text, text, text) IS
	'webchatt''s own: up to ten other visitors whose attribute of that name has that value';

CREATE FUNCTION webchatt.desk_related(args jsonb) RETURNS jsonb
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp SET jit = off
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off AS $$
DECLARE
	what record := webchatt._desk_conversation(args);
BEGIN
	RETURN (WITH said AS MATERIALIZED (
			SELECT k.name, v.attributes ->> k.name AS value, k.n FROM webchatt.visitors v, (VALUES (1, 'user_id'), (2, 'userId'), (3, 'email')) k (n, name)
			WHERE v.channel_id = what.channel AND v.id = what.visitor AND jsonb_typeof(v.attributes -> k.name) = 'string'
				AND char_length(btrim(v.attributes ->> k.name)) BETWEEN 3 AND 200),
		alike AS MATERIALIZED (
			SELECT DISTINCT ON (v.channel_id, v.id) v.channel_id, v.id, v.attributes, s.name AS by
			FROM said s CROSS JOIN LATERAL webchatt._desk_alike(what.channel, what.visitor, s.name, s.value) v ORDER BY v.channel_id, v.id, s.n),
		shown AS (
			SELECT a.*, h.display_name, c.state, m.created_at, m.content FROM alike a
			JOIN webchatt.channels h ON h.id = a.channel_id
			LEFT JOIN webchatt.conversations c ON c.channel_id = a.channel_id AND c.visitor = a.id
			CROSS JOIN LATERAL (SELECT m.created_at, m.content FROM webchatt.messages m WHERE m.channel_id = a.channel_id AND m.visitor = a.id
				ORDER BY m.channel_id DESC, m.visitor DESC, m.id DESC LIMIT 1) m
			ORDER BY m.created_at DESC LIMIT 10)
		SELECT coalesce(jsonb_agg(jsonb_build_object('channel', s.channel_id, 'visitor', s.id, 'displayName', s.display_name, 'by', s.by, 'state', coalesce(s.state, 'open'),
			'lastAt', s.created_at, 'lastText', webchatt._content_line(s.content, 200)) ORDER BY s.created_at DESC), '[]') FROM shown s);
END
$$;
COMMENT ON FUNCTION webchatt.desk_related(jsonb) IS
	'the desk: {channel, visitor} → [{channel, visitor, displayName, by, state, lastAt, lastText}]: up to ten other conversations, on all channels that the caller may read, of visitors whose page said the same user_id, userId or email (by says which): not proved';
