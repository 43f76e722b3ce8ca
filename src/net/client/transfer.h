/*
 * transfer.h
 *	  One libcurl easy handle, reused from request to request, what it collects
 *	  of an answer, and why there was none.
 */
#ifndef NET_TRANSFER_H
#define NET_TRANSFER_H

#include <curl/curl.h>

#include "common/event_rules.h"
#include "base/address.h"
#include "client/curl_uv.h"
#include "client/client_queue.h"

/* Header lines that one request has for itself, and the room for one. */
#define TRANSFER_LINES 4
#define TRANSFER_LINE  128

/* The longest pause that an answer can ask for, in seconds. */
#define TRANSFER_MAX_PAUSE_S 3600

typedef struct transfer transfer;

/* May there be a connection to that address and port for that request? */
typedef bool (*transfer_guard_fn)(void *arg, const transfer *t, const net_addr *addr, uint16_t port);

/* What every handle is set up with. */
typedef struct transfer_settings
{
	uint32_t timeout_ms;		 /* a request, answer included */
	uint32_t connect_timeout_ms; /* of which: until connected */
	char *ca_file;				 /* NULL: the system's */
	uint32_t generation;		 /* grows with each change of the others */
	size_t keep;				 /* bytes of an answer's body that are kept */
	size_t most;				 /* bytes after which the rest is not waited for */
	transfer_guard_fn guard;	 /* NULL: every address is good */
	void *guard_arg;
} transfer_settings;

/* One easy handle and the request that it carries. */
struct transfer
{
	transfer *prev;
	transfer *next;
	CURL *easy;
	curl_uv *loop;
	const transfer_settings *settings;
	client_request *request;
	destination *destination;
	target *target;						/* whose URL the handle has */
	char spot[WC_MAX_CHANNEL_TYPE + 1]; /* which of the target's URLs */
	uint32_t generation;				/* of the settings that it has */
	uint64_t began;						/* uv_hrtime() */
	int nlines;
	struct curl_slist lines[TRANSFER_LINES]; /* this request's, before the target's */
	char texts[TRANSFER_LINES][TRANSFER_LINE];
	char *body;
	size_t body_len;  /* bytes kept */
	size_t body_came; /* bytes that there were */
	size_t body_capacity;
	size_t head_len;
	bool body_too_large; /* more than settings->most */
	bool head_too_large;
	bool head_whole;  /* its empty line came */
	bool fresh;		  /* the handle is set to make a new connection */
	bool was_refused; /* by the guard: refused is what it refused last */
	bool was_allowed; /* another address was good */
	net_addr refused;
	uint16_t refused_port;
	char error[CURL_ERROR_SIZE];
};

/* NULL when libcurl has no memory.  The settings must outlive it. */
extern transfer *transfer_new(curl_uv *loop, const transfer_settings *settings);
extern void transfer_free(transfer *t);

/*
 * Point the handle at one of a target's URLs.  Most often it was there already:
 * then nothing needs to be set again.  False: no memory.
 */
extern bool transfer_is_at(const transfer *t, const target *where, const char *spot);
extern bool transfer_aim(transfer *t, target *where, const char *spot, const char *url);

/* Load it with a request, which must live until the transfer's end, as a POST. */
extern void transfer_load(transfer *t, client_request *e);

/* Then the header lines: this request's own, and those that follow. */
extern void transfer_line(transfer *t, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* A name with its colon and blank, and a value; both fit TRANSFER_LINE. */
extern void transfer_pair(transfer *t, const char *name, const char *value, size_t len);
extern void transfer_fixed_line(transfer *t, char *line);
extern void transfer_end_lines(transfer *t, struct curl_slist *others);

/* There is an answer, all of it or as much as is waited for; its HTTP status. */
extern uint32_t transfer_answered(const transfer *t, CURLcode code);

/* 0: none given, or it is neither a 429 nor a 503. */
extern uint32_t transfer_retry_after_s(const transfer *t, uint32_t http_status);

/* Why there is no answer, in words. */
extern void transfer_explain(const transfer *t, CURLcode code, char *text, size_t size);

/*
 * The server closed a kept connection just when we used it.  libcurl takes the
 * next by itself, but gives up at the sixth such case in a handle's whole life.
 */
extern bool transfer_met_closed_connection(const transfer *t, CURLcode code);

#endif /* NET_TRANSFER_H */
