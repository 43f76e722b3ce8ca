----------------------------------------------------------------------------
-- Who was written to while away, and did not come back (doc/unread.md)
----------------------------------------------------------------------------

CREATE TABLE webchatt.unread (
	channel_id uuid NOT NULL,
	visitor text COLLATE "C" NOT NULL,
	message_id uuid NOT NULL,
	messages int NOT NULL,
	since timestamptz NOT NULL,
	email text,
	noted_at timestamptz NOT NULL DEFAULT now(),
	PRIMARY KEY (channel_id, visitor, message_id),
	FOREIGN KEY (channel_id, visitor) REFERENCES webchatt.visitors (channel_id, id) ON DELETE CASCADE ON UPDATE CASCADE
);
COMMENT ON TABLE webchatt.unread IS
	'visitors who were written to while they were away and did not come back in time (channels.unread_after): the newest note of each, made once until they come back; webchatt.on_unread() has a function called with each';
COMMENT ON COLUMN webchatt.unread.visitor IS 'who that is';
COMMENT ON COLUMN webchatt.unread.message_id IS 'the first message that waits for them';
COMMENT ON COLUMN webchatt.unread.messages IS 'how many wait, as it was then';
COMMENT ON COLUMN webchatt.unread.since IS 'since when the first one waits';
COMMENT ON COLUMN webchatt.unread.email IS 'where they can be reached: visitors.email, else their attribute "email"; nobody has proved it, unless the visitor is verified. Null: none';
COMMENT ON COLUMN webchatt.unread.noted_at IS 'when it was noted';

/*
 * A row for each conversation, not for each message that is held, and only where the channel wants notes.
 * Its time may be too early, never too late: when it has come, what is held decides.  The worker makes the rows anew
 * out of what is held after a start, so a crash may empty it.
 */
CREATE UNLOGGED TABLE webchatt.unread_waits (
	channel_id uuid NOT NULL,
	visitor text COLLATE "C" NOT NULL,
	due timestamptz NOT NULL,
	PRIMARY KEY (channel_id, visitor)
);
CREATE INDEX unread_waits_due ON webchatt.unread_waits (due);
COMMENT ON TABLE webchatt.unread_waits IS
	'webchatt''s own: visitors for whom messages are held on channels with unread_after, until it is time to note them in webchatt.unread';
COMMENT ON COLUMN webchatt.unread_waits.visitor IS 'who is waited for';
COMMENT ON COLUMN webchatt.unread_waits.due IS 'when it is looked at whether they have come back';

/* A row for each link that was made and is not over: at most 20 for each visitor.  What is over goes when others are made. */
CREATE TABLE webchatt.conversation_links (
	channel_id uuid NOT NULL,
	token_hash bytea NOT NULL CHECK (octet_length(token_hash) = 32),
	visitor text COLLATE "C" NOT NULL,
	created_at timestamptz NOT NULL DEFAULT now(),
	expires_at timestamptz NOT NULL,
	PRIMARY KEY (channel_id, token_hash),
	FOREIGN KEY (channel_id, visitor) REFERENCES webchatt.visitors (channel_id, id) ON DELETE CASCADE ON UPDATE CASCADE
);
CREATE INDEX conversation_links_visitor ON webchatt.conversation_links (channel_id, visitor);
CREATE INDEX conversation_links_expires_at ON webchatt.conversation_links (expires_at);
COMMENT ON TABLE webchatt.conversation_links IS
	'links that open a conversation on any device, made by webchatt.conversation_link(); a row that is deleted ends the link, and not the tokens that devices got for it';
COMMENT ON COLUMN webchatt.conversation_links.token_hash IS 'SHA-256 of the token in the link';
COMMENT ON COLUMN webchatt.conversation_links.visitor IS 'whose conversation that is';
COMMENT ON COLUMN webchatt.conversation_links.created_at IS 'when it was made';
COMMENT ON COLUMN webchatt.conversation_links.expires_at IS 'until when it opens the conversation';
