----------------------------------------------------------------------------
-- Who may do what: all rights stand here, by role.  First everything is taken back that
-- PostgreSQL gave to PUBLIC, and the installer's default privileges to anybody
----------------------------------------------------------------------------

DO $$
DECLARE
	o record;
	g text;
BEGIN
	FOR o IN SELECT 'SCHEMA webchatt' AS name, n.nspacl AS acl, n.nspowner AS owner FROM pg_namespace n WHERE n.nspname = 'webchatt'
		UNION ALL SELECT CASE c.relkind WHEN 'S' THEN 'SEQUENCE ' ELSE 'TABLE ' END || c.oid::regclass, c.relacl, c.relowner
		FROM pg_class c WHERE c.relnamespace = 'webchatt'::regnamespace AND c.relkind IN ('r', 'v', 'm', 'p', 'f', 'S')
		UNION ALL SELECT 'ROUTINE ' || p.oid::regprocedure, coalesce(p.proacl, acldefault('f', p.proowner)), p.proowner
		FROM pg_proc p WHERE p.pronamespace = 'webchatt'::regnamespace
		UNION ALL SELECT 'TYPE ' || t.oid::regtype, coalesce(t.typacl, acldefault('T', t.typowner)), t.typowner
		FROM pg_type t WHERE t.typnamespace = 'webchatt'::regnamespace AND (t.typtype IN ('e', 'd', 'r')
			OR t.typtype = 'c' AND (SELECT c.relkind FROM pg_class c WHERE c.oid = t.typrelid) = 'c') LOOP
		IF o.acl IS NOT NULL THEN
			EXECUTE format('GRANT ALL ON %s TO %s', o.name, o.owner::regrole);
		END IF;
		FOR g IN SELECT DISTINCT CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE a.grantee::regrole::text END
			FROM aclexplode(o.acl) a WHERE a.grantee <> o.owner LOOP
			EXECUTE format('REVOKE ALL ON %s FROM %s CASCADE', o.name, g);
		END LOOP;
	END LOOP;
END
$$;

----------------------------------------------------------------------------
-- webchatt_worker: what its statements need, and no more
----------------------------------------------------------------------------

GRANT USAGE ON SCHEMA webchatt TO webchatt_worker;
-- an index's expression is computed as whoever writes the row
GRANT EXECUTE ON FUNCTION webchatt.hub_message_key(uuid, text), webchatt.visitor_words(text, jsonb),
	webchatt.visitor_words(text, text, text) TO PUBLIC;
GRANT USAGE ON TYPE webchatt.message_status, webchatt.message_direction, webchatt.conversation_state TO webchatt_worker;
GRANT USAGE ON ALL SEQUENCES IN SCHEMA webchatt TO webchatt_worker;
GRANT SELECT ON SEQUENCE webchatt.feed_seq_seq TO webchatt_worker;
GRANT SELECT ON webchatt._feed_bodies TO webchatt_worker;
GRANT SELECT ON webchatt.own_extras, webchatt.agents, webchatt.channels, webchatt.origins, webchatt.api_keys, webchatt.presence, webchatt.inbox,
	webchatt.status, webchatt.last_hour TO webchatt_worker;
GRANT SELECT, UPDATE ON webchatt.hubs TO webchatt_worker;
GRANT SELECT, INSERT ON webchatt.visitor_tokens, webchatt.statuses TO webchatt_worker;
-- which user a visitor is, and joining those who are the same
GRANT SELECT ON webchatt.identity_secrets TO webchatt_worker;
GRANT SELECT, INSERT, UPDATE, DELETE ON webchatt.joins TO webchatt_worker;
GRANT DELETE ON webchatt.visitor_tokens, webchatt.messages TO webchatt_worker;
GRANT SELECT, UPDATE (visitor) ON webchatt.notes TO webchatt_worker;
GRANT EXECUTE ON FUNCTION webchatt._identify(uuid, text, text, bytea, bytea), webchatt._join(uuid, text, text), webchatt._move_joined(uuid, text, int),
	webchatt._cancel_joined_twice(uuid, text, text, boolean),
	webchatt._note_profile(uuid, text, text, text, text, jsonb, int), webchatt._merge_attributes(jsonb, jsonb, jsonb) TO webchatt_worker;
GRANT SELECT, DELETE ON webchatt.sign_in_links TO webchatt_worker;
GRANT SELECT, UPDATE ON webchatt.passkeys TO webchatt_worker;
GRANT SELECT, INSERT, DELETE ON webchatt.passkey_challenges TO webchatt_worker;
GRANT SELECT, UPDATE, DELETE ON webchatt.hub_webhooks TO webchatt_worker;
GRANT SELECT, INSERT, UPDATE ON webchatt.visitors, webchatt.messages TO webchatt_worker;
GRANT SELECT, INSERT, UPDATE ON webchatt.ratings TO webchatt_worker;
GRANT SELECT, INSERT, UPDATE, DELETE ON webchatt.closings TO webchatt_worker;
GRANT SELECT, INSERT, DELETE, UPDATE (visitor) ON webchatt.unread TO webchatt_worker;
GRANT SELECT, DELETE, UPDATE (visitor) ON webchatt.conversation_links TO webchatt_worker;
GRANT EXECUTE ON FUNCTION webchatt._open_link(uuid, bytea, text, bytea) TO webchatt_worker;
GRANT SELECT, INSERT, UPDATE, DELETE ON webchatt.unread_waits TO webchatt_worker;
GRANT SELECT, INSERT, TRUNCATE ON webchatt.outbox, webchatt.outbox_0, webchatt.outbox_1, webchatt.outbox_2 TO webchatt_worker;
GRANT SELECT, INSERT ON webchatt.file_chunks, webchatt.file_uses TO webchatt_worker;
GRANT SELECT ON webchatt.canned_answers TO webchatt_worker;
GRANT EXECUTE ON FUNCTION webchatt._is_set_up(text) TO webchatt_worker;
GRANT SELECT, INSERT, UPDATE, DELETE ON webchatt.files TO webchatt_worker;
GRANT SELECT, INSERT, DELETE ON webchatt.sessions, webchatt.feed, webchatt.webhook_log,
	webchatt.feed_orders TO webchatt_worker;
GRANT SELECT, INSERT, UPDATE, DELETE ON webchatt.budget_levels, webchatt.rejects, webchatt.early_statuses, webchatt.held,
	webchatt.conversations,
	webchatt.webhook_progress, webchatt.webhook_retries, webchatt.links, webchatt.webhooks, webchatt.hub_reconciliation,
	webchatt.overdue_candidates, webchatt.overdue_scan, webchatt.repairs, webchatt.agent_sessions TO webchatt_worker;
-- what sessions call as it, triggers too
GRANT EXECUTE ON FUNCTION webchatt.send_message(uuid, text, jsonb, text, interval, text, boolean, text),
	webchatt.send_message(uuid, text, text, text, interval, text, boolean, text), webchatt.cancel_message(uuid, uuid),
	webchatt.retry_message(uuid, uuid), webchatt.mark_read(uuid, text, uuid), webchatt.send_typing(uuid, text),
	webchatt.close_conversation(uuid, text, uuid), webchatt.reopen_conversation(uuid, text), webchatt.assign_conversation(uuid, text, text),
	webchatt.conversation(uuid, text), webchatt._typing(), webchatt._status(), webchatt._last_hour(), webchatt._hub_state(int), webchatt._now(),
	webchatt._config_changed(), webchatt._messages_inserted(), webchatt.ingest(text, text, uuid), webchatt.retry_reject(bigint),
	webchatt._retries_asked(), webchatt.retract_message(uuid, uuid), webchatt._tokens_gone() TO webchatt_worker;
GRANT EXECUTE ON FUNCTION webchatt._desk_sessions_ended() TO webchatt_worker;
-- conversations of another chat
GRANT EXECUTE ON FUNCTION webchatt._import_time(text, text), webchatt._import_content(webchatt.imported), webchatt._import_person(uuid, text, text, boolean),
	webchatt._import_persons(uuid, text[], text[], boolean), webchatt._import_id(timestamptz, bigint, text),
	webchatt._import_visitors_as_worker(uuid, webchatt.imported[], text), webchatt._import_messages_as_worker(uuid, text, webchatt.imported[], text[], text, boolean),
	webchatt._index_imported(uuid, uuid[]), webchatt._import_rest_as_worker(uuid, text, webchatt.imported[], text[], text[]),
	webchatt._import_stand_as_worker(uuid, text[]) TO webchatt_worker;
GRANT EXECUTE ON FUNCTION webchatt._file_type(bytea), webchatt._make_file(uuid, text, bigint, text, text), webchatt._put_file_piece(webchatt.files, bigint, bytea),
	webchatt._make_whole_file(uuid, text, bytea, text), webchatt._take_file_piece(text, text, bigint, bytea), webchatt._drop_file(text, text) TO webchatt_worker;
-- who signs in to the desk by a passkey
GRANT EXECUTE ON FUNCTION webchatt._desk_session(), webchatt._desk_arg(jsonb, text, text, boolean),
	webchatt._desk_text(jsonb, text, boolean), webchatt._desk_bytes(jsonb, text, int), webchatt._passkey_host(), webchatt._need_passkey_host(),
	webchatt._passkey_challenge(text, text), webchatt._passkey_client(bytea), webchatt._passkey_complaint(jsonb, text, text),
	webchatt._passkey_asserted(bytea, bytea, bytea, bytea, text), webchatt._passkey_sign_in(jsonb) TO webchatt_worker;
-- webhooks of the local hub, and requests for them
GRANT EXECUTE ON FUNCTION webchatt._random_token(text, int),
	webchatt._check_endpoint(text), webchatt._check_headers(jsonb), webchatt._check_webhook(webchatt.webhooks),
	webchatt._find_webhook(uuid), webchatt._new_webhook_secret(), webchatt.create_webhook(text, text, text, jsonb, boolean, text),
	webchatt._make_webhook(int, text, text, text, jsonb, boolean, text), webchatt._origin_of(text),
	webchatt.alter_webhook(uuid, text, text, jsonb, boolean, boolean, text), webchatt.delete_webhook(uuid),
	webchatt.redefine_webhook_secret(uuid), webchatt.retry_webhook_log(uuid, uuid[]), webchatt._application_id(),
	webchatt._rest_time(timestamptz), webchatt._rest_uuid(text), webchatt._rest_number(text, text, int, int, int),
	webchatt._rest_member(jsonb, text, text), webchatt._rest_webhook(webchatt.webhooks, text), webchatt._rest_page(jsonb, int, int, bigint),
	webchatt._rest_list(int, text), webchatt._rest_check_protocol(jsonb), webchatt._rest_create(int, jsonb),
	webchatt._rest_alter(webchatt.webhooks, jsonb), webchatt._rest_redefine(webchatt.webhooks),
	webchatt._rest_logs(webchatt.webhooks, text), webchatt._rest_retries(webchatt.webhooks, jsonb), webchatt._rest_error(text, text),
	webchatt._rest(int, text, text, text, text) TO webchatt_worker;
-- calls of hubs
GRANT EXECUTE ON FUNCTION webchatt._hub_call(int), webchatt._hub_answered(int, int, text, text, int), webchatt._hub_failed(int, text),
	webchatt._reconcile_pause(int), webchatt._bare_url(text), webchatt._reconcile_of(int),
	webchatt._reconcile_failed(int, jsonb, text, text, interval), webchatt._answer_in_words(int, text, text), webchatt._strange(text),
	webchatt._webhook_in(jsonb), webchatt._secret_in(jsonb), webchatt._webhook_seen(jsonb), webchatt._has_webhook_id(jsonb),
	webchatt._webhook_is(int, text), webchatt._take_secret(int, text), webchatt._note_verified(int, boolean, text),
	webchatt._webhook_step(webchatt.hub_webhooks, jsonb, boolean), webchatt._verification_step(int),
	webchatt._needs_round(webchatt.hub_webhooks), webchatt._registration_step(int), webchatt._take_list(webchatt.hub_reconciliation, jsonb),
	webchatt._start_over(int), webchatt._relist(int, text, jsonb), webchatt._take_created(webchatt.hub_webhooks, jsonb),
	webchatt._take_patched(webchatt.hub_webhooks, jsonb, jsonb), webchatt._take_signed(webchatt.hub_webhooks, jsonb, jsonb),
	webchatt._take_registration(webchatt.hub_reconciliation, jsonb, jsonb), webchatt._take_absence(webchatt.hub_reconciliation, jsonb, int),
	webchatt._repairs_present(int, bigint[]), webchatt._repair_pause(int), webchatt._was_unreachable(int),
	webchatt._repair_failed(bigint, text, timestamptz, int, text), webchatt._is_log_line(jsonb),
	webchatt._take_log_line(webchatt.hub_webhooks, jsonb, timestamptz), webchatt._time_in(jsonb),
	webchatt._look_done(webchatt.hub_webhooks, jsonb), webchatt._take_log(webchatt.hub_reconciliation, webchatt.hub_webhooks, jsonb, jsonb),
	webchatt._unask(jsonb), webchatt._take_retries(webchatt.hub_reconciliation, webchatt.hub_webhooks, jsonb, jsonb),
	webchatt._retry_step(webchatt.hub_reconciliation), webchatt._repair_step(int), webchatt._take_repair(webchatt.hub_reconciliation, jsonb, jsonb),
	webchatt._take_repair_refusal(webchatt.hub_reconciliation, jsonb, int), webchatt._reconcile_wait(int) TO webchatt_worker;

-- erasing, handing out and redacting
GRANT SELECT, INSERT, UPDATE ON webchatt.erasures TO webchatt_worker;
GRANT SELECT, INSERT, DELETE ON webchatt.redactions TO webchatt_worker;
GRANT SELECT, UPDATE (words) ON webchatt.search_texts TO webchatt_worker;
GRANT SELECT, UPDATE (said) ON webchatt.search_parts TO webchatt_worker;
GRANT SELECT ON webchatt.search_languages TO webchatt_worker;
GRANT UPDATE (error_message, extra), DELETE ON webchatt.statuses TO webchatt_worker;
GRANT UPDATE (answer, error) ON webchatt.webhook_log TO webchatt_worker;
GRANT UPDATE (error_message) ON webchatt.feed TO webchatt_worker;
GRANT DELETE ON webchatt.visitors, webchatt.notes, webchatt.ratings, webchatt.file_uses TO webchatt_worker;
GRANT EXECUTE ON FUNCTION webchatt.visitor_hash(uuid, text), webchatt._erased(uuid, text, bigint),
	webchatt._erase_log(webchatt.erasures, int), webchatt._erase_feed(webchatt.erasures, int), webchatt._drop_named_files(uuid, text[], uuid[], text[]),
	webchatt._erase_messages(webchatt.erasures, timestamptz, int), webchatt._erase_beside(webchatt.erasures, timestamptz),
	webchatt._erase_person(webchatt.erasures, timestamptz), webchatt._erase_later(uuid), webchatt._erase_some(uuid, int),
	webchatt._begin_erasure(uuid, text, text, boolean), webchatt._close_sessions(uuid, text), webchatt._public_url(), webchatt._file_url(text, text),
	webchatt._export_messages(uuid, text[], uuid, int), webchatt._export_beside(uuid, text, text[]), webchatt._export(uuid, text, uuid, int, boolean),
	webchatt._rest_visitor(int, text, text, text, text), webchatt._rest_link(uuid, text, text),
	webchatt.conversation_link(uuid, text, text, interval), webchatt._redact_rows(uuid, uuid, jsonb, text),
	webchatt._search_row(uuid, uuid, jsonb), webchatt._search_said(uuid, jsonb), webchatt._search_stems(text, regconfig, text), webchatt._search_tag(text),
	webchatt._search_once(jsonb), webchatt._search_marks(uuid, uuid), webchatt._search_ms(uuid), webchatt._search_words(text, regconfig),
	webchatt.message_text(jsonb) TO webchatt_worker;
-- what leaves, by its own process
GRANT SELECT ON webchatt.retentions TO webchatt_worker, webchatt_admin, webchatt_agent;
GRANT SELECT, INSERT, UPDATE, DELETE ON webchatt.retention_progress, webchatt.retention_left TO webchatt_worker;
GRANT DELETE ON webchatt.visitors, webchatt.statuses, webchatt.file_uses, webchatt.notes, webchatt.ratings TO webchatt_worker;
GRANT EXECUTE ON FUNCTION webchatt._retention_rules(), webchatt._archives(uuid), webchatt._archive_put(regclass, webchatt.archived[]),
	webchatt._conversation_gone(uuid, text), webchatt._retain_messages(uuid, uuid[], regclass), webchatt._retain_rest(uuid, text[], int),
	webchatt._retain_not(uuid, text, uuid), webchatt._retain_note(uuid, text[], text), webchatt._retain_conversations(uuid, text[], uuid, regclass, int),
	webchatt._retain_channel(uuid, timestamptz, regclass, int), webchatt._retain_beside(uuid, timestamptz), webchatt._retain_visitors(int),
	webchatt._retention_cutoff(interval), webchatt._retain(int, int), webchatt._search_id(timestamptz) TO webchatt_worker;
-- and what is erased in archives
GRANT SELECT, UPDATE (gone_at) ON webchatt.archives TO webchatt_worker;
GRANT SELECT, INSERT, UPDATE, DELETE ON webchatt.archive_tasks TO webchatt_worker;
GRANT EXECUTE ON FUNCTION webchatt._archives_of(uuid), webchatt._note_erasure(uuid), webchatt._note_redaction(uuid, uuid, jsonb),
	webchatt._archive_erase(regclass, uuid, text, timestamptz), webchatt._archive_redact(regclass, uuid, uuid, jsonb),
	webchatt._carry_out(webchatt.archive_tasks, regclass), webchatt._archive_task_over(webchatt.archive_tasks, bigint, text),
	webchatt._archive_task(), webchatt._is_archived(uuid, text, uuid), webchatt._export_archived(uuid, text[], uuid, int),
	webchatt._merge_pages(jsonb, jsonb, int), webchatt._archive_read(regclass, uuid, text, uuid, boolean),
	webchatt._archive_export(regclass, uuid, text[], uuid, int), webchatt._archive_export_as_owner(regclass, uuid, text[], uuid, int),
	webchatt._archived_keep(uuid), webchatt._archived_now(uuid, webchatt.archived[]), webchatt._rest_export(uuid, text, uuid, int),
	webchatt._content_size(jsonb, int), webchatt._content_line(jsonb, int),
	webchatt._archive_page(uuid, text, uuid, int, int, boolean) TO webchatt_worker;
GRANT SELECT, DELETE ON webchatt.archives TO webchatt_admin;
GRANT SELECT ON webchatt.archive_tasks TO webchatt_admin;
GRANT USAGE ON TYPE webchatt.archived TO webchatt_worker, webchatt_admin, webchatt_agent;
GRANT SELECT ON webchatt.retention, webchatt.retention_progress, webchatt.retention_left TO webchatt_admin;
GRANT EXECUTE ON FUNCTION webchatt._retention_rules(), webchatt._archives(uuid), webchatt._archived_columns(oid),
	webchatt.history(uuid, text, uuid, int), webchatt._archived_now(uuid, webchatt.archived[]), webchatt._archived_keep(uuid), webchatt._desk_archives(uuid),
	webchatt._archive_read(regclass, uuid, text, uuid, boolean), webchatt.desk_archived(jsonb) TO webchatt_agent;
GRANT SELECT (channel_id, keep) ON webchatt.archives TO webchatt_agent;

-- the index of texts, by the desk's worker
GRANT EXECUTE ON FUNCTION webchatt.index_texts(int, boolean) TO webchatt_worker;

----------------------------------------------------------------------------
-- webchatt_admin: configures, and sees everything
----------------------------------------------------------------------------

GRANT USAGE ON SCHEMA webchatt TO webchatt_admin;
GRANT USAGE ON TYPE webchatt.message_status, webchatt.message_direction, webchatt.conversation_state TO webchatt_admin;
GRANT USAGE ON ALL SEQUENCES IN SCHEMA webchatt TO webchatt_admin;
GRANT SELECT ON webchatt.handlers, webchatt.extras, webchatt.budget_levels, webchatt.budgets, webchatt.outbox, webchatt.held,
	webchatt.sessions, webchatt.presence, webchatt.conversations, webchatt.inbox, webchatt.status, webchatt.last_hour, webchatt.health, webchatt.settings, webchatt.feed, webchatt.webhook_log, webchatt.feeds,
	webchatt.overdue_candidates, webchatt.overdue_scan, webchatt.repair, webchatt.overdue TO webchatt_admin;
GRANT SELECT, DELETE ON webchatt.agent_sessions, webchatt.passkeys, webchatt.registrations, webchatt.early_statuses, webchatt.links, webchatt.repairs TO webchatt_admin;
GRANT SELECT, INSERT ON webchatt.webhook_progress, webchatt.webhook_retries TO webchatt_admin;
GRANT SELECT, INSERT, UPDATE ON webchatt.hub_reconciliation TO webchatt_admin;
GRANT SELECT, INSERT, DELETE ON webchatt.sign_in_links TO webchatt_admin;
GRANT SELECT, INSERT, UPDATE, DELETE ON webchatt.hubs, webchatt.channels, webchatt.origins, webchatt.hub_webhooks,
	webchatt.api_keys, webchatt.visitors, webchatt.visitor_tokens, webchatt.rejects, webchatt.webhooks, webchatt.agents TO webchatt_admin;
GRANT SELECT, INSERT, UPDATE, DELETE ON webchatt.notes, webchatt.canned_answers, webchatt.identity_secrets TO webchatt_admin;
GRANT SELECT ON webchatt.joins, webchatt.erasures, webchatt.redactions TO webchatt_admin;
GRANT SELECT, DELETE, TRIGGER ON webchatt.ratings, webchatt.unread TO webchatt_admin;
GRANT SELECT, DELETE ON webchatt.closings TO webchatt_admin;
GRANT SELECT, DELETE ON webchatt.unread_waits, webchatt.conversation_links TO webchatt_admin;
GRANT SELECT, DELETE ON webchatt.files TO webchatt_admin;
GRANT SELECT ON webchatt.file_chunks, webchatt.file_uses, webchatt.file_overview TO webchatt_admin;
-- TRIGGER not on configuration tables: whoever installs webchatt calls what writes them
GRANT SELECT, INSERT, UPDATE, DELETE, TRIGGER ON webchatt.messages TO webchatt_admin;
GRANT SELECT, DELETE, TRIGGER ON webchatt.statuses TO webchatt_admin;
GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA webchatt TO webchatt_admin;
GRANT EXECUTE ON PROCEDURE webchatt.import_history(uuid, regclass, text, text, boolean, boolean, bigint, bigint, bigint) TO webchatt_admin;

----------------------------------------------------------------------------
-- webchatt_agent: reads conversations and sends
----------------------------------------------------------------------------

GRANT USAGE ON SCHEMA webchatt TO webchatt_agent;
GRANT USAGE ON TYPE webchatt.message_status, webchatt.message_direction, webchatt.conversation_state TO webchatt_agent;
-- (webchatt.status carries no secrets)
GRANT SELECT ON webchatt.agents, webchatt.channels, webchatt.origins, webchatt.messages, webchatt.statuses, webchatt.sessions, webchatt.presence,
	webchatt.conversations, webchatt.inbox, webchatt.status, webchatt.last_hour, webchatt.overdue TO webchatt_agent;
GRANT SELECT, UPDATE (attributes) ON webchatt.visitors TO webchatt_agent;
GRANT SELECT ON webchatt.ratings, webchatt.closings, webchatt.unread TO webchatt_agent;
GRANT SELECT, INSERT, DELETE ON webchatt.notes TO webchatt_agent;
GRANT SELECT, INSERT, UPDATE, DELETE ON webchatt.canned_answers TO webchatt_agent;
GRANT EXECUTE ON FUNCTION webchatt.send_message(uuid, text, jsonb, text, interval, text, boolean, text),
	webchatt.send_message(uuid, text, text, text, interval, text, boolean, text), webchatt.cancel_message(uuid, uuid),
	webchatt.retract_message(uuid, uuid), webchatt.retry_message(uuid, uuid), webchatt.mark_read(uuid, text, uuid), webchatt.send_typing(uuid, text),
	webchatt.close_conversation(uuid, text, uuid), webchatt.reopen_conversation(uuid, text), webchatt.assign_conversation(uuid, text, text),
	webchatt.conversation(uuid, text), webchatt._typing(), webchatt._status(), webchatt._last_hour(), webchatt._hub_state(int), webchatt._sees_message(uuid, uuid),
	webchatt._may_wait(interval, int, uuid),
	webchatt.wait_for_status(uuid, uuid, webchatt.message_status, interval) TO webchatt_agent;
GRANT EXECUTE ON FUNCTION webchatt._content_size(jsonb, int), webchatt._content_line(jsonb, int) TO webchatt_agent;
-- files
GRANT SELECT ON webchatt.files, webchatt.file_chunks, webchatt.file_uses, webchatt.file_overview TO webchatt_agent;
GRANT EXECUTE ON FUNCTION webchatt._public_url(), webchatt._file_id(text), webchatt._file_url(text, text), webchatt._begin_file(uuid, text, bigint),
	webchatt._add_file_piece(text, bigint, bytea), webchatt._drop_own_file(text), webchatt._add_file(uuid, text, bytea, text), webchatt.add_file(uuid, text, bytea, text),
	webchatt.file_bytes(text), webchatt.desk_begin_file(jsonb), webchatt.desk_file_piece(jsonb), webchatt.desk_drop_file(jsonb) TO webchatt_agent;
-- search
GRANT SELECT ON webchatt.search_texts, webchatt.search_parts, webchatt.search_languages, webchatt.search_progress, webchatt.search_coverage TO webchatt_agent, webchatt_admin;
GRANT INSERT, UPDATE, DELETE ON webchatt.search_languages TO webchatt_admin;
GRANT USAGE ON TYPE webchatt.search_hit, webchatt.ranked_hit TO webchatt_agent, webchatt_admin;
GRANT SELECT ON webchatt.search_state TO webchatt_admin;
GRANT DELETE ON webchatt.search_progress TO webchatt_admin;
GRANT EXECUTE ON FUNCTION webchatt.message_text(jsonb), webchatt._search_plain(text), webchatt._search_words(text, regconfig),
	webchatt._search_places(text, tsquery, int), webchatt._search_matches(tsvector, tsquery), webchatt._search_id(timestamptz), webchatt._search_ms(uuid),
	webchatt._search_term(text, boolean), webchatt._search_query(text, int, text[]), webchatt._search_stem(text, text[]), webchatt._search_languages(uuid),
	webchatt._search_said(uuid, jsonb), webchatt._search_stems(text, regconfig, text), webchatt._search_tag(text), webchatt._search_once(jsonb),
	webchatt._search_places(text, tsquery, int, regconfig, text), webchatt.highlight(text, int[]), webchatt._search_trgm_schema(), webchatt._search_parts_on(),
	webchatt._search_parts_of(text), webchatt._search_part_places(text, text[]),
	webchatt._search_parts_page(text[], uuid, webchatt.message_direction, timestamptz, timestamptz, uuid, int),
	webchatt.search_parts(text, uuid, timestamptz, timestamptz, webchatt.message_direction, uuid, int),
	webchatt.search_ranked(text, uuid, timestamptz, timestamptz, text, webchatt.message_direction, int),
	webchatt._search_indexed(tsquery, tsquery, uuid, webchatt.message_direction, uuid, uuid, uuid, int),
	webchatt._search_behind(tsquery, uuid, webchatt.message_direction, uuid, uuid, uuid, int),
	webchatt._search_conversation(tsquery, uuid, text, webchatt.message_direction, uuid, uuid, int),
	webchatt._search_page(text, uuid, text, timestamptz, timestamptz, webchatt.message_direction, uuid, uuid, int),
	webchatt._search_snippet(uuid, text, tsquery, text[]),
	webchatt.search(text, uuid, timestamptz, timestamptz, text, webchatt.message_direction, uuid, int),
	webchatt.search_visitors(text, uuid, int), webchatt._desk_time(jsonb, text), webchatt.desk_search(jsonb) TO webchatt_agent;
-- reports, of what the caller may read
GRANT SELECT ON webchatt.report_by_day TO webchatt_agent, webchatt_admin;
GRANT EXECUTE ON FUNCTION webchatt._report_day(uuid, timestamptz, timestamptz), webchatt.report(date, date, uuid, text) TO webchatt_agent;
-- what the desk calls for agents; the other functions of the desk are for admins
GRANT EXECUTE ON FUNCTION webchatt._desk_session(), webchatt._desk_agent(), webchatt._desk_arg(jsonb, text, text, boolean),
	webchatt._desk_text(jsonb, text, boolean), webchatt._desk_uuid(jsonb, text, boolean), webchatt._desk_limit(jsonb),
	webchatt._desk_conversation(jsonb), webchatt._desk_message(jsonb), webchatt._desk_said(webchatt.visitors, int),
	webchatt._desk_page(text, uuid, text[], int), webchatt._desk_messages(uuid, text, uuid, uuid, int), webchatt._own_sessions(bigint), webchatt._end_own_session(bigint),
	webchatt.desk_me(jsonb), webchatt.desk_inbox(jsonb), webchatt.desk_conversation(jsonb), webchatt.desk_send(jsonb),
	webchatt.desk_typing(jsonb), webchatt.desk_read(jsonb), webchatt.desk_close(jsonb), webchatt.desk_reopen(jsonb),
	webchatt.desk_assign(jsonb), webchatt.desk_retry(jsonb), webchatt.desk_cancel(jsonb), webchatt.desk_retract(jsonb), webchatt.desk_agents(jsonb),
	webchatt.desk_sessions(jsonb), webchatt.desk_end_session(jsonb), webchatt.desk_sign_out(jsonb) TO webchatt_agent;
-- of passkeys each agent's own, which is decided in what runs as its owner
GRANT EXECUTE ON FUNCTION webchatt._passkey_host(), webchatt._desk_bytes(jsonb, text, int),
	webchatt._own_passkeys(), webchatt._own_passkey_challenge(), webchatt._add_own_passkey(text, bytea, bytea), webchatt._remove_own_passkey(bigint),
	webchatt.desk_passkeys(jsonb), webchatt.desk_passkey_options(jsonb), webchatt.desk_add_passkey(jsonb),
	webchatt.desk_remove_passkey(jsonb) TO webchatt_agent;
-- notes to colleagues and canned answers
GRANT EXECUTE ON FUNCTION webchatt._new_message_id(uuid), webchatt._conversation_changed(uuid, text), webchatt.add_note(uuid, text, text, text),
	webchatt.delete_note(uuid), webchatt.set_canned_answer(text, text, jsonb, uuid, text), webchatt.delete_canned_answer(text, uuid),
	webchatt._desk_alike(uuid, text, text, text), webchatt.desk_related(jsonb), webchatt._desk_notes(uuid, text, uuid, uuid, int), webchatt.desk_notes(jsonb), webchatt.desk_add_note(jsonb), webchatt.desk_delete_note(jsonb),
	webchatt.desk_canned_answers(jsonb), webchatt.desk_set_canned_answer(jsonb), webchatt.desk_delete_canned_answer(jsonb) TO webchatt_agent;
