-- The desk: passkeys, registered and signed in by, with one whose private key made the signatures below.
\set SHOW_CONTEXT never
\set VERBOSITY default
\pset format unaligned
\pset tuples_only on
SET client_min_messages = error;
LOAD 'webchatt';
BEGIN;			-- nothing of it stays for the other tests
-- What a statement is refused with, or "done".
CREATE FUNCTION pg_temp.refusal(statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	state text;
	message text;
	hint text;
BEGIN
	EXECUTE statement;
	RETURN 'done';
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS state = RETURNED_SQLSTATE, message = MESSAGE_TEXT, hint = PG_EXCEPTION_HINT;
	RETURN concat_ws(E'\n', state || ' ' || message, 'HINT: ' || nullif(hint, ''));
END
$$;
-- base64url, as the page has all bytes
CREATE FUNCTION pg_temp.b64(bytes bytea) RETURNS text LANGUAGE sql IMMUTABLE AS $$
	SELECT rtrim(translate(replace(encode(bytes, 'base64'), chr(10), ''), '+/', '-_'), '=')
$$;
-- an authenticator's data: whose host, flags, a count
CREATE FUNCTION pg_temp.data(host text, flags text, counted int) RETURNS bytea LANGUAGE sql IMMUTABLE AS $$
	SELECT sha256(convert_to(host, 'UTF8')) || decode(flags, 'hex') || int4send(counted)
$$;
CREATE FUNCTION pg_temp.client(kind text, challenge text, origin text DEFAULT 'https://desk.example.com') RETURNS bytea LANGUAGE sql IMMUTABLE AS $$
	SELECT convert_to(jsonb_build_object('type', kind, 'challenge', challenge, 'origin', origin)::text, 'UTF8')
$$;
-- a registration: the id, the key, and what it is called
CREATE FUNCTION pg_temp.made(id bytea, client bytea, host text DEFAULT 'desk.example.com', label text DEFAULT 'Phone', flags text DEFAULT '45',
	key bytea DEFAULT '\xa40101032720062158205430d15f29cd4f3c7d8cb928b0f4b7f4f2ecd5d66663027fbcc7a181fd677172'::bytea) RETURNS jsonb LANGUAGE sql AS $$
	SELECT jsonb_build_object('label', label, 'clientDataJSON', pg_temp.b64(client), 'authenticatorData',
		pg_temp.b64(pg_temp.data(host, flags, 3) || repeat('0', 16)::bytea || substring(int4send(length(id)) FROM 3) || id || key))
$$;

SELECT webchatt.create_agent('ana', 'Ana', 'admin'), webchatt.create_agent('rui', 'Rui "R"');

-- where there can be passkeys
SELECT h.* FROM unnest(ARRAY['https://desk.example.com', 'https://Desk.Example.com:443', 'https://desk.example.com:8443/x', 'https://desk', 'http://localhost:8481', 'http://desk.localhost',
	'http://desk.example.com', 'https://127.0.0.1', 'http://127.0.0.1:8481', 'https://[::1]:8481', 'http://xlocalhost']) url,
	LATERAL (SELECT set_config('webchatt.desk_url', url, true), (webchatt._passkey_host()).*) h;
SET webchatt.desk_url = '';
SET webchatt.desk_listen = '';
SET webchatt.agent = 'rui';
SELECT webchatt.desk_passkeys(), pg_temp.refusal('SELECT webchatt.desk_passkey_options()'), pg_temp.refusal('SELECT webchatt._passkey_sign_in(''{}'')');
SET webchatt.desk_listen = '127.0.0.1:8481';
SELECT pg_temp.refusal('SELECT webchatt.desk_passkey_options()');
SET webchatt.desk_url = 'https://desk.example.com';

-- registered
SELECT webchatt.desk_passkeys();
SELECT webchatt.desk_passkey_options() AS options \gset
SELECT :'options'::jsonb ->> 'rpId', :'options'::jsonb -> 'user' ->> 'name', :'options'::jsonb -> 'user' ->> 'displayName', :'options'::jsonb -> 'exclude',
	length(:'options'::jsonb ->> 'challenge'), length(:'options'::jsonb -> 'user' ->> 'id');
SELECT c.agent, c.session, c.expires_at - now() FROM webchatt.passkey_challenges c WHERE c.hash = sha256(convert_to(:'options'::jsonb ->> 'challenge', 'UTF8'));
SELECT set_config('test.challenge', :'options'::jsonb ->> 'challenge', false) IS NOT NULL;
SELECT what, pg_temp.refusal(format('SELECT webchatt.desk_add_passkey(%L)', args)) FROM (VALUES
	('no label', pg_temp.made('id', pg_temp.client('webauthn.create', current_setting('test.challenge')), label => ' ')),
	('a long one', pg_temp.made('id', pg_temp.client('webauthn.create', current_setting('test.challenge')), label => repeat('x', 51))),
	('another kind', pg_temp.made('id', pg_temp.client('webauthn.get', current_setting('test.challenge')))),
	('another challenge', pg_temp.made('id', pg_temp.client('webauthn.create', repeat('A', 43)))),
	('no challenge', pg_temp.made('id', '{"type": "webauthn.create", "origin": "https://desk.example.com"}')),
	('another page', pg_temp.made('id', pg_temp.client('webauthn.create', current_setting('test.challenge'), 'https://desk.example.org'))),
	('no JSON', pg_temp.made('id', 'nonsense')),
	('no object', pg_temp.made('id', '[]')),
	('another host', pg_temp.made('id', pg_temp.client('webauthn.create', current_setting('test.challenge')), host => 'example.com')),
	('nobody verified', pg_temp.made('id', pg_temp.client('webauthn.create', current_setting('test.challenge')), flags => '41')),
	('no key', pg_temp.made('id', pg_temp.client('webauthn.create', current_setting('test.challenge')), key => '')),
	('a strange key', pg_temp.made('id', pg_temp.client('webauthn.create', current_setting('test.challenge')), key => '\xa0')),
	('a long id', pg_temp.made(repeat('i', 1024)::bytea, pg_temp.client('webauthn.create', current_setting('test.challenge')))),
	('too much', pg_temp.made('id', pg_temp.client('webauthn.create', repeat('x', 5000)))),
	('no base64url', pg_temp.made('id', '{}') || '{"clientDataJSON": "a+b="}'),
	('no text', pg_temp.made('id', '{}') || '{"authenticatorData": 1}'),
	('nothing', '{}')) v (what, args);
-- each of these was undone with what it had used up, and so it works still; once
SELECT pg_temp.made('id', pg_temp.client('webauthn.create', current_setting('test.challenge')), label => 'Rui''s <b>phone</b>') AS made \gset
SELECT (webchatt.desk_add_passkey(:'made') ->> 'id')::bigint AS passkey \gset
SELECT pg_temp.refusal(format('SELECT webchatt.desk_add_passkey(%L)', :'made'));
SELECT agent, label, credential_id, user_handle = :'options'::jsonb -> 'user' ->> 'id', encode(public_key, 'hex'), sign_count, last_used FROM webchatt.passkeys WHERE id = :passkey;
SELECT p ->> 'label', p -> 'lastUsed' FROM jsonb_array_elements(webchatt.desk_passkeys() -> 'passkeys') p;
-- the next one is of the same user, and the authenticator that has one makes no other
SELECT webchatt.desk_passkey_options() AS again \gset
SELECT :'again'::jsonb -> 'user' = :'options'::jsonb -> 'user', :'again'::jsonb ->> 'challenge' <> :'options'::jsonb ->> 'challenge', :'again'::jsonb -> 'exclude' = jsonb_build_array(pg_temp.b64('id'));
SELECT pg_temp.refusal(format('SELECT webchatt.desk_add_passkey(%L)', pg_temp.made('id', pg_temp.client('webauthn.create', :'again'::jsonb ->> 'challenge'))));
-- a challenge is of whoever asked for it, and the next one takes its place
SET webchatt.agent = 'ana';
SELECT pg_temp.refusal(format('SELECT webchatt.desk_add_passkey(%L)', pg_temp.made('id2', pg_temp.client('webauthn.create', :'again'::jsonb ->> 'challenge'))));
SET webchatt.agent = 'rui';
SELECT webchatt.desk_passkey_options() IS NOT NULL, count(*) FROM webchatt.passkey_challenges WHERE agent = 'rui';
SELECT pg_temp.refusal(format('SELECT webchatt.desk_add_passkey(%L)', pg_temp.made('id2', pg_temp.client('webauthn.create', :'again'::jsonb ->> 'challenge'))));
-- nor does one that is for signing in register, nor one whose time is over
SELECT webchatt._passkey_challenge() AS challenge \gset
SELECT pg_temp.refusal(format('SELECT webchatt.desk_add_passkey(%L)', pg_temp.made('id2', pg_temp.client('webauthn.create', :'challenge'))));
SELECT webchatt.desk_passkey_options() ->> 'challenge' AS challenge \gset
UPDATE webchatt.passkey_challenges SET expires_at = now() WHERE agent = 'rui';
SELECT pg_temp.refusal(format('SELECT webchatt.desk_add_passkey(%L)', pg_temp.made('id2', pg_temp.client('webauthn.create', :'challenge'))));
-- twenty at most
INSERT INTO webchatt.passkeys (agent, label, credential_id, user_handle, public_key) SELECT 'rui', 'n', int4send(n), repeat('A', 43), '\x00' FROM generate_series(1, 19) n;
SELECT webchatt.desk_passkey_options() ->> 'challenge' AS challenge \gset
SELECT pg_temp.refusal(format('SELECT webchatt.desk_add_passkey(%L)', pg_temp.made('id2', pg_temp.client('webauthn.create', :'challenge'))));
SELECT a ->> 'name', a -> 'passkeys' FROM jsonb_array_elements(webchatt.desk_list_agents()) a;
DELETE FROM webchatt.passkeys WHERE label = 'n';

-- signed in by: as webchatt_worker, as the desk does
CREATE TEMP TABLE said (what text, client text, flags text, counted int, signature text);
INSERT INTO said VALUES
	('good', '{"type":"webauthn.get","challenge":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA","origin":"https://desk.example.com"}', '05', 5, '801392b14613f4af34caeb745f7fb829a62533c95f4d13ef271f968b6aa7511570f93507a3c81370b8a753b8bd56689f107a3f3728a6184cbe1075b08d18270f'),
	('another challenge', '{"type":"webauthn.get","challenge":"BBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBB","origin":"https://desk.example.com"}', '05', 6, '39718787e7a64c43e3b25aab4773bdc2d3a8d9627bc509a41a6bab7422b97fcb206079b43096e12249d369a4220d742090c667b96b1c14b416789be4b4476e09'),
	('of a registration', '{"type":"webauthn.create","challenge":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA","origin":"https://desk.example.com"}', '05', 7, 'b49028fce51c641977f3748eed8d504c2f6b37f0ff960a9ac2a43a927ce4e70d8de6e951766f41689f52b93fbd9875f2bb14f1175cf771e506f5d0ef09b6ac09'),
	('another page', '{"type":"webauthn.get","challenge":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA","origin":"https://desk.example.org"}', '05', 7, 'fc3f465e7fc7ecef7707384e6a09a4c2812532c343d890f82f494b1bcf7d7456759b9b21aa6653869424708ad3101cd5908c97d17f526e8265a025a6e8172802'),
	('another port', '{"type":"webauthn.get","challenge":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA","origin":"https://desk.example.com:444"}', '05', 7, 'ce8a4685b29ec46a92bad7843de5d0060fc7dd5167c79fa3bfb61050aa6f7e16752a6db04a779e3c2c0fc679e812ad4e2d8b0d53403acbc5e99207bfbcb3de0c'),
	('in a frame', '{"type":"webauthn.get","challenge":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA","origin":"https://desk.example.com","crossOrigin":true}', '05', 7, 'f74091dedaf711d07bb331e27e789937ddaea400c965af8f240561e22185217c33591f4df8eeafcf6d7ad86dea9d64078b3d540d6b1077713ed0c7abd2ba0a0c'),
	('nobody verified', '{"type":"webauthn.get","challenge":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA","origin":"https://desk.example.com"}', '01', 7, '5778401baf40819d0e0074b625684745c5eecd4b04653e3537411abb38a4b1e9c397b0dc3dc5a8d2e27376521cb924af52ca1b10db642f43ad4f3103980c9109'),
	('counted back', '{"type":"webauthn.get","challenge":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA","origin":"https://desk.example.com"}', '05', 4, 'aef206d43b294184a10895b848d5e08bdb67cbc81e4c946eafc9d34a388aff557c7276238d2f1aea72581d14ddf1d0b74ca56faf8223558681d224d67529850e'),
	('not counted', '{"type":"webauthn.get","challenge":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA","origin":"https://desk.example.com"}', '05', 0, '25a803d2391117fca80f718e240028ae3de9f8e4c6a5de6282979c1cd567307d79858d56b30768750f3ab1110fb5c0773cfa4d0a486d0d4bf7a873b8bb38c101'),
	('counted on', '{"type":"webauthn.get","challenge":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA","origin":"https://desk.example.com"}', '05', 7, 'b7179c20c669d510e8291fafa40769d47b2beae5b956964e368ba2d04675f5fcd40b0039aca46477c73470df6a85dcabe7cdc2dbc29501ad06d37932d5ab8106');
CREATE FUNCTION pg_temp.signed(which text, more jsonb DEFAULT '{}') RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	args jsonb;
	result record;
BEGIN
	SELECT jsonb_build_object('credentialId', pg_temp.b64('id'), 'userHandle', (SELECT user_handle FROM webchatt.passkeys WHERE credential_id = 'id'),
		'clientDataJSON', pg_temp.b64(convert_to(s.client, 'UTF8')), 'authenticatorData', pg_temp.b64(pg_temp.data('desk.example.com', s.flags, s.counted)),
		'signature', pg_temp.b64(decode(s.signature, 'hex'))) || more INTO STRICT args FROM said s WHERE s.what = which;
	SET LOCAL ROLE webchatt_worker;
	SELECT * INTO result FROM webchatt._passkey_sign_in(args);
	RESET ROLE;
	RETURN coalesce(result.agent, result.problem);
END
$$;
-- the challenge that the signatures are over
CREATE FUNCTION pg_temp.challenged() RETURNS void LANGUAGE sql AS $$
	INSERT INTO webchatt.passkey_challenges (hash, expires_at) VALUES (sha256(convert_to(repeat('A', 43), 'UTF8')), now() + interval '1 min') ON CONFLICT DO NOTHING
$$;
CREATE FUNCTION pg_temp.fresh(which text, more jsonb DEFAULT '{}') RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	PERFORM pg_temp.challenged();
	RETURN pg_temp.signed(which, more);
END
$$;
SELECT pg_temp.signed('good');
SELECT pg_temp.challenged();
SELECT pg_temp.signed('another challenge');
SELECT pg_temp.signed('good');
SELECT sign_count, last_used IS NOT NULL FROM webchatt.passkeys WHERE id = :passkey;
SELECT pg_temp.signed('good');
-- the challenge is used up also by what fails
SELECT s.what, pg_temp.fresh(s.what), pg_temp.signed(s.what) FROM said s WHERE s.what NOT IN ('another challenge', 'counted on');
SELECT m.more, pg_temp.fresh('counted on', m.more) FROM (VALUES ('{"userHandle": "x"}'::jsonb), (jsonb_build_object('credentialId', pg_temp.b64('id2'))),
	(jsonb_build_object('signature', pg_temp.b64('x'))), (jsonb_build_object('authenticatorData', pg_temp.b64(pg_temp.data('desk.example.com', '05', 8)))),
	(jsonb_build_object('authenticatorData', pg_temp.b64(pg_temp.data('desk.example.org', '05', 7)))), (jsonb_build_object('authenticatorData', 'AA')),
	(jsonb_build_object('clientDataJSON', pg_temp.b64('{"type":"webauthn.get","challenge":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA","origin":"https://desk.example.com" }')))) m (more);
SELECT pg_temp.challenged();
SELECT pg_temp.refusal(format('SELECT pg_temp.signed(%L, %L)', 'counted on', more)) FROM unnest(ARRAY['{"signature": null}', '{"userHandle": null}', '{"credentialId": 1}', '{"clientDataJSON": "AA"}', '{"signature": "*"}',
	jsonb_build_object('signature', repeat('A', 700))]::jsonb[]) more;
-- a challenge whose time is over
UPDATE webchatt.passkey_challenges SET expires_at = now();
SELECT pg_temp.signed('counted on');
-- one that is there for a registration does not sign in
UPDATE webchatt.passkey_challenges SET expires_at = now() + interval '1 min', agent = 'rui';
SELECT pg_temp.signed('counted on');
DELETE FROM webchatt.passkey_challenges;
SELECT pg_temp.fresh('counted on');
-- who is locked out, also by hand, has none any more; but it is not that alone which keeps them out
CREATE TEMP TABLE kept AS SELECT * FROM webchatt.passkeys;
UPDATE webchatt.agents SET disabled_at = now() WHERE name = 'rui';
SELECT count(*) FROM webchatt.passkeys;
UPDATE kept SET sign_count = 6;
INSERT INTO webchatt.passkeys SELECT * FROM kept;
SELECT pg_temp.fresh('counted on');
UPDATE webchatt.agents SET disabled_at = NULL WHERE name = 'rui';
SELECT count(*) FROM webchatt.passkeys;
INSERT INTO webchatt.passkeys SELECT * FROM kept;
-- with another role they are who they were
UPDATE webchatt.agents SET role = 'admin' WHERE name = 'rui';
SELECT pg_temp.fresh('counted on');
-- an authenticator that does not count
UPDATE webchatt.passkeys SET sign_count = 0;
SELECT pg_temp.challenged();
SELECT pg_temp.signed('not counted');
-- of those that strangers ask for so many are kept
INSERT INTO webchatt.passkey_challenges (hash, expires_at) SELECT sha256(int4send(n)), now() + n * interval '1 ms' FROM generate_series(1, 10005) n;
SELECT webchatt._passkey_challenge() IS NOT NULL;
SELECT count(*), count(*) FILTER (WHERE expires_at > now() + interval '4 min') FROM webchatt.passkey_challenges;

-- who may
CREATE ROLE regress_passkey_agent LOGIN;
GRANT webchatt_agent TO regress_passkey_agent;
SET SESSION AUTHORIZATION regress_passkey_agent;
SET webchatt.agent = 'rui';
SELECT pg_temp.refusal(s) FROM unnest(ARRAY['SELECT webchatt.desk_passkeys()', 'SELECT webchatt.desk_passkey_options()', format('SELECT webchatt.desk_add_passkey(%L)', :'made'),
	format('SELECT webchatt.desk_remove_passkey(''{"id": %s}'')', :passkey), 'SELECT * FROM webchatt.passkeys', 'SELECT * FROM webchatt.passkey_challenges', 'SELECT webchatt.delete_passkey(1)',
	'SELECT webchatt._passkey_sign_in(''{}'')', 'SELECT webchatt._passkey_challenge()']) s;
RESET SESSION AUTHORIZATION;
DROP ROLE regress_passkey_agent;
SET ROLE webchatt_worker;
SELECT pg_temp.refusal(s) FROM unnest(ARRAY['INSERT INTO webchatt.passkeys (agent, label, credential_id, user_handle, public_key) VALUES (''ana'', ''x'', ''x'', repeat(''A'', 43), ''x'')',
	'DELETE FROM webchatt.passkeys']) s;
RESET ROLE;

-- removed
SET ROLE webchatt_admin;
SET webchatt.agent = 'ana';
SELECT webchatt.desk_remove_passkey(jsonb_build_object('id', :passkey));
SET webchatt.agent = 'rui';
SELECT webchatt.desk_remove_passkey(jsonb_build_object('id', :passkey)), webchatt.desk_remove_passkey(jsonb_build_object('id', :passkey)), pg_temp.refusal('SELECT webchatt.desk_remove_passkey(''{}'')');
RESET ROLE;
INSERT INTO webchatt.passkeys (id, agent, label, credential_id, user_handle, public_key) VALUES (1001, 'rui', 'x', '1', repeat('A', 43), '\x00'), (1002, 'rui', 'y', '2', repeat('A', 43), '\x00'),
	(1003, 'ana', 'z', '3', repeat('B', 43), '\x00');
SET ROLE webchatt_admin;
SELECT webchatt.delete_passkey(1001), webchatt.delete_passkey(1001), webchatt.delete_passkey(NULL);
SELECT webchatt.disable_agent('rui'), webchatt.enable_agent('rui');
SELECT id FROM webchatt.passkeys ORDER BY id;
RESET ROLE;
UPDATE webchatt.agents SET name = 'anna' WHERE name = 'ana';
SELECT id, agent FROM webchatt.passkeys;
DELETE FROM webchatt.agents;
SELECT count(*) FROM webchatt.passkeys;
ROLLBACK;
