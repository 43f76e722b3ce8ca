-- What the baselines write to and read from: tables of the same shape as
-- webchatt's own, indexes included, and the rows that the ceiling inserts.
CREATE SCHEMA bench;
CREATE TABLE bench.messages (LIKE webchatt.messages INCLUDING ALL);

CREATE TABLE bench.events AS
SELECT n, (lpad(to_hex((extract(epoch FROM now()) * 1000)::bigint + n / 20), 12, '0') || '7'
		|| right(md5(n::text), 19))::uuid AS id,
	'visitor-' || lpad((n % 1000)::text, 8, '0') AS visitor, md5(n::text) || '-0' AS hub_message_id,
	'{"eventType":"Message","channelId":"6cbd6789-1d2b-47e0-9391-5eb91d2839ea","messageId":"' || md5(n::text)
		|| '-0","from":"visitor-' || lpad((n % 1000)::text, 8, '0')
		|| '","timestamp":1700000000,"channel":"web-chatt2me","content":{"type":"text","text":"Hello, I''d like to know more about your products"}}'
		AS body
FROM generate_series(1, 400000) AS n;
CREATE INDEX ON bench.events (n);
CREATE SEQUENCE bench.batches;
VACUUM ANALYZE bench.events;
