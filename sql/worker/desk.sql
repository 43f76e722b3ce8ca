-- The desk: who calls, and who signs in (src/backend/desk).

-- name: desk_is_on()
-- May anybody sign in?
SELECT EXISTS (SELECT FROM webchatt.agents WHERE disabled_at IS NULL) AS is_on;

-- name: desk_caller($1 token_hash bytea, $2 idle int, $3 touches boolean, $4 login text)
-- Whose session it is, that was used within so many seconds; touches: it is being used.  login: whom a proxy says that it is
-- ('': nobody): a session that was opened by one's word is that one's only, and ends when it is somebody else's.
WITH ended AS (
	DELETE FROM webchatt.agent_sessions WHERE token_hash = $1 AND $4 <> '' AND login <> $4
),
found AS (
	SELECT s.id, s.agent, a.role, s.last_seen
	FROM webchatt.agent_sessions s
	JOIN webchatt.agents a ON a.name = s.agent
	WHERE s.token_hash = $1 AND s.expires_at > now() AND s.last_seen > now() - make_interval(secs => $2)
		AND a.disabled_at IS NULL AND (s.login IS NULL OR s.login = $4)
),
touched AS (
	-- a search may take long, and has it until its end: what is called meanwhile does not wait for that
	UPDATE webchatt.agent_sessions s
	SET last_seen = now()
	FROM (SELECT k.id FROM found f JOIN webchatt.agent_sessions k ON k.id = f.id
		WHERE $3 AND f.last_seen < now() - interval '1 minute' FOR NO KEY UPDATE OF k SKIP LOCKED) f
	WHERE s.id = f.id
)
SELECT id, agent, role FROM found;

-- name: desk_use_link($1 args jsonb)
-- The link that has this token is used up; whose it was; no row: there is no such link.
WITH used AS (
	DELETE FROM webchatt.sign_in_links
	WHERE token_hash = sha256(convert_to($1 ->> 'token', 'UTF8'))
	RETURNING agent, expires_at
)
SELECT u.agent
FROM used u
JOIN webchatt.agents a ON a.name = u.agent
WHERE u.expires_at > now() AND a.disabled_at IS NULL;

-- name: desk_passkey_challenge()
-- What somebody is to sign who signs in by a passkey.
SELECT jsonb_build_object('challenge', webchatt._passkey_challenge(), 'rpId', h.rp_id)::text AS answer
FROM webchatt._need_passkey_host() h;

-- name: desk_use_passkey($1 args jsonb)
-- Whose passkey signed; null: problem says why it does not open the desk.
SELECT s.agent, s.problem FROM webchatt._passkey_sign_in($1) s;

-- name: desk_agent_of($1 login text)
-- Whom a proxy calls that: by login, else by name.
SELECT a.name
FROM webchatt.agents a
WHERE a.disabled_at IS NULL AND (a.login = $1 OR a.login IS NULL AND a.name = $1)
ORDER BY a.login IS NULL
LIMIT 1;

-- name: desk_open_session($1 agent text, $2 token_hash bytea, $3 max_age int, $4 client text, $5 user_agent text, $6 login text, $7 replaces bytea)
-- The agent gets a session for so many seconds, instead of the one that the browser had; no row: they are locked out.
WITH replaced AS (
	DELETE FROM webchatt.agent_sessions WHERE token_hash = $7
),
signed_in AS (
	INSERT INTO webchatt.agent_sessions (token_hash, agent, expires_at, client, user_agent, login)
	SELECT $2, a.name, now() + make_interval(secs => $3), $4, nullif(left($5, 200), ''), nullif($6, '')
	FROM webchatt.agents a
	WHERE a.name = $1 AND a.disabled_at IS NULL
	RETURNING agent
)
SELECT a.name, jsonb_build_object('agent', jsonb_build_object('name', a.name, 'displayName', a.display_name, 'role', a.role,
	'avatarUrl', a.avatar_url))::text AS answer
FROM signed_in s
JOIN webchatt.agents a ON a.name = s.agent;

-- name: desk_tidy($1 idle int, $2 most int)
-- Sessions that are over, and of each agent the oldest but for so many, go; and links that nobody used.
WITH gone AS (
	DELETE FROM webchatt.sign_in_links WHERE expires_at <= now()
)
DELETE FROM webchatt.agent_sessions
WHERE expires_at <= now() OR last_seen <= now() - make_interval(secs => $1) OR id IN (
	SELECT n.id
	FROM (SELECT s.id, row_number() OVER (PARTITION BY s.agent ORDER BY s.last_seen DESC, s.id DESC) AS place FROM webchatt.agent_sessions s) n
	WHERE n.place > $2);

-- name: index_texts($1 most int)
-- So many messages more can be found; 0: there is nothing to do now.
SELECT webchatt.index_texts($1);
