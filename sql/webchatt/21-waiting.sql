----------------------------------------------------------------------------
-- Waiting, for psql and scripts
----------------------------------------------------------------------------

CREATE FUNCTION webchatt._may_wait(timeout interval, hub int, message uuid DEFAULT NULL) RETURNS timestamptz
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	IF timeout IS NULL OR timeout <= interval '0' THEN
		RAISE EXCEPTION 'the time to wait is %', coalesce(timeout::text, 'NULL')
			USING ERRCODE = 'invalid_parameter_value', HINT = 'Give a positive interval, for example interval ''30 s''.';
	END IF;
	IF current_setting('transaction_isolation') NOT IN ('read committed', 'read uncommitted') THEN
		RAISE EXCEPTION 'a transaction in % sees nothing that comes', upper(current_setting('transaction_isolation'))
			USING ERRCODE = 'object_not_in_prerequisite_state', HINT = 'Wait in READ COMMITTED, best outside of a transaction block.';
	END IF;
	IF EXISTS (SELECT FROM webchatt.outbox o WHERE o.hub_id IN (hub, -hub) AND o.xid = pg_current_xact_id_if_assigned()
		AND (message IS NULL OR o.message_id = message)) THEN
		RAISE EXCEPTION 'nothing can come of a change before it is committed'
			USING ERRCODE = 'object_not_in_prerequisite_state',
				DETAIL = 'This transaction made the change that it waits for.',
				HINT = 'Commit first, and wait in the next transaction.';
	END IF;
	IF NOT EXISTS (SELECT FROM webchatt._status() s WHERE s.worker_pid IS NOT NULL) THEN
		RAISE EXCEPTION 'no worker runs that could do it'
			USING ERRCODE = 'object_not_in_prerequisite_state',
				DETAIL = (SELECT s.state FROM webchatt._status() s);
	END IF;
	RETURN clock_timestamp() + timeout;
END
$$;
COMMENT ON FUNCTION webchatt._may_wait(interval, int, uuid) IS
	'webchatt''s own: until when to wait, or an error where waiting is in vain: the transaction has itself written orders for that hub (0: changed the configuration)';

CREATE FUNCTION webchatt.wait_for_webhooks(hub text DEFAULT 'chatt2me', timeout interval DEFAULT '30 s')
RETURNS TABLE (event_type text, state text, endpoint text, verified_at timestamptz)
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
	h webchatt.hubs := webchatt._remote_hub(wait_for_webhooks.hub);
	until timestamptz := webchatt._may_wait(wait_for_webhooks.timeout, 0);
	error text;
BEGIN
	LOOP
		IF NOT EXISTS (SELECT FROM webchatt.hub_reconciliation k WHERE k.hub_id = h.id
				AND (k.wanted <> k.heeded OR k.list_offset IS NOT NULL OR k.listed IS NOT NULL)
				AND EXISTS (SELECT FROM webchatt.hub_webhooks w WHERE w.hub_id = h.id))
			AND NOT EXISTS (SELECT FROM webchatt.hub_webhooks w WHERE w.hub_id = h.id
				AND NOT (w.state = 'verified' AND w.desired = 'registered' AND w.secret IS NOT NULL
					AND w.endpoint = split_part(w.actual_endpoint, '?', 1))) THEN
			EXIT;
		END IF;
		IF clock_timestamp() >= until THEN
			SELECT string_agg(format('%s: %s%s', w.event_type, w.state, ', ' || w.last_error), '; ' ORDER BY w.event_type) INTO error
			FROM webchatt.hub_webhooks w WHERE w.hub_id = h.id;
			RAISE EXCEPTION 'the webhooks at hub % are not as they should be after %', h.name, wait_for_webhooks.timeout
				USING ERRCODE = 'query_canceled', DETAIL = coalesce(error, 'the worker has not looked yet'),
					HINT = 'SELECT * FROM webchatt.hub_webhooks shows what the worker does; it goes on.';
		END IF;
		PERFORM pg_sleep(0.05);
	END LOOP;
	RETURN QUERY SELECT w.event_type, w.state, w.actual_endpoint, w.verified_at FROM webchatt.hub_webhooks w
		WHERE w.hub_id = h.id ORDER BY w.event_type;
END
$$;
COMMENT ON FUNCTION webchatt.wait_for_webhooks(text, interval) IS
	'waits until the webhooks at a hub are as desired (registered and verified, rotated, or gone) and returns them; raises when that takes too long, with the last error';

CREATE FUNCTION webchatt.wait_for_link(hub text DEFAULT 'chatt2me', timeout interval DEFAULT '30 s') RETURNS boolean
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	h webchatt.hubs := webchatt._remote_hub(wait_for_link.hub);
	until timestamptz := webchatt._may_wait(wait_for_link.timeout, 0);
	phase text;
	error text;
BEGIN
	IF h.inbound <> 'link' THEN
		RAISE EXCEPTION 'the events of hub % come by webhooks, not by a link', h.name
			USING ERRCODE = 'object_not_in_prerequisite_state',
				HINT = 'webchatt.connect_hub(..., inbound => ''link'') makes it one, where the hub is another webchatt.';
	END IF;
	LOOP
		SELECT s.link_phase, s.link_error INTO phase, error FROM webchatt._hub_state(h.id) s;
		IF phase = 'open' THEN
			RETURN true;
		END IF;
		IF clock_timestamp() >= until THEN
			RAISE EXCEPTION 'the link to hub % is not open after %', h.name, wait_for_link.timeout
				USING ERRCODE = 'query_canceled', DETAIL = concat_ws(', ', coalesce(phase, 'not begun'), error),
					HINT = 'SELECT hubs FROM webchatt.status shows how it is doing; the worker goes on.';
		END IF;
		PERFORM pg_sleep(0.05);
	END LOOP;
END
$$;
COMMENT ON FUNCTION webchatt.wait_for_link(text, interval) IS
	'waits until the link to a hub is open; raises when that takes too long, with the last error';

CREATE FUNCTION webchatt.wait_for_status(
	channel uuid, id uuid, status webchatt.message_status, timeout interval DEFAULT '30 s')
RETURNS webchatt.message_status
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
	wanted webchatt.message_status := wait_for_status.status;
	ends CONSTANT webchatt.message_status[] := '{failed,expired,cancelled,retracted}';
	now_is webchatt.message_status;
	error text;
	hub int;
	until timestamptz;
BEGIN
	IF wanted IS NULL THEN
		RAISE EXCEPTION 'the status to wait for is NULL'
			USING ERRCODE = 'null_value_not_allowed', HINT = 'Give for example ''delivered''.';
	END IF;
	SELECT c.hub_id INTO hub FROM webchatt.channels c WHERE c.id = wait_for_status.channel;
	until := webchatt._may_wait(wait_for_status.timeout, hub, wait_for_status.id);
	LOOP
		SELECT m.status, m.error_message INTO now_is, error FROM webchatt.messages m
		WHERE m.channel_id = wait_for_status.channel AND m.id = wait_for_status.id;
		IF NOT FOUND THEN
			RAISE EXCEPTION 'channel % has no message %', coalesce(wait_for_status.channel::text, 'NULL'), coalesce(wait_for_status.id::text, 'NULL')
				USING ERRCODE = 'undefined_object', HINT = 'SELECT id, visitor, status FROM webchatt.messages lists them.';
		END IF;
		IF now_is = wanted OR (now_is > wanted AND now_is <> ALL (ends)) THEN
			RETURN now_is;
		END IF;
		IF now_is = ANY (ends) THEN
			RAISE EXCEPTION 'the message is %', now_is
				USING ERRCODE = 'object_not_in_prerequisite_state', DETAIL = coalesce(error, 'No reason was given.'),
					HINT = CASE WHEN now_is = 'retracted' THEN 'webchatt.retract_message() took it back: send another.'
						ELSE 'webchatt.retry_message() queues it anew.' END;
		END IF;
		IF clock_timestamp() >= until THEN
			RAISE EXCEPTION 'the message is not % but % after %', wanted, now_is, wait_for_status.timeout
				USING ERRCODE = 'query_canceled', DETAIL = coalesce(error,
					(SELECT s.last_error FROM webchatt._hub_state(hub) s), 'No error is known.'),
					HINT = 'SELECT hubs FROM webchatt.status shows how its hub is doing; the worker goes on.';
		END IF;
		PERFORM pg_sleep(0.05);
	END LOOP;
END
$$;
COMMENT ON FUNCTION webchatt.wait_for_status(uuid, uuid, webchatt.message_status, interval) IS
	'waits until a message has that status, or one further on, and returns what it has; raises when it ends otherwise, or that takes too long';
