/*
 * link_frame.c
 *	  By hand, because the event must reach the worker byte for byte: a parser that
 *	  reads it into a tree would have to write its numbers anew.
 */
#include "hubs/link_frame.h"

#include <string.h>

#include "base/text.h"
#include "common/json_text.h"

typedef struct scan
{
	const char *p;
	const char *end;
} scan;

/* A member of the frame: its name as it is written, and its value. */
typedef struct member
{
	wc_str name;
	wc_str value;
} member;

static void
skip_space(scan *s)
{
	while (s->p < s->end && wc_json_is_blank(*s->p))
		s->p++;
}

static bool
take(scan *s, char c)
{
	skip_space(s);
	if (s->p == s->end || *s->p != c)
		return false;
	s->p++;
	return true;
}

/* Behind the string that begins here. */
static bool
skip_string(scan *s)
{
	if (s->p == s->end || *s->p != '"')
		return false;
	for (s->p++; s->p < s->end; s->p++)
	{
		if ((unsigned char) *s->p < 0x20)
			return false;
		if (*s->p == '"')
		{
			s->p++;
			return true;
		}
		if (*s->p == '\\')
		{
			if (++s->p == s->end)
				return false;
		}
	}
	return false;
}

/* Behind the array or object that begins here, however deep it is. */
static bool
skip_nested(scan *s)
{
	size_t depth = 0;

	while (s->p < s->end)
	{
		if (*s->p == '"')
		{
			if (!skip_string(s))
				return false;
			continue;
		}
		if (*s->p == '{' || *s->p == '[')
			depth++;
		else if (*s->p == '}' || *s->p == ']')
			depth--;
		s->p++;
		if (depth == 0)
			return true;
	}
	return false;
}

/* Behind a number, true, false or null. */
static bool
skip_word(scan *s)
{
	const char *begin = s->p;

	while (s->p < s->end && ((*s->p >= '0' && *s->p <= '9') || (*s->p >= 'a' && *s->p <= 'z') || *s->p == 'E' ||
							 *s->p == '+' || *s->p == '-' || *s->p == '.'))
		s->p++;
	return s->p > begin;
}

static bool
take_member(scan *s, member *m)
{
	const char *begin;

	skip_space(s);
	begin = s->p;
	if (!skip_string(s))
		return false;
	m->name = (wc_str){begin + 1, (uint32_t) (s->p - begin - 2)};
	if (!take(s, ':'))
		return false;
	skip_space(s);
	begin = s->p;
	if (s->p == s->end)
		return false;
	if (!(*s->p == '"' ? skip_string(s) : *s->p == '{' || *s->p == '[' ? skip_nested(s) : skip_word(s)))
		return false;
	m->value = (wc_str){begin, (uint32_t) (s->p - begin)};
	return true;
}

/* A whole number from least to INT64_MAX. */
static bool
read_number(wc_str value, uint64_t least, uint64_t *out)
{
	if (value.len > 1 && value.p[0] == '0')
		return false;
	return text_number(value.p, value.len, INT64_MAX, out) && *out >= least;
}

/* The members that we know, by their place in what read_members() fills. */
enum
{
	M_TYPE,
	M_ACKNOWLEDGED,
	M_LOST,
	M_HEARTBEAT,
	M_SEQ,
	M_EVENT,
	M_COUNT
};

static const char *const names[M_COUNT] = {"type", "acknowledged", "lost", "heartbeat", "seq", "event"};

/* False: no object, or one of ours comes twice. */
static bool
read_members(const char *text, size_t len, wc_str values[M_COUNT])
{
	scan s = {text, text + len};
	member m;
	int i;

	if (!take(&s, '{'))
		return false;
	do
	{
		if (!take_member(&s, &m))
			return false;
		for (i = 0; i < M_COUNT; i++)
		{
			if (!wc_str_equals(m.name, names[i]))
				continue;
			if (values[i].p != NULL)
				return false;
			values[i] = m.value;
		}
	} while (take(&s, ','));
	if (!take(&s, '}'))
		return false;
	skip_space(&s);
	return s.p == s.end;
}

static bool
read_welcome(const wc_str values[M_COUNT], link_frame *frame, const char **why)
{
	wc_str heartbeat = values[M_HEARTBEAT];
	const char *point;

	/* a fraction of a second makes no difference */
	if (heartbeat.len > 0 && (point = memchr(heartbeat.p, '.', heartbeat.len)) != NULL)
		heartbeat.len = (uint32_t) (point - heartbeat.p);
	if (read_number(values[M_ACKNOWLEDGED], 0, &frame->acknowledged) && read_number(values[M_LOST], 0, &frame->lost) &&
		read_number(heartbeat, 0, &frame->heartbeat_s))
		return true;
	*why = "sent a welcome without good numbers in it";
	return false;
}

bool
link_frame_read(const char *text, size_t len, link_frame *frame, const char **why)
{
	wc_str values[M_COUNT];

	memset(frame, 0, sizeof(*frame));
	memset(values, 0, sizeof(values));
	if (len > UINT32_MAX || !read_members(text, len, values) || values[M_TYPE].len < 2 || values[M_TYPE].p[0] != '"')
	{
		*why = "sent a frame that is no JSON object with a type";
		return false;
	}
	if (wc_str_equals(values[M_TYPE], "\"welcome\""))
	{
		frame->type = LINK_FRAME_WELCOME;
		return read_welcome(values, frame, why);
	}
	if (!wc_str_equals(values[M_TYPE], "\"event\""))
		return true;
	frame->type = LINK_FRAME_EVENT;
	frame->event = values[M_EVENT];
	if (read_number(values[M_SEQ], 1, &frame->seq))
		return true;
	*why = "sent an event without a good number";
	return false;
}
