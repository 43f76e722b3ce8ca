----------------------------------------------------------------------------
-- Hub connections that keep themselves: calls of hubs, and what is seen of all this
----------------------------------------------------------------------------

CREATE FUNCTION webchatt._reconcile_wait(hub int) RETURNS bigint
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
	SELECT greatest(50, least(60000, ceil(extract(epoch FROM min(d.due) - now()) * 1000)::bigint))
	FROM webchatt.hub_reconciliation k
	CROSS JOIN LATERAL (
		SELECT coalesce(k.next_round, now()) AS due
		UNION ALL SELECT coalesce(w.next_try, now()) FROM webchatt.hub_webhooks w WHERE w.hub_id = hub
			AND (w.desired <> 'registered' OR w.state NOT IN ('verifying', 'verified') OR w.secret IS NULL)
		UNION ALL SELECT greatest(least(w.poll_at, w.again_at), w.next_try) FROM webchatt.hub_webhooks w WHERE w.hub_id = hub AND w.state = 'verifying'
		UNION ALL SELECT greatest(coalesce(w.look_at, now()), k.repair_not_before) FROM webchatt.hub_webhooks w
			WHERE w.hub_id = hub AND w.hub_webhook_id IS NOT NULL AND w.desired <> 'gone'
		UNION ALL SELECT greatest(k.retry_at, k.repair_not_before, w.repair_at, (SELECT min(coalesce(r.next_try, now())) FROM webchatt.repairs r
				WHERE r.hub_id = hub AND r.hub_webhook_id = w.hub_webhook_id AND r.state = 'waiting')) FROM webchatt.hub_webhooks w
			WHERE w.hub_id = hub AND w.secret IS NOT NULL AND w.verified_at IS NOT NULL AND w.desired <> 'gone'
			AND EXISTS (SELECT FROM webchatt.repairs r WHERE r.hub_id = hub AND r.hub_webhook_id = w.hub_webhook_id AND r.state = 'waiting')
		UNION ALL SELECT now() + interval '2 seconds' FROM webchatt.hub_webhooks w WHERE w.hub_id = hub AND EXISTS (SELECT FROM webchatt.repairs r
			WHERE r.hub_id = hub AND r.hub_webhook_id = w.hub_webhook_id AND r.state = 'asked' AND r.event_type = 'Message')
	) d
	WHERE k.hub_id = hub
$$;
COMMENT ON FUNCTION webchatt._reconcile_wait(int) IS 'webchatt''s own: in how many milliseconds something is to be asked of a hub';

CREATE FUNCTION webchatt._hub_call(hub int, OUT method text, OUT path text, OUT body text, OUT wait_ms bigint)
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET plan_cache_mode = force_generic_plan SET jit = off AS $$
DECLARE
	k webchatt.hub_reconciliation := webchatt._reconcile_of(hub);
	url text := nullif(current_setting('webchatt.public_url', true), '');
	step jsonb;
BEGIN
	wait_ms := 60000;
	IF NOT EXISTS (SELECT FROM webchatt.hubs h WHERE h.id = hub AND h.kind = 'remote' AND h.state = 'active') THEN
		RETURN;
	END IF;
	SELECT url || '/webhooks/hubs/' || h.name INTO url FROM webchatt.hubs h WHERE h.id = hub;
	-- an UPDATE of no rows would tell the worker that the configuration changed
	IF EXISTS (SELECT FROM webchatt.hub_webhooks w WHERE w.hub_id = hub AND w.desired <> 'gone' AND w.endpoint <> url) THEN
		UPDATE webchatt.hub_webhooks w SET endpoint = url, next_try = NULL WHERE w.hub_id = hub AND w.desired <> 'gone' AND w.endpoint <> url;
	END IF;
	IF k.not_before > now() THEN
		wait_ms := least(60000, greatest(50, ceil(extract(epoch FROM k.not_before - now()) * 1000)));
		RETURN;
	END IF;
	step := coalesce(webchatt._registration_step(hub), webchatt._repair_step(hub));
	UPDATE webchatt.hub_reconciliation x SET asked = step WHERE x.hub_id = hub AND x.asked IS DISTINCT FROM step;
	IF step IS NULL THEN
		wait_ms := coalesce(webchatt._reconcile_wait(hub), 60000);
		RETURN;
	END IF;
	method := step ->> 'method';
	path := step ->> 'path';
	body := step ->> 'body';
END
$$;
COMMENT ON FUNCTION webchatt._hub_call(int) IS
	'webchatt''s own: what the worker is to ask a hub next, or in how many milliseconds it is to ask us again';

CREATE FUNCTION webchatt._hub_answered(hub int, status int, body text, error text, retry_after_ms int) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET plan_cache_mode = force_generic_plan SET jit = off AS $$
DECLARE
	k webchatt.hub_reconciliation := webchatt._reconcile_of(hub);
	step jsonb := k.asked;
	of_logs boolean := k.asked ->> 'do' IN ('log', 'retry', 'retry one');
	said text;
	scope text := 'hub';
	pause interval;
BEGIN
	IF step IS NULL THEN
		RETURN;
	END IF;
	UPDATE webchatt.hub_reconciliation x SET asked = NULL WHERE x.hub_id = hub;
	IF status BETWEEN 200 AND 299 THEN
		BEGIN
			IF of_logs THEN
				PERFORM webchatt._take_repair(k, step, nullif(body, '')::jsonb);
			ELSE
				PERFORM webchatt._take_registration(k, step, nullif(body, '')::jsonb);
			END IF;
			IF k.tries > 0 THEN
				-- it was away, or we were
				UPDATE webchatt.hub_reconciliation x SET tries = 0, not_before = NULL WHERE x.hub_id = hub;
				UPDATE webchatt.hub_webhooks w SET look_at = NULL WHERE w.hub_id = hub;
			END IF;
			RETURN;
		EXCEPTION WHEN data_exception OR program_limit_exceeded OR integrity_constraint_violation THEN
			said := CASE WHEN sqlerrm LIKE 'the hub''s answer is strange%' THEN sqlerrm ELSE 'the hub''s answer is strange: ' || sqlerrm END;
			scope := CASE WHEN of_logs THEN 'repair' WHEN step ->> 'do' = 'list' THEN 'hub' ELSE 'row' END;
			UPDATE webchatt.hub_reconciliation x SET look = NULL WHERE x.hub_id = hub AND step ->> 'do' = 'log';
			UPDATE webchatt.hub_webhooks w SET look_at = NULL WHERE w.id = (step ->> 'webhook')::int AND step ->> 'do' = 'log';
		END;
	ELSIF status IN (404, 405) AND NOT of_logs AND webchatt._take_absence(k, step, status) THEN
		RETURN;
	ELSIF status BETWEEN 400 AND 499 AND status NOT IN (401, 408, 429) THEN
		IF of_logs AND webchatt._take_repair_refusal(k, step, status) THEN
			RETURN;
		END IF;
		scope := CASE WHEN of_logs THEN 'repair' WHEN step ->> 'do' = 'list' THEN 'hub' ELSE 'row' END;
		UPDATE webchatt.hub_webhooks w SET asked_at = NULL WHERE w.id = (step ->> 'webhook')::int AND step ->> 'do' = 'create';
	ELSIF status IN (429, 503) AND retry_after_ms > 0 THEN
		pause := make_interval(secs => least(3600, retry_after_ms / 1000.0));
	ELSIF status = 401 THEN
		-- the hub is stopped, unless its key has changed meanwhile
		pause := '1 second';
	END IF;
	IF of_logs THEN
		PERFORM webchatt._unask(step);
	END IF;
	PERFORM webchatt._reconcile_failed(hub, step, coalesce(said, webchatt._answer_in_words(status, body, error)), scope, pause);
END
$$;
COMMENT ON FUNCTION webchatt._hub_answered(int, int, text, text, int) IS 'webchatt''s own: takes in what a hub answered to the last call; 0: it did not';
