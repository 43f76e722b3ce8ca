/*
 * passkey.c
 *	  Strangers' bytes, and small ones: an authenticator's data is read by its offsets, and a
 *	  public key by its shape.
 *
 * CTAP2 has authenticators write a COSE_Key in one way only (canonical CBOR, and no parameter that
 * can be left out), so a key of an algorithm is a fixed text with holes: it is compared, not parsed,
 * and says itself which algorithm its signatures are of.  No ASN.1 of a stranger's is read but
 * that of an ECDSA signature, by OpenSSL.
 */
#include "desk/passkey.h"

#include <stdbool.h>
#include <string.h>

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>

/* Where an authenticator's data has what. */
#define HASH_SIZE 32
#define FLAGS_AT  32
#define COUNT_AT  33
#define HEAD_SIZE 37
#define ID_LEN_AT 53 /* behind the authenticator's model */
#define ID_AT	  55

#define USER_PRESENT  0x01
#define USER_VERIFIED 0x04
#define MAY_BACK_UP	  0x08
#define BACKED_UP	  0x10
#define HAS_KEY		  0x40
#define HAS_MORE	  0x80 /* extensions, which say nothing that is asked for */

/* Bytes of an RSA key's modulus. */
#define RSA_LEAST 256
#define RSA_MOST  512

static const uint8_t es256_head[] = {0xa5, 0x01, 0x02, 0x03, 0x26, 0x20, 0x01, 0x21, 0x58, 0x20}; /* then x */
static const uint8_t es256_y[] = {0x22, 0x58, 0x20};											  /* then y */
static const uint8_t eddsa_head[] = {0xa4, 0x01, 0x01, 0x03, 0x27, 0x20, 0x06, 0x21, 0x58, 0x20}; /* then x */
static const uint8_t rs256_head[] = {0xa4, 0x01, 0x03, 0x03, 0x39, 0x01, 0x00, 0x20, 0x59};		  /* a length, n */
static const uint8_t rs256_tail[] = {0x21, 0x43, 0x01, 0x00, 0x01};								  /* e: 65537 */

#define ES256_SIZE (sizeof(es256_head) + 32 + sizeof(es256_y) + 32)
#define EDDSA_SIZE (sizeof(eddsa_head) + 32)

static bool
begins(passkey_bytes b, const uint8_t *with, size_t len)
{
	return b.len >= len && memcmp(b.p, with, len) == 0;
}

static size_t
two_bytes(const uint8_t *p)
{
	return (size_t) p[0] << 8 | p[1];
}

/* How many bytes of these are an RSA key of a size that is taken; 0: they begin with none. */
static size_t
rs256_size(passkey_bytes b)
{
	size_t at = sizeof(rs256_head) + 2;
	size_t n;

	if (!begins(b, rs256_head, sizeof(rs256_head)) || b.len < at)
		return 0;
	n = two_bytes(b.p + sizeof(rs256_head));
	if (n < RSA_LEAST || n > RSA_MOST || b.len < at + n + sizeof(rs256_tail))
		return 0;
	/* a modulus is written without zeros in front, and has 2048 bits at least */
	if (b.p[at] < (n == RSA_LEAST ? 0x80 : 1) || memcmp(b.p + at + n, rs256_tail, sizeof(rs256_tail)) != 0)
		return 0;
	return at + n + sizeof(rs256_tail);
}

/* How many bytes of these are a key; 0: they begin with none that is taken. */
static size_t
key_size(passkey_bytes b)
{
	if (begins(b, es256_head, sizeof(es256_head)) && b.len >= ES256_SIZE &&
		memcmp(b.p + sizeof(es256_head) + 32, es256_y, sizeof(es256_y)) == 0)
		return ES256_SIZE;
	if (begins(b, eddsa_head, sizeof(eddsa_head)) && b.len >= EDDSA_SIZE)
		return EDDSA_SIZE;
	return rs256_size(b);
}

static EVP_PKEY *
from_params(const char *type, OSSL_PARAM_BLD *params)
{
	OSSL_PARAM *made = OSSL_PARAM_BLD_to_param(params);
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, type, NULL);
	EVP_PKEY *key = NULL;

	if (made == NULL || ctx == NULL || EVP_PKEY_fromdata_init(ctx) != 1 ||
		EVP_PKEY_fromdata(ctx, &key, EVP_PKEY_PUBLIC_KEY, made) != 1)
		key = NULL;
	EVP_PKEY_CTX_free(ctx);
	OSSL_PARAM_free(made);
	return key;
}

/* A point that is not on the curve makes no key. */
static EVP_PKEY *
es256_key(const uint8_t *x, const uint8_t *y)
{
	OSSL_PARAM_BLD *params = OSSL_PARAM_BLD_new();
	uint8_t point[65] = {0x04};
	EVP_PKEY *key = NULL;

	memcpy(point + 1, x, 32);
	memcpy(point + 33, y, 32);
	if (params != NULL && OSSL_PARAM_BLD_push_utf8_string(params, OSSL_PKEY_PARAM_GROUP_NAME, "prime256v1", 0) &&
		OSSL_PARAM_BLD_push_octet_string(params, OSSL_PKEY_PARAM_PUB_KEY, point, sizeof(point)))
		key = from_params("EC", params);
	OSSL_PARAM_BLD_free(params);
	return key;
}

static EVP_PKEY *
rs256_key(const uint8_t *n, size_t len)
{
	OSSL_PARAM_BLD *params = OSSL_PARAM_BLD_new();
	BIGNUM *modulus = BN_bin2bn(n, (int) len, NULL);
	BIGNUM *exponent = BN_bin2bn(rs256_tail + 2, 3, NULL);
	EVP_PKEY *key = NULL;

	if (params != NULL && modulus != NULL && exponent != NULL &&
		OSSL_PARAM_BLD_push_BN(params, OSSL_PKEY_PARAM_RSA_N, modulus) &&
		OSSL_PARAM_BLD_push_BN(params, OSSL_PKEY_PARAM_RSA_E, exponent))
		key = from_params("RSA", params);
	OSSL_PARAM_BLD_free(params);
	BN_free(modulus);
	BN_free(exponent);
	return key;
}

/* NULL: it is none.  *digest: what its signatures are over, NULL for Ed25519, which hashes by itself. */
static EVP_PKEY *
open_key(passkey_bytes key, const EVP_MD **digest)
{
	*digest = EVP_sha256();
	if (key.len == 0 || key_size(key) != key.len)
		return NULL;
	if (begins(key, es256_head, sizeof(es256_head)))
		return es256_key(key.p + sizeof(es256_head), key.p + ES256_SIZE - 32);
	if (begins(key, rs256_head, sizeof(rs256_head)))
		return rs256_key(key.p + sizeof(rs256_head) + 2, two_bytes(key.p + sizeof(rs256_head)));
	*digest = NULL;
	return EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, key.p + sizeof(eddsa_head), 32);
}

/* What a registration and an assertion begin with. */
static const char *
read_head(passkey_bytes data, const char *rp_id, passkey_said *said)
{
	uint8_t hash[HASH_SIZE];
	uint8_t flags;

	memset(said, 0, sizeof(*said));
	if (data.len < HEAD_SIZE || data.len > PASSKEY_DATA_MOST)
		return "the authenticator's data is too short or too long";
	if (EVP_Digest(rp_id, strlen(rp_id), hash, NULL, EVP_sha256(), NULL) != 1)
		return "the crypto library has no SHA-256";
	if (memcmp(data.p, hash, HASH_SIZE) != 0)
		return "it is of another host than webchatt.desk_url has";
	flags = data.p[FLAGS_AT];
	if ((flags & USER_PRESENT) == 0)
		return "the authenticator did not see that somebody is there";
	if ((flags & USER_VERIFIED) == 0)
		return "the authenticator did not verify who is there, by a PIN, a finger or a face";
	if ((flags & BACKED_UP) != 0 && (flags & MAY_BACK_UP) == 0)
		return "the authenticator's data contradicts itself";
	said->sign_count = (uint32_t) (two_bytes(data.p + COUNT_AT) << 16) | (uint32_t) two_bytes(data.p + COUNT_AT + 2);
	return NULL;
}

/* Nothing stands behind what was read, or extensions do. */
static bool
ends_well(passkey_bytes data, size_t end)
{
	return (data.p[FLAGS_AT] & HAS_MORE) != 0 ? data.len > end : data.len == end;
}

const char *
passkey_registered(passkey_bytes data, const char *rp_id, passkey_said *said)
{
	const char *why = read_head(data, rp_id, said);
	const EVP_MD *digest;
	EVP_PKEY *key;

	if (why != NULL)
		return why;
	if ((data.p[FLAGS_AT] & HAS_KEY) == 0 || data.len < ID_AT)
		return "the authenticator's data has no key";
	said->id = (passkey_bytes){data.p + ID_AT, two_bytes(data.p + ID_LEN_AT)};
	if (said->id.len < 1 || said->id.len > PASSKEY_ID_MOST || said->id.len > data.len - ID_AT)
		return "the credential's id is empty or too long";
	said->key.p = said->id.p + said->id.len;
	said->key.len = data.len - ID_AT - said->id.len;
	said->key.len = key_size(said->key);
	if (said->key.len == 0)
		return "the key is none of ES256 (P-256), EdDSA (Ed25519) or RS256 (2048 to 4096 bits) in the form of CTAP2";
	if (!ends_well(data, ID_AT + said->id.len + said->key.len))
		return "the authenticator's data does not end where it says";
	key = open_key(said->key, &digest);
	ERR_clear_error();
	if (key == NULL)
		return "the key cannot be one";
	EVP_PKEY_free(key);
	return NULL;
}

static bool
signed_by(EVP_PKEY *key, const EVP_MD *digest, passkey_bytes data, passkey_bytes client_data, passkey_bytes signature)
{
	uint8_t text[PASSKEY_DATA_MOST + HASH_SIZE];
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	bool good;

	memcpy(text, data.p, data.len);
	good = ctx != NULL && EVP_Digest(client_data.p, client_data.len, text + data.len, NULL, EVP_sha256(), NULL) == 1 &&
		   EVP_DigestVerifyInit(ctx, NULL, digest, NULL, key) == 1 &&
		   EVP_DigestVerify(ctx, signature.p, signature.len, text, data.len + HASH_SIZE) == 1;
	EVP_MD_CTX_free(ctx);
	return good;
}

const char *
passkey_asserted(passkey_bytes key, passkey_bytes data, passkey_bytes client_data, passkey_bytes signature,
				 const char *rp_id, passkey_said *said)
{
	const char *why = read_head(data, rp_id, said);
	const EVP_MD *digest;
	EVP_PKEY *opened;
	bool good;

	if (why != NULL)
		return why;
	if ((data.p[FLAGS_AT] & HAS_KEY) != 0 || !ends_well(data, HEAD_SIZE))
		return "the authenticator's data does not end where it says";
	if (client_data.len > PASSKEY_CLIENT_DATA_MOST || signature.len < 1 || signature.len > PASSKEY_SIGNATURE_MOST)
		return "the signature, or what it is over, is too long";
	opened = open_key(key, &digest);
	good = opened != NULL && signed_by(opened, digest, data, client_data, signature);
	EVP_PKEY_free(opened);
	ERR_clear_error();
	return good ? NULL : "the signature is not of this passkey";
}
