/*
 * file_upload.c
 *	  Memory and order: a piece is read when there is room for it, waits for its turn
 *	  as a whole, and few are with the worker at a time.
 */
#include "files/file_upload.h"

#include <jansson.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/chance.h"
#include "base/json_load.h"
#include "base/metrics.h"
#include "base/proxies.h"
#include "base/text.h"
#include "common/file_type.h"
#include "common/origin.h"
#include "config/public_url.h"
#include "files/file_name.h"
#include "http/http_reply.h"
#include "listen/listener.h"

/* The longest token that is looked at, as in hello. */
#define TOKEN_MAX 128

static const char unknown_channel[] =
	"No channel has that webChatId, or the API key may not use it; webchatt.channels lists them.";

/* Does the channel take the page's origin?  To the letter: a browser sends its one form. */
static bool
origin_listed(const channel *ch, wc_str origin)
{
	for (int i = 0; i < ch->norigins; i++)
	{
		if (origin.p != NULL && ch->origins[i].len == origin.len && memcmp(ch->origins[i].p, origin.p, origin.len) == 0)
			return true;
	}
	return false;
}

static const channel *
find_channel(const conn *c)
{
	size_t len;
	const char *query = routes_query(c->asked != NULL ? c->asked : "", &len);
	wc_str key = file_head_parameter(query, len, "webChatId");
	wc_str id = file_head_parameter(query, len, "channel");
	uint8_t uuid[16];

	if (key.p != NULL)
		return channels_find_key(c->server->channels, key.p, key.len);
	if (id.p != NULL && wc_uuid_parse(id.p, id.len, uuid))
		return channels_find(c->server->channels, uuid);
	return NULL;
}

/* An application's, by its key. */
static refusal
check_key(conn *c, file_request *r, wc_str key, const channel *ch)
{
	refusal why = api_keys_check(c->server->keys, key.p, key.len, WC_SCOPE_SEND, &r->key);

	if (r->key != 0)
		listener_trust(c->fd);
	if (why != REFUSE_NOTHING)
		return why;
	return ch != NULL && api_keys_has_channel(api_keys_get(c->server->keys, r->key), ch->id) ? REFUSE_NOTHING
																							 : REFUSE_CHANNEL;
}

/* A visitor's, from a page of theirs. */
static refusal
check_token(file_request *r, const file_head *head, const channel *ch)
{
	if (head->token.p == NULL)
		return REFUSE_TOKEN_NONE;
	if (ch == NULL || !ch->local)
		return REFUSE_CHANNEL;
	if (!origin_listed(ch, head->origin))
		return REFUSE_ORIGIN;
	if (head->token.len < 1 || head->token.len > TOKEN_MAX)
		return REFUSE_TOKEN_UNKNOWN;
	return EVP_Digest(head->token.p, head->token.len, r->token_hash, NULL, EVP_sha256(), NULL) == 1 ? REFUSE_NOTHING
																									: REFUSE_MEMORY;
}

/* Who brings it, and may they there?  False: it is refused. */
static bool
check_bringer(conn *c, const file_head *head)
{
	file_request *r = files_request(c);
	wc_str key = head->key.p != NULL ? head->key : c->head.api_key;
	const channel *ch = find_channel(c);
	refusal why;

	if (head->bad != NULL)
	{
		http_reply_refuse(c, REFUSE_FILE, head->bad);
		return false;
	}
	if (files_is_flood(c))
		why = REFUSE_FILES_MANY;
	else
		why = key.p != NULL ? check_key(c, r, key, ch) : check_token(r, head, ch);
	if (why == REFUSE_NOTHING)
		memcpy(r->channel, ch->id, 16);
	else
		http_reply_refuse(c, why, why == REFUSE_CHANNEL ? unknown_channel : NULL);
	return why == REFUSE_NOTHING;
}

/* A page asks whether it may (Fetch, CORS preflight): anybody may ask, and it is checked when it comes. */
static void
allow(conn *c)
{
	c->answer = http_response_empty();
	if (!c->answer.owned)
		return;
	http_response_open(c->answer.response);
	MHD_add_response_header(c->answer.response, "Access-Control-Allow-Methods", "GET, HEAD, POST, PATCH, DELETE");
	MHD_add_response_header(c->answer.response, "Access-Control-Allow-Headers",
							"X-Webchatt-Token, Authorization, Upload-Offset, Content-Type, Range");
	MHD_add_response_header(c->answer.response, "Access-Control-Max-Age", "7200");
}

void
file_upload_check_begin(conn *c, const char *method)
{
	file_head head;

	if (strcmp(method, "OPTIONS") == 0)
	{
		allow(c);
		return;
	}
	if (strcmp(method, "POST") != 0)
	{
		http_reply_refuse(c, REFUSE_METHOD_POST, NULL);
		return;
	}
	files_read_head(c, &head);
	if (check_bringer(c, &head))
		files_request(c)->act = WC_FILE_BEGIN;
}

/* The piece's memory. */
static void
take_room(files *f, file_request *r)
{
	conn *c = r->c;

	f->bodies += r->wants;
	r->room = r->wants;
	c->body = net_alloc(r->wants);
	c->body_len = 0;
	c->body_cap = r->wants;
	c->body_is_counted = true;
}

/* There is room for its piece, or it waits, unread. */
static void
check_room(conn *c)
{
	files *f = files_of(c);
	file_request *r = c->file;

	if (!proxies_trust(&c->client) &&
		(r->address = address_counts_take(f->bringing, &c->client, FILES_BROUGHT_ADDRESS)) == NULL)
	{
		http_reply_refuse(c, REFUSE_ADDRESS, NULL);
		return;
	}
	r->wants = c->head.has_length ? (size_t) c->head.length : WC_FILE_CHUNK;
	r->is_piece = true;
	metrics_now.pieces++;
	if (f->waiting.next == &f->waiting && f->bodies + r->wants <= FILES_BODIES)
	{
		take_room(f, r);
		return;
	}
	if (f->nwaiting >= FILES_WAITING)
	{
		http_reply_refuse(c, REFUSE_BEHIND, NULL);
		return;
	}
	f->nwaiting++;
	c->held_back = true;
	files_ring_add(&f->waiting, r);
	timeouts_set(&c->server->timeouts, &c->timeout, PHASE_WAIT, uv_now(f->loop));
	http_reply_suspend(c);
}

/* A piece says where it goes, and has neither too little nor too much. */
static void
check_piece(conn *c, const file_head *head)
{
	file_request *r = c->file;

	r->act = WC_FILE_PUT;
	r->offset = head->offset;
	if (!head->has_offset)
		http_reply_refuse(c, REFUSE_FILE, "A piece must say by Upload-Offset where it goes.");
	else if (c->head.expect_other || (!c->head.has_length && !c->head.chunked) ||
			 (c->head.has_length && c->head.length == 0))
		http_reply_refuse(c, REFUSE_FILE, "A piece must have at least one byte.");
	else
		check_room(c);
}

void
file_upload_check_file(conn *c, const char *method, const file_head *head)
{
	size_t len;
	const char *path = routes_path(c->asked != NULL ? c->asked : "", &len);
	file_request *r = files_request(c);

	if (strcmp(method, "OPTIONS") == 0)
		allow(c);
	else if (!file_head_id(path, len, FILES_PATH "/", r->id))
		http_reply_refuse(c, REFUSE_FILE_UNKNOWN, NULL);
	else if (strcmp(method, "PATCH") != 0 && strcmp(method, "DELETE") != 0 && strcmp(method, "HEAD") != 0)
		http_reply_refuse(c, REFUSE_METHOD_FILE, NULL);
	else if (check_bringer(c, head))
	{
		if (method[0] == 'P')
			check_piece(c, head);
		else
			r->act = method[0] == 'D' ? WC_FILE_DROP : WC_FILE_LOOK;
	}
}

/* --- to the worker ---------------------------------------------------------- */

static bool
hand_over(const file_request *r, uint64_t number, wc_file_call *m)
{
	corridor_io *io = r->c->server->corridor;

	m->request = files_number(r->c, number);
	m->act = r->act;
	memcpy(m->channel, r->channel, 16);
	m->key = r->key;
	memcpy(m->token_hash, r->token_hash, WC_HASH_SIZE);
	m->file = wc_str_from(r->id);
	if (!wc_write_file_call(corridor_io_out(io), m))
		return false;
	corridor_io_nudge(io);
	return true;
}

static uint64_t *
free_place(files *f)
{
	for (int i = 0; i < FILES_AT_WORKER; i++)
	{
		if (f->at_worker[i] == 0)
			return &f->at_worker[i];
	}
	return NULL;
}

/* The first piece that waits goes to the worker; its memory is free then. */
static void
hand_piece(files *f, uint64_t *place)
{
	file_request *r = f->pieces.next;
	wc_file_call m = {.offset = r->offset, .bytes = {r->piece, (uint32_t) r->piece_len}};

	files_ring_drop(r);
	if (r->offset == 0)
		m.type = wc_str_from(wc_file_type(r->piece, r->piece_len, false));
	/* what cannot be handed over is answered when its time is up */
	if (hand_over(r, r->c->number, &m))
		*place = files_number(r->c, r->c->number);
	free(r->piece);
	r->piece = NULL;
	f->bodies -= r->room;
	r->room = 0;
}

void
file_upload_go_on(files *f)
{
	uint64_t *place;
	file_request *r;

	while (f->pieces.next != &f->pieces && (place = free_place(f)) != NULL)
		hand_piece(f, place);
	while ((r = f->waiting.next) != &f->waiting && f->bodies + r->wants <= FILES_BODIES)
	{
		files_ring_drop(r);
		f->nwaiting--;
		r->c->held_back = false;
		take_room(f, r);
		http_reply_go_on(r->c, PHASE_BODY);
	}
}

/* Without a piece it goes at once. */
static void
ask(conn *c, wc_file_call *m, size_t len)
{
	http_server *d = c->server;
	uint64_t number = inflight_take(d->inflight, c, len, d->max_waiting);

	if (number == 0 || !hand_over(c->file, number, m))
	{
		inflight_give(d->inflight, number);
		http_reply_refuse(c, REFUSE_BEHIND, NULL);
	}
	else
		http_reply_wait(c, number);
}

/* The address pays for what it begins to bring. */
static bool
address_pays(conn *c, uint64_t size)
{
	files *f = files_of(c);
	uint64_t now = uv_now(f->loop);

	if (files_request(c)->key != 0 || proxies_trust(&c->client))
		return true;
	if (address_rate_wait(f->kb, &c->client, &f->kb_rate, now) > 0)
		return false;
	address_rate_take(f->kb, &c->client, &f->kb_rate, now, (uint32_t) ((size + 1023) / 1024));
	return true;
}

/* The size that is said, in bytes; 0: it is none.  Here all numbers are doubles. */
static uint64_t
size_in(const json_t *root)
{
	double size = json_number_value(json_object_get(root, "size"));

	return size >= 1 && size <= 9007199254740992.0 && size == (double) (uint64_t) size ? (uint64_t) size : 0;
}

static void
handle_begin(conn *c, const json_t *root)
{
	files *f = files_of(c);
	file_request *r = c->file;
	const json_t *name = json_object_get(root, "name");
	uint64_t size = size_in(root);
	char clean[WC_MAX_FILE_NAME + 1];
	wc_file_call m = {.size = 0};

	if (!json_is_string(name) || json_string_length(name) > 4096)
		http_reply_refuse(c, REFUSE_FILE, "The \"name\" must be a string.");
	else if (size == 0)
		http_reply_refuse(c, REFUSE_FILE, "The \"size\" must be a whole number of bytes, at least 1.");
	else if (size > f->max_size)
		http_reply_refuse(c, REFUSE_FILE_LARGE, NULL);
	else if (!address_pays(c, size))
		http_reply_refuse(c, REFUSE_FILES_MANY, NULL);
	else if (!chance_text(r->id))
		http_reply_refuse(c, REFUSE_MEMORY, NULL);
	else
	{
		file_name_clean(json_string_value(name), json_string_length(name), clean);
		m.name = wc_str_from(clean);
		m.size = size;
		ask(c, &m, sizeof(*r));
	}
}

static void
begin(conn *c, const char *body, size_t len)
{
	char reason[WC_REASON_SIZE] = "";
	json_t *root = json_load_body(body, len, reason);

	if (!json_is_object(root))
		http_reply_refuse(c, REFUSE_FILE, reason[0] != '\0' ? reason : "The body must be a JSON object.");
	else
		handle_begin(c, root);
	json_decref(root);
}

/* A whole piece waits for its turn; its memory is ours from here. */
static void
put(conn *c, const char *body, size_t len)
{
	files *f = files_of(c);
	file_request *r = c->file;
	uint64_t number = inflight_take(c->server->inflight, c, 0, c->server->max_waiting);

	if (number == 0 || len == 0)
	{
		inflight_give(c->server->inflight, number);
		http_reply_refuse(c, len == 0 ? REFUSE_FILE : REFUSE_BEHIND, NULL);
		return;
	}
	if (body != c->body)
		memcpy(c->body, body, len);
	r->piece = c->body;
	r->piece_len = len;
	c->body = NULL;
	c->body_len = c->body_cap = 0;
	c->body_is_counted = false;
	http_reply_wait(c, number);
	files_ring_add(&f->pieces, r);
	file_upload_go_on(f);
}

void
file_upload_handle(conn *c, const char *body, size_t len)
{
	file_request *r = c->file;
	refusal why = http_reply_blocked(c);
	wc_file_call m = {.size = 0};

	if (why == REFUSE_BEHIND && r->act == WC_FILE_PUT)
		why = REFUSE_NOTHING; /* it waits anyway */
	if (why != REFUSE_NOTHING)
		http_reply_refuse(c, why, NULL);
	else if (r->act == WC_FILE_BEGIN)
		begin(c, body, len);
	else if (r->act == WC_FILE_PUT)
		put(c, body, len);
	else
		ask(c, &m, 0);
}

/* --- from the worker -------------------------------------------------------- */

static refusal
refusal_of(uint8_t result)
{
	switch (result)
	{
		case WC_FILE_OFFSET:
			return REFUSE_FILE_OFFSET;
		case WC_FILE_NO_VISITOR:
			return REFUSE_TOKEN_UNKNOWN;
		case WC_FILE_NOT_FOUND:
			return REFUSE_FILE_UNKNOWN;
		case WC_FILE_IN_USE:
			return REFUSE_FILE_IN_USE;
		case WC_FILE_TYPE:
			return REFUSE_FILE_TYPE;
		case WC_FILE_FULL:
			return REFUSE_FILES_FULL;
		case WC_FILE_MANY:
			return REFUSE_FILES_MANY;
		case WC_FILE_NO_CHANNEL:
			return REFUSE_CHANNEL;
		default:
			return REFUSE_BUSY;
	}
}

static void
say_number(conn *c, const char *header, uint64_t n)
{
	char text[24];

	snprintf(text, sizeof(text), "%llu", (unsigned long long) n);
	if (c->answer.owned)
		MHD_add_response_header(c->answer.response, header, text);
}

static json_t *
url_of(const char *id, wc_str name)
{
	char in_url[FILE_NAME_URL_SIZE];

	file_name_in_url(name, in_url);
	return json_sprintf("%s" FILES_PATH "/%s/%s", public_url_get(), id, in_url);
}

/* An answer with a body; takes the object over. */
static void
say(conn *c, unsigned status, json_t *object)
{
	char *text = object != NULL ? json_dumps(object, JSON_COMPACT | JSON_PRESERVE_ORDER) : NULL;

	json_decref(object);
	c->answer = text != NULL ? http_response_text(text, strlen(text), "application/json")
							 : http_response_refusal(REFUSE_NOTHING);
	if (!c->answer.owned)
		return;
	c->answer.status = status;
	http_response_open(c->answer.response);
	MHD_add_response_header(c->answer.response, "Cache-Control", "no-store");
}

static void
say_nothing(conn *c, unsigned status)
{
	c->answer = http_response_empty();
	if (!c->answer.owned)
		return;
	c->answer.status = status;
	http_response_open(c->answer.response);
	MHD_add_response_header(c->answer.response, "Cache-Control", "no-store");
}

static void
answer(conn *c, const wc_file_done *done)
{
	file_request *r = c->file;
	files *f = files_of(c);

	if (r->act == WC_FILE_BEGIN)
		say(c, 201,
			json_pack("{s:s, s:o, s:i, s:I, s:I}", "id", r->id, "url", url_of(r->id, done->name), "offset", 0, "chunk",
					  (json_int_t) WC_FILE_CHUNK, "maxSize", (json_int_t) f->max_size));
	else if (r->act == WC_FILE_PUT && done->at == done->size)
		say(c, 200,
			json_pack("{s:o, s:s%, s:I, s:s%}", "url", url_of(r->id, done->name), "type", done->type.p,
					  (size_t) done->type.len, "size", (json_int_t) done->size, "name", done->name.p,
					  (size_t) done->name.len));
	else
		say_nothing(c, r->act == WC_FILE_LOOK ? 200 : 204);
	if (r->act != WC_FILE_DROP)
		say_number(c, "Upload-Offset", done->at);
	if (r->act == WC_FILE_LOOK)
		say_number(c, "Upload-Length", done->size);
}

static void
count(const file_request *r, const wc_file_done *done)
{
	if (r->act == WC_FILE_BEGIN)
		metrics_now.files_begun++;
	else if (r->act == WC_FILE_DROP)
		metrics_now.files_dropped++;
	else if (r->act == WC_FILE_PUT)
	{
		metrics_now.file_bytes[0] += r->piece_len;
		metrics_now.files_stored += done->at == done->size;
	}
}

void
file_upload_done(files *f, const wc_file_done *done)
{
	conn *c = files_find(f, done->request);

	for (int i = 0; i < FILES_AT_WORKER; i++)
	{
		if (f->at_worker[i] == done->request)
			f->at_worker[i] = 0;
	}
	if (c != NULL)
	{
		if (done->result == WC_FILE_DONE)
		{
			count(c->file, done);
			answer(c, done);
		}
		else
			http_reply_refuse(c, refusal_of(done->result), done->result == WC_FILE_NO_CHANNEL ? unknown_channel : NULL);
		if (done->result == WC_FILE_OFFSET)
			say_number(c, "Upload-Offset", done->at);
		http_reply_resume(c);
	}
	file_upload_go_on(f);
}
