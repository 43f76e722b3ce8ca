/*
 * files.h
 *	  The files of conversations on their way to the database and back
 *	  (doc/files.md): what all requests for them share, in all its bounds.
 */
#ifndef NET_FILES_H
#define NET_FILES_H

#include "base/address_rate.h"
#include "files/file_head.h"
#include "http/http_conn.h"

/*
 * Bytes of pieces that arrive or wait for the worker, at most; a request that finds no
 * room is not read until there is.  So many of those may wait.
 */
#define FILES_BODIES  (8u * 1024 * 1024)
#define FILES_WAITING 512u

/* Pieces of one address at a time: some that trickle in do not take the room of all. */
#define FILES_BROUGHT_ADDRESS 8u

/* Pieces that the worker has and has not answered: what visitors write goes between them. */
#define FILES_AT_WORKER 4

/* Files that are being fetched, in all and by one address. */
#define FILES_FETCHED		  512u
#define FILES_FETCHED_ADDRESS 64u

/* Set in the request's number of what comes to the desk's addresses, whose numbers are its own. */
#define FILES_OF_DESK (UINT64_C(1) << 63)

/* For whom the worker did not answer in time. */
#define FILES_LATE "The database did not answer in time; ask by HEAD how much of the file is there, and go on."

/* A request, from its head to its end: c->file. */
typedef struct file_request
{
	conn *c;
	wc_file_act act; /* of one that brings something */
	bool fetches;	 /* or it wants the bytes */
	bool is_piece;	 /* that arrives or waits */
	bool counted;	 /* among those that are fetched */
	address_count *address;
	uint8_t channel[16];
	uint32_t key; /* the id of the API key; 0: a visitor's token */
	uint8_t token_hash[WC_HASH_SIZE];
	char id[WC_FILE_ID + 1];
	uint64_t offset;
	file_range range;
	wc_str if_range; /* in the request */

	/* a piece: the memory that it needs, and what is counted of that in bodies */
	size_t wants;
	size_t room;
	char *piece;
	size_t piece_len;
	struct file_request *prev;
	struct file_request *next;

	/* of what is fetched: what came last of it */
	uint64_t from; /* where in the file the answer begins */
	uint64_t size;
	char *bytes; /* WC_FILE_READ of them, once there are any */
	uint64_t bytes_at;
	size_t bytes_len;
} file_request;

typedef struct files files;

struct files
{
	void (*go_on)(files *f);
	uv_loop_t *loop;
	corridor_io *corridor;
	http_server *http;
	http_server *desk;

	size_t bodies; /* bytes of rooms */
	uint32_t nwaiting;
	file_request waiting;				 /* head of a ring: no room yet */
	file_request pieces;				 /* head of a ring: whole, to go to the worker */
	uint64_t at_worker[FILES_AT_WORKER]; /* their requests' numbers; 0: none */

	uint32_t fetched;
	address_counts *fetching;
	address_counts *bringing;
	rate_limit_table *calls; /* requests, by address */
	rate_limit_table *kb;	 /* what is begun, by address */
	rate_limit kb_rate;
	uint64_t max_size;
};

/* For the requests of both servers; go_on is called when there is room.  NULL: out of memory. */
extern files *files_new(http_server *http, http_server *desk, void (*go_on)(files *f));
extern void files_configure(files *f, const wc_config *config);
extern void files_free(files *f);

/* The request's own; never NULL.  It goes with files_forget(), the handlers' forget. */
extern file_request *files_request(conn *c);
extern void files_forget(conn *c);

/* The headers of a request that are ours. */
extern void files_read_head(conn *c, file_head *head);

/* Does the address come too often?  Nobody behind a trusted proxy that names nobody does. */
extern bool files_is_flood(conn *c);

/* The connection that waits for that number, and is a file's; NULL: it was given up. */
extern conn *files_find(files *f, uint64_t number);

/* The number under which the worker gets it. */
extern uint64_t files_number(const conn *c, uint64_t number);

static inline files *
files_of(const conn *c)
{
	return c->server->files;
}

static inline void
files_ring_add(file_request *head, file_request *r)
{
	r->prev = head->prev;
	r->next = head;
	head->prev->next = r;
	head->prev = r;
}

static inline void
files_ring_drop(file_request *r)
{
	if (r->next == NULL)
		return;
	r->prev->next = r->next;
	r->next->prev = r->prev;
	r->prev = r->next = NULL;
}

#endif /* NET_FILES_H */
