/*
 * sign.c
 *	  webchatt._sign(): what signs identity tokens (sql/webchatt/28-identity.sql).
 */
#include "postgres.h"

#include "fmgr.h"
#include "utils/builtins.h"

#include "common/signature.h"
#include "shared/compat.h"

PG_FUNCTION_INFO_V1(webchatt_sign);

/* _sign(secret text, head text, body text): 32 bytes. */
Datum
webchatt_sign(PG_FUNCTION_ARGS)
{
	text *secret = PG_GETARG_TEXT_PP(0);
	text *body = PG_GETARG_TEXT_PP(2);
	bytea *mac = palloc(VARHDRSZ + 32);

	SET_VARSIZE(mac, VARHDRSZ + 32);
	if (!wc_signature_make(VARDATA_ANY(secret), VARSIZE_ANY_EXHDR(secret), text_to_cstring(PG_GETARG_TEXT_PP(1)),
						   VARDATA_ANY(body), VARSIZE_ANY_EXHDR(body), (uint8_t *) VARDATA(mac)))
		ereport(ERROR, (errcode(ERRCODE_INTERNAL_ERROR), errmsg("the crypto library failed")));
	PG_RETURN_BYTEA_P(mac);
}
