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
