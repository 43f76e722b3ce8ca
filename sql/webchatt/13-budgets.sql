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
