/*
 * event_rules.h
 *	  What makes a hub's event an event (doc/hub-contract.md, section 3): the rules that
 *	  webchatt-net and webchatt.ingest() share.
 *
 * Each side takes the fields out of the JSON with the parser that it has
 * (jansson in webchatt-net, jsonb in the backend) and gives them to
 * wc_event_check(), so that both accept and refuse the same bodies with the
 * same words.
 */
#ifndef WC_EVENT_RULES_H
#define WC_EVENT_RULES_H

#include "common/corridor.h"

/* Limits, in bytes but for the depth. */
#define WC_MAX_VISITOR_ID	  255
#define WC_MAX_HUB_MESSAGE_ID 255
#define WC_MAX_AUTHOR		  255 /* of what is sent */
#define WC_MAX_CHANNEL_TYPE	  64
#define WC_MAX_STATUS		  64
#define WC_MAX_ERROR_CODE	  128
#define WC_MAX_EVENT_DEPTH	  64

/* The size of the buffer that takes the reason of a refusal. */
#define WC_REASON_SIZE 256

typedef enum wc_json_type
{
	WC_JSON_ABSENT = 0, /* not there, or null */
	WC_JSON_STRING,
	WC_JSON_NUMBER,
	WC_JSON_OBJECT,
	WC_JSON_OTHER /* array, true, false */
} wc_json_type;

typedef struct wc_json_field
{
	wc_json_type type;
	wc_str string; /* of a string: its value, unescaped, UTF-8; of a number: as it is written */
	double number; /* of a number */
} wc_json_field;

/* The top-level fields of an event that webchatt looks at. */
typedef struct wc_event_fields
{
	wc_json_field event_type; /* eventType */
	wc_json_field channel_id; /* channelId */
	wc_json_field message_id; /* messageId */
	wc_json_field from;
	wc_json_field timestamp;
	wc_json_field channel;
	wc_json_field content;
	wc_json_field status;
	wc_json_field error_code;	 /* errorCode: a string, or a whole number; 0 is none */
	wc_json_field error_message; /* errorMessage */
} wc_event_fields;

/*
 * Check the fields and fill the event with what they say (not its request and
 * its body).  What means one thing only is taken, though the contract has it
 * otherwise: whole numbers as ids, and times in milliseconds or as texts.  expected is the channel of the endpoint, NULL when it is not
 * known; then a status leaves event->channel all zeros when it names none.
 * error_code of a number is printed into event_scratch, which must live as
 * long as the event.  On false, reason is one sentence for a person.
 */
extern bool wc_event_check(const wc_event_fields *fields, const uint8_t expected[16], wc_event *event,
						   char event_scratch[32], char reason[WC_REASON_SIZE]);

/*
 * True when no array or object of the JSON text lies deeper than
 * WC_MAX_EVENT_DEPTH.  A scan over the bytes before any parser sees them; it
 * does not check that they are JSON.
 */
extern bool wc_json_shallow(const char *json, size_t len);

/*
 * Of an event that was refused: is it one of another channel than the endpoint's?
 * That is a mistake of whoever set the hub up, and not to be kept as this one's.
 */
extern bool wc_event_is_anothers(const wc_event *event, const uint8_t expected[16]);

/* Does a hub's error code say that there is no error?  Empty, and the number 0 in any form. */
extern bool wc_is_no_error(wc_str code);

/* Parse a UUID in its canonical form, 8-4-4-4-12 hex digits of either case. */
extern bool wc_uuid_parse(const char *s, size_t len, uint8_t uuid[16]);

/* Print a UUID, lower case, with its NUL. */
extern void wc_uuid_print(const uint8_t uuid[16], char out[37]);

#endif /* WC_EVENT_RULES_H */
