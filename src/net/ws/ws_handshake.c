/*
 * ws_handshake.c
 */
#include "ws/ws_handshake.h"

#include <openssl/evp.h>
#include <string.h>

#include "base/text.h"

/* RFC 6455 §1.3 */
#define GUID "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"

#define ARGUMENT "webChatId"

void
ws_handshake_argument(ws_handshake *head, const char *name, size_t name_len, const char *value, size_t value_len)
{
	if (name_len != sizeof(ARGUMENT) - 1 || memcmp(name, ARGUMENT, name_len) != 0)
		return;
	/* Two keys are none: nobody can say which one counts. */
	head->public_key = (wc_str){NULL, 0};
	if (!head->has_public_key && value_len > 0 && value_len <= WS_KEY_MAX &&
		text_is_of(value, value_len, TEXT_BASE64URL))
		head->public_key = (wc_str){value, value_len};
	head->has_public_key = true;
}

/* The arguments of a target's query. */
static void
read_query(ws_handshake *head, const char *target, size_t len)
{
	const char *p = memchr(target, '?', len);
	const char *end = target + len;

	while (p != NULL)
	{
		const char *item = p + 1;
		const char *stop;
		const char *equals;

		p = memchr(item, '&', (size_t) (end - item));
		stop = p ? p : end;
		equals = memchr(item, '=', (size_t) (stop - item));
		if (equals != NULL)
			ws_handshake_argument(head, item, (size_t) (equals - item), equals + 1, (size_t) (stop - equals - 1));
	}
}

/* 16 bytes in base64: 22 characters, of the last of which two bits count, and "==". */
static bool
is_nonce(wc_str s)
{
	return s.len == 24 && s.p[22] == '=' && s.p[23] == '=' && memchr("AQgw", s.p[21], 4) != NULL &&
		   text_is_of(s.p, 22, TEXT_BASE64);
}

/* The sub-protocol of the path. */
static const char *
protocol_of(const ws_handshake *head)
{
	return head->desk ? WS_DESK_PROTOCOL : head->link ? WS_LINK_PROTOCOL : WS_PROTOCOL;
}

void
ws_handshake_field(ws_handshake *head, const char *name, size_t name_len, const char *value, size_t value_len)
{
	wc_str field = {name, (uint32_t) name_len};
	wc_str given = text_trim(value, value_len);

	http_head_field(&head->facts, name, name_len, value, value_len);
	if (text_is(field, "Upgrade"))
		head->upgrade |= text_list_has(given, "websocket", true);
	else if (text_is(field, "Connection"))
		head->connection |= text_list_has(given, "upgrade", true);
	else if (text_is(field, "Sec-WebSocket-Version"))
	{
		if (head->has_version)
			head->facts.bad = "The request has more than one Sec-WebSocket-Version; send one.";
		head->has_version = true;
		head->version = wc_str_equals(given, "13");
	}
	else if (text_is(field, "Sec-WebSocket-Key"))
	{
		if (head->key.p != NULL)
			head->facts.bad = "The request has more than one Sec-WebSocket-Key; send one.";
		head->key = given;
	}
	else if (text_is(field, "Sec-WebSocket-Protocol"))
		head->protocol |= text_list_has(given, protocol_of(head), false);
	else if (text_is(field, "Origin"))
	{
		if (head->origin.p != NULL)
			head->facts.bad = "The request has more than one Origin; send one.";
		head->origin = given;
	}
}

refusal
ws_handshake_end(ws_handshake *head, const char *version, const char **why)
{
	*why = NULL;
	http_head_end(&head->facts, version);
	if (head->facts.bad == NULL && strcmp(version, "HTTP/1.1") != 0)
		head->facts.bad = "A WebSocket is opened by HTTP/1.1.";
	if (head->facts.bad == NULL && (head->facts.chunked || head->facts.length != 0))
		head->facts.bad = "A request that opens a WebSocket has no body.";
	if (head->facts.bad != NULL)
	{
		*why = head->facts.bad;
		return REFUSE_HEAD;
	}
	if (!head->upgrade || !head->connection)
		return REFUSE_UPGRADE;
	if (!head->version)
		return REFUSE_WS_VERSION;
	if (head->key.p == NULL || !is_nonce(head->key))
	{
		*why = "Sec-WebSocket-Key must be 16 bytes in base64.";
		return REFUSE_HEAD;
	}
	if (!head->protocol && head->link)
		*why = "The sub-protocol must be " WS_LINK_PROTOCOL "; send it in Sec-WebSocket-Protocol.";
	if (!head->protocol && head->desk)
		*why = "The sub-protocol must be " WS_DESK_PROTOCOL "; send it in Sec-WebSocket-Protocol.";
	return head->protocol ? REFUSE_NOTHING : REFUSE_WS_PROTOCOL;
}

ws_handshake_state
ws_handshake_scan(const char *data, size_t len, size_t most, size_t from, size_t *used, const char **why)
{
	size_t i;

	for (i = from; i < len && i < most; i++)
	{
		if (data[i] == '\0')
			*why = "The head holds a NUL.";
		else if (data[i] == '\n' && (i == 0 || data[i - 1] != '\r'))
			*why = "A line of the head does not end in CR LF.";
		else if (i > 0 && data[i - 1] == '\r' && data[i] != '\n')
			*why = "The head holds a CR that ends no line.";
		else if ((data[i] == ' ' || data[i] == '\t') && i > 0 && data[i - 1] == '\n')
			*why = "The head holds a folded line.";
		else
		{
			if (data[i] == '\n' && i >= 3 && data[i - 2] == '\n')
			{
				*used = i + 1;
				return WS_HEAD_WHOLE;
			}
			continue;
		}
		return WS_HEAD_BROKEN;
	}
	return len < most ? WS_HEAD_MORE : WS_HEAD_LARGE;
}

/* The first line: GET, a target of visible characters, a version. */
static bool
read_first_line(ws_handshake *head, const char *line, size_t len, char version[16])
{
	const char *target = line + 4;
	const char *blank;
	size_t version_len;
	size_t i;

	if (len < 4 || memcmp(line, "GET ", 4) != 0)
		return false;
	blank = memchr(target, ' ', len - 4);
	if (blank == NULL || blank == target)
		return false;
	for (i = 0; target + i < blank; i++)
	{
		if ((unsigned char) target[i] <= 0x20 || (unsigned char) target[i] == 0x7f)
			return false;
	}
	version_len = len - (size_t) (blank + 1 - line);
	if (version_len != 8 || memchr(blank + 1, ' ', version_len) != NULL)
		return false;
	memcpy(version, blank + 1, version_len);
	version[version_len] = '\0';
	read_query(head, target, (size_t) (blank - target));
	return true;
}

bool
ws_handshake_next(const char **at, const char *end, ws_handshake_line *line)
{
	const char *start = *at;
	const char *stop = start < end ? memchr(start, '\r', (size_t) (end - start)) : NULL;
	const char *colon;

	if (stop == NULL)
		return false;
	colon = memchr(start, ':', (size_t) (stop - start));
	line->text = (wc_str){start, (uint32_t) (stop - start)};
	line->name = line->value = (wc_str){NULL, 0};
	if (colon != NULL)
	{
		line->name = (wc_str){start, (uint32_t) (colon - start)};
		line->value = (wc_str){colon + 1, (uint32_t) (stop - colon - 1)};
	}
	*at = stop + 2;
	return true;
}

refusal
ws_handshake_read(ws_handshake *head, const char *data, size_t len, const char **why)
{
	const char *at = data;
	ws_handshake_line line;
	char version[16] = "";

	while (ws_handshake_next(&at, data + len - 2, &line)) /* the empty line */
	{
		if (line.text.p == data)
		{
			if (!read_first_line(head, line.text.p, line.text.len, version))
				head->facts.bad =
					"The request's first line must be a method, a target and a version with one blank between them.";
		}
		else if (line.name.p == NULL)
			head->facts.bad = "A header without a colon; remove it.";
		else
			ws_handshake_field(head, line.name.p, line.name.len, line.value.p, line.value.len);
	}
	return ws_handshake_end(head, version, why);
}

bool
ws_handshake_accept(wc_str key, char out[WS_ACCEPT_SIZE])
{
	char text[24 + sizeof(GUID)];
	unsigned char hash[EVP_MAX_MD_SIZE];
	unsigned len = 0;

	memcpy(text, key.p, 24);
	memcpy(text + 24, GUID, sizeof(GUID));
	if (EVP_Digest(text, 24 + sizeof(GUID) - 1, hash, &len, EVP_sha1(), NULL) != 1 || len != 20)
		return false;
	return EVP_EncodeBlock((unsigned char *) out, hash, (int) len) == WS_ACCEPT_SIZE - 1;
}
