/*
 * config.h
 *	  Hubs, channels and API keys, as the last turn that read them has them.
 */
#ifndef WC_CONFIG_H
#define WC_CONFIG_H

#include "utils/uuid.h"

#include "common/corridor.h"
#include "turn/part.h"

typedef struct ConfigChannel
{
	pg_uuid_t id;
	int hub_id;
	char kind[65];
	bool local;		/* visitors connect to us */
	bool paused;	/* and no new ones are taken now */
	uint8 identity; /* wc_identity_mode */
	bool shows_author;
	int put; /* its place among the frames that tell webchatt-net of channels */
} ConfigChannel;

typedef struct ConfigHub
{
	int id;
	bool local;
	bool stopped;
	bool link; /* its events come by a link */
	char *name;
	char *api_url; /* NULL of the local one */
	char *api_key;
	wc_secret secrets[WC_MAX_SECRETS]; /* of the hub's own endpoint */
	int nsecrets;
} ConfigHub;

extern void config_read(void);
extern bool config_is_read(void);
extern void config_want(void);
extern bool config_is_wanted(void);
extern void config_commit(wc_buf *out);
extern void config_write_settings(wc_buf *out);
extern void config_write_all(wc_buf *out);
extern const ConfigChannel *config_channel(const uint8 *id);
extern bool config_shows_author(const uint8 *channel);
extern uint64 config_unread_mark(void);
extern const char *config_author(const char *name);
extern const ConfigHub *config_hub(int id);
extern const ConfigHub *config_hub_at(int i);
extern const TurnPart config_part;

#endif /* WC_CONFIG_H */
