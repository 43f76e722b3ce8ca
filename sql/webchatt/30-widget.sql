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
