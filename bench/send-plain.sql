\set visitor random(1, 10000)
INSERT INTO bench.messages (channel_id, id, visitor, direction, status, content)
VALUES ('6cbd6789-1d2b-47e0-9391-5eb91d2839ea', gen_random_uuid(), 'visitor-' || :visitor, 'out', 'queued',
	'{"text": "one message"}');
