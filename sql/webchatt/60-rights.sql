----------------------------------------------------------------------------
-- Who may do what
----------------------------------------------------------------------------

GRANT USAGE ON TYPE webchatt.message_status, webchatt.message_direction TO webchatt_admin, webchatt_agent, webchatt_worker;

-- admin: configures, and sees everything
-- (no TRIGGER on configuration tables: whoever installs webchatt calls what writes them)
GRANT SELECT, INSERT, UPDATE, DELETE ON webchatt.hubs, webchatt.channels, webchatt.origins, webchatt.hub_webhooks,
	webchatt.api_keys, webchatt.visitors, webchatt.visitor_tokens, webchatt.messages, webchatt.rejects TO webchatt_admin;
GRANT TRIGGER ON webchatt.messages, webchatt.statuses TO webchatt_admin;
GRANT SELECT, DELETE ON webchatt.statuses, webchatt.early_statuses TO webchatt_admin;
GRANT SELECT ON webchatt.outbox, webchatt.held, webchatt.sessions, webchatt.presence TO webchatt_admin;

-- agent: reads conversations and sends
GRANT SELECT ON webchatt.channels, webchatt.origins, webchatt.visitors, webchatt.messages,
	webchatt.statuses, webchatt.inbox, webchatt.sessions, webchatt.presence TO webchatt_agent;
GRANT UPDATE (attributes) ON webchatt.visitors TO webchatt_agent;
GRANT EXECUTE ON FUNCTION webchatt.send_message(uuid, text, jsonb, text, interval, text, boolean),
	webchatt.send_message(uuid, text, text, text, interval, text, boolean), webchatt.cancel_message(uuid, uuid),
	webchatt.retry_message(uuid, uuid), webchatt.mark_read(uuid, text, uuid), webchatt.send_typing(uuid, text),
	webchatt.conversation(uuid, text), webchatt._typing() TO webchatt_agent;

-- status carries no secrets, so whoever may use the schema may look
GRANT SELECT ON webchatt.status, webchatt.inbox TO webchatt_admin, webchatt_worker;
GRANT SELECT ON webchatt.status TO webchatt_agent;
GRANT EXECUTE ON FUNCTION webchatt._status(), webchatt._hub_state(int) TO webchatt_agent;

-- worker: what its statements need, and no more
GRANT SELECT, UPDATE ON webchatt.hubs TO webchatt_worker;
GRANT SELECT ON webchatt.channels, webchatt.origins, webchatt.api_keys TO webchatt_worker;
GRANT SELECT, UPDATE, DELETE ON webchatt.hub_webhooks TO webchatt_worker;
GRANT SELECT, INSERT ON webchatt.visitor_tokens TO webchatt_worker;
GRANT SELECT, INSERT, DELETE ON webchatt.sessions TO webchatt_worker;
GRANT SELECT ON webchatt.presence TO webchatt_worker;
GRANT SELECT, INSERT, UPDATE ON webchatt.visitors, webchatt.messages TO webchatt_worker;
GRANT SELECT, INSERT ON webchatt.statuses TO webchatt_worker;
GRANT SELECT, INSERT, UPDATE, DELETE ON webchatt.early_statuses, webchatt.rejects, webchatt.held TO webchatt_worker;
GRANT SELECT, INSERT, TRUNCATE ON webchatt.outbox, webchatt.outbox_0, webchatt.outbox_1, webchatt.outbox_2 TO webchatt_worker;
GRANT EXECUTE ON FUNCTION webchatt.send_message(uuid, text, jsonb, text, interval, text, boolean),
	webchatt.send_message(uuid, text, text, text, interval, text, boolean), webchatt.cancel_message(uuid, uuid),
	webchatt.retry_message(uuid, uuid), webchatt.mark_read(uuid, text, uuid), webchatt.send_typing(uuid, text),
	webchatt.conversation(uuid, text), webchatt._typing(), webchatt._now(), webchatt._config_changed(), webchatt._messages_inserted(), webchatt._status(), webchatt._hub_state(int),
	webchatt.ingest(text, text, uuid), webchatt.retry_reject(bigint) TO webchatt_worker;
