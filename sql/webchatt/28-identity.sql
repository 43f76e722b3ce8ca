----------------------------------------------------------------------------
-- Which user of the site a visitor is: secrets, tokens, joining (doc/identity.md, doc/decisions/0018-identity.md)
----------------------------------------------------------------------------

CREATE TABLE webchatt.identity_secrets (
	channel_id uuid PRIMARY KEY REFERENCES webchatt.channels (id) ON DELETE CASCADE,
	secret text NOT NULL CHECK (secret ~ '^[!-~]+$' AND length(secret) BETWEEN 32 AND 512),
	old_secret text CHECK (length(old_secret) BETWEEN 32 AND 512),
	old_secret_until timestamptz,
	changed_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE webchatt.identity_secrets IS
	'what the site''s server signs with who a visitor is, one row for each channel that has one; webchatt.set_identity_secret() writes it';
COMMENT ON COLUMN webchatt.identity_secrets.secret IS 'secret: the key of the tokens'' HMAC, its characters as they stand here';
COMMENT ON COLUMN webchatt.identity_secrets.old_secret IS 'secret: also accepted, until old_secret_until';
COMMENT ON COLUMN webchatt.identity_secrets.old_secret_until IS 'when the old secret stops being accepted';
COMMENT ON COLUMN webchatt.identity_secrets.changed_at IS 'when the secret was last set';

CREATE TRIGGER config_changed AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON webchatt.identity_secrets
	FOR EACH STATEMENT EXECUTE FUNCTION webchatt._config_changed();

CREATE FUNCTION webchatt._sign(secret text, head text, body text) RETURNS bytea
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'webchatt_sign';
COMMENT ON FUNCTION webchatt._sign(text, text, text) IS 'webchatt''s own: HMAC-SHA256 of the head, a dot and the body';

CREATE FUNCTION webchatt.set_identity(channel uuid, identity text) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	PERFORM webchatt._need_local_channel(channel);
	IF set_identity.identity IS NULL OR set_identity.identity NOT IN ('none', 'optional', 'required') THEN
		RAISE EXCEPTION 'identity cannot be %', coalesce(quote_literal(set_identity.identity), 'NULL')
			USING ERRCODE = 'invalid_parameter_value',
				HINT = 'Use none (pages cannot say who a visitor is), optional (they can) or required (nobody else is let in).';
	END IF;
	IF set_identity.identity <> 'none' AND NOT EXISTS (SELECT FROM webchatt.identity_secrets s WHERE s.channel_id = channel) THEN
		RAISE EXCEPTION 'channel % has no identity secret', channel
			USING ERRCODE = 'object_not_in_prerequisite_state',
				HINT = 'SELECT webchatt.set_identity_secret(channel) makes one; the site''s server signs with it.';
	END IF;
	UPDATE webchatt.channels c SET identity = set_identity.identity WHERE c.id = channel AND c.identity <> set_identity.identity;
END
$$;
COMMENT ON FUNCTION webchatt.set_identity(uuid, text) IS
	'says whether a channel''s pages can say, signed by the site''s server, which user a visitor is: none, optional, or required, which lets nobody else in and ends the sessions of the others';

CREATE FUNCTION webchatt.set_identity_secret(channel uuid, secret text DEFAULT NULL, keep_old interval DEFAULT '1 day') RETURNS text
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	wanted text := coalesce(set_identity_secret.secret, webchatt._random_token('wis_', 32));
BEGIN
	PERFORM webchatt._need_local_channel(channel);
	IF length(wanted) NOT BETWEEN 32 AND 512 OR wanted !~ '^[!-~]+$' THEN
		RAISE EXCEPTION 'the identity secret is not usable'
			USING ERRCODE = 'invalid_parameter_value', DETAIL = format('It has %s characters.', length(wanted)),
				HINT = 'Give 32 to 512 printable ASCII characters without blanks, made at random, or leave it out: then one is made.';
	END IF;
	IF keep_old IS NULL OR keep_old < interval '0' THEN
		RAISE EXCEPTION 'keep_old is %', coalesce(keep_old::text, 'NULL')
			USING ERRCODE = 'invalid_parameter_value',
				HINT = 'Give how long the old secret stays valid, for example interval ''1 day'', or interval ''0'' for not at all.';
	END IF;
	INSERT INTO webchatt.identity_secrets AS s (channel_id, secret) VALUES (channel, wanted)
	ON CONFLICT (channel_id) DO UPDATE SET
		old_secret = CASE WHEN keep_old = interval '0' THEN NULL WHEN s.secret = excluded.secret THEN s.old_secret ELSE s.secret END,
		old_secret_until = CASE WHEN s.secret = excluded.secret THEN s.old_secret_until ELSE now() + keep_old END,
		secret = excluded.secret, changed_at = now();
	UPDATE webchatt.channels c SET identity = 'optional' WHERE c.id = channel AND c.identity = 'none';
	RETURN wanted;
END
$$;
COMMENT ON FUNCTION webchatt.set_identity_secret(uuid, text, interval) IS
	'sets what the site''s server signs a channel''s identity tokens with, and returns it. secret: 32 to 512 printable ASCII characters; NULL: one of 256 bits is made. The one before stays valid for keep_old. A channel whose identity was none has it optional from now on';

CREATE FUNCTION webchatt._base64url(bytes bytea) RETURNS text
LANGUAGE sql IMMUTABLE STRICT SET search_path = pg_catalog, pg_temp AS $$
	SELECT translate(encode(bytes, 'base64'), '+/=' || chr(10), '-_')
$$;
COMMENT ON FUNCTION webchatt._base64url(bytea) IS 'webchatt''s own: base64 with - and _, and nothing behind it';

CREATE FUNCTION webchatt.identity_token(channel uuid, user_id text, valid_for interval DEFAULT '1 hour', name text DEFAULT NULL,
	email text DEFAULT NULL, avatar text DEFAULT NULL)
RETURNS text
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_variable
DECLARE
	key text;
	head text := webchatt._base64url('{"alg":"HS256","typ":"JWT"}');
	body text;
	at constant timestamp := clock_timestamp() AT TIME ZONE 'UTC';
	latest constant timestamp := at + interval '366 days';
BEGIN
	PERFORM webchatt._need_local_channel(channel);
	SELECT s.secret INTO key FROM webchatt.identity_secrets s WHERE s.channel_id = channel;
	IF NOT FOUND THEN
		RAISE EXCEPTION 'channel % has no identity secret', channel
			USING ERRCODE = 'object_not_in_prerequisite_state', HINT = 'SELECT webchatt.set_identity_secret(channel) makes one.';
	END IF;
	IF user_id IS NULL OR octet_length(user_id) NOT BETWEEN 1 AND 255 OR user_id ~ '[[:cntrl:]]' THEN
		RAISE EXCEPTION 'the user''s id is NULL, or not one'
			USING ERRCODE = 'invalid_parameter_value', HINT = 'Give 1 to 255 bytes without control characters: the key of the user in your own tables, say.';
	END IF;
	-- by the clock and not by intervals, for which a year has 360 days; in UTC, where each day has 24 hours
	IF valid_for IS NULL OR valid_for NOT BETWEEN interval '0' AND interval '367 days' OR at + valid_for <= at OR at + valid_for > latest THEN
		RAISE EXCEPTION 'valid_for is %', coalesce(valid_for::text, 'NULL')
			USING ERRCODE = 'invalid_parameter_value', HINT = 'Give how long the token is good for, an hour, say, and at most a year.';
	END IF;
	body := webchatt._base64url(convert_to(json_strip_nulls(json_build_object('sub', user_id,
		'exp', least(ceil(extract(epoch FROM at + valid_for)), floor(extract(epoch FROM latest)))::bigint, 'name', name, 'email', email, 'picture', avatar))::text, 'UTF8'));
	RETURN head || '.' || body || '.' || webchatt._base64url(webchatt._sign(key, head, body));
END
$$;
COMMENT ON FUNCTION webchatt.identity_token(uuid, text, interval, text, text, text) IS
	'a token that says which user a visitor is, for sites whose server is this database: for Chatt2me.identify({signature}). Whoever has it is that user, for valid_for (a year at most), so give it to nobody else. name, email, avatar: what is shown of them. It runs with its owner''s rights: GRANT EXECUTE to the role that the site connects as, which need not see the secret';

----------------------------------------------------------------------------
-- Joining: an anonymous visitor turns out to be one who is known
----------------------------------------------------------------------------

/*
 * A conversation is moved in pieces, by the worker, which also looks again and again for a while: a
 * transaction that was under way may commit a message to the one who is gone.
 */
CREATE TABLE webchatt.joins (
	channel_id uuid NOT NULL,
	visitor text COLLATE "C" NOT NULL,
	moving boolean NOT NULL DEFAULT true,
	looks int NOT NULL DEFAULT 0,
	due timestamptz NOT NULL DEFAULT now(),
	begun_at timestamptz NOT NULL DEFAULT now(),
	xid xid8 NOT NULL DEFAULT pg_current_xact_id(),
	tries int NOT NULL DEFAULT 0,
	error text,
	PRIMARY KEY (channel_id, visitor),
	FOREIGN KEY (channel_id, visitor) REFERENCES webchatt.visitors (channel_id, id) ON DELETE CASCADE ON UPDATE CASCADE
);
CREATE INDEX joins_due ON webchatt.joins (due);
COMMENT ON TABLE webchatt.joins IS
	'webchatt''s own: visitors who were joined to another, and whose messages are being moved, or may still come';
COMMENT ON COLUMN webchatt.joins.visitor IS 'who was joined; to whom is in webchatt.visitors';
COMMENT ON COLUMN webchatt.joins.moving IS 'whether there are more messages to be moved; false: it is only looked after';
COMMENT ON COLUMN webchatt.joins.looks IS 'how often it was looked after since';
COMMENT ON COLUMN webchatt.joins.due IS 'when that is next done';
COMMENT ON COLUMN webchatt.joins.begun_at IS 'when they were joined, or something was found last';
COMMENT ON COLUMN webchatt.joins.xid IS 'the transaction in which that was';
COMMENT ON COLUMN webchatt.joins.tries IS 'how often in a row it could not be done; the pause doubles with each, up to an hour';
COMMENT ON COLUMN webchatt.joins.error IS 'why, in PostgreSQL''s words; null: it could be done';

CREATE FUNCTION webchatt._cancel_joined_twice(channel uuid, gone text, stays text, any_time boolean) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET plan_cache_mode = force_generic_plan AS $$
DECLARE
	twice uuid;
BEGIN
	FOR twice IN SELECT m.id FROM webchatt.messages m
		JOIN webchatt.visitors v ON v.channel_id = m.channel_id AND v.id = m.visitor
		WHERE m.channel_id = channel AND m.visitor = gone AND m.dedupe_key IS NOT NULL AND m.direction = 'out' AND m.status IN ('queued', 'held')
			AND (any_time OR m.created_at > v.joined_at)
			AND EXISTS (SELECT FROM webchatt.messages o WHERE o.channel_id = channel AND o.visitor = stays AND o.dedupe_key = m.dedupe_key) LOOP
		PERFORM webchatt.cancel_message(channel, twice);
		UPDATE webchatt.messages m SET error_message = 'the conversation that this one was joined to has a message with this dedupe key'
		WHERE m.channel_id = channel AND m.id = twice;
	END LOOP;
END
$$;
COMMENT ON FUNCTION webchatt._cancel_joined_twice(uuid, text, text, boolean) IS
	'webchatt''s own: cancels what was sent to a visitor after they were joined to another (any_time: whenever), under a dedupe key that the other''s conversation has';

CREATE FUNCTION webchatt._join(channel uuid, gone text, stays text) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET plan_cache_mode = force_generic_plan AS $$
BEGIN
	UPDATE webchatt.visitors v SET first_seen = least(v.first_seen, a.first_seen),
		name = coalesce(v.name, a.name), email = coalesce(v.email, a.email), avatar = coalesce(v.avatar, a.avatar),
		attributes = a.attributes || v.attributes, page_attributes = a.page_attributes || v.page_attributes,
		page_url = CASE WHEN a.page_at > v.page_at OR v.page_at IS NULL THEN a.page_url ELSE v.page_url END,
		page_title = CASE WHEN a.page_at > v.page_at OR v.page_at IS NULL THEN a.page_title ELSE v.page_title END,
		page_at = greatest(a.page_at, v.page_at), locale = coalesce(v.locale, a.locale), time_zone = coalesce(v.time_zone, a.time_zone),
		referrer = CASE WHEN a.first_seen < v.first_seen THEN coalesce(a.referrer, v.referrer) ELSE coalesce(v.referrer, a.referrer) END
	FROM webchatt.visitors a
	WHERE v.channel_id = channel AND v.id = stays AND a.channel_id = channel AND a.id = gone;
	DELETE FROM webchatt.visitor_tokens t WHERE t.channel_id = channel AND t.visitor = gone;
	DELETE FROM webchatt.conversation_links l WHERE l.channel_id = channel AND l.visitor = gone;
	-- who was joined to the one who is gone is joined to the other
	UPDATE webchatt.visitors v SET joined_to = stays WHERE v.channel_id = channel AND v.joined_to = gone;
	UPDATE webchatt.visitors v SET joined_to = stays, joined_at = now() WHERE v.channel_id = channel AND v.id = gone;
	-- what an agent decided goes along; how it stands follows from the messages
	INSERT INTO webchatt.conversations AS c (channel_id, visitor, assignee, waiting_since, answered_upto, last_id, last_at, assignee_order)
	SELECT a.channel_id, stays, a.assignee, a.waiting_since, a.answered_upto, a.last_id, a.last_at, a.assignee_order
	FROM webchatt.conversations a WHERE a.channel_id = channel AND a.visitor = gone
	ON CONFLICT (channel_id, visitor) DO UPDATE
	SET assignee = coalesce(c.assignee, excluded.assignee), assignee_order = greatest(c.assignee_order, excluded.assignee_order);
	DELETE FROM webchatt.conversations c WHERE c.channel_id = channel AND c.visitor = gone;
	-- at once: the next message may name one
	UPDATE webchatt.files f SET visitor = stays WHERE f.channel_id = channel AND f.visitor = gone;
	INSERT INTO webchatt.joins (channel_id, visitor) VALUES (channel, gone);
END
$$;
COMMENT ON FUNCTION webchatt._join(uuid, text, text) IS
	'webchatt''s own: an anonymous visitor turned out to be another one; their messages follow by _move_joined()';

CREATE FUNCTION webchatt._move_joined(channel uuid, gone text, most int, OUT stays text, OUT moved int, OUT again boolean, OUT released boolean, OUT late boolean)
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET plan_cache_mode = force_generic_plan AS $$
DECLARE
	j webchatt.joins;
	n int;
	beside int;
BEGIN
	moved := 0;
	again := false;
	released := false;
	late := false;
	SELECT v.joined_to INTO stays FROM webchatt.visitors v WHERE v.channel_id = channel AND v.id = gone;
	SELECT * INTO j FROM webchatt.joins x WHERE x.channel_id = channel AND x.visitor = gone;
	IF stays IS NULL OR j.visitor IS NULL THEN
		RETURN;
	END IF;
	-- what was sent once more by the one under the same id is the same
	DELETE FROM webchatt.messages m USING webchatt.messages same
	WHERE m.channel_id = channel AND m.visitor = gone AND m.direction = 'in' AND NOT j.moving
		AND webchatt.hub_message_key(same.channel_id, same.hub_message_id)
			= webchatt.hub_message_key(channel, stays || substr(m.hub_message_id, length(gone) + 1))
		AND same.channel_id = channel AND same.visitor = stays AND same.content = m.content
		AND left(m.hub_message_id, length(gone) + 1) = gone || '/';
	-- and so is what was sent to the one under the same key
	PERFORM webchatt._cancel_joined_twice(channel, gone, stays, NOT j.moving);
	-- the newest first: they are what is looked at. What is queued or held goes to the one's sessions yet
	WITH piece AS MATERIALIZED (
		SELECT m.id FROM webchatt.messages m
		WHERE m.channel_id = channel AND m.visitor = gone
		ORDER BY m.channel_id DESC, m.visitor DESC, m.id DESC LIMIT most
		FOR UPDATE
	), done AS (
		UPDATE webchatt.messages m SET visitor = stays,
			hub_message_id = CASE WHEN m.direction = 'in' AND left(m.hub_message_id, length(gone) + 1) = gone || '/'
				AND NOT EXISTS (SELECT FROM webchatt.messages o
					WHERE webchatt.hub_message_key(o.channel_id, o.hub_message_id)
						= webchatt.hub_message_key(channel, stays || substr(m.hub_message_id, length(gone) + 1)))
				THEN stays || substr(m.hub_message_id, length(gone) + 1) ELSE m.hub_message_id END,
			dedupe_key = CASE WHEN m.dedupe_key IS NOT NULL AND EXISTS (SELECT FROM webchatt.messages o
					WHERE o.channel_id = channel AND o.visitor = stays AND o.dedupe_key = m.dedupe_key)
				THEN m.dedupe_key || ' ' || m.id ELSE m.dedupe_key END
		FROM piece p
		WHERE m.channel_id = channel AND m.id = p.id
		RETURNING m.status
	)
	SELECT count(*), NOT j.moving AND count(*) FILTER (WHERE d.status NOT IN ('queued', 'held', 'cancelled')) > 0 INTO moved, late FROM done d;
	WITH piece AS MATERIALIZED (
		SELECT h.seq FROM webchatt.held h WHERE h.channel_id = channel AND h.visitor = gone ORDER BY h.seq LIMIT most FOR UPDATE
	)
	UPDATE webchatt.held h SET visitor = stays FROM piece p WHERE h.channel_id = channel AND h.visitor = gone AND h.seq = p.seq;
	GET DIAGNOSTICS n = ROW_COUNT;
	released := n > 0;
	UPDATE webchatt.notes x SET visitor = stays WHERE x.channel_id = channel AND x.visitor = gone
		AND x.id IN (SELECT o.id FROM webchatt.notes o WHERE o.channel_id = channel AND o.visitor = gone LIMIT most);
	GET DIAGNOSTICS beside = ROW_COUNT;
	again := beside >= most;
	UPDATE webchatt.files f SET visitor = stays WHERE f.channel_id = channel AND f.visitor = gone
		AND f.id IN (SELECT o.id FROM webchatt.files o WHERE o.channel_id = channel AND o.visitor = gone LIMIT most);
	GET DIAGNOSTICS beside = ROW_COUNT;
	UPDATE webchatt.ratings r SET visitor = stays WHERE r.channel_id = channel AND r.visitor = gone;
	UPDATE webchatt.closings k SET visitor = stays WHERE k.channel_id = channel AND k.visitor = gone;
	UPDATE webchatt.unread n SET visitor = stays WHERE n.channel_id = channel AND n.visitor = gone;
	-- what was refused comes back, if it does, as the one's who stays
	UPDATE webchatt.rejects r SET visitor = stays, event_key = replace(r.event_key, gone, stays), body = replace(r.body, gone, stays)
	WHERE r.channel_id = channel AND r.visitor = gone AND j.moving
		AND NOT EXISTS (SELECT FROM webchatt.rejects o WHERE o.channel_id = channel AND o.event_type = r.event_type
			AND o.event_key = replace(r.event_key, gone, stays));
	again := again OR beside >= most OR moved >= most OR n >= most;
	IF again OR (moved + n > 0 AND NOT j.moving) THEN
		UPDATE webchatt.joins x SET moving = again, looks = 0, tries = 0, error = NULL, begun_at = now(), xid = pg_current_xact_id(),
			due = clock_timestamp() + CASE WHEN again THEN interval '20 milliseconds' ELSE interval '1 second' END
		WHERE x.channel_id = channel AND x.visitor = gone;
	ELSIF j.looks > 4 AND (j.xid < pg_snapshot_xmin(pg_current_snapshot()) OR j.begun_at < now() - interval '1 day') THEN
		DELETE FROM webchatt.joins x WHERE x.channel_id = channel AND x.visitor = gone;
	ELSE
		UPDATE webchatt.joins x SET moving = false, looks = least(j.looks + 1, 1000), tries = 0, error = NULL,
			due = clock_timestamp() + (ARRAY['1 second', '5 seconds', '30 seconds', '2 minutes', '5 minutes']::interval[])[least(j.looks + 1, 5)]
		WHERE x.channel_id = channel AND x.visitor = gone;
	END IF;
END
$$;
COMMENT ON FUNCTION webchatt._move_joined(uuid, text, int, OUT text, OUT int, OUT boolean, OUT boolean, OUT boolean) IS
	'webchatt''s own: moves so many messages of a visitor who was joined to another, the newest first. stays: to whom (null: to nobody); again: there are more; released: messages were held for the one who is gone; late: some came behind those that were there when they were joined, and go to no session by themselves';

CREATE FUNCTION webchatt._identify(channel uuid, user_id text, shown text, shown_hash bytea, new_hash bytea,
	OUT visitor text, OUT joined text, OUT ended text)
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET plan_cache_mode = force_generic_plan AS $$
#variable_conflict use_column
DECLARE
	of_user text;
	is_joined boolean;
BEGIN
	SELECT v.id INTO visitor FROM webchatt.visitors v
	WHERE v.channel_id = channel AND v.user_id = _identify.user_id FOR UPDATE;
	IF shown IS NOT NULL THEN
		SELECT v.user_id, v.joined_to IS NOT NULL INTO of_user, is_joined
		FROM webchatt.visitors v WHERE v.channel_id = channel AND v.id = shown FOR UPDATE;
		-- another tab of the browser was quicker: there is nothing of theirs any more that could be joined
		IF NOT FOUND OR is_joined THEN
			shown := NULL;
		END IF;
	END IF;
	IF shown IS NOT NULL AND of_user IS NOT NULL THEN
		-- somebody else was here before: the device is not theirs any more
		IF shown_hash IS NOT NULL THEN
			DELETE FROM webchatt.visitor_tokens t WHERE t.channel_id = channel AND t.token_hash = shown_hash;
		END IF;
	ELSIF shown IS NOT NULL AND visitor IS NULL THEN
		UPDATE webchatt.visitors v SET user_id = _identify.user_id WHERE v.channel_id = channel AND v.id = shown;
		DELETE FROM webchatt.visitor_tokens t WHERE t.channel_id = channel AND t.visitor = shown;
		DELETE FROM webchatt.conversation_links l WHERE l.channel_id = channel AND l.visitor = shown;
		visitor := shown;
		ended := shown;
	ELSIF shown IS NOT NULL THEN
		PERFORM webchatt._join(channel, shown, visitor);
		joined := shown;
		ended := shown;
	END IF;
	IF visitor IS NULL THEN
		RETURN;
	END IF;
	-- a device that keeps nothing brings one each time
	DELETE FROM webchatt.visitor_tokens t WHERE t.channel_id = channel AND t.token_hash IN (
		SELECT o.token_hash FROM webchatt.visitor_tokens o WHERE o.channel_id = channel AND o.visitor = _identify.visitor
		ORDER BY o.created_at DESC, o.token_hash OFFSET 63);
	INSERT INTO webchatt.visitor_tokens (channel_id, token_hash, visitor) VALUES (channel, new_hash, _identify.visitor);
END
$$;
COMMENT ON FUNCTION webchatt._identify(uuid, text, text, bytea, bytea, OUT text, OUT text, OUT text) IS
	'webchatt''s own: a device whose visitor was shown (null: none) is that user''s, whose visitor is returned (null: the user has none, and shown cannot be it), with a token of its own. joined: who was joined to them; ended: whose other sessions are not theirs any more';

CREATE FUNCTION webchatt._merge_attributes(attributes jsonb, given jsonb, news jsonb, OUT merged jsonb, OUT merged_given jsonb)
LANGUAGE plpgsql IMMUTABLE STRICT SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	k text;
	v text;
BEGIN
	merged := attributes;
	merged_given := given;
	FOR k, v IN SELECT * FROM jsonb_each_text(news) LOOP
		-- what the application wrote is the application's
		CONTINUE WHEN merged -> k IS NOT NULL AND merged -> k IS DISTINCT FROM merged_given -> k;
		IF v IS NULL THEN
			merged := merged - k;
			merged_given := merged_given - k;
		ELSIF octet_length((merged_given || jsonb_build_object(k, v))::text) <= 2048
			AND (SELECT count(*) FROM jsonb_object_keys(merged_given || jsonb_build_object(k, v))) <= 16 THEN
			merged := merged || jsonb_build_object(k, v);
			merged_given := merged_given || jsonb_build_object(k, v);
		END IF;
	END LOOP;
END
$$;
COMMENT ON FUNCTION webchatt._merge_attributes(jsonb, jsonb, jsonb, OUT jsonb, OUT jsonb) IS
	'webchatt''s own: what a page says anew of a visitor, put to what it said before: 16 texts and 2 kB of the page''s at most, beyond which a new name is passed over. null takes one away; one that the application has written stays';

CREATE FUNCTION webchatt._note_profile(channel uuid, visitor text, name text, email text, avatar text, attributes jsonb, signed int) RETURNS boolean
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET plan_cache_mode = force_generic_plan AS $$
DECLARE
	old webchatt.visitors;
	new webchatt.visitors;
BEGIN
	SELECT * INTO old FROM webchatt.visitors v WHERE v.channel_id = channel AND v.id = visitor FOR NO KEY UPDATE SKIP LOCKED;
	IF NOT FOUND THEN
		RETURN false;
	END IF;
	new := old;
	IF _note_profile.name IS NOT NULL AND (signed & 1 > 0 OR 'name' <> ALL (old.signed)) THEN
		new.name := _note_profile.name;
	END IF;
	IF _note_profile.email IS NOT NULL AND (signed & 2 > 0 OR 'email' <> ALL (old.signed)) THEN
		new.email := _note_profile.email;
	END IF;
	IF _note_profile.avatar IS NOT NULL AND (signed & 4 > 0 OR 'avatar' <> ALL (old.signed)) THEN
		new.avatar := _note_profile.avatar;
	END IF;
	new.signed := ARRAY(SELECT f FROM unnest('{name,email,avatar}'::text[], '{1,2,4}'::int[]) u (f, bit)
		WHERE f = ANY (old.signed) OR signed & bit > 0);
	IF _note_profile.attributes IS NOT NULL THEN
		SELECT m.merged, m.merged_given INTO new.attributes, new.page_attributes
		FROM webchatt._merge_attributes(old.attributes, old.page_attributes, _note_profile.attributes) m;
	END IF;
	IF new IS NOT DISTINCT FROM old THEN
		RETURN false;
	END IF;
	UPDATE webchatt.visitors v SET name = new.name, email = new.email, avatar = new.avatar, signed = new.signed,
		attributes = new.attributes, page_attributes = new.page_attributes
	WHERE v.channel_id = channel AND v.id = visitor;
	RETURN true;
END
$$;
COMMENT ON FUNCTION webchatt._note_profile(uuid, text, text, text, text, jsonb, int) IS
	'webchatt''s own: what a visitor''s page says of them (null: nothing of that), or the site''s server: signed is a sum of 1 (name), 2 (email), 4 (avatar). What the server signed once, the page does not change. Returns whether anything was news; a row that somebody holds is passed over';
