/*
 * feed.c
 *	  The local hub's events for others, as the turn has them: published while
 *	  anybody wants them, read at the turn's end, handed over behind its commit.
 *
 * What this part does in the tables runs in savepoints: when it fails it is done
 * again a second later, and the turn goes on without it.
 */
#include "postgres.h"

#include "utils/timestamp.h"

#include "common/corridor.h"
#include "feed/deliveries.h"
#include "feed/delivery_queue.h"
#include "feed/delivery_results.h"
#include "feed/delivery_retries.h"
#include "feed/feed.h"
#include "feed/feed_list.h"
#include "feed/feed_orders.h"
#include "feed/feed_reader.h"
#include "feed/feed_retention.h"
#include "feed/link_feed.h"
#include "feed/webhooks.h"
#include "shared/clock.h"
#include "shared/feed_wanted.h"
#include "turn/config.h"
#include "turn/net_process.h"
#include "turn/report.h"
#include "turn/savepoint.h"

/* The pause after something failed, in ms. */
#define AGAIN_MS 1000

static bool configured = false; /* who gets events is known */
static bool configure_again = false;
static TimestampTz blocked_until = 0;

static void
see_who_wants(void)
{
	wc_feed_wanted_set(webhooks_exist() || link_feed_exist());
}

void
feed_retries_asked(void)
{
	delivery_retries_look();
}

/*
 * What waits to be written down.  While it cannot be, somebody having locked a
 * table, ends of deliveries do not count: visitors' frames lie behind them, and no
 * more can come than are under way.
 */
static int
feed_pending(void)
{
	return (blocked_until > wc_clock() ? 0 : deliveries_nended) + link_feed_pending();
}

/* Is there anything to do without waiting? */
static bool
feed_ready(TimestampTz now)
{
	if (feed_orders_due() != 0 && feed_orders_due() <= now)
		return true;
	if (blocked_until > now)
		return false;
	return deliveries_nended > 0 || link_feed_ready() || feed_reader_ready() || webhooks_ready(now) ||
		   (configured && feed_retention_ready(now));
}

/* When the next thing is due that nothing announces. */
static TimestampTz
feed_next_due(void)
{
	TimestampTz next = webhooks_next_due();
	TimestampTz upkeep = feed_retention_next_due();
	TimestampTz orders = feed_orders_due();

	if (configured && (next == 0 || upkeep < next))
		next = upkeep;
	if (next != 0)
		next = Max(next, blocked_until);
	return orders != 0 && (next == 0 || orders < next) ? orders : next;
}

/* Read who gets events; it counts from the commit on, but for what is published in this turn. */
void
feed_configure(void)
{
	configure_again = !webhooks_read_configuration();
	link_feed_read_configuration();
	see_who_wants();
}

static void
apply_step(void *arg)
{
	link_feed_apply();
	delivery_results_apply(*(TimestampTz *) arg);
}

static void
welcome_step(void *arg)
{
	link_feed_welcome();
}

static void
take_step(void *arg)
{
	if (net_process_has_room())
	{
		delivery_queue_read_spilled();
		feed_reader_run();
		delivery_retries_read();
	}
	delivery_results_write_progress(*(TimestampTz *) arg);
}

static void
upkeep_step(void *arg)
{
	feed_retention_run(*(TimestampTz *) arg);
}

/* Run a step so that its failure is its own; false: it failed. */
static bool
try(savepoint_step step, TimestampTz now)
{
	ErrorData *error = savepoint_try_for(step, &now, LOCK_WAIT_BLOCKED_MS, FEEDS_TIME_MS);

	if (error != NULL && !savepoint_error_is_transient(error))
		report_error(error->message);
	return error == NULL;
}

/* Tell what sessions did themselves. */
static void
publish_orders(TimestampTz now)
{
	if (feed_orders_due() == 0 || feed_orders_due() > now)
		return;
	if (!wc_feed_wanted() && !configure_again)
		feed_orders_drop();
	else if (!wc_feed_wanted() || !try(feed_orders_publish, now))
		feed_orders_later(now);
}

/* Nothing more for a while. */
static void
block(TimestampTz now)
{
	blocked_until = TimestampTzPlusMilliseconds(now, AGAIN_MS);
}

/* Write down what came from webchatt-net, and tell what sessions did. */
void
feed_apply(TimestampTz now)
{
	publish_orders(now);
	if (blocked_until > now || (deliveries_nended == 0 && !link_feed_ready()))
		return;
	if (try(apply_step, now))
		delivery_results_apply_settings();
	else
	{
		link_feed_undo_apply();
		delivery_results_undo_apply();
		block(now);
	}
	if (link_feed_came() && !try(welcome_step, now))
		link_feed_turn_away();
}

/* Once a second, behind what ended messages that were held for too long. */
void
feed_upkeep(TimestampTz now)
{
	(void) wc_feed_wanted();
	link_feed_try_held();
	if (configure_again)
		feed_configure();
}

/* The turn has written what it writes: read what is new, and what is missing. */
void
feed_take(TimestampTz now)
{
	if (wc_feed_wanted_is_expected())
		feed_reader_expect();
	if (blocked_until > now)
		return;
	if (wc_feed_wanted_at_all() && !try(take_step, now))
	{
		feed_reader_rollback();
		link_feed_undo_take();
		webhooks_undo_read();
		block(now);
	}
	else if (configured && feed_retention_ready(now) && !try(upkeep_step, now))
		feed_retention_later(now);
}

/* The turn is committed. */
void
feed_commit(wc_buf *out)
{
	TimestampTz now = wc_clock();

	wc_feed_wanted_is_read();
	configured |= config_is_read();
	feed_orders_commit();
	webhooks_commit(now);
	feed_reader_commit();
	link_feed_commit(out);
	feed_retention_commit();
	webhooks_go_on(now, out);
	see_who_wants();
}

/* The turn is undone: everything waits as before. */
static void
feed_rollback(const ErrorData *error)
{
	feed_orders_rollback();
	feed_reader_rollback();
	link_feed_rollback();
	webhooks_rollback();
	feed_retention_rollback();
	see_who_wants();
}

/* A new webchatt-net is told everything. */
void
feed_write_all(wc_buf *out)
{
	webhooks_write_all(out);
}

static void
feed_net_lost(void)
{
	link_feed_net_lost();
	webhooks_net_lost();
}

/* Forget everything, as after a start. */
static void
feed_reset(void)
{
	feed_orders_reset();
	link_feed_reset();
	webhooks_reset();
	feed_retention_reset();
	wc_feed_wanted_set(false);
	wc_feed_wanted_is_read();
	configured = configure_again = false;
	blocked_until = 0;
}

const TurnPart feed_part = {
	.pending = feed_pending,
	.ready = feed_ready,
	.next_due = feed_next_due,
	.rollback = feed_rollback,
	.net_lost = feed_net_lost,
	.reset = feed_reset,
};
