/*
 * file_functions.c
 *	  Files by SQL and at the desk.  Who calls must see the channel, as who they are;
 *	  what writes then runs as webchatt_worker, and nobody else can call it.
 */
#include "postgres.h"

#include "executor/spi.h"
#include "fmgr.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/uuid.h"

#include "common/file_type.h"
#include "shared/columns.h"
#include "shared/compat.h"
#include "shared/extension_version.h"
#include "shared/statements.h"
#include "shared/step_down.h"

PG_FUNCTION_INFO_V1(webchatt_file_type);

/* _file_type(bytes bytea) → text */
Datum
webchatt_file_type(PG_FUNCTION_ARGS)
{
	bytea *bytes = PG_GETARG_BYTEA_PP(0);

	PG_RETURN_TEXT_P(cstring_to_text(wc_file_type(VARDATA_ANY(bytes), VARSIZE_ANY_EXHDR(bytes), false)));
}

static bool
sees_channel(Datum channel)
{
	return wc_run(WC_SEES_CHANNEL, &channel, NULL) > 0;
}

static void
need_channel(FunctionCallInfo fcinfo)
{
	if (PG_ARGISNULL(0) || !sees_channel(PG_GETARG_DATUM(0)))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("there is no channel %s",
						PG_ARGISNULL(0) ? "NULL" : DatumGetCString(DirectFunctionCall1(uuid_out, PG_GETARG_DATUM(0)))),
				 errhint("SELECT id, display_name FROM webchatt.channels lists them.")));
}

/* By what the files of the agent are known who calls (_desk_agent()); raises when it is none.  A copy, until SPI ends. */
static Datum
need_agent(Datum *name)
{
	const char *who = GetConfigOption("webchatt.agent", true, false);
	bool isnull;

	*name = CStringGetTextDatum(who != NULL ? who : "");
	if (wc_run(WC_FILE_AGENT, name, NULL) == 0)
		ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
						who == NULL || who[0] == '\0' ? errmsg("it is not said who calls")
													  : errmsg("there is no agent '%s' who may use the desk", who),
						errhint("SET webchatt.agent = 'the name of an agent', one of webchatt.agents; the desk does "
								"that by itself.")));
	return PointerGetDatum(PG_DETOAST_DATUM_COPY(wc_field(0, 1, &isnull)));
}

/* As the worker: the statement's one value, which outlives SPI; null where it has none. */
static Datum
as_worker(FunctionCallInfo fcinfo, WcStatement which, Datum *args, const char *nulls, bool byval)
{
	WcOuter outer;
	Datum value;

	wc_step_down(&outer);
	(void) wc_run_any(which, args, nulls);
	value = wc_field(0, 1, &fcinfo->isnull);
	wc_step_up(&outer);
	return fcinfo->isnull ? (Datum) 0 : SPI_datumTransfer(value, byval, byval ? sizeof(Datum) : -1);
}

/* Is that a file that they began, on a channel that they see?  Connected to SPI. */
static bool
has_file(Datum id, Datum bringer)
{
	Datum args[2] = {id, bringer};
	pg_uuid_t channel;
	WcOuter outer;
	bool there;
	bool isnull;

	wc_step_down(&outer);
	there = wc_run(WC_FILE_CHANNEL, args, NULL) > 0;
	if (there)
		channel = *DatumGetUUIDP(wc_field(0, 1, &isnull));
	wc_step_up(&outer);
	return there && sees_channel(UUIDPGetDatum(&channel));
}

/* _add_file(channel uuid, name text, content bytea, author text) → files.  Errors: 42704 no such channel, 54000, 22023. */
WC_FUNCTION(webchatt_add_file)
{
	Datum args[WC_MAKE_WHOLE_FILE_PARAMETERS];
	char nulls[WC_MAKE_WHOLE_FILE_PARAMETERS + 1] = "    ";
	Datum made;
	int i;

	SPI_connect();
	need_channel(fcinfo);
	for (i = 0; i < WC_MAKE_WHOLE_FILE_PARAMETERS; i++)
	{
		args[i] = PG_ARGISNULL(i) ? (Datum) 0 : PG_GETARG_DATUM(i);
		nulls[i] = PG_ARGISNULL(i) ? 'n' : ' ';
	}
	made = as_worker(fcinfo, WC_MAKE_WHOLE_FILE, args, nulls, false);
	SPI_finish();
	return made;
}

/* _begin_file(channel uuid, name text, size bigint) → files.  Errors: as of _add_file(), 55000 no agent calls. */
WC_FUNCTION(webchatt_begin_file)
{
	Datum args[WC_MAKE_FILE_PARAMETERS];
	char nulls[WC_MAKE_FILE_PARAMETERS + 1] = "     ";
	Datum made;
	int i;

	SPI_connect();
	args[4] = need_agent(&args[3]);
	need_channel(fcinfo);
	for (i = 0; i < 3; i++)
	{
		args[i] = PG_ARGISNULL(i) ? (Datum) 0 : PG_GETARG_DATUM(i);
		nulls[i] = PG_ARGISNULL(i) ? 'n' : ' ';
	}
	made = as_worker(fcinfo, WC_MAKE_FILE, args, nulls, false);
	SPI_finish();
	return made;
}

/* _add_file_piece(id text, start bigint, data bytea) → files.  Errors: 42704 no such file, 22023, 55000 no agent calls. */
WC_FUNCTION(webchatt_add_file_piece)
{
	Datum args[WC_TAKE_FILE_PIECE_PARAMETERS];
	Datum name;
	Datum made;

	if (PG_ARGISNULL(0) || PG_ARGISNULL(1) || PG_ARGISNULL(2))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED), errmsg("the file's id, the offset or the bytes are NULL")));
	args[0] = PG_GETARG_DATUM(0);
	args[2] = PG_GETARG_DATUM(1);
	args[3] = PG_GETARG_DATUM(2);
	SPI_connect();
	args[1] = need_agent(&name);
	if (!has_file(args[0], args[1]))
		ereport(ERROR, (errcode(ERRCODE_UNDEFINED_OBJECT),
						errmsg("there is no file %s of yours", TextDatumGetCString(args[0])),
						errhint("Begin it anew: what is not whole is dropped after webchatt.file_sweep_after.")));
	made = as_worker(fcinfo, WC_TAKE_FILE_PIECE, args, NULL, false);
	SPI_finish();
	return made;
}

/* _drop_own_file(id text) → boolean.  Errors: 55000 no agent calls. */
WC_FUNCTION(webchatt_drop_own_file)
{
	Datum args[WC_DROP_OWN_FILE_PARAMETERS];
	Datum name;
	Datum done = BoolGetDatum(false);

	if (PG_ARGISNULL(0))
		PG_RETURN_BOOL(false);
	args[0] = PG_GETARG_DATUM(0);
	SPI_connect();
	args[1] = need_agent(&name);
	if (has_file(args[0], args[1]))
		done = as_worker(fcinfo, WC_DROP_OWN_FILE, args, NULL, true);
	SPI_finish();
	return done;
}
