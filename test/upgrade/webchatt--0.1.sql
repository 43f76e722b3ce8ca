/*
 * 01-roles-types.sql
 *	  The SQL face of webchatt: what applications see in schema webchatt.
 *
 * Names that begin with an underscore are webchatt's own and may change.
 */
\echo Use "CREATE EXTENSION webchatt" to load this file. \quit

/*
 * CREATE EXTENSION takes a schema that is there already, whoever's it is.  So the
 * names in views, checks and defaults are PostgreSQL's own, or begin with webchatt.
 */
SET LOCAL search_path = pg_catalog, pg_temp;

DO $$
BEGIN
	IF pg_catalog.getdatabaseencoding() <> 'UTF8' THEN
		RAISE EXCEPTION 'webchatt needs a database in UTF8, this one is in %',
			pg_catalog.getdatabaseencoding()
			USING ERRCODE = 'feature_not_supported',
				HINT = 'Hubs and browsers speak UTF-8: CREATE DATABASE ... ENCODING ''UTF8'' TEMPLATE template0.';
	END IF;
END
$$;

----------------------------------------------------------------------------
-- The schema: ours alone
----------------------------------------------------------------------------

DO $$
DECLARE
	schema record;
	problem text;
BEGIN
	SELECT n.oid, n.nspowner, u.rolname, u.rolsuper, n.xmin = pg_current_xact_id_if_assigned()::xid AS fresh,
		EXISTS (SELECT FROM aclexplode(n.nspacl) a WHERE a.privilege_type = 'CREATE' AND a.grantee <> n.nspowner) AS open
	INTO STRICT schema FROM pg_namespace n JOIN pg_roles u ON u.oid = n.nspowner WHERE n.nspname = 'webchatt';
	IF NOT schema.rolsuper THEN
		problem := format('it belongs to %s, who is no superuser', quote_ident(schema.rolname));
	ELSIF schema.open AND NOT schema.fresh THEN
		problem := 'others may create objects in it';
	ELSIF EXISTS (SELECT FROM pg_depend d WHERE d.refclassid = 'pg_namespace'::regclass AND d.refobjid = schema.oid
		AND d.classid NOT IN ('pg_extension'::regclass, 'pg_default_acl'::regclass)) THEN
		problem := 'it is not empty';
	ELSE
		RETURN;
	END IF;
	RAISE EXCEPTION 'schema webchatt is there already, and cannot be used: %', problem
		USING ERRCODE = 'object_not_in_prerequisite_state',
			DETAIL = 'What others put into the schema could run with the rights of whoever uses webchatt.',
			HINT = 'SELECT pg_describe_object(classid, objid, 0) FROM pg_depend WHERE refclassid = ''pg_namespace''::regclass AND refobjid = ''webchatt''::regnamespace shows what it holds. If nobody needs it, DROP SCHEMA webchatt CASCADE, and create the extension again.';
END
$$;

----------------------------------------------------------------------------
-- Roles
----------------------------------------------------------------------------

DO $$
DECLARE
	r text;
	problem text;
	hint text;
BEGIN
	FOREACH r IN ARRAY ARRAY['webchatt_admin', 'webchatt_agent', 'webchatt_worker'] LOOP
		IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = r) THEN
			BEGIN
				EXECUTE format('CREATE ROLE %I NOLOGIN', r);
			EXCEPTION WHEN duplicate_object OR unique_violation THEN
				NULL;			-- another database's CREATE EXTENSION was faster
			END;
		END IF;
		-- one that somebody else made may do more than ours
		SELECT concat_ws(' ', CASE WHEN rolcanlogin THEN 'LOGIN' END, CASE WHEN rolsuper THEN 'SUPERUSER' END,
			CASE WHEN rolcreaterole THEN 'CREATEROLE' END, CASE WHEN rolcreatedb THEN 'CREATEDB' END,
			CASE WHEN rolreplication THEN 'REPLICATION' END, CASE WHEN rolbypassrls THEN 'BYPASSRLS' END)
		INTO STRICT problem FROM pg_roles WHERE rolname = r;
		hint := format('ALTER ROLE %I NOLOGIN NOSUPERUSER NOCREATEROLE NOCREATEDB NOREPLICATION NOBYPASSRLS; and give people roles of their own: GRANT %I TO ...', r, r);
		IF problem = '' THEN
			SELECT 'member of ' || string_agg(quote_ident(rolname), ', ' ORDER BY rolname) INTO problem FROM pg_roles
			WHERE rolname <> r AND pg_has_role(r, oid, 'MEMBER')
				AND (rolsuper OR rolcreaterole OR rolcreatedb OR rolreplication OR rolbypassrls OR rolname ~ '^pg_');
			hint := format('REVOKE these roles FROM %I.', r);
		END IF;
		IF r = 'webchatt_worker' AND problem IS NULL THEN
			SELECT 'had by ' || string_agg(quote_ident(u.rolname), ', ' ORDER BY u.rolname) INTO problem
			FROM pg_auth_members m JOIN pg_roles u ON u.oid = m.member
			WHERE m.roleid = r::regrole AND NOT u.rolsuper;
			hint := 'REVOKE webchatt_worker FROM them: it reads the secrets, and nobody needs to be it.';
		END IF;
		IF problem <> '' THEN
			RAISE EXCEPTION 'role % is there already, and may do more than it should: %', r, problem
				USING ERRCODE = 'object_not_in_prerequisite_state', HINT = hint;
		END IF;
	END LOOP;
END
$$;


----------------------------------------------------------------------------
-- Types
----------------------------------------------------------------------------

/*
 * In the order of design: a status only ever moves to one further down, so
 * evidence that a message was received beats "failed".
 */
CREATE TYPE webchatt.message_status AS ENUM (
	'received',					-- inbound: a row is all there is to it
	'queued', 'held', 'enqueued', 'sent',
	'failed', 'expired', 'cancelled',
	'delivered', 'read',
	'retracted');				-- outbound: taken back, whatever it was before
CREATE TYPE webchatt.message_direction AS ENUM ('in', 'out');
COMMENT ON TYPE webchatt.message_direction IS 'in: from the visitor; out: to the visitor';
COMMENT ON TYPE webchatt.message_status IS
	'where a message stands; moves forward only, in this order';
CREATE TYPE webchatt.conversation_state AS ENUM ('open', 'closed');
COMMENT ON TYPE webchatt.conversation_state IS
	'open: it goes on; closed: by webchatt.close_conversation(), until the visitor writes again. The inbox is in this order';
----------------------------------------------------------------------------
-- Configuration: hubs, channels, origins, webhooks
----------------------------------------------------------------------------

CREATE TABLE webchatt.hubs (
	id int GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY,
	name text NOT NULL UNIQUE CHECK (name ~ '^[a-z0-9][a-z0-9_-]{0,62}$'),
	kind text NOT NULL DEFAULT 'remote' CHECK (kind IN ('remote', 'local')),
	api_url text CHECK (api_url ~ '^https?://[^/?#@[:space:]]+(/[^?#[:space:]]*)?$' AND length(api_url) <= 1024),
	api_key text CHECK (api_key ~ '^[!-~]+$' AND length(api_key) <= 512),
	inbound text NOT NULL DEFAULT 'webhook' CHECK (inbound IN ('webhook', 'link')),
	state text NOT NULL DEFAULT 'active' CHECK (state IN ('active', 'stopped')),
	state_reason text,
	state_since timestamptz NOT NULL DEFAULT now(),
	created_at timestamptz NOT NULL DEFAULT now(),
	CHECK (CASE kind WHEN 'local' THEN api_url IS NULL AND api_key IS NULL
		ELSE api_url IS NOT NULL AND api_key IS NOT NULL END)
);
CREATE UNIQUE INDEX hubs_local ON webchatt.hubs (kind) WHERE kind = 'local';
COMMENT ON TABLE webchatt.hubs IS
	'hubs, one row each: remote ones made by webchatt.connect_hub(), the local one by the first webchatt.create_channel()';
COMMENT ON COLUMN webchatt.hubs.kind IS 'remote: reached by its REST API and webhooks; local: visitors connect to webchatt itself';
COMMENT ON COLUMN webchatt.hubs.api_url IS 'remote: base URL without a slash at the end';
COMMENT ON COLUMN webchatt.hubs.api_key IS 'secret, remote: the Application''s x-api-key';
COMMENT ON COLUMN webchatt.hubs.inbound IS
	'remote: how its events come. webhook: it posts them to us; link: we keep a WebSocket to it, which needs no public URL (between webchatt hubs only)';
COMMENT ON COLUMN webchatt.hubs.state IS 'stopped: the hub refused the key (401); a new key starts it again';
COMMENT ON COLUMN webchatt.hubs.name IS 'what it is called here: webchatt.connect_hub(name => ...)';
COMMENT ON COLUMN webchatt.hubs.state_reason IS 'why it is stopped, in words';
COMMENT ON COLUMN webchatt.hubs.state_since IS 'since when it has its state';
COMMENT ON COLUMN webchatt.hubs.created_at IS 'when it was attached';
COMMENT ON SEQUENCE webchatt.hubs_id_seq IS 'numbers webchatt.hubs';

CREATE TABLE webchatt.channels (
	id uuid PRIMARY KEY,
	hub_id int NOT NULL REFERENCES webchatt.hubs (id),
	kind text NOT NULL DEFAULT 'web-chatt2me' CHECK (kind ~ '^[a-z0-9-]{1,64}$'),
	display_name text CHECK (char_length(display_name) <= 50),
	public_key text COLLATE "C" UNIQUE CHECK (public_key ~ '^[A-Za-z0-9_-]{16,64}$'),
	created_at timestamptz NOT NULL DEFAULT now(),
	newcomers_paused boolean NOT NULL DEFAULT false,
	show_author boolean NOT NULL DEFAULT false,
	widget jsonb NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(widget) = 'object' AND octet_length(widget::text) <= 16384),
	identity text NOT NULL DEFAULT 'none' CHECK (identity IN ('none', 'optional', 'required'))
);
COMMENT ON TABLE webchatt.channels IS 'channels, one row each, made by webchatt.create_channel() or, on a remote hub, webchatt.add_channel()';
COMMENT ON COLUMN webchatt.channels.id IS 'the application channel id: "from" of what is sent';
COMMENT ON COLUMN webchatt.channels.kind IS 'channel type as the hub''s REST path has it';
COMMENT ON COLUMN webchatt.channels.hub_id IS 'the hub that it hangs on';
COMMENT ON COLUMN webchatt.channels.display_name IS 'at most 50 characters; the widget shows it';
COMMENT ON COLUMN webchatt.channels.public_key IS
	'local: the widget''s webChatId, no secret; null on a remote hub. webchatt.regenerate_public_key() changes it';
COMMENT ON COLUMN webchatt.channels.created_at IS 'when it was added';
COMMENT ON COLUMN webchatt.channels.newcomers_paused IS 'local: new visitors are told to come later; webchatt.pause_newcomers() sets it';
COMMENT ON COLUMN webchatt.channels.show_author IS
	'local: visitors see the display name and the picture of the agent who answers; webchatt.set_show_author() sets it';
COMMENT ON COLUMN webchatt.channels.widget IS
	'local: how the widget looks and what it does, on every page; webchatt.configure_widget() sets it, and every page may read it';
COMMENT ON COLUMN webchatt.channels.identity IS
	'local: may a page say, signed, which user a visitor is (doc/identity.md)? none: no; optional: yes; required: nobody else is let in. webchatt.set_identity() sets it';

CREATE TABLE webchatt.origins (
	channel_id uuid NOT NULL REFERENCES webchatt.channels (id) ON DELETE CASCADE,
	origin text COLLATE "C" NOT NULL,
	PRIMARY KEY (channel_id, origin)
);
COMMENT ON TABLE webchatt.origins IS 'web origins from which a channel''s widget may connect, normalised';
COMMENT ON COLUMN webchatt.origins.origin IS 'scheme, host, and port where it is not the default, in lower case';

/*
 * A hub has its webhooks for the whole Application, so what the worker registers
 * belongs to a hub and comes to /webhooks/hubs/<name>.  What somebody set up by
 * hand belongs to a channel and comes to /webhooks/<channel id>.
 */
CREATE TABLE webchatt.hub_webhooks (
	id int GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY,
	hub_id int REFERENCES webchatt.hubs (id) ON DELETE CASCADE,
	channel_id uuid REFERENCES webchatt.channels (id) ON DELETE CASCADE,
	event_type text NOT NULL DEFAULT 'any' CHECK (event_type IN ('any', 'Message', 'MessageStatus')),
	secret text CHECK (length(secret) BETWEEN 1 AND 512),
	old_secret text CHECK (length(old_secret) BETWEEN 1 AND 512),
	old_secret_until timestamptz,
	accept_unsigned boolean NOT NULL DEFAULT false,
	changed_at timestamptz NOT NULL DEFAULT now(),
	-- registered ones: what is desired
	desired text CHECK (desired IN ('registered', 'rotated', 'gone')),
	endpoint text,
	label text,
	-- what is actual
	state text CHECK (state IN ('waiting', 'creating', 'verifying', 'verified', 'mending', 'removing')),
	hub_webhook_id text,
	actual_endpoint text,
	verified_at timestamptz,
	checked_at timestamptz,
	last_error text,
	last_error_at timestamptz,
	tries int NOT NULL DEFAULT 0,
	-- how far the worker is with that
	next_try timestamptz,
	asked_at timestamptz,
	overlap interval,
	sign_by text CHECK (sign_by IN ('patch', 'off', 'on')),
	unverified_since timestamptz,
	poll_at timestamptz,
	polls int NOT NULL DEFAULT 0,
	again int NOT NULL DEFAULT 0,
	again_at timestamptz,
	-- the hub's log of failed deliveries
	look_at timestamptz,
	looked_at timestamptz,
	log_seen timestamptz,
	log_skipped int NOT NULL DEFAULT 0,
	mistrusted_at timestamptz,
	repair_pause int NOT NULL DEFAULT 0,
	repair_at timestamptz,
	UNIQUE (channel_id, event_type),
	UNIQUE (hub_id, event_type),
	CHECK (num_nonnulls(hub_id, channel_id) = 1),
	CHECK (channel_id IS NULL OR secret IS NOT NULL OR accept_unsigned),
	CHECK (hub_id IS NULL OR NOT accept_unsigned AND event_type <> 'any'
		AND num_nulls(desired, endpoint, label, state) = 0)
);
COMMENT ON TABLE webchatt.hub_webhooks IS
	'the webhooks by which remote hubs post events to us: those that webchatt.register_webhooks() keeps at a hub, and those of channels that were set up by hand; what has no row, or no secret yet, is refused';
COMMENT ON COLUMN webchatt.hub_webhooks.hub_id IS 'the hub at which the worker keeps it; null: set up by hand for a channel';
COMMENT ON COLUMN webchatt.hub_webhooks.channel_id IS 'the channel that it was set up for by hand; null: kept for a whole hub';
COMMENT ON COLUMN webchatt.hub_webhooks.event_type IS
	'the hub has one webhook, and one secret, for each event type; any: the same for both';
COMMENT ON COLUMN webchatt.hub_webhooks.secret IS 'secret: the key of X-hub-Signature';
COMMENT ON COLUMN webchatt.hub_webhooks.old_secret IS 'secret: also accepted, until old_secret_until';
COMMENT ON COLUMN webchatt.hub_webhooks.accept_unsigned IS
	'true: whoever knows the URL can post events; never needed with a hub that signs';
COMMENT ON COLUMN webchatt.hub_webhooks.old_secret_until IS 'when the old secret stops being accepted';
COMMENT ON COLUMN webchatt.hub_webhooks.changed_at IS 'when the secret was last set';
COMMENT ON COLUMN webchatt.hub_webhooks.desired IS 'kept ones: registered; rotated: registered, with a new secret; gone: to be removed at the hub';
COMMENT ON COLUMN webchatt.hub_webhooks.endpoint IS 'kept ones: the URL that the hub is to post to, from webchatt.public_url';
COMMENT ON COLUMN webchatt.hub_webhooks.label IS 'kept ones: what it is called at the hub, by which it is known as ours';
COMMENT ON COLUMN webchatt.hub_webhooks.state IS
	'kept ones: waiting for a first look, creating, verifying, verified (all is as desired), mending, removing';
COMMENT ON COLUMN webchatt.hub_webhooks.hub_webhook_id IS 'kept ones: its id at the hub';
COMMENT ON COLUMN webchatt.hub_webhooks.actual_endpoint IS 'kept ones: the URL that the hub has for it';
COMMENT ON COLUMN webchatt.hub_webhooks.verified_at IS 'kept ones: since when the hub says that it is verified; null: it is not';
COMMENT ON COLUMN webchatt.hub_webhooks.checked_at IS 'kept ones: when it was last compared with the hub''s';
COMMENT ON COLUMN webchatt.hub_webhooks.last_error IS 'kept ones: what last went wrong; null since all is well';
COMMENT ON COLUMN webchatt.hub_webhooks.last_error_at IS 'kept ones: when that was';
COMMENT ON COLUMN webchatt.hub_webhooks.tries IS 'kept ones: failures in a row';
COMMENT ON COLUMN webchatt.hub_webhooks.next_try IS 'kept ones: not to be tried again before, after an error; null: now';
COMMENT ON COLUMN webchatt.hub_webhooks.asked_at IS 'kept ones: when the hub was asked to make it, while it has not answered';
COMMENT ON COLUMN webchatt.hub_webhooks.overlap IS 'kept ones: how long the old secret is to stay valid, while it is rotated';
COMMENT ON COLUMN webchatt.hub_webhooks.sign_by IS 'webchatt''s own: how a new secret is being got, where the hub cannot simply be asked for one';
COMMENT ON COLUMN webchatt.hub_webhooks.unverified_since IS 'kept ones: since when the hub''s verification is waited for';
COMMENT ON COLUMN webchatt.hub_webhooks.poll_at IS 'kept ones: when the hub is next asked whether it is verified';
COMMENT ON COLUMN webchatt.hub_webhooks.polls IS 'kept ones: how often it was asked so far';
COMMENT ON COLUMN webchatt.hub_webhooks.again IS 'kept ones: how often a verification was asked for anew, ever; the number in ?again= of actual_endpoint';
COMMENT ON COLUMN webchatt.hub_webhooks.again_at IS 'kept ones: when the next one is asked for, if it is not verified then';
COMMENT ON COLUMN webchatt.hub_webhooks.look_at IS 'kept ones: when the hub''s log of failed deliveries is next looked through; null: now';
COMMENT ON COLUMN webchatt.hub_webhooks.looked_at IS 'kept ones: when that was last done to the end';
COMMENT ON COLUMN webchatt.hub_webhooks.log_skipped IS 'kept ones: lines of the hub''s log that the last look passed over, as they could not be read';
COMMENT ON COLUMN webchatt.hub_webhooks.log_seen IS 'kept ones: up to when, by the hub''s clock, that was';
COMMENT ON COLUMN webchatt.hub_webhooks.mistrusted_at IS 'kept ones: when the secret was last replaced because the hub''s log said that it signs with another';
COMMENT ON COLUMN webchatt.hub_webhooks.repair_pause IS 'kept ones: in seconds, above 0 while retried deliveries do not reach us: then they are tried one at a time';
COMMENT ON COLUMN webchatt.hub_webhooks.repair_at IS 'kept ones: no retry is asked for before; null: now';
COMMENT ON SEQUENCE webchatt.hub_webhooks_id_seq IS 'numbers webchatt.hub_webhooks';

CREATE TABLE webchatt.api_keys (
	id int GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY,
	label text NOT NULL UNIQUE CHECK (char_length(label) BETWEEN 1 AND 100),
	key_hash bytea NOT NULL UNIQUE CHECK (octet_length(key_hash) = 32),
	channels uuid[] CHECK (cardinality(channels) BETWEEN 1 AND 256 AND array_ndims(channels) = 1 AND array_position(channels, NULL) IS NULL),
	scopes text[] NOT NULL DEFAULT '{send,webhooks,link}' CHECK (cardinality(scopes) > 0 AND scopes <@ '{send,webhooks,link}'),
	created_at timestamptz NOT NULL DEFAULT now(),
	revoked_at timestamptz
);
COMMENT ON TABLE webchatt.api_keys IS
	'keys that open the local hub''s REST API, made by webchatt.create_api_key(); only their hashes are here';
COMMENT ON COLUMN webchatt.api_keys.label IS 'whose key it is, in words';
COMMENT ON COLUMN webchatt.api_keys.key_hash IS 'SHA-256 of the key';
COMMENT ON COLUMN webchatt.api_keys.channels IS 'local channels that it may send on and gets the events of; null: all, also those to come';
COMMENT ON COLUMN webchatt.api_keys.scopes IS 'what it may do: send messages, keep webhooks of its own, open a link';
COMMENT ON COLUMN webchatt.api_keys.created_at IS 'when it was made';
COMMENT ON COLUMN webchatt.api_keys.revoked_at IS 'when webchatt.revoke_api_key() ended it; null: it is valid';
COMMENT ON SEQUENCE webchatt.api_keys_id_seq IS 'numbers webchatt.api_keys';

----------------------------------------------------------------------------
-- Conversations: visitors, messages, statuses, rejects
----------------------------------------------------------------------------

CREATE TABLE webchatt.visitors (
	channel_id uuid NOT NULL REFERENCES webchatt.channels (id) ON DELETE CASCADE,
	id text COLLATE "C" NOT NULL CHECK (octet_length(id) BETWEEN 1 AND 255),
	first_seen timestamptz NOT NULL DEFAULT now(),
	last_seen timestamptz,
	attributes jsonb NOT NULL DEFAULT '{}',
	page_url text,
	page_title text,
	page_at timestamptz,
	locale text,
	time_zone text,
	user_id text COLLATE "C" CHECK (octet_length(user_id) BETWEEN 1 AND 255),
	verified boolean NOT NULL GENERATED ALWAYS AS (user_id IS NOT NULL) STORED,
	name text CHECK (char_length(name) BETWEEN 1 AND 100),
	email text CHECK (char_length(email) BETWEEN 3 AND 254),
	avatar text CHECK (avatar ~ '^https://[^[:space:]"<>]+$' AND length(avatar) <= 1024),
	signed text[] NOT NULL DEFAULT '{}' CHECK (signed <@ '{name,email,avatar}'),
	page_attributes jsonb NOT NULL DEFAULT '{}',
	referrer text,
	joined_to text COLLATE "C",
	joined_at timestamptz,
	PRIMARY KEY (channel_id, id),
	FOREIGN KEY (channel_id, joined_to) REFERENCES webchatt.visitors (channel_id, id) ON DELETE CASCADE ON UPDATE CASCADE,
	CHECK (joined_to IS NULL OR joined_to <> id AND user_id IS NULL)
);
CREATE UNIQUE INDEX visitors_user ON webchatt.visitors (channel_id, user_id) WHERE user_id IS NOT NULL;
CREATE INDEX visitors_joined ON webchatt.visitors (channel_id, joined_to) WHERE joined_to IS NOT NULL;
COMMENT ON TABLE webchatt.visitors IS 'everybody who wrote, or was written to, on a channel';
COMMENT ON COLUMN webchatt.visitors.user_id IS
	'which user of the site that is: its server signed it (doc/identity.md). Null: nobody has said so, signed';
COMMENT ON COLUMN webchatt.visitors.verified IS 'whether there is a user_id, which the site''s server signed';
COMMENT ON COLUMN webchatt.visitors.name IS
	'what they are called: as the site''s server says where signed has it, otherwise as their page does, and that a stranger can write';
COMMENT ON COLUMN webchatt.visitors.email IS 'their e-mail address: the same holds as for name';
COMMENT ON COLUMN webchatt.visitors.avatar IS 'https:// URL of a picture of them: the same holds as for name';
COMMENT ON COLUMN webchatt.visitors.signed IS
	'which of name, email and avatar the site''s server signed; the others a stranger may have written';
COMMENT ON COLUMN webchatt.visitors.page_attributes IS
	'webchatt''s own: those of attributes that the visitor''s page gave, as it last did. What differs from them in attributes is the application''s, and no page changes it';
COMMENT ON COLUMN webchatt.visitors.referrer IS
	'the page that had the link by which they came to the site at first, origin and path only; a stranger wrote it. Null: none, or not told';
COMMENT ON COLUMN webchatt.visitors.joined_to IS
	'the visitor who this one turned out to be when they logged in: the conversation is there, and what is written to this one gets there too. Null: they are themselves';
COMMENT ON COLUMN webchatt.visitors.joined_at IS 'when that was';
COMMENT ON COLUMN webchatt.visitors.last_seen IS
	'when something last came from the visitor, exact to a minute; null: never yet';
COMMENT ON COLUMN webchatt.visitors.attributes IS
	'what the visitor''s page said of itself when they first connected, so written by a stranger: up to 16 texts, to be escaped and never trusted. The application may keep its own beside them, under names that no page gives';
COMMENT ON COLUMN webchatt.visitors.page_url IS
	'the page that the visitor last looked at, without query and fragment, on an origin of the channel (webchatt.origins) as it was then; a stranger wrote it. Null: their client does not tell';
COMMENT ON COLUMN webchatt.visitors.page_title IS 'its title, at most 200 characters; a stranger wrote it';
COMMENT ON COLUMN webchatt.visitors.page_at IS 'when they came to it';
COMMENT ON COLUMN webchatt.visitors.locale IS 'the language that their browser is set to (BCP 47: pt-BR), as it last said; a stranger wrote it';
COMMENT ON COLUMN webchatt.visitors.time_zone IS 'the time zone that their browser is set to (IANA: America/Sao_Paulo), as it last said; a stranger wrote it';
COMMENT ON COLUMN webchatt.visitors.first_seen IS 'when the row was made: by the first message in either direction';

CREATE TABLE webchatt.visitor_tokens (
	channel_id uuid NOT NULL REFERENCES webchatt.channels (id) ON DELETE CASCADE,
	token_hash bytea NOT NULL CHECK (octet_length(token_hash) = 32),
	visitor text COLLATE "C" NOT NULL,
	created_at timestamptz NOT NULL DEFAULT now(),
	PRIMARY KEY (channel_id, token_hash),
	FOREIGN KEY (channel_id, visitor) REFERENCES webchatt.visitors (channel_id, id) ON DELETE CASCADE
);
CREATE INDEX visitor_tokens_visitor ON webchatt.visitor_tokens (channel_id, visitor);
COMMENT ON TABLE webchatt.visitor_tokens IS
	'what visitors of local channels are known by; a row that is deleted makes that browser a new visitor';
COMMENT ON COLUMN webchatt.visitor_tokens.token_hash IS 'SHA-256 of the token that the visitor''s browser keeps';
COMMENT ON COLUMN webchatt.visitor_tokens.visitor IS 'who that is';
COMMENT ON COLUMN webchatt.visitor_tokens.created_at IS 'when the token was given';

/* Who is connected now: written by the worker, empty after a crash, in no dump. */
CREATE UNLOGGED TABLE webchatt.sessions (
	id bigint PRIMARY KEY,
	channel_id uuid NOT NULL,
	visitor text COLLATE "C" NOT NULL,
	since timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE webchatt.sessions IS
	'visitors'' connections that are open now, one row each; webchatt.presence shows them by visitor';
COMMENT ON COLUMN webchatt.sessions.id IS 'webchatt-net''s number of the connection';
COMMENT ON COLUMN webchatt.sessions.visitor IS 'whose it is';
COMMENT ON COLUMN webchatt.sessions.since IS 'when the visitor was welcomed on it';

CREATE FUNCTION webchatt._now() RETURNS timestamptz
LANGUAGE c STRICT AS 'MODULE_PATHNAME', 'webchatt_now';
COMMENT ON FUNCTION webchatt._now() IS
	'webchatt''s own: now(), but not before the last message, also when the clock was set back';

CREATE FUNCTION webchatt.hub_message_key(channel_id uuid, hub_message_id text) RETURNS uuid
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'webchatt_hub_message_key';
COMMENT ON FUNCTION webchatt.hub_message_key(uuid, text) IS
	'a hub''s id of a message in 16 bytes: the index by which messages are found by hub_message_id is on it';

/*
 * No foreign keys: the worker checks the channel and makes the visitor's row
 * in the same turn, and a lookup for each row would be a tenth of the
 * price of a message.
 */
CREATE TABLE webchatt.messages (
	channel_id uuid NOT NULL,
	id uuid NOT NULL,
	visitor text COLLATE "C" NOT NULL,
	direction webchatt.message_direction NOT NULL,
	status webchatt.message_status NOT NULL,
	content jsonb NOT NULL,
	created_at timestamptz NOT NULL DEFAULT webchatt._now(),
	status_at timestamptz NOT NULL DEFAULT now(),
	hub_message_id text COLLATE "C",
	hub_time timestamptz,
	expires_at timestamptz,
	dedupe_key text COLLATE "C",
	error_code text,
	error_message text,
	extra jsonb,
	author text,
	final boolean NOT NULL DEFAULT true,
	PRIMARY KEY (channel_id, id)
) WITH (fillfactor = 50);	-- room for all rows of a page to get their next status beside it, without touching an index
-- unique by channel_id and hub_message_id, in 16 bytes
CREATE UNIQUE INDEX messages_hub_message_id ON webchatt.messages (webchatt.hub_message_key(channel_id, hub_message_id))
	WHERE hub_message_id IS NOT NULL;
CREATE UNIQUE INDEX messages_dedupe_key ON webchatt.messages (channel_id, visitor, dedupe_key)
	WHERE dedupe_key IS NOT NULL;
CREATE INDEX messages_conversation ON webchatt.messages (channel_id, visitor, id);
COMMENT ON TABLE webchatt.messages IS
	'every message of every conversation; put AFTER INSERT triggers here to react';
COMMENT ON COLUMN webchatt.messages.id IS 'UUID version 7, ours: sorts by time';
COMMENT ON COLUMN webchatt.messages.direction IS 'in: from the visitor; out: to the visitor';
COMMENT ON COLUMN webchatt.messages.content IS 'as it came, or as it goes out; the shapes are in doc/hub-contract.md, section 2';
COMMENT ON COLUMN webchatt.messages.hub_message_id IS
	'inbound: the hub''s id, which makes a repeated event one message; an outbound message''s ids are in webchatt.statuses, as one sent again may have several';
COMMENT ON COLUMN webchatt.messages.hub_time IS 'inbound: the event''s own timestamp';
COMMENT ON COLUMN webchatt.messages.extra IS 'inbound: the event''s fields that webchatt does not know';
COMMENT ON COLUMN webchatt.messages.error_code IS 'outbound: the hub''s code, when it failed';
COMMENT ON COLUMN webchatt.messages.visitor IS 'the visitor''s id in the channel: the "from" of an event, the "to" of a send';
COMMENT ON COLUMN webchatt.messages.status IS 'inbound: received; outbound: where it stands, which only moves forward';
COMMENT ON COLUMN webchatt.messages.created_at IS
	'when the row was written; while the clock is behind the newest message, that one''s time';
COMMENT ON COLUMN webchatt.messages.status_at IS 'when the status last changed';
COMMENT ON COLUMN webchatt.messages.expires_at IS 'outbound: when it stops waiting to be sent; null: it waits';
COMMENT ON COLUMN webchatt.messages.dedupe_key IS 'outbound: the same key on the same conversation is the same message';
COMMENT ON COLUMN webchatt.messages.author IS 'outbound: who answered, an agent or an application, as send_message() was told; null: not said';
COMMENT ON COLUMN webchatt.messages.final IS 'outbound: false: it need not be the answer (a bot''s, say), and leaves the conversation unanswered';
COMMENT ON COLUMN webchatt.messages.error_message IS 'outbound: why it failed or expired, in the hub''s words or ours';

/*
 * Written by the worker alone, so that an agent's session and a visitor never wait for each
 * other here; what sessions want done comes as work orders.  What is in it follows from the
 * messages, from answered_upto and closed_upto, so it may be made anew at any time (sql/worker/conversations.sql).
 *
 * place is the order of the inbox as one number, so that one index serves it, and pages by key: who
 * waits by the time since when, below 2^61; then the others, the latest first.  A message
 * more of somebody who waits already changes nothing here.
 */
CREATE TABLE webchatt.conversations (
	channel_id uuid NOT NULL,
	visitor text COLLATE "C" NOT NULL,
	state webchatt.conversation_state NOT NULL DEFAULT 'open',
	assignee text,
	waiting_since timestamptz,
	answered_upto uuid,
	closed_upto uuid,
	last_id uuid NOT NULL,
	last_at timestamptz NOT NULL,
	state_order bigint NOT NULL DEFAULT 0,
	assignee_order bigint NOT NULL DEFAULT 0,
	place bigint NOT NULL GENERATED ALWAYS AS (CASE
		WHEN waiting_since IS NULL THEN 4611686018427387904 - CASE WHEN isfinite(last_at)
			THEN (extract(epoch FROM last_at - timestamptz '2000-01-01 00:00:00+00') * 1000000)::bigint ELSE 0 END
		WHEN isfinite(waiting_since)
			THEN (extract(epoch FROM waiting_since - timestamptz '2000-01-01 00:00:00+00') * 1000000)::bigint
		ELSE 0 END) STORED,
	PRIMARY KEY (channel_id, visitor),
	FOREIGN KEY (channel_id, visitor) REFERENCES webchatt.visitors (channel_id, id) ON DELETE CASCADE ON UPDATE CASCADE,
	CHECK (state = 'open' AND closed_upto IS NULL OR state = 'closed' AND closed_upto IS NOT NULL AND waiting_since IS NULL)
) WITH (fillfactor = 80);
CREATE INDEX conversations_inbox ON webchatt.conversations (state, place, channel_id, visitor);
CREATE INDEX conversations_channel ON webchatt.conversations (channel_id, state, place, visitor);
CREATE INDEX conversations_assignee ON webchatt.conversations (assignee, state, place, channel_id, visitor)
	WHERE assignee IS NOT NULL;
COMMENT ON TABLE webchatt.conversations IS
	'how each conversation stands, a row for each that has a message; written by the worker only, a second behind the messages, or more while thousands are sent at once: read webchatt.inbox';
COMMENT ON COLUMN webchatt.conversations.visitor IS 'the visitor''s id';
COMMENT ON COLUMN webchatt.conversations.state IS 'open, or closed by webchatt.close_conversation(); a visitor''s message opens it again';
COMMENT ON COLUMN webchatt.conversations.assignee IS 'whose it is, as webchatt.assign_conversation() was told; null: nobody''s';
COMMENT ON COLUMN webchatt.conversations.waiting_since IS
	'when the visitor wrote the first message behind answered_upto; null: nobody waits for an answer';
COMMENT ON COLUMN webchatt.conversations.answered_upto IS
	'what the visitor wrote up to this message is dealt with: the newest final answer, or the newest message that who closed it had before them; null: nothing is';
COMMENT ON COLUMN webchatt.conversations.closed_upto IS 'the newest message that who closed it had before them; null: it is open';
COMMENT ON COLUMN webchatt.conversations.last_id IS 'the newest message; while somebody waits perhaps an older one';
COMMENT ON COLUMN webchatt.conversations.last_at IS 'when that was written';
COMMENT ON COLUMN webchatt.conversations.state_order IS 'webchatt''s own: number of the order that closed it or opened it last';
COMMENT ON COLUMN webchatt.conversations.assignee_order IS 'webchatt''s own: number of the order that assigned it last';
COMMENT ON COLUMN webchatt.conversations.place IS
	'its place among those of its state, the least first: below 2305843009213693952 those who wait, the longest first, then the others, the latest first';

CREATE TABLE webchatt.statuses (
	channel_id uuid NOT NULL,
	message_id uuid NOT NULL,
	id bigint GENERATED BY DEFAULT AS IDENTITY,
	status text COLLATE "C" NOT NULL,
	hub_message_id text COLLATE "C",
	at timestamptz NOT NULL DEFAULT now(),
	recorded_at timestamptz NOT NULL DEFAULT now(),
	error_code text,
	error_message text,
	extra jsonb,
	PRIMARY KEY (channel_id, message_id, id),
	UNIQUE (channel_id, hub_message_id, status)
);
COMMENT ON TABLE webchatt.statuses IS
	'what became of outbound messages, append-only: a row for each thing that happened';
COMMENT ON COLUMN webchatt.statuses.status IS 'the hub''s word, or ours: held, failed, expired, cancelled, retracted';
COMMENT ON COLUMN webchatt.statuses.at IS 'when it happened: the event''s timestamp where it has one';
COMMENT ON COLUMN webchatt.statuses.message_id IS 'the message in webchatt.messages';
COMMENT ON COLUMN webchatt.statuses.hub_message_id IS 'the id that the hub gave this send; one that was sent again may have several';
COMMENT ON COLUMN webchatt.statuses.recorded_at IS 'when webchatt learnt of it';
COMMENT ON COLUMN webchatt.statuses.error_code IS 'the hub''s code, where it gave one';
COMMENT ON COLUMN webchatt.statuses.error_message IS 'the hub''s text, or ours';
COMMENT ON COLUMN webchatt.statuses.extra IS 'the event''s fields that webchatt does not know';
COMMENT ON SEQUENCE webchatt.statuses_id_seq IS 'numbers webchatt.statuses';

CREATE TABLE webchatt.early_statuses (
	channel_id uuid NOT NULL,
	hub_message_id text COLLATE "C" NOT NULL,
	status text COLLATE "C" NOT NULL,
	means webchatt.message_status,
	at timestamptz NOT NULL,
	recorded_at timestamptz NOT NULL DEFAULT now(),
	error_code text,
	error_message text,
	extra jsonb,
	hub_id int,
	PRIMARY KEY (channel_id, hub_message_id, status)
);
CREATE INDEX early_statuses_recorded_at ON webchatt.early_statuses (recorded_at);
COMMENT ON TABLE webchatt.early_statuses IS
	'statuses that overtook the answer to their send: applied once the hub''s id is learnt';
COMMENT ON COLUMN webchatt.early_statuses.channel_id IS 'the channel; all zeros where the event named none';
COMMENT ON COLUMN webchatt.early_statuses.hub_id IS 'the hub, where the event named no channel';
COMMENT ON COLUMN webchatt.early_statuses.hub_message_id IS 'the hub''s id of a message that is not known by it yet';
COMMENT ON COLUMN webchatt.early_statuses.status IS 'the hub''s word';
COMMENT ON COLUMN webchatt.early_statuses.means IS 'what the word does to the message; null: it is only kept';
COMMENT ON COLUMN webchatt.early_statuses.at IS 'when it happened: the event''s timestamp where it has one';
COMMENT ON COLUMN webchatt.early_statuses.recorded_at IS 'when it came; after seven days it is dropped';
COMMENT ON COLUMN webchatt.early_statuses.error_code IS 'the hub''s code, where it gave one';
COMMENT ON COLUMN webchatt.early_statuses.error_message IS 'the hub''s text, where it gave one';
COMMENT ON COLUMN webchatt.early_statuses.extra IS 'the event''s fields that webchatt does not know';

CREATE TABLE webchatt.rejects (
	channel_id uuid NOT NULL,
	id bigint GENERATED BY DEFAULT AS IDENTITY,
	event_type text COLLATE "C" NOT NULL,
	event_key text COLLATE "C" NOT NULL,
	visitor text COLLATE "C",
	body text NOT NULL,
	raw bytea,
	hub_id int,
	sqlstate text NOT NULL,
	reason text NOT NULL,
	detail text,
	hint text,
	context text,
	tries int NOT NULL DEFAULT 1,
	first_at timestamptz NOT NULL DEFAULT now(),
	last_at timestamptz NOT NULL DEFAULT now(),
	PRIMARY KEY (channel_id, id),
	UNIQUE (channel_id, event_type, event_key)
);
CREATE INDEX rejects_id ON webchatt.rejects (id);
COMMENT ON TABLE webchatt.rejects IS
	'events that the database refused (an application''s trigger raised, ...), and what a hub signed that is no event: webchatt.retry_reject(id) brings one back';
COMMENT ON COLUMN webchatt.rejects.channel_id IS 'the channel; all zeros where it came to a hub''s endpoint or by a link, and names none that can be read';
COMMENT ON COLUMN webchatt.rejects.event_key IS 'the hub''s message id, of a status with the status behind it; of what is no event the SHA-256 of its bytes';
COMMENT ON COLUMN webchatt.rejects.event_type IS 'Message, MessageStatus, or unreadable: what is no event';
COMMENT ON COLUMN webchatt.rejects.visitor IS 'whose event it was; a status names nobody';
COMMENT ON COLUMN webchatt.rejects.body IS 'the event as it came, with U+FFFD for what text cannot hold; retry_reject() takes this one';
COMMENT ON COLUMN webchatt.rejects.raw IS 'of what is no event its bytes as they came; null: they are those of body';
COMMENT ON COLUMN webchatt.rejects.hub_id IS 'of what is no event the hub whose endpoint or link it came by; null: it came to the channel''s own endpoint';
COMMENT ON COLUMN webchatt.rejects.sqlstate IS 'the code of the error that refused it';
COMMENT ON COLUMN webchatt.rejects.reason IS 'the error''s message';
COMMENT ON COLUMN webchatt.rejects.detail IS 'the error''s detail';
COMMENT ON COLUMN webchatt.rejects.hint IS 'what to do, from the error or from webchatt';
COMMENT ON COLUMN webchatt.rejects.context IS 'where the error was raised';
COMMENT ON COLUMN webchatt.rejects.tries IS 'how often it was refused';
COMMENT ON COLUMN webchatt.rejects.first_at IS 'when it was refused first';
COMMENT ON COLUMN webchatt.rejects.last_at IS 'when it was refused last';
COMMENT ON SEQUENCE webchatt.rejects_id_seq IS 'numbers webchatt.rejects';

CREATE TABLE webchatt.overdue_candidates (
	channel_id uuid NOT NULL,
	message_id uuid NOT NULL,
	since timestamptz NOT NULL DEFAULT now(),
	unanswered int NOT NULL DEFAULT 0,
	unanswered_at timestamptz,
	quiet_since timestamptz NOT NULL DEFAULT now(),
	PRIMARY KEY (channel_id, message_id)
) WITH (fillfactor = 70);
CREATE INDEX overdue_candidates_quiet ON webchatt.overdue_candidates (quiet_since);
COMMENT ON TABLE webchatt.overdue_candidates IS
	'webchatt''s own: messages that webchatt.overdue looks at, written by the worker';
COMMENT ON COLUMN webchatt.overdue_candidates.message_id IS 'the message in webchatt.messages';
COMMENT ON COLUMN webchatt.overdue_candidates.since IS 'when it was put here';
COMMENT ON COLUMN webchatt.overdue_candidates.unanswered IS 'how often it was sent and no answer came; 0: it was answered, and nothing has come since';
COMMENT ON COLUMN webchatt.overdue_candidates.unanswered_at IS 'when that last was';

COMMENT ON COLUMN webchatt.overdue_candidates.quiet_since IS 'since when nothing was heard of it, exact to a minute: the order of webchatt.overdue';

-- one row, or two after a dump was loaded: the least counts, and without a key they never collide
CREATE TABLE webchatt.overdue_scan (
	upto timestamptz NOT NULL
);
COMMENT ON TABLE webchatt.overdue_scan IS 'webchatt''s own: which messages were looked at when they became old enough to be overdue';
COMMENT ON COLUMN webchatt.overdue_scan.upto IS 'all that were made before';

----------------------------------------------------------------------------
-- The outbox: an append-only log of work orders, read by snapshot
----------------------------------------------------------------------------

/*
 * Whoever queues something appends to one of the children, chosen by the
 * clock; the worker reads them all, so a child that is not being written to
 * runs empty and is truncated.  Nothing is ever updated or deleted here.
 *
 * op: s a message to send, n one that is not final, r a message to send again after it was held,
 * c the configuration changed, v a visitor showed up (by that message), d messages were inserted
 * by other means than ours, m a visitor's messages were read, e webhooks and
 * links are to be told of a message, w webhook deliveries are to be tried again, x a
 * visitor's sessions are to be closed, l a conversation is closed up to that message, o it is
 * opened again (when that one was the newest, as with a), a it is assigned to the note's, t a note to colleagues is there or gone,
 * g visitors were deleted, k a message that was queued is cancelled, y a message was taken back, b tokens of visitors
 * are gone: whose sessions go with them is to be looked for; x with a note: those that were opened with the token of this hash.
 * hub_id 0: the worker itself (all but s, n, r and k); negative: the bulk lane of that
 * hub, which lets the live one go first (src/backend/shared/outbox_lane.c).
 */
CREATE TABLE webchatt.outbox (
	xid xid8 NOT NULL,
	seq bigint NOT NULL,
	hub_id int NOT NULL,
	op "char" NOT NULL,
	channel_id uuid,
	visitor text COLLATE "C",
	message_id uuid,
	expires_at timestamptz,
	note text
);
CREATE SEQUENCE webchatt.outbox_seq;
CREATE TABLE webchatt.outbox_0 () INHERITS (webchatt.outbox) USING heap;
CREATE TABLE webchatt.outbox_1 () INHERITS (webchatt.outbox) USING heap;
CREATE TABLE webchatt.outbox_2 () INHERITS (webchatt.outbox) USING heap;
CREATE INDEX outbox_0_order ON webchatt.outbox_0 (hub_id, xid, seq);
CREATE INDEX outbox_1_order ON webchatt.outbox_1 (hub_id, xid, seq);
CREATE INDEX outbox_2_order ON webchatt.outbox_2 (hub_id, xid, seq);
CREATE INDEX outbox_0_conversation ON webchatt.outbox_0 (channel_id, visitor, seq);
CREATE INDEX outbox_1_conversation ON webchatt.outbox_1 (channel_id, visitor, seq);
CREATE INDEX outbox_2_conversation ON webchatt.outbox_2 (channel_id, visitor, seq);
COMMENT ON TABLE webchatt.outbox IS 'webchatt''s own: what the worker is to do, append-only';
COMMENT ON SEQUENCE webchatt.outbox_seq IS 'webchatt''s own: the order of a conversation''s messages';
COMMENT ON TABLE webchatt.outbox_0 IS 'webchatt''s own: one of the three tables that the outbox is kept in by turns';
COMMENT ON TABLE webchatt.outbox_1 IS 'webchatt''s own: one of the three tables that the outbox is kept in by turns';
COMMENT ON TABLE webchatt.outbox_2 IS 'webchatt''s own: one of the three tables that the outbox is kept in by turns';
COMMENT ON COLUMN webchatt.outbox.xid IS 'the transaction that appended the row, by which the worker knows what is new';
COMMENT ON COLUMN webchatt.outbox.seq IS 'order within a conversation';
COMMENT ON COLUMN webchatt.outbox.hub_id IS 'the hub that it is for; negative: the same, what is bulk; 0: the worker itself';
COMMENT ON COLUMN webchatt.outbox.op IS 's: send, n: send what is not final, r: send again after it was held, c: configuration changed, v: visitor showed up, d: messages were inserted by hand, m: a visitor''s messages were read, e: webhooks and links are to be told of a message, w: webhook deliveries are to be tried again, x: a visitor''s sessions are to be closed, l: a conversation is closed, o: it is opened again, a: it is assigned, t: a note to colleagues is there or gone, g: visitors were deleted, k: a message is cancelled, y: a message was taken back, b: visitors'' tokens are gone, u: agents'' sessions ended';
COMMENT ON COLUMN webchatt.outbox.channel_id IS 'the channel, where there is one';
COMMENT ON COLUMN webchatt.outbox.visitor IS 'the visitor, where there is one';
COMMENT ON COLUMN webchatt.outbox.message_id IS 'the message, where there is one';
COMMENT ON COLUMN webchatt.outbox.expires_at IS 'when the message stops waiting';
COMMENT ON COLUMN webchatt.outbox.note IS 'a: to whom; null: to nobody; x: the SHA-256 of the token whose sessions are meant, in hex; null: all of them';

CREATE TABLE webchatt.held (
	channel_id uuid NOT NULL,
	visitor text COLLATE "C" NOT NULL,
	seq bigint NOT NULL,
	message_id uuid NOT NULL,
	expires_at timestamptz,
	held_at timestamptz NOT NULL DEFAULT now(),
	PRIMARY KEY (channel_id, visitor, seq)
);
CREATE INDEX held_expires_at ON webchatt.held (expires_at);
COMMENT ON TABLE webchatt.held IS
	'messages for visitors who have no session at the hub: they go out when the visitor next shows up';
COMMENT ON COLUMN webchatt.held.visitor IS 'who is waited for';
COMMENT ON COLUMN webchatt.held.seq IS 'the place that the message has in its conversation';
COMMENT ON COLUMN webchatt.held.message_id IS 'the message in webchatt.messages';
COMMENT ON COLUMN webchatt.held.expires_at IS 'when it is waited for no longer';
COMMENT ON COLUMN webchatt.held.held_at IS 'since when it waits';

----------------------------------------------------------------------------
-- What the local hub tells others: events, webhooks, links
----------------------------------------------------------------------------

/*
 * Written by the worker alone, in its turns, so the numbers are in the order of
 * commit and one number says how far somebody has read.  Only while there is a
 * webhook or a link that wants it.  The body is made from the message when it is
 * read (webchatt._feed_bodies).
 */
CREATE TABLE webchatt.feed (
	seq bigint GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY,
	event_type text COLLATE "C" NOT NULL,
	channel_id uuid NOT NULL,
	visitor text COLLATE "C" NOT NULL,
	message_id uuid NOT NULL,
	status text COLLATE "C",
	at timestamptz NOT NULL DEFAULT now(),
	error_code text,
	error_message text,
	created_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE webchatt.feed IS
	'what happened on local channels, for webhooks and links, append-only; dropped after webchatt.feed_retention';
COMMENT ON COLUMN webchatt.feed.seq IS 'grows in the order of commit, with gaps';
COMMENT ON COLUMN webchatt.feed.event_type IS 'Message: a visitor wrote; MessageStatus: a message that came by the REST API got a status';
COMMENT ON COLUMN webchatt.feed.visitor IS 'whose conversation it belongs to';
COMMENT ON COLUMN webchatt.feed.message_id IS 'the message in webchatt.messages';
COMMENT ON COLUMN webchatt.feed.status IS 'of a MessageStatus: sent, delivered, read or failed';
COMMENT ON COLUMN webchatt.feed.at IS 'when it happened';
COMMENT ON COLUMN webchatt.feed.error_code IS 'of a failure: its code';
COMMENT ON COLUMN webchatt.feed.error_message IS 'of a failure: why, in words';
COMMENT ON COLUMN webchatt.feed.created_at IS 'when the row was written';
COMMENT ON SEQUENCE webchatt.feed_seq_seq IS 'numbers webchatt.feed';

CREATE TABLE webchatt.feed_orders (
	xid xid8 NOT NULL,
	seq bigint NOT NULL,
	PRIMARY KEY (xid, seq)
);
COMMENT ON TABLE webchatt.feed_orders IS
	'webchatt''s own: work orders of the outbox that became rows of webchatt.feed, so that one which is read again is told once';
COMMENT ON COLUMN webchatt.feed_orders.xid IS 'as in webchatt.outbox';
COMMENT ON COLUMN webchatt.feed_orders.seq IS 'as in webchatt.outbox';

CREATE TABLE webchatt.webhooks (
	id uuid PRIMARY KEY,
	n int GENERATED BY DEFAULT AS IDENTITY UNIQUE,
	label text NOT NULL CHECK (char_length(label) BETWEEN 1 AND 200),
	endpoint text NOT NULL CHECK (length(endpoint) <= 2048),
	event_type text NOT NULL CHECK (event_type IN ('Message', 'MessageStatus')),
	headers jsonb NOT NULL DEFAULT '[]' CHECK (jsonb_typeof(headers) = 'array'),
	scope text,
	secret text CHECK (length(secret) BETWEEN 1 AND 512),
	key_id int REFERENCES webchatt.api_keys (id) ON DELETE CASCADE,
	active boolean NOT NULL DEFAULT true,
	paused_reason text,
	verified_at timestamptz,
	created_at timestamptz NOT NULL DEFAULT now(),
	modified_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE webchatt.webhooks IS
	'webhooks of the local hub: where it posts its events to. Made by webchatt.create_webhook() or by POST /v1/organization/webhook';
COMMENT ON COLUMN webchatt.webhooks.n IS 'webchatt''s own: a short number';
COMMENT ON COLUMN webchatt.webhooks.label IS 'whose it is, in words';
COMMENT ON COLUMN webchatt.webhooks.endpoint IS 'the URL: https, or http to an address in webchatt.webhook_allowed_addresses';
COMMENT ON COLUMN webchatt.webhooks.event_type IS 'Message: what visitors write; MessageStatus: what becomes of messages sent by the REST API';
COMMENT ON COLUMN webchatt.webhooks.headers IS 'sent with each delivery: an array of {"key": ..., "value": ...}; may hold secrets';
COMMENT ON COLUMN webchatt.webhooks.scope IS 'kept as it was given';
COMMENT ON COLUMN webchatt.webhooks.secret IS 'secret: the key of X-hub-Signature; null: deliveries are not signed';
COMMENT ON COLUMN webchatt.webhooks.key_id IS 'the API key that made it, which alone may see and change it by the REST API, and whose channels'' events it gets; null: made in SQL';
COMMENT ON COLUMN webchatt.webhooks.active IS 'false: nothing is delivered; events wait until webchatt.feed_retention';
COMMENT ON COLUMN webchatt.webhooks.paused_reason IS 'why the worker set active to false; null where somebody else did';
COMMENT ON COLUMN webchatt.webhooks.verified_at IS 'when the endpoint answered the verification; null: nothing is delivered yet';
COMMENT ON COLUMN webchatt.webhooks.created_at IS 'when it was made';
COMMENT ON COLUMN webchatt.webhooks.modified_at IS 'when it was last changed';
COMMENT ON SEQUENCE webchatt.webhooks_n_seq IS 'numbers webchatt.webhooks';

/* Apart from webhooks, because it changes with every turn. */
CREATE TABLE webchatt.webhook_progress (
	webhook_id uuid PRIMARY KEY REFERENCES webchatt.webhooks (id) ON DELETE CASCADE,
	done_upto bigint NOT NULL,
	failures int NOT NULL DEFAULT 0,
	failing_since timestamptz,
	last_error text,
	last_success_at timestamptz,
	lost bigint NOT NULL DEFAULT 0
) WITH (fillfactor = 50);
COMMENT ON COLUMN webchatt.webhook_progress.webhook_id IS 'the webhook in webchatt.webhooks';
COMMENT ON TABLE webchatt.webhook_progress IS 'how far each of webchatt.webhooks has come';
COMMENT ON COLUMN webchatt.webhook_progress.done_upto IS 'everything up to this number of webchatt.feed is delivered or given up';
COMMENT ON COLUMN webchatt.webhook_progress.failures IS 'failures since the last success';
COMMENT ON COLUMN webchatt.webhook_progress.failing_since IS 'since when nothing succeeded; null: it did last time';
COMMENT ON COLUMN webchatt.webhook_progress.last_error IS 'what the last failure was';
COMMENT ON COLUMN webchatt.webhook_progress.last_success_at IS 'when the last delivery succeeded';
COMMENT ON COLUMN webchatt.webhook_progress.lost IS 'events that were dropped after webchatt.feed_retention without having been delivered';

CREATE TABLE webchatt.webhook_log (
	webhook_id uuid NOT NULL,
	id uuid NOT NULL,
	seq bigint NOT NULL,
	delivery_id uuid NOT NULL,
	event_type text COLLATE "C" NOT NULL,
	message_id uuid NOT NULL,
	attempt int NOT NULL,
	endpoint text NOT NULL,
	good boolean NOT NULL,
	status_code int NOT NULL,
	answer text,
	error text,
	duration_us int NOT NULL,
	sent_at timestamptz NOT NULL,
	PRIMARY KEY (webhook_id, id)
);
CREATE INDEX webhook_log_seq ON webchatt.webhook_log (webhook_id, seq);
COMMENT ON COLUMN webchatt.webhook_log.webhook_id IS 'the webhook in webchatt.webhooks';
COMMENT ON TABLE webchatt.webhook_log IS 'every attempt to deliver an event to one of webchatt.webhooks; dropped after webchatt.feed_retention';
COMMENT ON COLUMN webchatt.webhook_log.id IS 'UUID version 7: sorts by time';
COMMENT ON COLUMN webchatt.webhook_log.seq IS 'the event in webchatt.feed';
COMMENT ON COLUMN webchatt.webhook_log.delivery_id IS 'X-Hub-Delivery: the same for every attempt of this event to this webhook';
COMMENT ON COLUMN webchatt.webhook_log.event_type IS 'Message or MessageStatus';
COMMENT ON COLUMN webchatt.webhook_log.message_id IS 'the message that the event is about';
COMMENT ON COLUMN webchatt.webhook_log.attempt IS 'X-Hub-Attempt: the first is 1';
COMMENT ON COLUMN webchatt.webhook_log.endpoint IS 'where it was posted to';
COMMENT ON COLUMN webchatt.webhook_log.good IS 'whether the endpoint answered 200';
COMMENT ON COLUMN webchatt.webhook_log.status_code IS 'the answer''s HTTP status; 0: there was none';
COMMENT ON COLUMN webchatt.webhook_log.answer IS 'the answer''s first 1,024 bytes';
COMMENT ON COLUMN webchatt.webhook_log.error IS 'why there was no answer';
COMMENT ON COLUMN webchatt.webhook_log.duration_us IS 'how long it took, in microseconds';
COMMENT ON COLUMN webchatt.webhook_log.sent_at IS 'when it was posted';

CREATE TABLE webchatt.webhook_retries (
	webhook_id uuid NOT NULL REFERENCES webchatt.webhooks (id) ON DELETE CASCADE,
	log_id uuid NOT NULL,
	seq bigint NOT NULL,
	asked_at timestamptz NOT NULL DEFAULT now(),
	PRIMARY KEY (webhook_id, log_id)
);
COMMENT ON COLUMN webchatt.webhook_retries.webhook_id IS 'the webhook in webchatt.webhooks';
COMMENT ON TABLE webchatt.webhook_retries IS 'retries that were asked for and are not made yet';
COMMENT ON COLUMN webchatt.webhook_retries.log_id IS 'the id that the attempt will have in webchatt.webhook_log';
COMMENT ON COLUMN webchatt.webhook_retries.seq IS 'the event in webchatt.feed';
COMMENT ON COLUMN webchatt.webhook_retries.asked_at IS 'when it was asked for';

CREATE TABLE webchatt.links (
	key_id int PRIMARY KEY REFERENCES webchatt.api_keys (id) ON DELETE CASCADE,
	acknowledged bigint NOT NULL,
	lost bigint NOT NULL DEFAULT 0,
	first_seen timestamptz NOT NULL DEFAULT now(),
	connected_since timestamptz,
	client text,
	left_at timestamptz
) WITH (fillfactor = 50);
COMMENT ON TABLE webchatt.links IS
	'databases that get the local hub''s events by a link, one for each API key; a row that is deleted begins anew with what comes then';
COMMENT ON COLUMN webchatt.links.key_id IS 'the key that it shows, in webchatt.api_keys';
COMMENT ON COLUMN webchatt.links.acknowledged IS 'it has committed everything up to this number of webchatt.feed';
COMMENT ON COLUMN webchatt.links.lost IS 'events that were dropped after webchatt.feed_retention while it was away';
COMMENT ON COLUMN webchatt.links.first_seen IS 'when it first connected: it gets what came since';
COMMENT ON COLUMN webchatt.links.connected_since IS 'since when it is connected; null: it is not';
COMMENT ON COLUMN webchatt.links.client IS 'the address that it last came from';
COMMENT ON COLUMN webchatt.links.left_at IS 'when it was last cut';

CREATE FUNCTION webchatt._retries_asked() RETURNS trigger
LANGUAGE c AS 'MODULE_PATHNAME', 'webchatt_retries_asked';
COMMENT ON FUNCTION webchatt._retries_asked() IS 'tells the worker, at commit, that webhook deliveries are to be tried again';

CREATE TRIGGER retries_asked AFTER INSERT ON webchatt.webhook_retries
	FOR EACH STATEMENT EXECUTE FUNCTION webchatt._retries_asked();
----------------------------------------------------------------------------
-- Hub connections that keep themselves: their tables
----------------------------------------------------------------------------

/*
 * The worker asks webchatt._hub_call() what to ask a hub next, one call at a
 * time for each hub, and gives the answer to webchatt._hub_answered().  What has to
 * outlive a crash is in these tables; what was under way is asked again, and
 * every step can be.
 */
CREATE TABLE webchatt.hub_reconciliation (
	hub_id int PRIMARY KEY REFERENCES webchatt.hubs (id) ON DELETE CASCADE,
	tag text NOT NULL DEFAULT substr(replace(gen_random_uuid()::text, '-', ''), 1, 8) CHECK (tag ~ '^[0-9a-f]{8}$'),
	wanted bigint NOT NULL DEFAULT 1,
	heeded bigint NOT NULL DEFAULT 0,
	asked jsonb,
	list_offset int,
	list_skipped bigint NOT NULL DEFAULT 0,
	listed jsonb,
	listed_at timestamptz,
	next_round timestamptz,
	not_before timestamptz,
	tries int NOT NULL DEFAULT 0,
	redefines boolean NOT NULL DEFAULT true,
	look jsonb,
	log_word text NOT NULL DEFAULT 'Failed' CHECK (log_word IN ('Failed', 'Error')),
	retry_at timestamptz,
	retry_alone int NOT NULL DEFAULT 0,
	repair_not_before timestamptz,
	repair_tries int NOT NULL DEFAULT 0,
	repair_error text,
	repair_error_at timestamptz
) WITH (fillfactor = 50);
COMMENT ON TABLE webchatt.hub_reconciliation IS 'webchatt''s own: how far the worker is with each hub that webchatt.register_webhooks() was called for';
COMMENT ON COLUMN webchatt.hub_reconciliation.hub_id IS 'the hub in webchatt.hubs';
COMMENT ON COLUMN webchatt.hub_reconciliation.tag IS 'what makes the labels of our webhooks at that hub ours; stays';
COMMENT ON COLUMN webchatt.hub_reconciliation.wanted IS 'counts who asked for a look: webchatt.reconcile_webhooks() and the like';
COMMENT ON COLUMN webchatt.hub_reconciliation.heeded IS 'up to which of them a look was begun that has not failed';
COMMENT ON COLUMN webchatt.hub_reconciliation.asked IS 'the call that was made last and is not answered';
COMMENT ON COLUMN webchatt.hub_reconciliation.list_offset IS 'where the next page of the hub''s list begins; null: it is not being read';
COMMENT ON COLUMN webchatt.hub_reconciliation.list_skipped IS 'counts webhooks with our label in the hub''s list whose id is none, and which were passed over';
COMMENT ON COLUMN webchatt.hub_reconciliation.listed IS 'our webhooks as the hub has them, while they are compared; null: they are not';
COMMENT ON COLUMN webchatt.hub_reconciliation.listed_at IS 'when the list had been read';
COMMENT ON COLUMN webchatt.hub_reconciliation.next_round IS 'when they are compared next; null: now';
COMMENT ON COLUMN webchatt.hub_reconciliation.not_before IS 'no call to the hub before, after an error; null: now';
COMMENT ON COLUMN webchatt.hub_reconciliation.tries IS 'calls in a row that failed';
COMMENT ON COLUMN webchatt.hub_reconciliation.redefines IS 'false: the hub has no call that redefines a signature, so it is turned off and on';
COMMENT ON COLUMN webchatt.hub_reconciliation.look IS 'the reading of a log of failed deliveries that is under way';
COMMENT ON COLUMN webchatt.hub_reconciliation.log_word IS 'what the hub calls a delivery that failed';
COMMENT ON COLUMN webchatt.hub_reconciliation.retry_at IS 'no retry is asked for before: once a second';
COMMENT ON COLUMN webchatt.hub_reconciliation.retry_alone IS 'so many retries are asked for one by one, after the hub refused many at a time';
COMMENT ON COLUMN webchatt.hub_reconciliation.repair_not_before IS 'nothing is asked of the logs before, after an error';
COMMENT ON COLUMN webchatt.hub_reconciliation.repair_tries IS 'such errors in a row';
COMMENT ON COLUMN webchatt.hub_reconciliation.repair_error IS 'what last went wrong with the logs; null since all is well';
COMMENT ON COLUMN webchatt.hub_reconciliation.repair_error_at IS 'when that was';

CREATE TABLE webchatt.repairs (
	id bigint GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY,
	hub_id int NOT NULL REFERENCES webchatt.hubs (id) ON DELETE CASCADE,
	hub_webhook_id text COLLATE "C" NOT NULL,
	event_type text COLLATE "C" NOT NULL,
	event_key text COLLATE "C" NOT NULL,
	log_id text COLLATE "C" NOT NULL,
	message_id text COLLATE "C",
	delivery_id text COLLATE "C",
	failed_at timestamptz NOT NULL,
	status_code int NOT NULL,
	answer text,
	state text NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting', 'asked', 'repaired', 'given up')),
	tries int NOT NULL DEFAULT 0,
	next_try timestamptz,
	asked_at timestamptz,
	new_log_id text COLLATE "C",
	found_at timestamptz NOT NULL DEFAULT now(),
	done_at timestamptz,
	UNIQUE (hub_id, hub_webhook_id, event_key)
) WITH (fillfactor = 70);
CREATE INDEX repairs_open ON webchatt.repairs (hub_id, hub_webhook_id, state, failed_at) WHERE state IN ('waiting', 'asked');
CREATE INDEX repairs_new_log ON webchatt.repairs (hub_id, hub_webhook_id, new_log_id) WHERE new_log_id IS NOT NULL;
CREATE INDEX repairs_done ON webchatt.repairs (done_at) WHERE done_at IS NOT NULL;
COMMENT ON TABLE webchatt.repairs IS
	'deliveries to our webhooks that failed, as the hubs'' logs say, and what became of them; kept for 30 days. webchatt.repair sums them up';
COMMENT ON COLUMN webchatt.repairs.hub_id IS 'the hub in webchatt.hubs';
COMMENT ON COLUMN webchatt.repairs.hub_webhook_id IS 'the webhook''s id at the hub';
COMMENT ON COLUMN webchatt.repairs.event_type IS 'Message or MessageStatus';
COMMENT ON COLUMN webchatt.repairs.event_key IS 'what makes several failed attempts one event: the delivery''s id, or a message''s, or else the log''s';
COMMENT ON COLUMN webchatt.repairs.log_id IS 'the hub''s log of the attempt that failed last';
COMMENT ON COLUMN webchatt.repairs.message_id IS 'the hub''s id of the message';
COMMENT ON COLUMN webchatt.repairs.delivery_id IS 'what a webchatt hub calls all attempts to deliver one event';
COMMENT ON COLUMN webchatt.repairs.failed_at IS 'when it failed, by the hub''s clock';
COMMENT ON COLUMN webchatt.repairs.status_code IS 'what the hub was answered; 0: nothing';
COMMENT ON COLUMN webchatt.repairs.answer IS 'the beginning of that answer, or why it is given up';
COMMENT ON COLUMN webchatt.repairs.state IS
	'waiting to be asked for; asked; repaired: it is here (or, of a status, did not fail again); given up';
COMMENT ON COLUMN webchatt.repairs.tries IS 'how often it was asked for, not counting when we could not be reached; 0 in a repaired one: it was here already';
COMMENT ON COLUMN webchatt.repairs.next_try IS 'not to be asked for before; null: now';
COMMENT ON COLUMN webchatt.repairs.asked_at IS 'when it was last asked for';
COMMENT ON COLUMN webchatt.repairs.new_log_id IS 'the hub''s log of the attempt that it made then';
COMMENT ON COLUMN webchatt.repairs.found_at IS 'when it was found in the log';
COMMENT ON COLUMN webchatt.repairs.done_at IS 'when it was repaired or given up';
COMMENT ON SEQUENCE webchatt.repairs_id_seq IS 'numbers webchatt.repairs';
----------------------------------------------------------------------------
-- The desk: who may sign in to it, links to do so, who is signed in
----------------------------------------------------------------------------

CREATE TABLE webchatt.agents (
	name text COLLATE "C" PRIMARY KEY CHECK (name ~ '^[a-z0-9][a-z0-9._-]{0,62}$'),
	display_name text NOT NULL CHECK (char_length(display_name) BETWEEN 1 AND 50 AND btrim(display_name) <> ''),
	role text NOT NULL DEFAULT 'agent' CHECK (role IN ('agent', 'admin')),
	avatar_url text CHECK (avatar_url ~ '^https://[^[:space:]"<>]+$' AND length(avatar_url) <= 1024),
	created_at timestamptz NOT NULL DEFAULT now(),
	disabled_at timestamptz,
	login text COLLATE "C" UNIQUE CHECK (login ~ '^[!-~]{1,255}$' AND position(',' IN login) = 0)
);
COMMENT ON TABLE webchatt.agents IS 'people who use the desk, made by webchatt.create_agent(); no password is kept, they sign in by links';
COMMENT ON COLUMN webchatt.agents.name IS 'what they are called in messages.author and conversations.assignee';
COMMENT ON COLUMN webchatt.agents.display_name IS 'what is shown of them, 1 to 50 characters';
COMMENT ON COLUMN webchatt.agents.role IS
	'agent: answers, with the rights of webchatt_agent; admin: configures too, with those of webchatt_admin';
COMMENT ON COLUMN webchatt.agents.avatar_url IS 'https:// URL of a picture; null: their initials are shown';
COMMENT ON COLUMN webchatt.agents.created_at IS 'when they were made';
COMMENT ON COLUMN webchatt.agents.disabled_at IS 'when webchatt.disable_agent() locked them out; null: they may sign in';

COMMENT ON COLUMN webchatt.agents.login IS
	'what a proxy that signs people in calls them (webchatt.desk_user_header), an e-mail address, say; null: their name';

CREATE TABLE webchatt.sign_in_links (
	token_hash bytea PRIMARY KEY CHECK (octet_length(token_hash) = 32),
	agent text COLLATE "C" NOT NULL REFERENCES webchatt.agents (name) ON DELETE CASCADE ON UPDATE CASCADE,
	created_at timestamptz NOT NULL DEFAULT now(),
	expires_at timestamptz NOT NULL
);
CREATE INDEX sign_in_links_agent ON webchatt.sign_in_links (agent);
COMMENT ON TABLE webchatt.sign_in_links IS
	'links of webchatt.sign_in_link() that were not used yet; one that is used is deleted. In no dump';
COMMENT ON COLUMN webchatt.sign_in_links.token_hash IS 'SHA-256 of what the link has behind the #';
COMMENT ON COLUMN webchatt.sign_in_links.agent IS 'who signs in by it';
COMMENT ON COLUMN webchatt.sign_in_links.created_at IS 'when it was made';
COMMENT ON COLUMN webchatt.sign_in_links.expires_at IS 'until when it works';

CREATE TABLE webchatt.agent_sessions (
	id bigint GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY,
	token_hash bytea NOT NULL UNIQUE CHECK (octet_length(token_hash) = 32),
	agent text COLLATE "C" NOT NULL REFERENCES webchatt.agents (name) ON DELETE CASCADE ON UPDATE CASCADE,
	created_at timestamptz NOT NULL DEFAULT now(),
	last_seen timestamptz NOT NULL DEFAULT now(),
	expires_at timestamptz NOT NULL,
	client text,
	user_agent text CHECK (char_length(user_agent) <= 200),
	login text COLLATE "C"
);
CREATE INDEX agent_sessions_agent ON webchatt.agent_sessions (agent);
COMMENT ON TABLE webchatt.agent_sessions IS
	'browsers that are signed in to the desk; a row that is deleted signs one out: webchatt.end_agent_session(). In no dump';
COMMENT ON COLUMN webchatt.agent_sessions.id IS 'its number';
COMMENT ON COLUMN webchatt.agent_sessions.token_hash IS 'SHA-256 of the token in the browser''s cookie';
COMMENT ON COLUMN webchatt.agent_sessions.agent IS 'who is signed in';
COMMENT ON COLUMN webchatt.agent_sessions.created_at IS 'when they signed in';
COMMENT ON COLUMN webchatt.agent_sessions.last_seen IS
	'when it was last used, exact to a minute; it ends webchatt.desk_session_idle later';
COMMENT ON COLUMN webchatt.agent_sessions.expires_at IS 'when it ends in any case: webchatt.desk_session_max';
COMMENT ON COLUMN webchatt.agent_sessions.client IS 'the address that it was opened from';
COMMENT ON COLUMN webchatt.agent_sessions.user_agent IS 'what that browser says of itself, so written by a stranger';
COMMENT ON COLUMN webchatt.agent_sessions.login IS
	'what the proxy called them by whose word it was opened, and without which it is nobody''s; null: they came by themselves';
COMMENT ON SEQUENCE webchatt.agent_sessions_id_seq IS 'numbers webchatt.agent_sessions';
----------------------------------------------------------------------------
-- Files of conversations: whose they are, their bytes, the messages that name them
----------------------------------------------------------------------------

CREATE TABLE webchatt.files (
	channel_id uuid NOT NULL REFERENCES webchatt.channels (id) ON DELETE CASCADE,
	id text COLLATE "C" NOT NULL UNIQUE CHECK (id ~ '^[A-Za-z0-9_-]{43}$'),
	visitor text COLLATE "C",
	author text,
	name text NOT NULL CHECK (octet_length(name) BETWEEN 1 AND 255),
	type text COLLATE "C",
	size bigint NOT NULL CHECK (size > 0),
	received bigint NOT NULL DEFAULT 0 CHECK (received BETWEEN 0 AND size),
	sha256 bytea CHECK (octet_length(sha256) = 32),
	state text NOT NULL DEFAULT 'arriving' CHECK (state IN ('arriving', 'whole')),
	created_at timestamptz NOT NULL DEFAULT now(),
	PRIMARY KEY (channel_id, id),
	CHECK (state = 'arriving' OR received = size AND type IS NOT NULL AND sha256 IS NOT NULL)
) WITH (fillfactor = 50);
CREATE INDEX files_visitor ON webchatt.files (channel_id, visitor) WHERE visitor IS NOT NULL;
COMMENT ON TABLE webchatt.files IS
	'pictures and files of conversations: brought by visitors, by the REST API, at the desk, by webchatt.add_file(); what no message names goes after webchatt.file_sweep_after';
COMMENT ON COLUMN webchatt.files.channel_id IS 'the channel that it was brought to';
COMMENT ON COLUMN webchatt.files.id IS 'what its URL ends with, 256 bits of chance: whoever knows it can fetch the file';
COMMENT ON COLUMN webchatt.files.visitor IS 'the visitor who brought it; null: an application or an agent did';
COMMENT ON COLUMN webchatt.files.author IS 'the agent or the API key that it came from, or what add_file() was told; null: a visitor, or not said';
COMMENT ON COLUMN webchatt.files.name IS 'what it is called, without folders; a stranger wrote it, perhaps';
COMMENT ON COLUMN webchatt.files.type IS 'its media type, as its first bytes say; null: they have not come yet';
COMMENT ON COLUMN webchatt.files.size IS 'bytes that it has, or will have';
COMMENT ON COLUMN webchatt.files.received IS 'bytes that are here';
COMMENT ON COLUMN webchatt.files.sha256 IS 'of its bytes, once it is whole';
COMMENT ON COLUMN webchatt.files.state IS 'arriving, or whole; only what is whole can be fetched';
COMMENT ON COLUMN webchatt.files.created_at IS 'when it was begun';

CREATE TABLE webchatt.file_chunks (
	channel_id uuid NOT NULL,
	file_id text COLLATE "C" NOT NULL,
	start bigint NOT NULL,
	data bytea NOT NULL,
	PRIMARY KEY (channel_id, file_id, start),
	FOREIGN KEY (channel_id, file_id) REFERENCES webchatt.files (channel_id, id) ON DELETE CASCADE
);
-- parts of it are read, and what people send is packed already
ALTER TABLE webchatt.file_chunks ALTER COLUMN data SET STORAGE EXTERNAL;
COMMENT ON TABLE webchatt.file_chunks IS 'the bytes of webchatt.files, 256 kB at most in a row; webchatt.file_bytes() puts them together';
COMMENT ON COLUMN webchatt.file_chunks.file_id IS 'the file in webchatt.files';
COMMENT ON COLUMN webchatt.file_chunks.start IS 'where in the file they begin';
COMMENT ON COLUMN webchatt.file_chunks.data IS 'the bytes';

CREATE TABLE webchatt.file_uses (
	channel_id uuid NOT NULL,
	file_id text COLLATE "C" NOT NULL,
	message_id uuid NOT NULL,
	PRIMARY KEY (channel_id, file_id, message_id),
	FOREIGN KEY (channel_id, file_id) REFERENCES webchatt.files (channel_id, id) ON DELETE CASCADE
);
COMMENT ON TABLE webchatt.file_uses IS
	'which messages name a file by its URL, as they were sent or came; one of a message that was deleted counts for nothing';
COMMENT ON COLUMN webchatt.file_uses.file_id IS 'the file in webchatt.files';
COMMENT ON COLUMN webchatt.file_uses.message_id IS 'the message in webchatt.messages';
----------------------------------------------------------------------------
-- Functions: configuration
----------------------------------------------------------------------------

CREATE FUNCTION webchatt._config_changed() RETURNS trigger
LANGUAGE c AS 'MODULE_PATHNAME', 'webchatt_config_changed';
COMMENT ON FUNCTION webchatt._config_changed() IS 'tells the worker, at commit, to read its configuration';

CREATE TRIGGER config_changed AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON webchatt.hubs
	FOR EACH STATEMENT EXECUTE FUNCTION webchatt._config_changed();
CREATE TRIGGER config_changed AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON webchatt.channels
	FOR EACH STATEMENT EXECUTE FUNCTION webchatt._config_changed();
CREATE TRIGGER config_changed AFTER INSERT OR UPDATE OF hub_id, channel_id, event_type, secret, old_secret,
	old_secret_until, accept_unsigned, desired, endpoint OR DELETE OR TRUNCATE ON webchatt.hub_webhooks
	FOR EACH STATEMENT EXECUTE FUNCTION webchatt._config_changed();
CREATE TRIGGER config_changed AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON webchatt.origins
	FOR EACH STATEMENT EXECUTE FUNCTION webchatt._config_changed();
CREATE TRIGGER config_changed AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON webchatt.api_keys
	FOR EACH STATEMENT EXECUTE FUNCTION webchatt._config_changed();
CREATE TRIGGER config_changed AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON webchatt.webhooks
	FOR EACH STATEMENT EXECUTE FUNCTION webchatt._config_changed();
CREATE TRIGGER config_changed AFTER DELETE OR TRUNCATE ON webchatt.links
	FOR EACH STATEMENT EXECUTE FUNCTION webchatt._config_changed();
CREATE TRIGGER config_changed AFTER INSERT OR UPDATE OF wanted ON webchatt.hub_reconciliation
	FOR EACH STATEMENT EXECUTE FUNCTION webchatt._config_changed();

CREATE FUNCTION webchatt._messages_inserted() RETURNS trigger
LANGUAGE c AS 'MODULE_PATHNAME', 'webchatt_messages_inserted';
COMMENT ON FUNCTION webchatt._messages_inserted() IS
	'when a dump is loaded, or somebody inserts by hand: has the worker queue what is queued';

CREATE TRIGGER messages_inserted AFTER INSERT ON webchatt.messages
	FOR EACH STATEMENT EXECUTE FUNCTION webchatt._messages_inserted();

CREATE FUNCTION webchatt._visitors_gone() RETURNS trigger
LANGUAGE c AS 'MODULE_PATHNAME', 'webchatt_visitors_gone';
COMMENT ON FUNCTION webchatt._visitors_gone() IS
	'webchatt''s own: has the worker forget whose rows are there, when some were deleted';

CREATE TRIGGER visitors_gone AFTER DELETE OR TRUNCATE OR UPDATE OF channel_id, id ON webchatt.visitors
	FOR EACH STATEMENT EXECUTE FUNCTION webchatt._visitors_gone();

CREATE FUNCTION webchatt.normalize_origin(origin text) RETURNS text
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'webchatt_normalize_origin';
COMMENT ON FUNCTION webchatt.normalize_origin(text) IS
	'a web origin in its one form (doc/hub-contract.md, section 1), or an error that says what is wrong with it';

CREATE FUNCTION webchatt.connect_hub(
	api_key text, api_url text DEFAULT 'https://api.chatt2.me', name text DEFAULT 'chatt2me', inbound text DEFAULT NULL,
	insecure boolean DEFAULT false)
RETURNS text
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET plan_cache_mode = force_generic_plan AS $$
#variable_conflict use_column
DECLARE
	url text := pg_catalog.rtrim(connect_hub.api_url, '/');
BEGIN
	IF connect_hub.name IS NULL OR connect_hub.name !~ '^[a-z0-9][a-z0-9_-]{0,62}$' THEN
		RAISE EXCEPTION 'hub name % is not usable', coalesce(quote_literal(connect_hub.name), 'NULL')
			USING ERRCODE = 'invalid_parameter_value',
				HINT = 'Use 1 to 63 lower-case letters, digits, hyphens and underscores, a letter or digit first.';
	END IF;
	IF connect_hub.name = 'local' THEN
		RAISE EXCEPTION 'local is the name of the hub that webchatt brings itself'
			USING ERRCODE = 'reserved_name',
				HINT = 'Give a remote hub another name; a channel of the local hub is made by webchatt.create_channel().';
	END IF;
	IF connect_hub.api_key IS NULL OR connect_hub.api_key !~ '^[!-~]+$'
		OR length(connect_hub.api_key) > 512 THEN
		RAISE EXCEPTION 'the API key is not one that fits into an HTTP header'
			USING ERRCODE = 'invalid_parameter_value',
				DETAIL = 'It must be 1 to 512 printable ASCII characters without blanks.',
				HINT = 'Copy the key of the Application from the hub''s dashboard, without quotes or line ends.';
	END IF;
	IF url IS NULL OR url !~ '^https?://([^][/?#@:[:space:]]+|[[][0-9A-Fa-f:.]+[]])(:[0-9]{1,5})?(/[^?#[:space:]]*)?$' OR length(url) > 1024
		OR coalesce(substring(url FROM '^https?://[^/]*:([0-9]{1,5})(?:/|$)')::int, 443) NOT BETWEEN 1 AND 65535 THEN
		RAISE EXCEPTION 'the hub''s URL is not usable'
			USING ERRCODE = 'invalid_parameter_value',
				HINT = 'Give the base URL, for example https://api.chatt2.me, with a port from 1 to 65535 or none, without query, fragment or user name.';
	END IF;
	IF url ~* '^http://' AND url !~* '^http://(localhost|127[.][0-9.]+|[[]::1[]])(:|/|$)' AND NOT coalesce(connect_hub.insecure, false) THEN
		RAISE EXCEPTION 'the hub''s URL is http://, so the API key and all messages would go over the network in clear'
			USING ERRCODE = 'invalid_parameter_value',
				HINT = 'Give an https:// URL; where the network between is trusted all the same, say insecure => true.';
	END IF;
	IF connect_hub.inbound NOT IN ('webhook', 'link') THEN
		RAISE EXCEPTION 'events cannot come by %', quote_literal(connect_hub.inbound)
			USING ERRCODE = 'invalid_parameter_value',
				HINT = 'Use webhook (the hub posts to us: webchatt.register_webhooks()), or link (we keep a WebSocket to it; another webchatt only).';
	END IF;
	INSERT INTO webchatt.hubs AS h (name, api_url, api_key, inbound)
	VALUES (connect_hub.name, url, connect_hub.api_key, coalesce(connect_hub.inbound, 'webhook'))
	ON CONFLICT (name) DO UPDATE
		SET api_url = excluded.api_url, api_key = excluded.api_key,
			inbound = coalesce(connect_hub.inbound, h.inbound), state = 'active',
			state_reason = NULL,
			state_since = CASE WHEN h.state = 'active' THEN h.state_since ELSE now() END;
	RETURN connect_hub.name;
END
$$;
COMMENT ON FUNCTION webchatt.connect_hub(text, text, text, text, boolean) IS
	'attaches a remote hub, or gives a known one a new key or URL and starts it again; returns its name. inbound: how its events come, webhook or link; NULL: as before, and by webhook at first. insecure: http:// is taken also where it leaves this machine';

CREATE FUNCTION webchatt._check_display_name(display_name text) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	IF btrim(display_name) = '' THEN
		RAISE EXCEPTION 'display name is blank'
			USING ERRCODE = 'invalid_parameter_value',
				HINT = 'A display name has 1 to 50 characters.';
	END IF;
	IF char_length(display_name) > 50 THEN
		RAISE EXCEPTION 'display name has % characters', char_length(display_name)
			USING ERRCODE = 'invalid_parameter_value',
				HINT = 'A display name has 1 to 50 characters.';
	END IF;
END
$$;
COMMENT ON FUNCTION webchatt._check_display_name(text) IS 'webchatt''s own: raises when a display name is too long or empty';

CREATE FUNCTION webchatt.set_origins(channel uuid, origins text[]) RETURNS text[]
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	wanted text[];
BEGIN
	IF NOT EXISTS (SELECT FROM webchatt.channels c WHERE c.id = channel) THEN
		RAISE EXCEPTION 'there is no channel %', coalesce(channel::text, 'NULL')
			USING ERRCODE = 'undefined_object',
				HINT = 'SELECT id, display_name FROM webchatt.channels lists them.';
	END IF;
	IF array_position(origins, NULL) IS NOT NULL THEN
		RAISE EXCEPTION 'an origin is NULL'
			USING ERRCODE = 'null_value_not_allowed',
				HINT = 'Give each origin as https://host or https://host:port.';
	END IF;
	SELECT array_agg(DISTINCT webchatt.normalize_origin(o)) INTO wanted FROM unnest(origins) o;
	IF wanted IS NULL OR cardinality(wanted) > 5 OR cardinality(origins) > 5 THEN
		RAISE EXCEPTION 'a channel has one to five origins, not %', coalesce(cardinality(origins), 0)
			USING ERRCODE = 'invalid_parameter_value',
				HINT = 'Give the origins of the pages that carry the widget, for example {https://www.example.com}.';
	END IF;
	DELETE FROM webchatt.origins o WHERE o.channel_id = channel AND o.origin <> ALL (wanted);
	INSERT INTO webchatt.origins (channel_id, origin)
	SELECT channel, w FROM unnest(wanted) w ON CONFLICT DO NOTHING;
	RETURN wanted;
END
$$;
COMMENT ON FUNCTION webchatt.set_origins(uuid, text[]) IS
	'replaces a channel''s one to five allowed origins; returns them normalised';

CREATE FUNCTION webchatt.add_channel(
	id uuid, hub text DEFAULT 'chatt2me', kind text DEFAULT 'web-chatt2me',
	display_name text DEFAULT NULL, origins text[] DEFAULT NULL)
RETURNS uuid
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	hub_id int;
BEGIN
	IF add_channel.id IS NULL THEN
		RAISE EXCEPTION 'the channel id is NULL'
			USING ERRCODE = 'null_value_not_allowed',
				HINT = 'Give the application channel ID that the hub''s dashboard shows.';
	END IF;
	IF add_channel.hub = 'local' THEN
		RAISE EXCEPTION 'a channel of the local hub is made, not added'
			USING ERRCODE = 'invalid_parameter_value',
				HINT = 'SELECT webchatt.create_channel(display_name, origins);';
	END IF;
	SELECT h.id INTO hub_id FROM webchatt.hubs h WHERE h.name = add_channel.hub;
	IF NOT FOUND THEN
		RAISE EXCEPTION 'there is no hub %', coalesce(quote_literal(add_channel.hub), 'NULL')
			USING ERRCODE = 'undefined_object',
				HINT = 'Attach it first: SELECT webchatt.connect_hub(api_key => ..., name => ...).';
	END IF;
	IF add_channel.kind IS NULL OR add_channel.kind !~ '^[a-z0-9-]{1,64}$' THEN
		RAISE EXCEPTION 'channel type % is not one', coalesce(quote_literal(add_channel.kind), 'NULL')
			USING ERRCODE = 'invalid_parameter_value',
				HINT = 'Hub Chatt2.me has web-chatt2me, whatsapp, instagram, messenger, telegram and sms.';
	END IF;
	PERFORM webchatt._check_display_name(add_channel.display_name);
	BEGIN
		INSERT INTO webchatt.channels (id, hub_id, kind, display_name)
		VALUES (add_channel.id, hub_id, add_channel.kind, add_channel.display_name);
	EXCEPTION WHEN unique_violation THEN
		RAISE EXCEPTION 'channel % is there already', add_channel.id
			USING ERRCODE = 'duplicate_object',
				HINT = 'UPDATE webchatt.channels to change its name, webchatt.set_origins() to change its origins.';
	END;
	IF add_channel.origins IS NOT NULL THEN
		PERFORM webchatt.set_origins(add_channel.id, add_channel.origins);
	END IF;
	RETURN add_channel.id;
END
$$;
COMMENT ON FUNCTION webchatt.add_channel(uuid, text, text, text, text[]) IS
	'adds a remote hub''s channel; its webhooks are refused until webchatt.set_webhook_secret()';

CREATE FUNCTION webchatt._random_token(prefix text, bytes int) RETURNS text
LANGUAGE c STRICT AS 'MODULE_PATHNAME', 'webchatt_random_token';
COMMENT ON FUNCTION webchatt._random_token(text, int) IS
	'webchatt''s own: so many random bytes (16 to 64) from the system''s source for secrets, in base64url behind the prefix';

CREATE FUNCTION webchatt.create_channel(display_name text, origins text[]) RETURNS uuid
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	new_id uuid := gen_random_uuid();
	local_hub int;
BEGIN
	IF create_channel.display_name IS NULL THEN
		RAISE EXCEPTION 'the display name is NULL'
			USING ERRCODE = 'null_value_not_allowed',
				HINT = 'Give the name that visitors read above the conversation, 1 to 50 characters.';
	END IF;
	PERFORM webchatt._check_display_name(create_channel.display_name);
	INSERT INTO webchatt.hubs (name, kind) VALUES ('local', 'local') ON CONFLICT DO NOTHING;
	SELECT h.id INTO local_hub FROM webchatt.hubs h WHERE h.kind = 'local';
	IF NOT FOUND THEN
		RAISE EXCEPTION 'another transaction made the local hub at the same time'
			USING ERRCODE = 'serialization_failure',
				HINT = 'Run the transaction again.';
	END IF;
	INSERT INTO webchatt.channels (id, hub_id, display_name, public_key)
	VALUES (new_id, local_hub, create_channel.display_name, webchatt._random_token('wpk_', 16));
	PERFORM webchatt.set_origins(new_id, create_channel.origins);
	RETURN new_id;
END
$$;
COMMENT ON FUNCTION webchatt.create_channel(text, text[]) IS
	'makes a channel of the local hub, for pages of one to five origins, and returns its id; webchatt.widget_script() gives the tag for the pages';

CREATE FUNCTION webchatt._need_local_channel(channel uuid) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	key text;
BEGIN
	SELECT c.public_key INTO key FROM webchatt.channels c WHERE c.id = channel;
	IF NOT FOUND THEN
		RAISE EXCEPTION 'there is no channel %', coalesce(channel::text, 'NULL')
			USING ERRCODE = 'undefined_object',
				HINT = 'SELECT id, display_name FROM webchatt.channels lists them.';
	END IF;
	IF key IS NULL THEN
		RAISE EXCEPTION 'channel % hangs on a remote hub', channel
			USING ERRCODE = 'wrong_object_type',
				HINT = 'Only channels made by webchatt.create_channel() can; of this one the hub''s dashboard has public key, script and visitors.';
	END IF;
END
$$;
COMMENT ON FUNCTION webchatt._need_local_channel(uuid) IS 'webchatt''s own: raises when that is no channel of the local hub';

CREATE FUNCTION webchatt.pause_newcomers(channel uuid, paused boolean DEFAULT true) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	PERFORM webchatt._need_local_channel(channel);
	IF paused IS NULL THEN
		RAISE EXCEPTION 'paused is NULL'
			USING ERRCODE = 'null_value_not_allowed',
				HINT = 'Give true to pause, false to take new visitors again.';
	END IF;
	UPDATE webchatt.channels c SET newcomers_paused = paused WHERE c.id = channel AND c.newcomers_paused <> paused;
END
$$;
COMMENT ON FUNCTION webchatt.pause_newcomers(uuid, boolean) IS
	'takes no new visitors in a channel, until it is called with false; those who are known go on';

CREATE FUNCTION webchatt.set_show_author(channel uuid, show boolean DEFAULT true) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	PERFORM webchatt._need_local_channel(channel);
	IF show IS NULL THEN
		RAISE EXCEPTION 'show is NULL'
			USING ERRCODE = 'null_value_not_allowed',
				HINT = 'Give true to show visitors who answers, false to show them the channel only.';
	END IF;
	UPDATE webchatt.channels c SET show_author = show WHERE c.id = channel AND c.show_author <> show;
END
$$;
COMMENT ON FUNCTION webchatt.set_show_author(uuid, boolean) IS
	'shows a channel''s visitors the display name and the picture of the agent (webchatt.agents) who answers, until it is called with false; authors that are no agent''s name are never shown';

CREATE FUNCTION webchatt.regenerate_public_key(channel uuid) RETURNS text
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	new_key text := webchatt._random_token('wpk_', 16);
BEGIN
	PERFORM webchatt._need_local_channel(channel);
	UPDATE webchatt.channels c SET public_key = new_key WHERE c.id = channel;
	RETURN new_key;
END
$$;
COMMENT ON FUNCTION webchatt.regenerate_public_key(uuid) IS
	'gives a local channel a new public key and returns it; from the commit on widgets with the old one are cut off and do not connect';

CREATE FUNCTION webchatt._close_sessions(channel uuid, visitor text) RETURNS void
LANGUAGE c STRICT AS 'MODULE_PATHNAME', 'webchatt_close_sessions';
COMMENT ON FUNCTION webchatt._close_sessions(uuid, text) IS 'webchatt''s own: has the worker close a visitor''s sessions at commit';

CREATE FUNCTION webchatt.end_sessions(channel uuid, visitor text) RETURNS int
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	ended int;
BEGIN
	PERFORM webchatt._need_local_channel(channel);
	IF NOT EXISTS (SELECT FROM webchatt.visitors v WHERE v.channel_id = channel AND v.id = visitor) THEN
		RAISE EXCEPTION 'channel % has no visitor %', channel, coalesce(visitor, 'NULL')
			USING ERRCODE = 'undefined_object', HINT = 'Take the visitor from webchatt.presence or webchatt.visitors.';
	END IF;
	DELETE FROM webchatt.visitor_tokens t WHERE t.channel_id = channel AND t.visitor = end_sessions.visitor;
	GET DIAGNOSTICS ended = ROW_COUNT;
	PERFORM webchatt._close_sessions(channel, visitor);
	RETURN ended;
END
$$;
COMMENT ON FUNCTION webchatt.end_sessions(uuid, text) IS
	'takes a visitor''s tokens away and closes their sessions: whoever used them begins anew, as somebody else, without the conversation. Returns how many tokens that were';

CREATE FUNCTION webchatt._public_url() RETURNS text
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	RETURN coalesce(nullif(rtrim(current_setting('webchatt.public_url'), '/'), ''), (
		SELECT 'http://' || regexp_replace(a, '^(0[.]0[.]0[.]0|[[]::[]]|[*]|):', 'localhost:')
		FROM webchatt._status() s,
			regexp_split_to_table(coalesce(s.listening, current_setting('webchatt.listen')), '[[:space:]]*,[[:space:]]*') WITH ORDINALITY l (a, n)
		WHERE a NOT LIKE 'unix:%' AND a NOT LIKE '%:0' ORDER BY n LIMIT 1));
END
$$;
COMMENT ON FUNCTION webchatt._public_url() IS
	'webchatt''s own: the URL under which the world reaches webchatt, without a slash at the end: webchatt.public_url, or else the first address; null: it is not known';

CREATE FUNCTION webchatt.widget_script(channel uuid) RETURNS text
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	url text := webchatt._public_url();
	key text;
	config text;
BEGIN
	PERFORM webchatt._need_local_channel(channel);
	SELECT c.public_key INTO STRICT key FROM webchatt.channels c WHERE c.id = channel;
	IF url IS NULL THEN
		RAISE EXCEPTION 'it is not known under which URL browsers reach webchatt'
			USING ERRCODE = 'object_not_in_prerequisite_state',
				HINT = 'Set webchatt.public_url, for example ALTER DATABASE ... SET webchatt.public_url = ''https://chat.example.com'', and connect again.';
	END IF;
	config := format('{"webChatId":%s,"endpoint":%s}', to_json(key),
		to_json(regexp_replace(url, '^http', 'ws') || '/communication/web-chatt2me/ws'));
	RETURN format('<script src="%s" data-config=''%s''></script>',
		webchatt._escape_html(url || '/chat-widget.umd.js'), replace(webchatt._escape_html(config), '&quot;', '"'));
END
$$;
COMMENT ON FUNCTION webchatt.widget_script(uuid) IS
	'the tag to paste into the pages just before </body>, built on webchatt.public_url (where that is empty, on the first address of webchatt.listen)';

CREATE FUNCTION webchatt._escape_html(raw text) RETURNS text
LANGUAGE sql IMMUTABLE STRICT SET search_path = pg_catalog, pg_temp AS $$
	SELECT replace(replace(replace(replace(replace(raw, '&', '&amp;'), '<', '&lt;'), '>', '&gt;'), '"', '&quot;'), '''', '&#39;')
$$;
COMMENT ON FUNCTION webchatt._escape_html(text) IS 'webchatt''s own: text for HTML, attributes included';

CREATE FUNCTION webchatt.create_api_key(label text, channels uuid[] DEFAULT NULL, scopes text[] DEFAULT NULL) RETURNS text
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET plan_cache_mode = force_generic_plan AS $$
DECLARE
	key text := webchatt._random_token('wck_', 32);
	wrong text;
BEGIN
	IF create_api_key.label IS NULL OR btrim(create_api_key.label) = '' OR char_length(create_api_key.label) > 100 THEN
		RAISE EXCEPTION 'the label of an API key is NULL, blank or longer than 100 characters'
			USING ERRCODE = 'invalid_parameter_value',
				HINT = 'Say in words whose key it is: the log of changes and webchatt.revoke_api_key() go by it.';
	END IF;
	SELECT coalesce(s, 'NULL') INTO wrong FROM unnest(create_api_key.scopes) s WHERE s IS NULL OR s NOT IN ('send', 'webhooks', 'link') LIMIT 1;
	IF FOUND OR cardinality(create_api_key.scopes) = 0 THEN
		RAISE EXCEPTION 'a key cannot have %', coalesce('the scope ' || wrong, 'no scope')
			USING ERRCODE = 'invalid_parameter_value',
				HINT = 'Scopes are send (messages by the REST API), webhooks (its own) and link (for another database). Left out, it has all.';
	END IF;
	IF cardinality(create_api_key.channels) NOT BETWEEN 1 AND 256 THEN
		RAISE EXCEPTION 'a key is for 1 to 256 channels, not %', cardinality(create_api_key.channels)
			USING ERRCODE = 'invalid_parameter_value', HINT = 'Leave channels out, or NULL, for a key that is for all.';
	END IF;
	SELECT coalesce(c::text, 'NULL') INTO wrong FROM unnest(create_api_key.channels) c
	WHERE NOT EXISTS (SELECT FROM webchatt.channels x WHERE x.id = c AND x.public_key IS NOT NULL) LIMIT 1;
	IF FOUND THEN
		RAISE EXCEPTION 'there is no local channel %', wrong
			USING ERRCODE = 'undefined_object', HINT = 'SELECT id, display_name FROM webchatt.channels WHERE public_key IS NOT NULL lists them.';
	END IF;
	BEGIN
		INSERT INTO webchatt.api_keys (label, key_hash, channels, scopes) VALUES (create_api_key.label, sha256(convert_to(key, 'UTF8')),
			(SELECT array_agg(DISTINCT c) FROM unnest(create_api_key.channels) c),
			coalesce(create_api_key.scopes, '{send,webhooks,link}'));
	EXCEPTION WHEN unique_violation THEN
		RAISE EXCEPTION 'there is an API key % already', quote_literal(create_api_key.label)
			USING ERRCODE = 'duplicate_object',
				HINT = 'Take another label; a revoked key keeps its own, until its row is deleted from webchatt.api_keys.';
	END;
	RETURN key;
END
$$;
COMMENT ON FUNCTION webchatt.create_api_key(text, uuid[], text[]) IS
	'makes a key for the local hub''s REST API (header x-api-key) and returns it; it is shown this once, only its hash is kept. channels: those that it is for; NULL: all. scopes: of send, webhooks and link; NULL: all';

CREATE FUNCTION webchatt.revoke_api_key(label text) RETURNS boolean
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	UPDATE webchatt.api_keys k SET revoked_at = now()
	WHERE k.label = revoke_api_key.label AND k.revoked_at IS NULL;
	IF FOUND THEN
		UPDATE webchatt.webhooks w SET active = false, paused_reason = 'its API key was revoked'
		WHERE w.active AND w.key_id = (SELECT k.id FROM webchatt.api_keys k WHERE k.label = revoke_api_key.label);
		RETURN true;
	END IF;
	IF NOT EXISTS (SELECT FROM webchatt.api_keys k WHERE k.label = revoke_api_key.label) THEN
		RAISE EXCEPTION 'there is no API key %', coalesce(quote_literal(revoke_api_key.label), 'NULL')
			USING ERRCODE = 'undefined_object',
				HINT = 'SELECT label, created_at, revoked_at FROM webchatt.api_keys lists them.';
	END IF;
	RETURN false;
END
$$;
COMMENT ON FUNCTION webchatt.revoke_api_key(text) IS
	'ends an API key from the commit on, with its link, and pauses its webhooks; false when it was revoked before';

CREATE FUNCTION webchatt.set_webhook_secret(
	channel uuid, secret text, keep_old interval DEFAULT '1 day', event_type text DEFAULT 'any')
RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET plan_cache_mode = force_generic_plan AS $$
#variable_conflict use_column
BEGIN
	IF NOT EXISTS (SELECT FROM webchatt.channels c WHERE c.id = channel) THEN
		RAISE EXCEPTION 'there is no channel %', coalesce(channel::text, 'NULL')
			USING ERRCODE = 'undefined_object',
				HINT = 'SELECT id, display_name FROM webchatt.channels lists them.';
	END IF;
	IF EXISTS (SELECT FROM webchatt.channels c WHERE c.id = channel AND c.public_key IS NOT NULL) THEN
		RAISE EXCEPTION 'channel % hangs on the local hub, which sends itself no webhooks', channel
			USING ERRCODE = 'wrong_object_type',
				HINT = 'Only channels made by webchatt.add_channel() have signing secrets.';
	END IF;
	IF set_webhook_secret.secret = '' OR length(set_webhook_secret.secret) > 512 THEN
		RAISE EXCEPTION 'the signing secret has % characters', length(set_webhook_secret.secret)
			USING ERRCODE = 'invalid_parameter_value',
				HINT = 'Give the secret that the hub showed when signing was turned on (1 to 512 characters), or NULL to accept unsigned events.';
	END IF;
	IF set_webhook_secret.event_type IS NULL
		OR set_webhook_secret.event_type NOT IN ('any', 'Message', 'MessageStatus') THEN
		RAISE EXCEPTION 'event type % is not one', coalesce(quote_literal(set_webhook_secret.event_type), 'NULL')
			USING ERRCODE = 'invalid_parameter_value',
				HINT = 'Use Message or MessageStatus for the secret of that webhook, any for one that signs both.';
	END IF;
	IF keep_old IS NULL OR keep_old < interval '0' THEN
		RAISE EXCEPTION 'keep_old is %', coalesce(keep_old::text, 'NULL')
			USING ERRCODE = 'invalid_parameter_value',
				HINT = 'Give how long the old secret stays valid, for example interval ''1 day'', or interval ''0'' for not at all.';
	END IF;
	IF set_webhook_secret.secret IS NULL AND EXISTS (SELECT FROM webchatt.hub_webhooks o
		WHERE o.channel_id = channel AND o.event_type <> set_webhook_secret.event_type AND o.secret IS NOT NULL) THEN
		RAISE EXCEPTION 'another webhook of channel % is signed', channel
			USING ERRCODE = 'object_not_in_prerequisite_state',
				DETAIL = 'If one webhook of a channel could bring unsigned events, anybody could write in its visitors'' names.',
				HINT = 'Sign them all, or delete the channel''s other rows of webchatt.hub_webhooks first.';
	END IF;
	IF set_webhook_secret.secret IS NOT NULL THEN
		DELETE FROM webchatt.hub_webhooks o WHERE o.channel_id = channel
			AND o.event_type <> set_webhook_secret.event_type AND o.secret IS NULL;
	END IF;
	INSERT INTO webchatt.hub_webhooks AS w (channel_id, event_type, secret, accept_unsigned)
	VALUES (channel, set_webhook_secret.event_type, set_webhook_secret.secret, set_webhook_secret.secret IS NULL)
	ON CONFLICT (channel_id, event_type) DO UPDATE SET
		old_secret = CASE WHEN keep_old > interval '0' AND w.secret IS DISTINCT FROM excluded.secret
			AND excluded.secret IS NOT NULL THEN w.secret
			WHEN w.secret = excluded.secret AND keep_old > interval '0' THEN w.old_secret END,
		old_secret_until = CASE WHEN w.secret = excluded.secret THEN w.old_secret_until
			ELSE now() + keep_old END,
		secret = excluded.secret, accept_unsigned = excluded.accept_unsigned, changed_at = now();
	IF set_webhook_secret.secret IS NULL THEN
		RAISE WARNING 'channel % now accepts unsigned events', channel
			USING DETAIL = 'Whoever knows its webhook URL can write messages in any visitor''s name.',
				HINT = 'Turn requiresSignature on at the hub and call webchatt.set_webhook_secret() with the secret.';
	END IF;
END
$$;
COMMENT ON FUNCTION webchatt.set_webhook_secret(uuid, text, interval, text) IS
	'sets what signs a channel''s webhooks; the old secret stays valid for keep_old; NULL: unsigned events are accepted';

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

----------------------------------------------------------------------------
-- Functions that are called for each message or status
----------------------------------------------------------------------------

/*
 * Names, not oids: pg_upgrade refuses columns of type regprocedure.  Rows of a table, not
 * triggers: a dump leaves out triggers on an extension's tables.
 */
CREATE TABLE webchatt.registrations (
	id int GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY,
	event text COLLATE "C" NOT NULL CHECK (event OPERATOR(pg_catalog.=) 'message' OR event OPERATOR(pg_catalog.=) 'status'),
	schema_name text COLLATE "C" NOT NULL,
	function_name text COLLATE "C" NOT NULL,
	direction text COLLATE "C" NOT NULL,
	channel_id uuid,
	owner text COLLATE "C" NOT NULL,
	created_at timestamptz NOT NULL DEFAULT pg_catalog.now()
);
COMMENT ON TABLE webchatt.registrations IS
	'webchatt''s own: what webchatt.on_message() and webchatt.on_status() registered; webchatt.handlers shows it';
COMMENT ON COLUMN webchatt.registrations.event IS 'message or status';
COMMENT ON COLUMN webchatt.registrations.schema_name IS 'the function''s schema';
COMMENT ON COLUMN webchatt.registrations.function_name IS 'the function''s name; its argument is the table''s row type';
COMMENT ON COLUMN webchatt.registrations.direction IS 'in, out or any';
COMMENT ON COLUMN webchatt.registrations.channel_id IS 'for this channel only; null: for all';
COMMENT ON COLUMN webchatt.registrations.owner IS 'whose the function was when it was registered';
COMMENT ON COLUMN webchatt.registrations.created_at IS 'when it was registered';
COMMENT ON SEQUENCE webchatt.registrations_id_seq IS 'numbers webchatt.registrations';

CREATE FUNCTION webchatt._handlers_changed() RETURNS trigger
LANGUAGE c AS 'MODULE_PATHNAME', 'webchatt_handlers_changed';
COMMENT ON FUNCTION webchatt._handlers_changed() IS 'webchatt''s own: has all sessions forget, at commit, which functions are registered';
CREATE TRIGGER handlers_changed AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON webchatt.registrations
	FOR EACH STATEMENT EXECUTE FUNCTION webchatt._handlers_changed();

CREATE FUNCTION webchatt._call_handlers() RETURNS trigger
LANGUAGE c AS 'MODULE_PATHNAME', 'webchatt_call_handlers';
COMMENT ON FUNCTION webchatt._call_handlers() IS 'webchatt''s own: calls the registered functions, each as its owner';
CREATE TRIGGER call_handlers AFTER INSERT ON webchatt.messages
	FOR EACH ROW EXECUTE FUNCTION webchatt._call_handlers('message');
CREATE TRIGGER call_handlers AFTER INSERT ON webchatt.statuses
	FOR EACH ROW EXECUTE FUNCTION webchatt._call_handlers('status');

CREATE FUNCTION webchatt.on_message(function regprocedure, direction text DEFAULT 'in', channel uuid DEFAULT NULL) RETURNS int
LANGUAGE c SET search_path = pg_catalog, pg_temp AS 'MODULE_PATHNAME', 'webchatt_on_message';
COMMENT ON FUNCTION webchatt.on_message(regprocedure, text, uuid) IS
	'has a function of yours, f(webchatt.messages) RETURNS void, called with each new message, in the same transaction, with its owner''s rights; returns the number under which it is registered. direction: in, out, or NULL for both; channel: of that one only. A dump takes it along';

CREATE FUNCTION webchatt.on_status(function regprocedure, channel uuid DEFAULT NULL) RETURNS int
LANGUAGE c SET search_path = pg_catalog, pg_temp AS 'MODULE_PATHNAME', 'webchatt_on_status';
COMMENT ON FUNCTION webchatt.on_status(regprocedure, uuid) IS
	'the same for each new row of webchatt.statuses: a function f(webchatt.statuses) RETURNS void';

CREATE FUNCTION webchatt.remove_handler(id int) RETURNS boolean
LANGUAGE sql SET search_path = pg_catalog, pg_temp AS $$
	WITH gone AS (DELETE FROM webchatt.registrations r WHERE r.id = remove_handler.id RETURNING 1) SELECT EXISTS (SELECT FROM gone)
$$;
COMMENT ON FUNCTION webchatt.remove_handler(int) IS
	'ends what webchatt.on_message() or webchatt.on_status() registered under that number; false when there was nothing';

CREATE FUNCTION webchatt._handler_problem(id int) RETURNS text
LANGUAGE c STRICT AS 'MODULE_PATHNAME', 'webchatt_handler_problem';
COMMENT ON FUNCTION webchatt._handler_problem(int) IS 'webchatt''s own: why a registered function cannot be called; null: it can';
----------------------------------------------------------------------------
-- How much strangers may have stored in an hour: the worker reckons, and writes down
-- here how it stands
----------------------------------------------------------------------------

CREATE TABLE webchatt.budget_levels (
	channel_id uuid NOT NULL,
	what text NOT NULL CHECK (what IN ('newcomers', 'messages', 'bytes', 'paused')),
	used bigint NOT NULL,
	refused bigint NOT NULL,
	at timestamptz NOT NULL,
	PRIMARY KEY (channel_id, what)
) WITH (fillfactor = 50);
COMMENT ON TABLE webchatt.budget_levels IS
	'webchatt''s own: how the budgets stood when the worker wrote them down last; webchatt.budgets shows them. Not in a dump';
COMMENT ON COLUMN webchatt.budget_levels.channel_id IS 'whose it is; all zeros: the database''s';
COMMENT ON COLUMN webchatt.budget_levels.what IS 'of what; paused has only refusals';
COMMENT ON COLUMN webchatt.budget_levels.used IS 'what had come and not run out';
COMMENT ON COLUMN webchatt.budget_levels.refused IS 'how often it was used up';
COMMENT ON COLUMN webchatt.budget_levels.at IS 'when that was';
----------------------------------------------------------------------------
-- What others hung on our tables, which a dump leaves out
----------------------------------------------------------------------------

CREATE TABLE webchatt.own_extras (
	kind text COLLATE "C" NOT NULL,
	relation text COLLATE "C" NOT NULL,
	name text COLLATE "C" NOT NULL,
	PRIMARY KEY (kind, relation, name)
);
COMMENT ON TABLE webchatt.own_extras IS 'webchatt''s own: what it hung on its tables itself, so that webchatt.extras shows the rest';
COMMENT ON COLUMN webchatt.own_extras.kind IS 'as in webchatt.extras';
COMMENT ON COLUMN webchatt.own_extras.relation IS 'as in webchatt.extras';
COMMENT ON COLUMN webchatt.own_extras.name IS 'as in webchatt.extras';

CREATE FUNCTION webchatt._extras() RETURNS TABLE (kind text, relation text, name text, statement text)
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
	WITH r AS MATERIALIZED (SELECT c.*, format('%I.%I', n.nspname, c.relname) AS q FROM pg_depend d
		JOIN pg_class c ON c.oid = d.objid AND c.relkind IN ('r', 'v')
		JOIN pg_namespace n ON n.oid = c.relnamespace
		WHERE d.deptype = 'e' AND d.classid = 'pg_class'::regclass AND d.refclassid = 'pg_extension'::regclass
			AND d.refobjid = (SELECT e.oid FROM pg_extension e WHERE e.extname = 'webchatt')),
	x (step, kind, oid, name, statement) AS (
		SELECT 1, 'index', r.oid, i.relname::text, pg_get_indexdef(i.oid)
		FROM r JOIN pg_index ix ON ix.indrelid = r.oid JOIN pg_class i ON i.oid = ix.indexrelid
		WHERE NOT EXISTS (SELECT FROM pg_constraint k WHERE k.conindid = i.oid AND k.conrelid = r.oid)
		UNION ALL
		SELECT 2, 'constraint', r.oid, k.conname, format('ALTER TABLE %s ADD CONSTRAINT %I %s', r.q, k.conname, pg_get_constraintdef(k.oid))
		FROM r JOIN pg_constraint k ON k.conrelid = r.oid AND k.contype IN ('c', 'u', 'x', 'f') AND k.conparentid = 0
		UNION ALL
		SELECT 3, 'trigger', r.oid, t.tgname, pg_get_triggerdef(t.oid) || CASE t.tgenabled WHEN 'O' THEN ''
			ELSE format('; ALTER TABLE %s %s TRIGGER %I', r.q,
				CASE t.tgenabled WHEN 'D' THEN 'DISABLE' WHEN 'R' THEN 'ENABLE REPLICA' ELSE 'ENABLE ALWAYS' END, t.tgname) END
		FROM r JOIN pg_trigger t ON t.tgrelid = r.oid AND NOT t.tgisinternal
		UNION ALL
		SELECT 4, 'rule', r.oid, u.rulename, rtrim(pg_get_ruledef(u.oid), ';')
		FROM r JOIN pg_rewrite u ON u.ev_class = r.oid AND u.rulename <> '_RETURN'
		UNION ALL
		SELECT 5, 'policy', r.oid, p.polname, format('CREATE POLICY %I ON %s%s FOR %s TO %s%s%s', p.polname, r.q,
			CASE WHEN p.polpermissive THEN '' ELSE ' AS RESTRICTIVE' END,
			CASE p.polcmd WHEN 'r' THEN 'SELECT' WHEN 'a' THEN 'INSERT' WHEN 'w' THEN 'UPDATE' WHEN 'd' THEN 'DELETE' ELSE 'ALL' END,
			(SELECT string_agg(CASE o WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(o)) END, ', ') FROM unnest(p.polroles) o),
			' USING (' || pg_get_expr(p.polqual, p.polrelid) || ')', ' WITH CHECK (' || pg_get_expr(p.polwithcheck, p.polrelid) || ')')
		FROM r JOIN pg_policy p ON p.polrelid = r.oid
		UNION ALL
		SELECT 6, 'row security', r.oid, 'enabled', format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY', r.q) FROM r WHERE r.relrowsecurity
		UNION ALL
		SELECT 6, 'row security', r.oid, 'forced', format('ALTER TABLE %s FORCE ROW LEVEL SECURITY', r.q) FROM r WHERE r.relforcerowsecurity
		UNION ALL
		SELECT 7, 'storage option', r.oid, prefix || o, format('ALTER %s %s SET (%s%s = %L)', CASE r.relkind WHEN 'v' THEN 'VIEW' ELSE 'TABLE' END,
			r.q, prefix, split_part(o, '=', 1), substr(o, strpos(o, '=') + 1))
		FROM r LEFT JOIN pg_class t ON t.oid = r.reltoastrelid
		CROSS JOIN LATERAL (SELECT '' AS prefix, unnest(r.reloptions) AS o UNION ALL SELECT 'toast.', unnest(t.reloptions)) s
		UNION ALL
		SELECT 7, 'statistics target', r.oid, a.attname, format('ALTER TABLE %s ALTER COLUMN %I SET STATISTICS %s', r.q, a.attname, a.attstattarget)
		FROM r JOIN pg_attribute a ON a.attrelid = r.oid AND a.attnum > 0 AND NOT a.attisdropped AND a.attstattarget >= 0 AND r.relkind = 'r'
		UNION ALL
		SELECT 7, 'replica identity', r.oid, r.relreplident::text,
			format('ALTER TABLE %s REPLICA IDENTITY %s', r.q, CASE r.relreplident WHEN 'f' THEN 'FULL' WHEN 'n' THEN 'NOTHING'
				ELSE 'USING INDEX ' || (SELECT quote_ident(i.relname) FROM pg_index ix JOIN pg_class i ON i.oid = ix.indexrelid
					WHERE ix.indrelid = r.oid AND ix.indisreplident) END)
		FROM r WHERE r.relkind = 'r' AND r.relreplident <> 'd'
		UNION ALL
		SELECT 8, 'publication', r.oid, p.pubname, format('ALTER PUBLICATION %I ADD TABLE %s%s%s', p.pubname, r.q,
			(SELECT ' (' || string_agg(quote_ident(a.attname), ', ' ORDER BY a.attnum) || ')' FROM pg_attribute a
			 WHERE a.attrelid = r.oid AND a.attnum::text = ANY (regexp_split_to_array(to_jsonb(m) ->> 'prattrs', '[^0-9]+'))),
			(SELECT ' WHERE (' || (to_jsonb(v) ->> 'rowfilter') || ')' FROM pg_publication_tables v
			 WHERE v.pubname = p.pubname AND format('%I.%I', v.schemaname, v.tablename) = r.q))
		FROM r JOIN pg_publication_rel m ON m.prrelid = r.oid JOIN pg_publication p ON p.oid = m.prpubid)
	SELECT x.kind, r.relname::text, x.name, x.statement || ';' FROM x JOIN r ON r.oid = x.oid
	ORDER BY x.step, r.relname, x.kind, x.name
$$;
COMMENT ON FUNCTION webchatt._extras() IS 'webchatt''s own: everything that hangs on its tables and views, its own things as well';

----------------------------------------------------------------------------
-- When a dump is loaded
----------------------------------------------------------------------------

/*
 * CREATE EXTENSION comes before the data.  So when a dump runs this script, it leaves a
 * note for the worker to wait, and sets foreign keys aside: pg_restore -j loads an extension's
 * tables in any order.  pg_dump and pg_restore set row_security in every form, and people do not.
 */
CREATE TABLE webchatt.restores (
	begun_at timestamptz NOT NULL DEFAULT pg_catalog.now()
);
COMMENT ON TABLE webchatt.restores IS
	'webchatt''s own: a row while a dump is being loaded that made this extension; the worker waits until it is gone. webchatt.finish_restore() ends it by hand';
COMMENT ON COLUMN webchatt.restores.begun_at IS 'when the extension was made';

CREATE TABLE webchatt.foreign_keys_due (
	relation text COLLATE "C" NOT NULL,
	name text COLLATE "C" NOT NULL,
	definition text NOT NULL
);
COMMENT ON TABLE webchatt.foreign_keys_due IS 'webchatt''s own: foreign keys that are set aside until a restore is over';
COMMENT ON COLUMN webchatt.foreign_keys_due.relation IS 'the table in schema webchatt';
COMMENT ON COLUMN webchatt.foreign_keys_due.name IS 'what the foreign key is called';
COMMENT ON COLUMN webchatt.foreign_keys_due.definition IS 'what it says';

-- no key: what a dump brings never collides with what is here.  Its name puts it behind all
-- others in a dump, so a restore that is broken off has not brought it
CREATE TABLE webchatt.z_installations (
	id uuid NOT NULL DEFAULT pg_catalog.gen_random_uuid(),
	made_at timestamptz NOT NULL DEFAULT pg_catalog.now()
);
COMMENT ON TABLE webchatt.z_installations IS
	'webchatt''s own: which CREATE EXTENSION the data began with; a row comes with a dump''s data, which is how the worker knows that it came';
COMMENT ON COLUMN webchatt.z_installations.id IS 'made at random';
COMMENT ON COLUMN webchatt.z_installations.made_at IS 'when that was';

CREATE FUNCTION webchatt._forget_restores() RETURNS void
LANGUAGE c AS 'MODULE_PATHNAME', 'webchatt_forget_restores';
COMMENT ON FUNCTION webchatt._forget_restores() IS 'webchatt''s own: no session is waited for any longer that loads a dump';

CREATE FUNCTION webchatt._end_restore() RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	k webchatt.foreign_keys_due;
BEGIN
	FOR k IN DELETE FROM webchatt.foreign_keys_due RETURNING * LOOP
		EXECUTE format('ALTER TABLE webchatt.%I ADD CONSTRAINT %I %s', k.relation, k.name, k.definition);
	END LOOP;
	DELETE FROM webchatt.restores;
	IF NOT EXISTS (SELECT FROM webchatt.z_installations) THEN
		INSERT INTO webchatt.z_installations DEFAULT VALUES;
	END IF;
END
$$;
COMMENT ON FUNCTION webchatt._end_restore() IS 'webchatt''s own: puts back what was set aside for a restore';

CREATE FUNCTION webchatt.finish_restore() RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	PERFORM webchatt._end_restore();
	PERFORM webchatt._forget_restores();
END
$$;
COMMENT ON FUNCTION webchatt.finish_restore() IS
	'says that all data of a dump is loaded, where the worker cannot know it: it waits no longer. Foreign keys are checked and put back, so an error says which rows are missing';

CREATE FUNCTION webchatt._begin_restore() RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	k record;
BEGIN
	INSERT INTO webchatt.restores DEFAULT VALUES;
	FOR k IN SELECT c.relname, f.conname, pg_get_constraintdef(f.oid) AS definition
		FROM pg_constraint f JOIN pg_class c ON c.oid = f.conrelid
		WHERE f.contype = 'f' AND c.relnamespace = 'webchatt'::regnamespace ORDER BY f.oid LOOP
		INSERT INTO webchatt.foreign_keys_due (relation, name, definition) VALUES (k.relname, k.conname, k.definition);
		EXECUTE format('ALTER TABLE webchatt.%I DROP CONSTRAINT %I', k.relname, k.conname);
	END LOOP;
END
$$;
COMMENT ON FUNCTION webchatt._begin_restore() IS 'webchatt''s own: what CREATE EXTENSION does when a dump runs it';
----------------------------------------------------------------------------
-- The local hub's webhooks from SQL, and /v1/organization of the REST API
----------------------------------------------------------------------------

/* What is to be made good after an outage is asked for by the page. */
CREATE INDEX webhook_log_failed ON webchatt.webhook_log (webhook_id, id) WHERE NOT good;

/* Which addresses may be called is not said here: webchatt-net knows what a name stands for (src/net/client/address_policy.c). */
CREATE FUNCTION webchatt._check_endpoint(endpoint text) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	parts text[] := regexp_match(endpoint,
		'^(https?)://([A-Za-z0-9._-]+|[[][0-9A-Fa-f.]*:[0-9A-Fa-f:.]*[]])(?::([0-9]{1,5}))?([/?][!-~]*)?$');
	byte constant text := '(25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])';
	host text := lower(parts[2]);
BEGIN
	IF endpoint IS NULL THEN
		RAISE EXCEPTION 'the endpoint is NULL'
			USING ERRCODE = 'null_value_not_allowed',
				HINT = 'Give the URL that events are to be posted to, such as https://shop.example.com/events.';
	END IF;
	IF parts IS NULL OR length(endpoint) > 2048 OR endpoint ~ '#' OR strpos(endpoint, chr(92)) > 0 OR parts[3]::int NOT BETWEEN 1 AND 65535
		-- what some resolvers take for an address: 127.1, 0x7f000001, 2130706433
		OR host ~ '(^|[.])([0-9]+|0x[0-9a-f]*)[.]?$' AND host !~ ('^' || byte || '([.]' || byte || '){3}$')
		OR host ~ '^[.]|[.][.]' THEN
		RAISE EXCEPTION 'the endpoint is not a URL that events can be posted to'
			USING ERRCODE = 'invalid_parameter_value',
				HINT = 'Give it as https://host/path, at most 2048 visible characters of ASCII, without user name and fragment.';
	END IF;
	BEGIN
		IF host ~ '^[[]' THEN
			PERFORM btrim(host, '[]')::inet;
		END IF;
	EXCEPTION WHEN invalid_text_representation THEN
		RAISE EXCEPTION 'the endpoint''s host is not an address of IPv6'
			USING ERRCODE = 'invalid_parameter_value',
				HINT = 'Give it as https://host/path; an address of IPv6 stands in brackets, as in https://[2001:4860:4860::8888]/.';
	END;
	IF parts[1] = 'http' AND current_setting('webchatt.webhook_allowed_addresses') = '' THEN
		RAISE EXCEPTION 'the endpoint is not https'
			USING ERRCODE = 'invalid_parameter_value',
				HINT = 'Give an https:// URL; http:// is taken only to addresses that the operator allows (webchatt.webhook_allowed_addresses).';
	END IF;
END
$$;
COMMENT ON FUNCTION webchatt._check_endpoint(text) IS 'webchatt''s own: raises when a webhook cannot have that endpoint';

CREATE FUNCTION webchatt._check_headers(headers jsonb) RETURNS jsonb
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	shape constant text := 'Give at most 20 as [{"key": "Authorization", "value": "Bearer ..."}].';
	header jsonb;
	key text;
	keys text[] := '{}';
	checked jsonb := '[]';
BEGIN
	IF jsonb_typeof(headers) IS DISTINCT FROM 'array' OR jsonb_array_length(headers) > 20 THEN
		RAISE EXCEPTION 'the headers are not an array of at most 20'
			USING ERRCODE = 'invalid_parameter_value', HINT = shape;
	END IF;
	FOR header IN SELECT h FROM jsonb_array_elements(headers) h LOOP
		key := header ->> 'key';
		IF jsonb_typeof(header) <> 'object' OR jsonb_typeof(header -> 'key') IS DISTINCT FROM 'string'
			OR jsonb_typeof(header -> 'value') IS DISTINCT FROM 'string' THEN
			RAISE EXCEPTION 'header % is not a key and a value, both strings', cardinality(keys) + 1
				USING ERRCODE = 'invalid_parameter_value', HINT = shape;
		END IF;
		IF key !~ '^[-!#$%&''*+.^_`|~0-9A-Za-z]{1,128}$' THEN
			RAISE EXCEPTION 'the name of header % is not one', cardinality(keys) + 1
				USING ERRCODE = 'invalid_parameter_value',
					HINT = 'A name has 1 to 128 letters, digits and !#$%&''*+-.^_`|~, without a colon.';
		END IF;
		IF header ->> 'value' !~ '^[!-~]([ -~]*[!-~])?$' OR length(header ->> 'value') > 1024 THEN
			RAISE EXCEPTION 'the value of header % cannot be sent', key
				USING ERRCODE = 'invalid_parameter_value',
					HINT = 'A value has 1 to 1024 printable characters of ASCII, and no blank at its ends.';
		END IF;
		IF lower(key) ~ '^(host|connection|keep-alive|te|trailer|transfer-encoding|upgrade|expect|content-.*|proxy-.*|x-hub-.*|x-validation-token)$' THEN
			RAISE EXCEPTION 'header % is one of those that webchatt sets itself', key
				USING ERRCODE = 'invalid_parameter_value',
					HINT = 'Host, Content-..., X-Hub-..., X-Validation-Token and what belongs to the connection cannot be given.';
		END IF;
		IF lower(key) = ANY (keys) THEN
			RAISE EXCEPTION 'header % is given twice', key
				USING ERRCODE = 'invalid_parameter_value', HINT = 'Give each header once, in any case of letters.';
		END IF;
		keys := keys || lower(key);
		checked := checked || jsonb_build_object('key', key, 'value', header ->> 'value');
	END LOOP;
	RETURN checked;
END
$$;
COMMENT ON FUNCTION webchatt._check_headers(jsonb) IS
	'webchatt''s own: a webhook''s headers without members that mean nothing, or an error that says what is wrong with them';

CREATE FUNCTION webchatt._check_webhook(webhook webchatt.webhooks) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	IF webhook.label IS NULL OR btrim(webhook.label) = '' OR char_length(webhook.label) > 200 OR webhook.label ~ '[[:cntrl:]]' THEN
		RAISE EXCEPTION 'the label is not 1 to 200 characters in one line'
			USING ERRCODE = CASE WHEN webhook.label IS NULL THEN 'null_value_not_allowed' ELSE 'invalid_parameter_value' END,
				HINT = 'Say in words whose webhook it is.';
	END IF;
	IF webhook.event_type IS NULL OR webhook.event_type NOT IN ('Message', 'MessageStatus') THEN
		RAISE EXCEPTION 'event type % is not one', coalesce(quote_literal(left(webhook.event_type, 100)), 'NULL')
			USING ERRCODE = CASE WHEN webhook.event_type IS NULL THEN 'null_value_not_allowed' ELSE 'invalid_parameter_value' END,
				HINT = 'Use Message for what visitors write, MessageStatus for what becomes of messages sent by the REST API.';
	END IF;
	IF length(webhook.scope) > 1024 THEN
		RAISE EXCEPTION 'the scope has % characters', length(webhook.scope)
			USING ERRCODE = 'invalid_parameter_value', HINT = 'A scope has at most 1024; webchatt only keeps it.';
	END IF;
	PERFORM webchatt._check_endpoint(webhook.endpoint);
END
$$;
COMMENT ON FUNCTION webchatt._check_webhook(webchatt.webhooks) IS 'webchatt''s own: raises when a webhook cannot be so';

CREATE FUNCTION webchatt._find_webhook(id uuid) RETURNS webchatt.webhooks
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	webhook webchatt.webhooks;
BEGIN
	SELECT * INTO webhook FROM webchatt.webhooks w WHERE w.id = _find_webhook.id FOR UPDATE;
	IF NOT FOUND THEN
		RAISE EXCEPTION 'there is no webhook %', coalesce(_find_webhook.id::text, 'NULL')
			USING ERRCODE = 'undefined_object',
				HINT = 'SELECT id, label FROM webchatt.webhooks lists them.';
	END IF;
	RETURN webhook;
END
$$;
COMMENT ON FUNCTION webchatt._find_webhook(uuid) IS 'webchatt''s own: a webhook of the local hub, locked, or an error';

CREATE FUNCTION webchatt._new_webhook_secret() RETURNS text
LANGUAGE sql SET search_path = pg_catalog, pg_temp AS $$ SELECT webchatt._random_token('whsec_', 32) $$;
COMMENT ON FUNCTION webchatt._new_webhook_secret() IS 'webchatt''s own: a signing secret';

CREATE FUNCTION webchatt._make_webhook(
	key int, label text, endpoint text, event_type text, headers jsonb, signed boolean, scope text, OUT id uuid, OUT secret text)
RETURNS record
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	webhook webchatt.webhooks;
BEGIN
	webhook.id := gen_random_uuid();
	webhook.label := _make_webhook.label;
	webhook.endpoint := _make_webhook.endpoint;
	webhook.event_type := _make_webhook.event_type;
	webhook.scope := nullif(_make_webhook.scope, '');
	PERFORM webchatt._check_webhook(webhook);
	webhook.headers := webchatt._check_headers(coalesce(_make_webhook.headers, '[]'));
	IF (SELECT count(*) FROM webchatt.webhooks) >= 100 THEN
		RAISE EXCEPTION 'there are 100 webhooks already'
			USING ERRCODE = 'program_limit_exceeded',
				HINT = 'Delete one that nobody needs: webchatt.webhooks lists them.';
	END IF;
	IF (SELECT count(*) FROM webchatt.webhooks w WHERE w.key_id = key) >= 20 THEN
		RAISE EXCEPTION 'this API key has 20 webhooks already'
			USING ERRCODE = 'program_limit_exceeded', HINT = 'Delete one that is not needed.';
	END IF;
	IF coalesce(_make_webhook.signed, true) THEN
		webhook.secret := webchatt._new_webhook_secret();
	END IF;
	INSERT INTO webchatt.webhooks AS w (id, key_id, label, endpoint, event_type, headers, scope, secret)
	VALUES (webhook.id, key, webhook.label, webhook.endpoint, webhook.event_type, webhook.headers, webhook.scope, webhook.secret);
	-- what was published before is not for this one
	INSERT INTO webchatt.webhook_progress (webhook_id, done_upto)
	VALUES (webhook.id, coalesce(pg_sequence_last_value('webchatt.feed_seq_seq'::regclass), 0));
	_make_webhook.id := webhook.id;
	_make_webhook.secret := webhook.secret;
END
$$;
COMMENT ON FUNCTION webchatt._make_webhook(int, text, text, text, jsonb, boolean, text) IS
	'webchatt''s own: makes a webhook that belongs to an API key, or to nobody who comes by the REST API';

CREATE FUNCTION webchatt.create_webhook(
	label text, endpoint text, event_type text, headers jsonb DEFAULT '[]', signed boolean DEFAULT true, scope text DEFAULT NULL,
	OUT id uuid, OUT secret text)
RETURNS record
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET plan_cache_mode = force_generic_plan AS $$
BEGIN
	SELECT m.id, m.secret INTO create_webhook.id, create_webhook.secret
	FROM webchatt._make_webhook(NULL, label, endpoint, event_type, headers, signed, scope) m;
END
$$;
COMMENT ON FUNCTION webchatt.create_webhook(text, text, text, jsonb, boolean, text) IS
	'makes a webhook of the local hub: events are posted to the endpoint once it has answered its verification. secret is the key of X-hub-Signature, shown this once';

CREATE FUNCTION webchatt._origin_of(endpoint text) RETURNS text
LANGUAGE sql IMMUTABLE STRICT SET search_path = pg_catalog, pg_temp AS $$
	SELECT lower(p[1]) || '://' || lower(p[2]) || ':' || coalesce(p[3]::int, CASE lower(p[1]) WHEN 'https' THEN 443 ELSE 80 END)
	FROM regexp_match(endpoint, '^(https?)://([[][^]]*[]]|[^:/?]+)(?::([0-9]{1,5}))?', 'i') p
$$;
COMMENT ON FUNCTION webchatt._origin_of(text) IS 'webchatt''s own: scheme, host and port of a URL';

CREATE FUNCTION webchatt.alter_webhook(
	id uuid, label text DEFAULT NULL, endpoint text DEFAULT NULL, headers jsonb DEFAULT NULL, active boolean DEFAULT NULL,
	signed boolean DEFAULT NULL, scope text DEFAULT NULL)
RETURNS text
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET plan_cache_mode = force_generic_plan AS $$
DECLARE
	webhook webchatt.webhooks := webchatt._find_webhook(alter_webhook.id);
	new_secret text;
	moved boolean := false;
BEGIN
	IF alter_webhook.endpoint <> webhook.endpoint THEN
		webhook.verified_at := NULL;
		-- what somebody else's server was told is not for this one
		moved := webchatt._origin_of(alter_webhook.endpoint) IS DISTINCT FROM webchatt._origin_of(webhook.endpoint);
	END IF;
	webhook.label := coalesce(alter_webhook.label, webhook.label);
	webhook.endpoint := coalesce(alter_webhook.endpoint, webhook.endpoint);
	webhook.scope := nullif(coalesce(alter_webhook.scope, webhook.scope), '');
	PERFORM webchatt._check_webhook(webhook);
	IF alter_webhook.headers IS NOT NULL THEN
		webhook.headers := webchatt._check_headers(alter_webhook.headers);
	ELSIF moved THEN
		webhook.headers := '[]';
	END IF;
	IF alter_webhook.active IS NOT NULL THEN
		webhook.active := alter_webhook.active;
		webhook.paused_reason := NULL;
	END IF;
	IF alter_webhook.signed AND webhook.secret IS NULL OR moved AND webhook.secret IS NOT NULL AND alter_webhook.signed IS NOT false THEN
		new_secret := webchatt._new_webhook_secret();
		webhook.secret := new_secret;
	ELSIF NOT alter_webhook.signed THEN
		webhook.secret := NULL;
	END IF;
	UPDATE webchatt.webhooks w SET label = webhook.label, endpoint = webhook.endpoint, headers = webhook.headers,
		scope = webhook.scope, secret = webhook.secret, active = webhook.active, paused_reason = webhook.paused_reason,
		verified_at = webhook.verified_at, modified_at = now()
	WHERE w.id = webhook.id;
	RETURN new_secret;
END
$$;
COMMENT ON FUNCTION webchatt.alter_webhook(uuid, text, text, jsonb, boolean, boolean, text) IS
	'changes a webhook of the local hub; what is NULL stays. Returns the new secret when there is one, else NULL. Another endpoint is verified first, and one of another origin gets neither the headers nor the secret of the old one: give the headers again, and use the secret that is returned; active starts again one that was paused; an empty scope removes it; the id alone has an endpoint that is not verified asked again at once';

CREATE FUNCTION webchatt.delete_webhook(id uuid) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	PERFORM webchatt._find_webhook(delete_webhook.id);
	DELETE FROM webchatt.webhooks w WHERE w.id = delete_webhook.id;
END
$$;
COMMENT ON FUNCTION webchatt.delete_webhook(uuid) IS 'ends a webhook of the local hub; what was not delivered to it is not any more';

CREATE FUNCTION webchatt.redefine_webhook_secret(id uuid) RETURNS text
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	webhook webchatt.webhooks := webchatt._find_webhook(redefine_webhook_secret.id);
	new_secret text := webchatt._new_webhook_secret();
BEGIN
	IF webhook.secret IS NULL THEN
		RAISE EXCEPTION 'webhook % does not sign', webhook.id
			USING ERRCODE = 'object_not_in_prerequisite_state',
				HINT = 'Turn signing on (requiresSignature; in SQL webchatt.alter_webhook(id, signed => true)), which gives a secret.';
	END IF;
	UPDATE webchatt.webhooks w SET secret = new_secret, modified_at = now() WHERE w.id = webhook.id;
	RETURN new_secret;
END
$$;
COMMENT ON FUNCTION webchatt.redefine_webhook_secret(uuid) IS
	'gives a webhook of the local hub a new signing secret and returns it; deliveries are signed with it from the commit on';

CREATE FUNCTION webchatt.retry_webhook_log(webhook uuid, logs uuid[])
RETURNS TABLE (webhook_log_id uuid, success boolean, new_log_id uuid)
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	event bigint;
BEGIN
	IF NOT EXISTS (SELECT FROM webchatt.webhooks w WHERE w.id = webhook) THEN
		RAISE EXCEPTION 'there is no webhook %', coalesce(webhook::text, 'NULL')
			USING ERRCODE = 'undefined_object',
				HINT = 'SELECT id, label FROM webchatt.webhooks lists them.';
	END IF;
	IF logs IS NULL OR cardinality(logs) > 100 THEN
		RAISE EXCEPTION 'retries are asked for by 1 to 100 ids, not %', coalesce(cardinality(logs)::text, 'NULL')
			USING ERRCODE = 'invalid_parameter_value',
				HINT = 'Give the ids of attempts in webchatt.webhook_log, at most 100 at a time.';
	END IF;
	FOREACH webhook_log_id IN ARRAY logs LOOP
		new_log_id := NULL;
		SELECT l.seq INTO event FROM webchatt.webhook_log l
		WHERE l.webhook_id = webhook AND l.id = webhook_log_id AND EXISTS (SELECT FROM webchatt.feed e WHERE e.seq = l.seq
			AND (SELECT k.channels IS NULL OR e.channel_id = ANY (k.channels) FROM webchatt.webhooks w
				LEFT JOIN webchatt.api_keys k ON k.id = w.key_id WHERE w.id = webhook));
		success := FOUND;
		IF success THEN
			-- one that waits already is the one that is asked for
			SELECT r.log_id INTO new_log_id FROM webchatt.webhook_retries r WHERE r.webhook_id = webhook AND r.seq = event LIMIT 1;
			IF NOT FOUND THEN
				-- version 7, for the log is read in the order of its ids
				new_log_id := lpad(to_hex(floor(date_part('epoch', clock_timestamp()) * 1000)::bigint), 12, '0') || '7'
					|| right(replace(gen_random_uuid()::text, '-', ''), 19);
				INSERT INTO webchatt.webhook_retries (webhook_id, log_id, seq) VALUES (webhook, new_log_id, event);
			END IF;
		END IF;
		RETURN NEXT;
	END LOOP;
END
$$;
COMMENT ON FUNCTION webchatt.retry_webhook_log(uuid, uuid[]) IS
	'has the events of up to 100 attempts delivered again; new_log_id is the id that the new attempt will have. success is false for an attempt that is not known, or whose event is no longer kept';

----------------------------------------------------------------------------
-- The same by HTTP (doc/hub-contract.md, section 2): the worker answers with these
----------------------------------------------------------------------------

CREATE FUNCTION webchatt._application_id() RETURNS uuid
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
	SELECT (left(h, 12) || '4' || substr(h, 14, 3) || '8' || substr(h, 18))::uuid
	FROM pg_control_system() c, pg_database d, md5(c.system_identifier || '/' || d.oid) h
	WHERE d.datname = current_database()
$$;
COMMENT ON FUNCTION webchatt._application_id() IS
	'webchatt''s own: the applicationId of this hub, made of the cluster''s system identifier and the database''s oid';

CREATE FUNCTION webchatt._rest_time(at timestamptz) RETURNS text
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
	SELECT to_char(at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')
$$;
COMMENT ON FUNCTION webchatt._rest_time(timestamptz) IS 'webchatt''s own: a time as the REST API has it';

CREATE FUNCTION webchatt._rest_uuid(given text) RETURNS uuid
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
	SELECT CASE WHEN given ~* '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$' THEN given::uuid END
$$;
COMMENT ON FUNCTION webchatt._rest_uuid(text) IS 'webchatt''s own: an id in its canonical form; null: it is none';

CREATE FUNCTION webchatt._rest_number(query text, name text, standard int, lowest int, highest int) RETURNS int
LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	given text := (regexp_match(query, '(?:^|&)' || name || '=([^&]*)'))[1];
BEGIN
	IF given IS NULL THEN
		RETURN standard;
	END IF;
	IF given !~ '^[0-9]{1,9}$' OR given::int NOT BETWEEN lowest AND highest THEN
		RAISE EXCEPTION '"%" is not a number from % to %', name, lowest, highest
			USING ERRCODE = 'invalid_parameter_value', HINT = format('Left out, it is %s.', standard);
	END IF;
	RETURN given::int;
END
$$;
COMMENT ON FUNCTION webchatt._rest_number(text, text, int, int, int) IS 'webchatt''s own: a number in a query';

CREATE FUNCTION webchatt._rest_member(body jsonb, name text, kind text) RETURNS text
LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	IF jsonb_typeof(body -> name) NOT IN (kind, 'null') THEN
		RAISE EXCEPTION '"%" is of type %, not %', name, jsonb_typeof(body -> name), kind
			USING ERRCODE = 'invalid_parameter_value', HINT = format('Give it as a %s, or leave it out.', kind);
	END IF;
	RETURN body ->> name;
END
$$;
COMMENT ON FUNCTION webchatt._rest_member(jsonb, text, text) IS 'webchatt''s own: a string or a boolean of a body, null where it has none';

CREATE FUNCTION webchatt._rest_webhook(webhook webchatt.webhooks, secret text DEFAULT NULL) RETURNS jsonb
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
	SELECT jsonb_build_object('id', webhook.id, 'applicationId', webchatt._application_id(), 'active', webhook.active,
			'label', webhook.label, 'eventType', webhook.event_type, 'endpoint', webhook.endpoint,
			'numberOfErrors', coalesce((SELECT p.failures FROM webchatt.webhook_progress p WHERE p.webhook_id = webhook.id), 0),
			'authenticationProtocol', 'NoAuthentication', 'scope', webhook.scope,
			'isVerified', webhook.verified_at IS NOT NULL, 'verifiedAt', webchatt._rest_time(webhook.verified_at),
			'createdDate', webchatt._rest_time(webhook.created_at), 'lastModifiedDate', webchatt._rest_time(webhook.modified_at),
			'requiresSignature', webhook.secret IS NOT NULL, 'pausedReason', webhook.paused_reason,
			-- whoever has a key is not told what inner names stand for
			'lastError', (SELECT regexp_replace(p.last_error, ': [0-9a-f.:]+ is an address', ' is at an address')
				FROM webchatt.webhook_progress p WHERE p.webhook_id = webhook.id))
		|| CASE WHEN secret IS NULL THEN '{}' ELSE jsonb_build_object('signingSecret', secret) END
$$;
COMMENT ON FUNCTION webchatt._rest_webhook(webchatt.webhooks, text) IS
	'webchatt''s own: a webhook as the REST API shows it; requiresSignature, pausedReason and lastError are ours';

CREATE FUNCTION webchatt._rest_page(data jsonb, skipped int, most int, total bigint) RETURNS jsonb
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
	SELECT jsonb_build_object('data', coalesce(data, '[]'), 'pagination', jsonb_build_object(
		'offset', skipped, 'limit', most, 'total', total, 'totalPages', (total + most - 1) / most))
$$;
COMMENT ON FUNCTION webchatt._rest_page(jsonb, int, int, bigint) IS 'webchatt''s own: a page of a list as the REST API has it';

CREATE FUNCTION webchatt._rest_list(key int, query text) RETURNS jsonb
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	skipped int := webchatt._rest_number(query, 'offset', 0, 0, 100000);
	most int := webchatt._rest_number(query, 'limit', 20, 1, 50);
BEGIN
	RETURN webchatt._rest_page(
		(SELECT jsonb_agg(webchatt._rest_webhook(w) ORDER BY w.n) FROM (SELECT * FROM webchatt.webhooks h
			WHERE h.key_id = key ORDER BY h.n OFFSET skipped LIMIT most) w),
		skipped, most, (SELECT count(*) FROM webchatt.webhooks h WHERE h.key_id = key));
END
$$;
COMMENT ON FUNCTION webchatt._rest_list(int, text) IS 'webchatt''s own: GET /v1/organization/webhook';

CREATE FUNCTION webchatt._rest_check_protocol(body jsonb) RETURNS void
LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	IF webchatt._rest_member(body, 'authenticationProtocol', 'string') <> 'NoAuthentication' THEN
		RAISE EXCEPTION '"authenticationProtocol" can only be NoAuthentication here'
			USING ERRCODE = 'invalid_parameter_value',
				HINT = 'Put credentials into headers, such as {"key": "Authorization", "value": "Bearer ..."}.';
	END IF;
END
$$;
COMMENT ON FUNCTION webchatt._rest_check_protocol(jsonb) IS 'webchatt''s own: raises for a way to authenticate that is not done here';

CREATE FUNCTION webchatt._rest_create(key int, body jsonb) RETURNS jsonb
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	webhook webchatt.webhooks;
	made record;
BEGIN
	PERFORM webchatt._rest_check_protocol(body);
	made := webchatt._make_webhook(key,
		webchatt._rest_member(body, 'label', 'string'), webchatt._rest_member(body, 'endpoint', 'string'),
		webchatt._rest_member(body, 'eventType', 'string'), nullif(body -> 'headers', 'null'),
		coalesce(webchatt._rest_member(body, 'requiresSignature', 'boolean')::boolean, false),
		webchatt._rest_member(body, 'scope', 'string'));
	SELECT * INTO webhook FROM webchatt.webhooks w WHERE w.id = made.id;
	RETURN webchatt._rest_webhook(webhook, made.secret);
END
$$;
COMMENT ON FUNCTION webchatt._rest_create(int, jsonb) IS 'webchatt''s own: POST /v1/organization/webhook';

CREATE FUNCTION webchatt._rest_alter(webhook webchatt.webhooks, body jsonb) RETURNS jsonb
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	new_secret text;
BEGIN
	PERFORM webchatt._rest_check_protocol(body);
	IF webchatt._rest_member(body, 'eventType', 'string') <> webhook.event_type THEN
		RAISE EXCEPTION '"eventType" cannot be changed'
			USING ERRCODE = 'invalid_parameter_value', HINT = 'Create another webhook for the other events.';
	END IF;
	new_secret := webchatt.alter_webhook(webhook.id,
		label => webchatt._rest_member(body, 'label', 'string'), endpoint => webchatt._rest_member(body, 'endpoint', 'string'),
		headers => nullif(body -> 'headers', 'null'), active => webchatt._rest_member(body, 'active', 'boolean')::boolean,
		signed => webchatt._rest_member(body, 'requiresSignature', 'boolean')::boolean,
		scope => CASE WHEN body ? 'scope' THEN coalesce(webchatt._rest_member(body, 'scope', 'string'), '') END);
	SELECT * INTO webhook FROM webchatt.webhooks w WHERE w.id = webhook.id;
	RETURN webchatt._rest_webhook(webhook, new_secret);
END
$$;
COMMENT ON FUNCTION webchatt._rest_alter(webchatt.webhooks, jsonb) IS 'webchatt''s own: PATCH /v1/organization/webhook/{id}';

CREATE FUNCTION webchatt._rest_redefine(webhook webchatt.webhooks) RETURNS jsonb
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	new_secret text := webchatt.redefine_webhook_secret(webhook.id);
BEGIN
	SELECT * INTO webhook FROM webchatt.webhooks w WHERE w.id = webhook.id;
	RETURN webchatt._rest_webhook(webhook, new_secret);
END
$$;
COMMENT ON FUNCTION webchatt._rest_redefine(webchatt.webhooks) IS
	'webchatt''s own: POST /v1/organization/webhook/{id}/signature, whose path is ours';

/*
 * The log can have millions of rows, and whatever the statistics say it is read
 * by its indexes.  Everybody waits with the worker, so a page cannot lie deeper
 * than 100,000 rows, and of the total no more are counted than 10,000, or one
 * behind the page: who reads on sees it grow.
 */
CREATE FUNCTION webchatt._rest_logs(webhook webchatt.webhooks, query text) RETURNS jsonb
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off SET enable_bitmapscan = off SET enable_sort = off AS $$
DECLARE
	skipped int := webchatt._rest_number(query, 'offset', 0, 0, 100000);
	most int := webchatt._rest_number(query, 'limit', 20, 1, 50);
	wanted text := (regexp_match(query, '(?:^|&)status=([^&]*)'))[1];
	enough constant int := greatest(10000, skipped + most + 1);
	ids uuid[];
	total bigint;
BEGIN
	IF wanted NOT IN ('Success', 'Failed', 'Error') THEN
		RAISE EXCEPTION '"status" is neither Success nor Failed'
			USING ERRCODE = 'invalid_parameter_value', HINT = 'Left out, all attempts are listed.';
	ELSIF wanted IS NULL THEN
		ids := ARRAY(SELECT l.id FROM webchatt.webhook_log l WHERE l.webhook_id = webhook.id
			ORDER BY l.webhook_id DESC, l.id DESC OFFSET skipped LIMIT most);
		SELECT count(*) INTO total FROM (SELECT FROM webchatt.webhook_log l WHERE l.webhook_id = webhook.id LIMIT enough) x;
	ELSIF wanted = 'Success' THEN
		ids := ARRAY(SELECT l.id FROM webchatt.webhook_log l WHERE l.webhook_id = webhook.id AND l.good
			ORDER BY l.webhook_id DESC, l.id DESC OFFSET skipped LIMIT most);
		SELECT count(*) INTO total FROM (SELECT FROM webchatt.webhook_log l WHERE l.webhook_id = webhook.id AND l.good LIMIT enough) x;
	ELSE
		ids := ARRAY(SELECT l.id FROM webchatt.webhook_log l WHERE l.webhook_id = webhook.id AND NOT l.good
			ORDER BY l.webhook_id DESC, l.id DESC OFFSET skipped LIMIT most);
		SELECT count(*) INTO total FROM (SELECT FROM webchatt.webhook_log l WHERE l.webhook_id = webhook.id AND NOT l.good LIMIT enough) x;
	END IF;
	RETURN webchatt._rest_page(
		(SELECT jsonb_agg(jsonb_build_object('id', l.id, 'webhookId', l.webhook_id, 'statusCode', l.status_code,
				'responseBody', l.answer, 'status', CASE WHEN l.good THEN 'Success' ELSE 'Failed' END,
				'sendAt', webchatt._rest_time(l.sent_at),
				'createdDate', webchatt._rest_time(l.sent_at + make_interval(secs => l.duration_us / 1e6)),
				'messageId', l.message_id,
				'webhook', jsonb_build_object('id', l.webhook_id, 'endpoint', l.endpoint, 'eventType', l.event_type),
				'deliveryId', l.delivery_id, 'attempt', l.attempt, 'durationMs', round(l.duration_us / 1000.0, 1),
				'errorMessage', regexp_replace(l.error, '[^[:space:]]+ is an address that webhooks are not delivered to.*', 'its address is one that webhooks are not delivered to')) ORDER BY l.id DESC)
			FROM webchatt.webhook_log l WHERE l.webhook_id = webhook.id AND l.id = ANY (ids)),
		skipped, most, total);
END
$$;
COMMENT ON FUNCTION webchatt._rest_logs(webchatt.webhooks, text) IS
	'webchatt''s own: GET /v1/organization/webhook/{id}/webhook-log, newest first; deliveryId, attempt, durationMs and errorMessage are ours';

CREATE FUNCTION webchatt._rest_retries(webhook webchatt.webhooks, body jsonb) RETURNS jsonb
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	asked jsonb := body -> 'webhookLogIds';
BEGIN
	IF jsonb_typeof(asked) IS DISTINCT FROM 'array' OR jsonb_array_length(asked) > 100
		OR EXISTS (SELECT FROM jsonb_array_elements(asked) a WHERE jsonb_typeof(a) <> 'string') THEN
		RAISE EXCEPTION '"webhookLogIds" is not an array of at most 100 ids'
			USING ERRCODE = 'invalid_parameter_value', HINT = 'Give the ids of logs as strings, as webhook-log lists them.';
	END IF;
	RETURN (SELECT jsonb_build_object('results', coalesce(jsonb_agg(jsonb_build_object(
			'webhookLogId', a.given, 'success', coalesce(r.success, false), 'newLogId', r.new_log_id) ORDER BY a.n), '[]'))
		FROM jsonb_array_elements_text(asked) WITH ORDINALITY a (given, n)
		LEFT JOIN ROWS FROM (webchatt.retry_webhook_log(webhook.id,
			ARRAY(SELECT webchatt._rest_uuid(x) FROM jsonb_array_elements_text(asked) WITH ORDINALITY y (x, n) ORDER BY n)))
			WITH ORDINALITY r (webhook_log_id, success, new_log_id, n) ON r.n = a.n);
END
$$;
COMMENT ON FUNCTION webchatt._rest_retries(webchatt.webhooks, jsonb) IS
	'webchatt''s own: POST /v1/organization/webhook/{id}/webhook-log/retry';

CREATE FUNCTION webchatt._rest_error(message text, code text) RETURNS jsonb
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
	SELECT jsonb_build_object('errorMessage', upper(left(message, 1)) || substr(message, 2), 'errorCode', code)
$$;
COMMENT ON FUNCTION webchatt._rest_error(text, text) IS 'webchatt''s own: what the REST API says when it refuses';

CREATE FUNCTION webchatt._rest(key int, method text, path text, query text, request text, OUT status int, OUT body jsonb)
RETURNS record
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET plan_cache_mode = force_generic_plan AS $$
DECLARE
	base constant text := '/v1/organization/webhook';
	steps text[] := string_to_array(substr(path, length(base) + 2), '/');
	asked text := concat_ws(' ', method, nullif(array_to_string(CASE WHEN cardinality(steps) > 1 THEN
		ARRAY['id', steps[2]] || CASE cardinality(steps) WHEN 3 THEN ARRAY[steps[3]] WHEN 4 THEN ARRAY['id', steps[4]]
			WHEN 2 THEN '{}' ELSE ARRAY['?', '?', '?'] END
		WHEN cardinality(steps) = 1 THEN ARRAY['id'] END, '/'), ''));
	given jsonb;
	webhook webchatt.webhooks;
	log uuid;
	message text;
	hint text;
BEGIN
	IF NOT EXISTS (SELECT FROM webchatt.api_keys k WHERE k.id = key AND k.revoked_at IS NULL AND 'webhooks' = ANY (k.scopes)) THEN
		status := 401;
		body := webchatt._rest_error('The x-api-key is not known here any more.', 'api_key_unknown');
		RETURN;
	END IF;
	IF asked NOT IN ('GET', 'POST', 'GET id', 'PATCH id', 'DELETE id', 'POST id/signature', 'GET id/webhook-log',
		'POST id/webhook-log/retry', 'POST id/webhook-log/id/retry') OR path <> base AND path !~ ('^' || base || '/.') THEN
		status := 404;
		body := webchatt._rest_error(format('There is nothing for %s at this path.', method), 'not_found');
		RETURN;
	END IF;
	IF cardinality(steps) > 0 THEN
		SELECT * INTO webhook FROM webchatt.webhooks w WHERE w.id = webchatt._rest_uuid(steps[1]) AND w.key_id = key;
		IF NOT FOUND THEN
			status := 404;
			body := webchatt._rest_error('There is no webhook with this id.', 'not_found');
			RETURN;
		END IF;
	END IF;
	given := coalesce(nullif(request, '')::jsonb, '{}');
	IF jsonb_typeof(given) <> 'object' THEN
		RAISE EXCEPTION 'the body is not a JSON object' USING ERRCODE = 'invalid_parameter_value', HINT = 'Give one as {...}.';
	END IF;
	status := 200;
	CASE asked
		WHEN 'GET' THEN
			body := webchatt._rest_list(key, query);
		WHEN 'POST' THEN
			status := 201;
			body := webchatt._rest_create(key, given);
		WHEN 'GET id' THEN
			body := webchatt._rest_webhook(webhook);
		WHEN 'PATCH id' THEN
			body := webchatt._rest_alter(webhook, given);
		WHEN 'DELETE id' THEN
			status := 204;
			PERFORM webchatt.delete_webhook(webhook.id);
		WHEN 'POST id/signature' THEN
			body := webchatt._rest_redefine(webhook);
		WHEN 'GET id/webhook-log' THEN
			body := webchatt._rest_logs(webhook, query);
		WHEN 'POST id/webhook-log/retry' THEN
			body := webchatt._rest_retries(webhook, given);
		ELSE
			log := webchatt._rest_uuid(steps[3]);
			IF NOT EXISTS (SELECT FROM webchatt.webhook_log l WHERE l.webhook_id = webhook.id AND l.id = log) THEN
				status := 404;
				body := webchatt._rest_error('This webhook has no log with this id.', 'not_found');
				RETURN;
			END IF;
			SELECT jsonb_build_object('success', r.success, 'newLogId', r.new_log_id) INTO body
			FROM webchatt.retry_webhook_log(webhook.id, ARRAY[log]) r;
	END CASE;
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS message = MESSAGE_TEXT, hint = PG_EXCEPTION_HINT;
	IF SQLSTATE NOT IN ('22004', '22023', '54000', '55000') THEN
		RAISE;
	END IF;
	status := 400;
	body := webchatt._rest_error(concat_ws('. ', message, nullif(hint, '')), 'invalid_payload');
END
$$;
COMMENT ON FUNCTION webchatt._rest(int, text, text, text, text) IS
	'webchatt''s own: answers a request for /v1/organization/webhook or below, whose key webchatt-net has checked: a key sees the webhooks that it made';
----------------------------------------------------------------------------
-- Hub connections that keep themselves: what is asked of them
----------------------------------------------------------------------------

CREATE FUNCTION webchatt._remote_hub(hub text) RETURNS webchatt.hubs
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	h webchatt.hubs;
BEGIN
	SELECT x.* INTO h FROM webchatt.hubs x WHERE x.name = hub;
	IF NOT FOUND THEN
		RAISE EXCEPTION 'there is no hub %', coalesce(quote_literal(hub), 'NULL')
			USING ERRCODE = 'undefined_object',
				HINT = 'SELECT name FROM webchatt.hubs lists them; webchatt.connect_hub(api_key => ..., name => ...) attaches one.';
	END IF;
	IF h.kind = 'local' THEN
		RAISE EXCEPTION 'the local hub needs no webhooks of ours'
			USING ERRCODE = 'wrong_object_type',
				HINT = 'What happens on its channels is in the tables at once. webchatt.create_webhook() makes webhooks for other systems.';
	END IF;
	RETURN h;
END
$$;
COMMENT ON FUNCTION webchatt._remote_hub(text) IS 'webchatt''s own: the remote hub of that name, or an error';

CREATE FUNCTION webchatt.register_webhooks(hub text DEFAULT 'chatt2me') RETURNS text
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	h webchatt.hubs;
	url text := nullif(current_setting('webchatt.public_url', true), '');
	our_tag text;
BEGIN
	IF hub ~* '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$' AND NOT EXISTS (SELECT FROM webchatt.hubs x WHERE x.name = hub) THEN
		RETURN webchatt.register_webhooks(hub::uuid);
	END IF;
	h := webchatt._remote_hub(hub);
	IF url IS NULL THEN
		RAISE EXCEPTION 'it is not known under which URL hub % can reach webchatt', h.name
			USING ERRCODE = 'object_not_in_prerequisite_state',
				DETAIL = 'webchatt.public_url is empty.',
				HINT = 'Set it, for example ALTER DATABASE ... SET webchatt.public_url = ''https://chat.example.com'' (Hub Chatt2.me wants https), reload the configuration, and connect again. A webchatt hub needs no such URL with connect_hub(..., inbound => ''link'').';
	END IF;
	IF url LIKE 'http://%' AND h.api_url LIKE 'https://%' THEN
		RAISE WARNING 'hub % may refuse an endpoint that is not https', h.name
			USING HINT = 'Hub Chatt2.me posts to https only: let webchatt.public_url be the URL of the proxy that does TLS.';
	END IF;
	IF h.inbound = 'link' THEN
		RAISE NOTICE 'events of hub % come by a link as well', h.name
			USING HINT = 'Each becomes one row all the same. webchatt.connect_hub(..., inbound => ''webhook'') ends the link.';
	END IF;
	INSERT INTO webchatt.hub_reconciliation AS k (hub_id) VALUES (h.id)
	ON CONFLICT (hub_id) DO UPDATE SET wanted = k.wanted + 1 RETURNING k.tag INTO our_tag;
	INSERT INTO webchatt.hub_webhooks AS w (hub_id, event_type, desired, endpoint, label, state)
	SELECT h.id, e, 'registered', url || '/webhooks/hubs/' || h.name,
		format('webchatt %s %s', left(current_database(), 80), our_tag), 'waiting'
	FROM unnest(ARRAY['Message', 'MessageStatus']) e
	ON CONFLICT (hub_id, event_type) DO UPDATE SET
		desired = CASE w.desired WHEN 'rotated' THEN 'rotated' ELSE 'registered' END,
		endpoint = excluded.endpoint, next_try = NULL,
		state = CASE w.state WHEN 'removing' THEN 'mending' ELSE w.state END;
	RETURN url || '/webhooks/hubs/' || h.name;
END
$$;
COMMENT ON FUNCTION webchatt.register_webhooks(text) IS
	'has the worker make, and keep, webhooks for Message and MessageStatus at a remote hub, for all channels of the Application; returns the endpoint that the hub is to post to. webchatt.hub_webhooks shows how it goes, webchatt.wait_for_webhooks() waits for it';

CREATE FUNCTION webchatt.register_webhooks(channel uuid) RETURNS text
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	hub_name text;
BEGIN
	SELECT h.name INTO hub_name FROM webchatt.channels c JOIN webchatt.hubs h ON h.id = c.hub_id WHERE c.id = channel;
	IF NOT FOUND THEN
		RAISE EXCEPTION 'there is no channel %', coalesce(channel::text, 'NULL')
			USING ERRCODE = 'undefined_object',
				HINT = 'SELECT id, display_name FROM webchatt.channels lists them.';
	END IF;
	RETURN webchatt.register_webhooks(hub_name);
END
$$;
COMMENT ON FUNCTION webchatt.register_webhooks(uuid) IS
	'the same for the hub of that channel: a hub has its webhooks for the whole Application, so they bring the events of its other channels as well';

CREATE FUNCTION webchatt._kept_hub(hub text) RETURNS int
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	h webchatt.hubs := webchatt._remote_hub(hub);
BEGIN
	IF NOT EXISTS (SELECT FROM webchatt.hub_webhooks w WHERE w.hub_id = h.id) THEN
		RAISE EXCEPTION 'no webhooks are registered at hub %', h.name
			USING ERRCODE = 'object_not_in_prerequisite_state',
				HINT = format('SELECT webchatt.register_webhooks(%L);', h.name);
	END IF;
	RETURN h.id;
END
$$;
COMMENT ON FUNCTION webchatt._kept_hub(text) IS 'webchatt''s own: the id of a hub at which webhooks are registered, or an error';

CREATE FUNCTION webchatt.reconcile_webhooks(hub text DEFAULT 'chatt2me') RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	h int := webchatt._kept_hub(hub);
BEGIN
	UPDATE webchatt.hub_reconciliation k SET wanted = k.wanted + 1, not_before = NULL, repair_not_before = NULL WHERE k.hub_id = h;
	UPDATE webchatt.hub_webhooks w SET next_try = NULL, look_at = NULL WHERE w.hub_id = h;
END
$$;
COMMENT ON FUNCTION webchatt.reconcile_webhooks(text) IS
	'has the worker compare the webhooks at a hub with what is desired, and look through their logs, at once; it does so by itself every webchatt.reconcile_interval';

CREATE FUNCTION webchatt.rotate_webhook_secret(hub text DEFAULT 'chatt2me', keep_old interval DEFAULT '1 day') RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET plan_cache_mode = force_generic_plan AS $$
DECLARE
	h int := webchatt._kept_hub(hub);
	how_long interval := rotate_webhook_secret.keep_old;
BEGIN
	IF how_long IS NULL OR how_long < interval '0' THEN
		RAISE EXCEPTION 'keep_old is %', coalesce(how_long::text, 'NULL')
			USING ERRCODE = 'invalid_parameter_value',
				HINT = 'Give how long the old secrets stay valid, for example interval ''1 day'', or interval ''0'' for not at all.';
	END IF;
	IF EXISTS (SELECT FROM webchatt.hub_webhooks w WHERE w.hub_id = h AND w.desired = 'gone') THEN
		RAISE EXCEPTION 'the webhooks at hub % are being removed', hub
			USING ERRCODE = 'object_not_in_prerequisite_state',
				HINT = format('SELECT webchatt.register_webhooks(%L) keeps them.', hub);
	END IF;
	UPDATE webchatt.hub_webhooks w SET desired = 'rotated', overlap = how_long, next_try = NULL WHERE w.hub_id = h;
END
$$;
COMMENT ON FUNCTION webchatt.rotate_webhook_secret(text, interval) IS
	'has the hub make new signing secrets; the old ones stay valid for keep_old. webchatt.wait_for_webhooks() waits until they are in place';

CREATE FUNCTION webchatt.unregister_webhooks(hub text DEFAULT 'chatt2me') RETURNS int
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	h int := webchatt._kept_hub(hub);
	n int;
	never int;
BEGIN
	UPDATE webchatt.hub_reconciliation k SET wanted = k.wanted + 1, not_before = NULL WHERE k.hub_id = h;
	-- what the hub was never asked for is not there
	DELETE FROM webchatt.hub_webhooks w WHERE w.hub_id = h AND w.hub_webhook_id IS NULL AND w.state = 'waiting' AND w.asked_at IS NULL;
	GET DIAGNOSTICS never = ROW_COUNT;
	UPDATE webchatt.hub_webhooks w SET desired = 'gone', state = 'removing', next_try = NULL WHERE w.hub_id = h;
	GET DIAGNOSTICS n = ROW_COUNT;
	RETURN n + never;
END
$$;
COMMENT ON FUNCTION webchatt.unregister_webhooks(text) IS
	'has the worker remove our webhooks at a hub; their rows in webchatt.hub_webhooks go when the hub has said so. Returns how many there were';
----------------------------------------------------------------------------
-- Hub connections that keep themselves: the registration of webhooks
----------------------------------------------------------------------------

CREATE FUNCTION webchatt._reconcile_pause(tries int) RETURNS interval
LANGUAGE sql VOLATILE SET search_path = pg_catalog, pg_temp AS $$
	SELECT make_interval(secs => least(300, 2 ^ least(tries, 9)) * (0.75 + random() / 2))
$$;
COMMENT ON FUNCTION webchatt._reconcile_pause(int) IS 'webchatt''s own: the pause after so many failures in a row, 1 s doubled up to 5 min, more or less';

CREATE FUNCTION webchatt._bare_url(url text) RETURNS text
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$ SELECT split_part(url, '?', 1) $$;
COMMENT ON FUNCTION webchatt._bare_url(text) IS 'webchatt''s own: a URL without its query';

CREATE FUNCTION webchatt._reconcile_of(hub int) RETURNS webchatt.hub_reconciliation
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	k webchatt.hub_reconciliation;
BEGIN
	SELECT x.* INTO k FROM webchatt.hub_reconciliation x WHERE x.hub_id = hub FOR UPDATE;
	IF NOT FOUND THEN
		INSERT INTO webchatt.hub_reconciliation AS x (hub_id) VALUES (hub) RETURNING x.* INTO k;
	END IF;
	RETURN k;
END
$$;
COMMENT ON FUNCTION webchatt._reconcile_of(int) IS 'webchatt''s own: a hub''s row of webchatt.hub_reconciliation, locked, made where it is missing';

/*
 * What went wrong is written where a person looks for it.  scope: hub (nothing
 * is asked of it for a while), row (of that webhook), repair (of the logs).
 */
CREATE FUNCTION webchatt._reconcile_failed(hub int, step jsonb, why text, scope text, pause interval DEFAULT NULL) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	of_logs boolean := step ->> 'do' IN ('log', 'retry', 'retry one');
	reason text := left(regexp_replace(why, '[[:cntrl:]]+', ' ', 'g'), 500);
BEGIN
	IF of_logs THEN
		UPDATE webchatt.hub_reconciliation k SET repair_error = reason, repair_error_at = now(), repair_tries = k.repair_tries + 1,
			repair_not_before = now() + coalesce(pause, webchatt._reconcile_pause(k.repair_tries))
		WHERE k.hub_id = hub;
	ELSE
		UPDATE webchatt.hub_webhooks w SET last_error = reason, last_error_at = now(), tries = w.tries + 1,
			next_try = CASE WHEN scope = 'row' THEN now() + coalesce(pause, webchatt._reconcile_pause(w.tries)) ELSE w.next_try END
		WHERE w.hub_id = hub AND (step ->> 'webhook' IS NULL OR w.id = (step ->> 'webhook')::int);
		-- what was compared may not be so any more
		UPDATE webchatt.hub_reconciliation k SET list_offset = NULL, listed = NULL, listed_at = NULL,
			next_round = CASE WHEN scope = 'hub' THEN now() ELSE now() + current_setting('webchatt.reconcile_interval')::interval END,
			heeded = CASE WHEN scope = 'hub' THEN k.wanted - 1 ELSE k.heeded END
		WHERE k.hub_id = hub;
	END IF;
	IF scope = 'hub' THEN
		UPDATE webchatt.hub_reconciliation k SET tries = k.tries + 1, not_before = now() + coalesce(pause, webchatt._reconcile_pause(k.tries))
		WHERE k.hub_id = hub;
	END IF;
END
$$;
COMMENT ON FUNCTION webchatt._reconcile_failed(int, jsonb, text, text, interval) IS 'webchatt''s own: notes that a call to a hub failed, and when to go on';

CREATE FUNCTION webchatt._hub_failed(hub int, why text) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET jit = off AS $$
DECLARE
	k webchatt.hub_reconciliation := webchatt._reconcile_of(hub);
BEGIN
	UPDATE webchatt.hub_reconciliation x SET asked = NULL WHERE x.hub_id = hub;
	PERFORM webchatt._reconcile_failed(hub, coalesce(k.asked, '{}'), why, 'hub');
END
$$;
COMMENT ON FUNCTION webchatt._hub_failed(int, text) IS 'webchatt''s own: the worker could not take the answer in';

/* In the words of the hub, where its answer has some. */
CREATE FUNCTION webchatt._answer_in_words(status int, body text, error text) RETURNS text
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	said text;
BEGIN
	IF status = 0 THEN
		RETURN 'the hub did not answer: ' || coalesce(nullif(error, ''), 'no reason is known');
	END IF;
	IF status = 401 THEN
		RETURN 'the hub refused the API key (401): webchatt.connect_hub() with a valid one starts it again';
	END IF;
	BEGIN
		said := coalesce(body::jsonb ->> 'errorMessage', body::jsonb ->> 'message');
	EXCEPTION WHEN data_exception OR program_limit_exceeded THEN
		said := NULL;
	END;
	RETURN format('the hub answered HTTP %s', status) || coalesce(': ' || left(nullif(said, ''), 300), '');
END
$$;
COMMENT ON FUNCTION webchatt._answer_in_words(int, text, text) IS 'webchatt''s own: what an answer that is no success says to a person';

CREATE FUNCTION webchatt._strange(what text) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	RAISE EXCEPTION 'the hub''s answer is strange: %', what USING ERRCODE = 'data_exception';
END
$$;
COMMENT ON FUNCTION webchatt._strange(text) IS 'webchatt''s own: raises that an answer is not what it should be';

/* The webhook in an answer: the whole, or an object in it.  NULL: there is none. */
CREATE FUNCTION webchatt._webhook_in(doc jsonb) RETURNS jsonb
LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	found jsonb;
BEGIN
	IF jsonb_typeof(doc) IS DISTINCT FROM 'object' THEN
		RETURN NULL;
	END IF;
	IF doc ? 'id' THEN
		RETURN doc;
	END IF;
	SELECT e.value INTO found FROM jsonb_each(doc) e
	WHERE jsonb_typeof(e.value) = 'object' AND e.value ? 'id' ORDER BY e.key LIMIT 1;
	RETURN found;
END
$$;
COMMENT ON FUNCTION webchatt._webhook_in(jsonb) IS 'webchatt''s own: the webhook in an answer';

/* The name of its field is not published (doc/hub-contract.md, section 2). */
CREATE FUNCTION webchatt._secret_in(doc jsonb) RETURNS text
LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	secret text;
BEGIN
	IF jsonb_typeof(doc) IS DISTINCT FROM 'object' THEN
		RETURN NULL;
	END IF;
	SELECT x.o ->> n.name INTO secret
	FROM (SELECT doc, 0 UNION ALL SELECT e.value, 1 FROM jsonb_each(doc) e WHERE jsonb_typeof(e.value) = 'object') x (o, depth)
	CROSS JOIN unnest(ARRAY['signingSecret', 'signatureSecret', 'secret']) WITH ORDINALITY n (name, i)
	WHERE jsonb_typeof(x.o -> n.name) = 'string' AND length(x.o ->> n.name) BETWEEN 1 AND 512
	ORDER BY x.depth, n.i LIMIT 1;
	RETURN secret;
END
$$;
COMMENT ON FUNCTION webchatt._secret_in(jsonb) IS 'webchatt''s own: the signing secret in an answer, under any of its names';

/* It becomes part of a path. */
CREATE FUNCTION webchatt._has_webhook_id(e jsonb) RETURNS boolean
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
	SELECT coalesce(jsonb_typeof(e -> 'id') IN ('string', 'number') AND e ->> 'id' ~ '^[A-Za-z0-9_-]{1,64}$', false)
$$;
COMMENT ON FUNCTION webchatt._has_webhook_id(jsonb) IS 'webchatt''s own: can a hub''s webhook be asked for by its id?';

CREATE FUNCTION webchatt._webhook_seen(e jsonb) RETURNS jsonb
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	IF NOT webchatt._has_webhook_id(e) THEN
		PERFORM webchatt._strange('a webhook''s id is no id');
	END IF;
	RETURN jsonb_build_object('id', e ->> 'id', 'type', left(e ->> 'eventType', 64), 'label', left(e ->> 'label', 300),
		'endpoint', left(e ->> 'endpoint', 4096), 'active', coalesce(e -> 'active' <> 'false', true),
		'verified', coalesce(e -> 'isVerified' = 'true', false), 'created', left(e ->> 'createdDate', 40),
		'signed', coalesce(e -> 'requiresSignature' <> 'false', true));
END
$$;
COMMENT ON FUNCTION webchatt._webhook_seen(jsonb) IS 'webchatt''s own: a hub''s webhook as webchatt.hub_reconciliation.listed has it';

/* Our webhook is not at the hub any more, or another takes its place. */
CREATE FUNCTION webchatt._webhook_is(webhook int, id_at_hub text) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	UPDATE webchatt.repairs r SET state = 'given up', done_at = now(), answer = 'the webhook is not at the hub any more'
	FROM webchatt.hub_webhooks w
	WHERE w.id = webhook AND r.hub_id = w.hub_id AND r.hub_webhook_id = w.hub_webhook_id AND r.state IN ('waiting', 'asked')
		AND w.hub_webhook_id IS DISTINCT FROM id_at_hub;
	UPDATE webchatt.hub_webhooks w SET hub_webhook_id = id_at_hub, actual_endpoint = NULL, verified_at = NULL,
		old_secret = coalesce(w.secret, w.old_secret),
		old_secret_until = CASE WHEN w.secret IS NULL THEN w.old_secret_until ELSE now() + interval '1 day' END,
		secret = NULL, sign_by = NULL, unverified_since = NULL, poll_at = NULL, polls = 0, again_at = NULL,
		look_at = NULL, looked_at = NULL, log_seen = NULL, repair_pause = 0, repair_at = NULL,
		asked_at = CASE WHEN id_at_hub IS NULL THEN w.asked_at END,
		state = CASE WHEN w.desired = 'gone' THEN 'removing' WHEN id_at_hub IS NULL THEN 'waiting' ELSE 'mending' END
	WHERE w.id = webhook AND w.hub_webhook_id IS DISTINCT FROM id_at_hub;
END
$$;
COMMENT ON FUNCTION webchatt._webhook_is(int, text) IS 'webchatt''s own: notes another id of a webhook at its hub, whose secret is not known; or that it has none';

CREATE FUNCTION webchatt._take_secret(webhook int, new_secret text) RETURNS void
LANGUAGE sql SET search_path = pg_catalog, pg_temp AS $$
	UPDATE webchatt.hub_webhooks w SET
		old_secret = CASE WHEN w.secret IS NULL OR w.secret = new_secret THEN w.old_secret
			WHEN w.desired = 'rotated' AND w.overlap <= interval '0' THEN NULL ELSE w.secret END,
		old_secret_until = CASE WHEN w.secret IS NULL OR w.secret = new_secret THEN w.old_secret_until
			ELSE now() + coalesce(w.overlap, interval '1 hour') END,
		secret = new_secret, changed_at = now(), sign_by = NULL, overlap = NULL,
		desired = CASE w.desired WHEN 'rotated' THEN 'registered' ELSE w.desired END
	WHERE w.id = webhook
$$;
COMMENT ON FUNCTION webchatt._take_secret(int, text) IS 'webchatt''s own: a webhook has a new signing secret';

CREATE FUNCTION webchatt._note_verified(webhook int, verified boolean, at_hub text) RETURNS void
LANGUAGE sql SET search_path = pg_catalog, pg_temp AS $$
	UPDATE webchatt.hub_webhooks w SET actual_endpoint = at_hub, state = CASE WHEN verified THEN 'verified' ELSE 'verifying' END,
		verified_at = CASE WHEN verified THEN coalesce(w.verified_at, now()) END,
		unverified_since = CASE WHEN NOT verified THEN coalesce(w.unverified_since, now()) END,
		poll_at = CASE WHEN NOT verified THEN coalesce(w.poll_at, now() + interval '1 second') END,
		polls = CASE WHEN verified THEN 0 ELSE w.polls END,
		again_at = CASE WHEN NOT verified THEN coalesce(w.again_at, now() + interval '3 minutes') END,
		-- events that came in between may have failed
		look_at = CASE WHEN verified AND w.state <> 'verified' THEN NULL ELSE w.look_at END,
		last_error = CASE WHEN NOT verified THEN w.last_error END, last_error_at = CASE WHEN NOT verified THEN w.last_error_at END,
		tries = CASE WHEN verified THEN 0 ELSE w.tries END, next_try = NULL
	WHERE w.id = webhook
$$;
COMMENT ON FUNCTION webchatt._note_verified(int, boolean, text) IS 'webchatt''s own: a webhook is as desired, verified or not yet';

----------------------------------------------------------------------------
-- The worker's: registration
----------------------------------------------------------------------------

/* What to do about one webhook, by the hub's list; NULL: nothing. */
CREATE FUNCTION webchatt._webhook_step(w webchatt.hub_webhooks, listed jsonb, redefines boolean) RETURNS jsonb
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	mine jsonb;
	ours jsonb;
	wrong jsonb := '{}';
	base CONSTANT text := '/v1/organization/webhook';
	of_it text;
BEGIN
	-- the one that we know, else the verified, else the oldest
	SELECT coalesce(jsonb_agg(e ORDER BY e ->> 'id' = w.hub_webhook_id DESC NULLS LAST, e ->> 'verified' DESC,
		e ->> 'created', e ->> 'id'), '[]') INTO mine
	FROM jsonb_array_elements(listed) e WHERE e ->> 'type' = w.event_type;
	ours := mine -> 0;
	of_it := base || '/' || (ours ->> 'id');

	IF w.hub_webhook_id IS NOT NULL AND ours ->> 'id' IS DISTINCT FROM w.hub_webhook_id THEN
		-- a list that changes while its pages are read may leave something out
		RETURN jsonb_build_object('do', 'confirm', 'webhook', w.id, 'method', 'GET', 'path', base || '/' || w.hub_webhook_id);
	END IF;
	IF w.desired = 'gone' THEN
		IF ours IS NOT NULL THEN
			RETURN jsonb_build_object('do', 'delete', 'webhook', w.id, 'id', ours -> 'id', 'method', 'DELETE', 'path', of_it);
		END IF;
		IF w.asked_at > now() - interval '1 minute' THEN
			-- the hub was asked to make it and did not answer: it may come yet
			UPDATE webchatt.hub_webhooks x SET next_try = w.asked_at + interval '1 minute' WHERE x.id = w.id;
			RETURN NULL;
		END IF;
		PERFORM webchatt._webhook_is(w.id, NULL);
		DELETE FROM webchatt.hub_webhooks x WHERE x.id = w.id;
		RETURN NULL;
	END IF;
	IF ours IS NULL THEN
		UPDATE webchatt.hub_webhooks x SET state = 'creating', asked_at = now() WHERE x.id = w.id;
		RETURN jsonb_build_object('do', 'create', 'webhook', w.id, 'method', 'POST', 'path', base, 'body', jsonb_build_object(
			'label', w.label, 'endpoint', w.endpoint, 'eventType', w.event_type,
			'authenticationProtocol', 'NoAuthentication', 'requiresSignature', true));
	END IF;
	IF w.hub_webhook_id IS NULL THEN
		PERFORM webchatt._webhook_is(w.id, ours ->> 'id');
		SELECT x.* INTO w FROM webchatt.hub_webhooks x WHERE x.id = w.id;
	END IF;

	IF webchatt._bare_url(ours ->> 'endpoint') IS DISTINCT FROM w.endpoint THEN
		wrong := wrong || jsonb_build_object('endpoint', w.endpoint);
	END IF;
	IF NOT (ours ->> 'active')::boolean THEN
		wrong := wrong || '{"active": true}';
	END IF;
	IF NOT (ours ->> 'signed')::boolean AND w.sign_by IS DISTINCT FROM 'on' THEN
		wrong := wrong || '{"requiresSignature": true}';
	END IF;
	IF wrong <> '{}' THEN
		UPDATE webchatt.hub_webhooks x SET state = 'mending', actual_endpoint = ours ->> 'endpoint' WHERE x.id = w.id;
		RETURN jsonb_build_object('do', 'patch', 'webhook', w.id, 'id', ours -> 'id', 'method', 'PATCH', 'path', of_it, 'body', wrong);
	END IF;
	IF w.secret IS NULL OR w.desired = 'rotated' THEN
		UPDATE webchatt.hub_webhooks x SET state = 'mending', actual_endpoint = ours ->> 'endpoint' WHERE x.id = w.id;
		IF w.sign_by IS NULL AND redefines THEN
			RETURN jsonb_build_object('do', 'sign', 'webhook', w.id, 'id', ours -> 'id', 'method', 'POST', 'path', of_it || '/signature', 'body', '{}'::jsonb);
		END IF;
		RETURN jsonb_build_object('do', 'sign by ' || coalesce(w.sign_by, 'patch'), 'webhook', w.id, 'id', ours -> 'id', 'method', 'PATCH', 'path', of_it,
			'body', jsonb_build_object('requiresSignature', w.sign_by IS DISTINCT FROM 'off'));
	END IF;
	SELECT e INTO ours FROM jsonb_array_elements(mine) WITH ORDINALITY m (e, n)
	WHERE n > 1 AND ((mine #>> '{0,verified}')::boolean OR NOT (e ->> 'verified')::boolean) ORDER BY n DESC LIMIT 1;
	IF FOUND THEN
		RETURN jsonb_build_object('do', 'delete', 'webhook', w.id, 'id', ours -> 'id', 'method', 'DELETE', 'path', base || '/' || (ours ->> 'id'));
	END IF;
	PERFORM webchatt._note_verified(w.id, (mine #>> '{0,verified}')::boolean, mine #>> '{0,endpoint}');
	RETURN NULL;
END
$$;
COMMENT ON FUNCTION webchatt._webhook_step(webchatt.hub_webhooks, jsonb, boolean) IS 'webchatt''s own: the next call by which a webhook comes nearer to what is desired';

/* A hub that has not verified it: ask whether it has, and now and then have it try anew. */
CREATE FUNCTION webchatt._verification_step(hub int) RETURNS jsonb
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	pauses CONSTANT int[] := '{1,2,5,10,20,30,60}';
	w webchatt.hub_webhooks;
	path text;
BEGIN
	SELECT x.* INTO w FROM webchatt.hub_webhooks x
	WHERE x.hub_id = hub AND x.state = 'verifying' AND x.hub_webhook_id IS NOT NULL
		AND coalesce(x.next_try, '-infinity') <= now() AND least(x.poll_at, x.again_at) <= now()
	ORDER BY least(x.poll_at, x.again_at) LIMIT 1;
	IF NOT FOUND THEN
		RETURN NULL;
	END IF;
	path := '/v1/organization/webhook/' || w.hub_webhook_id;
	IF w.again_at <= now() THEN
		UPDATE webchatt.hub_webhooks x SET again = x.again + 1, again_at = now() + interval '10 minutes', polls = 0, poll_at = now() + interval '1 second'
		WHERE x.id = w.id;
		RETURN jsonb_build_object('do', 'patch', 'webhook', w.id, 'id', w.hub_webhook_id, 'method', 'PATCH', 'path', path,
			'body', jsonb_build_object('endpoint', format('%s?again=%s', w.endpoint, w.again + 1)));
	END IF;
	UPDATE webchatt.hub_webhooks x SET polls = x.polls + 1,
		poll_at = now() + make_interval(secs => pauses[least(x.polls + 2, cardinality(pauses))]) WHERE x.id = w.id;
	RETURN jsonb_build_object('do', 'poll', 'webhook', w.id, 'method', 'GET', 'path', path);
END
$$;
COMMENT ON FUNCTION webchatt._verification_step(int) IS 'webchatt''s own: the next call by which a verification is followed';

CREATE FUNCTION webchatt._needs_round(w webchatt.hub_webhooks) RETURNS boolean
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
	SELECT coalesce(w.next_try, '-infinity') <= now() AND (w.desired <> 'registered' OR w.state NOT IN ('verifying', 'verified')
		OR w.secret IS NULL OR w.endpoint IS DISTINCT FROM webchatt._bare_url(w.actual_endpoint))
$$;
COMMENT ON FUNCTION webchatt._needs_round(webchatt.hub_webhooks) IS 'webchatt''s own: is it known that something about a webhook is not as desired?';

CREATE FUNCTION webchatt._registration_step(hub int) RETURNS jsonb
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	k webchatt.hub_reconciliation;
	w webchatt.hub_webhooks;
	step jsonb;
BEGIN
	SELECT x.* INTO k FROM webchatt.hub_reconciliation x WHERE x.hub_id = hub;
	IF k.list_offset IS NULL AND (CASE WHEN k.listed IS NULL THEN k.wanted <> k.heeded OR coalesce(k.next_round, '-infinity') <= now()
		OR EXISTS (SELECT FROM webchatt.hub_webhooks x WHERE x.hub_id = hub AND webchatt._needs_round(x))
		ELSE k.listed_at < now() - interval '1 minute' END) THEN
		k.list_offset := 0;
		UPDATE webchatt.hub_reconciliation x SET list_offset = 0, listed = '[]', listed_at = NULL, heeded = x.wanted WHERE x.hub_id = hub;
	END IF;
	IF k.list_offset IS NOT NULL THEN
		RETURN jsonb_build_object('do', 'list', 'offset', k.list_offset, 'method', 'GET',
			'path', format('/v1/organization/webhook?offset=%s&limit=50', k.list_offset));
	END IF;
	IF k.listed IS NULL THEN
		RETURN webchatt._verification_step(hub);
	END IF;
	FOR w IN SELECT x.* FROM webchatt.hub_webhooks x WHERE x.hub_id = hub AND coalesce(x.next_try, '-infinity') <= now() ORDER BY x.event_type LOOP
		step := webchatt._webhook_step(w, k.listed, k.redefines);
		IF step IS NOT NULL THEN
			RETURN step;
		END IF;
	END LOOP;
	UPDATE webchatt.hub_reconciliation x SET listed = NULL, listed_at = NULL,
		next_round = now() + current_setting('webchatt.reconcile_interval')::interval WHERE x.hub_id = hub;
	UPDATE webchatt.hub_webhooks x SET checked_at = now() WHERE x.hub_id = hub AND x.state IN ('verified', 'verifying');
	RETURN NULL;
END
$$;
COMMENT ON FUNCTION webchatt._registration_step(int) IS 'webchatt''s own: the next call by which the webhooks at a hub are kept; NULL: none now';

CREATE FUNCTION webchatt._take_list(k webchatt.hub_reconciliation, doc jsonb) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	our_label text;
	found jsonb := coalesce(k.listed, '[]');
	e jsonb;
	n int;
	total numeric;
BEGIN
	IF jsonb_typeof(doc -> 'data') IS DISTINCT FROM 'array' THEN
		PERFORM webchatt._strange('it is no list of webhooks');
	END IF;
	n := jsonb_array_length(doc -> 'data');
	-- a page has 50; everybody waits with a long one
	IF n > 1000 THEN
		PERFORM webchatt._strange('it lists webhooks without end');
	END IF;
	SELECT min(w.label) INTO our_label FROM webchatt.hub_webhooks w WHERE w.hub_id = k.hub_id;
	FOR e IN SELECT x FROM jsonb_array_elements(doc -> 'data') x WHERE jsonb_typeof(x) = 'object' AND x ->> 'label' = our_label LOOP
		-- one that cannot be read keeps nobody from the others
		IF NOT webchatt._has_webhook_id(e) THEN
			UPDATE webchatt.hub_reconciliation x SET list_skipped = x.list_skipped + 1 WHERE x.hub_id = k.hub_id;
			CONTINUE;
		END IF;
		e := webchatt._webhook_seen(e);
		IF NOT EXISTS (SELECT FROM jsonb_array_elements(found) f WHERE f -> 'id' = e -> 'id') THEN
			found := found || jsonb_build_array(e);
		END IF;
	END LOOP;
	IF jsonb_typeof(doc #> '{pagination,total}') = 'number' THEN
		total := (doc #>> '{pagination,total}')::numeric;
	END IF;
	IF jsonb_array_length(found) > 1000 OR (n > 0 AND k.list_offset > 10000) THEN
		PERFORM webchatt._strange('it lists webhooks without end');
	END IF;
	IF n = 0 OR k.list_offset + n >= total OR (total IS NULL AND n < 50) THEN
		UPDATE webchatt.hub_reconciliation x SET list_offset = NULL, listed = found, listed_at = now() WHERE x.hub_id = k.hub_id;
	ELSE
		UPDATE webchatt.hub_reconciliation x SET list_offset = k.list_offset + n, listed = found WHERE x.hub_id = k.hub_id;
	END IF;
END
$$;
COMMENT ON FUNCTION webchatt._take_list(webchatt.hub_reconciliation, jsonb) IS 'webchatt''s own: takes in a page of a hub''s list of webhooks, of which it minds ours only';

CREATE FUNCTION webchatt._start_over(hub int) RETURNS void
LANGUAGE sql SET search_path = pg_catalog, pg_temp AS $$
	UPDATE webchatt.hub_reconciliation k SET list_offset = 0, listed = '[]', listed_at = NULL WHERE k.hub_id = hub
$$;
COMMENT ON FUNCTION webchatt._start_over(int) IS 'webchatt''s own: has the hub''s list read again';

/* Put what is known of a webhook now in its place in the list; NULL: it is gone. */
CREATE FUNCTION webchatt._relist(hub int, id_at_hub text, e jsonb) RETURNS void
LANGUAGE sql SET search_path = pg_catalog, pg_temp AS $$
	UPDATE webchatt.hub_reconciliation k SET listed = coalesce((SELECT jsonb_agg(x) FROM jsonb_array_elements(k.listed) x
		WHERE x ->> 'id' <> id_at_hub), '[]') || CASE WHEN e IS NULL THEN '[]' ELSE jsonb_build_array(e) END
	WHERE k.hub_id = hub AND k.listed IS NOT NULL
$$;
COMMENT ON FUNCTION webchatt._relist(int, text, jsonb) IS 'webchatt''s own: changes a webhook in webchatt.hub_reconciliation.listed';

CREATE FUNCTION webchatt._take_created(w webchatt.hub_webhooks, doc jsonb) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	e jsonb := webchatt._webhook_in(doc);
	secret text := webchatt._secret_in(doc);
	tag text;
BEGIN
	IF e IS NULL THEN
		PERFORM webchatt._strange('it is no webhook');
	END IF;
	e := webchatt._webhook_seen(e) || jsonb_build_object('type', w.event_type);
	IF e ->> 'label' <> w.label THEN
		-- by another label it would not be found again, and made again and again
		SELECT k.tag INTO tag FROM webchatt.hub_reconciliation k WHERE k.hub_id = w.hub_id;
		IF strpos(e ->> 'label', tag) = 0 THEN
			UPDATE webchatt.hub_webhooks x SET asked_at = NULL WHERE x.id = w.id;
			PERFORM webchatt._reconcile_failed(w.hub_id, jsonb_build_object('webhook', w.id),
				format('the hub changes labels (%s): what was made cannot be known again, and has to be deleted by hand', e ->> 'id'), 'row', '1 hour');
			RETURN;
		END IF;
		UPDATE webchatt.hub_webhooks x SET label = e ->> 'label' WHERE x.hub_id = w.hub_id;
	END IF;
	PERFORM webchatt._webhook_is(w.id, e ->> 'id');
	IF secret IS NOT NULL THEN
		PERFORM webchatt._take_secret(w.id, secret);
	END IF;
	PERFORM webchatt._relist(w.hub_id, e ->> 'id', e || jsonb_build_object('endpoint', coalesce(e ->> 'endpoint', w.endpoint)));
END
$$;
COMMENT ON FUNCTION webchatt._take_created(webchatt.hub_webhooks, jsonb) IS 'webchatt''s own: the hub has made a webhook; its id and its secret are kept together';

CREATE FUNCTION webchatt._take_patched(w webchatt.hub_webhooks, step jsonb, doc jsonb) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	body jsonb := step -> 'body';
	id_at_hub text := step ->> 'id';
	secret text := webchatt._secret_in(doc);
	e jsonb := webchatt._webhook_in(doc);
	was jsonb;
	k webchatt.hub_reconciliation;
BEGIN
	SELECT x.* INTO k FROM webchatt.hub_reconciliation x WHERE x.hub_id = w.hub_id;
	SELECT x INTO was FROM jsonb_array_elements(coalesce(k.listed, '[]')) x WHERE x ->> 'id' = id_at_hub;
	-- what the answer does not say is taken for what was asked
	e := coalesce(was, jsonb_build_object('id', id_at_hub, 'type', w.event_type, 'endpoint', w.actual_endpoint,
			'active', true, 'verified', w.verified_at IS NOT NULL, 'signed', true))
		|| CASE WHEN body ? 'endpoint' THEN jsonb_build_object('endpoint', body -> 'endpoint', 'verified', false) ELSE '{}' END
		|| CASE WHEN body ? 'active' THEN '{"active": true}' ELSE '{}'::jsonb END
		|| CASE WHEN body ? 'requiresSignature' THEN jsonb_build_object('signed', body -> 'requiresSignature') ELSE '{}' END
		|| CASE WHEN e IS NULL THEN '{}' ELSE jsonb_strip_nulls(jsonb_build_object('endpoint', left(e ->> 'endpoint', 4096),
			'active', CASE jsonb_typeof(e -> 'active') WHEN 'boolean' THEN e -> 'active' END,
			'verified', CASE jsonb_typeof(e -> 'isVerified') WHEN 'boolean' THEN e -> 'isVerified' END)) END;
	IF secret IS NOT NULL THEN
		PERFORM webchatt._take_secret(w.id, secret);
	END IF;
	IF webchatt._bare_url(e ->> 'endpoint') <> webchatt._bare_url(body ->> 'endpoint') THEN
		PERFORM webchatt._strange(format('it has %s for an endpoint, not %s', e ->> 'endpoint', body ->> 'endpoint'));
	END IF;
	IF body ? 'active' AND NOT (e ->> 'active')::boolean THEN
		PERFORM webchatt._strange('it does not make the webhook active');
	END IF;
	IF body ? 'endpoint' THEN
		UPDATE webchatt.hub_webhooks x SET actual_endpoint = e ->> 'endpoint', verified_at = CASE WHEN (e ->> 'verified')::boolean THEN x.verified_at END,
			poll_at = NULL, polls = 0, again_at = CASE WHEN k.listed IS NULL THEN x.again_at END,
			unverified_since = CASE WHEN k.listed IS NULL THEN x.unverified_since END
		WHERE x.id = w.id;
	END IF;
	PERFORM webchatt._relist(w.hub_id, id_at_hub, e);
	IF k.listed IS NULL THEN
		PERFORM webchatt._note_verified(w.id, (e ->> 'verified')::boolean, e ->> 'endpoint');
	END IF;
END
$$;
COMMENT ON FUNCTION webchatt._take_patched(webchatt.hub_webhooks, jsonb, jsonb) IS 'webchatt''s own: the hub has changed a webhook';

/* The hub was asked for a new secret; where it gave none, try the next way. */
CREATE FUNCTION webchatt._take_signed(w webchatt.hub_webhooks, step jsonb, doc jsonb) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	secret text := webchatt._secret_in(doc);
BEGIN
	IF step ->> 'do' = 'sign by off' THEN
		UPDATE webchatt.hub_webhooks x SET sign_by = 'on' WHERE x.id = w.id;
	ELSIF secret IS NOT NULL THEN
		PERFORM webchatt._take_secret(w.id, secret);
		UPDATE webchatt.hub_webhooks x SET look_at = NULL WHERE x.id = w.id;
	ELSIF step ->> 'do' = 'sign by on' THEN
		UPDATE webchatt.hub_webhooks x SET sign_by = NULL WHERE x.id = w.id;
		PERFORM webchatt._reconcile_failed(w.hub_id, step, 'the hub turned signing on, but gave no secret', 'row');
	ELSE
		UPDATE webchatt.hub_webhooks x SET sign_by = CASE step ->> 'do' WHEN 'sign' THEN 'patch' ELSE 'off' END WHERE x.id = w.id;
	END IF;
END
$$;
COMMENT ON FUNCTION webchatt._take_signed(webchatt.hub_webhooks, jsonb, jsonb) IS 'webchatt''s own: the hub has answered a call for a new secret';

CREATE FUNCTION webchatt._take_registration(k webchatt.hub_reconciliation, step jsonb, doc jsonb) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	w webchatt.hub_webhooks;
	e jsonb;
	why text;
BEGIN
	IF step ->> 'do' = 'list' THEN
		PERFORM webchatt._take_list(k, doc);
		RETURN;
	END IF;
	SELECT x.* INTO w FROM webchatt.hub_webhooks x WHERE x.id = (step ->> 'webhook')::int AND x.hub_id = k.hub_id FOR UPDATE;
	IF NOT FOUND THEN
		PERFORM webchatt._start_over(k.hub_id);	-- somebody deleted the row
		RETURN;
	END IF;
	CASE step ->> 'do'
		WHEN 'create' THEN
			PERFORM webchatt._take_created(w, doc);
		WHEN 'patch' THEN
			PERFORM webchatt._take_patched(w, step, doc);
		WHEN 'delete' THEN
			PERFORM webchatt._relist(k.hub_id, step ->> 'id', NULL);
			IF step ->> 'id' = w.hub_webhook_id THEN
				PERFORM webchatt._webhook_is(w.id, NULL);
			END IF;
		WHEN 'confirm', 'poll' THEN
			e := webchatt._webhook_in(doc);
			IF e IS NULL THEN
				PERFORM webchatt._strange('it is no webhook');
			END IF;
			-- another webchatt says what it met
			why := regexp_replace(left(e ->> 'lastError', 500), '[[:cntrl:]]', ' ', 'g');
			e := webchatt._webhook_seen(e);
			IF step ->> 'do' = 'poll' THEN
				PERFORM webchatt._note_verified(w.id, (e ->> 'verified')::boolean, e ->> 'endpoint');
				UPDATE webchatt.hub_webhooks x SET last_error_at = now(),
					last_error = format('the hub has not verified %s yet: %s', x.endpoint, coalesce(why, 'can it reach it?'))
				WHERE x.id = w.id AND x.state = 'verifying' AND (x.polls >= 3 OR why IS NOT NULL);
			ELSIF e ->> 'id' = w.hub_webhook_id AND e ->> 'label' = w.label AND e ->> 'type' = w.event_type THEN
				PERFORM webchatt._relist(k.hub_id, e ->> 'id', e);
			ELSE
				PERFORM webchatt._webhook_is(w.id, NULL);	-- ours is what has our label
			END IF;
		ELSE
			PERFORM webchatt._take_signed(w, step, doc);
	END CASE;
END
$$;
COMMENT ON FUNCTION webchatt._take_registration(webchatt.hub_reconciliation, jsonb, jsonb) IS 'webchatt''s own: takes in a hub''s answer about our webhooks';

/* What a 404 or 405 means that is an answer, not an error; false: it is an error. */
CREATE FUNCTION webchatt._take_absence(k webchatt.hub_reconciliation, step jsonb, status int) RETURNS boolean
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	webhook int := (step ->> 'webhook')::int;
BEGIN
	CASE
		WHEN status = 404 AND step ->> 'do' IN ('delete', 'confirm') THEN
			IF step ->> 'do' = 'delete' THEN
				PERFORM webchatt._relist(k.hub_id, step ->> 'id', NULL);
			END IF;
			PERFORM webchatt._webhook_is(w.id, NULL) FROM webchatt.hub_webhooks w
			WHERE w.id = webhook AND (step ->> 'do' = 'confirm' OR w.hub_webhook_id = step ->> 'id');
		WHEN step ->> 'do' = 'sign' THEN
			-- no such call; or no such webhook, which the next one tells
			UPDATE webchatt.hub_webhooks w SET sign_by = 'patch' WHERE w.id = webhook;
			UPDATE webchatt.hub_reconciliation x SET redefines = false WHERE x.hub_id = k.hub_id;
		WHEN status = 404 AND step ->> 'do' IN ('poll', 'patch', 'sign by patch', 'sign by off', 'sign by on') THEN
			UPDATE webchatt.hub_webhooks w SET sign_by = NULL WHERE w.id = webhook;
			UPDATE webchatt.hub_reconciliation x SET redefines = true WHERE x.hub_id = k.hub_id AND step ->> 'do' LIKE 'sign by%';
			PERFORM webchatt._reconcile_failed(k.hub_id, step, 'the hub says that it has no such webhook (404)', 'row');
			UPDATE webchatt.hub_webhooks w SET state = 'mending' WHERE w.id = webhook AND w.desired <> 'gone';
		ELSE
			RETURN false;
	END CASE;
	RETURN true;
END
$$;
COMMENT ON FUNCTION webchatt._take_absence(webchatt.hub_reconciliation, jsonb, int) IS 'webchatt''s own: takes in that the hub does not have what was asked for';
----------------------------------------------------------------------------
-- Hub connections that keep themselves: failed deliveries that are asked for again
----------------------------------------------------------------------------

/*
 * Of these the ones whose message is here: nothing needs to be asked for.  By
 * index whatever the statistics say, and planned each time.
 */
CREATE FUNCTION webchatt._repairs_present(hub int, ids bigint[]) RETURNS int
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET jit = off
SET enable_seqscan = off SET enable_bitmapscan = off SET enable_hashjoin = off SET enable_mergejoin = off AS $$
DECLARE
	n int := 0;
BEGIN
	IF cardinality(ids) > 0 THEN
		EXECUTE 'UPDATE webchatt.repairs r SET state = ''repaired'', done_at = now(), new_log_id = NULL FROM ('
			' SELECT x.id FROM webchatt.repairs x CROSS JOIN webchatt.channels c CROSS JOIN LATERAL ('
			'  (SELECT 1 FROM webchatt.messages m WHERE m.channel_id = c.id AND m.hub_message_id = x.message_id'
			'   AND webchatt.hub_message_key(m.channel_id, m.hub_message_id) = webchatt.hub_message_key(c.id, x.message_id) LIMIT 1) UNION ALL'
			'  (SELECT 1 FROM webchatt.rejects j WHERE j.channel_id = c.id AND j.event_type = ''Message'' AND j.event_key = x.message_id LIMIT 1)) here'
			' WHERE x.id = ANY ($2) AND x.state IN (''waiting'', ''asked'') AND x.event_type = ''Message'' AND c.hub_id = $1) y'
			' WHERE r.id = y.id' USING hub, ids;
		GET DIAGNOSTICS n = ROW_COUNT;
	END IF;
	RETURN n;
END
$$;
COMMENT ON FUNCTION webchatt._repairs_present(int, bigint[]) IS 'webchatt''s own: ends repairs whose message is in webchatt.messages or webchatt.rejects';

CREATE FUNCTION webchatt._repair_pause(tries int) RETURNS interval
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
	SELECT make_interval(secs => least(3600, 30 * 4 ^ least(greatest(tries - 1, 0), 9)))
$$;
COMMENT ON FUNCTION webchatt._repair_pause(int) IS 'webchatt''s own: the pause before an event is asked for once more, 30 s to 1 h';

/* Not an answer of ours: nobody could be reached, or a proxy said so, or we were too busy. */
CREATE FUNCTION webchatt._was_unreachable(status_code int) RETURNS boolean
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
	SELECT status_code IN (0, 408, 429, 502, 503, 504) OR status_code BETWEEN 520 AND 530
$$;
COMMENT ON FUNCTION webchatt._was_unreachable(int) IS 'webchatt''s own: does an HTTP status say that a delivery did not reach us?';

/* A retry that failed: once more later, or not. */
CREATE FUNCTION webchatt._repair_failed(repair bigint, log text, at timestamptz, code int, said text) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	r webchatt.repairs;
	uncounted boolean := webchatt._was_unreachable(code);
	n int;
BEGIN
	SELECT x.* INTO r FROM webchatt.repairs x WHERE x.id = repair;
	n := CASE WHEN uncounted THEN greatest(r.tries - 1, 0) ELSE r.tries END;
	UPDATE webchatt.repairs x SET log_id = log, failed_at = at, status_code = code, new_log_id = NULL, tries = n,
		answer = CASE WHEN n >= 5 THEN 'asked for five times: ' || coalesce(said, '') ELSE said END,
		state = CASE WHEN n >= 5 THEN 'given up' ELSE 'waiting' END,
		done_at = CASE WHEN n >= 5 THEN now() END,
		next_try = CASE WHEN uncounted THEN NULL ELSE now() + webchatt._repair_pause(n) END
	WHERE x.id = repair;
	IF uncounted AND r.state = 'asked' THEN
		-- one at a time until one arrives, so that an absence does not use up their tries
		UPDATE webchatt.hub_webhooks w SET repair_pause = least(600, greatest(30, w.repair_pause * 2)),
			repair_at = now() + make_interval(secs => least(600, greatest(30, w.repair_pause * 2)))
		WHERE w.hub_id = r.hub_id AND w.hub_webhook_id = r.hub_webhook_id AND coalesce(w.repair_at, '-infinity') <= r.asked_at;
	END IF;
END
$$;
COMMENT ON FUNCTION webchatt._repair_failed(bigint, text, timestamptz, int, text) IS 'webchatt''s own: the attempt that was asked for failed as well';

/* It becomes part of a path. */
CREATE FUNCTION webchatt._is_log_line(e jsonb) RETURNS boolean
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
	SELECT jsonb_typeof(e) = 'object' AND coalesce(jsonb_typeof(e -> 'id') IN ('string', 'number')
		AND e ->> 'id' ~ '^[A-Za-z0-9][A-Za-z0-9._:~-]{0,127}$', false)
$$;
COMMENT ON FUNCTION webchatt._is_log_line(jsonb) IS 'webchatt''s own: is it a line of a hub''s log that can be read?';

/* One line of the hub's log of failed deliveries; returns the row to look after, NULL: none new. */
CREATE FUNCTION webchatt._take_log_line(w webchatt.hub_webhooks, e jsonb, at timestamptz) RETURNS bigint
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	r webchatt.repairs;
	log text := e ->> 'id';
	message text := CASE WHEN length(e ->> 'messageId') BETWEEN 1 AND 255 THEN e ->> 'messageId' END;
	delivery text := CASE WHEN length(e ->> 'deliveryId') BETWEEN 1 AND 100 THEN e ->> 'deliveryId' END;
	code int := CASE WHEN e ->> 'statusCode' ~ '^[0-9]{1,3}$' THEN (e ->> 'statusCode')::int ELSE 0 END;
	said text := nullif(left(regexp_replace(coalesce(e ->> 'responseBody', e ->> 'error', ''), '[[:cntrl:]]+', ' ', 'g'), 500), '');
	for_good boolean := code = 404 AND strpos(said, 'unknown_channel') > 0;
	key text := CASE WHEN delivery IS NOT NULL THEN 'd:' || delivery
		WHEN message IS NOT NULL AND w.event_type = 'Message' THEN 'm:' || message ELSE 'l:' || log END;
BEGIN
	-- the attempt that we asked for?
	SELECT x.* INTO r FROM webchatt.repairs x
	WHERE x.hub_id = w.hub_id AND x.hub_webhook_id = w.hub_webhook_id AND x.new_log_id = log LIMIT 1;
	IF FOUND THEN
		IF r.state IN ('asked', 'repaired') AND r.log_id <> log THEN
			PERFORM webchatt._repair_failed(r.id, log, at, code, said);
		END IF;
		RETURN NULL;
	END IF;
	SELECT x.* INTO r FROM webchatt.repairs x
	WHERE x.hub_id = w.hub_id AND x.hub_webhook_id = w.hub_webhook_id AND x.event_key = key;
	IF NOT FOUND THEN
		INSERT INTO webchatt.repairs AS x (hub_id, hub_webhook_id, event_type, event_key, log_id, message_id, delivery_id,
			failed_at, status_code, answer, state, done_at)
		VALUES (w.hub_id, w.hub_webhook_id, w.event_type, key, log, message, delivery, at, code, said,
			CASE WHEN for_good THEN 'given up' ELSE 'waiting' END, CASE WHEN for_good THEN now() END)
		ON CONFLICT DO NOTHING RETURNING x.* INTO r;
		RETURN r.id;
	END IF;
	-- a further attempt at the same event, the hub's own or one whose lineage was lost
	IF r.log_id <> log AND at > r.failed_at AND r.state IN ('waiting', 'asked') THEN
		IF r.state = 'asked' AND r.new_log_id IS NULL THEN
			PERFORM webchatt._repair_failed(r.id, log, at, code, said);
		ELSE
			UPDATE webchatt.repairs x SET log_id = log, failed_at = at, status_code = code, answer = said WHERE x.id = r.id;
		END IF;
	END IF;
	RETURN NULL;
END
$$;
COMMENT ON FUNCTION webchatt._take_log_line(webchatt.hub_webhooks, jsonb, timestamptz) IS 'webchatt''s own: takes in that a delivery failed';

CREATE FUNCTION webchatt._time_in(e jsonb) RETURNS timestamptz
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp SET timezone = 'UTC' AS $$
DECLARE
	t timestamptz;
	name text;
BEGIN
	FOREACH name IN ARRAY ARRAY['createdDate', 'sendAt'] LOOP
		BEGIN
			t := CASE jsonb_typeof(e -> name)
				WHEN 'string' THEN (e ->> name)::timestamptz
				WHEN 'number' THEN to_timestamp((e ->> name)::float8 / CASE WHEN (e ->> name)::float8 > 1e11 THEN 1000 ELSE 1 END) END;
		EXCEPTION WHEN data_exception THEN
			t := NULL;
		END;
		IF isfinite(t) THEN
			RETURN t;
		END IF;
	END LOOP;
	RETURN NULL;
END
$$;
COMMENT ON FUNCTION webchatt._time_in(jsonb) IS 'webchatt''s own: when a log was written, by the hub''s clock; NULL where it does not say';

/* Everything up to the last look is known, and this is what a later look means for what was asked for before it. */
CREATE FUNCTION webchatt._look_done(w webchatt.hub_webhooks, look jsonb) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	began timestamptz := (look ->> 'began')::timestamptz;
	r webchatt.repairs;
	arrived boolean := false;
	n int := 0;
BEGIN
	PERFORM webchatt._repairs_present(w.hub_id, ARRAY(SELECT x.id FROM webchatt.repairs x
		WHERE x.hub_id = w.hub_id AND x.hub_webhook_id = w.hub_webhook_id AND x.state = 'asked' AND x.event_type = 'Message'
		ORDER BY x.failed_at LIMIT 1000));
	FOR r IN SELECT x.* FROM webchatt.repairs x
		WHERE x.hub_id = w.hub_id AND x.hub_webhook_id = w.hub_webhook_id AND x.state = 'asked' AND x.asked_at <= began - interval '1 minute'
		ORDER BY x.failed_at LIMIT 1000
	LOOP
		n := n + 1;
		IF r.event_type = 'MessageStatus' OR r.message_id IS NULL THEN
			UPDATE webchatt.repairs x SET state = 'repaired', done_at = now() WHERE x.id = r.id;
			arrived := true;
		ELSIF r.tries >= 5 THEN
			UPDATE webchatt.repairs x SET state = 'given up', done_at = now(), answer = 'asked for five times, and it is not here' WHERE x.id = r.id;
		ELSE
			UPDATE webchatt.repairs x SET state = 'waiting', new_log_id = NULL, next_try = now() + webchatt._repair_pause(r.tries) WHERE x.id = r.id;
		END IF;
	END LOOP;
	-- the hub signs with another secret than we know, for longer than an answer takes
	IF (look ->> 'mistrusted')::int > 0 AND w.changed_at < w.looked_at - interval '10 minutes'
		AND coalesce(w.mistrusted_at, '-infinity') < now() - interval '1 hour' AND w.desired = 'registered' THEN
		UPDATE webchatt.hub_webhooks x SET desired = 'rotated', overlap = interval '1 hour', mistrusted_at = now(), last_error_at = now(),
			last_error = 'the hub''s deliveries were refused as wrongly signed (401), so it is asked for a new secret'
		WHERE x.id = w.id;
	END IF;
	UPDATE webchatt.hub_webhooks x SET looked_at = began, log_skipped = coalesce((look ->> 'skipped')::int, 0), log_seen = greatest(x.log_seen, (look ->> 'newest')::timestamptz),
		repair_pause = CASE WHEN arrived THEN 0 ELSE x.repair_pause END, repair_at = CASE WHEN arrived THEN NULL ELSE x.repair_at END,
		-- null: wanted again, since this look began
		look_at = CASE WHEN x.look_at IS NULL THEN NULL WHEN n >= 1000 THEN now() + interval '1 second' WHEN EXISTS (SELECT FROM webchatt.repairs y
			WHERE y.hub_id = w.hub_id AND y.hub_webhook_id = w.hub_webhook_id AND y.state = 'asked') THEN now() + interval '20 seconds'
			ELSE now() + interval '5 minutes' END
	WHERE x.id = w.id;
	UPDATE webchatt.hub_reconciliation k SET look = NULL WHERE k.hub_id = w.hub_id;
	DELETE FROM webchatt.repairs x WHERE x.id IN (SELECT y.id FROM webchatt.repairs y
		WHERE y.done_at < now() - interval '30 days' ORDER BY y.done_at LIMIT 1000);
END
$$;
COMMENT ON FUNCTION webchatt._look_done(webchatt.hub_webhooks, jsonb) IS 'webchatt''s own: a log of failed deliveries has been read down to the last look';

CREATE FUNCTION webchatt._take_log(k webchatt.hub_reconciliation, w webchatt.hub_webhooks, step jsonb, doc jsonb) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	l jsonb := k.look;
	data jsonb := doc -> 'data';
	n int;
	total numeric;
	e jsonb;
	at timestamptz;
	first timestamptz;
	last timestamptz;
	oldest timestamptz;
	newest timestamptz := (l ->> 'newest')::timestamptz;
	ids bigint[] := '{}';
	id bigint;
	mistrusted int := (l ->> 'mistrusted')::int;
	skipped int := coalesce((l ->> 'skipped')::int, 0);
BEGIN
	IF jsonb_typeof(data) IS DISTINCT FROM 'array' THEN
		PERFORM webchatt._strange('it is no log');
	END IF;
	n := jsonb_array_length(data);
	IF n > 1000 THEN
		PERFORM webchatt._strange('a page of the log has more than 1,000 lines');
	END IF;
	IF jsonb_typeof(doc #> '{pagination,total}') = 'number' THEN
		total := (doc #>> '{pagination,total}')::numeric;
	END IF;
	FOR e IN SELECT x FROM jsonb_array_elements(data) WITH ORDINALITY d (x, i) ORDER BY i LOOP
		-- one that cannot be read keeps nobody from the others
		IF NOT webchatt._is_log_line(e) THEN
			skipped := skipped + 1;
			CONTINUE;
		END IF;
		at := webchatt._time_in(e);
		first := coalesce(first, at);
		last := coalesce(at, last);
		oldest := least(oldest, at);
		newest := greatest(newest, at);
		CONTINUE WHEN lower(e ->> 'status') = 'success';
		id := webchatt._take_log_line(w, e, coalesce(at, now()));
		ids := ids || id;
		IF id IS NOT NULL AND e ->> 'statusCode' = '401' THEN
			mistrusted := mistrusted + 1;
		END IF;
	END LOOP;
	PERFORM webchatt._repairs_present(w.hub_id, array_remove(ids, NULL));
	l := l || jsonb_build_object('newest', newest, 'mistrusted', mistrusted, 'skipped', skipped,
		'offset', (l ->> 'offset')::int + n);

	-- the newest come first, more or less; where they do not, all has to be read
	IF n = 0 OR (l ->> 'offset')::int >= total OR (total IS NULL AND n < 50)
		OR (first >= last AND last <= oldest + interval '10 minutes' AND last < w.log_seen - interval '10 minutes') THEN
		PERFORM webchatt._look_done(w, l);
		RETURN;
	END IF;
	IF (l ->> 'offset')::int % 5000 < n AND (SELECT count(*) FROM (SELECT FROM webchatt.repairs x WHERE x.hub_id = w.hub_id
		AND x.hub_webhook_id = w.hub_webhook_id AND x.state = 'waiting' LIMIT 100000) y) = 100000 THEN
		-- these first; what lies behind them is found when they are done
		UPDATE webchatt.hub_webhooks x SET look_at = now() + interval '5 minutes' WHERE x.id = w.id;
		UPDATE webchatt.hub_reconciliation x SET look = NULL, repair_error_at = now(),
			repair_error = 'more deliveries failed than are looked after at a time (100,000)' WHERE x.hub_id = w.hub_id;
		RETURN;
	END IF;
	UPDATE webchatt.hub_reconciliation x SET look = l WHERE x.hub_id = w.hub_id;
END
$$;
COMMENT ON FUNCTION webchatt._take_log(webchatt.hub_reconciliation, webchatt.hub_webhooks, jsonb, jsonb) IS 'webchatt''s own: takes in a page of a hub''s log of failed deliveries';

/* The call for retries was not heeded: nobody's try is used up. */
CREATE FUNCTION webchatt._unask(step jsonb) RETURNS void
LANGUAGE sql SET search_path = pg_catalog, pg_temp AS $$
	UPDATE webchatt.repairs r SET state = 'waiting', tries = greatest(r.tries - 1, 0)
	WHERE r.id IN (SELECT x::bigint FROM jsonb_array_elements_text(step -> 'repairs') x) AND r.state = 'asked'
$$;
COMMENT ON FUNCTION webchatt._unask(jsonb) IS 'webchatt''s own: retries were not asked for after all';

CREATE FUNCTION webchatt._take_retries(k webchatt.hub_reconciliation, w webchatt.hub_webhooks, step jsonb, doc jsonb) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	e jsonb;
	new_log text;
	r webchatt.repairs;
BEGIN
	IF step ->> 'do' = 'retry one' THEN
		doc := jsonb_build_object('results', jsonb_build_array(doc || jsonb_build_object('webhookLogId', step -> 'log')));
	END IF;
	IF jsonb_typeof(doc -> 'results') IS DISTINCT FROM 'array' THEN
		PERFORM webchatt._unask(step);
		UPDATE webchatt.hub_reconciliation x SET retry_alone = 50 WHERE x.hub_id = k.hub_id AND step ->> 'do' = 'retry';
		PERFORM webchatt._reconcile_failed(k.hub_id, step, 'the hub''s answer is strange: it has no results of retries', 'repair');
		RETURN;
	END IF;
	FOR e IN SELECT x FROM jsonb_array_elements(doc -> 'results') x WHERE jsonb_typeof(x) = 'object' LOOP
		SELECT x.* INTO r FROM webchatt.repairs x
		WHERE x.id IN (SELECT i::bigint FROM jsonb_array_elements_text(step -> 'repairs') i) AND x.log_id = e ->> 'webhookLogId' AND x.state = 'asked';
		CONTINUE WHEN NOT FOUND;
		new_log := CASE WHEN jsonb_typeof(e -> 'newLogId') = 'string' AND e ->> 'newLogId' ~ '^[A-Za-z0-9][A-Za-z0-9._:~-]{0,127}$' THEN e ->> 'newLogId' END;
		IF e -> 'success' = 'false' AND new_log IS NULL THEN
			UPDATE webchatt.repairs x SET state = CASE WHEN r.tries >= 5 THEN 'given up' ELSE 'waiting' END,
				done_at = CASE WHEN r.tries >= 5 THEN now() END, next_try = now() + webchatt._repair_pause(r.tries),
				answer = left(coalesce('the hub did not try again: ' || (e ->> 'errorMessage'), 'the hub did not try again'), 500)
			WHERE x.id = r.id;
		ELSE
			UPDATE webchatt.repairs x SET new_log_id = new_log WHERE x.id = r.id AND new_log <> x.log_id;
		END IF;
	END LOOP;
END
$$;
COMMENT ON FUNCTION webchatt._take_retries(webchatt.hub_reconciliation, webchatt.hub_webhooks, jsonb, jsonb) IS 'webchatt''s own: takes in what the hub says of the retries that it was asked for';

/* Ask for what has waited longest; what is here by now needs no asking. */
CREATE FUNCTION webchatt._retry_step(k webchatt.hub_reconciliation) RETURNS jsonb
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	w webchatt.hub_webhooks;
	ids bigint[];
	logs text[];
	alone boolean := k.retry_alone > 0;
	path text;
BEGIN
	FOR w IN SELECT x.* FROM webchatt.hub_webhooks x WHERE x.hub_id = k.hub_id AND x.hub_webhook_id IS NOT NULL AND x.secret IS NOT NULL
		AND x.verified_at IS NOT NULL AND x.desired <> 'gone' AND coalesce(x.repair_at, '-infinity') <= now() ORDER BY x.event_type
	LOOP
		FOR i IN 1 .. 20 LOOP
			SELECT array_agg(x.id) INTO ids FROM (SELECT y.id FROM webchatt.repairs y
				WHERE y.hub_id = k.hub_id AND y.hub_webhook_id = w.hub_webhook_id AND y.state = 'waiting' AND coalesce(y.next_try, '-infinity') <= now()
				ORDER BY y.failed_at, y.id LIMIT CASE WHEN alone OR w.repair_pause > 0 THEN 1 ELSE 50 END) x;
			EXIT WHEN ids IS NULL OR webchatt._repairs_present(k.hub_id, ids) = 0;
		END LOOP;
		CONTINUE WHEN ids IS NULL;
		-- in the order in which they failed
		SELECT array_agg(x.log_id ORDER BY x.failed_at, x.id), array_agg(x.id) INTO logs, ids
		FROM webchatt.repairs x WHERE x.id = ANY (ids) AND x.state = 'waiting';
		CONTINUE WHEN ids IS NULL;
		UPDATE webchatt.repairs x SET state = 'asked', asked_at = now(), tries = x.tries + 1, new_log_id = NULL WHERE x.id = ANY (ids);
		UPDATE webchatt.hub_reconciliation x SET retry_at = now() + interval '1 second', retry_alone = greatest(x.retry_alone - 1, 0) WHERE x.hub_id = k.hub_id;
		-- soon, to see whether they reach us
		UPDATE webchatt.hub_webhooks x SET look_at = least(x.look_at, now() + interval '10 seconds') WHERE x.id = w.id;
		path := format('/v1/organization/webhook/%s/webhook-log', w.hub_webhook_id);
		IF alone THEN
			RETURN jsonb_build_object('do', 'retry one', 'webhook', w.id, 'repairs', to_jsonb(ids), 'log', logs[1],
				'method', 'POST', 'path', format('%s/%s/retry', path, logs[1]), 'body', '{}'::jsonb);
		END IF;
		RETURN jsonb_build_object('do', 'retry', 'webhook', w.id, 'repairs', to_jsonb(ids),
			'method', 'POST', 'path', path || '/retry', 'body', jsonb_build_object('webhookLogIds', to_jsonb(logs)));
	END LOOP;
	RETURN NULL;
END
$$;
COMMENT ON FUNCTION webchatt._retry_step(webchatt.hub_reconciliation) IS 'webchatt''s own: the next call for retries of failed deliveries';

CREATE FUNCTION webchatt._repair_step(hub int) RETURNS jsonb
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	k webchatt.hub_reconciliation;
	w webchatt.hub_webhooks;
BEGIN
	SELECT x.* INTO k FROM webchatt.hub_reconciliation x WHERE x.hub_id = hub;
	IF k.repair_not_before > now() THEN
		RETURN NULL;
	END IF;
	-- what was asked for may have come
	IF webchatt._repairs_present(hub, ARRAY(SELECT x.id FROM webchatt.hub_webhooks y JOIN webchatt.repairs x
		ON x.hub_id = y.hub_id AND x.hub_webhook_id = y.hub_webhook_id
		WHERE y.hub_id = hub AND x.state = 'asked' AND x.event_type = 'Message' ORDER BY x.failed_at LIMIT 200)) > 0 THEN
		UPDATE webchatt.hub_webhooks x SET repair_pause = 0, repair_at = NULL WHERE x.hub_id = hub AND x.repair_pause > 0;
	END IF;
	IF k.look IS NOT NULL THEN
		SELECT x.* INTO w FROM webchatt.hub_webhooks x WHERE x.id = (k.look ->> 'webhook')::int AND x.hub_webhook_id = k.look ->> 'id';
		IF NOT FOUND THEN
			k.look := NULL;
		END IF;
	END IF;
	IF k.look IS NULL THEN
		SELECT x.* INTO w FROM webchatt.hub_webhooks x
		WHERE x.hub_id = hub AND x.hub_webhook_id IS NOT NULL AND x.desired <> 'gone' AND coalesce(x.look_at, '-infinity') <= now()
		ORDER BY x.look_at NULLS FIRST, x.event_type LIMIT 1;
		IF FOUND THEN
			k.look := jsonb_build_object('webhook', w.id, 'id', w.hub_webhook_id, 'offset', 0, 'began', now(), 'newest', NULL, 'mistrusted', 0);
			UPDATE webchatt.hub_webhooks x SET look_at = now() + interval '5 minutes' WHERE x.id = w.id;
		END IF;
		UPDATE webchatt.hub_reconciliation x SET look = k.look WHERE x.hub_id = hub;
	END IF;
	IF k.look IS NOT NULL THEN
		RETURN jsonb_build_object('do', 'log', 'webhook', w.id, 'method', 'GET', 'path', format('/v1/organization/webhook/%s/webhook-log?offset=%s&limit=50&status=%s',
			w.hub_webhook_id, k.look ->> 'offset', k.log_word));
	END IF;
	IF k.retry_at > now() THEN
		RETURN NULL;
	END IF;
	RETURN webchatt._retry_step(k);
END
$$;
COMMENT ON FUNCTION webchatt._repair_step(int) IS 'webchatt''s own: the next call by which failed deliveries are found, or asked for again; NULL: none now';

CREATE FUNCTION webchatt._take_repair(k webchatt.hub_reconciliation, step jsonb, doc jsonb) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	w webchatt.hub_webhooks;
BEGIN
	SELECT x.* INTO w FROM webchatt.hub_webhooks x WHERE x.id = (step ->> 'webhook')::int AND x.hub_id = k.hub_id FOR UPDATE;
	IF NOT FOUND OR w.hub_webhook_id IS NULL THEN
		UPDATE webchatt.hub_reconciliation x SET look = NULL WHERE x.hub_id = k.hub_id;
	ELSIF step ->> 'do' <> 'log' THEN
		PERFORM webchatt._take_retries(k, w, step, doc);
	ELSIF k.look IS NOT NULL THEN
		PERFORM webchatt._take_log(k, w, step, doc);
	END IF;
	UPDATE webchatt.hub_reconciliation x SET repair_tries = 0, repair_error = NULL, repair_error_at = NULL
	WHERE x.hub_id = k.hub_id AND x.repair_error IS NOT NULL AND coalesce(x.repair_not_before, '-infinity') <= now()
		AND x.repair_error_at < now();
END
$$;
COMMENT ON FUNCTION webchatt._take_repair(webchatt.hub_reconciliation, jsonb, jsonb) IS 'webchatt''s own: takes in a hub''s answer about failed deliveries';

/* A 4xx about logs: an answer in itself, or false. */
CREATE FUNCTION webchatt._take_repair_refusal(k webchatt.hub_reconciliation, step jsonb, status int) RETURNS boolean
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	CASE
		WHEN step ->> 'do' = 'log' AND status IN (400, 422) AND k.log_word = 'Failed' THEN
			-- the guide says Failed, the OpenAPI file Error (doc/hub-contract.md, section 2)
			UPDATE webchatt.hub_reconciliation x SET log_word = 'Error' WHERE x.hub_id = k.hub_id;
		WHEN step ->> 'do' = 'retry' THEN
			PERFORM webchatt._unask(step);
			UPDATE webchatt.hub_reconciliation x SET retry_alone = 50 WHERE x.hub_id = k.hub_id;
		WHEN step ->> 'do' = 'retry one' AND status = 404 THEN
			UPDATE webchatt.repairs r SET state = 'given up', done_at = now(), answer = 'the hub has no such log any more'
			WHERE r.id IN (SELECT x::bigint FROM jsonb_array_elements_text(step -> 'repairs') x) AND r.state = 'asked';
		ELSE
			UPDATE webchatt.hub_reconciliation x SET log_word = 'Failed', look = NULL WHERE x.hub_id = k.hub_id AND step ->> 'do' = 'log';
			UPDATE webchatt.hub_webhooks w SET look_at = now() + interval '5 minutes' WHERE w.id = (step ->> 'webhook')::int AND step ->> 'do' = 'log';
			RETURN false;
	END CASE;
	RETURN true;
END
$$;
COMMENT ON FUNCTION webchatt._take_repair_refusal(webchatt.hub_reconciliation, jsonb, int) IS 'webchatt''s own: takes in that the hub refuses a call about logs';
----------------------------------------------------------------------------
-- Hub connections that keep themselves: calls of hubs, and what is seen of all this
----------------------------------------------------------------------------

CREATE FUNCTION webchatt._reconcile_wait(hub int) RETURNS bigint
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
	SELECT greatest(50, least(60000, ceil(extract(epoch FROM min(d.due) - now()) * 1000)::bigint))
	FROM webchatt.hub_reconciliation k
	CROSS JOIN LATERAL (
		SELECT coalesce(k.next_round, now()) AS due
		UNION ALL SELECT coalesce(w.next_try, now()) FROM webchatt.hub_webhooks w WHERE w.hub_id = hub
			AND (w.desired <> 'registered' OR w.state NOT IN ('verifying', 'verified') OR w.secret IS NULL)
		UNION ALL SELECT greatest(least(w.poll_at, w.again_at), w.next_try) FROM webchatt.hub_webhooks w WHERE w.hub_id = hub AND w.state = 'verifying'
		UNION ALL SELECT greatest(coalesce(w.look_at, now()), k.repair_not_before) FROM webchatt.hub_webhooks w
			WHERE w.hub_id = hub AND w.hub_webhook_id IS NOT NULL AND w.desired <> 'gone'
		UNION ALL SELECT greatest(k.retry_at, k.repair_not_before, w.repair_at, (SELECT min(coalesce(r.next_try, now())) FROM webchatt.repairs r
				WHERE r.hub_id = hub AND r.hub_webhook_id = w.hub_webhook_id AND r.state = 'waiting')) FROM webchatt.hub_webhooks w
			WHERE w.hub_id = hub AND w.secret IS NOT NULL AND w.verified_at IS NOT NULL AND w.desired <> 'gone'
			AND EXISTS (SELECT FROM webchatt.repairs r WHERE r.hub_id = hub AND r.hub_webhook_id = w.hub_webhook_id AND r.state = 'waiting')
		UNION ALL SELECT now() + interval '2 seconds' FROM webchatt.hub_webhooks w WHERE w.hub_id = hub AND EXISTS (SELECT FROM webchatt.repairs r
			WHERE r.hub_id = hub AND r.hub_webhook_id = w.hub_webhook_id AND r.state = 'asked' AND r.event_type = 'Message')
	) d
	WHERE k.hub_id = hub
$$;
COMMENT ON FUNCTION webchatt._reconcile_wait(int) IS 'webchatt''s own: in how many milliseconds something is to be asked of a hub';

CREATE FUNCTION webchatt._hub_call(hub int, OUT method text, OUT path text, OUT body text, OUT wait_ms bigint)
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET plan_cache_mode = force_generic_plan SET jit = off AS $$
DECLARE
	k webchatt.hub_reconciliation := webchatt._reconcile_of(hub);
	url text := nullif(current_setting('webchatt.public_url', true), '');
	step jsonb;
BEGIN
	wait_ms := 60000;
	IF NOT EXISTS (SELECT FROM webchatt.hubs h WHERE h.id = hub AND h.kind = 'remote' AND h.state = 'active') THEN
		RETURN;
	END IF;
	SELECT url || '/webhooks/hubs/' || h.name INTO url FROM webchatt.hubs h WHERE h.id = hub;
	-- an UPDATE of no rows would tell the worker that the configuration changed
	IF EXISTS (SELECT FROM webchatt.hub_webhooks w WHERE w.hub_id = hub AND w.desired <> 'gone' AND w.endpoint <> url) THEN
		UPDATE webchatt.hub_webhooks w SET endpoint = url, next_try = NULL WHERE w.hub_id = hub AND w.desired <> 'gone' AND w.endpoint <> url;
	END IF;
	IF k.not_before > now() THEN
		wait_ms := least(60000, greatest(50, ceil(extract(epoch FROM k.not_before - now()) * 1000)));
		RETURN;
	END IF;
	step := coalesce(webchatt._registration_step(hub), webchatt._repair_step(hub));
	UPDATE webchatt.hub_reconciliation x SET asked = step WHERE x.hub_id = hub AND x.asked IS DISTINCT FROM step;
	IF step IS NULL THEN
		wait_ms := coalesce(webchatt._reconcile_wait(hub), 60000);
		RETURN;
	END IF;
	method := step ->> 'method';
	path := step ->> 'path';
	body := step ->> 'body';
END
$$;
COMMENT ON FUNCTION webchatt._hub_call(int) IS
	'webchatt''s own: what the worker is to ask a hub next, or in how many milliseconds it is to ask us again';

CREATE FUNCTION webchatt._hub_answered(hub int, status int, body text, error text, retry_after_ms int) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET plan_cache_mode = force_generic_plan SET jit = off AS $$
DECLARE
	k webchatt.hub_reconciliation := webchatt._reconcile_of(hub);
	step jsonb := k.asked;
	of_logs boolean := k.asked ->> 'do' IN ('log', 'retry', 'retry one');
	said text;
	scope text := 'hub';
	pause interval;
BEGIN
	IF step IS NULL THEN
		RETURN;
	END IF;
	UPDATE webchatt.hub_reconciliation x SET asked = NULL WHERE x.hub_id = hub;
	IF status BETWEEN 200 AND 299 THEN
		BEGIN
			IF of_logs THEN
				PERFORM webchatt._take_repair(k, step, nullif(body, '')::jsonb);
			ELSE
				PERFORM webchatt._take_registration(k, step, nullif(body, '')::jsonb);
			END IF;
			IF k.tries > 0 THEN
				-- it was away, or we were
				UPDATE webchatt.hub_reconciliation x SET tries = 0, not_before = NULL WHERE x.hub_id = hub;
				UPDATE webchatt.hub_webhooks w SET look_at = NULL WHERE w.hub_id = hub;
			END IF;
			RETURN;
		EXCEPTION WHEN data_exception OR program_limit_exceeded OR integrity_constraint_violation THEN
			said := CASE WHEN sqlerrm LIKE 'the hub''s answer is strange%' THEN sqlerrm ELSE 'the hub''s answer is strange: ' || sqlerrm END;
			scope := CASE WHEN of_logs THEN 'repair' WHEN step ->> 'do' = 'list' THEN 'hub' ELSE 'row' END;
			UPDATE webchatt.hub_reconciliation x SET look = NULL WHERE x.hub_id = hub AND step ->> 'do' = 'log';
			UPDATE webchatt.hub_webhooks w SET look_at = NULL WHERE w.id = (step ->> 'webhook')::int AND step ->> 'do' = 'log';
		END;
	ELSIF status IN (404, 405) AND NOT of_logs AND webchatt._take_absence(k, step, status) THEN
		RETURN;
	ELSIF status BETWEEN 400 AND 499 AND status NOT IN (401, 408, 429) THEN
		IF of_logs AND webchatt._take_repair_refusal(k, step, status) THEN
			RETURN;
		END IF;
		scope := CASE WHEN of_logs THEN 'repair' WHEN step ->> 'do' = 'list' THEN 'hub' ELSE 'row' END;
		UPDATE webchatt.hub_webhooks w SET asked_at = NULL WHERE w.id = (step ->> 'webhook')::int AND step ->> 'do' = 'create';
	ELSIF status IN (429, 503) AND retry_after_ms > 0 THEN
		pause := make_interval(secs => least(3600, retry_after_ms / 1000.0));
	ELSIF status = 401 THEN
		-- the hub is stopped, unless its key has changed meanwhile
		pause := '1 second';
	END IF;
	IF of_logs THEN
		PERFORM webchatt._unask(step);
	END IF;
	PERFORM webchatt._reconcile_failed(hub, step, coalesce(said, webchatt._answer_in_words(status, body, error)), scope, pause);
END
$$;
COMMENT ON FUNCTION webchatt._hub_answered(int, int, text, text, int) IS 'webchatt''s own: takes in what a hub answered to the last call; 0: it did not';
----------------------------------------------------------------------------
-- Views
----------------------------------------------------------------------------

CREATE FUNCTION webchatt._status(
	OUT state text, OUT launcher_pid int, OUT worker_pid int, OUT net_pid int, OUT listening text, OUT desk text,
	OUT confined boolean, OUT started_at timestamptz, OUT alive_at timestamptz, OUT last_error text, OUT last_error_at timestamptz,
	OUT corridor text, OUT queued bigint, OUT oldest_queued timestamptz, OUT overdue bigint, OUT in_flight int,
	OUT events_waiting int, OUT connections int, OUT visitors int,
	OUT events_per_second real, OUT sends_per_second real, OUT turns_per_second real,
	OUT events bigint, OUT repeats bigint, OUT rejected bigint, OUT sends bigint, OUT failures bigint,
	OUT requests bigint, OUT requests_refused bigint, OUT requests_turned_away bigint,
	OUT worker_memory bigint, OUT net_restarts bigint)
RETURNS record
LANGUAGE c STRICT AS 'MODULE_PATHNAME', 'webchatt_status';
COMMENT ON FUNCTION webchatt._status() IS 'webchatt''s own: what webchatt.status shows';

CREATE FUNCTION webchatt._hub_state(hub_id int, OUT paused_until timestamptz, OUT last_error text,
	OUT queued bigint, OUT oldest_queued timestamptz,
	OUT link_phase text, OUT link_since timestamptz, OUT link_error text, OUT link_lost bigint)
RETURNS record
LANGUAGE c STRICT AS 'MODULE_PATHNAME', 'webchatt_hub_state';
COMMENT ON FUNCTION webchatt._hub_state(int) IS 'webchatt''s own: until when and why the worker sends nothing to a hub, how much is queued for it, and how the link to it is doing';

CREATE VIEW webchatt.budgets AS
SELECT s.channel_id, k.what,
	CASE WHEN k.what <> 'paused' THEN coalesce(greatest(0, b.used -
		(coalesce(k.an_hour, 0) * extract(epoch FROM clock_timestamp() - b.at) / 3600)::bigint), 0) END AS used,
	nullif(k.an_hour, 0) AS an_hour, coalesce(b.refused, 0) AS refused
FROM (SELECT NULL::uuid AS channel_id, '' AS scope
	UNION ALL SELECT c.id, 'channel_' FROM webchatt.channels c WHERE c.public_key IS NOT NULL) s
CROSS JOIN LATERAL (VALUES
	('newcomers', current_setting('webchatt.' || s.scope || 'newcomers_per_hour', true)::bigint),
	('messages', current_setting('webchatt.' || s.scope || 'messages_per_hour', true)::bigint),
	('bytes', pg_size_bytes(current_setting('webchatt.' || s.scope || 'bytes_per_hour', true))),
	('paused', NULL)) k (what, an_hour)
LEFT JOIN webchatt.budget_levels b
	ON b.channel_id = coalesce(s.channel_id, '00000000-0000-0000-0000-000000000000') AND b.what = k.what
WHERE s.channel_id IS NOT NULL OR k.what <> 'paused';
COMMENT ON VIEW webchatt.budgets IS
	'how much visitors have brought, against webchatt.newcomers_per_hour and its like: for the database and each local channel, as of a few seconds ago';
COMMENT ON COLUMN webchatt.budgets.channel_id IS 'whose budget; null: the whole database''s';
COMMENT ON COLUMN webchatt.budgets.what IS 'newcomers, messages, bytes; or paused: new visitors while webchatt.pause_newcomers() is on';
COMMENT ON COLUMN webchatt.budgets.used IS 'what came, less what has run out since';
COMMENT ON COLUMN webchatt.budgets.an_hour IS 'what may come at once, and what runs out in an hour; null: no limit';
COMMENT ON COLUMN webchatt.budgets.refused IS 'how often something was refused because of it, ever';

CREATE VIEW webchatt.status AS
SELECT CASE WHEN s.worker_pid IS NULL AND EXISTS (SELECT FROM webchatt.restores)
	THEN s.state || '; and a dump was loaded: SELECT webchatt.finish_restore(), or let a worker see to it' ELSE s.state END AS state,
	s.launcher_pid, s.worker_pid, s.net_pid, s.listening, s.desk, s.confined, s.started_at, s.alive_at,
	s.last_error, s.last_error_at, s.corridor,
	(SELECT jsonb_object_agg(h.name, jsonb_strip_nulls(jsonb_build_object(
		'state', CASE WHEN h.state = 'active' AND hs.paused_until > clock_timestamp()
			THEN 'paused' ELSE h.state END,
		'reason', coalesce(h.state_reason, CASE WHEN hs.paused_until > clock_timestamp() THEN hs.last_error END),
		'since', CASE WHEN h.state <> 'active' THEN h.state_since END,
		'paused_until', CASE WHEN hs.paused_until > clock_timestamp() THEN hs.paused_until END,
		'queued', nullif(hs.queued, 0), 'oldest_queued', hs.oldest_queued,
		'link', CASE WHEN h.inbound = 'link' THEN jsonb_build_object('phase', coalesce(hs.link_phase, 'closed'),
			'since', hs.link_since, 'error', hs.link_error, 'lost', nullif(hs.link_lost, 0)) END)))
	 FROM webchatt.hubs h, LATERAL webchatt._hub_state(h.id) hs) AS hubs,
	s.queued, s.oldest_queued, clock_timestamp() - s.oldest_queued AS oldest_age,
	s.overdue, s.in_flight,
	s.events_waiting, s.connections, s.visitors, s.events_per_second, s.sends_per_second, s.turns_per_second,
	s.events, s.repeats, s.rejected, s.sends, s.failures,
	s.requests, s.requests_refused, s.requests_turned_away, s.worker_memory, s.net_restarts,
	(SELECT jsonb_object_agg(b.what, jsonb_build_object('used', b.used, 'an_hour', b.an_hour, 'refused', b.refused))
	 FROM webchatt.budgets b WHERE b.channel_id IS NULL) AS budgets,
	(SELECT count(*) FROM webchatt.channels c WHERE c.newcomers_paused) AS paused_channels
FROM webchatt._status() s;
COMMENT ON VIEW webchatt.status IS
	'how webchatt is doing in this database: one row, counters since the worker started';
COMMENT ON COLUMN webchatt.status.state IS 'running; or why nothing is done';
COMMENT ON COLUMN webchatt.status.launcher_pid IS 'process of the launcher, which starts the workers';
COMMENT ON COLUMN webchatt.status.worker_pid IS 'process of this database''s worker';
COMMENT ON COLUMN webchatt.status.net_pid IS 'process of webchatt-net, which talks to the network';
COMMENT ON COLUMN webchatt.status.listening IS 'addresses that visitors and webhooks connect to';
COMMENT ON COLUMN webchatt.status.desk IS 'addresses that the desk is opened at; null: webchatt.desk_listen is empty, or nobody can connect';
COMMENT ON COLUMN webchatt.status.confined IS 'whether the kernel keeps webchatt-net away from files (Landlock)';
COMMENT ON COLUMN webchatt.status.started_at IS 'when the worker started';
COMMENT ON COLUMN webchatt.status.alive_at IS
	'when the worker last came around, as it does each second; where that is longer ago it is in one transaction all the time: a trigger that takes long, a lock, a standby that has not answered';
COMMENT ON COLUMN webchatt.status.last_error IS 'what went wrong last, since the worker started';
COMMENT ON COLUMN webchatt.status.last_error_at IS 'when that was';
COMMENT ON COLUMN webchatt.status.corridor IS 'open: worker and webchatt-net understand each other';
COMMENT ON COLUMN webchatt.status.hubs IS
	'for each hub: active, paused (until when and why) or stopped (since when and why); where any are queued for it how many messages, and since when the oldest of them is; where events come by a link, that one''s phase (connecting, open, waiting, refused; closed: none is kept now), since when, why it is not open, and how many events the hub no longer had';
COMMENT ON COLUMN webchatt.status.queued IS 'messages that are queued, in memory or not, as of the last second; held ones are not';
COMMENT ON COLUMN webchatt.status.oldest_queued IS 'since when the oldest of them is queued';
COMMENT ON COLUMN webchatt.status.oldest_age IS 'how long it has been waiting';
COMMENT ON COLUMN webchatt.status.overdue IS 'messages that webchatt.overdue lists, as the worker counted them within the last minute; null: no worker runs';
COMMENT ON COLUMN webchatt.status.in_flight IS 'messages handed to webchatt-net whose outcome is not known';
COMMENT ON COLUMN webchatt.status.events_waiting IS 'events that came in and are not committed';
COMMENT ON COLUMN webchatt.status.connections IS 'HTTP connections now';
COMMENT ON COLUMN webchatt.status.visitors IS 'connections of visitors to the local hub now';
COMMENT ON COLUMN webchatt.status.events_per_second IS 'events written, over the last second or so';
COMMENT ON COLUMN webchatt.status.sends_per_second IS 'answers of hubs to sends, over the last second or so';
COMMENT ON COLUMN webchatt.status.turns_per_second IS 'transactions of the worker, over the last second or so';
COMMENT ON COLUMN webchatt.status.events IS 'events written, repeats included';
COMMENT ON COLUMN webchatt.status.repeats IS 'events that were stored before and changed nothing';
COMMENT ON COLUMN webchatt.status.rejected IS 'events put into webchatt.rejects';
COMMENT ON COLUMN webchatt.status.sends IS 'answers of hubs to sends, whatever they were';
COMMENT ON COLUMN webchatt.status.failures IS 'those among them that did not take the message';
COMMENT ON COLUMN webchatt.status.requests IS 'HTTP requests since webchatt-net started';
COMMENT ON COLUMN webchatt.status.requests_refused IS 'those answered 4xx';
COMMENT ON COLUMN webchatt.status.requests_turned_away IS 'those answered 503: too much at a time';
COMMENT ON COLUMN webchatt.status.worker_memory IS 'bytes that the worker has in PostgreSQL''s memory contexts; they level off, or something is wrong';
COMMENT ON COLUMN webchatt.status.net_restarts IS 'how often webchatt-net ended by itself since the worker started, and was started again';

COMMENT ON COLUMN webchatt.status.budgets IS 'how much visitors have brought to the database, what may come in an hour, how often it was refused; webchatt.budgets has the channels';
COMMENT ON COLUMN webchatt.status.paused_channels IS 'channels that take no new visitors now: webchatt.pause_newcomers()';

CREATE FUNCTION webchatt._typing(OUT channel_id uuid, OUT visitor text) RETURNS SETOF record
LANGUAGE c STRICT AS 'MODULE_PATHNAME', 'webchatt_typing';
COMMENT ON FUNCTION webchatt._typing() IS 'webchatt''s own: the visitors who are typing just now';

CREATE VIEW webchatt.presence AS
SELECT s.channel_id, s.visitor, count(*)::int AS sessions, min(s.since) AS since,
	EXISTS (SELECT FROM webchatt._typing() t WHERE t.channel_id = s.channel_id AND t.visitor = s.visitor) AS typing,
	(SELECT v.page_url FROM webchatt.visitors v WHERE v.channel_id = s.channel_id AND v.id = s.visitor) AS page_url,
	(SELECT v.page_title FROM webchatt.visitors v WHERE v.channel_id = s.channel_id AND v.id = s.visitor) AS page_title
FROM webchatt.sessions s
WHERE EXISTS (SELECT FROM webchatt._status() w WHERE w.corridor = 'open')
GROUP BY s.channel_id, s.visitor;
COMMENT ON VIEW webchatt.presence IS 'the visitors of local channels who are connected now';
COMMENT ON COLUMN webchatt.presence.visitor IS 'the visitor''s id';
COMMENT ON COLUMN webchatt.presence.sessions IS 'connections: one for each tab';
COMMENT ON COLUMN webchatt.presence.since IS 'when the oldest of them was made';
COMMENT ON COLUMN webchatt.presence.typing IS 'whether the visitor is typing, as of the last seconds';
COMMENT ON COLUMN webchatt.presence.page_url IS 'as in webchatt.visitors: the page that they came to last, in whichever tab; written by a stranger';
COMMENT ON COLUMN webchatt.presence.page_title IS 'as in webchatt.visitors: written by a stranger';

/*
 * By the index conversations_inbox: as many rows are read as are shown.  Where the newest message is a final
 * answer, nobody waits, also in the milliseconds until the worker has written that down.
 */
CREATE VIEW webchatt.inbox AS
SELECT c.channel_id, c.visitor, h.display_name AS channel,
	c.state = 'open' AND c.place < 2305843009213693952 AND NOT last.answers AS unanswered,
	last.created_at AS last_at, last.direction AS last_direction, last.status AS last_status,
	last.content AS last_content, last.author AS last_author, v.first_seen, v.last_seen, v.attributes,
	c.state, c.assignee, CASE WHEN NOT last.answers THEN c.waiting_since END AS waiting_since, c.place,
	v.user_id, v.verified, v.name, v.email, v.avatar, v.signed, v.page_url, v.page_title, v.referrer, v.locale, v.time_zone
FROM webchatt.conversations c
JOIN webchatt.channels h ON h.id = c.channel_id
JOIN webchatt.visitors v ON v.channel_id = c.channel_id AND v.id = c.visitor
CROSS JOIN LATERAL (
	SELECT m.direction, m.status, m.content, m.created_at, m.author, m.direction = 'out' AND m.final AS answers
	FROM webchatt.messages m
	WHERE m.channel_id = c.channel_id AND m.visitor = c.visitor
	ORDER BY m.channel_id DESC, m.visitor DESC, m.id DESC LIMIT 1) last
ORDER BY c.state, c.place, c.channel_id, c.visitor;
COMMENT ON VIEW webchatt.inbox IS
	'conversations: those in which somebody waits first, the longest wait first, then the latest; closed ones behind all others. LIMIT 50 reads 50; the next page is WHERE (state, place, channel_id, visitor) > those of the last row';
COMMENT ON COLUMN webchatt.inbox.visitor IS 'the visitor''s id';
COMMENT ON COLUMN webchatt.inbox.channel IS 'the channel''s display name';
COMMENT ON COLUMN webchatt.inbox.unanswered IS 'true: behind the visitor''s last message there is no answer, or none that is final, and the conversation is not closed';
COMMENT ON COLUMN webchatt.inbox.last_at IS 'when the last message was written';
COMMENT ON COLUMN webchatt.inbox.last_direction IS 'in: from the visitor; out: to the visitor';
COMMENT ON COLUMN webchatt.inbox.last_status IS 'where the last message stands';
COMMENT ON COLUMN webchatt.inbox.last_content IS 'the last message';
COMMENT ON COLUMN webchatt.inbox.last_author IS 'who wrote the last message, as send_message() was told';
COMMENT ON COLUMN webchatt.inbox.first_seen IS 'as in webchatt.visitors';
COMMENT ON COLUMN webchatt.inbox.last_seen IS 'as in webchatt.visitors';
COMMENT ON COLUMN webchatt.inbox.attributes IS 'as in webchatt.visitors: written by a stranger';
COMMENT ON COLUMN webchatt.inbox.state IS 'as in webchatt.conversations';
COMMENT ON COLUMN webchatt.inbox.assignee IS 'as in webchatt.conversations';
COMMENT ON COLUMN webchatt.inbox.waiting_since IS 'since when the visitor waits for an answer; null: nobody waits';
COMMENT ON COLUMN webchatt.inbox.place IS 'as in webchatt.conversations: for the next page';
COMMENT ON COLUMN webchatt.inbox.user_id IS 'as in webchatt.visitors: which user of the site that is; null: nobody has said so, signed';
COMMENT ON COLUMN webchatt.inbox.verified IS 'as in webchatt.visitors: whether there is a user_id, which the site''s server signed';
COMMENT ON COLUMN webchatt.inbox.name IS 'as in webchatt.visitors: a stranger may have written it, unless signed has it';
COMMENT ON COLUMN webchatt.inbox.email IS 'as in webchatt.visitors: a stranger may have written it, unless signed has it';
COMMENT ON COLUMN webchatt.inbox.avatar IS 'as in webchatt.visitors: a stranger may have written it, unless signed has it';
COMMENT ON COLUMN webchatt.inbox.signed IS 'as in webchatt.visitors: which of name, email and avatar the site''s server signed';
COMMENT ON COLUMN webchatt.inbox.page_url IS 'as in webchatt.visitors: written by a stranger';
COMMENT ON COLUMN webchatt.inbox.page_title IS 'as in webchatt.visitors: written by a stranger';
COMMENT ON COLUMN webchatt.inbox.referrer IS 'as in webchatt.visitors: written by a stranger';
COMMENT ON COLUMN webchatt.inbox.locale IS 'as in webchatt.visitors: written by a stranger';
COMMENT ON COLUMN webchatt.inbox.time_zone IS 'as in webchatt.visitors: written by a stranger';

CREATE FUNCTION webchatt.conversation(channel uuid, visitor text)
RETURNS TABLE (id uuid, created_at timestamptz, direction webchatt.message_direction, status webchatt.message_status,
	body text, content jsonb, error_message text, author text)
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
	SELECT m.id, m.created_at, m.direction, m.status, m.content ->> 'text', m.content, m.error_message, m.author
	FROM webchatt.messages m
	WHERE m.channel_id = conversation.channel AND m.visitor = conversation.visitor
	ORDER BY m.id
$$;
COMMENT ON FUNCTION webchatt.conversation(uuid, text) IS 'one conversation, in the order of time';

CREATE VIEW webchatt.handlers AS
SELECT r.id, r.event, pg_catalog.format('%I.%I(webchatt.%s)', r.schema_name, r.function_name,
	CASE WHEN r.event OPERATOR(pg_catalog.=) 'status' THEN 'statuses' ELSE 'messages' END) AS function,
	r.direction, r.channel_id, r.owner, webchatt._handler_problem(r.id) AS problem, r.created_at
FROM webchatt.registrations r ORDER BY r.id;
COMMENT ON VIEW webchatt.handlers IS 'the functions that are called for each message or status, in the order in which they are called';
COMMENT ON COLUMN webchatt.handlers.id IS 'its number, for webchatt.remove_handler()';
COMMENT ON COLUMN webchatt.handlers.event IS 'message: registered by webchatt.on_message(); status: by webchatt.on_status()';
COMMENT ON COLUMN webchatt.handlers.function IS 'the function';
COMMENT ON COLUMN webchatt.handlers.direction IS 'of messages: in, out or any';
COMMENT ON COLUMN webchatt.handlers.owner IS 'whose it was when it was registered: it runs with the rights of its owner';
COMMENT ON COLUMN webchatt.handlers.problem IS 'why it cannot be called, so that events go into webchatt.rejects; null: it can';
COMMENT ON COLUMN webchatt.handlers.created_at IS 'when it was registered';

/* at: an application's trigger may have written a time that no clock has. */
CREATE VIEW webchatt._feed_bodies AS
SELECT e.seq, e.event_type, e.channel_id, e.visitor, e.message_id,
	CASE
		WHEN e.event_type = 'Message' THEN
			(SELECT '{"eventType":"Message","channelId":"' || e.channel_id || '","messageId":"' || e.message_id
				|| '","from":' || to_json(e.visitor)::text
				|| ',"timestamp":' || floor(date_part('epoch', CASE WHEN isfinite(e.at) THEN e.at ELSE e.created_at END))::bigint
				|| ',"channel":"web-chatt2me","content":' || m.content::text || '}'
			FROM webchatt.messages m WHERE m.channel_id = e.channel_id AND m.id = e.message_id)
		ELSE
			'{"eventType":"MessageStatus","channelId":"' || e.channel_id || '","messageId":"' || e.message_id
				|| '","status":"' || e.status
				|| '","timestamp":' || floor(date_part('epoch', CASE WHEN isfinite(e.at) THEN e.at ELSE e.created_at END))::bigint
				|| ',"channel":"web-chatt2me"' || coalesce(',"errorCode":' || to_json(e.error_code)::text, '')
				|| coalesce(',"errorMessage":' || to_json(e.error_message)::text, '') || '}'
	END AS body
FROM webchatt.feed e;
COMMENT ON VIEW webchatt._feed_bodies IS 'webchatt''s own: webchatt.feed as others get it (doc/hub-contract.md, section 3)';
COMMENT ON COLUMN webchatt._feed_bodies.seq IS 'as in webchatt.feed';
COMMENT ON COLUMN webchatt._feed_bodies.event_type IS 'as in webchatt.feed';
COMMENT ON COLUMN webchatt._feed_bodies.visitor IS 'as in webchatt.feed';
COMMENT ON COLUMN webchatt._feed_bodies.message_id IS 'as in webchatt.feed';
COMMENT ON COLUMN webchatt._feed_bodies.body IS 'the event; null: its message is gone';

CREATE VIEW webchatt.feeds AS
SELECT 'webhook' AS kind, w.label, w.event_type,
	CASE WHEN k.revoked_at IS NOT NULL THEN 'paused: its API key was revoked'
		WHEN w.key_id IS NOT NULL AND 'webhooks' <> ALL (k.scopes) THEN 'paused: its API key is no longer for webhooks'
		WHEN NOT w.active THEN 'paused' || coalesce(': ' || w.paused_reason, ' by hand')
		WHEN w.verified_at IS NULL THEN 'verifying'
		WHEN p.failing_since IS NOT NULL THEN 'failing since ' || date_trunc('second', p.failing_since)
		ELSE 'delivering' END AS state,
	b.behind, b.oldest, p.lost, p.last_error
FROM webchatt.webhooks w
LEFT JOIN webchatt.webhook_progress p ON p.webhook_id = w.id
LEFT JOIN webchatt.api_keys k ON k.id = w.key_id
CROSS JOIN LATERAL (
	SELECT count(*)::int AS behind, min(e.created_at) AS oldest
	FROM (SELECT * FROM webchatt.feed e WHERE e.seq > p.done_upto ORDER BY e.seq LIMIT 10000) e
	WHERE e.event_type = w.event_type AND (k.channels IS NULL OR e.channel_id = ANY (k.channels)) AND NOT EXISTS (SELECT FROM webchatt.webhook_log l
		WHERE l.webhook_id = w.id AND l.seq = e.seq AND l.good)) b
UNION ALL
SELECT 'link', k.label, NULL,
	CASE WHEN k.revoked_at IS NOT NULL THEN 'revoked'
		WHEN 'link' <> ALL (k.scopes) THEN 'its API key is no longer for links'
		WHEN l.connected_since IS NOT NULL THEN 'connected from ' || coalesce(l.client, 'somewhere')
		ELSE 'away since ' || coalesce(date_trunc('second', l.left_at)::text, 'webchatt stopped') END,
	b.behind, b.oldest, l.lost, NULL
FROM webchatt.links l
JOIN webchatt.api_keys k ON k.id = l.key_id
CROSS JOIN LATERAL (
	SELECT count(*)::int AS behind, min(e.created_at) AS oldest
	FROM (SELECT e.created_at, e.channel_id FROM webchatt.feed e WHERE e.seq > l.acknowledged ORDER BY e.seq LIMIT 10000) e
	WHERE k.channels IS NULL OR e.channel_id = ANY (k.channels)) b;
COMMENT ON VIEW webchatt.feeds IS 'who gets the local hub''s events: webhooks of webchatt.webhooks, and databases by webchatt.links';
COMMENT ON COLUMN webchatt.feeds.kind IS 'webhook or link';
COMMENT ON COLUMN webchatt.feeds.label IS 'of a webhook its own, of a link that of its API key';
COMMENT ON COLUMN webchatt.feeds.event_type IS 'of a webhook; a link gets all';
COMMENT ON COLUMN webchatt.feeds.state IS 'a webhook is verifying, delivering, failing or paused; a link connected, away or revoked: since when and why';
COMMENT ON COLUMN webchatt.feeds.behind IS 'events that it has not got, among the first 10,000 behind those that are done';
COMMENT ON COLUMN webchatt.feeds.oldest IS 'when the oldest of them was published';
COMMENT ON COLUMN webchatt.feeds.lost IS 'events that were dropped after webchatt.feed_retention before it got them';
COMMENT ON COLUMN webchatt.feeds.last_error IS 'of a webhook: what went wrong last';

CREATE VIEW webchatt.repair AS
SELECT h.name AS hub, x.event_type, w.looked_at AS last_look, w.look_at AS next_look, count(r.id) AS found,
	count(*) FILTER (WHERE r.state = 'repaired' AND r.tries = 0) AS already_here,
	count(*) FILTER (WHERE r.state = 'asked') AS asked,
	count(*) FILTER (WHERE r.state = 'repaired' AND r.tries > 0) AS repaired,
	count(*) FILTER (WHERE r.state = 'waiting') AS waiting,
	count(*) FILTER (WHERE r.state = 'given up') AS given_up,
	coalesce(max(w.log_skipped), 0) AS skipped,
	max(k.repair_error) AS last_error, max(k.repair_error_at) AS last_error_at
FROM (SELECT y.hub_id, y.event_type FROM webchatt.hub_webhooks y WHERE y.hub_id IS NOT NULL
	UNION SELECT z.hub_id, z.event_type FROM webchatt.repairs z) x
JOIN webchatt.hubs h ON h.id = x.hub_id
LEFT JOIN webchatt.hub_webhooks w ON w.hub_id = x.hub_id AND w.event_type = x.event_type
LEFT JOIN webchatt.hub_reconciliation k ON k.hub_id = x.hub_id
LEFT JOIN webchatt.repairs r ON r.hub_id = x.hub_id AND r.event_type = x.event_type
GROUP BY h.name, x.event_type, w.looked_at, w.look_at
ORDER BY h.name, x.event_type;
COMMENT ON VIEW webchatt.repair IS
	'deliveries that failed while we were away, as the hubs'' logs say, and what came back: one row for each webhook, of the last 30 days; single ones are in webchatt.repairs';
COMMENT ON COLUMN webchatt.repair.hub IS 'the hub''s name';
COMMENT ON COLUMN webchatt.repair.event_type IS 'Message or MessageStatus';
COMMENT ON COLUMN webchatt.repair.last_look IS 'when the hub''s log was last read down to the look before; null: not yet';
COMMENT ON COLUMN webchatt.repair.next_look IS 'when it is read next; null: at once';
COMMENT ON COLUMN webchatt.repair.found IS 'events whose delivery failed';
COMMENT ON COLUMN webchatt.repair.already_here IS 'those among them whose message was here all the same';
COMMENT ON COLUMN webchatt.repair.asked IS 'those that the hub was asked for, which are not here yet';
COMMENT ON COLUMN webchatt.repair.repaired IS 'those that came back';
COMMENT ON COLUMN webchatt.repair.waiting IS 'those that will be asked for';
COMMENT ON COLUMN webchatt.repair.given_up IS 'those that were asked for five times in vain, or cannot be had: webchatt.repairs.answer says why';
COMMENT ON COLUMN webchatt.repair.skipped IS 'lines of the hub''s log that the last look could not read, and passed over';
COMMENT ON COLUMN webchatt.repair.last_error IS 'what last went wrong in asking the hub; null since all is well';
COMMENT ON COLUMN webchatt.repair.last_error_at IS 'when that was';

/* LIMIT 1: so each message is looked up by its key, in the order of the candidates' index, whatever the statistics say. */
/* A view reads with its owner's rights, but a function in it runs with its reader's. */
CREATE FUNCTION webchatt._sees_message(channel uuid, message uuid) RETURNS boolean
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	RETURN NOT row_security_active('webchatt.messages'::regclass)
		OR EXISTS (SELECT FROM webchatt.messages m WHERE m.channel_id = channel AND m.id = message);
END
$$;
COMMENT ON FUNCTION webchatt._sees_message(uuid, uuid) IS 'webchatt''s own: whether row security lets the caller see that message';

CREATE VIEW webchatt.overdue AS
SELECT m.channel_id, m.id, m.visitor, m.status, m.since, clock_timestamp() - m.since AS age,
	CASE m.status
		WHEN 'sent' THEN 'it was handed over, and no word of its delivery has come'
		WHEN 'enqueued' THEN 'the hub has it in its queue, and no word has come since'
		ELSE format('it was sent %s, and no answer was seen: the visitor may have it; it is sent again under the same key',
			CASE c.unanswered WHEN 1 THEN 'once' ELSE format('%s times', c.unanswered) END)
	END AS reason, c.unanswered
FROM webchatt.overdue_candidates c
CROSS JOIN LATERAL (
	SELECT o.channel_id, o.id, o.visitor, o.status, CASE o.status WHEN 'queued' THEN c.unanswered_at ELSE o.status_at END AS since
	FROM webchatt.messages o
	WHERE o.channel_id = c.channel_id AND o.id = c.message_id
		AND (o.status = 'queued' AND c.unanswered > 0 OR o.status IN ('enqueued', 'sent')
			AND o.status_at < now() - current_setting('webchatt.overdue_after')::interval)
	LIMIT 1) m
WHERE webchatt._sees_message(m.channel_id, m.id)
ORDER BY c.quiet_since;
COMMENT ON VIEW webchatt.overdue IS
	'messages to visitors of which nothing was heard for longer than webchatt.overdue_after, and sends whose answer was never seen, the oldest first, by an index, so that the first of many are there at once (LIMIT); exact to a minute';
COMMENT ON COLUMN webchatt.overdue.visitor IS 'whom it is for';
COMMENT ON COLUMN webchatt.overdue.status IS 'where it stands';
COMMENT ON COLUMN webchatt.overdue.since IS 'since when nothing was heard';
COMMENT ON COLUMN webchatt.overdue.age IS 'how long that is';
COMMENT ON COLUMN webchatt.overdue.reason IS 'what is missing, in words';
COMMENT ON COLUMN webchatt.overdue.unanswered IS 'how often it was sent without an answer';

CREATE VIEW webchatt.extras AS
SELECT e.kind, e.relation, e.name, e.statement FROM webchatt._extras() e
WHERE NOT EXISTS (SELECT FROM webchatt.own_extras o WHERE o.kind OPERATOR(pg_catalog.=) e.kind
	AND o.relation OPERATOR(pg_catalog.=) e.relation AND o.name OPERATOR(pg_catalog.=) e.name);
COMMENT ON VIEW webchatt.extras IS
	'triggers, indexes, constraints, policies, rules, options and publications that others put on webchatt''s tables: a dump leaves them out, so keep the statements beside it (psql -Atc ''SELECT statement FROM webchatt.extras''), and run them when it is restored';
COMMENT ON COLUMN webchatt.extras.kind IS 'index, constraint, trigger, rule, policy, row security, storage option, statistics target, replica identity or publication';
COMMENT ON COLUMN webchatt.extras.relation IS 'the table or view in schema webchatt';
COMMENT ON COLUMN webchatt.extras.name IS 'what it is called; of an option the option';
COMMENT ON COLUMN webchatt.extras.statement IS 'what makes it anew';
----------------------------------------------------------------------------
-- Waiting, for psql and scripts
----------------------------------------------------------------------------

CREATE FUNCTION webchatt._may_wait(timeout interval, hub int, message uuid DEFAULT NULL) RETURNS timestamptz
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	IF timeout IS NULL OR timeout <= interval '0' THEN
		RAISE EXCEPTION 'the time to wait is %', coalesce(timeout::text, 'NULL')
			USING ERRCODE = 'invalid_parameter_value', HINT = 'Give a positive interval, for example interval ''30 s''.';
	END IF;
	IF current_setting('transaction_isolation') NOT IN ('read committed', 'read uncommitted') THEN
		RAISE EXCEPTION 'a transaction in % sees nothing that comes', upper(current_setting('transaction_isolation'))
			USING ERRCODE = 'object_not_in_prerequisite_state', HINT = 'Wait in READ COMMITTED, best outside of a transaction block.';
	END IF;
	IF EXISTS (SELECT FROM webchatt.outbox o WHERE o.hub_id IN (hub, -hub) AND o.xid = pg_current_xact_id_if_assigned()
		AND (message IS NULL OR o.message_id = message)) THEN
		RAISE EXCEPTION 'nothing can come of a change before it is committed'
			USING ERRCODE = 'object_not_in_prerequisite_state',
				DETAIL = 'This transaction made the change that it waits for.',
				HINT = 'Commit first, and wait in the next transaction.';
	END IF;
	IF NOT EXISTS (SELECT FROM webchatt._status() s WHERE s.worker_pid IS NOT NULL) THEN
		RAISE EXCEPTION 'no worker runs that could do it'
			USING ERRCODE = 'object_not_in_prerequisite_state',
				DETAIL = (SELECT s.state FROM webchatt._status() s);
	END IF;
	RETURN clock_timestamp() + timeout;
END
$$;
COMMENT ON FUNCTION webchatt._may_wait(interval, int, uuid) IS
	'webchatt''s own: until when to wait, or an error where waiting is in vain: the transaction has itself written orders for that hub (0: changed the configuration)';

CREATE FUNCTION webchatt.wait_for_webhooks(hub text DEFAULT 'chatt2me', timeout interval DEFAULT '30 s')
RETURNS TABLE (event_type text, state text, endpoint text, verified_at timestamptz)
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
	h webchatt.hubs := webchatt._remote_hub(wait_for_webhooks.hub);
	until timestamptz := webchatt._may_wait(wait_for_webhooks.timeout, 0);
	error text;
BEGIN
	LOOP
		IF NOT EXISTS (SELECT FROM webchatt.hub_reconciliation k WHERE k.hub_id = h.id
				AND (k.wanted <> k.heeded OR k.list_offset IS NOT NULL OR k.listed IS NOT NULL)
				AND EXISTS (SELECT FROM webchatt.hub_webhooks w WHERE w.hub_id = h.id))
			AND NOT EXISTS (SELECT FROM webchatt.hub_webhooks w WHERE w.hub_id = h.id
				AND NOT (w.state = 'verified' AND w.desired = 'registered' AND w.secret IS NOT NULL
					AND w.endpoint = split_part(w.actual_endpoint, '?', 1))) THEN
			EXIT;
		END IF;
		IF clock_timestamp() >= until THEN
			SELECT string_agg(format('%s: %s%s', w.event_type, w.state, ', ' || w.last_error), '; ' ORDER BY w.event_type) INTO error
			FROM webchatt.hub_webhooks w WHERE w.hub_id = h.id;
			RAISE EXCEPTION 'the webhooks at hub % are not as they should be after %', h.name, wait_for_webhooks.timeout
				USING ERRCODE = 'query_canceled', DETAIL = coalesce(error, 'the worker has not looked yet'),
					HINT = 'SELECT * FROM webchatt.hub_webhooks shows what the worker does; it goes on.';
		END IF;
		PERFORM pg_sleep(0.05);
	END LOOP;
	RETURN QUERY SELECT w.event_type, w.state, w.actual_endpoint, w.verified_at FROM webchatt.hub_webhooks w
		WHERE w.hub_id = h.id ORDER BY w.event_type;
END
$$;
COMMENT ON FUNCTION webchatt.wait_for_webhooks(text, interval) IS
	'waits until the webhooks at a hub are as desired (registered and verified, rotated, or gone) and returns them; raises when that takes too long, with the last error';

CREATE FUNCTION webchatt.wait_for_link(hub text DEFAULT 'chatt2me', timeout interval DEFAULT '30 s') RETURNS boolean
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	h webchatt.hubs := webchatt._remote_hub(wait_for_link.hub);
	until timestamptz := webchatt._may_wait(wait_for_link.timeout, 0);
	phase text;
	error text;
BEGIN
	IF h.inbound <> 'link' THEN
		RAISE EXCEPTION 'the events of hub % come by webhooks, not by a link', h.name
			USING ERRCODE = 'object_not_in_prerequisite_state',
				HINT = 'webchatt.connect_hub(..., inbound => ''link'') makes it one, where the hub is another webchatt.';
	END IF;
	LOOP
		SELECT s.link_phase, s.link_error INTO phase, error FROM webchatt._hub_state(h.id) s;
		IF phase = 'open' THEN
			RETURN true;
		END IF;
		IF clock_timestamp() >= until THEN
			RAISE EXCEPTION 'the link to hub % is not open after %', h.name, wait_for_link.timeout
				USING ERRCODE = 'query_canceled', DETAIL = concat_ws(', ', coalesce(phase, 'not begun'), error),
					HINT = 'SELECT hubs FROM webchatt.status shows how it is doing; the worker goes on.';
		END IF;
		PERFORM pg_sleep(0.05);
	END LOOP;
END
$$;
COMMENT ON FUNCTION webchatt.wait_for_link(text, interval) IS
	'waits until the link to a hub is open; raises when that takes too long, with the last error';

CREATE FUNCTION webchatt.wait_for_status(
	channel uuid, id uuid, status webchatt.message_status, timeout interval DEFAULT '30 s')
RETURNS webchatt.message_status
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
	wanted webchatt.message_status := wait_for_status.status;
	ends CONSTANT webchatt.message_status[] := '{failed,expired,cancelled,retracted}';
	now_is webchatt.message_status;
	error text;
	hub int;
	until timestamptz;
BEGIN
	IF wanted IS NULL THEN
		RAISE EXCEPTION 'the status to wait for is NULL'
			USING ERRCODE = 'null_value_not_allowed', HINT = 'Give for example ''delivered''.';
	END IF;
	SELECT c.hub_id INTO hub FROM webchatt.channels c WHERE c.id = wait_for_status.channel;
	until := webchatt._may_wait(wait_for_status.timeout, hub, wait_for_status.id);
	LOOP
		SELECT m.status, m.error_message INTO now_is, error FROM webchatt.messages m
		WHERE m.channel_id = wait_for_status.channel AND m.id = wait_for_status.id;
		IF NOT FOUND THEN
			RAISE EXCEPTION 'channel % has no message %', coalesce(wait_for_status.channel::text, 'NULL'), coalesce(wait_for_status.id::text, 'NULL')
				USING ERRCODE = 'undefined_object', HINT = 'SELECT id, visitor, status FROM webchatt.messages lists them.';
		END IF;
		IF now_is = wanted OR (now_is > wanted AND now_is <> ALL (ends)) THEN
			RETURN now_is;
		END IF;
		IF now_is = ANY (ends) THEN
			RAISE EXCEPTION 'the message is %', now_is
				USING ERRCODE = 'object_not_in_prerequisite_state', DETAIL = coalesce(error, 'No reason was given.'),
					HINT = CASE WHEN now_is = 'retracted' THEN 'webchatt.retract_message() took it back: send another.'
						ELSE 'webchatt.retry_message() queues it anew.' END;
		END IF;
		IF clock_timestamp() >= until THEN
			RAISE EXCEPTION 'the message is not % but % after %', wanted, now_is, wait_for_status.timeout
				USING ERRCODE = 'query_canceled', DETAIL = coalesce(error,
					(SELECT s.last_error FROM webchatt._hub_state(hub) s), 'No error is known.'),
					HINT = 'SELECT hubs FROM webchatt.status shows how its hub is doing; the worker goes on.';
		END IF;
		PERFORM pg_sleep(0.05);
	END LOOP;
END
$$;
COMMENT ON FUNCTION webchatt.wait_for_status(uuid, uuid, webchatt.message_status, interval) IS
	'waits until a message has that status, or one further on, and returns what it has; raises when it ends otherwise, or that takes too long';
----------------------------------------------------------------------------
-- The desk: agents, links to sign in, sessions
----------------------------------------------------------------------------

CREATE TRIGGER config_changed AFTER INSERT OR UPDATE OF name, display_name, avatar_url, disabled_at OR DELETE OR TRUNCATE ON webchatt.agents
	FOR EACH STATEMENT EXECUTE FUNCTION webchatt._config_changed();

/* Whoever has a desk open in a session that ends, hears it at once, whoever ended it and how. */
CREATE FUNCTION webchatt._desk_sessions_ended() RETURNS trigger
LANGUAGE c AS 'MODULE_PATHNAME', 'webchatt_desk_sessions_ended';
COMMENT ON FUNCTION webchatt._desk_sessions_ended() IS 'tells the worker, at commit, that sessions of agents ended';
CREATE TRIGGER desk_sessions_deleted AFTER DELETE ON webchatt.agent_sessions REFERENCING OLD TABLE AS gone
	FOR EACH STATEMENT EXECUTE FUNCTION webchatt._desk_sessions_ended();
CREATE TRIGGER desk_sessions_changed AFTER UPDATE OF token_hash, agent, expires_at OR TRUNCATE ON webchatt.agent_sessions
	FOR EACH STATEMENT EXECUTE FUNCTION webchatt._desk_sessions_ended();

/*
 * A session, and a link, is of who somebody was when it was made: with another role, under another name, or once locked
 * out, they sign in anew.  With its owner's rights, since it has to be so whoever may change an agent.
 */
CREATE FUNCTION webchatt._agent_changed() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	DELETE FROM webchatt.sign_in_links l WHERE l.agent IN (OLD.name, NEW.name);
	DELETE FROM webchatt.agent_sessions s WHERE s.agent IN (OLD.name, NEW.name);
	-- where the devices of somebody were meanwhile nobody knows
	IF (OLD.disabled_at IS NULL) <> (NEW.disabled_at IS NULL) THEN
		DELETE FROM webchatt.passkeys k WHERE k.agent IN (OLD.name, NEW.name);
	END IF;
	RETURN NULL;
END
$$;
COMMENT ON FUNCTION webchatt._agent_changed() IS
	'webchatt''s own: ends the sessions and links of an agent whose name, login or role is another one, or who is locked out or let in again; then their passkeys go, too';
CREATE TRIGGER agent_changed AFTER UPDATE ON webchatt.agents FOR EACH ROW
	WHEN (OLD.name <> NEW.name OR OLD.role <> NEW.role OR OLD.login IS DISTINCT FROM NEW.login OR (OLD.disabled_at IS NULL) <> (NEW.disabled_at IS NULL))
	EXECUTE FUNCTION webchatt._agent_changed();

CREATE FUNCTION webchatt._need_agent(name text) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	IF NOT EXISTS (SELECT FROM webchatt.agents a WHERE a.name = _need_agent.name) THEN
		RAISE EXCEPTION 'there is no agent %', coalesce(quote_literal(_need_agent.name), 'NULL')
			USING ERRCODE = 'undefined_object',
				HINT = 'SELECT name, display_name, role FROM webchatt.agents lists them.';
	END IF;
END
$$;
COMMENT ON FUNCTION webchatt._need_agent(text) IS 'webchatt''s own: raises when that is no agent';

CREATE FUNCTION webchatt.create_agent(name text, display_name text, role text DEFAULT 'agent', avatar_url text DEFAULT NULL, login text DEFAULT NULL)
RETURNS text
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
BEGIN
	IF create_agent.name IS NULL OR create_agent.name !~ '^[a-z0-9][a-z0-9._-]{0,62}$' THEN
		RAISE EXCEPTION 'agent name % is not usable', coalesce(quote_literal(create_agent.name), 'NULL')
			USING ERRCODE = 'invalid_parameter_value',
				HINT = 'Use 1 to 63 lower-case letters, digits, dots, hyphens and underscores, a letter or digit first.';
	END IF;
	IF create_agent.display_name IS NULL THEN
		RAISE EXCEPTION 'the display name is NULL'
			USING ERRCODE = 'null_value_not_allowed', HINT = 'Give the name that colleagues read, 1 to 50 characters.';
	END IF;
	PERFORM webchatt._check_display_name(create_agent.display_name);
	IF create_agent.role IS NULL OR create_agent.role NOT IN ('agent', 'admin') THEN
		RAISE EXCEPTION 'role % is not one', coalesce(quote_literal(create_agent.role), 'NULL')
			USING ERRCODE = 'invalid_parameter_value',
				HINT = 'Use agent for who answers, admin for who also configures channels and agents.';
	END IF;
	IF create_agent.avatar_url !~ '^https://[^[:space:]"<>]+$' OR length(create_agent.avatar_url) > 1024 THEN
		RAISE EXCEPTION 'the avatar''s URL is not usable'
			USING ERRCODE = 'invalid_parameter_value',
				HINT = 'Give an https:// URL of a picture, of at most 1024 characters, or NULL for the initials.';
	END IF;
	IF create_agent.login !~ '^[!-~]{1,255}$' OR position(',' IN create_agent.login) > 0 THEN
		RAISE EXCEPTION 'login % is not usable', quote_literal(create_agent.login)
			USING ERRCODE = 'invalid_parameter_value',
				HINT = 'Give what the proxy calls them, 1 to 255 characters of ASCII without blanks and commas, or NULL for their name.';
	END IF;
	IF EXISTS (SELECT FROM webchatt.agents a WHERE a.login = create_agent.login) THEN
		RAISE EXCEPTION 'another agent has the login %', quote_literal(create_agent.login)
			USING ERRCODE = 'duplicate_object', HINT = 'SELECT name, login FROM webchatt.agents lists them.';
	END IF;
	BEGIN
		INSERT INTO webchatt.agents (name, display_name, role, avatar_url, login)
		VALUES (create_agent.name, create_agent.display_name, create_agent.role, create_agent.avatar_url, create_agent.login);
	EXCEPTION WHEN unique_violation THEN
		RAISE EXCEPTION 'there is an agent % already', quote_literal(create_agent.name)
			USING ERRCODE = 'duplicate_object',
				HINT = 'Take another name; one who was locked out is let in again by webchatt.enable_agent().';
	END;
	RETURN create_agent.name;
END
$$;
COMMENT ON FUNCTION webchatt.create_agent(text, text, text, text, text) IS
	'makes somebody who may use the desk, and returns the name; webchatt.sign_in_link() lets them in. role: agent answers, admin configures too. avatar_url: a picture; NULL: initials. login: what a proxy that signs people in calls them (webchatt.desk_user_header); NULL: their name';

CREATE FUNCTION webchatt.disable_agent(name text) RETURNS boolean
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	PERFORM webchatt._need_agent(disable_agent.name);
	UPDATE webchatt.agents a SET disabled_at = now() WHERE a.name = disable_agent.name AND a.disabled_at IS NULL;
	RETURN FOUND;
END
$$;
COMMENT ON FUNCTION webchatt.disable_agent(text) IS
	'locks somebody out of the desk: their sessions and links end (as on any change of disabled_at, role or name) and their passkeys are removed, what they wrote and what is assigned to them stays. False when they were locked out before';

CREATE FUNCTION webchatt.enable_agent(name text) RETURNS boolean
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	PERFORM webchatt._need_agent(enable_agent.name);
	UPDATE webchatt.agents a SET disabled_at = NULL WHERE a.name = enable_agent.name AND a.disabled_at IS NOT NULL;
	RETURN FOUND;
END
$$;
COMMENT ON FUNCTION webchatt.enable_agent(text) IS
	'takes webchatt.disable_agent() back: they may sign in again, by a new link; their passkeys are gone. False when they were not locked out';

CREATE FUNCTION webchatt._desk_url() RETURNS text
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	url text := nullif(current_setting('webchatt.desk_url'), '');
BEGIN
	IF url IS NULL THEN
		SELECT 'http://' || regexp_replace(a, '^(0[.]0[.]0[.]0|[[]::[]]|[*]|):', 'localhost:') INTO url
		FROM regexp_split_to_table(current_setting('webchatt.desk_listen'), '[[:space:]]*,[[:space:]]*') WITH ORDINALITY l (a, n)
		WHERE a <> '' AND a NOT LIKE 'unix:%' ORDER BY n LIMIT 1;
	END IF;
	IF url IS NULL THEN
		RAISE EXCEPTION 'there is no desk: webchatt.desk_listen is empty'
			USING ERRCODE = 'object_not_in_prerequisite_state',
				HINT = 'Set it, for example ALTER DATABASE ... SET webchatt.desk_listen = ''127.0.0.1:8481'', and webchatt.desk_url to the URL by which browsers reach it; then connect again.';
	END IF;
	RETURN url;
END
$$;
COMMENT ON FUNCTION webchatt._desk_url() IS 'webchatt''s own: under which URL the desk is reached';

CREATE FUNCTION webchatt.sign_in_link(name text, valid_for interval DEFAULT '15 minutes') RETURNS text
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	token text := webchatt._random_token('', 32);
	url text := webchatt._desk_url();
BEGIN
	PERFORM webchatt._need_agent(sign_in_link.name);
	IF EXISTS (SELECT FROM webchatt.agents a WHERE a.name = sign_in_link.name AND a.disabled_at IS NOT NULL) THEN
		RAISE EXCEPTION 'agent % is locked out', quote_literal(sign_in_link.name)
			USING ERRCODE = 'object_not_in_prerequisite_state', HINT = 'webchatt.enable_agent() lets them in again.';
	END IF;
	IF valid_for IS NULL OR valid_for <= interval '0' OR valid_for > interval '30 days' THEN
		RAISE EXCEPTION 'a link cannot be valid for %', coalesce(valid_for::text, 'NULL')
			USING ERRCODE = 'invalid_parameter_value',
				HINT = 'Give more than nothing and at most 30 days, for example interval ''15 minutes''.';
	END IF;
	DELETE FROM webchatt.sign_in_links l WHERE l.expires_at <= now();
	INSERT INTO webchatt.sign_in_links (token_hash, agent, expires_at)
	VALUES (sha256(convert_to(token, 'UTF8')), sign_in_link.name, now() + valid_for);
	RETURN url || '/desk/#sign-in=' || token;
END
$$;
COMMENT ON FUNCTION webchatt.sign_in_link(text, interval) IS
	'makes a link by which an agent signs in to the desk, once, and returns it; only its hash is kept. It is built on webchatt.desk_url (where that is empty, on the first address of webchatt.desk_listen)';

CREATE FUNCTION webchatt.end_agent_session(id bigint) RETURNS boolean
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	DELETE FROM webchatt.agent_sessions s WHERE s.id = end_agent_session.id;
	RETURN FOUND;
END
$$;
COMMENT ON FUNCTION webchatt.end_agent_session(bigint) IS
	'signs a browser out of the desk (webchatt.agent_sessions has its number): its next request is refused. False when there is none';

----------------------------------------------------------------------------
-- The desk's functions: arguments and result are JSON.  The desk calls them with the
-- rights of webchatt_agent or webchatt_admin: who may execute one may call it there
----------------------------------------------------------------------------

CREATE FUNCTION webchatt._desk_session() RETURNS bigint
LANGUAGE c STABLE AS 'MODULE_PATHNAME', 'webchatt_desk_session';
COMMENT ON FUNCTION webchatt._desk_session() IS 'webchatt''s own: the number of the session that calls by the desk; null: nobody does, this is a session of PostgreSQL''s';

CREATE FUNCTION webchatt._desk_agent() RETURNS text
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	who text := nullif(current_setting('webchatt.agent', true), '');
BEGIN
	IF NOT EXISTS (SELECT FROM webchatt.agents a WHERE a.name = who AND a.disabled_at IS NULL) THEN
		RAISE EXCEPTION '%', CASE WHEN who IS NULL THEN 'it is not said who calls' ELSE format('there is no agent %L who may use the desk', who) END
			USING ERRCODE = 'object_not_in_prerequisite_state',
				HINT = 'SET webchatt.agent = ''the name of an agent'', one of webchatt.agents; the desk does that by itself.';
	END IF;
	RETURN who;
END
$$;
COMMENT ON FUNCTION webchatt._desk_agent() IS 'webchatt''s own: the agent who calls';

CREATE FUNCTION webchatt._desk_arg(args jsonb, name text, kind text DEFAULT 'string', needed boolean DEFAULT true) RETURNS jsonb
LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	value jsonb := args -> name;
BEGIN
	IF value IS NULL OR value = 'null' THEN
		IF needed THEN
			RAISE EXCEPTION '"%" is missing', name
				USING ERRCODE = 'invalid_parameter_value', HINT = format('It has to be of type %s.', kind);
		END IF;
		RETURN NULL;
	END IF;
	IF jsonb_typeof(value) <> kind THEN
		RAISE EXCEPTION '"%" is of type %, not %', name, jsonb_typeof(value), kind
			USING ERRCODE = 'invalid_parameter_value', HINT = format('It has to be of type %s.', kind);
	END IF;
	RETURN value;
END
$$;
COMMENT ON FUNCTION webchatt._desk_arg(jsonb, text, text, boolean) IS 'webchatt''s own: an argument of that JSON type; null: it was not given, and is not needed';

CREATE FUNCTION webchatt._desk_text(args jsonb, name text, needed boolean DEFAULT true) RETURNS text
LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	RETURN webchatt._desk_arg(args, name, 'string', needed) #>> '{}';
END
$$;
COMMENT ON FUNCTION webchatt._desk_text(jsonb, text, boolean) IS 'webchatt''s own: an argument that is a text';

CREATE FUNCTION webchatt._desk_uuid(args jsonb, name text, needed boolean DEFAULT true) RETURNS uuid
LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	value text := webchatt._desk_text(args, name, needed);
BEGIN
	IF value !~* '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$' THEN
		RAISE EXCEPTION '"%" is not a UUID', name USING ERRCODE = 'invalid_parameter_value';
	END IF;
	RETURN value::uuid;
END
$$;
COMMENT ON FUNCTION webchatt._desk_uuid(jsonb, text, boolean) IS 'webchatt''s own: an argument that is a UUID';

CREATE FUNCTION webchatt._desk_limit(args jsonb) RETURNS int
LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	value numeric := coalesce(webchatt._desk_arg(args, 'limit', 'number', false)::numeric, 50);
BEGIN
	IF value NOT BETWEEN 1 AND 100 OR value <> trunc(value) THEN
		RAISE EXCEPTION '"limit" is %', value USING ERRCODE = 'invalid_parameter_value', HINT = 'Give 1 to 100.';
	END IF;
	RETURN value;
END
$$;
COMMENT ON FUNCTION webchatt._desk_limit(jsonb) IS 'webchatt''s own: how many rows a page is to have';

CREATE FUNCTION webchatt._desk_conversation(args jsonb, OUT channel uuid, OUT visitor text)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	channel := webchatt._desk_uuid(args, 'channel');
	visitor := webchatt._desk_text(args, 'visitor');
	IF NOT EXISTS (SELECT FROM webchatt.visitors v WHERE v.channel_id = channel AND v.id = visitor) THEN
		RAISE EXCEPTION 'channel % has no visitor %', channel, visitor
			USING ERRCODE = 'undefined_object', HINT = 'Take both from the inbox.';
	END IF;
END
$$;
COMMENT ON FUNCTION webchatt._desk_conversation(jsonb) IS 'webchatt''s own: which conversation is meant; raises when the caller sees no such visitor';

CREATE FUNCTION webchatt._desk_message(args jsonb, OUT channel uuid, OUT id uuid)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	channel := webchatt._desk_uuid(args, 'channel');
	id := webchatt._desk_uuid(args, 'id');
	IF NOT EXISTS (SELECT FROM webchatt.messages m WHERE m.channel_id = channel AND m.id = _desk_message.id) THEN
		RAISE EXCEPTION 'channel % has no message %', channel, id USING ERRCODE = 'undefined_object';
	END IF;
END
$$;
COMMENT ON FUNCTION webchatt._desk_message(jsonb) IS 'webchatt''s own: which message is meant; raises when the caller sees no such message';

/*
 * A content comes from strangers, and may be a thousand times as large as it is stored when it is written out.  So it is
 * measured without that, and of what may be anything only a text is taken.
 */
CREATE FUNCTION webchatt._content_size(content jsonb, most int) RETURNS int
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'webchatt_content_size';
COMMENT ON FUNCTION webchatt._content_size(jsonb, int) IS
	'webchatt''s own: about how many bytes a content has when it is written out; where that is more than most, anything above';

CREATE FUNCTION webchatt._content_line(content jsonb, most int) RETURNS text
LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	one jsonb;
BEGIN
	FOREACH one IN ARRAY ARRAY[content -> 'text', content -> 'caption', content #> '{interactive,body,text}',
		content #> '{interactive,button_reply,title}', content #> '{interactive,list_reply,title}'] LOOP
		IF jsonb_typeof(one) = 'string' THEN
			RETURN left(one #>> '{}', most);
		END IF;
	END LOOP;
	RETURN NULL;
END
$$;
COMMENT ON FUNCTION webchatt._content_line(jsonb, int) IS
	'webchatt''s own: the beginning of the text that a content has, in characters; null: it has none';

CREATE FUNCTION webchatt.desk_me(args jsonb DEFAULT '{}') RETURNS jsonb
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	RETURN jsonb_build_object(
		'agent', (SELECT jsonb_build_object('name', a.name, 'displayName', a.display_name, 'role', a.role, 'avatarUrl', a.avatar_url)
			FROM webchatt.agents a WHERE a.name = webchatt._desk_agent()),
		'channels', coalesce((SELECT jsonb_agg(jsonb_build_object('id', c.id, 'displayName', c.display_name, 'kind', c.kind,
				'local', c.public_key IS NOT NULL) ORDER BY c.display_name, c.id)
			FROM webchatt.channels c), '[]'),
		'version', (SELECT e.extversion FROM pg_extension e WHERE e.extname = 'webchatt'));
END
$$;
COMMENT ON FUNCTION webchatt.desk_me(jsonb) IS
	'the desk: {} → {agent: {name, displayName, role, avatarUrl}, channels: [{id, displayName, kind, local}], version}';

/*
 * What the desk asks for all day is planned once in a process's life, by index, as for tables that are large one day:
 * hence generic plans, and no plan that reads or sorts a whole table.  A page of the inbox is found in the table of
 * conversations alone, by one of its three indexes; the rest is looked up for its rows.
 */
CREATE FUNCTION webchatt._desk_page(filter text, channel uuid, behind text[], most int) RETURNS SETOF webchatt.conversations
LANGUAGE plpgsql STABLE ROWS 50 SET search_path = pg_catalog, pg_temp SET plan_cache_mode = force_generic_plan
SET jit = off SET enable_seqscan = off SET enable_bitmapscan = off SET enable_sort = off AS $$
DECLARE
	wanted webchatt.conversation_state := CASE filter WHEN 'closed' THEN 'closed' ELSE 'open' END;
	who text := webchatt._desk_agent();
	of_place bigint := coalesce(behind[1]::bigint, -9223372036854775808);
	of_channel uuid := coalesce(behind[2]::uuid, '00000000-0000-0000-0000-000000000000');
	of_visitor text := coalesce(behind[3], '');
BEGIN
	IF filter = 'mine' AND channel IS NULL THEN
		RETURN QUERY SELECT c.* FROM webchatt.conversations c
			WHERE c.assignee = who AND c.state = wanted AND (c.place, c.channel_id, c.visitor) > (of_place, of_channel, of_visitor)
			ORDER BY c.place, c.channel_id, c.visitor LIMIT most;
	ELSIF filter = 'mine' THEN
		RETURN QUERY SELECT c.* FROM webchatt.conversations c
			WHERE c.assignee = who AND c.state = wanted AND (c.place, c.channel_id, c.visitor) > (of_place, of_channel, of_visitor)
				AND c.channel_id = channel
			ORDER BY c.place, c.channel_id, c.visitor LIMIT most;
	ELSIF channel IS NULL THEN
		RETURN QUERY SELECT c.* FROM webchatt.conversations c
			WHERE c.state = wanted AND (c.place, c.channel_id, c.visitor) > (of_place, of_channel, of_visitor)
			ORDER BY c.place, c.channel_id, c.visitor LIMIT most;
	ELSE
		RETURN QUERY SELECT c.* FROM webchatt.conversations c
			WHERE c.channel_id = channel AND c.state = wanted AND (c.place, c.visitor) > (of_place, of_visitor)
			ORDER BY c.place, c.visitor LIMIT most;
	END IF;
END
$$;
COMMENT ON FUNCTION webchatt._desk_page(text, uuid, text[], int) IS
	'webchatt''s own: conversations of the inbox, behind a place, a channel and a visitor (NULL: from the first on)';

CREATE FUNCTION webchatt._desk_said(v webchatt.visitors, most int) RETURNS jsonb
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
	SELECT jsonb_strip_nulls(jsonb_build_object('name', v.name, 'email', v.email))
		|| CASE WHEN webchatt._content_size(v.attributes, most) <= most THEN v.attributes ELSE '{}' END
		|| jsonb_strip_nulls(jsonb_build_object('name', CASE WHEN 'name' = ANY (v.signed) THEN v.name END,
			'email', CASE WHEN 'email' = ANY (v.signed) THEN v.email END))
$$;
COMMENT ON FUNCTION webchatt._desk_said(webchatt.visitors, int) IS
	'webchatt''s own: what is said of a visitor, attributes of so many bytes at most: what the site''s server signed before what attributes say, and that before what the page calls them';

CREATE FUNCTION webchatt.desk_inbox(args jsonb DEFAULT '{}') RETURNS jsonb
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp SET plan_cache_mode = force_generic_plan
SET jit = off SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off SET enable_bitmapscan = off AS $$
DECLARE
	filter text := coalesce(webchatt._desk_text(args, 'filter', false), 'open');
	channel uuid := webchatt._desk_uuid(args, 'channel', false);
	behind text[] := regexp_match(webchatt._desk_text(args, 'after', false), '^(-?[0-9]{1,19}) ([0-9a-f-]{36}) (.+)$');
	most int := webchatt._desk_limit(args);
BEGIN
	IF filter NOT IN ('open', 'mine', 'closed') THEN
		RAISE EXCEPTION '"filter" is %', quote_literal(filter)
			USING ERRCODE = 'invalid_parameter_value', HINT = 'Use open, mine or closed.';
	END IF;
	IF behind IS NULL AND webchatt._desk_text(args, 'after', false) IS NOT NULL THEN
		RAISE EXCEPTION '"after" is not what a page before had as "next"' USING ERRCODE = 'invalid_parameter_value';
	END IF;
	RETURN (WITH page AS MATERIALIZED (
			SELECT p.* FROM webchatt._desk_page(filter, channel, behind, most + 1) WITH ORDINALITY p),
		here AS MATERIALIZED (
			SELECT DISTINCT s.channel_id, s.visitor FROM webchatt.sessions s
			-- (IS TRUE: looked up in a table of the page, not joined to it)
			WHERE ((s.channel_id, s.visitor) IN (SELECT p.channel_id, p.visitor FROM page p)) IS TRUE
				AND EXISTS (SELECT FROM webchatt._status() w WHERE w.corridor = 'open'))
		SELECT jsonb_build_object(
			'conversations', coalesce((SELECT jsonb_agg(jsonb_build_object(
					'channel', p.channel_id, 'visitor', p.visitor, 'displayName', h.display_name,
					'state', p.state, 'assignee', p.assignee,
					'unanswered', p.state = 'open' AND p.place < 2305843009213693952 AND NOT m.answers,
					'waitingSince', CASE WHEN NOT m.answers THEN p.waiting_since END,
					-- what is behind the last that somebody read, or answered for good: from the newest on, by index
					'unread', CASE WHEN NOT m.answers AND (m.direction = 'out' OR m.status = 'received') THEN (SELECT count(*) FROM (
						SELECT FROM webchatt.messages u
						WHERE u.channel_id = p.channel_id AND u.visitor = p.visitor AND u.direction = 'in' AND u.id > coalesce((
							SELECT s.id FROM (SELECT d.id, d.direction, d.status, d.final FROM webchatt.messages d
								WHERE d.channel_id = p.channel_id AND d.visitor = p.visitor
								ORDER BY d.channel_id DESC, d.visitor DESC, d.id DESC LIMIT 198) s
							WHERE s.direction = 'out' AND s.final OR s.direction = 'in' AND s.status = 'read' LIMIT 1), '00000000-0000-0000-0000-000000000000')
						ORDER BY u.channel_id DESC, u.visitor DESC, u.id DESC LIMIT 99) u) ELSE 0 END,
					'lastAt', m.created_at, 'lastDirection', m.direction, 'lastStatus', m.status,
					'lastText', webchatt._content_line(m.content, 200),
					'lastType', CASE jsonb_typeof(m.content) WHEN 'object' THEN
						coalesce((SELECT min(k COLLATE "C") FROM jsonb_object_keys(m.content) k WHERE k <> 'text'), 'text') END,
					'lastAuthor', m.author, 'attributes', webchatt._desk_said(v, 8192),
					'verified', v.verified, 'signed', to_jsonb(v.signed), 'present', (p.channel_id, p.visitor) IN (SELECT e.channel_id, e.visitor FROM here e)) ORDER BY p.ordinality)
				FROM page p
				JOIN webchatt.channels h ON h.id = p.channel_id
				JOIN webchatt.visitors v ON v.channel_id = p.channel_id AND v.id = p.visitor
				CROSS JOIN LATERAL (
					SELECT m.direction, m.status, m.content, m.created_at, m.author, m.direction = 'out' AND m.final AS answers
					FROM webchatt.messages m
					WHERE m.channel_id = p.channel_id AND m.visitor = p.visitor
					ORDER BY m.channel_id DESC, m.visitor DESC, m.id DESC LIMIT 1) m
				WHERE p.ordinality <= most), '[]'),
			'next', (SELECT p.place || ' ' || p.channel_id || ' ' || p.visitor FROM page p
				WHERE p.ordinality = most AND EXISTS (SELECT FROM page x WHERE x.ordinality > most)),
			'waiting', (SELECT count(*) FROM (SELECT FROM webchatt.conversations c
				WHERE c.state = 'open' AND c.place < 2305843009213693952 LIMIT 1000) w)));
END
$$;
COMMENT ON FUNCTION webchatt.desk_inbox(jsonb) IS
	'the desk: {filter?: "open" | "mine" | "closed", channel?, after?, limit?} → {conversations: [{channel, visitor, displayName, state, assignee, unanswered, waitingSince, unread, lastAt, lastDirection, lastStatus, lastText, lastType, lastAuthor, attributes, verified, signed, present}], next, waiting}. attributes: with name and email of webchatt.visitors; In the order of webchatt.inbox; unread: how many messages the visitor wrote that nobody has read or answered, 99 at most; after: next of the page before, where that has any; waiting: how many wait in all, 1000 at most';

CREATE FUNCTION webchatt._desk_messages(channel uuid, visitor text, older_than uuid, newer_than uuid, most int)
RETURNS SETOF webchatt.messages
LANGUAGE plpgsql STABLE ROWS 50 SET search_path = pg_catalog, pg_temp SET plan_cache_mode = force_generic_plan
SET jit = off SET enable_seqscan = off SET enable_bitmapscan = off SET enable_sort = off AS $$
DECLARE
	bound uuid := coalesce(newer_than, older_than, 'ffffffff-ffff-ffff-ffff-ffffffffffff');
BEGIN
	IF newer_than IS NULL THEN
		RETURN QUERY SELECT m.* FROM webchatt.messages m
			WHERE m.channel_id = channel AND m.visitor = _desk_messages.visitor AND m.id < bound
			ORDER BY m.id DESC LIMIT most;
	ELSE
		RETURN QUERY SELECT m.* FROM webchatt.messages m
			WHERE m.channel_id = channel AND m.visitor = _desk_messages.visitor AND m.id > bound
			ORDER BY m.id LIMIT most;
	END IF;
END
$$;
COMMENT ON FUNCTION webchatt._desk_messages(uuid, text, uuid, uuid, int) IS
	'webchatt''s own: messages of a conversation behind one, or the newest first, before one (NULL: of all)';

/*
 * A page has messages and notes, by their ids; a megabyte of them at most, and always one.  A number of few characters can be written out in a
 * thousand, so that one content may be more than an answer holds: then only its text is shown.
 */
CREATE FUNCTION webchatt.desk_conversation(args jsonb) RETURNS jsonb
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp SET plan_cache_mode = force_generic_plan
SET jit = off SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off SET enable_bitmapscan = off AS $$
DECLARE
	what record := webchatt._desk_conversation(args);
	most int := webchatt._desk_limit(args);
	before uuid := webchatt._desk_uuid(args, 'before', false);
	after uuid := webchatt._desk_uuid(args, 'after', false);
BEGIN
	RETURN (WITH items AS MATERIALIZED (
			SELECT m.id, NULL::text AS note, m.created_at AS at, m.author, m.direction, m.status, m.status_at, m.content, m.final, m.error_code, m.error_message
			FROM webchatt._desk_messages(what.channel, what.visitor, before, after, most + 1) m
			UNION ALL
			SELECT n.id, n.text, n.at, n.author, NULL, NULL, NULL, NULL, NULL, NULL, NULL
			FROM webchatt._desk_notes(what.channel, what.visitor, before, after, most + 1) n),
		numbered AS (SELECT i.*, CASE WHEN after IS NULL THEN row_number() OVER (ORDER BY i.id DESC) ELSE row_number() OVER (ORDER BY i.id) END AS n
			FROM items i),
		found AS MATERIALIZED (
			SELECT m.*, m.n > most OR m.n > 1 AND sum(s.size) OVER (ORDER BY m.n) > 1000000 AS beyond, m.n = 1 AND s.size > 6000000 AS vast
			FROM numbered m
			CROSS JOIN LATERAL (SELECT CASE WHEN m.note IS NOT NULL THEN octet_length(m.note)
				ELSE webchatt._content_size(m.content, CASE m.n WHEN 1 THEN 6000000 ELSE 1000000 END) END AS size) s)
		SELECT jsonb_build_object(
			'messages', coalesce((SELECT jsonb_agg(jsonb_build_object('id', m.id, 'at', m.at, 'direction', m.direction,
					'status', m.status, 'statusAt', m.status_at, 'content',
					CASE WHEN m.vast THEN jsonb_build_object('text', webchatt._content_line(m.content, 10000)) ELSE m.content END, 'author', m.author, 'final', m.final,
					'errorCode', m.error_code, 'errorMessage', m.error_message) ORDER BY m.id)
				FROM found m WHERE NOT m.beyond AND m.note IS NULL), '[]'),
			'notes', coalesce((SELECT jsonb_agg(jsonb_build_object('id', m.id, 'at', m.at, 'author', m.author, 'text', m.note) ORDER BY m.id)
				FROM found m WHERE NOT m.beyond AND m.note IS NOT NULL), '[]'),
			'noteCount', (SELECT count(*) FROM (SELECT FROM webchatt.notes n
				WHERE n.channel_id = what.channel AND n.visitor = what.visitor LIMIT 1000) c),
			'more', EXISTS (SELECT FROM found m WHERE m.beyond),
			'visitor', (SELECT jsonb_build_object('id', v.id,
					'attributes', webchatt._desk_said(v, 100000),
					'userId', v.user_id, 'verified', v.verified, 'signed', to_jsonb(v.signed), 'referrer', v.referrer, 'joinedTo', v.joined_to, 'firstSeen', v.first_seen, 'lastSeen', v.last_seen,
					'present', EXISTS (SELECT FROM webchatt.presence p WHERE p.channel_id = v.channel_id AND p.visitor = v.id),
					'page', CASE WHEN v.page_url IS NOT NULL THEN jsonb_build_object('url', v.page_url, 'title', v.page_title, 'at', v.page_at) END,
					'locale', v.locale, 'timeZone', v.time_zone,
					'channel', v.channel_id, 'state', coalesce(c.state, 'open'), 'assignee', c.assignee,
					'waitingSince', c.waiting_since)
					|| coalesce((SELECT jsonb_build_object('rating', jsonb_build_object('value', r.value, 'comment', r.comment, 'at', coalesce(r.changed_at, r.rated_at)))
						FROM webchatt.ratings r WHERE r.channel_id = v.channel_id AND r.visitor = v.id ORDER BY r.closed_upto DESC LIMIT 1), '{}')
				FROM webchatt.visitors v
				LEFT JOIN webchatt.conversations c ON c.channel_id = v.channel_id AND c.visitor = v.id
				WHERE v.channel_id = what.channel AND v.id = what.visitor)));
END
$$;
COMMENT ON FUNCTION webchatt.desk_conversation(jsonb) IS
	'the desk: {channel, visitor, before?: id, after?: id, limit?} → {messages: [{id, at, direction, status, statusAt, content, author, final, errorCode, errorMessage}], notes: [{id, at, author, text}], noteCount, more, visitor: {id, attributes, userId, verified, signed, referrer, joinedTo, firstSeen, lastSeen, present, page: {url, title, at} | null, locale, timeZone, channel, state, assignee, waitingSince, rating?: {value, comment, at}}}. The newest messages and notes to colleagues, limit of both together, or those before or behind an id; the oldest first; noteCount: how many notes it has, 1000 at most; more: there are more before them, or with after behind them';

CREATE FUNCTION webchatt.desk_send(args jsonb) RETURNS jsonb
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	what record := webchatt._desk_conversation(args);
	who text := webchatt._desk_agent();
	content jsonb := webchatt._desk_arg(args, 'content', 'object', false);
	key text := webchatt._desk_text(args, 'key', false);
	seen uuid := webchatt._desk_uuid(args, 'seen', false);
	meanwhile jsonb;
BEGIN
	IF (content IS NULL) = (webchatt._desk_text(args, 'text', false) IS NULL) THEN
		RAISE EXCEPTION 'a message has a text or a content, one of them' USING ERRCODE = 'invalid_parameter_value';
	END IF;
	IF seen IS NOT NULL THEN
		SELECT jsonb_build_object('id', m.id, 'author', m.author) INTO meanwhile FROM webchatt.messages m
		WHERE m.channel_id = what.channel AND m.visitor = what.visitor AND m.id > seen
			AND m.direction = 'out' AND m.final AND m.author IS DISTINCT FROM who
			AND NOT EXISTS (SELECT FROM webchatt.messages d
				WHERE d.channel_id = what.channel AND d.visitor = what.visitor AND d.dedupe_key = 'desk:' || who || ':' || key)
		ORDER BY m.channel_id DESC, m.visitor DESC, m.id DESC LIMIT 1;
		IF FOUND THEN
			RETURN jsonb_build_object('meanwhile', meanwhile);
		END IF;
	END IF;
	RETURN jsonb_build_object('id', webchatt.send_message(what.channel, what.visitor,
		coalesce(content, jsonb_build_object('text', args -> 'text')), dedupe_key => 'desk:' || who || ':' || key, author => who));
END
$$;
COMMENT ON FUNCTION webchatt.desk_send(jsonb) IS
	'the desk: {channel, visitor, text | content, key?, seen?: id} → {id} | {meanwhile: {id, author}}: sends a message in the agent''s name. key: the same again is the same message. seen: the newest message that the agent had before them: where somebody else has answered behind it, nothing is sent, and meanwhile says which answer that is';

CREATE FUNCTION webchatt.desk_typing(args jsonb) RETURNS jsonb
LANGUAGE sql SET search_path = pg_catalog, pg_temp AS $$
	SELECT jsonb_build_object('shown', webchatt.send_typing(c.channel, c.visitor)) FROM webchatt._desk_conversation(args) c
$$;
COMMENT ON FUNCTION webchatt.desk_typing(jsonb) IS
	'the desk: {channel, visitor} → {shown}: the visitor sees for some seconds that somebody is writing';

CREATE FUNCTION webchatt.desk_read(args jsonb) RETURNS jsonb
LANGUAGE sql SET search_path = pg_catalog, pg_temp AS $$
	SELECT jsonb_build_object('read', webchatt.mark_read(c.channel, c.visitor, webchatt._desk_uuid(args, 'upto')))
	FROM webchatt._desk_conversation(args) c
$$;
COMMENT ON FUNCTION webchatt.desk_read(jsonb) IS
	'the desk: {channel, visitor, upto: id} → {read: n}: what the visitor wrote up to that message was read';

CREATE FUNCTION webchatt.desk_close(args jsonb) RETURNS jsonb
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	what record := webchatt._desk_conversation(args);
BEGIN
	PERFORM webchatt.close_conversation(what.channel, what.visitor, webchatt._desk_uuid(args, 'upto', false));
	RETURN '{}';
END
$$;
COMMENT ON FUNCTION webchatt.desk_close(jsonb) IS
	'the desk: {channel, visitor, upto?: id} → {}: closes the conversation. upto: the newest message that was seen';

CREATE FUNCTION webchatt.desk_reopen(args jsonb) RETURNS jsonb
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	what record := webchatt._desk_conversation(args);
BEGIN
	PERFORM webchatt.reopen_conversation(what.channel, what.visitor);
	RETURN '{}';
END
$$;
COMMENT ON FUNCTION webchatt.desk_reopen(jsonb) IS 'the desk: {channel, visitor} → {}: opens a closed conversation again';

CREATE FUNCTION webchatt.desk_assign(args jsonb) RETURNS jsonb
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	what record := webchatt._desk_conversation(args);
	assignee text := webchatt._desk_text(args, 'assignee', false);
BEGIN
	IF assignee IS NOT NULL AND NOT EXISTS (SELECT FROM webchatt.agents a WHERE a.name = assignee AND a.disabled_at IS NULL) THEN
		RAISE EXCEPTION 'there is no agent % who may use the desk', quote_literal(assignee)
			USING ERRCODE = 'invalid_parameter_value', HINT = 'Take one of the list of agents, or null for nobody.';
	END IF;
	PERFORM webchatt.assign_conversation(what.channel, what.visitor, assignee);
	RETURN '{}';
END
$$;
COMMENT ON FUNCTION webchatt.desk_assign(jsonb) IS
	'the desk: {channel, visitor, assignee: name | null} → {}: says whose conversation it is';

CREATE FUNCTION webchatt.desk_retry(args jsonb) RETURNS jsonb
LANGUAGE sql SET search_path = pg_catalog, pg_temp AS $$
	SELECT jsonb_build_object('done', webchatt.retry_message(m.channel, m.id)) FROM webchatt._desk_message(args) m
$$;
COMMENT ON FUNCTION webchatt.desk_retry(jsonb) IS
	'the desk: {channel, id} → {done}: sends a message again that failed, expired or was cancelled';

CREATE FUNCTION webchatt.desk_cancel(args jsonb) RETURNS jsonb
LANGUAGE sql SET search_path = pg_catalog, pg_temp AS $$
	SELECT jsonb_build_object('done', webchatt.cancel_message(m.channel, m.id)) FROM webchatt._desk_message(args) m
$$;
COMMENT ON FUNCTION webchatt.desk_cancel(jsonb) IS
	'the desk: {channel, id} → {done}: cancels a message that is queued or held';

CREATE FUNCTION webchatt.desk_agents(args jsonb DEFAULT '{}') RETURNS jsonb
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
	SELECT coalesce(jsonb_agg(jsonb_build_object('name', a.name, 'displayName', a.display_name, 'role', a.role, 'avatarUrl', a.avatar_url)
		ORDER BY a.display_name, a.name), '[]')
	FROM webchatt.agents a WHERE a.disabled_at IS NULL
$$;
COMMENT ON FUNCTION webchatt.desk_agents(jsonb) IS 'the desk: {} → [{name, displayName, role, avatarUrl}]: those who may use it';

/*
 * Whose sessions those are does not follow from rights; so they are shown to whoever calls by the desk, which knows
 * who that is, and to admins, who see all of them in the table as well.
 */
CREATE FUNCTION webchatt._own_sessions(id bigint DEFAULT NULL) RETURNS SETOF webchatt.agent_sessions
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	IF webchatt._desk_session() IS NULL AND NOT pg_has_role(session_user, 'webchatt_admin', 'MEMBER') THEN
		RAISE EXCEPTION 'only the desk knows whose session this is'
			USING ERRCODE = 'insufficient_privilege', HINT = 'Call it at the desk, or as a member of webchatt_admin.';
	END IF;
	RETURN QUERY SELECT s.* FROM webchatt.agent_sessions s
		WHERE s.agent = webchatt._desk_agent() AND (s.id = _own_sessions.id OR _own_sessions.id IS NULL) AND s.expires_at > now()
			AND s.last_seen > now() - make_interval(secs => extract(epoch FROM current_setting('webchatt.desk_session_idle')::interval));
END
$$;
COMMENT ON FUNCTION webchatt._own_sessions(bigint) IS 'webchatt''s own: the sessions of the agent who calls; all, or one';

CREATE FUNCTION webchatt._end_own_session(id bigint) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	PERFORM FROM webchatt._own_sessions(coalesce(_end_own_session.id, 0));
	IF FOUND THEN
		DELETE FROM webchatt.agent_sessions s WHERE s.id = _end_own_session.id;
	END IF;
	RETURN FOUND;
END
$$;
COMMENT ON FUNCTION webchatt._end_own_session(bigint) IS 'webchatt''s own: ends a session of the agent who calls';

CREATE FUNCTION webchatt.desk_sessions(args jsonb DEFAULT '{}') RETURNS jsonb
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
	SELECT coalesce(jsonb_agg(jsonb_build_object('id', s.id, 'createdAt', s.created_at, 'lastSeen', s.last_seen, 'expiresAt', s.expires_at,
		'client', s.client, 'userAgent', s.user_agent, 'current', coalesce(s.id = webchatt._desk_session(), false))
		ORDER BY s.last_seen DESC, s.id DESC), '[]')
	FROM webchatt._own_sessions() s
$$;
COMMENT ON FUNCTION webchatt.desk_sessions(jsonb) IS
	'the desk: {} → [{id, createdAt, lastSeen, expiresAt, client, userAgent, current}]: where the agent is signed in';

CREATE FUNCTION webchatt.desk_end_session(args jsonb) RETURNS jsonb
LANGUAGE sql SET search_path = pg_catalog, pg_temp AS $$
	SELECT jsonb_build_object('ended', webchatt._end_own_session(webchatt._desk_arg(args, 'id', 'number')::bigint))
$$;
COMMENT ON FUNCTION webchatt.desk_end_session(jsonb) IS 'the desk: {id} → {ended}: signs the agent out there';

CREATE FUNCTION webchatt.desk_sign_out(args jsonb DEFAULT '{}') RETURNS jsonb
LANGUAGE sql SET search_path = pg_catalog, pg_temp AS $$
	SELECT jsonb_build_object('ended', webchatt._end_own_session(webchatt._desk_session()))
$$;
COMMENT ON FUNCTION webchatt.desk_sign_out(jsonb) IS 'the desk: {} → {ended}: ends the session that calls';

----------------------------------------------------------------------------
-- The same for admins
----------------------------------------------------------------------------

CREATE FUNCTION webchatt._desk_widget_script(channel uuid) RETURNS text
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	RETURN webchatt.widget_script(channel);
EXCEPTION WHEN object_not_in_prerequisite_state THEN
	RETURN NULL;			-- it is not known under which URL browsers come
END
$$;
COMMENT ON FUNCTION webchatt._desk_widget_script(uuid) IS 'webchatt''s own: widget_script(), or null while webchatt.public_url is not known';

CREATE FUNCTION webchatt._desk_channels(one uuid DEFAULT NULL) RETURNS jsonb
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
	SELECT coalesce(jsonb_agg(jsonb_build_object('id', c.id, 'displayName', c.display_name, 'kind', c.kind, 'hub', h.name,
		'local', c.public_key IS NOT NULL, 'origins', (SELECT coalesce(jsonb_agg(o.origin ORDER BY o.origin), '[]')
			FROM webchatt.origins o WHERE o.channel_id = c.id),
		'publicKey', c.public_key,
		'widgetScript', CASE WHEN c.public_key IS NOT NULL THEN webchatt._desk_widget_script(c.id) END,
		'newcomersPaused', c.newcomers_paused, 'showAuthor', c.show_author, 'createdAt', c.created_at) ORDER BY c.display_name, c.id), '[]')
	FROM webchatt.channels c JOIN webchatt.hubs h ON h.id = c.hub_id
	WHERE c.id = one OR one IS NULL
$$;
COMMENT ON FUNCTION webchatt._desk_channels(uuid) IS 'webchatt''s own: channels as admins see them at the desk; all, or one';

CREATE FUNCTION webchatt.desk_channels(args jsonb DEFAULT '{}') RETURNS jsonb
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
	SELECT webchatt._desk_channels()
$$;
COMMENT ON FUNCTION webchatt.desk_channels(jsonb) IS
	'the desk, for admins: {} → [{id, displayName, kind, hub, local, origins, publicKey, widgetScript, newcomersPaused, showAuthor, createdAt}]. widgetScript: null where webchatt.public_url is not known';

CREATE FUNCTION webchatt._desk_origins(args jsonb, needed boolean) RETURNS text[]
LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	list jsonb := webchatt._desk_arg(args, 'origins', 'array', needed);
BEGIN
	IF EXISTS (SELECT FROM jsonb_array_elements(list) o WHERE jsonb_typeof(o) <> 'string') THEN
		RAISE EXCEPTION 'an origin is no text'
			USING ERRCODE = 'invalid_parameter_value', HINT = 'Give each origin as https://host or https://host:port.';
	END IF;
	RETURN CASE WHEN list IS NOT NULL THEN ARRAY(SELECT jsonb_array_elements_text(list)) END;
END
$$;
COMMENT ON FUNCTION webchatt._desk_origins(jsonb, boolean) IS 'webchatt''s own: the argument origins; null: it was not given, and is not needed';

/* Each value by itself, so that all that is wrong is said at once. */
CREATE FUNCTION webchatt._desk_complaint(display_name text, origin text) RETURNS jsonb
LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	message text;
	detail text;
	hint text;
BEGIN
	PERFORM webchatt._check_display_name(display_name), webchatt.normalize_origin(origin);
	RETURN NULL;
EXCEPTION WHEN data_exception THEN
	GET STACKED DIAGNOSTICS message = MESSAGE_TEXT, detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT;
	RETURN jsonb_build_object('errorMessage', message, 'detail', nullif(detail, ''), 'hint', nullif(hint, ''));
END
$$;
COMMENT ON FUNCTION webchatt._desk_complaint(text, text) IS 'webchatt''s own: what is wrong with a display name or an origin; null: nothing';

CREATE FUNCTION webchatt.desk_check_channel(args jsonb) RETURNS jsonb
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
	SELECT jsonb_build_object(
		'displayName', webchatt._desk_complaint(webchatt._desk_text(args, 'displayName', false), NULL),
		'origins', coalesce((SELECT jsonb_agg(webchatt._desk_complaint(NULL, o.origin) ORDER BY o.n)
			FROM unnest(webchatt._desk_origins(args, false)) WITH ORDINALITY AS o (origin, n) WHERE o.n <= 5), '[]'))
$$;
COMMENT ON FUNCTION webchatt.desk_check_channel(jsonb) IS
	'the desk, for admins: {displayName?, origins?: []} → {displayName, origins: []}: what create_channel would say of each, {errorMessage, detail, hint}, or null';

CREATE FUNCTION webchatt.desk_create_channel(args jsonb) RETURNS jsonb
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	made uuid := webchatt.create_channel(webchatt._desk_text(args, 'displayName'), webchatt._desk_origins(args, true));
BEGIN
	RETURN webchatt._desk_channels(made) -> 0;
END
$$;
COMMENT ON FUNCTION webchatt.desk_create_channel(jsonb) IS
	'the desk, for admins: {displayName, origins: []} → the channel as in channels: makes one of the local hub';

CREATE FUNCTION webchatt.desk_set_channel(args jsonb) RETURNS jsonb
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	channel uuid := webchatt._desk_uuid(args, 'id');
	called text := webchatt._desk_text(args, 'displayName', false);
	origins text[] := webchatt._desk_origins(args, false);
	show_author boolean := webchatt._desk_arg(args, 'showAuthor', 'boolean', false)::boolean;
BEGIN
	PERFORM webchatt._need_local_channel(channel);
	IF called IS NOT NULL THEN
		PERFORM webchatt._check_display_name(called);
		UPDATE webchatt.channels c SET display_name = called WHERE c.id = channel;
	END IF;
	IF origins IS NOT NULL THEN
		PERFORM webchatt.set_origins(channel, origins);
	END IF;
	IF show_author IS NOT NULL THEN
		PERFORM webchatt.set_show_author(channel, show_author);
	END IF;
	RETURN webchatt._desk_channels(channel) -> 0;
END
$$;
COMMENT ON FUNCTION webchatt.desk_set_channel(jsonb) IS
	'the desk, for admins: {id, displayName?, origins?: [], showAuthor?} → the channel as in channels: changes one of the local hub';

CREATE FUNCTION webchatt.desk_regenerate_public_key(args jsonb) RETURNS jsonb
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	channel uuid := webchatt._desk_uuid(args, 'id');
BEGIN
	PERFORM webchatt.regenerate_public_key(channel);
	RETURN webchatt._desk_channels(channel) -> 0;
END
$$;
COMMENT ON FUNCTION webchatt.desk_regenerate_public_key(jsonb) IS
	'the desk, for admins: {id} → the channel as in channels: widgets with the old key are cut off';

CREATE FUNCTION webchatt.desk_list_agents(args jsonb DEFAULT '{}') RETURNS jsonb
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
	SELECT coalesce(jsonb_agg(jsonb_build_object('name', a.name, 'displayName', a.display_name, 'role', a.role, 'avatarUrl', a.avatar_url,
		'createdAt', a.created_at, 'disabledAt', a.disabled_at, 'sessions', s.n, 'lastSeen', s.last_seen,
		'passkeys', (SELECT count(*) FROM webchatt.passkeys k WHERE k.agent = a.name)) ORDER BY a.display_name, a.name), '[]')
	FROM webchatt.agents a
	CROSS JOIN LATERAL (SELECT count(*) FILTER (WHERE s.last_seen > now()
			- make_interval(secs => extract(epoch FROM current_setting('webchatt.desk_session_idle')::interval))) AS n, max(s.last_seen) AS last_seen
		FROM webchatt.agent_sessions s WHERE s.agent = a.name AND s.expires_at > now()) s
$$;
COMMENT ON FUNCTION webchatt.desk_list_agents(jsonb) IS
	'the desk, for admins: {} → [{name, displayName, role, avatarUrl, createdAt, disabledAt, sessions, lastSeen, passkeys}]: all, those who are locked out too';

CREATE FUNCTION webchatt.desk_sign_in_link(args jsonb) RETURNS jsonb
LANGUAGE sql SET search_path = pg_catalog, pg_temp AS $$
	SELECT jsonb_build_object('link', webchatt.sign_in_link(webchatt._desk_text(args, 'name')), 'expiresAt', now() + interval '15 minutes')
$$;
COMMENT ON FUNCTION webchatt.desk_sign_in_link(jsonb) IS 'the desk, for admins: {name} → {link, expiresAt}: by which an agent signs in once';

CREATE FUNCTION webchatt.desk_create_agent(args jsonb) RETURNS jsonb
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	PERFORM webchatt.create_agent(webchatt._desk_text(args, 'name'), webchatt._desk_text(args, 'displayName'),
		coalesce(webchatt._desk_text(args, 'role', false), 'agent'), nullif(webchatt._desk_text(args, 'avatarUrl', false), ''),
		nullif(webchatt._desk_text(args, 'login', false), ''));
	RETURN webchatt.desk_sign_in_link(args);
END
$$;
COMMENT ON FUNCTION webchatt.desk_create_agent(jsonb) IS
	'the desk, for admins: {name, displayName, role?, avatarUrl?, login?} → {link, expiresAt}: makes an agent, and a link to sign in';

CREATE FUNCTION webchatt.desk_disable_agent(args jsonb) RETURNS jsonb
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	who text := webchatt._desk_text(args, 'name');
BEGIN
	IF who = webchatt._desk_agent() THEN
		RAISE EXCEPTION 'nobody can lock themselves out'
			USING ERRCODE = 'invalid_parameter_value', HINT = 'Another admin can.';
	END IF;
	RETURN jsonb_build_object('done', webchatt.disable_agent(who));
END
$$;
COMMENT ON FUNCTION webchatt.desk_disable_agent(jsonb) IS 'the desk, for admins: {name} → {done}: locks an agent out and ends their sessions';

CREATE FUNCTION webchatt.desk_enable_agent(args jsonb) RETURNS jsonb
LANGUAGE sql SET search_path = pg_catalog, pg_temp AS $$
	SELECT jsonb_build_object('done', webchatt.enable_agent(webchatt._desk_text(args, 'name')))
$$;
COMMENT ON FUNCTION webchatt.desk_enable_agent(jsonb) IS 'the desk, for admins: {name} → {done}: lets an agent in again, who needs a link then';

CREATE FUNCTION webchatt.desk_status(args jsonb DEFAULT '{}') RETURNS jsonb
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
	SELECT to_jsonb(s) FROM webchatt.status s
$$;
COMMENT ON FUNCTION webchatt.desk_status(jsonb) IS 'the desk, for admins: {} → webchatt.status, its columns as members';
----------------------------------------------------------------------------
-- Search over texts and visitors (doc/decisions/0016-search.md)
----------------------------------------------------------------------------

CREATE FUNCTION webchatt.message_text(content jsonb) RETURNS text
LANGUAGE c IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE AS 'MODULE_PATHNAME', 'webchatt_message_text';
COMMENT ON FUNCTION webchatt.message_text(jsonb) IS
	'what people read of a message''s content: texts, captions, titles of buttons and rows, names of files, a line each; at most 100 kB; empty where there is none';

CREATE FUNCTION webchatt.visitor_words(id text, attributes jsonb) RETURNS tsvector
LANGUAGE c IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE AS 'MODULE_PATHNAME', 'webchatt_visitor_words';
COMMENT ON FUNCTION webchatt.visitor_words(text, jsonb) IS
	'the words by which a visitor is found: those of the id and of each attribute, 10 kB at most. An index of webchatt.visitors is on it';

CREATE FUNCTION webchatt.visitor_words(name text, email text, user_id text) RETURNS tsvector
LANGUAGE c IMMUTABLE LEAKPROOF PARALLEL SAFE AS 'MODULE_PATHNAME', 'webchatt_visitor_called';
COMMENT ON FUNCTION webchatt.visitor_words(text, text, text) IS
	'the words of what a visitor is called; each may be null. An index of webchatt.visitors is on it';

CREATE FUNCTION webchatt._search_plain(t text) RETURNS text
LANGUAGE c IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE AS 'MODULE_PATHNAME', 'webchatt_search_plain';
COMMENT ON FUNCTION webchatt._search_plain(text) IS
	'webchatt''s own: a text in small letters without accents, a space for all that is in no word; it keeps its number of characters';

CREATE FUNCTION webchatt._search_words(t text, config regconfig) RETURNS tsvector
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'webchatt_search_words';
COMMENT ON FUNCTION webchatt._search_words(text, regconfig) IS 'webchatt''s own: the words of a text, with their places';

CREATE FUNCTION webchatt._search_places(plain text, query tsquery, most int) RETURNS int[]
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'webchatt_search_places';
COMMENT ON FUNCTION webchatt._search_places(text, tsquery, int) IS
	'webchatt''s own: where words that are sought stand in what _search_plain() made: of each the first character''s number, from 0, and how many';

/*
 * PostgreSQL's own @@ does not promise that it tells nobody of the rows that it is asked about, so that where row
 * security is on, no index would be used for it.  This one does: see search_match.c.
 */
CREATE FUNCTION webchatt._search_matches(words tsvector, query tsquery) RETURNS boolean
LANGUAGE c IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE AS 'MODULE_PATHNAME', 'webchatt_search_matches';
COMMENT ON FUNCTION webchatt._search_matches(tsvector, tsquery) IS 'webchatt''s own: pg_catalog.@@, usable with row security';
CREATE OPERATOR webchatt.@@ (FUNCTION = webchatt._search_matches, LEFTARG = tsvector, RIGHTARG = tsquery,
	RESTRICT = tsmatchsel, JOIN = tsmatchjoinsel);
COMMENT ON OPERATOR webchatt.@@ (tsvector, tsquery) IS 'webchatt''s own: pg_catalog.@@, usable with row security';
CREATE FUNCTION webchatt._search_keys(tsquery, internal, int2, internal, internal, internal, internal) RETURNS internal
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'webchatt_search_keys';
COMMENT ON FUNCTION webchatt._search_keys(tsquery, internal, int2, internal, internal, internal, internal) IS
	'webchatt''s own: what an index is asked for by its own @@';
CREATE OPERATOR FAMILY webchatt.search_ops USING gin;
COMMENT ON OPERATOR FAMILY webchatt.search_ops USING gin IS 'webchatt''s own: as tsvector_ops, for its own @@';
CREATE OPERATOR CLASS webchatt.search_ops FOR TYPE tsvector USING gin FAMILY webchatt.search_ops AS
	OPERATOR 1 webchatt.@@ (tsvector, tsquery),
	FUNCTION 1 gin_cmp_tslexeme(text, text),
	FUNCTION 2 gin_extract_tsvector(tsvector, internal, internal),
	FUNCTION 3 gin_extract_tsquery(tsvector, internal, int2, internal, internal, internal, internal),
	FUNCTION 4 gin_tsquery_consistent(internal, int2, tsvector, int4, internal, internal, internal, internal),
	FUNCTION 5 gin_cmp_prefix(text, text, int2, internal),
	FUNCTION 6 gin_tsquery_triconsistent(internal, int2, tsvector, int4, internal, internal, internal),
	STORAGE text;
COMMENT ON OPERATOR CLASS webchatt.search_ops USING gin IS 'webchatt''s own: as tsvector_ops, for its own @@';

-- most visitors have no attributes, and cost nothing here
CREATE INDEX visitors_words ON webchatt.visitors
	-- (who fills the list of what is pending sorts it in, perhaps with visitors waiting: so it is short)
	USING gin (webchatt.visitor_words(id, attributes) webchatt.search_ops) WITH (gin_pending_list_limit = 64)
	WHERE attributes <> '{}';
CREATE INDEX visitors_called ON webchatt.visitors
	USING gin (webchatt.visitor_words(name, email, user_id) webchatt.search_ops) WITH (gin_pending_list_limit = 64)
	WHERE coalesce(name, email, user_id) IS NOT NULL;

----------------------------------------------------------------------------
-- The index of texts: built behind the messages, which never wait for it
----------------------------------------------------------------------------

CREATE TABLE webchatt.search_texts (
	id uuid NOT NULL,
	channel_id uuid NOT NULL,
	words tsvector NOT NULL,
	PRIMARY KEY (id, channel_id)
);
CREATE INDEX search_texts_words ON webchatt.search_texts USING gin (words webchatt.search_ops)
	WITH (gin_pending_list_limit = 256);
COMMENT ON TABLE webchatt.search_texts IS
	'the words of messages, for webchatt.search(); written behind them by the desk, or by webchatt.index_texts(). A row shows to whom its message shows. In no dump';
COMMENT ON COLUMN webchatt.search_texts.id IS 'the message in webchatt.messages';
COMMENT ON COLUMN webchatt.search_texts.words IS 'its words; and what begins with a control character: its channel, and when it was written, coarsely';

-- whoever may not read a message does not learn its words
ALTER TABLE webchatt.search_texts ENABLE ROW LEVEL SECURITY;
CREATE POLICY as_messages ON webchatt.search_texts FOR SELECT USING (
	(SELECT NOT row_security_active('webchatt.messages'::regclass))
	-- (no EXISTS: that might read all messages once, for a hash table)
	OR (SELECT true FROM webchatt.messages m WHERE m.channel_id = search_texts.channel_id AND m.id = search_texts.id));
COMMENT ON POLICY as_messages ON webchatt.search_texts IS 'a row shows to whom its message shows';

CREATE TABLE webchatt.search_progress (
	channel_id uuid PRIMARY KEY REFERENCES webchatt.channels (id) ON DELETE CASCADE,
	upto uuid NOT NULL,
	downto uuid NOT NULL
) WITH (fillfactor = 50);
COMMENT ON TABLE webchatt.search_progress IS
	'which messages of a channel are in webchatt.search_texts: those from downto to upto. A row that is deleted has the channel indexed anew. In no dump';
COMMENT ON COLUMN webchatt.search_progress.upto IS 'all up to this message, from downto on; newer ones are searched one by one';
COMMENT ON COLUMN webchatt.search_progress.downto IS 'all from this message on, up to upto; zeros: all older ones';

CREATE TABLE webchatt.search_state (
	is_here boolean PRIMARY KEY DEFAULT true CHECK (is_here),
	settled uuid,
	noted uuid,
	noted_xid xid8,
	checked_at timestamptz,
	check_channel uuid,
	check_id uuid
) WITH (fillfactor = 50);
COMMENT ON TABLE webchatt.search_state IS 'webchatt''s own: how far webchatt.search_texts can be written, and its check; one row. In no dump';
COMMENT ON COLUMN webchatt.search_state.is_here IS 'true: there is one row';
COMMENT ON COLUMN webchatt.search_state.settled IS 'no transaction is open any more that wrote messages up to this id; null: not known yet';
COMMENT ON COLUMN webchatt.search_state.noted IS 'an id that is next, once all that were open when it was noted are over; null: none is noted';
COMMENT ON COLUMN webchatt.search_state.noted_xid IS 'the transaction that noted it: those before it are waited for';
COMMENT ON COLUMN webchatt.search_state.checked_at IS 'when the texts were last compared with the messages; null: never yet';
COMMENT ON COLUMN webchatt.search_state.check_channel IS 'the channel at which a comparison is; null: it is at what has no message any more, or none is going on';
COMMENT ON COLUMN webchatt.search_state.check_id IS 'the message at which it is; null: none is going on';

CREATE FUNCTION webchatt._search_id(at timestamptz) RETURNS uuid
LANGUAGE sql IMMUTABLE STRICT SET search_path = pg_catalog, pg_temp AS $$
	SELECT CASE WHEN NOT isfinite(at) THEN CASE WHEN at > '2000-01-01 00:00:00+00' THEN 'ffffffff-ffff-ffff-ffff-ffffffffffff' ELSE '00000000-0000-0000-0000-000000000000' END::uuid
		ELSE (lpad(to_hex(greatest(0, least(281474976710655, floor(extract(epoch FROM at) * 1000)))::bigint), 12, '0') || repeat('0', 20))::uuid END
$$;
COMMENT ON FUNCTION webchatt._search_id(timestamptz) IS 'webchatt''s own: the least id of a message of that time';

CREATE FUNCTION webchatt._search_ms(id uuid) RETURNS bigint
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
	SELECT ('x' || left(replace(id::text, '-', ''), 12))::bit(48)::bigint
$$;
COMMENT ON FUNCTION webchatt._search_ms(uuid) IS 'webchatt''s own: milliseconds since 1970 in an id';

CREATE FUNCTION webchatt._search_marks(channel uuid, id uuid) RETURNS text[]
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	ms bigint := webchatt._search_ms(id);
BEGIN
	RETURN ARRAY[chr(1) || 'c' || replace(channel::text, '-', ''), chr(1) || 'd' || (ms >> 27), chr(1) || 'm' || (ms >> 31), chr(1) || 'y' || (ms >> 35)];
END
$$;
COMMENT ON FUNCTION webchatt._search_marks(uuid, uuid) IS
	'webchatt''s own: what an index row has beside the words: channel, and the time in pieces of 37 hours, 25 days and 398 days';

CREATE FUNCTION webchatt._search_row(channel uuid, id uuid, content jsonb) RETURNS tsvector
LANGUAGE plpgsql IMMUTABLE STRICT SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	RETURN webchatt._search_words(webchatt.message_text(content), 'simple') || array_to_tsvector(webchatt._search_marks(channel, id));
END
$$;
COMMENT ON FUNCTION webchatt._search_row(uuid, uuid, jsonb) IS 'webchatt''s own: webchatt.search_texts.words of a message';

/* Erased is erased, here too; and nobody pays for it who deletes nothing. */
CREATE FUNCTION webchatt._search_forget() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	IF TG_OP = 'TRUNCATE' THEN
		TRUNCATE webchatt.search_texts;
	ELSE
		DELETE FROM webchatt.search_texts s USING gone g WHERE s.id = g.id AND s.channel_id = g.channel_id;
	END IF;
	RETURN NULL;
END
$$;
COMMENT ON FUNCTION webchatt._search_forget() IS 'webchatt''s own: words of messages that are deleted go with them';
CREATE TRIGGER search_forget AFTER DELETE ON webchatt.messages REFERENCING OLD TABLE AS gone
	FOR EACH STATEMENT EXECUTE FUNCTION webchatt._search_forget();
CREATE TRIGGER search_forget_all AFTER TRUNCATE ON webchatt.messages
	FOR EACH STATEMENT EXECUTE FUNCTION webchatt._search_forget();

/* Ids rise, but transactions end out of order: up to which id is everything there that will be? */
CREATE FUNCTION webchatt._search_settle(state webchatt.search_state) RETURNS webchatt.search_state
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	-- asked for first: whoever got one before may have written ids up to now, whoever comes later writes later ones
	own xid8 := pg_current_xact_id();
BEGIN
	IF state.noted_xid < pg_snapshot_xmin(pg_current_snapshot()) THEN
		state.settled := greatest(state.settled, state.noted);
		state.noted := NULL;
		state.noted_xid := NULL;
	END IF;
	IF state.noted IS NULL THEN
		-- (an id is made a moment before its transaction writes)
		state.noted := webchatt._search_id(webchatt._now() - interval '10 seconds');
		state.noted_xid := own;
	END IF;
	RETURN state;
END
$$;
COMMENT ON FUNCTION webchatt._search_settle(webchatt.search_state) IS 'webchatt''s own: notes how far messages can be indexed so that none is missed';

/* Messages of a channel beyond an id, the nearest first, into the index: how many, and the farthest. */
CREATE FUNCTION webchatt._search_take(channel uuid, above uuid, below uuid, newest_first boolean, most int, OUT n int, OUT farthest uuid)
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET plan_cache_mode = force_generic_plan
SET jit = off SET enable_seqscan = off SET enable_bitmapscan = off SET client_min_messages = warning AS $$
DECLARE
	ids uuid[];
BEGIN
	IF newest_first THEN
		SELECT array_agg(b.id) INTO ids FROM (SELECT m.id FROM webchatt.messages m
			WHERE m.channel_id = channel AND m.id > above AND m.id < below ORDER BY m.channel_id DESC, m.id DESC LIMIT most) b;
	ELSE
		SELECT array_agg(b.id) INTO ids FROM (SELECT m.id FROM webchatt.messages m
			WHERE m.channel_id = channel AND m.id > above AND m.id < below ORDER BY m.channel_id, m.id LIMIT most) b;
	END IF;
	n := coalesce(cardinality(ids), 0);
	farthest := ids[n];
	INSERT INTO webchatt.search_texts AS s (id, channel_id, words)
	SELECT m.id, m.channel_id, webchatt._search_row(m.channel_id, m.id, m.content)
	FROM unnest(ids) u (id) JOIN webchatt.messages m ON m.channel_id = channel AND m.id = u.id
	ON CONFLICT (id, channel_id) DO UPDATE SET words = excluded.words WHERE s.words <> excluded.words;
END
$$;
COMMENT ON FUNCTION webchatt._search_take(uuid, uuid, uuid, boolean, int) IS 'webchatt''s own: indexes so many messages of a channel between two ids';

/* What was done behind its back: rows with old ids or with triggers off, changed contents. */
CREATE FUNCTION webchatt._search_check(state webchatt.search_state, most int, OUT n int, OUT after webchatt.search_state)
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET plan_cache_mode = force_generic_plan
SET jit = off SET enable_seqscan = off SET enable_bitmapscan = off AS $$
DECLARE
	p webchatt.search_progress;
	farthest uuid;
BEGIN
	after := state;
	IF state.check_id IS NULL THEN
		after.check_id := '00000000-0000-0000-0000-000000000000';
		after.check_channel := after.check_id;
	END IF;
	n := 1;
	IF after.check_channel IS NOT NULL THEN
		SELECT * INTO p FROM webchatt.search_progress g WHERE g.channel_id >= after.check_channel ORDER BY g.channel_id LIMIT 1;
		IF NOT FOUND THEN
			after.check_channel := NULL;
			after.check_id := '00000000-0000-0000-0000-000000000000';
			RETURN;
		END IF;
		IF p.channel_id <> after.check_channel THEN
			after.check_channel := p.channel_id;
			after.check_id := '00000000-0000-0000-0000-000000000000';
		END IF;
		SELECT t.n, t.farthest INTO n, farthest
		FROM webchatt._search_take(p.channel_id, greatest(after.check_id, p.downto), p.upto, false, most) t;
		IF n < most THEN
			-- the next channel
			SELECT min(g.channel_id::text)::uuid INTO after.check_channel FROM webchatt.search_progress g WHERE g.channel_id > p.channel_id;
			after.check_id := '00000000-0000-0000-0000-000000000000';
		ELSE
			after.check_id := farthest;
		END IF;
		n := greatest(n, 1);
	ELSE
		WITH page AS MATERIALIZED (
			SELECT s.id, s.channel_id FROM webchatt.search_texts s WHERE s.id > after.check_id ORDER BY s.id, s.channel_id LIMIT most
		), gone AS (
			DELETE FROM webchatt.search_texts s USING page g WHERE s.id = g.id AND s.channel_id = g.channel_id
				AND NOT EXISTS (SELECT FROM webchatt.messages m WHERE m.channel_id = g.channel_id AND m.id = g.id)
		)
		SELECT count(*), (array_agg(g.id ORDER BY g.id DESC))[1] INTO n, farthest FROM page g;
		after.check_id := CASE WHEN n = most THEN farthest END;
		after.checked_at := CASE WHEN n = most THEN after.checked_at ELSE now() END;
	END IF;
END
$$;
COMMENT ON FUNCTION webchatt._search_check(webchatt.search_state, int) IS 'webchatt''s own: a piece of the comparison of texts and messages';

/* Is there anything for webchatt.index_texts()?  Asked before anything is written. */
CREATE FUNCTION webchatt._search_due() RETURNS boolean
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET plan_cache_mode = force_generic_plan
SET jit = off SET enable_seqscan = off SET enable_bitmapscan = off AS $$
BEGIN
	RETURN EXISTS (SELECT FROM webchatt.channels c LEFT JOIN webchatt.search_progress p ON p.channel_id = c.id
			WHERE p.channel_id IS NULL OR p.downto > '00000000-0000-0000-0000-000000000000'
				OR EXISTS (SELECT FROM webchatt.messages m WHERE m.channel_id = c.id AND m.id > p.upto))
		OR NOT EXISTS (SELECT FROM webchatt.search_state s WHERE s.checked_at > now() - interval '1 day');
END
$$;
COMMENT ON FUNCTION webchatt._search_due() IS 'webchatt''s own: whether there is anything to index';

CREATE FUNCTION webchatt.index_texts(most int DEFAULT 500, anew boolean DEFAULT false) RETURNS int
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET plan_cache_mode = force_generic_plan
SET jit = off SET enable_seqscan = off SET enable_bitmapscan = off AS $$
DECLARE
	zero CONSTANT uuid := '00000000-0000-0000-0000-000000000000';
	state webchatt.search_state;
	p record;
	taken record;
	done int := 0;
BEGIN
	IF most IS NULL OR most NOT BETWEEN 1 AND 100000 THEN
		RAISE EXCEPTION 'most is %', coalesce(most::text, 'NULL')
			USING ERRCODE = 'invalid_parameter_value', HINT = 'Give how many messages to index at most, 1 to 100000.';
	END IF;
	IF anew THEN
		UPDATE webchatt.search_state s SET checked_at = NULL, check_channel = NULL, check_id = NULL;
	ELSIF NOT webchatt._search_due() THEN
		RETURN 0;
	END IF;
	INSERT INTO webchatt.search_state DEFAULT VALUES ON CONFLICT DO NOTHING;
	SELECT * INTO state FROM webchatt.search_state s FOR UPDATE SKIP LOCKED;
	IF NOT FOUND THEN
		RETURN 0;				-- somebody else is at it
	END IF;
	state := webchatt._search_settle(state);
	IF state.settled IS NOT NULL THEN
		INSERT INTO webchatt.search_progress (channel_id, upto, downto)
		SELECT c.id, state.settled, state.settled FROM webchatt.channels c
		WHERE NOT EXISTS (SELECT FROM webchatt.search_progress g WHERE g.channel_id = c.id);
		-- what is new first, then what is old, the newest of that first
		FOR p IN SELECT g.* FROM webchatt.search_progress g
			WHERE EXISTS (SELECT FROM webchatt.messages m WHERE m.channel_id = g.channel_id AND m.id > g.upto AND m.id < state.settled) LOOP
			EXIT WHEN done >= most;
			SELECT * INTO taken FROM webchatt._search_take(p.channel_id, p.upto, state.settled, false, most - done);
			UPDATE webchatt.search_progress g SET upto = taken.farthest WHERE g.channel_id = p.channel_id;
			done := done + taken.n;
		END LOOP;
		FOR p IN SELECT g.* FROM webchatt.search_progress g WHERE g.downto > zero LOOP
			EXIT WHEN done >= most;
			SELECT * INTO taken FROM webchatt._search_take(p.channel_id, zero, p.downto, true, most - done);
			UPDATE webchatt.search_progress g SET downto = CASE WHEN taken.n < most - done THEN zero ELSE taken.farthest END
			WHERE g.channel_id = p.channel_id;
			done := done + taken.n;
		END LOOP;
		IF done = 0 AND (state.check_id IS NOT NULL OR state.checked_at IS NULL OR state.checked_at <= now() - interval '1 day') THEN
			SELECT * INTO taken FROM webchatt._search_check(state, most) c;
			done := taken.n;
			state := taken.after;
		END IF;
	END IF;
	UPDATE webchatt.search_state s
	SET settled = state.settled, noted = state.noted, noted_xid = state.noted_xid, checked_at = state.checked_at,
		check_channel = state.check_channel, check_id = state.check_id;
	RETURN done;
END
$$;
COMMENT ON FUNCTION webchatt.index_texts(int, boolean) IS
	'makes so many messages findable by webchatt.search(), and returns how many; 0: nothing is to be done now. The desk does it by itself while it is used; who has none calls it by cron. Messages are taken once all transactions are over that were open when they were written. anew: begin to compare all texts with the messages, as is done once a day: finds what came with old ids (an import) or was changed';

CREATE VIEW webchatt.search_coverage AS
SELECT c.id AS channel_id, c.display_name,
	CASE WHEN p.channel_id IS NOT NULL THEN to_timestamp(webchatt._search_ms(p.upto) / 1000.0) END AS indexed_upto,
	CASE WHEN p.downto > '00000000-0000-0000-0000-000000000000' THEN to_timestamp(webchatt._search_ms(p.downto) / 1000.0) END AS indexed_downto,
	coalesce(p.downto = '00000000-0000-0000-0000-000000000000', false) AS has_oldest
FROM webchatt.channels c LEFT JOIN webchatt.search_progress p ON p.channel_id = c.id;
COMMENT ON VIEW webchatt.search_coverage IS 'how much of each channel webchatt.search() finds by its index';
COMMENT ON COLUMN webchatt.search_coverage.channel_id IS 'the channel';
COMMENT ON COLUMN webchatt.search_coverage.display_name IS 'what it is called';
COMMENT ON COLUMN webchatt.search_coverage.indexed_upto IS 'messages up to then are in the index; null: none is';
COMMENT ON COLUMN webchatt.search_coverage.indexed_downto IS 'from then on; null where has_oldest, or none is';
COMMENT ON COLUMN webchatt.search_coverage.has_oldest IS 'whether all older ones are in it, too';

----------------------------------------------------------------------------
-- What people type
----------------------------------------------------------------------------

/* A word or a phrase, folded as texts are; the last word of it as a beginning, where begins. Null: there is no word in it. */
CREATE FUNCTION webchatt._search_term(t text, begins boolean) RETURNS tsquery
LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, pg_temp SET client_min_messages = warning AS $$
DECLARE
	words text[] := regexp_split_to_array(btrim(webchatt._search_plain(t)), ' +');
	n int := cardinality(words);
	term tsquery;
BEGIN
	IF words[n] = '' THEN
		RETURN NULL;
	END IF;
	term := phraseto_tsquery('simple', array_to_string(words[:CASE WHEN begins THEN n - 1 ELSE n END], ' '));
	IF begins THEN
		IF numnode(term) = 0 THEN
			term := to_tsquery('simple', quote_literal(words[n]) || ':*');
		ELSE
			term := term <-> to_tsquery('simple', quote_literal(words[n]) || ':*');
		END IF;
	END IF;
	RETURN CASE WHEN numnode(term) > 0 THEN term END;
END
$$;
COMMENT ON FUNCTION webchatt._search_term(text, boolean) IS 'webchatt''s own: a word or phrase that is sought; null: there is no word in it';

/*
 * As websearch_to_tsquery(): words, "phrases", or, -not; nothing is an error.  The last word may go on, unless a space or a
 * quote ends it: so people find while they type.  A beginning of less than so many letters is taken for a word, since an index
 * would have to read all words that begin so.
 */
CREATE FUNCTION webchatt._search_query(query text, least_beginning int) RETURNS tsquery
LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	typed text := normalize(left(query, 1000), NFC);
	parts record;
	term tsquery;
	together tsquery;				-- those that have to be there at once
	other tsquery;				-- groups before an "or"
	sought boolean := false;	-- whether any of them has to be there, and not only be missing
	n int := 0;
BEGIN
	FOR parts IN SELECT m[1] AS minus, m[2] AS quoted, m[3] AS word, lead(m) OVER () IS NULL AS is_last
		FROM regexp_matches(typed, '(-?)"([^"]*)"?|([^[:space:]"]+)', 'g') m LIMIT 30 LOOP
		IF lower(parts.word) = 'or' AND together IS NOT NULL AND NOT parts.is_last THEN
			IF sought THEN
				other := coalesce(other || together, together);
			END IF;
			together := NULL;
			sought := false;
			CONTINUE;
		END IF;
		IF parts.word IS NULL THEN
			term := webchatt._search_term(parts.quoted, false);
		ELSE
			term := webchatt._search_term(parts.word, parts.is_last AND parts.word NOT LIKE '-%' AND typed !~ '[[:space:]]$'
				AND length(regexp_replace(btrim(webchatt._search_plain(parts.word)), '^.* ', '')) >= least_beginning);
		END IF;
		CONTINUE WHEN term IS NULL;
		IF parts.minus = '-' OR parts.word LIKE '-_%' THEN
			term := !!term;
		ELSE
			sought := true;
		END IF;
		together := coalesce(together && term, term);
	END LOOP;
	IF together IS NOT NULL AND sought THEN
		other := coalesce(other || together, together);
	END IF;
	RETURN other;
END
$$;
COMMENT ON FUNCTION webchatt._search_query(text, int) IS
	'webchatt''s own: what people type as a query; null: nothing is sought. A last word of at least so many letters is taken for a beginning';

----------------------------------------------------------------------------
-- The search
----------------------------------------------------------------------------

/*
 * Newest first, which is what is looked for in conversations, and what can be found without having found all.  What is
 * not in the index is looked through, as far as that is soon done.  In the index the newest rows are looked through as well: there a
 * common word has filled the page by then; and a rare one is found by it in pieces of time that grow, so that a word which is in a
 * million messages is not gathered before the first is shown.
 */
CREATE FUNCTION webchatt._search_indexed(q tsquery, index_q tsquery, channel uuid, direction webchatt.message_direction, lo uuid,
	hi uuid, hi_channel uuid, most int, OUT ids uuid[], OUT channels uuid[], OUT upto_id uuid, OUT upto_channel uuid)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp SET plan_cache_mode = force_generic_plan
SET jit = off SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off AS $$
DECLARE
	zero CONSTANT uuid := '00000000-0000-0000-0000-000000000000';
	at_once CONSTANT int := 5000;			-- index rows that are looked through
	patience CONSTANT interval := '1 second';	-- then the rest is left to the next page
	started timestamptz := clock_timestamp();
	windows CONSTANT text[] := '{d,m,y,y}';
	shifts CONSTANT int[] := '{27,31,35,35}';
	of_channel tsquery := ('''' || chr(1) || 'c' || replace(channel::text, '-', '') || '''')::tsquery;
	marked tsquery;
	top_ms bigint;
	bottom uuid;
	found_ids uuid[];
	found_channels uuid[];
	i int;
BEGIN
	ids := '{}';
	channels := '{}';
	SELECT array_agg(f.id), array_agg(f.channel_id) INTO found_ids, found_channels FROM (
		SELECT h.id, h.channel_id
		FROM (SELECT s.id, s.channel_id, s.words FROM webchatt.search_texts s
			WHERE (s.id, s.channel_id) < (hi, hi_channel) AND s.id >= lo ORDER BY s.id DESC, s.channel_id DESC LIMIT at_once) h
		JOIN webchatt.messages m ON m.channel_id = h.channel_id AND m.id = h.id
		WHERE h.words OPERATOR(webchatt.@@) q AND (h.channel_id = channel OR channel IS NULL)
			AND (m.direction = _search_indexed.direction OR _search_indexed.direction IS NULL)
			AND webchatt._search_words(webchatt.message_text(m.content), 'simple') OPERATOR(webchatt.@@) q
		ORDER BY h.id DESC, h.channel_id DESC LIMIT most) f;
	ids := ids || found_ids;
	channels := channels || found_channels;
	upto_id := lo;
	upto_channel := zero;
	IF coalesce(cardinality(found_ids), 0) = most THEN
		RETURN;
	END IF;
	SELECT s.id, s.channel_id INTO upto_id, upto_channel FROM webchatt.search_texts s
	WHERE (s.id, s.channel_id) < (hi, hi_channel) AND s.id >= lo
	ORDER BY s.id DESC, s.channel_id DESC OFFSET at_once - 1 LIMIT 1;
	IF NOT FOUND THEN
		upto_id := lo;
		upto_channel := zero;
		RETURN;					-- these were all
	END IF;
	top_ms := webchatt._search_ms(upto_id);
	FOR i IN 1 .. 5 LOOP
		EXIT WHEN clock_timestamp() > started + patience OR cardinality(ids) >= most;
		marked := CASE WHEN channel IS NULL THEN index_q ELSE index_q && of_channel END;
		bottom := lo;
		IF i <= 4 THEN
			marked := marked && ('''' || chr(1) || windows[i] || (top_ms >> shifts[i]) || '''')::tsquery;
			bottom := greatest(lo, (lpad(to_hex((top_ms >> shifts[i]) << shifts[i]), 12, '0') || repeat('0', 20))::uuid);
		END IF;
		WITH hits AS MATERIALIZED (
			SELECT s.id, s.channel_id FROM webchatt.search_texts s WHERE s.words OPERATOR(webchatt.@@) marked
		)
		SELECT array_agg(f.id), array_agg(f.channel_id) INTO found_ids, found_channels FROM (
			SELECT h.id, h.channel_id
			FROM (SELECT h.* FROM hits h WHERE (h.id, h.channel_id) < (upto_id, upto_channel) AND h.id >= lo ORDER BY h.id DESC, h.channel_id DESC OFFSET 0) h
			JOIN webchatt.messages m ON m.channel_id = h.channel_id AND m.id = h.id
			WHERE (m.direction = _search_indexed.direction OR _search_indexed.direction IS NULL)
				AND webchatt._search_words(webchatt.message_text(m.content), 'simple') OPERATOR(webchatt.@@) q
			ORDER BY h.id DESC, h.channel_id DESC LIMIT most - cardinality(ids)) f;
		ids := ids || found_ids;
		channels := channels || found_channels;
		upto_id := bottom;
		upto_channel := zero;
		EXIT WHEN bottom <= lo;
		top_ms := webchatt._search_ms(bottom) - 1;
	END LOOP;
END
$$;
COMMENT ON FUNCTION webchatt._search_indexed(tsquery, tsquery, uuid, webchatt.message_direction, uuid, uuid, uuid, int) IS
	'webchatt''s own: messages that the index has, newest first, and down to which place it was searched';

/* What the index has not yet: of each channel the newest.  missing: from when on all were looked through; null: all were. */
CREATE FUNCTION webchatt._search_behind(q tsquery, channel uuid, direction webchatt.message_direction, lo uuid, hi uuid, hi_channel uuid, most int,
	OUT ids uuid[], OUT channels uuid[], OUT missing uuid)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp SET plan_cache_mode = force_generic_plan
SET jit = off SET enable_seqscan = off SET enable_bitmapscan = off SET enable_hashjoin = off SET enable_mergejoin = off AS $$
DECLARE
	zero CONSTANT uuid := '00000000-0000-0000-0000-000000000000';
	each int := (SELECT 3000 / greatest(1, count(*)) FROM (SELECT FROM webchatt.channels c WHERE c.id = channel OR channel IS NULL LIMIT 300) c);
BEGIN
	SELECT array_agg(f.id), array_agg(f.channel_id) INTO ids, channels FROM (
		SELECT m.id, c.id AS channel_id
		FROM webchatt.channels c
		LEFT JOIN webchatt.search_progress g ON g.channel_id = c.id
		-- (OFFSET: with row security on, an index takes a column, and no COALESCE)
		CROSS JOIN LATERAL (SELECT coalesce(g.upto, zero) AS upto OFFSET 0) p
		CROSS JOIN LATERAL (SELECT m.id, m.direction, m.content FROM webchatt.messages m
			WHERE m.channel_id = c.id AND m.id > p.upto AND m.id >= lo AND m.id <= hi
			ORDER BY m.channel_id DESC, m.id DESC LIMIT each) m
		WHERE (c.id = channel OR channel IS NULL) AND (m.id, c.id) < (hi, hi_channel)
			AND (m.direction = _search_behind.direction OR _search_behind.direction IS NULL)
			AND webchatt._search_words(webchatt.message_text(m.content), 'simple') OPERATOR(webchatt.@@) q
		ORDER BY m.id DESC, c.id DESC LIMIT most) f;
	SELECT max(g.id::text)::uuid INTO missing FROM (
		SELECT m.id
		FROM webchatt.channels c
		LEFT JOIN webchatt.search_progress g ON g.channel_id = c.id
		-- (OFFSET: with row security on, an index takes a column, and no COALESCE)
		CROSS JOIN LATERAL (SELECT coalesce(g.upto, zero) AS upto OFFSET 0) p
		CROSS JOIN LATERAL (SELECT m.id FROM webchatt.messages m
			WHERE m.channel_id = c.id AND m.id > p.upto AND m.id >= lo AND m.id <= hi
			ORDER BY m.channel_id DESC, m.id DESC OFFSET each LIMIT 1) m
		WHERE c.id = channel OR channel IS NULL
		UNION ALL
		SELECT p.downto FROM webchatt.search_progress p
		WHERE (p.channel_id = channel OR channel IS NULL) AND p.downto > lo
			AND (SELECT true FROM webchatt.messages m WHERE m.channel_id = p.channel_id AND m.id < p.downto AND m.id >= lo LIMIT 1)) g;
END
$$;
COMMENT ON FUNCTION webchatt._search_behind(tsquery, uuid, webchatt.message_direction, uuid, uuid, uuid, int) IS
	'webchatt''s own: messages that are not in the index, newest first, as far as they are soon looked through; and the newest id that was not searched';

/* One conversation is looked through without any index. */
CREATE FUNCTION webchatt._search_conversation(q tsquery, channel uuid, visitor text, direction webchatt.message_direction, lo uuid, hi uuid, most int,
	OUT ids uuid[], OUT upto_id uuid)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp SET plan_cache_mode = force_generic_plan
SET jit = off SET enable_seqscan = off SET enable_bitmapscan = off AS $$
DECLARE
	at_once CONSTANT int := 5000;
BEGIN
	SELECT array_agg(f.id) INTO ids FROM (
		SELECT m.id FROM (SELECT m.id, m.direction, m.content FROM webchatt.messages m
			WHERE m.channel_id = channel AND m.visitor = _search_conversation.visitor AND m.id < hi AND m.id >= lo
			ORDER BY m.channel_id DESC, m.visitor DESC, m.id DESC LIMIT at_once) m
		WHERE (m.direction = _search_conversation.direction OR _search_conversation.direction IS NULL)
			AND webchatt._search_words(webchatt.message_text(m.content), 'simple') OPERATOR(webchatt.@@) q
		LIMIT most) f;
	upto_id := lo;
	IF coalesce(cardinality(ids), 0) < most THEN
		SELECT m.id INTO upto_id FROM webchatt.messages m
		WHERE m.channel_id = channel AND m.visitor = _search_conversation.visitor AND m.id < hi AND m.id >= lo
		ORDER BY m.channel_id DESC, m.visitor DESC, m.id DESC OFFSET at_once - 1 LIMIT 1;
		upto_id := coalesce(upto_id, lo);
	END IF;
END
$$;
COMMENT ON FUNCTION webchatt._search_conversation(tsquery, uuid, text, webchatt.message_direction, uuid, uuid, int) IS
	'webchatt''s own: messages of one conversation, newest first, and down to which one it was searched';

/* A page of hits, and where the next one begins; null: there is none. */
CREATE FUNCTION webchatt._search_page(query text, channel uuid, visitor text, since timestamptz, until timestamptz, direction webchatt.message_direction,
	before uuid, before_channel uuid, most int,
	OUT q tsquery, OUT ids uuid[], OUT channels uuid[], OUT next_id uuid, OUT next_channel uuid, OUT missing uuid)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	zero CONSTANT uuid := '00000000-0000-0000-0000-000000000000';
	lo uuid := coalesce(webchatt._search_id(since), zero);
	hi uuid := least(before, webchatt._search_id(until), 'ffffffff-ffff-ffff-ffff-ffffffffffff');
	hi_channel uuid := CASE WHEN hi = before THEN coalesce(before_channel, zero) ELSE zero END;
	upto_id uuid;
	upto_channel uuid := zero;
	behind record;
BEGIN
	IF visitor IS NOT NULL AND channel IS NULL THEN
		RAISE EXCEPTION 'a visitor without a channel' USING ERRCODE = 'invalid_parameter_value', HINT = 'Give both: ids of visitors are a channel''s.';
	END IF;
	q := webchatt._search_query(query, 1);
	ids := '{}';
	channels := '{}';
	IF q IS NULL OR lo >= hi THEN
		RETURN;
	END IF;
	IF visitor IS NOT NULL THEN
		SELECT c.ids, array_fill(channel, ARRAY[coalesce(cardinality(c.ids), 0)]), c.upto_id INTO ids, channels, upto_id
		FROM webchatt._search_conversation(q, channel, visitor, direction, lo, hi, most + 1) c;
	ELSE
		SELECT i.ids, i.channels, i.upto_id, i.upto_channel INTO ids, channels, upto_id, upto_channel
		FROM webchatt._search_indexed(q, webchatt._search_query(query, 3), channel, direction, lo, hi, hi_channel, most + 1) i;
		SELECT * INTO behind FROM webchatt._search_behind(q, channel, direction, lo, hi, hi_channel, most + 1) b;
		missing := behind.missing;
		SELECT array_agg(h.id ORDER BY h.id DESC, h.channel_id DESC), array_agg(h.channel_id ORDER BY h.id DESC, h.channel_id DESC) INTO ids, channels
		FROM (SELECT * FROM unnest(ids, channels) u (id, channel_id) UNION SELECT * FROM unnest(behind.ids, behind.channels) u (id, channel_id)) h
		WHERE (h.id, h.channel_id) >= (upto_id, upto_channel);
	END IF;
	ids := coalesce(ids, '{}');
	channels := coalesce(channels, '{}');
	IF cardinality(ids) > most THEN
		next_id := ids[most];
		next_channel := channels[most];
		ids := ids[:most];
		channels := channels[:most];
	ELSIF upto_id > lo THEN
		next_id := upto_id;
		next_channel := upto_channel;
	END IF;
END
$$;
COMMENT ON FUNCTION webchatt._search_page(text, uuid, text, timestamptz, timestamptz, webchatt.message_direction, uuid, uuid, int) IS
	'webchatt''s own: a page of hits, where the next one begins, and the newest id that was not searched';

CREATE FUNCTION webchatt._search_snippet(t text, q tsquery, OUT snippet text, OUT places int[])
LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	head text := left(t, 20000);
	all_places int[] := webchatt._search_places(webchatt._search_plain(head), q, 50);
	start int := greatest(0, coalesce(all_places[1], 0) - 60);
	size CONSTANT int := 240;
	i int := 1;
BEGIN
	IF start > 0 THEN
		-- where a word begins, if one does soon
		start := start + coalesce(nullif(position(' ' IN substr(webchatt._search_plain(head), start + 1, 30)), 0), 0);
	END IF;
	snippet := CASE WHEN start > 0 THEN '…' ELSE '' END || substr(head, start + 1, size) || CASE WHEN length(t) > start + size THEN '…' ELSE '' END;
	places := '{}';
	WHILE i < cardinality(all_places) AND all_places[i] + all_places[i + 1] <= start + size LOOP
		places := places || (all_places[i] - start + CASE WHEN start > 0 THEN 1 ELSE 0 END) || all_places[i + 1];
		i := i + 2;
	END LOOP;
END
$$;
COMMENT ON FUNCTION webchatt._search_snippet(text, tsquery) IS
	'webchatt''s own: a piece of a text around the first word that was sought, and where such words are in it: first character, from 0, and how many, of each';

CREATE TYPE webchatt.search_hit AS (
	channel_id uuid, id uuid, visitor text, direction webchatt.message_direction, created_at timestamptz, author text, snippet text, places int[]);
COMMENT ON TYPE webchatt.search_hit IS 'a message that webchatt.search() found';

CREATE FUNCTION webchatt.search(query text, channel uuid DEFAULT NULL, since timestamptz DEFAULT NULL, until timestamptz DEFAULT NULL, visitor text DEFAULT NULL,
	direction webchatt.message_direction DEFAULT NULL, before uuid DEFAULT NULL, most int DEFAULT 20)
RETURNS SETOF webchatt.search_hit
LANGUAGE plpgsql STABLE ROWS 20 SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	page record;
BEGIN
	IF most IS NULL OR most NOT BETWEEN 1 AND 50 THEN
		RAISE EXCEPTION 'most is %', coalesce(most::text, 'NULL') USING ERRCODE = 'invalid_parameter_value', HINT = 'Give 1 to 50.';
	END IF;
	SELECT * INTO page FROM webchatt._search_page(query, channel, visitor, since, until, direction, before, NULL, most);
	RETURN QUERY SELECT m.channel_id, m.id, m.visitor, m.direction, m.created_at, m.author, s.snippet, s.places
		FROM unnest(page.ids, page.channels) WITH ORDINALITY h (id, channel_id, n)
		JOIN webchatt.messages m ON m.channel_id = h.channel_id AND m.id = h.id
		CROSS JOIN LATERAL webchatt._search_snippet(webchatt.message_text(m.content), page.q) s
		ORDER BY h.n;
END
$$;
COMMENT ON FUNCTION webchatt.search(text, uuid, timestamptz, timestamptz, text, webchatt.message_direction, uuid, int) IS
	'messages with these words, the newest first: words, "a phrase", or, -not; the last word may be a beginning. since, until: by the time in their ids. before: those before this message, for the next page. most: 1 to 50. What the caller may not read is not found. webchatt.search_coverage says how far the index is; of what is not in it the newest 3,000 are searched';

CREATE FUNCTION webchatt.search_visitors(query text, channel uuid DEFAULT NULL, most int DEFAULT 20) RETURNS SETOF webchatt.visitors
LANGUAGE plpgsql STABLE ROWS 20 SET search_path = pg_catalog, pg_temp SET plan_cache_mode = force_generic_plan
SET jit = off SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off AS $$
DECLARE
	q tsquery := webchatt._search_query(query, 2);
	start text := btrim(left(query, 255));
BEGIN
	IF most IS NULL OR most NOT BETWEEN 1 AND 50 THEN
		RAISE EXCEPTION 'most is %', coalesce(most::text, 'NULL') USING ERRCODE = 'invalid_parameter_value', HINT = 'Give 1 to 50.';
	END IF;
	RETURN QUERY WITH by_words AS MATERIALIZED (
			SELECT v.* FROM webchatt.visitors v
			WHERE webchatt.visitor_words(v.id, v.attributes) OPERATOR(webchatt.@@) q AND v.attributes <> '{}'
				AND (v.channel_id = channel OR channel IS NULL) LIMIT 500
		), by_name AS MATERIALIZED (
			SELECT v.* FROM webchatt.visitors v
			WHERE webchatt.visitor_words(v.name, v.email, v.user_id) OPERATOR(webchatt.@@) q AND coalesce(v.name, v.email, v.user_id) IS NOT NULL
				AND (v.channel_id = channel OR channel IS NULL) LIMIT 500
		), by_id AS MATERIALIZED (
			SELECT v.* FROM webchatt.channels c
			CROSS JOIN LATERAL (SELECT v.* FROM webchatt.visitors v
				WHERE v.channel_id = c.id AND v.id >= start COLLATE "C" AND v.id < start || chr(1114111) COLLATE "C"
				ORDER BY v.channel_id, v.id LIMIT most) v
			WHERE (c.id = channel OR channel IS NULL) AND length(start) >= 3 LIMIT 500
		)
		SELECT f.* FROM (SELECT * FROM by_words UNION SELECT * FROM by_name UNION SELECT * FROM by_id) f
		ORDER BY f.id = start COLLATE "C" DESC, f.last_seen DESC NULLS LAST, f.channel_id, f.id LIMIT most;
END
$$;
COMMENT ON FUNCTION webchatt.search_visitors(text, uuid, int) IS
	'visitors whose attributes, or name, e-mail address and user id, have these words (as webchatt.search() reads them), or whose id begins so, from three characters on; who was seen last comes first, of some 500. most: 1 to 50';

CREATE FUNCTION webchatt._desk_time(args jsonb, name text) RETURNS timestamptz
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	value text := webchatt._desk_text(args, name, false);
BEGIN
	IF value !~ '^[0-9]{4}-[0-9]{2}-[0-9]{2}(T[0-9:.]+(Z|[+-][0-9:]+))?$' THEN
		RAISE EXCEPTION '"%" is no time', name USING ERRCODE = 'invalid_parameter_value', HINT = 'Give it as 2026-11-29T14:05:00Z.';
	END IF;
	RETURN value::timestamptz;
END
$$;
COMMENT ON FUNCTION webchatt._desk_time(jsonb, text) IS 'webchatt''s own: an argument that is a time; null: it was not given';

CREATE FUNCTION webchatt.desk_search(args jsonb) RETURNS jsonb
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	query text := webchatt._desk_text(args, 'query');
	channel uuid := webchatt._desk_uuid(args, 'channel', false);
	visitor text := webchatt._desk_text(args, 'visitor', false);
	direction text := webchatt._desk_text(args, 'direction', false);
	behind text[] := regexp_match(webchatt._desk_text(args, 'after', false), '^([0-9a-f-]{36}) ([0-9a-f-]{36})$');
	most int := least(50, webchatt._desk_limit(args));
	page record;
	people jsonb;
BEGIN
	IF direction NOT IN ('in', 'out') THEN
		RAISE EXCEPTION '"direction" is %', quote_literal(direction) USING ERRCODE = 'invalid_parameter_value', HINT = 'Use in or out.';
	END IF;
	IF behind IS NULL AND webchatt._desk_text(args, 'after', false) IS NOT NULL THEN
		RAISE EXCEPTION '"after" is not what a page before had as "next"' USING ERRCODE = 'invalid_parameter_value';
	END IF;
	SELECT * INTO page FROM webchatt._search_page(query, channel, visitor, webchatt._desk_time(args, 'since'), webchatt._desk_time(args, 'until'),
		direction::webchatt.message_direction, behind[1]::uuid, behind[2]::uuid, most);
	IF behind IS NULL AND visitor IS NULL THEN
		SELECT jsonb_agg(jsonb_build_object('channel', v.channel_id, 'visitor', v.id, 'lastSeen', v.last_seen,
			'attributes', webchatt._desk_said(v, 8192), 'verified', v.verified))
		INTO people FROM webchatt.search_visitors(query, channel, 11) v;
	END IF;
	RETURN jsonb_build_object(
		'messages', coalesce((SELECT jsonb_agg(jsonb_build_object('channel', m.channel_id, 'visitor', m.visitor, 'id', m.id, 'at', m.created_at,
				'direction', m.direction, 'author', m.author, 'snippet', s.snippet, 'places', s.places,
				'attributes', webchatt._desk_said(v, 8192), 'verified', v.verified) ORDER BY h.n)
			FROM unnest(page.ids, page.channels) WITH ORDINALITY h (id, channel_id, n)
			JOIN webchatt.messages m ON m.channel_id = h.channel_id AND m.id = h.id
			LEFT JOIN webchatt.visitors v ON v.channel_id = m.channel_id AND v.id = m.visitor
			CROSS JOIN LATERAL webchatt._search_snippet(webchatt.message_text(m.content), page.q) s), '[]'),
		'next', page.next_id || ' ' || page.next_channel,
		'complete', page.missing IS NULL,
		'completeSince', to_timestamp(webchatt._search_ms(page.missing) / 1000.0),
		'visitors', coalesce(people, '[]'));
END
$$;
COMMENT ON FUNCTION webchatt.desk_search(jsonb) IS
	'the desk: {query, channel?, visitor?, direction?: "in" | "out", since?, until?, after?, limit?} → {messages: [{channel, visitor, id, at, direction, author, snippet, places, attributes, verified}], next, complete, completeSince, visitors: [{channel, visitor, lastSeen, attributes, verified}]}. The newest first, 50 at most, as webchatt.search() has them; places: of each word that was sought its first character in snippet, from 0, and how many. next, where there may be more: after of the next page. complete: false while older messages than completeSince are not searched yet. visitors: with the first page, 11 at most, as webchatt.search_visitors() has them';
----------------------------------------------------------------------------
-- What those who answer have beside messages: notes to colleagues, canned answers
----------------------------------------------------------------------------

CREATE TABLE webchatt.notes (
	id uuid PRIMARY KEY,
	channel_id uuid NOT NULL,
	visitor text COLLATE "C" NOT NULL,
	author text CHECK (octet_length(author) BETWEEN 1 AND 255),
	text text NOT NULL CHECK (char_length(text) BETWEEN 1 AND 4000 AND text ~ '[^[:space:]]'),
	at timestamptz NOT NULL DEFAULT now(),
	FOREIGN KEY (channel_id, visitor) REFERENCES webchatt.visitors (channel_id, id) ON DELETE CASCADE ON UPDATE CASCADE
);
CREATE INDEX notes_conversation ON webchatt.notes (channel_id, visitor, id);
COMMENT ON TABLE webchatt.notes IS
	'what colleagues wrote to each other about a conversation, by webchatt.add_note(): never sent to anybody. They go with the visitor';
COMMENT ON COLUMN webchatt.notes.id IS 'UUID version 7, as messages have: its place among them';
COMMENT ON COLUMN webchatt.notes.visitor IS 'the visitor''s id';
COMMENT ON COLUMN webchatt.notes.author IS 'who wrote it, as add_note() was told; null: not said';
COMMENT ON COLUMN webchatt.notes.text IS 'what they wrote, 1 to 4000 characters';
COMMENT ON COLUMN webchatt.notes.at IS 'when';

CREATE FUNCTION webchatt._new_message_id(channel uuid) RETURNS uuid
LANGUAGE c STRICT AS 'MODULE_PATHNAME', 'webchatt_new_message_id';
COMMENT ON FUNCTION webchatt._new_message_id(uuid) IS 'webchatt''s own: an id behind those of all messages of a channel';

CREATE FUNCTION webchatt._conversation_changed(channel uuid, visitor text) RETURNS void
LANGUAGE c STRICT AS 'MODULE_PATHNAME', 'webchatt_conversation_changed';
COMMENT ON FUNCTION webchatt._conversation_changed(uuid, text) IS
	'webchatt''s own: who looks at that conversation at the desk reads it again, when the transaction has committed';

CREATE FUNCTION webchatt.add_note(channel uuid, visitor text, text text, author text DEFAULT NULL) RETURNS uuid
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	made uuid;
BEGIN
	IF NOT EXISTS (SELECT FROM webchatt.visitors v WHERE v.channel_id = channel AND v.id = add_note.visitor) THEN
		RAISE EXCEPTION 'channel % has no visitor %', coalesce(channel::text, 'NULL'), coalesce(add_note.visitor, 'NULL')
			USING ERRCODE = 'undefined_object', HINT = 'Take channel_id and visitor from webchatt.inbox.';
	END IF;
	IF add_note.text IS NULL OR add_note.text !~ '[^[:space:]]' OR char_length(add_note.text) > 4000 THEN
		RAISE EXCEPTION 'a note has 1 to 4000 characters, and this one %', coalesce(char_length(regexp_replace(add_note.text, '^[[:space:]]+', '')), 0)
			USING ERRCODE = 'invalid_parameter_value', HINT = 'Write several notes where one is too short.';
	END IF;
	IF octet_length(add_note.author) NOT BETWEEN 1 AND 255 THEN
		RAISE EXCEPTION 'the author has % bytes', octet_length(add_note.author)
			USING ERRCODE = 'invalid_parameter_value', HINT = 'It has 1 to 255: the name of an agent or of an application, or NULL.';
	END IF;
	made := webchatt._new_message_id(channel);
	INSERT INTO webchatt.notes (id, channel_id, visitor, author, text)
	VALUES (made, channel, add_note.visitor, add_note.author, add_note.text);
	PERFORM webchatt._conversation_changed(channel, add_note.visitor);
	RETURN made;
END
$$;
COMMENT ON FUNCTION webchatt.add_note(uuid, text, text, text) IS
	'writes a note to colleagues into a conversation, which the visitor never sees, and returns its id. text: 1 to 4000 characters. author: who writes it';

CREATE FUNCTION webchatt.delete_note(id uuid) RETURNS boolean
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	gone webchatt.notes;
BEGIN
	DELETE FROM webchatt.notes n WHERE n.id = delete_note.id RETURNING n.* INTO gone;
	IF gone.id IS NULL THEN
		RETURN false;
	END IF;
	PERFORM webchatt._conversation_changed(gone.channel_id, gone.visitor);
	RETURN true;
END
$$;
COMMENT ON FUNCTION webchatt.delete_note(uuid) IS 'removes a note to colleagues for good; false when there is none of that id';

CREATE TABLE webchatt.canned_answers (
	id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
	name text COLLATE "C" NOT NULL CHECK (name ~ '^[a-z0-9][a-z0-9_-]{0,39}$'),
	channel_id uuid REFERENCES webchatt.channels (id) ON DELETE CASCADE,
	text text CHECK (char_length(text) BETWEEN 1 AND 4000 AND text ~ '[^[:space:]]'),
	content jsonb CHECK (jsonb_typeof(content) = 'object' AND content <> '{}' AND webchatt._content_size(content, 16384) <= 16384),
	created_by text,
	changed_at timestamptz NOT NULL DEFAULT now(),
	CHECK ((text IS NULL) <> (content IS NULL))
);
CREATE UNIQUE INDEX canned_answers_name ON webchatt.canned_answers (name, coalesce(channel_id, '00000000-0000-0000-0000-000000000000'));
CREATE INDEX canned_answers_channel ON webchatt.canned_answers (channel_id);
COMMENT ON TABLE webchatt.canned_answers IS
	'answers that are written once and used often, by /name at the desk; made by webchatt.set_canned_answer(), 1000 at most';
COMMENT ON COLUMN webchatt.canned_answers.name IS 'what is typed behind the slash';
COMMENT ON COLUMN webchatt.canned_answers.channel_id IS 'the channel that it is for, before one of the same name for all; null: all channels';
COMMENT ON COLUMN webchatt.canned_answers.text IS 'the text, 1 to 4000 characters: {name} is the visitor''s name, {agent} the agent''s; null: it is a content';
COMMENT ON COLUMN webchatt.canned_answers.content IS 'a content as of a message, with buttons or a picture, 16 kB at most; null: it is a text';
COMMENT ON COLUMN webchatt.canned_answers.created_by IS 'who wrote it last, as set_canned_answer() was told; null: not said';
COMMENT ON COLUMN webchatt.canned_answers.changed_at IS 'when that was';

CREATE FUNCTION webchatt.set_canned_answer(name text, text text DEFAULT NULL, content jsonb DEFAULT NULL, channel uuid DEFAULT NULL, author text DEFAULT NULL)
RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
	every uuid := '00000000-0000-0000-0000-000000000000';
BEGIN
	IF set_canned_answer.name IS NULL OR set_canned_answer.name !~ '^[a-z0-9][a-z0-9_-]{0,39}$' THEN
		RAISE EXCEPTION 'the name % of an answer is not usable', coalesce(quote_literal(set_canned_answer.name), 'NULL')
			USING ERRCODE = 'invalid_parameter_value',
				HINT = 'Use 1 to 40 lower-case letters, digits, hyphens and underscores, a letter or digit first.';
	END IF;
	IF (set_canned_answer.text IS NULL) = (set_canned_answer.content IS NULL) THEN
		RAISE EXCEPTION 'an answer has a text or a content, one of them' USING ERRCODE = 'invalid_parameter_value';
	END IF;
	IF set_canned_answer.text !~ '[^[:space:]]' OR char_length(set_canned_answer.text) > 4000 THEN
		RAISE EXCEPTION 'the text of an answer has 1 to 4000 characters, and this one %', char_length(regexp_replace(set_canned_answer.text, '^[[:space:]]+', ''))
			USING ERRCODE = 'invalid_parameter_value';
	END IF;
	IF jsonb_typeof(set_canned_answer.content) <> 'object' OR set_canned_answer.content = '{}' OR webchatt._content_size(set_canned_answer.content, 16384) > 16384 THEN
		RAISE EXCEPTION 'the content is not a JSON object with something in it, of at most 16 kB'
			USING ERRCODE = 'invalid_parameter_value', HINT = 'Give one that webchatt.send_message() takes.';
	END IF;
	IF channel IS NOT NULL AND NOT EXISTS (SELECT FROM webchatt.channels c WHERE c.id = channel) THEN
		RAISE EXCEPTION 'there is no channel %', channel
			USING ERRCODE = 'undefined_object', HINT = 'SELECT id, display_name FROM webchatt.channels lists them; NULL is all.';
	END IF;
	UPDATE webchatt.canned_answers a
	SET text = set_canned_answer.text, content = set_canned_answer.content, created_by = author, changed_at = now()
	WHERE a.name = set_canned_answer.name AND coalesce(a.channel_id, every) = coalesce(channel, every);
	IF FOUND THEN
		RETURN;
	END IF;
	IF (SELECT count(*) FROM webchatt.canned_answers) >= 1000 THEN
		RAISE EXCEPTION 'there are 1000 canned answers already'
			USING ERRCODE = 'program_limit_exceeded', HINT = 'Delete some that nobody uses: webchatt.delete_canned_answer().';
	END IF;
	INSERT INTO webchatt.canned_answers (name, channel_id, text, content, created_by)
	VALUES (set_canned_answer.name, channel, set_canned_answer.text, set_canned_answer.content, author)
	ON CONFLICT (name, coalesce(channel_id, '00000000-0000-0000-0000-000000000000'))
	DO UPDATE SET text = excluded.text, content = excluded.content, created_by = excluded.created_by, changed_at = now();
END
$$;
COMMENT ON FUNCTION webchatt.set_canned_answer(text, text, jsonb, uuid, text) IS
	'writes a canned answer, or writes the one of that name and channel anew. text: with {name} for the visitor''s name and {agent} for the agent''s; or content, as send_message() takes it. channel: NULL: for all. author: who writes it';

CREATE FUNCTION webchatt.delete_canned_answer(name text, channel uuid DEFAULT NULL) RETURNS boolean
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	DELETE FROM webchatt.canned_answers a
	WHERE a.name = delete_canned_answer.name AND a.channel_id IS NOT DISTINCT FROM channel;
	RETURN FOUND;
END
$$;
COMMENT ON FUNCTION webchatt.delete_canned_answer(text, uuid) IS
	'removes a canned answer, the one for that channel (NULL: the one for all); false when there is none';

----------------------------------------------------------------------------
-- The same for the desk
----------------------------------------------------------------------------

CREATE FUNCTION webchatt._desk_notes(channel uuid, visitor text, older_than uuid, newer_than uuid, most int)
RETURNS SETOF webchatt.notes
LANGUAGE plpgsql STABLE ROWS 10 SET search_path = pg_catalog, pg_temp SET plan_cache_mode = force_generic_plan
SET jit = off SET enable_seqscan = off SET enable_bitmapscan = off SET enable_sort = off AS $$
DECLARE
	bound uuid := coalesce(newer_than, older_than, 'ffffffff-ffff-ffff-ffff-ffffffffffff');
BEGIN
	IF newer_than IS NULL THEN
		RETURN QUERY SELECT n.* FROM webchatt.notes n
			WHERE n.channel_id = channel AND n.visitor = _desk_notes.visitor AND n.id < bound
			ORDER BY n.id DESC LIMIT most;
	ELSE
		RETURN QUERY SELECT n.* FROM webchatt.notes n
			WHERE n.channel_id = channel AND n.visitor = _desk_notes.visitor AND n.id > bound
			ORDER BY n.id LIMIT most;
	END IF;
END
$$;
COMMENT ON FUNCTION webchatt._desk_notes(uuid, text, uuid, uuid, int) IS
	'webchatt''s own: notes of a conversation behind one id, or the newest first, before one (NULL: of all)';

CREATE FUNCTION webchatt.desk_notes(args jsonb) RETURNS jsonb
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	what record := webchatt._desk_conversation(args);
	most int := webchatt._desk_limit(args);
BEGIN
	RETURN (WITH found AS MATERIALIZED (
			SELECT n.* FROM webchatt._desk_notes(what.channel, what.visitor, webchatt._desk_uuid(args, 'before', false), NULL, most + 1) WITH ORDINALITY n)
		SELECT jsonb_build_object(
			'notes', coalesce((SELECT jsonb_agg(jsonb_build_object('id', n.id, 'at', n.at, 'author', n.author, 'text', n.text) ORDER BY n.id)
				FROM found n WHERE n.ordinality <= most), '[]'),
			'more', EXISTS (SELECT FROM found n WHERE n.ordinality > most)));
END
$$;
COMMENT ON FUNCTION webchatt.desk_notes(jsonb) IS
	'the desk: {channel, visitor, before?: id, limit?} → {notes: [{id, at, author, text}], more}: a conversation''s notes to colleagues alone, the newest or those before one, the oldest first';

CREATE FUNCTION webchatt.desk_add_note(args jsonb) RETURNS jsonb
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	what record := webchatt._desk_conversation(args);
BEGIN
	RETURN jsonb_build_object('id', webchatt.add_note(what.channel, what.visitor, webchatt._desk_text(args, 'text'), author => webchatt._desk_agent()));
END
$$;
COMMENT ON FUNCTION webchatt.desk_add_note(jsonb) IS
	'the desk: {channel, visitor, text} → {id}: writes a note to colleagues, in the agent''s name, which is never sent';

CREATE FUNCTION webchatt.desk_delete_note(args jsonb) RETURNS jsonb
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	who text := webchatt._desk_agent();
	wanted uuid := webchatt._desk_uuid(args, 'id');
	writer text;
BEGIN
	SELECT coalesce(n.author, '') INTO writer FROM webchatt.notes n WHERE n.id = wanted;
	IF writer <> who AND NOT EXISTS (SELECT FROM webchatt.agents a WHERE a.name = who AND a.role = 'admin') THEN
		RAISE EXCEPTION 'that note is not yours'
			USING ERRCODE = 'insufficient_privilege', HINT = 'Who wrote it can delete it, and any admin.';
	END IF;
	RETURN jsonb_build_object('done', webchatt.delete_note(wanted));
END
$$;
COMMENT ON FUNCTION webchatt.desk_delete_note(jsonb) IS
	'the desk: {id} → {done}: removes a note to colleagues, one''s own or, for admins, anybody''s';

/* Of two of the same name, for a channel only its own: it stands before the one for all. */
CREATE FUNCTION webchatt.desk_canned_answers(args jsonb DEFAULT '{}') RETURNS jsonb
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	for_channel uuid := webchatt._desk_uuid(args, 'channel', false);
	words text := lower(coalesce(webchatt._desk_text(args, 'filter', false), ''));
	called text := webchatt._desk_text(args, 'name', false);
	behind text[] := regexp_match(webchatt._desk_text(args, 'after', false), '^([a-z0-9_-]{1,40}) ([0-9a-f-]{36})$');
	most int := webchatt._desk_limit(args);
	every uuid := '00000000-0000-0000-0000-000000000000';
BEGIN
	IF behind IS NULL AND webchatt._desk_text(args, 'after', false) IS NOT NULL THEN
		RAISE EXCEPTION '"after" is not what a page before had as "next"' USING ERRCODE = 'invalid_parameter_value';
	END IF;
	RETURN (WITH found AS MATERIALIZED (
			SELECT a.*, row_number() OVER (ORDER BY a.name, coalesce(a.channel_id, every)) AS n FROM webchatt.canned_answers a
			WHERE (words = '' OR strpos(a.name, words) > 0 OR strpos(lower(coalesce(a.text, a.content::text)), words) > 0)
				AND (called IS NULL OR a.name = called)
				AND (behind IS NULL OR (a.name, coalesce(a.channel_id, every)) > (behind[1], behind[2]::uuid))
				AND (for_channel IS NULL OR a.channel_id = for_channel OR a.channel_id IS NULL AND NOT EXISTS (SELECT FROM webchatt.canned_answers o
					WHERE o.name = a.name AND o.channel_id = for_channel))
			ORDER BY a.name, coalesce(a.channel_id, every) LIMIT most + 1)
		SELECT jsonb_build_object(
			'answers', coalesce((SELECT jsonb_agg(jsonb_build_object('name', a.name, 'channel', a.channel_id, 'text', a.text, 'content', a.content,
				'createdBy', a.created_by, 'changedAt', a.changed_at) ORDER BY a.n) FROM found a WHERE a.n <= most), '[]'),
			'next', (SELECT a.name || ' ' || coalesce(a.channel_id, every) FROM found a
				WHERE a.n = most AND EXISTS (SELECT FROM found x WHERE x.n > most))));
END
$$;
COMMENT ON FUNCTION webchatt.desk_canned_answers(jsonb) IS
	'the desk: {channel?, name?, filter?, after?, limit?} → {answers: [{name, channel, text, content, createdBy, changedAt}], next}: canned answers by name, with channel those that serve there, with name that one, with filter those whose name or text has it';

CREATE FUNCTION webchatt.desk_set_canned_answer(args jsonb) RETURNS jsonb
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	called text := webchatt._desk_text(args, 'name');
	for_channel uuid := webchatt._desk_uuid(args, 'channel', false);
	old_name text := webchatt._desk_text(args, 'oldName', false);
	old_channel uuid := webchatt._desk_uuid(args, 'oldChannel', false);
BEGIN
	IF old_name IS DISTINCT FROM called OR old_channel IS DISTINCT FROM for_channel THEN
		IF EXISTS (SELECT FROM webchatt.canned_answers a WHERE a.name = called AND a.channel_id IS NOT DISTINCT FROM for_channel) THEN
			RAISE EXCEPTION 'there is an answer /% already', called
				USING ERRCODE = 'duplicate_object', HINT = 'Take another name, or change that one.';
		END IF;
		PERFORM webchatt.delete_canned_answer(old_name, old_channel);
	END IF;
	PERFORM webchatt.set_canned_answer(called, webchatt._desk_text(args, 'text', false), webchatt._desk_arg(args, 'content', 'object', false),
		for_channel, webchatt._desk_agent());
	RETURN '{}';
END
$$;
COMMENT ON FUNCTION webchatt.desk_set_canned_answer(jsonb) IS
	'the desk: {name, text | content, channel?, oldName?, oldChannel?} → {}: writes a new canned answer, or writes the one anew that was called so';

CREATE FUNCTION webchatt.desk_delete_canned_answer(args jsonb) RETURNS jsonb
LANGUAGE sql SET search_path = pg_catalog, pg_temp AS $$
	SELECT jsonb_build_object('done', webchatt.delete_canned_answer(webchatt._desk_text(args, 'name'), webchatt._desk_uuid(args, 'channel', false)))
$$;
COMMENT ON FUNCTION webchatt.desk_delete_canned_answer(jsonb) IS
	'the desk: {name, channel?} → {done}: removes a canned answer';

/*
 * Who is perhaps the same: by what their pages said, which proves nothing.  Found by the index of the search, whose words of
 * a value are all words that the others have, too; then compared whole.
 */
CREATE FUNCTION webchatt._desk_alike(channel uuid, visitor text, name text, value text) RETURNS SETOF webchatt.visitors
LANGUAGE plpgsql STABLE ROWS 10 SET search_path = pg_catalog, pg_temp SET jit = off SET enable_seqscan = off AS $$
DECLARE
	q tsquery := (SELECT string_agg(quote_literal(w.lexeme), ' & ') FROM unnest(webchatt.visitor_words('', jsonb_build_object(name, value))) w)::tsquery;
BEGIN
	IF numnode(q) > 0 THEN
		RETURN QUERY SELECT v.* FROM webchatt.visitors v
			WHERE webchatt.visitor_words(v.id, v.attributes) OPERATOR(webchatt.@@) q AND v.attributes <> '{}'
				AND lower(btrim(v.attributes ->> _desk_alike.name)) = lower(btrim(value)) AND (v.channel_id, v.id) <> (channel, _desk_alike.visitor)
			LIMIT 10;
	END IF;
END
$$;
COMMENT ON FUNCTION webchatt._desk_alike(uuid, text, text, text) IS
	'webchatt''s own: up to ten other visitors whose attribute of that name has that value';

CREATE FUNCTION webchatt.desk_related(args jsonb) RETURNS jsonb
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp SET jit = off
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off AS $$
DECLARE
	what record := webchatt._desk_conversation(args);
BEGIN
	RETURN (WITH said AS MATERIALIZED (
			SELECT k.name, v.attributes ->> k.name AS value, k.n FROM webchatt.visitors v, (VALUES (1, 'user_id'), (2, 'userId'), (3, 'email')) k (n, name)
			WHERE v.channel_id = what.channel AND v.id = what.visitor AND jsonb_typeof(v.attributes -> k.name) = 'string'
				AND char_length(btrim(v.attributes ->> k.name)) BETWEEN 3 AND 200),
		alike AS MATERIALIZED (
			SELECT DISTINCT ON (v.channel_id, v.id) v.channel_id, v.id, v.attributes, s.name AS by
			FROM said s CROSS JOIN LATERAL webchatt._desk_alike(what.channel, what.visitor, s.name, s.value) v ORDER BY v.channel_id, v.id, s.n),
		shown AS (
			SELECT a.*, h.display_name, c.state, m.created_at, m.content FROM alike a
			JOIN webchatt.channels h ON h.id = a.channel_id
			LEFT JOIN webchatt.conversations c ON c.channel_id = a.channel_id AND c.visitor = a.id
			CROSS JOIN LATERAL (SELECT m.created_at, m.content FROM webchatt.messages m WHERE m.channel_id = a.channel_id AND m.visitor = a.id
				ORDER BY m.channel_id DESC, m.visitor DESC, m.id DESC LIMIT 1) m
			ORDER BY m.created_at DESC LIMIT 10)
		SELECT coalesce(jsonb_agg(jsonb_build_object('channel', s.channel_id, 'visitor', s.id, 'displayName', s.display_name, 'by', s.by, 'state', coalesce(s.state, 'open'),
			'lastAt', s.created_at, 'lastText', webchatt._content_line(s.content, 200)) ORDER BY s.created_at DESC), '[]') FROM shown s);
END
$$;
COMMENT ON FUNCTION webchatt.desk_related(jsonb) IS
	'the desk: {channel, visitor} → [{channel, visitor, displayName, by, state, lastAt, lastText}]: up to ten other conversations, on all channels that the caller may read, of visitors whose page said the same user_id, userId or email (by says which): not proved';
----------------------------------------------------------------------------
-- The desk, for admins: webhooks, API keys, remote hubs, rejects, who is signed in.
-- No secret is in what these return, but for the one that a call has just made
----------------------------------------------------------------------------

CREATE FUNCTION webchatt._desk_number(args jsonb, name text, needed boolean DEFAULT true) RETURNS bigint
LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	RETURN webchatt._desk_arg(args, name, 'number', needed)::bigint;
END
$$;
COMMENT ON FUNCTION webchatt._desk_number(jsonb, text, boolean) IS 'webchatt''s own: an argument that is a whole number';

CREATE FUNCTION webchatt._desk_flag(args jsonb, name text, needed boolean DEFAULT false) RETURNS boolean
LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	RETURN webchatt._desk_arg(args, name, 'boolean', needed)::boolean;
END
$$;
COMMENT ON FUNCTION webchatt._desk_flag(jsonb, text, boolean) IS 'webchatt''s own: an argument that is true or false';

CREATE FUNCTION webchatt._desk_list(args jsonb, name text, kind text, needed boolean DEFAULT true) RETURNS text[]
LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	list jsonb := webchatt._desk_arg(args, name, 'array', needed);
BEGIN
	IF list IS NULL THEN
		RETURN NULL;
	END IF;
	IF EXISTS (SELECT FROM jsonb_array_elements(list) e WHERE jsonb_typeof(e) <> kind) THEN
		RAISE EXCEPTION '"%" has an element that is no %', name, kind
			USING ERRCODE = 'invalid_parameter_value', HINT = format('All of them have to be of type %s.', kind);
	END IF;
	RETURN ARRAY(SELECT jsonb_array_elements_text(list));
END
$$;
COMMENT ON FUNCTION webchatt._desk_list(jsonb, text, text, boolean) IS 'webchatt''s own: an argument that is an array of strings, or of numbers; null: it was not given, and is not needed';

CREATE FUNCTION webchatt._desk_chosen(args jsonb, kind text) RETURNS text[]
LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	chosen text[] := webchatt._desk_list(args, 'ids', kind);
BEGIN
	IF cardinality(chosen) NOT BETWEEN 1 AND 100 THEN
		RAISE EXCEPTION '"ids" has % elements', cardinality(chosen)
			USING ERRCODE = 'invalid_parameter_value', HINT = 'Give 1 to 100.';
	END IF;
	RETURN chosen;
END
$$;
COMMENT ON FUNCTION webchatt._desk_chosen(jsonb, text) IS 'webchatt''s own: the argument ids, of strings or of numbers';

----------------------------------------------------------------------------
-- Webhooks of the local hub
----------------------------------------------------------------------------

/* As webchatt.feeds, but by id, and of the events that wait no more are looked at than 1,000: pages ask for it all the time. */
CREATE FUNCTION webchatt._desk_webhooks(one uuid, below int, most int) RETURNS TABLE (n int, webhook jsonb)
LANGUAGE plpgsql STABLE ROWS 50 SET search_path = pg_catalog, pg_temp SET plan_cache_mode = force_generic_plan
SET jit = off SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off SET enable_bitmapscan = off AS $$
BEGIN
	RETURN QUERY SELECT w.n, jsonb_build_object('id', w.id, 'label', w.label, 'endpoint', w.endpoint, 'eventType', w.event_type,
			'headers', (SELECT coalesce(jsonb_agg(h -> 'key' ORDER BY i), '[]') FROM jsonb_array_elements(w.headers) WITH ORDINALITY e (h, i)),
			'signed', w.secret IS NOT NULL, 'scope', w.scope, 'apiKey', k.label, 'channels', k.channels,
			'state', CASE WHEN k.revoked_at IS NOT NULL OR 'webhooks' <> ALL (k.scopes) OR NOT w.active THEN 'paused'
				WHEN w.verified_at IS NULL THEN 'verifying' WHEN p.failing_since IS NOT NULL THEN 'failing' ELSE 'delivering' END,
			'active', w.active,
			'reason', CASE WHEN k.revoked_at IS NOT NULL THEN 'its API key was revoked'
				WHEN 'webhooks' <> ALL (k.scopes) THEN 'its API key is no longer for webhooks' ELSE w.paused_reason END,
			'createdAt', w.created_at, 'verifiedAt', w.verified_at, 'failingSince', p.failing_since, 'lastError', p.last_error,
			'lastSuccessAt', p.last_success_at, 'lost', coalesce(p.lost, 0),
			'behind', b.behind, 'behindSince', b.oldest, 'behindMore', b.seen = 1000,
			'retries', (SELECT count(*) FROM webchatt.webhook_retries r WHERE r.webhook_id = w.id),
			'last', (SELECT jsonb_build_object('at', l.sent_at, 'good', l.good, 'statusCode', l.status_code, 'error', l.error)
				FROM webchatt.webhook_log l WHERE l.webhook_id = w.id ORDER BY l.webhook_id DESC, l.id DESC LIMIT 1))
		FROM webchatt.webhooks w
		LEFT JOIN webchatt.webhook_progress p ON p.webhook_id = w.id
		LEFT JOIN webchatt.api_keys k ON k.id = w.key_id
		CROSS JOIN LATERAL (
			SELECT count(*) AS seen, count(*) FILTER (WHERE f.missing) AS behind, min(f.created_at) FILTER (WHERE f.missing) AS oldest
			FROM (SELECT e.created_at, e.event_type = w.event_type AND (k.channels IS NULL OR e.channel_id = ANY (k.channels))
					AND NOT EXISTS (SELECT FROM webchatt.webhook_log l WHERE l.webhook_id = w.id AND l.seq = e.seq AND l.good) AS missing
				FROM webchatt.feed e WHERE e.seq > p.done_upto ORDER BY e.seq LIMIT 1000) f) b
		WHERE (w.id = one OR one IS NULL) AND w.n < coalesce(below, 2147483647)
		ORDER BY w.n DESC LIMIT most;
END
$$;
COMMENT ON FUNCTION webchatt._desk_webhooks(uuid, int, int) IS
	'webchatt''s own: webhooks as admins see them at the desk, the newest first; one of them, or those before one';

CREATE FUNCTION webchatt.desk_webhooks(args jsonb DEFAULT '{}') RETURNS jsonb
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	most int := webchatt._desk_limit(args);
BEGIN
	RETURN (WITH page AS MATERIALIZED (
			SELECT w.*, row_number() OVER (ORDER BY w.n DESC) AS place
			FROM webchatt._desk_webhooks(NULL, webchatt._desk_number(args, 'before', false)::int, most + 1) w)
		SELECT jsonb_build_object('webhooks', coalesce((SELECT jsonb_agg(p.webhook ORDER BY p.place) FROM page p WHERE p.place <= most), '[]'),
			'next', (SELECT p.n FROM page p WHERE p.place = most AND EXISTS (SELECT FROM page x WHERE x.place > most))));
END
$$;
COMMENT ON FUNCTION webchatt.desk_webhooks(jsonb) IS
	'the desk, for admins: {before?, limit?} → {webhooks: [{id, label, endpoint, eventType, headers: [name], signed, scope, apiKey, channels, state: "verifying" | "delivering" | "failing" | "paused", active, reason, createdAt, verifiedAt, failingSince, lastError, lastSuccessAt, lost, behind, behindSince, behindMore, retries, last: {at, good, statusCode, error}}], next}: of the local hub, the newest first. before: next of the page before; apiKey: the label of the key that made it; behind: events that it has not got, among the first 1,000 that are not done (behindMore: there are more); retries: those that are asked for and not made yet';

CREATE FUNCTION webchatt.desk_webhook(args jsonb) RETURNS jsonb
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	which uuid := webchatt._desk_uuid(args, 'id');
	found_one jsonb;
BEGIN
	SELECT w.webhook INTO found_one FROM webchatt._desk_webhooks(which, NULL, 1) w;
	IF NOT FOUND THEN
		RAISE EXCEPTION 'there is no webhook %', which USING ERRCODE = 'undefined_object', HINT = 'Take it from the list.';
	END IF;
	RETURN found_one;
END
$$;
COMMENT ON FUNCTION webchatt.desk_webhook(jsonb) IS 'the desk, for admins: {id} → the webhook as in webhooks';

/* Of a header that is not given its value, the one that it has is kept: the desk shows none.  Not for another server's eyes, though. */
CREATE FUNCTION webchatt._desk_headers(args jsonb, webhook uuid DEFAULT NULL) RETURNS jsonb
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	given jsonb := webchatt._desk_arg(args, 'headers', 'array', false);
	kept jsonb := '[]';
	untold text;
BEGIN
	SELECT w.headers INTO kept FROM webchatt.webhooks w WHERE w.id = webhook
		AND webchatt._origin_of(coalesce(webchatt._desk_text(args, 'endpoint', false), w.endpoint)) = webchatt._origin_of(w.endpoint);
	SELECT coalesce(jsonb_agg(CASE WHEN jsonb_typeof(h) = 'object' AND coalesce(h -> 'value', 'null') = 'null'
		THEN h || jsonb_build_object('value', (SELECT k -> 'value' FROM jsonb_array_elements(kept) k WHERE lower(k ->> 'key') = lower(h ->> 'key'))) ELSE h END
		ORDER BY i), '[]') INTO kept
	FROM jsonb_array_elements(given) WITH ORDINALITY e (h, i);
	SELECT h ->> 'key' INTO untold FROM jsonb_array_elements(kept) h WHERE jsonb_typeof(h -> 'key') = 'string' AND h -> 'value' = 'null' LIMIT 1;
	IF FOUND THEN
		RAISE EXCEPTION 'header % has no value', untold
			USING ERRCODE = 'invalid_parameter_value', HINT = 'What one server was told is not sent to another: where the endpoint moves, give the values again.';
	END IF;
	RETURN CASE WHEN given IS NOT NULL THEN kept END;
END
$$;
COMMENT ON FUNCTION webchatt._desk_headers(jsonb, uuid) IS 'webchatt''s own: the argument headers, with the values that a webhook has where none are given; null: it was not given';

CREATE FUNCTION webchatt.desk_create_webhook(args jsonb) RETURNS jsonb
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	made record;
BEGIN
	made := webchatt.create_webhook(webchatt._desk_text(args, 'label'), webchatt._desk_text(args, 'endpoint'), webchatt._desk_text(args, 'eventType'),
		coalesce(webchatt._desk_headers(args), '[]'), coalesce(webchatt._desk_flag(args, 'signed'), true), webchatt._desk_text(args, 'scope', false));
	RETURN webchatt.desk_webhook(jsonb_build_object('id', made.id)) || jsonb_build_object('secret', made.secret);
END
$$;
COMMENT ON FUNCTION webchatt.desk_create_webhook(jsonb) IS
	'the desk, for admins: {label, endpoint, eventType: "Message" | "MessageStatus", headers?: [{key, value}], signed?, scope?} → the webhook as in webhooks, and its secret, this once';

CREATE FUNCTION webchatt.desk_alter_webhook(args jsonb) RETURNS jsonb
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	which uuid := webchatt._desk_uuid(args, 'id');
	new_secret text := webchatt.alter_webhook(which, label => webchatt._desk_text(args, 'label', false), endpoint => webchatt._desk_text(args, 'endpoint', false),
		headers => webchatt._desk_headers(args, which), active => webchatt._desk_flag(args, 'active'), signed => webchatt._desk_flag(args, 'signed'),
		scope => webchatt._desk_text(args, 'scope', false));
BEGIN
	RETURN webchatt.desk_webhook(args) || jsonb_build_object('secret', new_secret);
END
$$;
COMMENT ON FUNCTION webchatt.desk_alter_webhook(jsonb) IS
	'the desk, for admins: {id, label?, endpoint?, headers?: [{key, value?}], active?, signed?, scope?} → the webhook as in webhooks, and its secret where it got a new one, this once. A header without a value keeps the one it has. {id} alone has an endpoint that is not verified asked again at once';

CREATE FUNCTION webchatt.desk_delete_webhook(args jsonb) RETURNS jsonb
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	PERFORM webchatt.delete_webhook(webchatt._desk_uuid(args, 'id'));
	RETURN '{}';
END
$$;
COMMENT ON FUNCTION webchatt.desk_delete_webhook(jsonb) IS 'the desk, for admins: {id} → {}: ends a webhook';

CREATE FUNCTION webchatt.desk_redefine_webhook_secret(args jsonb) RETURNS jsonb
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	RETURN jsonb_build_object('secret', webchatt.redefine_webhook_secret(webchatt._desk_uuid(args, 'id')));
END
$$;
COMMENT ON FUNCTION webchatt.desk_redefine_webhook_secret(jsonb) IS
	'the desk, for admins: {id} → {secret}: another signing secret, shown this once; the one before is used no more';

/* The log can have millions of lines, and is read by its two indexes whatever the statistics say. */
CREATE FUNCTION webchatt._desk_log(webhook uuid, failed boolean, before uuid, most int) RETURNS SETOF webchatt.webhook_log
LANGUAGE plpgsql STABLE ROWS 50 SET search_path = pg_catalog, pg_temp SET plan_cache_mode = force_generic_plan
SET jit = off SET enable_seqscan = off SET enable_bitmapscan = off SET enable_sort = off AS $$
DECLARE
	bound uuid := coalesce(before, 'ffffffff-ffff-ffff-ffff-ffffffffffff');
BEGIN
	IF failed THEN
		RETURN QUERY SELECT l.* FROM webchatt.webhook_log l WHERE l.webhook_id = webhook AND l.id < bound AND NOT l.good
			ORDER BY l.webhook_id DESC, l.id DESC LIMIT most;
	ELSE
		RETURN QUERY SELECT l.* FROM webchatt.webhook_log l WHERE l.webhook_id = webhook AND l.id < bound
			ORDER BY l.webhook_id DESC, l.id DESC LIMIT most;
	END IF;
END
$$;
COMMENT ON FUNCTION webchatt._desk_log(uuid, boolean, uuid, int) IS 'webchatt''s own: a page of a webhook''s log, the newest first';

CREATE FUNCTION webchatt.desk_webhook_log(args jsonb) RETURNS jsonb
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp SET plan_cache_mode = force_generic_plan
SET jit = off SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off SET enable_bitmapscan = off AS $$
DECLARE
	which uuid := webchatt._desk_uuid(args, 'id');
	most int := webchatt._desk_limit(args);
BEGIN
	RETURN (WITH page AS MATERIALIZED (
			SELECT l.* FROM webchatt._desk_log(which, coalesce(webchatt._desk_flag(args, 'failed'), false),
				webchatt._desk_uuid(args, 'before', false), most + 1) WITH ORDINALITY l)
		SELECT jsonb_build_object(
			'log', coalesce((SELECT jsonb_agg(jsonb_build_object('id', l.id, 'at', l.sent_at, 'messageId', l.message_id, 'attempt', l.attempt,
					'deliveryId', l.delivery_id, 'endpoint', l.endpoint, 'good', l.good, 'statusCode', l.status_code, 'answer', l.answer, 'error', l.error,
					'durationMs', round(l.duration_us / 1000.0, 1),
					'kept', EXISTS (SELECT FROM webchatt.feed e WHERE e.seq = l.seq),
					'delivered', NOT l.good AND EXISTS (SELECT FROM webchatt.webhook_log g WHERE g.webhook_id = which AND g.seq = l.seq AND g.good),
					'retrying', EXISTS (SELECT FROM webchatt.webhook_retries r WHERE r.webhook_id = which AND r.seq = l.seq)) ORDER BY l.ordinality)
				FROM page l WHERE l.ordinality <= most), '[]'),
			'next', (SELECT l.id FROM page l WHERE l.ordinality = most AND EXISTS (SELECT FROM page x WHERE x.ordinality > most))));
END
$$;
COMMENT ON FUNCTION webchatt.desk_webhook_log(jsonb) IS
	'the desk, for admins: {id, failed?: boolean, before?, limit?} → {log: [{id, at, messageId, attempt, deliveryId, endpoint, good, statusCode, answer, error, durationMs, kept, delivered, retrying}], next}: attempts of a webhook, the newest first. before: next of the page before; kept: its event is there, so it can be delivered again; delivered: it failed, and the event got there all the same; retrying: that is asked for';

CREATE FUNCTION webchatt.desk_retry_webhook_log(args jsonb) RETURNS jsonb
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	which uuid := webchatt._desk_uuid(args, 'id');
	chosen text[] := webchatt._desk_chosen(args, 'string');
BEGIN
	RETURN (SELECT jsonb_build_object('results', jsonb_agg(jsonb_build_object('id', r.webhook_log_id, 'success', r.success, 'newId', r.new_log_id)))
		FROM webchatt.retry_webhook_log(which, ARRAY(SELECT webchatt._rest_uuid(c) FROM unnest(chosen) c)) r);
END
$$;
COMMENT ON FUNCTION webchatt.desk_retry_webhook_log(jsonb) IS
	'the desk, for admins: {id, ids: []} → {results: [{id, success, newId}]}: has the events of up to 100 attempts of a webhook delivered again';

----------------------------------------------------------------------------
-- API keys of the local hub, and the databases that come with one
----------------------------------------------------------------------------

CREATE FUNCTION webchatt.desk_api_keys(args jsonb DEFAULT '{}') RETURNS jsonb
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp SET plan_cache_mode = force_generic_plan
SET jit = off SET enable_seqscan = off SET enable_bitmapscan = off SET enable_hashjoin = off SET enable_mergejoin = off AS $$
DECLARE
	most int := webchatt._desk_limit(args);
	below bigint := coalesce(webchatt._desk_number(args, 'before', false), 2147483648);
BEGIN
	RETURN (WITH page AS MATERIALIZED (
			SELECT k.*, row_number() OVER (ORDER BY k.id DESC) AS place
			FROM webchatt.api_keys k WHERE k.id < below ORDER BY k.id DESC LIMIT most + 1)
		SELECT jsonb_build_object('keys', coalesce((SELECT jsonb_agg(jsonb_build_object('id', k.id, 'label', k.label, 'scopes', k.scopes,
					'channels', k.channels, 'createdAt', k.created_at, 'revokedAt', k.revoked_at,
					'webhooks', (SELECT count(*) FROM webchatt.webhooks w WHERE w.key_id = k.id),
					'link', (SELECT jsonb_build_object('connectedSince', l.connected_since, 'client', l.client, 'leftAt', l.left_at, 'lost', l.lost)
						FROM webchatt.links l WHERE l.key_id = k.id)) ORDER BY k.place)
				FROM page k WHERE k.place <= most), '[]'),
			'next', (SELECT k.id FROM page k WHERE k.place = most AND EXISTS (SELECT FROM page x WHERE x.place > most))));
END
$$;
COMMENT ON FUNCTION webchatt.desk_api_keys(jsonb) IS
	'the desk, for admins: {before?, limit?} → {keys: [{id, label, scopes, channels: [id] | null, createdAt, revokedAt, webhooks: n, link: {connectedSince, client, leftAt, lost} | null}], next}: the newest first. channels: null is all; link: of the database that gets events with it';

CREATE FUNCTION webchatt.desk_create_api_key(args jsonb) RETURNS jsonb
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	wrong text;
	of text[] := webchatt._desk_list(args, 'channels', 'string', false);
BEGIN
	SELECT c INTO wrong FROM unnest(of) c WHERE webchatt._rest_uuid(c) IS NULL LIMIT 1;
	IF FOUND THEN
		RAISE EXCEPTION 'a channel''s id is not a UUID' USING ERRCODE = 'invalid_parameter_value';
	END IF;
	RETURN jsonb_build_object('key', webchatt.create_api_key(webchatt._desk_text(args, 'label'), of::uuid[], webchatt._desk_list(args, 'scopes', 'string', false)));
END
$$;
COMMENT ON FUNCTION webchatt.desk_create_api_key(jsonb) IS
	'the desk, for admins: {label, channels?: [id], scopes?: ["send" | "webhooks" | "link"]} → {key}: makes a key, which is shown this once. Left out, it is for all channels, and for all';

CREATE FUNCTION webchatt.desk_revoke_api_key(args jsonb) RETURNS jsonb
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	RETURN jsonb_build_object('done', webchatt.revoke_api_key(webchatt._desk_text(args, 'label')));
END
$$;
COMMENT ON FUNCTION webchatt.desk_revoke_api_key(jsonb) IS 'the desk, for admins: {label} → {done}: ends a key, with its link, and pauses its webhooks';

----------------------------------------------------------------------------
-- Remote hubs
----------------------------------------------------------------------------

CREATE FUNCTION webchatt._desk_hubs(one text, behind text, most int) RETURNS TABLE (name text, hub jsonb)
LANGUAGE plpgsql STABLE ROWS 50 SET search_path = pg_catalog, pg_temp SET plan_cache_mode = force_generic_plan
SET jit = off SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off SET enable_bitmapscan = off AS $$
BEGIN
	RETURN QUERY SELECT h.name, jsonb_build_object('name', h.name, 'apiUrl', h.api_url, 'inbound', h.inbound, 'createdAt', h.created_at,
			'state', CASE WHEN h.state = 'active' AND s.paused_until > clock_timestamp() THEN 'paused' ELSE h.state END,
			'reason', coalesce(h.state_reason, CASE WHEN s.paused_until > clock_timestamp() THEN s.last_error END),
			'since', CASE WHEN h.state <> 'active' THEN h.state_since END,
			'pausedUntil', CASE WHEN s.paused_until > clock_timestamp() THEN s.paused_until END,
			'queued', coalesce(s.queued, 0), 'oldestQueued', s.oldest_queued,
			'link', CASE WHEN h.inbound = 'link' THEN jsonb_build_object('phase', coalesce(s.link_phase, 'closed'), 'since', s.link_since,
				'error', s.link_error, 'lost', coalesce(s.link_lost, 0)) END,
			'channels', (SELECT count(*) FROM webchatt.channels c WHERE c.hub_id = h.id),
			'webhooks', (SELECT coalesce(jsonb_agg(jsonb_build_object('eventType', w.event_type, 'desired', w.desired, 'state', w.state,
					'endpoint', coalesce(w.actual_endpoint, w.endpoint), 'verifiedAt', w.verified_at, 'checkedAt', w.checked_at, 'changedAt', w.changed_at,
					'lastError', w.last_error, 'lastErrorAt', w.last_error_at, 'tries', w.tries) ORDER BY w.event_type), '[]')
				FROM webchatt.hub_webhooks w WHERE w.hub_id = h.id))
		FROM webchatt.hubs h CROSS JOIN LATERAL webchatt._hub_state(h.id) s
		WHERE h.kind = 'remote' AND (h.name = one OR one IS NULL) AND h.name > coalesce(behind, '')
		ORDER BY h.name LIMIT most;
END
$$;
COMMENT ON FUNCTION webchatt._desk_hubs(text, text, int) IS 'webchatt''s own: remote hubs as admins see them at the desk; one of them, or those behind one';

CREATE FUNCTION webchatt.desk_hubs(args jsonb DEFAULT '{}') RETURNS jsonb
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	most int := webchatt._desk_limit(args);
BEGIN
	RETURN (WITH page AS MATERIALIZED (
			SELECT h.*, row_number() OVER (ORDER BY h.name) AS place
			FROM webchatt._desk_hubs(NULL, webchatt._desk_text(args, 'after', false), most + 1) h)
		SELECT jsonb_build_object('hubs', coalesce((SELECT jsonb_agg(p.hub ORDER BY p.place) FROM page p WHERE p.place <= most), '[]'),
			'next', (SELECT p.name FROM page p WHERE p.place = most AND EXISTS (SELECT FROM page x WHERE x.place > most))));
END
$$;
COMMENT ON FUNCTION webchatt.desk_hubs(jsonb) IS
	'the desk, for admins: {after?, limit?} → {hubs: [{name, apiUrl, inbound, createdAt, state: "active" | "paused" | "stopped", reason, since, pausedUntil, queued, oldestQueued, link: {phase, since, error, lost} | null, channels: n, webhooks: [{eventType, desired, state, endpoint, verifiedAt, checkedAt, changedAt, lastError, lastErrorAt, tries}]}], next}: the remote ones, by name; the words are those of webchatt.status and webchatt.hub_webhooks';

CREATE FUNCTION webchatt.desk_hub(args jsonb) RETURNS jsonb
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	which text := webchatt._desk_text(args, 'name');
	found_one jsonb;
BEGIN
	SELECT h.hub INTO found_one FROM webchatt._desk_hubs(which, NULL, 1) h;
	IF NOT FOUND THEN
		RAISE EXCEPTION 'there is no remote hub %', quote_literal(which) USING ERRCODE = 'undefined_object', HINT = 'Take it from the list.';
	END IF;
	RETURN found_one || jsonb_build_object('repair', (SELECT coalesce(jsonb_agg(jsonb_build_object('eventType', r.event_type, 'lastLook', r.last_look,
			'nextLook', r.next_look, 'found', r.found, 'alreadyHere', r.already_here, 'asked', r.asked, 'repaired', r.repaired, 'waiting', r.waiting,
			'givenUp', r.given_up, 'skipped', r.skipped, 'lastError', r.last_error, 'lastErrorAt', r.last_error_at) ORDER BY r.event_type), '[]')
		FROM webchatt.repair r WHERE r.hub = which));
END
$$;
COMMENT ON FUNCTION webchatt.desk_hub(jsonb) IS
	'the desk, for admins: {name} → the hub as in hubs, and repair: [{eventType, lastLook, nextLook, found, alreadyHere, asked, repaired, waiting, givenUp, skipped, lastError, lastErrorAt}], as webchatt.repair';

CREATE FUNCTION webchatt.desk_connect_hub(args jsonb) RETURNS jsonb
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	called text := webchatt._desk_text(args, 'name');
	is_known boolean := coalesce(webchatt._desk_flag(args, 'known'), false);
	url text;
BEGIN
	SELECT h.api_url INTO url FROM webchatt.hubs h WHERE h.name = called AND h.kind = 'remote';
	IF FOUND AND NOT is_known THEN
		RAISE EXCEPTION 'there is a hub % already', quote_literal(called)
			USING ERRCODE = 'duplicate_object', HINT = 'Take another name; on the page of that hub it gets another key.';
	END IF;
	PERFORM webchatt.connect_hub(webchatt._desk_text(args, 'apiKey'), coalesce(webchatt._desk_text(args, 'apiUrl', false), url, 'https://api.chatt2.me'),
		called, webchatt._desk_text(args, 'inbound', false), coalesce(webchatt._desk_flag(args, 'insecure'), false));
	RETURN webchatt.desk_hub(args);
END
$$;
COMMENT ON FUNCTION webchatt.desk_connect_hub(jsonb) IS
	'the desk, for admins: {name, apiKey, apiUrl?, inbound?: "webhook" | "link", insecure?, known?} → the hub as in hub: attaches one; known: true gives one that is attached another key or URL, and starts it again. The key is shown nowhere';

CREATE FUNCTION webchatt.desk_register_webhooks(args jsonb) RETURNS jsonb
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	PERFORM webchatt.register_webhooks(webchatt._desk_text(args, 'name'));
	RETURN webchatt.desk_hub(args);
END
$$;
COMMENT ON FUNCTION webchatt.desk_register_webhooks(jsonb) IS 'the desk, for admins: {name} → the hub as in hub: has webhooks made, and kept, at it';

CREATE FUNCTION webchatt.desk_unregister_webhooks(args jsonb) RETURNS jsonb
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	PERFORM webchatt.unregister_webhooks(webchatt._desk_text(args, 'name'));
	RETURN webchatt.desk_hub(args);
END
$$;
COMMENT ON FUNCTION webchatt.desk_unregister_webhooks(jsonb) IS 'the desk, for admins: {name} → the hub as in hub: has our webhooks at it removed';

CREATE FUNCTION webchatt.desk_reconcile_webhooks(args jsonb) RETURNS jsonb
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	PERFORM webchatt.reconcile_webhooks(webchatt._desk_text(args, 'name'));
	RETURN webchatt.desk_hub(args);
END
$$;
COMMENT ON FUNCTION webchatt.desk_reconcile_webhooks(jsonb) IS
	'the desk, for admins: {name} → the hub as in hub: has our webhooks compared, and the logs of failed deliveries looked through, at once';

CREATE FUNCTION webchatt.desk_rotate_webhook_secret(args jsonb) RETURNS jsonb
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	PERFORM webchatt.rotate_webhook_secret(webchatt._desk_text(args, 'name'),
		CASE WHEN webchatt._desk_flag(args, 'atOnce') THEN interval '0' ELSE interval '1 day' END);
	RETURN webchatt.desk_hub(args);
END
$$;
COMMENT ON FUNCTION webchatt.desk_rotate_webhook_secret(jsonb) IS
	'the desk, for admins: {name, atOnce?} → the hub as in hub: has it make new signing secrets; the old ones are valid for a day, or end at once';

----------------------------------------------------------------------------
-- Rejects
----------------------------------------------------------------------------

CREATE FUNCTION webchatt._desk_rejects(one bigint, before bigint, most int, characters int) RETURNS TABLE (id bigint, reject jsonb)
LANGUAGE plpgsql STABLE ROWS 50 SET search_path = pg_catalog, pg_temp SET plan_cache_mode = force_generic_plan
SET jit = off SET enable_seqscan = off SET enable_bitmapscan = off SET enable_hashjoin = off SET enable_mergejoin = off SET enable_sort = off AS $$
BEGIN
	RETURN QUERY SELECT r.id, jsonb_build_object('id', r.id, 'eventType', r.event_type, 'hub', h.name, 'channel', nullif(r.channel_id, '00000000-0000-0000-0000-000000000000'),
			'displayName', c.display_name, 'visitor', r.visitor, 'sqlstate', r.sqlstate, 'reason', left(r.reason, 2000), 'detail', left(r.detail, 2000),
			'hint', left(r.hint, 2000), 'tries', r.tries, 'firstAt', r.first_at, 'lastAt', r.last_at,
			'body', left(r.body, characters), 'length', length(r.body))
			|| CASE WHEN one IS NOT NULL THEN jsonb_build_object('context', left(r.context, 10000), 'odd', r.raw IS NOT NULL) ELSE '{}' END
		FROM webchatt.rejects r
		LEFT JOIN webchatt.channels c ON c.id = r.channel_id
		LEFT JOIN webchatt.hubs h ON h.id = coalesce(r.hub_id, c.hub_id)
		WHERE r.id <= coalesce(one, 9223372036854775807) AND r.id >= coalesce(one, -9223372036854775808) AND r.id < coalesce(before, 9223372036854775807)
		ORDER BY r.id DESC LIMIT most;
END
$$;
COMMENT ON FUNCTION webchatt._desk_rejects(bigint, bigint, int, int) IS
	'webchatt''s own: rejects as admins see them at the desk, the newest first, so many characters of their bodies; one of them, or those before one';

CREATE FUNCTION webchatt.desk_rejects(args jsonb DEFAULT '{}') RETURNS jsonb
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	most int := webchatt._desk_limit(args);
BEGIN
	RETURN (WITH page AS MATERIALIZED (
			SELECT r.* FROM webchatt._desk_rejects(NULL, webchatt._desk_number(args, 'before', false), most + 1, 500) WITH ORDINALITY r)
		SELECT jsonb_build_object('rejects', coalesce((SELECT jsonb_agg(p.reject ORDER BY p.ordinality) FROM page p WHERE p.ordinality <= most), '[]'),
			'next', (SELECT p.id FROM page p WHERE p.ordinality = most AND EXISTS (SELECT FROM page x WHERE x.ordinality > most))));
END
$$;
COMMENT ON FUNCTION webchatt.desk_rejects(jsonb) IS
	'the desk, for admins: {before?, limit?} → {rejects: [{id, eventType, hub, channel, displayName, visitor, sqlstate, reason, detail, hint, tries, firstAt, lastAt, body, length}], next}: the newest first. before: next of the page before; body: its first 500 characters, of so many (length)';

CREATE FUNCTION webchatt.desk_reject(args jsonb) RETURNS jsonb
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	which bigint := webchatt._desk_number(args, 'id');
	found_one jsonb;
BEGIN
	SELECT r.reject INTO found_one FROM webchatt._desk_rejects(which, NULL, 1, 65536) r;
	IF NOT FOUND THEN
		RAISE EXCEPTION 'there is no reject %', which USING ERRCODE = 'undefined_object', HINT = 'It was retried, or dropped.';
	END IF;
	RETURN found_one;
END
$$;
COMMENT ON FUNCTION webchatt.desk_reject(jsonb) IS
	'the desk, for admins: {id} → the reject as in rejects, with 65,536 characters of its body, context, and odd: its bytes are not those of body';

/* Each by itself: what is refused still keeps none of the others. */
CREATE FUNCTION webchatt.desk_retry_reject(args jsonb) RETURNS jsonb
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	chosen bigint[] := webchatt._desk_chosen(args, 'number')::bigint[];
	one bigint;
	results jsonb := '[]';
	state text;
	message text;
	said text;
	todo text;
BEGIN
	FOREACH one IN ARRAY chosen LOOP
		BEGIN
			results := results || jsonb_build_object('id', one, 'result', webchatt.retry_reject(one));
		EXCEPTION WHEN OTHERS THEN
			GET STACKED DIAGNOSTICS state = RETURNED_SQLSTATE, message = MESSAGE_TEXT, said = PG_EXCEPTION_DETAIL, todo = PG_EXCEPTION_HINT;
			results := results || jsonb_build_object('id', one, 'sqlstate', state, 'errorMessage', left(message, 2000), 'detail', nullif(left(said, 2000), ''),
				'hint', nullif(left(todo, 2000), ''));
		END;
	END LOOP;
	RETURN jsonb_build_object('results', results);
END
$$;
COMMENT ON FUNCTION webchatt.desk_retry_reject(jsonb) IS
	'the desk, for admins: {ids: []} → {results: [{id, result: "stored" | "repeat"} | {id, sqlstate, errorMessage, detail, hint}]}: writes up to 100 rejected events again, each by itself; what is refused still stays, with why';

CREATE FUNCTION webchatt.desk_drop_reject(args jsonb) RETURNS jsonb
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	n int;
BEGIN
	DELETE FROM webchatt.rejects r WHERE r.id = ANY (webchatt._desk_chosen(args, 'number')::bigint[]);
	GET DIAGNOSTICS n = ROW_COUNT;
	RETURN jsonb_build_object('dropped', n);
END
$$;
COMMENT ON FUNCTION webchatt.desk_drop_reject(jsonb) IS 'the desk, for admins: {ids: []} → {dropped: n}: deletes up to 100 rejects, with the events that they hold';

----------------------------------------------------------------------------
-- Channels, and who is signed in
----------------------------------------------------------------------------

CREATE FUNCTION webchatt.desk_add_channel(args jsonb) RETURNS jsonb
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	added uuid := webchatt.add_channel(webchatt._desk_uuid(args, 'id'), webchatt._desk_text(args, 'hub'),
		coalesce(webchatt._desk_text(args, 'kind', false), 'web-chatt2me'), nullif(webchatt._desk_text(args, 'displayName', false), ''));
BEGIN
	RETURN webchatt._desk_channels(added) -> 0;
END
$$;
COMMENT ON FUNCTION webchatt.desk_add_channel(jsonb) IS
	'the desk, for admins: {id, hub, kind?, displayName?} → the channel as in channels: adds a remote hub''s';

CREATE FUNCTION webchatt.desk_pause_newcomers(args jsonb) RETURNS jsonb
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	channel uuid := webchatt._desk_uuid(args, 'id');
BEGIN
	PERFORM webchatt.pause_newcomers(channel, webchatt._desk_flag(args, 'paused', true));
	RETURN webchatt._desk_channels(channel) -> 0;
END
$$;
COMMENT ON FUNCTION webchatt.desk_pause_newcomers(jsonb) IS
	'the desk, for admins: {id, paused} → the channel as in channels: it takes no new visitors, or takes them again';

CREATE FUNCTION webchatt.desk_agent_sessions(args jsonb) RETURNS jsonb
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	who text := webchatt._desk_text(args, 'name');
	before bigint := coalesce(webchatt._desk_number(args, 'before', false), 9223372036854775807);
	most int := webchatt._desk_limit(args);
BEGIN
	PERFORM webchatt._need_agent(who);
	RETURN (WITH page AS MATERIALIZED (
			SELECT s.*, row_number() OVER (ORDER BY s.id DESC) AS place FROM webchatt.agent_sessions s
			WHERE s.agent = who AND s.id < before AND s.expires_at > now()
				AND s.last_seen > now() - make_interval(secs => extract(epoch FROM current_setting('webchatt.desk_session_idle')::interval))
			ORDER BY s.id DESC LIMIT most + 1)
		SELECT jsonb_build_object('sessions', coalesce((SELECT jsonb_agg(jsonb_build_object('id', s.id, 'createdAt', s.created_at, 'lastSeen', s.last_seen,
					'expiresAt', s.expires_at, 'client', s.client, 'userAgent', s.user_agent, 'current', coalesce(s.id = webchatt._desk_session(), false)) ORDER BY s.place)
				FROM page s WHERE s.place <= most), '[]'),
			'next', (SELECT s.id FROM page s WHERE s.place = most AND EXISTS (SELECT FROM page x WHERE x.place > most))));
END
$$;
COMMENT ON FUNCTION webchatt.desk_agent_sessions(jsonb) IS
	'the desk, for admins: {name, before?, limit?} → {sessions: [{id, createdAt, lastSeen, expiresAt, client, userAgent, current}], next}: where an agent is signed in, the newest first. before: next of the page before';

CREATE FUNCTION webchatt.desk_end_agent_session(args jsonb) RETURNS jsonb
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	RETURN jsonb_build_object('ended', webchatt.end_agent_session(webchatt._desk_number(args, 'id')));
END
$$;
COMMENT ON FUNCTION webchatt.desk_end_agent_session(jsonb) IS 'the desk, for admins: {id} → {ended}: signs any agent out there';
----------------------------------------------------------------------------
-- The desk: passkeys (WebAuthn), by which an agent signs in without a link
----------------------------------------------------------------------------

CREATE TABLE webchatt.passkeys (
	id bigint GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY,
	agent text COLLATE "C" NOT NULL REFERENCES webchatt.agents (name) ON DELETE CASCADE ON UPDATE CASCADE,
	label text NOT NULL CHECK (char_length(label) BETWEEN 1 AND 50 AND btrim(label) <> ''),
	credential_id bytea NOT NULL UNIQUE CHECK (octet_length(credential_id) BETWEEN 1 AND 1023),
	user_handle text COLLATE "C" NOT NULL CHECK (user_handle ~ '^[A-Za-z0-9_-]{43}$'),
	public_key bytea NOT NULL CHECK (octet_length(public_key) BETWEEN 1 AND 1024),
	sign_count bigint NOT NULL DEFAULT 0 CHECK (sign_count BETWEEN 0 AND 4294967295),
	created_at timestamptz NOT NULL DEFAULT now(),
	last_used timestamptz
);
CREATE INDEX passkeys_agent ON webchatt.passkeys (agent);
COMMENT ON TABLE webchatt.passkeys IS
	'keys by which agents sign in to the desk, registered there by themselves; a row that is deleted opens nothing any more: webchatt.delete_passkey(). No secret is in it';
COMMENT ON COLUMN webchatt.passkeys.id IS 'its number';
COMMENT ON COLUMN webchatt.passkeys.agent IS 'who signs in by it';
COMMENT ON COLUMN webchatt.passkeys.label IS 'what the agent calls it, 1 to 50 characters';
COMMENT ON COLUMN webchatt.passkeys.credential_id IS 'what the authenticator calls it';
COMMENT ON COLUMN webchatt.passkeys.user_handle IS 'what authenticators know the agent by: made at random with the first passkey, the same in the others; base64url';
COMMENT ON COLUMN webchatt.passkeys.public_key IS 'a COSE_Key (RFC 9052) of the algorithm ES256, EdDSA (Ed25519) or RS256';
COMMENT ON COLUMN webchatt.passkeys.sign_count IS 'how often the authenticator said that it had signed; 0: it does not count';
COMMENT ON COLUMN webchatt.passkeys.created_at IS 'when it was registered';
COMMENT ON COLUMN webchatt.passkeys.last_used IS 'when somebody signed in by it; null: nobody yet';
COMMENT ON SEQUENCE webchatt.passkeys_id_seq IS 'numbers webchatt.passkeys';

-- unlogged: after a crash whoever was about to sign in begins anew
CREATE UNLOGGED TABLE webchatt.passkey_challenges (
	hash bytea PRIMARY KEY CHECK (octet_length(hash) = 32),
	agent text COLLATE "C",
	session bigint,
	user_handle text COLLATE "C",
	expires_at timestamptz NOT NULL
);
CREATE INDEX passkey_challenges_expires_at ON webchatt.passkey_challenges (expires_at);
COMMENT ON TABLE webchatt.passkey_challenges IS 'webchatt''s own: what an authenticator is to sign, once, within five minutes. Unlogged, and in no dump';
COMMENT ON COLUMN webchatt.passkey_challenges.hash IS 'SHA-256 of the challenge in base64url';
COMMENT ON COLUMN webchatt.passkey_challenges.agent IS 'who registers a passkey; null: it is for signing in';
COMMENT ON COLUMN webchatt.passkey_challenges.session IS 'in which session of the desk that is; null: in none';
COMMENT ON COLUMN webchatt.passkey_challenges.user_handle IS 'as in webchatt.passkeys; null: it is for signing in';
COMMENT ON COLUMN webchatt.passkey_challenges.expires_at IS 'until when it works';

CREATE FUNCTION webchatt._passkey_registered(data bytea, rp_id text, OUT credential_id bytea, OUT public_key bytea, OUT sign_count bigint)
LANGUAGE c IMMUTABLE STRICT AS 'MODULE_PATHNAME', 'webchatt_passkey_registered';
COMMENT ON FUNCTION webchatt._passkey_registered(bytea, text) IS
	'webchatt''s own: what an authenticator says of a new passkey for that host; raises when it is none that can be taken';

CREATE FUNCTION webchatt._passkey_asserted(public_key bytea, data bytea, client_data bytea, signature bytea, rp_id text,
	OUT sign_count bigint, OUT problem text)
LANGUAGE c IMMUTABLE STRICT AS 'MODULE_PATHNAME', 'webchatt_passkey_asserted';
COMMENT ON FUNCTION webchatt._passkey_asserted(bytea, bytea, bytea, bytea, text) IS
	'webchatt''s own: whether the key signed that for that host; problem: why it is not good, null: it is';

/* Browsers know passkeys by a host's name (never by an IP address), and have them where nobody can listen. */
CREATE FUNCTION webchatt._passkey_host(OUT origin text, OUT rp_id text)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	host text;
BEGIN
	origin := webchatt.normalize_origin(substring(webchatt._desk_url() FROM '^[^/]*//[^/]*'));
	host := regexp_replace(regexp_replace(origin, '^https?://', ''), ':[0-9]+$', '');
	IF host !~ '^([0-9.]+|[[].*)$' AND (origin LIKE 'https:%' OR host ~ '(^|[.])localhost$') THEN
		rp_id := host;
	END IF;
EXCEPTION WHEN object_not_in_prerequisite_state OR invalid_parameter_value THEN
	origin := NULL;		-- it is not known under which URL browsers come
END
$$;
COMMENT ON FUNCTION webchatt._passkey_host() IS
	'webchatt''s own: the origin of the desk''s page, and what passkeys of it are for; rp_id null: they cannot be there';

CREATE FUNCTION webchatt._need_passkey_host(OUT origin text, OUT rp_id text)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	SELECT h.origin, h.rp_id INTO origin, rp_id FROM webchatt._passkey_host() h;
	IF rp_id IS NULL THEN
		RAISE EXCEPTION 'there can be no passkeys for %', coalesce(origin, 'a desk without a URL')
			USING ERRCODE = 'object_not_in_prerequisite_state',
				HINT = 'Browsers have them where the page comes by https from a host with a name, or from localhost; webchatt.desk_url says where the desk is.';
	END IF;
END
$$;
COMMENT ON FUNCTION webchatt._need_passkey_host() IS 'webchatt''s own: _passkey_host(); raises when there can be no passkeys';

CREATE FUNCTION webchatt._desk_bytes(args jsonb, name text, most int) RETURNS bytea
LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	value text := webchatt._desk_text(args, name);
BEGIN
	IF value !~ '^[A-Za-z0-9_-]+$' OR length(value) % 4 = 1 OR length(value) * 3 / 4 > most THEN
		RAISE EXCEPTION '"%" is not 1 to % bytes in base64url', name, most USING ERRCODE = 'invalid_parameter_value';
	END IF;
	RETURN decode(translate(value, '-_', '+/') || repeat('=', -length(value) & 3), 'base64');
END
$$;
COMMENT ON FUNCTION webchatt._desk_bytes(jsonb, text, int) IS 'webchatt''s own: an argument that is so many bytes at most, in base64url without padding';

CREATE FUNCTION webchatt._passkey_challenge(agent text DEFAULT NULL, user_handle text DEFAULT NULL) RETURNS text
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	challenge text := webchatt._random_token('', 32);
BEGIN
	DELETE FROM webchatt.passkey_challenges c WHERE c.expires_at <= now();
	IF _passkey_challenge.agent IS NOT NULL THEN
		DELETE FROM webchatt.passkey_challenges c
		WHERE c.agent = _passkey_challenge.agent AND c.session IS NOT DISTINCT FROM webchatt._desk_session();
	ELSE
		-- strangers ask for these, each address for ten a minute
		DELETE FROM webchatt.passkey_challenges c WHERE c.hash IN (SELECT o.hash FROM webchatt.passkey_challenges o
			WHERE o.agent IS NULL ORDER BY o.expires_at DESC OFFSET 9999);
	END IF;
	INSERT INTO webchatt.passkey_challenges (hash, agent, session, user_handle, expires_at)
	VALUES (sha256(convert_to(challenge, 'UTF8')), _passkey_challenge.agent,
		CASE WHEN _passkey_challenge.agent IS NOT NULL THEN webchatt._desk_session() END, _passkey_challenge.user_handle, now() + interval '5 minutes');
	RETURN challenge;
END
$$;
COMMENT ON FUNCTION webchatt._passkey_challenge(text, text) IS
	'webchatt''s own: what an authenticator is to sign, in base64url; agent: of who registers a passkey, null: of who signs in';

CREATE FUNCTION webchatt._passkey_client(client_data bytea) RETURNS jsonb
LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	client jsonb := convert_from(client_data, 'UTF8')::jsonb;
BEGIN
	IF jsonb_typeof(client) <> 'object' THEN
		RAISE EXCEPTION '"clientDataJSON" is not a JSON object' USING ERRCODE = 'invalid_parameter_value';
	END IF;
	RETURN client;
END
$$;
COMMENT ON FUNCTION webchatt._passkey_client(bytea) IS 'webchatt''s own: what a browser says of what it had an authenticator do; raises when that is no JSON object';

CREATE FUNCTION webchatt._passkey_complaint(client jsonb, kind text, origin text) RETURNS text
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
	SELECT CASE
		WHEN client ->> 'type' IS DISTINCT FROM kind THEN 'it was made for something else'
		WHEN client ->> 'origin' IS DISTINCT FROM origin THEN format('it was made on another page than one of %s', origin)
		WHEN coalesce(client -> 'crossOrigin', 'false') <> 'false' THEN 'it was made in a frame on another site'
	END
$$;
COMMENT ON FUNCTION webchatt._passkey_complaint(jsonb, text, text) IS 'webchatt''s own: what is wrong with what a browser says; null: nothing';

/*
 * What somebody has who wants to sign in by a passkey.  The challenge is used up whatever comes of it, so nothing is raised
 * behind that.
 */
CREATE FUNCTION webchatt._passkey_sign_in(args jsonb, OUT agent text, OUT problem text)
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	host record := webchatt._need_passkey_host();
	credential bytea := webchatt._desk_bytes(args, 'credentialId', 1023);
	handle text := webchatt._desk_text(args, 'userHandle');
	data bytea := webchatt._desk_bytes(args, 'authenticatorData', 4096);
	client_data bytea := webchatt._desk_bytes(args, 'clientDataJSON', 4096);
	signature bytea := webchatt._desk_bytes(args, 'signature', 512);
	client jsonb := webchatt._passkey_client(client_data);
	passkey webchatt.passkeys;
	said record;
BEGIN
	DELETE FROM webchatt.passkey_challenges c
	WHERE c.hash = sha256(convert_to(client ->> 'challenge', 'UTF8')) AND c.agent IS NULL AND c.expires_at > now();
	IF NOT FOUND THEN
		problem := 'it took longer than five minutes, or was used already';
		RETURN;
	END IF;
	SELECT k.* INTO passkey FROM webchatt.passkeys k WHERE k.credential_id = credential AND k.user_handle = handle FOR UPDATE;
	IF NOT FOUND THEN
		problem := 'it is not known here, or was removed';
		RETURN;
	END IF;
	said := webchatt._passkey_asserted(passkey.public_key, data, client_data, signature, host.rp_id);
	problem := coalesce(webchatt._passkey_complaint(client, 'webauthn.get', host.origin), said.problem);
	IF problem IS NOT NULL THEN
		RETURN;
	END IF;
	IF said.sign_count <= passkey.sign_count AND passkey.sign_count > 0 THEN
		problem := 'its count of signatures went back, so there may be a copy of it';
		RAISE WARNING 'a passkey of agent % was refused: its count of signatures went back from % to %', passkey.agent, passkey.sign_count, said.sign_count
			USING HINT = format('There may be a copy of it. SELECT webchatt.delete_passkey(%s) removes it.', passkey.id);
		RETURN;
	END IF;
	IF NOT EXISTS (SELECT FROM webchatt.agents a WHERE a.name = passkey.agent AND a.disabled_at IS NULL) THEN
		problem := 'who it is of is locked out';
		RETURN;
	END IF;
	UPDATE webchatt.passkeys k SET sign_count = said.sign_count, last_used = now() WHERE k.id = passkey.id;
	agent := passkey.agent;
END
$$;
COMMENT ON FUNCTION webchatt._passkey_sign_in(jsonb) IS
	'webchatt''s own: whose passkey signed what webchatt._passkey_challenge() gave; agent null: problem says why it does not open the desk';

CREATE FUNCTION webchatt.delete_passkey(id bigint) RETURNS boolean
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	DELETE FROM webchatt.passkeys k WHERE k.id = delete_passkey.id;
	RETURN FOUND;
END
$$;
COMMENT ON FUNCTION webchatt.delete_passkey(bigint) IS
	'removes a passkey (webchatt.passkeys has its number): nobody signs in by it any more; sessions that it opened go on. False when there is none';

----------------------------------------------------------------------------
-- What the desk calls.  Whose passkeys those are does not follow from rights: as with sessions
----------------------------------------------------------------------------

CREATE FUNCTION webchatt._passkey_owner() RETURNS text
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	IF webchatt._desk_session() IS NULL AND NOT pg_has_role(session_user, 'webchatt_admin', 'MEMBER') THEN
		RAISE EXCEPTION 'only the desk knows whose passkeys these are'
			USING ERRCODE = 'insufficient_privilege', HINT = 'Call it at the desk, or as a member of webchatt_admin.';
	END IF;
	RETURN webchatt._desk_agent();
END
$$;
COMMENT ON FUNCTION webchatt._passkey_owner() IS 'webchatt''s own: whose passkeys whoever calls may see and change';

CREATE FUNCTION webchatt._own_passkeys() RETURNS SETOF webchatt.passkeys
LANGUAGE plpgsql STABLE SECURITY DEFINER ROWS 20 SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	who text := webchatt._passkey_owner();
BEGIN
	RETURN QUERY SELECT k.* FROM webchatt.passkeys k WHERE k.agent = who;
END
$$;
COMMENT ON FUNCTION webchatt._own_passkeys() IS 'webchatt''s own: the passkeys of the agent who calls';

CREATE FUNCTION webchatt._own_passkey_challenge(OUT challenge text, OUT rp_id text, OUT user_handle text)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	who text := webchatt._passkey_owner();
	host record := webchatt._need_passkey_host();
BEGIN
	rp_id := host.rp_id;
	user_handle := coalesce((SELECT k.user_handle FROM webchatt.passkeys k WHERE k.agent = who ORDER BY k.id LIMIT 1), webchatt._random_token('', 32));
	challenge := webchatt._passkey_challenge(who, user_handle);
END
$$;
COMMENT ON FUNCTION webchatt._own_passkey_challenge() IS 'webchatt''s own: what the agent who calls registers a passkey with';

CREATE FUNCTION webchatt._add_own_passkey(label text, data bytea, client_data bytea) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	who text := webchatt._passkey_owner();
	host record := webchatt._need_passkey_host();
	client jsonb := webchatt._passkey_client(client_data);
	problem text := webchatt._passkey_complaint(client, 'webauthn.create', host.origin);
	handle text;
	said record;
	made bigint;
BEGIN
	IF coalesce(btrim(label), '') = '' OR char_length(label) > 50 THEN
		RAISE EXCEPTION 'the passkey''s name is empty or longer than 50 characters'
			USING ERRCODE = 'invalid_parameter_value', HINT = 'Name the device that it is on.';
	END IF;
	DELETE FROM webchatt.passkey_challenges c
	WHERE c.hash = sha256(convert_to(client ->> 'challenge', 'UTF8')) AND c.agent = who
		AND c.session IS NOT DISTINCT FROM webchatt._desk_session() AND c.expires_at > now()
	RETURNING c.user_handle INTO handle;
	IF NOT FOUND THEN
		problem := coalesce(problem, 'it took longer than five minutes, or was not asked for in this session');
	END IF;
	IF problem IS NOT NULL THEN
		RAISE EXCEPTION 'the passkey cannot be taken: %', problem
			USING ERRCODE = 'invalid_parameter_value', HINT = 'Try again.';
	END IF;
	said := webchatt._passkey_registered(data, host.rp_id);
	PERFORM FROM webchatt.agents a WHERE a.name = who FOR UPDATE;
	IF (SELECT count(*) FROM webchatt.passkeys k WHERE k.agent = who) >= 20 THEN
		RAISE EXCEPTION 'you have 20 passkeys already'
			USING ERRCODE = 'program_limit_exceeded', HINT = 'Remove one that you do not need.';
	END IF;
	INSERT INTO webchatt.passkeys (agent, label, credential_id, user_handle, public_key, sign_count)
	VALUES (who, _add_own_passkey.label, said.credential_id, handle, said.public_key, said.sign_count)
	ON CONFLICT (credential_id) DO NOTHING
	RETURNING id INTO made;
	IF made IS NULL THEN
		RAISE EXCEPTION 'this passkey is registered already' USING ERRCODE = 'duplicate_object';
	END IF;
	RETURN made;
END
$$;
COMMENT ON FUNCTION webchatt._add_own_passkey(text, bytea, bytea) IS 'webchatt''s own: registers a passkey of the agent who calls, and returns its number';

CREATE FUNCTION webchatt._remove_own_passkey(id bigint) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	who text := webchatt._passkey_owner();
BEGIN
	DELETE FROM webchatt.passkeys k WHERE k.id = _remove_own_passkey.id AND k.agent = who;
	RETURN FOUND;
END
$$;
COMMENT ON FUNCTION webchatt._remove_own_passkey(bigint) IS 'webchatt''s own: removes a passkey of the agent who calls';

CREATE FUNCTION webchatt.desk_passkeys(args jsonb DEFAULT '{}') RETURNS jsonb
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	RETURN jsonb_build_object(
		'rpId', (SELECT h.rp_id FROM webchatt._passkey_host() h),
		'passkeys', coalesce((SELECT jsonb_agg(jsonb_build_object('id', k.id, 'label', k.label, 'createdAt', k.created_at, 'lastUsed', k.last_used)
			ORDER BY k.id) FROM webchatt._own_passkeys() k), '[]'));
END
$$;
COMMENT ON FUNCTION webchatt.desk_passkeys(jsonb) IS
	'the desk: {} → {rpId, passkeys: [{id, label, createdAt, lastUsed}]}: those of the agent. rpId: the host that they are for; null: there can be none under webchatt.desk_url';

CREATE FUNCTION webchatt.desk_passkey_options(args jsonb DEFAULT '{}') RETURNS jsonb
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	made record := webchatt._own_passkey_challenge();
BEGIN
	RETURN jsonb_build_object('challenge', made.challenge, 'rpId', made.rp_id,
		'user', (SELECT jsonb_build_object('id', made.user_handle, 'name', a.name, 'displayName', a.display_name)
			FROM webchatt.agents a WHERE a.name = webchatt._desk_agent()),
		'exclude', coalesce((SELECT jsonb_agg(rtrim(translate(replace(encode(k.credential_id, 'base64'), chr(10), ''), '+/', '-_'), '=') ORDER BY k.id)
			FROM webchatt._own_passkeys() k), '[]'));
END
$$;
COMMENT ON FUNCTION webchatt.desk_passkey_options(jsonb) IS
	'the desk: {} → {challenge, rpId, user: {id, name, displayName}, exclude: [credential id]}: what a passkey is made with, within five minutes and in the same session; bytes are base64url';

CREATE FUNCTION webchatt.desk_add_passkey(args jsonb) RETURNS jsonb
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	RETURN jsonb_build_object('id', webchatt._add_own_passkey(webchatt._desk_text(args, 'label'),
		webchatt._desk_bytes(args, 'authenticatorData', 4096), webchatt._desk_bytes(args, 'clientDataJSON', 4096)));
END
$$;
COMMENT ON FUNCTION webchatt.desk_add_passkey(jsonb) IS
	'the desk: {label, authenticatorData, clientDataJSON} → {id}: registers a passkey, of which an agent has 20 at most; bytes are base64url';

CREATE FUNCTION webchatt.desk_remove_passkey(args jsonb) RETURNS jsonb
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	RETURN jsonb_build_object('removed', webchatt._remove_own_passkey(webchatt._desk_arg(args, 'id', 'number')::bigint));
END
$$;
COMMENT ON FUNCTION webchatt.desk_remove_passkey(jsonb) IS 'the desk: {id} → {removed}: the agent does not sign in by that passkey any more';
----------------------------------------------------------------------------
-- How webchatt is doing: the last hour, what is to be looked at, and the settings; and the
-- desk's pages of them
----------------------------------------------------------------------------

CREATE FUNCTION webchatt._last_hour(
	OUT at timestamptz, OUT messages_in bigint, OUT messages_out bigint, OUT statuses bigint, OUT failed bigint, OUT rejected bigint,
	OUT deliveries bigint, OUT visitors bigint, OUT queued bigint, OUT slowest_turn_ms double precision)
RETURNS SETOF record
LANGUAGE c STRICT AS 'MODULE_PATHNAME', 'webchatt_last_hour';
COMMENT ON FUNCTION webchatt._last_hour() IS 'webchatt''s own: the minutes of webchatt.last_hour in which a worker was there';

CREATE VIEW webchatt.last_hour AS
SELECT m.at, l.messages_in, l.messages_out, l.statuses, l.failed, l.rejected, l.deliveries, l.visitors, l.queued, l.slowest_turn_ms
FROM (SELECT date_trunc('minute', clock_timestamp()) AS now OFFSET 0) t
CROSS JOIN LATERAL generate_series(t.now - interval '1 hour', t.now, interval '1 minute') m (at)
LEFT JOIN webchatt._last_hour() l ON l.at = m.at;
COMMENT ON VIEW webchatt.last_hour IS
	'what happened in the current minute and the sixty before it, by the server''s clock: a row each. Kept in memory, over restarts of the worker but not of the server; in a minute in which no worker was there, all is null';
COMMENT ON COLUMN webchatt.last_hour.at IS 'when the minute began';
COMMENT ON COLUMN webchatt.last_hour.messages_in IS 'messages of visitors that were written, repeats included; not those that ingest() took in';
COMMENT ON COLUMN webchatt.last_hour.messages_out IS 'messages that a visitor''s session or the hub took';
COMMENT ON COLUMN webchatt.last_hour.statuses IS 'what came about messages that had been sent: delivered, read, failed';
COMMENT ON COLUMN webchatt.last_hour.failed IS 'messages that were given up: failed or expired';
COMMENT ON COLUMN webchatt.last_hour.rejected IS 'events that went into webchatt.rejects';
COMMENT ON COLUMN webchatt.last_hour.deliveries IS 'events that webhooks'' endpoints took';
COMMENT ON COLUMN webchatt.last_hour.visitors IS 'the most connections of visitors at a time';
COMMENT ON COLUMN webchatt.last_hour.queued IS 'messages that were queued at its end';
COMMENT ON COLUMN webchatt.last_hour.slowest_turn_ms IS 'how long the worker''s longest transaction took: everybody who writes waits for it';

CREATE FUNCTION webchatt._disk(OUT free bigint, OUT size bigint)
LANGUAGE c STRICT AS 'MODULE_PATHNAME', 'webchatt_disk';
COMMENT ON FUNCTION webchatt._disk() IS 'webchatt''s own: bytes that are free where the database''s tables are, and how large that is';

/*
 * What there is to look at, with what it is judged by.  The judgement is here, once: the desk has words for
 * it, and whoever watches from elsewhere asks for level <> 'good'.
 */
CREATE VIEW webchatt.health AS
WITH s AS MATERIALIZED (SELECT * FROM webchatt.status),
facts (what, bad, warn, figures) AS (
	SELECT 'worker', s.worker_pid IS NULL OR s.state <> 'running', s.alive_at < clock_timestamp() - interval '10 s',
		jsonb_build_object('state', s.state, 'started_at', s.started_at, 'alive_at', s.alive_at,
			'standbys', nullif(current_setting('synchronous_standby_names'), '')) FROM s
	UNION ALL SELECT 'error', false, s.last_error_at > clock_timestamp() - interval '1 hour',
		jsonb_build_object('error', s.last_error, 'at', s.last_error_at) FROM s WHERE s.last_error IS NOT NULL
	UNION ALL SELECT 'network', s.net_pid IS NULL OR s.corridor <> 'open' OR s.listening IS NULL, NOT s.confined,
		jsonb_build_object('listening', s.listening, 'confined', s.confined, 'restarts', s.net_restarts, 'turned_away', s.requests_turned_away) FROM s
	UNION ALL SELECT 'version', false, e.extversion <> a.default_version,
		jsonb_build_object('installed', e.extversion, 'files', a.default_version, 'server', current_setting('server_version'))
		FROM pg_extension e LEFT JOIN pg_available_extensions a ON a.name = e.extname WHERE e.extname = 'webchatt'
	UNION ALL SELECT 'visitors', s.visitors >= m.most, s.visitors >= 0.8 * m.most, jsonb_build_object('visitors', s.visitors, 'most', m.most)
		FROM s, (SELECT current_setting('webchatt.max_visitors')::int AS most) m
	UNION ALL SELECT 'commits', h.slowest >= 10000, h.slowest >= 1000,
		jsonb_build_object('slowest_ms', h.slowest, 'waiting', s.events_waiting, 'standbys', nullif(current_setting('synchronous_standby_names'), ''))
		FROM s, (SELECT max(l.slowest_turn_ms) AS slowest FROM webchatt.last_hour l WHERE l.at > clock_timestamp() - interval '5 min') h
	UNION ALL SELECT 'queued', s.oldest_age > interval '10 min', s.oldest_age > interval '1 min',
		jsonb_build_object('queued', s.queued, 'oldest', s.oldest_queued) FROM s
	UNION ALL SELECT 'held', false, false, jsonb_build_object('held', h.n, 'more', h.n > 10000, 'oldest', h.oldest)
		FROM (SELECT count(*) AS n, min(h.held_at) AS oldest FROM (SELECT h.held_at FROM webchatt.held h LIMIT 10001) h) h
	UNION ALL SELECT 'overdue', false, s.overdue > 0, jsonb_build_object('overdue', s.overdue) FROM s
	UNION ALL SELECT 'hubs', h.n > 0, false, jsonb_build_object('hubs', s.hubs)
		FROM s, LATERAL (SELECT count(*) AS n FROM jsonb_each(s.hubs) h WHERE h.value ->> 'state' <> 'active') h
	UNION ALL SELECT 'feeds', coalesce(bool_or(f.state LIKE 'paused%' AND f.state <> 'paused by hand'), false),
		coalesce(bool_or(f.state LIKE 'failing%' OR f.state = 'verifying' AND f.last_error IS NOT NULL OR f.oldest < clock_timestamp() - interval '5 min' OR f.lost > 0), false),
		jsonb_build_object('feeds', coalesce(jsonb_agg(jsonb_build_object('kind', f.kind, 'label', f.label, 'state', f.state,
			'behind', f.behind, 'oldest', f.oldest, 'lost', f.lost, 'error', f.last_error) ORDER BY f.place) FILTER (WHERE f.place <= 20), '[]'))
		FROM (SELECT f.*, row_number() OVER (ORDER BY f.state = 'delivering', f.oldest, f.kind, f.label) AS place FROM webchatt.feeds f) f
	UNION ALL SELECT 'rejects', false, r.n > 0, jsonb_build_object('rejects', r.n, 'more', r.n > 1000)
		FROM (SELECT count(*) AS n FROM (SELECT FROM webchatt.rejects r LIMIT 1001) r) r
	UNION ALL SELECT 'budgets', b.n > 0, s.paused_channels > 0 OR b.nearly > 0,
		jsonb_build_object('budgets', s.budgets, 'paused_channels', s.paused_channels)
		FROM s, LATERAL (SELECT count(*) FILTER (WHERE b.used >= b.an_hour) AS n, count(*) FILTER (WHERE b.used >= 0.8 * b.an_hour) AS nearly
			FROM webchatt.budgets b) b
	UNION ALL SELECT 'disk', d.free < least(0.05 * d.size, 1073741824), d.free < least(0.15 * d.size, 10737418240),
		jsonb_build_object('free', d.free, 'size', d.size,
			'database', CASE WHEN has_database_privilege(current_database(), 'CONNECT') THEN pg_database_size(current_database()) END)
		FROM webchatt._disk() d
)
SELECT f.what, CASE WHEN f.bad THEN 'bad' WHEN f.warn THEN 'warn' ELSE 'good' END AS level, f.figures
FROM facts f;
COMMENT ON VIEW webchatt.health IS
	'what to look at, a row each: SELECT * FROM webchatt.health WHERE level <> ''good''. What to do then is in doc/monitoring.md, and on the desk''s page Status';
COMMENT ON COLUMN webchatt.health.what IS
	'worker, error (the last one), network (webchatt-net), version, visitors, commits (how long the worker''s turns took in the last five minutes), queued, held, overdue, hubs, feeds (webhooks and links), rejects, budgets, disk';
COMMENT ON COLUMN webchatt.health.level IS 'good; warn: somebody should have a look; bad: something does not work';
COMMENT ON COLUMN webchatt.health.figures IS 'what it is judged by: an object';

/*
 * The settings as the worker has them, which a session may have otherwise (SET, ALTER ROLE), and where it has them from.
 */
CREATE FUNCTION webchatt._settings(OUT place int, OUT section text, OUT name text, OUT value text, OUT unit text, OUT default_value text,
	OUT source text, OUT secret boolean, OUT what text, OUT more text)
RETURNS SETOF record
LANGUAGE c STRICT AS 'MODULE_PATHNAME', 'webchatt_settings';
COMMENT ON FUNCTION webchatt._settings() IS 'webchatt''s own: what webchatt.settings shows of the worker';

CREATE FUNCTION webchatt._setting_value(name text, given text) RETURNS text
LANGUAGE c STRICT STABLE AS 'MODULE_PATHNAME', 'webchatt_setting_value';
COMMENT ON FUNCTION webchatt._setting_value(text, text) IS
	'webchatt''s own: a value of a setting in the form that webchatt.settings has it in; null: it is none';

CREATE VIEW webchatt.settings AS
SELECT s.place, s.section, 'webchatt.' || s.name AS name, s.value, s.unit, s.default_value, s.source,
	s.source IS NOT NULL AND s.source NOT IN ('user', 'database user', 'override', 'command line') AND CASE
		WHEN d.given IS NULL THEN s.source = 'database'
		ELSE s.source <> 'database' OR NOT s.secret AND s.value IS DISTINCT FROM webchatt._setting_value(s.name, d.given) END AS pending,
	s.secret, s.what, s.more,
	CASE s.name WHEN 'databases' THEN 'ALTER SYSTEM SET webchatt.databases = ...; SELECT pg_reload_conf();'
		WHEN 'agent' THEN 'SET webchatt.agent = ''...'';'
		ELSE format('ALTER DATABASE %I SET webchatt.%s = ''...''; SELECT pg_reload_conf();', current_database(), s.name) END AS change,
	CASE WHEN s.name IN ('listen', 'desk_listen', 'ca_file') THEN 'network' WHEN s.name IN ('databases', 'agent') THEN s.name ELSE 'worker' END AS effect
FROM webchatt._settings() s
LEFT JOIN LATERAL (SELECT substr(c.line, strpos(c.line, '=') + 1) AS given
	FROM pg_db_role_setting r CROSS JOIN LATERAL unnest(r.setconfig) c (line)
	WHERE r.setrole = 0 AND r.setdatabase = (SELECT b.oid FROM pg_database b WHERE b.datname = current_database())
		AND split_part(c.line, '=', 1) = 'webchatt.' || s.name) d ON true;
COMMENT ON VIEW webchatt.settings IS
	'the settings as this database''s worker works by them, in the order of doc/settings.md. pg_settings shows what a session has, which is not the same where it was SET there, by ALTER ROLE, or since the worker started';
COMMENT ON COLUMN webchatt.settings.place IS 'their order';
COMMENT ON COLUMN webchatt.settings.section IS 'the section of doc/settings.md';
COMMENT ON COLUMN webchatt.settings.name IS 'its name';
COMMENT ON COLUMN webchatt.settings.value IS 'what the worker has, with its unit where it is a time or a size; null: no worker runs, or it is not for everybody''s eyes (secret). Cut at 255 bytes';
COMMENT ON COLUMN webchatt.settings.unit IS 'the unit of a number without one';
COMMENT ON COLUMN webchatt.settings.default_value IS 'what it is where nobody set it';
COMMENT ON COLUMN webchatt.settings.source IS
	'where the worker has it from: default, configuration file, database (ALTER DATABASE ... SET), global (ALTER ROLE ALL SET) and others, as in pg_settings; null: no worker runs';
COMMENT ON COLUMN webchatt.settings.pending IS
	'whether ALTER DATABASE ... SET or RESET has changed it and the worker does not know yet: SELECT pg_reload_conf()';
COMMENT ON COLUMN webchatt.settings.secret IS 'only superusers may read its value';
COMMENT ON COLUMN webchatt.settings.what IS 'what it is';
COMMENT ON COLUMN webchatt.settings.more IS 'why and when to change it; null: there is no more to say';
COMMENT ON COLUMN webchatt.settings.change IS 'the statements that change it, for a superuser';
COMMENT ON COLUMN webchatt.settings.effect IS
	'what a change starts anew: network (webchatt-net: connections are cut and come again), worker (the worker, and with it webchatt-net, where it is ALTER DATABASE; nothing where it stands in postgresql.conf), databases (the workers of databases that came or went), agent (nothing: it is a session''s)';

CREATE FUNCTION webchatt.desk_health(args jsonb DEFAULT '{}') RETURNS jsonb
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	RETURN jsonb_build_object('now', clock_timestamp(), 'checks',
		(SELECT jsonb_agg(jsonb_build_object('what', h.what, 'level', h.level, 'figures', h.figures)) FROM webchatt.health h));
END
$$;
COMMENT ON FUNCTION webchatt.desk_health(jsonb) IS
	'the desk, for admins: {} → {now, checks: [{what, level, figures}]}: webchatt.health';

CREATE FUNCTION webchatt.desk_last_hour(args jsonb DEFAULT '{}') RETURNS jsonb
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	RETURN (SELECT jsonb_agg(jsonb_build_object('at', l.at, 'in', l.messages_in, 'out', l.messages_out, 'statuses', l.statuses,
		'failed', l.failed, 'rejected', l.rejected, 'deliveries', l.deliveries, 'visitors', l.visitors, 'queued', l.queued,
		'slowestMs', round(l.slowest_turn_ms::numeric, 1)) ORDER BY l.at) FROM webchatt.last_hour l);
END
$$;
COMMENT ON FUNCTION webchatt.desk_last_hour(jsonb) IS
	'the desk, for admins: {} → [{at, in, out, statuses, failed, rejected, deliveries, visitors, queued, slowestMs}]: webchatt.last_hour, the oldest minute first; nulls where no worker was there';

CREATE FUNCTION webchatt.desk_settings(args jsonb DEFAULT '{}') RETURNS jsonb
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	RETURN (SELECT jsonb_agg(jsonb_build_object('section', s.section, 'name', s.name, 'value', s.value, 'unit', s.unit, 'default', s.default_value,
		'source', s.source, 'pending', s.pending, 'secret', s.secret, 'what', s.what, 'more', s.more, 'change', s.change, 'effect', s.effect) ORDER BY s.place)
		FROM webchatt.settings s);
END
$$;
COMMENT ON FUNCTION webchatt.desk_settings(jsonb) IS
	'the desk, for admins: {} → [{section, name, value, unit, default, source, pending, secret, what, more, change, effect}]: webchatt.settings';

----------------------------------------------------------------------------
-- The widget's script with more in its configuration
----------------------------------------------------------------------------

CREATE FUNCTION webchatt._check_widget_config(config jsonb) RETURNS void
LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	member record;
	good boolean;
	hint text;
BEGIN
	IF jsonb_typeof(config) IS DISTINCT FROM 'object' THEN
		RAISE EXCEPTION 'the widget''s configuration is no JSON object'
			USING ERRCODE = 'invalid_parameter_value', HINT = 'Give for example ''{"title": "Help", "position": "left"}''.';
	END IF;
	FOR member IN SELECT m.key, m.value, m.value #>> '{}' AS text, jsonb_typeof(m.value) AS kind FROM jsonb_each(config) m LOOP
		CASE
			WHEN member.key = 'colors' THEN
				good := member.kind = 'object' AND NOT EXISTS (SELECT FROM jsonb_each(CASE member.kind WHEN 'object' THEN member.value ELSE '{}' END) v
					WHERE v.key !~ '^[a-z]{1,12}(-[a-z]{1,12})?$' OR jsonb_typeof(v.value) <> 'string' OR v.value #>> '{}' !~ '^(#[0-9A-Fa-f]{6}|var[(]--webchatt-[a-z]{1,12}(-[a-z]{1,12})?[)])$');
				hint := 'Give each colour as #rrggbb, for example {"accent": "#7a1f5c", "on-accent": "#ffffff"}, or as another one: var(--webchatt-text).';
			WHEN member.key = 'title' THEN
				good := char_length(member.text) BETWEEN 1 AND 50;
				hint := 'Give 1 to 50 characters; without it the head shows the channel''s display name.';
			WHEN member.key = 'greeting' THEN
				good := char_length(member.text) BETWEEN 1 AND 500;
				hint := 'Give 1 to 500 characters.';
			WHEN member.key = 'position' THEN
				good := member.text IN ('left', 'right');
				hint := 'Give left or right.';
			WHEN member.key = 'theme' THEN
				good := member.text IN ('auto', 'light', 'dark');
				hint := 'Give auto, light or dark.';
			WHEN member.key = 'dir' THEN
				good := member.text IN ('ltr', 'rtl');
				hint := 'Give ltr or rtl.';
			WHEN member.key = 'lang' THEN
				good := member.text ~ '^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*$' AND length(member.text) <= 35;
				hint := 'Give a language as en or pt-BR.';
			WHEN member.key IN ('strings', 'attributes') THEN
				good := member.kind = 'object' AND NOT EXISTS (SELECT FROM jsonb_each(CASE member.kind WHEN 'object' THEN member.value ELSE '{}' END) v
					WHERE jsonb_typeof(v.value) <> 'string');
				hint := 'Give an object whose members are strings.';
			ELSE
				RAISE EXCEPTION 'the widget''s configuration has no %', to_json(member.key)
					USING ERRCODE = 'invalid_parameter_value',
						HINT = 'It has colors, title, greeting, position, theme, lang, dir, strings and attributes: widget/README.md.';
		END CASE;
		IF NOT good OR member.kind <> (CASE WHEN member.key IN ('colors', 'strings', 'attributes') THEN 'object' ELSE 'string' END) THEN
			RAISE EXCEPTION '% of the widget''s configuration is not usable', to_json(member.key)
				USING ERRCODE = 'invalid_parameter_value', HINT = hint;
		END IF;
	END LOOP;
END
$$;
COMMENT ON FUNCTION webchatt._check_widget_config(jsonb) IS 'webchatt''s own: raises when that is no configuration of the widget';

/* What it is may stand in a page: every character that HTML reads in a quoted attribute is escaped. */
CREATE FUNCTION webchatt.widget_script(channel uuid, config jsonb) RETURNS text
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	script text := webchatt.widget_script(channel);
	tail text := '}''></script>';
	more text;
BEGIN
	PERFORM webchatt._check_widget_config(config);
	SELECT string_agg(',' || to_json(m.key) || ':' || m.value, '' ORDER BY m.key) INTO more FROM jsonb_each(config) m;
	RETURN left(script, -length(tail)) || coalesce(replace(webchatt._escape_html(more), '&quot;', '"'), '') || tail;
END
$$;
COMMENT ON FUNCTION webchatt.widget_script(uuid, jsonb) IS
	'the same with more in its configuration: colors ({"accent": "#rrggbb"}), title, greeting, position (left, right), theme (auto, light, dark), lang, dir (ltr, rtl), strings, attributes; widget/README.md says what they are. Nothing of it is kept in the database';

CREATE FUNCTION webchatt.desk_widget_script(args jsonb) RETURNS jsonb
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	channel uuid := webchatt._desk_uuid(args, 'id');
	config jsonb := webchatt._desk_arg(args, 'config', 'object');
BEGIN
	PERFORM webchatt._check_widget_config(config);
	RETURN jsonb_build_object('script', CASE WHEN webchatt._desk_widget_script(channel) IS NOT NULL THEN webchatt.widget_script(channel, config) END);
END
$$;
COMMENT ON FUNCTION webchatt.desk_widget_script(jsonb) IS
	'the desk, for admins: {id, config: {}} → {script}: the channel''s tag with that in its data-config. null where webchatt.public_url is not known';
----------------------------------------------------------------------------
-- Which user of the site a visitor is: secrets, tokens, joining (doc/identity.md, doc/decisions/0018-identity.md)
----------------------------------------------------------------------------

CREATE TABLE webchatt.identity_secrets (
	channel_id uuid PRIMARY KEY REFERENCES webchatt.channels (id) ON DELETE CASCADE,
	secret text NOT NULL CHECK (secret ~ '^[!-~]+$' AND length(secret) BETWEEN 32 AND 512),
	old_secret text CHECK (length(old_secret) BETWEEN 32 AND 512),
	old_secret_until timestamptz,
	changed_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE webchatt.identity_secrets IS
	'what the site''s server signs with who a visitor is, one row for each channel that has one; webchatt.set_identity_secret() writes it';
COMMENT ON COLUMN webchatt.identity_secrets.secret IS 'secret: the key of the tokens'' HMAC, its characters as they stand here';
COMMENT ON COLUMN webchatt.identity_secrets.old_secret IS 'secret: also accepted, until old_secret_until';
COMMENT ON COLUMN webchatt.identity_secrets.old_secret_until IS 'when the old secret stops being accepted';
COMMENT ON COLUMN webchatt.identity_secrets.changed_at IS 'when the secret was last set';

CREATE TRIGGER config_changed AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON webchatt.identity_secrets
	FOR EACH STATEMENT EXECUTE FUNCTION webchatt._config_changed();

CREATE FUNCTION webchatt._sign(secret text, head text, body text) RETURNS bytea
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'webchatt_sign';
COMMENT ON FUNCTION webchatt._sign(text, text, text) IS 'webchatt''s own: HMAC-SHA256 of the head, a dot and the body';

CREATE FUNCTION webchatt.set_identity(channel uuid, identity text) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	PERFORM webchatt._need_local_channel(channel);
	IF set_identity.identity IS NULL OR set_identity.identity NOT IN ('none', 'optional', 'required') THEN
		RAISE EXCEPTION 'identity cannot be %', coalesce(quote_literal(set_identity.identity), 'NULL')
			USING ERRCODE = 'invalid_parameter_value',
				HINT = 'Use none (pages cannot say who a visitor is), optional (they can) or required (nobody else is let in).';
	END IF;
	IF set_identity.identity <> 'none' AND NOT EXISTS (SELECT FROM webchatt.identity_secrets s WHERE s.channel_id = channel) THEN
		RAISE EXCEPTION 'channel % has no identity secret', channel
			USING ERRCODE = 'object_not_in_prerequisite_state',
				HINT = 'SELECT webchatt.set_identity_secret(channel) makes one; the site''s server signs with it.';
	END IF;
	UPDATE webchatt.channels c SET identity = set_identity.identity WHERE c.id = channel AND c.identity <> set_identity.identity;
END
$$;
COMMENT ON FUNCTION webchatt.set_identity(uuid, text) IS
	'says whether a channel''s pages can say, signed by the site''s server, which user a visitor is: none, optional, or required, which lets nobody else in and ends the sessions of the others';

CREATE FUNCTION webchatt.set_identity_secret(channel uuid, secret text DEFAULT NULL, keep_old interval DEFAULT '1 day') RETURNS text
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	wanted text := coalesce(set_identity_secret.secret, webchatt._random_token('wis_', 32));
BEGIN
	PERFORM webchatt._need_local_channel(channel);
	IF length(wanted) NOT BETWEEN 32 AND 512 OR wanted !~ '^[!-~]+$' THEN
		RAISE EXCEPTION 'the identity secret is not usable'
			USING ERRCODE = 'invalid_parameter_value', DETAIL = format('It has %s characters.', length(wanted)),
				HINT = 'Give 32 to 512 printable ASCII characters without blanks, made at random, or leave it out: then one is made.';
	END IF;
	IF keep_old IS NULL OR keep_old < interval '0' THEN
		RAISE EXCEPTION 'keep_old is %', coalesce(keep_old::text, 'NULL')
			USING ERRCODE = 'invalid_parameter_value',
				HINT = 'Give how long the old secret stays valid, for example interval ''1 day'', or interval ''0'' for not at all.';
	END IF;
	INSERT INTO webchatt.identity_secrets AS s (channel_id, secret) VALUES (channel, wanted)
	ON CONFLICT (channel_id) DO UPDATE SET
		old_secret = CASE WHEN keep_old = interval '0' THEN NULL WHEN s.secret = excluded.secret THEN s.old_secret ELSE s.secret END,
		old_secret_until = CASE WHEN s.secret = excluded.secret THEN s.old_secret_until ELSE now() + keep_old END,
		secret = excluded.secret, changed_at = now();
	UPDATE webchatt.channels c SET identity = 'optional' WHERE c.id = channel AND c.identity = 'none';
	RETURN wanted;
END
$$;
COMMENT ON FUNCTION webchatt.set_identity_secret(uuid, text, interval) IS
	'sets what the site''s server signs a channel''s identity tokens with, and returns it. secret: 32 to 512 printable ASCII characters; NULL: one of 256 bits is made. The one before stays valid for keep_old. A channel whose identity was none has it optional from now on';

CREATE FUNCTION webchatt._base64url(bytes bytea) RETURNS text
LANGUAGE sql IMMUTABLE STRICT SET search_path = pg_catalog, pg_temp AS $$
	SELECT translate(encode(bytes, 'base64'), '+/=' || chr(10), '-_')
$$;
COMMENT ON FUNCTION webchatt._base64url(bytea) IS 'webchatt''s own: base64 with - and _, and nothing behind it';

CREATE FUNCTION webchatt.identity_token(channel uuid, user_id text, valid_for interval DEFAULT '1 hour', name text DEFAULT NULL,
	email text DEFAULT NULL, avatar text DEFAULT NULL)
RETURNS text
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_variable
DECLARE
	key text;
	head text := webchatt._base64url('{"alg":"HS256","typ":"JWT"}');
	body text;
BEGIN
	PERFORM webchatt._need_local_channel(channel);
	SELECT s.secret INTO key FROM webchatt.identity_secrets s WHERE s.channel_id = channel;
	IF NOT FOUND THEN
		RAISE EXCEPTION 'channel % has no identity secret', channel
			USING ERRCODE = 'object_not_in_prerequisite_state', HINT = 'SELECT webchatt.set_identity_secret(channel) makes one.';
	END IF;
	IF user_id IS NULL OR octet_length(user_id) NOT BETWEEN 1 AND 255 OR user_id ~ '[[:cntrl:]]' THEN
		RAISE EXCEPTION 'the user''s id is NULL, or not one'
			USING ERRCODE = 'invalid_parameter_value', HINT = 'Give 1 to 255 bytes without control characters: the key of the user in your own tables, say.';
	END IF;
	IF valid_for IS NULL OR valid_for <= interval '0' OR valid_for > interval '366 days' THEN
		RAISE EXCEPTION 'valid_for is %', coalesce(valid_for::text, 'NULL')
			USING ERRCODE = 'invalid_parameter_value', HINT = 'Give how long the token is good for, an hour, say, and at most a year.';
	END IF;
	body := webchatt._base64url(convert_to(json_strip_nulls(json_build_object('sub', user_id,
		'exp', ceil(extract(epoch FROM clock_timestamp() + valid_for))::bigint, 'name', name, 'email', email, 'picture', avatar))::text, 'UTF8'));
	RETURN head || '.' || body || '.' || webchatt._base64url(webchatt._sign(key, head, body));
END
$$;
COMMENT ON FUNCTION webchatt.identity_token(uuid, text, interval, text, text, text) IS
	'a token that says which user a visitor is, for sites whose server is this database: for Chatt2me.identify({signature}). Whoever has it is that user, for valid_for (a year at most), so give it to nobody else. name, email, avatar: what is shown of them. It runs with its owner''s rights: GRANT EXECUTE to the role that the site connects as, which need not see the secret';

----------------------------------------------------------------------------
-- Joining: an anonymous visitor turns out to be one who is known
----------------------------------------------------------------------------

/*
 * A conversation is moved in pieces, by the worker, which also looks again and again for a while: a
 * transaction that was under way may commit a message to the one who is gone.
 */
CREATE TABLE webchatt.joins (
	channel_id uuid NOT NULL,
	visitor text COLLATE "C" NOT NULL,
	moving boolean NOT NULL DEFAULT true,
	looks int NOT NULL DEFAULT 0,
	due timestamptz NOT NULL DEFAULT now(),
	begun_at timestamptz NOT NULL DEFAULT now(),
	xid xid8 NOT NULL DEFAULT pg_current_xact_id(),
	PRIMARY KEY (channel_id, visitor),
	FOREIGN KEY (channel_id, visitor) REFERENCES webchatt.visitors (channel_id, id) ON DELETE CASCADE ON UPDATE CASCADE
);
CREATE INDEX joins_due ON webchatt.joins (due);
COMMENT ON TABLE webchatt.joins IS
	'webchatt''s own: visitors who were joined to another, and whose messages are being moved, or may still come';
COMMENT ON COLUMN webchatt.joins.visitor IS 'who was joined; to whom is in webchatt.visitors';
COMMENT ON COLUMN webchatt.joins.moving IS 'whether there are more messages to be moved; false: it is only looked after';
COMMENT ON COLUMN webchatt.joins.looks IS 'how often it was looked after since';
COMMENT ON COLUMN webchatt.joins.due IS 'when that is next done';
COMMENT ON COLUMN webchatt.joins.begun_at IS 'when they were joined, or something was found last';
COMMENT ON COLUMN webchatt.joins.xid IS 'the transaction in which that was';

CREATE FUNCTION webchatt._join(channel uuid, gone text, stays text) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET plan_cache_mode = force_generic_plan AS $$
BEGIN
	UPDATE webchatt.visitors v SET first_seen = least(v.first_seen, a.first_seen),
		name = coalesce(v.name, a.name), email = coalesce(v.email, a.email), avatar = coalesce(v.avatar, a.avatar),
		attributes = a.attributes || v.attributes, page_attributes = a.page_attributes || v.page_attributes,
		page_url = CASE WHEN a.page_at > v.page_at OR v.page_at IS NULL THEN a.page_url ELSE v.page_url END,
		page_title = CASE WHEN a.page_at > v.page_at OR v.page_at IS NULL THEN a.page_title ELSE v.page_title END,
		page_at = greatest(a.page_at, v.page_at), locale = coalesce(v.locale, a.locale), time_zone = coalesce(v.time_zone, a.time_zone),
		referrer = CASE WHEN a.first_seen < v.first_seen THEN coalesce(a.referrer, v.referrer) ELSE coalesce(v.referrer, a.referrer) END
	FROM webchatt.visitors a
	WHERE v.channel_id = channel AND v.id = stays AND a.channel_id = channel AND a.id = gone;
	DELETE FROM webchatt.visitor_tokens t WHERE t.channel_id = channel AND t.visitor = gone;
	-- who was joined to the one who is gone is joined to the other
	UPDATE webchatt.visitors v SET joined_to = stays WHERE v.channel_id = channel AND v.joined_to = gone;
	UPDATE webchatt.visitors v SET joined_to = stays, joined_at = now() WHERE v.channel_id = channel AND v.id = gone;
	-- what an agent decided goes along; how it stands follows from the messages
	INSERT INTO webchatt.conversations AS c (channel_id, visitor, assignee, waiting_since, answered_upto, last_id, last_at, assignee_order)
	SELECT a.channel_id, stays, a.assignee, a.waiting_since, a.answered_upto, a.last_id, a.last_at, a.assignee_order
	FROM webchatt.conversations a WHERE a.channel_id = channel AND a.visitor = gone
	ON CONFLICT (channel_id, visitor) DO UPDATE
	SET assignee = coalesce(c.assignee, excluded.assignee), assignee_order = greatest(c.assignee_order, excluded.assignee_order);
	DELETE FROM webchatt.conversations c WHERE c.channel_id = channel AND c.visitor = gone;
	-- at once: the next message may name one
	UPDATE webchatt.files f SET visitor = stays WHERE f.channel_id = channel AND f.visitor = gone;
	INSERT INTO webchatt.joins (channel_id, visitor) VALUES (channel, gone);
END
$$;
COMMENT ON FUNCTION webchatt._join(uuid, text, text) IS
	'webchatt''s own: an anonymous visitor turned out to be another one; their messages follow by _move_joined()';

CREATE FUNCTION webchatt._move_joined(channel uuid, gone text, most int, OUT stays text, OUT moved int, OUT again boolean, OUT released boolean, OUT late boolean)
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET plan_cache_mode = force_generic_plan AS $$
DECLARE
	j webchatt.joins;
	n int;
	beside int;
BEGIN
	moved := 0;
	again := false;
	released := false;
	late := false;
	SELECT v.joined_to INTO stays FROM webchatt.visitors v WHERE v.channel_id = channel AND v.id = gone;
	SELECT * INTO j FROM webchatt.joins x WHERE x.channel_id = channel AND x.visitor = gone;
	IF stays IS NULL OR j.visitor IS NULL THEN
		RETURN;
	END IF;
	-- what was sent once more by the one under the same id is the same
	DELETE FROM webchatt.messages m USING webchatt.messages same
	WHERE m.channel_id = channel AND m.visitor = gone AND m.direction = 'in' AND NOT j.moving
		AND webchatt.hub_message_key(same.channel_id, same.hub_message_id)
			= webchatt.hub_message_key(channel, stays || substr(m.hub_message_id, length(gone) + 1))
		AND same.channel_id = channel AND same.visitor = stays AND same.content = m.content
		AND left(m.hub_message_id, length(gone) + 1) = gone || '/';
	-- the newest first: they are what is looked at. What is queued or held goes to the one's sessions yet
	WITH piece AS MATERIALIZED (
		SELECT m.id FROM webchatt.messages m
		WHERE m.channel_id = channel AND m.visitor = gone
		ORDER BY m.channel_id DESC, m.visitor DESC, m.id DESC LIMIT most
		FOR UPDATE
	), done AS (
		UPDATE webchatt.messages m SET visitor = stays,
			hub_message_id = CASE WHEN m.direction = 'in' AND left(m.hub_message_id, length(gone) + 1) = gone || '/'
				AND NOT EXISTS (SELECT FROM webchatt.messages o
					WHERE webchatt.hub_message_key(o.channel_id, o.hub_message_id)
						= webchatt.hub_message_key(channel, stays || substr(m.hub_message_id, length(gone) + 1)))
				THEN stays || substr(m.hub_message_id, length(gone) + 1) ELSE m.hub_message_id END,
			dedupe_key = CASE WHEN m.dedupe_key IS NOT NULL AND EXISTS (SELECT FROM webchatt.messages o
					WHERE o.channel_id = channel AND o.visitor = stays AND o.dedupe_key = m.dedupe_key)
				THEN m.dedupe_key || ' ' || gone ELSE m.dedupe_key END
		FROM piece p
		WHERE m.channel_id = channel AND m.id = p.id
		RETURNING m.status
	)
	SELECT count(*), NOT j.moving AND count(*) FILTER (WHERE d.status NOT IN ('queued', 'held')) > 0 INTO moved, late FROM done d;
	WITH piece AS MATERIALIZED (
		SELECT h.seq FROM webchatt.held h WHERE h.channel_id = channel AND h.visitor = gone ORDER BY h.seq LIMIT most FOR UPDATE
	)
	UPDATE webchatt.held h SET visitor = stays FROM piece p WHERE h.channel_id = channel AND h.visitor = gone AND h.seq = p.seq;
	GET DIAGNOSTICS n = ROW_COUNT;
	released := n > 0;
	UPDATE webchatt.notes x SET visitor = stays WHERE x.channel_id = channel AND x.visitor = gone
		AND x.id IN (SELECT o.id FROM webchatt.notes o WHERE o.channel_id = channel AND o.visitor = gone LIMIT most);
	GET DIAGNOSTICS beside = ROW_COUNT;
	again := beside >= most;
	UPDATE webchatt.files f SET visitor = stays WHERE f.channel_id = channel AND f.visitor = gone
		AND f.id IN (SELECT o.id FROM webchatt.files o WHERE o.channel_id = channel AND o.visitor = gone LIMIT most);
	GET DIAGNOSTICS beside = ROW_COUNT;
	UPDATE webchatt.ratings r SET visitor = stays WHERE r.channel_id = channel AND r.visitor = gone;
	-- what was refused comes back, if it does, as the one's who stays
	UPDATE webchatt.rejects r SET visitor = stays, event_key = replace(r.event_key, gone, stays), body = replace(r.body, gone, stays)
	WHERE r.channel_id = channel AND r.visitor = gone AND j.moving
		AND NOT EXISTS (SELECT FROM webchatt.rejects o WHERE o.channel_id = channel AND o.event_type = r.event_type
			AND o.event_key = replace(r.event_key, gone, stays));
	again := again OR beside >= most OR moved >= most OR n >= most;
	IF again OR (moved + n > 0 AND NOT j.moving) THEN
		UPDATE webchatt.joins x SET moving = again, looks = 0, begun_at = now(), xid = pg_current_xact_id(),
			due = clock_timestamp() + CASE WHEN again THEN interval '20 milliseconds' ELSE interval '1 second' END
		WHERE x.channel_id = channel AND x.visitor = gone;
	ELSIF j.looks > 4 AND (j.xid < pg_snapshot_xmin(pg_current_snapshot()) OR j.begun_at < now() - interval '1 day') THEN
		DELETE FROM webchatt.joins x WHERE x.channel_id = channel AND x.visitor = gone;
	ELSE
		UPDATE webchatt.joins x SET moving = false, looks = least(j.looks + 1, 1000),
			due = clock_timestamp() + (ARRAY['1 second', '5 seconds', '30 seconds', '2 minutes', '5 minutes']::interval[])[least(j.looks + 1, 5)]
		WHERE x.channel_id = channel AND x.visitor = gone;
	END IF;
END
$$;
COMMENT ON FUNCTION webchatt._move_joined(uuid, text, int, OUT text, OUT int, OUT boolean, OUT boolean, OUT boolean) IS
	'webchatt''s own: moves so many messages of a visitor who was joined to another, the newest first. stays: to whom (null: to nobody); again: there are more; released: messages were held for the one who is gone; late: some came behind those that were there when they were joined, and go to no session by themselves';

CREATE FUNCTION webchatt._identify(channel uuid, user_id text, shown text, shown_hash bytea, new_hash bytea,
	OUT visitor text, OUT joined text, OUT ended text)
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET plan_cache_mode = force_generic_plan AS $$
#variable_conflict use_column
DECLARE
	of_user text;
	is_joined boolean;
BEGIN
	SELECT v.id INTO visitor FROM webchatt.visitors v
	WHERE v.channel_id = channel AND v.user_id = _identify.user_id FOR UPDATE;
	IF shown IS NOT NULL THEN
		SELECT v.user_id, v.joined_to IS NOT NULL INTO of_user, is_joined
		FROM webchatt.visitors v WHERE v.channel_id = channel AND v.id = shown FOR UPDATE;
		-- another tab of the browser was quicker: there is nothing of theirs any more that could be joined
		IF NOT FOUND OR is_joined THEN
			shown := NULL;
		END IF;
	END IF;
	IF shown IS NOT NULL AND of_user IS NOT NULL THEN
		-- somebody else was here before: the device is not theirs any more
		IF shown_hash IS NOT NULL THEN
			DELETE FROM webchatt.visitor_tokens t WHERE t.channel_id = channel AND t.token_hash = shown_hash;
		END IF;
	ELSIF shown IS NOT NULL AND visitor IS NULL THEN
		UPDATE webchatt.visitors v SET user_id = _identify.user_id WHERE v.channel_id = channel AND v.id = shown;
		DELETE FROM webchatt.visitor_tokens t WHERE t.channel_id = channel AND t.visitor = shown;
		visitor := shown;
		ended := shown;
	ELSIF shown IS NOT NULL THEN
		PERFORM webchatt._join(channel, shown, visitor);
		joined := shown;
		ended := shown;
	END IF;
	IF visitor IS NULL THEN
		RETURN;
	END IF;
	-- a device that keeps nothing brings one each time
	DELETE FROM webchatt.visitor_tokens t WHERE t.channel_id = channel AND t.token_hash IN (
		SELECT o.token_hash FROM webchatt.visitor_tokens o WHERE o.channel_id = channel AND o.visitor = _identify.visitor
		ORDER BY o.created_at DESC, o.token_hash OFFSET 63);
	INSERT INTO webchatt.visitor_tokens (channel_id, token_hash, visitor) VALUES (channel, new_hash, _identify.visitor);
END
$$;
COMMENT ON FUNCTION webchatt._identify(uuid, text, text, bytea, bytea, OUT text, OUT text, OUT text) IS
	'webchatt''s own: a device whose visitor was shown (null: none) is that user''s, whose visitor is returned (null: the user has none, and shown cannot be it), with a token of its own. joined: who was joined to them; ended: whose other sessions are not theirs any more';

CREATE FUNCTION webchatt._merge_attributes(attributes jsonb, given jsonb, news jsonb, OUT merged jsonb, OUT merged_given jsonb)
LANGUAGE plpgsql IMMUTABLE STRICT SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	k text;
	v text;
BEGIN
	merged := attributes;
	merged_given := given;
	FOR k, v IN SELECT * FROM jsonb_each_text(news) LOOP
		-- what the application wrote is the application's
		CONTINUE WHEN merged -> k IS NOT NULL AND merged -> k IS DISTINCT FROM merged_given -> k;
		IF v IS NULL THEN
			merged := merged - k;
			merged_given := merged_given - k;
		ELSIF octet_length((merged_given || jsonb_build_object(k, v))::text) <= 2048
			AND (SELECT count(*) FROM jsonb_object_keys(merged_given || jsonb_build_object(k, v))) <= 16 THEN
			merged := merged || jsonb_build_object(k, v);
			merged_given := merged_given || jsonb_build_object(k, v);
		END IF;
	END LOOP;
END
$$;
COMMENT ON FUNCTION webchatt._merge_attributes(jsonb, jsonb, jsonb, OUT jsonb, OUT jsonb) IS
	'webchatt''s own: what a page says anew of a visitor, put to what it said before: 16 texts and 2 kB of the page''s at most, beyond which a new name is passed over. null takes one away; one that the application has written stays';

CREATE FUNCTION webchatt._note_profile(channel uuid, visitor text, name text, email text, avatar text, attributes jsonb, signed int) RETURNS boolean
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET plan_cache_mode = force_generic_plan AS $$
DECLARE
	old webchatt.visitors;
	new webchatt.visitors;
BEGIN
	SELECT * INTO old FROM webchatt.visitors v WHERE v.channel_id = channel AND v.id = visitor FOR NO KEY UPDATE SKIP LOCKED;
	IF NOT FOUND THEN
		RETURN false;
	END IF;
	new := old;
	IF _note_profile.name IS NOT NULL AND (signed & 1 > 0 OR 'name' <> ALL (old.signed)) THEN
		new.name := _note_profile.name;
	END IF;
	IF _note_profile.email IS NOT NULL AND (signed & 2 > 0 OR 'email' <> ALL (old.signed)) THEN
		new.email := _note_profile.email;
	END IF;
	IF _note_profile.avatar IS NOT NULL AND (signed & 4 > 0 OR 'avatar' <> ALL (old.signed)) THEN
		new.avatar := _note_profile.avatar;
	END IF;
	new.signed := ARRAY(SELECT f FROM unnest('{name,email,avatar}'::text[], '{1,2,4}'::int[]) u (f, bit)
		WHERE f = ANY (old.signed) OR signed & bit > 0);
	IF _note_profile.attributes IS NOT NULL THEN
		SELECT m.merged, m.merged_given INTO new.attributes, new.page_attributes
		FROM webchatt._merge_attributes(old.attributes, old.page_attributes, _note_profile.attributes) m;
	END IF;
	IF new IS NOT DISTINCT FROM old THEN
		RETURN false;
	END IF;
	UPDATE webchatt.visitors v SET name = new.name, email = new.email, avatar = new.avatar, signed = new.signed,
		attributes = new.attributes, page_attributes = new.page_attributes
	WHERE v.channel_id = channel AND v.id = visitor;
	RETURN true;
END
$$;
COMMENT ON FUNCTION webchatt._note_profile(uuid, text, text, text, text, jsonb, int) IS
	'webchatt''s own: what a visitor''s page says of them (null: nothing of that), or the site''s server: signed is a sum of 1 (name), 2 (email), 4 (avatar). What the server signed once, the page does not change. Returns whether anything was news; a row that somebody holds is passed over';
----------------------------------------------------------------------------
-- Files of conversations by SQL, and at the desk
----------------------------------------------------------------------------

CREATE FUNCTION webchatt._file_type(bytes bytea) RETURNS text
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'webchatt_file_type';
COMMENT ON FUNCTION webchatt._file_type(bytea) IS 'webchatt''s own: the media type of a file that begins so; 16 kB of it are enough';

CREATE FUNCTION webchatt._file_id(file text) RETURNS text
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
	SELECT substring(file FROM '(?:^|/files/)([A-Za-z0-9_-]{43})(?:/[^/]*)?$')
$$;
COMMENT ON FUNCTION webchatt._file_id(text) IS 'webchatt''s own: a file''s id, from the id or the URL; null: it is neither';

CREATE FUNCTION webchatt._file_url(id text, name text) RETURNS text
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	bytes bytea := convert_to(name, 'UTF8');
	escaped text := '';
	c text;
BEGIN
	FOR i IN 0 .. length(bytes) - 1 LOOP
		c := chr(greatest(1, get_byte(bytes, i) & 127));
		escaped := escaped || CASE WHEN get_byte(bytes, i) < 128 AND c ~ '^[A-Za-z0-9._~-]$' THEN c
			ELSE '%' || upper(lpad(to_hex(get_byte(bytes, i)), 2, '0')) END;
	END LOOP;
	RETURN webchatt._public_url() || '/files/' || id || '/' || escaped;
END
$$;
COMMENT ON FUNCTION webchatt._file_url(text, text) IS 'webchatt''s own: the URL of a file with that name; null where webchatt.public_url is not known';

CREATE FUNCTION webchatt._begin_file(channel uuid, name text, size bigint, author text) RETURNS webchatt.files
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	most bigint := pg_size_bytes(current_setting('webchatt.max_file_size'));
	clean text := btrim(regexp_replace(regexp_replace(translate(name, chr(92), '/'), '^.*/', ''), '[[:cntrl:]]', ' ', 'g'), ' .');
	made webchatt.files;
BEGIN
	PERFORM FROM webchatt.channels c WHERE c.id = channel;
	IF NOT FOUND THEN
		RAISE EXCEPTION 'there is no channel %', coalesce(channel::text, 'NULL')
			USING ERRCODE = 'undefined_object', HINT = 'SELECT id, display_name FROM webchatt.channels lists them.';
	END IF;
	IF size IS NULL OR size NOT BETWEEN 1 AND most THEN
		RAISE EXCEPTION 'the file has % bytes', coalesce(size::text, 'NULL')
			USING ERRCODE = 'program_limit_exceeded', HINT = format('It has 1 to %s (webchatt.max_file_size).', most);
	END IF;
	IF octet_length(author) NOT BETWEEN 1 AND 255 THEN
		RAISE EXCEPTION 'the author has % bytes', octet_length(author)
			USING ERRCODE = 'invalid_parameter_value', HINT = 'It has 1 to 255: the name of an agent or of an application, or NULL.';
	END IF;
	WHILE octet_length(clean) > 255 LOOP
		clean := left(clean, -1);
	END LOOP;
	INSERT INTO webchatt.files (channel_id, id, author, name, size)
	VALUES (channel, webchatt._random_token('', 32), _begin_file.author, coalesce(nullif(clean, ''), 'file'), _begin_file.size)
	RETURNING * INTO made;
	RETURN made;
END
$$;
COMMENT ON FUNCTION webchatt._begin_file(uuid, text, bigint, text) IS 'webchatt''s own: makes the row of a file that is about to come, not from a visitor';

CREATE FUNCTION webchatt._add_file_piece(id text, author text, start bigint, data bytea) RETURNS webchatt.files
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	f webchatt.files;
BEGIN
	SELECT * INTO f FROM webchatt.files t
	WHERE t.id = _add_file_piece.id AND t.visitor IS NULL AND t.author IS NOT DISTINCT FROM _add_file_piece.author FOR UPDATE;
	IF f.id IS NULL THEN
		RAISE EXCEPTION 'there is no file % of yours', _add_file_piece.id
			USING ERRCODE = 'undefined_object', HINT = 'Begin it anew: what is not whole is dropped after webchatt.file_sweep_after.';
	END IF;
	IF f.state = 'whole' OR start <> f.received THEN
		RETURN f;
	END IF;
	IF length(data) NOT BETWEEN 1 AND 262144 OR start + length(data) > f.size OR (length(data) < 16384 AND start + length(data) < f.size) THEN
		RAISE EXCEPTION 'the piece has % bytes', length(data)
			USING ERRCODE = 'invalid_parameter_value', HINT = 'It has 16384 to 262144, and the last one what is left.';
	END IF;
	INSERT INTO webchatt.file_chunks (channel_id, file_id, start, data) VALUES (f.channel_id, f.id, _add_file_piece.start, _add_file_piece.data);
	f.received := start + length(data);
	f.type := coalesce(f.type, webchatt._file_type(data));
	IF f.received = f.size THEN
		f.state := 'whole';
		f.sha256 := (SELECT sha256(string_agg(c.data, '' ORDER BY c.start)) FROM webchatt.file_chunks c
			WHERE c.channel_id = f.channel_id AND c.file_id = f.id);
	END IF;
	UPDATE webchatt.files t SET received = f.received, type = f.type, state = f.state, sha256 = f.sha256
	WHERE t.channel_id = f.channel_id AND t.id = f.id;
	RETURN f;
END
$$;
COMMENT ON FUNCTION webchatt._add_file_piece(text, text, bigint, bytea) IS
	'webchatt''s own: more bytes of a file of that author; at another place than where it ends so far nothing is done';

CREATE FUNCTION webchatt.add_file(channel uuid, name text, content bytea, author text DEFAULT NULL) RETURNS text
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	f webchatt.files;
BEGIN
	IF webchatt._public_url() IS NULL THEN
		RAISE EXCEPTION 'it is not known under which URL the file can be fetched'
			USING ERRCODE = 'object_not_in_prerequisite_state',
				HINT = 'Set webchatt.public_url, for example ALTER DATABASE ... SET webchatt.public_url = ''https://chat.example.com'', and connect again.';
	END IF;
	f := webchatt._begin_file(channel, name, length(content), author);
	WHILE f.state = 'arriving' LOOP
		f := webchatt._add_file_piece(f.id, author, f.received, substr(content, f.received::int + 1, 262144));
	END LOOP;
	RETURN webchatt._file_url(f.id, f.name);
END
$$;
COMMENT ON FUNCTION webchatt.add_file(uuid, text, bytea, text) IS
	'stores a file and returns its URL, for a message''s content: imageUrl, documentUrl, and so on. name: with its extension, for people; author: who it is from. What no message names is dropped after webchatt.file_sweep_after';

CREATE FUNCTION webchatt.file_bytes(file text) RETURNS bytea
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
	SELECT string_agg(c.data, '' ORDER BY c.start)
	FROM webchatt.files f
	JOIN webchatt.file_chunks c ON c.channel_id = f.channel_id AND c.file_id = f.id
	WHERE f.id = webchatt._file_id(file) AND f.state = 'whole'
$$;
COMMENT ON FUNCTION webchatt.file_bytes(text) IS 'the bytes of a file, by its id or its URL; null: there is none, or it is not whole';

CREATE FUNCTION webchatt.delete_file(file text) RETURNS boolean
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	DELETE FROM webchatt.files f WHERE f.id = webchatt._file_id(file);
	RETURN FOUND;
END
$$;
COMMENT ON FUNCTION webchatt.delete_file(text) IS
	'deletes a file, by its id or its URL, also when messages name it: who opens it then finds nothing, unless their browser has kept it. False: there was none';

CREATE VIEW webchatt.file_overview AS
SELECT f.channel_id, f.id, webchatt._file_url(f.id, f.name) AS url, f.visitor, f.author, f.name, f.type, f.size, f.received, f.state, f.created_at,
	(SELECT count(*) FROM webchatt.file_uses u JOIN webchatt.messages m ON m.channel_id = u.channel_id AND m.id = u.message_id
		WHERE u.channel_id = f.channel_id AND u.file_id = f.id) AS messages
FROM webchatt.files f;
COMMENT ON VIEW webchatt.file_overview IS 'the files, each with its URL and how many messages name it';
COMMENT ON COLUMN webchatt.file_overview.url IS 'where it is fetched; null where webchatt.public_url is not known';
COMMENT ON COLUMN webchatt.file_overview.visitor IS 'the visitor who brought it; null: an application or an agent did';
COMMENT ON COLUMN webchatt.file_overview.author IS 'the agent, API key or application that it came from';
COMMENT ON COLUMN webchatt.file_overview.name IS 'what it is called';
COMMENT ON COLUMN webchatt.file_overview.type IS 'its media type, as its first bytes say';
COMMENT ON COLUMN webchatt.file_overview.size IS 'bytes that it has, or will have';
COMMENT ON COLUMN webchatt.file_overview.received IS 'bytes that are here';
COMMENT ON COLUMN webchatt.file_overview.state IS 'arriving, or whole';
COMMENT ON COLUMN webchatt.file_overview.created_at IS 'when it was begun';
COMMENT ON COLUMN webchatt.file_overview.messages IS 'messages that name it; none: it goes after webchatt.file_sweep_after';

CREATE FUNCTION webchatt.desk_begin_file(args jsonb) RETURNS jsonb
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	channel uuid := webchatt._desk_uuid(args, 'channel');
	size bigint := CASE WHEN jsonb_typeof(args -> 'size') = 'number' AND args ->> 'size' ~ '^[0-9]{1,15}$' THEN (args ->> 'size')::bigint END;
	f webchatt.files;
BEGIN
	PERFORM FROM webchatt.channels c WHERE c.id = channel;
	f := webchatt._begin_file(CASE WHEN FOUND THEN channel END, webchatt._desk_text(args, 'name'), size, webchatt._desk_agent());
	RETURN jsonb_build_object('id', f.id, 'url', webchatt._file_url(f.id, f.name), 'offset', 0, 'chunk', 36864,
		'maxSize', pg_size_bytes(current_setting('webchatt.max_file_size')));
END
$$;
COMMENT ON FUNCTION webchatt.desk_begin_file(jsonb) IS
	'the desk: {channel, name, size} → {id, url, offset: 0, chunk, maxSize}: a file is going to come, in pieces of at most chunk bytes';

CREATE FUNCTION webchatt.desk_file_piece(args jsonb) RETURNS jsonb
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	start bigint := CASE WHEN jsonb_typeof(args -> 'offset') = 'number' AND args ->> 'offset' ~ '^[0-9]{1,15}$' THEN (args ->> 'offset')::bigint END;
	data text := webchatt._desk_text(args, 'data');
	f webchatt.files;
BEGIN
	IF start IS NULL THEN
		RAISE EXCEPTION '"offset" is not a whole number' USING ERRCODE = 'invalid_parameter_value';
	END IF;
	IF data !~ '^[A-Za-z0-9+/]+={0,2}$' OR length(data) % 4 <> 0 OR length(data) > 49152 THEN
		RAISE EXCEPTION '"data" is not 1 to 36864 bytes in base64' USING ERRCODE = 'invalid_parameter_value';
	END IF;
	f := webchatt._add_file_piece(webchatt._desk_text(args, 'id'), webchatt._desk_agent(), start, decode(data, 'base64'));
	RETURN jsonb_build_object('offset', f.received) || CASE WHEN f.state = 'whole'
		THEN jsonb_build_object('url', webchatt._file_url(f.id, f.name), 'type', f.type, 'size', f.size, 'name', f.name) ELSE '{}' END;
END
$$;
COMMENT ON FUNCTION webchatt.desk_file_piece(jsonb) IS
	'the desk: {id, offset, data: base64} → {offset}, with the last piece {offset, url, type, size, name}. offset of the result: where the next piece begins, also when this one was another';

CREATE FUNCTION webchatt._drop_own_file(id text, author text) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	-- a message that is being sent either has named it then, or will not
	PERFORM FROM webchatt.files f WHERE f.id = _drop_own_file.id AND f.visitor IS NULL AND f.author = _drop_own_file.author FOR UPDATE;
	DELETE FROM webchatt.files f WHERE f.id = _drop_own_file.id AND f.visitor IS NULL AND f.author = _drop_own_file.author
		AND NOT EXISTS (SELECT FROM webchatt.file_uses u JOIN webchatt.messages m ON m.channel_id = u.channel_id AND m.id = u.message_id
			WHERE u.channel_id = f.channel_id AND u.file_id = f.id);
	RETURN FOUND;
END
$$;
COMMENT ON FUNCTION webchatt._drop_own_file(text, text) IS 'webchatt''s own: drops a file of that author which no message names';

CREATE FUNCTION webchatt.desk_drop_file(args jsonb) RETURNS jsonb
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	RETURN jsonb_build_object('dropped', webchatt._drop_own_file(webchatt._desk_text(args, 'id'), webchatt._desk_agent()));
END
$$;
COMMENT ON FUNCTION webchatt.desk_drop_file(jsonb) IS 'the desk: {id} → {dropped}: cancels a file of one''s own; false: a message names it, or it is gone';
----------------------------------------------------------------------------
-- A channel's widget: how it looks and what it does, for every page that carries it
----------------------------------------------------------------------------

CREATE FUNCTION webchatt._widget_refuse(path text, given jsonb, hint text) RETURNS boolean
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	RAISE EXCEPTION '"%" of the widget''s settings is not usable', path
		USING ERRCODE = 'invalid_parameter_value', DETAIL = CASE WHEN given IS NULL THEN 'It is missing.'
			WHEN length(given::text) > 200 THEN 'It begins with ' || left(given::text, 200) ELSE 'It is ' || given::text END, HINT = hint;
END
$$;
COMMENT ON FUNCTION webchatt._widget_refuse(text, jsonb, text) IS 'webchatt''s own: refuses a setting of the widget; path: where it is, its places in lists from 1 on (questions.2.label)';

CREATE FUNCTION webchatt._widget_text(path text, given jsonb, fewest int, most int, lines boolean DEFAULT false) RETURNS boolean
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
	SELECT CASE WHEN jsonb_typeof(given) = 'string' AND char_length(given #>> '{}') BETWEEN fewest AND most
		AND (fewest = 0 OR given #>> '{}' ~ '[^[:space:]]')
		AND translate(given #>> '{}', CASE WHEN lines THEN chr(10) || chr(9) ELSE '' END, '') !~ '[[:cntrl:]]' THEN true
	ELSE webchatt._widget_refuse(path, given, format('Give a text of %s to %s characters%s.', fewest, most, CASE WHEN lines THEN '' ELSE ', in one line' END)) END
$$;
COMMENT ON FUNCTION webchatt._widget_text(text, jsonb, int, int, boolean) IS 'webchatt''s own: raises when that is no text of so many characters, for webchatt.configure_widget()';

CREATE FUNCTION webchatt._widget_choice(path text, given jsonb, choices text[]) RETURNS boolean
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
	SELECT CASE WHEN jsonb_typeof(given) = 'string' AND given #>> '{}' = ANY (choices) THEN true
	ELSE webchatt._widget_refuse(path, given, 'Give ' || array_to_string(trim_array(choices, 1), ', ') || ' or ' || choices[cardinality(choices)] || '.') END
$$;
COMMENT ON FUNCTION webchatt._widget_choice(text, jsonb, text[]) IS 'webchatt''s own: raises when that is none of the choices';

CREATE FUNCTION webchatt._widget_switch(path text, given jsonb) RETURNS boolean
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
	SELECT CASE WHEN jsonb_typeof(given) = 'boolean' THEN true ELSE webchatt._widget_refuse(path, given, 'Give true or false.') END
$$;
COMMENT ON FUNCTION webchatt._widget_switch(text, jsonb) IS 'webchatt''s own: raises when that is no boolean';

CREATE FUNCTION webchatt._widget_list(path text, given jsonb, most int, what text) RETURNS boolean
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
	SELECT CASE WHEN jsonb_array_length(CASE jsonb_typeof(given) WHEN 'array' THEN given ELSE '[]' END) BETWEEN 1 AND most THEN true
	ELSE webchatt._widget_refuse(path, given, format('Give a list of 1 to %s %s; null takes it away.', most, what)) END
$$;
COMMENT ON FUNCTION webchatt._widget_list(text, jsonb, int, text) IS 'webchatt''s own: raises when that is no list of so many';

CREATE FUNCTION webchatt._widget_object(path text, given jsonb, known text[], needed text[]) RETURNS boolean
LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	name text;
	hint text := 'It has ' || array_to_string(known, ', ') || '.';
BEGIN
	IF jsonb_typeof(given) IS DISTINCT FROM 'object' THEN
		RETURN webchatt._widget_refuse(path, given, 'Give a JSON object. ' || hint);
	END IF;
	FOR name IN SELECT k FROM jsonb_object_keys(given) k WHERE k <> ALL (known) LOOP
		RETURN webchatt._widget_refuse(path || '.' || left(name, 40), given -> name, 'There is no such member. ' || hint);
	END LOOP;
	FOR name IN SELECT k FROM unnest(needed) k WHERE NOT given ? k LOOP
		RETURN webchatt._widget_refuse(path || '.' || name, NULL, 'Give it. ' || hint);
	END LOOP;
	RETURN true;
END
$$;
COMMENT ON FUNCTION webchatt._widget_object(text, jsonb, text[], text[]) IS 'webchatt''s own: raises when that is no object of these members';

CREATE FUNCTION webchatt._widget_path(path text, given jsonb) RETURNS boolean
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
	SELECT CASE WHEN jsonb_typeof(given) = 'string' AND char_length(given #>> '{}') <= 200 AND given #>> '{}' ~ '^/[^?#[:space:][:cntrl:]]*$'
		AND length(regexp_replace(given #>> '{}', '[^*]', '', 'g')) <= 5 THEN true
	ELSE webchatt._widget_refuse(path, given, 'Give a path that begins with / and has no ? and no #, for example /pricing*; * stands for anything, at most 5 times. At most 200 characters.') END
$$;
COMMENT ON FUNCTION webchatt._widget_path(text, jsonb) IS 'webchatt''s own: raises when that is no path of a page';

CREATE FUNCTION webchatt._widget_colors(given jsonb) RETURNS boolean
LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	one record;
BEGIN
	PERFORM webchatt._widget_object('colors', given, '{accent,on-accent,background,ground,text,soft,bubble,edge,link,alarm,notice,on-notice}', '{}');
	FOR one IN SELECT c.key, c.value FROM jsonb_each(given) c LOOP
		IF jsonb_typeof(one.value) <> 'string' OR one.value #>> '{}' !~ '^(#[0-9A-Fa-f]{6}|var[(]--webchatt-[a-z]{1,12}(-[a-z]{1,12})?[)])$' THEN
			RETURN webchatt._widget_refuse('colors.' || one.key, one.value, 'Give it as #rrggbb, for example #7a1f5c, or as another one: var(--webchatt-text).');
		END IF;
	END LOOP;
	RETURN true;
END
$$;
COMMENT ON FUNCTION webchatt._widget_colors(jsonb) IS 'webchatt''s own: raises when these are no colours of the widget';

CREATE FUNCTION webchatt._widget_strings(given jsonb) RETURNS boolean
LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	one record;
BEGIN
	IF jsonb_typeof(given) <> 'object' OR (SELECT count(*) FROM jsonb_object_keys(given)) > 200 THEN
		RETURN webchatt._widget_refuse('strings', given, 'Give an object of at most 200 texts, by the names that widget/README.md tells of.');
	END IF;
	FOR one IN SELECT s.key, s.value FROM jsonb_each(given) s LOOP
		IF one.key !~ '^[A-Za-z][A-Za-z0-9_.]{0,39}$' THEN
			RETURN webchatt._widget_refuse('strings.' || left(one.key, 40), one.value, 'A word''s name is a letter, then at most 39 letters, digits, _ and dots.');
		END IF;
		PERFORM webchatt._widget_text('strings.' || one.key, one.value, 0, 500, true);
	END LOOP;
	RETURN true;
END
$$;
COMMENT ON FUNCTION webchatt._widget_strings(jsonb) IS 'webchatt''s own: raises when these are no words for the widget';

CREATE FUNCTION webchatt._widget_proactive(given jsonb) RETURNS boolean
LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	one record;
	at text;
BEGIN
	PERFORM webchatt._widget_list('proactive', given, 10, 'messages');
	FOR one IN SELECT p.value, p.n FROM jsonb_array_elements(given) WITH ORDINALITY p (value, n) LOOP
		at := 'proactive.' || one.n;
		PERFORM webchatt._widget_object(at, one.value, '{after,path,text}', '{after,text}');
		IF jsonb_typeof(one.value -> 'after') <> 'number' OR one.value ->> 'after' !~ '^[0-9]{1,5}$' OR (one.value ->> 'after')::int > 86400 THEN
			RETURN webchatt._widget_refuse(at || '.after', one.value -> 'after', 'Give whole seconds, 0 to 86400.');
		END IF;
		PERFORM webchatt._widget_text(at || '.text', one.value -> 'text', 1, 500, true);
		IF one.value ? 'path' THEN
			PERFORM webchatt._widget_path(at || '.path', one.value -> 'path');
		END IF;
	END LOOP;
	RETURN true;
END
$$;
COMMENT ON FUNCTION webchatt._widget_proactive(jsonb) IS 'webchatt''s own: raises when these are no messages that the widget shows by itself';

CREATE FUNCTION webchatt._widget_questions(given jsonb) RETURNS boolean
LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	one record;
	at text;
	names text[] := '{}';
BEGIN
	PERFORM webchatt._widget_list('questions', given, 5, 'questions');
	FOR one IN SELECT q.value, q.n FROM jsonb_array_elements(given) WITH ORDINALITY q (value, n) LOOP
		at := 'questions.' || one.n;
		PERFORM webchatt._widget_object(at, one.value, '{name,label,type,required}', '{name,label}');
		IF jsonb_typeof(one.value -> 'name') <> 'string' OR one.value ->> 'name' !~ '^[a-z][a-z0-9_]{0,31}$' OR one.value ->> 'name' = ANY (names) THEN
			RETURN webchatt._widget_refuse(at || '.name', one.value -> 'name', 'Give the attribute that keeps the answer, another one for each: a small letter, then at most 31 small letters, digits and _.');
		END IF;
		names := names || (one.value ->> 'name');
		PERFORM webchatt._widget_text(at || '.label', one.value -> 'label', 1, 100);
		IF one.value ? 'type' THEN
			PERFORM webchatt._widget_choice(at || '.type', one.value -> 'type', '{text,email}');
		END IF;
		IF one.value ? 'required' THEN
			PERFORM webchatt._widget_switch(at || '.required', one.value -> 'required');
		END IF;
	END LOOP;
	RETURN true;
END
$$;
COMMENT ON FUNCTION webchatt._widget_questions(jsonb) IS 'webchatt''s own: raises when these are no questions before the first message';

CREATE FUNCTION webchatt._widget_chips(given jsonb) RETURNS boolean
LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	one record;
BEGIN
	PERFORM webchatt._widget_list('chips', given, 8, 'texts');
	FOR one IN SELECT c.value, c.n FROM jsonb_array_elements(given) WITH ORDINALITY c (value, n) LOOP
		PERFORM webchatt._widget_text('chips.' || one.n, one.value, 1, 80);
	END LOOP;
	RETURN true;
END
$$;
COMMENT ON FUNCTION webchatt._widget_chips(jsonb) IS 'webchatt''s own: raises when these are no texts to begin a conversation with';

CREATE FUNCTION webchatt._widget_day(path text, given jsonb) RETURNS boolean
LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	span record;
	hint text := 'Give from and to as ["09:00", "17:00"], from earlier than to, the spans of a day one behind the other; a day ends at 24:00, the rest of a night is the next day''s.';
	before text := '';
BEGIN
	PERFORM webchatt._widget_list(path, given, 4, 'spans of time');
	FOR span IN SELECT s.value, s.value ->> 0 AS opens, s.value ->> 1 AS closes FROM jsonb_array_elements(given) s LOOP
		IF jsonb_typeof(span.value) <> 'array' OR jsonb_array_length(span.value) <> 2 OR jsonb_typeof(span.value -> 0) <> 'string'
			OR jsonb_typeof(span.value -> 1) <> 'string' OR span.opens !~ '^([01][0-9]|2[0-3]):[0-5][0-9]$'
			OR span.closes !~ '^(([01][0-9]|2[0-3]):[0-5][0-9]|24:00)$' OR span.opens COLLATE "C" >= span.closes OR span.opens COLLATE "C" < before THEN
			RETURN webchatt._widget_refuse(path, given, hint);
		END IF;
		before := span.closes;
	END LOOP;
	RETURN true;
END
$$;
COMMENT ON FUNCTION webchatt._widget_day(text, jsonb) IS 'webchatt''s own: raises when these are no hours of a day';

CREATE FUNCTION webchatt._widget_holidays(given jsonb) RETURNS boolean
LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	one record;
	hint text := 'Give days as "2026-12-25".';
BEGIN
	PERFORM webchatt._widget_list('hours.holidays', given, 100, 'days');
	FOR one IN SELECT d.value, d.n, regexp_match(d.value #>> '{}', '^([0-9]{4})-([0-9]{2})-([0-9]{2})$')::int[] AS part
		FROM jsonb_array_elements(given) WITH ORDINALITY d (value, n) LOOP
		IF jsonb_typeof(one.value) <> 'string' OR one.part IS NULL THEN
			RETURN webchatt._widget_refuse('hours.holidays.' || one.n, one.value, hint);
		END IF;
		BEGIN
			PERFORM make_date(one.part[1], one.part[2], one.part[3]);
		EXCEPTION WHEN datetime_field_overflow THEN
			RETURN webchatt._widget_refuse('hours.holidays.' || one.n, one.value, 'There is no such day. ' || hint);
		END;
	END LOOP;
	RETURN true;
END
$$;
COMMENT ON FUNCTION webchatt._widget_holidays(jsonb) IS 'webchatt''s own: raises when these are no days';

CREATE FUNCTION webchatt._widget_hours(given jsonb) RETURNS boolean
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	day record;
BEGIN
	PERFORM webchatt._widget_object('hours', given, '{timeZone,weekdays,holidays,text}', '{timeZone,weekdays}');
	-- the names that browsers know, too
	IF jsonb_typeof(given -> 'timeZone') <> 'string' OR given ->> 'timeZone' !~ '^(UTC|[A-Z][A-Za-z_]{1,30}(/[A-Za-z0-9_+-]{1,30}){1,2})$'
		OR NOT EXISTS (SELECT FROM pg_timezone_names z WHERE z.name = given ->> 'timeZone') THEN
		RETURN webchatt._widget_refuse('hours.timeZone', given -> 'timeZone',
			'Give a time zone of IANA''s by its name, for example Europe/Lisbon; SELECT name FROM pg_timezone_names lists those that this server knows.');
	END IF;
	PERFORM webchatt._widget_object('hours.weekdays', given -> 'weekdays', '{mon,tue,wed,thu,fri,sat,sun}', '{}');
	IF given -> 'weekdays' = '{}' THEN
		RETURN webchatt._widget_refuse('hours.weekdays', given -> 'weekdays', 'Give the hours of at least one day, for example {"mon": [["09:00", "17:00"]]}; a day without is closed.');
	END IF;
	FOR day IN SELECT d.key, d.value FROM jsonb_each(given -> 'weekdays') d LOOP
		PERFORM webchatt._widget_day('hours.weekdays.' || day.key, day.value);
	END LOOP;
	IF given ? 'holidays' THEN
		PERFORM webchatt._widget_holidays(given -> 'holidays');
	END IF;
	IF given ? 'text' THEN
		PERFORM webchatt._widget_text('hours.text', given -> 'text', 1, 500, true);
	END IF;
	RETURN true;
END
$$;
COMMENT ON FUNCTION webchatt._widget_hours(jsonb) IS 'webchatt''s own: raises when these are no business hours';

CREATE FUNCTION webchatt._widget_hide_on(given jsonb) RETURNS boolean
LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	one record;
BEGIN
	PERFORM webchatt._widget_object('hideOn', given, '{paths,phones}', '{}');
	IF given ? 'phones' THEN
		PERFORM webchatt._widget_switch('hideOn.phones', given -> 'phones');
	END IF;
	IF given ? 'paths' THEN
		PERFORM webchatt._widget_list('hideOn.paths', given -> 'paths', 20, 'paths');
		FOR one IN SELECT p.value, p.n FROM jsonb_array_elements(given -> 'paths') WITH ORDINALITY p (value, n) LOOP
			PERFORM webchatt._widget_path('hideOn.paths.' || one.n, one.value);
		END LOOP;
	END IF;
	RETURN true;
END
$$;
COMMENT ON FUNCTION webchatt._widget_hide_on(jsonb) IS 'webchatt''s own: raises when that does not say where the widget is not shown';

CREATE FUNCTION webchatt._widget_domain(given jsonb, origins text[]) RETURNS boolean
LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	name text := given #>> '{}';
BEGIN
	IF jsonb_typeof(given) <> 'string' OR length(name) > 253 OR name !~ '^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?[.])+[a-z]([a-z0-9-]{0,61}[a-z0-9])?$' THEN
		RETURN webchatt._widget_refuse('domain', given, 'Give the name that the sites share, in small letters and without a scheme, for example example.com.');
	END IF;
	IF NOT EXISTS (SELECT FROM unnest(origins) o WHERE substring(o FROM '^https?://([^/:]+)') = name
		OR substring(o FROM '^https?://([^/:]+)') LIKE '%.' || name) THEN
		RETURN webchatt._widget_refuse('domain', given, 'None of the channel''s origins is on it: ' || coalesce(array_to_string(origins, ', '), '') || '.');
	END IF;
	RETURN true;
END
$$;
COMMENT ON FUNCTION webchatt._widget_domain(jsonb, text[]) IS 'webchatt''s own: raises when that is no name that origins of the channel are on';

CREATE FUNCTION webchatt._check_widget_setting(name text, given jsonb, origins text[]) RETURNS boolean
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	RETURN CASE name
		WHEN 'title' THEN webchatt._widget_text(name, given, 1, 50)
		WHEN 'greeting' THEN webchatt._widget_text(name, given, 1, 500, true)
		WHEN 'theme' THEN webchatt._widget_choice(name, given, '{auto,light,dark}')
		WHEN 'colors' THEN webchatt._widget_colors(given)
		WHEN 'logo' THEN jsonb_typeof(given) = 'string' AND length(given #>> '{}') <= 1000 AND given #>> '{}' ~ '^https://[^/?#@:''"<>[:space:][:cntrl:]]+(:[0-9]{1,5})?(/[!-~]*)?$' AND given #>> '{}' !~ '["<>]'
			AND strpos(given #>> '{}', chr(92)) = 0
			OR webchatt._widget_refuse(name, given, 'Give the address of a picture, at most 1000 characters, that begins with https:// and has no user in it.')
		WHEN 'position' THEN webchatt._widget_choice(name, given, '{left,right}')
		WHEN 'lang' THEN jsonb_typeof(given) = 'string' AND given #>> '{}' ~ '^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*$' AND length(given #>> '{}') <= 35
			OR webchatt._widget_refuse(name, given, 'Give a language as en or pt-BR.')
		WHEN 'strings' THEN webchatt._widget_strings(given)
		WHEN 'proactive' THEN webchatt._widget_proactive(given)
		WHEN 'questions' THEN webchatt._widget_questions(given)
		WHEN 'chips' THEN webchatt._widget_chips(given)
		WHEN 'hours' THEN webchatt._widget_hours(given)
		WHEN 'hideOn' THEN webchatt._widget_hide_on(given)
		WHEN 'launcher' THEN webchatt._widget_text(name, given, 1, 200)
		WHEN 'domain' THEN webchatt._widget_domain(given, origins)
		ELSE name IN ('sound', 'titleFlash', 'emoji', 'transcript', 'rating', 'preview') AND webchatt._widget_switch(name, given)
			OR webchatt._widget_refuse(left(name, 40), given, 'There is no such setting. There are title, greeting, theme, colors, logo, position, lang, strings, proactive, questions, chips, hours, sound, titleFlash, emoji, transcript, rating, preview, hideOn, launcher and domain: widget/README.md.')
	END;
END
$$;
COMMENT ON FUNCTION webchatt._check_widget_setting(text, jsonb, text[]) IS 'webchatt''s own: raises when that is no setting of the widget, or not a value that it can have';

CREATE FUNCTION webchatt.configure_widget(channel uuid, settings jsonb) RETURNS jsonb
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	one record;
	origins text[];
	result jsonb;
BEGIN
	PERFORM webchatt._need_local_channel(channel);
	IF jsonb_typeof(settings) IS DISTINCT FROM 'object' THEN
		RAISE EXCEPTION 'the widget''s settings are no JSON object'
			USING ERRCODE = 'invalid_parameter_value', DETAIL = 'They are ' || coalesce(left(settings::text, 200), 'NULL'),
				HINT = 'Give those that change, for example ''{"title": "Help", "greeting": null}''; null takes one away.';
	END IF;
	SELECT array_agg(o.origin ORDER BY o.origin) INTO origins FROM webchatt.origins o WHERE o.channel_id = channel;
	FOR one IN SELECT s.key, s.value FROM jsonb_each(settings) s LOOP
		-- what is taken away has to be a setting, too
		IF one.value <> 'null' OR one.key <> ALL ('{title,greeting,theme,colors,logo,position,lang,strings,proactive,questions,chips,hours,sound,titleFlash,emoji,transcript,rating,preview,hideOn,launcher,domain}') THEN
			PERFORM webchatt._check_widget_setting(one.key, one.value, origins);
		END IF;
	END LOOP;
	SELECT (SELECT coalesce(jsonb_object_agg(s.key, s.value), '{}') FROM jsonb_each(c.widget || settings) s WHERE s.value <> 'null')
	INTO result FROM webchatt.channels c WHERE c.id = channel FOR UPDATE OF c;
	IF octet_length(result::text) > 16384 THEN
		RAISE EXCEPTION 'the widget''s settings have % bytes', octet_length(result::text)
			USING ERRCODE = 'program_limit_exceeded', DETAIL = 'All of a channel together have at most 16384.',
				HINT = 'They are loaded by every page: make texts shorter, and leave out words that are as they come.';
	END IF;
	UPDATE webchatt.channels c SET widget = result WHERE c.id = channel AND c.widget <> result;
	RETURN result;
END
$$;
COMMENT ON FUNCTION webchatt.configure_widget(uuid, jsonb) IS
	'sets how a local channel''s widget looks and what it does, on every page that carries it, and returns what is set now. settings: an object of those that change (widget/README.md has all), null takes one away; those that are not named stay. What is open hears of it at once. Errors: 22023 names the member, 54000 too long, 42704 unknown channel, 42809 of a remote hub';

CREATE FUNCTION webchatt.widget_settings(channel uuid) RETURNS jsonb
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	PERFORM webchatt._need_local_channel(channel);
	RETURN (SELECT c.widget FROM webchatt.channels c WHERE c.id = channel);
END
$$;
COMMENT ON FUNCTION webchatt.widget_settings(uuid) IS
	'what webchatt.configure_widget() has set for a local channel; {} where nothing is. Its widgets get it by GET /widget-settings';

CREATE FUNCTION webchatt.desk_widget_settings(args jsonb) RETURNS jsonb
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	RETURN jsonb_build_object('settings', webchatt.widget_settings(webchatt._desk_uuid(args, 'id')));
END
$$;
COMMENT ON FUNCTION webchatt.desk_widget_settings(jsonb) IS 'the desk, for admins: {id} → {settings: {}}: how the channel''s widget looks and what it does';

CREATE FUNCTION webchatt.desk_configure_widget(args jsonb) RETURNS jsonb
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	RETURN jsonb_build_object('settings', webchatt.configure_widget(webchatt._desk_uuid(args, 'id'), webchatt._desk_arg(args, 'settings', 'object')));
END
$$;
COMMENT ON FUNCTION webchatt.desk_configure_widget(jsonb) IS
	'the desk, for admins: {id, settings: {}} → {settings: {}}: sets those that are named, null takes one away; what is set then';

----------------------------------------------------------------------------
-- What visitors say of conversations that are closed
----------------------------------------------------------------------------

CREATE TABLE webchatt.ratings (
	channel_id uuid NOT NULL,
	visitor text COLLATE "C" NOT NULL,
	closed_upto uuid NOT NULL,
	value smallint NOT NULL CHECK (value BETWEEN 1 AND 5),
	comment text CHECK (char_length(comment) BETWEEN 1 AND 1000),
	assignee text,
	rated_at timestamptz NOT NULL DEFAULT now(),
	changed_at timestamptz,
	PRIMARY KEY (channel_id, visitor, closed_upto),
	FOREIGN KEY (channel_id, visitor) REFERENCES webchatt.visitors (channel_id, id) ON DELETE CASCADE ON UPDATE CASCADE
);
CREATE INDEX ratings_rated_at ON webchatt.ratings (rated_at);
COMMENT ON TABLE webchatt.ratings IS
	'what visitors said of conversations that were closed: a row for each closing, by the widget where its setting "rating" is on; it can be changed for an hour';
COMMENT ON COLUMN webchatt.ratings.visitor IS 'who said it';
COMMENT ON COLUMN webchatt.ratings.closed_upto IS 'the newest message when it was closed: webchatt.conversations.closed_upto';
COMMENT ON COLUMN webchatt.ratings.value IS '1, bad, to 5, good';
COMMENT ON COLUMN webchatt.ratings.comment IS 'what they wrote with it, at most 1000 characters; a stranger wrote it. Null: nothing';
COMMENT ON COLUMN webchatt.ratings.assignee IS 'whose the conversation was then; null: nobody''s';
COMMENT ON COLUMN webchatt.ratings.rated_at IS 'when they first said so';
COMMENT ON COLUMN webchatt.ratings.changed_at IS 'when they last changed it; null: never';
----------------------------------------------------------------------------
-- What is taken back: messages, and visitors' tokens
----------------------------------------------------------------------------

CREATE FUNCTION webchatt.retract_message(channel uuid, id uuid) RETURNS boolean
LANGUAGE c AS 'MODULE_PATHNAME', 'webchatt_retract_message';
COMMENT ON FUNCTION webchatt.retract_message(uuid, uuid) IS
	'takes a message to a visitor back: what is queued or held goes nowhere, and what was sent goes from the pages that the visitor has open at once, from the others when they are next open. The row stays, as retracted. False when there is no such message, or it was taken back before. On a remote hub what was sent cannot be taken back, which raises';

CREATE FUNCTION webchatt.desk_retract(args jsonb) RETURNS jsonb
LANGUAGE sql SET search_path = pg_catalog, pg_temp AS $$
	SELECT jsonb_build_object('done', webchatt.retract_message(m.channel, m.id)) FROM webchatt._desk_message(args) m
$$;
COMMENT ON FUNCTION webchatt.desk_retract(jsonb) IS
	'the desk: {channel, id} → {done}: takes a message back, so that the visitor sees it no more';

CREATE FUNCTION webchatt._tokens_gone() RETURNS trigger
LANGUAGE c AS 'MODULE_PATHNAME', 'webchatt_tokens_gone';
COMMENT ON FUNCTION webchatt._tokens_gone() IS
	'webchatt''s own: has the worker close the sessions that were opened with tokens that are deleted, by whomever';

CREATE TRIGGER tokens_gone AFTER DELETE ON webchatt.visitor_tokens REFERENCING OLD TABLE AS gone
	FOR EACH STATEMENT EXECUTE FUNCTION webchatt._tokens_gone();
CREATE TRIGGER tokens_changed AFTER TRUNCATE OR UPDATE OF channel_id, token_hash, visitor ON webchatt.visitor_tokens
	FOR EACH STATEMENT EXECUTE FUNCTION webchatt._tokens_gone();
----------------------------------------------------------------------------
-- Who may do what: all rights stand here, by role.  First everything is taken back that
-- PostgreSQL gave to PUBLIC, and the installer's default privileges to anybody
----------------------------------------------------------------------------

DO $$
DECLARE
	o record;
	g text;
BEGIN
	FOR o IN SELECT 'SCHEMA webchatt' AS name, n.nspacl AS acl, n.nspowner AS owner FROM pg_namespace n WHERE n.nspname = 'webchatt'
		UNION ALL SELECT CASE c.relkind WHEN 'S' THEN 'SEQUENCE ' ELSE 'TABLE ' END || c.oid::regclass, c.relacl, c.relowner
		FROM pg_class c WHERE c.relnamespace = 'webchatt'::regnamespace AND c.relkind IN ('r', 'v', 'm', 'p', 'f', 'S')
		UNION ALL SELECT 'ROUTINE ' || p.oid::regprocedure, coalesce(p.proacl, acldefault('f', p.proowner)), p.proowner
		FROM pg_proc p WHERE p.pronamespace = 'webchatt'::regnamespace
		UNION ALL SELECT 'TYPE ' || t.oid::regtype, coalesce(t.typacl, acldefault('T', t.typowner)), t.typowner
		FROM pg_type t WHERE t.typnamespace = 'webchatt'::regnamespace AND (t.typtype IN ('e', 'd', 'r')
			OR t.typtype = 'c' AND (SELECT c.relkind FROM pg_class c WHERE c.oid = t.typrelid) = 'c') LOOP
		IF o.acl IS NOT NULL THEN
			EXECUTE format('GRANT ALL ON %s TO %s', o.name, o.owner::regrole);
		END IF;
		FOR g IN SELECT DISTINCT CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE a.grantee::regrole::text END
			FROM aclexplode(o.acl) a WHERE a.grantee <> o.owner LOOP
			EXECUTE format('REVOKE ALL ON %s FROM %s CASCADE', o.name, g);
		END LOOP;
	END LOOP;
END
$$;

----------------------------------------------------------------------------
-- webchatt_worker: what its statements need, and no more
----------------------------------------------------------------------------

GRANT USAGE ON SCHEMA webchatt TO webchatt_worker;
-- an index's expression is computed as whoever writes the row
GRANT EXECUTE ON FUNCTION webchatt.hub_message_key(uuid, text), webchatt.visitor_words(text, jsonb),
	webchatt.visitor_words(text, text, text) TO PUBLIC;
GRANT USAGE ON TYPE webchatt.message_status, webchatt.message_direction, webchatt.conversation_state TO webchatt_worker;
GRANT USAGE ON ALL SEQUENCES IN SCHEMA webchatt TO webchatt_worker;
GRANT SELECT ON SEQUENCE webchatt.feed_seq_seq TO webchatt_worker;
GRANT SELECT ON webchatt._feed_bodies TO webchatt_worker;
GRANT SELECT ON webchatt.own_extras, webchatt.agents, webchatt.channels, webchatt.origins, webchatt.api_keys, webchatt.presence, webchatt.inbox,
	webchatt.status, webchatt.last_hour TO webchatt_worker;
GRANT SELECT, UPDATE ON webchatt.hubs TO webchatt_worker;
GRANT SELECT, INSERT ON webchatt.visitor_tokens, webchatt.statuses TO webchatt_worker;
-- which user a visitor is, and joining those who are the same
GRANT SELECT ON webchatt.identity_secrets TO webchatt_worker;
GRANT SELECT, INSERT, UPDATE, DELETE ON webchatt.joins TO webchatt_worker;
GRANT DELETE ON webchatt.visitor_tokens, webchatt.messages TO webchatt_worker;
GRANT SELECT, UPDATE (visitor) ON webchatt.notes TO webchatt_worker;
GRANT EXECUTE ON FUNCTION webchatt._identify(uuid, text, text, bytea, bytea), webchatt._join(uuid, text, text), webchatt._move_joined(uuid, text, int),
	webchatt._note_profile(uuid, text, text, text, text, jsonb, int), webchatt._merge_attributes(jsonb, jsonb, jsonb) TO webchatt_worker;
GRANT SELECT, DELETE ON webchatt.sign_in_links TO webchatt_worker;
GRANT SELECT, UPDATE ON webchatt.passkeys TO webchatt_worker;
GRANT SELECT, INSERT, DELETE ON webchatt.passkey_challenges TO webchatt_worker;
GRANT SELECT, UPDATE, DELETE ON webchatt.hub_webhooks TO webchatt_worker;
GRANT SELECT, INSERT, UPDATE ON webchatt.visitors, webchatt.messages TO webchatt_worker;
GRANT SELECT, INSERT, UPDATE ON webchatt.ratings TO webchatt_worker;
GRANT SELECT, INSERT, TRUNCATE ON webchatt.outbox, webchatt.outbox_0, webchatt.outbox_1, webchatt.outbox_2 TO webchatt_worker;
GRANT SELECT, INSERT ON webchatt.file_chunks, webchatt.file_uses TO webchatt_worker;
GRANT SELECT, INSERT, UPDATE, DELETE ON webchatt.files TO webchatt_worker;
GRANT SELECT, INSERT, DELETE ON webchatt.sessions, webchatt.feed, webchatt.webhook_log,
	webchatt.feed_orders TO webchatt_worker;
GRANT SELECT, INSERT, UPDATE, DELETE ON webchatt.budget_levels, webchatt.rejects, webchatt.early_statuses, webchatt.held,
	webchatt.conversations,
	webchatt.webhook_progress, webchatt.webhook_retries, webchatt.links, webchatt.webhooks, webchatt.hub_reconciliation,
	webchatt.overdue_candidates, webchatt.overdue_scan, webchatt.repairs, webchatt.agent_sessions TO webchatt_worker;
-- what sessions call as it, triggers too
GRANT EXECUTE ON FUNCTION webchatt.send_message(uuid, text, jsonb, text, interval, text, boolean, text),
	webchatt.send_message(uuid, text, text, text, interval, text, boolean, text), webchatt.cancel_message(uuid, uuid),
	webchatt.retry_message(uuid, uuid), webchatt.mark_read(uuid, text, uuid), webchatt.send_typing(uuid, text),
	webchatt.close_conversation(uuid, text, uuid), webchatt.reopen_conversation(uuid, text), webchatt.assign_conversation(uuid, text, text),
	webchatt.conversation(uuid, text), webchatt._typing(), webchatt._status(), webchatt._last_hour(), webchatt._hub_state(int), webchatt._now(),
	webchatt._config_changed(), webchatt._messages_inserted(), webchatt.ingest(text, text, uuid), webchatt.retry_reject(bigint),
	webchatt._retries_asked(), webchatt.retract_message(uuid, uuid), webchatt._tokens_gone() TO webchatt_worker;
GRANT EXECUTE ON FUNCTION webchatt._desk_sessions_ended() TO webchatt_worker;
-- who signs in to the desk by a passkey
GRANT EXECUTE ON FUNCTION webchatt._desk_session(), webchatt._desk_arg(jsonb, text, text, boolean),
	webchatt._desk_text(jsonb, text, boolean), webchatt._desk_bytes(jsonb, text, int), webchatt._passkey_host(), webchatt._need_passkey_host(),
	webchatt._passkey_challenge(text, text), webchatt._passkey_client(bytea), webchatt._passkey_complaint(jsonb, text, text),
	webchatt._passkey_asserted(bytea, bytea, bytea, bytea, text), webchatt._passkey_sign_in(jsonb) TO webchatt_worker;
-- webhooks of the local hub, and requests for them
GRANT EXECUTE ON FUNCTION webchatt._random_token(text, int),
	webchatt._check_endpoint(text), webchatt._check_headers(jsonb), webchatt._check_webhook(webchatt.webhooks),
	webchatt._find_webhook(uuid), webchatt._new_webhook_secret(), webchatt.create_webhook(text, text, text, jsonb, boolean, text),
	webchatt._make_webhook(int, text, text, text, jsonb, boolean, text), webchatt._origin_of(text),
	webchatt.alter_webhook(uuid, text, text, jsonb, boolean, boolean, text), webchatt.delete_webhook(uuid),
	webchatt.redefine_webhook_secret(uuid), webchatt.retry_webhook_log(uuid, uuid[]), webchatt._application_id(),
	webchatt._rest_time(timestamptz), webchatt._rest_uuid(text), webchatt._rest_number(text, text, int, int, int),
	webchatt._rest_member(jsonb, text, text), webchatt._rest_webhook(webchatt.webhooks, text), webchatt._rest_page(jsonb, int, int, bigint),
	webchatt._rest_list(int, text), webchatt._rest_check_protocol(jsonb), webchatt._rest_create(int, jsonb),
	webchatt._rest_alter(webchatt.webhooks, jsonb), webchatt._rest_redefine(webchatt.webhooks),
	webchatt._rest_logs(webchatt.webhooks, text), webchatt._rest_retries(webchatt.webhooks, jsonb), webchatt._rest_error(text, text),
	webchatt._rest(int, text, text, text, text) TO webchatt_worker;
-- calls of hubs
GRANT EXECUTE ON FUNCTION webchatt._hub_call(int), webchatt._hub_answered(int, int, text, text, int), webchatt._hub_failed(int, text),
	webchatt._reconcile_pause(int), webchatt._bare_url(text), webchatt._reconcile_of(int),
	webchatt._reconcile_failed(int, jsonb, text, text, interval), webchatt._answer_in_words(int, text, text), webchatt._strange(text),
	webchatt._webhook_in(jsonb), webchatt._secret_in(jsonb), webchatt._webhook_seen(jsonb), webchatt._has_webhook_id(jsonb),
	webchatt._webhook_is(int, text), webchatt._take_secret(int, text), webchatt._note_verified(int, boolean, text),
	webchatt._webhook_step(webchatt.hub_webhooks, jsonb, boolean), webchatt._verification_step(int),
	webchatt._needs_round(webchatt.hub_webhooks), webchatt._registration_step(int), webchatt._take_list(webchatt.hub_reconciliation, jsonb),
	webchatt._start_over(int), webchatt._relist(int, text, jsonb), webchatt._take_created(webchatt.hub_webhooks, jsonb),
	webchatt._take_patched(webchatt.hub_webhooks, jsonb, jsonb), webchatt._take_signed(webchatt.hub_webhooks, jsonb, jsonb),
	webchatt._take_registration(webchatt.hub_reconciliation, jsonb, jsonb), webchatt._take_absence(webchatt.hub_reconciliation, jsonb, int),
	webchatt._repairs_present(int, bigint[]), webchatt._repair_pause(int), webchatt._was_unreachable(int),
	webchatt._repair_failed(bigint, text, timestamptz, int, text), webchatt._is_log_line(jsonb),
	webchatt._take_log_line(webchatt.hub_webhooks, jsonb, timestamptz), webchatt._time_in(jsonb),
	webchatt._look_done(webchatt.hub_webhooks, jsonb), webchatt._take_log(webchatt.hub_reconciliation, webchatt.hub_webhooks, jsonb, jsonb),
	webchatt._unask(jsonb), webchatt._take_retries(webchatt.hub_reconciliation, webchatt.hub_webhooks, jsonb, jsonb),
	webchatt._retry_step(webchatt.hub_reconciliation), webchatt._repair_step(int), webchatt._take_repair(webchatt.hub_reconciliation, jsonb, jsonb),
	webchatt._take_repair_refusal(webchatt.hub_reconciliation, jsonb, int), webchatt._reconcile_wait(int) TO webchatt_worker;

-- the index of texts, by the desk's worker
GRANT EXECUTE ON FUNCTION webchatt.index_texts(int, boolean) TO webchatt_worker;

----------------------------------------------------------------------------
-- webchatt_admin: configures, and sees everything
----------------------------------------------------------------------------

GRANT USAGE ON SCHEMA webchatt TO webchatt_admin;
GRANT USAGE ON TYPE webchatt.message_status, webchatt.message_direction, webchatt.conversation_state TO webchatt_admin;
GRANT USAGE ON ALL SEQUENCES IN SCHEMA webchatt TO webchatt_admin;
GRANT SELECT ON webchatt.handlers, webchatt.extras, webchatt.budget_levels, webchatt.budgets, webchatt.outbox, webchatt.held,
	webchatt.sessions, webchatt.presence, webchatt.conversations, webchatt.inbox, webchatt.status, webchatt.last_hour, webchatt.health, webchatt.settings, webchatt.feed, webchatt.webhook_log, webchatt.feeds,
	webchatt.overdue_candidates, webchatt.overdue_scan, webchatt.repair, webchatt.overdue TO webchatt_admin;
GRANT SELECT, DELETE ON webchatt.agent_sessions, webchatt.passkeys, webchatt.registrations, webchatt.early_statuses, webchatt.links, webchatt.repairs TO webchatt_admin;
GRANT SELECT, INSERT ON webchatt.webhook_progress, webchatt.webhook_retries TO webchatt_admin;
GRANT SELECT, INSERT, UPDATE ON webchatt.hub_reconciliation TO webchatt_admin;
GRANT SELECT, INSERT, DELETE ON webchatt.sign_in_links TO webchatt_admin;
GRANT SELECT, INSERT, UPDATE, DELETE ON webchatt.hubs, webchatt.channels, webchatt.origins, webchatt.hub_webhooks,
	webchatt.api_keys, webchatt.visitors, webchatt.visitor_tokens, webchatt.rejects, webchatt.webhooks, webchatt.agents TO webchatt_admin;
GRANT SELECT, INSERT, UPDATE, DELETE ON webchatt.notes, webchatt.canned_answers, webchatt.identity_secrets TO webchatt_admin;
GRANT SELECT ON webchatt.joins TO webchatt_admin;
GRANT SELECT, DELETE, TRIGGER ON webchatt.ratings TO webchatt_admin;
GRANT SELECT, DELETE ON webchatt.files TO webchatt_admin;
GRANT SELECT ON webchatt.file_chunks, webchatt.file_uses, webchatt.file_overview TO webchatt_admin;
-- TRIGGER not on configuration tables: whoever installs webchatt calls what writes them
GRANT SELECT, INSERT, UPDATE, DELETE, TRIGGER ON webchatt.messages TO webchatt_admin;
GRANT SELECT, DELETE, TRIGGER ON webchatt.statuses TO webchatt_admin;
GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA webchatt TO webchatt_admin;

----------------------------------------------------------------------------
-- webchatt_agent: reads conversations and sends
----------------------------------------------------------------------------

GRANT USAGE ON SCHEMA webchatt TO webchatt_agent;
GRANT USAGE ON TYPE webchatt.message_status, webchatt.message_direction, webchatt.conversation_state TO webchatt_agent;
-- (webchatt.status carries no secrets)
GRANT SELECT ON webchatt.agents, webchatt.channels, webchatt.origins, webchatt.messages, webchatt.statuses, webchatt.sessions, webchatt.presence,
	webchatt.conversations, webchatt.inbox, webchatt.status, webchatt.last_hour, webchatt.overdue TO webchatt_agent;
GRANT SELECT, UPDATE (attributes) ON webchatt.visitors TO webchatt_agent;
GRANT SELECT ON webchatt.ratings TO webchatt_agent;
GRANT SELECT, INSERT, DELETE ON webchatt.notes TO webchatt_agent;
GRANT SELECT, INSERT, UPDATE, DELETE ON webchatt.canned_answers TO webchatt_agent;
GRANT EXECUTE ON FUNCTION webchatt.send_message(uuid, text, jsonb, text, interval, text, boolean, text),
	webchatt.send_message(uuid, text, text, text, interval, text, boolean, text), webchatt.cancel_message(uuid, uuid),
	webchatt.retract_message(uuid, uuid), webchatt.retry_message(uuid, uuid), webchatt.mark_read(uuid, text, uuid), webchatt.send_typing(uuid, text),
	webchatt.close_conversation(uuid, text, uuid), webchatt.reopen_conversation(uuid, text), webchatt.assign_conversation(uuid, text, text),
	webchatt.conversation(uuid, text), webchatt._typing(), webchatt._status(), webchatt._last_hour(), webchatt._hub_state(int), webchatt._sees_message(uuid, uuid),
	webchatt._may_wait(interval, int, uuid),
	webchatt.wait_for_status(uuid, uuid, webchatt.message_status, interval) TO webchatt_agent;
GRANT EXECUTE ON FUNCTION webchatt._content_size(jsonb, int), webchatt._content_line(jsonb, int) TO webchatt_agent;
-- files
GRANT SELECT ON webchatt.files, webchatt.file_chunks, webchatt.file_uses, webchatt.file_overview TO webchatt_agent;
GRANT EXECUTE ON FUNCTION webchatt._public_url(), webchatt._file_id(text), webchatt._file_url(text, text), webchatt._begin_file(uuid, text, bigint, text),
	webchatt._add_file_piece(text, text, bigint, bytea), webchatt._drop_own_file(text, text), webchatt.add_file(uuid, text, bytea, text),
	webchatt.file_bytes(text), webchatt.desk_begin_file(jsonb), webchatt.desk_file_piece(jsonb), webchatt.desk_drop_file(jsonb) TO webchatt_agent;
-- search
GRANT SELECT ON webchatt.search_texts, webchatt.search_progress, webchatt.search_coverage TO webchatt_agent, webchatt_admin;
GRANT USAGE ON TYPE webchatt.search_hit TO webchatt_agent, webchatt_admin;
GRANT SELECT ON webchatt.search_state TO webchatt_admin;
GRANT DELETE ON webchatt.search_progress TO webchatt_admin;
GRANT EXECUTE ON FUNCTION webchatt.message_text(jsonb), webchatt._search_plain(text), webchatt._search_words(text, regconfig),
	webchatt._search_places(text, tsquery, int), webchatt._search_matches(tsvector, tsquery), webchatt._search_id(timestamptz), webchatt._search_ms(uuid),
	webchatt._search_term(text, boolean), webchatt._search_query(text, int),
	webchatt._search_indexed(tsquery, tsquery, uuid, webchatt.message_direction, uuid, uuid, uuid, int),
	webchatt._search_behind(tsquery, uuid, webchatt.message_direction, uuid, uuid, uuid, int),
	webchatt._search_conversation(tsquery, uuid, text, webchatt.message_direction, uuid, uuid, int),
	webchatt._search_page(text, uuid, text, timestamptz, timestamptz, webchatt.message_direction, uuid, uuid, int),
	webchatt._search_snippet(text, tsquery),
	webchatt.search(text, uuid, timestamptz, timestamptz, text, webchatt.message_direction, uuid, int),
	webchatt.search_visitors(text, uuid, int), webchatt._desk_time(jsonb, text), webchatt.desk_search(jsonb) TO webchatt_agent;
-- what the desk calls for agents; the other functions of the desk are for admins
GRANT EXECUTE ON FUNCTION webchatt._desk_session(), webchatt._desk_agent(), webchatt._desk_arg(jsonb, text, text, boolean),
	webchatt._desk_text(jsonb, text, boolean), webchatt._desk_uuid(jsonb, text, boolean), webchatt._desk_limit(jsonb),
	webchatt._desk_conversation(jsonb), webchatt._desk_message(jsonb), webchatt._desk_said(webchatt.visitors, int),
	webchatt._desk_page(text, uuid, text[], int), webchatt._desk_messages(uuid, text, uuid, uuid, int), webchatt._own_sessions(bigint), webchatt._end_own_session(bigint),
	webchatt.desk_me(jsonb), webchatt.desk_inbox(jsonb), webchatt.desk_conversation(jsonb), webchatt.desk_send(jsonb),
	webchatt.desk_typing(jsonb), webchatt.desk_read(jsonb), webchatt.desk_close(jsonb), webchatt.desk_reopen(jsonb),
	webchatt.desk_assign(jsonb), webchatt.desk_retry(jsonb), webchatt.desk_cancel(jsonb), webchatt.desk_retract(jsonb), webchatt.desk_agents(jsonb),
	webchatt.desk_sessions(jsonb), webchatt.desk_end_session(jsonb), webchatt.desk_sign_out(jsonb) TO webchatt_agent;
-- of passkeys each agent's own, which is decided in what runs as its owner
GRANT EXECUTE ON FUNCTION webchatt._passkey_host(), webchatt._desk_bytes(jsonb, text, int),
	webchatt._own_passkeys(), webchatt._own_passkey_challenge(), webchatt._add_own_passkey(text, bytea, bytea), webchatt._remove_own_passkey(bigint),
	webchatt.desk_passkeys(jsonb), webchatt.desk_passkey_options(jsonb), webchatt.desk_add_passkey(jsonb),
	webchatt.desk_remove_passkey(jsonb) TO webchatt_agent;
-- notes to colleagues and canned answers
GRANT EXECUTE ON FUNCTION webchatt._new_message_id(uuid), webchatt._conversation_changed(uuid, text), webchatt.add_note(uuid, text, text, text),
	webchatt.delete_note(uuid), webchatt.set_canned_answer(text, text, jsonb, uuid, text), webchatt.delete_canned_answer(text, uuid),
	webchatt._desk_alike(uuid, text, text, text), webchatt.desk_related(jsonb), webchatt._desk_notes(uuid, text, uuid, uuid, int), webchatt.desk_notes(jsonb), webchatt.desk_add_note(jsonb), webchatt.desk_delete_note(jsonb),
	webchatt.desk_canned_answers(jsonb), webchatt.desk_set_canned_answer(jsonb), webchatt.desk_delete_canned_answer(jsonb) TO webchatt_agent;
----------------------------------------------------------------------------
-- Row security: an operator may turn it on for people, the worker is not meant
----------------------------------------------------------------------------

/*
 * A policy that lets the worker through on every table.  It is asleep until somebody says
 * ALTER TABLE ... ENABLE ROW LEVEL SECURITY; then the worker goes on, and the others have
 * the policies that were made for them.
 */
DO $$
DECLARE
	t text;
BEGIN
	FOR t IN SELECT c.relname FROM pg_catalog.pg_depend d
		JOIN pg_catalog.pg_class c ON c.oid OPERATOR(pg_catalog.=) d.objid AND c.relkind OPERATOR(pg_catalog.=) 'r'
		WHERE d.deptype OPERATOR(pg_catalog.=) 'e' AND d.classid OPERATOR(pg_catalog.=) 'pg_catalog.pg_class'::pg_catalog.regclass
			AND d.refclassid OPERATOR(pg_catalog.=) 'pg_catalog.pg_extension'::pg_catalog.regclass
			AND d.refobjid OPERATOR(pg_catalog.=) (SELECT e.oid FROM pg_catalog.pg_extension e WHERE e.extname OPERATOR(pg_catalog.=) 'webchatt')
	LOOP
		EXECUTE pg_catalog.format('CREATE POLICY webchatt_worker ON webchatt.%I TO webchatt_worker USING (true) WITH CHECK (true)', t);
		EXECUTE pg_catalog.format('COMMENT ON POLICY webchatt_worker ON webchatt.%I IS %L', t,
			'webchatt''s own: lets the worker through where row security is on');
	END LOOP;
END
$$;

/*
 * A view runs with its owner's rights, who no policy binds, or one (FORCE ROW LEVEL SECURITY) that has the worker see
 * nothing; from PostgreSQL 15 on it can run with its reader's.
 */
DO $$
BEGIN
	IF pg_catalog.current_setting('server_version_num')::pg_catalog.int4 OPERATOR(pg_catalog.>=) 150000 THEN
		EXECUTE 'ALTER VIEW webchatt.inbox SET (security_invoker = on)';
		EXECUTE 'ALTER VIEW webchatt.file_overview SET (security_invoker = on)';
		EXECUTE 'ALTER VIEW webchatt.presence SET (security_invoker = on)';
		EXECUTE 'ALTER VIEW webchatt._feed_bodies SET (security_invoker = on)';
		EXECUTE 'ALTER VIEW webchatt.search_coverage SET (security_invoker = on)';
	END IF;
END
$$;

----------------------------------------------------------------------------
-- What pg_dump takes along: all but the outbox, whose rows carry this
-- cluster's transaction ids; what a dump held as queued is queued
-- anew by the trigger on messages when it is loaded
----------------------------------------------------------------------------

DO $$
DECLARE
	t text;
BEGIN
	FOREACH t IN ARRAY ARRAY['hubs', 'hubs_id_seq', 'channels', 'origins', 'hub_webhooks', 'hub_webhooks_id_seq', 'api_keys', 'api_keys_id_seq', 'agents', 'passkeys', 'passkeys_id_seq',
		'visitors', 'visitor_tokens', 'identity_secrets', 'joins', 'files', 'file_chunks', 'file_uses', 'conversations', 'notes', 'canned_answers', 'ratings',
		'messages', 'statuses', 'statuses_id_seq', 'early_statuses', 'rejects', 'rejects_id_seq',
		'held', 'outbox_seq', 'feed', 'feed_seq_seq', 'webhooks', 'webhooks_n_seq', 'webhook_progress',
		'webhook_log', 'webhook_retries', 'links',
		'hub_reconciliation', 'repairs', 'repairs_id_seq', 'overdue_candidates', 'overdue_scan',
		'registrations', 'registrations_id_seq', 'z_installations'] LOOP
		PERFORM pg_catalog.pg_extension_config_dump(('webchatt.' || t)::pg_catalog.regclass, '');
	END LOOP;
END
$$;

-- whatever hangs on our tables from here on is somebody else's: see webchatt.extras
INSERT INTO webchatt.own_extras (kind, relation, name) SELECT e.kind, e.relation, e.name FROM webchatt._extras() e;

-- a dump brings its own z_installations, and is not over with this
DO $$
BEGIN
	IF EXISTS (SELECT FROM pg_settings s WHERE s.name = 'row_security' AND s.source = 'session')
		OR current_setting('application_name') = 'pg_restore' THEN
		PERFORM webchatt._begin_restore();
	ELSE
		INSERT INTO webchatt.z_installations DEFAULT VALUES;
	END IF;
END
$$;
