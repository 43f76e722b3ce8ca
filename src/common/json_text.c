/*
 * json_text.c
 *	  One scan that knows no more of JSON than where strings and numbers are.  It
 *	  runs twice over what has to be mended: to find how long that becomes, and to
 *	  write it.
 */
#include "common/json_text.h"

#include <stdint.h>
#include <string.h>

#include "common/utf8.h"

#define REPLACEMENT "\xEF\xBF\xBD"

/* The first decimal exponent that a double has not got all of. */
#define TOO_LARGE 308

typedef struct mending
{
	const char *p;
	const char *end;
	char *out;	/* NULL: only measure */
	size_t len; /* of what is mended so far */
	bool changed;
} mending;

static inline void
put(mending *m, const char *bytes, size_t n)
{
	if (m->out != NULL)
		memcpy(m->out + m->len, bytes, n);
	m->len += n;
}

/* Take what is there as it is. */
static inline void
keep(mending *m, size_t n)
{
	put(m, m->p, n);
	m->p += n;
}

/* Write something else for what is there. */
static void
change(mending *m, size_t n, const char *instead, size_t len)
{
	put(m, instead, len);
	m->p += n;
	m->changed = true;
}

/*
 * Bytes at s that began as a character of UTF-8 does and then did not go on so
 * (the "maximal subpart" of Unicode, chapter 3.9); at least one.
 */
static size_t
broken_length(const uint8_t *s, size_t left)
{
	size_t wanted = s[0] < 0xC2 || s[0] > 0xF4 ? 1 : s[0] < 0xE0 ? 2 : s[0] < 0xF0 ? 3 : 4;
	uint8_t low = s[0] == 0xE0 ? 0xA0 : s[0] == 0xF0 ? 0x90 : 0x80;
	uint8_t high = s[0] == 0xED ? 0x9F : s[0] == 0xF4 ? 0x8F : 0xBF;
	size_t n = 1;

	while (n < wanted && n < left && s[n] >= low && s[n] <= high)
	{
		n++;
		low = 0x80;
		high = 0xBF;
	}
	return n;
}

static void
mend_bytes(mending *m)
{
	const uint8_t *s = (const uint8_t *) m->p;
	size_t left = (size_t) (m->end - m->p);
	uint32_t n = wc_utf8_length(s, left < 4 ? (uint32_t) left : 4);

	if (n > 0)
		keep(m, n);
	else
		change(m, broken_length(s, left), REPLACEMENT, 3);
}

/* A control character in a string: only NUL has no escape that may be stored. */
static void
mend_control(mending *m)
{
	static const char digits[] = "0123456789abcdef";
	unsigned char c = (unsigned char) *m->p;
	char escape[6] = {'\\', 'u', '0', '0', digits[c >> 4], digits[c & 15]};

	if (c == '\0')
		change(m, 1, REPLACEMENT, 3);
	else
		change(m, 1, escape, sizeof(escape));
}

/* The code unit of an escape at p, backslash, u and four hex digits; -1: there is none. */
static int
escaped_unit(const char *p, const char *end)
{
	int unit = 0;

	if (end - p < 6 || p[0] != '\\' || p[1] != 'u')
		return -1;
	for (int i = 2; i < 6; i++)
	{
		char c = p[i];

		if (c >= '0' && c <= '9')
			unit = unit << 4 | (c - '0');
		else if ((c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'))
			unit = unit << 4 | ((c | 0x20) - 'a' + 10);
		else
			return -1;
	}
	return unit;
}

static void
mend_escape(mending *m)
{
	int unit = escaped_unit(m->p, m->end);
	int next;

	if (unit == 0 || (unit >= 0xDC00 && unit <= 0xDFFF))
		change(m, 6, "\\ufffd", 6);
	else if (unit >= 0xD800 && unit <= 0xDBFF)
	{
		next = escaped_unit(m->p + 6, m->end);
		if (next >= 0xDC00 && next <= 0xDFFF)
			keep(m, 12);
		else
			change(m, 6, "\\ufffd", 6);
	}
	else if (unit > 0)
		keep(m, 6);
	else
	{
		/* of one character; or none, which a parser refuses.  A byte that needs mending is left to its turn. */
		unsigned char c = m->end - m->p >= 2 ? (unsigned char) m->p[1] : 0;

		keep(m, c >= 0x20 && c < 0x80 ? 2 : 1);
	}
}

/* From behind the quote that opens a string to behind the one that closes it. */
static void
mend_string(mending *m)
{
	while (m->p < m->end)
	{
		const char *begin = m->p;
		const char *p = begin;
		unsigned char c = 0;

		for (; p < m->end; p++)
		{
			c = (unsigned char) *p;
			if (c < 0x20 || c >= 0x80 || c == '"' || c == '\\')
				break;
		}
		keep(m, (size_t) (p - begin));
		if (p == m->end)
			return;
		if (c == '"')
		{
			keep(m, 1);
			return;
		}
		if (c == '\\')
			mend_escape(m);
		else if (c >= 0x80)
			mend_bytes(m);
		else
			mend_control(m);
	}
}

static size_t
count_digits(const char *p, const char *end)
{
	const char *begin = p;

	while (p < end && *p >= '0' && *p <= '9')
		p++;
	return (size_t) (p - begin);
}

/* What a number looks like, as far as it matters. */
typedef struct number
{
	size_t len;		   /* of the whole; 0: it is no number of JSON's */
	bool whole;		   /* neither a fraction nor an exponent */
	int64_t exponent;  /* as written */
	int64_t magnitude; /* of its first digit that is not 0: 2 of 123, -1 of 0.1 */
} number;

/* An exponent, e and sign and digits, at p; false: digits are missing. */
static bool
read_exponent(const char **p, const char *end, int64_t *exponent)
{
	const char *s = *p + 1;
	bool negative = s < end && *s == '-';
	size_t n;

	if (s < end && (*s == '-' || *s == '+'))
		s++;
	n = count_digits(s, end);
	for (size_t i = 0; i < n; i++)
	{
		if (*exponent < 1000000)
			*exponent = *exponent * 10 + (s[i] - '0');
	}
	if (negative)
		*exponent = -*exponent;
	*p = s + n;
	return n > 0;
}

static void
read_fraction(const char *s, size_t n, number *out)
{
	for (size_t i = 0; i < n && out->magnitude < 0; i++)
	{
		if (s[i] == '0')
			out->magnitude--;
		else
			return;
	}
}

static number
read_number(const char *s, const char *end)
{
	number none = {0, false, 0, 0};
	number num = {0, true, 0, 0};
	const char *p = s;
	size_t n;

	if (p < end && *p == '-')
		p++;
	n = count_digits(p, end);
	if (n == 0 || (n > 1 && *p == '0'))
		return none;
	num.magnitude = *p == '0' ? -1 : (int64_t) n - 1;
	p += n;
	if (p < end && *p == '.')
	{
		n = count_digits(++p, end);
		if (n == 0)
			return none;
		num.whole = false;
		read_fraction(p, n, &num);
		p += n;
	}
	if (p < end && (*p == 'e' || *p == 'E'))
	{
		num.whole = false;
		if (!read_exponent(&p, end, &num.exponent))
			return none;
		num.magnitude += num.exponent;
	}
	num.len = (size_t) (p - s);
	return num;
}

static bool
can_be_kept(const number *num)
{
	return num->len <= WC_JSON_NUMBER_CHARS && num->magnitude < TOO_LARGE && num->exponent <= WC_JSON_EXPONENT &&
		   num->exponent >= -WC_JSON_EXPONENT;
}

static void
mend_number(mending *m)
{
	number num = read_number(m->p, m->end);

	if (num.len == 0)
	{
		/* the whole of what is none, so that nothing is looked at again and again */
		size_t n = 1;

		while (m->p + n < m->end && m->p[n] != '\0' && strchr("0123456789.eE+-", m->p[n]) != NULL)
			n++;
		keep(m, n);
	}
	else if (can_be_kept(&num))
		keep(m, num.len);
	else
	{
		put(m, "\"", 1);
		keep(m, num.len);
		put(m, "\"", 1);
		m->changed = true;
	}
}

static void
mend(mending *m)
{
	while (m->end - m->p >= 3 && memcmp(m->p, "\xEF\xBB\xBF", 3) == 0)
		change(m, 3, "", 0);
	while (m->p < m->end)
	{
		char c = *m->p;

		if (c == '"')
		{
			keep(m, 1);
			mend_string(m);
		}
		else if (c == '-' || (c >= '0' && c <= '9'))
			mend_number(m);
		else if (c == '\0')
			change(m, 1, " ", 1);
		else if ((unsigned char) c >= 0x80)
			mend_bytes(m);
		else
			keep(m, 1);
	}
}

bool
wc_json_is_sound(const char *s, size_t len, size_t *mended_len)
{
	mending m = {s, s + len, NULL, 0, false};

	mend(&m);
	*mended_len = m.len;
	return !m.changed;
}

size_t
wc_json_mend(const char *s, size_t len, char *out)
{
	mending m = {s, s + len, out, 0, false};

	mend(&m);
	return m.len;
}

const char *
wc_json_string_end(const char *p, const char *end)
{
	for (p++; p < end && *p != '"'; p++)
	{
		if (*p == '\\' && p + 1 < end)
			p++;
	}
	return p < end ? p + 1 : end;
}

/* The value that begins behind the colon at p, without the blanks around it. */
static wc_str
value_at(const char *p, const char *end)
{
	const char *begin;
	int depth = 0;

	for (p++; p < end && wc_json_is_blank(*p); p++)
		;
	begin = p;
	while (p < end)
	{
		if (depth == 0 && (*p == ',' || *p == '}'))
			break;
		if (*p == '{' || *p == '[')
			depth++;
		else if (*p == '}' || *p == ']')
			depth--;
		p = *p == '"' ? wc_json_string_end(p, end) : p + 1;
	}
	while (p > begin && wc_json_is_blank(p[-1]))
		p--;
	return (wc_str){begin, (uint32_t) (p - begin)};
}

bool
wc_json_member(const char *s, size_t len, const char *name, wc_str *value)
{
	const char *end = s + len;
	const char *p = s;
	wc_str string = {"", 0}; /* the last one seen: before a colon, a name */
	int depth = 0;
	bool found = false;

	while (p < end)
	{
		const char *next = *p == '"' ? wc_json_string_end(p, end) : p + 1;

		if (*p == '"' && next - p >= 2)
			string = (wc_str){p + 1, (uint32_t) (next - p - 2)};
		else if (*p == ':' && depth == 1 && wc_str_equals(string, name))
		{
			*value = value_at(p, end);
			found = true;
		}
		else if (*p == '{' || *p == '[')
			depth++;
		else if (*p == '}' || *p == ']')
			depth--;
		p = next;
	}
	return found;
}

bool
wc_json_next_member(wc_json_members *members, wc_str *name, wc_str *value)
{
	const char *end = members->end;
	const char *p = members->p;
	const char *behind;

	while (p < end && (wc_json_is_blank(*p) || *p == '{' || *p == ','))
		p++;
	if (p == end || *p != '"')
		return false;
	behind = wc_json_string_end(p, end);
	*name = (wc_str){p + 1, behind - p >= 2 ? (uint32_t) (behind - p - 2) : 0};
	while (behind < end && wc_json_is_blank(*behind))
		behind++;
	if (behind == end || *behind != ':')
		return false;
	*value = value_at(behind, end);
	members->p = value->p + value->len;
	return true;
}

bool
wc_json_is_whole(wc_str text)
{
	number num = read_number(text.p, text.p + text.len);

	return num.len > 0 && num.len == text.len && num.whole;
}
