----------------------------------------------------------------------------
-- Functions: messages
----------------------------------------------------------------------------

/*
 * What writes messages runs as webchatt_worker, whoever calls it, so that an
 * application's trigger always runs as the same role: these step down inside
 * (step_down.c) and set their own search_path.  They belong to whoever installs
 * webchatt: what a role owns, whoever runs code as that role can change.
 */

CREATE FUNCTION webchatt.send_message(
	channel uuid, visitor text, content jsonb, dedupe_key text DEFAULT NULL, expires interval DEFAULT NULL,
	author text DEFAULT NULL, final boolean DEFAULT true, priority text DEFAULT NULL)
RETURNS uuid
LANGUAGE c AS 'MODULE_PATHNAME', 'webchatt_send_message';
COMMENT ON FUNCTION webchatt.send_message(uuid, text, jsonb, text, interval, text, boolean, text) IS
	'queues a message for a visitor and returns its id; it leaves when the transaction has committed. dedupe_key: the same key on the same conversation gives the first message''s id back. expires: how long it may wait. author: who answers. final: false: it need not be the answer, so that the conversation stays unanswered in webchatt.inbox. priority: ''live'': it leaves before what is bulk; ''bulk'': it lets those go first; NULL: the first 256 messages of a transaction are live, the rest is bulk. Within a conversation the order stays';

CREATE FUNCTION webchatt.send_message(
	channel uuid, visitor text, text text, dedupe_key text DEFAULT NULL, expires interval DEFAULT NULL,
	author text DEFAULT NULL, final boolean DEFAULT true, priority text DEFAULT NULL)
RETURNS uuid
LANGUAGE c AS 'MODULE_PATHNAME', 'webchatt_send_text';
COMMENT ON FUNCTION webchatt.send_message(uuid, text, text, text, interval, text, boolean, text) IS
	'queues a text for a visitor: send_message() with the content {"text": ...}';

CREATE FUNCTION webchatt.cancel_message(channel uuid, id uuid) RETURNS boolean
LANGUAGE c AS 'MODULE_PATHNAME', 'webchatt_cancel_message';
COMMENT ON FUNCTION webchatt.cancel_message(uuid, uuid) IS
	'cancels a message that is queued or held; false when it is too late. One that the worker has just taken goes out all the same and then says so in its status';

CREATE FUNCTION webchatt.retry_message(channel uuid, id uuid) RETURNS boolean
LANGUAGE c AS 'MODULE_PATHNAME', 'webchatt_retry_message';
COMMENT ON FUNCTION webchatt.retry_message(uuid, uuid) IS
	'queues a failed, expired or cancelled message anew, behind what its conversation has queued, as bulk; false when it is none of these';

CREATE FUNCTION webchatt.mark_read(channel uuid, visitor text, upto uuid DEFAULT NULL) RETURNS bigint
LANGUAGE c AS 'MODULE_PATHNAME', 'webchatt_mark_read';
COMMENT ON FUNCTION webchatt.mark_read(uuid, text, uuid) IS
	'marks what a visitor wrote (up to that message; NULL: all) as read and returns how many that were; on a local channel the visitor''s widget shows it';

CREATE FUNCTION webchatt.close_conversation(channel uuid, visitor text, upto uuid DEFAULT NULL) RETURNS void
LANGUAGE c AS 'MODULE_PATHNAME', 'webchatt_close_conversation';
COMMENT ON FUNCTION webchatt.close_conversation(uuid, text, uuid) IS
	'closes a conversation, when the transaction has committed: nobody waits for an answer any more, and webchatt.inbox has it behind the others. upto: the newest message that was seen; NULL: all that this transaction can see. What the visitor writes behind it keeps the conversation open, or opens it again';

CREATE FUNCTION webchatt.reopen_conversation(channel uuid, visitor text) RETURNS void
LANGUAGE c AS 'MODULE_PATHNAME', 'webchatt_reopen_conversation';
COMMENT ON FUNCTION webchatt.reopen_conversation(uuid, text) IS 'opens a closed conversation again, when the transaction has committed';

CREATE FUNCTION webchatt.assign_conversation(channel uuid, visitor text, assignee text) RETURNS void
LANGUAGE c AS 'MODULE_PATHNAME', 'webchatt_assign_conversation';
COMMENT ON FUNCTION webchatt.assign_conversation(uuid, text, text) IS
	'says whose conversation it is, when the transaction has committed; NULL: nobody''s';

CREATE FUNCTION webchatt.send_typing(channel uuid, visitor text) RETURNS boolean
LANGUAGE c AS 'MODULE_PATHNAME', 'webchatt_send_typing';
COMMENT ON FUNCTION webchatt.send_typing(uuid, text) IS
	'shows the visitor of a local channel for some seconds that somebody is writing; at once, whatever becomes of the transaction, and stored nowhere. False when no worker runs';

CREATE FUNCTION webchatt.ingest(body text, signature text DEFAULT NULL, channel uuid DEFAULT NULL)
RETURNS text
LANGUAGE c AS 'MODULE_PATHNAME', 'webchatt_ingest';
COMMENT ON FUNCTION webchatt.ingest(text, text, uuid) IS
	'takes a hub''s event by the rules of webhooks by HTTP, for other front ends; returns stored or repeat. channel: the one of the endpoint; a MessageStatus names none, and is looked up by its message when this is NULL';

CREATE FUNCTION webchatt.retry_reject(id bigint) RETURNS text
LANGUAGE c AS 'MODULE_PATHNAME', 'webchatt_retry_reject';
COMMENT ON FUNCTION webchatt.retry_reject(bigint) IS
	'writes a rejected event again and removes the reject; raises what refuses it if it still is refused';

