/*
 * flat_jsonb.c
 *	  jsonb of an object that has nothing but a few strings, as nearly every message's
 *	  content has: byte for byte what jsonb_in() makes of it (utils/jsonb.h has the
 *	  form), at a tenth of the price.  test/t/inbound_content.t compares the two.
 */
#include "postgres.h"

#include "utils/jsonb.h"

#include "common/json_text.h"
#include "shared/compat.h"
#include "shared/flat_jsonb.h"

/* Members: their entries are fewer than JB_OFFSET_STRIDE, so only the first has an offset. */
#define MEMBERS_MOST 8

/* Bytes of text. */
#define TEXT_MOST (1024 * 1024)

StaticAssertDecl(MEMBERS_MOST * 2 < JB_OFFSET_STRIDE, "only the first entry has an offset");

typedef struct Member
{
	wc_str name;
	wc_str value;
} Member;

static const char *
skip_blanks(const char *p, const char *end)
{
	while (p < end && wc_json_is_blank(*p))
		p++;
	return p;
}

/* What a backslash before this character means; 0: nothing that we know. */
static char
unescaped(char c)
{
	switch (c)
	{
		case '"':
		case '\\':
		case '/':
			return c;
		case 'b':
			return '\b';
		case 'f':
			return '\f';
		case 'n':
			return '\n';
		case 'r':
			return '\r';
		case 't':
			return '\t';
		default:
			return 0;
	}
}

/*
 * The string whose quote is at p, its value put at *out; behind it, or NULL: it is none, or
 * has what a parser is for.
 */
static const char *
take_string(const char *p, const char *end, char **out, wc_str *value)
{
	char *to = *out;

	if (p == end || *p++ != '"')
		return NULL;
	value->p = to;
	for (; p < end && *p != '"'; p++)
	{
		char c = *p;

		if ((unsigned char) c < 0x20)
			return NULL;
		if (c == '\\' && (++p == end || (c = unescaped(*p)) == 0))
			return NULL;
		*to++ = c;
	}
	if (p == end)
		return NULL;
	value->len = (uint32) (to - *out);
	*out = to;
	return p + 1;
}

/* Behind the member at p, which ends with a comma or with the object; NULL as above. */
static const char *
take_member(const char *p, const char *end, char **out, Member *m)
{
	p = take_string(skip_blanks(p, end), end, out, &m->name);
	if (p == NULL)
		return NULL;
	p = skip_blanks(p, end);
	if (p == end || *p != ':')
		return NULL;
	p = take_string(skip_blanks(p + 1, end), end, out, &m->value);
	return p == NULL ? NULL : skip_blanks(p, end);
}

/* The members of the object, whose strings go to out; 0: it is not as plain as that. */
static int
take_object(wc_str text, char *out, Member *members)
{
	const char *end = text.p + text.len;
	const char *p = skip_blanks(text.p, end);
	int n = 0;

	if (p == end || *p != '{')
		return 0;
	do
	{
		if (n == MEMBERS_MOST)
			return 0;
		p = take_member(p + 1, end, &out, &members[n]);
		if (p == NULL || p == end)
			return 0;
		n++;
	} while (*p == ',');
	return *p == '}' && skip_blanks(p + 1, end) == end ? n : 0;
}

/* Names in jsonb's order: shorter ones first. */
static int
compare_names(const Member *a, const Member *b)
{
	if (a->name.len != b->name.len)
		return a->name.len > b->name.len ? 1 : -1;
	return memcmp(a->name.p, b->name.p, a->name.len);
}

/* False: a name is there twice. */
static bool
sort_members(Member *members, int n)
{
	int i;
	int j;

	for (i = 1; i < n; i++)
	{
		Member m = members[i];
		int compared = 1;

		for (j = i; j > 0 && (compared = compare_names(&members[j - 1], &m)) > 0; j--)
			members[j] = members[j - 1];
		if (j > 0 && compared == 0)
			return false;
		members[j] = m;
	}
	return true;
}

/* NULL: it is no such object, or nothing that is JSON at all: jsonb_in() is to say. */
Jsonb *
wc_flat_jsonb(wc_str text)
{
	Member members[MEMBERS_MOST];
	Jsonb *made;
	JEntry *entry;
	char *strings;
	char *at;
	int n;
	int i;

	if (text.len > TEXT_MOST)
		return NULL;
	strings = palloc(text.len);
	n = take_object(text, strings, members);
	if (n == 0 || !sort_members(members, n))
		return NULL;
	made = palloc(VARHDRSZ + sizeof(uint32) + sizeof(JEntry) * 2 * n + text.len);
	made->root.header = (uint32) n | JB_FOBJECT;
	entry = made->root.children;
	at = (char *) (entry + 2 * n);
	for (i = 0; i < 2 * n; i++)
	{
		wc_str s = i < n ? members[i].name : members[i - n].value;

		memcpy(at, s.p, s.len);
		at += s.len;
		entry[i] = JENTRY_ISSTRING | s.len | (i == 0 ? JENTRY_HAS_OFF : 0);
	}
	SET_VARSIZE(made, at - (char *) made);
	return made;
}
