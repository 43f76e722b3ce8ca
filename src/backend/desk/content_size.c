/*
 * content_size.c
 *	  How large a jsonb is when it is written out, found without writing it: a number of
 *	  a few bytes is a thousand characters, and a content of megabytes thus gigabytes.
 */
#include "postgres.h"

#include "fmgr.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/jsonb.h"

PG_FUNCTION_INFO_V1(webchatt_content_size);

/* Bytes of a string with its quotes, as escape_json() writes it. */
static int64
string_size(const JsonbValue *v)
{
	int64 size = v->val.string.len + 2;
	int i;

	for (i = 0; i < v->val.string.len; i++)
	{
		unsigned char c = (unsigned char) v->val.string.val[i];

		if (c == '"' || c == '\\' || c == '\b' || c == '\f' || c == '\n' || c == '\r' || c == '\t')
			size += 1;
		else if (c < ' ')
			size += 5;
	}
	return size;
}

static int64
number_size(const JsonbValue *v)
{
	char *text = DatumGetCString(DirectFunctionCall1(numeric_out, NumericGetDatum(v->val.numeric)));
	int64 size = (int64) strlen(text);

	pfree(text);
	return size;
}

/* Bytes that this step of a walk adds, its ", " or ": " with it. */
static int64
step_size(JsonbIteratorToken token, const JsonbValue *v)
{
	if (token != WJB_KEY && token != WJB_VALUE && token != WJB_ELEM)
		return 1; /* a bracket */
	switch (v->type)
	{
		case jbvString:
			return string_size(v) + 2;
		case jbvNumeric:
			return number_size(v) + 2;
		default:
			return 7; /* at most: true, false, null */
	}
}

/* _content_size(content jsonb, most int) → int: its bytes written out, about; beyond most only that it is more */
Datum
webchatt_content_size(PG_FUNCTION_ARGS)
{
	Jsonb *content = PG_GETARG_JSONB_P(0);
	int64 most = PG_GETARG_INT32(1);
	JsonbIterator *walk = JsonbIteratorInit(&content->root);
	int64 size = 0;
	JsonbValue v;
	JsonbIteratorToken token;

	while (size <= most && (token = JsonbIteratorNext(&walk, &v, false)) != WJB_DONE)
	{
		CHECK_FOR_INTERRUPTS();
		size += step_size(token, &v);
	}
	PG_RETURN_INT32((int32) Min(size, most + 1));
}
