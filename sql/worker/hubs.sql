-- Keeping hub connections as they are meant to be: registration, repair (src/backend/hubs).

-- name: kept_hubs()
SELECT DISTINCT hub_id FROM webchatt.hub_webhooks WHERE hub_id IS NOT NULL;

-- name: look_at_logs()
-- webchatt-net was away, so deliveries may have failed: have the hubs' logs read.
UPDATE webchatt.hub_webhooks SET look_at = NULL WHERE hub_id IS NOT NULL AND look_at IS NOT NULL;

-- name: hub_call($1 hub int)
-- What to ask it next.
SELECT c.method, c.path, c.body, c.wait_ms FROM webchatt._hub_call($1) c;

-- name: hub_answered($1 hub int, $2 http_status int, $3 body text, $4 error text, $5 retry_after_ms int)
SELECT webchatt._hub_answered($1, $2, $3, $4, $5);

-- name: hub_failed($1 hub int, $2 error text)
SELECT webchatt._hub_failed($1, $2);

-- name: stop_hub($1 hub int, $2 api_key text, $3 reason text)
-- It refused the key; unless it has another one by now.
UPDATE webchatt.hubs
SET state = 'stopped', state_reason = $3, state_since = now()
WHERE id = $1 AND api_key = $2 AND state <> 'stopped';
