-- How the conversations of many.sql stand, as the worker would have written it.
SET session_replication_role = replica;
SET synchronous_commit = off;
INSERT INTO webchatt.conversations (channel_id, visitor, answered_upto, waiting_since, last_id, last_at)
SELECT v.channel_id, v.id, answer.id, CASE WHEN newest.direction = 'in' THEN newest.created_at END, newest.id, newest.created_at
FROM webchatt.visitors v
CROSS JOIN LATERAL (SELECT m.id, m.direction, m.created_at FROM webchatt.messages m
	WHERE m.channel_id = v.channel_id AND m.visitor = v.id
	ORDER BY m.channel_id DESC, m.visitor DESC, m.id DESC LIMIT 1) newest
LEFT JOIN LATERAL (SELECT m.id FROM webchatt.messages m
	WHERE m.channel_id = v.channel_id AND m.visitor = v.id AND m.direction = 'out'
	ORDER BY m.channel_id DESC, m.visitor DESC, m.id DESC LIMIT 1) answer ON true
WHERE v.channel_id = :'channel'
ON CONFLICT DO NOTHING;
VACUUM (ANALYZE) webchatt.conversations;
CHECKPOINT;
