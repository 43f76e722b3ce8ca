/*
 * fuzz_passkey.c
 *	  What an authenticator says: the input is its data.  What is taken of a registration lies
 *	  inside of it, is about our host with the user verified, and its key is one that signatures
 *	  can be checked with; one that nobody made is never good.
 */
#include "desk/passkey.h"
#include "fuzz.h"

/* The SHA-256 of what is registered for here: the input's first bytes are set to it, as no fuzzer finds them. */
static const uint8_t host_hash[32] = {0xe3, 0xb0, 0xc4, 0x42, 0x98, 0xfc, 0x1c, 0x14, 0x9a, 0xfb, 0xf4,
									  0xc8, 0x99, 0x6f, 0xb9, 0x24, 0x27, 0xae, 0x41, 0xe4, 0x64, 0x9b,
									  0x93, 0x4c, 0xa4, 0x95, 0x99, 0x1b, 0x78, 0x52, 0xb8, 0x55};
#define HOST ""

static bool
inside(passkey_bytes part, passkey_bytes whole)
{
	return part.p >= whole.p && part.len <= whole.len && part.p - whole.p <= (ptrdiff_t) (whole.len - part.len);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *copy = fuzz_exact(data, size);
	passkey_bytes all = {(const uint8_t *) copy, size};
	passkey_said said;
	const char *why;

	if (size >= sizeof(host_hash))
		memcpy(copy, host_hash, sizeof(host_hash));
	why = passkey_registered(all, HOST, &said);
	if (why == NULL)
	{
		MUST(inside(said.id, all) && inside(said.key, all) && said.id.p + said.id.len == said.key.p);
		MUST(said.id.len >= 1 && said.id.len <= PASSKEY_ID_MOST && said.key.len >= 42);
		MUST((all.p[32] & 0x45) == 0x45);
		MUST(passkey_asserted(said.key, all, all, said.id, HOST, &said) != NULL);
	}
	else
		fuzz_sentence(why, 1000);
	/* as its own key, client data and signature */
	why = passkey_asserted(all, all, all, all, HOST, &said);
	MUST(why != NULL);
	fuzz_sentence(why, 1000);
	free(copy);
	return 0;
}
