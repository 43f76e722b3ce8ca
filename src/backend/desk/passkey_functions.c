/*
 * passkey_functions.c
 *	  webchatt._passkey_registered() and _passkey_asserted(): passkey.c in SQL, where the rest
 *	  of what makes a passkey good is decided (sql/webchatt/26-desk-passkeys.sql).
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "fmgr.h"
#include "funcapi.h"
#include "utils/builtins.h"

#include "desk/passkey.h"
#include "shared/compat.h"

PG_FUNCTION_INFO_V1(webchatt_passkey_registered);
PG_FUNCTION_INFO_V1(webchatt_passkey_asserted);

static passkey_bytes
bytes_of(bytea *b)
{
	return (passkey_bytes){(const uint8_t *) VARDATA_ANY(b), VARSIZE_ANY_EXHDR(b)};
}

static Datum
bytea_datum(passkey_bytes bytes)
{
	bytea *b = palloc(VARHDRSZ + bytes.len);

	SET_VARSIZE(b, VARHDRSZ + bytes.len);
	memcpy(VARDATA(b), bytes.p, bytes.len);
	return PointerGetDatum(b);
}

static Datum
row(FunctionCallInfo fcinfo, Datum *values, bool *nulls)
{
	TupleDesc desc;

	if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	return HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(desc), values, nulls));
}

/*
 * _passkey_registered(data bytea, rp_id text, OUT credential_id bytea, OUT public_key bytea,
 * OUT sign_count bigint).  Error: 22023 what is no good registration.
 */
Datum
webchatt_passkey_registered(PG_FUNCTION_ARGS)
{
	passkey_said said;
	const char *why = passkey_registered(bytes_of(PG_GETARG_BYTEA_PP(0)), text_to_cstring(PG_GETARG_TEXT_PP(1)), &said);
	bool nulls[3] = {false};
	Datum values[3];

	if (why != NULL)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("the passkey cannot be taken: %s", why),
						errhint("Another device, or another keeper of passkeys, may make one that can.")));
	values[0] = bytea_datum(said.id);
	values[1] = bytea_datum(said.key);
	values[2] = Int64GetDatum(said.sign_count);
	return row(fcinfo, values, nulls);
}

/*
 * _passkey_asserted(public_key bytea, data bytea, client_data bytea, signature bytea, rp_id text,
 * OUT sign_count bigint, OUT problem text): problem is null when the key signed it.
 */
Datum
webchatt_passkey_asserted(PG_FUNCTION_ARGS)
{
	passkey_said said;
	const char *why = passkey_asserted(bytes_of(PG_GETARG_BYTEA_PP(0)), bytes_of(PG_GETARG_BYTEA_PP(1)),
									   bytes_of(PG_GETARG_BYTEA_PP(2)), bytes_of(PG_GETARG_BYTEA_PP(3)),
									   text_to_cstring(PG_GETARG_TEXT_PP(4)), &said);
	bool nulls[2] = {false, why == NULL};
	Datum values[2] = {Int64GetDatum(said.sign_count), (Datum) 0};

	if (why != NULL)
		values[1] = CStringGetTextDatum(why);
	return row(fcinfo, values, nulls);
}
