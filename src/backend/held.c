/*
 * held.c
 *	  Messages held for visitors who have no session at the hub, until they show
 *	  up or the message expires.
 */
#include "ends.h"

#include "catalog/pg_type.h"
#include "utils/builtins.h"

/* False: no message is held, so nobody needs to look; until a look says so, true. */
static bool any_held = true;

/* Hold messages: channel, visitor, seq, id and expiry (or null) of each. */
void
held_add(WcColumn *const columns[5])
{
	Datum		args[6];
	int			i;

	any_held = true;
	for (i = 0; i < 5; i++)
		args[i] = wc_column_array(columns[i]);
	args[5] = Int32GetDatum(wc_hold_for);
	wc_run(WC_HOLD, args, NULL);
}

/* Queue what is held for visitors who showed up, with the place it had. */
void
outbound_release(const WcShowedUp *showed_up)
{
	Datum		args[2];
	SPITupleTable *table;
	uint64		n;
	uint64		i;

	if (!any_held || showed_up->channels->n == 0)
		return;
	args[0] = wc_column_array(showed_up->channels);
	args[1] = wc_column_array(showed_up->visitors);
	n = wc_run(WC_RELEASE, args, NULL);
	table = SPI_tuptable;
	for (i = 0; i < n; i++)
	{
		HeapTuple	t = table->vals[i];
		TupleDesc	d = table->tupdesc;
		bool		isnull;
		bool		no_expiry;
		int64		seq = DatumGetInt64(SPI_getbinval(t, d, 5, &isnull));
		TimestampTz expires = DatumGetTimestampTz(SPI_getbinval(t, d, 6, &no_expiry));

		wc_outbox_append(DatumGetInt32(SPI_getbinval(t, d, 1, &isnull)), 'r',
						 DatumGetUUIDP(SPI_getbinval(t, d, 2, &isnull)), SPI_getvalue(t, d, 3),
						 DatumGetUUIDP(SPI_getbinval(t, d, 4, &isnull)), &seq,
						 no_expiry ? NULL : &expires);
	}
}

/* Expire what is held for too long; look: see whether any is held at all. */
void
held_upkeep(bool look)
{
	if (any_held)
		wc_run(WC_EXPIRE_HELD, NULL, NULL);
	if (look)
		any_held = wc_run(WC_ANY_HELD, NULL, NULL) > 0;
}

void
held_reset(void)
{
	any_held = true;
}
