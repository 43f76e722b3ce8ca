/*
 * passkey.h
 *	  What an authenticator says (WebAuthn level 2, section 6), and whether the key that it
 *	  was registered with signed it.  No PostgreSQL in here: a unit test and a fuzzer have
 *	  it alone.
 */
#ifndef WC_PASSKEY_H
#define WC_PASSKEY_H

#include <stddef.h>
#include <stdint.h>

/* Bytes. */
#define PASSKEY_ID_MOST			 1023 /* of a credential's id: WebAuthn's bound */
#define PASSKEY_DATA_MOST		 4096 /* of an authenticator's data */
#define PASSKEY_CLIENT_DATA_MOST 4096
#define PASSKEY_SIGNATURE_MOST	 512

typedef struct passkey_bytes
{
	const uint8_t *p;
	size_t len;
} passkey_bytes;

/* What an authenticator's data says, once it was found to be good. */
typedef struct passkey_said
{
	uint32_t sign_count; /* 0: this authenticator does not count */
	passkey_bytes id;	 /* of a registration: the credential's, inside of the data */
	passkey_bytes key;	 /* and its public key, as a COSE_Key */
} passkey_said;

/*
 * Each returns NULL when it is good, else a static sentence that says what is wrong; rp_id is
 * the desk's host, NUL-terminated.  Good is what is about that host, with the user there and
 * verified.
 */

/* The data of a registration, with an id and a key that can be. */
extern const char *passkey_registered(passkey_bytes data, const char *rp_id, passkey_said *said);

/* The data of an assertion, and the signature over it and over the browser's client data. */
extern const char *passkey_asserted(passkey_bytes key, passkey_bytes data, passkey_bytes client_data,
									passkey_bytes signature, const char *rp_id, passkey_said *said);

#endif /* WC_PASSKEY_H */
