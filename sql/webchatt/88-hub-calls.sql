----------------------------------------------------------------------------
-- Hub connections that keep themselves: calls of hubs, and what is seen of all this
----------------------------------------------------------------------------

CREATE FUNCTION webchatt._keeping_wait(hub int) RETURNS bigint
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
	SELECT greatest(50, least(60000, ceil(extract(epoch FROM min(d.due) - now()) * 1000)::bigint))
	FROM webchatt.hub_keeping k
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
COMMENT ON FUNCTION webchatt._keeping_wait(int) IS 'webchatt''s own: in how many milliseconds something is to be asked of a hub';

CREATE FUNCTION webchatt._hub_call(hub int, OUT method text, OUT path text, OUT body text, OUT wait_ms bigint)
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET plan_cache_mode = force_generic_plan SET jit = off AS $$
DECLARE
	k webchatt.hub_keeping := webchatt._keeping_of(hub);
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
	UPDATE webchatt.hub_keeping x SET asked = step WHERE x.hub_id = hub AND x.asked IS DISTINCT FROM step;
	IF step IS NULL THEN
		wait_ms := coalesce(webchatt._keeping_wait(hub), 60000);
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
	k webchatt.hub_keeping := webchatt._keeping_of(hub);
	step jsonb := k.asked;
	of_logs boolean := k.asked ->> 'do' IN ('log', 'retry', 'retry one');
	said text;
	scope text := 'hub';
	pause interval;
BEGIN
	IF step IS NULL THEN
		RETURN;
	END IF;
	UPDATE webchatt.hub_keeping x SET asked = NULL WHERE x.hub_id = hub;
	IF status BETWEEN 200 AND 299 THEN
		BEGIN
			IF of_logs THEN
				PERFORM webchatt._take_repair(k, step, nullif(body, '')::jsonb);
			ELSE
				PERFORM webchatt._take_registration(k, step, nullif(body, '')::jsonb);
			END IF;
			IF k.tries > 0 THEN
				-- it was away, or we were
				UPDATE webchatt.hub_keeping x SET tries = 0, not_before = NULL WHERE x.hub_id = hub;
				UPDATE webchatt.hub_webhooks w SET look_at = NULL WHERE w.hub_id = hub;
			END IF;
			RETURN;
		EXCEPTION WHEN data_exception OR program_limit_exceeded OR integrity_constraint_violation THEN
			said := CASE WHEN sqlerrm LIKE 'the hub''s answer is strange%' THEN sqlerrm ELSE 'the hub''s answer is strange: ' || sqlerrm END;
			scope := CASE WHEN of_logs THEN 'repair' WHEN step ->> 'do' = 'list' THEN 'hub' ELSE 'row' END;
			UPDATE webchatt.hub_keeping x SET look = NULL WHERE x.hub_id = hub AND step ->> 'do' = 'log';
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
	PERFORM webchatt._keeping_failed(hub, step, coalesce(said, webchatt._answer_in_words(status, body, error)), scope, pause);
END
$$;
COMMENT ON FUNCTION webchatt._hub_answered(int, int, text, text, int) IS 'webchatt''s own: takes in what a hub answered to the last call; 0: it did not';

----------------------------------------------------------------------------
-- Views
----------------------------------------------------------------------------

CREATE VIEW webchatt.repair AS
SELECT h.name AS hub, x.event_type, w.looked_at AS last_look, w.look_at AS next_look, count(r.id) AS found,
	count(*) FILTER (WHERE r.state = 'repaired' AND r.tries = 0) AS already_here,
	count(*) FILTER (WHERE r.state = 'asked') AS asked,
	count(*) FILTER (WHERE r.state = 'repaired' AND r.tries > 0) AS repaired,
	count(*) FILTER (WHERE r.state = 'waiting') AS waiting,
	count(*) FILTER (WHERE r.state = 'given up') AS given_up,
	coalesce(max(w.log_skipped), 0) AS skipped,
	max(k.repair_error) AS last_error, max(k.repair_error_at) AS last_error_at
FROM (SELECT y.hub_id, y.event_type FROM webchatt.hub_webhooks y WHERE y.hub_id IS NOT NULL
	UNION SELECT z.hub_id, z.event_type FROM webchatt.repairs z) x
JOIN webchatt.hubs h ON h.id = x.hub_id
LEFT JOIN webchatt.hub_webhooks w ON w.hub_id = x.hub_id AND w.event_type = x.event_type
LEFT JOIN webchatt.hub_keeping k ON k.hub_id = x.hub_id
LEFT JOIN webchatt.repairs r ON r.hub_id = x.hub_id AND r.event_type = x.event_type
GROUP BY h.name, x.event_type, w.looked_at, w.look_at
ORDER BY h.name, x.event_type;
COMMENT ON VIEW webchatt.repair IS
	'deliveries that failed while we were away, as the hubs'' logs say, and what came back: one row for each webhook, of the last 30 days; single ones are in webchatt.repairs';
COMMENT ON COLUMN webchatt.repair.hub IS 'the hub''s name';
COMMENT ON COLUMN webchatt.repair.event_type IS 'Message or MessageStatus';
COMMENT ON COLUMN webchatt.repair.last_look IS 'when the hub''s log was last read down to the look before; null: not yet';
COMMENT ON COLUMN webchatt.repair.next_look IS 'when it is read next; null: at once';
COMMENT ON COLUMN webchatt.repair.found IS 'events whose delivery failed';
COMMENT ON COLUMN webchatt.repair.already_here IS 'those among them whose message was here all the same';
COMMENT ON COLUMN webchatt.repair.asked IS 'those that the hub was asked for, which are not here yet';
COMMENT ON COLUMN webchatt.repair.repaired IS 'those that came back';
COMMENT ON COLUMN webchatt.repair.waiting IS 'those that will be asked for';
COMMENT ON COLUMN webchatt.repair.given_up IS 'those that were asked for five times in vain, or cannot be had: webchatt.repairs.answer says why';
COMMENT ON COLUMN webchatt.repair.skipped IS 'lines of the hub''s log that the last look could not read, and passed over';
COMMENT ON COLUMN webchatt.repair.last_error IS 'what last went wrong in asking the hub; null since all is well';
COMMENT ON COLUMN webchatt.repair.last_error_at IS 'when that was';

CREATE VIEW webchatt.overdue AS
SELECT m.channel_id, m.id, m.visitor, m.status, x.since, clock_timestamp() - x.since AS age, x.reason, c.unanswered
FROM webchatt.overdue_candidates c
JOIN webchatt.messages m ON m.channel_id = c.channel_id AND m.id = c.message_id
CROSS JOIN LATERAL (
	SELECT m.status_at AS since, CASE m.status WHEN 'sent' THEN 'it was handed over, and no word of its delivery has come'
		ELSE 'the hub has it in its queue, and no word has come since' END AS reason
	WHERE m.status IN ('enqueued', 'sent') AND m.status_at < now() - current_setting('webchatt.overdue_after')::interval
	UNION ALL
	SELECT c.unanswered_at, format('it was sent %s, and no answer was seen: the visitor may have it; it is sent again under the same key',
		CASE c.unanswered WHEN 1 THEN 'once' ELSE format('%s times', c.unanswered) END)
	WHERE m.status = 'queued' AND c.unanswered > 0) x
ORDER BY x.since;
COMMENT ON VIEW webchatt.overdue IS
	'messages to visitors of which nothing was heard for longer than webchatt.overdue_after, and sends whose answer was never seen, the oldest first; exact to a minute';
COMMENT ON COLUMN webchatt.overdue.visitor IS 'whom it is for';
COMMENT ON COLUMN webchatt.overdue.status IS 'where it stands';
COMMENT ON COLUMN webchatt.overdue.since IS 'since when nothing was heard';
COMMENT ON COLUMN webchatt.overdue.age IS 'how long that is';
COMMENT ON COLUMN webchatt.overdue.reason IS 'what is missing, in words';
COMMENT ON COLUMN webchatt.overdue.unanswered IS 'how often it was sent without an answer';

----------------------------------------------------------------------------
-- Who may do what
----------------------------------------------------------------------------

GRANT SELECT ON webchatt.hub_keeping, webchatt.overdue_candidates, webchatt.overdue_scan, webchatt.repair, webchatt.overdue TO webchatt_admin;
GRANT SELECT ON webchatt.overdue TO webchatt_agent;
GRANT SELECT, INSERT, UPDATE ON webchatt.hub_keeping TO webchatt_admin;
GRANT SELECT, DELETE ON webchatt.repairs TO webchatt_admin;
GRANT SELECT, INSERT, UPDATE, DELETE ON webchatt.hub_keeping, webchatt.repairs, webchatt.overdue_candidates, webchatt.overdue_scan TO webchatt_worker;
GRANT EXECUTE ON FUNCTION webchatt._hub_call(int), webchatt._hub_answered(int, int, text, text, int), webchatt._hub_failed(int, text),
	webchatt._keeping_pause(int), webchatt._bare_url(text), webchatt._keeping_of(int),
	webchatt._keeping_failed(int, jsonb, text, text, interval), webchatt._answer_in_words(int, text, text), webchatt._strange(text),
	webchatt._webhook_in(jsonb), webchatt._secret_in(jsonb), webchatt._webhook_seen(jsonb), webchatt._has_webhook_id(jsonb), webchatt._webhook_is(int, text),
	webchatt._take_secret(int, text), webchatt._note_verified(int, boolean, text), webchatt._webhook_step(webchatt.hub_webhooks, jsonb, boolean),
	webchatt._verification_step(int), webchatt._needs_round(webchatt.hub_webhooks), webchatt._registration_step(int),
	webchatt._take_list(webchatt.hub_keeping, jsonb), webchatt._start_over(int), webchatt._relist(int, text, jsonb),
	webchatt._take_created(webchatt.hub_webhooks, jsonb), webchatt._take_patched(webchatt.hub_webhooks, jsonb, jsonb),
	webchatt._take_signed(webchatt.hub_webhooks, jsonb, jsonb), webchatt._take_registration(webchatt.hub_keeping, jsonb, jsonb),
	webchatt._take_absence(webchatt.hub_keeping, jsonb, int), webchatt._repairs_present(int, bigint[]), webchatt._repair_pause(int),
	webchatt._was_unreachable(int), webchatt._repair_failed(bigint, text, timestamptz, int, text),
	webchatt._is_log_line(jsonb), webchatt._take_log_line(webchatt.hub_webhooks, jsonb, timestamptz), webchatt._time_in(jsonb), webchatt._look_done(webchatt.hub_webhooks, jsonb),
	webchatt._take_log(webchatt.hub_keeping, webchatt.hub_webhooks, jsonb, jsonb), webchatt._unask(jsonb),
	webchatt._take_retries(webchatt.hub_keeping, webchatt.hub_webhooks, jsonb, jsonb), webchatt._retry_step(webchatt.hub_keeping),
	webchatt._repair_step(int), webchatt._take_repair(webchatt.hub_keeping, jsonb, jsonb),
	webchatt._take_repair_refusal(webchatt.hub_keeping, jsonb, int), webchatt._keeping_wait(int) TO webchatt_worker;
GRANT EXECUTE ON FUNCTION webchatt._may_wait(interval, int, uuid), webchatt.wait_for_status(uuid, uuid, webchatt.message_status, interval) TO webchatt_agent;
