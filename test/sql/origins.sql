-- normalize_origin(): one form for each origin, and a reason for each that is none.
\pset format unaligned
\pset tuples_only on
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

SELECT o AS given, webchatt.normalize_origin(o) FROM unnest(ARRAY[
	'https://www.example.com', 'http://www.example.com', 'HTTPS://WWW.Example.COM',
	'https://www.example.com/', 'https://www.example.com:443', 'http://www.example.com:80',
	'https://www.example.com:8443', 'http://www.example.com:443', 'http://localhost:3000',
	'http://127.0.0.1:8080', 'http://[::1]:8080', 'https://[2001:DB8:0:0:0:0:0:1]',
	'https://xn--bcher-kva.example', 'https://a_b.example']) AS o;
SELECT webchatt.normalize_origin(NULL) IS NULL;

SELECT o, pg_temp.refusal(format('SELECT webchatt.normalize_origin(%L)', o)) FROM unnest(ARRAY[
	'', '*', 'null', 'www.example.com', '//www.example.com', 'ftp://www.example.com', 'https:www.example.com',
	'https://', 'https:///', 'https://www.example.com/shop', 'https://www.example.com//',
	'https://www.example.com?x', 'https://www.example.com#x', 'https://me@www.example.com',
	'https://*.example.com', 'https://www.example.com:0', 'https://www.example.com:65536',
	'https://www.example.com:', 'https://www.example.com:080', 'https://www.example.com:x',
	' https://www.example.com', 'https://www.example.com ', 'https://www..example.com',
	'https://www.example.com.', 'https://bücher.example', 'https://2001:db8::1',
	'https://[2001:db8::g]', 'https://1.2.3', 'https://1.2.3.256', 'https://0x7f.1', 'https://a,b.example',
	'https://' || repeat('a', 64) || '.example', 'https://' || repeat('a.', 130) || 'example']) AS o;
