----------------------------------------------------------------------------
-- Hub connections that keep themselves: the registration of webhooks
----------------------------------------------------------------------------

CREATE FUNCTION webchatt._reconcile_pause(tries int) RETURNS interval
LANGUAGE sql VOLATILE SET search_path = pg_catalog, pg_temp AS $$
	SELECT make_interval(secs => least(300, 2 ^ least(tries, 9)) * (0.75 + random() / 2))
$$;
COMMENT ON FUNCTION webchatt._reconcile_pause(int) IS 'webchatt''s own: the pause after so many failures in a row, 1 s doubled up to 5 min, more or less';

CREATE FUNCTION webchatt._bare_url(url text) RETURNS text
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$ SELECT split_part(url, '?', 1) $$;
COMMENT ON FUNCTION webchatt._bare_url(text) IS 'webchatt''s own: a URL without its query';

CREATE FUNCTION webchatt._reconcile_of(hub int) RETURNS webchatt.hub_reconciliation
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	k webchatt.hub_reconciliation;
BEGIN
	SELECT x.* INTO k FROM webchatt.hub_reconciliation x WHERE x.hub_id = hub FOR UPDATE;
	IF NOT FOUND THEN
		INSERT INTO webchatt.hub_reconciliation AS x (hub_id) VALUES (hub) RETURNING x.* INTO k;
	END IF;
	RETURN k;
END
$$;
COMMENT ON FUNCTION webchatt._reconcile_of(int) IS 'webchatt''s own: a hub''s row of webchatt.hub_reconciliation, locked, made where it is missing';

/*
 * What went wrong is written where a person looks for it.  scope: hub (nothing
 * is asked of it for a while), row (of that webhook), repair (of the logs).
 */
CREATE FUNCTION webchatt._reconcile_failed(hub int, step jsonb, why text, scope text, pause interval DEFAULT NULL) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	of_logs boolean := step ->> 'do' IN ('log', 'retry', 'retry one');
	reason text := left(regexp_replace(why, '[[:cntrl:]]+', ' ', 'g'), 500);
BEGIN
	IF of_logs THEN
		UPDATE webchatt.hub_reconciliation k SET repair_error = reason, repair_error_at = now(), repair_tries = k.repair_tries + 1,
			repair_not_before = now() + coalesce(pause, webchatt._reconcile_pause(k.repair_tries))
		WHERE k.hub_id = hub;
	ELSE
		UPDATE webchatt.hub_webhooks w SET last_error = reason, last_error_at = now(), tries = w.tries + 1,
			next_try = CASE WHEN scope = 'row' THEN now() + coalesce(pause, webchatt._reconcile_pause(w.tries)) ELSE w.next_try END
		WHERE w.hub_id = hub AND (step ->> 'webhook' IS NULL OR w.id = (step ->> 'webhook')::int);
		-- what was compared may not be so any more
		UPDATE webchatt.hub_reconciliation k SET list_offset = NULL, listed = NULL, listed_at = NULL,
			next_round = CASE WHEN scope = 'hub' THEN now() ELSE now() + current_setting('webchatt.reconcile_interval')::interval END,
			heeded = CASE WHEN scope = 'hub' THEN k.wanted - 1 ELSE k.heeded END
		WHERE k.hub_id = hub;
	END IF;
	IF scope = 'hub' THEN
		UPDATE webchatt.hub_reconciliation k SET tries = k.tries + 1, not_before = now() + coalesce(pause, webchatt._reconcile_pause(k.tries))
		WHERE k.hub_id = hub;
	END IF;
END
$$;
COMMENT ON FUNCTION webchatt._reconcile_failed(int, jsonb, text, text, interval) IS 'webchatt''s own: notes that a call to a hub failed, and when to go on';

CREATE FUNCTION webchatt._hub_failed(hub int, why text) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET jit = off AS $$
DECLARE
	k webchatt.hub_reconciliation := webchatt._reconcile_of(hub);
BEGIN
	UPDATE webchatt.hub_reconciliation x SET asked = NULL WHERE x.hub_id = hub;
	PERFORM webchatt._reconcile_failed(hub, coalesce(k.asked, '{}'), why, 'hub');
END
$$;
COMMENT ON FUNCTION webchatt._hub_failed(int, text) IS 'webchatt''s own: the worker could not take the answer in';

/* In the words of the hub, where its answer has some. */
CREATE FUNCTION webchatt._answer_in_words(status int, body text, error text) RETURNS text
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	said text;
BEGIN
	IF status = 0 THEN
		RETURN 'the hub did not answer: ' || coalesce(nullif(error, ''), 'no reason is known');
	END IF;
	IF status = 401 THEN
		RETURN 'the hub refused the API key (401): webchatt.connect_hub() with a valid one starts it again';
	END IF;
	BEGIN
		said := coalesce(body::jsonb ->> 'errorMessage', body::jsonb ->> 'message');
	EXCEPTION WHEN data_exception OR program_limit_exceeded THEN
		said := NULL;
	END;
	RETURN format('the hub answered HTTP %s', status) || coalesce(': ' || left(nullif(said, ''), 300), '');
END
$$;
COMMENT ON FUNCTION webchatt._answer_in_words(int, text, text) IS 'webchatt''s own: what an answer that is no success says to a person';

CREATE FUNCTION webchatt._strange(what text) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	RAISE EXCEPTION 'the hub''s answer is strange: %', what USING ERRCODE = 'data_exception';
END
$$;
COMMENT ON FUNCTION webchatt._strange(text) IS 'webchatt''s own: raises that an answer is not what it should be';

/* The webhook in an answer: the whole, or an object in it.  NULL: there is none. */
CREATE FUNCTION webchatt._webhook_in(doc jsonb) RETURNS jsonb
LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	found jsonb;
BEGIN
	IF jsonb_typeof(doc) IS DISTINCT FROM 'object' THEN
		RETURN NULL;
	END IF;
	IF doc ? 'id' THEN
		RETURN doc;
	END IF;
	SELECT e.value INTO found FROM jsonb_each(doc) e
	WHERE jsonb_typeof(e.value) = 'object' AND e.value ? 'id' ORDER BY e.key LIMIT 1;
	RETURN found;
END
$$;
COMMENT ON FUNCTION webchatt._webhook_in(jsonb) IS 'webchatt''s own: the webhook in an answer';

/* The name of its field is not published (doc/hub-contract.md, section 2). */
CREATE FUNCTION webchatt._secret_in(doc jsonb) RETURNS text
LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	secret text;
BEGIN
	IF jsonb_typeof(doc) IS DISTINCT FROM 'object' THEN
		RETURN NULL;
	END IF;
	SELECT x.o ->> n.name INTO secret
	FROM (SELECT doc, 0 UNION ALL SELECT e.value, 1 FROM jsonb_each(doc) e WHERE jsonb_typeof(e.value) = 'object') x (o, depth)
	CROSS JOIN unnest(ARRAY['signingSecret', 'signatureSecret', 'secret']) WITH ORDINALITY n (name, i)
	WHERE jsonb_typeof(x.o -> n.name) = 'string' AND length(x.o ->> n.name) BETWEEN 1 AND 512
	ORDER BY x.depth, n.i LIMIT 1;
	RETURN secret;
END
$$;
COMMENT ON FUNCTION webchatt._secret_in(jsonb) IS 'webchatt''s own: the signing secret in an answer, under any of its names';

/* It becomes part of a path. */
CREATE FUNCTION webchatt._has_webhook_id(e jsonb) RETURNS boolean
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
	SELECT coalesce(jsonb_typeof(e -> 'id') IN ('string', 'number') AND e ->> 'id' ~ '^[A-Za-z0-9_-]{1,64}$', false)
$$;
COMMENT ON FUNCTION webchatt._has_webhook_id(jsonb) IS 'webchatt''s own: can a hub''s webhook be asked for by its id?';

CREATE FUNCTION webchatt._webhook_seen(e jsonb) RETURNS jsonb
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	IF NOT webchatt._has_webhook_id(e) THEN
		PERFORM webchatt._strange('a webhook''s id is no id');
	END IF;
	RETURN jsonb_build_object('id', e ->> 'id', 'type', left(e ->> 'eventType', 64), 'label', left(e ->> 'label', 300),
		'endpoint', left(e ->> 'endpoint', 4096), 'active', coalesce(e -> 'active' <> 'false', true),
		'verified', coalesce(e -> 'isVerified' = 'true', false), 'created', left(e ->> 'createdDate', 40),
		'signed', coalesce(e -> 'requiresSignature' <> 'false', true));
END
$$;
COMMENT ON FUNCTION webchatt._webhook_seen(jsonb) IS 'webchatt''s own: a hub''s webhook as webchatt.hub_reconciliation.listed has it';

/* Our webhook is not at the hub any more, or another takes its place. */
CREATE FUNCTION webchatt._webhook_is(webhook int, id_at_hub text) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	UPDATE webchatt.repairs r SET state = 'given up', done_at = now(), answer = 'the webhook is not at the hub any more'
	FROM webchatt.hub_webhooks w
	WHERE w.id = webhook AND r.hub_id = w.hub_id AND r.hub_webhook_id = w.hub_webhook_id AND r.state IN ('waiting', 'asked')
		AND w.hub_webhook_id IS DISTINCT FROM id_at_hub;
	UPDATE webchatt.hub_webhooks w SET hub_webhook_id = id_at_hub, actual_endpoint = NULL, verified_at = NULL,
		old_secret = coalesce(w.secret, w.old_secret),
		old_secret_until = CASE WHEN w.secret IS NULL THEN w.old_secret_until ELSE now() + interval '1 day' END,
		secret = NULL, sign_by = NULL, unverified_since = NULL, poll_at = NULL, polls = 0, again_at = NULL,
		look_at = NULL, looked_at = NULL, log_seen = NULL, repair_pause = 0, repair_at = NULL,
		asked_at = CASE WHEN id_at_hub IS NULL THEN w.asked_at END,
		state = CASE WHEN w.desired = 'gone' THEN 'removing' WHEN id_at_hub IS NULL THEN 'waiting' ELSE 'mending' END
	WHERE w.id = webhook AND w.hub_webhook_id IS DISTINCT FROM id_at_hub;
END
$$;
COMMENT ON FUNCTION webchatt._webhook_is(int, text) IS 'webchatt''s own: notes another id of a webhook at its hub, whose secret is not known; or that it has none';

CREATE FUNCTION webchatt._take_secret(webhook int, new_secret text) RETURNS void
LANGUAGE sql SET search_path = pg_catalog, pg_temp AS $$
	UPDATE webchatt.hub_webhooks w SET
		old_secret = CASE WHEN w.secret IS NULL OR w.secret = new_secret THEN w.old_secret
			WHEN w.desired = 'rotated' AND w.overlap <= interval '0' THEN NULL ELSE w.secret END,
		old_secret_until = CASE WHEN w.secret IS NULL OR w.secret = new_secret THEN w.old_secret_until
			ELSE now() + coalesce(w.overlap, interval '1 hour') END,
		secret = new_secret, changed_at = now(), sign_by = NULL, overlap = NULL,
		desired = CASE w.desired WHEN 'rotated' THEN 'registered' ELSE w.desired END
	WHERE w.id = webhook
$$;
COMMENT ON FUNCTION webchatt._take_secret(int, text) IS 'webchatt''s own: a webhook has a new signing secret';

CREATE FUNCTION webchatt._note_verified(webhook int, verified boolean, at_hub text) RETURNS void
LANGUAGE sql SET search_path = pg_catalog, pg_temp AS $$
	UPDATE webchatt.hub_webhooks w SET actual_endpoint = at_hub, state = CASE WHEN verified THEN 'verified' ELSE 'verifying' END,
		verified_at = CASE WHEN verified THEN coalesce(w.verified_at, now()) END,
		unverified_since = CASE WHEN NOT verified THEN coalesce(w.unverified_since, now()) END,
		poll_at = CASE WHEN NOT verified THEN coalesce(w.poll_at, now() + interval '1 second') END,
		polls = CASE WHEN verified THEN 0 ELSE w.polls END,
		again_at = CASE WHEN NOT verified THEN coalesce(w.again_at, now() + interval '3 minutes') END,
		-- events that came in between may have failed
		look_at = CASE WHEN verified AND w.state <> 'verified' THEN NULL ELSE w.look_at END,
		last_error = CASE WHEN NOT verified THEN w.last_error END, last_error_at = CASE WHEN NOT verified THEN w.last_error_at END,
		tries = CASE WHEN verified THEN 0 ELSE w.tries END, next_try = NULL
	WHERE w.id = webhook
$$;
COMMENT ON FUNCTION webchatt._note_verified(int, boolean, text) IS 'webchatt''s own: a webhook is as desired, verified or not yet';

----------------------------------------------------------------------------
-- The worker's: registration
----------------------------------------------------------------------------

/* What to do about one webhook, by the hub's list; NULL: nothing. */
CREATE FUNCTION webchatt._webhook_step(w webchatt.hub_webhooks, listed jsonb, redefines boolean) RETURNS jsonb
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	mine jsonb;
	ours jsonb;
	wrong jsonb := '{}';
	base CONSTANT text := '/v1/organization/webhook';
	of_it text;
BEGIN
	-- the one that we know, else the verified, else the oldest
	SELECT coalesce(jsonb_agg(e ORDER BY e ->> 'id' = w.hub_webhook_id DESC NULLS LAST, e ->> 'verified' DESC,
		e ->> 'created', e ->> 'id'), '[]') INTO mine
	FROM jsonb_array_elements(listed) e WHERE e ->> 'type' = w.event_type;
	ours := mine -> 0;
	of_it := base || '/' || (ours ->> 'id');

	IF w.hub_webhook_id IS NOT NULL AND ours ->> 'id' IS DISTINCT FROM w.hub_webhook_id THEN
		-- a list that changes while its pages are read may leave something out
		RETURN jsonb_build_object('do', 'confirm', 'webhook', w.id, 'method', 'GET', 'path', base || '/' || w.hub_webhook_id);
	END IF;
	IF w.desired = 'gone' THEN
		IF ours IS NOT NULL THEN
			RETURN jsonb_build_object('do', 'delete', 'webhook', w.id, 'id', ours -> 'id', 'method', 'DELETE', 'path', of_it);
		END IF;
		IF w.asked_at > now() - interval '1 minute' THEN
			-- the hub was asked to make it and did not answer: it may come yet
			UPDATE webchatt.hub_webhooks x SET next_try = w.asked_at + interval '1 minute' WHERE x.id = w.id;
			RETURN NULL;
		END IF;
		PERFORM webchatt._webhook_is(w.id, NULL);
		DELETE FROM webchatt.hub_webhooks x WHERE x.id = w.id;
		RETURN NULL;
	END IF;
	IF ours IS NULL THEN
		UPDATE webchatt.hub_webhooks x SET state = 'creating', asked_at = now() WHERE x.id = w.id;
		RETURN jsonb_build_object('do', 'create', 'webhook', w.id, 'method', 'POST', 'path', base, 'body', jsonb_build_object(
			'label', w.label, 'endpoint', w.endpoint, 'eventType', w.event_type,
			'authenticationProtocol', 'NoAuthentication', 'requiresSignature', true));
	END IF;
	IF w.hub_webhook_id IS NULL THEN
		PERFORM webchatt._webhook_is(w.id, ours ->> 'id');
		SELECT x.* INTO w FROM webchatt.hub_webhooks x WHERE x.id = w.id;
	END IF;

	IF webchatt._bare_url(ours ->> 'endpoint') IS DISTINCT FROM w.endpoint THEN
		wrong := wrong || jsonb_build_object('endpoint', w.endpoint);
	END IF;
	IF NOT (ours ->> 'active')::boolean THEN
		wrong := wrong || '{"active": true}';
	END IF;
	IF NOT (ours ->> 'signed')::boolean AND w.sign_by IS DISTINCT FROM 'on' THEN
		wrong := wrong || '{"requiresSignature": true}';
	END IF;
	IF wrong <> '{}' THEN
		UPDATE webchatt.hub_webhooks x SET state = 'mending', actual_endpoint = ours ->> 'endpoint' WHERE x.id = w.id;
		RETURN jsonb_build_object('do', 'patch', 'webhook', w.id, 'id', ours -> 'id', 'method', 'PATCH', 'path', of_it, 'body', wrong);
	END IF;
	IF w.secret IS NULL OR w.desired = 'rotated' THEN
		UPDATE webchatt.hub_webhooks x SET state = 'mending', actual_endpoint = ours ->> 'endpoint' WHERE x.id = w.id;
		IF w.sign_by IS NULL AND redefines THEN
			RETURN jsonb_build_object('do', 'sign', 'webhook', w.id, 'id', ours -> 'id', 'method', 'POST', 'path', of_it || '/signature', 'body', '{}'::jsonb);
		END IF;
		RETURN jsonb_build_object('do', 'sign by ' || coalesce(w.sign_by, 'patch'), 'webhook', w.id, 'id', ours -> 'id', 'method', 'PATCH', 'path', of_it,
			'body', jsonb_build_object('requiresSignature', w.sign_by IS DISTINCT FROM 'off'));
	END IF;
	SELECT e INTO ours FROM jsonb_array_elements(mine) WITH ORDINALITY m (e, n)
	WHERE n > 1 AND ((mine #>> '{0,verified}')::boolean OR NOT (e ->> 'verified')::boolean) ORDER BY n DESC LIMIT 1;
	IF FOUND THEN
		RETURN jsonb_build_object('do', 'delete', 'webhook', w.id, 'id', ours -> 'id', 'method', 'DELETE', 'path', base || '/' || (ours ->> 'id'));
	END IF;
	PERFORM webchatt._note_verified(w.id, (mine #>> '{0,verified}')::boolean, mine #>> '{0,endpoint}');
	RETURN NULL;
END
$$;
COMMENT ON FUNCTION webchatt._webhook_step(webchatt.hub_webhooks, jsonb, boolean) IS 'webchatt''s own: the next call by which a webhook comes nearer to what is desired';

/* A hub that has not verified it: ask whether it has, and now and then have it try anew. */
CREATE FUNCTION webchatt._verification_step(hub int) RETURNS jsonb
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	pauses CONSTANT int[] := '{1,2,5,10,20,30,60}';
	w webchatt.hub_webhooks;
	path text;
BEGIN
	SELECT x.* INTO w FROM webchatt.hub_webhooks x
	WHERE x.hub_id = hub AND x.state = 'verifying' AND x.hub_webhook_id IS NOT NULL
		AND coalesce(x.next_try, '-infinity') <= now() AND least(x.poll_at, x.again_at) <= now()
	ORDER BY least(x.poll_at, x.again_at) LIMIT 1;
	IF NOT FOUND THEN
		RETURN NULL;
	END IF;
	path := '/v1/organization/webhook/' || w.hub_webhook_id;
	IF w.again_at <= now() THEN
		UPDATE webchatt.hub_webhooks x SET again = x.again + 1, again_at = now() + interval '10 minutes', polls = 0, poll_at = now() + interval '1 second'
		WHERE x.id = w.id;
		RETURN jsonb_build_object('do', 'patch', 'webhook', w.id, 'id', w.hub_webhook_id, 'method', 'PATCH', 'path', path,
			'body', jsonb_build_object('endpoint', format('%s?again=%s', w.endpoint, w.again + 1)));
	END IF;
	UPDATE webchatt.hub_webhooks x SET polls = x.polls + 1,
		poll_at = now() + make_interval(secs => pauses[least(x.polls + 2, cardinality(pauses))]) WHERE x.id = w.id;
	RETURN jsonb_build_object('do', 'poll', 'webhook', w.id, 'method', 'GET', 'path', path);
END
$$;
COMMENT ON FUNCTION webchatt._verification_step(int) IS 'webchatt''s own: the next call by which a verification is followed';

CREATE FUNCTION webchatt._needs_round(w webchatt.hub_webhooks) RETURNS boolean
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
	SELECT coalesce(w.next_try, '-infinity') <= now() AND (w.desired <> 'registered' OR w.state NOT IN ('verifying', 'verified')
		OR w.secret IS NULL OR w.endpoint IS DISTINCT FROM webchatt._bare_url(w.actual_endpoint))
$$;
COMMENT ON FUNCTION webchatt._needs_round(webchatt.hub_webhooks) IS 'webchatt''s own: is it known that something about a webhook is not as desired?';

CREATE FUNCTION webchatt._registration_step(hub int) RETURNS jsonb
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	k webchatt.hub_reconciliation;
	w webchatt.hub_webhooks;
	step jsonb;
BEGIN
	SELECT x.* INTO k FROM webchatt.hub_reconciliation x WHERE x.hub_id = hub;
	IF k.list_offset IS NULL AND (CASE WHEN k.listed IS NULL THEN k.wanted <> k.heeded OR coalesce(k.next_round, '-infinity') <= now()
		OR EXISTS (SELECT FROM webchatt.hub_webhooks x WHERE x.hub_id = hub AND webchatt._needs_round(x))
		ELSE k.listed_at < now() - interval '1 minute' END) THEN
		k.list_offset := 0;
		UPDATE webchatt.hub_reconciliation x SET list_offset = 0, listed = '[]', listed_at = NULL, heeded = x.wanted WHERE x.hub_id = hub;
	END IF;
	IF k.list_offset IS NOT NULL THEN
		RETURN jsonb_build_object('do', 'list', 'offset', k.list_offset, 'method', 'GET',
			'path', format('/v1/organization/webhook?offset=%s&limit=50', k.list_offset));
	END IF;
	IF k.listed IS NULL THEN
		RETURN webchatt._verification_step(hub);
	END IF;
	FOR w IN SELECT x.* FROM webchatt.hub_webhooks x WHERE x.hub_id = hub AND coalesce(x.next_try, '-infinity') <= now() ORDER BY x.event_type LOOP
		step := webchatt._webhook_step(w, k.listed, k.redefines);
		IF step IS NOT NULL THEN
			RETURN step;
		END IF;
	END LOOP;
	UPDATE webchatt.hub_reconciliation x SET listed = NULL, listed_at = NULL,
		next_round = now() + current_setting('webchatt.reconcile_interval')::interval WHERE x.hub_id = hub;
	UPDATE webchatt.hub_webhooks x SET checked_at = now() WHERE x.hub_id = hub AND x.state IN ('verified', 'verifying');
	RETURN NULL;
END
$$;
COMMENT ON FUNCTION webchatt._registration_step(int) IS 'webchatt''s own: the next call by which the webhooks at a hub are kept; NULL: none now';

CREATE FUNCTION webchatt._take_list(k webchatt.hub_reconciliation, doc jsonb) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	our_label text;
	found jsonb := coalesce(k.listed, '[]');
	e jsonb;
	n int;
	total numeric;
BEGIN
	IF jsonb_typeof(doc -> 'data') IS DISTINCT FROM 'array' THEN
		PERFORM webchatt._strange('it is no list of webhooks');
	END IF;
	n := jsonb_array_length(doc -> 'data');
	-- a page has 50; everybody waits with a long one
	IF n > 1000 THEN
		PERFORM webchatt._strange('it lists webhooks without end');
	END IF;
	SELECT min(w.label) INTO our_label FROM webchatt.hub_webhooks w WHERE w.hub_id = k.hub_id;
	FOR e IN SELECT x FROM jsonb_array_elements(doc -> 'data') x WHERE jsonb_typeof(x) = 'object' AND x ->> 'label' = our_label LOOP
		-- one that cannot be read keeps nobody from the others
		IF NOT webchatt._has_webhook_id(e) THEN
			UPDATE webchatt.hub_reconciliation x SET list_skipped = x.list_skipped + 1 WHERE x.hub_id = k.hub_id;
			CONTINUE;
		END IF;
		e := webchatt._webhook_seen(e);
		IF NOT EXISTS (SELECT FROM jsonb_array_elements(found) f WHERE f -> 'id' = e -> 'id') THEN
			found := found || jsonb_build_array(e);
		END IF;
	END LOOP;
	IF jsonb_typeof(doc #> '{pagination,total}') = 'number' THEN
		total := (doc #>> '{pagination,total}')::numeric;
	END IF;
	IF jsonb_array_length(found) > 1000 OR (n > 0 AND k.list_offset > 10000) THEN
		PERFORM webchatt._strange('it lists webhooks without end');
	END IF;
	IF n = 0 OR k.list_offset + n >= total OR (total IS NULL AND n < 50) THEN
		UPDATE webchatt.hub_reconciliation x SET list_offset = NULL, listed = found, listed_at = now() WHERE x.hub_id = k.hub_id;
	ELSE
		UPDATE webchatt.hub_reconciliation x SET list_offset = k.list_offset + n, listed = found WHERE x.hub_id = k.hub_id;
	END IF;
END
$$;
COMMENT ON FUNCTION webchatt._take_list(webchatt.hub_reconciliation, jsonb) IS 'webchatt''s own: takes in a page of a hub''s list of webhooks, of which it minds ours only';

CREATE FUNCTION webchatt._start_over(hub int) RETURNS void
LANGUAGE sql SET search_path = pg_catalog, pg_temp AS $$
	UPDATE webchatt.hub_reconciliation k SET list_offset = 0, listed = '[]', listed_at = NULL WHERE k.hub_id = hub
$$;
COMMENT ON FUNCTION webchatt._start_over(int) IS 'webchatt''s own: has the hub''s list read again';

/* Put what is known of a webhook now in its place in the list; NULL: it is gone. */
CREATE FUNCTION webchatt._relist(hub int, id_at_hub text, e jsonb) RETURNS void
LANGUAGE sql SET search_path = pg_catalog, pg_temp AS $$
	UPDATE webchatt.hub_reconciliation k SET listed = coalesce((SELECT jsonb_agg(x) FROM jsonb_array_elements(k.listed) x
		WHERE x ->> 'id' <> id_at_hub), '[]') || CASE WHEN e IS NULL THEN '[]' ELSE jsonb_build_array(e) END
	WHERE k.hub_id = hub AND k.listed IS NOT NULL
$$;
COMMENT ON FUNCTION webchatt._relist(int, text, jsonb) IS 'webchatt''s own: changes a webhook in webchatt.hub_reconciliation.listed';

CREATE FUNCTION webchatt._take_created(w webchatt.hub_webhooks, doc jsonb) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	e jsonb := webchatt._webhook_in(doc);
	secret text := webchatt._secret_in(doc);
	tag text;
BEGIN
	IF e IS NULL THEN
		PERFORM webchatt._strange('it is no webhook');
	END IF;
	e := webchatt._webhook_seen(e) || jsonb_build_object('type', w.event_type);
	IF e ->> 'label' <> w.label THEN
		-- by another label it would not be found again, and made again and again
		SELECT k.tag INTO tag FROM webchatt.hub_reconciliation k WHERE k.hub_id = w.hub_id;
		IF strpos(e ->> 'label', tag) = 0 THEN
			UPDATE webchatt.hub_webhooks x SET asked_at = NULL WHERE x.id = w.id;
			PERFORM webchatt._reconcile_failed(w.hub_id, jsonb_build_object('webhook', w.id),
				format('the hub changes labels (%s): what was made cannot be known again, and has to be deleted by hand', e ->> 'id'), 'row', '1 hour');
			RETURN;
		END IF;
		UPDATE webchatt.hub_webhooks x SET label = e ->> 'label' WHERE x.hub_id = w.hub_id;
	END IF;
	PERFORM webchatt._webhook_is(w.id, e ->> 'id');
	IF secret IS NOT NULL THEN
		PERFORM webchatt._take_secret(w.id, secret);
	END IF;
	PERFORM webchatt._relist(w.hub_id, e ->> 'id', e || jsonb_build_object('endpoint', coalesce(e ->> 'endpoint', w.endpoint)));
END
$$;
COMMENT ON FUNCTION webchatt._take_created(webchatt.hub_webhooks, jsonb) IS 'webchatt''s own: the hub has made a webhook; its id and its secret are kept together';

CREATE FUNCTION webchatt._take_patched(w webchatt.hub_webhooks, step jsonb, doc jsonb) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	body jsonb := step -> 'body';
	id_at_hub text := step ->> 'id';
	secret text := webchatt._secret_in(doc);
	e jsonb := webchatt._webhook_in(doc);
	was jsonb;
	k webchatt.hub_reconciliation;
BEGIN
	SELECT x.* INTO k FROM webchatt.hub_reconciliation x WHERE x.hub_id = w.hub_id;
	SELECT x INTO was FROM jsonb_array_elements(coalesce(k.listed, '[]')) x WHERE x ->> 'id' = id_at_hub;
	-- what the answer does not say is taken for what was asked
	e := coalesce(was, jsonb_build_object('id', id_at_hub, 'type', w.event_type, 'endpoint', w.actual_endpoint,
			'active', true, 'verified', w.verified_at IS NOT NULL, 'signed', true))
		|| CASE WHEN body ? 'endpoint' THEN jsonb_build_object('endpoint', body -> 'endpoint', 'verified', false) ELSE '{}' END
		|| CASE WHEN body ? 'active' THEN '{"active": true}' ELSE '{}'::jsonb END
		|| CASE WHEN body ? 'requiresSignature' THEN jsonb_build_object('signed', body -> 'requiresSignature') ELSE '{}' END
		|| CASE WHEN e IS NULL THEN '{}' ELSE jsonb_strip_nulls(jsonb_build_object('endpoint', left(e ->> 'endpoint', 4096),
			'active', CASE jsonb_typeof(e -> 'active') WHEN 'boolean' THEN e -> 'active' END,
			'verified', CASE jsonb_typeof(e -> 'isVerified') WHEN 'boolean' THEN e -> 'isVerified' END)) END;
	IF secret IS NOT NULL THEN
		PERFORM webchatt._take_secret(w.id, secret);
	END IF;
	IF webchatt._bare_url(e ->> 'endpoint') <> webchatt._bare_url(body ->> 'endpoint') THEN
		PERFORM webchatt._strange(format('it has %s for an endpoint, not %s', e ->> 'endpoint', body ->> 'endpoint'));
	END IF;
	IF body ? 'active' AND NOT (e ->> 'active')::boolean THEN
		PERFORM webchatt._strange('it does not make the webhook active');
	END IF;
	IF body ? 'endpoint' THEN
		UPDATE webchatt.hub_webhooks x SET actual_endpoint = e ->> 'endpoint', verified_at = CASE WHEN (e ->> 'verified')::boolean THEN x.verified_at END,
			poll_at = NULL, polls = 0, again_at = CASE WHEN k.listed IS NULL THEN x.again_at END,
			unverified_since = CASE WHEN k.listed IS NULL THEN x.unverified_since END
		WHERE x.id = w.id;
	END IF;
	PERFORM webchatt._relist(w.hub_id, id_at_hub, e);
	IF k.listed IS NULL THEN
		PERFORM webchatt._note_verified(w.id, (e ->> 'verified')::boolean, e ->> 'endpoint');
	END IF;
END
$$;
COMMENT ON FUNCTION webchatt._take_patched(webchatt.hub_webhooks, jsonb, jsonb) IS 'webchatt''s own: the hub has changed a webhook';

/* The hub was asked for a new secret; where it gave none, try the next way. */
CREATE FUNCTION webchatt._take_signed(w webchatt.hub_webhooks, step jsonb, doc jsonb) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	secret text := webchatt._secret_in(doc);
BEGIN
	IF step ->> 'do' = 'sign by off' THEN
		UPDATE webchatt.hub_webhooks x SET sign_by = 'on' WHERE x.id = w.id;
	ELSIF secret IS NOT NULL THEN
		PERFORM webchatt._take_secret(w.id, secret);
		UPDATE webchatt.hub_webhooks x SET look_at = NULL WHERE x.id = w.id;
	ELSIF step ->> 'do' = 'sign by on' THEN
		UPDATE webchatt.hub_webhooks x SET sign_by = NULL WHERE x.id = w.id;
		PERFORM webchatt._reconcile_failed(w.hub_id, step, 'the hub turned signing on, but gave no secret', 'row');
	ELSE
		UPDATE webchatt.hub_webhooks x SET sign_by = CASE step ->> 'do' WHEN 'sign' THEN 'patch' ELSE 'off' END WHERE x.id = w.id;
	END IF;
END
$$;
COMMENT ON FUNCTION webchatt._take_signed(webchatt.hub_webhooks, jsonb, jsonb) IS 'webchatt''s own: the hub has answered a call for a new secret';

CREATE FUNCTION webchatt._take_registration(k webchatt.hub_reconciliation, step jsonb, doc jsonb) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	w webchatt.hub_webhooks;
	e jsonb;
	why text;
BEGIN
	IF step ->> 'do' = 'list' THEN
		PERFORM webchatt._take_list(k, doc);
		RETURN;
	END IF;
	SELECT x.* INTO w FROM webchatt.hub_webhooks x WHERE x.id = (step ->> 'webhook')::int AND x.hub_id = k.hub_id FOR UPDATE;
	IF NOT FOUND THEN
		PERFORM webchatt._start_over(k.hub_id);	-- somebody deleted the row
		RETURN;
	END IF;
	CASE step ->> 'do'
		WHEN 'create' THEN
			PERFORM webchatt._take_created(w, doc);
		WHEN 'patch' THEN
			PERFORM webchatt._take_patched(w, step, doc);
		WHEN 'delete' THEN
			PERFORM webchatt._relist(k.hub_id, step ->> 'id', NULL);
			IF step ->> 'id' = w.hub_webhook_id THEN
				PERFORM webchatt._webhook_is(w.id, NULL);
			END IF;
		WHEN 'confirm', 'poll' THEN
			e := webchatt._webhook_in(doc);
			IF e IS NULL THEN
				PERFORM webchatt._strange('it is no webhook');
			END IF;
			-- another webchatt says what it met
			why := regexp_replace(left(e ->> 'lastError', 500), '[[:cntrl:]]', ' ', 'g');
			e := webchatt._webhook_seen(e);
			IF step ->> 'do' = 'poll' THEN
				PERFORM webchatt._note_verified(w.id, (e ->> 'verified')::boolean, e ->> 'endpoint');
				UPDATE webchatt.hub_webhooks x SET last_error_at = now(),
					last_error = format('the hub has not verified %s yet: %s', x.endpoint, coalesce(why, 'can it reach it?'))
				WHERE x.id = w.id AND x.state = 'verifying' AND (x.polls >= 3 OR why IS NOT NULL);
			ELSIF e ->> 'id' = w.hub_webhook_id AND e ->> 'label' = w.label AND e ->> 'type' = w.event_type THEN
				PERFORM webchatt._relist(k.hub_id, e ->> 'id', e);
			ELSE
				PERFORM webchatt._webhook_is(w.id, NULL);	-- ours is what has our label
			END IF;
		ELSE
			PERFORM webchatt._take_signed(w, step, doc);
	END CASE;
END
$$;
COMMENT ON FUNCTION webchatt._take_registration(webchatt.hub_reconciliation, jsonb, jsonb) IS 'webchatt''s own: takes in a hub''s answer about our webhooks';

/* What a 404 or 405 means that is an answer, not an error; false: it is an error. */
CREATE FUNCTION webchatt._take_absence(k webchatt.hub_reconciliation, step jsonb, status int) RETURNS boolean
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	webhook int := (step ->> 'webhook')::int;
BEGIN
	CASE
		WHEN status = 404 AND step ->> 'do' IN ('delete', 'confirm') THEN
			IF step ->> 'do' = 'delete' THEN
				PERFORM webchatt._relist(k.hub_id, step ->> 'id', NULL);
			END IF;
			PERFORM webchatt._webhook_is(w.id, NULL) FROM webchatt.hub_webhooks w
			WHERE w.id = webhook AND (step ->> 'do' = 'confirm' OR w.hub_webhook_id = step ->> 'id');
		WHEN step ->> 'do' = 'sign' THEN
			-- no such call; or no such webhook, which the next one tells
			UPDATE webchatt.hub_webhooks w SET sign_by = 'patch' WHERE w.id = webhook;
			UPDATE webchatt.hub_reconciliation x SET redefines = false WHERE x.hub_id = k.hub_id;
		WHEN status = 404 AND step ->> 'do' IN ('poll', 'patch', 'sign by patch', 'sign by off', 'sign by on') THEN
			UPDATE webchatt.hub_webhooks w SET sign_by = NULL WHERE w.id = webhook;
			UPDATE webchatt.hub_reconciliation x SET redefines = true WHERE x.hub_id = k.hub_id AND step ->> 'do' LIKE 'sign by%';
			PERFORM webchatt._reconcile_failed(k.hub_id, step, 'the hub says that it has no such webhook (404)', 'row');
			UPDATE webchatt.hub_webhooks w SET state = 'mending' WHERE w.id = webhook AND w.desired <> 'gone';
		ELSE
			RETURN false;
	END CASE;
	RETURN true;
END
$$;
COMMENT ON FUNCTION webchatt._take_absence(webchatt.hub_reconciliation, jsonb, int) IS 'webchatt''s own: takes in that the hub does not have what was asked for';
