----------------------------------------------------------------------------
-- Functions: configuration
----------------------------------------------------------------------------

CREATE FUNCTION webchatt._config_changed() RETURNS trigger
LANGUAGE c AS 'MODULE_PATHNAME', 'webchatt_config_changed';
COMMENT ON FUNCTION webchatt._config_changed() IS 'tells the worker, at commit, to read its configuration';

CREATE TRIGGER config_changed AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON webchatt.hubs
	FOR EACH STATEMENT EXECUTE FUNCTION webchatt._config_changed();
CREATE TRIGGER config_changed AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON webchatt.channels
	FOR EACH STATEMENT EXECUTE FUNCTION webchatt._config_changed();
CREATE TRIGGER config_changed AFTER INSERT OR UPDATE OF hub_id, channel_id, event_type, secret, old_secret,
	old_secret_until, accept_unsigned, desired, endpoint OR DELETE OR TRUNCATE ON webchatt.hub_webhooks
	FOR EACH STATEMENT EXECUTE FUNCTION webchatt._config_changed();
CREATE TRIGGER config_changed AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON webchatt.origins
	FOR EACH STATEMENT EXECUTE FUNCTION webchatt._config_changed();
CREATE TRIGGER config_changed AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON webchatt.api_keys
	FOR EACH STATEMENT EXECUTE FUNCTION webchatt._config_changed();
CREATE TRIGGER config_changed AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON webchatt.webhooks
	FOR EACH STATEMENT EXECUTE FUNCTION webchatt._config_changed();
CREATE TRIGGER config_changed AFTER DELETE OR TRUNCATE ON webchatt.links
	FOR EACH STATEMENT EXECUTE FUNCTION webchatt._config_changed();
CREATE TRIGGER config_changed AFTER INSERT OR UPDATE OF wanted ON webchatt.hub_reconciliation
	FOR EACH STATEMENT EXECUTE FUNCTION webchatt._config_changed();

CREATE FUNCTION webchatt._messages_inserted() RETURNS trigger
LANGUAGE c AS 'MODULE_PATHNAME', 'webchatt_messages_inserted';
COMMENT ON FUNCTION webchatt._messages_inserted() IS
	'when a dump is loaded, or somebody inserts by hand: has the worker queue what is queued';

CREATE TRIGGER messages_inserted AFTER INSERT ON webchatt.messages
	FOR EACH STATEMENT EXECUTE FUNCTION webchatt._messages_inserted();

CREATE FUNCTION webchatt._visitors_gone() RETURNS trigger
LANGUAGE c AS 'MODULE_PATHNAME', 'webchatt_visitors_gone';
COMMENT ON FUNCTION webchatt._visitors_gone() IS
	'webchatt''s own: has the worker forget whose rows are there, when some were deleted';

CREATE TRIGGER visitors_gone AFTER DELETE OR TRUNCATE OR UPDATE OF channel_id, id ON webchatt.visitors
	FOR EACH STATEMENT EXECUTE FUNCTION webchatt._visitors_gone();

CREATE FUNCTION webchatt.normalize_origin(origin text) RETURNS text
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'webchatt_normalize_origin';
COMMENT ON FUNCTION webchatt.normalize_origin(text) IS
	'a web origin in its one form (doc/hub-contract.md, section 1), or an error that says what is wrong with it';

CREATE FUNCTION webchatt.connect_hub(
	api_key text, api_url text DEFAULT 'https://api.chatt2.me', name text DEFAULT 'chatt2me', inbound text DEFAULT NULL,
	insecure boolean DEFAULT false)
RETURNS text
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET plan_cache_mode = force_generic_plan AS $$
#variable_conflict use_column
DECLARE
	url text := pg_catalog.rtrim(connect_hub.api_url, '/');
BEGIN
	IF connect_hub.name IS NULL OR connect_hub.name !~ '^[a-z0-9][a-z0-9_-]{0,62}$' THEN
		RAISE EXCEPTION 'hub name % is not usable', coalesce(quote_literal(connect_hub.name), 'NULL')
			USING ERRCODE = 'invalid_parameter_value',
				HINT = 'Use 1 to 63 lower-case letters, digits, hyphens and underscores, a letter or digit first.';
	END IF;
	IF connect_hub.name = 'local' THEN
		RAISE EXCEPTION 'local is the name of the hub that webchatt brings itself'
			USING ERRCODE = 'reserved_name',
				HINT = 'Give a remote hub another name; a channel of the local hub is made by webchatt.create_channel().';
	END IF;
	IF connect_hub.api_key IS NULL OR connect_hub.api_key !~ '^[!-~]+$'
		OR length(connect_hub.api_key) > 512 THEN
		RAISE EXCEPTION 'the API key is not one that fits into an HTTP header'
			USING ERRCODE = 'invalid_parameter_value',
				DETAIL = 'It must be 1 to 512 printable ASCII characters without blanks.',
				HINT = 'Copy the key of the Application from the hub''s dashboard, without quotes or line ends.';
	END IF;
	IF url IS NULL OR url !~ '^https?://([^][/?#@:[:space:]]+|[[][0-9A-Fa-f:.]+[]])(:[0-9]{1,5})?(/[^?#[:space:]]*)?$' OR length(url) > 1024
		OR coalesce(substring(url FROM '^https?://[^/]*:([0-9]{1,5})(?:/|$)')::int, 443) NOT BETWEEN 1 AND 65535 THEN
		RAISE EXCEPTION 'the hub''s URL is not usable'
			USING ERRCODE = 'invalid_parameter_value',
				HINT = 'Give the base URL, for example https://api.chatt2.me, with a port from 1 to 65535 or none, without query, fragment or user name.';
	END IF;
	IF url ~* '^http://' AND url !~* '^http://(localhost|127[.][0-9.]+|[[]::1[]])(:|/|$)' AND NOT coalesce(connect_hub.insecure, false) THEN
		RAISE EXCEPTION 'the hub''s URL is http://, so the API key and all messages would go over the network in clear'
			USING ERRCODE = 'invalid_parameter_value',
				HINT = 'Give an https:// URL; where the network between is trusted all the same, say insecure => true.';
	END IF;
	IF connect_hub.inbound NOT IN ('webhook', 'link') THEN
		RAISE EXCEPTION 'events cannot come by %', quote_literal(connect_hub.inbound)
			USING ERRCODE = 'invalid_parameter_value',
				HINT = 'Use webhook (the hub posts to us: webchatt.register_webhooks()), or link (we keep a WebSocket to it; another webchatt only).';
	END IF;
	INSERT INTO webchatt.hubs AS h (name, api_url, api_key, inbound)
	VALUES (connect_hub.name, url, connect_hub.api_key, coalesce(connect_hub.inbound, 'webhook'))
	ON CONFLICT (name) DO UPDATE
		SET api_url = excluded.api_url, api_key = excluded.api_key,
			inbound = coalesce(connect_hub.inbound, h.inbound), state = 'active',
			state_reason = NULL,
			state_since = CASE WHEN h.state = 'active' THEN h.state_since ELSE now() END;
	RETURN connect_hub.name;
END
$$;
COMMENT ON FUNCTION webchatt.connect_hub(text, text, text, text, boolean) IS
	'attaches a remote hub, or gives a known one a new key or URL and starts it again; returns its name. inbound: how its events come, webhook or link; NULL: as before, and by webhook at first. insecure: http:// is taken also where it leaves this machine';

CREATE FUNCTION webchatt._check_display_name(display_name text) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	IF btrim(display_name) = '' THEN
		RAISE EXCEPTION 'display name is blank'
			USING ERRCODE = 'invalid_parameter_value',
				HINT = 'A display name has 1 to 50 characters.';
	END IF;
	IF char_length(display_name) > 50 THEN
		RAISE EXCEPTION 'display name has % characters', char_length(display_name)
			USING ERRCODE = 'invalid_parameter_value',
				HINT = 'A display name has 1 to 50 characters.';
	END IF;
END
$$;
COMMENT ON FUNCTION webchatt._check_display_name(text) IS 'webchatt''s own: raises when a display name is too long or empty';

CREATE FUNCTION webchatt.set_origins(channel uuid, origins text[]) RETURNS text[]
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	wanted text[];
BEGIN
	IF NOT EXISTS (SELECT FROM webchatt.channels c WHERE c.id = channel) THEN
		RAISE EXCEPTION 'there is no channel %', coalesce(channel::text, 'NULL')
			USING ERRCODE = 'undefined_object',
				HINT = 'SELECT id, display_name FROM webchatt.channels lists them.';
	END IF;
	IF array_position(origins, NULL) IS NOT NULL THEN
		RAISE EXCEPTION 'an origin is NULL'
			USING ERRCODE = 'null_value_not_allowed',
				HINT = 'Give each origin as https://host or https://host:port.';
	END IF;
	SELECT array_agg(DISTINCT webchatt.normalize_origin(o)) INTO wanted FROM unnest(origins) o;
	IF wanted IS NULL OR cardinality(wanted) > 5 OR cardinality(origins) > 5 THEN
		RAISE EXCEPTION 'a channel has one to five origins, not %', coalesce(cardinality(origins), 0)
			USING ERRCODE = 'invalid_parameter_value',
				HINT = 'Give the origins of the pages that carry the widget, for example {https://www.example.com}.';
	END IF;
	DELETE FROM webchatt.origins o WHERE o.channel_id = channel AND o.origin <> ALL (wanted);
	INSERT INTO webchatt.origins (channel_id, origin)
	SELECT channel, w FROM unnest(wanted) w ON CONFLICT DO NOTHING;
	RETURN wanted;
END
$$;
COMMENT ON FUNCTION webchatt.set_origins(uuid, text[]) IS
	'replaces a channel''s one to five allowed origins; returns them normalised';

CREATE FUNCTION webchatt.add_channel(
	id uuid, hub text DEFAULT 'chatt2me', kind text DEFAULT 'web-chatt2me',
	display_name text DEFAULT NULL, origins text[] DEFAULT NULL)
RETURNS uuid
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	hub_id int;
BEGIN
	IF add_channel.id IS NULL THEN
		RAISE EXCEPTION 'the channel id is NULL'
			USING ERRCODE = 'null_value_not_allowed',
				HINT = 'Give the application channel ID that the hub''s dashboard shows.';
	END IF;
	IF add_channel.hub = 'local' THEN
		RAISE EXCEPTION 'a channel of the local hub is made, not added'
			USING ERRCODE = 'invalid_parameter_value',
				HINT = 'SELECT webchatt.create_channel(display_name, origins);';
	END IF;
	SELECT h.id INTO hub_id FROM webchatt.hubs h WHERE h.name = add_channel.hub;
	IF NOT FOUND THEN
		RAISE EXCEPTION 'there is no hub %', coalesce(quote_literal(add_channel.hub), 'NULL')
			USING ERRCODE = 'undefined_object',
				HINT = 'Attach it first: SELECT webchatt.connect_hub(api_key => ..., name => ...).';
	END IF;
	IF add_channel.kind IS NULL OR add_channel.kind !~ '^[a-z0-9-]{1,64}$' THEN
		RAISE EXCEPTION 'channel type % is not one', coalesce(quote_literal(add_channel.kind), 'NULL')
			USING ERRCODE = 'invalid_parameter_value',
				HINT = 'Hub Chatt2.me has web-chatt2me, whatsapp, instagram, messenger, telegram and sms.';
	END IF;
	PERFORM webchatt._check_display_name(add_channel.display_name);
	BEGIN
		INSERT INTO webchatt.channels (id, hub_id, kind, display_name)
		VALUES (add_channel.id, hub_id, add_channel.kind, add_channel.display_name);
	EXCEPTION WHEN unique_violation THEN
		RAISE EXCEPTION 'channel % is there already', add_channel.id
			USING ERRCODE = 'duplicate_object',
				HINT = 'UPDATE webchatt.channels to change its name, webchatt.set_origins() to change its origins.';
	END;
	IF add_channel.origins IS NOT NULL THEN
		PERFORM webchatt.set_origins(add_channel.id, add_channel.origins);
	END IF;
	RETURN add_channel.id;
END
$$;
COMMENT ON FUNCTION webchatt.add_channel(uuid, text, text, text, text[]) IS
	'adds a remote hub''s channel; its webhooks are refused until webchatt.set_webhook_secret()';

CREATE FUNCTION webchatt._random_token(prefix text, bytes int) RETURNS text
LANGUAGE c STRICT AS 'MODULE_PATHNAME', 'webchatt_random_token';
COMMENT ON FUNCTION webchatt._random_token(text, int) IS
	'webchatt''s own: so many random bytes (16 to 64) from the system''s source for secrets, in base64url behind the prefix';

CREATE FUNCTION webchatt.create_channel(display_name text, origins text[]) RETURNS uuid
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	new_id uuid := gen_random_uuid();
	local_hub int;
BEGIN
	IF create_channel.display_name IS NULL THEN
		RAISE EXCEPTION 'the display name is NULL'
			USING ERRCODE = 'null_value_not_allowed',
				HINT = 'Give the name that visitors read above the conversation, 1 to 50 characters.';
	END IF;
	PERFORM webchatt._check_display_name(create_channel.display_name);
	INSERT INTO webchatt.hubs (name, kind) VALUES ('local', 'local') ON CONFLICT DO NOTHING;
	SELECT h.id INTO local_hub FROM webchatt.hubs h WHERE h.kind = 'local';
	IF NOT FOUND THEN
		RAISE EXCEPTION 'another transaction made the local hub at the same time'
			USING ERRCODE = 'serialization_failure',
				HINT = 'Run the transaction again.';
	END IF;
	INSERT INTO webchatt.channels (id, hub_id, display_name, public_key)
	VALUES (new_id, local_hub, create_channel.display_name, webchatt._random_token('wpk_', 16));
	PERFORM webchatt.set_origins(new_id, create_channel.origins);
	RETURN new_id;
END
$$;
COMMENT ON FUNCTION webchatt.create_channel(text, text[]) IS
	'makes a channel of the local hub, for pages of one to five origins, and returns its id; webchatt.widget_script() gives the tag for the pages';

CREATE FUNCTION webchatt._need_local_channel(channel uuid) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	key text;
BEGIN
	SELECT c.public_key INTO key FROM webchatt.channels c WHERE c.id = channel;
	IF NOT FOUND THEN
		RAISE EXCEPTION 'there is no channel %', coalesce(channel::text, 'NULL')
			USING ERRCODE = 'undefined_object',
				HINT = 'SELECT id, display_name FROM webchatt.channels lists them.';
	END IF;
	IF key IS NULL THEN
		RAISE EXCEPTION 'channel % hangs on a remote hub', channel
			USING ERRCODE = 'wrong_object_type',
				HINT = 'Only channels made by webchatt.create_channel() can; of this one the hub''s dashboard has public key, script and visitors.';
	END IF;
END
$$;
COMMENT ON FUNCTION webchatt._need_local_channel(uuid) IS 'webchatt''s own: raises when that is no channel of the local hub';

CREATE FUNCTION webchatt.pause_newcomers(channel uuid, paused boolean DEFAULT true) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	PERFORM webchatt._need_local_channel(channel);
	IF paused IS NULL THEN
		RAISE EXCEPTION 'paused is NULL'
			USING ERRCODE = 'null_value_not_allowed',
				HINT = 'Give true to pause, false to take new visitors again.';
	END IF;
	UPDATE webchatt.channels c SET newcomers_paused = paused WHERE c.id = channel AND c.newcomers_paused <> paused;
END
$$;
COMMENT ON FUNCTION webchatt.pause_newcomers(uuid, boolean) IS
	'takes no new visitors in a channel, until it is called with false; those who are known go on';

CREATE FUNCTION webchatt.set_show_author(channel uuid, show boolean DEFAULT true) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	PERFORM webchatt._need_local_channel(channel);
	IF show IS NULL THEN
		RAISE EXCEPTION 'show is NULL'
			USING ERRCODE = 'null_value_not_allowed',
				HINT = 'Give true to show visitors who answers, false to show them the channel only.';
	END IF;
	UPDATE webchatt.channels c SET show_author = show WHERE c.id = channel AND c.show_author <> show;
END
$$;
COMMENT ON FUNCTION webchatt.set_show_author(uuid, boolean) IS
	'shows a channel''s visitors the display name and the picture of the agent (webchatt.agents) who answers, until it is called with false; authors that are no agent''s name are never shown';

CREATE FUNCTION webchatt.regenerate_public_key(channel uuid) RETURNS text
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	new_key text := webchatt._random_token('wpk_', 16);
BEGIN
	PERFORM webchatt._need_local_channel(channel);
	UPDATE webchatt.channels c SET public_key = new_key WHERE c.id = channel;
	RETURN new_key;
END
$$;
COMMENT ON FUNCTION webchatt.regenerate_public_key(uuid) IS
	'gives a local channel a new public key and returns it; from the commit on widgets with the old one are cut off and do not connect';

CREATE FUNCTION webchatt._close_sessions(channel uuid, visitor text) RETURNS void
LANGUAGE c STRICT AS 'MODULE_PATHNAME', 'webchatt_close_sessions';
COMMENT ON FUNCTION webchatt._close_sessions(uuid, text) IS 'webchatt''s own: has the worker close a visitor''s sessions at commit';

CREATE FUNCTION webchatt.end_sessions(channel uuid, visitor text) RETURNS int
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	ended int;
BEGIN
	PERFORM webchatt._need_local_channel(channel);
	IF NOT EXISTS (SELECT FROM webchatt.visitors v WHERE v.channel_id = channel AND v.id = visitor) THEN
		RAISE EXCEPTION 'channel % has no visitor %', channel, coalesce(visitor, 'NULL')
			USING ERRCODE = 'undefined_object', HINT = 'Take the visitor from webchatt.presence or webchatt.visitors.';
	END IF;
	-- the links first: a device that comes by one now has its token then, or gets none (_open_link())
	DELETE FROM webchatt.conversation_links l WHERE l.channel_id = channel AND l.visitor = end_sessions.visitor;
	DELETE FROM webchatt.visitor_tokens t WHERE t.channel_id = channel AND t.visitor = end_sessions.visitor;
	GET DIAGNOSTICS ended = ROW_COUNT;
	PERFORM webchatt._close_sessions(channel, visitor);
	RETURN ended;
END
$$;
COMMENT ON FUNCTION webchatt.end_sessions(uuid, text) IS
	'takes a visitor''s tokens and the links to their conversation away and closes their sessions: whoever used them begins anew, as somebody else, without the conversation. Returns how many tokens that were';

CREATE FUNCTION webchatt._public_url() RETURNS text
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	RETURN coalesce(nullif(rtrim(current_setting('webchatt.public_url'), '/'), ''), (
		SELECT 'http://' || regexp_replace(a, '^(0[.]0[.]0[.]0|[[]::[]]|[*]|):', 'localhost:')
		FROM webchatt._status() s,
			regexp_split_to_table(coalesce(s.listening, current_setting('webchatt.listen')), '[[:space:]]*,[[:space:]]*') WITH ORDINALITY l (a, n)
		WHERE a NOT LIKE 'unix:%' AND a NOT LIKE '%:0' ORDER BY n LIMIT 1));
END
$$;
COMMENT ON FUNCTION webchatt._public_url() IS
	'webchatt''s own: the URL under which the world reaches webchatt, without a slash at the end: webchatt.public_url, or else the first address; null: it is not known';

CREATE FUNCTION webchatt.widget_script(channel uuid) RETURNS text
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	url text := webchatt._public_url();
	key text;
	config text;
BEGIN
	PERFORM webchatt._need_local_channel(channel);
	SELECT c.public_key INTO STRICT key FROM webchatt.channels c WHERE c.id = channel;
	IF url IS NULL THEN
		RAISE EXCEPTION 'it is not known under which URL browsers reach webchatt'
			USING ERRCODE = 'object_not_in_prerequisite_state',
				HINT = 'Set webchatt.public_url, for example ALTER DATABASE ... SET webchatt.public_url = ''https://chat.example.com'', and connect again.';
	END IF;
	config := format('{"webChatId":%s,"endpoint":%s}', to_json(key),
		to_json(regexp_replace(url, '^http', 'ws') || '/communication/web-chatt2me/ws'));
	RETURN format('<script src="%s" data-config=''%s''></script>',
		webchatt._escape_html(url || '/chat-widget.umd.js'), replace(webchatt._escape_html(config), '&quot;', '"'));
END
$$;
COMMENT ON FUNCTION webchatt.widget_script(uuid) IS
	'the tag to paste into the pages just before </body>, built on webchatt.public_url (where that is empty, on the first address of webchatt.listen)';

CREATE FUNCTION webchatt._escape_html(raw text) RETURNS text
LANGUAGE sql IMMUTABLE STRICT SET search_path = pg_catalog, pg_temp AS $$
	SELECT replace(replace(replace(replace(replace(raw, '&', '&amp;'), '<', '&lt;'), '>', '&gt;'), '"', '&quot;'), '''', '&#39;')
$$;
COMMENT ON FUNCTION webchatt._escape_html(text) IS 'webchatt''s own: text for HTML, attributes included';

CREATE FUNCTION webchatt.create_api_key(label text, channels uuid[] DEFAULT NULL, scopes text[] DEFAULT NULL) RETURNS text
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET plan_cache_mode = force_generic_plan AS $$
DECLARE
	key text := webchatt._random_token('wck_', 32);
	wrong text;
BEGIN
	IF create_api_key.label IS NULL OR btrim(create_api_key.label) = '' OR char_length(create_api_key.label) > 100 THEN
		RAISE EXCEPTION 'the label of an API key is NULL, blank or longer than 100 characters'
			USING ERRCODE = 'invalid_parameter_value',
				HINT = 'Say in words whose key it is: the log of changes and webchatt.revoke_api_key() go by it.';
	END IF;
	SELECT coalesce(s, 'NULL') INTO wrong FROM unnest(create_api_key.scopes) s WHERE s IS NULL OR s NOT IN ('send', 'webhooks', 'link', 'visitors') LIMIT 1;
	IF FOUND OR cardinality(create_api_key.scopes) = 0 THEN
		RAISE EXCEPTION 'a key cannot have %', coalesce('the scope ' || wrong, 'no scope')
			USING ERRCODE = 'invalid_parameter_value',
				HINT = 'Scopes are send (messages by the REST API), webhooks (its own), link (for another database) and visitors (to hand out and erase them). Left out, it has the first three.';
	END IF;
	IF cardinality(create_api_key.channels) NOT BETWEEN 1 AND 256 THEN
		RAISE EXCEPTION 'a key is for 1 to 256 channels, not %', cardinality(create_api_key.channels)
			USING ERRCODE = 'invalid_parameter_value', HINT = 'Leave channels out, or NULL, for a key that is for all.';
	END IF;
	SELECT coalesce(c::text, 'NULL') INTO wrong FROM unnest(create_api_key.channels) c
	WHERE NOT EXISTS (SELECT FROM webchatt.channels x WHERE x.id = c AND x.public_key IS NOT NULL) LIMIT 1;
	IF FOUND THEN
		RAISE EXCEPTION 'there is no local channel %', wrong
			USING ERRCODE = 'undefined_object', HINT = 'SELECT id, display_name FROM webchatt.channels WHERE public_key IS NOT NULL lists them.';
	END IF;
	BEGIN
		INSERT INTO webchatt.api_keys (label, key_hash, channels, scopes) VALUES (create_api_key.label, sha256(convert_to(key, 'UTF8')),
			(SELECT array_agg(DISTINCT c) FROM unnest(create_api_key.channels) c),
			coalesce(create_api_key.scopes, '{send,webhooks,link}'));
	EXCEPTION WHEN unique_violation THEN
		RAISE EXCEPTION 'there is an API key % already', quote_literal(create_api_key.label)
			USING ERRCODE = 'duplicate_object',
				HINT = 'Take another label; a revoked key keeps its own, until its row is deleted from webchatt.api_keys.';
	END;
	RETURN key;
END
$$;
COMMENT ON FUNCTION webchatt.create_api_key(text, uuid[], text[]) IS
	'makes a key for the local hub''s REST API (header x-api-key) and returns it; it is shown this once, only its hash is kept. channels: those that it is for; NULL: all. scopes: of send, webhooks, link and visitors (hands out and erases); NULL: all but the last';

CREATE FUNCTION webchatt.revoke_api_key(label text) RETURNS boolean
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	UPDATE webchatt.api_keys k SET revoked_at = now()
	WHERE k.label = revoke_api_key.label AND k.revoked_at IS NULL;
	IF FOUND THEN
		UPDATE webchatt.webhooks w SET active = false, paused_reason = 'its API key was revoked'
		WHERE w.active AND w.key_id = (SELECT k.id FROM webchatt.api_keys k WHERE k.label = revoke_api_key.label);
		RETURN true;
	END IF;
	IF NOT EXISTS (SELECT FROM webchatt.api_keys k WHERE k.label = revoke_api_key.label) THEN
		RAISE EXCEPTION 'there is no API key %', coalesce(quote_literal(revoke_api_key.label), 'NULL')
			USING ERRCODE = 'undefined_object',
				HINT = 'SELECT label, created_at, revoked_at FROM webchatt.api_keys lists them.';
	END IF;
	RETURN false;
END
$$;
COMMENT ON FUNCTION webchatt.revoke_api_key(text) IS
	'ends an API key from the commit on, with its link, and pauses its webhooks; false when it was revoked before';

CREATE FUNCTION webchatt.set_webhook_secret(
	channel uuid, secret text, keep_old interval DEFAULT '1 day', event_type text DEFAULT 'any')
RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET plan_cache_mode = force_generic_plan AS $$
#variable_conflict use_column
BEGIN
	IF NOT EXISTS (SELECT FROM webchatt.channels c WHERE c.id = channel) THEN
		RAISE EXCEPTION 'there is no channel %', coalesce(channel::text, 'NULL')
			USING ERRCODE = 'undefined_object',
				HINT = 'SELECT id, display_name FROM webchatt.channels lists them.';
	END IF;
	IF EXISTS (SELECT FROM webchatt.channels c WHERE c.id = channel AND c.public_key IS NOT NULL) THEN
		RAISE EXCEPTION 'channel % hangs on the local hub, which sends itself no webhooks', channel
			USING ERRCODE = 'wrong_object_type',
				HINT = 'Only channels made by webchatt.add_channel() have signing secrets.';
	END IF;
	IF set_webhook_secret.secret = '' OR length(set_webhook_secret.secret) > 512 THEN
		RAISE EXCEPTION 'the signing secret has % characters', length(set_webhook_secret.secret)
			USING ERRCODE = 'invalid_parameter_value',
				HINT = 'Give the secret that the hub showed when signing was turned on (1 to 512 characters), or NULL to accept unsigned events.';
	END IF;
	IF set_webhook_secret.event_type IS NULL
		OR set_webhook_secret.event_type NOT IN ('any', 'Message', 'MessageStatus') THEN
		RAISE EXCEPTION 'event type % is not one', coalesce(quote_literal(set_webhook_secret.event_type), 'NULL')
			USING ERRCODE = 'invalid_parameter_value',
				HINT = 'Use Message or MessageStatus for the secret of that webhook, any for one that signs both.';
	END IF;
	IF keep_old IS NULL OR keep_old < interval '0' THEN
		RAISE EXCEPTION 'keep_old is %', coalesce(keep_old::text, 'NULL')
			USING ERRCODE = 'invalid_parameter_value',
				HINT = 'Give how long the old secret stays valid, for example interval ''1 day'', or interval ''0'' for not at all.';
	END IF;
	IF set_webhook_secret.secret IS NULL AND EXISTS (SELECT FROM webchatt.hub_webhooks o
		WHERE o.channel_id = channel AND o.event_type <> set_webhook_secret.event_type AND o.secret IS NOT NULL) THEN
		RAISE EXCEPTION 'another webhook of channel % is signed', channel
			USING ERRCODE = 'object_not_in_prerequisite_state',
				DETAIL = 'If one webhook of a channel could bring unsigned events, anybody could write in its visitors'' names.',
				HINT = 'Sign them all, or delete the channel''s other rows of webchatt.hub_webhooks first.';
	END IF;
	IF set_webhook_secret.secret IS NOT NULL THEN
		DELETE FROM webchatt.hub_webhooks o WHERE o.channel_id = channel
			AND o.event_type <> set_webhook_secret.event_type AND o.secret IS NULL;
	END IF;
	INSERT INTO webchatt.hub_webhooks AS w (channel_id, event_type, secret, accept_unsigned)
	VALUES (channel, set_webhook_secret.event_type, set_webhook_secret.secret, set_webhook_secret.secret IS NULL)
	ON CONFLICT (channel_id, event_type) DO UPDATE SET
		old_secret = CASE WHEN keep_old > interval '0' AND w.secret IS DISTINCT FROM excluded.secret
			AND excluded.secret IS NOT NULL THEN w.secret
			WHEN w.secret = excluded.secret AND keep_old > interval '0' THEN w.old_secret END,
		old_secret_until = CASE WHEN w.secret = excluded.secret THEN w.old_secret_until
			ELSE now() + keep_old END,
		secret = excluded.secret, accept_unsigned = excluded.accept_unsigned, changed_at = now();
	IF set_webhook_secret.secret IS NULL THEN
		RAISE WARNING 'channel % now accepts unsigned events', channel
			USING DETAIL = 'Whoever knows its webhook URL can write messages in any visitor''s name.',
				HINT = 'Turn requiresSignature on at the hub and call webchatt.set_webhook_secret() with the secret.';
	END IF;
END
$$;
COMMENT ON FUNCTION webchatt.set_webhook_secret(uuid, text, interval, text) IS
	'sets what signs a channel''s webhooks; the old secret stays valid for keep_old; NULL: unsigned events are accepted';

