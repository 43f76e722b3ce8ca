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
	feed_wanted_set(webhooks_exist() || links_exist());
}

void
feeds_retries_asked(void)
{
	webhook_retries_look();
}

/*
 * What waits to be written down.  While it cannot be, somebody having locked a
 * table, ends of deliveries do not count: visitors' frames lie behind them, and no
 * more can come than are under way.
 */
int
feeds_pending(void)
{
	return (blocked_until > wc_clock() ? 0 : deliveries_nended) + links_pending();
}

/* Is there anything to do without waiting? */
bool
feeds_ready(TimestampTz now)
{
	if (event_orders_due() != 0 && event_orders_due() <= now)
		return true;
	if (blocked_until > now)
		return false;
	return deliveries_nended > 0 || links_ready() || event_reader_ready() || webhooks_ready(now) ||
		   (configured && event_upkeep_ready(now));
}

/* When the next thing is due that nothing announces. */
TimestampTz
feeds_next_due(void)
{
	TimestampTz next = webhooks_next_due();
	TimestampTz upkeep = event_upkeep_next_due();
	TimestampTz orders = event_orders_due();

	if (configured && (next == 0 || upkeep < next))
		next = upkeep;
	if (next != 0)
		next = Max(next, blocked_until);
	return orders != 0 && (next == 0 || orders < next) ? orders : next;
}

/* Read who gets events; it counts from the commit on, but for what is published in this turn. */
void
feeds_configure(void)
{
	configure_again = !webhooks_read_configuration();
	links_read_configuration();
	see_who_wants();
}

static void
apply_step(void *arg)
{
	links_apply();
	webhooks_apply(*(TimestampTz *) arg);
}

static void
welcome_step(void *arg)
{
	links_welcome();
}

static void
take_step(void *arg)
{
	if (net_link_has_room())
	{
		delivery_queue_read_spilled();
		event_reader_run();
		webhook_retries_read();
	}
	webhooks_write_progress(*(TimestampTz *) arg);
}

static void
upkeep_step(void *arg)
{
	event_upkeep_run(*(TimestampTz *) arg);
}

/* Run a step so that its failure is its own; false: it failed. */
static bool
try(turn_step step, TimestampTz now)
{
	ErrorData *error = turn_try_for(step, &now, LOCK_WAIT_BLOCKED_MS, FEEDS_TIME_MS);

	if (error != NULL && !turn_error_is_transient(error))
		worker_note_error(error->message);
	return error == NULL;
}

/* Tell what sessions did themselves. */
static void
publish_orders(TimestampTz now)
{
	if (event_orders_due() == 0 || event_orders_due() > now)
		return;
	if (!feed_wanted() && !configure_again)
		event_orders_drop();
	else if (!feed_wanted() || !try(event_orders_publish, now))
		event_orders_later(now);
}

/* Nothing more for a while. */
static void
block(TimestampTz now)
{
	blocked_until = TimestampTzPlusMilliseconds(now, AGAIN_MS);
}

/* Write down what came from webchatt-net, and tell what sessions did. */
void
feeds_apply(TimestampTz now)
{
	publish_orders(now);
	if (blocked_until > now || (deliveries_nended == 0 && !links_ready()))
		return;
	if (try(apply_step, now))
		webhooks_apply_settings();
	else
	{
		links_undo_apply();
		webhooks_undo_apply();
		block(now);
	}
	if (links_came() && !try(welcome_step, now))
		links_turn_away();
}

/* Once a second, behind what ended messages that were held for too long. */
void
feeds_upkeep(TimestampTz now)
{
	(void) feed_wanted();
	links_try_held();
	if (configure_again)
		feeds_configure();
}

/* The turn has written what it writes: read what is new, and what is missing. */
void
feeds_take(TimestampTz now)
{
	if (feed_wanted_is_expected())
		event_reader_expect();
	if (blocked_until > now)
		return;
	if (feed_wanted_at_all() && !try(take_step, now))
	{
		event_reader_rollback();
		links_undo_take();
		webhooks_undo_read();
		block(now);
	}
	else if (configured && event_upkeep_ready(now) && !try(upkeep_step, now))
		event_upkeep_later(now);
}

/* The turn is committed. */
void
feeds_commit(wc_buf *out)
{
	TimestampTz now = wc_clock();

	feed_wanted_is_read();
	configured |= config_is_read();
	event_orders_commit();
	webhooks_commit(now);
	event_reader_commit();
	links_commit(out);
	event_upkeep_commit();
	webhooks_go_on(now, out);
	see_who_wants();
}

/* The turn is undone: everything waits as before. */
void
feeds_rollback(void)
{
	event_orders_rollback();
	event_reader_rollback();
	links_rollback();
	webhooks_rollback();
	event_upkeep_rollback();
	see_who_wants();
}

/* A new webchatt-net is told everything. */
void
feeds_write_all(wc_buf *out)
{
	webhooks_write_all(out);
}

void
feeds_net_lost(void)
{
	links_net_lost();
	webhooks_net_lost();
}

/* Forget everything, as after a start. */
void
feeds_reset(void)
{
	event_orders_reset();
	links_reset();
	webhooks_reset();
	event_upkeep_reset();
	feed_wanted_set(false);
	feed_wanted_is_read();
	configured = configure_again = false;
	blocked_until = 0;
}
