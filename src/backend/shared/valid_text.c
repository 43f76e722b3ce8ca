/*
 * valid_text.c
 *	  Is what came from webchatt-net text that the database can hold?
 */
#include "postgres.h"

#include "mb/pg_wchar.h"

#include "common/frame.h"
#include "shared/valid_text.h"

/* Are these texts that the database can hold: UTF-8 without a NUL? */
bool
wc_texts_are_valid(const wc_str *texts, int n)
{
	int i;

	for (i = 0; i < n; i++)
	{
		if (!pg_verify_mbstr(PG_UTF8, texts[i].p, (int) texts[i].len, true))
			return false;
	}
	return true;
}
