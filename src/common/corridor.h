/*
 * corridor.h
 *	  The frames that worker and webchatt-net exchange, as C: corridor.def says
 *	  what they are, and gives each a struct, a writer and a reader.
 *
 * Readers return false on anything that is not exactly such a frame; the strings
 * they yield point into it.  Whoever gets false closes the corridor: the two
 * programs are built together, so it means a defect or a mismatched pair, never
 * bad input from the network.
 */
#ifndef WC_CORRIDOR_H
#define WC_CORRIDOR_H

#include "common/frame.h"

/* Raised with every change in corridor.def. */
#define WC_CORRIDOR_VERSION 20

/* Secrets that one channel or hub may have at once. */
#define WC_MAX_SECRETS 8

/* Origins of one channel (doc/hub-contract.md, section 1). */
#define WC_MAX_ORIGINS 5

/* Bytes of a SHA-256. */
#define WC_HASH_SIZE 32

/* Ids of messages that a visitor's client may say it has. */
#define WC_MAX_HAVE 100

/* Bytes of what a visitor's client says of where it is: the page's address and title, its language, its time zone. */
#define WC_MAX_PAGE_URL	  1000
#define WC_MAX_PAGE_TITLE 800
#define WC_MAX_LOCALE	  35
#define WC_MAX_TIME_ZONE  64
#define WC_MAX_RATING	  4000 /* bytes of a rating's comment: 1,000 characters */

/* Bytes of what is said of who a visitor is: a user's id, a name, an e-mail address, the address of a picture. */
#define WC_MAX_USER_ID 255
#define WC_MAX_NAME	   400
#define WC_MAX_EMAIL   254
#define WC_MAX_AVATAR  1000

/* What of it the site's server has signed. */
#define WC_SIGNED_NAME	 1u
#define WC_SIGNED_EMAIL	 2u
#define WC_SIGNED_AVATAR 4u

/* Budgets of what strangers bring. */
#define WC_BUDGETS 3

/* What the worker tells for the metrics: facts.def. */
#define WC_FACTS 25

/*
 * The most that max_body_size may be set to, in bytes: an EVENT holds the body,
 * its errorMessage a second time, and under 4 kB of other fields, all of which
 * must stay below WC_FRAME_MAX.
 */
#define WC_MAX_BODY_SIZE (4u * 1024 * 1024)

/* Bytes of a hub's answer's body that CALL_DONE brings; a longer one is an error. */
#define WC_MAX_CALL_ANSWER (1024u * 1024)

/* Bytes of the arguments of a call of the desk. */
#define WC_MAX_DESK_ARGS (64u * 1024)

/* Bytes of an endpoint's answer that DELIVERED keeps. */
#define WC_MAX_DELIVERY_ANSWER 1024u

/*
 * Files: the characters of an id (base64url of 256 bits), bytes of a name, of a piece
 * that is brought (the least unless it is the last, and the most), and of one that is read.
 */
#define WC_FILE_ID		 43
#define WC_MAX_FILE_NAME 255u
#define WC_FILE_LEAST	 (16u * 1024)
#define WC_FILE_CHUNK	 (256u * 1024)
#define WC_FILE_READ	 (64u * 1024)

/* Set in the request of an event that came by a link: so many can wait that its window bounds them. */
#define WC_LINK_NUMBER (UINT64_C(1) << 62)

/* What a key may do: POST messages, keep webhooks, open links, hand out and erase visitors. */
#define WC_SCOPE_SEND	  1u
#define WC_SCOPE_WEBHOOKS 2u
#define WC_SCOPE_LINK	  4u
#define WC_SCOPE_VISITORS 8u

typedef enum wc_frame_type
{
#define FRAME(NAME, number, name) WC_F_##NAME = number,
#include "common/corridor.def"
} wc_frame_type;

typedef struct wc_secret
{
	wc_str secret;
	int64_t valid_until; /* unix seconds; 0: no end */
} wc_secret;

/* A field of each kind as a member of its frame's struct. */
#define WC_MEMBER_NOTHING(f)	 uint8_t f;
#define WC_MEMBER_U8(f)			 uint8_t f;
#define WC_MEMBER_U32(f)		 uint32_t f;
#define WC_MEMBER_U64(f)		 uint64_t f;
#define WC_MEMBER_I64(f)		 int64_t f;
#define WC_MEMBER_U64S(f, most)	 uint64_t f[most];
#define WC_MEMBER_FLAG(f)		 uint8_t f;
#define WC_MEMBER_CHOICE(f, e)	 uint8_t f; /* wc_##e */
#define WC_MEMBER_UUID(f)		 uint8_t f[16];
#define WC_MEMBER_HASH(f)		 uint8_t f[WC_HASH_SIZE];
#define WC_MEMBER_STR(f)		 wc_str f;
#define WC_MEMBER_UUIDS(f, most) wc_str f;
#define WC_MEMBER_SECRETS(f)                                                                                           \
	uint8_t n##f;                                                                                                      \
	wc_secret f[WC_MAX_SECRETS];
#define WC_MEMBER_STRS(f, most)                                                                                        \
	uint8_t n##f;                                                                                                      \
	wc_str f[most];

/* A writer returns false, and leaves the buffer as it was, when the frame does not fit. */
#define ENUM(name)                                                                                                     \
	typedef enum wc_##name                                                                                             \
	{
#define VALUE(NAME, number) NAME = number,
#define ENUM_END(name)                                                                                                 \
	}                                                                                                                  \
	wc_##name;
#define FRAME(NAME, number, name)                                                                                      \
	typedef struct wc_##name                                                                                           \
	{
#define FIELD(kind, ...) WC_MEMBER_##kind(__VA_ARGS__)
#define FRAME_END(name)                                                                                                \
	}                                                                                                                  \
	wc_##name;                                                                                                         \
	extern bool wc_write_##name(wc_buf *buf, const wc_##name *m);                                                      \
	extern bool wc_read_##name(const wc_frame *f, wc_##name *m);
#include "common/corridor.def"

#endif /* WC_CORRIDOR_H */
