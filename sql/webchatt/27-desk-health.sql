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
