----------------------------------------------------------------------------
-- Who was written to while away, and did not come back (doc/unread.md)
----------------------------------------------------------------------------

CREATE TRIGGER call_handlers AFTER INSERT ON webchatt.unread
	FOR EACH ROW EXECUTE FUNCTION webchatt._call_handlers('unread');

CREATE FUNCTION webchatt.notify_unread(channel uuid, after interval DEFAULT '10 minutes') RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	PERFORM webchatt._need_local_channel(channel);
	IF after NOT BETWEEN interval '1 minute' AND interval '30 days' THEN
		RAISE EXCEPTION 'after is %', after
			USING ERRCODE = 'invalid_parameter_value',
				HINT = 'Give how long a message may wait for a visitor who is away, 1 minute to 30 days, or NULL to note nothing.';
	END IF;
	UPDATE webchatt.channels c SET unread_after = after WHERE c.id = channel AND c.unread_after IS DISTINCT FROM after;
	IF after IS NULL THEN
		DELETE FROM webchatt.unread_waits w WHERE w.channel_id = channel;
	END IF;
END
$$;
COMMENT ON FUNCTION webchatt.notify_unread(uuid, interval) IS
	'notes in webchatt.unread which visitors of a local channel were written to while away and have not come back so long after, once until they come back; webchatt.on_unread() has a function called for each. NULL: not any more';

----------------------------------------------------------------------------
-- A link that opens the conversation on any device (doc/decisions/0021-conversation-links.md)
----------------------------------------------------------------------------

CREATE FUNCTION webchatt._check_page_url(channel uuid, page_url text) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	site text := substring(page_url FROM '^([Hh][Tt][Tt][Pp][Ss]?://[^/?#]+)');
BEGIN
	-- what a browser would read in another way, or an e-mail would show in another way, is no address
	IF page_url IS NULL OR site IS NULL OR length(page_url) > 2048 OR page_url !~ '^[!-~]+$' OR page_url ~ '["<>^`{|}]' OR strpos(page_url, chr(92)) > 0 OR strpos(page_url, 'chatt2me=wcl_') > 0 THEN
		RAISE EXCEPTION 'page_url is not the address of a page'
			USING ERRCODE = CASE WHEN page_url IS NULL THEN 'null_value_not_allowed' ELSE 'invalid_parameter_value' END,
				HINT = 'Give https://host/path, with or without query and fragment, at most 2,048 characters of ASCII.';
	END IF;
	IF NOT EXISTS (SELECT FROM webchatt.origins o WHERE o.channel_id = channel AND o.origin = webchatt.normalize_origin(site)) THEN
		RAISE EXCEPTION 'page_url is not on an origin of the channel'
			USING ERRCODE = 'invalid_parameter_value', DETAIL = format('It is on %s.', site),
				HINT = 'The link opens a page that has the widget: one of those in webchatt.set_origins().';
	END IF;
END
$$;
COMMENT ON FUNCTION webchatt._check_page_url(uuid, text) IS 'webchatt''s own: raises when a link cannot lead there';

CREATE FUNCTION webchatt.conversation_link(channel uuid, visitor text, page_url text, valid_for interval DEFAULT '7 days') RETURNS text
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_variable
DECLARE
	token text := webchatt._random_token('wcl_', 32);
	v record;
BEGIN
	PERFORM webchatt._need_local_channel(channel);
	PERFORM webchatt._check_page_url(channel, page_url);
	IF valid_for IS NULL OR valid_for NOT BETWEEN interval '1 minute' AND interval '90 days' THEN
		RAISE EXCEPTION 'valid_for is %', coalesce(valid_for::text, 'NULL')
			USING ERRCODE = 'invalid_parameter_value', HINT = 'Give how long the link opens the conversation, 1 minute to 90 days.';
	END IF;
	SELECT u.user_id IS NOT NULL OR u.joined_to IS NOT NULL OR c.identity = 'required' AS signs_in INTO v
	FROM webchatt.visitors u JOIN webchatt.channels c ON c.id = u.channel_id
	WHERE u.channel_id = channel AND u.id = visitor;
	IF NOT FOUND THEN
		RAISE EXCEPTION 'channel % has no visitor %', channel, coalesce(visitor, 'NULL')
			USING ERRCODE = 'undefined_object', HINT = 'Take the visitor from webchatt.unread or webchatt.visitors.';
	END IF;
	IF v.signs_in THEN
		RETURN page_url;
	END IF;
	DELETE FROM webchatt.conversation_links l WHERE l.channel_id = channel AND l.token_hash IN (
		SELECT o.token_hash FROM webchatt.conversation_links o WHERE o.channel_id = channel AND o.visitor = visitor
		ORDER BY o.expires_at DESC, o.token_hash OFFSET 19);
	DELETE FROM webchatt.conversation_links l WHERE (l.channel_id, l.token_hash) IN (
		SELECT o.channel_id, o.token_hash FROM webchatt.conversation_links o WHERE o.expires_at < now()
		ORDER BY o.expires_at LIMIT 100 FOR UPDATE SKIP LOCKED);
	INSERT INTO webchatt.conversation_links (channel_id, token_hash, visitor, expires_at)
	VALUES (channel, sha256(convert_to(token, 'UTF8')), visitor, now() + valid_for);
	RETURN page_url || CASE WHEN page_url LIKE '%#' THEN '' WHEN position('#' IN page_url) > 0 THEN '&' ELSE '#' END || 'chatt2me=' || token;
END
$$;
COMMENT ON FUNCTION webchatt.conversation_link(uuid, text, text, interval) IS
	'the address of a page with the widget, on an origin of the channel, that opens a visitor''s conversation on any device until it expires (1 minute to 90 days). Whoever has it has the conversation, so send it to nobody else. Of a user whom the site signs it is page_url alone: their log-in opens it. It runs with its owner''s rights: GRANT EXECUTE to the role that writes the e-mails';

CREATE FUNCTION webchatt._open_link(channel uuid, link_hash bytea, shown text, new_hash bytea) RETURNS text
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET plan_cache_mode = force_generic_plan AS $$
#variable_conflict use_variable
DECLARE
	whose text;
BEGIN
	-- one that is being ended just now opens nothing: the token for it would outlive it
	SELECT l.visitor INTO whose
	FROM webchatt.conversation_links l
	JOIN webchatt.visitors v ON v.channel_id = l.channel_id AND v.id = l.visitor
	WHERE l.channel_id = channel AND l.token_hash = link_hash AND l.expires_at > now() AND v.user_id IS NULL AND v.joined_to IS NULL
	FOR SHARE OF l SKIP LOCKED;
	IF whose IS NULL OR whose = shown OR new_hash IS NULL THEN
		RETURN whose;
	END IF;
	-- a device that keeps nothing takes one each time
	DELETE FROM webchatt.visitor_tokens t WHERE t.channel_id = channel AND t.token_hash IN (
		SELECT o.token_hash FROM webchatt.visitor_tokens o WHERE o.channel_id = channel AND o.visitor = whose AND o.by_link
		ORDER BY o.created_at DESC, o.token_hash OFFSET 31);
	INSERT INTO webchatt.visitor_tokens (channel_id, token_hash, visitor, by_link) VALUES (channel, new_hash, whose, true);
	RETURN whose;
END
$$;
COMMENT ON FUNCTION webchatt._open_link(uuid, bytea, text, bytea) IS
	'webchatt''s own: a device came by a link: whose conversation it opens, with a token of the device''s own unless it is that visitor''s already (shown) or new_hash is null, which only asks; null: it opens nothing';
