/*
 * plain_errors.c
 *	  Errors for people: without the lines of context that name places in our own
 *	  functions.
 *
 * Whoever calls webchatt.connect_hub() with a wrong URL is told what is wrong and
 * how to mend it; at which line of a function of ours that was found is noise.
 * What the caller's own functions add to the context stays, and so does all of it
 * when the error is internal or the system's.
 */
#include "postgres.h"

#include "miscadmin.h"

#include "shared/plain_errors.h"

static emit_log_hook_type prev_emit_log = NULL;

/* The first line of a context behind those that are about us. */
static char *
behind_ours(char *context)
{
	char *line = context;
	bool dropped = false;

	while (*line != '\0')
	{
		char *end = strchr(line, '\n');
		char *ours = strstr(line, "webchatt.");

		/* a statement of ours can have several lines, the further ones indented */
		if (!(ours != NULL && (end == NULL || ours < end)) && !(dropped && (*line == '\t' || *line == ' ')))
			break;
		dropped = true;
		line = end != NULL ? end + 1 : line + strlen(line);
	}
	return line;
}

static void
tidy_context(ErrorData *edata)
{
	int category = ERRCODE_TO_CATEGORY(edata->sqlerrcode);

	if (edata->context != NULL && edata->elevel >= WARNING && edata->elevel < FATAL &&
		category != ERRCODE_INTERNAL_ERROR && category != ERRCODE_SYSTEM_ERROR &&
		category != ERRCODE_INSUFFICIENT_RESOURCES)
	{
		char *rest = behind_ours(edata->context);

		if (*rest != '\0')
			memmove(edata->context, rest, strlen(rest) + 1);
		else
		{
			pfree(edata->context);
			edata->context = NULL;
		}
	}
	if (prev_emit_log)
		prev_emit_log(edata);
}

void
wc_install_error_hook(void)
{
	prev_emit_log = emit_log_hook;
	emit_log_hook = tidy_context;
}
