/*
 * file_functions.c
 *	  webchatt._file_type(): what comes by SQL is looked at as what visitors bring.
 */
#include "postgres.h"

#include "fmgr.h"
#include "utils/builtins.h"

#include "common/file_type.h"
#include "shared/compat.h"

PG_FUNCTION_INFO_V1(webchatt_file_type);

/* _file_type(bytes bytea) → text */
Datum
webchatt_file_type(PG_FUNCTION_ARGS)
{
	bytea *bytes = PG_GETARG_BYTEA_PP(0);

	PG_RETURN_TEXT_P(cstring_to_text(wc_file_type(VARDATA_ANY(bytes), VARSIZE_ANY_EXHDR(bytes), false)));
}
