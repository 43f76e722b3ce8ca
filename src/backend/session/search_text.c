/*
 * search_text.c
 *	  What a content says to who reads it, and the words by which it is found.
 *
 * Words are letters and digits in a row, in small letters without accents, whatever the
 * database's locale: so "sao" finds "São", and "shop.com" is found by each of its halves.
 * Folding changes no text's number of characters, so a place in one is a place in the other.
 * Nothing here raises an error for what is in a text: an index is made of it.
 */
#include "postgres.h"

#include "catalog/namespace.h"
#include "catalog/pg_collation.h"
#include "catalog/pg_type.h"
#include "fmgr.h"
#include "lib/stringinfo.h"
#include "mb/pg_wchar.h"
#include "nodes/pg_list.h"
#include "nodes/value.h"
#include "tsearch/ts_type.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/jsonb.h"

#include "shared/compat.h"

/* Bytes of a content's text, and of what is known of a visitor. */
#define TEXT_MOST	 100000
#define VISITOR_MOST 10000

/* Bytes of a word: a longer run of letters is cut into such. PostgreSQL has no words of 2 kB or more. */
#define WORD_MOST 200

PG_FUNCTION_INFO_V1(webchatt_message_text);
PG_FUNCTION_INFO_V1(webchatt_visitor_words);
PG_FUNCTION_INFO_V1(webchatt_visitor_called);
PG_FUNCTION_INFO_V1(webchatt_search_plain);
PG_FUNCTION_INFO_V1(webchatt_search_words);
PG_FUNCTION_INFO_V1(webchatt_search_places);
PG_FUNCTION_INFO_V1(webchatt_search_stems);
PG_FUNCTION_INFO_V1(webchatt_search_stem_places);
PG_FUNCTION_INFO_V1(webchatt_highlight);

/* U+00C0 to U+017F without accents; "?": stays as it is, " ": parts words, digits: see of_latin(). */
static const char latin[] = "aaaaaa1ceeeeiiii2nooooo ouuuuy3?aaaaaa?ceeeeiiii?nooooo ouuuuy?y"
							"aaaaaaccccccccddddeeeeeeeeeegggggggghhhhiiiiiiiiii4?jjkkklllllll"
							"lllnnnnnnnnnoooooo5?rrrrrrssssssssttttttuuuuuuuuuuuuwwyyyzzzzzzs";

StaticAssertDecl(sizeof(latin) == 0x180 - 0xC0 + 1, "a letter each");

static pg_wchar
of_latin(pg_wchar c)
{
	static const pg_wchar small[] = {0, 0xE6, 0xF0, 0xFE, 0x133, 0x153};
	char to = latin[c - 0xC0];

	if (to == '?')
		return c;
	return to >= '1' && to <= '5' ? small[to - '0'] : (pg_wchar) to;
}

/* Punctuation, symbols, pictures: what is in no word. */
static bool
parts_words(pg_wchar c)
{
	return c < 0xC0 || (c >= 0x2000 && c <= 0x206F) || (c >= 0x2190 && c <= 0x2BFF) || (c >= 0x2E00 && c <= 0x2E7F) ||
		   (c >= 0x3000 && c <= 0x3004) || (c >= 0x3008 && c <= 0x3020) || (c >= 0xFE00 && c <= 0xFE6F) ||
		   (c >= 0xFF01 && c <= 0xFF0F) || (c >= 0xFF1A && c <= 0xFF20) || (c >= 0xFFF0 && c <= 0xFFFF) ||
		   (c >= 0x1F000 && c <= 0x1FAFF) || c >= 0xE0000;
}

static pg_wchar
folded(pg_wchar c)
{
	if (c < 0x80)
		return c >= 'A' && c <= 'Z' ? c + 32 : (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ? c : ' ';
	if (c == 0xAA || c == 0xBA)
		return c == 0xAA ? 'a' : 'o';
	if (c >= 0xC0 && c < 0x180)
		return of_latin(c);
	if (c == 0x1E9E)
		return 0xDF;
	if ((c >= 0x391 && c <= 0x3A9) || (c >= 0x410 && c <= 0x42F))
		return c + 0x20; /* Greek, Cyrillic */
	if (c >= 0x400 && c <= 0x40F)
		return c + 0x50;
	return parts_words(c) ? ' ' : c;
}

/*
 * The words of a text, folded or as they are, a character for each of its characters; what is in no word is a
 * space.  Where words part is the same in both.
 */
static void
append_words(StringInfo to, const char *p, int len, bool folds)
{
	const char *end = p + len;
	int run = 0;

	while (p < end)
	{
		int n = pg_utf_mblen((const unsigned char *) p);
		unsigned char out[8] = {0};

		if (n > end - p)
			break;
		unicode_to_utf8(folded(utf8_to_unicode((const unsigned char *) p)), out);
		run = out[0] == ' ' ? 0 : run + pg_utf_mblen(out);
		if (run > WORD_MOST)
		{
			/* one character of it is lost to the search */
			appendStringInfoChar(to, ' ');
			run = 0;
		}
		else if (folds || run == 0)
			appendBinaryStringInfo(to, (const char *) out, pg_utf_mblen(out));
		else
			appendBinaryStringInfo(to, p, n);
		p += n;
	}
}

static void
append_folded(StringInfo to, const char *p, int len)
{
	append_words(to, p, len, true);
}

static text *
clipped(const char *p, int len, int most)
{
	return cstring_to_text_with_len(p, len > most ? pg_mbcliplen(p, len, most) : len);
}

/* Accents that stand behind their letters are put into them, where there are any. */
static text *
composed(text *t)
{
	const unsigned char *p = (const unsigned char *) VARDATA_ANY(t);
	Size len = VARSIZE_ANY_EXHDR(t);
	Size i;

	for (i = 0; i + 1 < len; i++)
	{
		/* U+0300 to U+036F */
		if (p[i] == 0xCC || (p[i] == 0xCD && p[i + 1] < 0xB0))
			return DatumGetTextPP(DirectFunctionCall2(unicode_normalize_func, PointerGetDatum(t),
													  PointerGetDatum(cstring_to_text("NFC"))));
	}
	return t;
}

/* Members of contents that are read, wherever they stand (doc/hub-contract.md, section 2). */
static bool
is_read(const char *name, int len)
{
	static const char *const names[] = {
		"text", "body",	   "caption", "title",			"description", "button", "display_text", "filename",
		"name", "address", "emoji",	  "formatted_name", "phone",	   "email",	 "reaction",	 "button_text"};
	int i;

	for (i = 0; i < (int) lengthof(names); i++)
	{
		if ((int) strlen(names[i]) == len && memcmp(names[i], name, len) == 0)
			return true;
	}
	return false;
}

/* Append what the texts in a jsonb say, a line each: those of members that are read, or all and numbers, too. */
static void
append_texts(StringInfo to, Jsonb *from, bool all, int most)
{
	JsonbIterator *it = JsonbIteratorInit(&from->root);
	JsonbIteratorToken token;
	JsonbValue v;
	bool reads = all || JB_ROOT_IS_SCALAR(from);

	while (to->len < most && (token = JsonbIteratorNext(&it, &v, false)) != WJB_DONE)
	{
		if (token == WJB_KEY)
			reads = all || is_read(v.val.string.val, v.val.string.len);
		else if ((token == WJB_VALUE || token == WJB_ELEM) && v.type == jbvString && reads && v.val.string.len > 0)
		{
			if (to->len > 0)
				appendStringInfoChar(to, '\n');
			appendBinaryStringInfo(to, v.val.string.val, v.val.string.len);
		}
		else if ((token == WJB_VALUE || token == WJB_ELEM) && v.type == jbvNumeric && all)
			appendStringInfo(to, "\n%s",
							 DatumGetCString(DirectFunctionCall1(numeric_out, NumericGetDatum(v.val.numeric))));
	}
}

/* message_text(content jsonb) → text, of 100 kB at most; '' where nothing is to be read. */
Datum
webchatt_message_text(PG_FUNCTION_ARGS)
{
	StringInfoData s;

	initStringInfo(&s);
	append_texts(&s, PG_GETARG_JSONB_P(0), false, TEXT_MOST);
	PG_RETURN_TEXT_P(composed(clipped(s.data, s.len, TEXT_MOST)));
}

/* _search_plain(text) → text: folded, with as many characters. */
Datum
webchatt_search_plain(PG_FUNCTION_ARGS)
{
	text *in = PG_GETARG_TEXT_PP(0);
	StringInfoData s;

	initStringInfo(&s);
	append_folded(&s, VARDATA_ANY(in), VARSIZE_ANY_EXHDR(in));
	PG_RETURN_TEXT_P(cstring_to_text_with_len(s.data, s.len));
}

static Datum
words_of(const char *p, int len, Oid config)
{
	StringInfoData s;

	initStringInfo(&s);
	append_folded(&s, p, len);
	return DirectFunctionCall2(to_tsvector_byid, ObjectIdGetDatum(config),
							   PointerGetDatum(clipped(s.data, s.len, TEXT_MOST)));
}

/* _search_words(text, regconfig) → tsvector */
Datum
webchatt_search_words(PG_FUNCTION_ARGS)
{
	text *in = PG_GETARG_TEXT_PP(0);

	PG_RETURN_DATUM(words_of(VARDATA_ANY(in), VARSIZE_ANY_EXHDR(in), PG_GETARG_OID(1)));
}

/* visitor_words(id text, attributes jsonb) → tsvector: what an index of visitors is on. */
Datum
webchatt_visitor_words(PG_FUNCTION_ARGS)
{
	text *id = PG_GETARG_TEXT_PP(0);
	StringInfoData s;
	text *all;

	initStringInfo(&s);
	appendBinaryStringInfo(&s, VARDATA_ANY(id), VARSIZE_ANY_EXHDR(id));
	append_texts(&s, PG_GETARG_JSONB_P(1), true, VISITOR_MOST);
	all = composed(clipped(s.data, s.len, VISITOR_MOST));
	PG_RETURN_DATUM(words_of(VARDATA_ANY(all), VARSIZE_ANY_EXHDR(all),
							 get_ts_config_oid(list_make2(makeString("pg_catalog"), makeString("simple")), false)));
}

/* visitor_words(name text, email text, user_id text) → tsvector: the same of what visitors are called; each may be null. */
Datum
webchatt_visitor_called(PG_FUNCTION_ARGS)
{
	StringInfoData s;
	text *all;
	int i;

	initStringInfo(&s);
	for (i = 0; i < 3; i++)
	{
		if (PG_ARGISNULL(i))
			continue;
		appendBinaryStringInfo(&s, VARDATA_ANY(PG_GETARG_TEXT_PP(i)), VARSIZE_ANY_EXHDR(PG_GETARG_TEXT_PP(i)));
		appendStringInfoChar(&s, ' ');
	}
	all = composed(clipped(s.data, s.len, VISITOR_MOST));
	PG_RETURN_DATUM(words_of(VARDATA_ANY(all), VARSIZE_ANY_EXHDR(all),
							 get_ts_config_oid(list_make2(makeString("pg_catalog"), makeString("simple")), false)));
}

/* Is that word one of those that the query looks for? */
static bool
is_sought(TSQuery query, const char *word, int len)
{
	QueryItem *items = GETQUERY(query);
	int i;

	for (i = 0; i < query->size; i++)
	{
		const QueryOperand *o = &items[i].qoperand;

		if (items[i].type == QI_VAL && (o->prefix ? o->length <= (uint32) len : o->length == (uint32) len) &&
			memcmp(GETOPERAND(query) + o->distance, word, o->length) == 0)
			return true;
	}
	return false;
}

/*
 * _search_places(plain text, query tsquery, most int) → int[]: where words that the query looks for stand in a text
 * that was folded: the first character's number, from 0, and how many, of each in turn.
 */
Datum
webchatt_search_places(PG_FUNCTION_ARGS)
{
	text *in = PG_GETARG_TEXT_PP(0);
	TSQuery query = PG_GETARG_TSQUERY(1);
	int most = Min(Max(PG_GETARG_INT32(2), 0), 1000);
	const char *p = VARDATA_ANY(in);
	const char *end = p + VARSIZE_ANY_EXHDR(in);
	Datum *places = palloc(sizeof(Datum) * 2 * (most + 1));
	int n = 0;
	int at = 0;

	while (p < end && n < 2 * most)
	{
		const char *word = p;
		int begun = at;

		while (p < end && *p != ' ')
		{
			p += pg_mblen(p);
			at++;
		}
		if (p > word && is_sought(query, word, (int) (p - word)))
		{
			places[n++] = Int32GetDatum(begun);
			places[n++] = Int32GetDatum(at - begun);
		}
		if (p < end)
		{
			p++;
			at++;
		}
	}
	PG_RETURN_ARRAYTYPE_P(construct_array(places, n, INT4OID, sizeof(int32), true, TYPALIGN_INT));
}

/* Append the stems of one word or of a text, by a configuration: folded, behind a tag, so that none is taken for a word. */
static ArrayType *
stems_of(const char *p, int len, Oid config, const text *tag)
{
	StringInfoData s;
	ArrayType *plain;
	Datum *lexemes;
	int n;
	int i;

	initStringInfo(&s);
	append_words(&s, p, len, false);
	plain = DatumGetArrayTypeP(DirectFunctionCall1(
		tsvector_to_array, DirectFunctionCall2(to_tsvector_byid, ObjectIdGetDatum(config),
											   PointerGetDatum(clipped(s.data, s.len, TEXT_MOST)))));
	deconstruct_array(plain, TEXTOID, -1, false, TYPALIGN_INT, &lexemes, NULL, &n);
	for (i = 0; i < n; i++)
	{
		text *lexeme = DatumGetTextPP(lexemes[i]);
		StringInfoData stem;

		initStringInfo(&stem);
		appendBinaryStringInfo(&stem, VARDATA_ANY(tag), VARSIZE_ANY_EXHDR(tag));
		append_folded(&stem, VARDATA_ANY(lexeme), VARSIZE_ANY_EXHDR(lexeme));
		lexemes[i] = PointerGetDatum(clipped(stem.data, stem.len, WORD_MOST));
	}
	return construct_array(lexemes, n, TEXTOID, -1, false, TYPALIGN_INT);
}

/* _search_stems(text, regconfig, tag text) → text[], as webchatt.search_texts.words has them beside the words. */
Datum
webchatt_search_stems(PG_FUNCTION_ARGS)
{
	text *in = PG_GETARG_TEXT_PP(0);

	PG_RETURN_ARRAYTYPE_P(stems_of(VARDATA_ANY(in), VARSIZE_ANY_EXHDR(in), PG_GETARG_OID(1), PG_GETARG_TEXT_PP(2)));
}

/* Is one of the word's stems among those that the query looks for? */
static bool
is_stem_sought(TSQuery query, const char *word, int len, Oid config, const text *tag)
{
	Datum *stems;
	int n;
	int i;

	deconstruct_array(stems_of(word, len, config, tag), TEXTOID, -1, false, TYPALIGN_INT, &stems, NULL, &n);
	for (i = 0; i < n; i++)
	{
		if (is_sought(query, VARDATA_ANY(DatumGetPointer(stems[i])), VARSIZE_ANY_EXHDR(DatumGetPointer(stems[i]))))
			return true;
	}
	return false;
}

/*
 * _search_places(text, query tsquery, most int, config regconfig, tag text) → int[]: as the one above, of a text as it
 * was written, with the words whose stems are sought.  Of so many words only the stems are looked for.
 */
Datum
webchatt_search_stem_places(PG_FUNCTION_ARGS)
{
	text *in = PG_GETARG_TEXT_PP(0);
	TSQuery query = PG_GETARG_TSQUERY(1);
	int most = Min(Max(PG_GETARG_INT32(2), 0), 1000);
	Datum *places = palloc(sizeof(Datum) * 2 * (most + 1));
	int stems_left = 2000;
	StringInfoData plain;
	StringInfoData said;
	const char *p;
	const char *q;
	int n = 0;
	int at = 0;

	initStringInfo(&plain);
	initStringInfo(&said);
	append_folded(&plain, VARDATA_ANY(in), VARSIZE_ANY_EXHDR(in));
	append_words(&said, VARDATA_ANY(in), VARSIZE_ANY_EXHDR(in), false);
	for (p = plain.data, q = said.data; *p != '\0' && *q != '\0' && n < 2 * most; p++, q++, at++)
	{
		const char *word = p;
		const char *as_said = q;
		int begun = at;

		for (; *p != ' ' && *p != '\0' && *q != '\0'; at++)
		{
			p += pg_mblen(p);
			q += pg_mblen(q);
		}
		if (p > word && (is_sought(query, word, (int) (p - word)) ||
						 (stems_left-- > 0 &&
						  is_stem_sought(query, as_said, (int) (q - as_said), PG_GETARG_OID(3), PG_GETARG_TEXT_PP(4)))))
		{
			places[n++] = Int32GetDatum(begun);
			places[n++] = Int32GetDatum(at - begun);
		}
		if (*p == '\0' || *q == '\0')
			break;
	}
	PG_RETURN_ARRAYTYPE_P(construct_array(places, n, INT4OID, sizeof(int32), true, TYPALIGN_INT));
}

static void
append_escaped(StringInfo to, char c)
{
	if (c == '&')
		appendStringInfoString(to, "&amp;");
	else if (c == '<')
		appendStringInfoString(to, "&lt;");
	else if (c == '>')
		appendStringInfoString(to, "&gt;");
	else if (c == '"')
		appendStringInfoString(to, "&quot;");
	else if (c == '\'')
		appendStringInfoString(to, "&#39;");
	else
		appendStringInfoChar(to, c);
}

/*
 * highlight(snippet text, places int[]) → text: HTML, in which nothing of the snippet is markup, and what stands at
 * the places is in <mark>.  Places that overlap, go back or lie outside are passed over.
 */
Datum
webchatt_highlight(PG_FUNCTION_ARGS)
{
	text *in = PG_GETARG_TEXT_PP(0);
	const char *p = VARDATA_ANY(in);
	const char *end = p + VARSIZE_ANY_EXHDR(in);
	ArrayType *array = PG_GETARG_ARRAYTYPE_P(1);
	StringInfoData to;
	Datum *places;
	bool *nulls;
	int n;
	int i = 0;
	int at;
	int until = -1;

	deconstruct_array(array, INT4OID, sizeof(int32), true, TYPALIGN_INT, &places, &nulls, &n);
	initStringInfo(&to);
	for (at = 0; p < end; at++)
	{
		int len = pg_mblen(p);

		while (until < 0 && i + 1 < n &&
			   (nulls[i] || nulls[i + 1] || DatumGetInt32(places[i]) < at || DatumGetInt32(places[i + 1]) < 1))
			i += 2;
		if (until < 0 && i + 1 < n && DatumGetInt32(places[i]) == at)
		{
			appendStringInfoString(&to, "<mark>");
			until = DatumGetInt32(places[i + 1]) > PG_INT32_MAX - at ? PG_INT32_MAX : at + DatumGetInt32(places[i + 1]);
			i += 2;
		}
		for (; len > 0 && p < end; len--)
			append_escaped(&to, *p++);
		if (at + 1 == until)
		{
			appendStringInfoString(&to, "</mark>");
			until = -1;
		}
	}
	if (until >= 0)
		appendStringInfoString(&to, "</mark>");
	PG_RETURN_TEXT_P(cstring_to_text_with_len(to.data, to.len));
}
