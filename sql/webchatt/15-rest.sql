----------------------------------------------------------------------------
-- The local hub's webhooks from SQL, and /v1/organization of the REST API
----------------------------------------------------------------------------

/* What is to be made good after an outage is asked for by the page. */
CREATE INDEX webhook_log_failed ON webchatt.webhook_log (webhook_id, id) WHERE NOT good;

/* Which addresses may be called is not said here: webchatt-net knows what a name stands for (src/net/client/address_policy.c). */
CREATE FUNCTION webchatt._check_endpoint(endpoint text) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	parts text[] := regexp_match(endpoint,
		'^(https?)://([A-Za-z0-9._-]+|[[][0-9A-Fa-f.]*:[0-9A-Fa-f:.]*[]])(?::([0-9]{1,5}))?([/?][!-~]*)?$');
	byte constant text := '(25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])';
	host text := lower(parts[2]);
BEGIN
	IF endpoint IS NULL THEN
		RAISE EXCEPTION 'the endpoint is NULL'
			USING ERRCODE = 'null_value_not_allowed',
				HINT = 'Give the URL that events are to be posted to, such as https://shop.example.com/events.';
	END IF;
	IF parts IS NULL OR length(endpoint) > 2048 OR endpoint ~ '#' OR strpos(endpoint, chr(92)) > 0 OR parts[3]::int NOT BETWEEN 1 AND 65535
		-- what some resolvers take for an address: 127.1, 0x7f000001, 2130706433
		OR host ~ '(^|[.])([0-9]+|0x[0-9a-f]*)[.]?$' AND host !~ ('^' || byte || '([.]' || byte || '){3}$')
		OR host ~ '^[.]|[.][.]' THEN
		RAISE EXCEPTION 'the endpoint is not a URL that events can be posted to'
			USING ERRCODE = 'invalid_parameter_value',
				HINT = 'Give it as https://host/path, at most 2048 visible characters of ASCII, without user name and fragment.';
	END IF;
	BEGIN
		IF host ~ '^[[]' THEN
			PERFORM btrim(host, '[]')::inet;
		END IF;
	EXCEPTION WHEN invalid_text_representation THEN
		RAISE EXCEPTION 'the endpoint''s host is not an address of IPv6'
			USING ERRCODE = 'invalid_parameter_value',
				HINT = 'Give it as https://host/path; an address of IPv6 stands in brackets, as in https://[2001:4860:4860::8888]/.';
	END;
	IF parts[1] = 'http' AND current_setting('webchatt.webhook_allowed_addresses') = '' THEN
		RAISE EXCEPTION 'the endpoint is not https'
			USING ERRCODE = 'invalid_parameter_value',
				HINT = 'Give an https:// URL; http:// is taken only to addresses that the operator allows (webchatt.webhook_allowed_addresses).';
	END IF;
END
$$;
COMMENT ON FUNCTION webchatt._check_endpoint(text) IS 'webchatt''s own: raises when a webhook cannot have that endpoint';

CREATE FUNCTION webchatt._check_headers(headers jsonb) RETURNS jsonb
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	shape constant text := 'Give at most 20 as [{"key": "Authorization", "value": "Bearer ..."}].';
	header jsonb;
	key text;
	keys text[] := '{}';
	checked jsonb := '[]';
BEGIN
	IF jsonb_typeof(headers) IS DISTINCT FROM 'array' OR jsonb_array_length(headers) > 20 THEN
		RAISE EXCEPTION 'the headers are not an array of at most 20'
			USING ERRCODE = 'invalid_parameter_value', HINT = shape;
	END IF;
	FOR header IN SELECT h FROM jsonb_array_elements(headers) h LOOP
		key := header ->> 'key';
		IF jsonb_typeof(header) <> 'object' OR jsonb_typeof(header -> 'key') IS DISTINCT FROM 'string'
			OR jsonb_typeof(header -> 'value') IS DISTINCT FROM 'string' THEN
			RAISE EXCEPTION 'header % is not a key and a value, both strings', cardinality(keys) + 1
				USING ERRCODE = 'invalid_parameter_value', HINT = shape;
		END IF;
		IF key !~ '^[-!#$%&''*+.^_`|~0-9A-Za-z]{1,128}$' THEN
			RAISE EXCEPTION 'the name of header % is not one', cardinality(keys) + 1
				USING ERRCODE = 'invalid_parameter_value',
					HINT = 'A name has 1 to 128 letters, digits and !#$%&''*+-.^_`|~, without a colon.';
		END IF;
		IF header ->> 'value' !~ '^[!-~]([ -~]*[!-~])?$' OR length(header ->> 'value') > 1024 THEN
			RAISE EXCEPTION 'the value of header % cannot be sent', key
				USING ERRCODE = 'invalid_parameter_value',
					HINT = 'A value has 1 to 1024 printable characters of ASCII, and no blank at its ends.';
		END IF;
		IF lower(key) ~ '^(host|connection|keep-alive|te|trailer|transfer-encoding|upgrade|expect|content-.*|proxy-.*|x-hub-.*|x-validation-token)$' THEN
			RAISE EXCEPTION 'header % is one of those that webchatt sets itself', key
				USING ERRCODE = 'invalid_parameter_value',
					HINT = 'Host, Content-..., X-Hub-..., X-Validation-Token and what belongs to the connection cannot be given.';
		END IF;
		IF lower(key) = ANY (keys) THEN
			RAISE EXCEPTION 'header % is given twice', key
				USING ERRCODE = 'invalid_parameter_value', HINT = 'Give each header once, in any case of letters.';
		END IF;
		keys := keys || lower(key);
		checked := checked || jsonb_build_object('key', key, 'value', header ->> 'value');
	END LOOP;
	RETURN checked;
END
$$;
COMMENT ON FUNCTION webchatt._check_headers(jsonb) IS
	'webchatt''s own: a webhook''s headers without members that mean nothing, or an error that says what is wrong with them';

CREATE FUNCTION webchatt._check_webhook(webhook webchatt.webhooks) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	IF webhook.label IS NULL OR btrim(webhook.label) = '' OR char_length(webhook.label) > 200 OR webhook.label ~ '[[:cntrl:]]' THEN
		RAISE EXCEPTION 'the label is not 1 to 200 characters in one line'
			USING ERRCODE = CASE WHEN webhook.label IS NULL THEN 'null_value_not_allowed' ELSE 'invalid_parameter_value' END,
				HINT = 'Say in words whose webhook it is.';
	END IF;
	IF webhook.event_type IS NULL OR webhook.event_type NOT IN ('Message', 'MessageStatus', 'Unread') THEN
		RAISE EXCEPTION 'event type % is not one', coalesce(quote_literal(left(webhook.event_type, 100)), 'NULL')
			USING ERRCODE = CASE WHEN webhook.event_type IS NULL THEN 'null_value_not_allowed' ELSE 'invalid_parameter_value' END,
				HINT = 'Use Message for what visitors write, MessageStatus for what becomes of messages sent by the REST API, Unread for who was written to while away and did not come back.';
	END IF;
	IF length(webhook.scope) > 1024 THEN
		RAISE EXCEPTION 'the scope has % characters', length(webhook.scope)
			USING ERRCODE = 'invalid_parameter_value', HINT = 'A scope has at most 1024; webchatt only keeps it.';
	END IF;
	PERFORM webchatt._check_endpoint(webhook.endpoint);
END
$$;
COMMENT ON FUNCTION webchatt._check_webhook(webchatt.webhooks) IS 'webchatt''s own: raises when a webhook cannot be so';

CREATE FUNCTION webchatt._find_webhook(id uuid) RETURNS webchatt.webhooks
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	webhook webchatt.webhooks;
BEGIN
	SELECT * INTO webhook FROM webchatt.webhooks w WHERE w.id = _find_webhook.id FOR UPDATE;
	IF NOT FOUND THEN
		RAISE EXCEPTION 'there is no webhook %', coalesce(_find_webhook.id::text, 'NULL')
			USING ERRCODE = 'undefined_object',
				HINT = 'SELECT id, label FROM webchatt.webhooks lists them.';
	END IF;
	RETURN webhook;
END
$$;
COMMENT ON FUNCTION webchatt._find_webhook(uuid) IS 'webchatt''s own: a webhook of the local hub, locked, or an error';

CREATE FUNCTION webchatt._new_webhook_secret() RETURNS text
LANGUAGE sql SET search_path = pg_catalog, pg_temp AS $$ SELECT webchatt._random_token('whsec_', 32) $$;
COMMENT ON FUNCTION webchatt._new_webhook_secret() IS 'webchatt''s own: a signing secret';

CREATE FUNCTION webchatt._make_webhook(
	key int, label text, endpoint text, event_type text, headers jsonb, signed boolean, scope text, OUT id uuid, OUT secret text)
RETURNS record
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	webhook webchatt.webhooks;
BEGIN
	webhook.id := gen_random_uuid();
	webhook.label := _make_webhook.label;
	webhook.endpoint := _make_webhook.endpoint;
	webhook.event_type := _make_webhook.event_type;
	webhook.scope := nullif(_make_webhook.scope, '');
	PERFORM webchatt._check_webhook(webhook);
	webhook.headers := webchatt._check_headers(coalesce(_make_webhook.headers, '[]'));
	IF (SELECT count(*) FROM webchatt.webhooks) >= 100 THEN
		RAISE EXCEPTION 'there are 100 webhooks already'
			USING ERRCODE = 'program_limit_exceeded',
				HINT = 'Delete one that nobody needs: webchatt.webhooks lists them.';
	END IF;
	IF (SELECT count(*) FROM webchatt.webhooks w WHERE w.key_id = key) >= 20 THEN
		RAISE EXCEPTION 'this API key has 20 webhooks already'
			USING ERRCODE = 'program_limit_exceeded', HINT = 'Delete one that is not needed.';
	END IF;
	IF coalesce(_make_webhook.signed, true) THEN
		webhook.secret := webchatt._new_webhook_secret();
	END IF;
	INSERT INTO webchatt.webhooks AS w (id, key_id, label, endpoint, event_type, headers, scope, secret)
	VALUES (webhook.id, key, webhook.label, webhook.endpoint, webhook.event_type, webhook.headers, webhook.scope, webhook.secret);
	-- what was published before is not for this one
	INSERT INTO webchatt.webhook_progress (webhook_id, done_upto)
	VALUES (webhook.id, coalesce(pg_sequence_last_value('webchatt.feed_seq_seq'::regclass), 0));
	_make_webhook.id := webhook.id;
	_make_webhook.secret := webhook.secret;
END
$$;
COMMENT ON FUNCTION webchatt._make_webhook(int, text, text, text, jsonb, boolean, text) IS
	'webchatt''s own: makes a webhook that belongs to an API key, or to nobody who comes by the REST API';

CREATE FUNCTION webchatt.create_webhook(
	label text, endpoint text, event_type text, headers jsonb DEFAULT '[]', signed boolean DEFAULT true, scope text DEFAULT NULL,
	OUT id uuid, OUT secret text)
RETURNS record
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET plan_cache_mode = force_generic_plan AS $$
BEGIN
	SELECT m.id, m.secret INTO create_webhook.id, create_webhook.secret
	FROM webchatt._make_webhook(NULL, label, endpoint, event_type, headers, signed, scope) m;
END
$$;
COMMENT ON FUNCTION webchatt.create_webhook(text, text, text, jsonb, boolean, text) IS
	'makes a webhook of the local hub: events are posted to the endpoint once it has answered its verification. secret is the key of X-hub-Signature, shown this once';

CREATE FUNCTION webchatt._origin_of(endpoint text) RETURNS text
LANGUAGE sql IMMUTABLE STRICT SET search_path = pg_catalog, pg_temp AS $$
	SELECT lower(p[1]) || '://' || lower(p[2]) || ':' || coalesce(p[3]::int, CASE lower(p[1]) WHEN 'https' THEN 443 ELSE 80 END)
	FROM regexp_match(endpoint, '^(https?)://([[][^]]*[]]|[^:/?]+)(?::([0-9]{1,5}))?', 'i') p
$$;
COMMENT ON FUNCTION webchatt._origin_of(text) IS 'webchatt''s own: scheme, host and port of a URL';

CREATE FUNCTION webchatt.alter_webhook(
	id uuid, label text DEFAULT NULL, endpoint text DEFAULT NULL, headers jsonb DEFAULT NULL, active boolean DEFAULT NULL,
	signed boolean DEFAULT NULL, scope text DEFAULT NULL)
RETURNS text
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET plan_cache_mode = force_generic_plan AS $$
DECLARE
	webhook webchatt.webhooks := webchatt._find_webhook(alter_webhook.id);
	new_secret text;
	moved boolean := false;
BEGIN
	IF alter_webhook.endpoint <> webhook.endpoint THEN
		webhook.verified_at := NULL;
		-- what somebody else's server was told is not for this one
		moved := webchatt._origin_of(alter_webhook.endpoint) IS DISTINCT FROM webchatt._origin_of(webhook.endpoint);
	END IF;
	webhook.label := coalesce(alter_webhook.label, webhook.label);
	webhook.endpoint := coalesce(alter_webhook.endpoint, webhook.endpoint);
	webhook.scope := nullif(coalesce(alter_webhook.scope, webhook.scope), '');
	PERFORM webchatt._check_webhook(webhook);
	IF alter_webhook.headers IS NOT NULL THEN
		webhook.headers := webchatt._check_headers(alter_webhook.headers);
	ELSIF moved THEN
		webhook.headers := '[]';
	END IF;
	IF alter_webhook.active IS NOT NULL THEN
		webhook.active := alter_webhook.active;
		webhook.paused_reason := NULL;
	END IF;
	IF alter_webhook.signed AND webhook.secret IS NULL OR moved AND webhook.secret IS NOT NULL AND alter_webhook.signed IS NOT false THEN
		new_secret := webchatt._new_webhook_secret();
		webhook.secret := new_secret;
	ELSIF NOT alter_webhook.signed THEN
		webhook.secret := NULL;
	END IF;
	UPDATE webchatt.webhooks w SET label = webhook.label, endpoint = webhook.endpoint, headers = webhook.headers,
		scope = webhook.scope, secret = webhook.secret, active = webhook.active, paused_reason = webhook.paused_reason,
		verified_at = webhook.verified_at, modified_at = now()
	WHERE w.id = webhook.id;
	RETURN new_secret;
END
$$;
COMMENT ON FUNCTION webchatt.alter_webhook(uuid, text, text, jsonb, boolean, boolean, text) IS
	'changes a webhook of the local hub; what is NULL stays. Returns the new secret when there is one, else NULL. Another endpoint is verified first, and one of another origin gets neither the headers nor the secret of the old one: give the headers again, and use the secret that is returned; active starts again one that was paused; an empty scope removes it; the id alone has an endpoint that is not verified asked again at once';

CREATE FUNCTION webchatt.delete_webhook(id uuid) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	PERFORM webchatt._find_webhook(delete_webhook.id);
	DELETE FROM webchatt.webhooks w WHERE w.id = delete_webhook.id;
END
$$;
COMMENT ON FUNCTION webchatt.delete_webhook(uuid) IS 'ends a webhook of the local hub; what was not delivered to it is not any more';

CREATE FUNCTION webchatt.redefine_webhook_secret(id uuid) RETURNS text
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	webhook webchatt.webhooks := webchatt._find_webhook(redefine_webhook_secret.id);
	new_secret text := webchatt._new_webhook_secret();
BEGIN
	IF webhook.secret IS NULL THEN
		RAISE EXCEPTION 'webhook % does not sign', webhook.id
			USING ERRCODE = 'object_not_in_prerequisite_state',
				HINT = 'Turn signing on (requiresSignature; in SQL webchatt.alter_webhook(id, signed => true)), which gives a secret.';
	END IF;
	UPDATE webchatt.webhooks w SET secret = new_secret, modified_at = now() WHERE w.id = webhook.id;
	RETURN new_secret;
END
$$;
COMMENT ON FUNCTION webchatt.redefine_webhook_secret(uuid) IS
	'gives a webhook of the local hub a new signing secret and returns it; deliveries are signed with it from the commit on';

CREATE FUNCTION webchatt.retry_webhook_log(webhook uuid, logs uuid[])
RETURNS TABLE (webhook_log_id uuid, success boolean, new_log_id uuid)
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	event bigint;
BEGIN
	IF NOT EXISTS (SELECT FROM webchatt.webhooks w WHERE w.id = webhook) THEN
		RAISE EXCEPTION 'there is no webhook %', coalesce(webhook::text, 'NULL')
			USING ERRCODE = 'undefined_object',
				HINT = 'SELECT id, label FROM webchatt.webhooks lists them.';
	END IF;
	IF logs IS NULL OR cardinality(logs) > 100 THEN
		RAISE EXCEPTION 'retries are asked for by 1 to 100 ids, not %', coalesce(cardinality(logs)::text, 'NULL')
			USING ERRCODE = 'invalid_parameter_value',
				HINT = 'Give the ids of attempts in webchatt.webhook_log, at most 100 at a time.';
	END IF;
	FOREACH webhook_log_id IN ARRAY logs LOOP
		new_log_id := NULL;
		SELECT l.seq INTO event FROM webchatt.webhook_log l
		WHERE l.webhook_id = webhook AND l.id = webhook_log_id AND EXISTS (SELECT FROM webchatt.feed e WHERE e.seq = l.seq
			AND (SELECT k.channels IS NULL OR e.channel_id = ANY (k.channels) FROM webchatt.webhooks w
				LEFT JOIN webchatt.api_keys k ON k.id = w.key_id WHERE w.id = webhook));
		success := FOUND;
		IF success THEN
			-- one that waits already is the one that is asked for
			SELECT r.log_id INTO new_log_id FROM webchatt.webhook_retries r WHERE r.webhook_id = webhook AND r.seq = event LIMIT 1;
			IF NOT FOUND THEN
				-- version 7, for the log is read in the order of its ids
				new_log_id := lpad(to_hex(floor(date_part('epoch', clock_timestamp()) * 1000)::bigint), 12, '0') || '7'
					|| right(replace(gen_random_uuid()::text, '-', ''), 19);
				INSERT INTO webchatt.webhook_retries (webhook_id, log_id, seq) VALUES (webhook, new_log_id, event);
			END IF;
		END IF;
		RETURN NEXT;
	END LOOP;
END
$$;
COMMENT ON FUNCTION webchatt.retry_webhook_log(uuid, uuid[]) IS
	'has the events of up to 100 attempts delivered again; new_log_id is the id that the new attempt will have. success is false for an attempt that is not known, or whose event is no longer kept';

----------------------------------------------------------------------------
-- The same by HTTP (doc/hub-contract.md, section 2): the worker answers with these
----------------------------------------------------------------------------

CREATE FUNCTION webchatt._application_id() RETURNS uuid
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
	SELECT (left(h, 12) || '4' || substr(h, 14, 3) || '8' || substr(h, 18))::uuid
	FROM pg_control_system() c, pg_database d, md5(c.system_identifier || '/' || d.oid) h
	WHERE d.datname = current_database()
$$;
COMMENT ON FUNCTION webchatt._application_id() IS
	'webchatt''s own: the applicationId of this hub, made of the cluster''s system identifier and the database''s oid';

CREATE FUNCTION webchatt._rest_time(at timestamptz) RETURNS text
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
	SELECT to_char(at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')
$$;
COMMENT ON FUNCTION webchatt._rest_time(timestamptz) IS 'webchatt''s own: a time as the REST API has it';

CREATE FUNCTION webchatt._rest_uuid(given text) RETURNS uuid
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
	SELECT CASE WHEN given ~* '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$' THEN given::uuid END
$$;
COMMENT ON FUNCTION webchatt._rest_uuid(text) IS 'webchatt''s own: an id in its canonical form; null: it is none';

CREATE FUNCTION webchatt._rest_number(query text, name text, standard int, lowest int, highest int) RETURNS int
LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	given text := (regexp_match(query, '(?:^|&)' || name || '=([^&]*)'))[1];
BEGIN
	IF given IS NULL THEN
		RETURN standard;
	END IF;
	IF given !~ '^[0-9]{1,9}$' OR given::int NOT BETWEEN lowest AND highest THEN
		RAISE EXCEPTION '"%" is not a number from % to %', name, lowest, highest
			USING ERRCODE = 'invalid_parameter_value', HINT = format('Left out, it is %s.', standard);
	END IF;
	RETURN given::int;
END
$$;
COMMENT ON FUNCTION webchatt._rest_number(text, text, int, int, int) IS 'webchatt''s own: a number in a query';

CREATE FUNCTION webchatt._rest_member(body jsonb, name text, kind text) RETURNS text
LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	IF jsonb_typeof(body -> name) NOT IN (kind, 'null') THEN
		RAISE EXCEPTION '"%" is of type %, not %', name, jsonb_typeof(body -> name), kind
			USING ERRCODE = 'invalid_parameter_value', HINT = format('Give it as a %s, or leave it out.', kind);
	END IF;
	RETURN body ->> name;
END
$$;
COMMENT ON FUNCTION webchatt._rest_member(jsonb, text, text) IS 'webchatt''s own: a string or a boolean of a body, null where it has none';

CREATE FUNCTION webchatt._rest_webhook(webhook webchatt.webhooks, secret text DEFAULT NULL) RETURNS jsonb
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
	SELECT jsonb_build_object('id', webhook.id, 'applicationId', webchatt._application_id(), 'active', webhook.active,
			'label', webhook.label, 'eventType', webhook.event_type, 'endpoint', webhook.endpoint,
			'numberOfErrors', coalesce((SELECT p.failures FROM webchatt.webhook_progress p WHERE p.webhook_id = webhook.id), 0),
			'authenticationProtocol', 'NoAuthentication', 'scope', webhook.scope,
			'isVerified', webhook.verified_at IS NOT NULL, 'verifiedAt', webchatt._rest_time(webhook.verified_at),
			'createdDate', webchatt._rest_time(webhook.created_at), 'lastModifiedDate', webchatt._rest_time(webhook.modified_at),
			'requiresSignature', webhook.secret IS NOT NULL, 'pausedReason', webhook.paused_reason,
			-- whoever has a key is not told what inner names stand for
			'lastError', (SELECT regexp_replace(p.last_error, ': [0-9a-f.:]+ is an address', ' is at an address')
				FROM webchatt.webhook_progress p WHERE p.webhook_id = webhook.id))
		|| CASE WHEN secret IS NULL THEN '{}' ELSE jsonb_build_object('signingSecret', secret) END
$$;
COMMENT ON FUNCTION webchatt._rest_webhook(webchatt.webhooks, text) IS
	'webchatt''s own: a webhook as the REST API shows it; requiresSignature, pausedReason and lastError are ours';

CREATE FUNCTION webchatt._rest_page(data jsonb, skipped int, most int, total bigint) RETURNS jsonb
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
	SELECT jsonb_build_object('data', coalesce(data, '[]'), 'pagination', jsonb_build_object(
		'offset', skipped, 'limit', most, 'total', total, 'totalPages', (total + most - 1) / most))
$$;
COMMENT ON FUNCTION webchatt._rest_page(jsonb, int, int, bigint) IS 'webchatt''s own: a page of a list as the REST API has it';

CREATE FUNCTION webchatt._rest_list(key int, query text) RETURNS jsonb
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	skipped int := webchatt._rest_number(query, 'offset', 0, 0, 100000);
	most int := webchatt._rest_number(query, 'limit', 20, 1, 50);
BEGIN
	RETURN webchatt._rest_page(
		(SELECT jsonb_agg(webchatt._rest_webhook(w) ORDER BY w.n) FROM (SELECT * FROM webchatt.webhooks h
			WHERE h.key_id = key ORDER BY h.n OFFSET skipped LIMIT most) w),
		skipped, most, (SELECT count(*) FROM webchatt.webhooks h WHERE h.key_id = key));
END
$$;
COMMENT ON FUNCTION webchatt._rest_list(int, text) IS 'webchatt''s own: GET /v1/organization/webhook';

CREATE FUNCTION webchatt._rest_check_protocol(body jsonb) RETURNS void
LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	IF webchatt._rest_member(body, 'authenticationProtocol', 'string') <> 'NoAuthentication' THEN
		RAISE EXCEPTION '"authenticationProtocol" can only be NoAuthentication here'
			USING ERRCODE = 'invalid_parameter_value',
				HINT = 'Put credentials into headers, such as {"key": "Authorization", "value": "Bearer ..."}.';
	END IF;
END
$$;
COMMENT ON FUNCTION webchatt._rest_check_protocol(jsonb) IS 'webchatt''s own: raises for a way to authenticate that is not done here';

CREATE FUNCTION webchatt._rest_create(key int, body jsonb) RETURNS jsonb
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	webhook webchatt.webhooks;
	made record;
BEGIN
	PERFORM webchatt._rest_check_protocol(body);
	made := webchatt._make_webhook(key,
		webchatt._rest_member(body, 'label', 'string'), webchatt._rest_member(body, 'endpoint', 'string'),
		webchatt._rest_member(body, 'eventType', 'string'), nullif(body -> 'headers', 'null'),
		coalesce(webchatt._rest_member(body, 'requiresSignature', 'boolean')::boolean, false),
		webchatt._rest_member(body, 'scope', 'string'));
	SELECT * INTO webhook FROM webchatt.webhooks w WHERE w.id = made.id;
	RETURN webchatt._rest_webhook(webhook, made.secret);
END
$$;
COMMENT ON FUNCTION webchatt._rest_create(int, jsonb) IS 'webchatt''s own: POST /v1/organization/webhook';

CREATE FUNCTION webchatt._rest_alter(webhook webchatt.webhooks, body jsonb) RETURNS jsonb
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	new_secret text;
BEGIN
	PERFORM webchatt._rest_check_protocol(body);
	IF webchatt._rest_member(body, 'eventType', 'string') <> webhook.event_type THEN
		RAISE EXCEPTION '"eventType" cannot be changed'
			USING ERRCODE = 'invalid_parameter_value', HINT = 'Create another webhook for the other events.';
	END IF;
	new_secret := webchatt.alter_webhook(webhook.id,
		label => webchatt._rest_member(body, 'label', 'string'), endpoint => webchatt._rest_member(body, 'endpoint', 'string'),
		headers => nullif(body -> 'headers', 'null'), active => webchatt._rest_member(body, 'active', 'boolean')::boolean,
		signed => webchatt._rest_member(body, 'requiresSignature', 'boolean')::boolean,
		scope => CASE WHEN body ? 'scope' THEN coalesce(webchatt._rest_member(body, 'scope', 'string'), '') END);
	SELECT * INTO webhook FROM webchatt.webhooks w WHERE w.id = webhook.id;
	RETURN webchatt._rest_webhook(webhook, new_secret);
END
$$;
COMMENT ON FUNCTION webchatt._rest_alter(webchatt.webhooks, jsonb) IS 'webchatt''s own: PATCH /v1/organization/webhook/{id}';

CREATE FUNCTION webchatt._rest_redefine(webhook webchatt.webhooks) RETURNS jsonb
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	new_secret text := webchatt.redefine_webhook_secret(webhook.id);
BEGIN
	SELECT * INTO webhook FROM webchatt.webhooks w WHERE w.id = webhook.id;
	RETURN webchatt._rest_webhook(webhook, new_secret);
END
$$;
COMMENT ON FUNCTION webchatt._rest_redefine(webchatt.webhooks) IS
	'webchatt''s own: POST /v1/organization/webhook/{id}/signature, whose path is ours';

/*
 * The log can have millions of rows, and whatever the statistics say it is read
 * by its indexes.  Everybody waits with the worker, so a page cannot lie deeper
 * than 100,000 rows, and of the total no more are counted than 10,000, or one
 * behind the page: who reads on sees it grow.
 */
CREATE FUNCTION webchatt._rest_logs(webhook webchatt.webhooks, query text) RETURNS jsonb
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off SET enable_bitmapscan = off SET enable_sort = off AS $$
DECLARE
	skipped int := webchatt._rest_number(query, 'offset', 0, 0, 100000);
	most int := webchatt._rest_number(query, 'limit', 20, 1, 50);
	wanted text := (regexp_match(query, '(?:^|&)status=([^&]*)'))[1];
	enough constant int := greatest(10000, skipped + most + 1);
	ids uuid[];
	total bigint;
BEGIN
	IF wanted NOT IN ('Success', 'Failed', 'Error') THEN
		RAISE EXCEPTION '"status" is neither Success nor Failed'
			USING ERRCODE = 'invalid_parameter_value', HINT = 'Left out, all attempts are listed.';
	ELSIF wanted IS NULL THEN
		ids := ARRAY(SELECT l.id FROM webchatt.webhook_log l WHERE l.webhook_id = webhook.id
			ORDER BY l.webhook_id DESC, l.id DESC OFFSET skipped LIMIT most);
		SELECT count(*) INTO total FROM (SELECT FROM webchatt.webhook_log l WHERE l.webhook_id = webhook.id LIMIT enough) x;
	ELSIF wanted = 'Success' THEN
		ids := ARRAY(SELECT l.id FROM webchatt.webhook_log l WHERE l.webhook_id = webhook.id AND l.good
			ORDER BY l.webhook_id DESC, l.id DESC OFFSET skipped LIMIT most);
		SELECT count(*) INTO total FROM (SELECT FROM webchatt.webhook_log l WHERE l.webhook_id = webhook.id AND l.good LIMIT enough) x;
	ELSE
		ids := ARRAY(SELECT l.id FROM webchatt.webhook_log l WHERE l.webhook_id = webhook.id AND NOT l.good
			ORDER BY l.webhook_id DESC, l.id DESC OFFSET skipped LIMIT most);
		SELECT count(*) INTO total FROM (SELECT FROM webchatt.webhook_log l WHERE l.webhook_id = webhook.id AND NOT l.good LIMIT enough) x;
	END IF;
	RETURN webchatt._rest_page(
		(SELECT jsonb_agg(jsonb_build_object('id', l.id, 'webhookId', l.webhook_id, 'statusCode', l.status_code,
				'responseBody', l.answer, 'status', CASE WHEN l.good THEN 'Success' ELSE 'Failed' END,
				'sendAt', webchatt._rest_time(l.sent_at),
				'createdDate', webchatt._rest_time(l.sent_at + make_interval(secs => l.duration_us / 1e6)),
				'messageId', l.message_id,
				'webhook', jsonb_build_object('id', l.webhook_id, 'endpoint', l.endpoint, 'eventType', l.event_type),
				'deliveryId', l.delivery_id, 'attempt', l.attempt, 'durationMs', round(l.duration_us / 1000.0, 1),
				'errorMessage', regexp_replace(l.error, '[^[:space:]]+ is an address that webhooks are not delivered to.*', 'its address is one that webhooks are not delivered to')) ORDER BY l.id DESC)
			FROM webchatt.webhook_log l WHERE l.webhook_id = webhook.id AND l.id = ANY (ids)),
		skipped, most, total);
END
$$;
COMMENT ON FUNCTION webchatt._rest_logs(webchatt.webhooks, text) IS
	'webchatt''s own: GET /v1/organization/webhook/{id}/webhook-log, newest first; deliveryId, attempt, durationMs and errorMessage are ours';

CREATE FUNCTION webchatt._rest_retries(webhook webchatt.webhooks, body jsonb) RETURNS jsonb
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	asked jsonb := body -> 'webhookLogIds';
BEGIN
	IF jsonb_typeof(asked) IS DISTINCT FROM 'array' OR jsonb_array_length(asked) > 100
		OR EXISTS (SELECT FROM jsonb_array_elements(asked) a WHERE jsonb_typeof(a) <> 'string') THEN
		RAISE EXCEPTION '"webhookLogIds" is not an array of at most 100 ids'
			USING ERRCODE = 'invalid_parameter_value', HINT = 'Give the ids of logs as strings, as webhook-log lists them.';
	END IF;
	RETURN (SELECT jsonb_build_object('results', coalesce(jsonb_agg(jsonb_build_object(
			'webhookLogId', a.given, 'success', coalesce(r.success, false), 'newLogId', r.new_log_id) ORDER BY a.n), '[]'))
		FROM jsonb_array_elements_text(asked) WITH ORDINALITY a (given, n)
		LEFT JOIN ROWS FROM (webchatt.retry_webhook_log(webhook.id,
			ARRAY(SELECT webchatt._rest_uuid(x) FROM jsonb_array_elements_text(asked) WITH ORDINALITY y (x, n) ORDER BY n)))
			WITH ORDINALITY r (webhook_log_id, success, new_log_id, n) ON r.n = a.n);
END
$$;
COMMENT ON FUNCTION webchatt._rest_retries(webchatt.webhooks, jsonb) IS
	'webchatt''s own: POST /v1/organization/webhook/{id}/webhook-log/retry';

CREATE FUNCTION webchatt._rest_error(message text, code text) RETURNS jsonb
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
	SELECT jsonb_build_object('errorMessage', upper(left(message, 1)) || substr(message, 2), 'errorCode', code)
$$;
COMMENT ON FUNCTION webchatt._rest_error(text, text) IS 'webchatt''s own: what the REST API says when it refuses';

CREATE FUNCTION webchatt._rest(key int, method text, path text, query text, request text, OUT status int, OUT body jsonb)
RETURNS record
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET plan_cache_mode = force_generic_plan AS $$
DECLARE
	base constant text := '/v1/organization/webhook';
	steps text[] := string_to_array(substr(path, length(base) + 2), '/');
	asked text := concat_ws(' ', method, nullif(array_to_string(CASE WHEN cardinality(steps) > 1 THEN
		ARRAY['id', steps[2]] || CASE cardinality(steps) WHEN 3 THEN ARRAY[steps[3]] WHEN 4 THEN ARRAY['id', steps[4]]
			WHEN 2 THEN '{}' ELSE ARRAY['?', '?', '?'] END
		WHEN cardinality(steps) = 1 THEN ARRAY['id'] END, '/'), ''));
	given jsonb;
	webhook webchatt.webhooks;
	log uuid;
	message text;
	hint text;
BEGIN
	IF path ~ '^/v1/communication/' THEN
		SELECT v.status, v.body INTO status, body FROM webchatt._rest_visitor(key, method, path, query, request) v;
		RETURN;
	END IF;
	IF NOT EXISTS (SELECT FROM webchatt.api_keys k WHERE k.id = key AND k.revoked_at IS NULL AND 'webhooks' = ANY (k.scopes)) THEN
		status := 401;
		body := webchatt._rest_error('The x-api-key is not known here any more.', 'api_key_unknown');
		RETURN;
	END IF;
	IF asked NOT IN ('GET', 'POST', 'GET id', 'PATCH id', 'DELETE id', 'POST id/signature', 'GET id/webhook-log',
		'POST id/webhook-log/retry', 'POST id/webhook-log/id/retry') OR path <> base AND path !~ ('^' || base || '/.') THEN
		status := 404;
		body := webchatt._rest_error(format('There is nothing for %s at this path.', method), 'not_found');
		RETURN;
	END IF;
	IF cardinality(steps) > 0 THEN
		SELECT * INTO webhook FROM webchatt.webhooks w WHERE w.id = webchatt._rest_uuid(steps[1]) AND w.key_id = key;
		IF NOT FOUND THEN
			status := 404;
			body := webchatt._rest_error('There is no webhook with this id.', 'not_found');
			RETURN;
		END IF;
	END IF;
	given := coalesce(nullif(request, '')::jsonb, '{}');
	IF jsonb_typeof(given) <> 'object' THEN
		RAISE EXCEPTION 'the body is not a JSON object' USING ERRCODE = 'invalid_parameter_value', HINT = 'Give one as {...}.';
	END IF;
	status := 200;
	CASE asked
		WHEN 'GET' THEN
			body := webchatt._rest_list(key, query);
		WHEN 'POST' THEN
			status := 201;
			body := webchatt._rest_create(key, given);
		WHEN 'GET id' THEN
			body := webchatt._rest_webhook(webhook);
		WHEN 'PATCH id' THEN
			body := webchatt._rest_alter(webhook, given);
		WHEN 'DELETE id' THEN
			status := 204;
			PERFORM webchatt.delete_webhook(webhook.id);
		WHEN 'POST id/signature' THEN
			body := webchatt._rest_redefine(webhook);
		WHEN 'GET id/webhook-log' THEN
			body := webchatt._rest_logs(webhook, query);
		WHEN 'POST id/webhook-log/retry' THEN
			body := webchatt._rest_retries(webhook, given);
		ELSE
			log := webchatt._rest_uuid(steps[3]);
			IF NOT EXISTS (SELECT FROM webchatt.webhook_log l WHERE l.webhook_id = webhook.id AND l.id = log) THEN
				status := 404;
				body := webchatt._rest_error('This webhook has no log with this id.', 'not_found');
				RETURN;
			END IF;
			SELECT jsonb_build_object('success', r.success, 'newLogId', r.new_log_id) INTO body
			FROM webchatt.retry_webhook_log(webhook.id, ARRAY[log]) r;
	END CASE;
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS message = MESSAGE_TEXT, hint = PG_EXCEPTION_HINT;
	IF SQLSTATE NOT IN ('22004', '22023', '54000', '55000') THEN
		RAISE;
	END IF;
	status := 400;
	body := webchatt._rest_error(concat_ws('. ', message, nullif(hint, '')), 'invalid_payload');
END
$$;
COMMENT ON FUNCTION webchatt._rest(int, text, text, text, text) IS
	'webchatt''s own: answers a request for /v1/organization/webhook or below, whose key webchatt-net has checked: a key sees the webhooks that it made; one for a visitor is _rest_visitor()''s';
