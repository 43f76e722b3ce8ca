/*
 * profiles.c
 *	  Nobody waits for it: what cannot be written now, as somebody holds the row, is
 *	  said again with the next hello.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "lib/ilist.h"
#include "utils/builtins.h"
#include "utils/uuid.h"

#include "common/event_rules.h"
#include "shared/valid_text.h"
#include "turn/changes.h"
#include "turn/config.h"
#include "turn/frame_memory.h"
#include "turn/report.h"
#include "turn/savepoint.h"
#include "visitors/profiles.h"

/* Those that are written in one turn. */
#define WRITE_MOST 64

/* A visitor's id as text, its NUL included. */
#define VISITOR_SIZE 37

/* One that waits to be written. */
typedef struct Profile
{
	dlist_node node;
	wc_profile said;
	bool done; /* in this turn */
	char bytes[FLEXIBLE_ARRAY_MEMBER];
} Profile;

static dlist_head profiles = DLIST_STATIC_INIT(profiles);
static int npending = 0;

static bool
has_length(const wc_str *text, uint32 most)
{
	return text->len <= most && wc_texts_are_valid(text, 1);
}

static bool
are_good(const wc_str *name, const wc_str *email, const wc_str *avatar)
{
	return has_length(name, WC_MAX_NAME) && has_length(email, WC_MAX_EMAIL) && has_length(avatar, WC_MAX_AVATAR);
}

bool
profiles_are_good(const wc_arrived *said)
{
	return has_length(&said->user_id, WC_MAX_USER_ID) && has_length(&said->referrer, WC_MAX_PAGE_URL) &&
		   are_good(&said->name, &said->email, &said->avatar);
}

bool
profiles_accept(const wc_frame *frame)
{
	wc_frame copy;
	Profile *profile = frame_memory_keep(offsetof(Profile, bytes), frame, &copy);

	if (!wc_read_profile(&copy, &profile->said) || !wc_texts_are_valid(&profile->said.attributes, 1) ||
		!are_good(&profile->said.name, &profile->said.email, &profile->said.avatar))
	{
		frame_memory_free(profile);
		return false;
	}
	dlist_push_tail(&profiles, &profile->node);
	npending++;
	return true;
}

static void
write_step(void *arg)
{
	const wc_profile *said = arg;
	WcColumn *cols[WC_NOTE_PROFILES_ARRAYS];
	Datum args[WC_NOTE_PROFILES_PARAMETERS];
	char visitor[VISITOR_SIZE];

	wc_uuid_print(said->visitor, visitor);
	wc_columns(WC_NOTE_PROFILES, cols, 1);
	wc_column_add(cols[0], UUIDPGetDatum((const pg_uuid_t *) said->channel));
	wc_column_add(cols[1], CStringGetTextDatum(visitor));
	wc_column_add_bytes(cols[2], said->name.p, said->name.len);
	wc_column_add_bytes(cols[3], said->email.p, said->email.len);
	wc_column_add_bytes(cols[4], said->avatar.p, said->avatar.len);
	wc_column_add_bytes(cols[5], said->attributes.p, said->attributes.len);
	wc_column_add(cols[6], Int32GetDatum(said->signed_fields));
	wc_columns_arrays(cols, lengthof(cols), args);
	if (wc_run(WC_NOTE_PROFILES, args, NULL) > 0)
		changes_add((const pg_uuid_t *) said->channel, visitor, strlen(visitor));
}

void
profiles_note_arrived(const wc_arrived *arrived, const char *visitor)
{
	wc_profile said = {.name = arrived->name,
					   .email = arrived->email,
					   .avatar = arrived->avatar,
					   .attributes = arrived->attributes,
					   .signed_fields = arrived->signed_fields};

	if (said.name.len + said.email.len + said.avatar.len + said.attributes.len == 0 ||
		!wc_uuid_parse(visitor, strlen(visitor), said.visitor))
		return;
	memcpy(said.channel, arrived->channel, sizeof(said.channel));
	write_step(&said);
}

void
profiles_apply(void)
{
	int n = 0;
	dlist_iter iter;

	dlist_foreach(iter, &profiles)
	{
		Profile *profile = dlist_container(Profile, node, iter.cur);
		ErrorData *error;

		if (n++ == WRITE_MOST)
			break;
		error = savepoint_try_for(write_step, &profile->said, LOCK_WAIT_BLOCKED_MS, STEP_TIME_MS);
		if (error != NULL && !savepoint_error_is_transient(error))
			report_error(error->message);
		profile->done = true;
	}
}

void
profiles_commit(void)
{
	while (!dlist_is_empty(&profiles))
	{
		Profile *profile = dlist_container(Profile, node, dlist_head_node(&profiles));

		if (!profile->done)
			break;
		dlist_delete(&profile->node);
		frame_memory_free(profile);
		npending--;
	}
}

static int
profiles_pending(void)
{
	return npending;
}

static bool
profiles_ready(TimestampTz now)
{
	return npending > 0 && config_is_read();
}

static void
profiles_rollback(const ErrorData *error)
{
	dlist_iter iter;

	dlist_foreach(iter, &profiles) dlist_container(Profile, node, iter.cur)->done = false;
}

static void
profiles_forget(void)
{
	while (!dlist_is_empty(&profiles))
		frame_memory_free(dlist_container(Profile, node, dlist_pop_head_node(&profiles)));
	npending = 0;
}

const TurnPart profiles_part = {
	.pending = profiles_pending,
	.ready = profiles_ready,
	.rollback = profiles_rollback,
	.net_lost = profiles_forget,
	.reset = profiles_forget,
};
