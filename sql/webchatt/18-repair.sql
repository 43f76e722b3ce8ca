----------------------------------------------------------------------------
-- Hub connections that keep themselves: failed deliveries that are asked for again
----------------------------------------------------------------------------

/*
 * Of these the ones whose message is here: nothing needs to be asked for.  By
 * index whatever the statistics say, and planned each time.
 */
CREATE FUNCTION webchatt._repairs_present(hub int, ids bigint[]) RETURNS int
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET jit = off
SET enable_seqscan = off SET enable_bitmapscan = off SET enable_hashjoin = off SET enable_mergejoin = off AS $$
DECLARE
	n int := 0;
BEGIN
	IF cardinality(ids) > 0 THEN
		EXECUTE 'UPDATE webchatt.repairs r SET state = ''repaired'', done_at = now(), new_log_id = NULL FROM ('
			' SELECT x.id FROM webchatt.repairs x CROSS JOIN webchatt.channels c CROSS JOIN LATERAL ('
			'  (SELECT 1 FROM webchatt.messages m WHERE m.channel_id = c.id AND m.hub_message_id = x.message_id'
			'   AND webchatt.hub_message_key(m.channel_id, m.hub_message_id) = webchatt.hub_message_key(c.id, x.message_id) LIMIT 1) UNION ALL'
			'  (SELECT 1 FROM webchatt.rejects j WHERE j.channel_id = c.id AND j.event_type = ''Message'' AND j.event_key = x.message_id LIMIT 1)) here'
			' WHERE x.id = ANY ($2) AND x.state IN (''waiting'', ''asked'') AND x.event_type = ''Message'' AND c.hub_id = $1) y'
			' WHERE r.id = y.id' USING hub, ids;
		GET DIAGNOSTICS n = ROW_COUNT;
	END IF;
	RETURN n;
END
$$;
COMMENT ON FUNCTION webchatt._repairs_present(int, bigint[]) IS 'webchatt''s own: ends repairs whose message is in webchatt.messages or webchatt.rejects';

CREATE FUNCTION webchatt._repair_pause(tries int) RETURNS interval
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
	SELECT make_interval(secs => least(3600, 30 * 4 ^ least(greatest(tries - 1, 0), 9)))
$$;
COMMENT ON FUNCTION webchatt._repair_pause(int) IS 'webchatt''s own: the pause before an event is asked for once more, 30 s to 1 h';

/* Not an answer of ours: nobody could be reached, or a proxy said so, or we were too busy. */
CREATE FUNCTION webchatt._was_unreachable(status_code int) RETURNS boolean
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
	SELECT status_code IN (0, 408, 429, 502, 503, 504) OR status_code BETWEEN 520 AND 530
$$;
COMMENT ON FUNCTION webchatt._was_unreachable(int) IS 'webchatt''s own: does an HTTP status say that a delivery did not reach us?';

/* A retry that failed: once more later, or not. */
CREATE FUNCTION webchatt._repair_failed(repair bigint, log text, at timestamptz, code int, said text) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	r webchatt.repairs;
	uncounted boolean := webchatt._was_unreachable(code);
	n int;
BEGIN
	SELECT x.* INTO r FROM webchatt.repairs x WHERE x.id = repair;
	n := CASE WHEN uncounted THEN greatest(r.tries - 1, 0) ELSE r.tries END;
	UPDATE webchatt.repairs x SET log_id = log, failed_at = at, status_code = code, new_log_id = NULL, tries = n,
		answer = CASE WHEN n >= 5 THEN 'asked for five times: ' || coalesce(said, '') ELSE said END,
		state = CASE WHEN n >= 5 THEN 'given up' ELSE 'waiting' END,
		done_at = CASE WHEN n >= 5 THEN now() END,
		next_try = CASE WHEN uncounted THEN NULL ELSE now() + webchatt._repair_pause(n) END
	WHERE x.id = repair;
	IF uncounted AND r.state = 'asked' THEN
		-- one at a time until one arrives, so that an absence does not use up their tries
		UPDATE webchatt.hub_webhooks w SET repair_pause = least(600, greatest(30, w.repair_pause * 2)),
			repair_at = now() + make_interval(secs => least(600, greatest(30, w.repair_pause * 2)))
		WHERE w.hub_id = r.hub_id AND w.hub_webhook_id = r.hub_webhook_id AND coalesce(w.repair_at, '-infinity') <= r.asked_at;
	END IF;
END
$$;
COMMENT ON FUNCTION webchatt._repair_failed(bigint, text, timestamptz, int, text) IS 'webchatt''s own: the attempt that was asked for failed as well';

/* It becomes part of a path. */
CREATE FUNCTION webchatt._is_log_line(e jsonb) RETURNS boolean
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
	SELECT jsonb_typeof(e) = 'object' AND coalesce(jsonb_typeof(e -> 'id') IN ('string', 'number')
		AND e ->> 'id' ~ '^[A-Za-z0-9][A-Za-z0-9._:~-]{0,127}$', false)
$$;
COMMENT ON FUNCTION webchatt._is_log_line(jsonb) IS 'webchatt''s own: is it a line of a hub''s log that can be read?';

/* One line of the hub's log of failed deliveries; returns the row to look after, NULL: none new. */
CREATE FUNCTION webchatt._take_log_line(w webchatt.hub_webhooks, e jsonb, at timestamptz) RETURNS bigint
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	r webchatt.repairs;
	log text := e ->> 'id';
	message text := CASE WHEN length(e ->> 'messageId') BETWEEN 1 AND 255 THEN e ->> 'messageId' END;
	delivery text := CASE WHEN length(e ->> 'deliveryId') BETWEEN 1 AND 100 THEN e ->> 'deliveryId' END;
	code int := CASE WHEN e ->> 'statusCode' ~ '^[0-9]{1,3}$' THEN (e ->> 'statusCode')::int ELSE 0 END;
	said text := nullif(left(regexp_replace(coalesce(e ->> 'responseBody', e ->> 'error', ''), '[[:cntrl:]]+', ' ', 'g'), 500), '');
	for_good boolean := code = 404 AND strpos(said, 'unknown_channel') > 0;
	key text := CASE WHEN delivery IS NOT NULL THEN 'd:' || delivery
		WHEN message IS NOT NULL AND w.event_type = 'Message' THEN 'm:' || message ELSE 'l:' || log END;
BEGIN
	-- the attempt that we asked for?
	SELECT x.* INTO r FROM webchatt.repairs x
	WHERE x.hub_id = w.hub_id AND x.hub_webhook_id = w.hub_webhook_id AND x.new_log_id = log LIMIT 1;
	IF FOUND THEN
		IF r.state IN ('asked', 'repaired') AND r.log_id <> log THEN
			PERFORM webchatt._repair_failed(r.id, log, at, code, said);
		END IF;
		RETURN NULL;
	END IF;
	SELECT x.* INTO r FROM webchatt.repairs x
	WHERE x.hub_id = w.hub_id AND x.hub_webhook_id = w.hub_webhook_id AND x.event_key = key;
	IF NOT FOUND THEN
		INSERT INTO webchatt.repairs AS x (hub_id, hub_webhook_id, event_type, event_key, log_id, message_id, delivery_id,
			failed_at, status_code, answer, state, done_at)
		VALUES (w.hub_id, w.hub_webhook_id, w.event_type, key, log, message, delivery, at, code, said,
			CASE WHEN for_good THEN 'given up' ELSE 'waiting' END, CASE WHEN for_good THEN now() END)
		ON CONFLICT DO NOTHING RETURNING x.* INTO r;
		RETURN r.id;
	END IF;
	-- a further attempt at the same event, the hub's own or one whose lineage was lost
	IF r.log_id <> log AND at > r.failed_at AND r.state IN ('waiting', 'asked') THEN
		IF r.state = 'asked' AND r.new_log_id IS NULL THEN
			PERFORM webchatt._repair_failed(r.id, log, at, code, said);
		ELSE
			UPDATE webchatt.repairs x SET log_id = log, failed_at = at, status_code = code, answer = said WHERE x.id = r.id;
		END IF;
	END IF;
	RETURN NULL;
END
$$;
COMMENT ON FUNCTION webchatt._take_log_line(webchatt.hub_webhooks, jsonb, timestamptz) IS 'webchatt''s own: takes in that a delivery failed';

CREATE FUNCTION webchatt._time_in(e jsonb) RETURNS timestamptz
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp SET timezone = 'UTC' AS $$
DECLARE
	t timestamptz;
	name text;
BEGIN
	FOREACH name IN ARRAY ARRAY['createdDate', 'sendAt'] LOOP
		BEGIN
			t := CASE jsonb_typeof(e -> name)
				WHEN 'string' THEN (e ->> name)::timestamptz
				WHEN 'number' THEN to_timestamp((e ->> name)::float8 / CASE WHEN (e ->> name)::float8 > 1e11 THEN 1000 ELSE 1 END) END;
		EXCEPTION WHEN data_exception THEN
			t := NULL;
		END;
		IF isfinite(t) THEN
			RETURN t;
		END IF;
	END LOOP;
	RETURN NULL;
END
$$;
COMMENT ON FUNCTION webchatt._time_in(jsonb) IS 'webchatt''s own: when a log was written, by the hub''s clock; NULL where it does not say';

/* Everything up to the last look is known, and this is what a later look means for what was asked for before it. */
CREATE FUNCTION webchatt._look_done(w webchatt.hub_webhooks, look jsonb) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	began timestamptz := (look ->> 'began')::timestamptz;
	r webchatt.repairs;
	arrived boolean := false;
	n int := 0;
BEGIN
	PERFORM webchatt._repairs_present(w.hub_id, ARRAY(SELECT x.id FROM webchatt.repairs x
		WHERE x.hub_id = w.hub_id AND x.hub_webhook_id = w.hub_webhook_id AND x.state = 'asked' AND x.event_type = 'Message'
		ORDER BY x.failed_at LIMIT 1000));
	FOR r IN SELECT x.* FROM webchatt.repairs x
		WHERE x.hub_id = w.hub_id AND x.hub_webhook_id = w.hub_webhook_id AND x.state = 'asked' AND x.asked_at <= began - interval '1 minute'
		ORDER BY x.failed_at LIMIT 1000
	LOOP
		n := n + 1;
		IF r.event_type = 'MessageStatus' OR r.message_id IS NULL THEN
			UPDATE webchatt.repairs x SET state = 'repaired', done_at = now() WHERE x.id = r.id;
			arrived := true;
		ELSIF r.tries >= 5 THEN
			UPDATE webchatt.repairs x SET state = 'given up', done_at = now(), answer = 'asked for five times, and it is not here' WHERE x.id = r.id;
		ELSE
			UPDATE webchatt.repairs x SET state = 'waiting', new_log_id = NULL, next_try = now() + webchatt._repair_pause(r.tries) WHERE x.id = r.id;
		END IF;
	END LOOP;
	-- the hub signs with another secret than we know, for longer than an answer takes
	IF (look ->> 'mistrusted')::int > 0 AND w.changed_at < w.looked_at - interval '10 minutes'
		AND coalesce(w.mistrusted_at, '-infinity') < now() - interval '1 hour' AND w.desired = 'registered' THEN
		UPDATE webchatt.hub_webhooks x SET desired = 'rotated', overlap = interval '1 hour', mistrusted_at = now(), last_error_at = now(),
			last_error = 'the hub''s deliveries were refused as wrongly signed (401), so it is asked for a new secret'
		WHERE x.id = w.id;
	END IF;
	UPDATE webchatt.hub_webhooks x SET looked_at = began, log_skipped = coalesce((look ->> 'skipped')::int, 0), log_seen = greatest(x.log_seen, (look ->> 'newest')::timestamptz),
		repair_pause = CASE WHEN arrived THEN 0 ELSE x.repair_pause END, repair_at = CASE WHEN arrived THEN NULL ELSE x.repair_at END,
		-- null: wanted again, since this look began
		look_at = CASE WHEN x.look_at IS NULL THEN NULL WHEN n >= 1000 THEN now() + interval '1 second' WHEN EXISTS (SELECT FROM webchatt.repairs y
			WHERE y.hub_id = w.hub_id AND y.hub_webhook_id = w.hub_webhook_id AND y.state = 'asked') THEN now() + interval '20 seconds'
			ELSE now() + interval '5 minutes' END
	WHERE x.id = w.id;
	UPDATE webchatt.hub_reconciliation k SET look = NULL WHERE k.hub_id = w.hub_id;
	DELETE FROM webchatt.repairs x WHERE x.id IN (SELECT y.id FROM webchatt.repairs y
		WHERE y.done_at < now() - interval '30 days' ORDER BY y.done_at LIMIT 1000);
END
$$;
COMMENT ON FUNCTION webchatt._look_done(webchatt.hub_webhooks, jsonb) IS 'webchatt''s own: a log of failed deliveries has been read down to the last look';

CREATE FUNCTION webchatt._take_log(k webchatt.hub_reconciliation, w webchatt.hub_webhooks, step jsonb, doc jsonb) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	l jsonb := k.look;
	data jsonb := doc -> 'data';
	n int;
	total numeric;
	e jsonb;
	at timestamptz;
	first timestamptz;
	last timestamptz;
	oldest timestamptz;
	newest timestamptz := (l ->> 'newest')::timestamptz;
	ids bigint[] := '{}';
	id bigint;
	mistrusted int := (l ->> 'mistrusted')::int;
	skipped int := coalesce((l ->> 'skipped')::int, 0);
BEGIN
	IF jsonb_typeof(data) IS DISTINCT FROM 'array' THEN
		PERFORM webchatt._strange('it is no log');
	END IF;
	n := jsonb_array_length(data);
	IF n > 1000 THEN
		PERFORM webchatt._strange('a page of the log has more than 1,000 lines');
	END IF;
	IF jsonb_typeof(doc #> '{pagination,total}') = 'number' THEN
		total := (doc #>> '{pagination,total}')::numeric;
	END IF;
	FOR e IN SELECT x FROM jsonb_array_elements(data) WITH ORDINALITY d (x, i) ORDER BY i LOOP
		-- one that cannot be read keeps nobody from the others
		IF NOT webchatt._is_log_line(e) THEN
			skipped := skipped + 1;
			CONTINUE;
		END IF;
		at := webchatt._time_in(e);
		first := coalesce(first, at);
		last := coalesce(at, last);
		oldest := least(oldest, at);
		newest := greatest(newest, at);
		CONTINUE WHEN lower(e ->> 'status') = 'success';
		id := webchatt._take_log_line(w, e, coalesce(at, now()));
		ids := ids || id;
		IF id IS NOT NULL AND e ->> 'statusCode' = '401' THEN
			mistrusted := mistrusted + 1;
		END IF;
	END LOOP;
	PERFORM webchatt._repairs_present(w.hub_id, array_remove(ids, NULL));
	l := l || jsonb_build_object('newest', newest, 'mistrusted', mistrusted, 'skipped', skipped,
		'offset', (l ->> 'offset')::int + n);

	-- the newest come first, more or less; where they do not, all has to be read
	IF n = 0 OR (l ->> 'offset')::int >= total OR (total IS NULL AND n < 50)
		OR (first >= last AND last <= oldest + interval '10 minutes' AND last < w.log_seen - interval '10 minutes') THEN
		PERFORM webchatt._look_done(w, l);
		RETURN;
	END IF;
	IF (l ->> 'offset')::int % 5000 < n AND (SELECT count(*) FROM (SELECT FROM webchatt.repairs x WHERE x.hub_id = w.hub_id
		AND x.hub_webhook_id = w.hub_webhook_id AND x.state = 'waiting' LIMIT 100000) y) = 100000 THEN
		-- these first; what lies behind them is found when they are done
		UPDATE webchatt.hub_webhooks x SET look_at = now() + interval '5 minutes' WHERE x.id = w.id;
		UPDATE webchatt.hub_reconciliation x SET look = NULL, repair_error_at = now(),
			repair_error = 'more deliveries failed than are looked after at a time (100,000)' WHERE x.hub_id = w.hub_id;
		RETURN;
	END IF;
	UPDATE webchatt.hub_reconciliation x SET look = l WHERE x.hub_id = w.hub_id;
END
$$;
COMMENT ON FUNCTION webchatt._take_log(webchatt.hub_reconciliation, webchatt.hub_webhooks, jsonb, jsonb) IS 'webchatt''s own: takes in a page of a hub''s log of failed deliveries';

/* The call for retries was not heeded: nobody's try is used up. */
CREATE FUNCTION webchatt._unask(step jsonb) RETURNS void
LANGUAGE sql SET search_path = pg_catalog, pg_temp AS $$
	UPDATE webchatt.repairs r SET state = 'waiting', tries = greatest(r.tries - 1, 0)
	WHERE r.id IN (SELECT x::bigint FROM jsonb_array_elements_text(step -> 'repairs') x) AND r.state = 'asked'
$$;
COMMENT ON FUNCTION webchatt._unask(jsonb) IS 'webchatt''s own: retries were not asked for after all';

CREATE FUNCTION webchatt._take_retries(k webchatt.hub_reconciliation, w webchatt.hub_webhooks, step jsonb, doc jsonb) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	e jsonb;
	new_log text;
	r webchatt.repairs;
BEGIN
	IF step ->> 'do' = 'retry one' THEN
		doc := jsonb_build_object('results', jsonb_build_array(doc || jsonb_build_object('webhookLogId', step -> 'log')));
	END IF;
	IF jsonb_typeof(doc -> 'results') IS DISTINCT FROM 'array' THEN
		PERFORM webchatt._unask(step);
		UPDATE webchatt.hub_reconciliation x SET retry_alone = 50 WHERE x.hub_id = k.hub_id AND step ->> 'do' = 'retry';
		PERFORM webchatt._reconcile_failed(k.hub_id, step, 'the hub''s answer is strange: it has no results of retries', 'repair');
		RETURN;
	END IF;
	FOR e IN SELECT x FROM jsonb_array_elements(doc -> 'results') x WHERE jsonb_typeof(x) = 'object' LOOP
		SELECT x.* INTO r FROM webchatt.repairs x
		WHERE x.id IN (SELECT i::bigint FROM jsonb_array_elements_text(step -> 'repairs') i) AND x.log_id = e ->> 'webhookLogId' AND x.state = 'asked';
		CONTINUE WHEN NOT FOUND;
		new_log := CASE WHEN jsonb_typeof(e -> 'newLogId') = 'string' AND e ->> 'newLogId' ~ '^[A-Za-z0-9][A-Za-z0-9._:~-]{0,127}$' THEN e ->> 'newLogId' END;
		IF e -> 'success' = 'false' AND new_log IS NULL THEN
			UPDATE webchatt.repairs x SET state = CASE WHEN r.tries >= 5 THEN 'given up' ELSE 'waiting' END,
				done_at = CASE WHEN r.tries >= 5 THEN now() END, next_try = now() + webchatt._repair_pause(r.tries),
				answer = left(coalesce('the hub did not try again: ' || (e ->> 'errorMessage'), 'the hub did not try again'), 500)
			WHERE x.id = r.id;
		ELSE
			UPDATE webchatt.repairs x SET new_log_id = new_log WHERE x.id = r.id AND new_log <> x.log_id;
		END IF;
	END LOOP;
END
$$;
COMMENT ON FUNCTION webchatt._take_retries(webchatt.hub_reconciliation, webchatt.hub_webhooks, jsonb, jsonb) IS 'webchatt''s own: takes in what the hub says of the retries that it was asked for';

/* Ask for what has waited longest; what is here by now needs no asking. */
CREATE FUNCTION webchatt._retry_step(k webchatt.hub_reconciliation) RETURNS jsonb
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	w webchatt.hub_webhooks;
	ids bigint[];
	logs text[];
	alone boolean := k.retry_alone > 0;
	path text;
BEGIN
	FOR w IN SELECT x.* FROM webchatt.hub_webhooks x WHERE x.hub_id = k.hub_id AND x.hub_webhook_id IS NOT NULL AND x.secret IS NOT NULL
		AND x.verified_at IS NOT NULL AND x.desired <> 'gone' AND coalesce(x.repair_at, '-infinity') <= now() ORDER BY x.event_type
	LOOP
		FOR i IN 1 .. 20 LOOP
			SELECT array_agg(x.id) INTO ids FROM (SELECT y.id FROM webchatt.repairs y
				WHERE y.hub_id = k.hub_id AND y.hub_webhook_id = w.hub_webhook_id AND y.state = 'waiting' AND coalesce(y.next_try, '-infinity') <= now()
				ORDER BY y.failed_at, y.id LIMIT CASE WHEN alone OR w.repair_pause > 0 THEN 1 ELSE 50 END) x;
			EXIT WHEN ids IS NULL OR webchatt._repairs_present(k.hub_id, ids) = 0;
		END LOOP;
		CONTINUE WHEN ids IS NULL;
		-- in the order in which they failed
		SELECT array_agg(x.log_id ORDER BY x.failed_at, x.id), array_agg(x.id) INTO logs, ids
		FROM webchatt.repairs x WHERE x.id = ANY (ids) AND x.state = 'waiting';
		CONTINUE WHEN ids IS NULL;
		UPDATE webchatt.repairs x SET state = 'asked', asked_at = now(), tries = x.tries + 1, new_log_id = NULL WHERE x.id = ANY (ids);
		UPDATE webchatt.hub_reconciliation x SET retry_at = now() + interval '1 second', retry_alone = greatest(x.retry_alone - 1, 0) WHERE x.hub_id = k.hub_id;
		-- soon, to see whether they reach us
		UPDATE webchatt.hub_webhooks x SET look_at = least(x.look_at, now() + interval '10 seconds') WHERE x.id = w.id;
		path := format('/v1/organization/webhook/%s/webhook-log', w.hub_webhook_id);
		IF alone THEN
			RETURN jsonb_build_object('do', 'retry one', 'webhook', w.id, 'repairs', to_jsonb(ids), 'log', logs[1],
				'method', 'POST', 'path', format('%s/%s/retry', path, logs[1]), 'body', '{}'::jsonb);
		END IF;
		RETURN jsonb_build_object('do', 'retry', 'webhook', w.id, 'repairs', to_jsonb(ids),
			'method', 'POST', 'path', path || '/retry', 'body', jsonb_build_object('webhookLogIds', to_jsonb(logs)));
	END LOOP;
	RETURN NULL;
END
$$;
COMMENT ON FUNCTION webchatt._retry_step(webchatt.hub_reconciliation) IS 'webchatt''s own: the next call for retries of failed deliveries';

CREATE FUNCTION webchatt._repair_step(hub int) RETURNS jsonb
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	k webchatt.hub_reconciliation;
	w webchatt.hub_webhooks;
BEGIN
	SELECT x.* INTO k FROM webchatt.hub_reconciliation x WHERE x.hub_id = hub;
	IF k.repair_not_before > now() THEN
		RETURN NULL;
	END IF;
	-- what was asked for may have come
	IF webchatt._repairs_present(hub, ARRAY(SELECT x.id FROM webchatt.hub_webhooks y JOIN webchatt.repairs x
		ON x.hub_id = y.hub_id AND x.hub_webhook_id = y.hub_webhook_id
		WHERE y.hub_id = hub AND x.state = 'asked' AND x.event_type = 'Message' ORDER BY x.failed_at LIMIT 200)) > 0 THEN
		UPDATE webchatt.hub_webhooks x SET repair_pause = 0, repair_at = NULL WHERE x.hub_id = hub AND x.repair_pause > 0;
	END IF;
	IF k.look IS NOT NULL THEN
		SELECT x.* INTO w FROM webchatt.hub_webhooks x WHERE x.id = (k.look ->> 'webhook')::int AND x.hub_webhook_id = k.look ->> 'id';
		IF NOT FOUND THEN
			k.look := NULL;
		END IF;
	END IF;
	IF k.look IS NULL THEN
		SELECT x.* INTO w FROM webchatt.hub_webhooks x
		WHERE x.hub_id = hub AND x.hub_webhook_id IS NOT NULL AND x.desired <> 'gone' AND coalesce(x.look_at, '-infinity') <= now()
		ORDER BY x.look_at NULLS FIRST, x.event_type LIMIT 1;
		IF FOUND THEN
			k.look := jsonb_build_object('webhook', w.id, 'id', w.hub_webhook_id, 'offset', 0, 'began', now(), 'newest', NULL, 'mistrusted', 0);
			UPDATE webchatt.hub_webhooks x SET look_at = now() + interval '5 minutes' WHERE x.id = w.id;
		END IF;
		UPDATE webchatt.hub_reconciliation x SET look = k.look WHERE x.hub_id = hub;
	END IF;
	IF k.look IS NOT NULL THEN
		RETURN jsonb_build_object('do', 'log', 'webhook', w.id, 'method', 'GET', 'path', format('/v1/organization/webhook/%s/webhook-log?offset=%s&limit=50&status=%s',
			w.hub_webhook_id, k.look ->> 'offset', k.log_word));
	END IF;
	IF k.retry_at > now() THEN
		RETURN NULL;
	END IF;
	RETURN webchatt._retry_step(k);
END
$$;
COMMENT ON FUNCTION webchatt._repair_step(int) IS 'webchatt''s own: the next call by which failed deliveries are found, or asked for again; NULL: none now';

CREATE FUNCTION webchatt._take_repair(k webchatt.hub_reconciliation, step jsonb, doc jsonb) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	w webchatt.hub_webhooks;
BEGIN
	SELECT x.* INTO w FROM webchatt.hub_webhooks x WHERE x.id = (step ->> 'webhook')::int AND x.hub_id = k.hub_id FOR UPDATE;
	IF NOT FOUND OR w.hub_webhook_id IS NULL THEN
		UPDATE webchatt.hub_reconciliation x SET look = NULL WHERE x.hub_id = k.hub_id;
	ELSIF step ->> 'do' <> 'log' THEN
		PERFORM webchatt._take_retries(k, w, step, doc);
	ELSIF k.look IS NOT NULL THEN
		PERFORM webchatt._take_log(k, w, step, doc);
	END IF;
	UPDATE webchatt.hub_reconciliation x SET repair_tries = 0, repair_error = NULL, repair_error_at = NULL
	WHERE x.hub_id = k.hub_id AND x.repair_error IS NOT NULL AND coalesce(x.repair_not_before, '-infinity') <= now()
		AND x.repair_error_at < now();
END
$$;
COMMENT ON FUNCTION webchatt._take_repair(webchatt.hub_reconciliation, jsonb, jsonb) IS 'webchatt''s own: takes in a hub''s answer about failed deliveries';

/* A 4xx about logs: an answer in itself, or false. */
CREATE FUNCTION webchatt._take_repair_refusal(k webchatt.hub_reconciliation, step jsonb, status int) RETURNS boolean
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	CASE
		WHEN step ->> 'do' = 'log' AND status IN (400, 422) AND k.log_word = 'Failed' THEN
			-- the guide says Failed, the OpenAPI file Error (doc/hub-contract.md, section 2)
			UPDATE webchatt.hub_reconciliation x SET log_word = 'Error' WHERE x.hub_id = k.hub_id;
		WHEN step ->> 'do' = 'retry' THEN
			PERFORM webchatt._unask(step);
			UPDATE webchatt.hub_reconciliation x SET retry_alone = 50 WHERE x.hub_id = k.hub_id;
		WHEN step ->> 'do' = 'retry one' AND status = 404 THEN
			UPDATE webchatt.repairs r SET state = 'given up', done_at = now(), answer = 'the hub has no such log any more'
			WHERE r.id IN (SELECT x::bigint FROM jsonb_array_elements_text(step -> 'repairs') x) AND r.state = 'asked';
		ELSE
			UPDATE webchatt.hub_reconciliation x SET log_word = 'Failed', look = NULL WHERE x.hub_id = k.hub_id AND step ->> 'do' = 'log';
			UPDATE webchatt.hub_webhooks w SET look_at = now() + interval '5 minutes' WHERE w.id = (step ->> 'webhook')::int AND step ->> 'do' = 'log';
			RETURN false;
	END CASE;
	RETURN true;
END
$$;
COMMENT ON FUNCTION webchatt._take_repair_refusal(webchatt.hub_reconciliation, jsonb, int) IS 'webchatt''s own: takes in that the hub refuses a call about logs';
