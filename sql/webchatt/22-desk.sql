----------------------------------------------------------------------------
-- The desk: agents, links to sign in, sessions
----------------------------------------------------------------------------

CREATE TRIGGER config_changed AFTER INSERT OR UPDATE OF name, display_name, avatar_url, disabled_at OR DELETE OR TRUNCATE ON webchatt.agents
	FOR EACH STATEMENT EXECUTE FUNCTION webchatt._config_changed();

/* Whoever has a desk open in a session that ends, hears it at once, whoever ended it and how. */
CREATE FUNCTION webchatt._desk_sessions_ended() RETURNS trigger
LANGUAGE c AS 'MODULE_PATHNAME', 'webchatt_desk_sessions_ended';
COMMENT ON FUNCTION webchatt._desk_sessions_ended() IS 'tells the worker, at commit, that sessions of agents ended';
CREATE TRIGGER desk_sessions_deleted AFTER DELETE ON webchatt.agent_sessions REFERENCING OLD TABLE AS gone
	FOR EACH STATEMENT EXECUTE FUNCTION webchatt._desk_sessions_ended();
CREATE TRIGGER desk_sessions_changed AFTER UPDATE OF token_hash, agent, expires_at OR TRUNCATE ON webchatt.agent_sessions
	FOR EACH STATEMENT EXECUTE FUNCTION webchatt._desk_sessions_ended();

/*
 * A session, and a link, is of who somebody was when it was made: with another role, under another name, or once locked
 * out, they sign in anew.  With its owner's rights, since it has to be so whoever may change an agent.
 */
CREATE FUNCTION webchatt._agent_changed() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	DELETE FROM webchatt.sign_in_links l WHERE l.agent IN (OLD.name, NEW.name);
	DELETE FROM webchatt.agent_sessions s WHERE s.agent IN (OLD.name, NEW.name);
	-- where the devices of somebody were meanwhile nobody knows
	IF (OLD.disabled_at IS NULL) <> (NEW.disabled_at IS NULL) THEN
		DELETE FROM webchatt.passkeys k WHERE k.agent IN (OLD.name, NEW.name);
	END IF;
	RETURN NULL;
END
$$;
COMMENT ON FUNCTION webchatt._agent_changed() IS
	'webchatt''s own: ends the sessions and links of an agent whose name, login or role is another one, or who is locked out or let in again; then their passkeys go, too';
CREATE TRIGGER agent_changed AFTER UPDATE ON webchatt.agents FOR EACH ROW
	WHEN (OLD.name <> NEW.name OR OLD.role <> NEW.role OR OLD.login IS DISTINCT FROM NEW.login OR (OLD.disabled_at IS NULL) <> (NEW.disabled_at IS NULL))
	EXECUTE FUNCTION webchatt._agent_changed();

CREATE FUNCTION webchatt._need_agent(name text) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	IF NOT EXISTS (SELECT FROM webchatt.agents a WHERE a.name = _need_agent.name) THEN
		RAISE EXCEPTION 'there is no agent %', coalesce(quote_literal(_need_agent.name), 'NULL')
			USING ERRCODE = 'undefined_object',
				HINT = 'SELECT name, display_name, role FROM webchatt.agents lists them.';
	END IF;
END
$$;
COMMENT ON FUNCTION webchatt._need_agent(text) IS 'webchatt''s own: raises when that is no agent';

CREATE FUNCTION webchatt.create_agent(name text, display_name text, role text DEFAULT 'agent', avatar_url text DEFAULT NULL, login text DEFAULT NULL)
RETURNS text
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
BEGIN
	IF create_agent.name IS NULL OR create_agent.name !~ '^[a-z0-9][a-z0-9._-]{0,62}$' THEN
		RAISE EXCEPTION 'agent name % is not usable', coalesce(quote_literal(create_agent.name), 'NULL')
			USING ERRCODE = 'invalid_parameter_value',
				HINT = 'Use 1 to 63 lower-case letters, digits, dots, hyphens and underscores, a letter or digit first.';
	END IF;
	IF create_agent.display_name IS NULL THEN
		RAISE EXCEPTION 'the display name is NULL'
			USING ERRCODE = 'null_value_not_allowed', HINT = 'Give the name that colleagues read, 1 to 50 characters.';
	END IF;
	PERFORM webchatt._check_display_name(create_agent.display_name);
	IF create_agent.role IS NULL OR create_agent.role NOT IN ('agent', 'admin') THEN
		RAISE EXCEPTION 'role % is not one', coalesce(quote_literal(create_agent.role), 'NULL')
			USING ERRCODE = 'invalid_parameter_value',
				HINT = 'Use agent for who answers, admin for who also configures channels and agents.';
	END IF;
	IF create_agent.avatar_url !~ '^https://[^[:space:]"<>]+$' OR length(create_agent.avatar_url) > 1024 THEN
		RAISE EXCEPTION 'the avatar''s URL is not usable'
			USING ERRCODE = 'invalid_parameter_value',
				HINT = 'Give an https:// URL of a picture, of at most 1024 characters, or NULL for the initials.';
	END IF;
	IF create_agent.login !~ '^[!-~]{1,255}$' OR position(',' IN create_agent.login) > 0 THEN
		RAISE EXCEPTION 'login % is not usable', quote_literal(create_agent.login)
			USING ERRCODE = 'invalid_parameter_value',
				HINT = 'Give what the proxy calls them, 1 to 255 characters of ASCII without blanks and commas, or NULL for their name.';
	END IF;
	IF EXISTS (SELECT FROM webchatt.agents a WHERE a.login = create_agent.login) THEN
		RAISE EXCEPTION 'another agent has the login %', quote_literal(create_agent.login)
			USING ERRCODE = 'duplicate_object', HINT = 'SELECT name, login FROM webchatt.agents lists them.';
	END IF;
	BEGIN
		INSERT INTO webchatt.agents (name, display_name, role, avatar_url, login)
		VALUES (create_agent.name, create_agent.display_name, create_agent.role, create_agent.avatar_url, create_agent.login);
	EXCEPTION WHEN unique_violation THEN
		RAISE EXCEPTION 'there is an agent % already', quote_literal(create_agent.name)
			USING ERRCODE = 'duplicate_object',
				HINT = 'Take another name; one who was locked out is let in again by webchatt.enable_agent().';
	END;
	RETURN create_agent.name;
END
$$;
COMMENT ON FUNCTION webchatt.create_agent(text, text, text, text, text) IS
	'makes somebody who may use the desk, and returns the name; webchatt.sign_in_link() lets them in. role: agent answers, admin configures too. avatar_url: a picture; NULL: initials. login: what a proxy that signs people in calls them (webchatt.desk_user_header); NULL: their name';

CREATE FUNCTION webchatt.disable_agent(name text) RETURNS boolean
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	PERFORM webchatt._need_agent(disable_agent.name);
	UPDATE webchatt.agents a SET disabled_at = now() WHERE a.name = disable_agent.name AND a.disabled_at IS NULL;
	RETURN FOUND;
END
$$;
COMMENT ON FUNCTION webchatt.disable_agent(text) IS
	'locks somebody out of the desk: their sessions and links end (as on any change of disabled_at, role or name) and their passkeys are removed, what they wrote and what is assigned to them stays. False when they were locked out before';

CREATE FUNCTION webchatt.enable_agent(name text) RETURNS boolean
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	PERFORM webchatt._need_agent(enable_agent.name);
	UPDATE webchatt.agents a SET disabled_at = NULL WHERE a.name = enable_agent.name AND a.disabled_at IS NOT NULL;
	RETURN FOUND;
END
$$;
COMMENT ON FUNCTION webchatt.enable_agent(text) IS
	'takes webchatt.disable_agent() back: they may sign in again, by a new link; their passkeys are gone. False when they were not locked out';

CREATE FUNCTION webchatt._desk_url() RETURNS text
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	url text := nullif(current_setting('webchatt.desk_url'), '');
BEGIN
	IF url IS NULL THEN
		SELECT 'http://' || regexp_replace(a, '^(0[.]0[.]0[.]0|[[]::[]]|[*]|):', 'localhost:') INTO url
		FROM regexp_split_to_table(current_setting('webchatt.desk_listen'), '[[:space:]]*,[[:space:]]*') WITH ORDINALITY l (a, n)
		WHERE a <> '' AND a NOT LIKE 'unix:%' ORDER BY n LIMIT 1;
	END IF;
	IF url IS NULL THEN
		RAISE EXCEPTION 'there is no desk: webchatt.desk_listen is empty'
			USING ERRCODE = 'object_not_in_prerequisite_state',
				HINT = 'Set it, for example ALTER DATABASE ... SET webchatt.desk_listen = ''127.0.0.1:8481'', and webchatt.desk_url to the URL by which browsers reach it; then connect again.';
	END IF;
	RETURN url;
END
$$;
COMMENT ON FUNCTION webchatt._desk_url() IS 'webchatt''s own: under which URL the desk is reached';

CREATE FUNCTION webchatt.sign_in_link(name text, valid_for interval DEFAULT '15 minutes') RETURNS text
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	token text := webchatt._random_token('', 32);
	url text := webchatt._desk_url();
BEGIN
	PERFORM webchatt._need_agent(sign_in_link.name);
	IF EXISTS (SELECT FROM webchatt.agents a WHERE a.name = sign_in_link.name AND a.disabled_at IS NOT NULL) THEN
		RAISE EXCEPTION 'agent % is locked out', quote_literal(sign_in_link.name)
			USING ERRCODE = 'object_not_in_prerequisite_state', HINT = 'webchatt.enable_agent() lets them in again.';
	END IF;
	IF valid_for IS NULL OR valid_for <= interval '0' OR valid_for > interval '30 days' THEN
		RAISE EXCEPTION 'a link cannot be valid for %', coalesce(valid_for::text, 'NULL')
			USING ERRCODE = 'invalid_parameter_value',
				HINT = 'Give more than nothing and at most 30 days, for example interval ''15 minutes''.';
	END IF;
	DELETE FROM webchatt.sign_in_links l WHERE l.expires_at <= now();
	INSERT INTO webchatt.sign_in_links (token_hash, agent, expires_at)
	VALUES (sha256(convert_to(token, 'UTF8')), sign_in_link.name, now() + valid_for);
	RETURN url || '/desk/#sign-in=' || token;
END
$$;
COMMENT ON FUNCTION webchatt.sign_in_link(text, interval) IS
	'makes a link by which an agent signs in to the desk, once, and returns it; only its hash is kept. It is built on webchatt.desk_url (where that is empty, on the first address of webchatt.desk_listen)';

CREATE FUNCTION webchatt.end_agent_session(id bigint) RETURNS boolean
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	DELETE FROM webchatt.agent_sessions s WHERE s.id = end_agent_session.id;
	RETURN FOUND;
END
$$;
COMMENT ON FUNCTION webchatt.end_agent_session(bigint) IS
	'signs a browser out of the desk (webchatt.agent_sessions has its number): its next request is refused. False when there is none';

----------------------------------------------------------------------------
-- The desk's functions: arguments and result are JSON.  The desk calls them with the
-- rights of webchatt_agent or webchatt_admin: who may execute one may call it there
----------------------------------------------------------------------------

CREATE FUNCTION webchatt._desk_session() RETURNS bigint
LANGUAGE c STABLE AS 'MODULE_PATHNAME', 'webchatt_desk_session';
COMMENT ON FUNCTION webchatt._desk_session() IS 'webchatt''s own: the number of the session that calls by the desk; null: nobody does, this is a session of PostgreSQL''s';

CREATE FUNCTION webchatt._desk_agent() RETURNS text
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	who text := nullif(current_setting('webchatt.agent', true), '');
BEGIN
	IF NOT EXISTS (SELECT FROM webchatt.agents a WHERE a.name = who AND a.disabled_at IS NULL) THEN
		RAISE EXCEPTION '%', CASE WHEN who IS NULL THEN 'it is not said who calls' ELSE format('there is no agent %L who may use the desk', who) END
			USING ERRCODE = 'object_not_in_prerequisite_state',
				HINT = 'SET webchatt.agent = ''the name of an agent'', one of webchatt.agents; the desk does that by itself.';
	END IF;
	RETURN who;
END
$$;
COMMENT ON FUNCTION webchatt._desk_agent() IS 'webchatt''s own: the agent who calls';

CREATE FUNCTION webchatt._desk_arg(args jsonb, name text, kind text DEFAULT 'string', needed boolean DEFAULT true) RETURNS jsonb
LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	value jsonb := args -> name;
BEGIN
	IF value IS NULL OR value = 'null' THEN
		IF needed THEN
			RAISE EXCEPTION '"%" is missing', name
				USING ERRCODE = 'invalid_parameter_value', HINT = format('It has to be of type %s.', kind);
		END IF;
		RETURN NULL;
	END IF;
	IF jsonb_typeof(value) <> kind THEN
		RAISE EXCEPTION '"%" is of type %, not %', name, jsonb_typeof(value), kind
			USING ERRCODE = 'invalid_parameter_value', HINT = format('It has to be of type %s.', kind);
	END IF;
	RETURN value;
END
$$;
COMMENT ON FUNCTION webchatt._desk_arg(jsonb, text, text, boolean) IS 'webchatt''s own: an argument of that JSON type; null: it was not given, and is not needed';

CREATE FUNCTION webchatt._desk_text(args jsonb, name text, needed boolean DEFAULT true) RETURNS text
LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	RETURN webchatt._desk_arg(args, name, 'string', needed) #>> '{}';
END
$$;
COMMENT ON FUNCTION webchatt._desk_text(jsonb, text, boolean) IS 'webchatt''s own: an argument that is a text';

CREATE FUNCTION webchatt._desk_uuid(args jsonb, name text, needed boolean DEFAULT true) RETURNS uuid
LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	value text := webchatt._desk_text(args, name, needed);
BEGIN
	IF value !~* '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$' THEN
		RAISE EXCEPTION '"%" is not a UUID', name USING ERRCODE = 'invalid_parameter_value';
	END IF;
	RETURN value::uuid;
END
$$;
COMMENT ON FUNCTION webchatt._desk_uuid(jsonb, text, boolean) IS 'webchatt''s own: an argument that is a UUID';

CREATE FUNCTION webchatt._desk_limit(args jsonb) RETURNS int
LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	value numeric := coalesce(webchatt._desk_arg(args, 'limit', 'number', false)::numeric, 50);
BEGIN
	IF value NOT BETWEEN 1 AND 100 OR value <> trunc(value) THEN
		RAISE EXCEPTION '"limit" is %', value USING ERRCODE = 'invalid_parameter_value', HINT = 'Give 1 to 100.';
	END IF;
	RETURN value;
END
$$;
COMMENT ON FUNCTION webchatt._desk_limit(jsonb) IS 'webchatt''s own: how many rows a page is to have';

CREATE FUNCTION webchatt._desk_conversation(args jsonb, OUT channel uuid, OUT visitor text)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	channel := webchatt._desk_uuid(args, 'channel');
	visitor := webchatt._desk_text(args, 'visitor');
	IF NOT EXISTS (SELECT FROM webchatt.visitors v WHERE v.channel_id = channel AND v.id = visitor) THEN
		RAISE EXCEPTION 'channel % has no visitor %', channel, visitor
			USING ERRCODE = 'undefined_object', HINT = 'Take both from the inbox.';
	END IF;
END
$$;
COMMENT ON FUNCTION webchatt._desk_conversation(jsonb) IS 'webchatt''s own: which conversation is meant; raises when the caller sees no such visitor';

CREATE FUNCTION webchatt._desk_message(args jsonb, OUT channel uuid, OUT id uuid)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	channel := webchatt._desk_uuid(args, 'channel');
	id := webchatt._desk_uuid(args, 'id');
	IF NOT EXISTS (SELECT FROM webchatt.messages m WHERE m.channel_id = channel AND m.id = _desk_message.id) THEN
		RAISE EXCEPTION 'channel % has no message %', channel, id USING ERRCODE = 'undefined_object';
	END IF;
END
$$;
COMMENT ON FUNCTION webchatt._desk_message(jsonb) IS 'webchatt''s own: which message is meant; raises when the caller sees no such message';

/*
 * A content comes from strangers, and may be a thousand times as large as it is stored when it is written out.  So it is
 * measured without that, and of what may be anything only a text is taken.
 */
CREATE FUNCTION webchatt._content_size(content jsonb, most int) RETURNS int
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'webchatt_content_size';
COMMENT ON FUNCTION webchatt._content_size(jsonb, int) IS
	'webchatt''s own: about how many bytes a content has when it is written out; where that is more than most, anything above';

CREATE FUNCTION webchatt._content_line(content jsonb, most int) RETURNS text
LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	one jsonb;
BEGIN
	FOREACH one IN ARRAY ARRAY[content -> 'text', content -> 'caption', content #> '{interactive,body,text}',
		content #> '{interactive,button_reply,title}', content #> '{interactive,list_reply,title}'] LOOP
		IF jsonb_typeof(one) = 'string' THEN
			RETURN left(one #>> '{}', most);
		END IF;
	END LOOP;
	RETURN NULL;
END
$$;
COMMENT ON FUNCTION webchatt._content_line(jsonb, int) IS
	'webchatt''s own: the beginning of the text that a content has, in characters; null: it has none';

CREATE FUNCTION webchatt.desk_me(args jsonb DEFAULT '{}') RETURNS jsonb
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	RETURN jsonb_build_object(
		'agent', (SELECT jsonb_build_object('name', a.name, 'displayName', a.display_name, 'role', a.role, 'avatarUrl', a.avatar_url)
			FROM webchatt.agents a WHERE a.name = webchatt._desk_agent()),
		'channels', coalesce((SELECT jsonb_agg(jsonb_build_object('id', c.id, 'displayName', c.display_name, 'kind', c.kind,
				'local', c.public_key IS NOT NULL) ORDER BY c.display_name, c.id)
			FROM webchatt.channels c), '[]'),
		'version', (SELECT e.extversion FROM pg_extension e WHERE e.extname = 'webchatt'));
END
$$;
COMMENT ON FUNCTION webchatt.desk_me(jsonb) IS
	'the desk: {} → {agent: {name, displayName, role, avatarUrl}, channels: [{id, displayName, kind, local}], version}';

/*
 * What the desk asks for all day is planned once in a process's life, by index, as for tables that are large one day:
 * hence generic plans, and no plan that reads or sorts a whole table.  A page of the inbox is found in the table of
 * conversations alone, by one of its three indexes; the rest is looked up for its rows.
 */
CREATE FUNCTION webchatt._desk_page(filter text, channel uuid, behind text[], most int) RETURNS SETOF webchatt.conversations
LANGUAGE plpgsql STABLE ROWS 50 SET search_path = pg_catalog, pg_temp SET plan_cache_mode = force_generic_plan
SET jit = off SET enable_seqscan = off SET enable_bitmapscan = off SET enable_sort = off AS $$
DECLARE
	wanted webchatt.conversation_state := CASE filter WHEN 'closed' THEN 'closed' ELSE 'open' END;
	who text := webchatt._desk_agent();
	of_place bigint := coalesce(behind[1]::bigint, -9223372036854775808);
	of_channel uuid := coalesce(behind[2]::uuid, '00000000-0000-0000-0000-000000000000');
	of_visitor text := coalesce(behind[3], '');
BEGIN
	IF filter = 'mine' AND channel IS NULL THEN
		RETURN QUERY SELECT c.* FROM webchatt.conversations c
			WHERE c.assignee = who AND c.state = wanted AND (c.place, c.channel_id, c.visitor) > (of_place, of_channel, of_visitor)
			ORDER BY c.place, c.channel_id, c.visitor LIMIT most;
	ELSIF filter = 'mine' THEN
		RETURN QUERY SELECT c.* FROM webchatt.conversations c
			WHERE c.assignee = who AND c.state = wanted AND (c.place, c.channel_id, c.visitor) > (of_place, of_channel, of_visitor)
				AND c.channel_id = channel
			ORDER BY c.place, c.channel_id, c.visitor LIMIT most;
	ELSIF channel IS NULL THEN
		RETURN QUERY SELECT c.* FROM webchatt.conversations c
			WHERE c.state = wanted AND (c.place, c.channel_id, c.visitor) > (of_place, of_channel, of_visitor)
			ORDER BY c.place, c.channel_id, c.visitor LIMIT most;
	ELSE
		RETURN QUERY SELECT c.* FROM webchatt.conversations c
			WHERE c.channel_id = channel AND c.state = wanted AND (c.place, c.visitor) > (of_place, of_visitor)
			ORDER BY c.place, c.visitor LIMIT most;
	END IF;
END
$$;
COMMENT ON FUNCTION webchatt._desk_page(text, uuid, text[], int) IS
	'webchatt''s own: conversations of the inbox, behind a place, a channel and a visitor (NULL: from the first on)';

CREATE FUNCTION webchatt._desk_said(v webchatt.visitors, most int) RETURNS jsonb
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
	SELECT jsonb_strip_nulls(jsonb_build_object('name', v.name, 'email', v.email))
		|| CASE WHEN webchatt._content_size(v.attributes, most) <= most THEN v.attributes ELSE '{}' END
		|| jsonb_strip_nulls(jsonb_build_object('name', CASE WHEN 'name' = ANY (v.signed) THEN v.name END,
			'email', CASE WHEN 'email' = ANY (v.signed) THEN v.email END))
$$;
COMMENT ON FUNCTION webchatt._desk_said(webchatt.visitors, int) IS
	'webchatt''s own: what is said of a visitor, attributes of so many bytes at most: what the site''s server signed before what attributes say, and that before what the page calls them';

CREATE FUNCTION webchatt.desk_inbox(args jsonb DEFAULT '{}') RETURNS jsonb
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp SET plan_cache_mode = force_generic_plan
SET jit = off SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off SET enable_bitmapscan = off AS $$
DECLARE
	filter text := coalesce(webchatt._desk_text(args, 'filter', false), 'open');
	channel uuid := webchatt._desk_uuid(args, 'channel', false);
	behind text[] := regexp_match(webchatt._desk_text(args, 'after', false), '^(-?[0-9]{1,19}) ([0-9a-f-]{36}) (.+)$');
	most int := webchatt._desk_limit(args);
BEGIN
	IF filter NOT IN ('open', 'mine', 'closed') THEN
		RAISE EXCEPTION '"filter" is %', quote_literal(filter)
			USING ERRCODE = 'invalid_parameter_value', HINT = 'Use open, mine or closed.';
	END IF;
	IF behind IS NULL AND webchatt._desk_text(args, 'after', false) IS NOT NULL THEN
		RAISE EXCEPTION '"after" is not what a page before had as "next"' USING ERRCODE = 'invalid_parameter_value';
	END IF;
	RETURN (WITH page AS MATERIALIZED (
			SELECT p.* FROM webchatt._desk_page(filter, channel, behind, most + 1) WITH ORDINALITY p),
		here AS MATERIALIZED (
			SELECT DISTINCT s.channel_id, s.visitor FROM webchatt.sessions s
			-- (IS TRUE: looked up in a table of the page, not joined to it)
			WHERE ((s.channel_id, s.visitor) IN (SELECT p.channel_id, p.visitor FROM page p)) IS TRUE
				AND EXISTS (SELECT FROM webchatt._status() w WHERE w.corridor = 'open'))
		SELECT jsonb_build_object(
			'conversations', coalesce((SELECT jsonb_agg(jsonb_build_object(
					'channel', p.channel_id, 'visitor', p.visitor, 'displayName', h.display_name,
					'state', p.state, 'assignee', p.assignee,
					'unanswered', p.state = 'open' AND p.place < 2305843009213693952 AND NOT m.answers,
					'waitingSince', CASE WHEN NOT m.answers THEN p.waiting_since END,
					-- what is behind the last that somebody read, or answered for good: from the newest on, by index
					'unread', CASE WHEN NOT m.answers AND (m.direction = 'out' OR m.status = 'received') THEN (SELECT count(*) FROM (
						SELECT FROM webchatt.messages u
						WHERE u.channel_id = p.channel_id AND u.visitor = p.visitor AND u.direction = 'in' AND u.id > coalesce((
							SELECT s.id FROM (SELECT d.id, d.direction, d.status, d.final FROM webchatt.messages d
								WHERE d.channel_id = p.channel_id AND d.visitor = p.visitor
								ORDER BY d.channel_id DESC, d.visitor DESC, d.id DESC LIMIT 198) s
							WHERE s.direction = 'out' AND s.final OR s.direction = 'in' AND s.status = 'read' LIMIT 1), '00000000-0000-0000-0000-000000000000')
						ORDER BY u.channel_id DESC, u.visitor DESC, u.id DESC LIMIT 99) u) ELSE 0 END,
					'lastAt', m.created_at, 'lastDirection', m.direction, 'lastStatus', m.status,
					'lastText', webchatt._content_line(m.content, 200),
					'lastType', CASE jsonb_typeof(m.content) WHEN 'object' THEN
						coalesce((SELECT min(k COLLATE "C") FROM jsonb_object_keys(m.content) k WHERE k <> 'text'), 'text') END,
					'lastAuthor', m.author, 'attributes', webchatt._desk_said(v, 8192),
					'verified', v.verified, 'signed', to_jsonb(v.signed), 'present', (p.channel_id, p.visitor) IN (SELECT e.channel_id, e.visitor FROM here e)) ORDER BY p.ordinality)
				FROM page p
				JOIN webchatt.channels h ON h.id = p.channel_id
				JOIN webchatt.visitors v ON v.channel_id = p.channel_id AND v.id = p.visitor
				CROSS JOIN LATERAL (
					SELECT m.direction, m.status, m.content, m.created_at, m.author, m.direction = 'out' AND m.final AS answers
					FROM webchatt.messages m
					WHERE m.channel_id = p.channel_id AND m.visitor = p.visitor
					ORDER BY m.channel_id DESC, m.visitor DESC, m.id DESC LIMIT 1) m
				WHERE p.ordinality <= most), '[]'),
			'next', (SELECT p.place || ' ' || p.channel_id || ' ' || p.visitor FROM page p
				WHERE p.ordinality = most AND EXISTS (SELECT FROM page x WHERE x.ordinality > most)),
			'waiting', (SELECT count(*) FROM (SELECT FROM webchatt.conversations c
				WHERE c.state = 'open' AND c.place < 2305843009213693952 LIMIT 1000) w)));
END
$$;
COMMENT ON FUNCTION webchatt.desk_inbox(jsonb) IS
	'the desk: {filter?: "open" | "mine" | "closed", channel?, after?, limit?} → {conversations: [{channel, visitor, displayName, state, assignee, unanswered, waitingSince, unread, lastAt, lastDirection, lastStatus, lastText, lastType, lastAuthor, attributes, verified, signed, present}], next, waiting}. attributes: with name and email of webchatt.visitors; In the order of webchatt.inbox; unread: how many messages the visitor wrote that nobody has read or answered, 99 at most; after: next of the page before, where that has any; waiting: how many wait in all, 1000 at most';

CREATE FUNCTION webchatt._desk_messages(channel uuid, visitor text, older_than uuid, newer_than uuid, most int)
RETURNS SETOF webchatt.messages
LANGUAGE plpgsql STABLE ROWS 50 SET search_path = pg_catalog, pg_temp SET plan_cache_mode = force_generic_plan
SET jit = off SET enable_seqscan = off SET enable_bitmapscan = off SET enable_sort = off AS $$
DECLARE
	bound uuid := coalesce(newer_than, older_than, 'ffffffff-ffff-ffff-ffff-ffffffffffff');
BEGIN
	IF newer_than IS NULL THEN
		RETURN QUERY SELECT m.* FROM webchatt.messages m
			WHERE m.channel_id = channel AND m.visitor = _desk_messages.visitor AND m.id < bound
			ORDER BY m.id DESC LIMIT most;
	ELSE
		RETURN QUERY SELECT m.* FROM webchatt.messages m
			WHERE m.channel_id = channel AND m.visitor = _desk_messages.visitor AND m.id > bound
			ORDER BY m.id LIMIT most;
	END IF;
END
$$;
COMMENT ON FUNCTION webchatt._desk_messages(uuid, text, uuid, uuid, int) IS
	'webchatt''s own: messages of a conversation behind one, or the newest first, before one (NULL: of all)';

/*
 * A page has messages and notes, by their ids; a megabyte of them at most, and always one.  A number of few characters can be written out in a
 * thousand, so that one content may be more than an answer holds: then only its text is shown.
 */
CREATE FUNCTION webchatt.desk_conversation(args jsonb) RETURNS jsonb
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp SET plan_cache_mode = force_generic_plan
SET jit = off SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off SET enable_bitmapscan = off AS $$
DECLARE
	what record := webchatt._desk_conversation(args);
	most int := webchatt._desk_limit(args);
	before uuid := webchatt._desk_uuid(args, 'before', false);
	after uuid := webchatt._desk_uuid(args, 'after', false);
BEGIN
	RETURN (WITH items AS MATERIALIZED (
			SELECT m.id, NULL::text AS note, m.created_at AS at, m.author, m.direction, m.status, m.status_at, m.content, m.final, m.error_code, m.error_message
			FROM webchatt._desk_messages(what.channel, what.visitor, before, after, most + 1) m
			UNION ALL
			SELECT n.id, n.text, n.at, n.author, NULL, NULL, NULL, NULL, NULL, NULL, NULL
			FROM webchatt._desk_notes(what.channel, what.visitor, before, after, most + 1) n),
		numbered AS (SELECT i.*, CASE WHEN after IS NULL THEN row_number() OVER (ORDER BY i.id DESC) ELSE row_number() OVER (ORDER BY i.id) END AS n
			FROM items i),
		found AS MATERIALIZED (
			SELECT m.*, m.n > most OR m.n > 1 AND sum(s.size) OVER (ORDER BY m.n) > 1000000 AS beyond, m.n = 1 AND s.size > 6000000 AS vast
			FROM numbered m
			CROSS JOIN LATERAL (SELECT CASE WHEN m.note IS NOT NULL THEN octet_length(m.note)
				ELSE webchatt._content_size(m.content, CASE m.n WHEN 1 THEN 6000000 ELSE 1000000 END) END AS size) s)
		SELECT jsonb_build_object(
			'messages', coalesce((SELECT jsonb_agg(jsonb_build_object('id', m.id, 'at', m.at, 'direction', m.direction,
					'status', m.status, 'statusAt', m.status_at, 'content',
					CASE WHEN m.vast THEN jsonb_build_object('text', webchatt._content_line(m.content, 10000)) ELSE m.content END, 'author', m.author, 'final', m.final,
					'errorCode', m.error_code, 'errorMessage', m.error_message) ORDER BY m.id)
				FROM found m WHERE NOT m.beyond AND m.note IS NULL), '[]'),
			'notes', coalesce((SELECT jsonb_agg(jsonb_build_object('id', m.id, 'at', m.at, 'author', m.author, 'text', m.note) ORDER BY m.id)
				FROM found m WHERE NOT m.beyond AND m.note IS NOT NULL), '[]'),
			'noteCount', (SELECT count(*) FROM (SELECT FROM webchatt.notes n
				WHERE n.channel_id = what.channel AND n.visitor = what.visitor LIMIT 1000) c),
			'more', EXISTS (SELECT FROM found m WHERE m.beyond),
			'retracted', (SELECT coalesce(jsonb_agg(r.id), '[]') FROM (SELECT m.id, m.status FROM webchatt.messages m
					WHERE m.channel_id = what.channel AND m.visitor = what.visitor AND m.id <= after
					ORDER BY m.id DESC LIMIT 100) r
				WHERE r.status = 'retracted'),
			'archived', after IS NULL AND NOT EXISTS (SELECT FROM found m WHERE m.beyond) AND EXISTS (SELECT FROM webchatt.visitors v
				WHERE v.channel_id = what.channel AND v.id = what.visitor AND v.first_seen < now() - webchatt._archived_keep(what.channel))
				AND EXISTS (SELECT FROM webchatt._desk_archives(what.channel)),
			'visitor', (SELECT jsonb_build_object('id', v.id,
					'attributes', webchatt._desk_said(v, 100000),
					'userId', v.user_id, 'verified', v.verified, 'signed', to_jsonb(v.signed), 'referrer', v.referrer, 'joinedTo', v.joined_to, 'firstSeen', v.first_seen, 'lastSeen', v.last_seen,
					'present', EXISTS (SELECT FROM webchatt.presence p WHERE p.channel_id = v.channel_id AND p.visitor = v.id),
					'page', CASE WHEN v.page_url IS NOT NULL THEN jsonb_build_object('url', v.page_url, 'title', v.page_title, 'at', v.page_at) END,
					'locale', v.locale, 'timeZone', v.time_zone,
					'channel', v.channel_id, 'state', coalesce(c.state, 'open'), 'assignee', c.assignee,
					'waitingSince', c.waiting_since)
					|| coalesce((SELECT jsonb_build_object('rating', jsonb_build_object('value', r.value, 'comment', r.comment, 'at', coalesce(r.changed_at, r.rated_at)))
						FROM webchatt.ratings r WHERE r.channel_id = v.channel_id AND r.visitor = v.id ORDER BY r.closed_upto DESC LIMIT 1), '{}')
				FROM webchatt.visitors v
				LEFT JOIN webchatt.conversations c ON c.channel_id = v.channel_id AND c.visitor = v.id
				WHERE v.channel_id = what.channel AND v.id = what.visitor)));
END
$$;
COMMENT ON FUNCTION webchatt.desk_conversation(jsonb) IS
	'the desk: {channel, visitor, before?: id, after?: id, limit?} → {messages: [{id, at, direction, status, statusAt, content, author, final, errorCode, errorMessage}], notes: [{id, at, author, text}], noteCount, more, archived, retracted: [id], visitor: {id, attributes, userId, verified, signed, referrer, joinedTo, firstSeen, lastSeen, present, page: {url, title, at} | null, locale, timeZone, channel, state, assignee, waitingSince, rating?: {value, comment, at}}}. The newest messages and notes to colleagues, limit of both together, or those before or behind an id; the oldest first; noteCount: how many notes it has, 1000 at most; more: there are more before them, or with after behind them; archived: there are none before them here, and may be some in an archive (desk_archived()) that the caller may read; retracted: which of the last hundred up to "after" were taken back';

CREATE FUNCTION webchatt.desk_send(args jsonb) RETURNS jsonb
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	what record := webchatt._desk_conversation(args);
	who text := webchatt._desk_agent();
	content jsonb := webchatt._desk_arg(args, 'content', 'object', false);
	key text := webchatt._desk_text(args, 'key', false);
	seen uuid := webchatt._desk_uuid(args, 'seen', false);
	meanwhile jsonb;
BEGIN
	IF (content IS NULL) = (webchatt._desk_text(args, 'text', false) IS NULL) THEN
		RAISE EXCEPTION 'a message has a text or a content, one of them' USING ERRCODE = 'invalid_parameter_value';
	END IF;
	IF seen IS NOT NULL THEN
		SELECT jsonb_build_object('id', m.id, 'author', m.author) INTO meanwhile FROM webchatt.messages m
		WHERE m.channel_id = what.channel AND m.visitor = what.visitor AND m.id > seen
			AND m.direction = 'out' AND m.final AND m.author IS DISTINCT FROM who
			AND NOT EXISTS (SELECT FROM webchatt.messages d
				WHERE d.channel_id = what.channel AND d.visitor = what.visitor AND d.dedupe_key = 'desk:' || who || ':' || key)
		ORDER BY m.channel_id DESC, m.visitor DESC, m.id DESC LIMIT 1;
		IF FOUND THEN
			RETURN jsonb_build_object('meanwhile', meanwhile);
		END IF;
	END IF;
	RETURN jsonb_build_object('id', webchatt.send_message(what.channel, what.visitor,
		coalesce(content, jsonb_build_object('text', args -> 'text')), dedupe_key => 'desk:' || who || ':' || key, author => who));
END
$$;
COMMENT ON FUNCTION webchatt.desk_send(jsonb) IS
	'the desk: {channel, visitor, text | content, key?, seen?: id} → {id} | {meanwhile: {id, author}}: sends a message in the agent''s name. key: the same again is the same message. seen: the newest message that the agent had before them: where somebody else has answered behind it, nothing is sent, and meanwhile says which answer that is';

CREATE FUNCTION webchatt.desk_typing(args jsonb) RETURNS jsonb
LANGUAGE sql SET search_path = pg_catalog, pg_temp AS $$
	SELECT jsonb_build_object('shown', webchatt.send_typing(c.channel, c.visitor)) FROM webchatt._desk_conversation(args) c
$$;
COMMENT ON FUNCTION webchatt.desk_typing(jsonb) IS
	'the desk: {channel, visitor} → {shown}: the visitor sees for some seconds that somebody is writing';

CREATE FUNCTION webchatt.desk_read(args jsonb) RETURNS jsonb
LANGUAGE sql SET search_path = pg_catalog, pg_temp AS $$
	SELECT jsonb_build_object('read', webchatt.mark_read(c.channel, c.visitor, webchatt._desk_uuid(args, 'upto')))
	FROM webchatt._desk_conversation(args) c
$$;
COMMENT ON FUNCTION webchatt.desk_read(jsonb) IS
	'the desk: {channel, visitor, upto: id} → {read: n}: what the visitor wrote up to that message was read';

CREATE FUNCTION webchatt.desk_close(args jsonb) RETURNS jsonb
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	what record := webchatt._desk_conversation(args);
BEGIN
	PERFORM webchatt.close_conversation(what.channel, what.visitor, webchatt._desk_uuid(args, 'upto', false));
	RETURN '{}';
END
$$;
COMMENT ON FUNCTION webchatt.desk_close(jsonb) IS
	'the desk: {channel, visitor, upto?: id} → {}: closes the conversation. upto: the newest message that was seen';

CREATE FUNCTION webchatt.desk_reopen(args jsonb) RETURNS jsonb
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	what record := webchatt._desk_conversation(args);
BEGIN
	PERFORM webchatt.reopen_conversation(what.channel, what.visitor);
	RETURN '{}';
END
$$;
COMMENT ON FUNCTION webchatt.desk_reopen(jsonb) IS 'the desk: {channel, visitor} → {}: opens a closed conversation again';

CREATE FUNCTION webchatt.desk_assign(args jsonb) RETURNS jsonb
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	what record := webchatt._desk_conversation(args);
	assignee text := webchatt._desk_text(args, 'assignee', false);
BEGIN
	IF assignee IS NOT NULL AND NOT EXISTS (SELECT FROM webchatt.agents a WHERE a.name = assignee AND a.disabled_at IS NULL) THEN
		RAISE EXCEPTION 'there is no agent % who may use the desk', quote_literal(assignee)
			USING ERRCODE = 'invalid_parameter_value', HINT = 'Take one of the list of agents, or null for nobody.';
	END IF;
	PERFORM webchatt.assign_conversation(what.channel, what.visitor, assignee);
	RETURN '{}';
END
$$;
COMMENT ON FUNCTION webchatt.desk_assign(jsonb) IS
	'the desk: {channel, visitor, assignee: name | null} → {}: says whose conversation it is';

CREATE FUNCTION webchatt.desk_retry(args jsonb) RETURNS jsonb
LANGUAGE sql SET search_path = pg_catalog, pg_temp AS $$
	SELECT jsonb_build_object('done', webchatt.retry_message(m.channel, m.id)) FROM webchatt._desk_message(args) m
$$;
COMMENT ON FUNCTION webchatt.desk_retry(jsonb) IS
	'the desk: {channel, id} → {done}: sends a message again that failed, expired or was cancelled';

CREATE FUNCTION webchatt.desk_cancel(args jsonb) RETURNS jsonb
LANGUAGE sql SET search_path = pg_catalog, pg_temp AS $$
	SELECT jsonb_build_object('done', webchatt.cancel_message(m.channel, m.id)) FROM webchatt._desk_message(args) m
$$;
COMMENT ON FUNCTION webchatt.desk_cancel(jsonb) IS
	'the desk: {channel, id} → {done}: cancels a message that is queued or held';

CREATE FUNCTION webchatt.desk_agents(args jsonb DEFAULT '{}') RETURNS jsonb
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
	SELECT coalesce(jsonb_agg(jsonb_build_object('name', a.name, 'displayName', a.display_name, 'role', a.role, 'avatarUrl', a.avatar_url)
		ORDER BY a.display_name, a.name), '[]')
	FROM webchatt.agents a WHERE a.disabled_at IS NULL
$$;
COMMENT ON FUNCTION webchatt.desk_agents(jsonb) IS 'the desk: {} → [{name, displayName, role, avatarUrl}]: those who may use it';

/*
 * Whose sessions those are does not follow from rights; so they are shown to whoever calls by the desk, which knows
 * who that is, and to admins, who see all of them in the table as well.
 */
CREATE FUNCTION webchatt._own_sessions(id bigint DEFAULT NULL) RETURNS SETOF webchatt.agent_sessions
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	IF webchatt._desk_session() IS NULL AND NOT pg_has_role(session_user, 'webchatt_admin', 'MEMBER') THEN
		RAISE EXCEPTION 'only the desk knows whose session this is'
			USING ERRCODE = 'insufficient_privilege', HINT = 'Call it at the desk, or as a member of webchatt_admin.';
	END IF;
	RETURN QUERY SELECT s.* FROM webchatt.agent_sessions s
		WHERE s.agent = webchatt._desk_agent() AND (s.id = _own_sessions.id OR _own_sessions.id IS NULL) AND s.expires_at > now()
			AND s.last_seen > now() - make_interval(secs => extract(epoch FROM current_setting('webchatt.desk_session_idle')::interval));
END
$$;
COMMENT ON FUNCTION webchatt._own_sessions(bigint) IS 'webchatt''s own: the sessions of the agent who calls; all, or one';

CREATE FUNCTION webchatt._end_own_session(id bigint) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	PERFORM FROM webchatt._own_sessions(coalesce(_end_own_session.id, 0));
	IF FOUND THEN
		DELETE FROM webchatt.agent_sessions s WHERE s.id = _end_own_session.id;
	END IF;
	RETURN FOUND;
END
$$;
COMMENT ON FUNCTION webchatt._end_own_session(bigint) IS 'webchatt''s own: ends a session of the agent who calls';

CREATE FUNCTION webchatt.desk_sessions(args jsonb DEFAULT '{}') RETURNS jsonb
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
	SELECT coalesce(jsonb_agg(jsonb_build_object('id', s.id, 'createdAt', s.created_at, 'lastSeen', s.last_seen, 'expiresAt', s.expires_at,
		'client', s.client, 'userAgent', s.user_agent, 'current', coalesce(s.id = webchatt._desk_session(), false))
		ORDER BY s.last_seen DESC, s.id DESC), '[]')
	FROM webchatt._own_sessions() s
$$;
COMMENT ON FUNCTION webchatt.desk_sessions(jsonb) IS
	'the desk: {} → [{id, createdAt, lastSeen, expiresAt, client, userAgent, current}]: where the agent is signed in';

CREATE FUNCTION webchatt.desk_end_session(args jsonb) RETURNS jsonb
LANGUAGE sql SET search_path = pg_catalog, pg_temp AS $$
	SELECT jsonb_build_object('ended', webchatt._end_own_session(webchatt._desk_arg(args, 'id', 'number')::bigint))
$$;
COMMENT ON FUNCTION webchatt.desk_end_session(jsonb) IS 'the desk: {id} → {ended}: signs the agent out there';

CREATE FUNCTION webchatt.desk_sign_out(args jsonb DEFAULT '{}') RETURNS jsonb
LANGUAGE sql SET search_path = pg_catalog, pg_temp AS $$
	SELECT jsonb_build_object('ended', webchatt._end_own_session(webchatt._desk_session()))
$$;
COMMENT ON FUNCTION webchatt.desk_sign_out(jsonb) IS 'the desk: {} → {ended}: ends the session that calls';

----------------------------------------------------------------------------
-- The same for admins
----------------------------------------------------------------------------

CREATE FUNCTION webchatt._desk_widget_script(channel uuid) RETURNS text
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	RETURN webchatt.widget_script(channel);
EXCEPTION WHEN object_not_in_prerequisite_state THEN
	RETURN NULL;			-- it is not known under which URL browsers come
END
$$;
COMMENT ON FUNCTION webchatt._desk_widget_script(uuid) IS 'webchatt''s own: widget_script(), or null while webchatt.public_url is not known';

CREATE FUNCTION webchatt._desk_channels(one uuid DEFAULT NULL) RETURNS jsonb
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
	SELECT coalesce(jsonb_agg(jsonb_build_object('id', c.id, 'displayName', c.display_name, 'kind', c.kind, 'hub', h.name,
		'local', c.public_key IS NOT NULL, 'origins', (SELECT coalesce(jsonb_agg(o.origin ORDER BY o.origin), '[]')
			FROM webchatt.origins o WHERE o.channel_id = c.id),
		'publicKey', c.public_key,
		'widgetScript', CASE WHEN c.public_key IS NOT NULL THEN webchatt._desk_widget_script(c.id) END,
		'newcomersPaused', c.newcomers_paused, 'showAuthor', c.show_author, 'createdAt', c.created_at) ORDER BY c.display_name, c.id), '[]')
	FROM webchatt.channels c JOIN webchatt.hubs h ON h.id = c.hub_id
	WHERE c.id = one OR one IS NULL
$$;
COMMENT ON FUNCTION webchatt._desk_channels(uuid) IS 'webchatt''s own: channels as admins see them at the desk; all, or one';

CREATE FUNCTION webchatt.desk_channels(args jsonb DEFAULT '{}') RETURNS jsonb
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
	SELECT webchatt._desk_channels()
$$;
COMMENT ON FUNCTION webchatt.desk_channels(jsonb) IS
	'the desk, for admins: {} → [{id, displayName, kind, hub, local, origins, publicKey, widgetScript, newcomersPaused, showAuthor, createdAt}]. widgetScript: null where webchatt.public_url is not known';

CREATE FUNCTION webchatt._desk_origins(args jsonb, needed boolean) RETURNS text[]
LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	list jsonb := webchatt._desk_arg(args, 'origins', 'array', needed);
BEGIN
	IF EXISTS (SELECT FROM jsonb_array_elements(list) o WHERE jsonb_typeof(o) <> 'string') THEN
		RAISE EXCEPTION 'an origin is no text'
			USING ERRCODE = 'invalid_parameter_value', HINT = 'Give each origin as https://host or https://host:port.';
	END IF;
	RETURN CASE WHEN list IS NOT NULL THEN ARRAY(SELECT jsonb_array_elements_text(list)) END;
END
$$;
COMMENT ON FUNCTION webchatt._desk_origins(jsonb, boolean) IS 'webchatt''s own: the argument origins; null: it was not given, and is not needed';

/* Each value by itself, so that all that is wrong is said at once. */
CREATE FUNCTION webchatt._desk_complaint(display_name text, origin text) RETURNS jsonb
LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	message text;
	detail text;
	hint text;
BEGIN
	PERFORM webchatt._check_display_name(display_name), webchatt.normalize_origin(origin);
	RETURN NULL;
EXCEPTION WHEN data_exception THEN
	GET STACKED DIAGNOSTICS message = MESSAGE_TEXT, detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT;
	RETURN jsonb_build_object('errorMessage', message, 'detail', nullif(detail, ''), 'hint', nullif(hint, ''));
END
$$;
COMMENT ON FUNCTION webchatt._desk_complaint(text, text) IS 'webchatt''s own: what is wrong with a display name or an origin; null: nothing';

CREATE FUNCTION webchatt.desk_check_channel(args jsonb) RETURNS jsonb
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
	SELECT jsonb_build_object(
		'displayName', webchatt._desk_complaint(webchatt._desk_text(args, 'displayName', false), NULL),
		'origins', coalesce((SELECT jsonb_agg(webchatt._desk_complaint(NULL, o.origin) ORDER BY o.n)
			FROM unnest(webchatt._desk_origins(args, false)) WITH ORDINALITY AS o (origin, n) WHERE o.n <= 5), '[]'))
$$;
COMMENT ON FUNCTION webchatt.desk_check_channel(jsonb) IS
	'the desk, for admins: {displayName?, origins?: []} → {displayName, origins: []}: what create_channel would say of each, {errorMessage, detail, hint}, or null';

CREATE FUNCTION webchatt.desk_create_channel(args jsonb) RETURNS jsonb
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	made uuid := webchatt.create_channel(webchatt._desk_text(args, 'displayName'), webchatt._desk_origins(args, true));
BEGIN
	RETURN webchatt._desk_channels(made) -> 0;
END
$$;
COMMENT ON FUNCTION webchatt.desk_create_channel(jsonb) IS
	'the desk, for admins: {displayName, origins: []} → the channel as in channels: makes one of the local hub';

CREATE FUNCTION webchatt.desk_set_channel(args jsonb) RETURNS jsonb
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	channel uuid := webchatt._desk_uuid(args, 'id');
	called text := webchatt._desk_text(args, 'displayName', false);
	origins text[] := webchatt._desk_origins(args, false);
	show_author boolean := webchatt._desk_arg(args, 'showAuthor', 'boolean', false)::boolean;
BEGIN
	PERFORM webchatt._need_local_channel(channel);
	IF called IS NOT NULL THEN
		PERFORM webchatt._check_display_name(called);
		UPDATE webchatt.channels c SET display_name = called WHERE c.id = channel;
	END IF;
	IF origins IS NOT NULL THEN
		PERFORM webchatt.set_origins(channel, origins);
	END IF;
	IF show_author IS NOT NULL THEN
		PERFORM webchatt.set_show_author(channel, show_author);
	END IF;
	RETURN webchatt._desk_channels(channel) -> 0;
END
$$;
COMMENT ON FUNCTION webchatt.desk_set_channel(jsonb) IS
	'the desk, for admins: {id, displayName?, origins?: [], showAuthor?} → the channel as in channels: changes one of the local hub';

CREATE FUNCTION webchatt.desk_regenerate_public_key(args jsonb) RETURNS jsonb
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	channel uuid := webchatt._desk_uuid(args, 'id');
BEGIN
	PERFORM webchatt.regenerate_public_key(channel);
	RETURN webchatt._desk_channels(channel) -> 0;
END
$$;
COMMENT ON FUNCTION webchatt.desk_regenerate_public_key(jsonb) IS
	'the desk, for admins: {id} → the channel as in channels: widgets with the old key are cut off';

CREATE FUNCTION webchatt.desk_list_agents(args jsonb DEFAULT '{}') RETURNS jsonb
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
	SELECT coalesce(jsonb_agg(jsonb_build_object('name', a.name, 'displayName', a.display_name, 'role', a.role, 'avatarUrl', a.avatar_url,
		'createdAt', a.created_at, 'disabledAt', a.disabled_at, 'sessions', s.n, 'lastSeen', s.last_seen,
		'passkeys', (SELECT count(*) FROM webchatt.passkeys k WHERE k.agent = a.name)) ORDER BY a.display_name, a.name), '[]')
	FROM webchatt.agents a
	CROSS JOIN LATERAL (SELECT count(*) FILTER (WHERE s.last_seen > now()
			- make_interval(secs => extract(epoch FROM current_setting('webchatt.desk_session_idle')::interval))) AS n, max(s.last_seen) AS last_seen
		FROM webchatt.agent_sessions s WHERE s.agent = a.name AND s.expires_at > now()) s
$$;
COMMENT ON FUNCTION webchatt.desk_list_agents(jsonb) IS
	'the desk, for admins: {} → [{name, displayName, role, avatarUrl, createdAt, disabledAt, sessions, lastSeen, passkeys}]: all, those who are locked out too';

CREATE FUNCTION webchatt.desk_sign_in_link(args jsonb) RETURNS jsonb
LANGUAGE sql SET search_path = pg_catalog, pg_temp AS $$
	SELECT jsonb_build_object('link', webchatt.sign_in_link(webchatt._desk_text(args, 'name')), 'expiresAt', now() + interval '15 minutes')
$$;
COMMENT ON FUNCTION webchatt.desk_sign_in_link(jsonb) IS 'the desk, for admins: {name} → {link, expiresAt}: by which an agent signs in once';

CREATE FUNCTION webchatt.desk_create_agent(args jsonb) RETURNS jsonb
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	PERFORM webchatt.create_agent(webchatt._desk_text(args, 'name'), webchatt._desk_text(args, 'displayName'),
		coalesce(webchatt._desk_text(args, 'role', false), 'agent'), nullif(webchatt._desk_text(args, 'avatarUrl', false), ''),
		nullif(webchatt._desk_text(args, 'login', false), ''));
	RETURN webchatt.desk_sign_in_link(args);
END
$$;
COMMENT ON FUNCTION webchatt.desk_create_agent(jsonb) IS
	'the desk, for admins: {name, displayName, role?, avatarUrl?, login?} → {link, expiresAt}: makes an agent, and a link to sign in';

CREATE FUNCTION webchatt.desk_disable_agent(args jsonb) RETURNS jsonb
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	who text := webchatt._desk_text(args, 'name');
BEGIN
	IF who = webchatt._desk_agent() THEN
		RAISE EXCEPTION 'nobody can lock themselves out'
			USING ERRCODE = 'invalid_parameter_value', HINT = 'Another admin can.';
	END IF;
	RETURN jsonb_build_object('done', webchatt.disable_agent(who));
END
$$;
COMMENT ON FUNCTION webchatt.desk_disable_agent(jsonb) IS 'the desk, for admins: {name} → {done}: locks an agent out and ends their sessions';

CREATE FUNCTION webchatt.desk_enable_agent(args jsonb) RETURNS jsonb
LANGUAGE sql SET search_path = pg_catalog, pg_temp AS $$
	SELECT jsonb_build_object('done', webchatt.enable_agent(webchatt._desk_text(args, 'name')))
$$;
COMMENT ON FUNCTION webchatt.desk_enable_agent(jsonb) IS 'the desk, for admins: {name} → {done}: lets an agent in again, who needs a link then';

CREATE FUNCTION webchatt.desk_status(args jsonb DEFAULT '{}') RETURNS jsonb
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
	SELECT to_jsonb(s) FROM webchatt.status s
$$;
COMMENT ON FUNCTION webchatt.desk_status(jsonb) IS 'the desk, for admins: {} → webchatt.status, its columns as members';
