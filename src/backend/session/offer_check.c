/*
 * offer_check.c
 *	  A visitor answers with the id and the title of what was offered, and of a row with
 *	  its description as well: what the hub would not take back is refused here, where
 *	  somebody can mend it, and not when a visitor taps it.
 *
 * Options are read as the widget reads them (contents.js): buttons and rows, by
 * themselves or in "reply"; without a title the id is shown.
 */
#include "postgres.h"

#include "common/reply_rules.h"
#include "session/offer_check.h"

/* Where an option stands, for whoever mends it. */
typedef struct Place
{
	const char *what; /* "button" or "row" */
	int section;	  /* of a row, from 1 */
	int number;		  /* from 1 */
} Place;

static JsonbValue *
member(JsonbContainer *object, const char *name)
{
	JsonbValue key;

	key.type = jbvString;
	key.val.string.val = unconstify(char *, name);
	key.val.string.len = strlen(name);
	return findJsonbValueFromContainer(object, JB_FOBJECT, &key);
}

/* The member when it is an object, or an array; NULL: it is neither. */
static JsonbContainer *
inner(JsonbContainer *object, const char *name, bool array)
{
	JsonbValue *v = object ? member(object, name) : NULL;

	if (v == NULL || v->type != jbvBinary)
		return NULL;
	return (array ? JsonContainerIsArray(v->val.binary.data) : JsonContainerIsObject(v->val.binary.data))
			   ? v->val.binary.data
			   : NULL;
}

static char *
place_text(const Place *place)
{
	return place->section > 0 ? psprintf("row %d of section %d", place->number, place->section)
							  : psprintf("%s %d", place->what, place->number);
}

/* A member that comes back in the reply. */
static void
check_text(const JsonbValue *v, const Place *place, const char *name, int most)
{
	if (v->val.string.len > most)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("the %s of %s has %d bytes", name, place_text(place), v->val.string.len),
						errdetail("A visitor answers with it, and the hub takes %d bytes of it.", most),
						errhint("Shorten it; what has to be known of an option can stand in a table, by its id.")));
	if (wc_text_is_blank(v->val.string.val, (size_t) v->val.string.len))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("the %s of %s is blank", name, place_text(place)),
				 errdetail("A visitor answers with it, and the hub takes no blank one."),
				 errhint("Give it a text that says something%s.",
						 strcmp(name, "description") == 0 ? ", or leave it out" : "")));
}

static bool
is_text(const JsonbValue *v)
{
	return v != NULL && v->type == jbvString && v->val.string.len > 0;
}

static void
check_option(JsonbContainer *option, const Place *place)
{
	JsonbContainer *reply = inner(option, "reply", false);
	JsonbContainer *in = reply ? reply : option;
	JsonbValue *id = member(in, "id");
	JsonbValue *title = member(in, "title");
	JsonbValue *description = member(in, "description");

	if (!is_text(id))
		ereport(
			ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("%s has no id", place_text(place)),
			 errdetail("A visitor answers with the id, so one without is not shown."),
			 errhint("Give each a text that is its own, for example {\"id\": \"track\", \"title\": \"Track it\"}.")));
	check_text(id, place, "id", WC_MAX_REPLY_ID);
	if (is_text(title))
		check_text(title, place, "title", WC_MAX_REPLY_TITLE);
	if (place->section > 0 && is_text(description))
		check_text(description, place, "description", WC_MAX_REPLY_DESCRIPTION);
}

static void
check_count(uint32 n, const char *what)
{
	if (n > WC_MAX_OPTIONS)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("the message offers %u %s", n, what),
						errdetail("Visitors are shown %d of them.", WC_MAX_OPTIONS),
						errhint("Offer fewer, or ask in two steps.")));
}

/* What an array's objects are, one by one; others are not shown. */
static void
check_options(JsonbContainer *array, Place place, const char *all)
{
	uint32 n = array ? JsonContainerSize(array) : 0;
	uint32 i;

	check_count(n, all);
	for (i = 0; i < n; i++)
	{
		JsonbValue *v = getIthJsonbValueFromContainer(array, i);

		place.number = (int) i + 1;
		if (v != NULL && v->type == jbvBinary && JsonContainerIsObject(v->val.binary.data))
			check_option(v->val.binary.data, &place);
	}
}

void
offer_check(Jsonb *content)
{
	JsonbContainer *interactive = JB_ROOT_IS_OBJECT(content) ? inner(&content->root, "interactive", false) : NULL;
	JsonbContainer *action = inner(interactive, "action", false);
	JsonbContainer *sections = inner(action, "sections", true);
	uint32 n = sections ? JsonContainerSize(sections) : 0;
	uint32 i;

	check_options(inner(action, "buttons", true), (Place){"button", 0, 0}, "buttons");
	check_count(n, "sections");
	for (i = 0; i < n; i++)
	{
		JsonbValue *v = getIthJsonbValueFromContainer(sections, i);

		if (v != NULL && v->type == jbvBinary && JsonContainerIsObject(v->val.binary.data))
			check_options(inner(v->val.binary.data, "rows", true), (Place){"row", (int) i + 1, 0}, "rows in a section");
	}
}
