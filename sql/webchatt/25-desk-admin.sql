----------------------------------------------------------------------------
-- The desk, for admins: webhooks, API keys, remote hubs, rejects, who is signed in.
-- No secret is in what these return, but for the one that a call has just made
----------------------------------------------------------------------------

CREATE FUNCTION webchatt._desk_number(args jsonb, name text, needed boolean DEFAULT true) RETURNS bigint
LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	RETURN webchatt._desk_arg(args, name, 'number', needed)::bigint;
END
$$;
COMMENT ON FUNCTION webchatt._desk_number(jsonb, text, boolean) IS 'webchatt''s own: an argument that is a whole number';

CREATE FUNCTION webchatt._desk_flag(args jsonb, name text, needed boolean DEFAULT false) RETURNS boolean
LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	RETURN webchatt._desk_arg(args, name, 'boolean', needed)::boolean;
END
$$;
COMMENT ON FUNCTION webchatt._desk_flag(jsonb, text, boolean) IS 'webchatt''s own: an argument that is true or false';

CREATE FUNCTION webchatt._desk_list(args jsonb, name text, kind text, needed boolean DEFAULT true) RETURNS text[]
LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	list jsonb := webchatt._desk_arg(args, name, 'array', needed);
BEGIN
	IF list IS NULL THEN
		RETURN NULL;
	END IF;
	IF EXISTS (SELECT FROM jsonb_array_elements(list) e WHERE jsonb_typeof(e) <> kind) THEN
		RAISE EXCEPTION '"%" has an element that is no %', name, kind
			USING ERRCODE = 'invalid_parameter_value', HINT = format('All of them have to be of type %s.', kind);
	END IF;
	RETURN ARRAY(SELECT jsonb_array_elements_text(list));
END
$$;
COMMENT ON FUNCTION webchatt._desk_list(jsonb, text, text, boolean) IS 'webchatt''s own: an argument that is an array of strings, or of numbers; null: it was not given, and is not needed';

CREATE FUNCTION webchatt._desk_chosen(args jsonb, kind text) RETURNS text[]
LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	chosen text[] := webchatt._desk_list(args, 'ids', kind);
BEGIN
	IF cardinality(chosen) NOT BETWEEN 1 AND 100 THEN
		RAISE EXCEPTION '"ids" has % elements', cardinality(chosen)
			USING ERRCODE = 'invalid_parameter_value', HINT = 'Give 1 to 100.';
	END IF;
	RETURN chosen;
END
$$;
COMMENT ON FUNCTION webchatt._desk_chosen(jsonb, text) IS 'webchatt''s own: the argument ids, of strings or of numbers';

----------------------------------------------------------------------------
-- Webhooks of the local hub
----------------------------------------------------------------------------

/* As webchatt.feeds, but by id, and of the events that wait no more are looked at than 1,000: pages ask for it all the time. */
CREATE FUNCTION webchatt._desk_webhooks(one uuid, below int, most int) RETURNS TABLE (n int, webhook jsonb)
LANGUAGE plpgsql STABLE ROWS 50 SET search_path = pg_catalog, pg_temp SET plan_cache_mode = force_generic_plan
SET jit = off SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off SET enable_bitmapscan = off AS $$
BEGIN
	RETURN QUERY SELECT w.n, jsonb_build_object('id', w.id, 'label', w.label, 'endpoint', w.endpoint, 'eventType', w.event_type,
			'headers', (SELECT coalesce(jsonb_agg(h -> 'key' ORDER BY i), '[]') FROM jsonb_array_elements(w.headers) WITH ORDINALITY e (h, i)),
			'signed', w.secret IS NOT NULL, 'scope', w.scope, 'apiKey', k.label, 'channels', k.channels,
			'state', CASE WHEN k.revoked_at IS NOT NULL OR 'webhooks' <> ALL (k.scopes) OR NOT w.active THEN 'paused'
				WHEN w.verified_at IS NULL THEN 'verifying' WHEN p.failing_since IS NOT NULL THEN 'failing' ELSE 'delivering' END,
			'active', w.active,
			'reason', CASE WHEN k.revoked_at IS NOT NULL THEN 'its API key was revoked'
				WHEN 'webhooks' <> ALL (k.scopes) THEN 'its API key is no longer for webhooks' ELSE w.paused_reason END,
			'createdAt', w.created_at, 'verifiedAt', w.verified_at, 'failingSince', p.failing_since, 'lastError', p.last_error,
			'lastSuccessAt', p.last_success_at, 'lost', coalesce(p.lost, 0),
			'behind', b.behind, 'behindSince', b.oldest, 'behindMore', b.seen = 1000,
			'retries', (SELECT count(*) FROM webchatt.webhook_retries r WHERE r.webhook_id = w.id),
			'last', (SELECT jsonb_build_object('at', l.sent_at, 'good', l.good, 'statusCode', l.status_code, 'error', l.error)
				FROM webchatt.webhook_log l WHERE l.webhook_id = w.id ORDER BY l.webhook_id DESC, l.id DESC LIMIT 1))
		FROM webchatt.webhooks w
		LEFT JOIN webchatt.webhook_progress p ON p.webhook_id = w.id
		LEFT JOIN webchatt.api_keys k ON k.id = w.key_id
		CROSS JOIN LATERAL (
			SELECT count(*) AS seen, count(*) FILTER (WHERE f.missing) AS behind, min(f.created_at) FILTER (WHERE f.missing) AS oldest
			FROM (SELECT e.created_at, e.event_type = w.event_type AND (k.channels IS NULL OR e.channel_id = ANY (k.channels))
					AND NOT EXISTS (SELECT FROM webchatt.webhook_log l WHERE l.webhook_id = w.id AND l.seq = e.seq AND l.good) AS missing
				FROM webchatt.feed e WHERE e.seq > p.done_upto ORDER BY e.seq LIMIT 1000) f) b
		WHERE (w.id = one OR one IS NULL) AND w.n < coalesce(below, 2147483647)
		ORDER BY w.n DESC LIMIT most;
END
$$;
COMMENT ON FUNCTION webchatt._desk_webhooks(uuid, int, int) IS
	'webchatt''s own: webhooks as admins see them at the desk, the newest first; one of them, or those before one';

CREATE FUNCTION webchatt.desk_webhooks(args jsonb DEFAULT '{}') RETURNS jsonb
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	most int := webchatt._desk_limit(args);
BEGIN
	RETURN (WITH page AS MATERIALIZED (
			SELECT w.*, row_number() OVER (ORDER BY w.n DESC) AS place
			FROM webchatt._desk_webhooks(NULL, webchatt._desk_number(args, 'before', false)::int, most + 1) w)
		SELECT jsonb_build_object('webhooks', coalesce((SELECT jsonb_agg(p.webhook ORDER BY p.place) FROM page p WHERE p.place <= most), '[]'),
			'next', (SELECT p.n FROM page p WHERE p.place = most AND EXISTS (SELECT FROM page x WHERE x.place > most))));
END
$$;
COMMENT ON FUNCTION webchatt.desk_webhooks(jsonb) IS
	'the desk, for admins: {before?, limit?} → {webhooks: [{id, label, endpoint, eventType, headers: [name], signed, scope, apiKey, channels, state: "verifying" | "delivering" | "failing" | "paused", active, reason, createdAt, verifiedAt, failingSince, lastError, lastSuccessAt, lost, behind, behindSince, behindMore, retries, last: {at, good, statusCode, error}}], next}: of the local hub, the newest first. before: next of the page before; apiKey: the label of the key that made it; behind: events that it has not got, among the first 1,000 that are not done (behindMore: there are more); retries: those that are asked for and not made yet';

CREATE FUNCTION webchatt.desk_webhook(args jsonb) RETURNS jsonb
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	which uuid := webchatt._desk_uuid(args, 'id');
	found_one jsonb;
BEGIN
	SELECT w.webhook INTO found_one FROM webchatt._desk_webhooks(which, NULL, 1) w;
	IF NOT FOUND THEN
		RAISE EXCEPTION 'there is no webhook %', which USING ERRCODE = 'undefined_object', HINT = 'Take it from the list.';
	END IF;
	RETURN found_one;
END
$$;
COMMENT ON FUNCTION webchatt.desk_webhook(jsonb) IS 'the desk, for admins: {id} → the webhook as in webhooks';

/* Of a header that is not given its value, the one that it has is kept: the desk shows none.  Not for another server's eyes, though. */
CREATE FUNCTION webchatt._desk_headers(args jsonb, webhook uuid DEFAULT NULL) RETURNS jsonb
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	given jsonb := webchatt._desk_arg(args, 'headers', 'array', false);
	kept jsonb := '[]';
	untold text;
BEGIN
	SELECT w.headers INTO kept FROM webchatt.webhooks w WHERE w.id = webhook
		AND webchatt._origin_of(coalesce(webchatt._desk_text(args, 'endpoint', false), w.endpoint)) = webchatt._origin_of(w.endpoint);
	SELECT coalesce(jsonb_agg(CASE WHEN jsonb_typeof(h) = 'object' AND coalesce(h -> 'value', 'null') = 'null'
		THEN h || jsonb_build_object('value', (SELECT k -> 'value' FROM jsonb_array_elements(kept) k WHERE lower(k ->> 'key') = lower(h ->> 'key'))) ELSE h END
		ORDER BY i), '[]') INTO kept
	FROM jsonb_array_elements(given) WITH ORDINALITY e (h, i);
	SELECT h ->> 'key' INTO untold FROM jsonb_array_elements(kept) h WHERE jsonb_typeof(h -> 'key') = 'string' AND h -> 'value' = 'null' LIMIT 1;
	IF FOUND THEN
		RAISE EXCEPTION 'header % has no value', untold
			USING ERRCODE = 'invalid_parameter_value', HINT = 'What one server was told is not sent to another: where the endpoint moves, give the values again.';
	END IF;
	RETURN CASE WHEN given IS NOT NULL THEN kept END;
END
$$;
COMMENT ON FUNCTION webchatt._desk_headers(jsonb, uuid) IS 'webchatt''s own: the argument headers, with the values that a webhook has where none are given; null: it was not given';

CREATE FUNCTION webchatt.desk_create_webhook(args jsonb) RETURNS jsonb
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	made record;
BEGIN
	made := webchatt.create_webhook(webchatt._desk_text(args, 'label'), webchatt._desk_text(args, 'endpoint'), webchatt._desk_text(args, 'eventType'),
		coalesce(webchatt._desk_headers(args), '[]'), coalesce(webchatt._desk_flag(args, 'signed'), true), webchatt._desk_text(args, 'scope', false));
	RETURN webchatt.desk_webhook(jsonb_build_object('id', made.id)) || jsonb_build_object('secret', made.secret);
END
$$;
COMMENT ON FUNCTION webchatt.desk_create_webhook(jsonb) IS
	'the desk, for admins: {label, endpoint, eventType: "Message" | "MessageStatus" | "Unread", headers?: [{key, value}], signed?, scope?} → the webhook as in webhooks, and its secret, this once';

CREATE FUNCTION webchatt.desk_alter_webhook(args jsonb) RETURNS jsonb
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	which uuid := webchatt._desk_uuid(args, 'id');
	new_secret text := webchatt.alter_webhook(which, label => webchatt._desk_text(args, 'label', false), endpoint => webchatt._desk_text(args, 'endpoint', false),
		headers => webchatt._desk_headers(args, which), active => webchatt._desk_flag(args, 'active'), signed => webchatt._desk_flag(args, 'signed'),
		scope => webchatt._desk_text(args, 'scope', false));
BEGIN
	RETURN webchatt.desk_webhook(args) || jsonb_build_object('secret', new_secret);
END
$$;
COMMENT ON FUNCTION webchatt.desk_alter_webhook(jsonb) IS
	'the desk, for admins: {id, label?, endpoint?, headers?: [{key, value?}], active?, signed?, scope?} → the webhook as in webhooks, and its secret where it got a new one, this once. A header without a value keeps the one it has. {id} alone has an endpoint that is not verified asked again at once';

CREATE FUNCTION webchatt.desk_delete_webhook(args jsonb) RETURNS jsonb
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	PERFORM webchatt.delete_webhook(webchatt._desk_uuid(args, 'id'));
	RETURN '{}';
END
$$;
COMMENT ON FUNCTION webchatt.desk_delete_webhook(jsonb) IS 'the desk, for admins: {id} → {}: ends a webhook';

CREATE FUNCTION webchatt.desk_redefine_webhook_secret(args jsonb) RETURNS jsonb
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	RETURN jsonb_build_object('secret', webchatt.redefine_webhook_secret(webchatt._desk_uuid(args, 'id')));
END
$$;
COMMENT ON FUNCTION webchatt.desk_redefine_webhook_secret(jsonb) IS
	'the desk, for admins: {id} → {secret}: another signing secret, shown this once; the one before is used no more';

/* The log can have millions of lines, and is read by its two indexes whatever the statistics say. */
CREATE FUNCTION webchatt._desk_log(webhook uuid, failed boolean, before uuid, most int) RETURNS SETOF webchatt.webhook_log
LANGUAGE plpgsql STABLE ROWS 50 SET search_path = pg_catalog, pg_temp SET plan_cache_mode = force_generic_plan
SET jit = off SET enable_seqscan = off SET enable_bitmapscan = off SET enable_sort = off AS $$
DECLARE
	bound uuid := coalesce(before, 'ffffffff-ffff-ffff-ffff-ffffffffffff');
BEGIN
	IF failed THEN
		RETURN QUERY SELECT l.* FROM webchatt.webhook_log l WHERE l.webhook_id = webhook AND l.id < bound AND NOT l.good
			ORDER BY l.webhook_id DESC, l.id DESC LIMIT most;
	ELSE
		RETURN QUERY SELECT l.* FROM webchatt.webhook_log l WHERE l.webhook_id = webhook AND l.id < bound
			ORDER BY l.webhook_id DESC, l.id DESC LIMIT most;
	END IF;
END
$$;
COMMENT ON FUNCTION webchatt._desk_log(uuid, boolean, uuid, int) IS 'webchatt''s own: a page of a webhook''s log, the newest first';

CREATE FUNCTION webchatt.desk_webhook_log(args jsonb) RETURNS jsonb
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp SET plan_cache_mode = force_generic_plan
SET jit = off SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off SET enable_bitmapscan = off AS $$
DECLARE
	which uuid := webchatt._desk_uuid(args, 'id');
	most int := webchatt._desk_limit(args);
BEGIN
	RETURN (WITH page AS MATERIALIZED (
			SELECT l.* FROM webchatt._desk_log(which, coalesce(webchatt._desk_flag(args, 'failed'), false),
				webchatt._desk_uuid(args, 'before', false), most + 1) WITH ORDINALITY l)
		SELECT jsonb_build_object(
			'log', coalesce((SELECT jsonb_agg(jsonb_build_object('id', l.id, 'at', l.sent_at, 'messageId', l.message_id, 'attempt', l.attempt,
					'deliveryId', l.delivery_id, 'endpoint', l.endpoint, 'good', l.good, 'statusCode', l.status_code, 'answer', l.answer, 'error', l.error,
					'durationMs', round(l.duration_us / 1000.0, 1),
					'kept', EXISTS (SELECT FROM webchatt.feed e WHERE e.seq = l.seq),
					'delivered', NOT l.good AND EXISTS (SELECT FROM webchatt.webhook_log g WHERE g.webhook_id = which AND g.seq = l.seq AND g.good),
					'retrying', EXISTS (SELECT FROM webchatt.webhook_retries r WHERE r.webhook_id = which AND r.seq = l.seq)) ORDER BY l.ordinality)
				FROM page l WHERE l.ordinality <= most), '[]'),
			'next', (SELECT l.id FROM page l WHERE l.ordinality = most AND EXISTS (SELECT FROM page x WHERE x.ordinality > most))));
END
$$;
COMMENT ON FUNCTION webchatt.desk_webhook_log(jsonb) IS
	'the desk, for admins: {id, failed?: boolean, before?, limit?} → {log: [{id, at, messageId, attempt, deliveryId, endpoint, good, statusCode, answer, error, durationMs, kept, delivered, retrying}], next}: attempts of a webhook, the newest first. before: next of the page before; kept: its event is there, so it can be delivered again; delivered: it failed, and the event got there all the same; retrying: that is asked for';

CREATE FUNCTION webchatt.desk_retry_webhook_log(args jsonb) RETURNS jsonb
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	which uuid := webchatt._desk_uuid(args, 'id');
	chosen text[] := webchatt._desk_chosen(args, 'string');
BEGIN
	RETURN (SELECT jsonb_build_object('results', jsonb_agg(jsonb_build_object('id', r.webhook_log_id, 'success', r.success, 'newId', r.new_log_id)))
		FROM webchatt.retry_webhook_log(which, ARRAY(SELECT webchatt._rest_uuid(c) FROM unnest(chosen) c)) r);
END
$$;
COMMENT ON FUNCTION webchatt.desk_retry_webhook_log(jsonb) IS
	'the desk, for admins: {id, ids: []} → {results: [{id, success, newId}]}: has the events of up to 100 attempts of a webhook delivered again';

----------------------------------------------------------------------------
-- API keys of the local hub, and the databases that come with one
----------------------------------------------------------------------------

CREATE FUNCTION webchatt.desk_api_keys(args jsonb DEFAULT '{}') RETURNS jsonb
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp SET plan_cache_mode = force_generic_plan
SET jit = off SET enable_seqscan = off SET enable_bitmapscan = off SET enable_hashjoin = off SET enable_mergejoin = off AS $$
DECLARE
	most int := webchatt._desk_limit(args);
	below bigint := coalesce(webchatt._desk_number(args, 'before', false), 2147483648);
BEGIN
	RETURN (WITH page AS MATERIALIZED (
			SELECT k.*, row_number() OVER (ORDER BY k.id DESC) AS place
			FROM webchatt.api_keys k WHERE k.id < below ORDER BY k.id DESC LIMIT most + 1)
		SELECT jsonb_build_object('keys', coalesce((SELECT jsonb_agg(jsonb_build_object('id', k.id, 'label', k.label, 'scopes', k.scopes,
					'channels', k.channels, 'createdAt', k.created_at, 'revokedAt', k.revoked_at,
					'webhooks', (SELECT count(*) FROM webchatt.webhooks w WHERE w.key_id = k.id),
					'link', (SELECT jsonb_build_object('connectedSince', l.connected_since, 'client', l.client, 'leftAt', l.left_at, 'lost', l.lost)
						FROM webchatt.links l WHERE l.key_id = k.id)) ORDER BY k.place)
				FROM page k WHERE k.place <= most), '[]'),
			'next', (SELECT k.id FROM page k WHERE k.place = most AND EXISTS (SELECT FROM page x WHERE x.place > most))));
END
$$;
COMMENT ON FUNCTION webchatt.desk_api_keys(jsonb) IS
	'the desk, for admins: {before?, limit?} → {keys: [{id, label, scopes, channels: [id] | null, createdAt, revokedAt, webhooks: n, link: {connectedSince, client, leftAt, lost} | null}], next}: the newest first. channels: null is all; link: of the database that gets events with it';

CREATE FUNCTION webchatt.desk_create_api_key(args jsonb) RETURNS jsonb
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	wrong text;
	of text[] := webchatt._desk_list(args, 'channels', 'string', false);
BEGIN
	SELECT c INTO wrong FROM unnest(of) c WHERE webchatt._rest_uuid(c) IS NULL LIMIT 1;
	IF FOUND THEN
		RAISE EXCEPTION 'a channel''s id is not a UUID' USING ERRCODE = 'invalid_parameter_value';
	END IF;
	RETURN jsonb_build_object('key', webchatt.create_api_key(webchatt._desk_text(args, 'label'), of::uuid[], webchatt._desk_list(args, 'scopes', 'string', false)));
END
$$;
COMMENT ON FUNCTION webchatt.desk_create_api_key(jsonb) IS
	'the desk, for admins: {label, channels?: [id], scopes?: ["send" | "webhooks" | "link" | "visitors"]} → {key}: makes a key, which is shown this once. Left out, it is for all channels, and for the first three';

CREATE FUNCTION webchatt.desk_revoke_api_key(args jsonb) RETURNS jsonb
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	RETURN jsonb_build_object('done', webchatt.revoke_api_key(webchatt._desk_text(args, 'label')));
END
$$;
COMMENT ON FUNCTION webchatt.desk_revoke_api_key(jsonb) IS 'the desk, for admins: {label} → {done}: ends a key, with its link, and pauses its webhooks';

----------------------------------------------------------------------------
-- Remote hubs
----------------------------------------------------------------------------

CREATE FUNCTION webchatt._desk_hubs(one text, behind text, most int) RETURNS TABLE (name text, hub jsonb)
LANGUAGE plpgsql STABLE ROWS 50 SET search_path = pg_catalog, pg_temp SET plan_cache_mode = force_generic_plan
SET jit = off SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off SET enable_bitmapscan = off AS $$
BEGIN
	RETURN QUERY SELECT h.name, jsonb_build_object('name', h.name, 'apiUrl', h.api_url, 'inbound', h.inbound, 'createdAt', h.created_at,
			'state', CASE WHEN h.state = 'active' AND s.paused_until > clock_timestamp() THEN 'paused' ELSE h.state END,
			'reason', coalesce(h.state_reason, CASE WHEN s.paused_until > clock_timestamp() THEN s.last_error END),
			'since', CASE WHEN h.state <> 'active' THEN h.state_since END,
			'pausedUntil', CASE WHEN s.paused_until > clock_timestamp() THEN s.paused_until END,
			'queued', coalesce(s.queued, 0), 'oldestQueued', s.oldest_queued,
			'link', CASE WHEN h.inbound = 'link' THEN jsonb_build_object('phase', coalesce(s.link_phase, 'closed'), 'since', s.link_since,
				'error', s.link_error, 'lost', coalesce(s.link_lost, 0)) END,
			'channels', (SELECT count(*) FROM webchatt.channels c WHERE c.hub_id = h.id),
			'webhooks', (SELECT coalesce(jsonb_agg(jsonb_build_object('eventType', w.event_type, 'desired', w.desired, 'state', w.state,
					'endpoint', coalesce(w.actual_endpoint, w.endpoint), 'verifiedAt', w.verified_at, 'checkedAt', w.checked_at, 'changedAt', w.changed_at,
					'lastError', w.last_error, 'lastErrorAt', w.last_error_at, 'tries', w.tries) ORDER BY w.event_type), '[]')
				FROM webchatt.hub_webhooks w WHERE w.hub_id = h.id))
		FROM webchatt.hubs h CROSS JOIN LATERAL webchatt._hub_state(h.id) s
		WHERE h.kind = 'remote' AND (h.name = one OR one IS NULL) AND h.name > coalesce(behind, '')
		ORDER BY h.name LIMIT most;
END
$$;
COMMENT ON FUNCTION webchatt._desk_hubs(text, text, int) IS 'webchatt''s own: remote hubs as admins see them at the desk; one of them, or those behind one';

CREATE FUNCTION webchatt.desk_hubs(args jsonb DEFAULT '{}') RETURNS jsonb
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	most int := webchatt._desk_limit(args);
BEGIN
	RETURN (WITH page AS MATERIALIZED (
			SELECT h.*, row_number() OVER (ORDER BY h.name) AS place
			FROM webchatt._desk_hubs(NULL, webchatt._desk_text(args, 'after', false), most + 1) h)
		SELECT jsonb_build_object('hubs', coalesce((SELECT jsonb_agg(p.hub ORDER BY p.place) FROM page p WHERE p.place <= most), '[]'),
			'next', (SELECT p.name FROM page p WHERE p.place = most AND EXISTS (SELECT FROM page x WHERE x.place > most))));
END
$$;
COMMENT ON FUNCTION webchatt.desk_hubs(jsonb) IS
	'the desk, for admins: {after?, limit?} → {hubs: [{name, apiUrl, inbound, createdAt, state: "active" | "paused" | "stopped", reason, since, pausedUntil, queued, oldestQueued, link: {phase, since, error, lost} | null, channels: n, webhooks: [{eventType, desired, state, endpoint, verifiedAt, checkedAt, changedAt, lastError, lastErrorAt, tries}]}], next}: the remote ones, by name; the words are those of webchatt.status and webchatt.hub_webhooks';

CREATE FUNCTION webchatt.desk_hub(args jsonb) RETURNS jsonb
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	which text := webchatt._desk_text(args, 'name');
	found_one jsonb;
BEGIN
	SELECT h.hub INTO found_one FROM webchatt._desk_hubs(which, NULL, 1) h;
	IF NOT FOUND THEN
		RAISE EXCEPTION 'there is no remote hub %', quote_literal(which) USING ERRCODE = 'undefined_object', HINT = 'Take it from the list.';
	END IF;
	RETURN found_one || jsonb_build_object('repair', (SELECT coalesce(jsonb_agg(jsonb_build_object('eventType', r.event_type, 'lastLook', r.last_look,
			'nextLook', r.next_look, 'found', r.found, 'alreadyHere', r.already_here, 'asked', r.asked, 'repaired', r.repaired, 'waiting', r.waiting,
			'givenUp', r.given_up, 'skipped', r.skipped, 'lastError', r.last_error, 'lastErrorAt', r.last_error_at) ORDER BY r.event_type), '[]')
		FROM webchatt.repair r WHERE r.hub = which));
END
$$;
COMMENT ON FUNCTION webchatt.desk_hub(jsonb) IS
	'the desk, for admins: {name} → the hub as in hubs, and repair: [{eventType, lastLook, nextLook, found, alreadyHere, asked, repaired, waiting, givenUp, skipped, lastError, lastErrorAt}], as webchatt.repair';

CREATE FUNCTION webchatt.desk_connect_hub(args jsonb) RETURNS jsonb
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	called text := webchatt._desk_text(args, 'name');
	is_known boolean := coalesce(webchatt._desk_flag(args, 'known'), false);
	url text;
BEGIN
	SELECT h.api_url INTO url FROM webchatt.hubs h WHERE h.name = called AND h.kind = 'remote';
	IF FOUND AND NOT is_known THEN
		RAISE EXCEPTION 'there is a hub % already', quote_literal(called)
			USING ERRCODE = 'duplicate_object', HINT = 'Take another name; on the page of that hub it gets another key.';
	END IF;
	PERFORM webchatt.connect_hub(webchatt._desk_text(args, 'apiKey'), coalesce(webchatt._desk_text(args, 'apiUrl', false), url, 'https://api.chatt2.me'),
		called, webchatt._desk_text(args, 'inbound', false), coalesce(webchatt._desk_flag(args, 'insecure'), false));
	RETURN webchatt.desk_hub(args);
END
$$;
COMMENT ON FUNCTION webchatt.desk_connect_hub(jsonb) IS
	'the desk, for admins: {name, apiKey, apiUrl?, inbound?: "webhook" | "link", insecure?, known?} → the hub as in hub: attaches one; known: true gives one that is attached another key or URL, and starts it again. The key is shown nowhere';

CREATE FUNCTION webchatt.desk_register_webhooks(args jsonb) RETURNS jsonb
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	PERFORM webchatt.register_webhooks(webchatt._desk_text(args, 'name'));
	RETURN webchatt.desk_hub(args);
END
$$;
COMMENT ON FUNCTION webchatt.desk_register_webhooks(jsonb) IS 'the desk, for admins: {name} → the hub as in hub: has webhooks made, and kept, at it';

CREATE FUNCTION webchatt.desk_unregister_webhooks(args jsonb) RETURNS jsonb
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	PERFORM webchatt.unregister_webhooks(webchatt._desk_text(args, 'name'));
	RETURN webchatt.desk_hub(args);
END
$$;
COMMENT ON FUNCTION webchatt.desk_unregister_webhooks(jsonb) IS 'the desk, for admins: {name} → the hub as in hub: has our webhooks at it removed';

CREATE FUNCTION webchatt.desk_reconcile_webhooks(args jsonb) RETURNS jsonb
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	PERFORM webchatt.reconcile_webhooks(webchatt._desk_text(args, 'name'));
	RETURN webchatt.desk_hub(args);
END
$$;
COMMENT ON FUNCTION webchatt.desk_reconcile_webhooks(jsonb) IS
	'the desk, for admins: {name} → the hub as in hub: has our webhooks compared, and the logs of failed deliveries looked through, at once';

CREATE FUNCTION webchatt.desk_rotate_webhook_secret(args jsonb) RETURNS jsonb
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	PERFORM webchatt.rotate_webhook_secret(webchatt._desk_text(args, 'name'),
		CASE WHEN webchatt._desk_flag(args, 'atOnce') THEN interval '0' ELSE interval '1 day' END);
	RETURN webchatt.desk_hub(args);
END
$$;
COMMENT ON FUNCTION webchatt.desk_rotate_webhook_secret(jsonb) IS
	'the desk, for admins: {name, atOnce?} → the hub as in hub: has it make new signing secrets; the old ones are valid for a day, or end at once';

----------------------------------------------------------------------------
-- Rejects
----------------------------------------------------------------------------

CREATE FUNCTION webchatt._desk_rejects(one bigint, before bigint, most int, characters int) RETURNS TABLE (id bigint, reject jsonb)
LANGUAGE plpgsql STABLE ROWS 50 SET search_path = pg_catalog, pg_temp SET plan_cache_mode = force_generic_plan
SET jit = off SET enable_seqscan = off SET enable_bitmapscan = off SET enable_hashjoin = off SET enable_mergejoin = off SET enable_sort = off AS $$
BEGIN
	RETURN QUERY SELECT r.id, jsonb_build_object('id', r.id, 'eventType', r.event_type, 'hub', h.name, 'channel', nullif(r.channel_id, '00000000-0000-0000-0000-000000000000'),
			'displayName', c.display_name, 'visitor', r.visitor, 'sqlstate', r.sqlstate, 'reason', left(r.reason, 2000), 'detail', left(r.detail, 2000),
			'hint', left(r.hint, 2000), 'tries', r.tries, 'firstAt', r.first_at, 'lastAt', r.last_at,
			'body', left(r.body, characters), 'length', length(r.body))
			|| CASE WHEN one IS NOT NULL THEN jsonb_build_object('context', left(r.context, 10000), 'odd', r.raw IS NOT NULL) ELSE '{}' END
		FROM webchatt.rejects r
		LEFT JOIN webchatt.channels c ON c.id = r.channel_id
		LEFT JOIN webchatt.hubs h ON h.id = coalesce(r.hub_id, c.hub_id)
		WHERE r.id <= coalesce(one, 9223372036854775807) AND r.id >= coalesce(one, -9223372036854775808) AND r.id < coalesce(before, 9223372036854775807)
		ORDER BY r.id DESC LIMIT most;
END
$$;
COMMENT ON FUNCTION webchatt._desk_rejects(bigint, bigint, int, int) IS
	'webchatt''s own: rejects as admins see them at the desk, the newest first, so many characters of their bodies; one of them, or those before one';

CREATE FUNCTION webchatt.desk_rejects(args jsonb DEFAULT '{}') RETURNS jsonb
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	most int := webchatt._desk_limit(args);
BEGIN
	RETURN (WITH page AS MATERIALIZED (
			SELECT r.* FROM webchatt._desk_rejects(NULL, webchatt._desk_number(args, 'before', false), most + 1, 500) WITH ORDINALITY r)
		SELECT jsonb_build_object('rejects', coalesce((SELECT jsonb_agg(p.reject ORDER BY p.ordinality) FROM page p WHERE p.ordinality <= most), '[]'),
			'next', (SELECT p.id FROM page p WHERE p.ordinality = most AND EXISTS (SELECT FROM page x WHERE x.ordinality > most))));
END
$$;
COMMENT ON FUNCTION webchatt.desk_rejects(jsonb) IS
	'the desk, for admins: {before?, limit?} → {rejects: [{id, eventType, hub, channel, displayName, visitor, sqlstate, reason, detail, hint, tries, firstAt, lastAt, body, length}], next}: the newest first. before: next of the page before; body: its first 500 characters, of so many (length)';

CREATE FUNCTION webchatt.desk_reject(args jsonb) RETURNS jsonb
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	which bigint := webchatt._desk_number(args, 'id');
	found_one jsonb;
BEGIN
	SELECT r.reject INTO found_one FROM webchatt._desk_rejects(which, NULL, 1, 65536) r;
	IF NOT FOUND THEN
		RAISE EXCEPTION 'there is no reject %', which USING ERRCODE = 'undefined_object', HINT = 'It was retried, or dropped.';
	END IF;
	RETURN found_one;
END
$$;
COMMENT ON FUNCTION webchatt.desk_reject(jsonb) IS
	'the desk, for admins: {id} → the reject as in rejects, with 65,536 characters of its body, context, and odd: its bytes are not those of body';

/* Each by itself: what is refused still keeps none of the others. */
CREATE FUNCTION webchatt.desk_retry_reject(args jsonb) RETURNS jsonb
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	chosen bigint[] := webchatt._desk_chosen(args, 'number')::bigint[];
	one bigint;
	results jsonb := '[]';
	state text;
	message text;
	said text;
	todo text;
BEGIN
	FOREACH one IN ARRAY chosen LOOP
		BEGIN
			results := results || jsonb_build_object('id', one, 'result', webchatt.retry_reject(one));
		EXCEPTION WHEN OTHERS THEN
			GET STACKED DIAGNOSTICS state = RETURNED_SQLSTATE, message = MESSAGE_TEXT, said = PG_EXCEPTION_DETAIL, todo = PG_EXCEPTION_HINT;
			results := results || jsonb_build_object('id', one, 'sqlstate', state, 'errorMessage', left(message, 2000), 'detail', nullif(left(said, 2000), ''),
				'hint', nullif(left(todo, 2000), ''));
		END;
	END LOOP;
	RETURN jsonb_build_object('results', results);
END
$$;
COMMENT ON FUNCTION webchatt.desk_retry_reject(jsonb) IS
	'the desk, for admins: {ids: []} → {results: [{id, result: "stored" | "repeat"} | {id, sqlstate, errorMessage, detail, hint}]}: writes up to 100 rejected events again, each by itself; what is refused still stays, with why';

CREATE FUNCTION webchatt.desk_drop_reject(args jsonb) RETURNS jsonb
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	n int;
BEGIN
	DELETE FROM webchatt.rejects r WHERE r.id = ANY (webchatt._desk_chosen(args, 'number')::bigint[]);
	GET DIAGNOSTICS n = ROW_COUNT;
	RETURN jsonb_build_object('dropped', n);
END
$$;
COMMENT ON FUNCTION webchatt.desk_drop_reject(jsonb) IS 'the desk, for admins: {ids: []} → {dropped: n}: deletes up to 100 rejects, with the events that they hold';

----------------------------------------------------------------------------
-- Channels, and who is signed in
----------------------------------------------------------------------------

CREATE FUNCTION webchatt.desk_add_channel(args jsonb) RETURNS jsonb
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	added uuid := webchatt.add_channel(webchatt._desk_uuid(args, 'id'), webchatt._desk_text(args, 'hub'),
		coalesce(webchatt._desk_text(args, 'kind', false), 'web-chatt2me'), nullif(webchatt._desk_text(args, 'displayName', false), ''));
BEGIN
	RETURN webchatt._desk_channels(added) -> 0;
END
$$;
COMMENT ON FUNCTION webchatt.desk_add_channel(jsonb) IS
	'the desk, for admins: {id, hub, kind?, displayName?} → the channel as in channels: adds a remote hub''s';

CREATE FUNCTION webchatt.desk_pause_newcomers(args jsonb) RETURNS jsonb
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	channel uuid := webchatt._desk_uuid(args, 'id');
BEGIN
	PERFORM webchatt.pause_newcomers(channel, webchatt._desk_flag(args, 'paused', true));
	RETURN webchatt._desk_channels(channel) -> 0;
END
$$;
COMMENT ON FUNCTION webchatt.desk_pause_newcomers(jsonb) IS
	'the desk, for admins: {id, paused} → the channel as in channels: it takes no new visitors, or takes them again';

CREATE FUNCTION webchatt.desk_agent_sessions(args jsonb) RETURNS jsonb
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	who text := webchatt._desk_text(args, 'name');
	before bigint := coalesce(webchatt._desk_number(args, 'before', false), 9223372036854775807);
	most int := webchatt._desk_limit(args);
BEGIN
	PERFORM webchatt._need_agent(who);
	RETURN (WITH page AS MATERIALIZED (
			SELECT s.*, row_number() OVER (ORDER BY s.id DESC) AS place FROM webchatt.agent_sessions s
			WHERE s.agent = who AND s.id < before AND s.expires_at > now()
				AND s.last_seen > now() - make_interval(secs => extract(epoch FROM current_setting('webchatt.desk_session_idle')::interval))
			ORDER BY s.id DESC LIMIT most + 1)
		SELECT jsonb_build_object('sessions', coalesce((SELECT jsonb_agg(jsonb_build_object('id', s.id, 'createdAt', s.created_at, 'lastSeen', s.last_seen,
					'expiresAt', s.expires_at, 'client', s.client, 'userAgent', s.user_agent, 'current', coalesce(s.id = webchatt._desk_session(), false)) ORDER BY s.place)
				FROM page s WHERE s.place <= most), '[]'),
			'next', (SELECT s.id FROM page s WHERE s.place = most AND EXISTS (SELECT FROM page x WHERE x.place > most))));
END
$$;
COMMENT ON FUNCTION webchatt.desk_agent_sessions(jsonb) IS
	'the desk, for admins: {name, before?, limit?} → {sessions: [{id, createdAt, lastSeen, expiresAt, client, userAgent, current}], next}: where an agent is signed in, the newest first. before: next of the page before';

CREATE FUNCTION webchatt.desk_end_agent_session(args jsonb) RETURNS jsonb
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	RETURN jsonb_build_object('ended', webchatt.end_agent_session(webchatt._desk_number(args, 'id')));
END
$$;
COMMENT ON FUNCTION webchatt.desk_end_agent_session(jsonb) IS 'the desk, for admins: {id} → {ended}: signs any agent out there';
