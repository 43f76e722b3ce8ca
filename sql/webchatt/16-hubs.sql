----------------------------------------------------------------------------
-- Hub connections that keep themselves: what is asked of them
----------------------------------------------------------------------------

CREATE FUNCTION webchatt._remote_hub(hub text) RETURNS webchatt.hubs
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	h webchatt.hubs;
BEGIN
	SELECT x.* INTO h FROM webchatt.hubs x WHERE x.name = hub;
	IF NOT FOUND THEN
		RAISE EXCEPTION 'there is no hub %', coalesce(quote_literal(hub), 'NULL')
			USING ERRCODE = 'undefined_object',
				HINT = 'SELECT name FROM webchatt.hubs lists them; webchatt.connect_hub(api_key => ..., name => ...) attaches one.';
	END IF;
	IF h.kind = 'local' THEN
		RAISE EXCEPTION 'the local hub needs no webhooks of ours'
			USING ERRCODE = 'wrong_object_type',
				HINT = 'What happens on its channels is in the tables at once. webchatt.create_webhook() makes webhooks for other systems.';
	END IF;
	RETURN h;
END
$$;
COMMENT ON FUNCTION webchatt._remote_hub(text) IS 'webchatt''s own: the remote hub of that name, or an error';

CREATE FUNCTION webchatt.register_webhooks(hub text DEFAULT 'chatt2me') RETURNS text
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	h webchatt.hubs;
	url text := nullif(current_setting('webchatt.public_url', true), '');
	our_tag text;
BEGIN
	IF hub ~* '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$' AND NOT EXISTS (SELECT FROM webchatt.hubs x WHERE x.name = hub) THEN
		RETURN webchatt.register_webhooks(hub::uuid);
	END IF;
	h := webchatt._remote_hub(hub);
	IF url IS NULL THEN
		RAISE EXCEPTION 'it is not known under which URL hub % can reach webchatt', h.name
			USING ERRCODE = 'object_not_in_prerequisite_state',
				DETAIL = 'webchatt.public_url is empty.',
				HINT = 'Set it, for example ALTER DATABASE ... SET webchatt.public_url = ''https://chat.example.com'' (Hub Chatt2.me wants https), reload the configuration, and connect again. A webchatt hub needs no such URL with connect_hub(..., inbound => ''link'').';
	END IF;
	IF url LIKE 'http://%' AND h.api_url LIKE 'https://%' THEN
		RAISE WARNING 'hub % may refuse an endpoint that is not https', h.name
			USING HINT = 'Hub Chatt2.me posts to https only: let webchatt.public_url be the URL of the proxy that does TLS.';
	END IF;
	IF h.inbound = 'link' THEN
		RAISE NOTICE 'events of hub % come by a link as well', h.name
			USING HINT = 'Each becomes one row all the same. webchatt.connect_hub(..., inbound => ''webhook'') ends the link.';
	END IF;
	INSERT INTO webchatt.hub_reconciliation AS k (hub_id) VALUES (h.id)
	ON CONFLICT (hub_id) DO UPDATE SET wanted = k.wanted + 1 RETURNING k.tag INTO our_tag;
	INSERT INTO webchatt.hub_webhooks AS w (hub_id, event_type, desired, endpoint, label, state)
	SELECT h.id, e, 'registered', url || '/webhooks/hubs/' || h.name,
		format('webchatt %s %s', left(current_database(), 80), our_tag), 'waiting'
	FROM unnest(ARRAY['Message', 'MessageStatus']) e
	ON CONFLICT (hub_id, event_type) DO UPDATE SET
		desired = CASE w.desired WHEN 'rotated' THEN 'rotated' ELSE 'registered' END,
		endpoint = excluded.endpoint, next_try = NULL,
		state = CASE w.state WHEN 'removing' THEN 'mending' ELSE w.state END;
	RETURN url || '/webhooks/hubs/' || h.name;
END
$$;
COMMENT ON FUNCTION webchatt.register_webhooks(text) IS
	'has the worker make, and keep, webhooks for Message and MessageStatus at a remote hub, for all channels of the Application; returns the endpoint that the hub is to post to. webchatt.hub_webhooks shows how it goes, webchatt.wait_for_webhooks() waits for it';

CREATE FUNCTION webchatt.register_webhooks(channel uuid) RETURNS text
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	hub_name text;
BEGIN
	SELECT h.name INTO hub_name FROM webchatt.channels c JOIN webchatt.hubs h ON h.id = c.hub_id WHERE c.id = channel;
	IF NOT FOUND THEN
		RAISE EXCEPTION 'there is no channel %', coalesce(channel::text, 'NULL')
			USING ERRCODE = 'undefined_object',
				HINT = 'SELECT id, display_name FROM webchatt.channels lists them.';
	END IF;
	RETURN webchatt.register_webhooks(hub_name);
END
$$;
COMMENT ON FUNCTION webchatt.register_webhooks(uuid) IS
	'the same for the hub of that channel: a hub has its webhooks for the whole Application, so they bring the events of its other channels as well';

CREATE FUNCTION webchatt._kept_hub(hub text) RETURNS int
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	h webchatt.hubs := webchatt._remote_hub(hub);
BEGIN
	IF NOT EXISTS (SELECT FROM webchatt.hub_webhooks w WHERE w.hub_id = h.id) THEN
		RAISE EXCEPTION 'no webhooks are registered at hub %', h.name
			USING ERRCODE = 'object_not_in_prerequisite_state',
				HINT = format('SELECT webchatt.register_webhooks(%L);', h.name);
	END IF;
	RETURN h.id;
END
$$;
COMMENT ON FUNCTION webchatt._kept_hub(text) IS 'webchatt''s own: the id of a hub at which webhooks are registered, or an error';

CREATE FUNCTION webchatt.reconcile_webhooks(hub text DEFAULT 'chatt2me') RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	h int := webchatt._kept_hub(hub);
BEGIN
	UPDATE webchatt.hub_reconciliation k SET wanted = k.wanted + 1, not_before = NULL, repair_not_before = NULL WHERE k.hub_id = h;
	UPDATE webchatt.hub_webhooks w SET next_try = NULL, look_at = NULL WHERE w.hub_id = h;
END
$$;
COMMENT ON FUNCTION webchatt.reconcile_webhooks(text) IS
	'has the worker compare the webhooks at a hub with what is desired, and look through their logs, at once; it does so by itself every webchatt.reconcile_interval';

CREATE FUNCTION webchatt.rotate_webhook_secret(hub text DEFAULT 'chatt2me', keep_old interval DEFAULT '1 day') RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET plan_cache_mode = force_generic_plan AS $$
DECLARE
	h int := webchatt._kept_hub(hub);
	how_long interval := rotate_webhook_secret.keep_old;
BEGIN
	IF how_long IS NULL OR how_long < interval '0' THEN
		RAISE EXCEPTION 'keep_old is %', coalesce(how_long::text, 'NULL')
			USING ERRCODE = 'invalid_parameter_value',
				HINT = 'Give how long the old secrets stay valid, for example interval ''1 day'', or interval ''0'' for not at all.';
	END IF;
	IF EXISTS (SELECT FROM webchatt.hub_webhooks w WHERE w.hub_id = h AND w.desired = 'gone') THEN
		RAISE EXCEPTION 'the webhooks at hub % are being removed', hub
			USING ERRCODE = 'object_not_in_prerequisite_state',
				HINT = format('SELECT webchatt.register_webhooks(%L) keeps them.', hub);
	END IF;
	UPDATE webchatt.hub_webhooks w SET desired = 'rotated', overlap = how_long, next_try = NULL WHERE w.hub_id = h;
END
$$;
COMMENT ON FUNCTION webchatt.rotate_webhook_secret(text, interval) IS
	'has the hub make new signing secrets; the old ones stay valid for keep_old. webchatt.wait_for_webhooks() waits until they are in place';

CREATE FUNCTION webchatt.unregister_webhooks(hub text DEFAULT 'chatt2me') RETURNS int
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	h int := webchatt._kept_hub(hub);
	n int;
	never int;
BEGIN
	UPDATE webchatt.hub_reconciliation k SET wanted = k.wanted + 1, not_before = NULL WHERE k.hub_id = h;
	-- what the hub was never asked for is not there
	DELETE FROM webchatt.hub_webhooks w WHERE w.hub_id = h AND w.hub_webhook_id IS NULL AND w.state = 'waiting' AND w.asked_at IS NULL;
	GET DIAGNOSTICS never = ROW_COUNT;
	UPDATE webchatt.hub_webhooks w SET desired = 'gone', state = 'removing', next_try = NULL WHERE w.hub_id = h;
	GET DIAGNOSTICS n = ROW_COUNT;
	RETURN n + never;
END
$$;
COMMENT ON FUNCTION webchatt.unregister_webhooks(text) IS
	'has the worker remove our webhooks at a hub; their rows in webchatt.hub_webhooks go when the hub has said so. Returns how many there were';
