-- Events of a local channel as visitors' messages leave them, many at once.
INSERT INTO webchatt.visitors (channel_id, id)
SELECT :'channel', 'visitor-' || v FROM generate_series(1, :visitors) v ON CONFLICT DO NOTHING;
WITH m AS (INSERT INTO webchatt.messages (channel_id, id, visitor, direction, status, content, hub_message_id)
	SELECT :'channel', gen_random_uuid(), 'visitor-' || 1 + i % :visitors, 'in', 'received',
		jsonb_build_object('type', 'text', 'text', 'message ' || i), 'fanout ' || i || ' ' || clock_timestamp()
	FROM generate_series(1, :messages) i RETURNING channel_id, visitor, id)
INSERT INTO webchatt.feed (event_type, channel_id, visitor, message_id)
SELECT 'Message', channel_id, visitor, id FROM m;
ANALYZE webchatt.feed, webchatt.messages;
