-- Persons erased and handed out, messages redacted: what is refused, to whom, and what is particular to a remote hub's channel.
-- That nothing is left is seen by test/t/visitors_erased.t.
\set SHOW_CONTEXT never
\pset format unaligned
\pset tuples_only on
SET client_min_messages = error;
CREATE FUNCTION pg_temp.refusal(command text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	message text;
	hint text;
BEGIN
	EXECUTE command;
	RETURN 'done';
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS message = MESSAGE_TEXT, hint = PG_EXCEPTION_HINT;
	RETURN format('%s: %s | %s', SQLSTATE, message, hint);
END $$;

BEGIN;
SELECT webchatt.connect_hub('key') IS NOT NULL;
SELECT webchatt.add_channel('6cbd6789-1d2b-47e0-9391-5eb91d2839ea') IS NOT NULL;
\set c '''6cbd6789-1d2b-47e0-9391-5eb91d2839ea'''
INSERT INTO webchatt.visitors (channel_id, id, name) VALUES (:c, '351910000000', 'Ana'), (:c, 'b', 'Bea');
INSERT INTO webchatt.messages (channel_id, id, visitor, direction, status, content, hub_message_id, extra) VALUES
	(:c, '01900000-0000-7000-8000-000000000001', '351910000000', 'in', 'received', '{"type": "text", "text": "card 4111"}', 'wamid-1', '{"raw": "4111"}'),
	(:c, '01900000-0000-7000-8000-000000000002', '351910000000', 'out', 'sent', '{"text": "thanks"}', NULL, NULL),
	(:c, '01900000-0000-7000-8000-000000000003', 'b', 'in', 'received', '{"text": "of b"}', 'wamid-3', NULL);
INSERT INTO webchatt.statuses (channel_id, message_id, status, hub_message_id) VALUES (:c, '01900000-0000-7000-8000-000000000002', 'sent', 'wamid-2');
INSERT INTO webchatt.early_statuses (channel_id, hub_message_id, status, at) VALUES (:c, 'wamid-2', 'read', now()), (:c, 'wamid-9', 'read', now());
INSERT INTO webchatt.rejects (channel_id, event_type, event_key, visitor, body, sqlstate, reason) VALUES
	(:c, 'MessageStatus', 'wamid-2 odd', NULL, '{}', '22000', 'no'), (:c, 'Message', 'wamid-8', 'b', '{}', '22000', 'no'), (:c, 'Message', 'wamid-1', '351910000000', '{"text": "card 4111"}', '22000', 'no');
INSERT INTO webchatt.repairs (hub_id, hub_webhook_id, event_type, event_key, log_id, message_id, failed_at, status_code)
SELECT hub_id, 'w', 'Message', k, 'l', k, now(), 500 FROM webchatt.channels, unnest('{wamid-1,wamid-3}'::text[]) k WHERE id = :c;

-- redacting
SELECT pg_temp.refusal(format('SELECT webchatt.redact_message(%L, %L, %s)', :c, '01900000-0000-7000-8000-000000000001', r))
FROM unnest(ARRAY['NULL', ''' ''', 'repeat(''x'', 1001)', '''a card was here'', ''rui''']) r;
SELECT content, extra, status FROM webchatt.messages WHERE id = '01900000-0000-7000-8000-000000000001';
SELECT message_id, redacted_by FROM webchatt.redactions;
SELECT count(*) FROM webchatt.rejects WHERE body ~ '4111';
SELECT webchatt.redact_message(NULL, NULL), webchatt.redact_message(:c, gen_random_uuid());

-- handing out
SELECT jsonb_object_agg(k, v) FROM jsonb_each(webchatt.export_visitor(:c, '351910000000')) j (k, v) WHERE k NOT IN ('exportedAt', 'visitor', 'messages');
SELECT m -> 'id', m -> 'from', m -> 'content', m ? 'redactedAt' FROM jsonb_array_elements(webchatt.export_visitor(:c, '351910000000') -> 'messages') m;
SELECT webchatt.export_visitor(:c, '351910000000', most => 1) -> 'next', webchatt.export_visitor(:c, '351910000000', '01900000-0000-7000-8000-000000000001', 1) - 'messages';
SELECT pg_temp.refusal(s) FROM unnest(ARRAY[format('SELECT webchatt.export_visitor(%L, %L)', :c, 'nobody'), 'SELECT webchatt.export_visitor(NULL, NULL)',
	format('SELECT webchatt.export_visitor(%L, %L, most => 0)', :c, 'b'), format('SELECT webchatt.erase_visitor(%L, %L)', :c, 'nobody'), 'SELECT webchatt.erase_visitor(NULL, NULL)']) s;

-- who may
SET LOCAL ROLE webchatt_agent;
SELECT pg_temp.refusal(s) FROM unnest(ARRAY[format('SELECT webchatt.export_visitor(%L, %L)', :c, 'b'), format('SELECT webchatt.erase_visitor(%L, %L)', :c, 'b'),
	format('SELECT webchatt.redact_message(%L, %L)', :c, '01900000-0000-7000-8000-000000000003'), 'SELECT FROM webchatt.erasures', 'SELECT FROM webchatt.redactions']) s;
RESET ROLE;

-- erasing
SET LOCAL ROLE webchatt_admin;
SELECT webchatt.erase_visitor(:c, '351910000000') AS erasure \gset
SELECT pg_temp.refusal('DELETE FROM webchatt.erasures'), pg_temp.refusal('UPDATE webchatt.erasures SET rows = ''{}''');
RESET ROLE;
SELECT id FROM webchatt.visitors WHERE channel_id = :c;
SELECT visitor, content ->> 'text' FROM webchatt.messages WHERE channel_id = :c;
SELECT hub_message_id FROM webchatt.early_statuses;
SELECT event_key FROM webchatt.rejects;
SELECT event_key FROM webchatt.repairs;
SELECT count(*) FROM webchatt.statuses;
SELECT count(*) FROM webchatt.redactions;
SELECT asked_by, rows, visitors, erased_at IS NOT NULL, done_at, visitor_hash = sha256(convert_to(channel_id || '/351910000000', 'UTF8')) FROM webchatt.erasures;
-- who comes back under the same id is somebody new; what a transaction wrote that was under way is not
INSERT INTO webchatt.visitors (channel_id, id, first_seen) VALUES (:c, '351910000000', clock_timestamp());
INSERT INTO webchatt.messages (channel_id, id, visitor, direction, status, content, created_at) VALUES
	(:c, '01900000-0000-7000-8000-000000000004', '351910000000', 'out', 'queued', '{"text": "late"}', now()),
	(:c, '01900000-0000-7000-8000-000000000005', '351910000000', 'in', 'received', '{"text": "back again"}', clock_timestamp());
SELECT webchatt._erase_some(:'erasure', 10);
SELECT webchatt._erase_some(:'erasure', 10);
SELECT visitor, content ->> 'text' FROM webchatt.messages WHERE channel_id = :c ORDER BY id;
SELECT id FROM webchatt.visitors WHERE channel_id = :c ORDER BY id;
SELECT rows -> 'messages' FROM webchatt.erasures;
ROLLBACK;
