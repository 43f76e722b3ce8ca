-- What the turn hands to webchatt-net as its configuration (src/backend/turn/config.c).

-- name: read_hubs()
SELECT id, name, api_url, api_key, state = 'stopped' AS is_stopped, kind = 'local' AS is_local, inbound = 'link' AS has_link
FROM webchatt.hubs
ORDER BY id;

-- name: read_hub_secrets()
-- What signs events for hubs' own endpoints.
SELECT hub_id, secret, CASE WHEN old_secret_until > now() THEN old_secret END AS old_secret,
	ceil(extract(epoch FROM least(old_secret_until, timestamptz '9999-01-01')))::bigint AS old_secret_until
FROM webchatt.hub_webhooks
WHERE hub_id IS NOT NULL AND secret IS NOT NULL
ORDER BY hub_id, event_type;

-- name: read_channels()
-- A row for each channel and webhook; the channel alone where it has none.  widget: what GET /widget-settings says.
SELECT c.id, c.hub_id, c.kind, coalesce(w.accept_unsigned, false) AS accept_unsigned, w.secret,
	CASE WHEN w.old_secret_until > now() THEN w.old_secret END AS old_secret,
	ceil(extract(epoch FROM least(w.old_secret_until, timestamptz '9999-01-01')))::bigint AS old_secret_until,
	h.kind = 'local' AND c.public_key IS NOT NULL AS has_visitors, c.public_key, c.display_name,
	(SELECT string_agg(o.origin, ' ' ORDER BY o.origin) FROM webchatt.origins o WHERE o.channel_id = c.id) AS origins,
	c.newcomers_paused, c.show_author, json_build_object('name', c.display_name, 'settings', c.widget, 'files', files.rules, 'identity', c.identity)::text AS widget,
	c.identity, i.secret AS identity_secret,
	CASE WHEN i.old_secret_until > now() THEN i.old_secret END AS old_identity_secret,
	ceil(extract(epoch FROM least(i.old_secret_until, timestamptz '9999-01-01')))::bigint AS old_identity_secret_until,
	extract(epoch FROM c.unread_after)::bigint AS unread_after_seconds
FROM webchatt.channels c
JOIN webchatt.hubs h ON h.id = c.hub_id
LEFT JOIN webchatt.identity_secrets i ON i.channel_id = c.id
LEFT JOIN webchatt.hub_webhooks w ON w.channel_id = c.id
CROSS JOIN (SELECT CASE WHEN count(*) > 0 THEN json_build_object('maxSize', pg_size_bytes(current_setting('webchatt.max_file_size')),
		'types', json_agg(btrim(one) ORDER BY place)) END AS rules
	FROM string_to_table(current_setting('webchatt.file_types'), ',') WITH ORDINALITY AS t(one, place) WHERE btrim(one) <> '') files
ORDER BY c.id, w.event_type;

-- name: read_keys()
-- API keys: what each may do as bits, its channels one behind the other (null: all).
SELECT id, key_hash,
	('send' = ANY (scopes))::int + 2 * ('webhooks' = ANY (scopes))::int + 4 * ('link' = ANY (scopes))::int
		+ 8 * ('visitors' = ANY (scopes))::int AS scope_bits,
	(SELECT string_agg(uuid_send(channel), '') FROM unnest(channels) AS channel) AS channels
FROM webchatt.api_keys
WHERE revoked_at IS NULL
ORDER BY id;

-- name: read_authors()
-- Agents as visitors are shown them, in the form of doc/protocol.md: of some channels, where there are any.
SELECT a.name, json_strip_nulls(json_build_object('name', a.display_name, 'avatar', a.avatar_url))::text AS author
FROM webchatt.agents a
WHERE (SELECT EXISTS (SELECT FROM webchatt.channels c WHERE c.show_author));
