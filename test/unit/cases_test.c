/*
 * cases_test.c
 *	  test/cases/events.jsonl through the HTTP server's rules without a server: the
 *	  signature, then the body.  The tests of the HTTP server and of
 *	  webchatt.ingest() run the same table; here it runs under the sanitizers.
 */
#include <regex.h>
#include <stdlib.h>
#include <string.h>

#include "inbound/event_scan.h"
#include "common/signature.h"
#include "tap.h"

#define NOW		  INT64_C(1700000000)
#define TOLERANCE 300
#define MAX_BODY  65536

static const char channel_text[] = "6cbd6789-1d2b-47e0-9391-5eb91d2839ea";
static const wc_secret secrets[] = {{{"current", 7}, 0}, {{"old", 3}, NOW + 60}, {{"expired", 7}, NOW - 60}};

/* A body with its placeholders replaced. */
typedef struct filled
{
	char bytes[MAX_BODY + 1];
	size_t len;
} filled;

static const char *
text(json_t *line, const char *key)
{
	const char *s = json_string_value(json_object_get(line, key));

	return s ? s : "";
}

static void
add(filled *body, const char *bytes, size_t n)
{
	if (n > sizeof(body->bytes) - body->len)
		n = sizeof(body->bytes) - body->len;
	memcpy(body->bytes + body->len, bytes, n);
	body->len += n;
}

static size_t
decode_base64(const char *s, char *out, size_t size)
{
	static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	uint32_t bits = 0;
	int n = 0;
	size_t len = 0;

	for (; *s != '\0' && *s != '=' && len < size; s++)
	{
		bits = bits << 6 | (uint32_t) (strchr(letters, *s) - letters);
		n += 6;
		if (n >= 8)
			out[len++] = (char) (bits >> (n -= 8));
	}
	return len;
}

/* How many letters make the body as long as the case wants it. */
static size_t
filling(json_t *line, size_t len)
{
	size_t rest = len - strlen("@CHANNEL@") + 36 - strlen("@FILL@");

	return MAX_BODY - rest + (strcmp(text(line, "size"), "over") == 0);
}

static void
fill(json_t *line, filled *body)
{
	static char raw[MAX_BODY];
	size_t len;
	size_t i;

	if (json_object_get(line, "body_base64") != NULL)
		len = decode_base64(text(line, "body_base64"), raw, sizeof(raw));
	else
	{
		len = strlen(text(line, "body"));
		memcpy(raw, text(line, "body"), len);
	}
	body->len = 0;
	for (i = 0; i < len; i++)
	{
		if (len - i >= 9 && memcmp(raw + i, "@CHANNEL@", 9) == 0)
		{
			add(body, channel_text, 36);
			i += 8;
		}
		else if (len - i >= 6 && memcmp(raw + i, "@FILL@", 6) == 0)
		{
			for (size_t n = filling(line, len); n > 0; n--)
				add(body, "a", 1);
			i += 5;
		}
		else
			add(body, raw + i, 1);
	}
}

/* The header that the case asks for; NULL for none. */
static const char *
header(const char *sign, const filled *body)
{
	static char value[128];
	const char *secret = strcmp(sign, "old_secret") == 0	   ? "old"
						 : strcmp(sign, "expired_secret") == 0 ? "expired"
						 : strcmp(sign, "wrong") == 0		   ? "another"
															   : "current";
	const char *t = strcmp(sign, "stale") == 0 ? "1699999000" : "1700000000";
	uint8_t mac[32];
	int n = snprintf(value, sizeof(value), "t=%s,v1=", t);

	if (strcmp(sign, "none") == 0)
		return NULL;
	if (strcmp(sign, "malformed") == 0)
		return "v1=abc";
	wc_signature_make(secret, strlen(secret), t, body->bytes, body->len, mac);
	for (int i = 0; i < 32; i++)
		n += snprintf(value + n, sizeof(value) - (size_t) n, "%02x", mac[i]);
	return value;
}

static bool
matches(const char *pattern, const char *s)
{
	regex_t compiled;
	bool found;

	if (regcomp(&compiled, pattern, REG_EXTENDED | REG_NOSUB) != 0)
		return false;
	found = regexec(&compiled, s, 0, NULL, 0) == 0;
	regfree(&compiled);
	return found;
}

/* What the event says that was stored is what the case expects. */
static bool
stored_right(json_t *line, const wc_event *event)
{
	const char *code = json_string_value(json_object_get(line, "error_code"));

	return strcmp(text(line, "stored"), event->kind == WC_EVENT_MESSAGE ? "message" : "status") == 0 &&
		   wc_str_equals(event->message_id, text(line, "message_id")) &&
		   (code == NULL || wc_str_equals(event->error_code, code));
}

static void
run_case(json_t *line)
{
	static filled body;
	char reason[WC_REASON_SIZE] = "";
	uint8_t channel[16];
	int status = 200;
	bool right = true;
	const char *value;
	char *exact;
	wc_event event;
	event_json keep;
	wc_signature_verdict verdict;

	wc_uuid_parse(channel_text, 36, channel);
	fill(line, &body);
	value = header(text(line, "sign"), &body);
	verdict =
		wc_signature_verify(secrets, 3, false, value, value ? strlen(value) : 0, body.bytes, body.len, NOW, TOLERANCE);
	/* memory of its own, so that a read beyond the body is seen */
	exact = malloc(body.len ? body.len : 1);
	memcpy(exact, body.bytes, body.len);
	if (body.len > MAX_BODY)
		status = 413;
	else if (verdict != WC_SIG_GOOD)
	{
		status = 401;
		snprintf(reason, sizeof(reason), "%s", wc_signature_reason(verdict));
	}
	else if (event_scan_parse(exact, body.len, channel, &event, &keep, reason))
	{
		right = stored_right(line, &event);
		event_json_free(&keep);
	}
	else if (wc_event_is_anothers(&event, channel))
		status = 400;
	else
		right = strcmp(text(line, "stored"), "reject") == 0;
	free(exact);
	right &= status == json_integer_value(json_object_get(line, "door"));
	right &= (status == 200) == json_is_string(json_object_get(line, "stored"));
	if (json_is_string(json_object_get(line, "reason")))
		right &= matches(text(line, "reason"), reason);
	if (!ok(right, "%s", text(line, "name")))
		printf("#   got %d %s\n", status, reason);
}

int
main(int argc, char **argv)
{
	FILE *file = fopen(argc > 1 ? argv[1] : CASES "events.jsonl", "r");
	char *line = NULL;
	size_t size = 0;
	ssize_t len;

	if (!ok(file != NULL, "the table can be read"))
		return tap_done();
	while ((len = getline(&line, &size, file)) > 0)
	{
		json_t *parsed = json_loadb(line, (size_t) len, JSON_REJECT_DUPLICATES, NULL);

		if (parsed == NULL)
			ok(false, "a line of the table is JSON: %.60s", line);
		else
			run_case(parsed);
		json_decref(parsed);
	}
	free(line);
	fclose(file);
	ok(tap_points > 60, "the table has more than 60 cases");
	return tap_done();
}
