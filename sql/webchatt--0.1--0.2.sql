-- From 0.1 to 0.2: what tables have more, and what their rows say then.  The rest is put in by
-- sql/upgrade, which also says what is missing here.

-- by hand: TABLE webchatt.channels
ALTER TABLE webchatt.channels ADD COLUMN unread_after interval CHECK (unread_after BETWEEN interval '1 minute' AND interval '30 days');

-- by hand: TABLE webchatt.api_keys
ALTER TABLE webchatt.api_keys DROP CONSTRAINT api_keys_scopes_check,
	ADD CONSTRAINT api_keys_scopes_check CHECK (cardinality(scopes) > 0 AND scopes <@ '{send,webhooks,link,visitors}');

-- by hand: TABLE webchatt.visitor_tokens
ALTER TABLE webchatt.visitor_tokens ADD COLUMN by_link boolean NOT NULL DEFAULT false;

-- by hand: TABLE webchatt.webhooks
ALTER TABLE webchatt.webhooks DROP CONSTRAINT webhooks_event_type_check,
	ADD CONSTRAINT webhooks_event_type_check CHECK (event_type IN ('Message', 'MessageStatus', 'Unread'));

-- by hand: TABLE webchatt.registrations
ALTER TABLE webchatt.registrations DROP CONSTRAINT registrations_event_check,
	ADD CONSTRAINT registrations_event_check
		CHECK (event OPERATOR(pg_catalog.=) 'message' OR event OPERATOR(pg_catalog.=) 'status' OR event OPERATOR(pg_catalog.=) 'unread');

-- by hand: TABLE webchatt.joins
ALTER TABLE webchatt.joins ADD COLUMN tries int NOT NULL DEFAULT 0, ADD COLUMN error text;

-- by hand: TABLE webchatt.files
ALTER TABLE webchatt.files ADD COLUMN bringer text COLLATE "C";
-- who is bringing one goes on with it: in 0.1 whoever had that name
UPDATE webchatt.files f SET bringer = b.bringer
FROM (
	SELECT w.author, min(w.bringer) AS bringer FROM (
		SELECT k.label AS author, 'key ' || k.id AS bringer FROM webchatt.api_keys k WHERE k.revoked_at IS NULL
		UNION ALL SELECT a.name, 'agent ' || a.name || ' ' || extract(epoch FROM a.created_at) FROM webchatt.agents a WHERE a.disabled_at IS NULL) w
	GROUP BY w.author HAVING count(*) = 1) b
WHERE f.state = 'arriving' AND f.visitor IS NULL AND f.author = b.author;

-- by hand: TABLE webchatt.file_uses
-- a message named files of its own channel
ALTER TABLE webchatt.file_uses ADD COLUMN message_channel_id uuid;
UPDATE webchatt.file_uses SET message_channel_id = channel_id;
ALTER TABLE webchatt.file_uses ALTER COLUMN message_channel_id SET NOT NULL;

-- @functions, views, rights

-- 0.1 did not keep when a conversation was closed: of those that are, the time of the message that it was closed up to
INSERT INTO webchatt.closings (channel_id, visitor, closed_upto, closed_at)
SELECT c.channel_id, c.visitor, c.closed_upto, m.created_at
FROM webchatt.conversations c JOIN webchatt.messages m ON m.channel_id = c.channel_id AND m.id = c.closed_upto
WHERE c.state = 'closed'
ON CONFLICT DO NOTHING;
