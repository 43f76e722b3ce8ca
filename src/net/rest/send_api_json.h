/*
 * send_api_json.h
 *	  The JSON of the REST API at home (doc/hub-contract.md, section 2): the body that asks to
 *	  send a message taken apart, and the bodies that answer it.
 */
#ifndef NET_SEND_API_JSON_H
#define NET_SEND_API_JSON_H

#include "http/http_response.h"
#include "common/event_rules.h"

/* The longest Idempotency-Key, in bytes. */
#define SEND_API_MAX_KEY 200

typedef struct send_api_request
{
	uint8_t channel[16]; /* "from" */
	bool is_visitor;	 /* "to" has the form of a visitor's id */
	uint8_t visitor[16]; /* and is it */
	bool hold;			 /* queue it when nobody is there */
	bool interim;		 /* "final": false */
	bool bulk;			 /* "priority": "bulk" */
	wc_str author;		 /* empty: none; in author_memory */
	wc_str content;		 /* a JSON object without white space, in memory */
	char *memory;
	char *author_memory;
} send_api_request;

/*
 * Parse and check.  True: send is filled and lives until send_api_json_free(send).
 * False: reason is a sentence, and there is nothing to free.
 */
extern bool send_api_json_parse(const char *body, size_t len, send_api_request *send, char reason[WC_REASON_SIZE]);
extern void send_api_json_free(send_api_request *send);

/* 200: the message is stored; status is "sent" or "enqueued". */
extern http_response send_api_json_stored(const uint8_t message[16], const char *status);

/* 200 all the same, as the hub answers what it could not deliver. */
extern http_response send_api_json_error(const char *code, const char *message);

#endif /* NET_SEND_API_JSON_H */
