/*
 * ws_handshake.c
 */
#include "ws/ws_handshake.h"

#include <openssl/evp.h>
#include <string.h>
#include <strings.h>

/* RFC 6455 §1.3 */
#define GUID "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"

#define ARGUMENT "webChatId"

static bool
is_public_key(const char *s, size_t len)
{
	size_t i;

	if (len == 0 || len > WS_KEY_MAX)
		return false;
	for (i = 0; i < len; i++)
	{
		char c = s[i];

		if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_'))
			return false;
	}
	return true;
}

void
ws_handshake_argument(ws_handshake *head, const char *name, size_t name_len, const char *value, size_t value_len)
{
	if (name_len != sizeof(ARGUMENT) - 1 || memcmp(name, ARGUMENT, name_len) != 0)
		return;
	/* Two keys are none: nobody can say which one counts. */
	head->public_key = (head_value){NULL, 0};
	if (!head->has_public_key && is_public_key(value, value_len))
		head->public_key = (head_value){value, value_len};
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

/* Is the word in a comma-separated list? */
static bool
list_has(const char *list, size_t len, const char *word, bool any_case)
{
	size_t n = strlen(word);

	while (len > 0)
	{
		const char *comma = memchr(list, ',', len);
		const char *item = list;
		size_t item_len = comma ? (size_t) (comma - list) : len;

		len -= item_len + (comma ? 1 : 0);
		list += item_len + (comma ? 1 : 0);
		while (item_len > 0 && (*item == ' ' || *item == '\t'))
		{
			item++;
			item_len--;
		}
		while (item_len > 0 && (item[item_len - 1] == ' ' || item[item_len - 1] == '\t'))
			item_len--;
		if (item_len == n && (any_case ? strncasecmp(item, word, n) : memcmp(item, word, n)) == 0)
			return true;
	}
	return false;
}

/* 16 bytes in base64: 22 characters, of the last of which two bits count, and "==". */
static bool
is_nonce(const char *s, size_t len)
{
	size_t i;

	if (len != 24 || s[22] != '=' || s[23] != '=' || memchr("AQgw", s[21], 4) == NULL)
		return false;
	for (i = 0; i < 22; i++)
	{
		if (!((s[i] >= 'a' && s[i] <= 'z') || (s[i] >= 'A' && s[i] <= 'Z') || (s[i] >= '0' && s[i] <= '9') ||
			  s[i] == '+' || s[i] == '/'))
			return false;
	}
	return true;
}

static bool
is(const char *name, size_t len, const char *known, size_t known_len)
{
	return len == known_len && strncasecmp(name, known, known_len) == 0;
}

#define IS(known) is(name, name_len, known, sizeof(known) - 1)

void
ws_handshake_field(ws_handshake *head, const char *name, size_t name_len, const char *value, size_t value_len)
{
	http_head_field(&head->facts, name, name_len, value, value_len);
	while (value_len > 0 && (value[value_len - 1] == ' ' || value[value_len - 1] == '\t'))
		value_len--;
	if (IS("Upgrade"))
		head->upgrade |= list_has(value, value_len, "websocket", true);
	else if (IS("Connection"))
		head->connection |= list_has(value, value_len, "upgrade", true);
	else if (IS("Sec-WebSocket-Version"))
	{
		if (head->has_version)
			head->facts.bad = "The request has more than one Sec-WebSocket-Version; send one.";
		head->has_version = true;
		head->version = value_len == 2 && memcmp(value, "13", 2) == 0;
	}
	else if (IS("Sec-WebSocket-Key"))
	{
		if (head->key.p != NULL)
			head->facts.bad = "The request has more than one Sec-WebSocket-Key; send one.";
		head->key = (head_value){value, value_len};
	}
	else if (IS("Sec-WebSocket-Protocol"))
		head->protocol |= list_has(value, value_len, head->link ? WS_LINK_PROTOCOL : WS_PROTOCOL, false);
	else if (IS("Origin"))
	{
		if (head->origin.p != NULL)
			head->facts.bad = "The request has more than one Origin; send one.";
		head->origin = (head_value){value, value_len};
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
	if (head->key.p == NULL || !is_nonce(head->key.p, head->key.len))
	{
		*why = "Sec-WebSocket-Key must be 16 bytes in base64.";
		return REFUSE_HEAD;
	}
	if (!head->protocol && head->link)
		*why = "The sub-protocol must be " WS_LINK_PROTOCOL "; send it in Sec-WebSocket-Protocol.";
	return head->protocol ? REFUSE_NOTHING : REFUSE_WS_PROTOCOL;
}

ws_handshake_state
ws_handshake_scan(const char *data, size_t len, size_t from, size_t *used, const char **why)
{
	size_t i;

	for (i = from; i < len; i++)
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
	if (len < WS_HEAD_MAX)
		return WS_HEAD_MORE;
	*why = "The request's head is longer than 8192 bytes.";
	return WS_HEAD_BROKEN;
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

refusal
ws_handshake_read(ws_handshake *head, const char *data, size_t len, const char **why)
{
	const char *end = data + len - 2; /* the empty line */
	const char *line = data;
	char version[16] = "";

	while (line < end)
	{
		const char *stop = memchr(line, '\r', (size_t) (end - line));
		const char *colon;
		const char *value;

		if (stop == NULL)
			break;
		colon = memchr(line, ':', (size_t) (stop - line));
		if (line == data)
		{
			if (!read_first_line(head, line, (size_t) (stop - line), version))
				head->facts.bad =
					"The request's first line must be a method, a target and a version with one blank between them.";
		}
		else if (colon == NULL)
			head->facts.bad = "A header without a colon; remove it.";
		else
		{
			for (value = colon + 1; value < stop && (*value == ' ' || *value == '\t'); value++)
				;
			ws_handshake_field(head, line, (size_t) (colon - line), value, (size_t) (stop - value));
		}
		line = stop + 2;
	}
	return ws_handshake_end(head, version, why);
}

bool
ws_handshake_accept(head_value key, char out[WS_ACCEPT_SIZE])
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
