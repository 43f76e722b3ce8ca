/*
 * normalize_origin.c
 *	  webchatt.normalize_origin(): the parser of src/common/origin.c in SQL.
 */
#include "postgres.h"

#include "fmgr.h"
#include "utils/builtins.h"

#include "common/origin.h"
#include "shared/compat.h"

PG_FUNCTION_INFO_V1(webchatt_normalize_origin);

/* normalize_origin(origin text) → text.  Error: 22023 what is no origin (doc/hub-contract.md, section 1). */
Datum
webchatt_normalize_origin(PG_FUNCTION_ARGS)
{
	text *in = PG_GETARG_TEXT_PP(0);
	char out[WC_ORIGIN_SIZE];
	const char *reason = NULL;

	if (!wc_origin_normalize(VARDATA_ANY(in), VARSIZE_ANY_EXHDR(in), out, &reason))
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("\"%s\" is not a web origin", text_to_cstring(in)), errdetail("%s", reason),
						errhint("Give scheme, host, and the port where it is not the default: https://www.example.com "
								"or http://localhost:3000.")));
	PG_RETURN_TEXT_P(cstring_to_text(out));
}
