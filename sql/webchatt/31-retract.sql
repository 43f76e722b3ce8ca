----------------------------------------------------------------------------
-- What is taken back: messages, and visitors' tokens
----------------------------------------------------------------------------

CREATE FUNCTION webchatt.retract_message(channel uuid, id uuid) RETURNS boolean
LANGUAGE c AS 'MODULE_PATHNAME', 'webchatt_retract_message';
COMMENT ON FUNCTION webchatt.retract_message(uuid, uuid) IS
	'takes a message to a visitor back: what is queued or held goes nowhere, and what was sent goes from the pages that the visitor has open at once, from the others when they are next open. The row stays, as retracted. False when there is no such message, or it was taken back before. On a remote hub what was sent cannot be taken back, which raises';

CREATE FUNCTION webchatt.desk_retract(args jsonb) RETURNS jsonb
LANGUAGE sql SET search_path = pg_catalog, pg_temp AS $$
	SELECT jsonb_build_object('done', webchatt.retract_message(m.channel, m.id)) FROM webchatt._desk_message(args) m
$$;
COMMENT ON FUNCTION webchatt.desk_retract(jsonb) IS
	'the desk: {channel, id} → {done}: takes a message back, so that the visitor sees it no more';

CREATE FUNCTION webchatt._tokens_gone() RETURNS trigger
LANGUAGE c AS 'MODULE_PATHNAME', 'webchatt_tokens_gone';
COMMENT ON FUNCTION webchatt._tokens_gone() IS
	'webchatt''s own: has the worker close the sessions that were opened with tokens that are deleted, by whomever';

CREATE TRIGGER tokens_gone AFTER DELETE ON webchatt.visitor_tokens REFERENCING OLD TABLE AS gone
	FOR EACH STATEMENT EXECUTE FUNCTION webchatt._tokens_gone();
CREATE TRIGGER tokens_changed AFTER TRUNCATE OR UPDATE OF channel_id, token_hash, visitor ON webchatt.visitor_tokens
	FOR EACH STATEMENT EXECUTE FUNCTION webchatt._tokens_gone();
