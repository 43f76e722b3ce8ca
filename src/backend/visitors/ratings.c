/*
 * ratings.c
 *	  What visitors say of conversations that are closed: a row of webchatt.ratings for each
 *	  closing, which can be changed for a while.
 *
 * They are few, and each goes in a savepoint of its own, so that a trigger of somebody's which
 * raises costs that rating and nothing else.
 */
#include "postgres.h"

#include "lib/ilist.h"
#include "utils/builtins.h"
#include "utils/uuid.h"

#include "common/event_rules.h"
#include "shared/columns.h"
#include "shared/statements.h"
#include "shared/valid_text.h"
#include "turn/changes.h"
#include "turn/config.h"
#include "turn/frame_memory.h"
#include "turn/net_process.h"
#include "turn/report.h"
#include "turn/savepoint.h"
#include "visitors/ratings.h"

/* In a turn. */
#define RATINGS_MOST 32

typedef struct Rating
{
	dlist_node node;
	wc_rating said;
	bool done; /* in this turn */
	uint8 result;
	char bytes[FLEXIBLE_ARRAY_MEMBER];
} Rating;

static dlist_head ratings = DLIST_STATIC_INIT(ratings);
static int nratings = 0;

/* A visitor rates a conversation. */
bool
ratings_accept(const wc_frame *frame)
{
	wc_frame copy;
	Rating *r = frame_memory_keep(offsetof(Rating, bytes), frame, &copy);

	if (!wc_read_rating(&copy, &r->said) || r->said.value < 1 || r->said.value > 5 ||
		r->said.comment.len > WC_MAX_RATING || !wc_texts_are_valid(&r->said.comment, 1))
	{
		frame_memory_free(r);
		return false;
	}
	dlist_push_tail(&ratings, &r->node);
	nratings++;
	return true;
}

static int
ratings_pending(void)
{
	return nratings;
}

static bool
ratings_ready(TimestampTz now)
{
	return nratings > 0 && config_is_read();
}

static void
rate_step(void *arg)
{
	Rating *r = arg;
	Datum args[WC_RATE_PARAMETERS];
	char visitor[37];
	bool isnull;

	wc_uuid_print(r->said.visitor, visitor);
	args[0] = UUIDPGetDatum((const pg_uuid_t *) r->said.channel);
	args[1] = CStringGetTextDatum(visitor);
	args[2] = Int32GetDatum(r->said.value);
	args[3] = PointerGetDatum(cstring_to_text_with_len(r->said.comment.p, (int) r->said.comment.len));
	(void) wc_run(WC_RATE, args, NULL);
	if (DatumGetBool(wc_field(0, 2, &isnull)))
		r->result = WC_RATING_STORED;
	else
		r->result = DatumGetBool(wc_field(0, 1, &isnull)) ? WC_RATING_LATE : WC_RATING_OPEN;
}

/* Write down what visitors said. */
void
ratings_apply(void)
{
	dlist_iter iter;
	int n = 0;

	dlist_foreach(iter, &ratings)
	{
		Rating *r = dlist_container(Rating, node, iter.cur);
		ErrorData *error;

		r->done = false;
		if (n++ >= RATINGS_MOST)
			continue;
		r->result = WC_RATING_BUSY;
		error = savepoint_try_for(rate_step, r, LOCK_WAIT_BLOCKED_MS, STEP_TIME_MS);
		r->done = true;
		if (error != NULL && !savepoint_error_is_transient(error))
			report_error(error->message);
	}
}

/* The turn is committed: whoever rated hears of it, and desks that have the conversation open. */
void
ratings_commit(wc_buf *out)
{
	dlist_mutable_iter iter;

	dlist_foreach_modify(iter, &ratings)
	{
		Rating *r = dlist_container(Rating, node, iter.cur);
		wc_rated m = {.session = r->said.session, .result = r->result, .value = r->said.value};

		if (!r->done)
			continue;
		memcpy(m.channel, r->said.channel, sizeof(m.channel));
		memcpy(m.visitor, r->said.visitor, sizeof(m.visitor));
		(void) wc_write_rated(out, &m);
		if (r->result == WC_RATING_STORED && changes_are_watched())
		{
			wc_desk_changed changed = {.aside = 1};
			char visitor[37];

			wc_uuid_print(r->said.visitor, visitor);
			memcpy(changed.channel, m.channel, sizeof(changed.channel));
			changed.visitor = wc_str_from(visitor);
			(void) wc_write_desk_changed(out, &changed);
		}
		dlist_delete(&r->node);
		frame_memory_free(r);
		nratings--;
	}
}

/* The turn is undone: none of them is done. */
static void
ratings_rollback(const ErrorData *error)
{
	dlist_iter iter;

	dlist_foreach(iter, &ratings) dlist_container(Rating, node, iter.cur)->done = false;
}

/* Nobody waits for an answer any more. */
static void
ratings_forget(void)
{
	dlist_mutable_iter iter;

	dlist_foreach_modify(iter, &ratings)
	{
		dlist_delete(iter.cur);
		frame_memory_free(dlist_container(Rating, node, iter.cur));
	}
	nratings = 0;
}

const TurnPart ratings_part = {
	.pending = ratings_pending,
	.ready = ratings_ready,
	.rollback = ratings_rollback,
	.reset = ratings_forget,
};
