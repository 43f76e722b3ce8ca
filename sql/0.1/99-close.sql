
----------------------------------------------------------------------------
-- Over all parts: nothing for PUBLIC, every function for those who configure
----------------------------------------------------------------------------

REVOKE ALL ON ALL FUNCTIONS IN SCHEMA webchatt FROM PUBLIC;
REVOKE ALL ON ALL TABLES IN SCHEMA webchatt FROM PUBLIC;
GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA webchatt TO webchatt_admin;
GRANT USAGE ON ALL SEQUENCES IN SCHEMA webchatt TO webchatt_admin, webchatt_worker;

----------------------------------------------------------------------------
-- What pg_dump takes along: all but the outbox, whose rows carry this
-- cluster's transaction ids; what a dump held as queued is queued
-- anew by the trigger on messages when it is loaded
----------------------------------------------------------------------------

DO $$
DECLARE
	t text;
BEGIN
	FOREACH t IN ARRAY ARRAY['hubs', 'hubs_id_seq', 'channels', 'origins', 'webhooks', 'webhooks_id_seq', 'api_keys', 'api_keys_id_seq',
		'visitors', 'visitor_tokens',
		'messages', 'statuses', 'statuses_id_seq', 'early_statuses', 'rejects', 'rejects_id_seq',
		'held', 'outbox_seq', 'events', 'events_seq_seq', 'local_webhooks', 'local_webhooks_n_seq', 'webhook_progress',
		'webhook_log', 'webhook_retries', 'links',
		'hub_keeping', 'repairs', 'repairs_id_seq', 'overdue_candidates', 'overdue_scan'] LOOP
		PERFORM pg_catalog.pg_extension_config_dump(('webchatt.' || t)::pg_catalog.regclass, '');
	END LOOP;
END
$$;
