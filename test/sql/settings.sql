-- The settings: defaults, and what their check hooks refuse.
\set SHOW_CONTEXT never
\pset format unaligned
\pset tuples_only on
LOAD 'webchatt';
-- What a statement is refused with, or "done".
CREATE FUNCTION pg_temp.refusal(statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	state text;
	message text;
	detail text;
	hint text;
BEGIN
	EXECUTE statement;
	RETURN 'done';
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS state = RETURNED_SQLSTATE, message = MESSAGE_TEXT,
		detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT;
	RETURN concat_ws(E'\n', state || ' ' || message, 'DETAIL: ' || nullif(detail, ''), 'HINT: ' || nullif(hint, ''));
END
$$;
SELECT name, boot_val, coalesce(unit, '-'), vartype, context, coalesce(min_val, '-'), coalesce(max_val, '-')
	FROM pg_settings WHERE name LIKE 'webchatt.%' ORDER BY name COLLATE "C";
-- each says what it is
SELECT name FROM pg_settings WHERE name LIKE 'webchatt.%' AND coalesce(short_desc, '') = '';

SELECT v, pg_temp.refusal(format('SET webchatt.listen = %L', v)) FROM unnest(ARRAY[
	'127.0.0.1:8480', '127.0.0.1:8480, [::1]:8480', '[::]:80', '*:8480', ':8480', 'localhost:1', 'unix:/run/webchatt/door',
	'', ' ', ',', '127.0.0.1', '8480', '127.0.0.1:', '127.0.0.1:http', '127.0.0.1:65536', '127.0.0.1:99999', '127.0.0.1:0', '*:0', '127.0.0.1:-1', '::1:8480', '[::1]',
	'unix:', 'unix:relative', 'unix:/run/postgresql/.s.PGSQL.5432', 'unix:/run/', 'unix:/' || repeat('x', 108), '127.0.0.1:8480,', '127.0.0.1:8480,,[::1]:8480', 'http://127.0.0.1:8480']) AS v;
RESET webchatt.listen;
SELECT v, pg_temp.refusal(format('SET webchatt.desk_listen = %L', v)) FROM unnest(ARRAY['', '127.0.0.1:8481', '127.0.0.1']) AS v;
RESET webchatt.desk_listen;
SELECT v, pg_temp.refusal(format('SET webchatt.trusted_proxies = %L', v)) FROM unnest(ARRAY['', '127.0.0.1', '10.0.0.0/8, ::1', ',',
	'localhost', '10.0.0.0/33', '::1/129', '10.0.0.0/', '10.0.0', '10.0.0.0/8 ', '10.0.0.1-10.0.0.9', '[::1]', '::ffff:10.0.0.1/128']) AS v;
SELECT pg_temp.refusal(format('SET webchatt.trusted_proxies = %L', (SELECT string_agg('::' || i, ',') FROM generate_series(1, 65) i)));
RESET webchatt.trusted_proxies;
SELECT v, pg_temp.refusal(format('SET webchatt.webhook_allowed_addresses = %L', v)) FROM unnest(ARRAY['', '10.0.0.0/8', 'intranet']) AS v;
RESET webchatt.webhook_allowed_addresses;
SELECT v, pg_temp.refusal(format('SET webchatt.ca_file = %L', v)) FROM unnest(ARRAY['', '/nonexistent/ca.pem', 'ca.pem', '/etc']) AS v;
COPY (SELECT '-----BEGIN CERTIFICATE-----') TO PROGRAM 'cat >webchatt_ca.pem';
COPY (SELECT 'no certificate') TO PROGRAM 'cat >webchatt_no_ca.pem';
SELECT f, replace(pg_temp.refusal(format('SET webchatt.ca_file = %L', current_setting('data_directory') || f)), current_setting('data_directory'), '')
	FROM unnest(ARRAY['/webchatt_ca.pem', '/webchatt_no_ca.pem']) AS f;
COPY (SELECT 1) TO PROGRAM 'cat >/dev/null; rm webchatt_ca.pem webchatt_no_ca.pem';
RESET webchatt.ca_file;
SELECT v, pg_temp.refusal(format('SET webchatt.public_url = %L', v)) FROM unnest(ARRAY['', 'https://chat.example.com', 'http://127.0.0.1:8480',
	'https://[::1]:8443/chat', 'https://chat.example.com/', 'chat.example.com', 'ftp://chat.example.com', 'https://', 'https:///x',
	'https://a b', 'https://a"b', 'https://a?b', 'https://u@h', 'https://a''b', 'https://a<b',
	'https://a:0', 'https://a:65535/x', 'https://a:65536/x', 'https://a:99999', 'https://a:', 'https://a:x', 'https://[::1]', 'https://[::1]:0']) AS v;
RESET webchatt.public_url;
-- (the range itself is written with units since PostgreSQL 17)
SELECT v, split_part(pg_temp.refusal(format('SET webchatt.max_body_size = %L', v)), ' (', 1) FROM unnest(ARRAY['1MB', '4MB', '0', '5MB', 'x']) AS v;
SELECT split_part(pg_temp.refusal('SET webchatt.signature_tolerance = ''2d'''), ' (', 1);
SELECT split_part(pg_temp.refusal('SET webchatt.max_in_flight = 0'), ' (', 1);
-- the server's alone
SELECT pg_temp.refusal('SET webchatt.databases = ''postgres''');
-- databases is checked where it is set
ALTER SYSTEM SET webchatt.databases = 'one,,two';
ALTER SYSTEM SET webchatt.databases = 'one two';
SELECT format('ALTER SYSTEM SET webchatt.databases = %s', string_agg('db' || i, ',')) FROM generate_series(1, 65) i \gexec
-- for one database
SELECT pg_temp.refusal(format('ALTER DATABASE %I SET webchatt.listen = ''127.0.0.1:8481''', current_database()));
SELECT pg_temp.refusal(format('ALTER DATABASE %I SET webchatt.listen = ''nonsense''', current_database()));
SELECT pg_temp.refusal(format('ALTER DATABASE %I RESET webchatt.listen', current_database()));
