/*
 * last_hour.c
 *	  What webchatt.last_hour shows, out of shared memory; and how much room the
 *	  database's disk has.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "storage/lwlock.h"
#include "storage/spin.h"
#include "utils/timestamp.h"
#include "utils/tuplestore.h"

#include "shared/compat.h"
#include "shared/disk_room.h"
#include "shared/extension_version.h"
#include "shared/shmem.h"

#define MINUTE_COLUMNS 10

PG_FUNCTION_INFO_V1(webchatt_last_hour);
PG_FUNCTION_INFO_V1(webchatt_disk);

/* _last_hour() → the minutes of the last hour in which a worker was there */
Datum
webchatt_last_hour(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	wc_minute_ring *ring = palloc0(sizeof(wc_minute_ring));
	wc_minute *minutes = palloc(sizeof(ring->minutes));
	WcSlot *slot;
	int n;
	int i;

	wc_init_materialized_srf(fcinfo);
	if (wc_shared != NULL)
	{
		LWLockAcquire(wc_shared->lock, LW_SHARED);
		slot = wc_slot_of_database(MyDatabaseId);
		if (slot != NULL)
		{
			SpinLockAcquire(&slot->mutex);
			*ring = slot->hour;
			SpinLockRelease(&slot->mutex);
		}
		LWLockRelease(wc_shared->lock);
	}
	n = wc_minute_ring_read(ring, GetCurrentTimestamp() / USECS_PER_MINUTE, minutes);
	for (i = 0; i < n; i++)
	{
		const wc_minute *m = &minutes[i];
		Datum values[MINUTE_COLUMNS] = {TimestampTzGetDatum(m->number * USECS_PER_MINUTE),
										Int64GetDatum(m->messages_in),
										Int64GetDatum(m->messages_out),
										Int64GetDatum(m->statuses),
										Int64GetDatum(m->failed),
										Int64GetDatum(m->rejected),
										Int64GetDatum(m->deliveries),
										Int64GetDatum(m->visitors),
										Int64GetDatum(m->queued),
										Float8GetDatum(m->slowest_us / 1000.0)};
		bool nulls[MINUTE_COLUMNS] = {false};

		wc_need_columns(result->setDesc, MINUTE_COLUMNS);
		tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
	}
	return (Datum) 0;
}

/* _disk() → how much is free where the database's tables are, and how large that is, in bytes; nulls: it is not known */
Datum
webchatt_disk(PG_FUNCTION_ARGS)
{
	Datum values[2];
	bool nulls[2] = {false, false};
	int64 free;
	int64 size;
	TupleDesc desc;

	if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	nulls[0] = nulls[1] = !wc_disk_room(&free, &size);
	values[0] = Int64GetDatum(free);
	values[1] = Int64GetDatum(size);
	wc_need_columns(desc, lengthof(values));
	return HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(desc), values, nulls));
}
