-- Baseline: one row a transaction, into a table of the same shape.
INSERT INTO bench.messages (channel_id, id, visitor, direction, status, content, hub_message_id, hub_time)
VALUES ('6cbd6789-1d2b-47e0-9391-5eb91d2839ea', gen_random_uuid(), 'visitor-' || (random() * 1000)::int, 'in',
	'received', '{"type":"text","text":"Hello, I''d like to know more about your products"}',
	gen_random_uuid()::text, now());
