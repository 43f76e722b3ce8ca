/*
 * visitor_scan.c
 *	  Whatever is not as the widget writes it is left to jansson: so each refusal
 *	  is worded in one place, visitor_frame.c.
 */
#include "visitors/visitor_scan.h"

#include <string.h>

#include "base/json_scan.h"
#include "common/event_rules.h"
#include "common/reply_rules.h"

/* A text content as visitor_content() builds it: what stands in front of the text's string; behind it is a brace. */
static const char content_head[] = "{\"type\":\"text\",\"text\":";

/* A quoted UUID. */
#define QUOTED_UUID 38u

/* What the frame has, in whatever order. */
typedef struct found
{
	wc_str type;
	wc_str id;
	wc_str content; /* an object */
	wc_str ids;		/* an array */
} found;

static bool
find_member(const json_scan_member *m, found *f)
{
	if (wc_str_equals(m->name, "type"))
		return json_scan_string(m, &f->type);
	if (wc_str_equals(m->name, "id"))
		return json_scan_string(m, &f->id);
	if (wc_str_equals(m->name, "content") && m->value.p[0] == '{')
		f->content = m->value;
	else if (wc_str_equals(m->name, "ids") && m->value.p[0] == '[')
		f->ids = m->value;
	else
		return false;
	return true;
}

/*
 * Is a string with its quotes what jansson would write of it?  Of the escapes it
 * writes those of one letter, and no slash.  And does it say something?
 */
static bool
is_plain_text(const json_scan_member *m)
{
	const char *p = m->value.p + 1;
	const char *end = m->value.p + m->value.len - 1;
	bool said = false;

	if (m->value.p[0] != '"')
		return false;
	while (p < end)
	{
		const char *escape = m->escaped ? memchr(p, '\\', (size_t) (end - p)) : NULL;
		const char *to = escape ? escape : end;

		said = said || !wc_text_is_blank(p, (size_t) (to - p));
		if (escape != NULL && (escape[1] == '/' || escape[1] == 'u'))
			return false;
		p = escape ? escape + 2 : end;
	}
	return said;
}

static bool
take_text(const found *f, visitor_frame *frame)
{
	static const size_t head = sizeof(content_head) - 1;
	json_scan_member members[2];

	if (f->ids.p != NULL || f->id.p == NULL || f->content.p == NULL || f->content.len <= head ||
		memcmp(f->content.p, content_head, head) != 0 ||
		json_scan_object(f->content.p, f->content.len, members, 2) != 2 || !is_plain_text(&members[1]) ||
		f->content.len != head + members[1].value.len + 1 || !visitor_frame_take_id(f->id.p, f->id.len, frame))
		return false;
	frame->type = VISITOR_MESSAGE;
	frame->content = f->content;
	return true;
}

/* An array without blanks. */
static bool
take_receipts(const found *f, visitor_frame_type type, visitor_frame *frame)
{
	size_t n = f->ids.len / (QUOTED_UUID + 1);
	size_t i;

	if (f->id.p != NULL || f->content.p != NULL || f->ids.p == NULL || n < 1 || n > VISITOR_MAX_IDS ||
		f->ids.len != n * (QUOTED_UUID + 1) + 1)
		return false;
	for (i = 0; i < n; i++)
	{
		const char *at = f->ids.p + i * (QUOTED_UUID + 1);

		if (at[0] != (i == 0 ? '[' : ',') || at[1] != '"' || !wc_uuid_parse(at + 2, 36, frame->ids[i]))
			return false;
	}
	frame->type = type;
	frame->nids = (int) n;
	return true;
}

bool
visitor_scan(const char *text, size_t len, visitor_frame *frame)
{
	json_scan_member members[3];
	found f = {{NULL, 0}, {NULL, 0}, {NULL, 0}, {NULL, 0}};
	int n = json_scan_object(text, len, members, 3);
	int i;

	for (i = 0; i < n; i++)
	{
		if (!find_member(&members[i], &f))
			return false;
	}
	if (f.type.p == NULL)
		return false;
	if (wc_str_equals(f.type, "message"))
		return take_text(&f, frame);
	if (wc_str_equals(f.type, "delivered"))
		return take_receipts(&f, VISITOR_DELIVERED, frame);
	if (wc_str_equals(f.type, "read"))
		return take_receipts(&f, VISITOR_READ, frame);
	if (n == 1 && wc_str_equals(f.type, "typing"))
		frame->type = VISITOR_TYPING;
	else if (n == 1 && wc_str_equals(f.type, "ping"))
		frame->type = VISITOR_PING;
	else
		return false;
	return true;
}

visitor_frame_verdict
visitor_scan_parse(const char *text, size_t len, visitor_frame *frame)
{
	memset(frame, 0, offsetof(visitor_frame, ids));
	return visitor_scan(text, len, frame) ? VISITOR_GOOD : visitor_frame_parse(text, len, frame);
}
