/*
 * desk_guard.c
 */
#include "desk/desk_guard.h"

#include <openssl/evp.h>
#include <string.h>

#include "base/chance.h"
#include "base/proxies.h"
#include "http/http_reply.h"

/* Attempts to sign in from an address: so many a minute.  One that succeeds does not count. */
static const rate_limit sign_in_rate = {60000, 10, 10};

/* Calls in sessions that are not known yet, so that nobody keeps the database looking for what is not there. */
static const rate_limit stranger_rate = {60000, 300, 300};

bool
desk_guard_is_on(conn *c)
{
	const desk *d = c->server->owner;

	if (!d->on)
		http_reply_refuse(c, REFUSE_ROUTE, "There is nothing at this path.");
	return d->on;
}

static enum MHD_Result
on_field(void *cls, enum MHD_ValueKind kind, const char *name, size_t name_len, const char *value, size_t value_len)
{
	(void) kind;
	desk_head_field(cls, name, name_len, value ? value : "", value ? value_len : 0);
	return MHD_YES;
}

void
desk_guard_head(const desk *d, conn *c, desk_head *head)
{
	memset(head, 0, sizeof(*head));
	head->cookie = d->secure ? DESK_COOKIE_SECURE : DESK_COOKIE;
	head->user_header = d->user_header[0] != '\0' && proxies_trust(&c->peer) ? d->user_header : NULL;
	MHD_get_connection_values_n(c->mhd, MHD_HEADER_KIND, on_field, head);
}

static bool
hash_token(const char *token, size_t len, uint8_t hash[WC_HASH_SIZE])
{
	return EVP_Digest(token, len, hash, NULL, EVP_sha256(), NULL) == 1;
}

refusal
desk_guard_user(const desk_head *head, desk_caller *caller)
{
	if (head->odd_user)
		return REFUSE_DESK_USER;
	if (head->user.p != NULL)
		memcpy(caller->user, head->user.p, head->user.len);
	return REFUSE_NOTHING;
}

refusal
desk_guard_session(desk *d, const desk_head *head, desk_caller *caller)
{
	uint64_t now = uv_now(d->loop);

	if (head->token.p == NULL)
		return REFUSE_DESK_SESSION;
	if (!hash_token(head->token.p, head->token.len, caller->session))
		return REFUSE_MEMORY;
	caller->has_session = true;
	if (desk_sessions_knows(d->sessions, caller->session))
		return REFUSE_NOTHING;
	if (address_rate_wait(d->strangers, &caller->client, &stranger_rate, now) > 0)
		return REFUSE_DESK_RATE;
	address_rate_take(d->strangers, &caller->client, &stranger_rate, now, 1);
	caller->paid = true;
	return REFUSE_NOTHING;
}

refusal
desk_guard_sign_in(desk *d, const desk_head *head, desk_caller *caller)
{
	uint64_t now = uv_now(d->loop);

	if (address_rate_wait(d->sign_ins, &caller->client, &sign_in_rate, now) > 0)
		return REFUSE_DESK_SIGN_INS;
	address_rate_take(d->sign_ins, &caller->client, &sign_in_rate, now, 1);
	if (head->token.p != NULL && !hash_token(head->token.p, head->token.len, caller->session))
		return REFUSE_MEMORY;
	caller->paid = true;
	return REFUSE_NOTHING;
}

void
desk_guard_known(desk *d, desk_caller *caller)
{
	if (caller->paid)
		address_rate_give(d->strangers, &caller->client, &stranger_rate);
	caller->paid = false;
}

void
desk_guard_signed_in(desk *d, desk_caller *caller, int attempts)
{
	for (int i = 0; i < attempts; i++)
		address_rate_give(d->sign_ins, &caller->client, &sign_in_rate);
	caller->paid = false;
}

bool
desk_guard_token(char token[DESK_TOKEN_LEN + 1], uint8_t hash[WC_HASH_SIZE])
{
	return chance_text(token) && hash_token(token, DESK_TOKEN_LEN, hash);
}
