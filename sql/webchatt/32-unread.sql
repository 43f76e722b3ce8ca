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
