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
	bringer text COLLATE "C",
	PRIMARY KEY (channel_id, id),
	CHECK (state = 'arriving' OR received = size AND type IS NOT NULL AND sha256 IS NOT NULL)
) WITH (fillfactor = 50);
CREATE INDEX files_visitor ON webchatt.files (channel_id, visitor) WHERE visitor IS NOT NULL;
COMMENT ON TABLE webchatt.files IS
	'pictures and files of conversations: brought by visitors, by the REST API, at the desk, by webchatt.add_file(); what no message, canned answer, agent''s picture or widget names goes after webchatt.file_sweep_after';
COMMENT ON COLUMN webchatt.files.channel_id IS 'the channel that it was brought to';
COMMENT ON COLUMN webchatt.files.id IS 'what its URL ends with, 256 bits of chance: whoever knows it can fetch the file';
COMMENT ON COLUMN webchatt.files.visitor IS 'the visitor who brought it; null: an application or an agent did';
COMMENT ON COLUMN webchatt.files.author IS 'the agent or the API key that it came from, or what add_file() was told; null: a visitor, or not said';
COMMENT ON COLUMN webchatt.files.bringer IS
	'webchatt''s own: who may go on with it and cancel it, where that is no visitor: an API key by its id, an agent by their name and when they were made; null: nobody, it came whole by SQL';
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
	message_channel_id uuid NOT NULL,
	PRIMARY KEY (channel_id, file_id, message_id),
	FOREIGN KEY (channel_id, file_id) REFERENCES webchatt.files (channel_id, id) ON DELETE CASCADE
);
CREATE INDEX file_uses_message ON webchatt.file_uses (message_channel_id, message_id);
COMMENT ON TABLE webchatt.file_uses IS
	'which messages name a file by its URL, as they were sent or came; one of a message that was deleted counts for nothing';
COMMENT ON COLUMN webchatt.file_uses.channel_id IS 'the file''s channel';
COMMENT ON COLUMN webchatt.file_uses.file_id IS 'the file in webchatt.files';
COMMENT ON COLUMN webchatt.file_uses.message_channel_id IS 'the message''s channel, which can be another one';
COMMENT ON COLUMN webchatt.file_uses.message_id IS 'the message in webchatt.messages';
