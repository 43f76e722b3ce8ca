/*
 * config.c
 *	  Hubs, channels and secrets as the worker knows them, and telling
 *	  webchatt-net.
 */
#include "postgres.h"

#include "common/hashfn.h"
#include "postmaster/postmaster.h"
#include "utils/hsearch.h"
#include "utils/memutils.h"
#include "utils/uuid.h"

#include "common/corridor.h"
#include "shared/columns.h"
#include "shared/compat.h"
#include "shared/settings.h"
#include "shared/statements.h"
#include "turn/config.h"

/* One generation of the configuration, in a context of its own. */
typedef struct Config
{
	MemoryContext context;
	HTAB *channels; /* ConfigChannel by id */
	ConfigHub *hubs;
	int nhubs;
	wc_channel_put *puts;
	int nputs;
	wc_key_put *keys;
	int nkeys;
	HTAB *authors; /* Author by name; NULL: no channel shows them */
	bool desk_is_on;
	uint64 unread_mark; /* of which channels note who does not come back, and when; 0: none does */
} Config;

/* Names of agents are no longer: webchatt.agents. */
#define AUTHOR_NAME 64

/* An agent as visitors are shown them. */
typedef struct Author
{
	char name[AUTHOR_NAME]; /* hash key: must be first */
	char *json;
} Author;

static Config *current = NULL; /* what the worker goes by */
static Config *fresh = NULL;   /* read in this turn, not yet committed */
static bool wanted = false;	   /* to be read again */

static void
free_config(Config *config)
{
	if (config != NULL)
		MemoryContextDelete(config->context);
}

static void
read_hubs(Config *config)
{
	uint64 n = wc_run(WC_READ_HUBS, NULL, NULL);
	uint64 i;

	config->hubs = MemoryContextAllocZero(config->context, sizeof(ConfigHub) * Max(1, n));
	config->nhubs = (int) n;
	for (i = 0; i < n; i++)
	{
		ConfigHub *hub = &config->hubs[i];
		bool isnull;

		hub->id = DatumGetInt32(wc_field(i, 1, &isnull));
		hub->stopped = DatumGetBool(wc_field(i, 5, &isnull));
		hub->local = DatumGetBool(wc_field(i, 6, &isnull));
		hub->link = DatumGetBool(wc_field(i, 7, &isnull));
		hub->name = MemoryContextStrdup(config->context, wc_field_text(i, 2));
		if (hub->local)
			continue;
		hub->api_url = MemoryContextStrdup(config->context, wc_field_text(i, 3));
		hub->api_key = MemoryContextStrdup(config->context, wc_field_text(i, 4));
	}
}

/* Append a secret to a channel's, of which there are n already; returns how many there are now. */
static int
add_secret(Config *config, wc_secret *secrets, int n, const char *secret, int64 until)
{
	if (secret == NULL || n >= WC_MAX_SECRETS)
		return n;
	secrets[n].secret = wc_str_from(MemoryContextStrdup(config->context, secret));
	secrets[n].valid_until = until;
	return n + 1;
}

/* What signs the events that come to a hub's own endpoint. */
static void
read_hub_secrets(Config *config)
{
	uint64 n = wc_run(WC_READ_HUB_SECRETS, NULL, NULL);
	uint64 i;

	for (i = 0; i < n; i++)
	{
		bool isnull;
		int hub_id = DatumGetInt32(wc_field(i, 1, &isnull));
		Datum until = wc_field(i, 4, &isnull);
		int h;

		for (h = 0; h < config->nhubs && config->hubs[h].id != hub_id; h++)
			;
		if (h == config->nhubs)
			continue;
		config->hubs[h].nsecrets =
			add_secret(config, config->hubs[h].secrets, config->hubs[h].nsecrets, wc_field_text(i, 2), 0);
		config->hubs[h].nsecrets = add_secret(config, config->hubs[h].secrets, config->hubs[h].nsecrets,
											  wc_field_text(i, 3), isnull ? 1 : DatumGetInt64(until));
	}
}

/* A text column's value that lives as long as the configuration; empty for null. */
static wc_str
keep_text(Config *config, uint64 row, int column)
{
	const char *s = wc_field_text(row, column);

	return wc_str_from(s ? MemoryContextStrdup(config->context, s) : "");
}

static uint8
identity_mode(uint64 row)
{
	const char *mode = wc_field_text(row, 15);

	return strcmp(mode, "required") == 0   ? WC_IDENTITY_REQUIRED
		   : strcmp(mode, "optional") == 0 ? WC_IDENTITY_OPTIONAL
										   : WC_IDENTITY_NONE;
}

/* What visitors need of a local channel; its origins come with blanks between them. */
static void
read_local(Config *config, wc_channel_put *put, uint64 row)
{
	char *origins = wc_field_text(row, 11);
	Datum until;
	bool isnull;
	char *next;

	put->local = 1;
	put->public_key = keep_text(config, row, 9);
	put->display_name = keep_text(config, row, 10);
	put->widget = keep_text(config, row, 14);
	put->identity = identity_mode(row);
	until = wc_field(row, 18, &isnull);
	if (put->identity != WC_IDENTITY_NONE)
	{
		put->nidentity_secrets = add_secret(config, put->identity_secrets, 0, wc_field_text(row, 16), 0);
		put->nidentity_secrets = add_secret(config, put->identity_secrets, put->nidentity_secrets,
											wc_field_text(row, 17), isnull ? 1 : DatumGetInt64(until));
	}
	if (origins == NULL)
		return;
	origins = MemoryContextStrdup(config->context, origins);
	while ((next = strsep(&origins, " ")) != NULL && put->norigins < WC_MAX_ORIGINS)
		put->origins[put->norigins++] = wc_str_from(next);
}

/* The rows come in the order of the channels' ids. */
static void
add_unread(Config *config, uint64 row)
{
	bool isnull;
	int64 seconds = DatumGetInt64(wc_field(row, 19, &isnull));
	const pg_uuid_t *id;

	if (isnull)
		return;
	id = DatumGetUUIDP(wc_field(row, 1, &isnull));
	config->unread_mark = hash_bytes_extended(id->data, UUID_LEN, config->unread_mark + (uint64) seconds) | 1;
}

static ConfigChannel *
add_channel(Config *config, uint64 row)
{
	ConfigChannel *channel;
	bool isnull;
	bool found;
	char *kind = wc_field_text(row, 3);

	channel = hash_search(config->channels, DatumGetUUIDP(wc_field(row, 1, &isnull)), HASH_ENTER, &found);
	channel->hub_id = DatumGetInt32(wc_field(row, 2, &isnull));
	strlcpy(channel->kind, kind, sizeof(channel->kind));
	channel->local = DatumGetBool(wc_field(row, 8, &isnull));
	channel->paused = DatumGetBool(wc_field(row, 12, &isnull));
	channel->shows_author = DatumGetBool(wc_field(row, 13, &isnull));
	channel->identity = identity_mode(row);
	add_unread(config, row);
	if (!found)
	{
		wc_channel_put *put = &config->puts[config->nputs];

		memset(put, 0, sizeof(*put));
		memcpy(put->id, channel->id.data, 16);
		put->hub = (uint32_t) channel->hub_id;
		channel->put = config->nputs++;
		if (channel->local)
			read_local(config, put, row);
	}
	return channel;
}

static void
read_channels(Config *config)
{
	uint64 n = wc_run(WC_READ_CHANNELS, NULL, NULL);
	uint64 i;

	config->puts = MemoryContextAllocHuge(config->context, sizeof(wc_channel_put) * Max(1, n));
	for (i = 0; i < n; i++)
	{
		ConfigChannel *channel = add_channel(config, i);
		wc_channel_put *put = &config->puts[channel->put];
		bool isnull;
		Datum until;

		if (DatumGetBool(wc_field(i, 4, &isnull)))
			put->accept_unsigned = 1;
		put->nsecrets = add_secret(config, put->secrets, put->nsecrets, wc_field_text(i, 5), 0);
		until = wc_field(i, 7, &isnull);
		put->nsecrets =
			add_secret(config, put->secrets, put->nsecrets, wc_field_text(i, 6), isnull ? 1 : DatumGetInt64(until));
	}
	/* what one webhook signs, no other may bring unsigned */
	for (i = 0; i < (uint64) config->nputs; i++)
	{
		if (config->puts[i].nsecrets > 0)
			config->puts[i].accept_unsigned = 0;
	}
}

static void
read_keys(Config *config)
{
	uint64 n = wc_run(WC_READ_KEYS, NULL, NULL);
	uint64 i;

	config->keys = MemoryContextAllocHuge(config->context, sizeof(wc_key_put) * Max(1, n));
	memset(config->keys, 0, sizeof(wc_key_put) * Max(1, n));
	for (i = 0; i < n; i++)
	{
		wc_key_put *key = &config->keys[i];
		bool isnull;
		Datum bytes;

		key->id = (uint32_t) DatumGetInt32(wc_field(i, 1, &isnull));
		memcpy(key->hash, VARDATA_ANY(DatumGetByteaPP(wc_field(i, 2, &isnull))), WC_HASH_SIZE);
		key->scopes = (uint8_t) DatumGetInt32(wc_field(i, 3, &isnull));
		bytes = wc_field(i, 4, &isnull);
		if (!isnull)
		{
			bytea *channels = DatumGetByteaPP(bytes);

			key->channels.len = VARSIZE_ANY_EXHDR(channels);
			key->channels.p = memcpy(MemoryContextAlloc(config->context, key->channels.len), VARDATA_ANY(channels),
									 key->channels.len);
		}
	}
	config->nkeys = (int) n;
}

static void
read_authors(Config *config)
{
	uint64 n = wc_run(WC_READ_AUTHORS, NULL, NULL);
	HASHCTL ctl;
	uint64 i;

	if (n == 0)
		return;
	memset(&ctl, 0, sizeof(ctl));
	ctl.keysize = AUTHOR_NAME;
	ctl.entrysize = sizeof(Author);
	ctl.hcxt = config->context;
	config->authors = hash_create("webchatt authors", (long) n, &ctl, HASH_ELEM | HASH_STRINGS | HASH_CONTEXT);
	for (i = 0; i < n; i++)
	{
		Author *author = hash_search(config->authors, wc_field_text(i, 1), HASH_ENTER, NULL);

		author->json = MemoryContextStrdup(config->context, wc_field_text(i, 2));
	}
}

static void
read_desk(Config *config)
{
	bool isnull;

	(void) wc_run(WC_DESK_IS_ON, NULL, NULL);
	config->desk_is_on = DatumGetBool(wc_field(0, 1, &isnull));
}

/* Read the configuration; it counts from config_commit() on. */
void
config_read(void)
{
	MemoryContext context = AllocSetContextCreate(TopMemoryContext, "webchatt configuration", ALLOCSET_DEFAULT_SIZES);
	HASHCTL ctl;

	free_config(fresh);
	fresh = NULL;
	fresh = MemoryContextAllocZero(context, sizeof(Config));
	fresh->context = context;
	memset(&ctl, 0, sizeof(ctl));
	ctl.keysize = sizeof(pg_uuid_t);
	ctl.entrysize = sizeof(ConfigChannel);
	ctl.hcxt = context;
	fresh->channels = hash_create("webchatt channels", 64, &ctl, HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	read_hubs(fresh);
	read_hub_secrets(fresh);
	read_channels(fresh);
	read_keys(fresh);
	read_authors(fresh);
	read_desk(fresh);
}

/* A setting that is told with it has changed: it is to be read once more. */
void
config_want(void)
{
	wanted = true;
}

bool
config_is_wanted(void)
{
	return wanted;
}

/* Has a configuration been read and committed? */
bool
config_is_read(void)
{
	return current != NULL;
}

static bool
has_key(const Config *config, uint32_t id)
{
	int i;

	for (i = 0; i < config->nkeys; i++)
	{
		if (config->keys[i].id == id)
			return true;
	}
	return false;
}

static bool
has_hub(const Config *config, int id)
{
	int i;

	for (i = 0; config != NULL && i < config->nhubs; i++)
	{
		if (config->hubs[i].id == id)
			return true;
	}
	return false;
}

/* Tell webchatt-net what is no longer there. */
static void
write_gone(const Config *old, const Config *now, wc_buf *out)
{
	int i;

	for (i = 0; i < old->nhubs; i++)
	{
		wc_hub_gone gone = {(uint32_t) old->hubs[i].id};

		if (!old->hubs[i].local && !has_hub(now, old->hubs[i].id))
			wc_write_hub_gone(out, &gone);
	}
	for (i = 0; i < old->nkeys; i++)
	{
		wc_key_gone gone = {old->keys[i].id};

		if (!has_key(now, gone.id))
			wc_write_key_gone(out, &gone);
	}
	for (i = 0; i < old->nputs; i++)
	{
		wc_channel_gone gone;

		if (hash_search(now->channels, old->puts[i].id, HASH_FIND, NULL) != NULL)
			continue;
		memcpy(gone.id, old->puts[i].id, 16);
		wc_write_channel_gone(out, &gone);
	}
}

/* Tell webchatt-net everything, as after its start. */
void
config_write_all(wc_buf *out)
{
	int i;

	for (i = 0; current != NULL && i < current->nhubs; i++)
	{
		const ConfigHub *hub = &current->hubs[i];
		wc_hub_put put = {(uint32_t) hub->id};

		if (hub->local)
			continue;
		put.name = wc_str_from(hub->name);
		put.link = hub->link;
		put.nsecrets = hub->nsecrets;
		memcpy(put.secrets, hub->secrets, sizeof(wc_secret) * hub->nsecrets);
		put.api_url = wc_str_from(hub->api_url);
		put.api_key = wc_str_from(hub->api_key);
		wc_write_hub_put(out, &put);
	}
	for (i = 0; current != NULL && i < current->nputs; i++)
		wc_write_channel_put(out, &current->puts[i]);
	for (i = 0; current != NULL && i < current->nkeys; i++)
		wc_write_key_put(out, &current->keys[i]);
	if (current != NULL)
		wc_write_desk_state(out, &(wc_desk_state){current->desk_is_on});
}

void
config_commit(wc_buf *out)
{
	if (fresh == NULL)
		return;
	if (current != NULL)
		write_gone(current, fresh, out);
	free_config(current);
	current = fresh;
	fresh = NULL;
	wanted = false;
	config_write_all(out);
}

static void
config_rollback(const ErrorData *error)
{
	free_config(fresh);
	fresh = NULL;
}

static void
config_reset(void)
{
	config_rollback(NULL);
	free_config(current);
	current = NULL;
}

/* A channel by its 16 bytes of id; NULL when there is none. */
const ConfigChannel *
config_channel(const uint8 *id)
{
	const Config *config = fresh ? fresh : current;

	return config ? hash_search(config->channels, id, HASH_FIND, NULL) : NULL;
}

/* Are visitors of that channel, by its 16 bytes of id, shown who answers? */
bool
config_shows_author(const uint8 *id)
{
	const Config *config = fresh ? fresh : current;
	const ConfigChannel *channel = config != NULL && config->authors != NULL ? config_channel(id) : NULL;

	return channel != NULL && channel->local && channel->shows_author;
}

/* Which channels note who was written to while away, and after how long: another number when that is another; 0: none. */
uint64
config_unread_mark(void)
{
	const Config *config = fresh ? fresh : current;

	return config != NULL ? config->unread_mark : 0;
}

/* Whom visitors are shown for an author, as JSON; empty: nobody, as it is no agent's name. */
const char *
config_author(const char *name)
{
	const Config *config = fresh ? fresh : current;
	const Author *author = NULL;

	if (config != NULL && config->authors != NULL && strlen(name) < AUTHOR_NAME)
		author = hash_search(config->authors, name, HASH_FIND, NULL);
	return author ? author->json : "";
}

/* The hub with this id; NULL when there is none. */
const ConfigHub *
config_hub(int id)
{
	const Config *config = fresh ? fresh : current;
	int i;

	for (i = 0; config != NULL && i < config->nhubs; i++)
	{
		if (config->hubs[i].id == id)
			return &config->hubs[i];
	}
	return NULL;
}

/* Hand out the hubs one by one; NULL after the last. */
const ConfigHub *
config_hub_at(int i)
{
	return current != NULL && i < current->nhubs ? &current->hubs[i] : NULL;
}

/* Tell webchatt-net the settings. */
void
config_write_settings(wc_buf *out)
{
	wc_config c;

	memset(&c, 0, sizeof(c));
	c.server_port = (uint32_t) PostPortNumber;
/* Each entry becomes an assignment to its field, or nothing. */
#define HERE																		 (void)
#define NET(field, times)															 c.field = times * (uint32_t)
#define NET_TEXT(field)																 c.field = wc_str_from
#define SETTING_INT(name, boot, least, most, unit, carried, what, more)				 carried(wc_##name);
#define SETTING_STRING(name, boot, form, context, flags, check, carried, what, more) carried(wc_##name);
#include "common/settings.def"
	wc_write_config(out, &c);
}

const TurnPart config_part = {
	.rollback = config_rollback,
	.reset = config_reset,
};
