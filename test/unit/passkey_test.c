/*
 * passkey_test.c
 *	  Passkeys as an authenticator makes them, of each algorithm, with keys that OpenSSL
 *	  makes here; and what happens when any byte of them is another.
 */
#include "desk/passkey.h"
#include "tap.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>

#define HOST   "desk.example.com"
#define CLIENT "{\"type\":\"webauthn.get\",\"challenge\":\"x\",\"origin\":\"https://" HOST "\"}"

#define UP 0x01
#define UV 0x04
#define BE 0x08
#define BS 0x10
#define AT 0x40
#define ED 0x80

typedef struct bytes
{
	uint8_t p[8192];
	size_t len;
} bytes;

typedef enum algorithm
{
	ES256,
	EDDSA,
	RS256,
	ALGORITHMS
} algorithm;

static const char *const names[ALGORITHMS] = {"ES256", "EdDSA", "RS256"};
static EVP_PKEY *keys[ALGORITHMS];
static EVP_PKEY *others[ALGORITHMS];

static void
put(bytes *b, const void *p, size_t len)
{
	memcpy(b->p + b->len, p, len);
	b->len += len;
}

static void
put_byte(bytes *b, unsigned value)
{
	b->p[b->len++] = (uint8_t) value;
}

static void
put_number(bytes *b, EVP_PKEY *key, const char *name, int size)
{
	BIGNUM *n = NULL;

	if (EVP_PKEY_get_bn_param(key, name, &n) != 1 || BN_bn2binpad(n, b->p + b->len, size) != size)
		abort();
	b->len += (size_t) size;
	BN_free(n);
}

/* A map of small whole numbers, and of strings of bytes, as CTAP2 has it. */
static void
put_key(bytes *b, EVP_PKEY *key, algorithm of)
{
	size_t len = 32;
	int rsa = (int) EVP_PKEY_get_size(key);

	if (of == ES256)
	{
		put(b, "\xa5\x01\x02\x03\x26\x20\x01\x21\x58\x20", 10);
		put_number(b, key, OSSL_PKEY_PARAM_EC_PUB_X, 32);
		put(b, "\x22\x58\x20", 3);
		put_number(b, key, OSSL_PKEY_PARAM_EC_PUB_Y, 32);
	}
	else if (of == EDDSA)
	{
		put(b, "\xa4\x01\x01\x03\x27\x20\x06\x21\x58\x20", 10);
		if (EVP_PKEY_get_raw_public_key(key, b->p + b->len, &len) != 1 || len != 32)
			abort();
		b->len += len;
	}
	else
	{
		put(b, "\xa4\x01\x03\x03\x39\x01\x00\x20\x59", 9);
		put_byte(b, (unsigned) rsa >> 8);
		put_byte(b, (unsigned) rsa & 255);
		put_number(b, key, OSSL_PKEY_PARAM_RSA_N, rsa);
		put(b, "\x21\x43\x01\x00\x01", 5);
	}
}

static void
put_head(bytes *b, const char *host, unsigned flags, unsigned count)
{
	EVP_Digest(host, strlen(host), b->p + b->len, NULL, EVP_sha256(), NULL);
	b->len += 32;
	put_byte(b, flags);
	for (int shift = 24; shift >= 0; shift -= 8)
		put_byte(b, count >> shift & 255);
}

static bytes
registration(EVP_PKEY *key, algorithm of, size_t id_len)
{
	bytes b = {.len = 0};

	put_head(&b, HOST, UP | UV | AT, 7);
	put(&b, "the model's name", 16);
	put_byte(&b, (unsigned) id_len >> 8);
	put_byte(&b, (unsigned) id_len & 255);
	memset(b.p + b.len, 'i', id_len);
	b.len += id_len;
	put_key(&b, key, of);
	return b;
}

static bytes
sign(EVP_PKEY *key, algorithm of, const bytes *data, const char *client)
{
	bytes text = *data;
	bytes signature = {.len = sizeof(signature.p)};
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();

	EVP_Digest(client, strlen(client), text.p + text.len, NULL, EVP_sha256(), NULL);
	text.len += 32;
	if (EVP_DigestSignInit(ctx, NULL, of == EDDSA ? NULL : EVP_sha256(), NULL, key) != 1 ||
		EVP_DigestSign(ctx, signature.p, &signature.len, text.p, text.len) != 1)
		abort();
	EVP_MD_CTX_free(ctx);
	return signature;
}

/* In memory of exactly that size, so that a read beyond it is seen. */
static passkey_bytes
exact(const void *p, size_t len)
{
	uint8_t *copy = malloc(len ? len : 1);

	memcpy(copy, p, len);
	return (passkey_bytes){copy, len};
}

static const char *
registers(const bytes *data, passkey_said *said)
{
	passkey_bytes d = exact(data->p, data->len);
	const char *why = passkey_registered(d, HOST, said);

	/* what it found lies inside */
	if (why == NULL && (said->id.p < d.p || said->key.p + said->key.len > d.p + d.len))
		why = "it reads beyond the data";
	free((void *) d.p);
	return why;
}

static const char *
asserts(const bytes *key, const bytes *data, const char *client, size_t client_len, const bytes *signature,
		passkey_said *said)
{
	passkey_bytes k = exact(key->p, key->len);
	passkey_bytes d = exact(data->p, data->len);
	passkey_bytes c = exact(client, client_len);
	passkey_bytes s = exact(signature->p, signature->len);
	const char *why = passkey_asserted(k, d, c, s, HOST, said);

	free((void *) k.p);
	free((void *) d.p);
	free((void *) c.p);
	free((void *) s.p);
	return why;
}

static void
make_keys(void)
{
	for (int i = 0; i < 2; i++)
	{
		EVP_PKEY **to = i == 0 ? keys : others;

		to[ES256] = EVP_EC_gen("P-256");
		to[EDDSA] = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
		to[RS256] = EVP_RSA_gen(2048);
	}
}

static void
test_registration(algorithm of)
{
	bytes data = registration(keys[of], of, 32);
	bytes key = {.len = 0};
	passkey_said said;
	bool good;
	int taken = 0;

	put_key(&key, keys[of], of);
	ok(registers(&data, &said) == NULL, "%s: a registration", names[of]);
	ok(said.sign_count == 7 && said.id.len == 32 && said.key.len == key.len, "%s: with its count, id and key",
	   names[of]);

	data.p[32] |= ED;
	ok(registers(&data, &said) != NULL, "%s: extensions that are announced have to come", names[of]);
	put(&data,
		"\xa1\x6b"
		"credProtect"
		"\x03",
		14);
	ok(registers(&data, &said) == NULL && said.key.len == key.len, "%s: then they do no harm", names[of]);
	data.p[32] &= (uint8_t) ~ED;
	ok(registers(&data, &said) != NULL, "%s: what is not announced does", names[of]);

	data = registration(keys[of], of, 32);
	good = true;
	for (data.len--; data.len > 0; data.len--)
		good &= registers(&data, &said) != NULL;
	good &= registers(&data, &said) != NULL;
	ok(good, "%s: cut anywhere it is none", names[of]);

	/* the model's name, the count, the id and the key's own bytes may be others */
	for (int at = 0; at < (int) registration(keys[of], of, 32).len; at++)
	{
		data = registration(keys[of], of, 32);
		data.p[at] ^= 0xff;
		if (at < 33 || at == 53 || at == 54 || (at >= 87 && at < 96))
			taken += registers(&data, &said) == NULL;
		else
			(void) registers(&data, &said);
	}
	ok(taken == 0, "%s: with another host, flags, size of the id or kind of key it is none", names[of]);
}

static void
test_ids(void)
{
	bytes data = registration(keys[ES256], ES256, 1);
	passkey_said said;

	ok(registers(&data, &said) == NULL && said.id.len == 1, "an id of 1 byte");
	data = registration(keys[ES256], ES256, PASSKEY_ID_MOST);
	ok(registers(&data, &said) == NULL && said.id.len == PASSKEY_ID_MOST, "of 1,023");
	data = registration(keys[ES256], ES256, PASSKEY_ID_MOST + 1);
	ok(registers(&data, &said) != NULL, "not of 1,024");
	data = registration(keys[ES256], ES256, 0);
	ok(registers(&data, &said) != NULL, "nor of none");
	data = registration(keys[ES256], ES256, 32);
	data.p[32] |= ED;
	memset(data.p + data.len, 0, PASSKEY_DATA_MOST);
	data.len = PASSKEY_DATA_MOST + 1;
	ok(registers(&data, &said) != NULL, "data of more than %d bytes are not read", PASSKEY_DATA_MOST);
	data.len--;
	ok(registers(&data, &said) == NULL, "of as many they are");
}

static void
test_flags(void)
{
	static const struct
	{
		unsigned flags;
		bool good;
		const char *what;
	} cases[] = {
		{UP | UV, true, "somebody is there, and verified"},
		{UP | UV | BE, true, "a passkey that may be backed up"},
		{UP | UV | BE | BS, true, "one that is"},
		{UP | UV | 0x22, true, "bits that mean nothing yet"},
		{UP, false, "nobody was verified"},
		{UV, false, "nobody was there"},
		{0, false, "neither"},
		{UP | UV | BS, false, "backed up, and may not be"},
		{UP | UV | AT, false, "a key is announced"},
		{UP | UV | ED, false, "extensions are announced"},
	};
	bytes key = {.len = 0};
	passkey_said said;

	put_key(&key, keys[ES256], ES256);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
	{
		bytes data = {.len = 0};
		bytes signature;

		put_head(&data, HOST, cases[i].flags, 0);
		signature = sign(keys[ES256], ES256, &data, CLIENT);
		ok((asserts(&key, &data, CLIENT, strlen(CLIENT), &signature, &said) == NULL) == cases[i].good, "%s: %s",
		   cases[i].good ? "good" : "refused", cases[i].what);
	}
}

static void
test_assertion(algorithm of)
{
	bytes data = {.len = 0};
	bytes key = {.len = 0};
	bytes signature;
	char client[] = CLIENT;
	size_t client_len = strlen(client);
	passkey_said said;
	int taken = 0;

	put_head(&data, HOST, UP | UV, 0xfedcba98);
	put_key(&key, keys[of], of);
	signature = sign(keys[of], of, &data, client);
	ok(asserts(&key, &data, client, client_len, &signature, &said) == NULL, "%s: an assertion", names[of]);
	ok(said.sign_count == 0xfedcba98, "%s: and its count", names[of]);
#define EACH(bytes, size)                                                                                              \
	for (size_t at = 0; at < (size); at++)                                                                             \
		for (int bit = 0; bit < 8; bit++)                                                                              \
		{                                                                                                              \
			(bytes)[at] ^= (1 << bit);                                                                                 \
			taken += asserts(&key, &data, client, client_len, &signature, &said) == NULL;                              \
			(bytes)[at] ^= (1 << bit);                                                                                 \
		}
	EACH(data.p, data.len)
	ok(taken == 0, "%s: with any bit of the authenticator's data another it is none", names[of]);
	EACH(client, client_len)
	ok(taken == 0, "%s: of the client's", names[of]);
	EACH(signature.p, signature.len)
	ok(taken == 0, "%s: of the signature", names[of]);
	EACH(key.p, key.len)
	ok(taken == 0, "%s: or of the key", names[of]);
	for (size_t len = signature.len; signature.len-- > 0;)
		taken += asserts(&key, &data, client, client_len, &signature, &said) == NULL || signature.len > len;
	ok(taken == 0, "%s: nor with a signature that is cut", names[of]);
}

/* What is signed well, and by another key. */
static void
test_others(algorithm of)
{
	bytes data = {.len = 0};
	bytes key = {.len = 0};
	bytes signature;
	passkey_said said;

	put_head(&data, HOST, UP | UV, 1);
	put_key(&key, keys[of], of);
	for (algorithm a = ES256; a < ALGORITHMS; a++)
	{
		signature = sign(others[a], a, &data, CLIENT);
		ok(asserts(&key, &data, CLIENT, strlen(CLIENT), &signature, &said) != NULL, "%s: not by another key of %s",
		   names[of], names[a]);
	}
	data.len = 0;
	put_head(&data, "desk.example.org", UP | UV, 1);
	signature = sign(keys[of], of, &data, CLIENT);
	ok(asserts(&key, &data, CLIENT, strlen(CLIENT), &signature, &said) != NULL, "%s: not for another host", names[of]);
	data.len = 0;
	put_head(&data, HOST, UP | UV | ED, 1);
	put(&data, "\xa1\x61x\xf5", 4);
	signature = sign(keys[of], of, &data, CLIENT);
	ok(asserts(&key, &data, CLIENT, strlen(CLIENT), &signature, &said) == NULL, "%s: with extensions", names[of]);
	put_byte(&key, 0);
	ok(asserts(&key, &data, CLIENT, strlen(CLIENT), &signature, &said) != NULL, "%s: not by a key with a byte more",
	   names[of]);
}

/* Keys that are weaker than they look, or none. */
static void
test_keys(void)
{
	EVP_PKEY *small = EVP_RSA_gen(1024);
	bytes data = registration(small, RS256, 32);
	passkey_said said;
	EVP_PKEY *large = EVP_RSA_gen(3072);

	ok(registers(&data, &said) != NULL, "not RSA of 1024 bits");
	data = registration(large, RS256, 32);
	ok(registers(&data, &said) == NULL, "but of 3072");
	data.p[98] = 0;
	ok(registers(&data, &said) != NULL, "which does not begin with zeros");
	EVP_PKEY_free(large);
	large = EVP_RSA_gen(2050);
	data = registration(large, RS256, 32);
	ok(registers(&data, &said) == NULL, "and of 2050, which are not whole bytes");
	data = registration(keys[RS256], RS256, 32);
	data.p[data.len - 1] = 3;
	ok(registers(&data, &said) != NULL, "not with the exponent 3 in its place");
	data = registration(keys[RS256], RS256, 32);
	data.p[98] &= 0x7f;
	ok(registers(&data, &said) != NULL, "nor of 2047");
	data = registration(keys[ES256], ES256, 32);
	memset(data.p + 97, 0, 32);
	ok(registers(&data, &said) != NULL, "not a point beside the curve");
	memset(data.p + 97, 0xff, 32);
	memset(data.p + data.len - 32, 0xff, 32);
	ok(registers(&data, &said) != NULL, "nor one beyond the field");
	data = registration(keys[ES256], ES256, 32);
	data.p[93] = 2;
	ok(registers(&data, &said) != NULL, "nor of another curve");
	EVP_PKEY_free(small);
	EVP_PKEY_free(large);
}

int
main(void)
{
	make_keys();
	for (algorithm of = ES256; of < ALGORITHMS; of++)
	{
		test_registration(of);
		test_assertion(of);
		test_others(of);
	}
	test_ids();
	test_flags();
	test_keys();
	for (algorithm of = ES256; of < ALGORITHMS; of++)
	{
		EVP_PKEY_free(keys[of]);
		EVP_PKEY_free(others[of]);
	}
	return tap_done();
}
